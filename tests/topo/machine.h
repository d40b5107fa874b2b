/* SPDX-License-Identifier: BSD-2-Clause */
/* machine.h - A machine for switches to live in: its time, its event loop, its luck
 *
 * A test program linked with machine.c has no clock of its own, no descriptors that
 * become ready and no random numbers: time stands still until the test advances it,
 * timers of the event loop fire when it does, in the order in which they are due, and
 * what looks random is the same in each run. The code under test knows nothing of this: it is
 * linked with other definitions of libev's functions and (--wrap of the linker) of
 * clock_gettime(), getrandom() and malloc().
 *
 * One event loop, one thread.
 */
#ifndef TESTS_TOPO_MACHINE_H
#define TESTS_TOPO_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

struct ev_loop;

#define MACHINE_NEVER	UINT64_MAX

/* Its one event loop. */
extern struct ev_loop *const machine_loop;

/* Microseconds since some time in the past. */
extern uint64_t machine_now_us;

/* How many of the next allocations fail; the test sets it just before it calls the code
 * under test, and to 0 after that. */
extern unsigned int machine_no_memory;

/* Start again: the time is 1000 s, no timer runs, luck is as @seed says. */
void machine_reset(uint64_t seed);

/* A random number of the machine's. */
uint64_t machine_random(void);

/* When the next timer is due, or MACHINE_NEVER. */
uint64_t machine_next(void);

/* A turn of the event loop: what runs before the loop sleeps, what runs after that, and
 * the timers that are due. */
void machine_turn(void);

/* The same without timers. */
void machine_look(void);

#endif /* TESTS_TOPO_MACHINE_H */
