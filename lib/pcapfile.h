/* SPDX-License-Identifier: BSD-2-Clause */
/* pcapfile.h - The classic pcap file format, nanosecond flavour
 *
 * A file header, then a record header and the bytes of each frame. All words
 * little-endian here (readers take both). Format: draft-ietf-opsawg-pcap.
 */
#ifndef LIB_PCAPFILE_H
#define LIB_PCAPFILE_H

#include <time.h>

#include "lib/bytes.h"
#include "lib/compiler.h"

enum { PCAP_LINKTYPE_ETHERNET = 1 };

struct pcap_file_hdr {
	struct le32 magic;
	struct le16 version_major;
	struct le16 version_minor;
	struct le32 zone;
	struct le32 sigfigs;
	struct le32 snaplen;
	struct le32 linktype;
};

struct pcap_rec_hdr {
	struct le32 sec;
	struct le32 nsec;
	struct le32 caplen;		/* bytes that follow */
	struct le32 len;		/* bytes the frame had */
};

static_assert(sizeof(struct pcap_file_hdr) == 24, "pcap file header");
static_assert(sizeof(struct pcap_rec_hdr) == 16, "pcap record header");

static inline struct pcap_file_hdr pcap_file_hdr(uint32_t snaplen)
{
	return (struct pcap_file_hdr){
		.magic = le32(0xa1b23c4d),
		.version_major = le16(2),
		.version_minor = le16(4),
		.snaplen = le32(snaplen),
		.linktype = le32(PCAP_LINKTYPE_ETHERNET),
	};
}

static inline struct pcap_rec_hdr pcap_rec_hdr(struct timespec t, uint32_t caplen,
					       uint32_t len)
{
	return (struct pcap_rec_hdr){
		.sec = le32((uint32_t)t.tv_sec),
		.nsec = le32((uint32_t)t.tv_nsec),
		.caplen = le32(caplen),
		.len = le32(len),
	};
}

#endif /* LIB_PCAPFILE_H */
