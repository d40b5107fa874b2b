/* SPDX-License-Identifier: BSD-2-Clause */
/* net_tap.c - A NIC on a tap of the host; see net_tap.h */
#include "config.h"

#include "vmm/net_tap.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "lib/tap.h"
#include "vmm/net.h"

/**
 * struct net_tap - A tap
 * @fd:		Where frames come from and go to, -1 when it has been deleted
 * @rx:		Watches for frames
 * @tx:		Watches for room
 * @lost:	It has been deleted: said a moment later, outside of the NIC's calls
 */
struct net_tap {
	struct net_backend be;
	struct ev_loop *loop;
	const struct options_netdev *opt;
	int fd;
	ev_io rx, tx;
	ev_async lost;
};

static struct net_tap *net_tap(struct net_backend *be)
{
	return container_of(be, struct net_tap, be);
}

static void net_tap_rx_cb(struct ev_loop *loop UNUSED, ev_io *w, int revents UNUSED)
{
	struct net_tap *nt = container_of(w, struct net_tap, rx);

	nt->be.owner->can_recv(nt->be.nic);
}

static void net_tap_tx_cb(struct ev_loop *loop UNUSED, ev_io *w, int revents UNUSED)
{
	struct net_tap *nt = container_of(w, struct net_tap, tx);

	nt->be.owner->can_send(nt->be.nic);
}

static void net_tap_lost_cb(struct ev_loop *loop, ev_async *w, int revents UNUSED)
{
	struct net_tap *nt = container_of(w, struct net_tap, lost);

	if (nt->fd < 0)
		return;
	ev_io_stop(loop, &nt->rx);
	ev_io_stop(loop, &nt->tx);
	fd_close(&nt->fd);
	nt->be.up = false;
	log_warn("network '%s': the tap has been deleted", nt->opt->shown);
	nt->be.owner->link(nt->be.nic, false);
}

/* What a failed call means. Return: the error for the NIC. */
static int net_tap_failed(struct net_tap *nt)
{
	int err = errno;

	if (err == EAGAIN || err == EINTR)
		return -EAGAIN;
	if (err == EBADFD || err == ENODEV) {
		ev_io_stop(nt->loop, &nt->rx);
		ev_async_send(nt->loop, &nt->lost);
	}
	return -err;
}

/* A tap that is down, or full, loses frames, as a cable does. */
static int net_tap_send(struct net_backend *be, const void *frame, size_t size)
{
	struct net_tap *nt = net_tap(be);

	if (nt->fd < 0)
		return -ENETDOWN;
	return write(nt->fd, frame, size) < 0 ? net_tap_failed(nt) : 0;
}

static ssize_t net_tap_recv(struct net_backend *be, void *buf, size_t size)
{
	struct net_tap *nt = net_tap(be);
	ssize_t n;

	if (nt->fd < 0)
		return -EAGAIN;
	n = read(nt->fd, buf, size);
	if (n >= 0)
		return n;
	/* The owner is not to ask again before there is something. */
	net_tap_failed(nt);
	return -EAGAIN;
}

static void net_tap_watch_recv(struct net_backend *be, bool on)
{
	struct net_tap *nt = net_tap(be);

	if (on && nt->fd >= 0)
		ev_io_start(nt->loop, &nt->rx);
	else
		ev_io_stop(nt->loop, &nt->rx);
}

static void net_tap_watch_send(struct net_backend *be, bool on)
{
	struct net_tap *nt = net_tap(be);

	if (on && nt->fd >= 0)
		ev_io_start(nt->loop, &nt->tx);
	else
		ev_io_stop(nt->loop, &nt->tx);
}

static void net_tap_close(struct net_backend *be)
{
	struct net_tap *nt = net_tap(be);

	ev_io_stop(nt->loop, &nt->rx);
	ev_io_stop(nt->loop, &nt->tx);
	ev_async_stop(nt->loop, &nt->lost);
	fd_close(&nt->fd);
	free(nt);
}

static const struct net_ops net_tap_ops = {
	.send = net_tap_send,
	.recv = net_tap_recv,
	.watch_recv = net_tap_watch_recv,
	.watch_send = net_tap_watch_send,
	.close = net_tap_close,
};

/* Opening. */

/* Attach to a tap by its name. Return: its descriptor, or -errno, logged. */
static int net_tap_attach(const char *name)
{
	int fd = tap_attach(name, false);

	if (fd < 0)
		log_err_errno(-fd, "network '%s': cannot attach to the tap%s", name,
			      tap_hint(-fd));
	return fd;
}

/* Whether a descriptor from whoever started us is what it should be. Return: it, or
 * -errno. */
static int tap_check(const struct options_netdev *opt)
{
	struct ifreq ifr = { .ifr_flags = 0 };
	const char *why = NULL;

	if (ioctl(opt->fd, TUNGETIFF, &ifr) < 0)
		why = "this descriptor is no tap";
	else if (!(ifr.ifr_flags & IFF_TAP) || !(ifr.ifr_flags & IFF_NO_PI))
		why = "not a tap with IFF_NO_PI";
	else if (ifr.ifr_flags & IFF_VNET_HDR)
		why = "a tap with IFF_VNET_HDR cannot be used yet";
	if (why) {
		log_err("network '%s': %s", opt->shown, why);
		return -EINVAL;
	}
	fcntl(opt->fd, F_SETFD, FD_CLOEXEC);
	fd_set_nonblock(opt->fd, true);
	return opt->fd;
}

int net_tap_open(struct ev_loop *loop, const struct options_netdev *opt,
		 const struct net_owner *owner, void *nic, struct net_backend **out)
{
	struct net_tap *nt = calloc(1, sizeof(*nt));

	if (!nt)
		return -ENOMEM;
	nt->be = (struct net_backend){ .ops = &net_tap_ops, .owner = owner, .nic = nic,
				       .up = true };
	nt->loop = loop;
	nt->opt = opt;
	nt->fd = opt->ifname ? net_tap_attach(opt->ifname) : tap_check(opt);
	if (nt->fd < 0) {
		int ret = nt->fd;

		free(nt);
		return ret;
	}
	ev_io_init(&nt->rx, net_tap_rx_cb, nt->fd, EV_READ);
	ev_io_init(&nt->tx, net_tap_tx_cb, nt->fd, EV_WRITE);
	ev_async_init(&nt->lost, net_tap_lost_cb);
	ev_async_start(loop, &nt->lost);
	*out = &nt->be;
	return 0;
}
