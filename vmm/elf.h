/* SPDX-License-Identifier: BSD-2-Clause */
/* elf.h - Reading an ELF kernel that says where it begins (PVH)
 *
 * What the Xen project calls PVH: an ELF file whose note XEN_ELFNOTE_PHYS32_ENTRY
 * holds the physical address at which the kernel is entered in 32-bit protected mode
 * without paging. Linux (vmlinux, which is also packed into each bzImage), FreeBSD and
 * unikernels have it. Segments go to their physical addresses.
 *
 * Pure functions over bytes of the file, none of which is believed. Not here: reading
 * the file, and what the kernel is told (boot.c).
 */
#ifndef VMM_ELF_H
#define VMM_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ELF_HEAD = 4096,		/* bytes that hold all headers */
	ELF_SEGMENTS = 16,
	ELF_NOTES_MAX = 1 << 16,	/* bytes of notes */
};

/**
 * struct elf_segment - A part of the file that is to be loaded
 * @off:	Where it is in the file
 * @size:	How many bytes; they are in the file
 * @addr:	Physical address
 */
struct elf_segment {
	uint64_t off;
	uint64_t size;
	uint64_t addr;
};

/**
 * struct elf_kernel - What the headers say, checked
 * @segment:	What to load, @segments of them
 * @first:	Lowest address of memory it takes
 * @end:	Behind the highest, including what is not in the file and zero
 * @notes:	Where the notes are in the file, @notes_size bytes
 */
struct elf_kernel {
	struct elf_segment segment[ELF_SEGMENTS];
	unsigned int segments;
	uint64_t first;
	uint64_t end;
	uint64_t notes;
	uint64_t notes_size;
};

/* Whether these first bytes of a file are those of any ELF file. */
bool elf_is(const uint8_t *head, size_t size);

/**
 * elf_parse() - Look at the headers
 * @head:	First bytes of the file
 * @size:	How many; ELF_HEAD are enough, or the whole file
 * @file_size:	Bytes of the whole file
 * @k:		Filled
 *
 * Return: NULL, or what is wrong with it
 */
const char *elf_parse(const uint8_t *head, size_t size, uint64_t file_size,
		      struct elf_kernel *k);

/* Find the PVH entry in @size bytes of notes. Return: whether there is one. */
bool elf_pvh_entry(const uint8_t *notes, size_t size, uint32_t *entry);

#endif /* VMM_ELF_H */
