/* SPDX-License-Identifier: BSD-2-Clause */
/* port_stream.h - A peer that sends frames down a stream as an endpoint
 *
 * DOC: Theory of operation
 *
 * The form is that of QEMU's -netdev stream (and -netdev socket) and of passt: for
 * each frame its length, 32 bits in network byte order, and then the frame, both
 * ways, with no greeting. The end of the stream is the end of the endpoint.
 *
 * Receiving. One call fills a buffer that all endpoints share, and the frames are
 * forwarded from where they lie in it. An unfinished frame at the end is kept by
 * its endpoint, and the next call puts the rest of it right there: no byte is moved
 * more than once. How much is asked for follows the size of the frames that came,
 * so that a turn is about one batch.
 *
 * Sending. One call sends a batch, lengths and pieces of frames in one list. A
 * frame that went in part has to be finished before anything else: its rest, one
 * frame at most, is copied and counts as sent.
 *
 * Security model: a length says how to read all that follows. One that no peer would
 * mean ends the endpoint, since nothing after it can be trusted. Nothing is allocated
 * by a length, and bytes that never come are waited for by nobody.
 */
#ifndef SWITCHD_PORT_STREAM_H
#define SWITCHD_PORT_STREAM_H

#include "lib/compiler.h"

enum {
	/* The longest frame that QEMU sends or takes: 64 KiB and 4 KiB. What of this
	 * is longer than a frame may be here is dropped as any other such frame. */
	PORT_STREAM_FRAME_MAX = (64 << 10) + (4 << 10),
};

struct vsw;

/**
 * struct port_stream_owner - Who wants to know
 * @port:	Port for the peer, or -1 for any
 * @descr:	What the port's peer is called, or NULL
 * @gone:	Called when the endpoint is closed; may be NULL
 * @ctx:	Passed to it
 */
struct port_stream_owner {
	int port;
	const char *descr;
	void (*gone)(void *ctx);
	void *ctx;
};

/**
 * port_stream_open() - Plug a peer in
 * @vsw:	Switch
 * @fd:		Connection to it, a non-blocking stream socket; owned from now on
 * @owner:	See above; copied
 *
 * Return: 0; or -errno, logged, with @fd closed
 */
int port_stream_open(struct vsw *vsw, int fd,
		     const struct port_stream_owner *owner) MUST_CHECK;

#endif /* SWITCHD_PORT_STREAM_H */
