/* SPDX-License-Identifier: BSD-2-Clause */
/* program.h - The life of a program that is a cable: background, loop, signals, end
 *
 *	if (program_begin(&p, background))
 *		return EXIT_FAILURE;
 *	if (!open(p.loop) && !program_ready(&p, pidfile))
 *		ev_run(p.loop, 0);
 *	...
 *	program_end(&p);
 *
 * Until program_ready() a signal ends the process at once, also while a switch does not
 * answer; from then on it ends the loop. Who is interrupted says so to who waits for it:
 * program_end() dies of that signal. Being told to end (SIGTERM) is no failure.
 */
#ifndef PLUG_PROGRAM_H
#define PLUG_PROGRAM_H

#include <ev.h>
#include <stdbool.h>

#include "lib/compiler.h"
#include "lib/daemon.h"

enum { PROGRAM_SIGNALS = 3 };

/**
 * struct program - It
 * @loop:	The event loop
 * @ready_fd:	Where somebody waits for a daemon to be ready, or -1
 * @signum:	The signal that ended it, or 0
 */
struct program {
	struct ev_loop *loop;
	int ready_fd;
	int signum;
	ev_signal stop[PROGRAM_SIGNALS];
	struct pidfile pf;
};

/* The last part of argv[0], without the dash of a login shell; @fallback if it is NULL. */
const char *program_name(const char *argv0, const char *fallback);

/**
 * program_begin() - Go into the background if that is wanted, and make a loop
 *
 * Return: 0, or -errno, which is logged
 */
int program_begin(struct program *p, bool background) MUST_CHECK;

/**
 * program_ready() - All is open: write @pidfile (or none if NULL), take signals, tell
 * who waits
 *
 * Return: 0, or -errno, which is logged
 */
int program_ready(struct program *p, const char *pidfile) MUST_CHECK;

/* Give everything back, the pidfile too; if a signal but SIGTERM has ended the loop, do not
 * return. */
void program_end(struct program *p);

#endif /* PLUG_PROGRAM_H */
