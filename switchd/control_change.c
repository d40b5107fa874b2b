/* SPDX-License-Identifier: BSD-2-Clause */
/* control_change.c - Commands of the control socket that change the switch
 *
 * They read their arguments and call admin.h, as the console's do. A command that
 * fails has changed nothing.
 */
#include "config.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>

#include "lib/parse.h"
#include "lib/qmp_args.h"
#include "switchd/admin.h"
#include "switchd/control_cmds.h"
#include "switchd/control_policy.h"
#include "switchd/guarding.h"
#include "switchd/portgroup.h"
#include "switchd/port_tap.h"
#include "switchd/snoop.h"
#include "switchd/stp.h"
#include "switchd/vsw.h"

enum { CHANGE_SECONDS_MAX = 1000000 };	/* as on the console */

/* Ports. */

/* The port that the arguments speak of, which must be there. Return: it, or NULL. */
static struct port *change_port(const struct vsw *vsw, json_t *args, struct qmp_error *err)
{
	unsigned int n = 0;

	if (!control_arg_port(vsw, args, &n, err))
		return NULL;
	if (!vsw->ports[n])
		qmp_fail(err, "there is no port %u", n);
	return vsw->ports[n];
}

json_t *control_port_create(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			    struct qmp_error *err)
{
	unsigned int n = 0, made = 0;
	struct vsw *vsw = ctx;
	int ret;

	/* There is no way to ask for port 0: to admin.h, it is any. */
	if (!qmp_arg_uint(args, "port", 1, vsw->numports, &n, err))
		return NULL;
	ret = admin_port_create(vsw, n, &made);
	if (ret)
		return n ? control_result(ret, err, "port %u", n) :
			   control_result(ret, err, "any port");
	return json_pack("{s:I}", "port", (json_int_t)made);
}

json_t *control_port_remove(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			    struct qmp_error *err)
{
	const struct port *port = change_port(ctx, args, err);
	unsigned int n = port ? port->id : 0;

	return port ? control_result(admin_port_remove(ctx, n), err, "port %u", n) : NULL;
}

json_t *control_port_reset_counters(void *ctx, struct qmp_conn *conn UNUSED,
				    json_t *args, struct qmp_error *err)
{
	const struct port *port;

	if (!json_object_get(args, "port")) {
		admin_reset_all_counters(ctx);
		return json_object();
	}
	port = change_port(ctx, args, err);
	return port ? control_result(admin_reset_counters(ctx, port->id), err, "port %u",
				     port->id) : NULL;
}

json_t *control_endpoint_close(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			       struct qmp_error *err)
{
	const struct port *port = change_port(ctx, args, err);
	unsigned int id = 0;

	if (!port || !qmp_arg_uint(args, "id", 0, INT32_MAX, &id, err))
		return NULL;
	return control_result(admin_endpoint_close(ctx, port->id, id), err,
			      "endpoint %u of port %u", id, port->id);
}

/* Settings of a port. */

/**
 * struct change_set - What port-set is to do
 * @has_*:	It is among the arguments
 * @vid:	VLAN_NONE: tagged frames only
 * @uid:	(uid_t)-1: anybody
 * @gid:	(gid_t)-1: anybody
 * @name:	NULL: none
 */
struct change_set {
	bool has_vlan, has_tag, has_user, has_group, has_allocatable, has_name, has_guard;
	bool has_fast_leave, has_router, has_storm[STORM_KINDS];
	unsigned int vid;
	enum vlan_tag tag;
	uid_t uid;
	gid_t gid;
	bool allocatable;
	enum stp_guard guard;
	bool fast_leave;
	enum mcast_router router;
	unsigned int storm[STORM_KINDS];
	struct control_policy policy;
	const char *name;
};

static bool change_is_uid(const char *text, uid_t *uid)
{
	const struct passwd *pw = getpwnam(text);

	if (pw)
		*uid = pw->pw_uid;
	return pw;
}

/* A user or group: a name, a number, or null for anybody. */
static bool change_owner(const json_t *args, const char *arg,
			 bool (*is_name)(const char *text, unsigned int *id),
			 bool *has, unsigned int *id, struct qmp_error *err)
{
	const json_t *v = json_object_get(args, arg);

	*id = UINT32_MAX;
	*has = v;
	if (!v || json_is_null(v))
		return true;
	if (json_is_integer(v))
		return qmp_arg_uint(args, arg, 0, UINT32_MAX - 1, id, err);
	if (json_is_string(v) && is_name(json_string_value(v), id))
		return true;
	qmp_fail(err, "'%s' must be the name or number of a %s, or null", arg, arg);
	return false;
}

static bool change_set_vlan(const struct vsw *vsw, const json_t *args,
			    struct change_set *set, struct qmp_error *err)
{
	const json_t *v = json_object_get(args, "vlan");

	set->vid = VLAN_NONE;
	set->has_vlan = v;
	if (!v || json_is_null(v))
		return true;
	if (!control_arg_vlan(args, &set->vid, err))
		return false;
	if (!vlan_exists(&vsw->bridge.vlans, (uint16_t)set->vid))
		qmp_fail(err, "there is no VLAN %u", set->vid);
	return vlan_exists(&vsw->bridge.vlans, (uint16_t)set->vid);
}

static bool change_set_tag(const struct port *port, const json_t *args,
			   struct change_set *set, struct qmp_error *err)
{
	const char *name = vlan_tag_name(VLAN_TAG_C);

	set->has_tag = json_object_get(args, "tag-type");
	if (set->has_tag && !qmp_arg_text(args, "tag-type", &name, err))
		return false;
	if (!vlan_tag_parse(name, &set->tag))
		qmp_fail(err, "'tag-type' must be 802.1q, 802.1ad or none");
	else if (set->tag == VLAN_TAG_NONE && !vlan_set_is_empty(&port->vlan.tagged))
		qmp_fail(err, "'tag-type': port %u is a tagged member of VLANs", port->id);
	return !err->desc[0];
}

static bool change_set_name(const struct port *port, const json_t *args,
			    struct change_set *set, struct qmp_error *err)
{
	const json_t *v = json_object_get(args, "name");

	set->has_name = v;
	if (!v || json_is_null(v)) {
		/* There is nothing to do for a port that has none. */
		set->has_name = v && port->name;
		return true;
	}
	if (!qmp_arg_text(args, "name", &set->name, err))
		return false;
	if (port->name && !strcmp(port->name, set->name))
		set->has_name = false;
	else if (!portgroup_is_name(set->name))
		qmp_fail(err, "'name' must be a file's name of letters, digits, '.', '_' "
			 "and '-', and none of the switch's own");
	else if (!port->id)
		qmp_fail(err, "port 0 cannot have a name");
	else if (port->active)
		qmp_fail(err, "port %u: it is in use", port->id);
	return !err->desc[0];
}

static bool change_set_guard(const json_t *args, struct change_set *set,
			     struct qmp_error *err)
{
	const char *name = "none";

	set->has_guard = json_object_get(args, "stp-guard");
	if (set->has_guard && !qmp_arg_text(args, "stp-guard", &name, err))
		return false;
	if (stp_guard_parse(name, &set->guard))
		return true;
	qmp_fail(err, "'stp-guard' must be none, bpdu or root");
	return false;
}

static bool change_set_mcast(const json_t *args, struct change_set *set,
			     struct qmp_error *err)
{
	const char *name = "auto";

	set->has_fast_leave = json_object_get(args, "mcast-fast-leave");
	set->has_router = json_object_get(args, "mcast-router");
	if (!qmp_arg_bool(args, "mcast-fast-leave", &set->fast_leave, err) ||
	    (set->has_router && !qmp_arg_text(args, "mcast-router", &name, err)))
		return false;
	if (mcast_router_parse(name, &set->router))
		return true;
	qmp_fail(err, "'mcast-router' must be auto, always or never");
	return false;
}

static bool change_set_storm(const json_t *args, struct change_set *set,
			     struct qmp_error *err)
{
	char arg[32];

	for (unsigned int i = 0; i < STORM_KINDS; i++) {
		snprintf(arg, sizeof(arg), "storm-%s", storm_name((enum storm_kind)i));
		set->has_storm[i] = json_object_get(args, arg);
		if (!qmp_arg_uint(args, arg, 0, STORM_RATE_MAX, &set->storm[i], err))
			return false;
	}
	return true;
}

/* Read the arguments of port-set, all of them. Return: whether nothing but a name
 * can fail any more. */
static bool change_set_read(const struct vsw *vsw, const struct port *port,
			    const json_t *args, struct change_set *set,
			    struct qmp_error *err)
{
	set->has_allocatable = json_object_get(args, "allocatable");
	return change_set_vlan(vsw, args, set, err) &&
	       change_set_tag(port, args, set, err) &&
	       change_owner(args, "user", change_is_uid, &set->has_user, &set->uid, err) &&
	       change_owner(args, "group", parse_group, &set->has_group, &set->gid, err) &&
	       qmp_arg_bool(args, "allocatable", &set->allocatable, err) &&
	       change_set_guard(args, set, err) &&
	       change_set_mcast(args, set, err) &&
	       change_set_storm(args, set, err) &&
	       control_policy_read(args, &set->policy, err) &&
	       change_set_name(port, args, set, err);
}

json_t *control_port_set(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			 struct qmp_error *err)
{
	const struct port *port = change_port(ctx, args, err);
	struct change_set set = { 0 };
	char old[64];
	int ret = 0;

	if (!port || !change_set_read(ctx, port, args, &set, err))
		return NULL;
	/* First what may fail: a name comes with a socket. */
	if (set.has_name && set.name) {
		ret = admin_port_name(ctx, port->id, set.name);
		if (ret)
			return control_result(ret, err, "name '%s'", set.name);
	} else if (set.has_name) {
		snprintf(old, sizeof(old), "%s", port->name);
		if (admin_port_unname(ctx, old))
			return qmp_fail(err, "port %u: its name cannot be taken away",
					port->id);
	}
	if (set.has_tag)
		ret = admin_vlan_tag(ctx, port->id, set.tag);
	if (!ret && set.has_vlan)
		ret = admin_port_vlan(ctx, port->id, set.vid);
	if (!ret && set.has_user)
		ret = admin_port_user(ctx, port->id, set.uid);
	if (!ret && set.has_group)
		ret = admin_port_group(ctx, port->id, set.gid);
	if (!ret && set.has_allocatable)
		ret = admin_port_allocatable(ctx, port->id, set.allocatable);
	if (!ret && set.has_guard)
		ret = admin_port_guard(ctx, port->id, set.guard);
	if (!ret && set.has_fast_leave)
		ret = admin_mcast_fast_leave(ctx, port->id, set.fast_leave);
	if (!ret && set.has_router)
		ret = admin_mcast_router(ctx, port->id, set.router);
	for (unsigned int i = 0; i < STORM_KINDS; i++)
		if (!ret && set.has_storm[i])
			ret = admin_port_storm(ctx, port->id, (enum storm_kind)i,
					       set.storm[i]);
	if (!ret)
		ret = control_policy_apply(ctx, port->id, &set.policy);
	return control_result(ret, err, "port %u", port->id);
}

/* VLANs. */

json_t *control_vlan_create(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			    struct qmp_error *err)
{
	unsigned int vid = 0;

	if (!qmp_arg_uint(args, "vlan", 1, VLAN_MAX, &vid, err))
		return NULL;
	return control_result(admin_vlan_create(ctx, vid), err, "VLAN %u", vid);
}

json_t *control_vlan_remove(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			    struct qmp_error *err)
{
	unsigned int vid = 0;

	if (!qmp_arg_uint(args, "vlan", 1, VLAN_MAX, &vid, err))
		return NULL;
	return control_result(admin_vlan_remove(ctx, vid), err, "VLAN %u", vid);
}

/* Add a port to a VLAN, or remove it. */
static json_t *change_vlan_port(struct vsw *vsw, json_t *args, struct qmp_error *err,
				int (*change)(struct vsw *vsw, unsigned int vid,
					      unsigned int n))
{
	const struct port *port = change_port(vsw, args, err);
	unsigned int vid = 0;

	if (!port || !control_arg_vlan(args, &vid, err))
		return NULL;
	if (!vlan_exists(&vsw->bridge.vlans, (uint16_t)vid))
		return qmp_fail(err, "there is no VLAN %u", vid);
	switch (change(vsw, vid, port->id)) {
	case 0:
		return json_object();
	case -EADDRINUSE:
		if (port->vlan.pvid != vid)
			return qmp_fail(err, "port %u takes nothing for a tag: see 'tag-type'",
					port->id);
		return qmp_fail(err, "port %u is an untagged member of VLAN %u: port-set "
				"changes that", port->id, vid);
	default:
		return qmp_fail(err, "port %u is not a tagged member of VLAN %u", port->id,
				vid);
	}
}

json_t *control_vlan_add_port(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			      struct qmp_error *err)
{
	return change_vlan_port(ctx, args, err, admin_vlan_add_port);
}

json_t *control_vlan_remove_port(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
				 struct qmp_error *err)
{
	return change_vlan_port(ctx, args, err, admin_vlan_del_port);
}

/* Multicast. */

static json_t *change_mcast(struct vsw *vsw, json_t *args, struct qmp_error *err,
			    int (*change)(struct vsw *vsw, unsigned int vid,
					  struct in6_addr group, unsigned int n))
{
	const struct port *port = change_port(vsw, args, err);
	struct in6_addr group;
	const char *text = "";
	unsigned int vid = 0;
	int ret;

	if (!port || !control_arg_vlan(args, &vid, err) ||
	    !qmp_arg_text(args, "group", &text, err))
		return NULL;
	if (!mcast_group_parse(text, &group))
		return qmp_fail(err, "'group' must be an IP address");
	ret = change(vsw, vid, group, port->id);
	if (ret == -EINVAL)
		return qmp_fail(err, "group %.64s goes to all ports", text);
	if (ret == -ENOSPC)
		return qmp_fail(err, "there is no room for more groups");
	return control_result(ret, err, "group %.64s at port %u", text, port->id);
}

json_t *control_mcast_add(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			  struct qmp_error *err)
{
	return change_mcast(ctx, args, err, admin_mcast_add);
}

json_t *control_mcast_remove(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			     struct qmp_error *err)
{
	return change_mcast(ctx, args, err, admin_mcast_del);
}

/* Taps. */

json_t *control_tap_add(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			struct qmp_error *err)
{
	const char *name = "";
	unsigned int n = 0;

	if (!qmp_arg_text(args, "name", &name, err) || !control_arg_port(ctx, args, &n, err))
		return NULL;
	/* "fd=N" is for who starts the switch. */
	if (strchr(name, '='))
		return qmp_fail(err, "'name' must be the name of an interface");
	return control_result(port_tap_add(ctx, name, n), err, "tap interface '%.64s'", name);
}

json_t *control_tap_remove(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			   struct qmp_error *err)
{
	const char *name = "";

	if (!qmp_arg_text(args, "name", &name, err))
		return NULL;
	if (port_tap_remove(ctx, name))
		return qmp_fail(err, "there is no tap interface '%.64s'", name);
	return json_object();
}

/* The switch. */

json_t *control_fdb_flush(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			  struct qmp_error *err)
{
	const struct port *port;

	if (!json_object_get(args, "port")) {
		admin_flush_all_addresses(ctx);
		return json_object();
	}
	port = change_port(ctx, args, err);
	return port ? control_result(admin_flush_addresses(ctx, port->id), err, "port %u",
				     port->id) : NULL;
}

json_t *control_set_switch(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			   struct qmp_error *err)
{
	struct vsw *vsw = ctx;
	struct fdb *fdb = vsw->bridge.fdb;
	unsigned int numports = vsw->numports, hashsize = vsw->hashsize, size = 1;
	unsigned int ageing = (unsigned int)(fdb_ageing(fdb) / 1000);
	unsigned int interval = vsw_ageing_interval(vsw);
	unsigned int min_stay = (unsigned int)(fdb_min_stay(fdb) / 1000);
	unsigned int reserved = vsw->bridge.reserved, query = mcast_interval(vsw->mcast);
	bool snoop = snoop_is_on(vsw), querier = mcast_querier(vsw->mcast);
	const char *learning = vsw->bridge.vlans.shared ? "shared" : "independent";
	bool hub = vsw->bridge.hub, stp = vsw->stp, dhcp, nd;
	int ret;

	dhcp = guard_snooping(vsw->guard, GUARD_SNOOP_DHCP);
	nd = guard_snooping(vsw->guard, GUARD_SNOOP_ND);
	if (!qmp_arg_uint(args, "reserved", 0, UINT16_MAX, &reserved, err) ||
	    (json_object_get(args, "vlan-learning") &&
	     !qmp_arg_text(args, "vlan-learning", &learning, err)) ||
	    !qmp_arg_bool(args, "mcast-snooping", &snoop, err) ||
	    !qmp_arg_bool(args, "mcast-querier", &querier, err) ||
	    !qmp_arg_uint(args, "mcast-interval", 1, MCAST_INTERVAL_MAX_S, &query, err) ||
	    !qmp_arg_bool(args, "dhcp-snooping", &dhcp, err) ||
	    !qmp_arg_bool(args, "nd-snooping", &nd, err) ||
	    !qmp_arg_bool(args, "hub", &hub, err) || !qmp_arg_bool(args, "stp", &stp, err) ||
	    !qmp_arg_uint(args, "numports", 1, VSW_PORTS_MAX, &numports, err) ||
	    !qmp_arg_uint(args, "hashsize", 1, VSW_FDB_MAX, &hashsize, err) ||
	    !qmp_arg_uint(args, "ageing", 1, CHANGE_SECONDS_MAX, &ageing, err) ||
	    !qmp_arg_uint(args, "ageing-interval", 1, CHANGE_SECONDS_MAX, &interval, err) ||
	    !qmp_arg_uint(args, "min-stay", 0, CHANGE_SECONDS_MAX, &min_stay, err))
		return NULL;
	while (size < hashsize)
		size *= 2;
	if (strcmp(learning, "shared") != 0 && strcmp(learning, "independent") != 0)
		return qmp_fail(err, "'vlan-learning' must be independent or shared");
	/* Who becomes a hub leaves the tree, unless he asks for both. */
	if (hub && stp && json_object_get(args, "stp"))
		return qmp_fail(err, "'stp': a hub has no part in the spanning tree");
	/* First what may fail; and a change of size forgets all addresses. */
	if (numports != vsw->numports || size != vsw->hashsize) {
		ret = vsw_resize(vsw, numports, size);
		if (ret == -EADDRINUSE)
			return qmp_fail(err, "'numports': there are ports above %u",
					numports);
		if (ret == -ENOSPC)
			return qmp_fail(err, "'hashsize': there are more static addresses");
		if (ret)
			return control_result(ret, err, "room for %u ports and %u addresses",
					      numports, size);
	}
	fdb_set_ageing(vsw->bridge.fdb, (uint64_t)ageing * 1000);
	fdb_set_min_stay(vsw->bridge.fdb, (uint64_t)min_stay * 1000);
	if (interval != vsw_ageing_interval(vsw))
		vsw_set_ageing_interval(vsw, interval);
	vsw->bridge.reserved = (uint16_t)reserved;
	admin_vlan_shared(vsw, !strcmp(learning, "shared"));
	snoop_set(vsw, snoop);
	if (querier != mcast_querier(vsw->mcast))
		mcast_set_querier(vsw->mcast, querier);
	if (query != mcast_interval(vsw->mcast))
		mcast_set_interval(vsw->mcast, query);
	guarding_set_snooping(vsw, GUARD_SNOOP_DHCP, dhcp);
	guarding_set_snooping(vsw, GUARD_SNOOP_ND, nd);
	admin_hub(vsw, hub);
	if (!stp)
		stp_stop(vsw);
	ret = stp && !hub ? stp_start(vsw) : 0;
	if (ret)
		return control_result(ret, err, "the spanning tree");
	return json_object();
}
