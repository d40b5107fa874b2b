/* SPDX-License-Identifier: BSD-2-Clause */
/* pause.h - Stopping all vCPUs for a while, and the guest's clocks with them
 *
 * DOC: Theory of operation
 *
 * Each vCPU's thread comes out of KVM_RUN and waits in pause_wait(); pause_begin()
 * returns when all of them do. From then on nothing of the guest runs. Its clocks,
 * KVM's and the time stamp counter, are put back by as much as the pause took when it
 * ends, so for the guest there was none; only the clock chip knows better. Devices are
 * not stopped: a NIC goes on filling the rings that the guest has left to it.
 *
 * There are two who can want a pause, people (and what they have asked for, as a saving)
 * and a debugger. The guest runs when neither does.
 *
 * Guarded by vm->lock.
 */
#ifndef VMM_PAUSE_H
#define VMM_PAUSE_H

#include <stdbool.h>
#include <stdint.h>

struct vcpu;
struct vm;

/**
 * struct pause - State of a pause
 * @on:		vCPUs wait, or are on their way there
 * @people:	People want that
 * @debugger:	A debugger does
 * @rushed:	A vCPU's thread began it: the event loop has not seen to the rest
 * @begun:	The guest has been let run since the VM was made
 * @active:	Threads of vCPUs that do not wait
 * @clock:	KVM's clock in nanoseconds, and
 * @tsc:	the first vCPU's time stamp counter when the pause began, if
 * @taken:	they were read
 */
struct pause {
	bool on;
	bool people;
	bool debugger;
	bool rushed;
	bool begun;
	unsigned int active;
	uint64_t clock;
	uint64_t tsc;
	bool taken;
};

/* At the beginning of a VM; @paused: it begins with a pause. */
void pause_init(struct pause *p, bool paused);

/* A machine that does not run yet begins with one. */
void pause_from_start(struct pause *p);

/* Let no vCPU run any more. Called in the event loop. */
void pause_begin(struct vm *vm);

/* Let them run on, if a debugger lets them. Called in the event loop. */
void pause_end(struct vm *vm);

/* The same for a debugger. */
void pause_debug_begin(struct vm *vm);
void pause_debug_end(struct vm *vm);

/* A debugger's pause that begins in a vCPU's thread; pause_debug_begin() is to follow in
 * the event loop. */
void pause_debug_rush(struct vm *vm);

/* What the guest does, in QEMU's words. */
const char *pause_word(const struct vm *vm);

/* Whether it is known what time it was for the guest when the pause began; reads it if it
 * was paused from the beginning. And for a machine that was saved in a pause: */
bool pause_clocks(struct vm *vm);
void pause_set_clocks(struct vm *vm, uint64_t clock, uint64_t tsc);

/* There is a new machine: its clocks begin anew. */
void pause_power_on(struct pause *p);

/* Threads of vCPUs. */

/* Whether to call pause_wait(); without vm->lock. */
bool pause_wanted(const struct vm *vm);

/* Wait until the pause is over, and the vCPU is not to stay where it is all the same; or
 * until the vCPUs are to leave for good. */
void pause_wait(const struct vcpu *vcpu);

/* A vCPU begins (before its thread runs it), or ends. */
void pause_join(struct vm *vm);
void pause_leave(struct vm *vm);

#endif /* VMM_PAUSE_H */
