/* SPDX-License-Identifier: BSD-2-Clause */
/* rate.h - Rate limits: so many bits a second, and a burst
 *
 * A bucket of tokens. It fills with the rate, up to the burst, and each frame that passes
 * takes its bits out: bytes as the counters of a port have them, without FCS. A frame
 * passes while there is anything in the bucket, and may leave it in debt: so a burst that is
 * smaller than a frame holds up nothing, and over any time no more than the rate, the burst
 * and one frame pass. Nothing is rounded.
 *
 * Pure: no clock, no descriptor. Times are microseconds of a monotonic clock.
 */
#ifndef SWITCHD_RATE_H
#define SWITCHD_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

#define RATE_MAX	UINT64_C(1000000000000)		/* bits per second */
#define RATE_BURST_MAX	UINT64_C(1073741824)		/* bytes */

/**
 * struct rate - A limit; all zero is none
 * @bits:	Bits per second; 0: any number
 * @burst:	Bytes that may come at once
 * @tokens:	Millionths of bits that may pass now, so that a microsecond brings @bits;
 *		negative: debt
 * @then_us:	When that was so
 */
struct rate {
	uint64_t bits;
	uint64_t burst;
	int64_t tokens;
	uint64_t then_us;
};

/* Bits per second, up to RATE_MAX: a number with an optional k, M, G or T, powers of 1,000. */
bool rate_parse(const char *text, uint64_t *bits) MUST_CHECK;

/* The burst where nobody says: a quarter of a second's worth, and at least 32 KiB. TCP that
 * has lost what was too much is silent for a fifth of a second, and with less in the bucket
 * than that brings it would get half the rate. */
uint64_t rate_default_burst(uint64_t bits);

/* Set a limit, up to RATE_MAX and RATE_BURST_MAX; the bucket is full. */
void rate_set(struct rate *rate, uint64_t bits, uint64_t burst, uint64_t now_us);

/* Whether a frame of so many bytes passes; there is a limit. */
bool rate_pass(struct rate *rate, size_t bytes, uint64_t now_us);

#endif /* SWITCHD_RATE_H */
