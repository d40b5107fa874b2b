/* SPDX-License-Identifier: BSD-2-Clause */
/* vsw_forward.c - A batch of frames on its way through a switch
 *
 * Verdicts first, then one flush for each port: see vsw.h. What depends on more than
 * addresses (VLANs, who may talk to whom, ports that are closed) goes by a path of its
 * own, so that the common frame passes none of these questions.
 */
#include "config.h"

#include "switchd/vsw.h"

#include <string.h>

#include "lib/offload.h"
#include "switchd/guarding.h"
#include "switchd/isolation.h"
#include "switchd/stp.h"
#include "switchd/vlan_out.h"
#include "switchd/watch.h"

/* Note a frame for a port; it goes out at the end of the batch. */
static inline void vsw_stage(struct vsw *vsw, struct port *port,
			     const struct frame *frame, unsigned int *touched)
{
	if (!port->batch_count)
		vsw->touched[(*touched)++] = port;
	port->batch[port->batch_count++] = frame;
}

/* Note a frame for all ports but the one it came from. A hub's port 0 only
 * talks (as in VDE). Return: whether there was any. */
static bool vsw_flood(struct vsw *vsw, const struct port *in,
		      const struct frame *frame, unsigned int *touched)
{
	bool any = false;

	for (unsigned int i = 0; i < vsw->forwarding_count; i++) {
		struct port *port = vsw->active[i];

		if (port == in || (vsw->bridge.hub && port->id == 0))
			continue;
		vsw_stage(vsw, port, frame, touched);
		any = true;
	}
	return any;
}

/* What became of a frame at the ports it might have gone to, as bits. */
enum { OFFER_STAGED = 1, OFFER_DROPPED = 2, OFFER_ISOLATED = 4, OFFER_NO_VLAN = 8 };

/* Note frame @i of a batch for a port, with or without a tag as the port has it. */
static unsigned int vsw_stage_vlan(struct vsw *vsw, struct port *port,
				   const struct frame *frame, unsigned int i,
				   const struct vlan_class *vlan, unsigned int *touched)
{
	enum vlan_form form = vlan_form(&port->vlan, vlan->vid);
	const struct frame *as;

	if (form == VLAN_NOT_MEMBER)
		return OFFER_NO_VLAN;
	if (UNLIKELY(form == VLAN_UNTAGGED && vlan_deceives(&port->vlan, vlan))) {
		port->stats.drop[DROP_VLAN]++;
		return OFFER_DROPPED;
	}
	as = vlan_out_frame(vsw->vlan_out, i, frame, vlan,
			    form == VLAN_TAGGED ? vlan_tpid(&port->vlan) : 0);
	if (!as) {
		port->stats.drop[DROP_TOO_LONG]++;
		return OFFER_DROPPED;
	}
	/* A tag too many, and nobody takes it as it is. */
	if (as->offload)
		vsw->unfinished |= as->offload->needs;
	vsw_stage(vsw, port, as, touched);
	return OFFER_STAGED;
}

/* Note frame @i of a batch for a port, if it may get it. */
static unsigned int vsw_offer(struct vsw *vsw, const struct port *in, struct port *port,
			      const struct frame *frame, unsigned int i,
			      const struct verdict *v, unsigned int *touched)
{
	if (!isolation_allows(in->policy.isolation, port->policy.isolation))
		return OFFER_ISOLATED;
	if (bridge_has_vlans(&vsw->bridge))
		return vsw_stage_vlan(vsw, port, frame, i, &v->vlan, touched);
	vsw_stage(vsw, port, frame, touched);
	return OFFER_STAGED;
}

/* Note frame @i of a batch for those that want its group. */
static NOINLINE void vsw_forward_group(struct vsw *vsw, struct port *in,
				       const struct frame *frame, unsigned int i,
				       const struct verdict *v, unsigned int *touched)
{
	unsigned int count, done = 0;
	const uint16_t *ids = mcast_ports(vsw->mcast, v->vlan.vid, v->group, &count);

	for (unsigned int p = 0; p < count; p++) {
		struct port *port = vsw->ports[ids[p]];

		if (port && port != in && port->forwarding)
			done |= vsw_offer(vsw, in, port, frame, i, v, touched);
	}
	if (!(done & (OFFER_STAGED | OFFER_DROPPED)))
		in->stats.drop[done & OFFER_ISOLATED ? DROP_ISOLATED : DROP_MCAST]++;
}

/* Whether a frame is for one port, and that is closed: shut, or by the spanning tree. */
static bool vsw_is_closed(const struct vsw *vsw, struct port *in, const struct verdict *v)
{
	const struct port *out = v->kind == VERDICT_UNICAST ? vsw->ports[v->port] : NULL;

	if (!out || out->forwarding || !(out->shut || vsw->stp))
		return false;
	in->stats.drop[out->shut ? DROP_SHUT : DROP_STP]++;
	return true;
}

/* Note frame @i of a batch for those that are to get it, where that depends on more than
 * addresses: on its VLAN, on who may talk to whom, on ports that are closed. */
static NOINLINE void vsw_forward_slow(struct vsw *vsw, struct port *in,
				      const struct frame *frame, unsigned int i,
				      const struct verdict *v, unsigned int *touched)
{
	unsigned int done = 0;

	if (vsw_is_closed(vsw, in, v))
		return;
	if (v->kind == VERDICT_UNICAST) {
		struct port *out = vsw->ports[v->port];

		done = vsw_offer(vsw, in, out, frame, i, v, touched);
		out->unicast |= done == OFFER_STAGED;
	} else if (v->kind == VERDICT_GROUP) {
		vsw_forward_group(vsw, in, frame, i, v, touched);
		return;
	} else {
		for (unsigned int p = 0; p < vsw->forwarding_count; p++) {
			struct port *port = vsw->active[p];

			if (port != in && (port->id || !vsw->bridge.hub))
				done |= vsw_offer(vsw, in, port, frame, i, v, touched);
		}
	}
	if (done & (OFFER_STAGED | OFFER_DROPPED))
		return;
	if (done & OFFER_ISOLATED)
		in->stats.drop[DROP_ISOLATED]++;
	else if (bridge_has_vlans(&vsw->bridge) && vsw->active_count > 1)
		in->stats.drop[DROP_VLAN]++;
	else
		in->stats.drop[DROP_NO_PORT]++;
}

/* Frames came in at a port that is shut. */
static NOINLINE void vsw_input_shut(struct endpoint *ep, const struct frame *frames,
				    unsigned int n)
{
	struct port_stats *stats = &ep->port->stats;

	for (unsigned int i = 0; i < n; i++)
		stats->rx_bytes += frames[i].size;
	stats->rx_frames += n;
	stats->drop[DROP_SHUT] += n;
}

void vsw_input(struct endpoint *ep, const struct frame *frames, unsigned int n)
{
	struct port *in = ep->port;
	struct vsw *vsw = in->vsw;
	const bool vlans = bridge_has_vlans(&vsw->bridge), stp = vsw->stp;
	const bool slow = vlans || stp || vsw->shut_count || in->policy.isolation;
	struct verdict v[FRAME_BATCH];
	unsigned int touched = 0;
	uint64_t bytes = 0;

	if (UNLIKELY(vsw->watchers))
		watch_in(vsw, ep, frames, n);
	if (UNLIKELY(slow) && in->shut) {
		vsw_input_shut(ep, frames, n);
		return;
	}
	if (UNLIKELY(in->guard.on))
		frames = guarding_filter(in, frames, &n);
	if (UNLIKELY(vlans))
		vlan_out_begin(vsw->vlan_out);

	if (UNLIKELY(stp))
		stp_decide(in, frames, n, v);
	else
		bridge_decide_batch(&vsw->bridge, in->id, &in->vlan, frames, n,
				    vsw->poller.now_us / 1000, v);
	if (UNLIKELY(in->policy.on))
		policy_apply(in, frames, n, v);
	for (unsigned int i = 0; i < n; i++) {
		bytes += frames[i].size;
		if (v[i].kind == VERDICT_DROP) {
			in->stats.drop[v[i].reason]++;
		} else if (UNLIKELY(slow)) {
			vsw_forward_slow(vsw, in, &frames[i], i, &v[i], &touched);
		} else if (LIKELY(v[i].kind == VERDICT_UNICAST)) {
			struct port *out = vsw->ports[v[i].port];

			vsw_stage(vsw, out, &frames[i], &touched);
			out->unicast = true;
		} else if (UNLIKELY(v[i].kind == VERDICT_GROUP)) {
			vsw_forward_group(vsw, in, &frames[i], i, &v[i], &touched);
		} else if (!vsw_flood(vsw, in, &frames[i], &touched)) {
			in->stats.drop[DROP_NO_PORT]++;
		}
	}
	in->stats.rx_frames += n;
	in->stats.rx_bytes += bytes;
	endpoint_received(ep, n, bytes);

	for (unsigned int i = 0; i < touched; i++) {
		struct port *out = vsw->touched[i];

		if (UNLIKELY(out->limited) && !policy_limit(out))
			continue;
		if (UNLIKELY(vsw->watchers))
			watch_out(vsw, out, out->batch, out->batch_count);
		port_flush(out, ep);
	}
	vsw->unfinished = 0;
}

void vsw_send(struct port *port, const struct frame *frame)
{
	struct vsw *vsw = port->vsw;
	/* Somebody who watches a batch may be the one who sends. */
	const uint64_t unfinished = vsw->unfinished;

	vsw->unfinished = 0;
	port->batch[0] = frame;
	port->batch_count = 1;
	if (vsw->watchers)
		watch_out(vsw, port, port->batch, 1);
	port_flush(port, NULL);
	vsw->unfinished = unfinished;
}
