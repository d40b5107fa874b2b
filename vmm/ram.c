/* SPDX-License-Identifier: BSD-2-Clause */
/* ram.c - Guest RAM: one sealed memfd, mapped shared */
#include "config.h"

#include "vmm/ram.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "vmm/layout.h"
#include "vmm/vm.h"

int ram_create(struct vm *vm)
{
	uint64_t size = vm->opt->ram;
	struct sysinfo host;
	int ret;

	if (!sysinfo(&host) && size > (uint64_t)host.totalram * host.mem_unit) {
		log_err("%llu MiB of guest RAM: this host has only %llu MiB",
			(unsigned long long)(size >> 20), (unsigned long long)
			((uint64_t)host.totalram * host.mem_unit >> 20));
		return -ENOMEM;
	}
	vm->ram_size = size;
	vm->low = MIN(size, LAYOUT_LOW_RAM_MAX);
	vm->ram = memfd_create("guest-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (vm->ram < 0 || ftruncate(vm->ram, (off_t)size) < 0 ||
	    fcntl(vm->ram, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		goto fail;
	vm->ram_host = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_NORESERVE, vm->ram, 0);
	if (vm->ram_host == MAP_FAILED) {
		vm->ram_host = NULL;
		goto fail;
	}
	madvise(vm->ram_host, size, MADV_DONTDUMP);
	madvise(vm->ram_host, size, MADV_HUGEPAGE);
	ret = guestmem_add(&vm->mem, 0, vm->low, vm->ram_host);
	if (!ret && size > vm->low)
		ret = guestmem_add(&vm->mem, LAYOUT_HIGH_RAM, size - vm->low,
				   vm->ram_host + vm->low);
	return ret;
fail:
	ret = -errno;
	log_err_errno(-ret, "%llu MiB of guest RAM",
		      (unsigned long long)(size >> 20));
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
	if (fallocate(vm->ram, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
		      (off_t)vm->ram_size) < 0)
		memset(vm->ram_host, 0, vm->ram_size);
}

void ram_destroy(struct vm *vm)
{
	if (vm->ram_host)
		munmap(vm->ram_host, vm->ram_size);
	vm->ram_host = NULL;
	fd_close(&vm->ram);
}
