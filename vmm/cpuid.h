/* SPDX-License-Identifier: BSD-2-Clause */
/* cpuid.h - What CPU the guest sees: the host's, less what it cannot have
 *
 * The table starts as what KVM supports on this host; each vCPU gets its own
 * number and its place in the topology in it, and the flags the
 * user switched off are cleared.
 */
#ifndef VMM_CPUID_H
#define VMM_CPUID_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "vmm/topology.h"

enum { CPUID_ENTRIES = 256, CPUID_FLAGS_MAX = 64 };

/** struct cpuid_flag - A CPU feature by the name Linux and QEMU give it */
struct cpuid_flag {
	const char *name;
	uint32_t leaf;
	uint32_t subleaf;
	uint8_t reg;		/* 0 to 3: eax, ebx, ecx, edx */
	uint8_t bit;
};

/** struct cpuid_table - As KVM_SET_CPUID2 wants it */
struct cpuid_table {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entries[CPUID_ENTRIES];
};

/* The feature called @name ('-' and '_' are the same), or NULL. */
const struct cpuid_flag *cpuid_find_flag(const char *name);

/**
 * cpuid_adapt() - Make a vCPU's table out of what KVM supports
 * @t:		Table from KVM_GET_SUPPORTED_CPUID, changed in place
 * @top:	How the CPUs hang together
 * @cpu:	Number of the vCPU
 * @tsc_deadline: KVM's local APIC has the TSC deadline timer
 * @off:	Features to hide, @offs of them
 */
void cpuid_adapt(struct cpuid_table *t, const struct topology *top, unsigned int cpu,
		 bool tsc_deadline, const struct cpuid_flag *const *off,
		 unsigned int offs);

/* Whether a table has a feature. */
bool cpuid_has(const struct cpuid_table *t, const struct cpuid_flag *flag);

/* Whether two tables are of CPUs of the same vendor. */
bool cpuid_same_vendor(const struct cpuid_table *a, const struct cpuid_table *b);

/* A feature that @wanted has and @have lacks, by its name, or NULL. */
const char *cpuid_missing(const struct cpuid_table *wanted, const struct cpuid_table *have);

/* Read what KVM supports. Return: 0 or -errno. */
int cpuid_supported(int kvm, struct cpuid_table *t) MUST_CHECK;

#endif /* VMM_CPUID_H */
