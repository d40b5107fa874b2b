/* SPDX-License-Identifier: BSD-2-Clause */
/* end_ring.c - A switch of ours, by shared memory, as the end of a cable
 *
 * What libvdeplug does with a name lanbox://, but with headers: frames that are not
 * finished go on as they are if the other end takes them. Those that the switch does not
 * take, as it may be another one after a restart, are finished here.
 *
 * The connection looks for a lost switch by itself; frames that find the ring full
 * meanwhile are dropped.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <libvdeplug.h>
#include <stdlib.h>
#include <string.h>

#include "lib/eth.h"
#include "lib/fd.h"
#include "lib/iov.h"
#include "lib/log.h"
#include "lib/offload.h"
#include "plug/end.h"
#include "plug/ringconn.h"
#include "plug/ringname.h"

#define RING_SCHEME	"lanbox://"

/**
 * struct end_ring - A connection
 * @rc:		It
 * @rx:		Watches for frames
 * @kept:	Bytes in @buf that the owner has not taken yet, with @hdr in front
 * @seg:	A segment that is sent
 * @buf:	A frame
 */
struct end_ring {
	struct end end;
	struct ringconn *rc;
	ev_io rx;
	size_t kept;
	struct vnet_hdr hdr;
	uint8_t seg[ETH_FRAME_MAX];
	uint8_t buf[ETH_FRAME_MAX + 1];
};

static struct end_ring *end_ring(struct end *e)
{
	return container_of(e, struct end_ring, end);
}

static void ring_rx_cb(struct ev_loop *loop UNUSED, ev_io *w, int revents UNUSED)
{
	struct end_ring *er = container_of(w, struct end_ring, rx);

	for (int i = 0; i < END_BUDGET && !er->end.held; i++) {
		if (!er->kept) {
			ssize_t n = ringconn_recv(er->rc, &er->hdr, er->buf, sizeof(er->buf));

			if (n < 0)
				return;
			/* Something was to do, but there is no frame. */
			if (!n)
				continue;
			er->kept = (size_t)n;
		}
		if (end_frame_vnet(&er->end, &er->hdr, er->buf, er->kept))
			er->kept = 0;
	}
}

/* Send a frame in segments. */
static void ring_send_cut(struct end_ring *er, const struct offload *o, const uint8_t *head,
			  const struct iovec *rest)
{
	uint8_t hdrs[OFFLOAD_HDR_MAX];
	struct offload_cut cut;
	struct iovec iov[3];
	int n;

	offload_cut_start(&cut, o, head, rest, 1, ringconn_takes(er->rc));
	while ((n = offload_segment(&cut, hdrs, iov, ARRAY_SIZE(iov))) > 0) {
		iov_to_buf(iov, (size_t)n, 0, er->seg, sizeof(er->seg));
		ringconn_send(er->rc, &cut.hdr, er->seg, cut.size);
	}
}

static int ring_send_vnet(struct end *e, const struct vnet_hdr *hdr, const void *frame,
			  size_t size)
{
	size_t head_size = MIN(size, (size_t)OFFLOAD_HEAD_MAX);
	const uint64_t takes = ringconn_takes(end_ring(e)->rc);
	struct end_ring *er = end_ring(e);
	uint8_t head[OFFLOAD_HEAD_MAX];
	struct vnet_hdr real;
	struct offload o;

	memcpy(head, frame, head_size);
	if (offload_parse(&o, hdr, head, head_size, size))
		return -EBADMSG;
	o.valid = hdr->flags & VNET_HDR_DATA_VALID;
	real = offload_hdr(&o, takes);
	if (offload_fits(takes, &o)) {
		ringconn_send(er->rc, &real, frame, size);
	} else {
		const struct iovec rest = { (uint8_t *)(uintptr_t)frame + head_size,
					    size - head_size };

		if (o.segs > 1) {
			ring_send_cut(er, &o, head, &rest);
			return 0;
		}
		offload_csum(&o, head, &rest, 1);
		memcpy(er->seg, head, head_size);
		memcpy(er->seg + head_size, rest.iov_base, rest.iov_len);
		ringconn_send(er->rc, NULL, er->seg, size);
	}
	return 0;
}

static int ring_send(struct end *e, const void *frame, size_t size)
{
	ringconn_send(end_ring(e)->rc, NULL, frame, size);
	return 0;
}

static void ring_hold(struct end *e, bool hold)
{
	struct end_ring *er = end_ring(e);

	if (hold) {
		ev_io_stop(e->loop, &er->rx);
		return;
	}
	ev_io_start(e->loop, &er->rx);
	if (er->kept)
		ev_feed_event(e->loop, &er->rx, EV_CUSTOM);
}

static void ring_close(struct end *e)
{
	struct end_ring *er = end_ring(e);

	ev_io_stop(e->loop, &er->rx);
	ringconn_close(er->rc);
	free(er);
}

static const struct end_ops end_ring_ops = {
	.send = ring_send,
	.send_vnet = ring_send_vnet,
	.hold = ring_hold,
	.close = ring_close,
};

int end_open_ring(struct end **out, struct ev_loop *loop, const struct end_vnl_args *args,
		  uint64_t takes)
{
	struct end_ring *er;
	struct ringname rn;
	int ret;

	if (strncmp(args->vnl, RING_SCHEME, strlen(RING_SCHEME)))
		return -ENOENT;
	ret = ringname_parse(&rn, args->vnl + strlen(RING_SCHEME), args->descr,
			     args->open ? args->open->port : 0);
	if (ret) {
		log_err_errno(-ret, "network '%s'", args->vnl);
		return ret;
	}
	er = calloc(1, sizeof(*er));
	if (!er)
		return -ENOMEM;
	ret = ringconn_open(rn.path, &rn.hello, takes, &er->rc);
	if (!ret)
		ret = fd_set_nonblock(ringconn_fd(er->rc), true);
	if (ret) {
		if (ret != -ENOENT && ret != -ECONNREFUSED && ret != -ENOTSUP)
			log_err_errno(-ret, "network '%s': cannot connect", args->vnl);
		if (er->rc)
			ringconn_close(er->rc);
		free(er);
		return ret;
	}
	end_init(&er->end, &end_ring_ops, loop, "network", args->vnl);
	er->end.takes = OFFLOAD_TAKES;
	ev_io_init(&er->rx, ring_rx_cb, ringconn_fd(er->rc), EV_READ);
	*out = &er->end;
	return 0;
}
