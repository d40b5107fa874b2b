/* SPDX-License-Identifier: BSD-2-Clause */
/* console_cmds.c - The console's commands, in the words of VDE's console
 *
 * The texts and number formats are those that scripts in the wild parse.
 */
#include "config.h"

#include "switchd/console_cmds.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/parse.h"
#include "switchd/vsw.h"

/* A decimal number at the start of @arg; what follows goes to @rest. */
static bool cmd_number(const char *arg, unsigned int max, unsigned int *n,
		       const char **rest)
{
	char word[16];
	size_t len = strcspn(arg, " \t");

	if (len >= sizeof(word))
		return false;
	memcpy(word, arg, len);
	word[len] = 0;
	if (!parse_uint(word, 0, max, n))
		return false;
	if (rest)
		*rest = arg + len + strspn(arg + len, " \t");
	else if (arg[len + strspn(arg + len, " \t")])
		return false;
	return true;
}

/* General. */

static int cmd_help(struct vsw *vsw UNUSED, FILE *out, const char *arg)
{
	fprintf(out, "%-18s %-15s %s\n", "COMMAND PATH", "SYNTAX", "HELP");
	fprintf(out, "%-18s %-15s %s\n", "------------", "--------------",
		"------------");
	for (const struct console_cmd *c = console_cmds; c->path; c++)
		if (!strncmp(c->path, arg, strlen(arg)))
			fprintf(out, "%-18s %-15s %s\n", c->path, c->syntax, c->help);
	return 0;
}

static int cmd_showinfo(struct vsw *vsw, FILE *out, const char *arg UNUSED)
{
	char mac[ETH_ADDR_STR];

	fprintf(out, CONSOLE_BANNER "\n" "pid %ld MAC %s uptime %" PRIu64 "\n",
		(long)getpid(), eth_addr_format(vsw->cfg->addr, mac),
		(vsw_now_ms() - vsw->start_ms) / 1000);
	if (vsw->cfg->mgmt[0])
		fprintf(out, "mgmt %s perm 0%03o\n", vsw->cfg->mgmt,
			vsw->cfg->mgmtmode);
	return 0;
}

static int cmd_ds_showinfo(struct vsw *vsw, FILE *out, const char *arg UNUSED)
{
	fprintf(out, "ctl dir %s\nstd mode 0%03o\n", vsw->dir, vsw->cfg->mode);
	return 0;
}

/* The forwarding database; VDE calls it the hash table. */

static int cmd_hash_showinfo(struct vsw *vsw, FILE *out, const char *arg UNUSED)
{
	const struct fdb *fdb = vsw->bridge.fdb;

	fprintf(out, "Hash size %u\nGC interval 2 secs\nGC expire %" PRIu64
		" secs\nMin persistence 0 secs\n", fdb_buckets(fdb),
		fdb_ageing(fdb) / 1000);
	return 0;
}

static int cmd_hash_setexpire(struct vsw *vsw, FILE *out UNUSED, const char *arg)
{
	unsigned int s;

	if (!cmd_number(arg, 1000000, &s, NULL) || !s)
		return EINVAL;
	fdb_set_ageing(vsw->bridge.fdb, (uint64_t)s * 1000);
	return 0;
}

static void cmd_hash_entry(void *ctx, const struct fdb_info *info)
{
	char mac[ETH_ADDR_STR];

	fprintf(ctx, "Hash: %04u Addr: %s VLAN 0000 to port: %03u  age %" PRIu64
		" secs\n", info->bucket, eth_addr_format(info->addr, mac),
		info->port, info->age_ms / 1000);
}

static int cmd_hash_print(struct vsw *vsw, FILE *out, const char *arg UNUSED)
{
	fdb_foreach(vsw->bridge.fdb, vsw_now_ms(), cmd_hash_entry, out);
	return 0;
}

struct hash_find {
	FILE *out;
	struct eth_addr addr;
	bool found;
};

static void cmd_hash_match(void *ctx, const struct fdb_info *info)
{
	struct hash_find *find = ctx;

	if (!eth_addr_eq(info->addr, find->addr))
		return;
	find->found = true;
	cmd_hash_entry(find->out, info);
}

static int cmd_hash_find(struct vsw *vsw, FILE *out, const char *arg)
{
	struct hash_find find = { .out = out };
	size_t len = strcspn(arg, " \t");
	unsigned int vlan = 0;
	char mac[32];

	if (len >= sizeof(mac))
		return EINVAL;
	memcpy(mac, arg, len);
	mac[len] = 0;
	arg += len + strspn(arg + len, " \t");
	if (!eth_addr_parse(mac, &find.addr) ||
	    (*arg && !cmd_number(arg, 4095, &vlan, NULL)))
		return EINVAL;
	if (!vlan)
		fdb_foreach(vsw->bridge.fdb, vsw_now_ms(), cmd_hash_match, &find);
	return find.found ? 0 : ENODEV;
}

/* Ports. */

static int cmd_port_showinfo(struct vsw *vsw, FILE *out, const char *arg UNUSED)
{
	fprintf(out, "Numports=%u\nHUB=%s\ncounters=true\n", vsw->numports,
		vsw->bridge.hub ? "true" : "false");
	return 0;
}

static int cmd_port_sethub(struct vsw *vsw, FILE *out UNUSED, const char *arg)
{
	unsigned int on;

	if (!cmd_number(arg, 1, &on, NULL))
		return EINVAL;
	vsw->bridge.hub = on;
	return 0;
}

static int cmd_port_epclose(struct vsw *vsw, FILE *out UNUSED, const char *arg)
{
	struct endpoint *ep;
	unsigned int n, id;

	if (!cmd_number(arg, vsw->numports, &n, &arg) ||
	    !cmd_number(arg, INT32_MAX, &id, NULL))
		return EINVAL;
	if (!vsw->ports[n])
		return ENXIO;
	for (ep = vsw->ports[n]->endpoints; ep; ep = ep->next) {
		if (ep->id == (int)id) {
			endpoint_close(ep);
			return 0;
		}
	}
	return ENXIO;
}

static int cmd_port_resetcounter(struct vsw *vsw, FILE *out UNUSED, const char *arg)
{
	unsigned int n;

	if (!*arg) {
		for (unsigned int i = 0; i < vsw->active_count; i++)
			vsw->active[i]->stats = (struct port_stats){ 0 };
		return 0;
	}
	if (!cmd_number(arg, vsw->numports, &n, NULL))
		return EINVAL;
	if (!vsw->ports[n])
		return ENXIO;
	vsw->ports[n]->stats = (struct port_stats){ 0 };
	return 0;
}

/* Name of a user, or its number. */
static const char *cmd_user(uid_t uid, char buf[static 16])
{
	const struct passwd *pw = uid == (uid_t)-1 ? NULL : getpwuid(uid);

	if (pw)
		return pw->pw_name;
	if (uid == (uid_t)-1)
		return "NONE";
	snprintf(buf, 16, "%lu", (unsigned long)uid);
	return buf;
}

static void cmd_print_port(const struct port *port, FILE *out)
{
	char user[16];

	fprintf(out, "Port %04u untagged_vlan=0000 %s - %s%s%s\n"
		" Current User: %s Access Control: (User: NONE - Group: NONE)\n"
		" IN:  pkts %10" PRIu64 "          bytes %20" PRIu64 "\n"
		" OUT: pkts %10" PRIu64 "          bytes %20" PRIu64 "\n",
		port->id, port->endpoints ? "ACTIVE" : "INACTIVE",
		port->name ? "Named '" : "Unnamed Allocatable", port->name ? port->name : "",
		port->name ? "'" : "",
		cmd_user(port->endpoints ? port->endpoints->uid : (uid_t)-1, user),
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

static int cmd_port_print(struct vsw *vsw, FILE *out, const char *arg)
{
	unsigned int n;

	if (*arg) {
		if (!cmd_number(arg, vsw->numports, &n, NULL))
			return EINVAL;
		if (!vsw->ports[n])
			return ENXIO;
		cmd_print_port(vsw->ports[n], out);
		return 0;
	}
	for (unsigned int i = 0; i <= vsw->numports; i++)
		if (vsw->ports[i])
			cmd_print_port(vsw->ports[i], out);
	return 0;
}

#define MENU "============"

const struct console_cmd console_cmds[] = {
	{ "ds", MENU, "DATA SOCKET MENU", false, NULL },
	{ "ds/showinfo", "", "show ds info", true, cmd_ds_showinfo },
	{ "help", "[arg]", "Help (limited to arg when specified)", true, cmd_help },
	{ "logout", "", "logout from this mgmt terminal", false, NULL },
	{ "shutdown", "", "shutdown of the switch", false, NULL },
	{ "showinfo", "", "show switch version and info", true, cmd_showinfo },
	{ "hash", MENU, "HASH TABLE MENU", false, NULL },
	{ "hash/showinfo", "", "show hash info", true, cmd_hash_showinfo },
	{ "hash/setexpire", "N", "change hash entries expire time", false,
	  cmd_hash_setexpire },
	{ "hash/print", "", "print the hash table", true, cmd_hash_print },
	{ "hash/find", "MAC [VLAN]", "MAC lookup", true, cmd_hash_find },
	{ "port", MENU, "PORT STATUS MENU", false, NULL },
	{ "port/showinfo", "", "show port info", true, cmd_port_showinfo },
	{ "port/sethub", "0/1", "1=HUB 0=switch", false, cmd_port_sethub },
	{ "port/epclose", "N ID", "remove the endpoint port N/id ID", false,
	  cmd_port_epclose },
	{ "port/resetcounter", "[N]", "reset the port (N) counters", false,
	  cmd_port_resetcounter },
	{ "port/print", "[N]", "print the port/endpoint table", true,
	  cmd_port_print },
	{ "port/allprint", "[N]",
	  "print the port/endpoint table (including inactive port)", true,
	  cmd_port_print },
	{ NULL, NULL, NULL, false, NULL },
};

const struct console_cmd *console_find(const char *line, const char **arg)
{
	for (const struct console_cmd *c = console_cmds; c->path; c++) {
		size_t len = strlen(c->path);

		if (c->syntax[0] == '=' || strncmp(line, c->path, len))
			continue;
		*arg = line + len + strspn(line + len, " \t");
		return c;
	}
	return NULL;
}
