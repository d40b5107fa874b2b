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

static bool bridge_size_is_good(const struct frame *f)
{
	return f->size - ETH_HDR_SIZE <= ETH_FRAME_MAX - ETH_HDR_SIZE &&
	       f->head_size >= ETH_HDR_SIZE;
}

/* Whether two frames of good size have the same addresses. */
static bool bridge_same_addresses(const struct frame *a, const struct frame *b)
{
	return !memcmp(a->head, b->head, 2 * ETH_ADDR_SIZE);
}

void bridge_decide_batch(struct bridge *bridge, uint16_t in,
			 const struct frame *frames, unsigned int n, uint64_t now_ms,
			 struct verdict *verdicts)
{
	bool good = false;

	for (unsigned int i = 0; i < n; i++) {
		bool was_good = good;

		good = bridge_size_is_good(&frames[i]);
		if (good && was_good && bridge_same_addresses(&frames[i - 1], &frames[i]))
			verdicts[i] = verdicts[i - 1];
		else
			verdicts[i] = bridge_decide(bridge, in, &frames[i], now_ms);
	}
}
