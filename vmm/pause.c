/* SPDX-License-Identifier: BSD-2-Clause */
/* pause.c - Stopping all vCPUs for a while, and the guest's clocks with them */
#include "config.h"

#include "vmm/pause.h"

#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "vmm/control.h"
#include "vmm/errand.h"
#include "vmm/save.h"
#include "vmm/vcpu.h"
#include "vmm/vm.h"

enum { MSR_TSC = 0x10 };

void pause_init(struct pause *p, bool paused)
{
	*p = (struct pause){ .on = paused, .people = paused, .begun = !paused };
}

void pause_power_on(struct pause *p)
{
	p->taken = false;
}

void pause_from_start(struct pause *p)
{
	p->on = p->people = true;
}

/* Clocks. */

static bool clock_read_tsc(const struct vcpu *vcpu, uint64_t *tsc)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = { .head = { .nmsrs = 1 }, .entry = { .index = MSR_TSC } };

	if (ioctl(vcpu->fd, KVM_GET_MSRS, &msrs.head) != 1)
		return false;
	*tsc = msrs.entry.data;
	return true;
}

static void clock_take(struct vm *vm)
{
	struct kvm_clock_data clock = { .clock = 0 };

	vm->pause.taken = vm->fd >= 0 && !ioctl(vm->fd, KVM_GET_CLOCK, &clock) &&
			  clock_read_tsc(vm->vcpus, &vm->pause.tsc);
	vm->pause.clock = clock.clock;
}

bool pause_clocks(struct vm *vm)
{
	if (!vm->pause.taken)
		clock_take(vm);
	return vm->pause.taken;
}

void pause_set_clocks(struct vm *vm, uint64_t clock, uint64_t tsc)
{
	vm->pause.clock = clock;
	vm->pause.tsc = tsc;
	vm->pause.taken = true;
}

/* Take so many cycles off a vCPU's counter. All vCPUs lose the same number: what is
 * written to the counter itself would set them apart. */
static void clock_set_back_tsc(const struct vcpu *vcpu, uint64_t cycles)
{
	uint64_t offset;
	struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL,
		.attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uintptr_t)&offset,
	};

	/* Kernels before 5.16 cannot; guests that use KVM's clock do not mind. */
	if (ioctl(vcpu->fd, KVM_GET_DEVICE_ATTR, &attr) < 0)
		return;
	offset -= cycles;
	ioctl(vcpu->fd, KVM_SET_DEVICE_ATTR, &attr);
}

static void clock_put_back(const struct vm *vm)
{
	struct kvm_clock_data clock = { .clock = vm->pause.clock };
	uint64_t now;

	if (!vm->pause.taken || !clock_read_tsc(vm->vcpus, &now))
		return;
	for (unsigned int i = 0; i < vm->opt->cpus; i++)
		clock_set_back_tsc(&vm->vcpus[i], now - vm->pause.tsc);
	ioctl(vm->fd, KVM_SET_CLOCK, &clock);
	/* The guest's watchdog is to know that it was not the guest's fault. A guest
	 * that does not use KVM's clock has no such word. */
	for (unsigned int i = 0; i < vm->opt->cpus; i++)
		ioctl(vm->vcpus[i].fd, KVM_KVMCLOCK_CTRL, 0);
}

/* The event loop. */

static void pause_stand(struct vm *vm)
{
	struct pause *p = &vm->pause;

	if (p->on && !p->rushed)
		return;
	p->rushed = false;
	__atomic_store_n(&p->on, true, __ATOMIC_RELEASE);
	vcpu_kick_all(vm);
	while (p->active)
		if (!errand_do_all(vm))
			pthread_cond_wait(&vm->moved, &vm->lock);
	clock_take(vm);
	control_tell(vm->control, "STOP");
}

static void pause_go(struct vm *vm)
{
	struct pause *p = &vm->pause;

	if (!p->on || p->people || p->debugger)
		return;
	/* Those who were told to come have to have been there. */
	pause_stand(vm);
	save_release(vm);
	clock_put_back(vm);
	p->taken = false;
	p->begun = true;
	__atomic_store_n(&p->on, false, __ATOMIC_RELEASE);
	pthread_cond_broadcast(&vm->moved);
	control_tell(vm->control, "RESUME");
}

void pause_begin(struct vm *vm)
{
	vm->pause.people = true;
	pause_stand(vm);
}

void pause_end(struct vm *vm)
{
	vm->pause.people = false;
	pause_go(vm);
}

void pause_debug_begin(struct vm *vm)
{
	vm->pause.debugger = true;
	pause_stand(vm);
}

void pause_debug_end(struct vm *vm)
{
	vm->pause.debugger = false;
	pause_go(vm);
}

const char *pause_word(const struct vm *vm)
{
	if (!vm->pause.on)
		return "running";
	if (save_info(vm).status == SAVE_ACTIVE)
		return "finish-migrate";
	if (save_is_done(vm))
		return "postmigrate";
	if (vm->pause.debugger)
		return "debug";
	return vm->pause.begun ? "paused" : "prelaunch";
}

/* Threads of vCPUs. */

bool pause_wanted(const struct vm *vm)
{
	return __atomic_load_n(&vm->pause.on, __ATOMIC_ACQUIRE);
}

void pause_wait(const struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	struct pause *p = &vm->pause;

	p->active--;
	pthread_cond_broadcast(&vm->moved);
	while ((p->on || vcpu->stays) && !__atomic_load_n(&vm->stopping, __ATOMIC_ACQUIRE))
		pthread_cond_wait(&vm->moved, &vm->lock);
	p->active++;
}

void pause_debug_rush(struct vm *vm)
{
	struct pause *p = &vm->pause;

	p->debugger = true;
	if (p->on)
		return;
	p->rushed = true;
	__atomic_store_n(&p->on, true, __ATOMIC_RELEASE);
	vcpu_kick_all(vm);
}

void pause_join(struct vm *vm)
{
	vm->pause.active++;
}

void pause_leave(struct vm *vm)
{
	vm->pause.active--;
	pthread_cond_broadcast(&vm->moved);
}
