/* SPDX-License-Identifier: BSD-2-Clause */
/* rate.c - Rate limits; the essay is in rate.h */
#include "config.h"

#include "switchd/rate.h"

#include <string.h>

#include "lib/parse.h"

enum {
	RATE_BYTE = 8 * 1000000,	/* tokens of a byte */
	RATE_BURST_MIN = 32 * 1024,	/* bytes */
};

bool rate_parse(const char *text, uint64_t *bits)
{
	static const char units[] = "kMGT";
	const size_t len = strlen(text);
	const char *unit = len ? strchr(units, text[len - 1]) : NULL;
	char digits[16];
	uint64_t n, factor = 1;

	if (!len || len >= sizeof(digits))
		return false;
	memcpy(digits, text, len + 1);
	if (unit) {
		digits[len - 1] = 0;
		for (const char *p = units; p <= unit; p++)
			factor *= 1000;
	}
	if (!parse_u64(digits, 0, RATE_MAX / factor, &n))
		return false;
	*bits = n * factor;
	return true;
}

uint64_t rate_default_burst(uint64_t bits)
{
	const uint64_t burst = MAX(bits / 8 / 4, (uint64_t)RATE_BURST_MIN);

	return MIN(burst, RATE_BURST_MAX);
}

void rate_set(struct rate *rate, uint64_t bits, uint64_t burst, uint64_t now_us)
{
	*rate = (struct rate){
		.bits = bits,
		.burst = burst,
		.tokens = (int64_t)(burst * RATE_BYTE),
		.then_us = now_us,
	};
}

static void rate_fill(struct rate *rate, uint64_t now_us)
{
	const int64_t full = (int64_t)(rate->burst * RATE_BYTE);
	const uint64_t missing = (uint64_t)(full - rate->tokens), us = now_us - rate->then_us;

	/* No product beyond @missing is ever computed, so nothing overflows. */
	if (us > missing / rate->bits)
		rate->tokens = full;
	else
		rate->tokens += (int64_t)(us * rate->bits);
	rate->then_us = now_us;
}

bool rate_pass(struct rate *rate, size_t bytes, uint64_t now_us)
{
	if (now_us > rate->then_us)
		rate_fill(rate, now_us);
	if (rate->tokens <= 0)
		return false;
	rate->tokens -= (int64_t)(bytes * RATE_BYTE);
	return true;
}
