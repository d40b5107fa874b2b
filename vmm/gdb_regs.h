/* SPDX-License-Identifier: BSD-2-Clause */
/* gdb_regs.h - Registers of a CPU as gdb numbers and names them
 *
 * The first ones are those that gdb knows of any x86-64 CPU, in its order; a gdb that
 * does not read our description of them gets just those. Behind them are bases of
 * segments and control registers, with the names that QEMU gives them.
 *
 * This is a table and what follows from it; who reads them from KVM is gdb_target.c.
 */
#ifndef VMM_GDB_REGS_H
#define VMM_GDB_REGS_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	GDB_REGS_COMMON = 57,		/* what gdb knows by itself */
	GDB_REGS = 66,
	GDB_REG_SIZE = 16,		/* of the largest */
	GDB_XML_MAX = 8192,
	GDB_HARD_MAX = 4,		/* debug registers for addresses */
};

/** enum gdb_point - Kinds of breakpoints, by gdb's numbers */
enum gdb_point {
	GDB_POINT_SOFTWARE,
	GDB_POINT_HARDWARE,
	GDB_POINT_WRITE,
	GDB_POINT_READ,
	GDB_POINT_ACCESS,
};

/**
 * struct gdb_hard - A breakpoint in a debug register
 * @point:	GDB_POINT_HARDWARE, _WRITE or _ACCESS
 * @addr:	A multiple of
 * @size:	1, 2, 4 or 8; 1 for GDB_POINT_HARDWARE
 */
struct gdb_hard {
	enum gdb_point point;
	uint64_t addr;
	size_t size;
};

/** enum gdb_block - Where KVM keeps a register */
enum gdb_block { GDB_REGS_MAIN, GDB_REGS_SPECIAL, GDB_REGS_FPU, GDB_REGS_MSR, GDB_BLOCKS };

/** struct gdb_cpu - All registers of a CPU */
struct gdb_cpu {
	struct kvm_regs main;
	struct kvm_sregs special;
	struct kvm_fpu fpu;
	uint64_t kernel_gs_base;
};

/* How many bytes register @n has for gdb, and which block it is in; @n < GDB_REGS. */
size_t gdb_reg_size(unsigned int n);
enum gdb_block gdb_reg_block(unsigned int n);

/* Its name. */
const char *gdb_reg_name(unsigned int n);

/* Its bytes, the lowest first. */
void gdb_reg_get(const struct gdb_cpu *cpu, unsigned int n, uint8_t bytes[GDB_REG_SIZE]);

/* Set it. Return: false if it cannot have that value; selectors of segments are left to
 * the guest. */
bool gdb_reg_set(struct gdb_cpu *cpu, unsigned int n, const uint8_t bytes[GDB_REG_SIZE]);

/* The CPU's debug registers for @n breakpoints, at most GDB_HARD_MAX. */
void gdb_debug_registers(const struct gdb_hard *hard, unsigned int n, uint64_t dr[8]);

/* The description that gdb reads (target.xml): writes a zero behind it, too. Return: its
 * length. */
size_t gdb_regs_xml(char text[GDB_XML_MAX]);

#endif /* VMM_GDB_REGS_H */
