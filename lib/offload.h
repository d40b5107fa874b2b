/* SPDX-License-Identifier: BSD-2-Clause */
/* offload.h - Work that a sender left to others: checksums, and cutting big frames
 *
 * DOC: Theory of operation
 *
 * A frame with a virtio-net header in front (virtio 1.2, section 5.1.6) may be
 * unfinished: its TCP or UDP checksum is that of a pseudo-header only, or it is as
 * large as 64 KiB and stands for a row of segments. It may go on as it is to a receiver
 * that takes such frames. For others it is finished here.
 *
 * Nobody believes a header. offload_parse() looks at it and at the frame, finds the
 * headers inside for itself, and says what the frame needs, as the bits of the virtio
 * features that a driver negotiates to take it (VNET_F_GUEST_...). Whatever does not fit
 * together is refused with a reason. From then on only struct offload counts, and
 * headers for receivers are made from it alone (offload_hdr()). They say nothing but
 * what is true of the frame, so also a host's kernel may have them:
 *
 *	ret = offload_parse(&o, &hdr, head, head_size, size);
 *	if (ret)
 *		drop, and count offload_error_name(ret)
 *	else if (offload_fits(features, &o))
 *		send offload_hdr(&o, features), head, rest
 *	else if (o.segs == 1)
 *		offload_csum(&o, head, rest, cnt), send head, rest
 *	else
 *		offload_cut_start(&cut, ...), and send each offload_segment()
 *
 * The first bytes of a frame, with all its headers, are in private memory (the head);
 * the others may be where somebody writes at the same time (the rest). What the rest
 * contains changes sums, and nothing else.
 *
 * Segments are what the Linux kernel makes of the same frame, to the byte: IPv4 ids
 * count up, FIN and PSH are on the last one, CWR on the first. Their checksums rest on
 * the pseudo-header's sum in the frame, as the sender has to know the last address
 * behind an IPv6 routing header. A wrong one makes wrong segments, and only its own.
 *
 * Linux takes no UDP frame of more than 128 segments, so such ones are cut here.
 * Checksums of anything but a plain TCP or UDP packet (in tunnels, say) are finished
 * as the header says, and no receiver is asked to. Such frames are never cut. The same
 * goes for packets with something behind them in the frame, as it is no part of the sum.
 *
 * Bounds: headers end within OFFLOAD_HEAD_MAX, a frame makes OFFLOAD_SEGS_MAX segments
 * at most. That may still be much more work than a common frame is: who shares out time
 * should count segments. No allocation, no clock, no descriptor.
 */
#ifndef LIB_OFFLOAD_H
#define LIB_OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "lib/compiler.h"
#include "lib/vnet.h"

enum {
	OFFLOAD_HEAD_MAX = 256,		/* a head need not be longer */
	OFFLOAD_HDR_MAX = 256 + 8,	/* headers, with two tags that were added since */
	OFFLOAD_SEGS_MAX = 8192,
	OFFLOAD_TCP_MIN = 8,		/* gso_size of TCP, as in Linux */
	OFFLOAD_UDP_MAX = 128,		/* segments of UDP that others can take */
};

/* Sets of features, as of virtio: a bit each. */
#define OFFLOAD_F(feature)	(UINT64_C(1) << (feature))
/* All that a receiver can take; and a need that none can fulfil. */
#define OFFLOAD_TAKES		(OFFLOAD_F(VNET_F_GUEST_CSUM) | \
				 OFFLOAD_F(VNET_F_GUEST_TSO4) | \
				 OFFLOAD_F(VNET_F_GUEST_TSO6) | \
				 OFFLOAD_F(VNET_F_GUEST_ECN) | \
				 OFFLOAD_F(VNET_F_GUEST_USO4) | \
				 OFFLOAD_F(VNET_F_GUEST_USO6))
#define OFFLOAD_HERE		OFFLOAD_F(63)

/** enum offload_error - Why a header does not fit its frame */
enum offload_error {
	OFFLOAD_OK,
	OFFLOAD_BAD_TYPE,	/* gso_type unknown, or one nobody offers */
	OFFLOAD_BAD_SIZE,	/* gso_size zero, or far too small */
	OFFLOAD_BAD_CSUM,	/* csum_start or csum_offset outside */
	OFFLOAD_NO_CSUM,	/* to be cut, but not to be summed, or elsewhere */
	OFFLOAD_BAD_PROTO,	/* gso_type names another protocol */
	OFFLOAD_FRAGMENT,	/* to be cut, but is a fragment */
	OFFLOAD_BAD_LENGTH,	/* IP or UDP length is not the frame's */
	OFFLOAD_BAD_HEADERS,	/* headers broken, cut off, or too long */
	OFFLOAD_ERRORS
};

/**
 * struct offload - What is to do for a frame; offsets are from its first byte
 * @needs:	Features its receiver must have to take it as it is; 0: it is finished
 * @size:	Bytes of the frame
 * @csum_end:	Where the bytes end that are summed
 * @head_size:	Bytes of it in the head
 * @l3:		Where the IP header is, behind VLAN tags; 0 if nothing is to do
 * @l4:		Where the TCP or UDP header is; 0 if it is neither
 * @hdr_len:	Where their payload begins; 0 if it is neither
 * @csum_start:	Where the bytes begin that are summed
 * @csum_field:	Where the sum goes
 * @gso_size:	Payload of a segment; 0: not to be cut
 * @segs:	How many segments, 1 if not to be cut
 * @gso_type:	VNET_GSO_..., without VNET_GSO_ECN
 * @proto:	6 or 17: TCP or UDP in IP, in one piece; or 0
 * @ipv6:	Version 6 of it, and not 4
 * @ecn:	Has VNET_GSO_ECN
 * @valid:	Receivers need not check sums (VNET_HDR_DATA_VALID). Always false after
 *		offload_parse(): only the host's kernel may be believed in this, and
 *		whoever knows that it sent the frame sets it.
 */
struct offload {
	uint64_t needs;
	uint32_t size;
	uint32_t csum_end;
	uint32_t head_size;
	uint16_t l3, l4, hdr_len;
	uint16_t csum_start, csum_field;
	uint16_t gso_size;
	uint16_t segs;
	uint8_t gso_type;
	uint8_t proto;
	bool ipv6, ecn, valid;
};

/**
 * offload_parse() - Check a header against its frame, and find out what is to do
 * @o:		Where to put it; undefined if the frame is refused
 * @hdr:	Header, a private copy
 * @head:	First bytes of the frame, a private copy
 * @head_size:	How many; all of the frame, or OFFLOAD_HEAD_MAX at least
 * @size:	Bytes of the whole frame
 *
 * hdr_len is not looked at, nor are unknown flags.
 *
 * Return: OFFLOAD_OK, or why it is refused
 */
enum offload_error offload_parse(struct offload *o, const struct vnet_hdr *hdr,
				 const void *head, size_t head_size, size_t size)
	MUST_CHECK;

/* A few words for logs and statistics. */
const char *offload_error_name(enum offload_error error);

/* Whether a receiver with @features takes the frame as it is. */
static inline bool offload_fits(uint64_t features, const struct offload *o)
{
	return !(o->needs & ~(features & OFFLOAD_TAKES));
}

/* The header for a receiver with @features, which the frame fits. */
struct vnet_hdr offload_hdr(const struct offload *o, uint64_t features);

/**
 * offload_moved() - The frame's headers moved: it gained or lost a VLAN tag
 * @o:		What is to do for the frame before
 * @by:		Bytes that it gained in front of its IP header (4 or -4), in the head
 *
 * No more than two tags may be added. A frame that has more than two then is for no
 * other to finish.
 */
void offload_moved(struct offload *o, int by);

/**
 * offload_csum() - Finish the checksum of a frame that is not to be cut
 * @o:		What is to do; nothing is left to do afterwards
 * @head:	@o->head_size first bytes of the frame; the sum is written there
 * @rest:	The others
 * @cnt:	Pieces of them
 */
void offload_csum(struct offload *o, void *head, const struct iovec *rest,
		  unsigned int cnt);

/**
 * struct offload_cut - A frame on its way into segments
 * @size:	Bytes of the segment made last, headers included
 * @hdr:	Header for it: zeros, but where the receiver completes checksums
 *
 * The other members are its own. All pointers are the caller's, and stay valid.
 */
struct offload_cut {
	size_t size;
	struct vnet_hdr hdr;

	const struct offload *o;
	const uint8_t *head;
	const struct iovec *rest;
	unsigned int cnt;
	unsigned int piece;	/* of the payload; 0 is what of it is in the head */
	size_t off;		/* in that piece */
	unsigned int seg;	/* made so far */
	bool partial;		/* the receiver completes checksums */
};

/**
 * offload_cut_start() - Begin to cut a frame
 * @cut:	State of it
 * @o:		What is to do for the frame; o->segs is above 1
 * @head:	Its o->head_size first bytes
 * @rest:	The others
 * @cnt:	Pieces of them
 * @features:	What the receiver takes: with VNET_F_GUEST_CSUM segments may come with
 *		partial checksums, and a header that says so
 */
void offload_cut_start(struct offload_cut *cut, const struct offload *o,
		       const void *head, const struct iovec *rest, unsigned int cnt,
		       uint64_t features);

/**
 * offload_segment() - Make the next segment
 * @cut:	A frame, from offload_cut_start()
 * @buf:	Room for headers, o->hdr_len bytes (OFFLOAD_HDR_MAX at most)
 * @iov:	Becomes the segment: @buf, then pieces of the frame's payload
 * @max:	Elements of @iov; two more than pieces of the rest are always enough
 *
 * Return: elements of @iov used; 0 if there are no more segments; -ENOBUFS if the
 * payload lies in too many pieces, -EINVAL if there is less of it than there should
 * be: no segment can follow then
 */
int offload_segment(struct offload_cut *cut, void *buf, struct iovec *iov,
		    unsigned int max) MUST_CHECK;

#endif /* LIB_OFFLOAD_H */
