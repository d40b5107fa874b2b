/* SPDX-License-Identifier: BSD-2-Clause */
/* iplog.c - Which IP addresses send */
#include "config.h"

#include "plug/iplog.h"

#include <string.h>

#include "lib/bytes.h"
#include "lib/eth.h"

enum {
	TYPE_IPV4 = 0x0800,
	TYPE_VLAN = 0x8100,
	TYPE_IPV6 = 0x86dd,
	VLAN_TAG_SIZE = 4,
	IPV4_SRC = 12,
	IPV6_SRC = 8,
};

static unsigned int get16(const uint8_t *p)
{
	return be16_get((struct be16){ { p[0], p[1] } });
}

/* Copy @n bytes at @at out of a packet of @size. Return: whether they are there. */
static bool get_addr(struct iplog_host *host, const uint8_t *packet, size_t size,
		     size_t at, size_t n)
{
	if (size < at + n)
		return false;
	memcpy(host->addr, packet + at, n);
	return true;
}

/* The sender of a frame. Return: whether it is one of IP. */
static bool iplog_source(const uint8_t *p, size_t size, struct iplog_host *host)
{
	unsigned int type;

	*host = (struct iplog_host){ .version = 0 };
	if (size < ETH_HDR_SIZE + VLAN_TAG_SIZE)
		return false;
	type = get16(p + ETH_HDR_SIZE - 2);
	p += ETH_HDR_SIZE;
	size -= ETH_HDR_SIZE;
	if (type == TYPE_VLAN) {
		host->vlan = get16(p) & 0xfff;
		type = get16(p + 2);
		p += VLAN_TAG_SIZE;
		size -= VLAN_TAG_SIZE;
	}
	if (type == TYPE_IPV4) {
		host->version = 4;
		return get_addr(host, p, size, IPV4_SRC, 4);
	}
	host->version = 6;
	return type == TYPE_IPV6 && get_addr(host, p, size, IPV6_SRC, 16);
}

/* The place of a host (FNV-1a). */
static size_t iplog_place(const struct iplog_host *host)
{
	uint64_t h = 0xcbf29ce484222325U ^ host->vlan;

	for (size_t i = 0; i < sizeof(host->addr); i++)
		h = (h ^ host->addr[i]) * 0x100000001b3U;
	return (h ^ h >> 32) % IPLOG_HOSTS;
}

bool iplog_look(struct iplog *il, const void *frame, size_t size, struct iplog_host *host)
{
	struct iplog_host *seen;

	if (!iplog_source(frame, size, host))
		return false;
	seen = &il->seen[iplog_place(host)];
	if (!memcmp(seen, host, sizeof(*host)))
		return false;
	*seen = *host;
	return true;
}
