/* SPDX-License-Identifier: BSD-2-Clause */
/* diagnose.h - Why KVM could not run the guest, in plain words
 *
 * First the line that QEMU prints (people search for it), then the registers in
 * QEMU's layout and the bytes at the instruction pointer, then one paragraph
 * with the likely cause and what to try, chosen from what the host's KVM says of
 * itself under /sys/module.
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

struct vcpu;

/** enum diagnose_kind - What KVM_RUN said */
enum diagnose_kind {
	DIAGNOSE_FAIL_ENTRY,	/* the CPU refused to enter the guest */
	DIAGNOSE_EMULATION,	/* an instruction KVM cannot emulate */
	DIAGNOSE_SIMULTANEOUS,	/* an exception while another was delivered */
	DIAGNOSE_DELIVERY,	/* a fault while an event was delivered */
	DIAGNOSE_UNKNOWN,	/* anything else */
};

/**
 * struct diagnose_host - What the host's KVM says of itself
 * @pvm:	KVM without virtualisation hardware (kvm_pvm)
 * @intel:	kvm_intel is loaded
 * @amd:	kvm_amd is loaded
 * @nested:	The host is itself a virtual machine
 * @unrestricted_guest: A module parameter: 'Y', 'N', or 0 if unknown
 * @emulate_invalid: Likewise, emulate_invalid_guest_state
 * @ept:	Likewise
 * @tdp_mmu:	Likewise
 */
struct diagnose_host {
	bool pvm, intel, amd, nested;
	char unrestricted_guest, emulate_invalid, ept, tdp_mmu;
};

/* Look at the host. */
void diagnose_host(struct diagnose_host *host);

/**
 * diagnose_advice() - The likely cause and what to try
 * @kind:	What happened
 * @reason:	KVM's number for it
 * @host:	The host
 *
 * Return: a paragraph, static
 */
const char *diagnose_advice(enum diagnose_kind kind, uint64_t reason,
			    const struct diagnose_host *host);

/* Explain the exit a vCPU has just made, in the log. */
void diagnose_exit(const struct vcpu *vcpu);

/* Explain an error of KVM_RUN itself. */
void diagnose_run_error(const struct vcpu *vcpu, int err);

#endif /* VMM_DIAGNOSE_H */
