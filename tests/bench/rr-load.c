/* SPDX-License-Identifier: BSD-2-Clause */
/* rr-load.c - Requests and responses over one TCP connection, as netperf's TCP_RR
 *
 *   rr-load PORT			answer whoever connects, one after the other
 *   rr-load ADDRESS PORT SIZE SECONDS	send SIZE bytes, wait for as many, and again
 *
 * The client tells the server the size first (four bytes). It prints how many
 * transactions there were in each second, and the median and the 99th percentile of
 * the time that one took: rate= p50_us= p99_us=. What comes back has to be what was
 * sent. Not for streams, and not for many connections: iperf3 is there for those.
 */
#include "config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "tests/integration/tool.h"

enum { SIZE_MAX_RR = 65536, TIMES_MAX = 1 << 20 };

static uint8_t sent[SIZE_MAX_RR], got[SIZE_MAX_RR];
static uint32_t took[TIMES_MAX];	/* ns, of the first transactions */

static bool receive(int fd, void *buf, size_t size)
{
	return recv(fd, buf, size, MSG_WAITALL) == (ssize_t)size;
}

static bool transmit(int fd, const void *buf, size_t size)
{
	return send(fd, buf, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static void set_nodelay(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void serve(uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(s, (struct sockaddr *)&sin, sizeof(sin)) || listen(s, 4))
		die(TOOL_BROKEN, "port %u: %s", port, strerror(errno));
	for (;;) {
		int fd = accept4(s, NULL, NULL, SOCK_CLOEXEC);
		uint32_t size;

		if (fd < 0)
			die(TOOL_BROKEN, "accept: %s", strerror(errno));
		set_nodelay(fd);
		if (receive(fd, &size, sizeof(size)) && ntohl(size) <= SIZE_MAX_RR)
			while (receive(fd, got, ntohl(size)) && transmit(fd, got, ntohl(size)))
				;
		close(fd);
	}
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void ask(const char *address, uint16_t port, size_t size, double seconds)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
	uint32_t said = htonl((uint32_t)size);
	uint64_t n = 0, times, begin, now;
	int fd;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (inet_pton(AF_INET, address, &sin.sin_addr) != 1)
		die(TOOL_BROKEN, "'%s' is no IPv4 address", address);
	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)))
		die(TOOL_BROKEN, "%s port %u: %s", address, port, strerror(errno));
	set_nodelay(fd);
	if (!transmit(fd, &said, sizeof(said)))
		die(TOOL_BROKEN, "%s is gone", address);
	begin = now = now_ns();
	do {
		uint64_t start = now;

		for (size_t i = 0; i < size; i++)
			sent[i] = (uint8_t)(n + i);
		if (!transmit(fd, sent, size) || !receive(fd, got, size))
			die(TOOL_FAILED, "no answer to request %llu", (unsigned long long)n);
		if (memcmp(sent, got, size))
			die(TOOL_FAILED, "a wrong answer to request %llu",
			    (unsigned long long)n);
		now = now_ns();
		if (n < TIMES_MAX)
			took[n] = (uint32_t)(now - start);
		n++;
	} while ((double)(now - begin) < seconds * 1e9);
	close(fd);
	times = n < TIMES_MAX ? n : TIMES_MAX;
	qsort(took, times, sizeof(*took), by_size);
	printf("rate=%.0f p50_us=%.1f p99_us=%.1f\n",
	       (double)n * 1e9 / (double)(now - begin),
	       took[times / 2] / 1e3, took[times * 99 / 100] / 1e3);
}

int main(int argc, char **argv)
{
	if (argc == 2) {
		serve((uint16_t)number("PORT", argv[1], UINT16_MAX));
	} else if (argc == 5) {
		size_t size = number("SIZE", argv[3], SIZE_MAX_RR);

		if (!size)
			die(TOOL_BROKEN, "SIZE 0: a request has one byte at least");
		ask(argv[1], (uint16_t)number("PORT", argv[2], UINT16_MAX), size,
		    strtod(argv[4], NULL));
	} else {
		die(TOOL_BROKEN, "usage: rr-load PORT | rr-load ADDRESS PORT SIZE SECONDS");
	}
	return TOOL_OK;
}
