/* SPDX-License-Identifier: BSD-2-Clause */
/* vring_driver.h - A split virtqueue seen from the driver (virtio 1.2, section 2.7)
 *
 * DOC: Theory of operation
 *
 * The other half of vring.h, for programs of ours that talk to a device: the
 * plug, load generators, tests. The caller lays out buffers and writes
 * descriptors; each chain is known by its first descriptor. A chain is offered
 * with vring_driver_add(), shown with vring_driver_publish(), which says whether
 * the device wants to be kicked, and comes back through vring_driver_get().
 *
 * The device is trusted with the buffers it was given, not with our sanity: what
 * it writes is read once, and a descriptor number out of range is no chain.
 *
 * Not thread-safe; two rings may be used by two threads.
 */
#ifndef LIB_VRING_DRIVER_H
#define LIB_VRING_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/vring.h"

/**
 * struct vring_driver - One split ring, driver side
 * @desc:	Descriptor table, @size entries; the caller's to fill
 * @avail:	Available ring
 * @used:	Used ring
 * @size:	Entries, a power of two
 * @next_avail:	Index of the next entry to offer
 * @shown:	@next_avail when it was last shown to the device
 * @next_used:	Index of the next entry to get back
 * @used_idx:	The device's index as last read
 * @event_idx:	VRING_F_EVENT_IDX was negotiated
 */
struct vring_driver {
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint16_t size;
	uint16_t next_avail;
	uint16_t shown;
	uint16_t next_used;
	uint16_t used_idx;
	bool event_idx;
};

/* Offsets of the parts of a ring of @size entries from its start, and its size. */
struct vring_layout {
	size_t avail;
	size_t used;
	size_t size;
};

struct vring_layout vring_layout(uint16_t size);

/**
 * vring_driver_init() - Set a ring up in memory
 * @vd:		Filled
 * @mem:	vring_layout().size bytes, zero, aligned to 64
 * @size:	Entries, a power of two
 * @event_idx:	See above
 */
void vring_driver_init(struct vring_driver *vd, void *mem, uint16_t size,
		       bool event_idx);

/* Chains that are with the device, or offered to it. */
static inline uint16_t vring_driver_pending(const struct vring_driver *vd)
{
	return (uint16_t)(vd->next_avail - vd->next_used);
}

/* Offer the chain at @head; not yet visible. There must be room for it. */
static inline void vring_driver_add(struct vring_driver *vd, uint16_t head)
{
	__atomic_store_n(&vd->avail->ring[vd->next_avail & (vd->size - 1)], head,
			 __ATOMIC_RELAXED);
	vd->next_avail++;
}

/* Show the device all chains offered so far. Return: whether it wants a kick. */
bool vring_driver_publish(struct vring_driver *vd) MUST_CHECK;

/* Whether chains have come back; may look at what the device wrote. */
static inline bool vring_driver_has_used(struct vring_driver *vd)
{
	if (vd->next_used == vd->used_idx)
		vd->used_idx = __atomic_load_n(&vd->used->idx, __ATOMIC_ACQUIRE);
	return vd->next_used != vd->used_idx;
}

/* Take back the next chain. Return: its head and the bytes written to it, or
 * -1 if none came back. */
static inline int32_t vring_driver_get(struct vring_driver *vd, uint32_t *len)
{
	const struct vring_used_elem *e = &vd->used->ring[vd->next_used & (vd->size - 1)];
	uint32_t id;

	if (!vring_driver_has_used(vd))
		return -1;
	id = __atomic_load_n(&e->id, __ATOMIC_RELAXED);
	*len = __atomic_load_n(&e->len, __ATOMIC_RELAXED);
	vd->next_used++;
	return (int32_t)(id & (vd->size - 1U));
}

/* Ask the device to call when the next chain comes back. Return: true if one has
 * already, so that waiting would miss the call. */
bool vring_driver_want_call(struct vring_driver *vd) MUST_CHECK;

/* Ask it not to (a hint). */
void vring_driver_suppress_calls(struct vring_driver *vd);

#endif /* LIB_VRING_DRIVER_H */
