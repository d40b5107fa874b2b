/* SPDX-License-Identifier: BSD-2-Clause */
/* test-mcast.c - Multicast snooping: what is read from packets, and who gets what
 *
 * No clock, no descriptor; packets are written here, byte by byte after the RFCs, not with
 * the code that reads them.
 */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "switchd/bridge.h"
#include "switchd/igmp.h"
#include "switchd/mcast.h"

enum { PORTS = 9, IS_IN = 1, IS_EX, TO_IN, TO_EX, ALLOW, BLOCK };

/* Packets. */

/** struct pkt - A frame being written; @ip is where its IP header is */
struct pkt {
	uint8_t b[2048];
	size_t size;
	size_t ip;
};

static uint16_t checksum(uint32_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void put(uint8_t *p, unsigned int x)
{
	p[0] = (uint8_t)(x >> 8);
	p[1] = (uint8_t)x;
}

/* Ethernet header from station @src, with a tag if @tag. */
static void begin(struct pkt *k, int src, int tag, unsigned int type)
{
	memset(k, 0, sizeof(*k));
	memcpy(k->b + 6, (const uint8_t[]){ 2, 0, 0, 0, 0, (uint8_t)src }, 6);
	k->ip = 14;
	if (tag) {
		put(k->b + 12, 0x8100);
		put(k->b + 14, (unsigned int)tag);
		k->ip = 18;
	}
	put(k->b + k->ip - 2, type);
}

/* Its IPv4 header to @dst, with the router alert if @options, for @n bytes behind it. */
static uint8_t *ip4(struct pkt *k, const char *from, const char *dst, int proto,
		    bool options, size_t n)
{
	uint8_t *p = k->b + k->ip;
	const size_t hdr = options ? 24 : 20;

	p[0] = (uint8_t)(0x40 | hdr / 4);
	put(p + 2, (unsigned int)(hdr + n));
	p[8] = 1;
	p[9] = (uint8_t)proto;
	inet_pton(AF_INET, from, p + 12);
	inet_pton(AF_INET, dst, p + 16);
	if (options)
		memcpy(p + 20, (const uint8_t[]){ 0x94, 4, 0, 0 }, 4);
	put(p + 10, checksum(0, p, hdr));
	memcpy(k->b, (const uint8_t[]){ 1, 0, 0x5e, p[17] & 0x7f, p[18], p[19] }, 6);
	k->size = k->ip + hdr + n;
	return p + hdr;
}

/* Its IPv6 header, with hop-by-hop options of eight bytes if @alert. */
static uint8_t *ip6(struct pkt *k, const char *from, const char *dst, bool alert, size_t n)
{
	uint8_t *p = k->b + k->ip;
	const size_t hbh = alert ? 8 : 0;

	p[0] = 0x60;
	put(p + 4, (unsigned int)(n + hbh));
	p[6] = alert ? 0 : 58;
	p[7] = 1;
	inet_pton(AF_INET6, from, p + 8);
	inet_pton(AF_INET6, dst, p + 24);
	if (alert)
		memcpy(p + 40, (const uint8_t[]){ 58, 0, 5, 2, 0, 0, 1, 0 }, 8);
	memcpy(k->b, (const uint8_t[]){ 0x33, 0x33, p[36], p[37], p[38], p[39] }, 6);
	k->size = k->ip + 40 + hbh + n;
	return p + 40 + hbh;
}

static void sum6(struct pkt *k, uint8_t *p, size_t n)
{
	uint32_t sum = (uint32_t)n + 58;

	put(p + 2, 0);
	for (size_t i = 8; i < 40; i += 2)
		sum += (uint32_t)(k->b[k->ip + i] << 8 | k->b[k->ip + i + 1]);
	put(p + 2, checksum(sum, p, n));
}

/* IGMP of 8 bytes: type, code, group. */
static struct pkt igmp(int type, int code, const char *group, const char *dst,
		       const char *from, int tag)
{
	struct pkt k;
	uint8_t *p;

	begin(&k, 1, tag, 0x0800);
	p = ip4(&k, from, dst, 2, type != 0x12, 8);
	p[0] = (uint8_t)type;
	p[1] = (uint8_t)code;
	inet_pton(AF_INET, group, p + 4);
	put(p + 2, checksum(0, p, 8));
	return k;
}

static struct pkt join(const char *group)
{
	return igmp(0x16, 0, group, group, "10.0.0.1", 0);
}

static struct pkt leave(const char *group)
{
	return igmp(0x17, 0, group, "224.0.0.2", "10.0.0.1", 0);
}

static struct pkt query(const char *from, int code)
{
	return igmp(0x11, code, "0.0.0.0", "224.0.0.1", from, 0);
}

/* A record of an IGMPv3 report. */
struct rec {
	int type;
	const char *group;
	unsigned int sources;
	unsigned int aux;
};

static struct pkt igmp3(const struct rec *r, unsigned int n)
{
	size_t size = 8, at = 8;
	struct pkt k;
	uint8_t *p;

	for (unsigned int i = 0; i < n; i++)
		size += 8 + 4 * (r[i].sources + r[i].aux);
	begin(&k, 1, 0, 0x0800);
	p = ip4(&k, "10.0.0.1", "224.0.0.22", 2, true, size);
	p[0] = 0x22;
	put(p + 6, n);
	for (unsigned int i = 0; i < n; i++) {
		p[at] = (uint8_t)r[i].type;
		p[at + 1] = (uint8_t)r[i].aux;
		put(p + at + 2, r[i].sources);
		inet_pton(AF_INET, r[i].group, p + at + 4);
		at += 8 + 4 * (r[i].sources + r[i].aux);
	}
	put(p + 2, checksum(0, p, size));
	return k;
}

/* MLDv1: query, report, done. */
static struct pkt mld(int type, unsigned int code, const char *group, const char *from)
{
	struct pkt k;
	uint8_t *p;

	begin(&k, 1, 0, 0x86dd);
	p = ip6(&k, from, "ff02::16", true, 24);
	p[0] = (uint8_t)type;
	put(p + 4, code);
	inet_pton(AF_INET6, group, p + 8);
	sum6(&k, p, 24);
	return k;
}

/* MLDv2 report of one record. */
static struct pkt mld2(int type, const char *group, unsigned int sources)
{
	const size_t size = 8 + 20 + 16 * sources;
	struct pkt k;
	uint8_t *p;

	begin(&k, 1, 0, 0x86dd);
	p = ip6(&k, "fe80::1", "ff02::16", true, size);
	p[0] = 143;
	put(p + 6, 1);
	p[8] = (uint8_t)type;
	put(p + 10, sources);
	inet_pton(AF_INET6, group, p + 12);
	sum6(&k, p, size);
	return k;
}

/* A router's advertisement (RFC 4286, 3.2), each @interval seconds. */
static struct pkt advertisement(int family, int interval)
{
	struct pkt k;
	uint8_t *p;

	begin(&k, 1, 0, family == 4 ? 0x0800 : 0x86dd);
	p = family == 4 ? ip4(&k, "10.0.0.7", "224.0.0.106", 2, true, 8) :
			  ip6(&k, "fe80::7", "ff02::6a", true, 8);
	p[0] = family == 4 ? 0x30 : 151;
	p[1] = (uint8_t)interval;
	put(p + 4, 125);
	put(p + 6, 2);
	if (family == 4)
		put(p + 2, checksum(0, p, 8));
	else
		sum6(&k, p, 8);
	return k;
}

/* A hello of PIM (RFC 7761, 4.9.2): an option of another kind, and @holdtime, unless -1. */
static struct pkt hello(int family, int holdtime)
{
	const size_t size = holdtime < 0 ? 12 : 18;
	uint32_t sum = 0;
	struct pkt k;
	uint8_t *p;

	begin(&k, 1, 0, family == 4 ? 0x0800 : 0x86dd);
	p = family == 4 ? ip4(&k, "10.0.0.7", "224.0.0.13", 103, false, size) :
			  ip6(&k, "fe80::7", "ff02::d", false, size);
	p[0] = 0x20;
	put(p + 4, 20);
	put(p + 6, 4);
	if (holdtime >= 0) {
		put(p + 12, 1);
		put(p + 14, 2);
		put(p + 16, (unsigned int)holdtime);
	}
	if (family == 6) {
		k.b[k.ip + 6] = 103;
		sum = (uint32_t)size + 103;
		for (size_t i = 8; i < 40; i += 2)
			sum += (uint32_t)(k.b[k.ip + i] << 8 | k.b[k.ip + i + 1]);
	}
	put(p + 2, checksum(sum, p, size));
	return k;
}

/* A datagram to a group. */
static struct pkt data_tag(const char *group, int tag)
{
	const bool v6 = strchr(group, ':');
	struct pkt k;

	begin(&k, 1, tag, v6 ? 0x86dd : 0x0800);
	if (v6) {
		ip6(&k, "fe80::1", group, false, 8);
		k.b[k.ip + 6] = 17;
	} else {
		ip4(&k, "10.0.0.1", group, 17, false, 30);
	}
	return k;
}

static struct pkt data(const char *group)
{
	return data_tag(group, 0);
}

/* Reading. */

static struct igmp_msg msg;

static enum igmp_kind parse(const struct pkt *k)
{
	/* In memory of just that size: what reads on is found out. */
	size_t size = k->size - k->ip;
	uint8_t *p = malloc(size ? size : 1);
	enum igmp_kind kind;

	memcpy(p, k->b + k->ip, size);
	kind = igmp_parse(p, size, k->b[k->ip - 2] == 0x86, &msg);
	free(p);
	return kind;
}

static void assert_records(const char *wanted)
{
	char got[512] = "", group[INET6_ADDRSTRLEN];

	for (unsigned int i = 0; i < msg.count; i++) {
		strcat(got, i ? " " : "");
		strcat(got, msg.record[i].join ? "+" : "-");
		strcat(got, mcast_group_format(msg.record[i].group, group));
	}
	assert_string_equal(got, wanted);
}

static void reads_igmp(void **state UNUSED)
{
	static const struct rec all[] = {
		{ IS_IN, "232.0.0.1", 2, 0 }, { IS_EX, "239.0.0.2", 0, 0 },
		{ TO_IN, "239.0.0.3", 0, 3 }, { TO_EX, "239.0.0.4", 1, 0 },
		{ ALLOW, "232.0.0.5", 1, 0 }, { BLOCK, "232.0.0.6", 1, 0 },
		{ TO_IN, "232.0.0.7", 1, 1 }, { IS_IN, "232.0.0.8", 0, 0 },
		{ 7, "239.0.0.9", 0, 0 }, { IS_EX, "239.0.0.10", 0, 0 },
	};
	struct pkt k = igmp(0x12, 0, "239.1.2.3", "239.1.2.3", "10.0.0.1", 0);

	assert_int_equal(parse(&k), IGMP_REPORT);
	assert_records("+239.1.2.3");
	k = join("239.1.2.4");
	assert_int_equal(parse(&k), IGMP_REPORT);
	assert_records("+239.1.2.4");
	k = leave("239.1.2.4");
	assert_int_equal(parse(&k), IGMP_REPORT);
	assert_records("-239.1.2.4");
	k = igmp3(all, ARRAY_SIZE(all));
	assert_int_equal(parse(&k), IGMP_REPORT);
	assert_records("+232.0.0.1 +239.0.0.2 -239.0.0.3 +239.0.0.4 +232.0.0.5 +232.0.0.7 "
		       "+239.0.0.10");
	/* Queries: version 1 says no time, 2 tenths of seconds. */
	k = query("10.0.0.9", 0);
	assert_int_equal(parse(&k), IGMP_QUERY);
	assert_int_equal(msg.max_resp_ms, 10000);
	assert_true(IN6_IS_ADDR_UNSPECIFIED(&msg.group));
	assert_false(msg.last);
	k = query("10.0.0.9", 200);
	assert_int_equal(parse(&k), IGMP_QUERY);
	assert_int_equal(msg.max_resp_ms, 20000);
	k = igmp(0x11, 10, "239.1.2.3", "239.1.2.3", "10.0.0.9", 0);
	assert_int_equal(parse(&k), IGMP_QUERY);
	assert_true(msg.last);
	/* Others. */
	k = igmp(0x13, 0, "0.0.0.0", "224.0.0.4", "10.0.0.1", 0);
	assert_int_equal(parse(&k), IGMP_NONE);
	k = data("239.1.2.3");
	assert_int_equal(parse(&k), IGMP_NONE);
}

/* A query of IGMPv3: @flags of the suppress bit, @sources of them. */
static struct pkt query3(const char *group, int code, int flags, unsigned int sources)
{
	struct pkt k;
	uint8_t *p;
	const size_t n = 12 + 4 * sources;

	begin(&k, 1, 0, 0x0800);
	p = ip4(&k, "10.0.0.9", "224.0.0.1", 2, true, n);
	p[0] = 0x11;
	p[1] = (uint8_t)code;
	inet_pton(AF_INET, group, p + 4);
	p[8] = (uint8_t)flags;
	put(p + 10, sources);
	put(p + 2, checksum(0, p, n));
	return k;
}

static void reads_igmp3_queries(void **state UNUSED)
{
	static const struct { int code; unsigned int ms; } codes[] = {
		{ 0, 0 }, { 127, 12700 }, { 0x80, 12800 }, { 0x8f, 24800 }, { 0x90, 25600 },
		{ 0xff, 3174400 },
	};
	struct pkt k;

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		k = query3("0.0.0.0", codes[i].code, 2, 0);
		assert_int_equal(parse(&k), IGMP_QUERY);
		assert_int_equal(msg.max_resp_ms, codes[i].ms);
	}
	k = query3("239.1.2.3", 10, 2, 0);
	assert_int_equal(parse(&k), IGMP_QUERY);
	assert_true(msg.last);
	/* Suppressed, or for sources: that ends no membership. */
	k = query3("239.1.2.3", 10, 8 | 2, 0);
	assert_int_equal(parse(&k), IGMP_QUERY);
	assert_false(msg.last);
	k = query3("232.1.2.3", 10, 2, 3);
	assert_int_equal(parse(&k), IGMP_QUERY);
	assert_false(msg.last);
	/* Of a group that is none. */
	k = query3("10.1.2.3", 10, 2, 0);
	assert_int_equal(parse(&k), IGMP_BAD);
}

static void reads_routers(void **state UNUSED)
{
	struct pkt k;

	for (int family = 4; family <= 6; family += 2) {
		k = advertisement(family, 20);
		assert_int_equal(parse(&k), IGMP_ROUTER);
		assert_int_equal(msg.lifetime_s, 60);
		k = advertisement(family, 0);
		assert_int_equal(parse(&k), IGMP_BAD);
		k = hello(family, -1);
		assert_int_equal(parse(&k), IGMP_ROUTER);
		assert_int_equal(msg.lifetime_s, 105);
		k = hello(family, 65535);
		assert_int_equal(parse(&k), IGMP_ROUTER);
		assert_int_equal(msg.lifetime_s, 65535);
		k = hello(family, 0);		/* says goodbye */
		assert_int_equal(parse(&k), IGMP_NONE);
		/* Routed; a wrong checksum; another message of PIM. */
		k = hello(family, 105);
		k.b[k.ip + (family == 4 ? 8 : 7)] = 2;
		assert_int_equal(parse(&k), IGMP_BAD);
		k = hello(family, 105);
		k.b[k.size - 1] ^= 1;
		assert_int_equal(parse(&k), IGMP_BAD);
		k = hello(family, 105);
		k.b[k.size - 18] = 0x21;
		assert_int_equal(parse(&k), IGMP_NONE);
		/* An option longer than the packet, its checksum being right. */
		k = hello(family, 105);
		k.b[k.size - 18 + 7] += 7;
		k.b[k.size - 18 + 5] -= 7;
		assert_int_equal(parse(&k), IGMP_BAD);
		for (size_t n = k.ip; n < k.size; n++) {
			struct pkt cut = hello(family, 105);

			cut.size = n;
			assert_int_not_equal(parse(&cut), IGMP_ROUTER);
		}
	}
	/* From nobody. */
	k = advertisement(6, 20);
	memset(k.b + k.ip + 8, 0, 16);
	sum6(&k, k.b + k.ip + 48, 8);
	assert_int_equal(parse(&k), IGMP_BAD);
}

static void reads_mld(void **state UNUSED)
{
	struct pkt k = mld(131, 0, "ff15::1", "fe80::1");
	uint8_t *p;

	assert_int_equal(parse(&k), IGMP_REPORT);
	assert_records("+ff15::1");
	k = mld(132, 0, "ff15::1", "fe80::1");
	assert_int_equal(parse(&k), IGMP_REPORT);
	assert_records("-ff15::1");
	/* Who has no address yet may report, and may not ask. */
	k = mld(131, 0, "ff15::1", "::");
	assert_int_equal(parse(&k), IGMP_REPORT);
	k = mld(130, 1000, "::", "::");
	assert_int_equal(parse(&k), IGMP_BAD);
	k = mld(130, 1000, "::", "fe80::9");
	assert_int_equal(parse(&k), IGMP_QUERY);
	assert_int_equal(msg.max_resp_ms, 1000);
	k = mld(130, 1000, "ff15::1", "fe80::9");
	assert_int_equal(parse(&k), IGMP_QUERY);
	assert_true(msg.last);
	k = mld(131, 0, "ff15::1", "2001:db8::1");
	assert_int_equal(parse(&k), IGMP_BAD);
	k = mld2(IS_EX, "ff15::2", 0);
	assert_int_equal(parse(&k), IGMP_REPORT);
	assert_records("+ff15::2");
	k = mld2(TO_IN, "ff35::2", 2);
	assert_int_equal(parse(&k), IGMP_REPORT);
	assert_records("+ff35::2");
	k = mld2(TO_IN, "ff15::2", 0);
	assert_int_equal(parse(&k), IGMP_REPORT);
	assert_records("-ff15::2");
	k = mld2(BLOCK, "ff15::2", 1);
	assert_int_equal(parse(&k), IGMP_REPORT);
	assert_records("");
	/* A destination option behind the hop-by-hop ones does not hide it. */
	k = mld(131, 0, "ff15::1", "fe80::1");
	p = k.b + k.ip;
	memmove(p + 56, p + 48, 24);
	memcpy(p + 48, (const uint8_t[]){ 58, 0, 1, 4, 0, 0, 0, 0 }, 8);
	p[40] = 60;
	put(p + 4, 40);
	k.size += 8;
	assert_int_equal(parse(&k), IGMP_REPORT);
	/* A fragment is believed in nothing. */
	p[40] = 44;
	assert_int_equal(parse(&k), IGMP_BAD);
	/* Neighbour discovery is none. */
	k = mld(135, 0, "ff15::1", "fe80::1");
	assert_int_equal(parse(&k), IGMP_NONE);
}

/* Change one thing in a good packet, IPv4's header checksum put right again. */
static struct pkt wrong4(size_t at, uint8_t value)
{
	struct pkt k = join("239.1.2.3");
	uint8_t *p = k.b + k.ip;

	p[at] = value;
	put(p + 10, 0);
	put(p + 10, checksum(0, p, 24));
	return k;
}

static void rejects(void **state UNUSED)
{
	static const struct { size_t at; uint8_t value; } four[] = {
		{ 0, 0x44 },	/* a header of 16 bytes */
		{ 0, 0x4f },	/* one longer than the packet */
		{ 3, 31 },	/* no room for IGMP */
		{ 3, 23 }, { 2, 9 },	/* longer than what came */
		{ 6, 0x20 }, { 7, 1 },	/* fragments */
		{ 8, 2 }, { 8, 0 },	/* routed */
		{ 16, 10 },	/* to a host */
	}, six[] = {
		{ 7, 2 },	/* routed */
		{ 44, 1 },	/* router alert for something else */
		{ 42, 1 },	/* none */
		{ 43, 9 },	/* an option longer than the header */
		{ 5, 31 }, { 5, 33 }, { 5, 7 }, { 24, 0xfe }, { 8, 0x20 },
	};
	struct pkt good[] = {
		join("239.1.2.3"), mld(131, 0, "ff15::1", "fe80::1"),
		igmp3(&(struct rec){ TO_EX, "239.0.0.4", 2, 1 }, 1), mld2(IS_EX, "ff15::2", 1),
		query3("239.1.2.3", 10, 2, 2), mld(130, 1, "::", "fe80::1"),
	}, k;

	for (size_t i = 0; i < ARRAY_SIZE(four); i++) {
		k = wrong4(four[i].at, four[i].value);
		assert_int_equal(parse(&k), IGMP_BAD);
	}
	for (size_t i = 0; i < ARRAY_SIZE(six); i++) {
		k = good[1];
		k.b[k.ip + six[i].at] = six[i].value;
		assert_int_equal(parse(&k), IGMP_BAD);
	}
	/* No header for the hop at all. */
	begin(&k, 1, 0, 0x86dd);
	good[1].b[0] = 0;
	{
		uint8_t *p = ip6(&k, "fe80::1", "ff02::16", false, 24);

		p[0] = 131;
		inet_pton(AF_INET6, "ff15::1", p + 8);
		sum6(&k, p, 24);
		assert_int_equal(parse(&k), IGMP_BAD);
	}
	/* Cut at every length, and a bit changed in every byte: nothing is believed. Fields
	 * that no checksum covers in IPv6 are those before the addresses. */
	for (size_t g = 0; g < ARRAY_SIZE(good); g++) {
		assert_int_not_equal(parse(&good[g]), IGMP_BAD);
		for (size_t size = good[g].ip; size < good[g].size; size++) {
			k = good[g];
			k.size = size;
			assert_true(parse(&k) <= IGMP_BAD);
		}
		for (size_t at = k.ip + (k.b[12] == 0x86 ? 8 : 0); at < good[g].size; at++) {
			if (k.b[12] == 0x86 && at >= k.ip + 40 && at < k.ip + 48)
				continue;
			k = good[g];
			k.b[at] ^= 0x10;
			assert_true(parse(&k) <= IGMP_BAD);
		}
	}
	/* One of many records is wrong: none counts. */
	{
		struct rec r[2] = { { IS_EX, "239.0.0.1", 0, 0 }, { IS_EX, "10.0.0.1", 0, 0 } };

		k = igmp3(r, 2);
		assert_int_equal(parse(&k), IGMP_BAD);
	}
}

/* What we write is read, and byte for byte right. */
static void writes(void **state UNUSED)
{
	struct igmp_ask a = {
		.mac = { { 2, 0, 0, 0, 0, 9 } }, .group = in6addr_any, .max_resp_ms = 10000,
		.interval_s = 125,
	};
	struct pkt k = { .ip = 14 };
	uint8_t *p = k.b + 14;

	for (int v6 = 0; v6 < 2; v6++) {
		a.v6 = v6;
		a.group = in6addr_any;
		k.size = igmp_build(&a, k.b);
		assert_int_equal(parse(&k), IGMP_QUERY);
		assert_int_equal(msg.max_resp_ms, 10000);
		assert_true(IN6_IS_ADDR_UNSPECIFIED(&msg.group));
		assert_memory_equal(k.b + 6, &a.mac, 6);
		assert_memory_equal(k.b, v6 ? "\x33\x33\0\0\0\1" : "\1\0\x5e\0\0\1", 6);
		assert_true(mcast_group_parse(v6 ? "ff15::77" : "239.129.2.3", &a.group));
		k.size = igmp_build(&a, k.b);
		assert_int_equal(parse(&k), IGMP_QUERY);
		assert_true(msg.last);
		assert_memory_equal(&msg.group, &a.group, 16);
		assert_memory_equal(k.b, v6 ? "\x33\x33\0\0\0\x77" : "\1\0\x5e\1\2\3", 6);
	}
	assert_int_equal(k.size, 14 + 40 + 8 + 28);
	a.v6 = false;
	a.group = in6addr_any;
	a.interval_s = 256;
	assert_int_equal(igmp_build(&a, k.b), 14 + 24 + 12);
	assert_int_equal(p[0], 0x46);
	assert_int_equal(p[8], 1);
	assert_int_equal(p[20], 0x94);
	assert_int_equal(p[24 + 8], 2);
	assert_int_equal(p[24 + 9], 0x90);	/* 16 << 4 */
}

/* Forwarding. */

static struct bridge b;
static struct mcast *m;
static struct vlan_port vp[PORTS];
static uint64_t now;
static char sent[256];		/* queries that went out */

static void on_send(void *ctx UNUSED, uint16_t vid, uint16_t port, const uint8_t *frame,
		    size_t size)
{
	struct pkt k = { .ip = 14, .size = size };
	char group[INET6_ADDRSTRLEN];
	size_t n = strlen(sent);

	memcpy(k.b, frame, size);
	assert_int_equal(parse(&k), IGMP_QUERY);
	snprintf(sent + n, sizeof(sent) - n, "%s%u@%d:%s", n ? " " : "", vid,
		 port == MCAST_ALL_PORTS ? -1 : port,
		 IN6_IS_ADDR_UNSPECIFIED(&msg.group) ? (msg.v6 ? "mld" : "igmp") :
		 mcast_group_format(msg.group, group));
}

static int setup(void **state UNUSED)
{
	memset(&b, 0, sizeof(b));
	memset(vp, 0, sizeof(vp));
	now = 1000000;
	sent[0] = 0;
	b.fdb = fdb_create(64, PORTS, (struct siphash_key){ 1, 2 });
	m = mcast_create(PORTS, (struct siphash_key){ 3, 4 },
			 (struct eth_addr){ { 2, 0, 0, 0, 0, 0x99 } }, on_send, NULL);
	b.mcast = m;
	return !m || !b.fdb;
}

static int teardown(void **state UNUSED)
{
	fdb_destroy(b.fdb);
	mcast_destroy(m);
	return 0;
}

static void assert_sent(const char *wanted)
{
	assert_string_equal(sent, wanted);
	sent[0] = 0;
}

static int compare(const void *a, const void *c)
{
	return *(const uint16_t *)a - *(const uint16_t *)c;
}

/* Where frames of one batch, from port @in, go: "all", or ports; @texts one for each. */
static void bring(uint16_t in, const struct pkt *k, unsigned int n, char (*texts)[64])
{
	struct iovec iov[4];
	struct frame f[4] = { { NULL } };
	struct verdict v[4];

	for (unsigned int i = 0; i < n; i++) {
		iov[i] = (struct iovec){ (void *)(uintptr_t)k[i].b, k[i].size };
		f[i] = (struct frame){ k[i].b, MIN(k[i].size, (size_t)128), k[i].size,
				       &iov[i], 1, NULL };
	}
	bridge_decide_batch(&b, in, &vp[in], f, n, now, v);
	for (unsigned int i = 0; i < n; i++) {
		uint16_t ports[PORTS];
		unsigned int count = 0;
		const uint16_t *list;

		strcpy(texts[i], v[i].kind == VERDICT_FLOOD ? "all" : "drop");
		if (v[i].kind != VERDICT_GROUP)
			continue;
		list = mcast_ports(m, v[i].vlan.vid, v[i].group, &count);
		memcpy(ports, list, count * sizeof(*list));
		qsort(ports, count, sizeof(*ports), compare);
		texts[i][0] = 0;
		for (unsigned int p = 0; p < count; p++)
			if (ports[p] != in)
				sprintf(texts[i] + strlen(texts[i]), "%s%u",
					texts[i][0] ? "," : "", ports[p]);
	}
}

static void assert_goes(uint16_t in, struct pkt k, const char *wanted)
{
	char text[1][64];

	bring(in, &k, 1, text);
	assert_string_equal(text[0], wanted);
}

static void hear(uint16_t in, struct pkt k)
{
	char text[1][64];

	bring(in, &k, 1, text);
}

static void pass(uint64_t ms)
{
	static const struct vlan_table none;

	for (now += ms % MCAST_TICK_MS; ms >= MCAST_TICK_MS; ms -= MCAST_TICK_MS) {
		now += MCAST_TICK_MS;
		mcast_tick(m, vlan_is_aware(&b.vlans) ? &b.vlans : &none, now);
	}
}

/* A router at port 8 has asked, and the answers are in. */
static void with_router(void)
{
	hear(8, query("10.0.0.9", 100));
	hear(8, mld(130, 10000, "::", "fe80::9"));
	pass(11000);
}

static void without_querier(void **state UNUSED)
{
	hear(2, join("239.1.1.1"));
	assert_goes(1, data("239.1.1.1"), "all");
	assert_goes(1, data("239.9.9.9"), "all");
	assert_goes(2, join("239.1.1.1"), "all");
	hear(8, query("10.0.0.9", 100));
	/* The answers are not in yet. */
	pass(10000);
	assert_goes(1, data("239.1.1.1"), "all");
	pass(1000);
	assert_goes(1, data("239.1.1.1"), "2,8");
	/* The other family has none. */
	assert_goes(1, data("ff15::1"), "all");
	/* It goes away: two intervals and five seconds. */
	pass(255000 - 11000 - 1000);
	assert_goes(1, data("239.9.9.9"), "8");
	pass(1000);
	assert_goes(1, data("239.1.1.1"), "all");
}

static void groups(void **state UNUSED)
{
	with_router();
	hear(2, join("239.1.1.1"));
	hear(3, join("239.1.1.1"));
	hear(3, mld(131, 0, "ff15::1", "fe80::1"));
	assert_goes(1, data("239.1.1.1"), "2,3,8");
	assert_goes(2, data("239.1.1.1"), "3,8");
	assert_goes(8, data("239.1.1.1"), "2,3");
	assert_goes(1, data("ff15::1"), "3,8");
	/* Nobody's: routers. The same MAC address, another group. */
	assert_goes(1, data("239.1.1.2"), "8");
	assert_goes(8, data("239.1.1.2"), "");
	assert_goes(1, data("238.129.1.1"), "8");
	/* To all, always. */
	assert_goes(1, data("224.0.0.251"), "all");
	assert_goes(1, data("224.0.1.1"), "8");
	assert_goes(1, data("ff02::fb"), "all");
	assert_goes(1, data("ff02::1:ff00:1"), "all");
	assert_goes(1, data("ff05::fb"), "8");
	/* What reports say of those is not kept. */
	hear(4, join("224.0.0.251"));
	assert_goes(1, data("224.0.0.251"), "all");
	/* Reports to routers, queries to all. */
	assert_goes(4, join("239.1.1.1"), "8");
	assert_goes(4, leave("239.1.1.1"), "8");
	assert_goes(4, igmp3(&(struct rec){ IS_EX, "239.1.1.1", 0, 0 }, 1), "8");
	assert_goes(4, mld2(IS_EX, "ff15::1", 0), "8");
	assert_goes(8, query("10.0.0.9", 100), "all");
}

static void not_multicast_ip(void **state UNUSED)
{
	struct pkt k = data("239.1.1.1");

	with_router();
	memset(k.b, 0xff, 6);
	assert_goes(1, k, "all");		/* broadcast */
	memcpy(k.b, "\3\0\0\0\0\1", 6);
	assert_goes(1, k, "all");		/* a group of no family */
	k = data("239.1.1.1");
	k.b[12] = 0x88;
	assert_goes(1, k, "all");		/* another protocol */
	k = data("10.0.0.1");
	assert_goes(1, k, "all");		/* a host in a group's frame */
	k = data("239.1.1.1");
	k.size = 14 + 19;
	assert_goes(1, k, "all");		/* too short to tell */
	k = data("ff15::1");
	k.size = 14 + 39;
	assert_goes(1, k, "all");
	/* Malformed reports are counted, not believed, and go where their group goes. */
	k = join("239.1.1.1");
	k.b[k.size - 1] ^= 1;
	assert_goes(4, k, "8");
	assert_goes(1, data("239.1.1.1"), "8");
	assert_int_equal(mcast_stats(m)->bad, 1);
	assert_int_equal(mcast_stats(m)->reports, 0);
	/* From a group address: dropped, and not heard. */
	k = join("239.1.1.1");
	k.b[6] |= 1;
	assert_goes(4, k, "drop");
	assert_goes(1, data("239.1.1.1"), "8");
}

static void members_age(void **state UNUSED)
{
	with_router();
	hear(2, join("239.1.1.1"));
	hear(3, join("239.1.1.1"));
	pass(200000);
	hear(8, query("10.0.0.9", 100));
	hear(3, join("239.1.1.1"));
	pass(59000);
	assert_goes(1, data("239.1.1.1"), "2,3,8");
	pass(1000);
	assert_goes(1, data("239.1.1.1"), "3,8");
	pass(100000);
	hear(8, query("10.0.0.9", 100));
	pass(101000);
	assert_goes(1, data("239.1.1.1"), "8");
	/* A question about a group shortens, and never prolongs. */
	hear(2, join("239.1.1.1"));
	pass(200000);
	hear(8, query("10.0.0.9", 100));
	pass(59000);
	hear(8, igmp(0x11, 100, "239.1.1.1", "239.1.1.1", "10.0.0.9", 0));
	assert_goes(1, data("239.1.1.1"), "2,8");
	pass(1000);
	assert_goes(1, data("239.1.1.1"), "8");
}

static void leaves(void **state UNUSED)
{
	with_router();
	mcast_set_fast_leave(m, 2, true);
	for (uint16_t p = 2; p <= 4; p++)
		hear(p, join("239.1.1.1"));
	hear(4, leave("239.1.1.2"));		/* was never in it */
	hear(2, leave("239.1.1.1"));
	assert_goes(1, data("239.1.1.1"), "3,4,8");
	/* No fast leave: the router asks, and only those stay who answer. */
	hear(3, leave("239.1.1.1"));
	assert_goes(1, data("239.1.1.1"), "3,4,8");
	hear(8, igmp(0x11, 10, "239.1.1.1", "239.1.1.1", "10.0.0.9", 0));
	pass(500);
	hear(4, join("239.1.1.1"));
	pass(2000);
	assert_goes(1, data("239.1.1.1"), "3,4,8");
	pass(1000);
	assert_goes(1, data("239.1.1.1"), "4,8");
	assert_sent("");			/* we are not the querier */
	/* By MLD, with records. */
	hear(2, mld2(IS_EX, "ff15::1", 0));
	hear(3, mld2(IS_EX, "ff15::1", 0));
	assert_goes(1, data("ff15::1"), "2,3,8");
	hear(2, mld2(TO_IN, "ff15::1", 0));
	assert_goes(1, data("ff15::1"), "3,8");
	mcast_set_fast_leave(m, 3, true);
	hear(3, mld(132, 0, "ff15::1", "fe80::1"));
	assert_goes(1, data("ff15::1"), "8");
}

static void our_querier(void **state UNUSED)
{
	mcast_set_querier(m, true);
	pass(1000);
	assert_sent("0@-1:igmp 0@-1:mld");
	hear(2, join("239.1.1.1"));
	hear(3, join("239.1.1.1"));
	assert_goes(1, data("239.1.1.1"), "all");	/* answers are on their way */
	pass(2000);
	assert_goes(1, data("239.1.1.1"), "2,3");
	assert_goes(1, data("239.1.1.2"), "");
	/* Soon again, then at the interval. */
	pass(28000);
	assert_sent("");
	pass(2000);
	assert_sent("0@-1:igmp 0@-1:mld");
	pass(124000);
	assert_sent("");
	pass(2000);
	assert_sent("0@-1:igmp 0@-1:mld");
	/* A leave: asked there, once; the port goes after two seconds, the other stays. */
	hear(2, leave("239.1.1.1"));
	assert_sent("0@2:239.1.1.1");
	hear(2, leave("239.1.1.1"));
	assert_sent("");
	assert_goes(1, data("239.1.1.1"), "2,3");
	pass(2000);
	assert_goes(1, data("239.1.1.1"), "3");
	/* Somebody answers. */
	hear(3, leave("239.1.1.1"));
	assert_sent("0@3:239.1.1.1");
	hear(3, join("239.1.1.1"));
	pass(3000);
	assert_goes(1, data("239.1.1.1"), "3");
	/* A switch like this one, without an address, does not silence us; a router does. */
	hear(7, query("0.0.0.0", 100));
	pass(125000);
	assert_sent("0@-1:igmp 0@-1:mld");
	hear(8, query("10.0.0.9", 100));
	assert_goes(2, join("239.1.1.3"), "7,8");
	hear(2, leave("239.1.1.3"));
	assert_sent("");
	pass(200000);
	assert_sent("0@-1:mld");		/* the other family is ours still */
	pass(56000);
	assert_sent("0@-1:mld 0@-1:igmp");
	/* MLD: the lower address wins. */
	hear(8, mld(130, 10000, "::", "fe80::ffff:0200:0:9a"));
	hear(8, mld(130, 10000, "::", "febf::1"));
	pass(125000);
	assert_sent("0@-1:mld 0@-1:igmp");
	hear(8, mld(130, 10000, "::", "fe80::9"));
	pass(126000);
	assert_sent("0@-1:igmp");
}

static void routers(void **state UNUSED)
{
	with_router();
	mcast_set_router(m, 5, MCAST_ROUTER_ALWAYS);
	mcast_set_router(m, 6, MCAST_ROUTER_ALWAYS);
	mcast_set_router(m, 7, MCAST_ROUTER_NEVER);
	hear(7, query("10.0.0.7", 100));
	hear(5, join("239.1.1.1"));
	assert_goes(1, data("239.1.1.1"), "5,6,8");	/* each once */
	mcast_set_router(m, 5, MCAST_ROUTER_AUTO);
	assert_goes(1, data("239.1.1.2"), "6,8");
	mcast_set_router(m, 6, MCAST_ROUTER_NEVER);
	mcast_set_router(m, 8, MCAST_ROUTER_NEVER);
	assert_goes(1, data("239.1.1.2"), "");
}

/* Who asks nobody, and is a router all the same. */
static void routers_by_word(void **state UNUSED)
{
	with_router();
	hear(2, advertisement(4, 20));
	hear(3, advertisement(6, 20));
	hear(4, hello(4, 105));
	hear(5, hello(6, 30));
	hear(6, hello(4, 0));
	mcast_set_router(m, 7, MCAST_ROUTER_NEVER);
	hear(7, hello(4, 105));
	/* In all families: a port leads to a router, or it does not. */
	assert_goes(1, data("239.1.1.1"), "2,3,4,5,8");
	/* The querier's port is one for longer than a hello says. */
	hear(8, hello(4, 30));
	pass(31000);
	assert_goes(1, data("239.1.1.1"), "2,3,4,8");
	pass(30000);
	assert_goes(1, data("239.1.1.1"), "4,8");
	hear(4, hello(4, 105));
	pass(100000);
	assert_goes(1, data("239.1.1.1"), "4,8");
	pass(6000);
	assert_goes(1, data("239.1.1.1"), "8");
}

static void fixed(void **state UNUSED)
{
	struct in6_addr g, all;

	assert_true(mcast_group_parse("239.1.1.1", &g));
	assert_true(mcast_group_parse("224.0.0.5", &all));
	with_router();
	hear(2, join("239.1.1.1"));
	assert_int_equal(mcast_add(m, 0, g, 2), 0);
	assert_int_equal(mcast_add(m, 0, g, 3), 0);
	assert_int_equal(mcast_add(m, 0, g, 3), -EEXIST);
	assert_int_equal(mcast_add(m, 0, all, 3), -EINVAL);
	assert_true(mcast_group_parse("10.0.0.1", &all));
	assert_int_equal(mcast_add(m, 0, all, 3), -EINVAL);
	assert_false(mcast_group_parse("239.1.1", &all));
	mcast_set_fast_leave(m, 2, true);
	hear(2, leave("239.1.1.1"));
	hear(2, join("239.1.1.1"));
	mcast_flush_port(m, 2, false);
	pass(240000);
	hear(8, query("10.0.0.9", 100));
	pass(240000);
	assert_goes(1, data("239.1.1.1"), "2,3,8");
	assert_int_equal(mcast_del(m, 0, g, 2), 0);
	assert_int_equal(mcast_del(m, 0, g, 2), -ENXIO);
	assert_goes(1, data("239.1.1.1"), "3,8");
	mcast_flush_port(m, 3, true);
	assert_goes(1, data("239.1.1.1"), "8");
	assert_int_equal(mcast_del(m, 0, g, 3), -ENXIO);
}

static void vlans(void **state UNUSED)
{
	/* Where tags do not count, they part groups all the same. */
	hear(8, igmp(0x11, 100, "0.0.0.0", "224.0.0.1", "10.0.0.9", 5));
	hear(2, igmp(0x16, 0, "239.1.1.1", "239.1.1.1", "10.0.0.1", 5));
	hear(3, join("239.1.1.1"));
	pass(11000);
	assert_goes(1, data_tag("239.1.1.1", 5), "2,8");
	assert_goes(1, data("239.1.1.1"), "all");
	assert_goes(1, data_tag("239.1.1.1", 6), "all");
	mcast_flush(m);
	/* Where they do, an untagged port and a tagged one are in one VLAN. */
	assert_int_equal(vlan_make(&b.vlans, 5), 0);
	vp[1].pvid = vp[2].pvid = 5;
	vlan_set_add(&vp[8].tagged, 5);
	hear(8, igmp(0x11, 100, "0.0.0.0", "224.0.0.1", "10.0.0.9", 5));
	hear(2, join("239.1.1.1"));
	hear(3, igmp(0x16, 0, "239.1.1.1", "239.1.1.1", "10.0.0.1", 5));	/* no member */
	pass(11000);
	assert_goes(1, data("239.1.1.1"), "2,8");
	assert_goes(8, data_tag("239.1.1.1", 5), "2");
	assert_goes(3, data("239.1.1.1"), "all");
	/* A customer's tag is none of ours: no way into VLAN 5 for reports or frames. */
	assert_int_equal(vlan_make(&b.vlans, 6), 0);
	vp[4].pvid = 6;
	vp[4].tag = VLAN_TAG_NONE;
	hear(4, igmp(0x16, 0, "239.1.1.1", "239.1.1.1", "10.0.0.1", 5));
	assert_goes(8, data_tag("239.1.1.1", 5), "2");
	assert_goes(4, data_tag("239.1.1.1", 5), "all");
	assert_int_equal(vlan_unmake(&b.vlans, 6), 0);
	/* Our querier asks in each. */
	mcast_set_querier(m, true);
	pass(1000);
	assert_sent("0@-1:igmp 0@-1:mld 5@-1:mld");
}

/* A flood of groups from one port pushes out its own, and nobody else's. */
static void fair(void **state UNUSED)
{
	enum { PER = 180 };
	char names[PER][32];
	struct rec r[PER];
	unsigned int n = 0;

	with_router();
	for (int i = 0; i < 50; i++) {
		char name[32];

		snprintf(name, sizeof(name), "239.1.1.%d", i);
		hear(2, join(name));
	}
	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < PER; i++, n++) {
			snprintf(names[i], sizeof(names[i]), "230.%u.%u.%u", n >> 16,
				 n >> 8 & 255, n & 255);
			r[i] = (struct rec){ IS_EX, names[i], 0, 0 };
		}
		hear(3, igmp3(r, PER));
	}
	for (int i = 0; i < 50; i++) {
		char name[32];

		snprintf(name, sizeof(name), "239.1.1.%d", i);
		assert_goes(1, data(name), "2,8");
	}
	/* Port 8 is a router in two families: two entries. The youngest are there. */
	assert_int_equal(mcast_stats(m)->evicted, n - (MCAST_ENTRIES - 50 - 1));
	assert_goes(1, data(names[PER - 1]), "3,8");
	assert_goes(1, data("230.0.0.0"), "8");
	/* Others still get in. */
	hear(4, join("239.2.2.2"));
	assert_goes(1, data("239.2.2.2"), "4,8");
	mcast_flush_port(m, 3, false);
	assert_goes(1, data(names[PER - 1]), "8");
	assert_goes(1, data("239.1.1.7"), "2,8");
}

/* Frames of one batch with the same addresses are not all alike. */
static void batches(void **state UNUSED)
{
	struct pkt k[4] = { data("239.1.1.1"), data("238.129.1.1"), join("239.1.1.1"),
			    data("239.1.1.1") };
	char texts[4][64];

	with_router();
	hear(2, join("239.1.1.1"));
	bring(3, k, 4, texts);
	assert_string_equal(texts[0], "2,8");
	assert_string_equal(texts[1], "8");
	assert_string_equal(texts[2], "8");
	assert_string_equal(texts[3], "2,8");
	assert_goes(1, data("239.1.1.1"), "2,3,8");
	/* A group that goes within the batch in which its frames are. */
	mcast_set_fast_leave(m, 2, true);
	mcast_set_fast_leave(m, 3, true);
	hear(3, leave("239.1.1.1"));
	k[1] = leave("239.1.1.1");
	k[2] = join("239.7.7.7");
	bring(2, k, 3, texts);
	assert_string_equal(texts[0], "8");
	assert_goes(1, data("239.7.7.7"), "2,8");
	assert_goes(1, data("239.1.1.1"), "8");
}

static void topology(void **state UNUSED)
{
	with_router();
	hear(2, join("239.1.1.1"));
	mcast_topology_changed(m, now);
	assert_goes(1, data("239.1.1.1"), "all");
	mcast_set_querier(m, true);
	mcast_flush(m);
	pass(3000);
	sent[0] = 0;
	assert_goes(1, data("239.1.1.2"), "");
	mcast_topology_changed(m, now);
	pass(1000);
	assert_sent("0@-1:igmp 0@-1:mld");
	assert_goes(1, data("239.1.1.2"), "all");
	pass(11000);
	assert_goes(1, data("239.1.1.2"), "");
}

static void off(void **state UNUSED)
{
	with_router();
	hear(2, join("239.1.1.1"));
	assert_goes(1, data("239.1.1.1"), "2,8");
	b.hub = true;
	assert_goes(1, data("239.1.1.1"), "all");
	b.hub = false;
	b.mcast = NULL;
	assert_goes(1, data("239.1.1.1"), "all");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(reads_igmp),
	cmocka_unit_test(reads_igmp3_queries),
	cmocka_unit_test(reads_mld),
	cmocka_unit_test(reads_routers),
	cmocka_unit_test(rejects),
	cmocka_unit_test(writes),
	cmocka_unit_test_setup_teardown(without_querier, setup, teardown),
	cmocka_unit_test_setup_teardown(groups, setup, teardown),
	cmocka_unit_test_setup_teardown(not_multicast_ip, setup, teardown),
	cmocka_unit_test_setup_teardown(members_age, setup, teardown),
	cmocka_unit_test_setup_teardown(leaves, setup, teardown),
	cmocka_unit_test_setup_teardown(our_querier, setup, teardown),
	cmocka_unit_test_setup_teardown(routers, setup, teardown),
	cmocka_unit_test_setup_teardown(routers_by_word, setup, teardown),
	cmocka_unit_test_setup_teardown(fixed, setup, teardown),
	cmocka_unit_test_setup_teardown(vlans, setup, teardown),
	cmocka_unit_test_setup_teardown(fair, setup, teardown),
	cmocka_unit_test_setup_teardown(batches, setup, teardown),
	cmocka_unit_test_setup_teardown(topology, setup, teardown),
	cmocka_unit_test_setup_teardown(off, setup, teardown),
};

UNIT_MAIN(tests)
