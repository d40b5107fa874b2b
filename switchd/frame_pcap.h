/* SPDX-License-Identifier: BSD-2-Clause */
/* frame_pcap.h - A frame as a record of a pcap file */
#ifndef SWITCHD_FRAME_PCAP_H
#define SWITCHD_FRAME_PCAP_H

#include <string.h>
#include <time.h>

#include "lib/compiler.h"
#include "lib/iov.h"
#include "lib/pcapfile.h"
#include "switchd/frame.h"

/* The longest record, bytes. */
enum { FRAME_PCAP_MAX = sizeof(struct pcap_rec_hdr) + ETH_FRAME_MAX };

/* Bytes of a frame's record. A frame that is too long to be forwarded is recorded in
 * part. */
static inline size_t frame_pcap_size(const struct frame *frame)
{
	return sizeof(struct pcap_rec_hdr) + MIN(frame->size, (size_t)ETH_FRAME_MAX);
}

/* Write a frame's record, frame_pcap_size() bytes, to @p. */
static inline void frame_pcap_write(const struct frame *frame, struct timespec now, uint8_t *p)
{
	const size_t size = MIN(frame->size, (size_t)ETH_FRAME_MAX);
	const struct pcap_rec_hdr hdr = pcap_rec_hdr(now, (uint32_t)size, (uint32_t)frame->size);

	memcpy(p, &hdr, sizeof(hdr));
	iov_to_buf(frame->iov, frame->iovcnt, 0, p + sizeof(hdr), size);
}

#endif /* SWITCHD_FRAME_PCAP_H */
