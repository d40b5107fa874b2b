/* SPDX-License-Identifier: BSD-2-Clause */
/* kvm.h - /dev/kvm: opening it, what it must be able to do, making a machine */
#ifndef VMM_KVM_H
#define VMM_KVM_H

#include "lib/compiler.h"

struct vm;

/* Open /dev/kvm and check it. Return: descriptor or -errno, logged with what to
 * do about it. */
int kvm_open(void) MUST_CHECK;

/* Make the KVM machine of @vm: interrupt controllers, timer, memory. Return: 0 or
 * -errno, logged. */
int kvm_machine_create(struct vm *vm) MUST_CHECK;

#endif /* VMM_KVM_H */
