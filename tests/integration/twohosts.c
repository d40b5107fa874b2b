/* SPDX-License-Identifier: BSD-2-Clause */
/* twohosts.c - Two hosts that talk all the time, and say how the network treats them
 *
 * DOC: Theory of operation
 *
 * The hosts plug in at two places (names of conn.h) and send each other numbered
 * frames at a steady rate, each tenth of them as a broadcast. Whenever a line comes
 * on standard input, a period ends, and a line says what happened in it:
 *
 *	NAME sent=N lost=N duplicates=N late=N cut_ms=MS settled_ms=MS
 *
 * NAME is the line that began the period ("start" at first), so whoever pulls a cable
 * says "pull" just before and "plug" just before the cable is put back.
 *
 * @sent and @lost are frames of both hosts; @cut_ms is the longest silence of unicast
 * frames that one of them met with, and @settled_ms when the last silence of more than
 * SILENCE_MS ended, counted from the beginning of the period: -1 if there was none. A
 * frame that comes twice is a duplicate, and late if it comes when the network has
 * settled. Frames that are under way when a period ends are neither lost nor sent.
 *
 * With -q the second host is quiet: it speaks once for each QUIET frames of the first, so
 * that switches have to forget by themselves where it was.
 *
 * What it is not: fast (see vde-load.c). One thread, one system call for each frame.
 */
#include "config.h"

#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>

#include "tests/integration/conn.h"

enum {
	HOSTS = 2,
	ETH_TYPE_LOCAL = 0x88b5,	/* IEEE 802, local experimental */
	MAGIC = 0x54574f48,
	SIZE = 64,
	BROADCAST_EACH = 10,
	QUIET = 1000,
	SILENCE_MS = 20,
	WINDOW = 1 << 20,		/* numbers remembered, more than a period has */
	LINE = 64,
};

/** struct payload - Behind the Ethernet header, in the byte order of the machine */
struct payload {
	uint32_t magic;
	uint32_t run;
	uint32_t seq;
};

/**
 * struct host - One of the two, and what it heard from the other
 * @conn:	Plug
 * @mac:	Its address
 * @sent:	Frames it sent; the next one's number
 * @seen:	Numbers of the other's that came, each at its place in the window, plus one
 * @first:	The other's first number in this period
 * @got:	Frames of this period that came
 * @duplicates:	Those that came again
 * @late:	Those among them that came when the network had settled
 * @last_ns:	When the last unicast frame came
 */
struct host {
	struct conn conn;
	uint8_t mac[6];
	uint32_t sent;
	uint32_t *seen;
	uint32_t first;
	uint64_t got;
	uint64_t duplicates;
	uint64_t late;
	uint64_t last_ns;
};

static struct host hosts[HOSTS];
static char period[LINE] = "start";
static uint64_t began_ns, cut_ns, settled_ns;
static uint32_t run_id;
static bool quiet;

static void host_open(struct host *h, const char *name, unsigned int index)
{
	const uint8_t mac[6] = { 0x02, 0, (uint8_t)(run_id >> 16), (uint8_t)(run_id >> 8),
				 (uint8_t)run_id, (uint8_t)index };

	if (!conn_open(&h->conn, name, "twohosts"))
		die(TOOL_BROKEN, "%s: cannot open: %s", name, strerror(errno));
	if (fcntl(h->conn.fd, F_SETFL, fcntl(h->conn.fd, F_GETFL) | O_NONBLOCK) < 0)
		die(TOOL_BROKEN, "%s: cannot be made non-blocking", name);
	memcpy(h->mac, mac, sizeof(mac));
	h->seen = calloc(WINDOW, sizeof(*h->seen));
	if (!h->seen)
		die(TOOL_BROKEN, "no memory");
	h->last_ns = now_ns();
}

/* A cable may be full, or away: then the frame is lost. */
static void host_send(struct host *h, const struct host *to)
{
	struct payload p = { .magic = MAGIC, .run = run_id, .seq = h->sent };
	uint8_t frame[SIZE] = { 0 };

	if (h->sent % BROADCAST_EACH)
		memcpy(frame, to->mac, 6);
	else
		memset(frame, 0xff, 6);
	memcpy(frame + 6, h->mac, 6);
	frame[12] = ETH_TYPE_LOCAL >> 8;
	frame[13] = ETH_TYPE_LOCAL & 0xff;
	memcpy(frame + 14, &p, sizeof(p));
	h->sent++;
	if (conn_send(&h->conn, frame, sizeof(frame)) < 0 && errno != EAGAIN &&
	    errno != EINTR && errno != ENOBUFS && errno != EIO)
		die(TOOL_BROKEN, "cannot send: %s", strerror(errno));
}

/* A host did not hear the other for so long; it is no wonder if that one is quiet. */
static void silence(const struct host *h, uint64_t now)
{
	uint64_t ns = now - h->last_ns;

	if (quiet && h == &hosts[0])
		return;
	if (ns > cut_ns)
		cut_ns = ns;
	if (ns <= SILENCE_MS * 1000000U)
		return;
	settled_ns = now;
	for (unsigned int i = 0; i < HOSTS; i++)
		hosts[i].late = 0;
}

static void host_hear(struct host *h, const uint8_t *frame, size_t size, uint64_t now)
{
	struct payload p;
	uint32_t *seen;

	if (size < 14 + sizeof(p))
		return;
	memcpy(&p, frame + 14, sizeof(p));
	if (p.magic != MAGIC || p.run != run_id || !memcmp(frame + 6, h->mac, 6))
		return;
	if (!(frame[0] & 1)) {
		silence(h, now);
		h->last_ns = now;
	}
	seen = &h->seen[p.seq % WINDOW];
	if (*seen == p.seq + 1) {
		h->duplicates++;
		h->late++;
		return;
	}
	*seen = p.seq + 1;
	if (p.seq - h->first < WINDOW)
		h->got++;
}

static void host_receive(struct host *h)
{
	uint8_t frame[2048];
	ssize_t n;

	while ((n = conn_recv(&h->conn, frame, sizeof(frame))) > 1)
		host_hear(h, frame, (size_t)n, now_ns());
	if (n < 0 && errno != EAGAIN && errno != EINTR && errno != EIO)
		die(TOOL_BROKEN, "cannot receive: %s", strerror(errno));
}

static void period_end(const char *next)
{
	uint64_t sent = 0, got = 0, duplicates = 0, late = 0, now = now_ns();

	for (unsigned int i = 0; i < HOSTS; i++) {
		struct host *h = &hosts[i];
		const struct host *other = &hosts[!i];

		if (!(quiet && !i) && now - h->last_ns > cut_ns)
			cut_ns = now - h->last_ns;
		sent += other->sent - h->first;
		got += h->got;
		duplicates += h->duplicates;
		late += h->late;
		h->first = other->sent;
		h->got = h->duplicates = h->late = 0;
	}
	printf("%s sent=%" PRIu64 " lost=%" PRIu64 " duplicates=%" PRIu64 " late=%" PRIu64
	       " cut_ms=%.1f settled_ms=%.1f\n", period, sent, sent - got, duplicates, late,
	       (double)cut_ns / 1e6,
	       settled_ns ? (double)(settled_ns - began_ns) / 1e6 : -1.);
	fflush(stdout);
	snprintf(period, sizeof(period), "%s", next);
	began_ns = now;
	cut_ns = settled_ns = 0;
}

/* Let the frames under way arrive. */
static void drain(void)
{
	const uint64_t until = now_ns() + 5000000;

	do {
		for (unsigned int i = 0; i < HOSTS; i++)
			host_receive(&hosts[i]);
		sleep_us(500);
	} while (now_ns() < until);
}

/* Return: whether there will be more commands. */
static bool command(void)
{
	char line[LINE];
	ssize_t n = read(STDIN_FILENO, line, sizeof(line) - 1);

	if (n <= 0)
		return false;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	drain();
	period_end(line);
	return true;
}

static void talk(uint64_t interval_ns)
{
	struct pollfd fds[HOSTS + 1] = { { .fd = STDIN_FILENO, .events = POLLIN } };
	uint64_t next = now_ns();

	for (unsigned int i = 0; i < HOSTS; i++)
		fds[i + 1] = (struct pollfd){ .fd = hosts[i].conn.fd, .events = POLLIN };
	for (;;) {
		uint64_t now = now_ns(), wait = next > now ? next - now : 0;
		struct timespec limit = { 0, (long)(wait % 1000000000U) };

		if (ppoll(fds, HOSTS + 1, &limit, NULL) < 0 && errno != EINTR)
			die(TOOL_BROKEN, "poll: %s", strerror(errno));
		for (unsigned int i = 0; i < HOSTS; i++)
			host_receive(&hosts[i]);
		if (fds[0].revents && !command())
			return;
		if (now_ns() < next)
			continue;
		next += interval_ns;
		host_send(&hosts[0], &hosts[1]);
		if (!quiet || hosts[0].sent % QUIET == 1)
			host_send(&hosts[1], &hosts[0]);
	}
}

int main(int argc, char **argv)
{
	static const char usage[] = "usage: twohosts [-q] [-r FRAMES_PER_SECOND] VNL VNL\n";
	uint64_t rate = 500;
	int c;

	while ((c = getopt(argc, argv, "qr:h")) != -1) {
		if (c == 'q') {
			quiet = true;
			continue;
		}
		if (c != 'r') {
			fputs(usage, c == 'h' ? stdout : stderr);
			return c == 'h' ? TOOL_OK : TOOL_BROKEN;
		}
		rate = number("rate", optarg, 1000000);
	}
	if (argc - optind != HOSTS || rate < 2) {
		fputs(usage, stderr);
		return TOOL_BROKEN;
	}
	run_id = (uint32_t)getpid();
	for (unsigned int i = 0; i < HOSTS; i++)
		host_open(&hosts[i], argv[optind + (int)i], i + 1);
	began_ns = now_ns();
	talk(1000000000U / rate);
	return TOOL_OK;
}
