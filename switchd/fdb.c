/* SPDX-License-Identifier: BSD-2-Clause */
/* fdb.c - Forwarding database; the essay is in fdb.h */
#include "config.h"

#include "switchd/fdb.h"

#include <stdlib.h>

#include "lib/compiler.h"

enum {
	FDB_NIL = UINT32_MAX,	/* no entry */
	FDB_HINTS = 1024,	/* a power of two */
};

#define FDB_NO_KEY	UINT64_MAX	/* of an entry that is free */

/**
 * struct fdb_entry - An address
 * @key:	The address as an integer, the VLAN in its upper bits; or FDB_NO_KEY
 * @seen_ms:	When it was last learned, to within FDB_REFRESH_MS
 * @chain:	Next entry of the same bucket, or of the free list
 * @prev:	Neighbours in the list of the port
 * @next:	Towards the younger ones
 * @port:	Where it lives
 */
struct fdb_entry {
	uint64_t key;
	uint64_t seen_ms;
	uint32_t chain;
	uint32_t prev, next;
	uint16_t port;
};

/** struct fdb_port - A port's entries, the oldest first */
struct fdb_port {
	uint32_t oldest, youngest;
	uint32_t count;
};

struct fdb {
	struct siphash_key key;
	uint64_t ageing_ms;
	uint64_t min_stay_ms;
	void (*changed)(void *ctx, enum fdb_change what, const struct fdb_info *info);
	void *changed_ctx;
	struct fdb_entry *entries;
	struct fdb_port *ports;
	uint32_t *buckets;
	uint32_t free;
	uint32_t count;
	uint32_t mask;			/* buckets - 1 */
	unsigned int port_count;
	uint16_t fullest;		/* port that holds most entries */
	uint32_t hint[FDB_HINTS];	/* entry last found for a place, see fdb_find() */
};

struct fdb *fdb_create(unsigned int entries, unsigned int ports,
		       struct siphash_key key)
{
	struct fdb *fdb = calloc(1, sizeof(*fdb));
	uint32_t buckets = 1;

	if (!fdb)
		return NULL;
	while (buckets < entries)
		buckets *= 2;
	fdb->key = key;
	fdb->ageing_ms = FDB_AGEING_MS_DEFAULT;
	fdb->mask = buckets - 1;
	fdb->port_count = ports;
	fdb->entries = calloc(entries, sizeof(*fdb->entries));
	fdb->ports = calloc(ports, sizeof(*fdb->ports));
	fdb->buckets = malloc(buckets * sizeof(*fdb->buckets));
	if (!fdb->entries || !fdb->ports || !fdb->buckets) {
		fdb_destroy(fdb);
		return NULL;
	}
	for (uint32_t i = 0; i < buckets; i++)
		fdb->buckets[i] = FDB_NIL;
	for (unsigned int i = 0; i < ports; i++)
		fdb->ports[i] = (struct fdb_port){ FDB_NIL, FDB_NIL, 0 };
	for (uint32_t i = 0; i < entries; i++)
		fdb->entries[i].key = FDB_NO_KEY;
	for (uint32_t i = 0; i < entries; i++)
		fdb->entries[i].chain = i + 1 < entries ? i + 1 : FDB_NIL;
	return fdb;
}

void fdb_destroy(struct fdb *fdb)
{
	if (!fdb)
		return;
	free(fdb->entries);
	free(fdb->ports);
	free(fdb->buckets);
	free(fdb);
}

void fdb_set_ageing(struct fdb *fdb, uint64_t ms)
{
	fdb->ageing_ms = ms;
}

uint64_t fdb_ageing(const struct fdb *fdb)
{
	return fdb->ageing_ms;
}

void fdb_set_min_stay(struct fdb *fdb, uint64_t ms)
{
	fdb->min_stay_ms = ms;
}

uint64_t fdb_min_stay(const struct fdb *fdb)
{
	return fdb->min_stay_ms;
}

void fdb_watch(struct fdb *fdb, void (*changed)(void *ctx, enum fdb_change what,
						const struct fdb_info *info), void *ctx)
{
	fdb->changed = changed;
	fdb->changed_ctx = ctx;
}

static uint64_t fdb_key(struct eth_addr addr, uint16_t vid)
{
	return eth_addr_to_u64(addr) | (uint64_t)vid << 48;
}

static uint32_t fdb_hash(const struct fdb *fdb, uint64_t key)
{
	return (uint32_t)siphash_u64(&fdb->key, key) & fdb->mask;
}

static struct fdb_entry *fdb_find_hashed(struct fdb *fdb, uint64_t key)
{
	for (uint32_t i = fdb->buckets[fdb_hash(fdb, key)]; i != FDB_NIL;
	     i = fdb->entries[i].chain)
		if (fdb->entries[i].key == key)
			return &fdb->entries[i];
	return NULL;
}

/* The entry of an address. A few talkers make up most traffic, so what was found
 * last is tried before the hash is computed. Places are easy to guess: who fills
 * one with other addresses on purpose costs us the hash, and no more. */
static struct fdb_entry *fdb_find(struct fdb *fdb, uint64_t key)
{
	uint32_t *hint = &fdb->hint[(key ^ key >> 16) & (FDB_HINTS - 1)];
	struct fdb_entry *e = &fdb->entries[*hint];

	if (LIKELY(e->key == key))
		return e;
	e = fdb_find_hashed(fdb, key);
	if (e)
		*hint = (uint32_t)(e - fdb->entries);
	return e;
}

static struct eth_addr fdb_addr(uint64_t key)
{
	struct eth_addr a;

	for (int i = ETH_ADDR_SIZE - 1; i >= 0; i--, key >>= 8)
		a.b[i] = (uint8_t)key;
	return a;
}

static struct fdb_info fdb_describe(const struct fdb *fdb, const struct fdb_entry *e,
				    uint64_t now_ms)
{
	return (struct fdb_info){
		.addr = fdb_addr(e->key),
		.vid = (uint16_t)(e->key >> 48),
		.port = e->port,
		.age_ms = now_ms - e->seen_ms,
		.bucket = fdb_hash(fdb, e->key),
	};
}

static void fdb_tell(const struct fdb *fdb, enum fdb_change what,
		     const struct fdb_entry *e)
{
	struct fdb_info info;

	if (!fdb->changed)
		return;
	info = fdb_describe(fdb, e, e->seen_ms);
	fdb->changed(fdb->changed_ctx, what, &info);
}

/* Take an entry off its port's list. */
static void fdb_unlink(struct fdb *fdb, struct fdb_entry *e)
{
	struct fdb_port *p = &fdb->ports[e->port];

	if (e->prev == FDB_NIL)
		p->oldest = e->next;
	else
		fdb->entries[e->prev].next = e->next;
	if (e->next == FDB_NIL)
		p->youngest = e->prev;
	else
		fdb->entries[e->next].prev = e->prev;
	p->count--;
}

/* Append an entry to a port's list, as its youngest. */
static void fdb_append(struct fdb *fdb, struct fdb_entry *e, uint16_t port)
{
	struct fdb_port *p = &fdb->ports[port];
	uint32_t i = (uint32_t)(e - fdb->entries);

	e->port = port;
	e->prev = p->youngest;
	e->next = FDB_NIL;
	if (p->youngest == FDB_NIL)
		p->oldest = i;
	else
		fdb->entries[p->youngest].next = i;
	p->youngest = i;
	p->count++;
	if (p->count > fdb->ports[fdb->fullest].count)
		fdb->fullest = port;
}

/* Forget an entry altogether. */
static void fdb_forget(struct fdb *fdb, struct fdb_entry *e)
{
	uint32_t *link = &fdb->buckets[fdb_hash(fdb, e->key)];
	uint32_t i = (uint32_t)(e - fdb->entries);

	fdb_tell(fdb, FDB_REMOVED, e);
	while (*link != i)
		link = &fdb->entries[*link].chain;
	*link = e->chain;
	fdb_unlink(fdb, e);
	e->key = FDB_NO_KEY;
	e->chain = fdb->free;
	fdb->free = i;
	fdb->count--;
}

/* After entries went: which port holds most now? */
static void fdb_find_fullest(struct fdb *fdb)
{
	for (unsigned int i = 0; i < fdb->port_count; i++)
		if (fdb->ports[i].count > fdb->ports[fdb->fullest].count)
			fdb->fullest = (uint16_t)i;
}

enum fdb_learned fdb_learn(struct fdb *fdb, struct eth_addr addr, uint16_t vid,
			   uint16_t port, uint64_t now_ms)
{
	uint64_t key = fdb_key(addr, vid);
	struct fdb_entry *e = fdb_find(fdb, key);
	uint32_t *bucket;

	if (e && e->port == port && now_ms - e->seen_ms < FDB_REFRESH_MS)
		return FDB_KNOWN;
	if (e) {
		enum fdb_learned what = e->port == port ? FDB_KNOWN : FDB_MOVED;

		if (what == FDB_MOVED && now_ms - e->seen_ms < fdb->min_stay_ms)
			return FDB_KNOWN;
		fdb_unlink(fdb, e);
		fdb_append(fdb, e, port);
		e->seen_ms = now_ms;
		if (what == FDB_MOVED)
			fdb_tell(fdb, FDB_CHANGED_PORT, e);
		return what;
	}
	/* Whoever gains an entry is compared with the fullest; after many moves
	 * away from that one another may hold more, until it gains again. */
	if (fdb->free == FDB_NIL)
		fdb_forget(fdb, &fdb->entries[fdb->ports[fdb->fullest].oldest]);
	e = &fdb->entries[fdb->free];
	fdb->free = e->chain;
	fdb->count++;
	bucket = &fdb->buckets[fdb_hash(fdb, key)];
	e->key = key;
	e->seen_ms = now_ms;
	e->chain = *bucket;
	*bucket = (uint32_t)(e - fdb->entries);
	fdb_append(fdb, e, port);
	fdb_tell(fdb, FDB_ADDED, e);
	return FDB_NEW;
}

static bool fdb_is_old(const struct fdb *fdb, const struct fdb_entry *e,
		       uint64_t now_ms)
{
	return now_ms - e->seen_ms > fdb->ageing_ms;
}

uint16_t fdb_lookup(struct fdb *fdb, struct eth_addr addr, uint16_t vid,
		    uint64_t now_ms)
{
	const struct fdb_entry *e = fdb_find(fdb, fdb_key(addr, vid));

	return e && !fdb_is_old(fdb, e, now_ms) ? e->port : FDB_NO_PORT;
}

unsigned int fdb_count(const struct fdb *fdb)
{
	return fdb->count;
}

unsigned int fdb_port_count(const struct fdb *fdb, uint16_t port)
{
	return fdb->ports[port].count;
}

unsigned int fdb_buckets(const struct fdb *fdb)
{
	return fdb->mask + 1;
}

void fdb_foreach(const struct fdb *fdb, uint64_t now_ms,
		 void (*visit)(void *ctx, const struct fdb_info *info), void *ctx)
{
	for (unsigned int p = 0; p < fdb->port_count; p++) {
		for (uint32_t i = fdb->ports[p].oldest; i != FDB_NIL;
		     i = fdb->entries[i].next) {
			const struct fdb_entry *e = &fdb->entries[i];
			struct fdb_info info = fdb_describe(fdb, e, now_ms);

			if (!fdb_is_old(fdb, e, now_ms))
				visit(ctx, &info);
		}
	}
}

unsigned int fdb_age(struct fdb *fdb, uint64_t now_ms)
{
	unsigned int forgotten = 0;

	for (unsigned int p = 0; p < fdb->port_count; p++) {
		while (fdb->ports[p].oldest != FDB_NIL) {
			struct fdb_entry *e = &fdb->entries[fdb->ports[p].oldest];

			if (!fdb_is_old(fdb, e, now_ms))
				break;
			fdb_forget(fdb, e);
			forgotten++;
		}
	}
	if (forgotten)
		fdb_find_fullest(fdb);
	return forgotten;
}

void fdb_flush_port(struct fdb *fdb, uint16_t port)
{
	while (fdb->ports[port].oldest != FDB_NIL)
		fdb_forget(fdb, &fdb->entries[fdb->ports[port].oldest]);
	fdb_find_fullest(fdb);
}

void fdb_flush(struct fdb *fdb)
{
	for (unsigned int p = 0; p < fdb->port_count; p++)
		while (fdb->ports[p].oldest != FDB_NIL)
			fdb_forget(fdb, &fdb->entries[fdb->ports[p].oldest]);
	fdb->fullest = 0;
}
