/* SPDX-License-Identifier: BSD-2-Clause */
/* firmware.h - Booting a disk by its own boot loader, under SeaBIOS
 *
 * The machine begins as a PC does, at the reset vector in a ROM below 4 GiB; the same
 * image lies in RAM below 1 MiB, where SeaBIOS works. What RAM there is, the place of
 * the ACPI tables (acpi.h, the same as for a kernel booted directly) and the order in
 * which disks are tried it learns from fwcfg.h. Its output and its keyboard are the
 * serial port.
 *
 * Each power-on puts a fresh copy of the image into RAM: SeaBIOS changes it.
 */
#ifndef VMM_FIRMWARE_H
#define VMM_FIRMWARE_H

#include <stdint.h>

#include "lib/compiler.h"

#define FIRMWARE_DEFAULT	"bios-256k.bin"

struct firmware;
struct vm;

/* Find and read the image: vm->opt->bios, or FIRMWARE_DEFAULT in the places where
 * distributions have it. Return: 0 or -errno, logged. */
int firmware_open(struct vm *vm, struct firmware **out) MUST_CHECK;

/* Into RAM with it, tables included. Return: 0 or -errno, logged. */
int firmware_load(struct vm *vm) MUST_CHECK;

/* Show the ROM to a new KVM machine. Return: 0 or -errno, logged. */
int firmware_power_on(const struct vm *vm) MUST_CHECK;

/* A byte of the ROM at guest address @addr, or NULL where there is none. @fw: NULL is fine. */
const uint8_t *firmware_at(const struct firmware *fw, uint64_t addr);

/* NULL is fine. */
void firmware_close(struct firmware *fw);

#endif /* VMM_FIRMWARE_H */
