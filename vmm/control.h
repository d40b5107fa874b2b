/* SPDX-License-Identifier: BSD-2-Clause */
/* control.h - Control sockets: the commands of QEMU's QMP that people script
 *
 * One where each -qmp says, and one by the VM's name in the user's folder of running VMs
 * (lib/rundir.h). Replies and events have the form that QEMU 7.2 gives them; events
 * come after the reply of the command that brings them about.
 *
 * Guarded by vm->lock, called in the event loop.
 */
#ifndef VMM_CONTROL_H
#define VMM_CONTROL_H

#include "lib/compiler.h"

struct control;
struct vm;

/* Listen. Return: 0 or -errno, logged. */
int control_create(struct vm *vm, struct control **out) MUST_CHECK;

/* Send what waits, as far as that goes, and remove the sockets. NULL is fine. */
void control_destroy(struct control *c);

/* The event of this name has happened, with nothing more to say. NULL is fine. */
void control_tell(struct control *c, const char *event);

/* The saving of the VM is in another state now, in QEMU's word. */
void control_tell_migration(struct vm *vm, const char *status);

/* The machine has been reset, or ends, because of vm->request. */
void control_tell_reset(struct vm *vm);
void control_tell_shutdown(struct vm *vm);

#endif /* VMM_CONTROL_H */
