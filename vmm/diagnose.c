/* SPDX-License-Identifier: BSD-2-Clause */
/* diagnose.c - Why KVM could not run the guest, in plain words
 *
 * The table behind diagnose_advice(): Linux, admin-guide/kernel-parameters.txt,
 * kvm-intel.*; Intel SDM volume 3, 27.8 "VM-entry failures"; AMD APM volume 2, 15.5.
 */
#include "config.h"

#include "vmm/diagnose.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "lib/log.h"
#include "vmm/firmware.h"
#include "vmm/host.h"
#include "vmm/serial.h"
#include "vmm/vcpu.h"
#include "vmm/vm.h"

enum {
	INVALID_GUEST_STATE = 0x80000021U & 0x7fffffff,
	CODE_BYTES = 50,
	CODE_BEFORE = 20,		/* of them before the instruction */
	PAGE = 4096,
	WIDTH = 76,			/* of a line of advice */

	/* Registers. */
	CR0_PE = 1 << 0,
	EFER_LMA = 1 << 10,
	RFLAGS_VM = 1 << 17,
	DPL_SHIFT = 13,
};

/* The advice. */

#define BUG " This looks like a bug of this program or of the host's KVM: please report it, " \
	    "with the dump above."
#define IGNORED " (emulate_invalid_guest_state is ignored on this host.)"

static const char *advice_fail_entry(const struct diagnose_event *e, const struct host *h)
{
	if (h->amd)
		return "The CPU (AMD, SVM) refused the guest's state. This looks like a bug "
		       "of this program or of the host's KVM: please report it, with the "
		       "dump above. If the host is itself a VM, try it on the outer host.";
	if (!h->intel || (e->reason & 0x7fffffff) != INVALID_GUEST_STATE)
		return "The CPU refused to enter the guest for a reason that is not "
		       "the guest's state. Look at the host's dmesg; with "
		       "kvm_intel.dump_invalid_vmcs=1 it says more." BUG;
	if (h->unrestricted_guest == 'N' && h->emulate_invalid == 'N' && h->ept == 'N')
		return "This host's CPU does not run real mode by itself (kvm_intel has "
		       "unrestricted_guest=N, because of ept=N) and its KVM has been told not "
		       "to emulate it (emulate_invalid_guest_state=N). Set both back to their "
		       "default: modprobe -r kvm_intel; modprobe kvm_intel ept=1 "
		       "emulate_invalid_guest_state=1.";
	if (h->unrestricted_guest == 'N' && h->emulate_invalid == 'N')
		return "This host's CPU cannot run real mode by itself (kvm_intel has "
		       "unrestricted_guest=N) and its KVM has been told not to emulate "
		       "it (emulate_invalid_guest_state=N). Set the option back to its "
		       "default: modprobe -r kvm_intel; modprobe kvm_intel "
		       "emulate_invalid_guest_state=1.";
	if (h->unrestricted_guest == 'N' && e->direct)
		return "This host's CPU cannot run real mode by itself (kvm_intel has "
		       "unrestricted_guest=N), and KVM could not emulate the state that the "
		       "guest is in. Enable EPT and unrestricted_guest, if they are switched "
		       "off on the kernel's command line or by an outer hypervisor." BUG;
	if (h->unrestricted_guest == 'N')
		return "This host's CPU cannot run real mode by itself (kvm_intel has "
		       "unrestricted_guest=N), and KVM could not emulate it either. "
		       "Enable EPT and unrestricted_guest (are they switched off on "
		       "the kernel's command line or by an outer hypervisor?), or boot "
		       "a kernel with -kernel: it begins in 64-bit mode and does not "
		       "need real mode.";
	if (h->is_vm)
		return "The guest's state was refused although this CPU can run real "
		       "mode. The host is itself a VM, and the outer hypervisor's "
		       "nesting is the first suspect: update it, or try it on the "
		       "outer host. kvm_intel.dump_invalid_vmcs=1 makes dmesg say "
		       "more." IGNORED;
	if (h->tdp_mmu == 'Y')
		return "The guest's state was refused although this CPU can run real mode. "
		       "Known causes: a bug of this program (please report it, with the dump "
		       "above), or of KVM with its TDP MMU on Linux 5.15 (try "
		       "kvm.tdp_mmu=N, and the CPU's current microcode). "
		       "kvm_intel.dump_invalid_vmcs=1 makes dmesg say more." IGNORED;
	if (h->dump_invalid == 'Y')
		return "The guest's state was refused although this CPU can run real mode. The "
		       "host's dmesg has what the CPU was given (dump_invalid_vmcs=Y)." BUG IGNORED;
	return "The guest's state was refused although this CPU can run real mode. "
	       "kvm_intel.dump_invalid_vmcs=1 makes dmesg say more." BUG IGNORED;
}

static const char *advice_emulation(const struct diagnose_event *e, const struct host *h)
{
	if (h->intel && h->unrestricted_guest == 'N' && h->emulate_invalid == 'Y' &&
	    e->real_mode)
		return "KVM was emulating real-mode code (kvm_intel has "
		       "unrestricted_guest=N) and its emulator lacks this instruction. "
		       "Here modprobe kvm_intel emulate_invalid_guest_state=0 can help, "
		       "or a newer kernel on the host, or booting with -kernel, which "
		       "does not need real mode.";
	return "The guest executed an instruction that KVM cannot emulate on memory "
	       "that is no RAM: most often it jumped to where there is nothing, or "
	       "used an odd instruction on a device's register. Look at RIP and the "
	       "bytes above; usually it is the guest's fault. If an ordinary guest does it, "
	       "this looks like a bug of this program or of the host's KVM: please report it, "
	       "with the dump above.";
}

static const char *advice_pvm(const struct diagnose_event *e)
{
	if (e->kind == DIAGNOSE_EMULATION)
		return "This host's KVM works without virtualisation hardware "
		       "(kvm_pvm): it emulates every kernel-mode instruction of the "
		       "guest, and does not know this one. Ordinary kernels cannot run "
		       "on it. Use a host whose /proc/cpuinfo shows vmx or svm, or run "
		       "this program inside 'qemu-system-x86_64 -accel tcg -cpu EPYC', "
		       "which is slow but complete.";
	return "This host's KVM works without virtualisation hardware (kvm_pvm): it emulates "
	       "16-bit and 32-bit code and every kernel-mode instruction of the guest, and "
	       "ordinary kernels cannot run on it. Use a host whose /proc/cpuinfo shows vmx or "
	       "svm.";
}

const char *diagnose_advice(const struct diagnose_event *e, const struct host *host)
{
	if (host->pvm && e->kind != DIAGNOSE_MEMORY)
		return advice_pvm(e);
	switch (e->kind) {
	case DIAGNOSE_FAIL_ENTRY:
		return advice_fail_entry(e, host);
	case DIAGNOSE_EMULATION:
		return advice_emulation(e, host);
	case DIAGNOSE_SIMULTANEOUS:
	case DIAGNOSE_DELIVERY:
		return "A fault happened while KVM delivered an interrupt or exception "
		       "to the guest: its stack, IDT or TSS lies on a device's "
		       "registers or on no memory at all. That is the guest's fault, "
		       "or a kernel damaged on its way into memory.";
	case DIAGNOSE_UNEXPECTED:
		if (host->is_vm)
			return "The CPU left the guest for a reason that KVM does not expect. The "
			       "host is itself a VM, and the outer hypervisor's nesting is the "
			       "first suspect: update it, or try it on the outer host.";
		return "The CPU left the guest for a reason that KVM does not expect. That is a "
		       "bug of the host's KVM, or a CPU newer than its kernel: look at the "
		       "host's dmesg, and try a newer kernel and the CPU's current microcode.";
	case DIAGNOSE_MEMORY:
		return "KVM could not reach a page of the guest's memory. The host has none left "
		       "to give (look at its dmesg, at memory.max of the cgroup, and at the "
		       "number of huge pages), or somebody who has the file that it is (a switch, a "
		       "process that serves a disk, whoever may write to -mem-path) has cut it "
		       "short.";
	case DIAGNOSE_UNKNOWN:
		break;
	}
	return "This program does not know that exit. If the guest is an ordinary one, "
	       "please report it, with the dump above and the host's kernel version.";
}

/* Text. */

/** struct text - A text that grows as long as there is room */
struct text {
	char *buf;
	size_t len;
};

static void PRINTF(2, 3) add(struct text *t, const char *fmt, ...)
{
	size_t room = DIAGNOSE_TEXT - t->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->len, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->len += MIN((size_t)n, room - 1);
}

/* The registers, in QEMU's layout. */

#define LL(x) ((unsigned long long)(x))

/* A segment's attributes, where they are in the second half of a descriptor. */
static uint32_t segment_flags(const struct kvm_segment *s)
{
	return (uint32_t)(s->type << 8 | s->s << 12 | s->dpl << DPL_SHIFT |
			  s->present << 15 | s->avl << 20 | s->l << 21 |
			  s->db << 22 | s->g << 23);
}

/* What kind of system segment it is; a CPU holds no others than these. */
static const char *system_segment(unsigned int type, bool lma)
{
	switch (type) {
	case 1:
		return lma ? "Reserved" : "TSS16-avl";
	case 2:
		return "LDT";
	case 3:
		return lma ? "Reserved" : "TSS16-busy";
	case 9:
		return lma ? "TSS64-avl" : "TSS32-avl";
	case 11:
		return lma ? "TSS64-busy" : "TSS32-busy";
	default:
		return "Reserved";
	}
}

static void add_segment(struct text *t, const char *name, const struct kvm_segment *s,
			const struct kvm_sregs *sregs)
{
	bool lma = sregs->efer & EFER_LMA;

	if (lma && sregs->cs.l)
		add(t, "%-3s=%04x %016llx %08x %08x", name, s->selector, LL(s->base), s->limit,
		    segment_flags(s));
	else
		add(t, "%-3s=%04x %08x %08x %08x", name, s->selector, (uint32_t)s->base,
		    s->limit, segment_flags(s));
	if (!(sregs->cr0 & CR0_PE) || !s->present) {
		add(t, "\n");
		return;
	}
	add(t, " DPL=%u ", s->dpl);
	if (!s->s)
		add(t, "%s\n", system_segment(s->type, lma));
	else if (s->type & 8)
		add(t, "%s [%c%c%c]\n", s->l ? "CS64" : s->db ? "CS32" : "CS16",
		    s->type & 4 ? 'C' : '-', s->type & 2 ? 'R' : '-', s->type & 1 ? 'A' : '-');
	else
		add(t, "%s [%c%c%c]\n", s->db || lma ? "DS  " : "DS16",
		    s->type & 4 ? 'E' : '-', s->type & 2 ? 'W' : '-', s->type & 1 ? 'A' : '-');
}

static void add_general(struct text *t, const struct kvm_regs *r, bool wide)
{
	if (!wide) {
		add(t, "EAX=%08x EBX=%08x ECX=%08x EDX=%08x\n", (uint32_t)r->rax,
		    (uint32_t)r->rbx, (uint32_t)r->rcx, (uint32_t)r->rdx);
		add(t, "ESI=%08x EDI=%08x EBP=%08x ESP=%08x\n", (uint32_t)r->rsi,
		    (uint32_t)r->rdi, (uint32_t)r->rbp, (uint32_t)r->rsp);
		return;
	}
	add(t, "RAX=%016llx RBX=%016llx RCX=%016llx RDX=%016llx\n",
	    LL(r->rax), LL(r->rbx), LL(r->rcx), LL(r->rdx));
	add(t, "RSI=%016llx RDI=%016llx RBP=%016llx RSP=%016llx\n",
	    LL(r->rsi), LL(r->rdi), LL(r->rbp), LL(r->rsp));
	add(t, "R8 =%016llx R9 =%016llx R10=%016llx R11=%016llx\n",
	    LL(r->r8), LL(r->r9), LL(r->r10), LL(r->r11));
	add(t, "R12=%016llx R13=%016llx R14=%016llx R15=%016llx\n",
	    LL(r->r12), LL(r->r13), LL(r->r14), LL(r->r15));
}

static void add_pointer(struct text *t, const struct kvm_regs *r, const struct kvm_sregs *s,
			const struct diagnose_cpu *cpu, bool wide)
{
	static const struct { char name; unsigned int bit; } flag[] = {
		{ 'D', 10 }, { 'O', 11 }, { 'S', 7 }, { 'Z', 6 }, { 'A', 4 }, { 'P', 2 },
		{ 'C', 0 },
	};
	char flags[ARRAY_SIZE(flag) + 1] = "";

	for (size_t i = 0; i < ARRAY_SIZE(flag); i++)
		flags[i] = r->rflags >> flag[i].bit & 1 ? flag[i].name : '-';
	if (wide)
		add(t, "RIP=%016llx RFL=%08x ", LL(r->rip), (uint32_t)r->rflags);
	else
		add(t, "EIP=%08x EFL=%08x ", (uint32_t)r->rip, (uint32_t)r->rflags);
	add(t, "[%s] CPL=%u II=%d A20=1 SMM=%d HLT=%d\n", flags, s->ss.dpl,
	    cpu->interrupt_shadow, cpu->smm, cpu->halted);
}

static void add_control(struct text *t, const struct kvm_sregs *s)
{
	bool lma = s->efer & EFER_LMA;
	int w = lma ? 16 : 8;

	add(t, "GDT=     %0*llx %08x\n", w, LL(s->gdt.base), s->gdt.limit);
	add(t, "IDT=     %0*llx %08x\n", w, LL(s->idt.base), s->idt.limit);
	add(t, "CR0=%08x CR2=%0*llx CR3=%0*llx CR4=%08x\n", (uint32_t)s->cr0, w, LL(s->cr2),
	    w, LL(s->cr3), (uint32_t)s->cr4);
}

void diagnose_registers(char text[static DIAGNOSE_TEXT], const struct kvm_regs *regs,
			const struct kvm_sregs *sregs, const struct kvm_debugregs *debug,
			const struct diagnose_cpu *cpu)
{
	bool wide = sregs->efer & EFER_LMA && sregs->cs.l;
	struct text t = { .buf = text };
	const struct { const char *name; const struct kvm_segment *s; } segment[] = {
		{ "ES", &sregs->es }, { "CS", &sregs->cs }, { "SS", &sregs->ss },
		{ "DS", &sregs->ds }, { "FS", &sregs->fs }, { "GS", &sregs->gs },
		{ "LDT", &sregs->ldt }, { "TR", &sregs->tr },
	};

	add_general(&t, regs, wide);
	add_pointer(&t, regs, sregs, cpu, wide);
	for (size_t i = 0; i < ARRAY_SIZE(segment); i++)
		add_segment(&t, segment[i].name, segment[i].s, sregs);
	add_control(&t, sregs);
	/* QEMU has a blank behind each of the four. */
	for (int i = 0; i < 4; i++)
		add(&t, "DR%d=%016llx ", i, LL(debug->db[i]));
	add(&t, "\nDR6=%016llx DR7=%016llx\n", LL(debug->dr6), LL(debug->dr7));
	add(&t, "EFER=%016llx\n", LL(sregs->efer));
}

const char *diagnose_mode(const struct kvm_regs *regs, const struct kvm_sregs *sregs,
			  bool *real_mode)
{
	*real_mode = !(sregs->cr0 & CR0_PE);
	if (*real_mode)
		return "real mode";
	if (regs->rflags & RFLAGS_VM)
		return "virtual 8086 mode";
	if (sregs->efer & EFER_LMA)
		return sregs->cs.l ? "64-bit mode" : "compatibility mode";
	/* Where firmware changes modes, KVM emulates as it does in real mode. */
	*real_mode = !sregs->cs.db;
	return sregs->cs.db ? "32-bit protected mode" : "16-bit protected mode";
}

/* Code. */

/* One byte of guest memory at a linear address. */
static bool guest_byte(const struct vcpu *vcpu, uint64_t linear, uint8_t *b)
{
	struct kvm_translation t = { .linear_address = linear & ~(uint64_t)(PAGE - 1) };
	const uint8_t *p;

	if (ioctl(vcpu->fd, KVM_TRANSLATE, &t) < 0 || !t.valid)
		return false;
	p = guestmem_ptr(&vcpu->vm->mem, t.physical_address + linear % PAGE, 1);
	if (!p)
		p = firmware_at(vcpu->vm->firmware, t.physical_address + linear % PAGE);
	if (p)
		*b = *p;
	return p;
}

/* @there: guest memory can be touched without harm. */
static void add_code(struct text *t, const struct vcpu *vcpu, uint64_t base, uint64_t rip,
		     bool there)
{
	uint64_t before = MIN(rip, (uint64_t)CODE_BEFORE), from = base + rip - before;

	add(t, "Code=");
	for (uint64_t i = 0; i < CODE_BYTES; i++) {
		char byte[3] = "??";
		uint8_t b;

		if (there && guest_byte(vcpu, from + i, &b))
			snprintf(byte, sizeof(byte), "%02x", b);
		add(t, i == before ? "%s<%s>" : "%s%s", i ? " " : "", byte);
	}
	add(t, "\n");
}

/* KVM's own copy of the instruction, if it sent one. */
static void add_insn(struct text *t, const struct kvm_run *run)
{
	const struct { uint32_t suberror, ndata; uint64_t flags;
		       uint8_t size, bytes[15]; } *e = (const void *)&run->internal;

	if (e->ndata < 3 || !(e->flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES) ||
	    e->size > sizeof(e->bytes))
		return;
	add(t, "Instruction=");
	for (uint8_t i = 0; i < e->size; i++)
		add(t, i ? " %02x" : "%02x", e->bytes[i]);
	add(t, "\n");
}

/* The first lines. */

void diagnose_headline(char text[static DIAGNOSE_TEXT], const struct kvm_run *run,
		       struct diagnose_event *e)
{
	static const enum diagnose_kind kinds[] = {
		[0] = DIAGNOSE_UNKNOWN,
		[KVM_INTERNAL_ERROR_EMULATION] = DIAGNOSE_EMULATION,
		[KVM_INTERNAL_ERROR_SIMUL_EX] = DIAGNOSE_SIMULTANEOUS,
		[KVM_INTERNAL_ERROR_DELIVERY_EV] = DIAGNOSE_DELIVERY,
		[KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON] = DIAGNOSE_UNEXPECTED,
	};
	struct text t = { .buf = text };

	e->kind = DIAGNOSE_UNKNOWN;
	switch (run->exit_reason) {
	case KVM_EXIT_FAIL_ENTRY:
		e->reason = run->fail_entry.hardware_entry_failure_reason;
		e->kind = DIAGNOSE_FAIL_ENTRY;
		add(&t, "KVM: entry failed, hardware error 0x%" PRIx64 "\n", e->reason);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		e->reason = run->internal.suberror;
		if (e->reason < ARRAY_SIZE(kinds))
			e->kind = kinds[e->reason];
		add(&t, "KVM internal error. Suberror: %" PRIu64 "\n", e->reason);
		for (uint32_t i = 0; i < MIN(run->internal.ndata,
					     (uint32_t)ARRAY_SIZE(run->internal.data)); i++)
			add(&t, "extra data[%u]: 0x%016llx\n", i, LL(run->internal.data[i]));
		if (e->kind == DIAGNOSE_EMULATION)
			add(&t, "emulation failure\n");
		break;
	case KVM_EXIT_UNKNOWN:
		e->reason = run->hw.hardware_exit_reason;
		add(&t, "KVM: unknown exit, hardware reason %" PRIx64 "\n", e->reason);
		break;
	default:
		add(&t, "KVM: unknown exit reason %u\n", run->exit_reason);
		break;
	}
}

/* All of it. */

/* Print a text of several lines, and cut those longer than @width between words. */
static void print_lines(const char *text, size_t width, const char *indent)
{
	while (*text) {
		size_t len = strcspn(text, "\n"), cut = len;

		if (len > width) {
			for (cut = width; cut && text[cut] != ' '; cut--)
				;
			if (!cut)
				cut = width;
		}
		log_plain("%s%.*s", indent, (int)cut, text);
		text += cut;
		text += strspn(text, cut == len ? "\n" : " ");
	}
}

static void print_state(const struct vcpu *vcpu, const struct diagnose_event *e,
			const struct kvm_regs *regs, const struct kvm_sregs *sregs)
{
	struct diagnose_cpu cpu = { .halted = false };
	struct kvm_debugregs debug = { .flags = 0 };
	struct kvm_vcpu_events events;
	char buf[DIAGNOSE_TEXT] = "";
	struct text t = { .buf = buf };
	struct kvm_mp_state mp;

	if (!ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &events)) {
		cpu.interrupt_shadow = events.interrupt.shadow;
		cpu.smm = events.flags & KVM_VCPUEVENT_VALID_SMM && events.smi.smm;
	}
	if (!ioctl(vcpu->fd, KVM_GET_MP_STATE, &mp))
		cpu.halted = mp.mp_state == KVM_MP_STATE_HALTED;
	ioctl(vcpu->fd, KVM_GET_DEBUGREGS, &debug);
	diagnose_registers(buf, regs, sregs, &debug, &cpu);
	print_lines(buf, sizeof(buf), "");
	add_code(&t, vcpu, sregs->efer & EFER_LMA && sregs->cs.l ? 0 : sregs->cs.base,
		 regs->rip, e->kind != DIAGNOSE_MEMORY);
	if (e->kind == DIAGNOSE_EMULATION)
		add_insn(&t, vcpu->run);
	print_lines(buf, sizeof(buf), "");
}

static void diagnose(const struct vcpu *vcpu, struct diagnose_event *e)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	e->direct = !vcpu->vm->firmware;
	if (!ioctl(vcpu->fd, KVM_GET_REGS, &regs) &&
	    !ioctl(vcpu->fd, KVM_GET_SREGS, &sregs)) {
		const char *mode = diagnose_mode(&regs, &sregs, &e->real_mode);

		print_state(vcpu, e, &regs, &sregs);
		log_plain("vCPU %u was in %s.", vcpu->id, mode);
	}
	log_plain("What this means:");
	print_lines(diagnose_advice(e, &vcpu->vm->host), WIDTH, "  ");
	log_err("vCPU %u stopped: KVM could not run the guest", vcpu->id);
}

void diagnose_exit(const struct vcpu *vcpu)
{
	struct diagnose_event e = { .kind = DIAGNOSE_UNKNOWN };
	char text[DIAGNOSE_TEXT];

	serial_drain(vcpu->vm->serial);
	diagnose_headline(text, vcpu->run, &e);
	print_lines(text, sizeof(text), "");
	diagnose(vcpu, &e);
}

void diagnose_run_error(const struct vcpu *vcpu, int err)
{
	struct diagnose_event e = {
		.kind = err == EFAULT || err == ENOMEM ? DIAGNOSE_MEMORY : DIAGNOSE_UNKNOWN,
		.reason = (uint64_t)err,
	};

	serial_drain(vcpu->vm->serial);
	log_plain("error: kvm run failed %s", strerror(err));
	diagnose(vcpu, &e);
}
