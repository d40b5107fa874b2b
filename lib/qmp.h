/* SPDX-License-Identifier: BSD-2-Clause */
/* qmp.h - Control protocol for programs: JSON lines in the form of QEMU's QMP
 *
 * What the commands are is their owner's business; so is what events mean.
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
 * Commands are data: a table of name, arguments and handler, with the object they
 * speak about passed to each. The socket's mode is the only access control.
 *
 * Between replies, whoever serves the connection may send events,
 *	{"event": NAME, "data": {...}, "timestamp": {...}, "sequence": N}
 * They wait while the client does not read, QMP_EVENTS_MAX bytes of them. Further
 * ones are lost; when there is room again, the event EVENTS_LOST says how many. The
 * number counts all events of the connection, the lost ones too. An event that a
 * command brings about comes after that command's reply.
 *
 * A client that does not read is not read from either: while a reply or events
 * wait to be sent no further command is looked at, so a connection holds at most
 * one reply, twice the events, and one line of QMP_LINE_MAX bytes.
 */
#ifndef LIB_QMP_H
#define LIB_QMP_H

#include <ev.h>
#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "lib/compiler.h"

enum {
	QMP_LINE_MAX = 65536,		/* bytes of one command */
	QMP_CONN_MAX = 64,		/* connections at once */
	QMP_EVENTS_MAX = 256 << 10,	/* bytes of events that wait for a client */
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

/**
 * struct qmp_command - An entry of the command table; a NULL name ends it
 * @args:	Names of its arguments, with a blank between them; a '?' behind those
 *		that may be missing. Calls with others do not get to @run
 */
struct qmp_command {
	const char *name;
	const char *args;
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

/* Speak as QEMU does where we do not else: a command may stand on several lines and
 * several on one, replies have blanks between their words, events have no number. */
void qmp_server_as_qemu(struct qmp_server *srv);

/* Send what waits, as far as it can be sent at once, and close all connections; the
 * socket's file is the caller's to remove. NULL is fine. */
void qmp_server_destroy(struct qmp_server *srv);

/* Attach @fd to the reply of the command being run; takes ownership. */
void qmp_reply_fd(struct qmp_conn *conn, int fd);

/* The user at the other end. Return: 0 or -errno. */
int qmp_peer(const struct qmp_conn *conn, uid_t *uid, gid_t *gid) MUST_CHECK;

/**
 * qmp_set_context() - Keep something with a connection
 * @conn:	Connection
 * @context:	What; NULL is nothing
 * @destroy:	Called with @context when the connection is closed, or when another
 *		one takes its place
 */
void qmp_set_context(struct qmp_conn *conn, void *context, void (*destroy)(void *context));

/* What was kept with a connection, or NULL. */
void *qmp_context(const struct qmp_conn *conn);

/* Events. */

/* Whether an event would find room. If not, it counts as lost: ask for each event,
 * before the work of making it. */
bool qmp_event_room(struct qmp_conn *conn) MUST_CHECK;

/**
 * qmp_event() - Send an event, when the loop gets to it
 * @conn:	Connection
 * @name:	In capitals
 * @data:	What there is to say of it; taken over. NULL, for lack of memory: the
 *		event is lost. JSON's null: nothing (qmp_server_as_qemu() only)
 */
void qmp_event(struct qmp_conn *conn, const char *name, json_t *data);

/* Send an event to all who have said qmp_capabilities, as qmp_event(). */
void qmp_broadcast(struct qmp_server *srv, const char *name, json_t *data);

/* For handlers. */

/* A text that may be no UTF-8, such as a path, for people: U+FFFD stands for each byte that
 * is none. Return: it, owned by the caller, or NULL. */
json_t *qmp_text(const char *text);

/* What the greeting says of our version. Return: it, owned by the caller, or NULL. */
json_t *qmp_version(void);

/* Fill @err with a printf-like description. Return: NULL, for handlers. */
json_t *qmp_fail(struct qmp_error *err, const char *fmt, ...) PRINTF(2, 3);

#endif /* LIB_QMP_H */
