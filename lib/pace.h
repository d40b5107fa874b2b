/* SPDX-License-Identifier: BSD-2-Clause */
/* pace.h - Whose work comes first when we are woken up: ours, or that of who woke us
 *
 * DOC: Theory of operation
 *
 * Who moves frames for guests, the switch or a VM's event loop, is woken up by them. A
 * guest that kicks us is in the middle of something. Where no other processor is free,
 * the kernel's scheduler takes this one from the guest at once, since who sleeps much is
 * thought to be in a hurry. For a request that is right: the sooner it is on its way, the
 * sooner there is an answer. For bulk data nothing is worse. The guest is thrown out with
 * one frame sent, is told that this frame is done, sends the next, is thrown out again;
 * each time it leaves and enters guest mode, both find the caches of the processor and its
 * translations gone, and what was meant to be a batch is single frames.
 *
 * A process of SCHED_BATCH does not throw out whoever runs when it wakes up. The guest goes
 * on until it has nothing more to do, or its time is over, and we find all that it has to
 * send, and what came back for it, at once. So we are calm, which is SCHED_BATCH, where
 * there is much to carry each time we are awake, and in a hurry otherwise: PACE_WAKES times
 * awake, all together, decide. Where a processor is free for us there is no difference: we
 * get it at once. A policy that somebody else has chosen for us stays.
 *
 * There are guests that never have nothing to do: those that poll their rings, or compute
 * beside. They keep the processor for all of their time, milliseconds, with full rings.
 * Nothing that we see of them tells them from others, so it is tried out: who begins to be
 * calm compares what was carried in a time with what it was in a hurry before, and is calm
 * unless that is less than half. From time to time the other way is tried again, the less
 * often the more often that was in vain.
 *
 * Time awake counts, and time asleep, but of a pause no more than PACE_PAUSE_US: nothing was
 * asked of us then. The first PACE_FIRST times of a trial do not count: what had gathered
 * before is carried then. A trial takes PACE_TRIAL_WAKES or PACE_TRIAL_US, what comes first.
 *
 * The price is that requests beside a stream wait for a turn of the scheduler, a few
 * milliseconds, when all processors are busy.
 *
 * (Tried before, and without gain: calling the sender whose buffers came back only when
 * there has been nothing to do for a moment, or after 16 of them; sched_yield() before
 * sleep, which gives nothing away when we have used less time than the guests, as we have.
 * SCHED_BATCH all the time costs a third of all requests where guests share one processor
 * with us: the guest that has kicked halts before its peer runs. Being calm without trials
 * carries a ninth of what guests that poll send, on as many processors as there are of
 * them. Shorter turns of the scheduler, sched_setattr(2) with 100 us, change nothing of
 * all that, and requests over two taps take half as long again: who has asked is thrown
 * out, and who answers is woken on another processor.)
 *
 * The decision is pure; pace_obey() carries it out, for the thread that calls it.
 */
#ifndef LIB_PACE_H
#define LIB_PACE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	PACE_WAKES = 32,
	PACE_BULK = 8192,	/* bytes each time awake, on average: no requests */
	PACE_FIRST = 4,
	PACE_PAUSE_US = 20000,
	PACE_TRIAL_WAKES = 128,
	PACE_TRIAL_US = 50000,
	PACE_FRESH_US = 20000,		/* what is new begins slowly */
	PACE_HOLD_MIN_US = 1000000,	/* until the other way is tried */
	PACE_HOLD_MAX_US = 4000000,
};

/**
 * struct pace - What it was like lately; all zero is a hurry
 * @calm:	SCHED_BATCH
 * @trial:	That is a trial
 * @taken:	Somebody else has chosen a policy
 * @first:	How often more what is carried does not count
 * @wakes:	Times awake since there was a decision
 * @bytes:	What was carried since then
 * @us:		How long that is, without pauses
 * @last_us:	When we fell asleep or woke up the last time
 * @rate:	Bytes in a millisecond, the way that is not tried; lately
 * @hold_us:	How long to leave it at what is
 * @next_us:	When to try the other way
 */
struct pace {
	bool calm;
	bool trial;
	bool taken;
	unsigned int first;
	unsigned int wakes;
	uint64_t bytes;
	uint64_t us;
	uint64_t last_us;
	uint64_t rate;
	uint64_t hold_us;
	uint64_t next_us;
};

/* Frames of @bytes were carried. */
static inline void pace_moved(struct pace *pa, uint64_t bytes)
{
	pa->bytes += bytes;
}

/* We wake up, @now_us by a clock that goes forward. */
void pace_wake(struct pace *pa, uint64_t now_us);

/* We fall asleep; since the last time we have woken up. Return: whether @pa->calm is another
 * now. */
bool pace_sleep(struct pace *pa, uint64_t now_us);

/* Have the scheduler know, when it is. */
void pace_obey(struct pace *pa);

#endif /* LIB_PACE_H */
