/* SPDX-License-Identifier: BSD-2-Clause */
/* test-diagnose.c - KVM's failures: QEMU's lines, registers as QEMU shows them, and
 * advice for each host
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>

#include "vmm/diagnose.h"
#include "vmm/host.h"

/* The advice: each row of what is known, and never "=0" where it cannot help. */

#define INVALID 0x80000021U

#define N .unrestricted_guest = 'N', .emulate_invalid = 'N'
#define NY .unrestricted_guest = 'N', .emulate_invalid = 'Y'
#define Y .unrestricted_guest = 'Y', .emulate_invalid = 'Y'
#define YN .unrestricted_guest = 'Y', .emulate_invalid = 'N'

#define ZERO "emulate_invalid_guest_state=0"
#define ONE "emulate_invalid_guest_state=1"
#define BUG "please report it"

static const struct row {
	const char *name;
	struct diagnose_event event;
	struct host host;
	const char *has[3];
	const char *lacks[4];
} row[] = {
	{ "no unrestricted_guest, no emulation: set it back",
	  { DIAGNOSE_FAIL_ENTRY, INVALID, true, false }, { .intel = true, N, .ept = 'Y' },
	  { ONE, "unrestricted_guest=N" }, { ZERO, BUG, "ept=1" } },
	{ "the same because of ept=N",
	  { DIAGNOSE_FAIL_ENTRY, INVALID, true, false }, { .intel = true, N, .ept = 'N' },
	  { ONE, "ept=1" }, { ZERO, BUG } },
	{ "the same on a host that is a VM",
	  { DIAGNOSE_FAIL_ENTRY, INVALID, true, false }, { .intel = true, N, .is_vm = true },
	  { ONE }, { ZERO, BUG } },
	{ "no unrestricted_guest, emulation failed: boot directly",
	  { DIAGNOSE_FAIL_ENTRY, INVALID, true, false }, { .intel = true, NY },
	  { "-kernel", "Enable EPT" }, { ZERO, ONE, BUG } },
	{ "the same of a guest that is booted directly",
	  { DIAGNOSE_FAIL_ENTRY, INVALID, false, true }, { .intel = true, NY },
	  { "Enable EPT", BUG }, { ZERO, ONE, "-kernel" } },
	{ "all parameters fine: a bug",
	  { DIAGNOSE_FAIL_ENTRY, INVALID, false, true }, { .intel = true, Y, .tdp_mmu = 'N' },
	  { BUG, "dump_invalid_vmcs=1", "is ignored" }, { ZERO, ONE, "try kvm.tdp_mmu" } },
	{ "the same with the dump on: it is in dmesg",
	  { DIAGNOSE_FAIL_ENTRY, INVALID, false, true },
	  { .intel = true, Y, .tdp_mmu = 'N', .dump_invalid = 'Y' },
	  { BUG, "dmesg has" }, { ZERO, ONE, "dump_invalid_vmcs=1" } },
	{ "with the TDP MMU",
	  { DIAGNOSE_FAIL_ENTRY, INVALID, false, true }, { .intel = true, Y, .tdp_mmu = 'Y' },
	  { "kvm.tdp_mmu=N", "microcode", BUG }, { ZERO, ONE } },
	{ "emulate_invalid_guest_state=N does not matter then",
	  { DIAGNOSE_FAIL_ENTRY, INVALID, true, false }, { .intel = true, YN, .tdp_mmu = 'Y' },
	  { "kvm.tdp_mmu=N", "is ignored" }, { ZERO, ONE } },
	{ "on a host that is a VM",
	  { DIAGNOSE_FAIL_ENTRY, INVALID, false, true },
	  { .intel = true, Y, .tdp_mmu = 'Y', .is_vm = true },
	  { "outer host", "dump_invalid_vmcs=1" }, { ZERO, ONE, BUG } },
	{ "for another reason than the state",
	  { DIAGNOSE_FAIL_ENTRY, 0x80000022U, false, true }, { .intel = true, N },
	  { "dmesg", BUG }, { ZERO, ONE, "real mode" } },
	{ "AMD: the number means something else",
	  { DIAGNOSE_FAIL_ENTRY, UINT64_MAX, false, true }, { .amd = true },
	  { "AMD", BUG }, { ZERO, ONE, "kvm_intel" } },
	{ "an instruction in emulated real mode: =0 can help",
	  { DIAGNOSE_EMULATION, 1, true, false }, { .intel = true, NY },
	  { ZERO, "-kernel", "newer kernel" }, { ONE, BUG } },
	{ "it cannot help out of real mode",
	  { DIAGNOSE_EMULATION, 1, false, false }, { .intel = true, NY },
	  { "no RAM" }, { ZERO, ONE } },
	{ "nor where emulation is off",
	  { DIAGNOSE_EMULATION, 1, true, false }, { .intel = true, N },
	  { "no RAM" }, { ZERO, ONE } },
	{ "nor with unrestricted_guest",
	  { DIAGNOSE_EMULATION, 1, true, false }, { .intel = true, Y },
	  { "no RAM", "RIP", BUG }, { ZERO, ONE } },
	{ "nor on AMD",
	  { DIAGNOSE_EMULATION, 1, true, false }, { .amd = true },
	  { "no RAM" }, { ZERO, ONE, "kvm_intel" } },
	{ "kvm_pvm: an instruction",
	  { DIAGNOSE_EMULATION, 1, false, true }, { .pvm = true },
	  { "kvm_pvm", "does not know this one", "vmx or svm" }, { ZERO, BUG } },
	{ "kvm_pvm: anything",
	  { DIAGNOSE_FAIL_ENTRY, INVALID, true, false }, { .pvm = true, .intel = true, N },
	  { "kvm_pvm" }, { ZERO, ONE, BUG } },
	{ "suberror 2", { DIAGNOSE_SIMULTANEOUS, 2, false, true }, { .intel = true, Y },
	  { "IDT" }, { ZERO, BUG } },
	{ "suberror 3", { DIAGNOSE_DELIVERY, 3, false, true }, { .intel = true, Y },
	  { "IDT" }, { ZERO, BUG } },
	{ "suberror 4", { DIAGNOSE_UNEXPECTED, 4, false, true }, { .intel = true, Y },
	  { "newer kernel", "microcode" }, { ZERO, "outer" } },
	{ "suberror 4 on a host that is a VM",
	  { DIAGNOSE_UNEXPECTED, 4, false, true }, { .intel = true, Y, .is_vm = true },
	  { "outer" }, { ZERO } },
	{ "memory that is not there", { DIAGNOSE_MEMORY, EFAULT, false, true }, { .pvm = true },
	  { "memory.max", "-mem-path" }, { ZERO, "kvm_pvm" } },
	{ "what nobody knows", { DIAGNOSE_UNKNOWN, 77, false, true }, { .intel = true, Y },
	  { "does not know that exit", BUG }, { ZERO } },
};

static void advice(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		const char *text = diagnose_advice(&row[i].event, &row[i].host);

		for (size_t k = 0; k < ARRAY_SIZE(row[i].has) && row[i].has[k]; k++)
			if (!strstr(text, row[i].has[k]))
				fail_msg("%s: no '%s' in: %s", row[i].name, row[i].has[k], text);
		for (size_t k = 0; k < ARRAY_SIZE(row[i].lacks) && row[i].lacks[k]; k++)
			if (strstr(text, row[i].lacks[k]))
				fail_msg("%s: '%s' in: %s", row[i].name, row[i].lacks[k], text);
	}
}

/* VM-29: QEMU's lines, which people search for. */

static void headline(const struct kvm_run *run, enum diagnose_kind kind, uint64_t reason,
		     const char *want)
{
	struct diagnose_event e = { .kind = DIAGNOSE_UNKNOWN };
	char text[DIAGNOSE_TEXT];

	diagnose_headline(text, run, &e);
	assert_string_equal(text, want);
	assert_int_equal(e.kind, kind);
	assert_int_equal(e.reason, reason);
}

static void headlines(void **state UNUSED)
{
	static const enum diagnose_kind kinds[] = {
		DIAGNOSE_UNKNOWN, DIAGNOSE_EMULATION, DIAGNOSE_SIMULTANEOUS,
		DIAGNOSE_DELIVERY, DIAGNOSE_UNEXPECTED, DIAGNOSE_UNKNOWN,
	};
	struct kvm_run run = { .exit_reason = KVM_EXIT_FAIL_ENTRY };
	char want[128];

	run.fail_entry.hardware_entry_failure_reason = INVALID;
	headline(&run, DIAGNOSE_FAIL_ENTRY, INVALID,
		 "KVM: entry failed, hardware error 0x80000021\n");
	run.fail_entry.hardware_entry_failure_reason = UINT64_MAX;
	headline(&run, DIAGNOSE_FAIL_ENTRY, UINT64_MAX,
		 "KVM: entry failed, hardware error 0xffffffffffffffff\n");
	run = (struct kvm_run){ .exit_reason = KVM_EXIT_INTERNAL_ERROR };
	for (uint32_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		run.internal.suberror = i;
		snprintf(want, sizeof(want), "KVM internal error. Suberror: %u\n%s", i,
			 i == 1 ? "emulation failure\n" : "");
		headline(&run, kinds[i], i, want);
	}
	run.internal.suberror = 3;
	run.internal.ndata = 2;
	run.internal.data[0] = 0x80000b0e;
	headline(&run, DIAGNOSE_DELIVERY, 3, "KVM internal error. Suberror: 3\n"
		 "extra data[0]: 0x0000000080000b0e\nextra data[1]: 0x0000000000000000\n");
	run = (struct kvm_run){ .exit_reason = KVM_EXIT_UNKNOWN };
	run.hw.hardware_exit_reason = 0x2a;
	headline(&run, DIAGNOSE_UNKNOWN, 0x2a, "KVM: unknown exit, hardware reason 2a\n");
	run = (struct kvm_run){ .exit_reason = 99 };
	headline(&run, DIAGNOSE_UNKNOWN, 0, "KVM: unknown exit reason 99\n");
}

/* A kernel that says there is more data than there can be. */
static void too_much(void **state UNUSED)
{
	struct kvm_run run = { .exit_reason = KVM_EXIT_INTERNAL_ERROR };
	struct diagnose_event e = { .kind = DIAGNOSE_UNKNOWN };
	char text[DIAGNOSE_TEXT];

	run.internal.suberror = 2;
	run.internal.ndata = UINT32_MAX;
	diagnose_headline(text, &run, &e);
	assert_non_null(strstr(text, "data[15]"));
	assert_null(strstr(text, "data[16]"));
}

/* Registers, as QEMU 7.2 shows them. */

#define SEGMENT(sel, b, lim, t, sys, lng, big, gran) { .base = b, .limit = lim, \
	.selector = sel, .type = t, .present = 1, .s = sys, .l = lng, .db = big, .g = gran }

static const struct kvm_debugregs no_breakpoints = { .dr6 = 0xffff0ff0, .dr7 = 0x400 };

/* The guest of tests/guest in its mode ud-emul, in 64-bit mode; QEMU on the same KVM. */
static void registers_64(void **state UNUSED)
{
	const struct kvm_regs regs = {
		.rsi = 0x3fd, .rdi = 0x20534a, .rsp = 0x213fc0, .r9 = 0x3f8, .r10 = 0x213f80,
		.r11 = 10, .rip = 0x200275, .rflags = 0x46,
	};
	const struct kvm_segment data = SEGMENT(0x18, 0, UINT32_MAX, 3, 1, 0, 1, 1);
	const struct kvm_sregs sregs = {
		.cs = SEGMENT(0x10, 0, UINT32_MAX, 11, 1, 1, 0, 1),
		.es = data, .ss = data, .ds = data,
		.ldt = SEGMENT(0, 0, 0xffff, 2, 0, 0, 0, 0),
		.tr = SEGMENT(0x40, 0x20d460, 0x2068, 11, 0, 0, 0, 0),
		.gdt = { .base = 0x206000, .limit = 0x4f },
		.idt = { .base = 0x20f4e0, .limit = 0x1ff },
		.cr0 = 0x80000031, .cr3 = 0x207000, .cr4 = 0x20, .efer = 0x500,
	};
	const struct diagnose_cpu cpu = { .halted = false };
	char text[DIAGNOSE_TEXT];
	bool real;

	diagnose_registers(text, &regs, &sregs, &no_breakpoints, &cpu);
	assert_string_equal(text,
"RAX=0000000000000000 RBX=0000000000000000 RCX=0000000000000000 RDX=0000000000000000\n"
"RSI=00000000000003fd RDI=000000000020534a RBP=0000000000000000 RSP=0000000000213fc0\n"
"R8 =0000000000000000 R9 =00000000000003f8 R10=0000000000213f80 R11=000000000000000a\n"
"R12=0000000000000000 R13=0000000000000000 R14=0000000000000000 R15=0000000000000000\n"
"RIP=0000000000200275 RFL=00000046 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=0\n"
"ES =0018 0000000000000000 ffffffff 00c09300 DPL=0 DS   [-WA]\n"
"CS =0010 0000000000000000 ffffffff 00a09b00 DPL=0 CS64 [-RA]\n"
"SS =0018 0000000000000000 ffffffff 00c09300 DPL=0 DS   [-WA]\n"
"DS =0018 0000000000000000 ffffffff 00c09300 DPL=0 DS   [-WA]\n"
"FS =0000 0000000000000000 00000000 00000000\n"
"GS =0000 0000000000000000 00000000 00000000\n"
"LDT=0000 0000000000000000 0000ffff 00008200 DPL=0 LDT\n"
"TR =0040 000000000020d460 00002068 00008b00 DPL=0 TSS64-busy\n"
"GDT=     0000000000206000 0000004f\n"
"IDT=     000000000020f4e0 000001ff\n"
"CR0=80000031 CR2=0000000000000000 CR3=0000000000207000 CR4=00000020\n"
"DR0=0000000000000000 DR1=0000000000000000 DR2=0000000000000000 DR3=0000000000000000 \n"
"DR6=00000000ffff0ff0 DR7=0000000000000400\n"
"EFER=0000000000000500\n");
	assert_string_equal(diagnose_mode(&regs, &sregs, &real), "64-bit mode");
	assert_false(real);
}

/* A CPU in SeaBIOS; QEMU's monitor. */
static void registers_16(void **state UNUSED)
{
	const struct kvm_regs regs = {
		.rcx = 0xb79d, .rsi = 0xb79d, .rbp = 0xb79d, .rsp = 0x6f94, .rip = 0xb7b9,
		.rflags = 0x246,
	};
	const struct kvm_segment data = SEGMENT(0, 0, 0xffff, 3, 1, 0, 0, 0);
	struct kvm_sregs sregs = {
		.cs = SEGMENT(0xf000, 0xf0000, 0xffff, 11, 1, 0, 0, 0),
		.es = SEGMENT(0xd980, 0xd9800, 0xffff, 3, 1, 0, 0, 0),
		.ss = data, .ds = data, .fs = data, .gs = data,
		.ldt = SEGMENT(0, 0, 0xffff, 2, 0, 0, 0, 0),
		.tr = SEGMENT(0, 0, 0xffff, 11, 0, 0, 0, 0),
		.idt = { .limit = 0x3ff },
		.cr0 = 0x10,
	};
	const struct diagnose_cpu cpu = { .halted = true };
	char text[DIAGNOSE_TEXT];
	bool real;

	diagnose_registers(text, &regs, &sregs, &no_breakpoints, &cpu);
	assert_string_equal(text,
"EAX=00000000 EBX=00000000 ECX=0000b79d EDX=00000000\n"
"ESI=0000b79d EDI=00000000 EBP=0000b79d ESP=00006f94\n"
"EIP=0000b7b9 EFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1\n"
"ES =d980 000d9800 0000ffff 00009300\n"
"CS =f000 000f0000 0000ffff 00009b00\n"
"SS =0000 00000000 0000ffff 00009300\n"
"DS =0000 00000000 0000ffff 00009300\n"
"FS =0000 00000000 0000ffff 00009300\n"
"GS =0000 00000000 0000ffff 00009300\n"
"LDT=0000 00000000 0000ffff 00008200\n"
"TR =0000 00000000 0000ffff 00008b00\n"
"GDT=     00000000 00000000\n"
"IDT=     00000000 000003ff\n"
"CR0=00000010 CR2=00000000 CR3=00000000 CR4=00000000\n"
"DR0=0000000000000000 DR1=0000000000000000 DR2=0000000000000000 DR3=0000000000000000 \n"
"DR6=00000000ffff0ff0 DR7=0000000000000400\n"
"EFER=0000000000000000\n");
	assert_string_equal(diagnose_mode(&regs, &sregs, &real), "real mode");
	assert_true(real);
	sregs.cr0 |= 1;
	assert_string_equal(diagnose_mode(&regs, &sregs, &real), "16-bit protected mode");
	assert_true(real);
	diagnose_registers(text, &regs, &sregs, &no_breakpoints, &cpu);
	assert_non_null(strstr(text, "\nCS =f000 000f0000 0000ffff 00009b00 DPL=0 CS16 [-RA]\n"));
	assert_non_null(strstr(text, "\nDS =0000 00000000 0000ffff 00009300 DPL=0 DS16 [-WA]\n"));
	assert_non_null(strstr(text, "\nTR =0000 00000000 0000ffff 00008b00 DPL=0 TSS32-busy\n"));
	sregs.cs.db = 1;
	assert_string_equal(diagnose_mode(&regs, &sregs, &real), "32-bit protected mode");
	assert_false(real);
	sregs.efer = 1 << 10;
	assert_string_equal(diagnose_mode(&regs, &sregs, &real), "compatibility mode");
	assert_false(real);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(advice),
	cmocka_unit_test(headlines),
	cmocka_unit_test(too_much),
	cmocka_unit_test(registers_64),
	cmocka_unit_test(registers_16),
};

UNIT_MAIN(tests)
