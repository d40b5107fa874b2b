/* SPDX-License-Identifier: BSD-2-Clause */
/* packet.h - Frames as a case writes them, byte by byte after the standards
 *
 * Nothing here uses the code under test, so that what both get wrong in the same way is
 * found all the same.
 *
 * A frame ends with PACKET_TRAILER bytes that carry its number in the case, behind what
 * the protocol says is its length (IP packets and BPDUs may be padded). So it is known
 * again wherever it comes out, whatever tags it has there.
 */
#ifndef TESTS_TOPO_PACKET_H
#define TESTS_TOPO_PACKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/eth.h"

enum {
	PACKET_TAGS = 8,
	PACKET_TRAILER = 8,
	PACKET_MAX = 65535 + 64,
	PACKET_TEXT = 160,
};

struct packet_tag {
	uint16_t tpid;
	uint16_t tci;
};

/**
 * struct packet - A frame
 * @tag:	Its tags, the outer one first, @tags of them
 * @rest:	What follows them: EtherType (or length) and payload, @rest_size bytes
 * @cut:	So many bytes of it only, or 0: all
 */
struct packet {
	struct eth_addr dst, src;
	struct packet_tag tag[PACKET_TAGS];
	unsigned int tags;
	size_t rest_size;
	size_t cut;
	uint8_t rest[PACKET_MAX];
};

/** struct packet_bpdu - What a BPDU says (802.1D-2004, 9.3); times in seconds */
struct packet_bpdu {
	unsigned int version, type;
	unsigned int flags;
	uint64_t root, bridge;
	unsigned int cost;
	unsigned int port;
	unsigned int age, max_age, hello, delay;
};

enum { PACKET_BPDU_CONFIG = 0, PACKET_BPDU_RST = 2, PACKET_BPDU_TCN = 0x80 };

/* The payload of a frame of @type and @size bytes in all, without tags. */
void packet_data(struct packet *p, unsigned int type, size_t size);

/* A UDP datagram to a multicast group, and the MAC address that goes with it. */
void packet_udp(struct packet *p, const struct in6_addr *group);

enum packet_says { PACKET_JOIN, PACKET_LEAVE, PACKET_QUERY };

/**
 * packet_group() - A message of IGMP or MLD
 * @group:	For PACKET_QUERY all zero: a general one
 * @v6:		MLD, for a general query; else as @group is
 * @version:	Of IGMP 1 to 3; MLD has 1 for 2
 * @from:	Who says it: an IPv4 address (mapped) or an IPv6 one
 * @resp_ms:	Of a query: time for answers
 */
void packet_group(struct packet *p, enum packet_says says, const struct in6_addr *group,
		  bool v6, unsigned int version, const struct in6_addr *from,
		  unsigned int resp_ms);

void packet_bpdu(struct packet *p, const struct packet_bpdu *b);

/* Give the frame its number. */
void packet_number(struct packet *p, uint32_t number);

/* The number of a frame; false if it has none. */
bool packet_find_number(const uint8_t *bytes, size_t size, uint32_t *number);

/* The frame's bytes, with other @tags (NULL: its own). Return: how many; @out has room
 * for PACKET_MAX. */
size_t packet_bytes(const struct packet *p, const struct packet_tag *tag, unsigned int tags,
		    uint8_t *out);

/* Read a BPDU that a bridge sent. Return: false if it is none, or not a good one. */
bool packet_read_bpdu(const uint8_t *bytes, size_t size, struct packet_bpdu *b);

/* Read a query that a bridge sent, of a frame with @tags 0 or 1. Return: false if it is
 * none. The general one has no @group. */
bool packet_read_query(const uint8_t *bytes, size_t size, struct in6_addr *group, bool *v6,
		       unsigned int *vid);

/* Addresses, tags, type and size, for people. */
const char *packet_text(const uint8_t *bytes, size_t size, char text[static PACKET_TEXT]);

#endif /* TESTS_TOPO_PACKET_H */
