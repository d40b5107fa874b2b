/* SPDX-License-Identifier: BSD-2-Clause */
/* cable.c - The process that holds a cable; the essay is in cable.h */
#include "config.h"

#include "vmm/cable.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/daemon.h"
#include "lib/eth.h"
#include "lib/fd.h"

enum {
	CABLE_SOCKET = 3,		/* in the process */
	CABLE_SEND_MS = 100,		/* how long a frame may wait */
};

/**
 * struct cable - It
 * @sock:	To the VM's process
 * @conn:	The connection, NULL while there is none
 * @pair:	Our end of the pair, -1 if the VM's process has the connection's own
 *		descriptor
 * @drain:	A call that finds nothing returns at once
 */
struct cable {
	const char *vnl;
	const char *descr;
	struct vde_open_args args;
	bool with_args;
	int sock;
	VDECONN *conn;
	int pair;
	bool drain;
	uint8_t buf[ETH_FRAME_MAX + 1];
};

/* vde_open() may wait for ever, but not longer than the VM's process is there. */
static volatile sig_atomic_t opening;

static void socket_handler(int sig UNUSED)
{
	int err = errno;
	char c;

	if (opening && !recv(CABLE_SOCKET, &c, 1, MSG_PEEK | MSG_DONTWAIT))
		_exit(EXIT_SUCCESS);
	errno = err;
}

static int watch_socket(int sock)
{
	struct sigaction sa = { .sa_handler = socket_handler, .sa_flags = SA_RESTART };

	if (sigaction(SIGIO, &sa, NULL) < 0 || fcntl(sock, F_SETOWN, getpid()) < 0 ||
	    fcntl(sock, F_SETFL, O_ASYNC) < 0)
		return -errno;
	return 0;
}

/* Whether a frame that is written to a descriptor goes to the switch as it is: those of VDE
 * are UNIX datagrams. Elsewhere modules have headers of their own. */
static bool carries_frames(int fd)
{
	struct sockaddr_un peer;
	socklen_t size = sizeof(int);
	int type = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_DGRAM)
		return false;
	size = sizeof(peer);
	return !getpeername(fd, (struct sockaddr *)&peer, &size) && peer.sun_family == AF_UNIX;
}

static bool say(const struct cable *c, int err, int fd)
{
	const struct cable_word word = { .err = err };

	return fd_send(c->sock, &word, sizeof(word), &fd, fd >= 0) == (ssize_t)sizeof(word);
}

static void unplug(struct cable *c)
{
	fd_close(&c->pair);
	if (c->conn)
		vde_close(c->conn);
	c->conn = NULL;
}

/* Give the VM's process its end. Return: 0 or -errno. */
static int hand_over(struct cable *c)
{
	int data = vde_datafd(c->conn), sv[2];
	struct stat st;
	bool said;

	c->drain = !fstat(data, &st) && (S_ISSOCK(st.st_mode) || S_ISCHR(st.st_mode)) &&
		   !fd_set_nonblock(data, true);
	if (c->drain && carries_frames(data))
		return say(c, 0, data) ? 0 : -EPIPE;
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv) < 0)
		return -errno;
	c->pair = sv[0];
	said = say(c, 0, sv[1]);
	fd_close(&sv[1]);
	return said ? 0 : -EPIPE;
}

/* Return: 0 or a positive errno. */
static int plug(struct cable *c)
{
	char *vnl = strdup(c->vnl), *descr = strdup(c->descr);
	struct vde_open_args args = c->args;
	int err = ENOMEM;

	opening = 1;
	/* What the end of the VM's process would interrupt has to begin before it. */
	socket_handler(SIGIO);
	errno = 0;
	if (vnl && descr) {
		c->conn = vde_open(vnl, descr, c->with_args ? &args : NULL);
		err = c->conn ? 0 : errno ? errno : ECONNREFUSED;
	}
	opening = 0;
	free(vnl);
	free(descr);
	if (!err)
		err = -hand_over(c);
	if (err)
		unplug(c);
	return err;
}

/* Frames, where the VM's process cannot have the connection's own descriptor. */

static void carry_in(struct cable *c)
{
	do {
		struct pollfd room = { .fd = c->pair, .events = POLLOUT };
		ssize_t n = vde_recv(c->conn, c->buf, sizeof(c->buf), 0);

		/* One byte, or none, means "nothing for you" with some modules. */
		if (n <= 1)
			return;
		if (send(c->pair, c->buf, (size_t)n, MSG_NOSIGNAL) < 0 && errno == EAGAIN &&
		    poll(&room, 1, CABLE_SEND_MS) > 0)
			send(c->pair, c->buf, (size_t)n, MSG_NOSIGNAL);
	} while (c->drain);
}

static void carry_out(struct cable *c)
{
	ssize_t n;

	while ((n = recv(c->pair, c->buf, sizeof(c->buf), 0)) > 0) {
		struct pollfd room = { .fd = vde_datafd(c->conn), .events = POLLOUT };

		if (vde_send(c->conn, c->buf, (size_t)n, 0) < 0 && errno == EAGAIN &&
		    poll(&room, 1, CABLE_SEND_MS) > 0)
			vde_send(c->conn, c->buf, (size_t)n, 0);
	}
}

/* Whether an end was reached, as opposed to there being nothing now. */
static bool ended(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, MSG_DONTWAIT);

	return !n || (n < 0 && errno != EAGAIN && errno != EINTR);
}

/* Look after it until it is gone. Return: whether the VM's process is there. */
static bool hold(struct cable *c)
{
	for (;;) {
		struct pollfd p[] = {
			{ .fd = c->sock, .events = POLLIN },
			{ .fd = vde_ctlfd(c->conn), .events = POLLIN },
			{ .fd = c->pair, .events = POLLIN },
			{ .fd = c->pair < 0 ? -1 : vde_datafd(c->conn), .events = POLLIN },
		};

		if (poll(p, ARRAY_SIZE(p), -1) < 0)
			continue;
		if (p[0].revents) {
			struct cable_word word;

			return fd_recv(c->sock, &word, sizeof(word), NULL, NULL) > 0;
		}
		/* A switch says nothing on this connection until it ends. */
		if (p[1].revents && ended(p[1].fd))
			return true;
		if (p[2].revents)
			carry_out(c);
		if (p[3].revents & (POLLERR | POLLHUP | POLLNVAL) && !(p[3].revents & POLLIN))
			return true;
		if (p[3].revents)
			carry_in(c);
	}
}

static void cable_run(struct cable *c)
{
	bool said = false, there = true;
	int err;

	while (there) {
		struct pollfd end = { .fd = c->sock, .events = POLLIN };

		err = plug(c);
		if (!said || !err) {
			/* What modules had to say about it, they have said. */
			dup2(STDIN_FILENO, STDERR_FILENO);
			if (err)
				there = say(c, err, -1);
		}
		said = true;
		if (!err) {
			there = hold(c);
			unplug(c);
			if (there)
				there = say(c, ECONNRESET, -1);
		} else if (there && poll(&end, 1, CABLE_RETRY_MS) > 0) {
			struct cable_word word;

			there = fd_recv(c->sock, &word, sizeof(word), NULL, NULL) > 0;
		}
	}
}

/* All that is the VM's is let go of. */
static int let_go(struct cable *c)
{
	const struct rlimit none = { 0, 0 };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	daemon_beside("lanbox-cable");
	setrlimit(RLIMIT_CORE, &none);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
		return -errno;
	if (c->sock != CABLE_SOCKET && dup3(c->sock, CABLE_SOCKET, O_CLOEXEC) < 0)
		return -errno;
	c->sock = CABLE_SOCKET;
	if (close_range(CABLE_SOCKET + 1, ~0U, 0) < 0)
		return -errno;
	return watch_socket(c->sock);
}

int cable_start(const char *vnl, const char *descr, const struct vde_open_args *args)
{
	static struct cable cable;
	int sv[2], ret = 0;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return -errno;
	pid = fork();
	if (!pid) {
		cable = (struct cable){ .vnl = vnl, .descr = descr, .sock = sv[1], .pair = -1 };
		/* Without arguments of its own, what stands in the VNL decides. */
		cable.with_args = args;
		if (args)
			cable.args = *args;
		if (let_go(&cable))
			_exit(EXIT_FAILURE);
		cable_run(&cable);
		exit(EXIT_SUCCESS);
	}
	if (pid < 0)
		ret = -errno;
	else
		ret = fd_set_nonblock(sv[0], true);
	fd_close(&sv[1]);
	if (ret)
		fd_close(&sv[0]);
	return ret ? ret : sv[0];
}
