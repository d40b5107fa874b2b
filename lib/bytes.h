/* SPDX-License-Identifier: BSD-2-Clause */
/* bytes.h - Integers of a stated byte order, as types of their own
 *
 * A one-member struct per order makes every mix-up a compile error with any
 * compiler. The byte arrays have alignment 1, so that they may stand at any
 * offset of a wire structure.
 */
#ifndef LIB_BYTES_H
#define LIB_BYTES_H

#include <stdint.h>
#include <string.h>

struct be16 { uint8_t b[2]; };
struct be32 { uint8_t b[4]; };
struct be64 { uint8_t b[8]; };
struct le16 { uint8_t b[2]; };
struct le32 { uint8_t b[4]; };
struct le64 { uint8_t b[8]; };

static inline uint16_t be16_get(struct be16 v)
{
	return (uint16_t)(v.b[0] << 8 | v.b[1]);
}

static inline struct be16 be16(uint16_t x)
{
	return (struct be16){ { (uint8_t)(x >> 8), (uint8_t)x } };
}

static inline struct be32 be32(uint32_t x)
{
	return (struct be32){ { (uint8_t)(x >> 24), (uint8_t)(x >> 16),
				(uint8_t)(x >> 8), (uint8_t)x } };
}

static inline uint32_t be32_get(struct be32 v)
{
	return (uint32_t)v.b[0] << 24 | (uint32_t)v.b[1] << 16 |
	       (uint32_t)v.b[2] << 8 | v.b[3];
}

static inline uint64_t be64_get(struct be64 v)
{
	uint64_t x = 0;

	for (int i = 0; i < 8; i++)
		x = x << 8 | v.b[i];
	return x;
}

static inline uint16_t le16_get(struct le16 v)
{
	return (uint16_t)(v.b[1] << 8 | v.b[0]);
}

static inline struct le16 le16(uint16_t x)
{
	return (struct le16){ { (uint8_t)x, (uint8_t)(x >> 8) } };
}

static inline uint32_t le32_get(struct le32 v)
{
	return (uint32_t)v.b[3] << 24 | (uint32_t)v.b[2] << 16 |
	       (uint32_t)v.b[1] << 8 | v.b[0];
}

static inline struct le32 le32(uint32_t x)
{
	return (struct le32){ { (uint8_t)x, (uint8_t)(x >> 8),
				(uint8_t)(x >> 16), (uint8_t)(x >> 24) } };
}

static inline uint64_t le64_get(struct le64 v)
{
	uint64_t x = 0;

	for (int i = 7; i >= 0; i--)
		x = x << 8 | v.b[i];
	return x;
}

static inline struct le64 le64(uint64_t x)
{
	struct le64 v;

	for (int i = 0; i < 8; i++)
		v.b[i] = (uint8_t)(x >> (8 * i));
	return v;
}

/* The same where they stand among bytes, at @p. */

static inline uint16_t be16_load(const void *p)
{
	return be16_get(*(const struct be16 *)p);
}

static inline void be16_store(void *p, uint16_t x)
{
	*(struct be16 *)p = be16(x);
}

static inline uint32_t be32_load(const void *p)
{
	return be32_get(*(const struct be32 *)p);
}

static inline void be32_store(void *p, uint32_t x)
{
	*(struct be32 *)p = be32(x);
}

static inline uint16_t le16_load(const void *p)
{
	return le16_get(*(const struct le16 *)p);
}

static inline void le16_store(void *p, uint16_t x)
{
	*(struct le16 *)p = le16(x);
}

static inline uint32_t le32_load(const void *p)
{
	return le32_get(*(const struct le32 *)p);
}

static inline void le32_store(void *p, uint32_t x)
{
	*(struct le32 *)p = le32(x);
}

#endif /* LIB_BYTES_H */
