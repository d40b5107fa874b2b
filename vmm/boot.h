/* SPDX-License-Identifier: BSD-2-Clause */
/* boot.h - Booting a kernel without firmware: Linux at its 64-bit entry, others by PVH
 *
 * After the kernel's Documentation/arch/x86/boot.rst: the protected-mode part of
 * the bzImage and the initrd are put into RAM, a zero page describes the machine,
 * and the first vCPU begins in 64-bit mode 0x200 bytes into the kernel.
 *
 * An ELF file with a PVH entry (elf.h) is told of the machine in the words of Xen's
 * public/arch-x86/hvm/start_info.h and begins in 32-bit mode.
 *
 * Kernel and initrd are files from anywhere: nothing in them is believed. They
 * stay open, and each power-on loads them again.
 */
#ifndef VMM_BOOT_H
#define VMM_BOOT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

struct boot_image;
struct vm;

/**
 * struct boot_kernel - What the header of a bzImage says, checked
 * @setup:	Bytes of real-mode code before the protected-mode part
 * @size:	Bytes of the protected-mode part
 * @pref:	Address it prefers
 * @init:	Bytes it needs there
 * @initrd_max:	Last address an initrd may occupy
 * @cmdline_max: Bytes of command line, without the NUL
 */
struct boot_kernel {
	uint64_t setup;
	uint64_t size;
	uint64_t pref;
	uint64_t init;
	uint64_t initrd_max;
	uint64_t cmdline_max;
};

/**
 * boot_parse_kernel() - Look at the beginning of a bzImage
 * @head:	Its first bytes
 * @size:	How many
 * @file_size:	Bytes of the whole file
 * @k:		Filled
 *
 * Return: NULL, or what is wrong with it
 */
const char *boot_parse_kernel(const uint8_t *head, size_t size,
			      uint64_t file_size, struct boot_kernel *k);

/* Open and check kernel, initrd and command line. Return: 0 or -errno, logged. */
int boot_open(struct vm *vm, struct boot_image **out) MUST_CHECK;

/* Load all into RAM, tables included. Return: 0 or -errno, logged. */
int boot_load(struct vm *vm) MUST_CHECK;

/* Registers of the first vCPU. Return: 0 or -errno. */
int boot_set_regs(const struct vm *vm, int vcpu) MUST_CHECK;

/* NULL is fine. */
void boot_close(struct boot_image *img);

#endif /* VMM_BOOT_H */
