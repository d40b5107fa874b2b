/* SPDX-License-Identifier: BSD-2-Clause */
/* vring.pml - A split ring with event indices between two processors, for spin
 *
 * A driver (lib/vring_driver.c) sends CHAINS chains to a device (lib/vring.c),
 * which gives each back. The steps bear the names of the functions they stand for.
 * Either side works in batches of any size, may look again as often as it likes,
 * and may sleep on its eventfd once it found nothing and asked to be told.
 *
 * A step touches shared memory once; between two steps the other side may do
 * anything. Spin lets all see these accesses in one order. x86 does not: a store
 * waits in its processor's store buffer while later loads go ahead. So each side
 * has such a buffer, first in, first out, which drains whenever it likes; a fence
 * waits until it is empty. Each word is written by one side and read by the other
 * only, so no load has to look into the buffer of its own side. Loads are not
 * reordered with loads, nor stores with stores: x86 does neither.
 *
 * What is proved:
 *   - no wake-up is lost: nobody sleeps for ever while there is work (spin calls
 *     that an invalid end state);
 *   - each chain is handed out once, given back once, in order: the rings' entries
 *     hold the numbers of the chains, and whoever takes one knows which is next;
 *   - neither index runs ahead of the other by more than the ring has entries.
 * With KILLS, the device is killed at any moment, and another goes on behind the
 * last chain that was given back; chains that were only taken are taken again.
 *
 * The macros in #ifdef are mutations: each takes out or spoils one thing, and must
 * make one of these fail. vring.sh lists them.
 *
 * Not here: what descriptors say, a driver that breaks the rules, rings without
 * event indices, weaker memory models than that of x86.
 */
#ifndef RING
#define RING	2			/* entries, a power of two */
#endif
#ifndef CHAINS
#define CHAINS	6			/* sent in all: the indices wrap */
#endif
#ifndef STORES
#define STORES	2			/* that a store buffer holds */
#endif
#ifndef KILLS
#define KILLS	0			/* times that the device may be killed */
#endif

/* Our counters count all chains, so that assertions can tell them apart. What is
 * in memory, and what the code under test computes with, is IDX() of them: it
 * wraps at twice the ring, as 16 bits do for the largest ring. */
#define IDX(n)		((n) & (2 * RING - 1))
#define SLOT(n)		((n) & (RING - 1))

/* Shared memory. The driver writes the first half, the device the other. */
#define AVAIL		0		/* avail->idx */
#define USED_EVENT	1
#define AVAIL_RING	2
#define USED		(AVAIL_RING + RING)
#define AVAIL_EVENT	(USED + 1)
#define USED_RING	(USED + 2)
byte word[USED_RING + RING];

chan driver_stores = [STORES] of { byte, byte };
chan device_stores = [STORES] of { byte, byte };

/* The eventfds: readable or not is all that matters. Writing one is a system call
 * or an exit of the virtual machine, and serialises in either case. */
bit kick, call;

byte published;				/* a counter: what was last stored to USED */
bit killed;				/* it is, but does not know yet */

#define fence(stores)		empty(stores)
#define store(stores, where, what)	stores ! where, what
#define ring_bell(stores, bell)	fence(stores); bell = 1

/* Did an index that went from @old to @new pass @event? Section 2.7.7.2. */
#if defined(EVENT_EARLY)
#define PASSED(event, new, old)	(IDX((new) - (event)) < IDX((new) - (old)))
#elif defined(EVENT_LATE)
#define PASSED(event, new, old)	(IDX((new) - (event) - 2) < IDX((new) - (old)))
#elif defined(EVENT_NO_WRAP)
#define PASSED(event, new, old)	((event) >= IDX(old) && (event) < IDX(new))
#else
#define PASSED(event, new, old)	(IDX((new) - (event) - 1) < IDX((new) - (old)))
#endif

/* A store buffer drains its oldest store. */
proctype drain(chan stores)
{
	byte where, what;

end:	do
	:: d_step {
		stores ? where, what;
		word[where] = what;
		where = 0;
		what = 0;
		assert(IDX(word[AVAIL] - word[USED]) <= RING)
	   }
	od
}

proctype driver()
{
	byte next_avail, shown, next_used;	/* counters */
	byte used_idx;				/* an index, as last read */
	bit asked;

	do
	:: next_used == CHAINS -> break

	   /* vring_driver_add(), vring_driver_publish(): when there is room, any
	    * number of the first before the second */
#ifdef OVERRUN
	:: next_avail < CHAINS && next_avail - next_used <= RING ->
#else
	:: next_avail < CHAINS && next_avail - next_used < RING ->
#endif
#ifdef AVAIL_EARLY
		store(driver_stores, AVAIL, IDX(next_avail + 1));
#endif
		store(driver_stores, AVAIL_RING + SLOT(next_avail), next_avail);
		next_avail++
	:: next_avail != shown ->
		store(driver_stores, AVAIL, IDX(next_avail));
#ifndef NO_FENCE_PUBLISH
		fence(driver_stores);
#endif
		atomic {
			asked = PASSED(word[AVAIL_EVENT], next_avail, shown);
			shown = next_avail
		}
		if
		:: asked -> ring_bell(driver_stores, kick)
		:: else
		fi;
		asked = 0

	   /* vring_driver_has_used(), vring_driver_get(). A look that finds nothing
	    * changes nothing, and is left out. */
	:: atomic { used_idx == IDX(next_used) && word[USED] != used_idx ->
		used_idx = word[USED];
		assert(IDX(used_idx - next_used) <= shown - next_used) }
	:: atomic { used_idx != IDX(next_used) ->
		assert(word[USED_RING + SLOT(next_used)] == next_used);
		next_used++ }

	   /* vring_driver_want_call(): when all it sent is shown, and something is
	    * to come back; it need not be that the ring is full */
	:: next_avail == shown && next_used < shown &&
	   used_idx == IDX(next_used) ->
		store(driver_stores, USED_EVENT, IDX(next_used));
#ifndef NO_FENCE_WANT_CALL
		fence(driver_stores);
#endif
#ifndef NO_LOOK_WANT_CALL
		used_idx = word[USED];
#endif
		if
		:: used_idx != IDX(next_used)
		:: else ->
			/* It sleeps. */
			atomic { call -> call = 0 }
		fi;
		/* vring_driver_suppress_calls(), or not */
		if
		:: store(driver_stores, USED_EVENT, IDX(next_used - 1))
		:: skip
		fi
	od
}

proctype device(bit resumed)
{
	byte next_avail, next_used, signalled;	/* counters */
	byte avail_idx;				/* an index, as last read */
	bit asked;

	{
	/* vring_init(), or vring_resume() */
	atomic {
		next_avail = published;
		next_used = published;
		signalled = published;
		avail_idx = IDX(published)
	}
	if
#ifndef NO_CALL_RESUMED
	:: resumed ->
		/* The one before may have died between the index and the call. */
		ring_bell(device_stores, call)
#endif
	:: else
	fi;

	do
	   /* vring_has_avail() */
	:: atomic { avail_idx == IDX(next_avail) && word[AVAIL] != avail_idx ->
		avail_idx = word[AVAIL];
		assert(IDX(avail_idx - next_avail) <= RING) }

	   /* vring_pop(), vring_push(): some of those it knows of */
	:: atomic { avail_idx != IDX(next_avail) ->
		assert(word[AVAIL_RING + SLOT(next_avail)] == next_avail);
		next_avail++ }
	:: next_used != next_avail ->
#ifdef USED_EARLY
		store(device_stores, USED, IDX(next_used + 1));
#endif
		store(device_stores, USED_RING + SLOT(next_used), next_used);
		next_used++

	   /* vring_publish(), vring_should_notify() */
	:: next_used != signalled ->
		atomic {
			store(device_stores, USED, IDX(next_used));
			published = next_used
		}
#ifndef NO_FENCE_SHOULD_NOTIFY
		fence(device_stores);
#endif
		atomic {
			asked = PASSED(word[USED_EVENT], next_used, signalled);
			signalled = next_used
		}
		if
		:: asked -> ring_bell(device_stores, call)
		:: else
		fi;
		asked = 0

	   /* vring_want_kick(vr, 1), when nothing is left to do */
	:: signalled == next_avail && avail_idx == IDX(next_avail) ->
#ifdef ARM_LATE
		store(device_stores, AVAIL_EVENT, IDX(avail_idx + 1));
#else
		store(device_stores, AVAIL_EVENT, avail_idx);
#endif
#ifndef NO_FENCE_WANT_KICK
		fence(device_stores);
#endif
#ifndef NO_LOOK_WANT_KICK
		avail_idx = word[AVAIL];
		assert(IDX(avail_idx - next_avail) <= RING);
#endif
		if
		:: avail_idx != IDX(next_avail)
		:: else ->
			/* It sleeps: in the end, when all is done, for good. */
end:			atomic { kick -> kick = 0 }
		fi
	od
	} unless {
		killed
	};
	/* What it stored is seen before the next one looks. */
	atomic {
		fence(device_stores);
		killed = 0;
		run device(1)
	}
}

#if KILLS
proctype killer()
{
	byte kills;

end:	do
	:: kills < KILLS -> atomic { !killed -> killed = 1; kills++ }
	od
}
#endif

init
{
	atomic {
		run drain(driver_stores);
		run drain(device_stores);
		run driver();
		run device(0);
#if KILLS
		run killer()
#endif
	}
}
