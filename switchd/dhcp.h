/* SPDX-License-Identifier: BSD-2-Clause */
/* dhcp.h - What DHCP clients and servers say about addresses
 *
 * Reading DHCPv4 (RFC 2131, 2132) and DHCPv6 (RFC 8415) messages as far as a switch wants to
 * know who has which address for how long. What is read comes from strangers: a message that
 * is wrong in a length says nothing at all. Prefixes that are delegated are not addresses,
 * and are left out.
 *
 * Both families have one form here: an IPv4 address is its IPv4-mapped address. No state, no
 * clock.
 */
#ifndef SWITCHD_DHCP_H
#define SWITCHD_DHCP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/eth.h"

enum { DHCP_LEASES_MAX = 32 };	/* of a message; more are not read */

#define DHCP_FOREVER	UINT32_MAX

enum dhcp_kind {
	DHCP_OTHER,
	DHCP_ASK,	/* a client wants addresses */
	DHCP_GRANT,	/* it has them now, for so long */
	DHCP_DENY,	/* it does not have what it asked for */
	DHCP_RETURN,	/* a client has them no longer */
};

/** struct dhcp_lease - An address, and seconds where they are granted; 0: it is over */
struct dhcp_lease {
	struct in6_addr ip;
	uint32_t seconds;
};

/**
 * struct dhcp_msg - A message
 * @server:	A server sends such
 * @relayed:	On its way between a relay agent and a server
 * @xid:	What the answer has from the question
 * @client:	Hardware address of an IPv4 client
 * @lease:	What is asked for, granted or returned, @count of them
 */
struct dhcp_msg {
	enum dhcp_kind kind;
	bool server;
	bool relayed;
	uint32_t xid;
	struct eth_addr client;
	unsigned int count;
	struct dhcp_lease lease[DHCP_LEASES_MAX];
};

/**
 * dhcp_read() - Read a message
 * @p:		What UDP carries
 * @size:	Bytes
 * @v6:		By IPv6
 * @msg:	Filled
 *
 * Return: false if it is none
 */
bool dhcp_read(const uint8_t *p, size_t size, bool v6, struct dhcp_msg *msg) MUST_CHECK;

#endif /* SWITCHD_DHCP_H */
