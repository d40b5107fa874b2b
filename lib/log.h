/* SPDX-License-Identifier: BSD-2-Clause */
/* log.h - Messages for the person on call
 *
 * One line each, naming the object they speak of. To stderr with the program's
 * name in front, or to syslog once log_to_syslog() was called. Bytes that are
 * not printable ASCII are escaped, so that no peer can forge a line or drive a
 * terminal. Not for the data path: what a peer can provoke goes through
 * log_limited().
 */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/ratelimit.h"

enum log_level { LOG_LEVEL_ERR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/**
 * log_open() - Name the program; messages go to stderr until told otherwise
 * @program:	Name to put in front of messages; borrowed for ever
 */
void log_open(const char *program);

/* Send all further messages to syslog, facility daemon, with the process id. */
void log_to_syslog(void);

/* Open the way to syslog, if it is not, before anything goes there. */
void log_prepare_syslog(void);

/* Have the way to syslog opened by @connect, which returns a descriptor or -errno, by who
 * may not do it himself. */
void log_set_connect(int (*connect)(void));

/* Open the way to syslog again. */
void log_reopen(void);

/* Write messages up to @level; the default is LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);

void log_msg(enum log_level level, const char *fmt, ...) PRINTF(2, 3);

/* The same, followed by ": " and strerror(@err), @err positive. */
void log_msg_errno(enum log_level level, int err, const char *fmt, ...) PRINTF(3, 4);

/* The same, at most RATELIMIT_BURST times in RATELIMIT_MS for each @rl. */
void log_limited(struct ratelimit *rl, uint64_t now_ms, enum log_level level,
		 const char *fmt, ...) PRINTF(4, 5);

/* A line for the records: to syslog, wherever other messages go. */
void log_record(const char *fmt, ...) PRINTF(1, 2);

/* A line of a longer text, whose program is clear: to stderr as it is, or to
 * syslog. */
void log_plain(const char *fmt, ...) PRINTF(1, 2);

/* Write @size bytes of text as they are, from a signal handler. */
void log_last_words(const char *text, size_t size);

#define log_err(...)		log_msg(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_warn(...)		log_msg(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)		log_msg(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)		log_msg(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_err_errno(e, ...)	log_msg_errno(LOG_LEVEL_ERR, e, __VA_ARGS__)
#define log_warn_errno(e, ...)	log_msg_errno(LOG_LEVEL_WARN, e, __VA_ARGS__)

#endif /* LIB_LOG_H */
