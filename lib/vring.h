/* SPDX-License-Identifier: BSD-2-Clause */
/* vring.h - A split virtqueue seen from the device (virtio 1.2, section 2.7)
 *
 * DOC: Theory of operation
 *
 * The driver (a guest, or another process) owns the descriptor table and the
 * available ring; the device owns the used ring. The three lie in memory that
 * the driver can change at any moment, so everything here is read once into
 * private memory, checked, and only the copy is believed. Indices shared with
 * the driver are read with acquire and written with release ordering.
 *
 * Chains are taken with vring_pop(), as many as are wanted and there at one go,
 * filled or drained through their iovecs, and given back with vring_push();
 * vring_publish() then shows all chains pushed so far to the driver, and
 * vring_should_notify() says whether the driver wants an interrupt for them.
 * vring_unpop() gives the chains taken last back to the ring untouched, for a
 * frame that did not fit. A cache line that both sides write is touched once for
 * a batch: that, and descriptors fetched ahead, is what makes batches cheap.
 *
 * A driver that breaks the rules (an index out of range, a loop, an address
 * outside of its memory) has broken the ring: vr->broken says what was wrong, and
 * it yields nothing until it is set up anew. The device decides what that means;
 * nobody else is harmed.
 *
 * Work is bounded: a chain has at most as many descriptors as the ring (section
 * 2.7.5.3.1 for indirect tables) and VRING_CHAIN_MAX pieces.
 *
 * Not here: who the frames are for, and how eventfds are signalled.
 */
#ifndef LIB_VRING_H
#define LIB_VRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "lib/compiler.h"
#include "lib/guestmem.h"

enum {
	VRING_SIZE_MAX = 32768,		/* descriptors of a ring, section 2.7 */
	VRING_CHAIN_MAX = 1024,		/* pieces of a chain, at most */

	/* Descriptor flags, section 2.7.5 */
	VRING_DESC_NEXT = 1,
	VRING_DESC_WRITE = 2,
	VRING_DESC_INDIRECT = 4,

	VRING_AVAIL_NO_INTERRUPT = 1,	/* section 2.7.6 */
	VRING_USED_NO_NOTIFY = 1,	/* section 2.7.8 */

	/* Feature bits, section 6 */
	VRING_F_INDIRECT_DESC = 28,
	VRING_F_EVENT_IDX = 29,
};

/** struct vring_desc - A descriptor, section 2.7.5 */
struct vring_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

/** struct vring_avail - Available ring, section 2.7.6; used_event follows ring[] */
struct vring_avail {
	uint16_t flags;
	uint16_t idx;
	uint16_t ring[];
};

struct vring_used_elem {
	uint32_t id;
	uint32_t len;
};

/** struct vring_used - Used ring, section 2.7.8; avail_event follows ring[] */
struct vring_used {
	uint16_t flags;
	uint16_t idx;
	struct vring_used_elem ring[];
};

static_assert(sizeof(struct vring_desc) == 16, "virtio 1.2, 2.7.5");
static_assert(sizeof(struct vring_used_elem) == 8, "virtio 1.2, 2.7.8");
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	      "rings are little-endian and read in place");

/**
 * struct vring - One split ring, device side
 * @mem:	Memory its descriptors point into; borrowed
 * @desc:	Descriptor table, @size entries
 * @avail:	Available ring
 * @used:	Used ring
 * @size:	Entries, a power of two up to VRING_SIZE_MAX; 0 = not set up
 * @next_avail:	Index of the next available entry to take
 * @avail_idx:	The driver's index as last read
 * @next_used:	Index of the next used entry to write
 * @signalled:	@next_used when the driver was last asked about
 * @resumed:	The device before us may have died with a call on its lips
 * @event_idx:	VRING_F_EVENT_IDX was negotiated
 * @indirect:	VRING_F_INDIRECT_DESC was negotiated
 * @broken:	What the driver did wrong, or NULL
 */
struct vring {
	const struct guestmem *mem;
	const struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint16_t size;
	uint16_t next_avail;
	uint16_t avail_idx;
	uint16_t next_used;
	uint16_t signalled;
	bool event_idx;
	bool indirect;
	bool resumed;
	const char *broken;
};

/**
 * struct vring_chain - A chain of buffers taken from a ring
 * @head:	Its first descriptor; what vring_push() wants back
 * @out:	Number of pieces the device reads; they come first
 * @in:		Number of pieces the device writes
 * @iov:	The pieces, in the caller's array
 */
struct vring_chain {
	uint16_t head;
	uint16_t out;
	uint16_t in;
	struct iovec *iov;
};

/**
 * vring_init() - Set a ring up from guest addresses
 * @vr:		Ring; overwritten
 * @mem:	Memory for buffers; borrowed while in use
 * @ringmem:	Memory the three addresses are in: the same table, or one by
 *		another kind of address
 * @size:	Entries
 * @desc:	Address of the descriptor table
 * @avail:	Address of the available ring
 * @used:	Address of the used ring
 * @features:	Negotiated feature bits
 *
 * Return: 0; -EINVAL for a size that is no power of two, is 0 or too large, or
 * a misaligned address; -EFAULT if a part is outside of memory. On error @vr is
 * not set up
 */
int vring_init(struct vring *vr, const struct guestmem *mem,
	       const struct guestmem *ringmem, uint16_t size, uint64_t desc,
	       uint64_t avail, uint64_t used, uint64_t features) MUST_CHECK;

/* Go on where the device before us, which is gone, left the ring: behind the last
 * chain that it gave back. Good for a device that gives chains back in order. */
void vring_resume(struct vring *vr);

/* Go on where we ourselves left the ring, with what was taken given back: at entry
 * @next_avail, all before it shown to the driver. Return: 0, or -EINVAL if the ring is
 * not like that. */
int vring_continue(struct vring *vr, uint16_t next_avail) MUST_CHECK;

/**
 * vring_pop() - Take available chains
 * @vr:		Ring
 * @chains:	Filled with what is taken
 * @n:		How many are wanted
 * @iov:	Storage for their pieces
 * @room:	Pieces it can hold, at least VRING_CHAIN_MAX
 *
 * Return: how many were taken; fewer than wanted if there are no more, if their
 * pieces might not fit, or if the driver broke the rules: look at @vr->broken
 */
unsigned int vring_pop(struct vring *vr, struct vring_chain *chains,
		       unsigned int n, struct iovec *iov,
		       unsigned int room) MUST_CHECK;

/* Give the @n chains taken last back, as if they had not been taken. */
void vring_unpop(struct vring *vr, uint16_t n);

/* Put a chain into the used ring, @len bytes written to it; not yet visible. */
static inline void vring_push(struct vring *vr, uint16_t head, uint32_t len)
{
	struct vring_used_elem *e = &vr->used->ring[vr->next_used & (vr->size - 1)];

	__atomic_store_n(&e->id, head, __ATOMIC_RELAXED);
	__atomic_store_n(&e->len, len, __ATOMIC_RELAXED);
	vr->next_used++;
}

/* Whether there are chains to take; may look at what the driver wrote. */
static inline bool vring_has_avail(struct vring *vr)
{
	if (vr->next_avail == vr->avail_idx && vr->size)
		vr->avail_idx = __atomic_load_n(&vr->avail->idx, __ATOMIC_ACQUIRE);
	return vr->next_avail != vr->avail_idx && !vr->broken;
}

/* Show the driver all chains pushed so far. */
void vring_publish(struct vring *vr);

/* Whether the driver wants an interrupt for what was published since the last
 * call; call it once after each vring_publish(). After vring_resume() it says yes
 * once, without anything published, too. */
bool vring_should_notify(struct vring *vr);

/* Ask the driver not to kick (a hint). */
void vring_suppress_kicks(struct vring *vr);

/**
 * vring_want_kick() - Ask for a kick when there are new chains
 * @vr:		Ring
 * @after:	When there are so many behind all that have been seen (those given
 *		back by vring_unpop() included), at least 1; a driver that does not
 *		know event indices kicks at the first
 *
 * Return: true if they are there already, so that waiting would miss them
 */
bool vring_want_kick(struct vring *vr, uint16_t after) MUST_CHECK;

#endif /* LIB_VRING_H */
