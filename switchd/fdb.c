/* SPDX-License-Identifier: BSD-2-Clause */
/* fdb.c - Forwarding database; the essay is in fdb.h */
#include "config.h"

#include "switchd/fdb.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "lib/compiler.h"
#include "switchd/fdb_rank.h"

enum {
	FDB_NIL = UINT32_MAX,	/* no entry */
	FDB_HINTS = 1024,	/* a power of two */
	FDB_HUGE = 2 << 20,	/* a huge page */
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
 * @kind:	An enum fdb_kind
 */
struct fdb_entry {
	uint64_t key;
	uint64_t seen_ms;
	uint32_t chain;
	uint32_t prev, next;
	uint16_t port;
	uint8_t kind;
};

static_assert(sizeof(struct fdb_entry) == 32, "two entries to a cache line");

/** struct fdb_hint - What was found last for a place, see fdb_find() */
struct fdb_hint {
	uint64_t key;
	uint32_t entry;
};

/** struct fdb_list - Entries of a kind, the oldest first */
struct fdb_list {
	uint32_t oldest, youngest;
	uint32_t count;
};

/**
 * struct fdb_port - A port
 * @list:	Its entries
 * @limit:	At most so many, or 0
 * @sticky:	What is learnt there stays there
 */
struct fdb_port {
	struct fdb_list list[FDB_KINDS];
	uint32_t limit;
	bool sticky;
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
	struct fdb_rank rank;		/* which port holds most that was learnt */
	struct fdb_hint hint[FDB_HINTS];
};

/* Memory of a big table in huge pages, if the kernel has some: who looks at any of a
 * million addresses misses the processor's table of pages each time otherwise. */
static void *fdb_alloc(size_t size)
{
	void *p;

	if (size < FDB_HUGE)
		return malloc(size);
	size = (size + FDB_HUGE - 1) / FDB_HUGE * FDB_HUGE;
	p = aligned_alloc(FDB_HUGE, size);
	if (p)
		(void)madvise(p, size, MADV_HUGEPAGE);
	return p;
}

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
	fdb->entries = fdb_alloc(entries * sizeof(*fdb->entries));
	fdb->ports = calloc(ports, sizeof(*fdb->ports));
	fdb->buckets = fdb_alloc(buckets * sizeof(*fdb->buckets));
	if (!fdb_rank_init(&fdb->rank, ports) || !fdb->entries || !fdb->ports ||
	    !fdb->buckets) {
		fdb_destroy(fdb);
		return NULL;
	}
	for (uint32_t i = 0; i < buckets; i++)
		fdb->buckets[i] = FDB_NIL;
	for (unsigned int i = 0; i < ports; i++)
		for (unsigned int kind = 0; kind < FDB_KINDS; kind++)
			fdb->ports[i].list[kind] = (struct fdb_list){ FDB_NIL, FDB_NIL, 0 };
	for (uint32_t i = 0; i < entries; i++)
		fdb->entries[i] = (struct fdb_entry){
			.key = FDB_NO_KEY,
			.chain = i + 1 < entries ? i + 1 : FDB_NIL,
		};
	for (unsigned int i = 0; i < FDB_HINTS; i++)
		fdb->hint[i].key = FDB_NO_KEY;
	return fdb;
}

void fdb_destroy(struct fdb *fdb)
{
	if (!fdb)
		return;
	free(fdb->entries);
	free(fdb->ports);
	free(fdb->buckets);
	fdb_rank_exit(&fdb->rank);
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

static struct fdb_entry *fdb_find_in(struct fdb *fdb, uint32_t bucket, uint64_t key)
{
	for (uint32_t i = fdb->buckets[bucket]; i != FDB_NIL; i = fdb->entries[i].chain)
		if (fdb->entries[i].key == key)
			return &fdb->entries[i];
	return NULL;
}

static struct fdb_entry *fdb_find_hashed(struct fdb *fdb, uint64_t key)
{
	return fdb_find_in(fdb, fdb_hash(fdb, key), key);
}

static struct fdb_hint *fdb_hint(struct fdb *fdb, uint64_t key)
{
	return &fdb->hint[(key ^ key >> 16) & (FDB_HINTS - 1)];
}

static void fdb_set_hint(const struct fdb *fdb, struct fdb_hint *hint,
			 const struct fdb_entry *e)
{
	*hint = (struct fdb_hint){ e->key, (uint32_t)(e - fdb->entries) };
}

/* The entry of an address by its hash, remembered as a hint. */
static NOINLINE struct fdb_entry *fdb_seek(struct fdb *fdb, struct fdb_hint *hint, uint64_t key)
{
	struct fdb_entry *e = fdb_find_in(fdb, fdb_hash(fdb, key), key);

	if (e)
		fdb_set_hint(fdb, hint, e);
	return e;
}

/* The entry of an address. A few talkers make up most traffic, so what was found
 * last is tried before the hash is computed. A hint has the address itself, too, so
 * that only the right entry is ever looked at; since that may have gone to another
 * address, it has the last word. Places are easy to guess: who fills one with other
 * addresses on purpose costs us the hash, and no more. */
static inline struct fdb_entry *fdb_find(struct fdb *fdb, uint64_t key)
{
	struct fdb_hint *hint = fdb_hint(fdb, key);
	struct fdb_entry *e = &fdb->entries[hint->entry];

	if (LIKELY(hint->key == key && e->key == key))
		return e;
	return fdb_seek(fdb, hint, key);
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
		.kind = (enum fdb_kind)e->kind,
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

static struct fdb_list *fdb_list_of(const struct fdb *fdb, const struct fdb_entry *e)
{
	return &fdb->ports[e->port].list[e->kind];
}

/* How many addresses were learnt at a port, and may be given up for others. */
static uint32_t fdb_learnt(const struct fdb_port *p)
{
	return p->list[FDB_DYNAMIC].count + p->list[FDB_STICKY].count;
}

/* Take an entry off its list. */
static void fdb_unlink(struct fdb *fdb, struct fdb_entry *e)
{
	struct fdb_list *l = fdb_list_of(fdb, e);

	if (e->prev == FDB_NIL)
		l->oldest = e->next;
	else
		fdb->entries[e->prev].next = e->next;
	if (e->next == FDB_NIL)
		l->youngest = e->prev;
	else
		fdb->entries[e->next].prev = e->prev;
	l->count--;
	fdb_rank_set(&fdb->rank, e->port, fdb_learnt(&fdb->ports[e->port]));
}

/* Append an entry to a list of a port, as its youngest. */
static void fdb_append(struct fdb *fdb, struct fdb_entry *e, uint16_t port,
		       enum fdb_kind kind)
{
	struct fdb_list *l = &fdb->ports[port].list[kind];
	uint32_t i = (uint32_t)(e - fdb->entries);

	e->port = port;
	e->kind = (uint8_t)kind;
	e->prev = l->youngest;
	e->next = FDB_NIL;
	if (l->youngest == FDB_NIL)
		l->oldest = i;
	else
		fdb->entries[l->youngest].next = i;
	l->youngest = i;
	l->count++;
	fdb_rank_set(&fdb->rank, port, fdb_learnt(&fdb->ports[port]));
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

static bool fdb_is_old(const struct fdb *fdb, const struct fdb_entry *e,
		       uint64_t now_ms)
{
	return now_ms - e->seen_ms > fdb->ageing_ms && e->kind == FDB_DYNAMIC;
}

/* Make room for an entry. Return: whether there is some. */
static bool fdb_evict(struct fdb *fdb)
{
	const struct fdb_port *p;

	p = &fdb->ports[fdb_rank_first(&fdb->rank)];
	if (!fdb_learnt(p))
		return false;
	fdb_forget(fdb, &fdb->entries[p->list[p->list[FDB_DYNAMIC].count ? FDB_DYNAMIC :
					      FDB_STICKY].oldest]);
	return true;
}

/* Make an entry for an address that has none. Return: whether there is room. */
static bool fdb_insert(struct fdb *fdb, uint64_t key, uint16_t port, enum fdb_kind kind,
		       uint64_t now_ms)
{
	struct fdb_entry *e;
	uint32_t *bucket;

	if (fdb->free == FDB_NIL && !fdb_evict(fdb))
		return false;
	e = &fdb->entries[fdb->free];
	fdb->free = e->chain;
	fdb->count++;
	bucket = &fdb->buckets[fdb_hash(fdb, key)];
	e->key = key;
	e->seen_ms = now_ms;
	e->chain = *bucket;
	*bucket = (uint32_t)(e - fdb->entries);
	fdb_append(fdb, e, port, kind);
	fdb_tell(fdb, FDB_ADDED, e);
	return true;
}

static bool fdb_at_limit(const struct fdb *fdb, uint16_t port)
{
	const struct fdb_port *p = &fdb->ports[port];

	return p->limit && fdb_learnt(p) + p->list[FDB_STATIC].count >= p->limit;
}

/* Whether one more address is too many for a port; what is too old does not count. */
static bool fdb_has_no_room(struct fdb *fdb, uint16_t port, uint64_t now_ms)
{
	const struct fdb_list *l = &fdb->ports[port].list[FDB_DYNAMIC];

	while (UNLIKELY(fdb_at_limit(fdb, port))) {
		if (!l->count || !fdb_is_old(fdb, &fdb->entries[l->oldest], now_ms))
			return true;
		fdb_forget(fdb, &fdb->entries[l->oldest]);
	}
	return false;
}

static enum fdb_kind fdb_kind_at(const struct fdb *fdb, uint16_t port)
{
	return fdb->ports[port].sticky ? FDB_STICKY : FDB_DYNAMIC;
}

/* An address that is known is seen at a port. */
static enum fdb_learned fdb_learn_again(struct fdb *fdb, struct fdb_entry *e, uint16_t port,
					uint64_t now_ms)
{
	const bool moves = e->port != port;

	if (moves && e->kind != FDB_DYNAMIC)
		return FDB_REFUSED;
	if (moves && now_ms - e->seen_ms < fdb->min_stay_ms)
		return FDB_KNOWN;
	if (moves && fdb_has_no_room(fdb, port, now_ms))
		return FDB_REFUSED;
	fdb_unlink(fdb, e);
	fdb_append(fdb, e, port, moves ? fdb_kind_at(fdb, port) : (enum fdb_kind)e->kind);
	e->seen_ms = now_ms;
	if (!moves)
		return FDB_KNOWN;
	fdb_tell(fdb, FDB_CHANGED_PORT, e);
	return FDB_MOVED;
}

/* An address is seen whose entry, if it has one, has something to learn. */
static NOINLINE enum fdb_learned fdb_learn_more(struct fdb *fdb, struct fdb_entry *e,
						uint64_t key, uint16_t port, uint64_t now_ms)
{
	/* One that is too old has no right to its place, if places are few. */
	if (e && e->port == port && fdb_is_old(fdb, e, now_ms) && fdb_at_limit(fdb, port)) {
		fdb_forget(fdb, e);
		e = NULL;
	}
	if (e)
		return fdb_learn_again(fdb, e, port, now_ms);
	if (fdb_has_no_room(fdb, port, now_ms) ||
	    !fdb_insert(fdb, key, port, fdb_kind_at(fdb, port), now_ms))
		return FDB_REFUSED;
	return FDB_NEW;
}

enum fdb_learned fdb_learn(struct fdb *fdb, struct eth_addr addr, uint16_t vid,
			   uint16_t port, uint64_t now_ms)
{
	uint64_t key = fdb_key(addr, vid);
	struct fdb_entry *e = fdb_find(fdb, key);

	if (LIKELY(e && e->port == port && now_ms - e->seen_ms < FDB_REFRESH_MS))
		return FDB_KNOWN;
	return fdb_learn_more(fdb, e, key, port, now_ms);
}

uint16_t fdb_lookup(struct fdb *fdb, struct eth_addr addr, uint16_t vid,
		    uint64_t now_ms)
{
	const struct fdb_entry *e = fdb_find(fdb, fdb_key(addr, vid));

	return e && !fdb_is_old(fdb, e, now_ms) ? e->port : FDB_NO_PORT;
}

void fdb_warm(struct fdb *fdb, const struct fdb_wanted *wanted, unsigned int n)
{
	struct {
		uint64_t key;
		uint32_t bucket;
	} todo[FDB_WARM_MAX];
	unsigned int count = 0;

	for (unsigned int i = 0; i < n; i++) {
		uint64_t key = fdb_key(wanted[i].addr, wanted[i].vid);
		uint32_t bucket;

		if (fdb_hint(fdb, key)->key == key)
			continue;
		bucket = fdb_hash(fdb, key);
		PREFETCH(&fdb->buckets[bucket]);
		todo[count].key = key;
		todo[count++].bucket = bucket;
	}
	for (unsigned int i = 0; i < count; i++) {
		uint32_t first = fdb->buckets[todo[i].bucket];

		if (first != FDB_NIL)
			PREFETCH(&fdb->entries[first]);
	}
	for (unsigned int i = 0; i < count; i++) {
		const struct fdb_entry *e = fdb_find_in(fdb, todo[i].bucket, todo[i].key);

		if (e)
			fdb_set_hint(fdb, fdb_hint(fdb, e->key), e);
	}
}

unsigned int fdb_count(const struct fdb *fdb)
{
	return fdb->count;
}

unsigned int fdb_port_count(const struct fdb *fdb, uint16_t port)
{
	return fdb_learnt(&fdb->ports[port]) + fdb->ports[port].list[FDB_STATIC].count;
}

unsigned int fdb_kind_count(const struct fdb *fdb, uint16_t port, enum fdb_kind kind)
{
	return fdb->ports[port].list[kind].count;
}

unsigned int fdb_buckets(const struct fdb *fdb)
{
	return fdb->mask + 1;
}

static void fdb_visit_list(const struct fdb *fdb, const struct fdb_list *l, uint64_t now_ms,
			   void (*visit)(void *ctx, const struct fdb_info *info), void *ctx)
{
	for (uint32_t i = l->oldest; i != FDB_NIL; i = fdb->entries[i].next) {
		const struct fdb_entry *e = &fdb->entries[i];
		struct fdb_info info = fdb_describe(fdb, e, now_ms);

		if (!fdb_is_old(fdb, e, now_ms))
			visit(ctx, &info);
	}
}

void fdb_foreach(const struct fdb *fdb, uint64_t now_ms,
		 void (*visit)(void *ctx, const struct fdb_info *info), void *ctx)
{
	for (unsigned int p = 0; p < fdb->port_count; p++)
		for (unsigned int kind = 0; kind < FDB_KINDS; kind++)
			fdb_visit_list(fdb, &fdb->ports[p].list[kind], now_ms, visit, ctx);
}

unsigned int fdb_age(struct fdb *fdb, uint64_t now_ms)
{
	unsigned int forgotten = 0;

	for (unsigned int p = 0; p < fdb->port_count; p++) {
		const struct fdb_list *l = &fdb->ports[p].list[FDB_DYNAMIC];

		while (l->count && fdb_is_old(fdb, &fdb->entries[l->oldest], now_ms)) {
			fdb_forget(fdb, &fdb->entries[l->oldest]);
			forgotten++;
		}
	}
	return forgotten;
}

static void fdb_flush_list(struct fdb *fdb, const struct fdb_list *l)
{
	while (l->count)
		fdb_forget(fdb, &fdb->entries[l->oldest]);
}

void fdb_flush_port(struct fdb *fdb, uint16_t port)
{
	fdb_flush_list(fdb, &fdb->ports[port].list[FDB_DYNAMIC]);
}

void fdb_flush(struct fdb *fdb)
{
	for (unsigned int p = 0; p < fdb->port_count; p++)
		fdb_flush_list(fdb, &fdb->ports[p].list[FDB_DYNAMIC]);
}

void fdb_forget_port(struct fdb *fdb, uint16_t port)
{
	for (unsigned int kind = 0; kind < FDB_KINDS; kind++)
		fdb_flush_list(fdb, &fdb->ports[port].list[kind]);
	fdb->ports[port].limit = 0;
	fdb->ports[port].sticky = false;
}

/* What an operator sets. */

const char *fdb_kind_name(enum fdb_kind kind)
{
	static const char *const names[FDB_KINDS] = {
		[FDB_DYNAMIC] = "dynamic",
		[FDB_STICKY] = "sticky",
		[FDB_STATIC] = "static",
	};

	return names[kind];
}

int fdb_add(struct fdb *fdb, struct eth_addr addr, uint16_t vid, uint16_t port,
	    uint64_t now_ms)
{
	uint64_t key = fdb_key(addr, vid);
	struct fdb_entry *e = fdb_find_hashed(fdb, key);

	if (eth_addr_is_group(addr) || eth_addr_is_zero(addr))
		return -EINVAL;
	if (e && e->kind == FDB_STATIC)
		return -EEXIST;
	if (e)
		fdb_forget(fdb, e);
	return fdb_insert(fdb, key, port, FDB_STATIC, now_ms) ? 0 : -ENOSPC;
}

int fdb_del(struct fdb *fdb, struct eth_addr addr, uint16_t vid)
{
	struct fdb_entry *e = fdb_find_hashed(fdb, fdb_key(addr, vid));

	if (!e)
		return -ENXIO;
	fdb_forget(fdb, e);
	return 0;
}

void fdb_set_sticky(struct fdb *fdb, uint16_t port, bool on, uint64_t now_ms)
{
	struct fdb_port *p = &fdb->ports[port];
	const struct fdb_list *l = &p->list[on ? FDB_DYNAMIC : FDB_STICKY];

	p->sticky = on;
	while (l->count) {
		struct fdb_entry *e = &fdb->entries[l->oldest];

		if (fdb_is_old(fdb, e, now_ms)) {
			fdb_forget(fdb, e);
			continue;
		}
		fdb_unlink(fdb, e);
		fdb_append(fdb, e, port, fdb_kind_at(fdb, port));
		/* The dynamic ones are in the order of their times. */
		e->seen_ms = now_ms;
	}
}

bool fdb_sticky(const struct fdb *fdb, uint16_t port)
{
	return fdb->ports[port].sticky;
}

void fdb_set_limit(struct fdb *fdb, uint16_t port, unsigned int limit)
{
	fdb->ports[port].limit = limit;
}

unsigned int fdb_limit(const struct fdb *fdb, uint16_t port)
{
	return fdb->ports[port].limit;
}

bool fdb_refuses(struct fdb *fdb, struct eth_addr addr, uint16_t vid, uint16_t port)
{
	const struct fdb_entry *e = fdb_find_hashed(fdb, fdb_key(addr, vid));

	if (e && (e->port == port || e->kind != FDB_DYNAMIC))
		return e->port != port;
	return fdb_at_limit(fdb, port);
}

int fdb_carry_over(struct fdb *to, const struct fdb *from)
{
	for (unsigned int i = 0; i < MIN(to->port_count, from->port_count); i++) {
		const struct fdb_port *p = &from->ports[i];

		to->ports[i].limit = p->limit;
		to->ports[i].sticky = p->sticky;
		for (unsigned int kind = FDB_STICKY; kind < FDB_KINDS; kind++) {
			for (uint32_t n = p->list[kind].oldest; n != FDB_NIL;
			     n = from->entries[n].next) {
				const struct fdb_entry *e = &from->entries[n];

				/* Never at the cost of another one. */
				if (to->free == FDB_NIL ||
				    !fdb_insert(to, e->key, (uint16_t)i, (enum fdb_kind)kind,
						e->seen_ms))
					return -ENOSPC;
			}
		}
	}
	return 0;
}
