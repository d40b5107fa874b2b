/* SPDX-License-Identifier: BSD-2-Clause */
/* packet.c - Frames as a case writes them; the essay is in packet.h */
#include "config.h"

#include "tests/topo/packet.h"

#include <stdio.h>
#include <string.h>

#include "lib/compiler.h"

enum {
	PACKET_IP4 = 0x0800,
	PACKET_IP6 = 0x86dd,
	PACKET_MIN = 60,	/* bytes of a frame without tags */
	BPDU_LLC = 3,
	BPDU_CONFIG_SIZE = 35,
	BPDU_RST_SIZE = 36,
	BPDU_TCN_SIZE = 4,
};

static const uint8_t packet_magic[4] = { 'T', 'o', 'p', 'o' };

static void put16(uint8_t *p, unsigned int x)
{
	p[0] = (uint8_t)(x >> 8);
	p[1] = (uint8_t)x;
}

static void put32(uint8_t *p, uint32_t x)
{
	put16(p, x >> 16);
	put16(p + 2, x & 0xffff);
}

static unsigned int get16(const uint8_t *p)
{
	return (unsigned int)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static uint64_t get64(const uint8_t *p)
{
	return (uint64_t)get32(p) << 32 | get32(p + 4);
}

/* Room for what has @n bytes behind the EtherType, and for the trailer. */
static void packet_size(struct packet *p, size_t n)
{
	p->rest_size = MAX(2 + n + PACKET_TRAILER,
			   (size_t)PACKET_MIN - 2 * ETH_ADDR_SIZE);
}

void packet_data(struct packet *p, unsigned int type, size_t size)
{
	p->rest_size = size > 2 * ETH_ADDR_SIZE ? size - 2 * ETH_ADDR_SIZE : 0;
	put16(p->rest, type);
	for (size_t i = 2; i < p->rest_size; i++)
		p->rest[i] = (uint8_t)(i * 7 + 3);
}

/* The Internet checksum (RFC 1071). */
static unsigned int packet_sum(uint32_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

/* A header before @n bytes, and the MAC address of the group. Return: behind it. */
static uint8_t *packet_ip4(struct packet *p, const struct in6_addr *from,
			   const struct in6_addr *to, uint8_t proto, size_t n)
{
	uint8_t *ip = p->rest + 2;
	const bool alert = proto == IPPROTO_IGMP;
	const size_t hdr = alert ? 24 : 20;

	put16(p->rest, PACKET_IP4);
	memset(ip, 0, hdr + n);
	ip[0] = (uint8_t)(0x40 | hdr / 4);
	put16(ip + 2, (unsigned int)(hdr + n));
	ip[8] = alert ? 1 : 4;
	ip[9] = proto;
	memcpy(ip + 12, from->s6_addr + 12, 4);
	memcpy(ip + 16, to->s6_addr + 12, 4);
	if (alert)
		memcpy(ip + 20, (const uint8_t[]){ 0x94, 4, 0, 0 }, 4);
	put16(ip + 10, packet_sum(0, ip, hdr));
	p->dst = (struct eth_addr){ { 1, 0, 0x5e, ip[17] & 0x7f, ip[18], ip[19] } };
	packet_size(p, hdr + n);
	return ip + hdr;
}

static uint8_t *packet_ip6(struct packet *p, const struct in6_addr *from,
			   const struct in6_addr *to, uint8_t proto, size_t n)
{
	uint8_t *ip = p->rest + 2;
	const bool alert = proto == IPPROTO_ICMPV6;
	const size_t hdr = alert ? 48 : 40;

	put16(p->rest, PACKET_IP6);
	memset(ip, 0, hdr + n);
	ip[0] = 0x60;
	put16(ip + 4, (unsigned int)(hdr - 40 + n));
	ip[6] = alert ? 0 : proto;
	ip[7] = alert ? 1 : 4;
	memcpy(ip + 8, from, 16);
	memcpy(ip + 24, to, 16);
	if (alert)
		memcpy(ip + 40, (const uint8_t[]){ proto, 0, 5, 2, 0, 0, 1, 0 }, 8);
	p->dst = (struct eth_addr){ { 0x33, 0x33, ip[36], ip[37], ip[38], ip[39] } };
	packet_size(p, hdr + n);
	return ip + hdr;
}

static struct in6_addr packet_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (struct in6_addr){ { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, a, b, c, d } } };
}

void packet_udp(struct packet *p, const struct in6_addr *group)
{
	static const struct in6_addr from6 = { { { 0xfe, 0x80, [15] = 9 } } };
	const struct in6_addr from4 = packet_v4(10, 0, 0, 9);
	uint8_t *udp;

	if (IN6_IS_ADDR_V4MAPPED(group))
		udp = packet_ip4(p, &from4, group, IPPROTO_UDP, 32);
	else
		udp = packet_ip6(p, &from6, group, IPPROTO_UDP, 32);
	put16(udp, 5004);
	put16(udp + 2, 5004);
	put16(udp + 4, 32);
}

/* ICMPv6's checksum, with the pseudo header. */
static void packet_sum6(const struct packet *p, uint8_t *icmp, size_t n)
{
	const uint8_t *ip = p->rest + 2;
	uint32_t sum = (uint32_t)n + IPPROTO_ICMPV6;

	put16(icmp + 2, 0);
	for (size_t i = 8; i < 40; i += 2)
		sum += get16(ip + i);
	put16(icmp + 2, packet_sum(sum, icmp, n));
}

static void packet_mld(struct packet *p, enum packet_says says, const struct in6_addr *group,
		       unsigned int version, const struct in6_addr *from,
		       unsigned int resp_ms)
{
	struct in6_addr to = { { { 0xff, 2 } } };
	const bool v2 = version == 3;
	size_t n = says != PACKET_QUERY && v2 ? 28 : says == PACKET_QUERY && v2 ? 28 : 24;
	uint8_t *m;

	if (says == PACKET_QUERY)
		to = IN6_IS_ADDR_UNSPECIFIED(group) ? to : *group;
	else if (!v2 && says == PACKET_JOIN)
		to = *group;
	to.s6_addr[15] = to.s6_addr[15] ? to.s6_addr[15] : v2 && says != PACKET_QUERY ? 22 :
			 says == PACKET_LEAVE ? 2 : 1;
	m = packet_ip6(p, from, &to, IPPROTO_ICMPV6, n);
	if (says == PACKET_QUERY || !v2) {
		m[0] = says == PACKET_QUERY ? 130 : says == PACKET_JOIN ? 131 : 132;
		put16(m + 4, says == PACKET_QUERY ? resp_ms : 0);
		memcpy(m + 8, group, 16);
	} else {
		m[0] = 143;
		put16(m + 6, 1);
		/* CHANGE_TO_EXCLUDE of nothing: a join; TO_INCLUDE of nothing: a leave. */
		m[8] = says == PACKET_JOIN ? 4 : 3;
		memcpy(m + 12, group, 16);
	}
	packet_sum6(p, m, n);
}

static void packet_igmp(struct packet *p, enum packet_says says, const struct in6_addr *group,
			unsigned int version, const struct in6_addr *from,
			unsigned int resp_ms)
{
	struct in6_addr to = *group;
	uint8_t *m;

	if (version == 3 && says != PACKET_QUERY)
		to = packet_v4(224, 0, 0, 22);
	else if (says == PACKET_LEAVE)
		to = packet_v4(224, 0, 0, 2);
	else if (IN6_IS_ADDR_UNSPECIFIED(group))
		to = packet_v4(224, 0, 0, 1);
	if (version == 3 && says != PACKET_QUERY) {
		m = packet_ip4(p, from, &to, IPPROTO_IGMP, 16);
		m[0] = 0x22;
		put16(m + 6, 1);
		m[8] = says == PACKET_JOIN ? 4 : 3;
		memcpy(m + 12, group->s6_addr + 12, 4);
		put16(m + 2, packet_sum(0, m, 16));
		return;
	}
	m = packet_ip4(p, from, &to, IPPROTO_IGMP, version == 3 ? 12 : 8);
	if (says == PACKET_QUERY) {
		m[0] = 0x11;
		m[1] = version == 1 ? 0 : (uint8_t)(resp_ms / 100);
	} else {
		m[0] = says == PACKET_LEAVE ? 0x17 : version == 1 ? 0x12 : 0x16;
	}
	memcpy(m + 4, group->s6_addr + 12, 4);
	put16(m + 2, packet_sum(0, m, version == 3 ? 12 : 8));
}

void packet_group(struct packet *p, enum packet_says says, const struct in6_addr *group,
		  bool v6, unsigned int version, const struct in6_addr *from,
		  unsigned int resp_ms)
{
	if (v6)
		packet_mld(p, says, group, version, from, resp_ms);
	else
		packet_igmp(p, says, group, version, from, resp_ms);
}

/* BPDUs. */

static size_t bpdu_size(unsigned int type)
{
	return type == PACKET_BPDU_TCN ? BPDU_TCN_SIZE :
	       type == PACKET_BPDU_RST ? BPDU_RST_SIZE : BPDU_CONFIG_SIZE;
}

void packet_bpdu(struct packet *p, const struct packet_bpdu *b)
{
	const size_t size = bpdu_size(b->type);
	uint8_t *m = p->rest + 2 + BPDU_LLC;

	p->dst = (struct eth_addr){ { 1, 0x80, 0xc2, 0, 0, 0 } };
	packet_size(p, BPDU_LLC + size);
	memset(p->rest, 0, p->rest_size);
	put16(p->rest, (unsigned int)(BPDU_LLC + size));
	memcpy(p->rest + 2, (const uint8_t[]){ 0x42, 0x42, 3 }, BPDU_LLC);
	m[2] = (uint8_t)b->version;
	m[3] = (uint8_t)b->type;
	if (b->type == PACKET_BPDU_TCN)
		return;
	m[4] = (uint8_t)b->flags;
	put32(m + 5, (uint32_t)(b->root >> 32));
	put32(m + 9, (uint32_t)b->root);
	put32(m + 13, b->cost);
	put32(m + 17, (uint32_t)(b->bridge >> 32));
	put32(m + 21, (uint32_t)b->bridge);
	put16(m + 25, b->port);
	put16(m + 27, b->age * 256);
	put16(m + 29, b->max_age * 256);
	put16(m + 31, b->hello * 256);
	put16(m + 33, b->delay * 256);
}

bool packet_read_bpdu(const uint8_t *bytes, size_t size, struct packet_bpdu *b)
{
	static const uint8_t dst[] = { 1, 0x80, 0xc2, 0, 0, 0 }, llc[] = { 0x42, 0x42, 3 };
	const uint8_t *m = bytes + ETH_HDR_SIZE + BPDU_LLC;
	size_t length;

	if (size < ETH_HDR_SIZE + BPDU_LLC + BPDU_TCN_SIZE || memcmp(bytes, dst, sizeof(dst)) ||
	    memcmp(bytes + ETH_HDR_SIZE, llc, sizeof(llc)) || m[0] || m[1])
		return false;
	*b = (struct packet_bpdu){ .version = m[2], .type = m[3] };
	length = BPDU_LLC + bpdu_size(b->type);
	if (get16(bytes + 12) != length || size < ETH_HDR_SIZE + length)
		return false;
	if (b->type == PACKET_BPDU_TCN)
		return true;
	b->flags = m[4];
	b->root = get64(m + 5);
	b->cost = get32(m + 13);
	b->bridge = get64(m + 17);
	b->port = get16(m + 25);
	b->age = get16(m + 27) / 256;
	b->max_age = get16(m + 29) / 256;
	b->hello = get16(m + 31) / 256;
	b->delay = get16(m + 33) / 256;
	return true;
}

bool packet_read_query(const uint8_t *bytes, size_t size, struct in6_addr *group, bool *v6,
		       unsigned int *vid)
{
	size_t at = 14, hdr;
	unsigned int type;

	*vid = 0;
	if (size < 60 - 14)
		return false;
	type = get16(bytes + 12);
	if (type == 0x8100) {
		*vid = get16(bytes + 14) & 0xfff;
		type = get16(bytes + 16);
		at = 18;
	}
	*v6 = type == PACKET_IP6;
	if (*v6) {
		if (size < at + 48 + 28 || bytes[at + 6] != 0 || bytes[at + 48] != 130)
			return false;
		memcpy(group, bytes + at + 56, 16);
		return true;
	}
	hdr = 4 * (size_t)(bytes[at] & 15);
	if (type != PACKET_IP4 || size < at + hdr + 8 || bytes[at + 9] != IPPROTO_IGMP ||
	    bytes[at + hdr] != 0x11)
		return false;
	*group = packet_v4(bytes[at + hdr + 4], bytes[at + hdr + 5], bytes[at + hdr + 6],
			   bytes[at + hdr + 7]);
	if (!get32(bytes + at + hdr + 4))
		*group = in6addr_any;
	return true;
}

/* Bytes. */

void packet_number(struct packet *p, uint32_t number)
{
	if (p->rest_size < 2 + PACKET_TRAILER)
		return;
	memcpy(p->rest + p->rest_size - PACKET_TRAILER, packet_magic, sizeof(packet_magic));
	put32(p->rest + p->rest_size - PACKET_TRAILER + 4, number);
}

bool packet_find_number(const uint8_t *bytes, size_t size, uint32_t *number)
{
	if (size < ETH_HDR_SIZE + PACKET_TRAILER ||
	    memcmp(bytes + size - PACKET_TRAILER, packet_magic, sizeof(packet_magic)))
		return false;
	*number = get32(bytes + size - 4);
	return true;
}

size_t packet_bytes(const struct packet *p, const struct packet_tag *tag, unsigned int tags,
		    uint8_t *out)
{
	size_t at = sizeof(struct eth_addr) * 2, n = p->rest_size, cut = p->cut;

	if (!tag) {
		tag = p->tag;
		tags = p->tags;
	} else if (cut) {
		cut = cut + 4 * (size_t)tags - 4 * (size_t)p->tags;
	}
	memcpy(out, &p->dst, sizeof(p->dst));
	memcpy(out + sizeof(p->dst), &p->src, sizeof(p->src));
	for (unsigned int i = 0; i < tags; i++, at += 4) {
		put16(out + at, tag[i].tpid);
		put16(out + at + 2, tag[i].tci);
	}
	n = MIN(n, PACKET_MAX - at);
	memcpy(out + at, p->rest, n);
	return cut ? MIN(cut, at + n) : at + n;
}

const char *packet_text(const uint8_t *bytes, size_t size, char text[static PACKET_TEXT])
{
	size_t at = 12;
	int n;

	if (size < ETH_HDR_SIZE) {
		snprintf(text, PACKET_TEXT, "%zu bytes", size);
		return text;
	}
	n = snprintf(text, PACKET_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x > "
		     "%02x:%02x:%02x:%02x:%02x:%02x", bytes[6], bytes[7], bytes[8], bytes[9],
		     bytes[10], bytes[11], bytes[0], bytes[1], bytes[2], bytes[3], bytes[4],
		     bytes[5]);
	while (at + 6 <= size && n < PACKET_TEXT - 40 &&
	       (get16(bytes + at) == 0x8100 || get16(bytes + at) == 0x88a8)) {
		unsigned int tci = get16(bytes + at + 2);

		n += snprintf(text + n, PACKET_TEXT - (size_t)n, " tag %s%u/%u%s",
			      get16(bytes + at) == 0x8100 ? "" : "88a8:", tci & 0xfff,
			      tci >> 13, tci & 0x1000 ? "/dei" : "");
		at += 4;
	}
	snprintf(text + n, PACKET_TEXT - (size_t)n, " type %04x, %zu bytes",
		 get16(bytes + at), size);
	return text;
}
