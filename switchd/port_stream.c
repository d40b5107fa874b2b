/* SPDX-License-Identifier: BSD-2-Clause */
/* port_stream.c - A peer that sends frames down a stream as an endpoint; the essay
 * is in port_stream.h
 */
#include "config.h"

#include "switchd/port_stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/bytes.h"
#include "lib/fd.h"
#include "lib/iov.h"
#include "lib/log.h"
#include "switchd/port.h"
#include "switchd/rxbuf.h"
#include "switchd/vsw.h"

enum {
	STREAM_HDR = sizeof(struct be32),
	STREAM_ASK_MIN = 4 << 10,	/* bytes received at a turn */
	STREAM_ASK_MAX = 256 << 10,
	STREAM_SNDBUF = 1 << 20,	/* bytes the kernel may queue to a peer */
	STREAM_IOVS = 512,		/* sent at a time; below the kernel's IOV_MAX */
};

static_assert((size_t)STREAM_HDR + STREAM_ASK_MAX <= FRAME_BATCH * sizeof(struct rxbuf),
	      "what is received at a turn fits the shared buffers");

/**
 * struct port_stream - A peer at the other end of a stream
 * @rx:		Watches for frames
 * @tx:		Watches for room
 * @fd:		The connection
 * @waits:	Frames wait in the queue for room
 * @in:		An unfinished frame with its length: room for the longest, made when
 *		first needed
 * @have:	Bytes of it that are there
 * @want:	Bytes that it has; only if its length is there
 * @ask:	Bytes to receive at the next turn
 * @out:	The rest of a frame that was sent in part, or NULL
 * @out_size:	Its bytes
 * @out_sent:	How many of them are sent meanwhile
 * @owner:	Who wants to know of the end
 */
struct port_stream {
	struct endpoint ep;
	ev_io rx;
	ev_io tx;
	int fd;
	bool waits;
	uint8_t *in;
	size_t have;
	size_t want;
	size_t ask;
	uint8_t *out;
	size_t out_size;
	size_t out_sent;
	struct port_stream_owner owner;
};

static struct port_stream *port_stream(struct endpoint *ep)
{
	return container_of(ep, struct port_stream, ep);
}

/* Receiving. */

/* The length that stands at @p. */
static size_t stream_length(const uint8_t *p)
{
	struct be32 len;

	memcpy(&len, p, sizeof(len));
	return be32_get(len);
}

/* Keep the beginning of a frame, @size bytes of it, for the next turn. */
static bool port_stream_keep(struct port_stream *ps, const uint8_t *p, size_t size)
{
	if (!size)
		return true;
	if (!ps->in)
		ps->in = malloc(STREAM_HDR + PORT_STREAM_FRAME_MAX);
	if (!ps->in)
		return false;
	memcpy(ps->in, p, size);
	ps->have = size;
	if (size >= STREAM_HDR)
		ps->want = STREAM_HDR + stream_length(p);
	return true;
}

/* Note the frame of @size bytes at @p; forward the batch if it is full. */
static void port_stream_frame(struct port_stream *ps, const uint8_t *p, size_t size,
			      struct frame *frames, struct iovec *iov, unsigned int *n)
{
	iov[*n] = (struct iovec){ (void *)(uintptr_t)p, size };
	frames[*n] = (struct frame){
		.head = p,
		.head_size = size,
		.size = size,
		.iov = &iov[*n],
		.iovcnt = 1,
	};
	if (++*n == FRAME_BATCH) {
		vsw_input(&ps->ep, frames, FRAME_BATCH);
		*n = 0;
	}
}

/* Forward the frames in @size bytes at @p, after the unfinished one if that is
 * complete now. The endpoint may be gone afterwards. */
static void port_stream_input(struct port_stream *ps, const uint8_t *p, size_t size)
{
	const uint8_t *begin = p, *end = p + size;
	struct frame frames[FRAME_BATCH];
	struct iovec iov[FRAME_BATCH];
	unsigned int n = 0, count = 0;
	size_t len = 0;

	if (ps->have) {
		port_stream_frame(ps, ps->in + STREAM_HDR, ps->want - STREAM_HDR, frames,
				  iov, &n);
		ps->have = 0;
	}
	while (end - p >= STREAM_HDR) {
		len = stream_length(p);
		if (len > PORT_STREAM_FRAME_MAX || (size_t)(end - p) - STREAM_HDR < len)
			break;
		port_stream_frame(ps, p + STREAM_HDR, len, frames, iov, &n);
		p += STREAM_HDR + len;
		count++;
	}
	if (n)
		vsw_input(&ps->ep, frames, n);
	/* As many bytes as make a batch of frames like these. */
	ps->ask = !count ? STREAM_ASK_MAX : (size_t)(p - begin) / count * FRAME_BATCH;
	ps->ask = MIN(MAX(ps->ask, (size_t)STREAM_ASK_MIN), (size_t)STREAM_ASK_MAX);
	if (len > PORT_STREAM_FRAME_MAX)
		endpoint_fail(&ps->ep, "a frame of %zu bytes: this is not a stream of frames",
			      len);
	else if (!port_stream_keep(ps, p, (size_t)(end - p)))
		endpoint_fail(&ps->ep, "no memory");
}

static void port_stream_rx_cb(struct ev_loop *loop UNUSED, ev_io *w, int revents UNUSED)
{
	struct port_stream *ps = container_of(w, struct port_stream, rx);
	uint8_t *buf = (uint8_t *)ps->ep.port->vsw->rx;
	struct iovec iov[2];
	struct msghdr msg = { .msg_iov = iov };
	size_t before = 0, rest = 0, size;
	ssize_t n;

	if (ps->have >= STREAM_HDR) {
		rest = ps->want - ps->have;
		iov[msg.msg_iovlen++] = (struct iovec){ ps->in + ps->have, rest };
	} else {
		/* A piece of a length goes in front of what comes now. */
		before = ps->have;
		if (before)
			memcpy(buf, ps->in, before);
	}
	iov[msg.msg_iovlen++] = (struct iovec){ buf + before, ps->ask };
	n = recvmsg(ps->fd, &msg, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* A peer that ends without having read all makes a reset. */
	if (n < 0 && errno != ECONNRESET) {
		endpoint_fail(&ps->ep, "cannot receive from it: %s", strerror(errno));
		return;
	}
	if (n <= 0) {
		if (ps->have)
			endpoint_fail(&ps->ep, "it left in the middle of a frame");
		else
			endpoint_close(&ps->ep);
		return;
	}
	size = (size_t)n;
	if (size < rest) {
		ps->have += size;
		return;
	}
	if (before)
		ps->have = 0;
	port_stream_input(ps, buf, before + size - rest);
}

/* Sending. */

/* Watch for room while anything waits for it. */
static void port_stream_watch(struct port_stream *ps)
{
	if (ps->waits || ps->out)
		ev_io_start(ps->ep.port->vsw->loop, &ps->tx);
	else
		ev_io_stop(ps->ep.port->vsw->loop, &ps->tx);
}

static void port_stream_forget_out(struct port_stream *ps)
{
	free(ps->out);
	ps->out = NULL;
}

/* Send the rest of a frame. Return: whether nothing is left of it. */
static bool port_stream_finish(struct port_stream *ps)
{
	ssize_t n;

	if (!ps->out)
		return true;
	n = send(ps->fd, ps->out + ps->out_sent, ps->out_size - ps->out_sent,
		 MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0)
		ps->out_sent += (size_t)n;
	/* Where nothing can be sent any more, nothing is left to be sent. */
	if (ps->out_sent == ps->out_size ||
	    (n < 0 && (errno == EPIPE || errno == ECONNRESET)))
		port_stream_forget_out(ps);
	return !ps->out;
}

/* Keep what is left of a frame of which @sent bytes went, its length included. */
static void port_stream_keep_out(struct port_stream *ps, const struct frame *frame,
				 size_t sent)
{
	const struct be32 len = be32((uint32_t)frame->size);
	size_t size = STREAM_HDR + frame->size - sent, head = 0;

	ps->out = malloc(size);
	if (!ps->out) {
		endpoint_dead(&ps->ep, "no memory for the rest of a frame");
		return;
	}
	if (sent < STREAM_HDR) {
		head = STREAM_HDR - sent;
		memcpy(ps->out, len.b + sent, head);
	}
	iov_to_buf(frame->iov, frame->iovcnt, sent + head - STREAM_HDR, ps->out + head,
		   size - head);
	ps->out_size = size;
	ps->out_sent = 0;
}

/* Note frames, each with its length before it, as far as there is room for their
 * pieces; of a frame that is in more pieces than that, the first. */
static size_t stream_gather(const struct frame *const *frames, unsigned int n,
			    struct be32 *len, struct iovec *iov)
{
	size_t used = 0;

	for (unsigned int i = 0; i < n; i++) {
		size_t pieces = frames[i]->iovcnt;

		if (i && used + 1 + pieces > STREAM_IOVS)
			break;
		pieces = MIN(pieces, (size_t)STREAM_IOVS - 1);
		len[i] = be32((uint32_t)frames[i]->size);
		iov[used++] = (struct iovec){ &len[i], STREAM_HDR };
		memcpy(&iov[used], frames[i]->iov, pieces * sizeof(*iov));
		used += pieces;
	}
	return used;
}

/* Account for @size bytes that were sent of @n frames. Return: how many frames are
 * done with. */
static unsigned int port_stream_account(struct port_stream *ps,
					const struct frame *const *frames, size_t size)
{
	unsigned int done = 0;

	while (size) {
		const struct frame *frame = frames[done++];

		endpoint_sent(&ps->ep, 1, frame->size);
		if (size < STREAM_HDR + frame->size) {
			port_stream_keep_out(ps, frame, size);
			break;
		}
		size -= STREAM_HDR + frame->size;
	}
	return done;
}

static unsigned int port_stream_send(struct endpoint *ep,
				     const struct frame *const *frames, unsigned int n)
{
	struct port_stream *ps = port_stream(ep);
	struct iovec iov[STREAM_IOVS];
	struct be32 len[FRAME_BATCH];
	unsigned int done = 0;

	while (done < n && !ep->dead && port_stream_finish(ps)) {
		struct msghdr msg = { .msg_iov = iov };
		ssize_t size;

		msg.msg_iovlen = stream_gather(frames + done, n - done, len, iov);
		size = sendmsg(ps->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (size >= 0) {
			done += port_stream_account(ps, frames + done, (size_t)size);
		} else if (errno == EAGAIN) {
			break;
		} else if (errno == EPIPE || errno == ECONNRESET) {
			/* It left. What it sent before is still to be received. */
			endpoint_drop(ep, DROP_CLOSED, n - done);
			done = n;
		} else if (errno == ENOBUFS || errno == ENOMEM || errno == EINTR ||
			   errno == EFAULT) {
			/* EFAULT is the sender's doing: its memory vanished. */
			endpoint_drop(ep, DROP_TX_ERROR, 1);
			done++;
		} else {
			endpoint_dead(ep, "cannot send to it: %s", strerror(errno));
		}
	}
	port_stream_watch(ps);
	return done;
}

static void port_stream_tx_cb(struct ev_loop *loop UNUSED, ev_io *w, int revents UNUSED)
{
	struct port_stream *ps = container_of(w, struct port_stream, tx);

	if (port_stream_finish(ps) && ps->waits)
		endpoint_can_send(&ps->ep);
	port_stream_watch(ps);
}

static void port_stream_wait_send(struct endpoint *ep, bool on)
{
	struct port_stream *ps = port_stream(ep);

	ps->waits = on;
	port_stream_watch(ps);
}

static void port_stream_hold(struct endpoint *ep, bool on)
{
	struct port_stream *ps = port_stream(ep);

	if (on)
		ev_io_stop(ep->port->vsw->loop, &ps->rx);
	else
		ev_io_start(ep->port->vsw->loop, &ps->rx);
}

/* Life. */

static void port_stream_close(struct endpoint *ep)
{
	struct port_stream *ps = port_stream(ep);
	struct ev_loop *loop = ep->port->vsw->loop;
	struct port_stream_owner owner = ps->owner;

	ev_io_stop(loop, &ps->rx);
	ev_io_stop(loop, &ps->tx);
	fd_close(&ps->fd);
	free(ps->in);
	free(ps->out);
	free(ps);
	if (owner.gone)
		owner.gone(owner.ctx);
}

static const struct endpoint_ops port_stream_ops = {
	.module = "stream",
	.send = port_stream_send,
	.wait_send = port_stream_wait_send,
	.hold = port_stream_hold,
	.close = port_stream_close,
};

int port_stream_open(struct vsw *vsw, int fd, const struct port_stream_owner *owner)
{
	struct port_stream *ps = calloc(1, sizeof(*ps));
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(peer);
	struct port_client who;
	int id, ret;

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
	who = (struct port_client){ peer.uid, fd };
	id = owner->port < 0 ? port_find_free(vsw, &who) : owner->port;
	ret = id < 0 ? id : -ENOMEM;
	if (!ps || id < 0)
		goto fail;
	fd_refuse_rights(fd);
	fd_set_send_buffer(fd, STREAM_SNDBUF);
	ps->owner = *owner;
	ps->fd = fd;
	ps->ask = STREAM_ASK_MIN;
	ps->ep.ops = &port_stream_ops;
	ps->ep.id = fd;
	ps->ep.uid = peer.uid;
	snprintf(ps->ep.descr, sizeof(ps->ep.descr), "stream%s%s pid %ld uid %ld",
		 owner->descr ? " " : "", owner->descr ? owner->descr : "",
		 (long)peer.pid, (long)peer.uid);
	ret = port_plug(vsw, (uint16_t)id, &ps->ep, owner->port >= 0 ? NULL : &who);
	if (ret)
		goto fail;
	ev_io_init(&ps->rx, port_stream_rx_cb, fd, EV_READ);
	ev_io_init(&ps->tx, port_stream_tx_cb, fd, EV_WRITE);
	ev_io_start(vsw->loop, &ps->rx);
	return 0;
fail:
	log_limited(&vsw->complaints, clock_ms(), LOG_LEVEL_WARN,
		    "stream of pid %ld uid %ld refused: no port for it: %s",
		    (long)peer.pid, (long)peer.uid, strerror(-ret));
	free(ps);
	close(fd);
	return ret;
}
