/* SPDX-License-Identifier: BSD-2-Clause */
/* policy.c - The rules of a port; the essay is in policy.h */
#include "config.h"

#include "switchd/policy.h"

#include "lib/log.h"
#include "switchd/vsw.h"

static bool policy_is_secure(const struct port *port)
{
	const struct vsw *vsw = port->vsw;

	return port->policy.secure.action != SECURE_IGNORE ||
	       fdb_limit(vsw->bridge.fdb, port->id);
}

void policy_changed(struct port *port)
{
	struct policy *policy = &port->policy;

	policy->on = port->storm.on || policy->types.count || policy_is_secure(port) ||
		     policy->rate[POLICY_IN].bits;
	port->limited = policy->rate[POLICY_OUT].bits;
}

static void policy_secure(struct port *port, const struct frame *frames, unsigned int n,
			  struct verdict *verdicts)
{
	struct secure *secure = &port->policy.secure;
	struct vsw *vsw = port->vsw;
	char mac[ETH_ADDR_STR];

	/* A hub knows no addresses. */
	if (vsw->bridge.hub || !policy_is_secure(port) ||
	    !secure_apply(secure, vsw->bridge.fdb, port->id, frames, n, verdicts))
		return;
	log_limited(&vsw->complaints, clock_ms(), LOG_LEVEL_WARN,
		    "port %u: shut, since %s is not for it", port->id,
		    eth_addr_format(secure->last, mac));
	port_set_shut(port, PORT_SHUT_SECURITY, true);
}

/* What is dropped for another reason takes no part of the rate. */
static void policy_rate_in(struct port *port, const struct frame *frames, unsigned int n,
			   struct verdict *verdicts)
{
	const uint64_t now_us = port->vsw->poller.now_us;

	for (unsigned int i = 0; i < n; i++)
		if (verdicts[i].kind != VERDICT_DROP &&
		    !rate_pass(&port->policy.rate[POLICY_IN], frames[i].size, now_us))
			verdicts[i] = (struct verdict){ .reason = DROP_RATE_IN };
}

bool policy_limit(struct port *port)
{
	const uint64_t now_us = port->vsw->poller.now_us;
	unsigned int passed = 0;

	for (unsigned int i = 0; i < port->batch_count; i++)
		if (rate_pass(&port->policy.rate[POLICY_OUT], port->batch[i]->size, now_us))
			port->batch[passed++] = port->batch[i];
	port->stats.drop[DROP_RATE_OUT] += port->batch_count - passed;
	port->batch_count = passed;
	port->unicast &= passed > 0;
	return passed;
}

void policy_apply(struct port *port, const struct frame *frames, unsigned int n,
		  struct verdict *verdicts)
{
	const struct vsw *vsw = port->vsw;

	if (port->policy.types.count)
		ethertypes_apply(&port->policy.types, frames, n, verdicts);
	policy_secure(port, frames, n, verdicts);
	if (port->storm.on)
		storm_apply(&port->storm, frames, n, vsw->poller.now_us / 1000, verdicts);
	if (port->policy.rate[POLICY_IN].bits)
		policy_rate_in(port, frames, n, verdicts);
}
