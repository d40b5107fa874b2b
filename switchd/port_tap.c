/* SPDX-License-Identifier: BSD-2-Clause */
/* port_tap.c - A tap interface of the host as an endpoint
 *
 * One read or write is one frame, with a header in front (lib/vnet.h) unless a tap that
 * we were given has none: the host's stack takes and gives frames of 64 KiB that stand
 * for many, and leaves checksums to us. Its word is checked like anybody else's.
 *
 * A tap whose link is down refuses frames (EIO): they are dropped and counted. A tap that
 * was deleted answers EBADFD for ever: the endpoint is closed, and when an interface of
 * that name is there again, it is attached again, at the same port if nobody took it.
 */
#include "config.h"

#include "switchd/port_tap.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "lib/offload.h"
#include "lib/parse.h"
#include "lib/tap.h"
#include "switchd/port.h"
#include "switchd/vsw.h"

#define TAP_RETRY_S	1.

enum {
	PORT_TAP_BYTES = 256 << 10,	/* of a batch, or one frame more */
	PORT_TAP_SEGMENTS = 64,		/* what is as much work as a frame */
	PORT_TAP_ALIGN = 64,
	PORT_TAP_PIECES = 1024,		/* that the kernel takes (UIO_MAXIOV) */
};

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

/**
 * struct port_tap - A tap that is attached
 * @hdr_size:	Bytes of the header in front of each frame, or 0
 */
struct port_tap {
	struct endpoint ep;
	struct tap *tap;
	ev_io rx;
	ev_io tx;
	int fd;
	size_t hdr_size;
};

/**
 * struct port_tap_scratch - A batch at work
 * @frames:	The batch: the bytes of each are at @iov, in @bytes, one behind the other
 * @hdr:	Their headers
 * @offload:	What is left to do for those that are unfinished
 */
struct port_tap_scratch {
	struct frame frames[FRAME_BATCH];
	struct vnet_hdr hdr[FRAME_BATCH];
	struct offload offload[FRAME_BATCH];
	struct iovec iov[FRAME_BATCH][2];
	uint8_t bytes[PORT_TAP_BYTES + FRAME_SIZE_MAX + 1];
};

static struct port_tap *port_tap(struct endpoint *ep)
{
	return container_of(ep, struct port_tap, ep);
}

struct port_tap_scratch *port_tap_scratch_create(void)
{
	return calloc(1, sizeof(struct port_tap_scratch));
}

/* Look at the header of frame @i, which says something. Return: whether it is right. */
static NOINLINE bool port_tap_check(struct port_tap *pt, struct frame *f,
				    struct port_tap_scratch *s, unsigned int i)
{
	struct offload *o = &s->offload[i];
	enum offload_error error;

	f->head_size = MIN(f->size, (size_t)OFFLOAD_HEAD_MAX);
	error = offload_parse(o, &s->hdr[i], f->head, f->head_size, f->size);
	if (error) {
		log_debug("tap interface '%s': %s", pt->tap->name, offload_error_name(error));
		endpoint_drop(&pt->ep, DROP_OFFLOAD, 1);
		return false;
	}
	/* The host's own kernel has looked at the sum. */
	o->valid = s->hdr[i].flags & VNET_HDR_DATA_VALID;
	if (!o->needs && !o->valid)
		return true;
	f->offload = o;
	f->iovcnt = 1;
	s->iov[i][0].iov_len = f->head_size;
	if (f->size > f->head_size)
		s->iov[i][f->iovcnt++] = (struct iovec){
			(uint8_t *)s->iov[i][0].iov_base + f->head_size,
			f->size - f->head_size,
		};
	pt->ep.port->vsw->unfinished |= o->needs;
	return true;
}

static void port_tap_rx_cb(struct ev_loop *loop UNUSED, ev_io *w,
			   int revents UNUSED)
{
	struct port_tap *pt = container_of(w, struct port_tap, rx);
	struct port_tap_scratch *s = pt->ep.port->vsw->tap_scratch;
	unsigned int n = 0, work = 0;
	size_t at = 0;
	int err = 0;

	while (n < FRAME_BATCH && work < FRAME_BATCH && at < PORT_TAP_BYTES) {
		struct iovec from[] = {
			{ &s->hdr[n], pt->hdr_size }, { s->bytes + at, FRAME_SIZE_MAX + 1 },
		};
		ssize_t got = readv(pt->fd, from, ARRAY_SIZE(from));
		struct frame *f = &s->frames[n];

		if (got <= (ssize_t)pt->hdr_size) {
			err = got < 0 ? errno : 0;
			break;
		}
		s->iov[n][0] = (struct iovec){ s->bytes + at, (size_t)got - pt->hdr_size };
		*f = (struct frame){
			.head = s->bytes + at,
			.head_size = s->iov[n][0].iov_len,
			.size = s->iov[n][0].iov_len,
			.iov = s->iov[n],
			.iovcnt = 1,
		};
		work++;
		if (pt->hdr_size && (s->hdr[n].flags || s->hdr[n].gso_type) &&
		    !port_tap_check(pt, f, s, n))
			continue;
		/* Many segments are more work than a common frame. */
		if (f->offload)
			work += f->offload->segs / PORT_TAP_SEGMENTS;
		at += (f->size + PORT_TAP_ALIGN - 1) & ~(size_t)(PORT_TAP_ALIGN - 1);
		n++;
	}
	if (n)
		vsw_input(&pt->ep, s->frames, n);
	pt->ep.port->vsw->unfinished = 0;
	if (err && err != EAGAIN && err != EINTR && err != EIO)
		endpoint_fail(&pt->ep, "the tap is gone: %s", strerror(err));
}

/* Write one frame. Return: 0 or an errno. */
static int port_tap_write(const struct port_tap *pt, const struct frame *f)
{
	struct vnet_hdr hdr = VNET_HDR_NONE;
	struct iovec iov[PORT_TAP_PIECES];

	/* It has no use for more pieces than the kernel takes. */
	if (f->iovcnt >= PORT_TAP_PIECES)
		return EMSGSIZE;
	if (f->offload)
		hdr = offload_hdr(f->offload, pt->ep.takes);
	iov[0] = (struct iovec){ &hdr, pt->hdr_size };
	memcpy(iov + 1, f->iov, f->iovcnt * sizeof(*iov));
	return writev(pt->fd, iov, (int)f->iovcnt + 1) < 0 ? errno : 0;
}

static unsigned int port_tap_send(struct endpoint *ep,
				  const struct frame *const *frames,
				  unsigned int n)
{
	const struct port_tap *pt = port_tap(ep);

	for (unsigned int i = 0; i < n; i++) {
		int err = port_tap_write(pt, frames[i]);

		if (!err)
			endpoint_sent(ep, 1, frames[i]->size);
		else if (err == EAGAIN)
			return i;
		else if (err == EMSGSIZE)
			endpoint_drop(ep, DROP_TOO_LONG, 1);
		else if (err != EBADFD)
			endpoint_drop(ep, DROP_TX_ERROR, 1);
		else {
			endpoint_dead(ep, "cannot send to it: %s", strerror(err));
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
	/* Who attaches to it next may not take what we took. */
	if (pt->hdr_size)
		tap_set_takes(pt->fd, 0);
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
static int tap_plug(struct tap *tap, int fd, bool vnet)
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
	pt->hdr_size = vnet ? VNET_HDR_SIZE : 0;
	if (vnet && !vsw->cfg->no_offloads)
		pt->ep.takes = tap_set_takes(fd, OFFLOAD_TAKES);
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
	const bool vnet = !tap->vsw->cfg->no_offloads;
	int fd;

	if (!if_nametoindex(tap->name))
		return;
	fd = tap_attach(tap->name, vnet);
	if (fd < 0)
		return;
	if (tap_plug(tap, fd, vnet)) {
		close(fd);
		return;
	}
	ev_timer_stop(loop, w);
	log_info("tap interface '%s' is back, at port %u", tap->name, tap->port);
}

/* A descriptor that we were given: "fd=N". Return: it, or -errno. */
static int tap_take_fd(const char *arg, char name[static IFNAMSIZ], bool *vnet)
{
	unsigned int n;
	int ret;

	if (!parse_uint(arg + strlen("fd="), 3, INT32_MAX, &n))
		return -EINVAL;
	ret = tap_adopt((int)n, name, vnet);
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
	bool vnet = !vsw->cfg->no_offloads;
	int fd, ret;

	if (!tap)
		return -ENOMEM;
	tap->vsw = vsw;
	tap->port = port;
	tap->given = !strncmp(name, "fd=", 3);
	ev_timer_init(&tap->retry, tap_retry_cb, 0., TAP_RETRY_S);
	if (tap->given) {
		fd = tap_take_fd(name, tap->name, &vnet);
	} else {
		fd = *tap_find(vsw, name) ? -EBUSY : tap_attach(name, vnet);
		snprintf(tap->name, sizeof(tap->name), "%s", name);
	}
	if (fd < 0) {
		log_err("ERROR OPENING tap interface: '%s': %s%s", name, strerror(-fd),
			tap_hint(-fd));
		free(tap);
		return fd;
	}
	ret = port > vsw->numports ? -ERANGE : tap_plug(tap, fd, vnet);
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
