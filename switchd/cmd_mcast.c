/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_mcast.c - mcast/ on the console: multicast snooping. VDE has no such menu. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>

#include "switchd/admin.h"
#include "switchd/console_cmds.h"
#include "switchd/snoop.h"
#include "switchd/vsw.h"

enum { MCAST_WORD = 64 };

static int mcast_showinfo(const struct console_call *call, const char *arg UNUSED)
{
	const struct mcast *m = call->vsw->mcast;
	const struct mcast_stats *s = mcast_stats(m);

	fprintf(call->out, "Snooping=%s\nQuerier=%s\nInterval=%u secs\n",
		snoop_is_on(call->vsw) ? "true" : "false",
		mcast_querier(m) ? "true" : "false", mcast_interval(m));
	fprintf(call->out, "Heard: reports %" PRIu64 " queries %" PRIu64 " malformed %" PRIu64
		"\nQueries sent: %" PRIu64 "\nEntries given up: %" PRIu64 "\n", s->reports,
		s->queries, s->bad, s->asked, s->evicted);
	return 0;
}

static int mcast_cmd_setsnooping(const struct console_call *call, const char *arg)
{
	unsigned int on;

	if (!cmd_only_number(arg, 1, &on))
		return EINVAL;
	snoop_set(call->vsw, on);
	return 0;
}

static int mcast_cmd_setquerier(const struct console_call *call, const char *arg)
{
	unsigned int on;

	if (!cmd_only_number(arg, 1, &on))
		return EINVAL;
	mcast_set_querier(call->vsw->mcast, on);
	return 0;
}

static int mcast_cmd_setinterval(const struct console_call *call, const char *arg)
{
	unsigned int s;

	if (!cmd_only_number(arg, MCAST_INTERVAL_MAX_S, &s) || !s)
		return EINVAL;
	mcast_set_interval(call->vsw->mcast, s);
	return 0;
}

static int mcast_cmd_setfastleave(const struct console_call *call, const char *arg)
{
	unsigned int n, on;

	if (!cmd_two_numbers(arg, VSW_PORTS_MAX, &n, 1, &on))
		return EINVAL;
	return -admin_mcast_fast_leave(call->vsw, n, on);
}

static int mcast_cmd_setrouter(const struct console_call *call, const char *arg)
{
	enum mcast_router router;
	char word[MCAST_WORD];
	unsigned int n;

	if (!cmd_number(&arg, VSW_PORTS_MAX, &n) || !cmd_word(&arg, word, sizeof(word)) ||
	    *arg || !mcast_router_parse(word, &router))
		return EINVAL;
	return -admin_mcast_router(call->vsw, n, router);
}

/* VLAN GROUP PORT */
static int mcast_cmd_change(const struct console_call *call, const char *arg,
			    int (*change)(struct vsw *vsw, unsigned int vid,
					  struct in6_addr group, unsigned int n))
{
	struct in6_addr group;
	char word[MCAST_WORD];
	unsigned int vid, n;

	if (!cmd_number(&arg, VLAN_MAX, &vid) || !cmd_word(&arg, word, sizeof(word)) ||
	    !mcast_group_parse(word, &group) || !cmd_only_number(arg, VSW_PORTS_MAX, &n))
		return EINVAL;
	return -change(call->vsw, vid, group, n);
}

static int mcast_cmd_add(const struct console_call *call, const char *arg)
{
	return mcast_cmd_change(call, arg, admin_mcast_add);
}

static int mcast_cmd_del(const struct console_call *call, const char *arg)
{
	return mcast_cmd_change(call, arg, admin_mcast_del);
}

static void mcast_print_entry(void *ctx, const struct mcast_info *info)
{
	const char *group = "router";
	char buf[INET6_ADDRSTRLEN];

	if (!info->router)
		group = mcast_group_format(info->group, buf);
	fprintf(ctx, "VLAN %04u port %03u %s ", info->vid, info->port, group);
	if (info->fixed)
		fputs("static\n", ctx);
	else
		fprintf(ctx, "for %" PRIu64 " secs\n", (info->left_ms + 999) / 1000);
}

static int mcast_print(const struct console_call *call, const char *arg UNUSED)
{
	const struct vsw *vsw = call->vsw;

	for (unsigned int i = 0; i <= vsw->numports; i++) {
		enum mcast_router router = mcast_router(vsw->mcast, (uint16_t)i);
		bool fast = mcast_fast_leave(vsw->mcast, (uint16_t)i);

		if (router != MCAST_ROUTER_AUTO || fast)
			fprintf(call->out, "port %03u router=%s fastleave=%s\n", i,
				mcast_router_name(router), fast ? "true" : "false");
	}
	mcast_foreach(vsw->mcast, clock_ms(), mcast_print_entry, call->out);
	return 0;
}

const struct console_cmd cmd_mcast[] = {
	{ "mcast", CONSOLE_MENU, "MULTICAST MENU", false, NULL },
	{ "mcast/showinfo", "", "show multicast info", true, mcast_showinfo },
	{ "mcast/setsnooping", "0/1", "1=groups to those who joined 0=to all", false,
	  mcast_cmd_setsnooping },
	{ "mcast/setquerier", "0/1", "ask for members where nobody else does", false,
	  mcast_cmd_setquerier },
	{ "mcast/setinterval", "N", "seconds between queries", false, mcast_cmd_setinterval },
	{ "mcast/setfastleave", "N 0/1", "a leave at port N ends membership at once", false,
	  mcast_cmd_setfastleave },
	{ "mcast/setrouter", "N auto|always|never", "is there a router behind port N?", false,
	  mcast_cmd_setrouter },
	{ "mcast/add", "VLAN GROUP N", "send a group to port N always", false, mcast_cmd_add },
	{ "mcast/del", "VLAN GROUP N", "and no longer", false, mcast_cmd_del },
	{ "mcast/print", "", "print groups, their ports and router ports", true, mcast_print },
	{ NULL, NULL, NULL, false, NULL },
};
