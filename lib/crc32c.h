/* SPDX-License-Identifier: BSD-2-Clause */
/* crc32c.h - CRC-32C (Castagnoli, RFC 3720 appendix B.4): against accidents, not against
 * people
 */
#ifndef LIB_CRC32C_H
#define LIB_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The sum of @size bytes; @crc is that of the bytes before them, 0 at the beginning. */
uint32_t crc32c(uint32_t crc, const void *data, size_t size);

/* The same without the CPU's instruction for it; for tests. */
uint32_t crc32c_soft(uint32_t crc, const void *data, size_t size);

#endif /* LIB_CRC32C_H */
