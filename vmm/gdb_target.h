/* SPDX-License-Identifier: BSD-2-Clause */
/* gdb_target.h - What a debugger does with the machine that KVM runs: registers, memory,
 *		  breakpoints, single steps
 *
 * DOC: Theory of operation
 *
 * A software breakpoint is an instruction (int3) in the guest's memory; KVM tells us when
 * one is executed, and if it is none of ours the guest gets its exception. It is kept
 * by its physical address, so it is found again whatever the guest does to its page
 * tables. The other kinds, four in all, are in the CPU's debug registers, on each vCPU:
 * the guest's own do not count meanwhile. A single step is executed with interrupts held
 * back, if KVM can do that (Linux 5.16): else it would lead to the timer's.
 *
 * A reset clears the memory and makes new vCPUs. What is in debug registers is put into
 * the new ones; breakpoints in memory are gone with it.
 *
 * Memory is what is in the table of RAM: registers of devices are not read, since that
 * can change them.
 *
 * Guarded by vm->lock; but for gdb_target_hit() no vCPU runs.
 */
#ifndef VMM_GDB_TARGET_H
#define VMM_GDB_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "vmm/gdb_stub.h"

struct gdb_target;
struct vcpu;
struct vm;

/* Return: 0 or -ENOMEM. Nothing is changed by there being one. */
int gdb_target_create(struct vm *vm, struct gdb_target **out) MUST_CHECK;

/* NULL is fine. */
void gdb_target_destroy(struct gdb_target *t);

/* There are new vCPUs, and new memory. */
void gdb_target_power_on(struct gdb_target *t);

/* Registers, memory and breakpoints, as struct gdb_ops has them. */
bool gdb_target_get_reg(struct gdb_target *t, unsigned int cpu, unsigned int n,
			uint8_t bytes[GDB_REG_SIZE]);
bool gdb_target_set_reg(struct gdb_target *t, unsigned int cpu, unsigned int n,
			const uint8_t bytes[GDB_REG_SIZE]);
bool gdb_target_read(struct gdb_target *t, unsigned int cpu, bool physical, uint64_t addr,
		     uint8_t *buf, size_t size);
bool gdb_target_write(struct gdb_target *t, unsigned int cpu, bool physical, uint64_t addr,
		      const uint8_t *buf, size_t size);
int gdb_target_insert(struct gdb_target *t, unsigned int cpu, enum gdb_point point,
		      uint64_t addr, size_t size);
int gdb_target_remove(struct gdb_target *t, unsigned int cpu, enum gdb_point point,
		      uint64_t addr, size_t size);

/* What a vCPU does: "running", "halted" and so on. */
const char *gdb_target_word(struct gdb_target *t, unsigned int cpu);

/* Whether there are software breakpoints in the guest's memory. */
bool gdb_target_in_memory(const struct gdb_target *t);

/* Before vCPUs run: what each is to do. */
void gdb_target_go(struct gdb_target *t, const enum gdb_go *go);

/* Take all breakpoints away; vCPUs are to run as if there was no debugger. */
void gdb_target_clear(struct gdb_target *t);

/**
 * gdb_target_hit() - KVM_EXIT_DEBUG, in the vCPU's own thread
 * @t:		Target
 * @vcpu:	vCPU
 * @stop:	Set to what it was
 *
 * Return: whether that concerns the debugger; if not, the guest has what is its own
 */
bool gdb_target_hit(struct gdb_target *t, const struct vcpu *vcpu, struct gdb_stop *stop);

#endif /* VMM_GDB_TARGET_H */
