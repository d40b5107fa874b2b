/* SPDX-License-Identifier: BSD-2-Clause */
/* board.h - A virtual machine without KVM, for tests: memory, buses, an event loop and
 *	     interrupt lines that lead nowhere, and on them the product's devices
 *
 * It has no processors: the test is what they would be. It reads and writes registers
 * through vm->pio and vm->mmio, puts rings into vm->mem, and has the event loop turn.
 *
 * In place of the product's irq.c there is one that only remembers, and checks what KVM
 * would refuse; RAM is a plain memfd, with nothing around it that could be read by
 * mistake. Whatever goes wrong in here ends the program.
 */
#ifndef TESTS_BOARD_H
#define TESTS_BOARD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/vring_driver.h"
#include "vmm/virtio.h"
#include "vmm/vm.h"

/* What the harness itself cannot do without. */
#define BOARD_MUST(cond) \
	do { \
		if (!(cond)) { \
			fprintf(stderr, "%s:%d: (%s) is false\n", __FILE__, __LINE__, #cond); \
			abort(); \
		} \
	} while (0)

enum {
	/* The regions of a virtio device's BAR, as virtio_pci.c has them. */
	BOARD_CONFIG = 0x2000, BOARD_NOTIFY = 0x3000, BOARD_NOTIFY_STRIDE = 4,
	BOARD_TURNS = 8,
};

/* A machine of opt->ram bytes of memory, with the registers that every machine has, and no
 * other device. @opt is borrowed. */
struct vm *board_new(const struct options *opt);

/* All devices that @opt asks for, in the order in which vm.c has them. NICs get addresses
 * from 02:00:00:00:00:01 on. Return: 0 or -errno */
int board_plug(struct vm *vm) MUST_CHECK;

/* As vm.c powers on, less KVM: memory is zero, all is reset, BARs are placed. */
void board_power_on(struct vm *vm);

/* All its devices go, too. */
void board_free(struct vm *vm);

/* Turn the event loop a few times: one thing leads to another. */
void board_spin(struct vm *vm);

/* How often vector @vector of @dev has interrupted since this was asked last; 0 while it
 * may not. */
uint64_t board_irqs(const struct virtio_dev *dev, unsigned int vector);

/* The level of a line. */
bool board_line(const struct vm *vm, unsigned int gsi);

/* Guest memory that is one piece from @addr to the end of RAM. */
static inline void *board_mem(const struct vm *vm, uint64_t addr)
{
	return guestmem_ptr(&vm->mem, addr, 1);
}

/* Registers in the BAR of a device. */
static inline void board_set(const struct virtio_dev *dev, unsigned int reg, unsigned int size,
			     uint64_t v)
{
	bus_write(&dev->vm->mmio, dev->pci.bar + reg, size, v);
}

static inline uint64_t board_get(const struct virtio_dev *dev, unsigned int reg,
				 unsigned int size)
{
	return bus_read(&dev->vm->mmio, dev->pci.bar + reg, size);
}

uint8_t board_status(const struct virtio_dev *dev);

/* The feature bits that it offers. */
uint64_t board_offered(const struct virtio_dev *dev);

/* Reset a device and begin with it: with those of @features that it offers, and VERSION_1.
 * Return: these. */
uint64_t board_negotiate(const struct virtio_dev *dev, uint64_t features);

/** struct board_rings - Where the driver puts its rings: @ring[q] at @at + q * @step */
struct board_rings {
	uint64_t at;
	uint64_t step;
	unsigned int queues;
	uint16_t size;
};

/* All of a driver's way to DRIVER_OK, its rings set up in @ring, all empty. Return: the
 * features. */
uint64_t board_drive(const struct virtio_dev *dev, uint64_t features,
		     const struct board_rings *where, struct vring_driver *ring);

/* Show what was offered in ring @q, kick the device if it wants that, and let it work. */
void board_kick(const struct virtio_dev *dev, struct vring_driver *ring, unsigned int q);

#endif /* TESTS_BOARD_H */
