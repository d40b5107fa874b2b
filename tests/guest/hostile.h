/* SPDX-License-Identifier: BSD-2-Clause */
/* hostile.h - What the hostile modes of the test guest share
 *
 * hostile.c does what is forbidden, one thing after the other, and checks what the
 * devices make of it; storm.c does anything, and looks at nothing.
 */
#ifndef GUEST_HOSTILE_H
#define GUEST_HOSTILE_H

#include "virtio.h"

enum {
	BAR_SIZE = 0x8000,		/* of each of the VMM's devices */
	BAR_ISR = 0x1000,
	BAR_DEVICE = 0x2000,
	BAR_NOTIFY = 0x3000,
	BAR_MSIX = 0x6000,
	BAR_PBA = 0x7000,

	PORT_PCI_ADDR = 0xcf8,
	PORT_PCI_DATA = 0xcfc,
	SLOT_SHIFT = 11,		/* of a function in PORT_PCI_ADDR */
	PCI_COMMAND = 0x04,
	PCI_BAR = 0x10,
};

/** mmio_read() - Read @size bytes, 1, 2, 4 or 8, at any address */
uint64_t mmio_read(uintptr_t addr, unsigned int size);

/** mmio_write() - Write likewise */
void mmio_write(uintptr_t addr, unsigned int size, uint64_t v);

/** port_read() - Read @size bytes, 1, 2 or 4, from a port */
uint32_t port_read(uint16_t port, unsigned int size);

/** port_write() - Write likewise */
void port_write(uint16_t port, unsigned int size, uint32_t v);

/** port_string() - @count items of @size bytes out of @from to a port, or into it */
void port_string_out(uint16_t port, unsigned int size, const void *from, uint64_t count);
void port_string_in(uint16_t port, unsigned int size, void *to, uint64_t count);

/** hostile_bar() - Where the BAR of a function is, which is switched on; 0: it has none */
uintptr_t hostile_bar(uint32_t fn);

/** storm_run() - Do what a mode says that only makes trouble. Return: whether it is one */
bool storm_run(const char *mode);

#endif /* GUEST_HOSTILE_H */
