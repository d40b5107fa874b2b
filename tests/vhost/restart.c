/* SPDX-License-Identifier: BSD-2-Clause */
/* restart.c - The switch killed under traffic, and started again (VU-61)
 *
 * DOC: Theory of operation
 *
 * Three stations, each a guest's driver and the front end in front of it. The
 * drivers, a thread each, know nothing of the switch: they offer buffers, sleep
 * until they are called, and go on for ever. The front ends, in the main thread,
 * notice that the switch is gone, and hand the same rings over to the next one,
 * from where the used ring says. Station 0 connects to any port, station 1 to a
 * named one, without event indices; the switch connects to station 2, which has
 * two queue pairs. Each sends to the next.
 *
 * What counts is descriptors. A driver knows which ones it has given away, and
 * looks at each one that comes back: it must be one of those. At the end nothing
 * more is sent; then all transmit buffers must have come back, all receive buffers
 * must be with the switch, and it must be able to use every one of them. And
 * calls: a driver that was not told of what came, long after it had asked to be,
 * would have slept for ever.
 */
#include "config.h"

#include "tests/vhost/restart.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/vnet.h"
#include "tests/vhost/front.h"

enum {
	STATIONS = 3,
	ENTRIES = 256,
	BURST = 24,		/* frames a turn and ring */
	UNDER_WAY = 128,	/* of a transmit ring's entries */
	TURN_NS = 500000,
	MISSED_US = 400000,	/* so long without a call is for ever */
	FLOW_MS = 10000,
	DRAIN_MS = 5000,
};

/**
 * struct station - A driver and its front end
 * @p:		Rings and connection; the connection is the main thread's, and
 *		what the driver knows about its rings is the driver's
 * @listener:	Where the switch connects to, or -1
 * @away:	Descriptors that were offered and are not back, for each ring
 * @seen:	Those that came back since this was last cleared
 * @waiting_us:	When there was first something to take in without a call, or 0
 * @came:	Frames received
 * @wrong:	Entries in used rings that were not away
 * @missed:	Calls that did not come
 */
struct station {
	struct peer p;
	int listener;
	const char *path;
	pthread_t thread;
	uint8_t away[PEER_RINGS][ENTRIES];
	uint8_t seen[PEER_RINGS][ENTRIES];
	uint64_t waiting_us[PEER_RINGS];
	atomic_uint_fast64_t came, wrong, missed;
};

static struct station stations[STATIONS];
static atomic_bool stop, quiet;

static void report(bool good, const char *what)
{
	test_report(good, "VU-61", what);
}

/* The driver. */

/* Take back what is in a used ring. Return: how much. */
static unsigned int driver_reap(struct station *s, unsigned int r)
{
	struct vring_driver *vd = &s->p.ring[r].vd;
	unsigned int n = 0;
	uint32_t len;
	int32_t id;

	while ((id = vring_driver_get(vd, &len)) >= 0) {
		n++;
		s->wrong += !s->away[r][id];
		s->away[r][id] = 0;
		s->seen[r][id] = 1;
		if (r & 1)
			continue;
		s->came++;
		s->away[r][id] = 1;
		vring_driver_add(vd, (uint16_t)id);
	}
	if (vring_driver_publish(vd))
		peer_kick(&s->p, r);
	return n;
}

/* Offer frames. Which slots are free, @away knows. */
static void driver_send(struct station *s, unsigned int r)
{
	struct vring_driver *vd = &s->p.ring[r].vd;
	unsigned int n = BURST;

	for (unsigned int i = 0; i < ENTRIES && n && vring_driver_pending(vd) < UNDER_WAY; i++) {
		if (s->away[r][i])
			continue;
		s->away[r][i] = 1;
		vring_driver_add(vd, (uint16_t)i);
		n--;
	}
	if (vring_driver_publish(vd))
		peer_kick(&s->p, r);
}

/* Work on a ring if we were called, as a guest's interrupt handler would. */
static void driver_called(struct station *s, unsigned int r)
{
	struct vring_driver *vd = &s->p.ring[r].vd;
	uint64_t now = now_us();
	eventfd_t n;

	if (eventfd_read(s->p.ring[r].call, &n)) {
		if (!vring_driver_has_used(vd)) {
			s->waiting_us[r] = 0;
			return;
		}
		if (!s->waiting_us[r])
			s->waiting_us[r] = now;
		if (now - s->waiting_us[r] < MISSED_US)
			return;
		s->missed++;
	}
	s->waiting_us[r] = 0;
	do
		driver_reap(s, r);
	while (vring_driver_want_call(vd));
}

static void *driver_thread(void *arg)
{
	const struct timespec turn = { .tv_nsec = TURN_NS };
	struct pollfd fds[PEER_RINGS];
	struct station *s = arg;

	for (unsigned int r = 0; r < s->p.rings; r++)
		while (vring_driver_want_call(&s->p.ring[r].vd))
			driver_reap(s, r);
	while (!stop) {
		for (unsigned int r = 0; r < s->p.rings; r++)
			fds[r] = (struct pollfd){ .fd = s->p.ring[r].call, .events = POLLIN };
		ppoll(fds, s->p.rings, &turn, NULL);
		for (unsigned int r = 0; r < s->p.rings; r++) {
			driver_called(s, r);
			if (r & 1 && !quiet)
				driver_send(s, r);
		}
	}
	return NULL;
}

/* The front end. */

/* Make a station's memory and rings; all receive buffers are away. */
static bool station_make(unsigned int n, const char *path)
{
	const uint64_t features = PEER_FEATURES | FEATURE(VNET_F_MQ);
	struct station *s = &stations[n];
	struct sockaddr_un sa;

	memset(s, 0, sizeof(*s));
	s->listener = s->p.sock = s->p.mem.fd = -1;
	s->path = path;
	s->p.features = n == 1 ? features & ~FEATURE(VRING_F_EVENT_IDX) : features;
	s->p.protocol = PEER_PROTOCOL;
	s->p.hdr = VNET_HDR_SIZE;
	s->p.addr = (struct eth_addr){ { 2, 0xdd, 0, 0, 0, (uint8_t)(n + 1) } };
	if (!peer_lay(&s->p, n == 2 ? 2 : 1, ENTRIES, PEER_STRIDE, 0))
		return false;
	for (unsigned int r = 0; r < s->p.rings; r++) {
		if (!(r & 1))
			memset(s->away[r], 1, ENTRIES);
		for (unsigned int i = 0; r & 1 && i < ENTRIES; i++)
			peer_frame(&s->p, r, i, (struct eth_addr){
				{ 2, 0xdd, 0, 0, 0, (uint8_t)((n + 1) % STATIONS + 1) } },
				60 + i * 5);
	}
	if (n != 2)
		return true;
	unlink(path);
	s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return s->listener >= 0 && !fd_sockaddr(&sa, path) &&
	       !bind(s->listener, (struct sockaddr *)&sa, sizeof(sa)) && !listen(s->listener, 8);
}

/* Hand everything over, as often as it takes. Return: whether that was before
 * @end. */
static bool station_connect(struct station *s, uint64_t end)
{
	bool good = false;

	while (!good && now_us() < end) {
		fd_close(&s->p.sock);
		s->p.sock = s->listener >= 0 ? accept4(s->listener, NULL, NULL, SOCK_CLOEXEC) :
			    fd_connect_unix(s->path);
		if (s->p.sock < 0) {
			s->p.sock = -1;
			usleep(500);
			continue;
		}
		row_forgive(true);
		good = peer_greet(&s->p, s->p.features, s->p.protocol) && peer_give_memory(&s->p);
		for (unsigned int r = 0; good && r < s->p.rings; r++)
			good = peer_give_ring(&s->p, r, s->p.ring[r].vd.used->idx);
		row_forgive(false);
	}
	return good;
}

/* Wait until frames come to each station. */
static bool flows(uint64_t end)
{
	for (unsigned int i = 0; i < STATIONS; i++) {
		uint64_t came = stations[i].came;

		while (stations[i].came == came) {
			if (now_us() > end)
				return false;
			usleep(200);
		}
	}
	return true;
}

static int by_size(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Kill and start. Return: how often that went well, 0 if it once did not. */
static unsigned int restart_rounds(unsigned int times, unsigned int limit_s)
{
	uint64_t begin = now_us(), seed = 61;
	uint32_t *outage = calloc(times, sizeof(*outage));
	unsigned int n = 0;

	while (n < times && (!limit_s || now_us() - begin < limit_s * 1000000ULL)) {
		uint64_t killed, end;
		bool good = true;

		/* In the midst of whatever it does. */
		usleep((unsigned int)(random64(&seed) % 3000));
		killed = now_us();
		kill(sw.pid, SIGKILL);
		waitpid(sw.pid, NULL, 0);
		sw.pid = sw_spawn();
		end = killed + FLOW_MS * 1000ULL;
		for (unsigned int i = 0; good && i < STATIONS; i++) {
			good = station_connect(&stations[i], end);
			if (!good)
				printf("# round %u: station %u does not come in any more\n", n, i);
		}
		if (good && !flows(end)) {
			printf("# round %u: nothing comes through any more\n", n);
			good = false;
		}
		if (!good) {
			sw_last_words();
			n = 0;
			break;
		}
		outage[n++] = (uint32_t)(now_us() - killed);
	}
	qsort(outage, n, sizeof(*outage), by_size);
	if (n)
		printf("# %u times, outage (with the switch's start): median %.1f ms, "
		       "longest %.1f ms\n", n, outage[n / 2] / 1e3, outage[n - 1] / 1e3);
	free(outage);
	return n;
}

/* Descriptors that are away. */
static unsigned int away(const struct station *s, unsigned int r)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < ENTRIES; i++)
		n += s->away[r][i];
	return n;
}

/* The books, with the drivers stopped. */
static bool audit(void)
{
	bool good = true;

	for (unsigned int i = 0; i < STATIONS; i++) {
		const struct station *s = &stations[i];

		for (unsigned int r = 0; r < s->p.rings; r++) {
			unsigned int n = away(s, r), want = r & 1 ? 0 : ENTRIES;

			if (n == want && vring_driver_pending(&s->p.ring[r].vd) == want)
				continue;
			printf("#   station %u ring %u: %u descriptors are away, %u in the ring's "
			       "books, %u should be\n", i, r, n,
			       vring_driver_pending(&s->p.ring[r].vd), want);
			good = false;
		}
		if (s->wrong) {
			printf("#   station %u: %" PRIu64 " descriptors came back that were not away\n",
			       i, (uint64_t)s->wrong);
			good = false;
		}
	}
	return good;
}

static void drivers_start(void)
{
	stop = false;
	for (unsigned int i = 0; i < STATIONS; i++)
		pthread_create(&stations[i].thread, NULL, driver_thread, &stations[i]);
}

static void drivers_stop(void)
{
	stop = true;
	for (unsigned int i = 0; i < STATIONS; i++)
		pthread_join(stations[i].thread, NULL);
}

/* Whether each receive buffer of a station's rings is still filled: each ring is
 * used that gets any frames at all. */
static bool all_buffers_used(void)
{
	bool good = true;

	for (unsigned int i = 0; i < STATIONS; i++) {
		const struct station *s = &stations[i];

		for (unsigned int r = 0; r < s->p.rings; r += 2) {
			unsigned int n = 0;

			for (unsigned int d = 0; d < ENTRIES; d++)
				n += s->seen[r][d];
			/* One flow goes to one ring. */
			if (n == ENTRIES || (!n && r))
				continue;
			printf("#   station %u ring %u: %u of %u buffers are used\n", i, r, n, ENTRIES);
			good = false;
		}
	}
	return good;
}

/* Stop sending, and wait until all that was sent has come back. */
static void drain(void)
{
	quiet = true;
	for (unsigned int ms = 0, left = 1; left && ms < DRAIN_MS; ms += 5) {
		sleep_ms(5);
		left = 0;
		for (unsigned int i = 0; i < STATIONS; i++)
			for (unsigned int r = TX; r < stations[i].p.rings; r += 2)
				left += away(&stations[i], r);
	}
	sleep_ms(20);
}

static void stations_free(void)
{
	for (unsigned int i = 0; i < STATIONS; i++) {
		peer_close(&stations[i].p);
		fd_close(&stations[i].listener);
	}
	unlink(sw.caller);
}

/* Three stations and a switch. Return: whether they are together. */
static bool begin(void)
{
	bool good = station_make(0, sw.vhost) && station_make(1, sw.named) &&
		    station_make(2, sw.caller);

	if (!good)
		printf("#   stations: %s\n", strerror(errno));
	sw.pid = sw_spawn();
	for (unsigned int i = 0; good && i < STATIONS; i++)
		good = station_connect(&stations[i], now_us() + FLOW_MS * 1000ULL);
	return good;
}

void restart_run(unsigned int times, unsigned int limit_s)
{
	uint64_t missed = 0;
	unsigned int n = 0;
	bool good;

	alarm(limit_s ? limit_s + 120 : 3600);
	good = begin();
	drivers_start();
	good = good && flows(now_us() + FLOW_MS * 1000ULL);
	report(good, "traffic in a circle");
	if (good)
		n = restart_rounds(times, limit_s);
	report(n && (n == times || limit_s), "the switch is killed, and each peer comes back");
	drain();
	drivers_stop();
	for (unsigned int i = 0; i < STATIONS; i++)
		missed += stations[i].missed;
	report(audit(), "no descriptor is lost, and none comes back twice");
	if (missed)
		printf("#   %" PRIu64 " times a driver was not called, and would sleep for ever\n",
		       missed);
	report(!missed, "no driver sleeps for ever");

	for (unsigned int i = 0; i < STATIONS; i++)
		memset(stations[i].seen, 0, sizeof(stations[i].seen));
	quiet = false;
	drivers_start();
	sleep_ms(500);
	drain();
	drivers_stop();
	report(all_buffers_used() && audit(), "every receive buffer is still of use");
	sw_close();
	stations_free();
}
