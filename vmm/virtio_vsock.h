/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio_vsock.h - Streams between programs of the guest and of the host (virtio 1.2,
 * section 5.10), with UNIX sockets at the host's end
 *
 * DOC: Theory of operation
 *
 * A program of the host connects to a socket, says "CONNECT PORT\n", and is joined with
 * who listens at that port in the guest: it reads "OK PORT\n" with the port of its own end,
 * and then what the guest sends. A program of the guest that connects to CID 2 and a port
 * is joined with who listens on the host at the socket's path with _PORT behind it. So the
 * host's kernel needs no vsock, and who may connect is a matter of file permissions.
 *
 * Each stream keeps VSOCK_BUF bytes of the guest's at most, and none of the host's: a
 * socket is read only when the guest has room and a buffer for it. What a stream means is
 * decided by vsock.h.
 *
 * Streams end when the device is reset, and when the VM goes on in another process, where
 * the guest's driver is told so.
 *
 * Security model: the guest can reach sockets of the one name only, its port being a number,
 * and VIRTIO_VSOCK_STREAMS of them at a time. What it does wrong ends a stream, or breaks
 * the device until it is reset.
 *
 * Guarded by vm->lock.
 */
#ifndef VMM_VIRTIO_VSOCK_H
#define VMM_VIRTIO_VSOCK_H

#include <stdint.h>

#include "lib/compiler.h"

struct virtio_vsock;
struct vm;

enum { VIRTIO_VSOCK_STREAMS = 256 };

/**
 * virtio_vsock_create() - Listen, and put the device on the bus
 * @vm:		Machine
 * @cid:	The guest's address
 * @path:	The socket; borrowed
 * @out:	Set
 *
 * Return: 0 or -errno, logged
 */
int virtio_vsock_create(struct vm *vm, uint32_t cid, const char *path,
			struct virtio_vsock **out) MUST_CHECK;

/* As after power-on. NULL is fine. */
void virtio_vsock_reset(struct virtio_vsock *vs);

/* Ends all streams, and removes the socket. NULL is fine. */
void virtio_vsock_destroy(struct virtio_vsock *vs);

#endif /* VMM_VIRTIO_VSOCK_H */
