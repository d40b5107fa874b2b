/* SPDX-License-Identifier: BSD-2-Clause */
/* blockinfo.h - What there is to tell of the disks, in QEMU's form: query-block for
 * programs, info block for people
 *
 * Guarded by vm->lock.
 */
#ifndef VMM_BLOCKINFO_H
#define VMM_BLOCKINFO_H

#include <jansson.h>
#include <stdio.h>

struct vm;

/* Return: a list, owned by the caller; NULL for lack of memory. */
json_t *blockinfo_json(const struct vm *vm);

/* Lines ended by newlines. */
void blockinfo_text(const struct vm *vm, FILE *to);

#endif /* VMM_BLOCKINFO_H */
