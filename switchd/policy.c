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
	port->policy.on = port->storm.on || port->policy.types.count || policy_is_secure(port);
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
	log_limited(&vsw->complaints, vsw_now_ms(), LOG_LEVEL_WARN,
		    "port %u: shut, since %s is not for it", port->id,
		    eth_addr_format(secure->last, mac));
	port_set_shut(port, PORT_SHUT_SECURITY, true);
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
}
