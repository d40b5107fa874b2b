/* SPDX-License-Identifier: BSD-2-Clause */
/* plug_main.c - lanbox-plug: command line, cable, event loop, end
 *
 * Everything else is in the library that the tests link.
 */
#include "config.h"

#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/daemon.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "plug/plug.h"
#include "plug/plug_options.h"

enum { EXIT_USAGE = 255 };	/* as vde_plug */

/**
 * struct run - What the signals act on
 * @plug:	The cable
 * @signum:	The signal that ended it, or 0
 */
struct run {
	struct plug plug;
	int signum;
};

static void stop_cb(struct ev_loop *loop, ev_signal *w, int revents UNUSED)
{
	struct run *run = w->data;

	run->signum = w->signum;
	ev_break(loop, EVBREAK_ALL);
}

static void stats_cb(struct ev_loop *loop UNUSED, ev_signal *w, int revents UNUSED)
{
	struct run *run = w->data;

	plug_log_stats(&run->plug, true);
}

/* Return: exit status. */
static int run_plug(struct run *run, struct ev_loop *loop, const struct plug_options *opt,
		    int ready_fd)
{
	static const int signums[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };
	ev_signal signals[ARRAY_SIZE(signums)];
	struct pidfile pf = PIDFILE_NONE;
	int status = EXIT_FAILURE;

	/* A signal before this ends us at once, also while a switch does not answer. */
	if (plug_open(&run->plug, loop, opt))
		goto out;
	if (opt->pidfile && pidfile_create(&pf, opt->pidfile))
		goto out;
	for (size_t i = 0; i < ARRAY_SIZE(signums); i++) {
		ev_signal_init(&signals[i], signums[i] == SIGUSR1 ? stats_cb : stop_cb,
			       signums[i]);
		signals[i].data = run;
		ev_signal_start(loop, &signals[i]);
	}
	if (ready_fd >= 0) {
		log_to_syslog();
		daemon_ready(ready_fd);
	}
	if (opt->record)
		plug_record("START");
	plug_start(&run->plug);
	ev_run(loop, 0);
	if (opt->record)
		plug_record("STOP");
	plug_log_stats(&run->plug, false);
	for (size_t i = 0; i < ARRAY_SIZE(signums); i++)
		ev_signal_stop(loop, &signals[i]);
	status = run->plug.status;
out:
	pidfile_remove(&pf);
	plug_close(&run->plug);
	return status;
}

/* The last part of a path, without the dash of a login shell. */
static const char *program_name(const char *argv0)
{
	const char *slash = argv0 ? strrchr(argv0, '/') : NULL;

	if (!argv0)
		return "lanbox-plug";
	return slash ? slash + 1 : argv0 + (argv0[0] == '-');
}

int main(int argc, char **argv)
{
	const char *program = program_name(argv[0]);
	struct run run = { .signum = 0 };
	struct plug_options opt;
	int ready_fd = -1, status;
	struct ev_loop *loop;

	fd_open_std();
	log_open(program);
	switch (plug_options_parse(&opt, program, argc, argv)) {
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
	if (opt.daemon) {
		ready_fd = daemon_fork();
		if (ready_fd < 0) {
			log_err_errno(-ready_fd, "cannot go into the background");
			return EXIT_FAILURE;
		}
	}
	loop = ev_default_loop(EVFLAG_AUTO);
	if (!loop) {
		log_err("cannot make an event loop");
		return EXIT_FAILURE;
	}
	status = run_plug(&run, loop, &opt, ready_fd);
	ev_loop_destroy(loop);
	plug_options_free(&opt);
	/* Who is interrupted says so to who waits for it; being told to end is no failure. */
	if (run.signum && run.signum != SIGTERM) {
		signal(run.signum, SIG_DFL);
		raise(run.signum);
	}
	return status;
}
