/* SPDX-License-Identifier: BSD-2-Clause */
/* sandbox.h - Giving up whatever a VM does not need, before the guest's first instruction
 *
 * DOC: Theory of operation
 *
 * A guest that finds a hole in a device has the VM's process. What it can do then is what
 * this process may do, so that is made little: when everything is open that the command
 * line names (vm_create()), and before anything of the guest's has run, these steps come,
 * in this order:
 *
 *  1. What would need the file system later is read now (time zone, the host's KVM).
 *  2. The filters for system calls are assembled (seccomp.h), from what this VM has.
 *  3. The opener is forked (opener.h), which does what needs a path from now on.
 *  4. Who started as root becomes another user, without groups. All capabilities go, of
 *     every set.
 *  5. No core file, and no memory by ptrace(2): resource limits, "dumpable". Guest memory
 *     is left out of core files in any case (ram.c).
 *  6. no_new_privs: no program that is executed gets them back.
 *  7. Landlock: no file system, no TCP, no abstract sockets, no signals outside.
 *  8. All threads are made, each of which enters its own filter (thread.h).
 *  9. The main thread's filter.
 *
 * A step that fails is a VM that does not start, and the message names the step; only a
 * kernel without Landlock is accepted, with a word in the log: steps 4, 8 and 9 do without.
 *
 * There is no limit to the number of processes, which would count those of other VMs of
 * the same user (no process can be made, by steps 8 and 9), nor to the size of files, which would
 * count the guest's memory.
 */
#ifndef VMM_SANDBOX_H
#define VMM_SANDBOX_H

#include <stdio.h>

#include "lib/compiler.h"

struct options;
struct vm;

/**
 * sandbox_enter() - All of the steps; with -sandbox off only the threads, and a loud word
 * @vm:		VM that has been made and not powered on
 *
 * Failures are logged. Return: 0 or -errno
 */
int sandbox_enter(struct vm *vm) MUST_CHECK;

/* What a VM with these options has that needs system calls of its own
 * (enum seccomp_use). */
unsigned int sandbox_uses(const struct options *opt);

#endif /* VMM_SANDBOX_H */
