/* SPDX-License-Identifier: BSD-2-Clause */
/* test-nic.c - a NIC on a machine of memory and registers, driven as a guest would, with
 * hostile headers and commands; what it is plugged into is played here
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <linux/virtio_pci.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/iov.h"
#include "lib/offload.h"
#include "lib/vhost_wire.h"
#include "lib/vnet.h"
#include "lib/vring_driver.h"
#include "tests/gso.h"
#include "tests/harness/board.h"
#include "vmm/net.h"
#include "vmm/net_filter.h"
#include "vmm/net_tap.h"
#include "vmm/state.h"
#include "vmm/virtio.h"
#include "vmm/virtio_net.h"
#include "vmm/vm.h"

enum {
	RINGS = 0x100000, RING_STEP = 0x10000, QUEUE = 256, QUEUES = 3,
	BUFFERS = 0x400000, TX = 0x300000, CTRL = 0x380000, ACK = 0x38f000,
	LOG = 128, OWN = 0x01,
};

#define ALL_FEATURES	UINT64_MAX
#define F(feature)	(UINT64_C(1) << (feature))

/* What the NIC is plugged into. */

struct packet {
	struct vnet_hdr hdr;
	size_t size;
	uint8_t data[ETH_FRAME_MAX];
};

static struct {
	struct net_backend be;
	struct packet sent[LOG], waiting[LOG];
	unsigned int sents, waitings, given, pieces;
	int room;		/* frames until there is no more; -1: any number */
	bool recv, send;
	uint64_t takes;
} peer;

static int peer_send(struct net_backend *be UNUSED, const struct vnet_hdr *hdr,
		     const struct iovec *iov, unsigned int cnt)
{
	struct packet *p = &peer.sent[peer.sents];

	assert_true(cnt && cnt <= NET_PIECES_MAX);
	if (!peer.room)
		return -EAGAIN;
	peer.room -= peer.room > 0;
	assert_true(peer.sents < LOG);
	peer.sents++;
	p->hdr = *hdr;
	p->size = iov_size(iov, cnt);
	assert_true(p->size <= sizeof(p->data));
	iov_to_buf(iov, cnt, 0, p->data, sizeof(p->data));
	return 0;
}

static ssize_t peer_recv(struct net_backend *be UNUSED, struct vnet_hdr *hdr,
			 const struct iovec *iov, unsigned int cnt)
{
	const struct packet *p = &peer.waiting[peer.given];

	assert_true(cnt && cnt <= NET_PIECES_MAX);
	peer.pieces = cnt;
	if (peer.given == peer.waitings)
		return -EAGAIN;
	peer.given++;
	*hdr = p->hdr;
	return (ssize_t)iov_from_buf(iov, cnt, 0, p->data, p->size);
}

static void peer_watch_recv(struct net_backend *be UNUSED, bool on)
{
	peer.recv = on;
}

static void peer_watch_send(struct net_backend *be UNUSED, bool on)
{
	peer.send = on;
}

static void peer_offloads(struct net_backend *be UNUSED, uint64_t takes)
{
	peer.takes = takes;
}

static void peer_close(struct net_backend *be UNUSED)
{
}

int net_tap_open(struct ev_loop *loop UNUSED, const struct options_netdev *opt UNUSED,
		 const struct net_owner *owner, void *nic, struct net_backend **out)
{
	static const struct net_ops ops = {
		.send = peer_send, .recv = peer_recv, .watch_recv = peer_watch_recv,
		.watch_send = peer_watch_send, .offloads = peer_offloads,
		.close = peer_close,
	};

	peer.be.ops = &ops;
	peer.be.owner = owner;
	peer.be.nic = nic;
	peer.be.up = true;
	*out = &peer.be;
	return 0;
}

/* The machine, and its driver. */

static struct options opt = {
	.name = "unit", .cpus = 1, .topology = { 1, 1, 1 }, .ram = 64 << 20, .nics = 1,
};

struct rig {
	struct vm *vm;
	struct virtio_net *net;
	struct virtio_dev *dev;
	uint64_t features;
	struct vring_driver ring[QUEUES];
	uint32_t buf_size;
	unsigned int bufs;
};

static const struct eth_addr own = { { 2, 0, 0, 0, 0, OWN } };

/* A NIC on a machine of its own. */
static struct rig *rig_plug(const struct options_nic *nic)
{
	struct rig *r = test_calloc(1, sizeof(*r));

	r->vm = board_new(&opt);
	assert_int_equal(virtio_net_create(r->vm, nic, own, &r->net), 0);
	assert_int_equal(virtio_net_start_threads(r->net), 0);
	r->vm->nics[0] = r->net;
	board_power_on(r->vm);
	r->dev = virtio_at(r->vm, 1);
	assert_non_null(r->dev);
	return r;
}

/* One without the features in @off, whose other end takes what needs @takes. */
static struct rig *rig_new(uint64_t takes, uint64_t off)
{
	static struct options_nic nic = { .netdev = { .tap = true, .shown = "unit" } };

	memset(&peer, 0, sizeof(peer));
	peer.room = -1;
	peer.be.takes = takes;
	nic.off = off;
	return rig_plug(&nic);
}

static void rig_free(struct rig *r)
{
	board_free(r->vm);
	test_free(r);
}

static void *mem(struct rig *r, uint64_t addr)
{
	return board_mem(r->vm, addr);
}

static void kick(struct rig *r, unsigned int q)
{
	board_kick(r->dev, r->ring, q);
}

/* Offer buffer @i of the receive ring. */
static void give(struct rig *r, unsigned int i)
{
	r->ring[0].desc[i] = (struct vring_desc){
		BUFFERS + (uint64_t)i * r->buf_size, r->buf_size, VRING_DESC_WRITE, 0,
	};
	vring_driver_add(&r->ring[0], (uint16_t)i);
}

/* Reset the device and start it with those of @features that it has, and @bufs receive
 * buffers. */
static void drive(struct rig *r, uint64_t features, unsigned int bufs, uint32_t buf_size)
{
	static const struct board_rings rings = { RINGS, RING_STEP, QUEUES, QUEUE };

	r->features = board_drive(r->dev, features, &rings, r->ring);
	r->bufs = bufs;
	r->buf_size = buf_size;
	for (unsigned int i = 0; i < bufs; i++)
		give(r, i);
	peer.sents = peer.waitings = peer.given = 0;
	kick(r, 0);
}

/* Send a frame with a header, in pieces of @piece bytes. Return: whether it is done
 * with. */
static bool transmit(struct rig *r, const struct vnet_hdr *hdr, const void *frame, size_t size,
		     size_t piece)
{
	struct vring_driver *vd = &r->ring[1];
	size_t total = sizeof(*hdr) + size;
	unsigned int n = 0;
	uint32_t len;

	memcpy(mem(r, TX), hdr, sizeof(*hdr));
	memcpy((uint8_t *)mem(r, TX) + sizeof(*hdr), frame, size);
	for (size_t off = 0; off < total; off += piece, n++)
		vd->desc[n] = (struct vring_desc){
			TX + off, (uint32_t)MIN(piece, total - off),
			off + piece < total ? VRING_DESC_NEXT : 0, (uint16_t)(n + 1),
		};
	vring_driver_add(vd, 0);
	kick(r, 1);
	return vring_driver_get(vd, &len) == 0;
}

/* Take a frame that was delivered, and give its buffers back. Return: its bytes, 0 if
 * there is none. */
static size_t receive(struct rig *r, struct packet *p)
{
	struct vring_driver *vd = &r->ring[0];
	unsigned int buffers = 1;
	uint8_t all[VNET_HDR_SIZE + ETH_FRAME_MAX];
	size_t total = 0;

	p->size = 0;
	for (unsigned int i = 0; i < buffers; i++) {
		uint32_t len = 0;
		int32_t id = vring_driver_get(vd, &len);

		if (!i && id < 0)
			return 0;
		assert_true(id >= 0 && len <= r->buf_size && total + len <= sizeof(all));
		memcpy(all + total, mem(r, BUFFERS + (uint64_t)id * r->buf_size), len);
		if (!i)
			buffers = le16_get(((struct vnet_hdr *)(void *)all)->num_buffers);
		/* All but the last are full. */
		assert_true(i + 1 == buffers || len == r->buf_size);
		total += len;
		give(r, (unsigned int)id);
	}
	memcpy(&p->hdr, all, sizeof(p->hdr));
	p->size = total - VNET_HDR_SIZE;
	memcpy(p->data, all + VNET_HDR_SIZE, p->size);
	return p->size;
}

/* A frame comes from the other end. */
static void arrive(const struct vnet_hdr *hdr, const void *frame, size_t size)
{
	struct packet *p = &peer.waiting[peer.waitings++];

	assert_true(peer.waitings <= LOG);
	p->hdr = *hdr;
	p->size = size;
	memcpy(p->data, frame, size);
}

static void arrived(struct rig *r)
{
	peer.be.owner->can_recv(peer.be.nic);
	board_spin(r->vm);
}

/* Put a command into the control queue. Return: the answer. */
static uint8_t command(struct rig *r, uint8_t class, uint8_t cmd, const void *data, size_t size)
{
	struct vring_driver *vd = &r->ring[2];
	uint8_t *p = mem(r, CTRL), *ack = mem(r, ACK);
	uint32_t len;

	p[0] = class;
	p[1] = cmd;
	memcpy(p + 2, data, size);
	*ack = 0xee;
	vd->desc[0] = (struct vring_desc){ CTRL, 2, VRING_DESC_NEXT, 1 };
	vd->desc[1] = (struct vring_desc){ CTRL + 2, (uint32_t)size, VRING_DESC_NEXT, 2 };
	vd->desc[2] = (struct vring_desc){ ACK, 1, VRING_DESC_WRITE, 0 };
	if (!size)
		vd->desc[0].next = 2;
	vring_driver_add(vd, 0);
	kick(r, 2);
	assert_int_equal(vring_driver_get(vd, &len), 0);
	assert_int_equal(len, 1);
	return *ack;
}

static struct gso_frame *frame_of(uint64_t *seed, const struct gso_limits *want, bool tcp,
				  bool ipv6)
{
	static struct gso_frame f;

	do
		gso_random(&f, seed, want);
	while (f.tcp != tcp || f.ipv6 != ipv6 || f.size > ETH_FRAME_MAX ||
	       (!want->csum_only && f.segs < 2));
	if (want->csum_only)
		f.hdr.gso_size = f.hdr.hdr_len = le16(0);
	return &f;
}

static const struct gso_limits some = { .gso_min = 600, .segs_max = LOG - 1,
					.udp_segs_max = LOG - 1, .no_routing = true };
static const struct gso_limits whole = { .csum_only = true };

/* What is offered. */

static void offers(void **state UNUSED)
{
	const uint64_t host = F(VNET_F_HOST_TSO4) | F(VNET_F_HOST_TSO6) | F(VNET_F_HOST_ECN) |
			      F(VNET_F_HOST_USO);
	const uint64_t both = OFFLOAD_TAKES | host | F(VNET_F_CSUM);
	const uint64_t rest = F(VIRTIO_NET_F_CTRL_VQ) | F(VIRTIO_NET_F_CTRL_RX) |
			      F(VIRTIO_NET_F_CTRL_VLAN) | F(VIRTIO_NET_F_CTRL_MAC_ADDR);
	const struct { uint64_t takes, off, offers; } cases[] = {
		{ OFFLOAD_TAKES, 0, both },
		{ 0, 0, 0 },
		{ OFFLOAD_TAKES & ~(F(VNET_F_GUEST_USO4) | F(VNET_F_GUEST_USO6)), 0,
		  both & ~(F(VNET_F_GUEST_USO4) | F(VNET_F_GUEST_USO6) | F(VNET_F_HOST_USO)) },
		/* Nothing without the checksum; no ECN without TCP. */
		{ OFFLOAD_TAKES, F(VNET_F_CSUM), OFFLOAD_TAKES },
		{ OFFLOAD_TAKES, F(VNET_F_GUEST_CSUM), host | F(VNET_F_CSUM) },
		{ OFFLOAD_TAKES, F(VIRTIO_NET_F_GSO), OFFLOAD_TAKES | F(VNET_F_CSUM) },
		{ OFFLOAD_TAKES, F(VNET_F_GUEST_TSO4) | F(VNET_F_GUEST_TSO6),
		  both & ~(F(VNET_F_GUEST_TSO4) | F(VNET_F_GUEST_TSO6) |
			   F(VNET_F_GUEST_ECN)) },
		{ OFFLOAD_TAKES, F(VNET_F_HOST_TSO6), both & ~F(VNET_F_HOST_TSO6) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rig *r = rig_new(cases[i].takes, cases[i].off);
		uint64_t o = board_offered(r->dev);

		assert_int_equal(o & both, cases[i].offers);
		assert_int_equal(o & rest, rest);
		assert_int_equal(o >> VIRTIO_NET_F_CTRL_GUEST_OFFLOADS & 1,
				 cases[i].offers >> VNET_F_GUEST_CSUM & 1);
		/* Not had here. */
		assert_int_equal(o & (F(VIRTIO_NET_F_MQ) | F(VIRTIO_NET_F_RSS) |
				      F(VIRTIO_NET_F_HOST_UFO) | F(VIRTIO_NET_F_GUEST_UFO) |
				      F(VIRTIO_NET_F_GSO)), 0);
		rig_free(r);
	}
}

/* From the guest. */

static void big_frames_out(void **state UNUSED)
{
	struct rig *r = rig_new(OFFLOAD_TAKES, 0);
	uint64_t seed = 1;

	drive(r, ALL_FEATURES, 0, 2048);
	for (unsigned int i = 0; i < 60; i++) {
		const struct gso_frame *f = frame_of(&seed, &some, i & 1, i & 2);
		size_t piece = i < 8 ? 70000 : 1 + f->size / (1 + gso_rand(&seed, 200));
		const struct packet *p = &peer.sent[0];
		struct vnet_hdr want = f->hdr;

		peer.sents = 0;
		assert_true(transmit(r, &f->hdr, f->data, f->size, piece));
		assert_int_equal(peer.sents, 1);
		assert_int_equal(p->size, f->size);
		assert_memory_equal(p->data, f->data, f->size);
		want.num_buffers = le16(1);
		assert_memory_equal(&p->hdr, &want, sizeof(want));
	}
	rig_free(r);
}

/* The other end takes nothing: it gets segments, even if there is no room now and then. */
static void big_frames_finished(void **state UNUSED)
{
	/* As if the guest had been moved here from where more can be done. */
	struct rig *r = rig_new(OFFLOAD_TAKES, 0);
	static const struct vnet_hdr none = { .num_buffers = { { 1, 0 } } };
	static uint8_t want[ETH_FRAME_MAX];
	uint64_t seed = 2;

	drive(r, ALL_FEATURES, 0, 2048);
	peer.be.takes = 0;
	for (unsigned int i = 0; i < 40; i++) {
		const struct gso_frame *f = frame_of(&seed, &some, i & 1, i & 2);
		struct vring_driver *vd = &r->ring[1];
		uint32_t len;

		peer.sents = 0;
		peer.room = 1;
		assert_false(transmit(r, &f->hdr, f->data, f->size, 70000));
		assert_true(peer.send);
		peer.room = (int)f->segs - 1;
		peer.be.owner->can_send(peer.be.nic);
		assert_int_equal(vring_driver_get(vd, &len), 0);
		assert_int_equal(peer.sents, f->segs);
		for (unsigned int seg = 0; seg < f->segs; seg++) {
			assert_int_equal(peer.sent[seg].size, gso_reference(f, seg, want));
			assert_memory_equal(peer.sent[seg].data, want, peer.sent[seg].size);
			assert_memory_equal(&peer.sent[seg].hdr, &none, sizeof(none));
		}
		peer.room = -1;
	}
	/* One that only wants its checksum, in one piece and in many. */
	for (unsigned int i = 0; i < 40; i++) {
		const struct gso_frame *f = frame_of(&seed, &whole, i & 1, i & 2);

		peer.sents = 0;
		assert_true(transmit(r, &f->hdr, f->data, f->size,
				     i & 4 ? 70000 : 1 + f->size / 150));
		assert_int_equal(peer.sents, 1);
		assert_int_equal(gso_reference(f, 0, want), f->size);
		assert_int_equal(peer.sent[0].size, f->size);
		assert_memory_equal(peer.sent[0].data, want, f->size);
		assert_memory_equal(&peer.sent[0].hdr, &none, sizeof(none));
	}
	rig_free(r);
}

/* Every field of a header, wrong: nothing comes out, and the NIC works on. */
static void hostile_headers(void **state UNUSED)
{
	struct rig *r = rig_new(OFFLOAD_TAKES, 0);
	uint64_t seed = 3;
	const struct gso_frame *f;
	struct {
		const char *what;
		struct vnet_hdr hdr;
	} cases[16];
	unsigned int n = 0;

	drive(r, ALL_FEATURES, 0, 2048);
	f = frame_of(&seed, &some, true, false);
#define BEND(text, member, value) do { \
		cases[n].what = text; \
		cases[n].hdr = f->hdr; \
		cases[n++].hdr.member = value; \
	} while (0)
	BEND("a type of old", gso_type, VNET_GSO_UFO);
	BEND("no such type", gso_type, 77);
	BEND("UDP", gso_type, VNET_GSO_UDP_L4);
	BEND("IPv6", gso_type, VNET_GSO_TCPV6);
	BEND("ECN of UDP", gso_type, VNET_GSO_UDP_L4 | VNET_GSO_ECN);
	BEND("without a checksum", flags, 0);
	BEND("valid, and to be cut", flags, VNET_HDR_DATA_VALID);
	BEND("no size", gso_size, le16(0));
	BEND("hardly a size", gso_size, le16(7));
	BEND("a sum outside", csum_start, le16(65535));
	BEND("a sum in the Ethernet header", csum_start, le16(2));
	BEND("a field outside", csum_offset, le16(65535));
	BEND("another field", csum_offset, le16(6));
	for (unsigned int i = 0; i < n; i++) {
		print_message("# %s\n", cases[i].what);
		peer.sents = 0;
		assert_true(transmit(r, &cases[i].hdr, f->data, f->size, 70000));
		assert_int_equal(peer.sents, 0);
	}
	/* What is not looked at does not come out either. */
	n = 0;
	BEND("flags", flags, 0xff);
	BEND("hdr_len", hdr_len, le16(65535));
	BEND("num_buffers", num_buffers, le16(65535));
	for (unsigned int i = 0; i < n; i++) {
		struct vnet_hdr want = f->hdr;

		print_message("# %s\n", cases[i].what);
		want.num_buffers = le16(1);
		peer.sents = 0;
		assert_true(transmit(r, &cases[i].hdr, f->data, f->size, 70000));
		assert_int_equal(peer.sents, 1);
		assert_memory_equal(&peer.sent[0].hdr, &want, sizeof(want));
	}
	/* Too short and too long for a frame. */
	peer.sents = 0;
	assert_true(transmit(r, &f->hdr, f->data, 13, 70000));
	assert_true(transmit(r, &f->hdr, f->data, 0, 70000));
	assert_true(transmit(r, &f->hdr, f->data, ETH_FRAME_MAX + 1, 70000));
	assert_int_equal(peer.sents, 0);
	/* Who has not negotiated it has nothing to say in a header. */
	drive(r, ALL_FEATURES & ~F(VNET_F_CSUM), 0, 2048);
	assert_true(transmit(r, &f->hdr, f->data, f->size, 70000));
	assert_int_equal(peer.sents, 1);
	assert_int_equal(peer.sent[0].hdr.flags | peer.sent[0].hdr.gso_type, 0);
	assert_int_equal(peer.sent[0].size, f->size);
	rig_free(r);
}

/* To the guest. */

static void big_frames_in(void **state UNUSED)
{
	const uint32_t sizes[] = { 1536, 4096, 700, 65600 };
	static struct packet p;

	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		unsigned int bufs = sizes[s] > 65536 ? 32 : 200;
		struct rig *r = rig_new(OFFLOAD_TAKES, 0);
		uint64_t seed = 4 + s;

		drive(r, ALL_FEATURES, bufs, sizes[s]);
		assert_int_equal(peer.takes, OFFLOAD_TAKES);
		for (unsigned int i = 0; i < 60; i++) {
			const struct gso_frame *f = frame_of(&seed, i % 5 ? &some : &whole,
							     i & 1, i & 2);
			struct vnet_hdr want = f->hdr;

			peer.waitings = peer.given = 0;
			arrive(&f->hdr, f->data, f->size);
			arrived(r);
			assert_int_equal(receive(r, &p), f->size);
			assert_memory_equal(p.data, f->data, f->size);
			want.num_buffers = le16((uint16_t)((f->size + 12 + sizes[s] - 1) /
							   sizes[s]));
			assert_memory_equal(&p.hdr, &want, sizeof(want));
			kick(r, 0);
		}
		rig_free(r);
	}
}

/* Straight into the guest's buffers, where there is room for any frame. */
static void direct_in(void **state UNUSED)
{
	struct rig *r = rig_new(OFFLOAD_TAKES, 0);
	static const struct vnet_hdr none;
	uint8_t frame[1514] = { 2, 0, 0, 0, 0, OWN, [12] = 0x88, [13] = 0xb5 };
	static struct packet p;

	drive(r, ALL_FEATURES, 200, 1536);
	arrived(r);
	for (unsigned int i = 0; i < 100; i++) {
		frame[100] = (uint8_t)i;
		arrive(&none, frame, sizeof(frame));
	}
	arrived(r);
	assert_true(peer.pieces > 1);
	for (unsigned int i = 0; i < 100; i++) {
		assert_int_equal(receive(r, &p), sizeof(frame));
		assert_int_equal(p.data[100], i);
		assert_int_equal(le16_get(p.hdr.num_buffers), 1);
	}
	assert_int_equal(receive(r, &p), 0);
	/* With less than that, one at a time, and nothing is lost while there is no room. */
	drive(r, ALL_FEATURES, 3, 1536);
	for (unsigned int i = 0; i < 9; i++) {
		frame[100] = (uint8_t)i;
		arrive(&none, frame, sizeof(frame));
	}
	arrived(r);
	assert_int_equal(peer.pieces, 1);
	assert_false(peer.recv);
	for (unsigned int i = 0; i < 9; i++) {
		assert_int_equal(receive(r, &p), sizeof(frame));
		assert_int_equal(p.data[100], i);
		kick(r, 0);
	}
	assert_true(peer.recv);
	rig_free(r);
}

/* The guest does not take it, or not any more: it gets segments, or finished ones. */
static void finished_in(void **state UNUSED)
{
	const uint64_t cases[] = {
		0, F(VNET_F_GUEST_CSUM), F(VNET_F_GUEST_CSUM) | F(VNET_F_GUEST_ECN),
		F(VNET_F_GUEST_TSO4) | F(VNET_F_GUEST_TSO6) | F(VNET_F_GUEST_USO4) |
		F(VNET_F_GUEST_USO6),
	};
	struct rig *r = rig_new(OFFLOAD_TAKES, 0);
	static uint8_t want[ETH_FRAME_MAX];
	static struct packet p;
	uint64_t seed = 5;

	for (size_t c = 0; c < 2 * ARRAY_SIZE(cases); c++) {
		uint64_t takes = cases[c / 2];
		bool merge = c & 1;

		drive(r, ALL_FEATURES & ~(merge ? 0 : F(VNET_F_MRG_RXBUF)), 250,
		      merge ? 4096 : 10000);
		/* By command; the kernel had more on its way. */
		assert_int_equal(command(r, VIRTIO_NET_CTRL_GUEST_OFFLOADS, 0, &takes, 8),
				 VIRTIO_NET_OK);
		assert_int_equal(peer.takes, takes);
		for (unsigned int i = 0; i < 8; i++) {
			const struct gso_frame *f = frame_of(&seed, i & 4 ? &some : &whole,
							     i & 1, i & 2);
			unsigned int segs = i & 4 ? f->segs : 1;

			peer.waitings = peer.given = 0;
			arrive(&f->hdr, f->data, f->size);
			arrived(r);
			for (unsigned int seg = 0; seg < segs; seg++) {
				size_t size = gso_reference(f, seg, want);

				/* Longer than a buffer that cannot be merged: lost. */
				if (!merge && size + 12 > 10000)
					continue;
				assert_int_equal(receive(r, &p), size);
				assert_int_equal(p.hdr.gso_type, VNET_GSO_NONE);
				if (takes & F(VNET_F_GUEST_CSUM)) {
					assert_int_equal(p.hdr.flags, VNET_HDR_NEEDS_CSUM);
					continue;
				}
				assert_int_equal(p.hdr.flags, 0);
				assert_memory_equal(p.data, want, size);
			}
			assert_int_equal(receive(r, &p), 0);
			kick(r, 0);
		}
	}
	/* Nobody is told that sums are right who has not asked. */
	drive(r, ALL_FEATURES & ~F(VNET_F_GUEST_CSUM), 200, 1536);
	for (unsigned int i = 0; i < 2; i++) {
		const struct vnet_hdr valid = { .flags = VNET_HDR_DATA_VALID };
		const uint8_t frame[60] = { 2, 0, 0, 0, 0, OWN };

		/* Straight into its buffers: how many there are is known after some tries. */
		for (int tries = 0; tries < 8; tries++)
			arrived(r);
		assert_true(peer.pieces > 1);
		arrive(&valid, frame, sizeof(frame));
		arrived(r);
		assert_int_equal(receive(r, &p), sizeof(frame));
		assert_int_equal(p.hdr.flags, i ? VNET_HDR_DATA_VALID : 0);
		drive(r, ALL_FEATURES, 200, 1536);
	}
	/* A reset takes it all back. */
	board_set(r->dev, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	assert_int_equal(peer.takes, 0);
	rig_free(r);
}

/* The control queue. */

/* Does a frame to @to, with a tag of VLAN @vlan if it is not 0, reach the guest? */
static bool reaches(struct rig *r, const uint8_t to[6], unsigned int vlan)
{
	static const struct vnet_hdr none;
	static struct packet p;
	uint8_t frame[64] = { 0 };
	bool got;

	memcpy(frame, to, 6);
	if (vlan)
		memcpy(frame + 12, (uint8_t[]){ 0x81, 0, (uint8_t)(vlan >> 8 | 0x20),
						(uint8_t)vlan }, 4);
	peer.waitings = peer.given = 0;
	arrive(&none, frame, sizeof(frame));
	arrived(r);
	got = receive(r, &p);
	assert_int_equal(receive(r, &p), 0);
	assert_int_equal(peer.given, 1);
	kick(r, 0);
	return got;
}

static uint8_t rx_mode(struct rig *r, unsigned int mode, uint8_t on)
{
	return command(r, VIRTIO_NET_CTRL_RX, (uint8_t)mode, &on, 1);
}

static void filters(void **state UNUSED)
{
	static const uint8_t me[6] = { 2, 0, 0, 0, 0, OWN }, other[6] = { 2, 0, 0, 0, 0, 9 },
			     group[6] = { 1, 0, 0x5e, 0, 0, 1 }, all[6] = { 255, 255, 255, 255,
			     255, 255 }, me_too[6] = { 2, 0, 0, 0, 0, 7 };
	struct rig *r = rig_new(OFFLOAD_TAKES, 0);
	uint8_t tables[4 + 6 + 4 + 6] = { 1, [10] = 1 }, many[2][4 + 65 * 6 + 4];
	uint32_t count = 65;

	memcpy(tables + 4, me_too, 6);
	memcpy(tables + 14, group, 6);
	/* With large buffers that are not merged, and straight into small ones. */
	for (int merge = 0; merge < 2; merge++) {
		drive(r, merge ? ALL_FEATURES : ALL_FEATURES & ~F(VNET_F_MRG_RXBUF), 200, 1536);
		assert_true(reaches(r, other, 0) && reaches(r, group, 0) && reaches(r, other, 5));
		assert_int_equal(rx_mode(r, VIRTIO_NET_CTRL_RX_PROMISC, 0), VIRTIO_NET_OK);
		assert_true(reaches(r, me, 0) && reaches(r, all, 0));
		assert_false(reaches(r, other, 0) || reaches(r, group, 0));
		assert_int_equal(command(r, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET,
					 tables, sizeof(tables)), VIRTIO_NET_OK);
		assert_true(reaches(r, me_too, 0) && reaches(r, group, 0));
		assert_false(reaches(r, other, 0));
		/* Cut off: nothing changes. */
		for (size_t size = 0; size < sizeof(tables); size++)
			assert_int_equal(command(r, VIRTIO_NET_CTRL_MAC,
						 VIRTIO_NET_CTRL_MAC_TABLE_SET, tables, size),
					 VIRTIO_NET_ERR);
		assert_true(reaches(r, me_too, 0) && reaches(r, group, 0));
		/* Modes, each by itself. */
		for (unsigned int mode = 1; mode < NET_FILTER_MODES; mode++) {
			const uint8_t far_group[6] = { 1, 0, 0x5e, 9, 9, 9 };

			assert_int_equal(rx_mode(r, mode, 1), VIRTIO_NET_OK);
			assert_int_equal(reaches(r, me, 0), mode != VIRTIO_NET_CTRL_RX_NOUNI);
			assert_int_equal(reaches(r, other, 0), mode == VIRTIO_NET_CTRL_RX_ALLUNI);
			assert_int_equal(reaches(r, group, 0), mode != VIRTIO_NET_CTRL_RX_NOMULTI);
			assert_int_equal(reaches(r, far_group, 0),
					 mode == VIRTIO_NET_CTRL_RX_ALLMULTI);
			assert_int_equal(reaches(r, all, 0), mode != VIRTIO_NET_CTRL_RX_NOBCAST);
			assert_int_equal(rx_mode(r, mode, 0), VIRTIO_NET_OK);
		}
		assert_int_equal(rx_mode(r, NET_FILTER_MODES, 1), VIRTIO_NET_ERR);
		assert_int_equal(rx_mode(r, VIRTIO_NET_CTRL_RX_PROMISC, 2), VIRTIO_NET_ERR);
		/* VLANs; a tag that only has a priority is in none. */
		assert_true(reaches(r, me, 4096));
		assert_false(reaches(r, me, 5) || reaches(r, me, 4095));
		assert_int_equal(command(r, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD,
					 "\5\0", 2), VIRTIO_NET_OK);
		assert_true(reaches(r, me, 5));
		assert_false(reaches(r, me, 4) || reaches(r, me, 6) || reaches(r, other, 5));
		assert_int_equal(command(r, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_DEL,
					 "\5\0", 2), VIRTIO_NET_OK);
		assert_false(reaches(r, me, 5));
		assert_int_equal(command(r, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD,
					 "\0\x10", 2), VIRTIO_NET_ERR);
		assert_int_equal(command(r, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD,
					 "\5", 1), VIRTIO_NET_ERR);
	}
	/* More addresses than are kept: all pass, of that kind. */
	memset(many, 0, sizeof(many));
	memcpy(many[0], &count, 4);
	memcpy(many[1] + 4, &count, 4);
	assert_int_equal(command(r, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET,
				 many[0], sizeof(many[0])), VIRTIO_NET_OK);
	assert_true(reaches(r, other, 0));
	assert_false(reaches(r, group, 0));
	assert_int_equal(command(r, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET,
				 many[1], sizeof(many[1])), VIRTIO_NET_OK);
	assert_true(reaches(r, group, 0));
	assert_false(reaches(r, other, 0));
	/* More than there are. */
	count = UINT32_MAX;
	memcpy(many[1] + 4, &count, 4);
	assert_int_equal(command(r, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET,
				 many[1], sizeof(many[1])), VIRTIO_NET_ERR);
	/* Another address, until the reset. */
	assert_int_equal(command(r, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, group, 6),
			 VIRTIO_NET_ERR);
	assert_int_equal(command(r, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, other, 5),
			 VIRTIO_NET_ERR);
	assert_int_equal(board_get(r->dev, 0x2005, 1), OWN);
	assert_int_equal(command(r, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, other, 6),
			 VIRTIO_NET_OK);
	assert_true(reaches(r, other, 0));
	assert_false(reaches(r, me, 0));
	assert_int_equal(board_get(r->dev, 0x2005, 1), 9);
	drive(r, 0, 200, 65600);
	assert_int_equal(board_get(r->dev, 0x2005, 1), OWN);
	assert_true(reaches(r, other, 0) && reaches(r, group, 5));
	/* What was not negotiated is refused. */
	assert_int_equal(rx_mode(r, VIRTIO_NET_CTRL_RX_PROMISC, 0), VIRTIO_NET_ERR);
	assert_int_equal(rx_mode(r, VIRTIO_NET_CTRL_RX_NOUNI, 1), VIRTIO_NET_ERR);
	assert_int_equal(command(r, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, tables,
				 sizeof(tables)), VIRTIO_NET_ERR);
	assert_int_equal(command(r, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, other, 6),
			 VIRTIO_NET_ERR);
	assert_int_equal(command(r, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, "\5\0", 2),
			 VIRTIO_NET_ERR);
	assert_int_equal(command(r, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET,
				 "\1\0", 2), VIRTIO_NET_ERR);
	assert_int_equal(command(r, 99, 99, "", 0), VIRTIO_NET_ERR);
	rig_free(r);
}

static void guest_offloads(void **state UNUSED)
{
	struct rig *r = rig_new(OFFLOAD_TAKES, 0);
	uint64_t takes = F(VNET_F_GUEST_CSUM) | F(VNET_F_GUEST_TSO4), more = takes;

	drive(r, takes | F(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) | F(VIRTIO_NET_F_CTRL_VQ), 200, 2048);
	assert_int_equal(peer.takes, takes);
	/* Not what was not negotiated, nor what is none of it, nor half a command. */
	more |= F(VNET_F_GUEST_TSO6);
	assert_int_equal(command(r, VIRTIO_NET_CTRL_GUEST_OFFLOADS, 0, &more, 8), VIRTIO_NET_ERR);
	more = takes | F(VIRTIO_F_VERSION_1);
	assert_int_equal(command(r, VIRTIO_NET_CTRL_GUEST_OFFLOADS, 0, &more, 8), VIRTIO_NET_ERR);
	assert_int_equal(command(r, VIRTIO_NET_CTRL_GUEST_OFFLOADS, 0, "", 0), VIRTIO_NET_ERR);
	assert_int_equal(command(r, VIRTIO_NET_CTRL_GUEST_OFFLOADS, 0, &takes, 7), VIRTIO_NET_ERR);
	assert_int_equal(command(r, VIRTIO_NET_CTRL_GUEST_OFFLOADS, 1, &takes, 8), VIRTIO_NET_ERR);
	assert_int_equal(peer.takes, takes);
	takes = F(VNET_F_GUEST_CSUM);
	assert_int_equal(command(r, VIRTIO_NET_CTRL_GUEST_OFFLOADS, 0, &takes, 8), VIRTIO_NET_OK);
	assert_int_equal(peer.takes, takes);
	rig_free(r);
}

/* A ring that is broken while buffers of it are at hand. */
static void broken_rings(void **state UNUSED)
{
	static const struct vnet_hdr none;
	const uint8_t frame[60] = { 2, 0, 0, 0, 0, OWN };
	struct rig *r = rig_new(OFFLOAD_TAKES, 0);
	static struct packet p;

	for (int kind = 0; kind < 3; kind++) {
		drive(r, ALL_FEATURES, 50, 1536);
		arrive(&none, frame, sizeof(frame));
		arrived(r);
		assert_int_equal(receive(r, &p), sizeof(frame));
		/* A buffer to be read, one too short for a header, one outside of memory. */
		give(r, 60);
		r->ring[0].desc[60].flags = kind ? VRING_DESC_WRITE : 0;
		r->ring[0].desc[60].len = kind == 1 ? 11 : 1536;
		if (kind == 2)
			r->ring[0].desc[60].addr = UINT64_MAX - 4096;
		kick(r, 0);
		for (unsigned int i = 0; i < 60; i++)
			arrive(&none, frame, sizeof(frame));
		arrived(r);
		assert_int_equal(board_get(r->dev, VIRTIO_PCI_COMMON_STATUS, 1), 15 | VIRTIO_NEEDS_RESET);
		assert_false(peer.recv);
	}
	drive(r, ALL_FEATURES, 50, 1536);
	arrive(&none, frame, sizeof(frame));
	arrived(r);
	assert_int_equal(receive(r, &p), sizeof(frame));
	rig_free(r);
}

/* Stopped in the middle, nothing that was taken from the ring is left undone. */
static void frozen(void **state UNUSED)
{
	static const struct vnet_hdr none;
	const uint8_t frame[60] = { 2, 0, 0, 0, 0, OWN };
	struct rig *r = rig_new(OFFLOAD_TAKES, 0);
	static struct packet p;

	drive(r, ALL_FEATURES, 200, 1536);
	for (unsigned int i = 0; i < 5; i++)
		arrive(&none, frame, sizeof(frame));
	arrived(r);
	virtio_freeze(r->dev);
	assert_int_equal(r->dev->queue[0].vring.next_avail, 5);
	assert_int_equal(r->dev->queue[0].vring.next_used, 5);
	arrive(&none, frame, sizeof(frame));
	arrived(r);
	for (unsigned int i = 0; i < 5; i++)
		assert_int_equal(receive(r, &p), sizeof(frame));
	assert_int_equal(receive(r, &p), 0);
	virtio_thaw(r->dev);
	board_spin(r->vm);
	assert_int_equal(receive(r, &p), sizeof(frame));
	rig_free(r);
}

/* What the guest has said is in the state, and what is in the state is not believed. */
static void saved(void **state UNUSED)
{
	static const uint8_t other[6] = { 2, 0, 0, 0, 0, 9 }, group[6] = { 1, 0, 0x5e, 0, 0, 1 };
	uint8_t tables[4 + 4 + 6] = { 0 }, *said;
	struct rig *r = rig_new(OFFLOAD_TAKES, 0);
	const uint64_t takes = F(VNET_F_GUEST_CSUM);
	/* What is said of offloads is in front, then filters, the NIC's address, its other
	 * one. */
	const size_t group_at = 8 + sizeof(struct net_filter) + 6;
	struct state_out out = { .data = NULL };
	size_t size;

	tables[4] = 1;
	memcpy(tables + 8, group, 6);
	drive(r, ALL_FEATURES, 200, 1536);
	assert_int_equal(rx_mode(r, VIRTIO_NET_CTRL_RX_PROMISC, 0), VIRTIO_NET_OK);
	assert_int_equal(command(r, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, tables,
				 sizeof(tables)), VIRTIO_NET_OK);
	assert_int_equal(command(r, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, other, 6),
			 VIRTIO_NET_OK);
	assert_int_equal(command(r, VIRTIO_NET_CTRL_GUEST_OFFLOADS, 0, &takes, 8), VIRTIO_NET_OK);
	virtio_freeze(r->dev);
	virtio_save(r->dev, &out);
	for (int round = 0; round < 5; round++) {
		const char *bad[] = { NULL, NULL, "it makes no sense (a NIC)",
				      "it makes no sense (a NIC)", "it makes no sense (a NIC)" };
		const struct state s = { .fd = -1, .data = out.data, .size = out.size };
		const char *why;

		said = (uint8_t *)(uintptr_t)state_get_any(&s, "virtio-net", 1, 2, &size);
		assert_non_null(said);
		assert_true(size > sizeof(struct net_filter));
		/* Unfinished frames that were not negotiated, a group's address, a table
		 * that is too long. */
		if (round == 2)
			said[0] ^= 1;
		if (round == 3)
			said[group_at] = 1;
		if (round == 4)
			said[8 + offsetof(struct net_filter, table[1].count)] = 65;
		virtio_reset(r->dev);
		peer.takes = 99;
		why = virtio_load(r->dev, &s);
		if (round == 2)
			said[0] ^= 1;
		if (round == 3)
			said[group_at] = 2;
		if (bad[round]) {
			assert_string_equal(why, bad[round]);
			continue;
		}
		assert_null(why);
		assert_int_equal(peer.takes, takes);
		assert_int_equal(board_get(r->dev, 0x2005, 1), 9);
		virtio_thaw(r->dev);
		board_spin(r->vm);
		assert_true(reaches(r, other, 0) && reaches(r, group, 0));
		assert_false(reaches(r, own.b, 0) || reaches(r, other, 5));
		virtio_freeze(r->dev);
		state_out_free(&out);
		out = (struct state_out){ .data = NULL };
		virtio_save(r->dev, &out);
	}
	rig_free(r);
	/* Not where the network can do less. */
	r = rig_new(F(VNET_F_GUEST_CSUM), 0);
	assert_string_equal(virtio_load(r->dev, &(struct state){ .fd = -1, .data = out.data,
								.size = out.size }),
			    "the guest uses features that a device does not have here (of a "
			    "network, for one)");
	state_out_free(&out);
	rig_free(r);
}

/* A switch that takes rings, or says that it does. */

static struct {
	char dir[32];
	int listener, conn;
	pthread_t thread;
	uint64_t offers;
	uint64_t features;		/* that the rings were handed over with */
	unsigned int started, stopped, refused;
} box;

static void *box_thread(void *arg UNUSED)
{
	uint64_t features = 0;

	while ((box.conn = accept(box.listener, NULL, NULL)) >= 0) {
		struct vhost_msg msg;
		bool rings = false;

		for (;;) {
			int fds[VHOST_FDS_MAX];
			unsigned int count = VHOST_FDS_MAX;
			ssize_t n = fd_recv(box.conn, vhost_wire(&msg), VHOST_HDR_SIZE, fds,
					    &count);

			for (unsigned int i = 0; n > 0 && i < count; i++)
				close(fds[i]);
			if (n != VHOST_HDR_SIZE || msg.size > VHOST_PAYLOAD_MAX ||
			    (msg.size && recv(box.conn, &msg.u64, msg.size, MSG_WAITALL) !=
			     (ssize_t)msg.size))
				break;
			if (msg.request == VHOST_SET_FEATURES)
				features = msg.u64;
			if (msg.request == VHOST_SET_VRING_KICK) {
				rings = true;
				__atomic_store_n(&box.features, features, __ATOMIC_SEQ_CST);
				__atomic_add_fetch(&box.started, 1, __ATOMIC_SEQ_CST);
			}
			if (msg.request == VHOST_GET_VRING_BASE)
				__atomic_add_fetch(&box.stopped, 1, __ATOMIC_SEQ_CST);
			else if (msg.request == VHOST_GET_FEATURES)
				msg.u64 = box.offers;
			else if (msg.request != VHOST_HELLO)
				continue;
			msg.flags = VHOST_VERSION | VHOST_REPLY;
			msg.size = 8;
			send(box.conn, vhost_wire(&msg), VHOST_HDR_SIZE + 8, MSG_NOSIGNAL);
		}
		if (!rings)
			__atomic_add_fetch(&box.refused, 1, __ATOMIC_SEQ_CST);
		close(box.conn);
	}
	return NULL;
}

static void box_open(uint64_t offers)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	memset(&box, 0, sizeof(box));
	strcpy(box.dir, "/tmp/lanbox-unit.XXXXXX");
	assert_non_null(mkdtemp(box.dir));
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/vhost", box.dir);
	box.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(box.listener, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(box.listener, 8), 0);
	box.offers = offers;
	assert_int_equal(pthread_create(&box.thread, NULL, box_thread, NULL), 0);
}

static void box_close(void)
{
	char path[64];

	shutdown(box.listener, SHUT_RDWR);
	pthread_join(box.thread, NULL);
	close(box.listener);
	snprintf(path, sizeof(path), "%s/vhost", box.dir);
	unlink(path);
	rmdir(box.dir);
}

/* Wait until a counter of the switch's has come to @n. */
static bool box_reaches(struct rig *r, const unsigned int *counter, unsigned int n)
{
	for (int i = 0; i < 2000 && __atomic_load_n(counter, __ATOMIC_SEQ_CST) < n; i++) {
		board_spin(r->vm);
		usleep(1000);
	}
	board_spin(r->vm);
	return __atomic_load_n(counter, __ATOMIC_SEQ_CST) >= n;
}

/* The switch ends, and another one is there that offers this. */
static void box_again(uint64_t offers)
{
	box.offers = offers;
	shutdown(box.conn, SHUT_RDWR);
}

static void rings_away(void **state UNUSED)
{
	const uint64_t basic = F(VIRTIO_F_VERSION_1) | F(VNET_F_MRG_RXBUF) |
			       F(VRING_F_EVENT_IDX) | F(VRING_F_INDIRECT_DESC);
	const uint64_t host = F(VNET_F_CSUM) | F(VNET_F_HOST_TSO4) | F(VNET_F_HOST_TSO6);
	const uint64_t tso = F(VNET_F_GUEST_CSUM) | F(VNET_F_GUEST_TSO4) | F(VNET_F_GUEST_ECN);
	static struct options_nic nic = {
		.netdev = { .sock = box.dir, .shown = "unit", .fast = 1 },
		.off = F(VNET_F_HOST_TSO6),
	};
	const uint64_t want = basic | host | tso, guests = want & ~F(VNET_F_HOST_TSO6);
	const uint64_t ours = F(VIRTIO_NET_F_CTRL_RX) | F(VIRTIO_NET_F_CTRL_VLAN) |
			      F(VIRTIO_NET_F_CTRL_RX_EXTRA);
	uint64_t takes = F(VNET_F_GUEST_CSUM);
	struct rig *r;

	box_open(want);
	r = rig_plug(&nic);
	/* What both can do, and no filters, as frames do not come by. */
	assert_int_equal(board_offered(r->dev) & (basic | OFFLOAD_TAKES | host | F(VNET_F_HOST_USO)), guests);
	assert_int_equal(board_offered(r->dev) & ours, 0);
	drive(r, ALL_FEATURES, 0, 2048);
	assert_true(box_reaches(r, &box.started, 2));
	assert_int_equal(box.features, guests);
	/* Other frames, please: the rings are handed over anew. */
	assert_int_equal(command(r, VIRTIO_NET_CTRL_GUEST_OFFLOADS, 0, &takes, 8), VIRTIO_NET_OK);
	assert_true(box_reaches(r, &box.started, 4));
	assert_int_equal(box.stopped, 2);
	assert_int_equal(box.features, basic | takes | (host & guests));
	assert_int_equal(command(r, VIRTIO_NET_CTRL_GUEST_OFFLOADS, 0, &tso, 8), VIRTIO_NET_OK);
	assert_true(box_reaches(r, &box.started, 6));
	assert_int_equal(box.features, guests);
	/* The next one finishes all it gives, and that is well. */
	box_again(basic | host);
	assert_true(box_reaches(r, &box.started, 8));
	assert_int_equal(box.features, guests & ~tso);
	/* One that does not understand big frames gets no rings. */
	box.refused = 0;
	box_again(basic | tso | F(VNET_F_CSUM));
	assert_true(box_reaches(r, &box.refused, 3));
	assert_int_equal(box.started, 8);
	/* But the next one that does. */
	box_again(want);
	assert_true(box_reaches(r, &box.started, 10));
	assert_int_equal(box.features, guests);
	/* A guest that does not use them does not mind. */
	drive(r, basic, 0, 2048);
	assert_true(box_reaches(r, &box.started, 12));
	assert_int_equal(box.features, basic);
	box_again(basic);
	assert_true(box_reaches(r, &box.started, 14));
	/* The same switch, and a driver that wants more than it has. */
	board_set(r->dev, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	box.refused = 0;
	drive(r, ALL_FEATURES, 0, 2048);
	assert_true(box_reaches(r, &box.refused, 1));
	assert_int_equal(box.started, 14);
	rig_free(r);
	box_close();
}

/* All queues have one interrupt, which is not the configuration's. */
static void one_interrupt(void **state UNUSED)
{
	struct rig *r = rig_new(OFFLOAD_TAKES, 0);

	drive(r, ALL_FEATURES, 0, 2048);
	assert_int_equal(r->dev->pci.vectors, 2);
	board_set(r->dev, VIRTIO_PCI_COMMON_MSIX, 2, 0);
	assert_int_equal(board_get(r->dev, VIRTIO_PCI_COMMON_MSIX, 2), 0);
	for (unsigned int q = 0; q < QUEUES; q++) {
		board_set(r->dev, VIRTIO_PCI_COMMON_Q_SELECT, 2, q);
		board_set(r->dev, VIRTIO_PCI_COMMON_Q_MSIX, 2, 2);
		assert_int_equal(board_get(r->dev, VIRTIO_PCI_COMMON_Q_MSIX, 2), PCI_NO_VECTOR);
		board_set(r->dev, VIRTIO_PCI_COMMON_Q_MSIX, 2, 1);
		assert_int_equal(board_get(r->dev, VIRTIO_PCI_COMMON_Q_MSIX, 2), 1);
	}
	rig_free(r);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(one_interrupt),
	cmocka_unit_test(offers),
	cmocka_unit_test(big_frames_out),
	cmocka_unit_test(big_frames_finished),
	cmocka_unit_test(hostile_headers),
	cmocka_unit_test(big_frames_in),
	cmocka_unit_test(direct_in),
	cmocka_unit_test(finished_in),
	cmocka_unit_test(filters),
	cmocka_unit_test(guest_offloads),
	cmocka_unit_test(broken_rings),
	cmocka_unit_test(frozen),
	cmocka_unit_test(saved),
	cmocka_unit_test(rings_away),
};

UNIT_MAIN(tests)
