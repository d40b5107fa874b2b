/* SPDX-License-Identifier: BSD-2-Clause */
/* messages.c - Rows about messages: their framing, their order, what is in them */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/vnet.h"
#include "tests/vhost/front.h"

enum {
	CLOSE_MS = 1000,
	MANY_FDS = 253,
};

static const uint32_t requests[] = {
#define X(name, number, payload, fds) number,
	VHOST_REQUESTS(X)
#undef X
};

/* The payload each has when it is well-formed. */
static uint32_t payload_of(uint32_t request)
{
	switch (request) {
#define SIZE_N	0
#define SIZE_U	8
#define SIZE_S	sizeof(struct vhost_state)
#define SIZE_A	sizeof(struct vhost_addr)
#define SIZE_M	(offsetof(struct vhost_memory, region) + sizeof(struct vhost_region))
#define SIZE_R	sizeof(struct vhost_one_region)
#define SIZE_I	sizeof(struct vhost_inflight)
#define SIZE_H	sizeof(struct vhost_hello)
#define X(name, number, payload, fds) case number: return SIZE_##payload;
	VHOST_REQUESTS(X)
#undef X
	}
	return 0;
}

/* Whether a request has an answer of its own. */
static bool is_question(uint32_t request)
{
	switch (request) {
	case VHOST_GET_FEATURES:
	case VHOST_GET_PROTOCOL_FEATURES:
	case VHOST_GET_QUEUE_NUM:
	case VHOST_GET_VRING_BASE:
	case VHOST_GET_INFLIGHT_FD:
	case VHOST_GET_MAX_MEM_SLOTS:
	case VHOST_HELLO:
		return true;
	}
	return false;
}

static bool greet(struct peer *p)
{
	return peer_connect(p, sw.vhost) && peer_greet(p, PEER_FEATURES, PEER_PROTOCOL);
}

/* One message that ends the connection: @greeted or as the first one. */
static void fatal(const char *what, bool greeted, uint32_t request, uint32_t flags,
		  uint32_t size)
{
	static const uint8_t zero[VHOST_PAYLOAD_MAX];
	struct peer p;

	if (greeted ? greet(&p) : peer_connect(&p, sw.vhost)) {
		peer_say(&p, request, flags, zero, size, NULL, 0);
		EXPECT(peer_is_closed(&p, CLOSE_MS), "%s (request %u, flags 0x%x, size %u): "
		       "the connection stays", what, request, flags, size);
	}
	peer_close(&p);
}

static void vu1(void)
{
	static const uint32_t unknown[] = { 0, 6, 7, 19, 21, 33, 39, 1000, 0x4c420002,
					    0xffffffff };
	struct peer p;

	for (uint32_t version = 0; version <= 3; version++)
		if (version != VHOST_VERSION)
			fatal("a message of another version", true, VHOST_GET_FEATURES, version, 0);
	fatal("an answer from the front end", true, VHOST_GET_FEATURES,
	      VHOST_VERSION | VHOST_REPLY, 0);
	fatal("a hello of another version", false, VHOST_HELLO, 2, sizeof(struct vhost_hello));
	fatal("a hello that is an answer", false, VHOST_HELLO, VHOST_VERSION | VHOST_REPLY,
	      sizeof(struct vhost_hello));
	for (unsigned int i = 0; i < ARRAY_SIZE(unknown); i++)
		fatal("an unknown request", true, unknown[i], VHOST_VERSION, 0);
	if (peer_open(&p)) {
		for (unsigned int i = 0; i < ARRAY_SIZE(unknown); i++)
			peer_expect(&p, REFUSED, peer_ask(&p, unknown[i], NULL, 0, NULL, 0),
				    "unknown request %u", unknown[i]);
		peer_works(&p, "after unknown requests");
	}
	peer_close(&p);
}

static void vu2(void)
{
	static const uint32_t sizes[] = { VHOST_PAYLOAD_MAX + 1, 4096, 0x7fffffff, 0x80000000,
					  0xfffffff4, 0xffffffff };
	long rss = sw_rss_kib();

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++)
		fatal("a size too large", i & 1, VHOST_SET_MEM_TABLE, VHOST_VERSION, sizes[i]);
	for (unsigned int i = 0; i < ARRAY_SIZE(requests); i++) {
		uint32_t size = payload_of(requests[i]);

		if (!size || requests[i] == VHOST_HELLO)
			continue;
		if (requests[i] != VHOST_SET_MEM_TABLE)
			fatal("a payload one byte too short", true, requests[i], VHOST_VERSION,
			      size - 1);
		fatal("no payload", true, requests[i], VHOST_VERSION, 0);
	}
	EXPECT(sw.sanitized || sw_rss_kib() - rss < 1024, "the switch grew by %ld KiB",
	       sw_rss_kib() - rss);
}

/* A request whose word says eventfd @index, split after @split bytes. */
static void split_kick(struct peer *p, unsigned int split, bool fd_first)
{
	const struct vhost_msg msg = {
		.request = VHOST_SET_VRING_KICK,
		.flags = VHOST_VERSION | VHOST_NEED_REPLY,
		.size = sizeof(uint64_t),
		.u64 = RX,
	};
	const uint8_t *wire = (const uint8_t *)&msg.request;
	struct vhost_msg reply;
	enum verdict v;

	peer_say_bytes(p, wire, split, &p->ring[RX].kick, fd_first);
	sleep_ms(5);
	peer_say_bytes(p, wire + split, VHOST_HDR_SIZE + 8 - split, &p->ring[RX].kick, !fd_first);
	v = peer_hear(p, &reply, NULL, CLOSE_MS);
	EXPECT(v == TAKEN && !reply.u64, "a message in two pieces, the second from byte %u: %s",
	       split, v == TAKEN ? "refused" : verdict_name(v));
}

static void vu3(void)
{
	const struct vhost_msg msg = {
		.request = VHOST_GET_VRING_BASE, .flags = VHOST_VERSION,
		.size = sizeof(msg.state), .state = { 5, 0 },
	};
	const uint8_t *wire = (const uint8_t *)&msg.request;
	const size_t size = VHOST_HDR_SIZE + sizeof(msg.state);
	uint8_t many[20 * 64];
	struct vhost_msg reply;
	struct peer p, half;

	if (peer_connect(&half, sw.vhost))
		peer_say_bytes(&half, wire, 7, NULL, 0);
	if (peer_open(&p)) {
		for (unsigned int i = 0; i < size; i++) {
			peer_say_bytes(&p, wire + i, 1, NULL, 0);
			sleep_ms(1);
		}
		EXPECT(peer_hear(&p, &reply, NULL, CLOSE_MS) == TAKEN && reply.state.index == 5,
		       "a message byte by byte has no good answer");
		for (unsigned int i = 0; i < 64; i++)
			memcpy(many + i * size, wire, size);
		peer_say_bytes(&p, many, 64 * size, NULL, 0);
		for (unsigned int i = 0; i < 64; i++)
			EXPECT(peer_hear(&p, &reply, NULL, CLOSE_MS) == TAKEN &&
			       reply.request == VHOST_GET_VRING_BASE,
			       "64 messages in one segment: no answer to number %u", i);
		split_kick(&p, 5, true);
		split_kick(&p, 12, true);
		split_kick(&p, 15, true);
		split_kick(&p, 12, false);
		peer_works(&p, "after messages in pieces");
	}
	peer_close(&p);
	/* Half a message has five seconds. */
	EXPECT(peer_is_closed(&half, 7000), "half a message, and no more: the connection stays");
	peer_close(&half);
}

/* Send each request with @count descriptors of a kind that would be taken. */
static void with_fds(const int *fds, unsigned int count)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(requests); i++) {
		uint8_t payload[VHOST_PAYLOAD_MAX] = { 0 };
		struct vhost_msg reply;
		struct peer p;

		if (!greet(&p)) {
			peer_close(&p);
			return;
		}
		if (requests[i] == VHOST_SET_MEM_TABLE)
			payload[0] = 1;
		peer_say(&p, requests[i], VHOST_VERSION | VHOST_NEED_REPLY, payload,
			 payload_of(requests[i]), fds, count);
		EXPECT(peer_hear(&p, &reply, NULL, 2000) != SILENT,
		       "request %u with %u descriptors: neither answered nor closed",
		       requests[i], count);
		peer_close(&p);
	}
}

static void vu9(void)
{
	static const unsigned int counts[] = { 0, 1, 2, 8, 9, 64, MANY_FDS };
	static const uint8_t header[VHOST_HDR_SIZE] = { 1, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0 };
	int fds[MANY_FDS];
	struct peer p;

	for (unsigned int i = 0; i < MANY_FDS; i++)
		fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (unsigned int i = 0; i < ARRAY_SIZE(counts); i++)
		with_fds(fds, counts[i]);
	/* All that one message can bring: as many with each of its bytes. */
	if (greet(&p)) {
		for (unsigned int i = 0; i < VHOST_HDR_SIZE; i++)
			peer_say_bytes(&p, header + i, 1, fds, MANY_FDS);
		sleep_ms(50);
	}
	peer_close(&p);
	/* A message that wants one must refuse none. */
	if (peer_open(&p)) {
		peer_expect(&p, REFUSED, peer_ask_word(&p, VHOST_SET_VRING_CALL, 0, -1),
			    "CALL without a descriptor");
		peer_expect(&p, REFUSED, peer_ask(&p, VHOST_SET_OWNER, NULL, 0, fds, 1),
			    "SET_OWNER with a descriptor");
		peer_expect(&p, REFUSED, peer_ask(&p, VHOST_SET_VRING_CALL, "\0\0\0\0\0\0\0\0", 8,
						  fds, 2),
			    "CALL with two descriptors");
		peer_works(&p, "after wrong numbers of descriptors");
	}
	peer_close(&p);
	for (unsigned int i = 0; i < MANY_FDS; i++)
		close(fds[i]);
}

static void vu5(void)
{
	enum { AT_ONCE = 128, ROUNDS = 800 };
	const struct vhost_msg msg = { .request = VHOST_GET_FEATURES, .flags = VHOST_VERSION };
	uint8_t many[AT_ONCE * VHOST_HDR_SIZE], answers[AT_ONCE * 20];
	uint64_t start = now_us();
	struct peer p;

	for (unsigned int i = 0; i < AT_ONCE; i++)
		memcpy(many + i * VHOST_HDR_SIZE, &msg.request, VHOST_HDR_SIZE);
	if (greet(&p)) {
		for (unsigned int round = 0; round < ROUNDS; round++) {
			if (!peer_say_bytes(&p, many, sizeof(many), NULL, 0) ||
			    recv(p.sock, answers, sizeof(answers), MSG_WAITALL) !=
			    sizeof(answers)) {
				row_fail("the flood ended in round %u", round);
				break;
			}
		}
		row_note("VU-5: %.0f requests/s", ROUNDS * AT_ONCE * 1e6 /
			 (double)(now_us() - start));
	}
	peer_close(&p);
}

/* Ask and never read until the switch has enough. */
static void never_read(uint32_t request, const void *payload, uint32_t size)
{
	uint64_t end = now_us() + 8000000;
	struct peer p;
	bool ok = true;

	if (greet(&p)) {
		while ((ok = peer_say(&p, request, VHOST_VERSION, payload, size, NULL, 0)) &&
		       now_us() < end)
			;
		EXPECT(!ok, "request %u: who never reads answers may go on asking", request);
	}
	peer_close(&p);
}

static void vu6(void)
{
	const struct vhost_inflight in = { .queues = 2, .queue_size = 256 };

	never_read(VHOST_GET_FEATURES, NULL, 0);
	never_read(VHOST_GET_INFLIGHT_FD, &in, sizeof(in));
}

static void vu7(void)
{
	struct peer p;
	uint32_t base;

	if (peer_open(&p)) {
		peer_expect(&p, REFUSED, peer_ask(&p, VHOST_SET_OWNER, NULL, 0, NULL, 0),
			    "a second SET_OWNER");
		peer_works(&p, "after a second SET_OWNER");
		/* Mid-traffic. */
		canary_feed(p.addr, 8, 200);
		peer_transmit(&p, TX, 64);
		peer_expect(&p, TAKEN, peer_ask(&p, VHOST_RESET_OWNER, NULL, 0, NULL, 0),
			    "RESET_OWNER");
		for (unsigned int i = 0; i < p.rings; i++)
			peer_expect(&p, TAKEN, peer_get_base(&p, i, &base), "GET_VRING_BASE");
		peer_expect(&p, TAKEN, peer_ask(&p, VHOST_SET_OWNER, NULL, 0, NULL, 0),
			    "SET_OWNER after RESET_OWNER");
		for (unsigned int i = 0; i < p.rings; i++)
			peer_lay_ring(&p, i);
		if (peer_start(&p))
			peer_works(&p, "after RESET_OWNER");
	}
	peer_close(&p);
	for (unsigned int i = 0; i < ARRAY_SIZE(requests); i++) {
		uint8_t zero[VHOST_PAYLOAD_MAX] = { 0 };

		switch (requests[i]) {
		case VHOST_SET_OWNER:
		case VHOST_SET_FEATURES:
		case VHOST_SET_PROTOCOL_FEATURES:
			continue;
		}
		if (is_question(requests[i]) || !peer_connect(&p, sw.vhost))
			continue;
		peer_say(&p, requests[i], VHOST_VERSION, zero, payload_of(requests[i]), NULL, 0);
		EXPECT(peer_is_closed(&p, CLOSE_MS), "request %u before SET_OWNER is taken",
		       requests[i]);
		peer_close(&p);
	}
}

static void vu8(void)
{
	struct peer p;

	if (peer_open(&p)) {
		for (unsigned int bit = 0; bit < 64; bit++) {
			uint64_t offered;

			if (peer_get(&p, VHOST_GET_FEATURES, &offered) != TAKEN ||
			    offered >> bit & 1)
				continue;
			peer_expect(&p, REFUSED, peer_ask_word(&p, VHOST_SET_FEATURES,
							       PEER_FEATURES | FEATURE(bit), -1),
				    "feature %u, which was not offered", bit);
		}
		peer_expect(&p, REFUSED, peer_ask_word(&p, VHOST_SET_FEATURES,
						       PEER_FEATURES & ~FEATURE(15), -1),
			    "other features while rings run");
		peer_expect(&p, TAKEN, peer_ask_word(&p, VHOST_SET_FEATURES, PEER_FEATURES, -1),
			    "the same features while rings run");
		peer_works(&p, "after refused features");
	}
	peer_close(&p);
	/* Drivers of old: no VERSION_1, with and without mergeable buffers and
	 * protocol features. */
	for (unsigned int i = 0; i < 4; i++) {
		uint64_t features = (i & 1 ? FEATURE(15) : 0) | (i & 2 ? FEATURE(30) : 0);

		if (peer_connect(&p, sw.vhost) &&
		    peer_greet(&p, features, i & 2 ? PEER_PROTOCOL : 0) &&
		    peer_lay(&p, 1, PEER_SIZE, PEER_STRIDE, 0) && peer_start(&p))
			peer_works(&p, i & 1 ? "legacy, mergeable" : "legacy");
		peer_close(&p);
	}
}

/* Descriptors of all kinds but the right one. */

enum { KINDS = 20 };

struct kinds {
	int fd[KINDS];
	const char *name[KINDS];
	unsigned int count;
};

static void kind_add(struct kinds *k, const char *name, int fd)
{
	if (fd < 0)
		return;
	k->fd[k->count] = fd;
	k->name[k->count++] = name;
}

static void kinds_make(struct kinds *k)
{
	char path[128];
	int fd[2];

	k->count = 0;
	if (!pipe2(fd, O_CLOEXEC)) {
		kind_add(k, "a pipe's reading end", fd[0]);
		kind_add(k, "a pipe's writing end", fd[1]);
	}
	if (!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd)) {
		kind_add(k, "a stream socket", fd[0]);
		kind_add(k, "a stream socket", fd[1]);
	}
	kind_add(k, "a datagram socket", socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	kind_add(k, "a connection to the switch", fd_connect_unix(sw.vhost));
	kind_add(k, "a directory", open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	kind_add(k, "an O_PATH descriptor", open("/dev/null", O_PATH | O_CLOEXEC));
	kind_add(k, "/dev/null", open("/dev/null", O_RDWR | O_CLOEXEC));
	kind_add(k, "/dev/zero", open("/dev/zero", O_RDWR | O_CLOEXEC));
	kind_add(k, "a terminal", open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
	kind_add(k, "an epoll set", epoll_create1(EPOLL_CLOEXEC));
	kind_add(k, "a timer", timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
	kind_add(k, "/proc/self/maps", open("/proc/self/maps", O_RDONLY | O_CLOEXEC));
	snprintf(path, sizeof(path), "%s.file", sw.dir);
	fd[0] = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd[0] >= 0 && ftruncate(fd[0], 1 << 20))
		row_note("no file of a megabyte");
	kind_add(k, "a file on a disk", fd[0]);
	unlink(path);
}

static void kinds_free(struct kinds *k)
{
	while (k->count)
		close(k->fd[--k->count]);
}

/* Whether the file is in memory after all: then it is shared memory. */
static bool is_shared_memory(int fd)
{
	return fcntl(fd, F_GET_SEALS) >= 0;
}

static void vu10(void)
{
	struct vhost_memory m = { .count = 1, .region = { { PEER_GUEST, 4096, PEER_USER, 0 } } };
	const struct vhost_one_region one = { .region = { 1ULL << 40, 4096, 1ULL << 40, 0 } };
	struct kinds k;
	struct peer p;
	int event, memory;

	kinds_make(&k);
	event = eventfd(0, EFD_CLOEXEC);
	memory = memfd_create("front", MFD_CLOEXEC);
	if (ftruncate(memory, 1 << 20))
		row_note("no memory");
	if (peer_open(&p)) {
		kind_add(&k, "its own connection", dup(p.sock));
		for (unsigned int i = 0; i <= k.count; i++) {
			const char *name = i < k.count ? k.name[i] : "memory";
			int fd = i < k.count ? k.fd[i] : memory;

			peer_expect(&p, REFUSED, peer_ask_word(&p, VHOST_SET_VRING_KICK, 0, fd),
				    "%s as a kick descriptor", name);
			peer_expect(&p, REFUSED, peer_ask_word(&p, VHOST_SET_VRING_CALL, 0, fd),
				    "%s as a call descriptor", name);
			peer_expect(&p, REFUSED, peer_ask_word(&p, VHOST_SET_VRING_ERR, 0, fd),
				    "%s as an err descriptor", name);
		}
		for (unsigned int i = 0; i <= k.count; i++) {
			const char *name = i < k.count ? k.name[i] : "an eventfd";
			int fd = i < k.count ? k.fd[i] : event;

			if (is_shared_memory(fd))
				continue;
			peer_expect(&p, REFUSED,
				    peer_ask(&p, VHOST_SET_MEM_TABLE, &m,
					     offsetof(struct vhost_memory, region[1]), &fd, 1),
				    "%s as memory", name);
			peer_expect(&p, REFUSED,
				    peer_ask(&p, VHOST_ADD_MEM_REG, &one, sizeof(one), &fd, 1),
				    "%s as a region", name);
		}
		peer_works(&p, "after descriptors of wrong kinds");
	}
	peer_close(&p);
	kinds_free(&k);
	close(event);
	close(memory);
}

static void vu11(void)
{
	struct rlimit old, tight;
	struct held now;
	struct peer p[4];
	int fds[VHOST_FDS_MAX];

	if (prlimit(sw.pid, RLIMIT_NOFILE, NULL, &old)) {
		row_skip("no limit can be set here");
		return;
	}
	for (unsigned int i = 0; i < VHOST_FDS_MAX; i++)
		fds[i] = memfd_create("front", MFD_CLOEXEC);
	sw_held(&now);
	/* Two connections come in; the descriptors of a message do not. */
	tight = (struct rlimit){ now.fds + 4, old.rlim_max };
	prlimit(sw.pid, RLIMIT_NOFILE, &tight, NULL);
	for (unsigned int i = 0; i < 4; i++)
		peer_connect(&p[i], sw.vhost);
	if (peer_greet(&p[0], PEER_FEATURES, PEER_PROTOCOL)) {
		uint8_t table[VHOST_PAYLOAD_MAX] = { VHOST_FDS_MAX };

		peer_say(&p[0], VHOST_SET_MEM_TABLE, VHOST_VERSION | VHOST_NEED_REPLY, table,
			 sizeof(struct vhost_memory), fds, VHOST_FDS_MAX);
		EXPECT(peer_is_closed(&p[0], CLOSE_MS),
		       "descriptors that the kernel dropped: the connection stays");
	}
	sleep_ms(100);
	prlimit(sw.pid, RLIMIT_NOFILE, &old, NULL);
	for (unsigned int i = 0; i < 4; i++)
		peer_close(&p[i]);
	for (unsigned int i = 0; i < VHOST_FDS_MAX; i++)
		close(fds[i]);
	/* The listener takes up its work again. */
	sleep_ms(1500);
	if (peer_open(&p[0]))
		peer_works(&p[0], "after the descriptors had run out");
	peer_close(&p[0]);
}

/* Each message many times, on one connection, with whatever it may bring. */
static void repeat(struct peer *p, unsigned int times, bool with_fd)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(requests); i++) {
		uint32_t request = requests[i];
		uint8_t payload[VHOST_PAYLOAD_MAX] = { 0 };
		int fd = -1;

		if (request == VHOST_HELLO || request == VHOST_RESET_OWNER)
			continue;
		if (request == VHOST_SET_FEATURES)
			memcpy(payload, &p->features, sizeof(p->features));
		if (request == VHOST_SET_PROTOCOL_FEATURES)
			memcpy(payload, &p->protocol, sizeof(p->protocol));
		if (request == VHOST_SET_MEM_TABLE)
			payload[0] = 1;
		if (request == VHOST_GET_INFLIGHT_FD || request == VHOST_SET_INFLIGHT_FD) {
			const struct vhost_inflight in = { 1 << 20, 0, 2, 256, 0 };

			memcpy(payload, &in, sizeof(in));
		}
		if (request == VHOST_SET_VRING_KICK || request == VHOST_SET_VRING_CALL ||
		    request == VHOST_SET_VRING_ERR)
			fd = p->ring[RX].err;
		if (request == VHOST_SET_MEM_TABLE || request == VHOST_ADD_MEM_REG ||
		    request == VHOST_REM_MEM_REG || request == VHOST_SET_INFLIGHT_FD)
			fd = p->mem.fd;
		/* Rings are what a number too high does not reach. */
		if (payload_of(request) == sizeof(uint64_t) && fd >= 0)
			payload[0] = PEER_RINGS - 1;
		for (unsigned int n = 0; n < times; n++) {
			struct vhost_msg reply;

			if (!peer_say(p, request, VHOST_VERSION | VHOST_NEED_REPLY, payload,
				      payload_of(request), &fd, with_fd && fd >= 0) ||
			    peer_hear(p, &reply, NULL, 2000) != TAKEN) {
				row_fail("request %u ended the connection at time %u", request, n);
				return;
			}
		}
	}
}

static void vu12(void)
{
	struct peer p;
	long rss;

	if (peer_open(&p)) {
		/* The first round may warm heaps up. */
		repeat(&p, 100, true);
		repeat(&p, 100, false);
		rss = sw_rss_kib();
		repeat(&p, 1500, true);
		repeat(&p, 1500, false);
		EXPECT(sw.sanitized || sw_rss_kib() - rss <= 64, "the switch grew by %ld KiB",
		       sw_rss_kib() - rss);
	}
	peer_close(&p);
	/* And connections, with all that a good front end brings. */
	rss = sw_rss_kib();
	for (unsigned int i = 0; i < 300 && !row_failed(); i++) {
		if (i == 20)
			rss = sw_rss_kib();
		(void)peer_open(&p);
		peer_close(&p);
	}
	EXPECT(sw.sanitized || sw_rss_kib() - rss <= 64, "300 front ends made it grow by %ld KiB",
	       sw_rss_kib() - rss);
}

static void vu13(void)
{
	struct peer p;

	if (peer_open(&p)) {
		uint64_t offered;

		if (peer_get(&p, VHOST_GET_PROTOCOL_FEATURES, &offered) == TAKEN)
			for (unsigned int bit = 0; bit < 64; bit++)
				if (!(offered >> bit & 1))
					peer_expect(&p, REFUSED,
						    peer_ask_word(&p, VHOST_SET_PROTOCOL_FEATURES,
								  PEER_PROTOCOL | FEATURE(bit), -1),
						    "protocol feature %u", bit);
		peer_works(&p, "after refused protocol features");
	}
	peer_close(&p);
}

/* A number that means something somewhere. */
static uint64_t nasty(uint64_t *seed)
{
	static const uint64_t numbers[] = {
		0, 1, 2, 3, 15, 16, 17, 255, 256, 257, 4096, 32768, 32769, 65535, 65536,
		0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 1ULL << 63, UINT64_MAX,
		UINT64_MAX - 4095, PEER_GUEST, PEER_USER, PEER_USER + 4096, PEER_FEATURES,
		PEER_PROTOCOL,
	};
	uint64_t r = random64(seed);

	return r & 1 ? numbers[(r >> 8) % ARRAY_SIZE(numbers)] :
	       r & 2 ? r >> 60 : r >> (r >> 2 & 63);
}

static void vu14(void)
{
	uint64_t seed = 14, end = now_us() + (uint64_t)(race_seconds * 1e6);
	unsigned int messages = 0, connections = 0;
	struct kinds k;
	struct peer p;

	kinds_make(&k);
	while (now_us() < end) {
		if (!(random64(&seed) & 1 ? peer_open(&p) : greet(&p)))
			break;
		connections++;
		for (unsigned int i = 0; i < 200; i++, messages++) {
			uint32_t request = requests[random64(&seed) % ARRAY_SIZE(requests)];
			uint64_t payload[VHOST_PAYLOAD_MAX / 8 + 1];
			uint32_t size = payload_of(request);
			uint64_t r = random64(&seed);
			struct vhost_msg reply;
			unsigned int count;
			int fds[8];

			for (unsigned int w = 0; w < ARRAY_SIZE(payload); w++)
				payload[w] = nasty(&seed);
			/* Two words in one. */
			if (size == sizeof(struct vhost_state) && r & 1)
				payload[0] = (nasty(&seed) << 32) | (payload[0] & 0xf);
			if (request == VHOST_SET_MEM_TABLE && r & 2) {
				payload[0] = (r >> 20) % 9;
				size = 8 + 32 * (uint32_t)payload[0];
			}
			if (r & 4)
				size = (uint32_t)(r >> 24) % VHOST_PAYLOAD_MAX;
			count = r & 8 ? 0 : r & 16 ? (unsigned int)(r >> 32) % 9 : 1;
			for (unsigned int f = 0; f < count; f++) {
				uint64_t which = random64(&seed);

				fds[f] = which & 1 && p.mem.fd >= 0 ? p.mem.fd :
					 which & 2 && p.ring[RX].kick >= 0 ? p.ring[RX].kick :
					 k.fd[(which >> 8) % k.count];
			}
			if (!peer_say(&p, request, VHOST_VERSION | VHOST_NEED_REPLY, payload, size,
				      fds, count) ||
			    peer_hear(&p, &reply, NULL, r & 32 ? 0 : 5) == CLOSED)
				break;
			if (p.ring[TX].vd.size && r & 64)
				peer_kick(&p, TX);
		}
		peer_close(&p);
	}
	kinds_free(&k);
	row_note("VU-14: %u messages on %u connections", messages, connections);
}

static void vu15(void)
{
	static const struct { uint32_t request, size; } asked[] = {
		{ VHOST_GET_FEATURES, 8 }, { VHOST_GET_PROTOCOL_FEATURES, 8 },
		{ VHOST_GET_QUEUE_NUM, 8 }, { VHOST_GET_MAX_MEM_SLOTS, 8 },
		{ VHOST_GET_VRING_BASE, 8 },
	};
	const struct vhost_inflight in = { .queues = 2, .queue_size = 128 };
	const struct vhost_hello hello = { .port = 63, .descr = "VU-15" };
	const struct vhost_state ring = { 3, 0x55555555 };
	struct vhost_msg reply;
	struct stat st;
	struct peer p;
	int fd = -1;

	if (peer_connect(&p, sw.vhost)) {
		peer_say(&p, VHOST_HELLO, VHOST_VERSION, &hello, sizeof(hello), NULL, 0);
		EXPECT(peer_hear(&p, &reply, NULL, CLOSE_MS) == TAKEN &&
		       reply.request == VHOST_HELLO && reply.size == 8 && reply.u64 == 63,
		       "HELLO is answered with %u bytes, 0x%" PRIx64, reply.size, reply.u64);
		peer_greet(&p, PEER_FEATURES, PEER_PROTOCOL);
		for (unsigned int i = 0; i < ARRAY_SIZE(asked); i++) {
			peer_say(&p, asked[i].request, VHOST_VERSION, &ring,
				 payload_of(asked[i].request), NULL, 0);
			EXPECT(peer_hear(&p, &reply, NULL, CLOSE_MS) == TAKEN &&
			       reply.request == asked[i].request &&
			       reply.size == asked[i].size,
			       "request %u is answered with request %u of %u bytes",
			       asked[i].request, reply.request, reply.size);
		}
		EXPECT(reply.state.index == 3 && !reply.state.num,
		       "the base of a ring that never ran: ring %u, %u", reply.state.index,
		       reply.state.num);
		peer_say(&p, VHOST_GET_INFLIGHT_FD, VHOST_VERSION, &in, sizeof(in), NULL, 0);
		EXPECT(peer_hear(&p, &reply, &fd, CLOSE_MS) == TAKEN && fd >= 0 &&
		       reply.size == sizeof(in) && !reply.inflight.padding &&
		       !reply.inflight.offset && !fstat(fd, &st) &&
		       reply.inflight.size <= (uint64_t)st.st_size && reply.inflight.queues == 2 &&
		       reply.inflight.queue_size == 128,
		       "in-flight memory of %" PRIu64 " bytes at %" PRIu64 " for %u queues of %u",
		       reply.inflight.size, reply.inflight.offset, reply.inflight.queues,
		       reply.inflight.queue_size);
		fd_close(&fd);
		peer_say(&p, VHOST_SET_OWNER, VHOST_VERSION | VHOST_NEED_REPLY, NULL, 0, NULL, 0);
		EXPECT(peer_hear(&p, &reply, NULL, CLOSE_MS) == TAKEN && reply.size == 8 &&
		       reply.u64 == 1, "a refusal says 0x%" PRIx64, reply.u64);
	}
	peer_close(&p);
}

static void vu17(void)
{
	static const uint32_t indices[] = { PEER_RINGS, PEER_RINGS + 1, 127, 255, 256, 0x10000,
					    0x10001, 0x80000000, 0xffffffff };
	struct vhost_addr addr;
	struct peer p;

	if (!peer_open(&p)) {
		peer_close(&p);
		return;
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(indices); i++) {
		uint32_t n = indices[i];

		peer_expect(&p, REFUSED, peer_ask_state(&p, VHOST_SET_VRING_NUM, n, 256),
			    "NUM of ring %u", n);
		peer_expect(&p, REFUSED, peer_ask_state(&p, VHOST_SET_VRING_BASE, n, 0),
			    "BASE of ring %u", n);
		peer_expect(&p, REFUSED, peer_ask_state(&p, VHOST_SET_VRING_ENABLE, n, 1),
			    "ENABLE of ring %u", n);
		peer_expect(&p, REFUSED, peer_ask_state(&p, VHOST_GET_VRING_BASE, n, 1),
			    "GET_VRING_BASE of ring %u", n);
		addr = (struct vhost_addr){ .index = n };
		peer_expect(&p, REFUSED, peer_ask(&p, VHOST_SET_VRING_ADDR, &addr, sizeof(addr),
						  NULL, 0), "ADDR of ring %u", n);
		if (n > VHOST_QUEUE_MASK)
			continue;
		peer_expect(&p, REFUSED, peer_ask_word(&p, VHOST_SET_VRING_KICK, n,
						       p.ring[RX].kick), "KICK of ring %u", n);
		peer_expect(&p, REFUSED, peer_ask_word(&p, VHOST_SET_VRING_CALL, n,
						       p.ring[RX].call), "CALL of ring %u", n);
	}
	peer_works(&p, "after rings of numbers too high");
	peer_close(&p);
}

static void vu18(void)
{
	static const uint32_t bad[] = { 0, 3, 5, 100, 255, 257, 32767, 32769, 65535, 65536,
					65537, 0x80000000, 0xffffffff };
	struct peer p;

	if (peer_open(&p)) {
		for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
			peer_expect(&p, REFUSED, peer_ask_state(&p, VHOST_SET_VRING_NUM, 2, bad[i]),
				    "a ring of %u", bad[i]);
		for (uint32_t n = 1; n <= 32768; n *= 2)
			peer_expect(&p, TAKEN, peer_ask_state(&p, VHOST_SET_VRING_NUM, 2, n),
				    "a ring of %u", n);
		peer_expect(&p, REFUSED, peer_ask_state(&p, VHOST_SET_VRING_NUM, TX, 32768),
			    "another size for a ring that runs");
		peer_works(&p, "after ring sizes");
	}
	peer_close(&p);
	/* The smallest rings work. */
	for (uint16_t n = 1; n <= 4; n = (uint16_t)(2 * n)) {
		if (peer_connect(&p, sw.vhost) && peer_greet(&p, PEER_FEATURES, PEER_PROTOCOL) &&
		    peer_lay(&p, 1, n, PEER_STRIDE, 0) && peer_start(&p))
			peer_works(&p, "with tiny rings");
		peer_close(&p);
	}
}

static void vu20(void)
{
	enum verdict v;
	struct peer p;

	if (!peer_open(&p)) {
		peer_close(&p);
		return;
	}
	EXPECT(peer_ask_state(&p, VHOST_SET_VRING_NUM, 2, PEER_SIZE) == TAKEN, "a third ring");
	{
		const uint64_t at = PEER_USER, end = PEER_USER + p.mem.size;
		const struct vhost_addr bad[] = {
			{ .desc = at + 1, .avail = at + 8192, .used = at + 16384 },
			{ .desc = at + 8, .avail = at + 8192, .used = at + 16384 },
			{ .desc = at, .avail = at + 8193, .used = at + 16384 },
			{ .desc = at, .avail = at + 8192, .used = at + 16386 },
			{ .desc = 0, .avail = 0, .used = 0 },
			{ .desc = at, .avail = 0, .used = at + 16384 },
			{ .desc = end - 16, .avail = at, .used = at + 16384 },
			{ .desc = at, .avail = end - 512, .used = at + 16384 },
			{ .desc = at, .avail = at + 8192, .used = end - 2048 },
			{ .desc = at - 16, .avail = at + 8192, .used = at + 16384 },
			{ .desc = UINT64_MAX - 15, .avail = at + 8192, .used = at + 16384 },
			{ .desc = at, .avail = UINT64_MAX - 1, .used = at + 16384 },
			{ .desc = at, .avail = at + 8192, .used = UINT64_MAX - 3 },
			{ .desc = PEER_GUEST, .avail = PEER_GUEST, .used = PEER_GUEST },
		};

		for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
			struct vhost_addr a = bad[i];

			a.index = 2;
			peer_expect(&p, REFUSED, peer_ask(&p, VHOST_SET_VRING_ADDR, &a, sizeof(a),
							  NULL, 0), "ring addresses number %u", i);
			/* The same for one that runs: it goes on where it was. */
			a.index = TX;
			peer_expect(&p, REFUSED, peer_ask(&p, VHOST_SET_VRING_ADDR, &a, sizeof(a),
							  NULL, 0), "ring addresses number %u", i);
		}
		peer_works(&p, "after wrong ring addresses");
	}
	/* All three in one place: whatever that means, it touches nobody else. */
	{
		const uint64_t here = peer_user(&p, p.ring[TX].buf);
		const struct vhost_addr a = { .index = TX, .desc = here, .avail = here, .used = here };

		v = peer_ask(&p, VHOST_SET_VRING_ADDR, &a, sizeof(a), NULL, 0);
		EXPECT(v == TAKEN || v == REFUSED || v == CLOSED, "overlapping parts: %s",
		       verdict_name(v));
		for (unsigned int i = 0; i < 4096 && v == TAKEN; i++)
			p.ring[TX].buf[i] = (uint8_t)(i * 37);
		for (unsigned int i = 0; i < 100; i++) {
			peer_kick(&p, TX);
			sleep_ms(1);
		}
	}
	peer_close(&p);
}

static void vu21(void)
{
	static const uint32_t bases[] = { 1, 7, 255, 256, 0x8000, 0xffff };
	struct peer p;
	uint32_t base;

	for (unsigned int i = 0; i < ARRAY_SIZE(bases); i++) {
		if (peer_connect(&p, sw.vhost) && peer_greet(&p, PEER_FEATURES, PEER_PROTOCOL) &&
		    peer_lay(&p, 1, PEER_SIZE, PEER_STRIDE, 0) && peer_give_memory(&p) &&
		    peer_give_ring(&p, RX, (uint16_t)bases[i]) &&
		    peer_give_ring(&p, TX, (uint16_t)bases[i])) {
			peer_expect(&p, REFUSED, peer_ask_state(&p, VHOST_SET_VRING_BASE, TX, 65536),
				    "an index of 65536");
			peer_expect(&p, REFUSED,
				    peer_ask_state(&p, VHOST_SET_VRING_BASE, TX, 0xffffffff),
				    "an index of 2^32-1");
			peer_transmit(&p, TX, 16);
			sleep_ms(5);
			if (peer_get_base(&p, TX, &base) != CLOSED)
				EXPECT(base <= 65535, "a ring stops at %u", base);
		}
		peer_close(&p);
	}
}

static void vu22(void)
{
	struct vhost_memory m;
	int fds[VHOST_REGIONS_MAX + 1];
	struct peer p;

	if (!peer_open(&p)) {
		peer_close(&p);
		return;
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = p.mem.fd;
	{
		const uint64_t size = p.mem.size, g = PEER_GUEST, u = PEER_USER;
		const struct { const char *what; uint32_t count; struct vhost_region r[2]; } bad[] = {
			{ "no region", 0, { { 0 } } },
			{ "2^32-1 regions", 0xffffffff, { { 0 } } },
			{ "9 regions", 9, { { g, size, u, 0 } } },
			{ "a region of nothing", 1, { { g, 0, u, 0 } } },
			{ "a region beyond its file", 1, { { g, size + 1, u, 0 } } },
			{ "a region that begins beyond its file", 1, { { g, 4096, u, size } } },
			{ "an offset that wraps", 1, { { g, 4096, u, UINT64_MAX - 4095 } } },
			{ "offset and size that wrap", 1, { { g, UINT64_MAX, u, 4096 } } },
			{ "guest addresses that wrap", 1, { { UINT64_MAX - 4094, 8192, u, 0 } } },
			{ "user addresses that wrap", 1, { { g, 8192, UINT64_MAX - 4094, 0 } } },
			{ "512 GiB of nothing", 1, { { g, 1ULL << 39, u, 0 } } },
			{ "guest addresses that overlap", 2,
			  { { g, 8192, u, 0 }, { g + 4096, 8192, u + 65536, 0 } } },
			{ "user addresses that overlap", 2,
			  { { g, 8192, u, 0 }, { g + 65536, 8192, u + 8191, 0 } } },
			{ "the same region twice", 2, { { g, 8192, u, 0 }, { g, 8192, u, 0 } } },
		};

		for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
			uint32_t n = bad[i].count <= VHOST_REGIONS_MAX ? bad[i].count : 0;

			memset(&m, 0, sizeof(m));
			m.count = bad[i].count;
			memcpy(m.region, bad[i].r, sizeof(bad[i].r));
			peer_expect(&p, REFUSED,
				    peer_ask(&p, VHOST_SET_MEM_TABLE, &m, sizeof(m), fds, n),
				    "%s", bad[i].what);
		}
		memset(&m, 0, sizeof(m));
		m.count = 2;
		m.region[0] = (struct vhost_region){ g, 4096, u, 0 };
		m.region[1] = (struct vhost_region){ g + 65536, 4096, u + 65536, 0 };
		peer_expect(&p, REFUSED, peer_ask(&p, VHOST_SET_MEM_TABLE, &m, sizeof(m), fds, 1),
			    "two regions and one descriptor");
		peer_expect(&p, REFUSED, peer_ask(&p, VHOST_SET_MEM_TABLE, &m, sizeof(m), fds, 3),
			    "two regions and three descriptors");
		peer_works(&p, "after refused memory tables");
		/* Odd, but right: an unaligned offset; one file twice. */
		memset(&m, 0, sizeof(m));
		m.count = 2;
		m.region[0] = shared_region(&p.mem);
		m.region[1] = (struct vhost_region){ 1ULL << 40, 5000, 1ULL << 40, 4097 };
		peer_expect(&p, TAKEN, peer_ask(&p, VHOST_SET_MEM_TABLE, &m, sizeof(m), fds, 2),
			    "an unaligned offset");
		peer_works(&p, "with an unaligned offset");
		/* A table without the rings: they stop, the port stays. */
		memset(&m, 0, sizeof(m));
		m.count = 1;
		m.region[0] = (struct vhost_region){ g, 4096, u, 0 };
		peer_expect(&p, TAKEN, peer_ask(&p, VHOST_SET_MEM_TABLE, &m, sizeof(m), fds, 1),
			    "a table without the rings");
		peer_transmit(&p, TX, 16);
		canary_feed_once(p.addr, 16, 100);
		EXPECT(peer_give_memory(&p), "memory that comes back");
		peer_works(&p, "with the rings' memory back");
	}
	peer_close(&p);
}

static void vu25(void)
{
	struct vhost_one_region r = { .region = { 1ULL << 40, 4096, 1ULL << 40, 0 } };
	uint64_t slots, added = 0;
	struct held h;
	struct peer p;

	if (!peer_open(&p)) {
		peer_close(&p);
		return;
	}
	EXPECT(peer_get(&p, VHOST_GET_MAX_MEM_SLOTS, &slots) == TAKEN && slots >= 8,
	       "%" PRIu64 " slots only", slots);
	peer_expect(&p, REFUSED, peer_ask(&p, VHOST_REM_MEM_REG, &r, sizeof(r), NULL, 0),
		    "removal of what is not there");
	for (unsigned int i = 0; i < 510; i++) {
		enum verdict v;

		r.region.guest = r.region.user = (1ULL << 40) + i * 8192ULL;
		v = peer_ask(&p, VHOST_ADD_MEM_REG, &r, sizeof(r), &p.mem.fd, 1);
		added += v == TAKEN;
		if (v == TAKEN)
			continue;
		EXPECT(v == REFUSED, "region %u: %s", i, verdict_name(v));
		if (v != REFUSED)
			break;
	}
	EXPECT(added == slots - 1, "%" PRIu64 " regions more went into %" PRIu64 " slots", added,
	       slots);
	sw_held(&h);
	r.region.guest = r.region.user = 1ULL << 40;
	peer_expect(&p, REFUSED, peer_ask(&p, VHOST_ADD_MEM_REG, &r, sizeof(r), &p.mem.fd, 1),
		    "a region twice");
	r.region.size = 8192;
	peer_expect(&p, REFUSED, peer_ask(&p, VHOST_REM_MEM_REG, &r, sizeof(r), NULL, 0),
		    "removal with another size");
	r.region.size = 4096;
	peer_works(&p, "with all slots taken");
	for (unsigned int i = 0; i < 2000 && !row_failed(); i++) {
		peer_expect(&p, TAKEN, peer_ask(&p, VHOST_REM_MEM_REG, &r, sizeof(r), NULL, 0),
			    "removal");
		peer_expect(&p, TAKEN, peer_ask(&p, VHOST_ADD_MEM_REG, &r, sizeof(r), &p.mem.fd, 1),
			    "the same region again");
	}
	peer_works(&p, "after 2000 regions came and went");
	{
		char why[PORTS_TEXT + 256];

		EXPECT(sw_holds(&h, 500, why, sizeof(why)), "%s", why);
	}
	peer_close(&p);
}

static void vu26(void)
{
	static const struct { const char *what; unsigned int seals; } sealed[] = {
		{ "memory sealed against writing", F_SEAL_WRITE },
		{ "memory sealed against future writing", 0x10 /* F_SEAL_FUTURE_WRITE */ },
	};
	struct vhost_one_region r = { .region = { 1ULL << 40, 4096, 1ULL << 40, 0 } };
	char path[64];
	struct peer p;
	int fd, ro;

	if (!peer_open(&p)) {
		peer_close(&p);
		return;
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(sealed); i++) {
		fd = memfd_create("front", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		if (ftruncate(fd, 8192) || fcntl(fd, F_ADD_SEALS, sealed[i].seals))
			row_note("no seals here");
		peer_expect(&p, REFUSED, peer_ask(&p, VHOST_ADD_MEM_REG, &r, sizeof(r), &fd, 1),
			    "%s", sealed[i].what);
		close(fd);
	}
	fd = memfd_create("front", MFD_CLOEXEC);
	peer_expect(&p, REFUSED, peer_ask(&p, VHOST_ADD_MEM_REG, &r, sizeof(r), &fd, 1),
		    "memory of no size");
	if (ftruncate(fd, 8192))
		row_note("no memory");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ro = open(path, O_RDONLY | O_CLOEXEC);
	peer_expect(&p, REFUSED, peer_ask(&p, VHOST_ADD_MEM_REG, &r, sizeof(r), &ro, 1),
		    "a read-only descriptor");
	fd_close(&ro);
	ro = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
	EXPECT(peer_ask(&p, VHOST_ADD_MEM_REG, &r, sizeof(r), &ro, 1) != CLOSED, "O_APPEND");
	fd_close(&ro);
	close(fd);
	peer_works(&p, "after memory that is of no use");
	peer_close(&p);
}

static void vu28(void)
{
	static const struct vhost_inflight bad[] = {
		{ 0, 0, 0, 256, 0 }, { 0, 0, 2, 0, 0 }, { 0, 0, 17, 256, 0 },
		{ 0, 0, 0xffff, 0xffff, 0 }, { 0, 0, 2, 32769, 0 }, { 0, 0, 0x8000, 256, 0 },
	};
	static const struct vhost_inflight set[] = {
		{ 0, 0, 2, 256, 0 }, { 1, 0, 2, 256, 0 }, { 4096, 0, 0xffff, 0xffff, 0 },
		{ UINT64_MAX, UINT64_MAX, 0, 0, 0 }, { 0x80000000, 0, 17, 256, 0 },
	};
	const struct vhost_inflight good = { 1 << 20, 0, 2, 256, 0 };
	struct peer p;

	if (!peer_open(&p)) {
		peer_close(&p);
		return;
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		peer_expect(&p, REFUSED, peer_ask(&p, VHOST_GET_INFLIGHT_FD, &bad[i], sizeof(bad[i]),
						  NULL, 0), "in-flight memory number %u", i);
	for (unsigned int i = 0; i < ARRAY_SIZE(set); i++)
		peer_expect(&p, REFUSED, peer_ask(&p, VHOST_SET_INFLIGHT_FD, &set[i], sizeof(set[i]),
						  &p.mem.fd, 1), "in-flight memory number %u back", i);
	peer_expect(&p, REFUSED, peer_ask(&p, VHOST_SET_INFLIGHT_FD, &good, sizeof(good), NULL, 0),
		    "in-flight memory without a descriptor");
	peer_expect(&p, TAKEN, peer_ask(&p, VHOST_SET_INFLIGHT_FD, &good, sizeof(good), &p.mem.fd,
					1), "good in-flight memory");
	peer_works(&p, "after in-flight memory");
	peer_close(&p);
}

/* Whether @n frames of the peer are taken, and how many of them are heard. */
static uint64_t heard_of(struct peer *p, unsigned int n)
{
	uint64_t heard = canary_heard();

	n = peer_transmit(p, TX, n);
	for (unsigned int ms = 0; vring_driver_pending(&p->ring[TX].vd) && ms < 1000; ms++) {
		sleep_ms(1);
		peer_transmit(p, TX, 0);
	}
	EXPECT(!vring_driver_pending(&p->ring[TX].vd), "%u of %u frames are not taken",
	       vring_driver_pending(&p->ring[TX].vd), n);
	sleep_ms(20);
	return canary_heard() - heard;
}

static void vu29(void)
{
	struct peer p;
	uint64_t n;

	if (!peer_open(&p)) {
		peer_close(&p);
		return;
	}
	n = heard_of(&p, 100);
	EXPECT(n == 100, "enabled: %" PRIu64 " of 100 frames come through", n);
	peer_expect(&p, TAKEN, peer_ask_state(&p, VHOST_SET_VRING_ENABLE, TX, 0), "disabling");
	n = heard_of(&p, 100);
	EXPECT(!n, "disabled: %" PRIu64 " of 100 frames come through", n);
	peer_expect(&p, TAKEN, peer_ask_state(&p, VHOST_SET_VRING_ENABLE, RX, 0), "disabling");
	peer_receive(&p, RX);
	canary_feed_once(p.addr, 50, 100);
	sleep_ms(50);
	EXPECT(!peer_receive(&p, RX), "a disabled ring receives frames");
	for (unsigned int i = 0; i < 501; i++)
		for (unsigned int r = 0; r < 2; r++)
			if (peer_ask_state(&p, VHOST_SET_VRING_ENABLE, r, !(i & 1)) != TAKEN)
				row_fail("ENABLE %u is not taken", !(i & 1));
	peer_works(&p, "enabled and disabled 500 times");
	peer_close(&p);
}

static void vu30(void)
{
	struct peer p;
	uint64_t n;

	if (peer_open(&p)) {
		enum verdict v = peer_ask_word(&p, VHOST_SET_VRING_KICK, TX | VHOST_QUEUE_NOFD, -1);

		EXPECT(v == REFUSED || v == TAKEN, "KICK without a descriptor: %s", verdict_name(v));
		peer_works(&p, "KICK without a descriptor");
		peer_expect(&p, TAKEN, peer_ask_word(&p, VHOST_SET_VRING_CALL, RX | VHOST_QUEUE_NOFD,
						     -1), "CALL without a descriptor");
		peer_expect(&p, TAKEN, peer_ask_word(&p, VHOST_SET_VRING_CALL, TX | VHOST_QUEUE_NOFD,
						     -1), "CALL without a descriptor");
		peer_expect(&p, TAKEN, peer_ask_word(&p, VHOST_SET_VRING_ERR, TX | VHOST_QUEUE_NOFD,
						     -1), "ERR without a descriptor");
		if (vring_driver_want_call(&p.ring[TX].vd) |
		    vring_driver_want_call(&p.ring[RX].vd))
			peer_receive(&p, RX);
		peer_works(&p, "CALL without a descriptor");
		n = heard_of(&p, 200);
		EXPECT(n == 200, "without a call descriptor %" PRIu64 " of 200 frames come through", n);
	}
	peer_close(&p);
}

static void vu31(void)
{
	struct peer p;
	uint32_t base;

	if (greet(&p))
		for (unsigned int round = 0; round < 3; round++)
			for (unsigned int i = 0; i < PEER_RINGS; i++)
				EXPECT(peer_get_base(&p, i, &base) == TAKEN && !base,
				       "the base of ring %u, which never ran: %u", i, base);
	peer_close(&p);
	/* As the first message of all: a front end that came back. */
	if (peer_connect(&p, sw.vhost))
		(void)peer_get_base(&p, 7, &base);
	peer_close(&p);
}

/* Connections that say nothing must not use up what others need. */
static void silent(void)
{
	enum { CROWD = 200 };
	struct peer p[CROWD], good;
	struct held before, now;
	unsigned int n = 0;

	sw_held(&before);
	for (; n < CROWD && peer_connect(&p[n], sw.vhost); n++)
		;
	for (unsigned int s = 0; s < 7; s++) {
		sleep_ms(1000);
		sw_held(&now);
		if (now.fds < before.fds + CROWD / 2)
			break;
	}
	EXPECT(now.fds < before.fds + CROWD / 2,
	       "%u of %u connections that never said a word are there after 7 s",
	       now.fds - before.fds, n);
	if (peer_open(&good))
		peer_works(&good, "in a silent crowd");
	peer_close(&good);
	while (n)
		peer_close(&p[--n]);
}

static void escapes(void)
{
	static const struct { const char *what, *descr; } hellos[] = {
		{ "escape sequences", "\033[2J\033]0;owned\007" },
		{ "line breaks", "a\r\nPort 0042 untagged_vlan=0000 ACTIVE" },
		{ "control characters", "\001\002\b\b\b\177\200\377" },
		{ "formats", "%s%s%s%n%n%n" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(hellos); i++) {
		struct vhost_hello hello = { .port = 60 };
		char text[PORTS_TEXT];
		struct vhost_msg reply;
		struct peer p;

		strcpy(hello.descr, hellos[i].descr);
		if (!peer_connect(&p, sw.vhost))
			break;
		peer_say(&p, VHOST_HELLO, VHOST_VERSION, &hello, sizeof(hello), NULL, 0);
		EXPECT(peer_hear(&p, &reply, NULL, CLOSE_MS) == TAKEN && reply.u64 == 60,
		       "no port for it");
		sw_console("port/print", text, sizeof(text));
		for (const char *c = text; *c; c++)
			if (*c != '\n' && *c != '\r' &&
			    ((unsigned char)*c < ' ' || (unsigned char)*c > '~')) {
				row_fail("%s reach the console raw", hellos[i].what);
				break;
			}
		EXPECT(!strstr(text, "\nPort 0042"), "%s make up a line of the console",
		       hellos[i].what);
		/* And into the log. */
		peer_say(&p, 999, VHOST_VERSION, NULL, 0, NULL, 0);
		EXPECT(peer_is_closed(&p, CLOSE_MS), "an unknown request");
		peer_close(&p);
		sw_read_log();
	}
	/* A description without an end. */
	{
		struct vhost_hello hello = { .port = 0xffffffff, .management = 0 };
		struct vhost_msg reply;
		struct peer p;

		memset(hello.descr, 'x', sizeof(hello.descr));
		if (peer_connect(&p, sw.vhost)) {
			peer_say(&p, VHOST_HELLO, VHOST_VERSION, &hello, sizeof(hello), NULL, 0);
			EXPECT(peer_hear(&p, &reply, NULL, CLOSE_MS) == TAKEN &&
			       (int64_t)reply.u64 < 0, "port 2^32-1 is there");
			EXPECT(peer_is_closed(&p, CLOSE_MS), "who got no port stays");
		}
		peer_close(&p);
		if (peer_connect(&p, sw.vhost)) {
			hello.port = 59;
			peer_say(&p, VHOST_HELLO, VHOST_VERSION, &hello, sizeof(hello), NULL, 0);
			EXPECT(peer_hear(&p, &reply, NULL, CLOSE_MS) == TAKEN && reply.u64 == 59,
			       "no port for it");
			peer_say(&p, VHOST_HELLO, VHOST_VERSION, &hello, sizeof(hello), NULL, 0);
			EXPECT(peer_hear(&p, &reply, NULL, CLOSE_MS) == TAKEN &&
			       (int64_t)reply.u64 < 0, "a second hello is taken");
		}
		peer_close(&p);
	}
}

static void vu62(void)
{
	uint64_t seed = 62, end = now_us() + (uint64_t)(race_seconds * 1e6);
	struct peer p[16];
	unsigned int n = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(p); i++) {
		p[i].sock = -1;
		peer_connect(&p[i], sw.vhost);
	}
	while (now_us() < end && !row_failed()) {
		uint64_t r = random64(&seed);
		struct peer *q = &p[r % ARRAY_SIZE(p)];

		peer_close(q);
		if (!peer_connect(q, sw.vhost))
			break;
		n++;
		if (r & 0x100)
			peer_say_bytes(q, "\1\0\0\0\1", 1 + (r >> 9) % 5, NULL, 0);
		else if (r & 0x2000)
			peer_greet(q, PEER_FEATURES, PEER_PROTOCOL);
		else if (r & 0x4000 && peer_greet(q, PEER_FEATURES, PEER_PROTOCOL) &&
			 peer_lay(q, 1, 16, PEER_STRIDE, 0) && peer_start(q))
			peer_transmit(q, TX, 16);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(p); i++)
		peer_close(&p[i]);
	row_note("VU-62: %u connections", n);
}

static void vu63(void)
{
	struct peer a, b;
	bool a_good = peer_connect(&a, sw.named) && peer_greet(&a, PEER_FEATURES, PEER_PROTOCOL) &&
		      peer_lay(&a, 1, PEER_SIZE, PEER_STRIDE, 0) && peer_start(&a);

	if (a_good && peer_connect(&b, sw.named)) {
		EXPECT(peer_is_closed(&b, CLOSE_MS), "a second front end of one port stays");
		peer_close(&b);
		peer_works(&a, "beside a second front end");
	}
	peer_close(&a);
	sleep_ms(50);
	/* The next one is welcome; it may say hello, and gets no other port. */
	if (peer_connect(&a, sw.named)) {
		const struct vhost_hello hello = { .port = 33, .descr = "VU-63" };
		struct vhost_msg reply;

		peer_say(&a, VHOST_HELLO, VHOST_VERSION, &hello, sizeof(hello), NULL, 0);
		EXPECT(peer_hear(&a, &reply, NULL, CLOSE_MS) == TAKEN && reply.u64 < 33,
		       "a named port's front end gets port %" PRId64, (int64_t)reply.u64);
		if (peer_greet(&a, PEER_FEATURES, PEER_PROTOCOL) &&
		    peer_lay(&a, 1, PEER_SIZE, PEER_STRIDE, 0) && peer_start(&a))
			peer_works(&a, "second front end after the first");
	}
	peer_close(&a);
	/* Nobody else gets a named port. */
	if (peer_connect(&b, sw.vhost)) {
		const struct vhost_hello hello = { .port = 1, .descr = "VU-63" };
		struct vhost_msg reply;

		peer_say(&b, VHOST_HELLO, VHOST_VERSION, &hello, sizeof(hello), NULL, 0);
		EXPECT(peer_hear(&b, &reply, NULL, CLOSE_MS) == TAKEN && (int64_t)reply.u64 < 0,
		       "a named port is given away");
	}
	peer_close(&b);
}

const struct row message_rows[] = {
	{ "VU-1", "versions, answers and requests that are not ours", vu1, 0 },
	{ "VU-2", "sizes too large and too small", vu2, 0 },
	{ "VU-3", "messages in pieces, many in one, and half of one", vu3, 0 },
	{ "VU-5", "a flood of requests", vu5, 250 },
	{ "VU-6", "answers that nobody reads", vu6, 250 },
	{ "VU-7", "owners", vu7, 0 },
	{ "VU-8", "features", vu8, 0 },
	{ "VU-9", "each request with 0 to 253 descriptors", vu9, 0 },
	{ "VU-10", "descriptors of the wrong kind", vu10, 0 },
	{ "VU-11", "no descriptors left", vu11, 0 },
	{ "VU-12", "each request a thousand times", vu12, 0 },
	{ "VU-13", "protocol features", vu13, 0 },
	{ "VU-14", "requests at random", vu14, 0 },
	{ "VU-15", "answers have no byte too many", vu15, 0 },
	{ "VU-17", "rings of numbers too high", vu17, 0 },
	{ "VU-18", "ring sizes", vu18, 0 },
	{ "VU-20", "ring addresses", vu20, 0 },
	{ "VU-21", "ring indices", vu21, 0 },
	{ "VU-22", "memory tables", vu22, 0 },
	{ "VU-25", "regions that come and go", vu25, 0 },
	{ "VU-26", "memory that is of no use", vu26, 0 },
	{ "VU-28", "in-flight memory", vu28, 0 },
	{ "VU-29", "enabled and disabled rings", vu29, 0 },
	{ "VU-30", "rings without eventfds", vu30, 0 },
	{ "VU-31", "the end of rings that never ran", vu31, 0 },
	{ "VU-62", "a storm of connections", vu62, 0 },
	{ "VU-63", "two front ends, one port", vu63, 0 },
	{ "silent", "connections that say nothing", silent, 0 },
	{ "hello", "what a front end calls itself", escapes, 0 },
	{ 0 },
};
