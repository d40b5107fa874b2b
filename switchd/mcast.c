/* SPDX-License-Identifier: BSD-2-Clause */
/* mcast.c - Multicast snooping: the table; the essay is in mcast.h */
#include "config.h"

#include "switchd/mcast.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/iov.h"
#include "switchd/igmp.h"

enum {
	MCAST_NIL = 0,			/* no entry, no group: the first is number 1 */
	MCAST_BUCKETS = 4096,		/* a power of two */
	MCAST_ROBUSTNESS = 2,
	MCAST_RESP_MS = 10000,		/* answers to our queries come within */
	MCAST_FAST_RESP_MS = 1000,	/* to the first one, and to those after a leave */
	MCAST_SLACK_MS = 1000,		/* on their way */
	MCAST_TYPE_IP4 = 0x0800,
	MCAST_TYPE_IP6 = 0x86dd,
	MCAST_PROTO_IGMP = 2,
	MCAST_PROTO_PIM = 103,
};

#define MCAST_NEVER	UINT64_MAX

/**
 * struct mcast_entry - A port in a group, or a router port
 * @until_ms:	When it goes; MCAST_NEVER: never; 0: the entry is free
 * @group:	Number of the group, or MCAST_NIL: a router port
 * @vid:	VLAN
 * @port:	Port
 * @mate:	Next entry of the group, of the VLAN's router ports, or of the free ones
 * @prev:	Neighbours among those that the port has, unless it is for good
 * @next:	Towards the younger ones
 */
struct mcast_entry {
	uint64_t until_ms;
	uint16_t group;
	uint16_t vid;
	uint16_t port;
	uint16_t mate;
	uint16_t prev, next;
};

/**
 * struct mcast_group - A group that some port is in
 * @members:	First entry
 * @chain:	Next group of the bucket, or of the free ones
 */
struct mcast_group {
	struct in6_addr addr;
	uint16_t vid;
	uint16_t members;
	uint16_t chain;
};

/**
 * struct mcast_port - A port
 * @oldest:	Its entries but those for good, the one confirmed longest ago first
 * @count:	How many
 * @always:	Next of the ports that are router ports always
 * @mark:	The last list for which it was taken
 */
struct mcast_port {
	uint16_t oldest, youngest;
	uint16_t count;
	uint16_t always;
	uint32_t mark;
	enum mcast_router router;
	bool fast_leave;
};

/**
 * struct mcast_querier - Who asks in a VLAN
 * @from_ms:	The answers to the first question are in
 * @until_ms:	They are good until then; 0: nobody asked yet
 * @other_ms:	Until then somebody else is the querier
 * @next_ms:	When it is our turn
 * @asked:	We did, since we began
 */
struct mcast_querier {
	uint64_t from_ms, until_ms;
	uint64_t other_ms;
	uint64_t next_ms;
	bool asked;
};

struct mcast {
	struct siphash_key key;
	struct eth_addr mac;
	mcast_send *send;
	void *ctx;
	struct mcast_stats stats;
	bool querier;
	uint64_t interval_ms;
	uint64_t flood_until_ms;
	unsigned int port_count;
	struct mcast_port *ports;
	uint16_t *list;
	uint32_t mark;
	uint16_t always;		/* first port that is a router port always */
	uint16_t fullest;
	uint16_t free_entry, free_group;
	uint16_t used_entries, used_groups;	/* ever */
	uint16_t bucket[MCAST_BUCKETS];
	uint16_t routers[VLAN_NONE + 1];	/* first entry, by VLAN */
	struct mcast_querier who[VLAN_NONE + 1][2];
	struct mcast_entry entry[MCAST_ENTRIES + 1];
	struct mcast_group group[MCAST_ENTRIES + 1];
	struct igmp_msg msg;
	uint8_t packet[IGMP_PACKET_MAX];
};

struct mcast *mcast_create(unsigned int ports, struct siphash_key key, struct eth_addr mac,
			   mcast_send *send, void *ctx)
{
	struct mcast *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->key = key;
	m->mac = mac;
	m->send = send;
	m->ctx = ctx;
	m->interval_ms = MCAST_INTERVAL_S * 1000;
	m->port_count = ports;
	m->always = MCAST_ALL_PORTS;
	m->ports = calloc(ports, sizeof(*m->ports));
	m->list = calloc(ports, sizeof(*m->list));
	if (m->ports && m->list)
		return m;
	mcast_destroy(m);
	return NULL;
}

void mcast_destroy(struct mcast *m)
{
	if (!m)
		return;
	free(m->ports);
	free(m->list);
	free(m);
}

/* How long an entry lives without being confirmed, and a querier without a query. */
static uint64_t member_ms(const struct mcast *m)
{
	return MCAST_ROBUSTNESS * m->interval_ms + MCAST_RESP_MS;
}

static uint64_t querier_ms(const struct mcast *m)
{
	return MCAST_ROBUSTNESS * m->interval_ms + MCAST_RESP_MS / 2;
}

/* Groups. */

static uint16_t *group_bucket(struct mcast *m, uint16_t vid, const struct in6_addr *addr)
{
	uint64_t half[2], hash;

	memcpy(half, addr, sizeof(half));
	hash = siphash_u64(&m->key, half[0] ^ (uint64_t)vid << 32);
	hash = siphash_u64(&m->key, hash ^ half[1]);
	return &m->bucket[hash & (MCAST_BUCKETS - 1)];
}

static uint16_t group_find(const struct mcast *m, uint16_t vid, const struct in6_addr *addr)
{
	uint16_t g = *group_bucket((struct mcast *)(uintptr_t)m, vid, addr);

	while (g && (m->group[g].vid != vid || memcmp(&m->group[g].addr, addr, sizeof(*addr))))
		g = m->group[g].chain;
	return g;
}

/* There are as many groups as entries, and each has one at least: there is a free one. */
static uint16_t group_make(struct mcast *m, uint16_t vid, const struct in6_addr *addr)
{
	uint16_t *bucket = group_bucket(m, vid, addr), g = m->free_group;

	if (g)
		m->free_group = m->group[g].chain;
	else
		g = ++m->used_groups;
	m->group[g] = (struct mcast_group){ .addr = *addr, .vid = vid, .chain = *bucket };
	*bucket = g;
	return g;
}

static void group_free(struct mcast *m, uint16_t g)
{
	uint16_t *link = group_bucket(m, m->group[g].vid, &m->group[g].addr);

	while (*link != g)
		link = &m->group[*link].chain;
	*link = m->group[g].chain;
	m->group[g].chain = m->free_group;
	m->free_group = g;
}

/* Entries. */

static uint16_t *entry_list(struct mcast *m, uint16_t vid, uint16_t group)
{
	return group ? &m->group[group].members : &m->routers[vid];
}

static uint16_t entry_find(struct mcast *m, uint16_t vid, uint16_t group, uint16_t port)
{
	uint16_t e = *entry_list(m, vid, group);

	while (e && m->entry[e].port != port)
		e = m->entry[e].mate;
	return e;
}

/* Append an entry to those of its port, as the youngest. */
static void entry_append(struct mcast *m, uint16_t n)
{
	struct mcast_entry *e = &m->entry[n];
	struct mcast_port *p = &m->ports[e->port];

	e->prev = p->youngest;
	e->next = MCAST_NIL;
	if (p->youngest)
		m->entry[p->youngest].next = n;
	else
		p->oldest = n;
	p->youngest = n;
	if (++p->count > m->ports[m->fullest].count)
		m->fullest = e->port;
}

static void entry_unlink(struct mcast *m, uint16_t n)
{
	const struct mcast_entry *e = &m->entry[n];
	struct mcast_port *p = &m->ports[e->port];

	if (e->prev)
		m->entry[e->prev].next = e->next;
	else
		p->oldest = e->next;
	if (e->next)
		m->entry[e->next].prev = e->prev;
	else
		p->youngest = e->prev;
	p->count--;
}

static void entry_free(struct mcast *m, uint16_t n)
{
	struct mcast_entry *e = &m->entry[n];
	uint16_t *link = entry_list(m, e->vid, e->group);

	while (*link != n)
		link = &m->entry[*link].mate;
	*link = e->mate;
	if (e->until_ms != MCAST_NEVER)
		entry_unlink(m, n);
	if (e->group && !m->group[e->group].members)
		group_free(m, e->group);
	e->until_ms = 0;
	e->mate = m->free_entry;
	m->free_entry = n;
}

static void find_fullest(struct mcast *m)
{
	for (uint16_t i = 1; i <= m->used_entries; i++)
		if (m->entry[i].until_ms &&
		    m->ports[m->entry[i].port].count > m->ports[m->fullest].count)
			m->fullest = m->entry[i].port;
}

/* A free entry, if need be that of the port with most of them. Return: MCAST_NIL if all
 * are for good. */
static uint16_t entry_take(struct mcast *m)
{
	uint16_t n = m->free_entry;

	if (!n && m->used_entries < MCAST_ENTRIES)
		return ++m->used_entries;
	if (!n) {
		if (!m->ports[m->fullest].count)
			find_fullest(m);
		if (!m->ports[m->fullest].count)
			return MCAST_NIL;
		entry_free(m, m->ports[m->fullest].oldest);
		m->stats.evicted++;
		n = m->free_entry;
	}
	m->free_entry = m->entry[n].mate;
	return n;
}

/* Add a port to a group, or (@addr NULL) to the router ports, or prolong that. Return:
 * whether there is room. */
static bool entry_set(struct mcast *m, uint16_t vid, const struct in6_addr *addr,
		      uint16_t port, uint64_t until_ms)
{
	uint16_t group = addr ? group_find(m, vid, addr) : MCAST_NIL, n = MCAST_NIL, *list;

	if (!addr || group)
		n = entry_find(m, vid, group, port);
	if (n) {
		if (m->entry[n].until_ms == MCAST_NEVER)
			return true;
		entry_unlink(m, n);
	} else {
		/* What has to go for it may be the last of the same group. */
		n = entry_take(m);
		if (!n)
			return false;
		if (addr)
			group = group_find(m, vid, addr);
		if (addr && !group)
			group = group_make(m, vid, addr);
		list = entry_list(m, vid, group);
		m->entry[n] = (struct mcast_entry){
			.group = group, .vid = vid, .port = port, .mate = *list,
		};
		*list = n;
	}
	m->entry[n].until_ms = until_ms;
	if (until_ms != MCAST_NEVER)
		entry_append(m, n);
	return true;
}

/* Shorten the life of the entries of a group, at one port or all. */
static void group_hurry(struct mcast *m, uint16_t group, uint16_t port, uint64_t until_ms)
{
	for (uint16_t i = m->group[group].members; i; i = m->entry[i].mate) {
		struct mcast_entry *e = &m->entry[i];

		if ((port == MCAST_ALL_PORTS || e->port == port) &&
		    e->until_ms != MCAST_NEVER && e->until_ms > until_ms)
			e->until_ms = until_ms;
	}
}

/* Asking. */

static void ask(struct mcast *m, uint16_t vid, uint16_t port, bool v6,
		const struct in6_addr *group, uint32_t max_resp_ms)
{
	const struct igmp_ask q = {
		.mac = m->mac,
		.v6 = v6,
		.group = *group,
		.max_resp_ms = max_resp_ms,
		.interval_s = (uint32_t)(m->interval_ms / 1000),
	};
	uint8_t frame[IGMP_QUERY_SIZE];
	size_t size = igmp_build(&q, frame);

	m->stats.asked++;
	m->send(m->ctx, vid, port, frame, size);
}

/* All hosts of a VLAN were asked: from when on, and until when, is the table good? */
static void querier_seen(const struct mcast *m, struct mcast_querier *q,
			 uint32_t max_resp_ms, uint64_t now_ms)
{
	if (now_ms >= q->until_ms)
		q->from_ms = now_ms + max_resp_ms + MCAST_SLACK_MS;
	q->until_ms = now_ms + querier_ms(m);
}

/* Whether it is we who ask in a VLAN. */
static bool is_querier(const struct mcast *m, const struct mcast_querier *q, uint64_t now_ms)
{
	return m->querier && q->asked && now_ms >= q->other_ms;
}

/* Frames. */

/* Groups that are flooded always, and what is none. */
static bool is_always(const struct in6_addr *a)
{
	const uint8_t *b = a->s6_addr;

	if (IN6_IS_ADDR_V4MAPPED(a))
		return b[12] >> 4 != 14 || (b[12] == 224 && !b[13] && !b[14]);
	return b[0] != 0xff || (b[1] & 15) <= 2;
}

/* Where the IP header of a multicast frame is, and in which VLAN. Return: false if it is
 * no IP in a group address made for that, or too short for a header. */
static bool find_ip(const struct frame *f, size_t *at, uint16_t *vid, bool *v6)
{
	static const uint8_t mac4[3] = { 0x01, 0x00, 0x5e };
	unsigned int type;

	*at = VLAN_TAG_AT;
	if (f->head_size < ETH_HDR_SIZE + VLAN_TAG_SIZE)
		return false;
	type = (unsigned int)(f->head[12] << 8 | f->head[13]);
	if (type == ETH_TYPE_VLAN) {
		uint16_t tag = (uint16_t)((f->head[14] << 8 | f->head[15]) & VLAN_VID_MASK);

		*vid = tag ? tag : *vid;
		*at += VLAN_TAG_SIZE;
		type = (unsigned int)(f->head[16] << 8 | f->head[17]);
	}
	*at += 2;
	*v6 = type == MCAST_TYPE_IP6;
	if (*v6)
		return f->head[0] == 0x33 && f->head[1] == 0x33 && f->head_size >= *at + 40;
	return type == MCAST_TYPE_IP4 && !memcmp(f->head, mac4, sizeof(mac4)) &&
	       f->head_size >= *at + 20;
}

static void input_record(struct mcast *m, uint16_t in, uint16_t vid,
			 const struct igmp_record *r, uint64_t now_ms)
{
	const struct mcast_querier *q = &m->who[vid][m->msg.v6];
	uint16_t group, n;

	if (is_always(&r->group))
		return;
	if (r->join) {
		entry_set(m, vid, &r->group, in, now_ms + member_ms(m));
		return;
	}
	group = group_find(m, vid, &r->group);
	n = group ? entry_find(m, vid, group, in) : MCAST_NIL;
	if (!n || m->entry[n].until_ms == MCAST_NEVER)
		return;
	if (m->ports[in].fast_leave) {
		entry_free(m, n);
		return;
	}
	/* Asked once: who leaves again and again gets no more. */
	if (is_querier(m, q, now_ms) &&
	    m->entry[n].until_ms > now_ms + MCAST_ROBUSTNESS * MCAST_FAST_RESP_MS) {
		group_hurry(m, group, in, now_ms + MCAST_ROBUSTNESS * MCAST_FAST_RESP_MS);
		ask(m, vid, in, m->msg.v6, &r->group, MCAST_FAST_RESP_MS);
	}
}

static void input_query(struct mcast *m, uint16_t in, uint16_t vid, uint64_t now_ms)
{
	const struct igmp_msg *msg = &m->msg;
	struct mcast_querier *q = &m->who[vid][msg->v6];
	const struct in6_addr ours = igmp_source(m->mac, msg->v6);
	uint16_t group;

	entry_set(m, vid, NULL, in, now_ms + querier_ms(m));
	/* The lower address wins (RFC 3810, 7.6.2); 0.0.0.0 is none. */
	if (msg->v6 ? memcmp(&msg->source, &ours, sizeof(ours)) < 0 :
		      memcmp(&msg->source, &ours, sizeof(ours)) != 0)
		q->other_ms = now_ms + querier_ms(m);
	if (IN6_IS_ADDR_UNSPECIFIED(&msg->group)) {
		querier_seen(m, q, msg->max_resp_ms, now_ms);
		return;
	}
	group = msg->last ? group_find(m, vid, &msg->group) : MCAST_NIL;
	if (group)
		group_hurry(m, group, MCAST_ALL_PORTS, now_ms + MCAST_SLACK_MS +
			    MCAST_ROBUSTNESS * (uint64_t)msg->max_resp_ms);
}

/* A router that asks nobody; what a query has said of its port may be for longer. */
static void input_router(struct mcast *m, uint16_t in, uint16_t vid, uint64_t now_ms)
{
	uint64_t until_ms = now_ms + m->msg.lifetime_s * (uint64_t)1000;
	uint16_t n = entry_find(m, vid, MCAST_NIL, in);

	if (!n || m->entry[n].until_ms < until_ms)
		entry_set(m, vid, NULL, in, until_ms);
}

/* Whether the protocol of a packet to a group is one that is read here; with IPv6, options
 * for the hop may come first. */
static bool is_spoken(const uint8_t *ip, bool v6)
{
	if (v6)
		return ip[6] == 0 || ip[6] == IPPROTO_ICMPV6 || ip[6] == MCAST_PROTO_PIM;
	return ip[9] == MCAST_PROTO_IGMP || ip[9] == MCAST_PROTO_PIM;
}

enum mcast_what mcast_input(struct mcast *m, uint16_t in, uint16_t vid,
			    const struct frame *frame, uint64_t now_ms)
{
	const uint8_t *ip;
	size_t at, size;
	bool v6;

	if (!find_ip(frame, &at, &vid, &v6))
		return MCAST_DATA;
	ip = frame->head + at;
	if (!is_spoken(ip, v6))
		return MCAST_DATA;
	size = frame->size - at;
	if (size > sizeof(m->packet)) {
		m->stats.bad += !v6;
		return MCAST_DATA;
	}
	iov_to_buf(frame->iov, frame->iovcnt, at, m->packet, size);
	switch (igmp_parse(m->packet, size, v6, &m->msg)) {
	case IGMP_QUERY:
		m->stats.queries++;
		if (m->ports[in].router != MCAST_ROUTER_NEVER)
			input_query(m, in, vid, now_ms);
		return MCAST_QUERY;
	case IGMP_REPORT:
		m->stats.reports++;
		for (unsigned int i = 0; i < m->msg.count; i++)
			input_record(m, in, vid, &m->msg.record[i], now_ms);
		return MCAST_REPORT;
	case IGMP_ROUTER:
		if (m->ports[in].router != MCAST_ROUTER_NEVER)
			input_router(m, in, vid, now_ms);
		return MCAST_DATA;
	case IGMP_BAD:
		m->stats.bad++;
		return MCAST_DATA;
	case IGMP_NONE:
		break;
	}
	return MCAST_DATA;
}

bool mcast_lookup(const struct mcast *m, uint16_t *vid, const struct frame *frame,
		  enum mcast_what what, uint64_t now_ms, uint16_t *group)
{
	const struct mcast_querier *q;
	struct in6_addr addr;
	size_t at;
	bool v6;

	*group = MCAST_NIL;
	if (what == MCAST_QUERY || !find_ip(frame, &at, vid, &v6))
		return false;
	q = &m->who[*vid][v6];
	if (now_ms < q->from_ms || now_ms >= q->until_ms || now_ms < m->flood_until_ms)
		return false;
	if (what == MCAST_REPORT)
		return true;
	if (v6)
		memcpy(&addr, frame->head + at + 24, sizeof(addr));
	else
		addr = igmp_mapped(frame->head + at + 16);
	if (is_always(&addr))
		return false;
	*group = group_find(m, *vid, &addr);
	return true;
}

/* Take a port for the list, unless it is there. */
static void list_take(struct mcast *m, uint16_t port, unsigned int *count)
{
	if (m->ports[port].mark == m->mark)
		return;
	m->ports[port].mark = m->mark;
	m->list[(*count)++] = port;
}

const uint16_t *mcast_ports(struct mcast *m, uint16_t vid, uint16_t group,
			    unsigned int *count)
{
	*count = 0;
	if (!++m->mark) {
		for (unsigned int i = 0; i < m->port_count; i++)
			m->ports[i].mark = 0;
		m->mark = 1;
	}
	for (uint16_t e = group ? m->group[group].members : MCAST_NIL; e; e = m->entry[e].mate)
		list_take(m, m->entry[e].port, count);
	for (uint16_t e = m->routers[vid]; e; e = m->entry[e].mate)
		list_take(m, m->entry[e].port, count);
	for (uint16_t p = m->always; p != MCAST_ALL_PORTS; p = m->ports[p].always)
		list_take(m, p, count);
	return m->list;
}

/* Time. */

/* Ask in a VLAN if it is time, and our turn. */
static void tick_vlan(struct mcast *m, uint16_t vid, bool v6, uint64_t now_ms)
{
	struct mcast_querier *q = &m->who[vid][v6];
	uint32_t resp = q->asked ? MCAST_RESP_MS : MCAST_FAST_RESP_MS;

	if (now_ms < q->next_ms || now_ms < q->other_ms)
		return;
	resp = (uint32_t)MIN((uint64_t)resp, m->interval_ms);
	q->next_ms = now_ms + (q->asked ? m->interval_ms : m->interval_ms / 4);
	q->asked = true;
	querier_seen(m, q, resp, now_ms);
	ask(m, vid, MCAST_ALL_PORTS, v6, &in6addr_any, resp);
}

void mcast_tick(struct mcast *m, const struct vlan_table *vlans, uint64_t now_ms)
{
	bool any = false;

	for (uint16_t i = 1; i <= m->used_entries; i++) {
		if (m->entry[i].until_ms && m->entry[i].until_ms <= now_ms) {
			entry_free(m, i);
			any = true;
		}
	}
	if (any)
		find_fullest(m);
	for (uint16_t vid = 0; m->querier && vid <= VLAN_MAX; vid++) {
		if (vid && !vlan_exists(vlans, vid))
			continue;
		tick_vlan(m, vid, false, now_ms);
		tick_vlan(m, vid, true, now_ms);
	}
}

void mcast_flush_port(struct mcast *m, uint16_t port, bool fixed)
{
	struct mcast_port *p = &m->ports[port];

	while (p->oldest)
		entry_free(m, p->oldest);
	find_fullest(m);
	if (!fixed)
		return;
	for (uint16_t i = 1; i <= m->used_entries; i++)
		if (m->entry[i].until_ms && m->entry[i].port == port)
			entry_free(m, i);
	mcast_set_router(m, port, MCAST_ROUTER_AUTO);
	p->fast_leave = false;
}

void mcast_flush(struct mcast *m)
{
	for (uint16_t i = 1; i <= m->used_entries; i++)
		if (m->entry[i].until_ms && m->entry[i].until_ms != MCAST_NEVER)
			entry_free(m, i);
	memset(m->who, 0, sizeof(m->who));
	m->fullest = 0;
	m->flood_until_ms = 0;
}

void mcast_topology_changed(struct mcast *m, uint64_t now_ms)
{
	/* Our own question goes out with the next tick; another's may take its time. */
	m->flood_until_ms = now_ms + MCAST_RESP_MS + 2 * MCAST_TICK_MS +
			    (m->querier ? 0 : m->interval_ms);
	for (unsigned int vid = 0; vid <= VLAN_MAX; vid++)
		m->who[vid][0].next_ms = m->who[vid][1].next_ms = 0;
}

/* Settings. */

void mcast_set_querier(struct mcast *m, bool on)
{
	m->querier = on;
	m->flood_until_ms = 0;
	for (unsigned int vid = 0; vid <= VLAN_MAX; vid++)
		m->who[vid][0].asked = m->who[vid][1].asked = false;
}

bool mcast_querier(const struct mcast *m)
{
	return m->querier;
}

void mcast_set_interval(struct mcast *m, unsigned int s)
{
	m->interval_ms = (uint64_t)s * 1000;
	for (unsigned int vid = 0; vid <= VLAN_MAX; vid++)
		m->who[vid][0].next_ms = m->who[vid][1].next_ms = 0;
}

unsigned int mcast_interval(const struct mcast *m)
{
	return (unsigned int)(m->interval_ms / 1000);
}

void mcast_set_fast_leave(struct mcast *m, uint16_t port, bool on)
{
	m->ports[port].fast_leave = on;
}

bool mcast_fast_leave(const struct mcast *m, uint16_t port)
{
	return m->ports[port].fast_leave;
}

void mcast_set_router(struct mcast *m, uint16_t port, enum mcast_router router)
{
	struct mcast_port *p = &m->ports[port];
	uint16_t *link = &m->always;

	if (p->router == MCAST_ROUTER_ALWAYS) {
		while (*link != port)
			link = &m->ports[*link].always;
		*link = p->always;
	}
	p->router = router;
	if (router == MCAST_ROUTER_ALWAYS) {
		p->always = m->always;
		m->always = port;
	}
	if (router != MCAST_ROUTER_NEVER)
		return;
	for (uint16_t i = 1; i <= m->used_entries; i++)
		if (m->entry[i].until_ms && !m->entry[i].group && m->entry[i].port == port)
			entry_free(m, i);
}

enum mcast_router mcast_router(const struct mcast *m, uint16_t port)
{
	return m->ports[port].router;
}

static const char *const router_names[] = {
	[MCAST_ROUTER_AUTO] = "auto",
	[MCAST_ROUTER_ALWAYS] = "always",
	[MCAST_ROUTER_NEVER] = "never",
};

const char *mcast_router_name(enum mcast_router router)
{
	return router_names[router];
}

bool mcast_router_parse(const char *text, enum mcast_router *router)
{
	for (size_t i = 0; i < ARRAY_SIZE(router_names); i++) {
		if (!strcmp(text, router_names[i])) {
			*router = (enum mcast_router)i;
			return true;
		}
	}
	return false;
}

int mcast_add(struct mcast *m, uint16_t vid, struct in6_addr group, uint16_t port)
{
	uint16_t g, n;

	if (is_always(&group))
		return -EINVAL;
	g = group_find(m, vid, &group);
	n = g ? entry_find(m, vid, g, port) : MCAST_NIL;
	if (n && m->entry[n].until_ms == MCAST_NEVER)
		return -EEXIST;
	if (n)
		entry_free(m, n);
	return entry_set(m, vid, &group, port, MCAST_NEVER) ? 0 : -ENOSPC;
}

int mcast_del(struct mcast *m, uint16_t vid, struct in6_addr group, uint16_t port)
{
	uint16_t g = group_find(m, vid, &group);
	uint16_t n = g ? entry_find(m, vid, g, port) : MCAST_NIL;

	if (!n || m->entry[n].until_ms != MCAST_NEVER)
		return -ENXIO;
	entry_free(m, n);
	return 0;
}

bool mcast_group_parse(const char *text, struct in6_addr *group)
{
	uint8_t v4[4];

	if (inet_pton(AF_INET, text, v4) == 1)
		*group = igmp_mapped(v4);
	else if (inet_pton(AF_INET6, text, group) != 1)
		return false;
	return true;
}

const char *mcast_group_format(struct in6_addr group, char buf[static INET6_ADDRSTRLEN])
{
	if (IN6_IS_ADDR_V4MAPPED(&group))
		return inet_ntop(AF_INET, group.s6_addr + 12, buf, INET6_ADDRSTRLEN);
	return inet_ntop(AF_INET6, &group, buf, INET6_ADDRSTRLEN);
}

/* What there is. */

const struct mcast_stats *mcast_stats(const struct mcast *m)
{
	return &m->stats;
}

void mcast_foreach(const struct mcast *m, uint64_t now_ms,
		   void (*visit)(void *ctx, const struct mcast_info *info), void *ctx)
{
	for (uint16_t i = 1; i <= m->used_entries; i++) {
		const struct mcast_entry *e = &m->entry[i];
		struct mcast_info info = {
			.vid = e->vid,
			.port = e->port,
			.router = !e->group,
			.fixed = e->until_ms == MCAST_NEVER,
		};

		if (!e->until_ms)
			continue;
		if (e->group)
			info.group = m->group[e->group].addr;
		if (!info.fixed && e->until_ms > now_ms)
			info.left_ms = e->until_ms - now_ms;
		visit(ctx, &info);
	}
}
