/* SPDX-License-Identifier: BSD-2-Clause */
/* net.h - What a NIC is plugged into: frames in, frames out
 *
 * There are two kinds of back ends. One moves whole Ethernet frames without FCS,
 * one a call, and never blocks; its owner switches the watching of each direction
 * on and off and is called when there is something to receive, or room to send.
 * The other takes the guest's rings when its driver is ready (->start) and works
 * on them by itself until they are taken back (->stop); the owner sees no frames.
 *
 * Frames that are moved may be unfinished, each has a header that says so (offload.h).
 * A back end gets none that ->takes does not cover, and hands out none that it was not
 * told by ->offloads() that they are welcome; but some may be on their way when it is
 * told that they are not any more.
 *
 * Guarded by vm->lock, called in the event loop's thread.
 */
#ifndef VMM_NET_H
#define VMM_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct net_backend;
struct virtio_dev;
struct vnet_hdr;

/* Pieces that a frame may lie in on its way to or from a back end. */
enum { NET_PIECES_MAX = 128 };

/**
 * struct net_ops - A kind of back end
 * @send:	Send a frame of @cnt pieces, at most NET_PIECES_MAX. Return: 0, -EAGAIN if
 *		there is no room now, or another -errno with the frame lost
 * @recv:	Return: bytes of the frame put into @iov, -EAGAIN if there is none
 *		now, or another -errno
 * @watch_recv:	Call owner->can_recv() when there are frames, or stop it
 * @watch_send:	Call owner->can_send() when there is room, or stop it
 * @offloads:	The guest takes frames that need these features (offload.h) from now on.
 *		NULL if all are finished anyway
 * @start:	Take the rings of @dev, whose driver is ready. NULL with the kind
 *		that moves frames, as the first four are with the other
 * @stop:	Give them back; afterwards ->vring of each says where it stands
 * @recall:	Queue @q has got another interrupt vector
 * @start_threads: Make those that it will need; see thread.h. NULL if it needs none.
 *		Return: 0 or -errno
 * @close:	Unplug and free
 */
struct net_ops {
	int (*send)(struct net_backend *be, const struct vnet_hdr *hdr,
		    const struct iovec *iov, unsigned int cnt);
	ssize_t (*recv)(struct net_backend *be, struct vnet_hdr *hdr,
			const struct iovec *iov, unsigned int cnt);
	void (*watch_recv)(struct net_backend *be, bool on);
	void (*watch_send)(struct net_backend *be, bool on);
	void (*offloads)(struct net_backend *be, uint64_t takes);
	void (*start)(struct net_backend *be, struct virtio_dev *dev);
	void (*stop)(struct net_backend *be);
	void (*recall)(struct net_backend *be, unsigned int q);
	int (*start_threads)(struct net_backend *be);
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

/**
 * struct net_backend - A back end, embedded in its kind's own structure
 * @up:		The cable is plugged in
 * @takes:	Features that frames may need which are sent, and which come (offload.h);
 *		of the kind that moves frames
 */
struct net_backend {
	const struct net_ops *ops;
	const struct net_owner *owner;
	void *nic;
	bool up;
	uint64_t takes;
};

#endif /* VMM_NET_H */
