/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_lldp.c - lldp/ on the console: telling neighbours. VDE has no such menu. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "switchd/admin.h"
#include "switchd/console_cmds.h"
#include "switchd/lldp.h"
#include "switchd/vsw.h"

static int lldp_showinfo(const struct console_call *call, const char *arg UNUSED)
{
	const struct vsw *vsw = call->vsw;
	char address[INET6_ADDRSTRLEN];
	struct announce_info info;

	announce_get_info(vsw, &info);
	fprintf(call->out, "LLDP=%s\nInterval=%u secs\nName=%s\nDescription=%s\nAddress=%s\n",
		info.on ? "true" : "false", info.interval_s, info.name, info.descr,
		info.address ? mcast_group_format(*info.address, address) : "NONE");
	for (unsigned int i = 0; i <= vsw->numports; i++)
		if (vsw->ports[i] && vsw->ports[i]->announce.off)
			fprintf(call->out, "port %03u off\n", i);
	return 0;
}

static int lldp_cmd_set(const struct console_call *call, const char *arg)
{
	unsigned int on;

	if (!cmd_only_number(arg, 1, &on))
		return EINVAL;
	announce_set(call->vsw, on);
	return 0;
}

static int lldp_setinterval(const struct console_call *call, const char *arg)
{
	unsigned int s;

	if (!cmd_only_number(arg, LLDP_INTERVAL_MAX_S, &s) || !s)
		return EINVAL;
	announce_set_interval(call->vsw, s);
	return 0;
}

static int lldp_setname(const struct console_call *call, const char *arg)
{
	return -announce_set_name(call->vsw, arg);
}

static int lldp_setaddress(const struct console_call *call, const char *arg)
{
	struct in6_addr address;

	if (strcmp(arg, "NONE") && !mcast_group_parse(arg, &address))
		return EINVAL;
	announce_set_address(call->vsw, strcmp(arg, "NONE") ? &address : NULL);
	return 0;
}

static int lldp_setport(const struct console_call *call, const char *arg)
{
	unsigned int n, on;

	if (!cmd_two_numbers(arg, VSW_PORTS_MAX, &n, 1, &on))
		return EINVAL;
	return -admin_port_lldp(call->vsw, n, on);
}

const struct console_cmd cmd_lldp[] = {
	{ "lldp", CONSOLE_MENU, "NEIGHBOURS MENU", false, NULL },
	{ "lldp/showinfo", "", "show what neighbours are told", true, lldp_showinfo },
	{ "lldp/setlldp", "0/1", "1=tell neighbours of this switch by LLDP 0=no", false,
	  lldp_cmd_set },
	{ "lldp/setinterval", "N", "seconds between frames", false, lldp_setinterval },
	{ "lldp/setname", "[NAME]", "the name of the switch (DIRECTORY@HOST)", false,
	  lldp_setname },
	{ "lldp/setaddress", "IP|NONE", "the address at which it is managed", false,
	  lldp_setaddress },
	{ "lldp/setport", "N 0/1", "tell who is behind port N? 1=Y 0=N", false, lldp_setport },
	{ NULL, NULL, NULL, false, NULL },
};
