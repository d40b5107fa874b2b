/* SPDX-License-Identifier: BSD-2-Clause */
/* end_tap.c - A tap interface of the host as the end of a cable
 *
 * One read or write is one frame. A tap whose link is down refuses frames (EIO):
 * they are lost, as on a cable that is plugged into nothing. One that was deleted
 * answers EBADFD for ever: it is gone.
 *
 * In front of each frame is a header, and the kernel takes frames that are not finished.
 * It is told nothing that was not found true of a frame (offload_parse()).
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/eth.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "lib/offload.h"
#include "lib/tap.h"
#include "plug/end.h"

/**
 * struct end_tap - A tap interface
 * @rx:		Watches for frames
 * @tx:		Watches for room
 * @fd:		The interface
 * @gives:	The owner wants headers
 * @kept:	Bytes in @buf that the owner has not taken yet, with @hdr in front
 * @buf:	A frame
 */
struct end_tap {
	struct end end;
	ev_io rx, tx;
	int fd;
	bool gives;
	size_t kept;
	struct vnet_hdr hdr;
	uint8_t buf[ETH_FRAME_MAX + 1];
};

static struct end_tap *end_tap(struct end *e)
{
	return container_of(e, struct end_tap, end);
}

static bool tap_is_passing(int err)
{
	return err == EAGAIN || err == EINTR || err == EIO || err == ENOBUFS || err == ENOMEM;
}

static void tap_rx_cb(struct ev_loop *loop UNUSED, ev_io *w, int revents UNUSED)
{
	struct end_tap *et = container_of(w, struct end_tap, rx);

	for (int i = 0; i < END_BUDGET && !et->end.held; i++) {
		if (!et->kept) {
			const struct iovec iov[] = {
				{ &et->hdr, sizeof(et->hdr) },
				{ et->buf, sizeof(et->buf) },
			};
			ssize_t n = readv(et->fd, iov, ARRAY_SIZE(iov));

			if (n < 0 && !tap_is_passing(errno)) {
				end_gone(&et->end, errno);
				return;
			}
			if (n <= (ssize_t)sizeof(et->hdr))
				return;
			et->kept = (size_t)n - sizeof(et->hdr);
		}
		if (end_frame_vnet(&et->end, et->gives ? &et->hdr : NULL, et->buf, et->kept))
			et->kept = 0;
	}
}

static void tap_tx_cb(struct ev_loop *loop, ev_io *w, int revents UNUSED)
{
	struct end_tap *et = container_of(w, struct end_tap, tx);

	ev_io_stop(loop, w);
	end_room(&et->end);
}

/* Write a frame with a header that is true. */
static int tap_write(struct end *e, struct vnet_hdr *hdr, const struct iovec *head,
		     const struct iovec *rest)
{
	struct end_tap *et = end_tap(e);
	const struct iovec iov[] = { { hdr, sizeof(*hdr) }, *head, *rest };

	if (writev(et->fd, iov, ARRAY_SIZE(iov)) >= 0)
		return 0;
	if (errno != EAGAIN)
		return -errno;
	ev_io_start(e->loop, &et->tx);
	return -EAGAIN;
}

static int tap_send(struct end *e, const void *frame, size_t size)
{
	const struct iovec whole = { (void *)(uintptr_t)frame, size }, none = { NULL, 0 };
	struct vnet_hdr hdr = VNET_HDR_NONE;

	return tap_write(e, &hdr, &whole, &none);
}

/* What the kernel does not take is what nobody gives here: a sum of no plain packet. */
static int tap_send_vnet(struct end *e, const struct vnet_hdr *hdr, const void *frame,
			 size_t size)
{
	size_t head_size = MIN(size, (size_t)OFFLOAD_HEAD_MAX);
	uint8_t head[OFFLOAD_HEAD_MAX];
	const struct iovec first = { head, head_size };
	const struct iovec rest = { (uint8_t *)(uintptr_t)frame + head_size,
				    size - head_size };
	struct vnet_hdr real;
	struct offload o;

	memcpy(head, frame, head_size);
	if (offload_parse(&o, hdr, head, head_size, size))
		return -EBADMSG;
	if (!offload_fits(e->takes, &o) && o.segs > 1)
		return -EBADMSG;
	if (!offload_fits(e->takes, &o))
		offload_csum(&o, head, &rest, 1);
	real = offload_hdr(&o, e->takes);
	return tap_write(e, &real, &first, &rest);
}

static void tap_gives(struct end *e, uint64_t takes)
{
	struct end_tap *et = end_tap(e);

	et->gives = takes & OFFLOAD_F(VNET_F_GUEST_CSUM);
	tap_set_takes(et->fd, et->gives ? takes : 0);
}

static void tap_hold(struct end *e, bool hold)
{
	struct end_tap *et = end_tap(e);

	if (hold) {
		ev_io_stop(e->loop, &et->rx);
		return;
	}
	ev_io_start(e->loop, &et->rx);
	if (et->kept)
		ev_feed_event(e->loop, &et->rx, EV_CUSTOM);
}

static void tap_close(struct end *e)
{
	struct end_tap *et = end_tap(e);

	ev_io_stop(e->loop, &et->rx);
	ev_io_stop(e->loop, &et->tx);
	fd_close(&et->fd);
	free(et);
}

static const struct end_ops end_tap_ops = {
	.send = tap_send,
	.send_vnet = tap_send_vnet,
	.gives = tap_gives,
	.hold = tap_hold,
	.close = tap_close,
};

int end_open_tap(struct end **out, struct ev_loop *loop, const char *name)
{
	struct end_tap *et;
	int fd;

	fd = tap_attach(name, true);
	if (fd < 0) {
		log_err("tap interface '%s': %s%s", name, strerror(-fd), tap_hint(-fd));
		return fd;
	}
	et = calloc(1, sizeof(*et));
	if (!et) {
		close(fd);
		return -ENOMEM;
	}
	end_init(&et->end, &end_tap_ops, loop, "tap interface", name);
	et->fd = fd;
	/* What of all that there is the kernel knows; and none before it is wanted. */
	et->end.takes = tap_set_takes(fd, OFFLOAD_TAKES);
	tap_set_takes(fd, 0);
	ev_io_init(&et->rx, tap_rx_cb, fd, EV_READ);
	ev_io_init(&et->tx, tap_tx_cb, fd, EV_WRITE);
	*out = &et->end;
	return 0;
}
