/* SPDX-License-Identifier: BSD-2-Clause */
/* pcap_out.h - Frames into a pcap file, each of them whole or not at all
 *
 * The switch writes the file itself, as VDE's pdump does. A regular file makes it wait
 * for the disk at most; who wants a pipe, or a file that may hang, takes a capture
 * (capture.h).
 *
 * When the disk is full, the file is cut at the end of the last record that was
 * written whole. It is opened for appending, so that two switches that were given the
 * same file write whole records both.
 */
#ifndef SWITCHD_PCAP_OUT_H
#define SWITCHD_PCAP_OUT_H

#include <sys/types.h>
#include <time.h>

#include "lib/compiler.h"

struct frame;
struct pcap_out;

/**
 * pcap_out_open() - Begin a file
 * @uid:	Who wants it; it is opened with his rights (see open_as.h)
 * @gid:	His group
 * @path:	File, made with mode 0600 if need be
 * @out:	Set to the open file
 *
 * Return: 0 or -errno; -EEXIST, with nothing changed, if it is there and is neither
 * empty nor a file that was made here; -ELOOP if it is a symbolic link
 */
int pcap_out_open(uid_t uid, gid_t gid, const char *path, struct pcap_out **out) MUST_CHECK;

/* Close it, writing what is buffered if that is possible. NULL is fine. */
void pcap_out_close(struct pcap_out *out);

/* Append a frame to what is buffered, writing that first if there is no room. Return:
 * as pcap_out_flush(). */
int pcap_out_frame(struct pcap_out *out, const struct frame *frame,
		   struct timespec now) MUST_CHECK;

/* Write what is buffered. Return: 0, or -errno: what could not be written whole is
 * lost. */
int pcap_out_flush(struct pcap_out *out) MUST_CHECK;

#endif /* SWITCHD_PCAP_OUT_H */
