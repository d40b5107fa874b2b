/* SPDX-License-Identifier: BSD-2-Clause */
/* disk_file.c - The file or block device behind a disk; the essay is in the header */
#include "config.h"

#include "vmm/disk_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"

enum {
	/* Without better knowledge, for direct access, and for whole pages. */
	BLOCK_UNKNOWN = 4096,

	/* Bytes that QEMU locks (its permissions and what it refuses to share), as
	 * far as disks of guests use them. */
	BYTE_READ = 100,
	BYTE_WRITE = 101,
	BYTE_RESIZE = 103,
	BYTE_NO_READ = 200,
	BYTE_NO_WRITE = 201,
	BYTE_NO_RESIZE = 203,

	LOCK_PAUSE_MS = 10,
};

/* Formats. */

const char *disk_file_looks_like(const uint8_t *head, uint64_t size)
{
	static const struct {
		const char *format;
		unsigned int at;
		const char *magic;
		unsigned int length;
	} known[] = {
		{ "qcow2", 0, "QFI\xfb", 4 },
		{ "qed", 0, "QED\0", 4 },
		{ "vmdk", 0, "KDMV", 4 },
		{ "vmdk", 0, "COWD", 4 },
		{ "vmdk", 0, "# Disk DescriptorFile", 21 },
		{ "vhdx", 0, "vhdxfile", 8 },
		{ "vpc", 0, "conectix", 8 },
		{ "vdi", 64, "\x7f\x10\xda\xbe", 4 },
		{ "parallels", 0, "WithoutFreeSpace", 16 },
		{ "parallels", 0, "WithouFreSpacExt", 16 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].at + known[i].length <= size &&
		    !memcmp(head + known[i].at, known[i].magic, known[i].length))
			return known[i].format;
	return NULL;
}

static int file_probe(const struct disk_file *f)
{
	uint8_t head[DISK_SECTOR];
	ssize_t n = pread(f->fd, head, sizeof(head), 0);
	const char *format;

	if (n < 0) {
		int ret = -errno;

		log_err_errno(-ret, "disk '%s'", f->path);
		return ret;
	}
	format = disk_file_looks_like(head, (uint64_t)n);
	if (!format)
		return 0;
	log_err("disk '%s': this looks like a %s image; say so with -drive file=...,"
		"format=%s, or format=raw if it is to be taken as it is", f->path,
		format, format);
	return -EINVAL;
}

/* Locks. */

/* A lock of our own on one byte. Return: 0, -EBUSY if somebody is against it, or
 * another -errno. */
static int file_lock_byte(int fd, short type, off_t byte)
{
	struct flock l = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1,
	};

	if (!fcntl(fd, F_OFD_SETLK, &l))
		return 0;
	return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
}

/* Whether nobody else has a lock on a byte. Return: 0 or -EBUSY. */
static int file_lock_free(int fd, off_t byte)
{
	struct flock l = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1,
	};

	return !fcntl(fd, F_OFD_GETLK, &l) && l.l_type != F_UNLCK ? -EBUSY : 0;
}

static void file_unlock(int fd)
{
	struct flock l = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	fcntl(fd, F_OFD_SETLK, &l);
}

/* QEMU shares its locks and then looks for others, so that two who start at the
 * same time may both lose. A writer of ours locks for itself alone, and one wins.
 * Return: 0, -EBUSY if somebody else has locks, or another -errno. */
static int file_try_lock(const struct disk_file *f)
{
	static const off_t foreign[] = { BYTE_WRITE, BYTE_RESIZE, BYTE_NO_READ };
	int fd = f->fd, ret;

	if (f->writable) {
		ret = file_lock_byte(fd, F_WRLCK, BYTE_WRITE);
		ret = ret ? ret : file_lock_byte(fd, F_WRLCK, BYTE_NO_WRITE);
	} else {
		ret = file_lock_byte(fd, F_RDLCK, BYTE_NO_WRITE);
	}
	ret = ret ? ret : file_lock_byte(fd, F_RDLCK, BYTE_READ);
	ret = ret ? ret : file_lock_byte(fd, F_RDLCK, BYTE_NO_RESIZE);
	for (size_t i = 0; !ret && i < ARRAY_SIZE(foreign); i++)
		ret = file_lock_free(fd, foreign[i]);
	return ret;
}

static int file_lock(const struct disk_file *f, unsigned int wait_ms)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_MS * 1000000 };
	int ret = file_try_lock(f);

	for (unsigned int ms = 0; ret == -EBUSY && ms < wait_ms; ms += LOCK_PAUSE_MS) {
		file_unlock(f->fd);
		nanosleep(&pause, NULL);
		ret = file_try_lock(f);
	}
	if (ret == -EBUSY) {
		log_err("disk '%s': another VM uses it%s", f->path, f->writable ? "" :
			" and may write to it");
		return ret;
	}
	if (ret)
		log_warn_errno(-ret, "disk '%s': cannot be locked; nothing keeps other "
			       "VMs from it", f->path);
	return 0;
}

/* Size and blocks. */

/* What direct access to the file needs. Return: whether it is possible. */
static bool file_direct_limits(struct disk_file *f)
{
	struct statx sx;

	f->block = f->memory = BLOCK_UNKNOWN;
	if (!statx(f->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &sx) &&
	    sx.stx_mask & STATX_DIOALIGN) {
		f->block = sx.stx_dio_offset_align;
		f->memory = sx.stx_dio_mem_align;
	}
	/* A block at the end that is not whole could not be written. */
	return f->block && f->memory && f->block <= BLOCK_UNKNOWN &&
	       f->memory <= BLOCK_UNKNOWN && f->bytes % f->block == 0;
}

static int file_device_size(struct disk_file *f)
{
	unsigned int physical;
	int logical;

	if (ioctl(f->fd, BLKGETSIZE64, &f->bytes) < 0 ||
	    ioctl(f->fd, BLKSSZGET, &logical) < 0 || logical < DISK_SECTOR)
		return -errno;
	f->block = (uint32_t)logical;
	f->physical = f->block;
	if (!ioctl(f->fd, BLKPBSZGET, &physical) && physical > f->block)
		f->physical = physical;
	return 0;
}

/* Fill in what the file is. */
static int file_examine(struct disk_file *f, const struct stat *st)
{
	int ret = 0;

	f->device = S_ISBLK(st->st_mode);
	f->block = f->memory = 1;
	if (f->device) {
		ret = file_device_size(f);
	} else {
		f->bytes = (uint64_t)st->st_size;
		/* Whole pages are what file systems on it had best use. */
		f->physical = f->bytes % BLOCK_UNKNOWN ? DISK_SECTOR : BLOCK_UNKNOWN;
	}
	if (ret) {
		log_err_errno(-ret, "disk '%s': its size", f->path);
		return ret;
	}
	f->size = (f->bytes + DISK_SECTOR - 1) / DISK_SECTOR * DISK_SECTOR;
	if (f->size)
		return 0;
	log_err("disk '%s': it is empty", f->path);
	return -EINVAL;
}

/* Bypass the page cache from now on, or say why not. */
static void file_go_direct(struct disk_file *f)
{
	struct disk_file direct = *f;
	int flags = fcntl(f->fd, F_GETFL);

	if (file_direct_limits(&direct) && !fcntl(f->fd, F_SETFL, flags | O_DIRECT)) {
		*f = direct;
		f->direct = true;
		return;
	}
	log_warn("disk '%s': direct access is not possible (its file system, or its "
		 "size); the host's cache is used", f->path);
}

/* Opening. */

static int file_open_fd(const char *path, const struct disk_file_want *want,
			struct stat *st)
{
	int flags = O_CLOEXEC | O_NOCTTY | (want->write ? O_RDWR : O_RDONLY);
	int fd, ret;

	/* Nothing else is to be opened even for a moment; what takes the place of it
	 * meanwhile is seen below. */
	if (stat(path, st) < 0)
		return -errno;
	if (S_ISDIR(st->st_mode))
		return -EISDIR;
	if (!S_ISREG(st->st_mode) && !S_ISBLK(st->st_mode))
		return -ENOTBLK;
	if (S_ISBLK(st->st_mode) && want->write && want->lock)
		flags |= O_EXCL;
	fd = open(path, flags | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	ret = fstat(fd, st) < 0 ? -errno : 0;
	if (!ret && !S_ISREG(st->st_mode) && !S_ISBLK(st->st_mode))
		ret = -ENOTBLK;
	if (!ret)
		ret = fd_set_nonblock(fd, false);
	if (ret)
		fd_close(&fd);
	return ret ? ret : fd;
}

static void file_complain(const char *path, bool write, int err)
{
	switch (err) {
	case ENOTBLK:
	case EISDIR:
		log_err("disk '%s': neither a file nor a block device", path);
		break;
	case EBUSY:
		log_err("disk '%s': this host or another VM uses it (is it mounted?)",
			path);
		break;
	case EACCES:
	case EPERM:
	case EROFS:
		log_err_errno(err, "disk '%s'%s", path, write ? ": for writing (only to "
			      "read it, add readonly=on or -snapshot)" : "");
		break;
	default:
		log_err_errno(err, "disk '%s'", path);
	}
}

int disk_file_open(struct disk_file *f, const char *path,
		   const struct disk_file_want *want)
{
	struct stat st;
	int ret;

	*f = (struct disk_file){ .path = path, .writable = want->write };
	f->fd = file_open_fd(path, want, &st);
	if (f->fd < 0) {
		file_complain(path, want->write, -f->fd);
		return f->fd;
	}
	ret = file_examine(f, &st);
	if (!ret && want->lock)
		ret = file_lock(f, want->wait_ms);
	if (!ret && want->probe)
		ret = file_probe(f);
	if (ret)
		disk_file_close(f);
	else if (want->direct)
		file_go_direct(f);
	return ret;
}

void disk_file_close(struct disk_file *f)
{
	fd_close(&f->fd);
}
