/* SPDX-License-Identifier: BSD-2-Clause */
/* entry.S - How the test guest starts, and how it leaves ring 0
 *
 * Three entries: the 64-bit one of the Linux boot protocol, its 32-bit one, and
 * that of PVH, which is 32-bit too. They meet in start64, with the loader's
 * structure in RDI and its kind in ESI. What is done in ring 0 is short, since
 * some KVMs emulate ring 0 one instruction at a time; page tables and descriptor
 * table are made by the assembler for the same reason.
 *
 * There is no interrupt handling: interrupts stay off.
 */
#include "layout.h"

/* The setup part of a bzImage: Linux, Documentation/arch/x86/boot.rst. Its
 * real-mode code is never meant to run. */
	.section .setup, "aw", @progbits
setup:
	.org 0x1f1
	.byte 1				/* setup_sects: one, and the boot sector */
	.word 0				/* root_flags */
	.long SYS_SIZE			/* syssize, in 16 bytes */
	.word 0, 0, 0			/* ram_size, vid_mode, root_dev */
	.word 0xaa55			/* boot_flag */
	.byte 0xeb, real_mode - 1f	/* jump: a short one */
1:	.ascii "HdrS"
	.word 0x020c			/* version */
	.long 0				/* realmode_swtch */
	.word 0				/* start_sys_seg */
	.word version - setup - 0x200	/* kernel_version */
	.byte 0				/* type_of_loader */
	.byte 1				/* loadflags: LOADED_HIGH */
	.word 0				/* setup_move_size */
	.long IMAGE_BASE		/* code32_start */
	.long 0, 0			/* ramdisk_image, ramdisk_size */
	.long 0				/* bootsect_kludge */
	.word 0				/* heap_end_ptr */
	.byte 0, 0			/* ext_loader_ver, ext_loader_type */
	.long 0				/* cmd_line_ptr */
	.long 0x7fffffff		/* initrd_addr_max */
	.long 0x200000			/* kernel_alignment */
	.byte 0				/* relocatable_kernel */
	.byte 21			/* min_alignment: 2 MiB */
	.word 1				/* xloadflags: XLF_KERNEL_64 */
	.long CMDLINE_MAX - 1		/* cmdline_size */
	.long 0				/* hardware_subarch */
	.quad 0				/* hardware_subarch_data */
	.long 0, 0			/* payload_offset, payload_length */
	.quad 0				/* setup_data */
	.quad IMAGE_BASE		/* pref_address */
	.long INIT_SIZE			/* init_size */
	.long 0				/* handover_offset */
real_mode:
	hlt
	.byte 0xeb, 0xfd		/* jump to the hlt */
version:
	.asciz "pollnet"

/* PVH: the note that names the 32-bit entry (Xen, misc/pvh.markdown). */
	.section .note.Xen, "a", @note
	.align 4
	.long 4, 4, 18			/* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.long entry_pvh

	.section .head, "ax", @progbits
	.code32
entry_linux32:				/* at 0: ESI is the zero page */
	movl %esi, %edi
	movl $BOOT_LINUX, %esi
	jmp start32

	.globl entry_pvh
entry_pvh:				/* EBX is the start info */
	movl %ebx, %edi
	movl $BOOT_PVH, %esi

/* Into long mode: our page tables, PAE, LME, paging, a 64-bit code segment. */
start32:
	cli
	cld
	movl $boot_stack_end, %esp
	lgdt gdt_pointer
	movl $pml4, %eax
	movl %eax, %cr3
	movl $CR4_PAE, %eax
	movl %eax, %cr4
	movl $MSR_EFER, %ecx
	movl $EFER_LME, %eax
	xorl %edx, %edx
	wrmsr
	movl $(CR0_PG | CR0_NE | CR0_ET | CR0_PE), %eax
	movl %eax, %cr0
	ljmp $SEL_KERNEL_CS, $start64

	.org 0x200
	.code64
entry_linux64:				/* RSI is the zero page */
	cli
	cld
	movq %rsi, %rdi
	movl $BOOT_LINUX, %esi
	movl $boot_stack_end, %esp
	lgdt gdt_pointer
	movl $pml4, %eax
	movq %rax, %cr3
	pushq $SEL_KERNEL_CS
	pushq $start64
	lretq

start64:
	movl $SEL_KERNEL_DS, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	call ring0_main			/* does not return */

/* void load_tables(const struct table_pointer *idt): the task register too */
	.globl load_tables
load_tables:
	lidt (%rdi)
	movl $SEL_TSS, %eax
	ltr %ax
	ret

/* void enter_ring3(void)
 *
 * KVM's instruction emulator knows of the instructions that lead to ring 3 only
 * sysexit, which Intel's CPUs have in long mode and AMD's do not: those raise
 * an invalid-opcode exception, and the handler goes on with iretq, which every
 * CPU has but the emulator does not. So nobody needs to ask who runs us.
 */
	.globl enter_ring3, sysexit_insn
enter_ring3:
	movl $MSR_SYSENTER_CS, %ecx
	movl $SEL_KERNEL_CS, %eax
	xorl %edx, %edx
	wrmsr
	movl $user_stack_end, %ecx
	movl $start_ring3, %edx
sysexit_insn:
	sysexitq

	.globl start_ring3
start_ring3:
	xorl %ebp, %ebp
	call ring3_main			/* does not return */

/* The failures that the tests want to see. */

/* void insn_cmpxchg16b(void): not known to KVM's emulator */
	.globl insn_cmpxchg16b
insn_cmpxchg16b:
	pushq %rbx
	xorl %eax, %eax
	xorl %edx, %edx
	xorl %ebx, %ebx
	xorl %ecx, %ecx
	lock cmpxchg16b scratch16
	popq %rbx
	ret

/* void insn_ud2(void): an exception that nobody takes */
	.globl insn_ud2
insn_ud2:
	ud2

/* void call_halt(void): from any ring; the handler knows the place */
	.globl call_halt, halt_insn
call_halt:
halt_insn:
	ud2

/* void halt(void): in ring 0 */
	.globl halt
halt:
	cli
	hlt
	jmp halt

/* Exceptions: each vector has an entry of VECTOR_ENTRY bytes that pushes what
 * struct frame expects. Vectors 8, 10 to 14, 17, 21, 29 and 30 come with an
 * error code of their own. */
	.globl vector_entries
	.balign VECTOR_ENTRY
vector_entries:
vector = 0
	.rept VECTORS
	.balign VECTOR_ENTRY
	.if !((0x60227d00 >> vector) & 1)
	pushq $0
	.endif
	pushq $vector
	jmp exception_common
vector = vector + 1
	.endr

exception_common:
	pushq %rax
	pushq %rcx
	pushq %rdx
	pushq %rsi
	pushq %rdi
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	movq %rsp, %rdi
	cld
	call exception
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rdi
	popq %rsi
	popq %rdx
	popq %rcx
	popq %rax
	addq $16, %rsp
	iretq

	.data
	.balign 8
/* The order of the user segments is what sysexit wants: 32 and 40 after the
 * kernel's code segment. */
gdt:
	.quad 0, 0
	.quad 0x00af9b000000ffff	/* 0x10 kernel code, 64-bit */
	.quad 0x00cf93000000ffff	/* 0x18 kernel data */
	.quad 0, 0
	.quad 0x00affb000000ffff	/* 0x30 user code, 64-bit */
	.quad 0x00cff3000000ffff	/* 0x38 user data */
	.globl gdt_tss
gdt_tss:
	.quad 0, 0			/* 0x40 TSS; tables_init() writes it */
gdt_pointer:
	.word . - gdt - 1
	.quad gdt
	.balign 16
scratch16:
	.quad 0, 0

/* The first 4 GiB are mapped to themselves in pages of 2 MiB, for ring 3 too;
 * the last GiB, where the devices are, is not cached. */
	.balign 4096
pml4:
	.quad pdpt + PTE_TABLE
	.fill 511, 8, 0
pdpt:
	.quad pd + PTE_TABLE, pd + 0x1000 + PTE_TABLE
	.quad pd + 0x2000 + PTE_TABLE, pd + 0x3000 + PTE_TABLE
	.fill 508, 8, 0
pd:
page = 0
	.rept 4 * 512
	.if page < 3 * 512
	.quad page << 21 | PTE_PAGE
	.else
	.quad page << 21 | PTE_PAGE | PTE_UNCACHED
	.endif
page = page + 1
	.endr

	.section .stack, "aw", @nobits
	.balign 4096
	.skip STACK_SIZE
boot_stack_end:
	.skip STACK_SIZE
	.globl exception_stack_end
exception_stack_end:
	.skip STACK_SIZE
	.globl user_stack_end
user_stack_end:

	.section .note.GNU-stack, "", @progbits
