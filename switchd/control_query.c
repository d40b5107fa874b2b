/* SPDX-License-Identifier: BSD-2-Clause */
/* control_query.c - Commands of the control socket that show what the switch is
 *
 * None of them changes anything. Replies are bounded: by the number of ports, and
 * query-fdb, whose table can be larger, by a limit.
 */
#include "config.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "lib/offload.h"
#include "lib/qmp_args.h"
#include "switchd/admin.h"
#include "switchd/control_cmds.h"
#include "switchd/control_policy.h"
#include "switchd/port_tap.h"
#include "switchd/snoop.h"
#include "switchd/stp.h"
#include "switchd/vsw.h"

enum {
	QUERY_FDB_LIMIT = 10000,	/* addresses, unless the client says otherwise */
	QUERY_FDB_LIMIT_MAX = 100000,
};

/* Counters, as members of an object. */
static void query_add_counters(json_t *o, const struct port_stats *stats)
{
	json_t *drops = json_object();

	for (unsigned int i = 0; i < DROP_REASON_COUNT; i++)
		if (stats->drop[i])
			json_object_set_new(drops, drop_reason_name(i),
					    json_integer((json_int_t)stats->drop[i]));
	json_object_set_new(o, "rx-frames", json_integer((json_int_t)stats->rx_frames));
	json_object_set_new(o, "rx-bytes", json_integer((json_int_t)stats->rx_bytes));
	json_object_set_new(o, "tx-frames", json_integer((json_int_t)stats->tx_frames));
	json_object_set_new(o, "tx-bytes", json_integer((json_int_t)stats->tx_bytes));
	json_object_set_new(o, "drops", drops);
}

/* The switch. */

static void query_sum_up(const struct vsw *vsw, struct port_stats *sum)
{
	for (unsigned int i = 0; i <= vsw->numports; i++) {
		const struct port *port = vsw->ports[i];

		if (!port)
			continue;
		sum->rx_frames += port->stats.rx_frames;
		sum->rx_bytes += port->stats.rx_bytes;
		sum->tx_frames += port->stats.tx_frames;
		sum->tx_bytes += port->stats.tx_bytes;
		for (unsigned int r = 0; r < DROP_REASON_COUNT; r++)
			sum->drop[r] += port->stats.drop[r];
	}
}

json_t *control_query_switch(void *ctx, struct qmp_conn *conn UNUSED, json_t *args UNUSED,
			     struct qmp_error *err UNUSED)
{
	static const char *const modes[] = {
		[VLAN_AUTO] = "auto",
		[VLAN_STRICT] = "strict",
		[VLAN_TRANSPARENT] = "transparent",
	};
	const struct vsw *vsw = ctx;
	const struct vsw_config *cfg = vsw->cfg;
	const struct fdb *fdb = vsw->bridge.fdb;
	struct port_stats sum = { 0 };
	char mac[ETH_ADDR_STR];
	json_t *o;

	o = json_pack("{s:s,s:I,s:o,s:s,s:I,s:o,s:b,s:I,s:I}",
		      "version", PACKAGE_VERSION,
		      "pid", (json_int_t)getpid(),
		      "dir", control_text(vsw->dir),
		      "mac", eth_addr_format(cfg->addr, mac),
		      "uptime", (json_int_t)((clock_ms() - vsw->start_ms) / 1000),
		      "mgmt", cfg->mgmt[0] ? control_text(cfg->mgmt) : json_null(),
		      "hub", vsw->bridge.hub,
		      "numports", (json_int_t)vsw->numports,
		      "active-ports", (json_int_t)vsw->active_count);
	if (!o)
		return NULL;
	json_object_update_new(o, json_pack("{s:I,s:I,s:I,s:I,s:I,s:s,s:b}",
		"hashsize", (json_int_t)vsw->hashsize,
		"addresses", (json_int_t)fdb_count(fdb),
		"ageing", (json_int_t)(fdb_ageing(fdb) / 1000),
		"ageing-interval", (json_int_t)vsw_ageing_interval(vsw),
		"min-stay", (json_int_t)(fdb_min_stay(fdb) / 1000),
		"vlan-mode", modes[vsw->bridge.vlans.mode],
		"vlan-aware", vlan_is_aware(&vsw->bridge.vlans)));
	json_object_set_new(o, "vlan-learning",
			    json_string(vsw->bridge.vlans.shared ? "shared" : "independent"));
	json_object_set_new(o, "stp", json_boolean(vsw->stp));
	json_object_set_new(o, "reserved", json_integer(vsw->bridge.reserved));
	query_sum_up(vsw, &sum);
	query_add_counters(o, &sum);
	return o;
}

/* Ports. */

/* A user or group: its number, and its name if it has one; null for anybody. */
static json_t *query_owner(unsigned int id, const char *name)
{
	if (id == UINT32_MAX)
		return json_null();
	return json_pack("{s:I,s:o*}", "id", (json_int_t)id, "name",
			 name ? control_text(name) : NULL);
}

static json_t *query_user(uid_t uid)
{
	const struct passwd *pw = uid == (uid_t)-1 ? NULL : getpwuid(uid);

	return query_owner(uid, pw ? pw->pw_name : NULL);
}

static json_t *query_group(gid_t gid)
{
	const struct group *gr = gid == (gid_t)-1 ? NULL : getgrgid(gid);

	return query_owner(gid, gr ? gr->gr_name : NULL);
}

/* What it takes of frames with offloads, by the names that drivers have for it. */
static json_t *query_takes(uint64_t takes)
{
	static const struct {
		unsigned int feature;
		const char *name;
	} names[] = {
		{ VNET_F_GUEST_CSUM, "csum" }, { VNET_F_GUEST_TSO4, "tso4" },
		{ VNET_F_GUEST_TSO6, "tso6" }, { VNET_F_GUEST_ECN, "ecn" },
		{ VNET_F_GUEST_USO4, "uso4" }, { VNET_F_GUEST_USO6, "uso6" },
	};
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (takes & OFFLOAD_F(names[i].feature))
			json_array_append_new(list, json_string(names[i].name));
	return list;
}

static json_t *query_endpoints(const struct port *port)
{
	json_t *list = json_array();

	for (const struct endpoint *ep = port->endpoints; ep; ep = ep->next)
		json_array_append_new(list, json_pack("{s:i,s:s,s:o,s:o,s:o,s:I}",
			"id", ep->id,
			"module", ep->ops->module,
			"description", control_text(ep->descr),
			"uid", ep->uid == (uid_t)-1 ? json_null() :
			       json_integer((json_int_t)ep->uid),
			"takes", query_takes(ep->takes),
			"queued", (json_int_t)ep->q.count));
	return list;
}

static json_t *query_vlan_set(const struct vlan_set *set)
{
	json_t *list = json_array();

	for (uint16_t w = 0; w < VLAN_WORDS; w++)
		for (uint64_t bits = set->bits[w]; bits; bits &= bits - 1)
			json_array_append_new(list, json_integer(w * 64 +
								 __builtin_ctzll(bits)));
	return list;
}

static json_t *query_port(const struct vsw *vsw, const struct port *port)
{
	json_t *o;

	o = json_pack("{s:i,s:b,s:o,s:b,s:o,s:o,s:o,s:o,s:o,s:I}",
		      "port", port->id,
		      "active", port->active,
		      "name", port->name ? control_text(port->name) : json_null(),
		      "allocatable", !port->reserved,
		      "user", query_user(port->acl_user),
		      "group", query_group(port->acl_group),
		      "untagged-vlan", port->vlan.pvid == VLAN_NONE ? json_null() :
				       json_integer(port->vlan.pvid),
		      "tagged-vlans", query_vlan_set(&port->vlan.tagged),
		      "endpoints", query_endpoints(port),
		      "addresses", (json_int_t)fdb_port_count(vsw->bridge.fdb, port->id));
	if (!o)
		return NULL;
	for (unsigned int i = 0; i < STORM_KINDS; i++) {
		char name[32];

		snprintf(name, sizeof(name), "storm-%s", storm_name((enum storm_kind)i));
		json_object_set_new(o, name, json_integer(port->storm.bucket[i].rate));
	}
	control_policy_show(port, o);
	json_object_set_new(o, "tag-type", json_string(vlan_tag_name(port->vlan.tag)));
	json_object_set_new(o, "mcast-fast-leave",
			    json_boolean(mcast_fast_leave(vsw->mcast, port->id)));
	json_object_set_new(o, "mcast-router",
			    json_string(mcast_router_name(mcast_router(vsw->mcast,
								       port->id))));
	query_add_counters(o, &port->stats);
	return o;
}

json_t *control_query_ports(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			    struct qmp_error *err)
{
	unsigned int first = 0, last, n = UINT16_MAX;
	const struct vsw *vsw = ctx;
	json_t *list;

	if (!control_arg_port(vsw, args, &n, err))
		return NULL;
	last = vsw->numports;
	if (n != UINT16_MAX) {
		if (!vsw->ports[n])
			return qmp_fail(err, "there is no port %u", n);
		first = last = n;
	}
	list = json_array();
	for (unsigned int i = first; i <= last; i++)
		if (vsw->ports[i])
			json_array_append_new(list, query_port(vsw, vsw->ports[i]));
	return list;
}

/* Addresses. */

/**
 * struct query_fdb - What is asked for, and what was found
 * @port:	Of this port, or UINT16_MAX
 * @vid:	In this VLAN, or VLAN_NONE
 * @addr:	This one, or NULL
 * @limit:	At most so many
 * @found:	How many there are
 */
struct query_fdb {
	unsigned int port;
	unsigned int vid;
	const struct eth_addr *addr;
	unsigned int limit;
	unsigned int found;
	json_t *list;
};

static void query_fdb_entry(void *ctx, const struct fdb_info *info)
{
	struct query_fdb *q = ctx;
	char mac[ETH_ADDR_STR];

	if ((q->port != UINT16_MAX && info->port != q->port) ||
	    (q->vid != VLAN_NONE && info->vid != q->vid) ||
	    (q->addr && !eth_addr_eq(info->addr, *q->addr)))
		return;
	if (++q->found > q->limit)
		return;
	json_array_append_new(q->list, json_pack("{s:s,s:i,s:i,s:I,s:s}",
		"address", eth_addr_format(info->addr, mac), "vlan", info->vid,
		"port", info->port, "age", (json_int_t)(info->age_ms / 1000),
		"kind", fdb_kind_name(info->kind)));
}

json_t *control_query_fdb(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			  struct qmp_error *err)
{
	struct query_fdb q = {
		.port = UINT16_MAX,
		.vid = VLAN_NONE,
		.limit = QUERY_FDB_LIMIT,
	};
	const struct vsw *vsw = ctx;
	const char *text = NULL;
	struct eth_addr addr;

	if (!control_arg_port(vsw, args, &q.port, err) ||
	    !control_arg_vlan(args, &q.vid, err) ||
	    !qmp_arg_text(args, "address", &text, err) ||
	    !qmp_arg_uint(args, "limit", 1, QUERY_FDB_LIMIT_MAX, &q.limit, err))
		return NULL;
	if (text) {
		if (!eth_addr_parse(text, &addr))
			return qmp_fail(err, "'address' must be a MAC address");
		q.addr = &addr;
	}
	q.list = json_array();
	fdb_foreach(vsw->bridge.fdb, clock_ms(), query_fdb_entry, &q);
	return json_pack("{s:o,s:b}", "entries", q.list, "more", q.found > q.limit);
}

/* VLANs. */

/* Append the number of a port to a list of the VLAN, if the VLAN is asked for. */
static void query_vlan_member(json_t *vlans[static VLAN_NONE], const char *list,
			      unsigned int vid, const struct port *port)
{
	if (vid != VLAN_NONE && vlans[vid])
		json_array_append_new(json_object_get(vlans[vid], list),
				      json_integer(port->id));
}

json_t *control_query_vlans(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			    struct qmp_error *err)
{
	unsigned int only = VLAN_NONE;
	json_t *vlans[VLAN_NONE] = { NULL }, *list;
	const struct vsw *vsw = ctx;

	if (!control_arg_vlan(args, &only, err))
		return NULL;
	if (only != VLAN_NONE && !vlan_exists(&vsw->bridge.vlans, (uint16_t)only))
		return qmp_fail(err, "there is no VLAN %u", only);
	list = json_array();
	for (unsigned int vid = 0; vid <= VLAN_MAX; vid++) {
		if (!vlan_exists(&vsw->bridge.vlans, (uint16_t)vid) ||
		    (only != VLAN_NONE && vid != only))
			continue;
		vlans[vid] = json_pack("{s:i,s:[],s:[]}", "vlan", (int)vid,
				       "untagged-ports", "tagged-ports");
		json_array_append_new(list, vlans[vid]);
	}
	for (unsigned int i = 0; i <= vsw->numports; i++) {
		const struct port *port = vsw->ports[i];

		if (!port)
			continue;
		query_vlan_member(vlans, "untagged-ports", port->vlan.pvid, port);
		for (unsigned int w = 0; w < VLAN_WORDS; w++)
			for (uint64_t bits = port->vlan.tagged.bits[w]; bits; bits &= bits - 1)
				query_vlan_member(vlans, "tagged-ports", w * 64 +
						  (unsigned int)__builtin_ctzll(bits), port);
	}
	return list;
}

/* Taps. */

static void query_tap(void *ctx, const char *name, unsigned int port, bool attached)
{
	json_array_append_new(ctx, json_pack("{s:o,s:i,s:b}", "name", control_text(name),
					     "port", (int)port, "attached", attached));
}

/* A bridge's identifier, as people write it: priority and address. */
static json_t *query_bridge_id(uint64_t id)
{
	char text[32];

	snprintf(text, sizeof(text), "%04x.%02x:%02x:%02x:%02x:%02x:%02x",
		 (unsigned int)(id >> 48), (unsigned int)(id >> 40 & 0xff),
		 (unsigned int)(id >> 32 & 0xff), (unsigned int)(id >> 24 & 0xff),
		 (unsigned int)(id >> 16 & 0xff), (unsigned int)(id >> 8 & 0xff),
		 (unsigned int)(id & 0xff));
	return json_string(text);
}

static json_t *query_stp_ports(const struct vsw *vsw)
{
	json_t *list = json_array();
	struct rstp_port_info p;

	for (unsigned int i = 0; i <= vsw->numports; i++)
		if (vsw->ports[i] && !stp_port_get_info(vsw->ports[i], &p))
			json_array_append_new(list,
				json_pack("{s:i,s:s,s:s,s:b,s:I,s:s,s:b,s:o}", "port", (int)i,
					  "role", rstp_role_name(p.role),
					  "state", rstp_state_name(p.state),
					  "edge", p.edge, "cost", (json_int_t)p.cost,
					  "guard", stp_guard_name(vsw->ports[i]->stp_guard),
					  "guarded", p.guarded,
					  "designated-bridge",
					  query_bridge_id(p.designated_bridge)));
	return list;
}

json_t *control_query_stp(void *ctx, struct qmp_conn *conn UNUSED, json_t *args UNUSED,
			  struct qmp_error *err UNUSED)
{
	const struct vsw *vsw = ctx;
	struct rstp_info info;

	stp_get_info(vsw, &info);
	return json_pack("{s:b,s:o,s:o,s:I,s:i,s:I,s:o}", "enabled", !!vsw->stp,
			 "bridge", query_bridge_id(info.bridge),
			 "root", query_bridge_id(info.root),
			 "root-cost", (json_int_t)info.root_cost,
			 "root-port", info.root_port,
			 "topology-changes",
			 (json_int_t)(info.tc_detected + info.tc_received),
			 "ports", query_stp_ports(vsw));
}

/* Multicast. */

/**
 * struct query_mcast - What is asked for
 * @port:	Of this port, or UINT16_MAX
 * @vid:	In this VLAN, or VLAN_NONE
 */
struct query_mcast {
	unsigned int port;
	unsigned int vid;
	json_t *groups;
	json_t *routers;
};

static void query_mcast_entry(void *ctx, const struct mcast_info *info)
{
	const struct query_mcast *q = ctx;
	char group[INET6_ADDRSTRLEN];
	json_t *o;

	if ((q->port != UINT16_MAX && info->port != q->port) ||
	    (q->vid != VLAN_NONE && info->vid != q->vid))
		return;
	o = json_pack("{s:i,s:i,s:o}", "vlan", info->vid, "port", info->port, "expires",
		      info->fixed ? json_null() :
		      json_integer((json_int_t)((info->left_ms + 999) / 1000)));
	if (!info->router)
		json_object_set_new(o, "group",
				    json_string(mcast_group_format(info->group, group)));
	json_array_append_new(info->router ? q->routers : q->groups, o);
}

json_t *control_query_mcast(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			    struct qmp_error *err)
{
	struct query_mcast q = { .port = UINT16_MAX, .vid = VLAN_NONE };
	const struct vsw *vsw = ctx;
	const struct mcast_stats *s = mcast_stats(vsw->mcast);

	if (!control_arg_port(vsw, args, &q.port, err) || !control_arg_vlan(args, &q.vid, err))
		return NULL;
	q.groups = json_array();
	q.routers = json_array();
	mcast_foreach(vsw->mcast, clock_ms(), query_mcast_entry, &q);
	return json_pack("{s:b,s:b,s:i,s:I,s:I,s:I,s:I,s:I,s:o,s:o}",
			 "snooping", snoop_is_on(vsw),
			 "querier", mcast_querier(vsw->mcast),
			 "interval", (int)mcast_interval(vsw->mcast),
			 "reports", (json_int_t)s->reports,
			 "queries", (json_int_t)s->queries,
			 "malformed", (json_int_t)s->bad,
			 "queries-sent", (json_int_t)s->asked,
			 "evicted", (json_int_t)s->evicted,
			 "groups", q.groups, "router-ports", q.routers);
}

json_t *control_query_taps(void *ctx, struct qmp_conn *conn UNUSED, json_t *args UNUSED,
			   struct qmp_error *err UNUSED)
{
	json_t *list = json_array();

	port_tap_foreach(ctx, query_tap, list);
	return list;
}
