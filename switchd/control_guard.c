/* SPDX-License-Identifier: BSD-2-Clause */
/* control_guard.c - Commands of the control socket for the source guard
 *
 * As the console's guard/ menu, they show it and change it, by admin.h.
 */
#include "config.h"

#include <errno.h>

#include "lib/qmp_args.h"
#include "switchd/admin.h"
#include "switchd/control_cmds.h"
#include "switchd/vsw.h"

/* What there is. */

/**
 * struct query_guard - What is asked for
 * @port:	Of this port, or UINT16_MAX
 * @vid:	In this VLAN, or VLAN_NONE
 */
struct query_guard {
	unsigned int port;
	unsigned int vid;
	uint64_t now_ms;
	json_t *bindings;
};

static void query_binding(void *ctx, const struct binding *b)
{
	char ip[INET6_ADDRSTRLEN], mac[ETH_ADDR_STR];
	const struct query_guard *q = ctx;

	if (b->kind == BINDING_REQUEST || (q->port != UINT16_MAX && b->port != q->port) ||
	    (q->vid != VLAN_NONE && b->vid != q->vid))
		return;
	json_array_append_new(q->bindings, json_pack("{s:s,s:s,s:i,s:i,s:s,s:o}",
		"ip", mcast_group_format(b->ip, ip), "mac", eth_addr_format(b->mac, mac),
		"vlan", b->vid, "port", b->port, "kind", binding_kind_name(b->kind),
		"expires", b->until_ms == BINDING_NEVER ? json_null() :
		json_integer((json_int_t)((b->until_ms - q->now_ms + 999) / 1000))));
}

static json_t *query_guard_port(const struct port *port)
{
	const struct guard_port *p = &port->guard;
	json_t *o = json_pack("{s:i}", "port", port->id), *macs = json_array();
	char mac[ETH_ADDR_STR];

	for (unsigned int i = 0; i < GUARD_CHECKS; i++)
		json_object_set_new(o, guard_check_name((enum guard_check)i),
				    json_boolean(p->check[i]));
	for (unsigned int i = 0; i < p->mac_count; i++)
		json_array_append_new(macs, json_string(eth_addr_format(p->macs[i], mac)));
	json_object_set_new(o, "macs", macs);
	json_object_set_new(o, "dhcp-trust", json_boolean(p->trusted));
	return o;
}

json_t *control_query_guard(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			    struct qmp_error *err)
{
	struct query_guard q = {
		.port = UINT16_MAX,
		.vid = VLAN_NONE,
		.now_ms = clock_ms(),
	};
	const struct vsw *vsw = ctx;
	const struct guard_stats s = guard_stats(vsw->guard);
	json_t *ports;

	if (!control_arg_port(vsw, args, &q.port, err) || !control_arg_vlan(args, &q.vid, err))
		return NULL;
	ports = json_array();
	for (unsigned int i = 0; i <= vsw->numports; i++)
		if (vsw->ports[i] && (q.port == UINT16_MAX || i == q.port))
			json_array_append_new(ports, query_guard_port(vsw->ports[i]));
	q.bindings = json_array();
	bindings_foreach(guard_bindings(vsw->guard), q.now_ms, query_binding, &q);
	return json_pack("{s:b,s:b,s:I,s:I,s:I,s:I,s:o,s:o}",
			 "dhcp-snooping", guard_snooping(vsw->guard, GUARD_SNOOP_DHCP),
			 "nd-snooping", guard_snooping(vsw->guard, GUARD_SNOOP_ND),
			 "questions", (json_int_t)s.questions,
			 "learnt", (json_int_t)s.learnt,
			 "ended", (json_int_t)s.ended,
			 "refused", (json_int_t)s.refused,
			 "ports", ports, "bindings", q.bindings);
}

/* Changes. */

json_t *control_guard_set(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			  struct qmp_error *err)
{
	unsigned int n = 0;
	bool on[GUARD_CHECKS] = { false }, trust = false;
	int ret = 0;

	if (!control_arg_port(ctx, args, &n, err))
		return NULL;
	for (unsigned int i = 0; i < GUARD_CHECKS; i++)
		if (!qmp_arg_bool(args, guard_check_name((enum guard_check)i), &on[i], err))
			return NULL;
	if (!qmp_arg_bool(args, "dhcp-trust", &trust, err))
		return NULL;
	if (json_object_get(args, "dhcp-trust"))
		ret = admin_guard_trust(ctx, n, trust);
	for (unsigned int i = 0; i < GUARD_CHECKS && !ret; i++)
		if (json_object_get(args, guard_check_name((enum guard_check)i)))
			ret = admin_guard_set(ctx, n, (enum guard_check)i, on[i]);
	return control_result(ret, err, "port %u", n);
}

static json_t *change_guard(struct vsw *vsw, json_t *args, struct qmp_error *err,
			    int (*change)(struct vsw *vsw, unsigned int n,
					  struct eth_addr mac, const struct in6_addr *ip,
					  unsigned int vid))
{
	const char *text = "", *ip_text = NULL;
	unsigned int n = 0, vid = 0;
	struct eth_addr mac;
	struct in6_addr ip;
	int ret;

	if (!control_arg_port(vsw, args, &n, err) || !control_arg_vlan(args, &vid, err) ||
	    !qmp_arg_text(args, "mac", &text, err) || !qmp_arg_text(args, "ip", &ip_text, err))
		return NULL;
	if (!eth_addr_parse(text, &mac))
		return qmp_fail(err, "'mac' must be a MAC address");
	if (ip_text && (!mcast_group_parse(ip_text, &ip) || !binding_is_host(&ip)))
		return qmp_fail(err, "'ip' must be the IP address of a host");
	if (!vsw->ports[n])
		return qmp_fail(err, "there is no port %u", n);
	ret = change(vsw, n, mac, ip_text ? &ip : NULL, vid);
	if (ret == -EINVAL)
		return qmp_fail(err, "'mac' must be the address of a host");
	if (ret == -ENOSPC)
		return qmp_fail(err, "port %u: there is no room for more addresses", n);
	return control_result(ret, err, "%.64s%s%.64s at port %u", text, ip_text ? " with " : "",
			      ip_text ? ip_text : "", n);
}

json_t *control_guard_add(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			  struct qmp_error *err)
{
	return change_guard(ctx, args, err, admin_guard_add);
}

json_t *control_guard_remove(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			     struct qmp_error *err)
{
	return change_guard(ctx, args, err, admin_guard_del);
}
