/* SPDX-License-Identifier: BSD-2-Clause */
/* power.h - The ways a guest ends or restarts its machine, and the power button
 *
 * ACPI sleep registers (hardware-reduced, ACPI 6.4 section 4.8.3.7) or the PM1 block
 * of a PC (4.8.3.1 and 4.8.3.2), the reset register at port 0xcf9 (which ACPI's FADT
 * names too), and the keyboard controller's reset line. Triple faults are the vCPU's
 * business.
 *
 * The button is an interrupt. Where a kernel is booted directly, words in the DSDT
 * make the guest's ACPI take it for a button; where firmware boots, it is the button
 * of the PM1 block. What becomes of it is up to the guest.
 */
#ifndef VMM_POWER_H
#define VMM_POWER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"

enum {
	POWER_SLEEP_CONTROL = 0,	/* offsets from PORT_ACPI */
	POWER_SLEEP_STATUS = 1,
	POWER_PM1_EVENT = 4,
	POWER_PM1_EVENT_SIZE = 4,	/* bytes */
	POWER_PM1_CONTROL = 8,
	POWER_PM1_CONTROL_SIZE = 2,
	POWER_S5 = 5,			/* SLP_TYP of \_S5, as in our DSDT */
	POWER_RESET_VALUE = 6,		/* to PORT_RESET: a hard reset */
};

struct vm;

/**
 * struct power - The PM1 event registers, 4.8.3.1
 * @status:	What has happened
 * @enable:	Of what the guest wants to hear
 * @acpi:	The guest has written them: its ACPI is set up
 */
struct power {
	uint16_t status;
	uint16_t enable;
	bool acpi;
};

/* Put the registers on the ports. Return: 0 or -errno. */
int power_create(struct vm *vm) MUST_CHECK;

/* As after power on. */
void power_reset(struct power *power);

/* Press the button. */
void power_press(struct vm *vm);

/* Whether the guest's ACPI is set up. */
bool power_acpi_works(const struct vm *vm);

/* Whether the guest has set up the button. Boot loaders and kernels without ACPI never
 * do. */
bool power_button_works(const struct vm *vm);

#endif /* VMM_POWER_H */
