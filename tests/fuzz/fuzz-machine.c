/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz-machine.c - Accesses to ports and memory-mapped registers, in any order
 *
 * The input is a program of accesses of any width and alignment to a whole machine
 * without KVM (tests/harness/rig.h), and of what may happen in between: the event loop
 * turns, the power button is pressed, the machine is reset. What takes several accesses in
 * their order, a transfer of fw_cfg's, is one step as well.
 *
 * What must be true, whatever was accessed:
 *
 * - What a device is, is written nowhere: configuration space keeps each bit that is not
 *   meant to be changed. A BAR is where the bus has it, and nowhere twice.
 * - Only the ports that are there for it ask for an end of the machine.
 * - What a transfer of fw_cfg's says is what its port says, and nothing is written behind.
 * - A reset leaves nothing: every register then reads as it did when the machine was new,
 *   but for the generation of device configuration, which only ever counts.
 * - In the end each device does what a driver asks of it that keeps to the rules.
 */
#include "config.h"

#include "tests/fuzz/fuzz.h"

#include <linux/virtio_pci.h>

#include "lib/bytes.h"
#include "tests/harness/rig.h"
#include "vmm/fwcfg.h"
#include "vmm/power.h"

enum {
	STEPS = 256,
	BAR_SPAN = PCI_BAR_SIZE + 64,
};

/** struct shot - What all registers read as */
struct shot {
	uint8_t config[RIG_SLOTS + 1][PCI_CONFIG_SIZE];
	uint8_t common[RIG_SLOTS + 1][VIRTIO_QUEUES_MAX + 1][64];
	uint8_t device[RIG_SLOTS + 1][64];
	uint32_t msix[RIG_SLOTS + 1][4 * (VIRTIO_QUEUES_MAX + 1)];
	uint8_t serial[8];
	uint8_t cmos[128];
	uint8_t acpi[32];
	uint32_t pci_addr;
	uint16_t fwcfg;
};

static const uint16_t port_bases[] = {
	PORT_PCI_DATA, PORT_PCI_ADDR, PORT_COM1, PORT_CMOS, PORT_ACPI, PORT_FWCFG, PORT_RESET,
	PORT_KBD_STATUS, PORT_KBD_DATA, PORT_BOOT_TIMER,
};

static void power_on(struct rig *r)
{
	static const uint8_t bytes[300] = "a file";

	board_power_on(r->vm);
	fwcfg_set_u16(r->vm->fwcfg, FWCFG_NB_CPUS, 2);
	FUZZ_CHECK(!fwcfg_add_file(r->vm->fwcfg, "etc/fuzz", bytes, sizeof(bytes)), "a file");
}

static void take_shot(const struct vm *vm, struct shot *s)
{
	memset(s, 0, sizeof(*s));
	s->pci_addr = (uint32_t)bus_read(&vm->pio, PORT_PCI_ADDR, 4);
	s->fwcfg = (uint16_t)bus_read(&vm->pio, PORT_FWCFG, 2);
	for (unsigned int slot = 1; slot <= RIG_SLOTS; slot++) {
		const struct virtio_dev *dev = virtio_at(vm, slot);

		memcpy(s->config[slot], dev->pci.config, PCI_CONFIG_SIZE);
		for (unsigned int i = 0; i < 4 * dev->pci.vectors; i++)
			s->msix[slot][i] = (uint32_t)board_get(dev, PCI_BAR_MSIX_TABLE + 4 * i, 4);
		for (unsigned int i = 0; i < 64; i++)
			s->device[slot][i] = (uint8_t)board_get(dev, BOARD_CONFIG + i, 1);
		for (unsigned int q = 0; q <= VIRTIO_QUEUES_MAX; q++) {
			uint8_t *c = s->common[slot][q];

			if (q)
				board_set(dev, VIRTIO_PCI_COMMON_Q_SELECT, 2, q - 1);
			for (unsigned int i = 0; i < 64; i += 2) {
				uint64_t v = board_get(dev, i, 2);

				c[i] = (uint8_t)v;
				c[i + 1] = (uint8_t)(v >> 8);
			}
			c[VIRTIO_PCI_COMMON_STATUS] = board_status(dev);
		}
	}
	for (unsigned int i = 0; i < 8; i++)
		s->serial[i] = (uint8_t)bus_read(&vm->pio, PORT_COM1 + i, 1);
	for (unsigned int i = 0; i < sizeof(s->acpi); i++)
		s->acpi[i] = (uint8_t)bus_read(&vm->pio, PORT_ACPI + i, 1);
	for (unsigned int i = 0; i < 128; i++) {
		bus_write(&vm->pio, PORT_CMOS, 1, i);
		s->cmos[i] = (uint8_t)bus_read(&vm->pio, PORT_CMOS + 1, 1);
	}
}

/* Which access is it: the width, and the address. */

static unsigned int width(struct fuzz_in *in)
{
	static const uint8_t sizes[] = { 4, 1, 2, 8, 3, 5, 6, 7 };
	uint8_t x = fuzz_u8(in);

	return sizes[x < 192 ? x % 3 : x % 8];
}

static uint64_t port(struct fuzz_in *in)
{
	uint8_t x = fuzz_u8(in);

	if (x >= 250)
		return fuzz_u16(in);
	return port_bases[x % ARRAY_SIZE(port_bases)] + (fuzz_u8(in) & 15U);
}

static uint64_t address(const struct vm *vm, struct fuzz_in *in)
{
	uint8_t x = fuzz_u8(in);
	const struct virtio_dev *dev = virtio_at(vm, 1 + x % RIG_SLOTS);

	return x >= 250 ? fuzz_u64(in) : dev->pci.bar + fuzz_u16(in) % BAR_SPAN;
}

static void pio_write(struct vm *vm, uint64_t at, unsigned int size, uint64_t v)
{
	bool ends = at == PORT_RESET || at == PORT_KBD_STATUS ||
		    (at >= PORT_ACPI && at < PORT_ACPI + 64);

	vm->request = VM_GO_ON;
	bus_write(&vm->pio, at, size, v);
	FUZZ_CHECK(vm->request == VM_GO_ON ||
		   (ends && (vm->request == VM_POWEROFF || vm->request == VM_RESET)),
		   "port %#llx: request %d", (unsigned long long)at, vm->request);
}

/* The next @size bytes of what is selected, byte by byte. */
static void fwcfg_port(const struct vm *vm, uint8_t *to, size_t size)
{
	while (size--)
		*to++ = (uint8_t)bus_read(&vm->pio, PORT_FWCFG + 1, 1);
}

/* A transfer by the book, but for what the input says. */
static void fwcfg_step(struct vm *vm, struct fuzz_in *in)
{
	static const uint16_t keys[] = { 0, 1, 5, 0x19, 0x20, 0x21 };
	enum { READ = 2, SELECT = 8, AT = 0x100, TO = 0x1000, FEW = 400 };
	struct { struct be32 control, length, high, low; } dma;
	uint8_t key = fuzz_u8(in), how = fuzz_u8(in), before[FEW], said[FEW], *to;
	uint32_t length = fuzz_u16(in) % FEW, addr = TO + fuzz_u8(in) * 0x2100U, result;
	bool fits = addr + FEW <= RIG_RAM;

	dma.control = be32((uint32_t)keys[key % ARRAY_SIZE(keys)] << 16 |
			   (how ? how & 31 : SELECT | READ));
	dma.length = be32(how & 0x80 ? length << 16 : length);
	dma.high = be32(how & 0x40 ? fuzz_u32(in) : 0);
	dma.low = be32(addr);
	to = board_mem(vm, fits ? addr : TO);
	memcpy(before, to, FEW);
	memcpy(board_mem(vm, AT), &dma, sizeof(dma));
	bus_write(&vm->pio, PORT_FWCFG + 4, 4, 0);
	bus_write(&vm->pio, PORT_FWCFG + 8, 4, __builtin_bswap32(AT));
	result = be32_load(board_mem(vm, AT));
	FUZZ_CHECK(result <= 1, "fw_cfg: result %#x", result);
	if (how)
		return;
	FUZZ_CHECK(result == (length && addr + length > RIG_RAM), "fw_cfg: result %u of %#x bytes"
		   " at %#x", result, length, addr);
	if (!fits)
		return;
	FUZZ_CHECK(!memcmp(to + length, before + length, FEW - length), "fw_cfg: written behind");
	bus_write(&vm->pio, PORT_FWCFG, 2, keys[key % ARRAY_SIZE(keys)]);
	fwcfg_port(vm, said, length);
	FUZZ_CHECK(!memcmp(to, said, length), "fw_cfg: key %#x is another at the port",
		   keys[key % ARRAY_SIZE(keys)]);
}

static void step(struct rig *r, struct fuzz_in *in)
{
	struct vm *vm = r->vm;
	uint8_t kind = fuzz_u8(in);
	unsigned int size = 4;
	uint64_t at, v;

	switch (kind % 16) {
	case 0: case 1: case 2:
		at = port(in);
		size = width(in);
		pio_write(vm, at, size, fuzz_u32(in));
		break;
	case 3: case 4:
		at = port(in);
		size = width(in);
		v = bus_read(&vm->pio, at, size);
		FUZZ_CHECK(!(v & ~bus_ones(size)), "port %#llx", (unsigned long long)at);
		break;
	case 5: case 6: case 7: case 8:
		at = address(vm, in);
		size = width(in);
		bus_write(&vm->mmio, at, size, fuzz_u64(in));
		break;
	case 9: case 10:
		at = address(vm, in);
		size = width(in);
		v = bus_read(&vm->mmio, at, size);
		FUZZ_CHECK(!(v & ~bus_ones(size)), "%#llx", (unsigned long long)at);
		break;
	case 11: case 12:
		at = fuzz_u16(in);
		bus_write(&vm->pio, PORT_PCI_ADDR, 4, 0x80000000 | (at & 0x3ffc) % 0x3400);
		pio_write(vm, PORT_PCI_DATA + (at & 3), width(in), fuzz_u32(in));
		break;
	case 13:
		rig_spin(r);
		break;
	case 14:
		if (kind & 0x40)
			fwcfg_step(vm, in);
		else
			power_press(vm);
		break;
	default:
		/* Into memory, where devices may find it. */
		at = fuzz_u32(in) % (RIG_RAM - 16);
		fuzz_bytes(in, board_mem(vm, at), 16);
		break;
	}
}

static void check_config(const struct vm *vm, const struct shot *first)
{
	unsigned int placed = 0;

	for (unsigned int slot = 1; slot <= RIG_SLOTS; slot++) {
		const struct virtio_dev *dev = virtio_at(vm, slot);
		const struct pci_dev *pci = &dev->pci;
		unsigned int data = dev->pci_cfg_cap + sizeof(struct virtio_pci_cap);

		for (unsigned int i = 0; i < PCI_CONFIG_SIZE; i++)
			FUZZ_CHECK(!((pci->config[i] ^ first->config[slot][i]) &
				     ~pci->writable[i]) || (i >= data && i < data + 4),
				   "slot %u: byte %#x became %#x", slot, i, pci->config[i]);
		placed += pci->bar != 0;
		FUZZ_CHECK(pci->bar % PCI_BAR_SIZE == 0, "slot %u: BAR at %#llx", slot,
			   (unsigned long long)pci->bar);
	}
	FUZZ_CHECK(vm->mmio.count == placed, "%u ranges of %u BARs", vm->mmio.count, placed);
}

static void check_reset(struct rig *r, struct shot *first)
{
	static struct shot now;

	power_on(r);
	take_shot(r->vm, &now);
	for (unsigned int slot = 1; slot <= RIG_SLOTS; slot++)
		for (unsigned int q = 0; q <= VIRTIO_QUEUES_MAX; q++)
			now.common[slot][q][VIRTIO_PCI_COMMON_CFGGENERATION] =
				first->common[slot][q][VIRTIO_PCI_COMMON_CFGGENERATION];
	for (size_t i = 0; i < sizeof(now); i++)
		FUZZ_CHECK(((const uint8_t *)&now)[i] == ((const uint8_t *)first)[i],
			   "byte %zu of all registers is not as at first", i);
	for (unsigned int gsi = 0; gsi < GSI_MSI_FIRST; gsi++)
		FUZZ_CHECK(!board_line(r->vm, gsi), "line %u", gsi);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	static struct shot first;
	struct rig r;

	rig_options(&r);
	rig_start(&r);
	power_on(&r);
	take_shot(r.vm, &first);
	power_on(&r);
	for (unsigned int i = 0; in.left && i < STEPS; i++) {
		step(&r, &in);
		check_config(r.vm, &first);
		rig_check_rings(&r);
	}
	rig_spin(&r);
	if (size & 1)
		check_reset(&r, &first);
	for (unsigned int slot = 1; slot <= RIG_SLOTS; slot++)
		rig_check_device(&r, slot);
	check_reset(&r, &first);
	rig_stop(&r);
	return 0;
}
