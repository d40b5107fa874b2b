/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio.c - A virtio device on PCI, driven by polling: PCI, negotiation, queues */
#include "virtio.h"

enum {
	PORT_PCI_ADDR = 0xcf8,
	PORT_PCI_DATA = 0xcfc,
	PCI_SLOTS = 32,
	PCI_FUNCTIONS = 8,
	PCI_ID = 0x00,
	PCI_COMMAND = 0x04,
	PCI_COMMAND_MEMORY = 2,
	PCI_COMMAND_MASTER = 4,
	PCI_STATUS_CAPS = 1 << 20,	/* of the dword at PCI_COMMAND */
	PCI_HEADER = 0x0c,
	PCI_HEADER_MULTI = 1 << 23,	/* of the dword at PCI_HEADER */
	PCI_BAR = 0x10,
	PCI_BARS = 6,
	PCI_BAR_IO = 1,
	PCI_BAR_64 = 4,
	PCI_BAR_FLAGS = 15,
	PCI_CAPS = 0x34,
	PCI_CAP_VENDOR = 9,
	PCI_CAPS_MAX = 48,		/* of 4 bytes each: more is a circle */

	VIRTIO_VENDOR = 0x1af4,
	CAP_COMMON = 1,
	CAP_NOTIFY = 2,
	CAP_DEVICE = 4,

	NO_MSIX = 0xffff,
	AVAIL_NO_INTERRUPT = 1,
	USED_NO_NOTIFY = 1,
};

#define PCI_ENABLE	0x80000000U

/* Where BARs are put that nobody placed below 4 GiB. */
#define BAR_WINDOW	0xd0000000U
#define BAR_WINDOW_END	0xfec00000U

_Static_assert(sizeof(struct common_cfg) == 56, "virtio 1.2, 4.1.4.3");
_Static_assert(sizeof(struct desc) == 16, "virtio 1.2, 2.7.5");

struct virtio virtio;

static uint32_t bar_next;
static uint8_t *notify;
static uint32_t notify_multiplier;

/* PCI. A function is its address as in PORT_PCI_ADDR. */

uint32_t pci_read(uint32_t fn, unsigned int reg)
{
	outl(PORT_PCI_ADDR, PCI_ENABLE | fn | (reg & 0xfc));
	return inl(PORT_PCI_DATA);
}

void pci_write(uint32_t fn, unsigned int reg, uint32_t v)
{
	outl(PORT_PCI_ADDR, PCI_ENABLE | fn | (reg & 0xfc));
	outl(PORT_PCI_DATA, v);
}

static uint8_t pci_read8(uint32_t fn, unsigned int reg)
{
	return (uint8_t)(pci_read(fn, reg) >> 8 * (reg & 3));
}

/* Puts a BAR into our own window. */
static uint32_t bar_place(uint32_t fn, unsigned int reg, bool wide)
{
	uint32_t size;

	pci_write(fn, reg, 0xffffffff);
	size = -(pci_read(fn, reg) & ~(uint32_t)PCI_BAR_FLAGS);
	if (!bar_next)
		bar_next = BAR_WINDOW;
	bar_next = (bar_next + size - 1) & -size;
	if (!size || bar_next > BAR_WINDOW_END - size)
		fatal("no room for a BAR of 0x%lx bytes", (unsigned long)size);
	pci_write(fn, reg, bar_next);
	if (wide)
		pci_write(fn, reg + 4, 0);
	bar_next += size;
	return bar_next - size;
}

static uint8_t *bar_addr(uint32_t fn, unsigned int bar)
{
	unsigned int reg = PCI_BAR + 4 * bar;
	uint32_t lo, hi = 0;
	bool wide;

	if (bar >= PCI_BARS)
		fatal("a virtio capability names BAR %lu", (unsigned long)bar);
	lo = pci_read(fn, reg);
	if (lo & PCI_BAR_IO)
		fatal("a virtio capability names an I/O BAR");
	wide = lo & PCI_BAR_64;
	if (wide)
		hi = pci_read(fn, reg + 4);
	lo &= ~(uint32_t)PCI_BAR_FLAGS;
	if (hi || !lo)
		lo = bar_place(fn, reg, wide);
	return (uint8_t *)(uintptr_t)lo;
}

/* Finds the registers by the vendor capabilities (virtio 1.2, 4.1.4). */
static void pci_find_regs(uint32_t fn)
{
	unsigned int cap, type;
	uint8_t *p;

	virtio.common = NULL;
	virtio.config = NULL;
	notify = NULL;
	cap = pci_read(fn, PCI_COMMAND) & PCI_STATUS_CAPS ?
	      pci_read8(fn, PCI_CAPS) & 0xfc : 0;
	for (int i = 0; cap && i < PCI_CAPS_MAX; i++) {
		type = pci_read8(fn, cap + 3);
		if (pci_read8(fn, cap) == PCI_CAP_VENDOR &&
		    (type == CAP_COMMON || type == CAP_NOTIFY || type == CAP_DEVICE)) {
			p = bar_addr(fn, pci_read8(fn, cap + 4)) + pci_read(fn, cap + 8);
			if (type == CAP_COMMON && !virtio.common) {
				virtio.common = (void *)p;
			} else if (type == CAP_DEVICE && !virtio.config) {
				virtio.config = p;
			} else if (type == CAP_NOTIFY && !notify) {
				notify = p;
				notify_multiplier = pci_read(fn, cap + 16);
			}
		}
		cap = pci_read8(fn, cap + 1) & 0xfc;
	}
	if (!virtio.common || !notify)
		fatal("the virtio device is not a modern one");
	pci_write(fn, PCI_COMMAND, (pci_read(fn, PCI_COMMAND) & 0xffff) |
		  PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

/* The device of this number on bus 0 that has one of these ids. */
static bool pci_find(uint16_t id, uint16_t id2, unsigned int number, uint32_t *fn)
{
	for (uint32_t slot = 0; slot < PCI_SLOTS; slot++) {
		bool multi = pci_read(slot << 11, PCI_HEADER) & PCI_HEADER_MULTI;

		for (uint32_t f = 0; f < (multi ? PCI_FUNCTIONS : 1); f++) {
			uint32_t is;

			*fn = slot << 11 | f << 8;
			is = pci_read(*fn, PCI_ID);
			if ((is == ((uint32_t)id << 16 | VIRTIO_VENDOR) ||
			     is == ((uint32_t)id2 << 16 | VIRTIO_VENDOR)) && !number--)
				return true;
		}
	}
	return false;
}

/* Queues. */

static void queue_set_addr(volatile uint32_t *reg, const void *p)
{
	reg[0] = (uint32_t)(uintptr_t)p;
	reg[1] = (uint32_t)((uintptr_t)p >> 32);
}

void queue_init(struct queue *q, uint16_t number, const char *name)
{
	volatile struct common_cfg *common = virtio.common;
	uint64_t limit = option_u64("queue", QUEUE_MAX);

	memset(q, 0, sizeof(*q));
	q->number = number;
	q->name = name;
	common->queue_select = number;
	q->size = common->queue_size;
	if (!q->size)
		fatal("the device has no %s queue", name);
	while (q->size > limit || q->size > QUEUE_MAX)
		q->size /= 2;
	if (!q->size || q->size & (q->size - 1))
		fatal("the %s queue cannot have %lu entries", name,
		      (unsigned long)q->size);
	common->queue_size = q->size;
	common->queue_msix_vector = NO_MSIX;
	q->avail.flags = AVAIL_NO_INTERRUPT;
	queue_set_addr(common->queue_desc, q->desc);
	queue_set_addr(common->queue_driver, &q->avail);
	queue_set_addr(common->queue_device, &q->used);
	q->doorbell = (void *)(notify +
			       common->queue_notify_off * notify_multiplier);
	common->queue_enable = 1;
}

void queue_post(struct queue *q, uint16_t id)
{
	q->avail.ring[q->avail_idx++ & (q->size - 1)] = id;
}

void queue_flush(struct queue *q)
{
	volatile uint16_t *idx = &q->avail.idx, *flags = &q->used.flags;

	if (*idx == q->avail_idx)
		return;
	barrier();
	*idx = q->avail_idx;
	full_barrier();
	if (!(*flags & USED_NO_NOTIFY)) {
		*q->doorbell = q->number;
		virtio.kicks++;
	}
}

bool queue_used(struct queue *q, uint16_t *id, uint32_t *len)
{
	volatile uint16_t *idx = &q->used.idx;
	const struct used_elem *e;

	if (*idx == q->used_idx)
		return false;
	barrier();
	e = &q->used.ring[q->used_idx++ & (q->size - 1)];
	if (e->id >= q->size)
		fatal("the device used descriptor %lu of the %s queue of %lu",
		      (unsigned long)e->id, q->name, (unsigned long)q->size);
	*id = (uint16_t)e->id;
	*len = e->len;
	return true;
}

/* The device. */

static uint64_t features_offered(void)
{
	uint64_t v;

	virtio.common->device_feature_select = 0;
	v = virtio.common->device_feature;
	virtio.common->device_feature_select = 1;
	return v | (uint64_t)virtio.common->device_feature << 32;
}

static void features_accept(uint64_t v)
{
	virtio.common->driver_feature_select = 0;
	virtio.common->driver_feature = (uint32_t)v;
	virtio.common->driver_feature_select = 1;
	virtio.common->driver_feature = (uint32_t)(v >> 32);
}

static void device_reset(void)
{
	uint64_t start = rdtsc();

	virtio.common->device_status = 0;
	while (virtio.common->device_status)
		if (rdtsc() - start > time_ms(5000))
			fatal("the device does not finish its reset");
}

bool virtio_open(uint16_t id, uint16_t id2, unsigned int number, uint64_t features)
{
	const uint8_t status = STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK;
	uint32_t fn;

	if (!pci_find(id, id2, number, &fn))
		return false;
	virtio.slot = fn >> 11;
	pci_find_regs(fn);
	device_reset();
	virtio.common->device_status = STATUS_ACKNOWLEDGE;
	virtio.common->device_status = STATUS_ACKNOWLEDGE | STATUS_DRIVER;
	virtio.features = features_offered();
	virtio.accepted = virtio.features & (features | VIRTIO_VERSION_1);
	if (!(virtio.accepted & VIRTIO_VERSION_1))
		fatal("the device does not offer VERSION_1");
	features_accept(virtio.accepted);
	virtio.common->device_status = status;
	if (virtio.common->device_status != status)
		fatal("the device does not accept features 0x%lx", virtio.accepted);
	return true;
}

uint8_t virtio_ready(void)
{
	virtio.common->device_status = STATUS_ACKNOWLEDGE | STATUS_DRIVER |
				       STATUS_FEATURES_OK | STATUS_DRIVER_OK;
	return virtio.common->device_status;
}
