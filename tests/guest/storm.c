/* SPDX-License-Identifier: BSD-2-Clause */
/* storm.c - Accesses of all kinds that follow from a seed, and too many of one kind
 *
 * Nothing is checked here. The machine may restart or power off in the middle, and the
 * CPU may stop for ever: random bytes at the right register do that. What counts is
 * that nothing outside of the VM comes to harm.
 *
 * Option "seed" says where numbers begin, "timeout" how many milliseconds it takes, and
 * "wild=off" leaves out what ends or stops the machine.
 */
#include "hostile.h"

enum {
	SLOTS = 8,			/* of PCI that are looked at */
	ARENA = 1 << 16,
	STRING = 1024,			/* items of a string instruction */
	STRING_BYTES = 512,

	MANY = 100,			/* pieces of a chain */
	FREE_RAM = 16 << 20,
	FREE_BYTES = 32 << 20,

	PORT_COM1 = 0x3f8,
	PORT_FWCFG = 0x510,
	PORT_ACPI = 0x600,
	PORT_ACPI_END = 0x610,
	PORT_RESET = 0xcf9,
	PORT_KBD = 0x64,
	KBD_RESET = 0xfe,

	QUEUE_SELECT = 22,		/* offsets in struct common_cfg */
	QUEUE_SIZE = 24,
	QUEUE_ENABLE = 28,
	QUEUE_DESC = 32,
	STATUS = 20,
	FEATURES = 8,			/* the driver's select, and its value */
	FEATURE_VALUE = 12,
	VECTOR = 26,
};

#define IOAPIC	0xfec00000U
#define LAPIC	0xfee00000U

static uint8_t arena[ARENA] __attribute__((aligned(4096)));
static uint64_t state;
static bool wild;

/* Numbers. */

static uint64_t any(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545f4914f6cdd1dULL >> 8;
}

static uint64_t below(uint64_t n)
{
	return any() % n;
}

static unsigned int any_size(unsigned int kinds)
{
	return 1U << below(kinds);
}

/* Numbers that mean something, now and then. */
static uint64_t any_value(void)
{
	switch (below(6)) {
	case 0:
		return 0;
	case 1:
		return ~0ULL;
	case 2:
		return 1ULL << below(64);
	case 3:
		return (uintptr_t)arena + (below(ARENA) & ~15ULL);
	case 4:
		return below(16);
	default:
		return any();
	}
}

/* One access. */

static uintptr_t any_bar(uint32_t *fn)
{
	*fn = (uint32_t)(1 + below(SLOTS)) << SLOT_SHIFT;
	return pci_read(*fn, PCI_BAR) & ~15U;
}

/* What ends the machine is left out unless it is to be wild. */
static bool ends_it(uint16_t port, unsigned int size, uint32_t v)
{
	if (wild)
		return false;
	return (port + size > PORT_ACPI && port < PORT_ACPI_END) ||
	       (port <= PORT_RESET && port + size > PORT_RESET && size < 4) ||
	       (port <= PORT_KBD && port + size > PORT_KBD && (v & 0xff) == KBD_RESET);
}

static void do_port(void)
{
	static const struct { uint16_t first, count; } ranges[] = {
		{ 0x20, 2 }, { 0x40, 4 }, { 0x60, 5 }, { 0x70, 2 }, { 0x80, 1 },
		{ 0xa0, 2 }, { PORT_COM1, 8 }, { 0x4d0, 2 }, { PORT_FWCFG, 12 },
		{ PORT_ACPI, 16 }, { PORT_PCI_ADDR, 8 }, { 0, 0xffff },
	};
	const size_t r = below(ARRAY_SIZE(ranges));
	uint16_t port = (uint16_t)(ranges[r].first + below(ranges[r].count));
	unsigned int size = any_size(3);
	uint32_t v = (uint32_t)any_value();

	/* A machine that ends at once is soon seen enough of. */
	if ((r == 9 || r == 10) && below(64))
		return;
	if (below(2))
		port_read(port, size);
	else if (!ends_it(port, size, v))
		port_write(port, size, v);
}

static void do_config(void)
{
	uint32_t fn = (uint32_t)below(SLOTS + 2) << SLOT_SHIFT | (below(16) ? 0 : 0x100);

	outl(PORT_PCI_ADDR, 0x80000000U | fn | (uint32_t)(below(256) & ~3ULL));
	if (below(2))
		port_read((uint16_t)(PORT_PCI_DATA + below(4)), any_size(3));
	else
		port_write((uint16_t)(PORT_PCI_DATA + below(4)), any_size(3),
			   (uint32_t)any_value());
}

/* Put a device where it can be reached, in case it is nowhere. */
static void do_repair(void)
{
	uint32_t slot = (uint32_t)(1 + below(SLOTS));

	pci_write(slot << SLOT_SHIFT, PCI_BAR, 0xd0000000U + slot * BAR_SIZE);
	pci_write(slot << SLOT_SHIFT, PCI_COMMAND, 6);
}

static void do_bar(void)
{
	uint32_t fn;
	uintptr_t bar = any_bar(&fn);
	uintptr_t at = bar + below(below(4) ? 0x40 : BAR_SIZE + 16);

	if (bar < 0xc0000000U || bar > 0xfeb00000U)
		return;
	if (below(2))
		mmio_read(at, any_size(4));
	else
		mmio_write(at, any_size(4), any_value());
}

/* The registers in the order and with the values that make a device work. */
static void do_driver(void)
{
	static const uint8_t steps[] = { 0, 1, 3, 11 };
	uint32_t fn;
	uintptr_t bar = any_bar(&fn), desc = (uintptr_t)arena;

	if (bar < 0xc0000000U || bar > 0xfeb00000U)
		return;
	for (size_t i = 0; i < 3; i++)
		mmio_write(bar + STATUS, 1, steps[i]);
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t take = below(3) ? i : (uint32_t)any();

		mmio_write(bar + FEATURES, 4, i);
		mmio_write(bar, 4, i);
		mmio_write(bar + FEATURE_VALUE, 4, mmio_read(bar + 4, 4) & (take | i));
	}
	mmio_write(bar + STATUS, 1, steps[3]);
	for (uint16_t i = 0; i < 4; i++) {
		mmio_write(bar + QUEUE_SELECT, 2, i);
		mmio_write(bar + QUEUE_SIZE, 2, 1ULL << below(9));
		mmio_write(bar + VECTOR, 2, below(6));
		for (unsigned int part = 0; part < 3; part++) {
			desc = (uintptr_t)arena + (below(ARENA - 0x2000) & ~15ULL);
			if (!below(32))
				desc = any();
			mmio_write(bar + QUEUE_DESC + 8 * part, 4, desc);
			mmio_write(bar + QUEUE_DESC + 8 * part + 4, 4, desc >> 32);
		}
		mmio_write(bar + QUEUE_ENABLE, 2, 1);
	}
	mmio_write(bar + STATUS, 1, 15);
}

static void do_notify(void)
{
	uint32_t fn;
	uintptr_t bar = any_bar(&fn);

	if (bar >= 0xc0000000U && bar <= 0xfeb00000U)
		mmio_write(bar + BAR_NOTIFY + 4 * below(6), any_size(3), any());
}

/* Rings and what they lead to. */
static void do_memory(void)
{
	uint8_t *p = arena + (below(ARENA - 64) & ~15ULL);
	struct desc d = {
		.addr = below(8) ? (uintptr_t)arena + below(ARENA) : any_value(),
		.len = (uint32_t)(below(8) ? below(4096) : any_value()),
		.flags = (uint16_t)below(8), .next = (uint16_t)below(below(8) ? 8 : 65536),
	};
	uint64_t word = any_value();

	if (below(2))
		__builtin_memcpy(p, &d, sizeof(d));
	else
		__builtin_memcpy(p, &word, sizeof(word));
}

static void do_string(void)
{
	static const uint16_t ports[] = { PORT_COM1, PORT_FWCFG + 1, PORT_PCI_DATA, 0x71, 0x80,
					  0x43, 0x1234 };
	uint16_t port = ports[below(ARRAY_SIZE(ports))];
	unsigned int size = any_size(3);
	uint64_t count = below(STRING_BYTES / size);

	if (below(2))
		port_string_out(port, size, arena, count);
	else
		port_string_in(port, size, arena, count);
}

static void do_apic(void)
{
	uintptr_t base = below(2) ? LAPIC : IOAPIC;

	if (!wild || below(256))
		return;
	if (below(2))
		mmio_read(base + below(0x400), any_size(4));
	else
		mmio_write(base + (below(0x400) & ~15ULL), 4, any_value());
}

static void storm_random(uint64_t cycles)
{
	static void (*const deeds[])(void) = {
		do_port, do_config, do_repair, do_bar, do_bar, do_driver, do_notify,
		do_memory, do_memory, do_memory, do_apic,
	};
	uint64_t start = rdtsc(), n = 0;

	do {
		if (below(1000))
			deeds[below(ARRAY_SIZE(deeds))]();
		else
			do_string();
		n++;
	} while (rdtsc() - start < cycles);
	/* Whatever became of the console, let it be heard. */
	outb(PORT_COM1 + 3, 3);
	outb(PORT_COM1 + 4, 0);
	outb(PORT_COM1 + 1, 0);
	say(" ");
	say("storm: %lu deeds", n);
}

/* Too much of one thing. */

/* One configuration word that moves a BAR, as often as one instruction can. */
static void flood_moves(void)
{
	for (uint32_t *p = (uint32_t *)arena, i = 0; i < STRING; i++)
		p[i] = 0xd0000000U + (i & 1) * 16 * BAR_SIZE;
	outl(PORT_PCI_ADDR, 0x80000000U | 1 << SLOT_SHIFT | PCI_BAR);
	port_string_out(PORT_PCI_DATA, 4, arena, STRING);
}

/* Interrupts switched off and on. */
static void flood_msix(void)
{
	uintptr_t bar = hostile_bar(1 << SLOT_SHIFT);

	for (unsigned int i = 0; i < 64 && bar; i++)
		mmio_write(bar + BAR_MSIX + 16 * (i % 4) + 4 * (i / 4 % 4), 4, any());
}

static void flood_serial(void)
{
	memset(arena, 'x', 4096);
	port_string_out(PORT_COM1, 1, arena, 4096);
}

static void flood_clock(void)
{
	port_string_in(0x71, 1, arena, 4096);
}

static struct queue rx, tx;

/* A NIC comes up, its rings empty; that it was up before is a reset. */
static void flood_resets(void)
{
	if (!virtio_open(0x1041, 0x1000, 0, 0))
		fatal("storm: there is no NIC");
	queue_init(&rx, 0, "receive");
	queue_init(&tx, 1, "transmit");
	virtio_ready();
}

/* And its ring is nonsense, again and again. */
static void flood_nonsense(void)
{
	flood_resets();
	tx.avail.idx = 0x4000;
	barrier();
	*tx.doorbell = 1;
	for (uint64_t t = rdtsc(); rdtsc() - t < time_ms(1); )
		cpu_relax();
}

/* The same doorbell. */
static void flood_kicks(void)
{
	static bool up;

	if (!up)
		flood_resets();
	up = true;
	for (unsigned int i = 0; i < 1000; i++)
		*tx.doorbell = 1;
}

/* As many requests as the ring has entries, each for as many gigabytes as a chain can name:
 * the same memory again and again. */
static void flood_reads(void)
{
	static const uint64_t header[2] = { 0, 0 };
	static struct queue q;
	static struct desc all[MANY] __attribute__((aligned(16)));
	static uint8_t status;

	if (!virtio_open(0x1042, 0x1001, 0, 1 << 28))
		fatal("storm: there is no disk");
	queue_init(&q, 0, "disk");
	virtio_ready();
	for (uint16_t i = 0; i < MANY; i++)
		all[i] = (struct desc){ FREE_RAM, FREE_BYTES, DESC_NEXT | DESC_WRITE,
					(uint16_t)(i + 1) };
	all[0] = (struct desc){ (uintptr_t)header, sizeof(header), DESC_NEXT, 1 };
	all[MANY - 1] = (struct desc){ (uintptr_t)&status, 1, DESC_WRITE, 0 };
	for (uint16_t i = 0; i < q.size; i++) {
		q.desc[i] = (struct desc){ (uintptr_t)all, sizeof(all), 4, 0 };
		queue_post(&q, i);
	}
	queue_flush(&q);
	for (;;)
		cpu_relax();
}

static const struct {
	const char *name;
	void (*once)(void);
} floods[] = {
	{ "reads", flood_reads },
	{ "moves", flood_moves },
	{ "msix", flood_msix },
	{ "serial", flood_serial },
	{ "clock", flood_clock },
	{ "resets", flood_resets },
	{ "nonsense", flood_nonsense },
	{ "kicks", flood_kicks },
};

static void storm_flood(uint64_t cycles)
{
	const char *op = option("op", "serial");
	uint64_t start, n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(floods); i++) {
		if (!text_eq(op, floods[i].name))
			continue;
		say("flood: %s", floods[i].name);
		start = rdtsc();
		do {
			floods[i].once();
			n++;
		} while (!cycles || rdtsc() - start < cycles);
		say(" ");
		say("flood: %lu times", n);
		return;
	}
	fatal("op=%s is not known", op);
}

bool storm_run(const char *mode)
{
	uint64_t cycles = time_ms(option_u64("timeout", 2000));

	state = option_u64("seed", 1) * 0x9e3779b97f4a7c15ULL | 1;
	wild = text_eq(option("wild", "on"), "on");
	if (text_eq(mode, "hostile-random")) {
		say("storm: seed %lu", option_u64("seed", 1));
		storm_random(cycles);
	} else if (text_eq(mode, "hostile-flood")) {
		storm_flood(cycles);
	} else {
		return false;
	}
	return true;
}
