/* SPDX-License-Identifier: BSD-2-Clause */
/* guarding.c - The switch's part in guarding sources; the essay is in guarding.h */
#include "config.h"

#include "switchd/guarding.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "lib/log.h"
#include "switchd/snoop.h"
#include "switchd/vsw.h"

static void guarding_probe(void *ctx, uint16_t vid, const uint8_t *frame, size_t size)
{
	const struct vsw *vsw = ctx;

	for (unsigned int i = 0; i < vsw->forwarding_count; i++)
		if (!vsw->active[i]->guard.check[GUARD_IP])
			snoop_send_port(vsw->active[i], vid, frame, size);
}

int guarding_create(struct vsw *vsw)
{
	struct siphash_key key;

	if (getrandom(&key, sizeof(key), 0) != sizeof(key))
		return -errno;
	vsw->guard = guard_create(VSW_PORTS_MAX + 1, key, vsw->cfg->addr, guarding_probe, vsw);
	vsw->guard_passed = calloc(FRAME_BATCH, sizeof(*vsw->guard_passed));
	return vsw->guard && vsw->guard_passed ? 0 : -ENOMEM;
}

void guarding_destroy(struct vsw *vsw)
{
	guard_destroy(vsw->guard);
	free(vsw->guard_passed);
}

/* Count a frame that may not go on, and say so. */
static void guarding_refuse(struct port *in, const struct frame *f, enum drop_reason why,
			    uint64_t now_ms)
{
	char mac[ETH_ADDR_STR];
	struct eth_hdr eth;

	in->stats.rx_frames++;
	in->stats.rx_bytes += f->size;
	in->stats.drop[why]++;
	memcpy(&eth, f->head, sizeof(eth));
	log_limited(&in->guard.said, now_ms, LOG_LEVEL_WARN,
		    "port %u: frame from %s dropped (%s): %s", in->id,
		    eth_addr_format(eth.src, mac), drop_reason_name(why),
		    drop_reason_text(why));
}

const struct frame *guarding_filter(struct port *in, const struct frame *frames,
				    unsigned int *n)
{
	const struct vsw *vsw = in->vsw;
	const bool vlans = bridge_has_vlans(&vsw->bridge);
	const uint64_t now_ms = vsw->poller.now_us / 1000;
	struct frame *passed = vsw->guard_passed;
	unsigned int count = 0;

	guard_begin(vsw->guard);
	for (unsigned int i = 0; i < *n; i++) {
		struct vlan_class vlan = { .vid = VLAN_NONE };
		enum drop_reason why;

		passed[count] = frames[i];
		/* What is none, or in no VLAN of the port, is dropped by the bridge. */
		if (frames[i].size < ETH_HDR_SIZE || frames[i].head_size < ETH_HDR_SIZE ||
		    (vlans && !vlan_classify(&in->vlan, frames[i].head, frames[i].head_size,
					     &vlan)) ||
		    guard_pass(vsw->guard, &in->guard, in->id, vlan.vid, &passed[count], now_ms,
			       &why))
			count++;
		else
			guarding_refuse(in, &frames[i], why, now_ms);
	}
	*n = count;
	return passed;
}

/* Whether there is any snooping. */
static bool guarding_snoops(const struct vsw *vsw)
{
	return guard_snooping(vsw->guard, GUARD_SNOOP_DHCP) ||
	       guard_snooping(vsw->guard, GUARD_SNOOP_ND);
}

void guarding_set_snooping(struct vsw *vsw, enum guard_snoop what, bool on)
{
	if (on == guard_snooping(vsw->guard, what))
		return;
	guard_set_snooping(vsw->guard, what, on);
	for (unsigned int i = 0; i <= vsw->numports; i++)
		if (vsw->ports[i])
			guard_set_snooped(&vsw->ports[i]->guard, guarding_snoops(vsw));
}

void guarding_reset_port(struct port *port)
{
	port->guard = (struct guard_port){ 0 };
	guard_set_snooped(&port->guard, guarding_snoops(port->vsw));
}

void guarding_flush_port(struct port *port, bool fixed)
{
	bindings_flush_port(guard_bindings(port->vsw->guard), port->id, fixed);
}

void guarding_tick(struct vsw *vsw, uint64_t now_ms)
{
	bindings_tick(guard_bindings(vsw->guard), now_ms);
}
