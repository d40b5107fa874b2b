/* SPDX-License-Identifier: BSD-2-Clause */
/* activation.c - systemd's sockets and its notification; the essay is in
 * activation.h */
#include "config.h"

#include "lib/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/parse.h"

enum { ACTIVATION_FIRST = 3 };

/* What systemd gave to the process; there is one of it, as of the environment. */
static struct {
	int fd[ACTIVATION_MAX];		/* -1: taken */
	char path[ACTIVATION_MAX][sizeof(((struct sockaddr_un *)0)->sun_path)];
	unsigned int count;
} activation;

/* Note one socket, if it is one that somebody may want. */
static void activation_add(int fd)
{
	struct sockaddr_un sa = { 0 };
	socklen_t len = sizeof(sa) - 1;
	int listens = 0;
	socklen_t size = sizeof(listens);

	fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (activation.count == ACTIVATION_MAX ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) || !listens ||
	    getsockname(fd, (struct sockaddr *)&sa, &len) || sa.sun_family != AF_UNIX ||
	    sa.sun_path[0] != '/' || fd_set_nonblock(fd, true))
		return;
	memcpy(activation.path[activation.count], sa.sun_path, sizeof(sa.sun_path));
	activation.fd[activation.count++] = fd;
}

void activation_init(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	uint64_t for_pid;
	unsigned int n;

	if (pid && fds && parse_u64(pid, 1, INT32_MAX, &for_pid) &&
	    (pid_t)for_pid == getpid() && parse_uint(fds, 1, 1024, &n))
		for (unsigned int i = 0; i < n; i++)
			activation_add(ACTIVATION_FIRST + (int)i);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

/* Place of a path, or -1. */
static int activation_find(const char *path)
{
	for (unsigned int i = 0; i < activation.count; i++)
		if (!strcmp(activation.path[i], path))
			return (int)i;
	return -1;
}

bool activation_has(const char *path)
{
	return activation_find(path) >= 0;
}

int activation_listen(const char *path, mode_t mode, gid_t gid)
{
	int i = activation_find(path), fd;

	if (i < 0)
		return fd_listen_unix(path, mode, gid);
	fd = activation.fd[i];
	activation.fd[i] = -1;
	return fd >= 0 ? fd : -EADDRINUSE;
}

void activation_unlink(const char *path)
{
	if (!activation_has(path))
		unlink(path);
}

void activation_notify(const char *lines)
{
	const char *where = getenv("NOTIFY_SOCKET");
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	size_t len;
	int fd;

	if (!where)
		return;
	len = strlen(where);
	if ((where[0] != '/' && where[0] != '@') || len < 2 || len >= sizeof(sa.sun_path))
		return;
	memcpy(sa.sun_path, where, len);
	if (where[0] == '@')
		sa.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	/* Who does not listen does not need to know. */
	if (sendto(fd, lines, strlen(lines), MSG_NOSIGNAL, (struct sockaddr *)&sa,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		errno = 0;
	fd_close(&fd);
}
