/* SPDX-License-Identifier: BSD-2-Clause */
/* wire.c - One direction of a wire: what becomes of a frame, and when */
#include "config.h"

#include "plug/wire.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WIRE_FAR_NS	((uint64_t)1 << 62)	/* later than anything is ever due */
#define WIRE_NS_PER_S	1e9
#define WIRE_NS_PER_MS	1e6
#define WIRE_NOISE_BITS	0x1p23			/* bits that noise is counted in */

enum {
	WIRE_HEAP_MIN = 64,
	WIRE_LATE_NS = 100000000,	/* an interface's backlog may be served so late */
};

static const char *const wire_drop_texts[] = {
#define X(name, text)	[WIRE_DROP_##name] = text,
	WIRE_DROPS(X)
#undef X
};

static_assert(ARRAY_SIZE(wire_drop_texts) == WIRE_DROP_COUNT, "each reason has a text");

const char *wire_drop_text(enum wire_drop reason)
{
	return wire_drop_texts[reason];
}

void wire_init(struct wire *w, uint64_t seed)
{
	*w = (struct wire){
		.fifo = true,
		.queue_bytes = WIRE_QUEUE_BYTES,
		.random = { seed },
	};
}

void wire_free(struct wire *w)
{
	for (unsigned int i = 0; i < w->count; i++)
		free(w->heap[i].bytes);
	free(w->heap);
	w->heap = NULL;
	w->count = w->room = 0;
	w->bytes = 0;
}

bool wire_value_is_for(enum wire_param param, const struct wire_value *v)
{
	if (param == WIRE_LOSS || param == WIRE_DUP)
		return v->base <= 100.;
	return param != WIRE_MTU || v->variation <= 0.;
}

static double wire_draw(struct wire *w, enum wire_param param)
{
	return wire_value_draw(&w->params.v[param], &w->random);
}

/* Whether something of this probability happens. What is certain takes no chance. */
static bool wire_chance(struct wire *w, double probability)
{
	return probability > 0. &&
	       (probability >= 1. || wire_random_unit(&w->random) < probability);
}

/* Pass @size bytes, at the earliest at @from_ns. Return: when the last one is through. */
static uint64_t wire_rate_pass(struct wire_rate *rate, uint64_t from_ns, size_t size,
			       double bytes_per_s)
{
	double ns;

	if (from_ns > rate->free_ns) {
		rate->free_ns = from_ns;
		rate->rest_ns = 0.;
	}
	if (bytes_per_s <= 0.)
		return from_ns;
	ns = (double)size * WIRE_NS_PER_S / bytes_per_s + rate->rest_ns;
	if (ns >= (double)(WIRE_FAR_NS - rate->free_ns)) {
		rate->free_ns = WIRE_FAR_NS;
		return WIRE_FAR_NS;
	}
	rate->free_ns += (uint64_t)ns;
	rate->rest_ns = ns - (double)(uint64_t)ns;
	return rate->free_ns;
}

/* Speed. */

uint64_t wire_accepts_at(const struct wire *w)
{
	return w->interface.free_ns;
}

bool wire_accepts(struct wire *w, uint64_t now_ns)
{
	if (now_ns >= w->interface.free_ns)
		return true;
	w->refused = true;
	return false;
}

/* Send a frame into the wire. Return: when its last bit is on it. */
static uint64_t wire_transmit(struct wire *w, size_t size, uint64_t now_ns)
{
	uint64_t free_ns = w->interface.free_ns, sent_ns;

	/* Who had to wait follows the frame before at once, however late he was told
	 * to go on, and so do others until the time lost is made up for. */
	w->refused &= now_ns - free_ns < WIRE_LATE_NS;
	sent_ns = wire_rate_pass(&w->interface, w->refused ? MIN(now_ns, free_ns) : now_ns,
				 size, wire_draw(w, WIRE_SPEED));
	w->refused &= sent_ns <= now_ns;
	return sent_ns;
}

/* Loss. */

static bool wire_loses(struct wire *w)
{
	double loss = wire_draw(w, WIRE_LOSS) / 100.;
	double burst = wire_draw(w, WIRE_LOSTBURST);

	if (burst <= 0. || loss >= 1.) {
		w->bad = false;
		return wire_chance(w, loss);
	}
	burst = MAX(burst, 1.);
	if (w->bad)
		w->bad = !wire_chance(w, 1. / burst);
	else
		w->bad = wire_chance(w, loss / (burst * (1. - loss)));
	return w->bad;
}

/* Noise. */

/* Flip each bit with the same probability: go from one to the next that is hit. */
static void wire_noise(struct wire *w, uint8_t *bytes, size_t size)
{
	double probability = wire_draw(w, WIRE_NOISE) / WIRE_NOISE_BITS;
	double bits = (double)size * 8., at = -1., scale;

	if (probability <= 0.)
		return;
	scale = probability < 1. ? 1. / log1p(-probability) : 0.;
	for (;;) {
		size_t bit;

		at += 1. + floor(log1p(-wire_random_unit(&w->random)) * scale);
		if (!(at < bits))
			return;
		bit = (size_t)at;
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		w->stats.bits++;
	}
}

/* The heap. */

static bool frame_before(const struct wire_frame *a, const struct wire_frame *b)
{
	if (a->due_ns != b->due_ns)
		return a->due_ns < b->due_ns;
	return a->order < b->order;
}

/* Have room for one more. Return: false if there is no memory. */
static bool heap_reserve(struct wire *w)
{
	unsigned int room = w->room ? 2 * w->room : WIRE_HEAP_MIN;
	struct wire_frame *more;

	if (w->count < w->room)
		return true;
	more = realloc(w->heap, room * sizeof(*more));
	if (!more)
		return false;
	w->heap = more;
	w->room = room;
	return true;
}

static void heap_insert(struct wire *w, const struct wire_frame *frame)
{
	unsigned int i = w->count++;

	while (i && frame_before(frame, &w->heap[(i - 1) / 2])) {
		w->heap[i] = w->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	w->heap[i] = *frame;
}

static void heap_remove_first(struct wire *w)
{
	const struct wire_frame last = w->heap[--w->count];
	unsigned int i = 0, child;

	while ((child = 2 * i + 1) < w->count) {
		if (child + 1 < w->count &&
		    frame_before(&w->heap[child + 1], &w->heap[child]))
			child++;
		if (!frame_before(&w->heap[child], &last))
			break;
		w->heap[i] = w->heap[child];
		i = child;
	}
	w->heap[i] = last;
}

/* When a frame that was sent at @sent_ns is due. */
static uint64_t wire_due(struct wire *w, size_t size, uint64_t sent_ns)
{
	double delay_ns = wire_draw(w, WIRE_DELAY) * WIRE_NS_PER_MS;
	uint64_t due_ns;

	due_ns = wire_rate_pass(&w->bottleneck, sent_ns, size, wire_draw(w, WIRE_BAND));
	if (delay_ns < (double)(WIRE_FAR_NS - due_ns))
		due_ns += (uint64_t)delay_ns;
	else
		due_ns = WIRE_FAR_NS;
	if (w->fifo)
		due_ns = MAX(due_ns, w->last_due_ns);
	w->last_due_ns = MAX(due_ns, w->last_due_ns);
	return due_ns;
}

/* One copy of a frame enters the queue. Return: WIRE_SENT, or why not. */
static enum wire_drop wire_enqueue(struct wire *w, const void *bytes, size_t size,
				   uint64_t sent_ns)
{
	double chanbufsize = wire_draw(w, WIRE_CHANBUFSIZE);
	struct wire_frame frame = { .size = size };

	if (chanbufsize > 0. && (double)(w->bytes + size) > chanbufsize)
		return WIRE_DROP_CHANBUFSIZE;
	if (w->count == WIRE_QUEUE_FRAMES || w->bytes + size > w->queue_bytes)
		return WIRE_DROP_QUEUE;
	frame.bytes = heap_reserve(w) ? malloc(size) : NULL;
	if (!frame.bytes)
		return WIRE_DROP_MEMORY;
	memcpy(frame.bytes, bytes, size);
	wire_noise(w, frame.bytes, size);
	frame.due_ns = wire_due(w, size, sent_ns);
	frame.order = w->order++;
	heap_insert(w, &frame);
	w->bytes += size;
	return WIRE_SENT;
}

unsigned int wire_push(struct wire *w, const void *frame, size_t size, uint64_t now_ns)
{
	double mtu = w->params.v[WIRE_MTU].base;
	unsigned int copies = 0, queued = 0;
	uint64_t sent_ns;

	w->stats.in++;
	w->stats.in_bytes += size;
	if (mtu > 0. && (double)size > mtu) {
		w->stats.drop[WIRE_DROP_MTU]++;
		return 0;
	}
	sent_ns = wire_transmit(w, size, now_ns);
	if (wire_loses(w)) {
		w->stats.drop[WIRE_DROP_LOSS]++;
		return 0;
	}
	do {
		enum wire_drop fate = wire_enqueue(w, frame, size, sent_ns);

		if (fate == WIRE_SENT)
			queued++;
		else
			w->stats.drop[fate]++;
	} while (++copies < WIRE_COPIES_MAX &&
		 wire_chance(w, wire_draw(w, WIRE_DUP) / 100.));
	w->stats.dup += copies - 1;
	return queued;
}

uint64_t wire_next(const struct wire *w)
{
	return w->count ? w->heap[0].due_ns : WIRE_NEVER;
}

const struct wire_frame *wire_peek(const struct wire *w, uint64_t now_ns)
{
	return wire_next(w) <= now_ns ? &w->heap[0] : NULL;
}

void wire_pop(struct wire *w, enum wire_drop fate)
{
	const struct wire_frame frame = w->heap[0];

	if (fate == WIRE_SENT) {
		w->stats.out++;
		w->stats.out_bytes += frame.size;
	} else {
		w->stats.drop[fate]++;
	}
	w->bytes -= frame.size;
	free(frame.bytes);
	heap_remove_first(w);
}
