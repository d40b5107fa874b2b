/* SPDX-License-Identifier: BSD-2-Clause */
/* canary.c - Honest ports beside the hostile ones; the essay is in front.h
 *
 * One thread has all three. It sleeps on their call descriptors, so that the
 * switch's notifications are used as well.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/vhost_front.h"
#include "lib/vnet.h"
#include "tests/vhost/front.h"

enum {
	SENDER, RECEIVER, FEEDER, HONEST,
	STRIDE = 2048,
	TX_SIZE = 256,
	RX_SIZE = 8192,		/* more than may be flooded while we are not scheduled */
	WINDOW = 200,		/* frames under way at most */
	TURN_US = 500,
	FRAME_MIN = 64,
	FRAME_MAX = 1514,
	LATE_STEP_US = 100,
	LATE_STEPS = 20000,
	SETTLE_US = 3000000,
	AFTERWARDS = 100,	/* frames */
};

#define CANARY_MAGIC	0x63616e6172792121ULL

/** struct honest - An honest port */
struct honest {
	struct vhost_front vf;
	struct shared mem;
	struct vring_driver vd[2];
	uint8_t *buf[2];
	int kick[2], call[2];
	size_t hdr;
	struct eth_addr addr;
};

struct payload {
	uint64_t magic;
	uint64_t seq;
	uint64_t sent_us;
};

const struct eth_addr canary_feeder = { { 2, 0xca, 0, 0, 0, 3 } };

static struct honest honest[HONEST];
static pthread_t thread;
static bool running;
static atomic_bool stop, paused;
static atomic_uint_fast64_t heard, too_long;

/* What to send to a peer: an address and, in the low words, frames at each turn,
 * and of what size; and how many frames once. */
static pthread_mutex_t feed_lock = PTHREAD_MUTEX_INITIALIZER;
static struct { struct eth_addr to; unsigned int burst, size, once; } feed;

/* Written by the thread, read when it is paused and all is quiet. */
static struct {
	atomic_uint_fast64_t sent, received;
	uint64_t lost, disordered, altered, foreign, next;
	unsigned int late_us;
	uint32_t late[LATE_STEPS];
} count;
static uint64_t mark_sent, mark_received;

static void NORETURN broken(const char *what, int err)
{
	printf("Bail out! canary: %s: %s\n", what, strerror(err));
	exit(99);
}

/* The byte at @i of frame number @seq, behind its payload header. */
static uint8_t filler(uint64_t seq, size_t i)
{
	return (uint8_t)(seq * 31 + i * 7);
}

static size_t size_of(uint64_t seq)
{
	return FRAME_MIN + seq * 41 % (FRAME_MAX - FRAME_MIN + 1);
}

static uint8_t *frame_at(struct honest *h, unsigned int r, unsigned int slot)
{
	return h->buf[r] + (size_t)slot * STRIDE + h->hdr;
}

/* Set up. */

static void honest_lay(struct honest *h, unsigned int r, uint16_t size, size_t at)
{
	struct vring_driver *vd = &h->vd[r];

	vring_driver_init(vd, h->mem.p + at, size,
			  vhost_front_has(&h->vf, VRING_F_EVENT_IDX));
	h->buf[r] = h->mem.p + at + (vring_layout(size).size + STRIDE - 1) / STRIDE * STRIDE;
	for (unsigned int i = 0; i < size; i++) {
		vd->desc[i] = (struct vring_desc){
			.addr = h->mem.guest + (uint64_t)(h->buf[r] - h->mem.p) +
				(uint64_t)i * STRIDE,
			.len = STRIDE,
			.flags = r == RX ? VRING_DESC_WRITE : 0,
		};
		if (r == RX)
			vring_driver_add(vd, (uint16_t)i);
	}
	if (vring_driver_publish(vd))
		eventfd_write(h->kick[r], 1);
}

static void honest_open(struct honest *h, unsigned int n, uint16_t rx_size)
{
	static const char *const names[] = { "canary sends", "canary receives", "feeder" };
	uint64_t features = FEATURE(32) | FEATURE(VRING_F_EVENT_IDX);
	struct vhost_hello hello = { .port = 0 };
	struct vhost_region region;
	size_t rx_bytes;
	int ret;

	/* The receiver takes no frame in more than one buffer, so that floods of
	 * large ones do not use up its ring. */
	if (n != RECEIVER)
		features |= FEATURE(VNET_F_MRG_RXBUF);
	snprintf(hello.descr, sizeof(hello.descr), "%s", names[n]);
	memset(h, 0, sizeof(*h));
	h->hdr = VNET_HDR_SIZE;
	h->addr = canary_feeder;
	h->addr.b[5] = (uint8_t)(n + 1);
	rx_bytes = (size_t)rx_size * (STRIDE + 64);
	if (!shared_make(&h->mem, rx_bytes + TX_SIZE * (STRIDE + 64), 0))
		broken("memory", errno);
	ret = vhost_front_open(&h->vf, sw.vhost, &hello, features, FEATURE(32), 5000);
	if (ret)
		broken(sw.vhost, -ret);
	for (unsigned int r = 0; r < 2; r++) {
		h->kick[r] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		h->call[r] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	}
	honest_lay(h, RX, rx_size, 0);
	honest_lay(h, TX, TX_SIZE, rx_bytes);
	vring_driver_suppress_calls(&h->vd[TX]);
	region = shared_region(&h->mem);
	ret = vhost_front_memory(&h->vf, &region, &h->mem.fd, 1);
	for (unsigned int r = 0; !ret && r < 2; r++) {
		const struct vring_driver *vd = &h->vd[r];
		const uint64_t at = h->mem.user - (uint64_t)(uintptr_t)h->mem.p;
		const struct vhost_front_ring ring = {
			.size = vd->size,
			.desc = (uint64_t)(uintptr_t)vd->desc + at,
			.avail = (uint64_t)(uintptr_t)vd->avail + at,
			.used = (uint64_t)(uintptr_t)vd->used + at,
			.kick = h->kick[r],
			.call = h->call[r],
		};

		ret = vhost_front_start(&h->vf, r, &ring);
	}
	if (ret)
		broken("handing rings over", -ret);
}

static void honest_close(struct honest *h)
{
	vhost_front_close(&h->vf);
	for (unsigned int r = 0; r < 2; r++) {
		close(h->kick[r]);
		close(h->call[r]);
	}
	shared_free(&h->mem);
}

/* Frames. */

/* A free transmit slot, or -1. Chains must come back in order. */
static int honest_slot(struct honest *h)
{
	struct vring_driver *vd = &h->vd[TX];
	uint32_t len;
	int32_t id;

	while (vring_driver_has_used(vd)) {
		uint16_t want = vd->next_used & (TX_SIZE - 1);

		id = vring_driver_get(vd, &len);
		if (id != want)
			count.foreign++;
	}
	if (vring_driver_pending(vd) == TX_SIZE)
		return -1;
	return vd->next_avail & (TX_SIZE - 1);
}

static uint8_t *honest_frame(struct honest *h, unsigned int slot, struct eth_addr dst,
			     size_t size)
{
	uint8_t *f = frame_at(h, TX, slot);

	memset(f - h->hdr, 0, h->hdr);
	memcpy(f, dst.b, ETH_ADDR_SIZE);
	memcpy(f + ETH_ADDR_SIZE, h->addr.b, ETH_ADDR_SIZE);
	f[12] = 0x88;
	f[13] = 0xb5;
	h->vd[TX].desc[slot].len = (uint32_t)(h->hdr + size);
	return f + ETH_HDR_SIZE;
}

static void honest_publish(struct honest *h, unsigned int r)
{
	if (vring_driver_publish(&h->vd[r]))
		eventfd_write(h->kick[r], 1);
}

/* Send a numbered frame, if there is room. */
static void canary_send(uint64_t now)
{
	struct honest *h = &honest[SENDER];
	struct payload p = { CANARY_MAGIC, count.sent, now };
	size_t size = size_of(p.seq);
	uint8_t *f;
	int slot;

	if (count.sent - count.received - (mark_sent - mark_received) >= WINDOW)
		return;
	slot = honest_slot(h);
	if (slot < 0)
		return;
	f = honest_frame(h, (unsigned int)slot, honest[RECEIVER].addr, size);
	memcpy(f, &p, sizeof(p));
	for (size_t i = sizeof(p); i < size - ETH_HDR_SIZE; i++)
		f[i] = filler(p.seq, i);
	vring_driver_add(&h->vd[TX], (uint16_t)slot);
	honest_publish(h, TX);
	count.sent++;
}

/* Look at a frame that came to the receiver. */
static void canary_check(const uint8_t *f, size_t len, uint64_t now)
{
	const struct vnet_hdr *hdr = (const void *)(f - honest[RECEIVER].hdr);
	static const struct vnet_hdr zero = { .num_buffers = { { 1, 0 } } };
	struct payload p;
	uint64_t late;

	if (len < FRAME_MIN || memcmp(f + ETH_ADDR_SIZE, honest[SENDER].addr.b, ETH_ADDR_SIZE))
		return;
	memcpy(&p, f + ETH_HDR_SIZE, sizeof(p));
	count.received++;
	if (p.magic != CANARY_MAGIC || len != size_of(p.seq) ||
	    memcmp(hdr, &zero, sizeof(zero))) {
		count.altered++;
		return;
	}
	for (size_t i = sizeof(p); i < len - ETH_HDR_SIZE; i++) {
		if (f[ETH_HDR_SIZE + i] != filler(p.seq, i)) {
			count.altered++;
			return;
		}
	}
	if (p.seq < count.next)
		count.disordered++;
	else
		count.next = p.seq + 1;
	late = now - p.sent_us;
	count.late_us = (unsigned int)MAX(late, (uint64_t)count.late_us);
	count.late[MIN(late / LATE_STEP_US, (uint64_t)LATE_STEPS - 1)]++;
}

/* Take in all that came to a port. */
static void honest_drain(unsigned int n, uint64_t now)
{
	struct honest *h = &honest[n];
	struct vring_driver *vd = &h->vd[RX];
	bool any = false;
	uint32_t len;
	int32_t id;

	while ((id = vring_driver_get(vd, &len)) >= 0) {
		const uint8_t *f = frame_at(h, RX, (unsigned int)id);

		any = true;
		/* The sender's and the feeder's buffers may be merged: what lies in
		 * the second one of a frame looks like nothing of ours. */
		if (len > STRIDE)
			count.foreign++;
		else if (n == RECEIVER && len > h->hdr)
			canary_check(f, len - h->hdr, now);
		else if (n == FEEDER && len > h->hdr + ETH_HDR_SIZE &&
			 f[6] == 2 && f[7] == 0xbb) {
			heard++;
			too_long += f[13] == 0xb6 && len > CANARY_SHORT;
		}
		vring_driver_add(vd, (uint16_t)id);
	}
	if (any)
		honest_publish(h, RX);
}

/* Send what is to be sent to a peer. */
static void feeder_turn(void)
{
	struct honest *h = &honest[FEEDER];
	unsigned int n;

	pthread_mutex_lock(&feed_lock);
	n = feed.once ? feed.once : feed.burst;
	while (n--) {
		int slot = honest_slot(h);
		uint8_t *f;

		if (slot < 0)
			break;
		f = honest_frame(h, (unsigned int)slot, feed.to, feed.size);
		memset(f, 'f', feed.size - ETH_HDR_SIZE);
		vring_driver_add(&h->vd[TX], (uint16_t)slot);
		if (feed.once)
			feed.once--;
	}
	pthread_mutex_unlock(&feed_lock);
	honest_publish(h, TX);
}

static bool canary_may_sleep(void)
{
	bool may = true;

	for (unsigned int i = 0; i < HONEST; i++)
		may &= !vring_driver_want_call(&honest[i].vd[RX]);
	return may;
}

static void *canary_thread(void *arg)
{
	uint64_t due = now_us();
	eventfd_t n;

	(void)arg;
	while (!stop) {
		uint64_t now = now_us();
		struct pollfd p[HONEST];

		if (now >= due) {
			if (!paused)
				canary_send(now);
			feeder_turn();
			due = now + TURN_US;
		}
		for (unsigned int i = 0; i < HONEST; i++)
			honest_drain(i, now_us());
		if (canary_may_sleep()) {
			const struct timespec limit = {
				.tv_nsec = paused && !feed.burst ? 20000000 : TURN_US * 1000,
			};

			for (unsigned int i = 0; i < HONEST; i++)
				p[i] = (struct pollfd){ .fd = honest[i].call[RX],
							.events = POLLIN };
			ppoll(p, HONEST, &limit, NULL);
			for (unsigned int i = 0; i < HONEST; i++)
				if (p[i].revents)
					eventfd_read(p[i].fd, &n);
		}
		for (unsigned int i = 0; i < HONEST; i++)
			vring_driver_suppress_calls(&honest[i].vd[RX]);
	}
	return NULL;
}

/* Each says a word, so that the switch knows where it is. */
static void canary_introduce(void)
{
	static const struct eth_addr all = { { 255, 255, 255, 255, 255, 255 } };

	for (unsigned int i = 0; i < HONEST; i++) {
		struct honest *h = &honest[i];
		int slot = honest_slot(h);

		memset(honest_frame(h, (unsigned int)slot, all, FRAME_MIN), 0,
		       FRAME_MIN - ETH_HDR_SIZE);
		vring_driver_add(&h->vd[TX], (uint16_t)slot);
		honest_publish(h, TX);
		for (unsigned int ms = 0; vring_driver_pending(&h->vd[TX]) && ms < 3000; ms++) {
			sleep_ms(1);
			(void)honest_slot(h);
		}
	}
}

void canary_start(void)
{
	for (unsigned int i = 0; i < HONEST; i++)
		honest_open(&honest[i], i, i == RECEIVER ? RX_SIZE : 2 * TX_SIZE);
	canary_introduce();
	for (unsigned int i = 0; i < HONEST; i++)
		honest_drain(i, now_us());
	memset(&count, 0, sizeof(count));
	memset(&feed, 0, sizeof(feed));
	mark_sent = mark_received = 0;
	stop = false;
	paused = true;
	if (pthread_create(&thread, NULL, canary_thread, NULL))
		broken("thread", errno);
	running = true;
}

void canary_stop(void)
{
	if (!running)
		return;
	stop = true;
	pthread_join(thread, NULL);
	running = false;
	for (unsigned int i = 0; i < HONEST; i++)
		honest_close(&honest[i]);
}

void canary_pause(bool on)
{
	paused = on;
}

void canary_mark(void)
{
	mark_sent = count.sent;
	mark_received = count.received;
	count.next = count.sent;
	count.disordered = count.altered = count.foreign = 0;
	count.late_us = 0;
	memset(count.late, 0, sizeof(count.late));
	paused = false;
}

void canary_settle(struct canary_report *r)
{
	uint64_t end = now_us() + SETTLE_US, sum = 0;

	/* It still sings afterwards. */
	for (uint64_t sent = count.sent; count.sent - sent < AFTERWARDS && now_us() < end; )
		sleep_ms(1);
	canary_pause(true);
	canary_feed(canary_feeder, 0, 0);
	sleep_ms(2);
	while (count.received - mark_received < count.sent - mark_sent && now_us() < end)
		sleep_ms(1);
	*r = (struct canary_report){
		.sent = count.sent - mark_sent,
		.received = count.received - mark_received,
		.disordered = count.disordered,
		.altered = count.altered,
		.foreign = count.foreign,
		.late_us = count.late_us,
	};
	r->lost = r->sent - MIN(r->received, r->sent);
	for (unsigned int i = 0; i < LATE_STEPS; i++) {
		sum += count.late[i];
		if (sum * 100 >= r->received * 99) {
			r->p99_us = (i + 1) * LATE_STEP_US;
			break;
		}
	}
}

void canary_feed(struct eth_addr to, unsigned int burst, unsigned int size)
{
	pthread_mutex_lock(&feed_lock);
	feed.to = to;
	feed.burst = burst;
	feed.size = size;
	feed.once = 0;
	pthread_mutex_unlock(&feed_lock);
}

void canary_feed_once(struct eth_addr to, unsigned int n, unsigned int size)
{
	bool done = false;

	pthread_mutex_lock(&feed_lock);
	feed.to = to;
	feed.burst = 0;
	feed.size = size;
	feed.once = n;
	pthread_mutex_unlock(&feed_lock);
	for (unsigned int ms = 0; !done && ms < 2000; ms++) {
		sleep_ms(1);
		pthread_mutex_lock(&feed_lock);
		done = !feed.once;
		pthread_mutex_unlock(&feed_lock);
	}
}

uint64_t canary_too_long(void)
{
	return atomic_exchange(&too_long, 0);
}

uint64_t canary_heard(void)
{
	return heard;
}
