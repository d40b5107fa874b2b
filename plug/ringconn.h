/* SPDX-License-Identifier: BSD-2-Clause */
/* ringconn.h - A plug whose cable is shared memory: frames through rings
 *
 * DOC: Theory of operation
 *
 * A program that sends and receives single frames, on a switch that moves them by
 * vhost-user. We are the virtio driver: a memfd holds two rings and their buffers,
 * the switch takes frames out of the one and puts frames into the other. A call
 * copies a frame in or out of a buffer and moves an index. The eventfds are used
 * when one side sleeps: while traffic flows, neither side makes a system call.
 *
 * ringconn_fd() is what the caller polls. It is readable as long as there are
 * frames, as a socket would be: the switch makes the call descriptor readable with
 * the first frame after we asked for it, and we make it unreadable, and ask again,
 * with the last frame that is taken. In between nobody touches it.
 *
 * When the switch goes away, its end of the connection does: the same descriptor
 * becomes readable, and the call that follows tries to connect again, at most
 * every RINGCONN_RETRY_MS. The rings stay as they are. What the old switch had not
 * done, the new one does; frames that find the ring full meanwhile are dropped, as
 * on a cable that was pulled.
 *
 * A caller that takes frames which are not finished (lib/offload.h) gets them with the
 * headers that the switch puts in front, and may send such frames, as far as the switch
 * that is there at the time understands them. Others get finished frames.
 *
 * One thread may send while another receives. The memory is the process's own:
 * after a fork only one of the two may go on.
 */
#ifndef PLUG_RINGCONN_H
#define PLUG_RINGCONN_H

#include <stdint.h>
#include <sys/types.h>

#include "lib/compiler.h"
#include "lib/vhost_wire.h"
#include "lib/vnet.h"

enum {
	RINGCONN_RING = 1024,		/* buffers each way */
	RINGCONN_BUF = 2048,		/* bytes of one; long frames take several */
	RINGCONN_RETRY_MS = 100,
	RINGCONN_ANSWER_MS = 3000,	/* the switch has so long to answer */
	RINGCONN_SEND_MS = 1000,	/* a full ring is waited for so long */
};

struct ringconn;

/**
 * ringconn_open() - Plug in
 * @path:	The switch's vhost socket; copied
 * @hello:	What we want of it; copied
 * @takes:	Features that frames may need which we get (lib/offload.h); 0: nothing, nor
 *		do we send such frames
 * @out:	Set to the connection
 *
 * Return: 0 or -errno; -ENOENT or -ECONNREFUSED if there is no such switch
 */
int ringconn_open(const char *path, const struct vhost_hello *hello, uint64_t takes,
		  struct ringconn **out) MUST_CHECK;

void ringconn_close(struct ringconn *rc);

/* Descriptor to poll for frames; the ringconn's. */
int ringconn_fd(const struct ringconn *rc);

/* Features that frames may need which are sent. Changes when the switch does. */
uint64_t ringconn_takes(const struct ringconn *rc);

/* Send a frame, with @hdr if it is not NULL, waiting for room. One that is too short or
 * long, or finds no room for RINGCONN_SEND_MS, is dropped, and nobody told. Return:
 * @size. */
ssize_t ringconn_send(struct ringconn *rc, const struct vnet_hdr *hdr, const void *frame,
		      size_t size);

/**
 * ringconn_recv() - Receive a frame
 * @rc:		Connection
 * @hdr:	Set to its header, unless NULL
 * @buf:	Storage for @size bytes; what does not fit is lost
 * @size:	Bytes
 *
 * Waits for one unless ringconn_fd() has O_NONBLOCK set. Return: bytes, 0 if there
 * was something to do but no frame (programs take less for the end, and QEMU more for a
 * frame), or -1 with errno set (EAGAIN)
 */
ssize_t ringconn_recv(struct ringconn *rc, struct vnet_hdr *hdr, void *buf, size_t size);

#endif /* PLUG_RINGCONN_H */
