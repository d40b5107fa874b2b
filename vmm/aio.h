/* SPDX-License-Identifier: BSD-2-Clause */
/* aio.h - File operations that do not make the event loop wait
 *
 * DOC: Theory of operation
 *
 * Requests are handed in one by one with aio_submit(), and set going together by
 * aio_turn(); each is done when its ->done() is called. There are two engines
 * behind that: io_uring, and threads that make blocking calls. The threads are
 * there where io_uring may not be used (seccomp, kernel.io_uring_disabled), and one for
 * the few calls that it does not know.
 *
 * No order is kept: what must come after something else is submitted after that is
 * done. A request that was submitted runs to its end; there is no way to call it
 * back, so whoever owns its memory has to wait for it, with aio_drain().
 *
 * ->done() is called from aio_turn(), aio_drain() and the event loop, never from
 * aio_submit(). It may submit, but not turn or drain.
 *
 * Guarded by vm->lock.
 */
#ifndef VMM_AIO_H
#define VMM_AIO_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "lib/compiler.h"

enum aio_op {
	AIO_READ,		/* preadv(2) */
	AIO_WRITE,		/* pwritev(2) */
	AIO_SYNC,		/* fdatasync(2) */
	AIO_FALLOCATE,		/* fallocate(2) */
	AIO_BLKDISCARD,		/* ioctl(2) of that name */
};

enum aio_engine { AIO_AUTO, AIO_URING, AIO_THREADS };

/**
 * struct aio_req - A request; the caller's, and to stay where it is until it is done
 * @op:		What to do
 * @fd:		File; not O_NONBLOCK
 * @iov:	For AIO_READ and AIO_WRITE
 * @iovcnt:	Elements, up to IOV_MAX
 * @mode:	For AIO_FALLOCATE
 * @off:	Byte of the file
 * @len:	Bytes, for the last two
 * @ret:	The result: what the call returns, or -errno
 * @done:	Called at the end
 * @next:	In a list of the engine's
 */
struct aio_req {
	enum aio_op op;
	int fd;
	const struct iovec *iov;
	int iovcnt;
	int mode;
	uint64_t off;
	uint64_t len;
	int64_t ret;
	void (*done)(struct aio_req *req);
	struct aio_req *next;
};

struct aio;

/**
 * aio_open() - Make an engine
 * @loop:	Event loop
 * @engine:	Which; AIO_AUTO takes io_uring if it can be had
 * @batch:	Called after one or more ->done() in a row
 * @ctx:	Passed to it
 * @out:	Set
 *
 * Return: 0 or -errno
 */
int aio_open(struct ev_loop *loop, enum aio_engine engine, void (*batch)(void *ctx),
	     void *ctx, struct aio **out) MUST_CHECK;

/* Make its threads; before that, nothing is submitted. Return: 0 or -errno. */
int aio_start_threads(struct aio *aio) MUST_CHECK;

/* Whether io_uring can be had here. */
bool aio_has_uring(void);

/* AIO_URING or AIO_THREADS. */
enum aio_engine aio_engine(const struct aio *aio);

/* Hand in a request; it may start any time from now on. */
void aio_submit(struct aio *aio, struct aio_req *req);

/* Start all that was handed in, and finish what is done. */
void aio_turn(struct aio *aio);

/* Wait until nothing is under way. */
void aio_drain(struct aio *aio);

/* There must be nothing under way. NULL is fine. */
void aio_close(struct aio *aio);

#endif /* VMM_AIO_H */
