/* SPDX-License-Identifier: BSD-2-Clause */
/* options_chardev.h - Where streams of characters lead, on the command line: the
 * arguments of -serial, -monitor and -qmp, -chardev and -mon
 *
 * A -chardev may stand before or behind what names it, so names are looked up at the
 * end.
 */
#ifndef VMM_OPTIONS_CHARDEV_H
#define VMM_OPTIONS_CHARDEV_H

#include <stdbool.h>

#include "lib/compiler.h"
#include "vmm/chardev.h"

enum { CHARDEVS_MAX = 8 };

/** struct chardev_wish - What -serial, -monitor or -qmp said; all zero: nothing */
struct chardev_wish {
	bool given;
	const char *id;			/* of a -chardev, or NULL: @opt is it */
	struct options_chardev opt;
};

/** struct chardevs - All -chardev options */
struct chardevs {
	struct options_chardev dev[CHARDEVS_MAX];
	bool used[CHARDEVS_MAX];
	unsigned int count;
};

/* Each complains itself, naming the option @name, and says whether all is well.
 * Strings are kept. */

/* The argument of -serial, -monitor or -qmp. */
bool chardev_wish_parse(struct chardev_wish *w, const char *name, char *arg) MUST_CHECK;

/* That of -chardev. */
bool chardevs_add(struct chardevs *d, const char *name, char *arg) MUST_CHECK;

/* What a wish means; nothing, if nothing was wished. Two may have one device if Ctrl-A
 * changes between them. */
bool chardevs_find(struct chardevs *d, const char *name, const struct chardev_wish *w,
		   struct options_chardev *out) MUST_CHECK;

#endif /* VMM_OPTIONS_CHARDEV_H */
