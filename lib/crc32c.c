/* SPDX-License-Identifier: BSD-2-Clause */
/* crc32c.c - CRC-32C, by the CPU's instruction (SSE 4.2) where it has it */
#include "config.h"

#include "lib/crc32c.h"

#include <string.h>

#define CRC32C_POLY	0x82f63b78	/* bits reversed */

uint32_t crc32c_soft(uint32_t crc, const void *data, size_t size)
{
	const uint8_t *p = data;

	crc = ~crc;
	while (size--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? CRC32C_POLY : 0);
	}
	return ~crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2")))
static uint32_t crc32c_sse42(uint32_t crc, const void *data, size_t size)
{
	const uint8_t *p = data;
	uint64_t sum = ~crc;

	for (; size >= sizeof(uint64_t); size -= sizeof(uint64_t)) {
		uint64_t v;

		memcpy(&v, p, sizeof(v));
		sum = __builtin_ia32_crc32di(sum, v);
		p += sizeof(v);
	}
	while (size--)
		sum = __builtin_ia32_crc32qi((uint32_t)sum, *p++);
	return ~(uint32_t)sum;
}
#endif

uint32_t crc32c(uint32_t crc, const void *data, size_t size)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		return crc32c_sse42(crc, data, size);
#endif
	return crc32c_soft(crc, data, size);
}
