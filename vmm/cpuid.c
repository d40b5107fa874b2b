/* SPDX-License-Identifier: BSD-2-Clause */
/* cpuid.c - What CPU the guest sees: the host's, less what it cannot have
 *
 * Leaves and bits: Intel SDM volume 2, CPUID; AMD APM volume 3, appendix E.
 */
#include "config.h"

#include "vmm/cpuid.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

enum { EAX, EBX, ECX, EDX };
enum { OSXSAVE = 1 << 27, OSPKE = 1 << 4 };

#define L1C(n, b)	{ n, 1, 0, ECX, b }
#define L1D(n, b)	{ n, 1, 0, EDX, b }
#define L7B(n, b)	{ n, 7, 0, EBX, b }
#define L7C(n, b)	{ n, 7, 0, ECX, b }
#define L7D(n, b)	{ n, 7, 0, EDX, b }
#define L71A(n, b)	{ n, 7, 1, EAX, b }
#define LDA(n, b)	{ n, 0xd, 1, EAX, b }
#define X1C(n, b)	{ n, 0x80000001, 0, ECX, b }
#define X1D(n, b)	{ n, 0x80000001, 0, EDX, b }
#define X8B(n, b)	{ n, 0x80000008, 0, EBX, b }
#define KVMA(n, b)	{ n, 0x40000001, 0, EAX, b }

static const struct cpuid_flag flags[] = {
	L1C("pni", 0), L1C("sse3", 0), L1C("pclmulqdq", 1), L1C("monitor", 3),
	L1C("vmx", 5), L1C("ssse3", 9), L1C("fma", 12), L1C("cx16", 13),
	L1C("pcid", 17), L1C("sse4.1", 19), L1C("sse4_1", 19), L1C("sse4.2", 20),
	L1C("sse4_2", 20), L1C("x2apic", 21), L1C("movbe", 22), L1C("popcnt", 23),
	L1C("tsc-deadline", 24), L1C("aes", 25), L1C("xsave", 26), L1C("avx", 28),
	L1C("f16c", 29), L1C("rdrand", 30), L1C("hypervisor", 31),
	L1D("fpu", 0), L1D("vme", 1), L1D("de", 2), L1D("pse", 3), L1D("tsc", 4),
	L1D("msr", 5), L1D("pae", 6), L1D("mce", 7), L1D("cx8", 8), L1D("apic", 9),
	L1D("sep", 11), L1D("mtrr", 12), L1D("pge", 13), L1D("mca", 14),
	L1D("cmov", 15), L1D("pat", 16), L1D("pse36", 17), L1D("clflush", 19),
	L1D("mmx", 23), L1D("fxsr", 24), L1D("sse", 25), L1D("sse2", 26),
	L1D("ht", 28),
	L7B("fsgsbase", 0), L7B("tsc-adjust", 1), L7B("bmi1", 3), L7B("hle", 4),
	L7B("avx2", 5), L7B("smep", 7), L7B("bmi2", 8), L7B("erms", 9),
	L7B("invpcid", 10), L7B("rtm", 11), L7B("mpx", 14), L7B("avx512f", 16),
	L7B("avx512dq", 17), L7B("rdseed", 18), L7B("adx", 19), L7B("smap", 20),
	L7B("avx512ifma", 21), L7B("clflushopt", 23), L7B("clwb", 24),
	L7B("avx512cd", 28), L7B("sha-ni", 29), L7B("avx512bw", 30),
	L7B("avx512vl", 31),
	L7C("avx512vbmi", 1), L7C("umip", 2), L7C("pku", 3), L7C("waitpkg", 5),
	L7C("avx512-vbmi2", 6), L7C("gfni", 8), L7C("vaes", 9),
	L7C("vpclmulqdq", 10), L7C("avx512vnni", 11), L7C("avx512bitalg", 12),
	L7C("avx512-vpopcntdq", 14), L7C("la57", 16), L7C("rdpid", 22),
	L7C("cldemote", 25), L7C("movdiri", 27), L7C("movdir64b", 28),
	L7D("fsrm", 4), L7D("md-clear", 10), L7D("serialize", 14),
	L7D("amx-bf16", 22), L7D("avx512-fp16", 23), L7D("amx-tile", 24),
	L7D("amx-int8", 25), L7D("spec-ctrl", 26), L7D("stibp", 27),
	L7D("flush-l1d", 28), L7D("arch-capabilities", 29),
	L7D("core-capability", 30), L7D("ssbd", 31),
	L71A("avx-vnni", 4), L71A("avx512-bf16", 5), L71A("fzrm", 10),
	L71A("fsrs", 11), L71A("fsrc", 12),
	LDA("xsaveopt", 0), LDA("xsavec", 1), LDA("xgetbv1", 2), LDA("xsaves", 3),
	X1C("lahf-lm", 0), X1C("svm", 2), X1C("abm", 5), X1C("sse4a", 6),
	X1C("misalignsse", 7), X1C("3dnowprefetch", 8), X1C("osvw", 9),
	X1C("xop", 11), X1C("fma4", 16), X1C("tbm", 21), X1C("topoext", 22),
	X1C("perfctr-core", 23),
	X1D("syscall", 11), X1D("nx", 20), X1D("mmxext", 22), X1D("fxsr-opt", 25),
	X1D("pdpe1gb", 26), X1D("rdtscp", 27), X1D("lm", 29),
	X8B("clzero", 0), X8B("xsaveerptr", 2), X8B("wbnoinvd", 9), X8B("ibpb", 12),
	X8B("ibrs", 14), X8B("amd-stibp", 15), X8B("amd-ssbd", 24),
	X8B("virt-ssbd", 25),
	KVMA("kvmclock", 3), KVMA("kvm-asyncpf", 4), KVMA("kvm-steal-time", 5),
	KVMA("kvm-pv-eoi", 6), KVMA("kvm-pv-unhalt", 7), KVMA("kvm-pv-tlb-flush", 9),
	KVMA("kvm-pv-ipi", 11),
};

static bool flag_name_eq(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (*a != *b && !((*a == '_' || *a == '-') && (*b == '_' || *b == '-')))
			return false;
	return *a == *b;
}

const struct cpuid_flag *cpuid_find_flag(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flag_name_eq(flags[i].name, name))
			return &flags[i];
	return NULL;
}

static void set_bits(uint32_t *reg, unsigned int first, unsigned int count,
		     uint32_t value)
{
	uint32_t mask = ((uint32_t)1 << count) - 1;

	*reg = (*reg & ~(mask << first)) | (value & mask) << first;
}

/* Extended topology, leaves 0xb and 0x1f. KVM lists as many levels as the host likes,
 * so these are written anew. */
static void write_topology(struct cpuid_table *t, uint32_t leaf,
			   const struct topology *top, uint32_t id)
{
	const struct kvm_cpuid_entry2 levels[] = {
		{ .eax = topology_thread_bits(top), .ebx = top->threads, .ecx = 1 << 8 },
		{ .eax = topology_socket_bits(top), .ebx = top->threads * top->cores,
		  .ecx = 2 << 8 | 1 },
		{ .ecx = 2 },					/* the end */
	};
	uint32_t kept = 0, n = t->head.nent;

	for (uint32_t i = 0; i < n; i++)
		if (t->entries[i].function != leaf)
			t->entries[kept++] = t->entries[i];
	t->head.nent = kept;
	if (kept == n)
		return;
	for (uint32_t i = 0; i < ARRAY_SIZE(levels) && t->head.nent < CPUID_ENTRIES; i++) {
		struct kvm_cpuid_entry2 *e = &t->entries[t->head.nent++];

		*e = levels[i];
		e->function = leaf;
		e->index = i;
		e->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
		e->edx = id;
	}
}

/* Leaves 4 and 0x8000001d, Intel's caches and AMD's: how many ids share this one. The
 * caches of the third level belong to the socket, the others to a core. */
static void share_cache(struct kvm_cpuid_entry2 *e, uint32_t core, uint32_t socket)
{
	if (e->eax & 0x1f)
		set_bits(&e->eax, 14, 12, ((e->eax >> 5 & 7) >= 3 ? socket : core) - 1);
}

static void adapt_entry(struct kvm_cpuid_entry2 *e, const struct topology *top,
			uint32_t id, bool tsc_deadline, bool amd)
{
	uint32_t in_socket = top->cores * top->threads;
	uint32_t core_ids = 1U << topology_thread_bits(top);
	uint32_t socket_ids = 1U << topology_socket_bits(top);

	switch (e->function) {
	case 1:
		set_bits(&e->ebx, 24, 8, id);
		set_bits(&e->ebx, 16, 8, amd ? in_socket : socket_ids);
		set_bits(&e->edx, 28, 1, in_socket > 1);
		set_bits(&e->ecx, 31, 1, 1);
		set_bits(&e->ecx, 24, 1, tsc_deadline);
		set_bits(&e->ecx, 5, 1, 0);		/* no nesting */
		break;
	case 4:
		share_cache(e, core_ids, socket_ids);
		if (e->eax & 0x1f)
			set_bits(&e->eax, 26, 6, MIN(socket_ids / core_ids, 64U) - 1);
		break;
	case 7:
		if (e->index)
			break;
		/* The MSR behind it is Intel's. */
		if (amd)
			set_bits(&e->edx, 29, 1, 0);
		/* AMX wants a permission we do not ask for. */
		set_bits(&e->edx, 22, 1, 0);
		set_bits(&e->edx, 24, 2, 0);
		break;
	case 0x80000001:
		set_bits(&e->ecx, 2, 1, 0);		/* no nesting */
		if (amd)
			set_bits(&e->ecx, 1, 1, in_socket > 1);
		break;
	case 0x80000008:
		if (amd) {
			set_bits(&e->ecx, 0, 8, in_socket - 1);
			set_bits(&e->ecx, 12, 4, topology_socket_bits(top));
		}
		break;
	case 0x8000001d:
		share_cache(e, top->threads, in_socket);
		break;
	case 0x8000001e:	/* AMD: the core's number, and its socket is its node */
		e->eax = id;
		e->ebx = (top->threads - 1) << 8 |
			 (id & (socket_ids - 1)) >> topology_thread_bits(top);
		e->ecx = id >> topology_socket_bits(top) & 0xff;
		break;
	}
}

static bool is_amd(const struct cpuid_table *t)
{
	for (uint32_t i = 0; i < t->head.nent; i++)
		if (t->entries[i].function == 0)
			/* "AuthenticAMD" and "HygonGenuine" */
			return t->entries[i].ebx == 0x68747541 ||
			       t->entries[i].ebx == 0x6f677948;
	return false;
}

/* AMD's CPUs tell of threads in leaf 0x8000001e, if they say that they have it. */
static void show_threads(struct cpuid_table *t)
{
	struct kvm_cpuid_entry2 *features = NULL;
	bool told = false;

	for (uint32_t i = 0; i < t->head.nent; i++) {
		if (t->entries[i].function == 0x80000001)
			features = &t->entries[i];
		told |= t->entries[i].function == 0x8000001e;
	}
	if (features && told)
		set_bits(&features->ecx, 22, 1, 1);
}

static void hide_flag(struct cpuid_table *t, const struct cpuid_flag *flag)
{
	for (uint32_t i = 0; i < t->head.nent; i++) {
		struct kvm_cpuid_entry2 *e = &t->entries[i];
		uint32_t *reg[] = { &e->eax, &e->ebx, &e->ecx, &e->edx };

		if (e->function == flag->leaf && e->index == flag->subleaf)
			*reg[flag->reg] &= ~((uint32_t)1 << flag->bit);
	}
}

void cpuid_adapt(struct cpuid_table *t, const struct topology *top, unsigned int cpu,
		 bool tsc_deadline, const struct cpuid_flag *const *off,
		 unsigned int offs)
{
	uint32_t id = topology_apic_id(top, cpu);
	bool amd = is_amd(t);

	for (uint32_t i = 0; i < t->head.nent; i++)
		adapt_entry(&t->entries[i], top, id, tsc_deadline, amd);
	if (amd && top->threads > 1)
		show_threads(t);
	write_topology(t, 0xb, top, id);
	write_topology(t, 0x1f, top, id);
	for (unsigned int i = 0; i < offs; i++)
		hide_flag(t, off[i]);
}

int cpuid_supported(int kvm, struct cpuid_table *t)
{
	memset(t, 0, sizeof(*t));
	t->head.nent = CPUID_ENTRIES;
	return ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &t->head) < 0 ? -errno : 0;
}

static const struct kvm_cpuid_entry2 *find_entry(const struct cpuid_table *t, uint32_t leaf,
						 uint32_t subleaf)
{
	for (uint32_t i = 0; i < t->head.nent; i++)
		if (t->entries[i].function == leaf && t->entries[i].index == subleaf)
			return &t->entries[i];
	return NULL;
}

bool cpuid_same_vendor(const struct cpuid_table *a, const struct cpuid_table *b)
{
	const struct kvm_cpuid_entry2 *x = find_entry(a, 0, 0), *y = find_entry(b, 0, 0);

	return x && y && x->ebx == y->ebx && x->ecx == y->ecx && x->edx == y->edx;
}

/* The register of a table that a flag is in. */
static uint32_t flag_word(const struct cpuid_table *t, const struct cpuid_flag *f)
{
	const struct kvm_cpuid_entry2 *e = find_entry(t, f->leaf, f->subleaf);

	if (!e)
		return 0;
	return f->reg == EAX ? e->eax : f->reg == EBX ? e->ebx :
	       f->reg == ECX ? e->ecx : e->edx;
}

bool cpuid_has(const struct cpuid_table *t, const struct cpuid_flag *flag)
{
	return flag_word(t, flag) >> flag->bit & 1;
}

/* Bits beside a flag that show what the guest has switched on. */
static uint32_t flag_shows(const struct cpuid_flag *f)
{
	return f->reg != ECX ? 0 : f->leaf == 1 ? OSXSAVE : f->leaf == 7 ? OSPKE : 0;
}

const char *cpuid_missing(const struct cpuid_table *wanted, const struct cpuid_table *have)
{
	const char *missing = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		const struct cpuid_flag *f = &flags[i];
		uint32_t lacks = flag_word(wanted, f) & ~flag_word(have, f) & ~flag_shows(f);

		if (lacks >> f->bit & 1)
			return f->name;
		if (lacks)
			missing = "one without a name here";
	}
	return missing;
}
