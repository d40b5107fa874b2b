/* SPDX-License-Identifier: BSD-2-Clause */
/* ratelimit.h - Token bucket for log messages; time is a parameter
 *
 * A message that peers can provoke may be written ten times in five seconds
 * from one place; the rest are counted, and the next one that passes says how
 * many were swallowed.
 */
#ifndef LIB_RATELIMIT_H
#define LIB_RATELIMIT_H

#include <stdbool.h>
#include <stdint.h>

enum { RATELIMIT_BURST = 10, RATELIMIT_MS = 5000 };

/**
 * struct ratelimit - State of one place; all zero is a full bucket
 * @start_ms:	When the current window began
 * @used:	Messages passed in this window
 * @swallowed:	Messages not passed since the last one that was
 */
struct ratelimit {
	uint64_t start_ms;
	unsigned int used;
	unsigned int swallowed;
};

/**
 * ratelimit_pass_burst() - May one more message be written now?
 * @rl:		The place
 * @now_ms:	Monotonic time
 * @burst:	Messages in RATELIMIT_MS
 * @swallowed:	Set to the number swallowed since the last message, when true
 */
static inline bool ratelimit_pass_burst(struct ratelimit *rl, uint64_t now_ms,
					unsigned int burst, unsigned int *swallowed)
{
	if (!rl->used || now_ms - rl->start_ms >= RATELIMIT_MS) {
		rl->start_ms = now_ms;
		rl->used = 0;
	}
	if (rl->used >= burst) {
		rl->swallowed++;
		return false;
	}
	rl->used++;
	*swallowed = rl->swallowed;
	rl->swallowed = 0;
	return true;
}

/* The same, of RATELIMIT_BURST messages. */
static inline bool ratelimit_pass(struct ratelimit *rl, uint64_t now_ms,
				  unsigned int *swallowed)
{
	return ratelimit_pass_burst(rl, now_ms, RATELIMIT_BURST, swallowed);
}

#endif /* LIB_RATELIMIT_H */
