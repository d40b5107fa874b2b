/* SPDX-License-Identifier: BSD-2-Clause */
/* layout.h - Numbers that the test guest's assembler and C code share
 *
 * IMAGE_BASE and the sizes of the image are the linker script's.
 */
#ifndef GUEST_LAYOUT_H
#define GUEST_LAYOUT_H

/* Who loaded us. */
#define BOOT_LINUX	0
#define BOOT_PVH	1

/* Our GDT. A Linux boot loader's has the first two at the same places. */
#define SEL_KERNEL_CS	0x10
#define SEL_KERNEL_DS	0x18
#define SEL_USER_CS	0x33
#define SEL_USER_DS	0x3b
#define SEL_TSS		0x40

#define CR0_PE		0x00000001
#define CR0_ET		0x00000010
#define CR0_NE		0x00000020
#define CR0_PG		0x80000000
#define CR4_PAE		0x00000020

#define MSR_SYSENTER_CS	0x174
#define MSR_EFER	0xc0000080
#define EFER_LME	0x00000100

/* Present, writable, for ring 3, accessed; pages also dirty, and large. */
#define PTE_TABLE	0x027
#define PTE_PAGE	0x0e7
#define PTE_UNCACHED	0x018

#define VECTORS		32
#define VECTOR_ENTRY	16

#define CMDLINE_MAX	1024
#define STACK_SIZE	16384

#endif /* GUEST_LAYOUT_H */
