/* SPDX-License-Identifier: BSD-2-Clause */
/* admin_policy.c - Changes to the rules of ports; what each does is in admin.h */
#include "config.h"

#include "switchd/admin.h"

#include <errno.h>

#include "switchd/isolation.h"
#include "switchd/vsw.h"

int admin_port_isolation(struct vsw *vsw, unsigned int n, uint16_t isolation)
{
	int err;
	struct port *port = admin_port(vsw, n, &err);

	if (!port)
		return err;
	if (isolation > ISOLATION_COMMUNITY_MAX && isolation != ISOLATION_ISOLATED)
		return -EINVAL;
	port->kept = true;
	port->policy.isolation = isolation;
	return 0;
}

int admin_port_types(struct vsw *vsw, unsigned int n, const struct ethertypes *types)
{
	int err;
	struct port *port = admin_port(vsw, n, &err);

	if (!port)
		return err;
	port->kept = true;
	port->policy.types = *types;
	policy_changed(port);
	return 0;
}

int admin_port_rate(struct vsw *vsw, unsigned int n, enum policy_way way, uint64_t bits,
		    uint64_t burst)
{
	int err;
	struct port *port = admin_port(vsw, n, &err);

	if (!port || bits > RATE_MAX || burst > RATE_BURST_MAX)
		return port ? -EINVAL : err;
	port->kept = true;
	rate_set(&port->policy.rate[way], bits, bits && !burst ? rate_default_burst(bits) : burst,
		 vsw->poller.now_us);
	policy_changed(port);
	return 0;
}

/* Port security. */

int admin_port_limit(struct vsw *vsw, unsigned int n, unsigned int limit)
{
	int err;
	struct port *port = admin_port(vsw, n, &err);

	if (!port || limit > VSW_FDB_MAX)
		return port ? -EINVAL : err;
	port->kept = true;
	fdb_set_limit(vsw->bridge.fdb, port->id, limit);
	policy_changed(port);
	return 0;
}

int admin_port_violation(struct vsw *vsw, unsigned int n, enum secure_action action)
{
	int err;
	struct port *port = admin_port(vsw, n, &err);

	if (!port)
		return err;
	port->kept = true;
	port->policy.secure.action = action;
	policy_changed(port);
	return 0;
}

int admin_port_sticky(struct vsw *vsw, unsigned int n, bool on)
{
	int err;
	struct port *port = admin_port(vsw, n, &err);

	if (!port)
		return err;
	port->kept = true;
	fdb_set_sticky(vsw->bridge.fdb, port->id, on, clock_ms());
	return 0;
}

int admin_port_shut(struct vsw *vsw, unsigned int n, bool on)
{
	int err;
	struct port *port = admin_port(vsw, n, &err);

	if (!port)
		return err;
	port->kept = true;
	port_set_shut(port, PORT_SHUT_OPERATOR, on);
	if (!on)
		port_set_shut(port, PORT_SHUT_SECURITY, false);
	return 0;
}

int admin_fdb_add(struct vsw *vsw, struct eth_addr addr, unsigned int vid, unsigned int n)
{
	int err;
	struct port *port = admin_port(vsw, n, &err);

	if (!port || vid > VLAN_MAX)
		return port ? -EINVAL : err;
	err = fdb_add(vsw->bridge.fdb, addr, (uint16_t)vid, port->id, clock_ms());
	port->kept |= !err;
	return err;
}

int admin_fdb_del(struct vsw *vsw, struct eth_addr addr, unsigned int vid)
{
	return vid > VLAN_MAX ? -EINVAL : fdb_del(vsw->bridge.fdb, addr, (uint16_t)vid);
}
