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

#include "lib/fd.h"
#include "lib/log.h"
#include "lib/offload.h"
#include "switchd/events.h"
#include "switchd/finish.h"
#include "switchd/guarding.h"
#include "switchd/mirror.h"
#include "switchd/stp.h"
#include "switchd/vsw.h"

/* Add what frames are worth to an account of waiting time. */
static void patience_earn(uint32_t *us, unsigned int frames, uint64_t bytes)
{
	uint64_t more = (uint64_t)frames * PATIENCE_FRAME_US +
			(bytes >> PATIENCE_BYTES_SHIFT);

	*us = (uint32_t)MIN(*us + more, (uint64_t)PATIENCE_MAX_US);
}

static void patience_spend(uint32_t *us, uint64_t less)
{
	*us -= (uint32_t)MIN(less, (uint64_t)*us);
}

void endpoint_sent(struct endpoint *ep, unsigned int n, uint64_t bytes)
{
	ep->port->stats.tx_frames += n;
	ep->port->stats.tx_bytes += bytes;
	patience_earn(&ep->recv_us, n, bytes);
}

void endpoint_drop(struct endpoint *ep, enum drop_reason reason, unsigned int n)
{
	ep->port->stats.drop[reason] += n;
}

void endpoint_dead(struct endpoint *ep, const char *fmt, ...)
{
	va_list ap;

	if (ep->dead)
		return;
	va_start(ap, fmt);
	vsnprintf(ep->why, sizeof(ep->why), fmt, ap);
	va_end(ap);
	ep->dead = true;
	ep->port->vsw->dead++;
}

/* Holding senders back. */

static void endpoint_go_on(struct endpoint *ep)
{
	ep->waits_for = NULL;
	ep->ops->hold(ep, false);
}

/* Account for the time that others have waited for @ep; those who have none left,
 * or all if @ep has none or @all is set, go on. */
static void endpoint_settle(struct endpoint *ep, bool all)
{
	const struct vsw *vsw = ep->port->vsw;
	uint64_t now_us = clock_us(), waited_us = now_us - ep->held_us;
	bool waiting = false;

	patience_spend(&ep->recv_us, waited_us);
	ep->held_us = now_us;
	all |= !ep->recv_us;
	for (unsigned int i = 0; i < vsw->active_count; i++) {
		for (struct endpoint *e = vsw->active[i]->endpoints; e; e = e->next) {
			if (e->waits_for != ep)
				continue;
			patience_spend(&e->send_us, waited_us);
			if (all || !e->send_us)
				endpoint_go_on(e);
			else
				waiting = true;
		}
	}
	if (!waiting)
		ev_timer_stop(vsw->loop, &ep->patience);
}

static void endpoint_patience_cb(struct ev_loop *loop UNUSED, ev_timer *w,
				 int revents UNUSED)
{
	endpoint_settle(container_of(w, struct endpoint, patience), false);
}

/* Stop reading @from until @ep has room. */
static void endpoint_hold_sender(struct endpoint *ep, struct endpoint *from)
{
	if (from->waits_for || from->dead || from->send_us < PATIENCE_MIN_US ||
	    ep->recv_us < PATIENCE_MIN_US)
		return;
	if (ev_is_active(&ep->patience)) {
		/* Who joins later pays from now on. */
		endpoint_settle(ep, false);
	} else {
		ep->held_us = clock_us();
	}
	from->waits_for = ep;
	from->ops->hold(from, true);
	ev_timer_again(ep->port->vsw->loop, &ep->patience);
}

/* Sending. */

/* Offer frames to the receiver, as many as it takes. Return: how many. */
static unsigned int endpoint_offer(struct endpoint *ep,
				   const struct frame *const *frames,
				   unsigned int n)
{
	return ep->dead ? 0 : ep->ops->send(ep, frames, n);
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

/* Send a batch in which there are frames that @ep does not take as they are. */
static NOINLINE void endpoint_send_finished(struct endpoint *ep,
					    const struct frame *const *frames, unsigned int n)
{
	struct finisher *fi = ep->port->vsw->finisher;
	const struct frame *const *group;
	unsigned int count, lost;

	finish_start(fi, frames, n, ep->takes);
	do {
		count = finish_next(fi, &group, &lost);
		if (count)
			endpoint_send(ep, group, count);
		if (lost)
			endpoint_drop(ep, DROP_TOO_LONG, lost);
	} while (count);
}

/* The receiver is another one than the frames in its queue were made for. */
static void endpoint_forget_unfit(struct endpoint *ep)
{
	struct txq q = { .first = 0 };
	unsigned int lost = 0;

	for (unsigned int i = 0; i < ep->q.count; i++) {
		const struct frame f = txq_peek(&ep->q, i);

		if ((f.offload && !offload_fits(ep->takes, f.offload)) || !txq_push(&q, &f))
			lost++;
	}
	txq_clear(&ep->q);
	ep->q = q;
	endpoint_drop(ep, DROP_NOT_READY, lost);
}

void endpoint_takes(struct endpoint *ep, uint64_t takes)
{
	const uint64_t less = ep->takes & ~takes;

	ep->takes = takes;
	if (less && ep->q.count)
		endpoint_forget_unfit(ep);
}

void endpoint_can_send(struct endpoint *ep)
{
	const struct frame *refs[FRAME_BATCH];
	struct frame frames[FRAME_BATCH];
	unsigned int n, done;

	do {
		n = MIN(ep->q.count, (unsigned int)FRAME_BATCH);
		for (unsigned int i = 0; i < n; i++) {
			frames[i] = txq_peek(&ep->q, i);
			refs[i] = &frames[i];
		}
		done = endpoint_offer(ep, refs, n);
		txq_drop(&ep->q, done);
	} while (n && done == n);

	if (!ep->q.count)
		ep->ops->wait_send(ep, false);
	if (txq_is_low(&ep->q) && ev_is_active(&ep->patience))
		endpoint_settle(ep, true);
}

void endpoint_received(struct endpoint *ep, unsigned int n, uint64_t bytes)
{
	patience_earn(&ep->send_us, n, bytes);
}

/* Give frames to what is plugged in, or queue them. Who sent them, @from, may have to wait;
 * NULL: nobody. */
static NOINLINE void port_give(struct port *port, const struct frame *const *frames,
			       unsigned int n, struct endpoint *from)
{
	/* A named port whose peer is away. */
	if (!port->endpoints)
		port->stats.drop[DROP_NOT_READY] += n;
	for (struct endpoint *ep = port->endpoints; ep; ep = ep->next) {
		if (UNLIKELY(port->vsw->unfinished & ~ep->takes))
			endpoint_send_finished(ep, frames, n);
		else
			endpoint_send(ep, frames, n);
		if (from && txq_is_high(&ep->q))
			endpoint_hold_sender(ep, from);
	}
}

void port_flush(struct port *port, struct endpoint *from)
{
	port_give(port, port->batch, port->batch_count, port->unicast ? from : NULL);
	port->batch_count = 0;
	port->unicast = false;
}

void port_copy(struct port *port, const struct frame *const *frames, unsigned int n)
{
	struct vsw *vsw = port->vsw;
	/* Watchers see finished frames, and the finisher is at work for them. */
	const uint64_t unfinished = vsw->unfinished;

	vsw->unfinished = 0;
	port_give(port, frames, n, NULL);
	vsw->unfinished = unfinished;
}

/* Life of a port. */

/* Change places in vsw->active with the port at @place. */
static void port_move(struct port *port, unsigned int place)
{
	struct vsw *vsw = port->vsw;
	struct port *other = vsw->active[place];

	vsw->active[port->place] = other;
	other->place = port->place;
	vsw->active[place] = port;
	port->place = place;
}

void port_set_forwarding(struct port *port, bool on)
{
	struct vsw *vsw = port->vsw;

	on &= !port->shut;
	if (on == port->forwarding)
		return;
	port->forwarding = on;
	port_move(port, on ? vsw->forwarding_count++ : --vsw->forwarding_count);
}

void port_set_shut(struct port *port, enum port_shut why, bool on)
{
	const bool was = port->shut;
	struct vsw *vsw = port->vsw;

	port->shut = (uint8_t)(on ? port->shut | why : port->shut & ~(unsigned int)why);
	if (was == !!port->shut)
		return;
	if (was) {
		vsw->shut_count--;
		if (port->active) {
			port_set_forwarding(port, true);
			stp_port_up(port);
		}
	} else {
		vsw->shut_count++;
		vsw_port_empty(vsw, port->id);
		if (port->active) {
			stp_port_down(port);
			port_set_forwarding(port, false);
		}
	}
	events_tell(vsw, &(struct event){
		.kind = EVENT_PORT_SHUT, .port = port->id, .text = port_shut_name(port),
	});
}

const char *port_shut_name(const struct port *port)
{
	if (port->shut & PORT_SHUT_OPERATOR)
		return "operator";
	if (port->shut & PORT_SHUT_SECURITY)
		return "security";
	return port->shut ? "mirror" : "no";
}

/* Frames go to it from now on. */
static void port_activate(struct port *port)
{
	struct vsw *vsw = port->vsw;

	if (port->active)
		return;
	port->active = true;
	port->place = vsw->active_count;
	vsw->active[vsw->active_count++] = port;
	port_set_forwarding(port, true);
	events_tell(vsw, &(struct event){ .kind = EVENT_PORT_ADDED, .port = port->id });
}

static void port_deactivate(struct port *port)
{
	struct vsw *vsw = port->vsw;

	vsw_port_gone(vsw, port->id);
	stp_port_down(port);
	if (port->forwarding)
		port_set_forwarding(port, false);
	port_move(port, --vsw->active_count);
	port->active = false;
	events_tell(vsw, &(struct event){ .kind = EVENT_PORT_REMOVED, .port = port->id });
}

/* Without settings and counters. */
static void port_reset(struct port *port)
{
	port->kept = false;
	port->reserved = false;
	port->acl_user = (uid_t)-1;
	port->acl_group = (gid_t)-1;
	port->stp_edge = false;
	port->stp_guard = STP_GUARD_NONE;
	port->stp_bonus = 0;
	port->storm = (struct storm){ 0 };
	port->policy = (struct policy){ 0 };
	port->limited = false;
	guarding_reset_port(port);
	port->announce = (struct announce_port){ 0 };
	port->vlan = (struct vlan_port){ 0 };
	port->stats = (struct port_stats){ 0 };
}

struct port *port_make(struct vsw *vsw, uint16_t id)
{
	struct port *port = vsw->ports[id];

	if (port)
		return port;
	port = calloc(1, sizeof(*port));
	if (!port)
		return NULL;
	port->vsw = vsw;
	port->id = id;
	port_reset(port);
	vsw->ports[id] = port;
	return port;
}

int port_name(struct vsw *vsw, uint16_t id, const char *name, bool single)
{
	struct port *port = port_make(vsw, id);

	if (!port)
		return -ENOMEM;
	if (port->active)
		return -EEXIST;
	port->name = strdup(name);
	if (!port->name)
		return -ENOMEM;
	port->single = single;
	port_activate(port);
	stp_port_up(port);
	return 0;
}

void port_unname(struct port *port)
{
	while (port->endpoints)
		endpoint_close(port->endpoints);
	free(port->name);
	port->name = NULL;
	port_deactivate(port);
}

void port_remove(struct port *port)
{
	mirror_port_gone(port->vsw, port->id);
	mcast_flush_port(port->vsw->mcast, port->id, true);
	fdb_forget_port(port->vsw->bridge.fdb, port->id);
	port->vsw->shut_count -= !!port->shut;
	guarding_flush_port(port, true);
	port->vsw->ports[port->id] = NULL;
	free(port);
}

static bool port_admits(const struct port *port, const struct port_client *who)
{
	if (port->acl_user == (uid_t)-1 && port->acl_group == (gid_t)-1)
		return true;
	if (who->uid == 0 || who->uid == port->acl_user)
		return true;
	return port->acl_group != (gid_t)-1 && who->sock >= 0 &&
	       fd_peer_in_group(who->sock, port->acl_group);
}

/* Whether one more endpoint of @uid goes with those that are plugged in. */
static int port_may_join(const struct port *port, uid_t uid)
{
	unsigned int n = 0;

	for (const struct endpoint *ep = port->endpoints; ep; ep = ep->next) {
		if (ep->uid != uid)
			return -EPERM;
		n++;
	}
	return n < PORT_ENDPOINTS_MAX ? 0 : -EUSERS;
}

int port_may_plug(const struct vsw *vsw, uint16_t id, const struct port_client *who)
{
	const struct port *port = vsw->ports[id];

	if (!port)
		return 0;
	if (port->name)
		return -EPERM;
	if (!port->endpoints && who->uid != (uid_t)-1 && !port_admits(port, who))
		return -EPERM;
	return port_may_join(port, who->uid);
}

int port_find_free(struct vsw *vsw, const struct port_client *who)
{
	for (unsigned int i = 1; i <= vsw->numports; i++) {
		struct port *port = vsw->ports[i];

		if (port && (port->active || port->reserved || port->shut ||
			     port_may_plug(vsw, (uint16_t)i, who)))
			continue;
		if (port && !port->kept)
			port_reset(port);
		return (int)i;
	}
	return -ENOSPC;
}

/* Life of an endpoint. */

int port_plug(struct vsw *vsw, uint16_t id, struct endpoint *ep,
	      const struct port_client *who)
{
	struct port *port = port_make(vsw, id);
	struct endpoint **last;
	bool fresh;
	int ret;

	if (!port)
		return -ENOMEM;
	if (who)
		ret = port_may_plug(vsw, id, who);
	else
		ret = port->single && port->endpoints ? -EBUSY : port_may_join(port, ep->uid);
	if (ret)
		return ret;
	fresh = !port->active;
	port_activate(port);
	for (last = &port->endpoints; *last; last = &(*last)->next)
		;
	*last = ep;
	ep->next = NULL;
	ep->port = port;
	announce_plugged(port);
	ev_timer_init(&ep->patience, endpoint_patience_cb, 0.,
		      PATIENCE_TICK_US / 1e6);
	events_tell(vsw, &(struct event){
		.kind = EVENT_ENDPOINT_ADDED,
		.port = id,
		.endpoint = ep->id,
		.text = ep->descr,
	});
	events_tell(vsw, &(struct event){
		.kind = EVENT_PORT_DESCR,
		.port = id,
		.endpoint = ep->id,
		.text = ep->descr,
	});
	if (fresh)
		stp_port_up(port);
	return 0;
}

void endpoint_close(struct endpoint *ep)
{
	struct port *port = ep->port;
	struct endpoint **p = &port->endpoints;
	unsigned int lost;

	endpoint_settle(ep, true);
	if (ep->dead)
		port->vsw->dead--;
	lost = txq_clear(&ep->q);
	endpoint_drop(ep, DROP_CLOSED, lost);
	while (*p != ep)
		p = &(*p)->next;
	*p = ep->next;
	events_tell(port->vsw, &(struct event){
		.kind = EVENT_ENDPOINT_REMOVED,
		.port = port->id,
		.endpoint = ep->id,
		.text = ep->descr,
	});
	ep->ops->close(ep);
	if (!port->endpoints && !port->name)
		port_deactivate(port);
	else if (!port->endpoints)
		vsw_port_empty(port->vsw, port->id);
}

void endpoint_fail(struct endpoint *ep, const char *fmt, ...)
{
	char why[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	log_limited(&ep->port->vsw->complaints, clock_ms(), LOG_LEVEL_WARN,
		    "port %u (%s, %s): closed: %s", ep->port->id, ep->ops->module,
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
		endpoint_fail(ep, "%s", ep->why);
	}
}
