/* SPDX-License-Identifier: BSD-2-Clause */
/* claim.h - What does a frame say of who sent it?
 *
 * Reading, from the first bytes of a frame, the addresses that its sender claims to have:
 * the Ethernet source, the source of an IPv4 or IPv6 packet, the sender of ARP, and what
 * neighbour discovery says of link-layer addresses and targets; and whether it is one of the
 * messages by which hosts get their addresses. Whether that is true is for guard.h.
 *
 * What hides a packet from a filter and not from its receiver is looked through: VLAN tags,
 * several of them, and LLC with SNAP (CVE-2021-27853 and its siblings), extension headers of
 * IPv6 (RFC 7113). All of that has a bound, and what is beyond it, cut off, or wrong in a
 * length is CLAIM_BAD. No state, no clock.
 */
#ifndef SWITCHD_CLAIM_H
#define SWITCHD_CLAIM_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/eth.h"

enum {
	CLAIM_TAGS_MAX = 8,	/* tags and SNAP headers of a frame */
	CLAIM_HEADERS_MAX = 10,	/* extension headers of an IPv6 packet */
};

enum claim_result {
	CLAIM_READ,
	CLAIM_SHORT,	/* it depends on bytes that were not given */
	CLAIM_BAD,	/* it cannot be read */
};

enum claim_proto { CLAIM_OTHER, CLAIM_ARP, CLAIM_IP4, CLAIM_IP6 };

/* What it is for. */
enum claim_what {
	CLAIM_DATA,		/* anything else */
	CLAIM_FRAGMENT,		/* not the first one: anything at all */
	CLAIM_ARP_REQUEST,
	CLAIM_ARP_REPLY,
	CLAIM_MEMBERSHIP,	/* of groups: IGMP, MLD */
	CLAIM_RS,		/* neighbour discovery (RFC 4861, 4) */
	CLAIM_RA,
	CLAIM_NS,
	CLAIM_NA,
	CLAIM_REDIRECT,
	CLAIM_DHCP4_CLIENT,	/* by the port that it is for */
	CLAIM_DHCP4_SERVER,
	CLAIM_DHCP6_CLIENT,
	CLAIM_DHCP6_SERVER,
};

/**
 * struct claim - What a frame says
 * @vid:	The first VLAN that a tag names, or 0
 * @src:	Ethernet source
 * @ip:		Source address; an IPv4 address is a mapped one
 * @target:	Of neighbour solicitation and advertisement
 * @fragment:	Part of it is in another frame
 * @lladdr:	A link-layer address within it is not @src
 * @at:		Of DHCP: where its message is in the frame; of router advertisements: their
 *		options
 * @size:	And its bytes
 */
struct claim {
	enum claim_proto proto;
	enum claim_what what;
	uint16_t vid;
	struct eth_addr src;
	struct in6_addr ip;
	struct in6_addr target;
	bool fragment;
	bool lladdr;
	size_t at, size;
};

/**
 * claim_read() - Read what a frame says
 * @p:		Its first bytes
 * @have:	How many
 * @size:	Bytes of the whole frame
 * @c:		Filled for CLAIM_READ
 */
enum claim_result claim_read(const uint8_t *p, size_t have, size_t size, struct claim *c);

#endif /* SWITCHD_CLAIM_H */
