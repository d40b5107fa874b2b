/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_guard.c - guard/ on the console: the source guard. VDE has no such menu. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "switchd/admin.h"
#include "switchd/console_cmds.h"
#include "switchd/guarding.h"
#include "switchd/vsw.h"

enum { GUARD_WORD = 64 };

/* guard/setport N CHECK 0/1 */
static int guard_setport(const struct console_call *call, const char *arg)
{
	enum guard_check check;
	char word[GUARD_WORD];
	unsigned int n, on;

	if (!cmd_number(&arg, VSW_PORTS_MAX, &n) || !cmd_word(&arg, word, sizeof(word)) ||
	    !guard_check_parse(word, &check) || !cmd_only_number(arg, 1, &on))
		return EINVAL;
	return -admin_guard_set(call->vsw, n, check, on);
}

static int guard_settrust(const struct console_call *call, const char *arg)
{
	unsigned int n, on;

	if (!cmd_two_numbers(arg, VSW_PORTS_MAX, &n, 1, &on))
		return EINVAL;
	return -admin_guard_trust(call->vsw, n, on);
}

/* guard/setsnooping dhcp|nd 0/1 */
static int guard_setsnooping(const struct console_call *call, const char *arg)
{
	enum guard_snoop what = GUARD_SNOOP_DHCP;
	char word[GUARD_WORD];
	unsigned int on;

	if (!cmd_word(&arg, word, sizeof(word)) || !cmd_only_number(arg, 1, &on))
		return EINVAL;
	if (!strcmp(word, "nd"))
		what = GUARD_SNOOP_ND;
	else if (strcmp(word, "dhcp"))
		return EINVAL;
	guarding_set_snooping(call->vsw, what, on);
	return 0;
}

static int guard_showinfo(const struct console_call *call, const char *arg UNUSED)
{
	const struct guard_stats s = guard_stats(call->vsw->guard);

	fprintf(call->out, "DHCP snooping=%s\nND snooping=%s\nQuestions heard: %" PRIu64
		"\nBindings: learnt %" PRIu64 " ended early %" PRIu64 " refused %" PRIu64 "\n",
		guard_snooping(call->vsw->guard, GUARD_SNOOP_DHCP) ? "true" : "false",
		guard_snooping(call->vsw->guard, GUARD_SNOOP_ND) ? "true" : "false", s.questions, s.learnt,
		s.ended, s.refused);
	return 0;
}

/* N MAC [IP [VLAN]] */
static int guard_change(const struct console_call *call, const char *arg,
			int (*change)(struct vsw *vsw, unsigned int n, struct eth_addr mac,
				      const struct in6_addr *ip, unsigned int vid))
{
	unsigned int n, vid = 0;
	char word[GUARD_WORD];
	struct eth_addr mac;
	struct in6_addr ip;
	bool has_ip;

	if (!cmd_number(&arg, VSW_PORTS_MAX, &n) || !cmd_word(&arg, word, sizeof(word)) ||
	    !eth_addr_parse(word, &mac))
		return EINVAL;
	has_ip = *arg;
	if (has_ip && (!cmd_word(&arg, word, sizeof(word)) || !mcast_group_parse(word, &ip)))
		return EINVAL;
	if (*arg && !cmd_only_number(arg, VLAN_MAX, &vid))
		return EINVAL;
	return -change(call->vsw, n, mac, has_ip ? &ip : NULL, vid);
}

static int guard_add(const struct console_call *call, const char *arg)
{
	return guard_change(call, arg, admin_guard_add);
}

static int guard_del(const struct console_call *call, const char *arg)
{
	return guard_change(call, arg, admin_guard_del);
}

static void guard_print_port(const struct port *port, FILE *out)
{
	const struct guard_port *p = &port->guard;
	char mac[ETH_ADDR_STR];

	bool any = p->mac_count || p->trusted;

	for (unsigned int i = 0; i < GUARD_CHECKS; i++)
		any |= p->check[i];
	if (!any)
		return;
	fprintf(out, "port %03u", port->id);
	for (unsigned int i = 0; i < GUARD_CHECKS; i++)
		fprintf(out, " %s=%s", guard_check_name((enum guard_check)i),
			p->check[i] ? "true" : "false");
	fprintf(out, " trusted=%s", p->trusted ? "true" : "false");
	for (unsigned int i = 0; i < p->mac_count; i++)
		fprintf(out, " %s", eth_addr_format(p->macs[i], mac));
	fputc('\n', out);
}

static void guard_print_binding(void *ctx, const struct binding *b)
{
	char ip[INET6_ADDRSTRLEN], mac[ETH_ADDR_STR];
	uint64_t now = clock_ms();

	if (b->kind == BINDING_REQUEST)
		return;
	fprintf(ctx, "VLAN %04u port %03u %s %s %s", b->vid, b->port,
		eth_addr_format(b->mac, mac), mcast_group_format(b->ip, ip),
		binding_kind_name(b->kind));
	if (b->until_ms != BINDING_NEVER && b->until_ms > now)
		fprintf(ctx, " for %" PRIu64 " secs", (b->until_ms - now + 999) / 1000);
	fputc('\n', ctx);
}

static int guard_print(const struct console_call *call, const char *arg UNUSED)
{
	const struct vsw *vsw = call->vsw;

	for (unsigned int i = 0; i <= vsw->numports; i++)
		if (vsw->ports[i])
			guard_print_port(vsw->ports[i], call->out);
	bindings_foreach(guard_bindings(vsw->guard), clock_ms(), guard_print_binding,
			 call->out);
	return 0;
}

const struct console_cmd cmd_guard[] = {
	{ "guard", CONSOLE_MENU, "SOURCE GUARD MENU", false, NULL },
	{ "guard/showinfo", "", "show guard info", true, guard_showinfo },
	{ "guard/setsnooping", "dhcp|nd 0/1",
	  "learn bindings from DHCP, whose servers are trusted, or from neighbour discovery",
	  false, guard_setsnooping },
	{ "guard/settrust", "N 0/1", "may DHCP servers be behind port N? 1=Y 0=N", false,
	  guard_settrust },
	{ "guard/setport", "N mac|ip|ra 0/1",
	  "check sources at port N: 1=yes 0=no", false, guard_setport },
	{ "guard/add", "N MAC [IP [VLAN]]",
	  "allow a source address at port N, or bind an IP address to it", false, guard_add },
	{ "guard/del", "N MAC [IP [VLAN]]", "and no longer", false, guard_del },
	{ "guard/print", "", "print guarded ports and bindings", true, guard_print },
	{ NULL, NULL, NULL, false, NULL },
};
