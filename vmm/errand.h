/* SPDX-License-Identifier: BSD-2-Clause */
/* errand.h - What a vCPU has done by the main thread
 *
 * DOC: Theory of operation
 *
 * Most registers are numbers, and a vCPU reads and writes them itself, under vm->lock.
 * Some begin or end something outside of the VM: a device's status, which hands rings to a
 * switch, and a queue's interrupt, which a switch is told of. A vCPU that did that itself
 * would need the system calls for it, and a vCPU is where a guest's attack would begin. So
 * it asks the main thread, and waits: errand_run().
 *
 * The main thread sees to errands whenever the event loop wakes, and while it waits for
 * vCPUs: who waits for one that waits for an errand would wait forever.
 *
 * Guarded by vm->lock, of which errand_run() lets go while it waits: by the time it
 * returns, other vCPUs and the event loop may have done anything but power the machine
 * off.
 */
#ifndef VMM_ERRAND_H
#define VMM_ERRAND_H

#include <stdbool.h>

struct errand;
struct vm;

/* The calling thread is a vCPU's. */
void errand_be_vcpu(void);

/* Call do_it(ctx) in the main thread; at once, if the caller is no vCPU. */
void errand_run(struct vm *vm, void (*do_it)(void *ctx), void *ctx);

/* The main thread: do what vCPUs wait for. Return: whether there was anything. */
bool errand_do_all(struct vm *vm);

#endif /* VMM_ERRAND_H */
