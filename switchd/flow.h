/* SPDX-License-Identifier: BSD-2-Clause */
/* flow.h - Which flow does a frame belong to?
 *
 * A hash over addresses and ports of what the first bytes of a frame show: IPv4
 * and IPv6 with TCP or UDP, untagged; the Ethernet header for the rest. Frames of
 * one flow have one hash. Only for spreading load: nothing depends on its being
 * hard to guess.
 */
#ifndef SWITCHD_FLOW_H
#define SWITCHD_FLOW_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t flow_mix(uint32_t h, uint32_t word)
{
	return (h ^ word) * 0x9e3779b1;		/* 2^32 / golden ratio */
}

static inline uint32_t flow_hash_bytes(uint32_t h, const uint8_t *p, size_t size)
{
	for (; size >= 4; p += 4, size -= 4) {
		uint32_t word;

		memcpy(&word, p, sizeof(word));
		h = flow_mix(h, word);
	}
	return h;
}

/* Hash of the flow of a frame with @size first bytes at @head. */
static inline uint32_t flow_hash(const uint8_t *head, size_t size)
{
	enum { ETH = 14, IP4_SRC = 12, IP4_MIN = 20, IP6_SRC = 8, IP6_HDR = 40,
	       TCP = 6, UDP = 17 };
	uint32_t h = 0;

	if (size >= ETH + IP4_MIN && head[12] == 8 && head[13] == 0) {
		size_t l4 = ETH + 4 * (size_t)(head[ETH] & 15);

		h = flow_hash_bytes(h, head + ETH + IP4_SRC, 8);
		/* Fragments have no ports but the first: leave ports out. */
		if (!(head[ETH + 6] & 0x3f) && !head[ETH + 7] && l4 + 4 <= size &&
		    (head[ETH + 9] == TCP || head[ETH + 9] == UDP))
			h = flow_hash_bytes(h, head + l4, 4);
	} else if (size >= ETH + IP6_HDR + 4 && head[12] == 0x86 && head[13] == 0xdd) {
		h = flow_hash_bytes(h, head + ETH + IP6_SRC, 32);
		if (head[ETH + 6] == TCP || head[ETH + 6] == UDP)
			h = flow_hash_bytes(h, head + ETH + IP6_HDR, 4);
	} else if (size >= ETH) {
		h = flow_hash_bytes(h, head, 12);
	}
	return h ^ h >> 16;
}

#endif /* SWITCHD_FLOW_H */
