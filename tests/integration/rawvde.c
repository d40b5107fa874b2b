/* SPDX-License-Identifier: BSD-2-Clause */
/* rawvde.c - A VDE client that does exactly what it is told, wrong things too
 *
 * DOC: Theory of operation
 *
 * rawvde DIR STEP... carries out the steps in order and stops at the first one
 * that does not end as it says, naming it. It speaks the protocol by itself,
 * from byte offsets written down here, so that it can send requests that no
 * library would, and shares no description of the wire with the switch.
 *
 * Steps, with the state they work on: one connection, one data socket, one
 * request (bytes, and how many of them are sent).
 *
 *   connect          connect to DIR/ctl
 *   bind[=PATH]      make the data socket; @NAME is an abstract name, each @ a
 *                    zero byte; default DIR/.raw-PID, as most clients do
 *   chmod=MODE       change the mode of the data socket's file
 *   v3 v1 v0         write a request of that version, naming the data socket
 *   magic=N version=N type=N port=N family=N path=PATH
 *                    change a field of it (type and port: either version)
 *   descr=TEXT       append a description
 *   zeros=N          append N bytes of zero
 *   length=N         cut it to N bytes, or fill it up to N with 'x'
 *   send[=N]         send N more bytes of it (default: all that is left)
 *   bytewise         send all that is left, each byte by itself
 *   send-fd[=N]      send all that is left with a descriptor attached, or N of them
 *   again            from here on "send" begins at the first byte again
 *   twice            append the request to itself, to send two in one write
 *   junk=N           send N bytes of 'x' on the connection
 *   shut             send the end of the stream
 *   reply[=PREFIX]   an answer comes: 110 bytes that name a socket, in a file
 *                    whose name begins with PREFIX
 *   eof              the connection ends without a byte
 *   dropped          the connection ends, whatever came before
 *   silent=MS        nothing comes, not even the end, for so long
 *   dconnect         connect the data socket to the answered address
 *   unlink           remove the data socket's file, as libvdeplug does
 *   io               frames pass between here and a second, well-behaved
 *                    client, both ways; sends with sendto() before dconnect
 *   empty            send an empty datagram
 *   data-fd=N        N frames, a descriptor attached to each
 *   stranger         another socket cannot send to the answered address
 *   flood=N          N broadcast frames, each from an address of its own
 *   quiet=MS         no datagram comes to the data socket for so long
 *   data-close       close the data socket alone
 *   close            close connection and data socket, remove its file
 *   burst=N          N times: connect, bind, send a request, close at once
 *   crowd=N          N connections that say nothing, kept open
 *   knock=MS         try to connect to DIR/ctl all the time, which is refused
 *   race=PATH        1000 times: connect, and request a port for the data
 *                    socket's name, which is a link to PATH every other
 *                    moment; keep what ports come of it
 *   hold             print "holding" and wait for the end of standard input
 *   sleep=MS
 *   kill             end like a crash, leaving everything
 */
#include "config.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "tests/integration/tool.h"

/* The wire, by offsets: u32 magic, u32 version, u32 type, sockaddr_un (110
 * bytes), description; version 1: u32 magic, u32 type, MAC, sockaddr_un. */
enum {
	WIRE_MAGIC = 0,
	WIRE_V3_VERSION = 4,
	WIRE_V3_TYPE = 8,
	WIRE_V3_ADDR = 12,
	WIRE_V3_SIZE = 122,
	WIRE_V1_TYPE = 4,
	WIRE_V1_ADDR = 14,
	WIRE_V1_SIZE = 124,
	WIRE_ADDR_SIZE = 110,
	WIRE_MAX = 65536,

	PATIENCE_MS = 2000,		/* the longest the switch may think */
	FRAME_SIZE = 60,
	FDS_MAX = 253,			/* what one message can carry */
	RACES = 1000,
};

/**
 * struct client - One client
 * @ctl:	Connection, or -1
 * @data:	Data socket, or -1
 * @own:	Address of the data socket
 * @own_len:	Its length; 0 if not bound
 * @peer:	Address the switch answered with
 * @connected:	The data socket is connected to it
 * @req:	Request
 * @req_len:	Its length
 * @req_sent:	How much of it is sent
 * @addr_at:	Where in it the address is
 * @type_at:	Where in it the type is
 */
struct client {
	int ctl;
	int data;
	struct sockaddr_un own;
	socklen_t own_len;
	struct sockaddr_un peer;
	bool connected;
	uint8_t req[WIRE_MAX];
	size_t req_len;
	size_t req_sent;
	size_t addr_at;
	size_t type_at;
};

static struct client self = { .ctl = -1, .data = -1 };
static struct client canary = { .ctl = -1, .data = -1 };
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

static void put32(struct client *c, size_t at, uint64_t value)
{
	uint32_t v = (uint32_t)value;

	if (at + sizeof(v) > c->req_len)
		broken("the request has no such field");
	memcpy(c->req + at, &v, sizeof(v));
}

static uint32_t get32(const struct client *c, size_t at)
{
	uint32_t v;

	memcpy(&v, c->req + at, sizeof(v));
	return v;
}

/* Put a path into an address; each leading @ is a zero byte: abstract. Return: the address' length,
 * which is the whole structure: that is what VDE programs pass. */
static socklen_t set_path(struct sockaddr_un *sa, const char *path)
{
	size_t len = strlen(path);

	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	if (len > sizeof(sa->sun_path))
		broken("path too long");
	memcpy(sa->sun_path, path, len);
	for (size_t i = 0; path[i] == '@'; i++)
		sa->sun_path[i] = 0;
	return sizeof(*sa);
}

/* Sockets. */

static void client_connect(struct client *c)
{
	struct sockaddr_un sa;
	char path[4096];

	snprintf(path, sizeof(path), "%s/ctl", dir);
	set_path(&sa, path);
	c->ctl = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->ctl < 0 || connect(c->ctl, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		broken("%s: %s", path, strerror(errno));
}

static void client_bind(struct client *c, const char *path)
{
	static unsigned int serial;
	char name[4096];

	if (!path) {
		snprintf(name, sizeof(name), "%s/.raw-%d-%u", dir, getpid(), serial++);
		path = name;
	}
	c->own_len = set_path(&c->own, path);
	c->data = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (c->data < 0 || bind(c->data, (struct sockaddr *)&c->own, c->own_len) < 0)
		broken("cannot bind %s: %s", path, strerror(errno));
}

static void client_unlink(const struct client *c)
{
	if (c->own_len && c->own.sun_path[0])
		unlink(c->own.sun_path);
}

static void client_data_close(struct client *c)
{
	close(c->data);
	c->data = -1;
}

static void client_close(struct client *c)
{
	client_unlink(c);
	if (c->ctl >= 0)
		close(c->ctl);
	if (c->data >= 0)
		close(c->data);
	*c = (struct client){ .ctl = -1, .data = -1 };
}

/* Requests. */

static void request_new(struct client *c, int version)
{
	memset(c->req, 0, sizeof(c->req));
	c->req_sent = 0;
	if (version == 3) {
		c->req_len = WIRE_V3_SIZE;
		put32(c, WIRE_V3_VERSION, 3);
		c->type_at = WIRE_V3_TYPE;
		c->addr_at = WIRE_V3_ADDR;
	} else {
		c->req_len = WIRE_V1_SIZE;
		c->type_at = WIRE_V1_TYPE;
		c->addr_at = WIRE_V1_ADDR;
	}
	/* Before version 1 there was no magic number: the rest is alike. */
	put32(c, WIRE_MAGIC, version == 0 ? 0 : 0xfeedface);
	memcpy(c->req + c->addr_at, &c->own, WIRE_ADDR_SIZE);
}

static void request_append(struct client *c, const char *text, size_t n)
{
	if (c->req_len + n > sizeof(c->req))
		broken("request too long");
	memcpy(c->req + c->req_len, text, n);
	c->req_len += n;
}

static void request_length(struct client *c, size_t n)
{
	if (n > c->req_len)
		memset(c->req + c->req_len, 'x', n - c->req_len);
	c->req_len = n;
}

static void client_send(struct client *c, size_t n)
{
	if (n > c->req_len - c->req_sent)
		broken("the request has only %zu bytes", c->req_len);
	if (send(c->ctl, c->req + c->req_sent, n, MSG_NOSIGNAL) != (ssize_t)n)
		fail("cannot send: %s", strerror(errno));
	c->req_sent += n;
}

static void client_send_bytewise(struct client *c)
{
	while (c->req_sent < c->req_len) {
		client_send(c, 1);
		sleep_us(200);
	}
}

/* Send with descriptors attached: @n times standard error. */
static ssize_t send_fds(int sock, const void *bytes, size_t size, unsigned int n)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control = { .buf = "" };
	struct iovec iov = { (void *)(uintptr_t)bytes, size };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.buf, .msg_controllen = CMSG_SPACE(n * sizeof(int)),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	int fds[FDS_MAX];
	ssize_t ret;

	for (unsigned int i = 0; i < n; i++)
		fds[i] = STDERR_FILENO;
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds, n * sizeof(int));
	ret = sendmsg(sock, &msg, MSG_NOSIGNAL);
	/* A switch on Linux 6.16 or later has the kernel refuse it: then without. */
	if (ret < 0 && errno == EPERM) {
		msg.msg_control = NULL;
		msg.msg_controllen = 0;
		ret = sendmsg(sock, &msg, MSG_NOSIGNAL);
	}
	return ret;
}

static void client_send_fd(struct client *c, unsigned int n)
{
	size_t left = c->req_len - c->req_sent;

	if (send_fds(c->ctl, c->req + c->req_sent, left, n) != (ssize_t)left)
		fail("cannot send: %s", strerror(errno));
	c->req_sent = c->req_len;
}

/* Answers. */

static void expect_reply(struct client *c, const char *prefix)
{
	uint8_t buf[WIRE_ADDR_SIZE + 1];
	const char *name;
	size_t got = 0;
	ssize_t n;

	while (got < WIRE_ADDR_SIZE) {
		if (!readable(c->ctl, PATIENCE_MS))
			fail("no answer within %d ms", PATIENCE_MS);
		n = recv(c->ctl, buf + got, sizeof(buf) - got, 0);
		if (n <= 0)
			fail("%s after %zu bytes",
			     n ? strerror(errno) : "the connection was closed", got);
		got += (size_t)n;
	}
	if (got != WIRE_ADDR_SIZE)
		fail("the answer is longer than %d bytes", WIRE_ADDR_SIZE);
	memcpy(&c->peer, buf, WIRE_ADDR_SIZE);
	if (c->peer.sun_family != AF_UNIX || c->peer.sun_path[0] != '/' ||
	    c->peer.sun_path[sizeof(c->peer.sun_path) - 1])
		fail("the answer is not the address of a socket file");
	name = strrchr(c->peer.sun_path, '/') + 1;
	if (prefix && strncmp(name, prefix, strlen(prefix)))
		fail("the answer names %s", name);
}

static void expect_end(const struct client *c, bool data_is_fine)
{
	uint64_t until = now_ns() + PATIENCE_MS * 1000000ULL;
	uint8_t buf[4096];
	ssize_t n;

	while (now_ns() < until) {
		if (!readable(c->ctl, PATIENCE_MS))
			break;
		n = recv(c->ctl, buf, sizeof(buf), 0);
		/* A peer that closes without having read all makes a reset. */
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return;
		if (n < 0)
			fail("%s", strerror(errno));
		if (!data_is_fine)
			fail("%zd bytes came", n);
	}
	fail("still open after %d ms", PATIENCE_MS);
}

static void expect_silence(const struct client *c, int ms)
{
	char b;
	ssize_t n;

	if (!readable(c->ctl, ms))
		return;
	n = recv(c->ctl, &b, 1, MSG_PEEK);
	fail("%s", n > 0 ? "an answer came" : "the connection was closed");
}

/* Frames. */

static void client_dconnect(struct client *c)
{
	if (connect(c->data, (struct sockaddr *)&c->peer, sizeof(c->peer)) < 0)
		fail("cannot connect to %s: %s", c->peer.sun_path, strerror(errno));
	c->connected = true;
}

/* A plain client to exchange frames with. */
static void client_open(struct client *c)
{
	*c = (struct client){ .ctl = -1, .data = -1 };
	client_connect(c);
	client_bind(c, NULL);
	request_new(c, 3);
	request_append(c, "canary", 6);
	client_send(c, c->req_len);
	expect_reply(c, NULL);
	client_dconnect(c);
}

static void make_frame(uint8_t *f, uint8_t to, uint8_t from)
{
	static uint32_t serial;

	memset(f, 0, FRAME_SIZE);
	memset(f, to == 0xff ? 0xff : 0, 6);
	f[0] = to == 0xff ? 0xff : 0x02;
	f[5] = to;
	f[6] = 0x02;
	f[11] = from;
	f[12] = 0x88;
	f[13] = 0xb5;
	serial++;
	memcpy(f + 14, &serial, sizeof(serial));
}

static void frame_passes(const struct client *from, const struct client *to,
			 const uint8_t *frame, const char *direction)
{
	uint64_t until = now_ns() + PATIENCE_MS * 1000000ULL;
	uint8_t in[2048];
	ssize_t n;

	if (from->connected)
		n = send(from->data, frame, FRAME_SIZE, 0);
	else
		n = sendto(from->data, frame, FRAME_SIZE, 0,
			   (const struct sockaddr *)&from->peer, sizeof(from->peer));
	if (n != FRAME_SIZE)
		fail("cannot send a frame %s: %s", direction, strerror(errno));
	while (now_ns() < until) {
		if (!readable(to->data, PATIENCE_MS))
			break;
		n = recv(to->data, in, sizeof(in), 0);
		if (n == FRAME_SIZE && !memcmp(in, frame, FRAME_SIZE))
			return;
	}
	fail("no frame comes %s", direction);
}

/* Both ways: broadcast, then unicast back. */
static void client_io(const struct client *c)
{
	uint8_t frame[FRAME_SIZE];

	client_open(&canary);
	make_frame(frame, 0xff, 0x0c);
	frame_passes(c, &canary, frame, "out");
	make_frame(frame, 0x0c, 0x0d);
	frame_passes(&canary, c, frame, "in");
	client_close(&canary);
}

/* Frames with descriptors: who takes the frames must not keep them. */
static void data_fds(const struct client *c, uint64_t n)
{
	uint8_t frame[FRAME_SIZE];

	make_frame(frame, 0xff, 0x0c);
	while (n--)
		if (send_fds(c->data, frame, sizeof(frame), 1) != FRAME_SIZE)
			fail("cannot send a frame: %s", strerror(errno));
}

/* The switch's data socket takes frames from its client alone. */
static void stranger(const struct client *c)
{
	struct client other = { .ctl = -1, .data = -1 };
	uint8_t frame[FRAME_SIZE];
	ssize_t n;
	int err;

	client_bind(&other, NULL);
	make_frame(frame, 0xff, 0x0e);
	n = sendto(other.data, frame, sizeof(frame), 0,
		   (const struct sockaddr *)&c->peer, sizeof(c->peer));
	err = errno;
	client_close(&other);
	if (n >= 0)
		fail("the frame of a stranger was taken");
	if (err != EPERM && err != EACCES)
		fail("a stranger's frame: %s", strerror(err));
}

static void flood(const struct client *c, uint64_t n)
{
	uint8_t frame[FRAME_SIZE];

	make_frame(frame, 0xff, 0);
	for (uint64_t i = 0; i < n; i++) {
		frame[6] = 0x06;
		for (int b = 0; b < 5; b++)
			frame[7 + b] = (uint8_t)((i * 0x9e3779b97f4aULL) >> 8 * b);
		if (send(c->data, frame, sizeof(frame), 0) != FRAME_SIZE)
			fail("cannot send frame %" PRIu64 ": %s", i, strerror(errno));
	}
}

static void expect_quiet(const struct client *c, int ms)
{
	if (readable(c->data, ms))
		fail("a datagram came");
}

/* Many. */

static void burst(unsigned int n)
{
	struct client c = { .ctl = -1, .data = -1 };

	for (unsigned int i = 0; i < n; i++) {
		client_connect(&c);
		client_bind(&c, NULL);
		request_new(&c, 3);
		request_append(&c, "burst", 5);
		client_send(&c, c.req_len);
		client_close(&c);
	}
}

static void crowd(unsigned int n)
{
	static struct client c;

	/* Left open on purpose until the process ends. */
	for (unsigned int i = 0; i < n; i++)
		client_connect(&c);
}

static void knock(uint64_t ms)
{
	uint64_t until = now_ns() + ms * 1000000U;
	struct sockaddr_un sa;
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/ctl", dir);
	set_path(&sa, path);
	while (now_ns() < until) {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			broken("%s", strerror(errno));
		if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
			fail("it was let in");
		close(fd);
	}
}

/* A child turns our name from our socket into a link to @target and back as fast
 * as it can, while we ask for ports by that name. The ports are kept: whoever
 * else was believed to be their client gets what is broadcast. */
static void race(struct client *c, const char *target)
{
	char real[PATH_MAX], link[PATH_MAX];
	const char *name = c->own.sun_path;
	struct client try;
	pid_t child;

	snprintf(real, sizeof(real), "%s.real", name);
	snprintf(link, sizeof(link), "%s.link", name);
	if (rename(name, real) < 0 || symlink(target, name) < 0)
		broken("%s", strerror(errno));
	child = fork();
	if (child < 0)
		broken("%s", strerror(errno));
	while (child == 0) {
		if (symlink(real, link) < 0 || rename(link, name) < 0 ||
		    symlink(target, link) < 0 || rename(link, name) < 0)
			_exit(1);
	}
	for (unsigned int i = 0; i < RACES; i++) {
		try = *c;
		client_connect(&try);
		request_new(&try, 3);
		client_send(&try, try.req_len);
		/* Refused, or answered: both may be. */
		if (i % 2)
			readable(try.ctl, PATIENCE_MS);
		if (i >= RACES - 20)
			continue;
		close(try.ctl);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	unlink(real);
	unlink(link);
}

static void hold(void)
{
	char b;

	puts("holding");
	fflush(stdout);
	while (read(STDIN_FILENO, &b, 1) > 0)
		;
}

/* Steps. */

/* Those without an argument, or with an optional one. Return: false if unknown. */
static bool run_plain(struct client *c, const char *name, const char *arg)
{
	if (!strcmp(name, "connect"))
		client_connect(c);
	else if (!strcmp(name, "bind"))
		client_bind(c, arg);
	else if (!strcmp(name, "v3") || !strcmp(name, "v1") || !strcmp(name, "v0"))
		request_new(c, name[1] - '0');
	else if (!strcmp(name, "send"))
		client_send(c, arg ? number(name, arg, WIRE_MAX) : c->req_len - c->req_sent);
	else if (!strcmp(name, "bytewise"))
		client_send_bytewise(c);
	else if (!strcmp(name, "send-fd"))
		client_send_fd(c, arg ? (unsigned int)number(name, arg, FDS_MAX) : 1);
	else if (!strcmp(name, "again"))
		c->req_sent = 0;
	else if (!strcmp(name, "shut"))
		shutdown(c->ctl, SHUT_WR);
	else if (!strcmp(name, "reply"))
		expect_reply(c, arg);
	else if (!strcmp(name, "eof"))
		expect_end(c, false);
	else if (!strcmp(name, "dropped"))
		expect_end(c, true);
	else if (!strcmp(name, "dconnect"))
		client_dconnect(c);
	else if (!strcmp(name, "unlink"))
		client_unlink(c);
	else if (!strcmp(name, "io"))
		client_io(c);
	else if (!strcmp(name, "empty"))
		send(c->data, "", 0, 0);
	else if (!strcmp(name, "close"))
		client_close(c);
	else if (!strcmp(name, "twice"))
		request_append(c, (char *)c->req, c->req_len);
	else if (!strcmp(name, "stranger"))
		stranger(c);
	else if (!strcmp(name, "data-close"))
		client_data_close(c);
	else if (!strcmp(name, "hold"))
		hold();
	else if (!strcmp(name, "kill"))
		raise(SIGKILL);
	else
		return false;
	return true;
}

/* Those with an argument. Return: false if unknown. */
static bool run_with(struct client *c, const char *name, const char *arg)
{
	struct sockaddr_un sa;
	uint16_t family;
	char junk[4096];

	if (!strcmp(name, "chmod")) {
		if (chmod(c->own.sun_path, (mode_t)number(name, arg, 07777)) < 0)
			broken("%s", strerror(errno));
	} else if (!strcmp(name, "magic")) {
		put32(c, WIRE_MAGIC, number(name, arg, UINT32_MAX));
	} else if (!strcmp(name, "version")) {
		put32(c, WIRE_V3_VERSION, number(name, arg, UINT32_MAX));
	} else if (!strcmp(name, "type")) {
		put32(c, c->type_at, number(name, arg, UINT32_MAX));
	} else if (!strcmp(name, "port")) {
		put32(c, c->type_at, (get32(c, c->type_at) & 0xff) |
		      number(name, arg, 0xffffff) << 8);
	} else if (!strcmp(name, "family")) {
		family = (uint16_t)number(name, arg, UINT16_MAX);
		memcpy(c->req + c->addr_at, &family, sizeof(family));
	} else if (!strcmp(name, "path")) {
		set_path(&sa, arg);
		memcpy(c->req + c->addr_at, &sa, WIRE_ADDR_SIZE);
	} else if (!strcmp(name, "descr")) {
		request_append(c, arg, strlen(arg));
	} else if (!strcmp(name, "zeros")) {
		memset(junk, 0, sizeof(junk));
		request_append(c, junk, number(name, arg, sizeof(junk)));
	} else if (!strcmp(name, "length")) {
		request_length(c, number(name, arg, WIRE_MAX));
	} else if (!strcmp(name, "junk")) {
		memset(junk, 'x', sizeof(junk));
		if (send(c->ctl, junk, number(name, arg, sizeof(junk)), MSG_NOSIGNAL) < 0)
			fail("%s", strerror(errno));
	} else if (!strcmp(name, "silent")) {
		expect_silence(c, (int)number(name, arg, 100000));
	} else if (!strcmp(name, "sleep")) {
		sleep_us(number(name, arg, 100000) * 1000);
	} else if (!strcmp(name, "data-fd")) {
		data_fds(c, number(name, arg, 100000));
	} else if (!strcmp(name, "flood")) {
		flood(c, number(name, arg, 10000000));
	} else if (!strcmp(name, "quiet")) {
		expect_quiet(c, (int)number(name, arg, 100000));
	} else if (!strcmp(name, "knock")) {
		knock(number(name, arg, 10000));
	} else if (!strcmp(name, "race")) {
		race(c, arg);
	} else if (!strcmp(name, "burst")) {
		burst((unsigned int)number(name, arg, 100000));
	} else if (!strcmp(name, "crowd")) {
		crowd((unsigned int)number(name, arg, 100000));
	} else {
		return false;
	}
	return true;
}

static void run(struct client *c, char *text)
{
	const char *eq = strchr(text, '=');
	char name[32];

	step = text;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(text, "="), text);
	if (!run_plain(c, name, eq ? eq + 1 : NULL) && !(eq && run_with(c, name, eq + 1)))
		broken("no such step");
}

/* However it ends, no socket files are left behind (but see "kill"). */
static void clean_up(void)
{
	client_close(&self);
	client_close(&canary);
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: rawvde DIR STEP...\n");
		return TOOL_BROKEN;
	}
	dir = argv[1];
	atexit(clean_up);
	watchdog(60);
	for (int i = 2; i < argc; i++)
		run(&self, argv[i]);
	return TOOL_OK;
}
