/* SPDX-License-Identifier: BSD-2-Clause */
/* nic.c - A virtio-net device on PCI, driven by polling
 *
 * Virtio 1.2: the PCI transport (4.1), split virtqueues (2.7), the network
 * device (5.1). Modern devices only, one queue pair, no offloads, no interrupts.
 * Each frame lies in one buffer behind its virtio-net header, and each buffer
 * belongs to the descriptor of the same number for ever.
 */
#include "pollnet.h"

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
	VIRTIO_NET = 0x1041,
	VIRTIO_NET_TRANSITIONAL = 0x1000,
	CAP_COMMON = 1,
	CAP_NOTIFY = 2,
	CAP_DEVICE = 4,

	STATUS_ACKNOWLEDGE = 1,
	STATUS_DRIVER = 2,
	STATUS_DRIVER_OK = 4,
	STATUS_FEATURES_OK = 8,
	STATUS_NEEDS_RESET = 64,

	QUEUE_RX = 0,
	QUEUE_TX = 1,
	QUEUES = 2,
	QUEUE_MAX = 1024,
	NO_MSIX = 0xffff,

	DESC_WRITE = 2,
	AVAIL_NO_INTERRUPT = 1,
	USED_NO_NOTIFY = 1,

	NET_HDR = 12,
	BUFFER = 2048,
};

#define PCI_ENABLE	0x80000000U

/* Where BARs are put that nobody placed below 4 GiB. */
#define BAR_WINDOW	0xd0000000U
#define BAR_WINDOW_END	0xfec00000U

struct common_cfg {
	uint32_t device_feature_select;
	uint32_t device_feature;
	uint32_t driver_feature_select;
	uint32_t driver_feature;
	uint16_t config_msix_vector;
	uint16_t num_queues;
	uint8_t device_status;
	uint8_t config_generation;
	uint16_t queue_select;
	uint16_t queue_size;
	uint16_t queue_msix_vector;
	uint16_t queue_enable;
	uint16_t queue_notify_off;
	uint32_t queue_desc[2];
	uint32_t queue_driver[2];
	uint32_t queue_device[2];
};

struct device_cfg {
	uint8_t mac[ETH_ADDR];
	uint16_t status;
};

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

struct avail {
	uint16_t flags;
	uint16_t idx;
	uint16_t ring[QUEUE_MAX];
};

struct used_elem {
	uint32_t id;
	uint32_t len;
};

struct used {
	uint16_t flags;
	uint16_t idx;
	struct used_elem ring[QUEUE_MAX];
};

_Static_assert(sizeof(struct common_cfg) == 56, "virtio 1.2, 4.1.4.3");
_Static_assert(sizeof(struct desc) == 16, "virtio 1.2, 2.7.5");

/**
 * struct queue - One split virtqueue
 * @number:	Its number
 * @size:	Entries
 * @avail_idx:	Next place in the available ring, not yet shown to the device
 * @used_idx:	Next place to look at in the used ring
 * @doorbell:	Where to notify
 * @name:	For messages
 */
struct queue {
	struct desc desc[QUEUE_MAX] __attribute__((aligned(4096)));
	struct avail avail __attribute__((aligned(4096)));
	struct used used __attribute__((aligned(4096)));
	uint8_t buffer[QUEUE_MAX][BUFFER] __attribute__((aligned(4096)));
	uint16_t number;
	uint16_t size;
	uint16_t avail_idx;
	uint16_t used_idx;
	volatile uint16_t *doorbell;
	const char *name;
};

static struct queue rxq, txq;
static uint16_t tx_free[QUEUE_MAX];	/* descriptors, as a stack */
static unsigned int tx_free_count;
static uint16_t rx_current;
static uint32_t bar_next;
static uint64_t kicks;

static volatile struct common_cfg *common;
static volatile struct device_cfg *device;
static uint8_t *notify;
static uint32_t notify_multiplier;
static uint64_t accepted;

/* PCI. A function is its address as in PORT_PCI_ADDR. */

static uint32_t pci_read(uint32_t fn, unsigned int reg)
{
	outl(PORT_PCI_ADDR, PCI_ENABLE | fn | (reg & 0xfc));
	return inl(PORT_PCI_DATA);
}

static void pci_write(uint32_t fn, unsigned int reg, uint32_t v)
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

	common = NULL;
	device = NULL;
	notify = NULL;
	cap = pci_read(fn, PCI_COMMAND) & PCI_STATUS_CAPS ?
	      pci_read8(fn, PCI_CAPS) & 0xfc : 0;
	for (int i = 0; cap && i < PCI_CAPS_MAX; i++) {
		type = pci_read8(fn, cap + 3);
		if (pci_read8(fn, cap) == PCI_CAP_VENDOR &&
		    (type == CAP_COMMON || type == CAP_NOTIFY || type == CAP_DEVICE)) {
			p = bar_addr(fn, pci_read8(fn, cap + 4)) + pci_read(fn, cap + 8);
			if (type == CAP_COMMON && !common) {
				common = (void *)p;
			} else if (type == CAP_DEVICE && !device) {
				device = (void *)p;
			} else if (type == CAP_NOTIFY && !notify) {
				notify = p;
				notify_multiplier = pci_read(fn, cap + 16);
			}
		}
		cap = pci_read8(fn, cap + 1) & 0xfc;
	}
	if (!common || !device || !notify)
		fatal("the virtio-net device is not a modern one");
	pci_write(fn, PCI_COMMAND, (pci_read(fn, PCI_COMMAND) & 0xffff) |
		  PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static bool pci_is_net(uint32_t fn)
{
	uint32_t id = pci_read(fn, PCI_ID);

	return id == (VIRTIO_NET << 16 | VIRTIO_VENDOR) ||
	       id == (VIRTIO_NET_TRANSITIONAL << 16 | VIRTIO_VENDOR);
}

/* The virtio-net device of this number on bus 0. */
static bool pci_find(unsigned int number, uint32_t *fn)
{
	for (uint32_t slot = 0; slot < PCI_SLOTS; slot++) {
		bool multi = pci_read(slot << 11, PCI_HEADER) & PCI_HEADER_MULTI;

		for (uint32_t f = 0; f < (multi ? PCI_FUNCTIONS : 1); f++) {
			*fn = slot << 11 | f << 8;
			if (pci_is_net(*fn) && !number--)
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

static void queue_init(struct queue *q, uint16_t number, const char *name)
{
	uint64_t limit = option_u64("queue", QUEUE_MAX);

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
	for (uint16_t i = 0; i < q->size; i++) {
		q->desc[i].addr = (uintptr_t)q->buffer[i];
		q->desc[i].len = BUFFER;
		q->desc[i].flags = number == QUEUE_RX ? DESC_WRITE : 0;
	}
	queue_set_addr(common->queue_desc, q->desc);
	queue_set_addr(common->queue_driver, &q->avail);
	queue_set_addr(common->queue_device, &q->used);
	q->doorbell = (void *)(notify +
			       common->queue_notify_off * notify_multiplier);
	common->queue_enable = 1;
}

static void queue_post(struct queue *q, uint16_t id)
{
	q->avail.ring[q->avail_idx++ & (q->size - 1)] = id;
}

/* Shows the device what was posted, and wakes it if it wants that. */
static void queue_flush(struct queue *q)
{
	volatile uint16_t *idx = &q->avail.idx, *flags = &q->used.flags;

	if (*idx == q->avail_idx)
		return;
	barrier();
	*idx = q->avail_idx;
	full_barrier();
	if (!(*flags & USED_NO_NOTIFY)) {
		*q->doorbell = q->number;
		kicks++;
	}
}

/* Takes one entry off the used ring. */
static bool queue_used(struct queue *q, uint16_t *id, uint32_t *len)
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

	common->device_feature_select = 0;
	v = common->device_feature;
	common->device_feature_select = 1;
	return v | (uint64_t)common->device_feature << 32;
}

static void features_accept(uint64_t v)
{
	common->driver_feature_select = 0;
	common->driver_feature = (uint32_t)v;
	common->driver_feature_select = 1;
	common->driver_feature = (uint32_t)(v >> 32);
}

static void device_reset(void)
{
	uint64_t start = rdtsc();

	common->device_status = 0;
	while (common->device_status)
		if (rdtsc() - start > time_ms(5000))
			fatal("the device does not finish its reset");
}

bool nic_link_up(void)
{
	return !(accepted & NIC_F_STATUS) || device->status & NIC_S_LINK_UP;
}

bool nic_open(unsigned int number, struct nic_info *info)
{
	const uint8_t status = STATUS_ACKNOWLEDGE | STATUS_DRIVER |
			       STATUS_FEATURES_OK;
	uint32_t fn;

	if (!pci_find(number, &fn))
		return false;
	memset(info, 0, sizeof(*info));
	info->slot = fn >> 11;
	pci_find_regs(fn);
	device_reset();
	common->device_status = STATUS_ACKNOWLEDGE;
	common->device_status = STATUS_ACKNOWLEDGE | STATUS_DRIVER;
	info->features = features_offered();
	accepted = info->features & (NIC_F_VERSION_1 | NIC_F_MAC | NIC_F_STATUS);
	if (!(accepted & NIC_F_VERSION_1))
		fatal("the device does not offer VERSION_1");
	features_accept(accepted);
	common->device_status = status;
	if (common->device_status != status)
		fatal("the device does not accept features 0x%lx", accepted);

	memset(&rxq, 0, offsetof(struct queue, buffer));
	memset(&txq, 0, offsetof(struct queue, buffer));
	rxq.avail_idx = rxq.used_idx = txq.avail_idx = txq.used_idx = 0;
	queue_init(&rxq, QUEUE_RX, "receive");
	queue_init(&txq, QUEUE_TX, "transmit");
	for (uint16_t i = 0; i < rxq.size; i++)
		queue_post(&rxq, i);
	for (tx_free_count = 0; tx_free_count < txq.size; tx_free_count++)
		tx_free[tx_free_count] = (uint16_t)(txq.size - 1 - tx_free_count);
	common->device_status = status | STATUS_DRIVER_OK;
	queue_flush(&rxq);

	for (int i = 0; i < ETH_ADDR && accepted & NIC_F_MAC; i++)
		info->mac[i] = device->mac[i];
	info->accepted = accepted;
	info->status = common->device_status;
	info->link_up = nic_link_up();
	info->rx_size = rxq.size;
	info->tx_size = txq.size;
	return true;
}

uint8_t *nic_rx(unsigned int *len)
{
	uint32_t used;

	if (!queue_used(&rxq, &rx_current, &used))
		return NULL;
	if (used < NET_HDR || used > BUFFER)
		fatal("the device received %lu bytes into a buffer of %lu",
		      (unsigned long)used, (unsigned long)BUFFER);
	*len = used - NET_HDR;
	return rxq.buffer[rx_current] + NET_HDR;
}

void nic_rx_done(void)
{
	queue_post(&rxq, rx_current);
}

void nic_rx_flush(void)
{
	queue_flush(&rxq);
}

static void tx_reclaim(void)
{
	uint16_t id;
	uint32_t len;

	while (queue_used(&txq, &id, &len)) {
		if (tx_free_count == txq.size)
			fatal("the device used more descriptors of the transmit queue "
			      "than it was given");
		tx_free[tx_free_count++] = id;
	}
}

uint8_t *nic_tx(void)
{
	if (!tx_free_count)
		tx_reclaim();
	if (!tx_free_count)
		return NULL;
	return txq.buffer[tx_free[tx_free_count - 1]] + NET_HDR;
}

void nic_tx_post(unsigned int len)
{
	uint16_t id = tx_free[--tx_free_count];

	/* The header asks for nothing. */
	__builtin_memset(txq.buffer[id], 0, NET_HDR);
	txq.desc[id].len = NET_HDR + len;
	queue_post(&txq, id);
}

void nic_tx_flush(void)
{
	queue_flush(&txq);
}

bool nic_tx_idle(void)
{
	tx_reclaim();
	return tx_free_count == txq.size;
}

uint64_t nic_kicks(void)
{
	return kicks;
}
