/* SPDX-License-Identifier: BSD-2-Clause */
/* txq.h - Bounded queue of frames that wait for a receiver
 *
 * Frames that a receiver could not take at once are copied here, in order, up
 * to TXQ_FRAMES_MAX frames and TXQ_BYTES_MAX bytes; what comes on top is for
 * the caller to drop and count. Two marks tell the switch when to hold senders
 * back and when to let them go on. An empty queue holds no frames' memory.
 *
 * Pure memory: knows no descriptor and no port.
 */
#ifndef SWITCHD_TXQ_H
#define SWITCHD_TXQ_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "lib/compiler.h"
#include "switchd/frame.h"

enum {
	TXQ_FRAMES_MAX = 2048,
	TXQ_FRAMES_HIGH = 1024,			/* hold senders back from here */
	TXQ_FRAMES_LOW = 256,			/* let them go on from here */
	TXQ_BYTES_MAX = 8 << 20,
	TXQ_BYTES_HIGH = 4 << 20,
	TXQ_BYTES_LOW = 1 << 20,
};

/**
 * struct txq_frame - A frame that waits
 * @iov:	Its bytes; the first element is its head where it is unfinished, and all
 *		of it otherwise
 * @size:	How many
 * @offload:	What is left to do for it, or NULL
 * @memory:	Where @offload and the bytes are
 */
struct txq_frame {
	void *memory;
	struct iovec iov[2];
	size_t size;
	const struct offload *offload;
};

/** struct txq - Ring of frames; all zero is an empty queue */
struct txq {
	struct txq_frame *slot;	/* TXQ_FRAMES_MAX of them, made at first use */
	unsigned int first;
	unsigned int count;
	size_t bytes;
};

/* Copy a frame to the end. Return: false if there is no room or no memory. */
bool txq_push(struct txq *q, const struct frame *frame) MUST_CHECK;

/* The frame at place @i from the front, @i below q->count; borrowed. */
struct frame txq_peek(const struct txq *q, unsigned int i);

/* Remove @n frames from the front. */
void txq_drop(struct txq *q, unsigned int n);

/* Remove all and free the memory. Return: how many frames were lost. */
unsigned int txq_clear(struct txq *q);

static inline bool txq_is_high(const struct txq *q)
{
	return q->count >= TXQ_FRAMES_HIGH || q->bytes >= TXQ_BYTES_HIGH;
}

static inline bool txq_is_low(const struct txq *q)
{
	return q->count <= TXQ_FRAMES_LOW && q->bytes <= TXQ_BYTES_LOW;
}

#endif /* SWITCHD_TXQ_H */
