/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_hash.c - hash/ on the console: the forwarding database, which VDE calls the
 * hash table */
#include "config.h"

#include <errno.h>
#include <inttypes.h>

#include "switchd/admin.h"
#include "switchd/console_cmds.h"
#include "switchd/vsw.h"

enum { HASH_SECONDS_MAX = 1000000 };

static int hash_showinfo(const struct console_call *call, const char *arg UNUSED)
{
	const struct vsw *vsw = call->vsw;
	const struct fdb *fdb = vsw->bridge.fdb;

	fprintf(call->out, "Hash size %u\nGC interval %u secs\nGC expire %" PRIu64
		" secs\nMin persistence %" PRIu64 " secs\n", vsw->hashsize,
		vsw_ageing_interval(vsw), fdb_ageing(fdb) / 1000, fdb_min_stay(fdb) / 1000);
	return 0;
}

static int hash_setsize(const struct console_call *call, const char *arg)
{
	unsigned int n, size = 1;

	if (!cmd_only_number(arg, VSW_FDB_MAX, &n) || !n)
		return EINVAL;
	while (size < n)
		size *= 2;
	return -vsw_resize(call->vsw, call->vsw->numports, size);
}

static int hash_setgcint(const struct console_call *call, const char *arg)
{
	unsigned int s;

	if (!cmd_only_number(arg, HASH_SECONDS_MAX, &s) || !s)
		return EINVAL;
	vsw_set_ageing_interval(call->vsw, s);
	return 0;
}

static int hash_setexpire(const struct console_call *call, const char *arg)
{
	unsigned int s;

	if (!cmd_only_number(arg, HASH_SECONDS_MAX, &s) || !s)
		return EINVAL;
	fdb_set_ageing(call->vsw->bridge.fdb, (uint64_t)s * 1000);
	return 0;
}

static int hash_setminper(const struct console_call *call, const char *arg)
{
	unsigned int s;

	if (!cmd_only_number(arg, HASH_SECONDS_MAX, &s))
		return EINVAL;
	fdb_set_min_stay(call->vsw->bridge.fdb, (uint64_t)s * 1000);
	return 0;
}

static void hash_print_entry(void *ctx, const struct fdb_info *info)
{
	char mac[ETH_ADDR_STR];

	fprintf(ctx, "Hash: %04u Addr: %s VLAN %04u to port: %03u  age %" PRIu64 " secs%s%s\n",
		info->bucket, eth_addr_format(info->addr, mac), info->vid, info->port,
		info->age_ms / 1000, info->kind == FDB_DYNAMIC ? "" : " ",
		info->kind == FDB_DYNAMIC ? "" : fdb_kind_name(info->kind));
}

static int hash_print(const struct console_call *call, const char *arg UNUSED)
{
	fdb_foreach(call->vsw->bridge.fdb, clock_ms(), hash_print_entry, call->out);
	return 0;
}

struct hash_find {
	FILE *out;
	struct eth_addr addr;
	unsigned int vid;
	bool found;
};

static void hash_match(void *ctx, const struct fdb_info *info)
{
	struct hash_find *find = ctx;

	if (!eth_addr_eq(info->addr, find->addr) || info->vid != find->vid)
		return;
	find->found = true;
	hash_print_entry(find->out, info);
}

static int hash_find(const struct console_call *call, const char *arg)
{
	struct hash_find find = { .out = call->out };
	char mac[32];

	if (!cmd_word(&arg, mac, sizeof(mac)) || !eth_addr_parse(mac, &find.addr) ||
	    (*arg && !cmd_only_number(arg, VLAN_NONE, &find.vid)))
		return EINVAL;
	fdb_foreach(call->vsw->bridge.fdb, clock_ms(), hash_match, &find);
	return find.found ? 0 : ENODEV;
}

/* hash/add MAC PORT [VLAN] */
static int hash_add(const struct console_call *call, const char *arg)
{
	unsigned int n, vid = 0;
	struct eth_addr addr;
	char mac[32];

	if (!cmd_word(&arg, mac, sizeof(mac)) || !eth_addr_parse(mac, &addr) ||
	    !cmd_number(&arg, VSW_PORTS_MAX, &n) ||
	    (*arg && !cmd_only_number(arg, VLAN_MAX, &vid)))
		return EINVAL;
	return -admin_fdb_add(call->vsw, addr, vid, n);
}

/* hash/del MAC [VLAN] */
static int hash_del(const struct console_call *call, const char *arg)
{
	struct eth_addr addr;
	unsigned int vid = 0;
	char mac[32];

	if (!cmd_word(&arg, mac, sizeof(mac)) || !eth_addr_parse(mac, &addr) ||
	    (*arg && !cmd_only_number(arg, VLAN_MAX, &vid)))
		return EINVAL;
	return -admin_fdb_del(call->vsw, addr, vid);
}

const struct console_cmd cmd_hash[] = {
	{ "hash", CONSOLE_MENU, "HASH TABLE MENU", false, NULL },
	{ "hash/showinfo", "", "show hash info", true, hash_showinfo },
	{ "hash/setsize", "N", "change hash size", false, hash_setsize },
	{ "hash/setgcint", "N", "change garbage collector interval", false, hash_setgcint },
	{ "hash/setexpire", "N", "change hash entries expire time", false, hash_setexpire },
	{ "hash/setminper", "N", "minimum persistence time", false, hash_setminper },
	{ "hash/print", "", "print the hash table", true, hash_print },
	{ "hash/find", "MAC [VLAN]", "MAC lookup", true, hash_find },
	{ "hash/add", "MAC N [VLAN]", "this address is at port N for good", false, hash_add },
	{ "hash/del", "MAC [VLAN]", "forget an address, of whatever kind", false, hash_del },
	{ NULL, NULL, NULL, false, NULL },
};
