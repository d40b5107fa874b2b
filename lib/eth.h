/* SPDX-License-Identifier: BSD-2-Clause */
/* eth.h - Ethernet addresses and headers (IEEE 802.3, 802.1Q) as bytes
 *
 * Nothing here knows of ports or switches. Sizes are bytes.
 */
#ifndef LIB_ETH_H
#define LIB_ETH_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "lib/bytes.h"
#include "lib/compiler.h"

enum {
	ETH_ADDR_SIZE = 6,
	ETH_HDR_SIZE = 14,		/* destination, source, type */
	ETH_FRAME_MAX = 65535,		/* the most one frame may have here */
	ETH_TYPE_VLAN = 0x8100,		/* 802.1Q tag */
	ETH_TYPE_SVLAN = 0x88a8,	/* 802.1ad tag, a provider's */
	ETH_ADDR_STR = 18,		/* "xx:xx:xx:xx:xx:xx" and NUL */
};

/** struct eth_addr - A MAC address, in transmission order */
struct eth_addr {
	uint8_t b[ETH_ADDR_SIZE];
};

/** struct eth_hdr - The first 14 bytes of a frame (IEEE 802.3 clause 3) */
struct eth_hdr {
	struct eth_addr dst;
	struct eth_addr src;
	struct be16 type;
};

static_assert(sizeof(struct eth_hdr) == ETH_HDR_SIZE,
	      "an Ethernet header has 14 bytes");

/* Group bit (I/G) set: multicast or broadcast. */
static inline bool eth_addr_is_group(struct eth_addr a)
{
	return a.b[0] & 1;
}

/* Locally administered bit (U/L). */
static inline bool eth_addr_is_local(struct eth_addr a)
{
	return a.b[0] & 2;
}

static inline bool eth_addr_is_zero(struct eth_addr a)
{
	return !(a.b[0] | a.b[1] | a.b[2] | a.b[3] | a.b[4] | a.b[5]);
}

static inline bool eth_addr_eq(struct eth_addr a, struct eth_addr b)
{
	return !memcmp(&a, &b, sizeof(a));
}

/* The address as the low 48 bits of an integer, for hashing and ordering. */
static inline uint64_t eth_addr_to_u64(struct eth_addr a)
{
	uint32_t high;
	uint16_t low;

	memcpy(&high, a.b, sizeof(high));
	memcpy(&low, a.b + sizeof(high), sizeof(low));
	return (uint64_t)__builtin_bswap32(high) << 16 | __builtin_bswap16(low);
}

/**
 * eth_addr_parse() - Read a MAC address written with ':', '-' or '.'
 * @s:		Text, six groups of one or two hex digits, one kind of separator
 * @addr:	Where to put it; unchanged on failure
 *
 * Return: whether all of @s is an address
 */
bool eth_addr_parse(const char *s, struct eth_addr *addr) MUST_CHECK;

/**
 * eth_addr_format() - Write a MAC address as xx:xx:xx:xx:xx:xx
 * @a:		The address
 * @buf:	Storage for the text
 *
 * Return: @buf
 */
char *eth_addr_format(struct eth_addr a, char buf[static ETH_ADDR_STR]);

#endif /* LIB_ETH_H */
