/* SPDX-License-Identifier: BSD-2-Clause */
/* guard.c - The source guard: the rules; the essay is in guard.h */
#include "config.h"

#include "switchd/guard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/iov.h"
#include "switchd/claim.h"
#include "switchd/vlan.h"

enum {
	GUARD_DEEP = 2048,	/* bytes of a frame that are looked at */
	GUARD_PIECES = 8192,	/* of all copies of a batch; see vlan_out.c */
};

struct guard {
	struct bindings *bindings;
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

void guard_set(struct guard_port *p, enum guard_check check, bool on)
{
	p->check[check] = on;
	p->on = p->check[GUARD_MAC] || p->check[GUARD_IP] || p->check[GUARD_RA];
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

/* Put a copy of the first GUARD_DEEP bytes in a frame's place. Return: whether there was
 * room for it. */
static bool guard_copy(struct guard *g, struct frame *f)
{
	struct iovec *piece = &g->piece[g->pieces];
	const size_t n = MIN(f->size, (size_t)GUARD_DEEP);
	uint8_t *deep = g->deep[g->copies];

	if (g->copies == FRAME_BATCH || f->iovcnt + 1 > GUARD_PIECES - g->pieces)
		return false;
	if (iov_to_buf(f->iov, f->iovcnt, 0, deep, n) < n)
		return false;
	/* What was decided on already is not to be read a second time. */
	memcpy(deep, f->head, MIN(f->head_size, n));
	piece[0] = (struct iovec){ deep, n };
	f->iovcnt = 1 + iov_rest(piece + 1, f->iov, f->iovcnt, n);
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

/* The rules. */

/* Whether an address belongs to the frame's sender. */
static bool is_bound(const struct guard *g, const struct claim *c, uint16_t in, uint16_t vid,
		     const struct in6_addr *ip, uint64_t now_ms)
{
	struct binding *b = binding_find(g->bindings, vid, ip, now_ms);

	/* An IPv6 packet's is no IPv4 address in disguise. */
	if (!b || b->kind == BINDING_REQUEST || b->port != in || !eth_addr_eq(b->mac, c->src) ||
	    (c->proto == CLAIM_IP6 && IN6_IS_ADDR_V4MAPPED(ip)))
		return false;
	b->used_ms = now_ms;
	return true;
}

/* Whether a link-local address is anybody's yet. */
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

bool guard_pass(struct guard *g, const struct guard_port *p, uint16_t in, uint16_t vid,
		struct frame *frame, uint64_t now_ms, enum drop_reason *why)
{
	struct claim c;

	memcpy(&c.src, frame->head + ETH_ADDR_SIZE, sizeof(c.src));
	*why = DROP_GUARD_MAC;
	if (p->check[GUARD_MAC] && guard_find_mac(p, c.src) == p->mac_count)
		return false;
	if (!p->check[GUARD_IP] && !p->check[GUARD_RA])
		return true;
	*why = DROP_GUARD_UNCLEAR;
	if (guard_read(g, frame, &c) != CLAIM_READ || (is_nd(c.what) && c.fragment))
		return false;
	*why = DROP_GUARD_RA;
	if (p->check[GUARD_RA] && (c.what == CLAIM_RA || c.what == CLAIM_REDIRECT))
		return false;
	return !p->check[GUARD_IP] ||
	       sender_passes(g, &c, in, vid == VLAN_NONE ? c.vid : vid, now_ms, why);
}
