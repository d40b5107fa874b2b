/* SPDX-License-Identifier: BSD-2-Clause */
/* qmp.c - Control protocol for programs: JSON lines in the form of QEMU's QMP
 *
 * Security model: who may connect is decided by the socket's mode; a client is
 * still not believed. Lines are bounded, JSON is jansson's work, a client that
 * breaks the framing or does not read harms only its own connection.
 */
#include "config.h"

#include "lib/qmp.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/activation.h"
#include "lib/fd.h"
#include "lib/listener.h"
#include "lib/qmp_args.h"

/**
 * struct qmp_conn - A client
 * @ready:	It said qmp_capabilities
 * @context:	What the owner of the commands keeps with it, and how to be rid of that
 * @reply_fd:	Goes out with @tx, or -1
 * @tx:		A reply or events being sent, or NULL
 * @events:	Those that wait, @events_size bytes of @events_room
 * @lost:	Events lost since @events last went out
 * @sequence:	Number of the last event
 */
struct qmp_conn {
	ev_io io;
	struct qmp_server *srv;
	struct qmp_conn *next;
	int fd;
	bool ready;
	void *context;
	void (*context_destroy)(void *context);
	int reply_fd;
	char *tx;
	size_t tx_size, tx_done;
	char *events;
	size_t events_size, events_room;
	uint64_t lost;
	uint64_t sequence;
	size_t rx_size;
	char rx[QMP_LINE_MAX];
};

struct qmp_server {
	struct listener listener;
	struct ev_loop *loop;
	const struct qmp_command *commands;
	void *ctx;
	struct qmp_conn *conns;
	unsigned int count;
	bool as_qemu;
};

static void qmp_conn_close(struct qmp_conn *conn)
{
	struct qmp_server *srv = conn->srv;
	struct qmp_conn **p = &srv->conns;

	while (*p != conn)
		p = &(*p)->next;
	*p = conn->next;
	if (srv->count-- == QMP_CONN_MAX)
		listener_resume(&srv->listener);
	ev_io_stop(srv->loop, &conn->io);
	qmp_set_context(conn, NULL, NULL);
	fd_close(&conn->fd);
	fd_close(&conn->reply_fd);
	free(conn->tx);
	free(conn->events);
	free(conn);
}

/* Set what the connection waits for: room to send, else something to read. */
static void qmp_conn_wait(struct qmp_conn *conn)
{
	ev_io_stop(conn->srv->loop, &conn->io);
	ev_io_set(&conn->io, conn->fd, conn->tx || conn->events_size ? EV_WRITE : EV_READ);
	ev_io_start(conn->srv->loop, &conn->io);
}

/* A JSON value as a line, @size bytes; takes ownership of @v. Return: the line,
 * owned by the caller, or NULL. */
static char *qmp_line(const struct qmp_conn *conn, json_t *v, size_t *size)
{
	size_t flags = JSON_PRESERVE_ORDER | (conn->srv->as_qemu ? 0 : JSON_COMPACT);
	char *text = json_dumps(v, flags), *line;
	size_t len;

	json_decref(v);
	if (!text)
		return NULL;
	len = strlen(text);
	line = realloc(text, len + 2);
	if (!line) {
		free(text);
		return NULL;
	}
	memcpy(line + len, "\r\n", 2);
	*size = len + 2;
	return line;
}

/* Events. */

/* The JSON of an event; takes ownership of @data. Return: it, or NULL. */
static json_t *qmp_event_json(const struct qmp_conn *conn, const char *name, json_t *data)
{
	json_t *v, *timestamp;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	timestamp = json_pack("{s:I,s:i}", "seconds", (json_int_t)now.tv_sec,
			      "microseconds", (int)(now.tv_nsec / 1000));
	if (!conn->srv->as_qemu)
		return json_pack("{s:s,s:o,s:o,s:I}", "event", name, "data", data, "timestamp",
				 timestamp, "sequence", (json_int_t)conn->sequence + 1);
	v = json_pack("{s:o,s:s}", "timestamp", timestamp, "event", name);
	if (json_is_null(data))
		json_decref(data);
	else
		json_object_set_new(v, "data", data);
	return v;
}

/* Append an event to those that wait; takes ownership of @data. Return: false if
 * there is no memory. */
static bool qmp_queue_event(struct qmp_conn *conn, const char *name, json_t *data)
{
	json_t *v = qmp_event_json(conn, name, data);
	char *line, *more;
	size_t size;

	line = v ? qmp_line(conn, v, &size) : NULL;
	if (!line)
		return false;
	if (conn->events_room - conn->events_size < size) {
		size_t room = 2 * conn->events_room + size;

		more = realloc(conn->events, room);
		if (!more) {
			free(line);
			return false;
		}
		conn->events = more;
		conn->events_room = room;
	}
	memcpy(conn->events + conn->events_size, line, size);
	conn->events_size += size;
	conn->sequence++;
	free(line);
	return true;
}

/* The next to be sent is what waits of events. Return: whether there is any. */
static bool qmp_take_events(struct qmp_conn *conn)
{
	if (!conn->events_size)
		return false;
	if (conn->lost && qmp_queue_event(conn, "EVENTS_LOST",
					  json_pack("{s:I}", "count",
						    (json_int_t)conn->lost)))
		conn->lost = 0;
	conn->tx = conn->events;
	conn->tx_size = conn->events_size;
	conn->tx_done = 0;
	conn->events = NULL;
	conn->events_size = conn->events_room = 0;
	return true;
}

bool qmp_event_room(struct qmp_conn *conn)
{
	/* After the first that is lost, all are, until that was said: so it is said
	 * where it happened. */
	if (conn->events_size < QMP_EVENTS_MAX && !(conn->lost && conn->events_size))
		return true;
	conn->lost++;
	conn->sequence++;
	return false;
}

void qmp_event(struct qmp_conn *conn, const char *name, json_t *data)
{
	if (!data || !qmp_queue_event(conn, name, data)) {
		conn->lost++;
		conn->sequence++;
		return;
	}
	/* Sent from the loop: whoever tells of events must not lose its listeners. */
	if (!(conn->io.events & EV_WRITE))
		qmp_conn_wait(conn);
}

void qmp_broadcast(struct qmp_server *srv, const char *name, json_t *data)
{
	for (struct qmp_conn *conn = srv->conns; conn; conn = conn->next)
		if (conn->ready && qmp_event_room(conn))
			qmp_event(conn, name, json_incref(data));
	json_decref(data);
}

/* Replies. */

/* Send what is left of a reply, and events. Return: false if the connection is
 * dead. */
static bool qmp_conn_flush(struct qmp_conn *conn)
{
	while (conn->tx || qmp_take_events(conn)) {
		ssize_t n = fd_send(conn->fd, conn->tx + conn->tx_done,
				    conn->tx_size - conn->tx_done,
				    &conn->reply_fd, conn->reply_fd >= 0);

		if (n == -EAGAIN)
			return true;
		if (n < 0)
			return false;
		fd_close(&conn->reply_fd);
		conn->tx_done += (size_t)n;
		if (conn->tx_done == conn->tx_size) {
			free(conn->tx);
			conn->tx = NULL;
		}
	}
	return true;
}

/* Queue a reply; takes ownership of @v. */
static void qmp_conn_send(struct qmp_conn *conn, json_t *v)
{
	conn->tx = qmp_line(conn, v, &conn->tx_size);
	conn->tx_done = 0;
}

int qmp_peer(const struct qmp_conn *conn, uid_t *uid, gid_t *gid)
{
	socklen_t size = sizeof(struct ucred);
	struct ucred peer;

	if (getsockopt(conn->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	*uid = peer.uid;
	*gid = peer.gid;
	return 0;
}

void qmp_set_context(struct qmp_conn *conn, void *context, void (*destroy)(void *context))
{
	if (conn->context)
		conn->context_destroy(conn->context);
	conn->context = context;
	conn->context_destroy = destroy;
}

void *qmp_context(const struct qmp_conn *conn)
{
	return conn->context;
}

/* The bytes of the character that a text begins with, 0 if it is none. */
static size_t qmp_character(const char *text)
{
	for (size_t n = 1; n <= 4 && text[n - 1]; n++) {
		json_t *v = json_stringn(text, n);

		json_decref(v);
		if (v)
			return n;
	}
	return 0;
}

json_t *qmp_text(const char *text)
{
	static const char none[] = "\xef\xbf\xbd";	/* U+FFFD */
	json_t *v = json_string(text);
	char *copy, *to;

	if (v)
		return v;
	copy = to = malloc(strlen(text) * strlen(none) + 1);
	if (!copy)
		return NULL;
	while (*text) {
		size_t n = qmp_character(text);

		memcpy(to, n ? text : none, n ? n : strlen(none));
		to += n ? n : strlen(none);
		text += n ? n : 1;
	}
	v = json_stringn(copy, (size_t)(to - copy));
	free(copy);
	return v;
}

json_t *qmp_fail(struct qmp_error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->desc, sizeof(err->desc), fmt, ap);
	va_end(ap);
	return NULL;
}

void qmp_reply_fd(struct qmp_conn *conn, int fd)
{
	fd_close(&conn->reply_fd);
	conn->reply_fd = fd;
}

static json_t *qmp_command_names(const struct qmp_server *srv)
{
	json_t *list = json_array();

	for (const struct qmp_command *c = srv->commands; c->name; c++)
		json_array_append_new(list, json_pack("{s:s}", "name", c->name));
	return list;
}

static json_t *qmp_run(struct qmp_conn *conn, const char *name, json_t *args,
		       struct qmp_error *err)
{
	const struct qmp_server *srv = conn->srv;

	if (!strcmp(name, "qmp_capabilities")) {
		conn->ready = true;
		return json_object();
	}
	if (!conn->ready) {
		err->class = "CommandNotFound";
		return qmp_fail(err, "Expecting capabilities negotiation with "
				"'qmp_capabilities'");
	}
	if (!strcmp(name, "query-commands"))
		return qmp_command_names(srv);
	for (const struct qmp_command *c = srv->commands; c->name; c++)
		if (!strcmp(name, c->name))
			return qmp_args_check(args, c->args, err) ?
			       c->run(srv->ctx, conn, args, err) : NULL;
	err->class = "CommandNotFound";
	return qmp_fail(err, "The command %s has not been found", name);
}

/* Run one line and queue its reply. */
static void qmp_conn_line(struct qmp_conn *conn, const char *line, size_t size)
{
	struct qmp_error err = { .class = "GenericError" };
	json_t *req, *ret = NULL, *args, *id, *reply;
	json_error_t jerr;
	const char *name;

	req = json_loadb(line, size, 0, &jerr);
	name = json_string_value(json_object_get(req, "execute"));
	args = json_object_get(req, "arguments");
	id = json_object_get(req, "id");
	if (!req)
		qmp_fail(&err, "JSON parse error, %s", jerr.text);
	else if (!json_is_object(req))
		qmp_fail(&err, "QMP input must be a JSON object");
	else if (!name)
		qmp_fail(&err, "QMP input %s member 'execute'", json_object_get(req, "execute") ?
			 "has no text in" : "lacks");
	else if (args && !json_is_object(args))
		qmp_fail(&err, "QMP input member 'arguments' must be an object");
	else
		ret = qmp_run(conn, name, args, &err);
	if (!ret && !err.desc[0])
		qmp_fail(&err, "no memory");

	if (ret)
		reply = json_pack("{s:o}", "return", ret);
	else
		reply = json_pack("{s:{s:s,s:o}}", "error", "class", err.class,
				  "desc", qmp_text(err.desc));
	if (reply && id)
		json_object_set(reply, "id", id);
	if (!ret)
		fd_close(&conn->reply_fd);
	json_decref(req);
	if (reply)
		qmp_conn_send(conn, reply);
}

/* Whether there is nothing to read in a line. */
static bool qmp_is_blank(const char *p, size_t size)
{
	while (size && memchr(" \t\r\n", *p, 4)) {
		p++;
		size--;
	}
	return !size;
}

/* How many bytes the next command has: a line, or as QEMU reads it, a JSON value
 * wherever it ends; what is none goes up to the end of the line. Return: 0 if it is
 * not yet there. */
static size_t qmp_conn_next(const struct qmp_conn *conn)
{
	const char *nl = memchr(conn->rx, '\n', conn->rx_size);
	size_t line = nl ? (size_t)(nl - conn->rx) + 1 : 0;
	json_error_t jerr;
	json_t *v;

	if (!conn->srv->as_qemu || (line && qmp_is_blank(conn->rx, line)))
		return line;
	v = json_loadb(conn->rx, conn->rx_size, JSON_DISABLE_EOF_CHECK, &jerr);
	if (!v)
		return json_error_code(&jerr) == json_error_premature_end_of_input ? 0 : line;
	json_decref(v);
	return (size_t)jerr.position;
}

/* Run complete commands as long as no reply waits. Return: false on one that is too
 * long. */
static bool qmp_conn_lines(struct qmp_conn *conn)
{
	while (!conn->tx) {
		size_t size = qmp_conn_next(conn);

		if (!size)
			return conn->rx_size < sizeof(conn->rx);
		if (!qmp_is_blank(conn->rx, size))
			qmp_conn_line(conn, conn->rx, size);
		conn->rx_size -= size;
		memmove(conn->rx, conn->rx + size, conn->rx_size);
		if (!qmp_conn_flush(conn))
			return false;
	}
	return true;
}

static void qmp_conn_cb(struct ev_loop *loop UNUSED, ev_io *w, int revents)
{
	struct qmp_conn *conn = container_of(w, struct qmp_conn, io);
	ssize_t n;

	if (revents & EV_READ) {
		n = fd_recv(conn->fd, conn->rx + conn->rx_size,
			    sizeof(conn->rx) - conn->rx_size, NULL, NULL);
		if (n == -EAGAIN)
			return;
		if (n <= 0)
			goto close;
		conn->rx_size += (size_t)n;
	}
	if (!qmp_conn_flush(conn) || !qmp_conn_lines(conn))
		goto close;
	qmp_conn_wait(conn);
	return;
close:
	qmp_conn_close(conn);
}

json_t *qmp_version(void)
{
	return json_pack("{s:{s:i,s:i,s:i},s:s}", "qemu", "major", 0, "minor", 0, "micro",
			 0, "package", PACKAGE_STRING);
}

static void qmp_accepted(void *ctx, int fd)
{
	struct qmp_server *srv = ctx;
	struct qmp_conn *conn;

	conn = calloc(1, sizeof(*conn));
	if (!conn) {
		close(fd);
		return;
	}
	conn->srv = srv;
	conn->fd = fd;
	conn->reply_fd = -1;
	conn->next = srv->conns;
	srv->conns = conn;
	/* A full house stops listening; the next to leave opens the door. */
	if (++srv->count == QMP_CONN_MAX)
		listener_pause(&srv->listener);
	ev_io_init(&conn->io, qmp_conn_cb, fd, EV_READ);
	qmp_conn_send(conn, json_pack("{s:{s:o,s:[]}}", "QMP", "version", qmp_version(),
				      "capabilities"));
	if (!qmp_conn_flush(conn)) {
		qmp_conn_close(conn);
		return;
	}
	qmp_conn_wait(conn);
}

int qmp_server_create(struct ev_loop *loop, const char *path, mode_t mode,
		      gid_t gid, const struct qmp_command *commands, void *ctx,
		      struct qmp_server **out)
{
	struct qmp_server *srv;
	int fd;

	fd = activation_listen(path, mode, gid);
	if (fd < 0)
		return fd;
	srv = calloc(1, sizeof(*srv));
	if (!srv) {
		close(fd);
		activation_unlink(path);
		return -ENOMEM;
	}
	srv->loop = loop;
	srv->commands = commands;
	srv->ctx = ctx;
	listener_start(&srv->listener, loop, fd, qmp_accepted, srv);
	*out = srv;
	return 0;
}

void qmp_server_as_qemu(struct qmp_server *srv)
{
	srv->as_qemu = true;
}

void qmp_server_destroy(struct qmp_server *srv)
{
	if (!srv)
		return;
	while (srv->conns) {
		qmp_conn_flush(srv->conns);
		qmp_conn_close(srv->conns);
	}
	listener_stop(&srv->listener);
	free(srv);
}
