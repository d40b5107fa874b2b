/* SPDX-License-Identifier: BSD-2-Clause */
/* check.h - -check: what this host can do for VMs, and what is amiss */
#ifndef VMM_CHECK_H
#define VMM_CHECK_H

#include <stdbool.h>
#include <stdio.h>

struct options;

/**
 * check_host() - Tell people of this host
 * @opt:	The VM that is to run on it
 * @to:		Where it is told: a line for each finding, which begins with "good", "note"
 *		or "bad" and the object
 *
 * Nothing is changed. Return: whether the VM could start, as far as the host goes
 */
bool check_host(const struct options *opt, FILE *to);

#endif /* VMM_CHECK_H */
