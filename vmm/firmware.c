/* SPDX-License-Identifier: BSD-2-Clause */
/* firmware.c - Booting a disk by its own boot loader, under SeaBIOS; the essay is in
 * firmware.h */
#include "config.h"

#include "vmm/firmware.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/bytes.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "vmm/acpi.h"
#include "vmm/fwcfg.h"
#include "vmm/layout.h"
#include "vmm/vm.h"

enum {
	ROM_MIN = 64 << 10,
	ROM_MAX = 256 << 10,		/* what fits below 1 MiB */
	ROM_SLOT = GUESTMEM_REGIONS,	/* the memory slot behind those of RAM */
	SERCON_PORT = PORT_COM1,

	E820_RAM = 1,
	E820_ACPI = 3,

	LOADER_ALLOCATE = 1,
	LOADER_ZONE_FSEG = 2,
};

/** struct firmware - The image
 * @rom:	Its bytes, mapped
 * @size:	How many
 * @path:	Where it was found
 */
struct firmware {
	uint8_t *rom;
	size_t size;
	const char *path;
};

/** struct firmware_e820 - A range of the memory map, as fw_cfg has it */
struct firmware_e820 {
	struct le64 addr;
	struct le64 size;
	struct le32 type;
} PACKED;

/** struct firmware_loader - An entry of etc/table-loader: where to put a file */
struct firmware_loader {
	struct le32 command;
	char file[56];
	struct le32 align;
	uint8_t zone;
	uint8_t pad[63];
} PACKED;

static_assert(sizeof(struct firmware_e820) == 20, "fw_cfg: etc/e820");
static_assert(sizeof(struct firmware_loader) == 128, "fw_cfg: etc/table-loader");

static int firmware_read(struct firmware *fw, const char *path, int fd)
{
	struct stat st;
	int ret = 0;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < ROM_MIN || st.st_size > ROM_MAX ||
	    st.st_size % ROM_MIN) {
		log_err("firmware '%s': an image has 64, 128, 192 or 256 KiB", path);
		return -EINVAL;
	}
	fw->size = (size_t)st.st_size;
	fw->rom = mmap(NULL, fw->size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fw->rom == MAP_FAILED) {
		fw->rom = NULL;
		ret = -errno;
	} else if (pread(fd, fw->rom, fw->size, 0) != (ssize_t)fw->size) {
		ret = -EIO;
	}
	if (ret)
		log_err_errno(-ret, "firmware '%s'", path);
	return ret;
}

int firmware_open(struct vm *vm, struct firmware **out)
{
	static const char *const places[] = {
		"/usr/share/seabios/" FIRMWARE_DEFAULT,
		"/usr/share/qemu/" FIRMWARE_DEFAULT,
		"/usr/share/seabios/bios256k.bin",
	};
	struct firmware *fw = calloc(1, sizeof(*fw));
	int fd = -1, ret;

	if (!fw)
		return -ENOMEM;
	fw->path = vm->opt->bios;
	if (fw->path)
		fd = open(fw->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	for (size_t i = 0; !vm->opt->bios && fd < 0 && i < ARRAY_SIZE(places); i++) {
		fw->path = places[i];
		fd = open(fw->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	}
	ret = fd < 0 ? -errno : 0;
	if (ret && vm->opt->bios)
		log_err_errno(-ret, "firmware '%s'", fw->path);
	else if (ret)
		log_err("no firmware: '%s' is nowhere; install the package seabios, or "
			"name another with -bios", FIRMWARE_DEFAULT);
	else
		ret = firmware_read(fw, fw->path, fd);
	fd_close(&fd);
	if (ret) {
		firmware_close(fw);
		return ret;
	}
	*out = fw;
	return 0;
}

void firmware_close(struct firmware *fw)
{
	if (!fw)
		return;
	if (fw->rom)
		munmap(fw->rom, fw->size);
	free(fw);
}

/* The memory map; SeaBIOS adds what is below 1 MiB, and the ROM. */
static int firmware_e820(struct vm *vm)
{
	const uint64_t end = vm->low - LAYOUT_ACPI_SIZE;
	const struct firmware_e820 map[] = {
		{ le64(0), le64(end), le32(E820_RAM) },
		{ le64(end), le64(LAYOUT_ACPI_SIZE), le32(E820_ACPI) },
		{ le64(LAYOUT_HIGH_RAM), le64(vm->ram_size - vm->low), le32(E820_RAM) },
	};
	size_t n = vm->ram_size > vm->low ? 3 : 2;

	return fwcfg_add_file(vm->fwcfg, "etc/e820", map, n * sizeof(map[0]));
}

/* The tables are where they belong; SeaBIOS is given the RSDP to place. */
static int firmware_tables(struct vm *vm)
{
	struct firmware_loader loader = {
		.command = le32(LOADER_ALLOCATE),
		.file = "etc/acpi/rsdp",
		.align = le32(16),
		.zone = LOADER_ZONE_FSEG,
	};
	uint64_t rsdp = acpi_build(vm);
	int ret;

	ret = fwcfg_add_file(vm->fwcfg, loader.file,
			     guestmem_ptr(&vm->mem, rsdp, ACPI_RSDP_SIZE), ACPI_RSDP_SIZE);
	return ret ? ret : fwcfg_add_file(vm->fwcfg, "etc/table-loader", &loader,
					  sizeof(loader));
}

/* Which disks to try, in order, and nothing else. */
static int firmware_bootorder(struct vm *vm)
{
	char text[1024] = "";
	size_t n = 0;

	for (unsigned int i = 0; i < vm->boot_disks; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "/pci@i0cf8/*@%x\n",
				      vm->boot_disk[i]);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "HALT");
	return fwcfg_add_file(vm->fwcfg, "bootorder", text, n + 1);
}

int firmware_load(struct vm *vm)
{
	const struct {
		const char *name;
		uint32_t value;
	} numbers[] = {
		{ "etc/show-boot-menu", vm->opt->boot_menu },
		{ "etc/sercon-port", SERCON_PORT },
		{ "etc/boot-fail-wait", 0xffffffff },	/* do not start again */
	};
	const struct firmware *fw = vm->firmware;
	struct fwcfg *cfg = vm->fwcfg;
	int ret = 0;

	/* The image ends at 1 MiB. */
	memcpy(guestmem_ptr(&vm->mem, LAYOUT_HIGH_MEM - fw->size, fw->size), fw->rom,
	       fw->size);
	fwcfg_reset(cfg);
	fwcfg_set_u16(cfg, FWCFG_NB_CPUS, (uint16_t)vm->opt->cpus);
	fwcfg_set_u16(cfg, FWCFG_MAX_CPUS, (uint16_t)vm->opt->cpus);
	fwcfg_set_u16(cfg, FWCFG_NOGRAPHIC, 1);
	for (size_t i = 0; !ret && i < ARRAY_SIZE(numbers); i++) {
		const struct le32 v = le32(numbers[i].value);

		ret = fwcfg_add_file(cfg, numbers[i].name, &v, sizeof(v));
	}
	if (!ret)
		ret = firmware_e820(vm);
	if (!ret)
		ret = firmware_tables(vm);
	if (!ret)
		ret = firmware_bootorder(vm);
	if (ret)
		log_err_errno(-ret, "firmware '%s'", fw->path);
	return ret;
}

const uint8_t *firmware_at(const struct firmware *fw, uint64_t addr)
{
	uint64_t first = fw ? LAYOUT_HIGH_RAM - fw->size : LAYOUT_HIGH_RAM;

	return addr >= first && addr < LAYOUT_HIGH_RAM ? fw->rom + (addr - first) : NULL;
}

int firmware_power_on(const struct vm *vm)
{
	const struct firmware *fw = vm->firmware;
	struct kvm_userspace_memory_region slot = {
		.slot = ROM_SLOT,
		.flags = KVM_MEM_READONLY,
		.guest_phys_addr = LAYOUT_HIGH_RAM - fw->size,
		.memory_size = fw->size,
		.userspace_addr = (uintptr_t)fw->rom,
	};
	int ret = 0;

	if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &slot) < 0) {
		ret = -errno;
		log_err_errno(-ret, "KVM: the firmware's ROM");
	}
	return ret;
}
