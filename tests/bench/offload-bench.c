/* SPDX-License-Identifier: BSD-2-Clause */
/* offload-bench.c - How fast checksums are, and cutting frames of 64 KiB
 *
 *   offload-bench [SECONDS]
 *
 * Each measurement takes SECONDS (0.3) and is the best of five parts of it. Data comes
 * from the caches: 32 frames, two megabytes, as frames do that a guest has just
 * written. Beside ours stands memcpy() of the same bytes, which is what moving them
 * costs anyway. Prints one line of name=value for each measurement.
 */
#include "config.h"

#include <stdio.h>

#include "lib/csum.h"
#include "lib/offload.h"
#include "tests/gso.h"
#include "tests/integration/tool.h"

enum { FRAMES = 32, PARTS = 5, MSS = 1448, HEAD_SIZE = 256 };

static struct gso_frame frame[FRAMES];
static uint8_t copy[GSO_FRAME_MAX], headers[HEAD_SIZE];
static volatile uint64_t sink;

/* Work on a frame, or on its first @size bytes. Return: bytes worked on */
typedef size_t work_fn(struct gso_frame *f, size_t size);

static size_t work_plain(struct gso_frame *f, size_t size)
{
	sink += csum_add_plain(0, f->data, size);
	return size;
}

static size_t work_csum(struct gso_frame *f, size_t size)
{
	sink += csum_add(0, f->data, size);
	return size;
}

static size_t work_copy(struct gso_frame *f, size_t size)
{
	memcpy(copy, f->data, size);
	sink += copy[size - 1];
	return size;
}

static size_t work_parse(struct gso_frame *f, size_t size)
{
	struct offload o;

	if (offload_parse(&o, &f->hdr, f->data, HEAD_SIZE, f->size))
		die(TOOL_FAILED, "a frame was refused");
	sink += o.needs;
	return size;
}

static void cut(struct gso_frame *f, uint64_t features, bool copied)
{
	struct iovec rest = { f->data + HEAD_SIZE, f->size - HEAD_SIZE }, iov[3];
	struct offload_cut state;
	struct offload o;
	int n;

	if (offload_parse(&o, &f->hdr, f->data, HEAD_SIZE, f->size))
		die(TOOL_FAILED, "a frame was refused");
	offload_cut_start(&state, &o, f->data, &rest, 1, features);
	while ((n = offload_segment(&state, headers, iov, 3)) > 0) {
		uint8_t *p = copy;

		for (int i = 0; copied && i < n; p += iov[i++].iov_len)
			memcpy(p, iov[i].iov_base, iov[i].iov_len);
		sink += headers[40];
	}
}

static size_t work_cut(struct gso_frame *f, size_t size)
{
	(void)size;
	cut(f, 0, false);
	return f->size;
}

static size_t work_cut_partial(struct gso_frame *f, size_t size)
{
	(void)size;
	cut(f, OFFLOAD_F(VNET_F_GUEST_CSUM), false);
	return f->size;
}

static size_t work_cut_copy(struct gso_frame *f, size_t size)
{
	(void)size;
	cut(f, 0, true);
	return f->size;
}

static void measure(const char *name, work_fn *work, size_t size, double seconds)
{
	double best = 0, frames = 0;

	for (int part = 0; part < PARTS; part++) {
		uint64_t start = now_ns(), took, bytes = 0, n = 0;

		do {
			for (int i = 0; i < FRAMES; i++, n++)
				bytes += work(&frame[i], size);
			took = now_ns() - start;
		} while ((double)took < seconds / PARTS * 1e9);
		if ((double)bytes / (double)took > best) {
			best = (double)bytes / (double)took;
			frames = (double)n * 1e3 / (double)took;
		}
	}
	printf("what=%s bytes=%zu GB_per_s=%.2f M_per_s=%.4f\n", name, size, best, frames);
}

/* A frame of TCP that is cut into segments of MSS bytes. */
static void make(struct gso_frame *f, uint64_t *seed)
{
	do
		gso_random(f, seed, &(struct gso_limits){ .no_vlan = true });
	while (!f->tcp || f->ipv6 || f->hdr_len != 14 + 20 + 32);
	gso_fill(seed, f->data + f->hdr_len, 45 * MSS);
	f->size = f->hdr_len + 45 * MSS;
	f->gso_size = MSS;
	f->hdr.gso_size = le16(MSS);
	gso_finish(f);
}

int main(int argc, char **argv)
{
	static const size_t sizes[] = { 20, 64, 128, 256, 512, 1448, 9000, 65160 };
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 0.3;
	uint64_t seed = 1;

	if (argc > 2 || seconds <= 0)
		die(TOOL_BROKEN, "usage: offload-bench [SECONDS]");
	for (int i = 0; i < FRAMES; i++)
		make(&frame[i], &seed);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		measure("csum_plain", work_plain, sizes[i], seconds);
		measure("csum", work_csum, sizes[i], seconds);
		measure("memcpy", work_copy, sizes[i], seconds);
	}
	measure("parse", work_parse, HEAD_SIZE, seconds);
	measure("cut", work_cut, frame[0].size, seconds);
	measure("cut_partial", work_cut_partial, frame[0].size, seconds);
	measure("cut_and_copy", work_cut_copy, frame[0].size, seconds);
	return TOOL_OK;
}
