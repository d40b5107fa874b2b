/* SPDX-License-Identifier: BSD-2-Clause */
/* control_mirror.c - Port mirrors on the control socket */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "lib/qmp_args.h"
#include "switchd/control_cmds.h"
#include "switchd/mirror.h"
#include "switchd/pcap_filter.h"

static json_t *mirror_show_sources(const struct vsw *vsw, const struct mirror *m)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i <= vsw->numports; i++)
		if (m->ways[i])
			json_array_append_new(list, json_pack("{s:i,s:s}", "port", (int)i,
				"direction", mirror_way_name(m->ways[i])));
	return list;
}

json_t *control_query_mirrors(void *ctx, struct qmp_conn *conn UNUSED, json_t *args UNUSED,
			      struct qmp_error *err UNUSED)
{
	const struct vsw *vsw = ctx;
	json_t *list = json_array();

	for (const struct mirror *m = vsw->mirrors; m; m = m->next)
		json_array_append_new(list, json_pack("{s:i,s:b,s:o,s:I,s:o}",
			"port", m->to, "normal", m->normal,
			"filter", m->filter ? control_text(pcap_filter_text(m->filter)) :
				  json_null(),
			"frames", (json_int_t)m->frames,
			"sources", mirror_show_sources(vsw, m)));
	return list;
}

json_t *control_mirror_add(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			   struct qmp_error *err)
{
	unsigned int to = 0, source = 0, ways;
	const char *way = "both";
	struct vsw *vsw = ctx;
	int ret;

	if (!control_arg_port(vsw, args, &to, err) ||
	    !qmp_arg_uint(args, "source", 0, vsw->numports, &source, err) ||
	    !qmp_arg_text(args, "direction", &way, err))
		return NULL;
	if (!mirror_way_parse(way, &ways))
		return qmp_fail(err, "'direction' must be in, out or both");
	if (!vsw->ports[to] || !vsw->ports[source])
		return qmp_fail(err, "there is no port %u", vsw->ports[to] ? source : to);
	ret = mirror_add(vsw, to, source, ways);
	switch (ret) {
	case -EINVAL:
		return qmp_fail(err, "port %u cannot mirror itself", to);
	case -EADDRINUSE:
		return qmp_fail(err, "no port can be source and destination of mirrors");
	case -ENOSPC:
		return qmp_fail(err, "there are %d mirrors already", MIRROR_MAX);
	default:
		return control_result(ret, err, "a mirror at port %u", to);
	}
}

json_t *control_mirror_remove(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			      struct qmp_error *err)
{
	unsigned int to = 0, source = 0;
	struct vsw *vsw = ctx;

	if (!control_arg_port(vsw, args, &to, err) ||
	    !qmp_arg_uint(args, "source", 0, vsw->numports, &source, err))
		return NULL;
	if (json_object_get(args, "source"))
		return control_result(mirror_del(vsw, to, source), err,
				      "port %u as a source of a mirror at port %u", source, to);
	return control_result(mirror_remove(vsw, to), err, "a mirror at port %u", to);
}

json_t *control_mirror_set(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			   struct qmp_error *err)
{
	const json_t *filter_arg = json_object_get(args, "filter");
	struct pcap_filter *filter = NULL;
	const char *text = "none";
	struct mirror *m;
	unsigned int to = 0;
	char why[256];
	bool normal;

	if (!control_arg_port(ctx, args, &to, err))
		return NULL;
	m = mirror_find(ctx, to);
	if (!m)
		return qmp_fail(err, "there is no mirror at port %u", to);
	normal = m->normal;
	if (!qmp_arg_bool(args, "normal", &normal, err) ||
	    (filter_arg && !json_is_null(filter_arg) &&
	     !qmp_arg_text(args, "filter", &text, err)))
		return NULL;
	if (strcmp(text, "none") && pcap_filter_compile(text, &filter, why, sizeof(why)))
		return qmp_fail(err, "'filter': %s", why);
	if (filter_arg)
		mirror_set_filter(m, filter);
	mirror_set_normal(m, normal);
	return json_object();
}
