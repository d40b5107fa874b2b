/* SPDX-License-Identifier: BSD-2-Clause */
/* bridge.c - The forwarding decision; the essay is in bridge.h */
#include "config.h"

#include "switchd/bridge.h"

#include "lib/parse.h"

/* Fewer addresses than this are in the processor's own caches anyway. */
enum { BRIDGE_WARM_MIN = 1024 };

bool bridge_reserved_parse(const char *text, uint16_t *mask)
{
	unsigned int n;

	if (!strcmp(text, "forward"))
		n = BRIDGE_RESERVED_FORWARD;
	else if (!strcmp(text, "standard"))
		n = BRIDGE_RESERVED_STANDARD;
	else if (!parse_uint(text, 0, UINT16_MAX, &n))
		return false;
	*mask = (uint16_t)n;
	return true;
}

static struct verdict verdict_drop(enum drop_reason reason)
{
	return (struct verdict){ .kind = VERDICT_DROP, .reason = reason };
}

/* Whether a group address is a reserved one that is not forwarded. */
static bool bridge_keeps(const struct bridge *bridge, struct eth_addr dst)
{
	static const uint8_t first[] = { 0x01, 0x80, 0xc2, 0x00 };

	if (LIKELY(memcmp(dst.b, first, sizeof(first))))
		return false;
	return !dst.b[4] && dst.b[5] < 16 && !(bridge->reserved >> dst.b[5] & 1);
}

/* The set of addresses that a VLAN has. */
static uint16_t bridge_set(const struct bridge *bridge, uint16_t vid)
{
	return bridge->vlans.shared ? 0 : vid;
}

struct verdict bridge_decide(struct bridge *bridge, uint16_t in,
			     const struct vlan_port *in_vlan,
			     const struct frame *frame, uint64_t now_ms)
{
	struct verdict v = { .kind = VERDICT_FLOOD };
	struct eth_hdr eth;
	uint16_t set;

	if (frame->size < ETH_HDR_SIZE || frame->head_size < ETH_HDR_SIZE)
		return verdict_drop(DROP_RUNT);
	if (UNLIKELY(frame->size > ETH_FRAME_MAX) && frame->size > frame_size_max(frame))
		return verdict_drop(DROP_OVERSIZE);
	if (bridge->hub)
		return v;

	memcpy(&eth, frame->head, sizeof(eth));
	if (eth_addr_is_group(eth.src))
		return verdict_drop(DROP_BAD_SOURCE);
	if (vlan_is_aware(&bridge->vlans) &&
	    !vlan_classify(in_vlan, frame->head, frame->head_size, &v.vlan))
		return verdict_drop(DROP_VLAN);
	set = bridge_set(bridge, v.vlan.vid);
	if (!eth_addr_is_zero(eth.src))
		fdb_learn(bridge->fdb, eth.src, set, in, now_ms);
	if (eth_addr_is_group(eth.dst))
		return bridge_keeps(bridge, eth.dst) ? verdict_drop(DROP_RESERVED) : v;

	v.port = fdb_lookup(bridge->fdb, eth.dst, set, now_ms);
	if (v.port == FDB_NO_PORT)
		return v;
	if (v.port == in)
		return verdict_drop(DROP_LOCAL);
	v.kind = VERDICT_UNICAST;
	return v;
}

static bool bridge_size_is_good(const struct frame *f)
{
	return f->size - ETH_HDR_SIZE <= ETH_FRAME_MAX - ETH_HDR_SIZE &&
	       f->head_size >= ETH_HDR_SIZE + VLAN_TAG_SIZE;
}

/* Whether two frames of good size have the same addresses, and the same tag, if
 * any, with the same behind it. */
static bool bridge_same_flow(const struct frame *a, const struct frame *b, size_t size)
{
	return !memcmp(a->head, b->head, size);
}

/* What a frame says of groups, if it would be forwarded: heard, and remembered. */
static enum mcast_what bridge_hear(struct bridge *bridge, uint16_t in,
				   const struct vlan_port *in_vlan, const struct frame *frame,
				   uint64_t now_ms)
{
	struct vlan_class vlan = { 0 };
	struct eth_hdr eth;

	if (!bridge_size_is_good(frame))
		return MCAST_DATA;
	memcpy(&eth, frame->head, sizeof(eth));
	if (!eth_addr_is_group(eth.dst) || eth_addr_is_group(eth.src) ||
	    (vlan_is_aware(&bridge->vlans) &&
	     (!vlan_classify(in_vlan, frame->head, frame->head_size, &vlan) || vlan.inner)))
		return MCAST_DATA;
	return mcast_input(bridge->mcast, in, vlan.vid, frame, now_ms);
}

/* bridge_decide_batch() with snooping. That two frames have the same addresses says
 * little here: what is in them counts. */
static NOINLINE void bridge_decide_snooping(struct bridge *bridge, uint16_t in,
					    const struct vlan_port *in_vlan,
					    const struct frame *frames, unsigned int n,
					    uint64_t now_ms, struct verdict *verdicts)
{
	enum mcast_what what[FRAME_BATCH];

	for (unsigned int i = 0; i < n; i++)
		what[i] = bridge_hear(bridge, in, in_vlan, &frames[i], now_ms);
	for (unsigned int i = 0; i < n; i++) {
		struct verdict *v = &verdicts[i];
		uint16_t vid, group;

		*v = bridge_decide(bridge, in, in_vlan, &frames[i], now_ms);
		vid = v->vlan.vid;
		if (v->kind != VERDICT_FLOOD || !(frames[i].head[0] & 1) || v->vlan.inner ||
		    !mcast_lookup(bridge->mcast, &vid, &frames[i], what[i], now_ms, &group))
			continue;
		v->kind = VERDICT_GROUP;
		v->group = group;
		v->vlan.vid = vid;
	}
}

/* The same without: frames that follow each other are mostly alike. */
static NOINLINE void bridge_decide_plain(struct bridge *bridge, uint16_t in,
					 const struct vlan_port *in_vlan,
					 const struct frame *frames, unsigned int n,
					 uint64_t now_ms, struct verdict *verdicts)
{
	const size_t same = 2 * ETH_ADDR_SIZE + (bridge_has_vlans(bridge) ?
						 VLAN_TAG_SIZE + 2 : 0);
	bool good = false;

	for (unsigned int i = 0; i < n; i++) {
		bool was_good = good;

		good = bridge_size_is_good(&frames[i]);
		if (good && was_good && bridge_same_flow(&frames[i - 1], &frames[i], same))
			verdicts[i] = verdicts[i - 1];
		else
			verdicts[i] = bridge_decide(bridge, in, in_vlan, &frames[i], now_ms);
	}
}

static inline void bridge_decide_any(struct bridge *bridge, uint16_t in,
				     const struct vlan_port *in_vlan,
				     const struct frame *frames, unsigned int n,
				     uint64_t now_ms, struct verdict *verdicts)
{
	if (UNLIKELY(bridge->mcast) && !bridge->hub)
		bridge_decide_snooping(bridge, in, in_vlan, frames, n, now_ms, verdicts);
	else
		bridge_decide_plain(bridge, in, in_vlan, frames, n, now_ms, verdicts);
}

/* The addresses of all frames, to be looked up soon, in a table that may not fit into the
 * processor's own caches. */
static void bridge_warm(struct bridge *bridge, const struct vlan_port *in_vlan,
			const struct frame *frames, unsigned int n)
{
	const bool vlans = bridge_has_vlans(bridge);
	struct fdb_wanted wanted[FDB_WARM_MAX];
	unsigned int count = 0;

	if (bridge->hub || fdb_count(bridge->fdb) < BRIDGE_WARM_MIN)
		return;
	for (unsigned int i = 0; i < n; i++) {
		struct vlan_class vlan = { 0 };
		struct eth_hdr eth;

		if (!bridge_size_is_good(&frames[i]) ||
		    (vlans && !vlan_classify(in_vlan, frames[i].head, frames[i].head_size,
					     &vlan)))
			continue;
		memcpy(&eth, frames[i].head, sizeof(eth));
		vlan.vid = bridge_set(bridge, vlan.vid);
		wanted[count++] = (struct fdb_wanted){ eth.src, vlan.vid };
		if (!eth_addr_is_group(eth.dst))
			wanted[count++] = (struct fdb_wanted){ eth.dst, vlan.vid };
	}
	fdb_warm(bridge->fdb, wanted, count);
}

static_assert(2 * FRAME_BATCH <= FDB_WARM_MAX, "two addresses of each frame of a batch");

/* All of it, in a big table. */
static NOINLINE void bridge_decide_big(struct bridge *bridge, uint16_t in,
				       const struct vlan_port *in_vlan,
				       const struct frame *frames, unsigned int n,
				       uint64_t now_ms, struct verdict *verdicts)
{
	bridge_warm(bridge, in_vlan, frames, n);
	bridge_decide_any(bridge, in, in_vlan, frames, n, now_ms, verdicts);
}

void bridge_decide_batch(struct bridge *bridge, uint16_t in,
			 const struct vlan_port *in_vlan, const struct frame *frames,
			 unsigned int n, uint64_t now_ms, struct verdict *verdicts)
{
	if (UNLIKELY(bridge->big))
		bridge_decide_big(bridge, in, in_vlan, frames, n, now_ms, verdicts);
	else
		bridge_decide_any(bridge, in, in_vlan, frames, n, now_ms, verdicts);
}
