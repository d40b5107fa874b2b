/* SPDX-License-Identifier: BSD-2-Clause */
/* kvm_state.c - What KVM keeps of a machine that stands still; the essay is in the
 * header
 *
 * A vCPU's registers are read and written by a table of ioctls, in this order: what
 * later ones depend on comes first. The local APIC needs its base address (special
 * registers); events that wait are last, since others change them. The time stamp
 * counter is written before the deadline that is counted by it, and the deadline after
 * the local APIC, which forgets it. Model-specific registers that have their value
 * already are left alone: KVM has some that it shows and does not take.
 */
#include "config.h"

#include "vmm/kvm_state.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vmm/cpuid.h"
#include "vmm/pause.h"
#include "vmm/state.h"
#include "vmm/vcpu.h"
#include "vmm/vm.h"

enum {
	KVM_STATE_VERSION = 1,
	MSRS_MAX = 1024,
	XSAVE_MAX = 1 << 20,

	MSR_TSC = 0x10,
	MSR_TSC_DEADLINE = 0x6e0,
};

/** struct clock_state - The guest's time when it was paused */
struct clock_state {
	uint64_t clock;			/* KVM's, nanoseconds */
	uint64_t tsc;			/* of the first vCPU */
	uint64_t khz;			/* of the counters */
};

/** struct msr_state - A model-specific register */
struct msr_state {
	uint32_t index;
	uint32_t zero;
	uint64_t value;
};

union vcpu_block {
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	struct kvm_xcrs xcrs;
	struct kvm_debugregs debugregs;
	struct kvm_lapic_state lapic;
	struct kvm_mp_state mp_state;
	struct kvm_vcpu_events events;
};

/* When a block is written: before the model-specific registers or behind them. */
enum when { EARLY, LATE };

static const struct {
	const char *name;
	unsigned long get, set;
	size_t size;
	enum when when;
} blocks[] = {
	{ "vcpu-sregs", KVM_GET_SREGS, KVM_SET_SREGS, sizeof(struct kvm_sregs), EARLY },
	{ "vcpu-regs", KVM_GET_REGS, KVM_SET_REGS, sizeof(struct kvm_regs), EARLY },
	{ "vcpu-xcrs", KVM_GET_XCRS, KVM_SET_XCRS, sizeof(struct kvm_xcrs), EARLY },
	{ "vcpu-debugregs", KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS,
	  sizeof(struct kvm_debugregs), EARLY },
	{ "vcpu-lapic", KVM_GET_LAPIC, KVM_SET_LAPIC, sizeof(struct kvm_lapic_state), LATE },
	{ "vcpu-mp", KVM_GET_MP_STATE, KVM_SET_MP_STATE, sizeof(struct kvm_mp_state), LATE },
	{ "vcpu-events", KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS,
	  sizeof(struct kvm_vcpu_events), LATE },
};

static char reason[160];

static const char *fail(const struct vcpu *vcpu, const char *what)
{
	snprintf(reason, sizeof(reason), "KVM: %s of vCPU %u: %s", what, vcpu->id,
		 strerror(errno));
	return reason;
}

/* Model-specific registers. */

static bool msr_get(const struct vcpu *vcpu, uint32_t index, uint64_t *value)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = { .head = { .nmsrs = 1 }, .entry = { .index = index } };

	if (ioctl(vcpu->fd, KVM_GET_MSRS, &msrs.head) != 1)
		return false;
	*value = msrs.entry.data;
	return true;
}

static bool msr_set(const struct vcpu *vcpu, uint32_t index, uint64_t value)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = { .head = { .nmsrs = 1 }, .entry = { .index = index, .data = value } };

	return ioctl(vcpu->fd, KVM_SET_MSRS, &msrs.head) == 1;
}

static const char *msrs_save(const struct vcpu *vcpu, struct state_out *out)
{
	struct {
		struct kvm_msr_list head;
		uint32_t index[MSRS_MAX];
	} list = { .head = { .nmsrs = MSRS_MAX } };
	struct msr_state msrs[MSRS_MAX];
	unsigned int n = 0;

	if (ioctl(vcpu->vm->kvm, KVM_GET_MSR_INDEX_LIST, &list.head) < 0)
		return fail(vcpu, "the list of model-specific registers");
	for (unsigned int i = 0; i < list.head.nmsrs; i++) {
		struct msr_state *m = &msrs[n];

		*m = (struct msr_state){ .index = list.index[i] };
		/* The list is for all CPUs; this one may lack some. */
		if (m->index != MSR_TSC && msr_get(vcpu, m->index, &m->value))
			n++;
	}
	state_put(out, "vcpu-msrs", vcpu->id, KVM_STATE_VERSION, msrs, n * sizeof(msrs[0]));
	return NULL;
}

/* Write those that are wrong. Return: NULL, or which cannot be written. */
static const char *msrs_load(const struct vcpu *vcpu, const struct msr_state *msrs,
			     size_t n, bool deadline)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t now;

		if ((msrs[i].index == MSR_TSC_DEADLINE) != deadline ||
		    (msr_get(vcpu, msrs[i].index, &now) && now == msrs[i].value) ||
		    msr_set(vcpu, msrs[i].index, msrs[i].value))
			continue;
		snprintf(reason, sizeof(reason), "KVM does not take 0x%llx for register 0x%x "
			 "of vCPU %u", (unsigned long long)msrs[i].value, msrs[i].index,
			 vcpu->id);
		return reason;
	}
	return NULL;
}

/* Floating point and vectors. */

static size_t xsave_size(const struct vm *vm)
{
	int size = ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2);

	return size > 0 && size <= XSAVE_MAX ? (size_t)size : sizeof(struct kvm_xsave);
}

static const char *xsave_save(const struct vcpu *vcpu, struct state_out *out)
{
	size_t size = xsave_size(vcpu->vm);
	bool larger = size > sizeof(struct kvm_xsave);
	struct kvm_xsave *x = calloc(1, size);
	const char *why = NULL;

	if (!x)
		return "there is no memory";
	if (ioctl(vcpu->fd, larger ? KVM_GET_XSAVE2 : KVM_GET_XSAVE, x) < 0)
		why = fail(vcpu, "vector registers");
	else
		state_put(out, "vcpu-xsave", vcpu->id, KVM_STATE_VERSION, x, size);
	free(x);
	return why;
}

static const char *xsave_load(const struct vcpu *vcpu, const struct state *s)
{
	const void *x = state_get(s, "vcpu-xsave", vcpu->id, KVM_STATE_VERSION,
				  xsave_size(vcpu->vm));

	if (!x)
		return "this host's vector registers are others";
	return ioctl(vcpu->fd, KVM_SET_XSAVE, x) < 0 ? fail(vcpu, "vector registers") : NULL;
}

/* What CPU it is. */

static const char *cpuid_save(const struct vcpu *vcpu, struct state_out *out)
{
	struct cpuid_table t = { .head = { .nent = CPUID_ENTRIES } };

	if (ioctl(vcpu->fd, KVM_GET_CPUID2, &t.head) < 0)
		return fail(vcpu, "CPUID");
	state_put(out, "vcpu-cpuid", vcpu->id, KVM_STATE_VERSION, t.entries,
		  t.head.nent * sizeof(t.entries[0]));
	return NULL;
}

/* The guest goes on seeing the CPU that it knows, if this one can be taken for it. */
static const char *cpuid_load(const struct vcpu *vcpu, const struct state *s)
{
	struct cpuid_table now = { .head = { .nent = CPUID_ENTRIES } }, then = { 0 };
	const char *missing;
	const void *p;
	size_t size;

	p = state_get_any(s, "vcpu-cpuid", vcpu->id, KVM_STATE_VERSION, &size);
	if (!p || size > sizeof(then.entries) || size % sizeof(then.entries[0]))
		return "it makes no sense (CPUID)";
	memcpy(then.entries, p, size);
	then.head.nent = (uint32_t)(size / sizeof(then.entries[0]));
	if (ioctl(vcpu->fd, KVM_GET_CPUID2, &now.head) < 0)
		return fail(vcpu, "CPUID");
	if (!cpuid_same_vendor(&then, &now))
		return "it was saved on a CPU of another vendor";
	missing = cpuid_missing(&then, &now);
	if (missing) {
		snprintf(reason, sizeof(reason), "the guest uses the CPU feature '%s', which "
			 "it would not have here", missing);
		return reason;
	}
	return ioctl(vcpu->fd, KVM_SET_CPUID2, &then.head) < 0 ? fail(vcpu, "CPUID") : NULL;
}

/* A vCPU. */

static const char *vcpu_save(const struct vcpu *vcpu, struct state_out *out)
{
	const char *why = cpuid_save(vcpu, out);
	union vcpu_block b;
	uint64_t tsc, base;

	for (size_t i = 0; !why && i < ARRAY_SIZE(blocks); i++) {
		memset(&b, 0, sizeof(b));
		if (ioctl(vcpu->fd, blocks[i].get, &b) < 0)
			return fail(vcpu, blocks[i].name);
		state_put(out, blocks[i].name, vcpu->id, KVM_STATE_VERSION, &b,
			  blocks[i].size);
	}
	if (!why)
		why = xsave_save(vcpu, out);
	if (!why)
		why = msrs_save(vcpu, out);
	if (why)
		return why;
	/* As far from the first vCPU's as it is now. */
	if (!msr_get(vcpu->vm->vcpus, MSR_TSC, &base) || !msr_get(vcpu, MSR_TSC, &tsc))
		return fail(vcpu, "time stamp counter");
	tsc = tsc - base + vcpu->vm->pause.tsc;
	state_put(out, "vcpu-tsc", vcpu->id, KVM_STATE_VERSION, &tsc, sizeof(tsc));
	return NULL;
}

static const char *vcpu_load_blocks(const struct vcpu *vcpu, const struct state *s,
				    enum when when)
{
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
		const void *p;

		if (blocks[i].when != when)
			continue;
		p = state_get(s, blocks[i].name, vcpu->id, KVM_STATE_VERSION, blocks[i].size);
		if (!p)
			return "it makes no sense (registers)";
		if (ioctl(vcpu->fd, blocks[i].set, p) < 0)
			return fail(vcpu, blocks[i].name);
	}
	return NULL;
}

static const char *vcpu_load(const struct vcpu *vcpu, const struct state *s)
{
	const struct msr_state *msrs;
	const uint64_t *tsc;
	const char *why;
	size_t size;

	msrs = state_get_any(s, "vcpu-msrs", vcpu->id, KVM_STATE_VERSION, &size);
	tsc = state_get(s, "vcpu-tsc", vcpu->id, KVM_STATE_VERSION, sizeof(*tsc));
	if (!msrs || !tsc || size % sizeof(*msrs) || size / sizeof(*msrs) > MSRS_MAX)
		return "it makes no sense (registers)";
	why = cpuid_load(vcpu, s);
	if (!why)
		why = vcpu_load_blocks(vcpu, s, EARLY);
	if (!why)
		why = xsave_load(vcpu, s);
	if (!why)
		why = msrs_load(vcpu, msrs, size / sizeof(*msrs), false);
	if (!why && !msr_set(vcpu, MSR_TSC, *tsc))
		why = fail(vcpu, "time stamp counter");
	if (!why)
		why = vcpu_load_blocks(vcpu, s, LATE);
	if (!why)
		why = msrs_load(vcpu, msrs, size / sizeof(*msrs), true);
	return why;
}

/* The rest of the machine. */

static const uint32_t chips[] = {
	KVM_IRQCHIP_PIC_MASTER, KVM_IRQCHIP_PIC_SLAVE, KVM_IRQCHIP_IOAPIC,
};

static uint64_t tsc_khz(const struct vm *vm)
{
	int khz = ioctl(vm->vcpus->fd, KVM_GET_TSC_KHZ, 0);

	return khz > 0 ? (uint64_t)khz : 0;
}

const char *kvm_state_save(struct vm *vm, struct state_out *out)
{
	struct clock_state clock;
	struct kvm_pit_state2 pit;
	const char *why = NULL;

	if (!pause_clocks(vm))
		return "KVM does not tell the time";
	clock = (struct clock_state){ vm->pause.clock, vm->pause.tsc, tsc_khz(vm) };
	state_put(out, "clock", 0, KVM_STATE_VERSION, &clock, sizeof(clock));
	for (unsigned int i = 0; !why && i < vm->opt->cpus; i++)
		why = vcpu_save(&vm->vcpus[i], out);
	for (size_t i = 0; !why && i < ARRAY_SIZE(chips); i++) {
		struct kvm_irqchip chip = { .chip_id = chips[i] };

		if (ioctl(vm->fd, KVM_GET_IRQCHIP, &chip) < 0)
			return "KVM does not show its interrupt controllers";
		state_put(out, "irqchip", chips[i], KVM_STATE_VERSION, &chip, sizeof(chip));
	}
	if (why)
		return why;
	memset(&pit, 0, sizeof(pit));
	if (ioctl(vm->fd, KVM_GET_PIT2, &pit) < 0)
		return "KVM does not show its timer";
	state_put(out, "pit", 0, KVM_STATE_VERSION, &pit, sizeof(pit));
	return NULL;
}

/* The counters are to run as fast as they did; KVM takes a host's that is within some
 * hundred millionths of it for the same. */
static const char *load_khz(const struct vm *vm, uint64_t khz)
{
	uint64_t now = tsc_khz(vm);

	if (!khz || !now || khz == now)
		return NULL;
	if (khz > UINT32_MAX)
		return "it makes no sense (speed of the time stamp counter)";
	for (unsigned int i = 0; i < vm->opt->cpus; i++)
		if (ioctl(vm->vcpus[i].fd, KVM_SET_TSC_KHZ, khz) < 0)
			return "this host's time stamp counter has another speed";
	return NULL;
}

const char *kvm_state_load(struct vm *vm, const struct state *s)
{
	const struct clock_state *clock = state_get(s, "clock", 0, KVM_STATE_VERSION,
						    sizeof(*clock));
	const struct kvm_pit_state2 *pit = state_get(s, "pit", 0, KVM_STATE_VERSION,
						     sizeof(*pit));
	const char *why;

	if (!clock || !pit)
		return "it makes no sense (timers)";
	why = load_khz(vm, clock->khz);
	for (unsigned int i = 0; !why && i < vm->opt->cpus; i++)
		why = vcpu_load(&vm->vcpus[i], s);
	for (size_t i = 0; !why && i < ARRAY_SIZE(chips); i++) {
		const struct kvm_irqchip *chip = state_get(s, "irqchip", chips[i],
							   KVM_STATE_VERSION,
							   sizeof(*chip));

		if (!chip || chip->chip_id != chips[i])
			return "it makes no sense (interrupt controllers)";
		if (ioctl(vm->fd, KVM_SET_IRQCHIP, chip) < 0)
			return "KVM does not take its interrupt controllers";
	}
	if (!why && ioctl(vm->fd, KVM_SET_PIT2, pit) < 0)
		return "KVM does not take its timer";
	if (!why)
		pause_set_clocks(vm, clock->clock, clock->tsc);
	return why;
}
