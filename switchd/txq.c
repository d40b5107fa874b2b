/* SPDX-License-Identifier: BSD-2-Clause */
/* txq.c - Bounded queue of frames that wait for a receiver */
#include "config.h"

#include "switchd/txq.h"

#include <stdlib.h>
#include <string.h>

#include "lib/iov.h"
#include "lib/offload.h"

static unsigned int txq_index(const struct txq *q, unsigned int i)
{
	return (q->first + i) % TXQ_FRAMES_MAX;
}

bool txq_push(struct txq *q, const struct frame *frame)
{
	size_t extra = frame->offload ? sizeof(*frame->offload) : 0;
	struct txq_frame *slot;
	uint8_t *copy;
	void *memory;

	if (q->count == TXQ_FRAMES_MAX || frame->size > TXQ_BYTES_MAX - q->bytes)
		return false;
	if (!q->slot)
		q->slot = calloc(TXQ_FRAMES_MAX, sizeof(*q->slot));
	memory = q->slot ? malloc(extra + frame->size) : NULL;
	if (!memory)
		return false;
	copy = (uint8_t *)memory + extra;
	iov_to_buf(frame->iov, frame->iovcnt, 0, copy, frame->size);
	slot = &q->slot[txq_index(q, q->count)];
	*slot = (struct txq_frame){
		.memory = memory,
		.iov = { { copy, frame->size } },
		.size = frame->size,
	};
	if (frame->offload) {
		size_t head = frame->head_size;

		memcpy(memory, frame->offload, extra);
		slot->offload = memory;
		slot->iov[0].iov_len = head;
		slot->iov[1] = (struct iovec){ copy + head, frame->size - head };
	}
	q->count++;
	q->bytes += frame->size;
	return true;
}

struct frame txq_peek(const struct txq *q, unsigned int i)
{
	const struct txq_frame *slot = &q->slot[txq_index(q, i)];

	return (struct frame){
		.head = slot->iov[0].iov_base,
		.head_size = slot->iov[0].iov_len,
		.size = slot->size,
		.iov = slot->iov,
		.iovcnt = slot->offload ? 2 : 1,
		.offload = slot->offload,
	};
}

void txq_drop(struct txq *q, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct txq_frame *slot = &q->slot[q->first];

		q->bytes -= slot->size;
		free(slot->memory);
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
