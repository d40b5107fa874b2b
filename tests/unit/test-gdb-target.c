/* SPDX-License-Identifier: BSD-2-Clause */
/* test-gdb-target.c - What a debugger does with the machine, and what KVM is told of it
 *
 * KVM is made up: whatever the target asks of it comes to __wrap_ioctl(). Not every KVM
 * meets breakpoints (see tests/guest/guest-gdb.sh), and none can be asked what it would
 * have done.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vmm/gdb_target.h"
#include "vmm/vcpu.h"
#include "vmm/vm.h"

enum { CPUS = 2, KVM = 100, VCPU = 200, PAGE = 4096, PAGES = 8, HOLE = 5 };

/* Where the guest has its memory a second time. */
#define HIGH	0xffff800000000000

int __wrap_ioctl(int fd, unsigned long request, ...);

static struct {
	struct kvm_regs regs[CPUS];
	struct kvm_guest_debug debug[CPUS];
	unsigned int told;		/* how often KVM_SET_GUEST_DEBUG came */
	bool refuses;			/* registers to be set */
} kvm;

static struct {
	struct vm vm;
	struct options opt;
	struct vcpu vcpu[CPUS];
	struct kvm_run run[CPUS];
	uint8_t memory[PAGES * PAGE];
	struct gdb_target *t;
} m;

static int translate(struct kvm_translation *tr)
{
	uint64_t addr = tr->linear_address & ~HIGH;

	tr->valid = addr < PAGES * PAGE && addr / PAGE != HOLE;
	tr->physical_address = addr;
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	int id = fd - VCPU;
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request == KVM_CHECK_EXTENSION)
		return fd == KVM ? KVM_GUESTDBG_BLOCKIRQ | KVM_GUESTDBG_ENABLE : 0;
	assert_in_range(id, 0, CPUS - 1);
	switch (request) {
	case KVM_TRANSLATE:
		return translate(arg);
	case KVM_GET_REGS:
		memcpy(arg, &kvm.regs[id], sizeof(kvm.regs[id]));
		return 0;
	case KVM_SET_REGS:
		if (!kvm.refuses)
			memcpy(&kvm.regs[id], arg, sizeof(kvm.regs[id]));
		return kvm.refuses ? -1 : 0;
	case KVM_SET_GUEST_DEBUG:
		memcpy(&kvm.debug[id], arg, sizeof(kvm.debug[id]));
		kvm.told++;
		return 0;
	default:
		fail_msg("ioctl %lx", request);
		return -1;
	}
}

static int begin(void **state UNUSED)
{
	memset(&kvm, 0, sizeof(kvm));
	memset(&m, 0, sizeof(m));
	m.opt.cpus = CPUS;
	m.vm.opt = &m.opt;
	m.vm.kvm = KVM;
	m.vm.vcpus = m.vcpu;
	for (unsigned int i = 0; i < CPUS; i++)
		m.vcpu[i] = (struct vcpu){
			.vm = &m.vm, .id = i, .fd = VCPU + (int)i, .run = &m.run[i],
		};
	for (size_t i = 0; i < sizeof(m.memory); i++)
		m.memory[i] = (uint8_t)(i / PAGE * 16 + i % 7);
	assert_int_equal(guestmem_add(&m.vm.mem, 0, sizeof(m.memory), m.memory), 0);
	return gdb_target_create(&m.vm, &m.t);
}

static int end(void **state UNUSED)
{
	gdb_target_destroy(m.t);
	return 0;
}

static void registers(void **state UNUSED)
{
	uint8_t bytes[GDB_REG_SIZE] = { 0x34, 0x12 };

	kvm.regs[1].rip = 0x77;
	assert_true(gdb_target_get_reg(m.t, 1, 16, bytes));
	assert_int_equal(bytes[0], 0x77);
	/* Known, until it runs. */
	kvm.regs[1].rip = 0x78;
	assert_true(gdb_target_get_reg(m.t, 1, 16, bytes));
	assert_int_equal(bytes[0], 0x77);
	gdb_target_go(m.t, (enum gdb_go[CPUS]){ GDB_CONTINUE, GDB_CONTINUE });
	assert_true(gdb_target_get_reg(m.t, 1, 16, bytes));
	assert_int_equal(bytes[0], 0x78);
	/* Each CPU has its own. */
	assert_true(gdb_target_get_reg(m.t, 0, 16, bytes));
	assert_int_equal(bytes[0], 0);
	bytes[1] = 0x9a;
	assert_true(gdb_target_set_reg(m.t, 0, 16, bytes));
	assert_int_equal(kvm.regs[0].rip, 0x9a00);
	assert_int_equal(kvm.regs[1].rip, 0x78);
	kvm.refuses = true;
	bytes[1] = 0x55;
	assert_false(gdb_target_set_reg(m.t, 0, 16, bytes));
	assert_true(gdb_target_get_reg(m.t, 0, 16, bytes));
	assert_int_equal(bytes[1], 0x9a);
}

static void memory(void **state UNUSED)
{
	uint8_t buf[2 * PAGE];

	assert_true(gdb_target_read(m.t, 0, false, HIGH + PAGE - 1, buf, PAGE + 2));
	assert_memory_equal(buf, m.memory + PAGE - 1, PAGE + 2);
	assert_false(gdb_target_read(m.t, 0, false, PAGE - 1 + (HOLE - 1) * PAGE, buf, 2));
	assert_false(gdb_target_read(m.t, 0, false, (PAGES - 1) * PAGE, buf, PAGE + 1));
	assert_true(gdb_target_read(m.t, 0, true, HOLE * PAGE, buf, PAGE));
	assert_memory_equal(buf, m.memory + HOLE * PAGE, PAGE);
	assert_false(gdb_target_read(m.t, 0, true, HIGH, buf, 1));
	assert_false(gdb_target_read(m.t, 0, true, UINT64_MAX, buf, 2));
	/* All or nothing. */
	memset(buf, 0xee, sizeof(buf));
	assert_false(gdb_target_write(m.t, 0, false, HOLE * PAGE - 1, buf, 2));
	assert_int_not_equal(m.memory[HOLE * PAGE - 1], 0xee);
	assert_true(gdb_target_write(m.t, 0, false, 2 * PAGE - 1, buf, 2));
	assert_memory_equal(m.memory + 2 * PAGE - 1, "\xee\xee", 2);
	assert_int_equal(m.memory[2 * PAGE + 1], 35);
}

static bool hit(unsigned int cpu, unsigned int exception, uint64_t pc, uint64_t dr6,
		struct gdb_stop *stop)
{
	m.run[cpu].debug.arch = (struct kvm_debug_exit_arch){
		.exception = exception, .pc = pc, .dr6 = dr6,
	};
	return gdb_target_hit(m.t, &m.vcpu[cpu], stop);
}

static void go(enum gdb_go a, enum gdb_go b)
{
	gdb_target_go(m.t, (enum gdb_go[CPUS]){ a, b });
}

static void in_memory(void **state UNUSED)
{
	const uint8_t was = m.memory[0x1234];
	struct gdb_stop stop;

	assert_int_equal(gdb_target_insert(m.t, 0, GDB_POINT_SOFTWARE, HOLE * PAGE, 1), -EFAULT);
	assert_false(gdb_target_in_memory(m.t));
	assert_int_equal(gdb_target_insert(m.t, 0, GDB_POINT_SOFTWARE, HIGH + 0x1234, 1), 0);
	/* gdb may say so twice; then it is still there once. */
	assert_int_equal(gdb_target_insert(m.t, 1, GDB_POINT_SOFTWARE, HIGH + 0x1234, 1), 0);
	assert_true(gdb_target_in_memory(m.t));
	assert_int_equal(m.memory[0x1234], 0xcc);
	assert_int_equal(kvm.told, 0);
	go(GDB_CONTINUE, GDB_CONTINUE);
	for (unsigned int i = 0; i < CPUS; i++)
		assert_int_equal(kvm.debug[i].control,
				 KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP);
	assert_true(hit(1, 3, HIGH + 0x1234, 0, &stop));
	assert_int_equal(stop.why, GDB_HIT);
	assert_int_equal(stop.point, GDB_POINT_SOFTWARE);
	assert_int_equal(stop.cpu, 1);
	/* Under its other address, too. */
	assert_true(hit(0, 3, 0x1234, 0, &stop));
	assert_int_equal(kvm.told, CPUS);
	/* The guest's own. */
	m.memory[0x2000] = 0xcc;
	assert_false(hit(0, 3, 0x2000, 0, &stop));
	assert_int_equal(kvm.debug[0].control, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP |
			 KVM_GUESTDBG_INJECT_BP);
	/* One that was taken away just now: the guest is to execute what is there. */
	kvm.told = 0;
	assert_false(hit(0, 3, 0x3000, 0, &stop));
	assert_int_equal(kvm.told, 0);

	assert_int_equal(gdb_target_remove(m.t, 0, GDB_POINT_SOFTWARE, HIGH + 0x1234, 1), 0);
	assert_int_equal(m.memory[0x1234], was);
	assert_false(gdb_target_in_memory(m.t));
	assert_int_equal(gdb_target_remove(m.t, 0, GDB_POINT_SOFTWARE, HIGH + 0x1234, 1), 0);
	/* What the guest has loaded there since then stays. */
	assert_int_equal(gdb_target_insert(m.t, 0, GDB_POINT_SOFTWARE, 0x1234, 1), 0);
	m.memory[0x1234] = 0x42;
	assert_int_equal(gdb_target_remove(m.t, 0, GDB_POINT_SOFTWARE, 0x1234, 1), 0);
	assert_int_equal(m.memory[0x1234], 0x42);
}

static void many(void **state UNUSED)
{
	uint8_t before[sizeof(m.memory)];
	int ret = 0;

	memcpy(before, m.memory, sizeof(before));
	for (uint64_t i = 0; i < 1000 && !ret; i++)
		ret = gdb_target_insert(m.t, 0, GDB_POINT_SOFTWARE, 4 * i, 1);
	assert_int_equal(ret, -ENOSPC);
	assert_int_equal(gdb_target_remove(m.t, 0, GDB_POINT_SOFTWARE, 0, 1), 0);
	assert_int_equal(gdb_target_remove(m.t, 0, GDB_POINT_SOFTWARE, 40, 1), 0);
	assert_int_equal(m.memory[44], 0xcc);
	gdb_target_clear(m.t);
	assert_memory_equal(before, m.memory, sizeof(before));
}

static void in_registers(void **state UNUSED)
{
	const unsigned int hard = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
	struct gdb_stop stop;

	assert_int_equal(gdb_target_insert(m.t, 0, GDB_POINT_READ, 0x1000, 4), -ENOTSUP);
	assert_int_equal(gdb_target_insert(m.t, 0, GDB_POINT_WRITE, 0x1000, 3), -EINVAL);
	assert_int_equal(gdb_target_insert(m.t, 0, GDB_POINT_WRITE, 0x1002, 4), -EINVAL);
	assert_int_equal(gdb_target_insert(m.t, 0, GDB_POINT_WRITE, 0x1000, 0), -EINVAL);
	assert_int_equal(gdb_target_insert(m.t, 0, GDB_POINT_HARDWARE, 0x1001, 5), 0);
	assert_int_equal(gdb_target_insert(m.t, 0, GDB_POINT_ACCESS, 0x2000, 8), 0);
	go(GDB_CONTINUE, GDB_CONTINUE);
	assert_int_equal(kvm.debug[1].control, hard);
	assert_true(kvm.debug[1].arch.debugreg[0] == 0x1001);
	assert_true(kvm.debug[1].arch.debugreg[1] == 0x2000);
	assert_true(kvm.debug[1].arch.debugreg[7] == 0xb0040a);
	assert_true(hit(1, 1, 0, 0xffff0ff2, &stop));
	assert_int_equal(stop.why, GDB_HIT);
	assert_int_equal(stop.point, GDB_POINT_ACCESS);
	assert_true(stop.addr == 0x2000);
	assert_true(hit(0, 1, 0, 0xffff0ff1, &stop));
	assert_int_equal(stop.point, GDB_POINT_HARDWARE);
	/* The guest's own step. */
	assert_false(hit(0, 1, 0, 0xffff4ff0, &stop));
	assert_int_equal(kvm.debug[0].control, hard | KVM_GUESTDBG_INJECT_DB);

	assert_int_equal(gdb_target_insert(m.t, 0, GDB_POINT_WRITE, 0x3000, 1), 0);
	assert_int_equal(gdb_target_insert(m.t, 0, GDB_POINT_WRITE, 0x3001, 1), 0);
	assert_int_equal(gdb_target_insert(m.t, 0, GDB_POINT_WRITE, 0x3002, 1), -ENOSPC);
	assert_int_equal(gdb_target_remove(m.t, 0, GDB_POINT_WRITE, 0x2000, 8), -ENOENT);
	assert_int_equal(gdb_target_remove(m.t, 0, GDB_POINT_ACCESS, 0x2000, 8), 0);
	assert_int_equal(gdb_target_remove(m.t, 0, GDB_POINT_ACCESS, 0x2000, 8), -ENOENT);
	gdb_target_clear(m.t);
	for (unsigned int i = 0; i < CPUS; i++)
		assert_int_equal(kvm.debug[i].control, 0);
}

static void steps(void **state UNUSED)
{
	struct gdb_stop stop;

	go(GDB_STEP, GDB_STAY);
	assert_int_equal(kvm.debug[0].control, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP |
			 KVM_GUESTDBG_BLOCKIRQ);
	assert_int_equal(kvm.debug[1].control, 0);
	assert_false(m.vcpu[0].stays);
	assert_true(m.vcpu[1].stays);
	assert_true(hit(0, 1, 0, 0xffff4ff0, &stop));
	assert_int_equal(stop.why, GDB_STEPPED);
	/* KVM is told of what is new only. */
	assert_int_equal(kvm.told, 1);
	go(GDB_STEP, GDB_CONTINUE);
	assert_int_equal(kvm.told, 1);
	assert_false(m.vcpu[1].stays);
	go(GDB_CONTINUE, GDB_CONTINUE);
	assert_int_equal(kvm.told, 2);
	assert_int_equal(kvm.debug[0].control, 0);
	go(GDB_STAY, GDB_STAY);
	gdb_target_clear(m.t);
	assert_false(m.vcpu[0].stays);
}

static void reset(void **state UNUSED)
{
	assert_int_equal(gdb_target_insert(m.t, 0, GDB_POINT_SOFTWARE, 0x1234, 1), 0);
	assert_int_equal(gdb_target_insert(m.t, 0, GDB_POINT_HARDWARE, 0x1234, 1), 0);
	go(GDB_CONTINUE, GDB_CONTINUE);
	memset(m.memory, 0, sizeof(m.memory));
	memset(&kvm, 0, sizeof(kvm));
	gdb_target_power_on(m.t);
	assert_false(gdb_target_in_memory(m.t));
	for (unsigned int i = 0; i < CPUS; i++) {
		assert_int_equal(kvm.debug[i].control,
				 KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP);
		assert_true(kvm.debug[i].arch.debugreg[0] == 0x1234);
	}
	/* gdb does not know, and takes it away. */
	assert_int_equal(gdb_target_remove(m.t, 0, GDB_POINT_SOFTWARE, 0x1234, 1), 0);
	assert_int_equal(m.memory[0x1234], 0);
}

/* Without a debugger KVM hears nothing. */
static void unused(void **state UNUSED)
{
	gdb_target_power_on(m.t);
	gdb_target_clear(m.t);
	assert_int_equal(kvm.told, 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(registers, begin, end),
	cmocka_unit_test_setup_teardown(memory, begin, end),
	cmocka_unit_test_setup_teardown(in_memory, begin, end),
	cmocka_unit_test_setup_teardown(many, begin, end),
	cmocka_unit_test_setup_teardown(in_registers, begin, end),
	cmocka_unit_test_setup_teardown(steps, begin, end),
	cmocka_unit_test_setup_teardown(reset, begin, end),
	cmocka_unit_test_setup_teardown(unused, begin, end),
};

UNIT_MAIN(tests)
