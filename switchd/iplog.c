/* SPDX-License-Identifier: BSD-2-Clause */
/* iplog.c - Which IP addresses live behind which port; the essay is in iplog.h */
#include "config.h"

#include "switchd/iplog.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	IPLOG_NIL = UINT32_MAX,		/* no entry */

	ETH_TYPE_IP4 = 0x0800,
	ETH_TYPE_ARP = 0x0806,
	ETH_TYPE_IP6 = 0x86dd,
	IP4_SIZE = 20,			/* headers: bytes, and where the source is */
	IP4_SOURCE = 12,
	IP6_SIZE = 40,
	IP6_SOURCE = 8,
	ARP_SIZE = 28,
	ARP_SOURCE = 14,
	VLAN_ID = 0xfff,
};

/* Addresses. */

static size_t iplog_addr_size(const struct iplog_addr *addr)
{
	return addr->version == 4 ? 4 : 16;
}

static struct iplog_addr iplog_addr_make(unsigned int version, const uint8_t *b)
{
	struct iplog_addr addr = { .version = (uint8_t)version };

	memcpy(addr.b, b, iplog_addr_size(&addr));
	return addr;
}

bool iplog_addr_parse(const char *s, struct iplog_addr *addr)
{
	uint8_t b[16];

	if (inet_pton(AF_INET, s, b) == 1)
		*addr = iplog_addr_make(4, b);
	else if (inet_pton(AF_INET6, s, b) == 1)
		*addr = iplog_addr_make(6, b);
	else
		return false;
	return true;
}

const char *iplog_addr_format(const struct iplog_addr *addr, char buf[static IPLOG_ADDR_STR])
{
	if (!inet_ntop(addr->version == 4 ? AF_INET : AF_INET6, addr->b, buf, IPLOG_ADDR_STR))
		buf[0] = 0;
	return buf;
}

bool iplog_addr_eq(const struct iplog_addr *a, const struct iplog_addr *b)
{
	return a->version == b->version && !memcmp(a->b, b->b, sizeof(a->b));
}

/* Whether it can be somebody's: neither unspecified, nor multicast or beyond. */
static bool iplog_addr_is_host(const struct iplog_addr *addr)
{
	static const uint8_t unspecified[16];

	if (!memcmp(addr->b, unspecified, sizeof(unspecified)))
		return false;
	return addr->version == 4 ? addr->b[0] < 224 : addr->b[0] != 0xff;
}

/* The source of the packet of a type in @size bytes. */
static bool iplog_packet(uint16_t type, const uint8_t *b, size_t size, struct iplog_addr *ip)
{
	/* Ethernet, IPv4, and how long their addresses are. */
	static const uint8_t arp[] = { 0, 1, 8, 0, ETH_ADDR_SIZE, 4 };

	if (type == ETH_TYPE_IP4 && size >= IP4_SIZE && b[0] >> 4 == 4 && (b[0] & 15) >= 5)
		*ip = iplog_addr_make(4, b + IP4_SOURCE);
	else if (type == ETH_TYPE_IP6 && size >= IP6_SIZE && b[0] >> 4 == 6)
		*ip = iplog_addr_make(6, b + IP6_SOURCE);
	else if (type == ETH_TYPE_ARP && size >= ARP_SIZE && !memcmp(b, arp, sizeof(arp)))
		*ip = iplog_addr_make(4, b + ARP_SOURCE);
	else
		return false;
	return iplog_addr_is_host(ip);
}

bool iplog_source(const uint8_t *b, size_t size, uint16_t pvid, struct iplog_info *info)
{
	struct eth_hdr eth;
	size_t at = sizeof(eth);
	uint16_t type, vid = 0;

	if (size < sizeof(eth))
		return false;
	memcpy(&eth, b, sizeof(eth));
	type = be16_get(eth.type);
	if (type == ETH_TYPE_VLAN) {
		struct be16 tag[2];

		if (size < at + sizeof(tag))
			return false;
		memcpy(tag, b + at, sizeof(tag));
		at += sizeof(tag);
		vid = be16_get(tag[0]) & VLAN_ID;
		type = be16_get(tag[1]);
	}
	info->mac = eth.src;
	info->vid = vid ? vid : pvid;
	return iplog_packet(type, b + at, size - at, &info->ip);
}

/* The table. */

/** struct iplog_range - The first @bits bits of @addr; the others are zero */
struct iplog_range {
	struct iplog_addr addr;
	unsigned int bits;
};

/**
 * struct iplog_entry - An address
 * @seen_ms:	When it was last seen, to within IPLOG_REFRESH_MS
 * @chain:	Next entry of the same bucket, or of the free list
 * @older:	Neighbours in the order of @seen_ms
 */
struct iplog_entry {
	struct iplog_info info;
	uint64_t seen_ms;
	uint32_t chain;
	uint32_t older, younger;
};

struct iplog {
	struct siphash_key key;
	uint64_t expire_ms;
	struct iplog_range ranges[IPLOG_RANGES_MAX];
	unsigned int range_count;
	struct iplog_entry *entries;
	uint32_t *buckets;
	uint32_t mask;			/* buckets - 1 */
	uint32_t free;
	uint32_t oldest, youngest;
};

struct iplog *iplog_create(unsigned int entries, struct siphash_key key)
{
	struct iplog *log = calloc(1, sizeof(*log));
	uint32_t buckets = 1;

	if (!log)
		return NULL;
	while (buckets < entries)
		buckets *= 2;
	log->key = key;
	log->expire_ms = IPLOG_EXPIRE_MS;
	log->mask = buckets - 1;
	log->entries = calloc(entries, sizeof(*log->entries));
	log->buckets = malloc(buckets * sizeof(*log->buckets));
	if (!log->entries || !log->buckets) {
		iplog_destroy(log);
		return NULL;
	}
	for (uint32_t i = 0; i < buckets; i++)
		log->buckets[i] = IPLOG_NIL;
	for (uint32_t i = 0; i < entries; i++)
		log->entries[i].chain = i + 1 < entries ? i + 1 : IPLOG_NIL;
	log->oldest = log->youngest = IPLOG_NIL;
	return log;
}

void iplog_destroy(struct iplog *log)
{
	if (!log)
		return;
	free(log->entries);
	free(log->buckets);
	free(log);
}

void iplog_set_expire(struct iplog *log, uint64_t ms)
{
	log->expire_ms = ms;
}

uint64_t iplog_expire(const struct iplog *log)
{
	return log->expire_ms;
}

/* Ranges. */

/* Keep the first @bits bits of an address. Return: false if it has not so many. */
static bool iplog_mask(struct iplog_addr *addr, unsigned int bits)
{
	const size_t size = iplog_addr_size(addr);

	if (bits > 8 * size)
		return false;
	for (size_t i = 0; i < size; i++) {
		unsigned int keep = bits > 8 * i ? MIN(bits - 8 * (unsigned int)i, 8u) : 0;

		addr->b[i] &= (uint8_t)(0xff00 >> keep);
	}
	return true;
}

/* The index of a range; range_count if it is not there, -EINVAL if it is none. */
static int iplog_find_range(const struct iplog *log, struct iplog_addr *addr,
			    unsigned int bits)
{
	unsigned int i;

	if (!iplog_mask(addr, bits))
		return -EINVAL;
	for (i = 0; i < log->range_count; i++)
		if (log->ranges[i].bits == bits && iplog_addr_eq(&log->ranges[i].addr, addr))
			break;
	return (int)i;
}

int iplog_add_range(struct iplog *log, const struct iplog_addr *addr, unsigned int bits)
{
	struct iplog_range range = { *addr, bits };
	int i = iplog_find_range(log, &range.addr, bits);

	if (i < 0)
		return i;
	if ((unsigned int)i < log->range_count)
		return -EEXIST;
	if (log->range_count == IPLOG_RANGES_MAX)
		return -ENOSPC;
	log->ranges[log->range_count++] = range;
	return 0;
}

int iplog_del_range(struct iplog *log, const struct iplog_addr *addr, unsigned int bits)
{
	struct iplog_addr masked = *addr;
	int i = iplog_find_range(log, &masked, bits);

	if (i < 0)
		return i;
	if ((unsigned int)i == log->range_count)
		return -ENOENT;
	log->range_count--;
	memmove(&log->ranges[i], &log->ranges[i + 1],
		(log->range_count - (unsigned int)i) * sizeof(log->ranges[0]));
	return 0;
}

bool iplog_range(const struct iplog *log, unsigned int n, struct iplog_addr *addr,
		 unsigned int *bits)
{
	if (n >= log->range_count)
		return false;
	*addr = log->ranges[n].addr;
	*bits = log->ranges[n].bits;
	return true;
}

static bool iplog_wants(const struct iplog *log, const struct iplog_addr *addr)
{
	for (unsigned int i = 0; i < log->range_count; i++) {
		struct iplog_addr masked = *addr;

		if (iplog_mask(&masked, log->ranges[i].bits) &&
		    iplog_addr_eq(&masked, &log->ranges[i].addr))
			return true;
	}
	return false;
}

/* Entries. */

static uint32_t *iplog_bucket(const struct iplog *log, const struct iplog_info *info)
{
	uint64_t word[2], hash;

	memcpy(word, info->ip.b, sizeof(word));
	hash = siphash_u64(&log->key, (uint64_t)info->ip.version << 16 | info->vid);
	hash = siphash_u64(&log->key, hash ^ word[0]);
	hash = siphash_u64(&log->key, hash ^ word[1]);
	return &log->buckets[hash & log->mask];
}

static struct iplog_entry *iplog_find(const struct iplog *log, const struct iplog_info *info)
{
	for (uint32_t i = *iplog_bucket(log, info); i != IPLOG_NIL; i = log->entries[i].chain)
		if (iplog_addr_eq(&log->entries[i].info.ip, &info->ip) &&
		    log->entries[i].info.vid == info->vid)
			return &log->entries[i];
	return NULL;
}

static uint32_t iplog_index(const struct iplog *log, const struct iplog_entry *e)
{
	return (uint32_t)(e - log->entries);
}

/* Take an entry out of the order. */
static void iplog_unlink(struct iplog *log, struct iplog_entry *e)
{
	if (e->older == IPLOG_NIL)
		log->oldest = e->younger;
	else
		log->entries[e->older].younger = e->younger;
	if (e->younger == IPLOG_NIL)
		log->youngest = e->older;
	else
		log->entries[e->younger].older = e->older;
}

/* Put it at the end of the order: it was seen now. */
static void iplog_link(struct iplog *log, struct iplog_entry *e, uint64_t now_ms)
{
	const uint32_t i = iplog_index(log, e);

	e->seen_ms = now_ms;
	e->older = log->youngest;
	e->younger = IPLOG_NIL;
	if (log->youngest == IPLOG_NIL)
		log->oldest = i;
	else
		log->entries[log->youngest].younger = i;
	log->youngest = i;
}

static void iplog_forget(struct iplog *log, struct iplog_entry *e)
{
	const uint32_t i = iplog_index(log, e);
	uint32_t *p = iplog_bucket(log, &e->info);

	while (*p != i)
		p = &log->entries[*p].chain;
	*p = e->chain;
	iplog_unlink(log, e);
	e->chain = log->free;
	log->free = i;
}

/* A free entry; if there is none, the oldest one's. */
static struct iplog_entry *iplog_take(struct iplog *log)
{
	struct iplog_entry *e;

	if (log->free == IPLOG_NIL)
		iplog_forget(log, &log->entries[log->oldest]);
	e = &log->entries[log->free];
	log->free = e->chain;
	return e;
}

bool iplog_see(struct iplog *log, const struct iplog_info *info, uint64_t now_ms)
{
	struct iplog_entry *e;
	bool same;

	if (!iplog_wants(log, &info->ip))
		return false;
	e = iplog_find(log, info);
	if (!e) {
		uint32_t *bucket = iplog_bucket(log, info);

		e = iplog_take(log);
		e->info = *info;
		e->chain = *bucket;
		*bucket = iplog_index(log, e);
		iplog_link(log, e, now_ms);
		return true;
	}
	same = eth_addr_eq(e->info.mac, info->mac) && e->info.port == info->port &&
	       e->info.uid == info->uid;
	if (same && now_ms - e->seen_ms < IPLOG_REFRESH_MS)
		return false;
	e->info = *info;
	iplog_unlink(log, e);
	iplog_link(log, e, now_ms);
	return !same;
}

void iplog_age(struct iplog *log, uint64_t now_ms)
{
	while (log->oldest != IPLOG_NIL) {
		struct iplog_entry *e = &log->entries[log->oldest];

		if (now_ms - e->seen_ms <= log->expire_ms)
			return;
		iplog_forget(log, e);
	}
}

void iplog_flush_port(struct iplog *log, uint16_t port)
{
	for (uint32_t i = log->oldest; i != IPLOG_NIL; ) {
		struct iplog_entry *e = &log->entries[i];

		i = e->younger;
		if (e->info.port == port)
			iplog_forget(log, e);
	}
}

void iplog_foreach(const struct iplog *log,
		   void (*visit)(void *ctx, const struct iplog_info *info), void *ctx)
{
	for (uint32_t i = log->oldest; i != IPLOG_NIL; i = log->entries[i].younger)
		visit(ctx, &log->entries[i].info);
}
