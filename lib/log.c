/* SPDX-License-Identifier: BSD-2-Clause */
/* log.c - Messages to stderr or syslog
 *
 * The one file with state of its own at file scope: where messages go belongs
 * to the process, not to a switch or a VM.
 */
#include "config.h"

#include "lib/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

enum { LOG_LINE_MAX = 1024 };

static const char *log_program = "lanbox";	/* set once by log_open() */
static enum log_level log_max = LOG_LEVEL_INFO;
static bool log_syslog;				/* else stderr */

static const int syslog_priority[] = {
	[LOG_LEVEL_ERR] = LOG_ERR,
	[LOG_LEVEL_WARN] = LOG_WARNING,
	[LOG_LEVEL_INFO] = LOG_INFO,
	[LOG_LEVEL_DEBUG] = LOG_DEBUG,
};

void log_open(const char *program)
{
	log_program = program;
}

void log_to_syslog(void)
{
	openlog(log_program, LOG_PID, LOG_DAEMON);
	log_syslog = true;
}

void log_set_level(enum log_level level)
{
	log_max = level;
}

/* Copy @in to @out, bytes that could drive a terminal as \xNN. */
static void log_escape(char *out, size_t size, const char *in)
{
	size_t n = 0;

	for (; *in && n + 5 < size; in++) {
		unsigned char c = (unsigned char)*in;

		if (c >= 0x20 && c < 0x7f)
			out[n++] = (char)c;
		else
			n += (size_t)snprintf(out + n, size - n, "\\x%02x", c);
	}
	out[n] = 0;
}

static void log_line(enum log_level level, int err, unsigned int swallowed,
		     const char *fmt, va_list ap) PRINTF(4, 0);

static void log_line(enum log_level level, int err, unsigned int swallowed,
		     const char *fmt, va_list ap)
{
	char raw[LOG_LINE_MAX], line[2 * LOG_LINE_MAX], more[64] = "";

	if (level > log_max)
		return;
	vsnprintf(raw, sizeof(raw), fmt, ap);
	log_escape(line, sizeof(line), raw);
	if (swallowed)
		snprintf(more, sizeof(more), " (%u more like it not shown)",
			 swallowed);
	if (log_syslog)
		syslog(syslog_priority[level], "%s%s%s%s", line,
		       err ? ": " : "", err ? strerror(err) : "", more);
	else
		fprintf(stderr, "%s: %s%s%s%s\n", log_program, line,
			err ? ": " : "", err ? strerror(err) : "", more);
}

void log_msg(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(level, 0, 0, fmt, ap);
	va_end(ap);
}

void log_msg_errno(enum log_level level, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(level, err, 0, fmt, ap);
	va_end(ap);
}

void log_limited(struct ratelimit *rl, uint64_t now_ms, enum log_level level,
		 const char *fmt, ...)
{
	unsigned int swallowed;
	va_list ap;

	if (!ratelimit_pass(rl, now_ms, &swallowed))
		return;
	va_start(ap, fmt);
	log_line(level, 0, swallowed, fmt, ap);
	va_end(ap);
}
