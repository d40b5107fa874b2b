/* SPDX-License-Identifier: BSD-2-Clause */
/* test-state.c - saved VMs without KVM: the file, whole and broken in every place, and
 * devices that are made from what is in it
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/serial_reg.h>
#include <linux/virtio_pci.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/crc32c.h"
#include "tests/harness/board.h"
#include "vmm/opener.h"
#include "vmm/power.h"
#include "vmm/ram.h"
#include "vmm/serial.h"
#include "vmm/state.h"
#include "vmm/virtio.h"
#include "vmm/virtio_rng.h"
#include "vmm/vm.h"

enum { PAGES = 600, USED = 5 };

/* Pages that are not zero: the first and the last byte of one, two side by side, more
 * than are written at one go, the last of all. */
static const unsigned int used[USED] = { 0, 7, 8, 500, PAGES - 1 };

static char dir[] = "/tmp/test-state.XXXXXX";
static char path[64];

static struct state_ram ram_make(unsigned int pages)
{
	struct state_ram ram = { .size = (uint64_t)pages * STATE_PAGE };

	ram.fd = memfd_create("ram", MFD_CLOEXEC);
	assert_true(ram.fd >= 0);
	assert_int_equal(ftruncate(ram.fd, (off_t)ram.size), 0);
	ram.host = mmap(NULL, ram.size, PROT_READ | PROT_WRITE, MAP_SHARED, ram.fd, 0);
	assert_ptr_not_equal(ram.host, MAP_FAILED);
	return ram;
}

static void ram_free(struct state_ram *ram)
{
	munmap(ram->host, ram->size);
	close(ram->fd);
}

static void ram_fill(struct state_ram *ram)
{
	for (int i = 0; i < USED; i++)
		ram->host[used[i] * STATE_PAGE + (i % 2 ? STATE_PAGE - 1 : 0)] =
			(uint8_t)(i + 1);
	/* Touched, and zero. */
	ram->host[20 * STATE_PAGE] = 1;
	ram->host[20 * STATE_PAGE] = 0;
}

static int save_as(const char *name, const struct state_ram *ram)
{
	struct state_progress progress = { .cancel = false };
	struct state_out out = { .data = NULL };
	int ret;

	/* A board that went has taken the list with it. */
	if (opener_save_refusal("/x"))
		assert_true(opener_may_save("/", NULL) >= 0);
	state_put(&out, "one", 3, 1, "hello", 5);
	state_put(&out, "sixteen-letters!", 0, 7, NULL, 0);
	state_put(&out, "two", 0, 2, "12345678", 8);
	ret = state_write(name, &out, ram, &progress);
	state_out_free(&out);
	if (!ret)
		assert_int_equal(progress.done, progress.pages);
	return ret;
}

/* How many files are in the folder. */
static unsigned int files(void)
{
	char command[128];
	unsigned int n = 99;
	FILE *f;

	snprintf(command, sizeof(command), "ls -A %s | wc -l", dir);
	f = popen(command, "r");
	assert_int_equal(fscanf(f, "%u", &n), 1);
	pclose(f);
	return n;
}

static int setup(void **state UNUSED)
{
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/vm", dir);
	signal(SIGXFSZ, SIG_IGN);
	return 0;
}

static int teardown(void **state UNUSED)
{
	unlink(path);
	return rmdir(dir);
}

static uint8_t *slurp(size_t *size)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	uint8_t *p;

	assert_int_equal(fstat(fd, &st), 0);
	*size = (size_t)st.st_size;
	p = malloc(*size);
	assert_int_equal(read(fd, p, *size), st.st_size);
	close(fd);
	return p;
}

static void spill(const uint8_t *p, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, p, size), size);
	close(fd);
}

/* What is wrong with the file, all of it. */
static const char *wrong(void)
{
	struct state_ram ram = ram_make(PAGES);
	struct state s;
	const char *why = state_open(&s, path);

	if (!why) {
		why = state_read_ram(&s, &ram);
		state_close(&s);
	}
	ram_free(&ram);
	return why;
}

/* Sums, that a liar makes right. */
static void reseal(uint8_t *file)
{
	struct state_head h;

	memcpy(&h, file, sizeof(h));
	h.sections_sum = crc32c(0, file + sizeof(h), h.ram_at - sizeof(h));
	h.sum = 0;
	h.sum = crc32c(0, &h, sizeof(h));
	memcpy(file, &h, sizeof(h));
}

static void sums(void **state UNUSED)
{
	uint8_t bytes[1000];

	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c_soft(0, "123456789", 9), 0xe3069283);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 ^ i >> 3);
	for (size_t n = 0; n < 40; n++)
		assert_int_equal(crc32c(7, bytes + n, sizeof(bytes) - n),
				 crc32c_soft(7, bytes + n, sizeof(bytes) - n));
	assert_int_equal(crc32c(crc32c(0, bytes, 333), bytes + 333, 667),
			 crc32c(0, bytes, 1000));
}

static void round_trip(void **state UNUSED)
{
	struct state_ram ram = ram_make(PAGES), back = ram_make(PAGES);
	struct stat st, before, after;
	struct state s;
	size_t size;

	ram_fill(&ram);
	fstat(ram.fd, &before);
	assert_int_equal(save_as(path, &ram), 0);
	/* Pages that were never touched stay so. */
	fstat(ram.fd, &after);
	assert_int_equal(after.st_blocks, before.st_blocks);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* A page of head and sections, and those that are used. */
	assert_int_equal(st.st_size, (1 + USED) * STATE_PAGE);
	assert_int_equal(files(), 1);

	assert_null(state_open(&s, path));
	assert_memory_equal(state_get(&s, "one", 3, 1, 5), "hello", 5);
	assert_memory_equal(state_get(&s, "two", 0, 2, 8), "12345678", 8);
	assert_non_null(state_get_any(&s, "sixteen-letters!", 0, 7, &size));
	assert_int_equal(size, 0);
	assert_null(state_get(&s, "one", 2, 1, 5));
	assert_null(state_get(&s, "one", 3, 2, 5));
	assert_null(state_get(&s, "one", 3, 1, 4));
	assert_null(state_get(&s, "one", 3, 1, 8));
	assert_null(state_get(&s, "on", 3, 1, 5));
	assert_null(state_get(&s, "one1", 3, 1, 5));
	assert_null(state_read_ram(&s, &back));
	assert_memory_equal(ram.host, back.host, ram.size);
	state_close(&s);
	/* Closed twice is closed. */
	state_close(&s);
	ram_free(&back);

	/* Nothing at all, and everything. */
	assert_int_equal(fallocate(ram.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				   (off_t)ram.size), 0);
	assert_int_equal(save_as(path, &ram), 0);
	stat(path, &st);
	assert_int_equal(st.st_size, STATE_PAGE);
	assert_null(wrong());
	memset(ram.host, 0xff, ram.size);
	assert_int_equal(save_as(path, &ram), 0);
	stat(path, &st);
	assert_int_equal(st.st_size, (1 + PAGES) * STATE_PAGE);
	assert_null(wrong());
	ram_free(&ram);
}

static void broken_everywhere(void **state UNUSED)
{
	struct state_ram ram = ram_make(PAGES);
	uint8_t *file;
	size_t size;

	ram_fill(&ram);
	assert_int_equal(save_as(path, &ram), 0);
	ram_free(&ram);
	file = slurp(&size);
	for (size_t n = 0; n < size; n++) {
		spill(file, n);
		assert_non_null(wrong());
	}
	for (size_t n = 0; n < size; n++) {
		file[n] ^= (uint8_t)(1 << n % 8);
		spill(file, size);
		assert_non_null(wrong());
		file[n] ^= (uint8_t)(1 << n % 8);
	}
	spill(file, size);
	assert_null(wrong());
	file = realloc(file, size + 1);
	file[size] = 0;
	spill(file, size + 1);
	assert_string_equal(wrong(), "there is something behind its end");
	free(file);
}

/* Refused for what they are. */
static void foreign(void **state UNUSED)
{
	static const char text[] = "QEVM, and more than sixty-four bytes, which is what a head "
				   "has, of something else";
	struct state s;

	unlink(path);
	assert_string_equal(state_open(&s, path), strerror(ENOENT));
	spill(NULL, 0);
	assert_string_equal(wrong(), "it is no saved VM");
	spill((const uint8_t *)text, sizeof(text));
	assert_string_equal(wrong(), "it is no saved VM");
	assert_string_equal(state_open(&s, dir), "it is no file");
	assert_string_equal(state_open(&s, "/dev/zero"), "it is no file");
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_string_equal(state_open(&s, path), "it is no file");
	unlink(path);
}

/* A file whose sums are right, and whose contents are lies. */
static void lies(void **state UNUSED)
{
	static const uint64_t sizes[] = { 6, 4096, UINT32_MAX, UINT64_MAX, UINT64_MAX - 31,
					  UINT64_MAX - 7, 1ULL << 63 };
	struct state_ram ram = ram_make(PAGES), small = ram_make(PAGES - 8);
	struct state_head h;
	struct state s;
	uint8_t *file;
	size_t size;

	ram_fill(&ram);
	assert_int_equal(save_as(path, &ram), 0);
	file = slurp(&size);

	/* RAM of another size. */
	assert_null(state_open(&s, path));
	assert_string_equal(state_read_ram(&s, &small), "its RAM has another size");
	state_close(&s);

	/* The first section says that it is longer than it is. */
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		memcpy(file + sizeof(h) + offsetof(struct state_section, size), &sizes[i], 8);
		reseal(file);
		spill(file, size);
		assert_null(state_open(&s, path));
		assert_null(state_get(&s, "one", 3, 1, 5));
		assert_null(state_get(&s, "nowhere", 0, 0, 5));
		/* With a byte more in the first, nothing that RAM needs has moved. */
		assert_int_equal(!state_read_ram(&s, &ram), i == 0);
		state_close(&s);
	}
	memcpy(file + sizeof(h) + offsetof(struct state_section, size), &(uint64_t){ 5 }, 8);

	/* One page more than there is, and one less. */
	for (int more = -1; more <= 1; more += 2) {
		uint8_t *bits = memmem(file, size, "ram\0\0\0\0", 7);

		bits += sizeof(struct state_section);
		bits[1] ^= more > 0 ? 4 : 1;
		reseal(file);
		spill(file, size);
		assert_string_equal(wrong(), "it makes no sense (how many pages it has)");
		bits[1] ^= more > 0 ? 4 : 1;
		/* Another page in its place: its sum cannot tell, and need not. */
	}

	/* Pages begin elsewhere, or are more than anybody has. */
	memcpy(&h, file, sizeof(h));
	for (int i = 0; i < 6; i++) {
		struct state_head bad = h;

		bad.ram_at = i == 0 ? 0 : i == 1 ? 1 : i == 2 ? 1ULL << 40 : i == 3 ?
			     UINT64_MAX - 4095 : h.ram_at;
		bad.pages = i == 4 ? UINT64_MAX : i == 5 ? 1ULL << 52 : h.pages;
		bad.sum = 0;
		bad.sum = crc32c(0, &bad, sizeof(bad));
		memcpy(file, &bad, sizeof(bad));
		spill(file, size);
		assert_non_null(wrong());
	}
	h.version++;
	h.sum = 0;
	h.sum = crc32c(0, &h, sizeof(h));
	memcpy(file, &h, sizeof(h));
	spill(file, size);
	assert_string_equal(wrong(), "it was saved by another version of this program");
	free(file);
	ram_free(&ram);
	ram_free(&small);
	unlink(path);
}

/* A saving that fails leaves what was there, and nothing else. */
static void failures(void **state UNUSED)
{
	const struct rlimit little = { 2 * STATE_PAGE, RLIM_INFINITY };
	const struct rlimit much = { RLIM_INFINITY, RLIM_INFINITY };
	struct state_progress progress = { .cancel = true };
	struct state_out out = { .data = NULL };
	struct state_ram ram = ram_make(PAGES);
	char other[80];

	ram_fill(&ram);
	assert_int_equal(save_as(path, &ram), 0);
	memset(ram.host, 1, ram.size);
	setrlimit(RLIMIT_FSIZE, &little);
	assert_int_equal(save_as(path, &ram), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &much);
	assert_int_equal(files(), 1);
	assert_null(wrong());
	assert_int_equal(state_write(path, &out, &ram, &progress), -ECANCELED);
	state_out_free(&out);
	assert_int_equal(files(), 1);
	assert_null(wrong());
	assert_int_equal(save_as(dir, &ram), -EEXIST);
	assert_int_equal(save_as("/dev/null", &ram), -EEXIST);
	snprintf(other, sizeof(other), "%s/no/vm", dir);
	assert_int_equal(save_as(other, &ram), -ENOENT);
	assert_int_equal(files(), 1);
	assert_int_equal(save_as(path, &ram), 0);
	assert_null(wrong());
	ram_free(&ram);
}

/* Devices: a machine with a UART, a clock and a device that gives random bytes. */

enum { RINGS = 0x100000, DATA = 0x200000, QUEUE = 8 };

static struct options opt = {
	.name = "unit", .cpus = 2, .ram = 64 << 20,
	.serial = { .kind = CHARDEV_NULL, .path = "null" },
};

static struct vm *vm_make(void)
{
	struct vm *vm = board_new(&opt);

	assert_int_equal(serial_create(vm, &opt.serial, &vm->serial), 0);
	assert_int_equal(virtio_rng_create(vm, &vm->rng), 0);
	board_power_on(vm);
	return vm;
}

static void set(struct vm *vm, unsigned int reg, unsigned int size, uint64_t v)
{
	board_set(vm->rng, reg, size, v);
}

static uint16_t *ring_used(struct vm *vm)
{
	return guestmem_ptr(&vm->mem, RINGS + 0x2000, 128);
}

/* Make the next chain available. */
static void offer(struct vm *vm)
{
	struct vring_desc *desc = guestmem_ptr(&vm->mem, RINGS, 128);
	uint16_t *avail = guestmem_ptr(&vm->mem, RINGS + 0x1000, 32);

	desc[0] = (struct vring_desc){ DATA, 64, VRING_DESC_WRITE, 0 };
	avail[1]++;
}

static void drive(struct vm *vm)
{
	pci_config_write(&vm->pci, 1, 0x10, 4, 0xd0000000);
	board_negotiate(vm->rng, 0);
	set(vm, VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
	set(vm, VIRTIO_PCI_COMMON_Q_SIZE, 2, QUEUE);
	set(vm, VIRTIO_PCI_COMMON_Q_MSIX, 2, 1);
	set(vm, VIRTIO_PCI_COMMON_Q_DESCLO, 4, RINGS);
	set(vm, VIRTIO_PCI_COMMON_Q_AVAILLO, 4, RINGS + 0x1000);
	set(vm, VIRTIO_PCI_COMMON_Q_USEDLO, 4, RINGS + 0x2000);
	set(vm, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	set(vm, VIRTIO_PCI_COMMON_STATUS, 1, 15);
	set(vm, PCI_BAR_MSIX_TABLE + 16, 4, 0xfee00000);
	set(vm, PCI_BAR_MSIX_TABLE + 24, 4, 0x4041);
	offer(vm);
	set(vm, 0x3000, 2, 0);
	ev_run(vm->loop, EVRUN_NOWAIT);
	assert_int_equal(ring_used(vm)[1], 1);
	bus_write(&vm->pio, PORT_COM1 + UART_MCR, 1, UART_MCR_LOOP);
	bus_write(&vm->pio, PORT_COM1, 1, 'a');
	bus_write(&vm->pio, PORT_COM1, 1, 'b');
	bus_write(&vm->pio, PORT_COM1 + UART_SCR, 1, 0x5a);
	bus_write(&vm->pio, PORT_CMOS, 1, 0x70);
	bus_write(&vm->pio, PORT_CMOS + 1, 1, 0x77);
}

static void collect(struct vm *vm, struct state_out *out)
{
	virtio_freeze(vm->rng);
	/* A frozen device does nothing, whatever it is told. */
	offer(vm);
	eventfd_write(vm->rng->queue[0].kickfd, 1);
	ev_run(vm->loop, EVRUN_NOWAIT);
	assert_int_equal(ring_used(vm)[1], 1);
	serial_save(vm->serial, out);
	cmos_save(&vm->cmos, out);
	pci_save(&vm->pci, out);
	virtio_save(vm->rng, out);
}

static const char *load(struct vm *vm, const struct state_out *out)
{
	const struct state s = { .fd = -1, .data = out->data, .size = out->size };
	const char *why = serial_load(vm->serial, &s);

	if (!why)
		why = cmos_load(&vm->cmos, &s);
	if (!why)
		why = pci_load(&vm->pci, &s);
	return why ? why : virtio_load(vm->rng, &s);
}

static void devices(void **state UNUSED)
{
	struct vm *vm = vm_make(), *next = vm_make();
	struct state_out out = { .data = NULL };
	uint8_t zero[64] = { 0 };

	drive(vm);
	collect(vm, &out);
	memcpy(next->ram_host, vm->ram_host, 4 << 20);
	memset(next->ram_host + DATA, 0, 64);
	assert_null(load(next, &out));
	assert_int_equal(next->rng->pci.bar, 0xd0000000);
	assert_int_equal(next->rng->pci.vector[1].msi.addr, 0xfee00000);
	assert_int_equal(next->rng->pci.vector[1].msi.data, 0x4041);
	assert_int_equal(bus_read(&next->pio, PORT_COM1, 1), 'a');
	assert_int_equal(bus_read(&next->pio, PORT_COM1, 1), 'b');
	assert_int_equal(bus_read(&next->pio, PORT_COM1 + UART_SCR, 1), 0x5a);
	assert_int_equal(bus_read(&next->pio, PORT_CMOS + 1, 1), 0x77);
	/* Frozen until it is thawed, and then what was offered meanwhile is done. */
	ev_run(next->loop, EVRUN_NOWAIT);
	assert_int_equal(ring_used(next)[1], 1);
	virtio_thaw(next->rng);
	ev_run(next->loop, EVRUN_NOWAIT);
	assert_int_equal(ring_used(next)[1], 2);
	assert_memory_not_equal(next->ram_host + DATA, zero, 64);
	offer(next);
	set(next, 0x3000, 2, 0);
	ev_run(next->loop, EVRUN_NOWAIT);
	assert_int_equal(ring_used(next)[1], 3);
	/* The first goes on by itself, too. */
	virtio_thaw(vm->rng);
	ev_run(vm->loop, EVRUN_NOWAIT);
	assert_int_equal(ring_used(vm)[1], 2);
	state_out_free(&out);
	board_free(vm);
	board_free(next);
}

/* A driver that has broken the rules is no reason not to go on with all the rest. */
static void broken_driver(void **state UNUSED)
{
	struct vm *vm = vm_make(), *next = vm_make();
	struct state_out out = { .data = NULL };

	drive(vm);
	virtio_break(vm->rng, "it is a test");
	collect(vm, &out);
	memcpy(next->ram_host, vm->ram_host, 4 << 20);
	assert_null(load(next, &out));
	virtio_thaw(next->rng);
	set(next, 0x3000, 2, 0);
	ev_run(next->loop, EVRUN_NOWAIT);
	assert_int_equal(ring_used(next)[1], 1);
	assert_int_equal(bus_read(&next->mmio, 0xd0000000 + VIRTIO_PCI_COMMON_STATUS, 1),
			 15 | VIRTIO_NEEDS_RESET);
	/* A reset, and it works. */
	set(next, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	memset(next->ram_host + RINGS, 0, 0x4000);
	drive(next);
	state_out_free(&out);
	board_free(vm);
	board_free(next);
}

/* Sections that are missing, or of another device. */
static void other_devices(void **state UNUSED)
{
	static const char *const names[] = { "serial", "cmos", "pci", "pci-device", "virtio" };
	struct vm *vm = vm_make(), *next = vm_make();
	struct state_out out = { .data = NULL };
	uint8_t *used_idx, *p;

	drive(vm);
	collect(vm, &out);
	memcpy(next->ram_host, vm->ram_host, 4 << 20);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		p = memmem(out.data, out.size, names[i], strlen(names[i]) + 1);
		p[0] = 'X';
		assert_non_null(load(next, &out));
		p[0] = (uint8_t)names[i][0];
	}
	/* A ring that is not where the device left it. */
	used_idx = (uint8_t *)&ring_used(next)[1];
	used_idx[0]++;
	assert_string_equal(load(next, &out), "it makes no sense (a ring)");
	used_idx[0]--;
	virtio_reset(next->rng);
	assert_null(load(next, &out));
	state_out_free(&out);
	board_free(vm);
	board_free(next);
}

/* Every byte of every section changed: refused, or a device that harms nobody. */
static void hostile_devices(void **state UNUSED)
{
	struct vm *vm = vm_make(), *next = vm_make();
	struct state_out out = { .data = NULL };
	unsigned int refused = 0;

	drive(vm);
	collect(vm, &out);
	for (size_t i = 0; i < out.size; i++) {
		for (int bit = 0; bit < 8; bit += 7) {
			out.data[i] ^= (uint8_t)(1 << bit);
			memcpy(next->ram_host + RINGS, vm->ram_host + RINGS, 0x4000);
			if (load(next, &out)) {
				refused++;
			} else {
				virtio_thaw(next->rng);
				ev_run(next->loop, EVRUN_NOWAIT);
				for (unsigned int n = 0; n < 4; n++)
					bus_read(&next->pio, PORT_COM1, 1);
				bus_write(&next->pio, PORT_CMOS + 1, 1, 1);
				pci_raise(&next->rng->pci, 1);
				set(next, 0x3000, 2, 0);
				ev_run(next->loop, EVRUN_NOWAIT);
			}
			out.data[i] ^= (uint8_t)(1 << bit);
			virtio_reset(next->rng);
			pci_reset(&next->pci);
		}
	}
	assert_true(refused > 100);
	memcpy(next->ram_host + RINGS, vm->ram_host + RINGS, 0x4000);
	assert_null(load(next, &out));
	state_out_free(&out);
	board_free(vm);
	board_free(next);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(sums),
	cmocka_unit_test(round_trip),
	cmocka_unit_test(broken_everywhere),
	cmocka_unit_test(foreign),
	cmocka_unit_test(lies),
	cmocka_unit_test(failures),
	cmocka_unit_test(devices),
	cmocka_unit_test(broken_driver),
	cmocka_unit_test(other_devices),
	cmocka_unit_test(hostile_devices),
};

int main(void)
{
	return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
