/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz-offload.c - Fuzz target: frames with virtio-net headers that say anything
 *
 * DOC: Theory of operation
 *
 * The input is a virtio-net header, how the frame is cut up in memory, and the frame.
 * Head, rest and room for headers are allocations of their exact sizes.
 *
 * What lib/offload.c says is compared with a model in this file, which is written after
 * the virtio specification and the comments in offload.h: it has the frame in one piece,
 * and reads it front to back with a cursor that fails at the end. Whether the frame is
 * refused, what it needs, where its headers are, and each byte of what it becomes must
 * be the model's. The header for a receiver must stand the same test again.
 *
 * Why a frame is refused is not compared: often there is more than one reason.
 */
#include "config.h"

#include "tests/fuzz/fuzz.h"

#include "lib/offload.h"
#include "tests/gso.h"

enum { FRAME_MAX = 65535, PIECES = 8 };

/** struct cursor - A place in the part of a frame where headers may be */
struct cursor {
	const uint8_t *data;
	size_t at, end;
	bool failed;
};

/** struct model - What a frame is, and what is to do */
struct model {
	struct gso_frame f;
	bool plain;	/* TCP or UDP in one IP packet */
	bool refused;
	size_t packet_end, field, start;
	uint64_t needs;
};

static struct model model;
static uint8_t want[GSO_FRAME_MAX], got[GSO_FRAME_MAX];

static const uint8_t *take(struct cursor *c, size_t size)
{
	const uint8_t *p = c->data + c->at;

	if (c->failed || c->end < c->at || c->end - c->at < size) {
		c->failed = true;
		return c->data;
	}
	c->at += size;
	return p;
}

/* Layers 3 and 4. Return: whether it is a plain packet */
static bool model_packet(struct model *m, struct cursor *c, size_t type)
{
	struct gso_frame *f = &m->f;
	const uint8_t *p = take(c, type == 0x0800 ? 20 : 40);
	unsigned int proto, words;

	f->ipv6 = type == 0x86dd;
	if ((type != 0x0800 && type != 0x86dd) || c->failed || p[0] >> 4 != (f->ipv6 ? 6 : 4))
		return false;
	if (f->ipv6) {
		m->packet_end = c->at + gso_get16(p + 4);
		proto = p[6];
		while (proto == 0 || proto == 43 || proto == 60) {
			p = take(c, 8);
			if (c->failed)
				return false;
			proto = p[0];
			take(c, p[1] * 8U);
		}
	} else {
		words = p[0] & 15;
		m->packet_end = f->l3 + gso_get16(p + 2);
		proto = p[9];
		if (words < 5 || gso_get16(p + 6) % 0x4000)
			return false;
		take(c, words * 4 - 20);
	}
	if (c->failed || (proto != 6 && proto != 17))
		return false;
	f->tcp = proto == 6;
	f->l4 = c->at;
	p = take(c, f->tcp ? 20 : 8);
	if (!c->failed && f->tcp) {
		words = p[12] >> 4;
		if (words < 5)
			return false;
		take(c, words * 4 - 20);
	}
	f->hdr_len = c->at;
	f->final = f->l3 + 24;
	return !c->failed && f->hdr_len <= m->packet_end && m->packet_end <= f->size;
}

/* To be cut: what for, and may it be? */
static bool model_gso(struct model *m)
{
	static const int feature[2][2] = {
		{ VNET_F_GUEST_USO4, VNET_F_GUEST_USO6 },
		{ VNET_F_GUEST_TSO4, VNET_F_GUEST_TSO6 },
	};
	struct gso_frame *f = &m->f;
	unsigned int type = !f->tcp ? VNET_GSO_UDP_L4 : f->ipv6 ? VNET_GSO_TCPV6 : VNET_GSO_TCPV4;
	bool ecn = f->hdr.gso_type & VNET_GSO_ECN;
	size_t payload = f->size - f->hdr_len;

	if (!m->plain || (f->hdr.gso_type & 0x7f) != type || (ecn && !f->tcp) ||
	    m->packet_end != f->size ||
	    (!f->tcp && gso_get16(f->data + f->l4 + 4) != f->size - f->l4))
		return false;
	f->gso_size = le16_get(f->hdr.gso_size);
	if (f->gso_size < (f->tcp ? 8 : 1))
		return false;
	while ((size_t)f->segs * f->gso_size < payload)
		f->segs++;
	if (f->segs > 1) {
		m->needs |= UINT64_C(1) << feature[f->tcp][f->ipv6];
		if (ecn)
			m->needs |= UINT64_C(1) << VNET_F_GUEST_ECN;
		if (!f->tcp && f->segs > 128)
			m->needs |= OFFLOAD_HERE;
	}
	return f->segs <= OFFLOAD_SEGS_MAX;
}

static void model_make(struct model *m, size_t head_size)
{
	struct gso_frame *f = &m->f;
	struct cursor c = { .data = f->data, .end = MIN(head_size, (size_t)OFFLOAD_HEAD_MAX) };
	size_t type;
	int tags = 0;

	m->refused = m->plain = false;
	m->needs = 0;
	f->segs = 1;
	if (!(f->hdr.flags & 1)) {
		m->refused = f->hdr.gso_type != 0;
		return;
	}
	m->refused = true;
	type = gso_get16(take(&c, 14) + 12);
	if (c.failed)
		return;
	for (; (type == 0x8100 || type == 0x88a8) && tags < 2; tags++) {
		type = gso_get16(take(&c, 4) + 2);
		if (c.failed)
			break;
	}
	f->l3 = c.at;
	m->plain = !c.failed && model_packet(m, &c, type);
	m->start = le16_get(f->hdr.csum_start);
	m->field = m->start + le16_get(f->hdr.csum_offset);
	if (m->start < f->l3 || m->field + 2 > c.end)
		return;
	m->plain = m->plain && m->start == f->l4 && m->field == gso_field(f);
	m->needs = UINT64_C(1) << VNET_F_GUEST_CSUM;
	if (f->hdr.gso_type) {
		m->refused = !model_gso(m);
		return;
	}
	m->refused = false;
	if (!m->plain)
		m->packet_end = f->size;
	if (!m->plain || m->packet_end != f->size)
		m->needs = OFFLOAD_HERE;
}

/* Segment @seg, its sum resting on the one in the frame. */
static size_t model_segment(const struct model *m, unsigned int seg)
{
	const struct gso_frame *f = &m->f;
	size_t size = gso_reference(f, seg, want), sum;
	uint8_t length[2];

	memcpy(want + m->field, f->data + m->field, 2);
	gso_put16(length, f->size - f->l4);
	length[0] ^= 0xff;
	length[1] ^= 0xff;
	sum = gso_sum(gso_sum(0, want + m->field, 2), length, 2);
	gso_put16(length, size - f->l4);
	gso_put16(want + m->field, gso_sum((uint32_t)sum, length, 2));
	sum = ~gso_sum(0, want + f->l4, size - f->l4) & 0xffff;
	gso_put16(want + m->field, sum || f->tcp ? sum : 0xffff);
	return size;
}

static void check_segments(const struct model *m, const struct offload *o, const uint8_t *head,
			   const struct iovec *rest)
{
	uint8_t *buf = fuzz_alloc(o->hdr_len);
	struct iovec iov[PIECES + 2];
	struct offload_cut cut;
	unsigned int seg = 0;
	int n;

	offload_cut_start(&cut, o, head, rest, PIECES, 0);
	while ((n = offload_segment(&cut, buf, iov, PIECES + 2)) > 0) {
		size_t size = model_segment(m, seg), at = 0;

		FUZZ_CHECK(n <= PIECES + 2, "%d pieces", n);
		for (int i = 0; i < n; at += iov[i++].iov_len) {
			FUZZ_CHECK(at + iov[i].iov_len <= size, "segment %u too long", seg);
			memcpy(got + at, iov[i].iov_base, iov[i].iov_len);
		}
		FUZZ_CHECK(at == size && cut.size == size, "%zu bytes, want %zu", at, size);
		for (size_t i = 0; i < size; i++)
			FUZZ_CHECK(got[i] == want[i], "segment %u, byte %zu: %02x, want %02x",
				   seg, i, got[i], want[i]);
		seg++;
	}
	FUZZ_CHECK(n == 0 && seg == m->f.segs, "ended with %d after %u", n, seg);
	free(buf);
}

static void check_csum(const struct model *m, struct offload *o, uint8_t *head, size_t head_size,
		       const struct iovec *rest)
{
	size_t sum = ~gso_sum(0, m->f.data + m->start, m->packet_end - m->start) & 0xffff;

	memcpy(want, m->f.data, head_size);
	gso_put16(want + m->field, sum ? sum : 0xffff);
	offload_csum(o, head, rest, PIECES);
	FUZZ_CHECK(!memcmp(head, want, head_size), "sum %02x%02x, want %04zx", head[m->field],
		   head[m->field + 1], sum);
	FUZZ_CHECK(!o->needs, "still something to do");
}

/* The header made for a receiver says the same of the frame as the sender's did. */
static void check_hdr(const struct offload *o, const uint8_t *head, size_t head_size)
{
	struct vnet_hdr hdr = offload_hdr(o, UINT64_MAX);
	struct offload again;

	FUZZ_CHECK(!offload_parse(&again, &hdr, head, head_size, o->size), "refused again");
	FUZZ_CHECK(again.needs == o->needs && again.segs == o->segs && again.l4 == o->l4 &&
		   again.gso_size == o->gso_size && again.csum_field == o->csum_field,
		   "something else");
	FUZZ_CHECK(!o->gso_size || le16_get(hdr.hdr_len) == o->hdr_len, "hdr_len");
	FUZZ_CHECK(le16_get(hdr.num_buffers) == 1, "num_buffers");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	struct iovec rest[PIECES];
	struct model *m = &model;
	size_t head_size, at;
	enum offload_error ret;
	uint8_t cuts[PIECES];
	struct offload o;
	uint8_t *head;

	fuzz_bytes(&in, &m->f.hdr, sizeof(m->f.hdr));
	head_size = OFFLOAD_HEAD_MAX + fuzz_u8(&in);
	fuzz_bytes(&in, cuts, sizeof(cuts));
	/* What is in the input, and so many more bytes. */
	at = fuzz_u16(&in);
	m->f.size = MIN(in.left + at, (size_t)FRAME_MAX);
	fuzz_bytes(&in, m->f.data, m->f.size);
	head_size = MIN(head_size, m->f.size);

	head = fuzz_alloc(head_size);
	memcpy(head, m->f.data, head_size);
	at = head_size;
	for (int i = 0; i < PIECES; i++) {
		size_t len = MIN(m->f.size - at, (size_t)cuts[i] * (i & 1 ? 1 : 100));

		if (i == PIECES - 1)
			len = m->f.size - at;
		rest[i] = (struct iovec){ fuzz_alloc(len), len };
		memcpy(rest[i].iov_base, m->f.data + at, len);
		at += len;
	}

	model_make(m, head_size);
	ret = offload_parse(&o, &m->f.hdr, head, head_size, m->f.size);
	FUZZ_CHECK(!ret == !m->refused, "refused: %s", offload_error_name(ret));
	if (!ret) {
		FUZZ_CHECK(o.needs == m->needs, "%llx, want %llx", (unsigned long long)o.needs,
			   (unsigned long long)m->needs);
		FUZZ_CHECK(o.segs == m->f.segs, "%u, want %u", o.segs, m->f.segs);
		FUZZ_CHECK(offload_fits(UINT64_MAX, &o) == !(m->needs >> 63), "fits");
		if (m->needs && m->plain)
			FUZZ_CHECK(o.l3 == m->f.l3 && o.l4 == m->f.l4 &&
				   o.hdr_len == m->f.hdr_len && o.ipv6 == m->f.ipv6 &&
				   o.proto == (m->f.tcp ? 6 : 17), "headers elsewhere");
		check_hdr(&o, head, head_size);
		if (o.segs > 1)
			check_segments(m, &o, head, rest);
		else if (o.needs)
			check_csum(m, &o, head, head_size, rest);
	}
	free(head);
	for (int i = 0; i < PIECES; i++)
		free(rest[i].iov_base);
	return 0;
}
