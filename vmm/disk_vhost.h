/* SPDX-License-Identifier: BSD-2-Clause */
/* disk_vhost.h - An image that another process reads and writes (vhost-user-blk)
 *
 * DOC: Theory of operation
 *
 * To disk.c this is one more engine beside aio.h: requests are handed in one by one,
 * set going together, and each is done when its ->done() is called. Behind it is a
 * driver of virtio-blk with one ring, and at the other end of the ring a back end, a
 * qemu-storage-daemon that we start (qsd.h) or one that the user has started. It reads
 * and writes the guest's memory itself.
 *
 * The guest's own ring is not given away. So we know at any time what is under way: if
 * the back end is gone, each request ends with an error and the guest hears of it, and
 * what limits, overlays and resets of disks do, they do here as well. The price is that
 * a request wakes one thread more.
 *
 * A request is in a slot: a table of descriptors, a header, a status, and a buffer of
 * DISK_VHOST_BUF bytes, all in memory that is shared with the back end, of which the
 * system gives only what is used. The buffer is for what does not lie in the guest's
 * memory, and for what lies in more pieces than the back end takes.
 *
 * Security model: the back end is trusted with the guest's memory and disk, and with
 * nothing else. What it writes is read once; what makes no sense is its end. It has
 * limits of time to answer when somebody waits for it; a daemon of ours that has
 * lost the connection is killed before its requests are given up, since it may still
 * write to the guest's memory.
 *
 * Guarded by vm->lock.
 */
#ifndef VMM_DISK_VHOST_H
#define VMM_DISK_VHOST_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "vmm/aio.h"

struct disk_vhost;
struct options_drive;
struct vm;

enum {
	DISK_VHOST_REQUESTS = 512,	/* at the same time, at most */
	DISK_VHOST_BUF = 65536,
};

/**
 * struct disk_vhost_info - What the back end says of the disk
 * @bytes:	Its size, a multiple of 512, never 0
 * @block:	What offsets and sizes have to be multiples of: 512 to 4096, a power of
 *		two
 * @seg_max:	Pieces that a request should have, at most
 * @range_max:	Sectors of a discard, or of zeros, at most; 0 if it can do neither
 * @readonly:	It cannot be written to
 * @discard:	It can free space
 */
struct disk_vhost_info {
	uint64_t bytes;
	uint32_t block;
	uint32_t seg_max;
	uint32_t range_max;
	bool readonly;
	bool discard;
};

/**
 * disk_vhost_open() - Connect to a back end, starting it if need be
 * @vm:		Machine, its RAM made
 * @opt:	The disk; borrowed
 * @batch:	Called after one or more ->done() in a row
 * @ctx:	Passed to it
 * @info:	Filled
 * @out:	Set
 *
 * Every failure is logged, naming the image. Return: 0 or -errno
 */
int disk_vhost_open(struct vm *vm, const struct options_drive *opt,
		    void (*batch)(void *ctx), void *ctx, struct disk_vhost_info *info,
		    struct disk_vhost **out) MUST_CHECK;

/* As those of aio.h; ->fd of a request is not used. AIO_BLKDISCARD is a discard, and
 * AIO_FALLOCATE writes zeros, or frees space that reads as zeros then, for at most
 * @range_max sectors; a read or write may do less than it should. When the back end is
 * gone, all is done with -ECANCELED, which was logged once. */
void disk_vhost_submit(struct disk_vhost *dv, struct aio_req *req);
void disk_vhost_turn(struct disk_vhost *dv);

/* Start all that was handed in. */
void disk_vhost_show(struct disk_vhost *dv);

/* Wait until nothing is under way; a back end that makes no progress is given up. */
void disk_vhost_drain(struct disk_vhost *dv);

/* Make safe what is done, and wait for that. Return: 0 or -errno. */
int disk_vhost_sync(struct disk_vhost *dv) MUST_CHECK;

/* There must be nothing under way. Ends the back end if it is ours. NULL is fine. */
void disk_vhost_close(struct disk_vhost *dv);

#endif /* VMM_DISK_VHOST_H */
