/* SPDX-License-Identifier: BSD-2-Clause */
/* bpdu.h - Bridge protocol data units (IEEE 802.1D-2004, clause 9) as frames
 *
 * One function reads a frame, one writes one. What a BPDU means is rstp.h's
 * business. There is nothing here but bytes: the reader is the whole of what a
 * hostile neighbour's frame meets before it is a struct bpdu.
 *
 * A BPDU travels in an 802.3 frame to a group address that no bridge forwards,
 * behind the LLC header 42 42 03:
 *
 *	kind		version  type  bytes behind the LLC header
 *	configuration	any	 0x00  35
 *	TCN		any	 0x80   4
 *	RST		2, more	 0x02  36
 *
 * Frames with a VLAN tag are not BPDUs of the one tree that there is.
 */
#ifndef SWITCHD_BPDU_H
#define SWITCHD_BPDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/eth.h"

enum {
	BPDU_FRAME_MAX = 53,		/* bytes of the largest frame written or read */
	BPDU_SECOND = 256,		/* the unit of times in BPDUs is 1/256 s */
};

/** bpdu_dst - 01:80:c2:00:00:00, where BPDUs go to */
extern const struct eth_addr bpdu_dst;

enum bpdu_kind { BPDU_CONFIG, BPDU_TCN, BPDU_RST };

/* Flags (9.3.3); a configuration BPDU has the first and the last only. */
enum {
	BPDU_TOPOLOGY_CHANGE = 0x01,
	BPDU_PROPOSAL = 0x02,
	BPDU_ROLE = 0x0c,		/* mask of these four: */
	BPDU_ROLE_UNKNOWN = 0x00,
	BPDU_ROLE_ALTERNATE = 0x04,	/* or backup */
	BPDU_ROLE_ROOT = 0x08,
	BPDU_ROLE_DESIGNATED = 0x0c,
	BPDU_LEARNING = 0x10,
	BPDU_FORWARDING = 0x20,
	BPDU_AGREEMENT = 0x40,
	BPDU_TOPOLOGY_CHANGE_ACK = 0x80,
};

/**
 * struct bpdu_vector - A spanning tree priority vector (17.5); less is better
 * @root:	Bridge identifier: a priority of 16 bits, then a MAC address
 * @cost:	Of the path to the root
 * @bridge:	Identifier of the bridge that says so
 * @port:	Identifier of its port: a priority of 4 bits, then a number of 12
 */
struct bpdu_vector {
	uint64_t root;
	uint32_t cost;
	uint64_t bridge;
	uint16_t port;
};

/** struct bpdu_times - Times in a BPDU, in 1/256 s */
struct bpdu_times {
	uint16_t message_age;
	uint16_t max_age;
	uint16_t hello;
	uint16_t forward_delay;
};

/**
 * struct bpdu - What a BPDU says
 * @flags:	Of a configuration BPDU those that it can have; none of a TCN
 * @vector:	Not of a TCN
 * @times:	Not of a TCN; as they came, in range or not
 */
struct bpdu {
	enum bpdu_kind kind;
	uint8_t flags;
	struct bpdu_vector vector;
	struct bpdu_times times;
};

enum bpdu_verdict {
	BPDU_OTHER,		/* a frame to somebody else, or of another protocol */
	BPDU_BAD,		/* a BPDU, but not one to believe (9.3.4) */
	BPDU_GOOD,
};

/**
 * bpdu_parse() - Read a frame
 * @frame:	At least the first BPDU_FRAME_MAX bytes of it, or all
 * @size:	Bytes at @frame
 * @bpdu:	Filled if it is good; else unchanged
 */
enum bpdu_verdict bpdu_parse(const uint8_t *frame, size_t size, struct bpdu *bpdu);

/**
 * bpdu_format() - Write a frame
 * @bpdu:	What to say
 * @src:	Source address
 * @frame:	Where to
 *
 * Return: bytes written; the frame is not padded
 */
size_t bpdu_format(const struct bpdu *bpdu, struct eth_addr src,
		   uint8_t frame[static BPDU_FRAME_MAX]);

/**
 * bpdu_vector_cmp() - Which vector is better?
 *
 * Return: less than 0 if @a is, 0 if they are the same, else more than 0
 */
int bpdu_vector_cmp(const struct bpdu_vector *a, const struct bpdu_vector *b);

/** bpdu_times_eq() - Are they the same? */
static inline bool bpdu_times_eq(struct bpdu_times a, struct bpdu_times b)
{
	return a.message_age == b.message_age && a.max_age == b.max_age &&
	       a.hello == b.hello && a.forward_delay == b.forward_delay;
}

#endif /* SWITCHD_BPDU_H */
