/* SPDX-License-Identifier: BSD-2-Clause */
/* restart.h - Whether a guest that ends its run gets another one
 *
 * One rule: a run that the guest itself ends within RESTART_SHORT_S seconds is a short
 * one. After each the guest is restarted, but not more than three times in a row after a
 * triple fault, and ten times after whatever: nobody gains from a guest that does nothing
 * but start. Who restarts such VMs from outside (systemd's Restart=) sees an exit status
 * that says so. A reset from outside, and a run that lasts, begin a new row.
 */
#ifndef VMM_RESTART_H
#define VMM_RESTART_H

#include <stdbool.h>

enum {
	RESTART_SHORT_S = 10,
	RESTART_FAULTS = 3,		/* restarts in a row */
	RESTART_RESETS = 10,
};

/** enum restart_how - How a run ended */
enum restart_how {
	RESTART_FAULT,		/* a triple fault */
	RESTART_GUEST,		/* the guest reset its machine */
	RESTART_OUTSIDE,	/* somebody else did */
};

/**
 * struct restart - What is known of the runs so far; zero is nothing
 * @row:	Short runs in a row
 */
struct restart {
	unsigned int row;
};

/* A run of @seconds ended like that. Return: whether there is to be another. */
bool restart_again(struct restart *r, enum restart_how how, double seconds);

#endif /* VMM_RESTART_H */
