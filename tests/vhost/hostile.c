/* SPDX-License-Identifier: BSD-2-Clause */
/* hostile.c - The switch among hostile vhost-user front ends, row by row
 *
 * DOC: Theory of operation
 *
 * Each row of the catalogue of hostile input plugs offenders into the switch,
 * which do what the row says while the canary's frames pass. After each row, if
 * it was well or not, it is asked:
 *
 * - is the switch alive, and its log free of a sanitizer's complaints;
 * - did every frame of the canary arrive, once, in order, unaltered, and in time;
 * - does the switch hold the descriptors, mappings and ports that it held before;
 * - does it sleep when nothing is sent.
 *
 * One TAP line for each row, with comments where something was not as it should
 * be. A row that kills the switch fails, and the next one begins with a new one.
 * The last row, VU-61, has a switch of its own, and many of them; see restart.c.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/vhost/front.h"
#include "tests/vhost/restart.h"

enum {
	LATE_MS = 1000,
	REST_MS = 3000,
	QUIET_US = 100000,
	QUIET_TRIES = 15,
	QUIET_SHARE = 20,	/* 1/20 of a processor */
	WATCHDOG_S = 120,	/* a row */
};

static const struct row *const tables[] = {
	message_rows, ring_rows, doorbell_rows, memory_rows, offload_rows,
};

double race_seconds = 1.5;
static bool failed, verbose, forgiving;
static char skipped[128];
static unsigned int tests;
static struct held rest;

void test_report(bool good, const char *name, const char *what)
{
	printf("%s %u - %s: %s%s%s\n", good ? "ok" : "not ok", ++tests, name, what,
	       *skipped ? " # SKIP " : "", skipped);
	fflush(stdout);
}

void row_skip(const char *why)
{
	snprintf(skipped, sizeof(skipped), "%s", why);
}

void row_forgive(bool on)
{
	forgiving = on;
}

void row_fail(const char *fmt, ...)
{
	char text[8192], *at = text, *line;
	va_list ap;

	if (forgiving)
		return;
	failed = true;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	while ((line = strsep(&at, "\n")))
		if (*line)
			printf("#   %s\n", line);
	fflush(stdout);
}

void row_note(const char *fmt, ...)
{
	va_list ap;

	printf("# ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

bool row_failed(void)
{
	return failed;
}

/* A switch with the canary in it, and what it holds then. */
static void begin(void)
{
	canary_start();
	sleep_ms(50);
	sw_held(&rest);
	(void)sw_read_log();
}

/* Whether the switch sleeps when it has nothing to do. */
static void check_quiet(void)
{
	uint64_t used = 0;

	for (unsigned int i = 0; i < QUIET_TRIES; i++) {
		uint64_t before = sw_cpu_us(), t = now_us();

		sleep_ms(QUIET_US / 1000);
		used = (sw_cpu_us() - before) * 100 / (now_us() - t);
		if (used < 100 / QUIET_SHARE)
			return;
	}
	row_fail("the switch uses %" PRIu64 " %% of a processor with nothing to do", used);
}

static void check_canary(const struct row *row)
{
	unsigned int late_ms = row->late_ms ? row->late_ms : LATE_MS;
	struct canary_report r;

	canary_settle(&r);
	/* Everything is slower then. */
	if (sw.sanitized)
		late_ms = MAX(2 * late_ms, (unsigned int)LATE_MS);
	EXPECT(!r.lost, "canary: %" PRIu64 " of %" PRIu64 " frames lost", r.lost, r.sent);
	EXPECT(r.received <= r.sent, "canary: %" PRIu64 " frames too many", r.received - r.sent);
	EXPECT(!r.disordered, "canary: %" PRIu64 " frames out of order", r.disordered);
	EXPECT(!r.altered, "canary: %" PRIu64 " frames altered", r.altered);
	EXPECT(!r.foreign, "canary: %" PRIu64 " wrong entries in used rings", r.foreign);
	EXPECT(r.late_us <= late_ms * 1000, "canary: a frame was under way for %u ms",
	       r.late_us / 1000);
	EXPECT(r.sent, "canary: not a frame was sent");
	if (verbose)
		row_note("%s: %" PRIu64 " frames, p99 %u us, max %u us", row->name, r.sent,
			 r.p99_us, r.late_us);
}

/* Run one row. Return: whether it was well. */
static bool run_row(const struct row *row)
{
	uint64_t start = now_us();
	char why[PORTS_TEXT + 256];

	failed = false;
	*skipped = 0;
	alarm(WATCHDOG_S);
	canary_mark();
	row->run();
	if (sw_lives()) {
		check_canary(row);
		if (!sw_holds(&rest, REST_MS, why, sizeof(why)))
			row_fail("the switch holds something else than before: %s", why);
		if (!sw_lives())
			;
		else
			check_quiet();
	}
	(void)sw_read_log();
	if (!sw_lives()) {
		canary_stop();
		if (!sw.binary) {
			puts("Bail out! the switch is dead");
			exit(1);
		}
		sw_start();
		begin();
	} else if (failed) {
		/* What is left behind now is not the next row's fault. */
		sw_held(&rest);
	}
	if (verbose)
		row_note("%s: %" PRIu64 " ms", row->name, (now_us() - start) / 1000);
	return !failed;
}

static bool is_wanted(const struct row *row, char **names, int count)
{
	if (!count)
		return true;
	for (int i = 0; i < count; i++)
		if (!strcmp(names[i], row->name))
			return true;
	return false;
}

static const struct row restart_row = {
	.name = "VU-61", .what = "the switch killed under traffic, again and again",
};

static void for_each_row(char **names, int count, void (*fn)(const struct row *row))
{
	for (unsigned int t = 0; t < ARRAY_SIZE(tables); t++)
		for (const struct row *row = tables[t]; row->name; row++)
			if (is_wanted(row, names, count))
				fn(row);
}

static void list_row(const struct row *row)
{
	printf("%s %s\n", row->name, row->what);
}

static void test_row(const struct row *row)
{
	bool good;

	if (!sw.pid) {
		sw_start();
		begin();
	}
	good = run_row(row);
	test_report(good, row->name, row->what);
}

static const struct option options[] = {
	{ "start", required_argument, NULL, 's' },
	{ "race", required_argument, NULL, 'r' },
	{ "times", required_argument, NULL, 't' },
	{ "limit", required_argument, NULL, 'l' },
	{ "list", no_argument, NULL, 'L' },
	{ "verbose", no_argument, NULL, 'v' },
	{ NULL, 0, NULL, 0 },
};

static const char usage[] =
"usage: hostile [OPTION...] DIR [ROW...]\n"
"       hostile --list\n"
"DIR is the switch's directory, DIR.mgmt its console, DIR.log its log.\n"
"  --start SWITCH   start this switch; else one must run there, with -n 64\n"
"                   --vhost-user named --vhost-user caller,client,path=DIR.caller\n"
"  --race SECONDS   how long races take\n"
"  --times N        how often VU-61 kills the switch\n"
"  --limit SECONDS  how long VU-61 takes at most; 0 = as long as it needs\n"
"  --verbose        say more\n";

int main(int argc, char **argv)
{
	unsigned int times = 1000, limit = 20;
	const char *binary = NULL;
	char **rows;
	int c;

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			binary = optarg;
			break;
		case 'r':
			race_seconds = strtod(optarg, NULL);
			break;
		case 't':
			times = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'l':
			limit = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'L':
			for_each_row(NULL, 0, list_row);
			list_row(&restart_row);
			return 0;
		case 'v':
			verbose = true;
			break;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind == argc) {
		fputs(usage, stderr);
		return 2;
	}
	sw_paths(binary, argv[optind]);
	rows = argv + optind + 1;
	for_each_row(rows, argc - optind - 1, test_row);
	canary_stop();
	alarm(WATCHDOG_S);
	*skipped = 0;
	if (sw.pid) {
		failed = false;
		sw_close();
		(void)sw_read_log();
		test_report(!failed, "end", "the switch ends well");
	}
	if (binary && times && is_wanted(&restart_row, rows, argc - optind - 1))
		restart_run(times, limit);
	printf("1..%u\n", tests);
	return 0;
}
