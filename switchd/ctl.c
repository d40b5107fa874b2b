/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl.c - The socket DIR/ctl, and those of named ports: clients ask for a port
 *
 * Security model: whoever may open DIR/ctl may send anything here, slowly, in
 * pieces, or not at all. Nothing is parsed before it is there; a client is who
 * the kernel says it is (SO_PEERCRED), whatever it claims; a refused client
 * costs a closed descriptor and a line in the log, at a bounded rate.
 */
#include "config.h"

#include "switchd/ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/activation.h"
#include "lib/fd.h"
#include "lib/listener.h"
#include "lib/log.h"
#include "lib/vde_wire.h"
#include "switchd/port_vde.h"
#include "switchd/vsw.h"

struct ctl {
	struct vsw *vsw;
	struct listener listener;
	struct ctl_conn *conns;
	unsigned int count;
	struct ratelimit complaints;
	int port;
	char path[PATH_MAX + 72];
};

/** struct ctl_conn - A connection whose request is not complete */
struct ctl_conn {
	ev_io io;
	ev_timer deadline;
	struct ctl *ctl;
	struct ctl_conn *next;
	int fd;
	struct ucred peer;
	size_t size;
	uint8_t buf[VDE_REQUEST_MAX];
};

/* Forget a connection; its descriptor is closed unless it was given away. */
static void ctl_conn_free(struct ctl_conn *conn)
{
	struct ctl *ctl = conn->ctl;
	struct ctl_conn **p = &ctl->conns;

	while (*p != conn)
		p = &(*p)->next;
	*p = conn->next;
	ev_io_stop(ctl->vsw->loop, &conn->io);
	ev_timer_stop(ctl->vsw->loop, &conn->deadline);
	fd_close(&conn->fd);
	free(conn);
	ctl->count--;
}

/* Say why in the log, and close. */
static void PRINTF(2, 3) ctl_refuse(struct ctl_conn *conn, const char *fmt, ...)
{
	char why[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	log_limited(&conn->ctl->complaints, clock_ms(), LOG_LEVEL_WARN,
		    "client pid %ld uid %ld refused: %s", (long)conn->peer.pid,
		    (long)conn->peer.uid, why);
	ctl_conn_free(conn);
}

/* Take the fields out of a complete request of either version. Return: false
 * if more bytes are needed or, with *@why set, if it is not acceptable. */
static bool ctl_parse(const struct ctl_conn *conn, struct vde_request *req,
		      const char **why)
{
	struct vde_request_v3 v3;
	struct vde_request_v1 v1;
	uint32_t type, head[2];
	size_t used;

	*why = NULL;
	if (conn->size >= sizeof(head[0]))
		memcpy(&head[0], conn->buf, sizeof(head[0]));
	if (conn->size >= sizeof(head[0]) && head[0] != VDE_MAGIC)
		*why = "the request does not begin with VDE's magic number";
	if (*why || conn->size < sizeof(head))
		return false;
	memcpy(head, conn->buf, sizeof(head));
	if (head[1] == VDE_VERSION) {
		used = sizeof(v3);
		if (conn->size < used)
			return false;
		memcpy(&v3, conn->buf, used);
		type = v3.type;
		req->addr = v3.addr;
	} else if (head[1] <= VDE_TYPE_MGMT) {
		used = sizeof(v1);
		if (conn->size < used)
			return false;
		memcpy(&v1, conn->buf, used);
		type = v1.type;
		req->addr = v1.addr;
	} else {
		*why = "a request of a version this switch does not speak";
		return false;
	}
	if (conn->size - used > VDE_DESCR_MAX + 6) {
		*why = "the request is too long";
		return false;
	}
	if ((type & 0xff) > VDE_TYPE_MGMT) {
		*why = "a request of unknown type";
		return false;
	}
	req->named = conn->ctl->port >= 0;
	req->mgmt = !req->named && (type & 0xff) == VDE_TYPE_MGMT;
	req->port = req->named ? (uint32_t)conn->ctl->port : type >> 8;
	req->uid = conn->peer.uid;
	req->pid = conn->peer.pid;
	memset(req->descr, 0, sizeof(req->descr));
	memcpy(req->descr, conn->buf + used,
	       MIN(conn->size - used, sizeof(req->descr) - 1));
	return true;
}

static void ctl_conn_cb(struct ev_loop *loop UNUSED, ev_io *w, int revents UNUSED)
{
	struct ctl_conn *conn = container_of(w, struct ctl_conn, io);
	struct vde_request req;
	const char *why;
	char err[256];
	ssize_t n;
	int fd;

	n = fd_recv(conn->fd, conn->buf + conn->size,
		    sizeof(conn->buf) - conn->size, NULL, NULL);
	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		if (conn->size)
			ctl_refuse(conn, "it left in the middle of its request");
		else
			ctl_conn_free(conn);
		return;
	}
	conn->size += (size_t)n;
	if (!ctl_parse(conn, &req, &why)) {
		if (why)
			ctl_refuse(conn, "%s", why);
		return;
	}
	fd = conn->fd;
	ev_io_stop(conn->ctl->vsw->loop, &conn->io);
	if (port_vde_open(conn->ctl->vsw, &req, fd, err, sizeof(err))) {
		ctl_refuse(conn, "%s", err);
		return;
	}
	conn->fd = -1;
	ctl_conn_free(conn);
}

static void ctl_deadline_cb(struct ev_loop *loop UNUSED, ev_timer *w,
			    int revents UNUSED)
{
	struct ctl_conn *conn = container_of(w, struct ctl_conn, deadline);

	ctl_refuse(conn, "no complete request within %.0f s", CTL_DEADLINE_S);
}

/* Too many wait: the one that has waited longest goes. */
static void ctl_push_out(struct ctl *ctl)
{
	struct ctl_conn *oldest = ctl->conns;

	while (oldest->next)
		oldest = oldest->next;
	ctl_refuse(oldest, "too many clients wait without a request");
}

static void ctl_accepted(void *ctx, int fd)
{
	struct ctl *ctl = ctx;
	struct ev_loop *loop = ctl->vsw->loop;
	struct ctl_conn *conn = calloc(1, sizeof(*conn));
	socklen_t len = sizeof(conn->peer);

	if (!conn || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &conn->peer, &len)) {
		free(conn);
		close(fd);
		return;
	}
	conn->ctl = ctl;
	conn->fd = fd;
	conn->next = ctl->conns;
	ctl->conns = conn;
	if (++ctl->count > CTL_PENDING_MAX)
		ctl_push_out(ctl);
	ev_io_init(&conn->io, ctl_conn_cb, fd, EV_READ);
	ev_io_start(loop, &conn->io);
	ev_timer_init(&conn->deadline, ctl_deadline_cb, CTL_DEADLINE_S, 0.);
	ev_timer_start(loop, &conn->deadline);
}

int ctl_create(struct vsw *vsw, const struct ctl_config *cfg, struct ctl **out)
{
	struct ctl *ctl = calloc(1, sizeof(*ctl));
	int fd;

	if (!ctl)
		return -ENOMEM;
	ctl->vsw = vsw;
	ctl->port = cfg->port;
	snprintf(ctl->path, sizeof(ctl->path), "%s/%s", vsw->dir, cfg->name);
	fd = activation_listen(ctl->path, cfg->mode, cfg->gid);
	if (fd < 0) {
		log_err_errno(-fd, "Could not bind to socket '%s'", ctl->path);
		free(ctl);
		return fd;
	}
	listener_start(&ctl->listener, vsw->loop, fd, ctl_accepted, ctl);
	*out = ctl;
	return 0;
}

void ctl_destroy(struct ctl *ctl)
{
	if (!ctl)
		return;
	while (ctl->conns)
		ctl_conn_free(ctl->conns);
	listener_stop(&ctl->listener);
	activation_unlink(ctl->path);
	free(ctl);
}
