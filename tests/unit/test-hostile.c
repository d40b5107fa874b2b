/* SPDX-License-Identifier: BSD-2-Clause */
/* test-hostile.c - What a guest may not do to its VMM, and files that are no kernels
 *
 * The registers beside PCI, driven over the bus without KVM; the rows of the catalogue
 * that each case shows are in tests/guest/ids. Rings and requests are in the tests of
 * their devices.
 */
#include "tests/unit/unit.h"

#include <asm/bootparam.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/bytes.h"
#include "lib/fd.h"
#include "vmm/boot.h"
#include "vmm/fwcfg.h"
#include "vmm/power.h"
#include "vmm/ram.h"
#include "vmm/ram_file.h"
#include "vmm/serial.h"
#include "vmm/vm.h"

enum {
	DMA_AT = 0x100000,
	DATA_AT = 0x200000,
	RAM = 64 << 20,
	FILE_SIZE = 5 * 512 + 0x1000,	/* of a kernel: setup code and the rest */
	CUT = 4096,
};

static struct options opt = {
	.name = "unit", .cpus = 1, .topology = { 1, 1, 1 }, .ram = RAM, .append = "",
	.serial = { .kind = CHARDEV_NULL, .path = "null" },
};

static void wake_cb(struct ev_loop *loop UNUSED, ev_async *w UNUSED, int revents UNUSED)
{
}

static int setup(void **state)
{
	struct vm *vm = test_calloc(1, sizeof(*vm));

	*state = vm;
	vm->opt = &opt;
	vm->fd = vm->kvm = vm->ram = vm->irq.vm = -1;
	vm->loop = ev_loop_new(EVFLAG_AUTO);
	ev_set_userdata(vm->loop, vm);
	ev_async_init(&vm->wake, wake_cb);
	ev_async_start(vm->loop, &vm->wake);
	assert_int_equal(ram_create(vm), 0);
	assert_int_equal(power_create(vm), 0);
	assert_int_equal(cmos_init(&vm->cmos, &vm->pio), 0);
	assert_int_equal(fwcfg_create(vm, &vm->fwcfg), 0);
	assert_int_equal(pci_init(&vm->pci, &vm->pio, &vm->mmio, &vm->irq), 0);
	assert_int_equal(serial_create(vm, &opt.serial, &vm->serial), 0);
	pci_reset(&vm->pci);
	serial_reset(vm->serial);
	cmos_reset(&vm->cmos, vm->low, 0, 1);
	return 0;
}

static int teardown(void **state)
{
	struct vm *vm = *state;

	serial_destroy(vm->serial);
	fwcfg_destroy(vm->fwcfg);
	ram_destroy(vm);
	ev_async_stop(vm->loop, &vm->wake);
	ev_loop_destroy(vm->loop);
	test_free(vm);
	return 0;
}

/* Ports. */

/* Each port at each width: reading asks for nothing, and what is not there in full is
 * all ones. */
static void ports_read(void **state)
{
	struct vm *vm = *state;

	for (uint32_t port = 0; port < 65536; port++)
		for (unsigned int size = 1; size <= 4; size *= 2)
			assert_true(bus_read(&vm->pio, port, size) <= bus_ones(size));
	assert_int_equal(vm->request, VM_GO_ON);
	for (unsigned int size = 1; size <= 4; size *= 2) {
		assert_int_equal(bus_read(&vm->pio, 0x1234, size), bus_ones(size));
		assert_int_equal(bus_read(&vm->pio, 0xffff, size), bus_ones(size));
	}
	/* Over the end of COM1, of the clock and of PCI; in front of the reset register. */
	assert_int_equal(bus_read(&vm->pio, PORT_COM1 + 7, 2), 0xffff);
	assert_int_equal(bus_read(&vm->pio, PORT_CMOS + 1, 4), 0xffffffff);
	assert_int_equal(bus_read(&vm->pio, PORT_PCI_DATA + 3, 2), 0xffff);
	assert_int_equal(bus_read(&vm->pio, PORT_RESET - 1, 2), 0xffff);
}

/* Writing ends the machine in the ways that there are, and in no other. */
static void ports_written(void **state)
{
	static const uint32_t values[] = { 0, 0xffffffff, 0x55555555, 0xfefefefe, 0x80000800 };
	struct vm *vm = *state;

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		for (uint32_t port = 0; port < 65536; port++) {
			for (unsigned int size = 1; size <= 4; size *= 2) {
				vm->request = VM_GO_ON;
				bus_write(&vm->pio, port, size, values[i]);
				if (vm->request == VM_GO_ON)
					continue;
				assert_true(port == PORT_RESET || port == PORT_KBD_STATUS ||
					    (port >= PORT_ACPI && port < PORT_ACPI + 16));
			}
		}
	}
	/* And some items of a string at each. */
	for (uint32_t port = 0; port < 65536; port += 3)
		for (uint32_t n = 0; n < 8; n++)
			bus_write(&vm->pio, port, 1, n * 37);
	assert_int_equal(vm->mem.count, 1);
}

/* The clock's memory: an index of seven bits, whatever is written. */
static void clock_any(void **state)
{
	struct vm *vm = *state;

	for (unsigned int i = 0; i < 65536; i++) {
		bus_write(&vm->pio, PORT_CMOS, 2, i);
		bus_write(&vm->pio, PORT_CMOS + 1, 1, i >> 4);
		bus_write(&vm->pio, PORT_CMOS, 1, i);
		assert_true(bus_read(&vm->pio, PORT_CMOS + 1, 1) <= 0xff);
		assert_true(vm->cmos.index < CMOS_SIZE);
	}
}

/* fw_cfg. */

static void dma(struct vm *vm, uint64_t at, uint32_t control, uint32_t length, uint64_t addr)
{
	uint8_t *p = guestmem_ptr(&vm->mem, at, 16);
	const struct be32 words[] = { be32(control), be32(length),
				      be32((uint32_t)(addr >> 32)), be32((uint32_t)addr) };

	if (p)
		memcpy(p, words, sizeof(words));
	bus_write(&vm->pio, PORT_FWCFG + 4, 4, __builtin_bswap32((uint32_t)(at >> 32)));
	bus_write(&vm->pio, PORT_FWCFG + 8, 4, __builtin_bswap32((uint32_t)at));
}

static uint32_t dma_result(struct vm *vm)
{
	struct be32 v;

	memcpy(&v, guestmem_ptr(&vm->mem, DMA_AT, 4), 4);
	return be32_get(v);
}

static void fwcfg_any(void **state)
{
	static const char text[] = "0123456789";
	enum { READ = 2, SKIP = 4, SELECT = 8, WRITE = 16, FILE_KEY = 0x20 };
	struct vm *vm = *state;
	uint8_t *data = guestmem_ptr(&vm->mem, DATA_AT, 64);

	assert_int_equal(fwcfg_add_file(vm->fwcfg, "etc/x", text, 10), 0);
	/* A key that is nobody's, and behind the end: zeros. */
	for (uint32_t key = 0; key < 65536; key++) {
		bus_write(&vm->pio, PORT_FWCFG, 2, key);
		for (int i = 0; i < 2; i++)
			assert_true(bus_read(&vm->pio, PORT_FWCFG + 1, 1) <= 0xff);
	}
	assert_int_equal(bus_read(&vm->pio, PORT_FWCFG + 1, 1), 0);
	bus_write(&vm->pio, PORT_FWCFG, 2, FILE_KEY);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(bus_read(&vm->pio, PORT_FWCFG + 1, 1), i < 10 ? text[i] : 0);
	/* Other widths are nothing. */
	assert_int_equal(bus_read(&vm->pio, PORT_FWCFG + 1, 2), 0xffff);
	bus_write(&vm->pio, PORT_FWCFG, 4, FILE_KEY);
	bus_write(&vm->pio, PORT_FWCFG + 1, 1, 'x');
	/* As it should be, longer than the file, and skipped to its end and beyond. */
	memset(data, 0xee, 64);
	dma(vm, DMA_AT, FILE_KEY << 16 | SELECT | READ, 20, DATA_AT);
	assert_int_equal(dma_result(vm), 0);
	assert_memory_equal(data, "0123456789\0\0\0\0\0\0\0\0\0\0\xee", 21);
	for (int i = 0; i < 300; i++)
		dma(vm, DMA_AT, SKIP, 0xffffff, 0);
	dma(vm, DMA_AT, READ, 4, DATA_AT);
	assert_memory_equal(data, "\0\0\0\0" "456789", 10);
	/* Nowhere, half outside, wrapping, too long, and writing. */
	memset(data, 0xee, 64);
	dma(vm, DMA_AT, FILE_KEY << 16 | SELECT | READ, 4, 0xd0000000);
	assert_int_equal(dma_result(vm), 1);
	dma(vm, DMA_AT, READ, 4, RAM - 2);
	assert_int_equal(dma_result(vm), 1);
	dma(vm, DMA_AT, READ, 4, UINT64_MAX - 1);
	assert_int_equal(dma_result(vm), 1);
	dma(vm, DMA_AT, READ, 0xffffffff, DATA_AT);
	assert_int_equal(dma_result(vm), 1);
	dma(vm, DMA_AT, READ, (1 << 24) + 1, DATA_AT);
	assert_int_equal(dma_result(vm), 1);
	dma(vm, DMA_AT, SKIP, 0xffffffff, 0);
	assert_int_equal(dma_result(vm), 1);
	dma(vm, DMA_AT, WRITE, 4, DATA_AT);
	assert_int_equal(dma_result(vm), 1);
	assert_int_equal(data[0], 0xee);
	/* The request itself outside of memory, or half. */
	dma(vm, RAM - 8, READ, 4, DATA_AT);
	dma(vm, 0xd0000000, READ, 4, DATA_AT);
	dma(vm, UINT64_MAX - 7, READ, 4, DATA_AT);
	assert_int_equal(data[0], 0xee);
	/* It reads into itself. */
	dma(vm, DMA_AT, FILE_KEY << 16 | SELECT | READ, 16, DMA_AT);
	assert_int_equal(dma_result(vm), 0);
}

/* Kernels and initrds, cut off anywhere. */

static char path[] = "/tmp/lanbox-hostile.XXXXXX";
static int stderr_fd;

/* Thousands of complaints are nobody's reading. */
static void hush(bool on)
{
	int fd;

	if (!on) {
		dup2(stderr_fd, STDERR_FILENO);
		close(stderr_fd);
		return;
	}
	stderr_fd = dup(STDERR_FILENO);
	fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	dup2(fd, STDERR_FILENO);
	close(fd);
}

/* A kernel in a file, each field of it as it should be. */
static int kernel_file(struct setup_header *h)
{
	uint8_t bytes[FILE_SIZE] = { 0 };
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	*h = (struct setup_header){
		.setup_sects = 4, .syssize = 0x1000 / 16, .boot_flag = 0xaa55, .jump = 0x6aeb,
		.header = 0x53726448, .version = 0x20f, .loadflags = LOADED_HIGH,
		.initrd_addr_max = 0x7fffffff, .cmdline_size = 2047,
		.xloadflags = XLF_KERNEL_64, .pref_address = 0x1000000, .init_size = 0x10000,
	};
	memcpy(bytes + 0x1f1, h, sizeof(*h));
	assert_int_equal(pwrite(fd, bytes, sizeof(bytes), 0), (ssize_t)sizeof(bytes));
	return fd;
}

static void kernel_gone(struct vm *vm, int fd)
{
	vm->opt = &opt;
	close(fd);
	unlink(path);
	memset(path + strlen(path) - 6, 'X', 6);
}

static int try_boot(struct vm *vm)
{
	int ret = boot_open(vm, &vm->boot);

	if (!ret)
		ret = boot_load(vm);
	boot_close(vm->boot);
	vm->boot = NULL;
	return ret;
}

static void files_cut(void **state)
{
	struct options o = { .name = "unit", .cpus = 1, .topology = { 1, 1, 1 }, .ram = RAM,
			     .append = "", .kernel = path };
	struct vm *vm = *state;
	struct setup_header h;
	int fd = kernel_file(&h);

	vm->opt = &o;
	assert_int_equal(try_boot(vm), 0);
	hush(true);
	for (off_t size = CUT - 1; size >= 0; size--) {
		assert_int_equal(ftruncate(fd, size), 0);
		assert_true(try_boot(vm) < 0);
	}
	hush(false);
	kernel_gone(vm, fd);
}

static void kernel_lies(void **state)
{
	static const struct { size_t off; uint64_t value; unsigned int size; bool good; } lies[] = {
		{ offsetof(struct setup_header, setup_sects), 0, 1, true },
		{ offsetof(struct setup_header, setup_sects), 1, 1, true },
		{ offsetof(struct setup_header, setup_sects), 255, 1, false },
		{ offsetof(struct setup_header, syssize), 0xffffffff, 4, false },
		{ offsetof(struct setup_header, payload_offset), 0xffffffff, 4, true },
		{ offsetof(struct setup_header, payload_length), 0xffffffff, 4, true },
		{ offsetof(struct setup_header, init_size), 0xffffffff, 4, false },
		{ offsetof(struct setup_header, init_size), RAM, 4, false },
		{ offsetof(struct setup_header, pref_address), RAM, 8, false },
		{ offsetof(struct setup_header, pref_address), 0, 8, false },
		{ offsetof(struct setup_header, pref_address), 1ULL << 63, 8, false },
		{ offsetof(struct setup_header, header), 0, 4, false },
		{ offsetof(struct setup_header, xloadflags), 0, 2, false },
		{ offsetof(struct setup_header, cmdline_size), 3, 4, false },
		{ offsetof(struct setup_header, jump), 0xffff, 2, true },
		{ offsetof(struct setup_header, jump), 0, 2, true },
		{ offsetof(struct setup_header, initrd_addr_max), 0, 4, false },
	};
	struct options o = { .name = "unit", .cpus = 1, .topology = { 1, 1, 1 }, .ram = RAM,
			     .append = "abcd", .kernel = path, .initrd = "/proc/self/exe" };
	struct vm *vm = *state;
	struct setup_header h;
	int fd = kernel_file(&h);

	vm->opt = &o;
	assert_int_equal(try_boot(vm), 0);
	hush(true);
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		struct setup_header lie = h;

		memcpy((uint8_t *)&lie + lies[i].off, &lies[i].value, lies[i].size);
		assert_int_equal(pwrite(fd, &lie, sizeof(lie), 0x1f1), (ssize_t)sizeof(lie));
		assert_int_equal(try_boot(vm) == 0, lies[i].good);
	}
	for (unsigned int version = 0x200; version <= 0x20f; version++) {
		struct setup_header old = h;

		old.version = (uint16_t)version;
		assert_int_equal(pwrite(fd, &old, sizeof(old), 0x1f1), (ssize_t)sizeof(old));
		assert_int_equal(try_boot(vm) == 0, version >= 0x20c);
	}
	hush(false);
	kernel_gone(vm, fd);
}

/* They become shorter between being looked at and being loaded: when the guest restarts,
 * for one. */
static void files_shrink(void **state)
{
	char initrd[] = "/tmp/lanbox-hostile.XXXXXX";
	struct options o = { .name = "unit", .cpus = 1, .topology = { 1, 1, 1 }, .ram = RAM,
			     .append = "", .kernel = path, .initrd = initrd };
	struct vm *vm = *state;
	struct setup_header h;
	int fd = kernel_file(&h), initrd_fd = mkstemp(initrd);

	vm->opt = &o;
	/* Nothing, and more than there is room for. */
	assert_true(try_boot(vm) < 0);
	assert_int_equal(ftruncate(initrd_fd, RAM), 0);
	assert_true(try_boot(vm) < 0);
	assert_int_equal(ftruncate(initrd_fd, (off_t)1 << 40), 0);
	assert_true(try_boot(vm) < 0);
	assert_int_equal(ftruncate(initrd_fd, 1 << 20), 0);
	assert_int_equal(boot_open(vm, &vm->boot), 0);
	assert_int_equal(boot_load(vm), 0);
	assert_int_equal(ftruncate(initrd_fd, 4096), 0);
	assert_true(boot_load(vm) < 0);
	assert_int_equal(ftruncate(initrd_fd, 1 << 20), 0);
	assert_int_equal(ftruncate(fd, 2048), 0);
	assert_true(boot_load(vm) < 0);
	boot_close(vm->boot);
	vm->boot = NULL;
	/* No files at all. */
	o.initrd = "/dev/zero";
	assert_true(try_boot(vm) < 0);
	o.kernel = "/";
	assert_true(try_boot(vm) < 0);
	close(initrd_fd);
	unlink(initrd);
	kernel_gone(vm, fd);
}

/* Who gets the guest's memory to work in cannot take any of it away. Only a memfd can be
 * sealed, and here it is one, though there may be no huge pages to fill it; where only files
 * on a tmpfs can have huge pages memory is such a file. */
static void memory_sealed(void **state UNUSED)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	const struct ram_source src = { .hugetlb = true };
	struct ram_file f;

	assert_int_equal(ram_file_open(&f, &src, 4 << 20), 0);
	assert_int_equal(fcntl(f.fd, F_GET_SEALS), seals);
	assert_int_equal(ftruncate(f.fd, 2 << 20), -1);
	assert_int_equal(ftruncate(f.fd, 8 << 20), -1);
	assert_int_equal(lseek(f.fd, 0, SEEK_END), 4 << 20);
	close(f.fd);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(ports_read, setup, teardown),
	cmocka_unit_test_setup_teardown(ports_written, setup, teardown),
	cmocka_unit_test_setup_teardown(clock_any, setup, teardown),
	cmocka_unit_test_setup_teardown(fwcfg_any, setup, teardown),
	cmocka_unit_test(memory_sealed),
	cmocka_unit_test_setup_teardown(files_cut, setup, teardown),
	cmocka_unit_test_setup_teardown(kernel_lies, setup, teardown),
	cmocka_unit_test_setup_teardown(files_shrink, setup, teardown),
};

UNIT_MAIN(tests)
