/* SPDX-License-Identifier: BSD-2-Clause */
/* test-offload.c - checksums, headers of offloads, segments; see also tests/gso.h */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/csum.h"
#include "lib/offload.h"
#include "tests/gso.h"

enum { ROUNDS = 3000, PIECES = 40 };

static const struct gso_limits any = { 0 };

/* RFC 1071, section 3: the sum of 00 01 f2 03 f4 f5 f6 f7 is ddf2. */
static void csum_example(void **state UNUSED)
{
	static const uint8_t bytes[] = { 0, 1, 0xf2, 3, 0xf4, 0xf5, 0xf6, 0xf7 };

	assert_int_equal(be16_get(csum_fold(csum_add(0, bytes, 8))), 0xddf2);
	assert_int_equal(be16_get(csum_finish(csum_add(0, bytes, 8))), 0x220d);
	assert_int_equal(be16_get(csum_fold(0)), 0);
	assert_int_equal(be16_get(csum_finish(csum_add(0, "\0\0", 2))), 0xffff);
}

/* Each length at each alignment, of bytes where carries abound, by both ways. */
static void csum_lengths(void **state UNUSED)
{
	uint8_t *all = malloc(4096 + 64);
	uint64_t seed = 1;

	assert_non_null(all);
	for (int kind = 0; kind < 3; kind++) {
		gso_fill(&seed, all, 4096 + 64);
		for (int i = 0; kind && i < 4096 + 64; i++)
			all[i] = kind == 1 ? 0xff : (uint8_t)(all[i] | 0xf0);
		for (size_t size = 0; size < 1100; size++) {
			for (size_t at = 0; at < 64; at += 1 + at % 7 + size / 300) {
				uint32_t want = gso_sum(0x1234, all + at, size);
				uint64_t sum = csum_be16(0, be16(0x1234));

				assert_int_equal(be16_get(csum_fold(csum_add(sum, all + at, size))),
						 want);
				sum = csum_add_plain(sum, all + at, size);
				assert_int_equal(be16_get(csum_fold(sum)), want);
			}
		}
	}
	free(all);
}

/* 4 GiB of ones in all, as sums of sums: no carry gets lost. */
static void csum_carries(void **state UNUSED)
{
	static uint8_t ones[65536];
	uint64_t sum = 0;

	memset(ones, 0xff, sizeof(ones));
	for (int i = 0; i < 65536; i++)
		sum = i % 64 ? csum_plus(sum, sum) : csum_add(sum, ones, sizeof(ones));
	assert_int_equal(be16_get(csum_fold(sum)), 0xffff);
	assert_int_equal(be16_get(csum_fold(csum_be16(sum, be16(1)))), 1);
	assert_int_equal(be16_get(csum_fold(csum_be16(UINT64_MAX, be16(5)))), 5);
}

/* Cut @size bytes at @data into pieces at random, empty ones too. Return: how many */
static unsigned int pieces(uint64_t *seed, struct iovec *iov, uint8_t *data, size_t size)
{
	unsigned int n = 0;

	while (size && n < PIECES - 1) {
		size_t len = gso_rand(seed, 4) ? gso_rand(seed, (uint32_t)size + 1) :
						 gso_rand(seed, (uint32_t)MIN(size, (size_t)9) + 1);

		iov[n++] = (struct iovec){ data, len };
		data += len;
		size -= len;
	}
	iov[n++] = (struct iovec){ data, size };
	return n;
}

static void csum_pieces(void **state UNUSED)
{
	struct iovec iov[PIECES];
	uint64_t seed = 2;
	uint8_t all[3000];

	gso_fill(&seed, all, sizeof(all));
	for (int i = 0; i < ROUNDS; i++) {
		unsigned int n = pieces(&seed, iov, all, gso_rand(&seed, sizeof(all)));
		size_t have = 0, off, size;

		for (unsigned int k = 0; k < n; k++)
			have += iov[k].iov_len;
		off = gso_rand(&seed, (uint32_t)have + 2);
		size = gso_rand(&seed, (uint32_t)have + 2);
		have = off > have ? 0 : MIN(have - off, size);
		assert_int_equal(be16_get(csum_fold(csum_iov(0, iov, n, off, size))),
				 gso_sum(0, all + off, have));
	}
}

static void csum_updates(void **state UNUSED)
{
	uint64_t seed = 3;
	uint8_t p[20];

	for (int i = 0; i < 100000; i++) {
		size_t at = 2 * gso_rand(&seed, 10);
		struct be16 check, before, after;

		gso_fill(&seed, p, sizeof(p));
		if (i % 8 == 0)		/* sums of 0 and of ffff */
			gso_put16(p, 0), gso_put16(p, ~gso_sum(0, p, sizeof(p)) & 0xffff);
		check = csum_finish(csum_add(0, p, sizeof(p)));
		memcpy(&before, p + at, 2);
		gso_put16(p + at, i % 3 ? gso_rand(&seed, 65536) : 0xffffU * (i & 1));
		memcpy(&after, p + at, 2);
		assert_int_equal(be16_get(csum_update(check, before, after)),
				 ~gso_sum(0, p, sizeof(p)) & 0xffff);
	}
}

/* A copy of a frame: the head in a block of its own, the rest in pieces of their own size. */
struct copy {
	uint8_t *head, *rest;
	size_t head_size;
	struct iovec iov[PIECES];
	unsigned int cnt;
};

static void copy_frame(struct copy *c, uint64_t *seed, const struct gso_frame *f)
{
	c->head_size = OFFLOAD_HEAD_MAX + (gso_rand(seed, 2) ? gso_rand(seed, 2000) : 0);
	c->head_size = MIN(c->head_size, f->size);
	c->head = malloc(c->head_size);
	c->rest = malloc(f->size - c->head_size + 1);
	assert_non_null(c->head);
	assert_non_null(c->rest);
	memcpy(c->head, f->data, c->head_size);
	memcpy(c->rest, f->data + c->head_size, f->size - c->head_size);
	c->cnt = pieces(seed, c->iov, c->rest, f->size - c->head_size);
}

static void copy_free(struct copy *c)
{
	free(c->head);
	free(c->rest);
}

static size_t gather(uint8_t *out, const struct iovec *iov, int n)
{
	size_t size = 0;

	for (int i = 0; i < n; i++) {
		memcpy(out + size, iov[i].iov_base, iov[i].iov_len);
		size += iov[i].iov_len;
	}
	return size;
}

static struct gso_frame frame;
static uint8_t want[GSO_FRAME_MAX], got[GSO_FRAME_MAX];

/* One frame against the reference; with @partial the receiver completes the sums. */
static void cut_one(uint64_t *seed, bool partial)
{
	struct iovec iov[PIECES + 2];
	struct offload_cut cut;
	unsigned int seg = 0;
	struct offload o;
	struct copy c;
	uint8_t *buf;
	int n;

	copy_frame(&c, seed, &frame);
	frame.hdr.hdr_len = le16((uint16_t)gso_rand(seed, 65536));
	assert_int_equal(offload_parse(&o, &frame.hdr, c.head, c.head_size, frame.size), 0);
	assert_int_equal(o.l3, frame.l3);
	assert_int_equal(o.l4, frame.l4);
	assert_int_equal(o.hdr_len, frame.hdr_len);
	assert_int_equal(o.proto, frame.tcp ? 6 : 17);
	assert_int_equal(o.segs, frame.segs);
	assert_true(o.ipv6 == frame.ipv6);
	assert_true(o.needs == gso_needs(&frame));
	buf = malloc(o.hdr_len);
	assert_non_null(buf);
	if (o.segs > 1)
		offload_cut_start(&cut, &o, c.head, c.iov, c.cnt,
				  partial ? OFFLOAD_F(VNET_F_GUEST_CSUM) : 0);
	while (o.segs > 1 && (n = offload_segment(&cut, buf, iov, c.cnt + 2)) != 0) {
		size_t size = gso_reference(&frame, seg++, want), field = gso_field(&frame);

		assert_true(n > 0 && (unsigned int)n <= c.cnt + 2);
		assert_int_equal(cut.size, size);
		assert_int_equal(gather(got, iov, n), size);
		assert_ptr_equal(iov[0].iov_base, buf);
		assert_int_equal(cut.hdr.flags, partial ? VNET_HDR_NEEDS_CSUM : 0);
		assert_int_equal(cut.hdr.gso_type, VNET_GSO_NONE);
		assert_int_equal(le16_get(cut.hdr.num_buffers), 1);
		if (partial) {
			assert_int_equal(le16_get(cut.hdr.csum_start), frame.l4);
			assert_int_equal(le16_get(cut.hdr.csum_offset), field - frame.l4);
			gso_put16(got + field, ~gso_sum(0, got + frame.l4, size - frame.l4));
			if (!frame.tcp && !gso_get16(got + field))
				gso_put16(got + field, 0xffff);
		}
		assert_memory_equal(got, want, size);
	}
	if (o.segs == 1) {
		frame.gso_size = (unsigned int)frame.size;
		gso_reference(&frame, 0, want);
		offload_csum(&o, c.head, c.iov, c.cnt);
		assert_true(!o.needs);
		memcpy(got, c.head, c.head_size);
		gather(got + c.head_size, c.iov, (int)c.cnt);
		assert_memory_equal(got, want, frame.size);
	} else {
		assert_int_equal(seg, frame.segs);
	}
	free(buf);
	copy_free(&c);
}

static void segments(void **state UNUSED)
{
	unsigned int most = 0;
	uint64_t seed = 4;

	for (int i = 0; i < ROUNDS; i++) {
		gso_random(&frame, &seed, &any);
		most = MAX(most, frame.segs);
		cut_one(&seed, i % 4 == 0);
	}
	assert_true(most > 4000);
}

static void sums_only(void **state UNUSED)
{
	const struct gso_limits csum = { .csum_only = true };
	uint64_t seed = 5;

	for (int i = 0; i < ROUNDS; i++) {
		gso_random(&frame, &seed, &csum);
		frame.segs = 1;
		cut_one(&seed, false);
	}
}

/* Payload whose sum is 0: UDP writes ffff, for 0 means none. */
static void sum_of_zero(void **state UNUSED)
{
	const struct gso_limits csum = { .csum_only = true, .gso_min = 100 };
	uint64_t seed = 6;
	int seen = 0;

	while (seen < 20) {
		struct iovec none = { NULL, 0 };
		struct offload o;

		gso_random(&frame, &seed, &csum);
		if (frame.tcp || frame.size < frame.hdr_len + 2)
			continue;
		gso_put16(frame.data + frame.hdr_len, 0);
		gso_put16(frame.data + frame.hdr_len,
			  ~gso_sum(0, frame.data + frame.l4, frame.size - frame.l4));
		assert_int_equal(offload_parse(&o, &frame.hdr, frame.data, frame.size,
					       frame.size), 0);
		offload_csum(&o, frame.data, &none, 1);
		assert_int_equal(gso_get16(frame.data + gso_field(&frame)), 0xffff);
		seen++;
	}
}

/* What follows the IP packet in a frame is no part of the sum. */
static void padding(void **state UNUSED)
{
	const struct gso_limits csum = { .csum_only = true };
	struct iovec none = { NULL, 0 };
	uint64_t seed = 7;

	for (int i = 0; i < 100; i++) {
		struct offload o;
		size_t size;

		gso_random(&frame, &seed, &csum);
		frame.gso_size = (unsigned int)frame.size;
		frame.segs = 1;
		size = gso_reference(&frame, 0, want);
		gso_fill(&seed, frame.data + size, 5);
		assert_int_equal(offload_parse(&o, &frame.hdr, frame.data, size + 5, size + 5), 0);
		assert_false(offload_fits(UINT64_MAX, &o));
		offload_csum(&o, frame.data, &none, 1);
		assert_memory_equal(frame.data, want, size);
	}
}

/* A sum that is no plain one of TCP or UDP: as the header says, and by nobody else. */
static void sums_elsewhere(void **state UNUSED)
{
	struct vnet_hdr hdr = { .flags = VNET_HDR_NEEDS_CSUM };
	uint8_t rest[700], head[OFFLOAD_HEAD_MAX];
	struct iovec iov[PIECES];
	uint64_t seed = 8;

	for (int i = 0; i < ROUNDS; i++) {
		size_t start = 14 + gso_rand(&seed, 240), cnt;
		size_t field = start + gso_rand(&seed, (uint32_t)(255 - start));
		struct offload o;

		gso_fill(&seed, head, sizeof(head));
		gso_fill(&seed, rest, sizeof(rest));
		gso_put16(head + 12, 0x88b5);	/* for experiments */
		memcpy(want, head, sizeof(head));
		memcpy(want + sizeof(head), rest, sizeof(rest));
		cnt = pieces(&seed, iov, rest, sizeof(rest));
		hdr.csum_start = le16((uint16_t)start);
		hdr.csum_offset = le16((uint16_t)(field - start));
		assert_int_equal(offload_parse(&o, &hdr, head, 256, 956), 0);
		assert_false(offload_fits(UINT64_MAX, &o));
		assert_int_equal(o.proto, 0);
		offload_csum(&o, head, iov, (unsigned int)cnt);
		gso_put16(want + field, ~gso_sum(0, want + start, 956 - start));
		if (!gso_get16(want + field))
			gso_put16(want + field, 0xffff);
		assert_memory_equal(head, want, sizeof(head));
		assert_true(offload_fits(0, &o));
	}
}

/* The header for a receiver says what is true, whatever the sender's said. */
static void headers(void **state UNUSED)
{
	uint64_t seed = 9;

	for (int i = 0; i < 300; i++) {
		struct vnet_hdr hdr, out;
		struct offload o, moved;

		gso_random(&frame, &seed, &any);
		if (frame.segs == 1)
			continue;
		hdr = frame.hdr;
		hdr.hdr_len = le16((uint16_t)gso_rand(&seed, 65536));
		hdr.flags |= VNET_HDR_DATA_VALID | 0xf8;
		hdr.num_buffers = le16(77);
		assert_int_equal(offload_parse(&o, &hdr, frame.data, frame.size, frame.size), 0);
		assert_true(offload_fits(UINT64_MAX, &o) == (frame.tcp || frame.segs <= 128));
		assert_true(offload_fits(gso_needs(&frame), &o) == (frame.tcp || frame.segs <= 128));
		for (int bit = 0; bit < 64; bit++) {
			if (o.needs >> bit & 1)
				assert_false(offload_fits(~OFFLOAD_F(bit), &o));
		}
		out = offload_hdr(&o, UINT64_MAX);
		frame.hdr.num_buffers = le16(1);
		assert_memory_equal(&out, &frame.hdr, sizeof(out));

		/* One more tag: everything is four bytes later. */
		moved = o;
		offload_moved(&moved, 4);
		memmove(frame.data + 16, frame.data + 12, MIN(frame.size, (size_t)65530) - 12);
		gso_put16(frame.data + 12, 0x8100);
		if (frame.l3 == 22)
			assert_false(offload_fits(UINT64_MAX, &moved));
		if (frame.l3 < 22 && frame.size < 65530) {
			hdr.csum_start = le16((uint16_t)(frame.l4 + 4));
			assert_int_equal(offload_parse(&o, &hdr, frame.data, frame.size + 4,
						       frame.size + 4), 0);
			assert_memory_equal(&o, &moved, sizeof(o));
			offload_moved(&o, -4);
			assert_int_equal(o.l4, frame.l4);
		}
	}
}

/* Who may skip the check of sums: only whom the caller vouches for. */
static void valid(void **state UNUSED)
{
	struct vnet_hdr hdr = { .flags = VNET_HDR_DATA_VALID }, out;
	uint8_t data[64] = { 0 };
	struct offload o;

	assert_int_equal(offload_parse(&o, &hdr, data, 64, 64), 0);
	assert_true(!o.needs && !o.valid && o.segs == 1);
	out = offload_hdr(&o, UINT64_MAX);
	assert_int_equal(out.flags, 0);
	o.valid = true;
	out = offload_hdr(&o, UINT64_MAX);
	assert_int_equal(out.flags, VNET_HDR_DATA_VALID);
	out = offload_hdr(&o, 0);
	assert_int_equal(out.flags, 0);
}

/* A frame of IPv4 with TCP, 3000 bytes of payload, for 1000 each. */
static void plain_frame(struct gso_frame *f, bool tcp)
{
	uint64_t seed = 10;

	do
		gso_random(f, &seed, &(struct gso_limits){ .no_vlan = true });
	while (f->ipv6 || f->tcp != tcp || f->l4 != 34 || f->size < f->hdr_len + 3000 ||
	       f->hdr.gso_type & VNET_GSO_ECN);
	f->size = f->hdr_len + 3000;
	f->hdr.gso_size = le16(1000);
	gso_finish(f);
}

static enum offload_error try(const struct gso_frame *f, size_t head, size_t size)
{
	uint8_t *exact = malloc(head ? head : 1);
	enum offload_error ret;
	struct offload o;

	assert_non_null(exact);
	memcpy(exact, f->data, head);
	ret = offload_parse(&o, &f->hdr, exact, head, size);
	free(exact);
	return ret;
}

#define REFUSED(change, why) do { \
		plain_frame(f, tcp); \
		change; \
		assert_int_equal(try(f, OFFLOAD_HEAD_MAX, f->size), why); \
		assert_non_null(offload_error_name(why)); \
	} while (0)

static void refused(void **state UNUSED)
{
	struct gso_frame *f = &frame;
	uint8_t *d = f->data;
	bool tcp = true;

	REFUSED(, OFFLOAD_OK);
	REFUSED(f->hdr.gso_size = le16(8), OFFLOAD_OK);
	REFUSED(f->hdr.gso_size = le16(65535), OFFLOAD_OK);
	REFUSED(f->hdr.gso_size = le16(7), OFFLOAD_BAD_SIZE);
	REFUSED(f->hdr.gso_size = le16(0), OFFLOAD_BAD_SIZE);
	REFUSED(f->hdr.gso_type = VNET_GSO_UFO, OFFLOAD_BAD_TYPE);
	REFUSED(f->hdr.gso_type = 2, OFFLOAD_BAD_TYPE);
	REFUSED(f->hdr.gso_type = 6, OFFLOAD_BAD_TYPE);
	REFUSED(f->hdr.gso_type = 0x7f, OFFLOAD_BAD_TYPE);
	REFUSED(f->hdr.gso_type = VNET_GSO_ECN, OFFLOAD_BAD_TYPE);
	REFUSED(f->hdr.gso_type = VNET_GSO_ECN | VNET_GSO_UDP_L4, OFFLOAD_BAD_TYPE);
	REFUSED(f->hdr.gso_type = VNET_GSO_TCPV6, OFFLOAD_BAD_PROTO);
	REFUSED(f->hdr.gso_type = VNET_GSO_UDP_L4, OFFLOAD_BAD_PROTO);
	REFUSED(f->hdr.flags = 0, OFFLOAD_NO_CSUM);
	REFUSED(f->hdr.flags = VNET_HDR_DATA_VALID, OFFLOAD_NO_CSUM);
	REFUSED(f->hdr.csum_start = le16(35), OFFLOAD_NO_CSUM);
	REFUSED(f->hdr.csum_offset = le16(14), OFFLOAD_NO_CSUM);
	REFUSED(f->hdr.csum_start = le16(13), OFFLOAD_BAD_CSUM);
	REFUSED(f->hdr.csum_start = le16(0), OFFLOAD_BAD_CSUM);
	REFUSED(f->hdr.csum_start = le16(65535), OFFLOAD_BAD_CSUM);
	REFUSED(f->hdr.csum_offset = le16(65535), OFFLOAD_BAD_CSUM);
	REFUSED(f->hdr.csum_offset = le16(65520), OFFLOAD_BAD_CSUM);
	REFUSED(f->hdr.csum_offset = le16(256 - 34 - 1), OFFLOAD_BAD_CSUM);
	REFUSED(d[14] = 0x65, OFFLOAD_BAD_HEADERS);
	REFUSED(d[14] = 0x44, OFFLOAD_BAD_HEADERS);
	REFUSED(d[46] = 0x4f, OFFLOAD_BAD_HEADERS);
	REFUSED(d[20] = 0x20, OFFLOAD_FRAGMENT);
	REFUSED(d[21] = 1, OFFLOAD_FRAGMENT);
	REFUSED(d[23] = 4, OFFLOAD_BAD_PROTO);
	REFUSED(d[23] = 17, OFFLOAD_BAD_PROTO);
	REFUSED(d[12] = 9, OFFLOAD_BAD_PROTO);
	REFUSED(f->size++, OFFLOAD_BAD_LENGTH);
	REFUSED(f->size--, OFFLOAD_BAD_LENGTH);
	REFUSED(gso_put16(d + 16, 0), OFFLOAD_BAD_LENGTH);
	REFUSED(gso_put16(d + 16, 65535), OFFLOAD_BAD_LENGTH);

	tcp = false;
	REFUSED(, OFFLOAD_OK);
	REFUSED(f->hdr.gso_size = le16(1), OFFLOAD_OK);
	REFUSED(d[39]++, OFFLOAD_BAD_LENGTH);
	REFUSED(f->hdr.csum_offset = le16(16), OFFLOAD_NO_CSUM);

	/* Of UDP, Linux takes 128 segments and no more. */
	for (unsigned int segs = 128; segs < 130; segs++) {
		struct offload o;

		plain_frame(f, false);
		f->hdr.gso_size = le16(2);
		f->size = f->hdr_len + 2 * (size_t)segs - 1;
		gso_finish(f);
		assert_int_equal(offload_parse(&o, &f->hdr, d, 256, f->size), OFFLOAD_OK);
		assert_int_equal(o.segs, segs);
		assert_true(offload_fits(UINT64_MAX, &o) == (segs == 128));
	}

	/* So many segments are refused even if each has a byte. */
	plain_frame(f, false);
	f->hdr.gso_size = le16(1);
	f->size = f->hdr_len + OFFLOAD_SEGS_MAX;
	gso_finish(f);
	assert_int_equal(try(f, OFFLOAD_HEAD_MAX, f->size), OFFLOAD_OK);
	f->size++;
	gso_finish(f);
	assert_int_equal(try(f, OFFLOAD_HEAD_MAX, f->size), OFFLOAD_BAD_SIZE);
}

/* IPv6 with extension headers that end just in the head, just behind it, and never. */
static void long_headers(void **state UNUSED)
{
	struct gso_frame *f = &frame;

	for (unsigned int units = 0; units < 256; units++) {
		size_t end = 14 + 40 + 8 * (units + 1) + 8;
		enum offload_error ret;

		memset(f->data, 0, 4096);
		gso_put16(f->data + 12, 0x86dd);
		f->data[14] = 0x60;
		f->data[20] = 0;
		f->data[54] = 17;
		f->data[55] = (uint8_t)units;
		f->size = 4000;
		f->l3 = 14;
		f->l4 = end - 8;
		f->hdr_len = end;
		f->ipv6 = true;
		f->tcp = false;
		f->final = 38;
		gso_put16(f->data + 18, f->size - 54);
		gso_put16(f->data + f->l4 + 4, f->size - f->l4);
		f->hdr = (struct vnet_hdr){
			.flags = VNET_HDR_NEEDS_CSUM,
			.gso_type = VNET_GSO_UDP_L4,
			.gso_size = le16(1000),
			.csum_start = le16((uint16_t)f->l4),
			.csum_offset = le16(6),
		};
		ret = try(f, OFFLOAD_HEAD_MAX, f->size);
		assert_true((ret == OFFLOAD_OK) == (end <= OFFLOAD_HEAD_MAX));
		/* The whole frame in the head: still no longer headers than that. */
		assert_int_equal(try(f, f->size, f->size), ret);
		f->data[54] = 44;
		f->hdr.csum_start = le16(54);
		assert_int_equal(try(f, OFFLOAD_HEAD_MAX, f->size), OFFLOAD_FRAGMENT);
		f->data[54] = 60;	/* one more, wherever it is */
		assert_true(try(f, OFFLOAD_HEAD_MAX, f->size) != OFFLOAD_OK);
		f->data[54] = 51;	/* AH: nobody cuts these */
		assert_true(try(f, OFFLOAD_HEAD_MAX, f->size) >= OFFLOAD_BAD_PROTO);
	}
}

/* TCP with options, each 8 bytes later in the head, until it is no more within it. */
static void long_tcp(void **state UNUSED)
{
	struct gso_frame *f = &frame;

	for (unsigned int units = 0; units < 30; units++) {
		size_t l4 = 14 + 40 + 8 * (units + 1);
		enum offload_error ret;

		memset(f->data, 0, 4096);
		gso_put16(f->data + 12, 0x86dd);
		f->data[14] = 0x60;
		gso_put16(f->data + 18, 4000 - 54);
		f->data[54] = 6;
		f->data[55] = (uint8_t)units;
		f->data[l4 + 12] = 0xf0;
		f->hdr = (struct vnet_hdr){
			.flags = VNET_HDR_NEEDS_CSUM,
			.gso_type = VNET_GSO_TCPV6,
			.gso_size = le16(1000),
			.csum_start = le16((uint16_t)l4),
			.csum_offset = le16(16),
		};
		ret = try(f, OFFLOAD_HEAD_MAX, 4000);
		assert_true((ret == OFFLOAD_OK) == (l4 + 60 <= OFFLOAD_HEAD_MAX));
		assert_int_equal(try(f, 4000, 4000), ret);
	}
}

/* A sum only, in a packet that is not what it says: not taken for a plain one. */
static void not_plain(void **state UNUSED)
{
	struct gso_frame *f = &frame;
	uint64_t seed = 12;

	for (int how = 0; how < 9; how++) {
		bool tcp = how != 5;
		struct offload o;

		plain_frame(f, tcp);
		f->hdr.gso_type = VNET_GSO_NONE;
		if (how == 1)
			gso_put16(f->data + 16, f->size - 14 + 1);
		if (how == 2)
			gso_put16(f->data + 16, f->hdr_len - 14 - 1);
		if (how == 3)
			f->data[20] = 0x20;
		if (how == 4)
			f->hdr.csum_start = le16(36);
		if (how == 5)		/* the sum of something inside of UDP */
			f->hdr.csum_start = le16(62);
		if (how == 6)
			f->data[46] = 0x40;
		if (how == 7 || how == 8) {
			/* As many tags as are known, and one more. */
			unsigned int tags = how == 7 ? 2 : 3;

			memmove(f->data + 12 + 4 * tags, f->data + 12, f->size - 12);
			for (unsigned int i = 0; i < tags; i++)
				gso_put16(f->data + 12 + 4 * i, 0x8100);
			f->size += 4 * tags;
			f->hdr.csum_start = le16((uint16_t)(34 + 4 * tags));
		}
		assert_int_equal(offload_parse(&o, &f->hdr, f->data, 256, f->size), OFFLOAD_OK);
		assert_true(offload_fits(UINT64_MAX, &o) == (how == 0 || how == 7));
		assert_int_equal(o.proto, how == 0 || how == 7 ? 6 : 0);
		assert_int_equal(o.csum_end, f->size);
		assert_true(o.proto || (!o.l4 && !o.hdr_len));
		f->hdr.gso_type = tcp ? VNET_GSO_TCPV4 : VNET_GSO_UDP_L4;
		assert_true((try(f, 256, f->size) == OFFLOAD_OK) == (how == 0 || how == 7));
	}

	/* Version 6, a byte longer than the frame. */
	do
		gso_random(f, &seed, &any);
	while (!f->ipv6 || f->size < 400);
	f->hdr.gso_type = VNET_GSO_NONE;
	for (int more = 0; more < 2; more++) {
		struct offload o;

		gso_put16(f->data + f->l3 + 4, f->size - f->l3 - 40 + (size_t)more);
		assert_int_equal(offload_parse(&o, &f->hdr, f->data, 256, f->size), OFFLOAD_OK);
		assert_true(offload_fits(UINT64_MAX, &o) == !more);
		assert_int_equal(o.csum_end, f->size);
		assert_true(o.l4 && !more ? o.hdr_len == f->hdr_len : !o.l4 && !o.hdr_len);
	}
}

/* Every shorter frame, its head an allocation of its own size: never read past. */
static void cut_off(void **state UNUSED)
{
	uint64_t seed = 11;

	for (int i = 0; i < 100; i++) {
		size_t hdr_len;

		gso_random(&frame, &seed, &any);
		hdr_len = frame.hdr_len;
		for (size_t size = 0; size < MIN(hdr_len + 4, frame.size); size++) {
			enum offload_error ret = try(&frame, size, size);

			assert_true(ret == OFFLOAD_BAD_LENGTH || ret == OFFLOAD_BAD_HEADERS ||
				    ret == OFFLOAD_BAD_CSUM || ret == OFFLOAD_BAD_PROTO);
			frame.hdr.gso_type |= 0x80;
			assert_true(try(&frame, size, size) != OFFLOAD_OK);
			frame.hdr.gso_type = frame.tcp ? frame.ipv6 ? 4 : 1 : 5;
		}
	}
}

/* Too many pieces, or too few bytes, end it. */
static void segment_errors(void **state UNUSED)
{
	uint8_t buf[OFFLOAD_HEAD_MAX];
	struct iovec iov[4], rest;
	struct offload_cut cut;
	struct offload o;

	plain_frame(&frame, true);
	rest = (struct iovec){ frame.data + 256, frame.size - 256 };
	assert_int_equal(offload_parse(&o, &frame.hdr, frame.data, 256, frame.size), 0);
	offload_cut_start(&cut, &o, frame.data, &rest, 1, 0);
	assert_int_equal(offload_segment(&cut, buf, iov, 0), -ENOBUFS);
	assert_int_equal(offload_segment(&cut, buf, iov, 2), -ENOBUFS);
	rest.iov_len -= 1;
	offload_cut_start(&cut, &o, frame.data, &rest, 1, 0);
	assert_int_equal(offload_segment(&cut, buf, iov, 3), 3);
	assert_int_equal(offload_segment(&cut, buf, iov, 3), 2);
	assert_int_equal(offload_segment(&cut, buf, iov, 3), -EINVAL);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(csum_example),
	cmocka_unit_test(csum_lengths),
	cmocka_unit_test(csum_carries),
	cmocka_unit_test(csum_pieces),
	cmocka_unit_test(csum_updates),
	cmocka_unit_test(segments),
	cmocka_unit_test(sums_only),
	cmocka_unit_test(sum_of_zero),
	cmocka_unit_test(padding),
	cmocka_unit_test(sums_elsewhere),
	cmocka_unit_test(headers),
	cmocka_unit_test(valid),
	cmocka_unit_test(refused),
	cmocka_unit_test(long_headers),
	cmocka_unit_test(long_tcp),
	cmocka_unit_test(not_plain),
	cmocka_unit_test(cut_off),
	cmocka_unit_test(segment_errors),
};

UNIT_MAIN(tests)
