/* SPDX-License-Identifier: BSD-2-Clause */
/* vnet.c - Ethernet frames in the buffers of a virtio network device */
#include "config.h"

#include "lib/vnet.h"

#include <errno.h>
#include <string.h>

#include "lib/iov.h"

struct vnet vnet_negotiated(uint64_t features)
{
	bool merge = features >> VNET_F_MRG_RXBUF & 1;
	bool modern = features >> 32 & 1;	/* VIRTIO_F_VERSION_1 */

	return (struct vnet){
		.hdr_size = merge || modern ? VNET_HDR_SIZE : VNET_HDR_SIZE_LEGACY,
		.merge = merge,
	};
}

/* Chains of any shape: find out how many it takes, then write. */
int vnet_put_scattered(const struct vnet *vn, struct vring *vr,
		       const struct vring_chain *chains, unsigned int n,
		       const struct vnet_hdr *hdr, const struct iovec *iov,
		       unsigned int iovcnt, size_t size)
{
	struct vnet_hdr first = *hdr;
	size_t room = 0, off = 0;
	unsigned int used = 0;

	while (room < vn->hdr_size + size) {
		size_t more;

		if (used == n)
			return 0;
		more = iov_size(chains[used].iov, chains[used].in);
		if (chains[used].out || !more || (!used && more < vn->hdr_size)) {
			vr->broken = "a receive buffer that cannot be written, or without room for a header";
			return -EPROTO;
		}
		room += more;
		used++;
		if (!vn->merge)
			break;
	}
	if (room < vn->hdr_size + size)
		return -EMSGSIZE;
	first.num_buffers = le16((uint16_t)used);
	iov_from_buf(chains[0].iov, chains[0].in, 0, &first, vn->hdr_size);
	for (unsigned int i = 0; i < used; i++) {
		size_t skip = i ? 0 : vn->hdr_size;
		size_t len = iov_size(chains[i].iov, chains[i].in) - skip;

		len = MIN(len, size - off);
		iov_copy(chains[i].iov, chains[i].in, skip, iov, iovcnt, off, len);
		vring_push(vr, chains[i].head, (uint32_t)(len + skip));
		off += len;
	}
	return (int)used;
}
