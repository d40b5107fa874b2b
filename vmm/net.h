/* SPDX-License-Identifier: BSD-2-Clause */
/* net.h - What a NIC is plugged into: frames in, frames out
 *
 * A back end moves whole Ethernet frames without FCS, one a call, and never
 * blocks. Its owner switches the watching of each direction on and off and is
 * called when there is something to receive, or room to send. Guarded by
 * vm->lock, called in the event loop's thread.
 */
#ifndef VMM_NET_H
#define VMM_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct net_backend;

/**
 * struct net_ops - A kind of back end
 * @send:	Return: 0, -EAGAIN if there is no room now, or another -errno with
 *		the frame lost
 * @recv:	Return: bytes of the frame put into @buf, -EAGAIN if there is none
 *		now, or another -errno
 * @watch_recv:	Call owner->can_recv() when there are frames, or stop it
 * @watch_send:	Call owner->can_send() when there is room, or stop it
 * @close:	Unplug and free
 */
struct net_ops {
	int (*send)(struct net_backend *be, const void *frame, size_t size);
	ssize_t (*recv)(struct net_backend *be, void *buf, size_t size);
	void (*watch_recv)(struct net_backend *be, bool on);
	void (*watch_send)(struct net_backend *be, bool on);
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
