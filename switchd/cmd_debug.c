/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_debug.c - debug/ on the console: which events it shows as they happen */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "lib/compiler.h"
#include "switchd/console.h"
#include "switchd/console_cmds.h"
#include "switchd/events.h"
#include "switchd/plugin.h"
#include "switchd/vsw.h"

/* The kinds whose paths begin with @prefix, as bits. Whoever wants those of a plugin
 * that is unloaded gets them again when it is loaded again. */
static uint32_t debug_matches(const struct vsw *vsw, const char *prefix)
{
	uint32_t kinds = 0;

	for (unsigned int i = 0; i < EVENT_KIND_COUNT; i++)
		if (!strncmp(event_path((enum event_kind)i), prefix, strlen(prefix)))
			kinds |= (uint32_t)1 << i;
	return kinds & plugin_events(vsw);
}

static int debug_list(const struct console_call *call, const char *arg)
{
	uint32_t kinds = debug_matches(call->vsw, arg), on = 0;

	if (call->conn)
		on = console_events(call->conn);
	fprintf(call->out, "%-22s %-3s %-6s %s\n%-22s %-3s %-6s %s\n", "CATEGORY", "TAG",
		"STATUS", "HELP", "------------", "---", "------", "----");
	for (unsigned int i = 0; i < EVENT_KIND_COUNT; i++)
		if (kinds >> i & 1)
			fprintf(call->out, "%-22s %s %-6s %s\n",
				event_path((enum event_kind)i), event_tag((enum event_kind)i),
				on >> i & 1 ? "ON" : "OFF", event_help((enum event_kind)i));
	return kinds ? 0 : ENOENT;
}

static int debug_add(const struct console_call *call, const char *arg)
{
	uint32_t kinds = debug_matches(call->vsw, arg), on;

	if (!kinds || !call->conn)
		return EINVAL;
	on = console_events(call->conn);
	if (!(kinds & ~on))
		return EEXIST;
	console_set_events(call->conn, on | kinds);
	return 0;
}

static int debug_del(const struct console_call *call, const char *arg)
{
	uint32_t kinds = debug_matches(call->vsw, arg), on;

	if (!kinds || !call->conn)
		return EINVAL;
	on = console_events(call->conn);
	if (!(kinds & on))
		return ENOENT;
	console_set_events(call->conn, on & ~kinds);
	return 0;
}

const struct console_cmd cmd_debug[] = {
	{ "debug", CONSOLE_MENU, "DEBUG MENU", false, NULL },
	{ "debug/list", "", "list debug categories", true, debug_list },
	{ "debug/add", "dbgpath", "enable debug info for a given category", false,
	  debug_add },
	{ "debug/del", "dbgpath", "disable debug info for a given category", false,
	  debug_del },
	{ NULL, NULL, NULL, false, NULL },
};
