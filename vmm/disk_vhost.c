/* SPDX-License-Identifier: BSD-2-Clause */
/* disk_vhost.c - An image that another process reads and writes; the essay is in the
 *		  header */
#include "config.h"

#include "vmm/disk_vhost.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/iov.h"
#include "lib/log.h"
#include "lib/vhost_front.h"
#include "lib/vring_driver.h"
#include "vmm/disk_file.h"
#include "vmm/options.h"
#include "vmm/qsd.h"
#include "vmm/vm.h"

enum {
	DV_PIECES = 254,		/* of a request's data, at most */
	DV_TABLE = DV_PIECES + 2,	/* with header and status */
	DV_BLOCK_MAX = 4096,
	DV_NO_STATUS = 0xff,

	DV_START_MS = 30000,		/* so long may a daemon of ours take to start, */
	DV_ANSWER_MS = 5000,		/* so long may another take for an answer, */
	DV_STUCK_MS = 10000,		/* and so long each to do nothing while the VM
					 * waits */
};

/* Where the memory of ours begins for the back end; guest RAM begins at 0. */
#define DV_SHARED	((uint64_t)1 << 44)

/** struct dv_mem - What the back end sees of a slot, but for its buffer */
struct dv_mem {
	struct vring_desc table[DV_TABLE];
	struct virtio_blk_outhdr header;
	struct virtio_blk_discard_write_zeroes range;
	uint8_t status;
};

/**
 * struct dv_slot - A slot
 * @req:	What is in it, or NULL
 * @bytes:	How much of it
 * @buffered:	By the buffer
 * @next:	The next free slot
 */
struct dv_slot {
	struct aio_req *req;
	uint64_t bytes;
	bool buffered;
	struct dv_slot *next;
};

/**
 * struct disk_vhost - A connection
 * @name:	What it is in messages
 * @ram:	Guest RAM, @ram_size bytes
 * @mem:	Memory of ours, @mem_size bytes of @mem_fd: the ring, the slots, and from
 *		@bufs on their buffers
 * @slots:	See above
 * @block:	As in struct disk_vhost_info
 * @pieces:	As @seg_max there
 * @kick:	We ring, the back end answers
 * @call:	The back end rings, we answer
 * @watch:	Watches @call
 * @cable:	Watches for the back end's end
 * @lost:	It has come
 * @under_way:	Requests in slots
 * @done:	Requests that ended without the back end, the first first
 */
struct disk_vhost {
	struct ev_loop *loop;
	const char *name;
	void (*batch)(void *ctx);
	void *ctx;
	const uint8_t *ram;
	uint64_t ram_size;
	uint8_t *mem;
	size_t mem_size;
	int mem_fd;
	struct dv_mem *slots_mem;
	uint8_t *bufs;
	struct vring_driver ring;
	struct vhost_front vf;
	struct qsd *qsd;
	uint32_t block;
	unsigned int pieces;
	int kick;
	int call;
	ev_io watch;
	ev_io cable;
	bool lost;
	unsigned int under_way;
	struct dv_slot *free;
	struct aio_req *done;
	struct aio_req **done_last;
	struct dv_slot slot[DISK_VHOST_REQUESTS];
};

static unsigned int dv_index(const struct disk_vhost *dv, const struct dv_slot *slot)
{
	return (unsigned int)(slot - dv->slot);
}

static struct dv_mem *dv_mem(const struct disk_vhost *dv, const struct dv_slot *slot)
{
	return &dv->slots_mem[dv_index(dv, slot)];
}

static uint8_t *dv_buf(const struct disk_vhost *dv, const struct dv_slot *slot)
{
	return dv->bufs + (size_t)dv_index(dv, slot) * DISK_VHOST_BUF;
}

/* The back end's address of something in memory of ours. */
static uint64_t dv_addr(const struct disk_vhost *dv, const void *p)
{
	return DV_SHARED + (uint64_t)((const uint8_t *)p - dv->mem);
}

static bool dv_is_transfer(const struct aio_req *req)
{
	return req->op == AIO_READ || req->op == AIO_WRITE;
}

static bool dv_has(const struct disk_vhost *dv, unsigned int bit)
{
	return vhost_front_has(&dv->vf, bit);
}

/* Ends. */

/* A request has ended without the back end; it is done in the next turn. */
static void dv_end_later(struct disk_vhost *dv, struct aio_req *req, int64_t ret)
{
	req->ret = ret;
	req->next = NULL;
	*dv->done_last = req;
	dv->done_last = &req->next;
	eventfd_write(dv->call, 1);
}

static struct aio_req *dv_slot_release(struct disk_vhost *dv, struct dv_slot *slot)
{
	struct aio_req *req = slot->req;

	slot->req = NULL;
	slot->next = dv->free;
	dv->free = slot;
	dv->under_way--;
	return req;
}

/* The back end is gone, or nobody it makes sense to talk to. */
static void dv_lose(struct disk_vhost *dv, const char *why)
{
	char how[64] = "";
	int status;

	if (dv->lost)
		return;
	dv->lost = true;
	ev_io_stop(dv->loop, &dv->cable);
	vhost_front_close(&dv->vf);
	status = qsd_kill(dv->qsd);
	dv->qsd = NULL;
	if (status >= 0 && WIFSIGNALED(status))
		snprintf(how, sizeof(how), " (signal %d)", WTERMSIG(status));
	log_err("disk '%s': %s%s; the guest gets errors from now on", dv->name, why, how);
	for (unsigned int i = 0; i < DISK_VHOST_REQUESTS; i++)
		if (dv->slot[i].req)
			dv_end_later(dv, dv_slot_release(dv, &dv->slot[i]), -ECANCELED);
}

static void dv_cable_cb(struct ev_loop *loop UNUSED, ev_io *w, int revents UNUSED)
{
	struct disk_vhost *dv = container_of(w, struct disk_vhost, cable);
	struct pollfd p = { .fd = w->fd, .events = POLLIN };
	ssize_t n;
	char c;

	/* It waits for answers, elsewhere; here nothing may. */
	if (fd_poll(&p, 1, 0) <= 0)
		return;
	n = read(w->fd, &c, 1);
	dv_lose(dv, n > 0 ? "the process that serves it talks out of turn" :
		"the process that serves it is gone");
}

/* What became of a request. */
static int64_t dv_result(const struct disk_vhost *dv, const struct dv_slot *slot)
{
	const struct aio_req *req = slot->req;
	uint8_t status = __atomic_load_n(&dv_mem(dv, slot)->status, __ATOMIC_RELAXED);

	if (status == VIRTIO_BLK_S_UNSUPP)
		return -EOPNOTSUPP;
	if (status != VIRTIO_BLK_S_OK)
		return -EIO;
	if (!dv_is_transfer(req))
		return 0;
	if (req->op == AIO_READ && slot->buffered)
		iov_from_buf(req->iov, (size_t)req->iovcnt, 0, dv_buf(dv, slot), slot->bytes);
	return (int64_t)slot->bytes;
}

/* Finish what is done. Return: how many. */
static unsigned int dv_reap(struct disk_vhost *dv)
{
	struct aio_req *req;
	unsigned int n = 0;
	int32_t head;
	uint32_t len;

	while (!dv->lost && (head = vring_driver_get(&dv->ring, &len)) >= 0) {
		struct dv_slot *slot = &dv->slot[head];

		if (!slot->req) {
			dv_lose(dv, "the process that serves it makes no sense");
			break;
		}
		slot->req->ret = dv_result(dv, slot);
		req = dv_slot_release(dv, slot);
		req->done(req);
		n++;
	}
	while ((req = dv->done)) {
		dv->done = req->next;
		if (!dv->done)
			dv->done_last = &dv->done;
		req->done(req);
		n++;
	}
	return n;
}

/* Requests. */

static void dv_desc(struct dv_mem *m, unsigned int i, uint64_t addr, size_t len,
		    unsigned int flags)
{
	m->table[i] = (struct vring_desc){
		.addr = addr,
		.len = (uint32_t)len,
		.flags = (uint16_t)(flags | VRING_DESC_NEXT),
		.next = (uint16_t)(i + 1),
	};
}

/* Describe the data of a request where it lies, from entry 1 of the table on. Return:
 * the pieces, or 0 if the back end cannot take it so. */
static unsigned int dv_describe(const struct disk_vhost *dv, struct dv_mem *m,
				const struct aio_req *req, unsigned int flags)
{
	if ((unsigned int)req->iovcnt > dv->pieces)
		return 0;
	for (int i = 0; i < req->iovcnt; i++) {
		uint64_t off = (uint64_t)((const uint8_t *)req->iov[i].iov_base - dv->ram);

		if (off >= dv->ram_size || req->iov[i].iov_len > dv->ram_size - off)
			return 0;
		dv_desc(m, 1 + (unsigned int)i, off, req->iov[i].iov_len, flags);
	}
	return (unsigned int)req->iovcnt;
}

/* The data of a read or a write. Return: its pieces. */
static unsigned int dv_transfer(struct disk_vhost *dv, struct dv_slot *slot)
{
	const struct aio_req *req = slot->req;
	unsigned int flags = req->op == AIO_READ ? VRING_DESC_WRITE : 0, n;
	struct dv_mem *m = dv_mem(dv, slot);

	slot->bytes = iov_size(req->iov, (size_t)req->iovcnt);
	n = dv_describe(dv, m, req, flags);
	slot->buffered = !n;
	if (n)
		return n;
	slot->bytes = MIN(slot->bytes, DISK_VHOST_BUF);
	if (req->op == AIO_WRITE)
		iov_to_buf(req->iov, (size_t)req->iovcnt, 0, dv_buf(dv, slot), slot->bytes);
	dv_desc(m, 1, dv_addr(dv, dv_buf(dv, slot)), slot->bytes, flags);
	return 1;
}

/* The data of a discard, or of zeros. Return: its pieces. */
static unsigned int dv_range(struct disk_vhost *dv, struct dv_slot *slot)
{
	const struct aio_req *req = slot->req;
	struct dv_mem *m = dv_mem(dv, slot);
	bool unmap = req->op == AIO_FALLOCATE && req->mode & FALLOC_FL_PUNCH_HOLE;

	m->range = (struct virtio_blk_discard_write_zeroes){
		.sector = req->off / DISK_SECTOR,
		.num_sectors = (uint32_t)(req->len / DISK_SECTOR),
		.flags = unmap ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0,
	};
	dv_desc(m, 1, dv_addr(dv, &m->range), sizeof(m->range), 0);
	return 1;
}

/* The first byte and the bytes of a request for sectors, as one number: whose lower bits
 * say what they are multiples of. */
static uint64_t dv_alignment(const struct aio_req *req)
{
	if (req->op == AIO_SYNC)
		return 0;
	return req->off | (dv_is_transfer(req) ? iov_size(req->iov, (size_t)req->iovcnt) :
			   req->len);
}

/* What a request is in virtio's words; -1 if the back end has none for it. */
static int dv_type(const struct disk_vhost *dv, const struct aio_req *req)
{
	switch (req->op) {
	case AIO_READ:
		return VIRTIO_BLK_T_IN;
	case AIO_WRITE:
		return VIRTIO_BLK_T_OUT;
	case AIO_SYNC:
		return VIRTIO_BLK_T_FLUSH;
	case AIO_FALLOCATE:
		return dv_has(dv, VIRTIO_BLK_F_WRITE_ZEROES) ? VIRTIO_BLK_T_WRITE_ZEROES : -1;
	case AIO_BLKDISCARD:
		return dv_has(dv, VIRTIO_BLK_F_DISCARD) ? VIRTIO_BLK_T_DISCARD : -1;
	}
	return -1;
}

/* Put a request into a slot, and that into the ring. */
static void dv_begin(struct disk_vhost *dv, struct aio_req *req, uint32_t type)
{
	struct dv_slot *slot = dv->free;
	unsigned int n = 0, head = dv_index(dv, slot);
	struct dv_mem *m = dv_mem(dv, slot);

	dv->free = slot->next;
	dv->under_way++;
	slot->req = req;
	m->status = DV_NO_STATUS;
	m->header = (struct virtio_blk_outhdr){
		.type = type,
		.sector = dv_is_transfer(req) ? req->off / DISK_SECTOR : 0,
	};
	dv_desc(m, 0, dv_addr(dv, &m->header), sizeof(m->header), 0);
	if (dv_is_transfer(req))
		n = dv_transfer(dv, slot);
	else if (req->op != AIO_SYNC)
		n = dv_range(dv, slot);
	dv_desc(m, n + 1, dv_addr(dv, &m->status), sizeof(m->status), VRING_DESC_WRITE);
	m->table[n + 1].flags = VRING_DESC_WRITE;
	dv->ring.desc[head] = (struct vring_desc){
		.addr = dv_addr(dv, m->table),
		.len = (uint32_t)((n + 2) * sizeof(m->table[0])),
		.flags = VRING_DESC_INDIRECT,
	};
	vring_driver_add(&dv->ring, (uint16_t)head);
}

void disk_vhost_submit(struct disk_vhost *dv, struct aio_req *req)
{
	int type = dv_type(dv, req);

	if (dv->lost)
		dv_end_later(dv, req, -ECANCELED);
	else if (req->op == AIO_SYNC && !dv_has(dv, VIRTIO_BLK_F_FLUSH))
		dv_end_later(dv, req, 0);	/* there is no cache */
	else if (type < 0)
		dv_end_later(dv, req, -EOPNOTSUPP);
	else if (dv_alignment(req) & (dv->block - 1))
		dv_end_later(dv, req, -EINVAL);
	else
		dv_begin(dv, req, (uint32_t)type);
}

void disk_vhost_show(struct disk_vhost *dv)
{
	if (!dv->lost && vring_driver_publish(&dv->ring))
		eventfd_write(dv->kick, 1);
}

/* Return: whether anything was done. */
static bool dv_turn(struct disk_vhost *dv)
{
	bool any = false, more;

	do {
		disk_vhost_show(dv);
		more = dv_reap(dv);
		any |= more;
	} while (more || (!dv->lost && vring_driver_want_call(&dv->ring)));
	if (any)
		dv->batch(dv->ctx);
	return any;
}

void disk_vhost_turn(struct disk_vhost *dv)
{
	dv_turn(dv);
}

static void dv_call_cb(struct ev_loop *loop UNUSED, ev_io *w, int revents UNUSED)
{
	struct disk_vhost *dv = container_of(w, struct disk_vhost, watch);
	eventfd_t drop;

	eventfd_read(dv->call, &drop);
	disk_vhost_turn(dv);
}

void disk_vhost_drain(struct disk_vhost *dv)
{
	int64_t limit = (int64_t)clock_ms() + DV_STUCK_MS, left;
	eventfd_t drop;

	for (;;) {
		struct pollfd p[] = {
			{ .fd = dv->call, .events = POLLIN },
			{ .fd = dv->vf.sock, .events = POLLIN },
		};

		if (dv_turn(dv))
			limit = (int64_t)clock_ms() + DV_STUCK_MS;
		if (!dv->under_way && !dv->done)
			return;
		left = limit - (int64_t)clock_ms();
		if (left <= 0)
			dv_lose(dv, "the process that serves it does not answer");
		else if (fd_poll(p, ARRAY_SIZE(p), (int)left) > 0 && p[1].revents)
			dv_cable_cb(dv->loop, &dv->cable, EV_READ);
		eventfd_read(dv->call, &drop);
	}
}

/* Nobody waits for it but who drains. */
static void dv_sync_done(struct aio_req *req UNUSED)
{
}

int disk_vhost_sync(struct disk_vhost *dv)
{
	struct aio_req req = { .op = AIO_SYNC, .done = dv_sync_done };

	disk_vhost_submit(dv, &req);
	disk_vhost_drain(dv);
	return (int)req.ret;
}

/* Life. */

static int dv_complain(struct disk_vhost *dv, int err)
{
	if (dv->qsd)
		qsd_explain(dv->qsd, -err);
	else
		log_err_errno(-err, "disk '%s': the process that should serve it", dv->name);
	return err;
}

static int dv_refuse(const struct disk_vhost *dv, const char *why)
{
	log_err("disk '%s': the process that serves it says %s", dv->name, why);
	return -EPROTO;
}

/* What the back end says of the disk. */
static int dv_examine(struct disk_vhost *dv, struct disk_vhost_info *info)
{
	struct virtio_blk_config c = { .capacity = 0 };
	uint32_t discard, zeroes;
	uint64_t sectors;
	int ret;

	ret = vhost_front_config(&dv->vf, &c, offsetof(struct virtio_blk_config,
							   max_secure_erase_sectors));
	if (ret)
		return dv_complain(dv, ret);
	sectors = c.capacity;
	info->block = dv_has(dv, VIRTIO_BLK_F_BLK_SIZE) ? c.blk_size : DISK_SECTOR;
	info->seg_max = dv_has(dv, VIRTIO_BLK_F_SEG_MAX) ? c.seg_max : DV_PIECES;
	info->seg_max = MAX(MIN(info->seg_max, DV_PIECES), 1);
	info->readonly = dv_has(dv, VIRTIO_BLK_F_RO);
	info->discard = dv_has(dv, VIRTIO_BLK_F_DISCARD);
	discard = info->discard ? c.max_discard_sectors : UINT32_MAX;
	zeroes = dv_has(dv, VIRTIO_BLK_F_WRITE_ZEROES) ? c.max_write_zeroes_sectors :
		 UINT32_MAX;
	info->range_max = MIN(discard, zeroes) == UINT32_MAX ? 0 : MIN(discard, zeroes);
	if (!sectors)
		return dv_refuse(dv, "that it is empty");
	if (sectors > INT64_MAX / DISK_SECTOR)
		return dv_refuse(dv, "that it is larger than a disk can be");
	if (info->block < DISK_SECTOR || info->block > DV_BLOCK_MAX ||
	    info->block & (info->block - 1) || sectors * DISK_SECTOR % info->block)
		return dv_refuse(dv, "that its blocks have an impossible size");
	info->bytes = sectors * DISK_SECTOR;
	dv->block = info->block;
	dv->pieces = info->seg_max;
	return 0;
}

/* Give the back end memory and ring. */
static int dv_hand_over(struct disk_vhost *dv, int ram_fd)
{
	const struct vhost_region region[] = {
		{ .guest = 0, .user = 0, .size = dv->ram_size },
		{ .guest = DV_SHARED, .user = DV_SHARED, .size = dv->mem_size },
	};
	const int fds[] = { ram_fd, dv->mem_fd };
	const struct vhost_front_ring ring = {
		.size = DISK_VHOST_REQUESTS,
		.desc = dv_addr(dv, dv->ring.desc),
		.avail = dv_addr(dv, dv->ring.avail),
		.used = dv_addr(dv, dv->ring.used),
		.kick = dv->kick,
		.call = dv->call,
	};
	int ret;

	ret = vhost_front_memory(&dv->vf, region, fds, ARRAY_SIZE(region));
	if (!ret)
		ret = vhost_front_start(&dv->vf, 0, &ring);
	return ret ? dv_complain(dv, ret) : 0;
}

static size_t dv_pages(size_t n)
{
	return (n + 4095) & ~(size_t)4095;
}

/* The memory that is shared, and descriptors. */
static int dv_prepare(struct disk_vhost *dv)
{
	size_t ring = dv_pages(vring_layout(DISK_VHOST_REQUESTS).size);
	size_t slots = dv_pages(sizeof(struct dv_mem) * DISK_VHOST_REQUESTS);
	void *mem;

	dv->mem_size = ring + slots + (size_t)DISK_VHOST_REQUESTS * DISK_VHOST_BUF;
	dv->mem_fd = memfd_create("disk", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	dv->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	dv->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (dv->mem_fd < 0 || dv->kick < 0 || dv->call < 0 ||
	    ftruncate(dv->mem_fd, (off_t)dv->mem_size) < 0 ||
	    fcntl(dv->mem_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	mem = mmap(NULL, dv->mem_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
		   dv->mem_fd, 0);
	if (mem == MAP_FAILED)
		return -errno;
	dv->mem = mem;
	dv->slots_mem = (void *)(dv->mem + ring);
	dv->bufs = dv->mem + ring + slots;
	for (unsigned int i = DISK_VHOST_REQUESTS; i-- > 0; dv->free = &dv->slot[i])
		dv->slot[i].next = dv->free;
	return 0;
}

/* Start the back end or find it, and connect. */
static int dv_connect(struct disk_vhost *dv, const struct options_drive *opt)
{
	const uint64_t needed = 1ULL << VIRTIO_F_VERSION_1 | 1ULL << VRING_F_INDIRECT_DESC;
	const uint64_t wanted = needed | 1ULL << VRING_F_EVENT_IDX |
		1ULL << VIRTIO_BLK_F_SEG_MAX | 1ULL << VIRTIO_BLK_F_RO |
		1ULL << VIRTIO_BLK_F_BLK_SIZE | 1ULL << VIRTIO_BLK_F_FLUSH |
		1ULL << VIRTIO_BLK_F_DISCARD | 1ULL << VIRTIO_BLK_F_WRITE_ZEROES;
	int ret, sock;

	if (opt->socket) {
		ret = vhost_front_open(&dv->vf, opt->socket, NULL, wanted, needed,
				       DV_ANSWER_MS);
		return ret ? dv_complain(dv, ret) : 0;
	}
	ret = qsd_start(dv->loop, opt, &dv->qsd, &sock);
	if (ret)
		return ret;
	ret = vhost_front_attach(&dv->vf, sock, NULL, wanted, needed, DV_START_MS);
	return ret ? dv_complain(dv, ret) : 0;
}

int disk_vhost_open(struct vm *vm, const struct options_drive *opt,
		    void (*batch)(void *ctx), void *ctx, struct disk_vhost_info *info,
		    struct disk_vhost **out)
{
	struct disk_vhost *dv = calloc(1, sizeof(*dv));
	int ret;

	if (!dv)
		return -ENOMEM;
	dv->loop = vm->loop;
	dv->name = opt->file;
	dv->batch = batch;
	dv->ctx = ctx;
	dv->ram = vm->ram_host;
	dv->ram_size = vm->ram_size;
	dv->mem_fd = dv->kick = dv->call = dv->vf.sock = -1;
	dv->done_last = &dv->done;
	ev_io_init(&dv->watch, dv_call_cb, -1, EV_READ);
	ev_io_init(&dv->cable, dv_cable_cb, -1, EV_READ);
	ret = dv_prepare(dv);
	if (ret)
		log_err_errno(-ret, "disk '%s': memory for requests", opt->file);
	if (!ret)
		ret = dv_connect(dv, opt);
	if (!ret)
		ret = dv_examine(dv, info);
	if (!ret) {
		vring_driver_init(&dv->ring, dv->mem, DISK_VHOST_REQUESTS,
				  dv_has(dv, VRING_F_EVENT_IDX));
		ret = dv_hand_over(dv, vm->ram);
	}
	if (ret) {
		disk_vhost_close(dv);
		return ret;
	}
	ev_io_set(&dv->watch, dv->call, EV_READ);
	ev_io_start(dv->loop, &dv->watch);
	ev_io_set(&dv->cable, dv->vf.sock, EV_READ);
	ev_io_start(dv->loop, &dv->cable);
	*out = dv;
	return 0;
}

void disk_vhost_close(struct disk_vhost *dv)
{
	if (!dv)
		return;
	ev_io_stop(dv->loop, &dv->watch);
	ev_io_stop(dv->loop, &dv->cable);
	vhost_front_close(&dv->vf);
	qsd_stop(dv->qsd);
	if (dv->mem)
		munmap(dv->mem, dv->mem_size);
	fd_close(&dv->mem_fd);
	fd_close(&dv->kick);
	fd_close(&dv->call);
	free(dv);
}
