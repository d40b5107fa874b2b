/* SPDX-License-Identifier: BSD-2-Clause */
/* pci.c - PCI: configuration space by ports 0xcf8/0xcfc, BARs, MSI-X
 *
 * Security model: the guest writes what it likes at any width and alignment.
 * Only bits marked writable change; BARs are masked to their size, and may land
 * anywhere: the bus asks RAM's owner (KVM) first, and the device added first.
 */
#include "config.h"

#include "vmm/pci.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/bytes.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "vmm/layout.h"
#include "vmm/state.h"

enum {
	PCI_STATE_VERSION = 1,
	PCI_FIRST_CAP = 0x40,
	MSIX_CAP_SIZE = 12,
	MSIX_ENTRY_SIZE = 16,
};

/* MSI-X. */

static bool msix_enabled(const struct pci_dev *dev)
{
	uint16_t ctrl = le16_load(dev->config + dev->msix_cap + PCI_MSIX_FLAGS);

	return ctrl & PCI_MSIX_FLAGS_ENABLE && !(ctrl & PCI_MSIX_FLAGS_MASKALL);
}

/* Connect a vector that may fire now, disconnect one that may not. */
static void msix_update(struct pci_dev *dev, struct pci_vector *v)
{
	bool on = msix_enabled(dev) && !v->masked;
	int ret = 0;

	if (on)
		ret = irq_msi_set(dev->bus->irq, v->gsi, v->msi);
	if (!ret && on != v->attached)
		ret = irq_msi_attach(dev->bus->irq, v->gsi, v->eventfd, on);
	if (ret)
		log_warn_errno(-ret, "interrupt of the device in PCI slot %u",
			       dev->slot);
	else
		v->attached = on;
}

static void msix_update_all(struct pci_dev *dev)
{
	for (unsigned int i = 0; i < dev->vectors; i++)
		msix_update(dev, &dev->vector[i]);
}

static bool msix_pending(const struct pci_vector *v)
{
	struct pollfd p = { .fd = v->eventfd, .events = POLLIN };

	return !v->attached && fd_poll(&p, 1, 0) == 1;
}

static uint32_t msix_read32(const struct pci_dev *dev, unsigned int off)
{
	const struct pci_vector *v = &dev->vector[off / MSIX_ENTRY_SIZE];

	switch (off % MSIX_ENTRY_SIZE) {
	case PCI_MSIX_ENTRY_LOWER_ADDR:
		return (uint32_t)v->msi.addr;
	case PCI_MSIX_ENTRY_UPPER_ADDR:
		return (uint32_t)(v->msi.addr >> 32);
	case PCI_MSIX_ENTRY_DATA:
		return v->msi.data;
	default:
		return v->masked;
	}
}

static void msix_write32(struct pci_dev *dev, unsigned int off, uint32_t value)
{
	struct pci_vector *v = &dev->vector[off / MSIX_ENTRY_SIZE];

	switch (off % MSIX_ENTRY_SIZE) {
	case PCI_MSIX_ENTRY_LOWER_ADDR:
		v->msi.addr = (v->msi.addr & ~(uint64_t)UINT32_MAX) | value;
		break;
	case PCI_MSIX_ENTRY_UPPER_ADDR:
		v->msi.addr = (uint32_t)v->msi.addr | (uint64_t)value << 32;
		break;
	case PCI_MSIX_ENTRY_DATA:
		v->msi.data = value;
		break;
	default:
		v->masked = value & PCI_MSIX_ENTRY_CTRL_MASKBIT;
		break;
	}
	msix_update(dev, v);
}

static uint64_t msix_read(const struct pci_dev *dev, uint64_t off,
			  unsigned int size)
{
	unsigned int table = dev->vectors * MSIX_ENTRY_SIZE;
	uint64_t bits = 0;

	if (off >= PCI_BAR_MSIX_PBA - PCI_BAR_MSIX_TABLE) {
		off -= PCI_BAR_MSIX_PBA - PCI_BAR_MSIX_TABLE;
		for (unsigned int i = 0; off < 8 && i < dev->vectors; i++)
			bits |= (uint64_t)msix_pending(&dev->vector[i]) << i;
		return bits >> (8 * (off & 7));
	}
	if (off + size > table || off % size || size < 4)
		return bus_ones(size);
	if (size == 4)
		return msix_read32(dev, (unsigned int)off);
	return msix_read32(dev, (unsigned int)off) |
	       (uint64_t)msix_read32(dev, (unsigned int)off + 4) << 32;
}

static void msix_write(struct pci_dev *dev, uint64_t off, unsigned int size,
		       uint64_t value)
{
	if (off + size > dev->vectors * MSIX_ENTRY_SIZE || off % size || size < 4)
		return;
	msix_write32(dev, (unsigned int)off, (uint32_t)value);
	if (size == 8)
		msix_write32(dev, (unsigned int)off + 4, (uint32_t)(value >> 32));
}

void pci_raise(struct pci_dev *dev, uint16_t vector)
{
	if (vector < dev->vectors)
		eventfd_write(dev->vector[vector].eventfd, 1);
}

/* BARs. */

static uint64_t bar_read(void *ctx, uint64_t off, unsigned int size)
{
	struct pci_dev *dev = ctx;

	if (off >= PCI_BAR_MSIX_TABLE)
		return msix_read(dev, off - PCI_BAR_MSIX_TABLE, size);
	return dev->ops->bar_read(dev, off, size);
}

static void bar_write(void *ctx, uint64_t off, unsigned int size, uint64_t value)
{
	struct pci_dev *dev = ctx;

	if (off >= PCI_BAR_MSIX_TABLE)
		msix_write(dev, off - PCI_BAR_MSIX_TABLE, size, value);
	else
		dev->ops->bar_write(dev, off, size, value);
}

static const struct bus_ops bar_ops = { bar_read, bar_write };

/* Put the BAR where configuration space says. */
static void bar_update(struct pci_dev *dev)
{
	bool on = le16_load(dev->config + PCI_COMMAND) & PCI_COMMAND_MEMORY;
	uint64_t bar = le32_load(dev->config + PCI_BASE_ADDRESS_0) &
		       ~(uint64_t)(PCI_BAR_SIZE - 1);

	/* A BAR of all ones is being sized, not placed. */
	if (!on || !dev->vectors || bar == (uint32_t)~(PCI_BAR_SIZE - 1))
		bar = 0;
	if (bar == dev->bar)
		return;
	if (dev->bar)
		bus_remove(dev->bus->mmio, dev->bar, dev);
	dev->bar = bar;
	if (bar && bus_add(dev->bus->mmio, bar, PCI_BAR_SIZE, &bar_ops, dev)) {
		log_warn("PCI slot %u: no room on the bus", dev->slot);
		dev->bar = 0;
	}
	dev->ops->bar_moved(dev);
}

/* Configuration space. */

uint32_t pci_config_read(struct pci_bus *bus, unsigned int slot,
			 unsigned int off, unsigned int size)
{
	struct pci_dev *dev = slot < PCI_SLOTS ? bus->dev[slot] : NULL;
	uint32_t v = 0;

	if (!dev || off + size > PCI_CONFIG_SIZE || size > 4)
		return (uint32_t)bus_ones(size);
	if (dev->ops && dev->ops->config_read)
		dev->ops->config_read(dev, off, size);
	memcpy(&v, dev->config + off, size);
	return v;
}

void pci_config_write(struct pci_bus *bus, unsigned int slot, unsigned int off,
		      unsigned int size, uint32_t value)
{
	struct pci_dev *dev = slot < PCI_SLOTS ? bus->dev[slot] : NULL;

	if (!dev || off + size > PCI_CONFIG_SIZE || size > 4)
		return;
	for (unsigned int i = 0; i < size; i++) {
		uint8_t mask = dev->writable[off + i];
		uint8_t byte = (uint8_t)(value >> (8 * i));

		dev->config[off + i] = (uint8_t)((dev->config[off + i] & ~mask) |
						 (byte & mask));
	}
	if (!dev->ops)
		return;
	bar_update(dev);
	if (off < dev->msix_cap + MSIX_CAP_SIZE && off + size > dev->msix_cap)
		msix_update_all(dev);
	if (dev->ops->config_written)
		dev->ops->config_written(dev, off, size);
}

/* Ports 0xcf8 to 0xcff. 0xcf9 is the reset register, for byte accesses, and is
 * answered by power.c, which comes before us on the bus. */

static uint64_t ports_read(void *ctx, uint64_t off, unsigned int size)
{
	struct pci_bus *bus = ctx;
	unsigned int slot = bus->addr >> 11 & 31;

	if (off < 4)
		return off == 0 && size == 4 ? bus->addr : bus_ones(size);
	if (!(bus->addr & 0x80000000) || bus->addr & 0x00ff0700)
		return bus_ones(size);
	bus->looks += slot && bus->dev[slot];
	return pci_config_read(bus, slot, (bus->addr & 0xfc) + (unsigned int)(off - 4), size);
}

static void ports_write(void *ctx, uint64_t off, unsigned int size,
			uint64_t value)
{
	struct pci_bus *bus = ctx;

	if (off < 4) {
		if (off == 0 && size == 4)
			bus->addr = (uint32_t)value;
		return;
	}
	if (!(bus->addr & 0x80000000) || bus->addr & 0x00ff0700)
		return;
	pci_config_write(bus, bus->addr >> 11 & 31,
			 (bus->addr & 0xfc) + (unsigned int)(off - 4), size,
			 (uint32_t)value);
}

static const struct bus_ops ports_ops = { ports_read, ports_write };

static void pci_set_id(struct pci_dev *dev, const struct pci_id *id)
{
	le16_store(dev->config + PCI_VENDOR_ID, id->vendor);
	le16_store(dev->config + PCI_DEVICE_ID, id->device);
	le32_store(dev->config + PCI_CLASS_REVISION, id->class << 8 | id->revision);
	le16_store(dev->config + PCI_SUBSYSTEM_VENDOR_ID, id->subsystem_vendor);
	le16_store(dev->config + PCI_SUBSYSTEM_ID, id->subsystem);
}

int pci_init(struct pci_bus *bus, struct bus *pio, struct bus *mmio,
	     struct irq *irq)
{
	/* A host bridge that no driver has quirks for. */
	static const struct pci_id bridge = {
		.vendor = 0x8086, .device = 0x0d57, .class = 0x060000,
	};

	memset(bus, 0, sizeof(*bus));
	bus->mmio = mmio;
	bus->irq = irq;
	pci_set_id(&bus->bridge, &bridge);
	bus->dev[0] = &bus->bridge;
	return bus_add(pio, PORT_PCI_ADDR, 8, &ports_ops, bus);
}

unsigned int pci_add_cap(struct pci_dev *dev, uint8_t id, const void *cap,
			 unsigned int size)
{
	unsigned int off = dev->caps;

	memcpy(dev->config + off, cap, size);
	dev->config[off] = id;
	dev->config[off + 1] = 0;
	dev->config[dev->last_cap ? dev->last_cap + 1 : PCI_CAPABILITY_LIST] =
		(uint8_t)off;
	dev->last_cap = off;
	dev->caps = (off + size + 3) & ~3U;
	return off;
}

static void pci_add_msix(struct pci_dev *dev)
{
	uint8_t cap[MSIX_CAP_SIZE] = { 0 };

	le16_store(cap + PCI_MSIX_FLAGS, (uint16_t)(dev->vectors - 1));
	le32_store(cap + PCI_MSIX_TABLE, PCI_BAR_MSIX_TABLE);
	le32_store(cap + PCI_MSIX_PBA, PCI_BAR_MSIX_PBA);
	dev->msix_cap = pci_add_cap(dev, PCI_CAP_ID_MSIX, cap, sizeof(cap));
	le16_store(dev->writable + dev->msix_cap + PCI_MSIX_FLAGS,
		   PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
}

int pci_dev_init(struct pci_dev *dev, struct pci_bus *bus,
		 const struct pci_ops *ops, const struct pci_id *id,
		 unsigned int vectors)
{
	unsigned int slot = 1;

	while (slot < PCI_SLOTS && bus->dev[slot])
		slot++;
	if (slot == PCI_SLOTS)
		return -ENOSPC;
	memset(dev, 0, sizeof(*dev));
	dev->ops = ops;
	dev->bus = bus;
	dev->slot = slot;
	dev->caps = PCI_FIRST_CAP;
	dev->vectors = vectors;
	for (unsigned int i = 0; i < vectors; i++)
		dev->vector[i].eventfd = -1;
	pci_set_id(dev, id);
	le16_store(dev->config + PCI_STATUS, PCI_STATUS_CAP_LIST);
	le16_store(dev->writable + PCI_COMMAND,
		   PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
	le32_store(dev->writable + PCI_BASE_ADDRESS_0, ~(uint32_t)(PCI_BAR_SIZE - 1));
	dev->writable[PCI_CACHE_LINE_SIZE] = 0xff;
	dev->writable[PCI_LATENCY_TIMER] = 0xff;
	dev->writable[PCI_INTERRUPT_LINE] = 0xff;
	for (unsigned int i = 0; i < vectors; i++) {
		struct pci_vector *v = &dev->vector[i];

		v->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		v->gsi = irq_msi_alloc(bus->irq);
		if (v->eventfd < 0 || v->gsi < 0) {
			pci_dev_destroy(dev);
			return -ENFILE;
		}
	}
	pci_add_msix(dev);
	bus->dev[slot] = dev;
	return 0;
}

void pci_dev_destroy(struct pci_dev *dev)
{
	for (unsigned int i = 0; i < dev->vectors; i++)
		fd_close(&dev->vector[i].eventfd);
	if (dev->bus && dev->bus->dev[dev->slot] == dev)
		dev->bus->dev[dev->slot] = NULL;
}

void pci_reset(struct pci_bus *bus)
{
	uint32_t next = LAYOUT_PCI_WINDOW;

	bus->addr = 0;
	bus->looks = 0;
	for (unsigned int slot = 1; slot < PCI_SLOTS; slot++) {
		struct pci_dev *dev = bus->dev[slot];
		eventfd_t drop;

		if (!dev)
			continue;
		for (unsigned int i = 0; i < PCI_CONFIG_SIZE; i++)
			dev->config[i] &= (uint8_t)~dev->writable[i];
		bar_update(dev);
		for (unsigned int i = 0; i < dev->vectors; i++) {
			struct pci_vector *v = &dev->vector[i];

			v->msi = (struct irq_msi){ 0, 0 };
			v->masked = true;
			v->attached = false;
			eventfd_read(v->eventfd, &drop);
		}
		le32_store(dev->config + PCI_BASE_ADDRESS_0, next);
		le16_store(dev->config + PCI_COMMAND, PCI_COMMAND_MEMORY);
		bar_update(dev);
		next += PCI_BAR_SIZE;
	}
}

/* Saving. */

/** struct pci_state - A device in a saved VM */
struct pci_state {
	uint8_t config[PCI_CONFIG_SIZE];
	struct {
		uint64_t addr;
		uint32_t data;
		uint8_t masked;
		uint8_t pending;
		uint8_t zero[2];
	} vector[PCI_MSIX_MAX];
};

void pci_save(const struct pci_bus *bus, struct state_out *out)
{
	state_put(out, "pci", 0, PCI_STATE_VERSION, &bus->addr, sizeof(bus->addr));
	for (unsigned int slot = 1; slot < PCI_SLOTS; slot++) {
		const struct pci_dev *dev = bus->dev[slot];
		struct pci_state x = { .config = { 0 } };

		if (!dev)
			continue;
		memcpy(x.config, dev->config, sizeof(x.config));
		for (unsigned int i = 0; i < dev->vectors; i++) {
			x.vector[i].addr = dev->vector[i].msi.addr;
			x.vector[i].data = dev->vector[i].msi.data;
			x.vector[i].masked = dev->vector[i].masked;
			x.vector[i].pending = msix_pending(&dev->vector[i]);
		}
		state_put(out, "pci-device", slot, PCI_STATE_VERSION, &x, sizeof(x));
	}
}

static const char *pci_dev_load(struct pci_dev *dev, const struct pci_state *x)
{
	for (unsigned int i = 0; i < PCI_CONFIG_SIZE; i++)
		if ((dev->config[i] ^ x->config[i]) & ~dev->writable[i])
			return "its PCI devices are others";
	memcpy(dev->config, x->config, sizeof(dev->config));
	bar_update(dev);
	for (unsigned int i = 0; i < dev->vectors; i++) {
		struct pci_vector *v = &dev->vector[i];

		v->msi = (struct irq_msi){ x->vector[i].addr, x->vector[i].data };
		v->masked = x->vector[i].masked;
		if (x->vector[i].pending)
			eventfd_write(v->eventfd, 1);
	}
	msix_update_all(dev);
	return NULL;
}

const char *pci_load(struct pci_bus *bus, const struct state *s)
{
	const uint32_t *addr = state_get(s, "pci", 0, PCI_STATE_VERSION, sizeof(*addr));
	const char *why = NULL;

	if (!addr)
		return "it makes no sense (PCI)";
	bus->addr = *addr;
	for (unsigned int slot = 1; !why && slot < PCI_SLOTS; slot++) {
		const struct pci_state *x = state_get(s, "pci-device", slot,
						      PCI_STATE_VERSION, sizeof(*x));

		if (!x != !bus->dev[slot])
			return "its PCI devices are others";
		if (x)
			why = pci_dev_load(bus->dev[slot], x);
	}
	return why;
}
