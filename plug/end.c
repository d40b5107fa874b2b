/* SPDX-License-Identifier: BSD-2-Clause */
/* end.c - What all ends of cables have: limits, counters, calls to the owner */
#include "config.h"

#include "plug/end.h"

#include <errno.h>
#include <stdio.h>

#include "lib/eth.h"

void end_init(struct end *e, const struct end_ops *ops, struct ev_loop *loop,
	      const char *kind, const char *name)
{
	*e = (struct end){ .ops = ops, .loop = loop, .limit = ETH_FRAME_MAX, .held = true };
	snprintf(e->name, sizeof(e->name), "%s%s%s%s", kind, *name ? " '" : "", name,
		 *name ? "'" : "");
}

void end_start(struct end *e, const struct end_handler *h, void *ctx)
{
	e->handler = h;
	e->ctx = ctx;
	end_hold(e, false);
}

void end_set_limit(struct end *e, size_t size)
{
	e->limit = MIN(size, (size_t)ETH_FRAME_MAX);
}

uint64_t end_takes(const struct end *e)
{
	return e->takes;
}

void end_set_gives(struct end *e, uint64_t takes)
{
	if (e->ops->gives)
		e->ops->gives(e, takes);
}

int end_send(struct end *e, const void *frame, size_t size)
{
	return end_send_vnet(e, NULL, frame, size);
}

int end_send_vnet(struct end *e, const struct vnet_hdr *hdr, const void *frame, size_t size)
{
	int ret;

	if (size > e->limit || size < ETH_HDR_SIZE) {
		e->stats.tx_long++;
		return -EMSGSIZE;
	}
	if (e->dead)
		ret = -ENETDOWN;
	else
		ret = hdr ? e->ops->send_vnet(e, hdr, frame, size) :
			    e->ops->send(e, frame, size);
	if (ret == -EAGAIN) {
		e->starved = true;
		return ret;
	}
	if (ret == -EMSGSIZE) {
		e->stats.tx_long++;
		return ret;
	}
	if (ret) {
		e->stats.tx_lost++;
		return 0;
	}
	e->stats.tx++;
	e->stats.tx_bytes += size;
	return 0;
}

void end_hold(struct end *e, bool hold)
{
	if (e->held == hold || e->dead)
		return;
	e->held = hold;
	e->ops->hold(e, hold);
}

bool end_frame(struct end *e, const void *frame, size_t size)
{
	return end_frame_vnet(e, NULL, frame, size);
}

bool end_frame_vnet(struct end *e, const struct vnet_hdr *hdr, const void *frame, size_t size)
{
	bool taken;

	if (size < ETH_HDR_SIZE || size > ETH_FRAME_MAX) {
		e->stats.rx_bad++;
		return true;
	}
	taken = hdr ? e->handler->frame_vnet(e->ctx, e, hdr, frame, size) :
		      e->handler->frame(e->ctx, e, frame, size);
	if (!taken) {
		end_hold(e, true);
		return false;
	}
	e->stats.rx++;
	e->stats.rx_bytes += size;
	return true;
}

void end_room(struct end *e)
{
	if (!e->starved)
		return;
	e->starved = false;
	e->handler->room(e->ctx, e);
}

void end_gone(struct end *e, int err)
{
	end_hold(e, true);
	e->dead = true;
	e->handler->gone(e->ctx, e, err);
}

const struct end_stats *end_stats(const struct end *e)
{
	return &e->stats;
}

const char *end_name(const struct end *e)
{
	return e->name;
}

void end_close(struct end *e)
{
	if (e)
		e->ops->close(e);
}
