/* SPDX-License-Identifier: BSD-2-Clause */
/* net_vde.c - A NIC on libvdeplug: any VDE switch, any VNL the library knows
 *
 * libvdeplug moves one frame a call and ignores its flags, so what keeps a call
 * from blocking is O_NONBLOCK on the data descriptor. That works where frames
 * go straight to it: sockets and taps. Some modules hand out another kind of
 * descriptor, to be polled only; from those one frame is taken each time it is
 * readable.
 *
 * vde_open() waits for the switch's answer without a limit, and a switch may be
 * stopped or hostile. So it runs in a thread of its own; nobody waits for it
 * longer than NET_VDE_START_S at the start, and not at all later on.
 */
#include "config.h"

#include "vmm/net_vde.h"

#include <errno.h>
#include <ev.h>
#include <libvdeplug.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/eth.h"
#include "lib/fd.h"
#include "lib/iov.h"
#include "lib/log.h"
#include "lib/vnet.h"
#include "vmm/net.h"

#define NET_VDE_RETRY_S	1.

enum { NET_VDE_START_S = 10 };

/**
 * struct opener - An attempt to connect, in its thread
 * @lock:	Guards @conn, @err, @done and @owner
 * @ended:	Signalled when @done is set
 * @conn:	The connection, if @done and no @err
 * @err:	Positive errno
 * @owner:	Who is waiting for it; NULL: nobody any more, so the thread cleans up
 */
struct opener {
	pthread_mutex_t lock;
	pthread_cond_t ended;
	pthread_t thread;
	char *vnl;
	char descr[128];
	struct vde_open_args args;
	bool with_args;
	VDECONN *conn;
	int err;
	bool done;
	struct net_vde *owner;
};

/**
 * struct net_vde - A plug
 * @opt:	Where it goes
 * @conn:	Connection, NULL while the switch is away
 * @rx:		Watches for frames
 * @tx:		Watches for room
 * @cable:	Watches for the end of the connection
 * @retry:	Looks for the switch
 * @opener:	An attempt to connect, or NULL
 * @opened:	It has ended
 * @lost:	The connection broke while the NIC was at work
 * @drain:	A call that finds nothing returns at once
 * @fresh:	Nothing was received since the descriptor became readable
 * @recv_wanted: The owner watches for frames
 * @descr:	What the switch shows
 * @buf:	A frame on its way from or to several pieces
 */
struct net_vde {
	struct net_backend be;
	struct ev_loop *loop;
	const struct options_netdev *opt;
	VDECONN *conn;
	ev_io rx, tx, cable;
	ev_timer retry;
	struct opener *opener;
	ev_async opened;
	ev_async lost;
	bool drain;
	bool fresh;
	bool recv_wanted;
	char descr[128];
	uint8_t buf[ETH_FRAME_MAX + 1];
};

static struct net_vde *net_vde(struct net_backend *be)
{
	return container_of(be, struct net_vde, be);
}

static void net_vde_rx_cb(struct ev_loop *loop UNUSED, ev_io *w,
			  int revents UNUSED)
{
	struct net_vde *nv = container_of(w, struct net_vde, rx);

	nv->fresh = true;
	nv->be.owner->can_recv(nv->be.nic);
}

static void net_vde_tx_cb(struct ev_loop *loop UNUSED, ev_io *w,
			  int revents UNUSED)
{
	struct net_vde *nv = container_of(w, struct net_vde, tx);

	nv->be.owner->can_send(nv->be.nic);
}

/* The switch is gone: cable down, look for it. */
static void net_vde_lost(struct net_vde *nv)
{
	ev_io_stop(nv->loop, &nv->rx);
	ev_io_stop(nv->loop, &nv->tx);
	ev_io_stop(nv->loop, &nv->cable);
	vde_close(nv->conn);
	nv->conn = NULL;
	nv->be.up = false;
	log_warn("network '%s': the switch is gone; looking for it", nv->opt->shown);
	nv->be.owner->link(nv->be.nic, false);
	ev_timer_again(nv->loop, &nv->retry);
}

static void net_vde_cable_cb(struct ev_loop *loop UNUSED, ev_io *w,
			     int revents UNUSED)
{
	struct net_vde *nv = container_of(w, struct net_vde, cable);
	char c;

	/* The switch says nothing on this connection until it ends. */
	if (fd_recv(w->fd, &c, 1, NULL, NULL) <= 0)
		net_vde_lost(nv);
}

static void net_vde_lost_cb(struct ev_loop *loop UNUSED, ev_async *w,
			    int revents UNUSED)
{
	struct net_vde *nv = container_of(w, struct net_vde, lost);

	if (nv->conn)
		net_vde_lost(nv);
}

/* Connecting. */

static void opener_free(struct opener *op)
{
	if (op->conn)
		vde_close(op->conn);
	pthread_mutex_destroy(&op->lock);
	pthread_cond_destroy(&op->ended);
	free(op->vnl);
	free(op);
}

static void *opener_thread(void *arg)
{
	struct opener *op = arg;
	bool abandoned;
	VDECONN *conn;
	int err;

	errno = 0;
	conn = vde_open(op->vnl, op->descr, op->with_args ? &op->args : NULL);
	err = conn ? 0 : errno ? errno : ECONNREFUSED;
	pthread_mutex_lock(&op->lock);
	op->conn = conn;
	op->err = err;
	op->done = true;
	abandoned = !op->owner;
	if (op->owner)
		ev_async_send(op->owner->loop, &op->owner->opened);
	pthread_cond_signal(&op->ended);
	pthread_mutex_unlock(&op->lock);
	if (abandoned)
		opener_free(op);
	return NULL;
}

/* Begin to connect. Return: 0 or -errno. */
static int net_vde_begin(struct net_vde *nv)
{
	struct opener *op = calloc(1, sizeof(*op));
	sigset_t all, old;
	int err;

	if (!op)
		return -ENOMEM;
	op->vnl = strdup(nv->opt->sock ? nv->opt->sock : "");
	op->owner = nv;
	op->args = (struct vde_open_args){
		.port = nv->opt->port,
		.group = (char *)(uintptr_t)nv->opt->group,
		.mode = nv->opt->mode ? nv->opt->mode : 0700,
	};
	/* Without arguments of its own, what stands in the VNL decides. */
	op->with_args = nv->opt->port || nv->opt->group || nv->opt->mode;
	memcpy(op->descr, nv->descr, sizeof(op->descr));
	pthread_mutex_init(&op->lock, NULL);
	pthread_cond_init(&op->ended, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = op->vnl ? pthread_create(&op->thread, NULL, opener_thread, op) : ENOMEM;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err) {
		opener_free(op);
		return -err;
	}
	pthread_detach(op->thread);
	nv->opener = op;
	return 0;
}

/* Nobody waits for the attempt any more. */
static void net_vde_abandon(struct net_vde *nv)
{
	struct opener *op = nv->opener;
	bool done;

	if (!op)
		return;
	pthread_mutex_lock(&op->lock);
	op->owner = NULL;
	done = op->done;
	pthread_mutex_unlock(&op->lock);
	nv->opener = NULL;
	if (done)
		opener_free(op);
}

/* The attempt has ended: watch the new connection. Return: 0 or -errno. */
static int net_vde_plug(struct net_vde *nv)
{
	struct opener *op = nv->opener;
	int data, ctl, ret = -op->err;
	struct stat st;

	nv->conn = op->conn;
	op->conn = NULL;
	nv->opener = NULL;
	opener_free(op);
	if (ret)
		return ret;
	data = vde_datafd(nv->conn);
	ctl = vde_ctlfd(nv->conn);
	nv->drain = !fstat(data, &st) && (S_ISSOCK(st.st_mode) || S_ISCHR(st.st_mode)) &&
		    !fd_set_nonblock(data, true);
	ev_io_set(&nv->rx, data, EV_READ);
	ev_io_set(&nv->tx, data, EV_WRITE);
	if (ctl >= 0) {
		ev_io_set(&nv->cable, ctl, EV_READ);
		ev_io_start(nv->loop, &nv->cable);
	}
	if (nv->recv_wanted)
		ev_io_start(nv->loop, &nv->rx);
	nv->be.up = true;
	return 0;
}

/* Wait for the first attempt, but not for ever. Return: 0 or -errno. */
static int net_vde_wait(struct net_vde *nv)
{
	struct opener *op = nv->opener;
	struct timespec limit;
	bool done;
	int err = 0;

	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += NET_VDE_START_S;
	pthread_mutex_lock(&op->lock);
	while (!op->done && !err)
		err = pthread_cond_timedwait(&op->ended, &op->lock, &limit);
	done = op->done;
	pthread_mutex_unlock(&op->lock);
	return done ? net_vde_plug(nv) : -ETIMEDOUT;
}

static void net_vde_retry_cb(struct ev_loop *loop UNUSED, ev_timer *w,
			     int revents UNUSED)
{
	struct net_vde *nv = container_of(w, struct net_vde, retry);

	if (!nv->opener && !nv->conn && net_vde_begin(nv))
		return;
}

static void net_vde_opened_cb(struct ev_loop *loop, ev_async *w,
			      int revents UNUSED)
{
	struct net_vde *nv = container_of(w, struct net_vde, opened);
	bool done;

	if (!nv->opener)
		return;
	pthread_mutex_lock(&nv->opener->lock);
	done = nv->opener->done;
	pthread_mutex_unlock(&nv->opener->lock);
	if (!done || net_vde_plug(nv))
		return;
	ev_timer_stop(loop, &nv->retry);
	log_info("network '%s': the switch is back", nv->opt->shown);
	nv->be.owner->link(nv->be.nic, true);
	nv->be.owner->can_send(nv->be.nic);
}

/* Frames are finished here: the library has no place for a header. */
static int net_vde_send(struct net_backend *be, const struct vnet_hdr *hdr UNUSED,
			const struct iovec *iov, unsigned int cnt)
{
	struct net_vde *nv = net_vde(be);
	const void *frame = iov->iov_base;
	size_t size = iov->iov_len;

	if (!nv->conn)
		return -ENETDOWN;
	if (cnt > 1) {
		size = iov_to_buf(iov, cnt, 0, nv->buf, sizeof(nv->buf));
		frame = nv->buf;
	}
	if (vde_send(nv->conn, frame, size, 0) >= 0)
		return 0;
	return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

static bool net_vde_passing(int err)
{
	return err == EAGAIN || err == EINTR || err == ENOBUFS || err == ENOMEM ||
	       err == ECONNREFUSED || err == ECONNRESET || err == ENETDOWN || err == EIO;
}

static ssize_t net_vde_recv(struct net_backend *be, struct vnet_hdr *hdr,
			    const struct iovec *iov, unsigned int cnt)
{
	struct net_vde *nv = net_vde(be);
	bool one = cnt == 1;
	ssize_t n;

	if (!nv->conn || (!nv->drain && !nv->fresh))
		return -EAGAIN;
	nv->fresh = false;
	*hdr = VNET_HDR_NONE;
	n = vde_recv(nv->conn, one ? iov->iov_base : nv->buf,
		     one ? iov->iov_len : sizeof(nv->buf), 0);
	if (n > 1)
		return one ? n : (ssize_t)iov_from_buf(iov, cnt, 0, nv->buf, (size_t)n);
	/* One byte, or none, means "nothing for you" with some modules. Anything but
	 * a passing trouble would come back for ever: that is a broken cable. We are
	 * inside a call of the NIC's, so it is pulled a moment later. */
	if (n >= 0 || net_vde_passing(errno))
		return -EAGAIN;
	ev_io_stop(nv->loop, &nv->rx);
	ev_async_send(nv->loop, &nv->lost);
	return -EAGAIN;
}

static void net_vde_watch_recv(struct net_backend *be, bool on)
{
	struct net_vde *nv = net_vde(be);

	nv->recv_wanted = on;
	if (on && nv->conn)
		ev_io_start(nv->loop, &nv->rx);
	else
		ev_io_stop(nv->loop, &nv->rx);
}

static void net_vde_watch_send(struct net_backend *be, bool on)
{
	struct net_vde *nv = net_vde(be);

	if (on && nv->conn)
		ev_io_start(nv->loop, &nv->tx);
	else
		ev_io_stop(nv->loop, &nv->tx);
}

static void net_vde_close(struct net_backend *be)
{
	struct net_vde *nv = net_vde(be);

	ev_timer_stop(nv->loop, &nv->retry);
	net_vde_abandon(nv);
	ev_async_stop(nv->loop, &nv->opened);
	ev_async_stop(nv->loop, &nv->lost);
	ev_io_stop(nv->loop, &nv->rx);
	ev_io_stop(nv->loop, &nv->tx);
	ev_io_stop(nv->loop, &nv->cable);
	if (nv->conn)
		vde_close(nv->conn);
	free(nv);
}

static const struct net_ops net_vde_ops = {
	.send = net_vde_send,
	.recv = net_vde_recv,
	.watch_recv = net_vde_watch_recv,
	.watch_send = net_vde_watch_send,
	.close = net_vde_close,
};

int net_vde_open(struct ev_loop *loop, const struct options_netdev *opt,
		 const char *vm_name, const struct net_owner *owner, void *nic,
		 struct net_backend **out)
{
	struct net_vde *nv = calloc(1, sizeof(*nv));
	int ret;

	if (!nv)
		return -ENOMEM;
	nv->be = (struct net_backend){ .ops = &net_vde_ops, .owner = owner, .nic = nic };
	nv->loop = loop;
	nv->opt = opt;
	snprintf(nv->descr, sizeof(nv->descr), "lanbox-vmm %s", vm_name);
	ev_io_init(&nv->rx, net_vde_rx_cb, -1, EV_READ);
	ev_io_init(&nv->tx, net_vde_tx_cb, -1, EV_WRITE);
	ev_io_init(&nv->cable, net_vde_cable_cb, -1, EV_READ);
	ev_timer_init(&nv->retry, net_vde_retry_cb, 0., NET_VDE_RETRY_S);
	ev_async_init(&nv->opened, net_vde_opened_cb);
	ev_async_start(loop, &nv->opened);
	ev_async_init(&nv->lost, net_vde_lost_cb);
	ev_async_start(loop, &nv->lost);
	ret = net_vde_begin(nv);
	if (!ret)
		ret = net_vde_wait(nv);
	if (ret && opt->reconnect) {
		log_warn("network '%s': the switch is not there yet; looking for it", opt->shown);
		ev_timer_again(loop, &nv->retry);
		ret = 0;
	}
	if (ret) {
		log_err("network '%s': cannot connect to the switch: %s%s",
			opt->shown, ret == -ETIMEDOUT ? "it does not answer"
						      : strerror(-ret),
			ret == -ENOENT || ret == -ECONNREFUSED ?
			" (is the switch running, and has it a free port?)" : "");
		net_vde_close(&nv->be);
		return ret;
	}
	*out = &nv->be;
	return 0;
}
