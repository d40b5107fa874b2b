/* SPDX-License-Identifier: BSD-2-Clause */
/* siphash.h - Keyed hash of short inputs: SipHash-2-4 (Aumasson, Bernstein 2012)
 *
 * For tables whose keys come from strangers: without the secret nobody can
 * choose keys that fall into one bucket.
 */
#ifndef LIB_SIPHASH_H
#define LIB_SIPHASH_H

#include <stdint.h>

/** struct siphash_key - 128 bits of secret */
struct siphash_key {
	uint64_t k0;
	uint64_t k1;
};

static inline uint64_t sip_rotl(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = sip_rotl(v[1], 13) ^ v[0];
	v[0] = sip_rotl(v[0], 32);
	v[2] += v[3];
	v[3] = sip_rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = sip_rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = sip_rotl(v[1], 17) ^ v[2];
	v[2] = sip_rotl(v[2], 32);
}

/**
 * siphash_u64() - SipHash-2-4 of one 64-bit word
 * @key:	The secret
 * @m:		The word, hashed as its 8 bytes in little-endian order
 */
static inline uint64_t siphash_u64(const struct siphash_key *key, uint64_t m)
{
	const uint64_t len = (uint64_t)8 << 56;
	uint64_t v[4] = {
		key->k0 ^ 0x736f6d6570736575, key->k1 ^ 0x646f72616e646f6d,
		key->k0 ^ 0x6c7967656e657261, key->k1 ^ 0x7465646279746573,
	};

	v[3] ^= m;
	sip_round(v);
	sip_round(v);
	v[0] ^= m;
	v[3] ^= len;
	sip_round(v);
	sip_round(v);
	v[0] ^= len;
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

#endif /* LIB_SIPHASH_H */
