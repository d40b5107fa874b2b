/* SPDX-License-Identifier: BSD-2-Clause */
/* listener.c - A listening socket in an event loop that cannot spin */
#include "config.h"

#include "lib/listener.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/compiler.h"
#include "lib/log.h"

static void listener_rest_cb(struct ev_loop *loop, ev_timer *w, int revents UNUSED)
{
	struct listener *l = container_of(w, struct listener, rest);

	ev_io_start(loop, &l->io);
}

static void listener_io_cb(struct ev_loop *loop, ev_io *w, int revents UNUSED)
{
	struct listener *l = container_of(w, struct listener, io);
	int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		l->accepted(l->ctx, fd);
		return;
	}
	if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS)
		return;
	log_limited(&l->complaints, (uint64_t)(ev_now(loop) * 1000), LOG_LEVEL_WARN,
		    "cannot accept a connection for now: %s", strerror(errno));
	ev_io_stop(loop, &l->io);
	ev_timer_set(&l->rest, LISTENER_REST_S, 0.);
	ev_timer_start(loop, &l->rest);
}

void listener_start(struct listener *l, struct ev_loop *loop, int fd,
		    void (*accepted)(void *ctx, int fd), void *ctx)
{
	*l = (struct listener){ .loop = loop, .accepted = accepted, .ctx = ctx };
	ev_io_init(&l->io, listener_io_cb, fd, EV_READ);
	ev_timer_init(&l->rest, listener_rest_cb, LISTENER_REST_S, 0.);
	ev_io_start(loop, &l->io);
}

void listener_pause(struct listener *l)
{
	ev_timer_stop(l->loop, &l->rest);
	ev_io_stop(l->loop, &l->io);
}

void listener_resume(struct listener *l)
{
	ev_io_start(l->loop, &l->io);
}

void listener_stop(struct listener *l)
{
	if (!l->loop)
		return;
	listener_pause(l);
	close(l->io.fd);
	l->loop = NULL;
}
