/* SPDX-License-Identifier: BSD-2-Clause */
/* csum.c - The Internet checksum, by wide registers (AVX2) where the CPU has them */
#include "config.h"

#include "lib/csum.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "lib/compiler.h"

static uint64_t load64(const uint8_t *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof(x));
	return x;
}

/* Up to seven bytes. */
static uint64_t add_rest(uint64_t sum, const uint8_t *p, size_t size)
{
	uint32_t four;
	uint16_t two;

	if (size & 4) {
		memcpy(&four, p, sizeof(four));
		sum = csum_plus(sum, four);
		p += sizeof(four);
	}
	if (size & 2) {
		memcpy(&two, p, sizeof(two));
		sum = csum_plus(sum, two);
		p += sizeof(two);
	}
	if (size & 1) {
		two = 0;
		memcpy(&two, p, 1);
		sum = csum_plus(sum, two);
	}
	return sum;
}

uint64_t csum_add_plain(uint64_t sum, const void *data, size_t size)
{
	const uint8_t *p = data;
	uint64_t other = 0;

	/* Two chains of carries, that neither waits for the other. */
	for (; size >= 32; size -= 32, p += 32) {
		sum = csum_plus(sum, load64(p));
		other = csum_plus(other, load64(p + 8));
		sum = csum_plus(sum, load64(p + 16));
		other = csum_plus(other, load64(p + 24));
	}
	for (; size >= 8; size -= 8, p += 8)
		sum = csum_plus(sum, load64(p));
	return add_rest(csum_plus(sum, other), p, size);
}

#ifdef __x86_64__
/* Shorter ones are not worth the way into the wide registers and back. */
enum { CSUM_WIDE = 192 };

/*
 * Halves of 64-bit words in lanes of their own, 64 bits wide: no carry gets lost within
 * 2^32 rounds.
 */
__attribute__((target("avx2")))
static uint64_t csum_add_avx2(uint64_t sum, const uint8_t *p, size_t size)
{
	const __m256i mask = _mm256_set1_epi64x(0xffffffff);
	__m256i low[2] = { _mm256_setzero_si256(), _mm256_setzero_si256() };
	__m256i high[2] = { _mm256_setzero_si256(), _mm256_setzero_si256() };
	uint64_t lane[4];

	for (; size >= 64; size -= 64, p += 64) {
		__m256i a, b;

		memcpy(&a, p, sizeof(a));
		memcpy(&b, p + 32, sizeof(b));
		low[0] = _mm256_add_epi64(low[0], _mm256_and_si256(a, mask));
		low[1] = _mm256_add_epi64(low[1], _mm256_and_si256(b, mask));
		high[0] = _mm256_add_epi64(high[0], _mm256_srli_epi64(a, 32));
		high[1] = _mm256_add_epi64(high[1], _mm256_srli_epi64(b, 32));
	}
	low[0] = _mm256_add_epi64(_mm256_add_epi64(low[0], low[1]),
				  _mm256_add_epi64(high[0], high[1]));
	memcpy(lane, &low[0], sizeof(lane));
	for (int i = 0; i < 4; i++)
		sum = csum_plus(sum, lane[i]);
	return csum_add_plain(sum, p, size);
}
#endif

uint64_t csum_add(uint64_t sum, const void *data, size_t size)
{
#ifdef __x86_64__
	if (size >= CSUM_WIDE && __builtin_cpu_supports("avx2"))
		return csum_add_avx2(sum, data, size);
#endif
	return csum_add_plain(sum, data, size);
}

/*
 * Two bytes are left of it, as the machine orders them. The first step leaves 33 bits, the
 * second one at most 0x1fffe.
 */
static uint16_t fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static struct be16 to_wire(uint16_t x)
{
	struct be16 word;

	memcpy(&word, &x, sizeof(word));
	return word;
}

uint64_t csum_swap(uint64_t sum)
{
	return __builtin_bswap16(fold(sum));
}

uint64_t csum_iov(uint64_t sum, const struct iovec *iov, size_t cnt, size_t off,
		  size_t size)
{
	size_t done = 0;

	for (size_t i = 0; i < cnt && done < size; i++) {
		size_t len = iov[i].iov_len, n;
		const uint8_t *p = iov[i].iov_base;

		if (off >= len) {
			off -= len;
			continue;
		}
		n = MIN(len - off, size - done);
		if (done & 1)
			sum = csum_plus(sum, csum_swap(csum_add(0, p + off, n)));
		else
			sum = csum_add(sum, p + off, n);
		done += n;
		off = 0;
	}
	return sum;
}

struct be16 csum_fold(uint64_t sum)
{
	return to_wire(fold(sum));
}

struct be16 csum_finish(uint64_t sum)
{
	return to_wire((uint16_t)~fold(sum));
}

struct be16 csum_update(struct be16 check, struct be16 before, struct be16 after)
{
	/* Equation 3: the complement of the sum of complements and the new word. */
	return csum_finish(csum_be16(csum_not_be16(csum_not_be16(0, check), before), after));
}
