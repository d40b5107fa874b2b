/* SPDX-License-Identifier: BSD-2-Clause */
/* pace.c - Whose work comes first when we are woken up; the essay is in pace.h */
#include "config.h"

#include "lib/pace.h"

#include <sched.h>

#include "lib/compiler.h"

static void begin(struct pace *pa)
{
	pa->wakes = 0;
	pa->bytes = pa->us = 0;
}

/* Go the other way. */
static void turn(struct pace *pa, bool trial)
{
	pa->calm = !pa->calm;
	pa->trial = trial;
	pa->first = PACE_FIRST;
}

/* A trial is over, in which @rate bytes were carried in a millisecond: which way is it? */
static void judge(struct pace *pa, uint64_t rate, uint64_t now_us)
{
	uint64_t calm = pa->calm ? rate : pa->rate;
	uint64_t hurry = pa->calm ? pa->rate : rate;

	pa->trial = false;
	if (pa->calm == (calm >= hurry / 2)) {
		pa->hold_us = PACE_HOLD_MIN_US;
		pa->rate = rate;
	} else {
		pa->hold_us = MAX(2 * pa->hold_us, (uint64_t)PACE_HOLD_MIN_US);
		pa->hold_us = MIN(pa->hold_us, (uint64_t)PACE_HOLD_MAX_US);
		turn(pa, false);
	}
	pa->next_us = now_us + pa->hold_us;
}

static void decide(struct pace *pa, uint64_t now_us)
{
	uint64_t rate = pa->bytes * 1000 / MAX(pa->us, (uint64_t)1);
	bool much = pa->bytes / pa->wakes >= PACE_BULK;

	if (pa->trial && (much || !pa->calm)) {
		judge(pa, rate, now_us);
	} else if (!much) {
		pa->calm = pa->trial = false;
		pa->rate = pa->hold_us = 0;
		pa->next_us = now_us + PACE_FRESH_US;
	} else {
		pa->rate = pa->rate ? pa->rate - pa->rate / 4 + rate / 4 : rate;
		if (now_us >= pa->next_us)
			turn(pa, true);
	}
}

void pace_wake(struct pace *pa, uint64_t now_us)
{
	pa->us += MIN(now_us - pa->last_us, (uint64_t)PACE_PAUSE_US);
	pa->last_us = now_us;
}

bool pace_sleep(struct pace *pa, uint64_t now_us)
{
	bool was = pa->calm;

	pa->us += now_us - pa->last_us;
	pa->last_us = now_us;
	if (pa->first) {
		pa->first--;
		begin(pa);
		return false;
	}
	pa->wakes++;
	if (pa->trial ? pa->wakes < PACE_TRIAL_WAKES && pa->us < PACE_TRIAL_US :
			pa->wakes < PACE_WAKES)
		return false;
	decide(pa, now_us);
	begin(pa);
	return pa->calm != was;
}

void pace_obey(struct pace *pa)
{
	static const struct sched_param none;
	int was = pa->calm ? SCHED_OTHER : SCHED_BATCH;
	int now = pa->calm ? SCHED_BATCH : SCHED_OTHER;

	if (!pa->taken)
		pa->taken = sched_getscheduler(0) != was || sched_setscheduler(0, now, &none);
}
