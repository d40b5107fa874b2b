/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz-boot.c - Kernels that are none, and initrds of any size
 *
 * The input says how much RAM there is, how large the initrd is and how long the command
 * line; then a file: from its first byte on, or as changes to one that is in order, a
 * bzImage or an ELF file with a PVH entry. It is opened, checked and loaded into a machine
 * without processors (tests/harness/board.h).
 *
 * What must be true:
 *
 * - What is refused is refused with one error that names the file.
 * - What is loaded lies where the file says, byte by byte, above 1 MiB and below the ACPI
 *   tables; so does the initrd, behind all that the kernel needs, and below what it can
 *   reach.
 * - The memory map that the kernel is shown is in order: ranges do not overlap, what is RAM
 *   is there, and kernel and initrd are in it.
 * - The command line is there, with its end.
 */
#include "config.h"

#include "tests/fuzz/fuzz.h"

#include <asm/bootparam.h>
#include <stddef.h>
#include <unistd.h>

#include "tests/harness/rig.h"
#include "vmm/boot.h"

/* Its EV_NONE would get in the way of libev's. */
#include <elf.h>

enum {
	HEAD = 4096, INITRD_UNIT = 4096, CMDLINE_MAX = 1 << 17,
	RAM_UNIT = 16 << 20, RANGES_MAX = 8,
	SETUP_HEADER = 0x1f1, PVH_MAGIC = 0x336ec578,
};

/* Where in struct hvm_start_info of PVH, version 1, things are. */
enum {
	PVH_MODULES = 12, PVH_MODULE_LIST = 16, PVH_CMDLINE = 24, PVH_MAP = 40,
	PVH_RANGES = 48,
};

/** struct run - An input
 * @head:	Beginning of the file; zeros follow
 * @size:	Bytes of the file
 */
struct run {
	struct fuzz_in in;
	struct options opt;
	struct vm *vm;
	uint8_t head[HEAD];
	size_t size;
	size_t initrd_size;
	int kernel, initrd;
	char kernel_path[32], initrd_path[32];
};

/* Files that are in order. */

static void good_bzimage(struct run *run)
{
	static const struct { uint16_t off; uint8_t size; uint64_t value; } field[] = {
		{ 0x1f1, 1, 1 }, { 0x1f4, 4, 0x80 }, { 0x1fe, 2, 0xaa55 }, { 0x200, 2, 0x6ceb },
		{ 0x202, 4, 0x53726448 }, { 0x206, 2, 0x20f }, { 0x211, 1, 1 },
		{ 0x22c, 4, 0x7fffffff }, { 0x236, 2, 0x7f }, { 0x238, 4, 2047 },
		{ 0x258, 8, 0x200000 }, { 0x260, 4, 0x300000 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(field); i++)
		memcpy(run->head + field[i].off, &field[i].value, field[i].size);
	memset(run->head + 0x400, 0x90, 0x800);
	run->size = 0xc00;
}

static void good_elf(struct run *run)
{
	static const Elf64_Ehdr eh = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB },
		.e_machine = EM_X86_64, .e_phoff = 64, .e_phnum = 3,
		.e_phentsize = sizeof(Elf64_Phdr),
	};
	static const Elf64_Phdr ph[3] = {
		{ .p_type = PT_LOAD, .p_offset = 0x200, .p_paddr = 0x200000,
		  .p_filesz = 0x200, .p_memsz = 0x200 },
		{ .p_type = PT_NOTE, .p_offset = 0x180, .p_filesz = 0x14 },
		{ .p_type = PT_LOAD, .p_offset = 0x400, .p_paddr = 0x210000,
		  .p_filesz = 0x300, .p_memsz = 0x9000 },
	};
	static const uint32_t note[] = { 4, 4, 18, 0x006e6558, 0x200000 };

	memcpy(run->head, &eh, sizeof(eh));
	memcpy(run->head + 64, ph, sizeof(ph));
	memcpy(run->head + 0x180, note, sizeof(note));
	memset(run->head + 0x200, 0x90, 0x500);
	run->size = 0x700;
}

static void make_file(struct run *run)
{
	uint8_t kind = fuzz_u8(&run->in);

	if (kind % 4 == 3) {
		run->size = MIN(run->in.left, (size_t)HEAD);
		fuzz_bytes(&run->in, run->head, run->size);
	} else if (kind % 4 == 2) {
		good_elf(run);
	} else {
		good_bzimage(run);
	}
	/* Changes: some bytes at a place, most of all in the headers. */
	while (kind % 4 != 3 && run->in.left) {
		unsigned int at = fuzz_u16(&run->in) % (HEAD - 8);

		fuzz_bytes(&run->in, run->head + at, 1 + fuzz_u8(&run->in) % 8);
	}
	if (kind & 4)
		run->size = (size_t)kind << 12;
	if (kind & 8)
		run->size /= 2;
	run->kernel = rig_file(run->size, run->kernel_path);
	FUZZ_CHECK(pwrite(run->kernel, run->head, MIN(run->size, (size_t)HEAD), 0) >= 0,
		   "the file");
}

/* Checks. */

static uint64_t get(const struct run *run, uint64_t at, unsigned int size)
{
	uint64_t v = 0;

	memcpy(&v, run->vm->ram_host + at, size);
	return v;
}

/** struct range - A range of the memory map, with the types of e820 */
struct range {
	uint64_t addr, size;
	uint32_t type;
};

/** struct shown - What the kernel is told */
struct shown {
	struct range range[RANGES_MAX];
	unsigned int ranges;
	uint64_t cmdline;
	uint64_t initrd, initrd_size;
};

static void read_zero_page(const struct run *run, struct shown *s)
{
	static struct boot_params zp;

	memcpy(&zp, run->vm->ram_host + LAYOUT_ZERO_PAGE, sizeof(zp));
	FUZZ_CHECK(zp.e820_entries <= RANGES_MAX, "%u ranges", zp.e820_entries);
	for (unsigned int i = 0; i < zp.e820_entries; i++)
		s->range[s->ranges++] = (struct range){
			zp.e820_table[i].addr, zp.e820_table[i].size, zp.e820_table[i].type,
		};
	s->cmdline = zp.hdr.cmd_line_ptr;
	s->initrd = zp.hdr.ramdisk_image;
	s->initrd_size = zp.hdr.ramdisk_size;
	/* The header is as long as it says itself. */
	FUZZ_CHECK((zp.hdr.header == 0x53726448 || run->head[0x201] < 4) &&
		   zp.hdr.type_of_loader == 0xff, "the header");
}

static void read_pvh(const struct run *run, struct shown *s)
{
	uint64_t at = LAYOUT_ZERO_PAGE, map = get(run, at + PVH_MAP, 8);
	uint64_t modules = get(run, at + PVH_MODULE_LIST, 8);

	s->ranges = (unsigned int)get(run, at + PVH_RANGES, 4);
	FUZZ_CHECK(s->ranges <= RANGES_MAX, "%u ranges", s->ranges);
	for (unsigned int i = 0; i < s->ranges; i++)
		s->range[i] = (struct range){
			get(run, map + 24 * i, 8), get(run, map + 24 * i + 8, 8),
			(uint32_t)get(run, map + 24 * i + 16, 4),
		};
	s->cmdline = get(run, at + PVH_CMDLINE, 8);
	if (get(run, at + PVH_MODULES, 4)) {
		s->initrd = get(run, modules, 8);
		s->initrd_size = get(run, modules + 8, 8);
	}
}

/* Whether it is all in one range of RAM. */
static bool is_ram(const struct shown *s, uint64_t addr, uint64_t size)
{
	for (unsigned int i = 0; i < s->ranges; i++)
		if (s->range[i].type == 1 && addr >= s->range[i].addr &&
		    addr - s->range[i].addr <= s->range[i].size &&
		    size <= s->range[i].size - (addr - s->range[i].addr))
			return true;
	return false;
}

/* A piece of the kernel: @size bytes at @off of the file, at @addr, with @room there. */
static void check_piece(const struct run *run, const struct shown *s, uint64_t off,
			uint64_t size, uint64_t addr, uint64_t room)
{
	FUZZ_CHECK(addr >= LAYOUT_HIGH_MEM && is_ram(s, addr, MAX(size, room)),
		   "%#llx bytes at %#llx are not in RAM", (unsigned long long)room,
		   (unsigned long long)addr);
	FUZZ_CHECK(!run->opt.initrd || s->initrd >= addr + MAX(size, room),
		   "the initrd is at %#llx, in the kernel", (unsigned long long)s->initrd);
	FUZZ_CHECK(off + size <= run->size, "behind the end of the file");
}

static void check_bytes(const struct run *run, uint64_t off, uint64_t size, uint64_t addr)
{
	for (uint64_t i = 0; i < size; i++)
		FUZZ_CHECK(run->vm->ram_host[addr + i] ==
			   (off + i < HEAD ? run->head[off + i] : 0),
			   "byte %#llx of the file", (unsigned long long)(off + i));
}

static void check_elf(const struct run *run, const struct shown *s)
{
	Elf64_Ehdr eh;

	memcpy(&eh, run->head, sizeof(eh));
	for (unsigned int i = 0; i < eh.e_phnum; i++) {
		Elf64_Phdr ph;

		memcpy(&ph, run->head + eh.e_phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_type != PT_LOAD || !ph.p_memsz)
			continue;
		FUZZ_CHECK(ph.p_filesz <= ph.p_memsz, "segment %u is larger than its place", i);
		check_piece(run, s, ph.p_offset, ph.p_filesz, ph.p_paddr, ph.p_memsz);
		/* Segments may overlap; the last one is what it was. */
		if (i + 1 == eh.e_phnum)
			check_bytes(run, ph.p_offset, ph.p_filesz, ph.p_paddr);
	}
}

static void check_bzimage(const struct run *run, const struct shown *s)
{
	uint64_t off = ((run->head[SETUP_HEADER] ? run->head[SETUP_HEADER] : 4) + 1) * 512U;
	struct setup_header h;

	memcpy(&h, run->head + SETUP_HEADER, sizeof(h));
	check_piece(run, s, off, run->size - off, h.pref_address, h.init_size);
	check_bytes(run, off, run->size - off, h.pref_address);
	FUZZ_CHECK(!run->opt.initrd ||
		   s->initrd + s->initrd_size - 1 <= h.initrd_addr_max, "the initrd is too high");
	FUZZ_CHECK(strlen(run->opt.append) <= h.cmdline_size, "too long a command line");
}

static void check_loaded(const struct run *run)
{
	bool pvh = get(run, LAYOUT_ZERO_PAGE, 4) == PVH_MAGIC;
	struct shown s = { .ranges = 0 };
	uint64_t end = 0;

	if (pvh)
		read_pvh(run, &s);
	else
		read_zero_page(run, &s);
	for (unsigned int i = 0; i < s.ranges; i++) {
		FUZZ_CHECK(s.range[i].addr >= end && s.range[i].size, "range %u", i);
		end = s.range[i].addr + s.range[i].size;
		FUZZ_CHECK(s.range[i].type != 1 || end <= run->vm->low,
			   "range %u is not in RAM", i);
	}
	FUZZ_CHECK(!strcmp((const char *)run->vm->ram_host + s.cmdline, run->opt.append),
		   "another command line");
	FUZZ_CHECK(!run->opt.initrd ||
		   (s.initrd_size == run->initrd_size && is_ram(&s, s.initrd, s.initrd_size)),
		   "the initrd, at %#llx", (unsigned long long)s.initrd);
	/* Its first byte and its last. */
	FUZZ_CHECK(!run->opt.initrd || (run->vm->ram_host[s.initrd] == 0x11 &&
		   run->vm->ram_host[s.initrd + s.initrd_size - 1] == 0x22), "another initrd");
	if (pvh)
		check_elf(run, &s);
	else
		check_bzimage(run, &s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run run = { .in = { data, size }, .initrd = -1 };
	char *append = fuzz_alloc(CMDLINE_MAX + 1);
	uint8_t ram = fuzz_u8(&run.in), initrd = fuzz_u8(&run.in), cmdline = fuzz_u8(&run.in);

	run.opt = (struct options){
		.name = "fuzz", .cpus = 1 + ram / 4U, .topology = { 1, 1 + ram / 4U, 1 },
		.ram = (1ULL + ram % 4) * RAM_UNIT, .append = append, .kernel = run.kernel_path,
	};
	/* Up to twice as long as it may be. */
	memset(append, 'a', (size_t)cmdline * cmdline * 2);
	make_file(&run);
	if (initrd) {
		run.initrd_size = (size_t)initrd * initrd * INITRD_UNIT - 1;
		run.initrd = rig_file(run.initrd_size, run.initrd_path);
		FUZZ_CHECK(pwrite(run.initrd, "\x11", 1, 0) == 1 &&
			   pwrite(run.initrd, "\x22", 1, (off_t)run.initrd_size - 1) == 1,
			   "the initrd");
		run.opt.initrd = run.initrd_path;
	}
	run.vm = board_new(&run.opt);
	rig_log.errors = 0;
	if (!boot_open(run.vm, &run.vm->boot) && !boot_load(run.vm)) {
		FUZZ_CHECK(!rig_log.errors, "loaded, but: %s", rig_log.last);
		check_loaded(&run);
	} else {
		FUZZ_CHECK(rig_log.errors == 1 && (strstr(rig_log.last, run.kernel_path) ||
						   strstr(rig_log.last, run.initrd_path)),
			   "%u errors, the last: %s", rig_log.errors, rig_log.last);
	}
	board_free(run.vm);
	close(run.kernel);
	if (run.initrd >= 0)
		close(run.initrd);
	free(append);
	return 0;
}
