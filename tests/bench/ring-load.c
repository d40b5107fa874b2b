/* SPDX-License-Identifier: BSD-2-Clause */
/* ring-load.c - Load for the switch's rings that costs next to nothing itself
 *
 * DOC: Theory of operation
 *
 * A vhost-user front end that plugs in twice and sends itself frames, from one
 * thread, without ever touching their payload: the frames are written once, at
 * the start, and then only their descriptors travel. What it measures is the
 * switch, and not itself. With --check it does touch them: each frame carries a
 * sequence number and a CRC32C over its payload, and each is looked at, so that
 * every frame ends in one class: received, lost, duplicated, reordered or altered.
 *
 * --bound puts the least that could be called a switch in the place of the real
 * one: a thread that copies each frame from one ring to the other and looks its
 * address up in a small table. It has no protocol, no checks, no statistics. That
 * is how fast this machine could do it.
 *
 * --plain says nothing but what the protocol has, for back ends that are not our
 * switch; those with a socket for each port are given two.
 *
 * --rr sends one frame at a time there and back, each after a pause, and says how
 * long that took: what a peer that polls gets.
 *
 * --sleep has it wait as a guest does that is interrupted: it asks for a call when
 * there is nothing to take in, sleeps until one comes or the next frame is due, and
 * asks for none while there is. calls= says how many came, kicks= how many the switch
 * asked for.
 *
 * Prints one line of name=value.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <nmmintrin.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "lib/eth.h"
#include "lib/vhost_front.h"
#include "lib/vnet.h"
#include "lib/vring_driver.h"

#define SLEEP_MAX	0.01	/* s */

enum {
	RING = 1024,
	STRIDE = 2048,
	BURST = 64,
	RX = 0,
	TX = 1,
	RINGS = 2,
	GUEST = 0x10000000,	/* guest addresses and others differ on purpose */
	USER = 0x7000000,
	DRAIN_MS = 300,
	HELLO_MS = 10000,
};

/** struct link - One of the two ends */
struct link {
	struct vhost_front vf;
	struct vring_driver ring[RINGS];
	uint8_t *buf[RINGS];
	int kick[RINGS], call[RINGS];
	struct eth_addr addr;
};

struct payload {
	uint32_t crc;
	uint32_t zero;
	uint64_t seq;
};

static struct options {
	const char *path[2];
	size_t size;
	double seconds;
	uint64_t count;
	uint64_t rate;
	uint64_t rr;
	double gap_us;
	int cpu;
	bool check, bound, plain, sleep;
} opt = { .size = 64, .seconds = 1., .cpu = -1 };

static struct link links[2];
static uint8_t *memory;
static size_t memory_size;
static int memory_fd;
static atomic_bool stop;

static void die(const char *what, int err)
{
	fprintf(stderr, "ring-load: %s: %s\n", what, strerror(err));
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (cpu >= 0 && sched_setaffinity(0, sizeof(set), &set))
		die("cannot stay on that processor", errno);
}

static uint32_t crc32c(const uint8_t *p, size_t size)
{
	uint64_t crc = 0xffffffff;

	for (; size >= 8; p += 8, size -= 8) {
		uint64_t word;

		memcpy(&word, p, sizeof(word));
		crc = _mm_crc32_u64(crc, word);
	}
	for (; size; p++, size--)
		crc = _mm_crc32_u8((uint32_t)crc, *p);
	return (uint32_t)crc;
}

/* Memory for everything, in huge pages if there are any. */
static void make_memory(void)
{
	size_t per_ring = vring_layout(RING).size + (size_t)RING * STRIDE;
	const size_t huge = 2 << 20;

	memory_size = (2 * RINGS * per_ring + huge - 1) / huge * huge;
	memory_fd = memfd_create("ring-load", MFD_HUGETLB);
	if (memory_fd < 0 || ftruncate(memory_fd, (off_t)memory_size) ||
	    (memory = mmap(NULL, memory_size, PROT_READ | PROT_WRITE, MAP_SHARED,
			   memory_fd, 0)) == MAP_FAILED) {
		if (memory_fd >= 0)
			close(memory_fd);
		memory_fd = memfd_create("ring-load", 0);
		if (memory_fd < 0 || ftruncate(memory_fd, (off_t)memory_size))
			die("no memory", errno);
		memory = mmap(NULL, memory_size, PROT_READ | PROT_WRITE, MAP_SHARED,
			      memory_fd, 0);
		if (memory == MAP_FAILED)
			die("no memory", errno);
	}
	memset(memory, 0, memory_size);
}

static uint64_t guest(const void *p)
{
	return GUEST + (uint64_t)((const uint8_t *)p - memory);
}

static uint64_t user(const void *p)
{
	return USER + (uint64_t)((const uint8_t *)p - memory);
}

/* Lay a link's rings out, all receive buffers offered. */
static void link_init(struct link *l, unsigned int n, bool event_idx)
{
	size_t per_ring = vring_layout(RING).size + (size_t)RING * STRIDE;

	l->addr = (struct eth_addr){ { 2, 0, 0, 0, 0, (uint8_t)(n + 1) } };
	for (unsigned int r = 0; r < RINGS; r++) {
		uint8_t *base = memory + (n * RINGS + r) * per_ring;
		struct vring_driver *vd = &l->ring[r];

		vring_driver_init(vd, base, RING, event_idx);
		l->buf[r] = base + vring_layout(RING).size;
		for (unsigned int i = 0; i < RING; i++)
			vd->desc[i] = (struct vring_desc){
				.addr = guest(l->buf[r] + (size_t)i * STRIDE),
				.len = r == RX ? STRIDE
					       : (uint32_t)(VNET_HDR_SIZE + opt.size),
				.flags = r == RX ? VRING_DESC_WRITE : 0,
			};
		vring_driver_suppress_calls(vd);
	}
	for (unsigned int i = 0; i < RING; i++)
		vring_driver_add(&l->ring[RX], (uint16_t)i);
	if (vring_driver_publish(&l->ring[RX]) && l->kick[RX] >= 0)
		eventfd_write(l->kick[RX], 1);
}

static void link_open(struct link *l, unsigned int n)
{
	const struct vhost_region region = { GUEST, memory_size, USER, 0 };
	const uint64_t features = 1ULL << 32 | 1ULL << VNET_F_MRG_RXBUF |
				  1ULL << VRING_F_EVENT_IDX;
	struct vhost_hello hello = { .port = 0 };
	int ret;

	snprintf(hello.descr, sizeof(hello.descr), "ring-load %u", n);
	ret = vhost_front_open(&l->vf, opt.path[n], opt.plain ? NULL : &hello, features,
			       1ULL << 32, 20000);
	if (ret)
		die(opt.path[n], -ret);
	for (unsigned int r = 0; r < RINGS; r++) {
		l->kick[r] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		l->call[r] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	}
	link_init(l, n, vhost_front_has(&l->vf, VRING_F_EVENT_IDX));
	ret = vhost_front_memory(&l->vf, &region, &memory_fd, 1);
	for (unsigned int r = 0; !ret && r < RINGS; r++) {
		const struct vring_driver *vd = &l->ring[r];
		const struct vhost_front_ring ring = {
			.size = RING,
			.desc = user(vd->desc),
			.avail = user(vd->avail),
			.used = user(vd->used),
			.kick = l->kick[r],
			.call = l->call[r],
		};

		ret = vhost_front_start(&l->vf, r, &ring);
	}
	if (ret)
		die("handing rings over", -ret);
}

static uint8_t *frame_of(struct link *l, unsigned int r, unsigned int i)
{
	return l->buf[r] + (size_t)i * STRIDE + VNET_HDR_SIZE;
}

static void write_frame(uint8_t *f, struct eth_addr dst, struct eth_addr src,
			unsigned int salt)
{
	memcpy(f, dst.b, ETH_ADDR_SIZE);
	memcpy(f + ETH_ADDR_SIZE, src.b, ETH_ADDR_SIZE);
	f[12] = 0x88;
	f[13] = 0xb5;
	for (size_t i = ETH_HDR_SIZE; i < opt.size; i++)
		f[i] = (uint8_t)(i * 7 + salt);
}

static void stamp(uint8_t *f, uint64_t seq)
{
	struct payload p = { .seq = seq };
	uint8_t *at = f + ETH_HDR_SIZE;

	memcpy(at, &p, sizeof(p));
	p.crc = crc32c(at + sizeof(p.crc), opt.size - ETH_HDR_SIZE - sizeof(p.crc));
	memcpy(at, &p.crc, sizeof(p.crc));
}

static struct {
	uint64_t sent, received, reordered, duplicated, bad, next, kicks, calls;
} total;

/* Look at a received frame. */
static void check(const uint8_t *f, uint32_t len)
{
	struct payload p;

	memcpy(&p, f + ETH_HDR_SIZE, sizeof(p));
	if (len != VNET_HDR_SIZE + opt.size ||
	    crc32c(f + ETH_HDR_SIZE + sizeof(p.crc),
		   opt.size - ETH_HDR_SIZE - sizeof(p.crc)) != p.crc) {
		total.bad++;
		return;
	}
	/* In order is the rule, so a number from before is one seen or overtaken. */
	if (p.seq < total.next)
		total.reordered++;
	else
		total.next = p.seq + 1;
}

/* Take in what came. Return: how many frames. */
static unsigned int receive(struct link *l)
{
	struct vring_driver *vd = &l->ring[RX];
	unsigned int n = 0;
	uint32_t len;
	int32_t id;

	while (n < 4 * BURST && (id = vring_driver_get(vd, &len)) >= 0) {
		if (opt.check)
			check(frame_of(l, RX, (unsigned int)id), len);
		vring_driver_add(vd, (uint16_t)id);
		n++;
	}
	if (n && vring_driver_publish(vd) && l->kick[RX] >= 0)
		eventfd_write(l->kick[RX], 1);
	return n;
}

static void transmit(struct link *l, unsigned int n)
{
	struct vring_driver *vd = &l->ring[TX];
	bool numbered = opt.check && l == &links[0];

	/* Chains come back in order, so that all are back up to the index. */
	(void)vring_driver_has_used(vd);
	vd->next_used = vd->used_idx;
	n = MIN(n, (unsigned int)(RING - vring_driver_pending(vd)));
	for (unsigned int i = 0; i < n; i++) {
		uint16_t id = vd->next_avail & (RING - 1);

		if (numbered)
			stamp(frame_of(l, TX, id), total.sent + i);
		vring_driver_add(vd, id);
	}
	if (n && vring_driver_publish(vd) && l->kick[TX] >= 0) {
		total.kicks++;
		eventfd_write(l->kick[TX], 1);
	}
	total.sent += n;
}

/* Each end says a word, so that the switch knows both. */
static void say_hello(void)
{
	static const struct eth_addr all = { { 255, 255, 255, 255, 255, 255 } };
	double end = now() + HELLO_MS / 1e3;

	for (unsigned int i = 0; i < 2; i++) {
		struct link *l = &links[i], *other = &links[!i];

		/* A back end may take its time to begin. */
		for (double next = 0; !vring_driver_has_used(&other->ring[RX]); ) {
			double t = now();

			if (t > end)
				die("no frame comes through", ETIMEDOUT);
			if (t < next)
				continue;
			next = t + HELLO_MS / 1e3 / 100;
			write_frame(frame_of(l, TX, l->ring[TX].next_avail & (RING - 1)),
				    all, l->addr, 0);
			transmit(l, 1);
		}
	}
	/* Those that were on their way. */
	for (end = now() + 0.1; now() < end; ) {
		(void)receive(&links[0]);
		(void)receive(&links[1]);
	}
	memset(&total, 0, sizeof(total));
}

/* The least that could be called a switch. */
static void *bound_thread(void *arg)
{
	struct { uint64_t key; unsigned int port; } table[256] = { { 0, 0 } };
	struct vring_driver *out = &links[0].ring[TX], *in = &links[1].ring[RX];
	uint16_t out_seen = 0, in_seen = 0;

	pin(opt.cpu < 0 ? -1 : !opt.cpu);
	for (unsigned int i = 0; i < 2; i++)
		table[links[i].addr.b[5]].key = eth_addr_to_u64(links[i].addr);
	(void)arg;
	while (!stop) {
		uint16_t n = (uint16_t)(__atomic_load_n(&out->avail->idx, __ATOMIC_ACQUIRE) -
					out_seen);
		uint16_t room = (uint16_t)(__atomic_load_n(&in->avail->idx, __ATOMIC_ACQUIRE) -
					   in_seen);

		n = MIN(n, MIN(room, (uint16_t)BURST));
		for (uint16_t i = 0; i < n; i++) {
			uint16_t o = out->avail->ring[(out_seen + i) & (RING - 1)];
			uint16_t d = in->avail->ring[(in_seen + i) & (RING - 1)];
			const uint8_t *from = memory + (out->desc[o].addr - GUEST);
			uint8_t *to = memory + (in->desc[d].addr - GUEST);
			uint32_t len = out->desc[o].len;
			struct eth_addr dst;

			memcpy(&dst, from + VNET_HDR_SIZE, sizeof(dst));
			if (table[dst.b[5]].key != eth_addr_to_u64(dst))
				continue;
			memcpy(to, from, len);
			in->used->ring[(in_seen + i) & (RING - 1)] =
				(struct vring_used_elem){ d, len };
			out->used->ring[(out_seen + i) & (RING - 1)] =
				(struct vring_used_elem){ o, 0 };
		}
		out_seen = (uint16_t)(out_seen + n);
		in_seen = (uint16_t)(in_seen + n);
		__atomic_store_n(&in->used->idx, in_seen, __ATOMIC_RELEASE);
		__atomic_store_n(&out->used->idx, out_seen, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* The receiver says a word, as stations do, so that the switch does not forget it:
 * what it knows of nobody it floods, and for that nobody is held back. */
static void keep_alive(struct link *from, struct link *to)
{
	uint64_t sent = total.sent;

	write_frame(frame_of(from, TX, from->ring[TX].next_avail & (RING - 1)), to->addr,
		    from->addr, 0);
	transmit(from, 1);
	total.sent = sent;
}

/* Sleep until there is something to take in, or until @until. */
static void sleep_for_call(struct link *l, double until)
{
	struct pollfd pfd = { .fd = l->call[RX], .events = POLLIN };
	double left = until - now();
	struct timespec ts = { 0, (long)(left * 1e9) };
	eventfd_t calls;

	if (left > 0 && !vring_driver_want_call(&l->ring[RX]))
		ppoll(&pfd, 1, &ts, NULL);
	vring_driver_suppress_calls(&l->ring[RX]);
	if (!eventfd_read(l->call[RX], &calls))
		total.calls += calls;
}

static void run(void)
{
	struct link *a = &links[0], *b = &links[1];
	double start = now(), t = start, end, quiet;
	uint64_t turns = 0;
	double alive = start;

	for (unsigned int i = 0; i < RING; i++)
		write_frame(frame_of(a, TX, i), b->addr, a->addr, i);
	end = start + opt.seconds;
	while (opt.count ? total.sent < opt.count : t < end) {
		unsigned int n = BURST, got;

		if (!(turns++ & 15) || opt.rate)
			t = now();
		if (t - alive > 1 && !opt.bound) {
			alive = t;
			keep_alive(b, a);
		}
		if (opt.rate) {
			uint64_t due = (uint64_t)((t - start) * (double)opt.rate);

			n = due > total.sent ? (unsigned int)MIN(due - total.sent,
								 (uint64_t)BURST) : 0;
		}
		if (opt.count)
			n = (unsigned int)MIN((uint64_t)n, opt.count - total.sent);
		transmit(a, n);
		got = receive(b);
		total.received += got;
		if (opt.sleep && !n && !got)
			sleep_for_call(b, MIN(start + (double)(total.sent + 1) /
					      (double)opt.rate, t + SLEEP_MAX));
	}
	t = now();
	end = t - start;
	for (quiet = t; now() - quiet < DRAIN_MS / 1e3 && total.received < total.sent; ) {
		unsigned int n = receive(b);

		total.received += n;
		if (n)
			quiet = now();
	}
	if (total.received > total.sent)
		total.duplicated = total.received - total.sent;
	printf("sent=%" PRIu64 " received=%" PRIu64 " lost=%" PRIu64 " reordered=%" PRIu64
	       " duplicated=%" PRIu64 " bad=%" PRIu64 " kicks=%" PRIu64
	       " calls=%" PRIu64 " seconds=%.2f frames/s=%.0f gbit/s=%.2f\n",
	       total.sent, total.received,
	       total.sent > total.received ? total.sent - total.received : 0,
	       total.reordered, total.duplicated, total.bad, total.kicks, total.calls, end,
	       (double)total.received / end,
	       (double)total.received * (double)opt.size * 8 / end / 1e9);
}

/* Send one frame from @a to @b and wait for it. */
static void pass(struct link *a, struct link *b)
{
	double end = now() + 1;

	transmit(a, 1);
	while (!receive(b))
		if (now() > end)
			die("a request or its answer was lost", ETIMEDOUT);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Requests and answers, one at a time, each after a pause. */
static void run_rr(void)
{
	double *us = calloc(opt.rr, sizeof(*us));

	if (!us)
		die("no memory", ENOMEM);
	for (unsigned int i = 0; i < RING; i++) {
		write_frame(frame_of(&links[0], TX, i), links[1].addr, links[0].addr, i);
		write_frame(frame_of(&links[1], TX, i), links[0].addr, links[1].addr, i);
	}
	for (uint64_t i = 0; i < opt.rr; i++) {
		double start = now();

		while (now() - start < opt.gap_us / 1e6)
			;
		start = now();
		pass(&links[0], &links[1]);
		pass(&links[1], &links[0]);
		us[i] = (now() - start) * 1e6;
	}
	qsort(us, opt.rr, sizeof(*us), compare);
	printf("rr=%" PRIu64 " gap_us=%.0f p50_us=%.2f p99_us=%.2f max_us=%.1f\n", opt.rr,
	       opt.gap_us, us[opt.rr / 2], us[opt.rr * 99 / 100], us[opt.rr - 1]);
	free(us);
}

static const struct option options[] = {
	{ "size", required_argument, NULL, 's' },
	{ "seconds", required_argument, NULL, 't' },
	{ "count", required_argument, NULL, 'c' },
	{ "rate", required_argument, NULL, 'r' },
	{ "cpu", required_argument, NULL, 'p' },
	{ "check", no_argument, NULL, 'k' },
	{ "bound", no_argument, NULL, 'b' },
	{ "plain", no_argument, NULL, 'q' },
	{ "sleep", no_argument, NULL, 'w' },
	{ "rr", required_argument, NULL, 'x' },
	{ "gap", required_argument, NULL, 'g' },
	{ NULL, 0, NULL, 0 },
};

int main(int argc, char **argv)
{
	pthread_t forwarder;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			opt.size = strtoul(optarg, NULL, 10);
			break;
		case 't':
			opt.seconds = strtod(optarg, NULL);
			break;
		case 'c':
			opt.count = strtoull(optarg, NULL, 10);
			break;
		case 'r':
			opt.rate = strtoull(optarg, NULL, 10);
			break;
		case 'p':
			opt.cpu = atoi(optarg);
			break;
		case 'k':
			opt.check = true;
			break;
		case 'b':
			opt.bound = true;
			break;
		case 'q':
			opt.plain = true;
			break;
		case 'w':
			opt.sleep = true;
			break;
		case 'x':
			opt.rr = strtoull(optarg, NULL, 10);
			break;
		case 'g':
			opt.gap_us = strtod(optarg, NULL);
			break;
		default:
			return 2;
		}
	}
	if (opt.size < ETH_HDR_SIZE + sizeof(struct payload) ||
	    opt.size > STRIDE - VNET_HDR_SIZE ||
	    (opt.bound && opt.rr) || (opt.sleep && !opt.rate) ||
	    (!opt.bound && optind + 1 != argc && optind + 2 != argc)) {
		fputs("usage: ring-load [--size N] [--seconds S | --count N] [--rate N]\n"
		      "\t[--cpu N] [--check] [--sleep] [--plain] SWITCHDIR/vhost [SOCKET]\n"
		      "       ring-load --rr N [--gap MICROSECONDS] [--cpu N] SWITCHDIR/vhost\n"
		      "       ring-load --bound [--size N] [--seconds S] [--cpu N]\n", stderr);
		return 2;
	}
	opt.path[0] = argv[optind];
	opt.path[1] = argv[optind + 1 < argc ? optind + 1 : optind];
	pin(opt.cpu);
	make_memory();
	for (unsigned int i = 0; i < 2; i++) {
		for (unsigned int r = 0; r < RINGS; r++)
			links[i].kick[r] = links[i].call[r] = -1;
		if (opt.bound)
			link_init(&links[i], i, false);
		else
			link_open(&links[i], i);
	}
	if (opt.bound)
		pthread_create(&forwarder, NULL, bound_thread, NULL);
	else
		say_hello();
	if (opt.rr)
		run_rr();
	else
		run();
	stop = true;
	if (opt.bound)
		pthread_join(forwarder, NULL);
	return total.bad || total.reordered || total.duplicated ? 1 : 0;
}
