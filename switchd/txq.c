/* SPDX-License-Identifier: BSD-2-Clause */
/* txq.c - Bounded queue of frames that wait for a receiver */
#include "config.h"

#include "switchd/txq.h"

#include <stdlib.h>

#include "lib/iov.h"

static unsigned int txq_index(const struct txq *q, unsigned int i)
{
	return (q->first + i) % TXQ_FRAMES_MAX;
}

bool txq_push(struct txq *q, const struct frame *frame)
{
	void *copy;

	if (q->count == TXQ_FRAMES_MAX || frame->size > TXQ_BYTES_MAX - q->bytes)
		return false;
	if (!q->slot)
		q->slot = calloc(TXQ_FRAMES_MAX, sizeof(*q->slot));
	copy = q->slot ? malloc(frame->size) : NULL;
	if (!copy)
		return false;
	iov_to_buf(frame->iov, frame->iovcnt, 0, copy, frame->size);
	q->slot[txq_index(q, q->count)] = (struct iovec){ copy, frame->size };
	q->count++;
	q->bytes += frame->size;
	return true;
}

struct iovec *txq_peek(const struct txq *q, unsigned int i)
{
	return &q->slot[txq_index(q, i)];
}

void txq_drop(struct txq *q, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct iovec *slot = txq_peek(q, 0);

		q->bytes -= slot->iov_len;
		free(slot->iov_base);
		q->first = txq_index(q, 1);
		q->count--;
	}
}

unsigned int txq_clear(struct txq *q)
{
	unsigned int lost = q->count;

	txq_drop(q, q->count);
	free(q->slot);
	*q = (struct txq){ 0 };
	return lost;
}
