/* SPDX-License-Identifier: BSD-2-Clause */
/* control_cmds.h - The commands of the control socket, for its table in control.c
 *
 * Each file of commands is about one thing: control_query.c shows, control_change.c
 * changes (by admin.h), control_events.c tells of what happens; control_guard.c and
 * control_lldp.c do both. @ctx is the switch.
 */
#ifndef SWITCHD_CONTROL_CMDS_H
#define SWITCHD_CONTROL_CMDS_H

#include "lib/qmp.h"

struct vsw;

/* Queries. */

qmp_handler control_query_switch, control_query_ports, control_query_fdb,
	    control_query_vlans, control_query_stp, control_query_mcast, control_query_taps, control_query_events,
	    control_query_mirrors;

/* Changes. */

qmp_handler control_port_create, control_port_remove, control_port_set,
	    control_port_reset_counters, control_endpoint_close, control_vlan_create,
	    control_vlan_remove, control_vlan_add_port, control_vlan_remove_port,
	    control_tap_add, control_tap_remove, control_fdb_flush, control_set_switch,
	    control_mcast_add, control_mcast_remove, control_fdb_add, control_fdb_remove,
	    control_mirror_add, control_mirror_remove, control_mirror_set;

/* The source guard. */

qmp_handler control_query_guard, control_guard_set, control_guard_add, control_guard_remove;

/* What neighbours are told. */

qmp_handler control_query_lldp, control_lldp_set, control_lldp_set_port;

/* Events. */

qmp_handler control_subscribe;

/* For commands. */

/* The argument "port"; unchanged if there is none. */
bool control_arg_port(const struct vsw *vsw, const json_t *args, unsigned int *n,
		      struct qmp_error *err) MUST_CHECK;

/* The argument "vlan", 0 to VLAN_MAX; unchanged if there is none. */
bool control_arg_vlan(const json_t *args, unsigned int *vid,
		      struct qmp_error *err) MUST_CHECK;

/* Bytes from anywhere as a JSON text: what is no UTF-8 becomes '?'. */
json_t *control_text(const char *s);

/**
 * control_result() - What a change returns
 * @ret:	0 or -errno
 * @err:	Filled if it is no 0: what it is about, and why
 * @fmt:	What it is about, printf-like
 *
 * Return: {} or NULL
 */
json_t *control_result(int ret, struct qmp_error *err, const char *fmt, ...) PRINTF(3, 4);

#endif /* SWITCHD_CONTROL_CMDS_H */
