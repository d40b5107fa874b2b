/* SPDX-License-Identifier: BSD-2-Clause */
/* guestmem.h - Guest memory table: the one door from a guest address to a pointer
 *
 * A table of regions, each a range of guest addresses backed by a mapping of
 * ours. Nothing else in the program turns a number that came from a guest into
 * a pointer. What a pointer points to may change under us at any moment: read
 * it once, into private memory, before deciding anything.
 *
 * The table is written by one thread while nobody reads it.
 */
#ifndef LIB_GUESTMEM_H
#define LIB_GUESTMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "lib/compiler.h"

enum { GUESTMEM_REGIONS = 32 };

/**
 * struct guestmem_region - A range of guest addresses
 * @addr:	First guest address
 * @size:	Bytes, never zero
 * @host:	Where it is mapped here; borrowed
 */
struct guestmem_region {
	uint64_t addr;
	uint64_t size;
	uint8_t *host;
};

/** struct guestmem - All of a guest's memory; all zero is an empty table */
struct guestmem {
	struct guestmem_region region[GUESTMEM_REGIONS];
	unsigned int count;
};

/**
 * guestmem_add() - Add a region
 *
 * Return: 0; -EINVAL for an empty region or one that wraps; -EEXIST if it
 * overlaps another; -ENOSPC if the table is full
 */
int guestmem_add(struct guestmem *mem, uint64_t addr, uint64_t size,
		 void *host) MUST_CHECK;

/**
 * guestmem_ptr() - Pointer to @size bytes at a guest address
 *
 * Return: the pointer, good for exactly @size bytes; NULL if any of them is
 * outside of the one region that holds the first, or if @size is 0
 */
void *guestmem_ptr(const struct guestmem *mem, uint64_t addr, uint64_t size);

/* The same, for where each nanosecond counts. */
static inline void *guestmem_ptr_inline(const struct guestmem *mem, uint64_t addr,
					uint64_t size)
{
	for (unsigned int i = 0; i < mem->count; i++) {
		const struct guestmem_region *r = &mem->region[i];
		uint64_t off = addr - r->addr;

		if (off < r->size)
			return size && size <= r->size - off ? r->host + off : NULL;
	}
	return NULL;
}

/* Remove the region that begins at @addr. Return: whether there was one. */
bool guestmem_remove(struct guestmem *mem, uint64_t addr);

/**
 * guestmem_iov() - The same for a buffer that may cross from region to region
 * @mem:	Table
 * @addr:	Guest address
 * @size:	Bytes, at least one
 * @iov:	Filled with the pieces
 * @max:	Room in @iov
 *
 * Return: number of pieces, or -EFAULT if part of the buffer is no memory, or
 * -ENOBUFS if @max pieces are not enough
 */
int guestmem_iov(const struct guestmem *mem, uint64_t addr, uint64_t size,
		 struct iovec *iov, unsigned int max);

#endif /* LIB_GUESTMEM_H */
