/* SPDX-License-Identifier: BSD-2-Clause */
/* pci.h - PCI: configuration space by ports 0xcf8/0xcfc, BARs, MSI-X
 *
 * One bus, one function a slot, slot 0 is a host bridge of no particular make.
 * A device has at most one BAR, of 32-bit memory, which the guest may move.
 * There are no INTx lines: guests use MSI-X. The first bytes of a device's BAR
 * are its own (struct pci_ops); at PCI_BAR_MSIX_TABLE begin the MSI-X table and, a
 * page on, the pending bits.
 *
 * Guarded by vm->lock. Sources: PCI Local Bus 3.0, sections 6.1 to 6.8.
 */
#ifndef VMM_PCI_H
#define VMM_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "vmm/bus.h"
#include "vmm/irq.h"

enum {
	PCI_SLOTS = 32,
	PCI_CONFIG_SIZE = 256,
	PCI_BAR_SIZE = 0x8000,
	PCI_BAR_MSIX_TABLE = 0x6000,	/* offset in the BAR */
	PCI_BAR_MSIX_PBA = 0x7000,
	PCI_MSIX_MAX = 64,		/* vectors of a device */
	PCI_NO_VECTOR = 0xffff,
};

struct pci_dev;

/**
 * struct pci_ops - What a device does
 * @bar_read:	Read @size bytes at @off of the BAR, below PCI_BAR_MSIX_TABLE
 * @bar_write:	Write likewise
 * @bar_moved:	The BAR is now at dev->bar, or nowhere (0)
 * @config_read: A read of device-specific configuration space is about to be
 *		answered from dev->config; may be NULL
 * @config_written: Such a write has been done; may be NULL
 */
struct pci_ops {
	uint64_t (*bar_read)(struct pci_dev *dev, uint64_t off, unsigned int size);
	void (*bar_write)(struct pci_dev *dev, uint64_t off, unsigned int size,
			  uint64_t value);
	void (*bar_moved)(struct pci_dev *dev);
	void (*config_read)(struct pci_dev *dev, unsigned int off,
			    unsigned int size);
	void (*config_written)(struct pci_dev *dev, unsigned int off,
			       unsigned int size);
};

/**
 * struct pci_vector - An MSI-X vector
 * @msi:	The message, as the guest wrote it
 * @masked:	Its own mask bit
 * @eventfd:	Written to raise it
 * @gsi:	Number of the message in the routing table
 * @attached:	@eventfd is connected
 */
struct pci_vector {
	struct irq_msi msi;
	bool masked;
	int eventfd;
	int gsi;
	bool attached;
};

/**
 * struct pci_dev - A device
 * @config:	Configuration space
 * @writable:	Mask of the bits in it that the guest may change
 * @bar:	Where its BAR is, 0 while it is nowhere
 * @caps:	Offset behind the last capability
 * @vectors:	How many it has
 * @msix_cap:	Offset of its MSI-X capability
 */
struct pci_dev {
	const struct pci_ops *ops;
	struct pci_bus *bus;
	unsigned int slot;
	uint8_t config[PCI_CONFIG_SIZE];
	uint8_t writable[PCI_CONFIG_SIZE];
	uint64_t bar;
	unsigned int caps;
	unsigned int last_cap;
	unsigned int vectors;
	unsigned int msix_cap;
	struct pci_vector vector[PCI_MSIX_MAX];
};

/**
 * struct pci_bus - The bus
 * @addr:	Register 0xcf8
 * @dev:	Devices by slot
 * @mmio:	Where BARs are put
 * @irq:	Where messages go
 * @looks:	How often the guest has looked at a device since power-on
 */
struct pci_bus {
	uint32_t addr;
	struct pci_dev *dev[PCI_SLOTS];
	struct pci_dev bridge;
	struct bus *mmio;
	struct irq *irq;
	uint64_t looks;
};

/* Make an empty bus with its host bridge and put its ports on @pio. Return: 0 or
 * -errno. */
int pci_init(struct pci_bus *bus, struct bus *pio, struct bus *mmio,
	     struct irq *irq) MUST_CHECK;

/** struct pci_id - How a device presents itself */
struct pci_id {
	uint16_t vendor, device, subsystem_vendor, subsystem;
	uint32_t class;		/* class, subclass, interface */
	uint8_t revision;
};

/**
 * pci_dev_init() - Put a device into the next free slot
 * @dev:	Device, overwritten; borrowed by the bus
 * @bus:	Bus
 * @ops:	What it does
 * @id:		How it presents itself
 * @vectors:	MSI-X vectors, 1 to PCI_MSIX_MAX
 *
 * Return: 0 or -errno
 */
int pci_dev_init(struct pci_dev *dev, struct pci_bus *bus,
		 const struct pci_ops *ops, const struct pci_id *id,
		 unsigned int vectors) MUST_CHECK;

/* Close its descriptors and leave the bus. */
void pci_dev_destroy(struct pci_dev *dev);

/* Add a capability of @size bytes (its first two are filled in here). Return:
 * its offset. */
unsigned int pci_add_cap(struct pci_dev *dev, uint8_t id, const void *cap,
			 unsigned int size);

/* All devices as after power-on, BARs placed one after the other. */
void pci_reset(struct pci_bus *bus);

/* Raise a vector, unless it is PCI_NO_VECTOR. */
void pci_raise(struct pci_dev *dev, uint16_t vector);

/* The bus and its devices into a saved VM and out of it. Loading is for a machine that
 * has been powered on, and moves BARs and connects interrupts. Return: NULL, or why that
 * cannot be. */
struct state;
struct state_out;
void pci_save(const struct pci_bus *bus, struct state_out *out);
const char *pci_load(struct pci_bus *bus, const struct state *s) MUST_CHECK;

/* For tests and the ports: @size bytes at @off of a slot's configuration space. */
uint32_t pci_config_read(struct pci_bus *bus, unsigned int slot,
			 unsigned int off, unsigned int size);
void pci_config_write(struct pci_bus *bus, unsigned int slot, unsigned int off,
		      unsigned int size, uint32_t value);

#endif /* VMM_PCI_H */
