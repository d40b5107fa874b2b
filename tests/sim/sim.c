/* SPDX-License-Identifier: BSD-2-Clause */
/* sim.c - The simulator: seeds, time, and lists of events made short; see sim.h
 *
 *	sim [-s SEED] [-n EVENTS] [-c EVENTS_OF_SEED] [-o DIR] [FILE...]
 *
 * EVENTS in all of seeds from SEED on, then those of FILEs; a TAP line for each of both.
 * Lists that fail are kept in DIR, the current folder at first.
 */
#include "config.h"

#include "tests/sim/sim.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/log.h"

enum {
#ifdef __SANITIZE_ADDRESS__
	EVENTS_DEFAULT = 20000000,
#else
	EVENTS_DEFAULT = 100000000,
#endif
	EVENTS_MAX = 1 << 20,		/* of a seed */
	EVENTS_OF_SEED = 100000,
	SHORT = 100,
	TWICE = 16,			/* each so many seeds run twice */
};

static struct sim_event events[EVENTS_MAX];
static volatile uint64_t seed_now;

/* Processor time in seconds. */
static double cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* A crash says of which seed. */
static void crashed(int sig)
{
	char text[] = "# it crashed with seed                     \n";
	uint64_t n = seed_now;
	size_t at = sizeof(text) - 2;

	do
		text[--at] = (char)('0' + n % 10);
	while (n /= 10);
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(99);
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Whether two runs fail alike: what they say begins with the same words. */
static bool is_alike(const char *a, const char *b)
{
	size_t n = 3 + strcspn(a + 3, "0123456789");

	return !strncmp(a, b, n);
}

/* Whether the run fails like @why without @count events from @from on. */
static bool fails_without(const struct world *w, const struct sim_event *ev, unsigned int n,
			  unsigned int from, unsigned int count, struct sim_event *less,
			  const char *why)
{
	struct outcome out;

	memcpy(less, ev, from * sizeof(*ev));
	memcpy(less + from, ev + from + count, (n - from - count) * sizeof(*ev));
	sim_run(w, less, n - count, &out);
	return !out.good && is_alike(why, out.why);
}

/* Leave events out, in ever smaller pieces, as long as the run fails so. Return: how many are
 * left in @ev. */
static unsigned int shrink(const struct world *w, struct sim_event *ev, unsigned int n,
			   const char *why)
{
	struct sim_event *less = malloc(n * sizeof(*less));
	bool any = true;

	if (!less)
		abort();
	for (unsigned int piece = n / 2; piece; piece = any && piece == 1 ? 1 : piece / 2) {
		any = false;
		for (unsigned int at = 0; at < n; ) {
			unsigned int count = MIN(piece, n - at);

			if (fails_without(w, ev, n, at, count, less, why)) {
				n -= count;
				memcpy(ev, less, n * sizeof(*ev));
				any = true;
			} else {
				at += count;
			}
		}
	}
	free(less);
	return n;
}

static void print_case(FILE *f, const struct world *w, unsigned int n,
		       const struct outcome *out)
{
	fprintf(f, "# SPDX-License-Identifier: BSD-2-Clause\n# %s\n", out->why);
	world_print(f, w);
	for (unsigned int i = 0; i < n; i++)
		event_print(f, &events[i]);
}

/* Say how a run failed, with as few events as do it. */
static void report(const struct world *w, unsigned int n, struct outcome *out,
		   const char *dir)
{
	char path[256];
	FILE *f;

	printf("# seed %" PRIu64 ", event %u: %s\n", w->seed, out->events, out->why);
	n = shrink(w, events, MIN(n, out->events), out->why);
	sim_run(w, events, n, out);
	printf("# with %u events: %s\n", n, out->why);
	if (n <= SHORT) {
		printf("# The same as a topology case:\n");
		events_print_topo(stdout, w, events, n);
	}
	snprintf(path, sizeof(path), "%s/seed-%" PRIu64 ".events", dir, w->seed);
	f = fopen(path, "we");
	if (!f) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return;
	}
	print_case(f, w, n, out);
	fclose(f);
	printf("# kept in %s\n", path);
}

/* Run a seed. Return: whether all held. */
static bool run_seed(uint64_t seed, unsigned int n, const char *dir, struct outcome *out)
{
	struct outcome again;
	struct world w;

	seed_now = seed;
	world_make(&w, seed);
	events_make(&w, events, n);
	sim_run(&w, events, n, out);
	if (out->good && seed % TWICE == 0) {
		sim_run(&w, events, n, &again);
		if (again.trace != out->trace || !again.good) {
			printf("# seed %" PRIu64 ": P10: two runs differ\n", seed);
			return false;
		}
	}
	if (!out->good)
		report(&w, n, out, dir);
	return out->good;
}

/* Events from a file, as test @i. Return: whether all held; -1: it cannot be read. */
static int run_file(const char *path, int i)
{
	FILE *f = fopen(path, "re");
	struct outcome out;
	struct world w;
	int n = f ? events_read(f, &w, events, EVENTS_MAX) : -1;

	if (f)
		fclose(f);
	if (n < 0) {
		printf("Bail out! %s: cannot be read\n", path);
		return -1;
	}
	seed_now = w.seed;
	sim_run(&w, events, (unsigned int)n, &out);
	printf("%s %d - %s\n", out.good ? "ok" : "not ok", i, path);
	if (!out.good)
		printf("# event %u: %s\n", out.events, out.why);
	return out.good;
}

static bool run_seeds(uint64_t seed, uint64_t all, unsigned int n, const char *dir)
{
	uint64_t done = 0, delivered = 0, trace = 0, seeds = 0;
	double from = cpu_s(), took;
	struct outcome out;
	bool good = true;

	for (; good && done < all; seed++, seeds++) {
		good = run_seed(seed, n, dir, &out);
		done += out.events;
		delivered += out.delivered;
		trace = (trace ^ out.trace) * 0x9e3779b97f4a7c15;
	}
	took = cpu_s() - from;
	printf("# %" PRIu64 " events of %" PRIu64 " seeds, %" PRIu64 " frames delivered, trace "
	       "%016" PRIx64 "\n# %.1f s of processor, %.2f million events a second\n", done,
	       seeds, delivered, trace, took, (double)done / took / 1e6);
	printf("%s 1 - the switch does what the model does, %" PRIu64 " times\n",
	       good ? "ok" : "not ok", done);
	return good;
}

int main(int argc, char **argv)
{
	uint64_t seed = 1, all = EVENTS_DEFAULT;
	unsigned int n = EVENTS_OF_SEED;
	bool good;
	const char *dir = ".";
	int opt, ret = 1;

	while ((opt = getopt(argc, argv, "s:n:c:o:")) != -1) {
		switch (opt) {
		case 's':
			seed = strtoull(optarg, NULL, 10);
			break;
		case 'n':
			all = strtoull(optarg, NULL, 10);
			break;
		case 'c':
			n = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'o':
			dir = optarg;
			break;
		default:
			return 2;
		}
	}
	if (!n || n > EVENTS_MAX) {
		fprintf(stderr, "%s: a seed has 1 to %d events\n", argv[0], EVENTS_MAX);
		return 2;
	}
	log_set_level(LOG_LEVEL_ERR);
	signal(SIGSEGV, crashed);
	signal(SIGABRT, crashed);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("1..%d\n", 1 + argc - optind);
	good = run_seeds(seed, all, n, dir);
	for (int i = optind; i < argc && ret >= 0; i++) {
		ret = run_file(argv[i], i - optind + 2);
		good &= ret > 0;
	}
	return !good;
}
