/* SPDX-License-Identifier: BSD-2-Clause */
/* control.c - The switch's commands for programs, on DIR/control: their table, and
 * those that neither show nor change what the switch is
 *
 * What each takes and returns is in lanbox-control(7).
 */
#include "config.h"

#include "switchd/control.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/activation.h"
#include "lib/log.h"
#include "lib/qmp.h"
#include "lib/qmp_args.h"
#include "switchd/capture.h"
#include "switchd/console.h"
#include "switchd/console_cmds.h"
#include "switchd/control_cmds.h"
#include "switchd/control_policy.h"
#include "switchd/vsw.h"

/* For commands. */

bool control_arg_port(const struct vsw *vsw, const json_t *args, unsigned int *n,
		      struct qmp_error *err)
{
	return qmp_arg_uint(args, "port", 0, vsw->numports, n, err);
}

bool control_arg_vlan(const json_t *args, unsigned int *vid, struct qmp_error *err)
{
	return qmp_arg_uint(args, "vlan", 0, VLAN_MAX, vid, err);
}

json_t *control_text(const char *s)
{
	json_t *text = json_string(s);
	char *safe;

	if (text)
		return text;
	safe = strdup(s);
	for (char *p = safe; p && *p; p++)
		if (*p & 0x80)
			*p = '?';
	text = json_string(safe);
	free(safe);
	return text;
}

/* Why, in words that fit behind "port 3: ". */
static const char *control_why(int err)
{
	switch (err) {
	case ENXIO:
		return "there is none";
	case EEXIST:
		return "there is one already";
	case EADDRINUSE:
		return "it is in use";
	case ENOSPC:
		return "no port is free";
	default:
		return strerror(err);
	}
}

json_t *control_result(int ret, struct qmp_error *err, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	if (!ret)
		return json_object();
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return qmp_fail(err, "%s: %s", what, control_why(-ret));
}

/* Captures. */

static json_t *control_capture_start(void *ctx, struct qmp_conn *conn, json_t *args,
				     struct qmp_error *err)
{
	unsigned int id, n = UINT16_MAX;
	struct vsw *vsw = ctx;
	int fd;

	if (!control_arg_port(vsw, args, &n, err))
		return NULL;
	if (n != UINT16_MAX && (!vsw->ports[n] || !vsw->ports[n]->active))
		return qmp_fail(err, "nothing is plugged into port %u", n);
	fd = capture_start(vsw, n == UINT16_MAX ? CAPTURE_ALL_PORTS : (int)n, &id);
	if (fd < 0)
		return qmp_fail(err, "cannot capture: %s", strerror(-fd));
	qmp_reply_fd(conn, fd);
	return json_pack("{s:I}", "capture", (json_int_t)id);
}

static json_t *control_capture_stop(void *ctx, struct qmp_conn *conn UNUSED,
				    json_t *args, struct qmp_error *err)
{
	uint64_t frames, missed;
	unsigned int id = 0;

	if (!qmp_arg_uint(args, "capture", 0, UINT32_MAX, &id, err))
		return NULL;
	if (capture_stop(ctx, id, &frames, &missed))
		return qmp_fail(err, "'capture' must be the number of a capture "
				"under way");
	return json_pack("{s:I,s:I}", "frames", (json_int_t)frames, "missed",
			 (json_int_t)missed);
}

/* The console. */

/* Run a command of the console. Return: its reply, owned by the caller, with the
 * status as a positive errno; NULL if there is no memory. */
static char *control_console_run(struct console_call *call, const char *line, int *status)
{
	char *text = NULL;
	size_t size = 0;

	call->out = open_memstream(&text, &size);
	if (!call->out)
		return NULL;
	*status = console_exec(call, line);
	if (!fclose(call->out))
		return text;
	free(text);
	return NULL;
}

static json_t *control_console(void *ctx, struct qmp_conn *conn, json_t *args,
			       struct qmp_error *err)
{
	struct console_call call = { .vsw = ctx };
	const struct console_cmd *cmd;
	const char *line = "", *arg;
	int ret, status = 0;
	json_t *reply;
	char *text;

	if (!qmp_arg_text(args, "line", &line, err))
		return NULL;
	for (const char *p = line; *p; p++)
		if ((unsigned char)*p < 0x20 && *p != '\t')
			return qmp_fail(err, "'line' must be one line");
	if (strlen(line) >= CONSOLE_LINE_MAX)
		return qmp_fail(err, "'line' must have less than %d bytes",
				CONSOLE_LINE_MAX);
	line += strspn(line, " \t");
	cmd = console_find(ctx, line, &arg);
	if (cmd && (!strcmp(cmd->path, "logout") || !strcmp(cmd->path, "shutdown")))
		return qmp_fail(err, "'line' must not be %s: 'quit' ends the switch",
				cmd->path);
	ret = qmp_peer(conn, &call.uid, &call.gid);
	if (ret)
		return qmp_fail(err, "who are you? %s", strerror(-ret));
	if (!*line || *line == '#')
		return json_pack("{s:i,s:s}", "status", 0, "text", "");
	text = control_console_run(&call, line, &status);
	if (!text)
		return NULL;
	reply = json_pack("{s:i,s:o}", "status", status, "text", control_text(text));
	free(text);
	return reply;
}

static json_t *control_quit(void *ctx, struct qmp_conn *conn UNUSED,
			    json_t *args UNUSED, struct qmp_error *err UNUSED)
{
	const struct vsw *vsw = ctx;

	ev_break(vsw->loop, EVBREAK_ALL);
	return json_object();
}

/* The commands. */

static const struct qmp_command control_commands[] = {
	{ "query-switch", NULL, control_query_switch },
	{ "query-ports", "port?", control_query_ports },
	{ "query-fdb", "port? vlan? address? limit?", control_query_fdb },
	{ "query-vlans", "vlan?", control_query_vlans },
	{ "query-stp", NULL, control_query_stp },
	{ "query-mcast", "vlan? port?", control_query_mcast },
	{ "query-guard", "vlan? port?", control_query_guard },
	{ "query-mirrors", NULL, control_query_mirrors },
	{ "query-lldp", NULL, control_query_lldp },
	{ "query-taps", NULL, control_query_taps },
	{ "query-events", NULL, control_query_events },
	{ "port-create", "port?", control_port_create },
	{ "port-remove", "port", control_port_remove },
	{ "port-set", "port vlan? tag-type? user? group? allocatable? name? stp-guard? "
	  "mcast-fast-leave? mcast-router? storm-broadcast? storm-multicast? "
	  "storm-unknown? " CONTROL_POLICY_ARGS, control_port_set },
	{ "port-reset-counters", "port?", control_port_reset_counters },
	{ "endpoint-close", "port id", control_endpoint_close },
	{ "vlan-create", "vlan", control_vlan_create },
	{ "vlan-remove", "vlan", control_vlan_remove },
	{ "vlan-add-port", "vlan port", control_vlan_add_port },
	{ "vlan-remove-port", "vlan port", control_vlan_remove_port },
	{ "mcast-add", "group port vlan?", control_mcast_add },
	{ "mcast-remove", "group port vlan?", control_mcast_remove },
	{ "guard-set", "port mac? ip? ra? dhcp-trust?", control_guard_set },
	{ "guard-add", "port mac ip? vlan?", control_guard_add },
	{ "guard-remove", "port mac ip? vlan?", control_guard_remove },
	{ "mirror-add", "port source direction?", control_mirror_add },
	{ "mirror-remove", "port source?", control_mirror_remove },
	{ "mirror-set", "port filter? normal?", control_mirror_set },
	{ "lldp-set", "on? interval? name? address?", control_lldp_set },
	{ "lldp-set-port", "port send", control_lldp_set_port },
	{ "tap-add", "name port?", control_tap_add },
	{ "tap-remove", "name", control_tap_remove },
	{ "fdb-flush", "port?", control_fdb_flush },
	{ "fdb-add", "address port vlan?", control_fdb_add },
	{ "fdb-remove", "address vlan?", control_fdb_remove },
	{ "set-switch", "hub? stp? numports? hashsize? ageing? ageing-interval? min-stay? "
	  "reserved? vlan-learning? mcast-snooping? mcast-querier? mcast-interval? "
	  "dhcp-snooping? nd-snooping?",
	  control_set_switch },
	{ "capture-start", "port?", control_capture_start },
	{ "capture-stop", "capture", control_capture_stop },
	{ "subscribe", "events?", control_subscribe },
	{ "console", "line", control_console },
	{ "quit", NULL, control_quit },
	{ NULL, NULL, NULL },
};

/* Life. */

void control_unlink(const struct vsw *vsw)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/control", vsw->dir);
	activation_unlink(path);
}

int control_create(struct vsw *vsw, struct qmp_server **out)
{
	char path[PATH_MAX + 16];
	int ret;

	snprintf(path, sizeof(path), "%s/control", vsw->dir);
	ret = qmp_server_create(vsw->loop, path, vsw->cfg->mgmtmode,
				vsw->cfg->mgmtgid, control_commands, vsw, out);
	if (ret)
		log_err_errno(-ret, "control socket '%s'", path);
	return ret;
}
