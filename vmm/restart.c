/* SPDX-License-Identifier: BSD-2-Clause */
/* restart.c - Whether a guest that ends its run gets another one */
#include "config.h"

#include "vmm/restart.h"

bool restart_again(struct restart *r, enum restart_how how, double seconds)
{
	if (how == RESTART_OUTSIDE || seconds >= RESTART_SHORT_S) {
		r->row = 0;
		return true;
	}
	r->row++;
	return r->row <= (how == RESTART_FAULT ? RESTART_FAULTS : RESTART_RESETS);
}
