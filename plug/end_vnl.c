/* SPDX-License-Identifier: BSD-2-Clause */
/* end_vnl.c - A virtual network locator as the end of a cable: what libvdeplug knows
 *
 * libvdeplug moves one frame a call and ignores its flags, so what keeps a call
 * from blocking is O_NONBLOCK on the data descriptor. That works where frames go
 * straight to it: sockets and taps. Some modules hand out another kind of
 * descriptor, to be polled only; from those a frame is taken when poll() says that
 * there is one.
 *
 * vde_open() waits for the switch's answer without a limit, and a switch may be
 * stopped or hostile. The first time the user waits with it, and can interrupt it.
 * When a lost switch is looked for, that is done in a thread, since the other end
 * of the cable must go on.
 */
#include "config.h"

#include <errno.h>
#include <libvdeplug.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "lib/eth.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "plug/end.h"

#define VNL_FIRST_RETRY_S	0.1

/**
 * struct opener - An attempt to connect, in its thread
 * @lock:	Guards @conn, @done and @owner
 * @args:	The thread's own copy of where to
 * @conn:	The connection if @done, or NULL
 * @owner:	Who is waiting for it; NULL: nobody any more, so the thread cleans up
 */
struct opener {
	pthread_mutex_t lock;
	struct end_vnl_args args;
	struct vde_open_args open;
	VDECONN *conn;
	bool done;
	struct end_vnl *owner;
};

/**
 * struct end_vnl - A connection of libvdeplug's
 * @args:	Where to and how
 * @conn:	The connection, NULL while the switch is away
 * @rx:		Watches for frames
 * @tx:		Watches for room
 * @cable:	Watches for the end of the connection
 * @retry:	Looks for the switch
 * @opened:	The attempt to connect has ended
 * @opener:	That attempt, or NULL
 * @pause_s:	Time between this attempt and the next
 * @since:	When it was connected
 * @drain:	A call that finds nothing returns at once
 * @has_eof:	The descriptor is of a kind that ends with 0 bytes
 * @kept:	Bytes in @buf that the owner has not taken yet
 * @buf:	A frame
 */
struct end_vnl {
	struct end end;
	const struct end_vnl_args *args;
	VDECONN *conn;
	ev_io rx, tx, cable;
	ev_timer retry;
	ev_async opened;
	struct opener *opener;
	double pause_s;
	ev_tstamp since;
	bool drain;
	bool has_eof;
	size_t kept;
	uint8_t buf[ETH_FRAME_MAX + 1];
};

static struct end_vnl *end_vnl(struct end *e)
{
	return container_of(e, struct end_vnl, end);
}

/* Call the library. Return: a connection, or NULL and errno. */
static VDECONN *vnl_open(const struct end_vnl_args *args)
{
	struct vde_open_args open;
	char *vnl, *descr;
	VDECONN *conn = NULL;
	int err = ENOMEM;

	/* It takes what it could write to. */
	vnl = strdup(args->vnl);
	descr = strdup(args->descr);
	if (args->open)
		open = *args->open;
	if (vnl && descr) {
		errno = 0;
		conn = vde_open(vnl, descr, args->open ? &open : NULL);
		err = errno ? errno : ECONNREFUSED;
	}
	free(vnl);
	free(descr);
	errno = err;
	return conn;
}

/* Watch a new connection. */
static void vnl_attach(struct end_vnl *ev, VDECONN *conn)
{
	int data = vde_datafd(conn), ctl = vde_ctlfd(conn), type = SOCK_DGRAM;
	socklen_t size = sizeof(type);
	struct stat st;

	ev->conn = conn;
	ev->since = ev_now(ev->end.loop);
	if (fstat(data, &st) < 0)
		st.st_mode = 0;
	ev->drain = (S_ISSOCK(st.st_mode) || S_ISCHR(st.st_mode)) &&
		    !fd_set_nonblock(data, true);
	getsockopt(data, SOL_SOCKET, SO_TYPE, &type, &size);
	ev->has_eof = S_ISFIFO(st.st_mode) || type != SOCK_DGRAM;
	ev_io_set(&ev->rx, data, EV_READ);
	ev_io_set(&ev->tx, data, EV_WRITE);
	if (ctl >= 0) {
		ev_io_set(&ev->cable, ctl, EV_READ);
		ev_io_start(ev->end.loop, &ev->cable);
	}
	if (!ev->end.held)
		ev_io_start(ev->end.loop, &ev->rx);
}

static void vnl_detach(struct end_vnl *ev)
{
	ev_io_stop(ev->end.loop, &ev->rx);
	ev_io_stop(ev->end.loop, &ev->tx);
	ev_io_stop(ev->end.loop, &ev->cable);
	if (ev->conn)
		vde_close(ev->conn);
	ev->conn = NULL;
	ev->kept = 0;
}

/* Looking for a lost switch. */

static void opener_free(struct opener *op)
{
	if (op->conn)
		vde_close(op->conn);
	pthread_mutex_destroy(&op->lock);
	free((char *)(uintptr_t)op->args.vnl);
	free((char *)(uintptr_t)op->args.descr);
	free(op->open.group);
	free(op);
}

static void *opener_thread(void *arg)
{
	struct opener *op = arg;
	bool abandoned;
	VDECONN *conn;

	conn = vnl_open(&op->args);
	pthread_mutex_lock(&op->lock);
	op->conn = conn;
	op->done = true;
	abandoned = !op->owner;
	if (op->owner)
		ev_async_send(op->owner->end.loop, &op->owner->opened);
	pthread_mutex_unlock(&op->lock);
	if (abandoned)
		opener_free(op);
	return NULL;
}

/* Copies for the thread, which may outlive its owner. Return: whether all is there. */
static bool opener_copy(struct opener *op, const struct end_vnl_args *args)
{
	op->args.vnl = strdup(args->vnl);
	op->args.descr = strdup(args->descr);
	if (args->open) {
		op->open = *args->open;
		op->args.open = &op->open;
		if (args->open->group)
			op->open.group = strdup(args->open->group);
	}
	return op->args.vnl && op->args.descr &&
	       (!args->open || !args->open->group || op->open.group);
}

static void opener_begin(struct end_vnl *ev)
{
	struct opener *op = calloc(1, sizeof(*op));
	sigset_t all, old;
	pthread_t thread;

	if (!op)
		return;
	pthread_mutex_init(&op->lock, NULL);
	op->owner = ev;
	if (!opener_copy(op, ev->args)) {
		opener_free(op);
		return;
	}
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	if (pthread_create(&thread, NULL, opener_thread, op)) {
		opener_free(op);
	} else {
		pthread_detach(thread);
		ev->opener = op;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* Nobody waits for the attempt any more. */
static void opener_abandon(struct end_vnl *ev)
{
	struct opener *op = ev->opener;
	bool done;

	if (!op)
		return;
	pthread_mutex_lock(&op->lock);
	op->owner = NULL;
	done = op->done;
	pthread_mutex_unlock(&op->lock);
	ev->opener = NULL;
	if (done)
		opener_free(op);
}

static void vnl_retry_later(struct end_vnl *ev)
{
	ev_timer_set(&ev->retry, ev->pause_s, 0.);
	ev_timer_start(ev->end.loop, &ev->retry);
	ev->pause_s = MIN(2 * ev->pause_s, ev->args->retry_s);
}

static void vnl_retry_cb(struct ev_loop *loop UNUSED, ev_timer *w, int revents UNUSED)
{
	struct end_vnl *ev = container_of(w, struct end_vnl, retry);

	opener_begin(ev);
	if (!ev->opener)
		vnl_retry_later(ev);
}

static void vnl_opened_cb(struct ev_loop *loop UNUSED, ev_async *w, int revents UNUSED)
{
	struct end_vnl *ev = container_of(w, struct end_vnl, opened);
	struct opener *op = ev->opener;
	VDECONN *conn;

	pthread_mutex_lock(&op->lock);
	conn = op->conn;
	op->conn = NULL;
	pthread_mutex_unlock(&op->lock);
	ev->opener = NULL;
	opener_free(op);
	if (!conn) {
		vnl_retry_later(ev);
		return;
	}
	log_info("%s: is back", ev->end.name);
	vnl_attach(ev, conn);
}

/* The connection has ended (@err 0) or is of no use. @ev may be closed after. */
static void vnl_lost(struct end_vnl *ev, int err)
{
	vnl_detach(ev);
	if (ev->args->retry_s <= 0) {
		end_gone(&ev->end, err);
		return;
	}
	log_warn("%s: is gone%s%s; looking for it", ev->end.name, err ? ": " : "",
		 err ? strerror(err) : "");
	/* One that comes only to go again is not worth the haste. */
	if (ev_now(ev->end.loop) - ev->since > ev->args->retry_s)
		ev->pause_s = VNL_FIRST_RETRY_S;
	vnl_retry_later(ev);
	/* Frames are lost now, and who waited for room need not any more. */
	end_room(&ev->end);
}

static void vnl_cable_cb(struct ev_loop *loop UNUSED, ev_io *w, int revents UNUSED)
{
	struct end_vnl *ev = container_of(w, struct end_vnl, cable);
	ssize_t n;
	char c;

	/* A switch says nothing on this connection until it ends. */
	n = recv(w->fd, &c, 1, MSG_DONTWAIT);
	if (!n || (n < 0 && errno != EAGAIN && errno != EINTR))
		vnl_lost(ev, 0);
}

/* Receiving. */

/* Troubles that pass, or that the control connection tells more of. */
static bool vnl_is_passing(int err)
{
	return err == EAGAIN || err == EINTR || err == ENOBUFS || err == ENOMEM ||
	       err == ECONNREFUSED || err == ECONNRESET || err == ENETDOWN || err == EIO;
}

/* Whether the next call to receive will not wait. */
static bool vnl_may_recv(const struct end_vnl *ev)
{
	struct pollfd pfd = { .fd = ev->rx.fd, .events = POLLIN };

	return ev->drain || poll(&pfd, 1, 0) > 0;
}

static void vnl_rx_cb(struct ev_loop *loop UNUSED, ev_io *w, int revents UNUSED)
{
	struct end_vnl *ev = container_of(w, struct end_vnl, rx);

	for (int i = 0; i < END_BUDGET && !ev->end.held; i++) {
		if (!ev->kept) {
			ssize_t n;

			if (!vnl_may_recv(ev))
				return;
			n = vde_recv(ev->conn, ev->buf, sizeof(ev->buf), 0);
			if ((!n && ev->has_eof) || (n < 0 && !vnl_is_passing(errno))) {
				vnl_lost(ev, n < 0 ? errno : 0);
				return;
			}
			if (n < 0)
				return;
			/* With some modules one byte, or none, is "nothing for you". */
			if (n <= 1)
				continue;
			ev->kept = (size_t)n;
		}
		if (end_frame(&ev->end, ev->buf, ev->kept))
			ev->kept = 0;
	}
}

static void vnl_hold(struct end *e, bool hold)
{
	struct end_vnl *ev = end_vnl(e);

	if (hold || !ev->conn) {
		ev_io_stop(e->loop, &ev->rx);
		return;
	}
	ev_io_start(e->loop, &ev->rx);
	if (ev->kept)
		ev_feed_event(e->loop, &ev->rx, EV_CUSTOM);
}

/* Sending. */

static int vnl_send(struct end *e, const void *frame, size_t size)
{
	struct end_vnl *ev = end_vnl(e);

	if (!ev->conn)
		return -ENETDOWN;
	if (vde_send(ev->conn, frame, size, 0) >= 0)
		return 0;
	/* Nobody would tell us when a descriptor that is polled only has room. */
	if (errno != EAGAIN || !ev->drain)
		return errno == EAGAIN ? -ENOBUFS : -errno;
	ev_io_start(e->loop, &ev->tx);
	return -EAGAIN;
}

static void vnl_tx_cb(struct ev_loop *loop, ev_io *w, int revents UNUSED)
{
	struct end_vnl *ev = container_of(w, struct end_vnl, tx);

	ev_io_stop(loop, w);
	end_room(&ev->end);
}

static void vnl_close(struct end *e)
{
	struct end_vnl *ev = end_vnl(e);

	ev_timer_stop(e->loop, &ev->retry);
	opener_abandon(ev);
	ev_async_stop(e->loop, &ev->opened);
	vnl_detach(ev);
	free(ev);
}

static const struct end_ops end_vnl_ops = {
	.send = vnl_send,
	.hold = vnl_hold,
	.close = vnl_close,
};

int end_open_vnl(struct end **out, struct ev_loop *loop, const struct end_vnl_args *args)
{
	struct end_vnl *ev = calloc(1, sizeof(*ev));
	VDECONN *conn;
	int ret;

	if (!ev)
		return -ENOMEM;
	end_init(&ev->end, &end_vnl_ops, loop, args->vnl[0] ? "network" : "the default switch",
		 args->vnl);
	conn = vnl_open(args);
	if (!conn) {
		ret = -errno;
		log_err("%s: cannot connect: %s%s", ev->end.name, strerror(-ret),
			ret == -ENOENT || ret == -ECONNREFUSED ?
			" (is the switch running, and has it a free port?)" : "");
		free(ev);
		return ret;
	}
	ev->args = args;
	ev_io_init(&ev->rx, vnl_rx_cb, -1, EV_READ);
	ev_io_init(&ev->tx, vnl_tx_cb, -1, EV_WRITE);
	ev_io_init(&ev->cable, vnl_cable_cb, -1, EV_READ);
	ev_timer_init(&ev->retry, vnl_retry_cb, 0., 0.);
	ev_async_init(&ev->opened, vnl_opened_cb);
	ev_async_start(loop, &ev->opened);
	ev->pause_s = VNL_FIRST_RETRY_S;
	vnl_attach(ev, conn);
	*out = &ev->end;
	return 0;
}
