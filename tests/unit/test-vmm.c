/* SPDX-License-Identifier: BSD-2-Clause */
/* test-vmm.c - parts of the VMM that need no KVM: kernel headers, buses, CPUID,
 * addresses
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "vmm/aml.h"
#include "vmm/boot.h"
#include "vmm/bus.h"
#include "vmm/cpuid.h"
#include "vmm/elf.h"
#include "vmm/mac.h"
#include "vmm/options.h"

/* Its EV_NONE would get in the way of libev's. */
#include <elf.h>

/* Kernels. */

enum { HEAD = 1024 };

/* The header of a kernel that is in order; the file has 10 MiB. */
static void good_kernel(uint8_t head[static HEAD])
{
	static const struct { uint16_t off; uint8_t size; uint64_t value; } field[] = {
		{ 0x1f1, 1, 39 }, { 0x1f4, 4, 0x80000 }, { 0x1fe, 2, 0xaa55 },
		{ 0x202, 4, 0x53726448 }, { 0x206, 2, 0x20f }, { 0x211, 1, 1 },
		{ 0x22c, 4, 0x7fffffff }, { 0x236, 2, 0x7f }, { 0x238, 4, 2047 },
		{ 0x258, 8, 0x1000000 }, { 0x260, 4, 0x3378000 },
	};

	memset(head, 0, HEAD);
	for (size_t i = 0; i < ARRAY_SIZE(field); i++)
		memcpy(head + field[i].off, &field[i].value, field[i].size);
	/* "HdrS" stands at 0x202, after a jump of two bytes. */
	head[0x200] = 0xeb;
	head[0x201] = 0x6c;
}

static void kernel_accepted(void **state UNUSED)
{
	struct boot_kernel k;
	uint8_t head[HEAD];

	good_kernel(head);
	assert_null(boot_parse_kernel(head, HEAD, 10 << 20, &k));
	assert_int_equal(k.setup, 40 * 512);
	assert_int_equal(k.size, (10 << 20) - 40 * 512);
	assert_int_equal(k.pref, 0x1000000);
	assert_int_equal(k.init, 0x3378000);
	assert_int_equal(k.initrd_max, 0x7fffffff);
	head[0x1f1] = 0;	/* means 4 */
	assert_null(boot_parse_kernel(head, HEAD, 10 << 20, &k));
	assert_int_equal(k.setup, 5 * 512);
}

static void kernel_refused(void **state UNUSED)
{
	static const struct { uint16_t off; uint8_t size; uint64_t value; } bad[] = {
		{ 0x1fe, 2, 0 },		/* no boot flag */
		{ 0x202, 4, 0x53726449 },	/* no "HdrS" */
		{ 0x206, 2, 0x20b },		/* too old */
		{ 0x236, 2, 0x7e },		/* no 64-bit entry */
		{ 0x211, 1, 0 },		/* zImage */
		{ 0x1f4, 4, 0xffffffff },	/* longer than the file */
		{ 0x258, 8, 0xff000 },		/* below 1 MiB */
		{ 0x258, 8, 0x1000001 },	/* not on a page */
		{ 0x258, 8, 0xfee00000 },	/* on the local APIC */
		{ 0x258, 8, UINT64_MAX - 4095 },
		{ 0x260, 4, 0xffffffff },	/* needs more than there can be */
	};
	struct boot_kernel k;
	uint8_t head[HEAD];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		good_kernel(head);
		memcpy(head + bad[i].off, &bad[i].value, bad[i].size);
		assert_non_null(boot_parse_kernel(head, HEAD, 10 << 20, &k));
	}
	good_kernel(head);
	/* Cut off anywhere. */
	for (size_t size = 0; size < 0x26c; size++)
		assert_non_null(boot_parse_kernel(head, size, size, &k));
	assert_non_null(boot_parse_kernel(head, HEAD, 40 * 512, &k));
	assert_non_null(boot_parse_kernel(head, HEAD, 40 * 512 + 0x200, &k));
}

/* An ELF kernel of two segments, the second with memory behind what is in the file, and
 * notes; the file has ELF_FILE bytes. */

enum { ELF_FILE = 0x5000 };

static void good_elf(uint8_t head[static HEAD])
{
	const Elf64_Ehdr eh = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB },
		.e_machine = EM_X86_64, .e_phoff = 64, .e_phnum = 3,
		.e_phentsize = sizeof(Elf64_Phdr),
	};
	const Elf64_Phdr ph[3] = {
		{ .p_type = PT_LOAD, .p_offset = 0x1000, .p_paddr = 0x1000000,
		  .p_filesz = 0x2000, .p_memsz = 0x2000 },
		{ .p_type = PT_NOTE, .p_offset = 0x2f00, .p_filesz = 0x54 },
		{ .p_type = PT_LOAD, .p_offset = 0x3000, .p_paddr = 0x1200000,
		  .p_filesz = 0x2000, .p_memsz = 0x9000 },
	};

	memset(head, 0, HEAD);
	memcpy(head, &eh, sizeof(eh));
	memcpy(head + 64, ph, sizeof(ph));
}

static void elf_accepted(void **state UNUSED)
{
	struct elf_kernel k;
	uint8_t head[HEAD];

	good_elf(head);
	assert_true(elf_is(head, HEAD));
	assert_false(elf_is(head, 3));
	assert_null(elf_parse(head, HEAD, ELF_FILE, &k));
	assert_int_equal(k.segments, 2);
	assert_int_equal(k.segment[1].off, 0x3000);
	assert_int_equal(k.segment[1].size, 0x2000);
	assert_int_equal(k.segment[1].addr, 0x1200000);
	assert_int_equal(k.first, 0x1000000);
	assert_int_equal(k.end, 0x1209000);
	assert_int_equal(k.notes, 0x2f00);
	assert_int_equal(k.notes_size, 0x54);
}

static void elf_refused(void **state UNUSED)
{
	static const struct { uint16_t off; uint8_t size; uint64_t value; } bad[] = {
		{ 4, 1, ELFCLASS32 },
		{ 5, 1, ELFDATA2MSB },
		{ 18, 2, EM_386 },
		{ 32, 8, HEAD - 3 * 56 + 1 },	/* program headers beyond the head */
		{ 32, 8, UINT64_MAX },
		{ 54, 2, 55 },			/* of another size */
		{ 56, 2, 0 },			/* none */
		{ 56, 2, 0xffff },
		{ 64 + 8, 8, ELF_FILE },	/* a segment beyond the file */
		{ 64 + 8, 8, UINT64_MAX },
		{ 64 + 24, 8, 0xff000 },	/* below 1 MiB */
		{ 64 + 24, 8, 0xbffff000 },	/* beyond low RAM */
		{ 64 + 24, 8, UINT64_MAX - 0xfff },
		{ 64 + 32, 8, 0x2001 },		/* larger than its place */
		{ 64 + 40, 8, UINT64_MAX },
		{ 64 + 56 + 8, 8, ELF_FILE },	/* notes beyond the file */
	};
	struct elf_kernel k;
	uint8_t head[HEAD];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		good_elf(head);
		memcpy(head + bad[i].off, &bad[i].value, bad[i].size);
		assert_non_null(elf_parse(head, HEAD, ELF_FILE, &k));
	}
	good_elf(head);
	for (size_t size = 0; size < 64 + 3 * 56; size++)
		assert_non_null(elf_parse(head, size, ELF_FILE, &k));
	assert_non_null(elf_parse(head, HEAD, ELF_FILE - 1, &k));
	/* More segments than there is room for. */
	head[56] = ELF_SEGMENTS + 1;
	memset(head + 64, 0, HEAD - 64);
	for (unsigned int i = 0; i <= ELF_SEGMENTS; i++) {
		const Elf64_Phdr ph = {
			.p_type = PT_LOAD, .p_paddr = 0x1000000, .p_memsz = 4096,
		};

		memcpy(head + 64 + i * sizeof(ph), &ph, sizeof(ph));
	}
	assert_non_null(elf_parse(head, HEAD, ELF_FILE, &k));
	head[56] = ELF_SEGMENTS;
	assert_null(elf_parse(head, HEAD, ELF_FILE, &k));
}

static void elf_notes(void **state UNUSED)
{
	static const uint8_t notes[] = {
		4, 0, 0, 0, 3, 0, 0, 0, 18, 0, 0, 0, 'G', 'N', 'U', 0, 1, 2, 3, 0,
		5, 0, 0, 0, 4, 0, 0, 0, 18, 0, 0, 0, 'X', 'e', 'n', 'o', 0, 0, 0, 0, 1, 1, 1, 1,
		4, 0, 0, 0, 8, 0, 0, 0, 18, 0, 0, 0, 'X', 'e', 'n', 0,
		0x78, 0x56, 0x34, 0x12, 0, 0, 0, 0,
	};
	uint8_t copy[sizeof(notes)];
	uint32_t entry = 0;

	assert_true(elf_pvh_entry(notes, sizeof(notes), &entry));
	assert_int_equal(entry, 0x12345678);
	for (size_t size = 0; size < sizeof(notes); size++)
		assert_false(elf_pvh_entry(notes, size, &entry));
	memcpy(copy, notes, sizeof(copy));
	copy[44 + 8] = 17;
	assert_false(elf_pvh_entry(copy, sizeof(copy), &entry));
	/* Lengths that add up to more than there is, or to nothing at all. */
	memcpy(copy, notes, sizeof(copy));
	memset(copy, 0xff, 8);
	assert_false(elf_pvh_entry(copy, sizeof(copy), &entry));
}

/* Buses. */

static uint64_t echo_read(void *dev UNUSED, uint64_t off, unsigned int size)
{
	return 0x1122334455667700 | off << 4 | size;
}

static void note_write(void *dev, uint64_t off, unsigned int size UNUSED,
		       uint64_t value)
{
	uint64_t *note = dev;

	*note = off << 32 | value;
}

static void bus_ranges(void **state UNUSED)
{
	static const struct bus_ops ops = { echo_read, note_write };
	struct bus bus = { .count = 0 };
	uint64_t a = 0, b = 0;

	assert_int_equal(bus_add(&bus, 0x100, 8, &ops, &a), 0);
	assert_int_equal(bus_add(&bus, 0x104, 8, &ops, &b), 0);
	assert_int_equal(bus_read(&bus, 0x102, 1), 0x21);
	assert_int_equal(bus_read(&bus, 0x102, 2), 0x7722);
	assert_int_equal(bus_read(&bus, 0xff, 1), 0xff);
	assert_int_equal(bus_read(&bus, 0xff, 2), 0xffff);
	/* Over the end of the range that answers. */
	assert_int_equal(bus_read(&bus, 0x107, 2), 0xffff);
	assert_true(bus_read(&bus, 0x200, 8) == UINT64_MAX);
	bus_write(&bus, 0x105, 1, 0x1ff);
	assert_int_equal(a, 5ULL << 32 | 0xff);
	bus_remove(&bus, 0x100, &a);
	bus_write(&bus, 0x105, 1, 3);
	assert_int_equal(b, 1ULL << 32 | 3);
	while (bus.count < BUS_RANGES)
		assert_int_equal(bus_add(&bus, 0x1000, 1, &ops, &a), 0);
	assert_int_equal(bus_add(&bus, 0x1000, 1, &ops, &a), -ENOSPC);
}

/* CPUID. */

static void cpuid(void **state UNUSED)
{
	struct cpuid_table t = { .head.nent = 3 };
	const struct cpuid_flag *off[] = { cpuid_find_flag("aes"),
					   cpuid_find_flag("tsc_deadline") };
	const struct topology three = { 1, 3, 1 };

	assert_non_null(off[0]);
	assert_ptr_equal(off[1], cpuid_find_flag("tsc-deadline"));
	assert_null(cpuid_find_flag("tsc"  "x"));
	t.entries[0] = (struct kvm_cpuid_entry2){ .function = 0, .ebx = 0x756e6547 };
	t.entries[1] = (struct kvm_cpuid_entry2){ .function = 1, .ecx = 1 << 25 | 1 << 5 };
	t.entries[2] = (struct kvm_cpuid_entry2){ .function = 0xb, .index = 0 };
	cpuid_adapt(&t, &three, 2, true, off, 1);
	assert_int_equal(t.entries[1].ebx >> 24, 2);		/* APIC id */
	assert_int_equal(t.entries[1].ebx >> 16 & 0xff, 4);	/* room for CPUs */
	assert_int_equal(t.entries[1].ecx >> 31, 1);		/* hypervisor */
	assert_int_equal(t.entries[1].ecx >> 24 & 1, 1);	/* TSC deadline */
	assert_int_equal(t.entries[1].ecx >> 25 & 1, 0);	/* aes, hidden */
	assert_false(cpuid_has(&t, off[0]));
	assert_true(cpuid_has(&t, off[1]));
	assert_false(cpuid_has(&t, cpuid_find_flag("sse2")));
	assert_false(cpuid_has(&t, cpuid_find_flag("avx2")));	/* no such leaf */
	assert_int_equal(t.entries[1].ecx >> 5 & 1, 0);		/* vmx */
	assert_int_equal(t.entries[1].edx >> 28 & 1, 1);	/* more than one */
	/* The host told of one level only; the guest sees three. */
	assert_int_equal(t.head.nent, 5);
	assert_int_equal(t.entries[2].ecx, 0x100);
	assert_int_equal(t.entries[3].eax, 2);			/* bits for 3 CPUs */
	assert_int_equal(t.entries[3].ebx, 3);
	assert_int_equal(t.entries[3].edx, 2);
}

static void topologies(void **state UNUSED)
{
	static const struct {
		unsigned int cpus;
		struct topology said;
		struct topology found;
	} good[] = {
		{ 1, { 0, 0, 0 }, { 1, 1, 1 } }, { 6, { 0, 0, 0 }, { 1, 6, 1 } },
		{ 6, { 2, 0, 0 }, { 2, 3, 1 } }, { 8, { 0, 2, 2 }, { 2, 2, 2 } },
		{ 0, { 2, 3, 2 }, { 2, 3, 2 } }, { 0, { 0, 0, 0 }, { 1, 1, 1 } },
		{ 254, { 0, 0, 0 }, { 1, 254, 1 } }, { 192, { 64, 3, 1 }, { 64, 3, 1 } },
	}, bad[] = {
		{ 3, { 2, 0, 0 }, { 0, 0, 0 } }, { 4, { 1, 2, 1 }, { 0, 0, 0 } },
		{ 1, { 2, 1, 1 }, { 0, 0, 0 } }, { 2, { 0, 3, 0 }, { 0, 0, 0 } },
		{ 0, { 254, 254, 1 }, { 0, 0, 0 } }, { 254, { 254, 254, 254 }, { 0, 0, 0 } },
		/* Not too many, but their ids are: up to 258. */
		{ 195, { 65, 3, 1 }, { 0, 0, 0 } },
		{ 255, { 0, 0, 0 }, { 0, 0, 0 } },
	};
	const struct topology t = { 2, 3, 2 };
	struct topology s;
	unsigned int n;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		s = good[i].said;
		n = good[i].cpus;
		assert_null(topology_complete(&s, &n));
		assert_memory_equal(&s, &good[i].found, sizeof(s));
		assert_int_equal(n, s.sockets * s.cores * s.threads);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s = bad[i].said;
		n = bad[i].cpus;
		assert_non_null(topology_complete(&s, &n));
	}
	/* Three cores take two bits: ids have gaps. */
	assert_int_equal(topology_apic_id(&t, 0), 0);
	assert_int_equal(topology_apic_id(&t, 5), 5);
	assert_int_equal(topology_apic_id(&t, 6), 8);
	assert_int_equal(topology_apic_id(&t, 11), 13);
}

/* AMD's leaves, with threads. */
static void cpuid_amd(void **state UNUSED)
{
	const struct topology top = { 2, 3, 2 };
	struct cpuid_table t = { .head.nent = 7 };

	t.entries[0] = (struct kvm_cpuid_entry2){ .function = 0, .ebx = 0x68747541 };
	t.entries[1] = (struct kvm_cpuid_entry2){ .function = 1 };
	t.entries[2] = (struct kvm_cpuid_entry2){ .function = 0x80000008 };
	t.entries[3] = (struct kvm_cpuid_entry2){ .function = 0x8000001d, .eax = 0x21 };
	t.entries[4] = (struct kvm_cpuid_entry2){ .function = 0x8000001d, .index = 3,
						  .eax = 0x63 };
	t.entries[5] = (struct kvm_cpuid_entry2){ .function = 0x8000001e };
	t.entries[6] = (struct kvm_cpuid_entry2){ .function = 0x80000001 };
	cpuid_adapt(&t, &top, 9, false, NULL, 0);
	assert_int_equal(t.entries[6].ecx, 1 << 22 | 1 << 1);
	assert_int_equal(t.entries[1].ebx >> 24, 11);
	assert_int_equal(t.entries[1].ebx >> 16 & 0xff, 6);
	assert_int_equal(t.entries[2].ecx, 3 << 12 | 5);
	assert_int_equal(t.entries[3].eax, 1 << 14 | 0x21);	/* first level: a core's */
	assert_int_equal(t.entries[4].eax, 5 << 14 | 0x63);	/* third: a socket's */
	assert_int_equal(t.entries[5].eax, 11);
	assert_int_equal(t.entries[5].ebx, 1 << 8 | 1);		/* its second core */
	assert_int_equal(t.entries[5].ecx, 1);
}

/* Whether a guest that was shown one CPU can do with another. */
static void cpuid_fits(void **state UNUSED)
{
	struct cpuid_table then = { .head.nent = 2 }, now;

	then.entries[0] = (struct kvm_cpuid_entry2){ .function = 0, .ebx = 1, .ecx = 2 };
	then.entries[1] = (struct kvm_cpuid_entry2){ .function = 1, .ecx = 1 << 25 };
	now = then;
	assert_true(cpuid_same_vendor(&then, &now));
	assert_null(cpuid_missing(&then, &now));
	/* More is fine, and so is what the guest itself has switched on. */
	now.entries[1].ecx |= 1 << 28;
	then.entries[1].ecx |= 1 << 27;
	assert_null(cpuid_missing(&then, &now));
	now.entries[1].ecx = 0;
	assert_string_equal(cpuid_missing(&then, &now), "aes");
	/* What has no name, and a leaf that is not there. */
	then.entries[1].ecx = 1 << 16;
	assert_non_null(cpuid_missing(&then, &now));
	then.entries[1] = (struct kvm_cpuid_entry2){ .function = 7, .ebx = 1 << 5 };
	assert_string_equal(cpuid_missing(&then, &now), "avx2");
	now.entries[0].ecx++;
	assert_false(cpuid_same_vendor(&then, &now));
	now.head.nent = 0;
	assert_false(cpuid_same_vendor(&then, &now));
}

/* Addresses. */

static void macs(void **state UNUSED)
{
	struct eth_addr a = mac_derive("name:web", 0, 0), b, c;

	assert_true(eth_addr_eq(a, mac_derive("name:web", 0, 0)));
	assert_memory_equal(a.b, "\x52\x54\x00", 3);
	assert_false(eth_addr_eq(a, mac_derive("name:web", 1, 0)));
	assert_false(eth_addr_eq(a, mac_derive("name:web", 0, 1)));
	assert_false(eth_addr_eq(a, mac_derive("name:wec", 0, 0)));
	/* Two with one name do not get the same. */
	assert_int_equal(mac_take("name:unit-test", 0, "/tmp", &b), 0);
	assert_int_equal(mac_take("name:unit-test", 0, "/tmp", &c), 0);
	assert_false(eth_addr_eq(b, c));
	assert_int_equal(mac_take("", 0, "/tmp", &c), 0);
	/* One directory, spelled differently. */
	assert_int_equal(mac_hold(b, "vde:///tmp"), -EADDRINUSE);
	assert_int_equal(mac_hold(b, "/tmp/../tmp/"), -EADDRINUSE);
	assert_int_equal(mac_hold(b, "/tmp/unit-a"), 0);
	assert_int_equal(mac_hold(b, "/tmp/unit-a"), -EADDRINUSE);
	assert_int_equal(mac_hold(b, "/tmp/unit-b"), 0);
}

/* AML against bytes by hand (ACPI 6.4, 20.2). */

static void aml(void **state UNUSED)
{
	static const uint8_t s5[] = { 5, 0, 0, 1 };
	static const uint8_t want[] = {
		0x10, 0x80 | 4, 2, 0, '\\', '_', 'S', 'B', '_',		/* Scope, 36 bytes */
		0x5b, 0x82, 0x80 | 10, 1, 0, 'P', 'C', 'I', '0',	/* Device, 26 */
		0x08, '_', 'H', 'I', 'D', 0x0c, 0x41, 0xd0, 0x0a, 0x03,
		0x08, '_', 'U', 'I', 'D', 0x0b, 0x34, 0x12, 0x00,
		0x08, '_', 'S', '5', '_', 0x12, 0x80 | 9, 0, 0, 4, 0x0a, 5, 0, 0, 1,
		0x14, 0x80 | 15, 0, 0, '_', 'E', 'V', 'T', 1,		/* Method, 15 */
		0x86, 'P', 'W', 'R', 'B', 0x0a, 0x80,
		0x0d, 'A', 'B', 0,
	};
	struct aml a = { .size = 0 };

	aml_scope(&a, "\\_SB_");
	aml_device(&a, "PCI0");
	aml_name(&a, "_HID");
	aml_eisa_id(&a, "PNP0A03");
	aml_name(&a, "_UID");
	aml_integer(&a, 0x1234);
	aml_integer(&a, 0);
	aml_close(&a);
	aml_close(&a);
	aml_name(&a, "_S5_");
	aml_package(&a, s5, sizeof(s5));
	aml_method(&a, "_EVT", 1);
	aml_notify(&a, "PWRB", 0x80);
	aml_close(&a);
	aml_string(&a, "AB");
	assert_int_equal(a.size, sizeof(want));
	assert_memory_equal(a.buf, want, sizeof(want));
}

/* The command line. */

static enum options_result parse(struct options *opt, const char *line)
{
	char *argv[64], *copy = strdup(line), *p = copy, *word;
	int argc = 0;
	enum options_result r;

	argv[argc++] = copy;
	while ((word = strsep(&p, " ")))
		argv[argc++] = word;
	r = options_parse(opt, argc, argv);
	/* What was kept are copies. */
	return r;
}

static void options(void **state UNUSED)
{
	static struct options o;

	assert_int_equal(parse(&o, "-kernel /k -m 1G -smp 4 -cpu host,-aes -name a "
			       "-net nic,macaddr=02:00:00:00:00:01 -net vde,sock=/s "
			       "-vnc none -usb -enable-kvm -serial null"), OPTIONS_RUN);
	assert_int_equal(o.ram, 1 << 30);
	assert_int_equal(o.cpus, 4);
	assert_int_equal(o.cpu_offs, 1);
	assert_int_equal(o.nics, 1);
	assert_true(o.nic[0].mac_given);
	assert_string_equal(o.nic[0].netdev.sock, "/s");
	assert_int_equal(parse(&o, "-kernel /k -netdev vde,id=n,sock=/s,port=3 "
			       "-device virtio-net-pci,netdev=n -serial null"), OPTIONS_RUN);
	assert_int_equal(o.nic[0].netdev.port, 3);
	assert_int_equal(o.ram, 128 << 20);
	assert_int_equal(o.cpus, 1);
	assert_int_equal(parse(&o, "-kernel /k -m 1G -serial null -object memory-backend-memfd,"
			       "id=m,size=1G,hugetlb=on,hugetlbsize=2M,share=on,prealloc=on "
			       "-machine q35,accel=kvm,memory-backend=m -smp 12,sockets=2,"
			       "threads=2,maxcpus=12"), OPTIONS_RUN);
	assert_int_equal(o.ram, 1 << 30);
	assert_true(o.ram_source.hugetlb && o.ram_source.prealloc);
	assert_int_equal(o.ram_source.page, 2 << 20);
	assert_int_equal(o.topology.cores, 3);
	assert_int_equal(parse(&o, "-kernel /k -serial null -object memory-backend-file,id=m,"
			       "size=64M,mem-path=/x -numa node,memdev=m"), OPTIONS_RUN);
	assert_int_equal(o.ram, 64 << 20);
	assert_string_equal(o.ram_source.path, "/x");
	assert_int_equal(parse(&o, "-kernel /k -serial null -m size=64,slots=2,maxmem=64M "
			       "-mem-path /y -mem-prealloc"), OPTIONS_RUN);
	assert_int_equal(o.ram, 64 << 20);
	assert_string_equal(o.ram_source.path, "/y");
	assert_true(o.ram_source.prealloc);

	assert_int_equal(parse(&o, "-kernel /k -serial null -net nic,macaddr=02:00:00:00:00:01 "
			       "-net tap,ifname=t0,script=no -netdev tap,id=a,fd=7,vhost=on "
			       "-device virtio-net-pci,netdev=a,host_mtu=9000 "
			       "-netdev vde,id=b,reconnect=5 -device virtio-net-pci,netdev=b "
			       "-netdev vde,id=c,reconnect=off -device virtio-net-pci,netdev=c "
			       "-device virtio-balloon-pci,free-page-reporting=on"), OPTIONS_RUN);
	assert_true(o.nic[0].netdev.tap && o.nic[1].netdev.tap && !o.nic[2].netdev.tap);
	assert_string_equal(o.nic[0].netdev.ifname, "t0");
	assert_int_equal(o.nic[0].mtu, 0);
	assert_null(o.nic[1].netdev.ifname);
	assert_int_equal(o.nic[1].netdev.fd, 7);
	assert_int_equal(o.nic[1].mtu, 9000);
	assert_true(o.nic[2].netdev.reconnect && !o.nic[3].netdev.reconnect);
	assert_true(o.balloon && o.free_page_reporting);

	static const char *const bad[] = {
		"-kernel /k -net nic -net tap", "-kernel /k -net nic -net tap,ifname=t/0",
		"-kernel /k -net nic -net tap,ifname=0123456789abcdef",
		"-kernel /k -net nic -net tap,ifname=t%d", "-kernel /k -net nic -net tap,fd=2",
		"-kernel /k -net nic -net tap,ifname=t0,fd=7",
		"-kernel /k -net nic -net tap,ifname=t0,script=/etc/qemu-ifup",
		"-kernel /k -net nic -net tap,ifname=t0,queues=2",
		"-kernel /k -net nic,host_mtu=67 -net vde", "-kernel /k -netdev tap,ifname=t0",
		"-kernel /k -net nic -net vde,reconnect=x",
		"-kernel /k -device virtio-balloon-pci -device virtio-balloon-pci",
		"-kernel /k -device virtio-balloon-pci,foo=on",
		"-kernel /k -m 64,maxmem=128M", "-kernel /k -m size=64,foo=1",
		"-kernel /k -object memory-backend-ram,id=m,size=64M",
		"-kernel /k -object memory-backend-ram,id=m -machine q35,memory-backend=m",
		"-kernel /k -object memory-backend-ram,id=m,size=64M -M q35,memory-backend=n",
		"-kernel /k -m 32 -object memory-backend-ram,id=m,size=64M -M q,memory-backend=m",
		"-kernel /k -object memory-backend-file,id=m,size=64M -M q,memory-backend=m",
		"-kernel /k -object iothread,id=m", "-kernel /k -numa node -numa node",
		"-kernel /k -smp 4,sockets=3", "-kernel /k -smp 2,maxcpus=4",
		"-kernel /k -smp 2,dies=2", "-kernel /k -smp 2,foo=2",
		"-m 64", "-kernel", "-kernel /k -m 0", "-kernel /k -m 512x", "-kernel /k -smp 0",
		"-kernel /k -smp 255", "-kernel /k -cpu qemu64", "-kernel /k -cpu host,-nosuch",
		"-kernel /k -net nic", "-kernel /k -net vde", "-kernel /k -net user",
		"-kernel /k -net nic,macaddr=01:00:00:00:00:01 -net vde",
		"-kernel /k -net nic,macaddr=zz -net vde", "-kernel /k -netdev vde,sock=/s",
		"-kernel /k -device virtio-net-pci,netdev=x", "-kernel /k -device e1000",
		"-kernel /k -vnc :1", "-kernel /k -",
		"-kernel /k -nosuch", "-kernel /k -serial tcp:x", "-kernel /k -serial unix:",
		"-kernel /k -daemonize -serial stdio",
		"-kernel /k -net nic,macaddr=02:00:00:00:00:01 -net vde "
		"-net nic,macaddr=02:00:00:00:00:01 -net vde",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(parse(&o, bad[i]), OPTIONS_EXIT_USAGE);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(kernel_accepted),
	cmocka_unit_test(kernel_refused),
	cmocka_unit_test(elf_accepted),
	cmocka_unit_test(elf_refused),
	cmocka_unit_test(elf_notes),
	cmocka_unit_test(bus_ranges),
	cmocka_unit_test(cpuid),
	cmocka_unit_test(topologies),
	cmocka_unit_test(cpuid_amd),
	cmocka_unit_test(cpuid_fits),
	cmocka_unit_test(macs),
	cmocka_unit_test(aml),
	cmocka_unit_test(options),
};

UNIT_KEEPS_OPTIONS
UNIT_MAIN(tests)
