/* SPDX-License-Identifier: BSD-2-Clause */
/* rxbuf.h - Receive buffers for one batch of frames
 *
 * Endpoints receive into these, forward, and are done with them before the next
 * one gets its turn, so one set serves the whole switch. A buffer is longer than
 * the longest frame, so that a frame that is too long shows; the distance from
 * one to the next is odd in cache lines, since buffers a power of two apart
 * would all compete for the same few lines of the cache.
 */
#ifndef SWITCHD_RXBUF_H
#define SWITCHD_RXBUF_H

#include "lib/eth.h"
#include "switchd/frame.h"

enum {
	RXBUF_SIZE = ETH_FRAME_MAX + 1,
	RXBUF_STRIDE = RXBUF_SIZE + 64,
};

struct rxbuf {
	uint8_t b[RXBUF_STRIDE];
};

#endif /* SWITCHD_RXBUF_H */
