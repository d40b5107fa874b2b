/* SPDX-License-Identifier: BSD-2-Clause */
/* options_compat.h - QEMU's options that ask for what is so anyway, and those that ask
 * for what is not here
 */
#ifndef VMM_OPTIONS_COMPAT_H
#define VMM_OPTIONS_COMPAT_H

#include <stdbool.h>

#include "lib/compiler.h"

struct compat_option;

/* The option of this name, without dashes; NULL if it is none of these. */
const struct compat_option *compat_find(const char *name);

/* Whether an argument follows it. */
bool compat_takes_arg(const struct compat_option *o);

/* Whether all is well; complains itself. @arg is "" for one that takes none. */
bool compat_check(const struct compat_option *o, const char *arg) MUST_CHECK;

#endif /* VMM_OPTIONS_COMPAT_H */
