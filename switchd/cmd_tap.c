/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_tap.c - tap/ on the console, which VDE's console has not */
#include "config.h"

#include <errno.h>

#include "switchd/console_cmds.h"
#include "switchd/port_tap.h"
#include "switchd/vsw.h"

enum { TAP_NAME = 64 };		/* longer names get their error from where they are used */

static int tap_cmd_add(const struct console_call *call, const char *arg)
{
	char name[TAP_NAME];
	unsigned int port = 0;

	/* A descriptor's number means nothing to who is at the console. */
	if (!cmd_word(&arg, name, sizeof(name)) || strchr(name, '=') ||
	    (*arg && !cmd_only_number(arg, VSW_PORTS_MAX, &port)))
		return EINVAL;
	return -port_tap_add(call->vsw, name, port);
}

static int tap_cmd_del(const struct console_call *call, const char *arg)
{
	char name[TAP_NAME];

	if (!cmd_word(&arg, name, sizeof(name)) || *arg)
		return EINVAL;
	return -port_tap_remove(call->vsw, name);
}

static void tap_print_one(void *ctx, const char *name, unsigned int port, bool attached)
{
	fprintf(ctx, "tap %-15s port %04u %s\n", name, port, attached ? "ATTACHED" : "AWAY");
}

static int tap_cmd_print(const struct console_call *call, const char *arg UNUSED)
{
	port_tap_foreach(call->vsw, tap_print_one, call->out);
	return 0;
}

const struct console_cmd cmd_tap[] = {
	{ "tap", CONSOLE_MENU, "TAP INTERFACE MENU", false, NULL },
	{ "tap/add", "NAME [PORT]", "attach a tap interface", false, tap_cmd_add },
	{ "tap/del", "NAME", "detach a tap interface", false, tap_cmd_del },
	{ "tap/print", "", "print the list of tap interfaces", true, tap_cmd_print },
	{ NULL, NULL, NULL, false, NULL },
};
