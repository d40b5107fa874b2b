/* SPDX-License-Identifier: BSD-2-Clause */
/* vsw.c - One virtual switch: making it, changing it, ending it */
#include "config.h"

#include "switchd/vsw.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "lib/qmp.h"
#include "switchd/capture.h"
#include "switchd/console.h"
#include "switchd/control.h"
#include "switchd/ctl.h"
#include "switchd/finish.h"
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

#define VSW_AGE_INTERVAL_S	2.

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

	fdb_age(vsw->bridge.fdb, clock_ms());
	guarding_tick(vsw, clock_ms());
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
	vsw->start_ms = clock_ms();
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
