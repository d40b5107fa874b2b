/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_general.c - Commands of the console that belong to no menu, and ds/ */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "switchd/console.h"
#include "switchd/console_cmds.h"
#include "switchd/rcfile.h"
#include "switchd/vsw.h"

static int cmd_help(const struct console_call *call, const char *arg)
{
	size_t menu;

	fprintf(call->out, "%-18s %-15s %s\n", "COMMAND PATH", "SYNTAX", "HELP");
	fprintf(call->out, "%-18s %-15s %s\n", "------------", "--------------",
		"------------");
	for (const struct console_cmd *c = console_next(call->vsw, NULL, &menu); c;
	     c = console_next(call->vsw, c, &menu))
		if (!strncmp(c->path, arg, strlen(arg)))
			fprintf(call->out, "%-18s %-15s %s\n", c->path, c->syntax, c->help);
	return 0;
}

static int cmd_logout(const struct console_call *call, const char *arg UNUSED)
{
	if (call->conn)
		console_end(call->conn);
	return 0;
}

static int cmd_shutdown(const struct console_call *call, const char *arg UNUSED)
{
	ev_break(call->vsw->loop, EVBREAK_ALL);
	return 0;
}

static int cmd_showinfo(const struct console_call *call, const char *arg UNUSED)
{
	const struct vsw *vsw = call->vsw;
	char mac[ETH_ADDR_STR];

	fprintf(call->out, CONSOLE_BANNER "\n" "pid %ld MAC %s uptime %" PRIu64 "\n",
		(long)getpid(), eth_addr_format(vsw->cfg->addr, mac),
		(clock_ms() - vsw->start_ms) / 1000);
	if (vsw->cfg->mgmt[0])
		fprintf(call->out, "mgmt %s perm 0%03o\n", vsw->cfg->mgmt,
			vsw->cfg->mgmtmode);
	return 0;
}

static int cmd_load(const struct console_call *call, const char *arg)
{
	return *arg ? -rcfile_load(call, arg) : ENOENT;
}

const struct console_cmd cmd_general[] = {
	{ "help", "[arg]", "Help (limited to arg when specified)", true, cmd_help },
	{ "logout", "", "logout from this mgmt terminal", false, cmd_logout },
	{ "shutdown", "", "shutdown of the switch", false, cmd_shutdown },
	{ "showinfo", "", "show switch version and info", true, cmd_showinfo },
	{ "load", "path", "load a configuration script", false, cmd_load },
	{ NULL, NULL, NULL, false, NULL },
};

static int cmd_ds_showinfo(const struct console_call *call, const char *arg UNUSED)
{
	fprintf(call->out, "ctl dir %s\nstd mode 0%03o\n", call->vsw->dir,
		call->vsw->cfg->mode);
	return 0;
}

const struct console_cmd cmd_ds[] = {
	{ "ds", CONSOLE_MENU, "DATA SOCKET MENU", false, NULL },
	{ "ds/showinfo", "", "show ds info", true, cmd_ds_showinfo },
	{ NULL, NULL, NULL, false, NULL },
};
