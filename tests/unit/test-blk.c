/* SPDX-License-Identifier: BSD-2-Clause */
/* test-blk.c - disks: limits, overlays and locks by themselves, then the device on a
 * machine of memory and registers, driven as a guest would, with both engines
 *
 * The system calls that the threads make are ours: they count, check, fail and wait
 * as a test wants it.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_pci.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/iov.h"
#include "lib/log.h"
#include "lib/vring_driver.h"
#include "tests/harness/board.h"
#include "vmm/disk.h"
#include "vmm/disk_chain.h"
#include "vmm/options_drive.h"
#include "vmm/qsd.h"
#include "vmm/ram.h"
#include "vmm/virtio.h"
#include "vmm/virtio_blk.h"
#include "vmm/vm.h"

enum {
	RINGS = 0x100000, HEADERS = 0x200000, DATA = 0x300000, STATUS = 0x2f0000,
	QUEUE = 256, IMAGE = 1 << 20, SECTORS = IMAGE / 512,
};

#define ALL_FEATURES	UINT64_MAX

/* The calls of the threads. */

static struct {
	int syncs, writes_at_sync, writes, holes;
	int sync_error, hole_error;
	bool hold;
	int held;
	useconds_t delay;
	uint32_t block;
	int odd;
} calls;

/* Stop here for as long as a test wants it. */
static void call_hold(void)
{
	__atomic_add_fetch(&calls.held, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&calls.hold, __ATOMIC_SEQ_CST))
		usleep(1000);
}

static void call_check(const struct iovec *iov, int cnt, off_t off)
{
	if (calls.block && ((uint64_t)off | iov_size(iov, (size_t)cnt)) & (calls.block - 1))
		calls.odd++;
}

ssize_t preadv(int fd, const struct iovec *iov, int cnt, off_t off)
{
	ssize_t n;

	call_check(iov, cnt, off);
	call_hold();
	n = syscall(SYS_preadv, fd, iov, cnt, off, 0);
	usleep(calls.delay);
	return n;
}

ssize_t pwritev(int fd, const struct iovec *iov, int cnt, off_t off)
{
	call_check(iov, cnt, off);
	call_hold();
	usleep(calls.delay);
	__atomic_add_fetch(&calls.writes, 1, __ATOMIC_SEQ_CST);
	return syscall(SYS_pwritev, fd, iov, cnt, off, 0);
}

int fdatasync(int fd UNUSED)
{
	call_hold();
	calls.syncs++;
	calls.writes_at_sync = __atomic_load_n(&calls.writes, __ATOMIC_SEQ_CST);
	errno = calls.sync_error;
	return calls.sync_error ? -1 : 0;
}

int fallocate(int fd, int mode, off_t off, off_t len)
{
	calls.holes++;
	errno = calls.hole_error;
	return calls.hole_error ? -1 : (int)syscall(SYS_fallocate, fd, mode, off, len);
}

/* Limits. */

static void limits(void **state UNUSED)
{
	const uint64_t s = 1000000000;
	struct throttle t = { .rate = { [THROTTLE_BPS_TOTAL] = 1000,
					[THROTTLE_IOPS_WRITE] = 10 } };
	struct throttle none = { 0 };
	uint64_t now = 5 * s, sent = 0;

	assert_false(throttle_any(&none));
	throttle_charge(&none, now, true, 1 << 30);
	assert_int_equal(throttle_wait(&none, now, true), 0);
	assert_true(throttle_any(&t));
	/* A large one goes, and is paid for afterwards. */
	assert_int_equal(throttle_wait(&t, now, false), 0);
	throttle_charge(&t, now, false, 2000);
	assert_int_equal(throttle_wait(&t, now, false), 2 * s - s / 10);
	assert_int_equal(throttle_wait(&t, now + s, false), s - s / 10);
	assert_int_equal(throttle_wait(&t, now + 2 * s, false), 0);
	/* An idle disk saves up no more than the burst. */
	now += 1000 * s;
	for (; !throttle_wait(&t, now, false); sent += 10)
		throttle_charge(&t, now, false, 10);
	assert_in_range(sent, 100, 120);
	/* Over ten seconds the rate is what it should be. */
	for (sent = 0; now < 1015 * s; now += s / 1000)
		for (; !throttle_wait(&t, now, false); sent += 7)
			throttle_charge(&t, now, false, 7);
	assert_in_range(sent, 9900, 10200);
	/* A limit of writes does not concern reads. */
	now += 10 * s;
	for (int i = 0; i < 5; i++)
		throttle_charge(&t, now, true, 0);
	assert_true(throttle_wait(&t, now, true));
	assert_int_equal(throttle_wait(&t, now, false), 0);
	/* The largest of all numbers do no harm. */
	t.rate[THROTTLE_BPS_TOTAL] = THROTTLE_RATE_MAX;
	throttle_charge(&t, now, false, 1ULL << 62);
	assert_true(throttle_wait(&t, now, false) > 100 * s);
}

/* The map of an overlay, beside an array that says the same. */
static void overlay_map(void **state UNUSED)
{
	enum { N = 1000 };
	struct overlay o;
	bool model[N] = { false }, ours;

	assert_int_equal(overlay_open(&o, N * 512), 0);
	srand(1);
	for (int round = 0; round < 300; round++) {
		unsigned int at = (unsigned int)rand() % N;
		unsigned int n = (unsigned int)rand() % MIN(N - at, round < 100 ? 3 : 200);

		overlay_mark(&o, at * 512, n * 512);
		for (unsigned int i = 0; i < n; i++)
			model[at + i] = true;
		for (unsigned int i = 0; i < N; ) {
			unsigned int k = i;
			uint64_t run = overlay_run(&o, i * 512, (N - i) * 512, &ours);

			while (k < N && model[k] == model[i])
				k++;
			assert_int_equal(ours, model[i]);
			assert_int_equal(run, (k - i) * 512);
			i = k;
		}
	}
	/* From the middle of a sector, and no more than was asked for. */
	overlay_mark(&o, 0, N * 512);
	assert_int_equal(overlay_run(&o, 700, 100, &ours), 100);
	assert_true(ours);
	overlay_close(&o);
	/* A sector that is there in part is not there. */
	assert_int_equal(overlay_open(&o, N * 512), 0);
	overlay_mark(&o, 512, 1000);
	assert_int_equal(overlay_run(&o, 512, 5000, &ours), 512);
	assert_true(ours);
	overlay_close(&o);
}

static void formats(void **state UNUSED)
{
	uint8_t head[512] = "QFI\xfb";

	assert_string_equal(disk_file_looks_like(head, 512), "qcow2");
	assert_null(disk_file_looks_like(head, 3));
	memcpy(head, "KDMV", 4);
	assert_string_equal(disk_file_looks_like(head, 512), "vmdk");
	memset(head, 0, 4);
	memcpy(head + 64, "\x7f\x10\xda\xbe", 4);
	assert_string_equal(disk_file_looks_like(head, 512), "vdi");
	memset(head, 0, sizeof(head));
	head[510] = 0x55;
	head[511] = 0xaa;
	assert_null(disk_file_looks_like(head, 512));
	assert_null(disk_file_looks_like(head, 0));
}

/* The machine. */

/**
 * struct rig - A machine with one disk
 * @opt:	Its options, of which there is one drive
 * @path:	The image
 * @model:	What it should contain
 */
struct rig {
	struct vm *vm;
	struct options opt;
	char dir[64], path[80];
	struct virtio_dev *dev;
	struct vring_driver ring;
	uint64_t features;
	unsigned int descs;
	uint8_t model[IMAGE];
};

static uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 7 + i / 512 * 3 + i / 65536);
}

static void image_write(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	close(fd);
}

static struct rig *rig_new(void)
{
	struct rig *r = test_calloc(1, sizeof(*r));

	log_set_level(LOG_LEVEL_ERR);
	memset(&calls, 0, sizeof(calls));
	strcpy(r->dir, "/tmp/test-blk.XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	snprintf(r->path, sizeof(r->path), "%s/image", r->dir);
	for (size_t i = 0; i < IMAGE; i++)
		r->model[i] = pattern(i);
	image_write(r->path, r->model, IMAGE);
	r->opt = (struct options){ .name = "unit", .cpus = 1, .topology = { 1, 1, 1 }, .ram = 64 << 20, .drives = 1 };
	r->opt.drive[0] = (struct options_drive){
		.file = r->path, .writeback = true, .discard = true, .lock = true,
		.serial = "0123456789abcdefghij",
	};
	return r;
}

static void rig_start(struct rig *r)
{
	r->vm = board_new(&r->opt);
	assert_int_equal(virtio_blk_create(r->vm, &r->opt.drive[0], &r->vm->disks[0]), 0);
	assert_int_equal(virtio_blk_start_threads(r->vm->disks[0]), 0);
	r->dev = virtio_blk_dev(r->vm->disks[0]);
	board_power_on(r->vm);
}

static void rig_stop(struct rig *r)
{
	board_free(r->vm);
	r->vm = NULL;
}

static void rig_free(struct rig *r)
{
	if (r->vm)
		rig_stop(r);
	unlink(r->path);
	assert_int_equal(rmdir(r->dir), 0);
	test_free(r);
}

static uint64_t config(struct rig *r, unsigned int off, unsigned int size)
{
	return board_get(r->dev, 0x2000 + off, size);
}

#define CONFIG(r, member) \
	config(r, offsetof(struct virtio_blk_config, member), \
	       sizeof(((struct virtio_blk_config *)0)->member))

static void *mem(struct rig *r, uint64_t addr)
{
	return board_mem(r->vm, addr);
}

/* Reset the device and start it with those of @features that it has. */
static void drive(struct rig *r, uint64_t features)
{
	static const struct board_rings rings = { RINGS, 0, 1, QUEUE };

	r->features = board_drive(r->dev, features, &rings, &r->ring);
	r->descs = 0;
}

static bool broken(struct rig *r)
{
	return board_status(r->dev) & VIRTIO_NEEDS_RESET;
}

/** struct piece - A buffer of a chain */
struct piece {
	uint64_t addr;
	uint32_t len;
	bool in;
};

/* Offer a chain. Return: its head. */
static uint16_t offer(struct rig *r, const struct piece *p, unsigned int n)
{
	uint16_t head = (uint16_t)(r->descs % QUEUE);

	for (unsigned int i = 0; i < n; i++) {
		unsigned int d = (head + i) % QUEUE, next = (d + 1) % QUEUE;

		r->ring.desc[d] = (struct vring_desc){
			p[i].addr, p[i].len,
			(uint16_t)((p[i].in ? VRING_DESC_WRITE : 0) |
				   (i + 1 < n ? VRING_DESC_NEXT : 0)), (uint16_t)next,
		};
	}
	r->descs += n;
	vring_driver_add(&r->ring, head);
	return head;
}

static void kick(struct rig *r)
{
	if (vring_driver_publish(&r->ring))
		board_set(r->dev, 0x3000, 2, 0);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Wait for a chain to come back. Return: its head, -1 if the device broke. */
static int32_t wait_used(struct rig *r, uint32_t *len)
{
	double end = seconds() + 10;

	while (!vring_driver_has_used(&r->ring)) {
		if (broken(r))
			return -1;
		assert_true(seconds() < end);
		ev_run(r->vm->loop, EVRUN_NOWAIT);
		if (vring_driver_want_call(&r->ring))
			break;
		usleep(50);
	}
	return vring_driver_get(&r->ring, len);
}

static void header(struct rig *r, uint64_t addr, uint32_t type, uint64_t sector)
{
	const struct virtio_blk_outhdr h = { .type = type, .sector = sector };

	memcpy(mem(r, addr), &h, sizeof(h));
}

/* Send a chain and wait. Return: the status that lies at STATUS, -1 if the device
 * broke. */
static int run_chain(struct rig *r, const struct piece *p, unsigned int n)
{
	uint8_t *status = mem(r, STATUS);
	uint16_t head;
	uint32_t len;
	int32_t got;

	*status = 0xee;
	head = offer(r, p, n);
	kick(r);
	got = wait_used(r, &len);
	if (got < 0)
		return -1;
	assert_int_equal(got, head);
	assert_int_not_equal(*status, 0xee);
	return *status;
}

/* A request in the form that drivers use; the data is at DATA. */
static int request(struct rig *r, uint32_t type, uint64_t sector, uint32_t len)
{
	struct piece p[3] = { { HEADERS, 16, false } };
	unsigned int n = 1;

	header(r, HEADERS, type, sector);
	if (len)
		p[n++] = (struct piece){ DATA, len, type == VIRTIO_BLK_T_IN ||
						    type == VIRTIO_BLK_T_GET_ID };
	p[n++] = (struct piece){ STATUS, 1, true };
	return run_chain(r, p, n);
}

static int range(struct rig *r, uint32_t type, uint64_t sector, uint32_t n, uint32_t flags)
{
	const struct virtio_blk_discard_write_zeroes d = { sector, n, flags };

	memcpy(mem(r, DATA), &d, sizeof(d));
	return request(r, type, 0, sizeof(d));
}

/* The image is as long as it was, and contains what the model does. */
static void image_is(struct rig *r, const uint8_t *want, size_t size)
{
	uint8_t *have = test_malloc(size);
	struct stat st;
	int fd = open(r->path, O_RDONLY);

	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, size);
	assert_int_equal(read(fd, have, size), size);
	assert_memory_equal(have, want, size);
	close(fd);
	test_free(have);
}

/* Requests. */

static void transfers(enum aio_engine engine)
{
	struct rig *r = rig_new();
	uint8_t *data;

	r->opt.drive[0].aio = engine;
	rig_start(r);
	data = mem(r, DATA);
	drive(r, ALL_FEATURES);
	assert_int_equal(request(r, VIRTIO_BLK_T_IN, 0, IMAGE), VIRTIO_BLK_S_OK);
	assert_memory_equal(data, r->model, IMAGE);
	for (size_t i = 0; i < 8192; i++)
		data[i] = r->model[100 * 512 + i] = (uint8_t)(i * i);
	assert_int_equal(request(r, VIRTIO_BLK_T_OUT, 100, 8192), VIRTIO_BLK_S_OK);
	memset(data, 'x', 4096);
	memset(r->model + IMAGE - 512, 'x', 512);
	assert_int_equal(request(r, VIRTIO_BLK_T_OUT, SECTORS - 1, 512), VIRTIO_BLK_S_OK);
	assert_int_equal(request(r, VIRTIO_BLK_T_IN, 99, 1024), VIRTIO_BLK_S_OK);
	assert_memory_equal(data, r->model + 99 * 512, 1024);
	assert_int_equal(request(r, VIRTIO_BLK_T_FLUSH, 0, 0), VIRTIO_BLK_S_OK);
	assert_int_equal(request(r, VIRTIO_BLK_T_IN, 5, 0), VIRTIO_BLK_S_OK);
	/* Many at once, in any order. */
	for (unsigned int i = 0; i < 64; i++) {
		const struct piece p[] = {
			{ HEADERS + 16 * i, 16, false },
			{ DATA + 4096 * i, 4096, true }, { STATUS + i, 1, true },
		};

		header(r, p[0].addr, VIRTIO_BLK_T_IN, i * 31);
		offer(r, p, 3);
	}
	memset(mem(r, STATUS), 0xee, 64);
	kick(r);
	for (unsigned int i = 0; i < 64; i++) {
		uint32_t len;

		assert_true(wait_used(r, &len) >= 0);
		assert_int_equal(len, 4097);
	}
	for (unsigned int i = 0; i < 64; i++) {
		assert_int_equal(((uint8_t *)mem(r, STATUS))[i], 0);
		assert_memory_equal(data + 4096 * i, r->model + 512 * 31 * i, 4096);
	}
	image_is(r, r->model, IMAGE);
	rig_free(r);
}

static void transfers_uring(void **state UNUSED)
{
	transfers(AIO_AUTO);
}

static void transfers_threads(void **state UNUSED)
{
	transfers(AIO_THREADS);
	assert_true(calls.writes);
}

/* What the device says of itself. */
static void configuration(void **state UNUSED)
{
	struct rig *r = rig_new();

	rig_start(r);
	drive(r, ALL_FEATURES);
	assert_int_equal(CONFIG(r, capacity), SECTORS);
	assert_int_equal(CONFIG(r, blk_size), 512);
	assert_int_equal(CONFIG(r, seg_max), QUEUE - 2);
	assert_int_equal(CONFIG(r, physical_block_exp), 3);
	assert_int_equal(CONFIG(r, wce), 1);
	assert_int_equal(CONFIG(r, max_discard_seg), 1);
	assert_true(virtio_has(r->dev, VIRTIO_BLK_F_DISCARD));
	assert_true(virtio_has(r->dev, VIRTIO_BLK_F_WRITE_ZEROES));
	assert_true(virtio_has(r->dev, VIRTIO_BLK_F_FLUSH));
	assert_false(virtio_has(r->dev, VIRTIO_BLK_F_RO));
	/* Nothing but the cache can be written, and it not with junk. */
	board_set(r->dev, 0x2000, 4, 0xffffffff);
	board_set(r->dev, 0x2000 + offsetof(struct virtio_blk_config, wce), 1, 7);
	assert_int_equal(CONFIG(r, capacity), SECTORS);
	assert_int_equal(CONFIG(r, wce), 1);
	board_set(r->dev, 0x2000 + offsetof(struct virtio_blk_config, wce), 1, 0);
	assert_int_equal(CONFIG(r, wce), 0);
	drive(r, ALL_FEATURES);
	assert_int_equal(CONFIG(r, wce), 1);
	/* A driver may write it before it is ready; a reset forgets it all the same. */
	board_set(r->dev, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	r->dev->features = r->features;
	board_set(r->dev, 0x2000 + offsetof(struct virtio_blk_config, wce), 1, 0);
	assert_int_equal(CONFIG(r, wce), 0);
	board_set(r->dev, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	assert_int_equal(CONFIG(r, wce), 1);
	rig_free(r);
}

/* Buffers may begin and end anywhere. */
static void layouts(void **state UNUSED)
{
	struct rig *r = rig_new();
	struct piece p[64];
	uint8_t *data;

	rig_start(r);
	data = mem(r, DATA);
	drive(r, ALL_FEATURES);
	for (unsigned int cut = 1; cut < 16; cut++) {
		/* Header and data of a write in one, cut somewhere; at odd addresses. */
		header(r, HEADERS + 1, VIRTIO_BLK_T_OUT, cut);
		memset(mem(r, HEADERS + 17), (int)cut, 512);
		memset(r->model + 512 * cut, (int)cut, 512);
		p[0] = (struct piece){ HEADERS + 1, cut, false };
		p[1] = (struct piece){ HEADERS + 1 + cut, 528 - cut, false };
		p[2] = (struct piece){ STATUS, 1, true };
		assert_int_equal(run_chain(r, p, 3), VIRTIO_BLK_S_OK);
		/* A read whose status is the last byte of its data. */
		header(r, HEADERS, VIRTIO_BLK_T_IN, cut);
		p[0] = (struct piece){ HEADERS, 16, false };
		p[1] = (struct piece){ STATUS - 512, cut, true };
		p[2] = (struct piece){ STATUS - 512 + cut, 513 - cut, true };
		memset(mem(r, STATUS - 512), 0, 512);
		assert_int_equal(run_chain(r, p, 3), VIRTIO_BLK_S_OK);
		assert_memory_equal(mem(r, STATUS - 512), r->model + 512 * cut, 512);
	}
	/* A header in sixteen pieces, data in bytes and all the rest. */
	header(r, HEADERS, VIRTIO_BLK_T_IN, 3);
	for (unsigned int i = 0; i < 16; i++)
		p[i] = (struct piece){ HEADERS + i, 1, false };
	for (unsigned int i = 0; i < 16; i++)
		p[16 + i] = (struct piece){ DATA + i, 1, true };
	p[32] = (struct piece){ DATA + 16, 1024 - 16, true };
	p[33] = (struct piece){ STATUS, 1, true };
	assert_int_equal(run_chain(r, p, 34), VIRTIO_BLK_S_OK);
	assert_memory_equal(data, r->model + 3 * 512, 1024);
	image_is(r, r->model, IMAGE);
	rig_free(r);
}

/* Requests that make no sense leave the image alone. */
static void out_of_range(void **state UNUSED)
{
	static const struct {
		uint64_t sector;
		uint32_t len;
	} bad[] = {
		{ SECTORS, 512 }, { SECTORS - 1, 1024 }, { 0, IMAGE + 512 },
		{ UINT64_MAX, 512 }, { UINT64_MAX - 1, 1024 }, { 1ULL << 55, 512 },
		{ (1ULL << 55) - 1, 1024 }, { 1ULL << 63, 4096 }, { SECTORS + 1, 0 },
		{ 0, 511 }, { 0, 513 }, { 0, 1 }, { SECTORS - 1, 1000 },
	};
	struct rig *r = rig_new();

	r->opt.drive[0].aio = AIO_THREADS;
	rig_start(r);
	drive(r, ALL_FEATURES);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(request(r, VIRTIO_BLK_T_OUT, bad[i].sector, bad[i].len),
				 VIRTIO_BLK_S_IOERR);
		assert_int_equal(request(r, VIRTIO_BLK_T_IN, bad[i].sector, bad[i].len),
				 VIRTIO_BLK_S_IOERR);
	}
	for (uint32_t type = VIRTIO_BLK_T_DISCARD; type <= VIRTIO_BLK_T_WRITE_ZEROES;
	     type += 2) {
		assert_int_equal(range(r, type, SECTORS, 1, 0), VIRTIO_BLK_S_IOERR);
		assert_int_equal(range(r, type, 1, SECTORS, 0), VIRTIO_BLK_S_IOERR);
		assert_int_equal(range(r, type, UINT64_MAX, 2, 0), VIRTIO_BLK_S_IOERR);
		assert_int_equal(range(r, type, 1ULL << 55, 1, 0), VIRTIO_BLK_S_IOERR);
		assert_int_equal(range(r, type, 0, UINT32_MAX, 0), VIRTIO_BLK_S_IOERR);
		assert_int_equal(range(r, type, 0, 1, 2), VIRTIO_BLK_S_UNSUPP);
		/* None, a part of one, and two. */
		assert_int_equal(request(r, type, 0, 0), VIRTIO_BLK_S_IOERR);
		assert_int_equal(request(r, type, 0, 15), VIRTIO_BLK_S_IOERR);
		assert_int_equal(request(r, type, 0, 32), VIRTIO_BLK_S_IOERR);
	}
	assert_int_equal(range(r, VIRTIO_BLK_T_DISCARD, 0, 1, 1), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(request(r, 2, 0, 512), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(request(r, VIRTIO_BLK_T_SECURE_ERASE, 0, 16), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(request(r, 0x80000000, 0, 0), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(request(r, 0xffffffff, 0, 0), VIRTIO_BLK_S_UNSUPP);
	image_is(r, r->model, IMAGE);
	assert_false(broken(r));
	/* More at one go than was said to be possible. */
	rig_stop(r);
	assert_int_equal(truncate(r->path, 1LL << 32), 0);
	rig_start(r);
	drive(r, ALL_FEATURES);
	assert_int_equal(range(r, VIRTIO_BLK_T_DISCARD, 0, (4 << 20) + 1, 0),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(range(r, VIRTIO_BLK_T_WRITE_ZEROES, 0, (4 << 20) + 1, 0),
			 VIRTIO_BLK_S_IOERR);
	/* None of that got as far as the image. */
	assert_int_equal(calls.held, 0);
	assert_int_equal(calls.holes, 0);
	rig_free(r);
}

/* A read without room for data must not write to what is only to be read. */
static void wrong_way(void **state UNUSED)
{
	struct rig *r = rig_new();
	uint8_t *data;
	struct piece p[] = {
		{ HEADERS, 16, false }, { DATA, 512, false }, { STATUS, 1, true },
	};

	rig_start(r);
	drive(r, ALL_FEATURES);
	data = mem(r, DATA);
	memset(data, 'z', 512);
	header(r, HEADERS, VIRTIO_BLK_T_IN, 0);
	run_chain(r, p, 3);
	for (int i = 0; i < 512; i++)
		assert_int_equal(data[i], 'z');
	/* And a write whose data is where the device should write, writes nothing. */
	p[1].in = true;
	header(r, HEADERS, VIRTIO_BLK_T_OUT, 0);
	run_chain(r, p, 3);
	image_is(r, r->model, IMAGE);
	rig_free(r);
}

/* Chains that are no requests: the device is still until it is reset. */
static void no_request(void **state UNUSED)
{
	static const struct piece chains[][3] = {
		{ { HEADERS, 16, false }, { DATA, 512, false } },	/* no status */
		{ { HEADERS, 15, false }, { STATUS, 1, true } },	/* short */
		{ { HEADERS, 16, true }, { STATUS, 1, true } },		/* no header */
		{ { HEADERS, 16, false }, { 0xfffff000, 512, true }, { STATUS, 1, true } },
		{ { HEADERS, 16, false }, { DATA, 0, true }, { STATUS, 1, true } },
		{ { STATUS, 1, true }, { HEADERS, 16, false } },	/* wrong order */
	};
	struct rig *r = rig_new();

	rig_start(r);
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		unsigned int n = 0;

		while (n < 3 && chains[i][n].addr)
			n++;
		drive(r, ALL_FEATURES);
		header(r, HEADERS, VIRTIO_BLK_T_IN, 0);
		assert_int_equal(run_chain(r, chains[i], n), -1);
	}
	drive(r, ALL_FEATURES);
	assert_int_equal(request(r, VIRTIO_BLK_T_IN, 0, 512), VIRTIO_BLK_S_OK);
	image_is(r, r->model, IMAGE);
	rig_free(r);
}

static void identity(void **state UNUSED)
{
	struct rig *r = rig_new();
	uint8_t *data;

	rig_start(r);
	drive(r, ALL_FEATURES);
	data = mem(r, DATA);
	memset(data, 'z', 64);
	assert_int_equal(request(r, VIRTIO_BLK_T_GET_ID, 0, 7), VIRTIO_BLK_S_OK);
	assert_memory_equal(data, "0123456zz", 9);
	assert_int_equal(request(r, VIRTIO_BLK_T_GET_ID, 0, 64), VIRTIO_BLK_S_OK);
	assert_memory_equal(data, "0123456789abcdefghijz", 21);
	assert_int_equal(request(r, VIRTIO_BLK_T_GET_ID, 0, 0), VIRTIO_BLK_S_OK);
	rig_free(r);
}

static void read_only(void **state UNUSED)
{
	struct rig *r = rig_new();

	r->opt.drive[0].readonly = true;
	r->opt.drive[0].aio = AIO_THREADS;
	rig_start(r);
	drive(r, ALL_FEATURES);
	assert_true(virtio_has(r->dev, VIRTIO_BLK_F_RO));
	assert_int_equal(request(r, VIRTIO_BLK_T_OUT, 0, 512), VIRTIO_BLK_S_IOERR);
	assert_int_equal(calls.held, 0);
	assert_int_equal(range(r, VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(range(r, VIRTIO_BLK_T_DISCARD, 0, 8, 0), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(request(r, VIRTIO_BLK_T_FLUSH, 0, 0), VIRTIO_BLK_S_OK);
	assert_int_equal(request(r, VIRTIO_BLK_T_IN, 0, 512), VIRTIO_BLK_S_OK);
	assert_memory_equal(mem(r, DATA), r->model, 512);
	image_is(r, r->model, IMAGE);
	rig_free(r);
}

static void holes(void **state UNUSED)
{
	struct rig *r = rig_new();

	rig_start(r);
	for (int fails = 0; fails < 2; fails++) {
		/* The second time by a file system that can do nothing. */
		calls.hole_error = fails ? EOPNOTSUPP : 0;
		drive(r, ALL_FEATURES);
		for (unsigned int unmap = 0; unmap < 2; unmap++) {
			unsigned int at = 3 + 500 * unmap + 1000 * (unsigned int)fails;

			assert_int_equal(range(r, VIRTIO_BLK_T_WRITE_ZEROES, at, 300, unmap),
					 VIRTIO_BLK_S_OK);
			memset(r->model + at * 512, 0, 300 * 512);
			image_is(r, r->model, IMAGE);
		}
		assert_int_equal(range(r, VIRTIO_BLK_T_DISCARD, 320, 8, 0),
				 VIRTIO_BLK_S_OK);
		if (!fails)
			memset(r->model + 320 * 512, 0, 8 * 512);
		image_is(r, r->model, IMAGE);
	}
	/* Without discard=unmap there is none. */
	rig_stop(r);
	r->opt.drive[0].discard = false;
	rig_start(r);
	drive(r, ALL_FEATURES);
	calls.hole_error = 0;
	assert_false(virtio_has(r->dev, VIRTIO_BLK_F_DISCARD));
	assert_int_equal(CONFIG(r, write_zeroes_may_unmap), 0);
	assert_int_equal(range(r, VIRTIO_BLK_T_DISCARD, 0, 8, 0), VIRTIO_BLK_S_UNSUPP);
	image_is(r, r->model, IMAGE);
	rig_free(r);
}

/* An image that ends within a sector. */
static void odd_size(void **state UNUSED)
{
	struct rig *r = rig_new();
	uint8_t *data;

	image_write(r->path, r->model, 1000);
	rig_start(r);
	drive(r, ALL_FEATURES);
	data = mem(r, DATA);
	memset(data, 'z', 1024);
	memset(r->model + 1000, 0, 24);
	assert_int_equal(CONFIG(r, capacity), 2);
	assert_int_equal(request(r, VIRTIO_BLK_T_IN, 0, 1024), VIRTIO_BLK_S_OK);
	assert_memory_equal(data, r->model, 1024);
	assert_int_equal(request(r, VIRTIO_BLK_T_IN, 2, 512), VIRTIO_BLK_S_IOERR);
	image_is(r, r->model, 1000);
	memset(data, 'q', 512);
	memset(r->model + 512, 'q', 512);
	assert_int_equal(request(r, VIRTIO_BLK_T_OUT, 1, 512), VIRTIO_BLK_S_OK);
	image_is(r, r->model, 1024);
	rig_free(r);
}

/* The host takes the image away under the guest. */
static void truncated(void **state UNUSED)
{
	struct rig *r = rig_new();

	rig_start(r);
	drive(r, ALL_FEATURES);
	assert_int_equal(truncate(r->path, 5000), 0);
	assert_int_equal(request(r, VIRTIO_BLK_T_IN, 0, 4096), VIRTIO_BLK_S_OK);
	assert_int_equal(request(r, VIRTIO_BLK_T_IN, 8, 4096), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(r, VIRTIO_BLK_T_IN, 100, 512), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(r, VIRTIO_BLK_T_IN, 0, 512), VIRTIO_BLK_S_OK);
	rig_free(r);
}

/* What is safe, and when. */

static void flushes(void **state UNUSED)
{
	const uint64_t no_flush = ~(1ULL << VIRTIO_BLK_F_FLUSH);
	const uint64_t no_wce = ~(1ULL << VIRTIO_BLK_F_CONFIG_WCE);
	const unsigned int wce = 0x2000 + offsetof(struct virtio_blk_config, wce);
	struct rig *r = rig_new();

	r->opt.drive[0].aio = AIO_THREADS;
	rig_start(r);
	drive(r, ALL_FEATURES);
	assert_int_equal(request(r, VIRTIO_BLK_T_OUT, 0, 512), VIRTIO_BLK_S_OK);
	assert_int_equal(calls.syncs, 0);
	assert_int_equal(request(r, VIRTIO_BLK_T_FLUSH, 0, 0), VIRTIO_BLK_S_OK);
	assert_int_equal(calls.syncs, 1);
	assert_int_equal(calls.writes_at_sync, 1);
	/* The guest chooses to do without a cache: what was written so far is made
	 * safe, and from now on each write is. */
	board_set(r->dev, wce, 1, 0);
	assert_int_equal(calls.syncs, 2);
	assert_int_equal(request(r, VIRTIO_BLK_T_OUT, 0, 512), VIRTIO_BLK_S_OK);
	assert_int_equal(calls.syncs, 3);
	assert_int_equal(calls.writes_at_sync, 2);
	board_set(r->dev, wce, 1, 1);
	assert_int_equal(range(r, VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0), VIRTIO_BLK_S_OK);
	assert_int_equal(calls.syncs, 3);
	/* A driver that knows of no flushes. */
	drive(r, no_flush);
	assert_int_equal(request(r, VIRTIO_BLK_T_OUT, 0, 512), VIRTIO_BLK_S_OK);
	assert_int_equal(calls.syncs, 4);
	assert_int_equal(calls.writes_at_sync, 3);
	assert_int_equal(range(r, VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0), VIRTIO_BLK_S_OK);
	assert_int_equal(calls.syncs, 5);
	assert_int_equal(request(r, VIRTIO_BLK_T_IN, 0, 512), VIRTIO_BLK_S_OK);
	assert_int_equal(calls.syncs, 5);
	/* cache=writethrough, and a driver that cannot change it. */
	rig_stop(r);
	r->opt.drive[0].writeback = false;
	rig_start(r);
	drive(r, no_wce);
	assert_int_equal(request(r, VIRTIO_BLK_T_OUT, 0, 512), VIRTIO_BLK_S_OK);
	assert_int_equal(calls.syncs, 6);
	/* A disk that fails, and a write that depends on it. */
	calls.sync_error = EIO;
	assert_int_equal(request(r, VIRTIO_BLK_T_OUT, 0, 512), VIRTIO_BLK_S_IOERR);
	calls.sync_error = 0;
	assert_int_equal(request(r, VIRTIO_BLK_T_FLUSH, 0, 0), VIRTIO_BLK_S_IOERR);
	/* cache=unsafe */
	rig_stop(r);
	r->opt.drive[0].writeback = r->opt.drive[0].no_flush = true;
	rig_start(r);
	calls.syncs = 0;
	drive(r, no_flush);
	assert_int_equal(request(r, VIRTIO_BLK_T_OUT, 0, 512), VIRTIO_BLK_S_OK);
	assert_int_equal(request(r, VIRTIO_BLK_T_FLUSH, 0, 0), VIRTIO_BLK_S_OK);
	assert_int_equal(calls.syncs, 0);
	rig_free(r);
}

/* A flush is not answered before fdatasync() is, nor held up by a limit. */
static void flush_waits(void **state UNUSED)
{
	const struct piece p[] = { { HEADERS, 16, false }, { STATUS, 1, true } };
	const struct piece read[] = {
		{ HEADERS + 16, 16, false }, { DATA, 512, true }, { STATUS + 1, 1, true },
	};
	struct rig *r = rig_new();
	double start = seconds();
	uint32_t len;

	r->opt.drive[0].aio = AIO_THREADS;
	r->opt.drive[0].throttle.rate[THROTTLE_IOPS_TOTAL] = 1;
	rig_start(r);
	drive(r, ALL_FEATURES);
	calls.hold = true;
	header(r, HEADERS, VIRTIO_BLK_T_FLUSH, 0);
	offer(r, p, 2);
	kick(r);
	for (int i = 0; i < 20; i++) {
		ev_run(r->vm->loop, EVRUN_NOWAIT);
		usleep(1000);
	}
	assert_int_equal(calls.held, 1);
	assert_false(vring_driver_has_used(&r->ring));
	__atomic_store_n(&calls.hold, false, __ATOMIC_SEQ_CST);
	assert_int_equal(wait_used(r, &len), 0);
	/* Three reads, of which one may go at once, and a flush behind them. */
	header(r, HEADERS + 16, VIRTIO_BLK_T_IN, 0);
	for (int i = 0; i < 3; i++)
		offer(r, read, 3);
	offer(r, p, 2);
	kick(r);
	assert_int_equal(wait_used(r, &len) + wait_used(r, &len), 2 + 11);
	assert_true(seconds() - start < 0.5);
	rig_free(r);
}

/* Resets. */

/* Release the threads a moment from now. */
static void *release_later(void *arg UNUSED)
{
	usleep(50000);
	__atomic_store_n(&calls.hold, false, __ATOMIC_SEQ_CST);
	return NULL;
}

/* Requests under way when the driver resets: the reset waits for those that have
 * begun, drops the others, and nothing is written to memory afterwards. */
static void reset_under_way(enum aio_engine engine, bool hostile)
{
	struct rig *r = rig_new();
	bool untouched = true;
	pthread_t helper;
	uint8_t *data;

	r->opt.drive[0].aio = engine;
	r->opt.drive[0].direct = engine != AIO_THREADS;
	rig_start(r);
	drive(r, ALL_FEATURES);
	data = mem(r, DATA);
	calls.hold = engine == AIO_THREADS;
	for (unsigned int i = 0; i < 80; i++) {
		const struct piece p[] = {
			{ HEADERS + 16 * i, 16, false },
			{ DATA + 8192 * i, 8192, true }, { STATUS + i, 1, true },
		};

		header(r, p[0].addr, VIRTIO_BLK_T_IN, i);
		offer(r, p, 3);
	}
	if (hostile) {
		const struct piece p[] = { { HEADERS, 3, false }, { STATUS, 1, true } };

		offer(r, p, 2);
	}
	kick(r);
	pthread_create(&helper, NULL, release_later, NULL);
	ev_run(r->vm->loop, EVRUN_NOWAIT);
	if (!hostile)
		board_set(r->dev, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	assert_int_equal(broken(r), hostile);
	memset(data, 'z', 8192 * 80);
	memset(mem(r, STATUS), 'z', 80);
	usleep(50000);
	for (int i = 0; i < 3; i++)
		ev_run(r->vm->loop, EVRUN_NOWAIT);
	for (unsigned int i = 0; i < 8192 * 80; i++)
		untouched &= data[i] == 'z';
	for (unsigned int i = 0; i < 80; i++)
		untouched &= ((uint8_t *)mem(r, STATUS))[i] == 'z';
	assert_true(untouched);
	pthread_join(helper, NULL);
	/* And all works again. */
	drive(r, ALL_FEATURES);
	assert_int_equal(request(r, VIRTIO_BLK_T_IN, 7, 512), VIRTIO_BLK_S_OK);
	assert_memory_equal(data, r->model + 7 * 512, 512);
	rig_free(r);
}

static void reset_threads(void **state UNUSED)
{
	reset_under_way(AIO_THREADS, false);
	/* Of eighty, those that no thread had begun were not done at all. */
	assert_in_range(calls.held, 1, 82);
}

static void reset_uring(void **state UNUSED)
{
	reset_under_way(AIO_AUTO, false);
}

static void break_under_way(void **state UNUSED)
{
	reset_under_way(AIO_THREADS, true);
	reset_under_way(AIO_AUTO, true);
}

/* A request of many steps ends with the one that is under way. */
static void reset_between_steps(void **state UNUSED)
{
	const struct piece p[] = {
		{ HEADERS, 16, false }, { DATA, 16, false }, { STATUS, 1, true },
	};
	const struct virtio_blk_discard_write_zeroes d = { 0, SECTORS, 0 };
	struct rig *r = rig_new();
	pthread_t helper;

	r->opt.drive[0].aio = AIO_THREADS;
	calls.hole_error = EOPNOTSUPP;
	rig_start(r);
	drive(r, ALL_FEATURES);
	memcpy(mem(r, DATA), &d, sizeof(d));
	header(r, HEADERS, VIRTIO_BLK_T_WRITE_ZEROES, 0);
	offer(r, p, 3);
	kick(r);
	calls.hold = true;
	while (!__atomic_load_n(&calls.held, __ATOMIC_SEQ_CST))
		ev_run(r->vm->loop, EVRUN_NOWAIT);
	pthread_create(&helper, NULL, release_later, NULL);
	board_set(r->dev, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	assert_int_equal(calls.writes, 1);
	pthread_join(helper, NULL);
	rig_free(r);
}

/* The machine ends with requests under way. */
static void end_under_way(void **state UNUSED)
{
	const struct piece p[] = {
		{ HEADERS, 16, false }, { DATA, 4096, true }, { STATUS, 1, true },
	};
	struct rig *r = rig_new();
	pthread_t helper;

	r->opt.drive[0].aio = AIO_THREADS;
	rig_start(r);
	drive(r, ALL_FEATURES);
	calls.hold = true;
	header(r, HEADERS, VIRTIO_BLK_T_IN, 0);
	for (int i = 0; i < 20; i++)
		offer(r, p, 3);
	kick(r);
	ev_run(r->vm->loop, EVRUN_NOWAIT);
	pthread_create(&helper, NULL, release_later, NULL);
	rig_free(r);
	pthread_join(helper, NULL);
}

/* The same chain offered again and again, while the disk does not answer. */
static void too_many(void **state UNUSED)
{
	const struct piece p[] = {
		{ HEADERS, 16, false }, { DATA, 512, true }, { STATUS, 1, true },
	};
	struct rig *r = rig_new();
	pthread_t helper;

	r->opt.drive[0].aio = AIO_THREADS;
	rig_start(r);
	drive(r, ALL_FEATURES);
	calls.hold = true;
	header(r, HEADERS, VIRTIO_BLK_T_IN, 0);
	offer(r, p, 3);
	for (int i = 1; i < QUEUE; i++)
		vring_driver_add(&r->ring, 0);
	kick(r);
	ev_run(r->vm->loop, EVRUN_NOWAIT);
	assert_false(broken(r));
	pthread_create(&helper, NULL, release_later, NULL);
	vring_driver_add(&r->ring, 0);
	kick(r);
	ev_run(r->vm->loop, EVRUN_NOWAIT);
	ev_run(r->vm->loop, EVRUN_NOWAIT);
	assert_true(broken(r));
	pthread_join(helper, NULL);
	rig_free(r);
}

/* Overlays, blocks and engines: random requests, beside a model. */

/**
 * struct variant - A way to have a disk
 * @block:	If not 0, a file that wants whole blocks of this size
 * @no_holes:	A file system that can make none
 * @served:	By a qemu-storage-daemon
 */
struct variant {
	enum aio_engine engine;
	bool snapshot, direct, no_holes, served;
	uint32_t block;
};

/** struct job - A request, by itself */
struct job {
	struct disk_req req;
	struct iovec iov[4];
	int err;
	bool over;
};

static void job_done(struct disk_req *req, int err)
{
	struct job *job = container_of(req, struct job, req);

	job->err = err;
	job->over = true;
}

static void no_batch(void *ctx UNUSED)
{
}

static void job_run(struct ev_loop *loop, struct disk *disk, struct job *job)
{
	double end = seconds() + 10;

	job->req.done = job_done;
	job->over = false;
	disk_submit(disk, &job->req);
	disk_turn(disk);
	while (!job->over) {
		assert_true(seconds() < end);
		ev_run(loop, EVRUN_NOWAIT);
	}
}

static void random_requests(const struct variant *v)
{
	struct rig *r = rig_new();
	struct options_drive *opt = &r->opt.drive[0];
	struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
	uint8_t *heap = aligned_alloc(4096, 2 * IMAGE);
	struct vm vm = { .loop = loop, .opt = &r->opt, .ram = -1 };
	struct disk *disk;

	assert_int_equal(ram_create(&vm), 0);
	/* To us, this is another format than raw; to the daemon it is not. */
	opt->format = v->served ? "raw,size=1048576" : NULL;
	opt->aio = v->engine;
	opt->snapshot = v->snapshot;
	opt->direct = v->direct;
	calls.hole_error = v->no_holes ? EOPNOTSUPP : 0;
	assert_int_equal(disk_open(&vm, opt, no_batch, NULL, &disk), 0);
	assert_int_equal(disk_start_threads(disk), 0);
	assert_int_equal(disk->file.writable, !v->snapshot);
	assert_int_equal(disk->file.size, IMAGE);
	if (v->block) {
		disk->file.direct = true;
		disk->file.block = calls.block = v->block;
		disk->file.memory = 512;
	}
	for (int i = 0; i < 600; i++) {
		uint64_t at = (uint64_t)rand() % SECTORS, n = (uint64_t)rand() %
			      (i % 3 ? 17 : 400);
		size_t shift = (size_t)(rand() % 3 ? 0 : rand() % 4096), len, first;
		/* A daemon does not have our own memory. */
		uint8_t *buf = i % 4 ? vm.ram_host : heap;
		struct job job = { .err = -1 };
		int kind = rand() % 10;

		n = MIN(n, SECTORS - at);
		len = n * 512;
		at *= 512;
		job.req.off = at;
		job.req.len = len;
		job.req.iov = job.iov;
		first = len ? (size_t)rand() % len : 0;
		job.iov[0] = (struct iovec){ buf + shift, first };
		job.iov[1] = (struct iovec){ buf + shift + first, len - first };
		job.req.iovcnt = 2;
		if (rand() % 2) {
			job.iov[0].iov_len = len;
			job.req.iovcnt = 1;
		}
		if (kind < 4) {
			job.req.op = DISK_READ;
			memset(buf + shift, 'r', len);
		} else if (kind < 8) {
			job.req.op = DISK_WRITE;
			job.req.durable = kind == 7;
			for (size_t k = 0; k < len; k++)
				buf[shift + k] = (uint8_t)rand();
			memcpy(r->model + at, buf + shift, len);
		} else {
			job.req.op = kind == 8 ? DISK_ZERO : DISK_DISCARD;
			job.req.unmap = i % 2;
			job.req.iovcnt = 0;
			if (kind == 8 || !v->no_holes)
				memset(r->model + at, 0, len);
		}
		job_run(loop, disk, &job);
		assert_int_equal(job.err, 0);
		if (kind < 4)
			assert_memory_equal(buf + shift, r->model + at, len);
	}
	assert_int_equal(calls.odd, 0);
	disk_sync(disk);
	disk_close(disk);
	calls.block = 0;
	if (v->snapshot)
		for (size_t i = 0; i < IMAGE; i++)
			r->model[i] = pattern(i);
	image_is(r, r->model, IMAGE);
	ram_destroy(&vm);
	ev_loop_destroy(loop);
	free(heap);
	rig_free(r);
}

static void random_all(void **state UNUSED)
{
	static const struct variant variants[] = {
		{ .engine = AIO_URING },
		{ .engine = AIO_THREADS },
		{ .engine = AIO_AUTO, .direct = true },
		{ .engine = AIO_THREADS, .direct = true },
		{ .engine = AIO_AUTO, .snapshot = true },
		{ .engine = AIO_THREADS, .snapshot = true, .direct = true },
		{ .engine = AIO_THREADS, .snapshot = true, .no_holes = true },
		{ .engine = AIO_THREADS, .block = 4096 },
		{ .engine = AIO_THREADS, .block = 4096, .no_holes = true },
		{ .engine = AIO_THREADS, .block = 512, .no_holes = true },
		{ .engine = AIO_AUTO, .served = true },
		{ .engine = AIO_THREADS, .served = true, .direct = true },
		{ .engine = AIO_AUTO, .served = true, .snapshot = true },
	};

	srand(2);
	for (size_t i = 0; i < ARRAY_SIZE(variants); i++) {
		if (variants[i].served && access("/usr/bin/qemu-storage-daemon", X_OK))
			print_message("# no qemu-storage-daemon: not with one\n");
		else
			random_requests(&variants[i]);
	}
}

/* Writes to one block that cannot be written in part, and one to all of it: all
 * arrive, in an order in which they might have come. */
static void parts_of_a_block(void **state UNUSED)
{
	struct rig *r = rig_new();
	struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
	struct job job[9] = { 0 };
	double end = seconds() + 10;
	uint8_t buf[9][4096];
	struct disk *disk;

	r->opt.drive[0].aio = AIO_THREADS;
	assert_int_equal(disk_open(&(struct vm){ .loop = loop }, &r->opt.drive[0],
				   no_batch, NULL, &disk), 0);
	assert_int_equal(disk_start_threads(disk), 0);
	disk->file.direct = true;
	disk->file.block = 4096;
	disk->file.memory = 1;
	calls.delay = 3000;
	for (int round = 0; round < 4; round++) {
		/* The first writes the whole block, the others a sector each but one; in
		 * odd rounds, the last writes the block. */
		for (unsigned int i = 0; i < 9; i++) {
			bool all = round % 2 ? i == 8 : i == 0;
			size_t off = all ? 0 : (i + 7) % 8 * 512, len = all ? 4096 : 512;

			memset(buf[i], round * 9 + (int)i + 1, len);
			job[i].iov[0] = (struct iovec){ buf[i], len };
			job[i].req = (struct disk_req){
				.op = DISK_WRITE, .off = off, .len = len,
				.iov = job[i].iov, .iovcnt = 1, .done = job_done,
			};
			job[i].over = i == 4;
			if (i == 4)
				continue;
			memcpy(r->model + off, buf[i], len);
			disk_submit(disk, &job[i].req);
		}
		disk_turn(disk);
		for (unsigned int i = 0; i < 9; i++)
			while (!job[i].over) {
				assert_true(seconds() < end);
				ev_run(loop, EVRUN_NOWAIT);
			}
	}
	disk_close(disk);
	image_is(r, r->model, IMAGE);
	ev_loop_destroy(loop);
	rig_free(r);
}

/* A limit slows down, and all arrives. */
static void slow(void **state UNUSED)
{
	struct rig *r = rig_new();
	double start;
	uint32_t len;

	r->opt.drive[0].throttle.rate[THROTTLE_IOPS_TOTAL] = 100;
	rig_start(r);
	drive(r, ALL_FEATURES);
	start = seconds();
	for (unsigned int i = 0; i < 40; i++) {
		const struct piece p[] = {
			{ HEADERS + 16 * i, 16, false },
			{ DATA + 512 * i, 512, true }, { STATUS + i, 1, true },
		};

		header(r, p[0].addr, VIRTIO_BLK_T_IN, i);
		offer(r, p, 3);
	}
	kick(r);
	for (unsigned int i = 0; i < 40; i++)
		assert_int_equal(wait_used(r, &len), (3 * i) % QUEUE);
	/* Eleven at once, and 29 at a hundred in a second. */
	assert_true(seconds() - start > 0.25);
	assert_true(seconds() - start < 2);
	assert_memory_equal(mem(r, DATA), r->model, 40 * 512);
	/* Those that wait are dropped by a reset, at once. */
	for (unsigned int i = 0; i < 40; i++) {
		const struct piece p[] = { { HEADERS, 16, false },
			{ DATA, 512, true }, { STATUS, 1, true } };

		offer(r, p, 3);
	}
	kick(r);
	ev_run(r->vm->loop, EVRUN_NOWAIT);
	start = seconds();
	board_set(r->dev, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	assert_true(seconds() - start < 0.1);
	rig_free(r);
}

/* Opening. */

static int try_open(const char *path, bool write, bool lock, struct disk_file *f)
{
	const struct disk_file_want want = { .write = write, .lock = lock, .probe = true };

	return disk_file_open(f, path, &want);
}

/* A lock as QEMU takes it, on an open file of its own. */
static int foreign_lock(const char *path, const off_t *bytes, unsigned int n)
{
	int fd = open(path, O_RDWR);

	for (unsigned int i = 0; i < n; i++) {
		struct flock l = { .l_type = F_RDLCK, .l_whence = SEEK_SET,
				   .l_start = bytes[i], .l_len = 1 };

		assert_int_equal(fcntl(fd, F_OFD_SETLK, &l), 0);
	}
	return fd;
}

static bool foreign_sees(const char *path, off_t byte)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
			   .l_start = byte, .l_len = 1 };
	int fd = open(path, O_RDWR);

	assert_int_equal(fcntl(fd, F_OFD_GETLK, &l), 0);
	close(fd);
	return l.l_type != F_UNLCK;
}

static void locks(void **state UNUSED)
{
	static const off_t writer[] = { 100, 101, 201, 203 }, reader[] = { 100, 201, 203 };
	struct rig *r = rig_new();
	struct disk_file a, b;
	int fd;

	log_set_level(LOG_LEVEL_ERR);
	/* One writer, or several readers. */
	assert_int_equal(try_open(r->path, true, true, &a), 0);
	assert_int_equal(try_open(r->path, true, true, &b), -EBUSY);
	assert_int_equal(try_open(r->path, false, true, &b), -EBUSY);
	assert_int_equal(try_open(r->path, true, false, &b), 0);
	disk_file_close(&b);
	/* QEMU looks at these. */
	assert_true(foreign_sees(r->path, 101));
	assert_true(foreign_sees(r->path, 201));
	disk_file_close(&a);
	assert_int_equal(try_open(r->path, false, true, &a), 0);
	assert_int_equal(try_open(r->path, false, true, &b), 0);
	disk_file_close(&b);
	assert_int_equal(try_open(r->path, true, true, &b), -EBUSY);
	assert_false(foreign_sees(r->path, 101));
	assert_true(foreign_sees(r->path, 201));
	disk_file_close(&a);
	/* A QEMU that writes, and one that reads. */
	fd = foreign_lock(r->path, writer, ARRAY_SIZE(writer));
	assert_int_equal(try_open(r->path, true, true, &a), -EBUSY);
	assert_int_equal(try_open(r->path, false, true, &a), -EBUSY);
	close(fd);
	fd = foreign_lock(r->path, reader, ARRAY_SIZE(reader));
	assert_int_equal(try_open(r->path, true, true, &a), -EBUSY);
	assert_int_equal(try_open(r->path, false, true, &a), 0);
	disk_file_close(&a);
	close(fd);
	assert_int_equal(try_open(r->path, true, true, &a), 0);
	disk_file_close(&a);
	rig_free(r);
}

static void *close_soon(void *fd)
{
	usleep(100000);
	close(*(int *)fd);
	return NULL;
}

/* Who has the locks is about to be gone; or is not. */
static void locks_of_the_dead(void **state UNUSED)
{
	static const off_t writer[] = { 100, 101, 201, 203 };
	struct disk_file_want want = { .write = true, .lock = true, .wait_ms = 10000 };
	struct rig *r = rig_new();
	struct disk_file a;
	pthread_t thread;
	double start;
	int fd;

	log_set_level(LOG_LEVEL_ERR);
	fd = foreign_lock(r->path, writer, ARRAY_SIZE(writer));
	assert_int_equal(pthread_create(&thread, NULL, close_soon, &fd), 0);
	assert_int_equal(disk_file_open(&a, r->path, &want), 0);
	pthread_join(thread, NULL);
	assert_true(foreign_sees(r->path, 101));
	disk_file_close(&a);
	fd = foreign_lock(r->path, writer, ARRAY_SIZE(writer));
	want.wait_ms = 50;
	start = seconds();
	assert_int_equal(disk_file_open(&a, r->path, &want), -EBUSY);
	assert_true(seconds() - start >= 0.05);
	close(fd);
	rig_free(r);
}

static void refused(void **state UNUSED)
{
	struct rig *r = rig_new();
	struct disk_file f;

	log_set_level(LOG_LEVEL_ERR);
	assert_int_equal(try_open(r->dir, false, true, &f), -EISDIR);
	assert_int_equal(try_open("/dev/null", false, true, &f), -ENOTBLK);
	assert_int_equal(try_open("/nowhere/at/all", false, true, &f), -ENOENT);
	image_write(r->path, "QFI\xfb", 4);
	assert_int_equal(try_open(r->path, true, true, &f), -EINVAL);
	assert_int_equal(f.fd, -1);
	image_write(r->path, "", 0);
	assert_int_equal(try_open(r->path, true, true, &f), -EINVAL);
	unlink(r->path);
	assert_int_equal(mkfifo(r->path, 0600), 0);
	assert_int_equal(try_open(r->path, false, true, &f), -ENOTBLK);
	rig_free(r);
}

/* The command line. */

static enum options_result parse(struct options *opt, const char *line)
{
	char *argv[64], *copy = strdup(line), *p = copy, *word;
	int argc = 0;

	argv[argc++] = copy;
	while ((word = strsep(&p, " ")))
		argv[argc++] = word;
	return options_parse(opt, argc, argv);
}

/* What a daemon for another format is told, and what it says. */
static void daemons(void **state UNUSED)
{
	struct options_drive o = { .file = "/a,b", .format = "qcow2", .lock = true };
	char text[256], line[600];

	assert_true(qsd_knows("qcow2") && qsd_knows("vmdk"));
	assert_false(qsd_knows("raw") || qsd_knows("qcow") != qsd_knows("vdi") ||
		     qsd_knows("nbd") || qsd_knows("qcow2,x=y") || qsd_knows(""));
	assert_true(qsd_blockdev(&o, false, false, text, sizeof(text)));
	assert_string_equal(text, "node-name=disk,driver=qcow2,read-only=off,discard=ignore,"
			    "cache.direct=off,cache.no-flush=off,file.driver=file,"
			    "file.filename=/a,,b");
	snprintf(line, sizeof(line), "qemu-storage-daemon: --blockdev %s: What: it is", text);
	assert_string_equal(qsd_error(line, text), "What: it is");
	assert_string_equal(qsd_error(line, "else"), line + strlen("qemu-storage-daemon: "));
	assert_string_equal(qsd_error("", text), "");
	/* Where there is no room for it, it is never cut short. */
	for (size_t n = strlen(text); n > strlen(text) - 12; n--)
		assert_false(qsd_blockdev(&o, false, false, line, n));
	o.snapshot = o.direct = o.discard = o.no_flush = true;
	o.lock = false;
	assert_true(qsd_blockdev(&o, true, true, text, sizeof(text)));
	assert_string_equal(text, "node-name=disk,driver=qcow2,read-only=on,discard=unmap,"
			    "cache.direct=on,cache.no-flush=on,file.locking=off,"
			    "file.aio=io_uring,file.driver=host_device,"
			    "file.filename=/a,,b");
}

static void put_be32(uint8_t *p, uint32_t v)
{
	struct be32 be = be32(v);

	memcpy(p, &be, sizeof(be));
}

/* What images say of their backing files. */
static void chains(void **state UNUSED)
{
	uint8_t h[512] = "QFI\xfb", qed[512] = "QED";
	struct disk_backing b;

	put_be32(h + 4, 3);
	put_be32(h + 100, 112);
	assert_int_equal(disk_chain_backing("qcow2", h, sizeof(h), &b), 0);
	put_be32(h + 12, 400);
	put_be32(h + 16, 4);
	memcpy(h + 400, "/abcd", 5);
	assert_int_equal(disk_chain_backing("qcow2", h, sizeof(h), &b), 1);
	assert_string_equal(b.name, "/abc");
	assert_string_equal(b.format, "");
	/* Behind one that is not known; and behind the end, where there are none. */
	put_be32(h + 112, 0x6803f857);
	put_be32(h + 116, 5);
	put_be32(h + 128, 0xe2792aca);
	put_be32(h + 132, 3);
	memcpy(h + 136, "vmdk", 4);
	assert_int_equal(disk_chain_backing("qcow2", h, sizeof(h), &b), 1);
	assert_string_equal(b.format, "vmd");
	put_be32(h + 112, 0);
	assert_int_equal(disk_chain_backing("qcow2", h, sizeof(h), &b), 1);
	assert_string_equal(b.format, "");
	/* An older version has them elsewhere. */
	put_be32(h + 4, 2);
	put_be32(h + 72, 0xe2792aca);
	put_be32(h + 76, 1);
	h[80] = 'x';
	assert_int_equal(disk_chain_backing("qcow2", h, sizeof(h), &b), 1);
	assert_string_equal(b.format, "x");
	/* The oldest has none. */
	assert_int_equal(disk_chain_backing("qcow", h, sizeof(h), &b), 1);
	assert_string_equal(b.format, "");
	/* Nonsense. */
	put_be32(h + 76, UINT32_MAX);
	assert_int_equal(disk_chain_backing("qcow2", h, sizeof(h), &b), -EINVAL);
	put_be32(h + 76, 16);
	assert_int_equal(disk_chain_backing("qcow2", h, sizeof(h), &b), -EINVAL);
	put_be32(h + 76, 0);
	assert_int_equal(disk_chain_backing("qcow2", h, sizeof(h), &b), -EINVAL);
	put_be32(h + 76, 1);
	assert_int_equal(disk_chain_backing("qcow2", h, 403, &b), -EINVAL);
	assert_int_equal(disk_chain_backing("qcow2", h, 20, &b), 0);
	put_be32(h + 16, 6);			/* with a zero in it */
	assert_int_equal(disk_chain_backing("qcow2", h, sizeof(h), &b), -EINVAL);
	put_be32(h + 16, 0);
	assert_int_equal(disk_chain_backing("qcow2", h, sizeof(h), &b), -EINVAL);
	put_be32(h + 16, 4);
	put_be32(h + 8, UINT32_MAX);
	assert_int_equal(disk_chain_backing("qcow2", h, sizeof(h), &b), -EINVAL);
	assert_int_equal(disk_chain_backing("vdi", h, sizeof(h), &b), 0);
	assert_int_equal(disk_chain_backing("qed", h, sizeof(h), &b), 0);
	qed[56] = 64;
	qed[60] = 2;
	memcpy(qed + 64, "/abcd", 5);
	assert_int_equal(disk_chain_backing("qed", qed, sizeof(qed), &b), 0);
	qed[16] = 1;
	assert_int_equal(disk_chain_backing("qed", qed, sizeof(qed), &b), 1);
	assert_string_equal(b.name, "/a");
	assert_string_equal(b.format, "");
	qed[16] = 5;
	assert_int_equal(disk_chain_backing("qed", qed, sizeof(qed), &b), 1);
	assert_string_equal(b.format, "raw");
}

static void options(void **state UNUSED)
{
	static const char *const wrong[] = {
		"-hda /a -hda /b", "-hdc /a -cdrom /b", "-hda /a /b", "-drive if=virtio",
		"-drive file=/a,format=qcow3", "-drive file=/a,cache=maybe",
		"-drive file=/a,nosuch=1", "-drive file=/a,if=floppy",
		"-drive file=/a,if=none,id=x", "-device virtio-blk-pci,drive=x",
		"-drive file=/a,id=x -device virtio-blk-pci,drive=x",
		"-drive file=/a,media=cdrom,readonly=off", "-drive file=/a,bps=fast",
		"-drive file=/a,index=256", "-drive file=/a,serial=0123456789abcdefghijk",
		"-drive file=/a,if=none,id=x -device virtio-blk-pci,drive=x "
		"-device virtio-blk-pci,drive=x", "-drive file=", "-hda",
		"-device vhost-user-blk-pci", "-device vhost-user-blk-pci,chardev=c",
		"-chardev pty,id=c -device vhost-user-blk-pci,chardev=c",
		"-chardev socket,id=c,path=/s -device vhost-user-blk-pci,chardev=c "
		"-device vhost-user-blk-pci,chardev=c",
		"-hda /a -boot x", "-hda /a -boot n", "-hda /a -boot order=",
		"-hda /a -boot menu=maybe", "-hda /a -boot once=c",
	};
	static struct options o;
	char line[256];

	log_set_level(LOG_LEVEL_ERR);
	assert_int_equal(parse(&o, "-kernel /k -serial null "
			       "-drive file=/v,if=virtio,cache=none,format=raw,"
			       "discard=unmap,serial=S,aio=threads,throttling.bps-total=1M,"
			       "iops_wr=7,snapshot=on "
			       "-drive file=/n,if=none,id=n -cdrom /c -hdb /b -hda /a,x "
			       "-device virtio-blk-pci,drive=n,bootindex=3 "
			       "-drive file=/d,readonly=on,cache=directsync,file.locking=off"),
			 OPTIONS_RUN);
	assert_int_equal(o.drives, 6);
	assert_string_equal(o.drive[0].file, "/a,x");
	assert_string_equal(o.drive[1].file, "/b");
	assert_string_equal(o.drive[2].file, "/c");
	assert_string_equal(o.drive[3].file, "/d");
	assert_string_equal(o.drive[4].file, "/v");
	assert_string_equal(o.drive[5].file, "/n");
	assert_false(o.drive[0].readonly || o.drive[0].direct || o.drive[0].format);
	assert_true(o.drive[0].writeback && o.drive[0].lock);
	assert_true(o.drive[2].readonly && o.drive[2].cdrom);
	assert_true(o.drive[3].readonly && o.drive[3].direct);
	assert_false(o.drive[3].writeback || o.drive[3].lock);
	assert_true(o.drive[4].direct && o.drive[4].writeback && o.drive[4].discard &&
		    o.drive[4].snapshot);
	assert_int_equal(o.drive[4].aio, AIO_THREADS);
	assert_int_equal(o.drive[4].throttle.rate[THROTTLE_BPS_TOTAL], 1 << 20);
	assert_int_equal(o.drive[4].throttle.rate[THROTTLE_IOPS_WRITE], 7);
	assert_int_equal(o.drive[5].bootindex, 3);
	/* A disk that somebody serves already. */
	assert_int_equal(parse(&o, "-kernel /k -serial null -drive file=/a,if=none,id=a "
			       "-device vhost-user-blk-pci,chardev=c,bootindex=2 "
			       "-device virtio-blk-pci,drive=a -chardev socket,id=c,path=/s"),
			 OPTIONS_RUN);
	assert_int_equal(o.drives, 2);
	assert_string_equal(o.drive[0].socket, "/s");
	assert_int_equal(o.drive[0].bootindex, 2);
	assert_string_equal(o.drive[1].file, "/a");
	assert_null(o.drive[1].socket);
	/* One for all, but where it is said otherwise. */
	assert_int_equal(parse(&o, "-kernel /k -serial null -snapshot /a "
			       "-drive file=/b,snapshot=off"), OPTIONS_RUN);
	assert_string_equal(o.drive[0].file, "/a");
	assert_true(o.drive[0].snapshot);
	assert_false(o.drive[1].snapshot);
	/* A disk is enough to boot from, but there has to be one. */
	assert_int_equal(parse(&o, "-hda /a -serial null"), OPTIONS_RUN);
	assert_false(o.boot_cdrom || o.boot_menu);
	assert_int_equal(parse(&o, "-hda /a -serial null -boot c"), OPTIONS_RUN);
	assert_false(o.boot_cdrom || o.boot_menu);
	assert_int_equal(parse(&o, "-hda /a -serial null -boot order=ndc,menu=on"),
			 OPTIONS_RUN);
	assert_true(o.boot_cdrom && o.boot_menu);
	assert_int_equal(parse(&o, "-serial null -m 64"), OPTIONS_EXIT_USAGE);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		snprintf(line, sizeof(line), "-kernel /k -serial null %s", wrong[i]);
		assert_int_equal(parse(&o, line), OPTIONS_EXIT_USAGE);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(limits),
	cmocka_unit_test(overlay_map),
	cmocka_unit_test(formats),
	cmocka_unit_test(transfers_uring),
	cmocka_unit_test(transfers_threads),
	cmocka_unit_test(configuration),
	cmocka_unit_test(layouts),
	cmocka_unit_test(out_of_range),
	cmocka_unit_test(wrong_way),
	cmocka_unit_test(no_request),
	cmocka_unit_test(identity),
	cmocka_unit_test(read_only),
	cmocka_unit_test(holes),
	cmocka_unit_test(odd_size),
	cmocka_unit_test(truncated),
	cmocka_unit_test(flushes),
	cmocka_unit_test(flush_waits),
	cmocka_unit_test(reset_threads),
	cmocka_unit_test(reset_uring),
	cmocka_unit_test(break_under_way),
	cmocka_unit_test(reset_between_steps),
	cmocka_unit_test(end_under_way),
	cmocka_unit_test(too_many),
	cmocka_unit_test(random_all),
	cmocka_unit_test(parts_of_a_block),
	cmocka_unit_test(slow),
	cmocka_unit_test(locks),
	cmocka_unit_test(locks_of_the_dead),
	cmocka_unit_test(refused),
	cmocka_unit_test(daemons),
	cmocka_unit_test(chains),
	cmocka_unit_test(options),
};

UNIT_KEEPS_OPTIONS
UNIT_MAIN(tests)
