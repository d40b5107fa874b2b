/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio_vsock.c - Streams between programs of the guest and of the host; see the header */
#include "config.h"

#include "vmm/virtio_vsock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/iov.h"
#include "lib/listener.h"
#include "lib/log.h"
#include "vmm/opener.h"
#include "vmm/state.h"
#include "vmm/virtio.h"
#include "vmm/vm.h"
#include "vmm/vsock.h"

enum {
	VS_RX,				/* queues: to the guest, from it, events */
	VS_TX,
	VS_EVENTS,
	VS_QUEUES,

	VS_STATE_VERSION = 1,
	VS_BUDGET = 256,		/* packets at one go */
	VS_FIRST_PORT = 1 << 30,	/* of ours */
	VS_TYPE_STREAM = 1,
	VS_EVENT_TRANSPORT_RESET = 0,
};

/**
 * struct vs_conn - A stream and its socket
 * @fd:		The socket, -1 when only a packet is still owed
 * @in:		Watches for bytes, until there are some
 * @out:	Watches for room, while @len
 * @readable:	There are bytes, or its end
 * @buf:	VSOCK_BUF bytes for what the socket does not take; NULL: none yet
 * @first:	The first of them that waits
 * @len:	How many wait
 * @line:	"CONNECT ...", @line_len bytes of it
 */
struct vs_conn {
	struct vsock s;
	struct virtio_vsock *vs;
	int fd;
	ev_io in;
	ev_io out;
	bool readable;
	uint8_t *buf;
	uint32_t first;
	uint32_t len;
	char line[VSOCK_LINE];
	unsigned int line_len;
};

/**
 * struct virtio_vsock - The device
 * @cid:	What the guest reads: its address
 * @path:	Where we listen, @listener
 * @line:	The opener's line for ports of the host's
 * @conn:	Streams, @conns of them
 * @turn:	Whose turn it is to send
 * @next_port:	Of ours
 * @moved:	The driver has not been told that it goes on elsewhere
 * @scratch:	Bytes on their way
 */
struct virtio_vsock {
	struct virtio_dev dev;
	struct le64 cid;
	const char *path;
	int line;
	struct listener listener;
	struct vs_conn *conn[VIRTIO_VSOCK_STREAMS];
	unsigned int conns;
	unsigned int turn;
	uint32_t next_port;
	bool moved;
	uint8_t scratch[VSOCK_BUF];
};

static void vs_send(struct virtio_vsock *vs);

static struct virtio_vsock *virtio_vsock(struct virtio_dev *dev)
{
	return container_of(dev, struct virtio_vsock, dev);
}

/* Streams. */

static struct vs_conn *vs_find(const struct virtio_vsock *vs, uint32_t guest, uint32_t host)
{
	for (unsigned int i = 0; i < vs->conns; i++) {
		const struct vsock *s = &vs->conn[i]->s;

		if (s->state != VSOCK_NAMING && s->guest == guest && s->host == host)
			return vs->conn[i];
	}
	return NULL;
}

/* The socket is of no more use. */
static void vs_hang_up(struct vs_conn *c)
{
	ev_io_stop(c->vs->dev.vm->loop, &c->in);
	ev_io_stop(c->vs->dev.vm->loop, &c->out);
	fd_close(&c->fd);
	c->len = 0;
	c->readable = false;
}

/* End it, with a word to the guest. */
static void vs_end(struct vs_conn *c)
{
	vs_hang_up(c);
	vsock_reset(&c->s);
}

static void vs_free(struct virtio_vsock *vs, unsigned int i)
{
	struct vs_conn *c = vs->conn[i];

	vs_hang_up(c);
	free(c->buf);
	free(c);
	vs->conn[i] = vs->conn[--vs->conns];
	listener_resume(&vs->listener);
}

/* Forget those of which nothing is left to be said. */
static void vs_sweep(struct virtio_vsock *vs)
{
	for (unsigned int i = vs->conns; i-- > 0; )
		if (vs->conn[i]->s.state == VSOCK_OVER && !vs->conn[i]->s.owed)
			vs_free(vs, i);
}

static void vs_in_cb(struct ev_loop *loop, ev_io *w, int revents);
static void vs_out_cb(struct ev_loop *loop, ev_io *w, int revents);

/* A stream with a socket (or -1), which it takes over. Return: it, or NULL. */
static struct vs_conn *vs_add(struct virtio_vsock *vs, int fd)
{
	struct vs_conn *c = vs->conns < VIRTIO_VSOCK_STREAMS ? calloc(1, sizeof(*c)) : NULL;

	if (!c) {
		fd_close(&fd);
		return NULL;
	}
	c->vs = vs;
	c->fd = fd;
	ev_io_init(&c->in, vs_in_cb, fd, EV_READ);
	ev_io_init(&c->out, vs_out_cb, fd, EV_WRITE);
	vs->conn[vs->conns++] = c;
	if (vs->conns == VIRTIO_VSOCK_STREAMS)
		listener_pause(&vs->listener);
	return c;
}

/* From the guest to sockets. */

/* The guest has said which ways it is done with. */
static void vs_obey(struct vs_conn *c)
{
	if (c->s.state != VSOCK_OPEN || !c->s.shut)
		return;
	if (c->s.shut & VSOCK_NO_RECV)
		shutdown(c->fd, SHUT_RD);
	if (!(c->s.shut & VSOCK_NO_SEND) || c->len)
		return;
	if (c->s.shut & VSOCK_NO_RECV)
		vs_end(c);
	else
		shutdown(c->fd, SHUT_WR);
}

/* Write to a socket what it takes. Return: how much, or -1 if it is gone. */
static ssize_t vs_write(struct vs_conn *c, const uint8_t *bytes, uint32_t n)
{
	ssize_t done = write(c->fd, bytes, n);

	if (done < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	vsock_forwarded(&c->s, (uint32_t)done);
	return done;
}

/* Pass @n bytes in ->scratch on, or keep them; there is room. */
static void vs_keep(struct vs_conn *c, uint32_t n)
{
	const uint8_t *bytes = c->vs->scratch;
	ssize_t done = c->len ? 0 : vs_write(c, bytes, n);

	if (done >= 0 && done < n && !c->buf)
		c->buf = malloc(VSOCK_BUF);
	if (done < 0 || (done < n && !c->buf)) {
		vs_end(c);
		return;
	}
	for (n -= (uint32_t)done, bytes += done; n; ) {
		uint32_t at = (c->first + c->len) % VSOCK_BUF, k = MIN(n, VSOCK_BUF - at);

		memcpy(c->buf + at, bytes, k);
		c->len += k;
		bytes += k;
		n -= k;
	}
	if (c->len)
		ev_io_start(c->vs->dev.vm->loop, &c->out);
}

static void vs_out_cb(struct ev_loop *loop, ev_io *w, int revents UNUSED)
{
	struct vs_conn *c = container_of(w, struct vs_conn, out);
	struct virtio_vsock *vs = c->vs;
	ssize_t done = vs_write(c, c->buf + c->first, MIN(c->len, VSOCK_BUF - c->first));

	if (done < 0) {
		vs_end(c);
	} else {
		c->first = (c->first + (uint32_t)done) % VSOCK_BUF;
		c->len -= (uint32_t)done;
		if (!c->len)
			ev_io_stop(loop, w);
		vs_obey(c);
	}
	vs_send(vs);
}

/* Sockets of the host's. */

/* The guest asks for a stream to a port of ours. */
static void vs_request(struct virtio_vsock *vs, const struct vsock_header *h)
{
	int fd = opener_connect(vs->line, le32_get(h->dst_port));
	struct vs_conn *c = vs_add(vs, fd);

	if (!c)
		return;
	vsock_asked(&c->s, h);
	if (fd < 0) {
		vsock_reset(&c->s);
		return;
	}
	vsock_accept(&c->s);
	ev_io_start(vs->dev.vm->loop, &c->in);
}

/* The guest has accepted what a program of the host has asked for. */
static void vs_opened(struct vs_conn *c)
{
	char line[VSOCK_LINE];
	int n = snprintf(line, sizeof(line), "OK %u\n", c->s.host);

	if (write(c->fd, line, (size_t)n) != n)
		vs_end(c);
	else
		ev_io_start(c->vs->dev.vm->loop, &c->in);
}

/* A packet, its bytes being in ->scratch. */
static void vs_hear(struct virtio_vsock *vs, const struct vsock_header *h)
{
	struct vs_conn *c = vs_find(vs, le32_get(h->src_port), le32_get(h->dst_port));
	bool request = le16_get(h->op) == VSOCK_OP_REQUEST;
	struct vsock refused;

	if (le64_get(h->src_cid) != le64_get(vs->cid) || le64_get(h->dst_cid) != VSOCK_HOST)
		return;
	if (le16_get(h->type) != VS_TYPE_STREAM || (!c && !request)) {
		if (!vsock_refuse(h, &refused))
			return;
		c = vs_add(vs, -1);
		if (c)
			c->s = refused;
		return;
	}
	if (!c) {
		vs_request(vs, h);
		return;
	}
	switch (vsock_hear(&c->s, h)) {
	case VSOCK_OPENED:
		vs_opened(c);
		break;
	case VSOCK_DATA:
		vs_keep(c, le32_get(h->len));
		break;
	case VSOCK_SHUT:
		vs_obey(c);
		break;
	case VSOCK_END:
		vs_hang_up(c);
		break;
	case VSOCK_NOTHING:
		break;
	}
}

/* Take a packet out of its chain. Return: NULL, or what is wrong with it. */
static const char *vs_take(struct virtio_vsock *vs, const struct vring_chain *chain)
{
	struct vsock_header h;
	uint32_t len;

	if (iov_to_buf(chain->iov, chain->out, 0, &h, sizeof(h)) < sizeof(h))
		return "a packet without a header";
	len = le32_get(h.len);
	if (len > sizeof(vs->scratch) ||
	    iov_to_buf(chain->iov, chain->out, sizeof(h), vs->scratch, len) < len)
		return "a packet that is not as long as it says";
	vs_hear(vs, &h);
	return NULL;
}

static void vs_receive(struct virtio_vsock *vs)
{
	struct vring *vr = &vs->dev.queue[VS_TX].vring;
	struct iovec iov[VRING_CHAIN_MAX];
	const char *broken = NULL;
	struct vring_chain chain;
	unsigned int taken = 0;

	vring_suppress_kicks(vr);
	while (taken < VS_BUDGET && !broken) {
		if (vring_pop(vr, &chain, 1, iov, ARRAY_SIZE(iov))) {
			broken = vs_take(vs, &chain);
			vring_push(vr, chain.head, 0);
			taken++;
		} else if (vr->broken || !vring_want_kick(vr, 1)) {
			break;
		}
	}
	if (taken)
		virtio_publish(&vs->dev, VS_TX);
	if (vr->broken || broken)
		virtio_break(&vs->dev, broken ? broken : vr->broken);
	else if (taken == VS_BUDGET)
		virtio_kick_again(&vs->dev, VS_TX);
}

/* From sockets to the guest. */

static bool vs_has_data(const struct vs_conn *c)
{
	return c->readable && !(c->s.done & VSOCK_NO_SEND) && vsock_credit(&c->s);
}

/* Whose turn it is to send, or NULL. */
static struct vs_conn *vs_next(struct virtio_vsock *vs)
{
	for (unsigned int i = 0; i < vs->conns; i++) {
		struct vs_conn *c = vs->conn[(vs->turn + i) % vs->conns];

		if (!c->s.owed && !vs_has_data(c))
			continue;
		vs->turn = (vs->turn + i + 1) % vs->conns;
		return c;
	}
	return NULL;
}

/* Make the next packet of a stream, of @room bytes at most beside its header. Return: the
 * bytes in ->scratch, or -1 if there is none after all. */
static ssize_t vs_make(struct vs_conn *c, size_t room, struct vsock_header *h)
{
	ssize_t n;

	if (vsock_next(&c->s, h))
		return 0;
	room = MIN(MIN(room, vsock_credit(&c->s)), sizeof(c->vs->scratch));
	n = read(c->fd, c->vs->scratch, room);
	if (n > 0) {
		vsock_data(&c->s, h, (uint32_t)n);
		return n;
	}
	c->readable = false;
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		ev_io_start(c->vs->dev.vm->loop, &c->in);
		return -1;
	}
	if (n < 0)
		vs_end(c);
	else
		vsock_finish(&c->s);
	return vsock_next(&c->s, h) ? 0 : -1;
}

/* Give the guest what there is for it, as far as it has buffers. */
static void vs_send(struct virtio_vsock *vs)
{
	struct vring *vr = &vs->dev.queue[VS_RX].vring;
	struct iovec iov[VRING_CHAIN_MAX];
	const char *broken = NULL;
	struct vring_chain chain;
	unsigned int given = 0;
	struct vsock_header h;
	struct vs_conn *c;

	while (vs->dev.active && vr->size && !vs->dev.frozen && !broken && given < VS_BUDGET &&
	       (c = vs_next(vs))) {
		struct iovec *in;
		size_t room;
		ssize_t n;

		if (!vring_pop(vr, &chain, 1, iov, ARRAY_SIZE(iov))) {
			broken = vr->broken;
			if (broken || !vring_want_kick(vr, 1))
				break;
			continue;
		}
		in = chain.iov + chain.out;
		room = iov_size(in, chain.in);
		if (room <= sizeof(h)) {
			broken = "a buffer without room for a packet";
			break;
		}
		n = vs_make(c, room - sizeof(h), &h);
		if (n < 0) {
			vring_unpop(vr, 1);
			continue;
		}
		iov_from_buf(in, chain.in, 0, &h, sizeof(h));
		iov_from_buf(in, chain.in, sizeof(h), vs->scratch, (size_t)n);
		vring_push(vr, chain.head, (uint32_t)(sizeof(h) + (size_t)n));
		given++;
	}
	if (given)
		virtio_publish(&vs->dev, VS_RX);
	vs_sweep(vs);
	if (broken)
		virtio_break(&vs->dev, broken);
	else if (given == VS_BUDGET)
		virtio_kick_again(&vs->dev, VS_RX);
}

/* Programs of the host. */

/* A port of ours that no stream with this port of the guest's has. */
static uint32_t vs_port(struct virtio_vsock *vs, uint32_t guest)
{
	do
		vs->next_port = vs->next_port < VS_FIRST_PORT ? VS_FIRST_PORT :
				vs->next_port + 1;
	while (vs->next_port < VS_FIRST_PORT || vs_find(vs, guest, vs->next_port));
	return vs->next_port;
}

/* Read which port it wants, and no further. */
static void vs_name(struct vs_conn *c)
{
	struct virtio_vsock *vs = c->vs;
	int known = 0;
	uint32_t port;

	while (!known) {
		ssize_t n = read(c->fd, c->line + c->line_len, 1);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		c->line_len += n > 0;
		known = n > 0 ? vsock_connect_line(c->line, c->line_len, &port) : -1;
	}
	if (known < 0 || !vs->dev.active) {
		vs_hang_up(c);
		c->s.state = VSOCK_OVER;
		return;
	}
	ev_io_stop(vs->dev.vm->loop, &c->in);
	vsock_ask(&c->s, le64_get(vs->cid), port, vs_port(vs, port));
}

static void vs_in_cb(struct ev_loop *loop, ev_io *w, int revents UNUSED)
{
	struct vs_conn *c = container_of(w, struct vs_conn, in);
	struct virtio_vsock *vs = c->vs;

	if (c->s.state == VSOCK_NAMING) {
		vs_name(c);
	} else {
		c->readable = true;
		ev_io_stop(loop, w);
	}
	vs_send(vs);
}

static void vs_accepted(void *ctx, int fd)
{
	struct virtio_vsock *vs = ctx;
	struct vs_conn *c = vs_add(vs, fd);

	if (c)
		ev_io_start(vs->dev.vm->loop, &c->in);
}

/* The driver. */

/* Tell it that no stream is what it was: in the first kick after a thaw, or later. */
static void vs_tell_moved(struct virtio_vsock *vs)
{
	const struct le32 event = le32(VS_EVENT_TRANSPORT_RESET);
	struct vring *vr = &vs->dev.queue[VS_EVENTS].vring;
	struct iovec iov[VRING_CHAIN_MAX];
	struct vring_chain chain;

	if (!vs->moved || !vr->size || !vring_pop(vr, &chain, 1, iov, ARRAY_SIZE(iov)))
		return;
	vs->moved = false;
	vring_push(vr, chain.head, (uint32_t)iov_from_buf(chain.iov + chain.out, chain.in, 0,
							  &event, sizeof(event)));
	virtio_publish(&vs->dev, VS_EVENTS);
}

static void vs_kick(struct virtio_dev *dev, unsigned int q)
{
	struct virtio_vsock *vs = virtio_vsock(dev);

	if (q == VS_TX)
		vs_receive(vs);
	else if (q == VS_EVENTS)
		vs_tell_moved(vs);
	vs_send(vs);
}

static void vs_activate(struct virtio_dev *dev UNUSED)
{
}

static void vs_reset(struct virtio_dev *dev)
{
	struct virtio_vsock *vs = virtio_vsock(dev);

	while (vs->conns)
		vs_free(vs, vs->conns - 1);
	vs->moved = false;
}

static void vs_save(struct virtio_dev *dev, struct state_out *out)
{
	const struct virtio_vsock *vs = virtio_vsock(dev);

	state_put(out, "virtio-vsock", dev->pci.slot, VS_STATE_VERSION, &vs->cid,
		  sizeof(vs->cid));
}

static const char *vs_load(struct virtio_dev *dev, const struct state *s)
{
	struct virtio_vsock *vs = virtio_vsock(dev);
	const struct le64 *cid = state_get(s, "virtio-vsock", dev->pci.slot, VS_STATE_VERSION,
					   sizeof(*cid));

	if (!cid || le64_get(*cid) != le64_get(vs->cid))
		return "its vsock has another address (guest-cid=)";
	vs->moved = true;
	return NULL;
}

static void vs_config_read(struct virtio_dev *dev, unsigned int off, void *buf,
			   unsigned int size)
{
	memcpy(buf, virtio_vsock(dev)->cid.b + off, size);
}

static const struct virtio_ops vs_ops = {
	.name = "virtio-vsock",
	.id = VIRTIO_ID_VSOCK,
	.class = 0x078000,
	.activate = vs_activate,
	.reset = vs_reset,
	.kick = vs_kick,
	.save = vs_save,
	.load = vs_load,
	.config_read = vs_config_read,
	.config_size = sizeof(struct le64),
};

int virtio_vsock_create(struct vm *vm, uint32_t cid, const char *path,
			struct virtio_vsock **out)
{
	struct virtio_vsock *vs = calloc(1, sizeof(*vs));
	int fd, ret;

	if (!vs)
		return -ENOMEM;
	vs->cid = le64(cid);
	vs->path = path;
	fd = fd_listen_unix(path, 0600, (gid_t)-1);
	vs->line = fd < 0 ? fd : opener_may_connect(path, true);
	ret = vs->line < 0 ? vs->line : opener_may_remove(path);
	if (ret >= 0)
		ret = virtio_init(&vs->dev, vm, &vs_ops, 0, VS_QUEUES);
	if (ret < 0) {
		log_err_errno(-ret, "vsock '%s'", path);
		if (fd >= 0)
			unlink(path);
		fd_close(&fd);
		free(vs);
		return ret;
	}
	listener_start(&vs->listener, vm->loop, fd, vs_accepted, vs);
	*out = vs;
	return 0;
}

void virtio_vsock_reset(struct virtio_vsock *vs)
{
	if (!vs)
		return;
	virtio_reset(&vs->dev);
	vs_reset(&vs->dev);
}

void virtio_vsock_destroy(struct virtio_vsock *vs)
{
	if (!vs)
		return;
	vs_reset(&vs->dev);
	opener_remove(vs->path);
	listener_stop(&vs->listener);
	virtio_destroy(&vs->dev);
	free(vs);
}
