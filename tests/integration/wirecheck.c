/* SPDX-License-Identifier: BSD-2-Clause */
/* wirecheck.c - Sends frames through a wire, and says what became of them
 *
 * wirecheck [OPTION...] COMMAND [ARGUMENT...]
 *
 * COMMAND is a wirefilter: it reads frames from its standard input, each with its
 * length in front (u16, big-endian), and writes them to its standard output. With -b
 * it has a second pair of descriptors, named in ALTERNATE_STDIN and ALTERNATE_STDOUT
 * as dpipe does, and frames go both ways at once.
 *
 *   -n COUNT	frames to send (100)
 *   -s SIZE	bytes of each (100)
 *   -t SIZE	sizes from -s to this one, one byte longer each time
 *   -i US	microseconds between two (0: as fast as they are taken)
 *   -w MS	the end is when nothing has come for so long (500)
 *   -k		kill the command at the end; else close its input and wait
 *
 * Prints "name value" lines, those of the other direction with "back_" in front:
 *
 *   sent, received	frames; copies received twice or more count each time
 *   lost		sent and never received
 *   copies		received before
 *   overtaken		received after a later one
 *   damaged		frames with a flipped bit, or that nobody sent
 *   bits		flipped bits
 *   longest		greatest size received
 *   bursts		groups of frames lost one after the other
 *   delay_min ... delay_max	microseconds from sending to receiving
 *   gap_p1, gap_p50, gap_p99	microseconds between two received
 *   rate		received a second, from the first to the last
 *   send_s		seconds that sending took
 *   exit		status of the command, if it was not killed
 */
#include "config.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "tests/integration/tool.h"

enum {
	HDR = 2,
	SEQ_AT = 14,			/* behind addresses and type */
	SIZE_LEAST = SEQ_AT + 4,
	FRAME_MAX = 65535,
	READ_SIZE = 1 << 20,
	PATIENCE_S = 120,
	EXIT_WAIT_MS = 5000,
};

static uint64_t count = 100, size_first = 100, size_last, interval_us, silence_ms = 500;
static bool both, killing;

/** struct way - One direction */
struct way {
	const char *prefix;
	int in, out;
	uint64_t *sent_ns;
	uint32_t *times;		/* received */
	uint64_t *delay_ns;
	uint64_t *at_ns;
	uint64_t room, received, copies, overtaken, damaged, bits, longest, last_seq;
	uint64_t send_ns;
	pthread_t sender, receiver;
};

static size_t size_of(uint64_t seq)
{
	return size_last ? size_first + seq % (size_last - size_first + 1) : size_first;
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* What is sent as frame @seq, at @f with its length in front. Return: bytes. */
static size_t make_frame(uint8_t *f, uint64_t seq)
{
	size_t size = size_of(seq);

	memset(f, 0, HDR + size);
	f[0] = (uint8_t)(size >> 8);
	f[1] = (uint8_t)size;
	f += HDR;
	memset(f, 0xff, 6);
	f[6] = 0x02;
	f[12] = 0x88;
	f[13] = 0xb5;
	for (int i = 0; i < 4; i++)
		f[SEQ_AT + i] = (uint8_t)(seq >> (24 - 8 * i));
	return HDR + size;
}

static void write_all(int fd, const uint8_t *p, size_t size)
{
	while (size) {
		ssize_t n = write(fd, p, size);

		if (n < 0)
			die(TOOL_FAILED, "the wire takes no more: %s", strerror(errno));
		p += n;
		size -= (size_t)n;
	}
}

static void *send_frames(void *arg)
{
	static _Thread_local uint8_t f[HDR + FRAME_MAX];
	uint64_t start = now_ns();
	struct way *way = arg;

	for (uint64_t i = 0; i < count; i++) {
		uint64_t due = start + i * interval_us * 1000, now = now_ns();

		if (interval_us && now < due)
			sleep_us((due - now) / 1000);
		way->sent_ns[i] = now_ns();
		write_all(way->out, f, make_frame(f, i));
	}
	way->send_ns = now_ns() - start;
	return NULL;
}

static unsigned int difference(const uint8_t *a, const uint8_t *b, size_t size)
{
	unsigned int bits = 0;

	for (size_t i = 0; i < size; i++)
		bits += (unsigned int)__builtin_popcount(a[i] ^ b[i]);
	return bits;
}

static void receive_frame(struct way *way, const uint8_t *f, size_t size, uint64_t now)
{
	static _Thread_local uint8_t want[HDR + FRAME_MAX];
	uint64_t seq = size >= SIZE_LEAST ? get32(f + SEQ_AT) : count;
	unsigned int bits;

	if (way->received == way->room) {
		way->room = 2 * way->room + 1024;
		way->at_ns = realloc(way->at_ns, way->room * sizeof(*way->at_ns));
		if (!way->at_ns)
			die(TOOL_BROKEN, "no memory");
	}
	way->at_ns[way->received++] = now;
	way->longest = size > way->longest ? size : way->longest;
	if (seq >= count || size != size_of(seq)) {
		way->damaged++;
		return;
	}
	make_frame(want, seq);
	bits = difference(want + HDR, f, size);
	way->bits += bits;
	way->damaged += bits != 0;
	way->copies += way->times[seq] != 0;
	way->overtaken += seq < way->last_seq;
	way->last_seq = seq;
	if (!way->times[seq]++)
		way->delay_ns[seq] = now - way->sent_ns[seq];
}

static void *receive_frames(void *arg)
{
	static _Thread_local uint8_t buf[READ_SIZE + HDR + FRAME_MAX];
	struct way *way = arg;
	size_t have = 0;
	bool sending = true;

	for (;;) {
		size_t at = 0;
		uint64_t now;
		ssize_t n;

		/* As long as frames are being sent, silence is not the end. */
		if (!readable(way->in, (int)silence_ms)) {
			if (!sending)
				return NULL;
			sending = !__atomic_load_n(&way->send_ns, __ATOMIC_ACQUIRE);
			continue;
		}
		n = read(way->in, buf + have, sizeof(buf) - have);
		now = now_ns();
		if (n <= 0)
			return NULL;
		have += (size_t)n;
		while (have - at >= HDR) {
			size_t size = (size_t)buf[at] << 8 | buf[at + 1];

			if (have - at < HDR + size)
				break;
			receive_frame(way, buf + at + HDR, size, now);
			at += HDR + size;
		}
		memmove(buf, buf + at, have - at);
		have -= at;
	}
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void print_us(const struct way *way, const char *name, uint64_t ns)
{
	printf("%s%s %.1f\n", way->prefix, name, (double)ns / 1e3);
}

/* Quantiles of @n values, which are sorted by this. */
static void print_quantiles(const struct way *way, const char *name, uint64_t *v, uint64_t n)
{
	static const struct {
		const char *name;
		double at;
	} quantiles[] = { { "min", 0 }, { "p1", .01 }, { "p50", .5 }, { "p99", .99 }, { "max", 1 } };
	char full[32];

	if (!n)
		return;
	qsort(v, n, sizeof(*v), by_value);
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
		snprintf(full, sizeof(full), "%s_%s", name, quantiles[i].name);
		print_us(way, full, v[(uint64_t)((double)(n - 1) * quantiles[i].at)]);
	}
}

static void print_count(const struct way *way, const char *name, uint64_t n)
{
	printf("%s%s %llu\n", way->prefix, name, (unsigned long long)n);
}

static void print_delays(struct way *way)
{
	uint64_t n = 0, sum = 0, lost = 0, bursts = 0;
	uint64_t *delays = way->delay_ns;

	for (uint64_t i = 0; i < count; i++) {
		if (way->times[i]) {
			sum += delays[i];
			delays[n++] = delays[i];
			continue;
		}
		bursts += !i || way->times[i - 1];
		lost++;
	}
	print_count(way, "lost", lost);
	print_count(way, "bursts", bursts);
	print_quantiles(way, "delay", delays, n);
	if (n)
		print_us(way, "delay_mean", sum / n);
}

static void print_gaps(struct way *way)
{
	uint64_t n = way->received, *at = way->at_ns, ns;

	if (n < 2)
		return;
	ns = at[n - 1] - at[0];
	printf("%srate %.0f\n", way->prefix, ns ? (double)(n - 1) * 1e9 / (double)ns : 0.);
	for (uint64_t i = 0; i + 1 < n; i++)
		at[i] = at[i + 1] - at[i];
	print_quantiles(way, "gap", at, n - 1);
}

static void print_way(struct way *way)
{
	print_count(way, "sent", count);
	print_count(way, "received", way->received);
	print_count(way, "copies", way->copies);
	print_count(way, "overtaken", way->overtaken);
	print_count(way, "damaged", way->damaged);
	print_count(way, "bits", way->bits);
	print_count(way, "longest", way->longest);
	print_delays(way);
	print_gaps(way);
	printf("%ssend_s %.6f\n", way->prefix, (double)way->send_ns / 1e9);
}

/* Two pipes, and the command at their other ends. Return: its process. */
static pid_t start(struct way *way, struct way *back, char **argv)
{
	int in[2], out[2], in2[2] = { -1, -1 }, out2[2] = { -1, -1 };
	char text[16];
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) ||
	    (both && (pipe2(in2, O_CLOEXEC) || pipe2(out2, O_CLOEXEC))))
		die(TOOL_BROKEN, "pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		die(TOOL_BROKEN, "fork: %s", strerror(errno));
	if (!pid) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		if (both) {
			fcntl(in2[0], F_SETFD, 0);
			fcntl(out2[1], F_SETFD, 0);
			snprintf(text, sizeof(text), "%d", in2[0]);
			setenv("ALTERNATE_STDIN", text, 1);
			snprintf(text, sizeof(text), "%d", out2[1]);
			setenv("ALTERNATE_STDOUT", text, 1);
		}
		execvp(argv[0], argv);
		fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	close(in2[0]);
	close(out2[1]);
	/* Left to right goes out at the second pair, if there is one. */
	way->out = in[1];
	way->in = both ? out2[0] : out[0];
	back->out = in2[1];
	back->in = out[0];
	return pid;
}

static void prepare(struct way *way, const char *prefix)
{
	way->prefix = prefix;
	way->sent_ns = calloc(count, sizeof(*way->sent_ns));
	way->delay_ns = calloc(count, sizeof(*way->delay_ns));
	way->times = calloc(count, sizeof(*way->times));
	if (!way->sent_ns || !way->delay_ns || !way->times)
		die(TOOL_BROKEN, "no memory");
}

static void release(struct way *way)
{
	free(way->sent_ns);
	free(way->delay_ns);
	free(way->times);
	free(way->at_ns);
}

static void begin(struct way *way)
{
	pthread_create(&way->receiver, NULL, receive_frames, way);
	pthread_create(&way->sender, NULL, send_frames, way);
}

static void finish(struct way *way)
{
	pthread_join(way->sender, NULL);
	pthread_join(way->receiver, NULL);
}

/* Close its input, and wait for its end. Return: how it ended. */
static int stop(pid_t pid, int in)
{
	int status = 0;

	if (killing)
		kill(pid, SIGKILL);
	close(in);
	for (int ms = 0; ms < EXIT_WAIT_MS; ms += 10) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		sleep_us(10000);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	die(TOOL_FAILED, "the wire goes on without its input");
}

int main(int argc, char **argv)
{
	struct way way = { .in = -1 }, back = { .in = -1 };
	int c, status;
	pid_t pid;

	while ((c = getopt(argc, argv, "+bkn:s:t:i:w:")) != -1) {
		switch (c) {
		case 'b':
			both = true;
			break;
		case 'k':
			killing = true;
			break;
		case 'n':
			count = number("-n", optarg, 100000000);
			break;
		case 's':
			size_first = number("-s", optarg, FRAME_MAX);
			break;
		case 't':
			size_last = number("-t", optarg, FRAME_MAX);
			break;
		case 'i':
			interval_us = number("-i", optarg, 10000000);
			break;
		case 'w':
			silence_ms = number("-w", optarg, 60000);
			break;
		default:
			return TOOL_BROKEN;
		}
	}
	if (optind == argc || !count || size_first < SIZE_LEAST ||
	    (size_last && size_last < size_first))
		die(TOOL_BROKEN, "usage: wirecheck [-b] [-k] [-n COUNT] [-s SIZE] [-t SIZE] "
		    "[-i US] [-w MS] COMMAND...");
	watchdog(PATIENCE_S);
	signal(SIGPIPE, SIG_IGN);
	prepare(&way, "");
	prepare(&back, "back_");
	pid = start(&way, &back, argv + optind);
	begin(&way);
	if (both)
		begin(&back);
	finish(&way);
	if (both)
		finish(&back);
	status = stop(pid, way.out);
	print_way(&way);
	if (both)
		print_way(&back);
	release(&way);
	release(&back);
	if (!killing)
		printf("exit %d\n", WIFEXITED(status) ? WEXITSTATUS(status) :
		       128 + WTERMSIG(status));
	return TOOL_OK;
}
