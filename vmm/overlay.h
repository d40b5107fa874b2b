/* SPDX-License-Identifier: BSD-2-Clause */
/* overlay.h - Where writes to a disk go whose image must not change (-snapshot)
 *
 * DOC: Theory of operation
 *
 * A temporary file without a name, as large as the disk and empty, gets what the
 * guest writes, at the same place as on the disk. A bit for each sector says
 * whether the file has it or the image. So nothing is ever copied from the one to
 * the other, and two requests need not know of each other.
 *
 * The bits take 1/4096 of the disk's size in address space, and in memory what of
 * it was written to. All is gone with the process, however it ends.
 */
#ifndef VMM_OVERLAY_H
#define VMM_OVERLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

/**
 * struct overlay - An overlay
 * @fd:		The file, -1 = there is none
 * @map:	A bit for each sector of 512 bytes
 * @words:	Words of @map
 */
struct overlay {
	int fd;
	uint64_t *map;
	size_t words;
};

/**
 * overlay_open() - Make an overlay, in $TMPDIR or /var/tmp
 * @o:		Filled
 * @bytes:	Size of the disk
 *
 * Return: 0 or -errno
 */
int overlay_open(struct overlay *o, uint64_t bytes) MUST_CHECK;

/* Harmless if there is none (fd is -1). */
void overlay_close(struct overlay *o);

/**
 * overlay_run() - Who has the bytes at @off?
 * @o:		Overlay
 * @off:	Byte of the disk
 * @len:	How many are wanted, at least one, within the disk
 * @ours:	Set to whether the overlay has them, else the image does
 *
 * Return: how many of them that is true for, at least one
 */
uint64_t overlay_run(const struct overlay *o, uint64_t off, uint64_t len, bool *ours);

/* From now on the overlay has the sectors that end within @off and @off + @len, of
 * which it has got all bytes. */
void overlay_mark(struct overlay *o, uint64_t off, uint64_t len);

#endif /* VMM_OVERLAY_H */
