/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_mirror.c - mirror/ on the console: port mirrors. VDE has no such menu. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>

#include "switchd/console_cmds.h"
#include "switchd/mirror.h"
#include "switchd/pcap_filter.h"

/* mirror/add PORT SOURCE [in|out|both] */
static int mirror_cmd_add(const struct console_call *call, const char *arg)
{
	unsigned int to, source, ways = MIRROR_BOTH;

	if (!cmd_number(&arg, VSW_PORTS_MAX, &to) || !cmd_number(&arg, VSW_PORTS_MAX, &source) ||
	    (*arg && !mirror_way_parse(arg, &ways)))
		return EINVAL;
	return -mirror_add(call->vsw, to, source, ways);
}

/* mirror/del PORT [SOURCE] */
static int mirror_cmd_del(const struct console_call *call, const char *arg)
{
	unsigned int to, source;

	if (!cmd_number(&arg, VSW_PORTS_MAX, &to))
		return EINVAL;
	if (!*arg)
		return -mirror_remove(call->vsw, to);
	return cmd_only_number(arg, VSW_PORTS_MAX, &source) ?
	       -mirror_del(call->vsw, to, source) : EINVAL;
}

/* mirror/setfilter PORT [EXPRESSION] */
static int mirror_cmd_setfilter(const struct console_call *call, const char *arg)
{
	struct pcap_filter *filter = NULL;
	struct mirror *m;
	char why[256];
	unsigned int to;
	int ret = 0;

	if (!cmd_number(&arg, VSW_PORTS_MAX, &to))
		return EINVAL;
	m = mirror_find(call->vsw, to);
	if (!m)
		return ENXIO;
	if (*arg)
		ret = pcap_filter_compile(arg, &filter, why, sizeof(why));
	if (ret)
		fprintf(call->out, "%s\n", why);
	else
		mirror_set_filter(m, filter);
	return -ret;
}

static int mirror_cmd_setnormal(const struct console_call *call, const char *arg)
{
	struct mirror *m;
	unsigned int to, on;

	if (!cmd_two_numbers(arg, VSW_PORTS_MAX, &to, 1, &on))
		return EINVAL;
	m = mirror_find(call->vsw, to);
	if (!m)
		return ENXIO;
	mirror_set_normal(m, on);
	return 0;
}

static int mirror_cmd_print(const struct console_call *call, const char *arg UNUSED)
{
	for (const struct mirror *m = call->vsw->mirrors; m; m = m->next) {
		fprintf(call->out, "Mirror to port %04u normal=%s copied %" PRIu64
			" frames filter: %s\n", m->to, m->normal ? "true" : "false", m->frames,
			m->filter ? pcap_filter_text(m->filter) : "none");
		for (unsigned int i = 0; i <= call->vsw->numports; i++)
			if (m->ways[i])
				fprintf(call->out, "  -- port %04u %s\n", i,
					mirror_way_name(m->ways[i]));
	}
	return 0;
}

const struct console_cmd cmd_mirror[] = {
	{ "mirror", CONSOLE_MENU, "PORT MIRROR MENU", false, NULL },
	{ "mirror/add", "N SOURCE [in|out|both]", "copy the frames of port SOURCE to port N",
	  false, mirror_cmd_add },
	{ "mirror/del", "N [SOURCE]", "no longer; without SOURCE, the whole mirror", false,
	  mirror_cmd_del },
	{ "mirror/setfilter", "N [EXPRESSION]", "copy to port N only what pcap-filter(7) describes",
	  true, mirror_cmd_setfilter },
	{ "mirror/setnormal", "N 0/1", "1=port N is a port like others 0=it gets copies only",
	  false, mirror_cmd_setnormal },
	{ "mirror/print", "", "print the mirrors and their sources", true, mirror_cmd_print },
	{ NULL, NULL, NULL, false, NULL },
};
