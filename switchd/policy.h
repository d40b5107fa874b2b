/* SPDX-License-Identifier: BSD-2-Clause */
/* policy.h - What a port may do, beside its VLANs: the settings, in one place
 *
 * Each rule is a module of its own, pure code that knows nothing of the others. This one
 * holds what they have to remember for a port, and asks them in turn, after the bridge has
 * decided: about frames that came in, each may turn a verdict into a drop.
 *
 * Ports for which there is nothing to ask cost one branch for a batch.
 */
#ifndef SWITCHD_POLICY_H
#define SWITCHD_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "switchd/ethertypes.h"
#include "switchd/secure.h"

struct port;

/**
 * struct policy - The rules of a port; all zero is none
 * @on:		There is something to ask about frames that come in; see policy_changed()
 * @isolation:	Which ports it may talk to; see isolation.h
 * @types:	Which EtherTypes it may bring
 * @secure:	What becomes of frames from addresses that it may not have
 */
struct policy {
	bool on;
	uint16_t isolation;
	struct ethertypes types;
	struct secure secure;
};

/* After a change of a rule: is there something to ask? */
void policy_changed(struct port *port);

/* Turn the verdicts on @n frames that came in at a port into drops, where a rule says so. */
void policy_apply(struct port *port, const struct frame *frames, unsigned int n,
		  struct verdict *verdicts);

#endif /* SWITCHD_POLICY_H */
