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

/* Read one line as JSON. Return: the value, or NULL if the other end is gone or
 * makes no sense. */
static json_t *qmp_client_read(struct qmp_client *c, int *fd)
{
	for (;;) {
		char *nl = memchr(c->buf, '\n', c->size);
		unsigned int count;
		int got = -1;
		ssize_t n;

		if (nl) {
			json_error_t jerr;
			size_t used = (size_t)(nl - c->buf) + 1;
			json_t *v = json_loadb(c->buf, used, 0, &jerr);

			c->size -= used;
			memmove(c->buf, c->buf + used, c->size);
			return v;
		}
		if (c->size == sizeof(c->buf))
			return NULL;
		count = 1;
		n = fd_recv(c->sock, c->buf + c->size, sizeof(c->buf) - c->size, &got,
			    &count);
		if (fd && count) {
			fd_close(fd);
			*fd = got;
		} else if (count) {
			fd_close(&got);
		}
		if (n <= 0)
			return NULL;
		c->size += (size_t)n;
	}
}

int qmp_client_open(struct qmp_client *c, const char *path)
{
	const struct timeval limit = { .tv_sec = QMP_CLIENT_LIMIT_S };
	json_t *v;
	char err[1];

	c->size = 0;
	c->sock = fd_connect_unix(path);
	if (c->sock < 0)
		return c->sock;
	setsockopt(c->sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(c->sock, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	v = qmp_client_read(c, NULL);
	if (v && json_object_get(v, "QMP")) {
		json_decref(v);
		v = qmp_client_run(c, "qmp_capabilities", NULL, NULL, err, sizeof(err));
		if (v) {
			json_decref(v);
			return 0;
		}
	}
	qmp_client_close(c);
	return -EPROTO;
}

void qmp_client_close(struct qmp_client *c)
{
	fd_close(&c->sock);
}

json_t *qmp_client_run(struct qmp_client *c, const char *name, json_t *args,
		       int *fd, char *err, size_t size)
{
	json_t *req = json_pack("{s:s}", "execute", name), *reply = NULL, *ret;
	const char *desc = NULL;
	char *text = NULL;
	ssize_t n = -1;

	if (fd)
		*fd = -1;
	if (args)
		json_object_set_new(req, "arguments", args);
	text = json_dumps(req, JSON_COMPACT);
	json_decref(req);
	if (text) {
		size_t len = strlen(text);

		/* The NUL goes out as the newline that ends the command. */
		text[len] = '\n';
		n = fd_send(c->sock, text, len + 1, NULL, 0);
		free(text);
	}
	if (n > 0)
		reply = qmp_client_read(c, fd);
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
