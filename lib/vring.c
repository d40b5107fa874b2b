/* SPDX-License-Identifier: BSD-2-Clause */
/* vring.c - A split virtqueue seen from the device
 *
 * Security model: the driver is hostile. It may write any value into any of
 * the three parts at any time, also between two reads of ours. Whatever it
 * does, we touch no memory outside of @mem, do a bounded amount of work, and
 * report -EPROTO. See the essay in vring.h.
 */
#include "config.h"

#include "lib/vring.h"

#include <errno.h>
#include <string.h>

int vring_init(struct vring *vr, const struct guestmem *mem,
	       const struct guestmem *ringmem, uint16_t size, uint64_t desc,
	       uint64_t avail, uint64_t used, uint64_t features)
{
	struct vring r = {
		.mem = mem,
		.size = size,
		.event_idx = features >> VRING_F_EVENT_IDX & 1,
		.indirect = features >> VRING_F_INDIRECT_DESC & 1,
	};

	memset(vr, 0, sizeof(*vr));
	if (!size || size & (size - 1) || size > VRING_SIZE_MAX ||
	    desc % 16 || avail % 2 || used % 4)
		return -EINVAL;
	/* The event index behind each ring is there whether negotiated or not. */
	r.desc = guestmem_ptr(ringmem, desc, sizeof(struct vring_desc) * size);
	r.avail = guestmem_ptr(ringmem, avail, sizeof(struct vring_avail) +
			       sizeof(uint16_t) * (size + 1U));
	r.used = guestmem_ptr(ringmem, used, sizeof(struct vring_used) +
			      sizeof(struct vring_used_elem) * size +
			      sizeof(uint16_t));
	if (!r.desc || !r.avail || !r.used)
		return -EFAULT;
	/* A region may be mapped at an odd distance from its addresses. */
	if ((uintptr_t)r.desc % 16 || (uintptr_t)r.avail % 2 || (uintptr_t)r.used % 4)
		return -EINVAL;
	*vr = r;
	return 0;
}

void vring_resume(struct vring *vr)
{
	uint16_t used = __atomic_load_n(&vr->used->idx, __ATOMIC_ACQUIRE);

	vr->next_avail = vr->avail_idx = vr->next_used = vr->signalled = used;
	vr->resumed = true;
}

int vring_continue(struct vring *vr, uint16_t next_avail)
{
	uint16_t avail = __atomic_load_n(&vr->avail->idx, __ATOMIC_ACQUIRE);

	vr->next_used = vr->signalled = __atomic_load_n(&vr->used->idx, __ATOMIC_ACQUIRE);
	vr->next_avail = vr->avail_idx = next_avail;
	return vr->next_used != next_avail || (uint16_t)(avail - next_avail) > vr->size ?
	       -EINVAL : 0;
}

static int vring_break(struct vring *vr, const char *why)
{
	vr->broken = why;
	return -EPROTO;
}

/* Read a descriptor once; only the copy is looked at. */
static struct vring_desc vring_read_desc(const struct vring_desc *d)
{
	struct vring_desc copy;

	/* An indirect table may lie at any address. The barrier keeps the compiler
	 * from reading the original again. */
	memcpy(&copy, d, sizeof(copy));
	__asm__ __volatile__("" : : "r"(&copy) : "memory");
	return copy;
}

/* Add the memory of one descriptor to @chain, which has room for @room pieces.
 * Return: 0, -EPROTO, or -ENOBUFS if there is not enough room. */
static int vring_add_desc(struct vring *vr, struct vring_chain *chain,
			  const struct vring_desc *d, unsigned int room)
{
	unsigned int used = chain->out + chain->in;
	int n;

	if (!(d->flags & VRING_DESC_WRITE) && chain->in)
		return vring_break(vr, "a readable buffer follows a writable one");
	if (!d->len)
		return vring_break(vr, "a buffer of length zero");
	n = guestmem_iov(vr->mem, d->addr, d->len, chain->iov + used, room - used);
	if (n == -ENOBUFS)
		return n;
	if (n < 0)
		return vring_break(vr, "a buffer outside of memory");
	if (d->flags & VRING_DESC_WRITE)
		chain->in = (uint16_t)(chain->in + n);
	else
		chain->out = (uint16_t)(chain->out + n);
	return 0;
}

/* Follow the chain that starts at entry @i of @table, which has @size entries. */
static int vring_walk(struct vring *vr, struct vring_chain *chain,
		      const struct vring_desc *table, unsigned int size,
		      unsigned int i, unsigned int room)
{
	bool indirect = table != vr->desc;

	for (unsigned int steps = 0; ; steps++) {
		struct vring_desc d;
		int ret;

		if (i >= size)
			return vring_break(vr, "a descriptor index out of range");
		if (steps >= MIN(size, vr->size))
			return vring_break(vr, "a chain longer than the ring");
		d = vring_read_desc(&table[i]);
		if (d.flags & VRING_DESC_INDIRECT) {
			const struct vring_desc *sub;
			unsigned int count = d.len / sizeof(*sub);

			if (indirect || !vr->indirect)
				return vring_break(vr, "an indirect table where none may be");
			if (d.flags & VRING_DESC_NEXT)
				return vring_break(vr, "an indirect table with a successor");
			if (!count || d.len % sizeof(*sub))
				return vring_break(vr, "an indirect table of odd size");
			sub = guestmem_ptr(vr->mem, d.addr, d.len);
			if (!sub)
				return vring_break(vr, "an indirect table outside of memory");
			if (sub == vr->desc)
				return vring_break(vr, "an indirect table that is the ring's own");
			return vring_walk(vr, chain, sub, count, 0, room);
		}
		ret = vring_add_desc(vr, chain, &d, room);
		if (ret)
			return ret;
		if (!(d.flags & VRING_DESC_NEXT))
			return 0;
		i = d.next;
	}
}

/* Take the chain at @head if it is of the common kind: a single descriptor that
 * lies in one region. Return: whether it is. */
static inline bool vring_take_simple(const struct vring *vr, struct vring_chain *chain,
				     uint16_t head, struct iovec *iov)
{
	const struct vring_desc *d = &vr->desc[head & (vr->size - 1)];
	uint64_t addr = __atomic_load_n(&d->addr, __ATOMIC_RELAXED);
	uint32_t len = __atomic_load_n(&d->len, __ATOMIC_RELAXED);
	uint16_t flags = __atomic_load_n(&d->flags, __ATOMIC_RELAXED);
	void *p = guestmem_ptr_inline(vr->mem, addr, len);

	iov->iov_base = p;
	iov->iov_len = len;
	chain->head = head;
	chain->in = flags / VRING_DESC_WRITE & 1;
	chain->out = chain->in ^ 1;
	chain->iov = iov;
	return p && !(flags & (VRING_DESC_NEXT | VRING_DESC_INDIRECT)) &&
	       head < vr->size;
}

unsigned int vring_pop(struct vring *vr, struct vring_chain *chains,
		       unsigned int n, struct iovec *iov, unsigned int room)
{
	uint16_t mask = (uint16_t)(vr->size - 1), count;
	unsigned int i;
	int ret = 0;

	/* A look at the driver's index only when what it said last is not enough: the
	 * line is in its cache, not ours. */
	if (!vring_has_avail(vr))
		return 0;
	count = (uint16_t)(vr->avail_idx - vr->next_avail);
	if (count < n) {
		vr->avail_idx = __atomic_load_n(&vr->avail->idx, __ATOMIC_ACQUIRE);
		count = (uint16_t)(vr->avail_idx - vr->next_avail);
	}
	if (UNLIKELY(count > vr->size)) {
		vring_break(vr, "an available index that jumped");
		return 0;
	}
	n = MIN(n, count);
	for (i = 0; i < n; i++) {
		const uint16_t *head = &vr->avail->ring[(vr->next_avail + i) & mask];

		chains[i].head = __atomic_load_n(head, __ATOMIC_RELAXED);
		PREFETCH(&vr->desc[chains[i].head & mask]);
	}
	for (i = 0; i < n; i++) {
		uint16_t head = chains[i].head;

		if (UNLIKELY(!room)) {
			ret = -ENOBUFS;
			break;
		}
		if (LIKELY(vring_take_simple(vr, &chains[i], head, iov))) {
			iov++;
			room--;
			continue;
		}
		chains[i] = (struct vring_chain){ .head = head, .iov = iov };
		ret = vring_walk(vr, &chains[i], vr->desc, vr->size, head,
				 MIN(room, (unsigned int)VRING_CHAIN_MAX));
		if (ret)
			break;
		iov += chains[i].out + chains[i].in;
		room -= chains[i].out + chains[i].in;
	}
	/* The first had all the room that a chain may want. */
	if (ret == -ENOBUFS && !i)
		vring_break(vr, "a chain of too many pieces");
	vr->next_avail = (uint16_t)(vr->next_avail + i);
	return i;
}

void vring_unpop(struct vring *vr, uint16_t n)
{
	vr->next_avail = (uint16_t)(vr->next_avail - n);
}

void vring_publish(struct vring *vr)
{
	/* Pairs with the driver's acquire of used->idx. */
	__atomic_store_n(&vr->used->idx, vr->next_used, __ATOMIC_RELEASE);
}

bool vring_should_notify(struct vring *vr)
{
	uint16_t old = vr->signalled, new = vr->next_used, event;

	/* A driver asleep since before our time: its event lies behind us. */
	if (UNLIKELY(vr->resumed)) {
		vr->resumed = false;
		vr->signalled = new;
		return true;
	}
	if (old == new)
		return false;
	vr->signalled = new;
	/* Our store of used->idx must be visible before we read what the driver
	 * wants: it writes used_event, then reads used->idx. Without the full
	 * fence both could read the old value, and the wake-up is lost. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!vr->event_idx)
		return !(__atomic_load_n(&vr->avail->flags, __ATOMIC_RELAXED) &
			 VRING_AVAIL_NO_INTERRUPT);
	event = __atomic_load_n(&vr->avail->ring[vr->size], __ATOMIC_RELAXED);
	/* Did used->idx pass the event index? Section 2.7.7.2. */
	return (uint16_t)(new - event - 1) < (uint16_t)(new - old);
}

/* avail_event, the word behind the used ring. */
static uint16_t *vring_avail_event(struct vring *vr)
{
	return (uint16_t *)(void *)&vr->used->ring[vr->size];
}

void vring_suppress_kicks(struct vring *vr)
{
	/* With event_idx a stale avail_event already keeps the driver quiet. */
	if (vr->size && !vr->event_idx)
		__atomic_store_n(&vr->used->flags, VRING_USED_NO_NOTIFY,
				 __ATOMIC_RELAXED);
}

bool vring_want_kick(struct vring *vr, uint16_t after)
{
	uint16_t seen;

	if (!vr->size || vr->broken)
		return false;
	/* Chains given back by vring_unpop() are known, and not enough: what is
	 * wanted is a chain behind all that have been seen. */
	seen = vr->avail_idx;
	if (vr->event_idx)
		__atomic_store_n(vring_avail_event(vr), (uint16_t)(seen + after - 1),
				 __ATOMIC_RELAXED);
	else
		__atomic_store_n(&vr->used->flags, 0, __ATOMIC_RELAXED);
	/* The driver writes avail->idx, then reads our wish: same reasoning as in
	 * vring_should_notify(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	vr->avail_idx = __atomic_load_n(&vr->avail->idx, __ATOMIC_ACQUIRE);
	return (uint16_t)(vr->avail_idx - seen) >= after;
}
