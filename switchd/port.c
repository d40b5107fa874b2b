/* SPDX-License-Identifier: BSD-2-Clause */
/* port.c - Ports of the switch and the endpoints plugged into them
 *
 * Life cycle, sending through the bounded queue, holding senders back. The
 * essay is in port.h.
 */
#include "config.h"

#include "switchd/port.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "switchd/vsw.h"

void endpoint_sent(struct endpoint *ep, size_t size)
{
	ep->port->stats.tx_frames++;
	ep->port->stats.tx_bytes += size;
	ep->patience_us = MIN(ep->patience_us + PATIENCE_FRAME_US,
			      (uint32_t)PATIENCE_MAX_US);
}

void endpoint_drop(struct endpoint *ep, enum drop_reason reason, unsigned int n)
{
	ep->port->stats.drop[reason] += n;
}

/* Holding senders back. */

/* Account for the time senders have waited. */
static void endpoint_spend_patience(struct endpoint *ep)
{
	uint64_t now_us = vsw_now_us();

	ep->patience_us -= (uint32_t)MIN(now_us - ep->held_us,
					 (uint64_t)ep->patience_us);
	ep->held_us = now_us;
}

/* Let the timer run until patience is used up, as far as it is known now. */
static void endpoint_start_patience(struct endpoint *ep)
{
	struct ev_loop *loop = ep->port->vsw->loop;

	ev_timer_stop(loop, &ep->patience);
	ev_timer_set(&ep->patience, ep->patience_us / 1e6, 0.);
	ev_timer_start(loop, &ep->patience);
}

/* Let everybody who waits for @ep go on. */
static void endpoint_release_senders(struct endpoint *ep)
{
	const struct vsw *vsw = ep->port->vsw;

	if (ev_is_active(&ep->patience))
		endpoint_spend_patience(ep);
	ev_timer_stop(vsw->loop, &ep->patience);
	for (unsigned int i = 0; i < vsw->active_count; i++) {
		for (struct endpoint *e = vsw->active[i]->endpoints; e; e = e->next) {
			if (e->waits_for != ep)
				continue;
			e->waits_for = NULL;
			e->ops->hold(e, false);
		}
	}
}

static void endpoint_patience_cb(struct ev_loop *loop UNUSED, ev_timer *w,
				 int revents UNUSED)
{
	struct endpoint *ep = container_of(w, struct endpoint, patience);

	/* Meanwhile it may have earned more. */
	endpoint_spend_patience(ep);
	if (ep->patience_us >= PATIENCE_MIN_US)
		endpoint_start_patience(ep);
	else
		endpoint_release_senders(ep);
}

/* Stop reading @from until @ep has room. */
static void endpoint_hold_sender(struct endpoint *ep, struct endpoint *from)
{
	if (from->waits_for || from->dead ||
	    (!ev_is_active(&ep->patience) && ep->patience_us < PATIENCE_MIN_US))
		return;
	from->waits_for = ep;
	from->ops->hold(from, true);
	if (!ev_is_active(&ep->patience)) {
		ep->held_us = vsw_now_us();
		endpoint_start_patience(ep);
	}
}

/* Sending. */

/* Offer frames to the receiver, as many as it takes. Return: how many. */
static unsigned int endpoint_offer(struct endpoint *ep,
				   const struct frame *const *frames,
				   unsigned int n)
{
	int done;

	if (ep->dead)
		return 0;
	done = ep->ops->send(ep, frames, n);
	if (done >= 0)
		return (unsigned int)done;
	ep->dead = true;
	ep->port->vsw->dead++;
	return 0;
}

/* Send frames, or queue what the receiver cannot take now. */
static void endpoint_send(struct endpoint *ep, const struct frame *const *frames,
			  unsigned int n)
{
	unsigned int done = 0, lost = 0;

	if (!ep->q.count)
		done = endpoint_offer(ep, frames, n);
	if (ep->dead) {
		endpoint_drop(ep, DROP_CLOSED, n - done);
		return;
	}
	if (done == n)
		return;
	if (!ep->q.count)
		ep->ops->wait_send(ep, true);
	for (; done < n; done++)
		if (!txq_push(&ep->q, frames[done]))
			lost++;
	if (lost)
		endpoint_drop(ep, DROP_QUEUE_FULL, lost);
}

void endpoint_can_send(struct endpoint *ep)
{
	const struct frame *refs[FRAME_BATCH];
	struct frame frames[FRAME_BATCH];
	unsigned int n, done;

	do {
		n = MIN(ep->q.count, (unsigned int)FRAME_BATCH);
		for (unsigned int i = 0; i < n; i++) {
			const struct iovec *iov = txq_peek(&ep->q, i);

			frames[i] = (struct frame){
				.head = iov->iov_base,
				.head_size = iov->iov_len,
				.size = iov->iov_len,
				.iov = iov,
				.iovcnt = 1,
			};
			refs[i] = &frames[i];
		}
		done = endpoint_offer(ep, refs, n);
		txq_drop(&ep->q, done);
	} while (n && done == n);

	if (!ep->q.count)
		ep->ops->wait_send(ep, false);
	if (txq_is_low(&ep->q) && ev_is_active(&ep->patience))
		endpoint_release_senders(ep);
}

void port_flush(struct port *port, struct endpoint *from)
{
	for (struct endpoint *ep = port->endpoints; ep; ep = ep->next) {
		endpoint_send(ep, port->batch, port->batch_count);
		if (port->unicast && txq_is_high(&ep->q))
			endpoint_hold_sender(ep, from);
	}
	port->batch_count = 0;
	port->unicast = false;
}

/* Life of an endpoint. */

int port_may_plug(const struct vsw *vsw, uint16_t id, uid_t uid)
{
	const struct port *port = vsw->ports[id];

	return port && port->endpoints->uid != uid ? -EPERM : 0;
}

int port_find_free(const struct vsw *vsw)
{
	for (unsigned int i = 1; i <= vsw->numports; i++)
		if (!vsw->ports[i])
			return (int)i;
	return -ENOSPC;
}

int port_plug(struct vsw *vsw, uint16_t id, struct endpoint *ep)
{
	struct port *port = vsw->ports[id];
	struct endpoint **last;

	if (port_may_plug(vsw, id, ep->uid))
		return -EPERM;
	if (!port) {
		port = calloc(1, sizeof(*port));
		if (!port)
			return -ENOMEM;
		port->vsw = vsw;
		port->id = id;
		port->place = vsw->active_count;
		vsw->ports[id] = port;
		vsw->active[vsw->active_count++] = port;
	}
	for (last = &port->endpoints; *last; last = &(*last)->next)
		;
	*last = ep;
	ep->next = NULL;
	ep->port = port;
	ep->patience_us = PATIENCE_MAX_US;
	ev_timer_init(&ep->patience, endpoint_patience_cb, 0., 0.);
	return 0;
}

/* Take a port without endpoints out of the switch. */
static void port_remove(struct port *port)
{
	struct vsw *vsw = port->vsw;

	vsw_port_gone(vsw, port->id);
	vsw->active[port->place] = vsw->active[--vsw->active_count];
	vsw->active[port->place]->place = port->place;
	vsw->ports[port->id] = NULL;
	free(port);
}

void endpoint_close(struct endpoint *ep)
{
	struct port *port = ep->port;
	struct endpoint **p = &port->endpoints;
	unsigned int lost;

	endpoint_release_senders(ep);
	if (ep->dead)
		port->vsw->dead--;
	lost = txq_clear(&ep->q);
	endpoint_drop(ep, DROP_CLOSED, lost);
	while (*p != ep)
		p = &(*p)->next;
	*p = ep->next;
	ep->ops->close(ep);
	if (!port->endpoints)
		port_remove(port);
}

void endpoint_fail(struct endpoint *ep, const char *fmt, ...)
{
	char why[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	log_warn("port %u (%s, %s): closed: %s", ep->port->id, ep->ops->module,
		 ep->descr, why);
	endpoint_close(ep);
}

void port_reap(struct vsw *vsw)
{
	for (unsigned int i = 0; vsw->dead && i < vsw->active_count; ) {
		struct port *port = vsw->active[i];
		struct endpoint *ep = port->endpoints;

		while (ep && !ep->dead)
			ep = ep->next;
		if (!ep) {
			i++;
			continue;
		}
		endpoint_close(ep);
	}
}
