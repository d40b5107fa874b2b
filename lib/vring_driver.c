/* SPDX-License-Identifier: BSD-2-Clause */
/* vring_driver.c - A split virtqueue seen from the driver; the essay is in the header */
#include "config.h"

#include "lib/vring_driver.h"

#include <string.h>

static size_t align_up(size_t n, size_t to)
{
	return (n + to - 1) & ~(to - 1);
}

struct vring_layout vring_layout(uint16_t size)
{
	struct vring_layout l;

	/* The two sides write different cache lines. */
	l.avail = align_up(sizeof(struct vring_desc) * size, 64);
	l.used = align_up(l.avail + sizeof(struct vring_avail) +
			  sizeof(uint16_t) * (size + 1U), 64);
	l.size = align_up(l.used + sizeof(struct vring_used) +
			  sizeof(struct vring_used_elem) * size + sizeof(uint16_t), 64);
	return l;
}

void vring_driver_init(struct vring_driver *vd, void *mem, uint16_t size, bool event_idx)
{
	const struct vring_layout l = vring_layout(size);

	*vd = (struct vring_driver){
		.desc = mem,
		.avail = (void *)((uint8_t *)mem + l.avail),
		.used = (void *)((uint8_t *)mem + l.used),
		.size = size,
		.event_idx = event_idx,
	};
}

bool vring_driver_publish(struct vring_driver *vd)
{
	uint16_t old = vd->shown, new = vd->next_avail, event;

	if (old == new)
		return false;
	vd->shown = new;
	__atomic_store_n(&vd->avail->idx, new, __ATOMIC_RELEASE);
	/* The device writes its wish, then reads avail->idx: without the full fence
	 * both could read the old value, and the kick is lost. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!vd->event_idx)
		return !(__atomic_load_n(&vd->used->flags, __ATOMIC_RELAXED) &
			 VRING_USED_NO_NOTIFY);
	event = __atomic_load_n((uint16_t *)(void *)&vd->used->ring[vd->size],
				__ATOMIC_RELAXED);
	return (uint16_t)(new - event - 1) < (uint16_t)(new - old);
}

bool vring_driver_want_call(struct vring_driver *vd)
{
	uint16_t seen = vd->next_used;

	if (vd->event_idx)
		__atomic_store_n(&vd->avail->ring[vd->size], seen, __ATOMIC_RELAXED);
	else
		__atomic_store_n(&vd->avail->flags, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	vd->used_idx = __atomic_load_n(&vd->used->idx, __ATOMIC_ACQUIRE);
	return vd->used_idx != seen;
}

void vring_driver_suppress_calls(struct vring_driver *vd)
{
	/* With event_idx, an event far away in the past keeps the device quiet. */
	if (vd->event_idx)
		__atomic_store_n(&vd->avail->ring[vd->size],
				 (uint16_t)(vd->next_used - 1), __ATOMIC_RELAXED);
	else
		__atomic_store_n(&vd->avail->flags, VRING_AVAIL_NO_INTERRUPT,
				 __ATOMIC_RELAXED);
}
