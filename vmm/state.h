/* SPDX-License-Identifier: BSD-2-Clause */
/* state.h - The file that a saved VM is kept in: sections by name, and the pages of RAM
 *
 * What the sections mean is their owners' business (save.h); here is what makes a file
 * one of ours, whole, and the one that was written.
 *
 * DOC: The file
 *
 *	struct state_head		64 bytes
 *	sections			struct state_section and its bytes, each padded
 *	...				to 8 bytes; zeros up to a whole page
 *	pages of RAM			those that are not zero, in order
 *
 * Which pages of RAM these are, a section of our own says: "ram", a bit for each. All
 * else reads as zero. Everything is covered by one of three sums (CRC-32C): the head by
 * its own, the sections and the pages by those in the head. The file ends with its last
 * page, and numbers are little-endian.
 *
 * Writing: sections are collected in memory, and the head, which makes the file one, is
 * written last. All that goes to a temporary file beside the one that is wanted, which
 * takes its place when it is safe on the disk: whatever goes wrong, nothing is left, and
 * what was there before is there still.
 *
 * Security model: a file may come from anywhere. A sum is no seal: whoever reads a section
 * checks what is in it as if a guest had written it. Here no size is believed before it
 * was compared with that of the file.
 */
#ifndef VMM_STATE_H
#define VMM_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

enum {
	STATE_VERSION = 1,
	STATE_PAGE = 4096,
	STATE_NAME = 16,
	STATE_SECTIONS_MAX = 64 << 20,	/* bytes */
};

/**
 * struct state_head - What a file begins with
 * @magic:	"lanbox-vm-state" and a newline
 * @version:	STATE_VERSION
 * @sum:	Of the head, with zero in the place of this
 * @ram_at:	Where the pages of RAM begin: the size of head and sections
 * @pages:	How many there are
 * @sections_sum: Of all between head and pages
 * @pages_sum:	Of the pages
 */
struct state_head {
	char magic[16];
	uint32_t version;
	uint32_t sum;
	uint64_t ram_at;
	uint64_t pages;
	uint32_t sections_sum;
	uint32_t pages_sum;
	uint8_t zero[16];
};

/**
 * struct state_section - What a section begins with
 * @name:	Its name, zeros behind it
 * @id:		Which of several of this name
 * @version:	Of its contents
 * @size:	Bytes of its contents
 */
struct state_section {
	char name[STATE_NAME];
	uint32_t id;
	uint32_t version;
	uint64_t size;
};

static_assert(sizeof(struct state_head) == 64, "the file's form");
static_assert(sizeof(struct state_section) == 32, "the file's form");
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "written as it lies in memory");

/** struct state_ram - RAM: a file of memory (or -1), and its mapping */
struct state_ram {
	int fd;
	uint8_t *host;
	uint64_t size;
};

/* Writing. */

/**
 * struct state_out - Sections being collected; all zero is none
 * @failed:	There was no memory
 */
struct state_out {
	uint8_t *data;
	size_t size;
	size_t room;
	bool failed;
};

/* Add a section. */
void state_put(struct state_out *out, const char *name, uint32_t id, uint32_t version,
	       const void *data, size_t size);

/* Forget all sections. */
void state_out_free(struct state_out *out);

/** struct state_progress - How far writing is; the writer's to write */
struct state_progress {
	uint64_t pages;			/* that are to be written */
	uint64_t done;
	bool cancel;			/* the reader's: give up */
};

/**
 * state_write() - Write a file
 * @path:	Which; replaced when all is safe
 * @out:	Sections; one is added to them
 * @ram:	RAM, which nobody changes meanwhile
 * @progress:	Kept up to date, atomically
 *
 * Return: 0, or -errno with nothing left behind; -ECANCELED; -EEXIST if there is something
 * at @path that is no file
 */
int state_write(const char *path, struct state_out *out, const struct state_ram *ram,
		struct state_progress *progress) MUST_CHECK;

/* Reading. */

/**
 * struct state - A file that was opened
 * @path:	Its name, borrowed
 * @fd:		The file
 * @head:	Its head
 * @data:	Its sections, @size bytes
 */
struct state {
	const char *path;
	int fd;
	struct state_head head;
	uint8_t *data;
	size_t size;
};

/**
 * state_open() - Open a file, and check all but its pages
 * @s:		Filled
 * @path:	Its name; borrowed
 *
 * Return: NULL, or what is wrong with it, and nothing is left open
 */
const char *state_open(struct state *s, const char *path) MUST_CHECK;

/* Contents of a section of exactly @size bytes. Return: it, or NULL. */
const void *state_get(const struct state *s, const char *name, uint32_t id,
		      uint32_t version, size_t size);

/* The same with any size, which is put into *@size. */
const void *state_get_any(const struct state *s, const char *name, uint32_t id,
			  uint32_t version, size_t *size);

/**
 * state_read_ram() - Read the pages
 * @s:		File
 * @ram:	Where to; all zero at the beginning
 *
 * Return: NULL, or what is wrong with them
 */
const char *state_read_ram(const struct state *s, const struct state_ram *ram) MUST_CHECK;

/* Closing what is closed is fine. */
void state_close(struct state *s);

#endif /* VMM_STATE_H */
