/* SPDX-License-Identifier: BSD-2-Clause */
/* port_vhost.c - A vhost-user front end as an endpoint; the essay is in port_vhost.h */
#include "config.h"

#include "switchd/port_vhost.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/iov.h"
#include "lib/log.h"
#include "lib/offload.h"
#include "switchd/doorbell.h"
#include "switchd/flow.h"
#include "switchd/poller.h"
#include "switchd/port.h"
#include "switchd/vhost_dev.h"
#include "switchd/vsw.h"

#define PORT_VHOST_REST_S	0.001	/* from one that kicks and kicks in vain */
#define PORT_VHOST_DEADLINE_S	5.	/* for the first message, or what is left of one */

enum {
	PORT_VHOST_CHAINS = FRAME_BATCH,
	PORT_VHOST_UNPLUGGED = 128,	/* front ends without a port, at most */
	PORT_VHOST_BYTES = 256 << 10,	/* forwarded before others get their turn */
	PORT_VHOST_SEGMENT = 256,	/* what one more segment counts for, in bytes */
	PORT_VHOST_VAIN = 64,		/* kicks without work, before we look away */
	PORT_VHOST_NAPS = 16,		/* in vain, before a kick is asked for */
};

/**
 * struct port_vhost - A front end
 * @dev:	What it told us
 * @pollee:	Its place in the poller
 * @sock:	Its connection
 * @msg:	The message that is coming in, @have bytes of it
 * @fds:	Descriptors that came with it, @fd_count of them
 * @vain:	Kicks since there was work
 * @rest:	While it runs, kicks are not looked at
 * @naps:	Since there was room for the frames that wait
 * @kick:	Watch the kick descriptors of the rings
 * @pairs:	Queue pairs to look at
 * @turn:	The pair whose turn was last
 * @plugged:	It is plugged in
 * @waiting:	Frames wait for room in its receive rings
 * @held:	Its frames are to stay in its rings
 * @offloads:	Headers of its frames may say something
 * @next:	In the list of those not plugged in yet
 */
struct port_vhost {
	struct endpoint ep;
	struct vsw *vsw;
	struct port_vhost_owner owner;
	struct vhost_dev dev;
	struct pollee pollee;
	int sock;
	ev_io io;
	ev_timer deadline;
	struct vhost_msg msg;
	size_t have;
	int fds[VHOST_FDS_MAX];
	unsigned int fd_count;
	unsigned int vain;
	ev_timer rest;
	unsigned int naps;
	ev_io kick[VHOST_RINGS_MAX];
	unsigned int pairs;
	unsigned int turn;
	bool plugged;
	bool waiting;
	bool held;
	bool offloads;
	struct port_vhost *next;
};

/**
 * struct port_vhost_scratch - A batch at work
 * @out:	Chains taken from a sender's ring, their pieces in @out_iov
 * @in:		Chains taken from a receiver's ring, their pieces in @in_iov
 * @frames:	The batch; @frame_iov are their bytes
 * @head:	Their first bytes
 * @offload:	What is left to do for those that are unfinished, whose first bytes are
 *		in @long_head
 */
struct port_vhost_scratch {
	struct vring_chain out[PORT_VHOST_CHAINS];
	struct vring_chain in[PORT_VHOST_CHAINS];
	struct frame frames[PORT_VHOST_CHAINS];
	uint8_t head[PORT_VHOST_CHAINS][PORT_VHOST_HEAD];
	struct offload offload[PORT_VHOST_CHAINS];
	uint8_t long_head[PORT_VHOST_CHAINS][OFFLOAD_HEAD_MAX];
	struct iovec frame_iov[2 * PORT_VHOST_CHAINS + VRING_CHAIN_MAX];
	struct iovec out_iov[PORT_VHOST_CHAINS + VRING_CHAIN_MAX];
	struct iovec in_iov[PORT_VHOST_CHAINS + VRING_CHAIN_MAX];
};

struct port_vhost_scratch *port_vhost_scratch_create(void)
{
	return calloc(1, sizeof(struct port_vhost_scratch));
}

static struct port_vhost *port_vhost(struct endpoint *ep)
{
	return container_of(ep, struct port_vhost, ep);
}

/* Rings. */

/* Show the peer what was given back, and tell it if it wants to be told. */
static void ring_publish(struct port_vhost *pv, struct vhost_ring *ring)
{
	vring_publish(&ring->vr);
	if (vring_should_notify(&ring->vr) && ring->call >= 0 &&
	    doorbell_ring(ring->call))
		endpoint_dead(&pv->ep, "its call descriptor is jammed");
}

/* The peer broke the rules: it is told, and its endpoint ends. */
static void ring_broken(struct port_vhost *pv, struct vhost_ring *ring)
{
	if (pv->ep.dead)
		return;
	if (ring->err >= 0 && doorbell_ring(ring->err))
		log_debug("port %u: err descriptor jammed", pv->ep.port->id);
	endpoint_dead(&pv->ep, "it broke the rules of its ring: %s", ring->vr.broken);
}

/* From the peer. */

/* Make a frame of a chain, with a head of @room bytes at most. Its pieces go to @iov.
 * Return: how many those are. */
static unsigned int frame_from_chain(struct frame *f, uint8_t *head, size_t room,
				     struct iovec *iov, const struct vring_chain *c,
				     size_t skip)
{
	size_t size = iov_size(c->iov, c->out);
	unsigned int n = 0;

	size -= MIN(size, skip);
	*f = (struct frame){
		.head = head,
		.head_size = MIN(size, room),
		.size = size,
		.iov = iov,
	};
	iov_to_buf(c->iov, c->out, skip, head, f->head_size);
	iov[n++] = (struct iovec){ head, f->head_size };
	skip += f->head_size;
	for (unsigned int i = 0; i < c->out; i++) {
		size_t len = c->iov[i].iov_len;

		if (skip >= len) {
			skip -= len;
			continue;
		}
		iov[n++] = (struct iovec){ (uint8_t *)c->iov[i].iov_base + skip,
					   len - skip };
		skip = 0;
	}
	f->iovcnt = n;
	return n;
}

/* The same for the common chain: one piece, long enough. */
static unsigned int frame_from_piece(struct frame *f, uint8_t *head,
				     struct iovec *iov, const struct iovec *piece,
				     size_t skip)
{
	uint8_t *p = (uint8_t *)piece->iov_base + skip;
	size_t size = piece->iov_len - skip;

	memcpy(head, p, PORT_VHOST_HEAD);
	*f = (struct frame){
		.head = head,
		.head_size = PORT_VHOST_HEAD,
		.size = size,
		.iov = iov,
		.iovcnt = size > PORT_VHOST_HEAD ? 2 : 1,
	};
	iov[0] = (struct iovec){ head, PORT_VHOST_HEAD };
	iov[1] = (struct iovec){ p + PORT_VHOST_HEAD, size - PORT_VHOST_HEAD };
	return f->iovcnt;
}

/* Whether the header in front of a frame says anything. */
static bool chain_has_offload(const struct vring_chain *c)
{
	uint8_t word[2] = { 0 };

	static_assert(offsetof(struct vnet_hdr, gso_type) == 1, "flags and gso_type");
	if (LIKELY(c->iov->iov_len >= sizeof(word)))
		memcpy(word, c->iov->iov_base, sizeof(word));
	else
		iov_to_buf(c->iov, c->out, 0, word, sizeof(word));
	return word[0] | word[1];
}

/* Make frame @i of a chain whose sender left work to others. Its pieces go to *@iov.
 * Return: what it counts for in bytes, or 0 if its header is wrong. */
static NOINLINE size_t frame_with_offload(struct port_vhost *pv, unsigned int i,
					  struct iovec **iov, const struct vring_chain *c)
{
	struct port_vhost_scratch *s = pv->vsw->vhost_scratch;
	struct offload *o = &s->offload[i];
	struct frame *f = &s->frames[i];
	enum offload_error error;
	struct vnet_hdr hdr = { 0 };

	iov_to_buf(c->iov, c->out, 0, &hdr, pv->dev.vn.hdr_size);
	*iov += frame_from_chain(f, s->long_head[i], OFFLOAD_HEAD_MAX, *iov, c,
				 pv->dev.vn.hdr_size);
	error = offload_parse(o, &hdr, f->head, f->head_size, f->size);
	if (error) {
		log_debug("port %u: %s", pv->ep.port->id, offload_error_name(error));
		endpoint_drop(&pv->ep, DROP_OFFLOAD, 1);
		return 0;
	}
	if (o->needs) {
		f->offload = o;
		pv->vsw->unfinished |= o->needs;
	}
	/* One of no bytes is for the bridge to drop, as a runt. */
	return 1 + f->size + (o->segs - 1U) * PORT_VHOST_SEGMENT;
}

/* Forward one batch from a ring, of PORT_VHOST_BYTES or one frame more. Return: how
 * many bytes. */
static size_t ring_receive(struct port_vhost *pv, struct vhost_ring *ring)
{
	struct port_vhost_scratch *s = pv->vsw->vhost_scratch;
	const size_t skip = pv->dev.vn.hdr_size;
	struct iovec *iov = s->frame_iov;
	struct vring *vr = &ring->vr;
	unsigned int n, frames = 0;
	size_t bytes = 0;

	n = vring_pop(vr, s->out, PORT_VHOST_CHAINS, s->out_iov, ARRAY_SIZE(s->out_iov));
	for (unsigned int i = 0; i < n; i++) {
		PREFETCH(s->out[i].iov->iov_base);
		PREFETCH((uint8_t *)s->out[i].iov->iov_base + 64);
	}
	for (unsigned int i = 0; i < n; i++) {
		const struct vring_chain *c = &s->out[i];
		struct frame *f = &s->frames[frames];

		if (UNLIKELY(c->in)) {
			vr->broken = "a buffer to be sent that is writable";
			vring_unpop(vr, (uint16_t)(n - i));
			n = i;
			break;
		}
		if (pv->offloads && chain_has_offload(c)) {
			size_t size = frame_with_offload(pv, frames, &iov, c);

			frames += size != 0;
			bytes += size + skip;
		} else {
			if (LIKELY(c->out == 1 && c->iov->iov_len >= skip + PORT_VHOST_HEAD))
				iov += frame_from_piece(f, s->head[i], iov, c->iov, skip);
			else
				iov += frame_from_chain(f, s->head[i], PORT_VHOST_HEAD, iov, c,
							skip);
			frames++;
			bytes += f->size + skip;
		}
		if (UNLIKELY(bytes > PORT_VHOST_BYTES)) {
			vring_unpop(vr, (uint16_t)(n - i - 1));
			n = i + 1;
		}
	}
	if (n) {
		/* What a disabled ring has to say is read and thrown away. */
		if (ring->enabled && frames)
			vsw_input(&pv->ep, s->frames, frames);
		pv->vsw->unfinished = 0;
		for (unsigned int i = 0; i < n; i++)
			vring_push(vr, s->out[i].head, 0);
		ring_publish(pv, ring);
	}
	if (UNLIKELY(vr->broken))
		ring_broken(pv, ring);
	return bytes;
}

/* To the peer. */

static bool ring_is_ready(const struct vhost_ring *ring)
{
	return ring->vr.size && ring->enabled && !ring->vr.broken;
}

/* The ring for a frame: by its flow, if there are several. */
static struct vhost_ring *ring_for(struct port_vhost *pv, const struct frame *f)
{
	struct vhost_ring *ring = &pv->dev.ring[0];

	if (pv->pairs > 1) {
		struct vhost_ring *r;

		r = &pv->dev.ring[2 * (flow_hash(f->head, f->head_size) % pv->pairs)];
		if (ring_is_ready(r))
			ring = r;
	}
	return ring;
}

/* Write frames into a ring that is ready. Return: how many are done with. */
static unsigned int ring_send(struct port_vhost *pv, struct vhost_ring *ring,
			      const struct frame *const *frames, unsigned int n)
{
	struct port_vhost_scratch *s = pv->vsw->vhost_scratch;
	unsigned int done = 0, sent = 0, taken, want = n;
	struct vring *vr = &ring->vr;
	uint64_t bytes = 0;

	do {
		unsigned int used = 0;
		int ret = 1;

		taken = vring_pop(vr, s->in, want, s->in_iov, ARRAY_SIZE(s->in_iov));
		for (unsigned int i = 0; i < taken; i++) {
			PREFETCHW(s->in[i].iov->iov_base);
			PREFETCHW((uint8_t *)s->in[i].iov->iov_base + 64);
		}
		while (done < n && used < taken) {
			const struct frame *f = frames[done];
			struct vnet_hdr hdr = VNET_HDR_NONE;

			if (UNLIKELY(f->offload))
				hdr = offload_hdr(f->offload, pv->ep.takes);
			ret = vnet_put(&pv->dev.vn, vr, s->in + used, taken - used, &hdr, f->iov, f->iovcnt, f->size);
			/* More than we look at, or than the ring will ever have. */
			if (!ret && !used && taken == MIN((unsigned int)PORT_VHOST_CHAINS,
							  (unsigned int)vr->size))
				ret = -EMSGSIZE;
			if (ret <= 0 && ret != -EMSGSIZE)
				break;
			done++;
			if (ret > 0) {
				used += (unsigned int)ret;
				bytes += f->size;
				sent++;
			} else {
				endpoint_drop(&pv->ep, DROP_TOO_LONG, 1);
			}
		}
		vring_unpop(vr, (uint16_t)(taken - used));
		/* All that were asked for were there: try for more, since a frame
		 * may take several. */
		if (taken < want)
			break;
		want = ret ? n - done : PORT_VHOST_CHAINS;
	} while (done < n && !vr->broken);
	if (sent) {
		endpoint_sent(&pv->ep, sent, bytes);
		ring_publish(pv, ring);
	}
	if (UNLIKELY(vr->broken))
		ring_broken(pv, ring);
	return done;
}

static unsigned int port_vhost_send(struct endpoint *ep,
				    const struct frame *const *frames, unsigned int n)
{
	struct port_vhost *pv = port_vhost(ep);
	unsigned int done = 0;

	while (done < n && !ep->dead) {
		struct vhost_ring *ring = ring_for(pv, frames[done]);
		unsigned int run = n - done, ok;

		for (unsigned int i = 1; pv->pairs > 1 && i < run; i++)
			if (ring_for(pv, frames[done + i]) != ring)
				run = i;
		if (!ring_is_ready(ring)) {
			endpoint_drop(ep, DROP_NOT_READY, run);
			done += run;
			continue;
		}
		ok = ring_send(pv, ring, frames + done, run);
		done += ok;
		if (ok < run)
			break;
	}
	return done;
}

/* Whether a receive ring has buffers that were not seen when frames began to
 * wait, or there is no use in waiting. */
static bool port_vhost_has_room(struct port_vhost *pv)
{
	for (unsigned int i = 0; i < pv->pairs; i++)
		if (ring_is_ready(&pv->dev.ring[2 * i]) &&
		    vring_has_avail(&pv->dev.ring[2 * i].vr))
			return true;
	return !ring_is_ready(&pv->dev.ring[0]);
}

/* Polling. */

static bool port_vhost_poll(struct pollee *p)
{
	struct port_vhost *pv = container_of(p, struct port_vhost, pollee);
	bool work = false;
	size_t bytes = 0;

	if (pv->ep.dead)
		return false;
	/* Each time another ring is the first. */
	for (unsigned int i = 0; i < pv->pairs && !pv->held && bytes < PORT_VHOST_BYTES; i++) {
		struct vhost_ring *ring;

		pv->turn = pv->turn + 1 < pv->pairs ? pv->turn + 1 : 0;
		ring = &pv->dev.ring[2 * pv->turn + 1];
		if (vring_has_avail(&ring->vr))
			bytes += ring_receive(pv, ring);
	}
	work = bytes;
	pace_moved(&pv->vsw->poller.pace, bytes);
	if (pv->waiting && port_vhost_has_room(pv)) {
		unsigned int before = pv->ep.q.count;

		endpoint_can_send(&pv->ep);
		/* Buffers that are too few for the first frame are no room. */
		if (pv->ep.q.count < before) {
			pv->naps = 0;
			work = true;
		}
	}
	if (work)
		pv->vain = 0;
	if (UNLIKELY(vhost_dev_is_lost(&pv->dev)) && !pv->ep.dead)
		endpoint_dead(&pv->ep, "its memory vanished");
	return work;
}

static bool port_vhost_sleep(struct pollee *p)
{
	struct port_vhost *pv = container_of(p, struct port_vhost, pollee);
	/* A kick for every few buffers would be a wake-up for every few frames. */
	bool nap = pv->waiting && pv->naps < PORT_VHOST_NAPS;

	for (unsigned int i = 0; i < pv->pairs; i++) {
		if (pv->waiting && !nap && vring_want_kick(&pv->dev.ring[2 * i].vr, 1))
			return false;
		if (!pv->held && vring_want_kick(&pv->dev.ring[2 * i + 1].vr, 1))
			return false;
	}
	if (nap) {
		pv->naps++;
		poller_nap(&pv->vsw->poller, p);
	}
	return true;
}

static void port_vhost_wake(struct pollee *p)
{
	struct port_vhost *pv = container_of(p, struct port_vhost, pollee);

	for (unsigned int i = 0; i < 2 * pv->pairs; i++)
		vring_suppress_kicks(&pv->dev.ring[i].vr);
}

static const struct pollee_ops port_vhost_pollee_ops = {
	port_vhost_poll, port_vhost_sleep, port_vhost_wake,
};

static void port_vhost_look(struct port_vhost *pv)
{
	if (poller_wake(&pv->vsw->poller, &pv->pollee))
		endpoint_dead(&pv->ep, "no memory");
}

/* Watch the kick descriptors, or do not. */
static void port_vhost_listen(struct port_vhost *pv, bool on)
{
	for (unsigned int i = 0; i < 2 * pv->pairs; i++) {
		if (on && pv->dev.ring[i].vr.size)
			ev_io_start(pv->vsw->loop, &pv->kick[i]);
		else
			ev_io_stop(pv->vsw->loop, &pv->kick[i]);
	}
}

static void port_vhost_rest_cb(struct ev_loop *loop UNUSED, ev_timer *w,
			       int revents UNUSED)
{
	struct port_vhost *pv = container_of(w, struct port_vhost, rest);

	port_vhost_listen(pv, true);
	port_vhost_look(pv);
}

static void port_vhost_kick_cb(struct ev_loop *loop, ev_io *w, int revents UNUSED)
{
	struct port_vhost *pv = w->data;

	doorbell_answer(w->fd);
	/* A bell that never falls silent must not keep us from others. */
	if (++pv->vain > PORT_VHOST_VAIN) {
		port_vhost_listen(pv, false);
		ev_timer_set(&pv->rest, PORT_VHOST_REST_S, 0.);
		ev_timer_start(loop, &pv->rest);
		return;
	}
	port_vhost_look(pv);
}

static void port_vhost_wait_send(struct endpoint *ep, bool on)
{
	struct port_vhost *pv = port_vhost(ep);

	pv->waiting = on;
	if (on)
		port_vhost_look(pv);
}

static void port_vhost_hold(struct endpoint *ep, bool on)
{
	struct port_vhost *pv = port_vhost(ep);

	pv->held = on;
	if (!on)
		port_vhost_look(pv);
}

/* The connection. */

static void port_vhost_drop_fds(struct port_vhost *pv)
{
	while (pv->fd_count)
		fd_close(&pv->fds[--pv->fd_count]);
}

/* End of one that is not in any port. */
static void port_vhost_free(struct port_vhost *pv)
{
	const struct port_vhost_owner owner = pv->owner;
	struct ev_loop *loop = pv->vsw->loop;

	if (!pv->plugged) {
		struct port_vhost **p = &pv->vsw->vhost_unplugged;

		while (*p != pv)
			p = &(*p)->next;
		*p = pv->next;
		pv->vsw->vhost_waiting--;
	}
	poller_forget(&pv->vsw->poller, &pv->pollee);
	ev_io_stop(loop, &pv->io);
	ev_timer_stop(loop, &pv->deadline);
	ev_timer_stop(loop, &pv->rest);
	for (unsigned int i = 0; i < VHOST_RINGS_MAX; i++)
		ev_io_stop(loop, &pv->kick[i]);
	vhost_dev_clear(&pv->dev);
	port_vhost_drop_fds(pv);
	fd_close(&pv->sock);
	free(pv);
	if (owner.gone)
		owner.gone(owner.ctx);
}

static void port_vhost_close(struct endpoint *ep)
{
	port_vhost_free(port_vhost(ep));
}

static const struct endpoint_ops port_vhost_ops = {
	.module = "vhost",
	.send = port_vhost_send,
	.wait_send = port_vhost_wait_send,
	.hold = port_vhost_hold,
	.close = port_vhost_close,
};

/* Say why in the log, and end it, plugged in or not. */
static void PRINTF(2, 3) port_vhost_fail(struct port_vhost *pv, const char *fmt, ...)
{
	char why[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (pv->plugged) {
		endpoint_fail(&pv->ep, "%s", why);
		return;
	}
	log_limited(&pv->vsw->complaints, clock_ms(), LOG_LEVEL_WARN,
		    "vhost-user front end (%s) refused: %s", pv->ep.descr, why);
	port_vhost_free(pv);
}

/* Give it its port. Return: its number, or -errno. */
static int port_vhost_plug(struct port_vhost *pv, int port)
{
	const struct port_client who = { pv->ep.uid, pv->sock };
	struct port_vhost **p = &pv->vsw->vhost_unplugged;
	int ret;

	if (port < 0)
		port = port_find_free(pv->vsw, &who);
	if (port < 0)
		return port;
	if ((unsigned int)port > pv->vsw->numports)
		return -ERANGE;
	ret = port_plug(pv->vsw, (uint16_t)port, &pv->ep,
			pv->owner.port >= 0 ? NULL : &who);
	if (ret)
		return ret;
	while (*p != pv)
		p = &(*p)->next;
	*p = pv->next;
	pv->plugged = true;
	pv->vsw->vhost_waiting--;
	return port;
}

/* A front end of ours says who it is and what it wants. */
static int port_vhost_hello(struct port_vhost *pv, const struct vhost_hello *h)
{
	int port = pv->owner.port;

	if (pv->plugged)
		return -EBUSY;
	if ((pv->msg.flags & (VHOST_VERSION_MASK | VHOST_REPLY)) != VHOST_VERSION)
		return -EPROTO;
	if (memchr(h->descr, 0, sizeof(h->descr)) && !pv->owner.descr)
		snprintf(pv->ep.descr, sizeof(pv->ep.descr), "%s", h->descr);
	for (char *p = pv->ep.descr; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	if (port < 0 && h->management)
		port = 0;
	else if (port < 0 && h->port)
		port = h->port > pv->vsw->numports ? INT32_MAX : (int)h->port;
	return port_vhost_plug(pv, port);
}

/* After a message: watch what is to be watched, and look for work. */
static void port_vhost_sync(struct port_vhost *pv)
{
	struct ev_loop *loop = pv->vsw->loop;

	pv->offloads = pv->dev.features >> VNET_F_CSUM & 1;
	endpoint_takes(&pv->ep, pv->dev.features & OFFLOAD_TAKES);
	pv->pairs = 0;
	for (unsigned int i = 0; i < VHOST_RINGS_MAX; i++) {
		struct vhost_ring *ring = &pv->dev.ring[i];
		ev_io *w = &pv->kick[i];

		if (ring->vr.size)
			pv->pairs = i / 2 + 1;
		if (w->fd != ring->kick || !ring->vr.size)
			ev_io_stop(loop, w);
		if (!ev_is_active(w))
			ev_io_set(w, ring->kick, EV_READ);
		if (ring->vr.resumed && ring->call >= 0)
			ring_publish(pv, ring);
	}
	if (!ev_is_active(&pv->rest))
		port_vhost_listen(pv, true);
	if (pv->plugged && pv->pairs)
		port_vhost_look(pv);
}

/* A whole message is there. Return: false if the front end is gone. */
static bool port_vhost_message(struct port_vhost *pv)
{
	struct vhost_msg reply;
	int reply_fd = -1, ret;
	ssize_t sent = 0;

	if (pv->msg.request == VHOST_HELLO && pv->msg.size == sizeof(pv->msg.hello)) {
		reply = (struct vhost_msg){ .request = VHOST_HELLO,
					    .flags = VHOST_VERSION | VHOST_REPLY,
					    .size = sizeof(reply.u64) };
		reply.u64 = (uint64_t)(int64_t)port_vhost_hello(pv, &pv->msg.hello);
		ret = 1;
	} else {
		if (!pv->plugged) {
			ret = port_vhost_plug(pv, pv->owner.port);
			if (ret < 0) {
				port_vhost_fail(pv, "no port for it: %s", strerror(-ret));
				return false;
			}
		}
		/* Watched descriptors may be closed now; epoll would not notice. */
		for (unsigned int i = 0; i < VHOST_RINGS_MAX; i++)
			if (ev_is_active(&pv->kick[i]) &&
			    (pv->msg.request == VHOST_SET_VRING_KICK ||
			     pv->msg.request == VHOST_GET_VRING_BASE ||
			     pv->msg.request == VHOST_RESET_OWNER))
				ev_io_stop(pv->vsw->loop, &pv->kick[i]);
		ret = vhost_dev_message(&pv->dev, &pv->msg, pv->fds, pv->fd_count,
					&reply, &reply_fd);
	}
	if (ret < 0) {
		port_vhost_fail(pv, "vhost-user request %u: %s", pv->msg.request,
				pv->dev.why[0] ? pv->dev.why : strerror(-ret));
		return false;
	}
	if (ret > 0) {
		sent = fd_send(pv->sock, vhost_wire(&reply), VHOST_HDR_SIZE + reply.size, &reply_fd,
			       reply_fd >= 0);
		fd_close(&reply_fd);
		if (sent != (ssize_t)(VHOST_HDR_SIZE + reply.size)) {
			port_vhost_fail(pv, "it does not read our answers");
			return false;
		}
	}
	port_vhost_sync(pv);
	return true;
}

/* Take in more of a message. One at a call, so that others get their turn. */
static void port_vhost_io_cb(struct ev_loop *loop, ev_io *w, int revents UNUSED)
{
	struct port_vhost *pv = container_of(w, struct port_vhost, io);
	uint8_t *buf = vhost_wire(&pv->msg);

	for (;;) {
		size_t want = VHOST_HDR_SIZE;
		unsigned int fds;
		ssize_t n;

		if (pv->have >= VHOST_HDR_SIZE) {
			if (pv->msg.size > VHOST_PAYLOAD_MAX) {
				port_vhost_fail(pv, "a message of %u bytes", pv->msg.size);
				return;
			}
			want += pv->msg.size;
			if (pv->have == want)
				break;
		}
		fds = VHOST_FDS_MAX - pv->fd_count;
		n = fd_recv(pv->sock, buf + pv->have, want - pv->have,
			    pv->fds + pv->fd_count, &fds);
		if (n == -EAGAIN) {
			if (pv->have && !ev_is_active(&pv->deadline)) {
				ev_timer_set(&pv->deadline, PORT_VHOST_DEADLINE_S, 0.);
				ev_timer_start(loop, &pv->deadline);
			}
			return;
		}
		if (n <= 0) {
			if (n < 0 || pv->have)
				port_vhost_fail(pv, "it left in the middle of a message");
			else if (pv->plugged)
				endpoint_close(&pv->ep);
			else
				port_vhost_free(pv);
			return;
		}
		pv->fd_count += fds;
		pv->have += (size_t)n;
	}
	ev_timer_stop(loop, &pv->deadline);
	memset(buf + pv->have, 0, VHOST_HDR_SIZE + VHOST_PAYLOAD_MAX - pv->have);
	pv->have = 0;
	if (!port_vhost_message(pv))
		return;
	port_vhost_drop_fds(pv);
	/* It was told why it gets no port, and that is all. */
	if (!pv->plugged)
		port_vhost_fail(pv, "no port for it");
}

static void port_vhost_deadline_cb(struct ev_loop *loop UNUSED, ev_timer *w,
				   int revents UNUSED)
{
	port_vhost_fail(container_of(w, struct port_vhost, deadline),
			"no whole message within %.0f s", PORT_VHOST_DEADLINE_S);
}

/* Too many have not said what they want: the one that has waited longest goes. */
static void port_vhost_push_out(struct vsw *vsw)
{
	struct port_vhost *oldest = vsw->vhost_unplugged;

	while (oldest->next)
		oldest = oldest->next;
	port_vhost_fail(oldest, "too many front ends wait without a word");
}

int port_vhost_open(struct vsw *vsw, int sock, const struct port_vhost_owner *owner)
{
	struct port_vhost *pv = calloc(1, sizeof(*pv));
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(peer);

	if (!pv) {
		close(sock);
		return -ENOMEM;
	}
	fd_accept_rights(sock);
	getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len);
	pv->vsw = vsw;
	pv->owner = *owner;
	pv->sock = sock;
	pv->ep.ops = &port_vhost_ops;
	pv->ep.id = sock;
	pv->ep.uid = peer.uid;
	snprintf(pv->ep.descr, sizeof(pv->ep.descr), "vhost-user%s%s pid %ld uid %ld",
		 owner->descr ? " " : "", owner->descr ? owner->descr : "",
		 (long)peer.pid, (long)peer.uid);
	vhost_dev_init(&pv->dev, !vsw->cfg->no_offloads);
	pollee_init(&pv->pollee, &port_vhost_pollee_ops);
	for (unsigned int i = 0; i < VHOST_RINGS_MAX; i++) {
		ev_io_init(&pv->kick[i], port_vhost_kick_cb, -1, EV_READ);
		pv->kick[i].data = pv;
	}
	ev_timer_init(&pv->deadline, port_vhost_deadline_cb, PORT_VHOST_DEADLINE_S, 0.);
	ev_timer_init(&pv->rest, port_vhost_rest_cb, PORT_VHOST_REST_S, 0.);
	ev_io_init(&pv->io, port_vhost_io_cb, sock, EV_READ);
	ev_io_start(vsw->loop, &pv->io);
	ev_timer_start(vsw->loop, &pv->deadline);
	pv->next = vsw->vhost_unplugged;
	vsw->vhost_unplugged = pv;
	if (++vsw->vhost_waiting > PORT_VHOST_UNPLUGGED)
		port_vhost_push_out(vsw);
	return 0;
}

void port_vhost_close_unplugged(struct vsw *vsw, const void *ctx)
{
	struct port_vhost *pv = vsw->vhost_unplugged, *next;

	for (; pv; pv = next) {
		next = pv->next;
		if (!ctx || pv->owner.ctx == ctx)
			port_vhost_free(pv);
	}
}
