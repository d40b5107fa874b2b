/* SPDX-License-Identifier: BSD-2-Clause */
/* control_policy.c - The rules of a port on the control socket; see control_policy.h */
#include "config.h"

#include "switchd/control_policy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "lib/parse.h"
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

static const char *const policy_ways[POLICY_WAYS] = {
	[POLICY_IN] = "in",
	[POLICY_OUT] = "out",
};

static bool policy_is_bytes(const char *text, uint64_t *bytes)
{
	return parse_size(text, 1, bytes);
}

/* A number up to @max, or a text that @parse makes one of; unchanged if there is none. */
static bool policy_read_amount(const json_t *args, const char *arg, uint64_t max,
			       bool (*parse)(const char *text, uint64_t *v), uint64_t *v,
			       struct qmp_error *err)
{
	const json_t *a = json_object_get(args, arg);

	if (!a)
		return true;
	if (json_is_integer(a) && json_integer_value(a) >= 0)
		*v = (uint64_t)json_integer_value(a);
	else if (!json_is_string(a) || !parse(json_string_value(a), v))
		*v = UINT64_MAX;
	if (*v <= max)
		return true;
	qmp_fail(err, "'%s' must be a number from 0 to %" PRIu64 ", or such a text as \"64k\"",
		 arg, max);
	return false;
}

static bool policy_read_rates(const json_t *args, struct control_policy *p,
			      struct qmp_error *err)
{
	char rate[16], burst[16];

	for (unsigned int i = 0; i < POLICY_WAYS; i++) {
		snprintf(rate, sizeof(rate), "rate-%s", policy_ways[i]);
		snprintf(burst, sizeof(burst), "burst-%s", policy_ways[i]);
		p->has_rate[i] = json_object_get(args, rate);
		if (json_object_get(args, burst) && !p->has_rate[i]) {
			qmp_fail(err, "'%s' goes with '%s'", burst, rate);
			return false;
		}
		if (!policy_read_amount(args, rate, RATE_MAX, rate_parse, &p->rate[i], err) ||
		    !policy_read_amount(args, burst, RATE_BURST_MAX, policy_is_bytes,
					&p->burst[i], err))
			return false;
	}
	return true;
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
	       policy_read_rates(args, p, err) && policy_read_secure(args, p, err);
}

int control_policy_apply(struct vsw *vsw, unsigned int n, const struct control_policy *p)
{
	int ret = 0;

	if (p->has_isolation)
		ret = admin_port_isolation(vsw, n, p->isolation);
	if (!ret && p->has_types)
		ret = admin_port_types(vsw, n, &p->types);
	for (unsigned int i = 0; i < POLICY_WAYS; i++)
		if (!ret && p->has_rate[i])
			ret = admin_port_rate(vsw, n, (enum policy_way)i, p->rate[i],
					      p->burst[i]);
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
	for (unsigned int i = 0; i < POLICY_WAYS; i++) {
		const struct rate *rate = &port->policy.rate[i];
		char name[16];

		snprintf(name, sizeof(name), "rate-%s", policy_ways[i]);
		json_object_set_new(o, name, json_integer((json_int_t)rate->bits));
		snprintf(name, sizeof(name), "burst-%s", policy_ways[i]);
		json_object_set_new(o, name, json_integer((json_int_t)rate->burst));
	}
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
