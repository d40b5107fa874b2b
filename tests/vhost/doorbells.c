/* SPDX-License-Identifier: BSD-2-Clause */
/* doorbells.c - Rows about eventfds: kicks without end, calls that nobody answers
 *
 * Both sides hold an eventfd, and its flags are the file's: who clears O_NONBLOCK
 * clears it for the switch, too, and a full counter blocks its writer then.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/fd.h"
#include "tests/vhost/front.h"

enum {
	STORMS = 16,
	CLOSE_MS = 1000,
	FREE_PERCENT = 20,	/* of a processor, for nothing */
};

#define EVENTFD_FULL	(UINT64_MAX - 1)

/* Something done to eventfds over and over, by a thread. */
struct jammer {
	int fds[2 * STORMS];
	unsigned int count;
	unsigned int hold_us;
	atomic_bool stop;
};

static void *storm_thread(void *arg)
{
	struct jammer *j = arg;

	while (!j->stop)
		for (unsigned int i = 0; i < j->count; i++)
			eventfd_write(j->fds[i], 1);
	return NULL;
}

/* Keep counters full and blocking, and let whoever waits through every @hold_us. */
static void *jam_thread(void *arg)
{
	const uint64_t full = EVENTFD_FULL;
	struct jammer *j = arg;
	eventfd_t n;

	while (!j->stop) {
		for (unsigned int i = 0; i < j->count; i++) {
			if (fd_set_nonblock(j->fds[i], true))
				continue;
			(void)eventfd_read(j->fds[i], &n);
			if (write(j->fds[i], &full, sizeof(full)) < 0)
				continue;
			(void)fd_set_nonblock(j->fds[i], false);
		}
		if (j->hold_us)
			usleep(j->hold_us);
	}
	return NULL;
}

static bool jammer_start(struct jammer *j, pthread_t *thread, void *(*run)(void *))
{
	j->stop = false;
	return !pthread_create(thread, NULL, run, j);
}

static void jammer_stop(struct jammer *j, pthread_t thread)
{
	j->stop = true;
	pthread_join(thread, NULL);
}

/* Fill a counter up, whatever is in it. */
static void fill(int fd)
{
	eventfd_t n;

	for (unsigned int i = 0; i < 1000; i++) {
		(void)eventfd_read(fd, &n);
		if (!eventfd_write(fd, EVENTFD_FULL))
			return;
	}
	row_fail("an eventfd cannot be filled: %s", strerror(errno));
}

/* What the switch uses of a processor just now; the canary is quiet. */
static unsigned int busy_percent(unsigned int ms)
{
	uint64_t before, t;

	canary_pause(true);
	sleep_ms(50);
	before = sw_cpu_us();
	t = now_us();
	sleep_ms(ms);
	before = (sw_cpu_us() - before) * 100 / (now_us() - t);
	canary_pause(false);
	return (unsigned int)before;
}

static void vu32(void)
{
	struct jammer j = { .count = 2 };
	pthread_t thread;
	struct peer p;

	if (peer_open(&p)) {
		j.fds[0] = p.ring[TX].kick;
		j.fds[1] = p.ring[RX].kick;
		if (jammer_start(&j, &thread, storm_thread)) {
			sleep_ms((unsigned int)(race_seconds * 1000));
			jammer_stop(&j, thread);
		}
		peer_works(&p, "after a storm of kicks");
	}
	peer_close(&p);
}

/* One kick that lasts: a semaphore's counter goes down by one at a time, and the
 * front end may leave the processor's bill to the switch. */
static void vu32_forever(void)
{
	struct peer p;
	unsigned int percent;
	int kick = eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC);

	if (peer_open(&p)) {
		eventfd_write(kick, EVENTFD_FULL);
		peer_expect(&p, TAKEN, peer_ask_word(&p, VHOST_SET_VRING_KICK, TX, kick),
			    "a semaphore to kick with");
		percent = busy_percent(500);
		EXPECT(percent < FREE_PERCENT, "an eventfd that stays readable costs %u %% of a "
		       "processor, and its owner nothing", percent);
	}
	peer_close(&p);
	close(kick);
}

static void vu33(void)
{
	struct jammer j = { .count = 0 };
	struct peer p[STORMS];
	unsigned int n = 0;
	pthread_t thread;

	while (n < STORMS && peer_open(&p[n])) {
		j.fds[j.count++] = p[n].ring[TX].kick;
		j.fds[j.count++] = p[n].ring[RX].kick;
		n++;
	}
	if (n == STORMS && jammer_start(&j, &thread, storm_thread)) {
		sleep_ms((unsigned int)(race_seconds * 1000));
		jammer_stop(&j, thread);
		peer_works(&p[0], "after 16 storms of kicks");
	}
	for (unsigned int i = 0; i < STORMS && i <= n; i++)
		peer_close(&p[i]);
}

/* Use a ring so that its owner is to be called. */
static void provoke(struct peer *p, unsigned int ms)
{
	uint64_t end = now_us() + ms * 1000ULL;

	canary_feed(p->addr, 4, 100);
	while (now_us() < end) {
		peer_transmit(p, TX, 8);
		peer_receive(p, RX);
		if (vring_driver_want_call(&p->ring[TX].vd) |
		    vring_driver_want_call(&p->ring[RX].vd))
			continue;
		usleep(200);
	}
	canary_feed(p->addr, 0, 100);
}

static void vu34_quiet(void)
{
	eventfd_t first;
	struct peer p;

	/* Full, but as it was handed over: no harm, and none done. */
	if (peer_open(&p)) {
		/* The first call is one that a new ring gets. */
		(void)eventfd_read(p.ring[TX].call, &first);
		(void)eventfd_read(p.ring[RX].call, &first);
		fill(p.ring[TX].call);
		fill(p.ring[RX].call);
		provoke(&p, 100);
		peer_works(&p, "with full call eventfds");
		/* Taken away in the middle. */
		for (unsigned int i = 0; i < 100; i++) {
			uint64_t word = (i & 1) | (i & 2 ? VHOST_QUEUE_NOFD : 0);

			peer_ask_word(&p, VHOST_SET_VRING_CALL, word,
				      i & 2 ? -1 : p.ring[i & 1].call);
			provoke(&p, 2);
		}
		fd_close(&p.ring[TX].call);
		fd_close(&p.ring[RX].call);
		provoke(&p, 20);
		peer_works(&p, "with its own call eventfds closed");
	}
	peer_close(&p);
}

static void vu34_jam(void)
{
	for (unsigned int ring = 0; ring < 2; ring++) {
		struct jammer j = { .count = 1 };
		pthread_t thread;
		struct peer p;

		if (peer_open(&p)) {
			eventfd_t n;

			/* The first call is one that a new ring gets. */
			(void)eventfd_read(p.ring[ring].call, &n);
			fill(p.ring[ring].call);
			EXPECT(!fd_set_nonblock(p.ring[ring].call, false), "O_NONBLOCK");
			provoke(&p, 20);
			EXPECT(peer_is_closed(&p, CLOSE_MS), "ring %u: its call eventfd is jammed, "
			       "the port stays", ring);
		}
		peer_close(&p);
		/* One that others keep jamming. */
		if (peer_open(&p)) {
			j.fds[0] = p.ring[ring].call;
			if (jammer_start(&j, &thread, jam_thread)) {
				provoke(&p, (unsigned int)(race_seconds * 300));
				jammer_stop(&j, thread);
			}
		}
		peer_close(&p);
	}
}

/* Many that jam their eventfds, but not for quite as long as they may. */
static void vu34_tease(void)
{
	struct jammer j = { .hold_us = 700 };
	uint64_t end = now_us() + (uint64_t)(race_seconds * 1e6);
	struct peer p[STORMS];
	unsigned int n = 0, closed = 0;
	pthread_t thread;

	while (n < STORMS && peer_open(&p[n])) {
		j.fds[j.count++] = p[n].ring[TX].call;
		n++;
	}
	if (n == STORMS && jammer_start(&j, &thread, jam_thread)) {
		while (now_us() < end) {
			for (unsigned int i = 0; i < n; i++) {
				peer_transmit(&p[i], TX, 1);
				if (vring_driver_want_call(&p[i].ring[TX].vd))
					continue;
			}
			usleep(500);
		}
		jammer_stop(&j, thread);
		for (unsigned int i = 0; i < n; i++)
			closed += peer_is_closed(&p[i], 1);
		/* The limit is a clock's tick, which comes early for most. */
		EXPECT(closed, "not one of them blocked for too long");
		row_note("VU-34-tease: %u of %u were closed", closed, n);
	}
	for (unsigned int i = 0; i < STORMS && i <= n; i++)
		peer_close(&p[i]);
}

/* The switch may be told to call while it is being stopped for other reasons. */
static void vu35(void)
{
	for (unsigned int i = 0; i < 20; i++) {
		struct vring_driver *vd;
		struct peer p;

		if (peer_open(&p)) {
			vd = &p.ring[TX].vd;
			fill(p.ring[TX].err);
			EXPECT(i & 1 || !fd_set_nonblock(p.ring[TX].err, false), "O_NONBLOCK");
			vd->desc[vd->next_avail & (p.entries - 1U)].addr = 0;
			peer_transmit(&p, TX, 1);
			EXPECT(peer_is_closed(&p, CLOSE_MS), "its err eventfd is jammed, the port stays");
		}
		peer_close(&p);
	}
}

const struct row doorbell_rows[] = {
	{ "VU-32", "a storm of kicks", vu32, 250 },
	{ "VU-32-stays", "a kick that stays", vu32_forever, 250 },
	{ "VU-33", "storms of kicks from 16 ports", vu33, 250 },
	{ "VU-34", "call eventfds full, missing and closed", vu34_quiet, 250 },
	{ "VU-34-jam", "call eventfds full and blocking", vu34_jam, 250 },
	{ "VU-34-tease", "16 call eventfds that block, but never long enough", vu34_tease, 250 },
	{ "VU-35", "err eventfds full and blocking", vu35, 250 },
	{ 0 },
};
