/* SPDX-License-Identifier: BSD-2-Clause */
/* isolation.h - Private VLANs: which ports may talk to each other
 *
 * In the words of RFC 5517: a promiscuous port talks to all ports, an isolated one to
 * promiscuous ports only, and one of a community to its community and to promiscuous
 * ports. A port is promiscuous at first. What a port is holds in each VLAN that it is in,
 * and without VLANs; it ends at the switch: a frame that comes back from another switch
 * comes in by the port of that switch.
 *
 * It is asked for each port that a frame is about to go to, whoever said that it goes
 * there: addresses and groups learnt before a port was isolated cannot leak.
 *
 * Pure: no descriptor, no clock.
 */
#ifndef SWITCHD_ISOLATION_H
#define SWITCHD_ISOLATION_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"

/* What a port is: one of these, or the number of its community. */
enum {
	ISOLATION_PROMISCUOUS = 0,
	ISOLATION_COMMUNITY_MAX = 4094,
	ISOLATION_ISOLATED = UINT16_MAX,
	ISOLATION_STR = 16,		/* bytes of its name, with NUL */
};

/* Whether frames go from one port to another. */
static inline bool isolation_allows(uint16_t from, uint16_t to)
{
	if (LIKELY(from == ISOLATION_PROMISCUOUS || to == ISOLATION_PROMISCUOUS))
		return true;
	return from == to && from != ISOLATION_ISOLATED;
}

/* "promiscuous", "isolated", or a number from 1 to ISOLATION_COMMUNITY_MAX. */
bool isolation_parse(const char *text, uint16_t *isolation) MUST_CHECK;
const char *isolation_format(uint16_t isolation, char buf[static ISOLATION_STR]);

#endif /* SWITCHD_ISOLATION_H */
