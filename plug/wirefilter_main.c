/* SPDX-License-Identifier: BSD-2-Clause */
/* wirefilter_main.c - lanbox-wirefilter: command line, wire, event loop, end
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
#include "plug/wirefilter.h"

/**
 * struct run - What the signals act on
 * @signum:	The signal that ended it, or 0
 */
struct run {
	struct wirefilter wf;
	int signum;
};

static void stop_cb(struct ev_loop *loop, ev_signal *w, int revents UNUSED)
{
	struct run *run = w->data;

	run->signum = w->signum;
	ev_break(loop, EVBREAK_ALL);
}

/* Return: exit status. */
static int run_wire(struct run *run, struct ev_loop *loop, const struct wire_options *opt,
		    int ready_fd)
{
	static const int signums[] = { SIGTERM, SIGINT, SIGHUP };
	ev_signal signals[ARRAY_SIZE(signums)];
	struct pidfile pf = PIDFILE_NONE;
	int status = EXIT_FAILURE;

	/* A signal before this ends us at once, also while a switch does not answer. */
	if (wirefilter_open(&run->wf, loop, opt))
		goto out;
	if (opt->pidfile && pidfile_create(&pf, opt->pidfile))
		goto out;
	for (size_t i = 0; i < ARRAY_SIZE(signums); i++) {
		ev_signal_init(&signals[i], stop_cb, signums[i]);
		signals[i].data = run;
		ev_signal_start(loop, &signals[i]);
	}
	if (ready_fd >= 0) {
		log_to_syslog();
		daemon_ready(ready_fd);
	}
	wirefilter_start(&run->wf);
	ev_run(loop, 0);
	for (size_t i = 0; i < ARRAY_SIZE(signums); i++)
		ev_signal_stop(loop, &signals[i]);
	status = run->wf.status;
out:
	pidfile_remove(&pf);
	wirefilter_close(&run->wf);
	return status;
}

static const char *program_name(const char *argv0)
{
	const char *slash = argv0 ? strrchr(argv0, '/') : NULL;

	if (slash)
		return slash + 1;
	return argv0 ? argv0 : "lanbox-wirefilter";
}

int main(int argc, char **argv)
{
	/* Those that wirefilter ignores. */
	static const int ignored[] = {
		SIGPIPE, SIGALRM, SIGUSR1, SIGUSR2, SIGPROF, SIGVTALRM, SIGPOLL, SIGPWR,
	};
	struct run run = { .signum = 0 };
	struct wire_options opt;
	int ready_fd = -1, status;
	struct ev_loop *loop;

	fd_open_std();
	log_open(program_name(argv[0]));
	switch (wire_options_parse(&opt, argc, argv)) {
	case WIRE_OPTIONS_EXIT_OK:
		return EXIT_SUCCESS;
	case WIRE_OPTIONS_EXIT_FAILURE:
		wire_options_free(&opt);
		return EXIT_FAILURE;
	case WIRE_OPTIONS_RUN:
		break;
	}
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
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
	status = run_wire(&run, loop, &opt, ready_fd);
	ev_loop_destroy(loop);
	wire_options_free(&opt);
	/* Who is interrupted says so to who waits for it; being told to end is no failure. */
	if (run.signum && run.signum != SIGTERM) {
		signal(run.signum, SIG_DFL);
		raise(run.signum);
	}
	return status;
}
