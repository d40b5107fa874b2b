/* SPDX-License-Identifier: BSD-2-Clause */
/* gdb_regs.c - Registers of a CPU as gdb numbers and names them
 *
 * Names and order: the GDB manual, appendix G.5.6 "x86 Features"; QEMU,
 * gdb-xml/i386-64bit.xml.
 */
#include "config.h"

#include "vmm/gdb_regs.h"

#include <stdio.h>
#include <string.h>

#include "lib/compiler.h"

/**
 * struct reg - A register
 * @type:	As gdb calls it
 * @size:	Bytes for gdb
 * @host:	Bytes that there are, 0: none; it is zero, or made up
 * @where:	Of them, in struct gdb_cpu
 * @fixed:	It cannot be set
 */
struct reg {
	const char *name;
	const char *type;
	uint8_t size;
	uint8_t host;
	uint16_t where;
	enum gdb_block block;
	bool fixed;
};

#define AT(field)	(uint16_t)offsetof(struct gdb_cpu, field)
#define MAIN(reg, t)	{ #reg, t, 8, 8, AT(main.reg), GDB_REGS_MAIN, false }
#define SELECTOR(reg)	{ #reg, "int32", 4, 2, AT(special.reg.selector), GDB_REGS_SPECIAL, true }
#define SPECIAL(name, field) { name, "int64", 8, 8, AT(special.field), GDB_REGS_SPECIAL, false }
#define ST(n)		{ "st" #n, "i387_ext", 10, 10, AT(fpu.fpr[n]), GDB_REGS_FPU, false }
#define FPU(name, bytes, field) { name, "int", 4, bytes, AT(field), GDB_REGS_FPU, false }
#define XMM(n)		{ "xmm" #n, "vec128", 16, 16, AT(fpu.xmm[n]), GDB_REGS_FPU, false }

/* Numbers of registers. */
enum { FTAG = 34, XMM0 = 40, SEGMENTS = 57, SYSTEM = 59 };

/* Debug register 7. */
enum {
	DR7 = 0x400,			/* a bit that is always set */
	DR7_GLOBAL = 2,			/* two bits for each: in force, also for other tasks */
	DR7_KIND = 16,			/* four bits for each: kind and length */
};

static const struct reg regs[] = {
	MAIN(rax, "int64"), MAIN(rbx, "int64"), MAIN(rcx, "int64"), MAIN(rdx, "int64"),
	MAIN(rsi, "int64"), MAIN(rdi, "int64"), MAIN(rbp, "data_ptr"), MAIN(rsp, "data_ptr"),
	MAIN(r8, "int64"), MAIN(r9, "int64"), MAIN(r10, "int64"), MAIN(r11, "int64"),
	MAIN(r12, "int64"), MAIN(r13, "int64"), MAIN(r14, "int64"), MAIN(r15, "int64"),
	MAIN(rip, "code_ptr"),
	{ "eflags", "i386_eflags", 4, 4, AT(main.rflags), GDB_REGS_MAIN, false },
	SELECTOR(cs), SELECTOR(ss), SELECTOR(ds), SELECTOR(es), SELECTOR(fs), SELECTOR(gs),
	ST(0), ST(1), ST(2), ST(3), ST(4), ST(5), ST(6), ST(7),
	FPU("fctrl", 2, fpu.fcw), FPU("fstat", 2, fpu.fsw), FPU("ftag", 0, fpu.ftwx),
	FPU("fiseg", 0, fpu), FPU("fioff", 4, fpu.last_ip), FPU("foseg", 0, fpu),
	FPU("fooff", 4, fpu.last_dp), FPU("fop", 2, fpu.last_opcode),
	XMM(0), XMM(1), XMM(2), XMM(3), XMM(4), XMM(5), XMM(6), XMM(7),
	XMM(8), XMM(9), XMM(10), XMM(11), XMM(12), XMM(13), XMM(14), XMM(15),
	FPU("mxcsr", 4, fpu.mxcsr),
	SPECIAL("fs_base", fs.base), SPECIAL("gs_base", gs.base),
	{ "k_gs_base", "int64", 8, 8, AT(kernel_gs_base), GDB_REGS_MSR, false },
	SPECIAL("cr0", cr0), SPECIAL("cr2", cr2), SPECIAL("cr3", cr3), SPECIAL("cr4", cr4),
	SPECIAL("cr8", cr8), SPECIAL("efer", efer),
};

static_assert(ARRAY_SIZE(regs) == GDB_REGS, "a register is missing");

size_t gdb_reg_size(unsigned int n)
{
	return regs[n].size;
}

enum gdb_block gdb_reg_block(unsigned int n)
{
	return regs[n].block;
}

const char *gdb_reg_name(unsigned int n)
{
	return regs[n].name;
}

/* Tags: KVM has one bit for each x87 register that is in use; gdb wants the CPU's old
 * two bits, 3 for one that is empty. What tells zero from other values is left out. */

static uint16_t tags_get(uint8_t used)
{
	uint16_t tags = 0;

	for (int i = 0; i < 8; i++)
		if (!(used & 1 << i))
			tags = (uint16_t)(tags | 3 << 2 * i);
	return tags;
}

static uint8_t tags_set(uint16_t tags)
{
	uint8_t used = 0;

	for (int i = 0; i < 8; i++)
		if ((tags >> 2 * i & 3) != 3)
			used = (uint8_t)(used | 1 << i);
	return used;
}

void gdb_reg_get(const struct gdb_cpu *cpu, unsigned int n, uint8_t bytes[GDB_REG_SIZE])
{
	const struct reg *r = &regs[n];

	memset(bytes, 0, GDB_REG_SIZE);
	memcpy(bytes, (const uint8_t *)cpu + r->where, r->host);
	if (n == FTAG) {
		uint16_t tags = tags_get(cpu->fpu.ftwx);

		memcpy(bytes, &tags, sizeof(tags));
	}
}

bool gdb_reg_set(struct gdb_cpu *cpu, unsigned int n, const uint8_t bytes[GDB_REG_SIZE])
{
	const struct reg *r = &regs[n];
	uint8_t now[GDB_REG_SIZE];

	gdb_reg_get(cpu, n, now);
	if (!memcmp(now, bytes, r->size))
		return true;
	if (n == FTAG) {
		uint32_t tags;

		memcpy(&tags, bytes, sizeof(tags));
		if (tags > UINT16_MAX)
			return false;
		cpu->fpu.ftwx = tags_set((uint16_t)tags);
		return true;
	}
	/* There is no room for what is not zero. */
	for (size_t i = r->host; i < r->size; i++)
		if (bytes[i])
			return false;
	if (r->fixed)
		return false;
	memcpy((uint8_t *)cpu + r->where, bytes, r->host);
	return true;
}

/* Debug registers: Intel SDM volume 3, 17.2. */

void gdb_debug_registers(const struct gdb_hard *hard, unsigned int n, uint64_t dr[8])
{
	static const uint64_t kinds[] = {
		[GDB_POINT_HARDWARE] = 0, [GDB_POINT_WRITE] = 1, [GDB_POINT_ACCESS] = 3,
	};

	memset(dr, 0, 8 * sizeof(*dr));
	dr[7] = DR7;
	for (unsigned int i = 0; i < n; i++) {
		/* 8 bytes are the odd one. */
		uint64_t length = hard[i].size == 8 ? 2 : hard[i].size - 1;

		dr[i] = hard[i].addr;
		dr[7] |= (uint64_t)DR7_GLOBAL << 2 * i;
		dr[7] |= (kinds[hard[i].point] | length << 2) << (DR7_KIND + 4 * i);
	}
}

/* The description. */

static const char xml_begin[] =
	"<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">"
	"<target><architecture>i386:x86-64</architecture>"
	"<feature name=\"org.gnu.gdb.i386.core\"><flags id=\"i386_eflags\" size=\"4\">";

static const struct { const char *name; unsigned int bit; } eflags[] = {
	{ "CF", 0 }, { "PF", 2 }, { "AF", 4 }, { "ZF", 6 }, { "SF", 7 }, { "TF", 8 },
	{ "IF", 9 }, { "DF", 10 }, { "OF", 11 }, { "NT", 14 }, { "RF", 16 }, { "VM", 17 },
	{ "AC", 18 }, { "VIF", 19 }, { "VIP", 20 }, { "ID", 21 },
};

static const char xml_sse[] =
	"</feature><feature name=\"org.gnu.gdb.i386.sse\">"
	"<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"
	"<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
	"<vector id=\"v16i8\" type=\"int8\" count=\"16\"/>"
	"<vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"
	"<vector id=\"v4i32\" type=\"int32\" count=\"4\"/>"
	"<vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"
	"<union id=\"vec128\"><field name=\"v4_float\" type=\"v4f\"/>"
	"<field name=\"v2_double\" type=\"v2d\"/><field name=\"v16_int8\" type=\"v16i8\"/>"
	"<field name=\"v8_int16\" type=\"v8i16\"/><field name=\"v4_int32\" type=\"v4i32\"/>"
	"<field name=\"v2_int64\" type=\"v2i64\"/>"
	"<field name=\"uint128\" type=\"uint128\"/></union>";

static void add(char *text, size_t *size, const char *more)
{
	size_t n = strlen(more);

	memcpy(text + *size, more, n + 1);
	*size += n;
}

size_t gdb_regs_xml(char text[GDB_XML_MAX])
{
	char line[128];
	size_t size = 0;

	add(text, &size, xml_begin);
	for (size_t i = 0; i < ARRAY_SIZE(eflags); i++) {
		snprintf(line, sizeof(line), "<field name=\"%s\" start=\"%u\" end=\"%u\"/>",
			 eflags[i].name, eflags[i].bit, eflags[i].bit);
		add(text, &size, line);
	}
	add(text, &size, "</flags>");
	for (unsigned int i = 0; i < GDB_REGS; i++) {
		if (i == XMM0)
			add(text, &size, xml_sse);
		if (i == SEGMENTS)
			add(text, &size,
			    "</feature><feature name=\"org.gnu.gdb.i386.segments\">");
		if (i == SYSTEM)
			add(text, &size, "</feature><feature name=\"lanbox.system\">");
		snprintf(line, sizeof(line), "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\"/>",
			 regs[i].name, regs[i].size * 8, regs[i].type);
		add(text, &size, line);
	}
	add(text, &size, "</feature></target>");
	return size;
}
