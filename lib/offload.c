/* SPDX-License-Identifier: BSD-2-Clause */
/* offload.c - Work that a sender left to others: checksums, and cutting big frames
 *
 * Only the head is ever looked at to decide something, and it is private memory.
 */
#include "config.h"

#include "lib/offload.h"

#include <errno.h>
#include <string.h>

#include "lib/bytes.h"
#include "lib/csum.h"
#include "lib/eth.h"

enum {
	TYPE_IPV4 = 0x0800,
	TYPE_IPV6 = 0x86dd,
	TYPE_QINQ = 0x88a8,		/* 802.1ad: the outer of two tags */
	TAG_SIZE = 4,
	TAGS_MAX = 2,
	L3_MAX = ETH_HDR_SIZE + TAGS_MAX * TAG_SIZE,

	IPV4_SIZE = 20,			/* without options */
	IPV4_LENGTH = 2,
	IPV4_ID = 4,
	IPV4_FRAGMENT = 6,
	IPV4_PROTO = 9,
	IPV4_CSUM = 10,
	IPV4_MORE_OR_OFFSET = 0x3fff,	/* in one piece if none of these is set */

	IPV6_SIZE = 40,
	IPV6_LENGTH = 4,
	IPV6_NEXT = 6,
	IPV6_EXT_UNIT = 8,

	TCP_SIZE = 20,
	TCP_SEQ = 4,
	TCP_DATA_OFFSET = 12,
	TCP_FLAGS = 13,
	TCP_CSUM = 16,
	TCP_FIN = 0x01,
	TCP_PSH = 0x08,
	TCP_CWR = 0x80,

	UDP_SIZE = 8,
	UDP_LENGTH = 4,
	UDP_CSUM = 6,

	PROTO_HOP_BY_HOP = 0,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_DEST_OPTIONS = 60,
};

static const char *const error_names[] = {
	[OFFLOAD_OK] = "nothing is wrong",
	[OFFLOAD_BAD_TYPE] = "unknown gso_type",
	[OFFLOAD_BAD_SIZE] = "gso_size too small",
	[OFFLOAD_BAD_CSUM] = "checksum outside the headers",
	[OFFLOAD_NO_CSUM] = "segmentation without the checksum of TCP or UDP",
	[OFFLOAD_BAD_PROTO] = "gso_type of another protocol",
	[OFFLOAD_FRAGMENT] = "segmentation of a fragment",
	[OFFLOAD_BAD_LENGTH] = "length in a header is not the frame's",
	[OFFLOAD_BAD_HEADERS] = "broken or too long headers",
};

static_assert(ARRAY_SIZE(error_names) == OFFLOAD_ERRORS, "each error has a name");

const char *offload_error_name(enum offload_error error)
{
	return error_names[error];
}

static struct be16 word_at(const uint8_t *p)
{
	struct be16 word;

	memcpy(&word, p, sizeof(word));
	return word;
}

/* Whether @size bytes at @at may be looked at: headers are not longer than that. */
static bool within(const struct offload *o, size_t at, size_t size)
{
	return at + size <= MIN(o->head_size, (uint32_t)OFFLOAD_HEAD_MAX);
}

/* Step over VLAN tags. Return: the type of what follows, o->l3 says where; 0 if none */
static uint16_t parse_ethernet(struct offload *o, const uint8_t *head)
{
	uint16_t type;

	if (!within(o, 0, ETH_HDR_SIZE))
		return 0;
	type = be16_load(head + ETH_HDR_SIZE - 2);
	o->l3 = ETH_HDR_SIZE;
	for (int tags = 0; type == ETH_TYPE_VLAN || type == TYPE_QINQ; tags++) {
		if (tags == TAGS_MAX || !within(o, o->l3, TAG_SIZE))
			return 0;
		type = be16_load(head + o->l3 + 2);
		o->l3 = (uint16_t)(o->l3 + TAG_SIZE);
	}
	return type;
}

/*
 * The IP parsers set o->l4, o->csum_end and *proto. If they find nothing wrong the end is
 * within the frame; l4 may be behind the head.
 */
static enum offload_error parse_ipv4(struct offload *o, const uint8_t *head,
				     unsigned int *proto)
{
	const uint8_t *ip = head + o->l3;
	unsigned int size, length;

	if (!within(o, o->l3, IPV4_SIZE) || ip[0] >> 4 != 4)
		return OFFLOAD_BAD_HEADERS;
	size = (ip[0] & 0xfU) * 4;
	length = be16_load(ip + IPV4_LENGTH);
	if (size < IPV4_SIZE)
		return OFFLOAD_BAD_HEADERS;
	if (length < size || o->l3 + length > o->size)
		return OFFLOAD_BAD_LENGTH;
	if (be16_load(ip + IPV4_FRAGMENT) & IPV4_MORE_OR_OFFSET)
		return OFFLOAD_FRAGMENT;
	o->l4 = (uint16_t)(o->l3 + size);
	o->csum_end = o->l3 + length;
	*proto = ip[IPV4_PROTO];
	return OFFLOAD_OK;
}

static enum offload_error parse_ipv6(struct offload *o, const uint8_t *head,
				     unsigned int *proto)
{
	const uint8_t *ip = head + o->l3;
	size_t at = o->l3 + IPV6_SIZE;
	unsigned int next;

	if (!within(o, at, 0) || ip[0] >> 4 != 6)
		return OFFLOAD_BAD_HEADERS;
	o->csum_end = (uint32_t)at + be16_load(ip + IPV6_LENGTH);
	if (o->csum_end > o->size)
		return OFFLOAD_BAD_LENGTH;
	next = ip[IPV6_NEXT];
	while (next == PROTO_HOP_BY_HOP || next == PROTO_ROUTING || next == PROTO_DEST_OPTIONS) {
		if (!within(o, at, IPV6_EXT_UNIT))
			return OFFLOAD_BAD_HEADERS;
		next = head[at];
		at += (head[at + 1] + 1U) * IPV6_EXT_UNIT;
	}
	if (next == PROTO_FRAGMENT)
		return OFFLOAD_FRAGMENT;
	o->l4 = (uint16_t)at;
	*proto = next;
	return OFFLOAD_OK;
}

/* Find TCP or UDP in IP; o->proto says so. Nobody else's frames are cut. */
static enum offload_error parse_layers(struct offload *o, const uint8_t *head)
{
	unsigned int proto, size = UDP_SIZE;
	enum offload_error ret;
	bool ipv6 = false;

	switch (parse_ethernet(o, head)) {
	case TYPE_IPV4:
		ret = parse_ipv4(o, head, &proto);
		break;
	case TYPE_IPV6:
		ipv6 = true;
		ret = parse_ipv6(o, head, &proto);
		break;
	default:
		return OFFLOAD_BAD_PROTO;
	}
	if (ret)
		return ret;
	if (proto != PROTO_TCP && proto != PROTO_UDP)
		return OFFLOAD_BAD_PROTO;
	if (proto == PROTO_TCP) {
		if (!within(o, o->l4, TCP_SIZE))
			return OFFLOAD_BAD_HEADERS;
		size = (head[o->l4 + TCP_DATA_OFFSET] >> 4) * 4U;
		if (size < TCP_SIZE)
			return OFFLOAD_BAD_HEADERS;
	}
	if (!within(o, o->l4, size) || o->csum_end < o->l4 + size)
		return OFFLOAD_BAD_HEADERS;
	o->hdr_len = (uint16_t)(o->l4 + size);
	o->proto = (uint8_t)proto;
	o->ipv6 = ipv6;
	return OFFLOAD_OK;
}

/* Whether the sum is that of the TCP or UDP packet, where such a packet has it. */
static bool csum_is_plain(const struct offload *o)
{
	return o->proto && o->csum_start == o->l4 &&
	       o->csum_field == o->l4 + (o->proto == PROTO_TCP ? TCP_CSUM : UDP_CSUM);
}

/* The frame is to be cut: into how many? */
static enum offload_error parse_gso(struct offload *o, const struct vnet_hdr *hdr,
				    const uint8_t *head, enum offload_error layers)
{
	static const struct {
		uint8_t proto;
		uint8_t feature[2];	/* with IPv4, with IPv6; 0: never */
	} kinds[] = {
		[VNET_GSO_TCPV4] = { PROTO_TCP, { VNET_F_GUEST_TSO4, 0 } },
		[VNET_GSO_TCPV6] = { PROTO_TCP, { 0, VNET_F_GUEST_TSO6 } },
		[VNET_GSO_UDP_L4] = { PROTO_UDP, { VNET_F_GUEST_USO4, VNET_F_GUEST_USO6 } },
	};
	unsigned int type = hdr->gso_type & ~(unsigned int)VNET_GSO_ECN;
	uint16_t gso_size = le16_get(hdr->gso_size);
	bool ecn = hdr->gso_type & VNET_GSO_ECN;
	uint32_t payload, segs;
	uint8_t feature;

	if (type >= ARRAY_SIZE(kinds) || !kinds[type].proto ||
	    (ecn && kinds[type].proto != PROTO_TCP))
		return OFFLOAD_BAD_TYPE;
	if (layers)
		return layers;
	feature = kinds[type].feature[o->ipv6];
	if (o->proto != kinds[type].proto || !feature)
		return OFFLOAD_BAD_PROTO;
	if (!csum_is_plain(o))
		return OFFLOAD_NO_CSUM;
	if (o->csum_end != o->size ||
	    (o->proto == PROTO_UDP && be16_load(head + o->l4 + UDP_LENGTH) != o->size - o->l4))
		return OFFLOAD_BAD_LENGTH;
	if (!gso_size || (o->proto == PROTO_TCP && gso_size < OFFLOAD_TCP_MIN))
		return OFFLOAD_BAD_SIZE;
	payload = o->size - o->hdr_len;
	/* As it fits into one segment, only its checksum is to do. */
	if (payload <= gso_size)
		return OFFLOAD_OK;
	segs = (payload + gso_size - 1) / gso_size;
	if (segs > OFFLOAD_SEGS_MAX)
		return OFFLOAD_BAD_SIZE;
	o->needs |= OFFLOAD_F(feature);
	if (ecn)
		o->needs |= OFFLOAD_F(VNET_F_GUEST_ECN);
	if (o->proto == PROTO_UDP && segs > OFFLOAD_UDP_MAX)
		o->needs |= OFFLOAD_HERE;
	o->ecn = ecn;
	o->gso_type = (uint8_t)type;
	o->gso_size = gso_size;
	o->segs = (uint16_t)segs;
	return OFFLOAD_OK;
}

enum offload_error offload_parse(struct offload *o, const struct vnet_hdr *hdr,
				 const void *head, size_t head_size, size_t size)
{
	size_t start = le16_get(hdr->csum_start), offset = le16_get(hdr->csum_offset);
	enum offload_error layers;

	*o = (struct offload){
		.size = (uint32_t)size,
		.head_size = (uint32_t)head_size,
		.segs = 1,
	};
	if (LIKELY(!(hdr->flags & VNET_HDR_NEEDS_CSUM)))
		return hdr->gso_type == VNET_GSO_NONE ? OFFLOAD_OK : OFFLOAD_NO_CSUM;
	layers = parse_layers(o, head);
	if (!o->l3 || start < o->l3 ||
	    !within(o, start + offset, sizeof(struct be16)))
		return OFFLOAD_BAD_CSUM;
	o->csum_start = (uint16_t)start;
	o->csum_field = (uint16_t)(start + offset);
	o->needs = OFFLOAD_F(VNET_F_GUEST_CSUM);
	if (hdr->gso_type != VNET_GSO_NONE)
		return parse_gso(o, hdr, head, layers);
	if (!csum_is_plain(o)) {
		o->needs = OFFLOAD_HERE;
		o->csum_end = o->size;
		o->proto = 0;
		o->l4 = o->hdr_len = 0;
		o->ipv6 = false;
	} else if (o->csum_end != o->size) {
		/* Others would sum up all of the frame, and what is behind the packet. */
		o->needs = OFFLOAD_HERE;
	}
	return OFFLOAD_OK;
}

struct vnet_hdr offload_hdr(const struct offload *o, uint64_t features)
{
	struct vnet_hdr hdr = { .num_buffers = le16(1) };

	if (o->needs) {
		hdr.flags = VNET_HDR_NEEDS_CSUM;
		hdr.csum_start = le16(o->csum_start);
		hdr.csum_offset = le16((uint16_t)(o->csum_field - o->csum_start));
	} else if (o->valid && features & OFFLOAD_F(VNET_F_GUEST_CSUM)) {
		hdr.flags = VNET_HDR_DATA_VALID;
	}
	if (o->gso_size) {
		hdr.gso_type = (uint8_t)(o->gso_type | (o->ecn ? VNET_GSO_ECN : 0));
		hdr.gso_size = le16(o->gso_size);
		hdr.hdr_len = le16(o->hdr_len);
	}
	return hdr;
}

void offload_moved(struct offload *o, int by)
{
	uint16_t *const offsets[] = {
		&o->l3, &o->l4, &o->hdr_len, &o->csum_start, &o->csum_field,
	};

	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		if (*offsets[i])
			*offsets[i] = (uint16_t)(*offsets[i] + by);
	}
	o->head_size = (uint32_t)((int64_t)o->head_size + by);
	o->size = (uint32_t)((int64_t)o->size + by);
	if (o->csum_end)
		o->csum_end = (uint32_t)((int64_t)o->csum_end + by);
	if (o->needs && o->l3 > L3_MAX)
		o->needs |= OFFLOAD_HERE;
}

/* What a computed sum of 0 is written as: for UDP 0 would mean that there is none. */
static struct be16 never_zero(struct be16 sum)
{
	return be16_get(sum) ? sum : be16(0xffff);
}

void offload_csum(struct offload *o, void *head, const struct iovec *rest,
		  unsigned int cnt)
{
	uint8_t *h = head;
	size_t in_head;
	struct be16 sum;
	uint64_t tail;

	if (!o->needs)
		return;
	in_head = MIN(o->head_size, o->csum_end) - o->csum_start;
	tail = csum_iov(0, rest, cnt, 0, o->csum_end - o->csum_start - in_head);
	if (in_head & 1)
		tail = csum_swap(tail);
	/* The field itself takes part: it has the pseudo-header's sum. */
	sum = never_zero(csum_finish(csum_add(tail, h + o->csum_start, in_head)));
	memcpy(h + o->csum_field, &sum, sizeof(sum));
	o->needs = 0;
}

void offload_cut_start(struct offload_cut *cut, const struct offload *o,
		       const void *head, const struct iovec *rest, unsigned int cnt,
		       uint64_t features)
{
	*cut = (struct offload_cut){
		.o = o,
		.head = head,
		.rest = rest,
		.cnt = cnt,
		/* With more tags they are for no other to finish, see offload_moved(). */
		.partial = features & OFFLOAD_F(VNET_F_GUEST_CSUM) && o->l3 <= L3_MAX,
	};
	cut->hdr.num_buffers = le16(1);
	if (cut->partial) {
		cut->hdr.flags = VNET_HDR_NEEDS_CSUM;
		cut->hdr.csum_start = le16(o->csum_start);
		cut->hdr.csum_offset = le16((uint16_t)(o->csum_field - o->csum_start));
	}
}

/* Slices of the payload, @size bytes from where we are. Return: how many, or -errno */
static int slice(struct offload_cut *cut, struct iovec *iov, unsigned int max, size_t size)
{
	const struct offload *o = cut->o;
	unsigned int n = 0;

	while (size) {
		struct iovec from = {
			.iov_base = (void *)(uintptr_t)(cut->head + o->hdr_len),
			.iov_len = (size_t)(o->head_size - o->hdr_len),
		};
		size_t len;

		if (cut->piece > cut->cnt)
			return -EINVAL;
		if (cut->piece)
			from = cut->rest[cut->piece - 1];
		len = MIN(from.iov_len - cut->off, size);
		if (len && n == max)
			return -ENOBUFS;
		if (len)
			iov[n++] = (struct iovec){ (uint8_t *)from.iov_base + cut->off, len };
		size -= len;
		cut->off += len;
		if (cut->off == from.iov_len) {
			cut->piece++;
			cut->off = 0;
		}
	}
	return (int)n;
}

/* The IP header of segment @cut->seg, whose payload of IP has @length bytes. */
static void write_ip(const struct offload_cut *cut, uint8_t *buf, size_t length)
{
	const struct offload *o = cut->o;
	uint8_t *ip = buf + o->l3;
	struct be16 sum;

	if (o->ipv6) {
		be16_store(ip + IPV6_LENGTH,
			   (uint16_t)(length + (size_t)(o->l4 - o->l3 - IPV6_SIZE)));
		return;
	}
	be16_store(ip + IPV4_LENGTH, (uint16_t)(length + (size_t)(o->l4 - o->l3)));
	be16_store(ip + IPV4_ID, (uint16_t)(be16_load(ip + IPV4_ID) + cut->seg));
	be16_store(ip + IPV4_CSUM, 0);
	sum = csum_finish(csum_add(0, ip, (size_t)(o->l4 - o->l3)));
	memcpy(ip + IPV4_CSUM, &sum, sizeof(sum));
}

/* The TCP or UDP header, with the pseudo-header's sum for @length bytes. */
static void write_l4(const struct offload_cut *cut, uint8_t *buf, size_t length)
{
	const struct offload *o = cut->o;
	uint8_t *l4 = buf + o->l4;
	struct be16 sum;

	if (o->proto == PROTO_TCP) {
		if (cut->seg + 1 < o->segs)
			l4[TCP_FLAGS] &= (uint8_t)~(TCP_FIN | TCP_PSH);
		if (cut->seg)
			l4[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
		be32_store(l4 + TCP_SEQ, be32_load(l4 + TCP_SEQ) + cut->seg * o->gso_size);
	} else {
		be16_store(l4 + UDP_LENGTH, (uint16_t)length);
	}
	/* The sum in the frame is one of the whole frame's length. */
	sum = csum_fold(csum_be16(csum_not_be16(csum_be16(0, word_at(buf + o->csum_field)),
						be16((uint16_t)(o->size - o->l4))),
				  be16((uint16_t)length)));
	memcpy(buf + o->csum_field, &sum, sizeof(sum));
}

int offload_segment(struct offload_cut *cut, void *buf, struct iovec *iov, unsigned int max)
{
	const struct offload *o = cut->o;
	size_t payload = o->size - o->hdr_len, done = (size_t)cut->seg * o->gso_size;
	struct be16 sum;
	uint8_t *b = buf;
	int n;

	if (cut->seg == o->segs)
		return 0;
	if (!max)
		return -ENOBUFS;
	payload = MIN(payload - done, (size_t)o->gso_size);
	n = slice(cut, iov + 1, max - 1, payload);
	if (n < 0)
		return n;
	iov[0] = (struct iovec){ b, o->hdr_len };
	memcpy(b, cut->head, o->hdr_len);
	write_ip(cut, b, o->hdr_len - o->l4 + payload);
	write_l4(cut, b, o->hdr_len - o->l4 + payload);
	if (!cut->partial) {
		uint64_t tail = csum_iov(0, iov + 1, (size_t)n, 0, payload);

		sum = csum_finish(csum_add(tail, b + o->l4, (size_t)(o->hdr_len - o->l4)));
		if (o->proto == PROTO_UDP)
			sum = never_zero(sum);
		memcpy(b + o->csum_field, &sum, sizeof(sum));
	}
	cut->size = o->hdr_len + payload;
	cut->seg++;
	return n + 1;
}
