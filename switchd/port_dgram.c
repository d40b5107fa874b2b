/* SPDX-License-Identifier: BSD-2-Clause */
/* port_dgram.c - A peer that sends each frame as a datagram as an endpoint; the essay
 * is in port_dgram.h
 */
#include "config.h"

#include "switchd/port_dgram.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "switchd/dgramio.h"
#include "switchd/named.h"
#include "switchd/port.h"
#include "switchd/rxbuf.h"
#include "switchd/vsw.h"

enum { DGRAM_SNDBUF = 1 << 20 };	/* bytes the kernel may queue to a peer */

/**
 * struct port_dgram - A named port for a peer with a datagram socket
 * @ep:		The peer, while @plugged; its descriptor is @fd all the time
 * @next:	Next one of the switch
 * @cfg:	What the command line says about it; borrowed
 * @port:	Its number
 * @fd:		Our socket
 * @remote:	Address of the peer's
 * @rx:		Watches for frames, also while there is no peer
 * @tx:		Watches for room
 * @look:	Looks for the peer
 * @file:	Says when the peer's file is made
 * @complained:	The last error of looking that was logged
 */
struct port_dgram {
	struct endpoint ep;
	struct port_dgram *next;
	struct vsw *vsw;
	const struct vsw_named_config *cfg;
	int port;
	int fd;
	struct sockaddr_un remote;
	bool plugged;
	ev_io rx;
	ev_io tx;
	ev_timer look;
	ev_stat file;
	int complained;
};

static struct port_dgram *port_dgram(struct endpoint *ep)
{
	return container_of(ep, struct port_dgram, ep);
}

static unsigned int port_dgram_send(struct endpoint *ep,
				    const struct frame *const *frames, unsigned int n)
{
	return dgramio_send(ep, port_dgram(ep)->fd, frames, n);
}

static void port_dgram_tx_cb(struct ev_loop *loop UNUSED, ev_io *w, int revents UNUSED)
{
	endpoint_can_send(&container_of(w, struct port_dgram, tx)->ep);
}

static void port_dgram_wait_send(struct endpoint *ep, bool on)
{
	struct port_dgram *pd = port_dgram(ep);

	if (on)
		ev_io_start(pd->vsw->loop, &pd->tx);
	else
		ev_io_stop(pd->vsw->loop, &pd->tx);
}

static void port_dgram_hold(struct endpoint *ep, bool on)
{
	struct port_dgram *pd = port_dgram(ep);

	if (on)
		ev_io_stop(pd->vsw->loop, &pd->rx);
	else
		ev_io_start(pd->vsw->loop, &pd->rx);
}

/* The peer is gone, the port stays. */
static void port_dgram_close(struct endpoint *ep)
{
	const struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	struct port_dgram *pd = port_dgram(ep);

	connect(pd->fd, &nobody, sizeof(nobody));
	ev_io_stop(pd->vsw->loop, &pd->tx);
	ev_io_start(pd->vsw->loop, &pd->rx);
	pd->plugged = false;
}

static const struct endpoint_ops port_dgram_ops = {
	.module = "dgram",
	.send = port_dgram_send,
	.wait_send = port_dgram_wait_send,
	.hold = port_dgram_hold,
	.close = port_dgram_close,
};

static void port_dgram_plug(struct port_dgram *pd)
{
	pd->ep = (struct endpoint){
		.ops = &port_dgram_ops,
		.id = pd->fd,
		.uid = (uid_t)-1,
	};
	snprintf(pd->ep.descr, sizeof(pd->ep.descr), "dgram %s", pd->cfg->name);
	pd->plugged = !port_plug(pd->vsw, (uint16_t)pd->port, &pd->ep, NULL);
}

/* Connect to the peer if it is there; nothing changes if it is still the same. */
static void port_dgram_look(struct port_dgram *pd)
{
	if (!connect(pd->fd, (struct sockaddr *)&pd->remote, sizeof(pd->remote))) {
		pd->complained = 0;
		if (!pd->plugged)
			port_dgram_plug(pd);
		return;
	}
	/* Without a file nothing is known: a peer may go on without one. */
	if (errno == ENOENT)
		return;
	if (errno == ECONNREFUSED) {
		if (pd->plugged)
			endpoint_fail(&pd->ep, "it is gone");
		return;
	}
	if (errno != pd->complained)
		log_warn("dgram port '%s': cannot connect to '%s': %s", pd->cfg->name,
			 pd->remote.sun_path, strerror(errno));
	pd->complained = errno;
}

static void port_dgram_look_cb(struct ev_loop *loop UNUSED, ev_timer *w,
			       int revents UNUSED)
{
	port_dgram_look(container_of(w, struct port_dgram, look));
}

static void port_dgram_file_cb(struct ev_loop *loop UNUSED, ev_stat *w,
			       int revents UNUSED)
{
	port_dgram_look(container_of(w, struct port_dgram, file));
}

static void port_dgram_rx_cb(struct ev_loop *loop UNUSED, ev_io *w, int revents UNUSED)
{
	struct port_dgram *pd = container_of(w, struct port_dgram, rx);

	if (!pd->plugged)
		port_dgram_look(pd);
	if (pd->plugged) {
		dgramio_input(&pd->ep, pd->fd);
		return;
	}
	for (unsigned int i = 0; i < FRAME_BATCH; i++)
		if (recv(pd->fd, pd->vsw->rx->b, RXBUF_SIZE, MSG_DONTWAIT) < 0)
			return;
}

static void port_dgram_destroy(struct port_dgram *pd)
{
	named_release(pd->vsw, pd->port);
	if (pd->fd >= 0) {
		ev_io_stop(pd->vsw->loop, &pd->rx);
		ev_timer_stop(pd->vsw->loop, &pd->look);
		ev_stat_stop(pd->vsw->loop, &pd->file);
		unlink(pd->cfg->path);
		fd_close(&pd->fd);
	}
	free(pd);
}

int port_dgram_create(struct vsw *vsw, const struct vsw_named_config *cfg)
{
	struct port_dgram *pd = calloc(1, sizeof(*pd));
	int ret;

	if (!pd)
		return -ENOMEM;
	pd->vsw = vsw;
	pd->cfg = cfg;
	pd->fd = -1;
	pd->next = vsw->dgrams;
	vsw->dgrams = pd;
	ret = fd_sockaddr(&pd->remote, cfg->remote);
	if (ret) {
		log_err_errno(-ret, "dgram port '%s': socket '%s'", cfg->name, cfg->remote);
		return ret;
	}
	pd->port = named_reserve(vsw, "dgram port", cfg->name, cfg->port);
	if (pd->port < 0)
		return pd->port;
	pd->fd = fd_dgram_unix(cfg->path, cfg->mode, cfg->gid);
	if (pd->fd < 0) {
		log_err_errno(-pd->fd, "dgram port '%s': socket '%s'", cfg->name, cfg->path);
		return pd->fd;
	}
	fd_set_send_buffer(pd->fd, DGRAM_SNDBUF);
	ev_io_init(&pd->rx, port_dgram_rx_cb, pd->fd, EV_READ);
	ev_io_init(&pd->tx, port_dgram_tx_cb, pd->fd, EV_WRITE);
	ev_timer_init(&pd->look, port_dgram_look_cb, 0., PORT_DGRAM_LOOK_S);
	ev_stat_init(&pd->file, port_dgram_file_cb, cfg->remote, 0.);
	ev_io_start(vsw->loop, &pd->rx);
	ev_timer_start(vsw->loop, &pd->look);
	ev_stat_start(vsw->loop, &pd->file);
	return 0;
}

void port_dgram_destroy_all(struct vsw *vsw)
{
	while (vsw->dgrams) {
		struct port_dgram *pd = vsw->dgrams;

		vsw->dgrams = pd->next;
		port_dgram_destroy(pd);
	}
}
