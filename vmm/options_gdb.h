/* SPDX-License-Identifier: BSD-2-Clause */
/* options_gdb.h - Where a debugger comes in, on the command line: the argument of -gdb */
#ifndef VMM_OPTIONS_GDB_H
#define VMM_OPTIONS_GDB_H

#include <stdbool.h>

#include "lib/compiler.h"

enum { OPTIONS_GDB_HOST = 256 };

/**
 * struct options_gdb - Where to listen for gdb
 * @given:	Listen at all
 * @shown:	What was asked for, for messages
 * @path:	A UNIX socket, or NULL: TCP
 * @host:	Address or name for TCP
 * @port:	Its port, decimal
 */
struct options_gdb {
	bool given;
	const char *shown;
	const char *path;
	char host[OPTIONS_GDB_HOST];
	char port[6];
};

/* Read "unix:PATH", "tcp:[HOST]:PORT" or "none". @arg is cut up, and kept. Complains
 * itself, naming the option @name. Return: whether all is well. */
bool options_gdb_parse(struct options_gdb *opt, const char *name, char *arg) MUST_CHECK;

#endif /* VMM_OPTIONS_GDB_H */
