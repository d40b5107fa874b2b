/* SPDX-License-Identifier: BSD-2-Clause */
/* wire_cmds.h - The commands of a wire's console, in the words of wirefilter's
 *
 * A command shows or changes a cable, and writes its reply to a stream; who sits at
 * the other side is not known here.
 */
#ifndef PLUG_WIRE_CMDS_H
#define PLUG_WIRE_CMDS_H

#include <stdbool.h>
#include <stdio.h>

#include "plug/wire_cable.h"

/* The version is VDE's, since programs read it to know what to expect. */
#define WIRE_BANNER	"\nVDE wirefilter V.2.3.2\n(C) R.Davoli 2005,2006 - GPLv2\n"
#define WIRE_PROMPT	"\nVDEwf$ "
#define WIRE_GOODBYE	"9999 END OF SESSION\n"

enum wire_end { WIRE_STAY, WIRE_LOGOUT, WIRE_SHUTDOWN };

/**
 * struct wire_call - On whose behalf a command is run
 * @cable:	What it is about
 * @out:	The reply goes there
 * @blink:	The blink socket, for showinfo, or NULL
 * @blink_id:	What it is told we are
 * @debug:	Set by markov-debug; NULL: there is nobody to tell
 * @may_load:	May have files read
 * @depth:	Files being loaded
 * @end:	Set when the session, or all, is to end
 */
struct wire_call {
	struct wire_cable *cable;
	FILE *out;
	const char *blink;
	const char *blink_id;
	unsigned int *debug;
	bool may_load;
	unsigned int depth;
	enum wire_end end;
};

/**
 * struct wire_cmd - A command
 * @name:	Its name; NULL ends the table
 * @syntax:	Its argument, for help
 * @help:	What it does, NULL: another name, not in help
 * @data:	Its reply has a data block
 * @run:	Does it; returns 0 or a positive errno
 * @param:	What is set, if @run is that of a parameter
 */
struct wire_cmd {
	const char *name;
	const char *syntax;
	const char *help;
	bool data;
	int (*run)(struct wire_call *call, const struct wire_cmd *cmd, const char *arg);
	enum wire_param param;
};

extern const struct wire_cmd wire_cmds[];

/**
 * wire_exec() - Run a command line
 * @call:	See there
 * @line:	The command; nothing happens for an empty one and a comment
 *
 * Writes the data block and the status line. Return: 0 or the positive errno of the
 * status line.
 */
int wire_exec(struct wire_call *call, const char *line);

/* Run a file of commands; errors go to the log, with file and line. Return: 0, or
 * -errno if it cannot be read. */
int wire_run_file(struct wire_call *call, const char *path) MUST_CHECK;

#endif /* PLUG_WIRE_CMDS_H */
