/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz-vring.c - Fuzz target: a split ring in memory that its driver bends at will
 *
 * DOC: Theory of operation
 *
 * The input is a guest: how its memory is laid out, where its ring is, and a list
 * of steps. Some steps are the driver's (write a descriptor, offer a chain, write
 * anything anywhere), others are the device's and call lib/vring.c and lib/vnet.c.
 * Each region of memory is an allocation of its exact size.
 *
 * Everything that the device does is compared with a model in this file, which is
 * written after the virtio specification and the comments in vring.h and vnet.h:
 * slow, and blind to what the product looks like inside. It works on a copy of
 * the memory, and after each step of the device memory and copy must be equal, so
 * a byte written beside the buffer is found even where it is legal memory.
 *
 * Then the same input runs once more while memory shifts: at some of the loads that
 * the product makes from guest memory, another byte is put there first. So what is
 * read twice can be two different things, at each place where that is possible.
 * Where it happens comes from a hash of the input, so it is always the same for
 * the same input, and another for each new one. This takes a compiler that reports
 * loads (see fuzz.sh); other builds leave it out. While memory shifts there is no
 * model; what must hold then is what keeps others safe: pieces within memory,
 * bounded work, no more chains than were offered.
 *
 * Not here: real threads (the order of loads and stores is for the model of the
 * ring to check), how eventfds are signalled, where memory comes from.
 */
#include "config.h"

#include "tests/fuzz/fuzz.h"

#include <errno.h>

#include "lib/iov.h"
#include "lib/vnet.h"
#include "lib/vring.h"

enum {
	REGIONS = 6,
	REGION_SIZE_MAX = 8192,
	REGION_0_SIZE_MAX = 65536,
	BATCH = 64,		/* chains taken at one go, at most */
	HELD = 256,		/* chains in the hands of the device, at most */
	STEPS = 512,
	FRAME_MIN = 14,		/* shorter ones are dropped before they come here */
	FRAME_SIZES = 8192,
};

/** struct region - A region of guest memory and the copy the model works on */
struct region {
	uint64_t addr;
	size_t size;
	uint8_t *host;
	uint8_t *copy;
};

/**
 * struct model - What a ring should know
 * @desc:	The copy's descriptor table, and so on
 * @desc_addr:	Its guest address
 */
struct model {
	uint8_t *desc, *avail, *used;
	uint64_t desc_addr;
	uint16_t size;
	uint16_t next_avail, avail_idx, next_used, signalled;
	bool event_idx, indirect, broken, resumed;
};

/**
 * struct run - One input at work
 * @held:	Chains taken and not given back, oldest first, each with an array
 *		of pieces of its own
 * @shifting:	Memory shifts under the product
 */
struct run {
	struct fuzz_in in;
	struct region region[REGIONS];
	unsigned int regions;
	struct guestmem mem;
	uint64_t features;
	struct vring vr;
	struct vnet vn;
	struct model m;
	struct vring_chain held[HELD];
	unsigned int helds;
	bool shifting;
};

/* Loads of the product, if the compiler reports them. */

/**
 * @run:	The product is at work on it, or NULL
 * @random:	Numbers that depend on all of the input
 * @every:	One in so many loads finds other bytes, about
 * @loads:	Since the product was called
 */
static struct {
	const struct run *run;
	uint64_t random;
	unsigned int every;
	unsigned int loads;
} hook;

#ifdef FUZZ_HOOKS

static uint32_t hook_random(void)
{
	hook.random = hook.random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(hook.random >> 32);
}

/* A new order of events for each input, and always the same for the same. */
static void hook_seed(const uint8_t *data, size_t size)
{
	hook.random = size;
	for (size_t i = 0; i < size; i++)
		hook.random = (hook.random ^ data[i]) * 0x100000001b3ULL;
	hook.every = 2U << hook_random() % 6;
}

static void hook_load(const void *addr, size_t size)
{
	uint8_t *p = (uint8_t *)(uintptr_t)addr;
	bool ours = false;
	uint32_t how;

	for (unsigned int i = 0; hook.run && i < hook.run->regions; i++) {
		const struct region *r = &hook.run->region[i];

		ours |= p >= r->host && p < r->host + r->size &&
			size <= (size_t)(r->host + r->size - p);
	}
	if (!ours)
		return;
	hook.loads++;
	if (!hook.run->shifting || hook_random() % hook.every)
		return;
	how = hook_random();
	p += how % size;
	switch (how >> 8 & 3) {
	case 0:
		*p ^= (uint8_t)(1U << (how >> 16 & 7));
		break;
	case 1:
		*p = (uint8_t)(how >> 16);
		break;
	default:
		*p ^= 0xff;
		break;
	}
}

#define HOOK(n, type) \
	void __sanitizer_cov_load##n(type *addr); \
	void __sanitizer_cov_load##n(type *addr) { hook_load(addr, n); }
HOOK(1, uint8_t)
HOOK(2, uint16_t)
HOOK(4, uint32_t)
HOOK(8, uint64_t)
HOOK(16, __int128)

/* Whole structures are copied by calls. */
void *__real___asan_memcpy(void *to, const void *from, size_t size);
void *__wrap___asan_memcpy(void *to, const void *from, size_t size);
void *__wrap___asan_memcpy(void *to, const void *from, size_t size)
{
	if (size && size <= 64)
		hook_load(from, size);
	return __real___asan_memcpy(to, from, size);
}

#endif

static void product_begin(const struct run *run)
{
	hook.loads = 0;
	hook.run = run;
}

static void product_end(void)
{
	hook.run = NULL;
}

/* Memory. */

static struct region *region_at(struct run *run, uint64_t addr)
{
	for (unsigned int i = 0; i < run->regions; i++)
		if (addr - run->region[i].addr < run->region[i].size)
			return &run->region[i];
	return NULL;
}

/* The copy of @size bytes at @addr, or NULL if they do not lie in one region. */
static uint8_t *copy_at(struct run *run, uint64_t addr, uint64_t size)
{
	struct region *r = region_at(run, addr);

	return r && size && size <= r->size - (addr - r->addr) ?
	       r->copy + (addr - r->addr) : NULL;
}

/* Where the copy of a place in the memory is; it has @size bytes there. */
static uint8_t *copy_of(struct run *run, const void *host, size_t size)
{
	const uint8_t *p = host;

	for (unsigned int i = 0; i < run->regions; i++) {
		struct region *r = &run->region[i];

		if (p >= r->host && p < r->host + r->size &&
		    size <= (size_t)(r->host + r->size - p))
			return r->copy + (p - r->host);
	}
	FUZZ_CHECK(false, "%zu bytes at %p are no guest memory", size, host);
	return NULL;
}

static void check_memory(struct run *run)
{
	for (unsigned int i = 0; !run->shifting && i < run->regions; i++) {
		struct region *r = &run->region[i];

		for (size_t b = 0; memcmp(r->host, r->copy, r->size) && b < r->size; b++)
			FUZZ_CHECK(r->host[b] == r->copy[b],
				   "byte %zu of region %u is %02x, should be %02x", b, i,
				   r->host[b], r->copy[b]);
	}
}

/* The driver writes; what does not fit into memory is left out. */
static void driver_write(struct run *run, uint64_t addr, const void *buf, size_t size)
{
	const uint8_t *b = buf;

	while (size) {
		struct region *r = region_at(run, addr);
		uint64_t off = r ? addr - r->addr : 0;
		/* Regions begin at multiples of 16. */
		size_t n = MIN(size, r ? r->size - off : 16 - addr % 16);

		if (r) {
			memcpy(r->host + off, b, n);
			memcpy(r->copy + off, b, n);
		}
		b += n;
		addr += n;
		size -= n;
	}
}

/* Write into a part of the ring, which is in @copy. */
static void ring_write(struct run *run, const uint8_t *copy, const void *buf, size_t size)
{
	for (unsigned int i = 0; i < run->regions; i++) {
		struct region *r = &run->region[i];

		if (copy >= r->copy && copy < r->copy + r->size)
			driver_write(run, r->addr + (uint64_t)(copy - r->copy), buf, size);
	}
}

static uint16_t get16(const uint8_t *p)
{
	uint16_t x;

	memcpy(&x, p, sizeof(x));
	return x;
}

static void put16(uint8_t *p, uint16_t x)
{
	memcpy(p, &x, sizeof(x));
}

/* An address: mostly near the first region, sometimes anything. */
static uint64_t input_addr(struct run *run)
{
	uint16_t off = fuzz_u16(&run->in);

	return off < 0xf000 ? run->region[0].addr + off : fuzz_u64(&run->in);
}

/* Regions touch, have gaps between them, lie at the end of the address space; in
 * no order at all, though, as the table's own tests look at that. A guest address
 * and where it is here agree in their last four bits, as for all that comes out of
 * whole pages. */
static void setup_memory(struct run *run, bool high)
{
	uint64_t addr = 0x1000;

	run->regions = 1 + fuzz_u8(&run->in) % REGIONS;
	for (unsigned int i = 0; i < run->regions; i++) {
		struct region *r = &run->region[i];
		uint8_t gap = fuzz_u8(&run->in);
		uint16_t size = fuzz_u16(&run->in);

		r->size = size ? 1 + size % REGION_SIZE_MAX : 4096;
		/* Rings of many entries need room. */
		if (!i && size >= 0xff00)
			r->size = REGION_0_SIZE_MAX;
		if (high && !i)
			addr = -(((uint64_t)r->size + 15) & ~15ULL);
		else
			addr += 16ULL * gap;
		if (addr + (r->size - 1) < addr)
			addr = 0;
		r->addr = addr;
		r->host = fuzz_alloc(r->size);
		r->copy = fuzz_alloc(r->size);
		/* The address space may be gone round, into the first. */
		if (guestmem_add(&run->mem, r->addr, r->size, r->host)) {
			free(r->host);
			free(r->copy);
			run->regions = i;
			break;
		}
		addr += (r->size + 15) & ~15ULL;
	}
}

/* The ring. */

static void check_ring(struct run *run)
{
	if (run->shifting)
		return;
	FUZZ_CHECK(!run->vr.broken == !run->m.broken, "ring is %s",
		   run->vr.broken ? run->vr.broken : "not broken");
	FUZZ_CHECK(run->vr.next_avail == run->m.next_avail, "next_avail %u, not %u",
		   run->vr.next_avail, run->m.next_avail);
	FUZZ_CHECK(run->vr.next_used == run->m.next_used, "next_used %u, not %u",
		   run->vr.next_used, run->m.next_used);
}

static void drop_held(struct run *run, unsigned int from, unsigned int n)
{
	for (unsigned int i = from; i < from + n; i++)
		free(run->held[i].iov);
	memmove(run->held + from, run->held + from + n,
		(run->helds - from - n) * sizeof(run->held[0]));
	run->helds -= n;
}

static void step_init(struct run *run)
{
	uint8_t order = fuzz_u8(&run->in), where = fuzz_u8(&run->in);
	uint16_t start = fuzz_u16(&run->in);
	struct model *m = &run->m;
	uint64_t desc, avail, used;
	uint32_t size;
	int ret, want;

	size = order < 0xf0 ? 1U << order % 12 : fuzz_u16(&run->in);
	desc = where & 1 ? input_addr(run) : run->region[0].addr;
	avail = where & 2 ? input_addr(run) : desc + 16ULL * size;
	used = where & 4 ? input_addr(run) : (avail + 6 + 2ULL * size + 3) & ~3ULL;

	drop_held(run, 0, run->helds);
	*m = (struct model){
		.desc = copy_at(run, desc, 16ULL * size),
		.avail = copy_at(run, avail, 6 + 2ULL * size),
		.used = copy_at(run, used, 6 + 8ULL * size),
		.desc_addr = desc,
		.size = (uint16_t)size,
		.event_idx = run->features >> VRING_F_EVENT_IDX & 1,
		.indirect = run->features >> VRING_F_INDIRECT_DESC & 1,
	};
	if (!size || __builtin_popcount(size) != 1 || desc % 16 || avail % 2 || used % 4)
		want = -EINVAL;
	else
		want = m->desc && m->avail && m->used ? 0 : -EFAULT;

	memset(&run->vr, 0xa5, sizeof(run->vr));
	ret = vring_init(&run->vr, &run->mem, &run->mem, (uint16_t)size, desc, avail,
			 used, run->features);
	FUZZ_CHECK(ret == want, "vring_init: %d, not %d", ret, want);
	if (ret)
		*m = (struct model){ .size = 0 };
	FUZZ_CHECK(run->vr.size == m->size, "size %u, not %u", run->vr.size, m->size);
	/* A ring may have been in use before. */
	if (!ret && where & 8) {
		ring_write(run, m->used + 2, &start, 2);
		ring_write(run, m->avail + 2, &start, 2);
		vring_resume(&run->vr);
		start = get16(m->used + 2);
		m->next_avail = m->avail_idx = m->next_used = m->signalled = start;
		m->resumed = true;
	}
}

/* Steps of the driver. */

static void step_write(struct run *run)
{
	uint64_t addr = input_addr(run);
	uint8_t buf[16];
	size_t size = 1 + fuzz_u8(&run->in) % sizeof(buf);

	fuzz_bytes(&run->in, buf, size);
	driver_write(run, addr, buf, size);
}

static void input_desc(struct run *run, struct vring_desc *d)
{
	uint16_t len;

	d->addr = input_addr(run);
	len = fuzz_u16(&run->in);
	d->len = len == 0xffff ? fuzz_u32(&run->in) : len;
	d->flags = fuzz_u8(&run->in);
	d->next = fuzz_u8(&run->in);
}

static void step_desc(struct run *run)
{
	struct vring_desc d;
	uint8_t i = fuzz_u8(&run->in);

	input_desc(run, &d);
	if (run->m.size)
		ring_write(run, run->m.desc + 16 * (i % run->m.size), &d, sizeof(d));
}

/* A table somewhere. */
static void step_table(struct run *run)
{
	uint64_t addr = input_addr(run);
	unsigned int n = 1 + fuzz_u8(&run->in) % 8;
	struct vring_desc d;

	for (unsigned int i = 0; i < n; i++) {
		input_desc(run, &d);
		driver_write(run, addr + 16 * i, &d, sizeof(d));
	}
}

/* A table of many small pieces: entries as many as pieces are allowed, and more. */
static void step_many(struct run *run)
{
	static struct vring_desc d[VRING_CHAIN_MAX + 64];
	uint64_t table = input_addr(run), addr = input_addr(run);
	unsigned int n = fuzz_u16(&run->in) % ARRAY_SIZE(d);
	uint8_t len = fuzz_u8(&run->in), flags = fuzz_u8(&run->in);

	for (unsigned int i = 0; i < n; i++)
		d[i] = (struct vring_desc){
			.addr = addr,
			.len = 1U + len,
			.flags = (uint16_t)(flags | (i + 1 < n)),
			.next = (uint16_t)(i + 1),
		};
	driver_write(run, table, d, n * sizeof(d[0]));
}

static void step_offer(struct run *run)
{
	uint8_t code = fuzz_u8(&run->in);
	uint16_t head = code < 0xf0 ? code : fuzz_u16(&run->in), idx;
	struct model *m = &run->m;

	if (!m->size)
		return;
	if (code < 0xf0)
		head %= m->size;
	idx = get16(m->avail + 2);
	ring_write(run, m->avail + 4 + 2 * (idx & (m->size - 1)), &head, 2);
	idx++;
	ring_write(run, m->avail + 2, &idx, 2);
}

/* Flags, index and event index of the driver. */
static void step_avail(struct run *run)
{
	uint8_t which = fuzz_u8(&run->in);
	uint16_t x = fuzz_u16(&run->in);
	struct model *m = &run->m;
	uint8_t *p;

	if (!m->size)
		return;
	p = which % 3 == 0 ? m->avail : which % 3 == 1 ? m->avail + 2 :
	    m->avail + 4 + 2 * m->size;
	/* Small ones are steps. */
	if (which & 0x80)
		x = (uint16_t)(get16(p) + (int8_t)x);
	ring_write(run, p, &x, 2);
}

/* Steps of the device. */

enum walk { WALK_GOOD, WALK_BAD, WALK_FULL };

/* Follow the chain at @head. Its pieces, in the copy, go to @iov, at most @room. */
static enum walk model_walk(struct run *run, uint16_t head, struct iovec *iov,
			    unsigned int room, unsigned int *out, unsigned int *in)
{
	unsigned int entries = run->m.size, limit = entries, n = 0;
	const uint8_t *table = run->m.desc;
	bool indirect = false;
	uint32_t i = head;

	*out = *in = 0;
	for (;;) {
		struct vring_desc d;
		uint64_t left;

		if (i >= entries || !limit--)
			return WALK_BAD;
		memcpy(&d, table + 16ULL * i, sizeof(d));
		if (d.flags & VRING_DESC_INDIRECT) {
			table = copy_at(run, d.addr, d.len);
			if (indirect || !run->m.indirect || d.flags & VRING_DESC_NEXT ||
			    d.len % 16 || !d.len || !table || d.addr == run->m.desc_addr)
				return WALK_BAD;
			indirect = true;
			entries = d.len / 16;
			limit = MIN(entries, run->m.size);
			i = 0;
			continue;
		}
		if (!d.len || (!(d.flags & VRING_DESC_WRITE) && *in))
			return WALK_BAD;
		for (left = d.len; left; ) {
			struct region *r = region_at(run, d.addr);
			size_t len;

			if (!r)
				return WALK_BAD;
			if (n == room)
				return WALK_FULL;
			len = MIN(left, r->size - (d.addr - r->addr));
			iov[n++] = (struct iovec){ r->copy + (d.addr - r->addr), len };
			(*(d.flags & VRING_DESC_WRITE ? in : out))++;
			left -= len;
			/* Nothing goes round the end of the address space. */
			if (left && d.addr + len < d.addr)
				return WALK_BAD;
			d.addr += len;
		}
		if (!(d.flags & VRING_DESC_NEXT))
			return WALK_GOOD;
		i = d.next;
	}
}

static bool model_has_avail(struct run *run)
{
	struct model *m = &run->m;

	if (m->next_avail == m->avail_idx && m->size)
		m->avail_idx = get16(m->avail + 2);
	return m->next_avail != m->avail_idx && !m->broken;
}

/* Compare what was taken with what should have been. */
static void check_pop(struct run *run, const struct vring_chain *chains,
		      unsigned int got, unsigned int n, unsigned int room)
{
	static struct iovec iov[VRING_CHAIN_MAX];
	struct model *m = &run->m;
	unsigned int i;

	if (!model_has_avail(run)) {
		FUZZ_CHECK(!got, "%u chains of none", got);
		return;
	}
	/* As many as are there, whatever was known before. */
	if ((uint16_t)(m->avail_idx - m->next_avail) < n)
		m->avail_idx = get16(m->avail + 2);
	if ((uint16_t)(m->avail_idx - m->next_avail) > m->size) {
		m->broken = true;
		FUZZ_CHECK(!got, "%u chains after a jump", got);
		return;
	}
	n = MIN(n, (uint16_t)(m->avail_idx - m->next_avail));
	for (i = 0; i < n; i++) {
		uint16_t at = (uint16_t)((m->next_avail + i) & (m->size - 1));
		uint16_t head = get16(m->avail + 4 + 2 * at);
		unsigned int in, out;
		enum walk walk;

		walk = !room ? WALK_FULL :
		       model_walk(run, head, iov, MIN(room, (unsigned int)VRING_CHAIN_MAX),
				  &out, &in);
		if (walk == WALK_BAD || (walk == WALK_FULL && !i))
			m->broken = true;
		if (walk != WALK_GOOD)
			break;
		FUZZ_CHECK(i < got, "chain %u was left out", i);
		FUZZ_CHECK(chains[i].head == head && chains[i].out == out && chains[i].in == in,
			   "chain %u: head %u out %u in %u, not %u, %u, %u", i,
			   chains[i].head, chains[i].out, chains[i].in, head, out, in);
		for (unsigned int k = 0; k < out + in; k++)
			FUZZ_CHECK(chains[i].iov[k].iov_len == iov[k].iov_len &&
				   copy_of(run, chains[i].iov[k].iov_base,
					   iov[k].iov_len) == iov[k].iov_base,
				   "piece %u of chain %u is another one", k, i);
		room -= out + in;
	}
	FUZZ_CHECK(got == i, "%u chains, not %u", got, i);
	m->next_avail = (uint16_t)(m->next_avail + i);
}

static void step_pop(struct run *run)
{
	unsigned int n = 1 + fuzz_u8(&run->in) % BATCH, got, pieces = 0;
	unsigned int room = VRING_CHAIN_MAX + fuzz_u8(&run->in) % 128;
	uint16_t before = run->vr.next_avail;
	struct vring_chain *chains;
	struct iovec *iov;

	n = MIN(n, HELD - run->helds);
	chains = fuzz_alloc(n * sizeof(*chains));
	iov = fuzz_alloc(room * sizeof(*iov));

	product_begin(run);
	got = vring_pop(&run->vr, chains, n, iov, room);
	product_end();

	/* The index, twice; a head, a descriptor field by field, and a whole chain. */
	FUZZ_CHECK(hook.loads <= 2 + n * (4 + 2 * (run->vr.size + 1U)),
		   "%u loads for %u chains of a ring of %u", hook.loads, n, run->vr.size);
	FUZZ_CHECK(got <= n && (uint16_t)(run->vr.next_avail - before) == got &&
		   got <= (uint16_t)(run->vr.avail_idx - before),
		   "%u chains of %u, from %u to %u, offered to %u", got, n, before,
		   run->vr.next_avail, run->vr.avail_idx);
	for (unsigned int i = 0; i < got; i++) {
		const struct vring_chain *c = &chains[i];
		unsigned int cnt = c->in + c->out;

		FUZZ_CHECK(c->head < run->vr.size && cnt && cnt <= VRING_CHAIN_MAX &&
			   c->iov == iov + pieces && cnt <= room - pieces,
			   "chain %u: head %u, %u pieces from %td on", i, c->head, cnt,
			   c->iov - iov);
		for (unsigned int k = 0; k < cnt; k++)
			copy_of(run, c->iov[k].iov_base, c->iov[k].iov_len);
		pieces += cnt;
	}
	if (!run->shifting)
		check_pop(run, chains, got, n, room);
	for (unsigned int i = 0; i < got; i++) {
		struct vring_chain *c = &run->held[run->helds++];
		size_t size = (chains[i].in + chains[i].out) * sizeof(*iov);

		*c = chains[i];
		c->iov = fuzz_alloc(size);
		memcpy(c->iov, chains[i].iov, size);
	}
	free(chains);
	free(iov);
}

static void step_unpop(struct run *run)
{
	unsigned int n = fuzz_u8(&run->in) % (run->helds + 1);

	vring_unpop(&run->vr, (uint16_t)n);
	run->m.next_avail = (uint16_t)(run->m.next_avail - n);
	drop_held(run, run->helds - n, n);
}

static void model_push(struct run *run, uint16_t head, uint32_t len)
{
	struct model *m = &run->m;
	const struct vring_used_elem e = { head, len };

	memcpy(m->used + 4 + 8 * (m->next_used & (m->size - 1)), &e, sizeof(e));
	m->next_used++;
}

static void step_push(struct run *run)
{
	unsigned int n = fuzz_u8(&run->in) % (run->helds + 1);

	for (unsigned int i = 0; i < n; i++) {
		uint32_t len = fuzz_u8(&run->in);

		vring_push(&run->vr, run->held[i].head, len);
		model_push(run, run->held[i].head, len);
	}
	drop_held(run, 0, n);
}

static void step_publish(struct run *run)
{
	if (!run->vr.size)
		return;
	vring_publish(&run->vr);
	put16(run->m.used + 2, run->m.next_used);
}

static void step_should_notify(struct run *run)
{
	struct model *m = &run->m;
	bool want = false, got;

	if (!run->vr.size)
		return;
	product_begin(run);
	got = vring_should_notify(&run->vr);
	product_end();
	/* The driver waits for the entry of this number to be used. */
	for (uint16_t i = m->signalled; i != m->next_used; i++)
		want |= !m->event_idx || i == get16(m->avail + 4 + 2 * m->size);
	if (!m->event_idx && get16(m->avail) & VRING_AVAIL_NO_INTERRUPT)
		want = false;
	/* After a device that died, the driver is told once in any case. */
	want |= m->resumed;
	m->resumed = false;
	m->signalled = m->next_used;
	FUZZ_CHECK(run->shifting || got == want, "interrupt: %d, not %d", got, want);
}

static void step_want_kick(struct run *run)
{
	uint16_t after = (uint16_t)(1 + fuzz_u8(&run->in)), seen;
	struct model *m = &run->m;
	bool want, got;

	if (run->shifting)
		m->broken = run->vr.broken;
	product_begin(run);
	got = vring_want_kick(&run->vr, after);
	product_end();
	if (!m->size || m->broken) {
		FUZZ_CHECK(!got, "a ring out of use has more");
		return;
	}
	seen = m->avail_idx;
	if (m->event_idx)
		put16(m->used + 4 + 8 * m->size, (uint16_t)(seen + after - 1));
	else
		put16(m->used, 0);
	m->avail_idx = get16(m->avail + 2);
	want = (uint16_t)(m->avail_idx - seen) >= after;
	FUZZ_CHECK(run->shifting || got == want, "more is there: %d, not %d", got, want);
}

static void step_suppress(struct run *run)
{
	vring_suppress_kicks(&run->vr);
	if (run->m.size && !run->m.event_idx)
		put16(run->m.used, VRING_USED_NO_NOTIFY);
}

static void step_has_avail(struct run *run)
{
	bool got = vring_has_avail(&run->vr), want = model_has_avail(run);

	FUZZ_CHECK(run->shifting || got == want, "has chains: %d, not %d", got, want);
}

/* Read what a chain has to say, as a switch would. */
static void step_read(struct run *run)
{
	const struct vring_chain *c;
	uint8_t *buf;
	size_t size;

	if (!run->helds)
		return;
	c = &run->held[fuzz_u8(&run->in) % run->helds];
	size = MIN(iov_size(c->iov, c->out), (size_t)FRAME_SIZES);
	buf = fuzz_alloc(size);
	size -= iov_to_buf(c->iov, c->out, 0, buf, size);
	FUZZ_CHECK(!size, "%zu bytes too few", size);
	free(buf);
}

/* Frames into buffers. */

/* What should have been used for a frame, as vnet_put() says it. */
static int model_put(const struct run *run, unsigned int n, size_t size)
{
	size_t need = run->vn.hdr_size + size, room = 0;

	for (unsigned int i = 0; i < n; i++) {
		size_t len = iov_size(run->held[i].iov, run->held[i].in);

		if (run->held[i].out || (!i && len < run->vn.hdr_size))
			return -EPROTO;
		room += len;
		if (room >= need)
			return (int)i + 1;
		if (!run->vn.merge)
			return -EMSGSIZE;
	}
	return 0;
}

static bool overlap(const struct iovec *a, const struct iovec *b)
{
	const uint8_t *pa = a->iov_base, *pb = b->iov_base;

	return pa < pb + b->iov_len && pb < pa + a->iov_len;
}

/* Bring the copy to where the memory should be with @bytes, header and frame,
 * written to the first @n chains. */
static void model_written(struct run *run, const uint8_t *bytes, size_t size,
			  unsigned int n)
{
	enum { PIECES = 64 };
	struct iovec piece[PIECES], used;
	unsigned int pieces = 0;
	bool exact = true;
	size_t off = 0;

	used.iov_base = run->m.used;
	used.iov_len = 6 + 8ULL * run->m.size;
	for (unsigned int i = 0; i < n; i++) {
		const struct vring_chain *c = &run->held[i];
		size_t begin = off;

		for (unsigned int k = 0; k < c->in && off < size; k++) {
			struct iovec v = { .iov_len = MIN(c->iov[k].iov_len, size - off) };

			v.iov_base = copy_of(run, c->iov[k].iov_base, v.iov_len);
			/* Where pieces overlap it depends on their order what will be
			 * there, and no driver may ask for that: anything goes. */
			exact = exact && pieces < PIECES && !overlap(&v, &used);
			for (unsigned int p = 0; exact && p < pieces; p++)
				exact = !overlap(&v, &piece[p]);
			if (exact)
				piece[pieces++] = v;
			memcpy(v.iov_base, bytes + off, v.iov_len);
			off += v.iov_len;
		}
		model_push(run, c->head, (uint32_t)(off - begin));
	}
	FUZZ_CHECK(off == size, "the model has %zu bytes of room, not %zu", off, size);
	if (exact)
		return;
	for (unsigned int i = 0; i < n; i++)
		for (unsigned int k = 0; k < run->held[i].in; k++) {
			const struct iovec *v = &run->held[i].iov[k];

			memcpy(copy_of(run, v->iov_base, v->iov_len), v->iov_base, v->iov_len);
		}
	memcpy(run->m.used, run->vr.used, used.iov_len);
}

static void step_put(struct run *run)
{
	size_t size = FRAME_MIN + fuzz_u16(&run->in) % FRAME_SIZES, hdr = run->vn.hdr_size;
	uint8_t split = fuzz_u8(&run->in), seed = fuzz_u8(&run->in), *bytes, *frame;
	unsigned int n = 1 + fuzz_u8(&run->in) % BATCH, cnt = 0;
	struct iovec iov[8];
	int ret, want;

	if (!run->helds)
		return;
	n = MIN(n, run->helds);
	bytes = fuzz_alloc(hdr + size);
	frame = fuzz_alloc(size);
	for (size_t i = 0; i < size; i++)
		frame[i] = (uint8_t)(seed + 1 + i * 7 + (i >> 8));
	for (size_t off = 0; off < size; off += iov[cnt++].iov_len) {
		size_t len = split == 0 ? VNET_HEAD : split == 1 ? size : split;

		len = cnt == ARRAY_SIZE(iov) - 1 || (!split && cnt) ? size : len;
		iov[cnt] = (struct iovec){ frame + off, MIN(len, size - off) };
	}

	product_begin(run);
	ret = vnet_put(&run->vn, &run->vr, run->held, n, &VNET_HDR_NONE, iov, cnt, size);
	product_end();

	want = model_put(run, n, size);
	FUZZ_CHECK(ret == want, "vnet_put: %d, not %d", ret, want);
	if (ret == -EPROTO)
		run->m.broken = true;
	if (ret > 0) {
		/* The header says how many buffers, and nothing else. */
		if (hdr == VNET_HDR_SIZE)
			put16(bytes + 10, (uint16_t)ret);
		memcpy(bytes + hdr, frame, size);
		model_written(run, bytes, hdr + size, (unsigned int)ret);
		drop_held(run, 0, (unsigned int)ret);
	}
	free(bytes);
	free(frame);
}

static void (*const steps[])(struct run *run) = {
	step_offer, step_desc, step_pop, step_push, step_publish, step_put,
	step_write, step_table, step_avail, step_unpop, step_should_notify,
	step_want_kick, step_suppress, step_has_avail, step_read, step_many, step_init,
};

static void run_input(const uint8_t *data, size_t size, bool shifting)
{
	static struct run run;
	uint8_t mode;

	memset(&run, 0, sizeof(run));
	run.in = (struct fuzz_in){ data, size };
	run.shifting = shifting;
	mode = fuzz_u8(&run.in);
	run.features = (uint64_t)(mode & 1) << VRING_F_EVENT_IDX |
		       (uint64_t)(mode >> 1 & 1) << VRING_F_INDIRECT_DESC |
		       (uint64_t)(mode >> 2 & 1) << VNET_F_MRG_RXBUF |
		       (uint64_t)(mode >> 3 & 1) << 32;
	run.vn = vnet_negotiated(run.features);
	setup_memory(&run, mode & 0x80);
	step_init(&run);
	for (unsigned int i = 0; run.in.left && i < STEPS; i++) {
		steps[fuzz_u8(&run.in) % ARRAY_SIZE(steps)](&run);
		check_memory(&run);
		check_ring(&run);
	}
	drop_held(&run, 0, run.helds);
	for (unsigned int i = 0; i < run.regions; i++) {
		free(run.region[i].host);
		free(run.region[i].copy);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	run_input(data, size, false);
#ifdef FUZZ_HOOKS
	hook_seed(data, size);
	run_input(data, size, true);
#endif
	return 0;
}
