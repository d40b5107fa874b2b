/* SPDX-License-Identifier: BSD-2-Clause */
/* stp.c - The switch's part in the spanning tree; the essay is in stp.h */
#include "config.h"

#include "switchd/stp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "switchd/bpdu.h"
#include "switchd/vsw.h"

/**
 * struct stp - A switch's part
 * @timer:	Runs until something is due
 */
struct stp {
	struct vsw *vsw;
	struct rstp *rstp;
	ev_timer timer;
};

/* What the protocol wants done. */

static void stp_send(void *ctx, uint16_t id, const uint8_t *frame, size_t size)
{
	struct stp *stp = ctx;
	const struct iovec iov = { (void *)(uintptr_t)frame, size };
	const struct frame f = { frame, size, size, &iov, 1, NULL };

	vsw_send(stp->vsw->ports[id], &f);
}

static void stp_state(void *ctx, uint16_t id, enum rstp_state state)
{
	const struct stp *stp = ctx;
	struct port *port = stp->vsw->ports[id];
	bool was = port->forwarding;

	port_set_forwarding(port, state == RSTP_FORWARDING);
	events_tell(stp->vsw, &(struct event){
		.kind = EVENT_STP_STATE, .port = id, .text = rstp_state_name(state),
	});
	if (was != port->forwarding)
		events_tell(stp->vsw, &(struct event){
			.kind = was ? EVENT_STP_PORT_DOWN : EVENT_STP_PORT_UP, .port = id,
		});
}

static void stp_flush(void *ctx, uint16_t id)
{
	const struct stp *stp = ctx;

	fdb_flush_port(stp->vsw->bridge.fdb, id);
	mcast_topology_changed(stp->vsw->mcast, clock_ms());
}

static void stp_root(void *ctx)
{
	const struct stp *stp = ctx;
	struct rstp_info info;
	char text[32];

	rstp_get_info(stp->rstp, &info);
	for (int i = 0; i < 8; i++)
		snprintf(text + 3 * i, sizeof(text) - 3 * (size_t)i, "%02x:",
			 (unsigned int)(info.root >> (56 - 8 * i) & 0xff));
	text[23] = 0;
	events_tell(stp->vsw, &(struct event){
		.kind = EVENT_STP_ROOT,
		.port = info.root_port < 0 ? 0 : (uint16_t)info.root_port,
		.text = text,
	});
}

static const struct rstp_ops stp_ops = {
	.send = stp_send,
	.state = stp_state,
	.flush = stp_flush,
	.root = stp_root,
};

/* Time. */

/* After each call of the protocol: wake up when it wants to. */
static void stp_set_timer(struct stp *stp)
{
	uint64_t next = rstp_next(stp->rstp), now = clock_ms();

	ev_timer_stop(stp->vsw->loop, &stp->timer);
	if (next == RSTP_NEVER)
		return;
	ev_timer_set(&stp->timer, next > now ? (double)(next - now) / 1000 : 0., 0.);
	ev_timer_start(stp->vsw->loop, &stp->timer);
}

static void stp_timer_cb(struct ev_loop *loop UNUSED, ev_timer *w, int revents UNUSED)
{
	struct stp *stp = container_of(w, struct stp, timer);

	rstp_tick(stp->rstp, clock_ms());
	stp_set_timer(stp);
}

/* Ports. */

static const char *const stp_guard_names[] = {
	[STP_GUARD_NONE] = "none", [STP_GUARD_BPDU] = "bpdu", [STP_GUARD_ROOT] = "root",
};

const char *stp_guard_name(enum stp_guard guard)
{
	return stp_guard_names[guard];
}

bool stp_guard_parse(const char *text, enum stp_guard *guard)
{
	for (size_t i = 0; i < ARRAY_SIZE(stp_guard_names); i++)
		if (!strcmp(text, stp_guard_names[i])) {
			*guard = (enum stp_guard)i;
			return true;
		}
	return false;
}

void stp_port_changed(struct port *port)
{
	struct stp *stp = port->vsw->stp;
	uint32_t bonus = MIN(port->stp_bonus, (uint32_t)RSTP_COST_DEFAULT - 1);

	if (!stp || !port->active || port->shut)
		return;
	/* The port is there, and the cost in its range. */
	if (rstp_port_set_cost(stp->rstp, port->id, RSTP_COST_DEFAULT - bonus, clock_ms()) ||
	    rstp_port_set_edge(stp->rstp, port->id, port->stp_edge, true, clock_ms()) ||
	    rstp_port_set_guard(stp->rstp, port->id, port->stp_guard == STP_GUARD_BPDU,
				port->stp_guard == STP_GUARD_ROOT, clock_ms()))
		log_warn("port %u: not in the spanning tree", port->id);
	stp_set_timer(stp);
}

void stp_port_up(struct port *port)
{
	struct stp *stp = port->vsw->stp;

	if (!stp || port->shut)
		return;
	port_set_forwarding(port, false);
	if (rstp_port_add(stp->rstp, port->id, RSTP_COST_DEFAULT, clock_ms())) {
		/* It stays closed: better no frames than a loop. */
		log_err("port %u: no memory for the spanning tree", port->id);
		return;
	}
	stp_port_changed(port);
	rstp_port_set_up(stp->rstp, port->id, true, clock_ms());
	stp_set_timer(stp);
}

void stp_port_down(struct port *port)
{
	struct stp *stp = port->vsw->stp;

	if (!stp)
		return;
	rstp_port_remove(stp->rstp, port->id, clock_ms());
	stp_set_timer(stp);
}

/* Frames. */

void stp_decide(struct port *in, const struct frame *frames, unsigned int n,
		struct verdict *verdicts)
{
	struct vsw *vsw = in->vsw;
	struct stp *stp = vsw->stp;
	uint64_t now = clock_ms();
	bool taken[FRAME_BATCH] = { false }, any = false;
	enum rstp_state state;

	for (unsigned int i = 0; i < n; i++)
		if (frames[i].head_size >= ETH_HDR_SIZE &&
		    !memcmp(frames[i].head, &bpdu_dst, sizeof(bpdu_dst)))
			any |= taken[i] = rstp_input(stp->rstp, in->id, frames[i].head,
						     frames[i].head_size, now);
	if (any)
		stp_set_timer(stp);

	state = rstp_port_state(stp->rstp, in->id);
	if (state != RSTP_DISCARDING)
		bridge_decide_batch(&vsw->bridge, in->id, &in->vlan, frames, n, now, verdicts);
	for (unsigned int i = 0; i < n; i++) {
		if (taken[i])
			verdicts[i] = (struct verdict){ .reason = DROP_CONTROL };
		else if (state != RSTP_FORWARDING)
			verdicts[i] = (struct verdict){ .reason = DROP_STP };
	}
}

/* Life. */

void stp_stop(struct vsw *vsw)
{
	struct stp *stp = vsw->stp;

	if (!stp)
		return;
	vsw->stp = NULL;
	ev_timer_stop(vsw->loop, &stp->timer);
	rstp_destroy(stp->rstp);
	free(stp);
	/* That moves ports within vsw->active, those that did not forward to the front: each
	 * one behind them is looked at once. */
	for (unsigned int i = vsw->forwarding_count; i < vsw->active_count; i++)
		port_set_forwarding(vsw->active[i], true);
}

int stp_start(struct vsw *vsw)
{
	struct stp *stp;

	if (vsw->stp)
		return 0;
	if (vsw->bridge.hub)
		return -EINVAL;
	stp = calloc(1, sizeof(*stp));
	if (!stp)
		return -ENOMEM;
	stp->vsw = vsw;
	stp->rstp = rstp_create(VSW_PORTS_MAX + 1, vsw->cfg->addr, &stp_ops, stp);
	ev_timer_init(&stp->timer, stp_timer_cb, 0., 0.);
	if (!stp->rstp) {
		free(stp);
		return -ENOMEM;
	}
	vsw->stp = stp;
	rstp_set_priority(stp->rstp, vsw->cfg->priority, clock_ms());
	rstp_set_enabled(stp->rstp, true, clock_ms());
	/* Taking part moves ports within vsw->active: by number. */
	for (unsigned int i = 0; i <= vsw->numports; i++)
		if (vsw->ports[i] && vsw->ports[i]->active)
			stp_port_up(vsw->ports[i]);
	return 0;
}

/* What is going on. */

void stp_get_info(const struct vsw *vsw, struct rstp_info *info)
{
	if (vsw->stp) {
		rstp_get_info(vsw->stp->rstp, info);
		return;
	}
	*info = (struct rstp_info){ .root_port = -1 };
	info->bridge = (uint64_t)vsw->cfg->priority << 48 | eth_addr_to_u64(vsw->cfg->addr);
	info->root = info->bridge;
}

int stp_port_get_info(const struct port *port, struct rstp_port_info *info)
{
	const struct stp *stp = port->vsw->stp;

	return stp ? rstp_port_get_info(stp->rstp, port->id, info) : -ENOENT;
}
