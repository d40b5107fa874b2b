/* SPDX-License-Identifier: BSD-2-Clause */
/* segments.c - Big frames through the Linux kernel, which cuts them, and through ours
 *
 *   segments [--bent] IN OUT COUNT SEED
 *
 * IN and OUT are taps behind one bridge that forwards everything; IN has a virtio-net
 * header. Each random frame (tests/gso.h) is written into IN. OUT takes no offloads, so
 * the kernel must cut what it passes on, and finish checksums. What comes out must be,
 * byte by byte, what lib/offload.h makes of the same frame. After each frame a fence
 * goes the same way, so nobody waits for what does not come.
 *
 * With --bent some bytes of headers are changed first. Whatever we then accept and
 * would pass on to a host, the kernel has to accept as well, and make the same of it.
 * What we refuse is not sent.
 */
#include "config.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "lib/offload.h"
#include "tests/gso.h"
#include "tests/integration/tool.h"

enum { FENCE_SIZE = 64, PATIENCE_MS = 10000, SEGS_MAX = 5000 };

static struct gso_frame frame;
static uint8_t got[GSO_FRAME_MAX], want[GSO_FRAME_MAX];

static int tap_open(const char *name, int flags)
{
	struct ifreq ifr = { .ifr_flags = (short)(IFF_TAP | IFF_NO_PI | flags) };
	int size = VNET_HDR_SIZE, fd;

	if (strlen(name) >= IFNAMSIZ)
		die(TOOL_BROKEN, "'%s' is not the name of a tap", name);
	memcpy(ifr.ifr_name, name, strlen(name) + 1);
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0)
		die(TOOL_BROKEN, "%s: %s", name, strerror(errno));
	if (flags & IFF_VNET_HDR && ioctl(fd, TUNSETVNETHDRSZ, &size) < 0)
		die(TOOL_BROKEN, "%s: TUNSETVNETHDRSZ: %s", name, strerror(errno));
	return fd;
}

/* Read a frame that comes from us; the kernel's own ones pass by. Return: its size */
static size_t next(int fd)
{
	ssize_t n;

	do {
		if (!readable(fd, PATIENCE_MS))
			die(TOOL_FAILED, "no frame came within %d ms", PATIENCE_MS);
		n = read(fd, got, sizeof(got));
		if (n < 0)
			die(TOOL_BROKEN, "reading: %s", strerror(errno));
	} while (n < 14 || memcmp(got + 6, frame.data + 6, 6) != 0);
	return (size_t)n;
}

static bool is_fence(size_t size)
{
	return size == FENCE_SIZE && got[12] == 0x88 && got[13] == 0xb5;
}

/* Print the frame's header, and the first bytes of both versions of a segment. */
static void show(size_t size, size_t want_size)
{
	const uint8_t *hdr = (const uint8_t *)&frame.hdr;

	printf("%u segments for a frame of %zu bytes, header", frame.segs, frame.size);
	for (size_t i = 0; i < sizeof(frame.hdr); i++)
		printf(" %02x", hdr[i]);
	printf("\n  at bent kernel ours\n");
	for (size_t i = 0; i < MAX(MIN(size, want_size), frame.hdr_len + 4); i++) {
		if (i < frame.hdr_len + 4 || got[i] != want[i])
			printf("%4zu   %02x     %02x   %02x%s\n", i, frame.data[i], got[i], want[i],
			       got[i] == want[i] ? "" : " !");
	}
}

static NORETURN void differ(const char *what, unsigned int seg, size_t size, size_t want_size)
{
	show(size, want_size);
	die(TOOL_FAILED, "segment %u, %zu bytes, ours has %zu: %s", seg, size, want_size, what);
}

static void put(int fd, struct vnet_hdr hdr, const void *data, size_t size)
{
	struct iovec iov[2] = {
		{ &hdr, sizeof(hdr) },
		{ (void *)(uintptr_t)data, size },
	};

	if (writev(fd, iov, 2) != (ssize_t)(sizeof(hdr) + size)) {
		show(0, 0);
		die(TOOL_FAILED, "the kernel refuses a frame of %zu bytes: %s", size,
		    strerror(errno));
	}
}

/* Until the bridge sees that a tap is there, which may take a second, nothing passes. */
static void wait_for_bridge(int in, int out)
{
	static const uint8_t hello[FENCE_SIZE] = {
		2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb6,
	};
	struct vnet_hdr plain = { .num_buffers = le16(1) };

	for (int tries = 0; tries < PATIENCE_MS / 50; tries++) {
		put(in, plain, hello, sizeof(hello));
		while (readable(out, 50)) {
			if (read(out, got, sizeof(got)) > 0 && !memcmp(got, hello, 14))
				return;
		}
	}
	die(TOOL_BROKEN, "nothing passes the bridge");
}

/* What the kernel sends next must be the @size bytes in want. */
static void expect(int fd, unsigned int seg, size_t size)
{
	size_t n = next(fd);

	if (is_fence(n))
		differ("the kernel made fewer", seg, n, size);
	if (n != size)
		differ("another size", seg, n, size);
	if (memcmp(got, want, size) != 0)
		differ("other bytes", seg, n, size);
}

/* Change some bytes of the headers, theirs or ours. Addresses stay, they are the bridge's. */
static void bend(uint64_t *seed)
{
	uint8_t *hdr = (uint8_t *)&frame.hdr;

	for (uint32_t n = 1 + gso_rand(seed, 3); n; n--) {
		uint32_t in_hdr = gso_rand(seed, 2), where = gso_rand(seed, 10);
		uint8_t *p = &hdr[where];

		if (!in_hdr)
			p = &frame.data[12 + gso_rand(seed, (uint32_t)frame.hdr_len - 12)];
		*p = (uint8_t)(gso_rand(seed, 2) ? gso_rand(seed, 256) :
						   *p ^ 1U << gso_rand(seed, 8));
	}
}

/* Return: whether it was sent */
static bool one_frame(int in, int out, uint64_t *seed, bool bent)
{
	struct vnet_hdr plain = { .num_buffers = le16(1) };
	uint8_t fence[FENCE_SIZE] = { 0 };
	struct offload o;
	size_t head_size;

	if (bent)
		bend(seed);
	head_size = MIN(frame.size, (size_t)OFFLOAD_HEAD_MAX);
	if (offload_parse(&o, &frame.hdr, frame.data, head_size, frame.size) ||
	    !offload_fits(UINT64_MAX, &o)) {
		if (!bent)
			die(TOOL_FAILED, "a frame was refused");
		return false;
	}
	put(in, offload_hdr(&o, UINT64_MAX), frame.data, frame.size);
	memcpy(fence, frame.data, 12);
	fence[12] = 0x88;
	fence[13] = 0xb5;
	put(in, plain, fence, sizeof(fence));

	if (o.segs > 1) {
		struct iovec rest = { frame.data + head_size, frame.size - head_size }, iov[3];
		uint8_t headers[OFFLOAD_HEAD_MAX];
		struct offload_cut cut;
		int n;

		offload_cut_start(&cut, &o, frame.data, &rest, 1, 0);
		while ((n = offload_segment(&cut, headers, iov, 3)) > 0) {
			size_t size = 0;

			for (int i = 0; i < n; size += iov[i++].iov_len)
				memcpy(want + size, iov[i].iov_base, iov[i].iov_len);
			expect(out, cut.seg - 1, size);
		}
		if (n < 0)
			die(TOOL_FAILED, "our segmentation ends with %d", n);
	} else {
		struct iovec rest;

		memcpy(want, frame.data, frame.size);
		rest = (struct iovec){ want + head_size, frame.size - head_size };
		offload_csum(&o, want, &rest, 1);
		expect(out, 0, frame.size);
	}
	head_size = next(out);
	if (!is_fence(head_size))
		differ("the kernel made more", o.segs, head_size, FENCE_SIZE);
	return true;
}

int main(int argc, char **argv)
{
	bool bent = argc > 1 && !strcmp(argv[1], "--bent");
	unsigned long count, sent = 0, segs = 0, kinds[2][2] = { { 0 } };
	uint64_t seed;
	int in, out;

	argc -= bent;
	argv += bent;
	if (argc != 5)
		die(TOOL_BROKEN, "usage: segments [--bent] IN OUT COUNT SEED");
	count = number("count", argv[3], 1000000000);
	seed = number("seed", argv[4], UINT64_MAX);
	watchdog(300);
	in = tap_open(argv[1], IFF_VNET_HDR);
	out = tap_open(argv[2], 0);
	wait_for_bridge(in, out);
	for (unsigned long i = 0; i < count; i++) {
		const struct gso_limits want_frames = {
			.segs_max = SEGS_MAX,
			.udp_segs_max = OFFLOAD_UDP_MAX,
			.csum_only = i % 4 == 0,
		};

		gso_random(&frame, &seed, &want_frames);
		if (one_frame(in, out, &seed, bent)) {
			sent++;
			segs += frame.segs;
			kinds[frame.ipv6][frame.tcp]++;
		}
	}
	printf("%lu frames of %lu sent, %lu segments; TCP4 %lu, TCP6 %lu, UDP4 %lu, UDP6 %lu\n",
	       sent, count, segs, kinds[0][1], kinds[1][1], kinds[0][0], kinds[1][0]);
	return sent ? TOOL_OK : TOOL_FAILED;
}
