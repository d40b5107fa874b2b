/* SPDX-License-Identifier: BSD-2-Clause */
/* test-finish.c - unfinished frames through a switch, to receivers of every kind
 *
 * A whole switch with ports that check what they are sent against a list of what they
 * must be sent, made beforehand: of each frame, by what the receiver takes, the frame as
 * it is, or what gso_reference() says of each segment; with a tag more or less where
 * the port's VLAN has it so. The list knows the bounds of the queue, too. What brings
 * frames frees them as soon as the switch is done with them.
 */
#include "tests/unit/unit.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/offload.h"
#include "switchd/admin.h"
#include "switchd/vsw.h"
#include "switchd/watch.h"
#include "tests/gso.h"

enum {
	RECEIVERS = 65,		/* each set of features, and one more */
	FRAMES = 160,		/* of one test */
	SETS = 64,
	VID = 10,
	TAKES_ALL = UINT32_MAX,
};

/** enum kind - What becomes of a frame */
enum kind {
	WHOLE,			/* it goes as it is, with a header */
	PARTIAL,		/* a segment, whose sum the receiver completes */
	DONE,			/* a segment, or the frame with its sum */
};

/** struct sent - A frame that is brought in; @plain: nothing is left to do for it */
struct sent {
	struct gso_frame gso;
	bool plain, valid;
	unsigned int tags;
};

/** struct item - What must come out */
struct item {
	const struct sent *of;
	enum kind kind;
	unsigned int seg;
	size_t size;
};

/**
 * struct receiver - An endpoint, or one who watches
 * @tags:	How many tags more it must get its frames with (-1, 0, 1)
 * @items:	What it must get, @count of them; @next is the next one
 * @credit:	Frames that it takes before it has no room
 * @waits:	It was told to watch for room
 * @lost:	What must have been dropped
 */
struct receiver {
	struct endpoint ep;
	struct watcher watcher;
	int tags;
	struct item *items;
	size_t count, next, room;
	uint32_t credit;
	bool waits;
	uint64_t frames, bytes;
	uint64_t lost[DROP_REASON_COUNT];
};

static struct lan {
	struct ev_loop *loop;
	struct vsw_config cfg;
	struct vsw *vsw;
	char dir[32];
	struct receiver rx[RECEIVERS + 2];	/* rx[i] is at port i, but for the last one */
	unsigned int n;
	struct sent sent[FRAMES];
	unsigned int brought;
	uint64_t seed;
} *lan;

static uint8_t want[GSO_FRAME_MAX + 4], got[GSO_FRAME_MAX + 4];

/* What is expected. */

static uint64_t needs_of(const struct sent *s, int tags)
{
	if (s->plain)
		return 0;
	return gso_needs(&s->gso) | ((int)s->tags + tags > 2 ? OFFLOAD_HERE : 0);
}

static uint64_t item_needs(const struct item *it, int tags)
{
	return it->kind == WHOLE ? needs_of(it->of, tags) :
	       it->kind == PARTIAL ? OFFLOAD_F(VNET_F_GUEST_CSUM) : 0;
}

static size_t waiting_bytes(const struct receiver *r)
{
	size_t bytes = 0;

	for (size_t i = r->next; i < r->count; i++)
		bytes += r->items[i].size;
	return bytes;
}

/* One more item for @r, unless its queue will have no room for it then: what is ahead of
 * it takes up @r's credit. */
static void expect_item(struct receiver *r, struct item it)
{
	size_t ahead = r->count - r->next, waits = ahead - MIN(ahead, (size_t)r->credit);

	if (r->ep.q.count || ahead >= r->credit) {
		size_t bytes = 0;

		if (r->ep.q.count)
			waits = ahead;
		for (size_t i = r->count - waits; i < r->count; i++)
			bytes += r->items[i].size;
		if (waits == TXQ_FRAMES_MAX || it.size > TXQ_BYTES_MAX - bytes) {
			r->lost[DROP_QUEUE_FULL]++;
			return;
		}
	}
	if (r->count == r->room) {
		r->room = r->room ? 2 * r->room : 64;
		r->items = realloc(r->items, r->room * sizeof(*r->items));
		assert_non_null(r->items);
	}
	r->items[r->count++] = it;
}

static void expect(struct receiver *r, const struct sent *s)
{
	const struct gso_frame *f = &s->gso;
	const uint64_t needs = needs_of(s, r->tags), csum = OFFLOAD_F(VNET_F_GUEST_CSUM);
	const size_t moved = (size_t)(4 * r->tags);

	if (f->size + moved > (s->plain || f->segs == 1 ? (size_t)ETH_FRAME_MAX :
			       (size_t)FRAME_SIZE_MAX)) {
		r->lost[DROP_TOO_LONG]++;
		return;
	}
	if (!(needs & ~r->ep.takes)) {
		expect_item(r, (struct item){ s, WHOLE, 0, f->size + moved });
		return;
	}
	for (unsigned int seg = 0; seg < f->segs; seg++) {
		size_t payload = f->size - f->hdr_len - (size_t)seg * f->gso_size;
		size_t size = f->hdr_len + MIN(payload, (size_t)f->gso_size) + moved;
		bool partial = f->segs > 1 && r->ep.takes & csum && (int)s->tags + r->tags <= 2;

		if (size > ETH_FRAME_MAX)
			r->lost[DROP_TOO_LONG]++;
		else
			expect_item(r, (struct item){ s, partial ? PARTIAL : DONE, seg, size });
	}
}

/* What comes. */

static void check_hdr(const struct receiver *r, const struct item *it, const struct frame *f)
{
	const struct gso_frame *g = &it->of->gso;
	const bool gso = it->kind == WHOLE && g->segs > 1 && !it->of->plain;
	const int moved = 4 * r->tags;
	struct vnet_hdr hdr;

	if (it->kind == DONE || (it->of->plain && !it->of->valid)) {
		assert_null(f->offload);
		return;
	}
	assert_non_null(f->offload);
	assert_true(offload_fits(r->ep.takes, f->offload));
	assert_int_equal(f->offload->size, f->size);
	assert_int_equal(f->offload->head_size, f->head_size);
	assert_int_equal(f->iov[0].iov_len, f->head_size);
	assert_int_equal(f->offload->segs, gso ? g->segs : 1);
	assert_int_equal(f->offload->gso_type, gso ? g->hdr.gso_type & 0x7f : 0);
	assert_true(f->offload->ecn == (gso && g->hdr.gso_type & VNET_GSO_ECN));
	hdr = offload_hdr(f->offload, r->ep.takes);
	assert_int_equal(le16_get(hdr.num_buffers), 1);
	if (it->of->plain) {
		assert_int_equal(hdr.flags, r->ep.takes & OFFLOAD_F(VNET_F_GUEST_CSUM) ?
				 VNET_HDR_DATA_VALID : 0);
	} else {
		assert_int_equal(hdr.flags, VNET_HDR_NEEDS_CSUM);
		assert_int_equal(le16_get(hdr.csum_start), (int)g->l4 + moved);
		assert_int_equal(le16_get(hdr.csum_offset), gso_field(g) - g->l4);
	}
	assert_int_equal(hdr.gso_type, gso ? g->hdr.gso_type : 0);
	assert_int_equal(le16_get(hdr.gso_size), gso ? g->gso_size : 0);
	assert_int_equal(le16_get(hdr.hdr_len), gso ? (int)g->hdr_len + moved : 0);
}

static void check_frame(struct receiver *r, const struct frame *f)
{
	const struct item *it = &r->items[r->next++];
	const struct gso_frame *g;
	size_t size = 0;

	assert_true(r->next <= r->count);
	assert_int_equal(f->size, it->size);
	assert_true(f->size <= (f->offload && it->of->gso.segs > 1 ? GSO_FRAME_MAX : ETH_FRAME_MAX));
	for (unsigned int i = 0; i < f->iovcnt; i++) {
		assert_true(size + f->iov[i].iov_len <= f->size);
		memcpy(got + size, f->iov[i].iov_base, f->iov[i].iov_len);
		size += f->iov[i].iov_len;
	}
	assert_int_equal(size, f->size);
	assert_true(f->head_size >= ETH_HDR_SIZE && f->head_size <= f->size);
	assert_memory_equal(f->head, got, f->head_size);
	check_hdr(r, it, f);

	g = &it->of->gso;
	if (it->kind == WHOLE)
		memcpy(want, g->data, size = g->size);
	else
		size = it->kind == PARTIAL ? gso_partial(g, it->seg, want) :
					     gso_reference(g, it->seg, want);
	if (r->tags > 0) {
		memmove(want + 16, want + 12, size - 12);
		memcpy(want + 12, (uint8_t[]){ 0x81, 0, 0, VID }, 4);
	} else if (r->tags < 0) {
		memmove(want + 12, want + 16, size - 16);
	}
	if (it->kind == PARTIAL) {
		size_t field = gso_field(g) + (size_t)(4 * r->tags);

		/* Zero has two forms. */
		assert_int_equal(gso_get16(got + field) % 0xffff, gso_get16(want + field) % 0xffff);
		memcpy(got + field, want + field, 2);
	}
	assert_memory_equal(got, want, f->size);
	r->frames++;
	r->bytes += f->size;
}

static struct receiver *receiver(struct endpoint *ep)
{
	return container_of(ep, struct receiver, ep);
}

static unsigned int receiver_send(struct endpoint *ep, const struct frame *const *frames,
				  unsigned int n)
{
	struct receiver *r = receiver(ep);

	for (unsigned int i = 0; i < n; i++) {
		if (!r->credit)
			return i;
		r->credit -= r->credit != TAKES_ALL;
		check_frame(r, frames[i]);
		endpoint_sent(ep, 1, frames[i]->size);
	}
	return n;
}

static void receiver_wait(struct endpoint *ep, bool on)
{
	receiver(ep)->waits = on;
}

static void receiver_hold(struct endpoint *ep UNUSED, bool on UNUSED)
{
	fail();	/* nobody is held back by what is flooded */
}

static void receiver_close(struct endpoint *ep UNUSED)
{
}

static const struct endpoint_ops receiver_ops = {
	.module = "receiver",
	.send = receiver_send,
	.wait_send = receiver_wait,
	.hold = receiver_hold,
	.close = receiver_close,
};

/* A switch. */

static int setup(void **state)
{
	lan = calloc(1, sizeof(*lan));
	assert_non_null(lan);
	*state = lan;
	strcpy(lan->dir, "/tmp/unit.XXXXXX");
	assert_non_null(mkdtemp(lan->dir));
	lan->cfg = (struct vsw_config){
		.dir = lan->dir, .mode = 0600, .dirmode = 0700, .gid = (gid_t)-1,
		.mgmtmode = 0600, .mgmtgid = (gid_t)-1, .numports = RECEIVERS, .hashsize = 128,
	};
	lan->loop = ev_loop_new(EVFLAG_AUTO);
	lan->vsw = vsw_create(lan->loop, &lan->cfg);
	assert_non_null(lan->vsw);
	lan->seed = 1;
	return 0;
}

/* A set of features of six bits. */
static uint64_t takes(unsigned int set)
{
	static const unsigned int features[] = {
		VNET_F_GUEST_CSUM, VNET_F_GUEST_TSO4, VNET_F_GUEST_TSO6, VNET_F_GUEST_ECN,
		VNET_F_GUEST_USO4, VNET_F_GUEST_USO6,
	};
	uint64_t f = 0;

	for (size_t i = 0; i < ARRAY_SIZE(features); i++)
		if (set >> i & 1)
			f |= OFFLOAD_F(features[i]);
	return f;
}

/* One more receiver, at @port, that takes all frames for now. */
static struct receiver *plug(unsigned int port, uint64_t features)
{
	const struct port_client who = PORT_CLIENT_OPERATOR;
	struct receiver *r = &lan->rx[++lan->n];

	r->credit = TAKES_ALL;
	r->ep = (struct endpoint){ .ops = &receiver_ops, .id = (int)lan->n, .takes = features };
	r->ep.uid = who.uid;
	assert_int_equal(port_plug(lan->vsw, (uint16_t)port, &r->ep, &who), 0);
	return r;
}

/* All that was expected came, and the counters say so. */
static int teardown(void **state)
{
	for (unsigned int id = 1; id <= RECEIVERS; id++) {
		const struct port *port = lan->vsw->ports[id];
		uint64_t frames = 0, bytes = 0, lost[DROP_REASON_COUNT] = { 0 };

		for (unsigned int i = 1; port && i <= lan->n; i++) {
			const struct receiver *r = &lan->rx[i];

			if (r->ep.port != port)
				continue;
			assert_int_equal(r->next, r->count);
			frames += r->frames;
			bytes += r->bytes;
			for (int why = 0; why < DROP_REASON_COUNT; why++)
				lost[why] += r->lost[why];
		}
		if (!port)
			continue;
		assert_int_equal(port->stats.tx_frames, frames);
		assert_int_equal(port->stats.tx_bytes, bytes);
		for (int why = 0; why < DROP_REASON_COUNT; why++)
			assert_int_equal(port->stats.drop[why], lost[why]);
	}
	for (unsigned int i = 1; i <= lan->n; i++)
		free(lan->rx[i].items);
	vsw_destroy(lan->vsw);
	ev_loop_destroy(lan->loop);
	free(*state);
	return 0;
}

/* Bringing frames in. */

/* The next frame, of those that are wanted, from @from; some are finished. */
static struct sent *make(const struct receiver *from, const struct gso_limits *limits)
{
	struct sent *s = &lan->sent[lan->brought++];
	struct gso_limits l = *limits;

	assert_true(lan->brought <= FRAMES);
	if (!gso_rand(&lan->seed, 4))
		l.csum_only = true;
	gso_random(&s->gso, &lan->seed, &l);
	memset(s->gso.data, 0, 12);
	s->gso.data[0] = s->gso.data[6] = 2;
	s->gso.data[5] = 0xff;		/* is nobody's: goes to all */
	s->gso.data[11] = (uint8_t)from->ep.id;
	s->tags = (unsigned int)(s->gso.l3 - 14) / 4;
	if (s->gso.segs == 1) {
		s->gso.hdr.gso_type = gso_rand(&lan->seed, 2) ? s->gso.hdr.gso_type : 0;
		s->plain = !gso_rand(&lan->seed, 3);
		s->valid = s->plain && gso_rand(&lan->seed, 2);
	}
	if (s->plain)
		s->gso.hdr = (struct vnet_hdr){ .flags = s->valid ? VNET_HDR_DATA_VALID : 0 };
	return s;
}

/** struct copy - A frame as an endpoint brings it; each block has its own bounds */
struct copy {
	uint8_t *head, *rest;
	struct iovec *iov;
	struct offload offload;
};

static void copy_make(struct copy *c, struct frame *f, const struct sent *s, unsigned int pieces)
{
	const struct gso_frame *g = &s->gso;
	size_t head = MIN(g->size, (size_t)OFFLOAD_HEAD_MAX), at = 0, rest = g->size - head;
	unsigned int n = 0;

	c->head = malloc(head);
	c->rest = malloc(rest + 1);
	c->iov = calloc(pieces + 1, sizeof(*c->iov));
	assert_true(c->head && c->rest && c->iov);
	memcpy(c->head, g->data, head);
	memcpy(c->rest, g->data + head, rest);
	c->iov[n++] = (struct iovec){ c->head, head };
	while (n <= pieces && (n == 1 || at < rest || !gso_rand(&lan->seed, 4))) {
		size_t len = (rest - at) / (pieces + 1 - n);

		len = n == pieces ? rest - at : MIN(rest - at, len * gso_rand(&lan->seed, 3));
		c->iov[n++] = (struct iovec){ c->rest + at, len };
		at += len;
	}
	assert_int_equal(at, rest);
	*f = (struct frame){
		.head = c->head, .head_size = head, .size = g->size, .iov = c->iov, .iovcnt = n,
	};
	assert_int_equal(offload_parse(&c->offload, &g->hdr, c->head, head, g->size), OFFLOAD_OK);
	c->offload.valid = s->valid;
	if (c->offload.needs || s->valid)
		f->offload = &c->offload;
	lan->vsw->unfinished |= c->offload.needs;
}

/* Bring @n frames in at @from, in @pieces pieces each, and tell all what to expect. */
static void bring(struct receiver *from, const struct sent *frames, unsigned int n,
		  unsigned int pieces)
{
	struct copy copies[FRAME_BATCH];
	struct frame batch[FRAME_BATCH];
	const uint64_t before = from->ep.port->stats.rx_bytes;
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < n; i++) {
		const struct gso_frame *g = &frames[i].gso;

		copy_make(&copies[i], &batch[i], &frames[i], pieces);
		bytes += g->size;
		if (g->size > ETH_FRAME_MAX && (g->segs == 1 || frames[i].plain)) {
			from->lost[DROP_OVERSIZE]++;
			continue;
		}
		for (unsigned int to = 1; to <= lan->n; to++)
			if (lan->rx[to].ep.port && lan->rx[to].ep.port != from->ep.port)
				expect(&lan->rx[to], &frames[i]);
	}
	vsw_input(&from->ep, batch, n);
	assert_int_equal(lan->vsw->unfinished, 0);
	assert_int_equal(from->ep.port->stats.rx_bytes - before, bytes);
	for (unsigned int i = 0; i < n; i++) {
		free(copies[i].head);
		free(copies[i].rest);
		free(copies[i].iov);
	}
	for (unsigned int i = 1; i <= lan->n; i++) {
		const struct receiver *r = &lan->rx[i];

		assert_int_equal(r->count - r->next, r->ep.q.count);
		assert_int_equal(r->ep.q.bytes, waiting_bytes(r));
		assert_true(!r->ep.q.count || r->waits);
	}
}

/* Random frames, and none of them in a VLAN that the switch knows. */
static void bring_some(struct receiver *from, const struct gso_limits *limits, unsigned int n)
{
	const struct sent *first = &lan->sent[lan->brought];

	for (unsigned int i = 0; i < n; i++)
		make(from, limits);
	bring(from, first, n, 1 + gso_rand(&lan->seed, 40));
}

/* The receiver has room for @credit frames. */
static void room(struct receiver *r, uint32_t credit)
{
	r->credit = credit;
	endpoint_can_send(&r->ep);
	assert_int_equal(r->count - r->next, r->ep.q.count);
	assert_int_equal(r->waits, r->ep.q.count != 0);
}

/* Each set of features at once, the last two at one port. */
static void every_set(void **state UNUSED)
{
	const struct gso_limits any = { 0 }, few = { .segs_max = 20 };
	struct receiver *from = plug(1, 0);

	for (unsigned int set = 0; set < SETS; set++)
		plug(MIN(set + 2, 64U), takes(set));
	while (lan->brought + 10 < FRAMES)
		bring_some(from, lan->brought < 10 ? &any : &few,
			   1 + gso_rand(&lan->seed, lan->brought < 10 ? 2 : 10));
}

/* A whole batch, of which each frame makes more than one group of segments; and one in
 * which a few are all that there is room for. */
static void full_batch(void **state UNUSED)
{
	const struct gso_limits many = { .segs_max = 200 }, few = { .gso_min = 5000 };
	struct receiver *from = plug(1, 0);

	for (unsigned int set = 0; set < SETS; set += 9)
		plug(2 + set, takes(set));
	bring_some(from, &many, FRAME_BATCH);
	bring_some(from, &many, FRAME_BATCH);
	for (unsigned int i = 0; i < 24; i++)
		make(from, &few);
	bring(from, &lan->sent[2 * FRAME_BATCH], 24, 1023);
}

/* Ports 1 and 2 have the VLAN untagged, 3 and 4 tagged. */
static void make_vlan(void)
{
	struct vsw *vsw = lan->vsw;

	assert_int_equal(admin_vlan_create(vsw, VID), 0);
	for (unsigned int port = 1; port <= 4; port++) {
		plug(port, 0);
		if (port <= 2) {
			assert_int_equal(admin_port_vlan(vsw, port, VID), 0);
			/* Tags inside may come to light there. */
			vsw->ports[port]->vlan.tag = VLAN_TAG_NONE;
		} else {
			assert_int_equal(admin_port_vlan(vsw, port, VLAN_NONE), 0);
			assert_int_equal(admin_vlan_add_port(vsw, VID, port), 0);
		}
	}
}

/* A frame for @from, with a tag that belongs there; it has up to three on its way. */
static void make_tagged(const struct receiver *from, const struct gso_limits *limits)
{
	struct sent *s;

	do {
		s = make(from, limits);
		lan->brought--;
	} while (from->ep.port->id > 2 && !s->tags);
	lan->brought++;
	if (from->ep.port->id > 2)
		memcpy(s->gso.data + 12, (uint8_t[]){ 0x81, 0, 0, VID }, 4);
	else if (s->tags)
		s->gso.data[12] = 0x88, s->gso.data[13] = 0xa8;
}

static void tags(void **state UNUSED)
{
	const struct gso_limits some = { .segs_max = 40 };

	make_vlan();
	while (lan->brought + 8 < FRAMES) {
		struct receiver *from = &lan->rx[1 + gso_rand(&lan->seed, 4)];
		const struct sent *first = &lan->sent[lan->brought];
		unsigned int n = 1 + gso_rand(&lan->seed, 8);
		bool tagged = from->ep.port->id > 2;

		for (unsigned int i = 1; i <= 4; i++) {
			struct receiver *r = &lan->rx[i];

			endpoint_takes(&r->ep, gso_rand(&lan->seed, 3) ?
				       takes(gso_rand(&lan->seed, SETS)) : OFFLOAD_TAKES);
			r->tags = tagged ? (i > 2 ? 0 : -1) : (i > 2 ? 1 : 0);
		}
		for (unsigned int i = 0; i < n; i++)
			make_tagged(from, &some);
		bring(from, first, n, 1 + gso_rand(&lan->seed, 40));
	}
}

/* What waits was made for what the receiver took then; what it takes no more is lost. */
static void takes_change(struct receiver *r)
{
	const uint64_t now = takes(gso_rand(&lan->seed, SETS)), less = r->ep.takes & ~now;
	size_t kept = r->next;

	for (size_t i = r->next; less && i < r->count; i++) {
		if (item_needs(&r->items[i], r->tags) & ~now)
			r->lost[DROP_NOT_READY]++;
		else
			r->items[kept++] = r->items[i];
	}
	if (less)
		r->count = kept;
	endpoint_takes(&r->ep, now);
	assert_int_equal(r->count - r->next, r->ep.q.count);
	assert_int_equal(r->ep.q.bytes, waiting_bytes(r));
}

static void queues(void **state UNUSED)
{
	const struct gso_limits few = { .segs_max = 30 };
	struct receiver *from = plug(1, 0);

	for (unsigned int i = 2; i < 20; i++)
		plug(i, takes(gso_rand(&lan->seed, SETS)));
	for (unsigned int turn = 0; lan->brought + 4 < FRAMES; turn++) {
		bring_some(from, &few, 1 + gso_rand(&lan->seed, 4));
		for (unsigned int i = 2; i < 20; i++) {
			struct receiver *r = &lan->rx[i];

			/* Some have room at once, some later, some now and then. */
			r->credit = turn % i ? gso_rand(&lan->seed, 30) : 0;
			if (!gso_rand(&lan->seed, 3))
				room(r, gso_rand(&lan->seed, 3) ? gso_rand(&lan->seed, 80) : TAKES_ALL);
			if (!gso_rand(&lan->seed, 4))
				takes_change(r);
		}
	}
	for (unsigned int i = 2; i < 20; i++)
		room(&lan->rx[i], TAKES_ALL);
}

static void full_queue(void **state UNUSED)
{
	const struct gso_limits large = { .gso_min = 8000, .segs_max = 50 }, any = { 0 };
	struct receiver *from = plug(1, 0);

	for (unsigned int set = 0; set < SETS; set += 9)
		plug(2 + set, takes(set))->credit = 0;
	for (unsigned int i = 0; i < FRAMES; i++)
		make(from, i < FRAMES - 8 ? &large : &any);
	/* By bytes; then by frames. */
	for (unsigned int i = 0; i < 3 * (FRAMES - 8) / 8; i++)
		bring(from, &lan->sent[i * 8 % (FRAMES - 8)], 8, 3);
	for (unsigned int i = 2; i <= lan->n; i++) {
		struct receiver *r = &lan->rx[i];

		assert_true(r->lost[DROP_QUEUE_FULL] > 0);
		assert_true(r->ep.q.count < TXQ_FRAMES_MAX);
		room(r, TAKES_ALL);
		r->credit = 0;
	}
	for (unsigned int i = 0; i < 6; i++)
		bring(from, &lan->sent[FRAMES - 8], 8, 3);
	assert_int_equal(lan->rx[2].ep.q.count, TXQ_FRAMES_MAX);
	for (unsigned int i = 2; i <= lan->n; i++)
		room(&lan->rx[i], TAKES_ALL);
}

/* Segments that are too long for a frame, beside others. */
static void too_long(void **state UNUSED)
{
	const struct gso_limits large = { .gso_min = 65535, .segs_max = 1 }, small = { 0 };
	const unsigned int pieces[] = { 1, 7, 1000 };
	struct receiver *from = plug(1, 0);
	uint64_t lost = 0;

	for (unsigned int set = 0; set < SETS; set += 9)
		plug(2 + set, takes(set));
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		const struct sent *first = &lan->sent[lan->brought];

		while (&lan->sent[lan->brought] < first + 50) {
			struct sent *s = &lan->sent[lan->brought];
			size_t payload;

			if (!gso_rand(&lan->seed, 5)) {
				make(from, &small);
				continue;
			}
			make(from, &large);
			payload = s->gso.size - s->gso.hdr_len;
			lan->brought--;
			if (s->gso.tcp && !s->plain && payload > 65400) {
				lan->brought++;
				s->gso.gso_size = (unsigned int)payload - 1;
				s->gso.segs = 2;
				s->gso.hdr.gso_size = le16((uint16_t)s->gso.gso_size);
				s->gso.hdr.gso_type = s->gso.ipv6 ? VNET_GSO_TCPV6 : VNET_GSO_TCPV4;
			}
		}
		bring(from, first, 50, pieces[i]);
	}
	for (unsigned int i = 2; i <= lan->n; i++)
		lost += lan->rx[i].lost[DROP_TOO_LONG];
	assert_true(lost > 100);
}

/* Frames that are not to be cut may not be longer than others, with a tag neither. */
static void too_long_whole(void **state UNUSED)
{
	const struct gso_limits large = { .gso_min = 65535, .no_vlan = true, .csum_only = true };
	struct sent *s;

	make_vlan();
	lan->rx[3].tags = lan->rx[4].tags = 1;
	lan->rx[4].ep.takes = lan->rx[2].ep.takes = OFFLOAD_TAKES;
	for (size_t size = ETH_FRAME_MAX - 6; size <= ETH_FRAME_MAX + 6; size++) {
		do {
			s = make(&lan->rx[1], &large);
			lan->brought--;
		} while (s->gso.size < size || s->plain);
		lan->brought++;
		s->gso.size = size;
		gso_finish(&s->gso);
		bring(&lan->rx[1], s, 1, 4);
	}
	assert_true(lan->rx[1].lost[DROP_OVERSIZE] == 6);
	assert_true(lan->rx[3].lost[DROP_TOO_LONG] == 4);
	assert_true(lan->rx[4].lost[DROP_TOO_LONG] == 4);
}

/* More pieces than there is memory for: lost, counted, and alone in that. */
static void too_many_pieces(void **state UNUSED)
{
	const struct gso_limits few = { .gso_min = 1000, .no_vlan = true };
	struct receiver *from = plug(1, 0), *plain = plug(2, 0), *all = plug(3, OFFLOAD_TAKES);
	const unsigned int pieces[] = { 4090, 4094, 4095, 4096, 5000 };

	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		const struct sent *first = &lan->sent[lan->brought];
		const uint64_t before = plain->lost[DROP_TOO_LONG];
		struct frame f[3];
		struct copy c[3];

		while (lan->brought < 3 * i + 3) {
			struct sent *s = make(from, &few);

			lan->brought -= s->plain || s->gso.size < 20000;
		}
		for (unsigned int j = 0; j < 3; j++) {
			copy_make(&c[j], &f[j], &first[j], j == 1 ? 4 * pieces[i] : 3);
			/* Exactly as many as are wanted. */
			while (j == 1 && f[j].iovcnt < pieces[i])
				c[j].iov[f[j].iovcnt++] = (struct iovec){ c[j].rest, 0 };
			while (j == 1 && f[j].iovcnt > pieces[i]) {
				struct iovec *last = &c[j].iov[--f[j].iovcnt];

				last[-1].iov_len += last->iov_len;
			}
			expect(all, &first[j]);
			if (j == 1 && pieces[i] > 4095)
				plain->lost[DROP_TOO_LONG]++;
			else
				expect(plain, &first[j]);
		}
		vsw_input(&from->ep, f, 3);
		assert_int_equal(plain->lost[DROP_TOO_LONG] - before, pieces[i] > 4095);
		for (unsigned int j = 0; j < 3; j++) {
			free(c[j].head);
			free(c[j].rest);
			free(c[j].iov);
		}
	}
}

/* Who watches sees finished frames, and nobody gets others for it. */

static struct receiver *seen_in, *seen_out[5];

static void watch_frames_in(struct watcher *w UNUSED, const struct endpoint *from,
			    const struct frame *frames, unsigned int n)
{
	assert_int_equal(from->id, 1);
	for (unsigned int i = 0; i < n; i++)
		check_frame(seen_in, &frames[i]);
}

static void watch_frames_out(struct watcher *w UNUSED, const struct port *to,
			     const struct frame *const *frames, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		check_frame(seen_out[to->id], frames[i]);
}

static void watchers(void **state UNUSED)
{
	struct watcher both = { .in = watch_frames_in, .out = watch_frames_out };
	const struct gso_limits some = { .segs_max = 200 };
	struct receiver see[5] = { 0 };

	make_vlan();
	for (unsigned int i = 1; i <= 4; i++) {
		seen_out[i] = &see[i];
		lan->rx[i].tags = see[i].tags = i > 2;
		lan->rx[i].ep.takes = takes(i == 2 ? 63 : i == 3 ? 15 : 1);
		see[i].credit = TAKES_ALL;
	}
	seen_in = &see[0];
	see[0].credit = TAKES_ALL;
	watch_add(lan->vsw, &both);
	while (lan->brought + 8 < FRAMES) {
		const struct sent *first = &lan->sent[lan->brought];
		unsigned int n = 1 + gso_rand(&lan->seed, 8);

		for (unsigned int i = 0; i < n; i++) {
			make_tagged(&lan->rx[1], &some);
			for (unsigned int j = 0; j < 5; j++)
				if (j != 1)
					expect(&see[j], &first[i]);
		}
		bring(&lan->rx[1], first, n, 1 + gso_rand(&lan->seed, 9));
	}
	watch_remove(lan->vsw, &both);
	for (unsigned int i = 0; i < 5; i++) {
		assert_int_equal(see[i].next, see[i].count);
		free(see[i].items);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_set, setup, teardown),
		cmocka_unit_test_setup_teardown(full_batch, setup, teardown),
		cmocka_unit_test_setup_teardown(tags, setup, teardown),
		cmocka_unit_test_setup_teardown(queues, setup, teardown),
		cmocka_unit_test_setup_teardown(full_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(too_long_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(too_many_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(watchers, setup, teardown),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, NULL, NULL);
}
