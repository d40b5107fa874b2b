/* SPDX-License-Identifier: BSD-2-Clause */
/* options.h - The command line of lanbox-switchd, in vde_switch's spellings */
#ifndef SWITCHD_OPTIONS_H
#define SWITCHD_OPTIONS_H

#include <stdbool.h>

#include "switchd/vsw.h"

/**
 * struct options - What the command line asks for
 * @vsw:	The switch
 * @daemon:	Go into the background
 * @pidfile:	Where to write the process id, or NULL
 */
struct options {
	struct vsw_config vsw;
	bool daemon;
	const char *pidfile;
};

enum options_result { OPTIONS_RUN, OPTIONS_EXIT_OK, OPTIONS_EXIT_FAILURE };

/**
 * options_parse() - Read the command line; complaints go to the log
 * @opt:	Filled; strings point into @argv
 *
 * Nothing is opened or made. Return: whether to go on, or how to exit
 */
enum options_result options_parse(struct options *opt, int argc, char **argv);

/* Free what options_parse() made. */
void options_free(struct options *opt);

#endif /* SWITCHD_OPTIONS_H */
