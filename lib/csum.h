/* SPDX-License-Identifier: BSD-2-Clause */
/* csum.h - The Internet checksum (RFC 1071, RFC 1624): of IP, TCP, UDP, ICMP
 *
 * A partial sum is an integer that grows: start with 0, add bytes and words, and turn
 * it into the two bytes of a checksum field at the end. Words are added in the byte
 * order of the machine, and only so do sums make sense; RFC 1071, section 2(B), says
 * why that is right. All bytes of one sum stand at even offsets, where csum_iov() sees
 * to odd ones in the middle.
 *
 * A sum is 0 only if every byte was 0. Nothing here knows of headers.
 */
#ifndef LIB_CSUM_H
#define LIB_CSUM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

#include "lib/bytes.h"

/* The ones' complement sum of two sums: what falls off the top comes in at the bottom. */
static inline uint64_t csum_plus(uint64_t a, uint64_t b)
{
	a += b;
	return a + (a < b);
}

/* @sum and one more word of the wire. */
static inline uint64_t csum_be16(uint64_t sum, struct be16 word)
{
	uint16_t x;

	memcpy(&x, &word, sizeof(x));
	return csum_plus(sum, x);
}

/* @sum without a word that is in it. */
static inline uint64_t csum_not_be16(uint64_t sum, struct be16 word)
{
	uint16_t x;

	memcpy(&x, &word, sizeof(x));
	return csum_plus(sum, (uint16_t)~x);
}

/**
 * csum_add() - Add bytes to a sum
 * @sum:	Sum of an even number of bytes before them
 * @data:	Bytes, at any address
 * @size:	How many; an odd last one counts as if a zero followed
 *
 * Return: the new sum
 */
uint64_t csum_add(uint64_t sum, const void *data, size_t size);

/* The same without the CPU's wide registers; for tests. */
uint64_t csum_add_plain(uint64_t sum, const void *data, size_t size);

/**
 * csum_iov() - Add scattered bytes to a sum
 * @sum:	Sum of an even number of bytes before them
 * @iov:	Pieces of any size, also odd ones
 * @cnt:	How many
 * @off:	Bytes of them to skip
 * @size:	Bytes to add; stops at the end of the pieces
 *
 * Return: the new sum
 */
uint64_t csum_iov(uint64_t sum, const struct iovec *iov, size_t cnt, size_t off,
		  size_t size);

/* The sum of @sum's bytes had they begun one byte later: at an odd offset. */
uint64_t csum_swap(uint64_t sum);

/* @sum as a word of the wire: a sum for another one to finish. */
struct be16 csum_fold(uint64_t sum);

/* The checksum of what @sum is the sum of: its complement. */
struct be16 csum_finish(uint64_t sum);

/**
 * csum_update() - What a checksum becomes when a word under it changes (RFC 1624)
 * @check:	Checksum before
 * @before:	The word before
 * @after:	The word now
 *
 * Return: the checksum now
 */
struct be16 csum_update(struct be16 check, struct be16 before, struct be16 after);

#endif /* LIB_CSUM_H */
