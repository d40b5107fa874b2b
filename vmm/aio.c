/* SPDX-License-Identifier: BSD-2-Clause */
/* aio.c - File operations that do not make the event loop wait
 *
 * Both engines tell of their ends by one eventfd in the event loop. The threads
 * share a list of what is to do and a list of what is done under a lock of their
 * own; all the rest is guarded by the caller's.
 */
#include "config.h"

#include "vmm/aio.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "vmm/thread.h"

enum {
	AIO_RING = 256,			/* requests handed to io_uring at one go */
	AIO_RING_DONE = 4096,		/* that may be done and not yet seen */
	AIO_ROUNDS = 4,			/* of sending and reaping, before others have a turn */
	AIO_THREADS_MAX = 4,		/* one where io_uring does nearly everything */
};

/** struct aio_list - Requests, the first first */
struct aio_list {
	struct aio_req *first;
	struct aio_req **last;
};

/**
 * struct aio_pool - The threads
 * @lock:	Guards what follows, up to @end
 * @work:	There is something in @todo, or @end was set
 * @ended:	There is something in @done
 * @pending:	Requests submitted and not yet taken from @done; not theirs
 * @threads:	How many there are
 */
struct aio_pool {
	pthread_mutex_t lock;
	pthread_cond_t work;
	pthread_cond_t ended;
	struct aio_list todo;
	struct aio_list done;
	bool end;
	unsigned int pending;
	unsigned int threads;
	pthread_t thread[AIO_THREADS_MAX];
};

/**
 * struct aio - An engine
 * @eventfd:	Written at the end of requests
 * @watch:	Watches it
 * @uring:	There is an io_uring
 * @pending:	Requests in it, or about to be
 * @unsent:	Of those, how many the kernel does not know yet
 */
struct aio {
	struct ev_loop *loop;
	int eventfd;
	ev_io watch;
	void (*batch)(void *ctx);
	void *ctx;
	bool uring;
	struct io_uring ring;
	unsigned int pending;
	unsigned int unsent;
	struct aio_pool pool;
};

/* Lists. */

static void list_init(struct aio_list *l)
{
	l->first = NULL;
	l->last = &l->first;
}

static void list_add(struct aio_list *l, struct aio_req *req)
{
	req->next = NULL;
	*l->last = req;
	l->last = &req->next;
}

static struct aio_req *list_take(struct aio_list *l)
{
	struct aio_req *req = l->first;

	if (!req)
		return NULL;
	l->first = req->next;
	if (!l->first)
		l->last = &l->first;
	return req;
}

/* The threads. */

static int64_t aio_call(const struct aio_req *req)
{
	const uint64_t range[2] = { req->off, req->len };
	off_t off = (off_t)req->off;
	int64_t ret = -1;

	switch (req->op) {
	case AIO_READ:
		ret = preadv(req->fd, req->iov, req->iovcnt, off);
		break;
	case AIO_WRITE:
		ret = pwritev(req->fd, req->iov, req->iovcnt, off);
		break;
	case AIO_SYNC:
		ret = fdatasync(req->fd);
		break;
	case AIO_FALLOCATE:
		ret = fallocate(req->fd, req->mode, off, (off_t)req->len);
		break;
	case AIO_BLKDISCARD:
		ret = ioctl(req->fd, BLKDISCARD, range);
		break;
	}
	return ret < 0 ? -errno : ret;
}

static void pool_thread(void *ctx)
{
	struct aio *aio = ctx;
	struct aio_pool *p = &aio->pool;
	struct aio_req *req;

	pthread_mutex_lock(&p->lock);
	while (!p->end) {
		req = list_take(&p->todo);
		if (!req) {
			pthread_cond_wait(&p->work, &p->lock);
			continue;
		}
		pthread_mutex_unlock(&p->lock);
		do
			req->ret = aio_call(req);
		while (req->ret == -EINTR);
		pthread_mutex_lock(&p->lock);
		list_add(&p->done, req);
		pthread_cond_signal(&p->ended);
		eventfd_write(aio->eventfd, 1);
	}
	pthread_mutex_unlock(&p->lock);
}

static void pool_submit(struct aio *aio, struct aio_req *req)
{
	struct aio_pool *p = &aio->pool;

	p->pending++;
	pthread_mutex_lock(&p->lock);
	list_add(&p->todo, req);
	pthread_cond_signal(&p->work);
	pthread_mutex_unlock(&p->lock);
}

/* Finish what is done; wait for one if nothing is and @wait. Return: how many. */
static unsigned int pool_reap(struct aio *aio, bool wait)
{
	struct aio_pool *p = &aio->pool;
	struct aio_req *req, *next;
	unsigned int n = 0;

	if (!p->pending)
		return 0;
	pthread_mutex_lock(&p->lock);
	while (wait && !p->done.first)
		pthread_cond_wait(&p->ended, &p->lock);
	req = p->done.first;
	list_init(&p->done);
	pthread_mutex_unlock(&p->lock);
	for (; req; req = next) {
		next = req->next;
		p->pending--;
		n++;
		req->done(req);
	}
	return n;
}

static void pool_init(struct aio_pool *p)
{
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	pthread_cond_init(&p->ended, NULL);
	list_init(&p->todo);
	list_init(&p->done);
}

static void pool_close(struct aio_pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->end = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	for (unsigned int i = 0; i < p->threads; i++)
		pthread_join(p->thread[i], NULL);
	pthread_cond_destroy(&p->ended);
	pthread_cond_destroy(&p->work);
	pthread_mutex_destroy(&p->lock);
}

/* The io_uring. */

/* Tell the kernel of what was submitted. */
static void uring_send(struct aio *aio)
{
	int ret;

	if (!aio->unsent)
		return;
	ret = io_uring_submit(&aio->ring);
	if (ret > 0)
		aio->unsent -= MIN((unsigned int)ret, aio->unsent);
	/* The kernel is short of memory for a moment: come back. */
	if (aio->unsent)
		eventfd_write(aio->eventfd, 1);
}

/* Put a request into the ring. Return: whether there was room. */
static bool uring_submit(struct aio *aio, struct aio_req *req)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&aio->ring);

	if (!sqe) {
		uring_send(aio);
		sqe = io_uring_get_sqe(&aio->ring);
	}
	if (!sqe)
		return false;
	if (req->op == AIO_READ)
		io_uring_prep_readv(sqe, req->fd, req->iov, (unsigned int)req->iovcnt,
				    req->off);
	else if (req->op == AIO_WRITE)
		io_uring_prep_writev(sqe, req->fd, req->iov, (unsigned int)req->iovcnt,
				     req->off);
	else
		io_uring_prep_fsync(sqe, req->fd, IORING_FSYNC_DATASYNC);
	io_uring_sqe_set_data(sqe, req);
	aio->pending++;
	aio->unsent++;
	return true;
}

/* As pool_reap(). */
static unsigned int uring_reap(struct aio *aio, bool wait)
{
	struct io_uring_cqe *cqe;
	unsigned int n = 0;

	if (!aio->pending)
		return 0;
	if (wait && aio->pending > aio->unsent && io_uring_wait_cqe(&aio->ring, &cqe) < 0)
		return 0;
	while (aio->pending && !io_uring_peek_cqe(&aio->ring, &cqe)) {
		struct aio_req *req = io_uring_cqe_get_data(cqe);

		req->ret = cqe->res;
		io_uring_cqe_seen(&aio->ring, cqe);
		aio->pending--;
		n++;
		/* What it could not do now, a thread can wait for. */
		if (req->ret == -EINTR || req->ret == -EAGAIN)
			pool_submit(aio, req);
		else
			req->done(req);
	}
	return n;
}

/* What a ring does is seen by no filter for system calls (seccomp.h): it reads, writes and
 * flushes, or nothing. */
static int uring_restrict(struct io_uring *ring)
{
	static const uint8_t ops[] = { IORING_OP_READV, IORING_OP_WRITEV, IORING_OP_FSYNC };
	struct io_uring_restriction r[ARRAY_SIZE(ops)];

	memset(r, 0, sizeof(r));
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		r[i].opcode = IORING_RESTRICTION_SQE_OP;
		r[i].sqe_op = ops[i];
	}
	/* liburing 2.3 forgets to export its functions for these. */
	if (syscall(SYS_io_uring_register, ring->ring_fd, IORING_REGISTER_RESTRICTIONS, r,
		    ARRAY_SIZE(r)) < 0 ||
	    syscall(SYS_io_uring_register, ring->ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL,
		    0) < 0)
		return -errno;
	return 0;
}

static int uring_open(struct aio *aio)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_R_DISABLED,
		.cq_entries = AIO_RING_DONE,
	};
	int ret = io_uring_queue_init_params(AIO_RING, &aio->ring, &params);

	if (ret)
		return ret;
	ret = io_uring_register_eventfd(&aio->ring, aio->eventfd);
	if (!ret)
		ret = uring_restrict(&aio->ring);
	if (ret)
		io_uring_queue_exit(&aio->ring);
	aio->uring = !ret;
	return ret;
}

/* Both. */

void aio_submit(struct aio *aio, struct aio_req *req)
{
	bool known = req->op == AIO_READ || req->op == AIO_WRITE || req->op == AIO_SYNC;

	if (!aio->uring || !known || !uring_submit(aio, req))
		pool_submit(aio, req);
}

void aio_turn(struct aio *aio)
{
	bool any = false, more = true;

	/* What is in the page cache is done when it is sent, and what follows from it, too. */
	for (unsigned int i = 0; more && i < AIO_ROUNDS; i++) {
		uring_send(aio);
		more = uring_reap(aio, false) + pool_reap(aio, false);
		any |= more;
	}
	if (more)
		eventfd_write(aio->eventfd, 1);
	if (any)
		aio->batch(aio->ctx);
}

void aio_drain(struct aio *aio)
{
	while (aio->pending || aio->pool.pending) {
		uring_send(aio);
		if (!uring_reap(aio, true))
			pool_reap(aio, !aio->pending);
	}
	aio->batch(aio->ctx);
}

static void aio_event_cb(struct ev_loop *loop UNUSED, ev_io *w, int revents UNUSED)
{
	struct aio *aio = container_of(w, struct aio, watch);
	eventfd_t drop;

	eventfd_read(aio->eventfd, &drop);
	aio_turn(aio);
}

int aio_open(struct ev_loop *loop, enum aio_engine engine, void (*batch)(void *ctx),
	     void *ctx, struct aio **out)
{
	struct aio *aio = calloc(1, sizeof(*aio));
	int ret = 0;

	if (!aio)
		return -ENOMEM;
	aio->loop = loop;
	aio->batch = batch;
	aio->ctx = ctx;
	pool_init(&aio->pool);
	ev_io_init(&aio->watch, aio_event_cb, -1, EV_READ);
	aio->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (aio->eventfd < 0)
		ret = -errno;
	else if (engine != AIO_THREADS)
		ret = uring_open(aio);
	if (ret && engine == AIO_AUTO && aio->eventfd >= 0) {
		log_debug("no io_uring (%s): threads", strerror(-ret));
		ret = 0;
	}
	if (ret) {
		aio_close(aio);
		return ret;
	}
	ev_io_set(&aio->watch, aio->eventfd, EV_READ);
	ev_io_start(loop, &aio->watch);
	*out = aio;
	return 0;
}

int aio_start_threads(struct aio *aio)
{
	unsigned int threads = aio->uring ? 1 : AIO_THREADS_MAX;
	struct aio_pool *p = &aio->pool;
	int ret = 0;

	while (!ret && p->threads < threads) {
		ret = thread_start(&p->thread[p->threads], SECCOMP_DISK, "lanbox-disk",
				   pool_thread, aio);
		p->threads += !ret;
	}
	return ret;
}

bool aio_has_uring(void)
{
	struct io_uring ring;

	if (io_uring_queue_init(1, &ring, 0))
		return false;
	io_uring_queue_exit(&ring);
	return true;
}

enum aio_engine aio_engine(const struct aio *aio)
{
	return aio->uring ? AIO_URING : AIO_THREADS;
}

void aio_close(struct aio *aio)
{
	if (!aio)
		return;
	ev_io_stop(aio->loop, &aio->watch);
	pool_close(&aio->pool);
	if (aio->uring)
		io_uring_queue_exit(&aio->ring);
	fd_close(&aio->eventfd);
	free(aio);
}
