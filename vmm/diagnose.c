/* SPDX-License-Identifier: BSD-2-Clause */
/* diagnose.c - Why KVM could not run the guest, in plain words
 *
 * The table behind diagnose_advice(): Linux, admin-guide/kernel-parameters.txt,
 * kvm-intel.*; Intel SDM volume 3, 27.8 "VM-entry failures".
 */
#include "config.h"

#include "vmm/diagnose.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/log.h"
#include "vmm/vcpu.h"
#include "vmm/vm.h"

enum {
	INVALID_GUEST_STATE = 0x80000021U & 0x7fffffff,
	CODE_BYTES = 32,
	CODE_BEFORE = 8,		/* of them before the instruction */
	PAGE = 4096,
};

/* The host. */

static char module_parameter(const char *path)
{
	FILE *f = fopen(path, "re");
	int c = f ? fgetc(f) : 0;

	if (f)
		fclose(f);
	if (c == '1')
		return 'Y';
	if (c == '0')
		return 'N';
	return c == 'Y' || c == 'N' ? (char)c : 0;
}

static bool host_is_virtual(void)
{
	char line[8192];
	bool found = false;
	FILE *f = fopen("/proc/cpuinfo", "re");

	while (f && !found && fgets(line, sizeof(line), f))
		found = !strncmp(line, "flags", 5) && strstr(line, " hypervisor");
	if (f)
		fclose(f);
	return found;
}

void diagnose_host(struct diagnose_host *host)
{
#define INTEL "/sys/module/kvm_intel/parameters/"
	*host = (struct diagnose_host){
		.pvm = !access("/sys/module/kvm_pvm", F_OK),
		.intel = !access("/sys/module/kvm_intel", F_OK),
		.amd = !access("/sys/module/kvm_amd", F_OK),
		.nested = host_is_virtual(),
		.unrestricted_guest = module_parameter(INTEL "unrestricted_guest"),
		.emulate_invalid = module_parameter(INTEL "emulate_invalid_guest_state"),
		.ept = module_parameter(INTEL "ept"),
		.tdp_mmu = module_parameter("/sys/module/kvm/parameters/tdp_mmu"),
	};
#undef INTEL
}

/* The advice. */

static const char *advice_fail_entry(uint64_t reason,
				     const struct diagnose_host *h)
{
	if (h->amd)
		return "The CPU (AMD, SVM) refused the guest's state. That is a bug of "
		       "this program or of the host's KVM: please report it with the "
		       "dump above. If the host is itself a VM, try it on the outer "
		       "host.";
	if (!h->intel || (reason & 0x7fffffff) != INVALID_GUEST_STATE)
		return "The CPU refused to enter the guest for a reason that is not "
		       "the guest's state. Look at the host's dmesg; with "
		       "kvm_intel.dump_invalid_vmcs=1 it says more.";
	if (h->unrestricted_guest == 'N' && h->emulate_invalid == 'N')
		return "This host's CPU cannot run real mode by itself (kvm_intel has "
		       "unrestricted_guest=N) and its KVM has been told not to emulate "
		       "it (emulate_invalid_guest_state=N). Set the option back to its "
		       "default: modprobe -r kvm_intel; modprobe kvm_intel "
		       "emulate_invalid_guest_state=1. If ept=N is set, take that away "
		       "too: it switches unrestricted_guest off.";
	if (h->unrestricted_guest == 'N')
		return "This host's CPU cannot run real mode by itself (kvm_intel has "
		       "unrestricted_guest=N), and KVM could not emulate it either. "
		       "Enable EPT and unrestricted_guest (are they switched off on "
		       "the kernel's command line or by an outer hypervisor?), or boot "
		       "a kernel with -kernel: it begins in 64-bit mode and does not "
		       "need real mode.";
	if (h->nested)
		return "The guest's state was refused although this CPU can run real "
		       "mode. The host is itself a VM, and the outer hypervisor's "
		       "nesting is the first suspect: update it, or try it on the "
		       "outer host. kvm_intel.dump_invalid_vmcs=1 makes dmesg say "
		       "more. (emulate_invalid_guest_state is ignored on this host.)";
	return "The guest's state was refused although this CPU can run real mode. "
	       "Known causes: a bug of this program (please report it with the dump "
	       "above), or of KVM with its TDP MMU on Linux 5.15 (try "
	       "kvm.tdp_mmu=N, and the CPU's current microcode). "
	       "kvm_intel.dump_invalid_vmcs=1 makes dmesg say more. "
	       "(emulate_invalid_guest_state is ignored on this host.)";
}

static const char *advice_emulation(const struct diagnose_host *h)
{
	if (h->pvm)
		return "This host's KVM works without virtualisation hardware "
		       "(kvm_pvm): it emulates every kernel-mode instruction of the "
		       "guest, and does not know this one. Ordinary kernels cannot run "
		       "on it. Use a host whose /proc/cpuinfo shows vmx or svm, or run "
		       "this program inside 'qemu-system-x86_64 -accel tcg -cpu EPYC', "
		       "which is slow but complete.";
	if (h->intel && h->unrestricted_guest == 'N' && h->emulate_invalid == 'Y')
		return "KVM was emulating real-mode code (kvm_intel has "
		       "unrestricted_guest=N) and its emulator lacks this instruction. "
		       "Here modprobe kvm_intel emulate_invalid_guest_state=0 can help, "
		       "or a newer kernel on the host, or booting with -kernel, which "
		       "does not need real mode.";
	return "The guest executed an instruction that KVM cannot emulate on memory "
	       "that is no RAM: most often it jumped to where there is nothing, or "
	       "used an odd instruction on a device's register. Look at RIP and the "
	       "bytes above; usually it is the guest's fault.";
}

const char *diagnose_advice(enum diagnose_kind kind, uint64_t reason,
			    const struct diagnose_host *host)
{
	switch (kind) {
	case DIAGNOSE_FAIL_ENTRY:
		return advice_fail_entry(reason, host);
	case DIAGNOSE_EMULATION:
		return advice_emulation(host);
	case DIAGNOSE_SIMULTANEOUS:
	case DIAGNOSE_DELIVERY:
		return "A fault happened while KVM delivered an interrupt or exception "
		       "to the guest: its stack, IDT or TSS lies on a device's "
		       "registers or on no memory at all. That is the guest's fault, "
		       "or a kernel damaged on its way into memory.";
	case DIAGNOSE_UNKNOWN:
		break;
	}
	return "This program does not know that exit. If the guest is an ordinary one, "
	       "please report it with the dump above and the host's kernel version.";
}

/* The dump, in QEMU's layout. */

#define LL unsigned long long

static void dump_segment(const char *name, const struct kvm_segment *s)
{
	uint32_t flags = (uint32_t)(s->type << 8 | s->s << 12 | s->dpl << 13 |
				    s->present << 15 | s->avl << 20 | s->l << 21 |
				    s->db << 22 | s->g << 23);

	log_plain("%-3s=%04x %016llx %08x %08x", name, s->selector,
		(LL)s->base, s->limit, flags);
}

static const char *cpu_mode(const struct kvm_sregs *s, const struct kvm_regs *r)
{
	if (!(s->cr0 & 1))
		return "real mode";
	if (r->rflags & 1 << 17)
		return "virtual 8086 mode";
	if (s->efer & 1 << 10)
		return s->cs.l ? "64-bit mode" : "compatibility mode";
	return s->cs.db ? "32-bit protected mode" : "16-bit protected mode";
}

static void dump_regs(const struct kvm_regs *r, const struct kvm_sregs *s)
{
	log_plain("RAX=%016llx RBX=%016llx RCX=%016llx RDX=%016llx",
		  (LL)r->rax, (LL)r->rbx, (LL)r->rcx, (LL)r->rdx);
	log_plain("RSI=%016llx RDI=%016llx RBP=%016llx RSP=%016llx",
		  (LL)r->rsi, (LL)r->rdi, (LL)r->rbp, (LL)r->rsp);
	log_plain("R8 =%016llx R9 =%016llx R10=%016llx R11=%016llx",
		  (LL)r->r8, (LL)r->r9, (LL)r->r10, (LL)r->r11);
	log_plain("R12=%016llx R13=%016llx R14=%016llx R15=%016llx",
		  (LL)r->r12, (LL)r->r13, (LL)r->r14, (LL)r->r15);
	log_plain("RIP=%016llx RFL=%08llx CPL=%u (%s)", (LL)r->rip, (LL)r->rflags,
		  s->ss.dpl, cpu_mode(s, r));
	dump_segment("ES", &s->es);
	dump_segment("CS", &s->cs);
	dump_segment("SS", &s->ss);
	dump_segment("DS", &s->ds);
	dump_segment("FS", &s->fs);
	dump_segment("GS", &s->gs);
	dump_segment("LDT", &s->ldt);
	dump_segment("TR", &s->tr);
	log_plain("GDT=     %016llx %08x", (LL)s->gdt.base, s->gdt.limit);
	log_plain("IDT=     %016llx %08x", (LL)s->idt.base, s->idt.limit);
	log_plain("CR0=%08llx CR2=%016llx CR3=%016llx CR4=%08llx", (LL)s->cr0,
		  (LL)s->cr2, (LL)s->cr3, (LL)s->cr4);
	log_plain("EFER=%016llx", (LL)s->efer);
}

/* One byte of guest memory at a linear address. */
static bool guest_byte(const struct vcpu *vcpu, uint64_t linear, uint8_t *b)
{
	struct kvm_translation t = { .linear_address = linear & ~(uint64_t)(PAGE - 1) };
	const uint8_t *p;

	if (ioctl(vcpu->fd, KVM_TRANSLATE, &t) < 0 || !t.valid)
		return false;
	p = guestmem_ptr(&vcpu->vm->mem, t.physical_address + linear % PAGE, 1);
	if (p)
		*b = *p;
	return p;
}

static void dump_code(const struct vcpu *vcpu, uint64_t linear)
{
	uint64_t from = linear < CODE_BEFORE ? 0 : linear - CODE_BEFORE;
	char line[8 * CODE_BYTES];
	size_t n = 0;

	for (uint64_t a = from; a < from + CODE_BYTES; a++) {
		char text[3] = "--";
		uint8_t b;

		if (guest_byte(vcpu, a, &b))
			snprintf(text, sizeof(text), "%02x", b);
		n += (size_t)snprintf(line + n, sizeof(line) - n,
				      a == linear ? "<%s> " : "%s ", text);
	}
	log_plain("Code=%s", line);
}

/* KVM's own copy of the instruction, if it sent one. */
static void dump_insn(const struct kvm_run *run)
{
	char line[64] = "";
	const struct { uint32_t suberror, ndata; uint64_t flags;
		       uint8_t size, bytes[15]; } *e = (const void *)&run->internal;

	if (e->ndata < 3 || !(e->flags & 1) || e->size > sizeof(e->bytes))
		return;
	for (uint8_t i = 0; i < e->size; i++)
		snprintf(line + 3 * i, sizeof(line) - 3U * i, "%02x ", e->bytes[i]);
	log_plain("Instruction=%s", line);
}

/* Print text in lines of at most 76 characters. */
static void print_wrapped(const char *text)
{
	while (*text) {
		size_t len = strlen(text), cut = len;

		if (len > 76)
			for (cut = 76; cut && text[cut] != ' '; cut--)
				;
		log_plain("  %.*s", (int)cut, text);
		text += cut;
		text += strspn(text, " ");
	}
}

static void diagnose(const struct vcpu *vcpu, enum diagnose_kind kind,
		     uint64_t reason)
{
	struct diagnose_host host;
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	if (!ioctl(vcpu->fd, KVM_GET_REGS, &regs) &&
	    !ioctl(vcpu->fd, KVM_GET_SREGS, &sregs)) {
		dump_regs(&regs, &sregs);
		dump_code(vcpu, regs.rip + (sregs.cs.l ? 0 : sregs.cs.base));
	}
	if (kind == DIAGNOSE_EMULATION)
		dump_insn(vcpu->run);
	diagnose_host(&host);
	log_plain("What this means:");
	print_wrapped(diagnose_advice(kind, reason, &host));
	log_err("vCPU %u stopped: KVM could not run the guest", vcpu->id);
}

void diagnose_exit(const struct vcpu *vcpu)
{
	static const enum diagnose_kind kinds[] = {
		[KVM_INTERNAL_ERROR_EMULATION] = DIAGNOSE_EMULATION,
		[KVM_INTERNAL_ERROR_SIMUL_EX] = DIAGNOSE_SIMULTANEOUS,
		[KVM_INTERNAL_ERROR_DELIVERY_EV] = DIAGNOSE_DELIVERY,
	};
	const struct kvm_run *run = vcpu->run;
	enum diagnose_kind kind = DIAGNOSE_UNKNOWN;
	uint64_t reason = 0;

	switch (run->exit_reason) {
	case KVM_EXIT_FAIL_ENTRY:
		reason = run->fail_entry.hardware_entry_failure_reason;
		kind = DIAGNOSE_FAIL_ENTRY;
		log_plain("KVM: entry failed, hardware error 0x%llx", (LL)reason);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		reason = run->internal.suberror;
		if (reason && reason < ARRAY_SIZE(kinds))
			kind = kinds[reason];
		log_plain("KVM internal error. Suberror: %llu", (LL)reason);
		if (kind == DIAGNOSE_EMULATION)
			log_plain("emulation failure");
		break;
	case KVM_EXIT_UNKNOWN:
		reason = run->hw.hardware_exit_reason;
		log_plain("KVM: unknown exit, hardware reason %llx", (LL)reason);
		break;
	default:
		log_plain("KVM: unknown exit reason %u", run->exit_reason);
		break;
	}
	diagnose(vcpu, kind, reason);
}

void diagnose_run_error(const struct vcpu *vcpu, int err)
{
	log_plain("error: kvm run failed %s", strerror(err));
	diagnose(vcpu, err == EFAULT || err == EINVAL ? DIAGNOSE_EMULATION
						      : DIAGNOSE_UNKNOWN,
		 (uint64_t)err);
}
