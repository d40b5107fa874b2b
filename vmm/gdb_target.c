/* SPDX-License-Identifier: BSD-2-Clause */
/* gdb_target.c - What a debugger does with the machine that KVM runs
 *
 * What KVM does with debug registers and with int3: Linux,
 * Documentation/virt/kvm/api.rst, 4.87 KVM_SET_GUEST_DEBUG.
 */
#include "config.h"

#include "vmm/gdb_target.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "lib/log.h"
#include "vmm/vcpu.h"
#include "vmm/vm.h"

enum {
	PAGE = 4096,
	SOFTWARE_MAX = 256,
	INT3 = 0xcc,

	VECTOR_DB = 1,
	VECTOR_BP = 3,

	DR6_HIT = 0xf,			/* one bit for each register */
	DR6_STEP = 1 << 14,
};

static const uint32_t msr_kernel_gs_base = 0xc0000102;

/** struct software - A breakpoint in memory */
struct software {
	uint64_t addr;
	uint64_t phys;
	uint8_t byte;			/* that was there */
};

/**
 * struct gdb_target - A machine
 * @hold_back:	KVM_GUESTDBG_BLOCKIRQ, if there is that
 * @cpu:	Registers of vCPU number @loaded, as far as
 * @have:	they were read, by block
 * @set:	For each vCPU what KVM was told last
 */
struct gdb_target {
	struct vm *vm;
	unsigned int hold_back;
	struct software soft[SOFTWARE_MAX];
	unsigned int softs;
	struct gdb_hard hard[GDB_HARD_MAX];
	unsigned int hards;
	struct gdb_cpu cpu;
	unsigned int loaded;
	bool have[GDB_BLOCKS];
	struct kvm_guest_debug set[];
};

/* Registers. */

static bool block_move(const struct vcpu *vcpu, enum gdb_block block, struct gdb_cpu *cpu,
		       bool set)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = { .head = { .nmsrs = 1 }, .entry = { .index = msr_kernel_gs_base } };

	switch (block) {
	case GDB_REGS_MAIN:
		return !ioctl(vcpu->fd, set ? KVM_SET_REGS : KVM_GET_REGS, &cpu->main);
	case GDB_REGS_SPECIAL:
		return !ioctl(vcpu->fd, set ? KVM_SET_SREGS : KVM_GET_SREGS, &cpu->special);
	case GDB_REGS_FPU:
		return !ioctl(vcpu->fd, set ? KVM_SET_FPU : KVM_GET_FPU, &cpu->fpu);
	case GDB_REGS_MSR:
	case GDB_BLOCKS:
		break;
	}
	msrs.entry.data = cpu->kernel_gs_base;
	if (ioctl(vcpu->fd, set ? KVM_SET_MSRS : KVM_GET_MSRS, &msrs.head) != 1)
		return false;
	cpu->kernel_gs_base = msrs.entry.data;
	return true;
}

static void forget_regs(struct gdb_target *t)
{
	memset(t->have, 0, sizeof(t->have));
}

static bool load_block(struct gdb_target *t, unsigned int cpu, enum gdb_block block)
{
	if (t->loaded != cpu)
		forget_regs(t);
	t->loaded = cpu;
	if (!t->have[block])
		t->have[block] = block_move(&t->vm->vcpus[cpu], block, &t->cpu, false);
	return t->have[block];
}

bool gdb_target_get_reg(struct gdb_target *t, unsigned int cpu, unsigned int n,
			uint8_t bytes[GDB_REG_SIZE])
{
	if (!load_block(t, cpu, gdb_reg_block(n)))
		return false;
	gdb_reg_get(&t->cpu, n, bytes);
	return true;
}

bool gdb_target_set_reg(struct gdb_target *t, unsigned int cpu, unsigned int n,
			const uint8_t bytes[GDB_REG_SIZE])
{
	enum gdb_block block = gdb_reg_block(n);
	uint8_t now[GDB_REG_SIZE];

	if (!gdb_target_get_reg(t, cpu, n, now))
		return false;
	if (!memcmp(now, bytes, gdb_reg_size(n)))
		return true;
	if (!gdb_reg_set(&t->cpu, n, bytes))
		return false;
	if (block_move(&t->vm->vcpus[cpu], block, &t->cpu, true))
		return true;
	t->have[block] = false;
	return false;
}

const char *gdb_target_word(struct gdb_target *t, unsigned int cpu)
{
	struct kvm_mp_state mp;

	if (ioctl(t->vm->vcpus[cpu].fd, KVM_GET_MP_STATE, &mp) < 0)
		return "?";
	switch (mp.mp_state) {
	case KVM_MP_STATE_RUNNABLE:
		return "running";
	case KVM_MP_STATE_HALTED:
		return "halted";
	default:
		return "not started";
	}
}

/* Memory. */

/* Where the guest has an address; *@size becomes what of it is in one page. Return: it, or
 * NULL. */
static uint8_t *find(const struct vcpu *vcpu, bool physical, uint64_t addr, size_t *size,
		     uint64_t *phys)
{
	struct kvm_translation tr = { .linear_address = addr - addr % PAGE };

	*size = MIN(*size, (size_t)(PAGE - addr % PAGE));
	*phys = addr;
	if (!physical) {
		if (ioctl(vcpu->fd, KVM_TRANSLATE, &tr) < 0 || !tr.valid)
			return NULL;
		*phys = tr.physical_address + addr % PAGE;
	}
	return guestmem_ptr(&vcpu->vm->mem, *phys, *size);
}

bool gdb_target_read(struct gdb_target *t, unsigned int cpu, bool physical, uint64_t addr,
		     uint8_t *buf, size_t size)
{
	while (size) {
		const uint8_t *from;
		size_t n = size;
		uint64_t phys;

		from = find(&t->vm->vcpus[cpu], physical, addr, &n, &phys);
		if (!from)
			return false;
		memcpy(buf, from, n);
		addr += n;
		buf += n;
		size -= n;
	}
	return true;
}

bool gdb_target_write(struct gdb_target *t, unsigned int cpu, bool physical, uint64_t addr,
		      const uint8_t *buf, size_t size)
{
	/* All or nothing. */
	for (int really = 0; really < 2; really++) {
		uint64_t a = addr, phys;

		for (size_t done = 0, n; done < size; done += n, a += n) {
			uint8_t *to;

			n = size - done;
			to = find(&t->vm->vcpus[cpu], physical, a, &n, &phys);
			if (!to)
				return false;
			if (really)
				memcpy(to, buf + done, n);
		}
	}
	return true;
}

/* Breakpoints. */

static int soft_insert(struct gdb_target *t, unsigned int cpu, uint64_t addr)
{
	struct software *s = &t->soft[t->softs];
	size_t size = 1;
	uint8_t *at;

	for (unsigned int i = 0; i < t->softs; i++)
		if (t->soft[i].addr == addr)
			return 0;
	if (t->softs == SOFTWARE_MAX)
		return -ENOSPC;
	at = find(&t->vm->vcpus[cpu], false, addr, &size, &s->phys);
	if (!at)
		return -EFAULT;
	s->addr = addr;
	s->byte = *at;
	*at = INT3;
	t->softs++;
	return 0;
}

/* What the guest has written there since then stays. */
static void soft_lift(const struct gdb_target *t, const struct software *s)
{
	uint8_t *at = guestmem_ptr(&t->vm->mem, s->phys, 1);

	if (at && *at == INT3)
		*at = s->byte;
}

/* One that is not there is gone, as was wanted: memory was cleared. */
static int soft_remove(struct gdb_target *t, uint64_t addr)
{
	for (unsigned int i = 0; i < t->softs; i++) {
		if (t->soft[i].addr != addr)
			continue;
		soft_lift(t, &t->soft[i]);
		t->soft[i] = t->soft[--t->softs];
		break;
	}
	return 0;
}

static int hard_insert(struct gdb_target *t, const struct gdb_hard *new)
{
	/* x86 has nothing for reading alone: gdb makes do with reading or writing. */
	if (new->point == GDB_POINT_READ)
		return -ENOTSUP;
	if ((new->size != 1 && new->size != 2 && new->size != 4 && new->size != 8) ||
	    new->addr % new->size)
		return -EINVAL;
	if (t->hards == GDB_HARD_MAX)
		return -ENOSPC;
	t->hard[t->hards++] = *new;
	return 0;
}

static int hard_remove(struct gdb_target *t, const struct gdb_hard *old)
{
	for (unsigned int i = 0; i < t->hards; i++) {
		const struct gdb_hard *h = &t->hard[i];

		if (h->point != old->point || h->addr != old->addr || h->size != old->size)
			continue;
		t->hard[i] = t->hard[--t->hards];
		return 0;
	}
	return old->point == GDB_POINT_READ ? -ENOTSUP : -ENOENT;
}

/* What is executed has a length for gdb, and none for the CPU. */
static struct gdb_hard hardware(enum gdb_point point, uint64_t addr, size_t size)
{
	return (struct gdb_hard){ point, addr, point == GDB_POINT_HARDWARE ? 1 : size };
}

int gdb_target_insert(struct gdb_target *t, unsigned int cpu, enum gdb_point point,
		      uint64_t addr, size_t size)
{
	const struct gdb_hard h = hardware(point, addr, size);

	return point == GDB_POINT_SOFTWARE ? soft_insert(t, cpu, addr) : hard_insert(t, &h);
}

int gdb_target_remove(struct gdb_target *t, unsigned int cpu UNUSED, enum gdb_point point,
		      uint64_t addr, size_t size)
{
	const struct gdb_hard h = hardware(point, addr, size);

	return point == GDB_POINT_SOFTWARE ? soft_remove(t, addr) : hard_remove(t, &h);
}

bool gdb_target_in_memory(const struct gdb_target *t)
{
	return t->softs > 0;
}

/* Telling KVM. */

static void tell_kvm(struct gdb_target *t, const struct vcpu *vcpu, bool step)
{
	struct kvm_guest_debug d = { .control = 0 };
	uint64_t dr[ARRAY_SIZE(d.arch.debugreg)];

	if (t->softs)
		d.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP;
	if (t->hards) {
		d.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
		gdb_debug_registers(t->hard, t->hards, dr);
		for (size_t i = 0; i < ARRAY_SIZE(dr); i++)
			d.arch.debugreg[i] = dr[i];
	}
	if (step)
		d.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | t->hold_back;
	if (!memcmp(&d, &t->set[vcpu->id], sizeof(d)))
		return;
	if (ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &d) < 0)
		log_warn_errno(errno, "KVM: breakpoints of vCPU %u", vcpu->id);
	else
		t->set[vcpu->id] = d;
}

void gdb_target_go(struct gdb_target *t, const enum gdb_go *go)
{
	forget_regs(t);
	for (unsigned int i = 0; i < t->vm->opt->cpus; i++) {
		struct vcpu *vcpu = &t->vm->vcpus[i];

		vcpu->stays = go[i] == GDB_STAY;
		tell_kvm(t, vcpu, go[i] == GDB_STEP);
	}
}

void gdb_target_clear(struct gdb_target *t)
{
	enum gdb_go go[TOPOLOGY_CPUS_MAX];

	while (t->softs)
		soft_lift(t, &t->soft[--t->softs]);
	t->hards = 0;
	for (size_t i = 0; i < ARRAY_SIZE(go); i++)
		go[i] = GDB_CONTINUE;
	if (t->vm->fd >= 0)
		gdb_target_go(t, go);
}

/* Exits. */

/* The exception is the guest's own. */
static void give_back(const struct gdb_target *t, const struct vcpu *vcpu, bool bp)
{
	struct kvm_guest_debug d = t->set[vcpu->id];

	d.control |= KVM_GUESTDBG_ENABLE | (bp ? KVM_GUESTDBG_INJECT_BP : KVM_GUESTDBG_INJECT_DB);
	if (ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &d) < 0)
		log_warn_errno(errno, "KVM: an exception of vCPU %u is lost", vcpu->id);
}

static bool hit_int3(const struct gdb_target *t, const struct vcpu *vcpu, uint64_t pc)
{
	const uint8_t *at;
	size_t size = 1;
	uint64_t phys;

	at = find(vcpu, false, pc, &size, &phys);
	for (unsigned int i = 0; at && i < t->softs; i++)
		if (t->soft[i].phys == phys)
			return true;
	/* If there is none any more, it was ours until now. */
	if (!at || *at == INT3)
		give_back(t, vcpu, true);
	return false;
}

bool gdb_target_hit(struct gdb_target *t, const struct vcpu *vcpu, struct gdb_stop *stop)
{
	const struct kvm_debug_exit_arch *e = &vcpu->run->debug.arch;
	const struct kvm_guest_debug *set = &t->set[vcpu->id];

	*stop = (struct gdb_stop){ .why = GDB_HIT, .cpu = vcpu->id };
	if (e->exception == VECTOR_BP)
		return hit_int3(t, vcpu, e->pc);
	for (unsigned int i = 0; i < t->hards && set->control & KVM_GUESTDBG_USE_HW_BP; i++) {
		if (!(e->dr6 & DR6_HIT & 1U << i))
			continue;
		stop->point = t->hard[i].point;
		stop->addr = t->hard[i].addr;
		return true;
	}
	stop->why = GDB_STEPPED;
	if (set->control & KVM_GUESTDBG_SINGLESTEP)
		return true;
	if (e->dr6 & (DR6_HIT | DR6_STEP))
		give_back(t, vcpu, false);
	return false;
}

/* Life. */

void gdb_target_power_on(struct gdb_target *t)
{
	t->softs = 0;
	forget_regs(t);
	memset(t->set, 0, t->vm->opt->cpus * sizeof(t->set[0]));
	for (unsigned int i = 0; i < t->vm->opt->cpus; i++)
		tell_kvm(t, &t->vm->vcpus[i], false);
}

int gdb_target_create(struct vm *vm, struct gdb_target **out)
{
	struct gdb_target *t = calloc(1, sizeof(*t) + vm->opt->cpus * sizeof(t->set[0]));

	if (!t)
		return -ENOMEM;
	t->vm = vm;
	if (ioctl(vm->kvm, KVM_CHECK_EXTENSION, KVM_CAP_SET_GUEST_DEBUG2) &
	    KVM_GUESTDBG_BLOCKIRQ)
		t->hold_back = KVM_GUESTDBG_BLOCKIRQ;
	*out = t;
	return 0;
}

void gdb_target_destroy(struct gdb_target *t)
{
	free(t);
}
