/* SPDX-License-Identifier: BSD-2-Clause */
/* net.h - What a NIC is plugged into: frames in, frames out
 *
 * There are two kinds of back ends. One moves whole Ethernet frames without FCS,
 * one a call, and never blocks; its owner switches the watching of each direction
 * on and off and is called when there is something to receive, or room to send.
 * The other takes the guest's rings when its driver is ready (->start) and works
 * on them by itself until they are taken back (->stop); the owner sees no frames.
 *
 * Guarded by vm->lock, called in the event loop's thread.
 */
#ifndef VMM_NET_H
#define VMM_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct net_backend;
struct virtio_dev;

/**
 * struct net_ops - A kind of back end
 * @send:	Return: 0, -EAGAIN if there is no room now, or another -errno with
 *		the frame lost
 * @recv:	Return: bytes of the frame put into @buf, -EAGAIN if there is none
 *		now, or another -errno
 * @watch_recv:	Call owner->can_recv() when there are frames, or stop it
 * @watch_send:	Call owner->can_send() when there is room, or stop it
 * @start:	Take the rings of @dev, whose driver is ready. NULL with the kind
 *		that moves frames, as the four above are with the other
 * @stop:	Give them back; afterwards ->vring of each says where it stands
 * @recall:	Queue @q has got another interrupt vector
 * @close:	Unplug and free
 */
struct net_ops {
	int (*send)(struct net_backend *be, const void *frame, size_t size);
	ssize_t (*recv)(struct net_backend *be, void *buf, size_t size);
	void (*watch_recv)(struct net_backend *be, bool on);
	void (*watch_send)(struct net_backend *be, bool on);
	void (*start)(struct net_backend *be, struct virtio_dev *dev);
	void (*stop)(struct net_backend *be);
	void (*recall)(struct net_backend *be, unsigned int q);
	void (*close)(struct net_backend *be);
};

/**
 * struct net_owner - The NIC
 * @can_recv:	See above
 * @can_send:	See above
 * @link:	The cable was plugged in or pulled
 */
struct net_owner {
	void (*can_recv)(void *nic);
	void (*can_send)(void *nic);
	void (*link)(void *nic, bool up);
};

/** struct net_backend - A back end, embedded in its kind's own structure */
struct net_backend {
	const struct net_ops *ops;
	const struct net_owner *owner;
	void *nic;
	bool up;
};

#endif /* VMM_NET_H */
