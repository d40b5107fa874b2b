/* SPDX-License-Identifier: BSD-2-Clause */
/* pcap_out.c - Frames into a pcap file; the essay is in pcap_out.h */
#include "config.h"

#include "switchd/pcap_out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "switchd/frame_pcap.h"
#include "switchd/open_as.h"

enum { PCAP_OUT_BUFFER = 2 * FRAME_PCAP_MAX };

/**
 * struct pcap_out - An open file
 * @fd:		It
 * @used:	Bytes of @buf
 * @buf:	Whole records that wait
 */
struct pcap_out {
	int fd;
	size_t used;
	uint8_t buf[PCAP_OUT_BUFFER];
};

/* Write all of @buf. Return: 0 or -errno, *@done bytes being in the file. */
static int pcap_out_write(int fd, const void *buf, size_t size, size_t *done)
{
	const uint8_t *p = buf;

	for (*done = 0; *done < size; ) {
		ssize_t n = write(fd, p + *done, size - *done);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			*done += (size_t)n;
	}
	return 0;
}

/* Take the last bytes off a file. */
static void pcap_out_cut(int fd, size_t size)
{
	struct stat st;

	while (size && !fstat(fd, &st) && st.st_size >= (off_t)size &&
	       ftruncate(fd, st.st_size - (off_t)size) && errno == EINTR)
		;
}

/* Make an open file an empty capture, if it may become one. */
static int pcap_out_begin(int fd)
{
	const struct pcap_file_hdr hdr = pcap_file_hdr(ETH_FRAME_MAX);
	struct pcap_file_hdr old;
	struct stat st;
	size_t done;
	int ret;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_size && (pread(fd, &old, sizeof(old), 0) != sizeof(old) ||
			   memcmp(&old, &hdr, sizeof(hdr))))
		return -EEXIST;
	if (ftruncate(fd, 0))
		return -errno;
	ret = pcap_out_write(fd, &hdr, sizeof(hdr), &done);
	if (ret)
		pcap_out_cut(fd, done);
	return ret;
}

int pcap_out_open(uid_t uid, gid_t gid, const char *path, struct pcap_out **out)
{
	struct pcap_out *po = malloc(sizeof(*po));
	int ret;

	if (!po)
		return -ENOMEM;
	po->used = 0;
	po->fd = open_as(uid, gid, path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW);
	ret = po->fd < 0 ? po->fd : pcap_out_begin(po->fd);
	if (ret) {
		fd_close(&po->fd);
		free(po);
		return ret;
	}
	*out = po;
	return 0;
}

void pcap_out_close(struct pcap_out *out)
{
	if (!out)
		return;
	if (pcap_out_flush(out)) {
		/* Whoever closes it asked for no more. */
	}
	fd_close(&out->fd);
	free(out);
}

int pcap_out_frame(struct pcap_out *out, const struct frame *frame, struct timespec now)
{
	const size_t size = frame_pcap_size(frame);
	int ret = 0;

	if (size > sizeof(out->buf) - out->used)
		ret = pcap_out_flush(out);
	frame_pcap_write(frame, now, out->buf + out->used);
	out->used += size;
	return ret;
}

/* Bytes of the last record of which only a part is among the first @done. */
static size_t pcap_out_torn(const struct pcap_out *out, size_t done)
{
	size_t at = 0, size = 0;

	while (at + size <= done) {
		struct pcap_rec_hdr hdr;

		at += size;
		if (at == done)
			return 0;
		memcpy(&hdr, out->buf + at, sizeof(hdr));
		size = sizeof(hdr) + le32_get(hdr.caplen);
	}
	return done - at;
}

int pcap_out_flush(struct pcap_out *out)
{
	size_t done;
	int ret = pcap_out_write(out->fd, out->buf, out->used, &done);

	if (ret)
		pcap_out_cut(out->fd, pcap_out_torn(out, done));
	out->used = 0;
	return ret;
}
