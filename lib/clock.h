/* SPDX-License-Identifier: BSD-2-Clause */
/* clock.h - CLOCK_MONOTONIC as one number: a time that only goes forward, from no known
 * beginning
 */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds. */
static inline uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Microseconds. */
static inline uint64_t clock_us(void)
{
	return clock_ns() / 1000;
}

/* Milliseconds. */
static inline uint64_t clock_ms(void)
{
	return clock_ns() / 1000000;
}

#endif /* LIB_CLOCK_H */
