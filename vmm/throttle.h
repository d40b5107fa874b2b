/* SPDX-License-Identifier: BSD-2-Clause */
/* throttle.h - How fast a disk may be: bytes and requests per second
 *
 * DOC: Theory of operation
 *
 * Each limit is a bucket that remembers until when the requests let through so far
 * are paid for. A request may go while that is at most THROTTLE_BURST_NS ahead, so
 * an idle disk has a tenth of a second's worth at hand, and then pushes it further
 * by its own price. A request that is larger than the burst goes, too, and the next
 * one waits the longer.
 *
 * Nothing here knows a clock: nanoseconds of any monotonic one are a parameter.
 */
#ifndef VMM_THROTTLE_H
#define VMM_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

/** enum throttle_limit - What can be limited, in QEMU's words */
enum throttle_limit {
	THROTTLE_BPS_TOTAL,
	THROTTLE_BPS_READ,
	THROTTLE_BPS_WRITE,
	THROTTLE_IOPS_TOTAL,
	THROTTLE_IOPS_READ,
	THROTTLE_IOPS_WRITE,
	THROTTLE_LIMITS,
};

#define THROTTLE_BURST_NS	100000000ULL
#define THROTTLE_RATE_MAX	10000000000ULL	/* keeps the sums within 64 bits */

/**
 * struct throttle - The limits of a disk; all zero is without any
 * @rate:	Units per second, up to THROTTLE_RATE_MAX; 0 = no limit
 * @paid_ns:	Until when it is paid for what went through
 */
struct throttle {
	uint64_t rate[THROTTLE_LIMITS];
	uint64_t paid_ns[THROTTLE_LIMITS];
};

/* Whether there is any limit. */
bool throttle_any(const struct throttle *t);

/**
 * throttle_wait() - When may the next request go?
 * @t:		Limits
 * @now_ns:	Time
 * @write:	It is a write, else a read
 *
 * Return: nanoseconds to wait, 0 if it may go now
 */
uint64_t throttle_wait(const struct throttle *t, uint64_t now_ns, bool write);

/* A request of @bytes goes now. */
void throttle_charge(struct throttle *t, uint64_t now_ns, bool write, uint64_t bytes);

#endif /* VMM_THROTTLE_H */
