/* SPDX-License-Identifier: BSD-2-Clause */
/* igmp.h - What hosts and routers say about multicast groups: IGMP and MLD, and routers
 * about themselves
 *
 * Reading IGMP versions 1 to 3 (RFC 1112, 2236, 3376) and MLD versions 1 and 2 (RFC
 * 2710, 3810) from a packet, and writing the queries of the newest version, which the
 * older ones understand. What is read comes from strangers: a packet that is not whole
 * and right in every length, checksum and rule says nothing at all.
 *
 * Routers that ask nobody show themselves by advertisements (multicast router discovery,
 * RFC 4286) or hellos of PIM (RFC 7761, 4.9.2). That one is about to go is not read: there
 * may be others where it was.
 *
 * A switch forwards to groups, not to sources, so of the lists of sources only that
 * counts whether there are any: who wants a group from somebody wants it.
 *
 * Both families have one form here: an IPv4 group is its IPv4-mapped address. No state,
 * no clock.
 */
#ifndef SWITCHD_IGMP_H
#define SWITCHD_IGMP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/eth.h"

enum {
	IGMP_PACKET_MAX = 2048,		/* bytes; longer ones are not read */
	IGMP_RECORDS_MAX = 256,		/* more than fit in IGMP_PACKET_MAX */
	IGMP_QUERY_SIZE = 96,		/* bytes that a query frame has at most */
};

enum igmp_kind {
	IGMP_NONE,	/* something else */
	IGMP_BAD,	/* it should be one, and is wrong */
	IGMP_QUERY,
	IGMP_REPORT,	/* or a leave */
	IGMP_ROUTER,	/* a multicast router is there */
};

/** struct igmp_record - Somebody wants a group, or (@join false) no longer */
struct igmp_record {
	struct in6_addr group;
	bool join;
};

/**
 * struct igmp_msg - What was said
 * @v6:		By MLD
 * @source:	By whom; an IPv4 address is a mapped one
 * @group:	Of a query: for this group, or, unspecified, for all
 * @last:	Of a query: it asks whether anybody is left in @group
 * @max_resp_ms: Of a query: answers come within so long
 * @lifetime_s:	Of a router: it is there for so long, unless it says so again
 * @record:	Of a report, @count of them
 */
struct igmp_msg {
	bool v6;
	struct in6_addr source;
	struct in6_addr group;
	bool last;
	uint32_t max_resp_ms;
	uint32_t lifetime_s;
	unsigned int count;
	struct igmp_record record[IGMP_RECORDS_MAX];
};

/**
 * igmp_parse() - Read a packet
 * @packet:	From the IP header on
 * @size:	Bytes there are; may be more than the packet has
 * @v6:		By its EtherType it is IPv6
 * @msg:	Filled for IGMP_QUERY, IGMP_REPORT and IGMP_ROUTER
 */
enum igmp_kind igmp_parse(const uint8_t *packet, size_t size, bool v6,
			  struct igmp_msg *msg);

/**
 * struct igmp_ask - A query to be written
 * @mac:	Who asks
 * @v6:		By MLD
 * @group:	For this group, or, unspecified, for all
 * @max_resp_ms: Answers within so long, at most 12.7 s
 * @interval_s:	So often
 */
struct igmp_ask {
	struct eth_addr mac;
	bool v6;
	struct in6_addr group;
	uint32_t max_resp_ms;
	uint32_t interval_s;
};

/* The source address of a query. A switch has none: 0.0.0.0 (RFC 4541, 2.1.1), and with
 * IPv6, where it must be a link-local one, one so high that routers win against it. */
struct in6_addr igmp_source(struct eth_addr mac, bool v6);

/* Write a query, as a whole frame. Return: its bytes. */
size_t igmp_build(const struct igmp_ask *ask, uint8_t frame[static IGMP_QUERY_SIZE]);

/* An IPv4 address, four bytes, in the form of both families. */
struct in6_addr igmp_mapped(const uint8_t *v4);

#endif /* SWITCHD_IGMP_H */
