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
#include <unistd.h>

#include "lib/activation.h"
#include "lib/fd.h"
#include "lib/listener.h"

struct qmp_conn {
	ev_io io;
	struct qmp_server *srv;
	struct qmp_conn *next;
	int fd;
	bool ready;			/* qmp_capabilities was said */
	int reply_fd;			/* goes out with @tx, or -1 */
	char *tx;			/* reply being sent, or NULL */
	size_t tx_size, tx_done;
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
	fd_close(&conn->fd);
	fd_close(&conn->reply_fd);
	free(conn->tx);
	free(conn);
}

/* Set what the connection waits for: room to send, else something to read. */
static void qmp_conn_wait(struct qmp_conn *conn)
{
	ev_io_stop(conn->srv->loop, &conn->io);
	ev_io_set(&conn->io, conn->fd, conn->tx ? EV_WRITE : EV_READ);
	ev_io_start(conn->srv->loop, &conn->io);
}

/* Send what is left of the reply. Return: false if the connection is dead. */
static bool qmp_conn_flush(struct qmp_conn *conn)
{
	while (conn->tx) {
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

/* Queue a JSON value as a line; takes ownership of @v. */
static void qmp_conn_send(struct qmp_conn *conn, json_t *v)
{
	char *text = json_dumps(v, JSON_COMPACT | JSON_PRESERVE_ORDER);
	size_t len;

	json_decref(v);
	if (!text)
		return;
	len = strlen(text);
	conn->tx = realloc(text, len + 2);
	if (!conn->tx) {
		free(text);
		return;
	}
	memcpy(conn->tx + len, "\r\n", 2);
	conn->tx_size = len + 2;
	conn->tx_done = 0;
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
			return c->run(srv->ctx, conn, args, err);
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
	else if (!name)
		qmp_fail(&err, "QMP input lacks member 'execute'");
	else if (args && !json_is_object(args))
		qmp_fail(&err, "QMP input member 'arguments' must be an object");
	else
		ret = qmp_run(conn, name, args, &err);

	if (ret)
		reply = json_pack("{s:o}", "return", ret);
	else
		reply = json_pack("{s:{s:s,s:s}}", "error", "class", err.class,
				  "desc", err.desc);
	if (reply && id)
		json_object_set(reply, "id", id);
	if (!ret)
		fd_close(&conn->reply_fd);
	json_decref(req);
	if (reply)
		qmp_conn_send(conn, reply);
}

/* Run complete lines as long as no reply waits. Return: false on a line that
 * is too long. */
static bool qmp_conn_lines(struct qmp_conn *conn)
{
	while (!conn->tx) {
		char *nl = memchr(conn->rx, '\n', conn->rx_size);
		size_t size;

		if (!nl)
			return conn->rx_size < sizeof(conn->rx);
		size = (size_t)(nl - conn->rx) + 1;
		if (size > 1 && !(size == 2 && conn->rx[0] == '\r'))
			qmp_conn_line(conn, conn->rx, size);
		conn->rx_size -= size;
		memmove(conn->rx, nl + 1, conn->rx_size);
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

static json_t *qmp_greeting(void)
{
	return json_pack("{s:{s:{s:{s:i,s:i,s:i},s:s},s:[]}}", "QMP", "version",
			 "qemu", "major", 0, "minor", 0, "micro", 0,
			 "package", PACKAGE_STRING, "capabilities");
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
	qmp_conn_send(conn, qmp_greeting());
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

void qmp_server_destroy(struct qmp_server *srv)
{
	if (!srv)
		return;
	while (srv->conns)
		qmp_conn_close(srv->conns);
	listener_stop(&srv->listener);
	free(srv);
}
