/* SPDX-License-Identifier: BSD-2-Clause */
/* machine.c - A machine for switches to live in; the essay is in machine.h */
#include "config.h"

#include "tests/topo/machine.h"

#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "lib/compiler.h"

enum {
	MACHINE_TIMERS = 4096,
	MACHINE_WATCHERS = 64,
	MACHINE_START_S = 1000,
};

/** struct machine_timer - A timer that runs; @order of two that are due together */
struct machine_timer {
	ev_timer *w;
	uint64_t at_us;
	uint64_t order;
};

struct ev_loop {
	struct machine_timer timer[MACHINE_TIMERS];
	unsigned int timers;
	uint64_t order;
	ev_prepare *prepare[MACHINE_WATCHERS];
	unsigned int prepares;
	ev_check *check[MACHINE_WATCHERS];
	unsigned int checks;
};

static struct ev_loop machine;
static uint64_t machine_luck;

struct ev_loop *const machine_loop = &machine;
uint64_t machine_now_us;
unsigned int machine_no_memory;

uint64_t machine_random(void)
{
	/* SplitMix64. */
	uint64_t x = machine_luck += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

void machine_reset(uint64_t seed)
{
	machine = (struct ev_loop){ .timers = 0 };
	machine_now_us = (uint64_t)MACHINE_START_S * 1000000;
	machine_luck = seed;
	machine_no_memory = 0;
}

/* Timers. */

/* The one that is due next, or NULL. */
static struct machine_timer *machine_first(void)
{
	struct machine_timer *first = NULL;

	for (unsigned int i = 0; i < machine.timers; i++) {
		struct machine_timer *t = &machine.timer[i];

		if (!first || t->at_us < first->at_us ||
		    (t->at_us == first->at_us && t->order < first->order))
			first = t;
	}
	return first;
}

uint64_t machine_next(void)
{
	const struct machine_timer *first = machine_first();

	return first ? first->at_us : MACHINE_NEVER;
}

static void machine_set(struct machine_timer *t, double after_s)
{
	t->at_us = machine_now_us + (after_s > 0 ? (uint64_t)(after_s * 1e6 + .5) : 0);
	t->order = machine.order++;
}

static void machine_die(const char *why)
{
	fprintf(stderr, "the simulated machine has no room for %s\n", why);
	abort();
}

static void machine_start(ev_timer *w, double after_s)
{
	if (machine.timers == MACHINE_TIMERS)
		machine_die("timers");
	machine.timer[machine.timers] = (struct machine_timer){ .w = w };
	machine_set(&machine.timer[machine.timers++], after_s);
	w->active = (int)machine.timers;
}

void ev_timer_start(struct ev_loop *loop UNUSED, ev_timer *w)
{
	if (!w->active)
		machine_start(w, w->at);
}

void ev_timer_stop(struct ev_loop *loop UNUSED, ev_timer *w)
{
	unsigned int i = (unsigned int)w->active;

	if (!i)
		return;
	machine.timer[i - 1] = machine.timer[--machine.timers];
	machine.timer[i - 1].w->active = (int)i;
	w->active = 0;
}

void ev_timer_again(struct ev_loop *loop, ev_timer *w)
{
	if (w->repeat <= 0.)
		ev_timer_stop(loop, w);
	else if (w->active)
		machine_set(&machine.timer[w->active - 1], w->repeat);
	else
		machine_start(w, w->repeat);
}

static void machine_fire(struct machine_timer *t)
{
	ev_timer *w = t->w;

	if (w->repeat > 0.)
		machine_set(t, w->repeat);
	else
		ev_timer_stop(machine_loop, w);
	w->cb(machine_loop, w, EV_TIMER);
}

/* What runs in each turn. */

void ev_prepare_start(struct ev_loop *loop UNUSED, ev_prepare *w)
{
	if (w->active)
		return;
	if (machine.prepares == MACHINE_WATCHERS)
		machine_die("prepare watchers");
	machine.prepare[machine.prepares++] = w;
	w->active = (int)machine.prepares;
}

void ev_prepare_stop(struct ev_loop *loop UNUSED, ev_prepare *w)
{
	unsigned int i = (unsigned int)w->active;

	if (!i)
		return;
	machine.prepare[i - 1] = machine.prepare[--machine.prepares];
	machine.prepare[i - 1]->active = (int)i;
	w->active = 0;
}

void ev_check_start(struct ev_loop *loop UNUSED, ev_check *w)
{
	if (w->active)
		return;
	if (machine.checks == MACHINE_WATCHERS)
		machine_die("check watchers");
	machine.check[machine.checks++] = w;
	w->active = (int)machine.checks;
}

void ev_check_stop(struct ev_loop *loop UNUSED, ev_check *w)
{
	unsigned int i = (unsigned int)w->active;

	if (!i)
		return;
	machine.check[i - 1] = machine.check[--machine.checks];
	machine.check[i - 1]->active = (int)i;
	w->active = 0;
}

void machine_look(void)
{
	for (unsigned int i = 0; i < machine.prepares; i++)
		machine.prepare[i]->cb(machine_loop, machine.prepare[i], EV_PREPARE);
	for (unsigned int i = 0; i < machine.checks; i++)
		machine.check[i]->cb(machine_loop, machine.check[i], EV_CHECK);
}

void machine_turn(void)
{
	struct machine_timer *t;

	machine_look();
	while ((t = machine_first()) && t->at_us <= machine_now_us)
		machine_fire(t);
}

/* No descriptor is ever ready, no signal comes, nobody runs the loop but we. */

void ev_io_start(struct ev_loop *loop UNUSED, ev_io *w UNUSED)
{
}

void ev_io_stop(struct ev_loop *loop UNUSED, ev_io *w UNUSED)
{
}

void ev_idle_start(struct ev_loop *loop UNUSED, ev_idle *w UNUSED)
{
}

void ev_idle_stop(struct ev_loop *loop UNUSED, ev_idle *w UNUSED)
{
}

void ev_signal_start(struct ev_loop *loop UNUSED, ev_signal *w UNUSED)
{
}

void ev_signal_stop(struct ev_loop *loop UNUSED, ev_signal *w UNUSED)
{
}

void ev_stat_start(struct ev_loop *loop UNUSED, ev_stat *w UNUSED)
{
}

void ev_stat_stop(struct ev_loop *loop UNUSED, ev_stat *w UNUSED)
{
}

void ev_break(struct ev_loop *loop UNUSED, int how UNUSED)
{
}

double ev_now(struct ev_loop *loop UNUSED)
{
	return (double)machine_now_us / 1e6;
}

/* The clock, luck and memory. */

int __wrap_clock_gettime(clockid_t id, struct timespec *t);
ssize_t __wrap_getrandom(void *buf, size_t size, unsigned int flags);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);

int __wrap_clock_gettime(clockid_t id UNUSED, struct timespec *t)
{
	t->tv_sec = (time_t)(machine_now_us / 1000000);
	t->tv_nsec = (long)(machine_now_us % 1000000 * 1000);
	return 0;
}

ssize_t __wrap_getrandom(void *buf, size_t size, unsigned int flags UNUSED)
{
	uint8_t *p = buf;

	for (size_t i = 0; i < size; i++)
		p[i] = (uint8_t)machine_random();
	return (ssize_t)size;
}

static bool machine_has_memory(void)
{
	if (LIKELY(!machine_no_memory))
		return true;
	machine_no_memory--;
	errno = ENOMEM;
	return false;
}

void *__wrap_malloc(size_t size)
{
	return machine_has_memory() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t n, size_t size)
{
	return machine_has_memory() ? __real_calloc(n, size) : NULL;
}
