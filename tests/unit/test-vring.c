/* SPDX-License-Identifier: BSD-2-Clause */
/* test-vring.c - the ring, from the side of a driver that plays by the rules and
 * of one that does not; the memory table below it
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "lib/vring.h"

enum { SIZE = 8, RAM = 1 << 16, BASE = 0x10000, HIGH = 0x40000 };

/* Guest addresses of the parts. */
enum { DESC = BASE, AVAIL = BASE + 0x1000, USED = BASE + 0x2000, DATA = BASE + 0x4000 };

/** struct driver - Two regions of memory and the driver's view of a ring */
struct driver {
	uint8_t low[RAM] __attribute__((aligned(4096)));
	uint8_t high[RAM] __attribute__((aligned(4096)));
	struct guestmem mem;
	struct vring vr;
	struct vring_chain chain;
	struct iovec iov[VRING_CHAIN_MAX];
};

static struct vring_desc *desc(struct driver *d, unsigned int i)
{
	return (struct vring_desc *)(void *)(d->low + DESC - BASE) + i;
}

static uint16_t *avail(struct driver *d)
{
	return (uint16_t *)(void *)(d->low + AVAIL - BASE);
}

static uint16_t *used(struct driver *d)
{
	return (uint16_t *)(void *)(d->low + USED - BASE);
}

/* Take one chain. Return: how many were taken. */
static unsigned int pop(struct driver *d)
{
	return vring_pop(&d->vr, &d->chain, 1, d->iov, VRING_CHAIN_MAX);
}

static void put(struct driver *d, uint16_t head)
{
	uint16_t *a = avail(d);

	a[2 + a[1] % SIZE] = head;
	a[1]++;
}

static int setup_features(void **state, uint64_t features)
{
	struct driver *d = test_calloc(1, sizeof(*d) + 4096);

	*state = d;
	assert_int_equal(guestmem_add(&d->mem, BASE, RAM, d->low), 0);
	assert_int_equal(guestmem_add(&d->mem, BASE + RAM, RAM, d->high), 0);
	assert_int_equal(vring_init(&d->vr, &d->mem, &d->mem, SIZE, DESC, AVAIL, USED,
				    features), 0);
	return 0;
}

static int setup(void **state)
{
	return setup_features(state, 1ULL << VRING_F_EVENT_IDX |
			      1ULL << VRING_F_INDIRECT_DESC);
}

static int setup_flags(void **state)
{
	return setup_features(state, 0);
}

static int teardown(void **state)
{
	test_free(*state);
	return 0;
}

static void memory_table(void **state)
{
	struct driver *d = *state;
	struct iovec iov[2];

	assert_int_equal(guestmem_add(&d->mem, BASE + RAM - 1, 1, d->low), -EEXIST);
	assert_int_equal(guestmem_add(&d->mem, 5, 0, d->low), -EINVAL);
	assert_int_equal(guestmem_add(&d->mem, UINT64_MAX, 2, d->low), -EINVAL);
	assert_ptr_equal(guestmem_ptr(&d->mem, BASE, RAM), d->low);
	assert_null(guestmem_ptr(&d->mem, BASE, RAM + 1));
	assert_null(guestmem_ptr(&d->mem, BASE - 1, 2));
	assert_null(guestmem_ptr(&d->mem, BASE, 0));
	assert_ptr_equal(guestmem_ptr(&d->mem, BASE + RAM - 1, 1), d->low + RAM - 1);
	assert_null(guestmem_ptr(&d->mem, BASE + 1, UINT64_MAX));
	/* Over the border of two regions that touch. */
	assert_int_equal(guestmem_iov(&d->mem, BASE + RAM - 2, 5, iov, 2), 2);
	assert_ptr_equal(iov[0].iov_base, d->low + RAM - 2);
	assert_int_equal(iov[0].iov_len, 2);
	assert_ptr_equal(iov[1].iov_base, d->high);
	assert_int_equal(iov[1].iov_len, 3);
	assert_int_equal(guestmem_iov(&d->mem, BASE + RAM - 2, 5, iov, 1), -ENOBUFS);
	assert_int_equal(guestmem_iov(&d->mem, BASE + 2 * RAM - 1, 2, iov, 2), -EFAULT);
}

static void refused(void **state)
{
	struct driver *d = *state;
	struct vring vr;

	assert_int_equal(vring_init(&vr, &d->mem, &d->mem, 0, DESC, AVAIL, USED, 0), -EINVAL);
	assert_int_equal(vring_init(&vr, &d->mem, &d->mem, 6, DESC, AVAIL, USED, 0), -EINVAL);
	assert_int_equal(vring_init(&vr, &d->mem, &d->mem, 3072, DESC, AVAIL, USED, 0), -EINVAL);
	assert_int_equal(vring_init(&vr, &d->mem, &d->mem, 8, DESC + 8, AVAIL, USED, 0), -EINVAL);
	assert_int_equal(vring_init(&vr, &d->mem, &d->mem, 8, DESC, AVAIL + 1, USED, 0), -EINVAL);
	assert_int_equal(vring_init(&vr, &d->mem, &d->mem, 8, DESC, AVAIL, USED + 2, 0), -EINVAL);
	assert_int_equal(vring_init(&vr, &d->mem, &d->mem, 8, 0, AVAIL, USED, 0), -EFAULT);
	/* The last byte of the used ring's event index would be outside. */
	assert_int_equal(vring_init(&vr, &d->mem, &d->mem, 8, DESC, AVAIL,
				    BASE + 2 * RAM - 68, 0), -EFAULT);
	assert_int_equal(vr.size, 0);
}

static void chains(void **state)
{
	struct driver *d = *state;

	assert_int_equal(pop(d), 0);
	*desc(d, 3) = (struct vring_desc){ DATA, 100, VRING_DESC_NEXT, 1 };
	*desc(d, 1) = (struct vring_desc){ BASE + RAM - 10, 30, VRING_DESC_WRITE, 0 };
	put(d, 3);
	assert_int_equal(pop(d), 1);
	assert_int_equal(d->chain.head, 3);
	assert_int_equal(d->chain.out, 1);
	assert_int_equal(d->chain.in, 2);
	assert_ptr_equal(d->chain.iov[0].iov_base, d->low + DATA - BASE);
	assert_int_equal(d->chain.iov[0].iov_len, 100);
	assert_int_equal(d->chain.iov[2].iov_len, 20);
	assert_int_equal(pop(d), 0);
	vring_unpop(&d->vr, 1);
	assert_int_equal(pop(d), 1);
	vring_push(&d->vr, 3, 25);
	assert_int_equal(used(d)[1], 0);
	vring_publish(&d->vr);
	assert_int_equal(used(d)[1], 1);
	assert_int_equal(used(d)[2], 3);
	assert_int_equal(used(d)[4], 25);
}

static void indirect(void **state)
{
	struct driver *d = *state;
	struct vring_desc *t = (void *)(d->low + DATA - BASE);

	t[0] = (struct vring_desc){ DATA + 0x100, 12, VRING_DESC_NEXT, 1 };
	t[1] = (struct vring_desc){ DATA + 0x200, 1500, 0, 0 };
	*desc(d, 0) = (struct vring_desc){ DATA, 32, VRING_DESC_INDIRECT, 0 };
	put(d, 0);
	assert_int_equal(pop(d), 1);
	assert_int_equal(d->chain.out, 2);
	assert_int_equal(d->chain.iov[1].iov_len, 1500);
}

/* More entries than an index has numbers. */
static void wrap(void **state)
{
	struct driver *d = *state;

	*desc(d, 5) = (struct vring_desc){ DATA, 60, 0, 0 };
	for (unsigned int i = 0; i < 70000; i++) {
		put(d, 5);
		assert_int_equal(pop(d), 1);
		assert_int_equal(pop(d), 0);
		vring_push(&d->vr, 5, i);
		vring_publish(&d->vr);
		assert_int_equal(used(d)[1], (uint16_t)(i + 1));
	}
}

static void notify_by_event(void **state)
{
	struct driver *d = *state;
	uint16_t *used_event = &avail(d)[2 + SIZE];

	assert_false(vring_should_notify(&d->vr));
	*used_event = 1;	/* tell me when you have used the second */
	vring_push(&d->vr, 0, 0);
	vring_publish(&d->vr);
	assert_false(vring_should_notify(&d->vr));
	vring_push(&d->vr, 0, 0);
	vring_publish(&d->vr);
	assert_true(vring_should_notify(&d->vr));
	assert_false(vring_should_notify(&d->vr));
	/* A batch that passes the event counts, too. */
	*used_event = 3;
	for (int i = 0; i < 4; i++)
		vring_push(&d->vr, 0, 0);
	vring_publish(&d->vr);
	assert_true(vring_should_notify(&d->vr));
}

static void notify_by_flags(void **state)
{
	struct driver *d = *state;

	vring_push(&d->vr, 0, 0);
	vring_publish(&d->vr);
	assert_true(vring_should_notify(&d->vr));
	avail(d)[0] = VRING_AVAIL_NO_INTERRUPT;
	vring_push(&d->vr, 0, 0);
	vring_publish(&d->vr);
	assert_false(vring_should_notify(&d->vr));
	vring_suppress_kicks(&d->vr);
	assert_int_equal(used(d)[0], VRING_USED_NO_NOTIFY);
	assert_false(vring_want_kick(&d->vr, 1));
	assert_int_equal(used(d)[0], 0);
}

static void kicks_wanted(void **state)
{
	struct driver *d = *state;
	const uint16_t *avail_event = &used(d)[2 + 4 * SIZE];

	*desc(d, 0) = (struct vring_desc){ DATA, 60, 0, 0 };
	assert_false(vring_want_kick(&d->vr, 1));
	assert_int_equal(*avail_event, 0);
	put(d, 0);
	assert_int_equal(pop(d), 1);
	/* One came between: waiting would miss it. */
	put(d, 0);
	assert_true(vring_want_kick(&d->vr, 1));
	assert_int_equal(*avail_event, 1);
	/* What was given back is known, and not enough: wait for one more. */
	assert_int_equal(pop(d), 1);
	vring_unpop(&d->vr, 1);
	assert_false(vring_want_kick(&d->vr, 1));
	assert_int_equal(*avail_event, 2);
	put(d, 0);
	assert_true(vring_want_kick(&d->vr, 1));
}

/* Each way of breaking the rules breaks the ring, once and for good. */
static void expect_broken(struct driver *d)
{
	assert_int_equal(pop(d), 0);
	assert_non_null(d->vr.broken);
	assert_int_equal(pop(d), 0);
	assert_false(vring_want_kick(&d->vr, 1));
	assert_int_equal(vring_init(&d->vr, &d->mem, &d->mem, SIZE, DESC, AVAIL, USED,
				    1ULL << VRING_F_INDIRECT_DESC), 0);
	avail(d)[1] = 0;
}

static void hostile(void **state)
{
	struct driver *d = *state;
	struct vring_desc *t = (void *)(d->low + DATA - BASE);
	static const struct vring_desc bad[] = {
		{ 0, 60, 0, 0 },				/* no memory */
		{ BASE + 2 * RAM - 59, 60, 0, 0 },		/* a byte too far */
		{ UINT64_MAX - 10, 60, 0, 0 },			/* wraps */
		{ DATA, 0, 0, 0 },				/* empty */
		{ DATA, 60, VRING_DESC_NEXT, SIZE },		/* next out of range */
		{ DATA, 60, VRING_DESC_NEXT, 0 },		/* a loop */
		{ DATA, 24, VRING_DESC_INDIRECT, 0 },		/* odd table */
		{ DATA, 0, VRING_DESC_INDIRECT, 0 },		/* empty table */
		{ DATA, 16, VRING_DESC_INDIRECT | VRING_DESC_NEXT, 1 },
		{ BASE + 2 * RAM - 8, 16, VRING_DESC_INDIRECT, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		*desc(d, 0) = bad[i];
		put(d, 0);
		expect_broken(d);
	}
	put(d, SIZE);			/* head out of range */
	expect_broken(d);
	avail(d)[1] = SIZE + 1;		/* more than there can be */
	expect_broken(d);
	/* A table within a table. */
	t[0] = (struct vring_desc){ DATA + 64, 16, VRING_DESC_INDIRECT, 0 };
	*desc(d, 0) = (struct vring_desc){ DATA, 16, VRING_DESC_INDIRECT, 0 };
	put(d, 0);
	expect_broken(d);
	/* Readable behind writable. */
	*desc(d, 0) = (struct vring_desc){ DATA, 8, VRING_DESC_WRITE | VRING_DESC_NEXT, 1 };
	*desc(d, 1) = (struct vring_desc){ DATA, 8, 0, 0 };
	put(d, 0);
	expect_broken(d);
	/* A good one afterwards, after a new set-up. */
	*desc(d, 0) = (struct vring_desc){ DATA, 60, 0, 0 };
	put(d, 0);
	assert_int_equal(pop(d), 1);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(memory_table, setup, teardown),
	cmocka_unit_test_setup_teardown(refused, setup, teardown),
	cmocka_unit_test_setup_teardown(chains, setup, teardown),
	cmocka_unit_test_setup_teardown(indirect, setup, teardown),
	cmocka_unit_test_setup_teardown(wrap, setup, teardown),
	cmocka_unit_test_setup_teardown(notify_by_event, setup, teardown),
	cmocka_unit_test_setup_teardown(notify_by_flags, setup_flags, teardown),
	cmocka_unit_test_setup_teardown(kicks_wanted, setup, teardown),
	cmocka_unit_test_setup_teardown(hostile, setup, teardown),
};

UNIT_MAIN(tests)
