/* SPDX-License-Identifier: BSD-2-Clause */
/* test-balloon.c - the memory balloon without KVM: which memory goes, and which stays */
#include "tests/unit/unit.h"

#include <linux/virtio_balloon.h>
#include <linux/virtio_pci.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/bytes.h"
#include "tests/harness/board.h"
#include "vmm/ram.h"
#include "vmm/virtio_balloon.h"

enum {
	PAGE = 4096, QUEUE = 8, INFLATE = 0, DEFLATE = 1, REPORT = 2,
	RINGS = 0x100000, DATA = 0x200000, FREE = 0x800000,
	CONFIG = 0x2000, NOTIFY = 0x3000, NOTIFY_STRIDE = 4,
};

static struct options opt = {
	.name = "unit", .cpus = 1, .topology = { 1, 1, 1 }, .ram = 32 << 20,
};

static int setup(void **state)
{
	struct vm *vm = board_new(&opt);

	*state = vm;
	assert_int_equal(virtio_balloon_create(vm, true, &vm->balloon), 0);
	board_power_on(vm);
	memset(vm->ram_host, 0xa5, vm->ram_size);
	return 0;
}

static int teardown(void **state)
{
	board_free(*state);
	return 0;
}

static void set(struct vm *vm, unsigned int reg, unsigned int size, uint64_t v)
{
	board_set(virtio_balloon_dev(vm->balloon), reg, size, v);
}

static uint64_t get(struct vm *vm, unsigned int reg, unsigned int size)
{
	return board_get(virtio_balloon_dev(vm->balloon), reg, size);
}

static void drive(struct vm *vm)
{
	memset(vm->ram_host + RINGS, 0, 0x10000);
	board_negotiate(virtio_balloon_dev(vm->balloon), 1 << VIRTIO_BALLOON_F_REPORTING);
	for (unsigned int q = 0; q < 3; q++) {
		set(vm, VIRTIO_PCI_COMMON_Q_SELECT, 2, q);
		set(vm, VIRTIO_PCI_COMMON_Q_SIZE, 2, QUEUE);
		set(vm, VIRTIO_PCI_COMMON_Q_DESCLO, 4, RINGS + q * 0x3000);
		set(vm, VIRTIO_PCI_COMMON_Q_AVAILLO, 4, RINGS + q * 0x3000 + 0x1000);
		set(vm, VIRTIO_PCI_COMMON_Q_USEDLO, 4, RINGS + q * 0x3000 + 0x2000);
		set(vm, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	}
	set(vm, VIRTIO_PCI_COMMON_STATUS, 1, 15);
	assert_int_equal(get(vm, VIRTIO_PCI_COMMON_STATUS, 1), 15);
}

/* Put one buffer into queue @q, and see that it comes back. */
static void put(struct vm *vm, unsigned int q, uint64_t addr, uint32_t len, bool in)
{
	uint8_t *ring = vm->ram_host + RINGS + q * 0x3000;
	struct vring_desc *desc = (void *)ring;
	struct vring_avail *avail = (void *)(ring + 0x1000);
	struct vring_used *used = (void *)(ring + 0x2000);

	desc[0] = (struct vring_desc){ addr, len, in ? VRING_DESC_WRITE : 0, 0 };
	avail->ring[avail->idx % QUEUE] = 0;
	avail->idx++;
	set(vm, NOTIFY + q * NOTIFY_STRIDE, 2, q);
	ev_run(vm->loop, EVRUN_NOWAIT);
	assert_int_equal(used->idx, avail->idx);
}

static bool is_free(const struct vm *vm, uint64_t addr)
{
	return !vm->ram_host[addr] && !vm->ram_host[addr + PAGE - 1];
}

static bool is_kept(const struct vm *vm, uint64_t addr)
{
	return vm->ram_host[addr] == 0xa5 && vm->ram_host[addr + PAGE - 1] == 0xa5;
}

static uint64_t file_blocks(const struct vm *vm)
{
	struct stat st;

	assert_int_equal(fstat(vm->ram, &st), 0);
	return (uint64_t)st.st_blocks;
}

static void inflate(void **state)
{
	struct vm *vm = *state;
	uint32_t *page = (void *)(vm->ram_host + DATA);
	uint64_t before = file_blocks(vm);

	drive(vm);
	/* Down, up, twice, alone, none, the last one, outside, as far outside as can be. */
	page[0] = FREE / PAGE + 2;
	page[1] = FREE / PAGE + 1;
	page[2] = FREE / PAGE + 2;
	page[3] = FREE / PAGE + 5;
	page[4] = (32 << 20) / PAGE - 1;
	page[5] = (32 << 20) / PAGE;
	page[6] = 0xffffffff;
	put(vm, INFLATE, DATA, 7 * 4 + 3, false);
	assert_true(is_kept(vm, FREE));
	assert_true(is_free(vm, FREE + PAGE));
	assert_true(is_free(vm, FREE + 2 * PAGE));
	assert_true(is_kept(vm, FREE + 3 * PAGE));
	assert_true(is_kept(vm, FREE + 4 * PAGE));
	assert_true(is_free(vm, FREE + 5 * PAGE));
	assert_true(is_kept(vm, FREE + 6 * PAGE));
	assert_true(is_free(vm, (32 << 20) - PAGE));
	assert_true(is_kept(vm, (32 << 20) - 2 * PAGE));
	/* The host has them again, but for huge pages that it splits when it likes. */
	assert_true(file_blocks(vm) <= before);
	/* More than are looked at in one go. */
	for (uint32_t i = 0; i < 600; i++)
		page[i] = FREE / PAGE + 100 + 2 * i;
	put(vm, INFLATE, DATA, 600 * 4, false);
	for (uint32_t i = 0; i < 600; i++) {
		assert_true(is_free(vm, FREE + (100 + 2 * i) * PAGE));
		assert_true(is_kept(vm, FREE + (101 + 2 * i) * PAGE));
	}
	/* More than the VM can be made to wait for. */
	memset(vm->ram_host + FREE, 0xa5, 4 * PAGE);
	memset(page, 0xff, FREE - DATA);
	page[4095] = FREE / PAGE + 1;
	page[4096] = FREE / PAGE + 2;
	put(vm, INFLATE, DATA, FREE - DATA, false);
	assert_true(is_free(vm, FREE + PAGE));
	assert_true(is_kept(vm, FREE + 2 * PAGE));
	/* Given back, they are memory as before. */
	put(vm, DEFLATE, DATA, 4, false);
	memset(vm->ram_host + FREE, 0xa5, 4 * PAGE);
	assert_true(is_kept(vm, FREE + PAGE));
}

static void reports(void **state)
{
	struct vm *vm = *state;
	uint64_t before = file_blocks(vm);

	drive(vm);
	put(vm, REPORT, FREE, 4 << 20, true);
	assert_true(file_blocks(vm) + (4 << 20) / 512 <= before);
	assert_true(is_free(vm, FREE));
	assert_true(is_free(vm, FREE + (4 << 20) - PAGE));
	assert_true(is_kept(vm, FREE - PAGE));
	assert_true(is_kept(vm, FREE + (4 << 20)));
	/* Whole pages only. */
	put(vm, REPORT, DATA + 1, 2 * PAGE - 2, true);
	assert_true(is_kept(vm, DATA));
	assert_true(is_kept(vm, DATA + PAGE));
	put(vm, REPORT, DATA + 1, 3 * PAGE - 2, true);
	assert_true(is_kept(vm, DATA));
	assert_true(is_free(vm, DATA + PAGE));
	assert_true(is_kept(vm, DATA + 2 * PAGE));
	/* What is only read is no report. */
	put(vm, REPORT, DATA + 4 * PAGE, PAGE, false);
	assert_true(is_kept(vm, DATA + 4 * PAGE));
}

/* Outside of RAM: below, above, across its end. */
static void outside(void **state)
{
	struct vm *vm = *state;
	uint8_t elsewhere[3 * PAGE];

	memset(elsewhere, 1, sizeof(elsewhere));
	ram_discard_host(vm, elsewhere, sizeof(elsewhere));
	assert_int_equal(elsewhere[PAGE], 1);
	ram_discard_host(vm, vm->ram_host - PAGE, 2 * PAGE);
	ram_discard_host(vm, vm->ram_host + vm->ram_size, PAGE);
	ram_discard_host(vm, vm->ram_host + vm->ram_size - PAGE, 2 * PAGE);
	ram_discard_host(vm, vm->ram_host + PAGE, UINT64_MAX);
	assert_true(is_kept(vm, 0));
	assert_true(is_kept(vm, vm->ram_size - PAGE));
	/* Pages that the host has set aside stay. */
	vm->ram_reserved = true;
	ram_discard_host(vm, vm->ram_host, PAGE);
	assert_true(is_kept(vm, 0));
	vm->ram_reserved = false;
	ram_discard(vm, vm->ram_size - PAGE, 2 * PAGE);
	assert_true(is_free(vm, vm->ram_size - PAGE));
}

static void wishes(void **state)
{
	struct vm *vm = *state;
	uint64_t generation;

	drive(vm);
	generation = get(vm, VIRTIO_PCI_COMMON_CFGGENERATION, 1);
	virtio_balloon_want(vm->balloon, 24 << 20);
	assert_int_equal(get(vm, CONFIG, 4), (8 << 20) / PAGE);
	assert_int_not_equal(get(vm, VIRTIO_PCI_COMMON_CFGGENERATION, 1), generation);
	assert_int_equal(virtio_balloon_actual(vm->balloon), 32 << 20);
	set(vm, CONFIG + 4, 4, (8 << 20) / PAGE);
	assert_int_equal(get(vm, CONFIG + 4, 4), (8 << 20) / PAGE);
	assert_int_equal(virtio_balloon_actual(vm->balloon), 24 << 20);
	/* Our half is not for writing, and nobody has less than nothing. */
	set(vm, CONFIG, 4, 0);
	assert_int_equal(get(vm, CONFIG, 4), (8 << 20) / PAGE);
	set(vm, CONFIG + 4, 4, 0xffffffff);
	assert_int_equal(virtio_balloon_actual(vm->balloon), 0);
	/* All there is, at most. */
	virtio_balloon_want(vm->balloon, 33 << 20);
	assert_int_equal(get(vm, CONFIG, 4), 0);
	virtio_balloon_want(vm->balloon, UINT64_MAX);
	assert_int_equal(get(vm, CONFIG, 4), 0);
	/* A new driver has it all. */
	set(vm, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	assert_int_equal(virtio_balloon_actual(vm->balloon), 32 << 20);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(inflate, setup, teardown),
	cmocka_unit_test_setup_teardown(reports, setup, teardown),
	cmocka_unit_test_setup_teardown(outside, setup, teardown),
	cmocka_unit_test_setup_teardown(wishes, setup, teardown),
};

UNIT_MAIN(tests)
