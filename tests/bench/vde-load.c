/* SPDX-License-Identifier: BSD-2-Clause */
/* vde-load.c - Load for a VDE switch: generator and sink in one program
 *
 * DOC: Theory of operation
 *
 * A libvdeplug client that plugs in twice (or more) and sends itself frames
 * through whatever the names on the command line lead to: a switch, two
 * switches and a cable, a module. It is a stock client on purpose: what it
 * measures is what an unmodified program gets. With the names of conn.h it is a
 * client of the kind of QEMU's instead, on a stream or on datagrams.
 *
 * Every frame carries the number of its run, a 64-bit sequence number, and a
 * checksum over both and over the payload. The sink keeps one bit per sequence
 * number, so each frame ends in exactly one class: received once, duplicated,
 * corrupt, or lost. Frames that overtake others are counted as reordered, too.
 *
 * The measuring must cost less than what is measured. The generator sends from
 * VARIANTS frames made in advance whose payloads are summed once; for each
 * frame it writes 16 bytes. The sink does sum each payload, 32 bytes a step.
 * The sink blocks in vde_recv() with a time limit on the socket: one system
 * call per frame. Where the data descriptor is no socket (a libvdeplug module
 * with a ring and an eventfd), or with --poll, it polls before each frame, as
 * event-driven clients do.
 *
 * Before it measures, each side says hello, so that the switch knows both
 * addresses: in the modes "flow" and "rr" no frame is flooded.
 *
 * What it is not: it does not speak the VDE protocol by itself (see rawvde.c)
 * and checks no forwarding rule (see framecheck.c).
 */
#include "config.h"

#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "tests/integration/conn.h"

enum {
	ETH_HDR = 14,
	ETH_TYPE_LOCAL = 0x88b5,	/* IEEE 802, local experimental */
	LOAD_MAGIC = 0x44414f4c,
	SIZE_MAX_FRAME = 65535,
	VARIANTS = 8,			/* different payloads */
	LINKS_MAX = 1024,
	WAIT_MS = 100,			/* the sink looks up at least this often */
	HELLO_TRIES = 30,
};

enum load_kind { KIND_HELLO = 1, KIND_DATA, KIND_REQUEST, KIND_REPLY };

enum mode { MODE_FLOW, MODE_RR, MODE_FAN, MODE_IDLE, MODE_SCAN };

/**
 * struct load - What follows the Ethernet header of each of our frames
 * @run:	Tells our frames from those of another vde-load
 * @kind:	enum load_kind
 * @from:	Index of the link it was sent on
 * @seq:	Sequence number
 * @sum:	Checksum of @seq and of everything behind this structure
 *
 * In the byte order of the machine, which sends and receives.
 */
struct load {
	uint32_t magic;
	uint32_t run;
	uint16_t kind;
	uint16_t from;
	uint32_t unused;
	uint64_t seq;
	uint64_t sum;
};

enum { SIZE_MIN = ETH_HDR + sizeof(struct load) };

struct config {
	enum mode mode;
	const char *vnl[2];
	uint64_t count;
	size_t size;
	uint64_t rate;
	uint64_t burst;
	uint64_t delay_us;
	uint64_t quiet_ms;
	uint64_t addresses;
	unsigned int receivers;
	unsigned int stopped;
	bool poll;
	bool drain;
	bool trust;
	bool no_loss;
};

/**
 * struct link - One plug
 * @conn:	Connection
 * @index:	Number within this process
 * @poll:	Poll before vde_recv()
 * @drain:	Only after one that found nothing
 * @mac:	Our address there
 */
struct link {
	struct conn conn;
	uint16_t index;
	bool poll;
	bool drain;
	uint8_t mac[6];
};

/**
 * struct sink - A receiver and what it saw
 * @seen:	One bit per sequence number
 * @highest:	Largest sequence number so far, plus one
 * @last_ns:	When the last good frame came
 */
struct sink {
	const struct config *cfg;
	struct link *link;
	pthread_t thread;
	uint64_t *seen;
	uint64_t highest;
	uint64_t received;
	uint64_t duplicated;
	uint64_t reordered;
	uint64_t corrupt;
	uint64_t last_ns;
};

static uint32_t run_id;
static atomic_bool sender_done;

/* Bit mixer with full avalanche (the finaliser of splitmix64). */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
	return x ^ (x >> 31);
}

/* Sum of a payload: four lanes, so that it runs at memory speed. Each word is
 * multiplied on its way, so words that change place change the sum. */
static uint64_t sum_payload(const uint8_t *p, size_t n)
{
	uint64_t lane[4] = { 1, 2, 3, 4 }, w[4], tail = n;

	for (; n >= sizeof(w); p += sizeof(w), n -= sizeof(w)) {
		memcpy(w, p, sizeof(w));
		for (int i = 0; i < 4; i++)
			lane[i] = (lane[i] ^ w[i]) * 0x9e3779b97f4a7c15U;
	}
	for (; n; p++, n--)
		tail = (tail ^ *p) * 0x9e3779b97f4a7c15U;
	return mix(lane[0] ^ mix(lane[1] ^ mix(lane[2] ^ mix(lane[3] ^ tail))));
}

static uint64_t sum_frame(uint64_t payload_sum, uint64_t seq)
{
	return payload_sum ^ mix(seq + run_id);
}

/* Links. */

static void link_open(struct link *l, const struct config *cfg, const char *vnl,
		      uint16_t index)
{
	struct timeval limit = { .tv_usec = WAIT_MS * 1000 };
	int fd;

	if (!conn_open(&l->conn, vnl, "vde-load"))
		die(TOOL_BROKEN, "%s: cannot open: %s", vnl, strerror(errno));
	fd = l->conn.fd;
	l->index = index;
	l->poll = cfg->poll || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit,
					  sizeof(limit)) < 0;
	l->drain = cfg->drain;
	if (l->drain && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		die(TOOL_BROKEN, "link %u: cannot be made non-blocking", index);
	l->mac[0] = 0x02;
	l->mac[1] = (uint8_t)(run_id >> 16);
	l->mac[2] = (uint8_t)(run_id >> 8);
	l->mac[3] = (uint8_t)run_id;
	l->mac[4] = (uint8_t)(index >> 8);
	l->mac[5] = (uint8_t)index;
}

/**
 * link_recv() - Receive one frame, waiting up to WAIT_MS
 *
 * Return: its size; 0 if none came
 */
static size_t link_recv(struct link *l, void *buf, size_t size)
{
	ssize_t n;

	if (l->poll && !l->drain && !conn_readable(&l->conn, WAIT_MS))
		return 0;
	n = conn_recv(&l->conn, buf, size);
	if (n < 0 && errno == EAGAIN && l->drain && conn_readable(&l->conn, WAIT_MS))
		n = conn_recv(&l->conn, buf, size);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		die(TOOL_BROKEN, "link %u: cannot receive: %s", l->index, strerror(errno));
	/* A module may return 1 for "nothing for you". */
	return n > 1 ? (size_t)n : 0;
}

static void link_send(struct link *l, const void *buf, size_t size)
{
	ssize_t n;

	do
		n = conn_send(&l->conn, buf, size);
	while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n < 0)
		die(TOOL_BROKEN, "link %u: cannot send: %s", l->index, strerror(errno));
}

/* Frames. */

static void frame_make(uint8_t *buf, size_t size, const uint8_t *to,
		       const struct link *from, enum load_kind kind, unsigned int variant)
{
	struct load load = {
		.magic = LOAD_MAGIC, .run = run_id, .kind = kind, .from = from->index,
	};

	memcpy(buf, to, 6);
	memcpy(buf + 6, from->mac, 6);
	buf[12] = ETH_TYPE_LOCAL >> 8;
	buf[13] = ETH_TYPE_LOCAL & 0xff;
	memcpy(buf + ETH_HDR, &load, sizeof(load));
	for (size_t i = SIZE_MIN; i < size; i++)
		buf[i] = (uint8_t)mix(i * VARIANTS + variant);
}

static void frame_number(uint8_t *buf, uint64_t payload_sum, uint64_t seq)
{
	uint64_t sum = sum_frame(payload_sum, seq);

	memcpy(buf + ETH_HDR + offsetof(struct load, seq), &seq, sizeof(seq));
	memcpy(buf + ETH_HDR + offsetof(struct load, sum), &sum, sizeof(sum));
}

/* Whether a frame is one of ours of the given kind; copies its header out. */
static bool frame_is(const uint8_t *buf, size_t n, enum load_kind kind, struct load *load)
{
	if (n < SIZE_MIN || buf[12] != ETH_TYPE_LOCAL >> 8 ||
	    buf[13] != (ETH_TYPE_LOCAL & 0xff))
		return false;
	memcpy(load, buf + ETH_HDR, sizeof(*load));
	return load->magic == LOAD_MAGIC && load->run == run_id && load->kind == kind;
}

static bool frame_is_good(const uint8_t *buf, size_t n, size_t size, const struct load *load)
{
	return n == size &&
	       load->sum == sum_frame(sum_payload(buf + SIZE_MIN, n - SIZE_MIN), load->seq);
}

/* Address @i of many on one side of a flow. */
static void address_of(uint8_t *mac, unsigned int side, uint64_t i)
{
	uint64_t m = mix(i + 1);

	mac[0] = 0x06;
	mac[1] = (uint8_t)side;
	memcpy(mac + 2, &m, 4);
}

/* From any address of one side to any of the other. */
static void frame_spread(uint8_t *buf, uint64_t addresses, uint64_t seq)
{
	uint64_t r = mix(seq + run_id);

	address_of(buf, 1, (r >> 32) % addresses);
	address_of(buf + 6, 0, (uint32_t)r % addresses);
}

/* All addresses of a side say something: to themselves, so it goes no farther. */
static void announce(struct link *l, uint64_t addresses)
{
	uint8_t frame[SIZE_MIN];

	frame_make(frame, sizeof(frame), l->mac, l, KIND_HELLO, 0);
	for (uint64_t i = 0; i < addresses; i++) {
		address_of(frame, l->index, i);
		memcpy(frame + 6, frame, 6);
		link_send(l, frame, sizeof(frame));
	}
}

/* One side says hello to everybody until the other has heard it. */
static void hello(struct link *from, struct link *to)
{
	static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	uint8_t out[SIZE_MIN], in[SIZE_MAX_FRAME];
	struct load load;
	uint64_t until;
	size_t n;

	frame_make(out, sizeof(out), all, from, KIND_HELLO, 0);
	for (int i = 0; i < HELLO_TRIES; i++) {
		link_send(from, out, sizeof(out));
		until = now_ns() + WAIT_MS * 1000000U;
		do {
			n = link_recv(to, in, sizeof(in));
			if (frame_is(in, n, KIND_HELLO, &load) && load.from == from->index)
				return;
		} while (now_ns() < until);
	}
	die(TOOL_BROKEN, "no frame gets from link %u to link %u", from->index, to->index);
}

/* Receiving. */

static void sink_account(struct sink *s, const uint8_t *buf, size_t n)
{
	struct load load;
	uint64_t bit;

	if (!frame_is(buf, n, KIND_DATA, &load))
		return;
	if (n != s->cfg->size || load.seq >= s->cfg->count ||
	    (!s->cfg->trust && !frame_is_good(buf, n, s->cfg->size, &load))) {
		s->corrupt++;
		return;
	}
	/* A clock read for each frame would be a good part of what is measured. */
	if (load.seq % 64 == 0 || load.seq + 1 == s->cfg->count)
		s->last_ns = now_ns();
	bit = 1ULL << (load.seq % 64);
	if (s->seen[load.seq / 64] & bit) {
		s->duplicated++;
		return;
	}
	s->seen[load.seq / 64] |= bit;
	s->received++;
	if (load.seq < s->highest)
		s->reordered++;
	else
		s->highest = load.seq + 1;
}

/* Receive until all is there, or the sender is done and it has been quiet. */
static void *sink_run(void *arg)
{
	uint8_t buf[SIZE_MAX_FRAME];
	uint64_t quiet_since = 0;
	struct sink *s = arg;
	size_t n;

	while (s->received < s->cfg->count) {
		n = link_recv(s->link, buf, sizeof(buf));
		if (n) {
			sink_account(s, buf, n);
			quiet_since = 0;
			if (s->cfg->delay_us)
				sleep_us(s->cfg->delay_us);
			continue;
		}
		if (!atomic_load(&sender_done))
			continue;
		if (!quiet_since)
			quiet_since = now_ns();
		else if (now_ns() - quiet_since > s->cfg->quiet_ms * 1000000U)
			break;
	}
	return NULL;
}

static void sink_start(struct sink *s, const struct config *cfg, struct link *link)
{
	*s = (struct sink){ .cfg = cfg, .link = link };
	s->seen = calloc(cfg->count / 64 + 1, sizeof(*s->seen));
	if (!s->seen)
		die(TOOL_BROKEN, "out of memory");
	errno = pthread_create(&s->thread, NULL, sink_run, s);
	if (errno)
		die(TOOL_BROKEN, "cannot start a thread: %s", strerror(errno));
}

/* Sending. */

/* Wait until it is time for frame @i: bursts of cfg->burst at cfg->rate. */
static void pace(const struct config *cfg, uint64_t start_ns, uint64_t i)
{
	uint64_t due = start_ns + (uint64_t)((double)i * 1e9 / (double)cfg->rate);
	struct timespec ts = {
		.tv_sec = (time_t)(due / 1000000000U),
		.tv_nsec = (long)(due % 1000000000U),
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

/* Send all frames. Return: when the first one went. */
static uint64_t generate(const struct config *cfg, struct link *from, const uint8_t *to)
{
	uint64_t start_ns, sums[VARIANTS];
	uint8_t *frames, *f;

	frames = malloc(VARIANTS * cfg->size);
	if (!frames)
		die(TOOL_BROKEN, "out of memory");
	for (unsigned int v = 0; v < VARIANTS; v++) {
		f = frames + v * cfg->size;
		frame_make(f, cfg->size, to, from, KIND_DATA, v);
		sums[v] = sum_payload(f + SIZE_MIN, cfg->size - SIZE_MIN);
	}
	start_ns = now_ns();
	for (uint64_t i = 0; i < cfg->count; i++) {
		if (cfg->rate && i % cfg->burst == 0)
			pace(cfg, start_ns, i);
		f = frames + i % VARIANTS * cfg->size;
		frame_number(f, sums[i % VARIANTS], i);
		if (cfg->addresses)
			frame_spread(f, cfg->addresses, i);
		link_send(from, f, cfg->size);
	}
	free(frames);
	return start_ns;
}

/* Wait for the sinks, print the line of results. Return: exit status. */
static int report(const struct config *cfg, struct sink *sinks, unsigned int n,
		  uint64_t start_ns)
{
	uint64_t received = 0, lost = 0, duplicated = 0, reordered = 0, corrupt = 0;
	uint64_t last_ns = start_ns;
	double seconds;

	atomic_store(&sender_done, true);
	for (unsigned int i = 0; i < n; i++) {
		pthread_join(sinks[i].thread, NULL);
		received += sinks[i].received;
		lost += cfg->count - sinks[i].received;
		duplicated += sinks[i].duplicated;
		reordered += sinks[i].reordered;
		corrupt += sinks[i].corrupt;
		if (sinks[i].last_ns > last_ns)
			last_ns = sinks[i].last_ns;
		free(sinks[i].seen);
	}
	seconds = (double)(last_ns - start_ns) / 1e9;
	if (seconds <= 0)
		seconds = 1e-9;
	printf("%s size=%zu sent=%" PRIu64 " received=%" PRIu64 " lost=%" PRIu64
	       " duplicated=%" PRIu64 " reordered=%" PRIu64 " corrupt=%" PRIu64
	       " seconds=%.3f frames/s=%.0f Mbit/s=%.1f\n",
	       cfg->mode == MODE_FAN ? "fan" : "flow", cfg->size, cfg->count, received,
	       lost, duplicated, reordered, corrupt, seconds, (double)received / seconds,
	       (double)received * (double)cfg->size * 8 / seconds / 1e6);
	if (cfg->no_loss && (lost || duplicated || reordered || corrupt))
		return TOOL_FAILED;
	return TOOL_OK;
}

/* Modes. */

static int mode_flow(const struct config *cfg)
{
	struct link tx, rx;
	struct sink sink;

	link_open(&tx, cfg, cfg->vnl[0], 0);
	link_open(&rx, cfg, cfg->vnl[1], 1);
	hello(&rx, &tx);
	hello(&tx, &rx);
	announce(&tx, cfg->addresses);
	announce(&rx, cfg->addresses);
	if (cfg->addresses)
		printf("announced\n");
	fflush(stdout);
	/* Whoever asked for this looks at the switch now, before the frames. */
	if (cfg->addresses)
		sleep(1);
	sink_start(&sink, cfg, &rx);
	return report(cfg, &sink, 1, generate(cfg, &tx, rx.mac));
}

/* Each frame from another address, to one that nobody has. It stays plugged in: a switch
 * forgets what was behind a port that nobody is at. */
static void __attribute__((noreturn)) mode_scan(const struct config *cfg)
{
	uint64_t start_ns = now_ns();
	struct link tx;
	uint8_t *frame = calloc(1, cfg->size);

	if (!frame)
		die(TOOL_BROKEN, "out of memory");
	link_open(&tx, cfg, cfg->vnl[0], 0);
	frame_make(frame, cfg->size, tx.mac, &tx, KIND_HELLO, 0);
	for (uint64_t i = 0; i < cfg->count; i++) {
		if (cfg->rate && i % cfg->burst == 0)
			pace(cfg, start_ns, i);
		address_of(frame, 3, i);
		address_of(frame + 6, 2, i);
		link_send(&tx, frame, cfg->size);
	}
	printf("scan sent=%" PRIu64 "\n", cfg->count);
	fflush(stdout);
	for (;;)
		pause();
}

static int mode_fan(const struct config *cfg)
{
	static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	static struct link tx, rx[LINKS_MAX], stopped[LINKS_MAX];
	static struct sink sinks[LINKS_MAX];

	link_open(&tx, cfg, cfg->vnl[0], 0);
	for (unsigned int i = 0; i < cfg->receivers; i++) {
		link_open(&rx[i], cfg, cfg->vnl[1], (uint16_t)(i + 1));
		hello(&rx[i], &tx);
	}
	for (unsigned int i = 0; i < cfg->stopped; i++) {
		link_open(&stopped[i], cfg, cfg->vnl[1], (uint16_t)(i + LINKS_MAX));
		hello(&stopped[i], &tx);
	}
	for (unsigned int i = 0; i < cfg->receivers; i++)
		sink_start(&sinks[i], cfg, &rx[i]);
	return report(cfg, sinks, cfg->receivers, generate(cfg, &tx, all));
}

/* The far end of "rr": sends each request back as a reply. */
static void *echo_run(void *arg)
{
	uint8_t buf[SIZE_MAX_FRAME], mac[6];
	uint16_t kind = KIND_REPLY;
	struct link *l = arg;
	struct load load;
	size_t n;

	while (!atomic_load(&sender_done)) {
		n = link_recv(l, buf, sizeof(buf));
		if (!frame_is(buf, n, KIND_REQUEST, &load))
			continue;
		memcpy(mac, buf, 6);
		memcpy(buf, buf + 6, 6);
		memcpy(buf + 6, mac, 6);
		memcpy(buf + ETH_HDR + offsetof(struct load, kind), &kind, sizeof(kind));
		link_send(l, buf, n);
	}
	return NULL;
}

/* One request; waits for its reply. Return: nanoseconds, or 0 if none came. */
static uint64_t request(const struct config *cfg, struct link *l, uint8_t *frame,
			uint64_t payload_sum, uint64_t seq)
{
	uint8_t in[SIZE_MAX_FRAME];
	struct load load;
	uint64_t start;
	size_t n;

	frame_number(frame, payload_sum, seq);
	start = now_ns();
	link_send(l, frame, cfg->size);
	do {
		n = link_recv(l, in, sizeof(in));
		if (frame_is(in, n, KIND_REPLY, &load) && load.seq == seq &&
		    frame_is_good(in, n, cfg->size, &load))
			return now_ns() - start;
	} while (now_ns() - start < 1000000000U);
	return 0;
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int mode_rr(const struct config *cfg)
{
	uint64_t *ns, sum, t, got = 0, lost = 0, warm = cfg->count / 20;
	struct link near, far;
	pthread_t thread;
	uint8_t *frame;

	link_open(&near, cfg, cfg->vnl[0], 0);
	link_open(&far, cfg, cfg->vnl[1], 1);
	hello(&far, &near);
	hello(&near, &far);
	ns = calloc(cfg->count, sizeof(*ns));
	frame = malloc(cfg->size);
	if (!ns || !frame)
		die(TOOL_BROKEN, "out of memory");
	frame_make(frame, cfg->size, far.mac, &near, KIND_REQUEST, 0);
	sum = sum_payload(frame + SIZE_MIN, cfg->size - SIZE_MIN);
	errno = pthread_create(&thread, NULL, echo_run, &far);
	if (errno)
		die(TOOL_BROKEN, "cannot start a thread: %s", strerror(errno));
	for (uint64_t i = 0; i < warm + cfg->count; i++) {
		t = request(cfg, &near, frame, sum, i);
		if (!t)
			lost++;
		else if (i >= warm)
			ns[got++] = t;
		if (cfg->rate)
			sleep_us(1000000U / cfg->rate);
	}
	atomic_store(&sender_done, true);
	pthread_join(thread, NULL);
	if (!got)
		die(TOOL_FAILED, "no reply at all");
	qsort(ns, got, sizeof(*ns), compare_u64);
	printf("rr size=%zu sent=%" PRIu64 " received=%" PRIu64 " lost=%" PRIu64
	       " p50_us=%.1f p99_us=%.1f max_us=%.1f\n",
	       cfg->size, warm + cfg->count, warm + cfg->count - lost, lost,
	       (double)ns[(got - 1) / 2] / 1e3, (double)ns[(got - 1) * 99 / 100] / 1e3,
	       (double)ns[got - 1] / 1e3);
	free(ns);
	free(frame);
	return cfg->no_loss && lost ? TOOL_FAILED : TOOL_OK;
}

/* Plug in, say so, and do nothing until killed. */
static void __attribute__((noreturn)) mode_idle(const struct config *cfg)
{
	static struct link links[LINKS_MAX];

	for (unsigned int i = 0; i < cfg->receivers; i++)
		link_open(&links[i], cfg, cfg->vnl[0], (uint16_t)i);
	printf("idle clients=%u\n", cfg->receivers);
	fflush(stdout);
	for (;;)
		pause();
}

/* Command line. */

static const char usage_text[] =
	"usage: vde-load [OPTIONS] VNL [VNL]\n"
	"Sends frames into the first VNL and receives them from the second (default:\n"
	"the same), as two clients in one process: of libvdeplug, or for stream:PATH and\n"
	"dgram:OWN,OTHERS of the kind of QEMU's.\n"
	"  -m, --mode=flow      one sender, one receiver, unicast (default)\n"
	"  -m, --mode=rr        request and response, one at a time: latency\n"
	"  -m, --mode=fan       one sender, broadcast, --receivers receivers\n"
	"  -m, --mode=scan      one sender, each frame from another address to another that\n"
	"                       nobody has, and stay\n"
	"  -m, --mode=idle      plug in --receivers times, print a line, and stay\n"
	"  -c, --count=N        frames (or requests) to send (1000000)\n"
	"  -s, --size=N         bytes per frame, without FCS (64)\n"
	"  -r, --rate=N         frames per second; 0 (default): as fast as it goes\n"
	"  -b, --burst=N        with --rate, send N frames at a time (1)\n"
	"  -d, --delay=US       the receiver sleeps so long after each frame (0)\n"
	"  -n, --receivers=N    for fan and idle (1)\n"
	"  -k, --stopped=N      for fan: N receivers more that never read (0)\n"
	"  -a, --addresses=N    for flow: each side has N addresses and says so; frames go\n"
	"                       from any to any\n"
	"  -p, --poll           poll before each receive, as event-driven programs do\n"
"  -T, --trust          do not sum the payloads up\n"
"  -D, --drain          poll, then receive until there is no more (O_NONBLOCK)\n"
	"  -q, --quiet=MS       after the last frame sent, the receiver gives up when\n"
	"                       it has been quiet for so long (500)\n"
	"  -t, --timeout=S      give up altogether (120; 0: never)\n"
	"  -N, --no-loss        exit 1 if a frame is lost, duplicated, reordered or\n"
	"                       corrupt\n"
	"Exit status: 0 done, 1 see --no-loss, 2 could not measure.\n";

static void give_up(int sig)
{
	static const char text[] = "vde-load: no end in sight, giving up\n";

	(void)sig;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(TOOL_BROKEN);
	_exit(TOOL_BROKEN);
}

static enum mode parse_mode(const char *text)
{
	static const char *const names[] = {
		[MODE_FLOW] = "flow", [MODE_RR] = "rr",
		[MODE_FAN] = "fan", [MODE_IDLE] = "idle", [MODE_SCAN] = "scan",
	};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(text, names[i]))
			return (enum mode)i;
	die(TOOL_BROKEN, "no such mode: %s", text);
}

static void parse_options(struct config *cfg, int argc, char **argv)
{
	static const struct option options[] = {
		{ "mode", required_argument, NULL, 'm' },
		{ "count", required_argument, NULL, 'c' },
		{ "size", required_argument, NULL, 's' },
		{ "rate", required_argument, NULL, 'r' },
		{ "burst", required_argument, NULL, 'b' },
		{ "delay", required_argument, NULL, 'd' },
		{ "receivers", required_argument, NULL, 'n' },
		{ "stopped", required_argument, NULL, 'k' },
		{ "addresses", required_argument, NULL, 'a' },
		{ "poll", no_argument, NULL, 'p' },
		{ "drain", no_argument, NULL, 'D' },
		{ "trust", no_argument, NULL, 'T' },
		{ "quiet", required_argument, NULL, 'q' },
		{ "timeout", required_argument, NULL, 't' },
		{ "no-loss", no_argument, NULL, 'N' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	unsigned int timeout = 120;
	int c;

	while ((c = getopt_long(argc, argv, "m:c:s:r:b:d:n:k:a:pDTq:t:Nh", options, NULL)) != -1) {
		switch (c) {
		case 'm': cfg->mode = parse_mode(optarg); break;
		case 'c': cfg->count = number("count", optarg, 1ULL << 32); break;
		case 's': cfg->size = number("size", optarg, SIZE_MAX_FRAME); break;
		case 'r': cfg->rate = number("rate", optarg, 1000000000); break;
		case 'b': cfg->burst = number("burst", optarg, 1ULL << 32); break;
		case 'd': cfg->delay_us = number("delay", optarg, 1ULL << 32); break;
		case 'n': cfg->receivers = (unsigned int)number("receivers", optarg, LINKS_MAX); break;
		case 'k': cfg->stopped = (unsigned int)number("stopped", optarg, LINKS_MAX); break;
		case 'a': cfg->addresses = number("addresses", optarg, 1 << 24); break;
		case 'p': cfg->poll = true; break;
		case 'D': cfg->drain = true; break;
		case 'T': cfg->trust = true; break;
		case 'q': cfg->quiet_ms = number("quiet", optarg, 1000000); break;
		case 't': timeout = (unsigned int)number("timeout", optarg, 1000000); break;
		case 'N': cfg->no_loss = true; break;
		case 'h': fputs(usage_text, stdout); exit(TOOL_OK);
		default: fputs(usage_text, stderr); exit(TOOL_BROKEN);
		}
	}
	if (argc - optind < 1 || argc - optind > 2) {
		fputs(usage_text, stderr);
		exit(TOOL_BROKEN);
	}
	cfg->vnl[0] = argv[optind];
	cfg->vnl[1] = argv[argc - 1];
	if (cfg->size < SIZE_MIN)
		die(TOOL_BROKEN, "size: at least %d", SIZE_MIN);
	if (!cfg->count || !cfg->burst)
		die(TOOL_BROKEN, "count and burst: at least 1");
	if (cfg->mode != MODE_IDLE && timeout) {
		signal(SIGALRM, give_up);
		watchdog(timeout);
	}
}

int main(int argc, char **argv)
{
	struct config cfg = {
		.count = 1000000, .size = 64, .burst = 1, .quiet_ms = 500, .receivers = 1,
	};

	parse_options(&cfg, argc, argv);
	run_id = (uint32_t)getpid();
	/* Pacing with the default 50 us of timer slack would not be worth its name. */
	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	switch (cfg.mode) {
	case MODE_FLOW:
		return mode_flow(&cfg);
	case MODE_RR:
		return mode_rr(&cfg);
	case MODE_FAN:
		return mode_fan(&cfg);
	case MODE_SCAN:
		mode_scan(&cfg);
	case MODE_IDLE:
		mode_idle(&cfg);
	}
	return TOOL_BROKEN;
}
