/* SPDX-License-Identifier: BSD-2-Clause */
/* parse.c - Text to values: all of the text or nothing */
#include "config.h"

#include "lib/parse.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>

/* Digits of @base at @s; @end is set behind them. */
static bool parse_digits(const char *s, int base, uint64_t *v, const char **end)
{
	unsigned long long x;
	char *stop;

	if (!isxdigit((unsigned char)*s))
		return false;
	errno = 0;
	x = strtoull(s, &stop, base);
	if (errno || stop == s)
		return false;
	*v = x;
	*end = stop;
	return true;
}

bool parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *v)
{
	const char *end;
	uint64_t x;
	int base = 10;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		s += 2;
		base = 16;
	}
	if (!parse_digits(s, base, &x, &end) || *end || x < min || x > max)
		return false;
	*v = x;
	return true;
}

bool parse_uint(const char *s, unsigned int min, unsigned int max,
		unsigned int *v)
{
	uint64_t x;

	if (!parse_u64(s, min, max, &x))
		return false;
	*v = (unsigned int)x;
	return true;
}

bool parse_octal(const char *s, unsigned int max, unsigned int *v)
{
	const char *end;
	uint64_t x;

	if (!parse_digits(s, 8, &x, &end) || *end || x > max)
		return false;
	*v = (unsigned int)x;
	return true;
}

bool parse_size(const char *s, uint64_t unit, uint64_t *bytes)
{
	static const char suffix[] = "KMGT";
	const char *end, *p;
	uint64_t x, mul = unit;

	if (!parse_digits(s, 10, &x, &end))
		return false;
	if (*end) {
		p = strchr(suffix, toupper((unsigned char)*end));
		if (!p || end[1])
			return false;
		mul = (uint64_t)1 << (10 * (p - suffix + 1));
	}
	if (__builtin_mul_overflow(x, mul, &x))
		return false;
	*bytes = x;
	return true;
}

bool parse_bool(const char *s, bool *v)
{
	if (!strcmp(s, "on") || !strcmp(s, "yes") || !strcmp(s, "true"))
		*v = true;
	else if (!strcmp(s, "off") || !strcmp(s, "no") || !strcmp(s, "false"))
		*v = false;
	else
		return false;
	return true;
}

bool parse_group(const char *s, gid_t *gid)
{
	const struct group *gr = getgrnam(s);
	unsigned int n;

	if (gr)
		*gid = gr->gr_gid;
	else if (parse_uint(s, 0, UINT32_MAX - 1, &n))
		*gid = (gid_t)n;
	else
		return false;
	return true;
}

bool parse_kv_next(char **cursor, struct parse_kv *kv)
{
	char *in = *cursor, *out = in;

	kv->key = in;
	kv->value = NULL;
	if (!*in)
		return false;
	while (*in) {
		if (*in == ',') {
			if (in[1] != ',')
				break;
			in++;
		} else if (*in == '=' && !kv->value) {
			*out++ = 0;
			in++;
			kv->value = out;
			continue;
		}
		*out++ = *in++;
	}
	*cursor = *in ? in + 1 : in;
	*out = 0;
	return true;
}
