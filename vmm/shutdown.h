/* SPDX-License-Identifier: BSD-2-Clause */
/* shutdown.h - Ending a VM from outside: asking the guest first, and not for ever
 *
 * SIGTERM, SIGINT and SIGHUP press the power button and give the guest some time to
 * power off by itself. SIGTERM or SIGINT once more, and SIGQUIT at any time, end the
 * VM at once. So does the first signal where nobody hears the button: in a boot loader,
 * or a kernel without ACPI, there is nothing to save. Nor is there with a guest that
 * stands still because it was saved. While one is being saved, all of this waits: the VM
 * ends when its file is there, and the guest is asked if it cannot be.
 *
 * Guarded by vm->lock, called in the event loop.
 */
#ifndef VMM_SHUTDOWN_H
#define VMM_SHUTDOWN_H

#include <ev.h>
#include <stdbool.h>

struct vm;

/**
 * struct shutdown - What became of being asked
 * @patience:	Ends the VM when the guest has not
 * @asked:	There was a signal, and the button was pressed, or will be after a saving
 */
struct shutdown {
	ev_timer patience;
	bool asked;
};

void shutdown_init(struct shutdown *s);

/* Somebody sent us this signal. */
void shutdown_signal(struct vm *vm, int signum);

/* The VM was saved, or it has failed to be, or was given up. */
void shutdown_saved(struct vm *vm);

/* Wait for the guest no longer. */
void shutdown_cancel(struct vm *vm);

#endif /* VMM_SHUTDOWN_H */
