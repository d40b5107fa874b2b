/* SPDX-License-Identifier: BSD-2-Clause */
/* cmos.h - The clock and the 128 bytes of memory that a PC keeps (MC146818)
 *
 * The clock shows the host's time in UTC; setting it has no effect, since a guest that
 * wants another time has its own. There are no interrupts from it: alarms are for
 * machines that sleep. The memory is cleared at each power-on, but for what firmware
 * looks for there: RAM sizes and the number of CPUs.
 *
 * Guarded by vm->lock.
 */
#ifndef VMM_CMOS_H
#define VMM_CMOS_H

#include <stdint.h>
#include <time.h>

#include "lib/compiler.h"

enum { CMOS_SIZE = 128 };

/** struct cmos - The chip
 * @index:	Byte that is selected
 * @ram:	The memory; bytes 0 to 13 are the clock's registers
 * @now:	What time it is; for tests
 */
struct cmos {
	uint8_t index;
	uint8_t ram[CMOS_SIZE];
	time_t (*now)(time_t *t);
};

struct bus;

/* Make the ports. Return: 0 or -errno. */
int cmos_init(struct cmos *cmos, struct bus *pio) MUST_CHECK;

/* Power on a machine with @low bytes of RAM below 4 GiB, @high above, @cpus CPUs. */
void cmos_reset(struct cmos *cmos, uint64_t low, uint64_t high, unsigned int cpus);

/* Into a saved VM and out of it. Return: NULL, or why that cannot be. */
struct state;
struct state_out;
void cmos_save(const struct cmos *cmos, struct state_out *out);
const char *cmos_load(struct cmos *cmos, const struct state *s) MUST_CHECK;

#endif /* VMM_CMOS_H */
