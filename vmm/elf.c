/* SPDX-License-Identifier: BSD-2-Clause */
/* elf.c - Reading an ELF kernel that says where it begins (PVH) */
#include "config.h"

#include "vmm/elf.h"

#include <elf.h>
#include <string.h>

#include "lib/compiler.h"
#include "vmm/layout.h"

enum {
	NOTE_PHYS32_ENTRY = 18,		/* XEN_ELFNOTE_PHYS32_ENTRY */
};

bool elf_is(const uint8_t *head, size_t size)
{
	return size >= SELFMAG && !memcmp(head, ELFMAG, SELFMAG);
}

/* Take a segment. Return: NULL, or what is wrong with it. */
static const char *elf_segment(const Elf64_Phdr *ph, uint64_t file_size,
			       struct elf_kernel *k)
{
	if (ph->p_offset > file_size || ph->p_filesz > file_size - ph->p_offset)
		return "the file ends within the kernel";
	if (ph->p_type == PT_NOTE) {
		k->notes = ph->p_offset;
		k->notes_size = MIN(ph->p_filesz, (uint64_t)ELF_NOTES_MAX);
		return NULL;
	}
	if (ph->p_type != PT_LOAD || !ph->p_memsz)
		return NULL;
	if (ph->p_filesz > ph->p_memsz)
		return "a segment of the kernel is larger than its place";
	if (ph->p_paddr < LAYOUT_HIGH_MEM || ph->p_paddr >= LAYOUT_LOW_RAM_MAX ||
	    ph->p_memsz > LAYOUT_LOW_RAM_MAX - ph->p_paddr)
		return "the kernel wants to be at an address where there is no RAM";
	if (k->segments == ELF_SEGMENTS)
		return "the kernel has too many segments";
	k->segment[k->segments++] = (struct elf_segment){
		.off = ph->p_offset, .size = ph->p_filesz, .addr = ph->p_paddr,
	};
	k->first = MIN(k->first, ph->p_paddr);
	k->end = MAX(k->end, ph->p_paddr + ph->p_memsz);
	return NULL;
}

const char *elf_parse(const uint8_t *head, size_t size, uint64_t file_size,
		      struct elf_kernel *k)
{
	Elf64_Ehdr eh;

	*k = (struct elf_kernel){ .first = UINT64_MAX };
	if (size < sizeof(eh))
		return "the file is too short to be a kernel";
	memcpy(&eh, head, sizeof(eh));
	if (eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_ident[EI_DATA] != ELFDATA2LSB ||
	    eh.e_machine != EM_X86_64)
		return "an ELF file, but not one for x86-64";
	if (eh.e_phentsize != sizeof(Elf64_Phdr) || eh.e_phoff > size ||
	    (size - eh.e_phoff) / sizeof(Elf64_Phdr) < eh.e_phnum)
		return "its program headers are not where they could be read";
	for (unsigned int i = 0; i < eh.e_phnum; i++) {
		const char *why;
		Elf64_Phdr ph;

		memcpy(&ph, head + eh.e_phoff + i * sizeof(ph), sizeof(ph));
		why = elf_segment(&ph, file_size, k);
		if (why)
			return why;
	}
	if (!k->segments)
		return "an ELF file with nothing to load";
	return NULL;
}

bool elf_pvh_entry(const uint8_t *notes, size_t size, uint32_t *entry)
{
	size_t off = 0;

	while (size - off >= sizeof(Elf64_Nhdr)) {
		uint64_t name, value, next;
		Elf64_Nhdr nh;

		memcpy(&nh, notes + off, sizeof(nh));
		/* Name and value are each padded to words. */
		name = off + sizeof(nh);
		value = name + (((uint64_t)nh.n_namesz + 3) & ~3ULL);
		next = value + (((uint64_t)nh.n_descsz + 3) & ~3ULL);
		if (next > size)
			return false;
		/* The value is a word, or a long one. */
		if (nh.n_type == NOTE_PHYS32_ENTRY && nh.n_namesz == 4 &&
		    !memcmp(notes + name, "Xen", 4) && nh.n_descsz >= sizeof(*entry)) {
			memcpy(entry, notes + value, sizeof(*entry));
			return true;
		}
		off = (size_t)next;
	}
	return false;
}
