/* SPDX-License-Identifier: BSD-2-Clause */
/* poller.h - Busy rings are polled, quiet ones asleep
 *
 * DOC: Theory of operation
 *
 * A ring can be asked for work without a system call, and its peer can be asked
 * to say when there is some. Asking is fast while there is traffic and a waste of
 * the processor when there is none; being told costs the peer a system call and
 * us a wake-up for each frame. So rings with traffic are polled, in turns of
 * POLLER_SLICE_US between two looks at the event loop's descriptors. When none of
 * them has had work for as long as our patience lasts, all ask to be told, and we
 * sleep. (One that has been quiet for POLLER_LINGER_US is not polled on behalf of
 * others: a thousand idle ports cost nothing.)
 *
 * Patience is learnt. Who is woken up soon after falling asleep should have waited a
 * little longer: it gets the long patience, POLLER_PATIENCE_MAX_US. When that was in
 * vain (it did not stay awake for POLLER_WORTH_US before), it has the short one for its next 1, 3, 7, and so on up to 63 times awake.
 * For polling may be what keeps the peers from their work: where there are fewer
 * processors than busy guests, a peer gets ours when we sleep, and not before.
 * (Tried before: doubling and halving by the time asleep alone, which polled a
 * processor away for 200 of each 225 us under a guest that needed it. A patience for
 * each ring, where one that slept made the others wait so long that they slept, too.)
 *
 * Who waits for something that its peer would tell too often (room in a receive
 * ring, told buffer by buffer) need not ask to be told, and can have itself woken up
 * after POLLER_NAP_US: poller_nap().
 *
 * How much is carried between two sleeps says whether we take the processor from those
 * who wake us up: pace.h.
 *
 * Sockets and taps of the same loop wait for one turn at most.
 */
#ifndef SWITCHD_POLLER_H
#define SWITCHD_POLLER_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/pace.h"

enum {
	POLLER_SLICE_US = 50,
	POLLER_PATIENCE_MIN_US = 10,
	POLLER_PATIENCE_MAX_US = 200,
	POLLER_WORTH_US = 20 * POLLER_PATIENCE_MAX_US,
	POLLER_LINGER_US = 2000,
	POLLER_MISSES_MAX = 6,
	POLLER_NAP_US = 100,
};

enum poller_mode {
	POLLER_ADAPTIVE,
	POLLER_ALWAYS,		/* never sleep: lowest latency, a whole processor */
	POLLER_NEVER,		/* sleep after each batch: least processor time */
};

struct pollee;

/**
 * struct pollee_ops - What can be polled
 * @poll:	Do a bounded piece of work, and tell pace_moved(). Return: whether there
 *		was any
 * @sleep:	Ask to be told of work. Return: false if there is some already
 * @wake:	Ask not to be told: it will be polled
 */
struct pollee_ops {
	bool (*poll)(struct pollee *p);
	bool (*sleep)(struct pollee *p);
	void (*wake)(struct pollee *p);
};

/**
 * struct pollee - Something to be polled; embedded in its owner
 * @ops:	Its kind
 * @place:	Index in the poller's list, -1 while asleep
 * @busy_us:	When it last had work
 * @next_napper: In the list of those who nap
 * @napping:	It is to be woken up when the timer fires
 */
struct pollee {
	const struct pollee_ops *ops;
	int place;
	uint64_t busy_us;
	struct pollee *next_napper;
	bool napping;
};

/**
 * struct poller - Who is polled
 * @now_us:	The time, as of the last round; read it instead of a clock, which is a
 *		good part of the work in a round with few frames
 * @busy_us:	When somebody last had work
 * @woke_us:	When the first of them woke up
 * @slept_us:	When the last of them fell asleep
 * @patience_us: How long all are polled in vain before they sleep
 * @misses:	How often, in a row, the long patience was in vain
 * @skip:	Times awake to go with the short one
 * @pace:	Are we in a hurry?
 * @busy:	Those awake, @count of them, room for @room
 * @idle:	Active while somebody is awake: the loop does not sleep
 * @turn:	Polls them, once in each turn of the loop
 * @nappers:	Those who sleep, but not for long
 * @nap:	Watches a timerfd that wakes them up (the loop's own timers count
 *		milliseconds)
 */
struct poller {
	struct ev_loop *loop;
	enum poller_mode mode;
	uint64_t now_us;
	uint64_t busy_us;
	uint64_t woke_us;
	uint64_t slept_us;
	unsigned int patience_us;
	unsigned int misses;
	unsigned int skip;
	struct pace pace;
	struct pollee **busy;
	unsigned int count;
	unsigned int room;
	ev_idle idle;
	ev_check turn;
	struct pollee *nappers;
	ev_io nap;
};

/* Return: 0 or -errno. */
int poller_init(struct poller *po, struct ev_loop *loop, enum poller_mode mode) MUST_CHECK;

/* Nobody may be awake. */
void poller_destroy(struct poller *po);

void pollee_init(struct pollee *p, const struct pollee_ops *ops);

/* There may be work: poll it from now on. Harmless if it is awake. Return: 0 or
 * -ENOMEM. */
int poller_wake(struct poller *po, struct pollee *p);

/* For ->sleep(): have it woken up after POLLER_NAP_US. */
void poller_nap(struct poller *po, struct pollee *p);

/* It is going away. Harmless if it is asleep. */
void poller_forget(struct poller *po, struct pollee *p);

#endif /* SWITCHD_POLLER_H */
