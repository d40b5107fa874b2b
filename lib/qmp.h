/* SPDX-License-Identifier: BSD-2-Clause */
/* qmp.h - Control protocol for programs: JSON lines in the form of QEMU's QMP
 *
 * DOC: Theory of operation
 *
 * A program connects to a stream socket, reads the greeting
 *	{"QMP": {"version": {...}, "capabilities": []}}
 * says {"execute": "qmp_capabilities"}, and then sends one command a line,
 *	{"execute": NAME, "arguments": {...}, "id": ANY}
 * each answered, in order, by {"return": VALUE, "id": ANY} or
 *	{"error": {"class": CLASS, "desc": TEXT}, "id": ANY}.
 * A reply may carry one file descriptor (SCM_RIGHTS).
 *
 * Commands are data: a table of name and handler, with the object they speak
 * about passed to each. The socket's mode is the only access control.
 *
 * A client that does not read is not read from either: while a reply waits to
 * be sent no further command is looked at, so a connection holds at most one
 * reply and one line of QMP_LINE_MAX bytes.
 */
#ifndef LIB_QMP_H
#define LIB_QMP_H

#include <ev.h>
#include <jansson.h>
#include <sys/types.h>

#include "lib/compiler.h"

enum {
	QMP_LINE_MAX = 65536,		/* bytes of one command */
	QMP_CONN_MAX = 64,		/* connections at once */
};

struct qmp_server;
struct qmp_conn;

/** struct qmp_error - Why a command failed */
struct qmp_error {
	const char *class;		/* "GenericError" unless set */
	char desc[512];
};

/**
 * typedef qmp_handler - What a command does
 * @ctx:	What qmp_server_create() was given
 * @conn:	The connection, for qmp_reply_fd()
 * @args:	The "arguments" object, or NULL; borrowed
 * @err:	To be filled on failure
 *
 * Return: the value to return, owned by the caller; NULL on failure
 */
typedef json_t *qmp_handler(void *ctx, struct qmp_conn *conn, json_t *args,
			    struct qmp_error *err);

/** struct qmp_command - An entry of the command table; a NULL name ends it */
struct qmp_command {
	const char *name;
	qmp_handler *run;
};

/**
 * qmp_server_create() - Listen for programs
 * @loop:	Event loop, borrowed
 * @path:	Socket
 * @mode:	Its permission bits
 * @gid:	Its group, or (gid_t)-1
 * @commands:	Table, borrowed for ever
 * @ctx:	Passed to handlers
 * @out:	Set to the server
 *
 * Return: 0 or -errno as fd_listen_unix()
 */
int qmp_server_create(struct ev_loop *loop, const char *path, mode_t mode,
		      gid_t gid, const struct qmp_command *commands, void *ctx,
		      struct qmp_server **out) MUST_CHECK;

/* Close all connections; the socket's file is the caller's to remove. NULL is
 * fine. */
void qmp_server_destroy(struct qmp_server *srv);

/* Attach @fd to the reply of the command being run; takes ownership. */
void qmp_reply_fd(struct qmp_conn *conn, int fd);

/* Fill @err with a printf-like description. Return: NULL, for handlers. */
json_t *qmp_fail(struct qmp_error *err, const char *fmt, ...) PRINTF(2, 3);

#endif /* LIB_QMP_H */
