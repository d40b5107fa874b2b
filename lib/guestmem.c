/* SPDX-License-Identifier: BSD-2-Clause */
/* guestmem.c - Guest memory table: the one door from a guest address to a pointer */
#include "config.h"

#include "lib/guestmem.h"

#include <errno.h>

int guestmem_add(struct guestmem *mem, uint64_t addr, uint64_t size, void *host)
{
	uint64_t end;

	if (!size || __builtin_add_overflow(addr, size - 1, &end))
		return -EINVAL;
	for (unsigned int i = 0; i < mem->count; i++) {
		const struct guestmem_region *r = &mem->region[i];

		if (addr <= r->addr + (r->size - 1) && r->addr <= end)
			return -EEXIST;
	}
	if (mem->count == GUESTMEM_REGIONS)
		return -ENOSPC;
	mem->region[mem->count++] = (struct guestmem_region){ addr, size, host };
	return 0;
}

void *guestmem_ptr(const struct guestmem *mem, uint64_t addr, uint64_t size)
{
	return guestmem_ptr_inline(mem, addr, size);
}

bool guestmem_remove(struct guestmem *mem, uint64_t addr)
{
	for (unsigned int i = 0; i < mem->count; i++) {
		if (mem->region[i].addr != addr)
			continue;
		mem->region[i] = mem->region[--mem->count];
		return true;
	}
	return false;
}

/* The region that holds @addr, and how many bytes of it are left there. */
static const struct guestmem_region *guestmem_find(const struct guestmem *mem,
						   uint64_t addr, uint64_t *left)
{
	for (unsigned int i = 0; i < mem->count; i++) {
		const struct guestmem_region *r = &mem->region[i];

		if (addr >= r->addr && addr - r->addr < r->size) {
			*left = r->size - (addr - r->addr);
			return r;
		}
	}
	return NULL;
}

int guestmem_iov(const struct guestmem *mem, uint64_t addr, uint64_t size,
		 struct iovec *iov, unsigned int max)
{
	unsigned int n = 0;
	uint64_t end;

	if (size && __builtin_add_overflow(addr, size - 1, &end))
		return -EFAULT;
	do {
		const struct guestmem_region *r;
		uint64_t left;

		r = guestmem_find(mem, addr, &left);
		if (!r || !size)
			return -EFAULT;
		if (n == max)
			return -ENOBUFS;
		left = MIN(left, size);
		iov[n++] = (struct iovec){ r->host + (addr - r->addr), left };
		size -= left;
		addr += left;
	} while (size);
	return (int)n;
}
