/* SPDX-License-Identifier: BSD-2-Clause */
/* control_lldp.c - Commands of the control socket for what neighbours are told
 *
 * As the console's lldp/ menu, they show it and change it.
 */
#include "config.h"

#include "lib/qmp_args.h"
#include "switchd/admin.h"
#include "switchd/control_cmds.h"
#include "switchd/lldp.h"
#include "switchd/vsw.h"

json_t *control_query_lldp(void *ctx, struct qmp_conn *conn UNUSED, json_t *args UNUSED,
			   struct qmp_error *err UNUSED)
{
	json_t *ports = json_array();
	const struct vsw *vsw = ctx;
	char address[INET6_ADDRSTRLEN];
	struct announce_info info;

	announce_get_info(vsw, &info);
	for (unsigned int i = 0; i <= vsw->numports; i++)
		if (vsw->ports[i])
			json_array_append_new(ports, json_pack("{s:i,s:b}", "port", (int)i,
				"send", !vsw->ports[i]->announce.off));
	return json_pack("{s:b,s:i,s:o,s:o,s:o,s:o}", "on", info.on,
			 "interval", (int)info.interval_s,
			 "name", control_text(info.name),
			 "description", control_text(info.descr),
			 "address", info.address ?
			 json_string(mcast_group_format(*info.address, address)) : json_null(),
			 "ports", ports);
}

/* What changes: an address, or none for null. Return: false if it is there and is none. */
static bool lldp_arg_address(const json_t *args, struct in6_addr *address, bool *none,
			     struct qmp_error *err)
{
	const json_t *v = json_object_get(args, "address");
	const char *text = NULL;

	*none = json_is_null(v);
	if (!v || *none)
		return true;
	if (!qmp_arg_text(args, "address", &text, err))
		return false;
	if (!mcast_group_parse(text, address))
		qmp_fail(err, "'address' must be an IP address, or null");
	return !err->desc[0];
}

json_t *control_lldp_set(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			 struct qmp_error *err)
{
	struct announce_info info;
	struct in6_addr address;
	const bool own = json_is_null(json_object_get(args, "name"));
	const char *name = own ? "" : NULL;
	struct vsw *vsw = ctx;
	bool none;

	announce_get_info(vsw, &info);
	if (!qmp_arg_bool(args, "on", &info.on, err) ||
	    !qmp_arg_uint(args, "interval", 1, LLDP_INTERVAL_MAX_S, &info.interval_s, err) ||
	    (!own && !qmp_arg_text(args, "name", &name, err)) ||
	    !lldp_arg_address(args, &address, &none, err))
		return NULL;
	/* First what may fail. */
	if (name && announce_set_name(vsw, name))
		return qmp_fail(err, "'name' must have %d bytes at most", LLDP_TEXT_MAX);
	if (json_object_get(args, "address"))
		announce_set_address(vsw, none ? NULL : &address);
	if (json_object_get(args, "interval"))
		announce_set_interval(vsw, info.interval_s);
	announce_set(vsw, info.on);
	return json_object();
}

json_t *control_lldp_set_port(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			      struct qmp_error *err)
{
	unsigned int n = 0;
	bool on = true;

	if (!control_arg_port(ctx, args, &n, err) || !qmp_arg_bool(args, "send", &on, err))
		return NULL;
	return control_result(admin_port_lldp(ctx, n, on), err, "port %u", n);
}
