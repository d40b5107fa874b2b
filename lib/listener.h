/* SPDX-License-Identifier: BSD-2-Clause */
/* listener.h - A listening socket in an event loop that cannot spin
 *
 * Accepts one connection at a time and hands it over. When the process is out
 * of descriptors, accept() fails while the socket stays readable; a loop would
 * spin, so the listener rests for LISTENER_REST_S and tries again. Its owner
 * can also close the door for as long as the house is full.
 */
#ifndef LIB_LISTENER_H
#define LIB_LISTENER_H

#include <ev.h>

#include "lib/ratelimit.h"

#define LISTENER_REST_S	0.5

/**
 * struct listener - A listening socket
 * @accepted:	Called with each connection, non-blocking and close-on-exec;
 *		takes ownership of @fd
 * @ctx:	Passed to it
 */
struct listener {
	ev_io io;
	ev_timer rest;
	struct ev_loop *loop;
	struct ratelimit complaints;
	void (*accepted)(void *ctx, int fd);
	void *ctx;
};

/**
 * listener_start() - Begin to accept
 * @l:		Listener, overwritten
 * @loop:	Event loop, borrowed
 * @fd:		Listening non-blocking stream socket; owned from now on
 * @accepted:	See struct listener
 * @ctx:	Passed to it
 */
void listener_start(struct listener *l, struct ev_loop *loop, int fd,
		    void (*accepted)(void *ctx, int fd), void *ctx);

/* Stop or go on accepting; new connections wait in the kernel's queue. */
void listener_pause(struct listener *l);
void listener_resume(struct listener *l);

/* Stop for good and close the socket; the file stays. Harmless if not started. */
void listener_stop(struct listener *l);

#endif /* LIB_LISTENER_H */
