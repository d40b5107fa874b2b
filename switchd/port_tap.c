/* SPDX-License-Identifier: BSD-2-Clause */
/* port_tap.c - A tap interface of the host as an endpoint
 *
 * One read or write is one frame. A tap whose link is down refuses frames (EIO):
 * they are dropped and counted. A tap that was deleted answers EBADFD for ever:
 * the endpoint is closed.
 */
#include "config.h"

#include "switchd/port_tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "switchd/port.h"
#include "switchd/rxbuf.h"
#include "switchd/vsw.h"

#define TAP_DEVICE	"/dev/net/tun"

struct port_tap {
	struct endpoint ep;
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
	free(pt);
}

static const struct endpoint_ops port_tap_ops = {
	.module = "tuntap",
	.send = port_tap_send,
	.wait_send = port_tap_wait_send,
	.hold = port_tap_hold,
	.close = port_tap_close,
};

/* Open the device and attach to the interface. Return: descriptor or -errno. */
static int tap_attach(const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd, ret;

	if (!name[0] || strlen(name) >= sizeof(ifr.ifr_name) ||
	    strpbrk(name, "/% \t\n"))
		return -EINVAL;
	fd = open(TAP_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	memcpy(ifr.ifr_name, name, strlen(name));
	if (ioctl(fd, TUNSETIFF, &ifr) < 0) {
		ret = -errno;
		fd_close(&fd);
		return ret;
	}
	return fd;
}

/* The likely reason, beside what the kernel calls it. */
static const char *tap_hint(int err)
{
	switch (err) {
	case EBUSY:
		return " (another program is attached to it)";
	case EPERM:
		return " (not yours: make it with 'ip tuntap add NAME mode tap user YOU')";
	case EINVAL:
		return " (an interface name has 1 to 15 characters; is it a tap?)";
	case ENOENT:
	case EACCES:
		return " (cannot open " TAP_DEVICE ")";
	default:
		return "";
	}
}

int port_tap_open(struct vsw *vsw, const char *name)
{
	struct port_tap *pt;
	int fd, id, ret;

	fd = tap_attach(name);
	if (fd < 0) {
		log_err("tap interface '%s': %s%s", name, strerror(-fd),
			tap_hint(-fd));
		return fd;
	}
	id = port_find_free(vsw);
	if (id < 0) {
		log_err("tap interface '%s': all %u ports are in use", name,
			vsw->numports);
		close(fd);
		return id;
	}
	pt = calloc(1, sizeof(*pt));
	if (!pt) {
		close(fd);
		return -ENOMEM;
	}
	pt->fd = fd;
	pt->ep.ops = &port_tap_ops;
	pt->ep.id = fd;
	pt->ep.uid = (uid_t)-1;
	snprintf(pt->ep.descr, sizeof(pt->ep.descr), "%s", name);
	ret = port_plug(vsw, (uint16_t)id, &pt->ep, false);
	if (ret) {
		log_err_errno(-ret, "tap interface '%s'", name);
		close(fd);
		free(pt);
		return ret;
	}
	ev_io_init(&pt->rx, port_tap_rx_cb, fd, EV_READ);
	ev_io_init(&pt->tx, port_tap_tx_cb, fd, EV_WRITE);
	ev_io_start(vsw->loop, &pt->rx);
	return 0;
}
