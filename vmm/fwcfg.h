/* SPDX-License-Identifier: BSD-2-Clause */
/* fwcfg.h - The port through which firmware learns what machine it is in
 *
 * QEMU's fw_cfg, as SeaBIOS wants it (docs/specs/fw_cfg in QEMU): a selector port, a
 * data port that gives the bytes of what is selected one after the other, and a way
 * to have them copied into RAM. What there is to read are items, by number, and
 * files, by name, whose directory is an item. Nothing can be written by the guest.
 *
 * Guarded by vm->lock.
 */
#ifndef VMM_FWCFG_H
#define VMM_FWCFG_H

#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

enum {
	FWCFG_NB_CPUS = 0x05,
	FWCFG_NOGRAPHIC = 0x04,
	FWCFG_MAX_CPUS = 0x0f,
	FWCFG_FILES_MAX = 32,
};

struct fwcfg;
struct vm;

/* Make the ports. Return: 0 or -errno. */
int fwcfg_create(struct vm *vm, struct fwcfg **out) MUST_CHECK;

/* NULL is fine. */
void fwcfg_destroy(struct fwcfg *fw);

/* Forget all files and items, and what is selected. */
void fwcfg_reset(struct fwcfg *fw);

/* Set an item to a 16-bit number. */
void fwcfg_set_u16(struct fwcfg *fw, uint16_t key, uint16_t value);

/* Add a file; its bytes are copied. Return: 0, -ENOSPC or -ENOMEM. */
int fwcfg_add_file(struct fwcfg *fw, const char *name, const void *data,
		   size_t size) MUST_CHECK;

/* What is selected, into a saved VM and out of it; what there is to select, firmware.c
 * makes anew. Return: NULL, or why that cannot be. */
struct state;
struct state_out;
void fwcfg_save(const struct fwcfg *fw, struct state_out *out);
const char *fwcfg_load(struct fwcfg *fw, const struct state *s) MUST_CHECK;

#endif /* VMM_FWCFG_H */
