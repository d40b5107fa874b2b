/* SPDX-License-Identifier: BSD-2-Clause */
/* rings.c - Rows about what is in rings, what is wrong with it, and what changes
 * while it is being read
 */
#include "config.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/vnet.h"
#include "tests/vhost/front.h"

enum {
	CLOSE_MS = 1000,
	TAKE_MS = 1000,
	BUSY_PERCENT = 20,
};

/* Wrong chains. */

/* What is to become of a chain. */
enum fate {
	BREAKS,		/* the port is closed, and err rung */
	DISCARDED,	/* given back, nothing heard */
	HEARD,		/* given back, and its frame comes through */
	EITHER,		/* any of these: nobody else is hurt */
};

/**
 * struct spoilt - A chain that is not as it should be
 * @ring:	Where it is put
 * @spoil:	Makes it, beginning at descriptor @k
 * @features:	Feature bits not negotiated
 */
struct spoilt {
	const char *what;
	unsigned int ring;
	void (*spoil)(struct peer *p, struct vring_desc *table, unsigned int k);
	enum fate fate;
	uint64_t without;
};

static uint64_t end_of(const struct peer *p)
{
	return p->mem.guest + p->mem.size;
}

static struct vring_desc *other(struct peer *p, struct vring_desc *table, unsigned int k)
{
	return &table[(k + 1) & (p->entries - 1U)];
}

/* Descriptors of the frame at @k cut into pieces: an indirect table of them in the
 * buffer of the next one. Return: the table. */
static struct vring_desc *cut(struct peer *p, struct vring_desc *table, unsigned int k,
			      unsigned int pieces, unsigned int bytes)
{
	struct vring_desc *sub = (void *)(p->ring[TX].buf +
					  (size_t)((k + 1) & (p->entries - 1U)) * p->stride);
	uint64_t addr = table[k].addr;

	for (unsigned int i = 0; i < pieces; i++) {
		sub[i] = (struct vring_desc){
			.addr = addr,
			.len = bytes,
			.flags = i + 1 < pieces ? VRING_DESC_NEXT : 0,
			.next = (uint16_t)(i + 1),
		};
		if (addr + 2 * bytes < end_of(p))
			addr += bytes;
	}
	table[k] = (struct vring_desc){
		.addr = peer_guest(p, sub),
		.len = pieces * (uint32_t)sizeof(*sub),
		.flags = VRING_DESC_INDIRECT,
	};
	return sub;
}

#define SPOIL(name, ...) \
	static void name(struct peer *p, struct vring_desc *table, unsigned int k) \
	{ \
		struct vring_desc *d = &table[k], *o = other(p, table, k); \
		(void)d; (void)o; (void)p; \
		__VA_ARGS__ \
	}

SPOIL(addr_zero, d->addr = 0;)
SPOIL(addr_behind, d->addr = end_of(p);)
SPOIL(addr_before, d->addr = p->mem.guest - 1;)
SPOIL(addr_over, d->addr = end_of(p) - d->len + 1;)
SPOIL(addr_wrap, d->addr = UINT64_MAX - 10;)
SPOIL(addr_user, d->addr = peer_user(p, p->ring[TX].buf);)
SPOIL(len_huge, d->len = UINT32_MAX;)
SPOIL(len_top, d->len = 0x80000000;)
SPOIL(len_zero, d->len = 0;)
SPOIL(len_zero_wild, d->len = 0; d->addr = 0xdeadbeef000;)
SPOIL(len_zero_last, d->flags |= VRING_DESC_NEXT; d->next = (uint16_t)(o - table);
      o->len = 0; o->addr = 0xdeadbeef000; o->flags &= VRING_DESC_WRITE;)
SPOIL(len_zero_indirect, cut(p, table, k, 4, 20)[1].len = 0;)
SPOIL(next_size, d->flags |= VRING_DESC_NEXT; d->next = p->entries;)
SPOIL(next_max, d->flags |= VRING_DESC_NEXT; d->next = 0xffff;)
SPOIL(loop_self, d->flags |= VRING_DESC_NEXT; d->next = (uint16_t)k;)
SPOIL(loop_two, d->flags |= VRING_DESC_NEXT; d->next = (uint16_t)(o - table);
      o->flags |= VRING_DESC_NEXT; o->next = (uint16_t)k;)
SPOIL(indirect_next, cut(p, table, k, 2, 40); d->flags |= VRING_DESC_NEXT;)
/* Right but for being in another one. */
SPOIL(indirect_nested, struct vring_desc *sub = cut(p, table, k, 2, 36) + 2;
      *sub = *d; d->addr = peer_guest(p, sub); d->len = 16;)
SPOIL(indirect_empty, cut(p, table, k, 2, 40); d->len = 0;)
SPOIL(indirect_odd, cut(p, table, k, 2, 40); d->len = 33;)
SPOIL(indirect_4g, cut(p, table, k, 2, 40); d->len = 0xfffffff0;)
SPOIL(indirect_over, cut(p, table, k, 2, 40); d->addr = end_of(p) - 16;)
SPOIL(indirect_loop, cut(p, table, k, 2, 40)[1] = (struct vring_desc){
      d->addr, 16, VRING_DESC_NEXT, 0 };)
SPOIL(indirect_out, cut(p, table, k, 2, 40)[0].next = 2;)
SPOIL(indirect_many, cut(p, table, k, PEER_SIZE + 1U, 1);)
SPOIL(indirect_itself, d->addr = peer_guest(p, table);
      d->len = (uint32_t)(p->entries * sizeof(*d)); d->flags = VRING_DESC_INDIRECT;)
SPOIL(indirect_unaligned, struct vring_desc *sub = cut(p, table, k, 2, 36);
      memmove((uint8_t *)sub + 3, sub, 32); d->addr += 3;)
SPOIL(indirect_plain, cut(p, table, k, 2, 36);)
SPOIL(tx_writable, d->flags = VRING_DESC_WRITE;)
SPOIL(tx_mixed, d->flags |= VRING_DESC_NEXT; d->next = (uint16_t)(o - table);
      o->flags = VRING_DESC_WRITE;)
SPOIL(tx_disorder, d->flags = VRING_DESC_WRITE | VRING_DESC_NEXT;
      d->next = (uint16_t)(o - table); o->flags = 0;)
SPOIL(rx_readable, d->flags = 0;)
SPOIL(rx_mixed, d->flags = VRING_DESC_NEXT; d->next = (uint16_t)(o - table);)
SPOIL(rx_tiny, d->len = 11;)
SPOIL(bytes_12, cut(p, table, k, 72, 1);)
SPOIL(chained, d->len = 12; d->flags |= VRING_DESC_NEXT; d->next = (uint16_t)(o - table);
      o->addr = d->addr + 12; o->len = 60; o->flags = 0;)
SPOIL(head_size, p->ring[TX].vd.avail->ring[k] = p->entries;)
SPOIL(head_max, p->ring[TX].vd.avail->ring[k] = 0xffff;)
SPOIL(rx_head_size, p->ring[RX].vd.avail->ring[k] = p->entries;)

static const struct spoilt wrong_address[] = {
	{ "address 0", TX, addr_zero, BREAKS, 0 },
	{ "an address behind all memory", TX, addr_behind, BREAKS, 0 },
	{ "an address one byte too low", TX, addr_before, BREAKS, 0 },
	{ "a buffer one byte too long for its memory", TX, addr_over, BREAKS, 0 },
	{ "a buffer that wraps", TX, addr_wrap, BREAKS, 0 },
	{ "a user address", TX, addr_user, BREAKS, 0 },
	{ "4 GiB", TX, len_huge, BREAKS, 0 },
	{ "2 GiB", TX, len_top, BREAKS, 0 },
	{ "receive address 0", RX, addr_zero, BREAKS, 0 },
	{ "a receive buffer behind all memory", RX, addr_behind, BREAKS, 0 },
	{ "a receive buffer that wraps", RX, addr_wrap, BREAKS, 0 },
	{ "a receive buffer of 4 GiB", RX, len_huge, BREAKS, 0 },
	{ 0 },
};

static const struct spoilt wrong_chain[] = {
	{ "a successor just out of range", TX, next_size, BREAKS, 0 },
	{ "a successor far out of range", TX, next_max, BREAKS, 0 },
	{ "a chain that is a loop of one", TX, loop_self, BREAKS, 0 },
	{ "a chain that is a loop of two", TX, loop_two, BREAKS, 0 },
	{ "a receive chain that is a loop", RX, loop_self, BREAKS, 0 },
	{ "a receive chain that is a loop of two", RX, loop_two, BREAKS, 0 },
	{ "a receive successor out of range", RX, next_size, BREAKS, 0 },
	{ "an indirect table with a successor", TX, indirect_next, BREAKS, 0 },
	{ "an indirect table in another", TX, indirect_nested, BREAKS, 0 },
	{ "an empty indirect table", TX, indirect_empty, BREAKS, 0 },
	{ "an indirect table of 33 bytes", TX, indirect_odd, BREAKS, 0 },
	{ "an indirect table of 4 GiB", TX, indirect_4g, BREAKS, 0 },
	{ "an indirect table beyond memory", TX, indirect_over, BREAKS, 0 },
	{ "a loop in an indirect table", TX, indirect_loop, BREAKS, 0 },
	{ "a successor out of the indirect table", TX, indirect_out, BREAKS, 0 },
	{ "an indirect table longer than the ring", TX, indirect_many, BREAKS, 0 },
	{ "an indirect table that is the ring", TX, indirect_itself, BREAKS, 0 },
	{ "an indirect table that was not negotiated", TX, indirect_plain, BREAKS,
	  FEATURE(VRING_F_INDIRECT_DESC) },
	{ "an indirect table at an odd address", TX, indirect_unaligned, HEARD, 0 },
	{ "an indirect table", TX, indirect_plain, HEARD, 0 },
	{ 0 },
};

static const struct spoilt wrong_length[] = {
	{ "a buffer of nothing", TX, len_zero, BREAKS, 0 },
	{ "a buffer of nothing, nowhere", TX, len_zero_wild, BREAKS, 0 },
	{ "nothing, nowhere, as second piece", TX, len_zero_last, BREAKS, 0 },
	{ "nothing as second piece of an indirect table", TX, len_zero_indirect, BREAKS, 0 },
	{ "a receive buffer of nothing", RX, len_zero, BREAKS, 0 },
	{ "a receive buffer of nothing, nowhere", RX, len_zero_wild, BREAKS, 0 },
	{ "nothing, nowhere, as second piece to receive", RX, len_zero_last, BREAKS, 0 },
	{ 0 },
};

static const struct spoilt wrong_direction[] = {
	{ "a writable buffer to be sent", TX, tx_writable, BREAKS, 0 },
	{ "a writable piece behind readable ones", TX, tx_mixed, BREAKS, 0 },
	{ "a readable piece behind a writable one", TX, tx_disorder, BREAKS, 0 },
	{ "a readable receive buffer", RX, rx_readable, BREAKS, 0 },
	{ "a receive chain that begins readable", RX, rx_mixed, BREAKS, 0 },
	{ "a receive buffer without room for the header", RX, rx_tiny, BREAKS, 0 },
	{ 0 },
};

static const struct spoilt wrong_head[] = {
	{ "a head just out of range", TX, head_size, BREAKS, 0 },
	{ "a head far out of range", TX, head_max, BREAKS, 0 },
	{ "a receive head out of range", RX, rx_head_size, BREAKS, 0 },
	{ 0 },
};

static const struct spoilt small_pieces[] = {
	{ "header and frame byte by byte", TX, bytes_12, HEARD, 0 },
	{ "header and frame in a piece each", TX, chained, HEARD, 0 },
	{ 0 },
};

static bool open_without(struct peer *p, uint64_t without)
{
	return peer_connect(p, sw.vhost) &&
	       peer_greet(p, PEER_FEATURES & ~without, PEER_PROTOCOL) &&
	       peer_lay(p, 1, PEER_SIZE, PEER_STRIDE, 0) && peer_start(p);
}

/* Wait until all that was offered for sending has come back. */
static bool all_taken(struct peer *p, unsigned int ring, unsigned int ms)
{
	uint64_t end = now_us() + ms * 1000ULL;

	do {
		peer_transmit(p, ring, 0);
		if (!vring_driver_pending(&p->ring[ring].vd))
			return true;
		sleep_ms(1);
	} while (now_us() < end);
	return false;
}

static void check_broken(struct peer *p, const struct spoilt *s)
{
	eventfd_t rung = 0;

	EXPECT(peer_is_closed(p, CLOSE_MS), "%s: the port stays", s->what);
	EXPECT(!eventfd_read(p->ring[s->ring].err, &rung) && rung, "%s: err is not rung", s->what);
}

/* Put a chain into a ring, among @around good ones, and see what becomes of it. */
static void spoil(const struct spoilt *s, unsigned int around)
{
	struct vring_driver *vd;
	uint64_t heard;
	struct peer p;
	unsigned int k;

	if (!open_without(&p, s->without))
		goto out;
	vd = &p.ring[s->ring].vd;
	if (s->ring == RX) {
		peer_receive(&p, RX);
		k = (vd->next_used + around) & (p.entries - 1U);
		s->spoil(&p, vd->desc, k);
		canary_feed_once(p.addr, around + 1, 100);
		check_broken(&p, s);
		goto out;
	}
	heard = canary_heard();
	k = (vd->next_avail + around) & (p.entries - 1U);
	/* The available ring is written when the chain is offered. */
	for (unsigned int i = 0; i < around + 1; i++)
		vring_driver_add(vd, vd->next_avail & (uint16_t)(p.entries - 1));
	s->spoil(&p, vd->desc, k);
	if (vring_driver_publish(vd))
		peer_kick(&p, TX);
	if (s->fate == BREAKS) {
		check_broken(&p, s);
		goto out;
	}
	if (s->fate == EITHER) {
		sleep_ms(20);
		goto out;
	}
	EXPECT(all_taken(&p, TX, TAKE_MS), "%s: not given back", s->what);
	sleep_ms(5);
	heard = canary_heard() - heard;
	EXPECT(heard == around + (s->fate == HEARD), "%s: %" PRIu64 " of %u frames come through",
	       s->what, heard, around + 1);
	for (unsigned int i = 0; i < 2; i++)
		vd->desc[(k + i) & (p.entries - 1U)] = (struct vring_desc){
			.addr = peer_guest(&p, p.ring[TX].buf +
					   ((k + i) & (p.entries - 1U)) * (size_t)p.stride),
		};
	peer_works(&p, s->what);
out:
	peer_close(&p);
}

static void spoil_all(const struct spoilt *s)
{
	for (; s->what; s++) {
		spoil(s, 0);
		spoil(s, 5);
		/* Beyond one batch. */
		spoil(s, 70);
	}
}

static void vu40(void)
{
	spoil_all(wrong_address);
}

static void vu41(void)
{
	spoil_all(wrong_chain);
}

static void vu42(void)
{
	spoil_all(wrong_length);
}

static void vu43(void)
{
	uint64_t heard;
	struct peer p;

	if (peer_open(&p)) {
		heard = canary_heard();
		for (unsigned int len = 1; len < p.hdr + ETH_HDR_SIZE; len++) {
			struct vring_driver *vd = &p.ring[TX].vd;

			vd->desc[vd->next_avail & (p.entries - 1U)].len = len;
			peer_transmit(&p, TX, 1);
			EXPECT(all_taken(&p, TX, TAKE_MS), "%u bytes are not given back", len);
		}
		sleep_ms(5);
		EXPECT(canary_heard() == heard, "frames of less than a header come through");
		peer_works(&p, "after runts");
	}
	peer_close(&p);
}

static void vu44(void)
{
	spoil_all(small_pieces);
}

/* A frame of @pieces pieces of @bytes each. */
static void long_chain(unsigned int pieces, unsigned int bytes, enum fate fate)
{
	struct vring_driver *vd;
	struct vring_desc *sub;
	struct peer p;

	if (!peer_connect(&p, sw.vhost) || !peer_greet(&p, PEER_FEATURES, PEER_PROTOCOL) ||
	    !peer_lay(&p, 1, 2048, PEER_STRIDE, 0) || !peer_start(&p))
		goto out;
	vd = &p.ring[TX].vd;
	sub = (void *)(p.ring[TX].buf + 1000 * (size_t)p.stride);
	for (unsigned int i = 0; i < pieces; i++)
		sub[i] = (struct vring_desc){
			.addr = peer_guest(&p, p.ring[TX].buf) + i % 16 * bytes,
			.len = bytes,
			.flags = i + 1 < pieces ? VRING_DESC_NEXT : 0,
			.next = (uint16_t)(i + 1),
		};
	/* Head and header of a good frame. */
	sub[0].addr = vd->desc[vd->next_avail & 2047].addr;
	vd->desc[vd->next_avail & 2047] = (struct vring_desc){
		peer_guest(&p, sub), pieces * 16, VRING_DESC_INDIRECT, 0,
	};
	peer_transmit(&p, TX, 1);
	if (fate == BREAKS) {
		EXPECT(peer_is_closed(&p, CLOSE_MS), "%u pieces of %u bytes: the port stays", pieces,
		       bytes);
	} else {
		EXPECT(all_taken(&p, TX, TAKE_MS), "%u pieces of %u bytes: not given back",
		       pieces, bytes);
		peer_works(&p, "after a long chain");
	}
out:
	peer_close(&p);
}

static void vu45(void)
{
	long_chain(1024, 64, HEARD);
	long_chain(1024, 128, DISCARDED);
	long_chain(1023, 2048, DISCARDED);
	long_chain(1025, 64, BREAKS);
	long_chain(2049, 1, BREAKS);
	long_chain(2, 0x800, HEARD);
}

static void vu46(void)
{
	spoil_all(wrong_direction);
}

static void vu47(void)
{
	struct vring_driver *vd;
	uint64_t heard;
	struct peer p;

	spoil_all(wrong_head);
	/* The same one again and again: that many frames. */
	if (peer_open(&p)) {
		vd = &p.ring[TX].vd;
		heard = canary_heard();
		for (unsigned int i = 0; i < 100; i++)
			vring_driver_add(vd, 7);
		if (vring_driver_publish(vd))
			peer_kick(&p, TX);
		EXPECT(all_taken(&p, TX, TAKE_MS), "one head 100 times: not given back");
		sleep_ms(5);
		EXPECT(canary_heard() - heard == 100, "one head 100 times: %" PRIu64 " frames",
		       canary_heard() - heard);
		/* To receive with, too; the frames overwrite each other. */
		vd = &p.ring[RX].vd;
		for (unsigned int i = 0; i < p.entries; i++)
			vd->avail->ring[i] = 3;
		canary_feed_once(p.addr, 200, 1000);
		sleep_ms(20);
		EXPECT(peer_receive(&p, RX) == 200, "one receive buffer 200 times: lost some");
		for (unsigned int i = 0; i < p.entries; i++)
			vd->avail->ring[i] = (uint16_t)i;
		peer_works(&p, "after heads offered twice");
	}
	peer_close(&p);
}

static void vu48(void)
{
	static const uint16_t jumps[] = { PEER_SIZE + 1, 1000, 0x7fff, 0x8000, 0xffff, 0xfff0 };

	for (unsigned int i = 0; i < 2 * ARRAY_SIZE(jumps); i++) {
		uint16_t jump = jumps[i / 2];
		unsigned int ring = i & 1;
		struct vring_driver *vd;
		eventfd_t rung = 0;
		struct peer p;

		if (peer_open(&p)) {
			vd = &p.ring[ring].vd;
			peer_receive(&p, RX);
			/* From what the switch has taken so far. */
			vd->avail->idx = (uint16_t)(vd->next_used + jump);
			peer_kick(&p, ring);
			if (ring == RX)
				canary_feed_once(p.addr, PEER_SIZE + 10, 100);
			EXPECT(peer_is_closed(&p, CLOSE_MS), "ring %u: an index that jumped by %u: "
			       "the port stays", ring, jump);
			EXPECT(!eventfd_read(p.ring[ring].err, &rung), "err is not rung");
		}
		peer_close(&p);
	}
}

/* @n frames each way, through indices that wrap, none lost on the way in. */
static void through(struct peer *p, unsigned int n)
{
	uint64_t heard = canary_heard(), end = now_us() + 20000000;
	unsigned int sent = 0, came = 0;

	canary_feed(p->addr, 32, 100);
	while ((sent < n || canary_heard() - heard < sent || came < n) && now_us() < end) {
		uint64_t under_way = sent - (canary_heard() - heard);

		if (sent < n && under_way < 128)
			sent += peer_transmit(p, TX, (unsigned int)MIN(128 - under_way,
								       (uint64_t)(n - sent)));
		else
			peer_transmit(p, TX, 0);
		came += peer_receive(p, RX);
		if (under_way >= 128)
			sched_yield();
	}
	canary_feed(p->addr, 0, 100);
	EXPECT(canary_heard() - heard == n, "%" PRIu64 " of %u frames came through",
	       canary_heard() - heard, n);
	EXPECT(came >= n, "%u of %u frames came to it", came, n);
}

static void vu49(void)
{
	struct peer p;

	if (peer_open(&p))
		through(&p, 70000);
	peer_close(&p);
	/* Beginning near the end. */
	if (peer_connect(&p, sw.vhost) && peer_greet(&p, PEER_FEATURES, PEER_PROTOCOL) &&
	    peer_lay(&p, 1, PEER_SIZE, PEER_STRIDE, 0) && peer_give_memory(&p)) {
		for (unsigned int r = 0; r < 2; r++) {
			struct vring_driver *vd = &p.ring[r].vd;

			vd->next_avail = vd->shown = vd->next_used = vd->used_idx = 0xfff0;
			vd->avail->idx = vd->used->idx = 0xfff0;
			if (r == RX) {
				for (unsigned int i = 0; i < p.entries; i++)
					vring_driver_add(vd, (uint16_t)i);
				if (vring_driver_publish(vd))
					peer_kick(&p, RX);
			}
			vring_driver_suppress_calls(vd);
			peer_give_ring(&p, r, 0xfff0);
		}
		if (peer_works(&p, "from index 0xfff0"))
			through(&p, 1000);
	}
	peer_close(&p);
}

/* Races. */

enum racing {
	RACE_LEN, RACE_ADDR, RACE_FLAGS, RACE_NEXT, RACE_AVAIL_RING, RACE_AVAIL_IDX,
	RACE_EVENTS, RACE_INDIRECT, RACE_PAYLOAD, RACE_USED, RACE_ALL, RACES,
};

struct racer {
	struct peer *p;
	enum racing kind;
	uint64_t seed;
	atomic_bool stop;
};

/* One stroke on one ring. Values that are right most of the time, so that the race
 * goes on for a while. */
static void race_stroke(struct racer *r, unsigned int ring)
{
	struct peer *p = r->p;
	struct vring_driver *vd = &p->ring[ring].vd;
	uint64_t x = random64(&r->seed);
	unsigned int k = (unsigned int)(x >> 8) & (p->entries - 1U);
	volatile struct vring_desc *d = &vd->desc[k];
	bool evil = !(x >> 40 & 0xfff);
	uint8_t *mem = p->mem.p + ring * (p->mem.size / 2);

	switch (r->kind == RACE_ALL ? (enum racing)(x >> 20 & 7) : r->kind) {
	case RACE_LEN:
		d->len = evil ? (uint32_t)x : (uint32_t)(x >> 32) % 300 + 1;
		break;
	case RACE_ADDR:
		d->addr = evil ? x : end_of(p) - 300 + (x >> 32) % 301;
		break;
	case RACE_FLAGS:
		d->flags = evil ? (uint16_t)x : (uint16_t)((x >> 20 & 1) | (ring ? 0 : VRING_DESC_WRITE));
		break;
	case RACE_NEXT:
		d->next = evil ? (uint16_t)x : (uint16_t)k + 1;
		d->flags = (uint16_t)((x >> 32 & 7 ? 0 : VRING_DESC_NEXT) |
				      (ring ? 0 : VRING_DESC_WRITE));
		break;
	case RACE_AVAIL_RING:
		((volatile uint16_t *)vd->avail->ring)[k] =
			(uint16_t)(evil ? x : x >> 30 & (p->entries - 1U));
		break;
	case RACE_AVAIL_IDX:
		/* As the real one is now, or a little before or behind. */
		((volatile struct vring_avail *)vd->avail)->idx =
			(uint16_t)(evil ? x : vd->next_avail - (x >> 30 & 3) + (x >> 33 & 1));
		break;
	case RACE_EVENTS:
		((volatile uint16_t *)vd->avail->ring)[p->entries] = (uint16_t)(x >> 16);
		((volatile struct vring_avail *)vd->avail)->flags = (uint16_t)(x >> 32 & 1);
		((volatile uint16_t *)(void *)&vd->used->ring[p->entries])[0] = (uint16_t)(x >> 40);
		((volatile struct vring_used *)vd->used)->flags = (uint16_t)(x >> 33 & 1);
		break;
	case RACE_INDIRECT: {
		volatile struct vring_desc *sub = (void *)p->ring[TX].buf;

		sub[x >> 20 & 15] = (struct vring_desc){
			evil ? x : end_of(p) - 300 + (x >> 32) % 200, evil ? (uint32_t)x :
			(uint32_t)(x >> 32) % 100 + 1, (uint16_t)(x >> 50 & 1),
			(uint16_t)(x >> 24 & 15),
		};
		if (ring == TX)
			*d = (struct vring_desc){ peer_guest(p, p->ring[TX].buf), 256,
						  VRING_DESC_INDIRECT, 0 };
		break;
	}
	case RACE_PAYLOAD:
		((volatile uint64_t *)(void *)p->ring[ring].buf)
			[x >> 8 & (p->entries * p->stride / 8 - 1)] = x;
		break;
	case RACE_USED:
		((volatile struct vring_used *)vd->used)->idx = (uint16_t)(x >> 16);
		((volatile struct vring_used_elem *)vd->used->ring)[k].id = (uint32_t)x;
		break;
	default:
		if (evil)
			mem[(x >> 12) % (p->mem.size / 2)] = (uint8_t)x;
		break;
	}
}

static void *race_thread(void *arg)
{
	struct racer *r = arg;

	while (!r->stop)
		for (unsigned int i = 0; i < 64; i++)
			race_stroke(r, i & 1);
	return NULL;
}

/* Push frames out and swallow what comes, whatever the rings say. The rate is such
 * that what gets lost of it is flooded to honest ports without drowning them. */
static void race_traffic(struct peer *p, uint64_t *seed, uint64_t end)
{
	for (unsigned int turn = 0; now_us() < end; turn++) {
		struct pollfd closed = { .fd = p->sock, .events = POLLIN };
		uint64_t x = random64(seed);

		for (unsigned int r = 0; r < 2; r++) {
			struct vring_driver *vd = &p->ring[r].vd;
			uint16_t used = __atomic_load_n(&vd->used->idx, __ATOMIC_ACQUIRE);
			unsigned int n = r == RX ? p->entries : 16;

			/* Whatever came back is offered again. */
			if ((uint16_t)(vd->next_avail - used) > p->entries)
				used = (uint16_t)(vd->next_avail - p->entries);
			while (n-- && (uint16_t)(vd->next_avail - used) < p->entries)
				vring_driver_add(vd, vd->next_avail & (uint16_t)(p->entries - 1));
			if (vring_driver_publish(vd) || !(turn & 15))
				peer_kick(p, r);
		}
		/* And now and then a message. */
		if (!(x & 0x3f)) {
			const struct vhost_state s = { x >> 8 & 1, x >> 9 & 1 };

			peer_say(p, VHOST_SET_VRING_ENABLE, VHOST_VERSION, &s, sizeof(s), NULL, 0);
		}
		if (!(x & 0xff0)) {
			const struct vhost_memory m = { .count = 1,
							.region = { shared_region(&p->mem) } };

			peer_say(p, VHOST_SET_MEM_TABLE, VHOST_VERSION, &m,
				 offsetof(struct vhost_memory, region[1]), &p->mem.fd, 1);
		}
		if (poll(&closed, 1, 0) == 1 && closed.revents)
			return;
		sleep_ms(0);
		usleep(60);
	}
}

static void race(enum racing kind, double seconds)
{
	uint64_t end = now_us() + (uint64_t)(seconds * 1e6), seed = (uint64_t)kind;
	unsigned int connections = 0, ended = 0;

	while (now_us() < end && !row_failed()) {
		struct racer r = { .kind = kind, .seed = (uint64_t)kind << 32 | connections };
		pthread_t thread;
		struct peer p;

		if (!peer_open(&p)) {
			peer_close(&p);
			break;
		}
		connections++;
		r.p = &p;
		canary_feed(p.addr, 16, 60 + (unsigned int)(random64(&seed) % 1400));
		pthread_create(&thread, NULL, race_thread, &r);
		race_traffic(&p, &seed, MIN(end, now_us() + 60000));
		r.stop = true;
		pthread_join(thread, NULL);
		canary_feed(p.addr, 0, 60);
		ended += peer_is_closed(&p, 0);
		peer_close(&p);
		if (!sw_lives())
			return;
	}
	EXPECT(connections, "no race took place");
	row_note("VU-50: race %d: %u connections", (int)kind, connections);
}

#define RACE(name, kind) \
	static void name(void) { race(kind, race_seconds / 2); }

RACE(race_len, RACE_LEN)
RACE(race_addr, RACE_ADDR)
RACE(race_flags, RACE_FLAGS)
RACE(race_next, RACE_NEXT)
RACE(race_avail_ring, RACE_AVAIL_RING)
RACE(race_avail_idx, RACE_AVAIL_IDX)
RACE(race_indirect, RACE_INDIRECT)
RACE(race_payload, RACE_PAYLOAD)
RACE(race_used, RACE_USED)
RACE(race_all, RACE_ALL)

/* Toggles: one word, and always the one that is read next, goes to and fro between
 * what is right and what is not, as fast as that can be. Who reads it twice believes
 * one and uses the other. All chains are the same one, at the very end of memory;
 * what it may reach is TOGGLE_GOOD bytes, and its frames say so. */

enum { TOGGLE_GOOD = CANARY_SHORT, TOGGLE_EVIL = 40000, TOGGLE_ENTRIES = 256 };

enum toggling {
	TOGGLE_LEN, TOGGLE_ADDR, TOGGLE_NEXT, TOGGLE_HEAD, TOGGLE_IDX, TOGGLE_SUB_LEN,
	TOGGLE_SUB_ADDR, TOGGLE_SUB_NEXT, TOGGLE_SUB_SIZE, TOGGLES,
};

struct toggle {
	void *at;
	unsigned int size;
	uint64_t good, evil;
	uint64_t seed;
	atomic_bool stop;
};

static void toggle_store(const struct toggle *t, uint64_t value)
{
	switch (t->size) {
	case 2:
		*(volatile uint16_t *)t->at = (uint16_t)value;
		break;
	case 4:
		*(volatile uint32_t *)t->at = (uint32_t)value;
		break;
	default:
		*(volatile uint64_t *)t->at = value;
	}
}

static void toggle_rest(struct toggle *t, unsigned int most)
{
	unsigned int rest = (unsigned int)random64(&t->seed) & most;

	/* Out of the store buffer, or nobody ever sees it. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	while (rest--)
		__builtin_ia32_pause();
}

static void *toggle_thread(void *arg)
{
	struct toggle *t = arg;
	/* The longer it is wrong, the sooner it is seen to be. */
	const unsigned int wrong = (1U << random64(&t->seed) % 5) - 1;

	while (!t->stop) {
		toggle_store(t, t->evil);
		toggle_rest(t, wrong);
		toggle_store(t, t->good);
		toggle_rest(t, 15);
	}
	return NULL;
}

/* Make the one chain of ring @ring, and say what of it is to be toggled. */
static void toggle_make(struct peer *p, unsigned int ring, enum toggling kind,
			struct toggle *t)
{
	struct vring_driver *vd = &p->ring[ring].vd;
	const uint16_t write = ring == RX ? VRING_DESC_WRITE : 0;
	struct vring_desc *sub = (void *)p->ring[ring].buf, *d = vd->desc;
	uint8_t *end = p->mem.p + p->mem.size, *f = end - TOGGLE_GOOD + p->hdr;
	const uint64_t at = end_of(p) - TOGGLE_GOOD;

	memset(end - TOGGLE_GOOD, 0, TOGGLE_GOOD);
	memcpy(f, canary_feeder.b, ETH_ADDR_SIZE);
	memcpy(f + ETH_ADDR_SIZE, p->addr.b, ETH_ADDR_SIZE);
	f[12] = 0x88;
	f[13] = 0xb6;
	for (unsigned int i = 0; i < p->entries; i++)
		vd->avail->ring[i] = 0;
	/* The head is not toggled itself where pieces or tables are. */
	d[0] = (struct vring_desc){ at, TOGGLE_GOOD, write, 0 };
	d[1] = sub[1] = (struct vring_desc){ at + 64, TOGGLE_GOOD - 64, write, 0 };
	sub[0] = (struct vring_desc){ at, 64, (uint16_t)(write | VRING_DESC_NEXT), 1 };
	if (kind == TOGGLE_NEXT)
		d[0] = sub[0];
	if (kind >= TOGGLE_SUB_LEN)
		d[0] = (struct vring_desc){ peer_guest(p, sub), 32, VRING_DESC_INDIRECT, 0 };
	switch (kind) {
	case TOGGLE_LEN:
		*t = (struct toggle){ &d[0].len, 4, TOGGLE_GOOD, TOGGLE_EVIL, 0, false };
		break;
	case TOGGLE_ADDR:
		*t = (struct toggle){ &d[0].addr, 8, at, 1ULL << 46, 0, false };
		break;
	case TOGGLE_NEXT:
		*t = (struct toggle){ &d[0].next, 2, 1, 0xfff0, 0, false };
		break;
	case TOGGLE_HEAD:
		*t = (struct toggle){ &vd->avail->ring[0], 2, 0, 0xfff0, 0, false };
		break;
	case TOGGLE_IDX:
		*t = (struct toggle){ &vd->avail->idx, 2, vd->next_avail, 0, 0, false };
		break;
	case TOGGLE_SUB_LEN:
		*t = (struct toggle){ &sub[1].len, 4, TOGGLE_GOOD - 64, TOGGLE_EVIL, 0, false };
		break;
	case TOGGLE_SUB_ADDR:
		*t = (struct toggle){ &sub[1].addr, 8, at + 64, 1ULL << 46, 0, false };
		break;
	case TOGGLE_SUB_NEXT:
		*t = (struct toggle){ &sub[0].next, 2, 1, 0xfff0, 0, false };
		break;
	default:
		*t = (struct toggle){ &d[0].len, 4, 32, 0xfffffff0, 0, false };
		break;
	}
}

/* One connection with one word that is toggled. */
static void toggle_once(enum toggling kind, unsigned int ring, uint64_t end)
{
	/* A head is read again sooner in a ring of two. */
	const uint16_t entries = kind == TOGGLE_HEAD ? 2 : TOGGLE_ENTRIES;
	struct vring_driver *vd;
	struct toggle t;
	pthread_t thread;
	struct peer p;

	if (!peer_connect(&p, sw.vhost) || !peer_greet(&p, PEER_FEATURES, PEER_PROTOCOL) ||
	    !peer_lay(&p, 1, entries, PEER_STRIDE, 0) || !peer_start(&p)) {
		peer_close(&p);
		return;
	}
	peer_receive(&p, RX);
	vd = &p.ring[ring].vd;
	toggle_make(&p, ring, kind, &t);
	t.seed = now_us();
	canary_feed(p.addr, ring == RX ? 32 : 0, 60);
	if (!pthread_create(&thread, NULL, toggle_thread, &t)) {
		while (now_us() < end && !peer_is_closed(&p, 0)) {
			for (unsigned int i = 0; i < 64; i++) {
				uint16_t used = __atomic_load_n(&vd->used->idx, __ATOMIC_ACQUIRE);

				vd->next_avail = (uint16_t)(used + entries);
				if (kind == TOGGLE_IDX)
					t.good = vd->next_avail;
				else
					__atomic_store_n(&vd->avail->idx, vd->next_avail,
							 __ATOMIC_RELEASE);
				peer_kick(&p, ring);
			}
		}
		t.stop = true;
		pthread_join(thread, NULL);
	}
	canary_feed(p.addr, 0, 60);
	peer_close(&p);
}

static void vu50_toggles(void)
{
	const double share = race_seconds / TOGGLES;
	unsigned int connections = 0;

	(void)canary_too_long();
	for (unsigned int kind = 0; kind < TOGGLES && !row_failed(); kind++) {
		for (unsigned int ring = 0; ring < 2; ring++) {
			uint64_t end = now_us() + (uint64_t)(share * 1e6);

			while (now_us() < end && !row_failed() && sw_lives()) {
				toggle_once((enum toggling)kind, ring, end);
				connections++;
			}
		}
		if (!sw_lives()) {
			row_note("VU-50: that was toggle %u", kind);
			return;
		}
		EXPECT(!canary_too_long(), "toggle %u: frames longer than their memory come through",
		       kind);
	}
	row_note("VU-50: toggles on %u connections", connections);
}

/* Events at random: notifications may be too many or too few, never a ring stuck. */
static void vu53(void)
{
	struct racer r = { .kind = RACE_EVENTS, .seed = 53 };
	uint64_t end = now_us() + (uint64_t)(race_seconds * 1e6);
	pthread_t thread;
	struct peer p;

	if (peer_open(&p)) {
		r.p = &p;
		canary_feed(p.addr, 16, 100);
		pthread_create(&thread, NULL, race_thread, &r);
		while (now_us() < end) {
			peer_transmit(&p, TX, 32);
			peer_receive(&p, RX);
			/* Our own look at whether to kick is at a random number, too. */
			peer_kick(&p, TX);
			peer_kick(&p, RX);
			usleep(200);
		}
		r.stop = true;
		pthread_join(thread, NULL);
		canary_feed(p.addr, 0, 100);
		/* What the switch wants to be told of is at random as well, until it
		 * says so again. */
		peer_kick(&p, TX);
		peer_kick(&p, RX);
		sleep_ms(20);
		peer_works(&p, "after events at random");
		through(&p, 1000);
	}
	peer_close(&p);
}

/* Receive rings. */

/* What the switch uses of a processor just now. The canary is quiet meanwhile. */
static void check_not_busy(const char *when)
{
	uint64_t before, t;
	unsigned int percent;

	canary_pause(true);
	sleep_ms(30);
	before = sw_cpu_us();
	t = now_us();
	sleep_ms(200);
	percent = (unsigned int)((sw_cpu_us() - before) * 100 / (now_us() - t));
	canary_pause(false);
	EXPECT(percent < BUSY_PERCENT, "%s: the switch uses %u %% of a processor", when, percent);
}

/* Put @n buffers of @len bytes into the receive ring of a peer that has none there. */
static void offer(struct peer *p, unsigned int n, uint32_t len)
{
	struct vring_driver *vd = &p->ring[RX].vd;

	for (unsigned int i = 0; i < n; i++) {
		unsigned int k = vd->next_avail & (p->entries - 1U);

		vd->desc[k].len = len;
		vring_driver_add(vd, (uint16_t)k);
	}
	if (vring_driver_publish(vd))
		peer_kick(p, RX);
}

/* Use up what is in the receive ring. */
static bool starve(struct peer *p)
{
	struct vring_driver *vd = &p->ring[RX].vd;
	uint32_t len;

	for (unsigned int tries = 0; vring_driver_pending(vd) && tries < 1000; tries++) {
		canary_feed_once(p->addr, MIN(vring_driver_pending(vd), (uint16_t)100), 100);
		for (unsigned int ms = 0; ms < 3; ms++) {
			while (vring_driver_get(vd, &len) >= 0)
				;
			sleep_ms(1);
		}
	}
	EXPECT(!vring_driver_pending(vd), "its receive ring does not run empty");
	return !vring_driver_pending(vd);
}

/* Take one frame of @size bytes in, of as many buffers as it has. */
static void take_merged(struct peer *p, unsigned int size, const char *when)
{
	struct vring_driver *vd = &p->ring[RX].vd;
	size_t want = p->hdr + size, got = 0;
	unsigned int buffers = 0, said = 0;
	bool good = true;
	uint32_t len;
	int32_t id;

	for (unsigned int ms = 0; !vring_driver_has_used(vd) && ms < TAKE_MS; ms++)
		sleep_ms(1);
	while ((id = vring_driver_get(vd, &len)) >= 0) {
		const uint8_t *b = p->ring[RX].buf + (size_t)id * p->stride;

		if (!got)
			said = (unsigned int)(b[10] | b[11] << 8);
		for (size_t i = 0; i < len; i++)
			if (got + i >= p->hdr + ETH_HDR_SIZE)
				good &= b[i] == 'f';
		got += len;
		buffers++;
	}
	EXPECT(got == want, "%s: %zu bytes instead of %zu", when, got, want);
	EXPECT(said == buffers, "%s: %u buffers, and the header says %u", when, buffers, said);
	EXPECT(good, "%s: the frame is altered", when);
}

static void vu51(void)
{
	uint32_t len;
	struct peer p;

	if (peer_open(&p) && starve(&p)) {
		for (unsigned int n = 1; n <= 12; n++) {
			char when[64];

			snprintf(when, sizeof(when), "buffers of %u bytes", 1512 / n + 1);
			offer(&p, n, 1512 / n + 1);
			canary_feed_once(p.addr, 1, 1500);
			take_merged(&p, 1500, when);
		}
		/* Too few: nothing may be delivered, and nobody may spin. */
		offer(&p, 3, 200);
		canary_feed_once(p.addr, 1, 1500);
		sleep_ms(20);
		EXPECT(!vring_driver_has_used(&p.ring[RX].vd),
		       "a frame is delivered into buffers that are too few");
		check_not_busy("buffers too few for the frame that waits");
		offer(&p, 10, 200);
		take_merged(&p, 1500, "buffers that came later");
	}
	peer_close(&p);
	/* Chains of very many pieces. */
	if (peer_connect(&p, sw.vhost) && peer_greet(&p, PEER_FEATURES, PEER_PROTOCOL) &&
	    peer_lay(&p, 1, 2048, PEER_STRIDE, 0) && peer_start(&p) && starve(&p)) {
		struct vring_driver *vd = &p.ring[RX].vd;
		struct vring_desc *sub = (void *)p.ring[TX].buf;

		for (unsigned int i = 0; i < 1000; i++)
			sub[i] = (struct vring_desc){
				peer_guest(&p, p.ring[RX].buf) + i, 1,
				VRING_DESC_WRITE | (i < 999 ? VRING_DESC_NEXT : 0),
				(uint16_t)(i + 1),
			};
		for (unsigned int i = 0; i < 64; i++) {
			vd->desc[i] = (struct vring_desc){ peer_guest(&p, sub), 16000,
							   VRING_DESC_INDIRECT, 0 };
			vring_driver_add(vd, (uint16_t)i);
		}
		if (vring_driver_publish(vd))
			peer_kick(&p, RX);
		canary_feed_once(p.addr, 1, 1500);
		sleep_ms(20);
		check_not_busy("receive chains of 1000 pieces each");
	}
	peer_close(&p);
	/* Without merging, a frame that is too long is dropped, the buffer kept. */
	if (peer_connect(&p, sw.vhost) &&
	    peer_greet(&p, PEER_FEATURES & ~FEATURE(VNET_F_MRG_RXBUF), PEER_PROTOCOL) &&
	    peer_lay(&p, 1, PEER_SIZE, PEER_STRIDE, 0) && peer_start(&p) && starve(&p)) {
		offer(&p, 5, 500);
		canary_feed_once(p.addr, 3, 1500);
		sleep_ms(20);
		EXPECT(vring_driver_get(&p.ring[RX].vd, &len) < 0,
		       "a frame is delivered into a buffer that is too small");
		check_not_busy("frames too long for all buffers");
		canary_feed_once(p.addr, 1, 400);
		take_merged(&p, 400, "a frame that fits");
	}
	peer_close(&p);
}

static void vu52(void)
{
	struct peer p;

	if (peer_open(&p)) {
		struct vring_driver *vd = &p.ring[RX].vd;

		/* Kicks only when asked for: one lost is found at once. */
		for (unsigned int round = 0; round < 60 && !row_failed(); round++) {
			unsigned int ms = round ? round % 7 * 3 : 3000;
			unsigned int came = 0;
			uint32_t len;

			canary_feed(p.addr, 64, 200);
			for (unsigned int i = 0; vring_driver_pending(vd) && i < 1000; i++) {
				while (vring_driver_get(vd, &len) >= 0)
					;
				sleep_ms(1);
			}
			EXPECT(!vring_driver_pending(vd), "the ring does not run empty");
			sleep_ms(ms);
			if (!round)
				check_not_busy("an empty receive ring");
			offer(&p, round & 1 ? 1 : PEER_SIZE, PEER_STRIDE);
			for (unsigned int i = 0; !came && i < TAKE_MS; i++) {
				while (vring_driver_get(vd, &len) >= 0)
					came++;
				if (!came)
					sleep_ms(1);
			}
			EXPECT(came, "round %u: no frame comes into the buffers that came", round);
			offer(&p, (uint16_t)(PEER_SIZE - vring_driver_pending(vd)), PEER_STRIDE);
		}
		canary_feed(p.addr, 0, 200);
		sleep_ms(10);
		peer_works(&p, "after 60 empty rings");
	}
	peer_close(&p);
}

static void vu54(void)
{
	enum { FRAMES = 500 };
	static const struct vnet_hdr good = { .num_buffers = { { 1, 0 } } };
	uint64_t seed = 54;
	struct peer p, q;
	unsigned int came = 0;

	if (peer_open(&p) && peer_open(&q)) {
		for (unsigned int i = 0; i < FRAMES; i++) {
			struct vring_driver *vd = &p.ring[TX].vd, *in = &q.ring[RX].vd;
			unsigned int k = vd->next_avail & (p.entries - 1U);
			uint8_t *hdr = p.ring[TX].buf + (size_t)k * p.stride;
			uint32_t len;
			int32_t id;

			peer_frame(&p, TX, k, q.addr, 60 + i);
			for (unsigned int b = 0; b < p.hdr; b++)
				hdr[b] = (uint8_t)random64(&seed);
			peer_transmit(&p, TX, 1);
			EXPECT(all_taken(&p, TX, TAKE_MS), "a header of garbage: not taken");
			for (unsigned int ms = 0; ms < TAKE_MS && !vring_driver_has_used(in); ms++)
				sleep_ms(1);
			while ((id = vring_driver_get(in, &len)) >= 0) {
				const uint8_t *b = q.ring[RX].buf + (size_t)id * q.stride;

				came += len == q.hdr + 60 + i;
				EXPECT(!memcmp(b, &good, sizeof(good)), "the header of a frame is "
				       "%02x %02x %02x %02x ...", b[0], b[1], b[2], b[3]);
				vring_driver_add(in, (uint16_t)id);
			}
			if (vring_driver_publish(in))
				peer_kick(&q, RX);
		}
		EXPECT(came == FRAMES, "%u of %u frames came", came, FRAMES);
	}
	peer_close(&p);
	peer_close(&q);
}

/* The end of a front end, and its coming back. */

static void vu59(void)
{
	static struct held before;
	char why[PORTS_TEXT + 256];
	uint64_t longest = 0;

	sw_held(&before);
	for (unsigned int round = 0; round < 20 && !row_failed(); round++) {
		struct peer p;
		uint64_t t;

		if (peer_open(&p)) {
			canary_feed(p.addr, 64, 500);
			for (unsigned int i = 0; i < 50 + round * 10; i++) {
				peer_transmit(&p, TX, 64);
				peer_receive(&p, RX);
			}
			t = now_us();
			close(p.sock);
			p.sock = -1;
			if (!sw_holds(&before, 500, why, sizeof(why)))
				row_fail("half a second after the end: %s", why);
			longest = MAX(longest, now_us() - t);
			canary_feed(p.addr, 0, 500);
			/* Its eventfds live on, and it may go on ringing. */
			peer_kick(&p, TX);
			peer_kick(&p, RX);
			if (round < 3)
				check_not_busy("eventfds of a front end that is gone");
		}
		peer_close(&p);
	}
	row_note("VU-59: all released within %" PRIu64 " ms", longest / 1000);
}

static void vu60(void)
{
	struct peer p;
	uint32_t base;

	if (peer_open(&p)) {
		for (unsigned int i = 0; i < 300 && !row_failed(); i++) {
			/* Mid-burst. */
			canary_feed(p.addr, 16, 100);
			peer_transmit(&p, TX, 200);
			if (i % 3)
				peer_receive(&p, RX);
			for (unsigned int r = 0; r < 2; r++) {
				struct vring_driver *vd = &p.ring[r].vd;

				EXPECT(peer_get_base(&p, r, &base) == TAKEN, "ring %u does not stop", r);
				/* All up to there is done, nothing behind it. */
				EXPECT(base == vd->used->idx, "ring %u stops at %u, and its used ring "
				       "at %u", r, base, vd->used->idx);
			}
			canary_feed(p.addr, 0, 100);
			for (unsigned int r = 0; r < 2; r++) {
				peer_lay_ring(&p, r);
				peer_give_ring(&p, r, 0);
			}
			if (i % 10 == 0)
				peer_works(&p, "after a driver came again");
		}
		peer_works(&p, "after 300 drivers");
	}
	peer_close(&p);
}

/* Greedy, within the rules: frames of 64 KiB on all queues of several ports, to one
 * that takes as much. */

enum { HOGS = 4, HOG_ENTRIES = 512, HOG_FRAME = 65000 };

/* All of its descriptors are one buffer. */
static bool hog_open(struct peer *p, struct eth_addr to, struct shared *data)
{
	struct vhost_one_region r;

	if (!peer_connect(p, sw.vhost) ||
	    !peer_greet(p, PEER_FEATURES | FEATURE(VNET_F_MQ), PEER_PROTOCOL) ||
	    !peer_lay(p, PEER_RINGS / 2, HOG_ENTRIES, 256, 0) || !peer_start(p) ||
	    !shared_make(data, 1 << 18, 0))
		return false;
	data->guest = data->user = 1ULL << 41;
	r = (struct vhost_one_region){ .region = shared_region(data) };
	memcpy(data->p + p->hdr, to.b, ETH_ADDR_SIZE);
	memcpy(data->p + p->hdr + ETH_ADDR_SIZE, p->addr.b, ETH_ADDR_SIZE);
	if (peer_ask(p, VHOST_ADD_MEM_REG, &r, sizeof(r), &data->fd, 1) != TAKEN)
		return false;
	for (unsigned int i = 0; i < p->rings; i++) {
		for (unsigned int k = 0; k < p->entries; k++) {
			p->ring[i].vd.desc[k].addr = data->guest + (i & 1 ? 0 : 1 << 17);
			p->ring[i].vd.desc[k].len = i & 1 ? HOG_FRAME : 1 << 17;
		}
	}
	return true;
}

static void hogs(void)
{
	uint64_t end = now_us() + (uint64_t)(race_seconds * 1e6), sent = 0;
	struct shared data[HOGS + 1];
	struct peer p[HOGS + 1];
	unsigned int n = 0;

	for (unsigned int i = 0; i <= HOGS; i++) {
		data[i] = (struct shared){ .fd = -1 };
		p[i].sock = -1;
	}
	while (n <= HOGS && hog_open(&p[n], n ? p[0].addr : canary_feeder, &data[n]))
		n++;
	while (n > HOGS && now_us() < end) {
		for (unsigned int i = 0; i <= HOGS; i++)
			for (unsigned int r = 0; r < p[i].rings; r++)
				if (r & 1 && i)
					sent += peer_transmit(&p[i], r, HOG_ENTRIES);
				else
					peer_receive(&p[i], r);
		usleep(20);
	}
	EXPECT(n > HOGS, "%u of %u greedy ports only", n, HOGS + 1);
	row_note("hogs: %.1f Gbit/s offered", (double)sent * HOG_FRAME * 8 / race_seconds / 1e9);
	for (unsigned int i = 0; i <= HOGS && i <= n; i++) {
		peer_close(&p[i]);
		shared_free(&data[i]);
	}
}

const struct row ring_rows[] = {
	{ "VU-40", "buffers where no memory is", vu40, 0 },
	{ "VU-41", "chains without end, tables in tables", vu41, 0 },
	{ "VU-42", "buffers of nothing", vu42, 0 },
	{ "VU-43", "chains shorter than the headers", vu43, 0 },
	{ "VU-44", "a frame byte by byte", vu44, 0 },
	{ "VU-45", "long chains", vu45, 0 },
	{ "VU-46", "buffers of the wrong direction", vu46, 0 },
	{ "VU-47", "heads out of range, and offered twice", vu47, 0 },
	{ "VU-48", "available indices that jump", vu48, 0 },
	{ "VU-49", "indices that wrap", vu49, 0 },
	{ "VU-50-len", "a race on lengths", race_len, 0 },
	{ "VU-50-addr", "a race on addresses", race_addr, 0 },
	{ "VU-50-flags", "a race on flags", race_flags, 0 },
	{ "VU-50-next", "a race on successors", race_next, 0 },
	{ "VU-50-ring", "a race on the available ring", race_avail_ring, 0 },
	{ "VU-50-idx", "a race on the available index", race_avail_idx, 0 },
	{ "VU-50-indirect", "a race on indirect tables", race_indirect, 0 },
	{ "VU-50-payload", "a race on frames and their headers", race_payload, 0 },
	{ "VU-50-used", "a race on the used ring", race_used, 0 },
	{ "VU-50-all", "a race on everything", race_all, 0 },
	{ "VU-50-toggles", "what is read twice is not the same", vu50_toggles, 0 },
	{ "VU-51", "receive buffers too few and too small", vu51, 0 },
	{ "VU-52", "receive rings that run empty", vu52, 0 },
	{ "VU-53", "event indices at random", vu53, 0 },
	{ "VU-54", "headers of garbage", vu54, 0 },
	{ "hogs", "ports that take all they can get", hogs, 100 },
	{ "VU-59", "front ends that just go", vu59, 0 },
	{ "VU-60", "drivers that come again", vu60, 0 },
	{ 0 },
};
