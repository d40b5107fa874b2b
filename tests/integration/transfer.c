/* SPDX-License-Identifier: BSD-2-Clause */
/* transfer.c - Bytes from one network namespace to another, through whatever is between
 *
 *   transfer [--udp SIZE] [--options] [--bytes COUNT] FROM TO ADDRESS
 *
 * FROM and TO are processes; ADDRESS is one of TO's. COUNT bytes (1 MiB) that do not
 * repeat are sent by TCP, or in datagrams of SIZE bytes of which the kernel is given as
 * many at once as it takes (UDP_SEGMENT). Each byte must come once and in its place, and
 * each datagram must have its size. With --options packets have IPv4 options, or IPv6
 * extension headers.
 */
#include "config.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include "tests/integration/tool.h"

#define UDP_LEVEL	17	/* SOL_UDP, UDP_SEGMENT: not in all C libraries */
#define UDP_GSO_SIZE	103

enum { PATIENCE_MS = 5000, CHUNK = 65000, AT_ONCE = 60, PORT = 5001 };

/** struct args - What is to be sent, from where to where; @udp is 0 for TCP */
struct args {
	size_t bytes;
	int udp;
	bool options;
	const char *from, *to, *address;
};

/** union address - Of IPv4 or IPv6 */
union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* The stream of bytes, from @at on. */
static void fill(uint8_t *p, size_t size, size_t at)
{
	for (size_t i = 0; i < size; i++)
		p[i] = (uint8_t)(((at + i) * 2654435761U) >> 16 ^ (at + i) >> 8);
}

static void check(const uint8_t *p, size_t size, size_t at)
{
	static uint8_t want[CHUNK];

	fill(want, size, at);
	for (size_t i = 0; i < size; i++)
		if (p[i] != want[i])
			die(TOOL_FAILED, "byte %zu is %02x, not %02x", at + i, p[i], want[i]);
}

static void enter(const char *pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		die(TOOL_BROKEN, "%s: %s", path, strerror(errno));
	close(fd);
}

static union address address_of(const char *text, socklen_t *size)
{
	union address a = { .in.sin_family = AF_INET, .in.sin_port = htons(PORT) };

	*size = sizeof(a.in);
	if (inet_pton(AF_INET, text, &a.in.sin_addr) == 1)
		return a;
	*size = sizeof(a.in6);
	a.in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	if (inet_pton(AF_INET6, text, &a.in6.sin6_addr) != 1)
		die(TOOL_BROKEN, "'%s' is no address", text);
	return a;
}

static void set(int fd, int level, int name, const void *value, size_t size)
{
	if (setsockopt(fd, level, name, value, (socklen_t)size) < 0)
		die(TOOL_BROKEN, "option %d of level %d: %s", name, level, strerror(errno));
}

static int open_socket(const struct args *a, int family)
{
	int fd = socket(family, (a->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die(TOOL_BROKEN, "socket: %s", strerror(errno));
	return fd;
}

/* Headers that nobody needs. */
static void add_options(int fd, int family)
{
	static const uint8_t nops[8] = { 1, 1, 1, 1, 1, 1, 1, 1 };
	static const uint8_t padding[8] = { 0, 0, 1, 4 };

	if (family == AF_INET) {
		set(fd, IPPROTO_IP, IP_OPTIONS, nops, sizeof(nops));
	} else {
		set(fd, IPPROTO_IPV6, IPV6_HOPOPTS, padding, sizeof(padding));
		set(fd, IPPROTO_IPV6, IPV6_DSTOPTS, padding, sizeof(padding));
	}
}

/* Wait for @fd. */
static void await(int fd, short events, size_t at)
{
	struct pollfd p = { .fd = fd, .events = events };

	if (poll(&p, 1, PATIENCE_MS) != 1)
		die(TOOL_FAILED, "nothing for %d ms after %zu bytes", PATIENCE_MS, at);
}

static void send_tcp(const struct args *a, int from, int to)
{
	static uint8_t out[CHUNK], in[CHUNK];
	size_t sent = 0, received = 0;

	while (received < a->bytes) {
		struct pollfd p[] = {
			{ .fd = to, .events = POLLIN },
			{ .fd = from, .events = sent < a->bytes ? POLLOUT : 0 },
		};
		ssize_t n;

		if (poll(p, 2, PATIENCE_MS) < 1)
			die(TOOL_FAILED, "nothing for %d ms after %zu bytes", PATIENCE_MS, received);
		if (p[1].revents & POLLOUT) {
			size_t size = a->bytes - sent < CHUNK ? a->bytes - sent : CHUNK;

			fill(out, size, sent);
			n = send(from, out, size, MSG_DONTWAIT | MSG_NOSIGNAL);
			if (n < 0 && errno != EAGAIN)
				die(TOOL_FAILED, "sending: %s", strerror(errno));
			sent += n > 0 ? (size_t)n : 0;
		}
		if (p[0].revents) {
			n = recv(to, in, sizeof(in), MSG_DONTWAIT);
			if (n <= 0)
				die(TOOL_FAILED, "receiving: %s", n ? strerror(errno) : "the end");
			check(in, (size_t)n, received);
			received += (size_t)n;
		}
	}
}

/* So many datagrams at once, and the next ones when these have come. */
static void send_udp(const struct args *a, int from, int to)
{
	const size_t size = (size_t)a->udp, room = CHUNK / size * size;
	static uint8_t out[CHUNK], in[CHUNK];
	size_t at = 0;

	set(from, UDP_LEVEL, UDP_GSO_SIZE, &a->udp, sizeof(a->udp));
	while (at < a->bytes) {
		size_t left = a->bytes - at, burst = left < room ? left : room, done = 0;

		if (burst > AT_ONCE * size)
			burst = AT_ONCE * size;
		fill(out, burst, at);
		if (send(from, out, burst, 0) != (ssize_t)burst)
			die(TOOL_FAILED, "sending %zu bytes: %s", burst, strerror(errno));
		while (done < burst) {
			size_t want = burst - done < size ? burst - done : size;
			ssize_t n;

			await(to, POLLIN, at + done);
			n = recv(to, in, sizeof(in), 0);
			if (n != (ssize_t)want)
				die(TOOL_FAILED, "a datagram of %zd bytes, not %zu", n, want);
			check(in, want, at + done);
			done += want;
		}
		at += burst;
	}
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "udp", required_argument, NULL, 'u' },
		{ "bytes", required_argument, NULL, 'b' },
		{ "options", no_argument, NULL, 'o' },
		{ 0 },
	};
	struct args a = { .bytes = 1 << 20 };
	int c, from, to, listener;
	union address addr;
	socklen_t size;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) >= 0) {
		if (c == 'u')
			a.udp = (int)number("size", optarg, CHUNK);
		else if (c == 'b')
			a.bytes = number("count", optarg, SIZE_MAX);
		else if (c == 'o')
			a.options = true;
		else
			return TOOL_BROKEN;
	}
	if (argc - optind != 3)
		die(TOOL_BROKEN, "usage: transfer [OPTION...] FROM TO ADDRESS");
	a.from = argv[optind];
	a.to = argv[optind + 1];
	a.address = argv[optind + 2];
	addr = address_of(a.address, &size);

	enter(a.to);
	to = listener = open_socket(&a, addr.any.sa_family);
	set(listener, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (bind(listener, &addr.any, size) < 0 || (!a.udp && listen(listener, 1) < 0))
		die(TOOL_BROKEN, "%s: %s", a.address, strerror(errno));
	enter(a.from);
	from = open_socket(&a, addr.any.sa_family);
	if (a.options)
		add_options(from, addr.any.sa_family);
	set(from, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){ .tv_sec = 5 },
	    sizeof(struct timeval));
	if (connect(from, &addr.any, size) < 0)
		die(TOOL_FAILED, "connecting to %s: %s", a.address, strerror(errno));
	if (a.udp) {
		send_udp(&a, from, to);
	} else {
		await(listener, POLLIN, 0);
		to = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (to < 0)
			die(TOOL_BROKEN, "accept: %s", strerror(errno));
		send_tcp(&a, from, to);
	}
	return TOOL_OK;
}
