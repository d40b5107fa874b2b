/* SPDX-License-Identifier: BSD-2-Clause */
/* vhost_dev.h - The vhost-user back end: what a front end told us
 *
 * DOC: Theory of operation
 *
 * A front end describes its memory, its rings and their eventfds, one message at
 * a time, in nearly any order, and may change its mind while rings run. This is
 * that description, and what follows from it: which rings may be used now.
 * vhost_dev_message() takes one complete message and says what to answer. It
 * knows neither sockets nor the event loop, so that a fuzzer can talk to it.
 *
 * A ring runs when its size, its addresses and its kick descriptor are known; its
 * frames count when it is enabled, too (without VHOST_F_PROTOCOL_FEATURES it is
 * from the start). A ring that begins to run goes on behind what the used ring
 * says, not where the front end says: they differ when a back end died, and the
 * used ring is the one that knows (chains are given back in order here, so all
 * that lies between is simply still to do). When the memory table changes while
 * rings run, their addresses are looked up again in the new one.
 *
 * Security model: everything here comes from the peer. Sizes, indices and
 * addresses are checked against what is there, descriptors by their kind; a
 * message that does not fit changes nothing. Rings are in the peer's memory, see
 * lib/vring.h and lib/memguard.h.
 */
#ifndef SWITCHD_VHOST_DEV_H
#define SWITCHD_VHOST_DEV_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/guestmem.h"
#include "lib/memguard.h"
#include "lib/vhost_wire.h"
#include "lib/vnet.h"
#include "lib/vring.h"

enum {
	VHOST_PAIRS_MAX = 8,			/* queue pairs */
	VHOST_RINGS_MAX = 2 * VHOST_PAIRS_MAX,
	VHOST_SLOTS_MAX = GUESTMEM_REGIONS,	/* regions of memory */
};

/**
 * struct vhost_ring - A ring; even ones carry frames to the peer, odd ones from it
 * @vr:		Usable if @vr.size is not zero
 * @size:	Entries, 0 until known
 * @desc:	Where it is, in the front end's own addresses, if @placed
 * @kick:	Written by the peer; -1 until known
 * @call:	Written by us, or -1
 * @err:	Written when the ring breaks, or -1
 * @enabled:	See above
 */
struct vhost_ring {
	struct vring vr;
	uint16_t size;
	uint64_t desc, avail, used;
	bool placed;
	int kick;
	int call;
	int err;
	bool enabled;
};

/**
 * struct vhost_slot - A region of the front end's memory
 * @guard:	Its mapping
 * @region:	As the front end described it
 */
struct vhost_slot {
	struct memguard guard;
	struct vhost_region region;
};

/**
 * struct vhost_dev - A front end's device
 * @offered:	Feature bits offered
 * @features:	Feature bits negotiated
 * @protocol:	Protocol feature bits negotiated
 * @owned:	SET_OWNER came
 * @mtu:	What the front end says the MTU is, 0 = unknown
 * @vn:		Shape of buffers, from @features
 * @mem:	Memory by guest address: where buffers are
 * @user:	Memory by the front end's address: where rings are
 * @slot:	The mappings behind both, @slots of them
 * @why:	What was wrong with the last message that was refused
 */
struct vhost_dev {
	uint64_t offered;
	uint64_t features;
	uint64_t protocol;
	bool owned;
	unsigned int mtu;
	struct vnet vn;
	struct guestmem mem;
	struct guestmem user;
	struct vhost_slot *slot[VHOST_SLOTS_MAX];
	unsigned int slots;
	struct vhost_ring ring[VHOST_RINGS_MAX];
	const char *why;
};

/* A device nobody has told anything, which can do @offloads or not. */
void vhost_dev_init(struct vhost_dev *dev, bool offloads);

/* Unmap memory, close descriptors. */
void vhost_dev_clear(struct vhost_dev *dev);

/* Bytes of payload a request must have, or -EPROTO for one that is unknown. */
int vhost_payload(uint32_t request);

/**
 * vhost_dev_message() - A message came in
 * @dev:	Device
 * @msg:	The message, with a payload of vhost_payload() bytes (or more: the
 *		number of regions decides for SET_MEM_TABLE)
 * @fds:	Descriptors that came with it; those taken over are set to -1
 * @count:	How many
 * @reply:	Filled with the answer if there is one
 * @reply_fd:	Descriptor to send with it, owned by the caller, or -1
 *
 * Return: 1 if there is an answer, 0 if not; -errno if the message is refused and
 * there is no way to say so but to close the connection (@dev->why says why)
 */
int vhost_dev_message(struct vhost_dev *dev, const struct vhost_msg *msg, int *fds,
		      unsigned int count, struct vhost_msg *reply,
		      int *reply_fd) MUST_CHECK;

/* Whether the memory of a device vanished under us. */
bool vhost_dev_is_lost(const struct vhost_dev *dev);

#endif /* SWITCHD_VHOST_DEV_H */
