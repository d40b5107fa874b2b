/* SPDX-License-Identifier: BSD-2-Clause */
/* console_cmds.h - The console's commands, as a table */
#ifndef SWITCHD_CONSOLE_CMDS_H
#define SWITCHD_CONSOLE_CMDS_H

#include <stdbool.h>
#include <stdio.h>

struct vsw;

/* First lines of the banner and of showinfo. The version is VDE's, since
 * programs read it to know what to expect. */
#define CONSOLE_BANNER \
	"VDE switch V.2.3.2\n" \
	"(C) Virtual Square Team (coord. R. Davoli) 2005,2006,2007 - GPLv2\n"

/**
 * struct console_cmd - A command
 * @path:	Its name
 * @syntax:	Its arguments, for help
 * @help:	What it does
 * @data:	Its reply has a data block
 * @run:	Does it: writes data to @out, returns 0 or a positive errno.
 *		NULL: a menu's heading
 */
struct console_cmd {
	const char *path;
	const char *syntax;
	const char *help;
	bool data;
	int (*run)(struct vsw *vsw, FILE *out, const char *arg);
};

/* The table, in the order of help; an entry without a name ends it. */
extern const struct console_cmd console_cmds[];

/* What a command line means. Return: the command and its argument (blanks
 * skipped), or NULL. */
const struct console_cmd *console_find(const char *line, const char **arg);

#endif /* SWITCHD_CONSOLE_CMDS_H */
