/* SPDX-License-Identifier: BSD-2-Clause */
/* streamraw.c - A stream of frames that is exactly as it is told, wrong things too
 *
 * DOC: Theory of operation
 *
 * streamraw DIR STEP... carries out the steps in order and stops at the first one
 * that does not end as it says, naming it. There is one connection to the switch. A
 * second client, the far end, is a libvdeplug client of the same switch and made when
 * first needed; it gets what the connection sends, and sends what it gets.
 *
 * Steps:
 *
 *   connect          connect to DIR/stream
 *   connect=PATH     connect to PATH
 *   listen=PATH      take the switch's connection to PATH
 *   there=N          a frame of N bytes gets to the far end
 *   back=N           a frame of N bytes comes from there
 *   bytewise=N       as "there", each byte sent by itself
 *   splits           some frames of different size, sent again and again in two
 *                    pieces, cut at each of their bytes
 *   many=N           N frames of different size in one go
 *   trickle=N        N frames of different size come from the far end while nothing is
 *                    read; then they are read in pieces of 1, 2, 3, 5, ... bytes. What
 *                    comes is whole and in order, though some may be missing
 *   length=N         send a length
 *   junk=N           send N bytes of 'x'
 *   runts=N          send N frames of 0 to 13 bytes
 *   fd               send a frame with a descriptor attached; it gets there
 *   shut             send the end of the stream
 *   eof              the connection ends
 *   silent=MS        nothing comes, not even the end, for so long
 *   close            close the connection
 *   burst=N          N times: connect, send a piece of a frame, close
 *   crowd=N          N connections that say nothing, kept open
 *   fill=N           send N frames to the far end, who does not read; however long
 *                    that takes
 *   hold             print "holding" and wait for the end of standard input
 *   sleep=MS
 */
#include "config.h"

#include "tests/integration/conn.h"

enum {
	FRAME_MIN = 14,
	FRAME_HEAD = 22,		/* what tells frames apart */
	FRAME_MAX = 65535,
	PATIENCE_MS = 3000,
};

/* Addresses of both ends. */
static const uint8_t here_mac[6] = { 0x02, 0, 0, 0, 0, 0x0d };
static const uint8_t far_mac[6] = { 0x02, 0, 0, 0, 0, 0x0c };

static struct conn here = { .fd = -1 };
static struct conn far_end = { .fd = -1 };
static const char *dir;
static const char *step;	/* the step under way, for messages */

#define fail(...)	fail_step(TOOL_FAILED, __VA_ARGS__)
#define broken(...)	fail_step(TOOL_BROKEN, __VA_ARGS__)

__attribute__((noreturn, format(printf, 2, 3)))
static void fail_step(int status, const char *fmt, ...)
{
	char why[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	die(status, "step '%s': %s", step, why);
}

/* Frames. */

/* Make a frame that is like no other; short ones have only a part of that. */
static void frame_make(uint8_t *f, size_t size, const uint8_t *to, const uint8_t *from,
		       uint32_t serial)
{
	uint8_t head[FRAME_HEAD];
	uint32_t n = (uint32_t)size;

	memcpy(head, to, 6);
	memcpy(head + 6, from, 6);
	head[12] = 0x88;
	head[13] = 0xb5;
	memcpy(head + 14, &serial, sizeof(serial));
	memcpy(head + 18, &n, sizeof(n));
	memcpy(f, head, size < sizeof(head) ? size : sizeof(head));
	for (size_t i = FRAME_HEAD; i < size; i++)
		f[i] = (uint8_t)(i * 7 + serial * 13 + (i >> 8));
}

static uint32_t next_serial(void)
{
	static uint32_t serial;

	return ++serial;
}

/* Receive the frame @want; others of ours are not to come. */
static void expect_frame(struct conn *c, const uint8_t *want, size_t size)
{
	static uint8_t in[FRAME_MAX + 1];
	ssize_t n;

	for (;;) {
		if (!conn_readable(c, PATIENCE_MS))
			fail("a frame of %zu bytes does not come", size);
		n = conn_recv(c, in, sizeof(in));
		if (n < 0)
			fail("cannot receive: %s", strerror(errno));
		/* Others' frames, and our own hello. */
		if (n < FRAME_MIN || in[12] != 0x88 || in[13] != 0xb5)
			continue;
		if ((size_t)n != size)
			fail("a frame of %zd bytes comes, not one of %zu", n, size);
		if (memcmp(in, want, size))
			fail("a frame of %zu bytes comes changed", size);
		return;
	}
}

/* The far end, which has told the switch where it is. */
static struct conn *far_one(void)
{
	uint8_t hello[60] = { 0 };
	char vnl[4096];

	if (far_end.fd >= 0)
		return &far_end;
	snprintf(vnl, sizeof(vnl), "vde://%s", dir);
	if (!conn_open(&far_end, vnl, "streamraw"))
		broken("%s: %s", vnl, strerror(errno));
	frame_make(hello, sizeof(hello), far_mac, far_mac, 0);
	memset(hello, 0xff, 6);
	hello[13] = 0xb6;
	if (conn_send(&far_end, hello, sizeof(hello)) < 0)
		broken("cannot send: %s", strerror(errno));
	return &far_end;
}

static void send_bytes(const void *buf, size_t size)
{
	if (!conn_send_bytes(&here, buf, size))
		fail("cannot send: %s", strerror(errno));
}

/* Wait until the switch has read all that was sent, so that what is sent next is
 * read by itself. */
static void wait_read(void)
{
	if (!conn_wait_read(&here, PATIENCE_MS))
		fail("the switch does not read");
}

/* A frame with its length. Return: bytes written to @buf. */
static size_t put_frame(uint8_t *buf, const uint8_t *frame, size_t size)
{
	uint32_t len = htonl((uint32_t)size);

	memcpy(buf, &len, sizeof(len));
	memcpy(buf + CONN_LENGTH, frame, size);
	return CONN_LENGTH + size;
}

/* Steps. */

static void do_connect(const char *path)
{
	char name[4096];

	if (path)
		snprintf(name, sizeof(name), "stream:%s", path);
	else
		snprintf(name, sizeof(name), "stream:%s/stream", dir);
	conn_close(&here);
	if (!conn_open(&here, name, ""))
		broken("%s: %s", name, strerror(errno));
}

static void do_listen(const char *path)
{
	struct sockaddr_un sa;
	int fd;

	conn_close(&here);
	conn_address(&sa, path, strlen(path));
	unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 1) < 0)
		broken("%s: %s", path, strerror(errno));
	if (!readable(fd, PATIENCE_MS))
		fail("the switch does not come");
	here.fd = accept(fd, NULL, NULL);
	here.buf = malloc(CONN_BUF);
	if (here.fd < 0 || !here.buf)
		broken("%s: %s", path, strerror(errno));
	close(fd);
	unlink(path);
}

static void do_there(size_t size, bool bytewise)
{
	static uint8_t frame[FRAME_MAX + 1], out[CONN_LENGTH + FRAME_MAX + 1];
	struct conn *to = far_one();
	size_t n;

	frame_make(frame, size, far_mac, here_mac, next_serial());
	n = put_frame(out, frame, size);
	if (!bytewise)
		send_bytes(out, n);
	for (size_t i = 0; bytewise && i < n; i++) {
		send_bytes(out + i, 1);
		wait_read();
	}
	expect_frame(to, frame, size);
}

/* The switch has to know where we are, or it floods; that gets here, too. */
static void do_back(size_t size)
{
	static uint8_t frame[FRAME_MAX + 1];

	frame_make(frame, size, here_mac, far_mac, next_serial());
	if (conn_send(far_one(), frame, size) < 0)
		fail("cannot send: %s", strerror(errno));
	expect_frame(&here, frame, size);
}

static void do_splits(void)
{
	static const size_t sizes[] = { 60, FRAME_MIN, 300, 15, 61 };
	enum { FRAMES = sizeof(sizes) / sizeof(sizes[0]) };
	static uint8_t frames[FRAMES][512], out[4096];
	struct conn *to = far_one();
	size_t total = 0;

	for (size_t i = 0; i < FRAMES; i++)
		total += CONN_LENGTH + sizes[i];
	for (size_t cut = 1; cut < total; cut++) {
		size_t n = 0;

		for (size_t i = 0; i < FRAMES; i++) {
			frame_make(frames[i], sizes[i], far_mac, here_mac, next_serial());
			n += put_frame(out + n, frames[i], sizes[i]);
		}
		send_bytes(out, cut);
		wait_read();
		send_bytes(out + cut, total - cut);
		for (size_t i = 0; i < FRAMES; i++)
			expect_frame(to, frames[i], sizes[i]);
	}
}

/* Sizes of all kinds, most of them short. */
static size_t some_size(uint32_t i)
{
	static const size_t sizes[] = {
		60, 14, 1514, 61, 22, 60, 4096, 1400, 60, 60, 9014, 15, 60, 65535, 333, 64,
	};

	return sizes[i % (sizeof(sizes) / sizeof(sizes[0]))];
}

static void do_many(uint64_t count)
{
	static uint8_t frame[FRAME_MAX];
	size_t size = 0, used = 0;
	struct conn *to = far_one();
	uint32_t first = next_serial();
	uint8_t *out;

	for (uint32_t i = 0; i < count; i++)
		size += CONN_LENGTH + some_size(i);
	out = malloc(size);
	if (!out)
		broken("out of memory");
	for (uint32_t i = 0; i < count; i++) {
		frame_make(frame, some_size(i), far_mac, here_mac, first + i);
		used += put_frame(out + used, frame, some_size(i));
	}
	send_bytes(out, used);
	for (uint32_t i = 0; i < count; i++) {
		frame_make(frame, some_size(i), far_mac, here_mac, first + i);
		expect_frame(to, frame, some_size(i));
	}
	free(out);
}

/* Read in pieces that have nothing to do with frames. */
static void do_trickle(uint64_t count)
{
	static const size_t pieces[] = { 1, 2, 3, 5, 7, 4, 11, 63, 997, 4093, 65537 };
	static uint8_t frame[FRAME_MAX], in[FRAME_MAX];
	struct conn *from = far_one();
	uint32_t serial, last = 0;
	uint64_t got = 0;
	unsigned int k = 0;

	for (uint32_t i = 1; i <= count; i++) {
		frame_make(frame, some_size(i), here_mac, far_mac, i);
		if (conn_send(from, frame, some_size(i)) < 0)
			fail("cannot send: %s", strerror(errno));
	}
	for (;;) {
		ssize_t n;

		if (!conn_pending(&here)) {
			if (!readable(here.fd, 500))
				break;
			n = conn_fill(&here, pieces[k++ % (sizeof(pieces) / sizeof(*pieces))]);
			if (n <= 0)
				fail("cannot receive: %s", n ? strerror(errno) : "the end");
			continue;
		}
		n = conn_recv(&here, in, sizeof(in));
		if (n < FRAME_HEAD || in[13] != 0xb5)
			continue;
		memcpy(&serial, in + 14, sizeof(serial));
		if (serial <= last || serial > count)
			fail("frame %u comes after %u", serial, last);
		frame_make(frame, some_size(serial), here_mac, far_mac, serial);
		if ((size_t)n != some_size(serial) || memcmp(in, frame, (size_t)n))
			fail("frame %u comes changed", serial);
		last = serial;
		got++;
	}
	if (here.begin != here.end)
		fail("a piece of a frame is left");
	if (!got)
		fail("nothing comes");
	printf("%llu of %llu frames came\n", (unsigned long long)got,
	       (unsigned long long)count);
}

static void do_runts(uint64_t count)
{
	static uint8_t frame[FRAME_MIN], out[CONN_LENGTH + FRAME_MIN];

	for (uint32_t i = 0; i < count; i++) {
		frame_make(frame, i % FRAME_MIN, far_mac, here_mac, i);
		send_bytes(out, put_frame(out, frame, i % FRAME_MIN));
	}
}

static void do_fd(void)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control = { .buf = "" };
	uint8_t frame[60], out[CONN_LENGTH + 60];
	struct iovec iov = { out, sizeof(out) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.buf, .msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	struct conn *to = far_one();
	int fd = STDERR_FILENO;

	frame_make(frame, sizeof(frame), far_mac, here_mac, next_serial());
	put_frame(out, frame, sizeof(frame));
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	/* On Linux 6.16 or later the kernel refuses it for the switch: then without. */
	if (sendmsg(here.fd, &msg, MSG_NOSIGNAL) < 0) {
		if (errno != EPERM)
			fail("cannot send: %s", strerror(errno));
		send_bytes(out, sizeof(out));
	}
	expect_frame(to, frame, sizeof(frame));
}

static void expect_end(void)
{
	uint64_t until = now_ns() + PATIENCE_MS * 1000000ULL;
	uint8_t buf[4096];
	ssize_t n;

	while (now_ns() < until && readable(here.fd, PATIENCE_MS)) {
		n = recv(here.fd, buf, sizeof(buf), 0);
		/* A peer that closes without having read all makes a reset. */
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return;
		if (n < 0)
			fail("%s", strerror(errno));
	}
	fail("still open after %d ms", PATIENCE_MS);
}

static void expect_silence(int ms)
{
	char b;

	if (readable(here.fd, ms))
		fail("%s", recv(here.fd, &b, 1, MSG_PEEK) > 0 ? "bytes came" :
		     "the connection was closed");
}

static void do_burst(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		do_connect(NULL);
		if (i % 3)
			conn_send_bytes(&here, "\0\0\0\100xxxxx", i % 10);
		conn_close(&here);
	}
}

static void do_crowd(uint64_t count)
{
	/* Left open on purpose until the process ends. */
	for (uint64_t i = 0; i < count; i++) {
		do_connect(NULL);
		here = (struct conn){ .fd = -1 };
	}
}

static void do_fill(uint64_t count)
{
	uint8_t frame[1514];

	far_one();
	for (uint64_t i = 0; i < count; i++) {
		frame_make(frame, sizeof(frame), far_mac, here_mac, (uint32_t)i);
		if (conn_send(&here, frame, sizeof(frame)) < 0)
			fail("cannot send: %s", strerror(errno));
	}
}

static void do_hold(void)
{
	char b;

	puts("holding");
	fflush(stdout);
	while (read(STDIN_FILENO, &b, 1) > 0)
		;
}

static void do_junk(size_t size)
{
	static char junk[1 << 20];

	memset(junk, 'x', sizeof(junk));
	send_bytes(junk, size);
}

static void do_length(uint32_t value)
{
	uint32_t len = htonl(value);

	send_bytes(&len, sizeof(len));
}

/* Those without an argument, or with an optional one. Return: false if unknown. */
static bool run_plain(const char *name, const char *arg)
{
	if (!strcmp(name, "connect"))
		do_connect(arg);
	else if (!strcmp(name, "splits"))
		do_splits();
	else if (!strcmp(name, "fd"))
		do_fd();
	else if (!strcmp(name, "shut"))
		shutdown(here.fd, SHUT_WR);
	else if (!strcmp(name, "eof"))
		expect_end();
	else if (!strcmp(name, "close"))
		conn_close(&here);
	else if (!strcmp(name, "hold"))
		do_hold();
	else
		return false;
	return true;
}

/* Those with an argument. Return: false if unknown. */
static bool run_with(const char *name, const char *arg)
{
	if (!strcmp(name, "listen"))
		do_listen(arg);
	else if (!strcmp(name, "there"))
		do_there(number(name, arg, FRAME_MAX + 1), false);
	else if (!strcmp(name, "back"))
		do_back(number(name, arg, FRAME_MAX));
	else if (!strcmp(name, "bytewise"))
		do_there(number(name, arg, FRAME_MAX), true);
	else if (!strcmp(name, "many"))
		do_many(number(name, arg, 100000));
	else if (!strcmp(name, "trickle"))
		do_trickle(number(name, arg, 100000));
	else if (!strcmp(name, "length"))
		do_length((uint32_t)number(name, arg, UINT32_MAX));
	else if (!strcmp(name, "junk"))
		do_junk(number(name, arg, 1 << 20));
	else if (!strcmp(name, "runts"))
		do_runts(number(name, arg, 100000));
	else if (!strcmp(name, "silent"))
		expect_silence((int)number(name, arg, 100000));
	else if (!strcmp(name, "burst"))
		do_burst(number(name, arg, 1000000));
	else if (!strcmp(name, "crowd"))
		do_crowd(number(name, arg, 100000));
	else if (!strcmp(name, "fill"))
		do_fill(number(name, arg, 1000000));
	else if (!strcmp(name, "sleep"))
		sleep_us(number(name, arg, 100000) * 1000);
	else
		return false;
	return true;
}

static void run(char *text)
{
	const char *eq = strchr(text, '=');
	char name[32];

	step = text;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(text, "="), text);
	if (!run_plain(name, eq ? eq + 1 : NULL) && !(eq && run_with(name, eq + 1)))
		broken("no such step");
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: streamraw DIR STEP...\n");
		return TOOL_BROKEN;
	}
	dir = argv[1];
	watchdog(60);
	for (int i = 2; i < argc; i++)
		run(argv[i]);
	conn_close(&here);
	conn_close(&far_end);
	return TOOL_OK;
}
