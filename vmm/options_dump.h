/* SPDX-License-Identifier: BSD-2-Clause */
/* options_dump.h - All settings of a VM, defaults included, as text */
#ifndef VMM_OPTIONS_DUMP_H
#define VMM_OPTIONS_DUMP_H

#include <stdio.h>

struct options;

/* A line for each setting, "NAME = VALUE", always in the same order, so that two of them
 * can be compared with diff(1). */
void options_dump(const struct options *opt, FILE *to);

#endif /* VMM_OPTIONS_DUMP_H */
