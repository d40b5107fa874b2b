/* SPDX-License-Identifier: BSD-2-Clause */
/* main.c - lanbox-switchd: command line, switch, event loop, end
 *
 * Everything else is in the library that the tests link.
 */
#include "config.h"

#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/activation.h"
#include "lib/daemon.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "switchd/options.h"
#include "switchd/vsw.h"

enum {
	EXIT_IN_USE = 255,	/* as vde_switch, where another one has the directory */
};

/* Logs are opened again, for those who move them away. */
static void hangup_cb(struct ev_loop *loop UNUSED, ev_signal *w, int revents UNUSED)
{
	log_reopen();
	events_tell(w->data, &(struct event){ .kind = EVENT_HANGUP, .text = "" });
}

static void stop_cb(struct ev_loop *loop, ev_signal *w, int revents UNUSED)
{
	log_info("Caught signal %d, cleaning up and exiting", w->signum);
	ev_break(loop, EVBREAK_ALL);
}

/* Two descriptors a client: take as many as we may have. */
static void raise_nofile(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl))
		return;
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
}

static int run(struct ev_loop *loop, const struct options *opt, int ready_fd)
{
	struct pidfile pf = PIDFILE_NONE;
	int status = EXIT_FAILURE;
	ev_signal stop[2], hangup;
	struct vsw *vsw;

	ev_signal_init(&stop[0], stop_cb, SIGTERM);
	ev_signal_init(&stop[1], stop_cb, SIGINT);
	ev_signal_start(loop, &stop[0]);
	ev_signal_start(loop, &stop[1]);

	vsw = vsw_create(loop, &opt->vsw);
	if (!vsw) {
		status = errno == EADDRINUSE ? EXIT_IN_USE : EXIT_FAILURE;
		goto out;
	}
	if (opt->pidfile && pidfile_create(&pf, opt->pidfile))
		goto out;
	if (ready_fd >= 0) {
		log_to_syslog();
		daemon_ready(ready_fd);
	}
	ev_signal_init(&hangup, hangup_cb, SIGHUP);
	hangup.data = vsw;
	ev_signal_start(loop, &hangup);
	activation_notify("READY=1\nSTATUS=Switching");
	ev_run(loop, 0);
	activation_notify("STOPPING=1");
	ev_signal_stop(loop, &hangup);
	status = EXIT_SUCCESS;
out:
	pidfile_remove(&pf);	/* it may lie in the switch directory */
	vsw_destroy(vsw);
	ev_signal_stop(loop, &stop[0]);
	ev_signal_stop(loop, &stop[1]);
	return status;
}

int main(int argc, char **argv)
{
	/* Those that vde_switch ignores, and more that a write could cause. */
	static const int ignored[] = {
		SIGHUP, SIGPIPE, SIGALRM, SIGUSR1, SIGUSR2, SIGPROF, SIGVTALRM, SIGPOLL,
		SIGXFSZ,
	};
	int ready_fd = -1, status;
	struct ev_loop *loop;
	struct options opt;

	fd_open_std();
	log_open(program_invocation_short_name);
	switch (options_parse(&opt, argc, argv)) {
	case OPTIONS_EXIT_OK:
		return EXIT_SUCCESS;
	case OPTIONS_EXIT_FAILURE:
		return EXIT_FAILURE;
	case OPTIONS_RUN:
		break;
	}
	activation_init();
	umask(0077);
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
	raise_nofile();
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
	status = run(loop, &opt, ready_fd);
	ev_loop_destroy(loop);
	options_free(&opt);
	return status;
}
