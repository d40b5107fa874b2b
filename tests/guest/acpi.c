/* SPDX-License-Identifier: BSD-2-Clause */
/* acpi.c - Powering the machine off by what its ACPI tables say
 *
 * This is no AML interpreter: the sleep type is taken from where every firmware
 * puts it, a package named \_S5 of numbers (ACPI 6.4, sections 4.8.3.7 and 7.4).
 */
#include "pollnet.h"

enum {
	RSDP_AREA = 0xe0000,
	RSDP_AREA_END = 0x100000,
	RSDP_SIZE = 36,
	RSDP_REVISION = 15,
	RSDP_RSDT = 16,
	RSDP_XSDT = 24,

	TABLE_LENGTH = 4,
	TABLE_HEADER = 36,
	TABLE_MAX = 1 << 20,

	FADT_DSDT = 40,
	FADT_PM1A_CNT = 64,
	FADT_FLAGS = 112,
	FADT_X_DSDT = 140,
	FADT_SLEEP_REG = 244,
	FADT_SLEEP_END = FADT_SLEEP_REG + 12,
	FADT_HW_REDUCED = 1 << 20,

	GAS_SPACE = 0,
	GAS_ADDR = 4,
	GAS_MEMORY = 0,
	GAS_IO = 1,

	SLEEP_ENABLE = 1 << 5,
	SLEEP_TYPE_SHIFT = 2,
	PM1_SLEEP_ENABLE = 1 << 13,
	PM1_SLEEP_TYPE_SHIFT = 10,

	AML_ONE = 0x01,
	AML_NAME = 0x08,
	AML_BYTE = 0x0a,
	AML_PACKAGE = 0x12,
};

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Memory that is mapped: the first 4 GiB. */
static const uint8_t *memory(uint64_t addr, uint64_t size)
{
	if (!addr || addr >= 1ULL << 32 || size > (1ULL << 32) - addr)
		return NULL;
	return (const uint8_t *)addr;
}

static const uint8_t *table(uint64_t addr, const char *signature)
{
	const uint8_t *p = memory(addr, TABLE_HEADER);

	if (!p || memcmp(p, signature, 4) ||
	    get32(p + TABLE_LENGTH) < TABLE_HEADER ||
	    get32(p + TABLE_LENGTH) > TABLE_MAX ||
	    !memory(addr, get32(p + TABLE_LENGTH)))
		return NULL;
	return p;
}

static const uint8_t *find_rsdp(uint64_t hint)
{
	const uint8_t *p = memory(hint, RSDP_SIZE);

	if (p && !memcmp(p, "RSD PTR ", 8))
		return p;
	for (uint64_t addr = RSDP_AREA; addr < RSDP_AREA_END; addr += 16)
		if (!memcmp((const void *)addr, "RSD PTR ", 8))
			return (const uint8_t *)addr;
	return NULL;
}

static const uint8_t *find_fadt(const uint8_t *rsdp)
{
	bool wide = rsdp[RSDP_REVISION] >= 2 && get64(rsdp + RSDP_XSDT);
	const uint8_t *root, *fadt = NULL;
	uint32_t entry = wide ? 8 : 4;

	root = wide ? table(get64(rsdp + RSDP_XSDT), "XSDT")
		    : table(get32(rsdp + RSDP_RSDT), "RSDT");
	for (uint32_t off = TABLE_HEADER; root && !fadt &&
	     off + entry <= get32(root + TABLE_LENGTH); off += entry)
		fadt = table(wide ? get64(root + off) : get32(root + off), "FACP");
	return fadt;
}

/* The first number of the package \_S5, or -1. */
static int sleep_type(const uint8_t *dsdt)
{
	const uint8_t *end = dsdt + get32(dsdt + TABLE_LENGTH);

	for (const uint8_t *p = dsdt + TABLE_HEADER; p + 12 < end; p++) {
		const uint8_t *q = p + 5;

		if (*p != AML_NAME)
			continue;
		if (p[1] == '\\')
			q++;
		if (memcmp(q - 4, "_S5_", 4) || *q != AML_PACKAGE)
			continue;
		/* The package's length in one to four bytes, its count. */
		q += 1 + 1 + (q[1] >> 6) + 1;
		if (q + 1 >= end)
			return -1;
		return *q <= AML_ONE ? *q : *q == AML_BYTE ? q[1] : -1;
	}
	return -1;
}

void acpi_power_off(uint64_t hint)
{
	const uint8_t *rsdp = find_rsdp(hint), *fadt, *dsdt, *reg;
	int type;

	fadt = rsdp ? find_fadt(rsdp) : NULL;
	if (!fadt) {
		say("error: no ACPI tables found");
		return;
	}
	dsdt = table(get32(fadt + FADT_DSDT), "DSDT");
	if (!dsdt && get32(fadt + TABLE_LENGTH) >= FADT_X_DSDT + 8)
		dsdt = table(get64(fadt + FADT_X_DSDT), "DSDT");
	type = dsdt ? sleep_type(dsdt) : -1;
	if (type < 0) {
		say("error: no \\_S5 found in the DSDT");
		return;
	}
	if (!(get32(fadt + FADT_FLAGS) & FADT_HW_REDUCED)) {
		outw((uint16_t)get32(fadt + FADT_PM1A_CNT), (uint16_t)
		     (type << PM1_SLEEP_TYPE_SHIFT | PM1_SLEEP_ENABLE));
		return;
	}
	reg = fadt + FADT_SLEEP_REG;
	type = type << SLEEP_TYPE_SHIFT | SLEEP_ENABLE;
	if (get32(fadt + TABLE_LENGTH) < FADT_SLEEP_END)
		say("error: the FADT has no sleep control register");
	else if (reg[GAS_SPACE] == GAS_IO)
		outb((uint16_t)get64(reg + GAS_ADDR), (uint8_t)type);
	else if (reg[GAS_SPACE] == GAS_MEMORY &&
		 memory(get64(reg + GAS_ADDR), 1))
		*(volatile uint8_t *)get64(reg + GAS_ADDR) = (uint8_t)type;
	else
		say("error: the sleep control register cannot be reached");
}
