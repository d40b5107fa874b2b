/* SPDX-License-Identifier: BSD-2-Clause */
/* igmp.c - IGMP and MLD packets; the essay is in igmp.h */
#include "config.h"

#include "switchd/igmp.h"

#include <string.h>

#include "lib/bytes.h"
#include "lib/compiler.h"

enum {
	IP4_HDR = 20,
	IP6_HDR = 40,
	PROTO_HOPOPTS = 0,
	PROTO_IGMP = 2,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_ICMP6 = 58,
	PROTO_DSTOPTS = 60,
	PROTO_PIM = 103,
	IP6_HEADERS_MAX = 8,		/* extension headers looked through */
	IP6_ROUTER_ALERT = 5,

	IGMP_TYPE_QUERY = 0x11,
	IGMP_TYPE_REPORT1 = 0x12,
	IGMP_TYPE_REPORT2 = 0x16,
	IGMP_TYPE_LEAVE = 0x17,
	IGMP_TYPE_REPORT3 = 0x22,
	MLD_TYPE_QUERY = 130,
	MLD_TYPE_REPORT1 = 131,
	MLD_TYPE_DONE = 132,
	MLD_TYPE_REPORT2 = 143,
	IGMP_TYPE_ROUTER = 0x30,	/* RFC 4286, 3.1 */
	MLD_TYPE_ROUTER = 151,
	ROUTER_DEAD = 3,		/* intervals until it is taken for gone */
	PIM_HELLO = 0x20,		/* version 2, type 0 */
	PIM_HOLDTIME = 1,		/* its option */
	PIM_HOLDTIME_S = 105,		/* without it (RFC 7761, 4.11) */

	IGMP_V1_RESP_MS = 10000,	/* version 1 does not say (RFC 2236, 4) */
	IGMP_ROBUSTNESS = 2,
};

/* Types of records in reports of IGMPv3 and MLDv2. */
enum { IS_IN = 1, IS_EX, TO_IN, TO_EX, ALLOW, BLOCK };

/* The Internet checksum, going on from @sum; 0 over what has a right one. */
static uint32_t sum_add(uint32_t sum, const uint8_t *p, size_t size)
{
	for (; size > 1; p += 2, size -= 2)
		sum += be16_load(p);
	return size ? sum + (uint32_t)(p[0] << 8) : sum;
}

static uint16_t sum_end(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Over a message of @n bytes with the pseudo header (RFC 8200, 8.1). */
static uint16_t sum_ip6(const uint8_t *ip, unsigned int proto, const uint8_t *msg, size_t n)
{
	return sum_end(sum_add(sum_add((uint32_t)n + proto, ip + 8, 32), msg, n));
}

struct in6_addr igmp_mapped(const uint8_t *v4)
{
	struct in6_addr a = { .s6_addr = { [10] = 0xff, 0xff, v4[0], v4[1], v4[2], v4[3] } };

	return a;
}

static struct in6_addr addr6(const uint8_t *p)
{
	struct in6_addr a;

	memcpy(&a, p, sizeof(a));
	return a;
}

static struct in6_addr addr_get(const uint8_t *p, bool v6)
{
	return v6 ? addr6(p) : igmp_mapped(p);
}

static bool is_group(const uint8_t *p, bool v6)
{
	return v6 ? p[0] == 0xff : p[0] >> 4 == 14;
}

static bool is_zero(const uint8_t *p, size_t size)
{
	while (size && !*p)
		p++, size--;
	return !size;
}

/* Messages; the two families differ in sizes and places only. */

/* A report about one group: versions 1 and 2, and MLDv1. */
static enum igmp_kind parse_one(const uint8_t *group, bool v6, bool join,
				struct igmp_msg *msg)
{
	if (!is_group(group, v6))
		return IGMP_BAD;
	msg->count = 1;
	msg->record[0] = (struct igmp_record){ addr_get(group, v6), join };
	return IGMP_REPORT;
}

/* Note what a record says, if that concerns a switch. */
static void parse_record(unsigned int type, unsigned int sources, const uint8_t *group,
			 struct igmp_msg *msg)
{
	bool join = type == IS_EX || type == TO_EX ||
		    (sources && (type == IS_IN || type == TO_IN || type == ALLOW));

	if (join || (type == TO_IN && !sources))
		msg->record[msg->count++] =
			(struct igmp_record){ addr_get(group, msg->v6), join };
}

/* The list of records in a report of IGMPv3 or MLDv2, of @n bytes. */
static enum igmp_kind parse_records(const uint8_t *p, size_t n, bool v6,
				    struct igmp_msg *msg)
{
	const size_t addr = v6 ? 16 : 4;
	unsigned int records = be16_load(p + 6);
	size_t at = 8;

	for (; records; records--) {
		const uint8_t *r = p + at;
		size_t size;

		if (n - at < 4 + addr || msg->count == IGMP_RECORDS_MAX)
			return IGMP_BAD;
		size = 4 + addr + be16_load(r + 2) * addr + r[1] * (size_t)4;
		if (n - at < size || !is_group(r + 4, v6))
			return IGMP_BAD;
		parse_record(r[0], be16_load(r + 2), r + 4, msg);
		at += size;
	}
	return IGMP_REPORT;
}

/* A floating-point code of a query; @bits of mantissa (RFC 3376, 4.1.1). */
static uint32_t code_value(uint32_t code, unsigned int bits)
{
	if (!(code >> (bits + 3)))
		return code;
	return ((code & ((1u << bits) - 1)) | 1u << bits) << ((code >> bits & 7) + 3);
}

/* The group of a query, at @p, and what else is behind it from @more on: flags, interval
 * and sources, in the newer versions. */
static enum igmp_kind parse_query(const uint8_t *p, size_t n, const uint8_t *more, bool v6,
				  struct igmp_msg *msg)
{
	const size_t addr = v6 ? 16 : 4;
	const bool all = is_zero(p, addr);
	unsigned int sources = 0;
	bool suppress = false;

	if (!all && !is_group(p, v6))
		return IGMP_BAD;
	if (n) {
		if (n < 4)
			return IGMP_BAD;
		suppress = more[0] & 8;
		sources = be16_load(more + 2);
		if (n - 4 < sources * addr)
			return IGMP_BAD;
	}
	msg->group = all ? in6addr_any : addr_get(p, v6);
	msg->last = !all && !sources && !suppress;
	return IGMP_QUERY;
}

/* A router's advertisement, of either family: seconds between two of them. */
static enum igmp_kind parse_router(const uint8_t *p, struct igmp_msg *msg)
{
	msg->lifetime_s = p[1] * (uint32_t)ROUTER_DEAD;
	return p[1] ? IGMP_ROUTER : IGMP_BAD;
}

/* A hello of PIM, its checksum seen to be right: options, each with type and length. One
 * that says that nobody is there any more says nothing. */
static enum igmp_kind parse_hello(const uint8_t *p, size_t n, struct igmp_msg *msg)
{
	msg->lifetime_s = PIM_HOLDTIME_S;
	for (size_t at = 4; at < n; ) {
		if (n - at < 4 || n - at - 4 < be16_load(p + at + 2))
			return IGMP_BAD;
		if (be16_load(p + at) == PIM_HOLDTIME && be16_load(p + at + 2) != 2)
			return IGMP_BAD;
		if (be16_load(p + at) == PIM_HOLDTIME)
			msg->lifetime_s = be16_load(p + at + 4);
		at += 4 + (size_t)be16_load(p + at + 2);
	}
	return msg->lifetime_s ? IGMP_ROUTER : IGMP_NONE;
}

static enum igmp_kind parse_igmp(const uint8_t *p, size_t n, struct igmp_msg *msg)
{
	if (n < 8 || sum_end(sum_add(0, p, n)))
		return IGMP_BAD;
	switch (p[0]) {
	case IGMP_TYPE_QUERY:
		if (n > 8)
			msg->max_resp_ms = code_value(p[1], 4) * 100;
		else
			msg->max_resp_ms = p[1] ? p[1] * 100u : IGMP_V1_RESP_MS;
		return parse_query(p + 4, n - 8, p + 8, false, msg);
	case IGMP_TYPE_REPORT1:
	case IGMP_TYPE_REPORT2:
	case IGMP_TYPE_LEAVE:
		return parse_one(p + 4, false, p[0] != IGMP_TYPE_LEAVE, msg);
	case IGMP_TYPE_REPORT3:
		return parse_records(p, n, false, msg);
	case IGMP_TYPE_ROUTER:
		return parse_router(p, msg);
	default:
		return IGMP_NONE;
	}
}

static enum igmp_kind parse_mld(const uint8_t *p, size_t n, struct igmp_msg *msg)
{
	if (p[0] == MLD_TYPE_REPORT2)
		return n < 8 ? IGMP_BAD : parse_records(p, n, true, msg);
	if (p[0] == MLD_TYPE_ROUTER)
		return n < 8 ? IGMP_BAD : parse_router(p, msg);
	if (n < 24)
		return IGMP_BAD;
	if (p[0] != MLD_TYPE_QUERY)
		return parse_one(p + 8, true, p[0] != MLD_TYPE_DONE, msg);
	msg->max_resp_ms = n > 24 ? code_value(be16_load(p + 4), 12) : be16_load(p + 4);
	return parse_query(p + 8, n - 24, p + 24, true, msg);
}

/* Packets. */

static enum igmp_kind parse_ip4(const uint8_t *p, size_t size, struct igmp_msg *msg)
{
	size_t hdr, total;

	if (size < IP4_HDR || p[0] >> 4 != 4 || (p[9] != PROTO_IGMP && p[9] != PROTO_PIM))
		return IGMP_NONE;
	hdr = (p[0] & 15) * (size_t)4;
	total = be16_load(p + 2);
	/* Whole, not a fragment, right, never routed, and to a group. */
	if (hdr < IP4_HDR || total < hdr || total > size || be16_load(p + 6) & 0x3fff ||
	    sum_end(sum_add(0, p, hdr)) || p[8] != 1 || !is_group(p + 16, false))
		return IGMP_BAD;
	msg->source = igmp_mapped(p + 12);
	if (p[9] == PROTO_IGMP)
		return parse_igmp(p + hdr, total - hdr, msg);
	if (total - hdr < 4 || p[hdr] != PIM_HELLO)
		return IGMP_NONE;
	return sum_end(sum_add(0, p + hdr, total - hdr)) ?
	       IGMP_BAD : parse_hello(p + hdr, total - hdr, msg);
}

static bool is_mld(unsigned int type)
{
	return (type >= MLD_TYPE_QUERY && type <= MLD_TYPE_DONE) || type == MLD_TYPE_REPORT2 ||
	       type == MLD_TYPE_ROUTER;
}

/* Whether hop-by-hop options of @size bytes have the router alert for MLD. */
static bool has_alert(const uint8_t *p, size_t size)
{
	for (size_t at = 2; at < size; ) {
		if (!p[at]) {
			at++;
			continue;
		}
		if (size - at < 2 || size - at - 2 < p[at + 1])
			return false;
		if (p[at] == IP6_ROUTER_ALERT && p[at + 1] == 2)
			return !be16_load(p + at + 2);
		at += 2 + (size_t)p[at + 1];
	}
	return false;
}

/* Look through extension headers for an ICMPv6 message. Return: its place, 0 if there is
 * none; @alert: there is a router alert; @fragment: it is a piece of one. */
static size_t find_icmp6(const uint8_t *p, size_t size, bool *alert, bool *fragment)
{
	unsigned int next = p[6];
	size_t at = IP6_HDR;

	*alert = *fragment = false;
	for (int i = 0; i < IP6_HEADERS_MAX; i++) {
		size_t len;

		if (next == PROTO_ICMP6)
			return at < size ? at : 0;
		if (size - at < 8)
			return 0;
		len = (p[at + 1] + (size_t)1) * 8;
		if (next == PROTO_FRAGMENT) {
			*fragment = true;
			len = 8;
		} else if ((next != PROTO_HOPOPTS || i) && next != PROTO_ROUTING &&
			   next != PROTO_DSTOPTS) {
			return 0;
		}
		if (size - at < len)
			return 0;
		if (next == PROTO_HOPOPTS)
			*alert = has_alert(p + at, len);
		next = p[at];
		at += len;
	}
	return 0;
}

/* PIM behind an IPv6 header, which has no others. */
static enum igmp_kind parse_pim6(const uint8_t *p, size_t size, struct igmp_msg *msg)
{
	const size_t n = be16_load(p + 4);

	if (n < 4 || size - IP6_HDR < n || p[IP6_HDR] != PIM_HELLO)
		return IGMP_NONE;
	if (p[7] != 1 || !is_group(p + 24, true) || p[8] != 0xfe || p[9] >> 6 != 2 ||
	    sum_ip6(p, PROTO_PIM, p + IP6_HDR, n))
		return IGMP_BAD;
	msg->source = addr6(p + 8);
	return parse_hello(p + IP6_HDR, n, msg);
}

static enum igmp_kind parse_ip6(const uint8_t *p, size_t size, struct igmp_msg *msg)
{
	bool alert, fragment, local, nobody;
	size_t at, end;

	if (size < IP6_HDR || p[0] >> 4 != 6)
		return IGMP_NONE;
	if (p[6] == PROTO_PIM)
		return parse_pim6(p, size, msg);
	at = find_icmp6(p, size, &alert, &fragment);
	if (!at || !is_mld(p[at]))
		return IGMP_NONE;
	end = IP6_HDR + be16_load(p + 4);
	local = p[8] == 0xfe && p[9] >> 6 == 2;
	nobody = is_zero(p + 8, 16);
	/* RFC 3810, 5.1.14 and 5.2.13: who has no address yet may report, not ask. */
	nobody &= p[at] != MLD_TYPE_QUERY && p[at] != MLD_TYPE_ROUTER;
	if (fragment || !alert || p[7] != 1 || !is_group(p + 24, true) || end > size ||
	    end < at + 8 || !(local || nobody) ||
	    sum_ip6(p, PROTO_ICMP6, p + at, end - at))
		return IGMP_BAD;
	msg->source = addr6(p + 8);
	return parse_mld(p + at, end - at, msg);
}

enum igmp_kind igmp_parse(const uint8_t *packet, size_t size, bool v6, struct igmp_msg *msg)
{
	msg->v6 = v6;
	msg->count = 0;
	return v6 ? parse_ip6(packet, size, msg) : parse_ip4(packet, size, msg);
}

/* Writing. */

struct in6_addr igmp_source(struct eth_addr mac, bool v6)
{
	struct in6_addr a = { .s6_addr = { 0xfe, 0x80, [8] = 0xff, 0xff } };

	if (!v6)
		return igmp_mapped((const uint8_t[4]){ 0 });
	memcpy(a.s6_addr + 10, &mac, sizeof(mac));
	return a;
}

/* The 8-bit code nearest below a number. */
static uint8_t code_8(uint32_t x)
{
	unsigned int e = 0;

	if (x < 128)
		return (uint8_t)x;
	while (x >> (e + 3) > 31 && e < 7)
		e++;
	return (uint8_t)(0x80 | e << 4 | (MIN(x >> (e + 3), 31u) & 15));
}

static size_t build_ip4(const struct igmp_ask *ask, bool all, uint8_t *p)
{
	static const uint8_t hdr[24] = {
		0x46, 0xc0, 0, 36, 0, 0, 0x40, 0, 1, PROTO_IGMP, 0, 0,
		0, 0, 0, 0, 224, 0, 0, 1, 0x94, 4, 0, 0,	/* router alert */
	};
	uint8_t *q = p + sizeof(hdr);

	memcpy(p, hdr, sizeof(hdr));
	memset(q, 0, 12);
	if (!all) {
		memcpy(p + 16, ask->group.s6_addr + 12, 4);
		memcpy(q + 4, ask->group.s6_addr + 12, 4);
	}
	be16_store(p + 10, sum_end(sum_add(0, p, sizeof(hdr))));
	q[0] = IGMP_TYPE_QUERY;
	q[1] = code_8(ask->max_resp_ms / 100);
	q[8] = IGMP_ROBUSTNESS;
	q[9] = code_8(ask->interval_s);
	be16_store(q + 2, sum_end(sum_add(0, q, 12)));
	return sizeof(hdr) + 12;
}

static size_t build_ip6(const struct igmp_ask *ask, bool all, uint8_t *p)
{
	static const uint8_t hdr[48] = {
		0x60, 0, 0, 0, 0, 36, PROTO_HOPOPTS, 1,
		[24] = 0xff, 2, [39] = 1,
		[40] = PROTO_ICMP6, 0, IP6_ROUTER_ALERT, 2, 0, 0, 1, 0,
	};
	const struct in6_addr source = igmp_source(ask->mac, true);
	uint8_t *q = p + sizeof(hdr);

	memcpy(p, hdr, sizeof(hdr));
	memset(q, 0, 28);
	memcpy(p + 8, &source, sizeof(source));
	if (!all) {
		memcpy(p + 24, &ask->group, sizeof(ask->group));
		memcpy(q + 8, &ask->group, sizeof(ask->group));
	}
	q[0] = MLD_TYPE_QUERY;
	be16_store(q + 4, ask->max_resp_ms);
	q[24] = IGMP_ROBUSTNESS;
	q[25] = code_8(ask->interval_s);
	be16_store(q + 2, sum_ip6(p, PROTO_ICMP6, q, 28));
	return sizeof(hdr) + 28;
}

size_t igmp_build(const struct igmp_ask *ask, uint8_t frame[static IGMP_QUERY_SIZE])
{
	const bool all = IN6_IS_ADDR_UNSPECIFIED(&ask->group);
	uint8_t *p = frame + ETH_HDR_SIZE;
	size_t size;

	if (ask->v6) {
		size = build_ip6(ask, all, p);
		memcpy(frame, (const uint8_t[2]){ 0x33, 0x33 }, 2);
		memcpy(frame + 2, p + 36, 4);
		be16_store(frame + 12, 0x86dd);
	} else {
		size = build_ip4(ask, all, p);
		memcpy(frame, (const uint8_t[3]){ 0x01, 0x00, 0x5e }, 3);
		frame[3] = p[17] & 0x7f;
		memcpy(frame + 4, p + 18, 2);
		be16_store(frame + 12, 0x0800);
	}
	memcpy(frame + 6, &ask->mac, sizeof(ask->mac));
	return ETH_HDR_SIZE + size;
}
