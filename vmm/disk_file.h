/* SPDX-License-Identifier: BSD-2-Clause */
/* disk_file.h - The file or block device behind a disk: opening it, and keeping it
 *		 from others
 *
 * DOC: Theory of operation
 *
 * An image is as large as its file when it is opened, rounded up to sectors of 512
 * bytes: what is behind the file's end reads as zero, and the file grows by that
 * when the guest writes there. What the file contains is the guest's business, and
 * an image is of the format that the user says. Only if he says nothing, a file
 * that looks like one of another format is refused, since it cannot be what he
 * meant.
 *
 * Two machines that write to one image destroy it. So the file is locked as QEMU
 * does it, with locks on single bytes that belong to the open file (F_OFD_SETLK):
 * one who writes keeps out all others, those who read keep out those who write. On
 * a block device that is to be written to the kernel's own claim is taken, too
 * (O_EXCL), which mounted file systems have, and volume managers.
 *
 * A machine that was killed is gone before its locks are: the kernel ends io_uring, and
 * what was under way there, behind the process. So the next one may wait for a moment.
 */
#ifndef VMM_DISK_FILE_H
#define VMM_DISK_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"

enum { DISK_SECTOR = 512 };

/**
 * struct disk_file - An open image
 * @path:	Its name, borrowed
 * @fd:		The file, -1 if there is none
 * @writable:	It may be written to
 * @device:	It is a block device
 * @direct:	@fd bypasses the host's page cache (O_DIRECT)
 * @bytes:	Size of the file
 * @size:	Size of the disk, a multiple of DISK_SECTOR
 * @block:	With @direct, what offsets and sizes have to be multiples of, a power
 *		of two; with a device without @direct the size of its blocks; 1
 *		otherwise
 * @memory:	With @direct, what addresses in memory have to be multiples of
 * @physical:	Bytes that the storage writes at one go
 */
struct disk_file {
	const char *path;
	int fd;
	bool writable;
	bool device;
	bool direct;
	uint64_t bytes;
	uint64_t size;
	uint32_t block;
	uint32_t memory;
	uint32_t physical;
};

/**
 * struct disk_file_want - How to open an image
 * @write:	For writing
 * @direct:	Past the host's page cache, if its file system can do that
 * @probe:	Refuse a file that looks like another format than raw
 * @lock:	Keep others out
 * @wait_ms:	How long others who have locks may take to give them up
 */
struct disk_file_want {
	bool write;
	bool direct;
	bool probe;
	bool lock;
	unsigned int wait_ms;
};

/**
 * disk_file_open() - Open an image
 * @f:		Filled
 * @path:	Its name, borrowed
 * @want:	How
 *
 * Every failure is logged, naming the image. Return: 0 or -errno; -EBUSY if
 * somebody else uses it
 */
int disk_file_open(struct disk_file *f, const char *path,
		   const struct disk_file_want *want) MUST_CHECK;

void disk_file_close(struct disk_file *f);

/**
 * disk_file_looks_like() - What format has a file that begins so?
 * @head:	Its first bytes
 * @size:	How many, 512 are enough
 *
 * Return: its name in QEMU's words, or NULL if it can be a raw one
 */
const char *disk_file_looks_like(const uint8_t *head, uint64_t size);

#endif /* VMM_DISK_FILE_H */
