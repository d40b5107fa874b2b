/* SPDX-License-Identifier: BSD-2-Clause */
/* bridge.c - The forwarding decision; the essay is in bridge.h */
#include "config.h"

#include "switchd/bridge.h"

static struct verdict verdict_drop(enum drop_reason reason)
{
	return (struct verdict){ .kind = VERDICT_DROP, .reason = reason };
}

struct verdict bridge_decide(struct bridge *bridge, uint16_t in,
			     const struct frame *frame, uint64_t now_ms)
{
	struct eth_hdr eth;
	uint16_t out;

	if (frame->size < ETH_HDR_SIZE || frame->head_size < ETH_HDR_SIZE)
		return verdict_drop(DROP_RUNT);
	if (frame->size > ETH_FRAME_MAX)
		return verdict_drop(DROP_OVERSIZE);
	if (bridge->hub)
		return (struct verdict){ .kind = VERDICT_FLOOD };

	memcpy(&eth, frame->head, sizeof(eth));
	if (eth_addr_is_group(eth.src))
		return verdict_drop(DROP_BAD_SOURCE);
	if (!eth_addr_is_zero(eth.src))
		fdb_learn(bridge->fdb, eth.src, in, now_ms);
	if (eth_addr_is_group(eth.dst))
		return (struct verdict){ .kind = VERDICT_FLOOD };

	out = fdb_lookup(bridge->fdb, eth.dst, now_ms);
	if (out == FDB_NO_PORT)
		return (struct verdict){ .kind = VERDICT_FLOOD };
	if (out == in)
		return verdict_drop(DROP_LOCAL);
	return (struct verdict){ .kind = VERDICT_UNICAST, .port = out };
}
