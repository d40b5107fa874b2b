/* SPDX-License-Identifier: BSD-2-Clause */
/* diagnose.h - Why KVM could not run the guest, in plain words
 *
 * First the line that QEMU prints (people search for it), then the registers and the
 * bytes at the instruction pointer in QEMU's layout, then the mode of the CPU and one
 * paragraph with the likely cause and what to try, chosen from what the host's KVM says
 * of itself under /sys/module. That was read when the VM was made (vm->host): nothing is
 * opened here.
 *
 * The well-known advice "emulate_invalid_guest_state=0" helps one failure and
 * causes another; it is given only where it can help.
 */
#ifndef VMM_DIAGNOSE_H
#define VMM_DIAGNOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

struct host;
struct kvm_debugregs;
struct kvm_regs;
struct kvm_run;
struct kvm_sregs;
struct vcpu;

enum { DIAGNOSE_TEXT = 4096 };

/** enum diagnose_kind - What KVM_RUN said */
enum diagnose_kind {
	DIAGNOSE_FAIL_ENTRY,	/* the CPU refused to enter the guest */
	DIAGNOSE_EMULATION,	/* an instruction KVM cannot emulate */
	DIAGNOSE_SIMULTANEOUS,	/* an exception while another was delivered */
	DIAGNOSE_DELIVERY,	/* a fault while an event was delivered */
	DIAGNOSE_UNEXPECTED,	/* the CPU left the guest for a reason KVM does not expect */
	DIAGNOSE_MEMORY,	/* KVM cannot reach a page of the guest's memory */
	DIAGNOSE_UNKNOWN,	/* anything else */
};

/**
 * struct diagnose_event - A failure
 * @kind:	What happened
 * @reason:	KVM's number for it
 * @real_mode:	The guest's CPU was in real mode, or on its way out of it
 * @direct:	The guest was booted without firmware
 */
struct diagnose_event {
	enum diagnose_kind kind;
	uint64_t reason;
	bool real_mode;
	bool direct;
};

/**
 * diagnose_advice() - The likely cause and what to try
 * @e:		What happened
 * @host:	The host
 *
 * Return: a paragraph, static
 */
const char *diagnose_advice(const struct diagnose_event *e, const struct host *host);

/**
 * diagnose_headline() - The first lines, which are QEMU's
 * @text:	Set: lines with their ends
 * @run:	What KVM said; KVM_RUN itself has not failed
 * @e:		@kind and @reason set
 */
void diagnose_headline(char text[static DIAGNOSE_TEXT], const struct kvm_run *run,
		       struct diagnose_event *e);

/** struct diagnose_cpu - The rest of a CPU's state that is shown */
struct diagnose_cpu {
	bool interrupt_shadow, smm, halted;
};

/* Registers, in the lines of QEMU's "info registers". */
void diagnose_registers(char text[static DIAGNOSE_TEXT], const struct kvm_regs *regs,
			const struct kvm_sregs *sregs, const struct kvm_debugregs *debug,
			const struct diagnose_cpu *cpu);

/* The CPU's mode, in words; sets whether it is (nearly) real mode. */
const char *diagnose_mode(const struct kvm_regs *regs, const struct kvm_sregs *sregs,
			  bool *real_mode);

/* Explain the exit a vCPU has just made, in the log. Asks KVM for registers and for
 * translations of addresses, and does nothing else to the outside. */
void diagnose_exit(const struct vcpu *vcpu);

/* Explain an error of KVM_RUN itself. */
void diagnose_run_error(const struct vcpu *vcpu, int err);

#endif /* VMM_DIAGNOSE_H */
