/* SPDX-License-Identifier: BSD-2-Clause */
/* main.c - lanbox-vmm: command line, machine, end
 *
 * Everything else is in the library that the tests link.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lib/daemon.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "vmm/check.h"
#include "vmm/opener.h"
#include "vmm/options.h"
#include "vmm/sandbox.h"
#include "vmm/vm.h"

/** struct start - What is left to do when the VM has been made */
struct start {
	int ready_fd;
	int null;
};

static void started(void *ctx)
{
	struct start *start = ctx;

	if (start->ready_fd < 0)
		return;
	log_to_syslog();
	daemon_detach(start->ready_fd, start->null);
}

static int connect_log(void)
{
	static int line = -1;

	/* The first time is before anything is confined. */
	if (line < 0)
		line = opener_may_log();
	return opener_connect(line, 0);
}

/* Whatever is to be open for the rest of its life, is. Return: 0 or -errno. */
static int get_ready(struct vm *vm, struct start *start, struct pidfile *pf)
{
	const struct options *opt = vm->opt;
	int ret = 0;

	if (opt->pidfile) {
		ret = pidfile_create(pf, opt->pidfile);
		if (!ret && opener_may_remove(pf->path) < 0)
			log_warn("pid file '%s' will be left behind", pf->path);
	}
	if (!ret && opt->daemonize) {
		log_set_connect(connect_log);
		log_prepare_syslog();
		start->null = daemon_settle();
	}
	return ret ? ret : sandbox_enter(vm);
}

static void stop_cb(struct ev_loop *loop, ev_signal *w, int revents UNUSED)
{
	shutdown_signal(ev_userdata(loop), w->signum);
}

int main(int argc, char **argv)
{
	static const int stop_signals[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT };
	struct start start = { .ready_fd = -1, .null = -1 };
	struct pidfile pf = PIDFILE_NONE;
	static struct options opt;
	int status = VM_EXIT_STARTUP;
	static ev_signal stop[ARRAY_SIZE(stop_signals)];
	static struct ev_loop *loop;
	struct vm *vm;

	fd_open_std();
	log_open("lanbox-vmm");
	switch (options_parse(&opt, argc, argv)) {
	case OPTIONS_EXIT_OK:
		return EXIT_SUCCESS;
	case OPTIONS_EXIT_USAGE:
		return VM_EXIT_USAGE;
	case OPTIONS_CHECK:
		return check_host(&opt, stdout) ? EXIT_SUCCESS : VM_EXIT_STARTUP;
	case OPTIONS_RUN:
		break;
	}
	umask(0077);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (opt.daemonize) {
		start.ready_fd = daemon_fork();
		if (start.ready_fd < 0) {
			log_err_errno(-start.ready_fd, "cannot go into the background");
			return VM_EXIT_STARTUP;
		}
	}
	/* It ends with the process: signals have it until then. */
	loop = ev_loop_new(EVFLAG_AUTO);
	if (!loop)
		log_err("cannot make an event loop");
	vm = loop ? vm_create(&opt, loop) : NULL;
	if (!vm)
		return VM_EXIT_STARTUP;
	for (size_t i = 0; i < ARRAY_SIZE(stop_signals); i++) {
		ev_signal_init(&stop[i], stop_cb, stop_signals[i]);
		ev_signal_start(loop, &stop[i]);
	}
	if (!get_ready(vm, &start, &pf))
		status = vm_run(vm, started, &start);
	vm_destroy(vm);
	if (pf.fd >= 0)
		opener_remove(pf.path);
	pidfile_close(&pf);
	return status;
}
