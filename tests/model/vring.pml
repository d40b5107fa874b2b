/* SPDX-License-Identifier: BSD-2-Clause */
/* vring.pml - The wake-ups of a split ring with event indices, for spin
 *
 * A driver (lib/vring_driver.c) and a device (lib/vring.c) share four words, each
 * written by one of them: avail->idx and used_event by the driver, used->idx and
 * avail_event by the device. Each side works as long as it finds something, then
 * may look again or ask to be told and sleep on its eventfd. Modelled is what the
 * functions of the same names do; not modelled are descriptors and memory.
 *
 * Spin executes in one order that all see. x86 does not: a store waits in the
 * processor's store buffer while later loads go ahead. So each process has such a
 * buffer, which drains whenever it likes; a fence waits until it is empty. No
 * process reads a word that it writes, so no load has to look into the buffer.
 *
 * What is proved: the two never sleep both while there is work (spin calls that an
 * invalid end state), no chain is used twice or never, and neither index runs ahead
 * by more than the ring has. The mutations that vring.sh defines take away one
 * thing each, and must fail.
 */
#define RING	2		/* entries */
#define CHAINS	5		/* sent in all; indices wrap before */
#define MASK	3		/* indices count modulo 4 */

#define AVAIL		0
#define USED		1
#define USED_EVENT	2
#define AVAIL_EVENT	3

byte word[4];
chan buffer0 = [2] of { byte, byte };	/* the driver's stores on their way */
chan buffer1 = [2] of { byte, byte };	/* the device's */
bit kick, call;				/* eventfds: readable or not */
byte used_in_all;

#ifdef OFF_BY_ONE
#define PASSED(event, new, old)	\
	((((new) - (event) - 2) & MASK) < (((new) - (old)) & MASK))
#else
#define PASSED(event, new, old)	\
	((((new) - (event) - 1) & MASK) < (((new) - (old)) & MASK))
#endif

#define FENCE0	(empty(buffer0))
#define FENCE1	(empty(buffer1))

proctype drain(chan buffer)
{
	byte where, what;

end:	do
	:: atomic { buffer ? where, what -> word[where] = what }
	od
}

proctype driver()
{
	byte next, shown, seen, sent, back, event;

	do
	:: back == CHAINS -> break
	:: sent < CHAINS && ((next - seen) & MASK) < RING ->
		/* vring_driver_add(), once or more */
		next = (next + 1) & MASK;
		sent++;
		if
		:: sent < CHAINS && ((next - seen) & MASK) < RING
		:: true ->
			/* vring_driver_publish() */
			buffer0 ! AVAIL, next;
#ifndef NO_PUBLISH_FENCE
			FENCE0;
#endif
			event = word[AVAIL_EVENT];
			if
			:: PASSED(event, next, shown) -> FENCE0; kick = 1
			:: else
			fi;
			shown = next
		fi
	:: shown == next && seen != word[USED] ->
		/* vring_driver_get() */
		seen = (seen + 1) & MASK;
		back++
	:: shown == next && back < CHAINS && seen == word[USED] &&
	   (sent == CHAINS || ((next - seen) & MASK) == RING) ->
		/* Nothing can be sent: vring_driver_want_call() */
		buffer0 ! USED_EVENT, seen;
#ifndef NO_WANT_CALL_FENCE
		FENCE0;
#endif
		if
#ifndef NO_RECHECK
		:: word[USED] != seen
		:: word[USED] == seen ->
#else
		:: true ->
#endif
			atomic { call == 1 -> call = 0 }
		fi
	od;
	assert(used_in_all == CHAINS)
}

proctype device()
{
	byte seen, used, old, event, there;

	do
	:: used_in_all == CHAINS -> break
	:: seen != word[AVAIL] ->
		/* vring_pop(), some of those that are there, and vring_push() */
		there = (word[AVAIL] - seen) & MASK;
		assert(there <= RING);
		old = used;
		if
		:: there > 1 -> seen = (seen + 2) & MASK; used = (used + 2) & MASK;
			used_in_all = used_in_all + 2
		:: true -> seen = (seen + 1) & MASK; used = (used + 1) & MASK;
			used_in_all++
		fi;
		assert(used_in_all <= CHAINS);
		/* vring_publish(), vring_should_notify() */
		buffer1 ! USED, used;
#ifndef NO_NOTIFY_FENCE
		FENCE1;
#endif
		event = word[USED_EVENT];
		if
		:: PASSED(event, used, old) -> FENCE1; call = 1
		:: else
		fi
	:: seen == word[AVAIL] && used_in_all < CHAINS ->
		/* vring_want_kick() */
		buffer1 ! AVAIL_EVENT, seen;
#ifndef NO_WANT_KICK_FENCE
		FENCE1;
#endif
		if
#ifndef NO_RECHECK
		:: word[AVAIL] != seen
		:: word[AVAIL] == seen ->
#else
		:: true ->
#endif
			atomic { kick == 1 -> kick = 0 }
		fi
	od
}

init
{
	atomic {
		run drain(buffer0);
		run drain(buffer1);
		run driver();
		run device()
	}
}
