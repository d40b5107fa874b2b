/* SPDX-License-Identifier: BSD-2-Clause */
/* log.c - Messages to stderr or syslog
 *
 * Nothing here waits: a terminal that is stopped, a pipe nobody reads or a log
 * daemon that hangs loses lines and holds up no frame.
 *
 * The one file with state of its own at file scope: where messages go belongs
 * to the process, not to a switch or a VM.
 */
#include "config.h"

#include "lib/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "lib/fd.h"

enum { LOG_LINE_MAX = 1024 };

static const char *log_program = "lanbox";	/* set once by log_open() */
static enum log_level log_max = LOG_LEVEL_INFO;
static bool log_syslog;				/* else stderr */
static pid_t log_pid;				/* for syslog */
static int log_sock = -1;			/* to /dev/log */
static int (*log_open_sock)(void);		/* opens it, NULL: we do */

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

/* syslog(3) waits for a log daemon that does not read; our own socket does not. */
static void log_connect(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };

	if (!log_pid)
		log_pid = getpid();
	if (log_sock >= 0)
		return;
	if (log_open_sock) {
		log_sock = log_open_sock();
		return;
	}
	log_sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (log_sock >= 0 && connect(log_sock, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		close(log_sock);
		log_sock = -1;
	}
}

void log_prepare_syslog(void)
{
	log_connect();
}

void log_set_connect(int (*connect_)(void))
{
	log_open_sock = connect_;
}

void log_to_syslog(void)
{
	log_syslog = true;
	log_connect();
}

static void log_reconnect(void)
{
	if (log_sock >= 0)
		close(log_sock);
	log_sock = -1;
	log_connect();
}

void log_reopen(void)
{
	if (log_sock >= 0)
		log_reconnect();
}

void log_last_words(const char *text, size_t size)
{
	struct iovec iov[] = {
		{ .iov_base = (void *)(uintptr_t)"<27>", .iov_len = 4 },	/* daemon, err */
		{ .iov_base = (void *)(uintptr_t)log_program, .iov_len = strlen(log_program) },
		{ .iov_base = (void *)(uintptr_t)": ", .iov_len = 2 },
		{ .iov_base = (void *)(uintptr_t)text, .iov_len = size },
		{ .iov_base = (void *)(uintptr_t)"\n", .iov_len = 1 },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = ARRAY_SIZE(iov) - 1 };

	if (log_syslog && log_sock >= 0)
		sendmsg(log_sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	else
		for (size_t i = 1; i < ARRAY_SIZE(iov); i++)
			if (write(STDERR_FILENO, iov[i].iov_base, iov[i].iov_len) < 0)
				return;
}

static void log_send(enum log_level level, const char *line)
{
	char packet[3 * LOG_LINE_MAX + 256], when[32];
	struct iovec iov = { .iov_base = packet };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	time_t now = time(NULL);
	struct tm tm;
	int n;

	localtime_r(&now, &tm);
	strftime(when, sizeof(when), "%b %e %T", &tm);
	n = snprintf(packet, sizeof(packet), "<%d>%s %s[%ld]: %s",
		     LOG_DAEMON | syslog_priority[level], when, log_program,
		     (long)log_pid, line);
	if (n <= 0 || log_sock < 0)
		return;
	iov.iov_len = MIN((size_t)n, sizeof(packet) - 1);
	if (sendmsg(log_sock, &msg, MSG_NOSIGNAL) >= 0 ||
	    (errno != ECONNREFUSED && errno != ENOTCONN))
		return;
	/* A log daemon that was started anew has another socket. */
	log_reconnect();
	if (log_sock >= 0 && sendmsg(log_sock, &msg, MSG_NOSIGNAL) < 0)
		return;
}

/* Write one line to where lines go; lost rather than waited for. */
static void log_write(enum log_level level, const char *line)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (log_syslog)
		log_send(level, line);
	else if (fd_poll(&p, 1, 0) == 1 && p.revents & POLLOUT)
		fprintf(stderr, "%s\n", line);
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
	char raw[LOG_LINE_MAX], safe[2 * LOG_LINE_MAX], more[64] = "";
	char line[3 * LOG_LINE_MAX];

	if (level > log_max)
		return;
	vsnprintf(raw, sizeof(raw), fmt, ap);
	log_escape(safe, sizeof(safe), raw);
	if (swallowed)
		snprintf(more, sizeof(more), " (%u more like it not shown)",
			 swallowed);
	snprintf(line, sizeof(line), "%s%s%s%s%s%s", log_syslog ? "" : log_program,
		 log_syslog ? "" : ": ", safe, err ? ": " : "",
		 err ? strerror(err) : "", more);
	log_write(level, line);
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

void log_record(const char *fmt, ...)
{
	char raw[LOG_LINE_MAX], safe[2 * LOG_LINE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	log_escape(safe, sizeof(safe), raw);
	log_connect();
	log_send(LOG_LEVEL_INFO, safe);
}

void log_plain(const char *fmt, ...)
{
	char line[LOG_LINE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	log_write(LOG_LEVEL_ERR, line);
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
