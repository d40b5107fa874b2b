/* SPDX-License-Identifier: BSD-2-Clause */
/* qmp_client.c - The client's side of the control protocol (lib/qmp.h) */
#include "config.h"

#include "tools/qmp_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "lib/fd.h"

enum { QMP_CLIENT_ROOM = 65536 };	/* bytes, at first */

/* Make room for more. Return: whether there is some. */
static bool qmp_client_grow(struct qmp_client *c)
{
	size_t room = c->room ? 2 * c->room : QMP_CLIENT_ROOM;
	char *more;

	if (c->size < c->room)
		return true;
	more = room <= QMP_CLIENT_LINE_MAX ? realloc(c->buf, room) : NULL;
	if (!more)
		return false;
	c->buf = more;
	c->room = room;
	return true;
}

/* Take the first line off the buffer, if it is whole: *@used bytes. */
static bool qmp_client_has_line(const struct qmp_client *c, size_t from, size_t *used)
{
	const char *nl = c->size > from ? memchr(c->buf + from, '\n', c->size - from) : NULL;

	if (nl)
		*used = (size_t)(nl - c->buf) + 1;
	return nl;
}

/* Read one line as JSON, however long it takes if @patient. Return: the value, or
 * NULL if the other end is gone or makes no sense. */
static json_t *qmp_client_read(struct qmp_client *c, int *fd, bool patient)
{
	size_t used = 0, seen = 0;
	json_error_t jerr;
	json_t *v;

	while (!qmp_client_has_line(c, seen, &used)) {
		unsigned int count = 1;
		int got = -1;
		ssize_t n;

		seen = c->size;
		if (!qmp_client_grow(c))
			goto broken;
		n = fd_recv(c->sock, c->buf + c->size, c->room - c->size, &got, &count);
		if (n == -EAGAIN && patient)
			continue;
		if (n > 0 && count && fd) {
			fd_close(fd);
			*fd = got;
		} else if (n > 0 && count) {
			fd_close(&got);
		}
		if (n <= 0)
			goto broken;
		c->size += (size_t)n;
	}
	v = json_loadb(c->buf, used, 0, &jerr);
	c->size -= used;
	memmove(c->buf, c->buf + used, c->size);
	if (v)
		return v;
broken:
	c->broken = true;
	return NULL;
}

int qmp_client_open(struct qmp_client *c, const char *path)
{
	const struct timeval limit = { .tv_sec = QMP_CLIENT_LIMIT_S };
	json_t *v;
	char err[1];

	*c = (struct qmp_client){ .sock = fd_connect_unix(path) };
	if (c->sock < 0)
		return c->sock;
	setsockopt(c->sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(c->sock, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	v = qmp_client_read(c, NULL, false);
	if (v && json_object_get(v, "QMP")) {
		json_decref(v);
		v = qmp_client_run(c, "qmp_capabilities", NULL, NULL, err, sizeof(err));
		if (v) {
			json_decref(v);
			return 0;
		}
		v = NULL;
	}
	json_decref(v);
	qmp_client_close(c);
	return -EPROTO;
}

void qmp_client_close(struct qmp_client *c)
{
	fd_close(&c->sock);
	free(c->buf);
	c->buf = NULL;
}

/* Send a command. Return: whether it is out. */
static bool qmp_client_send(struct qmp_client *c, const char *name, json_t *args)
{
	json_t *req = json_pack("{s:s}", "execute", name);
	size_t len, done = 0;
	char *text;

	if (args)
		json_object_set_new(req, "arguments", args);
	text = json_dumps(req, JSON_COMPACT);
	json_decref(req);
	if (!text)
		return false;
	/* The NUL goes out as the newline that ends the command. */
	len = strlen(text) + 1;
	text[len - 1] = '\n';
	while (done < len) {
		ssize_t n = fd_send(c->sock, text + done, len - done, NULL, 0);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	free(text);
	return done == len;
}

json_t *qmp_client_run(struct qmp_client *c, const char *name, json_t *args,
		       int *fd, char *err, size_t size)
{
	json_t *reply = NULL, *ret;
	const char *desc = NULL;

	if (fd)
		*fd = -1;
	c->broken |= !qmp_client_send(c, name, args);
	while (!c->broken) {
		reply = qmp_client_read(c, fd, false);
		if (!json_object_get(reply, "event"))
			break;
		json_decref(reply);
		reply = NULL;
	}
	ret = json_object_get(reply, "return");
	if (ret) {
		json_incref(ret);
	} else {
		desc = json_string_value(json_object_get(json_object_get(reply, "error"),
							 "desc"));
		snprintf(err, size, "%s", desc ? desc : "the connection broke");
		if (fd)
			fd_close(fd);
	}
	json_decref(reply);
	return ret;
}

json_t *qmp_client_event(struct qmp_client *c)
{
	for (;;) {
		json_t *v = qmp_client_read(c, NULL, true);

		if (!v || json_object_get(v, "event"))
			return v;
		json_decref(v);
	}
}
