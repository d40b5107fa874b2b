/* SPDX-License-Identifier: BSD-2-Clause */
/* wire_value.c - The values of a wire's parameters: as text, and drawn at random */
#include "config.h"

#include "plug/wire_value.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIRE_SIGMAS	3.	/* standard deviations in a normal variation */

/* Each takes a part of the text at *@s, and moves on behind it and the blanks. */

static void take_blanks(const char **s)
{
	*s += strspn(*s, " \t");
}

/* One of the characters @set, in upper or lower case. Return: which, or -1. */
static int take_char(const char **s, const char *set)
{
	const char *p = **s ? strchr(set, toupper((unsigned char)**s)) : NULL;

	if (!p)
		return -1;
	++*s;
	take_blanks(s);
	return (int)(p - set);
}

static bool take_word(const char **s, const char *word)
{
	if (strncmp(*s, word, strlen(word)))
		return false;
	*s += strlen(word);
	take_blanks(s);
	return true;
}

static bool take_number(const char **s, double *v)
{
	char *end;

	/* strtod() takes signs, and inf and nan, too. */
	if (!isdigit((unsigned char)**s) && **s != '.')
		return false;
	*v = strtod(*s, &end);
	if (end == *s)
		return false;
	*s = end;
	take_blanks(s);
	return true;
}

static bool take_node(const char **s, int *node)
{
	unsigned long n;
	char *end;

	if (!isdigit((unsigned char)**s))
		return false;
	errno = 0;
	n = strtoul(*s, &end, 10);
	if (errno || n > INT_MAX)
		return false;
	*node = (int)n;
	*s = end;
	take_blanks(s);
	return true;
}

int wire_setting_parse(const char *text, struct wire_setting *s)
{
	struct wire_setting new = { .dirs = WIRE_BOTH, .node = -1 };
	int suffix;

	take_blanks(&text);
	if (take_word(&text, "LR"))
		new.dirs = WIRE_LR;
	else if (take_word(&text, "RL"))
		new.dirs = WIRE_RL;
	if (!take_number(&text, &new.value.base))
		return -EINVAL;
	if (take_char(&text, "+") == 0 && !take_number(&text, &new.value.variation))
		return -EINVAL;
	suffix = take_char(&text, "KMG");
	new.value.base = ldexp(new.value.base, 10 * (suffix + 1));
	new.value.variation = ldexp(new.value.variation, 10 * (suffix + 1));
	new.value.normal = take_char(&text, "UN") == 1;
	if (take_char(&text, "[") == 0 &&
	    (!take_node(&text, &new.node) || take_char(&text, "]") != 0))
		return -EINVAL;
	if (*text || !(new.value.base <= WIRE_VALUE_MAX) ||
	    !(new.value.variation <= WIRE_VALUE_MAX))
		return -EINVAL;
	*s = new;
	return 0;
}

const char *wire_value_format(const struct wire_value *v, char buf[static WIRE_VALUE_STR])
{
	snprintf(buf, WIRE_VALUE_STR, "%g+%g%c", v->base, v->variation,
		 v->normal ? 'N' : 'U');
	return buf;
}

/* Normally distributed around 0 with standard deviation 1 (Marsaglia's polar method). */
static double draw_normal(struct wire_random *r)
{
	double x, y, s;

	do {
		x = 2. * wire_random_unit(r) - 1.;
		y = 2. * wire_random_unit(r) - 1.;
		s = x * x + y * y;
	} while (s >= 1. || s <= 0.);
	return x * sqrt(-2. * log(s) / s);
}

double wire_value_draw(const struct wire_value *v, struct wire_random *r)
{
	double x;

	if (v->variation <= 0.)
		return v->base;
	if (v->normal)
		x = draw_normal(r) / WIRE_SIGMAS;
	else
		x = 2. * wire_random_unit(r) - 1.;
	x = v->base + v->variation * x;
	return x > 0. ? x : 0.;
}
