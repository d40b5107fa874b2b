/* SPDX-License-Identifier: BSD-2-Clause */
/* ethertypes.h - Which protocols a port may bring, by EtherType
 *
 * A short list for each port; an empty one allows all. Tags (802.1Q and 802.1ad) are looked
 * through, however many there are: the type that counts is that of what they carry. A frame
 * with a length in the type's place (802.3, 3.2.6) is LLC, whatever that carries. Where the
 * type lies beyond the bytes that decisions are made on, a frame is not allowed.
 *
 * What the switch takes for itself, BPDUs, passes: without them it could not see loops.
 *
 * Pure: no descriptor, no clock.
 */
#ifndef SWITCHD_ETHERTYPES_H
#define SWITCHD_ETHERTYPES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "switchd/bridge.h"
#include "switchd/frame.h"

enum {
	ETHERTYPES_MAX = 16,
	ETHERTYPES_LLC = 0,		/* any LLC frame */
	ETHERTYPES_STR = 8 * ETHERTYPES_MAX,	/* bytes of a list as text, with NUL */
};

/** struct ethertypes - A list; without elements, all are allowed */
struct ethertypes {
	unsigned int count;
	uint16_t type[ETHERTYPES_MAX];
};

/**
 * ethertypes_parse() - Read a list
 * @text:	"all", or up to ETHERTYPES_MAX of "ipv4", "ipv6", "arp", "llc" and numbers
 *		from 0x600 to 0xffff, with commas between them
 * @list:	Unchanged on failure
 */
bool ethertypes_parse(const char *text, struct ethertypes *list) MUST_CHECK;
const char *ethertypes_format(const struct ethertypes *list, char buf[static ETHERTYPES_STR]);

/* Whether a frame is of a type in the list, which is not empty. */
bool ethertypes_allow(const struct ethertypes *list, const struct frame *frame);

/* Turn the verdicts on @n frames of other types into drops. */
void ethertypes_apply(const struct ethertypes *list, const struct frame *frames,
		      unsigned int n, struct verdict *verdicts);

#endif /* SWITCHD_ETHERTYPES_H */
