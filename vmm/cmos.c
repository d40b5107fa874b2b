/* SPDX-License-Identifier: BSD-2-Clause */
/* cmos.c - The clock and the memory that a PC keeps; the essay is in cmos.h */
#include "config.h"

#include "vmm/cmos.h"

#include <stdbool.h>
#include <string.h>

#include "vmm/bus.h"
#include "vmm/layout.h"
#include "vmm/state.h"

/* Registers of the clock, and bytes of the memory by IBM's, Phoenix's and SeaBIOS's
 * use (seabios: src/hw/rtc.h). */
enum {
	SECONDS = 0x00, MINUTES = 0x02, HOURS = 0x04,
	WEEKDAY = 0x06, DAY = 0x07, MONTH = 0x08, YEAR = 0x09,
	STATUS_A = 0x0a, STATUS_B = 0x0b, STATUS_C = 0x0c, STATUS_D = 0x0d,
	BASE_KB = 0x15,			/* 640 KiB, low byte first */
	EXT_KB = 0x17, EXT_KB_OLD = 0x30,	/* from 1 MiB, at most 63 MiB */
	CENTURY = 0x32,
	EXT_64K = 0x34,			/* from 16 MiB, in 64 KiB */
	HIGH_64K = 0x5b,		/* from 4 GiB, in 64 KiB, three bytes */
	LAST_CPU = 0x5f,

	A_DIVIDER = 0x26,		/* 32.768 kHz, 1024 Hz */
	B_24_HOURS = 0x02,
	B_BINARY = 0x04,
	B_WRITABLE = 0x87,		/* but for enabling interrupts */
	D_VALID = 0x80,
	INDEX_MASK = 0x7f,		/* the upper bit masks NMIs */

	CMOS_STATE_VERSION = 1,
};

static uint8_t cmos_digits(const struct cmos *cmos, int v)
{
	if (cmos->ram[STATUS_B] & B_BINARY)
		return (uint8_t)v;
	return (uint8_t)(v / 10 << 4 | v % 10);
}

/* 12-hour clocks count 12, 1 ... 11, with the upper bit for the afternoon. */
static uint8_t cmos_hour(const struct cmos *cmos, int hour)
{
	if (cmos->ram[STATUS_B] & B_24_HOURS)
		return cmos_digits(cmos, hour);
	return (uint8_t)(cmos_digits(cmos, hour % 12 ? hour % 12 : 12) |
			 (hour >= 12 ? 0x80 : 0));
}

static uint8_t cmos_byte(const struct cmos *cmos, uint8_t i)
{
	time_t t = cmos->now(NULL);
	struct tm tm;

	gmtime_r(&t, &tm);
	switch (i) {
	case SECONDS:
		return cmos_digits(cmos, tm.tm_sec % 60);
	case MINUTES:
		return cmos_digits(cmos, tm.tm_min);
	case HOURS:
		return cmos_hour(cmos, tm.tm_hour);
	case WEEKDAY:
		return cmos_digits(cmos, tm.tm_wday + 1);
	case DAY:
		return cmos_digits(cmos, tm.tm_mday);
	case MONTH:
		return cmos_digits(cmos, tm.tm_mon + 1);
	case YEAR:
		return cmos_digits(cmos, tm.tm_year % 100);
	case CENTURY:
		return cmos_digits(cmos, 19 + tm.tm_year / 100);
	case STATUS_A:
		return A_DIVIDER;	/* never in the middle of an update */
	case STATUS_C:
		return 0;
	case STATUS_D:
		return D_VALID;
	default:
		return cmos->ram[i];
	}
}

static uint64_t cmos_read(void *dev, uint64_t off, unsigned int size)
{
	const struct cmos *cmos = dev;

	return off == 1 && size == 1 ? cmos_byte(cmos, cmos->index) : bus_ones(size);
}

static void cmos_write(void *dev, uint64_t off, unsigned int size, uint64_t value)
{
	struct cmos *cmos = dev;

	/* A word at the first port is the index and the byte. */
	if (off == 0) {
		cmos->index = value & INDEX_MASK;
		value >>= 8;
		if (size == 1)
			return;
	}
	if (cmos->index == STATUS_B)
		cmos->ram[STATUS_B] = value & B_WRITABLE;
	else
		cmos->ram[cmos->index] = (uint8_t)value;
}

static const struct bus_ops cmos_ops = { cmos_read, cmos_write };

int cmos_init(struct cmos *cmos, struct bus *pio)
{
	*cmos = (struct cmos){ .now = time };
	return bus_add(pio, PORT_CMOS, 2, &cmos_ops, cmos);
}

static void cmos_set(struct cmos *cmos, unsigned int i, unsigned int bytes, uint64_t value)
{
	for (; bytes; bytes--, i++, value >>= 8)
		cmos->ram[i] = (uint8_t)value;
}

void cmos_reset(struct cmos *cmos, uint64_t low, uint64_t high, unsigned int cpus)
{
	uint64_t ext_kb = MIN((low >> 10) - 1024, (uint64_t)63 << 10);

	memset(cmos->ram, 0, sizeof(cmos->ram));
	cmos->index = 0;
	cmos->ram[STATUS_B] = B_24_HOURS;
	cmos_set(cmos, BASE_KB, 2, 640);
	cmos_set(cmos, EXT_KB, 2, ext_kb);
	cmos_set(cmos, EXT_KB_OLD, 2, ext_kb);
	if (low > 16 << 20)
		cmos_set(cmos, EXT_64K, 2, MIN((low - (16 << 20)) >> 16, (uint64_t)0xffff));
	cmos_set(cmos, HIGH_64K, 3, high >> 16);
	cmos_set(cmos, LAST_CPU, 1, cpus - 1);
}

/** struct cmos_state - The chip in a saved VM; the time is the host's again */
struct cmos_state {
	uint8_t ram[CMOS_SIZE];
	uint8_t index;
	uint8_t zero[7];
};

void cmos_save(const struct cmos *cmos, struct state_out *out)
{
	struct cmos_state x = { .index = cmos->index };

	memcpy(x.ram, cmos->ram, sizeof(x.ram));
	state_put(out, "cmos", 0, CMOS_STATE_VERSION, &x, sizeof(x));
}

const char *cmos_load(struct cmos *cmos, const struct state *s)
{
	const struct cmos_state *x = state_get(s, "cmos", 0, CMOS_STATE_VERSION, sizeof(*x));

	if (!x)
		return "it makes no sense (CMOS)";
	memcpy(cmos->ram, x->ram, sizeof(cmos->ram));
	cmos->ram[STATUS_B] &= B_WRITABLE;
	cmos->index = x->index & INDEX_MASK;
	return NULL;
}
