/* SPDX-License-Identifier: BSD-2-Clause */
/* bus.c - Ranges of ports or addresses, and who answers for them */
#include "config.h"

#include "vmm/bus.h"

#include <errno.h>
#include <stddef.h>

int bus_add(struct bus *bus, uint64_t start, uint64_t size,
	    const struct bus_ops *ops, void *dev)
{
	if (bus->count == BUS_RANGES)
		return -ENOSPC;
	bus->range[bus->count++] = (struct bus_range){ start, size, ops, dev };
	return 0;
}

void bus_remove(struct bus *bus, uint64_t start, const void *dev)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < bus->count; i++)
		if (bus->range[i].dev != dev || bus->range[i].start != start)
			bus->range[kept++] = bus->range[i];
	bus->count = kept;
}

/* The range that holds all @size bytes at @addr. */
static const struct bus_range *bus_find(const struct bus *bus, uint64_t addr,
					unsigned int size)
{
	for (unsigned int i = 0; i < bus->count; i++) {
		const struct bus_range *r = &bus->range[i];

		if (addr >= r->start && addr - r->start < r->size)
			return size <= r->size - (addr - r->start) ? r : NULL;
	}
	return NULL;
}

uint64_t bus_read(const struct bus *bus, uint64_t addr, unsigned int size)
{
	const struct bus_range *r = bus_find(bus, addr, size);

	if (!r)
		return bus_ones(size);
	return r->ops->read(r->dev, addr - r->start, size) & bus_ones(size);
}

void bus_write(const struct bus *bus, uint64_t addr, unsigned int size,
	       uint64_t value)
{
	const struct bus_range *r = bus_find(bus, addr, size);

	if (r)
		r->ops->write(r->dev, addr - r->start, size, value & bus_ones(size));
}
