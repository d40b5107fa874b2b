/* SPDX-License-Identifier: BSD-2-Clause */
/* landlock.h - Landlock: the kernel's way for a process to give up file system rights
 *
 * Three system calls, which the C library does not know. Rights that a kernel does not
 * know yet are left out; one that knows nothing of Landlock is told to the caller.
 */
#ifndef VMM_LANDLOCK_H
#define VMM_LANDLOCK_H

#include <linux/landlock.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"

/**
 * struct landlock_rule - What is permitted below a directory
 * @dir:	The directory, open
 * @rights:	LANDLOCK_ACCESS_FS_*
 */
struct landlock_rule {
	int dir;
	uint64_t rights;
};

/**
 * landlock_enter() - Give up all of the file system but what rules permit
 * @rules:	@count of them; NULL with 0
 * @signals:	Signals to processes outside may go on
 *
 * TCP, and sockets with abstract names that others listen on, are given up, too, where
 * the kernel can do that. What is open stays open. no_new_privs has to be set.
 *
 * Return: 0, -ENOSYS or -EOPNOTSUPP if this kernel has no Landlock, or another -errno
 */
int landlock_enter(const struct landlock_rule *rules, unsigned int count,
		   bool signals) MUST_CHECK;

#endif /* VMM_LANDLOCK_H */
