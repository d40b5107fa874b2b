/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio_blk.c - Block device (virtio 1.2, section 5.2) over a disk
 *
 * DOC: Theory of operation
 *
 * There is one queue. A request is a chain: a header of 16 bytes and data that the
 * device reads, then data that it writes and, last, a byte of status. Where one
 * buffer ends and the next begins means nothing (section 2.7.4.1). What of the
 * chain is data goes to disk.c as it lies in guest memory, and the chain comes back
 * when that is done, in any order.
 *
 * Reset: the driver gets no answer before everything under way has ended, since
 * the kernel may be writing to the guest's memory until then. What had not begun is
 * given up.
 *
 * Security model: the guest may write anything into its ring (vring.c) and its
 * headers. A header is read once. A request that makes no sense gets an error as
 * its status, and nothing outside of the disk is touched; a chain without room for
 * a header or a status breaks the device. There are never more requests under way
 * than the ring has entries, whatever the ring says.
 */
#include "config.h"

#include "vmm/virtio_blk.h"

#include <errno.h>
#include <linux/virtio_blk.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/bytes.h"
#include "lib/iov.h"
#include "lib/log.h"
#include "vmm/disk.h"
#include "vmm/options.h"
#include "vmm/state.h"
#include "vmm/virtio.h"
#include "vmm/vm.h"

enum {
	BLK_STATE_VERSION = 1,
	BLK_QUEUE_SIZE = 256,
	BLK_BUDGET = 256,			/* requests taken at one go */

	/* The BIOS's idea of a disk, for those who still ask. */
	BLK_HEADS = 16,
	BLK_TRACK = 63,
	BLK_CYLINDERS_MAX = 16383,
};

/** struct blk_header - What a request begins with, section 5.2.6 */
struct blk_header {
	struct le32 type;
	struct le32 ioprio;
	struct le64 sector;
};

/** struct blk_range - The data of a discard */
struct blk_range {
	struct le64 sector;
	struct le32 sectors;
	struct le32 flags;
};

static_assert(sizeof(struct blk_header) == 16, "virtio 1.2, 5.2.6");
static_assert(sizeof(struct blk_range) == 16, "virtio 1.2, 5.2.6");

/**
 * struct virtio_blk - A disk of the guest
 * @config:	What the guest reads
 * @serial:	What it gets for VIRTIO_BLK_T_GET_ID
 * @under_way:	Requests taken and not pushed
 * @pushed:	Chains were pushed and not yet shown
 * @resetting:	What ends now has nobody to hear of it
 */
struct virtio_blk {
	struct virtio_dev dev;
	struct virtio_blk_config config;
	struct disk *disk;
	char serial[VIRTIO_BLK_ID_BYTES];
	unsigned int under_way;
	bool pushed;
	bool resetting;
};

/**
 * struct blk_req - A request
 * @head:	Its chain
 * @written:	Bytes of it that the device writes
 * @status:	Where its status goes, in guest memory
 * @iov:	The pieces of its data
 */
struct blk_req {
	struct disk_req disk;
	struct virtio_blk *blk;
	uint16_t head;
	uint32_t written;
	uint8_t *status;
	struct iovec iov[];
};

static struct virtio_blk *virtio_blk(struct virtio_dev *dev)
{
	return container_of(dev, struct virtio_blk, dev);
}

/* Ends. */

static void blk_push(struct virtio_blk *blk, uint16_t head, uint8_t *where,
		     uint8_t status, uint32_t written)
{
	*where = status;
	vring_push(&blk->dev.queue[0].vring, head, written);
	blk->pushed = true;
}

static void blk_publish(struct virtio_blk *blk)
{
	if (blk->pushed && blk->dev.active)
		virtio_publish(&blk->dev, 0);
	blk->pushed = false;
}

/* The disk has ended some requests. */
static void blk_batch(void *ctx)
{
	blk_publish(ctx);
}

static void blk_done(struct disk_req *disk, int err)
{
	struct blk_req *req = container_of(disk, struct blk_req, disk);
	struct virtio_blk *blk = req->blk;

	blk->under_way--;
	if (!blk->resetting)
		blk_push(blk, req->head, req->status,
			 err ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK, req->written);
	free(req);
}

/* Requests. */

/* Whether these sectors are on the disk. */
static bool blk_in_range(const struct virtio_blk *blk, uint64_t sector, uint64_t sectors)
{
	return sector <= blk->config.capacity &&
	       sectors <= blk->config.capacity - sector;
}

/* Whether the driver relies on each write being safe when it is done. */
static bool blk_writes_through(const struct virtio_blk *blk)
{
	if (!virtio_has(&blk->dev, VIRTIO_BLK_F_FLUSH))
		return true;
	return virtio_has(&blk->dev, VIRTIO_BLK_F_CONFIG_WCE) ? !blk->config.wce :
	       !blk->disk->writeback;
}

/* A read or a write, its data being req->iov. Return: its status if it has ended
 * before it began, -1 if it is good. */
static int blk_transfer(struct blk_req *req, uint64_t sector)
{
	const struct virtio_blk *blk = req->blk;
	uint64_t len = iov_size(req->disk.iov, (size_t)req->disk.iovcnt);

	if (len % DISK_SECTOR || !blk_in_range(blk, sector, len / DISK_SECTOR))
		return VIRTIO_BLK_S_IOERR;
	if (req->disk.op == DISK_WRITE && blk->disk->readonly)
		return VIRTIO_BLK_S_IOERR;
	req->disk.off = sector * DISK_SECTOR;
	req->disk.len = len;
	return -1;
}

/* A discard or zeros. Return: as blk_transfer(). */
static int blk_range(struct blk_req *req, unsigned int feature)
{
	const struct virtio_blk *blk = req->blk;
	struct blk_range range;
	uint64_t sector;
	uint32_t sectors, flags;

	if (!virtio_has(&blk->dev, feature))
		return VIRTIO_BLK_S_UNSUPP;
	if (iov_size(req->disk.iov, (size_t)req->disk.iovcnt) != sizeof(range))
		return VIRTIO_BLK_S_IOERR;
	iov_to_buf(req->disk.iov, (size_t)req->disk.iovcnt, 0, &range, sizeof(range));
	sector = le64_get(range.sector);
	sectors = le32_get(range.sectors);
	flags = le32_get(range.flags);
	req->disk.unmap = flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
	if (flags & ~(uint32_t)VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP ||
	    (req->disk.unmap && req->disk.op == DISK_DISCARD))
		return VIRTIO_BLK_S_UNSUPP;
	if (sectors > blk->disk->range_max || !blk_in_range(blk, sector, sectors))
		return VIRTIO_BLK_S_IOERR;
	req->disk.off = sector * DISK_SECTOR;
	req->disk.len = (uint64_t)sectors * DISK_SECTOR;
	req->disk.iovcnt = 0;
	return -1;
}

/* The disk's name, as much of it as there is room for. */
static int blk_get_id(const struct blk_req *req)
{
	iov_from_buf(req->disk.iov, (size_t)req->disk.iovcnt, 0, req->blk->serial,
		     sizeof(req->blk->serial));
	return VIRTIO_BLK_S_OK;
}

/* What the header asks for. Return: as blk_transfer(). */
static int blk_understand(struct blk_req *req, const struct blk_header *h)
{
	switch (le32_get(h->type)) {
	case VIRTIO_BLK_T_IN:
		req->disk.op = DISK_READ;
		return blk_transfer(req, le64_get(h->sector));
	case VIRTIO_BLK_T_OUT:
		req->disk.op = DISK_WRITE;
		return blk_transfer(req, le64_get(h->sector));
	case VIRTIO_BLK_T_FLUSH:
		req->disk.op = DISK_FLUSH;
		return -1;
	case VIRTIO_BLK_T_DISCARD:
		req->disk.op = DISK_DISCARD;
		return blk_range(req, VIRTIO_BLK_F_DISCARD);
	case VIRTIO_BLK_T_WRITE_ZEROES:
		req->disk.op = DISK_ZERO;
		return blk_range(req, VIRTIO_BLK_F_WRITE_ZEROES);
	case VIRTIO_BLK_T_GET_ID:
		return blk_get_id(req);
	default:
		return VIRTIO_BLK_S_UNSUPP;
	}
}

/* Copy @cnt pieces less the first @skip bytes and the last @tail. Return: how many
 * are left. */
static int blk_slice(struct iovec *to, const struct iovec *from, unsigned int cnt,
		     size_t skip, size_t tail)
{
	size_t left = iov_size(from, cnt) - skip - tail;
	int n = 0;

	for (; left; from++) {
		size_t k;

		if (skip >= from->iov_len) {
			skip -= from->iov_len;
			continue;
		}
		k = MIN(from->iov_len - skip, left);
		to[n++] = (struct iovec){ (uint8_t *)from->iov_base + skip, k };
		left -= k;
		skip = 0;
	}
	return n;
}

/* Begin the request of a chain. Return: 0, or -EPROTO if it is none. */
static int blk_begin(struct virtio_blk *blk, const struct vring_chain *chain)
{
	const struct iovec *in = chain->iov + chain->out;
	size_t written = iov_size(in, chain->in);
	struct blk_header h;
	struct blk_req *req;
	uint8_t *last;
	uint32_t type;
	int status;

	if (!written || iov_to_buf(chain->iov, chain->out, 0, &h, sizeof(h)) < sizeof(h))
		return -EPROTO;
	type = le32_get(h.type);
	/* The last byte of the last piece; no piece is empty. */
	last = (uint8_t *)in[chain->in - 1].iov_base + in[chain->in - 1].iov_len - 1;
	req = malloc(sizeof(*req) + (chain->out + chain->in) * sizeof(*req->iov));
	if (!req) {
		blk_push(blk, chain->head, last, VIRTIO_BLK_S_IOERR, 1);
		return 0;
	}
	memset(req, 0, sizeof(*req));
	req->blk = blk;
	req->head = chain->head;
	req->status = last;
	req->written = (uint32_t)MIN(written, UINT32_MAX);
	req->disk.iov = req->iov;
	req->disk.done = blk_done;
	req->disk.durable = blk_writes_through(blk);
	if (type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID)
		req->disk.iovcnt = blk_slice(req->iov, in, chain->in, 0, 1);
	else
		req->disk.iovcnt = blk_slice(req->iov, chain->iov, chain->out, sizeof(h), 0);
	status = blk_understand(req, &h);
	if (status < 0) {
		blk->under_way++;
		disk_submit(blk->disk, &req->disk);
		return 0;
	}
	blk_push(blk, req->head, req->status, (uint8_t)status, req->written);
	free(req);
	return 0;
}

static void blk_kick(struct virtio_dev *dev, unsigned int q)
{
	struct virtio_blk *blk = virtio_blk(dev);
	struct vring *vr = &dev->queue[q].vring;
	struct iovec iov[VRING_CHAIN_MAX];
	const char *broken = NULL;
	struct vring_chain chain;
	unsigned int taken = 0;

	vring_suppress_kicks(vr);
	while (taken < BLK_BUDGET && !broken) {
		if (blk->under_way >= vr->size && vring_has_avail(vr)) {
			broken = "more requests than the ring has entries";
		} else if (!vring_pop(vr, &chain, 1, iov, ARRAY_SIZE(iov))) {
			if (vr->broken || !vring_want_kick(vr, 1))
				break;
		} else if (blk_begin(blk, &chain)) {
			broken = "a request without a header or a status";
		} else {
			taken++;
		}
	}
	disk_turn(blk->disk);
	blk_publish(blk);
	if (vr->broken || broken)
		virtio_break(dev, broken ? broken : vr->broken);
	else if (taken == BLK_BUDGET)
		virtio_kick_again(dev, q);
}

/* Life. */

static void blk_activate(struct virtio_dev *dev)
{
	struct virtio_blk *blk = virtio_blk(dev);

	if (!virtio_has(dev, VIRTIO_BLK_F_FLUSH))
		blk->config.wce = 0;
}

static void blk_reset(struct virtio_dev *dev)
{
	struct virtio_blk *blk = virtio_blk(dev);

	blk->resetting = true;
	disk_drain(blk->disk);
	blk->resetting = blk->pushed = false;
}

/* Saving. */

/**
 * struct blk_state - A disk in a saved VM
 * @capacity:	Sectors
 * @changed:	When the image was last written to, in nanoseconds, or 0 if that says
 *		nothing
 * @wce:	As in the device's configuration
 */
struct blk_state {
	uint64_t capacity;
	uint64_t changed;
	uint8_t wce;
	uint8_t zero[7];
};

static uint64_t blk_changed(const struct virtio_blk *blk)
{
	struct stat st;

	/* A daemon that is never told to flush writes what it has when it ends. */
	if (blk->disk->vhost && !blk->disk->flushes)
		return 0;
	if (blk->disk->readonly || disk_stat(blk->disk, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	return (uint64_t)st.st_mtim.tv_sec * 1000000000U + (uint64_t)st.st_mtim.tv_nsec;
}

static const char *blk_say(const struct virtio_blk *blk, const char *what)
{
	static char reason[512];

	snprintf(reason, sizeof(reason), "disk '%s': %s", blk->disk->file.path, what);
	return reason;
}

static void blk_freeze(struct virtio_dev *dev)
{
	struct virtio_blk *blk = virtio_blk(dev);

	disk_finish(blk->disk);
	blk_publish(blk);
}

static const char *blk_unsaved(struct virtio_dev *dev)
{
	const struct virtio_blk *blk = virtio_blk(dev);

	if (blk->disk->overlay.fd >= 0)
		return blk_say(blk, "what the guest has written to it is kept nowhere "
			       "(-snapshot)");
	/* Elsewhere flushes would work again, and the guest take for safe what is lost. */
	return blk->disk->flush_error ?
	       blk_say(blk, "what the guest has written to it is not safe") : NULL;
}

static void blk_save(struct virtio_dev *dev, struct state_out *out)
{
	const struct virtio_blk *blk = virtio_blk(dev);
	const struct blk_state x = {
		.capacity = blk->config.capacity,
		.changed = blk_changed(blk),
		.wce = blk->config.wce,
	};

	state_put(out, "virtio-blk", dev->pci.slot, BLK_STATE_VERSION, &x, sizeof(x));
}

/* An image that somebody has written to since is not the one whose contents the guest
 * has in its memory, and going on would destroy its file systems. */
static const char *blk_load(struct virtio_dev *dev, const struct state *s)
{
	struct virtio_blk *blk = virtio_blk(dev);
	const struct blk_state *x = state_get(s, "virtio-blk", dev->pci.slot,
					      BLK_STATE_VERSION, sizeof(*x));

	if (!x || x->wce > 1)
		return "it makes no sense (a disk)";
	if (x->capacity != blk->config.capacity)
		return blk_say(blk, "it has another size");
	if (x->changed && x->changed != blk_changed(blk))
		return blk_say(blk, "it was written to after the VM was saved, or is a copy "
			       "with another date");
	blk->config.wce = x->wce;
	return NULL;
}

static void blk_config_read(struct virtio_dev *dev, unsigned int off, void *buf,
			    unsigned int size)
{
	memcpy(buf, (const uint8_t *)&virtio_blk(dev)->config + off, size);
}

/* The one thing that the driver may choose: whether its writes are cached. */
static void blk_config_write(struct virtio_dev *dev, unsigned int off, uint64_t value,
			     unsigned int size)
{
	struct virtio_blk *blk = virtio_blk(dev);

	if (off != offsetof(struct virtio_blk_config, wce) || size != 1 || value > 1 ||
	    !virtio_has(dev, VIRTIO_BLK_F_CONFIG_WCE) ||
	    !virtio_has(dev, VIRTIO_BLK_F_FLUSH))
		return;
	/* There may be no flush any more for what was written before. */
	if (blk->config.wce && !value)
		disk_sync(blk->disk);
	blk->config.wce = (uint8_t)value;
}

static void blk_config_reset(struct virtio_dev *dev)
{
	virtio_blk(dev)->config.wce = virtio_blk(dev)->disk->writeback;
}

static const struct virtio_ops blk_ops = {
	.name = "virtio-blk",
	.id = VIRTIO_ID_BLOCK,
	.class = 0x010000,
	.activate = blk_activate,
	.reset = blk_reset,
	.kick = blk_kick,
	.freeze = blk_freeze,
	.unsaved = blk_unsaved,
	.save = blk_save,
	.load = blk_load,
	.config_read = blk_config_read,
	.config_write = blk_config_write,
	.config_reset = blk_config_reset,
	.config_size = offsetof(struct virtio_blk_config, max_secure_erase_sectors),
	.queue_size = BLK_QUEUE_SIZE,
};

static uint64_t blk_features(const struct disk *disk)
{
	uint64_t features = 1ULL << VIRTIO_BLK_F_SEG_MAX |
			    1ULL << VIRTIO_BLK_F_GEOMETRY |
			    1ULL << VIRTIO_BLK_F_BLK_SIZE |
			    1ULL << VIRTIO_BLK_F_FLUSH |
			    1ULL << VIRTIO_BLK_F_TOPOLOGY |
			    1ULL << VIRTIO_BLK_F_CONFIG_WCE;

	if (disk->readonly)
		return features | 1ULL << VIRTIO_BLK_F_RO;
	features |= 1ULL << VIRTIO_BLK_F_WRITE_ZEROES;
	return disk->unmap ? features | 1ULL << VIRTIO_BLK_F_DISCARD : features;
}

static void blk_fill_config(struct virtio_blk_config *c, const struct disk *disk)
{
	uint64_t sectors = disk->file.size / DISK_SECTOR;
	uint64_t cylinders = sectors / (BLK_HEADS * BLK_TRACK);
	uint32_t physical = disk->file.physical / DISK_SECTOR;

	c->capacity = sectors;
	/* Header and status take two of the ring. */
	c->seg_max = MIN(disk->seg_max, BLK_QUEUE_SIZE - 2);
	c->geometry.cylinders = (uint16_t)MAX(MIN(cylinders, BLK_CYLINDERS_MAX), 2);
	c->geometry.heads = BLK_HEADS;
	c->geometry.sectors = BLK_TRACK;
	/* Boot loaders and partition tables count in these, whatever is below. */
	c->blk_size = DISK_SECTOR;
	c->physical_block_exp = (uint8_t)__builtin_ctz(physical);
	c->min_io_size = (uint16_t)physical;
	c->wce = disk->writeback;
	c->max_discard_sectors = c->max_write_zeroes_sectors = disk->range_max;
	c->max_discard_seg = c->max_write_zeroes_seg = 1;
	c->discard_sector_alignment = physical;
	c->write_zeroes_may_unmap = disk->unmap;
}

int virtio_blk_create(struct vm *vm, const struct options_drive *opt,
		      struct virtio_blk **out)
{
	struct virtio_blk *blk = calloc(1, sizeof(*blk));
	int ret;

	if (!blk)
		return -ENOMEM;
	ret = disk_open(vm, opt, blk_batch, blk, &blk->disk);
	if (ret) {
		free(blk);
		return ret;
	}
	blk_fill_config(&blk->config, blk->disk);
	if (opt->serial)
		memcpy(blk->serial, opt->serial,
		       MIN(strlen(opt->serial), sizeof(blk->serial)));
	ret = virtio_init(&blk->dev, vm, &blk_ops, blk_features(blk->disk), 1);
	if (ret) {
		log_err_errno(-ret, "disk '%s'", opt->file);
		disk_close(blk->disk);
		free(blk);
		return ret;
	}
	*out = blk;
	return 0;
}

int virtio_blk_start_threads(struct virtio_blk *blk)
{
	return disk_start_threads(blk->disk);
}

void virtio_blk_reset(struct virtio_blk *blk)
{
	virtio_reset(&blk->dev);
}

struct virtio_dev *virtio_blk_dev(struct virtio_blk *blk)
{
	return &blk->dev;
}

bool virtio_blk_stat(const struct virtio_blk *blk, struct stat *st)
{
	return !disk_stat(blk->disk, st);
}

uint64_t virtio_blk_size(const struct virtio_blk *blk)
{
	return blk->config.capacity * DISK_SECTOR;
}

void virtio_blk_destroy(struct virtio_blk *blk)
{
	if (!blk)
		return;
	blk->resetting = true;
	disk_close(blk->disk);
	virtio_destroy(&blk->dev);
	free(blk);
}
