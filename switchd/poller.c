/* SPDX-License-Identifier: BSD-2-Clause */
/* poller.c - Busy rings are polled, quiet ones asleep; the essay is in poller.h */
#include "config.h"

#include "switchd/poller.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "lib/compiler.h"
#include "switchd/vsw.h"

static void poller_remove(struct poller *po, struct pollee *p)
{
	struct pollee *last = po->busy[--po->count];

	po->busy[p->place] = last;
	last->place = p->place;
	p->place = -1;
	if (po->count)
		return;
	ev_idle_stop(po->loop, &po->idle);
	/* Who is forgotten may not have had a turn. */
	po->slept_us = MAX(po->now_us, po->woke_us);
	if (pace_sleep(&po->pace, po->slept_us))
		pace_obey(&po->pace);
}

/* Let one sleep, if it can. */
static void poller_put_to_sleep(struct poller *po, struct pollee *p)
{
	if (p->ops->sleep(p)) {
		poller_remove(po, p);
		return;
	}
	p->ops->wake(p);
	p->busy_us = po->busy_us = po->now_us;
}

/* Ask everybody awake once. Backwards, since whoever sleeps is replaced by the last
 * one; polling may also wake others, at the end of the list. */
static void poller_round(struct poller *po)
{
	uint64_t now_us = po->now_us;
	bool any = false;

	for (unsigned int i = po->count; i-- > 0; ) {
		struct pollee *p = po->busy[i];

		if (p->ops->poll(p)) {
			p->busy_us = now_us;
			any = true;
		} else if (po->mode != POLLER_ALWAYS &&
			   now_us - p->busy_us > POLLER_LINGER_US) {
			poller_put_to_sleep(po, p);
		}
	}
	if (any)
		po->busy_us = now_us;
}

/* Whether nothing has come for so long that we had better sleep. */
static bool poller_is_bored(const struct poller *po)
{
	if (po->mode == POLLER_ADAPTIVE)
		return po->now_us - po->busy_us >= po->patience_us;
	return po->mode == POLLER_NEVER && po->now_us != po->busy_us;
}

/* Let all sleep; who has work after all keeps us awake. */
static void poller_rest(struct poller *po)
{
	if (po->patience_us > POLLER_PATIENCE_MIN_US) {
		/* What it cost is little, if it kept us awake for long before. */
		if (po->busy_us - po->woke_us > POLLER_WORTH_US)
			po->misses = 0;
		else
			po->misses = MIN(po->misses + 1, (unsigned int)POLLER_MISSES_MAX);
		po->skip = (1U << po->misses) - 1;
	}
	for (unsigned int i = po->count; i-- > 0; )
		poller_put_to_sleep(po, po->busy[i]);
}

/* We were asleep, and are not any more: what does that say about patience? */
static void poller_learn(struct poller *po)
{
	bool soon = po->busy_us - po->slept_us < POLLER_PATIENCE_MAX_US;

	po->patience_us = POLLER_PATIENCE_MIN_US;
	if (soon && po->skip)
		po->skip--;
	else if (soon)
		po->patience_us = POLLER_PATIENCE_MAX_US;
}

static void poller_turn_cb(struct ev_loop *loop UNUSED, ev_check *w,
			   int revents UNUSED)
{
	struct poller *po = container_of(w, struct poller, turn);
	const struct vsw *vsw = container_of(po, struct vsw, poller);
	uint64_t start_us;

	start_us = po->now_us = clock_us();
	while (po->count && !vsw->dead && po->now_us - start_us < POLLER_SLICE_US) {
		poller_round(po);
		if (poller_is_bored(po))
			poller_rest(po);
		po->now_us = clock_us();
	}
}

static void poller_idle_cb(struct ev_loop *loop UNUSED, ev_idle *w UNUSED,
			   int revents UNUSED)
{
	/* Its being there keeps the loop from sleeping. */
}

/* Naps. */

void poller_nap(struct poller *po, struct pollee *p)
{
	const struct itimerspec once = { .it_value = { .tv_nsec = POLLER_NAP_US * 1000 } };

	if (p->napping)
		return;
	if (!po->nappers)
		timerfd_settime(po->nap.fd, 0, &once, NULL);
	p->napping = true;
	p->next_napper = po->nappers;
	po->nappers = p;
}

static void poller_nap_cb(struct ev_loop *loop UNUSED, ev_io *w, int revents UNUSED)
{
	struct poller *po = container_of(w, struct poller, nap);
	struct pollee *p = po->nappers;
	uint64_t expired;

	if (read(w->fd, &expired, sizeof(expired)) < 0)
		return;
	po->nappers = NULL;
	for (; p; p = p->next_napper) {
		p->napping = false;
		/* Without memory for the list, a kick will do it. */
		if (poller_wake(po, p))
			return;
	}
}

static void poller_end_nap(struct poller *po, struct pollee *p)
{
	struct pollee **link = &po->nappers;

	if (!p->napping)
		return;
	while (*link != p)
		link = &(*link)->next_napper;
	*link = p->next_napper;
	p->napping = false;
}

int poller_init(struct poller *po, struct ev_loop *loop, enum poller_mode mode)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	*po = (struct poller){ .loop = loop, .mode = mode, .now_us = clock_us() };
	ev_io_init(&po->nap, poller_nap_cb, fd, EV_READ);
	ev_io_start(loop, &po->nap);
	ev_idle_init(&po->idle, poller_idle_cb);
	ev_check_init(&po->turn, poller_turn_cb);
	/* Before all that happens in the same turn: it sets the time. */
	ev_set_priority(&po->turn, EV_MAXPRI);
	ev_check_start(loop, &po->turn);
	return 0;
}

void poller_destroy(struct poller *po)
{
	if (!po->loop)
		return;
	ev_idle_stop(po->loop, &po->idle);
	ev_check_stop(po->loop, &po->turn);
	ev_io_stop(po->loop, &po->nap);
	close(po->nap.fd);
	free(po->busy);
}

void pollee_init(struct pollee *p, const struct pollee_ops *ops)
{
	*p = (struct pollee){ .ops = ops, .place = -1 };
}

int poller_wake(struct poller *po, struct pollee *p)
{
	if (p->place >= 0)
		return 0;
	poller_end_nap(po, p);
	if (po->count == po->room) {
		unsigned int room = po->room ? 2 * po->room : 16;
		struct pollee **busy = realloc(po->busy, room * sizeof(struct pollee *));

		if (!busy)
			return -ENOMEM;
		po->busy = busy;
		po->room = room;
	}
	p->busy_us = clock_us();
	if (!po->count) {
		po->busy_us = po->woke_us = p->busy_us;
		pace_wake(&po->pace, po->woke_us);
		poller_learn(po);
	}
	p->place = (int)po->count;
	po->busy[po->count++] = p;
	p->ops->wake(p);
	ev_idle_start(po->loop, &po->idle);
	return 0;
}

void poller_forget(struct poller *po, struct pollee *p)
{
	poller_end_nap(po, p);
	if (p->place >= 0)
		poller_remove(po, p);
}
