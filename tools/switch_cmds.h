/* SPDX-License-Identifier: BSD-2-Clause */
/* switch_cmds.h - The subcommands of lanbox switch
 *
 * They are a table in switch.c. One that only runs a command of the control socket
 * needs no code: its usage text says what its words are (switch_args.c). Those that
 * show something are functions in switch_show.c; they ask with switch_ask() and print
 * with table.h.
 */
#ifndef TOOLS_SWITCH_CMDS_H
#define TOOLS_SWITCH_CMDS_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/compiler.h"

struct qmp_client;

enum {
	SWITCH_DONE = 0,
	SWITCH_REFUSED = 1,	/* by the switch, its words are on standard error */
	SWITCH_USAGE = 2,
	SWITCH_ABSENT = 3,	/* there is no switch, or no longer */
};

/**
 * struct switch_call - A subcommand being run
 * @dir:	The switch
 * @cmd:	What it is
 * @args:	What its words say, as arguments for the control socket; owned
 * @words:	The words themselves, @count of them
 * @json:	Print what comes back as it is
 * @interval_s:	Of -i, or 0
 * @client:	Connection, made when something is asked for
 * @status:	Set when that fails
 */
struct switch_call {
	const char *dir;
	const struct switch_cmd *cmd;
	json_t *args;
	char **words;
	int count;
	bool json;
	unsigned int interval_s;
	struct qmp_client *client;
	int status;
};

/**
 * struct switch_cmd - A subcommand
 * @name:	One word or two
 * @usage:	Its arguments, see switch_args()
 * @options:	Letters of the options that are its own: p, v, i
 * @execute:	Command of the control socket
 * @show:	Prints what that returned. NULL: there is nothing to say
 * @run:	Does it all, instead. Return: exit status
 * @help:	What it does
 * @example:	A command line
 */
struct switch_cmd {
	const char *name;
	const char *usage;
	const char *options;
	const char *execute;
	void (*show)(const struct switch_call *call, const json_t *ret);
	int (*run)(struct switch_call *call);
	const char *help;
	const char *example;
};

/**
 * switch_args() - Words of a command line, as arguments for the control socket
 * @usage:	What they are: "NAME [PORT]" are two words, the second of which may be
 *		missing, the arguments "name" and "port"; "key=VALUE" is an argument by
 *		that name, in any order, and may be missing; "WORD..." is any number of
 *		words, which are left alone. PORT, SOURCE, VLAN, ID, N, MASK, SECONDS are numbers,
 *		"yes|no" and "on|off" one of these words; after a '=', USER and GROUP
 *		are names or numbers, and, with VLAN, NAME and IP, "none" is nobody
 * @words:	@count of them
 * @args:	Object they are added to
 * @err:	On failure, why; @size bytes
 *
 * Return: whether the words are of this form
 */
bool switch_args(const char *usage, char *const *words, int count, json_t *args, char *err,
		 size_t size) MUST_CHECK;

/* Run a command of the control socket; @args are taken over. Return: what it
 * returned, owned by the caller; NULL with @call->status set, said on standard
 * error. */
json_t *switch_ask(struct switch_call *call, const char *execute, json_t *args) MUST_CHECK;

/* Print a value as JSON, on a line. */
void switch_print_json(const json_t *v);

/* Subcommands. */

void switch_show_switch(const struct switch_call *call, const json_t *ret);
void switch_show_ports(const struct switch_call *call, const json_t *ret);
void switch_show_fdb(const struct switch_call *call, const json_t *ret);
void switch_show_vlans(const struct switch_call *call, const json_t *ret);
void switch_show_stp(const struct switch_call *call, const json_t *ret);
void switch_show_mcast(const struct switch_call *call, const json_t *ret);
void switch_show_guard(const struct switch_call *call, const json_t *ret);
void switch_show_mirrors(const struct switch_call *call, const json_t *ret);
void switch_show_lldp(const struct switch_call *call, const json_t *ret);
void switch_show_taps(const struct switch_call *call, const json_t *ret);
void switch_show_made(const struct switch_call *call, const json_t *ret);
int switch_stats(struct switch_call *call);
int switch_console(struct switch_call *call);
int switch_watch(struct switch_call *call);

#endif /* TOOLS_SWITCH_CMDS_H */
