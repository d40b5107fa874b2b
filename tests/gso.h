/* SPDX-License-Identifier: BSD-2-Clause */
/* gso.h - Big frames for tests, and what must become of them, written naively
 *
 * gso_random() makes frames of all kinds that lib/offload.h should know, with the
 * virtio-net header that a good driver writes. gso_reference() says what a segment of
 * one is: it copies and sums byte by byte, and computes pseudo-headers from addresses.
 * Nothing of lib/csum.h or lib/offload.h is used here, nor is a frame ever parsed: who
 * makes a frame knows where everything is.
 */
#ifndef TESTS_GSO_H
#define TESTS_GSO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/compiler.h"
#include "lib/vnet.h"

enum { GSO_FRAME_MAX = 65535 + 14 + 8 };

/**
 * struct gso_frame - A frame, and where everything is in it
 * @final:	Where the address of an IPv6 pseudo-header is
 */
struct gso_frame {
	uint8_t data[GSO_FRAME_MAX];
	size_t size, l3, l4, hdr_len, final;
	unsigned int gso_size, segs;
	bool ipv6, tcp;
	struct vnet_hdr hdr;
};

/** struct gso_limits - Which frames are wanted; zero stands for all kinds */
struct gso_limits {
	unsigned int gso_min;	/* smallest payload of a segment */
	unsigned int segs_max, udp_segs_max;
	bool no_vlan;
	bool no_routing;
	bool csum_only;
};

/* xorshift64*: the same frames for the same seed, which is not 0. */
static inline uint32_t gso_rand(uint64_t *seed, uint32_t below)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return (uint32_t)((*seed * 0x2545f4914f6cdd1d) >> 32) % below;
}

static inline void gso_fill(uint64_t *seed, uint8_t *p, size_t size)
{
	for (size_t i = 0; i < size; i++)
		p[i] = (uint8_t)gso_rand(seed, 256);
}

static inline void gso_put16(uint8_t *p, size_t x)
{
	p[0] = (uint8_t)(x >> 8 & 0xff);
	p[1] = (uint8_t)(x & 0xff);
}

static inline size_t gso_get16(const uint8_t *p)
{
	return (size_t)p[0] << 8 | p[1];
}

/* The sum of 16-bit words, most significant byte first, one after the other. */
static inline uint32_t gso_sum(uint32_t sum, const uint8_t *p, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

/* Of a packet whose layer 4 has @size bytes. */
static inline uint32_t gso_pseudo(const struct gso_frame *f, size_t size)
{
	uint8_t tail[4] = { 0, f->tcp ? 6 : 17 };
	uint32_t sum;

	gso_put16(tail + 2, size);
	if (f->ipv6)
		sum = gso_sum(gso_sum(0, f->data + f->l3 + 8, 16), f->data + f->final, 16);
	else
		sum = gso_sum(0, f->data + f->l3 + 12, 8);
	return gso_sum(sum, tail, sizeof(tail));
}

static inline size_t gso_field(const struct gso_frame *f)
{
	return f->l4 + (f->tcp ? 16 : 6);
}

/* An IPv6 extension header of type @type at f->hdr_len; the one behind it is @next. */
static inline void gso_extension(struct gso_frame *f, uint64_t *seed, uint8_t type, uint8_t next)
{
	unsigned int units = type == 43 ? 2 : gso_rand(seed, 3);
	uint8_t *p = f->data + f->hdr_len;

	memset(p, 0, 8 * (units + 1));
	p[0] = next;
	p[1] = (uint8_t)units;
	if (type == 43) {
		/* Type 0, one address left, which is the final one. */
		p[3] = 1;
		gso_fill(seed, p + 8, 16);
		p[8] = 0xfd;
		f->final = f->hdr_len + 8;
	} else {
		p[2] = 1;	/* PadN */
		p[3] = (uint8_t)(8 * (units + 1) - 4);
	}
	f->hdr_len += 8 * (units + 1);
}

static inline void gso_ipv6(struct gso_frame *f, uint64_t *seed, const struct gso_limits *want)
{
	static const uint8_t kinds[] = { 0, 60, 43, 60 };	/* in RFC 8200's order */
	uint8_t list[ARRAY_SIZE(kinds) + 1];
	uint8_t *ip = f->data + f->l3;
	size_t n = 0;

	gso_fill(seed, ip, 40);
	ip[0] = 0x60 | (ip[0] & 0xf);
	ip[7] = 64;
	ip[8] = ip[24] = 0xfd;
	f->final = f->l3 + 24;
	f->hdr_len = f->l3 + 40;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!gso_rand(seed, 4) && !(kinds[i] == 43 && want->no_routing))
			list[n++] = kinds[i];
	}
	list[n] = f->tcp ? 6 : 17;
	ip[6] = list[0];
	for (size_t i = 0; i < n; i++)
		gso_extension(f, seed, list[i], list[i + 1]);
	f->l4 = f->hdr_len;
}

static inline void gso_ipv4(struct gso_frame *f, uint64_t *seed)
{
	size_t options = gso_rand(seed, 2) ? 0 : 4 * gso_rand(seed, 11);
	uint8_t *ip = f->data + f->l3;

	gso_fill(seed, ip, 20);
	memset(ip + 20, 1, options);	/* no-operation */
	ip[0] = (uint8_t)(0x40 | ((20 + options) / 4));
	ip[6] = gso_rand(seed, 2) ? 0x40 : 0;
	ip[7] = 0;
	ip[8] = 64;
	ip[9] = f->tcp ? 6 : 17;
	ip[12] = ip[16] = 10;
	f->l4 = f->l3 + 20 + options;
}

/* Sums and lengths as a driver writes them that leaves the rest to others. */
static inline void gso_finish(struct gso_frame *f)
{
	uint8_t *ip = f->data + f->l3;

	if (!f->tcp)
		gso_put16(f->data + f->l4 + 4, f->size - f->l4);
	if (f->ipv6) {
		gso_put16(ip + 4, f->size - f->l3 - 40);
	} else {
		gso_put16(ip + 2, f->size - f->l3);
		gso_put16(ip + 10, 0);
		gso_put16(ip + 10, ~gso_sum(0, ip, f->l4 - f->l3));
	}
	gso_put16(f->data + gso_field(f), gso_pseudo(f, f->size - f->l4));
}

/**
 * gso_random() - Make a frame that stands for a row of segments
 * @f:		The frame
 * @seed:	State of the random numbers
 * @want:	Which frames
 */
static inline void gso_random(struct gso_frame *f, uint64_t *seed, const struct gso_limits *want)
{
	unsigned int min = MAX(want->gso_min, 8U), tags = want->no_vlan ? 0 : gso_rand(seed, 3);
	unsigned int segs_max = want->segs_max ? want->segs_max : 8192;
	size_t payload, room, tcp_size;

	f->ipv6 = gso_rand(seed, 2);
	f->tcp = gso_rand(seed, 2);
	if (!f->tcp && want->udp_segs_max)
		segs_max = want->udp_segs_max;
	gso_fill(seed, f->data, 14);
	f->data[0] = f->data[6] = 2;
	f->l3 = 14;
	for (unsigned int i = 0; i < tags; i++, f->l3 += 4) {
		gso_put16(f->data + f->l3 - 2, i + 1 < tags && gso_rand(seed, 2) ? 0x88a8 : 0x8100);
		gso_put16(f->data + f->l3, 1 + gso_rand(seed, 4094));
	}
	gso_put16(f->data + f->l3 - 2, f->ipv6 ? 0x86dd : 0x0800);
	if (f->ipv6)
		gso_ipv6(f, seed, want);
	else
		gso_ipv4(f, seed);
	tcp_size = 20 + (gso_rand(seed, 2) ? 12 : 4 * gso_rand(seed, 11));
	gso_fill(seed, f->data + f->l4, 8);
	f->hdr_len = f->l4 + 8;
	if (f->tcp) {
		gso_fill(seed, f->data + f->l4, 20);
		memset(f->data + f->l4 + 20, 1, tcp_size - 20);
		f->data[f->l4 + 12] = (uint8_t)(tcp_size << 2);
		f->hdr_len = f->l4 + tcp_size;
	}

	room = f->l3 + 65535 - f->hdr_len;
	f->gso_size = min + (gso_rand(seed, 2) ? gso_rand(seed, 100) : gso_rand(seed, 9000));
	if (gso_rand(seed, 3))
		payload = gso_rand(seed, (uint32_t)room + 1);
	else	/* whole segments, give or take a byte */
		payload = (size_t)f->gso_size * (1 + gso_rand(seed, 8)) + gso_rand(seed, 3) - 1;
	payload = MIN(payload, MIN(room, (size_t)f->gso_size * segs_max));
	payload = MAX(payload, (size_t)1);
	if (want->csum_only)
		payload = MIN(payload, (size_t)f->gso_size);
	f->segs = (unsigned int)((payload + f->gso_size - 1) / f->gso_size);
	gso_fill(seed, f->data + f->hdr_len, payload);
	f->size = f->hdr_len + payload;
	gso_finish(f);

	f->hdr = (struct vnet_hdr){
		.flags = VNET_HDR_NEEDS_CSUM,
		.gso_type = f->tcp ? f->ipv6 ? VNET_GSO_TCPV6 : VNET_GSO_TCPV4 : VNET_GSO_UDP_L4,
		.hdr_len = le16((uint16_t)f->hdr_len),
		.gso_size = le16((uint16_t)f->gso_size),
		.csum_start = le16((uint16_t)f->l4),
		.csum_offset = le16((uint16_t)(gso_field(f) - f->l4)),
	};
	if (f->tcp && f->data[f->l4 + 13] & 0x80)
		f->hdr.gso_type |= VNET_GSO_ECN;
	if (want->csum_only)
		f->hdr.gso_type = VNET_GSO_NONE;
}

/**
 * gso_reference() - What a segment of a frame must be
 * @f:		The frame
 * @seg:	Which segment, from 0 on
 * @out:	Room for it
 *
 * Return: its size
 */
static inline size_t gso_reference(const struct gso_frame *f, unsigned int seg, uint8_t *out)
{
	size_t at = f->hdr_len + (size_t)seg * f->gso_size;
	size_t payload = MIN(f->size - at, (size_t)f->gso_size);
	size_t size = f->hdr_len + payload;
	uint8_t *ip = out + f->l3, *l4 = out + f->l4;
	uint32_t sum;

	memcpy(out, f->data, f->hdr_len);
	memcpy(out + f->hdr_len, f->data + at, payload);
	if (f->ipv6) {
		gso_put16(ip + 4, size - f->l3 - 40);
	} else {
		gso_put16(ip + 2, size - f->l3);
		gso_put16(ip + 4, gso_get16(ip + 4) + seg);
		gso_put16(ip + 10, 0);
		gso_put16(ip + 10, ~gso_sum(0, ip, f->l4 - f->l3));
	}
	if (f->tcp) {
		size_t seq = (gso_get16(l4 + 4) << 16 | gso_get16(l4 + 6)) + at - f->hdr_len;

		gso_put16(l4 + 4, seq >> 16);
		gso_put16(l4 + 6, seq);
		if (seg)
			l4[13] &= 0x7f;		/* CWR */
		if (seg + 1 < f->segs)
			l4[13] &= 0xf6;		/* FIN, PSH */
	} else {
		gso_put16(l4 + 4, size - f->l4);
	}
	gso_put16(out + gso_field(f), 0);
	sum = ~gso_sum(gso_pseudo(f, size - f->l4), l4, size - f->l4) & 0xffff;
	gso_put16(out + gso_field(f), sum || f->tcp ? sum : 0xffff);
	return size;
}

/**
 * gso_partial() - The same for a receiver that completes sums: its field has the
 * pseudo-header's, of which zero has two forms
 */
static inline size_t gso_partial(const struct gso_frame *f, unsigned int seg, uint8_t *out)
{
	size_t size = gso_reference(f, seg, out);

	gso_put16(out + gso_field(f), gso_pseudo(f, size - f->l4));
	return size;
}

/* What a receiver must take to get the frame as it is, VNET_F_GUEST_... as bits; bit 63:
 * none gets it. */
static inline uint64_t gso_needs(const struct gso_frame *f)
{
	uint64_t needs = UINT64_C(1) << VNET_F_GUEST_CSUM;

	if (f->segs == 1)
		return needs;
	if (f->tcp)
		needs |= UINT64_C(1) << (f->ipv6 ? VNET_F_GUEST_TSO6 : VNET_F_GUEST_TSO4);
	else
		needs |= UINT64_C(1) << (f->ipv6 ? VNET_F_GUEST_USO6 : VNET_F_GUEST_USO4);
	if (!f->tcp && f->segs > 128)
		needs |= UINT64_C(1) << 63;
	if (f->hdr.gso_type & VNET_GSO_ECN)
		needs |= UINT64_C(1) << VNET_F_GUEST_ECN;
	return needs;
}

#endif /* TESTS_GSO_H */
