/* SPDX-License-Identifier: BSD-2-Clause */
/* vnet.h - Ethernet frames in the buffers of a virtio network device
 *
 * Each frame has a header in front (virtio 1.2, section 5.1.6.1): 12 bytes, or
 * 10 with a legacy driver that did not negotiate mergeable receive buffers.
 * Towards the driver a frame may take several chains if VIRTIO_NET_F_MRG_RXBUF
 * was negotiated; the header then says how many. What else is in a header is the
 * business of offload.h.
 *
 * Device side; struct vring guards the memory.
 */
#ifndef LIB_VNET_H
#define LIB_VNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

#include "lib/bytes.h"
#include "lib/compiler.h"
#include "lib/vring.h"

enum {
	VNET_HDR_SIZE = 12,
	VNET_HDR_SIZE_LEGACY = 10,

	/* Feature bits, section 5.1.3; GUEST: what the driver takes */
	VNET_F_CSUM = 0,
	VNET_F_GUEST_CSUM = 1,
	VNET_F_MTU = 3,
	VNET_F_GUEST_TSO4 = 7,
	VNET_F_GUEST_TSO6 = 8,
	VNET_F_GUEST_ECN = 9,
	VNET_F_HOST_TSO4 = 11,
	VNET_F_HOST_TSO6 = 12,
	VNET_F_HOST_ECN = 13,
	VNET_F_MRG_RXBUF = 15,
	VNET_F_MQ = 22,
	VNET_F_GUEST_USO4 = 54,
	VNET_F_GUEST_USO6 = 55,
	VNET_F_HOST_USO = 56,

	/* Flags of a header */
	VNET_HDR_NEEDS_CSUM = 1,
	VNET_HDR_DATA_VALID = 2,

	/* Its gso_type */
	VNET_GSO_NONE = 0,
	VNET_GSO_TCPV4 = 1,
	VNET_GSO_UFO = 3,
	VNET_GSO_TCPV6 = 4,
	VNET_GSO_UDP_L4 = 5,
	VNET_GSO_ECN = 0x80,	/* beside one of TCP */
};

/** struct vnet_hdr - Section 5.1.6.1 */
struct vnet_hdr {
	uint8_t flags;
	uint8_t gso_type;
	struct le16 hdr_len;
	struct le16 gso_size;
	struct le16 csum_start;
	struct le16 csum_offset;
	struct le16 num_buffers;
};

static_assert(sizeof(struct vnet_hdr) == VNET_HDR_SIZE, "virtio 1.2, 5.1.6.1");

/* The header of a frame of which there is nothing to say. */
#define VNET_HDR_NONE	((struct vnet_hdr){ .num_buffers = { { 1, 0 } } })

/** struct vnet - What was negotiated about buffers */
struct vnet {
	size_t hdr_size;
	bool merge;
};

struct vnet vnet_negotiated(uint64_t features);

/**
 * vnet_put() - Write a frame into chains taken from a receive ring
 * @vn:		What was negotiated
 * @vr:		Ring; chains that were filled are pushed to it, in order
 * @chains:	@n chains taken from it
 * @n:		How many, at least one
 * @hdr:	Its header, with a num_buffers of 1
 * @iov:	The frame
 * @iovcnt:	Elements of @iov
 * @size:	Bytes of the frame
 *
 * Return: chains used; 0 if @n chains have no room for it, with nothing pushed;
 * -EMSGSIZE if it cannot fit into any buffers of this kind; -EPROTO if the
 * chains are no receive buffers (@vr is broken then)
 */
static inline int vnet_put(const struct vnet *vn, struct vring *vr,
			   const struct vring_chain *chains, unsigned int n,
			   const struct vnet_hdr *hdr, const struct iovec *iov,
			   unsigned int iovcnt, size_t size) MUST_CHECK;

/* Its slow path. */
int vnet_put_scattered(const struct vnet *vn, struct vring *vr,
		       const struct vring_chain *chains, unsigned int n,
		       const struct vnet_hdr *hdr, const struct iovec *iov,
		       unsigned int iovcnt, size_t size);

/* Most heads have this size, and so most copies know it beforehand. */
enum { VNET_HEAD = 64 };

static inline int vnet_put(const struct vnet *vn, struct vring *vr,
			   const struct vring_chain *chains, unsigned int n,
			   const struct vnet_hdr *hdr, const struct iovec *iov,
			   unsigned int iovcnt, size_t size)
{
	const struct vring_chain *c = &chains[0];
	uint8_t *p;

	if (UNLIKELY(c->out || c->in != 1 || c->iov->iov_len < vn->hdr_size + size))
		return vnet_put_scattered(vn, vr, chains, n, hdr, iov, iovcnt, size);
	p = c->iov->iov_base;
	/* A legacy header is shorter; a frame is not, and comes on top. */
	memcpy(p, hdr, VNET_HDR_SIZE);
	p += vn->hdr_size;
	for (unsigned int i = 0; i < iovcnt; i++) {
		if (LIKELY(iov[i].iov_len == VNET_HEAD))
			memcpy(p, iov[i].iov_base, VNET_HEAD);
		else
			memcpy(p, iov[i].iov_base, iov[i].iov_len);
		p += iov[i].iov_len;
	}
	vring_push(vr, c->head, (uint32_t)(vn->hdr_size + size));
	return 1;
}

#endif /* LIB_VNET_H */
