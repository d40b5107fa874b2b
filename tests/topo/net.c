/* SPDX-License-Identifier: BSD-2-Clause */
/* net.c - Switches, what is plugged in, cables; the essay is in net.h */
#include "config.h"

#include "tests/topo/net.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/iov.h"
#include "switchd/stp.h"
#include "tests/topo/machine.h"

enum { NET_HEAD = 64 };	/* bytes of a frame that the switch gets as its private copy */

/* Lists. */

static void list_init(struct net_list *list)
{
	list->first = NULL;
	list->last = &list->first;
}

static void list_add(struct net_list *list, struct net_frame *f)
{
	f->next = NULL;
	*list->last = f;
	list->last = &f->next;
}

/* Take the first one off, or the one that @link shows. */
static struct net_frame *list_take(struct net_list *list, struct net_frame **link)
{
	struct net_frame *f = *link;

	*link = f->next;
	if (list->last == &f->next)
		list->last = link;
	return f;
}

void net_clear(struct net_list *list)
{
	while (list->first)
		free(list_take(list, &list->first));
}

/* Ends. */

static void net_deliver(struct net_end *to, const struct frame *frame, uint64_t at_us,
			struct net_list *list)
{
	struct net_frame *f = malloc(sizeof(*f) + frame->size);

	if (!f)
		abort();
	*f = (struct net_frame){ .at_us = at_us, .end = to, .size = frame->size };
	iov_to_buf(frame->iov, frame->iovcnt, 0, f->bytes, f->size);
	list_add(list, f);
}

static void net_carry(struct net_end *from, const struct frame *frame)
{
	const struct net_lan *lan = from->lan;
	struct net *net = from->net;

	if (!lan) {
		net_deliver(from, frame, machine_now_us, &net->came);
		return;
	}
	for (unsigned int i = 0; i < lan->ends && !lan->down; i++)
		if (lan->end[i] != from && lan->end[i]->plugged)
			net_deliver(lan->end[i], frame, machine_now_us + lan->delay_us,
				    &net->flying);
}

static unsigned int net_send(struct endpoint *ep, const struct frame *const *frames,
			     unsigned int n)
{
	struct net_end *end = container_of(ep, struct net_end, ep);
	unsigned int spare = machine_no_memory;
	unsigned int done;

	machine_no_memory = 0;
	for (done = 0; done < n; done++) {
		if (end->broken) {
			endpoint_dead(ep, "it broke");
			break;
		}
		if (end->blocked && !end->credit)
			break;
		end->credit -= end->blocked;
		net_carry(end, frames[done]);
		endpoint_sent(ep, 1, frames[done]->size);
	}
	machine_no_memory = spare;
	return done;
}

static void net_wait_send(struct endpoint *ep, bool on)
{
	container_of(ep, struct net_end, ep)->waiting = on;
}

static void net_hold(struct endpoint *ep, bool on)
{
	container_of(ep, struct net_end, ep)->held = on;
}

static void net_close(struct endpoint *ep)
{
	container_of(ep, struct net_end, ep)->plugged = false;
}

static const struct endpoint_ops net_ops = {
	.module = "topo",
	.send = net_send,
	.wait_send = net_wait_send,
	.hold = net_hold,
	.close = net_close,
};

struct net_end *net_end(struct net *net, struct net_bridge *b, uint16_t port,
			unsigned int nth)
{
	struct net_end *end;

	for (unsigned int i = 0; i < net->ends; i++) {
		end = net->end[i];
		if (end->bridge == b && end->port == port && end->nth == nth)
			return end;
	}
	end = net->ends < NET_ENDS ? calloc(1, sizeof(*end)) : NULL;
	if (!end)
		return NULL;
	end->net = net;
	end->bridge = b;
	end->port = port;
	end->nth = nth;
	net->end[net->ends++] = end;
	return end;
}

int net_plug(struct net_end *end)
{
	const struct port_client who = PORT_CLIENT_OPERATOR;
	int ret;

	end->ep = (struct endpoint){
		.ops = &net_ops, .id = (int)end->nth, .uid = (uid_t)-1,
	};
	snprintf(end->ep.descr, sizeof(end->ep.descr), "%s.%u", end->bridge->name, end->port);
	end->blocked = end->broken = end->waiting = end->held = false;
	end->credit = 0;
	machine_look();
	ret = port_plug(end->bridge->vsw, end->port, &end->ep, &who);
	end->plugged = !ret;
	return ret;
}

void net_unplug(struct net_end *end)
{
	machine_look();
	if (end->plugged)
		endpoint_close(&end->ep);
}

void net_room(struct net_end *end)
{
	machine_look();
	if (end->plugged && end->waiting)
		endpoint_can_send(&end->ep);
}

void net_input(struct net_end *end, const struct net_bytes *bytes, unsigned int n)
{
	/* In two pieces, the second of them somewhere in the middle: as rings have them. */
	struct frame frames[FRAME_BATCH];
	struct iovec iov[FRAME_BATCH][2];

	for (unsigned int i = 0; i < n; i++) {
		uint8_t *p = (uint8_t *)(uintptr_t)bytes[i].bytes;
		size_t size = bytes[i].size, cut = size * (i % 8) / 8;

		iov[i][0] = (struct iovec){ p, cut };
		iov[i][1] = (struct iovec){ p + cut, size - cut };
		frames[i] = (struct frame){
			.head = p,
			.head_size = MIN(size, (size_t)NET_HEAD),
			.size = size,
			.iov = iov[i],
			.iovcnt = 2,
		};
	}
	machine_look();
	vsw_input(&end->ep, frames, n);
	machine_look();
}

/* Time. */

/* A frame that may arrive now, or NULL. */
static struct net_frame *net_arriving(struct net *net)
{
	for (struct net_frame **link = &net->flying.first; *link; link = &(*link)->next)
		if ((*link)->at_us <= machine_now_us && !(*link)->end->held)
			return list_take(&net->flying, link);
	return NULL;
}

bool net_settle(struct net *net)
{
	struct net_frame *f;

	machine_turn();
	while ((f = net_arriving(net))) {
		const struct net_bytes b = { f->bytes, f->size };
		bool round = ++net->passed > NET_FRAMES_MAX;

		if (f->end->plugged && !f->end->lan->down && !round)
			net_input(f->end, &b, 1);
		free(f);
		if (round)
			return false;
	}
	machine_turn();
	return true;
}

/* When something happens next. */
static uint64_t net_next(const struct net *net)
{
	uint64_t next = machine_next();

	for (const struct net_frame *f = net->flying.first; f; f = f->next)
		if (!f->end->held)
			next = MIN(next, f->at_us);
	return next;
}

bool net_wait(struct net *net, uint64_t us)
{
	const uint64_t end = machine_now_us + us;
	uint64_t next;

	while ((next = net_next(net)) <= end) {
		machine_now_us = MAX(machine_now_us, next);
		net->passed = 0;
		if (!net_settle(net))
			return false;
	}
	machine_now_us = end;
	net->passed = 0;
	return net_settle(net);
}

/* Life. */

void net_init(struct net *net)
{
	*net = (struct net){ .bridges = 0 };
	list_init(&net->came);
	list_init(&net->flying);
}

int net_start(struct net_bridge *b)
{
	const bool stp = b->cfg.stp;

	b->vsw = vsw_create_bare(machine_loop, &b->cfg);
	if (!b->vsw)
		return -errno;
	return stp ? stp_start(b->vsw) : 0;
}

void net_destroy(struct net *net)
{
	for (unsigned int i = 0; i < net->bridges; i++)
		vsw_destroy(net->bridge[i].vsw);
	for (unsigned int i = 0; i < net->ends; i++)
		free(net->end[i]);
	net_clear(&net->came);
	net_clear(&net->flying);
	net_init(net);
}
