/* SPDX-License-Identifier: BSD-2-Clause */
/* control.c - The switch's commands for programs, on DIR/control
 *
 * query-ports		[{port, endpoints, counters, drops}...]
 * capture-start	{"port": N} or {}: {"capture": ID} and a pipe to read from
 * capture-stop		{"capture": ID}: {"frames": N, "missed": N}
 * quit			end the switch
 */
#include "config.h"

#include "switchd/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/activation.h"
#include "lib/log.h"
#include "lib/qmp.h"
#include "switchd/capture.h"
#include "switchd/vsw.h"

static json_t *control_drops(const struct port_stats *stats)
{
	json_t *drops = json_object();

	for (unsigned int i = 0; i < DROP_REASON_COUNT; i++)
		if (stats->drop[i])
			json_object_set_new(drops, drop_reason_name(i),
					    json_integer((json_int_t)stats->drop[i]));
	return drops;
}

static json_t *control_endpoints(const struct port *port)
{
	json_t *list = json_array();

	for (const struct endpoint *ep = port->endpoints; ep; ep = ep->next)
		json_array_append_new(list, json_pack("{s:i,s:s,s:s,s:i}",
			"id", ep->id, "module", ep->ops->module, "description",
			ep->descr, "queued", (int)ep->q.count));
	return list;
}

static json_t *control_query_ports(void *ctx, struct qmp_conn *conn UNUSED,
				   json_t *args UNUSED, struct qmp_error *err UNUSED)
{
	const struct vsw *vsw = ctx;
	json_t *list = json_array();

	for (unsigned int i = 0; i <= vsw->numports; i++) {
		const struct port *port = vsw->ports[i];

		if (!port || !port->active)
			continue;
		json_array_append_new(list,
			json_pack("{s:i,s:s*,s:o,s:I,s:I,s:I,s:I,s:o}", "port", (int)i,
				"name", port->name,
				"endpoints", control_endpoints(port),
				"rx-frames", (json_int_t)port->stats.rx_frames,
				"rx-bytes", (json_int_t)port->stats.rx_bytes,
				"tx-frames", (json_int_t)port->stats.tx_frames,
				"tx-bytes", (json_int_t)port->stats.tx_bytes,
				"drops", control_drops(&port->stats)));
	}
	return list;
}

static json_t *control_capture_start(void *ctx, struct qmp_conn *conn,
				     json_t *args, struct qmp_error *err)
{
	const json_t *arg = json_object_get(args, "port");
	struct vsw *vsw = ctx;
	int port = CAPTURE_ALL_PORTS, fd;
	unsigned int id;

	if (arg) {
		json_int_t n = json_integer_value(arg);

		if (!json_is_integer(arg) || n < 0 || n > vsw->numports)
			return qmp_fail(err, "'port' must be a number from 0 to %u",
					vsw->numports);
		port = (int)n;
		if (!vsw->ports[port] || !vsw->ports[port]->active)
			return qmp_fail(err, "nothing is plugged into port %d", port);
	}
	fd = capture_start(vsw, port, &id);
	if (fd < 0)
		return qmp_fail(err, "cannot capture: %s", strerror(-fd));
	qmp_reply_fd(conn, fd);
	return json_pack("{s:i}", "capture", (int)id);
}

static json_t *control_capture_stop(void *ctx, struct qmp_conn *conn UNUSED,
				    json_t *args, struct qmp_error *err)
{
	const json_t *arg = json_object_get(args, "capture");
	uint64_t frames, missed;

	if (!json_is_integer(arg) ||
	    capture_stop(ctx, (unsigned int)json_integer_value(arg), &frames, &missed))
		return qmp_fail(err, "'capture' must be the number of a capture "
				"under way");
	return json_pack("{s:I,s:I}", "frames", (json_int_t)frames, "missed",
			 (json_int_t)missed);
}

static json_t *control_quit(void *ctx, struct qmp_conn *conn UNUSED,
			    json_t *args UNUSED, struct qmp_error *err UNUSED)
{
	const struct vsw *vsw = ctx;

	ev_break(vsw->loop, EVBREAK_ALL);
	return json_object();
}

static const struct qmp_command control_commands[] = {
	{ "query-ports", control_query_ports },
	{ "capture-start", control_capture_start },
	{ "capture-stop", control_capture_stop },
	{ "quit", control_quit },
	{ NULL, NULL },
};

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
