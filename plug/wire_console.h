/* SPDX-License-Identifier: BSD-2-Clause */
/* wire_console.h - Who sits at a wire's console: connections, lines, replies
 *
 * DOC: Theory of operation
 *
 * On connect: a banner, then the prompt "\nVDEwf$ ". Each line is a command. Its
 * reply is, for commands that show something, a data block from the line
 * "0000 DATA END WITH '.'" to the line ".", then a status line, "1000 Success" or 1
 * and an errno of three digits and its text, and the prompt. After logout and
 * shutdown comes "9999 END OF SESSION" and the end.
 *
 * Input is taken by lines, however they were cut into writes; a line whose end does
 * not come within WIRE_CONSOLE_IDLE_S is taken as it is, since vdeterm sends its
 * lines so. A client that does not read is not read from: one reply at most waits
 * for it, and what the Markov chain does meanwhile is not told to it.
 *
 * On standard input there are neither banner nor first prompt, as with wirefilter,
 * so that a script's output has none in it; its end, and logout, end all.
 *
 * Security model: who can connect may do all that the commands do, but have files read
 * only if the kernel says that he is the user we run as, or root.
 */
#ifndef PLUG_WIRE_CONSOLE_H
#define PLUG_WIRE_CONSOLE_H

#include <ev.h>
#include <stdbool.h>
#include <sys/types.h>

#include "lib/compiler.h"
#include "plug/wire_cable.h"

#define WIRE_CONSOLE_IDLE_S	0.2

enum {
	WIRE_CONSOLE_LINE_MAX = 4096,	/* bytes of a command */
	WIRE_CONSOLE_CONN_MAX = 64,
	WIRE_CONSOLE_TRACE_MAX = 65536,	/* no more is told while so much waits */
};

/**
 * struct wire_console_config - Where it is; borrowed for as long as it lives
 * @mgmt:	Path of the socket, or NULL
 * @mode:	Its permission bits
 * @gid:	Its group, or (gid_t)-1
 * @on_stdin:	Also on standard input and output
 * @blink:	See struct wire_call
 * @changed:	Called after commands: times may be others now
 * @ctx:	Passed to it
 */
struct wire_console_config {
	const char *mgmt;
	mode_t mode;
	gid_t gid;
	bool on_stdin;
	const char *blink, *blink_id;
	void (*changed)(void *ctx);
	void *ctx;
};

struct wire_console;

/* Open it for @cable, borrowed. Return: 0 or -errno, logged. */
int wire_console_create(struct wire_console **out, struct ev_loop *loop,
			struct wire_cable *cable,
			const struct wire_console_config *cfg) MUST_CHECK;

/* Close all. Harmless on NULL. */
void wire_console_destroy(struct wire_console *con);

#endif /* PLUG_WIRE_CONSOLE_H */
