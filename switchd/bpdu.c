/* SPDX-License-Identifier: BSD-2-Clause */
/* bpdu.c - Bridge protocol data units as frames; see bpdu.h */
#include "config.h"

#include "switchd/bpdu.h"

enum {
	BPDU_TYPE_CONFIG = 0x00,
	BPDU_TYPE_RST = 0x02,
	BPDU_TYPE_TCN = 0x80,
	BPDU_VERSION_STP = 0,
	BPDU_VERSION_RSTP = 2,
	BPDU_LENGTH_MAX = 1500,		/* above, the field is a type (802.3) */
	BPDU_LLC_SIZE = 3,
	BPDU_TCN_SIZE = 4,
	BPDU_CONFIG_SIZE = 35,
	BPDU_RST_SIZE = 36,
	BPDU_CONFIG_FLAGS = BPDU_TOPOLOGY_CHANGE | BPDU_TOPOLOGY_CHANGE_ACK,
};

/* A bridge identifier. */
struct bpdu_wire_id {
	struct be32 high;
	struct be32 low;
};

/* The frame of an RST BPDU; the others end earlier. */
struct bpdu_wire {
	struct eth_hdr eth;		/* its type is a length (802.3) */
	uint8_t llc[BPDU_LLC_SIZE];
	struct be16 protocol;
	uint8_t version;
	uint8_t type;
	uint8_t flags;
	struct bpdu_wire_id root;
	struct be32 cost;
	struct bpdu_wire_id bridge;
	struct be16 port;
	struct be16 message_age;
	struct be16 max_age;
	struct be16 hello;
	struct be16 forward_delay;
	uint8_t version1_length;
};

static_assert(sizeof(struct bpdu_wire) == BPDU_FRAME_MAX,
	      "an RST BPDU's frame has 53 bytes");
static_assert(offsetof(struct bpdu_wire, protocol) + BPDU_RST_SIZE == BPDU_FRAME_MAX,
	      "an RST BPDU has 36 bytes");

const struct eth_addr bpdu_dst = { { 0x01, 0x80, 0xc2, 0x00, 0x00, 0x00 } };

static const uint8_t bpdu_llc[BPDU_LLC_SIZE] = { 0x42, 0x42, 0x03 };

static uint64_t bpdu_id_get(struct bpdu_wire_id id)
{
	return (uint64_t)be32_get(id.high) << 32 | be32_get(id.low);
}

static struct bpdu_wire_id bpdu_id(uint64_t id)
{
	return (struct bpdu_wire_id){ be32((uint32_t)(id >> 32)), be32((uint32_t)id) };
}

static void bpdu_read_body(const struct bpdu_wire *wire, struct bpdu *bpdu)
{
	bpdu->flags = wire->flags;
	bpdu->vector.root = bpdu_id_get(wire->root);
	bpdu->vector.cost = be32_get(wire->cost);
	bpdu->vector.bridge = bpdu_id_get(wire->bridge);
	bpdu->vector.port = be16_get(wire->port);
	bpdu->times.message_age = be16_get(wire->message_age);
	bpdu->times.max_age = be16_get(wire->max_age);
	bpdu->times.hello = be16_get(wire->hello);
	bpdu->times.forward_delay = be16_get(wire->forward_delay);
}

enum bpdu_verdict bpdu_parse(const uint8_t *frame, size_t size, struct bpdu *bpdu)
{
	struct bpdu_wire wire = { 0 };
	struct bpdu b = { 0 };
	size_t length;

	memcpy(&wire, frame, MIN(size, sizeof(wire)));
	if (size < offsetof(struct bpdu_wire, protocol) ||
	    !eth_addr_eq(wire.eth.dst, bpdu_dst) ||
	    memcmp(wire.llc, bpdu_llc, sizeof(bpdu_llc)) != 0)
		return BPDU_OTHER;

	/* What counts is what both the length field and the frame contain. */
	length = MIN(be16_get(wire.eth.type), size - ETH_HDR_SIZE);
	if (be16_get(wire.eth.type) > BPDU_LENGTH_MAX)
		return BPDU_OTHER;
	if (length < BPDU_LLC_SIZE + BPDU_TCN_SIZE || be16_get(wire.protocol) != 0)
		return BPDU_BAD;
	length -= BPDU_LLC_SIZE;

	switch (wire.type) {
	case BPDU_TYPE_TCN:
		b.kind = BPDU_TCN;
		break;
	case BPDU_TYPE_CONFIG:
		if (length < BPDU_CONFIG_SIZE)
			return BPDU_BAD;
		b.kind = BPDU_CONFIG;
		bpdu_read_body(&wire, &b);
		if (b.times.message_age >= b.times.max_age)
			return BPDU_BAD;
		b.flags &= BPDU_CONFIG_FLAGS;
		break;
	case BPDU_TYPE_RST:
		if (length < BPDU_RST_SIZE || wire.version < BPDU_VERSION_RSTP)
			return BPDU_BAD;
		b.kind = BPDU_RST;
		bpdu_read_body(&wire, &b);
		break;
	default:
		return BPDU_BAD;
	}
	*bpdu = b;
	return BPDU_GOOD;
}

size_t bpdu_format(const struct bpdu *bpdu, struct eth_addr src,
		   uint8_t frame[static BPDU_FRAME_MAX])
{
	struct bpdu_wire wire = {
		.eth = { .dst = bpdu_dst, .src = src },
		.flags = bpdu->flags,
		.root = bpdu_id(bpdu->vector.root),
		.cost = be32(bpdu->vector.cost),
		.bridge = bpdu_id(bpdu->vector.bridge),
		.port = be16(bpdu->vector.port),
		.message_age = be16(bpdu->times.message_age),
		.max_age = be16(bpdu->times.max_age),
		.hello = be16(bpdu->times.hello),
		.forward_delay = be16(bpdu->times.forward_delay),
	};
	size_t size;

	memcpy(wire.llc, bpdu_llc, sizeof(bpdu_llc));
	switch (bpdu->kind) {
	case BPDU_TCN:
		wire.type = BPDU_TYPE_TCN;
		size = BPDU_TCN_SIZE;
		break;
	case BPDU_CONFIG:
		wire.type = BPDU_TYPE_CONFIG;
		size = BPDU_CONFIG_SIZE;
		break;
	default:
		wire.type = BPDU_TYPE_RST;
		wire.version = BPDU_VERSION_RSTP;
		size = BPDU_RST_SIZE;
		break;
	}
	size += BPDU_LLC_SIZE;
	wire.eth.type = be16((uint16_t)size);
	size += ETH_HDR_SIZE;
	memcpy(frame, &wire, size);
	return size;
}

int bpdu_vector_cmp(const struct bpdu_vector *a, const struct bpdu_vector *b)
{
	if (a->root != b->root)
		return a->root < b->root ? -1 : 1;
	if (a->cost != b->cost)
		return a->cost < b->cost ? -1 : 1;
	if (a->bridge != b->bridge)
		return a->bridge < b->bridge ? -1 : 1;
	return (a->port > b->port) - (a->port < b->port);
}
