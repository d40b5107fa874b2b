/* SPDX-License-Identifier: BSD-2-Clause */
/* dgramio.h - Frames as datagrams of a connected socket, a batch at a time
 *
 * What kinds of endpoints have in common that put each frame into one datagram.
 * Who is at the other end, and since when, is their business.
 */
#ifndef SWITCHD_DGRAMIO_H
#define SWITCHD_DGRAMIO_H

#include <stdbool.h>

struct endpoint;
struct frame;

/* Receive at most a batch of frames from @fd and forward it. An empty datagram is no
 * frame: libvdeplug 2 says good-bye with one. Return: whether there was anything. */
bool dgramio_input(struct endpoint *ep, int fd);

/* Send to @fd; as struct endpoint_ops.send, of which it is the work. */
unsigned int dgramio_send(struct endpoint *ep, int fd, const struct frame *const *frames,
			  unsigned int n);

#endif /* SWITCHD_DGRAMIO_H */
