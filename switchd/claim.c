/* SPDX-License-Identifier: BSD-2-Clause */
/* claim.c - What does a frame say of who sent it? The essay is in claim.h */
#include "config.h"

#include "switchd/claim.h"

#include <string.h>

#include "switchd/igmp.h"
#include "switchd/vlan.h"

enum {
	TYPE_LENGTH_MAX = 0x05ff,	/* up to here it is a length */
	TYPE_IP4 = 0x0800,
	TYPE_ARP = 0x0806,
	TYPE_IP6 = 0x86dd,
	TYPE_SERVICE_TAG = 0x88a8,	/* 802.1ad */
	TYPE_OLD_TAG = 0x9100,		/* what came before it */
	TYPE_OLDER_TAG = 0x9200,
	SNAP_SIZE = 8,
	ARP_SIZE = 28,
	IP4_SIZE = 20,
	IP6_SIZE = 40,
	EXT_SIZE = 8,			/* of an extension header at least */
	UDP_SIZE = 8,
	PROTO_HOP_BY_HOP = 0,
	PROTO_IGMP = 2,
	PROTO_UDP = 17,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_AUTH = 51,
	PROTO_ICMP6 = 58,
	PROTO_DEST_OPTS = 60,
	PROTO_MOBILITY = 135,
	PROTO_HIP = 139,
	PROTO_SHIM6 = 140,
	ICMP6_MLD_QUERY = 130,
	ICMP6_MLD_DONE = 132,
	ICMP6_RS = 133,
	ICMP6_REDIRECT = 137,
	ICMP6_MLD2_REPORT = 143,
	ND_SOURCE_LLADDR = 1,
	ND_TARGET_LLADDR = 2,
	ND_TARGET_AT = 8,
	PORT_DHCP4_SERVER = 67,
	PORT_DHCP4_CLIENT = 68,
	PORT_DHCP6_CLIENT = 546,
	PORT_DHCP6_SERVER = 547,
};

/**
 * struct bytes - A frame being read
 * @at:		How far
 */
struct bytes {
	const uint8_t *p;
	size_t have, size;
	size_t at;
};

/* Whether there are @n bytes behind @b->at: CLAIM_READ if so. */
static enum claim_result need(const struct bytes *b, size_t n)
{
	if (b->size < b->at || b->size - b->at < n)
		return CLAIM_BAD;
	return b->have < b->at || b->have - b->at < n ? CLAIM_SHORT : CLAIM_READ;
}

static unsigned int get16(const uint8_t *p)
{
	return (unsigned int)(p[0] << 8 | p[1]);
}

static bool is_tag(unsigned int type)
{
	return type == ETH_TYPE_VLAN || type == TYPE_SERVICE_TAG || type == TYPE_OLD_TAG ||
	       type == TYPE_OLDER_TAG;
}

/* LLC and SNAP with an EtherType behind it (RFC 1042, and 802.1H for some). */
static bool is_snap(const uint8_t *p)
{
	static const uint8_t llc[] = { 0xaa, 0xaa, 0x03, 0x00, 0x00 };

	return !memcmp(p, llc, sizeof(llc)) && (p[5] == 0x00 || p[5] == 0xf8);
}

/* Find the type of what the frame carries, and move behind it. A length that is none of a
 * SNAP header stays a length. */
static enum claim_result read_type(struct bytes *b, struct claim *c, unsigned int *type)
{
	for (unsigned int i = 0; i <= CLAIM_TAGS_MAX; i++) {
		enum claim_result r = need(b, 2);

		if (r != CLAIM_READ)
			return r;
		*type = get16(b->p + b->at);
		b->at += 2;
		if (is_tag(*type)) {
			r = need(b, 2);
			if (r != CLAIM_READ)
				return r;
			if (!c->vid)
				c->vid = get16(b->p + b->at) & VLAN_VID_MASK;
			b->at += 2;
		} else if (*type <= TYPE_LENGTH_MAX) {
			r = need(b, SNAP_SIZE);
			if (r == CLAIM_SHORT)
				return r;
			if (r == CLAIM_BAD || !is_snap(b->p + b->at))
				return CLAIM_READ;
			b->at += SNAP_SIZE - 2;
		} else {
			return CLAIM_READ;
		}
	}
	return CLAIM_BAD;
}

static enum claim_result read_arp(struct bytes *b, struct claim *c)
{
	/* Of Ethernet and IPv4 addresses. */
	static const uint8_t kind[] = { 0, 1, 8, 0, 6, 4, 0 };
	enum claim_result r = need(b, ARP_SIZE);
	const uint8_t *p = b->p + b->at;

	if (r != CLAIM_READ)
		return r;
	if (memcmp(p, kind, sizeof(kind)))
		return CLAIM_BAD;
	switch (p[7]) {
	case 1:
		c->what = CLAIM_ARP_REQUEST;
		break;
	case 2:
		c->what = CLAIM_ARP_REPLY;
		break;
	default:
		return CLAIM_BAD;
	}
	c->lladdr = memcmp(p + 8, &c->src, sizeof(c->src));
	c->ip = igmp_mapped(p + 14);
	return CLAIM_READ;
}

/* What UDP is for; @b->at is its header. */
static enum claim_result read_udp(struct bytes *b, struct claim *c)
{
	enum claim_result r = need(b, 4);
	unsigned int size;

	if (r != CLAIM_READ)
		return r;
	switch (get16(b->p + b->at + 2)) {
	case PORT_DHCP4_SERVER:
		c->what = c->proto == CLAIM_IP4 ? CLAIM_DHCP4_CLIENT : CLAIM_DATA;
		break;
	case PORT_DHCP4_CLIENT:
		c->what = c->proto == CLAIM_IP4 ? CLAIM_DHCP4_SERVER : CLAIM_DATA;
		break;
	case PORT_DHCP6_SERVER:
		c->what = c->proto == CLAIM_IP6 ? CLAIM_DHCP6_CLIENT : CLAIM_DATA;
		break;
	case PORT_DHCP6_CLIENT:
		c->what = c->proto == CLAIM_IP6 ? CLAIM_DHCP6_SERVER : CLAIM_DATA;
		break;
	default:
		return CLAIM_READ;
	}
	/* Of these, all is wanted that there is. */
	if (c->what == CLAIM_DATA || c->fragment)
		return CLAIM_READ;
	r = need(b, UDP_SIZE);
	if (r != CLAIM_READ)
		return r;
	size = get16(b->p + b->at + 4);
	if (size < UDP_SIZE)
		return CLAIM_BAD;
	c->at = b->at + UDP_SIZE;
	c->size = size - UDP_SIZE;
	return need(b, size);
}

static enum claim_result read_ip4(struct bytes *b, struct claim *c)
{
	enum claim_result r = need(b, IP4_SIZE);
	const uint8_t *p = b->p + b->at;
	unsigned int offset;
	size_t hdr;

	if (r != CLAIM_READ)
		return r;
	hdr = (size_t)(p[0] & 15) * 4;
	if (p[0] >> 4 != 4 || hdr < IP4_SIZE)
		return CLAIM_BAD;
	c->ip = igmp_mapped(p + 12);
	offset = get16(p + 6) & 0x3fff;
	c->fragment = offset;
	if (offset & 0x1fff) {
		c->what = CLAIM_FRAGMENT;
		return CLAIM_READ;
	}
	b->at += hdr;
	if (p[9] == PROTO_UDP)
		return read_udp(b, c);
	if (p[9] == PROTO_IGMP)
		c->what = CLAIM_MEMBERSHIP;
	return CLAIM_READ;
}

/* The options of a message of neighbour discovery: do its link-layer addresses of @kind
 * agree with who sent it? */
static enum claim_result read_options(struct bytes *b, size_t end, struct claim *c,
				      uint8_t kind)
{
	while (b->at < end) {
		const uint8_t *p = b->p + b->at;
		size_t size;

		if (end - b->at < EXT_SIZE || !p[1])
			return CLAIM_BAD;
		size = (size_t)p[1] * EXT_SIZE;
		if (end - b->at < size)
			return CLAIM_BAD;
		if (p[0] == kind)
			c->lladdr |= p[1] != 1 || memcmp(p + 2, &c->src, sizeof(c->src));
		b->at += size;
	}
	return CLAIM_READ;
}

/* Neighbour discovery: a message that ends at @end. */
static enum claim_result read_nd(struct bytes *b, size_t end, struct claim *c)
{
	static const struct {
		enum claim_what what;
		uint8_t size;
		uint8_t lladdr;
	} kinds[] = {
		{ CLAIM_RS, 8, ND_SOURCE_LLADDR },
		{ CLAIM_RA, 16, ND_SOURCE_LLADDR },
		{ CLAIM_NS, 24, ND_SOURCE_LLADDR },
		{ CLAIM_NA, 24, ND_TARGET_LLADDR },
		{ CLAIM_REDIRECT, 40, 0 },	/* it speaks of others */
	};
	const uint8_t *p = b->p + b->at;
	unsigned int kind = (unsigned int)p[0] - ICMP6_RS;
	enum claim_result r;

	c->what = kinds[kind].what;
	/* Nobody may believe one in pieces (RFC 6980). */
	if (c->fragment)
		return CLAIM_READ;
	if (end < b->at + kinds[kind].size)
		return CLAIM_BAD;
	r = need(b, end - b->at);
	if (r != CLAIM_READ)
		return r;
	if (c->what == CLAIM_NS || c->what == CLAIM_NA)
		memcpy(&c->target, p + ND_TARGET_AT, sizeof(c->target));
	b->at += kinds[kind].size;
	if (c->what == CLAIM_RA) {
		c->at = b->at;
		c->size = end - b->at;
	}
	return read_options(b, end, c, kinds[kind].lladdr);
}

static enum claim_result read_icmp6(struct bytes *b, size_t end, struct claim *c)
{
	enum claim_result r = need(b, 1);
	uint8_t type;

	if (r != CLAIM_READ)
		return r;
	type = b->p[b->at];
	if (type >= ICMP6_RS && type <= ICMP6_REDIRECT)
		return read_nd(b, end, c);
	if ((type >= ICMP6_MLD_QUERY && type <= ICMP6_MLD_DONE) || type == ICMP6_MLD2_REPORT)
		c->what = CLAIM_MEMBERSHIP;
	return CLAIM_READ;
}

/* Whether it is an extension header, and how long with @length in its second byte. */
static bool is_extension(uint8_t proto, uint8_t length, size_t *size)
{
	switch (proto) {
	case PROTO_HOP_BY_HOP:
	case PROTO_ROUTING:
	case PROTO_DEST_OPTS:
	case PROTO_MOBILITY:
	case PROTO_HIP:
	case PROTO_SHIM6:
		*size = ((size_t)length + 1) * EXT_SIZE;
		return true;
	case PROTO_AUTH:
		*size = ((size_t)length + 2) * 4;
		return true;
	case PROTO_FRAGMENT:
		*size = EXT_SIZE;
		return true;
	default:
		return false;
	}
}

static enum claim_result read_ip6(struct bytes *b, struct claim *c)
{
	enum claim_result r = need(b, IP6_SIZE);
	const uint8_t *p = b->p + b->at;
	size_t end, size;
	uint8_t proto;

	if (r != CLAIM_READ)
		return r;
	if (p[0] >> 4 != 6)
		return CLAIM_BAD;
	memcpy(&c->ip, p + 8, sizeof(c->ip));
	proto = p[6];
	end = b->at + IP6_SIZE + get16(p + 4);
	b->at += IP6_SIZE;
	for (unsigned int i = 0; is_extension(proto, 0, &size); i++) {
		if (i == CLAIM_HEADERS_MAX)
			return CLAIM_BAD;
		r = need(b, EXT_SIZE);
		if (r != CLAIM_READ)
			return r;
		p = b->p + b->at;
		is_extension(proto, p[1], &size);
		if (proto == PROTO_FRAGMENT) {
			c->fragment = true;
			if (get16(p + 2) & 0xfff8) {
				c->what = CLAIM_FRAGMENT;
				return CLAIM_READ;
			}
		}
		proto = p[0];
		b->at += size;
	}
	if (proto == PROTO_UDP)
		return read_udp(b, c);
	if (proto == PROTO_ICMP6)
		return read_icmp6(b, end, c);
	/* The first fragment must have all of the headers (RFC 7112). */
	return c->fragment ? need(b, 1) : CLAIM_READ;
}

enum claim_result claim_read(const uint8_t *p, size_t have, size_t size, struct claim *c)
{
	struct bytes b = { p, have, size, 0 };
	enum claim_result r = need(&b, ETH_HDR_SIZE);
	unsigned int type = 0;

	*c = (struct claim){ .proto = CLAIM_OTHER };
	if (r != CLAIM_READ)
		return r;
	memcpy(&c->src, p + ETH_ADDR_SIZE, sizeof(c->src));
	b.at = 2 * ETH_ADDR_SIZE;
	r = read_type(&b, c, &type);
	if (r != CLAIM_READ)
		return r;
	switch (type) {
	case TYPE_ARP:
		c->proto = CLAIM_ARP;
		return read_arp(&b, c);
	case TYPE_IP4:
		c->proto = CLAIM_IP4;
		return read_ip4(&b, c);
	case TYPE_IP6:
		c->proto = CLAIM_IP6;
		return read_ip6(&b, c);
	default:
		return CLAIM_READ;
	}
}
