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
#include "switchd/vlan.h"

enum {
	GUARD_DEEP = 2048,	/* bytes of a frame that are looked at */
	GUARD_PIECES = 8192,	/* of all copies of a batch; see vlan_out.c */
	GUARD_ANSWER_MS = 60000, /* a server answers within */
};

/**
 * struct guard - A guard
 * @msg:	Of DHCP, being read
 * @copies:	Frames of which there is a copy in @deep, with their @pieces in @piece
 */
struct guard {
	struct bindings *bindings;
	bool snooping;
	struct guard_stats stats;
	struct dhcp_msg msg;
	unsigned int copies;
	unsigned int pieces;
	uint8_t deep[FRAME_BATCH][GUARD_DEEP];
	struct iovec piece[GUARD_PIECES];
};

struct guard *guard_create(unsigned int ports, struct siphash_key key)
{
	struct guard *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
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

void guard_set_snooping(struct guard *g, bool on)
{
	g->snooping = on;
	if (on)
		return;
	bindings_flush(g->bindings, BINDING_DHCP);
	bindings_flush(g->bindings, BINDING_REQUEST);
}

bool guard_snooping(const struct guard *g)
{
	return g->snooping;
}

void guard_set_snooped(struct guard_port *p, bool on)
{
	p->snooped = on;
	guard_update(p);
}

const struct guard_stats *guard_stats(const struct guard *g)
{
	return &g->stats;
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
static bool dhcp_asked(struct guard *g, const struct claim *c, uint16_t in, uint16_t vid,
		       uint64_t now_ms)
{
	const struct dhcp_msg *msg = &g->msg;
	struct binding request = {
		.kind = BINDING_REQUEST,
		.ip = binding_request_key(c->src, msg->xid, c->proto == CLAIM_IP6),
		.asked = msg->count ? msg->lease[0].ip : in6addr_any,
		.mac = c->src,
		.vid = vid,
		.port = in,
		.until_ms = now_ms + GUARD_ANSWER_MS,
	};
	const struct binding *old = binding_find(g->bindings, vid, &request.ip, now_ms);

	if (old && old->port != in)
		return false;
	g->stats.questions++;
	g->stats.refused += !!binding_set(g->bindings, &request);
	return true;
}

/* A client gives addresses back. Return: false if one is another's. */
static bool dhcp_returned(struct guard *g, const struct claim *c, uint16_t in, uint16_t vid,
			  uint64_t now_ms)
{
	for (unsigned int i = 0; i < g->msg.count; i++) {
		struct binding *b = binding_find(g->bindings, vid, &g->msg.lease[i].ip, now_ms);

		if (!b)
			continue;
		if (b->port != in || !eth_addr_eq(b->mac, c->src))
			return false;
		if (b->kind != BINDING_DHCP)
			continue;
		binding_remove(g->bindings, b);
		g->stats.ended++;
	}
	return true;
}

/* A message of a client at a port that is not trusted. Return: whether it may go on. */
static bool dhcp_client_passes(struct guard *g, const struct claim *c, const struct frame *f,
			       uint16_t in, uint16_t vid, uint64_t now_ms)
{
	const bool v6 = c->proto == CLAIM_IP6;
	const struct dhcp_msg *msg = &g->msg;

	if (c->fragment || !dhcp_read(f->head + c->at, c->size, v6, &g->msg) || msg->server ||
	    msg->relayed || (!v6 && !eth_addr_eq(msg->client, c->src)))
		return false;
	if (msg->kind == DHCP_ASK)
		return dhcp_asked(g, c, in, vid, now_ms);
	return msg->kind != DHCP_RETURN || dhcp_returned(g, c, in, vid, now_ms);
}

/* A client at @port has an address now, or no longer. */
static void dhcp_granted(struct guard *g, struct eth_addr client, uint16_t port, uint16_t vid,
			 const struct dhcp_lease *lease, uint64_t now_ms)
{
	struct binding *old = binding_find(g->bindings, vid, &lease->ip, now_ms);
	const struct binding b = {
		.kind = BINDING_DHCP,
		.ip = lease->ip,
		.mac = client,
		.vid = vid,
		.port = port,
		.until_ms = lease->seconds == DHCP_FOREVER ? BINDING_NEVER :
			    now_ms + (uint64_t)lease->seconds * 1000,
	};

	if (old && (old->kind == BINDING_STATIC ||
		    (eth_addr_eq(old->mac, client) && old->port != port))) {
		g->stats.refused++;
	} else if (!lease->seconds) {
		if (old)
			binding_remove(g->bindings, old);
		g->stats.ended += !!old;
	} else if (!binding_is_host(&lease->ip) || binding_set(g->bindings, &b)) {
		g->stats.refused++;
	} else {
		g->stats.learnt++;
	}
}

/* What a server behind a trusted port says. */
static void dhcp_server_says(struct guard *g, const struct claim *c, const struct frame *f,
			     uint16_t vid, uint64_t now_ms)
{
	const bool v6 = c->proto == CLAIM_IP6;
	struct binding *request, *b;
	struct eth_addr client;
	struct in6_addr key;
	uint16_t port;

	if (c->fragment || !dhcp_read(f->head + c->at, c->size, v6, &g->msg) ||
	    !g->msg.server || (g->msg.kind != DHCP_GRANT && g->msg.kind != DHCP_DENY))
		return;
	client = g->msg.client;
	if (v6)
		memcpy(&client, f->head, sizeof(client));
	key = binding_request_key(client, g->msg.xid, v6);
	request = binding_find(g->bindings, vid, &key, now_ms);
	if (!request)
		return;
	port = request->port;
	if (g->msg.kind == DHCP_GRANT) {
		binding_remove(g->bindings, request);
		for (unsigned int i = 0; i < g->msg.count; i++)
			dhcp_granted(g, client, port, vid, &g->msg.lease[i], now_ms);
		return;
	}
	/* Another server may still grant it. */
	b = binding_find(g->bindings, vid, &request->asked, now_ms);
	if (b && b->kind == BINDING_DHCP && b->port == port && eth_addr_eq(b->mac, client)) {
		binding_remove(g->bindings, b);
		g->stats.ended++;
	}
}

/* What DHCP snooping has to say of a frame. Return: whether it may go on. */
static bool dhcp_passes(struct guard *g, const struct guard_port *p, const struct claim *c,
			const struct frame *f, uint16_t in, uint16_t vid, uint64_t now_ms)
{
	switch (c->what) {
	case CLAIM_DHCP4_CLIENT:
	case CLAIM_DHCP6_CLIENT:
		return p->trusted || dhcp_client_passes(g, c, f, in, vid, now_ms);
	case CLAIM_DHCP4_SERVER:
	case CLAIM_DHCP6_SERVER:
		if (p->trusted)
			dhcp_server_says(g, c, f, vid, now_ms);
		return p->trusted;
	default:
		return true;
	}
}

/* The rules. */

/* Whether an address belongs to the frame's sender. */
static bool is_bound(const struct guard *g, const struct claim *c, uint16_t in, uint16_t vid,
		     const struct in6_addr *ip, uint64_t now_ms)
{
	const struct binding *b = binding_find(g->bindings, vid, ip, now_ms);

	/* An IPv6 packet's is no IPv4 address in disguise. */
	return b && b->kind != BINDING_REQUEST && b->port == in &&
	       eth_addr_eq(b->mac, c->src) &&
	       !(c->proto == CLAIM_IP6 && IN6_IS_ADDR_V4MAPPED(ip));
}

/* Whether a link-local address is nobody's yet. */
static bool is_free(const struct guard *g, uint16_t vid, const struct in6_addr *ip,
		    uint64_t now_ms)
{
	return IN6_IS_ADDR_LINKLOCAL(ip) && !binding_find(g->bindings, vid, ip, now_ms);
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

static bool arp_passes(const struct guard *g, const struct claim *c, uint16_t in, uint16_t vid,
		       uint64_t now_ms)
{
	if (c->lladdr)
		return false;
	if (is_zero4(&c->ip))
		return c->what == CLAIM_ARP_REQUEST;
	return is_bound(g, c, in, vid, &c->ip, now_ms);
}

/* Whether neighbour discovery says nothing of others. */
static bool nd_passes(const struct guard *g, const struct claim *c, uint16_t in, uint16_t vid,
		      uint64_t now_ms)
{
	if (c->lladdr)
		return false;
	return c->what != CLAIM_NA || is_free(g, vid, &c->target, now_ms) ||
	       is_bound(g, c, in, vid, &c->target, now_ms);
}

/* Whether the source address of a packet is its sender's. */
static bool ip_passes(const struct guard *g, const struct claim *c, uint16_t in, uint16_t vid,
		      uint64_t now_ms)
{
	const bool early = c->what == CLAIM_MEMBERSHIP || c->what == CLAIM_RS ||
			   c->what == CLAIM_NS;

	if (c->proto == CLAIM_IP4 ? is_zero4(&c->ip) : IN6_IS_ADDR_UNSPECIFIED(&c->ip))
		return early || c->what == CLAIM_DHCP4_CLIENT;
	if (is_bound(g, c, in, vid, &c->ip, now_ms))
		return true;
	if (c->what == CLAIM_DHCP4_CLIENT)
		return !binding_find(g->bindings, vid, &c->ip, now_ms);
	return c->proto == CLAIM_IP6 && is_free(g, vid, &c->ip, now_ms) &&
	       (early || is_nd(c->what) || c->what == CLAIM_DHCP6_CLIENT);
}

/* The rules of source addresses, for a frame that was read. */
static bool sender_passes(const struct guard *g, const struct claim *c, uint16_t in,
			  uint16_t vid, uint64_t now_ms, enum drop_reason *why)
{
	if (c->proto == CLAIM_OTHER)
		return true;
	if (c->proto == CLAIM_ARP) {
		*why = DROP_GUARD_ARP;
		return arp_passes(g, c, in, vid, now_ms);
	}
	*why = DROP_GUARD_IP;
	if (!ip_passes(g, c, in, vid, now_ms))
		return false;
	*why = DROP_GUARD_ND;
	return !is_nd(c->what) || nd_passes(g, c, in, vid, now_ms);
}

static bool guard_judge(struct guard *g, const struct guard_port *p, uint16_t in,
			uint16_t vid, struct frame *frame, uint64_t now_ms,
			enum drop_reason *why)
{
	const bool closely = p->check[GUARD_IP] || p->check[GUARD_RA];
	struct claim c;

	memcpy(&c.src, frame->head + ETH_ADDR_SIZE, sizeof(c.src));
	*why = DROP_GUARD_MAC;
	if (p->check[GUARD_MAC] && guard_find_mac(p, c.src) == p->mac_count)
		return false;
	if (!closely && !g->snooping)
		return true;
	*why = DROP_GUARD_UNCLEAR;
	if (guard_read(g, frame, &c) != CLAIM_READ)
		return !closely && p->trusted;
	if (closely && is_nd(c.what) && c.fragment)
		return false;
	if (vid == VLAN_NONE)
		vid = c.vid;
	*why = DROP_GUARD_RA;
	if (p->check[GUARD_RA] && (c.what == CLAIM_RA || c.what == CLAIM_REDIRECT))
		return false;
	if (p->check[GUARD_IP] && !sender_passes(g, &c, in, vid, now_ms, why))
		return false;
	*why = DROP_GUARD_DHCP;
	return !g->snooping || dhcp_passes(g, p, &c, frame, in, vid, now_ms);
}

bool guard_pass(struct guard *g, const struct guard_port *p, uint16_t in, uint16_t vid,
		struct frame *frame, uint64_t now_ms, enum drop_reason *why)
{
	const size_t head_size = frame->head_size;
	const bool pass = guard_judge(g, p, in, vid, frame, now_ms, why);

	if (frame->offload)
		frame->head_size = head_size;
	return pass;
}
