/* SPDX-License-Identifier: BSD-2-Clause */
/* disk.c - What is behind a disk of the guest; the essay is in the header
 *
 * A request is a small machine: disk_next() decides on the next step from what is
 * left of it, the aio engine carries the step out, and disk_step_done() takes what
 * was done off the request and goes on.
 */
#include "config.h"

#include "vmm/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/iov.h"
#include "lib/log.h"
#include "vmm/disk_chain.h"
#include "vmm/disk_vhost.h"
#include "vmm/options.h"
#include "vmm/vm.h"

enum {
	DISK_BUF = 65536,	/* bytes of a request's buffer, a multiple of blocks */
	DISK_BUF_ALIGN = 4096,
	DISK_STEP = 2 << 20,	/* bytes of one step, a multiple of blocks */
	DISK_SEG_MAX = 254,	/* as many as fit into a ring */
	DISK_RANGE_MAX = 4 << 20,	/* sectors: 2 GiB */
	DISK_LOCK_WAIT_MS = 2000,
};

#define NS_PER_S	1000000000ULL

static void disk_next(struct disk_req *req);

static bool has_overlay(const struct disk *disk)
{
	return disk->overlay.fd >= 0;
}

/* The file that writes go to. */
static int disk_fd(const struct disk *disk)
{
	return has_overlay(disk) ? disk->overlay.fd : disk->file.fd;
}

/* What access to @fd has to be aligned to. */
static uint32_t disk_block(const struct disk *disk, int fd)
{
	return disk->file.direct && fd == disk->file.fd ? disk->file.block : 1;
}

/* The queue. */

static void disk_pump(struct disk *disk)
{
	struct disk_req *req;

	if (disk->pumping || disk->draining)
		return;
	disk->pumping = true;
	while ((req = disk->queue) && !disk->alone && !(req->alone && disk->running)) {
		bool write = req->op != DISK_READ;
		uint64_t now = throttle_any(&disk->throttle) ? clock_ns() : 0;
		uint64_t wait = throttle_wait(&disk->throttle, now, write);

		if (wait && !disk->hurry) {
			ev_timer_stop(disk->loop, &disk->wake);
			ev_timer_set(&disk->wake, (double)wait / NS_PER_S, 0.);
			ev_timer_start(disk->loop, &disk->wake);
			break;
		}
		throttle_charge(&disk->throttle, now, write,
				req->op == DISK_DISCARD ? 0 : req->len);
		disk->queue = req->next;
		if (!disk->queue)
			disk->queue_last = &disk->queue;
		disk->running++;
		disk->alone = req->alone;
		disk_next(req);
	}
	disk->pumping = false;
}

static void disk_wake_cb(struct ev_loop *loop UNUSED, ev_timer *w, int revents UNUSED)
{
	struct disk *disk = container_of(w, struct disk, wake);

	disk_pump(disk);
	disk_turn(disk);
}

void disk_submit(struct disk *disk, struct disk_req *req)
{
	req->disk = disk;
	req->step = DISK_STEP_START;
	req->zeros = false;
	req->buf = NULL;
	req->next = NULL;
	req->alone = req->op == DISK_WRITE &&
		     (req->off | req->len) & (disk_block(disk, disk_fd(disk)) - 1);
	if (req->op == DISK_FLUSH) {
		disk_next(req);
		return;
	}
	*disk->queue_last = req;
	disk->queue_last = &req->next;
	disk_pump(disk);
}

static void disk_end(struct disk_req *req, int err)
{
	struct disk *disk = req->disk;

	free(req->buf);
	if (err && err != ECANCELED)
		log_limited(&disk->complaints, clock_ms(), LOG_LEVEL_WARN,
			    "disk '%s': %s", disk->file.path, strerror(err));
	if (req->op != DISK_FLUSH) {
		disk->running--;
		if (req->alone)
			disk->alone = false;
	}
	req->done(req, err);
	disk_pump(disk);
}

/* Steps. */

static void disk_step_done(struct aio_req *aio);

static void disk_start(struct disk_req *req, enum disk_step step, enum aio_op op, int fd)
{
	req->step = step;
	req->aio.op = op;
	req->aio.fd = fd;
	req->aio.done = disk_step_done;
	if (req->disk->vhost && fd == req->disk->file.fd)
		disk_vhost_submit(req->disk->vhost, &req->aio);
	else
		aio_submit(req->disk->aio, &req->aio);
}

/* Take @n bytes off a request. */
static void disk_consume(struct disk_req *req, uint64_t n)
{
	req->off += n;
	req->len -= n;
	while (n && req->iovcnt) {
		size_t k = MIN(req->iov->iov_len, n);

		req->iov->iov_base = (uint8_t *)req->iov->iov_base + k;
		req->iov->iov_len -= k;
		n -= k;
		if (!req->iov->iov_len) {
			req->iov++;
			req->iovcnt--;
		}
	}
}

/* Whether all that is left can be done on the guest's own memory. */
static bool disk_is_straight(const struct disk_req *req, int fd)
{
	const struct disk *disk = req->disk;
	uint32_t block = disk_block(disk, fd);
	uintptr_t odd = 0;

	if (req->zeros)
		return false;
	if (!disk->file.direct || fd != disk->file.fd)
		return true;
	for (int i = 0; i < req->iovcnt; i++)
		odd |= (uintptr_t)req->iov[i].iov_base | req->iov[i].iov_len;
	return !((req->off | req->len) & (block - 1)) && !(odd & (disk->file.memory - 1));
}

/* Do the next @n bytes at most by the buffer: choose req->part of them, which are at
 * req->head of it. Return: the bytes to read or write, 0 if there is no memory. */
static uint64_t disk_prepare_buf(struct disk_req *req, int fd, uint64_t n)
{
	uint32_t block = disk_block(req->disk, fd);
	void *p;

	if (!req->buf) {
		if (posix_memalign(&p, DISK_BUF_ALIGN, DISK_BUF))
			return 0;
		req->buf = p;
	}
	req->head = req->off & (block - 1);
	req->part = MIN(n, DISK_BUF - req->head);
	req->aio.off = req->off - req->head;
	req->aio.iov = &req->buf_iov;
	req->aio.iovcnt = 1;
	req->buf_iov.iov_base = req->buf;
	req->buf_iov.iov_len = (req->head + req->part + block - 1) & ~(size_t)(block - 1);
	return req->buf_iov.iov_len;
}

/* Read into the guest's own memory, or write from it: all that is left, if that is not too
 * much. A chain can name the same memory many times over, and a ring full of such chains
 * would be an hour's work that nobody can end. */
static void disk_straight(struct disk_req *req, enum aio_op op, int fd)
{
	uint64_t n = 0;
	int cnt = 0;

	while (cnt < req->iovcnt && n + req->iov[cnt].iov_len <= DISK_STEP)
		n += req->iov[cnt++].iov_len;
	req->aio.off = req->off;
	req->aio.iov = req->iov;
	req->aio.iovcnt = cnt;
	if (!cnt) {
		req->buf_iov = (struct iovec){ req->iov->iov_base, DISK_STEP };
		req->aio.iov = &req->buf_iov;
		req->aio.iovcnt = 1;
	}
	disk_start(req, DISK_STEP_STRAIGHT, op, fd);
}

static void disk_next_read(struct disk_req *req)
{
	struct disk *disk = req->disk;
	int fd = disk->file.fd;
	uint64_t n = req->len;
	bool ours = false;

	if (has_overlay(disk)) {
		n = overlay_run(&disk->overlay, req->off, req->len, &ours);
		fd = ours ? disk->overlay.fd : fd;
	}
	if (n == req->len && disk_is_straight(req, fd)) {
		disk_straight(req, AIO_READ, fd);
	} else if (disk_prepare_buf(req, fd, n)) {
		disk_start(req, DISK_STEP_BOUNCE, AIO_READ, fd);
	} else {
		disk_end(req, ENOMEM);
	}
}

/* Write the buffer, after the guest's bytes have been put into it. */
static void disk_write_buf(struct disk_req *req)
{
	if (req->zeros)
		memset(req->buf + req->head, 0, req->part);
	else
		iov_to_buf(req->iov, (size_t)req->iovcnt, 0, req->buf + req->head,
			   req->part);
	disk_start(req, DISK_STEP_BOUNCE, AIO_WRITE, disk_fd(req->disk));
}

static void disk_next_write(struct disk_req *req)
{
	int fd = disk_fd(req->disk);
	uint64_t n;

	if (disk_is_straight(req, fd)) {
		disk_straight(req, AIO_WRITE, fd);
		return;
	}
	n = disk_prepare_buf(req, fd, req->len);
	if (!n)
		disk_end(req, ENOMEM);
	else if (n != req->part)
		disk_start(req, DISK_STEP_AROUND, AIO_READ, fd);
	else
		disk_write_buf(req);
}

/* A hole or zeros without writing, if there is still a way. Return: whether one was
 * begun. */
static bool disk_try_hole(struct disk_req *req)
{
	struct disk *disk = req->disk;
	bool discard = req->op == DISK_DISCARD;
	bool punch = discard || has_overlay(disk) || (req->unmap && disk->unmap);

	req->aio.off = req->off;
	req->aio.len = req->len;
	if (discard && disk->file.device && !has_overlay(disk)) {
		uint64_t block = disk->file.block, end = req->off + req->len;

		/* Of what it covers in part, nothing. */
		req->aio.off = (req->off + block - 1) / block * block;
		if (end / block * block <= req->aio.off)
			return false;
		req->aio.len = end / block * block - req->aio.off;
		disk_start(req, DISK_STEP_HOLE, AIO_BLKDISCARD, disk->file.fd);
		return true;
	}
	req->aio.mode = FALLOC_FL_KEEP_SIZE;
	if (punch && !disk->no_punch)
		req->aio.mode |= FALLOC_FL_PUNCH_HOLE;
	else if (!discard && !has_overlay(disk) && !disk->no_zero)
		req->aio.mode |= FALLOC_FL_ZERO_RANGE;
	else
		return false;
	disk_start(req, DISK_STEP_HOLE, AIO_FALLOCATE, disk_fd(disk));
	return true;
}

/* Zeros have to be written. A part of a block needs to be alone for that, which it is
 * not any more: it starts anew. */
static void disk_write_zeros(struct disk_req *req)
{
	struct disk *disk = req->disk;

	req->zeros = true;
	req->op = DISK_WRITE;
	req->alone = (req->off | req->len) & (disk_block(disk, disk_fd(disk)) - 1);
	if (!req->alone) {
		disk_next_write(req);
		return;
	}
	disk->running--;
	req->next = disk->queue;
	if (!disk->queue)
		disk->queue_last = &req->next;
	disk->queue = req;
	disk_pump(disk);
}

static void disk_next_hole(struct disk_req *req)
{
	if (disk_try_hole(req))
		return;
	if (req->op == DISK_DISCARD)
		disk_end(req, 0);
	else
		disk_write_zeros(req);
}

static void disk_next_flush(struct disk_req *req)
{
	struct disk *disk = req->disk;

	if (disk->flush_error)
		disk_end(req, disk->flush_error);
	else if (disk->flushes)
		disk_start(req, DISK_STEP_SYNC, AIO_SYNC, disk->file.fd);
	else
		disk_end(req, 0);
}

/* The next step of a request, or its end. */
static void disk_next(struct disk_req *req)
{
	if (req->disk->draining) {
		disk_end(req, ECANCELED);
	} else if (req->op == DISK_FLUSH) {
		disk_next_flush(req);
	} else if (!req->len) {
		if (req->durable && req->op != DISK_READ && req->op != DISK_DISCARD)
			disk_next_flush(req);
		else
			disk_end(req, 0);
	} else if (req->op == DISK_READ) {
		disk_next_read(req);
	} else if (req->op == DISK_WRITE) {
		disk_next_write(req);
	} else {
		disk_next_hole(req);
	}
}

/* The file ended before a read did: fine only for what was never there. */
static void disk_read_end(struct disk_req *req)
{
	if (req->off < req->disk->file.bytes) {
		disk_end(req, EIO);
		return;
	}
	for (int i = 0; i < req->iovcnt; i++)
		memset(req->iov[i].iov_base, 0, req->iov[i].iov_len);
	req->len = 0;
	disk_next(req);
}

/* @n bytes of what is left have been read or written. */
static void disk_advance(struct disk_req *req, uint64_t n)
{
	if (req->op == DISK_WRITE && has_overlay(req->disk)) {
		uint64_t first = req->off / DISK_SECTOR * DISK_SECTOR;

		overlay_mark(&req->disk->overlay, first, req->off + n - first);
	}
	disk_consume(req, n);
	disk_next(req);
}

/* The buffer has been read or written, @n bytes of it. */
static void disk_bounce_done(struct disk_req *req, uint64_t n)
{
	n = n > req->head ? MIN(n - req->head, req->part) : 0;
	if (!n && req->op == DISK_READ) {
		disk_read_end(req);
	} else if (!n) {
		disk_end(req, EIO);
	} else {
		if (req->op == DISK_READ)
			iov_from_buf(req->iov, (size_t)req->iovcnt, 0,
				     req->buf + req->head, n);
		disk_advance(req, n);
	}
}

/* What surrounds the guest's bytes has been read, @n bytes of it. */
static void disk_around_done(struct disk_req *req, uint64_t n)
{
	if (n < req->buf_iov.iov_len)
		disk_end(req, EIO);
	else
		disk_write_buf(req);
}

static void disk_hole_done(struct disk_req *req)
{
	struct disk *disk = req->disk;
	int64_t ret = req->aio.ret;

	if (ret == -EOPNOTSUPP || ret == -ENOSYS || ret == -ENODEV || ret == -ENOTTY) {
		if (req->aio.op == AIO_FALLOCATE && req->aio.mode & FALLOC_FL_PUNCH_HOLE)
			disk->no_punch = true;
		else if (req->aio.op == AIO_FALLOCATE)
			disk->no_zero = true;
		else
			req->len = 0;
		disk_next(req);
	} else if (ret == -EINVAL && req->op == DISK_ZERO && !disk->draining) {
		/* Part of a device's block, for one. */
		disk_write_zeros(req);
	} else if (ret < 0) {
		disk_end(req, (int)-ret);
	} else {
		if (has_overlay(disk))
			overlay_mark(&disk->overlay, req->off, req->len);
		req->len = 0;
		disk_next(req);
	}
}

/* A sync has ended, with 0 or an errno. */
static void disk_synced(struct disk *disk, int err)
{
	if (!err || disk->flush_error)
		return;
	log_err_errno(err, "disk '%s': what the guest wrote is not safe, and flushes "
		      "fail from now on", disk->file.path);
	disk->flush_error = err;
}

static void disk_sync_done(struct disk_req *req)
{
	int err = (int)-req->aio.ret;

	disk_synced(req->disk, err);
	disk_end(req, err);
}

static void disk_step_done(struct aio_req *aio)
{
	struct disk_req *req = container_of(aio, struct disk_req, aio);
	int64_t ret = aio->ret;

	if (req->step == DISK_STEP_SYNC) {
		disk_sync_done(req);
	} else if (req->step == DISK_STEP_HOLE) {
		disk_hole_done(req);
	} else if (ret < 0) {
		disk_end(req, (int)-ret);
	} else if (req->step == DISK_STEP_BOUNCE) {
		disk_bounce_done(req, (uint64_t)ret);
	} else if (req->step == DISK_STEP_AROUND) {
		disk_around_done(req, (uint64_t)ret);
	} else if (ret) {
		disk_advance(req, (uint64_t)ret);
	} else if (req->op == DISK_READ) {
		disk_read_end(req);
	} else {
		disk_end(req, EIO);
	}
}

/* Life. */

/* The aio engine has done something, which may have led to requests for the other. */
static void disk_aio_batch(void *ctx)
{
	struct disk *disk = ctx;

	if (disk->vhost)
		disk_vhost_show(disk->vhost);
	disk->batch(disk->batch_ctx);
}

/* And the other way round. */
static void disk_vhost_batch(void *ctx)
{
	struct disk *disk = ctx;

	if (disk->aio)
		aio_turn(disk->aio);
	disk->batch(disk->batch_ctx);
}

void disk_turn(struct disk *disk)
{
	if (disk->aio)
		aio_turn(disk->aio);
	if (disk->vhost)
		disk_vhost_turn(disk->vhost);
}

/** struct last_sync - One that somebody waits for */
struct last_sync {
	struct aio_req aio;
	struct disk *disk;
};

static void disk_last_sync_done(struct aio_req *aio)
{
	disk_synced(container_of(aio, struct last_sync, aio)->disk, (int)-aio->ret);
}

void disk_sync(struct disk *disk)
{
	struct last_sync sync = {
		.aio = { .op = AIO_SYNC, .fd = disk->file.fd, .done = disk_last_sync_done },
		.disk = disk,
	};

	if (disk->flushes && disk->vhost) {
		disk_synced(disk, -disk_vhost_sync(disk->vhost));
	} else if (disk->flushes) {
		aio_submit(disk->aio, &sync.aio);
		aio_drain(disk->aio);
	}
}

int disk_stat(const struct disk *disk, struct stat *st)
{
	return fd_stat(disk->file.fd, st);
}

/* Wait for both engines. */
static void disk_wait(struct disk *disk)
{
	if (disk->aio)
		aio_drain(disk->aio);
	if (disk->vhost)
		disk_vhost_drain(disk->vhost);
}

void disk_finish(struct disk *disk)
{
	disk->hurry = true;
	ev_timer_stop(disk->loop, &disk->wake);
	disk_pump(disk);
	/* What has ended has the next step begin, or the next request, maybe with the
	 * other engine. */
	do
		disk_wait(disk);
	while (disk->running);
	disk->hurry = false;
	disk_sync(disk);
}

void disk_drain(struct disk *disk)
{
	struct disk_req *req;

	disk->draining = true;
	ev_timer_stop(disk->loop, &disk->wake);
	/* What has not begun ends at once, and what has after its step. */
	while ((req = disk->queue)) {
		disk->queue = req->next;
		disk->running++;
		disk_end(req, ECANCELED);
	}
	disk->queue_last = &disk->queue;
	disk_wait(disk);
	disk->draining = false;
}

/* Whether somebody else is to read and write the image. */
static bool disk_is_served(const struct options_drive *opt)
{
	return opt->socket || (opt->format && strcmp(opt->format, "raw") != 0);
}

/* Find out whether the image can be used: for the sake of a good message, since who
 * serves it opens and locks it again, and of its backing files' formats. */
static int disk_try_file(const struct options_drive *opt)
{
	const struct disk_file_want want = {
		.write = !opt->readonly && !opt->snapshot,
		.lock = opt->lock, .wait_ms = DISK_LOCK_WAIT_MS,
	};
	struct disk_file f;
	int ret = disk_file_open(&f, opt->file, &want);

	if (ret)
		return ret;
	disk_file_close(&f);
	return disk_chain_check(opt->file, opt->format);
}

static int disk_open_served(struct disk *disk, struct vm *vm,
			    const struct options_drive *opt)
{
	struct disk_vhost_info info;
	int ret = opt->socket ? 0 : disk_try_file(opt);

	if (!ret)
		ret = disk_vhost_open(vm, opt, disk_vhost_batch, disk, &info, &disk->vhost);
	if (ret)
		return ret;
	disk->file = (struct disk_file){
		.path = opt->file, .fd = open(opt->file, O_PATH | O_CLOEXEC),
		.writable = !opt->readonly && !opt->snapshot,
		.device = true, .direct = info.block > DISK_SECTOR,
		.bytes = info.bytes, .size = info.bytes, .block = info.block, .memory = 1,
		/* Whole pages are what file systems on it had best use. */
		.physical = info.bytes % DISK_BUF_ALIGN ? info.block : DISK_BUF_ALIGN,
	};
	disk->readonly |= info.readonly && !opt->snapshot;
	disk->unmap &= info.discard;
	disk->seg_max = info.seg_max;
	disk->range_max = info.range_max ? MIN(info.range_max, DISK_RANGE_MAX) :
			  DISK_RANGE_MAX;
	return 0;
}

static int disk_open_image(struct disk *disk, struct vm *vm,
			   const struct options_drive *opt)
{
	const struct disk_file_want want = {
		.write = !opt->readonly && !opt->snapshot,
		.direct = opt->direct,
		.probe = !opt->format,
		.lock = opt->lock, .wait_ms = DISK_LOCK_WAIT_MS,
	};
	int ret = disk_is_served(opt) ? disk_open_served(disk, vm, opt) :
		  disk_file_open(&disk->file, opt->file, &want);

	if (ret || opt->readonly || !opt->snapshot)
		return ret;
	ret = overlay_open(&disk->overlay, disk->file.size);
	if (ret)
		log_err_errno(-ret, "disk '%s': a temporary file for what is written to "
			      "it (in $TMPDIR or /var/tmp)", opt->file);
	return ret;
}

int disk_open(struct vm *vm, const struct options_drive *opt,
	      void (*batch)(void *ctx), void *ctx, struct disk **out)
{
	struct disk *disk = calloc(1, sizeof(*disk));
	int ret;

	if (!disk)
		return -ENOMEM;
	disk->loop = vm->loop;
	disk->batch = batch;
	disk->batch_ctx = ctx;
	disk->file.fd = disk->overlay.fd = -1;
	disk->readonly = opt->readonly;
	disk->unmap = opt->discard;
	disk->seg_max = DISK_SEG_MAX;
	disk->range_max = DISK_RANGE_MAX;
	disk->writeback = opt->writeback;
	disk->throttle = opt->throttle;
	disk->queue_last = &disk->queue;
	ev_timer_init(&disk->wake, disk_wake_cb, 0., 0.);
	ret = disk_open_image(disk, vm, opt);
	disk->flushes = !opt->no_flush && disk->file.writable;
	if (!ret && (!disk->vhost || has_overlay(disk))) {
		ret = aio_open(vm->loop, opt->aio, disk_aio_batch, disk, &disk->aio);
		if (ret)
			log_err_errno(-ret, "disk '%s': asynchronous access", opt->file);
	}
	if (ret)
		disk_close(disk);
	else
		*out = disk;
	return ret;
}

int disk_start_threads(struct disk *disk)
{
	int ret = disk->aio ? aio_start_threads(disk->aio) : 0;

	if (ret)
		log_err_errno(-ret, "cannot start a thread for a disk");
	return ret;
}

void disk_close(struct disk *disk)
{
	if (!disk)
		return;
	if (disk->aio || disk->vhost)
		disk_drain(disk);
	aio_close(disk->aio);
	disk_vhost_close(disk->vhost);
	overlay_close(&disk->overlay);
	disk_file_close(&disk->file);
	free(disk);
}
