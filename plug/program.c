/* SPDX-License-Identifier: BSD-2-Clause */
/* program.c - The life of a program that is a cable; the essay is in program.h */
#include "config.h"

#include "plug/program.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "lib/log.h"

static const int program_signals[PROGRAM_SIGNALS] = { SIGTERM, SIGINT, SIGHUP };

const char *program_name(const char *argv0, const char *fallback)
{
	const char *slash = argv0 ? strrchr(argv0, '/') : NULL;

	if (!argv0)
		return fallback;
	return slash ? slash + 1 : argv0 + (argv0[0] == '-');
}

static void program_stop_cb(struct ev_loop *loop, ev_signal *w, int revents UNUSED)
{
	struct program *p = w->data;

	p->signum = w->signum;
	ev_break(loop, EVBREAK_ALL);
}

int program_begin(struct program *p, bool background)
{
	*p = (struct program){ .ready_fd = -1, .pf = PIDFILE_NONE };
	if (background) {
		p->ready_fd = daemon_fork();
		if (p->ready_fd < 0) {
			log_err_errno(-p->ready_fd, "cannot go into the background");
			return p->ready_fd;
		}
	}
	p->loop = ev_default_loop(EVFLAG_AUTO);
	if (!p->loop) {
		log_err("cannot make an event loop");
		return -ENOMEM;
	}
	for (int i = 0; i < PROGRAM_SIGNALS; i++) {
		ev_signal_init(&p->stop[i], program_stop_cb, program_signals[i]);
		p->stop[i].data = p;
	}
	return 0;
}

int program_ready(struct program *p, const char *pidfile)
{
	int ret = pidfile ? pidfile_create(&p->pf, pidfile) : 0;

	if (ret)
		return ret;
	for (int i = 0; i < PROGRAM_SIGNALS; i++)
		ev_signal_start(p->loop, &p->stop[i]);
	if (p->ready_fd >= 0) {
		log_to_syslog();
		daemon_ready(p->ready_fd);
	}
	return 0;
}

void program_end(struct program *p)
{
	for (int i = 0; i < PROGRAM_SIGNALS; i++)
		ev_signal_stop(p->loop, &p->stop[i]);
	pidfile_remove(&p->pf);
	ev_loop_destroy(p->loop);
	if (p->signum && p->signum != SIGTERM) {
		signal(p->signum, SIG_DFL);
		raise(p->signum);
	}
}
