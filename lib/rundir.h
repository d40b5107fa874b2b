/* SPDX-License-Identifier: BSD-2-Clause */
/* rundir.h - The folder where a user's running VMs can be found
 *
 * There is one for each user: lanbox in $XDG_RUNTIME_DIR, or in /run/user/UID, or for
 * root in /run; where none of these is, /tmp/lanbox-UID. It is the user's own, mode
 * 0700. In it each VM with a name has sockets NAME.qmp, and perhaps NAME.console.
 *
 * A socket is live or stale; a process that was killed leaves a stale one. It is
 * between two steps for a moment while it is made, so whoever makes or cleans up sockets
 * there holds the folder's lock.
 */
#ifndef LIB_RUNDIR_H
#define LIB_RUNDIR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/compiler.h"

enum { RUNDIR_PATH = 256 };

#define RUNDIR_CONTROL	".qmp"
#define RUNDIR_CONSOLE	".console"

/* The folder's path, whether it is there or not. Return: 0 or -errno. */
int rundir_find(char path[static RUNDIR_PATH]) MUST_CHECK;

/* That of another user. Return: 0 or -errno. */
int rundir_find_of(uid_t uid, char path[static RUNDIR_PATH]) MUST_CHECK;

/* Whether what is there is a folder, and the user's alone to write to. Return: 0 or
 * -errno; -EPERM if not. */
int rundir_check(const char *path, uid_t uid) MUST_CHECK;

/* Find it, and make it. Return: 0 or -errno; -EPERM if something is there that is not
 * ours alone. */
int rundir_make(char path[static RUNDIR_PATH]) MUST_CHECK;

/* Hold the lock, until the descriptor is closed. Return: it, or -errno. */
int rundir_lock(const char *path) MUST_CHECK;

/* Whether a VM's name can be that of a file. */
bool rundir_name_fits(const char *name);

/**
 * rundir_socket() - The path of a VM's socket
 * @dir:	The folder
 * @name:	The VM's name, that fits
 * @suffix:	RUNDIR_...
 * @path:	Set to it
 *
 * Return: 0, or -ENAMETOOLONG
 */
int rundir_socket(const char *dir, const char *name, const char *suffix,
		  char path[static RUNDIR_PATH]) MUST_CHECK;

#endif /* LIB_RUNDIR_H */
