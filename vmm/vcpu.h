/* SPDX-License-Identifier: BSD-2-Clause */
/* vcpu.h - A virtual CPU: a thread in KVM_RUN, and what it comes out for */
#ifndef VMM_VCPU_H
#define VMM_VCPU_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/compiler.h"

struct kvm_run;
struct vm;

/**
 * struct vcpu - A virtual CPU
 * @run:	Shared with KVM, @run_size bytes
 * @tid:	Kernel's number of the thread, 0 until it runs
 * @stays:	A debugger lets others run, and not this one
 */
struct vcpu {
	struct vm *vm;
	unsigned int id;
	int fd;
	struct kvm_run *run;
	size_t run_size;
	pthread_t thread;
	pid_t tid;
	bool started;
	bool stays;
};

/* Once per process: the signal that gets a vCPU out of KVM_RUN. */
void vcpu_init(void);

/* Whether the guest's CPUs will be as asked: says what they lack, and fails if that is not
 * to be. Return: 0 or -errno, logged. */
int vcpu_check(const struct vm *vm) MUST_CHECK;

/* Make and set up all vCPUs of a machine. Return: 0 or -errno, logged. */
int vcpu_create_all(struct vm *vm) MUST_CHECK;

/* Let them run, each in a thread. Return: 0 or -errno, logged. */
int vcpu_start_all(struct vm *vm) MUST_CHECK;

/* Get them out of KVM_RUN, if only for a moment. */
void vcpu_kick_all(struct vm *vm);

/* They are to leave KVM_RUN for good, and not to wait for anything but vm->lock. */
void vcpu_stop_all(struct vm *vm);

/* Stop and destroy them. Called without vm->lock. */
void vcpu_destroy_all(struct vm *vm);

#endif /* VMM_VCPU_H */
