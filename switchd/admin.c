/* SPDX-License-Identifier: BSD-2-Clause */
/* admin.c - Changes to a running switch; the essay is in admin.h */
#include "config.h"

#include "switchd/admin.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "switchd/portgroup.h"
#include "switchd/stp.h"
#include "switchd/vsw.h"

/* Ports. */

struct port *admin_port(const struct vsw *vsw, unsigned int n, int *err)
{
	struct port *port = n <= vsw->numports ? vsw->ports[n] : NULL;

	*err = n > vsw->numports ? -EINVAL : port ? 0 : -ENXIO;
	return port;
}

int admin_port_create(struct vsw *vsw, unsigned int n, unsigned int *made)
{
	const struct port_client who = PORT_CLIENT_OPERATOR;
	struct port *port;
	int id;

	if (n > vsw->numports)
		return -EINVAL;
	if (n && vsw->ports[n])
		return -EEXIST;
	id = n ? (int)n : port_find_free(vsw, &who);
	if (id < 0)
		return id;
	port = port_make(vsw, (uint16_t)id);
	if (!port)
		return -ENOMEM;
	port->kept = true;
	port->reserved = true;
	*made = (unsigned int)id;
	events_tell(vsw, &(struct event){ .kind = EVENT_PORT_ADDED, .port = port->id });
	return 0;
}

int admin_port_remove(struct vsw *vsw, unsigned int n)
{
	int err;
	struct port *port = admin_port(vsw, n, &err);

	if (!port)
		return err;
	if (port->active)
		return -EADDRINUSE;
	port_remove(port);
	return 0;
}

int admin_port_allocatable(struct vsw *vsw, unsigned int n, bool on)
{
	int err;
	struct port *port = admin_port(vsw, n, &err);

	if (!port)
		return err;
	port->kept = true;
	port->reserved = !on;
	return 0;
}

int admin_port_guard(struct vsw *vsw, unsigned int n, enum stp_guard guard)
{
	int err;
	struct port *port = admin_port(vsw, n, &err);

	if (!port)
		return err;
	port->kept = true;
	port->stp_guard = guard;
	stp_port_changed(port);
	return 0;
}

int admin_port_storm(struct vsw *vsw, unsigned int n, enum storm_kind kind,
		     unsigned int rate)
{
	int err;
	struct port *port = admin_port(vsw, n, &err);

	if (!port || rate > STORM_RATE_MAX)
		return port ? -EINVAL : err;
	port->kept = true;
	storm_set(&port->storm, kind, rate, vsw->poller.now_us / 1000);
	policy_changed(port);
	return 0;
}

int admin_port_lldp(struct vsw *vsw, unsigned int n, bool on)
{
	int err;
	struct port *port = admin_port(vsw, n, &err);

	if (!port)
		return err;
	port->kept = true;
	announce_set_port(port, on);
	return 0;
}

int admin_port_user(struct vsw *vsw, unsigned int n, uid_t uid)
{
	int err;
	struct port *port = admin_port(vsw, n, &err);

	if (!port)
		return err;
	port->kept = true;
	port->acl_user = uid;
	return 0;
}

int admin_port_group(struct vsw *vsw, unsigned int n, gid_t gid)
{
	int err;
	struct port *port = admin_port(vsw, n, &err);

	if (!port)
		return err;
	port->kept = true;
	port->acl_group = gid;
	return 0;
}

int admin_port_name(struct vsw *vsw, unsigned int n, const char *name)
{
	struct vsw_port_config cfg = { .port = n, .mode = (mode_t)-1, .gid = (gid_t)-1 };

	if (!portgroup_is_name(name))
		return -EINVAL;
	snprintf(cfg.name, sizeof(cfg.name), "%s", name);
	return portgroup_add(vsw, &cfg);
}

int admin_port_unname(struct vsw *vsw, const char *name)
{
	return portgroup_remove(vsw, name) ? -ENXIO : 0;
}

int admin_port_vlan(struct vsw *vsw, unsigned int n, unsigned int vid)
{
	int err;
	struct port *port = admin_port(vsw, n, &err);

	if (vid > VLAN_NONE)
		return -EINVAL;
	if (!port)
		return err;
	if (vid != VLAN_NONE && !vlan_exists(&vsw->bridge.vlans, (uint16_t)vid))
		return -ENXIO;
	port->kept = true;
	port->vlan.pvid = (uint16_t)vid;
	vlan_set_del(&port->vlan.tagged, (uint16_t)vid);
	fdb_flush_port(vsw->bridge.fdb, port->id);
	return 0;
}

int admin_endpoint_close(struct vsw *vsw, unsigned int n, unsigned int id)
{
	int err;
	const struct port *port = admin_port(vsw, n, &err);

	if (!port)
		return err;
	for (struct endpoint *ep = port->endpoints; ep; ep = ep->next) {
		if ((unsigned int)ep->id == id) {
			endpoint_close(ep);
			return 0;
		}
	}
	return -ENXIO;
}

int admin_reset_counters(struct vsw *vsw, unsigned int n)
{
	int err;
	struct port *port = admin_port(vsw, n, &err);

	if (!port)
		return err;
	port->stats = (struct port_stats){ 0 };
	port->policy.secure.refused = 0;
	return 0;
}

void admin_reset_all_counters(struct vsw *vsw)
{
	for (unsigned int i = 0; i <= vsw->numports; i++)
		if (vsw->ports[i] && admin_reset_counters(vsw, i))
			break;
}

/* VLANs. */

int admin_vlan_create(struct vsw *vsw, unsigned int vid)
{
	return vlan_make(&vsw->bridge.vlans, vid);
}

int admin_vlan_remove(struct vsw *vsw, unsigned int vid)
{
	if (vid < 1 || vid > VLAN_MAX)
		return -EINVAL;
	for (unsigned int i = 0; i <= vsw->numports; i++)
		if (vsw->ports[i] &&
		    vlan_form(&vsw->ports[i]->vlan, (uint16_t)vid) != VLAN_NOT_MEMBER)
			return -EADDRINUSE;
	return vlan_unmake(&vsw->bridge.vlans, vid);
}

/* Find the port, and see that the VLAN exists. */
static struct port *admin_vlan_port(struct vsw *vsw, unsigned int vid, unsigned int n,
				    int *err)
{
	struct port *port = admin_port(vsw, n, err);

	if (vid > VLAN_MAX)
		*err = -EINVAL;
	else if (!*err && !vlan_exists(&vsw->bridge.vlans, (uint16_t)vid))
		*err = -ENXIO;
	return *err ? NULL : port;
}

int admin_vlan_add_port(struct vsw *vsw, unsigned int vid, unsigned int n)
{
	int err;
	struct port *port = admin_vlan_port(vsw, vid, n, &err);

	if (!port)
		return err;
	/* Its frames come without a tag already: that stays, as in VDE. */
	if (port->vlan.pvid == vid)
		return 0;
	if (port->vlan.tag == VLAN_TAG_NONE)
		return -EADDRINUSE;
	port->kept = true;
	vlan_set_add(&port->vlan.tagged, (uint16_t)vid);
	return 0;
}

int admin_vlan_del_port(struct vsw *vsw, unsigned int vid, unsigned int n)
{
	int err;
	struct port *port = admin_vlan_port(vsw, vid, n, &err);

	if (!port)
		return err;
	switch (vlan_form(&port->vlan, (uint16_t)vid)) {
	case VLAN_UNTAGGED:
		return -EADDRINUSE;
	case VLAN_NOT_MEMBER:
		return -ENXIO;
	case VLAN_TAGGED:
		break;
	}
	vlan_set_del(&port->vlan.tagged, (uint16_t)vid);
	fdb_flush_port(vsw->bridge.fdb, port->id);
	return 0;
}

int admin_vlan_tag(struct vsw *vsw, unsigned int n, enum vlan_tag tag)
{
	int err;
	struct port *port = admin_port(vsw, n, &err);

	if (!port)
		return err;
	if (tag == VLAN_TAG_NONE && !vlan_set_is_empty(&port->vlan.tagged))
		return -EADDRINUSE;
	port->kept = true;
	port->vlan.tag = tag;
	fdb_flush_port(vsw->bridge.fdb, port->id);
	return 0;
}

void admin_vlan_shared(struct vsw *vsw, bool on)
{
	if (on != vsw->bridge.vlans.shared)
		fdb_flush(vsw->bridge.fdb);
	vsw->bridge.vlans.shared = on;
}

/* Multicast. */

int admin_mcast_fast_leave(struct vsw *vsw, unsigned int n, bool on)
{
	int err;
	struct port *port = admin_port(vsw, n, &err);

	if (!port)
		return err;
	port->kept = true;
	mcast_set_fast_leave(vsw->mcast, port->id, on);
	return 0;
}

int admin_mcast_router(struct vsw *vsw, unsigned int n, enum mcast_router router)
{
	int err;
	struct port *port = admin_port(vsw, n, &err);

	if (!port)
		return err;
	port->kept = true;
	mcast_set_router(vsw->mcast, port->id, router);
	return 0;
}

int admin_mcast_add(struct vsw *vsw, unsigned int vid, struct in6_addr group,
		    unsigned int n)
{
	int err;
	struct port *port = admin_port(vsw, n, &err);

	if (!port || vid > VLAN_MAX)
		return port ? -EINVAL : err;
	err = mcast_add(vsw->mcast, (uint16_t)vid, group, port->id);
	port->kept |= !err;
	return err;
}

int admin_mcast_del(struct vsw *vsw, unsigned int vid, struct in6_addr group,
		    unsigned int n)
{
	int err;
	const struct port *port = admin_port(vsw, n, &err);

	if (!port || vid > VLAN_MAX)
		return port ? -EINVAL : err;
	return mcast_del(vsw->mcast, (uint16_t)vid, group, port->id);
}

/* The source guard. */

int admin_guard_set(struct vsw *vsw, unsigned int n, enum guard_check check, bool on)
{
	int err;
	struct port *port = admin_port(vsw, n, &err);

	if (!port)
		return err;
	port->kept = true;
	guard_set(&port->guard, check, on);
	return 0;
}

int admin_guard_trust(struct vsw *vsw, unsigned int n, bool on)
{
	int err;
	struct port *port = admin_port(vsw, n, &err);

	if (!port)
		return err;
	port->kept = true;
	port->guard.trusted = on;
	return 0;
}

int admin_guard_add(struct vsw *vsw, unsigned int n, struct eth_addr mac,
		    const struct in6_addr *ip, unsigned int vid)
{
	struct bindings *t = guard_bindings(vsw->guard);
	struct binding b = { .mac = mac, .vid = (uint16_t)vid, .until_ms = BINDING_NEVER };
	const struct binding *old;
	int err;
	struct port *port = admin_port(vsw, n, &err);

	if (!port)
		return err;
	if (ip) {
		b.ip = *ip;
		b.port = port->id;
		if (!binding_is_host(ip) || vid > VLAN_MAX || eth_addr_is_group(mac))
			return -EINVAL;
		old = binding_find(t, b.vid, ip, clock_ms());
		err = old && old->kind == BINDING_STATIC ? -EEXIST : binding_set(t, &b);
	} else {
		err = guard_add_mac(&port->guard, mac);
	}
	port->kept |= !err;
	return err;
}

int admin_guard_del(struct vsw *vsw, unsigned int n, struct eth_addr mac,
		    const struct in6_addr *ip, unsigned int vid)
{
	struct bindings *t = guard_bindings(vsw->guard);
	struct binding *b;
	int err;
	struct port *port = admin_port(vsw, n, &err);

	if (!port || !ip)
		return port ? guard_del_mac(&port->guard, mac) : err;
	b = vid > VLAN_MAX ? NULL : binding_find(t, (uint16_t)vid, ip, clock_ms());
	if (!b || b->port != port->id || !eth_addr_eq(b->mac, mac))
		return -ENXIO;
	binding_remove(t, b);
	return 0;
}

int admin_flush_addresses(struct vsw *vsw, unsigned int n)
{
	int err;
	const struct port *port = admin_port(vsw, n, &err);

	if (!port)
		return err;
	fdb_flush_port(vsw->bridge.fdb, port->id);
	return 0;
}

void admin_flush_all_addresses(struct vsw *vsw)
{
	fdb_flush(vsw->bridge.fdb);
}

void admin_hub(struct vsw *vsw, bool on)
{
	/* As in VDE: a hub has no part in a tree. */
	if (on)
		stp_stop(vsw);
	vsw->bridge.hub = on;
}
