/* SPDX-License-Identifier: BSD-2-Clause */
/* compiler.h - Small words every file uses: container_of, ARRAY_SIZE,
 * attributes. Nothing here depends on anything else.
 */
#ifndef LIB_COMPILER_H
#define LIB_COMPILER_H

#include <assert.h>
#include <stddef.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* The object of @type whose @member is at @ptr. */
#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))

#define PRINTF(fmt, args)	__attribute__((format(printf, fmt, args)))
#define NORETURN		__attribute__((noreturn))
#define MUST_CHECK		__attribute__((warn_unused_result))
#define PACKED			__attribute__((packed))
#define UNUSED			__attribute__((unused))

/* Bring the cache line at @p here: to read it, or to write it. */
#define PREFETCH(p)		__builtin_prefetch(p, 0)
#define PREFETCHW(p)		__builtin_prefetch(p, 1)

/* Kept out of its caller, which is a busy one. */
#define NOINLINE		__attribute__((noinline))

#define LIKELY(x)		__builtin_expect(!!(x), 1)
#define UNLIKELY(x)		__builtin_expect(!!(x), 0)

#define MIN(a, b)	((a) < (b) ? (a) : (b))
#define MAX(a, b)	((a) > (b) ? (a) : (b))

#endif /* LIB_COMPILER_H */
