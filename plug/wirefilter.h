/* SPDX-License-Identifier: BSD-2-Clause */
/* wirefilter.h - A wire between two ends, with a console: all together in a loop
 *
 * A frame that comes from an end is given to the wire in its direction (wire.h), and
 * sent to the other end when it is due. One timer, with the resolution of the kernel's
 * clock, waits for whatever is next: a frame that is due, an interface that is free
 * again, a step of the Markov chain.
 *
 * What the other end has no room for waits, and then nothing more is read from the
 * first: a wire loses frames because it is told to or because a bound is reached, and
 * not because somebody is slow.
 */
#ifndef PLUG_WIREFILTER_H
#define PLUG_WIREFILTER_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

#include "lib/compiler.h"
#include "plug/end.h"
#include "plug/wire_cable.h"
#include "plug/wire_console.h"
#include "plug/wire_options.h"

struct wirefilter;

/**
 * struct wire_way - One direction, as seen from the loop
 * @wf:		The filter
 * @from:	Frames come from there
 * @to:		And go there
 * @stalled:	@to has no room
 * @held:	@from waits until its frame is taken
 */
struct wire_way {
	struct wirefilter *wf;
	struct end *from, *to;
	bool stalled;
	bool held;
};

/**
 * struct wirefilter - All of it
 * @opt:	What was asked for
 * @end:	The left and the right end; without a right one, frames go out where
 *		the left one's stream leads
 * @way:	Left to right, right to left
 * @ways:	How many
 * @cable:	What becomes of the frames
 * @timer:	Watches the timer descriptor
 * @armed_ns:	When it goes off, WIRE_NEVER if not
 * @blink_fd:	Socket to tell of frames, -1 if nobody wants to know
 * @blink:	Whom
 * @blink_id:	What it is told we are
 * @status:	Exit status
 */
struct wirefilter {
	struct ev_loop *loop;
	const struct wire_options *opt;
	struct end *end[WIRE_DIRS];
	struct wire_way way[WIRE_DIRS];
	unsigned int ways;
	struct wire_cable *cable;
	struct wire_console *console;
	struct wire_console_config console_cfg;
	ev_io timer;
	uint64_t armed_ns;
	int blink_fd;
	struct sockaddr_un blink;
	char blink_id[WIRE_BLINK_ID_MAX];
	int status;
};

/**
 * wirefilter_open() - Open the ends, the console, and run the file of commands
 * @wf:		Overwritten
 * @loop:	Event loop, borrowed
 * @opt:	Options, borrowed
 *
 * Return: 0 or -errno, logged; wirefilter_close() is to be called also then
 */
int wirefilter_open(struct wirefilter *wf, struct ev_loop *loop,
		    const struct wire_options *opt) MUST_CHECK;

/* Let frames pass. The loop is broken when an end is gone. */
void wirefilter_start(struct wirefilter *wf);

void wirefilter_close(struct wirefilter *wf);

#endif /* PLUG_WIREFILTER_H */
