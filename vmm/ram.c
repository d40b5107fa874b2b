/* SPDX-License-Identifier: BSD-2-Clause */
/* ram.c - Guest RAM: one file, mapped shared */
#include "config.h"

#include "vmm/ram.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "vmm/host.h"
#include "vmm/layout.h"
#include "vmm/ram_file.h"
#include "vmm/vm.h"

enum {
	RAM_PAGE = 4096,
	RAM_MADV_COLLAPSE = 25,		/* Linux 6.1 */
};

/* What a handler can see; a process is one VM. */
static struct {
	const uint8_t *first;
	uint64_t size;
} watched;

/* An access of ours to a page that is not there. A guest's own is an error of KVM's, which
 * diagnose.c explains. */
static void ram_gone(int sig UNUSED, siginfo_t *info, void *context UNUSED)
{
	static const char words[] = "guest RAM: a page of it cannot be had: the host has no "
		"memory left to give, or a process that the guest's memory was handed to (a "
		"switch, one that serves a disk), or who can write to the file of -mem-path, "
		"has cut it short; the VM ends";
	static const char other[] = "SIGBUS, and not for guest RAM; the VM ends";
	const uint8_t *at = info->si_addr;

	if (at >= watched.first && at < watched.first + watched.size)
		log_last_words(words, sizeof(words) - 1);
	else
		log_last_words(other, sizeof(other) - 1);
	_exit(VM_EXIT_KVM);
}

static void ram_watch(const struct vm *vm)
{
	struct sigaction sa = { .sa_sigaction = ram_gone, .sa_flags = SA_SIGINFO };

	watched.first = vm->ram_host;
	watched.size = vm->ram_size;
	sigaction(SIGBUS, &sa, NULL);
}

/* Have all of the memory now, and in huge pages if the kernel makes them. */
static int ram_prealloc(const struct vm *vm)
{
	if (madvise(vm->ram_host, vm->ram_size, MADV_POPULATE_WRITE) < 0) {
		/* Linux before 5.14 does not know it. */
		if (errno != EINVAL)
			return -errno;
		for (uint64_t at = 0; at < vm->ram_size; at += RAM_PAGE)
			*(volatile uint8_t *)(vm->ram_host + at) = 0;
	}
	madvise(vm->ram_host, vm->ram_size, RAM_MADV_COLLAPSE);
	return 0;
}

/* Map the file at an address where its huge pages can be the guest's. */
static int ram_map(struct vm *vm, const struct ram_file *file)
{
	int flags = MAP_SHARED | MAP_FIXED | (file->reserve ? 0 : MAP_NORESERVE), ret = 0;
	uint64_t room = vm->ram_size + file->align;
	uintptr_t first;
	uint8_t *base;

	base = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		goto fail;
	first = ((uintptr_t)base + file->align - 1) & ~(uintptr_t)(file->align - 1);
	vm->ram_host = base + (first - (uintptr_t)base);
	if (mmap(vm->ram_host, vm->ram_size, PROT_READ | PROT_WRITE, flags, vm->ram, 0) ==
	    MAP_FAILED) {
		vm->ram_host = NULL;
		goto fail;
	}
	if (vm->ram_host > base)
		munmap(base, (size_t)(vm->ram_host - base));
	if (file->align > (size_t)(vm->ram_host - base))
		munmap(vm->ram_host + vm->ram_size,
		       file->align - (size_t)(vm->ram_host - base));
	ram_watch(vm);
	/* Neither core files have it nor the processes beside us. */
	madvise(vm->ram_host, vm->ram_size, MADV_DONTDUMP);
	madvise(vm->ram_host, vm->ram_size, MADV_DONTFORK);
	madvise(vm->ram_host, vm->ram_size, MADV_HUGEPAGE);
	if (vm->opt->ram_source.prealloc)
		ret = ram_prealloc(vm);
	if (!ret)
		return 0;
	errno = -ret;
fail:
	ret = -errno;
	log_err_errno(-ret, "%llu MiB of guest RAM", (unsigned long long)(vm->ram_size >> 20));
	return ret;
}

/* Say what there is to be said of it. */
static int ram_verdict(enum host_verdict verdict, const char *text)
{
	if (verdict == HOST_FINE)
		return 0;
	log_msg(verdict == HOST_BAD ? LOG_LEVEL_ERR : LOG_LEVEL_WARN, "%s", text);
	return verdict == HOST_BAD ? -ENOMEM : 0;
}

/* Whether the host has pages of @size bytes, and enough of them. */
static int ram_check_pages(uint64_t ram, uint64_t size)
{
	struct host_pages pages;
	char text[HOST_TEXT];

	host_read_pages(&pages, size, "");
	return ram_verdict(host_judge_pages(text, &pages, ram), text);
}

static int ram_check(const struct vm *vm)
{
	const struct ram_source *src = &vm->opt->ram_source;
	struct host_memory host;
	char text[HOST_TEXT];
	int ret;

	host_read_memory(&host, "");
	ret = ram_verdict(host_judge_memory(text, &host, vm->opt->ram, src->prealloc,
					    src->hugetlb || src->path), text);
	if (!ret && src->hugetlb)
		ret = ram_check_pages(vm->opt->ram, src->page);
	return ret;
}

int ram_create(struct vm *vm)
{
	uint64_t size = vm->opt->ram;
	struct ram_file file;
	int ret;

	ret = ram_check(vm);
	if (ret)
		return ret;
	vm->ram_size = size;
	vm->low = MIN(size, LAYOUT_LOW_RAM_MAX);
	ret = ram_file_open(&file, &vm->opt->ram_source, size);
	if (ret)
		return ret;
	vm->ram = file.fd;
	vm->ram_reserved = file.reserve;
	/* A path may lead to a file system of huge pages. */
	if (file.reserve && !vm->opt->ram_source.hugetlb)
		ret = ram_check_pages(size, file.align);
	if (!ret)
		ret = ram_map(vm, &file);
	if (ret)
		return ret;
	ret = guestmem_add(&vm->mem, 0, vm->low, vm->ram_host);
	if (!ret && size > vm->low)
		ret = guestmem_add(&vm->mem, LAYOUT_HIGH_RAM, size - vm->low,
				   vm->ram_host + vm->low);
	return ret;
}

int ram_power_on(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->mem.count; i++) {
		const struct guestmem_region *r = &vm->mem.region[i];
		struct kvm_userspace_memory_region slot = {
			.slot = i,
			.guest_phys_addr = r->addr,
			.memory_size = r->size,
			.userspace_addr = (uintptr_t)r->host,
		};

		if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &slot) < 0) {
			int ret = -errno;

			log_err_errno(-ret, "KVM: memory at 0x%llx",
				      (unsigned long long)r->addr);
			return ret;
		}
	}
	return 0;
}

void ram_clear(struct vm *vm)
{
	bool fresh = !vm->ram_used;

	vm->ram_used = true;
	if (fresh)
		return;
	/* Reserved pages would not be sure to come back. */
	if (vm->ram_reserved || madvise(vm->ram_host, vm->ram_size, MADV_REMOVE) < 0)
		memset(vm->ram_host, 0, vm->ram_size);
	/* If it was cut short, a guest may have restarted for that: see ram_gone(). */
	(void)*(volatile uint8_t *)(vm->ram_host + vm->ram_size - 1);
}

void ram_discard_host(struct vm *vm, const uint8_t *host, uint64_t size)
{
	uint64_t first = (uint64_t)(host - vm->ram_host), end;

	if (host < vm->ram_host || first > vm->ram_size || size > vm->ram_size - first ||
	    vm->ram_reserved)
		return;
	end = (first + size) & ~(uint64_t)(RAM_PAGE - 1);
	first = (first + RAM_PAGE - 1) & ~(uint64_t)(RAM_PAGE - 1);
	if (first < end)
		madvise(vm->ram_host + first, end - first, MADV_REMOVE);
}

void ram_discard(struct vm *vm, uint64_t addr, uint64_t size)
{
	/* It may begin in RAM and end outside, or the other way round. */
	for (unsigned int i = 0; i < vm->mem.count; i++) {
		const struct guestmem_region *r = &vm->mem.region[i];
		uint64_t first = MAX(addr, r->addr), end = MIN(addr + size, r->addr + r->size);

		if (first < end)
			ram_discard_host(vm, r->host + (first - r->addr), end - first);
	}
}

void ram_destroy(struct vm *vm)
{
	if (vm->ram_host)
		munmap(vm->ram_host, vm->ram_size);
	vm->ram_host = NULL;
	fd_close(&vm->ram);
}
