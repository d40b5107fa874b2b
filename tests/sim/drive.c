/* SPDX-License-Identifier: BSD-2-Clause */
/* drive.c - A real switch lives through events, and is compared with the model
 *
 * What an end was given in a step is checked after the step: the frames are views on
 * memory of ours, or on the switch's own for frames with other tags, which are valid until
 * the next batch. What waits in a queue is checked when it comes out.
 */
#include "config.h"

#include "tests/sim/sim.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "switchd/admin.h"
#include "switchd/rstp.h"
#include "switchd/snoop.h"
#include "switchd/stp.h"
#include "switchd/vsw.h"
#include "switchd/watch.h"
#include "tests/topo/machine.h"

enum {
	PATTERN = 66000,
	CHECK_EVERY = 8,	/* steps */
	HELD_MAX_US = PATIENCE_MAX_US + 2 * PATIENCE_TICK_US,
};

/** struct end - Something plugged in, and what the model says waits for it
 * @took:	Frames that it took in this step, if none waited before
 * @offered:	How many it was offered
 * @died:	It said in this step that it is gone
 */
struct end {
	struct endpoint ep;
	struct sim *s;
	unsigned int port;
	bool plugged, blocked, broken, held, waiting;
	uint32_t credit;
	uint64_t held_us;
	struct bytes *queue;
	unsigned int first, count;
	uint64_t queue_bytes;
	const struct frame *took[SIM_BATCH];
	unsigned int tooks, offered, sends;
	bool died;
};

struct sim {
	const struct world *w;
	struct vsw_config cfg;
	struct vsw *vsw;
	struct model *m;
	struct end end[SIM_ENDS];
	struct fdb_log log;
	struct end *closed[SIM_ENDS];
	unsigned int closeds;
	struct watcher watcher;
	bool own;			/* the switch speaks for itself now */
	unsigned int no_memory;
	unsigned int steps;
	uint32_t serial;
	struct sim_frame frames[SIM_BATCH];
	uint64_t trace;
	uint64_t delivered;
	struct outcome *out;
};

static uint8_t pattern[PATTERN];
static struct bytes queues[SIM_ENDS][SIM_QUEUE];

void sim_fail(struct sim *s, const char *fmt, ...)
{
	va_list ap;

	if (!s->out->good)
		return;
	s->out->good = false;
	va_start(ap, fmt);
	vsnprintf(s->out->why, sizeof(s->out->why), fmt, ap);
	va_end(ap);
}

bool sim_failed(const struct sim *s)
{
	return !s->out->good;
}

static void trace(struct sim *s, uint64_t x)
{
	s->trace = (s->trace ^ x) * 0x9e3779b97f4a7c15;
	s->trace ^= s->trace >> 29;
}

/* Frames. */

/* Bytes of a frame being written. */
static void put(struct bytes *b, const void *p, size_t n)
{
	memcpy(b->hdr + b->hdr_size, p, n);
	b->hdr_size = (uint8_t)(b->hdr_size + n);
}

static void put16(struct bytes *b, unsigned int x)
{
	put(b, (const uint8_t[]){ (uint8_t)(x >> 8), (uint8_t)x }, 2);
}

static unsigned int sum16(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16)) & 0xffff;
}

/* Where IP frames go to: the group's address, or one of those for all. */
static void ip_destination(unsigned int to, uint8_t dst[4])
{
	static const uint8_t local[4] = { 224, 0, 0, 5 }, routers[4] = { 224, 0, 0, 2 };
	static const uint8_t all[4] = { 224, 0, 0, 1 };

	memcpy(dst, to == TO_LOCAL ? local : to == TO_ASK_ALL ? all :
	       to >= TO_LEAVE && to < TO_ASK ? routers :
	       sim_groups[(to - TO_GROUP) % SIM_GROUPS], 4);
}

/* IP, and IGMP version 2 in it or nothing. */
static void put_ip(struct bytes *b, unsigned int to)
{
	uint8_t ip[32] = { 0x46, 0, 0, 32, [8] = 1, [9] = to < TO_JOIN ? 17 : 2,
			   [12] = 10, 0, 0, 1, [20] = 0x94, 4 };
	const bool any = to == TO_ASK_ALL || to < TO_JOIN;
	unsigned int sum;

	ip_destination(to, ip + 16);
	sum = sum16(ip, 24);
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
	if (to >= TO_JOIN) {
		ip[24] = to < TO_LEAVE ? 0x16 : to < TO_ASK ? 0x17 : 0x11;
		ip[25] = to == TO_ASK_ALL ? 100 : to >= TO_ASK ? 10 : 0;
		memcpy(ip + 28, sim_groups[(to - TO_GROUP) % SIM_GROUPS], any ? 0 : 4);
		sum = sum16(ip + 24, 8);
		ip[26] = (uint8_t)(sum >> 8);
		ip[27] = (uint8_t)sum;
	}
	put(b, ip, sizeof(ip));
}

static void put_destination(struct bytes *b, unsigned int to)
{
	uint8_t a[6] = { 2, 0, 0, 0, 0, (uint8_t)(to + 1) }, ip[4];

	if (to == TO_BROADCAST)
		memset(a, 0xff, sizeof(a));
	else if (to == TO_GROUP_MAC)
		memcpy(a, (const uint8_t[]){ 1, 0, 0x5e, 0, 0, 5 }, sizeof(a));
	else if (to >= TO_RESERVED && to < TO_LOCAL)
		memcpy(a, (const uint8_t[]){ 1, 0x80, 0xc2, 0, 0,
		       sim_reserved[to - TO_RESERVED] }, sizeof(a));
	if (to >= TO_LOCAL) {
		ip_destination(to, ip);
		memcpy(a, (const uint8_t[]){ 1, 0, 0x5e, ip[1] & 0x7f, ip[2], ip[3] },
		       sizeof(a));
	}
	put(b, a, sizeof(a));
}

static void put_source(struct bytes *b, unsigned int from)
{
	const uint8_t a[6] = { from == FROM_ZERO ? 0 : from == FROM_GROUP ? 3 : 2, 0, 0, 0, 0,
			       from == FROM_ZERO ? 0 : (uint8_t)(from + 1) };

	put(b, a, sizeof(a));
}

/* Write the frame of an event. */
static void frame_make(struct sim *s, const struct sim_event *ev, struct sim_frame *f)
{
	const unsigned int tag = MIN(ev->d & D_TAG, (uint32_t)TAG_COUNT - 1);
	struct bytes *b = &f->as[FORM_AS_IS];
	const bool ip = ev->c >= TO_LOCAL;
	unsigned int tags = 0;

	f->ev = ev;
	f->tags = 0;
	f->tci = 0;
	f->as[FORM_UNTAGGED].hdr_size = f->as[FORM_TAGGED].hdr_size = 0;
	b->hdr_size = 0;
	put_destination(b, ev->c);
	put_source(b, ev->b);
	if (tag >= TAG_SINGLE && tag < TAG_PROVIDER) {
		f->tags = 1 + (tag >= TAG_DOUBLE);
		f->tci = (uint16_t)(sim_vids[(tag - TAG_SINGLE) % SIM_VIDS] |
				    (ev->d >> D_LUCK_SHIFT & 7) << 13);
		put16(b, ETH_TYPE_VLAN);
		put16(b, f->tci);
		tags = f->tags;
	}
	if (f->tags == 2) {
		put16(b, ETH_TYPE_VLAN);
		put16(b, 100);
	} else if (tag == TAG_PROVIDER) {
		put16(b, 0x88a8);
		put16(b, 100);
		tags = 1;
	}
	put16(b, ip ? 0x0800 : 0x88b5);
	if (ip)
		put_ip(b, ev->c);
	s->serial++;
	put(b, &s->serial, sizeof(s->serial));
	b->size = sim_sizes[(ev->d >> D_SIZE_SHIFT & D_SIZE) % SIM_SIZES];
	if (b->size < 60 && ip)
		b->size = 60;
	if (b->size == 60)
		b->size += 4 * tags;
	/* A tag that is cut off is none. */
	if (b->size < ETH_HDR_SIZE)
		f->tags = 0;
}

/* Whether a frame has these bytes, and the pattern behind them. */
static bool frame_is(const struct frame *f, const struct bytes *b)
{
	size_t at = 0;

	if (f->size != b->size)
		return false;
	for (unsigned int i = 0; i < f->iovcnt; i++) {
		const uint8_t *p = f->iov[i].iov_base;
		size_t left = f->iov[i].iov_len, n;

		if (at < b->hdr_size) {
			n = MIN(left, b->hdr_size - at);
			if (memcmp(p, b->hdr + at, n) != 0)
				return false;
			p += n;
			at += n;
			left -= n;
		}
		if (left && p != pattern + (at - b->hdr_size) &&
		    memcmp(p, pattern + (at - b->hdr_size), left) != 0)
			return false;
		at += left;
	}
	return at == b->size;
}

/* Queues, as the model has them. */

static struct bytes *queue_at(struct end *end, unsigned int i)
{
	return &end->queue[(end->first + i) % SIM_QUEUE];
}

static bool queue_has_room(const struct end *end, const struct bytes *b)
{
	return end->count < SIM_QUEUE && b->size <= SIM_QUEUE_BYTES - end->queue_bytes;
}

/* Return: whether there is room. */
static bool queue_push(struct end *end, const struct bytes *b)
{
	if (!queue_has_room(end, b))
		return false;
	*queue_at(end, end->count++) = *b;
	end->queue_bytes += b->size;
	return true;
}

static void queue_pop(struct end *end)
{
	end->queue_bytes -= queue_at(end, 0)->size;
	end->first = (end->first + 1) % SIM_QUEUE;
	end->count--;
}

static bool queue_is_high(const struct end *end)
{
	return end->count >= SIM_QUEUE_HIGH || end->queue_bytes >= SIM_QUEUE_BYTES_HIGH;
}

/* What is plugged in. */

static struct port_stats *end_stats(const struct end *end)
{
	return model_stats(end->s->m, end->port);
}

/* A frame of the switch's own: of those there are BPDUs only. */
static void end_own(struct end *end, const struct frame *f, bool taken)
{
	static const uint8_t dst[6] = { 1, 0x80, 0xc2, 0, 0, 0 };
	struct bytes b = { .size = (uint32_t)f->size, .hdr_size = (uint8_t)f->size };

	if (f->size > SIM_HDR || memcmp(f->head, dst, sizeof(dst)) != 0) {
		sim_fail(end->s, "P3: a frame from nowhere at port %u", end->port);
		return;
	}
	memcpy(b.hdr, f->head, f->size);
	if (!taken && !queue_push(end, &b))
		end_stats(end)->drop[DROP_QUEUE_FULL]++;
}

static unsigned int end_send(struct endpoint *ep, const struct frame *const *frames,
			     unsigned int n)
{
	struct end *end = container_of(ep, struct end, ep);
	unsigned int k = end->blocked ? MIN(n, end->credit) : n;
	const bool waited = end->count;
	uint64_t bytes = 0;

	if (!end->plugged || end->died)
		sim_fail(end->s, "P7: port %u gets frames, and is gone", end->port);
	end->sends++;
	end->offered = n;
	if (end->broken) {
		end->died = true;
		endpoint_dead(ep, "it broke");
		return 0;
	}
	end->credit -= end->blocked ? k : 0;
	for (unsigned int i = 0; i < n; i++) {
		if (i < k)
			bytes += frames[i]->size;
		if (waited && i < k) {
			if (!end->count || !frame_is(frames[i], queue_at(end, 0)))
				sim_fail(end->s, "P2: port %u gets another frame than the first "
					 "that waits", end->port);
			else
				queue_pop(end);
		} else if (!waited && end->s->own) {
			end_own(end, frames[i], i < k);
		} else if (!waited && i < k) {
			end->took[end->tooks++] = frames[i];
		}
	}
	endpoint_sent(ep, k, bytes);
	end_stats(end)->tx_frames += k;
	end_stats(end)->tx_bytes += bytes;
	end->s->delivered += k;
	trace(end->s, (uint64_t)end->port << 32 | (uint64_t)k << 40 | bytes);
	return k;
}

static void end_wait_send(struct endpoint *ep, bool on)
{
	container_of(ep, struct end, ep)->waiting = on;
}

static void end_hold(struct endpoint *ep, bool on)
{
	struct end *end = container_of(ep, struct end, ep);

	end->held = on;
	end->held_us = machine_now_us;
}

static void end_close(struct endpoint *ep)
{
	struct end *end = container_of(ep, struct end, ep);
	const struct sim *s = end->s;

	for (unsigned int e = 0; e < SIM_ENDS; e++)
		if (s->end[e].plugged && s->end[e].ep.waits_for == ep)
			sim_fail(end->s, "P8: port %u waits for one that is gone",
				 s->end[e].port);
	if (ev_is_active(&ep->patience))
		sim_fail(end->s, "P7: a timer of port %u runs on", end->port);
	end->plugged = false;
	end->s->closed[end->s->closeds++] = end;
}

static const struct endpoint_ops end_ops = {
	.module = "sim",
	.send = end_send,
	.wait_send = end_wait_send,
	.hold = end_hold,
	.close = end_close,
};

/* What the switch says for itself goes behind what waits. */
static void sim_watch_out(struct watcher *watcher, const struct port *port,
			  const struct frame *const *frames, unsigned int n)
{
	struct sim *s = container_of(watcher, struct sim, watcher);

	for (unsigned int i = 0; s->own && i < n; i++) {
		for (struct endpoint *ep = port->endpoints; ep; ep = ep->next) {
			struct end *end = container_of(ep, struct end, ep);

			if (end->died)
				end_stats(end)->drop[DROP_CLOSED]++;
			else if (end->count)
				end_own(end, frames[i], false);
			else if (end->broken)
				end_stats(end)->drop[DROP_CLOSED]++;
		}
	}
}

static void sim_fdb_changed(void *ctx, enum fdb_change what, const struct fdb_info *info)
{
	struct sim *s = ctx;
	struct fdb_log *log = &s->log;
	unsigned int vid = 0;

	while (vid < SIM_VIDS && sim_vids[vid] != info->vid)
		vid++;
	if (vid == SIM_VIDS || log->count == SIM_FDB_LOG || info->addr.b[0] != 2 ||
	    !info->addr.b[5] || info->addr.b[5] > SIM_STATIONS) {
		sim_fail(s, "P4: an address that nobody has");
		return;
	}
	log->entry[log->count].what = (uint8_t)what;
	log->entry[log->count].vid = (uint8_t)vid;
	log->entry[log->count].station = (uint8_t)(info->addr.b[5] - 1);
	log->entry[log->count++].port = info->port;
	trace(s, (uint64_t)what << 48 | (uint64_t)vid << 40 |
	      (uint64_t)info->addr.b[5] << 32 | info->port);
}

/* Steps. */

/* What went in this step goes from the model, too. */
static void sim_reap(struct sim *s)
{
	for (unsigned int i = 0; i < s->closeds; i++) {
		struct end *end = s->closed[i];

		end_stats(end)->drop[DROP_CLOSED] += end->count;
		end->count = 0;
		end->queue_bytes = 0;
		model_unplugged(s->m, end->port, &s->log);
	}
	s->closeds = 0;
	model_forgot(s->m, &s->log);
}

static void sim_begin(struct sim *s)
{
	s->own = true;
	machine_look();
	sim_reap(s);
}

/* Ports that the spanning tree opens, as bits. */
static void sim_states(const struct sim *s, uint32_t *forwards, uint32_t *learns)
{
	*forwards = *learns = 0;
	for (unsigned int p = 0; p < s->w->ports; p++) {
		const struct port *port = s->vsw->ports[p];
		struct rstp_port_info info;

		if (!port || !port->active)
			continue;
		*forwards |= (uint32_t)port->forwarding << p;
		if (!s->vsw->stp)
			*learns |= 1u << p;
		else if (!stp_port_get_info(port, &info) && info.state != RSTP_DISCARDING)
			*learns |= 1u << p;
	}
}

static const struct bytes *wanted(const struct sim *s, const struct want *want)
{
	return &s->frames[want->frame].as[want->form];
}

/* Whether what waits for an end is what would, if the first @fail frames that have to wait
 * found no memory. */
static bool end_has_lost(struct end *end, const struct want *want, unsigned int n,
			 unsigned int fail)
{
	const unsigned int count = end->count;
	const uint64_t bytes = end->queue_bytes;
	bool same = true;

	for (unsigned int i = end->tooks; i < n && same; i++) {
		const struct bytes *b = wanted(end->s, &want[i]);

		if (!queue_has_room(end, b))
			continue;
		if (fail) {
			fail--;
			continue;
		}
		same = end->count < end->ep.q.count;
		if (same) {
			const struct frame f = txq_peek(&end->ep.q, end->count);

			same = frame_is(&f, b);
		}
		end->count++;
		end->queue_bytes += b->size;
	}
	same = same && !fail && end->count == end->ep.q.count;
	end->count = count;
	end->queue_bytes = bytes;
	return same;
}

/* How many of the frames for an end were lost for want of memory, at most @most. */
static unsigned int end_lost(struct end *end, const struct want *want, unsigned int n,
			     unsigned int most)
{
	unsigned int fail = most;

	while (fail && !end_has_lost(end, want, n, fail))
		fail--;
	return fail;
}

/* What an end was given is what the model gives it, and the rest waits. @lost is of memory
 * that ran out. */
static void end_check(struct end *end, const struct want *want, unsigned int n, bool waited,
		      unsigned int *lost)
{
	struct sim *s = end->s;
	unsigned int fail;

	if (end->sends > 1)
		sim_fail(s, "P8: %u sends to port %u in a batch", end->sends, end->port);
	if (!n || waited) {
		if (end->sends)
			sim_fail(s, n ? "P2: port %u is sent to while frames wait" :
				 "P3: port %u is sent to, and nothing is for it", end->port);
	} else if (end->offered != n) {
		sim_fail(s, "P1: port %u is offered %u frames of %u", end->port, end->offered, n);
	}
	if (end->died) {
		end_stats(end)->drop[DROP_CLOSED] += n;
		return;
	}
	for (unsigned int i = 0; i < end->tooks && i < n; i++)
		if (!frame_is(end->took[i], wanted(s, &want[i])))
			sim_fail(s, "P6: port %u gets frame %u of the batch as another one",
				 end->port, want[i].frame);
	fail = end_lost(end, want, n, *lost);
	*lost -= fail;
	for (unsigned int i = end->tooks; i < n; i++) {
		const struct bytes *b = wanted(s, &want[i]);

		if (fail && queue_has_room(end, b))
			fail--;
		else if (queue_push(end, b))
			continue;
		end_stats(end)->drop[DROP_QUEUE_FULL]++;
	}
	if (end->count != end->ep.q.count || end->queue_bytes != end->ep.q.bytes)
		sim_fail(s, "P1: %u frames of %zu bytes wait for port %u, not %u of %u",
			 end->ep.q.count, end->ep.q.bytes, end->port, end->count,
			 (unsigned int)end->queue_bytes);
}

/* A sender that is held back now: was it for a long queue of a unicast receiver? */
static void sim_check_hold(struct sim *s, const struct end *from)
{
	for (unsigned int e = 0; e < SIM_ENDS; e++) {
		unsigned int n;
		bool unicast;

		if (!s->end[e].plugged)
			continue;
		model_wants(s->m, s->end[e].port, &n, &unicast);
		if (unicast && queue_is_high(&s->end[e]))
			return;
	}
	sim_fail(s, "P8: port %u is held back for nobody", from->port);
}

static void sim_check_stats(struct sim *s)
{
	for (unsigned int p = 0; p < s->w->ports; p++) {
		const struct port_stats *is, *want = model_stats(s->m, p);

		if (!s->vsw->ports[p])
			continue;
		is = &s->vsw->ports[p]->stats;
		if (!memcmp(is, want, sizeof(*is)))
			continue;
		for (unsigned int i = 0; i < DROP_REASON_COUNT; i++)
			if (is->drop[i] != want->drop[i])
				sim_fail(s, "P1: port %u has dropped %llu (%s), not %llu", p,
					 (unsigned long long)is->drop[i], drop_reason_name(i),
					 (unsigned long long)want->drop[i]);
		sim_fail(s, "P1: port %u: %llu frames in, %llu out, not %llu and %llu", p,
			 (unsigned long long)is->rx_frames, (unsigned long long)is->tx_frames,
			 (unsigned long long)want->rx_frames,
			 (unsigned long long)want->tx_frames);
	}
}

static void sim_input(struct sim *s, struct end *from, struct frame *f, unsigned int n)
{
	bool waited[SIM_ENDS], was_held = from->held;
	unsigned int lost = s->no_memory;
	uint32_t forwards, learns;

	for (unsigned int e = 0; e < SIM_ENDS; e++) {
		struct end *end = &s->end[e];

		waited[e] = end->count;
		end->tooks = end->offered = end->sends = 0;
	}
	sim_states(s, &forwards, &learns);
	s->own = false;
	machine_no_memory = s->no_memory;
	vsw_input(&from->ep, f, n);
	lost -= machine_no_memory;
	machine_no_memory = s->no_memory = 0;
	model_input(s->m, from->port, s->frames, n, machine_now_us / 1000, forwards, learns,
		    &s->log);
	for (unsigned int e = 0; e < SIM_ENDS; e++) {
		struct end *end = &s->end[e];
		const struct want *want;
		unsigned int wants;
		bool unicast;

		if (!end->plugged)
			continue;
		want = model_wants(s->m, end->port, &wants, &unicast);
		if (wants || end->sends)
			end_check(end, want, wants, waited[e], &lost);
	}
	if (from->held && !was_held)
		sim_check_hold(s, from);
	if (lost)
		sim_fail(s, "P1: memory ran out, and no frame was lost");
}

/* The batch that begins with an event. Return: how many events it has. */
static unsigned int step_frames(struct sim *s, const struct sim_event *ev, unsigned int max)
{
	static uint8_t heads[SIM_BATCH][SIM_HDR];
	struct iovec iov[SIM_BATCH][2];
	struct frame f[SIM_BATCH];
	struct end *from = &s->end[ev->a];
	unsigned int n = 1;

	while (n < max && n < SIM_BATCH && (ev[n - 1].d & D_MORE) && ev[n].op == OP_FRAME &&
	       ev[n].a == ev->a)
		n++;
	if (!from->plugged || from->held)
		return n;
	for (unsigned int i = 0; i < n; i++) {
		const struct bytes *b = &s->frames[i].as[FORM_AS_IS];
		size_t head;

		frame_make(s, &ev[i], &s->frames[i]);
		head = MIN(b->size, (uint32_t)SIM_HDR);
		memcpy(heads[i], b->hdr, b->hdr_size);
		memcpy(heads[i] + b->hdr_size, pattern, (size_t)SIM_HDR - b->hdr_size);
		iov[i][0] = (struct iovec){ heads[i], head };
		iov[i][1] = (struct iovec){ pattern + SIM_HDR - b->hdr_size, b->size - head };
		f[i] = (struct frame){
			.head = heads[i], .head_size = head, .size = b->size, .iov = iov[i],
			.iovcnt = b->size > head ? 2 : 1,
		};
	}
	sim_input(s, from, f, n);
	return n;
}

/* A BPDU comes in: the spanning tree is what the switch says, and is not modelled. */
static void step_bpdu(struct sim *s, const struct sim_event *ev)
{
	const unsigned int luck = ev->d >> D_LUCK_SHIFT;
	uint8_t b[60] = { 1, 0x80, 0xc2, 0, 0, 0, [12] = 0, 39, 0x42, 0x42, 3, 0, 0, 2, 2,
			  [21] = (uint8_t)(luck & 1 ? 0x0e : 0x49), [22] = luck & 2 ? 0x10 : 0xf0,
			  [29] = 7, [34] = luck & 2 ? 0x10 : 0xf0, [41] = (uint8_t)(luck >> 2),
			  [43] = (uint8_t)(1 + (luck >> 2 & 1)), [44] = 0, 0, 20, 0, 2, 0, 15, 0 };
	const struct iovec iov = { b, sizeof(b) };
	const struct frame f = { b, sizeof(b), sizeof(b), &iov, 1, NULL };
	struct end *from = &s->end[ev->a];

	if (!from->plugged || from->held || !s->w->stp)
		return;
	for (unsigned int e = 0; e < SIM_ENDS; e++)
		s->end[e].tooks = s->end[e].sends = 0;
	s->own = true;
	vsw_input(&from->ep, &f, 1);
	model_stats(s->m, from->port)->rx_frames++;
	model_stats(s->m, from->port)->rx_bytes += sizeof(b);
	model_stats(s->m, from->port)->drop[DROP_CONTROL]++;
	model_forgot(s->m, &s->log);
}

static void step_time(struct sim *s, uint32_t us)
{
	machine_now_us += us;
	s->own = true;
	machine_look();
	sim_reap(s);
	machine_turn();
	model_time(s->m, machine_now_us, &s->log);
	for (unsigned int e = 0; e < SIM_ENDS; e++)
		if (s->end[e].plugged && s->end[e].held &&
		    machine_now_us - s->end[e].held_us > HELD_MAX_US)
			sim_fail(s, "P8: port %u is held back for more than %d us",
				 s->end[e].port, HELD_MAX_US);
}

static void step_plug(struct sim *s, unsigned int e)
{
	const struct port_client who = PORT_CLIENT_OPERATOR;
	struct end *end = &s->end[e];
	unsigned int spare;
	int ret;

	if (end->plugged)
		return;
	*end = (struct end){ .s = s, .port = e % s->w->ports, .queue = queues[e] };
	end->ep = (struct endpoint){ .ops = &end_ops, .id = (int)e, .uid = (uid_t)-1 };
	end->plugged = true;
	machine_no_memory = s->no_memory;
	ret = port_plug(s->vsw, (uint16_t)end->port, &end->ep, &who);
	spare = machine_no_memory;
	machine_no_memory = 0;
	end->plugged = !ret;
	if (ret && (ret != -ENOMEM || spare == s->no_memory))
		sim_fail(s, "port %u: plugging in is refused: %s", end->port, strerror(-ret));
	s->no_memory = 0;
	if (!ret)
		model_plugged(s->m, end->port);
}

static void step_take(struct sim *s, struct end *end, uint32_t n)
{
	if (!end->plugged)
		return;
	end->blocked = n;
	end->credit = n;
	for (unsigned int e = 0; e < SIM_ENDS; e++)
		s->end[e].tooks = s->end[e].sends = 0;
	s->own = false;
	if (end->waiting)
		endpoint_can_send(&end->ep);
	if (end->waiting != (end->count > 0) && !end->died)
		sim_fail(s, "port %u %s", end->port, end->count ? "is forgotten" :
			 "is watched for nothing");
}

/* A command, by the functions that the console uses. Return: 0 or -errno. */
static int command_run(struct sim *s, const struct sim_event *ev)
{
	const unsigned int vid = ev->b < SIM_VIDS ? sim_vids[ev->b] : VLAN_NONE;
	struct vsw *vsw = s->vsw;
	unsigned int made;

	switch ((enum op)ev->op) {
	case OP_VLAN_MAKE:
		return admin_vlan_create(vsw, vid);
	case OP_VLAN_REMOVE:
		return admin_vlan_remove(vsw, vid);
	case OP_UNTAGGED:
		return admin_port_vlan(vsw, ev->a, vid);
	case OP_TAGGED:
		return admin_vlan_add_port(vsw, vid, ev->a);
	case OP_NOT_TAGGED:
		return admin_vlan_del_port(vsw, vid, ev->a);
	case OP_FLUSH:
		return admin_flush_addresses(vsw, ev->a);
	case OP_STORM:
		return admin_port_storm(vsw, ev->a, ev->b, ev->d);
	case OP_FAST_LEAVE:
		return admin_mcast_fast_leave(vsw, ev->a, ev->b);
	case OP_CREATE:
		return admin_port_create(vsw, ev->a, &made);
	case OP_REMOVE:
		return admin_port_remove(vsw, ev->a);
	case OP_AGEING:
		fdb_set_ageing(vsw->bridge.fdb, (uint64_t)ev->d * 1000);
		return 0;
	case OP_MIN_STAY:
		fdb_set_min_stay(vsw->bridge.fdb, (uint64_t)ev->d * 1000);
		return 0;
	case OP_FLUSH_ALL:
		admin_flush_all_addresses(vsw);
		return 0;
	case OP_HUB:
		admin_hub(vsw, ev->b);
		return 0;
	case OP_SNOOP:
		snoop_set(vsw, ev->b);
		return 0;
	case OP_RESET:
		admin_reset_all_counters(vsw);
		return 0;
	default:
		return -ENOSYS;
	}
}

static void step_command(struct sim *s, const struct sim_event *ev)
{
	unsigned int spare;
	int ret, want;

	/* Port 0 is made by plugging something in only; a tree is for switches. */
	if ((ev->op == OP_CREATE && !ev->a) || ev->a >= s->w->ports ||
	    (s->w->stp && (ev->op == OP_HUB || ev->op == OP_SNOOP)))
		return;
	machine_no_memory = s->no_memory;
	ret = command_run(s, ev);
	spare = s->no_memory - machine_no_memory;
	machine_no_memory = s->no_memory = 0;
	if (ret == -ENOMEM && spare) {
		/* P9: nothing has happened. */
		model_forgot(s->m, &s->log);
		return;
	}
	want = model_command(s->m, ev, machine_now_us / 1000, &s->log);
	if (ret != want)
		sim_fail(s, "the command is answered with %d, not %d", ret, want);
	model_time(s->m, machine_now_us, &s->log);
}

/* Return: how many events were done. */
static unsigned int sim_step(struct sim *s, const struct sim_event *ev, unsigned int max)
{
	struct end *end = &s->end[ev->a];

	sim_begin(s);
	if (s->steps++ % CHECK_EVERY == 0)
		sim_check_stats(s);
	switch ((enum op)ev->op) {
	case OP_FRAME:
		if (ev->c != TO_BPDU)
			return step_frames(s, ev, max);
		step_bpdu(s, ev);
		break;
	case OP_TIME:
		step_time(s, ev->d);
		break;
	case OP_TAKE:
		step_take(s, end, ev->d);
		break;
	case OP_BLOCK:
		end->blocked = true;
		end->credit = 0;
		break;
	case OP_BREAK:
		end->broken = true;
		break;
	case OP_PLUG:
		step_plug(s, ev->a);
		break;
	case OP_UNPLUG:
		if (end->plugged)
			endpoint_close(&end->ep);
		sim_reap(s);
		break;
	case OP_NO_MEMORY:
		s->no_memory = ev->d;
		break;
	default:
		step_command(s, ev);
		break;
	}
	return 1;
}

/* The end: all is as the model has it, and goes. */

static void check_address(void *ctx, const struct fdb_info *info)
{
	struct sim *s = ctx;
	unsigned int vid = 0;

	while (sim_vids[vid] != info->vid)
		vid++;
	if (model_where(s->m, vid, info->addr.b[5] - 1u) != info->port)
		sim_fail(s, "P9: the table has a station at another port");
}

static void check_member(void *ctx, const struct mcast_info *info)
{
	const uint8_t *ip = info->group.s6_addr + 12;
	unsigned int vid = 0, group = 0;
	struct sim *s = ctx;

	while (sim_vids[vid] != info->vid)
		vid++;
	while (group < SIM_GROUPS && (info->router || memcmp(sim_groups[group], ip, 4)))
		group++;
	if (!model_member(s->m, vid, group, info->port))
		sim_fail(s, "P9: port %u is in a group that it did not join", info->port);
}

static void sim_finish(struct sim *s)
{
	sim_begin(s);
	sim_check_stats(s);
	if (fdb_count(s->vsw->bridge.fdb) != model_addresses(s->m))
		sim_fail(s, "P9: the table has %u addresses, not %u",
			 fdb_count(s->vsw->bridge.fdb), model_addresses(s->m));
	fdb_foreach(s->vsw->bridge.fdb, machine_now_us / 1000, check_address, s);
	mcast_foreach(s->vsw->mcast, machine_now_us / 1000, check_member, s);
	for (unsigned int e = 0; e < SIM_ENDS; e++)
		if (s->end[e].plugged)
			endpoint_close(&s->end[e].ep);
	sim_reap(s);
	sim_check_stats(s);
	if (s->vsw->active_count || s->vsw->forwarding_count || s->vsw->dead ||
	    fdb_count(s->vsw->bridge.fdb))
		sim_fail(s, "P9: something is left when all have gone");
}

static void sim_start(struct sim *s)
{
	struct vsw *vsw;

	s->cfg = (struct vsw_config){
		.numports = s->w->ports,
		.hashsize = 128,
		.hub = s->w->hub,
		.vlan_mode = s->w->vlan_mode,
		.reserved = s->w->reserved,
		.mcast_snooping = s->w->snooping,
		.priority = RSTP_PRIORITY_DEFAULT,
		.addr = { { 2, 0, 0, 0, 1, 1 } },
	};
	vsw = s->vsw = vsw_create_bare(machine_loop, &s->cfg);
	if (!vsw)
		abort();
	fdb_destroy(vsw->bridge.fdb);
	vsw->bridge.fdb = fdb_create(s->w->addresses, s->w->ports + 1,
				     (struct siphash_key){ machine_random(), 1 });
	if (!vsw->bridge.fdb || (s->w->stp && stp_start(vsw)))
		abort();
	fdb_watch(vsw->bridge.fdb, sim_fdb_changed, s);
	s->watcher.out = sim_watch_out;
	if (s->w->stp)
		watch_add(vsw, &s->watcher);
	model_time(s->m, machine_now_us, &s->log);
}

void sim_run(const struct world *w, const struct sim_event *ev, unsigned int n,
	     struct outcome *out)
{
	static struct sim s;
	unsigned int i = 0;

	if (!pattern[1])
		for (size_t k = 0; k < sizeof(pattern); k++)
			pattern[k] = (uint8_t)(k * 31 + (k >> 8) + 1);
	*out = (struct outcome){ .good = true };
	s = (struct sim){ .w = w, .out = out };
	machine_reset(w->seed);
	s.m = model_create(&s, w);
	sim_start(&s);
	while (i < n && out->good)
		i += sim_step(&s, &ev[i], n - i);
	out->events = i;
	if (out->good)
		sim_finish(&s);
	out->trace = s.trace;
	out->delivered = s.delivered;
	vsw_destroy(s.vsw);
	model_destroy(s.m);
}
