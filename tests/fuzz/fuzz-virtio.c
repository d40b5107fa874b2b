/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz-virtio.c - Drivers of virtio devices that keep to no rule
 *
 * The input is a program for one device of each kind (tests/harness/rig.h): the first byte
 * says which. It negotiates, sets queues up where it likes, makes requests that make sense,
 * and chains of descriptors that are more or less good, or none at all, over memory of
 * which it may write every byte, notifies in any order, writes device configuration,
 * resets, freezes, thaws, masks interrupts; and the host's side does what it does, too: a
 * program listens at HOST_PORT of the vsock's, and others call.
 *
 * What must be true:
 *
 * - Nothing is written behind CANARY, where no buffer and no ring can be. Only the balloon
 *   may take whole pages from there.
 * - Nothing comes back that was not offered, on a driver that offers only with
 *   step_offer(): as many used entries at most as there were chains.
 * - A device that needs a reset writes nothing more, and says so until it is reset.
 * - After each turn of the event loop as much as there is to do for an honest driver is
 *   done: rig_check_device() in the end, whatever was before.
 */
#include "config.h"

#include "tests/fuzz/fuzz.h"

#include <linux/virtio_blk.h>
#include <linux/virtio_pci.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/vnet.h"
#include "tests/gso.h"
#include "tests/harness/rig.h"
#include "vmm/virtio_balloon.h"
#include "vmm/vsock.h"

enum {
	STEPS = 128, HOSTS = 4, HOST_PORT = 1, QUEUE = 16, PIECES = 6,
	RINGS = 0x10000, RING_STEP = 0x4000,
	/* Rings, buffers, and all that these may reach, are below the canary. */
	BUFFERS = 0x40000, BUFFERS_SIZE = 0x40000, ANSWERS = 0x60000,
	CANARY = 0x100000, FRAME_MAX = 8192,
};

/**
 * struct run - One input at work
 * @ring:	What a driver thinks of its rings; ->desc is NULL if it has none
 * @offered:	Chains that were offered, for each queue
 * @wild:	The driver wrote to its rings with its own hands
 * @anywhere:	Descriptors may say anything
 * @host:	Streams of the host's programs, or -1
 * @listener:	Where one of them listens, or -1, and its name
 */
struct run {
	struct fuzz_in in;
	struct rig rig;
	struct virtio_dev *dev;
	enum rig_slot slot;
	struct vring_driver ring[VIRTIO_QUEUES_MAX];
	uint64_t offered[VIRTIO_QUEUES_MAX];
	bool wild;
	bool anywhere;
	int host[HOSTS];
	int listener;
	char path[80];
};

static unsigned int queue(struct run *run)
{
	return fuzz_u8(&run->in) % run->dev->queues;
}

/* Steps of the driver. */

static void forget_rings(struct run *run)
{
	memset(run->ring, 0, sizeof(run->ring));
	memset(run->offered, 0, sizeof(run->offered));
	run->wild = false;
}

/* All the way to DRIVER_OK, by the book. */
static void step_drive(struct run *run)
{
	const struct board_rings where = { RINGS, RING_STEP, run->dev->queues, QUEUE };
	uint64_t features = ~fuzz_u64(&run->in);

	if (run->dev->frozen)
		virtio_thaw(run->dev);
	board_drive(run->dev, features, &where, run->ring);
	memset(run->offered, 0, sizeof(run->offered));
	run->wild = false;
}

static uint64_t buffer(struct run *run, uint8_t how)
{
	if (how == 0xff)
		return fuzz_u64(&run->in) | RIG_RAM;
	return BUFFERS + fuzz_u16(&run->in) % 64 * 0x1000U;
}

/* A chain of some pieces, with the bytes that the device reads first. */
static void step_offer(struct run *run)
{
	unsigned int q = queue(run), n = 1 + fuzz_u8(&run->in) % PIECES, writes;
	uint8_t shape = fuzz_u8(&run->in), bytes = fuzz_u8(&run->in);
	struct vring_driver *vd = &run->ring[q];
	uint16_t head;

	if (!vd->desc)
		return;
	writes = fuzz_u8(&run->in) % (n + 1);
	head = (uint16_t)(vd->next_avail * 3 % QUEUE);
	for (unsigned int i = 0; i < n; i++) {
		unsigned int d = (head + i) % QUEUE;
		uint32_t len = fuzz_u16(&run->in);
		struct vring_desc x = {
			.addr = buffer(run, shape),
			.len = shape & 0x80 ? len : 1 + len % 2048,
			.flags = i >= n - writes ? VRING_DESC_WRITE : 0,
			.next = (uint16_t)((d + 1) % QUEUE),
		};

		if (i + 1 < n)
			x.flags |= VRING_DESC_NEXT;
		if (shape == 0x7f) {
			x.flags ^= fuzz_u8(&run->in);
			run->anywhere = true;
		}
		vd->desc[d] = x;
		if (!(x.flags & VRING_DESC_WRITE) && shape != 0xff)
			fuzz_bytes(&run->in, board_mem(run->rig.vm, x.addr),
				   MIN(bytes, x.len));
	}
	if (bytes & 0x80 && !(vd->desc[head].flags & VRING_DESC_INDIRECT)) {
		struct vring_desc *table = board_mem(run->rig.vm, BUFFERS + BUFFERS_SIZE);

		/* The same by way of a table. */
		for (unsigned int i = 0; i < n; i++) {
			table[i] = vd->desc[(head + i) % QUEUE];
			table[i].next = (uint16_t)(i + 1);
		}
		vd->desc[head] = (struct vring_desc){
			BUFFERS + BUFFERS_SIZE, n * 16, VRING_DESC_INDIRECT, 0,
		};
	}
	vring_driver_add(vd, head);
	run->offered[q]++;
	if (vring_driver_publish(vd) || shape & 1)
		board_set(run->dev, BOARD_NOTIFY + q * BOARD_NOTIFY_STRIDE, 2, q);
}

/* A request that makes sense to the device, or nearly: @out bytes that are in memory from
 * BUFFERS on, in some pieces, and @in from ANSWERS on. */
static void offer_request(struct run *run, unsigned int q, size_t out, size_t in)
{
	unsigned int n = 1 + fuzz_u8(&run->in) % PIECES, d;
	struct vring_driver *vd = &run->ring[q];
	size_t piece = out / n + 1;
	uint16_t head;

	if (!vd->desc)
		return;
	d = head = (uint16_t)(vd->next_avail * 3 % QUEUE);
	for (size_t at = 0; at < out; at += piece, d = (d + 1) % QUEUE)
		vd->desc[d] = (struct vring_desc){
			BUFFERS + at, (uint32_t)MIN(piece, out - at),
			at + piece < out || in ? VRING_DESC_NEXT : 0,
			(uint16_t)((d + 1) % QUEUE),
		};
	if (in)
		vd->desc[d] = (struct vring_desc){ ANSWERS, (uint32_t)in, VRING_DESC_WRITE, 0 };
	vring_driver_add(vd, head);
	run->offered[q]++;
	if (vring_driver_publish(vd))
		board_set(run->dev, BOARD_NOTIFY + q * BOARD_NOTIFY_STRIDE, 2, q);
}

/* A frame with a header that a good driver writes. */
static const struct gso_frame *frame(struct run *run)
{
	static struct gso_frame f;
	uint64_t seed = 1U + fuzz_u16(&run->in);
	uint8_t how = fuzz_u8(&run->in);
	const struct gso_limits want = { .segs_max = 5, .udp_segs_max = 5,
					 .csum_only = how & 1, .no_vlan = how & 2 };

	do
		gso_random(&f, &seed, &want);
	while (f.size > FRAME_MAX);
	if (how & 0x80)
		((uint8_t *)&f.hdr)[how % sizeof(f.hdr)] = fuzz_u8(&run->in);
	return &f;
}

static void request_net(struct run *run, uint8_t *out)
{
	const struct gso_frame *f;
	uint8_t what = fuzz_u8(&run->in);
	size_t n;

	switch (what % 4) {
	case 0:
		f = frame(run);
		memcpy(out, &f->hdr, VNET_HDR_SIZE);
		memcpy(out + VNET_HDR_SIZE, f->data, f->size);
		offer_request(run, 1, VNET_HDR_SIZE + f->size, 0);
		break;
	case 1:
		offer_request(run, 0, 0, 1U + fuzz_u16(&run->in));
		break;
	case 2:
		f = frame(run);
		rig_cable_put(&f->hdr, f->data, f->size);
		break;
	default:
		/* Class, command, and what there is to say. */
		n = what / 4;
		out[0] = fuzz_u8(&run->in) % 6;
		out[1] = fuzz_u8(&run->in) % 7;
		fuzz_bytes(&run->in, out + 2, n);
		offer_request(run, 2, 2 + n, 1);
		break;
	}
}

static void request_blk(struct run *run, uint8_t *out)
{
	static const uint32_t types[] = { 0, 1, 4, 8, 11, 13, 2 };
	const struct virtio_blk_outhdr h = {
		.type = types[fuzz_u8(&run->in) % ARRAY_SIZE(types)],
		.sector = fuzz_u8(&run->in) % 140,
	};
	size_t data = h.type == 11 || h.type == 13 ? 16 : fuzz_u8(&run->in) % 8U * 512;
	bool in = h.type == 0 || h.type == 8;

	memcpy(out, &h, sizeof(h));
	fuzz_bytes(&run->in, out + sizeof(h), 16);
	/* Where a range is so far away, nothing is as large. */
	memset(out + sizeof(h) + 2, 0, 6);
	offer_request(run, 0, sizeof(h) + (in ? 0 : data), 1 + (in ? data : 0));
}

static void request_vsock(struct run *run, uint8_t *out)
{
	uint8_t what = fuzz_u8(&run->in), op;
	uint32_t bytes = fuzz_u8(&run->in);
	struct vsock_header h = {
		.src_cid = le64(RIG_CID), .dst_cid = le64(VSOCK_HOST), .type = le16(1),
	};

	if (what % 4 == 3) {
		offer_request(run, what & 4 ? 2 : 0, 0, 44U + fuzz_u16(&run->in) % 8192);
		return;
	}
	/* The host's ports begin somewhere: what it heard last may be answered. */
	if (what & 0x80)
		memcpy(&h, board_mem(run->rig.vm, ANSWERS), sizeof(h));
	if (what & 0x80) {
		struct le32 port = h.src_port;

		h.src_cid = le64(RIG_CID);
		h.dst_cid = le64(VSOCK_HOST);
		h.src_port = h.dst_port;
		h.dst_port = port;
	} else {
		h.src_port = le32(what >> 2 & 3);
		h.dst_port = le32(what >> 4 & 3);
	}
	op = fuzz_u8(&run->in);
	h.op = le16(op % 9);
	/* Much at a time, so that a socket is full some time. */
	bytes *= op & 0x80 ? 64 : 1;
	h.len = le32(bytes);
	h.flags = le32(fuzz_u8(&run->in) % 4);
	h.buf_alloc = le32(fuzz_u16(&run->in));
	h.fwd_cnt = le32(fuzz_u8(&run->in));
	memcpy(out, &h, sizeof(h));
	offer_request(run, 1, sizeof(h) + bytes, 0);
}

static void step_request(struct run *run)
{
	uint8_t *out = board_mem(run->rig.vm, BUFFERS);
	unsigned int n;

	switch (run->slot) {
	case RIG_NET:
		request_net(run, out);
		break;
	case RIG_BLK:
		request_blk(run, out);
		break;
	case RIG_RNG:
		offer_request(run, 0, 0, fuzz_u16(&run->in));
		break;
	case RIG_BALLOON:
		n = fuzz_u8(&run->in) % 64U * 4;
		fuzz_bytes(&run->in, out, MIN(n, 16U));
		offer_request(run, queue(run), n, n ? 0 : 0x3000);
		break;
	case RIG_VSOCK:
		request_vsock(run, out);
		break;
	}
}

static void step_notify(struct run *run)
{
	board_set(run->dev, BOARD_NOTIFY + fuzz_u8(&run->in) % 16 * 2, 2, fuzz_u8(&run->in));
}

static void step_spin(struct run *run)
{
	rig_spin(&run->rig);
}

/* A register of the common configuration, at any time. */
static void step_common(struct run *run)
{
	unsigned int reg = fuzz_u8(&run->in) % 0x38, size = 1U << fuzz_u8(&run->in) % 3;
	uint32_t v = fuzz_u32(&run->in);

	/* Used rings are below the canary, or out of memory. */
	if (reg >= VIRTIO_PCI_COMMON_Q_USEDLO && v & CANARY)
		v &= CANARY / 2 - 1;
	if (reg <= VIRTIO_PCI_COMMON_STATUS && reg + size > VIRTIO_PCI_COMMON_STATUS)
		forget_rings(run);
	run->wild = run->anywhere = true;
	board_set(run->dev, reg, size, v);
}

static void step_memory(struct run *run)
{
	uint64_t at = RINGS + fuzz_u16(&run->in) % (RING_STEP * 3);

	run->wild = run->anywhere = true;
	fuzz_bytes(&run->in, board_mem(run->rig.vm, at), 1 + fuzz_u8(&run->in) % 16);
}

/* The index of a ring jumps, or a descriptor says something else. */
static void step_ring(struct run *run)
{
	unsigned int q = queue(run), i = fuzz_u8(&run->in) % QUEUE;
	struct vring_driver *vd = &run->ring[q];
	uint8_t what = fuzz_u8(&run->in);

	if (!vd->desc)
		return;
	run->wild = true;
	if (what & 1)
		vd->avail->idx = (uint16_t)(vd->avail->idx + (int8_t)fuzz_u8(&run->in));
	if (what & 2)
		vd->avail->ring[i] = fuzz_u16(&run->in) % (2 * QUEUE);
	if (what & 4) {
		vd->desc[i].flags = fuzz_u8(&run->in) % 8;
		run->anywhere = true;
	}
	if (what & 8)
		vd->desc[i].len = fuzz_u32(&run->in) % 0x40000;
	if (what & 16)
		vd->desc[i].next = fuzz_u8(&run->in);
	if (what & 32)
		vd->used->idx = fuzz_u16(&run->in);
}

static void step_reset(struct run *run)
{
	board_set(run->dev, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	FUZZ_CHECK(!board_status(run->dev), "status %#x after a reset", board_status(run->dev));
	forget_rings(run);
}

static void step_config(struct run *run)
{
	unsigned int reg = BOARD_CONFIG + fuzz_u8(&run->in) % 80;
	unsigned int size = 1U << fuzz_u8(&run->in) % 4;

	board_set(run->dev, reg, size, fuzz_u64(&run->in));
	board_get(run->dev, reg, size);
}

static void step_interrupts(struct run *run)
{
	unsigned int v = fuzz_u8(&run->in) % run->dev->pci.vectors;
	uint8_t what = fuzz_u8(&run->in);

	pci_config_write(&run->rig.vm->pci, run->slot, run->dev->pci.msix_cap + 2, 2,
			 (uint32_t)what << 14);
	board_set(run->dev, PCI_BAR_MSIX_TABLE + v * 16 + 12, 4, what >> 2 & 1);
	board_set(run->dev, VIRTIO_PCI_COMMON_Q_SELECT, 2, queue(run));
	board_set(run->dev, VIRTIO_PCI_COMMON_Q_MSIX, 2, v);
	board_irqs(run->dev, v);
}

static void step_freeze(struct run *run)
{
	if (run->dev->frozen)
		virtio_thaw(run->dev);
	else
		virtio_freeze(run->dev);
}

/* The other side. */

static void host_vsock(struct run *run)
{
	uint8_t which = fuzz_u8(&run->in), bytes[64];
	int *fd = &run->host[which % HOSTS];
	size_t n = fuzz_u8(&run->in) % sizeof(bytes);

	if (*fd < 0 && which & 0x40) {
		*fd = accept4(run->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		return;
	}
	if (*fd < 0) {
		*fd = fd_connect_unix(run->rig.vsock);
		if (*fd >= 0 && which & 0x80)
			send(*fd, "CONNECT 1\n", 10, MSG_NOSIGNAL | MSG_DONTWAIT);
		return;
	}
	fuzz_bytes(&run->in, bytes, n);
	if (which & 0x40)
		fd_close(fd);
	else if (which & 0x20)
		shutdown(*fd, SHUT_WR);
	else if (send(*fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		recv(*fd, bytes, sizeof(bytes), MSG_DONTWAIT);
}

static void host_listen(struct run *run)
{
	snprintf(run->path, sizeof(run->path), "%s_%u", run->rig.vsock, HOST_PORT);
	run->listener = fd_listen_unix(run->path, 0600, (gid_t)-1);
	FUZZ_CHECK(run->listener >= 0, "%s: %d", run->path, run->listener);
}

static void step_host(struct run *run)
{
	uint8_t hdr[VNET_HDR_SIZE], frame[256];

	switch (run->slot) {
	case RIG_NET:
		fuzz_bytes(&run->in, hdr, sizeof(hdr));
		fuzz_bytes(&run->in, frame, sizeof(frame));
		rig_cable.full = fuzz_u8(&run->in) & 1;
		rig_cable_put(hdr, frame, 14 + fuzz_u8(&run->in) % 240U);
		rig_cable_turn();
		break;
	case RIG_BALLOON:
		virtio_balloon_want(run->rig.vm->balloon, (uint64_t)fuzz_u16(&run->in) << 12);
		break;
	case RIG_VSOCK:
		host_vsock(run);
		break;
	case RIG_BLK:
	case RIG_RNG:
		break;
	}
}

static void (*const steps[])(struct run *run) = {
	step_offer, step_drive, step_spin, step_request, step_host, step_ring, step_notify,
	step_config, step_reset, step_common, step_memory, step_interrupts, step_freeze,
};

/* Checks. */

static void check_used(const struct run *run)
{
	if (run->wild)
		return;
	for (unsigned int q = 0; q < run->dev->queues; q++)
		FUZZ_CHECK(!run->ring[q].desc || run->ring[q].used->idx <= run->offered[q],
			   "queue %u: %u chains came back of %llu", q, run->ring[q].used->idx,
			   (unsigned long long)run->offered[q]);
}

static void check_canary(const struct run *run)
{
	const uint8_t *p = run->rig.vm->ram_host + CANARY, *end = p + RIG_RAM - CANARY;

	for (; !run->anywhere && p < end; p += 4096) {
		uint8_t want = run->slot == RIG_BALLOON && !*p ? 0 : 0xa5;

		FUZZ_CHECK(*p == want && !memcmp(p, p + 1, 4095), "memory at %#tx was written",
			   p - run->rig.vm->ram_host);
	}
}

/* What needs a reset says so, and does nothing. */
static void check_broken(struct run *run)
{
	static uint8_t before[BUFFERS + BUFFERS_SIZE - RINGS];
	const uint8_t *now = run->rig.vm->ram_host + RINGS;

	if (!(run->dev->status & VIRTIO_NEEDS_RESET))
		return;
	memcpy(before, now, sizeof(before));
	for (unsigned int q = 0; q < run->dev->queues; q++)
		board_set(run->dev, BOARD_NOTIFY + q * BOARD_NOTIFY_STRIDE, 2, q);
	rig_spin(&run->rig);
	FUZZ_CHECK(!memcmp(before, now, sizeof(before)), "a broken device writes");
	FUZZ_CHECK(run->dev->status & VIRTIO_NEEDS_RESET, "it needs no reset any more");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run run = { .in = { data, size }, .host = { -1, -1, -1, -1 }, .listener = -1 };

	run.slot = 1 + fuzz_u8(&run.in) % RIG_SLOTS;
	rig_options(&run.rig);
	rig_start(&run.rig);
	run.dev = virtio_at(run.rig.vm, run.slot);
	memset(run.rig.vm->ram_host + CANARY, 0xa5, RIG_RAM - CANARY);
	step_drive(&run);
	if (run.slot == RIG_VSOCK)
		host_listen(&run);
	for (unsigned int i = 0; run.in.left && i < STEPS; i++) {
		steps[fuzz_u8(&run.in) % ARRAY_SIZE(steps)](&run);
		rig_check_rings(&run.rig);
		check_used(&run);
	}
	rig_spin(&run.rig);
	check_used(&run);
	check_broken(&run);
	check_canary(&run);
	rig_check_device(&run.rig, run.slot);
	for (unsigned int i = 0; i < HOSTS; i++)
		fd_close(&run.host[i]);
	if (run.listener >= 0)
		unlink(run.path);
	fd_close(&run.listener);
	rig_stop(&run.rig);
	return 0;
}
