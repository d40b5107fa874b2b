/* SPDX-License-Identifier: BSD-2-Clause */
/* opener.h - What a running VM still needs a path for, done by a small process beside it
 *
 * DOC: Theory of operation
 *
 * The VM's process gives up paths, sockets and signals before the guest's first
 * instruction (sandbox.h). A few things come later all the same: a switch is started anew,
 * a guest asks for a stream to a program of the host's, a state is saved, sockets are
 * removed at the end. These are done by the opener, a process that was forked just before
 * and never sees a byte of the guest's.
 *
 * What it does was written down before it was forked, from the command line: each
 * opener_may_...() adds a line to a list, which both processes then have and neither can
 * add to. A request is the number of a line and at most a number beside it; the answer is
 * a descriptor or an errno. Only the name of a saved state comes as text, and is taken
 * below one folder, which the user has named, without ".." and without symbolic links.
 *
 * There are two of them where states may be saved: a folder may be on a file system that
 * stands still, and a switch is not to wait for it. The second one's only line is that
 * folder.
 *
 * It ends when the VM's process does, which it learns by the end of their socket, and
 * ends the processes then that serve its disks: a VM that has changed its user could not.
 *
 * Its own sandbox: no capability but, where root started it, that to open what belongs to
 * others; Landlock, with the right to remove what it may, or to write below that folder;
 * a filter for system calls. It neither maps the guest's memory nor holds its descriptors.
 *
 * Before it is started, and where there is no sandbox, the same functions do the same
 * in the VM's own process. It is part of the process as the log is.
 */
#ifndef VMM_OPENER_H
#define VMM_OPENER_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/compiler.h"

enum { OPENER_LINES = 64 };

/* The list. Each returns the number of a line, or -errno. */

/**
 * opener_may_connect() - A stream socket
 * @path:	Where somebody else listens or will; copied
 * @port:	"_" and a number is put behind it each time
 */
int opener_may_connect(const char *path, bool port) MUST_CHECK;

/* The datagram socket of the host's log. */
int opener_may_log(void) MUST_CHECK;

/* A name that is to go when the VM ends, if what is there is still what is there now. */
int opener_may_remove(const char *path) MUST_CHECK;

/* A process that may be told to end (SIGTERM), or to end at once (SIGKILL); the
 * descriptor is borrowed for good. */
int opener_may_end(int pidfd) MUST_CHECK;

/**
 * opener_may_save() - Saved states, of which there is one line only
 * @dir:	Below this folder
 * @ending:	If not NULL: only in @dir itself, and only under names that end so and do not
 *		begin with a dot; a string that stays
 */
int opener_may_save(const char *dir, const char *ending) MUST_CHECK;

/* Requests, from any thread. */

/* Connect by line @line, with @port if it wants one. Nobody is waited for. Return: a
 * descriptor that does not block, or -errno, -EAGAIN if others wait there. */
int opener_connect(int line, unsigned int port) MUST_CHECK;

/* Remove @path, which is in the list; what is not, is removed by ourselves. */
void opener_remove(const char *path);

/* Send the process of line @line a signal. */
void opener_end(int line, int signum);

/**
 * opener_save_begin() - A new file for a saved state
 * @path:	Where it is to be in the end
 *
 * Return: the file, open for writing, under a name of its own for now; or -errno, -EACCES
 * if @path is not below the folder, -EEXIST if what is there is no file
 */
int opener_save_begin(const char *path) MUST_CHECK;

/* Give that file its name and make the name safe, or remove it. Return: 0 or -errno. */
int opener_save_end(bool keep) MUST_CHECK;

/* Why a state may not be saved at @path; NULL if it may. */
const char *opener_save_refusal(const char *path);

/**
 * opener_save_name() - The part of a path below a folder
 * @dir:	The folder, beginning with '/'
 * @path:	The path
 *
 * Return: where the part begins in @path, or NULL if it is not below, or has ".." in it
 */
const char *opener_save_name(const char *dir, const char *path);

/**
 * opener_start() - Fork it; the list is complete
 * @confine:	Called in the new process when it has let go of what it does not need;
 *		a failure ends it
 *
 * Return: 0 or -errno
 */
int opener_start(int (*confine)(void)) MUST_CHECK;

/* Landlock for this process: the rights that the list asks for, and no other. For
 * @confine. Return: 0 or -errno. */
int opener_landlock(void) MUST_CHECK;

/* Whether it runs. */
bool opener_runs(void);

/* Empty the list, for tests. */
void opener_forget(void);

#endif /* VMM_OPENER_H */
