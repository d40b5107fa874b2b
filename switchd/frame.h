/* SPDX-License-Identifier: BSD-2-Clause */
/* frame.h - An Ethernet frame on its way through the switch
 *
 * A view, not a buffer: an iovec array that says where the bytes lie (a receive
 * buffer, or the memory of a guest), and a private copy of the first of them.
 * Decisions are made on the private bytes only; the rest is copied once, from
 * where it lies to where it goes. A frame lives until the port that received it
 * returns to the event loop; who wants to keep it longer copies it.
 *
 * A frame may be unfinished, or larger than a frame is: work that its sender left to
 * others (lib/offload.h). Only who asks for such frames gets them; finish.h is for all
 * others.
 */
#ifndef SWITCHD_FRAME_H
#define SWITCHD_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "lib/eth.h"
#include "lib/offload.h"

enum {
	FRAME_BATCH = 64,	/* frames a port takes in at one go */
	/* One that stands for many may be as long as IP allows, with two tags. */
	FRAME_SIZE_MAX = ETH_FRAME_MAX + ETH_HDR_SIZE + 8,
};

/**
 * struct frame - A frame
 * @head:	Its first bytes, in memory that no peer can change
 * @head_size:	How many; at least ETH_HDR_SIZE unless the frame is shorter
 * @size:	Bytes of the whole frame, without FCS
 * @iov:	All of its bytes
 * @iovcnt:	Elements of @iov
 * @offload:	What is left to do for it, or NULL. With it, all headers are in the head,
 *		and the head alone is in the first element of @iov
 */
struct frame {
	const uint8_t *head;
	size_t head_size;
	size_t size;
	const struct iovec *iov;
	unsigned int iovcnt;
	const struct offload *offload;
};

/* How many bytes it may have: only one that can still be cut may have more than others. */
static inline size_t frame_size_max(const struct frame *f)
{
	return f->offload && f->offload->segs > 1 ? FRAME_SIZE_MAX : ETH_FRAME_MAX;
}

#endif /* SWITCHD_FRAME_H */
