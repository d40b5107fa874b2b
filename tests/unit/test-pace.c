/* SPDX-License-Identifier: BSD-2-Clause */
/* test-pace.c - Tests for lib/pace.c, and that switchd/poller.c does as it says */
#include "unit.h"

#include <ev.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "lib/pace.h"
#include "switchd/poller.h"
#include "switchd/vsw.h"

enum { LITTLE = 1100, MUCH = 45000 };

/* Each time asleep takes @us, which go on from one test to the next. */
static uint64_t now_us;

/* Sleep so many times after so many bytes. Return: how often the mind was changed. */
static unsigned int sleeps(struct pace *pa, unsigned int times, uint64_t bytes, uint64_t us)
{
	unsigned int changes = 0;

	while (times--) {
		pace_wake(pa, now_us += us);
		pace_moved(pa, bytes);
		changes += pace_sleep(pa, now_us);
	}
	return changes;
}

static void requests_hurry(void **state UNUSED)
{
	struct pace pa = { 0 };

	assert_int_equal(sleeps(&pa, 100 * PACE_WAKES, LITTLE, 50), 0);
	assert_false(pa.calm);
	/* A page now and then is a request, too. */
	for (int i = 0; i < 100; i++) {
		assert_int_equal(sleeps(&pa, PACE_WAKES - 1, LITTLE, 50), 0);
		assert_int_equal(sleeps(&pa, 1, MUCH, 50), 0);
	}
	assert_false(pa.calm);
}

/* A trial, and its first times, which do not count. */
enum { TRIAL = PACE_FIRST + PACE_TRIAL_WAKES };

/* Guests that sleep when they have nothing to do: a turn takes four times as long if it
 * waits for its time, and carries six times as much. */
static unsigned int good_guests(struct pace *pa, unsigned int times)
{
	unsigned int changes = 0;

	while (times--)
		changes += pa->calm ? sleeps(pa, 1, 6 * MUCH, 400) : sleeps(pa, 1, MUCH, 100);
	return changes;
}

static void streams_are_calm(void **state UNUSED)
{
	struct pace pa = { 0 };

	assert_int_equal(good_guests(&pa, PACE_WAKES - 1), 0);
	assert_false(pa.calm);
	assert_int_equal(good_guests(&pa, 1), 1);
	assert_true(pa.calm);
	assert_int_equal(good_guests(&pa, TRIAL), 0);
	/* A second of that takes 2500 turns: after it the other way is tried, in vain. */
	assert_int_equal(good_guests(&pa, 2400), 0);
	assert_int_equal(good_guests(&pa, 100 + PACE_WAKES + TRIAL), 2);
	assert_true(pa.calm);
	/* For the next two, there is no other trial. */
	assert_int_equal(good_guests(&pa, 4900), 0);
	assert_int_equal(good_guests(&pa, 100 + PACE_WAKES + TRIAL), 2);
	/* Every other time awake there is nothing but an acknowledgement. */
	for (int i = 0; i < 10 * PACE_WAKES; i++) {
		assert_int_equal(sleeps(&pa, 1, 66, 1), 0);
		assert_int_equal(sleeps(&pa, 1, MUCH, 1), 0);
	}
	assert_true(pa.calm);
	/* What it was like long ago does not count. */
	assert_int_equal(sleeps(&pa, PACE_WAKES, LITTLE, 50), 1);
	assert_false(pa.calm);
	/* Nor what came to nothing then; but it has to last for a moment. */
	assert_int_equal(good_guests(&pa, PACE_FRESH_US / 100 - 1), 0);
	assert_int_equal(good_guests(&pa, 2 * PACE_WAKES), 1);
	assert_true(pa.calm);
}

/* Guests that poll keep the processor for 3 ms if they may, and their rings are full long
 * before. Of what @times count, how many were calm? */
static unsigned int polling_guests(struct pace *pa, unsigned int times)
{
	unsigned int calm = 0;

	while (times--) {
		calm += pa->calm;
		if (pa->calm)
			sleeps(pa, 1, 2 * MUCH, 3000);
		else
			sleeps(pa, 1, MUCH, 100);
	}
	return calm;
}

static void who_polls_does_not_wait(void **state UNUSED)
{
	struct pace pa = { 0 };
	uint64_t begin_us, calm;

	assert_int_equal(polling_guests(&pa, PACE_WAKES), 0);
	assert_true(pa.calm);
	/* It does not take all of PACE_WAKES to see that. */
	assert_int_equal(polling_guests(&pa, 100), PACE_FIRST + (PACE_TRIAL_US + 2999) / 3000);
	assert_false(pa.calm);
	/* Later trials are fewer: they take a fiftieth of all time. */
	polling_guests(&pa, 100000);
	begin_us = now_us;
	calm = polling_guests(&pa, 1000000);
	assert_true(calm >= PACE_FIRST);
	assert_in_range(calm * 3000, 0, (now_us - begin_us) / 50);
	/* They end, and what begins is as good as ever. */
	good_guests(&pa, 50000);
	assert_true(pa.calm);
	/* They begin again: it takes no longer than the next trial to see that. */
	polling_guests(&pa, PACE_HOLD_MAX_US / 3000 + 2 * TRIAL);
	assert_false(pa.calm);
}

/* A pause in the middle of a trial is nobody's fault. */
static void pauses(void **state UNUSED)
{
	struct pace pa = { 0 };

	good_guests(&pa, PACE_WAKES + PACE_FIRST + 3);
	assert_true(pa.calm);
	now_us += 3600ULL * 1000000;
	good_guests(&pa, TRIAL);
	assert_true(pa.calm);
	/* The clock may be the first that we see. */
	pa = (struct pace){ 0 };
	now_us = UINT64_MAX / 2;
	good_guests(&pa, PACE_WAKES + TRIAL);
	assert_true(pa.calm);
}

/* Who is awake for long, as there always is something, has had all of that time. */
static void long_awake(void **state UNUSED)
{
	struct pace pa = { 0 };

	good_guests(&pa, PACE_WAKES + TRIAL);
	assert_true(pa.calm);
	for (int i = 0; i < 2 * PACE_WAKES; i++) {
		pace_wake(&pa, now_us += 400);
		/* As much in a time as ever, in a thousand turns. */
		pace_moved(&pa, 1000 * 6 * MUCH);
		pace_sleep(&pa, now_us += 1000 * 400);
	}
	/* A trial of the other way came meanwhile, and was no better. */
	assert_in_range(pa.rate, 6 * MUCH * 2, 6 * MUCH * 3);
	assert_true(good_guests(&pa, 3 * TRIAL) <= 2);
	assert_true(pa.calm);
}

static void limits(void **state UNUSED)
{
	struct pace pa = { 0 };

	assert_int_equal(sleeps(&pa, PACE_WAKES, PACE_BULK - 1, PACE_FRESH_US), 0);
	assert_int_equal(sleeps(&pa, PACE_WAKES, PACE_BULK, PACE_FRESH_US), 1);
	/* No time at all, more bytes than there are, none. */
	sleeps(&pa, TRIAL, PACE_BULK, 0);
	sleeps(&pa, TRIAL, UINT64_MAX / PACE_WAKES, 50);
	sleeps(&pa, 2 * TRIAL, 0, 50);
	assert_false(pa.calm);
}

/* What a poller does with it. */

static uint64_t bytes;
static struct vsw *vsw;

static bool carry(struct pollee *p UNUSED)
{
	bool any = bytes;

	pace_moved(&vsw->poller.pace, bytes);
	bytes = 0;
	return any;
}

static bool nothing_more(struct pollee *p UNUSED)
{
	return true;
}

static void do_nothing(struct pollee *p UNUSED)
{
}

static const struct pollee_ops carrier = { carry, nothing_more, do_nothing };

/* Wake up, carry @n bytes and sleep, so many @times. */
static void awake(struct pollee *p, unsigned int times, uint64_t n)
{
	while (times--) {
		bytes = n;
		assert_int_equal(poller_wake(&vsw->poller, p), 0);
		while (p->place >= 0)
			ev_run(vsw->loop, EVRUN_NOWAIT);
	}
}

/* Carry much until that is believed, or no longer. */
static void stream(struct pollee *p)
{
	do
		awake(p, PACE_WAKES, MUCH);
	while (!vsw->poller.pace.calm);
}

static void no_stream(struct pollee *p)
{
	do
		awake(p, PACE_WAKES, LITTLE);
	while (vsw->poller.pace.calm);
}

static void set_policy(int policy)
{
	const struct sched_param none = { 0 };

	assert_int_equal(sched_setscheduler(0, policy, &none), 0);
}

static void poller_obeys(void **state UNUSED)
{
	const struct vsw_config cfg = { .numports = 1, .hashsize = 128,
					.polling = POLLER_NEVER };
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct pollee p;

	vsw = vsw_create_bare(loop, &cfg);
	assert_non_null(vsw);
	pollee_init(&p, &carrier);
	assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
	awake(&p, 2 * PACE_WAKES, LITTLE);
	assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
	stream(&p);
	assert_int_equal(sched_getscheduler(0), SCHED_BATCH);
	no_stream(&p);
	assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
	/* What somebody else has chosen stays, whatever comes. */
	set_policy(SCHED_BATCH);
	stream(&p);
	no_stream(&p);
	assert_int_equal(sched_getscheduler(0), SCHED_BATCH);
	set_policy(SCHED_OTHER);
	stream(&p);
	assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
	vsw_destroy(vsw);
	ev_loop_destroy(loop);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(requests_hurry),
	cmocka_unit_test(streams_are_calm),
	cmocka_unit_test(who_polls_does_not_wait),
	cmocka_unit_test(pauses),
	cmocka_unit_test(long_awake),
	cmocka_unit_test(limits),
	cmocka_unit_test(poller_obeys),
};

UNIT_MAIN(tests)
