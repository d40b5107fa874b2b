/* SPDX-License-Identifier: BSD-2-Clause */
/* seccomp.h - Which system calls each thread may make, and what happens at others
 *
 * DOC: Theory of operation
 *
 * A table (seccomp.c) says for each call which kinds of thread make it, with which
 * arguments, and what of this VM it is for: a VM without a tap has no rule for a tap. From
 * that a filter is assembled for each kind before anything is confined, and kept. Every
 * thread enters its own as its first deed; the main thread, which makes them, does last of
 * all, when none is left to be made (thread.h). So each may do what is its own, and nothing
 * else.
 *
 * A call that is not in the table raises SIGSYS. The handler writes which thread made
 * which call to where messages go and ends the process with VM_EXIT_SANDBOX: either
 * somebody has broken into it, or the table is wrong.
 *
 * What filters cannot see: what io_uring does for us (so its rings are restricted to
 * reading, writing and flushing, aio.c), and what a pointer points to (so no call is
 * permitted that takes a path).
 *
 * The filters are those of the process; a process is one VM.
 */
#ifndef VMM_SECCOMP_H
#define VMM_SECCOMP_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/compiler.h"

/** enum seccomp_thread - A kind of thread */
enum seccomp_thread {
	SECCOMP_MAIN,
	SECCOMP_VCPU,
	SECCOMP_DISK,		/* of the pool that reads and writes images */
	SECCOMP_NET,		/* hands rings over to a switch */
	SECCOMP_SAVE,		/* writes a saved state */
	SECCOMP_OPENER,		/* the process of opener.h */
	SECCOMP_THREADS,
};

/** enum seccomp_use - What a VM may have that needs calls of its own */
enum seccomp_use {
	SECCOMP_ALWAYS = 0,
	SECCOMP_USE_URING = 1 << 0,
	SECCOMP_USE_DISK = 1 << 1,	/* an image of our own */
	SECCOMP_USE_DISCARD = 1 << 2,	/* that gives space back */
	SECCOMP_USE_BLOCKDEV = 1 << 3,	/* that is a block device */
	SECCOMP_USE_TAP = 1 << 4,
	SECCOMP_USE_RINGS = 1 << 5,	/* a switch works on a NIC's rings */
	SECCOMP_USE_CABLE = 1 << 6,	/* frames come by datagrams */
	SECCOMP_USE_VSOCK = 1 << 7,
	SECCOMP_USE_TERMINAL = 1 << 8,
	SECCOMP_USE_DAEMON = 1 << 9,
	SECCOMP_USE_KERNEL = 1 << 10,	/* it is booted without firmware */
	SECCOMP_USE_RESTORE = 1 << 11,	/* a saved state is gone on with */
	SECCOMP_USE_DEBUGGER = 1 << 12,	/* gdb */
	SECCOMP_USE_END = 1 << 13,	/* the opener: a process may be told to end */
};

/**
 * seccomp_prepare() - Assemble the filters
 * @uses:	What this VM has, SECCOMP_USE_*
 * @why:	Set to the step that fails
 *
 * Return: 0 or -errno
 */
int seccomp_prepare(unsigned int uses, const char **why) MUST_CHECK;

/* Confine the calling thread for good. Before seccomp_prepare(), or without it, nothing
 * happens. Return: 0 or -errno. */
int seccomp_enter(enum seccomp_thread thread) MUST_CHECK;

/* The same for a thread that cannot say so: it cannot fail but by a lack of memory,
 * and then ends the process. */
void seccomp_enter_thread(enum seccomp_thread thread);

/* The name of a kind of thread. */
const char *seccomp_name(enum seccomp_thread thread);

/* Print what each kind of thread may do, a line for each: its name, how many system calls,
 * and which. */
void seccomp_dump(unsigned int uses, FILE *to);

#endif /* VMM_SECCOMP_H */
