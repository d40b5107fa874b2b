/* SPDX-License-Identifier: BSD-2-Clause */
/* net_vde.c - A NIC on libvdeplug: any VDE switch, any VNL the library knows
 *
 * libvdeplug moves one frame a call and ignores its flags, so what keeps a call
 * from blocking is O_NONBLOCK on the data descriptor. That works where frames
 * go straight to it: sockets and taps. Some modules hand out another kind of
 * descriptor, to be polled only; from those one frame is taken each time it is
 * readable.
 */
#include "config.h"

#include "vmm/net_vde.h"

#include <errno.h>
#include <ev.h>
#include <libvdeplug.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "vmm/net.h"

#define NET_VDE_RETRY_S	1.

/**
 * struct net_vde - A plug
 * @opt:	Where it goes
 * @conn:	Connection, NULL while the switch is away
 * @rx:		Watches for frames
 * @tx:		Watches for room
 * @cable:	Watches for the end of the connection
 * @retry:	Looks for the switch
 * @drain:	A call that finds nothing returns at once
 * @fresh:	Nothing was received since the descriptor became readable
 * @recv_wanted: The owner watches for frames
 * @descr:	What the switch shows
 */
struct net_vde {
	struct net_backend be;
	struct ev_loop *loop;
	const struct options_netdev *opt;
	VDECONN *conn;
	ev_io rx, tx, cable;
	ev_timer retry;
	bool drain;
	bool fresh;
	bool recv_wanted;
	char descr[128];
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
	if (fd_recv(w->fd, &c, 1, NULL) <= 0)
		net_vde_lost(nv);
}

/* Open the connection and begin to watch it. Return: 0 or -errno. */
static int net_vde_plug(struct net_vde *nv)
{
	struct vde_open_args args = {
		.port = nv->opt->port,
		.group = (char *)(uintptr_t)nv->opt->group,
		.mode = nv->opt->mode ? nv->opt->mode : 0700,
	};
	char *vnl = strdup(nv->opt->sock ? nv->opt->sock : "");
	struct stat st;
	int ret = 0, data, ctl;

	if (!vnl)
		return -ENOMEM;
	errno = 0;
	/* Without arguments of its own, what stands in the VNL decides. */
	nv->conn = vde_open(vnl, nv->descr, nv->opt->port || nv->opt->group ||
			    nv->opt->mode ? &args : NULL);
	if (!nv->conn)
		ret = errno ? -errno : -ECONNREFUSED;
	free(vnl);
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

static void net_vde_retry_cb(struct ev_loop *loop, ev_timer *w,
			     int revents UNUSED)
{
	struct net_vde *nv = container_of(w, struct net_vde, retry);

	if (net_vde_plug(nv))
		return;
	ev_timer_stop(loop, w);
	log_info("network '%s': the switch is back", nv->opt->shown);
	nv->be.owner->link(nv->be.nic, true);
	nv->be.owner->can_send(nv->be.nic);
}

static int net_vde_send(struct net_backend *be, const void *frame, size_t size)
{
	struct net_vde *nv = net_vde(be);

	if (!nv->conn)
		return -ENETDOWN;
	if (vde_send(nv->conn, frame, size, 0) >= 0)
		return 0;
	return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

static ssize_t net_vde_recv(struct net_backend *be, void *buf, size_t size)
{
	struct net_vde *nv = net_vde(be);
	ssize_t n;

	if (!nv->conn || (!nv->drain && !nv->fresh))
		return -EAGAIN;
	nv->fresh = false;
	n = vde_recv(nv->conn, buf, size, 0);
	if (n > 1)
		return n;
	/* One byte means "nothing for you" with modules that multiplex. */
	return n >= 0 || errno == EWOULDBLOCK ? -EAGAIN : -errno;
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
	ret = net_vde_plug(nv);
	if (ret) {
		log_err("network '%s': cannot connect to the switch: %s%s",
			opt->shown, strerror(-ret),
			ret == -ENOENT || ret == -ECONNREFUSED ?
			" (is the switch running?)" : "");
		free(nv);
		return ret;
	}
	*out = &nv->be;
	return 0;
}
