/* SPDX-License-Identifier: BSD-2-Clause */
/* plug_main.c - lanbox-plug: command line, cable, event loop, end
 *
 * Everything else is in the library that the tests link.
 */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "plug/plug.h"
#include "plug/plug_options.h"
#include "plug/program.h"

enum { EXIT_USAGE = 255 };	/* as vde_plug */

static void stats_cb(struct ev_loop *loop UNUSED, ev_signal *w, int revents UNUSED)
{
	plug_log_stats(w->data, true);
}

/* Return: exit status. */
static int run_plug(struct program *p, const struct plug_options *opt)
{
	int status = EXIT_FAILURE;
	struct plug plug;
	ev_signal stats;

	if (!plug_open(&plug, p->loop, opt) && !program_ready(p, opt->pidfile)) {
		ev_signal_init(&stats, stats_cb, SIGUSR1);
		stats.data = &plug;
		ev_signal_start(p->loop, &stats);
		if (opt->record)
			plug_record("START");
		plug_start(&plug);
		ev_run(p->loop, 0);
		if (opt->record)
			plug_record("STOP");
		plug_log_stats(&plug, false);
		ev_signal_stop(p->loop, &stats);
		status = plug.status;
	}
	plug_close(&plug);
	return status;
}

int main(int argc, char **argv)
{
	const char *name = program_name(argv[0], "lanbox-plug");
	struct plug_options opt;
	struct program p;
	int status;

	fd_open_std();
	log_open(name);
	switch (plug_options_parse(&opt, name, argc, argv)) {
	case PLUG_OPTIONS_EXIT_OK:
		return EXIT_SUCCESS;
	case PLUG_OPTIONS_USAGE:
		return EXIT_USAGE;
	case PLUG_OPTIONS_REFUSED:
		plug_record("FAILED");
		fprintf(stderr, "This is one end of a virtual network cable, no login shell: "
			"it runs vde_plug or lanbox-plug, without arguments, and nothing else.\n");
		return EXIT_USAGE;
	case PLUG_OPTIONS_RUN:
		break;
	}
	signal(SIGPIPE, SIG_IGN);
	if (program_begin(&p, opt.daemon))
		return EXIT_FAILURE;
	status = run_plug(&p, &opt);
	plug_options_free(&opt);
	program_end(&p);
	return status;
}
