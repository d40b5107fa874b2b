/* SPDX-License-Identifier: BSD-2-Clause */
/* fd.c - File descriptors: closing, sockets at paths, passing */
#include "config.h"

#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS	83	/* Linux 6.16 */
#endif

enum {
	FD_BACKLOG = 128,
	FD_SCM_MAX = 253,	/* the kernel's SCM_MAX_FD */
};

void fd_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

void fd_open_std(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return;
}

int fd_stat(int fd, struct stat *st)
{
	return syscall(SYS_fstat, fd, st) < 0 ? -errno : 0;
}

int fd_poll(struct pollfd *p, nfds_t count, int limit_ms)
{
	const struct timespec limit = {
		.tv_sec = limit_ms / 1000,
		.tv_nsec = limit_ms % 1000 * 1000000L,
	};

	return ppoll(p, count, limit_ms < 0 ? NULL : &limit, NULL);
}

int fd_set_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

int fd_sockaddr(struct sockaddr_un *sa, const char *path)
{
	size_t len = strlen(path);

	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	if (len >= sizeof(sa->sun_path))
		return -ENAMETOOLONG;
	memcpy(sa->sun_path, path, len);
	return 0;
}

int fd_connect_unix(const char *path)
{
	struct sockaddr_un sa;
	int fd = -1, ret;

	ret = fd_sockaddr(&sa, path);
	if (ret)
		return ret;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		ret = -errno;
		fd_close(&fd);
		return ret;
	}
	return fd;
}

bool fd_unix_is_live(const char *path)
{
	struct sockaddr_un sa;
	bool live;
	int fd;

	if (fd_sockaddr(&sa, path))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return true;
	/* A full queue means that somebody listens, if slowly. */
	live = !connect(fd, (struct sockaddr *)&sa, sizeof(sa)) ||
	       (errno != ECONNREFUSED && errno != ENOENT);
	fd_close(&fd);
	return live;
}

void fd_refuse_rights(int sock)
{
	int off = 0;

	setsockopt(sock, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off));
}

void fd_accept_rights(int sock)
{
	int on = 1;

	setsockopt(sock, SOL_SOCKET, SO_PASSRIGHTS, &on, sizeof(on));
}

void fd_set_send_buffer(int sock, int bytes)
{
	if (setsockopt(sock, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

bool fd_is_eventfd(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	char path[32], kind[32];
	ssize_t n;

	/* One that was opened by its path can be neither read nor written. */
	if (flags < 0 || flags & O_PATH)
		return false;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, kind, sizeof(kind));
	return n == (ssize_t)strlen("anon_inode:[eventfd]") &&
	       !memcmp(kind, "anon_inode:[eventfd]", (size_t)n);
}

int fd_bind_unix(int fd, const struct sockaddr_un *sa, mode_t mode, uid_t uid,
		 gid_t gid)
{
	int file = -1, ret = 0;
	struct stat st;
	mode_t mask;

	/* The inode takes the socket's mode at bind(), less the umask. */
	if (fchmod(fd, mode) < 0)
		return -errno;
	mask = umask(0);
	if (bind(fd, (const struct sockaddr *)sa, sizeof(*sa)) < 0)
		ret = -errno;
	umask(mask);
	if (ret || (uid == (uid_t)-1 && gid == (gid_t)-1))
		return ret;
	file = open(sa->sun_path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (file < 0 || fstat(file, &st) < 0)
		ret = -errno;
	else if (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid())
		ret = -EEXIST;
	else if (fchownat(file, "", uid, gid, AT_EMPTY_PATH) < 0)
		ret = -errno;
	if (ret)
		unlink(sa->sun_path);
	fd_close(&file);
	return ret;
}

/* Take a socket that nobody has out of the way. One of another type is had. */
static int fd_unlink_stale(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	if (fd_unix_is_live(path))
		return -EADDRINUSE;
	/* Who ends just now may be faster. */
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

/* A socket of @type at @path. Return: it, or -errno. */
static int fd_at_path(int type, const char *path, mode_t mode, gid_t gid)
{
	struct sockaddr_un sa;
	int fd = -1, ret;

	ret = fd_sockaddr(&sa, path);
	if (!ret)
		ret = fd_unlink_stale(path);
	if (ret)
		return ret;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	fd_refuse_rights(fd);
	ret = fd_bind_unix(fd, &sa, mode, (uid_t)-1, gid);
	if (ret) {
		fd_close(&fd);
		return ret;
	}
	return fd;
}

int fd_dgram_unix(const char *path, mode_t mode, gid_t gid)
{
	return fd_at_path(SOCK_DGRAM, path, mode, gid);
}

int fd_listen_unix(const char *path, mode_t mode, gid_t gid)
{
	int fd = fd_at_path(SOCK_STREAM, path, mode, gid);
	int ret;

	if (fd >= 0 && listen(fd, FD_BACKLOG) < 0) {
		ret = -errno;
		unlink(path);
		fd_close(&fd);
		return ret;
	}
	return fd;
}

ssize_t fd_send(int sock, const void *buf, size_t size, const int *fds,
		unsigned int count)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(FD_PASS_MAX * sizeof(int))];
	} ctl = { .buf = { 0 } };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)buf, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (count) {
		struct cmsghdr *cmsg;

		msg.msg_control = ctl.buf;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, count * sizeof(int));
	}
	do
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

ssize_t fd_recv(int sock, void *buf, size_t size, int *fds, unsigned int *count)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(FD_SCM_MAX * sizeof(int))];
	} ctl;
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = ctl.buf, .msg_controllen = sizeof(ctl.buf),
	};
	unsigned int wanted = count ? *count : 0, kept = 0;
	ssize_t n;

	if (count)
		*count = 0;
	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		size_t got = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < got; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (kept < wanted)
				fds[kept++] = fd;
			else
				close(fd);
		}
	}
	if (msg.msg_flags & MSG_CTRUNC) {
		while (kept)
			close(fds[--kept]);
		return -EPROTO;
	}
	if (count)
		*count = kept;
	return n;
}

bool fd_peer_in_group(int sock, gid_t gid)
{
	gid_t *groups = NULL, *more;
	socklen_t len = 0;
	struct ucred cred;
	socklen_t cred_len = sizeof(cred);
	bool found;

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &cred_len))
		return false;
	found = cred.gid == gid;
	/* The first call says how many there are. */
	while (!found && getsockopt(sock, SOL_SOCKET, SO_PEERGROUPS, groups, &len)) {
		if (errno != ERANGE)
			break;
		more = realloc(groups, len);
		if (!more)
			break;
		groups = more;
	}
	for (size_t i = 0; groups && i < len / sizeof(*groups); i++)
		found |= groups[i] == gid;
	free(groups);
	return found;
}
