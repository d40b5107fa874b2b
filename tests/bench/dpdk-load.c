/* SPDX-License-Identifier: BSD-2-Clause */
/* dpdk-load.c - Load for a switch's vhost-user ports, as a DPDK program makes it
 *
 * DOC: Theory of operation
 *
 * A DPDK application with two virtio_user ports, A and B, and one core for both.
 * It sends frames on A in bursts and takes them in on B. Each frame is a buffer
 * allocated from the pool, its first 64 bytes written, sent, received, looked at
 * and given back: that is the least an application does, and is what most figures
 * that are published of software switches have been taken with. It says nothing
 * about the switch beyond what one such core can ask of it; ring-load.c costs
 * less, and asks more.
 *
 * Every frame carries a sequence number, and what comes in is compared with the
 * number expected. A number beyond it opens a gap, and those skipped are noted; a
 * number from before is a frame overtaken if it was noted, and a second copy if
 * not. So nothing needs to be remembered while all is well. What has a wrong
 * length, or a number that was never sent, is bad. With --check the whole payload
 * is written, too, and a CRC32C over all of the frame is sent along and verified;
 * a frame whose check sum is wrong is bad and is not taken as received.
 *
 * Before anything is counted each side says a word to the other until both were
 * heard, so that the switch knows both addresses; then some time of the same load
 * goes uncounted. Each of these is a run with a number of its own, which all
 * frames carry: a frame of an earlier run is a stranger to a later one.
 *
 * Prints one line of name=value. Lost is what was sent and not received when the
 * switch has been silent for a while; the rates are of what was received while
 * frames were sent. Idle is the share of looks at both rings that were for
 * nothing, so that near 0 it is the generator that is measured and not the switch;
 * preempted says how often another process took the processor away.
 *
 * With "--distance X Y" alone it says how many nanoseconds a word takes from
 * processor X to processor Y and back. Where the processors are virtual, the host
 * may move them nearer or farther at any time, and that alone can halve a figure.
 *
 * What it is not: it is built by vhost-bench and not with the rest, which does not
 * know DPDK; and it measures no latency.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_hash_crc.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

enum {
	RING = 1024,
	BURST_MAX = 256,
	RX_BURSTS = 4,			/* taken in at most before more is sent */
	POOL = 4095,			/* enough for three rings, and small */
	POOL_CACHE = 256,
	ETH_TYPE_LOCAL = 0x88b5,	/* IEEE 802, local experimental */
	HEAD = 64,			/* what is written of each frame */
	FRAME_MIN = 60,
	FRAME_MAX = RTE_MBUF_DEFAULT_DATAROOM,
	SKIPPED = 1 << 16,		/* numbers noted, far more than rings hold */
	VARIANTS = 61,			/* different payloads */
	DRAIN_MS = 300,
	STUCK_S = 5,
	ROUND_TRIPS = 5000,
	ROUNDS = 10,
	A = 0,
	B = 1,
};

/**
 * struct load - The beginning of each of our frames
 * @run:	Tells the frames of one run from those of others
 * @crc:	With --check, over all of the frame but this field
 * @seq:	Sequence number
 *
 * In the byte order of the machine, which sends and receives.
 */
struct load {
	struct rte_ether_hdr eth;
	uint16_t run;
	uint32_t crc;
	uint32_t unused;
	uint64_t seq;
} __attribute__((packed, aligned(2)));

_Static_assert(sizeof(struct load) == 32, "no padding");
_Static_assert(offsetof(struct load, seq) % 8 == 0, "an aligned number");

/** struct tally - What became of the frames of a run */
struct tally {
	uint64_t sent, received, reordered, duplicated, bad, foreign;
	uint64_t next;		/* number expected */
	uint64_t in_time;	/* received while frames were sent */
	uint64_t turns, idle;	/* looks at both rings, and those for nothing */
	double seconds;
	long preempted;		/* times others had our processor meanwhile */
};

/** struct side - One of the two ports */
struct side {
	uint16_t port;
	struct rte_ether_addr addr;
};

static struct options {
	uint16_t size;
	uint16_t burst;
	double seconds, warmup, wait;
	uint64_t count;
	double rate;
	bool check;
} opt = { .size = 64, .burst = 32, .seconds = 1., .warmup = .3, .wait = 10. };

static struct side sides[2];
static struct rte_mempool *pool;
static uint64_t hz;
static uint16_t run_number;
static uint8_t template[HEAD] __rte_cache_aligned;
static uint8_t payload[FRAME_MAX + VARIANTS];
static uint64_t skipped[SKIPPED];	/* number + 1, or 0 */
static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

/* DPDK waits for the peer of a listening port inside rte_eal_init(), for ever. */
static void on_alarm(int sig)
{
	static const char text[] = "dpdk-load: nobody has connected\n";

	(void)sig;
	_exit(write(STDERR_FILENO, text, sizeof(text) - 1) > 0 ? 1 : 3);
}

static void close_sides(void)
{
	uint16_t port;

	RTE_ETH_FOREACH_DEV(port) {
		rte_eth_dev_stop(port);
		rte_eth_dev_close(port);
	}
	rte_eal_cleanup();
}

static __rte_noreturn void die(const char *what)
{
	fprintf(stderr, "dpdk-load: %s\n", what);
	close_sides();
	exit(1);
}

/**
 * side_open() - Bring a port up
 * @s:		Side to fill in
 * @port:	DPDK's number of the port
 */
static void side_open(struct side *s, uint16_t port)
{
	const struct rte_eth_conf conf = { 0 };
	uint16_t rx = RING, tx = RING;

	s->port = port;
	if (rte_eth_dev_configure(port, 1, 1, &conf) ||
	    rte_eth_dev_adjust_nb_rx_tx_desc(port, &rx, &tx) ||
	    rte_eth_rx_queue_setup(port, 0, rx, SOCKET_ID_ANY, NULL, pool) ||
	    rte_eth_tx_queue_setup(port, 0, tx, SOCKET_ID_ANY, NULL) ||
	    rte_eth_dev_start(port) || rte_eth_macaddr_get(port, &s->addr))
		die("a port cannot be set up");
}

/**
 * prepare() - Begin a run: what the frames from one side have in common
 * @from:	Sending side
 * @to:		Receiving side
 * @t:		Tally of the run
 */
static void prepare(const struct side *from, const struct side *to, struct tally *t)
{
	struct load load = {
		.eth = {
			.dst_addr = to->addr,
			.src_addr = from->addr,
			.ether_type = rte_cpu_to_be_16(ETH_TYPE_LOCAL),
		},
		.run = ++run_number,
	};

	memcpy(template, &load, sizeof(load));
	memcpy(template + sizeof(load), payload, HEAD - sizeof(load));
	memset(skipped, 0, sizeof(skipped));
	*t = (struct tally){ 0 };
}

static uint32_t frame_crc(const uint8_t *f)
{
	const size_t after = offsetof(struct load, crc) + sizeof(uint32_t);
	uint32_t crc = rte_hash_crc(f, offsetof(struct load, crc), UINT32_MAX);

	return rte_hash_crc(f + after, (uint32_t)(opt.size - after), crc);
}

/* Write a frame; all of it only if all of it will be looked at. */
static inline void write_frame(struct rte_mbuf *m, uint64_t seq)
{
	uint8_t *f = rte_pktmbuf_mtod(m, uint8_t *);

	m->data_len = opt.size;
	m->pkt_len = opt.size;
	memcpy(f, template, HEAD);
	memcpy(f + offsetof(struct load, seq), &seq, sizeof(seq));
	if (opt.check) {
		uint32_t crc;

		memcpy(f + sizeof(struct load), payload + seq % VARIANTS,
		       opt.size - sizeof(struct load));
		crc = frame_crc(f);
		memcpy(f + offsetof(struct load, crc), &crc, sizeof(crc));
	}
}

/* A frame that is not the one expected. */
static __rte_noinline void out_of_order(struct tally *t, uint64_t seq)
{
	if (seq >= t->next) {
		uint64_t s = t->next;

		if (seq - s > SKIPPED)
			s = seq - SKIPPED;
		for (; s < seq; s++)
			skipped[s % SKIPPED] = s + 1;
		t->next = seq + 1;
		t->received++;
	} else if (skipped[seq % SKIPPED] == seq + 1) {
		skipped[seq % SKIPPED] = 0;
		t->reordered++;
		t->received++;
	} else {
		t->duplicated++;
	}
}

static inline void look_at(struct tally *t, const struct rte_mbuf *m)
{
	const uint8_t *f = rte_pktmbuf_mtod(m, const uint8_t *);
	struct load load;

	memcpy(&load, f, sizeof(load));
	/* Addresses, type and run at once. */
	if (memcmp(f, template, offsetof(struct load, crc))) {
		t->foreign++;
		return;
	}
	if (m->pkt_len != opt.size || m->nb_segs != 1 || load.seq >= t->sent ||
	    (opt.check && load.crc != frame_crc(f)))
		t->bad++;
	else if (load.seq == t->next) {
		t->next++;
		t->received++;
	} else {
		out_of_order(t, load.seq);
	}
}

/**
 * receive() - Take in what has come
 * @s:		Receiving side
 * @t:		Tally of the run
 *
 * Return: number of frames
 */
static inline unsigned int receive(const struct side *s, struct tally *t)
{
	struct rte_mbuf *m[BURST_MAX];
	unsigned int total = 0;
	uint16_t n;

	do {
		n = rte_eth_rx_burst(s->port, 0, m, opt.burst);
		for (uint16_t i = 0; i < n; i++)
			rte_prefetch0(rte_pktmbuf_mtod(m[i], void *));
		for (uint16_t i = 0; i < n; i++)
			look_at(t, m[i]);
		if (n)
			rte_pktmbuf_free_bulk(m, n);
		total += n;
	} while (n == opt.burst && total < RX_BURSTS * opt.burst);
	return total;
}

/* How many frames to send now. */
static inline uint16_t due(const struct tally *t, double seconds, uint64_t count)
{
	uint64_t n = opt.burst;

	if (opt.rate > 0)
		n = RTE_MIN(n, (uint64_t)RTE_MAX(seconds * opt.rate - (double)t->sent, 0.));
	if (count)
		n = RTE_MIN(n, count - t->sent);
	return (uint16_t)n;
}

/* Take in what is still on its way. */
static void drain(const struct side *s, struct tally *t)
{
	uint64_t quiet = rte_rdtsc();

	while (t->received < t->sent && rte_rdtsc() - quiet < hz / 1000 * DRAIN_MS && !stop)
		if (receive(s, t))
			quiet = rte_rdtsc();
	/* A second copy may follow the last frame. */
	rte_delay_us_block(1000);
	receive(s, t);
}

/* Times we had to leave the processor to others. */
static long preemptions(void)
{
	struct rusage u;

	return getrusage(RUSAGE_THREAD, &u) ? 0 : u.ru_nivcsw;
}

/**
 * run() - Send from one side to the other
 * @from:	Sending side
 * @to:		Receiving side
 * @t:		Tally of the run, to be filled in
 * @seconds:	How long, unless
 * @count:	how many is not 0
 *
 * What the ring did not take is offered again, so that no number is left out.
 */
static void run(const struct side *from, const struct side *to, struct tally *t,
		double seconds, uint64_t count)
{
	const uint64_t length = (uint64_t)(seconds * (double)hz);
	uint64_t start, now, moved;
	struct rte_mbuf *m[BURST_MAX];
	uint16_t have = 0, first = 0;	/* m[first] to m[have - 1] wait to be sent */

	prepare(from, to, t);
	t->preempted = -preemptions();
	start = moved = now = rte_rdtsc();
	while (!stop && (count ? t->sent < count : now - start < length)) {
		uint16_t sent;

		if (first == have) {
			uint16_t n = due(t, (double)(now - start) / (double)hz, count);

			first = have = 0;
			if (n && !rte_pktmbuf_alloc_bulk(pool, m, n)) {
				for (uint16_t i = 0; i < n; i++)
					__builtin_prefetch(rte_pktmbuf_mtod(m[i], void *), 1);
				for (uint16_t i = 0; i < n; i++)
					write_frame(m[i], t->sent + i);
				have = n;
			}
		}
		sent = rte_eth_tx_burst(from->port, 0, m + first, (uint16_t)(have - first));
		first = (uint16_t)(first + sent);
		t->sent += sent;
		t->turns++;
		if (receive(to, t) || sent) {
			moved = now;
		} else {
			t->idle++;
			if (now - moved > hz * STUCK_S)
				die("nothing moves any more");
		}
		/* Reading the clock costs as much as a look at both rings. */
		if (opt.rate > 0 || !(t->turns & 15))
			now = rte_rdtsc();
	}
	now = rte_rdtsc();
	t->seconds = (double)(now - start) / (double)hz;
	t->in_time = t->received;
	t->preempted += preemptions();
	if (first < have)
		rte_pktmbuf_free_bulk(m + first, (unsigned int)(have - first));
	drain(to, t);
}

/* Wait until both sides are plugged in, and can hear each other. */
static void say_hello(void)
{
	uint64_t end = rte_rdtsc() + (uint64_t)(opt.wait * (double)hz);
	struct rte_eth_link link;
	unsigned int up = 0, heard = 0;
	struct tally t;

	while (heard < 2) {
		if (stop || rte_rdtsc() > end)
			die(up < 2 ? "the link does not come up" : "no frame comes through");
		for (up = 0; up < 2; up++)
			if (rte_eth_link_get_nowait(sides[up].port, &link) ||
			    link.link_status != RTE_ETH_LINK_UP)
				break;
		if (up < 2) {
			rte_delay_us_sleep(10000);
			continue;
		}
		for (unsigned int i = heard = 0; i < 2; i++) {
			run(&sides[!i], &sides[i], &t, 1., 4);
			heard += t.received > 0;
		}
	}
}

static void report(const struct tally *t)
{
	double rate = (double)t->in_time / t->seconds;

	printf("sent=%" PRIu64 " received=%" PRIu64 " lost=%" PRIu64 " reordered=%" PRIu64
	       " duplicated=%" PRIu64 " bad=%" PRIu64 " foreign=%" PRIu64,
	       t->sent, t->received, t->sent - t->received, t->reordered, t->duplicated,
	       t->bad, t->foreign);
	printf(" idle=%.2f preempted=%ld seconds=%.2f frames/s=%.0f gbit/s=%.2f\n",
	       t->turns ? (double)t->idle / (double)t->turns : 0., t->preempted,
	       t->seconds, rate, rate * opt.size * 8 / 1e9);
}

static uint32_t ball __rte_cache_aligned;

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set)) {
		perror("dpdk-load: a processor");
		exit(1);
	}
}

/* Throw the ball back; it is odd on its way here, and even on its way home. */
static void *far_end(void *cpu)
{
	pin(*(int *)cpu);
	for (uint32_t i = 0; i < ROUNDS * ROUND_TRIPS; i++) {
		while (__atomic_load_n(&ball, __ATOMIC_ACQUIRE) != 2 * i + 1)
			;
		__atomic_store_n(&ball, 2 * i + 2, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* Say how far two processors are from each other: the least of some rounds. */
static int distance(int near, int far)
{
	struct timespec a, b;
	double least = 1e9;
	pthread_t thread;
	uint32_t i = 0;

	pin(near);
	if (pthread_create(&thread, NULL, far_end, &far))
		return 1;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		clock_gettime(CLOCK_MONOTONIC, &a);
		for (unsigned int n = 0; n < ROUND_TRIPS; n++, i++) {
			__atomic_store_n(&ball, 2 * i + 1, __ATOMIC_RELEASE);
			while (__atomic_load_n(&ball, __ATOMIC_ACQUIRE) != 2 * i + 2)
				;
		}
		clock_gettime(CLOCK_MONOTONIC, &b);
		least = RTE_MIN(least, ((double)(b.tv_sec - a.tv_sec) * 1e9 +
					(double)(b.tv_nsec - a.tv_nsec)) / ROUND_TRIPS);
	}
	pthread_join(thread, NULL);
	printf("%.0f\n", least);
	return 0;
}

static const struct option options[] = {
	{ "size", required_argument, NULL, 's' },
	{ "burst", required_argument, NULL, 'b' },
	{ "seconds", required_argument, NULL, 't' },
	{ "warmup", required_argument, NULL, 'u' },
	{ "wait", required_argument, NULL, 'w' },
	{ "count", required_argument, NULL, 'c' },
	{ "rate", required_argument, NULL, 'r' },
	{ "check", no_argument, NULL, 'k' },
	{ NULL, 0, NULL, 0 },
};

/* Return: whether the options make sense */
static bool parse(int argc, char **argv)
{
	unsigned long size = opt.size, burst = opt.burst;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			size = strtoul(optarg, NULL, 10);
			break;
		case 'b':
			burst = strtoul(optarg, NULL, 10);
			break;
		case 't':
			opt.seconds = strtod(optarg, NULL);
			break;
		case 'u':
			opt.warmup = strtod(optarg, NULL);
			break;
		case 'w':
			opt.wait = strtod(optarg, NULL);
			break;
		case 'c':
			opt.count = strtoull(optarg, NULL, 10);
			break;
		case 'r':
			opt.rate = strtod(optarg, NULL);
			break;
		case 'k':
			opt.check = true;
			break;
		default:
			return false;
		}
	}
	opt.size = (uint16_t)size;
	opt.burst = (uint16_t)burst;
	return optind == argc && size >= FRAME_MIN && size <= FRAME_MAX &&
	       burst && burst <= BURST_MAX && opt.seconds > 0 && opt.warmup >= 0 &&
	       opt.wait >= 0 && opt.rate >= 0;
}

int main(int argc, char **argv)
{
	struct tally t;
	uint16_t port;
	int n = 1;

	if (argc == 4 && !strcmp(argv[1], "--distance"))
		return distance(atoi(argv[2]), atoi(argv[3]));
	while (n < argc && strcmp(argv[n], "--"))
		n++;
	if (n == argc || !parse(argc - n, argv + n)) {
		fputs("usage: dpdk-load EAL-OPTION... -- [--size N] [--burst N]\n"
		      "\t[--seconds S | --count N] [--rate N] [--check]\n"
		      "\t[--warmup S] [--wait S]\n"
		      "       dpdk-load --distance CPU CPU\n", stderr);
		return 2;
	}
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGALRM, on_alarm);
	alarm((unsigned int)opt.wait + 1);
	if (rte_eal_init(argc, argv) < 0) {
		fprintf(stderr, "dpdk-load: no DPDK: %s\n", rte_strerror(rte_errno));
		return 1;
	}
	alarm(0);
	n = 0;
	hz = rte_get_tsc_hz();
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * i * 167 + i * 13 + (i >> 3));
	pool = rte_pktmbuf_pool_create("frames", POOL, POOL_CACHE, 0,
				       RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (!pool)
		die("no memory for frames");
	n = 0;
	RTE_ETH_FOREACH_DEV(port)
		if (n < 2)
			side_open(&sides[n++], port);
	if (n < 2)
		die("two ports are needed: --vdev twice");
	say_hello();
	if (opt.warmup > 0)
		run(&sides[A], &sides[B], &t, opt.warmup, 0);
	run(&sides[A], &sides[B], &t, opt.seconds, opt.count);
	report(&t);
	close_sides();
	return t.bad || t.reordered || t.duplicated || stop;
}
