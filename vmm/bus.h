/* SPDX-License-Identifier: BSD-2-Clause */
/* bus.h - Ranges of ports or addresses, and who answers for them
 *
 * An access must lie within one range; anything else reads as all ones and is
 * ignored when written, as on a PC. Values are little-endian, in the low @size
 * bytes of a word; sizes are 1, 2, 4 or 8.
 */
#ifndef VMM_BUS_H
#define VMM_BUS_H

#include <stdint.h>

#include "lib/compiler.h"

enum { BUS_RANGES = 64 };

/**
 * struct bus_ops - Registers of a device
 * @read:	Value at @off bytes into the range
 * @write:	Likewise
 */
struct bus_ops {
	uint64_t (*read)(void *dev, uint64_t off, unsigned int size);
	void (*write)(void *dev, uint64_t off, unsigned int size, uint64_t value);
};

struct bus_range {
	uint64_t start;
	uint64_t size;
	const struct bus_ops *ops;
	void *dev;
};

/** struct bus - All zero is an empty bus */
struct bus {
	struct bus_range range[BUS_RANGES];
	unsigned int count;
};

/* Add a range. Ranges may overlap (a guest may place PCI BARs as it likes): the
 * one added first answers. Return: 0, or -ENOSPC. */
int bus_add(struct bus *bus, uint64_t start, uint64_t size,
	    const struct bus_ops *ops, void *dev) MUST_CHECK;

/* Remove the ranges of a device that begin at @start. */
void bus_remove(struct bus *bus, uint64_t start, const void *dev);

uint64_t bus_read(const struct bus *bus, uint64_t addr, unsigned int size);
void bus_write(const struct bus *bus, uint64_t addr, unsigned int size,
	       uint64_t value);

/* All ones in @size bytes: what nobody answers reads as. */
static inline uint64_t bus_ones(unsigned int size)
{
	return size >= 8 ? UINT64_MAX : ((uint64_t)1 << (8 * size)) - 1;
}

#endif /* VMM_BUS_H */
