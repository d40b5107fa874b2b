/* SPDX-License-Identifier: BSD-2-Clause */
/* policy.h - What a port may do, beside its VLANs: the settings, in one place
 *
 * Each rule is a module of its own, pure code that knows nothing of the others. This one
 * holds what they have to remember for a port, and asks them in turn, after the bridge has
 * decided: about frames that came in, each may turn a verdict into a drop. What goes out
 * of a port has one rule, its rate.
 *
 * Ports for which there is nothing to ask cost one branch for a batch.
 */
#ifndef SWITCHD_POLICY_H
#define SWITCHD_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "switchd/ethertypes.h"
#include "switchd/rate.h"
#include "switchd/secure.h"

struct port;

/* Which way frames go, as the switch sees it. */
enum policy_way { POLICY_IN, POLICY_OUT, POLICY_WAYS };

/**
 * struct policy - The rules of a port; all zero is none
 * @on:		There is something to ask about frames that come in; see policy_changed()
 * @isolation:	Which ports it may talk to; see isolation.h
 * @types:	Which EtherTypes it may bring
 * @secure:	What becomes of frames from addresses that it may not have
 * @rate:	How much may come in at it, and go out of it
 */
struct policy {
	bool on;
	uint16_t isolation;
	struct ethertypes types;
	struct secure secure;
	struct rate rate[POLICY_WAYS];
};

/* After a change of a rule: is there something to ask? */
void policy_changed(struct port *port);

/* Turn the verdicts on @n frames that came in at a port into drops, where a rule says so. */
void policy_apply(struct port *port, const struct frame *frames, unsigned int n,
		  struct verdict *verdicts);

/* Drop of the batch that a port is to get what is above its rate; for port->limited.
 * Return: whether there is something left. */
bool policy_limit(struct port *port) MUST_CHECK;

#endif /* SWITCHD_POLICY_H */
