/* SPDX-License-Identifier: BSD-2-Clause */
/* port_vhost.h - A vhost-user front end as an endpoint: frames from ring to ring
 *
 * DOC: Theory of operation
 *
 * The front end's connection carries messages (vhost_dev.h) and is the cable:
 * when it closes, the endpoint is unplugged. Frames do not touch it. They are
 * taken from the sender's ring, a batch at a time: the first PORT_VHOST_HEAD bytes
 * of each are copied into private memory, so that what is decided on is what is
 * sent; then the bridge decides; then head and payload are written into the
 * buffers of the receiver's ring, straight from where the payload lies in the
 * sender's memory. That is the one copy. Rings are polled by poller.h.
 *
 * A chain that was taken is given back before the turn ends, so nothing is ever
 * in flight when this process dies.
 *
 * With several queue pairs, frames to the peer are spread over its receive rings
 * by a hash of their addresses and ports, so that each flow stays in order.
 *
 * Security model: the peer may do anything to its memory, its rings and its
 * eventfds, at any time. It can spoil its own frames and get its endpoint closed.
 */
#ifndef SWITCHD_PORT_VHOST_H
#define SWITCHD_PORT_VHOST_H

#include <sys/types.h>

#include "lib/compiler.h"

enum { PORT_VHOST_HEAD = 64 };		/* bytes */

struct port_vhost;
struct port_vhost_scratch;
struct vsw;

/**
 * struct port_vhost_owner - Who wants to know
 * @port:	Port for the peer, or -1 for the one it asks for, or any
 * @descr:	What the port's peer is called, or NULL for what it says itself
 * @gone:	Called when the endpoint is closed, or was never made; may be NULL
 * @ctx:	Passed to it
 */
struct port_vhost_owner {
	int port;
	const char *descr;
	void (*gone)(void *ctx);
	void *ctx;
};

/**
 * port_vhost_open() - Listen to a front end
 * @vsw:	Switch
 * @sock:	Connection to it, non-blocking; owned from now on
 * @owner:	See above; copied
 *
 * It is plugged in when it has said what it wants. Return: 0 or -errno, with
 * @sock closed
 */
int port_vhost_open(struct vsw *vsw, int sock,
		    const struct port_vhost_owner *owner) MUST_CHECK;

/* Close those that are not plugged in yet; of one owner's, or of all (NULL). */
void port_vhost_close_unplugged(struct vsw *vsw, const void *ctx);

/* Memory that all of a switch's endpoints share. Return: NULL if there is none. */
struct port_vhost_scratch *port_vhost_scratch_create(void);

#endif /* SWITCHD_PORT_VHOST_H */
