/* SPDX-License-Identifier: BSD-2-Clause */
/* bridge.h - The forwarding decision: which ports does a frame go to?
 *
 * DOC: Theory of operation
 *
 * Decide without doing. bridge_decide() looks at the private first bytes of a
 * frame, learns its source, looks its destination up and fills in a verdict. It
 * sends nothing, reads no clock, and allocates nothing: the same code runs in
 * the daemon, in unit tests that jump 100 seconds in a microsecond, and under a
 * fuzzer.
 *
 * The rules are those of a transparent bridge (IEEE 802.1D-2004, clause 7):
 * a source is learned at the port it came from; a known unicast destination
 * gets the frame at its port alone, and if that is the port it came from the
 * frame is filtered; everything else is flooded to all other ports. A frame
 * whose source is a group address is invalid (802.3, 3.2.3) and dropped. Tags
 * are not looked at: tagged frames pass whole, on one set of addresses.
 *
 * As a hub, it floods everything and learns nothing.
 */
#ifndef SWITCHD_BRIDGE_H
#define SWITCHD_BRIDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "switchd/fdb.h"
#include "switchd/frame.h"
#include "switchd/stats.h"

/** struct bridge - State of the forwarding core */
struct bridge {
	struct fdb *fdb;
	bool hub;
};

enum verdict_kind {
	VERDICT_DROP,		/* to nobody */
	VERDICT_UNICAST,	/* to one port */
	VERDICT_FLOOD,		/* to all ports but the one it came from */
};

/**
 * struct verdict - What is to happen with a frame
 * @port:	For VERDICT_UNICAST
 * @reason:	For VERDICT_DROP
 */
struct verdict {
	enum verdict_kind kind;
	uint16_t port;
	enum drop_reason reason;
};

/**
 * bridge_decide() - Where does a frame go?
 * @bridge:	Forwarding core; learns
 * @in:		Port the frame came from
 * @frame:	Frame
 * @now_ms:	Monotonic time
 */
struct verdict bridge_decide(struct bridge *bridge, uint16_t in,
			     const struct frame *frame, uint64_t now_ms);

/**
 * bridge_decide_batch() - The same for @n frames of one port, in order
 * @verdicts:	Filled, one for each frame
 *
 * Frames that follow each other mostly belong to one conversation: what was found
 * for a frame is good for the next one with the same addresses.
 */
void bridge_decide_batch(struct bridge *bridge, uint16_t in,
			 const struct frame *frames, unsigned int n, uint64_t now_ms,
			 struct verdict *verdicts);

#endif /* SWITCHD_BRIDGE_H */
