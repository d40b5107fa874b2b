/* SPDX-License-Identifier: BSD-2-Clause */
/* net_tap.c - A NIC on a tap of the host; see net_tap.h */
#include "config.h"

#include "vmm/net_tap.h"

#include <errno.h>
#include <ev.h>
#include <linux/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "lib/offload.h"
#include "lib/tap.h"
#include "lib/vnet.h"
#include "vmm/net.h"

/**
 * struct net_tap - A tap
 * @fd:		Where frames come from and go to, -1 when it has been deleted
 * @vnet:	They have headers there
 * @rx:		Watches for frames
 * @tx:		Watches for room
 * @lost:	It has been deleted: said a moment later, outside of the NIC's calls
 */
struct net_tap {
	struct net_backend be;
	struct ev_loop *loop;
	const struct options_netdev *opt;
	int fd;
	bool vnet;
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
static int net_tap_send(struct net_backend *be, const struct vnet_hdr *hdr,
			const struct iovec *iov, unsigned int cnt)
{
	struct net_tap *nt = net_tap(be);
	struct iovec all[1 + NET_PIECES_MAX];

	if (nt->fd < 0)
		return -ENETDOWN;
	if (!nt->vnet)
		return writev(nt->fd, iov, (int)cnt) < 0 ? net_tap_failed(nt) : 0;
	all[0] = (struct iovec){ (void *)(uintptr_t)hdr, sizeof(*hdr) };
	memcpy(all + 1, iov, cnt * sizeof(*iov));
	return writev(nt->fd, all, (int)cnt + 1) < 0 ? net_tap_failed(nt) : 0;
}

static ssize_t net_tap_recv(struct net_backend *be, struct vnet_hdr *hdr,
			    const struct iovec *iov, unsigned int cnt)
{
	struct net_tap *nt = net_tap(be);
	size_t hdr_size = nt->vnet ? sizeof(*hdr) : 0;
	struct iovec all[1 + NET_PIECES_MAX];
	ssize_t n;

	if (nt->fd < 0)
		return -EAGAIN;
	*hdr = VNET_HDR_NONE;
	all[0] = (struct iovec){ hdr, hdr_size };
	memcpy(all + 1, iov, cnt * sizeof(*iov));
	n = readv(nt->fd, all, (int)cnt + 1);
	if (n >= 0)
		return n < (ssize_t)hdr_size ? 0 : n - (ssize_t)hdr_size;
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

static void net_tap_offloads(struct net_backend *be, uint64_t takes)
{
	struct net_tap *nt = net_tap(be);

	/* The kernel wants no others without these. */
	if (!(takes & OFFLOAD_F(VNET_F_GUEST_CSUM)))
		takes = 0;
	if (!(takes & (OFFLOAD_F(VNET_F_GUEST_TSO4) | OFFLOAD_F(VNET_F_GUEST_TSO6))))
		takes &= ~OFFLOAD_F(VNET_F_GUEST_ECN);
	if (nt->vnet && nt->fd >= 0)
		tap_set_takes(nt->fd, takes & be->takes);
}

static void net_tap_close(struct net_backend *be)
{
	struct net_tap *nt = net_tap(be);

	/* Others may use the tap after us. */
	net_tap_offloads(be, 0);

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
	.offloads = net_tap_offloads,
	.close = net_tap_close,
};

/* Opening. */

/* Attach to a tap by its name. Return: its descriptor, or -errno, logged. */
static int net_tap_attach(const char *name)
{
	int fd = tap_attach(name, true);

	if (fd < 0)
		log_err_errno(-fd, "network '%s': cannot attach to the tap%s", name,
			      tap_hint(-fd));
	return fd;
}

/* Use a descriptor from whoever started us. Return: it, or -errno, logged. */
static int net_tap_adopt(const struct options_netdev *opt, bool *vnet)
{
	char name[IFNAMSIZ];
	int ret = tap_adopt(opt->fd, name, vnet);

	if (ret)
		log_err_errno(-ret, "network '%s'%s", opt->shown, tap_hint(-ret));
	return ret ? ret : opt->fd;
}

int net_tap_open(struct ev_loop *loop, const struct options_netdev *opt,
		 const struct net_owner *owner, void *nic, struct net_backend **out)
{
	struct net_tap *nt = calloc(1, sizeof(*nt));
	int ret;

	if (!nt)
		return -ENOMEM;
	nt->be = (struct net_backend){ .ops = &net_tap_ops, .owner = owner, .nic = nic,
				       .up = true };
	nt->loop = loop;
	nt->opt = opt;
	nt->vnet = true;
	nt->fd = opt->ifname ? net_tap_attach(opt->ifname) : net_tap_adopt(opt, &nt->vnet);
	if (nt->fd < 0) {
		ret = nt->fd;
		free(nt);
		return ret;
	}
	/* What of all that there is the kernel knows; and none before a guest wants it. */
	if (nt->vnet)
		nt->be.takes = tap_set_takes(nt->fd, OFFLOAD_TAKES);
	net_tap_offloads(&nt->be, 0);
	ev_io_init(&nt->rx, net_tap_rx_cb, nt->fd, EV_READ);
	ev_io_init(&nt->tx, net_tap_tx_cb, nt->fd, EV_WRITE);
	ev_async_init(&nt->lost, net_tap_lost_cb);
	ev_async_start(loop, &nt->lost);
	*out = &nt->be;
	return 0;
}
