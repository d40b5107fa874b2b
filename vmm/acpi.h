/* SPDX-License-Identifier: BSD-2-Clause */
/* acpi.h - The tables that tell a guest what machine this is (ACPI 6.4)
 *
 * RSDP, XSDT, FADT (hardware-reduced), MADT and DSDT, linked at fixed addresses
 * in the last LAYOUT_ACPI_SIZE bytes of low RAM. Hardware-reduced means that
 * there are no legacy interrupts but those the DSDT names: COM1's and that of the
 * power button.
 */
#ifndef VMM_ACPI_H
#define VMM_ACPI_H

#include <stdint.h>

enum { ACPI_RSDP_SIZE = 36 };	/* bytes */

struct vm;

/* Write the tables. Return: guest address of the RSDP. */
uint64_t acpi_build(struct vm *vm);

#endif /* VMM_ACPI_H */
