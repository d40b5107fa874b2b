/* SPDX-License-Identifier: BSD-2-Clause */
/* end_tap.c - A tap interface of the host as the end of a cable
 *
 * One read or write is one frame. A tap whose link is down refuses frames (EIO):
 * they are lost, as on a cable that is plugged into nothing. One that was deleted
 * answers EBADFD for ever: it is gone.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/eth.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "lib/tap.h"
#include "plug/end.h"

/**
 * struct end_tap - A tap interface
 * @rx:		Watches for frames
 * @tx:		Watches for room
 * @fd:		The interface
 * @kept:	Bytes in @buf that the owner has not taken yet
 * @buf:	A frame
 */
struct end_tap {
	struct end end;
	ev_io rx, tx;
	int fd;
	size_t kept;
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
			ssize_t n = read(et->fd, et->buf, sizeof(et->buf));

			if (n < 0 && !tap_is_passing(errno)) {
				end_gone(&et->end, errno);
				return;
			}
			if (n <= 0)
				return;
			et->kept = (size_t)n;
		}
		if (end_frame(&et->end, et->buf, et->kept))
			et->kept = 0;
	}
}

static void tap_tx_cb(struct ev_loop *loop, ev_io *w, int revents UNUSED)
{
	struct end_tap *et = container_of(w, struct end_tap, tx);

	ev_io_stop(loop, w);
	end_room(&et->end);
}

static int tap_send(struct end *e, const void *frame, size_t size)
{
	struct end_tap *et = end_tap(e);

	if (write(et->fd, frame, size) >= 0)
		return 0;
	if (errno != EAGAIN)
		return -errno;
	ev_io_start(e->loop, &et->tx);
	return -EAGAIN;
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
	.hold = tap_hold,
	.close = tap_close,
};

int end_open_tap(struct end **out, struct ev_loop *loop, const char *name)
{
	struct end_tap *et;
	int fd;

	fd = tap_attach(name, false);
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
	ev_io_init(&et->rx, tap_rx_cb, fd, EV_READ);
	ev_io_init(&et->tx, tap_tx_cb, fd, EV_WRITE);
	*out = &et->end;
	return 0;
}
