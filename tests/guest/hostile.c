/* SPDX-License-Identifier: BSD-2-Clause */
/* hostile.c - What no driver may do, and whether the devices bear it */
#include "hostile.h"

uint64_t mmio_read(uintptr_t addr, unsigned int size)
{
	uint64_t v = 0;

	if (size == 1)
		__asm__ volatile("movb %1, %b0" : "=q"(v) : "m"(*(volatile uint8_t *)addr));
	else if (size == 2)
		__asm__ volatile("movw %1, %w0" : "=r"(v) : "m"(*(volatile uint16_t *)addr));
	else if (size == 4)
		__asm__ volatile("movl %1, %k0" : "=r"(v) : "m"(*(volatile uint32_t *)addr));
	else
		__asm__ volatile("movq %1, %0" : "=r"(v) : "m"(*(volatile uint64_t *)addr));
	return size < 8 ? v & ((1ULL << 8 * size) - 1) : v;
}

void mmio_write(uintptr_t addr, unsigned int size, uint64_t v)
{
	if (size == 1)
		__asm__ volatile("movb %b1, %0" : "=m"(*(volatile uint8_t *)addr) : "q"(v));
	else if (size == 2)
		__asm__ volatile("movw %w1, %0" : "=m"(*(volatile uint16_t *)addr) : "r"(v));
	else if (size == 4)
		__asm__ volatile("movl %k1, %0" : "=m"(*(volatile uint32_t *)addr) : "r"(v));
	else
		__asm__ volatile("movq %1, %0" : "=m"(*(volatile uint64_t *)addr) : "r"(v));
}

uint32_t port_read(uint16_t port, unsigned int size)
{
	uint16_t word;

	if (size == 1)
		return inb(port);
	if (size == 4)
		return inl(port);
	__asm__ volatile("inw %1, %0" : "=a"(word) : "Nd"(port));
	return word;
}

void port_write(uint16_t port, unsigned int size, uint32_t v)
{
	if (size == 1)
		outb(port, (uint8_t)v);
	else if (size == 2)
		outw(port, (uint16_t)v);
	else
		outl(port, v);
}

void port_string_out(uint16_t port, unsigned int size, const void *from, uint64_t count)
{
	if (size == 1)
		__asm__ volatile("rep outsb" : "+S"(from), "+c"(count) : "d"(port) : "memory");
	else if (size == 2)
		__asm__ volatile("rep outsw" : "+S"(from), "+c"(count) : "d"(port) : "memory");
	else
		__asm__ volatile("rep outsl" : "+S"(from), "+c"(count) : "d"(port) : "memory");
}

void port_string_in(uint16_t port, unsigned int size, void *to, uint64_t count)
{
	if (size == 1)
		__asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(port) : "memory");
	else if (size == 2)
		__asm__ volatile("rep insw" : "+D"(to), "+c"(count) : "d"(port) : "memory");
	else
		__asm__ volatile("rep insl" : "+D"(to), "+c"(count) : "d"(port) : "memory");
}

uintptr_t hostile_bar(uint32_t fn)
{
	uintptr_t bar = pci_read(fn, PCI_BAR) & ~15U;

	if (bar == 0xfffffff0 || !bar)
		return 0;
	pci_write(fn, PCI_COMMAND, 6);
	return bar;
}

/* Devices: what they are called, and a chain that each of them takes. */

enum {
	F_INDIRECT = 1 << 28,
	RAM_END = 64 << 20,		/* -m 64 */
	NONE_VECTOR = 0xffff,
	NET_HDR = 12,
	PIECES = 4,
};

#define NO_RAM	0x90000000U
#define IOAPIC	0xfec00000U
#define LAPIC	0xfee00000U
#define ROM	0xfffff000U

/**
 * struct kind - A kind of device
 * @work:	The queue that is used
 * @out:	Bytes of a chain that the device reads, and
 * @in:		that it writes
 */
static const struct kind {
	const char *name;
	uint16_t id, id2;
	uint16_t work;
	uint32_t out, in;
} kinds[] = {
	{ "net", 0x1041, 0x1000, 1, 72, 0 },
	{ "blk", 0x1042, 0x1001, 0, 16, 513 },
	{ "rng", 0x1044, 0x1005, 0, 0, 64 },
	{ "balloon", 0x1045, 0x1002, 1, 4, 0 },
	{ "vsock", 0x1053, 0x1012, 1, 44, 0 },
};

static struct queue q;
static uint8_t out[4096] __attribute__((aligned(4096)));
static uint8_t in[65536] __attribute__((aligned(4096)));
static struct desc table[PIECES] __attribute__((aligned(16)));
static uintptr_t bar;
static unsigned long wrong;

static void expect(bool good, const struct kind *k, const char *what)
{
	if (good)
		return;
	wrong++;
	say("error: %s: %s", k->name, what);
}

/* Find a device and set its queue up, all but DRIVER_OK. */
static bool begin(const struct kind *k)
{
	if (!virtio_open(k->id, k->id2, 0, F_INDIRECT))
		return false;
	queue_init(&q, k->work, k->name);
	bar = (uintptr_t)virtio.common;
	memset(out, 0, sizeof(out));
	/* A NIC sends to itself: what nobody has asked for would go to all. */
	if (text_eq(k->name, "net"))
		for (unsigned int i = 0; i < 2 * ETH_ADDR; i++)
			out[NET_HDR + i] = ((volatile uint8_t *)virtio.config)[i % ETH_ADDR];
	return true;
}

static bool needs_reset(uint64_t ms)
{
	uint64_t start = rdtsc();

	while (!(virtio.common->device_status & STATUS_NEEDS_RESET))
		if (rdtsc() - start > time_ms(ms))
			return false;
	return true;
}

static void kick(void)
{
	barrier();
	q.avail.idx = q.avail_idx;
	barrier();
	*q.doorbell = q.number;
}

/* A chain as it should be, from descriptor 0 on. */
static void post_good(const struct kind *k)
{
	unsigned int n = 0;

	if (k->out)
		q.desc[n++] = (struct desc){ (uintptr_t)out, k->out, 0, 0 };
	if (k->in)
		q.desc[n++] = (struct desc){ (uintptr_t)in, k->in, DESC_WRITE, 0 };
	if (n == 2) {
		q.desc[0].flags = DESC_NEXT;
		q.desc[0].next = 1;
	}
	queue_post(&q, 0);
	kick();
}

static bool answers(uint64_t ms)
{
	uint64_t start = rdtsc();
	uint32_t len;
	uint16_t id;

	while (!queue_used(&q, &id, &len))
		if (rdtsc() - start > time_ms(ms))
			return false;
	return true;
}

/* After a reset all is well. */
static void recovers(const struct kind *k, const char *after)
{
	bool good = begin(k) && virtio_ready() == 15;

	if (good)
		post_good(k);
	if (!good || !answers(5000)) {
		wrong++;
		say("error: %s does not work again after: %s, status 0x%lx", k->name, after,
		    (unsigned long)virtio.common->device_status);
	}
}

/* Registers: any width, any place, any order. */

/* Where there is something to be missed. */
static void widths(const struct kind *k)
{
	static const uint16_t places[] = { 0, 0x100, BAR_ISR, BAR_DEVICE, BAR_DEVICE + 0x100,
					   BAR_NOTIFY, BAR_NOTIFY + 0x100, 0x5000, BAR_MSIX,
					   BAR_MSIX + 0x40, BAR_PBA, BAR_SIZE - 0x40 };
	unsigned long n = 0;

	if (!begin(k))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		for (unsigned int off = 0; off < 0x48; off++) {
			for (unsigned int size = 1; size <= 8; size *= 2) {
				uint64_t v = mmio_read(bar + places[i] + off, size);

				/* The next BAR may follow at once. */
				if (places[i] + off + size > BAR_SIZE)
					continue;
				n++;
				if (places[i] == 0x100 || places[i] == 0x5000)
					expect(!~(size < 8 ? v | ~0ULL << 8 * size : v), k,
					       "nobody is there, and it is not all ones");
				if (places[i] == BAR_NOTIFY || size < 4)
					continue;
				/* The MSI-X table stays masked, and the status at 20 is left. */
				if (places[i] || off + size <= 20 || off > 20)
					mmio_write(bar + places[i] + off, size, v);
			}
		}
	}
	recovers(k, "all widths");
	say("VM-2 %s: %lu accesses", k->name, n);
}

static void indices(const struct kind *k)
{
	static const uint16_t numbers[] = { 3, 8, 0x7fff, 0x8000, 0xffff };
	volatile struct common_cfg *c;

	if (!begin(k))
		return;
	c = virtio.common;
	virtio_ready();
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		c->queue_select = numbers[i];
		expect(!c->queue_size, k, "a queue that is not there has a size");
		c->queue_size = 4;
		c->queue_enable = 1;
		c->queue_msix_vector = 0;
		c->queue_desc[0] = NO_RAM;
		expect(!c->queue_enable && !c->queue_size, k, "a queue came to be");
		mmio_write(bar + BAR_NOTIFY + 4 * (numbers[i] % 1024), 2, numbers[i]);
		mmio_write(bar + BAR_NOTIFY + 4 * (numbers[i] % 1024), 4, ~0ULL);
	}
	*q.doorbell = 0xffff;
	c->config_msix_vector = 0x100;
	expect(c->config_msix_vector == NONE_VECTOR, k, "a vector that is not there was taken");
	post_good(k);
	expect(answers(5000), k, "no answer after numbers that are none");
	say("VM-3 %s: indices", k->name);
}

static void queue_poke(volatile uint32_t *reg, uint32_t v)
{
	reg[0] = v;
	reg[1] = v;
}

/* What was set when the device began to work stays. */
static void latched(const struct kind *k)
{
	static const uint8_t states[] = { 0, 1, 3, 11, 15, 4, 8, 0x80, 0xff, 7, 0x40 };
	volatile struct common_cfg *c;
	uint32_t desc;
	uint16_t size;

	if (!begin(k))
		return;
	c = virtio.common;
	virtio_ready();
	c->queue_select = k->work;
	size = c->queue_size;
	desc = c->queue_desc[0];
	for (unsigned int i = 0; i < 3; i++) {
		c->queue_size = (uint16_t)(i == 2 ? 0 : 0x8000 >> i * 14);
		c->queue_enable = (uint16_t)(i - 1);
		queue_poke(c->queue_desc, 0xffff0000U >> i);
		queue_poke(c->queue_driver, 0xffff0001U >> i);
		queue_poke(c->queue_device, NO_RAM);
		c->driver_feature_select = 0;
		c->driver_feature = ~0U;
	}
	expect(c->queue_size == size && c->queue_desc[0] == desc && c->queue_enable == 1, k,
	       "the queue changed under way");
	post_good(k);
	expect(answers(5000), k, "no answer after changes that are none");

	/* Sizes that are none. */
	begin(k);
	c->queue_select = k->work == 0 ? 1 : 0;
	if (c->queue_size) {
		size = c->queue_size;
		c->queue_size = 0;
		c->queue_size = 3;
		c->queue_size = (uint16_t)(2 * size);
		c->queue_size = 0x8000;
		expect(c->queue_size == size, k, "a size that is none was taken");
	}
	/* More than is offered. */
	c->device_status = 0;
	c->device_status = 3;
	c->driver_feature_select = 1;
	c->driver_feature = ~0U;
	c->device_status = 11;
	expect(!(c->device_status & STATUS_FEATURES_OK), k, "features it has not were taken");
	c->device_status = 0;
	c->device_status = 7;
	expect(needs_reset(1000), k, "it began without features");
	/* A reset in each state, and from each to each. */
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(states); j++) {
			c->device_status = states[i];
			c->device_status = states[j];
			c->device_status = 0;
			expect(!c->device_status, k, "a reset did not take place");
		}
	}
	recovers(k, "resets in each state");
	say("VM-4 %s: latched", k->name);
}

static void registers(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		widths(&kinds[i]);
		indices(&kinds[i]);
		latched(&kinds[i]);
	}
}

/* PCI. */

static void pci_any(const struct kind *k)
{
	static const uint32_t places[] = { 0, 0x200000, RAM_END, IOAPIC, LAPIC, 0xfeffc000U,
					   0xffff8000U, 0xfffffff0U, 0xc0000000U };
	uint32_t fn, old, command;

	if (!begin(k))
		return;
	fn = virtio.slot << SLOT_SHIFT;
	old = pci_read(fn, PCI_BAR);
	command = pci_read(fn, PCI_COMMAND) & 0xffff;
	pci_write(fn, PCI_BAR, ~0U);
	expect(pci_read(fn, PCI_BAR) == -(uint32_t)BAR_SIZE, k, "its BAR has another size");
	/* Anywhere, also on RAM and on each other, while it works. */
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		pci_write(fn, PCI_BAR, places[i]);
		if (places[i] >= 0xc0000000U && places[i] < IOAPIC)
			mmio_read(places[i], 4);
	}
	pci_write(fn, PCI_BAR, old);
	pci_write(fn, PCI_COMMAND, 0);
	expect(mmio_read(bar + 18, 2) == 0xffff, k, "it answers where it was switched off");
	/* Registers that are none, and read-only ones, at each width. */
	for (unsigned int reg = 0; reg < 256; reg++) {
		for (unsigned int size = 1; size <= 4; size *= 2) {
			outl(PORT_PCI_ADDR, 0x80000000U | fn | (reg & 0xfcU));
			port_read((uint16_t)(PORT_PCI_DATA + reg % 4), size);
			if (reg < PCI_BAR || reg >= 0x40)
				port_write((uint16_t)(PORT_PCI_DATA + reg % 4), size, ~0U);
		}
	}
	expect(pci_read(fn, 0) == ((uint32_t)k->id << 16 | 0x1af4), k, "it is another device");
	/* All vectors on, then the table and the pending bits by all widths. */
	pci_write(fn, PCI_BAR, old);
	pci_write(fn, PCI_COMMAND, command);
	for (unsigned int off = 0; off < 0x80; off++) {
		for (unsigned int size = 1; size <= 8; size *= 2) {
			mmio_write(bar + BAR_MSIX + off, size, 1);
			mmio_write(bar + BAR_PBA + off, size, ~0ULL);
			mmio_read(bar + BAR_PBA + off, size);
		}
	}
	/* Masked again: nobody here takes interrupts. */
	for (unsigned int i = 0; i < 8; i++)
		mmio_write(bar + BAR_MSIX + 16 * i + 12, 4, 1);
	for (unsigned int reg = 0x40; reg < 256; reg += 4)
		if ((pci_read(fn, reg) & 0xff) == 0x11)
			pci_write(fn, reg, 0);
	recovers(k, "PCI");
	/* A device that may not be master of the bus. */
	pci_write(fn, PCI_COMMAND, 2);
	recovers(k, "no bus master");
	say("VM-16 %s: PCI", k->name);
}

static void pci_all(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		pci_any(&kinds[i]);
	/* Nobody, and other functions, buses and kinds of access. */
	for (uint32_t fn = 0; fn < 0x10000; fn += 0x100)
		if (pci_read(fn, 0) != ~0U && fn & 0x700)
			fatal("PCI: function 0x%lx", (unsigned long)fn);
	for (unsigned int bit = 0; bit < 32; bit++) {
		outl(PORT_PCI_ADDR, 0x80000000U | 1U << bit);
		inl(PORT_PCI_DATA);
	}
}

/* Rings. */

/** struct evil - A descriptor that no driver writes; @next: of the table, if indirect */
struct evil {
	const char *what;
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
	uint16_t head;
	struct desc second;
};

enum { INDIRECT = 4, GOOD = 1 };	/* GOOD as an address: a buffer of ours */

static const struct evil evils[] = {
	{ "a head that is none", GOOD, 64, 0, 0, 0xffff, { 0 } },
	{ "a successor that is none", GOOD, 64, DESC_NEXT, 0xffff, 0, { 0 } },
	{ "a circle", GOOD, 1, DESC_NEXT, 0, 0, { 0 } },
	{ "no length", GOOD, 0, 0, 0, 0, { 0 } },
	{ "no RAM", NO_RAM, 64, 0, 0, 0, { 0 } },
	{ "registers", IOAPIC, 64, 0, 0, 0, { 0 } },
	{ "the APIC", LAPIC, 64, 0, 0, 0, { 0 } },
	{ "a BAR", 0xc0000000U, 64, 0, 0, 0, { 0 } },
	{ "ROM", ROM, 64, 0, 0, 0, { 0 } },
	{ "behind RAM", RAM_END, 64, 0, 0, 0, { 0 } },
	{ "half behind RAM", RAM_END - 32, 64, 0, 0, 0, { 0 } },
	{ "4 GiB", 0, ~0U, 0, 0, 0, { 0 } },
	{ "above 4 GiB", 1ULL << 32, 64, 0, 0, 0, { 0 } },
	{ "the end of it all", ~0ULL - 31, 64, 0, 0, 0, { 0 } },
	{ "half of it all", 1ULL << 63, 64, 0, 0, 0, { 0 } },
	{ "a table of odd size", GOOD, 17, INDIRECT, 0, 0, { 0 } },
	{ "a table of no size", GOOD, 0, INDIRECT, 0, 0, { 0 } },
	{ "a table without RAM", NO_RAM, 16, INDIRECT, 0, 0, { 0 } },
	{ "a table with a successor", GOOD, 16, INDIRECT | DESC_NEXT, 1, 0, { 0 } },
	{ "a table in a table", GOOD, 16, INDIRECT, 0, 0, { GOOD, 16, INDIRECT, 0 } },
	{ "a table of 4 GiB", GOOD, ~15U, INDIRECT, 0, 0, { 0 } },
	{ "a circle in a table", GOOD, 32, INDIRECT, 0, 0, { GOOD, 1, DESC_NEXT, 0 } },
	{ "out of a table", GOOD, 16, INDIRECT, 0, 0, { GOOD, 1, DESC_NEXT, 1 } },
};

/* Let a device have it. */
static bool tell(const struct kind *k, const struct evil *e)
{
	uint16_t dir = k->out ? 0 : DESC_WRITE;
	struct desc d = { e->addr, e->len, e->flags, e->next };

	if (d.addr == GOOD && d.flags & INDIRECT)
		d.addr = (uintptr_t)table;
	else if (d.addr == GOOD)
		d.addr = (uintptr_t)(dir ? in : out);
	if (!(d.flags & INDIRECT))
		d.flags |= dir;
	table[0] = e->second;
	if (table[0].addr == GOOD)
		table[0].addr = (uintptr_t)(table[0].flags & INDIRECT ? (uint8_t *)table :
					    dir ? in : out);
	if (!(table[0].flags & INDIRECT))
		table[0].flags |= dir;
	q.desc[0] = d;
	queue_post(&q, e->head);
	kick();
	return needs_reset(3000);
}

static void rings_of(const struct kind *k, size_t step)
{
	unsigned long told = 0, all = 0;

	for (size_t i = 0; i < ARRAY_SIZE(evils); i += step) {
		if (!begin(k) || virtio_ready() != 15)
			return;
		all++;
		if (tell(k, &evils[i]))
			told++;
		else
			say("error: %s took: %s", k->name, evils[i].what);
	}
	/* Readable behind writable, and an index that jumped. */
	begin(k);
	virtio_ready();
	q.desc[0] = (struct desc){ (uintptr_t)in, 64, DESC_NEXT | DESC_WRITE, 1 };
	q.desc[1] = (struct desc){ (uintptr_t)out, 64, 0, 0 };
	queue_post(&q, 0);
	kick();
	told += needs_reset(3000);
	begin(k);
	virtio_ready();
	q.avail_idx = (uint16_t)(q.size + 1);
	kick();
	told += needs_reset(3000);
	all += 2;
	recovers(k, "rings");
	say("VM-6 %s: %lu of %lu told", k->name, told, all);
	wrong += told != all;
}

/* Where the rings themselves are. */
static void places_of(const struct kind *k)
{
	static const uint64_t places[] = { NO_RAM, IOAPIC, LAPIC, 0xc0000000U, ROM, RAM_END,
					   RAM_END - 16, 1ULL << 32, ~0ULL - 15, 1ULL << 63,
					   0x1000001 };
	unsigned long told = 0, all = 0;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		for (unsigned int part = 0; part < 3; part++) {
			if (!begin(k))
				return;
			virtio.common->device_status = 0;
			virtio_open(k->id, k->id2, 0, 0);
			virtio.common->queue_select = k->work;
			mmio_write(bar + 32, 8, 0);
			for (unsigned int p = 0; p < 3; p++) {
				uint64_t at = p == part ? places[i] : 0x800000 + p * 0x10000;

				mmio_write(bar + 32 + 8 * p, 4, at);
				mmio_write(bar + 36 + 8 * p, 4, at >> 32);
			}
			virtio.common->queue_enable = 1;
			virtio_ready();
			mmio_write(bar + BAR_NOTIFY + 4U * k->work, 2, k->work);
			told += needs_reset(1000);
			all++;
		}
	}
	recovers(k, "rings elsewhere");
	say("VM-8 %s: %lu of %lu told", k->name, told, all);
	wrong += told != all;
}

/* The device's own language. */
static void nonsense_of(const struct kind *k)
{
	static const struct { const char *name; uint32_t out, in; } bad[] = {
		{ "blk", 8, 513 }, { "blk", 16, 0 }, { "blk", 0, 64 }, { "vsock", 43, 0 },
		{ "vsock", 44, 0 },
	};
	unsigned long told = 0, all = 0;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct kind as = *k;

		if (!text_eq(bad[i].name, k->name) || !begin(k))
			continue;
		virtio_ready();
		as.out = bad[i].out;
		as.in = bad[i].in;
		/* A packet that is longer than its chain. */
		if (text_eq(k->name, "vsock"))
			out[24] = 100;
		post_good(&as);
		told += needs_reset(1000);
		all++;
	}
	if (!all)
		return;
	recovers(k, "requests that are none");
	say("VM-6 %s: %lu of %lu requests told", k->name, told, all);
	wrong += told != all;
}

/* All that fits and more, and never a look at what comes back. */
static void greed_of(const struct kind *k)
{
	if (!begin(k))
		return;
	virtio_ready();
	for (unsigned int round = 0; round < 64; round++) {
		for (unsigned int i = 0; i < q.size; i++)
			queue_post(&q, 0);
		q.avail_idx = (uint16_t)(q.avail_idx - q.size);
		post_good(k);
		q.avail_idx = (uint16_t)(q.avail_idx + q.size - 1);
		kick();
	}
	recovers(k, "greed");
	say("VM-7 %s: greed", k->name);
}

static void rings(void)
{
	uint64_t step = option_u64("batch", 1);
	const char *only = option("op", NULL);
	char name[16] = "";

	for (size_t i = 0; only && i < sizeof(name) - 1 && only[i]; i++)
		name[i] = only[i];
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (*name && !text_eq(name, kinds[i].name))
			continue;
		rings_of(&kinds[i], step);
		places_of(&kinds[i]);
		nonsense_of(&kinds[i]);
		greed_of(&kinds[i]);
	}
}

/* Requests of a disk of 2048 sectors; each has its answer. */

struct blk_case {
	const char *what;
	uint32_t type;
	uint64_t sector;
	uint32_t out, in;		/* bytes of data */
	uint8_t wants[2];		/* one of these answers */
	uint64_t range[2];		/* data of a discard */
};

static void disk_requests(void)
{
	static const struct blk_case cases[] = {
		{ "read", 0, 2047, 0, 512, { 0, 0 }, { 0, 0 } },
		{ "read behind the end", 0, 2048, 0, 512, { 1, 1 }, { 0, 0 } },
		{ "read over the end", 0, 2047, 0, 1024, { 1, 1 }, { 0, 0 } },
		{ "read far behind", 0, 1ULL << 55, 0, 512, { 1, 1 }, { 0, 0 } },
		{ "read at -1", 0, ~0ULL, 0, 512, { 1, 1 }, { 0, 0 } },
		{ "read 511 bytes", 0, 0, 0, 511, { 1, 1 }, { 0, 0 } },
		{ "write behind the end", 1, 2048, 512, 0, { 1, 1 }, { 0, 0 } },
		{ "write over the end", 1, 2047, 1024, 0, { 1, 1 }, { 0, 0 } },
		{ "write at -1", 1, ~0ULL, 512, 0, { 1, 1 }, { 0, 0 } },
		{ "write 513 bytes", 1, 0, 513, 0, { 1, 1 }, { 0, 0 } },
		{ "write what the device writes", 1, 0, 0, 512, { 0, 1 }, { 0, 0 } },
		{ "read what the device reads", 0, 0, 512, 0, { 0, 1 }, { 0, 0 } },
		{ "type 77", 77, 0, 0, 512, { 2, 2 }, { 0, 0 } },
		{ "type -1", ~0U, 0, 512, 0, { 2, 2 }, { 0, 0 } },
		{ "type 2", 2, 0, 512, 0, { 2, 2 }, { 0, 0 } },
		{ "its name in 5 bytes", 8, 0, 0, 5, { 0, 0 }, { 0, 0 } },
		{ "its name in no bytes", 8, 0, 0, 0, { 0, 0 }, { 0, 0 } },
		{ "a discard not asked for", 11, 0, 16, 0, { 2, 2 }, { 0, 8 } },
		{ "zeros not asked for", 13, 0, 16, 0, { 2, 2 }, { ~0ULL, ~0ULL } },
	};
	static const struct kind *blk = &kinds[1];
	unsigned long good = 0;

	if (!begin(blk))
		fatal("there is no disk");
	virtio_ready();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct blk_case *c = &cases[i];
		uint16_t n = 0;

		memcpy(out, &(const uint64_t[]){ c->type, c->sector }, 16);
		memcpy(out + 16, c->range, 16);
		q.desc[n++] = (struct desc){ (uintptr_t)out, 16, DESC_NEXT, 1 };
		if (c->out) {
			q.desc[n] = (struct desc){ (uintptr_t)out + 16, c->out, DESC_NEXT,
						   (uint16_t)(n + 1) };
			n++;
		}
		if (c->in) {
			q.desc[n] = (struct desc){ (uintptr_t)in, c->in,
						   DESC_NEXT | DESC_WRITE, (uint16_t)(n + 1) };
			n++;
		}
		in[4096] = 0xff;
		q.desc[n] = (struct desc){ (uintptr_t)in + 4096, 1, DESC_WRITE, 0 };
		queue_post(&q, 0);
		kick();
		if (answers(5000) && (in[4096] == c->wants[0] || in[4096] == c->wants[1]))
			good++;
		else
			say("error: %s: answer %lu, status 0x%lx", c->what,
			    (unsigned long)in[4096],
			    (unsigned long)virtio.common->device_status);
	}
	wrong += good != ARRAY_SIZE(cases);
	say("VM-13 %lu of %lu requests answered", good, (unsigned long)ARRAY_SIZE(cases));
}

/* The NIC's control queue, and its features in all mixtures. */

#define F_CTRL	(1ULL << 17)

/* A command; its answer, or 255. */
static uint8_t command(unsigned int class, unsigned int cmd, const void *data, uint32_t size)
{
	out[0] = (uint8_t)class;
	out[1] = (uint8_t)cmd;
	memcpy(out + 2, data, size < 512 ? size : 512);
	in[0] = 0xff;
	q.desc[0] = (struct desc){ (uintptr_t)out, 2 + size, DESC_NEXT, 1 };
	q.desc[1] = (struct desc){ (uintptr_t)in, 1, DESC_WRITE, 0 };
	queue_post(&q, 0);
	kick();
	return answers(5000) ? in[0] : 0xff;
}

static void control(void)
{
	static const struct kind *net = &kinds[0];
	uint64_t seed = 88172645463325252ULL, x = ~0ULL;
	unsigned long refused = 0;

	if (!virtio_open(net->id, net->id2, 0, ~(1ULL << 33)))
		fatal("there is no NIC");
	if (!(virtio.accepted & F_CTRL))
		fatal("the NIC has no control queue");
	expect(!(virtio.features >> 57 & 7), net, "it offers hashes");
	queue_init(&q, 2, "control");
	virtio_ready();
	/* VLAN 65535, an address of a group, tables that are longer than the command, more
	 * queues, offloads that are none, no class. */
	expect(command(2, 0, &x, 2) == 1, net, "it took VLAN 65535");
	expect(command(1, 1, &x, 6) == 1, net, "it took the address ff:ff:ff:ff:ff:ff");
	expect(command(1, 0, &x, 4) == 1, net, "it took a table of 4 G addresses");
	expect(command(4, 0, &x, 2) == 1, net, "it took 65535 queues");
	expect(command(5, 0, &x, 8) == 1, net, "it took all offloads");
	expect(command(1, 1, &x, 5) == 1, net, "it took an address of 5 bytes");
	expect(command(99, 99, &x, 8) == 1, net, "it took class 99");
	for (unsigned int i = 0; i < 500; i++) {
		uint8_t answer;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		answer = command(seed % 8, seed >> 8 & 7, &seed, seed >> 16 & 511);
		expect(answer <= 1, net, "a command has no answer");
		refused += answer == 1;
	}
	recovers(net, "commands");
	say("VM-10 net: %lu of 500 commands refused", refused);
	for (unsigned int bit = 0; bit < 64; bit++) {
		if (bit == 33 || !virtio_open(net->id, net->id2, 0, 1ULL << bit))
			continue;
		queue_init(&q, net->work, "transmit");
		expect(virtio_ready() == 15, net, "a feature by itself is too much");
		memset(out, 0, NET_HDR);
		post_good(net);
		expect(answers(5000), net, "a feature by itself stops it");
	}
	say("VM-5 net: each feature by itself");
}

/* What the CPU is, seen from ring 0. */

static uint64_t rdmsr(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (uint64_t)hi << 32 | lo;
}

static uint32_t cpuid_ecx(uint32_t leaf)
{
	uint32_t a = leaf, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return c;
}

void hostile_cpu(void)
{
	say("VM-33 hypervisor %lu misc 0x%lx mtrr 0x%lx apic %lu lvt0 0x%lx lvt1 0x%lx",
	    (unsigned long)(cpuid_ecx(1) >> 31), rdmsr(0x1a0) & 1, rdmsr(0x2ff),
	    (unsigned long)(mmio_read(LAPIC + 0x20, 4) >> 24),
	    (unsigned long)mmio_read(LAPIC + 0x350, 4),
	    (unsigned long)mmio_read(LAPIC + 0x360, 4));
}

static const struct {
	const char *name;
	void (*run)(void);
} modes[] = {
	{ "hostile-registers", registers },
	{ "hostile-pci", pci_all },
	{ "hostile-rings", rings },
	{ "hostile-disk", disk_requests },
	{ "hostile-net", control },
};

bool hostile_modes_run(const char *mode)
{
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (!text_eq(mode, modes[i].name))
			continue;
		modes[i].run();
		say("hostile: %lu wrong", wrong);
		return true;
	}
	return storm_run(mode);
}
