/* SPDX-License-Identifier: BSD-2-Clause */
/* tool.h - What the test clients of the switch share: dying, time, numbers
 *
 * Deliberately knows nothing of the VDE protocol and includes nothing from
 * lib/: the clients must not inherit a mistake of the program they test.
 */
#ifndef TESTS_INTEGRATION_TOOL_H
#define TESTS_INTEGRATION_TOOL_H

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Exit status of every tool: 0 as expected, 1 not as expected, 2 could not try. */
enum { TOOL_OK, TOOL_FAILED, TOOL_BROKEN };

/* Print one line, the program's name in front, and exit. */
__attribute__((noreturn, format(printf, 2, 3)))
static inline void die(int status, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(status);
}

/* Monotonic time in nanoseconds. */
static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

static inline void sleep_us(uint64_t us)
{
	struct timespec ts = {
		.tv_sec = (time_t)(us / 1000000U),
		.tv_nsec = (long)(us % 1000000U) * 1000,
	};

	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
}

/* A number, decimal, 0x or 0, at most @max; anything else ends the program. */
static inline uint64_t number(const char *what, const char *text, uint64_t max)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno || end == text || *end || *text == '-' || n > max)
		die(TOOL_BROKEN, "%s: '%s' is not a number from 0 to %llu", what, text,
		    (unsigned long long)max);
	return n;
}

/* Whether @fd becomes readable (data, end or error) within @ms. */
static inline bool readable(int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int ret;

	do
		ret = poll(&pfd, 1, ms);
	while (ret < 0 && errno == EINTR);
	return ret > 0;
}

/* Watchdog: a tool that hangs is a failed test, not a hung test run. */
static inline void watchdog(unsigned int seconds)
{
	alarm(seconds);
}

#endif /* TESTS_INTEGRATION_TOOL_H */
