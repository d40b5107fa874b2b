/* SPDX-License-Identifier: BSD-2-Clause */
/* plug_options.h - The command lines of lanbox-plug, vde_plug and vde_plug2tap
 *
 * Which of them it is, is decided by the name the program was started with.
 */
#ifndef PLUG_PLUG_OPTIONS_H
#define PLUG_PLUG_OPTIONS_H

#include <libvdeplug.h>
#include <stdbool.h>
#include <stddef.h>

enum plug_kind { PLUG_VNL, PLUG_TAP, PLUG_STDIO, PLUG_COMMAND };

/**
 * struct plug_side - One end of the cable
 * @kind:	What it is
 * @name:	VNL, or tap interface
 * @command:	Command and arguments, NULL at the end
 * @open:	Port, group and mode for a VNL
 * @with_open:	One of them was given
 * @allocated:	@name is ours
 */
struct plug_side {
	enum plug_kind kind;
	const char *name;
	char **command;
	struct vde_open_args open;
	bool with_open;
	bool allocated;
};

/**
 * struct plug_options - What the user wants
 * @side:	The two ends
 * @descr:	What switches show
 * @pidfile:	Or NULL
 * @retry_s:	Longest time between two attempts to get a lost end back; 0: end
 * @max_frame:	Longest frame to send into a stream, bytes
 * @daemon:	Go into the background
 * @record:	Start and stop to syslog
 * @iplog:	Also addresses
 */
struct plug_options {
	struct plug_side side[2];
	const char *descr;
	const char *pidfile;
	unsigned int retry_s;
	unsigned int max_frame;
	bool daemon;
	bool record;
	bool iplog;
};

enum plug_options_result {
	PLUG_OPTIONS_RUN,
	PLUG_OPTIONS_EXIT_OK,
	PLUG_OPTIONS_USAGE,	/* it was said what is wrong */
	PLUG_OPTIONS_REFUSED,	/* a login shell for anything but the plug */
};

/**
 * plug_options_parse() - Read a command line
 * @opt:	Filled; borrows from @argv
 * @program:	Name without dash and directories
 * @argc:	Arguments
 * @argv:	They; their order is changed
 */
enum plug_options_result plug_options_parse(struct plug_options *opt, const char *program,
					    int argc, char **argv);

void plug_options_free(struct plug_options *opt);

#endif /* PLUG_PLUG_OPTIONS_H */
