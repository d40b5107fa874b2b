/* SPDX-License-Identifier: BSD-2-Clause */
/* test-devices.c - the VMM's devices without KVM: a machine of memory, buses and an
 * event loop, driven through its registers as a guest would
 */
#include "tests/unit/unit.h"

#include <linux/serial_reg.h>
#include <linux/virtio_pci.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"
#include "tests/harness/board.h"
#include "vmm/acpi.h"
#include "vmm/chardev.h"
#include "vmm/power.h"
#include "vmm/serial.h"
#include "vmm/virtio.h"
#include "vmm/virtio_rng.h"
#include "vmm/vm.h"

enum { RINGS = 0x100000, DATA = 0x200000, QUEUE = 8 };

static struct options opt = {
	.name = "unit", .cpus = 2, .topology = { 1, 2, 1 }, .ram = 64 << 20,
	.serial = { .kind = CHARDEV_NULL, .path = "null" },
};

static int setup(void **state)
{
	struct vm *vm = board_new(&opt);

	*state = vm;
	assert_int_equal(board_plug(vm), 0);
	board_power_on(vm);
	return 0;
}

static int teardown(void **state)
{
	board_free(*state);
	return 0;
}

/* PCI. */

static void pci_config(void **state)
{
	struct vm *vm = *state;

	assert_int_equal(bus_read(&vm->pio, 0xcf8, 4), 0);
	bus_write(&vm->pio, 0xcf8, 4, 0x80000000);
	assert_int_equal(bus_read(&vm->pio, 0xcf8, 4), 0x80000000);
	assert_int_equal(bus_read(&vm->pio, 0xcfc, 4), 0x0d578086);
	bus_write(&vm->pio, 0xcf8, 4, 0x80000800);
	assert_int_equal(bus_read(&vm->pio, 0xcfc, 2), 0x1af4);
	assert_int_equal(bus_read(&vm->pio, 0xcfe, 2), 0x1044);
	/* Nobody: another slot, function, bus. */
	bus_write(&vm->pio, 0xcf8, 4, 0x80001000);
	assert_int_equal(bus_read(&vm->pio, 0xcfc, 4), 0xffffffff);
	bus_write(&vm->pio, 0xcf8, 4, 0x80000900);
	assert_int_equal(bus_read(&vm->pio, 0xcfc, 4), 0xffffffff);
	bus_write(&vm->pio, 0xcf8, 4, 0x80010800);
	assert_int_equal(bus_read(&vm->pio, 0xcfc, 4), 0xffffffff);
}

static void pci_bar(void **state)
{
	struct vm *vm = *state;
	const uint32_t size_mask = ~(uint32_t)(PCI_BAR_SIZE - 1);

	assert_int_equal(vm->rng->pci.bar, LAYOUT_PCI_WINDOW);
	/* Identity is read-only. */
	pci_config_write(&vm->pci, 1, 0, 4, 0);
	assert_int_equal(pci_config_read(&vm->pci, 1, 0, 4), 0x10441af4);
	/* Sizing. */
	pci_config_write(&vm->pci, 1, 0x10, 4, 0xffffffff);
	assert_int_equal(pci_config_read(&vm->pci, 1, 0x10, 4), size_mask);
	assert_int_equal(vm->rng->pci.bar, 0);
	/* Moving, and switching off. */
	pci_config_write(&vm->pci, 1, 0x10, 4, 0xd0000123);
	assert_int_equal(vm->rng->pci.bar, 0xd0000000);
	assert_int_equal(bus_read(&vm->mmio, 0xd0000000 + VIRTIO_PCI_COMMON_NUMQ, 2), 1);
	pci_config_write(&vm->pci, 1, 4, 2, 0);
	assert_int_equal(vm->rng->pci.bar, 0);
	assert_int_equal(bus_read(&vm->mmio, 0xd0000000 + VIRTIO_PCI_COMMON_NUMQ, 2),
			 0xffff);
	/* Off the end. */
	assert_int_equal(pci_config_read(&vm->pci, 1, 254, 4), 0xffffffff);
	assert_int_equal(pci_config_read(&vm->pci, 99, 0, 4), 0xffffffff);
}

/* Virtio. */

static void set(struct vm *vm, unsigned int reg, unsigned int size, uint64_t v)
{
	board_set(vm->rng, reg, size, v);
}

static uint64_t get(struct vm *vm, unsigned int reg, unsigned int size)
{
	return board_get(vm->rng, reg, size);
}

static void set_queue(struct vm *vm, uint64_t desc)
{
	set(vm, VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
	set(vm, VIRTIO_PCI_COMMON_Q_SIZE, 2, QUEUE);
	set(vm, VIRTIO_PCI_COMMON_Q_DESCLO, 4, desc);
	set(vm, VIRTIO_PCI_COMMON_Q_AVAILLO, 4, RINGS + 0x1000);
	set(vm, VIRTIO_PCI_COMMON_Q_USEDLO, 4, RINGS + 0x2000);
	set(vm, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
}

static void negotiate(struct vm *vm)
{
	board_negotiate(vm->rng, 0);
}

static void virtio_features(void **state)
{
	struct vm *vm = *state;

	/* Not without VERSION_1. */
	set(vm, VIRTIO_PCI_COMMON_STATUS, 1, 11);
	assert_int_equal(get(vm, VIRTIO_PCI_COMMON_STATUS, 1), 3);
	/* Nor with what was not offered. */
	negotiate(vm);
	assert_int_equal(get(vm, VIRTIO_PCI_COMMON_STATUS, 1), 11);
	set(vm, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	set(vm, VIRTIO_PCI_COMMON_GFSELECT, 4, 1);
	set(vm, VIRTIO_PCI_COMMON_GF, 4, 3);
	set(vm, VIRTIO_PCI_COMMON_STATUS, 1, 11);
	assert_int_equal(get(vm, VIRTIO_PCI_COMMON_STATUS, 1), 3);
	/* Bits are never taken back. */
	set(vm, VIRTIO_PCI_COMMON_STATUS, 1, 1);
	assert_int_equal(get(vm, VIRTIO_PCI_COMMON_STATUS, 1), 3);
}

static void virtio_latched(void **state)
{
	struct vm *vm = *state;

	negotiate(vm);
	set(vm, VIRTIO_PCI_COMMON_Q_SIZE, 2, 0);
	assert_int_equal(get(vm, VIRTIO_PCI_COMMON_Q_SIZE, 2), VIRTIO_QUEUE_SIZE);
	set(vm, VIRTIO_PCI_COMMON_Q_SIZE, 2, 24);
	set(vm, VIRTIO_PCI_COMMON_Q_SIZE, 2, 2 * VIRTIO_QUEUE_SIZE);
	assert_int_equal(get(vm, VIRTIO_PCI_COMMON_Q_SIZE, 2), VIRTIO_QUEUE_SIZE);
	set_queue(vm, RINGS);
	/* Enabled: what comes now is ignored (CVE-2026-5747 of another VMM). */
	set(vm, VIRTIO_PCI_COMMON_Q_SIZE, 2, 256);
	set(vm, VIRTIO_PCI_COMMON_Q_DESCLO, 4, 0x300000);
	assert_int_equal(get(vm, VIRTIO_PCI_COMMON_Q_SIZE, 2), QUEUE);
	assert_int_equal(get(vm, VIRTIO_PCI_COMMON_Q_DESCLO, 4), RINGS);
	/* A queue that is not there. */
	set(vm, VIRTIO_PCI_COMMON_Q_SELECT, 2, 1);
	assert_int_equal(get(vm, VIRTIO_PCI_COMMON_Q_SIZE, 2), 0);
	set(vm, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	set(vm, VIRTIO_PCI_COMMON_Q_SELECT, 2, 0xffff);
	assert_int_equal(get(vm, VIRTIO_PCI_COMMON_Q_SIZE, 2), 0);
	/* A vector that is not there. */
	set(vm, VIRTIO_PCI_COMMON_MSIX, 2, 2);
	assert_int_equal(get(vm, VIRTIO_PCI_COMMON_MSIX, 2), 0xffff);
	set(vm, VIRTIO_PCI_COMMON_MSIX, 2, 1);
	assert_int_equal(get(vm, VIRTIO_PCI_COMMON_MSIX, 2), 1);
}

/* Every register, every width, every alignment: nothing happens but answers. */
static void virtio_any_access(void **state)
{
	struct vm *vm = *state;

	for (unsigned int off = 0; off < PCI_BAR_SIZE; off += off < 0x100 ? 1 : 61)
		for (unsigned int size = 1; size <= 8; size *= 2) {
			get(vm, off, size);
			set(vm, off, size, 0xa5a5a5a5a5a5a5a5);
		}
	for (unsigned int off = 0; off < 256; off++)
		for (unsigned int size = 1; size <= 4; size *= 2) {
			pci_config_read(&vm->pci, 1, off, size);
			if (off < 0x40)
				pci_config_write(&vm->pci, 1, off, size, 0xa5a5a5a5);
		}
}

/* Parts of 32-bit registers are what they are; others have one width. */
static void virtio_narrow_reads(void **state)
{
	struct vm *vm = *state;
	uint64_t features;

	set(vm, VIRTIO_PCI_COMMON_DFSELECT, 4, 0);
	features = get(vm, VIRTIO_PCI_COMMON_DF, 4);
	assert_true(features >> 16 && features != UINT32_MAX);
	assert_int_equal(get(vm, VIRTIO_PCI_COMMON_DF, 2), features & 0xffff);
	assert_int_equal(get(vm, VIRTIO_PCI_COMMON_DF + 2, 2), features >> 16);
	assert_int_equal(get(vm, VIRTIO_PCI_COMMON_DF + 3, 1), features >> 24);
	set(vm, VIRTIO_PCI_COMMON_DFSELECT, 4, 1);
	assert_int_equal(get(vm, VIRTIO_PCI_COMMON_DF, 2), 1);
	set(vm, VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
	set(vm, VIRTIO_PCI_COMMON_Q_DESCLO, 4, 0x12345000);
	assert_int_equal(get(vm, VIRTIO_PCI_COMMON_Q_DESCLO + 1, 2), 0x3450);
	assert_int_equal(get(vm, VIRTIO_PCI_COMMON_Q_SIZE, 1), 0xff);
}

static void rng_gives(void **state)
{
	struct vm *vm = *state;
	struct vring_desc *desc = guestmem_ptr(&vm->mem, RINGS, 128);
	uint16_t *avail = guestmem_ptr(&vm->mem, RINGS + 0x1000, 32);
	uint16_t *used = guestmem_ptr(&vm->mem, RINGS + 0x2000, 128);
	uint8_t *data = guestmem_ptr(&vm->mem, DATA, 64), zero[64] = { 0 };

	negotiate(vm);
	set_queue(vm, RINGS);
	set(vm, VIRTIO_PCI_COMMON_STATUS, 1, 15);
	desc[0] = (struct vring_desc){ DATA, 64, VRING_DESC_WRITE, 0 };
	avail[1] = 1;
	set(vm, 0x3000, 2, 0);		/* the notify address of queue 0 */
	ev_run(vm->loop, EVRUN_NOWAIT);
	assert_int_equal(used[1], 1);
	assert_int_equal(used[4], 64);
	assert_memory_not_equal(data, zero, 64);
	/* A driver that lies has to reset, and then all is well again. */
	desc[0].addr = UINT64_MAX;
	avail[1] = 2;
	set(vm, 0x3000, 2, 0);
	ev_run(vm->loop, EVRUN_NOWAIT);
	assert_int_equal(get(vm, VIRTIO_PCI_COMMON_STATUS, 1), 15 | VIRTIO_NEEDS_RESET);
	assert_int_equal(used[1], 1);
	avail[1] = used[1] = 0;
	desc[0].addr = DATA;
	negotiate(vm);
	set_queue(vm, RINGS);
	set(vm, VIRTIO_PCI_COMMON_STATUS, 1, 15);
	avail[1] = 1;
	set(vm, 0x3000, 2, 0);
	ev_run(vm->loop, EVRUN_NOWAIT);
	assert_int_equal(used[1], 1);
}

static void rings_outside(void **state)
{
	struct vm *vm = *state;

	negotiate(vm);
	set_queue(vm, 0xfffffff0);
	set(vm, VIRTIO_PCI_COMMON_STATUS, 1, 15);
	assert_int_equal(get(vm, VIRTIO_PCI_COMMON_STATUS, 1), 15 | VIRTIO_NEEDS_RESET);
	assert_false(vm->rng->active);
}

/* The UART. */

static void out(struct vm *vm, unsigned int reg, uint8_t v)
{
	bus_write(&vm->pio, PORT_COM1 + reg, 1, v);
}

static uint8_t in(struct vm *vm, unsigned int reg)
{
	return (uint8_t)bus_read(&vm->pio, PORT_COM1 + reg, 1);
}

static void uart(void **state)
{
	struct vm *vm = *state;

	/* SeaBIOS's probe. */
	out(vm, UART_IER, 2);
	assert_int_equal(in(vm, UART_IER), 2);
	assert_int_equal(in(vm, UART_IIR) & 0x3f, UART_IIR_THRI);
	/* Reading it cleared it. */
	assert_int_equal(in(vm, UART_IIR) & 0x3f, UART_IIR_NO_INT);
	out(vm, UART_TX, 'x');
	assert_int_equal(in(vm, UART_IIR) & 0x3f, UART_IIR_THRI);
	/* Linux's probes: loopback, FIFO, scratch, divisor. */
	out(vm, UART_MCR, UART_MCR_LOOP | 0x0a);
	assert_int_equal(in(vm, UART_MSR) & 0xf0, 0x90);
	out(vm, UART_FCR, 1);
	assert_int_equal(in(vm, UART_IIR) >> 6, 3);
	out(vm, UART_SCR, 0x5a);
	assert_int_equal(in(vm, UART_SCR), 0x5a);
	out(vm, UART_LCR, UART_LCR_DLAB);
	out(vm, UART_DLL, 1);
	assert_int_equal(in(vm, UART_DLL), 1);
	out(vm, UART_LCR, 3);
	/* What goes round comes round, and is announced before the transmitter. */
	out(vm, UART_IER, 3);
	out(vm, UART_TX, 'y');
	assert_int_equal(in(vm, UART_IIR) & 0x3f, UART_IIR_RDI);
	assert_true(in(vm, UART_LSR) & UART_LSR_DR);
	assert_int_equal(in(vm, UART_RX), 'y');
	assert_false(in(vm, UART_LSR) & UART_LSR_DR);
	/* A flood in loopback is bounded, and said. */
	for (int i = 0; i < SERIAL_IN + 1; i++)
		out(vm, UART_TX, 'z');
	assert_true(in(vm, UART_LSR) & UART_LSR_OE);
	assert_int_equal(bus_read(&vm->pio, PORT_COM1, 2), 0xffff);
}

/* Power. */

/* A socket for one client. */

static unsigned int chardev_opened;

static unsigned int no_room(void *ctx UNUSED)
{
	return 0;
}

static void no_input(void *ctx UNUSED, const uint8_t *bytes UNUSED, unsigned int size UNUSED)
{
	fail();
}

static void note_opened(void *ctx UNUSED)
{
	chardev_opened++;
}

static void chardev_nobody(void **state)
{
	static const struct chardev_ops ops = {
		.room = no_room, .input = no_input, .opened = note_opened,
	};
	char dir[] = "/tmp/lanbox-unit.XXXXXX", path[sizeof(dir) + 2];
	struct options_chardev where = { .kind = CHARDEV_UNIX, .path = path };
	struct vm *vm = *state;
	struct chardev *dev;
	int client;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	assert_int_equal(chardev_create(vm->loop, &where, "unit", true, &ops, NULL, &dev), 0);
	/* Our end wants input, and there is nobody: nobody comes by that. */
	for (int i = 0; i < 40; i++) {
		chardev_want_input(dev);
		usleep(10000);
		ev_run(vm->loop, EVRUN_NOWAIT);
	}
	assert_int_equal(chardev_opened, 0);
	/* One comes, and goes although it is never read from. */
	client = fd_connect_unix(path);
	assert_true(client >= 0);
	for (int i = 0; i < 100 && !chardev_opened; i++)
		ev_run(vm->loop, EVRUN_NOWAIT);
	assert_int_equal(chardev_opened, 1);
	fd_close(&client);
	client = fd_connect_unix(path);
	for (int i = 0; i < 300 && chardev_opened == 1; i++) {
		usleep(10000);
		ev_run(vm->loop, EVRUN_NOWAIT);
	}
	assert_int_equal(chardev_opened, 2);
	fd_close(&client);
	chardev_destroy(dev);
	assert_int_equal(access(path, F_OK), -1);
	rmdir(dir);
}

static void power(void **state)
{
	struct vm *vm = *state;

	bus_write(&vm->pio, PORT_ACPI, 1, 5 << 2);	/* without SLP_EN */
	bus_write(&vm->pio, PORT_ACPI, 1, 3 << 2 | 32);	/* not S5 */
	bus_write(&vm->pio, PORT_KBD_STATUS, 1, 0x20);
	bus_write(&vm->pio, PORT_RESET, 1, 2);
	assert_int_equal(vm->request, VM_GO_ON);
	bus_write(&vm->pio, PORT_KBD_STATUS, 1, 0xfe);
	assert_int_equal(vm->request, VM_RESET);
	vm->request = VM_GO_ON;
	bus_write(&vm->pio, PORT_RESET, 1, 6);
	assert_int_equal(vm->request, VM_RESET);
	bus_write(&vm->pio, PORT_ACPI, 1, 5 << 2 | 32);
	assert_int_equal(vm->request, VM_POWEROFF);
	/* The strongest wish stays. */
	bus_write(&vm->pio, PORT_RESET, 1, 6);
	assert_int_equal(vm->request, VM_POWEROFF);
}

/* The PM1 block: a status that ones clear, an interrupt that is asked for, and S5. */
static void power_pm1(void **state)
{
	const uint16_t event = PORT_ACPI + POWER_PM1_EVENT;
	const uint16_t control = PORT_ACPI + POWER_PM1_CONTROL;
	struct vm *vm = *state;

	assert_int_equal(bus_read(&vm->pio, event, 4), 0);
	assert_int_equal(bus_read(&vm->pio, control, 2), 1);	/* SCI_EN */
	vm->firmware = (struct firmware *)vm;
	assert_false(power_button_works(vm));
	bus_write(&vm->pio, event + 2, 2, 0x0120);
	assert_true(power_button_works(vm));
	power_press(vm);
	assert_int_equal(bus_read(&vm->pio, event, 2), 0x0100);
	assert_int_equal(bus_read(&vm->pio, event + 2, 2), 0x0120);
	bus_write(&vm->pio, event, 2, 0x0020);
	assert_int_equal(bus_read(&vm->pio, event + 1, 1), 1);
	bus_write(&vm->pio, event, 2, 0x0100);
	assert_int_equal(bus_read(&vm->pio, event, 4), 0x01200000);
	bus_write(&vm->pio, event + 3, 1, 0);
	assert_int_equal(bus_read(&vm->pio, event, 4), 0x00200000);
	power_press(vm);
	power_reset(&vm->power);
	assert_int_equal(bus_read(&vm->pio, event, 4), 0);
	vm->firmware = NULL;

	vm->request = VM_GO_ON;
	bus_write(&vm->pio, control, 2, 5 << 10);
	bus_write(&vm->pio, control, 2, 1 << 13);
	assert_int_equal(vm->request, VM_GO_ON);
	bus_write(&vm->pio, control, 2, 1 << 13 | 5 << 10);
	assert_int_equal(vm->request, VM_POWEROFF);
	vm->request = VM_GO_ON;
	bus_write(&vm->pio, control + 1, 1, (1 << 13 | 5 << 10) >> 8);
	assert_int_equal(vm->request, VM_POWEROFF);
}

/* ACPI: every table is where the one before says, and sums up to zero. */

static uint8_t sum(const uint8_t *p, size_t n)
{
	uint8_t s = 0;

	while (n--)
		s = (uint8_t)(s + *p++);
	return s;
}

static const uint8_t *table(struct vm *vm, uint64_t addr, const char *signature)
{
	const uint8_t *p = guestmem_ptr(&vm->mem, addr, 36);
	uint32_t len;

	assert_non_null(p);
	assert_memory_equal(p, signature, 4);
	memcpy(&len, p + 4, 4);
	assert_int_equal(sum(guestmem_ptr(&vm->mem, addr, len), len), 0);
	return p;
}

static void acpi(void **state)
{
	struct vm *vm = *state;
	uint64_t addr = acpi_build(vm), fadt, madt, dsdt;
	const uint8_t *rsdp = guestmem_ptr(&vm->mem, addr, 36), *p;

	assert_memory_equal(rsdp, "RSD PTR ", 8);
	assert_int_equal(sum(rsdp, 20), 0);
	assert_int_equal(sum(rsdp, 36), 0);
	memcpy(&addr, rsdp + 24, 8);
	p = table(vm, addr, "XSDT");
	memcpy(&fadt, p + 36, 8);
	memcpy(&madt, p + 44, 8);
	p = table(vm, fadt, "FACP");
	assert_true(p[114] & 0x10);	/* flags, bit 20: hardware-reduced */
	memcpy(&dsdt, p + 140, 8);
	table(vm, dsdt, "DSDT");
	p = table(vm, madt, "APIC");
	/* Two local APICs, numbers 0 and 1, enabled. */
	assert_memory_equal(p + 44, "\0\x08\0\0\1\0\0\0\0\x08\1\1\1\0\0\0", 16);
	assert_int_equal(p[60], 1);
}

/* Behind firmware it is a PC: the registers where FADT says, nothing left out. */
static void acpi_pc(void **state)
{
	struct vm *vm = *state;
	uint64_t addr, fadt, madt;
	const uint8_t *p;
	uint32_t facs;

	vm->firmware = (struct firmware *)vm;
	addr = acpi_build(vm);
	vm->firmware = NULL;
	memcpy(&addr, (const uint8_t *)guestmem_ptr(&vm->mem, addr, 36) + 24, 8);
	p = table(vm, addr, "XSDT");
	memcpy(&fadt, p + 36, 8);
	memcpy(&madt, p + 44, 8);
	p = table(vm, fadt, "FACP");
	assert_int_equal(p[114] & 0x10, 0);	/* not hardware-reduced */
	assert_int_equal(p[112] & 0x10, 0);	/* a fixed power button */
	assert_int_equal(p[46], GSI_ACPI);
	assert_memory_equal(p + 40, p + 140, 4);
	assert_memory_equal(p + 56, "\x04\x06\0\0", 4);
	assert_memory_equal(p + 64, "\x08\x06\0\0", 4);
	assert_memory_equal(p + 88, "\x04\x02", 2);
	assert_memory_equal(p + 148, "\x01\x20\0\x02\x04\x06\0\0", 8);
	assert_memory_equal(p + 172, "\x01\x10\0\x02\x08\x06\0\0", 8);
	memcpy(&facs, p + 36, 4);
	assert_int_equal(facs % 64, 0);
	assert_memory_equal(guestmem_ptr(&vm->mem, facs, 64), "FACS\x40\0\0\0", 8);
	/* Its interrupt: 9 is 9, level, active high. */
	p = table(vm, madt, "APIC");
	assert_memory_equal(p + 44 + 16 + 12, "\x02\x0a\0\x09\x09\0\0\0\x0d\0", 10);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(pci_config, setup, teardown),
	cmocka_unit_test_setup_teardown(pci_bar, setup, teardown),
	cmocka_unit_test_setup_teardown(virtio_features, setup, teardown),
	cmocka_unit_test_setup_teardown(virtio_latched, setup, teardown),
	cmocka_unit_test_setup_teardown(virtio_any_access, setup, teardown),
	cmocka_unit_test_setup_teardown(virtio_narrow_reads, setup, teardown),
	cmocka_unit_test_setup_teardown(rng_gives, setup, teardown),
	cmocka_unit_test_setup_teardown(rings_outside, setup, teardown),
	cmocka_unit_test_setup_teardown(uart, setup, teardown),
	cmocka_unit_test_setup_teardown(chardev_nobody, setup, teardown),
	cmocka_unit_test_setup_teardown(power, setup, teardown),
	cmocka_unit_test_setup_teardown(power_pm1, setup, teardown),
	cmocka_unit_test_setup_teardown(acpi, setup, teardown),
	cmocka_unit_test_setup_teardown(acpi_pc, setup, teardown),
};

UNIT_MAIN(tests)
