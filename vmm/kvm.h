/* SPDX-License-Identifier: BSD-2-Clause */
/* kvm.h - /dev/kvm: opening it, what it must be able to do, making a machine */
#ifndef VMM_KVM_H
#define VMM_KVM_H

#include "lib/compiler.h"

#include "vmm/host.h"

struct vm;

/* Open /dev/kvm and check it. Return: descriptor or -errno, logged with what to
 * do about it. */
int kvm_open(const struct host *host) MUST_CHECK;

/* The same, but say nothing: @text is set to what would be logged, less the path. */
int kvm_try(const struct host *host, char text[static HOST_TEXT]) MUST_CHECK;

/* Whether so many vCPUs are a good idea, as host_judge_cpus(). */
enum host_verdict kvm_judge_cpus(int kvm, unsigned int cpus, char text[static HOST_TEXT]);

/* Whether it has as many vCPUs as the guest is to have. Return: 0 or -errno, logged. */
int kvm_check_cpus(const struct vm *vm) MUST_CHECK;

/* Make the KVM machine of @vm: interrupt controllers, timer, memory. Return: 0 or
 * -errno, logged. */
int kvm_machine_create(struct vm *vm) MUST_CHECK;

#endif /* VMM_KVM_H */
