/* SPDX-License-Identifier: BSD-2-Clause */
/* dhcp.c - What DHCP clients and servers say about addresses; see dhcp.h */
#include "config.h"

#include "switchd/dhcp.h"

#include <string.h>

#include "lib/bytes.h"
#include "switchd/igmp.h"

enum {
	/* DHCPv4 */
	V4_CIADDR_AT = 12,
	V4_YIADDR_AT = 16,
	V4_GIADDR_AT = 24,
	V4_CHADDR_AT = 28,
	V4_COOKIE_AT = 236,
	V4_OPTIONS_AT = 240,
	V4_REQUEST = 1,
	V4_REPLY = 2,
	V4_OPT_PAD = 0,
	V4_OPT_ADDRESS = 50,
	V4_OPT_LEASE = 51,
	V4_OPT_TYPE = 53,
	V4_OPT_END = 255,
	V4_TYPE_DISCOVER = 1,
	V4_TYPE_REQUEST = 3,
	V4_TYPE_DECLINE = 4,
	V4_TYPE_ACK = 5,
	V4_TYPE_NAK = 6,
	V4_TYPE_RELEASE = 7,
	/* DHCPv6 */
	V6_HDR_SIZE = 4,
	V6_OPT_HDR_SIZE = 4,
	V6_OPT_IA_NA = 3,
	V6_OPT_IA_TA = 4,
	V6_OPT_IAADDR = 5,
	V6_IA_NA_SIZE = 12,
	V6_IA_TA_SIZE = 4,
	V6_IAADDR_SIZE = 24,
	V6_VALID_AT = 20,
	V6_SOLICIT = 1,
	V6_ADVERTISE = 2,
	V6_REQUEST = 3,
	V6_CONFIRM = 4,
	V6_RENEW = 5,
	V6_REBIND = 6,
	V6_REPLY = 7,
	V6_RELEASE = 8,
	V6_DECLINE = 9,
	V6_RECONFIGURE = 10,
	V6_RELAY_FORWARD = 12,
	V6_RELAY_REPLY = 13,
};

/* Whether four bytes are 0.0.0.0. */
static bool is_nobody(const uint8_t *p)
{
	return !be32_load(p);
}

static void add_lease(struct dhcp_msg *msg, struct in6_addr ip, uint32_t seconds)
{
	if (msg->count < DHCP_LEASES_MAX)
		msg->lease[msg->count++] = (struct dhcp_lease){ ip, seconds };
}

/* DHCPv4. */

/** struct options4 - Those that count, or NULL */
struct options4 {
	const uint8_t *type;
	const uint8_t *address;
	const uint8_t *lease;
};

static bool read_options4(const uint8_t *p, const uint8_t *end, struct options4 *o)
{
	while (p < end && *p != V4_OPT_END) {
		if (*p == V4_OPT_PAD) {
			p++;
			continue;
		}
		if (end - p < 2 || end - p - 2 < p[1])
			return false;
		if (p[0] == V4_OPT_TYPE && p[1] == 1)
			o->type = p + 2;
		else if (p[0] == V4_OPT_ADDRESS && p[1] == 4)
			o->address = p + 2;
		else if (p[0] == V4_OPT_LEASE && p[1] == 4)
			o->lease = p + 2;
		p += 2 + p[1];
	}
	return o->type;
}

static bool read4(const uint8_t *p, size_t size, struct dhcp_msg *msg)
{
	static const uint8_t cookie[] = { 0x63, 0x82, 0x53, 0x63 };
	struct options4 o = { NULL, NULL, NULL };
	const uint8_t *ip = NULL;

	/* Of Ethernet. */
	if (size < V4_OPTIONS_AT || (p[0] != V4_REQUEST && p[0] != V4_REPLY) || p[1] != 1 ||
	    p[2] != ETH_ADDR_SIZE || memcmp(p + V4_COOKIE_AT, cookie, sizeof(cookie)) ||
	    !read_options4(p + V4_OPTIONS_AT, p + size, &o))
		return false;
	msg->server = p[0] == V4_REPLY;
	msg->relayed = !is_nobody(p + V4_GIADDR_AT);
	msg->xid = be32_load(p + 4);
	memcpy(&msg->client, p + V4_CHADDR_AT, sizeof(msg->client));
	switch (*o.type) {
	case V4_TYPE_DISCOVER:
	case V4_TYPE_REQUEST:
		msg->kind = DHCP_ASK;
		ip = o.address ? o.address : p + V4_CIADDR_AT;
		break;
	case V4_TYPE_ACK:
		/* Without a lease it speaks of other things. */
		msg->kind = DHCP_GRANT;
		ip = o.lease ? p + V4_YIADDR_AT : NULL;
		break;
	case V4_TYPE_NAK:
		msg->kind = DHCP_DENY;
		break;
	case V4_TYPE_DECLINE:
		msg->kind = DHCP_RETURN;
		ip = o.address;
		break;
	case V4_TYPE_RELEASE:
		msg->kind = DHCP_RETURN;
		ip = p + V4_CIADDR_AT;
		break;
	default:
		break;
	}
	if (ip && !is_nobody(ip))
		add_lease(msg, igmp_mapped(ip), o.lease ? be32_load(o.lease) : 0);
	return true;
}

/* DHCPv6. */

/* Step to the next option: its code, and @size bytes of it at the place returned, which is
 * NULL at the end; *@good becomes false if it does not fit. */
static const uint8_t *next_option(const uint8_t **p, const uint8_t *end, unsigned int *code,
				  size_t *size, bool *good)
{
	const uint8_t *o = *p;

	if (o == end)
		return NULL;
	*good = end - o >= V6_OPT_HDR_SIZE;
	if (!*good)
		return NULL;
	*code = (unsigned int)(o[0] << 8 | o[1]);
	*size = (size_t)(o[2] << 8 | o[3]);
	o += V6_OPT_HDR_SIZE;
	*good = (size_t)(end - o) >= *size;
	if (!*good)
		return NULL;
	*p = o + *size;
	return o;
}

/* The addresses among the options of an identity association. */
static bool read_addresses(const uint8_t *p, const uint8_t *end, struct dhcp_msg *msg)
{
	struct in6_addr ip;
	unsigned int code;
	const uint8_t *o;
	bool good = true;
	size_t size;

	while ((o = next_option(&p, end, &code, &size, &good))) {
		if (code != V6_OPT_IAADDR)
			continue;
		if (size < V6_IAADDR_SIZE)
			return false;
		memcpy(&ip, o, sizeof(ip));
		add_lease(msg, ip, be32_load(o + V6_VALID_AT));
	}
	return good;
}

static bool read_options6(const uint8_t *p, const uint8_t *end, struct dhcp_msg *msg)
{
	unsigned int code;
	const uint8_t *o;
	bool good = true;
	size_t size;

	while ((o = next_option(&p, end, &code, &size, &good))) {
		size_t hdr = code == V6_OPT_IA_NA ? V6_IA_NA_SIZE : V6_IA_TA_SIZE;

		if (code != V6_OPT_IA_NA && code != V6_OPT_IA_TA)
			continue;
		if (size < hdr || !read_addresses(o + hdr, o + size, msg))
			return false;
	}
	return good;
}

static bool read6(const uint8_t *p, size_t size, struct dhcp_msg *msg)
{
	if (size < V6_HDR_SIZE)
		return false;
	msg->server = p[0] == V6_ADVERTISE || p[0] == V6_REPLY || p[0] == V6_RECONFIGURE ||
		      p[0] == V6_RELAY_REPLY;
	msg->relayed = p[0] == V6_RELAY_FORWARD || p[0] == V6_RELAY_REPLY;
	msg->xid = be32_load(p) & 0xffffff;
	switch (p[0]) {
	case V6_SOLICIT:
	case V6_REQUEST:
	case V6_CONFIRM:
	case V6_RENEW:
	case V6_REBIND:
		msg->kind = DHCP_ASK;
		break;
	case V6_REPLY:
		msg->kind = DHCP_GRANT;
		break;
	case V6_RELEASE:
	case V6_DECLINE:
		msg->kind = DHCP_RETURN;
		break;
	default:
		return true;
	}
	return read_options6(p + V6_HDR_SIZE, p + size, msg);
}

bool dhcp_read(const uint8_t *p, size_t size, bool v6, struct dhcp_msg *msg)
{
	msg->kind = DHCP_OTHER;
	msg->count = 0;
	memset(&msg->client, 0, sizeof(msg->client));
	return v6 ? read6(p, size, msg) : read4(p, size, msg);
}
