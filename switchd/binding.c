/* SPDX-License-Identifier: BSD-2-Clause */
/* binding.c - Bindings of IP addresses; the essay is in binding.h */
#include "config.h"

#include "switchd/binding.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	BINDING_NIL = 0,		/* no entry: the first is number 1 */
	BINDING_BUCKETS = 8192,		/* a power of two */
};

/**
 * struct binding_entry - A binding and its place
 * @used:	It is one
 * @chain:	Next of the bucket, or of the free ones
 * @prev:	Neighbours among those learnt at the port
 * @next:	Towards the younger ones
 */
struct binding_entry {
	struct binding b;
	bool used;
	uint16_t chain;
	uint16_t prev, next;
};

/** struct binding_port - What was learnt at a port, in order of age */
struct binding_port {
	uint16_t oldest, youngest;
	uint16_t count;
};

/**
 * struct bindings - The table
 * @fullest:	The port that has learnt most, as seen last
 * @ever:	Entries that were ever in use
 */
struct bindings {
	struct siphash_key key;
	struct binding_port *ports;
	uint16_t fullest;
	uint16_t free;
	uint16_t ever;
	uint16_t bucket[BINDING_BUCKETS];
	struct binding_entry entry[BINDING_MAX + 1];
};

struct bindings *bindings_create(unsigned int ports, struct siphash_key key)
{
	struct bindings *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->key = key;
	t->ports = calloc(ports, sizeof(*t->ports));
	if (t->ports)
		return t;
	free(t);
	return NULL;
}

void bindings_destroy(struct bindings *t)
{
	if (!t)
		return;
	free(t->ports);
	free(t);
}

static unsigned int bucket_of(const struct bindings *t, uint16_t vid, const struct in6_addr *ip)
{
	uint64_t half[2], hash;

	memcpy(half, ip, sizeof(half));
	hash = siphash_u64(&t->key, half[0] ^ (uint64_t)vid << 32);
	hash = siphash_u64(&t->key, hash ^ half[1]);
	return (unsigned int)(hash & (BINDING_BUCKETS - 1));
}

static bool is_over(const struct binding *b, uint64_t now_ms)
{
	return b->until_ms != BINDING_NEVER && now_ms >= b->until_ms;
}

static uint16_t entry_find(const struct bindings *t, uint16_t vid, const struct in6_addr *ip)
{
	uint16_t n = t->bucket[bucket_of(t, vid, ip)];

	while (n && (t->entry[n].b.vid != vid || memcmp(&t->entry[n].b.ip, ip, sizeof(*ip))))
		n = t->entry[n].chain;
	return n;
}

struct binding *binding_find(const struct bindings *t, uint16_t vid, const struct in6_addr *ip,
			     uint64_t now_ms)
{
	uint16_t n = entry_find(t, vid, ip);
	struct binding *b = (struct binding *)(uintptr_t)&t->entry[n].b;

	return n && !is_over(b, now_ms) ? b : NULL;
}

/* Append to those learnt at the port, as the youngest. */
static void entry_append(struct bindings *t, uint16_t n)
{
	struct binding_entry *e = &t->entry[n];
	struct binding_port *p = &t->ports[e->b.port];

	e->prev = p->youngest;
	e->next = BINDING_NIL;
	if (p->youngest)
		t->entry[p->youngest].next = n;
	else
		p->oldest = n;
	p->youngest = n;
	if (++p->count > t->ports[t->fullest].count)
		t->fullest = e->b.port;
}

static void entry_unlink(struct bindings *t, uint16_t n)
{
	const struct binding_entry *e = &t->entry[n];
	struct binding_port *p = &t->ports[e->b.port];

	if (e->prev)
		t->entry[e->prev].next = e->next;
	else
		p->oldest = e->next;
	if (e->next)
		t->entry[e->next].prev = e->prev;
	else
		p->youngest = e->prev;
	p->count--;
}

static void entry_free(struct bindings *t, uint16_t n)
{
	struct binding_entry *e = &t->entry[n];
	uint16_t *link = &t->bucket[bucket_of(t, e->b.vid, &e->b.ip)];

	while (*link != n)
		link = &t->entry[*link].chain;
	*link = e->chain;
	if (e->b.kind != BINDING_STATIC)
		entry_unlink(t, n);
	e->used = false;
	e->chain = t->free;
	t->free = n;
}

static void find_fullest(struct bindings *t)
{
	for (uint16_t n = 1; n <= t->ever; n++)
		if (t->entry[n].used &&
		    t->ports[t->entry[n].b.port].count > t->ports[t->fullest].count)
			t->fullest = t->entry[n].b.port;
}

/* Make the port with most learnt entries give up its oldest. Return: whether there is one. */
static bool evict_fullest(struct bindings *t)
{
	if (!t->ports[t->fullest].count)
		find_fullest(t);
	if (!t->ports[t->fullest].count)
		return false;
	entry_free(t, t->ports[t->fullest].oldest);
	return true;
}

/* Make the port give up its oldest request, or the binding from neighbour discovery that was
 * silent longest. Return: whether there is one. */
static bool evict_own(struct bindings *t, uint16_t port)
{
	uint16_t goes = BINDING_NIL;

	for (uint16_t n = t->ports[port].oldest; n; n = t->entry[n].next) {
		const struct binding *b = &t->entry[n].b;

		if (b->kind == BINDING_REQUEST) {
			goes = n;
			break;
		}
		if (b->kind == BINDING_ND &&
		    (!goes || b->used_ms < t->entry[goes].b.used_ms))
			goes = n;
	}
	if (goes)
		entry_free(t, goes);
	return goes;
}

int binding_set(struct bindings *t, const struct binding *b)
{
	uint16_t n = entry_find(t, b->vid, &b->ip), *bucket;

	if (n)
		entry_free(t, n);
	if (b->kind != BINDING_STATIC && t->ports[b->port].count >= BINDING_PORT_MAX &&
	    !evict_own(t, b->port))
		return -ENOSPC;
	if (!t->free && t->ever == BINDING_MAX && !evict_fullest(t))
		return -ENOSPC;
	n = t->free;
	if (n)
		t->free = t->entry[n].chain;
	else
		n = ++t->ever;
	bucket = &t->bucket[bucket_of(t, b->vid, &b->ip)];
	t->entry[n] = (struct binding_entry){ .b = *b, .used = true, .chain = *bucket };
	*bucket = n;
	if (b->kind != BINDING_STATIC)
		entry_append(t, n);
	return 0;
}

void binding_remove(struct bindings *t, struct binding *b)
{
	entry_free(t, (uint16_t)(container_of(b, struct binding_entry, b) - t->entry));
}

bool binding_is_host(const struct in6_addr *ip)
{
	const uint8_t *b = ip->s6_addr + 12;

	if (IN6_IS_ADDR_V4MAPPED(ip))
		return (b[0] & 0xf0) != 0xe0 && b[0] != 255 && b[0];
	return !IN6_IS_ADDR_UNSPECIFIED(ip) && !IN6_IS_ADDR_MULTICAST(ip);
}

struct in6_addr binding_request_key(struct eth_addr mac, uint32_t xid, bool v6)
{
	struct in6_addr ip = { 0 };

	/* A group that is nobody's, and no source. */
	ip.s6_addr[0] = 0xff;
	ip.s6_addr[1] = v6 ? 6 : 4;
	memcpy(ip.s6_addr + 4, &mac, sizeof(mac));
	memcpy(ip.s6_addr + 12, &xid, sizeof(xid));
	return ip;
}

/* Free all entries that are to go. */
static void free_some(struct bindings *t, bool (*goes)(const struct binding *b,
						       const void *arg), const void *arg)
{
	for (uint16_t n = 1; n <= t->ever; n++)
		if (t->entry[n].used && goes(&t->entry[n].b, arg))
			entry_free(t, n);
	find_fullest(t);
}

static bool is_over_now(const struct binding *b, const void *arg)
{
	return is_over(b, *(const uint64_t *)arg);
}

void bindings_tick(struct bindings *t, uint64_t now_ms)
{
	free_some(t, is_over_now, &now_ms);
}

static bool is_at_port(const struct binding *b, const void *arg)
{
	return b->port == *(const uint16_t *)arg;
}

void bindings_flush_port(struct bindings *t, uint16_t port, bool fixed)
{
	while (t->ports[port].oldest)
		entry_free(t, t->ports[port].oldest);
	if (fixed)
		free_some(t, is_at_port, &port);
}

static bool is_kind(const struct binding *b, const void *arg)
{
	return b->kind == *(const enum binding_kind *)arg;
}

void bindings_flush(struct bindings *t, enum binding_kind kind)
{
	free_some(t, is_kind, &kind);
}

unsigned int bindings_learnt(const struct bindings *t, uint16_t port)
{
	return t->ports[port].count;
}

void bindings_foreach(const struct bindings *t, uint64_t now_ms,
		      void (*visit)(void *ctx, const struct binding *b), void *ctx)
{
	for (uint16_t n = 1; n <= t->ever; n++)
		if (t->entry[n].used && !is_over(&t->entry[n].b, now_ms))
			visit(ctx, &t->entry[n].b);
}

static const char *const kind_names[] = {
	[BINDING_STATIC] = "static",
	[BINDING_DHCP] = "dhcp",
	[BINDING_ND] = "nd",
	[BINDING_REQUEST] = "request",
};

const char *binding_kind_name(enum binding_kind kind)
{
	return kind_names[kind];
}
