/* SPDX-License-Identifier: BSD-2-Clause */
/* guard.c - The source guard: the rules; the essay is in guard.h */
#include "config.h"

#include "switchd/guard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/iov.h"
#include "switchd/claim.h"
#include "switchd/dhcp.h"
#include "switchd/fcfs.h"
#include "switchd/vlan.h"

enum {
	GUARD_DEEP = 2048,	/* bytes of a frame that are looked at */
	GUARD_PIECES = 8192,	/* of all copies of a batch; see vlan_out.c */
	GUARD_ANSWER_MS = 60000, /* a server answers within */
};

/**
 * struct guard - A guard
 * @mac:	The switch's own address
 * @probe:	Sends a frame of our own
 * @msg:	Of DHCP, being read
 * @copies:	Frames of which there is a copy in @deep, with their @pieces in @piece
 */
struct guard {
	struct bindings *bindings;
	struct eth_addr mac;
	guard_probe *probe;
	void *ctx;
	bool snooping[GUARD_SNOOPS];
	struct fcfs fcfs;
	struct guard_stats stats;
	struct dhcp_msg msg;
	unsigned int copies;
	unsigned int pieces;
	uint8_t deep[FRAME_BATCH][GUARD_DEEP];
	struct iovec piece[GUARD_PIECES];
};

/**
 * struct view - A frame that is looked at
 * @p:		Settings of the port that it came from
 * @c:		What it says
 * @in:		The port
 * @vid:	Its VLAN
 * @probes:	The switch can send frames in there
 */
struct view {
	struct guard *g;
	struct guard_port *p;
	const struct frame *f;
	const struct claim *c;
	uint16_t in;
	uint16_t vid;
	bool probes;
	uint64_t now_ms;
};

struct guard *guard_create(unsigned int ports, struct siphash_key key, struct eth_addr mac,
			   guard_probe *probe, void *ctx)
{
	struct guard *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->mac = mac;
	g->probe = probe;
	g->ctx = ctx;
	g->bindings = bindings_create(ports, key);
	if (g->bindings)
		return g;
	free(g);
	return NULL;
}

void guard_destroy(struct guard *g)
{
	if (!g)
		return;
	bindings_destroy(g->bindings);
	free(g);
}

struct bindings *guard_bindings(struct guard *g)
{
	return g->bindings;
}

/* Settings of a port. */

static const char *const check_names[GUARD_CHECKS] = {
	[GUARD_MAC] = "mac",
	[GUARD_IP] = "ip",
	[GUARD_RA] = "ra",
};

const char *guard_check_name(enum guard_check check)
{
	return check_names[check];
}

bool guard_check_parse(const char *text, enum guard_check *check)
{
	for (unsigned int i = 0; i < GUARD_CHECKS; i++) {
		if (!strcmp(text, check_names[i])) {
			*check = (enum guard_check)i;
			return true;
		}
	}
	return false;
}

static void guard_update(struct guard_port *p)
{
	p->on = p->snooped || p->check[GUARD_MAC] || p->check[GUARD_IP] || p->check[GUARD_RA];
}

void guard_set(struct guard_port *p, enum guard_check check, bool on)
{
	p->check[check] = on;
	guard_update(p);
}

void guard_set_snooping(struct guard *g, enum guard_snoop what, bool on)
{
	g->snooping[what] = on;
	if (on)
		return;
	if (what == GUARD_SNOOP_ND) {
		bindings_flush(g->bindings, BINDING_ND);
		g->fcfs = (struct fcfs){ 0 };
		return;
	}
	bindings_flush(g->bindings, BINDING_DHCP);
	bindings_flush(g->bindings, BINDING_REQUEST);
}

bool guard_snooping(const struct guard *g, enum guard_snoop what)
{
	return g->snooping[what];
}

void guard_set_snooped(struct guard_port *p, bool on)
{
	p->snooped = on;
	guard_update(p);
}

struct guard_stats guard_stats(const struct guard *g)
{
	struct guard_stats stats = g->stats;

	stats.learnt += g->fcfs.claims;
	stats.ended += g->fcfs.defended + g->fcfs.moved;
	return stats;
}

/* The place of a MAC address among those named, or their number. */
static unsigned int guard_find_mac(const struct guard_port *p, struct eth_addr mac)
{
	unsigned int i = 0;

	while (i < p->mac_count && !eth_addr_eq(p->macs[i], mac))
		i++;
	return i;
}

int guard_add_mac(struct guard_port *p, struct eth_addr mac)
{
	if (eth_addr_is_group(mac))
		return -EINVAL;
	if (guard_find_mac(p, mac) < p->mac_count)
		return -EEXIST;
	if (p->mac_count == GUARD_MACS)
		return -ENOSPC;
	p->macs[p->mac_count++] = mac;
	return 0;
}

int guard_del_mac(struct guard_port *p, struct eth_addr mac)
{
	unsigned int i = guard_find_mac(p, mac);

	if (i == p->mac_count)
		return -ENXIO;
	p->macs[i] = p->macs[--p->mac_count];
	return 0;
}

/* Bytes of frames. */

void guard_begin(struct guard *g)
{
	g->copies = 0;
	g->pieces = 0;
}

/* Put a copy of the first GUARD_DEEP bytes in a frame's place, all of them its head for
 * now. Return: whether there was room for it. */
static bool guard_copy(struct guard *g, struct frame *f)
{
	struct iovec *piece = &g->piece[g->pieces];
	const size_t n = MIN(f->size, (size_t)GUARD_DEEP);
	uint8_t *deep = g->deep[g->copies];
	unsigned int used = 0;

	if (g->copies == FRAME_BATCH || f->iovcnt + 2 > GUARD_PIECES - g->pieces)
		return false;
	if (iov_to_buf(f->iov, f->iovcnt, 0, deep, n) < n)
		return false;
	/* What was decided on already is not to be read a second time. */
	memcpy(deep, f->head, MIN(f->head_size, n));
	/* The head of an unfinished frame stays as long as it was, and a piece of its own. */
	piece[used++] = (struct iovec){ deep, f->offload ? f->head_size : n };
	if (piece[0].iov_len < n)
		piece[used++] = (struct iovec){ deep + f->head_size, n - f->head_size };
	f->iovcnt = used + iov_rest(piece + used, f->iov, f->iovcnt, n);
	f->iov = piece;
	f->head = deep;
	f->head_size = n;
	g->copies++;
	g->pieces += f->iovcnt;
	return true;
}

static enum claim_result guard_read(struct guard *g, struct frame *f, struct claim *c)
{
	enum claim_result r = claim_read(f->head, f->head_size, f->size, c);

	if (r != CLAIM_SHORT || !guard_copy(g, f))
		return r;
	return claim_read(f->head, f->head_size, f->size, c);
}

/* DHCP. */

/* Remember that a client behind a port has asked. Return: false if another one has. */
static bool dhcp_asked(const struct view *v)
{
	const struct dhcp_msg *msg = &v->g->msg;
	struct binding request = {
		.kind = BINDING_REQUEST,
		.ip = binding_request_key(v->c->src, msg->xid, v->c->proto == CLAIM_IP6),
		.asked = msg->count ? msg->lease[0].ip : in6addr_any,
		.mac = v->c->src,
		.vid = v->vid,
		.port = v->in,
		.until_ms = v->now_ms + GUARD_ANSWER_MS,
	};
	const struct binding *old = binding_find(v->g->bindings, v->vid, &request.ip, v->now_ms);

	if (old && old->port != v->in)
		return false;
	v->g->stats.questions++;
	v->g->stats.refused += !!binding_set(v->g->bindings, &request);
	return true;
}

/* A client gives addresses back. Return: false if one is another's. */
static bool dhcp_returned(const struct view *v)
{
	struct bindings *t = v->g->bindings;

	for (unsigned int i = 0; i < v->g->msg.count; i++) {
		struct binding *b = binding_find(t, v->vid, &v->g->msg.lease[i].ip, v->now_ms);

		if (!b)
			continue;
		if (b->port != v->in || !eth_addr_eq(b->mac, v->c->src))
			return false;
		if (b->kind != BINDING_DHCP)
			continue;
		binding_remove(t, b);
		v->g->stats.ended++;
	}
	return true;
}

/* A message of a client at a port that is not trusted. Return: whether it may go on. */
static bool dhcp_client_passes(const struct view *v)
{
	const bool v6 = v->c->proto == CLAIM_IP6;
	struct dhcp_msg *msg = &v->g->msg;

	if (v->c->fragment || !dhcp_read(v->f->head + v->c->at, v->c->size, v6, msg) ||
	    msg->server || msg->relayed || (!v6 && !eth_addr_eq(msg->client, v->c->src)))
		return false;
	if (msg->kind == DHCP_ASK)
		return dhcp_asked(v);
	return msg->kind != DHCP_RETURN || dhcp_returned(v);
}

/* A client at @port has an address now, or no longer. */
static void dhcp_granted(const struct view *v, struct eth_addr client, uint16_t port,
			 const struct dhcp_lease *lease)
{
	struct bindings *t = v->g->bindings;
	struct binding *old = binding_find(t, v->vid, &lease->ip, v->now_ms);
	const struct binding b = {
		.kind = BINDING_DHCP,
		.ip = lease->ip,
		.mac = client,
		.vid = v->vid,
		.port = port,
		.until_ms = lease->seconds == DHCP_FOREVER ? BINDING_NEVER :
			    v->now_ms + (uint64_t)lease->seconds * 1000,
	};

	if (old && (old->kind == BINDING_STATIC ||
		    (eth_addr_eq(old->mac, client) && old->port != port))) {
		v->g->stats.refused++;
	} else if (!lease->seconds) {
		if (old)
			binding_remove(t, old);
		v->g->stats.ended += !!old;
	} else if (!binding_is_host(&lease->ip) || binding_set(t, &b)) {
		v->g->stats.refused++;
	} else {
		v->g->stats.learnt++;
	}
}

/* What a server behind a trusted port says. */
static void dhcp_server_says(const struct view *v)
{
	const bool v6 = v->c->proto == CLAIM_IP6;
	struct bindings *t = v->g->bindings;
	struct dhcp_msg *msg = &v->g->msg;
	struct binding *request, *b;
	struct eth_addr client;
	struct in6_addr key;
	uint16_t port;

	if (v->c->fragment || !dhcp_read(v->f->head + v->c->at, v->c->size, v6, msg) ||
	    !msg->server || (msg->kind != DHCP_GRANT && msg->kind != DHCP_DENY))
		return;
	client = msg->client;
	if (v6)
		memcpy(&client, v->f->head, sizeof(client));
	key = binding_request_key(client, msg->xid, v6);
	request = binding_find(t, v->vid, &key, v->now_ms);
	if (!request)
		return;
	port = request->port;
	if (msg->kind == DHCP_GRANT) {
		binding_remove(t, request);
		for (unsigned int i = 0; i < msg->count; i++)
			dhcp_granted(v, client, port, &msg->lease[i]);
		return;
	}
	/* Another server may still grant it. */
	b = binding_find(t, v->vid, &request->asked, v->now_ms);
	if (b && b->kind == BINDING_DHCP && b->port == port && eth_addr_eq(b->mac, client)) {
		binding_remove(t, b);
		v->g->stats.ended++;
	}
}

/* What DHCP snooping has to say of a frame. Return: whether it may go on. */
static bool dhcp_passes(const struct view *v)
{
	switch (v->c->what) {
	case CLAIM_DHCP4_CLIENT:
	case CLAIM_DHCP6_CLIENT:
		return v->p->trusted || dhcp_client_passes(v);
	case CLAIM_DHCP4_SERVER:
	case CLAIM_DHCP6_SERVER:
		if (v->p->trusted)
			dhcp_server_says(v);
		return v->p->trusted;
	default:
		return true;
	}
}

/* Addresses that hosts give themselves. */

static struct fcfs_host host_of(const struct view *v, const struct in6_addr *ip)
{
	return (struct fcfs_host){ *ip, v->c->src, v->vid, v->in };
}

/* Hear what a port without guard says of addresses and prefixes. */
static void nd_hear(const struct view *v)
{
	if (v->c->fragment || v->p->check[GUARD_IP])
		return;
	if (v->c->what == CLAIM_NA)
		fcfs_answers(&v->g->fcfs, v->g->bindings, v->vid, &v->c->target, v->now_ms);
	else if (v->c->what == CLAIM_RA && !v->p->check[GUARD_RA])
		fcfs_routers_say(&v->g->fcfs, v->vid, v->f->head + v->c->at, v->c->size,
				 v->now_ms);
}

/* A host asks for its address at a guarded port. Return: whether that may go on. */
static bool nd_asks(const struct view *v)
{
	const struct fcfs_host host = host_of(v, &v->c->target);

	return fcfs_asks(&v->g->fcfs, v->g->bindings, &host, v->now_ms);
}

/* An address has no binding: ask in the name of its host, if it may have one. */
static void nd_probe(const struct view *v, const struct in6_addr *ip)
{
	const struct fcfs_host host = host_of(v, ip);
	uint8_t frame[FCFS_PROBE_SIZE];

	if (!v->probes || !fcfs_wants_probe(&v->g->fcfs, v->g->bindings, &host, &v->p->probes,
					    v->now_ms))
		return;
	fcfs_build_probe(v->g->mac, ip, frame);
	v->g->probe(v->g->ctx, v->vid, frame, sizeof(frame));
}

/* The rules. */

/* Whether an address belongs to the frame's sender. */
static bool is_bound(const struct view *v, const struct in6_addr *ip)
{
	struct binding *b = binding_find(v->g->bindings, v->vid, ip, v->now_ms);
	struct fcfs_host host;

	/* An IPv6 packet's is no IPv4 address in disguise. */
	if (!b || b->kind == BINDING_REQUEST ||
	    (v->c->proto == CLAIM_IP6 && IN6_IS_ADDR_V4MAPPED(ip)))
		return false;
	if (b->kind != BINDING_ND)
		return b->port == v->in && eth_addr_eq(b->mac, v->c->src);
	host = host_of(v, ip);
	return fcfs_owns(&v->g->fcfs, v->g->bindings, b, &host, v->now_ms);
}

/* Whether a link-local address is nobody's yet, or the sender's if nobody else has it. */
static bool is_free(const struct view *v, const struct in6_addr *ip)
{
	const struct binding *b;

	if (!IN6_IS_ADDR_LINKLOCAL(ip))
		return false;
	b = binding_find(v->g->bindings, v->vid, ip, v->now_ms);
	return !b || (b->kind == BINDING_ND && b->port == v->in &&
		      eth_addr_eq(b->mac, v->c->src));
}

static bool is_zero4(const struct in6_addr *ip)
{
	const struct in6_addr zero = { .s6_addr = { [10] = 0xff, [11] = 0xff } };

	return !memcmp(ip, &zero, sizeof(zero));
}

static bool is_nd(enum claim_what what)
{
	return what >= CLAIM_RS && what <= CLAIM_REDIRECT;
}

static bool arp_passes(const struct view *v)
{
	if (v->c->lladdr)
		return false;
	if (is_zero4(&v->c->ip))
		return v->c->what == CLAIM_ARP_REQUEST;
	return is_bound(v, &v->c->ip);
}

/* Whether neighbour discovery says nothing of others. */
static bool nd_passes(const struct view *v)
{
	const struct claim *c = v->c;

	if (c->lladdr)
		return false;
	if (c->what == CLAIM_NS && IN6_IS_ADDR_UNSPECIFIED(&c->ip) &&
	    v->g->snooping[GUARD_SNOOP_ND])
		return nd_asks(v);
	return c->what != CLAIM_NA || is_free(v, &c->target) || is_bound(v, &c->target);
}

/* Whether the source address of a packet is its sender's. */
static bool ip_passes(const struct view *v)
{
	const struct claim *c = v->c;
	const bool early = c->what == CLAIM_MEMBERSHIP || c->what == CLAIM_RS ||
			   c->what == CLAIM_NS;

	if (c->proto == CLAIM_IP4 ? is_zero4(&c->ip) : IN6_IS_ADDR_UNSPECIFIED(&c->ip))
		return early || c->what == CLAIM_DHCP4_CLIENT;
	if (is_bound(v, &c->ip))
		return true;
	if (c->what == CLAIM_DHCP4_CLIENT)
		return !binding_find(v->g->bindings, v->vid, &c->ip, v->now_ms);
	if (c->proto == CLAIM_IP6 && v->g->snooping[GUARD_SNOOP_ND] &&
	    !binding_find(v->g->bindings, v->vid, &c->ip, v->now_ms))
		nd_probe(v, &c->ip);
	return c->proto == CLAIM_IP6 && is_free(v, &c->ip) &&
	       (early || is_nd(c->what) || c->what == CLAIM_DHCP6_CLIENT);
}

/* The rules of source addresses, for a frame that was read. */
static bool sender_passes(const struct view *v, enum drop_reason *why)
{
	if (v->c->proto == CLAIM_OTHER)
		return true;
	if (v->c->proto == CLAIM_ARP) {
		*why = DROP_GUARD_ARP;
		return arp_passes(v);
	}
	*why = DROP_GUARD_IP;
	if (!ip_passes(v))
		return false;
	*why = DROP_GUARD_ND;
	return !is_nd(v->c->what) || nd_passes(v);
}

static bool guard_judge(struct guard *g, struct guard_port *p, uint16_t in,
			uint16_t vid, struct frame *frame, uint64_t now_ms,
			enum drop_reason *why)
{
	const bool closely = p->check[GUARD_IP] || p->check[GUARD_RA];
	struct claim c;
	struct view v = { g, p, frame, &c, in, vid, true, now_ms };

	memcpy(&c.src, frame->head + ETH_ADDR_SIZE, sizeof(c.src));
	*why = DROP_GUARD_MAC;
	if (p->check[GUARD_MAC] && guard_find_mac(p, c.src) == p->mac_count)
		return false;
	if (!closely && !p->snooped)
		return true;
	*why = DROP_GUARD_UNCLEAR;
	if (guard_read(g, frame, &c) != CLAIM_READ)
		return !closely && (p->trusted || !g->snooping[GUARD_SNOOP_DHCP]);
	if (closely && is_nd(c.what) && c.fragment)
		return false;
	if (vid == VLAN_NONE) {
		v.vid = c.vid;
		v.probes = !c.vid;
	}
	*why = DROP_GUARD_RA;
	if (p->check[GUARD_RA] && (c.what == CLAIM_RA || c.what == CLAIM_REDIRECT))
		return false;
	if (p->check[GUARD_IP] && !sender_passes(&v, why))
		return false;
	if (g->snooping[GUARD_SNOOP_ND])
		nd_hear(&v);
	*why = DROP_GUARD_DHCP;
	return !g->snooping[GUARD_SNOOP_DHCP] || dhcp_passes(&v);
}

bool guard_pass(struct guard *g, struct guard_port *p, uint16_t in, uint16_t vid,
		struct frame *frame, uint64_t now_ms, enum drop_reason *why)
{
	const size_t head_size = frame->head_size;
	const bool pass = guard_judge(g, p, in, vid, frame, now_ms, why);

	if (frame->offload)
		frame->head_size = head_size;
	return pass;
}
