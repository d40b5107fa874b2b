/* SPDX-License-Identifier: BSD-2-Clause */
/* snoop.c - The switch's part in multicast; the essay is in snoop.h */
#include "config.h"

#include "switchd/snoop.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "switchd/igmp.h"
#include "switchd/vsw.h"

void snoop_send_port(struct port *port, uint16_t vid, const uint8_t *bytes, size_t size)
{
	uint8_t tagged[IGMP_QUERY_SIZE + VLAN_TAG_SIZE];
	struct iovec iov = { (void *)(uintptr_t)bytes, size };
	struct frame f = { bytes, size, size, &iov, 1, NULL };

	if (bridge_has_vlans(&port->vsw->bridge)) {
		const uint16_t tpid = vlan_tpid(&port->vlan);
		const uint8_t tag[VLAN_TAG_SIZE] = {
			(uint8_t)(tpid >> 8), (uint8_t)tpid, (uint8_t)(vid >> 8), (uint8_t)vid,
		};
		enum vlan_form form = vlan_form(&port->vlan, vid);

		if (form == VLAN_NOT_MEMBER)
			return;
		if (form == VLAN_TAGGED) {
			memcpy(tagged, bytes, VLAN_TAG_AT);
			memcpy(tagged + VLAN_TAG_AT, tag, sizeof(tag));
			memcpy(tagged + VLAN_TAG_AT + sizeof(tag), bytes + VLAN_TAG_AT,
			       size - VLAN_TAG_AT);
			size += sizeof(tag);
			iov = (struct iovec){ tagged, size };
			f = (struct frame){ tagged, size, size, &iov, 1, NULL };
		}
	} else if (vid) {
		return;
	}
	vsw_send(port, &f);
}

static void snoop_send(void *ctx, uint16_t vid, uint16_t id, const uint8_t *frame,
		       size_t size)
{
	const struct vsw *vsw = ctx;

	for (unsigned int i = 0; i < vsw->forwarding_count; i++)
		if (id == MCAST_ALL_PORTS || vsw->active[i]->id == id)
			snoop_send_port(vsw->active[i], vid, frame, size);
}

static void snoop_timer_cb(struct ev_loop *loop UNUSED, ev_timer *w, int revents UNUSED)
{
	static const struct vlan_table none;
	struct vsw *vsw = container_of(w, struct vsw, snooper);

	mcast_tick(vsw->mcast, bridge_has_vlans(&vsw->bridge) ? &vsw->bridge.vlans : &none,
		   clock_ms());
}

void snoop_set(struct vsw *vsw, bool on)
{
	if (on == snoop_is_on(vsw))
		return;
	vsw->bridge.mcast = on ? vsw->mcast : NULL;
	mcast_flush(vsw->mcast);
	if (on)
		ev_timer_again(vsw->loop, &vsw->snooper);
	else
		ev_timer_stop(vsw->loop, &vsw->snooper);
}

bool snoop_is_on(const struct vsw *vsw)
{
	return vsw->bridge.mcast;
}

int snoop_create(struct vsw *vsw)
{
	struct siphash_key key;

	if (getrandom(&key, sizeof(key), 0) != sizeof(key))
		return -errno;
	vsw->mcast = mcast_create(VSW_PORTS_MAX + 1, key, vsw->cfg->addr, snoop_send, vsw);
	if (!vsw->mcast)
		return -ENOMEM;
	ev_timer_init(&vsw->snooper, snoop_timer_cb, 0., MCAST_TICK_MS / 1000.);
	mcast_set_querier(vsw->mcast, vsw->cfg->mcast_querier);
	snoop_set(vsw, vsw->cfg->mcast_snooping);
	return 0;
}

void snoop_destroy(struct vsw *vsw)
{
	if (!vsw->mcast)
		return;
	snoop_set(vsw, false);
	mcast_destroy(vsw->mcast);
	vsw->mcast = NULL;
}
