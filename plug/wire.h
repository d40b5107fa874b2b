/* SPDX-License-Identifier: BSD-2-Clause */
/* wire.h - One direction of a wire: what becomes of a frame, and when
 *
 * DOC: Theory of operation
 *
 * A frame that comes meets, in this order:
 *
 *   mtu		longer ones are dropped
 *   speed		the interface takes its time to send it; the next one may come
 *			when that is over (wire_accepts())
 *   loss, lostburst	it is lost, alone or in bursts (Gilbert's model: in the bad state
 *			all is lost; it is left with probability 1/lostburst, and
 *			entered so often that the whole loss is the one wanted)
 *   dup		it may become two, and the second one two again
 *   chanbufsize	no copy may wait that makes the waiting ones more than this
 *   noise		bits are flipped, each with the same small probability
 *   band		it goes through a bottleneck, one after the other
 *   delay		and takes a while to arrive, not to overtake another if fifo
 *
 * and so has a time when it is due. Until then it waits here, in a heap ordered by
 * that time. 0 switches each of these off. A parameter that varies is drawn anew for
 * each frame.
 *
 * Times are nanoseconds. Fractions of one are carried from frame to frame, so a rate
 * is exact in the long run, and no timer's resolution is in it: whoever looks late at
 * what is due finds all of it due.
 *
 * The heap is bounded in frames and bytes, also where nobody set chanbufsize. Every
 * frame is counted: in + dup = out + dropped + waiting.
 *
 * Knows no clock and no descriptor. The same seed and the same calls give the same
 * result.
 */
#ifndef PLUG_WIRE_H
#define PLUG_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "plug/wire_random.h"
#include "plug/wire_value.h"

enum {
	WIRE_QUEUE_FRAMES = 1 << 18,	/* that wait in one direction */
	WIRE_QUEUE_BYTES = 64 << 20,	/* the same, unless set otherwise */
	WIRE_COPIES_MAX = 64,		/* of one frame, if dup is 100 % */
};

#define WIRE_NEVER	UINT64_MAX

enum wire_param {
	WIRE_LOSS,			/* percent */
	WIRE_LOSTBURST,			/* frames */
	WIRE_DELAY,			/* milliseconds */
	WIRE_DUP,			/* percent */
	WIRE_BAND,			/* bytes a second */
	WIRE_SPEED,			/* bytes a second */
	WIRE_NOISE,			/* bits in 2^20 bytes */
	WIRE_MTU,			/* bytes */
	WIRE_CHANBUFSIZE,		/* bytes */
	WIRE_PARAM_COUNT,
};

/* Why a frame goes no further, as the console calls it. */
#define WIRE_DROPS(X) \
	X(MTU, "mtu")			/* longer than mtu */ \
	X(LOSS, "loss")			/* lost on the wire */ \
	X(CHANBUFSIZE, "chanbufsize")	/* chanbufsize exceeded */ \
	X(QUEUE, "queue")		/* our own bound exceeded */ \
	X(MEMORY, "memory")		/* no memory */ \
	X(LONG, "long")			/* the other end takes no frame so long */ \
	X(END, "end")			/* the other end did not take it */

enum wire_drop {
#define X(name, text)	WIRE_DROP_##name,
	WIRE_DROPS(X)
#undef X
	WIRE_DROP_COUNT,
	WIRE_SENT = WIRE_DROP_COUNT,
};

/** struct wire_params - The parameters; all zero is a perfect wire */
struct wire_params {
	struct wire_value v[WIRE_PARAM_COUNT];
};

/**
 * struct wire_stats - What became of the frames
 * @in:		Frames that came
 * @dup:	Copies made of them
 * @out:	Frames that were sent
 * @drop:	Frames that were not, by reason
 * @bits:	Bits flipped
 */
struct wire_stats {
	uint64_t in, in_bytes;
	uint64_t dup;
	uint64_t out, out_bytes;
	uint64_t drop[WIRE_DROP_COUNT];
	uint64_t bits;
};

/**
 * struct wire_rate - Something that frames pass one after the other
 * @free_ns:	When it is free again
 * @rest_ns:	The fraction of a nanosecond that is missing in @free_ns
 */
struct wire_rate {
	uint64_t free_ns;
	double rest_ns;
};

/**
 * struct wire_frame - A frame that waits
 * @due_ns:	When it is due
 * @order:	Which of those that are due at the same time comes first
 * @size:	Bytes
 * @bytes:	The frame
 */
struct wire_frame {
	uint64_t due_ns;
	uint64_t order;
	size_t size;
	uint8_t *bytes;
};

/**
 * struct wire - One direction of a wire
 * @params:	The parameters; may be changed at any time, for frames still to come
 * @fifo:	No frame overtakes another
 * @queue_bytes: Bound of @bytes
 * @random:	Source of all chance
 * @bad:	In the state in which all is lost
 * @refused:	Somebody was told to wait until the interface is free
 * @interface:	Set by speed
 * @bottleneck:	Set by band
 * @last_due_ns: The latest time any frame was due
 * @order:	Of the next frame
 * @heap:	What waits, first the one due first
 * @room:	Elements allocated
 * @count:	Frames that wait
 * @bytes:	Their bytes
 * @stats:	What became of the others
 */
struct wire {
	struct wire_params params;
	bool fifo;
	size_t queue_bytes;
	struct wire_random random;
	bool bad;
	bool refused;
	struct wire_rate interface, bottleneck;
	uint64_t last_due_ns;
	uint64_t order;
	struct wire_frame *heap;
	unsigned int room, count;
	size_t bytes;
	struct wire_stats stats;
};

/* A perfect wire, fifo, empty. */
void wire_init(struct wire *w, uint64_t seed);

/* Release what waits. */
void wire_free(struct wire *w);

/* Whether @v is a value for @param: a percentage up to 100, an mtu that does not vary. */
bool wire_value_is_for(enum wire_param param, const struct wire_value *v);

/* Whether the interface can take a frame now. If not, it can at wire_accepts_at(). */
bool wire_accepts(struct wire *w, uint64_t now_ns);
uint64_t wire_accepts_at(const struct wire *w);

/**
 * wire_push() - A frame comes
 * @w:		The wire
 * @frame:	@size bytes, copied
 * @size:	Bytes
 * @now_ns:	Time
 *
 * Return: how many copies of it will be due; 0 if it is lost
 */
unsigned int wire_push(struct wire *w, const void *frame, size_t size, uint64_t now_ns);

/* When the first frame is due, or WIRE_NEVER. */
uint64_t wire_next(const struct wire *w);

/* The first frame if it is due, or NULL; borrowed until the next call. */
const struct wire_frame *wire_peek(const struct wire *w, uint64_t now_ns);

/* Take the first frame away: it was sent (WIRE_SENT), or why not. */
void wire_pop(struct wire *w, enum wire_drop fate);

const char *wire_drop_text(enum wire_drop reason);

#endif /* PLUG_WIRE_H */
