/* SPDX-License-Identifier: BSD-2-Clause */
/* fcfs.c - First come, first served; the essay is in fcfs.h */
#include "config.h"

#include "switchd/fcfs.h"

#include <string.h>

#include "lib/bytes.h"
#include "lib/csum.h"

enum {
	OPTION_PREFIX = 3,
	OPTION_PREFIX_SIZE = 32,
	PREFIX_ON_LINK = 0x80,
	PREFIX_AUTONOMOUS = 0x40,
	PREFIX_FOREVER_S = -1,		/* as 32 bits */
	IP6_AT = ETH_HDR_SIZE,
	IP6_DST_AT = IP6_AT + 24,
	ICMP6_AT = IP6_AT + 40,
	ICMP6_SUM_AT = ICMP6_AT + 2,
	ICMP6_TARGET_AT = ICMP6_AT + 8,
};

/* Prefixes. */

static bool prefix_has(const struct fcfs_prefix *p, const struct in6_addr *ip)
{
	const unsigned int bytes = p->bits / 8, bits = p->bits % 8;

	return !memcmp(&p->prefix, ip, bytes) &&
	       (!bits || !((p->prefix.s6_addr[bytes] ^ ip->s6_addr[bytes]) >> (8 - bits)));
}

/* Whether a host may give itself an address. */
static bool is_on_link(const struct fcfs *f, uint16_t vid, const struct in6_addr *ip,
		       uint64_t now_ms)
{
	if (IN6_IS_ADDR_LINKLOCAL(ip))
		return true;
	for (unsigned int i = 0; i < FCFS_PREFIXES; i++)
		if (f->prefix[i].vid == vid && now_ms < f->prefix[i].until_ms &&
		    prefix_has(&f->prefix[i], ip))
			return true;
	return false;
}

/* Keep a prefix, in the place that it has or, of the others, that of the first to end. */
static void keep_prefix(struct fcfs *f, const struct fcfs_prefix *p)
{
	struct fcfs_prefix *place = &f->prefix[0];

	for (unsigned int i = 0; i < FCFS_PREFIXES; i++) {
		struct fcfs_prefix *x = &f->prefix[i];

		if (x->until_ms && x->vid == p->vid && x->bits == p->bits &&
		    !memcmp(&x->prefix, &p->prefix, sizeof(x->prefix))) {
			place = x;
			break;
		}
		if (x->until_ms < place->until_ms)
			place = x;
	}
	*place = *p;
}

void fcfs_routers_say(struct fcfs *f, uint16_t vid, const uint8_t *options, size_t size,
		      uint64_t now_ms)
{
	const uint8_t *end = options + size;

	/* Whoever read them has seen that each is whole. */
	for (const uint8_t *o = options; o < end; o += 8 * (size_t)o[1]) {
		struct fcfs_prefix p = { .vid = vid, .bits = o[2] };
		struct be32 valid;

		if (o[0] != OPTION_PREFIX || 8 * o[1] != OPTION_PREFIX_SIZE ||
		    !(o[3] & (PREFIX_ON_LINK | PREFIX_AUTONOMOUS)) || !o[2] || o[2] > 128)
			continue;
		memcpy(&valid, o + 4, sizeof(valid));
		memcpy(&p.prefix, o + 16, sizeof(p.prefix));
		p.until_ms = be32_get(valid) == (uint32_t)PREFIX_FOREVER_S ? BINDING_NEVER :
			     now_ms + (uint64_t)be32_get(valid) * 1000;
		keep_prefix(f, &p);
	}
}

/* Claims. */

static bool is_host(const struct binding *b, const struct fcfs_host *host)
{
	return b->port == host->port && eth_addr_eq(b->mac, host->mac);
}

static bool is_tentative(const struct binding *b, uint64_t now_ms)
{
	return now_ms < b->since_ms + FCFS_WAIT_MS;
}

/* Return: whether there was room. */
static bool claim(struct fcfs *f, struct bindings *t, const struct fcfs_host *host,
		  uint64_t since_ms, uint64_t now_ms)
{
	const struct binding b = {
		.kind = BINDING_ND,
		.ip = host->ip,
		.mac = host->mac,
		.vid = host->vid,
		.port = host->port,
		.until_ms = BINDING_NEVER,
		.since_ms = since_ms,
		.used_ms = now_ms,
	};

	if (binding_set(t, &b))
		return false;
	f->claims++;
	return true;
}

static bool may_claim(const struct fcfs *f, const struct fcfs_host *host, uint64_t now_ms)
{
	return !IN6_IS_ADDR_V4MAPPED(&host->ip) && binding_is_host(&host->ip) &&
	       is_on_link(f, host->vid, &host->ip, now_ms);
}

bool fcfs_asks(struct fcfs *f, struct bindings *t, const struct fcfs_host *host,
	       uint64_t now_ms)
{
	struct binding *b = binding_find(t, host->vid, &host->ip, now_ms);

	if (!b) {
		/* Without room it is as without a binding. */
		if (may_claim(f, host, now_ms))
			(void)claim(f, t, host, now_ms, now_ms);
		return true;
	}
	if (b->kind != BINDING_ND || is_host(b, host))
		return true;
	if (is_tentative(b, now_ms))
		return false;
	b->rival = host->mac;
	b->rival_port = host->port;
	b->rival_ms = now_ms;
	return true;
}

void fcfs_answers(struct fcfs *f, struct bindings *t, uint16_t vid, const struct in6_addr *ip,
		  uint64_t now_ms)
{
	struct binding *b = binding_find(t, vid, ip, now_ms);

	if (!b || b->kind != BINDING_ND || !is_tentative(b, now_ms))
		return;
	binding_remove(t, b);
	f->defended++;
}

bool fcfs_owns(struct fcfs *f, struct bindings *t, struct binding *b,
	       const struct fcfs_host *host, uint64_t now_ms)
{
	if (is_host(b, host)) {
		b->used_ms = now_ms;
		return !is_tentative(b, now_ms);
	}
	if (!b->rival_ms || b->rival_port != host->port || !eth_addr_eq(b->rival, host->mac) ||
	    b->used_ms >= b->rival_ms || now_ms < b->rival_ms + FCFS_WAIT_MS)
		return false;
	f->moved++;
	return claim(f, t, host, b->rival_ms, now_ms);
}

bool fcfs_wants_probe(struct fcfs *f, struct bindings *t, const struct fcfs_host *host,
		      struct ratelimit *probes, uint64_t now_ms)
{
	unsigned int swallowed;

	return may_claim(f, host, now_ms) && ratelimit_pass(probes, now_ms, &swallowed) &&
	       claim(f, t, host, now_ms, now_ms);
}

void fcfs_build_probe(struct eth_addr mac, const struct in6_addr *ip,
		      uint8_t frame[static FCFS_PROBE_SIZE])
{
	/* From ::, to the solicited-node address (RFC 4291, 2.7.1). */
	static const uint8_t hdr[ICMP6_TARGET_AT] = {
		0x33, 0x33, 0xff, [12] = 0x86, 0xdd,
		[IP6_AT] = 0x60, [IP6_AT + 5] = 24, 58, 255,
		[IP6_DST_AT] = 0xff, 0x02, [IP6_DST_AT + 11] = 0x01, 0xff,
		[ICMP6_AT] = 135,
	};
	struct be16 sum;
	uint64_t s;

	memcpy(frame, hdr, sizeof(hdr));
	memcpy(frame + 3, ip->s6_addr + 13, 3);
	memcpy(frame + ETH_ADDR_SIZE, &mac, sizeof(mac));
	memcpy(frame + IP6_DST_AT + 13, ip->s6_addr + 13, 3);
	memcpy(frame + ICMP6_TARGET_AT, ip, sizeof(*ip));
	s = csum_add(0, frame + IP6_AT + 8, FCFS_PROBE_SIZE - IP6_AT - 8);
	s = csum_be16(csum_be16(s, be16(24)), be16(58));
	sum = csum_finish(s);
	memcpy(frame + ICMP6_SUM_AT, &sum, sizeof(sum));
}
