/* SPDX-License-Identifier: BSD-2-Clause */
/* check.c - -check: what this host can do for VMs, and what is amiss */
#include "config.h"

#include "vmm/check.h"

#include <stdarg.h>

#include "lib/fd.h"
#include "vmm/host.h"
#include "vmm/kvm.h"
#include "vmm/options.h"

/** struct check - The findings so far */
struct check {
	FILE *to;
	bool bad;
};

static void PRINTF(4, 5) finding(struct check *c, enum host_verdict v, const char *object,
				 const char *fmt, ...)
{
	static const char *const word[] = {
		[HOST_FINE] = "good", [HOST_NOTE] = "note", [HOST_BAD] = "bad ",
	};
	va_list ap;

	fprintf(c->to, "%s %s: ", word[v], object);
	va_start(ap, fmt);
	vfprintf(c->to, fmt, ap);
	va_end(ap);
	fputc('\n', c->to);
	c->bad |= v == HOST_BAD;
}

/* What the modules are set to that are known to matter. */
static void check_modules(struct check *c, const struct host *h)
{
	if (h->pvm)
		finding(c, HOST_NOTE, "module kvm_pvm", "%s", host_word(h));
	else if (h->intel && h->unrestricted_guest == 'N')
		finding(c, h->emulate_invalid == 'N' ? HOST_BAD : HOST_NOTE, "module kvm_intel",
			"unrestricted_guest=N%s: this CPU does not run real mode by itself, so "
			"disk images %s; kernels with -kernel do not need it",
			h->ept == 'N' ? " (because of ept=N)" : "",
			h->emulate_invalid == 'N' ? "do not boot (emulate_invalid_guest_state=N; "
			"set it back to its default, 1)" : "boot slowly, and not all of them do");
	else if (h->intel || h->amd)
		finding(c, HOST_FINE, h->intel ? "module kvm_intel" : "module kvm_amd",
			"nothing is amiss%s", h->nested == 'Y' ? "; nested=Y, though guests of "
			"this program see no virtualisation" : "");
	else
		finding(c, HOST_NOTE, "module kvm_intel, kvm_amd", "neither is there");
}

static void check_kvm(struct check *c, const struct host *h, const struct options *opt)
{
	enum host_verdict verdict;
	char text[HOST_TEXT];
	int kvm;

	kvm = kvm_try(h, text);
	if (kvm < 0) {
		finding(c, HOST_BAD, "/dev/kvm", "%s", text);
		return;
	}
	finding(c, HOST_FINE, "/dev/kvm", "it opens, and has all that is needed");
	check_modules(c, h);
	verdict = kvm_judge_cpus(kvm, opt->cpus, text);
	if (verdict == HOST_FINE)
		finding(c, verdict, "CPUs", "%u for the guest", opt->cpus);
	else
		finding(c, verdict, "CPUs", "%s", text);
	fd_close(&kvm);
}

static void check_memory(struct check *c, const struct options *opt)
{
	const struct ram_source *src = &opt->ram_source;
	enum host_verdict verdict;
	struct host_memory memory;
	struct host_pages pages;
	char text[HOST_TEXT] = "";

	host_read_memory(&memory, "");
	verdict = host_judge_memory(text, &memory, opt->ram, src->prealloc,
				    src->hugetlb || src->path);
	if (verdict == HOST_FINE && src->hugetlb) {
		host_read_pages(&pages, src->page, "");
		verdict = host_judge_pages(text, &pages, opt->ram);
	}
	if (verdict == HOST_FINE)
		finding(c, verdict, "memory", "%llu MiB for the guest",
			(unsigned long long)(opt->ram >> 20));
	else
		finding(c, verdict, "memory", "%s", text);
}

bool check_host(const struct options *opt, FILE *to)
{
	struct check c = { .to = to };
	struct host host;

	host_read(&host, "");
	check_kvm(&c, &host, opt);
	if (host.is_vm && !host.pvm)
		finding(&c, HOST_NOTE, "host", "it is itself a VM: guests are slower, and what "
			"goes wrong may be the outer host's fault");
	if (host.virtualbox || host.vmware)
		finding(&c, HOST_NOTE, host.virtualbox ? "module vboxdrv" : "module vmmon",
			"another hypervisor is there; while it runs VMs, KVM may find the CPU busy");
	check_memory(&c, opt);
	return !c.bad;
}
