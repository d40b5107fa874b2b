/* SPDX-License-Identifier: BSD-2-Clause */
/* port_tap.c - A tap interface of the host as an endpoint
 *
 * One read or write is one frame. A tap whose link is down refuses frames (EIO):
 * they are dropped and counted. A tap that was deleted answers EBADFD for ever:
 * the endpoint is closed, and when an interface of that name is there again, it is
 * attached again, at the same port if nobody took it.
 */
#include "config.h"

#include "switchd/port_tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "lib/tap.h"
#include "lib/parse.h"
#include "switchd/port.h"
#include "switchd/rxbuf.h"
#include "switchd/vsw.h"

#define TAP_RETRY_S	1.

/**
 * struct tap - An interface that is to be attached
 * @name:	Its name
 * @given:	The descriptor came from whoever started us: once gone, it is gone
 * @port:	Port it was at, 0 at first
 * @at:		It is attached there; NULL: it is away
 * @retry:	Looks whether it is back
 */
struct tap {
	struct tap *next;
	struct vsw *vsw;
	char name[IFNAMSIZ];
	bool given;
	unsigned int port;
	struct port_tap *at;
	ev_timer retry;
};

struct port_tap {
	struct endpoint ep;
	struct tap *tap;
	ev_io rx;
	ev_io tx;
	int fd;
};

static struct port_tap *port_tap(struct endpoint *ep)
{
	return container_of(ep, struct port_tap, ep);
}

static void port_tap_rx_cb(struct ev_loop *loop UNUSED, ev_io *w,
			   int revents UNUSED)
{
	struct port_tap *pt = container_of(w, struct port_tap, rx);
	struct vsw *vsw = pt->ep.port->vsw;
	struct frame frames[FRAME_BATCH];
	struct iovec iov[FRAME_BATCH];
	unsigned int n;
	int err = 0;

	for (n = 0; n < FRAME_BATCH; n++) {
		ssize_t size = read(pt->fd, vsw->rx[n].b, RXBUF_SIZE);

		if (size <= 0) {
			err = size < 0 ? errno : 0;
			break;
		}
		iov[n] = (struct iovec){ vsw->rx[n].b, (size_t)size };
		frames[n] = (struct frame){
			.head = vsw->rx[n].b,
			.head_size = (size_t)size,
			.size = (size_t)size,
			.iov = &iov[n],
			.iovcnt = 1,
		};
	}
	if (n)
		vsw_input(&pt->ep, frames, n);
	if (err && err != EAGAIN && err != EINTR && err != EIO)
		endpoint_fail(&pt->ep, "the tap is gone: %s", strerror(err));
}

static unsigned int port_tap_send(struct endpoint *ep,
				  const struct frame *const *frames,
				  unsigned int n)
{
	const struct port_tap *pt = port_tap(ep);

	for (unsigned int i = 0; i < n; i++) {
		ssize_t size = writev(pt->fd, frames[i]->iov,
				      (int)frames[i]->iovcnt);

		if (size >= 0)
			endpoint_sent(ep, 1, frames[i]->size);
		else if (errno == EAGAIN)
			return i;
		else if (errno != EBADFD)
			endpoint_drop(ep, DROP_TX_ERROR, 1);
		else {
			endpoint_dead(ep, "cannot send to it: %s", strerror(errno));
			return i;
		}
	}
	return n;
}

static void port_tap_tx_cb(struct ev_loop *loop UNUSED, ev_io *w,
			   int revents UNUSED)
{
	endpoint_can_send(&container_of(w, struct port_tap, tx)->ep);
}

static void port_tap_wait_send(struct endpoint *ep, bool on)
{
	struct port_tap *pt = port_tap(ep);

	if (on)
		ev_io_start(ep->port->vsw->loop, &pt->tx);
	else
		ev_io_stop(ep->port->vsw->loop, &pt->tx);
}

static void port_tap_hold(struct endpoint *ep, bool on)
{
	struct port_tap *pt = port_tap(ep);

	if (on)
		ev_io_stop(ep->port->vsw->loop, &pt->rx);
	else
		ev_io_start(ep->port->vsw->loop, &pt->rx);
}

static void port_tap_close(struct endpoint *ep)
{
	struct port_tap *pt = port_tap(ep);
	struct ev_loop *loop = ep->port->vsw->loop;

	ev_io_stop(loop, &pt->rx);
	ev_io_stop(loop, &pt->tx);
	fd_close(&pt->fd);
	pt->tap->at = NULL;
	if (!pt->tap->given)
		ev_timer_again(loop, &pt->tap->retry);
	free(pt);
}

static const struct endpoint_ops port_tap_ops = {
	.module = "tuntap",
	.send = port_tap_send,
	.wait_send = port_tap_wait_send,
	.hold = port_tap_hold,
	.close = port_tap_close,
};

/* Plug an attached tap in: at its old port if that is free, at any otherwise. */
static int tap_plug(struct tap *tap, int fd)
{
	const struct port_client who = PORT_CLIENT_OPERATOR;
	struct vsw *vsw = tap->vsw;
	const struct port *old = tap->port ? vsw->ports[tap->port] : NULL;
	struct port_tap *pt;
	int id, ret;

	id = tap->port && !(old && old->active) ? (int)tap->port : port_find_free(vsw, &who);
	if (id < 0)
		return id;
	pt = calloc(1, sizeof(*pt));
	if (!pt)
		return -ENOMEM;
	pt->fd = fd;
	pt->tap = tap;
	pt->ep.ops = &port_tap_ops;
	pt->ep.id = fd;
	pt->ep.uid = (uid_t)-1;
	snprintf(pt->ep.descr, sizeof(pt->ep.descr), "%s", tap->name);
	ret = port_plug(vsw, (uint16_t)id, &pt->ep, &who);
	if (ret) {
		free(pt);
		return ret;
	}
	tap->port = (unsigned int)id;
	tap->at = pt;
	ev_io_init(&pt->rx, port_tap_rx_cb, fd, EV_READ);
	ev_io_init(&pt->tx, port_tap_tx_cb, fd, EV_WRITE);
	ev_io_start(vsw->loop, &pt->rx);
	return 0;
}

/* An interface that was deleted may be made again; we never do that ourselves. */
static void tap_retry_cb(struct ev_loop *loop, ev_timer *w, int revents UNUSED)
{
	struct tap *tap = container_of(w, struct tap, retry);
	int fd;

	if (!if_nametoindex(tap->name))
		return;
	fd = tap_attach(tap->name);
	if (fd < 0)
		return;
	if (tap_plug(tap, fd)) {
		close(fd);
		return;
	}
	ev_timer_stop(loop, w);
	log_info("tap interface '%s' is back, at port %u", tap->name, tap->port);
}

/* A descriptor that we were given: "fd=N". Return: it, or -errno. */
static int tap_take_fd(const char *arg, char name[static IFNAMSIZ])
{
	struct ifreq ifr = { 0 };
	unsigned int n;
	int ret;

	if (!parse_uint(arg + strlen("fd="), 3, INT32_MAX, &n))
		return -EINVAL;
	if (ioctl((int)n, TUNGETIFF, &ifr) < 0 || !(ifr.ifr_flags & IFF_TAP) ||
	    ifr.ifr_flags & IFF_VNET_HDR || !(ifr.ifr_flags & IFF_NO_PI))
		return -ENOTTY;
	ret = fd_set_nonblock((int)n, true);
	memcpy(name, ifr.ifr_name, IFNAMSIZ - 1);
	if (fcntl((int)n, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return ret ? ret : (int)n;
}

static struct tap **tap_find(struct vsw *vsw, const char *name)
{
	struct tap **p = &vsw->taps;

	while (*p && strcmp((*p)->name, name))
		p = &(*p)->next;
	return p;
}

int port_tap_add(struct vsw *vsw, const char *name, unsigned int port)
{
	struct tap *tap = calloc(1, sizeof(*tap));
	int fd, ret;

	if (!tap)
		return -ENOMEM;
	tap->vsw = vsw;
	tap->port = port;
	tap->given = !strncmp(name, "fd=", 3);
	ev_timer_init(&tap->retry, tap_retry_cb, 0., TAP_RETRY_S);
	if (tap->given) {
		fd = tap_take_fd(name, tap->name);
	} else {
		fd = *tap_find(vsw, name) ? -EBUSY : tap_attach(name);
		snprintf(tap->name, sizeof(tap->name), "%s", name);
	}
	if (fd < 0) {
		log_err("ERROR OPENING tap interface: '%s': %s%s", name, strerror(-fd),
			tap_hint(-fd));
		free(tap);
		return fd;
	}
	ret = port > vsw->numports ? -ERANGE : tap_plug(tap, fd);
	if (ret) {
		log_err_errno(-ret, "no port for tap interface '%s'", name);
		close(fd);
		free(tap);
		return ret;
	}
	tap->next = vsw->taps;
	vsw->taps = tap;
	return 0;
}

static void tap_free(struct tap **p)
{
	struct tap *tap = *p;

	*p = tap->next;
	if (tap->at)
		endpoint_close(&tap->at->ep);
	ev_timer_stop(tap->vsw->loop, &tap->retry);
	free(tap);
}

int port_tap_remove(struct vsw *vsw, const char *name)
{
	struct tap **p = tap_find(vsw, name);

	if (!*p)
		return -ENOENT;
	tap_free(p);
	return 0;
}

void port_tap_remove_all(struct vsw *vsw)
{
	while (vsw->taps)
		tap_free(&vsw->taps);
}

void port_tap_foreach(const struct vsw *vsw,
		      void (*visit)(void *ctx, const char *name, unsigned int port,
				    bool attached), void *ctx)
{
	for (const struct tap *tap = vsw->taps; tap; tap = tap->next)
		visit(ctx, tap->name, tap->port, tap->at);
}
