/* SPDX-License-Identifier: BSD-2-Clause */
/* console_cmds.h - The console's commands, as tables
 *
 * Each menu is a table in a file of its own, cmd_port.c for port/ and so on; the
 * order of the menus and of the commands in them is that of help, and decides which
 * command a line means. Commands read their arguments, call admin.h, and print.
 */
#ifndef SWITCHD_CONSOLE_CMDS_H
#define SWITCHD_CONSOLE_CMDS_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct console_conn;
struct vsw;

/* First lines of the banner and of showinfo. The version is VDE's, since
 * programs read it to know what to expect. */
#define CONSOLE_BANNER \
	"VDE switch V.2.3.2\n" \
	"(C) Virtual Square Team (coord. R. Davoli) 2005,2006,2007 - GPLv2\n"

#define CONSOLE_MENU "============"

/**
 * struct console_call - A command being run
 * @out:	Its data goes there
 * @conn:	Who is at the console, or NULL: nobody, it is from a file or a program
 * @uid:	His user
 * @gid:	His group
 * @depth:	Files being loaded
 */
struct console_call {
	struct vsw *vsw;
	FILE *out;
	struct console_conn *conn;
	uid_t uid;
	gid_t gid;
	unsigned int depth;
};

/**
 * struct console_cmd - A command
 * @path:	Its name; NULL ends a table
 * @syntax:	Its arguments, for help
 * @help:	What it does
 * @data:	Its reply has a data block
 * @run:	Does it: writes data to @call->out, returns 0 or a positive errno.
 *		NULL: a menu's heading
 */
struct console_cmd {
	const char *path;
	const char *syntax;
	const char *help;
	bool data;
	int (*run)(const struct console_call *call, const char *arg);
};

extern const struct console_cmd cmd_ds[], cmd_general[], cmd_debug[], cmd_plugin[],
	cmd_hash[], cmd_fstp[], cmd_port[], cmd_vlan[], cmd_tap[], cmd_mcast[],
	cmd_policy[], cmd_guard[], cmd_mirror[], cmd_lldp[];

/**
 * console_exec() - Run a command line
 * @call:	On whose behalf, and where the reply goes: data block and status line
 * @line:	The command, blanks at its beginning skipped
 *
 * Return: 0 or the positive errno of the status line
 */
int console_exec(const struct console_call *call, const char *line);

/* A status line. */
void console_status(FILE *out, int err);

/* What a command line means. Return: the command and its argument (blanks
 * skipped), or NULL. */
const struct console_cmd *console_find(const struct vsw *vsw, const char *line,
				       const char **arg);

/* The entry after @c, in the order of help, those of loaded plugins last; the first
 * one after NULL. @menu is the caller's place. */
const struct console_cmd *console_next(const struct vsw *vsw, const struct console_cmd *c,
				       size_t *menu);

/* For commands. */

/* A number at the start of *@arg, up to @max; *@arg moves on behind it. */
bool cmd_number(const char **arg, unsigned int max, unsigned int *n);

/* A word at the start of *@arg, of less than @size bytes; *@arg moves on. */
bool cmd_word(const char **arg, char *word, size_t size);

/* A number, and nothing behind it. */
bool cmd_only_number(const char *arg, unsigned int max, unsigned int *n);

/* The same, two of them. */
bool cmd_two_numbers(const char *arg, unsigned int max_a, unsigned int *a,
		     unsigned int max_b, unsigned int *b);

#endif /* SWITCHD_CONSOLE_CMDS_H */
