/* SPDX-License-Identifier: BSD-2-Clause */
/* end_stream.c - Frames as a stream of bytes over two descriptors
 *
 * Each frame has its size in front, u16, big-endian; this is what vde_plug speaks
 * on its standard input and output. There is no mark to find one's way back with, so
 * the framing is never lost: every size is read to its end, also of what is no
 * frame, and what was begun to be written is finished first.
 *
 * Reading takes what is there with one call, however many frames that is. Writing
 * collects what comes during one turn of the loop and writes that with one call.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/bytes.h"
#include "lib/eth.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "plug/end.h"

enum {
	STREAM_HDR = sizeof(struct be16),
	STREAM_IN = 2 * (STREAM_HDR + ETH_FRAME_MAX),
};

/**
 * struct bytes - Bytes that wait, in order
 * @b:		Storage
 * @start:	The first that waits
 * @end:	Behind the last one
 */
struct bytes {
	uint8_t *b;
	size_t start;
	size_t end;
};

/**
 * struct end_stream - A stream of frames
 * @rx:		Watches for input
 * @tx:		Watches for room; also fed when there is something to write
 * @in:		What was read and not given yet
 * @out:	What was sent and not written yet
 * @in_flags:	How the descriptors were, to leave them like that
 */
struct end_stream {
	struct end end;
	ev_io rx, tx;
	struct bytes in, out;
	int in_flags, out_flags;
};

static struct end_stream *end_stream(struct end *e)
{
	return container_of(e, struct end_stream, end);
}

/* Move what waits to the start of the storage. */
static void bytes_compact(struct bytes *q)
{
	memmove(q->b, q->b + q->start, q->end - q->start);
	q->end -= q->start;
	q->start = 0;
}

/* Give all whole frames, as long as they are wanted. */
static void stream_give(struct end_stream *es)
{
	struct bytes *q = &es->in;

	while (!es->end.held && q->end - q->start >= STREAM_HDR) {
		const uint8_t *p = q->b + q->start;
		size_t size = be16_get((struct be16){ { p[0], p[1] } });

		if (q->end - q->start < STREAM_HDR + size)
			break;
		if (!end_frame(&es->end, p + STREAM_HDR, size))
			break;
		q->start += STREAM_HDR + size;
	}
}

static void stream_ended(struct end_stream *es, int err)
{
	if (!err && es->in.end > es->in.start) {
		log_warn("%s: ends in the middle of a frame", es->end.name);
		es->end.stats.rx_bad++;
	}
	end_gone(&es->end, err);
}

static void stream_rx_cb(struct ev_loop *loop UNUSED, ev_io *w, int revents)
{
	struct end_stream *es = container_of(w, struct end_stream, rx);
	struct bytes *q = &es->in;
	ssize_t n;

	/* Fed by end_hold(): what is here comes first. */
	if (revents & EV_CUSTOM) {
		stream_give(es);
		return;
	}
	/* What is left is less than one frame, so there is room for one more. */
	bytes_compact(q);
	n = read(w->fd, q->b + q->end, STREAM_IN - q->end);
	if (n > 0) {
		q->end += (size_t)n;
		stream_give(es);
	} else if (!n || (errno != EAGAIN && errno != EINTR)) {
		stream_ended(es, n ? errno : 0);
	}
}

static void stream_tx_cb(struct ev_loop *loop, ev_io *w, int revents UNUSED)
{
	struct end_stream *es = container_of(w, struct end_stream, tx);
	struct bytes *q = &es->out;
	ssize_t n;

	n = write(w->fd, q->b + q->start, q->end - q->start);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		ev_io_stop(loop, w);
		/* A reader that has closed its side is no error of ours. */
		end_gone(&es->end, errno == EPIPE ? 0 : errno);
		return;
	}
	q->start += n > 0 ? (size_t)n : 0;
	if (q->start < q->end) {
		ev_io_start(loop, w);
	} else {
		q->start = q->end = 0;
		ev_io_stop(loop, w);
	}
	if (q->end - q->start <= END_QUEUE / 2)
		end_room(&es->end);
}

static int stream_send(struct end *e, const void *frame, size_t size)
{
	struct end_stream *es = end_stream(e);
	struct be16 hdr = be16((uint16_t)size);
	struct bytes *q = &es->out;

	if (q->end - q->start + STREAM_HDR + size > END_QUEUE)
		return -EAGAIN;
	if (q->end + STREAM_HDR + size > END_QUEUE)
		bytes_compact(q);
	/* The first one asks for a turn, which comes after the one we are in. */
	if (q->end == q->start)
		ev_feed_event(e->loop, &es->tx, EV_CUSTOM);
	memcpy(q->b + q->end, &hdr, STREAM_HDR);
	memcpy(q->b + q->end + STREAM_HDR, frame, size);
	q->end += STREAM_HDR + size;
	return 0;
}

static void stream_hold(struct end *e, bool hold)
{
	struct end_stream *es = end_stream(e);

	if (hold) {
		ev_io_stop(e->loop, &es->rx);
		return;
	}
	ev_io_start(e->loop, &es->rx);
	if (es->in.end > es->in.start)
		ev_feed_event(e->loop, &es->rx, EV_CUSTOM);
}

static void stream_close(struct end *e)
{
	struct end_stream *es = end_stream(e);
	int in = es->rx.fd, out = es->tx.fd;
	struct bytes *q = &es->out;

	/* What the pipe has room for still goes. */
	if (!e->dead && q->end > q->start &&
	    write(out, q->b + q->start, q->end - q->start) < 0)
		e->stats.tx_lost++;
	ev_io_stop(e->loop, &es->rx);
	ev_io_stop(e->loop, &es->tx);
	if (es->in_flags >= 0)
		fcntl(in, F_SETFL, es->in_flags);
	if (es->out_flags >= 0)
		fcntl(out, F_SETFL, es->out_flags);
	if (out != in)
		fd_close(&out);
	fd_close(&in);
	free(es->in.b);
	free(es->out.b);
	free(es);
}

static const struct end_ops end_stream_ops = {
	.send = stream_send,
	.hold = stream_hold,
	.close = stream_close,
};

int end_open_stream(struct end **out, struct ev_loop *loop, int in, int out_fd,
		    const char *name)
{
	struct end_stream *es = calloc(1, sizeof(*es));
	int ret;

	if (!es) {
		if (out_fd != in)
			close(out_fd);
		close(in);
		return -ENOMEM;
	}
	end_init(&es->end, &end_stream_ops, loop, name, "");
	es->end.limit = END_STREAM_MAX;
	ev_io_init(&es->rx, stream_rx_cb, in, EV_READ);
	ev_io_init(&es->tx, stream_tx_cb, out_fd, EV_WRITE);
	es->in_flags = fcntl(in, F_GETFL);
	es->out_flags = fcntl(out_fd, F_GETFL);
	es->in.b = malloc(STREAM_IN);
	es->out.b = malloc(END_QUEUE);
	if (!es->in.b || !es->out.b)
		ret = -ENOMEM;
	else
		ret = fd_set_nonblock(in, true);
	if (!ret)
		ret = fd_set_nonblock(out_fd, true);
	if (ret) {
		log_err_errno(-ret, "%s", es->end.name);
		stream_close(&es->end);
		return ret;
	}
	*out = &es->end;
	return 0;
}
