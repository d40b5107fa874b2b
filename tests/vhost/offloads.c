/* SPDX-License-Identifier: BSD-2-Clause */
/* offloads.c - Rows about the headers in front of frames: work that a peer leaves to the
 * switch, and work that the switch may leave to a peer
 *
 * tests/gso.h makes the frames, and is the judge of what comes out of them. Behind each
 * one goes a fence, so nobody waits for what does not come.
 */
#include "config.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/offload.h"
#include "tests/gso.h"
#include "tests/vhost/front.h"

enum {
	BIG_ENTRIES = 32,
	BIG_STRIDE = 69632,
	CUTTERS = 4,
	WAIT_MS = 3000,
	FENCE_SIZE = 60,
	SMALL_BUFFER = 1526,
	QUEUE = 2048,		/* what a receiver of many small frames gets at least */
};

#define SENDS	(FEATURE(VNET_F_CSUM) | FEATURE(VNET_F_HOST_TSO4) | FEATURE(VNET_F_HOST_TSO6) | \
		 FEATURE(VNET_F_HOST_ECN) | FEATURE(VNET_F_HOST_USO))
#define MERGES	FEATURE(VNET_F_MRG_RXBUF)

static struct gso_frame frame;
static uint8_t got[GSO_FRAME_MAX + 64], want[GSO_FRAME_MAX];

static bool open_guest(struct peer *p, uint64_t features, uint16_t entries, uint32_t stride)
{
	return peer_connect(p, sw.vhost) && peer_greet(p, features, PEER_PROTOCOL) &&
	       peer_lay(p, 1, entries, stride, 0) && peer_start(p);
}

/* One that sends big frames, and one that takes them. */
static bool open_big(struct peer *p, uint64_t features)
{
	return open_guest(p, PEER_FEATURES | features, BIG_ENTRIES, BIG_STRIDE);
}

/* Where the next frame to be sent lies. */
static unsigned int next_slot(const struct peer *p)
{
	return p->ring[TX].vd.next_avail & (p->entries - 1U);
}

static uint8_t *slot_bytes(const struct peer *p, unsigned int slot)
{
	return p->ring[TX].buf + (size_t)slot * p->stride;
}

static void send_next(struct peer *p)
{
	for (unsigned int ms = 0; !peer_transmit(p, TX, 1) && ms < WAIT_MS; ms++)
		sleep_ms(1);
}

/* Make a frame from @p to @to. */
static void make(const struct peer *p, struct eth_addr to, uint64_t *seed,
		 const struct gso_limits *limits)
{
	gso_random(&frame, seed, limits);
	memcpy(frame.data, to.b, ETH_ADDR_SIZE);
	memcpy(frame.data + ETH_ADDR_SIZE, p->addr.b, ETH_ADDR_SIZE);
}

/* Send it with @hdr in front, and a fence behind it. */
static void send_frame(struct peer *p, struct eth_addr to, const struct vnet_hdr *hdr)
{
	unsigned int slot = next_slot(p);

	memcpy(slot_bytes(p, slot), hdr, p->hdr);
	memcpy(slot_bytes(p, slot) + p->hdr, frame.data, frame.size);
	p->ring[TX].vd.desc[slot].len = (uint32_t)(p->hdr + frame.size);
	send_next(p);
	peer_frame(p, TX, next_slot(p), to, FENCE_SIZE);
	send_next(p);
}

/* Let go what came so far: what others said to the network when they came. */
static void forget(struct peer *p)
{
	sleep_ms(20);
	peer_receive(p, RX);
}

/* Take one frame in. Return: its size; 0: it was a fence, or nothing came. */
static size_t take(struct peer *p, struct vnet_hdr *hdr)
{
	struct vring_driver *vd = &p->ring[RX].vd;
	size_t size = 0, skip = p->hdr;
	unsigned int buffers = 1;

	*hdr = VNET_HDR_NONE;
	for (unsigned int i = 0; i < buffers; i++) {
		const uint8_t *b;
		uint32_t len;
		int32_t id;

		for (unsigned int n = 0; !vring_driver_has_used(vd); n++) {
			if (n == WAIT_MS * 10) {
				row_fail("neither frame nor fence comes");
				return 0;
			}
			usleep(100);
		}
		id = vring_driver_get(vd, &len);
		b = p->ring[RX].buf + (size_t)id * p->stride;
		if (!i) {
			memcpy(hdr, b, p->hdr);
			buffers = p->features & MERGES ? le16_get(hdr->num_buffers) : 1;
		}
		if (len > skip && size + len - skip <= sizeof(got)) {
			memcpy(got + size, b + skip, len - skip);
			size += len - skip;
		}
		skip = 0;
		vring_driver_add(vd, (uint16_t)id);
	}
	if (vring_driver_publish(vd))
		peer_kick(p, RX);
	hdr->num_buffers = le16(1);
	return size == FENCE_SIZE && got[12] == 0x88 && got[13] == 0xb5 ? 0 : size;
}

/* Complain unless the bytes in got are those in want; a partial sum may be either zero. */
static void compare(size_t size, size_t wanted, bool partial, const char *who)
{
	size_t field = gso_field(&frame);

	if (partial && size > field + 2 &&
	    gso_get16(got + field) % 0xffff == gso_get16(want + field) % 0xffff)
		memcpy(got + field, want + field, 2);
	EXPECT(size == wanted && !memcmp(got, want, size),
	       "%s: a frame of %zu bytes is not the one of %zu it should be", who, size, wanted);
}

/* The frame was sent to @p: it gets it in the form that it asked for, and no other. */
static void check_received(struct peer *p, const char *who)
{
	const uint64_t csum = FEATURE(VNET_F_GUEST_CSUM);
	const bool whole = !(gso_needs(&frame) & ~p->features);
	const bool partial = whole || (frame.segs > 1 && p->features & csum);
	struct vnet_hdr good = VNET_HDR_NONE, hdr;
	unsigned int n = 0;
	size_t size;

	if (partial) {
		good.flags = VNET_HDR_NEEDS_CSUM;
		good.csum_start = frame.hdr.csum_start;
		good.csum_offset = frame.hdr.csum_offset;
	}
	if (whole && frame.segs > 1) {
		good.gso_type = frame.hdr.gso_type;
		good.gso_size = frame.hdr.gso_size;
		good.hdr_len = le16((uint16_t)frame.hdr_len);
	}
	while ((size = take(p, &hdr)) && !row_failed()) {
		if (whole && n == 0)
			memcpy(want, frame.data, frame.size);
		else if (whole || n >= frame.segs)
			break;
		compare(size, whole ? frame.size : partial ? gso_partial(&frame, n, want) :
			gso_reference(&frame, n, want), partial && !whole, who);
		EXPECT(!memcmp(&hdr, &good, p->hdr), "%s: a header of flags %02x, type %02x, ...", who,
		       hdr.flags, hdr.gso_type);
		n++;
	}
	EXPECT(n == (whole ? 1 : frame.segs), "%s: %u frames of %u", who, n, whole ? 1 : frame.segs);
}

/* Headers that lie: what offload_parse() accepts is done, by its word; all else is lost,
 * with nobody hurt. */

static const uint16_t odd[] = { 0, 1, 2, 7, 8, 13, 14, 20, 33, 34, 54, 255, 256, 1500, 0x7fff,
				0xfff0, 0xffff };
static const uint8_t odd_types[] = { 0, 1, 2, 3, 4, 5, 6, 0x7f, 0x80, 0x81, 0x83, 0x84, 0x85, 0xff };

/* Change one field of the header, or more. */
static void bend(struct vnet_hdr *hdr, uint64_t *seed)
{
	do {
		uint16_t x = odd[gso_rand(seed, ARRAY_SIZE(odd))];

		switch (gso_rand(seed, 6)) {
		case 0: hdr->flags = (uint8_t)gso_rand(seed, gso_rand(seed, 2) ? 4 : 256); break;
		case 1: hdr->gso_type = odd_types[gso_rand(seed, ARRAY_SIZE(odd_types))]; break;
		case 2: hdr->hdr_len = le16(x); break;
		case 3: hdr->gso_size = le16(x); break;
		case 4: hdr->csum_start = le16(x); break;
		default: hdr->csum_offset = le16(x);
		}
	} while (!gso_rand(seed, 3));
}

/* What comes of the frame, which was sent with a bent header, to one who takes @p's. */
static void check_bent(struct peer *p, const struct vnet_hdr *bent)
{
	struct vnet_hdr hdr, good = VNET_HDR_NONE;
	enum offload_error error;
	unsigned int n = 0, wanted;
	struct offload o;
	size_t size;
	bool whole;

	error = offload_parse(&o, bent, frame.data, MIN(frame.size, (size_t)OFFLOAD_HEAD_MAX),
			      frame.size);
	whole = !error && offload_fits(p->features, &o);
	if (whole)
		good = offload_hdr(&o, p->features);
	wanted = error ? 0 : whole ? 1 : o.segs;
	while ((size = take(p, &hdr)) && !row_failed()) {
		n++;
		EXPECT(whole || size <= ETH_FRAME_MAX, "a frame of %zu bytes", size);
		EXPECT(memcmp(&hdr, &good, p->hdr) == 0 ||
		       (!whole && p->features & FEATURE(VNET_F_GUEST_CSUM)),
		       "a header of flags %02x, type %02x, ...", hdr.flags, hdr.gso_type);
		EXPECT(hdr.gso_type == good.gso_type, "gso_type %02x", hdr.gso_type);
	}
	/* Lost are what is too long for a frame, and what the queue has no room for. */
	EXPECT(n <= wanted && (n == wanted || (!whole && o.gso_size > 60000) || n >= QUEUE ||
			       (frame.size > ETH_FRAME_MAX && o.segs == 1)),
	       "%u frames came, not %u (%s)", n, wanted, offload_error_name(error));
}

static void bent_headers(void)
{
	const struct gso_limits few = { .segs_max = 40 };
	struct peer p, plain = { .sock = -1 }, all = { .sock = -1 };
	uint64_t seed = 54;

	if (open_big(&p, SENDS) && open_big(&plain, 0) && open_big(&all, OFFLOAD_TAKES)) {
		forget(&plain);
		for (unsigned int i = 0; i < 1500 && !row_failed(); i++) {
			struct peer *to = i & 1 ? &all : &plain;
			struct vnet_hdr hdr;

			make(&p, to->addr, &seed, &few);
			hdr = frame.hdr;
			bend(&hdr, &seed);
			send_frame(&p, to->addr, &hdr);
			check_bent(to, &hdr);
			if (row_failed())
				row_note("flags %02x type %02x hdr_len %u gso_size %u csum %u+%u",
					 hdr.flags, hdr.gso_type, le16_get(hdr.hdr_len),
					 le16_get(hdr.gso_size), le16_get(hdr.csum_start),
					 le16_get(hdr.csum_offset));
		}
	}
	peer_close(&p);
	peer_close(&plain);
	peer_close(&all);
}

/* A peer that negotiated no offload says in vain that it wants one. */
static void not_negotiated(void)
{
	const struct gso_limits few = { .segs_max = 40 };
	struct peer p, all = { .sock = -1 };
	struct vnet_hdr hdr, good = VNET_HDR_NONE;
	uint64_t seed = 55;

	if (open_big(&p, 0) && open_big(&all, OFFLOAD_TAKES)) {
		for (unsigned int i = 0; i < 300 && !row_failed(); i++) {
			size_t size;

			do
				make(&p, all.addr, &seed, &few);
			while (frame.size > ETH_FRAME_MAX);
			send_frame(&p, all.addr, &frame.hdr);
			size = take(&all, &hdr);
			memcpy(want, frame.data, frame.size);
			compare(size, frame.size, false, "as it is");
			EXPECT(!memcmp(&hdr, &good, sizeof(hdr)), "flags %02x", hdr.flags);
			EXPECT(!take(&all, &hdr), "something else came");
		}
	}
	peer_close(&p);
	peer_close(&all);
}

/* The header and the frame in pieces of all sizes, in an indirect table. */
static void split_headers(void)
{
	const struct gso_limits few = { .segs_max = 100 };
	struct peer p, plain = { .sock = -1 }, all = { .sock = -1 };
	uint64_t seed = 56;

	if (open_big(&p, SENDS) && open_big(&plain, 0) && open_big(&all, OFFLOAD_TAKES)) {
		forget(&plain);
		for (unsigned int i = 0; i < 300 && !row_failed(); i++) {
			struct vring_desc *sub = (void *)slot_bytes(&p, BIG_ENTRIES - 1);
			struct peer *to = i & 1 ? &all : &plain;
			unsigned int slot, n = 0;
			size_t size, at = 0;
			uint64_t addr;

			make(&p, to->addr, &seed, &few);
			/* The last slot is the table, and never sent. */
			if (next_slot(&p) >= BIG_ENTRIES - 2) {
				while (next_slot(&p)) {
					peer_frame(&p, TX, next_slot(&p), p.addr, FENCE_SIZE);
					send_next(&p);
				}
			}
			slot = next_slot(&p);
			addr = p.ring[TX].vd.desc[slot].addr;
			memcpy(slot_bytes(&p, slot), &frame.hdr, p.hdr);
			memcpy(slot_bytes(&p, slot) + p.hdr, frame.data, frame.size);
			size = p.hdr + frame.size;
			while (at < size && n < BIG_ENTRIES) {
				size_t len = at < 300 ? 1 + gso_rand(&seed, 40) :
							1 + gso_rand(&seed, 9000);

				len = n == BIG_ENTRIES - 1 ? size - at : MIN(len, size - at);
				sub[n] = (struct vring_desc){ addr + at, (uint32_t)len, VRING_DESC_NEXT,
							      (uint16_t)(n + 1) };
				at += len;
				n++;
			}
			sub[n - 1].flags = 0;
			p.ring[TX].vd.desc[slot] = (struct vring_desc){
				peer_guest(&p, sub), n * (uint32_t)sizeof(*sub), VRING_DESC_INDIRECT, 0,
			};
			send_next(&p);
			peer_frame(&p, TX, next_slot(&p), to->addr, FENCE_SIZE);
			send_next(&p);
			check_received(to, i & 1 ? "all offloads" : "no offloads");
			p.ring[TX].vd.desc[slot] = (struct vring_desc){ addr, 0, 0, 0 };
		}
	}
	peer_close(&p);
	peer_close(&plain);
	peer_close(&all);
}

/* Headers, of both kinds, that change all of the time. */

struct changer {
	struct peer *p;
	volatile bool stop;
};

static void *changer_thread(void *arg)
{
	struct changer *c = arg;
	uint64_t seed = 57;

	while (!c->stop) {
		uint8_t *b = slot_bytes(c->p, gso_rand(&seed, BIG_ENTRIES));
		unsigned int at = gso_rand(&seed, 2) ? gso_rand(&seed, 12) : 12 + gso_rand(&seed, 120);
		uint8_t was = b[at];

		/* Not the addresses. */
		if (at >= 12 && at < 24)
			continue;
		b[at] = gso_rand(&seed, 2) ? (uint8_t)gso_rand(&seed, 256) : (uint8_t)(was ^ 1);
		b[at] = was;
	}
	return NULL;
}

/* Whatever a receiver gets fits what it negotiated and its own header. */
static void check_sane(struct peer *p, uint64_t *frames)
{
	while (vring_driver_has_used(&p->ring[RX].vd) && !row_failed()) {
		struct vnet_hdr hdr;
		size_t size = take(p, &hdr);
		enum offload_error error;
		struct offload o;

		if (size < ETH_HDR_SIZE)
			continue;
		++*frames;
		error = offload_parse(&o, &hdr, got, MIN(size, (size_t)OFFLOAD_HEAD_MAX), size);
		EXPECT(!error, "a header that does not fit its frame: %s", offload_error_name(error));
		EXPECT(error || offload_fits(p->features, &o), "an offload that was not negotiated");
		EXPECT(size <= ETH_FRAME_MAX || o.segs > 1, "a frame of %zu bytes", size);
	}
}

static void changing_headers(void)
{
	const struct gso_limits few = { .segs_max = 40 };
	struct peer p, plain = { .sock = -1 }, all = { .sock = -1 };
	uint64_t seed = 58, frames = 0;

	if (open_big(&p, SENDS) && open_guest(&plain, PEER_FEATURES, 1024, 2048) &&
	    open_big(&all, OFFLOAD_TAKES)) {
		forget(&plain);
		uint64_t end = now_us() + (uint64_t)(race_seconds * 1e6);
		struct changer c = { .p = &p };
		pthread_t thread;

		for (unsigned int k = 0; k < BIG_ENTRIES; k++) {
			make(&p, k & 1 ? all.addr : plain.addr, &seed, &few);
			memcpy(slot_bytes(&p, k), &frame.hdr, p.hdr);
			memcpy(slot_bytes(&p, k) + p.hdr, frame.data, frame.size);
			p.ring[TX].vd.desc[k].len = (uint32_t)(p.hdr + frame.size);
		}
		pthread_create(&thread, NULL, changer_thread, &c);
		while (now_us() < end && !row_failed()) {
			peer_transmit(&p, TX, BIG_ENTRIES);
			check_sane(&plain, &frames);
			check_sane(&all, &frames);
			usleep(50);
		}
		c.stop = true;
		pthread_join(thread, NULL);
		row_note("%" PRIu64 " frames came", frames);
		EXPECT(frames > 100, "only %" PRIu64 " frames came", frames);
	}
	peer_close(&p);
	peer_close(&plain);
	peer_close(&all);
}

/* Frames that stand for as many segments as there may be, as fast as they are taken: a
 * whole batch of them from each would keep all others waiting. */
static void tiny_segments(void)
{
	const struct gso_limits tiny = { .no_vlan = true, .segs_max = 8192 };
	uint64_t seed = 59, sent = 0, came = 0, end;
	struct peer p[CUTTERS], q = { .sock = -1 };
	unsigned int n = 0;

	for (unsigned int i = 0; i < CUTTERS; i++)
		p[i].sock = -1;
	if (open_guest(&q, PEER_FEATURES, 4096, 256))
		while (n < CUTTERS && open_guest(&p[n], PEER_FEATURES | SENDS, 64, BIG_STRIDE))
			n++;
	EXPECT(n == CUTTERS, "%u of %u peers only", n, CUTTERS);
	do
		make(&p[0], q.addr, &seed, &tiny);
	while (n && frame.segs < 6000);
	for (unsigned int i = 0; i < n; i++) {
		memcpy(frame.data + ETH_ADDR_SIZE, p[i].addr.b, ETH_ADDR_SIZE);
		for (unsigned int k = 0; k < p[i].entries; k++) {
			memcpy(slot_bytes(&p[i], k), &frame.hdr, p[i].hdr);
			memcpy(slot_bytes(&p[i], k) + p[i].hdr, frame.data, frame.size);
			p[i].ring[TX].vd.desc[k].len = (uint32_t)(p[i].hdr + frame.size);
		}
	}
	end = now_us() + (uint64_t)(race_seconds * 1e6);
	while (n == CUTTERS && now_us() < end) {
		for (unsigned int i = 0; i < n; i++)
			sent += peer_transmit(&p[i], TX, p[i].entries);
		came += peer_receive(&q, RX);
		usleep(50);
	}
	row_note("%" PRIu64 " frames sent, %" PRIu64 " segments came", sent, came);
	EXPECT(came > 1000, "only %" PRIu64 " segments came", came);
	for (unsigned int i = 0; i < CUTTERS; i++)
		peer_close(&p[i]);
	peer_close(&q);
}

/* Each set of features, as odd as it may be: nothing comes that was not asked for. */
static void odd_sets(void)
{
	static const unsigned int features[] = {
		VNET_F_GUEST_CSUM, VNET_F_GUEST_TSO4, VNET_F_GUEST_TSO6, VNET_F_GUEST_ECN,
		VNET_F_GUEST_USO4, VNET_F_GUEST_USO6,
	};
	const struct gso_limits few = { .segs_max = 30 };
	uint64_t seed = 60;
	struct peer p;

	if (open_big(&p, SENDS)) {
		for (unsigned int set = 0; set < 64 && !row_failed(); set++) {
			uint64_t f = PEER_FEATURES;
			char who[64];
			struct peer q;

			for (size_t i = 0; i < ARRAY_SIZE(features); i++)
				f |= set >> i & 1 ? FEATURE(features[i]) : 0;
			/* With merged buffers; without; with a header of 10 bytes. */
			f &= ~(set % 3 == 1 ? MERGES : set % 3 == 2 ? MERGES | FEATURE(32) : 0);
			snprintf(who, sizeof(who), "features 0x%" PRIx64, f);
			if (open_guest(&q, f, BIG_ENTRIES, BIG_STRIDE)) {
				for (unsigned int i = 0; i < 20 && !row_failed(); i++) {
					make(&p, q.addr, &seed, &few);
					send_frame(&p, q.addr, &frame.hdr);
					check_received(&q, who);
				}
			}
			peer_close(&q);
		}
	}
	peer_close(&p);
}

/* Big frames for one whose buffers can never hold them: lost, and those behind them come. */
static void never_fit(void)
{
	const struct gso_limits big = { .gso_min = 1000, .segs_max = 50, .udp_segs_max = 50 };
	const uint64_t tso = PEER_FEATURES | OFFLOAD_TAKES;
	uint64_t seed = 61;
	struct peer p;

	if (open_big(&p, SENDS)) {
		for (unsigned int i = 0; i < 2 && !row_failed(); i++) {
			const char *who = i ? "too few buffers" : "buffers of 1526 bytes, not merged";
			struct vnet_hdr hdr;
			struct peer q;

			/* 1526 bytes each, one for a frame; or 16 of them in all. */
			if (open_guest(&q, i ? tso : tso & ~MERGES, i ? 16 : PEER_SIZE, SMALL_BUFFER)) {
				for (unsigned int n = 0; n < 40 && !row_failed(); n++) {
					do
						make(&p, q.addr, &seed, &big);
					while (frame.size < 16 * SMALL_BUFFER || frame.segs == 1);
					send_frame(&p, q.addr, &frame.hdr);
					EXPECT(!take(&q, &hdr), "%s: something came", who);
				}
			}
			peer_close(&q);
		}
	}
	peer_close(&p);
}

const struct row offload_rows[] = {
	{ "VU-54-bent", "headers that do not fit their frames", bent_headers, 0 },
	{ "VU-54-unasked", "offloads that were not negotiated", not_negotiated, 0 },
	{ "VU-54-split", "headers in many pieces", split_headers, 0 },
	{ "VU-55", "headers that change while they are read", changing_headers, 0 },
	{ "VU-55-tiny", "frames of thousands of segments", tiny_segments, 100 },
	{ "VU-56", "receivers with odd sets of offloads", odd_sets, 0 },
	{ "VU-56-fit", "frames that never fit", never_fit, 0 },
	{ 0 },
};
