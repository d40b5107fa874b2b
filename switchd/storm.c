/* SPDX-License-Identifier: BSD-2-Clause */
/* storm.c - Storm control; the essay is in storm.h */
#include "config.h"

#include "switchd/storm.h"

#include <string.h>

enum { STORM_FRAME = 1000 };	/* tokens of a frame: so a millisecond gives @rate */

static const char *const storm_names[STORM_KINDS] = {
	[STORM_BROADCAST] = "broadcast",
	[STORM_MULTICAST] = "multicast",
	[STORM_UNKNOWN] = "unknown",
};

const char *storm_name(enum storm_kind kind)
{
	return storm_names[kind];
}

bool storm_parse(const char *text, enum storm_kind *kind)
{
	for (unsigned int i = 0; i < STORM_KINDS; i++) {
		if (!strcmp(text, storm_names[i])) {
			*kind = (enum storm_kind)i;
			return true;
		}
	}
	return false;
}

void storm_set(struct storm *storm, enum storm_kind kind, uint32_t rate, uint64_t now_ms)
{
	storm->bucket[kind] = (struct storm_bucket){
		.rate = rate,
		.tokens = (uint64_t)rate * STORM_FRAME,
		.then_ms = now_ms,
	};
	storm->on = false;
	for (unsigned int i = 0; i < STORM_KINDS; i++)
		storm->on |= storm->bucket[i].rate;
}

static bool storm_pass(struct storm_bucket *b, uint64_t now_ms)
{
	const uint64_t full = (uint64_t)b->rate * STORM_FRAME;

	if (now_ms > b->then_ms) {
		/* After a second it is full, and nothing overflows. */
		uint64_t ms = MIN(now_ms - b->then_ms, (uint64_t)1000);

		b->tokens = MIN(b->tokens + ms * b->rate, full);
		b->then_ms = now_ms;
	}
	if (b->tokens < STORM_FRAME)
		return false;
	b->tokens -= STORM_FRAME;
	return true;
}

static enum storm_kind storm_kind(const uint8_t *dst)
{
	static const uint8_t broadcast[ETH_ADDR_SIZE] = { 255, 255, 255, 255, 255, 255 };

	if (!(dst[0] & 1))
		return STORM_UNKNOWN;
	return memcmp(dst, broadcast, sizeof(broadcast)) ? STORM_MULTICAST : STORM_BROADCAST;
}

void storm_apply(struct storm *storm, const struct frame *frames, unsigned int n,
		 uint64_t now_ms, struct verdict *verdicts)
{
	for (unsigned int i = 0; i < n; i++) {
		struct storm_bucket *b;

		if (verdicts[i].kind != VERDICT_FLOOD && verdicts[i].kind != VERDICT_GROUP)
			continue;
		b = &storm->bucket[storm_kind(frames[i].head)];
		if (b->rate && !storm_pass(b, now_ms))
			verdicts[i] = (struct verdict){ .reason = DROP_STORM };
	}
}
