/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon.h - Going into the background truthfully, and the pid file
 *
 * daemon_fork() comes first, before anything is opened. The child sets itself
 * up with stderr still the caller's, so that every complaint is seen; the
 * parent waits. daemon_ready() lets the parent exit 0; a child that dies
 * before makes it exit with the child's own status.
 */
#ifndef LIB_DAEMON_H
#define LIB_DAEMON_H

#include <sys/types.h>

#include "lib/compiler.h"

/**
 * daemon_fork() - Fork; the parent waits for the child and exits
 *
 * Return: in the child, the descriptor for daemon_ready(), or -errno
 */
int daemon_fork(void) MUST_CHECK;

/**
 * daemon_ready() - Tell the waiting parent that all is well, and detach
 * @ready_fd:	What daemon_fork() returned; closed
 *
 * Standard input, output and error become /dev/null, the directory /. Call
 * log_to_syslog() before.
 */
void daemon_ready(int ready_fd);

/* The same in two steps, for who may open nothing when he is ready: go to / and open
 * /dev/null, which is returned, or -1; and the rest. */
int daemon_settle(void) MUST_CHECK;
void daemon_detach(int ready_fd, int null);

/* What a process that was forked to work beside another does first: leave its session and
 * its handlers for signals, and get a name of its own. Signals that end programs do not end
 * it: it has work when they end the other. */
void daemon_beside(const char *name);

/**
 * struct pidfile - A pid file held by a lock for as long as its process lives
 * @fd:		Locked descriptor, -1 if none
 * @path:	Absolute path
 */
struct pidfile {
	int fd;
	char path[4096];
};

#define PIDFILE_NONE	((struct pidfile){ .fd = -1 })

/**
 * pidfile_create() - Create and lock a pid file and write our pid to it
 * @pf:		Filled
 * @path:	Where; a relative one is taken from the current directory
 *
 * A file left behind by a process that is gone is taken over; one that is no pid
 * file is left alone.
 *
 * Return: 0 or -errno, logged; -EBUSY if a living process holds it, -EEXIST if
 * the file is something else
 */
int pidfile_create(struct pidfile *pf, const char *path) MUST_CHECK;

/* Remove the file if it is still ours, and close it. Harmless on PIDFILE_NONE. */
void pidfile_remove(struct pidfile *pf);

/* Only close it: the file is gone, or somebody else's to remove. */
void pidfile_close(struct pidfile *pf);

#endif /* LIB_DAEMON_H */
