/* SPDX-License-Identifier: BSD-2-Clause */
/* rcfile.h - Commands of the console from a file: at start, and by load
 *
 * A line is a command; empty ones and those that begin with '#' are skipped. What
 * fails at start is written to the log with the file's name and the line's number;
 * the rest is done all the same.
 *
 * load opens a file for whoever is at the console, with his rights and not with the
 * switch's: see open_as.h. Files load files RCFILE_DEPTH deep.
 */
#ifndef SWITCHD_RCFILE_H
#define SWITCHD_RCFILE_H

#include "lib/compiler.h"

enum {
	RCFILE_DEPTH = 4,
	RCFILE_SIZE_MAX = 1 << 20,	/* bytes */
};

struct console_call;
struct vsw;

/* Run the file of the configuration, or that of VDE's usual places which is there
 * first: ~/.vde2/vde_switch.rc, /etc/vde2/vde_switch.rc. Return: 0; -ENOENT if the
 * configuration's is missing; the error of the first line that failed. Logged. */
int rcfile_run(struct vsw *vsw) MUST_CHECK;

/* Run a file for @call, each command echoed before its reply. Return: 0 or -errno if
 * it could not be read; -ELOOP if files are loaded too deep. */
int rcfile_load(const struct console_call *call, const char *path) MUST_CHECK;

#endif /* SWITCHD_RCFILE_H */
