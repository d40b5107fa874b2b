/* SPDX-License-Identifier: BSD-2-Clause */
/* conn.h - A plug of a test client: libvdeplug's, a stream, or datagrams
 *
 * What it is shows in its name:
 *
 *   stream:PATH          connect to PATH; each frame goes with its length before it,
 *                        as QEMU's -netdev stream has it
 *   dgram:OWN,OTHERS     bind OWN and send to OTHERS, as QEMU's -netdev dgram does
 *   anything else        a libvdeplug name
 *
 * Like tool.h it shares nothing with the program that is tested.
 */
#ifndef TESTS_INTEGRATION_CONN_H
#define TESTS_INTEGRATION_CONN_H

#include <arpa/inet.h>
#include <libvdeplug.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/integration/tool.h"

enum { CONN_LENGTH = 4, CONN_BUF = 256 << 10, CONN_NOTICE_MS = 200 };

/**
 * struct conn - A plug
 * @vde:	libvdeplug's, or NULL
 * @fd:		Where frames come from
 * @own:	Our datagram socket, if it is one
 * @others:	And where frames go
 * @buf:	What was received of a stream, or NULL if it is none: bytes @begin to
 *		@end are still to be taken
 */
struct conn {
	VDECONN *vde;
	int fd;
	struct sockaddr_un own;
	struct sockaddr_un others;
	uint8_t *buf;
	size_t begin;
	size_t end;
};

static inline void conn_address(struct sockaddr_un *sa, const char *path, size_t len)
{
	*sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (len >= sizeof(sa->sun_path))
		die(TOOL_BROKEN, "%s: name too long", path);
	memcpy(sa->sun_path, path, len);
}

static inline bool conn_open_stream(struct conn *c, const char *path)
{
	c->buf = malloc(CONN_BUF);
	conn_address(&c->others, path, strlen(path));
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return c->buf && c->fd >= 0 &&
	       !connect(c->fd, (struct sockaddr *)&c->others, sizeof(c->others));
}

static inline bool conn_open_dgram(struct conn *c, const char *own)
{
	const char *others = strchr(own, ',');

	if (!others)
		die(TOOL_BROKEN, "dgram:%s: send to whom?", own);
	conn_address(&c->own, own, (size_t)(others - own));
	conn_address(&c->others, others + 1, strlen(others + 1));
	unlink(c->own.sun_path);
	c->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return c->fd >= 0 && !bind(c->fd, (struct sockaddr *)&c->own, sizeof(c->own));
}

/* Return: whether it is open; errno says why not. */
static inline bool conn_open(struct conn *c, const char *name, const char *descr)
{
	char vnl[4096], who[64];

	*c = (struct conn){ .fd = -1 };
	if (!strncmp(name, "stream:", 7))
		return conn_open_stream(c, name + 7);
	if (!strncmp(name, "dgram:", 6))
		return conn_open_dgram(c, name + 6);
	if ((size_t)snprintf(vnl, sizeof(vnl), "%s", name) >= sizeof(vnl))
		die(TOOL_BROKEN, "%s: name too long", name);
	snprintf(who, sizeof(who), "%s", descr);
	c->vde = vde_open(vnl, who, NULL);
	if (c->vde)
		c->fd = vde_datafd(c->vde);
	return c->vde;
}

static inline void conn_close(struct conn *c)
{
	if (c->vde)
		vde_close(c->vde);
	else if (c->fd >= 0)
		close(c->fd);
	if (c->own.sun_path[0])
		unlink(c->own.sun_path);
	free(c->buf);
	*c = (struct conn){ .fd = -1 };
}

/* Send all bytes of a stream. Return: whether they went. */
static inline bool conn_send_bytes(const struct conn *c, const void *buf, size_t size)
{
	const uint8_t *p = buf;

	while (size) {
		ssize_t n = send(c->fd, p, size, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		p += n;
		size -= (size_t)n;
	}
	return true;
}

/* A receiver whose socket was connected to one before us, with the same name, has to
 * find out that we are another. */
static inline ssize_t conn_send_dgram(const struct conn *c, const void *frame, size_t size)
{
	uint64_t until = now_ns() + CONN_NOTICE_MS * 1000000U;
	ssize_t n;

	do
		n = sendto(c->fd, frame, size, 0, (const struct sockaddr *)&c->others,
			   sizeof(c->others));
	while (n < 0 && errno == EPERM && now_ns() < until &&
	       (sleep_us(1000), true));
	return n;
}

/* Send a frame. Return: @size, or -1. */
static inline ssize_t conn_send(const struct conn *c, const void *frame, size_t size)
{
	uint32_t len = htonl((uint32_t)size);
	struct iovec iov[2] = {
		{ &len, CONN_LENGTH }, { (void *)(uintptr_t)frame, size },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n;

	if (c->vde)
		return vde_send(c->vde, frame, size, 0);
	if (!c->buf)
		return conn_send_dgram(c, frame, size);
	n = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
	if (n < 0)
		return n;
	if (n < CONN_LENGTH)
		die(TOOL_BROKEN, "%zd bytes were taken", n);
	n -= CONN_LENGTH;
	return conn_send_bytes(c, (const uint8_t *)frame + n, size - (size_t)n) ?
	       (ssize_t)size : -1;
}

/* Wait until the other side has read all that was sent. Return: whether it has. */
static inline bool conn_wait_read(const struct conn *c, int ms)
{
	uint64_t until = now_ns() + (uint64_t)ms * 1000000U;
	int queued;

	do {
		if (ioctl(c->fd, SIOCOUTQ, &queued) < 0)
			die(TOOL_BROKEN, "SIOCOUTQ: %s", strerror(errno));
		if (!queued)
			return true;
		sched_yield();
	} while (now_ns() < until);
	return false;
}

/* Bytes of the frame that is next in the buffer, its length included; 0 if it is not
 * there as a whole. */
static inline size_t conn_pending(const struct conn *c)
{
	uint32_t len;

	if (c->end - c->begin < CONN_LENGTH)
		return 0;
	memcpy(&len, c->buf + c->begin, sizeof(len));
	len = ntohl(len);
	if (len > CONN_BUF - CONN_LENGTH)
		die(TOOL_FAILED, "a frame of %u bytes", len);
	return len <= c->end - c->begin - CONN_LENGTH ? len + CONN_LENGTH : 0;
}

/* Receive more of a stream, @most bytes. Return: as recv(). */
static inline ssize_t conn_fill(struct conn *c, size_t most)
{
	ssize_t n;

	if (c->begin) {
		memmove(c->buf, c->buf + c->begin, c->end - c->begin);
		c->end -= c->begin;
		c->begin = 0;
	}
	if (most > CONN_BUF - c->end)
		most = CONN_BUF - c->end;
	n = recv(c->fd, c->buf + c->end, most, 0);
	if (n > 0)
		c->end += (size_t)n;
	return n;
}

/* Receive a frame. Return: its size, or -1; ECONNRESET at the end of a stream. */
static inline ssize_t conn_recv(struct conn *c, void *frame, size_t size)
{
	size_t got;
	ssize_t n;

	if (c->vde)
		return vde_recv(c->vde, frame, size, 0);
	if (!c->buf)
		return recv(c->fd, frame, size, 0);
	while (!(got = conn_pending(c))) {
		n = conn_fill(c, CONN_BUF);
		if (!n)
			errno = ECONNRESET;
		if (n <= 0)
			return -1;
	}
	if (got - CONN_LENGTH > size)
		die(TOOL_BROKEN, "a frame of %zu bytes", got - CONN_LENGTH);
	memcpy(frame, c->buf + c->begin + CONN_LENGTH, got - CONN_LENGTH);
	c->begin += got;
	return (ssize_t)(got - CONN_LENGTH);
}

/* Whether a frame (or a part of one, or the end) comes within @ms. */
static inline bool conn_readable(const struct conn *c, int ms)
{
	return (c->buf && conn_pending(c)) || readable(c->fd, ms);
}

#endif /* TESTS_INTEGRATION_CONN_H */
