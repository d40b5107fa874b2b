/* SPDX-License-Identifier: BSD-2-Clause */
/* parse.h - Text to values: all of the text or nothing
 *
 * Each returns whether the whole of the text is of its form; on failure the
 * result is unchanged. Leading blanks, signs and trailing junk are refused.
 */
#ifndef LIB_PARSE_H
#define LIB_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/compiler.h"

/* Decimal, or 0x hexadecimal, from @min to @max. */
bool parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *v) MUST_CHECK;
bool parse_uint(const char *s, unsigned int min, unsigned int max,
		unsigned int *v) MUST_CHECK;

/* Octal digits up to @max, as chmod(1) takes them. */
bool parse_octal(const char *s, unsigned int max, unsigned int *v) MUST_CHECK;

/* A number with an optional suffix K, M, G or T (powers of 1,024), counted in
 * @unit bytes when there is no suffix; the result is bytes. */
bool parse_size(const char *s, uint64_t unit, uint64_t *bytes) MUST_CHECK;

/* "on", "yes", "true", "off", "no", "false". */
bool parse_bool(const char *s, bool *v) MUST_CHECK;

/* A group's name or number. */
bool parse_group(const char *s, gid_t *gid) MUST_CHECK;

/**
 * struct parse_kv - One element of a comma-separated option argument
 * @key:	What stands before '=', or the whole element
 * @value:	What stands after '=', or NULL
 */
struct parse_kv {
	char *key;
	char *value;
};

/**
 * parse_kv_next() - Take the next element of "a,key=value,..."
 * @cursor:	Points to the rest of a writable string; moved on. ",," stands
 *		for a comma within a value, as in QEMU
 * @kv:		Filled with pointers into that string
 *
 * Return: false at the end, @kv->key being empty then
 */
bool parse_kv_next(char **cursor, struct parse_kv *kv) MUST_CHECK;

#endif /* LIB_PARSE_H */
