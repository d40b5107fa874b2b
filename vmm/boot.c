/* SPDX-License-Identifier: BSD-2-Clause */
/* boot.c - Booting a kernel without firmware: bzImage or PVH; the essay is in boot.h */
#include "config.h"

#include "vmm/boot.h"

#include <asm/bootparam.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "vmm/acpi.h"
#include "vmm/elf.h"
#include "vmm/layout.h"
#include "vmm/vm.h"

enum {
	SETUP_HEADER = 0x1f1,		/* of struct setup_header in the file */
	SETUP_SECTOR = 512,
	SETUP_SECTS_OLD = 4,		/* what 0 means */
	SETUP_MAGIC = 0x53726448,	/* "HdrS" */
	PROTOCOL_MIN = 0x20c,		/* the first with xloadflags */
	ENTRY_64 = 0x200,
	LOADER_UNKNOWN = 0xff,
	BOOT_CS = 0x10,
	BOOT_DS = 0x18,
	BOOT_TSS = 0x20,
	PVH_MAGIC = 0x336ec578,
	PVH_VERSION = 1,
	PVH_RANGES = 5,
	PAGE = 4096,

	E820_RAM = 1,
	E820_RESERVED = 2,
	E820_ACPI = 3,
};

/* Page table and control register bits. */
enum {
	PTE_PRESENT = 1, PTE_WRITE = 2, PTE_HUGE = 0x80,
	CR0_PE = 1, CR0_ET = 1 << 4, CR0_NE = 1 << 5,
	CR4_PAE = 1 << 5,
	EFER_LME = 1 << 8, EFER_LMA = 1 << 10,
};
#define CR0_PG	(1U << 31)

/** struct pvh_module - An initrd, as PVH has it */
struct pvh_module {
	uint64_t addr;
	uint64_t size;
	uint64_t cmdline;
	uint64_t reserved;
};

/** struct pvh_range - A range of the memory map, with the types of e820 */
struct pvh_range {
	uint64_t addr;
	uint64_t size;
	uint32_t type;
	uint32_t reserved;
};

/** struct pvh_info - struct hvm_start_info, and what it points to */
struct pvh_info {
	uint32_t magic;
	uint32_t version;
	uint32_t flags;
	uint32_t modules;
	uint64_t module_list;
	uint64_t cmdline;
	uint64_t rsdp;
	uint64_t memory_map;
	uint32_t ranges;
	uint32_t reserved;
	struct pvh_module module;
	struct pvh_range range[PVH_RANGES];
};

static_assert(offsetof(struct pvh_info, module) == 56, "hvm_start_info, version 1");

/**
 * struct boot_image - Files to boot from
 * @kernel_fd:	bzImage or ELF file
 * @initrd_fd:	initrd, or -1
 * @kernel:	What the bzImage's header says
 * @header:	The header itself
 * @pvh:	It is an ELF file, and @elf says of what
 * @initrd_size: Bytes
 * @cmdline:	Command line; borrowed
 * @entry:	Address of the kernel's first instruction
 */
struct boot_image {
	int kernel_fd;
	int initrd_fd;
	struct boot_kernel kernel;
	struct setup_header header;
	bool pvh;
	struct elf_kernel elf;
	uint64_t initrd_size;
	const char *cmdline;
	uint64_t entry;
};

const char *boot_parse_kernel(const uint8_t *head, size_t size,
			      uint64_t file_size, struct boot_kernel *k)
{
	struct setup_header h;
	uint64_t sects;

	if (size < SETUP_HEADER + sizeof(h))
		return "the file is too short to be a Linux kernel";
	memcpy(&h, head + SETUP_HEADER, sizeof(h));
	if (h.boot_flag != 0xaa55 || h.header != SETUP_MAGIC)
		return "not a Linux kernel in bzImage format";
	if (h.version < PROTOCOL_MIN || !(h.xloadflags & XLF_KERNEL_64))
		return "the kernel has no 64-bit entry (too old, or 32-bit)";
	if (!(h.loadflags & LOADED_HIGH))
		return "the kernel is a zImage, not a bzImage";
	sects = h.setup_sects ? h.setup_sects : SETUP_SECTS_OLD;
	k->setup = (sects + 1) * SETUP_SECTOR;
	if (k->setup >= file_size || file_size - k->setup <= ENTRY_64)
		return "the file ends within the kernel's setup code";
	k->size = file_size - k->setup;
	if ((uint64_t)h.syssize * 16 > (k->size + 15) / 16 * 16)
		return "the file is shorter than the kernel's header says";
	k->pref = h.pref_address;
	k->init = h.init_size > k->size ? h.init_size : k->size;
	k->initrd_max = h.initrd_addr_max;
	k->cmdline_max = h.cmdline_size;
	if (k->pref < LAYOUT_HIGH_MEM || k->pref % PAGE ||
	    k->pref >= LAYOUT_LOW_RAM_MAX || k->init > LAYOUT_LOW_RAM_MAX)
		return "the kernel wants to be at an address where there is no RAM";
	return NULL;
}

/* RAM that a kernel may use below 4 GiB ends here. */
static uint64_t boot_ram_end(const struct vm *vm)
{
	return vm->low - LAYOUT_ACPI_SIZE;
}

static int boot_open_file(const char *what, const char *path, uint64_t *size)
{
	struct stat st;
	int fd, ret;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		ret = -errno;
		log_err_errno(-ret, "%s '%s'", what, path);
		return ret;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0) {
		log_err("%s '%s': not a file, or empty", what, path);
		close(fd);
		return -EINVAL;
	}
	*size = (uint64_t)st.st_size;
	return fd;
}

/* An ELF file: fill @img->kernel with what bzImages have to say. Return: NULL, or what is
 * wrong. */
static const char *boot_parse_elf(struct boot_image *img, const uint8_t *head, size_t size,
				  uint64_t file_size)
{
	struct elf_kernel *elf = &img->elf;
	const char *why = elf_parse(head, size, file_size, elf);
	uint8_t *notes = NULL;
	uint32_t entry;
	ssize_t n = -1;

	if (why)
		return why;
	notes = malloc(elf->notes_size + 1);
	if (notes)
		n = pread(img->kernel_fd, notes, elf->notes_size, (off_t)elf->notes);
	if (n < 0 || !elf_pvh_entry(notes, (size_t)n, &entry))
		why = "an ELF file without a PVH entry; Linux is booted from its bzImage";
	free(notes);
	if (why)
		return why;
	img->pvh = true;
	img->entry = entry;
	img->kernel = (struct boot_kernel){
		.pref = elf->first,
		.init = elf->end - elf->first,
		.initrd_max = UINT32_MAX,
		.cmdline_max = LAYOUT_CMDLINE_MAX - 1,
	};
	return NULL;
}

static int boot_check_kernel(struct boot_image *img, const struct vm *vm,
			     uint64_t file_size)
{
	const char *path = vm->opt->kernel, *why;
	uint8_t head[ELF_HEAD];
	ssize_t n;

	static_assert(sizeof(head) >= SETUP_HEADER + sizeof(struct setup_header),
		      "holds the header of a bzImage, too");

	n = pread(img->kernel_fd, head, sizeof(head), 0);
	if (n < 0) {
		log_err_errno(errno, "kernel '%s'", path);
		return -EIO;
	}
	if (elf_is(head, (size_t)n))
		why = boot_parse_elf(img, head, (size_t)n, file_size);
	else
		why = boot_parse_kernel(head, (size_t)n, file_size, &img->kernel);
	if (why) {
		log_err("kernel '%s': %s", path, why);
		return -ENOEXEC;
	}
	if (!img->pvh)
		memcpy(&img->header, head + SETUP_HEADER, sizeof(img->header));
	if (img->kernel.pref + img->kernel.init > boot_ram_end(vm)) {
		log_err("kernel '%s': needs %llu MiB of RAM at least; give the VM more "
			"with -m", path, (unsigned long long)
			((img->kernel.pref + img->kernel.init) >> 20) + 1);
		return -ENOMEM;
	}
	if (strlen(img->cmdline) > MIN(img->kernel.cmdline_max,
				       (uint64_t)LAYOUT_CMDLINE_MAX - 1)) {
		log_err("kernel '%s': takes a command line of %llu bytes at most, "
			"-append has %zu", path,
			(unsigned long long)img->kernel.cmdline_max,
			strlen(img->cmdline));
		return -E2BIG;
	}
	return 0;
}

/* Where the initrd goes: as high as it may, behind the kernel. 0: nowhere. */
static uint64_t boot_initrd_addr(const struct boot_image *img, const struct vm *vm)
{
	uint64_t end = MIN(boot_ram_end(vm), img->kernel.initrd_max + 1);
	uint64_t first = img->kernel.pref + img->kernel.init, addr;

	if (img->initrd_size > end)
		return 0;
	addr = (end - img->initrd_size) & ~(uint64_t)(PAGE - 1);
	return addr >= first ? addr : 0;
}

int boot_open(struct vm *vm, struct boot_image **out)
{
	struct boot_image *img = calloc(1, sizeof(*img));
	uint64_t size;
	int ret;

	if (!img)
		return -ENOMEM;
	img->initrd_fd = -1;
	img->cmdline = vm->opt->append;
	ret = img->kernel_fd = boot_open_file("kernel", vm->opt->kernel, &size);
	if (ret >= 0)
		ret = boot_check_kernel(img, vm, size);
	if (ret >= 0 && vm->opt->initrd) {
		ret = img->initrd_fd = boot_open_file("initrd", vm->opt->initrd,
						      &img->initrd_size);
		if (ret >= 0 && !boot_initrd_addr(img, vm)) {
			log_err("initrd '%s': its %llu MiB do not fit into RAM beside the "
				"kernel; give the VM more with -m", vm->opt->initrd,
				(unsigned long long)(img->initrd_size >> 20) + 1);
			ret = -ENOMEM;
		}
	}
	if (ret < 0) {
		boot_close(img);
		return ret;
	}
	*out = img;
	return 0;
}

void boot_close(struct boot_image *img)
{
	if (!img)
		return;
	fd_close(&img->kernel_fd);
	fd_close(&img->initrd_fd);
	free(img);
}

/* Read @size bytes of a file to a guest address. */
static int boot_read(const struct vm *vm, const char *path, int fd, uint64_t off,
		     uint64_t addr, uint64_t size)
{
	uint8_t *p = guestmem_ptr(&vm->mem, addr, size);
	ssize_t n;

	if (!p) {
		log_err("'%s': does not fit into RAM", path);
		return -ENOMEM;
	}
	for (; size; off += (uint64_t)n, p += n, size -= (uint64_t)n) {
		n = pread(fd, p, MIN(size, (uint64_t)1 << 30), (off_t)off);
		if (n > 0)
			continue;
		if (n < 0)
			log_err_errno(errno, "'%s'", path);
		else
			log_err("'%s': the file became shorter", path);
		return -EIO;
	}
	return 0;
}

static void boot_e820(struct boot_params *zp, uint64_t start, uint64_t end,
		      uint32_t type)
{
	zp->e820_table[zp->e820_entries++] = (struct boot_e820_entry){
		.addr = start, .size = end - start, .type = type,
	};
}

/* Identity map of the first 4 GiB in 2 MiB pages: one page of each upper level,
 * four of the third. */
static void boot_page_tables(const struct vm *vm)
{
	uint64_t *table = guestmem_ptr(&vm->mem, LAYOUT_PAGE_TABLES, 6 * PAGE);
	uint64_t *pml4 = table, *pdpt = table + 512, *pd = table + 1024;

	pml4[0] = (LAYOUT_PAGE_TABLES + PAGE) | PTE_PRESENT | PTE_WRITE;
	for (uint64_t i = 0; i < 4; i++)
		pdpt[i] = (LAYOUT_PAGE_TABLES + (2 + i) * PAGE) | PTE_PRESENT |
			  PTE_WRITE;
	for (uint64_t i = 0; i < 4 * 512; i++)
		pd[i] = i << 21 | PTE_PRESENT | PTE_WRITE | PTE_HUGE;
}

static void boot_gdt(const struct vm *vm)
{
	static const uint64_t gdt[] = {
		0, 0,
		0x00af9b000000ffff,	/* BOOT_CS: 64-bit code */
		0x00cf93000000ffff,	/* BOOT_DS: data */
		0x008f8b000000ffff,	/* BOOT_TSS */
	};

	memcpy(guestmem_ptr(&vm->mem, LAYOUT_GDT, sizeof(gdt)), gdt, sizeof(gdt));
}

/* On hardware-reduced ACPI Linux restarts by EFI and, where there is none, by the
 * BIOS: it goes back to real mode and jumps to f000:fff0, never minding ACPI's
 * reset register. So there is this much of a BIOS: write 6 to port 0xcf9. */
static void boot_reset_vector(const struct vm *vm)
{
	static const uint8_t code[] = {
		0xba, 0xf9, 0x0c,	/* mov $0xcf9, %dx */
		0xb0, 0x06,		/* mov $6, %al */
		0xee,			/* out %al, %dx */
		0xf4,			/* hlt */
		0xeb, 0xfd,		/* jmp to the hlt */
	};

	memcpy(guestmem_ptr(&vm->mem, LAYOUT_RESET_VECTOR, sizeof(code)), code,
	       sizeof(code));
}

static void boot_zero_page(const struct vm *vm, uint64_t initrd, uint64_t rsdp)
{
	struct boot_params *zp = guestmem_ptr(&vm->mem, LAYOUT_ZERO_PAGE, sizeof(*zp));
	const struct boot_image *img = vm->boot;
	uint64_t end = boot_ram_end(vm);

	memset(zp, 0, sizeof(*zp));
	/* The header is as long as the byte at 0x201 of the file says. */
	memcpy(&zp->hdr, &img->header,
	       MIN(sizeof(zp->hdr), (size_t)(0x202 - SETUP_HEADER) +
		   (img->header.jump >> 8)));
	zp->hdr.type_of_loader = LOADER_UNKNOWN;
	zp->hdr.cmd_line_ptr = LAYOUT_CMDLINE;
	zp->hdr.code32_start = (uint32_t)img->kernel.pref;
	zp->hdr.ramdisk_image = (uint32_t)initrd;
	zp->hdr.ramdisk_size = (uint32_t)img->initrd_size;
	zp->acpi_rsdp_addr = rsdp;
	boot_e820(zp, 0, LAYOUT_EBDA, E820_RAM);
	boot_e820(zp, LAYOUT_EBDA, LAYOUT_HIGH_MEM, E820_RESERVED);
	boot_e820(zp, LAYOUT_HIGH_MEM, end, E820_RAM);
	boot_e820(zp, end, vm->low, E820_ACPI);
	if (vm->ram_size > vm->low)
		boot_e820(zp, LAYOUT_HIGH_RAM,
			  LAYOUT_HIGH_RAM + vm->ram_size - vm->low, E820_RAM);
}

/* The same for PVH. */
static void boot_pvh_info(const struct vm *vm, uint64_t initrd, uint64_t rsdp)
{
	struct pvh_info *info = guestmem_ptr(&vm->mem, LAYOUT_ZERO_PAGE, sizeof(*info));
	uint64_t end = boot_ram_end(vm);

	*info = (struct pvh_info){
		.magic = PVH_MAGIC,
		.version = PVH_VERSION,
		.modules = initrd != 0,
		.module_list = LAYOUT_ZERO_PAGE + offsetof(struct pvh_info, module),
		.cmdline = LAYOUT_CMDLINE,
		.rsdp = rsdp,
		.memory_map = LAYOUT_ZERO_PAGE + offsetof(struct pvh_info, range),
		.ranges = vm->ram_size > vm->low ? 5 : 4,
		.module = { .addr = initrd, .size = vm->boot->initrd_size },
		.range = {
			{ .size = LAYOUT_EBDA, .type = E820_RAM },
			{ LAYOUT_EBDA, LAYOUT_HIGH_MEM - LAYOUT_EBDA, E820_RESERVED, 0 },
			{ LAYOUT_HIGH_MEM, end - LAYOUT_HIGH_MEM, E820_RAM, 0 },
			{ end, vm->low - end, E820_ACPI, 0 },
			{ LAYOUT_HIGH_RAM, vm->ram_size - vm->low, E820_RAM, 0 },
		},
	};
}

/* Put the kernel where it wants to be. Memory is zero before. */
static int boot_load_kernel(const struct vm *vm)
{
	struct boot_image *img = vm->boot;
	const struct boot_kernel *k = &img->kernel;
	int ret = 0;

	if (!img->pvh) {
		img->entry = k->pref + ENTRY_64;
		return boot_read(vm, vm->opt->kernel, img->kernel_fd, k->setup, k->pref,
				 k->size);
	}
	for (unsigned int i = 0; !ret && i < img->elf.segments; i++) {
		const struct elf_segment *s = &img->elf.segment[i];

		if (s->size)
			ret = boot_read(vm, vm->opt->kernel, img->kernel_fd, s->off,
					s->addr, s->size);
	}
	return ret;
}

int boot_load(struct vm *vm)
{
	struct boot_image *img = vm->boot;
	size_t len = strlen(img->cmdline);
	uint64_t initrd = 0, rsdp;
	int ret;

	ret = boot_load_kernel(vm);
	if (!ret && img->initrd_fd >= 0) {
		initrd = boot_initrd_addr(img, vm);
		ret = boot_read(vm, vm->opt->initrd, img->initrd_fd, 0, initrd,
				img->initrd_size);
	}
	if (ret)
		return ret;
	rsdp = acpi_build(vm);
	/* Kernels older than boot protocol 2.14 look for it here. */
	memcpy(guestmem_ptr(&vm->mem, LAYOUT_RSDP_COPY, ACPI_RSDP_SIZE),
	       guestmem_ptr(&vm->mem, rsdp, ACPI_RSDP_SIZE), ACPI_RSDP_SIZE);
	boot_page_tables(vm);
	boot_gdt(vm);
	boot_reset_vector(vm);
	if (img->pvh)
		boot_pvh_info(vm, initrd, rsdp);
	else
		boot_zero_page(vm, initrd, rsdp);
	memcpy(guestmem_ptr(&vm->mem, LAYOUT_CMDLINE, len + 1), img->cmdline, len + 1);
	return 0;
}

static struct kvm_segment boot_segment(uint16_t selector, uint8_t type, bool system)
{
	return (struct kvm_segment){
		.selector = selector,
		.limit = 0xffffffff,
		.type = type,
		.present = 1,
		.s = !system,
		.g = 1,
		.l = selector == BOOT_CS,
		.db = selector == BOOT_DS,
	};
}

int boot_set_regs(const struct vm *vm, int vcpu)
{
	struct kvm_regs regs = {
		.rip = vm->boot->entry,
		.rsi = LAYOUT_ZERO_PAGE,	/* Linux finds it here */
		.rbx = LAYOUT_ZERO_PAGE,	/* PVH here */
		.rsp = LAYOUT_STACK,
		.rbp = LAYOUT_STACK,
		.rflags = 2,
	};
	struct kvm_sregs sregs;

	if (ioctl(vcpu, KVM_GET_SREGS, &sregs) < 0)
		return -errno;
	sregs.cs = boot_segment(BOOT_CS, 11, false);
	sregs.ds = boot_segment(BOOT_DS, 3, false);
	sregs.es = sregs.fs = sregs.gs = sregs.ss = sregs.ds;
	sregs.tr = boot_segment(BOOT_TSS, 11, true);
	sregs.gdt.base = LAYOUT_GDT;
	sregs.gdt.limit = 5 * 8 - 1;
	sregs.idt.limit = 0;
	sregs.cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_PG;
	sregs.cr3 = LAYOUT_PAGE_TABLES;
	sregs.cr4 = CR4_PAE;
	sregs.efer = EFER_LME | EFER_LMA;
	/* PVH begins in 32-bit mode without paging. */
	if (vm->boot->pvh) {
		sregs.cs.l = 0;
		sregs.cs.db = 1;
		sregs.cr0 = CR0_PE | CR0_ET;
		sregs.cr3 = sregs.cr4 = sregs.efer = 0;
	}
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs) < 0 ||
	    ioctl(vcpu, KVM_SET_REGS, &regs) < 0)
		return -errno;
	return 0;
}
