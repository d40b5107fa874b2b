/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz-blk.c - Requests to a disk, beside a model of one
 *
 * The input says what disk it is: its size, to the byte, read-only or not, with an overlay
 * (-snapshot) or not, and what the driver negotiates. Then come requests, one at a time:
 * any type, any sector, data in pieces of any size, some of them in the header's
 * descriptor or the status's. Image and overlay are files in memory; direct access to them
 * is only played, but what it needs of requests is seen to.
 *
 * What must be true:
 *
 * - Each request has the status that the specification gives it, and what is read is what
 *   was written, zeros where that was asked for, and the image elsewhere. What was
 *   discarded is as it was, or zero.
 * - Nothing of the guest's memory changes but the pieces that a read fills and the status.
 * - The image has what was written and nothing else, it never gets larger than whole
 *   sectors, and below an overlay or when it is read-only it stays as it was.
 */
#include "config.h"

#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_pci.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/harness/rig.h"

enum {
	STEPS = 64, QUEUE = 16, PIECES = 6, SECTOR = 512, HEADER = 16,
	RINGS = 0x10000, HEADERS = 0x18000, DATA = 0x20000, PIECE_ROOM = 0x8000,
	GUARD = 0x100, BLOCK = 4096,
};

/* Direct access, which files in memory do not have. */

int fcntl(int fd, int cmd, ...)
{
	va_list args;
	long arg;

	va_start(args, cmd);
	arg = va_arg(args, long);
	va_end(args);
	if (cmd == F_SETFL && arg & O_DIRECT) {
		rig_direct = (struct rig_direct){ fd, BLOCK };
		return 0;
	}
	return (int)syscall(SYS_fcntl, fd, cmd, arg);
}

int statx(int fd UNUSED, const char *restrict path UNUSED, int flags UNUSED,
	  unsigned int mask UNUSED, struct statx *restrict out UNUSED)
{
	errno = ENOSYS;
	return -1;
}

/** struct run - An input
 * @model:	What the guest should find on the disk
 * @image:	What should be in the file, if that is something else
 * @bytes:	Of the file; the model has whole sectors
 */
struct run {
	struct fuzz_in in;
	struct rig rig;
	struct virtio_dev *dev;
	struct vring_driver ring;
	uint64_t features;
	size_t bytes, size;
	uint8_t model[RIG_DISK];
	uint8_t image[RIG_DISK];
};

/** struct request - A request, and what should come of it
 * @data:	Bytes that follow the header, or come before the status
 */
struct request {
	struct virtio_blk_outhdr h;
	uint8_t *data;
	size_t size;
};

static bool has(const struct run *run, unsigned int feature)
{
	return run->features >> feature & 1;
}

static uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 7 + i / 512 * 3 + 1);
}

static void setup(struct run *run)
{
	uint8_t how = fuzz_u8(&run->in), tail = fuzz_u8(&run->in);
	const struct board_rings where = { RINGS, 0, 1, QUEUE };
	struct options_drive *o;

	rig_options(&run->rig);
	o = &run->rig.opt.drive[0];
	o->readonly = how & 1;
	o->snapshot = how & 2;
	o->writeback = !(how & 4);
	o->discard = !(how & 8);
	o->no_flush = how & 16;
	o->direct = how & 64;
	run->bytes = RIG_DISK - (o->direct ? 0 : how & 32 ? tail * 3U : tail % 8U * SECTOR);
	run->size = (run->bytes + SECTOR - 1) / SECTOR * SECTOR;
	for (size_t i = 0; i < run->bytes; i++)
		run->image[i] = run->model[i] = pattern(i);
	FUZZ_CHECK(!ftruncate(run->rig.disk, (off_t)run->bytes) &&
		   pwrite(run->rig.disk, run->image, run->bytes, 0) == (ssize_t)run->bytes,
		   "the image");
	rig_start(&run->rig);
	run->dev = virtio_at(run->rig.vm, RIG_BLK);
	run->features = board_drive(run->dev, ~fuzz_u64(&run->in), &where, &run->ring);
	FUZZ_CHECK(board_get(run->dev, BOARD_CONFIG, 8) == run->size / SECTOR, "capacity");
}

/* What the device should say. Return: the status; the model is as it should be then, but
 * for a discard. */
static uint8_t model_do(struct run *run, struct request *r)
{
	bool readonly = run->rig.opt.drive[0].readonly;
	struct virtio_blk_discard_write_zeroes range;
	uint64_t sector = r->h.sector, sectors = r->size / SECTOR, all = run->size / SECTOR;
	uint32_t type = r->h.type;
	unsigned int feature;

	switch (type) {
	case VIRTIO_BLK_T_IN:
	case VIRTIO_BLK_T_OUT:
		if (r->size % SECTOR || sector > all || sectors > all - sector ||
		    (readonly && type == VIRTIO_BLK_T_OUT))
			return VIRTIO_BLK_S_IOERR;
		if (!r->size)
			return VIRTIO_BLK_S_OK;
		if (type == VIRTIO_BLK_T_IN)
			memcpy(r->data, run->model + sector * SECTOR, r->size);
		else
			memcpy(run->model + sector * SECTOR, r->data, r->size);
		return VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_FLUSH:
		return VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES:
		feature = type == VIRTIO_BLK_T_DISCARD ? VIRTIO_BLK_F_DISCARD :
			  VIRTIO_BLK_F_WRITE_ZEROES;
		if (!has(run, feature))
			return VIRTIO_BLK_S_UNSUPP;
		if (r->size != sizeof(range))
			return VIRTIO_BLK_S_IOERR;
		memcpy(&range, r->data, sizeof(range));
		if (range.flags & ~1U || (range.flags && type == VIRTIO_BLK_T_DISCARD))
			return VIRTIO_BLK_S_UNSUPP;
		if (range.sector > all || range.num_sectors > all - range.sector)
			return VIRTIO_BLK_S_IOERR;
		if (type == VIRTIO_BLK_T_WRITE_ZEROES)
			memset(run->model + range.sector * SECTOR, 0,
			       (size_t)range.num_sectors * SECTOR);
		return VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_GET_ID:
		memcpy(r->data, run->rig.opt.drive[0].serial, MIN(r->size, (size_t)10));
		if (r->size > 10)
			memset(r->data + 10, 0, MIN(r->size, (size_t)20) - 10);
		return VIRTIO_BLK_S_OK;
	default:
		return VIRTIO_BLK_S_UNSUPP;
	}
}

/* Memory before each piece is as it was. */
static void check_around(const struct run *run)
{
	for (unsigned int i = 0; i < PIECES; i++)
		for (unsigned int k = 1; k <= GUARD; k++)
			FUZZ_CHECK(run->rig.vm->ram_host[DATA + i * PIECE_ROOM - k] == 0xa5,
				   "memory before piece %u", i);
}

/* A discard leaves what was there, or zeros: see which. */
static void adopt_discard(struct run *run, const struct request *r)
{
	struct virtio_blk_discard_write_zeroes range;
	static uint8_t now[RIG_DISK];
	ssize_t n;

	memcpy(&range, r->data, sizeof(range));
	/* With an overlay only the guest can tell, and reads zeros. */
	memset(now, 0, sizeof(now));
	n = run->rig.opt.drive[0].snapshot ? 0 :
	    pread(run->rig.disk, now, sizeof(now), 0);
	FUZZ_CHECK(n >= 0, "the image");
	for (uint64_t i = range.sector * SECTOR, end = i + (uint64_t)range.num_sectors * SECTOR;
	     i < end; i++) {
		FUZZ_CHECK(!now[i] || now[i] == run->model[i], "byte %llu after a discard",
			   (unsigned long long)i);
		run->model[i] = now[i];
	}
}

static void check_image(struct run *run)
{
	bool kept = run->rig.opt.drive[0].snapshot || run->rig.opt.drive[0].readonly;
	const uint8_t *want = kept ? run->image : run->model;
	static uint8_t now[RIG_DISK + SECTOR];
	ssize_t n;

	memset(now, 0, sizeof(now));
	n = pread(run->rig.disk, now, sizeof(now), 0);
	FUZZ_CHECK(n >= (ssize_t)run->bytes && n <= (ssize_t)run->size &&
		   (!kept || n == (ssize_t)run->bytes), "the image has %zd bytes, not %zu", n,
		   run->bytes);
	FUZZ_CHECK(!memcmp(now, want, run->size), "the image has something else");
}

/* One request from the ring and back. */
static void step(struct run *run)
{
	static const uint32_t types[] = {
		VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_WRITE_ZEROES,
		VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_FLUSH, VIRTIO_BLK_T_GET_ID, 2, 99,
	};
	uint8_t kind = fuzz_u8(&run->in), shape = fuzz_u8(&run->in), status, want, *p, *out;
	struct request r = { .h.type = types[kind % 8] };
	unsigned int pieces = (shape & 0x3f) % (PIECES + 1), d = 0;
	bool in = r.h.type == VIRTIO_BLK_T_IN || r.h.type == VIRTIO_BLK_T_GET_ID;
	bool range = r.h.type == VIRTIO_BLK_T_DISCARD || r.h.type == VIRTIO_BLK_T_WRITE_ZEROES;
	size_t len[PIECES], at = 0;
	uint8_t *ram = run->rig.vm->ram_host;
	uint32_t used;

	r.h.ioprio = fuzz_u8(&run->in);
	r.h.sector = kind & 0x80 ? fuzz_u64(&run->in) : fuzz_u8(&run->in) % 130U;
	memset(ram + HEADERS, 0xa5, 0x1000);
	run->ring.desc[d++] = (struct vring_desc){ HEADERS, HEADER, VRING_DESC_NEXT, 1 };
	/* The header in two pieces. */
	if (shape & 0x80) {
		run->ring.desc[0].len = 5;
		run->ring.desc[d++] = (struct vring_desc){ HEADERS + 5, HEADER - 5,
							   VRING_DESC_NEXT, 2 };
	}
	for (unsigned int i = 0; i < pieces; i++) {
		len[i] = fuzz_u8(&run->in);
		/* Whole sectors, mostly. */
		len[i] = len[i] < 0xc0 ? (1 + len[i] % 32) * SECTOR : 1 + len[i] % 64 * 8;
		if (range && !(shape & 0x40))
			len[i] = i ? 0 : HEADER;
		r.size += len[i];
	}
	/* At the very end of the disk, or nearly. */
	if (kind & 0x40)
		r.h.sector = run->size / SECTOR - r.size / SECTOR + r.h.sector % 4 - 1;
	memcpy(ram + HEADERS, &r.h, HEADER);
	r.data = fuzz_alloc(r.size);
	out = fuzz_alloc(r.size);
	if (range && r.size == HEADER) {
		const struct virtio_blk_discard_write_zeroes x = {
			.sector = r.h.sector, .num_sectors = fuzz_u8(&run->in),
			.flags = fuzz_u8(&run->in) % 4,
		};

		memcpy(r.data, &x, sizeof(x));
	} else {
		memset(r.data, in ? 0xee : fuzz_u8(&run->in), r.size);
		fuzz_bytes(&run->in, r.data, in ? 0 : MIN(r.size, (size_t)8));
	}
	memset(ram + DATA - GUARD, 0xa5, PIECES * PIECE_ROOM);
	for (unsigned int i = 0; i < pieces && len[i]; at += len[i], i++, d++) {
		uint64_t addr = DATA + (uint64_t)i * PIECE_ROOM;

		memcpy(ram + addr, r.data + at, len[i]);
		run->ring.desc[d] = (struct vring_desc){
			addr, (uint32_t)len[i], VRING_DESC_NEXT | (in ? VRING_DESC_WRITE : 0),
			(uint16_t)(d + 1),
		};
	}
	run->ring.desc[d] = (struct vring_desc){ HEADERS + 0x800, 1, VRING_DESC_WRITE, 0 };
	vring_driver_add(&run->ring, 0);
	board_kick(run->dev, &run->ring, 0);
	FUZZ_CHECK(vring_driver_get(&run->ring, &used) == 0, "type %u did not come back",
		   r.h.type);
	FUZZ_CHECK(used <= 1 + (in ? r.size : 0), "%u bytes written of %zu", used, r.size);

	memcpy(out, r.data, r.size);
	want = model_do(run, &r);
	status = ram[HEADERS + 0x800];
	FUZZ_CHECK(status == want, "type %u, sector %llu, %zu bytes: status %u, not %u",
		   r.h.type, (unsigned long long)r.h.sector, r.size, status, want);
	/* What a read that fails leaves is nobody's business. */
	if (in && !want)
		memcpy(out, r.data, r.size);
	at = 0;
	for (unsigned int i = 0; i < pieces && len[i]; at += len[i], i++) {
		p = ram + DATA + (size_t)i * PIECE_ROOM;
		FUZZ_CHECK(!memcmp(p, out + at, len[i]) || (in && want), "piece %u", i);
		FUZZ_CHECK(p[len[i]] == 0xa5, "behind piece %u", i);
	}
	FUZZ_CHECK(ram[HEADERS + HEADER] == 0xa5 && ram[HEADERS + 0x801] == 0xa5 &&
		   ram[HEADERS + 0x7ff] == 0xa5, "beside header or status");
	check_around(run);
	if (r.h.type == VIRTIO_BLK_T_DISCARD && !want)
		adopt_discard(run, &r);
	free(r.data);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run *run = fuzz_alloc(sizeof(*run));

	setenv("TMPDIR", "/dev/shm", 0);
	run->in = (struct fuzz_in){ data, size };
	setup(run);
	for (unsigned int i = 0; run->in.left && i < STEPS; i++) {
		if (fuzz_u8(&run->in) % 16 == 15)
			board_set(run->dev, BOARD_CONFIG +
				  offsetof(struct virtio_blk_config, wce), 1,
				  fuzz_u8(&run->in) % 3);
		step(run);
		if (i % 8 == 7)
			check_image(run);
	}
	check_image(run);
	FUZZ_CHECK(!(board_status(run->dev) & VIRTIO_NEEDS_RESET), "it needs a reset");
	rig_check_device(&run->rig, RIG_BLK);
	rig_stop(&run->rig);
	free(run);
	return 0;
}
