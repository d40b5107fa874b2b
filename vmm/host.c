/* SPDX-License-Identifier: BSD-2-Clause */
/* host.c - What this host can do for a VM, and what is amiss, in plain words
 *
 * Sources: Linux, admin-guide/kernel-parameters.txt (kvm-intel.*), admin-guide/cgroup-v2,
 * admin-guide/mm/hugetlbpage, mm/overcommit-accounting.
 */
#include "config.h"

#include "vmm/host.h"

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define say(text, ...) snprintf(text, HOST_TEXT, __VA_ARGS__)

enum {
	LINE = 8192,
	HOST_SPARE = 64 << 20,		/* bytes of address space beside guest RAM */
};

static unsigned long long mib(uint64_t bytes)
{
	return bytes >> 20;
}

/* Files of /proc and /sys. */

static FILE *open_below(const char *root, const char *path)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s%s", root, path);
	return fopen(full, "re");
}

static bool exists_below(const char *root, const char *path)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s%s", root, path);
	return !access(full, F_OK);
}

/* The first line of a file, without its end. Return: whether there is one. */
static bool read_line(const char *root, const char *path, char *line, int size)
{
	FILE *f = open_below(root, path);
	bool ok = f && fgets(line, size, f);

	if (f)
		fclose(f);
	if (ok)
		line[strcspn(line, "\n")] = 0;
	return ok;
}

/* A number in a file. Return: it, or @otherwise. */
static uint64_t read_number(const char *root, const char *path, uint64_t otherwise)
{
	char line[64], *end;
	uint64_t v;

	if (!read_line(root, path, line, sizeof(line)))
		return otherwise;
	v = strtoull(line, &end, 10);
	return end == line ? otherwise : v;
}

/* A switch of a module. Return: 'Y', 'N', or 0. */
static char read_switch(const char *root, const char *path)
{
	char line[16];

	if (!read_line(root, path, line, sizeof(line)))
		return 0;
	if (line[0] == '1')
		return 'Y';
	if (line[0] == '0')
		return 'N';
	return line[0] == 'Y' || line[0] == 'N' ? line[0] : 0;
}

/* CPU and KVM. */

/* Whether a line of words apart by blanks has one. */
static bool has_word(const char *line, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = strstr(line, word); p; p = strstr(p + 1, word))
		if (p > line && p[-1] == ' ' && (!p[len] || strchr(" \n", p[len])))
			return true;
	return false;
}

static void read_cpu(struct host *h, const char *root)
{
	FILE *f = open_below(root, "/proc/cpuinfo");
	char line[LINE];

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "flags", 5) != 0)
			continue;
		h->vmx = has_word(line, "vmx");
		h->svm = has_word(line, "svm");
		h->is_vm = has_word(line, "hypervisor");
		break;
	}
	if (f)
		fclose(f);
}

void host_read(struct host *h, const char *root)
{
#define INTEL "/sys/module/kvm_intel"
#define AMD "/sys/module/kvm_amd"
#define PARAMETER "/parameters/"
	*h = (struct host){
		.pvm = exists_below(root, "/sys/module/kvm_pvm"),
		.intel = exists_below(root, INTEL),
		.amd = exists_below(root, AMD),
		.virtualbox = exists_below(root, "/sys/module/vboxdrv"),
		.vmware = exists_below(root, "/sys/module/vmmon"),
		.unrestricted_guest = read_switch(root, INTEL PARAMETER "unrestricted_guest"),
		.emulate_invalid = read_switch(root, INTEL PARAMETER
					       "emulate_invalid_guest_state"),
		.ept = read_switch(root, INTEL PARAMETER "ept"),
		.dump_invalid = read_switch(root, INTEL PARAMETER "dump_invalid_vmcs"),
		.tdp_mmu = read_switch(root, "/sys/module/kvm" PARAMETER "tdp_mmu"),
	};
	h->nested = read_switch(root, h->amd ? AMD PARAMETER "nested" :
				INTEL PARAMETER "nested");
#undef INTEL
#undef AMD
#undef PARAMETER
	read_cpu(h, root);
}

const char *host_word(const struct host *h)
{
	if (!h->pvm)
		return NULL;
	return "this host's KVM works without virtualisation hardware (kvm_pvm): ordinary "
	       "kernels crawl or do not run on it, only guests made for it do";
}

/* /dev/kvm. */

static void user_name(char *name, size_t size, uid_t uid)
{
	const struct passwd *pw = getpwuid(uid);

	if (pw)
		snprintf(name, size, "%s", pw->pw_name);
	else
		snprintf(name, size, "%u", (unsigned int)uid);
}

void host_read_door(struct host_door *d, const char *path, int err)
{
	const struct group *gr;
	struct stat st;

	*d = (struct host_door){ .err = err };
	user_name(d->user, sizeof(d->user), geteuid());
	if (stat(path, &st) < 0)
		return;
	d->there = true;
	d->mode = st.st_mode;
	d->root_group = !st.st_gid;
	user_name(d->owner, sizeof(d->owner), st.st_uid);
	gr = getgrgid(st.st_gid);
	snprintf(d->group, sizeof(d->group), "%u", (unsigned int)st.st_gid);
	if (gr)
		snprintf(d->group, sizeof(d->group), "%s", gr->gr_name);
	for (char **m = gr ? gr->gr_mem : NULL; m && *m; m++)
		d->member |= !strcmp(*m, d->user);
}

/* What is to be done so that there is a KVM. */
static const char *remedy(const struct host *h)
{
	if (h->intel || h->amd || h->pvm)
		return "though the kernel has KVM: in a container the device has to be passed in "
		       "(docker run --device /dev/kvm); elsewhere make it anew "
		       "(mknod -m 660 /dev/kvm c 10 232; chgrp kvm /dev/kvm)";
	if (h->vmx)
		return "though the CPU has vmx: load the module (modprobe kvm_intel); if that "
		       "says 'Operation not supported', virtualisation (VT-x) is switched "
		       "off in the firmware setup";
	if (h->svm)
		return "though the CPU has svm: load the module (modprobe kvm_amd); if that "
		       "says 'Operation not supported', virtualisation (SVM, AMD-V) is "
		       "switched off in the firmware setup";
	if (h->is_vm)
		return "and the CPU shows neither vmx nor svm: this host is itself a VM; have "
		       "nested virtualisation switched on for it on the outer host (module "
		       "kvm_intel or kvm_amd with nested=1, and a CPU like -cpu host)";
	return "and the CPU shows neither vmx nor svm: switch virtualisation (VT-x, SVM, AMD-V) "
	       "on in the firmware setup, if the CPU has it";
}

static void explain_forbidden(char text[static HOST_TEXT], const struct host_door *d)
{
	unsigned int mode = d->mode & 0777;

	if (!(mode & 0060) || d->root_group)
		say(text, "user %s may not open it: it belongs to %s:%s, mode %03o, so only %s "
		    "may; have it belong to a group (chgrp kvm /dev/kvm; chmod 660 /dev/kvm: "
		    "udev's rules do so) and join that", d->user, d->owner, d->group, mode,
		    d->owner);
	else if (d->member)
		say(text, "user %s may not open it yet: it belongs to %s:%s, mode %03o, and this "
		    "login is older than the membership of group %s; log in again",
		    d->user, d->owner, d->group, mode, d->group);
	else
		say(text, "user %s may not open it: it belongs to %s:%s, mode %03o; join the group "
		    "(as root: usermod -aG %s %s) and log in again", d->user, d->owner,
		    d->group, mode, d->group, d->user);
}

void host_explain_door(char text[static HOST_TEXT], const struct host *h,
		       const struct host_door *d)
{
	switch (d->err) {
	case ENOENT:
		say(text, "not there, %s", remedy(h));
		break;
	case ENODEV:
	case ENXIO:
		say(text, "there is no KVM behind it, %s", remedy(h));
		break;
	case EACCES:
		explain_forbidden(text, d);
		break;
	case EPERM:
		say(text, "this container or service may not use it: it has to be allowed (docker "
		    "run --device /dev/kvm, or DeviceAllow=/dev/kvm rw in a unit of systemd)");
		break;
	case EBUSY:
		host_explain_machine(text, h, EBUSY);
		break;
	case ENOTTY:
		say(text, "it is not KVM's, but %s of that name; remove it, and let udev make it "
		    "anew (or mknod -m 660 /dev/kvm c 10 232)",
		    S_ISREG(d->mode) ? "a file" : S_ISCHR(d->mode) ? "another device" :
		    "something else");
		break;
	default:
		say(text, "%s", strerror(d->err));
		break;
	}
}

void host_explain_machine(char text[static HOST_TEXT], const struct host *h, int err)
{
	if (err == EBUSY)
		say(text, "another hypervisor uses the CPU's virtualisation (%s); end its VMs, or "
		    "unload its driver",
		    h->virtualbox ? "VirtualBox: module vboxdrv" :
		    h->vmware ? "VMware: module vmmon" : "VirtualBox or VMware, perhaps");
	else
		say(text, "%s", strerror(err));
}

/* CPUs. */

enum host_verdict host_judge_cpus(char text[static HOST_TEXT], unsigned int cpus,
				  int recommended, int max)
{
	if (max > 0 && cpus > (unsigned int)max) {
		say(text, "-smp %u: this host's KVM has at most %d CPU%s for a guest", cpus, max,
		    max == 1 ? "" : "s");
		return HOST_BAD;
	}
	if (recommended > 0 && cpus > (unsigned int)recommended) {
		say(text, "-smp %u: this host's KVM recommends at most %d CPU%s for a guest; more "
		    "make it slower", cpus, recommended, recommended == 1 ? "" : "s");
		return HOST_NOTE;
	}
	return HOST_FINE;
}

/* Memory. */

static void read_meminfo(struct host_memory *m, const char *root)
{
	FILE *f = open_below(root, "/proc/meminfo");
	uint64_t limit = 0, promised = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f)) {
		unsigned long long kb;
		char key[32];

		if (sscanf(line, "%31[^:]: %llu", key, &kb) != 2)
			continue;
		if (!strcmp(key, "MemTotal"))
			m->total = kb << 10;
		else if (!strcmp(key, "MemAvailable"))
			m->available = kb << 10;
		else if (!strcmp(key, "SwapFree"))
			m->swap = kb << 10;
		else if (!strcmp(key, "CommitLimit"))
			limit = kb << 10;
		else if (!strcmp(key, "Committed_AS"))
			promised = kb << 10;
	}
	if (f)
		fclose(f);
	if (read_number(root, "/proc/sys/vm/overcommit_memory", 0) == 2 && limit)
		m->commit = limit > promised ? limit - promised : 0;
}

/* Our cgroup of version 2, and those above it. */
static void read_cgroup(struct host_memory *m, const char *root)
{
	char line[HOST_CGROUP], path[PATH_MAX], *cgroup = NULL;
	FILE *f = open_below(root, "/proc/self/cgroup");

	while (f && !cgroup && fgets(line, sizeof(line), f))
		if (!strncmp(line, "0::/", 4))
			cgroup = line + 3;
	if (f)
		fclose(f);
	if (!cgroup)
		return;
	cgroup[strcspn(cgroup, "\n")] = 0;
	for (;;) {
		uint64_t max;
		char *slash;

		snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.max", cgroup);
		max = read_number(root, path, UINT64_MAX);
		if (max < m->cgroup_max) {
			m->cgroup_max = max;
			snprintf(m->cgroup, sizeof(m->cgroup), "%s", cgroup);
		}
		slash = strrchr(cgroup, '/');
		if (!slash || !cgroup[1])
			return;
		slash[slash == cgroup] = 0;
	}
}

/* What is left to a process of that size. */
static uint64_t read_address_space(uint64_t limit, const char *root)
{
	uint64_t pages = read_number(root, "/proc/self/statm", 0);
	uint64_t used = pages * (uint64_t)sysconf(_SC_PAGESIZE);

	return limit == UINT64_MAX ? limit : limit - MIN(used, limit);
}

static uint64_t read_limit(__rlimit_resource_t what)
{
	struct rlimit r;

	return getrlimit(what, &r) || r.rlim_cur == RLIM_INFINITY ? UINT64_MAX : r.rlim_cur;
}

void host_read_memory(struct host_memory *m, const char *root)
{
	*m = (struct host_memory){
		.total = UINT64_MAX, .available = UINT64_MAX, .commit = UINT64_MAX,
		.cgroup_max = UINT64_MAX,
		.address_space = read_address_space(read_limit(RLIMIT_AS), root),
		.file_size = read_limit(RLIMIT_FSIZE),
	};
	read_meminfo(m, root);
	read_cgroup(m, root);
}

enum host_verdict host_judge_memory(char text[static HOST_TEXT],
				    const struct host_memory *m, uint64_t ram,
				    bool all_now, bool hugetlb)
{
	enum host_verdict short_of = all_now ? HOST_BAD : HOST_NOTE;
	const char *late = all_now ? "" : "; a guest that uses all of its memory will suffer";

	if (ram > m->total) {
		say(text, "%llu MiB of guest RAM: this host has only %llu MiB", mib(ram),
		    mib(m->total));
		return HOST_BAD;
	}
	/* Huge pages have to be aligned, and there are threads to be made. */
	if (m->address_space != UINT64_MAX && ram + HOST_SPARE > m->address_space) {
		say(text, "%llu MiB of guest RAM: this process may have only %llu MiB more of "
		    "address space (RLIMIT_AS; raise it: ulimit -v unlimited)", mib(ram),
		    mib(m->address_space));
		return HOST_BAD;
	}
	if (ram > m->file_size) {
		say(text, "%llu MiB of guest RAM: a process may have only files of %llu MiB, and "
		    "guest RAM is one (RLIMIT_FSIZE; raise it: ulimit -f unlimited)", mib(ram),
		    mib(m->file_size));
		return HOST_BAD;
	}
	if (hugetlb)
		return HOST_FINE;
	if (ram > m->cgroup_max) {
		say(text, "%llu MiB of guest RAM: cgroup '%s' may have only %llu MiB (memory.max)%s",
		    mib(ram), m->cgroup, mib(m->cgroup_max), all_now ? "" :
		    "; a guest that uses more will be killed");
		return short_of;
	}
	if (ram > m->commit) {
		say(text, "%llu MiB of guest RAM: this host promises no more memory than it has "
		    "(vm.overcommit_memory=2), and has only %llu MiB left to promise%s",
		    mib(ram), mib(m->commit), late);
		return short_of;
	}
	if (ram > m->available && (!all_now || ram - m->available > m->swap)) {
		say(text, "%llu MiB of guest RAM: only %llu MiB of this host's memory are "
		    "available%s", mib(ram), mib(m->available), late);
		return short_of;
	}
	return HOST_FINE;
}

/* Huge pages. */

static uint64_t default_page(const char *root)
{
	FILE *f = open_below(root, "/proc/meminfo");
	unsigned long long kb = 0;
	char line[128];

	while (f && !kb && fgets(line, sizeof(line), f))
		sscanf(line, "Hugepagesize: %llu", &kb);
	if (f)
		fclose(f);
	return kb << 10;
}

static uint64_t read_pool(const char *root, uint64_t size, const char *file)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/%s",
		 size >> 10, file);
	return read_number(root, path, UINT64_MAX);
}

void host_read_pages(struct host_pages *p, uint64_t size, const char *root)
{
	uint64_t reserved;

	*p = (struct host_pages){ .size = size ? size : default_page(root) };
	p->total = read_pool(root, p->size, "nr_hugepages");
	p->free = read_pool(root, p->size, "free_hugepages");
	reserved = read_pool(root, p->size, "resv_hugepages");
	p->there = p->size && p->total != UINT64_MAX && p->free != UINT64_MAX;
	if (reserved != UINT64_MAX)
		p->free -= MIN(reserved, p->free);
}

enum host_verdict host_judge_pages(char text[static HOST_TEXT],
				   const struct host_pages *p, uint64_t ram)
{
	uint64_t wanted;

	if (!p->there) {
		say(text, "%llu MiB of guest RAM: the kernel has no huge pages of %" PRIu64 " KiB "
		    "(see /sys/kernel/mm/hugepages)", mib(ram), p->size >> 10);
		return HOST_BAD;
	}
	wanted = (ram + p->size - 1) / p->size;
	if (wanted <= p->free)
		return HOST_FINE;
	say(text, "%llu MiB of guest RAM: %" PRIu64 " huge pages of %" PRIu64 " KiB are needed, %"
	    PRIu64 " of %" PRIu64 " are free; as root: echo %" PRIu64 " > /sys/kernel/mm/"
	    "hugepages/hugepages-%" PRIu64 "kB/nr_hugepages", mib(ram), wanted, p->size >> 10,
	    p->free, p->total, p->total + wanted - p->free, p->size >> 10);
	return HOST_BAD;
}
