/* SPDX-License-Identifier: BSD-2-Clause */
/* vcpu.c - A virtual CPU: a thread in KVM_RUN, and what it comes out for
 *
 * Stopping: vm->stopping or vm->pause.on is set, then each vCPU's immediate_exit,
 * then each thread gets a signal. Whether the thread was before, in or behind KVM_RUN, it
 * sees one of the three: a signal that comes before KVM_RUN is gone, but
 * immediate_exit makes KVM_RUN return at once. A pause always goes that way, since an
 * access to a register of a device ends only when KVM_RUN is called again: before that
 * KVM's registers are those of an instruction half done.
 */
#include "config.h"

#include "vmm/vcpu.h"

#include <errno.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "vmm/boot.h"
#include "vmm/cpuid.h"
#include "vmm/diagnose.h"
#include "vmm/errand.h"
#include "vmm/gdb.h"
#include "vmm/pause.h"
#include "vmm/thread.h"
#include "vmm/vm.h"

enum {
	MSR_MISC_ENABLE = 0x1a0,
	MSR_MTRR_DEF_TYPE = 0x2ff,
	MISC_FAST_STRING = 1,
	MTRR_ON_WRITE_BACK = 0x806,

	LAPIC_LVT0 = 0x350,
	LAPIC_LVT1 = 0x360,
	LVT_EXTINT = 0x700,
	LVT_NMI = 0x400,
};

static int vcpu_signal(void)
{
	return SIGRTMIN;
}

static void vcpu_signal_handler(int sig UNUSED)
{
	/* Being interrupted is all. */
}

/* Exits. */

static void vcpu_pio(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	unsigned int size = run->io.size;
	struct bus *bus = &vcpu->vm->pio;

	/* A string instruction moves count items through the same port. */
	for (uint32_t i = 0; i < run->io.count; i++, data += size) {
		uint64_t v = 0;

		if (run->io.direction == KVM_EXIT_IO_OUT) {
			memcpy(&v, data, size);
			bus_write(bus, run->io.port, size, v);
		} else {
			v = bus_read(bus, run->io.port, size);
			memcpy(data, &v, size);
		}
	}
}

static void vcpu_mmio(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	unsigned int size = run->mmio.len;
	uint64_t v = 0;

	if (size > sizeof(run->mmio.data))
		return;
	if (run->mmio.is_write) {
		memcpy(&v, run->mmio.data, size);
		bus_write(&vcpu->vm->mmio, run->mmio.phys_addr, size, v);
	} else {
		v = bus_read(&vcpu->vm->mmio, run->mmio.phys_addr, size);
		memcpy(run->mmio.data, &v, size);
	}
}

/* Handle one exit, holding vm->lock. Return: false if the vCPU is to stop. */
static bool vcpu_exit(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;

	switch (vcpu->run->exit_reason) {
	case KVM_EXIT_IO:
		vcpu_pio(vcpu);
		break;
	case KVM_EXIT_MMIO:
		vcpu_mmio(vcpu);
		break;
	case KVM_EXIT_INTR:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
	case KVM_EXIT_HLT:
		break;
	case KVM_EXIT_DEBUG:
		gdb_hit(vcpu);
		break;
	case KVM_EXIT_SHUTDOWN:
		vm_request(vm, VM_TRIPLE_FAULT);
		break;
	case KVM_EXIT_SYSTEM_EVENT:
		vm_request(vm, vcpu->run->system_event.type ==
			   KVM_SYSTEM_EVENT_SHUTDOWN ? VM_POWEROFF : VM_RESET);
		break;
	default:
		diagnose_exit(vcpu);
		if (!gdb_crashed(vcpu))
			vm_request(vm, VM_CRASHED);
		break;
	}
	/* Not one instruction behind the one that asked for an end. */
	return vm->request == VM_GO_ON;
}

/* Stand still until the pause is over. Whoever wants the vCPU out of KVM_RUN again
 * says why before it sets immediate_exit, and we look at that again. */
static void vcpu_pause(struct vcpu *vcpu)
{
	pthread_mutex_lock(&vcpu->vm->lock);
	pause_wait(vcpu);
	__atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&vcpu->vm->lock);
}

/* Run until the machine ends, or the vCPU does. */
static void vcpu_run(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	bool go_on = true;

	if (pause_wanted(vm))
		vcpu_pause(vcpu);
	while (go_on && !__atomic_load_n(&vm->stopping, __ATOMIC_ACQUIRE)) {
		int ret = ioctl(vcpu->fd, KVM_RUN, 0);

		if (ret < 0 && (errno == EINTR || errno == EAGAIN)) {
			if (pause_wanted(vm))
				vcpu_pause(vcpu);
			continue;
		}
		pthread_mutex_lock(&vm->lock);
		if (ret < 0) {
			diagnose_run_error(vcpu, errno);
			go_on = gdb_crashed(vcpu);
			if (!go_on)
				vm_request(vm, VM_CRASHED);
		} else {
			go_on = vcpu_exit(vcpu);
		}
		pthread_mutex_unlock(&vm->lock);
	}
}

static void vcpu_thread(void *ctx)
{
	struct vcpu *vcpu = ctx;
	struct vm *vm = vcpu->vm;
	sigset_t ours;

	errand_be_vcpu();
	sigemptyset(&ours);
	sigaddset(&ours, vcpu_signal());
	pthread_sigmask(SIG_UNBLOCK, &ours, NULL);
	pthread_mutex_lock(&vm->lock);
	vcpu->tid = gettid();
	while (!vcpu->end) {
		if (!vcpu->on) {
			pthread_cond_wait(&vm->moved, &vm->lock);
			continue;
		}
		pthread_mutex_unlock(&vm->lock);
		vcpu_run(vcpu);
		pthread_mutex_lock(&vm->lock);
		vcpu->on = false;
		pause_leave(vm);
	}
	pthread_mutex_unlock(&vm->lock);
}

/* Power. */

/* What CPU number @id of the guest is. Return: 0 or -errno. */
static int vcpu_get_cpuid(const struct vm *vm, unsigned int id, struct cpuid_table *t)
{
	bool deadline = ioctl(vm->kvm, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0;
	const struct options *opt = vm->opt;
	int ret;

	ret = cpuid_supported(vm->kvm, t);
	if (!ret)
		cpuid_adapt(t, &opt->topology, id, deadline, opt->cpu_off, opt->cpu_offs);
	return ret;
}

static int vcpu_set_cpuid(const struct vcpu *vcpu)
{
	struct cpuid_table t;
	int ret;

	ret = vcpu_get_cpuid(vcpu->vm, vcpu->id, &t);
	if (ret)
		return ret;
	return ioctl(vcpu->fd, KVM_SET_CPUID2, &t.head) < 0 ? -errno : 0;
}

int vcpu_check(const struct vm *vm)
{
	const struct options *opt = vm->opt;
	struct cpuid_table t;
	int ret;

	ret = vcpu_get_cpuid(vm, 0, &t);
	if (ret) {
		log_err_errno(-ret, "KVM: what the host's CPU can do");
		return ret;
	}
	for (unsigned int i = 0; i < opt->cpu_ons; i++) {
		if (cpuid_has(&t, opt->cpu_on[i]))
			continue;
		log_msg(opt->cpu_enforce ? LOG_LEVEL_ERR : LOG_LEVEL_WARN,
			"-cpu '+%s': the host does not support this feature, or not for guests",
			opt->cpu_on[i]->name);
		ret = opt->cpu_enforce ? -ENOTSUP : 0;
	}
	return ret;
}

/* Registers that firmware would have set. A register KVM does not take is not
 * worth failing for. */
static void vcpu_set_msrs(const struct vcpu *vcpu)
{
	static const struct kvm_msr_entry wanted[] = {
		{ .index = MSR_MISC_ENABLE, .data = MISC_FAST_STRING },
		{ .index = MSR_MTRR_DEF_TYPE, .data = MTRR_ON_WRITE_BACK },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		struct {
			struct kvm_msrs head;
			struct kvm_msr_entry entry;
		} msrs = { .head = { .nmsrs = 1 }, .entry = wanted[i] };

		if (ioctl(vcpu->fd, KVM_SET_MSRS, &msrs.head) != 1)
			log_debug("vCPU %u: KVM does not take MSR 0x%x", vcpu->id,
				  wanted[i].index);
	}
}

static int vcpu_set_lapic(const struct vcpu *vcpu)
{
	static const struct { unsigned int reg; uint32_t value; } lvt[] = {
		{ LAPIC_LVT0, LVT_EXTINT }, { LAPIC_LVT1, LVT_NMI },
	};
	struct kvm_lapic_state lapic;

	if (ioctl(vcpu->fd, KVM_GET_LAPIC, &lapic) < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(lvt); i++)
		memcpy(lapic.regs + lvt[i].reg, &lvt[i].value, sizeof(lvt[i].value));
	return ioctl(vcpu->fd, KVM_SET_LAPIC, &lapic) < 0 ? -errno : 0;
}

static int vcpu_create(struct vm *vm, unsigned int id)
{
	struct vcpu *vcpu = &vm->vcpus[id];
	int ret, size;

	vcpu->stays = false;
	/* KVM numbers them by their APIC ids. */
	vcpu->fd = ioctl(vm->fd, KVM_CREATE_VCPU,
			 topology_apic_id(&vm->opt->topology, id));
	size = ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (vcpu->fd < 0 || size < 0)
		return -errno;
	vcpu->run_size = (size_t)size;
	vcpu->run = mmap(NULL, vcpu->run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
			 vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED) {
		vcpu->run = NULL;
		return -errno;
	}
	ret = vcpu_set_cpuid(vcpu);
	if (ret)
		return ret;
	/* Firmware begins where a CPU does, and sets up the rest. */
	if (vm->firmware)
		return 0;
	vcpu_set_msrs(vcpu);
	/* The other CPUs wait for the first to wake them. */
	if (id)
		return 0;
	ret = vcpu_set_lapic(vcpu);
	return ret ? ret : boot_set_regs(vm, vcpu->fd);
}

int vcpu_create_all(struct vm *vm)
{
	vm->stopping = false;
	for (unsigned int i = 0; i < vm->opt->cpus; i++) {
		int ret = vcpu_create(vm, i);

		if (ret) {
			log_err_errno(-ret, "KVM: vCPU %u of %u", i, vm->opt->cpus);
			return ret;
		}
	}
	return 0;
}

int vcpu_start_threads(struct vm *vm)
{
	int ret = 0;

	for (unsigned int i = 0; !ret && i < vm->opt->cpus; i++) {
		struct vcpu *vcpu = &vm->vcpus[i];
		char name[32];

		snprintf(name, sizeof(name), "lanbox-vcpu%u", i);
		ret = thread_start(&vcpu->thread, SECCOMP_VCPU, name, vcpu_thread, vcpu);
		vcpu->started = !ret;
	}
	if (ret)
		log_err_errno(-ret, "cannot start a thread for a vCPU");
	return ret;
}

void vcpu_start_all(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->opt->cpus; i++) {
		vm->vcpus[i].on = true;
		pause_join(vm);
	}
	pthread_cond_broadcast(&vm->moved);
}

void vcpu_kick_all(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->opt->cpus; i++) {
		struct vcpu *vcpu = &vm->vcpus[i];

		if (!vcpu->on)
			continue;
		__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
		/* pthread_kill(3) would take four system calls. */
		syscall(SYS_tgkill, vm->pid, vcpu->tid, vcpu_signal());
	}
}

static bool vcpu_any_on(const struct vm *vm)
{
	for (unsigned int i = 0; i < vm->opt->cpus; i++)
		if (vm->vcpus[i].on)
			return true;
	return false;
}

void vcpu_stop_all(struct vm *vm)
{
	__atomic_store_n(&vm->stopping, true, __ATOMIC_RELEASE);
	vcpu_kick_all(vm);
	pthread_cond_broadcast(&vm->moved);
	/* What they are doing, they finish. */
	while (vcpu_any_on(vm))
		if (!errand_do_all(vm))
			pthread_cond_wait(&vm->moved, &vm->lock);
}

void vcpu_destroy_all(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->opt->cpus; i++) {
		struct vcpu *vcpu = &vm->vcpus[i];

		if (vcpu->run)
			munmap(vcpu->run, vcpu->run_size);
		vcpu->run = NULL;
		fd_close(&vcpu->fd);
	}
}

/* Life. */

int vcpu_init_all(struct vm *vm)
{
	struct sigaction sa = { .sa_handler = vcpu_signal_handler };

	sigaction(vcpu_signal(), &sa, NULL);
	vm->vcpus = calloc(vm->opt->cpus, sizeof(*vm->vcpus));
	if (!vm->vcpus) {
		log_err_errno(ENOMEM, "%u vCPUs", vm->opt->cpus);
		return -ENOMEM;
	}
	vm->pid = getpid();
	for (unsigned int i = 0; i < vm->opt->cpus; i++)
		vm->vcpus[i] = (struct vcpu){ .vm = vm, .id = i, .fd = -1 };
	return 0;
}

void vcpu_end_all(struct vm *vm)
{
	for (unsigned int i = 0; vm->vcpus && i < vm->opt->cpus; i++) {
		struct vcpu *vcpu = &vm->vcpus[i];

		if (!vcpu->started)
			continue;
		pthread_mutex_lock(&vm->lock);
		vcpu->end = true;
		pthread_cond_broadcast(&vm->moved);
		pthread_mutex_unlock(&vm->lock);
		pthread_join(vcpu->thread, NULL);
	}
	free(vm->vcpus);
	vm->vcpus = NULL;
}
