/* SPDX-License-Identifier: BSD-2-Clause */
/* topo_check.c - Verbs that say how things are; README.md describes them */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "switchd/rstp.h"
#include "switchd/stp.h"
#include "tests/topo/machine.h"
#include "tests/topo/topo.h"

enum { CHECK_LIST = 65536 };

/* Lists: what there is and what there should be, as sorted lines of text. */

struct list {
	char *item[CHECK_LIST];
	unsigned int count;
};

static struct list got, wanted;

static void list_add(struct topo *t, struct list *list, const char *text)
{
	if (list->count == CHECK_LIST)
		topo_fail(t, "the list is too long");
	list->item[list->count] = strdup(text);
	if (!list->item[list->count++])
		abort();
}

static void list_clear(struct list *list)
{
	while (list->count)
		free(list->item[--list->count]);
}

static int list_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Fail unless both are the same. */
static void list_compare(struct topo *t, const char *what)
{
	const char *less = NULL, *more = NULL;
	char why[TOPO_LINE];
	unsigned int w = 0, g = 0;

	qsort(got.item, got.count, sizeof(*got.item), list_cmp);
	qsort(wanted.item, wanted.count, sizeof(*wanted.item), list_cmp);
	while (!less && !more && (w < wanted.count || g < got.count)) {
		int cmp = w == wanted.count ? 1 : g == got.count ? -1 :
			  strcmp(wanted.item[w], got.item[g]);

		if (cmp < 0)
			less = wanted.item[w];
		else if (cmp > 0)
			more = got.item[g];
		w++;
		g++;
	}
	if (less)
		snprintf(why, sizeof(why), "expected: %s has '%s'; came: it has not", what, less);
	else
		snprintf(why, sizeof(why), "expected: nothing more in %s; came: '%s'", what,
			 more ? more : "");
	list_clear(&got);
	list_clear(&wanted);
	if (less || more)
		topo_fail(t, "%s", why);
}

/* Addresses. */

static void check_fdb_entry(void *ctx, const struct fdb_info *info)
{
	struct topo *t = ctx;
	char text[96], addr[32];

	snprintf(text, sizeof(text), "%s %u vlan %u", topo_addr_name(t, info->addr, addr),
		 info->port, info->vid);
	list_add(t, &got, text);
}

/* fdb NAME nothing, fdb NAME N addresses, fdb NAME STATION PORT [vlan VID], ... */
static void topo_verb_fdb(struct topo *t)
{
	const struct net_bridge *b = topo_bridge(t, topo_word(t, "a switch"));
	const struct fdb *fdb = b->vsw->bridge.fdb;

	if (t->at + 2 == t->count && !strcmp(t->words[t->at + 1], "addresses")) {
		unsigned int n = topo_number(t, "number", 0, VSW_FDB_MAX);

		if (n != fdb_count(fdb))
			topo_fail(t, "expected: %s knows %u addresses; came: %u", b->name, n,
				  fdb_count(fdb));
		topo_word(t, "addresses");
		return;
	}
	if (!topo_take(t, "nothing")) {
		do {
			struct eth_addr addr = topo_addr(t, topo_word(t, "a station"));
			unsigned int port = topo_number(t, "port", 0, VSW_PORTS_MAX), vid = 0;
			char text[96], name[32];

			if (topo_take(t, "vlan"))
				vid = topo_number(t, "VLAN", 0, 4095);
			snprintf(text, sizeof(text), "%s %u vlan %u",
				 topo_addr_name(t, addr, name), port, vid);
			list_add(t, &wanted, text);
		} while (topo_take(t, ","));
	}
	fdb_foreach(fdb, machine_now_us / 1000, check_fdb_entry, t);
	list_compare(t, "the table of addresses");
}

/* Groups. */

static void check_group_entry(void *ctx, const struct mcast_info *info)
{
	char text[128], group[INET6_ADDRSTRLEN];

	snprintf(text, sizeof(text), "%s %u vlan %u",
		 info->router ? "router" : mcast_group_format(info->group, group), info->port,
		 info->vid);
	list_add(ctx, &got, text);
}

/* groups NAME nothing, groups NAME GROUP|router PORT [vlan VID], ... */
static void topo_verb_groups(struct topo *t)
{
	const struct net_bridge *b = topo_bridge(t, topo_word(t, "a switch"));

	if (!topo_take(t, "nothing")) {
		do {
			const char *group = topo_word(t, "a group");
			unsigned int port = topo_number(t, "port", 0, VSW_PORTS_MAX), vid = 0;
			char text[128];

			if (topo_take(t, "vlan"))
				vid = topo_number(t, "VLAN", 0, 4095);
			snprintf(text, sizeof(text), "%s %u vlan %u", group, port, vid);
			list_add(t, &wanted, text);
		} while (topo_take(t, ","));
	}
	mcast_foreach(b->vsw->mcast, machine_now_us / 1000, check_group_entry, t);
	list_compare(t, "the table of groups");
}

/* Counters. */

/* drops PLACE nothing, drops PLACE REASON N, ... */
static void topo_verb_drops(struct topo *t)
{
	const struct port *port = topo_port(t, topo_word(t, "a port"));
	char text[96];

	if (!topo_take(t, "nothing")) {
		do {
			const char *reason = topo_word(t, "a reason");
			unsigned int n = topo_number(t, "number", 0, UINT32_MAX);

			snprintf(text, sizeof(text), "%s %u", reason, n);
			list_add(t, &wanted, text);
		} while (topo_take(t, ","));
	}
	for (unsigned int i = 0; i < DROP_REASON_COUNT; i++) {
		if (!port->stats.drop[i])
			continue;
		snprintf(text, sizeof(text), "%s %" PRIu64, drop_reason_name(i),
			 port->stats.drop[i]);
		list_add(t, &got, text);
	}
	list_compare(t, "the list of drops");
}

/* counts PLACE [in N] [out N] [in-bytes N] [out-bytes N] */
static void topo_verb_counts(struct topo *t)
{
	const struct port_stats *s = &topo_port(t, topo_word(t, "a port"))->stats;
	const struct {
		const char *name;
		uint64_t is;
	} counters[] = {
		{ "in", s->rx_frames }, { "out", s->tx_frames }, { "in-bytes", s->rx_bytes },
		{ "out-bytes", s->tx_bytes },
	};

	while (topo_more(t)) {
		size_t i = 0;
		uint64_t n;

		while (i < ARRAY_SIZE(counters) && !topo_take(t, counters[i].name))
			i++;
		if (i == ARRAY_SIZE(counters))
			topo_fail(t, "there is no counter '%s'", topo_peek(t));
		n = topo_number(t, "number", 0, UINT32_MAX);
		if (counters[i].is != n)
			topo_fail(t, "expected: %s %" PRIu64 "; came: %" PRIu64,
				  counters[i].name, n, counters[i].is);
	}
}

/* held PLACE..., free PLACE...: whether the switch reads from there */
static void check_held(struct topo *t, bool held)
{
	do {
		const struct net_end *end = topo_place(t, topo_word(t, "a port"));

		if (end->held != held)
			topo_fail(t, "expected: %s is %s; came: it is not", topo_end_name(end),
				  held ? "held back" : "free");
	} while (topo_more(t));
}

static void topo_verb_held(struct topo *t)
{
	check_held(t, true);
}

static void topo_verb_free(struct topo *t)
{
	check_held(t, false);
}

/* gone PLACE...: it was closed by the switch */
static void topo_verb_gone(struct topo *t)
{
	do {
		const struct net_end *end = topo_place(t, topo_word(t, "a port"));

		if (end->plugged)
			topo_fail(t, "expected: %s is gone; came: it is there",
				  topo_end_name(end));
	} while (topo_more(t));
}

/* The spanning tree. */

static void check_word(struct topo *t, const char *is, const char *what)
{
	const char *word = topo_word(t, what);

	if (strcasecmp(word, is))
		topo_fail(t, "expected: %s %s; came: %s", what, word, is);
}

/* port PLACE [ROLE] [STATE] [edge|no-edge] [guarded] [stp] [agreed] [cost N] */
static void topo_verb_port(struct topo *t)
{
	static const char *const roles[] = { "root", "designated", "alternate", "backup",
					     "disabled" };
	static const char *const states[] = { "discarding", "learning", "forwarding" };
	const struct port *port = topo_port(t, topo_word(t, "a port"));
	struct rstp_port_info p;

	if (stp_port_get_info(port, &p))
		topo_fail(t, "the port takes no part in a spanning tree");
	while (topo_more(t)) {
		bool known = false;

		for (size_t i = 0; !known && i < ARRAY_SIZE(roles); i++)
			known = !strcmp(roles[i], topo_peek(t));
		if (known) {
			check_word(t, rstp_role_name(p.role), "role");
			continue;
		}
		for (size_t i = 0; !known && i < ARRAY_SIZE(states); i++)
			known = !strcmp(states[i], topo_peek(t));
		if (known) {
			check_word(t, rstp_state_name(p.state), "state");
			continue;
		}
		if (topo_take(t, "cost")) {
			unsigned int n = topo_number(t, "cost", 0, UINT32_MAX);

			if (n != p.cost)
				topo_fail(t, "expected: cost %u; came: %u", n, p.cost);
		} else if (!strcmp(topo_peek(t), "edge") || !strcmp(topo_peek(t), "no-edge")) {
			check_word(t, p.edge ? "edge" : "no-edge", "it is");
		} else if (!strcmp(topo_peek(t), "guarded") ||
			   !strcmp(topo_peek(t), "unguarded")) {
			check_word(t, p.guarded ? "guarded" : "unguarded", "it is");
		} else if (!strcmp(topo_peek(t), "stp") || !strcmp(topo_peek(t), "rstp")) {
			check_word(t, p.sends_stp ? "stp" : "rstp", "it sends");
		} else {
			topo_fail(t, "'%s' is not known of ports", topo_peek(t));
		}
	}
}

/* tree NAME PORT ROLE, ...: all ports of a tree that has settled. Root and designated ports
 * forward, the others discard. */
static void topo_verb_tree(struct topo *t)
{
	const struct vsw *vsw = topo_bridge(t, topo_word(t, "a switch"))->vsw;
	struct rstp_port_info p;
	unsigned int n = 0;

	do {
		unsigned int id = topo_number(t, "port", 0, vsw->numports);
		const char *role = topo_word(t, "a role");
		enum rstp_state state;

		if (!vsw->ports[id] || stp_port_get_info(vsw->ports[id], &p))
			topo_fail(t, "there is no port %u in a tree", id);
		if (strcasecmp(role, rstp_role_name(p.role)))
			topo_fail(t, "expected: port %u has role %s; came: %s, %s", id, role,
				  rstp_role_name(p.role), rstp_state_name(p.state));
		state = p.role == RSTP_ROOT || p.role == RSTP_DESIGNATED ? RSTP_FORWARDING :
			RSTP_DISCARDING;
		if (p.state != state)
			topo_fail(t, "expected: port %u (%s) is %s; came: %s", id, role,
				  rstp_state_name(state), rstp_state_name(p.state));
		n++;
	} while (topo_take(t, ","));
	if (n != vsw->active_count)
		topo_fail(t, "expected: %u ports; came: %u", n, vsw->active_count);
}

/* root NAME ID|itself [cost N] [port N] */
static void topo_verb_root(struct topo *t)
{
	const struct net_bridge *b = topo_bridge(t, topo_word(t, "a switch"));
	const char *word = topo_word(t, "a bridge");
	struct rstp_info info;
	uint64_t id;

	stp_get_info(b->vsw, &info);
	id = strcmp(word, "itself") ? topo_bridge_id(t, word) : info.bridge;
	if (info.root != id)
		topo_fail(t, "expected: root %s (%016" PRIx64 "); came: %016" PRIx64, word, id,
			  info.root);
	if (!strcmp(word, "itself") && info.root_port >= 0)
		topo_fail(t, "expected: no root port; came: port %d", info.root_port);
	while (topo_more(t)) {
		if (topo_take(t, "cost")) {
			unsigned int n = topo_number(t, "cost", 0, UINT32_MAX);

			if (n != info.root_cost)
				topo_fail(t, "expected: cost %u; came: %u", n, info.root_cost);
		} else if (topo_take(t, "port")) {
			int n = (int)topo_number(t, "port", 0, VSW_PORTS_MAX);

			if (n != info.root_port)
				topo_fail(t, "expected: root port %d; came: %d", n,
					  info.root_port);
		} else {
			topo_fail(t, "'%s' is not known of the root", topo_peek(t));
		}
	}
}

/* What a switch says for itself. */

/* Whether a BPDU is what the rest of the line says; t->at is at the end if so. */
static bool check_bpdu(struct topo *t, const struct packet_bpdu *b)
{
	static const struct {
		const char *name;
		unsigned int mask, bits;
	} flags[] = {
		{ "change", 1, 1 }, { "no-change", 1, 0 }, { "proposal", 2, 2 },
		{ "no-proposal", 2, 0 }, { "alternate", 12, 4 }, { "root-port", 12, 8 },
		{ "designated", 12, 12 }, { "learning", 16, 16 }, { "forwarding", 32, 32 },
		{ "no-forwarding", 32, 0 }, { "agreement", 64, 64 }, { "ack", 128, 128 },
	};
	bool good = true;

	while (topo_more(t)) {
		size_t i = 0;

		while (i < ARRAY_SIZE(flags) && !topo_take(t, flags[i].name))
			i++;
		if (i < ARRAY_SIZE(flags))
			good &= (b->flags & flags[i].mask) == flags[i].bits;
		else if (topo_take(t, "rst"))
			good &= b->type == PACKET_BPDU_RST && b->version == 2;
		else if (topo_take(t, "config"))
			good &= b->type == PACKET_BPDU_CONFIG && b->version == 0;
		else if (topo_take(t, "tcn"))
			good &= b->type == PACKET_BPDU_TCN && b->version == 0;
		else if (topo_take(t, "root"))
			good &= b->root == topo_bridge_id(t, topo_word(t, "a bridge"));
		else if (topo_take(t, "bridge"))
			good &= b->bridge == topo_bridge_id(t, topo_word(t, "a bridge"));
		else if (topo_take(t, "cost"))
			good &= b->cost == topo_number(t, "cost", 0, UINT32_MAX);
		else if (topo_take(t, "port"))
			good &= b->port == topo_number(t, "port", 0, 0xffff);
		else if (topo_take(t, "age"))
			good &= b->age == topo_number(t, "age", 0, 255);
		else if (topo_take(t, "max-age"))
			good &= b->max_age == topo_number(t, "age", 0, 255);
		else if (topo_take(t, "hello"))
			good &= b->hello == topo_number(t, "time", 0, 255);
		else if (topo_take(t, "delay"))
			good &= b->delay == topo_number(t, "time", 0, 255);
		else
			topo_fail(t, "'%s' is not known of BPDUs", topo_peek(t));
	}
	return good;
}

/* The same of a query. */
static bool check_query(struct topo *t, const struct in6_addr *group, bool v6,
			unsigned int vid)
{
	struct in6_addr wants;
	bool good = true;

	while (topo_more(t)) {
		if (topo_take(t, "all"))
			good &= IN6_IS_ADDR_UNSPECIFIED(group);
		else if (topo_take(t, "ipv6"))
			good &= v6;
		else if (topo_take(t, "ipv4"))
			good &= !v6;
		else if (topo_take(t, "tag"))
			good &= vid == topo_number(t, "VLAN", 0, 4095);
		else if (topo_take(t, "untagged"))
			good &= !vid;
		else if (topo_ip(topo_word(t, "a group"), &wants))
			good &= !memcmp(&wants, group, sizeof(wants));
		else
			topo_fail(t, "'%s' is not known of queries", t->words[t->at - 1]);
	}
	return good;
}

/* hears PLACE nothing|bpdu ...|query ... [times N is not here: any number does] */
static void check_hears(struct topo *t, bool should)
{
	const struct net_end *end = topo_place(t, topo_word(t, "a port"));
	const char *what = topo_word(t, "bpdu or query");
	const bool bpdus = !strcmp(what, "bpdu");
	unsigned int from = t->at, heard = 0, others = 0;

	if (!bpdus && strcmp(what, "query"))
		topo_fail(t, "'%s' is not bpdu or query", what);
	for (const struct net_frame *f = t->net.came.first; f; f = f->next) {
		struct packet_bpdu b;
		struct in6_addr group;
		unsigned int vid;
		bool v6, good;

		if (f->end != end || f->taken)
			continue;
		t->at = from;
		if (bpdus && packet_read_bpdu(f->bytes, f->size, &b))
			good = check_bpdu(t, &b);
		else if (!bpdus && packet_read_query(f->bytes, f->size, &group, &v6, &vid))
			good = check_query(t, &group, v6, vid);
		else
			continue;
		heard += good;
		others += !good;
	}
	t->at = t->count;
	if (should && !heard)
		topo_fail(t, "expected: %s hears such a %s; came: %u others", topo_end_name(end),
			  what, others);
	if (!should && heard)
		topo_fail(t, "expected: %s hears no such %s; came: %u", topo_end_name(end),
			  what, heard);
}

static void topo_verb_hears(struct topo *t)
{
	check_hears(t, true);
}

static void topo_verb_hears_no(struct topo *t)
{
	check_hears(t, false);
}

const struct topo_verb topo_check_verbs[] = {
	{ "fdb", TOPO_CHECK, topo_verb_fdb },
	{ "groups", TOPO_CHECK, topo_verb_groups },
	{ "drops", TOPO_CHECK, topo_verb_drops },
	{ "counts", TOPO_CHECK, topo_verb_counts },
	{ "held", TOPO_CHECK, topo_verb_held },
	{ "free", TOPO_CHECK, topo_verb_free },
	{ "gone", TOPO_CHECK, topo_verb_gone },
	{ "port", TOPO_CHECK, topo_verb_port },
	{ "root", TOPO_CHECK, topo_verb_root },
	{ "tree", TOPO_CHECK, topo_verb_tree },
	{ "hears", TOPO_CHECK, topo_verb_hears },
	{ "hears-no", TOPO_CHECK, topo_verb_hears_no },
	{ NULL, TOPO_CHECK, NULL },
};
