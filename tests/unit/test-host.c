/* SPDX-License-Identifier: BSD-2-Clause */
/* test-host.c - What is said of hosts, of all kinds: made up, and read from folders that
 * look like theirs
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/host.h"

enum { MIB = 1 << 20 };

/* A folder that looks like a host. */

static char root[] = "/tmp/lb-host.XXXXXX";

static int setup(void **state UNUSED)
{
	snprintf(root, sizeof(root), "/tmp/lb-host.XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state UNUSED)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

/* Write a file below it, and the folders on the way. */
static void put(const char *path, const char *text)
{
	char full[PATH_MAX];
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		mkdir(full, 0700);
		*p = '/';
	}
	f = fopen(full, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void reading(void **state UNUSED)
{
	struct host h;

	host_read(&h, root);
	assert_false(h.pvm || h.intel || h.amd || h.vmx || h.svm || h.is_vm);
	assert_int_equal(h.tdp_mmu, 0);
	put("/proc/cpuinfo", "processor\t: 0\nvmx flags\t: x\n"
	    "flags\t\t: fpu vmx_not nosvm hypervisor lm\n");
	host_read(&h, root);
	assert_true(h.is_vm && !h.vmx && !h.svm);
	put("/proc/cpuinfo", "processor\t: 0\nflags\t\t: vmx lm svm\n");
	put("/sys/module/kvm/parameters/tdp_mmu", "Y\n");
	put("/sys/module/kvm_intel/parameters/unrestricted_guest", "N\n");
	put("/sys/module/kvm_intel/parameters/ept", "0\n");
	put("/sys/module/kvm_intel/parameters/emulate_invalid_guest_state", "1\n");
	put("/sys/module/kvm_intel/parameters/dump_invalid_vmcs", "what?\n");
	put("/sys/module/kvm_intel/parameters/nested", "");
	host_read(&h, root);
	assert_true(h.vmx && h.svm && !h.is_vm && h.intel && !h.amd && !h.pvm);
	assert_int_equal(h.tdp_mmu, 'Y');
	assert_int_equal(h.unrestricted_guest, 'N');
	assert_int_equal(h.ept, 'N');
	assert_int_equal(h.emulate_invalid, 'Y');
	assert_int_equal(h.dump_invalid, 0);
	assert_int_equal(h.nested, 0);
	put("/sys/module/kvm_amd/parameters/nested", "1\n");
	put("/sys/module/kvm_pvm/x", "");
	put("/sys/module/vboxdrv/x", "");
	put("/sys/module/vmmon/x", "");
	host_read(&h, root);
	assert_true(h.amd && h.pvm && h.virtualbox && h.vmware);
	assert_int_equal(h.nested, 'Y');
}

/* VM-28: /dev/kvm. */

static void door(const struct host *h, const struct host_door *d, const char *has,
		 const char *lacks)
{
	char text[HOST_TEXT];

	host_explain_door(text, h, d);
	if (!strstr(text, has) || (lacks && strstr(text, lacks)))
		fail_msg("'%s', but not '%s' in: %s", has, lacks ? lacks : "", text);
}

static void doors(void **state UNUSED)
{
	struct host_door d = { .err = ENOENT };
	const struct host vbox = { .virtualbox = true }, vmware = { .vmware = true };
	const struct host vmx = { .vmx = true }, svm = { .svm = true }, none = { .vmx = false };
	const struct host guest = { .is_vm = true }, loaded = { .vmx = true, .intel = true };

	for (int i = 0; i < 3; i++) {
		static const int err[] = { ENOENT, ENODEV, ENXIO };

		d.err = err[i];
		door(&vmx, &d, "modprobe kvm_intel", "kvm_amd");
		door(&svm, &d, "modprobe kvm_amd", "kvm_intel");
		door(&vmx, &d, "VT-x", "nested");
		door(&none, &d, "firmware setup", "modprobe");
		door(&guest, &d, "nested=1", "firmware");
		door(&loaded, &d, "docker", "modprobe");
	}
	d.err = ENOTTY;
	d.mode = S_IFREG | 0644;
	door(&vmx, &d, "a file", NULL);
	d.mode = S_IFCHR | 0644;
	door(&vmx, &d, "another device", "a file");
	d.err = EPERM;
	door(&vmx, &d, "DeviceAllow", NULL);
	d.err = EBUSY;
	door(&vbox, &d, "vboxdrv", "vmmon");
	door(&vmware, &d, "vmmon", "vboxdrv");
	door(&vmx, &d, "another hypervisor", NULL);
	d.err = EMFILE;
	door(&vmx, &d, "Too many open files", NULL);
}

static void forbidden(void **state UNUSED)
{
	struct host_door d = {
		.err = EACCES, .there = true, .mode = S_IFCHR | 0660, .owner = "root",
		.group = "kvm", .user = "ann",
	};
	const struct host h = { .intel = true };

	door(&h, &d, "user ann may not open it: it belongs to root:kvm, mode 660", NULL);
	door(&h, &d, "usermod -aG kvm ann", "older");
	d.member = true;
	door(&h, &d, "log in again", "usermod");
	d.mode = S_IFCHR | 0600;
	door(&h, &d, "mode 600, so only root may", "usermod");
	d.mode = S_IFCHR | 0660;
	d.root_group = true;
	door(&h, &d, "only root may", "usermod");
}

static void who_we_are(void **state UNUSED)
{
	struct host_door d;

	host_read_door(&d, "/dev/null", EACCES);
	assert_true(d.there);
	assert_true(S_ISCHR(d.mode));
	assert_string_equal(d.owner, "root");
	assert_string_equal(d.group, "root");
	assert_true(d.root_group);
	assert_true(d.user[0]);
	host_read_door(&d, "/dev/no/such", ENOENT);
	assert_false(d.there);
	assert_int_equal(d.err, ENOENT);
}

/* CPUs. */

static void cpus(void **state UNUSED)
{
	char text[HOST_TEXT];

	assert_int_equal(host_judge_cpus(text, 4, 4, 4), HOST_FINE);
	assert_int_equal(host_judge_cpus(text, 5, 4, 5), HOST_NOTE);
	assert_string_equal(text, "-smp 5: this host's KVM recommends at most 4 CPUs for a guest; "
			    "more make it slower");
	assert_int_equal(host_judge_cpus(text, 6, 4, 5), HOST_BAD);
	assert_string_equal(text, "-smp 6: this host's KVM has at most 5 CPUs for a guest");
	assert_int_equal(host_judge_cpus(text, 2, 1, 0), HOST_NOTE);
	assert_non_null(strstr(text, "at most 1 CPU for"));
	assert_int_equal(host_judge_cpus(text, 254, 0, 0), HOST_FINE);
	assert_int_equal(host_judge_cpus(text, 254, -1, -1), HOST_FINE);
}

/* Memory. */

static void judge(const struct host_memory *m, uint64_t ram, bool all_now,
		  enum host_verdict verdict, const char *has)
{
	char text[HOST_TEXT] = "";

	assert_int_equal(host_judge_memory(text, m, ram * MIB, all_now, false), verdict);
	if (!strstr(text, has))
		fail_msg("no '%s' in: %s", has, text);
}

static void memory(void **state UNUSED)
{
	const struct host_memory fine = {
		.total = 8192ULL * MIB, .available = 4096ULL * MIB, .swap = 1024ULL * MIB,
		.commit = UINT64_MAX, .cgroup_max = UINT64_MAX, .address_space = UINT64_MAX,
		.file_size = UINT64_MAX,
	};
	struct host_memory m = fine;
	char text[HOST_TEXT];

	judge(&m, 4096, false, HOST_FINE, "");
	judge(&m, 4096, true, HOST_FINE, "");
	judge(&m, 4097, false, HOST_NOTE, "4097 MiB of guest RAM: only 4096 MiB");
	judge(&m, 4097, true, HOST_FINE, "");
	judge(&m, 5121, true, HOST_BAD, "only 4096 MiB");
	judge(&m, 8193, false, HOST_BAD, "this host has only 8192 MiB");
	assert_int_equal(host_judge_memory(text, &m, 8000ULL * MIB, true, true), HOST_FINE);
	m.address_space = 1100ULL * MIB;
	judge(&m, 1024, false, HOST_FINE, "");
	judge(&m, 1090, false, HOST_BAD, "RLIMIT_AS");
	m = fine;
	m.file_size = 1024ULL * MIB;
	judge(&m, 1024, false, HOST_FINE, "");
	judge(&m, 1025, false, HOST_BAD, "RLIMIT_FSIZE");
	m = fine;
	m.cgroup_max = 512ULL * MIB;
	snprintf(m.cgroup, sizeof(m.cgroup), "/vms");
	judge(&m, 512, false, HOST_FINE, "");
	judge(&m, 513, false, HOST_NOTE, "cgroup '/vms' may have only 512 MiB (memory.max)");
	judge(&m, 513, true, HOST_BAD, "memory.max");
	m = fine;
	m.commit = 512ULL * MIB;
	judge(&m, 512, true, HOST_FINE, "");
	judge(&m, 513, false, HOST_NOTE, "overcommit_memory=2");
	judge(&m, 513, true, HOST_BAD, "only 512 MiB left");
}

static void reading_memory(void **state UNUSED)
{
	struct host_memory m;

	host_read_memory(&m, root);
	assert_true(m.total == UINT64_MAX && m.available == UINT64_MAX);
	assert_true(m.commit == UINT64_MAX && m.cgroup_max == UINT64_MAX);
	put("/proc/meminfo", "MemTotal:     2048 kB\nMemFree:  1 kB\nMemAvailable:  1024 kB\n"
	    "SwapFree: 512 kB\nCommitLimit: 100 kB\nCommitted_AS: 40 kB\nHugepagesize: 2048 kB\n");
	put("/proc/sys/vm/overcommit_memory", "0\n");
	host_read_memory(&m, root);
	assert_int_equal(m.total, 2 * MIB);
	assert_int_equal(m.available, MIB);
	assert_int_equal(m.swap, MIB / 2);
	assert_true(m.commit == UINT64_MAX);
	put("/proc/sys/vm/overcommit_memory", "2\n");
	host_read_memory(&m, root);
	assert_int_equal(m.commit, 60 << 10);
	put("/proc/self/cgroup", "12:memory:/old\n0::/a/b/c\n");
	put("/sys/fs/cgroup/a/b/c/memory.max", "max\n");
	put("/sys/fs/cgroup/a/b/memory.max", "1000000\n");
	put("/sys/fs/cgroup/a/memory.max", "2000000\n");
	host_read_memory(&m, root);
	assert_int_equal(m.cgroup_max, 1000000);
	assert_string_equal(m.cgroup, "/a/b");
	/* In a container of its own. */
	put("/proc/self/cgroup", "0::/\n");
	put("/sys/fs/cgroup/memory.max", "77\n");
	host_read_memory(&m, root);
	assert_int_equal(m.cgroup_max, 77);
	assert_string_equal(m.cgroup, "/");
	put("/proc/self/cgroup", "12:memory:/old\n");
	host_read_memory(&m, root);
	assert_true(m.cgroup_max == UINT64_MAX);
}

/* Huge pages. */

#define POOL "/sys/kernel/mm/hugepages/hugepages-2048kB/"

static void pages(void **state UNUSED)
{
	struct host_pages p;
	char text[HOST_TEXT];

	put("/proc/meminfo", "Hugepagesize: 2048 kB\n");
	put(POOL "nr_hugepages", "20\n");
	put(POOL "free_hugepages", "12\n");
	put(POOL "resv_hugepages", "2\n");
	host_read_pages(&p, 0, root);
	assert_int_equal(p.size, 2 * MIB);
	assert_true(p.there);
	assert_int_equal(p.free, 10);
	assert_int_equal(host_judge_pages(text, &p, 20 * MIB), HOST_FINE);
	assert_int_equal(host_judge_pages(text, &p, 21 * MIB), HOST_BAD);
	assert_string_equal(text, "21 MiB of guest RAM: 11 huge pages of 2048 KiB are needed, 10 of "
			    "20 are free; as root: echo 21 > " POOL "nr_hugepages");
	host_read_pages(&p, 1ULL << 30, root);
	assert_false(p.there);
	assert_int_equal(host_judge_pages(text, &p, MIB), HOST_BAD);
	assert_non_null(strstr(text, "no huge pages of 1048576 KiB"));
	/* More promised than free. */
	put(POOL "resv_hugepages", "13\n");
	host_read_pages(&p, 2 * MIB, root);
	assert_int_equal(p.free, 0);
}

static void word(void **state UNUSED)
{
	const struct host pvm = { .pvm = true }, intel = { .intel = true };

	assert_non_null(strstr(host_word(&pvm), "kvm_pvm"));
	assert_null(host_word(&intel));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(reading, setup, teardown),
	cmocka_unit_test(doors),
	cmocka_unit_test(forbidden),
	cmocka_unit_test(who_we_are),
	cmocka_unit_test(cpus),
	cmocka_unit_test(memory),
	cmocka_unit_test_setup_teardown(reading_memory, setup, teardown),
	cmocka_unit_test_setup_teardown(pages, setup, teardown),
	cmocka_unit_test(word),
};

UNIT_MAIN(tests)
