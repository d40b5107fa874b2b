/* SPDX-License-Identifier: BSD-2-Clause */
/* wirefilter_main.c - lanbox-wirefilter: command line, wire, event loop, end
 *
 * Everything else is in the library that the tests link.
 */
#include "config.h"

#include <signal.h>
#include <stdlib.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "plug/program.h"
#include "plug/wirefilter.h"

/* Return: exit status. */
static int run_wire(struct program *p, const struct wire_options *opt)
{
	int status = EXIT_FAILURE;
	struct wirefilter wf;

	if (!wirefilter_open(&wf, p->loop, opt) && !program_ready(p, opt->pidfile)) {
		wirefilter_start(&wf);
		ev_run(p->loop, 0);
		status = wf.status;
	}
	wirefilter_close(&wf);
	return status;
}

int main(int argc, char **argv)
{
	/* Those that wirefilter ignores. */
	static const int ignored[] = {
		SIGPIPE, SIGALRM, SIGUSR1, SIGUSR2, SIGPROF, SIGVTALRM, SIGPOLL, SIGPWR,
	};
	struct wire_options opt;
	struct program p;
	int status;

	fd_open_std();
	log_open(program_name(argv[0], "lanbox-wirefilter"));
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
	if (program_begin(&p, opt.daemon))
		return EXIT_FAILURE;
	status = run_wire(&p, &opt);
	wire_options_free(&opt);
	program_end(&p);
	return status;
}
