/* SPDX-License-Identifier: BSD-2-Clause */
/* command.h - A command at the other end of two pipes
 *
 * It is over when it has exited and its output has ended. One that does only one of
 * the two is given COMMAND_LINGER_S for the other, then it is told to end.
 */
#ifndef PLUG_COMMAND_H
#define PLUG_COMMAND_H

#include <ev.h>
#include <stdbool.h>
#include <sys/types.h>

#include "lib/compiler.h"

#define COMMAND_LINGER_S	1.

/**
 * struct command - A command that runs
 * @pid:	Its process, 0 if it has exited or never ran
 * @status:	Its exit status, or 128 and the signal that ended it
 * @ended:	Called when it is over
 * @ctx:	Passed to it
 */
struct command {
	struct ev_loop *loop;
	ev_child exited;
	ev_timer linger;
	pid_t pid;
	int status;
	bool closed;
	void (*ended)(void *ctx, int status);
	void *ctx;
};

/**
 * command_start() - Run a command with pipes for its standard input and output
 * @c:		Overwritten; must not be running
 * @loop:	The default loop, borrowed
 * @argv:	The command, looked for in PATH
 * @quiet:	Its standard error is /dev/null, else ours
 * @in:		Set to the descriptor that reads its output, the caller's
 * @out:	Set to the one that writes its input, the caller's
 *
 * Set @c->ended and @c->ctx after.
 *
 * Return: 0 or -errno, also if there is no such command
 */
int command_start(struct command *c, struct ev_loop *loop, char **argv, bool quiet,
		  int *in, int *out) MUST_CHECK;

/* Its output has ended, and its input is closed. */
void command_closed(struct command *c);

/* Tell it to end, and forget it. Harmless on one that is over or all zero. */
void command_stop(struct command *c);

#endif /* PLUG_COMMAND_H */
