/* SPDX-License-Identifier: BSD-2-Clause */
/* vm_console.h - This terminal as that of a VM */
#ifndef TOOLS_VM_CONSOLE_H
#define TOOLS_VM_CONSOLE_H

#include "lib/compiler.h"

/**
 * vm_console() - Carry bytes between this terminal and a VM's serial console
 * @fd:		The console, a socket or a pty; closed
 *
 * Up to Ctrl-] on a terminal, or the end of the console. What is no terminal may end,
 * too: what was typed there is carried over, and the console read on.
 *
 * Return: 0, or -errno
 */
int vm_console(int fd) MUST_CHECK;

#endif /* TOOLS_VM_CONSOLE_H */
