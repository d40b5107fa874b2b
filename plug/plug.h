/* SPDX-License-Identifier: BSD-2-Clause */
/* plug.h - A cable: two ends, and what happens when one of them goes away
 *
 * Frames go straight from one end to the other; nothing is queued here. An end that
 * is gone ends the cable, unless it is to be looked for: then frames to it are lost
 * meanwhile, as on a cable that was pulled.
 */
#ifndef PLUG_PLUG_H
#define PLUG_PLUG_H

#include <ev.h>

#include "lib/compiler.h"
#include "lib/ratelimit.h"
#include "plug/command.h"
#include "plug/end.h"
#include "plug/iplog.h"
#include "plug/plug_options.h"

/**
 * struct plug - A cable
 * @loop:	The default loop, borrowed
 * @opt:	What the user wants, borrowed
 * @vnl:	Where to, for ends that are VNLs
 * @end:	The ends; the second one is NULL while its command is away
 * @command:	The command at the second end
 * @restart:	Starts it again
 * @pause_s:	Time until then
 * @since:	When it was started
 * @iplog:	Addresses seen, or NULL
 * @records:	How often addresses may be logged
 * @status:	Exit status
 */
struct plug {
	struct ev_loop *loop;
	const struct plug_options *opt;
	struct end_vnl_args vnl[2];
	struct end *end[2];
	struct command command;
	ev_timer restart;
	double pause_s;
	ev_tstamp since;
	struct iplog *iplog;
	struct ratelimit records;
	int status;
};

/**
 * plug_open() - Open both ends
 * @p:		Overwritten
 * @loop:	The default loop, borrowed
 * @opt:	What the user wants, borrowed
 *
 * Return: 0 or -errno, logged; plug_close() in any case
 */
int plug_open(struct plug *p, struct ev_loop *loop, const struct plug_options *opt) MUST_CHECK;

/* Frames begin to pass when the loop runs. The plug ends the loop, with @p->status
 * set. */
void plug_start(struct plug *p);

/* Log what became of the frames; if @all is not set, only where some were lost. */
void plug_log_stats(const struct plug *p, bool all);

void plug_close(struct plug *p);

/* Log an event to syslog, with who we are. */
void plug_record(const char *event);

#endif /* PLUG_PLUG_H */
