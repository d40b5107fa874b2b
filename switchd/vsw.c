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
#include "lib/qmp.h"
#include "switchd/capture.h"
#include "switchd/console.h"
#include "switchd/control.h"
#include "switchd/ctl.h"
#include "switchd/port_tap.h"
#include "switchd/port_vhost.h"
#include "switchd/rxbuf.h"
#include "switchd/vhost.h"
#include "switchd/vswdir.h"

#define VSW_AGE_INTERVAL_S	2.0

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

	for (unsigned int i = 0; i < vsw->active_count; i++) {
		struct port *port = vsw->active[i];

		if (port == in || (vsw->bridge.hub && port->id == 0))
			continue;
		vsw_stage(vsw, port, frame, touched);
		any = true;
	}
	return any;
}

void vsw_input(struct endpoint *ep, const struct frame *frames, unsigned int n)
{
	struct port *in = ep->port;
	struct vsw *vsw = in->vsw;
	struct verdict v[FRAME_BATCH];
	unsigned int touched = 0;
	uint64_t bytes = 0;

	if (vsw->captures)
		capture_batch(vsw->captures, in->id, CAPTURE_IN, frames, n);

	bridge_decide_batch(&vsw->bridge, in->id, frames, n, vsw->poller.now_us / 1000, v);
	for (unsigned int i = 0; i < n; i++) {
		bytes += frames[i].size;
		if (LIKELY(v[i].kind == VERDICT_UNICAST)) {
			struct port *out = vsw->ports[v[i].port];

			vsw_stage(vsw, out, &frames[i], &touched);
			out->unicast = true;
		} else if (v[i].kind == VERDICT_DROP) {
			in->stats.drop[v[i].reason]++;
		} else if (!vsw_flood(vsw, in, &frames[i], &touched)) {
			in->stats.drop[DROP_NO_PORT]++;
		}
	}
	in->stats.rx_frames += n;
	in->stats.rx_bytes += bytes;
	endpoint_received(ep, n, bytes);

	for (unsigned int i = 0; i < touched; i++) {
		struct port *out = vsw->touched[i];

		if (vsw->captures)
			capture_refs(vsw->captures, out->id, CAPTURE_OUT,
				     out->batch, out->batch_count);
		port_flush(out, ep);
	}
}

void vsw_port_gone(struct vsw *vsw, uint16_t id)
{
	fdb_flush_port(vsw->bridge.fdb, id);
	capture_port_gone(vsw, id);
}

void vsw_port_empty(struct vsw *vsw, uint16_t id)
{
	fdb_flush_port(vsw->bridge.fdb, id);
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
}

/* Life. */

/* Memory of the switch, nothing visible from outside. */
static int vsw_alloc(struct vsw *vsw)
{
	unsigned int ports = vsw->cfg->numports + 1;
	struct siphash_key key;

	if (getrandom(&key, sizeof(key), 0) != sizeof(key))
		return -errno;
	vsw->numports = vsw->cfg->numports;
	vsw->ports = calloc(ports, sizeof(*vsw->ports));
	vsw->active = calloc(ports, sizeof(*vsw->active));
	vsw->touched = calloc(ports, sizeof(*vsw->touched));
	vsw->rx = calloc(FRAME_BATCH, sizeof(*vsw->rx));
	vsw->vhost_scratch = port_vhost_scratch_create();
	vsw->bridge.hub = vsw->cfg->hub;
	vsw->bridge.fdb = fdb_create(FDB_ENTRIES_DEFAULT, ports, key);
	return vsw->ports && vsw->active && vsw->touched && vsw->rx &&
	       vsw->vhost_scratch && vsw->bridge.fdb ? 0 : -ENOMEM;
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

struct vsw *vsw_create(struct ev_loop *loop, const struct vsw_config *cfg)
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
	if (ret) {
		log_err_errno(-ret, "no memory for %u ports", cfg->numports);
		goto fail;
	}
	if (vswdir_open(vsw) || ctl_create(vsw, &vsw->ctl) ||
	    vhost_create(vsw, &vsw->vhost) ||
	    control_create(vsw, &vsw->control) || vsw_open_console(vsw))
		goto fail;
	for (unsigned int i = 0; i < cfg->taps; i++)
		if (port_tap_open(vsw, cfg->tap[i]))
			goto fail;
	return vsw;
fail:
	vsw_destroy(vsw);
	return NULL;
}

void vsw_destroy(struct vsw *vsw)
{
	if (!vsw)
		return;
	vhost_destroy(vsw->vhost);
	while (vsw->active_count)
		endpoint_close(vsw->active[0]->endpoints);
	port_vhost_close_unplugged(vsw, NULL);
	poller_destroy(&vsw->poller);
	capture_stop_all(vsw);
	console_destroy(vsw->console);
	qmp_server_destroy(vsw->control);
	if (vsw->control)
		unlinkat(vsw->dirfd, "control", 0);
	ctl_destroy(vsw->ctl);
	vswdir_close(vsw);
	ev_prepare_stop(vsw->loop, &vsw->reaper);
	ev_timer_stop(vsw->loop, &vsw->ager);
	fdb_destroy(vsw->bridge.fdb);
	free(vsw->ports);
	free(vsw->active);
	free(vsw->touched);
	free(vsw->rx);
	free(vsw->vhost_scratch);
	free(vsw);
}
