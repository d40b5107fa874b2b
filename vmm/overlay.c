/* SPDX-License-Identifier: BSD-2-Clause */
/* overlay.c - Where writes to a disk go whose image must not change */
#include "config.h"

#include "vmm/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"

enum { SECTOR = 512, WORD_BITS = 64 };

/* A file without a name in @dir. */
static int overlay_file(const char *dir)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char path[4096];

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd < 0 ? -errno : fd;
	/* A file system that cannot do that. */
	if (snprintf(path, sizeof(path), "%s/lanbox-XXXXXX", dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(path);
	return fd;
}

int overlay_open(struct overlay *o, uint64_t bytes)
{
	const char *dir = getenv("TMPDIR");
	int ret;

	o->map = NULL;
	o->words = (bytes / SECTOR + WORD_BITS - 1) / WORD_BITS;
	o->fd = overlay_file(dir && *dir ? dir : "/var/tmp");
	if (o->fd < 0) {
		ret = o->fd;
		o->fd = -1;
		return ret;
	}
	o->map = mmap(NULL, o->words * sizeof(*o->map), PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (o->map == MAP_FAILED)
		o->map = NULL;
	if (!o->map || ftruncate(o->fd, (off_t)bytes) < 0) {
		ret = -errno;
		overlay_close(o);
		return ret;
	}
	return 0;
}

void overlay_close(struct overlay *o)
{
	if (o->map)
		munmap(o->map, o->words * sizeof(*o->map));
	o->map = NULL;
	fd_close(&o->fd);
}

static bool overlay_has(const struct overlay *o, uint64_t sector)
{
	return o->map[sector / WORD_BITS] >> (sector % WORD_BITS) & 1;
}

uint64_t overlay_run(const struct overlay *o, uint64_t off, uint64_t len, bool *ours)
{
	uint64_t s = off / SECTOR, end = (off + len - 1) / SECTOR + 1;
	uint64_t same = overlay_has(o, s) ? UINT64_MAX : 0;

	while (s < end) {
		if (s % WORD_BITS == 0 && o->map[s / WORD_BITS] == same)
			s += WORD_BITS;
		else if (overlay_has(o, s) == !!same)
			s++;
		else
			break;
	}
	*ours = same;
	return MIN(s * SECTOR - off, len);
}

void overlay_mark(struct overlay *o, uint64_t off, uint64_t len)
{
	uint64_t s = off / SECTOR, end = (off + len) / SECTOR;

	while (s < end) {
		if (s % WORD_BITS == 0 && end - s >= WORD_BITS) {
			o->map[s / WORD_BITS] = UINT64_MAX;
			s += WORD_BITS;
		} else {
			o->map[s / WORD_BITS] |= 1ULL << (s % WORD_BITS);
			s++;
		}
	}
}
