/* SPDX-License-Identifier: BSD-2-Clause */
/* net_vde.c - A NIC on libvdeplug: any VDE switch, any VNL the library knows
 *
 * The library's work is that of a process of its own (cable.h), which gives us a
 * descriptor that carries one frame a call, and tells us when it is good for nothing any
 * more, and when there is a new one. Nobody waits for it longer than NET_VDE_START_S at
 * the start, and not at all later on.
 */
#include "config.h"

#include "vmm/net_vde.h"

#include <errno.h>
#include <ev.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/eth.h"
#include "lib/fd.h"
#include "lib/iov.h"
#include "lib/log.h"
#include "lib/vnet.h"
#include "vmm/cable.h"
#include "vmm/net.h"

enum {
	NET_VDE_START_S = 10,
	NET_VDE_END_MS = 1000,		/* for taking leave of the switch */
};

/**
 * struct net_vde - A plug
 * @opt:	Where it goes
 * @cable:	Socket to the process
 * @data:	Carries frames, -1 while the switch is away
 * @rx:		Watches for frames
 * @tx:		Watches for room
 * @words:	Watches for what the process says
 * @lost:	The connection broke while the NIC was at work
 * @recv_wanted: The owner watches for frames
 * @buf:	A frame on its way from or to several pieces
 */
struct net_vde {
	struct net_backend be;
	struct ev_loop *loop;
	const struct options_netdev *opt;
	int cable;
	int data;
	ev_io rx, tx, words;
	ev_async lost;
	bool recv_wanted;
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

	nv->be.owner->can_recv(nv->be.nic);
}

static void net_vde_tx_cb(struct ev_loop *loop UNUSED, ev_io *w,
			  int revents UNUSED)
{
	struct net_vde *nv = container_of(w, struct net_vde, tx);

	nv->be.owner->can_send(nv->be.nic);
}

static void net_vde_unplug(struct net_vde *nv)
{
	ev_io_stop(nv->loop, &nv->rx);
	ev_io_stop(nv->loop, &nv->tx);
	fd_close(&nv->data);
	nv->be.up = false;
}

/* The switch is gone: cable down; the process looks for it. */
static void net_vde_lost(struct net_vde *nv)
{
	net_vde_unplug(nv);
	log_warn("network '%s': the switch is gone; looking for it", nv->opt->shown);
	nv->be.owner->link(nv->be.nic, false);
}

/* It carries frames no more, and its process has not noticed. */
static void net_vde_lost_cb(struct ev_loop *loop UNUSED, ev_async *w,
			    int revents UNUSED)
{
	struct net_vde *nv = container_of(w, struct net_vde, lost);
	const struct cable_word again = { .err = ECONNRESET };

	if (nv->data < 0)
		return;
	net_vde_lost(nv);
	/* Who does not hear it has ended, and that is heard. */
	if (fd_send(nv->cable, &again, sizeof(again), NULL, 0) < 0)
		return;
}

static void net_vde_plug(struct net_vde *nv, int fd)
{
	net_vde_unplug(nv);
	nv->data = fd;
	ev_io_set(&nv->rx, fd, EV_READ);
	ev_io_set(&nv->tx, fd, EV_WRITE);
	if (nv->recv_wanted)
		ev_io_start(nv->loop, &nv->rx);
	nv->be.up = true;
}

/* Hear one word. Return: 0 if the cable is plugged in now, -EAGAIN if nothing was said,
 * -EPIPE if nothing will be, or another -errno. */
static int net_vde_hear(struct net_vde *nv)
{
	struct cable_word word;
	unsigned int count = 1;
	int fd = -1;
	ssize_t n = fd_recv(nv->cable, &word, sizeof(word), &fd, &count);

	if (n == (ssize_t)sizeof(word) && !word.err && fd >= 0) {
		net_vde_plug(nv, fd);
		return 0;
	}
	fd_close(&fd);
	if (n == (ssize_t)sizeof(word) && word.err > 0)
		return -word.err;
	return n == -EAGAIN ? -EAGAIN : -EPIPE;
}

static void net_vde_words_cb(struct ev_loop *loop, ev_io *w, int revents UNUSED)
{
	struct net_vde *nv = container_of(w, struct net_vde, words);
	int ret = net_vde_hear(nv);

	if (ret == -EAGAIN)
		return;
	if (ret && nv->data >= 0)
		net_vde_lost(nv);
	if (ret == -EPIPE) {
		log_err("network '%s': the process that holds its cable has ended",
			nv->opt->shown);
		ev_io_stop(loop, w);
	}
	if (ret)
		return;
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

	if (nv->data < 0)
		return -ENETDOWN;
	if (cnt > 1) {
		size = iov_to_buf(iov, cnt, 0, nv->buf, sizeof(nv->buf));
		frame = nv->buf;
	}
	if (write(nv->data, frame, size) >= 0)
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

	if (nv->data < 0)
		return -EAGAIN;
	*hdr = VNET_HDR_NONE;
	n = read(nv->data, one ? iov->iov_base : nv->buf,
		 one ? iov->iov_len : sizeof(nv->buf));
	if (n > 1)
		return one ? n : (ssize_t)iov_from_buf(iov, cnt, 0, nv->buf, (size_t)n);
	/* Anything but a passing trouble would come back for ever: that is a broken cable.
	 * We are inside a call of the NIC's, so it is pulled a moment later. */
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
	if (on && nv->data >= 0)
		ev_io_start(nv->loop, &nv->rx);
	else
		ev_io_stop(nv->loop, &nv->rx);
}

static void net_vde_watch_send(struct net_backend *be, bool on)
{
	struct net_vde *nv = net_vde(be);

	if (on && nv->data >= 0)
		ev_io_start(nv->loop, &nv->tx);
	else
		ev_io_stop(nv->loop, &nv->tx);
}

/* When this returns, the switch has a free port again, if it was to be had in time. */
static void net_vde_close(struct net_backend *be)
{
	struct net_vde *nv = net_vde(be);
	struct pollfd end = { .fd = nv->cable, .events = POLLIN };
	struct cable_word word;

	net_vde_unplug(nv);
	ev_async_stop(nv->loop, &nv->lost);
	ev_io_stop(nv->loop, &nv->words);
	if (nv->cable >= 0) {
		shutdown(nv->cable, SHUT_WR);
		while (fd_poll(&end, 1, NET_VDE_END_MS) > 0 &&
		       fd_recv(nv->cable, &word, sizeof(word), NULL, NULL) > 0)
			;
	}
	fd_close(&nv->cable);
	free(nv);
}

static const struct net_ops net_vde_ops = {
	.send = net_vde_send,
	.recv = net_vde_recv,
	.watch_recv = net_vde_watch_recv,
	.watch_send = net_vde_watch_send,
	.close = net_vde_close,
};

/* Fork the process, and wait for its first word, but not for ever. Return: 0 or -errno. */
static int net_vde_begin(struct net_vde *nv, const char *vm_name)
{
	const struct options_netdev *opt = nv->opt;
	struct vde_open_args args = {
		.port = opt->port,
		.group = (char *)(uintptr_t)opt->group,
		.mode = opt->mode ? opt->mode : 0700,
	};
	bool with_args = opt->port || opt->group || opt->mode;
	struct pollfd word = { .events = POLLIN };
	char descr[128];

	snprintf(descr, sizeof(descr), "lanbox-vmm %s", vm_name);
	nv->cable = cable_start(opt->sock ? opt->sock : "", descr, with_args ? &args : NULL);
	if (nv->cable < 0)
		return nv->cable;
	word.fd = nv->cable;
	return fd_poll(&word, 1, NET_VDE_START_S * 1000) > 0 ? net_vde_hear(nv) : -ETIMEDOUT;
}

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
	nv->data = nv->cable = -1;
	ev_io_init(&nv->rx, net_vde_rx_cb, -1, EV_READ);
	ev_io_init(&nv->tx, net_vde_tx_cb, -1, EV_WRITE);
	ev_async_init(&nv->lost, net_vde_lost_cb);
	ev_async_start(loop, &nv->lost);
	ret = net_vde_begin(nv, vm_name);
	if (ret && opt->reconnect && nv->cable >= 0) {
		log_warn("network '%s': the switch is not there yet; looking for it", opt->shown);
		ret = 0;
	}
	ev_io_init(&nv->words, net_vde_words_cb, nv->cable, EV_READ);
	if (ret) {
		log_err("network '%s': cannot connect to the switch: %s%s",
			opt->shown, ret == -ETIMEDOUT ? "it does not answer"
						      : strerror(-ret),
			ret == -ENOENT || ret == -ECONNREFUSED ?
			" (is the switch running, and has it a free port?)" : "");
		net_vde_close(&nv->be);
		return ret;
	}
	ev_io_start(loop, &nv->words);
	*out = &nv->be;
	return 0;
}
