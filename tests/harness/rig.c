/* SPDX-License-Identifier: BSD-2-Clause */
/* rig.c - What fuzz targets put around a board; the essay is in rig.h */
#include "config.h"

#include "tests/harness/rig.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_pci.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/eth.h"
#include "lib/iov.h"
#include "lib/log.h"
#include "lib/offload.h"
#include "lib/vnet.h"
#include "vmm/aio.h"
#include "vmm/net.h"
#include "vmm/net_tap.h"
#include "vmm/vsock.h"

/* The log. */

struct rig_log rig_log;

static void PRINTF(2, 0) rig_log_line(enum log_level level, const char *fmt, va_list args)
{
	char line[sizeof(rig_log.last)];

	vsnprintf(line, sizeof(line), fmt, args);
	if (level != LOG_LEVEL_ERR)
		return;
	rig_log.errors++;
	memcpy(rig_log.last, line, sizeof(line));
}

void log_open(const char *program UNUSED)
{
}

void log_to_syslog(void)
{
}

void log_prepare_syslog(void)
{
}

void log_set_connect(int (*connect)(void) UNUSED)
{
}

void log_last_words(const char *text UNUSED, size_t size UNUSED)
{
}

void log_reopen(void)
{
}

void log_set_level(enum log_level level UNUSED)
{
}

void log_msg(enum log_level level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	rig_log_line(level, fmt, args);
	va_end(args);
}

void log_msg_errno(enum log_level level, int err, const char *fmt, ...)
{
	va_list args;

	BOARD_MUST(err > 0);
	va_start(args, fmt);
	rig_log_line(level, fmt, args);
	va_end(args);
}

void log_limited(struct ratelimit *rl UNUSED, uint64_t now_ms UNUSED, enum log_level level,
		 const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	rig_log_line(level, fmt, args);
	va_end(args);
}

void log_record(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	rig_log_line(LOG_LEVEL_INFO, fmt, args);
	va_end(args);
}

void log_plain(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	rig_log_line(LOG_LEVEL_INFO, fmt, args);
	va_end(args);
}

/* Files. */

struct rig_direct rig_direct = { .fd = -1 };

struct aio {
	void (*batch)(void *ctx);
	void *ctx;
	struct aio_req *first;
	struct aio_req **last;
};

int aio_open(struct ev_loop *loop UNUSED, enum aio_engine engine UNUSED,
	     void (*batch)(void *ctx), void *ctx, struct aio **out)
{
	struct aio *aio = calloc(1, sizeof(*aio));

	BOARD_MUST(aio);
	aio->batch = batch;
	aio->ctx = ctx;
	aio->last = &aio->first;
	*out = aio;
	return 0;
}

int aio_start_threads(struct aio *aio UNUSED)
{
	return 0;
}

bool aio_has_uring(void)
{
	return false;
}

enum aio_engine aio_engine(const struct aio *aio UNUSED)
{
	return AIO_THREADS;
}

void aio_submit(struct aio *aio, struct aio_req *req)
{
	req->next = NULL;
	*aio->last = req;
	aio->last = &req->next;
}

static int64_t aio_do(const struct aio_req *req)
{
	off_t off = (off_t)req->off;
	int64_t ret = -1;

	BOARD_MUST(off >= 0 && req->iovcnt >= 0);
	for (int i = 0; req->fd == rig_direct.fd && i < req->iovcnt; i++)
		BOARD_MUST(!((req->off | (uintptr_t)req->iov[i].iov_base |
			    req->iov[i].iov_len) % rig_direct.block));
	errno = ENOTTY;
	if (req->op == AIO_READ)
		ret = preadv(req->fd, req->iov, req->iovcnt, off);
	else if (req->op == AIO_WRITE)
		ret = pwritev(req->fd, req->iov, req->iovcnt, off);
	else if (req->op == AIO_SYNC)
		ret = fdatasync(req->fd);
	else if (req->op == AIO_FALLOCATE)
		ret = fallocate(req->fd, req->mode, off, (off_t)req->len);
	return ret < 0 ? -errno : ret;
}

void aio_turn(struct aio *aio)
{
	bool any = aio->first;

	while (aio->first) {
		struct aio_req *req = aio->first;

		aio->first = req->next;
		if (!aio->first)
			aio->last = &aio->first;
		req->ret = aio_do(req);
		req->done(req);
	}
	if (any)
		aio->batch(aio->ctx);
}

void aio_drain(struct aio *aio)
{
	aio_turn(aio);
}

void aio_close(struct aio *aio)
{
	BOARD_MUST(!aio || !aio->first);
	free(aio);
}

int rig_file(size_t size, char path[static 32])
{
	int fd = memfd_create("rig", MFD_CLOEXEC);

	BOARD_MUST(fd >= 0 && !ftruncate(fd, (off_t)size));
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

/* The cable. */

/** struct rig_frame - A frame on its way */
struct rig_frame {
	struct vnet_hdr hdr;
	uint8_t *data;
	size_t size;
};

struct rig_cable rig_cable;

static struct {
	struct net_backend be;
	struct rig_frame frame[RIG_CABLE];
	unsigned int frames;
	bool watch_recv, watch_send;
} cable;

static void cable_put(const struct vnet_hdr *hdr, const struct iovec *iov, unsigned int cnt)
{
	struct rig_frame *f = &cable.frame[cable.frames];

	*f = (struct rig_frame){ .hdr = *hdr, .size = iov_size(iov, cnt) };
	f->data = malloc(f->size);
	BOARD_MUST(f->data && f->size && f->size <= ETH_FRAME_MAX);
	BOARD_MUST(!(iov_to_buf(iov, cnt, 0, f->data, f->size) - f->size));
	cable.frames++;
}

static int cable_send(struct net_backend *be UNUSED, const struct vnet_hdr *hdr,
		      const struct iovec *iov, unsigned int cnt)
{
	BOARD_MUST(cnt && cnt <= NET_PIECES_MAX);
	if (rig_cable.full || cable.frames == RIG_CABLE)
		return -EAGAIN;
	cable_put(hdr, iov, cnt);
	rig_cable.sent++;
	return 0;
}

static ssize_t cable_recv(struct net_backend *be UNUSED, struct vnet_hdr *hdr,
			  const struct iovec *iov, unsigned int cnt)
{
	struct rig_frame f = cable.frame[0];
	size_t n;

	BOARD_MUST(cnt && cnt <= NET_PIECES_MAX);
	if (!cable.frames)
		return -EAGAIN;
	cable.frames--;
	memmove(&cable.frame[0], &cable.frame[1], cable.frames * sizeof(f));
	*hdr = f.hdr;
	n = iov_from_buf(iov, cnt, 0, f.data, f.size);
	free(f.data);
	return (ssize_t)n;
}

static void cable_watch_recv(struct net_backend *be UNUSED, bool on)
{
	cable.watch_recv = on;
}

static void cable_watch_send(struct net_backend *be UNUSED, bool on)
{
	cable.watch_send = on;
}

static void cable_offloads(struct net_backend *be UNUSED, uint64_t takes)
{
	BOARD_MUST(!(takes & ~OFFLOAD_TAKES));
}

static void cable_close(struct net_backend *be UNUSED)
{
	while (cable.frames)
		free(cable.frame[--cable.frames].data);
}

int net_tap_open(struct ev_loop *loop UNUSED, const struct options_netdev *opt UNUSED,
		 const struct net_owner *owner, void *nic, struct net_backend **out)
{
	static const struct net_ops ops = {
		.send = cable_send, .recv = cable_recv, .watch_recv = cable_watch_recv,
		.watch_send = cable_watch_send, .offloads = cable_offloads,
		.close = cable_close,
	};

	memset(&cable, 0, sizeof(cable));
	memset(&rig_cable, 0, sizeof(rig_cable));
	cable.be = (struct net_backend){
		.ops = &ops, .owner = owner, .nic = nic, .up = true, .takes = OFFLOAD_TAKES,
	};
	*out = &cable.be;
	return 0;
}

void rig_cable_turn(void)
{
	if (cable.watch_recv && cable.frames)
		cable.be.owner->can_recv(cable.be.nic);
	if (cable.watch_send && !rig_cable.full && cable.frames < RIG_CABLE)
		cable.be.owner->can_send(cable.be.nic);
}

void rig_cable_put(const void *hdr, const void *frame, size_t size)
{
	const struct iovec iov = { (void *)(uintptr_t)frame, size };
	struct vnet_hdr h;

	memcpy(&h, hdr, sizeof(h));
	if (size && size <= ETH_FRAME_MAX && cable.frames < RIG_CABLE)
		cable_put(&h, &iov, 1);
}

/* The machine. */

static time_t rig_now(time_t *t UNUSED)
{
	return 1000000000;
}

void rig_options(struct rig *r)
{
	rig_direct = (struct rig_direct){ .fd = -1 };
	*r = (struct rig){ .opt = {
		.name = "rig", .cpus = 2, .topology = { 1, 2, 1 }, .ram = RIG_RAM,
		.serial = { .kind = CHARDEV_NULL, .path = "null" },
		.nics = 1, .drives = 1, .balloon = true, .free_page_reporting = true,
		.vsock_cid = RIG_CID,
	} };
	r->opt.nic[0].netdev = (struct options_netdev){ .tap = true, .shown = "rig" };
	r->disk = rig_file(RIG_DISK, r->path);
	r->opt.drive[0] = (struct options_drive){
		.file = r->path, .device = "rig", .format = "raw", .serial = "0123456789",
		.writeback = true, .discard = true,
	};
	snprintf(r->vsock, sizeof(r->vsock), "/tmp/lanbox-rig-%d", (int)getpid());
	r->opt.vsock = r->vsock;
}

void rig_start(struct rig *r)
{
	r->vm = board_new(&r->opt);
	BOARD_MUST(!board_plug(r->vm));
	r->vm->cmos.now = rig_now;
	board_power_on(r->vm);
}

void rig_stop(struct rig *r)
{
	board_free(r->vm);
	close(r->disk);
}

void rig_spin(struct rig *r)
{
	board_spin(r->vm);
	rig_cable_turn();
	board_spin(r->vm);
}

/* Checks. */

enum {
	CHECK_RINGS = 0x10000, CHECK_STEP = 0x4000, CHECK_OUT = 0x20000, CHECK_IN = 0x21000,
	CHECK_QUEUE = 16,
};

#define CHECK_BAR	0xc8000000U

/** struct rig_request - A request that any device of a kind carries out
 * @queue:	Where
 * @out:	Bytes that the device reads, @in that it writes
 * @want:	What it says of its length when it comes back
 */
struct rig_request {
	unsigned int queue;
	uint32_t out, in, want;
};

static struct rig_request rig_request(enum rig_slot slot, uint8_t *out)
{
	struct vsock_header reset = {
		.src_cid = le64(RIG_CID), .dst_cid = le64(VSOCK_HOST), .src_port = le32(1),
		.dst_port = le32(1), .type = le16(1), .op = le16(VSOCK_OP_RST),
	};

	memset(out, 0, 4096);
	switch (slot) {
	case RIG_NET:
		return (struct rig_request){ 1, VNET_HDR_SIZE + 60, 0, 0 };
	case RIG_BLK:
		return (struct rig_request){ 0, 16, 513, 513 };
	case RIG_RNG:
		return (struct rig_request){ 0, 0, 64, 64 };
	case RIG_BALLOON:
		/* Page 255 is nothing that is used here. */
		out[0] = 255;
		return (struct rig_request){ 0, 4, 0, 0 };
	case RIG_VSOCK:
		memcpy(out, &reset, sizeof(reset));
		return (struct rig_request){ 1, sizeof(reset), 0, 0 };
	}
	abort();
}

void rig_check_device(struct rig *r, enum rig_slot slot)
{
	struct virtio_dev *dev = virtio_at(r->vm, slot);
	const struct board_rings where = { CHECK_RINGS, CHECK_STEP, dev->queues, CHECK_QUEUE };
	struct vring_driver ring[VIRTIO_QUEUES_MAX], *vd;
	uint8_t *out = board_mem(r->vm, CHECK_OUT), *in = board_mem(r->vm, CHECK_IN);
	struct rig_request q;
	uint32_t len = 0;

	/* Nobody else answers at this place. */
	for (unsigned int i = 1; i <= RIG_SLOTS; i++)
		pci_config_write(&r->vm->pci, i, 4, 2, i == slot ? 2 : 0);
	pci_config_write(&r->vm->pci, slot, 0x10, 4, CHECK_BAR);
	virtio_thaw(dev);
	rig_cable.full = false;
	board_set(dev, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	BOARD_MUST(board_status(dev) == 0);
	q = rig_request(slot, out);
	memset(in, 0xee, 4096);
	board_drive(dev, 0, &where, ring);
	vd = &ring[q.queue];
	vd->desc[0] = (struct vring_desc){ CHECK_OUT, q.out, q.in ? VRING_DESC_NEXT : 0, 1 };
	vd->desc[1] = (struct vring_desc){ CHECK_IN, q.in, VRING_DESC_WRITE, 0 };
	vring_driver_add(vd, q.out ? 0 : 1);
	board_kick(dev, ring, q.queue);
	BOARD_MUST(vring_driver_get(vd, &len) == (q.out ? 0 : 1) && len == q.want);
	BOARD_MUST(slot != RIG_BLK || !in[512]);
	BOARD_MUST(in[q.want] == 0xee && vring_driver_get(vd, &len) < 0);
}

void rig_check_rings(const struct rig *r)
{
	for (unsigned int slot = 1; slot <= RIG_SLOTS; slot++) {
		const struct virtio_dev *dev = virtio_at(r->vm, slot);

		BOARD_MUST(!(dev->active && dev->status & VIRTIO_NEEDS_RESET));
		BOARD_MUST(!dev->active || dev->status & VIRTIO_DRIVER_OK);
		for (unsigned int q = 0; q < dev->queues; q++) {
			const struct virtio_queue *vq = &dev->queue[q];
			const struct vring *vr = &vq->vring;

			BOARD_MUST(!vr->size || vq->enabled);
			BOARD_MUST(vq->vector < dev->pci.vectors || vq->vector == PCI_NO_VECTOR);
			BOARD_MUST(vq->size <= (dev->ops->queue_size ? dev->ops->queue_size :
					      VIRTIO_QUEUE_SIZE));
			/* What was latched is what is said. */
			BOARD_MUST(!vr->size || !dev->active ||
				 (vr->size == vq->size &&
				  (const void *)vr->desc == board_mem(r->vm, vq->desc) &&
				  (const void *)vr->avail == board_mem(r->vm, vq->avail) &&
				  (const void *)vr->used == board_mem(r->vm, vq->used)));
			BOARD_MUST((uint16_t)(vr->next_avail - vr->next_used) <= vr->size ||
				 vr->broken);
		}
	}
}
