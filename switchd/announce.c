/* SPDX-License-Identifier: BSD-2-Clause */
/* announce.c - The switch tells its neighbours who it is; the essay is in announce.h */
#include "config.h"

#include "switchd/announce.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "switchd/lldp.h"
#include "switchd/vsw.h"

enum { ANNOUNCE_FAST = 4 };	/* 802.1AB, 9.2.5.24: a second apart */

/**
 * struct announce - What there is to tell
 * @timer:	Runs each second while it is on
 * @host:	Name of the host
 * @has_address: There is an @address
 */
struct announce {
	ev_timer timer;
	bool on;
	unsigned int interval_s;
	char host[HOST_NAME_MAX + 1];
	char name[LLDP_TEXT_MAX + 1];
	char descr[LLDP_TEXT_MAX + 1];
	bool has_address;
	struct in6_addr address;
};

/* Tell what is behind a port, or with a @ttl_s of 0 that it is over. */
static void announce_send(struct port *port, uint16_t ttl_s)
{
	const struct vsw *vsw = port->vsw;
	const struct announce *a = vsw->announce;
	struct lldp_info info = {
		.mac = vsw->cfg->addr,
		.port = port->id,
		.ttl_s = ttl_s,
		.name = a->name,
		.descr = a->descr,
		.hub = vsw->bridge.hub,
		.address = a->has_address ? &a->address : NULL,
		.vid = bridge_has_vlans(&vsw->bridge) && port->vlan.pvid != VLAN_NONE ?
		       port->vlan.pvid : 0,
	};
	uint8_t bytes[LLDP_FRAME_MAX];
	char descr[32];
	struct iovec iov = { bytes, 0 };
	struct frame f;

	snprintf(descr, sizeof(descr), "port %u", port->id);
	info.port_descr = port->name ? port->name : descr;
	iov.iov_len = lldp_build(&info, bytes);
	f = (struct frame){ bytes, iov.iov_len, iov.iov_len, &iov, 1, NULL };
	vsw_send(port, &f);
	port->announce.told = ttl_s;
}

static void announce_over(struct port *port)
{
	if (port->announce.told && port->endpoints)
		announce_send(port, 0);
	port->announce.told = false;
}

static void announce_timer_cb(struct ev_loop *loop UNUSED, ev_timer *w, int revents UNUSED)
{
	const struct vsw *vsw = w->data;
	const struct announce *a = vsw->announce;
	const uint64_t now_ms = clock_ms();

	for (unsigned int i = 0; i < vsw->active_count; i++) {
		struct port *port = vsw->active[i];

		if (port->announce.off || !port->endpoints || now_ms < port->announce.next_ms)
			continue;
		port->announce.next_ms = now_ms;
		if (port->announce.fast)
			port->announce.fast--;
		else
			port->announce.next_ms += (uint64_t)a->interval_s * 1000;
		announce_send(port, lldp_ttl(a->interval_s));
	}
}

/* Tell all ports with the next tick. */
static void announce_again(struct vsw *vsw)
{
	for (unsigned int i = 0; i < vsw->active_count; i++)
		vsw->active[i]->announce.next_ms = 0;
}

void announce_set(struct vsw *vsw, bool on)
{
	struct announce *a = vsw->announce;

	if (on == a->on)
		return;
	a->on = on;
	if (on) {
		announce_again(vsw);
		ev_timer_again(vsw->loop, &a->timer);
		return;
	}
	ev_timer_stop(vsw->loop, &a->timer);
	for (unsigned int i = 0; i < vsw->active_count; i++)
		announce_over(vsw->active[i]);
}

void announce_set_interval(struct vsw *vsw, unsigned int s)
{
	vsw->announce->interval_s = s;
	announce_again(vsw);
}

int announce_set_name(struct vsw *vsw, const char *name)
{
	struct announce *a = vsw->announce;
	const char *slash = strrchr(vsw->dir, '/');

	if (strlen(name) > LLDP_TEXT_MAX)
		return -EINVAL;
	if (*name)
		snprintf(a->name, sizeof(a->name), "%s", name);
	else
		snprintf(a->name, sizeof(a->name), "%.128s@%s", slash ? slash + 1 : vsw->dir,
			 a->host);
	announce_again(vsw);
	return 0;
}

void announce_set_address(struct vsw *vsw, const struct in6_addr *address)
{
	struct announce *a = vsw->announce;

	a->has_address = address;
	if (address)
		a->address = *address;
	announce_again(vsw);
}

void announce_set_port(struct port *port, bool on)
{
	port->announce.off = !on;
	port->announce.next_ms = 0;
	if (!on)
		announce_over(port);
}

void announce_plugged(struct port *port)
{
	port->announce.next_ms = 0;
	port->announce.fast = ANNOUNCE_FAST;
}

void announce_get_info(const struct vsw *vsw, struct announce_info *info)
{
	const struct announce *a = vsw->announce;

	*info = (struct announce_info){
		.on = a->on,
		.interval_s = a->interval_s,
		.name = a->name,
		.descr = a->descr,
		.address = a->has_address ? &a->address : NULL,
	};
}

int announce_create(struct vsw *vsw)
{
	struct announce *a = calloc(1, sizeof(*a));
	int ret;

	if (!a)
		return -ENOMEM;
	vsw->announce = a;
	a->interval_s = vsw->cfg->lldp_s ? vsw->cfg->lldp_s : LLDP_INTERVAL_S;
	ev_timer_init(&a->timer, announce_timer_cb, 0., 1.);
	a->timer.data = vsw;
	if (gethostname(a->host, sizeof(a->host) - 1))
		snprintf(a->host, sizeof(a->host), "localhost");
	snprintf(a->descr, sizeof(a->descr), "%s switch in %.128s on %s", PACKAGE_STRING,
		 vsw->dir, a->host);
	ret = announce_set_name(vsw, "");
	if (!ret)
		announce_set(vsw, vsw->cfg->lldp_s);
	return ret;
}

void announce_destroy(struct vsw *vsw)
{
	if (!vsw->announce)
		return;
	announce_set(vsw, false);
	free(vsw->announce);
	vsw->announce = NULL;
}
