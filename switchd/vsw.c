/* SPDX-License-Identifier: BSD-2-Clause */
/* vsw.c - One virtual switch: making it, forwarding batches, ending it */
#include "config.h"

#include "switchd/vsw.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "lib/offload.h"
#include "lib/qmp.h"
#include "switchd/capture.h"
#include "switchd/console.h"
#include "switchd/control.h"
#include "switchd/ctl.h"
#include "switchd/finish.h"
#include "switchd/isolation.h"
#include "switchd/guarding.h"
#include "switchd/mirror.h"
#include "switchd/port_dgram.h"
#include "switchd/port_tap.h"
#include "switchd/portgroup.h"
#include "switchd/port_vhost.h"
#include "switchd/rcfile.h"
#include "switchd/rxbuf.h"
#include "switchd/snoop.h"
#include "switchd/stp.h"
#include "switchd/stream.h"
#include "switchd/vhost.h"
#include "switchd/vlan_out.h"
#include "switchd/vswdir.h"
#include "switchd/watch.h"

#define VSW_AGE_INTERVAL_S	2.

uint64_t vsw_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t vsw_now_ms(void)
{
	return vsw_now_us() / 1000;
}

/* Forwarding. */

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

void vsw_port_gone(struct vsw *vsw, uint16_t id)
{
	fdb_flush_port(vsw->bridge.fdb, id);
	mcast_flush_port(vsw->mcast, id, false);
	guarding_flush_port(vsw->ports[id], false);
	capture_port_gone(vsw, id);
}

void vsw_port_empty(struct vsw *vsw, uint16_t id)
{
	fdb_flush_port(vsw->bridge.fdb, id);
	mcast_flush_port(vsw->mcast, id, false);
	guarding_flush_port(vsw->ports[id], false);
}

static void vsw_reap_cb(struct ev_loop *loop UNUSED, ev_prepare *w,
			int revents UNUSED)
{
	struct vsw *vsw = container_of(w, struct vsw, reaper);

	if (vsw->dead)
		port_reap(vsw);
}

static void vsw_age_cb(struct ev_loop *loop UNUSED, ev_timer *w, int revents UNUSED)
{
	struct vsw *vsw = container_of(w, struct vsw, ager);

	fdb_age(vsw->bridge.fdb, vsw_now_ms());
	guarding_tick(vsw, vsw_now_ms());
}

/* Life. */

static void vsw_fdb_changed(void *ctx, enum fdb_change what, const struct fdb_info *info)
{
	static const enum event_kind kinds[] = {
		[FDB_ADDED] = EVENT_FDB_ADDED,
		[FDB_CHANGED_PORT] = EVENT_FDB_MOVED,
		[FDB_REMOVED] = EVENT_FDB_REMOVED,
	};

	events_tell(ctx, &(struct event){
		.kind = kinds[what],
		.addr = info->addr,
		.vid = info->vid,
		.port = info->port,
	});
}

int vsw_resize(struct vsw *vsw, unsigned int numports, unsigned int hashsize)
{
	struct siphash_key key;
	struct fdb *fdb;

	if (!numports || numports > VSW_PORTS_MAX || !hashsize || hashsize > VSW_FDB_MAX)
		return -EINVAL;
	for (unsigned int i = numports + 1; i <= vsw->numports; i++)
		if (vsw->ports[i])
			return -EADDRINUSE;
	if (getrandom(&key, sizeof(key), 0) != sizeof(key))
		return -errno;
	fdb = fdb_create(MAX(hashsize, (unsigned int)FDB_ENTRIES_DEFAULT), numports + 1, key);
	if (!fdb)
		return -ENOMEM;
	if (vsw->bridge.fdb && fdb_carry_over(fdb, vsw->bridge.fdb)) {
		fdb_destroy(fdb);
		return -ENOSPC;
	}
	if (vsw->bridge.fdb) {
		fdb_flush(vsw->bridge.fdb);
		fdb_set_ageing(fdb, fdb_ageing(vsw->bridge.fdb));
		fdb_set_min_stay(fdb, fdb_min_stay(vsw->bridge.fdb));
		fdb_destroy(vsw->bridge.fdb);
	}
	fdb_watch(fdb, vsw_fdb_changed, vsw);
	vsw->bridge.fdb = fdb;
	vsw->bridge.big = hashsize > FDB_ENTRIES_DEFAULT;
	vsw->numports = numports;
	vsw->hashsize = hashsize;
	return 0;
}

void vsw_set_ageing_interval(struct vsw *vsw, unsigned int s)
{
	vsw->ager.repeat = s;
	ev_timer_again(vsw->loop, &vsw->ager);
}

unsigned int vsw_ageing_interval(const struct vsw *vsw)
{
	return (unsigned int)vsw->ager.repeat;
}

/* Memory of the switch, nothing visible from outside. */
static int vsw_alloc(struct vsw *vsw)
{
	const unsigned int ports = VSW_PORTS_MAX + 1;
	int ret;

	vsw->ports = calloc(ports, sizeof(*vsw->ports));
	vsw->active = calloc(ports, sizeof(*vsw->active));
	vsw->touched = calloc(ports, sizeof(*vsw->touched));
	vsw->rx = calloc(FRAME_BATCH, sizeof(*vsw->rx));
	vsw->vlan_out = vlan_out_create();
	vsw->finisher = finisher_create();
	vsw->vhost_scratch = port_vhost_scratch_create();
	vsw->tap_scratch = port_tap_scratch_create();
	vsw->bridge.hub = vsw->cfg->hub;
	vsw->bridge.vlans.mode = vsw->cfg->vlan_mode;
	vsw->bridge.vlans.shared = vsw->cfg->vlan_shared;
	vsw->bridge.reserved = vsw->cfg->reserved;
	ret = snoop_create(vsw);
	if (!ret)
		ret = guarding_create(vsw);
	if (ret)
		return ret;
	if (!vsw->ports || !vsw->active || !vsw->touched || !vsw->rx || !vsw->vlan_out ||
	    !vsw->finisher || !vsw->vhost_scratch || !vsw->tap_scratch)
		return -ENOMEM;
	return vsw_resize(vsw, vsw->cfg->numports, vsw->cfg->hashsize);
}

static int vsw_open_ctl(struct vsw *vsw)
{
	const struct ctl_config cfg = {
		.name = "ctl",
		.port = -1,
		.mode = vsw->cfg->mode,
		.gid = vsw->cfg->gid,
	};

	return ctl_create(vsw, &cfg, &vsw->ctl);
}

static int vsw_open_console(struct vsw *vsw)
{
	const struct vsw_config *cfg = vsw->cfg;
	int ret;

	ret = console_create(vsw, &vsw->console);
	if (ret)
		log_err_errno(-ret, "console socket '%s'", cfg->mgmt);
	return ret;
}

static int vsw_name_ports(struct vsw *vsw)
{
	int ret = 0;

	for (unsigned int i = 0; !ret && i < vsw->cfg->named_ports; i++)
		ret = portgroup_add(vsw, &vsw->cfg->port[i]);
	return ret;
}

struct vsw *vsw_create_bare(struct ev_loop *loop, const struct vsw_config *cfg)
{
	struct vsw *vsw = calloc(1, sizeof(*vsw));
	int ret;

	if (!vsw)
		return NULL;
	vsw->loop = loop;
	vsw->cfg = cfg;
	vsw->dirfd = -1;
	vsw->start_ms = vsw_now_ms();
	ev_prepare_init(&vsw->reaper, vsw_reap_cb);
	ev_prepare_start(loop, &vsw->reaper);
	ev_timer_init(&vsw->ager, vsw_age_cb, VSW_AGE_INTERVAL_S, VSW_AGE_INTERVAL_S);
	ev_timer_start(loop, &vsw->ager);
	ret = poller_init(&vsw->poller, loop, cfg->polling);
	if (ret) {
		log_err_errno(-ret, "no timer");
		goto fail;
	}
	ret = vsw_alloc(vsw);
	if (!ret)
		return vsw;
	log_err_errno(-ret, "no memory for %u ports", cfg->numports);
fail:
	vsw_destroy(vsw);
	errno = -ret;
	return NULL;
}

struct vsw *vsw_create(struct ev_loop *loop, const struct vsw_config *cfg)
{
	struct vsw *vsw = vsw_create_bare(loop, cfg);
	int ret;

	if (!vsw)
		return NULL;
	ret = vswdir_open(vsw);
	if (!ret)
		ret = announce_create(vsw);
	if (!ret)
		ret = vsw_open_ctl(vsw);
	if (!ret)
		ret = vhost_create(vsw, &vsw->vhost);
	if (!ret)
		ret = stream_create(vsw, &vsw->stream);
	for (unsigned int i = 0; !ret && i < cfg->dgrams; i++)
		ret = port_dgram_create(vsw, cfg->dgram[i]);
	if (!ret)
		ret = vsw_name_ports(vsw);
	if (!ret)
		ret = control_create(vsw, &vsw->control);
	if (!ret)
		ret = vsw_open_console(vsw);
	for (unsigned int i = 0; !ret && i < cfg->taps; i++) {
		ret = port_tap_add(vsw, cfg->tap[i], 0);
		ret = cfg->strict ? ret : 0;
	}
	if (!ret && cfg->stp)
		ret = stp_start(vsw);
	if (!ret && rcfile_run(vsw) && cfg->strict)
		ret = -EINVAL;
	if (ret)
		goto fail;
	return vsw;
fail:
	vsw_destroy(vsw);
	errno = -ret;
	return NULL;
}

void vsw_destroy(struct vsw *vsw)
{
	if (!vsw)
		return;
	announce_destroy(vsw);
	vhost_destroy(vsw->vhost);
	stream_destroy(vsw->stream);
	port_dgram_destroy_all(vsw);
	stp_stop(vsw);
	portgroup_remove_all(vsw);
	port_tap_remove_all(vsw);
	mirror_remove_all(vsw);
	while (vsw->active_count)
		endpoint_close(vsw->active[0]->endpoints);
	for (unsigned int i = 0; vsw->ports && i <= vsw->numports; i++)
		if (vsw->ports[i])
			port_remove(vsw->ports[i]);
	port_vhost_close_unplugged(vsw, NULL);
	poller_destroy(&vsw->poller);
	plugin_unload_all(vsw);
	capture_stop_all(vsw);
	console_destroy(vsw->console);
	qmp_server_destroy(vsw->control);
	if (vsw->control)
		control_unlink(vsw);
	ctl_destroy(vsw->ctl);
	vswdir_close(vsw);
	ev_prepare_stop(vsw->loop, &vsw->reaper);
	ev_timer_stop(vsw->loop, &vsw->ager);
	fdb_destroy(vsw->bridge.fdb);
	snoop_destroy(vsw);
	guarding_destroy(vsw);
	free(vsw->ports);
	free(vsw->active);
	free(vsw->touched);
	free(vsw->rx);
	vlan_out_destroy(vsw->vlan_out);
	finisher_destroy(vsw->finisher);
	free(vsw->vhost_scratch);
	free(vsw->tap_scratch);
	free(vsw);
}
