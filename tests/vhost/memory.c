/* SPDX-License-Identifier: BSD-2-Clause */
/* memory.c - Rows about memory that is large, in pieces, exchanged, or vanishes */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/vde_wire.h"
#include "lib/vnet.h"
#include "tests/vhost/front.h"

enum {
	CLOSE_MS = 2000,
	DATA_SIZE = 1 << 20,
	HUGE_PAGE = 2 << 20,
};

#define DATA_GUEST	(1ULL << 41)

static const struct eth_addr everybody = { { 255, 255, 255, 255, 255, 255 } };

/* The most of everything. */

/* A table of regions that together are the peer's memory and meet in the middle of
 * buffers; at most one more than there are rings. */
static bool give_in_pieces(struct peer *p, unsigned int pieces)
{
	struct vhost_memory m = { .count = pieces };
	int fds[VHOST_REGIONS_MAX];
	uint64_t at = 0;

	for (unsigned int i = 0; i < pieces; i++) {
		const unsigned int ring = i % p->rings;
		uint64_t end = (uint64_t)(p->ring[ring].buf - p->mem.p) + 2 * p->stride + 77 * (i + 1);

		if (i + 1 == pieces)
			end = p->mem.size;
		m.region[i] = (struct vhost_region){ p->mem.guest + at, end - at,
						     p->mem.user + at, at };
		fds[i] = p->mem.fd;
		at = end;
	}
	return peer_ask(p, VHOST_SET_MEM_TABLE, &m,
			(uint32_t)(8 + pieces * sizeof(m.region[0])), fds, pieces) == TAKEN;
}

/* All frames that a ring's buffers hold, once around. */
static void around(struct peer *p, unsigned int ring, unsigned int n)
{
	uint64_t heard = canary_heard(), end = now_us() + 10000000;
	unsigned int sent = 0;

	while ((sent < n || canary_heard() - heard < sent) && now_us() < end) {
		if (sent < n && sent - (canary_heard() - heard) < 200)
			sent += peer_transmit(p, ring, MIN(100u, n - sent));
		else
			sched_yield();
	}
	EXPECT(canary_heard() - heard == n, "ring %u: %" PRIu64 " of %u frames come through", ring,
	       canary_heard() - heard, n);
}

static void vu16(void)
{
	struct vhost_one_region more = { .region = { 1ULL << 42, 4096, 1ULL << 42, 0 } };
	uint64_t slots, pairs;
	struct peer p;

	if (!peer_connect(&p, sw.vhost) ||
	    !peer_greet(&p, PEER_FEATURES | FEATURE(VNET_F_MQ), PEER_PROTOCOL))
		goto out;
	if (peer_get(&p, VHOST_GET_QUEUE_NUM, &pairs) != TAKEN ||
	    peer_get(&p, VHOST_GET_MAX_MEM_SLOTS, &slots) != TAKEN)
		goto out;
	EXPECT(pairs == PEER_RINGS / 2, "%" PRIu64 " queue pairs", pairs);
	if (!peer_lay(&p, (unsigned int)pairs, 32768, 128, 0))
		goto out;
	EXPECT(give_in_pieces(&p, VHOST_REGIONS_MAX), "eight regions are not taken");
	for (uint64_t i = VHOST_REGIONS_MAX; i < slots; i++) {
		EXPECT(peer_ask(&p, VHOST_ADD_MEM_REG, &more, sizeof(more), &p.mem.fd, 1) == TAKEN,
		       "region %" PRIu64 " is not taken", i);
		more.region.guest += 8192;
		more.region.user += 8192;
	}
	for (unsigned int i = 0; i < p.rings; i++)
		if (!peer_give_ring(&p, i, 0))
			goto out;
	peer_frame(&p, TX, 0, everybody, 60);
	around(&p, TX, 1);
	peer_frame(&p, TX, 0, canary_feeder, 60);
	peer_works(&p, "with all that there may be");
	/* Buffers across regions, too: the first ones of each ring. */
	for (unsigned int i = TX; i < p.rings; i += 2)
		around(&p, i, 1000);
	/* A whole ring at once. */
	around(&p, p.rings - 1, 32768);
	canary_feed(p.addr, 64, 1000);
	for (unsigned int ms = 0; ms < 200; ms++) {
		for (unsigned int i = 0; i < p.rings; i += 2)
			peer_receive(&p, i);
		sleep_ms(1);
	}
	canary_feed(p.addr, 0, 1000);
	sleep_ms(5);
	peer_works(&p, "after frames on all rings");
out:
	peer_close(&p);
}

static void vu24(void)
{
	struct vhost_memory m = { .count = 2 };
	struct peer p;
	int fds[2];

	if (peer_connect(&p, sw.vhost) && peer_greet(&p, PEER_FEATURES, PEER_PROTOCOL) &&
	    peer_lay(&p, 1, PEER_SIZE, PEER_STRIDE, 0)) {
		EXPECT(give_in_pieces(&p, 3), "three regions are not taken");
		for (unsigned int i = 0; i < 2; i++)
			peer_give_ring(&p, i, 0);
		peer_frame(&p, TX, 0, everybody, 60);
		around(&p, TX, 1);
		peer_frame(&p, TX, 0, canary_feeder, 60);
		/* Twice through all buffers; what is received must be whole. */
		around(&p, TX, 2 * PEER_SIZE);
		for (unsigned int n = 0; n < 2 * PEER_SIZE; n++) {
			struct vring_driver *vd = &p.ring[RX].vd;
			const uint8_t *b;
			unsigned int bad = 0;
			uint32_t len = 0;
			int32_t id;

			canary_feed_once(p.addr, 1, 1900);
			for (unsigned int ms = 0; ms < 1000 && !vring_driver_has_used(vd); ms++)
				sleep_ms(1);
			id = vring_driver_get(vd, &len);
			EXPECT(id >= 0 && len == p.hdr + 1900, "frame %u: %u bytes", n, len);
			if (id < 0)
				break;
			b = p.ring[RX].buf + (size_t)id * p.stride + p.hdr;
			for (unsigned int i = ETH_HDR_SIZE; i < 1900; i++)
				bad += b[i] != 'f';
			EXPECT(!bad, "frame %u: %u bytes altered", n, bad);
			vring_driver_add(vd, (uint16_t)id);
			if (vring_driver_publish(vd))
				peer_kick(&p, RX);
		}
		/* A ring across regions is no ring. */
		for (unsigned int i = 0; i < 2; i++)
			fds[i] = p.mem.fd;
		m.region[0] = (struct vhost_region){ p.mem.guest, 64, p.mem.user, 0 };
		m.region[1] = (struct vhost_region){ p.mem.guest + 64, p.mem.size - 64,
						     p.mem.user + 64, 64 };
		EXPECT(peer_ask(&p, VHOST_SET_MEM_TABLE, &m, 8 + 2 * 32, fds, 2) == TAKEN,
		       "two regions are not taken");
		{
			const struct vhost_addr a = {
				.index = RX,
				.desc = peer_user(&p, p.ring[RX].vd.desc),
				.avail = peer_user(&p, p.ring[RX].vd.avail),
				.used = peer_user(&p, p.ring[RX].vd.used),
			};

			peer_expect(&p, REFUSED, peer_ask(&p, VHOST_SET_VRING_ADDR, &a, sizeof(a),
							  NULL, 0), "a ring across two regions");
		}
		EXPECT(peer_give_memory(&p), "one region again");
		peer_works(&p, "after memory in pieces");
	}
	peer_close(&p);
}

/* Exchanged under traffic. */

struct pump {
	struct peer *p;
	atomic_bool stop;
	atomic_uint sent;
};

static void *pump_thread(void *arg)
{
	struct pump *pump = arg;

	while (!pump->stop) {
		unsigned int n = peer_transmit(pump->p, TX, 32);

		pump->sent += n;
		n += peer_receive(pump->p, RX);
		if (!n)
			usleep(50);
	}
	return NULL;
}

static void vu23(void)
{
	struct pump pump = { .sent = 0 };
	uint64_t end = now_us() + (uint64_t)(race_seconds * 1e6), heard;
	unsigned int swaps = 0;
	pthread_t thread;
	struct peer p;

	if (!peer_open(&p))
		goto out;
	heard = canary_heard();
	pump.p = &p;
	canary_feed(p.addr, 16, 400);
	pthread_create(&thread, NULL, pump_thread, &pump);
	for (; now_us() < end && !row_failed(); swaps++) {
		bool good = true;

		switch (swaps % 3) {
		case 0:
			good = give_in_pieces(&p, 2 + swaps % 2);
			break;
		case 1:
			good = peer_give_memory(&p);
			break;
		default: {
			struct vhost_one_region r = {
				.region = { DATA_GUEST, 4096, DATA_GUEST, 0 },
			};

			good = peer_ask(&p, VHOST_ADD_MEM_REG, &r, sizeof(r), &p.mem.fd, 1) == TAKEN &&
			       peer_ask(&p, VHOST_REM_MEM_REG, &r, sizeof(r), NULL, 0) == TAKEN;
		}
		}
		EXPECT(good, "swap %u is not taken", swaps);
	}
	pump.stop = true;
	pthread_join(thread, NULL);
	canary_feed(p.addr, 0, 400);
	for (unsigned int ms = 0; vring_driver_pending(&p.ring[TX].vd) && ms < 1000; ms++) {
		sleep_ms(1);
		peer_transmit(&p, TX, 0);
	}
	EXPECT(!vring_driver_pending(&p.ring[TX].vd), "%u frames are not taken",
	       vring_driver_pending(&p.ring[TX].vd));
	sleep_ms(5);
	heard = canary_heard() - heard;
	EXPECT(pump.sent > 1000 && heard > pump.sent / 10, "%" PRIu64 " of %u frames came through",
	       heard, pump.sent);
	peer_works(&p, "after memory was exchanged");
	row_note("VU-23: %u exchanges, %u frames", swaps, pump.sent);
out:
	peer_close(&p);
}

/* Vanishing. */

/* A peer whose buffers are in memory of their own, at DATA_GUEST. */
static bool open_with_data(struct peer *p, struct shared *data, unsigned int flags)
{
	struct vhost_one_region r;

	data->fd = -1;
	data->p = NULL;
	if (!peer_open(p))
		return false;
	if (!shared_make(data, DATA_SIZE, flags)) {
		row_fail("no memory: %s", strerror(errno));
		return false;
	}
	data->guest = data->user = DATA_GUEST;
	r = (struct vhost_one_region){ .region = shared_region(data) };
	return peer_ask(p, VHOST_ADD_MEM_REG, &r, sizeof(r), &data->fd, 1) == TAKEN;
}

/* Send the frame at @at of the data, @size bytes with its header; or the chain
 * whose table is there. */
static void send_data(struct peer *p, uint64_t at, uint32_t size, uint16_t flags)
{
	struct vring_driver *vd = &p->ring[TX].vd;
	struct vring_desc *d = &vd->desc[vd->next_avail & (p->entries - 1U)];

	*d = (struct vring_desc){ .addr = DATA_GUEST + at, .len = size, .flags = flags };
	peer_transmit(p, TX, 1);
}

/* A frame whose head is there and whose end is not. */
static void frame_at_end(struct peer *p, struct shared *data, struct eth_addr dst, uint64_t end)
{
	uint8_t *f = data->p + end - 256 + p->hdr;

	memset(data->p + end - 256, 0, 256);
	memcpy(f, dst.b, ETH_ADDR_SIZE);
	memcpy(f + ETH_ADDR_SIZE, p->addr.b, ETH_ADDR_SIZE);
	f[12] = 0x88;
	f[13] = 0xb5;
}

/* The whole memory goes, in the midst of traffic both ways. */
static void vanish_all(unsigned int flags, bool punch)
{
	uint64_t seed = 57;

	for (unsigned int i = 0; i < 12 && !row_failed(); i++) {
		struct peer p;

		if (!peer_connect(&p, sw.vhost) || !peer_greet(&p, PEER_FEATURES, PEER_PROTOCOL) ||
		    !peer_lay(&p, 1, PEER_SIZE, PEER_STRIDE, flags) || !peer_start(&p)) {
			peer_close(&p);
			return;
		}
		canary_feed(p.addr, 32, 1000);
		/* We must not touch it ourselves any more: the frames offered by then
		 * and the feeder's are the traffic. */
		for (unsigned int n = 0; n < 20 + i; n++) {
			peer_transmit(&p, TX, PEER_SIZE);
			peer_receive(&p, RX);
		}
		usleep((unsigned int)(random64(&seed) % 300));
		if (punch)
			EXPECT(!fallocate(p.mem.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
					  (off_t)p.mem.size), "punch: %s", strerror(errno));
		else
			EXPECT(!ftruncate(p.mem.fd, 0), "truncate: %s", strerror(errno));
		for (unsigned int n = 0; n < 20; n++) {
			peer_kick(&p, TX);
			peer_kick(&p, RX);
			sleep_ms(1);
		}
		/* Holes read as zeros, so that the rings' indices jump, too. */
		EXPECT(peer_is_closed(&p, CLOSE_MS), "its memory vanished, the port stays");
		canary_feed(p.addr, 0, 1000);
		peer_close(&p);
	}
}

static bool huge_pages(void)
{
	FILE *f = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "re");
	unsigned int n = 0;

	if (f && fscanf(f, "%u", &n) != 1)
		n = 0;
	if (f)
		fclose(f);
	return n >= 8;
}

static void vu57(void)
{
	vanish_all(0, false);
}

static void vu57_punch(void)
{
	vanish_all(0, true);
}

static void vu57_huge(void)
{
	if (!huge_pages()) {
		row_skip("no huge pages here");
		return;
	}
	vanish_all(MFD_HUGETLB, false);
}

/* What is sent vanishes: while it is read, or copied, or told to the kernel. */
static void vu57_sent(void)
{
	static const struct eth_addr *const to[] = { &everybody, &canary_feeder };

	for (unsigned int i = 0; i < 12 && !row_failed(); i++) {
		const uint64_t end = DATA_SIZE / 2;
		struct shared data;
		struct peer p;

		if (open_with_data(&p, &data, 0)) {
			frame_at_end(&p, &data, *to[i & 1], end);
			if (i < 8) {
				EXPECT(!ftruncate(data.fd, (off_t)end), "truncate");
				/* Head here, end not; all not; and a table that is not. */
				if (i & 2)
					send_data(&p, end - 256, 1500, 0);
				else if (i & 4)
					send_data(&p, end + 4096, 1500, 0);
				else
					send_data(&p, end - 256, 256 + 8192, 0);
			} else {
				EXPECT(!ftruncate(data.fd, 4096), "truncate");
				send_data(&p, 8192, 160, VRING_DESC_INDIRECT);
			}
			EXPECT(peer_is_closed(&p, CLOSE_MS), "variant %u: frames vanished, the port "
			       "stays", i);
		}
		shared_free(&data);
		peer_close(&p);
	}
}

/* What is received into vanishes. */
static void vu57_received(void)
{
	for (unsigned int i = 0; i < 8 && !row_failed(); i++) {
		struct shared data;
		struct peer p;

		if (open_with_data(&p, &data, 0)) {
			struct vring_driver *vd = &p.ring[RX].vd;

			peer_receive(&p, RX);
			/* The last of its buffers is used last. */
			for (unsigned int k = 0; k < p.entries; k++)
				if (((k - vd->next_used) & (p.entries - 1U)) >= (i & 1 ? 10u : 0u))
					vd->desc[k].addr = DATA_GUEST + (i & 2 ? DATA_SIZE / 2 - 30 :
									 DATA_SIZE / 2);
			EXPECT(!ftruncate(data.fd, DATA_SIZE / 2), "truncate");
			canary_feed(p.addr, 64, 1000);
			EXPECT(peer_is_closed(&p, CLOSE_MS), "variant %u: buffers vanished, the port "
			       "stays", i);
			canary_feed(p.addr, 0, 1000);
		}
		shared_free(&data);
		peer_close(&p);
	}
}

/* Memory that was never there: a huge page that cannot be had. */
static void vu26_huge(void)
{
	struct vhost_one_region r = { .region = { DATA_GUEST, HUGE_PAGE, DATA_GUEST, 0 } };
	int fd = memfd_create("front", MFD_CLOEXEC | MFD_HUGETLB);
	struct peer p;

	if (fd < 0 || huge_pages() || ftruncate(fd, HUGE_PAGE)) {
		row_skip("there are huge pages here");
		fd_close(&fd);
		return;
	}
	if (peer_open(&p)) {
		enum verdict v = peer_ask(&p, VHOST_ADD_MEM_REG, &r, sizeof(r), &fd, 1);

		if (v == TAKEN) {
			send_data(&p, 4096, 200, 0);
			EXPECT(peer_is_closed(&p, CLOSE_MS), "memory that cannot be had: the port stays");
		} else {
			EXPECT(v == REFUSED, "huge pages that are not there: %s", verdict_name(v));
		}
	}
	peer_close(&p);
	close(fd);
}

/* An ordinary VDE client beside it all. */

struct client {
	int ctl, data;
	struct sockaddr_un own;
};

static bool client_open(struct client *c)
{
	struct vde_request_v3 req = { .magic = VDE_MAGIC, .version = VDE_VERSION };
	struct vde_addr answer;
	struct timeval limit = { 2, 0 };
	struct sockaddr_un to;
	char path[96];

	c->own = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(c->own.sun_path, sizeof(c->own.sun_path), "%s.client", sw.dir);
	unlink(c->own.sun_path);
	snprintf(path, sizeof(path), "%s/ctl", sw.dir);
	c->data = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	c->ctl = fd_connect_unix(path);
	req.addr.family = AF_UNIX;
	memcpy(req.addr.path, c->own.sun_path, sizeof(req.addr.path));
	if (c->ctl < 0 || c->data < 0 ||
	    bind(c->data, (struct sockaddr *)&c->own, sizeof(c->own)) ||
	    setsockopt(c->ctl, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
	    send(c->ctl, &req, sizeof(req), MSG_NOSIGNAL) != sizeof(req) ||
	    recv(c->ctl, &answer, sizeof(answer), MSG_WAITALL) != sizeof(answer)) {
		row_fail("no VDE client can be plugged in: %s", strerror(errno));
		return false;
	}
	to = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(to.sun_path, answer.path, sizeof(to.sun_path));
	EXPECT(!connect(c->data, (struct sockaddr *)&to, sizeof(to)), "%s: %s", to.sun_path,
	       strerror(errno));
	return true;
}

/* Its frames' source, so that the switch knows where it is. */
static const struct eth_addr client_addr = { { 2, 0xcc, 0, 0, 0, 1 } };

static void client_speak(const struct client *c)
{
	uint8_t frame[60];

	memset(frame, 0xff, sizeof(frame));
	memcpy(frame + ETH_ADDR_SIZE, client_addr.b, ETH_ADDR_SIZE);
	EXPECT(send(c->data, frame, sizeof(frame), MSG_NOSIGNAL) == sizeof(frame),
	       "the VDE client cannot send: %s", strerror(errno));
	sleep_ms(20);
}

/* Whether the switch has not hung up. */
static bool client_is_plugged(const struct client *c)
{
	char b[4];

	return recv(c->ctl, b, sizeof(b), MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static void client_close(struct client *c)
{
	fd_close(&c->ctl);
	fd_close(&c->data);
	unlink(c->own.sun_path);
}

static void vu57_client(void)
{
	struct client c;
	bool plugged = client_open(&c);

	for (unsigned int i = 0; plugged && i < 6 && !row_failed(); i++) {
		const uint64_t end = DATA_SIZE / 2;
		struct shared data;
		struct peer p;

		if (open_with_data(&p, &data, 0)) {
			/* Nobody copies a frame that goes to the client alone but the kernel. */
			client_speak(&c);
			frame_at_end(&p, &data, i & 1 ? everybody : client_addr, end);
			EXPECT(!ftruncate(data.fd, (off_t)end), "truncate");
			for (unsigned int n = 0; n < 4; n++)
				send_data(&p, end - 256, 1500, 0);
			sleep_ms(20);
		}
		shared_free(&data);
		peer_close(&p);
		EXPECT(client_is_plugged(&c),
		       "a VDE client was closed because a frame to it vanished");
	}
	client_close(&c);
}

const struct row memory_rows[] = {
	{ "VU-16", "the most of everything", vu16, 0 },
	{ "VU-23", "memory exchanged under traffic", vu23, 0 },
	{ "VU-24", "memory in pieces, buffers across them", vu24, 0 },
	{ "VU-26-huge", "huge pages that cannot be had", vu26_huge, 0 },
	{ "VU-57", "memory that is truncated", vu57, 0 },
	{ "VU-57-punch", "memory with holes punched into it", vu57_punch, 0 },
	{ "VU-57-huge", "huge pages that are truncated", vu57_huge, 0 },
	{ "VU-57-sent", "frames that vanish while they are sent", vu57_sent, 0 },
	{ "VU-57-received", "buffers that vanish before they are filled", vu57_received, 0 },
	{ "VU-57-client", "frames that vanish on their way to a VDE client", vu57_client, 0 },
	{ 0 },
};
