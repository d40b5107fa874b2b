/* SPDX-License-Identifier: BSD-2-Clause */
/* wire_random.h - Random numbers of a simulation: SplitMix64 (Steele et al. 2014)
 *
 * The same seed gives the same numbers, on every machine. Nothing secret.
 */
#ifndef PLUG_WIRE_RANDOM_H
#define PLUG_WIRE_RANDOM_H

#include <stdint.h>

/** struct wire_random - A generator; @state is its seed at first */
struct wire_random {
	uint64_t state;
};

static inline uint64_t wire_random_u64(struct wire_random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* From 0 to less than 1. */
static inline double wire_random_unit(struct wire_random *r)
{
	return (double)(wire_random_u64(r) >> 11) * 0x1p-53;
}

#endif /* PLUG_WIRE_RANDOM_H */
