/* SPDX-License-Identifier: BSD-2-Clause */
/* gdb.h - Where a debugger comes in: a socket that speaks gdb's remote protocol
 *
 * DOC: Theory of operation
 *
 * Whoever connects has the guest stand still, as gdb expects it, and is the only one
 * until he leaves. A breakpoint is met in a vCPU's thread: it begins the pause
 * (pause_debug_rush()) and wakes the event loop, which waits for the other vCPUs and
 * tells gdb.
 *
 * People can have the guest stand still as well: gdb, if it has let it run, waits for as
 * long as they do, and can interrupt. What gdb has stopped runs when gdb says so: when it
 * continues, which ends also a pause of people (-S), when it detaches, or when its
 * connection is gone, which ends its own pause only. While the VM is saved nothing lets
 * it run, and nothing is changed.
 *
 * A reset leaves the connection as it is; see gdb_target.h for breakpoints.
 *
 * Security model: there are no passwords in gdb's protocol. A UNIX socket is the user's
 * own; a TCP port is everybody's who reaches it, so it is on the loopback interface unless
 * an address is given. A connection on which anything but gdb's protocol is spoken is
 * closed at the first byte: so a web browser, which can be made to send requests
 * to such a port, gets nowhere.
 *
 * Guarded by vm->lock, called in the event loop unless said otherwise.
 */
#ifndef VMM_GDB_H
#define VMM_GDB_H

#include <stdbool.h>

#include "lib/compiler.h"

struct gdb;
struct options_gdb;
struct vcpu;
struct vm;

/* Why a guest does not run on. */
#define GDB_HOLDS	"a debugger has stopped the guest: continue there, or detach"

/* Listen. Return: 0 or -errno, logged. */
int gdb_create(struct vm *vm, const struct options_gdb *opt, struct gdb **out) MUST_CHECK;

/* A debugger is told that the VM has ended. NULL is fine, also below. */
void gdb_destroy(struct gdb *g);

/* The machine was powered on. */
void gdb_power_on(struct gdb *g);

/* A debugger that has the guest stand still is sent away. */
void gdb_let_go(struct gdb *g);

/* Whether one has. */
bool gdb_holds(const struct vm *vm);

/* Whether a debugger's breakpoints are in the guest's memory. */
bool gdb_in_memory(const struct gdb *g);

/* In a vCPU's own thread. KVM_EXIT_DEBUG: */
void gdb_hit(struct vcpu *vcpu);

/* KVM cannot run it. Return: whether a debugger looks at that first; when it lets the vCPU
 * run, KVM fails again. */
bool gdb_crashed(struct vcpu *vcpu);

#endif /* VMM_GDB_H */
