/* SPDX-License-Identifier: BSD-2-Clause */
/* storm.h - Storm control: so many flooded frames a port may bring, and no more
 *
 * A frame that goes to many costs many. For each port and each kind of such frames there
 * may be a limit in frames per second, a bucket of tokens that holds a second's worth: who
 * keeps below it may say all of that at once, and who goes on beyond it gets through with
 * that many. What is above is dropped where it came in.
 *
 * Broadcast and multicast are told by the destination; a frame to a host is of the kind
 * unknown when it is flooded, which on a hub is always. What the switch takes for itself
 * and what goes to one port is not counted.
 *
 * Pure: no clock, no descriptor. Times are milliseconds of a monotonic clock.
 */
#ifndef SWITCHD_STORM_H
#define SWITCHD_STORM_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "switchd/bridge.h"
#include "switchd/frame.h"

enum { STORM_RATE_MAX = 10 * 1000 * 1000 };	/* frames per second */

enum storm_kind { STORM_BROADCAST, STORM_MULTICAST, STORM_UNKNOWN, STORM_KINDS };

/**
 * struct storm_bucket - A limit
 * @rate:	Frames per second; 0: none
 * @tokens:	Thousandths of frames that may pass now
 * @then_ms:	When that was so
 */
struct storm_bucket {
	uint32_t rate;
	uint64_t tokens;
	uint64_t then_ms;
};

/**
 * struct storm - The limits of a port; all zero is none
 * @on:		There is one
 */
struct storm {
	bool on;
	struct storm_bucket bucket[STORM_KINDS];
};

/* "broadcast", "multicast" or "unknown". */
const char *storm_name(enum storm_kind kind);
bool storm_parse(const char *text, enum storm_kind *kind) MUST_CHECK;

/* Set a limit, 0 to STORM_RATE_MAX; the bucket is full. */
void storm_set(struct storm *storm, enum storm_kind kind, uint32_t rate, uint64_t now_ms);

/* Turn the verdicts on @n frames of the port that are too many into drops. */
void storm_apply(struct storm *storm, const struct frame *frames, unsigned int n,
		 uint64_t now_ms, struct verdict *verdicts);

#endif /* SWITCHD_STORM_H */
