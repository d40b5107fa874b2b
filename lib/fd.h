/* SPDX-License-Identifier: BSD-2-Clause */
/* fd.h - File descriptors: closing, sockets at paths, passing, peers
 *
 * Every descriptor made here is close-on-exec. Errors are -errno.
 */
#ifndef LIB_FD_H
#define LIB_FD_H

#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>

#include "lib/compiler.h"

enum { FD_PASS_MAX = 16 };	/* descriptors sent with one message, at most */

/* Close *@fd unless it is negative, and set it to -1. errno is kept. */
void fd_close(int *fd);

/* Open /dev/null wherever standard input, output or error is closed, so that no
 * other file takes its place. */
void fd_open_std(void);

/* As fstat(3), but by the system call that takes no path, which a process may have been
 * left. Return: 0 or -errno. */
int fd_stat(int fd, struct stat *st) MUST_CHECK;

/* As poll(2), but by ppoll(2): the kernel goes on with that by itself after SIGSTOP and
 * SIGCONT, where poll(2) takes one more system call, restart_syscall(2). */
int fd_poll(struct pollfd *p, nfds_t count, int limit_ms) MUST_CHECK;

/* Set or clear O_NONBLOCK. Return: 0 or -errno. */
int fd_set_nonblock(int fd, bool on);

/**
 * fd_sockaddr() - Fill a UNIX socket address from a path
 * @sa:		Filled, the rest of sun_path zero
 * @path:	The path; at most 107 bytes
 *
 * Return: 0, or -ENAMETOOLONG; a path is never cut short
 */
int fd_sockaddr(struct sockaddr_un *sa, const char *path) MUST_CHECK;

/**
 * fd_listen_unix() - Listen on a stream socket at a path, mode set before bind
 * @path:	Where; a socket nobody listens on there is replaced
 * @mode:	Permission bits of the socket file, whatever the umask
 * @gid:	Group of the file, or (gid_t)-1
 *
 * Return: a non-blocking listening socket, or -errno; -EADDRINUSE if somebody
 * listens at @path, -EEXIST if something other than a socket is there
 */
int fd_listen_unix(const char *path, mode_t mode, gid_t gid) MUST_CHECK;

/* The same with a datagram socket, to which others send at @path. */
int fd_dgram_unix(const char *path, mode_t mode, gid_t gid) MUST_CHECK;

/* Connect a stream socket to @path. Return: the socket (blocking) or -errno. */
int fd_connect_unix(const char *path) MUST_CHECK;

/* Refuse descriptors that peers send along (Linux 6.16 and later; before, this
 * does nothing): the last close of one can block for as long as its sender
 * likes. */
void fd_refuse_rights(int sock);

/* Let the kernel queue @bytes to the peer, or as many as it permits. */
void fd_set_send_buffer(int sock, int bytes);

/**
 * fd_bind_unix() - Bind a socket to a path with exactly these permission bits
 * @fd:		Socket
 * @sa:		Address
 * @mode:	Permission bits, whatever the umask
 * @uid:	Owner of the file, or (uid_t)-1
 * @gid:	Group of the file, or (gid_t)-1
 *
 * The file never has other bits than @mode, and what is changed later is the very
 * file that was made: others may be able to rename files in the directory.
 *
 * Return: 0 or -errno, with nothing left behind
 */
int fd_bind_unix(int fd, const struct sockaddr_un *sa, mode_t mode, uid_t uid,
		 gid_t gid) MUST_CHECK;

/* Whether a process listens on the stream socket at @path. Never blocks. */
bool fd_unix_is_live(const char *path);

/* Whether the peer of a UNIX socket is in a group, by its first group or by one of
 * its others (SO_PEERCRED, SO_PEERGROUPS). */
bool fd_peer_in_group(int sock, gid_t gid);

/* Allow what fd_refuse_rights() forbids, on a socket made from one that does. */
void fd_accept_rights(int sock);

/* Whether a descriptor is an eventfd, and nothing else that can be written to. */
bool fd_is_eventfd(int fd);

/**
 * fd_send() - Send bytes and descriptors over a UNIX stream socket
 * @sock:	Socket
 * @buf:	@size bytes, at least one
 * @size:	Bytes
 * @fds:	Descriptors to pass, borrowed; at most FD_PASS_MAX
 * @count:	How many
 *
 * Return: bytes sent, or -errno
 */
ssize_t fd_send(int sock, const void *buf, size_t size, const int *fds,
		unsigned int count) MUST_CHECK;

/**
 * fd_recv() - Receive bytes and descriptors
 * @sock:	Socket
 * @buf:	Storage for @size bytes
 * @size:	Bytes
 * @fds:	Set to the received descriptors, owned by the caller
 * @count:	In: how many are wanted, further ones are closed; out: how many
 *		there are. NULL: all are closed
 *
 * Return: bytes received, 0 at the end, or -errno; -EPROTO when the kernel had
 * to drop descriptors
 */
ssize_t fd_recv(int sock, void *buf, size_t size, int *fds,
		unsigned int *count) MUST_CHECK;

#endif /* LIB_FD_H */
