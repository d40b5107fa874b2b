/* SPDX-License-Identifier: BSD-2-Clause */
/* acpi.h - The tables that tell a guest what machine this is (ACPI 6.4)
 *
 * RSDP, XSDT, FADT, MADT and DSDT, linked at fixed addresses in the last
 * LAYOUT_ACPI_SIZE bytes of low RAM.
 *
 * A kernel that is booted directly finds a hardware-reduced machine: there are no
 * legacy interrupts but those the DSDT names, COM1's and that of the power button,
 * and the kernel spends no time on a timer and an interrupt controller of 1981.
 * Firmware and boot loaders live on those, though, and leave them running; a kernel
 * that was told that they are not there would not stop them, and their next
 * interrupt would be its end. So behind firmware the machine is an ordinary PC, and
 * its power button and sleep register are in the PM1 block.
 */
#ifndef VMM_ACPI_H
#define VMM_ACPI_H

#include <stdint.h>

enum { ACPI_RSDP_SIZE = 36 };	/* bytes */

struct vm;

/* Write the tables. Return: guest address of the RSDP. */
uint64_t acpi_build(struct vm *vm);

#endif /* VMM_ACPI_H */
