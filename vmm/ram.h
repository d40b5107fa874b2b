/* SPDX-License-Identifier: BSD-2-Clause */
/* ram.h - Guest RAM: one file (see ram_file.h), mapped shared
 *
 * Shared, so that it can be handed to a switch that moves frames itself. Not in core
 * dumps.
 */
#ifndef VMM_RAM_H
#define VMM_RAM_H

#include <stdint.h>

#include "lib/compiler.h"

struct vm;

/* Make RAM of opt->ram bytes and put it into vm->mem. Return: 0 or -errno,
 * logged. */
int ram_create(struct vm *vm) MUST_CHECK;

/* Give RAM to the KVM machine. Return: 0 or -errno, logged. */
int ram_power_on(struct vm *vm) MUST_CHECK;

/* Forget what is in it. */
void ram_clear(struct vm *vm);

/* Give the whole pages of @size bytes at a guest address back to the host; they read as
 * zeroes from now on. What is no RAM, or cannot be given back, is left alone. The second
 * takes a pointer into RAM. */
void ram_discard(struct vm *vm, uint64_t addr, uint64_t size);
void ram_discard_host(struct vm *vm, const uint8_t *host, uint64_t size);

void ram_destroy(struct vm *vm);

#endif /* VMM_RAM_H */
