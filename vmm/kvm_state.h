/* SPDX-License-Identifier: BSD-2-Clause */
/* kvm_state.h - What KVM keeps of a machine that stands still: vCPUs, interrupt
 *		 controllers, timer, clock - into a saved VM and out of it
 *
 * The guest's time is that of the beginning of the pause: KVM's clock and each vCPU's
 * time stamp counter as they were then. What is loaded is a machine in such a pause.
 *
 * Security model: KVM checks what it is given. What does not fit is refused, and a guest
 * can be no worse off than with registers of its own choice.
 *
 * Guarded by vm->lock; no vCPU runs.
 */
#ifndef VMM_KVM_STATE_H
#define VMM_KVM_STATE_H

#include "lib/compiler.h"

struct state;
struct state_out;
struct vm;

/* Add sections. Return: NULL, or why that cannot be. */
const char *kvm_state_save(struct vm *vm, struct state_out *out) MUST_CHECK;

/* Load them into a new machine whose RAM is as it was. Return: NULL, or why that cannot
 * be; good until the next call. */
const char *kvm_state_load(struct vm *vm, const struct state *s) MUST_CHECK;

#endif /* VMM_KVM_STATE_H */
