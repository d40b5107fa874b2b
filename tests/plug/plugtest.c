/* SPDX-License-Identifier: BSD-2-Clause */
/* plugtest.c - What a libvdeplug program may expect of a plug, asked of one
 *
 * DOC: Theory of operation
 *
 * plugtest TEST VNL... makes one test with real libvdeplug connections and says in
 * its exit status whether it went well (see main() for the tests). It knows
 * nothing of how a plug works: the same tests can be made with vde:// names, which
 * shows what a socket does.
 *
 * The switch belongs to the test: nobody else sends. So every frame that comes is
 * known beforehand, each byte of it, and one that is missing, repeated, overtaken,
 * cut or changed is seen at once.
 *
 * What it is not: a load generator (vde-load.c), or a test of what becomes of plugs
 * when the switch dies (restart.c).
 */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libvdeplug.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "tests/integration/tool.h"

enum {
	ADDR = 6,
	HDR = 14,
	TYPE_0 = 0x88,			/* IEEE 802, local experimental 1 */
	TYPE_1 = 0xb5,
	FRAME_MAX = 65535,
	CANARY = 64,			/* bytes behind a buffer, to be left alone */
	CANARY_BYTE = 0xee,
	PATIENCE_MS = 3000,
	PACED = 10000,
};

/**
 * struct plug - A connection
 * @conn:	libvdeplug's
 * @fd:		Its data descriptor
 * @mac:	Our address there
 * @vain:	How often vde_recv() answered that there is no frame
 */
struct plug {
	VDECONN *conn;
	int fd;
	uint8_t mac[ADDR];
	unsigned int vain;
};

static const uint8_t everybody[ADDR] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static void plug_open(struct plug *p, const char *vnl, uint8_t number)
{
	char name[4096], descr[] = "plugtest";

	snprintf(name, sizeof(name), "%s", vnl);
	*p = (struct plug){ .mac = { 0x02, 'p', 'l', 'u', 'g', number } };
	p->conn = vde_open(name, descr, NULL);
	if (!p->conn)
		die(TOOL_FAILED, "%s: cannot open: %s", vnl, strerror(errno));
	p->fd = vde_datafd(p->conn);
}

static void plug_set_blocking(struct plug *p, bool on)
{
	int flags = fcntl(p->fd, F_GETFL);

	flags = on ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
	if (flags < 0 || fcntl(p->fd, F_SETFL, flags) < 0)
		die(TOOL_FAILED, "O_NONBLOCK: %s", strerror(errno));
}

/* Make a frame; its bytes follow from its size and number. */
static void frame_make(uint8_t *frame, const uint8_t *to, const uint8_t *from, size_t size,
		       uint64_t number)
{
	uint64_t x = 0x9e3779b97f4a7c15U * (number * 65536 + size + 1);

	memcpy(frame, to, ADDR);
	memcpy(frame + ADDR, from, ADDR);
	frame[12] = TYPE_0;
	frame[13] = TYPE_1;
	for (size_t i = HDR; i < size; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		frame[i] = (uint8_t)(x >> 32);
	}
}

static void frame_send(struct plug *from, const uint8_t *to, size_t size, uint64_t number)
{
	static _Thread_local uint8_t frame[FRAME_MAX + 1];
	ssize_t n;

	frame_make(frame, to, from->mac, size, number);
	n = vde_send(from->conn, frame, size, 0);
	if (n != (ssize_t)size)
		die(TOOL_FAILED, "vde_send of %zu bytes: %zd, %s", size, n, strerror(errno));
}

/* Wait for a frame and receive it as an event-driven program does. Return: its
 * size, or 0 if none came. */
static size_t plug_recv(struct plug *p, uint8_t *buf, size_t room, int ms)
{
	uint64_t end = now_ns() + (uint64_t)ms * 1000000U;
	ssize_t n;

	do {
		if (!readable(p->fd, ms))
			return 0;
		n = vde_recv(p->conn, buf, room, 0);
		if (n > 1)
			return (size_t)n;
		if (n < 0 && errno != EAGAIN)
			die(TOOL_FAILED, "vde_recv: %zd, %s", n, strerror(errno));
		p->vain++;
	} while (now_ns() < end);
	return 0;
}

/* The next frame must be this one, or as much of it as fits into @room bytes. */
static void frame_expect_in(struct plug *p, size_t room, const uint8_t *to,
			    const struct plug *from, size_t size, uint64_t number)
{
	static _Thread_local uint8_t want[FRAME_MAX], got[FRAME_MAX + 1 + CANARY];
	size_t n, fits = size < room ? size : room;

	memset(got, CANARY_BYTE, fits + CANARY);
	frame_make(want, to, from->mac, size, number);
	n = plug_recv(p, got, room, PATIENCE_MS);
	if (!n)
		die(TOOL_FAILED, "frame %" PRIu64 " of %zu bytes did not come", number, size);
	if (n != fits)
		die(TOOL_FAILED, "instead of frame %" PRIu64 " of %zu bytes came %zu bytes",
		    number, fits, n);
	for (size_t i = 0; i < fits; i++)
		if (got[i] != want[i])
			die(TOOL_FAILED, "frame %" PRIu64 " of %zu bytes came with 0x%02x, "
			    "not 0x%02x, at %zu", number, size, got[i], want[i], i);
	for (size_t i = fits; i < fits + CANARY; i++)
		if (got[i] != CANARY_BYTE)
			die(TOOL_FAILED, "frame %" PRIu64 " of %zu bytes: byte %zu of the buffer "
			    "was written to", number, size, i);
}

static void frame_expect(struct plug *p, const struct plug *from, size_t size,
			 uint64_t number)
{
	frame_expect_in(p, FRAME_MAX + 1, p->mac, from, size, number);
}

/* The switch learns where both are, and what woke them up in vain is over. */
static void introduce(struct plug *a, struct plug *b)
{
	frame_send(a, everybody, 60, 1);
	frame_expect_in(b, FRAME_MAX, everybody, a, 60, 1);
	frame_send(b, everybody, 60, 2);
	frame_expect_in(a, FRAME_MAX, everybody, b, 60, 2);
	a->vain = b->vain = 0;
}

/* Every size, each byte. */

static void sizes_one_way(struct plug *from, struct plug *to, size_t first, size_t last,
			  unsigned int window)
{
	static uint64_t number = 100;

	for (size_t size = first; size <= last; size += window) {
		for (size_t i = size; i < size + window && i <= last; i++)
			frame_send(from, to->mac, i, number + i);
		for (size_t i = size; i < size + window && i <= last; i++)
			frame_expect(to, from, i, number + i);
	}
	number += FRAME_MAX;
}

static int test_sizes(char **vnl)
{
	static const size_t large[] = { 4095, 4096, 9000, 9014, 32768, 65534, 65535 };
	struct plug a, b;

	plug_open(&a, vnl[0], 1);
	plug_open(&b, vnl[1], 2);
	introduce(&a, &b);
	for (unsigned int window = 1; window <= 16; window *= 16) {
		sizes_one_way(&a, &b, HDR, 2200, window);
		sizes_one_way(&b, &a, HDR, 2200, window);
	}
	for (unsigned int i = 0; i < sizeof(large) / sizeof(large[0]); i++) {
		for (int times = 0; times < 100; times++) {
			sizes_one_way(&a, &b, large[i], large[i], 1);
			sizes_one_way(&b, &a, large[i], large[i], 1);
		}
	}
	/* What is no frame is dropped, and does no harm to the next one. */
	for (unsigned int i = 0; i < 3000; i++) {
		frame_send(&a, b.mac, HDR - 1, 1);
		frame_send(&a, b.mac, FRAME_MAX + 1, 1);
		frame_send(&a, b.mac, 60, i);
		frame_expect(&b, &a, 60, i);
	}
	return TOOL_OK;
}

/* Buffers that are too short: what does not fit is lost, and nothing else. */

static int test_short(char **vnl)
{
	static const size_t rooms[] = { 14, 60, 2035, 2036, 2037, 4083, 4084, 4085, 60000 };
	static const size_t frames[] = { 15, 100, 1514, 2100, 5000, 65535 };
	struct plug a, b;
	uint64_t n = 0;

	plug_open(&a, vnl[0], 1);
	plug_open(&b, vnl[1], 2);
	introduce(&a, &b);
	for (unsigned int r = 0; r < sizeof(rooms) / sizeof(rooms[0]); r++) {
		for (unsigned int f = 0; f < sizeof(frames) / sizeof(frames[0]); f++) {
			frame_send(&a, b.mac, frames[f], n);
			frame_send(&a, b.mac, frames[f], n + 1);
			frame_send(&a, b.mac, 77, n + 2);
			frame_expect_in(&b, rooms[r], b.mac, &a, frames[f], n);
			frame_expect(&b, &a, frames[f], n + 1);
			frame_expect(&b, &a, 77, n + 2);
			n += 3;
		}
	}
	return TOOL_OK;
}

/* Readable while there are frames, and not longer. */

static void check_would_block(struct plug *p)
{
	uint8_t buf[64];
	ssize_t n;

	errno = 0;
	n = vde_recv(p->conn, buf, sizeof(buf), 0);
	if (n != -1 || errno != EAGAIN)
		die(TOOL_FAILED, "vde_recv with O_NONBLOCK and no frame: %zd, %s", n,
		    strerror(errno));
}

/* Whether it is readable now, asked in three ways that must agree. */
static bool is_readable(int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct timeval now = { 0, 0 };
	bool by_poll, by_select;
	int epoll, by_epoll;
	fd_set set;

	by_poll = readable(fd, 0);
	FD_ZERO(&set);
	FD_SET(fd, &set);
	by_select = select(fd + 1, &set, NULL, NULL, &now) > 0;
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
		die(TOOL_BROKEN, "epoll: %s", strerror(errno));
	by_epoll = epoll_wait(epoll, &ev, 1, 0);
	close(epoll);
	if (by_poll != by_select || by_poll != (by_epoll > 0))
		die(TOOL_FAILED, "readable: poll says %d, select %d, epoll %d", by_poll,
		    by_select, by_epoll);
	return by_poll;
}

/* All that @from has sent has been delivered when this returns: the switch takes
 * its frames in order, and when @witness has the second one, the batch with the
 * first one is over, whomever its frames were for. */
static void fence(struct plug *from, struct plug *witness)
{
	for (uint64_t i = 0; i < 2; i++) {
		frame_send(from, witness->mac, 60, i);
		frame_expect(witness, from, 60, i);
	}
}

/* A plug that nobody has sent anything to. */
static int test_fresh(char **vnl)
{
	struct plug a;

	for (unsigned int i = 0; i < 20; i++) {
		plug_open(&a, vnl[0], 1);
		if (readable(a.fd, 5))
			die(TOOL_FAILED, "readable, though there was never a frame");
		plug_set_blocking(&a, false);
		check_would_block(&a);
		if (is_readable(a.fd))
			die(TOOL_FAILED, "readable after EAGAIN");
		vde_close(a.conn);
	}
	return TOOL_OK;
}

static int test_level(char **vnl)
{
	unsigned int most = (unsigned int)number("frames", vnl[2], 1000000), k, i;
	struct plug a, b, witness;
	uint64_t n = 0;

	plug_open(&a, vnl[0], 1);
	plug_open(&b, vnl[1], 2);
	plug_open(&witness, vnl[0], 3);
	introduce(&a, &b);
	frame_expect_in(&witness, FRAME_MAX, everybody, &a, 60, 1);
	frame_expect_in(&witness, FRAME_MAX, everybody, &b, 60, 2);
	introduce(&a, &witness);
	frame_expect_in(&b, FRAME_MAX, everybody, &a, 60, 1);
	frame_expect_in(&b, FRAME_MAX, everybody, &witness, 60, 2);
	for (unsigned int round = 0; round < 600; round++) {
		k = round % 4 ? round % 7 + 1 : round * most / 600 + 1;
		if (is_readable(b.fd))
			die(TOOL_FAILED, "round %u: readable with no frame sent", round);
		for (i = 0; i < k; i++)
			frame_send(&a, b.mac, 60 + (n + i) % 3000, n + i);
		fence(&a, &witness);
		for (i = 0; i < k; i++) {
			if (!is_readable(b.fd))
				die(TOOL_FAILED, "round %u: not readable with %u of %u frames "
				    "taken%s", round, i, k, readable(b.fd, 1000) ?
				    ", for a while" : "");
			frame_expect(&b, &a, 60 + (n + i) % 3000, n + i);
		}
		if (is_readable(b.fd))
			die(TOOL_FAILED, "round %u: readable after the last of %u frames",
			    round, k);
		if (b.vain)
			die(TOOL_FAILED, "round %u: vde_recv found nothing", round);
		if (round % 50 == 0 && readable(b.fd, 20))
			die(TOOL_FAILED, "round %u: became readable without a frame", round);
		n += k;
	}
	return TOOL_OK;
}

/* Wake-ups, counted. */

struct paced {
	struct plug *from, *to;
	unsigned int gap_us;
};

static void *paced_send(void *arg)
{
	const struct paced *pc = arg;
	uint32_t x = 1;

	for (uint64_t i = 0; i < PACED; i++) {
		frame_send(pc->from, pc->to->mac, 60 + i % 1400, i);
		x = x * 1664525 + 1013904223;
		sleep_us((x >> 16) * pc->gap_us >> 15);
	}
	return NULL;
}

static int test_paced(char **vnl)
{
	const unsigned int allowed = (unsigned int)number("wake-ups", vnl[2], PACED);
	unsigned int alone, paced = 0;
	struct plug a, b;
	pthread_t thread;
	uint32_t x = 1;

	plug_open(&a, vnl[0], 1);
	plug_open(&b, vnl[1], 2);
	introduce(&a, &b);
	/* One at a time: each must do the waking by itself, for no other comes. */
	for (uint64_t i = 0; i < PACED; i++) {
		frame_send(&a, b.mac, 60 + i % 3000, i);
		frame_expect(&b, &a, 60 + i % 3000, i);
		x = x * 1664525 + 1013904223;
		if (x >> 30 == 3)
			sleep_us(x >> 16 & 63);
	}
	alone = b.vain;
	/* Now by a thread of its own, so that they meet the receiver at any point of
	 * its way. */
	for (unsigned int gap_us = 4; gap_us <= 128; gap_us *= 32) {
		struct paced pc = { &a, &b, gap_us };

		b.vain = 0;
		errno = pthread_create(&thread, NULL, paced_send, &pc);
		if (errno)
			die(TOOL_BROKEN, "cannot start a thread: %s", strerror(errno));
		for (uint64_t i = 0; i < PACED; i++)
			frame_expect(&b, &a, 60 + i % 1400, i);
		pthread_join(thread, NULL);
		paced += b.vain;
	}
	printf("woken in vain: %u of %d times one at a time, %u of %d from another thread\n",
	       alone, PACED, paced, 2 * PACED);
	return alone > allowed || paced > allowed ? TOOL_FAILED : TOOL_OK;
}

/* Blocking, and not. */

struct sleeper {
	struct plug *p;
	atomic_uint got;
	atomic_uint vain;
	atomic_uint_fast64_t when_ns;
};

/* Receives in vde_recv() and nowhere else. */
static void *sleeper_run(void *arg)
{
	struct sleeper *s = arg;
	uint8_t buf[2048];
	ssize_t n;

	for (;;) {
		n = vde_recv(s->p->conn, buf, sizeof(buf), 0);
		if (n == 0 || n == 1) {
			atomic_fetch_add(&s->vain, 1);
			continue;
		}
		if (n != 60)
			die(TOOL_FAILED, "vde_recv that waits: %zd, %s", n, strerror(errno));
		atomic_store(&s->when_ns, now_ns());
		atomic_fetch_add(&s->got, 1);
	}
	return NULL;
}

static void test_nonblock(struct plug *a, struct plug *b)
{
	uint64_t start = now_ns();

	plug_set_blocking(b, false);
	for (int i = 0; i < 1000; i++)
		check_would_block(b);
	if (now_ns() - start > 500000000U)
		die(TOOL_FAILED, "1000 times EAGAIN took %" PRIu64 " ms",
		    (now_ns() - start) / 1000000U);
	for (uint64_t i = 0; i < 1000; i++) {
		frame_send(a, b->mac, 60, i);
		frame_expect(b, a, 60, i);
		check_would_block(b);
		if (is_readable(b->fd))
			die(TOOL_FAILED, "readable, though vde_recv said EAGAIN");
	}
	plug_set_blocking(b, true);
}

static uint64_t cpu_ns(pthread_t thread)
{
	struct timespec ts;
	clockid_t clock;

	if (pthread_getcpuclockid(thread, &clock) || clock_gettime(clock, &ts) < 0)
		die(TOOL_BROKEN, "no CPU clock of a thread");
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

static int test_block(char **vnl)
{
	uint64_t sent, cpu, longest = 0, took;
	struct sleeper s = { .got = 0 };
	struct plug a, b;
	pthread_t thread;

	plug_open(&a, vnl[0], 1);
	plug_open(&b, vnl[1], 2);
	introduce(&a, &b);
	test_nonblock(&a, &b);
	s.p = &b;
	errno = pthread_create(&thread, NULL, sleeper_run, &s);
	if (errno)
		die(TOOL_BROKEN, "cannot start a thread: %s", strerror(errno));
	for (unsigned int i = 0; i < 40; i++) {
		cpu = cpu_ns(thread);
		sleep_us(i ? 10000 : 500000);
		cpu = cpu_ns(thread) - cpu;
		if (atomic_load(&s.got) != i)
			die(TOOL_FAILED, "a frame out of nothing");
		if (!i && cpu > 20000000)
			die(TOOL_FAILED, "vde_recv that waits used %" PRIu64 " us of 500 ms",
			    cpu / 1000);
		sent = now_ns();
		frame_send(&a, b.mac, 60, i);
		while (atomic_load(&s.got) == i)
			if (now_ns() - sent > PATIENCE_MS * 1000000U)
				die(TOOL_FAILED, "vde_recv did not wake up for frame %u", i);
		took = atomic_load(&s.when_ns) - sent;
		longest = took > longest ? took : longest;
	}
	printf("woken after %" PRIu64 " us at most; in vain %u times\n", longest / 1000,
	       atomic_load(&s.vain));
	return atomic_load(&s.vain) ? TOOL_FAILED : TOOL_OK;
}

/* One thread sends while another one receives, at both ends. */

enum { PATTERN = 1 << 16, NUMBER = HDR + 8 };

static uint8_t pattern[PATTERN + 2048];

struct side {
	struct plug plug;
	struct side *other;
	uint64_t count;
	pthread_t sender, receiver;
};

static size_t duplex_size(uint64_t i)
{
	return i % 16 ? 60 : 60 + i * 7 % 1455;
}

static void *duplex_send(void *arg)
{
	struct side *s = arg;
	uint8_t frame[2048];

	memcpy(frame, s->other->plug.mac, ADDR);
	memcpy(frame + ADDR, s->plug.mac, ADDR);
	frame[12] = TYPE_0;
	frame[13] = TYPE_1;
	for (uint64_t i = 0; i < s->count; i++) {
		size_t size = duplex_size(i);

		memcpy(frame + HDR, &i, sizeof(i));
		memcpy(frame + NUMBER, pattern + i % PATTERN, size - NUMBER);
		if (vde_send(s->plug.conn, frame, size, 0) != (ssize_t)size)
			die(TOOL_FAILED, "vde_send: %s", strerror(errno));
	}
	return NULL;
}

static void *duplex_recv(void *arg)
{
	static _Thread_local uint8_t frame[FRAME_MAX];
	struct side *s = arg;
	uint64_t got;

	for (uint64_t i = 0; i < s->count; i++) {
		size_t n = plug_recv(&s->plug, frame, sizeof(frame), PATIENCE_MS);

		if (!n)
			die(TOOL_FAILED, "frame %" PRIu64 " did not come", i);
		memcpy(&got, frame + HDR, sizeof(got));
		if (got != i)
			die(TOOL_FAILED, "instead of frame %" PRIu64 " came %" PRIu64, i, got);
		if (n != duplex_size(i) ||
		    memcmp(frame + NUMBER, pattern + i % PATTERN, n - NUMBER))
			die(TOOL_FAILED, "frame %" PRIu64 " came changed, %zu bytes", i, n);
	}
	return NULL;
}

static int test_duplex(char **vnl)
{
	uint64_t count = number("frames", vnl[2], 1ULL << 32), start;
	static struct side side[2];
	uint32_t x = 1;

	for (size_t i = 0; i < sizeof(pattern); i++) {
		x = x * 1664525 + 1013904223;
		pattern[i] = (uint8_t)(x >> 24);
	}
	for (unsigned int i = 0; i < 2; i++) {
		plug_open(&side[i].plug, vnl[i], (uint8_t)(i + 1));
		side[i].other = &side[!i];
		side[i].count = count;
	}
	introduce(&side[0].plug, &side[1].plug);
	start = now_ns();
	for (unsigned int i = 0; i < 2; i++) {
		errno = pthread_create(&side[i].receiver, NULL, duplex_recv, &side[i]);
		if (!errno)
			errno = pthread_create(&side[i].sender, NULL, duplex_send, &side[i]);
		if (errno)
			die(TOOL_BROKEN, "cannot start a thread: %s", strerror(errno));
	}
	for (unsigned int i = 0; i < 2; i++) {
		pthread_join(side[i].sender, NULL);
		pthread_join(side[i].receiver, NULL);
	}
	printf("%" PRIu64 " frames each way in %" PRIu64 " ms; woken in vain %u times\n", count,
	       (now_ns() - start) / 1000000U, side[0].plug.vain + side[1].plug.vain);
	return TOOL_OK;
}

/* Opening. */

/* Print the name of the error, or "ok". */
static int test_open(char **vnl)
{
	struct vde_open_args args = { .port = 0 };
	char descr[] = "plugtest";
	VDECONN *conn;

	if (vnl[1])
		args.port = (int)number("port", vnl[1], INT32_MAX);
	errno = 0;
	conn = vde_open(vnl[0], descr, vnl[1] ? &args : NULL);
	printf("%s\n", conn ? "ok" : strerrorname_np(errno));
	if (conn)
		vde_close(conn);
	return TOOL_OK;
}

/* The same, and stay until standard input ends. */
static int test_hold(char **vnl)
{
	struct vde_open_args args = { .port = 0 };
	char descr[] = "the holder", c;
	VDECONN *conn;

	if (vnl[1])
		args.port = (int)number("port", vnl[1], INT32_MAX);
	watchdog(0);
	conn = vde_open(vnl[0], descr, vnl[1] ? &args : NULL);
	if (!conn)
		die(TOOL_FAILED, "%s: cannot open: %s", vnl[0], strerror(errno));
	puts("held");
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	return TOOL_OK;
}

static unsigned int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	if (!dir)
		die(TOOL_BROKEN, "/proc/self/fd: %s", strerror(errno));
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static unsigned int count_maps(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned int n = 0;
	int c;

	if (!f)
		die(TOOL_BROKEN, "/proc/self/maps: %s", strerror(errno));
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

static int test_churn(char **vnl)
{
	uint64_t times = number("times", vnl[1], 1000000);
	unsigned int fds = 0, maps = 0;
	struct plug a, b;

	plug_open(&a, vnl[0], 1);
	for (uint64_t i = 0; i < times + 10; i++) {
		if (i == 10) {
			fds = count_fds();
			maps = count_maps();
		}
		plug_open(&b, vnl[0], 2);
		introduce(&b, &a);
		/* Some go with frames on their way, in both directions. */
		for (uint64_t n = 0; n < i % 4; n++) {
			frame_send(&a, b.mac, 1000, n);
			frame_send(&b, everybody, 60, n + 1);
		}
		for (uint64_t n = 0; n < i % 4; n++)
			frame_expect_in(&a, FRAME_MAX, everybody, &b, 60, n + 1);
		if (vde_close(b.conn))
			die(TOOL_FAILED, "vde_close: %s", strerror(errno));
	}
	printf("descriptors: %u, then %u; mappings: %u, then %u\n", fds, count_fds(), maps,
	       count_maps());
	return count_fds() == fds && count_maps() == maps ? TOOL_OK : TOOL_FAILED;
}

static const struct {
	const char *name;
	int (*run)(char **args);
	int least, most;
	const char *args;
	const char *what;
} tests[] = {
	{ "sizes", test_sizes, 2, 2, "VNL VNL", "frames of all sizes, both ways" },
	{ "short", test_short, 2, 2, "VNL VNL", "buffers shorter than the frame" },
	{ "fresh", test_fresh, 1, 1, "VNL", "not readable when it is new" },
	{ "level", test_level, 3, 3, "VNL VNL FRAMES",
	  "readable while there are frames; FRAMES at most wait" },
	{ "paced", test_paced, 3, 3, "VNL VNL N", "woken in vain at most N times" },
	{ "block", test_block, 2, 2, "VNL VNL", "vde_recv that waits, and O_NONBLOCK" },
	{ "duplex", test_duplex, 3, 3, "VNL VNL COUNT", "sending while receiving" },
	{ "open", test_open, 1, 2, "VNL [PORT]", "print the error, or ok" },
	{ "hold", test_hold, 1, 2, "VNL [PORT]", "open, and stay" },
	{ "churn", test_churn, 2, 2, "VNL TIMES", "open and close" },
};

int main(int argc, char **argv)
{
	const unsigned int count = sizeof(tests) / sizeof(tests[0]);

	watchdog(100);
	for (unsigned int i = 0; argc > 1 && i < count; i++)
		if (!strcmp(argv[1], tests[i].name) && argc - 2 >= tests[i].least &&
		    argc - 2 <= tests[i].most)
			return tests[i].run(argv + 2);
	for (unsigned int i = 0; i < count; i++)
		fprintf(stderr, "plugtest %s %s: %s\n", tests[i].name, tests[i].args,
			tests[i].what);
	return TOOL_BROKEN;
}
