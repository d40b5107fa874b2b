/* SPDX-License-Identifier: BSD-2-Clause */
/* vm_find.h - Running VMs in a user's folder (lib/rundir.h), and talking to one
 *
 * A VM is there when somebody listens on its control socket. A socket on which nobody
 * does was left by a process that was killed, and is removed, if the folder is ours.
 *
 * Security model: whoever has the folder may put there what he likes, as names that lead to
 * sockets of others, who are neither to be killed nor told anything in our name. So what is
 * at the other end has to be the folder's owner's.
 */
#ifndef TOOLS_VM_FIND_H
#define TOOLS_VM_FIND_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/compiler.h"
#include "lib/rundir.h"
#include "tools/qmp_client.h"

/**
 * struct vm_peer - A running VM
 * @client:	Its control socket, if @answers
 * @answers:	It does; else it hangs, or makes no sense
 * @uid:	Whose it is, as is the folder
 * @pid:	Its process
 * @pidfd:	The same, safe from another one getting the number
 */
struct vm_peer {
	struct qmp_client client;
	bool answers;
	uid_t uid;
	pid_t pid;
	int pidfd;
};

/* Where the VMs of @user are, a name or a number, or NULL for ours. Return: 0, or
 * -errno, said on standard error; -ENOENT, not said: there is no such folder. */
int vm_find_dir(const char *user, char dir[static RUNDIR_PATH]) MUST_CHECK;

/**
 * vm_find_names() - Who is there, or was
 * @dir:	Folder
 * @names:	Set to their names in alphabetical order, one block of memory to be
 *		freed, ended by NULL
 *
 * Return: how many, or -errno
 */
int vm_find_names(const char *dir, char ***names) MUST_CHECK;

/* Connect. Return: 0, -ENOENT if it does not run, -EPERM if it is somebody else's than the
 * folder, or another -errno. */
int vm_find(const char *dir, const char *name, struct vm_peer *vm) MUST_CHECK;

/* Whether the process that listens at the other end of a socket is of @uid. */
bool vm_peer_is_of(int sock, uid_t uid) MUST_CHECK;

void vm_peer_close(struct vm_peer *vm);

/* Wait for its end, so many milliseconds, -1 for ever. Return: whether it has come. */
bool vm_peer_wait(const struct vm_peer *vm, int ms) MUST_CHECK;

#endif /* TOOLS_VM_FIND_H */
