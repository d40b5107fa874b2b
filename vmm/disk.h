/* SPDX-License-Identifier: BSD-2-Clause */
/* disk.h - What is behind a disk of the guest: an image, how it is cached, how fast
 *	    it may be, and whether it is changed at all
 *
 * DOC: Theory of operation
 *
 * A request is for whole sectors within the disk, which the caller has checked, and
 * is carried out in as many steps as it takes: most need a single read or write of
 * the guest's memory itself. Direct access (O_DIRECT) wants addresses, offsets and
 * sizes that the guest need not give; what does not fit goes through a buffer of
 * ours, and a write of less than a block reads the block first, alone. A disk with
 * an overlay (-snapshot) reads from it what the guest has written, and the rest
 * from the image. Where a file system cannot make holes or zeros, zeros are
 * written.
 *
 * Caches: a write is done when the kernel has it, and safe when a flush that began
 * after that is done, or at once if it is to be ->durable. A flush whose fdatasync(2)
 * failed makes all later ones fail, since the kernel forgets what it could not write
 * and would say yes the next time.
 *
 * Requests whose disk is too fast wait in a queue; flushes overtake them, they have
 * nothing to do with what is not done.
 *
 * An image of a format that we do not know is read and written by another process,
 * and disk_vhost.h takes the place of the file: a block device in user space.
 *
 * Guarded by vm->lock.
 */
#ifndef VMM_DISK_H
#define VMM_DISK_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "lib/compiler.h"
#include "lib/ratelimit.h"
#include "vmm/aio.h"
#include "vmm/disk_file.h"
#include "vmm/overlay.h"
#include "vmm/throttle.h"

struct disk_vhost;
struct options_drive;
struct vm;

enum disk_op { DISK_READ, DISK_WRITE, DISK_FLUSH, DISK_DISCARD, DISK_ZERO };

/** enum disk_step - What a request is waiting for */
enum disk_step {
	DISK_STEP_START,
	DISK_STEP_STRAIGHT,	/* the guest's memory is read or written */
	DISK_STEP_BOUNCE,	/* the buffer is */
	DISK_STEP_AROUND,	/* the buffer is read, before parts of it are changed */
	DISK_STEP_HOLE,		/* a hole, or zeros, without writing them */
	DISK_STEP_SYNC,
};

/**
 * struct disk_req - A request; the caller's, and to stay where it is until it is done
 * @op:		What to do
 * @unmap:	DISK_ZERO may free the space
 * @durable:	A write is done when it is safe
 * @off:	First byte; this and the next four are used up
 * @len:	Bytes
 * @iov:	Memory for a read or a write, the caller's array, @len bytes in all
 * @iovcnt:	Its elements
 * @done:	Called at the end, maybe from disk_submit(): @err is 0 or an errno,
 *		ECANCELED after disk_drain()
 *
 * The rest is disk.c's.
 */
struct disk_req {
	enum disk_op op;
	bool unmap;
	bool durable;
	uint64_t off;
	uint64_t len;
	struct iovec *iov;
	int iovcnt;
	void (*done)(struct disk_req *req, int err);

	struct disk *disk;
	struct aio_req aio;
	enum disk_step step;
	bool alone;
	bool zeros;
	uint8_t *buf;
	struct iovec buf_iov;
	uint64_t head;
	uint64_t part;
	struct disk_req *next;
};

/**
 * struct disk - A disk
 * @file:	The image; where @vhost has it, there is no descriptor
 * @vhost:	Who reads and writes the image in place of us, or NULL
 * @overlay:	Where writes go instead, if its fd is not -1
 * @readonly:	The guest may not write
 * @unmap:	Discards free space
 * @seg_max:	Pieces of memory that a request had better not exceed
 * @range_max:	Sectors of a discard or of zeros, at most
 * @writeback:	The guest is told of a cache, and flushes it, unless it wants to
 *		have its writes safe at once
 * @flushes:	Flushes do something
 * @aio:	Engine for files, or NULL if there are none
 * @flush_error: A flush has failed
 * @running:	Requests being carried out, flushes not counted
 * @alone:	One of them must have no other beside it
 * @no_punch:	Holes cannot be made in the file
 * @no_zero:	Nor zeros without writing them
 */
struct disk {
	struct disk_file file;
	struct disk_vhost *vhost;
	struct overlay overlay;
	bool readonly;
	bool unmap;
	uint32_t seg_max;
	uint32_t range_max;
	bool writeback;
	bool flushes;
	int flush_error;
	struct ev_loop *loop;
	void (*batch)(void *ctx);
	void *batch_ctx;
	struct aio *aio;
	struct throttle throttle;
	ev_timer wake;
	struct disk_req *queue;
	struct disk_req **queue_last;
	unsigned int running;
	bool alone;
	bool pumping;
	bool draining;
	bool hurry;
	bool no_punch;
	bool no_zero;
	struct ratelimit complaints;
};

/**
 * disk_open() - Open what is behind a disk
 * @vm:		Machine, its RAM made
 * @opt:	What the command line says; borrowed
 * @batch:	Called after one or more requests were done from the event loop
 * @ctx:	Passed to it
 * @out:	Set
 *
 * Every failure is logged, naming the image. Return: 0 or -errno
 */
int disk_open(struct vm *vm, const struct options_drive *opt,
	      void (*batch)(void *ctx), void *ctx, struct disk **out) MUST_CHECK;

/* Make the threads that it needs; see thread.h. Return: 0 or -errno, logged. */
int disk_start_threads(struct disk *disk) MUST_CHECK;

/* Carry out a request, which disk_turn() may be needed to start. */
void disk_submit(struct disk *disk, struct disk_req *req);

/* Start all that was submitted, and finish what is done. */
void disk_turn(struct disk *disk);

/* Give up what has not begun, and wait for what has: nobody touches the memory of a
 * request any more. Not from ->done(). */
void disk_drain(struct disk *disk);

/* Carry out all there is at once, however fast the disk may be, and make it safe. Not from
 * ->done(). */
void disk_finish(struct disk *disk);

/* Make safe what is done, and wait for that. */
void disk_sync(struct disk *disk);

/* Ask about the image's file. Return: 0 or -errno. */
int disk_stat(const struct disk *disk, struct stat *st);

/* Drains it. NULL is fine. */
void disk_close(struct disk *disk);

#endif /* VMM_DISK_H */
