/* SPDX-License-Identifier: BSD-2-Clause */
/* vhost_front.h - The front end of a vhost-user connection
 *
 * For those of us who have memory and rings and want a switch to move the frames:
 * the VMM, the plug, load generators. Every call sends a message or a few and
 * waits for the answers, no longer than the limit given at the start; where the
 * back end can acknowledge, it is asked to. Errors are -errno: -ECONNRESET when
 * the back end is gone, -ETIMEDOUT when it does not answer, -EPROTO when it makes
 * no sense or refuses.
 */
#ifndef LIB_VHOST_FRONT_H
#define LIB_VHOST_FRONT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/vhost_wire.h"

/**
 * struct vhost_front - A connection
 * @sock:	Socket, -1 when closed; the caller may poll it for the end
 * @offered:	Feature bits the back end has
 * @features:	Feature bits negotiated
 * @protocol:	Protocol feature bits negotiated
 * @port:	Port of the switch, or -1 if it did not say
 * @limit_ms:	How long an answer may take, all of it
 */
struct vhost_front {
	int sock;
	uint64_t offered;
	uint64_t features;
	uint64_t protocol;
	int port;
	unsigned int limit_ms;
};

/**
 * struct vhost_front_ring - A ring to be handed over
 * @size:	Entries
 * @desc:	Addresses of its parts, as the memory table has @user addresses
 * @base:	Index to begin with
 * @kick:	Eventfd we write to; borrowed
 * @call:	Eventfd the back end writes to, or -1; borrowed
 */
struct vhost_front_ring {
	uint16_t size;
	uint64_t desc, avail, used;
	uint16_t base;
	int kick;
	int call;
};

/**
 * vhost_front_open() - Connect to a back end and negotiate features
 * @vf:		Filled
 * @path:	Its socket
 * @hello:	Who we are, for a switch of ours; NULL for other back ends
 * @features:	Feature bits wanted
 * @needed:	Those without which we cannot go on
 * @limit_ms:	How long to wait for an answer
 *
 * Return: 0 or -errno, with nothing left open; the switch's own error if it does
 * not give us the port we want
 */
int vhost_front_open(struct vhost_front *vf, const char *path,
		     const struct vhost_hello *hello, uint64_t features,
		     uint64_t needed, unsigned int limit_ms) MUST_CHECK;

/* The same on a connected stream socket, which is owned from now on, and closed if it
 * fails. */
int vhost_front_attach(struct vhost_front *vf, int sock, const struct vhost_hello *hello,
		       uint64_t features, uint64_t needed, unsigned int limit_ms) MUST_CHECK;

void vhost_front_close(struct vhost_front *vf);

/* Ask for the device's configuration: @size bytes, at most VHOST_CONFIG_MAX. */
int vhost_front_config(struct vhost_front *vf, void *buf, uint32_t size) MUST_CHECK;

/* Negotiate other features, no ring may run. */
int vhost_front_features(struct vhost_front *vf, uint64_t features) MUST_CHECK;

/* Hand memory over: @count regions, each with its descriptor; borrowed. */
int vhost_front_memory(struct vhost_front *vf, const struct vhost_region *regions,
		       const int *fds, unsigned int count) MUST_CHECK;

/* Hand ring @index over, and enable it. */
int vhost_front_start(struct vhost_front *vf, uint32_t index,
		      const struct vhost_front_ring *ring) MUST_CHECK;

/* Give ring @index another call descriptor, or none (-1). */
int vhost_front_call(struct vhost_front *vf, uint32_t index, int call) MUST_CHECK;

/* Take ring @index back; when this returns, the back end has left it. @base is set
 * to where it stopped. */
int vhost_front_stop(struct vhost_front *vf, uint32_t index, uint16_t *base) MUST_CHECK;

static inline bool vhost_front_has(const struct vhost_front *vf, unsigned int bit)
{
	return vf->features >> bit & 1;
}

#endif /* LIB_VHOST_FRONT_H */
