/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_port.c - port/ on the console */
#include "config.h"

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <string.h>

#include "lib/parse.h"
#include "switchd/admin.h"
#include "switchd/console_cmds.h"
#include "switchd/user.h"
#include "switchd/vsw.h"

enum { PORT_WORD = 256 };	/* names of users and groups */

static int port_showinfo(const struct console_call *call, const char *arg UNUSED)
{
	fprintf(call->out, "Numports=%u\nHUB=%s\ncounters=true\n", call->vsw->numports,
		call->vsw->bridge.hub ? "true" : "false");
	return 0;
}

static int port_setnumports(const struct console_call *call, const char *arg)
{
	unsigned int n;

	if (!cmd_only_number(arg, VSW_PORTS_MAX, &n))
		return EINVAL;
	return -vsw_resize(call->vsw, n, call->vsw->hashsize);
}

static int port_sethub(const struct console_call *call, const char *arg)
{
	unsigned int on;

	if (!cmd_only_number(arg, 1, &on))
		return EINVAL;
	admin_hub(call->vsw, on);
	return 0;
}

static int port_setreserved(const struct console_call *call, const char *arg)
{
	return bridge_reserved_parse(arg, &call->vsw->bridge.reserved) ? 0 : EINVAL;
}

static int port_setvlan(const struct console_call *call, const char *arg)
{
	unsigned int n, vid;

	if (!cmd_two_numbers(arg, VSW_PORTS_MAX, &n, VLAN_NONE, &vid))
		return EINVAL;
	return -admin_port_vlan(call->vsw, n, vid);
}

static int port_createauto(const struct console_call *call, const char *arg UNUSED)
{
	unsigned int made;
	int ret = admin_port_create(call->vsw, 0, &made);

	if (!ret)
		fprintf(call->out, "Port %04u\n", made);
	return -ret;
}

static int port_create(const struct console_call *call, const char *arg)
{
	unsigned int n = 0, made;

	if (*arg && !cmd_only_number(arg, VSW_PORTS_MAX, &n))
		return EINVAL;
	return -admin_port_create(call->vsw, n, &made);
}

static int port_cmd_remove(const struct console_call *call, const char *arg)
{
	unsigned int n;

	if (!cmd_only_number(arg, VSW_PORTS_MAX, &n))
		return EINVAL;
	return -admin_port_remove(call->vsw, n);
}

static int port_allocatable(const struct console_call *call, const char *arg)
{
	unsigned int n, on;

	if (!cmd_two_numbers(arg, VSW_PORTS_MAX, &n, 1, &on))
		return EINVAL;
	return -admin_port_allocatable(call->vsw, n, on);
}

/* port/setstorm N KIND RATE */
static int port_setstorm(const struct console_call *call, const char *arg)
{
	enum storm_kind kind;
	unsigned int n, rate;
	char word[16];

	if (!cmd_number(&arg, VSW_PORTS_MAX, &n) || !cmd_word(&arg, word, sizeof(word)) ||
	    !storm_parse(word, &kind) || !cmd_only_number(arg, STORM_RATE_MAX, &rate))
		return EINVAL;
	return -admin_port_storm(call->vsw, n, kind, rate);
}

/* NONE and ANY stand for nobody in particular. */
static bool port_is_anybody(const char *word)
{
	return !strcmp(word, "NONE") || !strcmp(word, "ANY");
}

static int port_setuser(const struct console_call *call, const char *arg)
{
	unsigned int n;
	char word[PORT_WORD];
	uid_t uid;

	if (!cmd_number(&arg, VSW_PORTS_MAX, &n) || !cmd_word(&arg, word, sizeof(word)) ||
	    *arg)
		return EINVAL;
	if (port_is_anybody(word))
		uid = (uid_t)-1;
	else if (!user_find(word, &uid))
		return EINVAL;
	return -admin_port_user(call->vsw, n, uid);
}

static int port_setgroup(const struct console_call *call, const char *arg)
{
	gid_t gid = (gid_t)-1;
	char word[PORT_WORD];
	unsigned int n;

	if (!cmd_number(&arg, VSW_PORTS_MAX, &n) || !cmd_word(&arg, word, sizeof(word)) ||
	    *arg || (!port_is_anybody(word) && !parse_group(word, &gid)))
		return EINVAL;
	return -admin_port_group(call->vsw, n, gid);
}

/* port/name N NAME; without a NAME it loses the one it has. */
static int port_setname(const struct console_call *call, const char *arg)
{
	const struct port *port;
	char word[PORT_WORD];
	unsigned int n;
	int err;

	if (!cmd_number(&arg, VSW_PORTS_MAX, &n))
		return EINVAL;
	if (*arg)
		return cmd_word(&arg, word, sizeof(word)) && !*arg ?
		       -admin_port_name(call->vsw, n, word) : EINVAL;
	port = admin_port(call->vsw, n, &err);
	if (!port || !port->name)
		return port ? ENXIO : -err;
	snprintf(word, sizeof(word), "%s", port->name);
	return -admin_port_unname(call->vsw, word);
}

static int port_epclose(const struct console_call *call, const char *arg)
{
	unsigned int n, id;

	if (!cmd_two_numbers(arg, VSW_PORTS_MAX, &n, INT32_MAX, &id))
		return EINVAL;
	return -admin_endpoint_close(call->vsw, n, id);
}

static int port_resetcounter(const struct console_call *call, const char *arg)
{
	unsigned int n;

	if (!*arg) {
		admin_reset_all_counters(call->vsw);
		return 0;
	}
	if (!cmd_only_number(arg, VSW_PORTS_MAX, &n))
		return EINVAL;
	return -admin_reset_counters(call->vsw, n);
}

/* Name of a group, or its number. */
static const char *port_group(gid_t gid, char buf[static 16])
{
	const struct group *gr = gid == (gid_t)-1 ? NULL : getgrgid(gid);

	if (gr)
		return gr->gr_name;
	if (gid == (gid_t)-1)
		return "NONE";
	snprintf(buf, 16, "%lu", (unsigned long)gid);
	return buf;
}

static void port_print_one(const struct port *port, FILE *out)
{
	char user[USER_NAME], group[16];

	fprintf(out, "Port %04u untagged_vlan=%04u %sACTIVE - ", port->id, port->vlan.pvid,
		port->endpoints ? "" : "IN");
	if (port->name)
		fprintf(out, "Named '%s'\n", port->name);
	else
		fprintf(out, "%sUnnamed Allocatable\n", port->reserved ? "NOT " : "");
	fprintf(out, " Current User: %s",
		user_name(port->endpoints ? port->endpoints->uid : (uid_t)-1, user));
	fprintf(out, " Access Control: (User: %s - Group: %s)\n",
		user_name(port->acl_user, user), port_group(port->acl_group, group));
	fprintf(out, " IN:  pkts %10" PRIu64 "          bytes %20" PRIu64 "\n"
		" OUT: pkts %10" PRIu64 "          bytes %20" PRIu64 "\n",
		port->stats.rx_frames, port->stats.rx_bytes,
		port->stats.tx_frames, port->stats.tx_bytes);
	for (unsigned int i = 0; i < DROP_REASON_COUNT; i++)
		if (port->stats.drop[i])
			fprintf(out, " DROP: pkts %10" PRIu64 "         %s\n",
				port->stats.drop[i], drop_reason_text(i));
	for (const struct endpoint *ep = port->endpoints; ep; ep = ep->next)
		fprintf(out, "  -- endpoint ID %04d module %-12s: %s\n", ep->id,
			ep->ops->module, ep->descr);
}

static int port_print_some(const struct console_call *call, const char *arg, bool all)
{
	const struct vsw *vsw = call->vsw;
	const struct port *port;
	unsigned int n;
	int err;

	if (*arg) {
		if (!cmd_only_number(arg, VSW_PORTS_MAX, &n))
			return EINVAL;
		port = admin_port(vsw, n, &err);
		if (!port || (!all && !port->active))
			return port ? ENXIO : -err;
		port_print_one(port, call->out);
		return 0;
	}
	for (unsigned int i = 0; i <= vsw->numports; i++)
		if (vsw->ports[i] && (all || vsw->ports[i]->active))
			port_print_one(vsw->ports[i], call->out);
	return 0;
}

static int port_print(const struct console_call *call, const char *arg)
{
	return port_print_some(call, arg, false);
}

static int port_allprint(const struct console_call *call, const char *arg)
{
	return port_print_some(call, arg, true);
}

const struct console_cmd cmd_port[] = {
	{ "port", CONSOLE_MENU, "PORT STATUS MENU", false, NULL },
	{ "port/showinfo", "", "show port info", true, port_showinfo },
	{ "port/setnumports", "N", "set the number of ports", false, port_setnumports },
	{ "port/sethub", "0/1", "1=HUB 0=switch", false, port_sethub },
	{ "port/setvlan", "N VLAN", "set port VLAN (untagged)", false, port_setvlan },
	{ "port/createauto", "",
	  "create a port with an automatically allocated id (inactive|notallocatable)", true,
	  port_createauto },
	{ "port/create", "N", "create the port N (inactive|notallocatable)", false,
	  port_create },
	{ "port/remove", "N", "remove the port N", false, port_cmd_remove },
	{ "port/allocatable", "N 0/1", "Is the port allocatable as unnamed? 1=Y 0=N", false,
	  port_allocatable },
	{ "port/setuser", "N user", "access control: set user", false, port_setuser },
	{ "port/setgroup", "N user", "access control: set group", false, port_setgroup },
	{ "port/epclose", "N ID", "remove the endpoint port N/id ID", false, port_epclose },
	{ "port/resetcounter", "[N]", "reset the port (N) counters", false,
	  port_resetcounter },
	{ "port/print", "[N]", "print the port/endpoint table", true, port_print },
	{ "port/allprint", "[N]",
	  "print the port/endpoint table (including inactive port)", true, port_allprint },
	{ "port/name", "N [NAME]", "give the port a name and a socket, or take them away",
	  false, port_setname },
	{ "port/setstorm", "N broadcast|multicast|unknown RATE",
	  "port N may flood so many frames of a kind per second, 0=any number", false,
	  port_setstorm },
	{ "port/setreserved", "forward|standard|MASK",
	  "forward frames to 01-80-C2-00-00-0x: all but pause frames, none, those in MASK",
	  false, port_setreserved },
	{ NULL, NULL, NULL, false, NULL },
};
