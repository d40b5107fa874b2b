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
 * @thread:	Runs it whenever the machine is on, if @started
 * @tid:	Kernel's number of the thread, 0 until it runs
 * @on:		It is to run, or has not yet come to a halt
 * @end:	Its thread is to end
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
	bool on;
	bool end;
	bool stays;
};

/* Make and destroy vm->vcpus, of a machine that is off and without threads; the latter ends
 * their threads. Return: 0 or -errno, logged. */
int vcpu_init_all(struct vm *vm) MUST_CHECK;
void vcpu_end_all(struct vm *vm);

/* Whether the guest's CPUs will be as asked: says what they lack, and fails if that is not
 * to be. Return: 0 or -errno, logged. */
int vcpu_check(const struct vm *vm) MUST_CHECK;

/* Make their threads, which wait. Return: 0 or -errno, logged. */
int vcpu_start_threads(struct vm *vm) MUST_CHECK;

/* What follows holds vm->lock. */

/* Make and set up all vCPUs of a machine. Return: 0 or -errno, logged. */
int vcpu_create_all(struct vm *vm) MUST_CHECK;

/* Let them run. */
void vcpu_start_all(struct vm *vm);

/* Get them out of KVM_RUN, if only for a moment. */
void vcpu_kick_all(struct vm *vm);

/* Have them come to a halt, and wait for that. */
void vcpu_stop_all(struct vm *vm);

/* Destroy those that have come to a halt, but for their threads. */
void vcpu_destroy_all(struct vm *vm);

#endif /* VMM_VCPU_H */
