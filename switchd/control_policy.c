/* SPDX-License-Identifier: BSD-2-Clause */
/* control_policy.c - The rules of a port on the control socket; see control_policy.h */
#include "config.h"

#include "switchd/control_policy.h"

#include <errno.h>

#include "lib/qmp_args.h"
#include "switchd/admin.h"
#include "switchd/control_cmds.h"
#include "switchd/isolation.h"
#include "switchd/vsw.h"

static bool policy_read_isolation(const json_t *args, struct control_policy *p,
				  struct qmp_error *err)
{
	const char *text = "promiscuous";

	p->has_isolation = json_object_get(args, "isolation");
	if (!qmp_arg_text(args, "isolation", &text, err))
		return false;
	if (isolation_parse(text, &p->isolation))
		return true;
	qmp_fail(err, "'isolation' must be promiscuous, isolated, or the number of a community "
		 "from 1 to %d, as a text", ISOLATION_COMMUNITY_MAX);
	return false;
}

static bool policy_read_types(const json_t *args, struct control_policy *p,
			      struct qmp_error *err)
{
	const char *text = "all";

	p->has_types = json_object_get(args, "ethertypes");
	if (!qmp_arg_text(args, "ethertypes", &text, err))
		return false;
	if (ethertypes_parse(text, &p->types))
		return true;
	qmp_fail(err, "'ethertypes' must be all, or up to %d of ipv4, ipv6, arp, llc and numbers "
		 "from 0x600 to 0xffff, with commas between them", ETHERTYPES_MAX);
	return false;
}

static bool policy_read_secure(const json_t *args, struct control_policy *p,
			       struct qmp_error *err)
{
	const char *text = "ignore";

	p->has_limit = json_object_get(args, "max-addresses");
	p->has_violation = json_object_get(args, "violation");
	p->has_sticky = json_object_get(args, "sticky");
	p->has_shut = json_object_get(args, "shut");
	if (!qmp_arg_uint(args, "max-addresses", 0, VSW_FDB_MAX, &p->limit, err) ||
	    !qmp_arg_bool(args, "sticky", &p->sticky, err) ||
	    !qmp_arg_bool(args, "shut", &p->shut, err) ||
	    !qmp_arg_text(args, "violation", &text, err))
		return false;
	if (secure_action_parse(text, &p->violation))
		return true;
	qmp_fail(err, "'violation' must be ignore, drop or shutdown");
	return false;
}

bool control_policy_read(const json_t *args, struct control_policy *p,
			 struct qmp_error *err)
{
	return policy_read_isolation(args, p, err) && policy_read_types(args, p, err) &&
	       policy_read_secure(args, p, err);
}

int control_policy_apply(struct vsw *vsw, unsigned int n, const struct control_policy *p)
{
	int ret = 0;

	if (p->has_isolation)
		ret = admin_port_isolation(vsw, n, p->isolation);
	if (!ret && p->has_types)
		ret = admin_port_types(vsw, n, &p->types);
	if (!ret && p->has_limit)
		ret = admin_port_limit(vsw, n, p->limit);
	if (!ret && p->has_violation)
		ret = admin_port_violation(vsw, n, p->violation);
	if (!ret && p->has_sticky)
		ret = admin_port_sticky(vsw, n, p->sticky);
	if (!ret && p->has_shut)
		ret = admin_port_shut(vsw, n, p->shut);
	return ret;
}

void control_policy_show(const struct port *port, json_t *o)
{
	const struct secure *secure = &port->policy.secure;
	struct fdb *fdb = port->vsw->bridge.fdb;
	char buf[ISOLATION_STR], types[ETHERTYPES_STR];

	json_object_set_new(o, "isolation",
			    json_string(isolation_format(port->policy.isolation, buf)));
	json_object_set_new(o, "ethertypes",
			    json_string(ethertypes_format(&port->policy.types, types)));
	json_object_set_new(o, "max-addresses", json_integer(fdb_limit(fdb, port->id)));
	json_object_set_new(o, "violation", json_string(secure_action_name(secure->action)));
	json_object_set_new(o, "sticky", json_boolean(fdb_sticky(fdb, port->id)));
	json_object_set_new(o, "sticky-addresses",
			    json_integer(fdb_kind_count(fdb, port->id, FDB_STICKY)));
	json_object_set_new(o, "static-addresses",
			    json_integer(fdb_kind_count(fdb, port->id, FDB_STATIC)));
	json_object_set_new(o, "refused", json_integer((json_int_t)secure->refused));
	json_object_set_new(o, "shut", json_string(port_shut_name(port)));
}

/* Static addresses. */

/* Read a MAC address and a VLAN. */
static bool policy_read_address(const json_t *args, struct eth_addr *addr, unsigned int *vid,
				struct qmp_error *err)
{
	const char *text = "";

	if (!control_arg_vlan(args, vid, err) || !qmp_arg_text(args, "address", &text, err))
		return false;
	if (eth_addr_parse(text, addr) && !eth_addr_is_group(*addr) && !eth_addr_is_zero(*addr))
		return true;
	qmp_fail(err, "'address' must be the MAC address of one host");
	return false;
}

json_t *control_fdb_add(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			struct qmp_error *err)
{
	unsigned int n = 0, vid = 0;
	struct vsw *vsw = ctx;
	struct eth_addr addr;
	char mac[ETH_ADDR_STR];
	int ret;

	if (!control_arg_port(vsw, args, &n, err) ||
	    !policy_read_address(args, &addr, &vid, err))
		return NULL;
	if (!vsw->ports[n])
		return qmp_fail(err, "there is no port %u", n);
	ret = admin_fdb_add(vsw, addr, vid, n);
	if (ret == -ENOSPC)
		return qmp_fail(err, "there is no room for more static addresses");
	return control_result(ret, err, "static address %s", eth_addr_format(addr, mac));
}

json_t *control_fdb_remove(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			   struct qmp_error *err)
{
	struct eth_addr addr;
	unsigned int vid = 0;
	char mac[ETH_ADDR_STR];

	if (!policy_read_address(args, &addr, &vid, err))
		return NULL;
	return control_result(admin_fdb_del(ctx, addr, vid), err, "address %s in VLAN %u",
			      eth_addr_format(addr, mac), vid);
}
