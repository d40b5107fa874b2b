/* SPDX-License-Identifier: BSD-2-Clause */
/* chardev.h - A stream of characters to people: terminal, file, socket, pty, or nowhere
 *
 * What QEMU calls a character device: the other end of the serial port's cable, or
 * of the monitor's. It knows nothing of what is said.
 *
 * DOC: Theory of operation
 *
 * Output goes to a ring of CHARDEV_OUT bytes, from which the event loop writes; who
 * says something never waits. When the ring is full, the oldest is lost.
 *
 * A socket and a pty are used by one client after the other. One that keeps a record
 * (@replay) holds what is said while nobody is there, the last CHARDEV_REPLAY bytes,
 * and gives it to the next who comes.
 *
 * Input is read only while its taker has room. On a terminal that is the VM's own
 * (@escape), Ctrl-A and another key are a command, whoever takes input; Ctrl-A twice
 * is Ctrl-A.
 *
 * Guarded by vm->lock.
 */
#ifndef VMM_CHARDEV_H
#define VMM_CHARDEV_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

enum {
	CHARDEV_OUT = 256 << 10,
	CHARDEV_REPLAY = 64 << 10,
	CHARDEV_IN = 4096,		/* bytes given to @input at once, at most */
	CHARDEV_FILENAME = 4096 + 64,
};

enum chardev_kind {
	CHARDEV_NULL, CHARDEV_STDIO, CHARDEV_FILE, CHARDEV_UNIX, CHARDEV_PTY,
};

/**
 * struct options_chardev - Where it leads
 * @id:		Name given to it, or NULL
 * @path:	For CHARDEV_FILE and CHARDEV_UNIX; a word for messages otherwise
 * @escape:	Ctrl-A is special
 * @optional:	Nobody has asked for it: if it cannot be had, do without
 */
struct options_chardev {
	enum chardev_kind kind;
	const char *id;
	const char *path;
	bool escape;
	bool optional;
};

/**
 * struct chardev_ops - Whoever is at our end
 * @room:	How many bytes of input it takes now
 * @input:	@size bytes of input, at most as many as there was room for
 * @key:	The key behind Ctrl-A; may be NULL
 * @opened:	Somebody has come; may be NULL
 */
struct chardev_ops {
	unsigned int (*room)(void *ctx);
	void (*input)(void *ctx, const uint8_t *bytes, unsigned int size);
	void (*key)(void *ctx, uint8_t key);
	void (*opened)(void *ctx);
};

struct chardev;

/**
 * chardev_create() - Open it
 * @loop:	Event loop
 * @opt:	Where it leads; borrowed
 * @label:	Name for messages, as QEMU has it; borrowed
 * @replay:	Keep a record while nobody is there
 * @ops:	Our end; borrowed
 * @ctx:	Passed to it
 * @out:	Set to it
 *
 * Return: 0 or -errno, logged
 */
int chardev_create(struct ev_loop *loop, const struct options_chardev *opt,
		   const char *label, bool replay, const struct chardev_ops *ops,
		   void *ctx, struct chardev **out) MUST_CHECK;

/* Make the terminal raw, if there is one: when nothing can go wrong any more. */
void chardev_take_terminal(struct chardev *c);

/* Say something. From any thread. */
void chardev_write(struct chardev *c, const void *bytes, size_t size);

/* There may be room for input again. From any thread. */
void chardev_want_input(struct chardev *c);

/* Where it leads, in QEMU's form ("disconnected:unix:/x,server=on"). Return: @buf. */
const char *chardev_filename(const struct chardev *c, char buf[static CHARDEV_FILENAME]);

/* Write out what is left, as long as somebody takes it, a second at most: last words
 * matter, and come before what is said of whoever spoke them. */
void chardev_drain(struct chardev *c);

/* The same, restore the terminal, remove the socket. NULL is fine. */
void chardev_destroy(struct chardev *c);

#endif /* VMM_CHARDEV_H */
