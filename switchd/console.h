/* SPDX-License-Identifier: BSD-2-Clause */
/* console.h - VDE's management console, for people and for their scripts
 *
 * DOC: Theory of operation
 *
 * On connect: a banner, then the prompt "\nvde$ ". Each line is a command. Its
 * reply is, for commands that show something, a data block from the line
 * "0000 DATA END WITH '.'" to the line ".", then a status line, "1000 Success"
 * or 1 and an errno of three digits and its text, and the prompt. After logout
 * and shutdown comes "9999 END OF SESSION" and the end. These bytes are what
 * vdeterm, vdecmd, libvdemgmt and others look for.
 *
 * Input is taken by lines, however they were cut into writes; a line whose end
 * does not come within CONSOLE_IDLE_S is taken as it is, since vdeterm sends its
 * lines so. As in VDE, the first entry of the table whose name begins the line is meant, so that
 * "port/print1" is "port/print 1".
 *
 * Events (debug/add) come as lines of their own between replies: 3, the tag, the path
 * and words.
 *
 * A client that does not read is not read from: one reply at most waits for it, and
 * CONSOLE_EVENTS_MAX bytes of events; those that come on top are lost to it.
 */
#ifndef SWITCHD_CONSOLE_H
#define SWITCHD_CONSOLE_H

#include <stdint.h>

#include "lib/compiler.h"

#define CONSOLE_IDLE_S	0.2

enum {
	CONSOLE_LINE_MAX = 4096,	/* bytes of a command */
	CONSOLE_CONN_MAX = 64,
	CONSOLE_EVENTS_MAX = 65536,	/* bytes */
};

struct console;
struct console_conn;
struct vsw;

/* Open the management socket and the console on standard input, as far as the
 * configuration asks for them. Return: 0 or -errno. */
int console_create(struct vsw *vsw, struct console **out) MUST_CHECK;

/* Close all. NULL is fine. */
void console_destroy(struct console *con);

/* For commands. */

/* The session ends when the reply is out; it means nothing on standard input. */
void console_end(struct console_conn *conn);

/* The kinds of events it shows, as bits. */
uint32_t console_events(const struct console_conn *conn);
void console_set_events(struct console_conn *conn, uint32_t kinds);

#endif /* SWITCHD_CONSOLE_H */
