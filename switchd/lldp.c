/* SPDX-License-Identifier: BSD-2-Clause */
/* lldp.c - The frames by which a switch tells its neighbours who it is; see lldp.h */
#include "config.h"

#include "switchd/lldp.h"

#include <stdio.h>
#include <string.h>

#include "lib/compiler.h"

enum {
	ETH_TYPE_LLDP = 0x88cc,
	TLV_END = 0,
	TLV_CHASSIS_ID = 1,
	TLV_PORT_ID = 2,
	TLV_TTL = 3,
	TLV_PORT_DESCR = 4,
	TLV_SYSTEM_NAME = 5,
	TLV_SYSTEM_DESCR = 6,
	TLV_CAPABILITIES = 7,
	TLV_ADDRESS = 8,
	TLV_ORGANIZATION = 127,
	CHASSIS_ID_MAC = 4,
	PORT_ID_LOCAL = 7,		/* assigned by whoever has the port */
	CAPABLE_REPEATER = 1 << 1,
	CAPABLE_BRIDGE = 1 << 2,
	FAMILY_IP4 = 1,
	FAMILY_IP6 = 2,
	INTERFACE_UNKNOWN = 1,
	TX_HOLD = 4,
};

/** struct writer - A frame being written */
struct writer {
	uint8_t *frame;
	size_t size;
};

static void put(struct writer *w, const void *p, size_t n)
{
	memcpy(w->frame + w->size, p, n);
	w->size += n;
}

static void put8(struct writer *w, unsigned int x)
{
	w->frame[w->size++] = (uint8_t)x;
}

static void put16(struct writer *w, unsigned int x)
{
	put8(w, x >> 8);
	put8(w, x & 0xff);
}

/* Type and length of what follows. */
static void put_tlv(struct writer *w, unsigned int type, size_t size)
{
	put16(w, type << 9 | (unsigned int)size);
}

static void put_text(struct writer *w, unsigned int type, const char *text)
{
	size_t len = MIN(strlen(text), (size_t)LLDP_TEXT_MAX);

	put_tlv(w, type, len);
	put(w, text, len);
}

static void put_address(struct writer *w, const struct in6_addr *ip)
{
	static const uint8_t interface[] = { INTERFACE_UNKNOWN, 0, 0, 0, 0 };
	const bool v4 = IN6_IS_ADDR_V4MAPPED(ip);
	const size_t skip = v4 ? 12 : 0, len = sizeof(*ip) - skip;

	put_tlv(w, TLV_ADDRESS, 2 + len + sizeof(interface) + 1);
	put8(w, (unsigned int)len + 1);
	put8(w, v4 ? FAMILY_IP4 : FAMILY_IP6);
	put(w, ip->s6_addr + skip, len);
	put(w, interface, sizeof(interface));
	put8(w, 0);		/* no object identifier */
}

uint16_t lldp_ttl(unsigned int interval_s)
{
	return (uint16_t)MIN(interval_s * TX_HOLD + 1, (unsigned int)UINT16_MAX);
}

size_t lldp_build(const struct lldp_info *info, uint8_t frame[static LLDP_FRAME_MAX])
{
	/* The nearest bridge, whatever it is, does not forward it. */
	static const struct eth_addr dst = { { 0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e } };
	static const uint8_t port_vlan[] = { 0x00, 0x80, 0xc2, 1 };
	const unsigned int can = info->hub ? CAPABLE_REPEATER : CAPABLE_BRIDGE;
	struct writer w = { .frame = frame };
	char port[16];
	int len = snprintf(port, sizeof(port), "%u", info->port);

	put(&w, &dst, sizeof(dst));
	put(&w, &info->mac, sizeof(info->mac));
	put16(&w, ETH_TYPE_LLDP);
	put_tlv(&w, TLV_CHASSIS_ID, 1 + sizeof(info->mac));
	put8(&w, CHASSIS_ID_MAC);
	put(&w, &info->mac, sizeof(info->mac));
	put_tlv(&w, TLV_PORT_ID, 1 + (size_t)len);
	put8(&w, PORT_ID_LOCAL);
	put(&w, port, (size_t)len);
	put_tlv(&w, TLV_TTL, 2);
	put16(&w, info->ttl_s);
	if (info->ttl_s) {
		put_text(&w, TLV_PORT_DESCR, info->port_descr);
		put_text(&w, TLV_SYSTEM_NAME, info->name);
		put_text(&w, TLV_SYSTEM_DESCR, info->descr);
		put_tlv(&w, TLV_CAPABILITIES, 4);
		put16(&w, can);
		put16(&w, can);
		if (info->address)
			put_address(&w, info->address);
		if (info->vid) {
			put_tlv(&w, TLV_ORGANIZATION, sizeof(port_vlan) + 2);
			put(&w, port_vlan, sizeof(port_vlan));
			put16(&w, info->vid);
		}
	}
	put_tlv(&w, TLV_END, 0);
	return w.size;
}
