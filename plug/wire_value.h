/* SPDX-License-Identifier: BSD-2-Clause */
/* wire_value.h - The values of a wire's parameters: as text, and drawn at random
 *
 * The text is wirefilter's:
 *
 *	[LR|RL] BASE [+VARIATION] [K|M|G] [U|N] [ '[' NODE ']' ]
 *
 * LR and RL are the directions, left to right and right to left; none is both.
 * K, M and G multiply base and variation by powers of 1,024. U draws uniformly from
 * BASE - VARIATION to BASE + VARIATION, N from a normal distribution of which 99.7 %
 * is in there. NODE is a state of the Markov chain. Blanks may stand between all of
 * these. What is not of this form is refused.
 */
#ifndef PLUG_WIRE_VALUE_H
#define PLUG_WIRE_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/compiler.h"
#include "plug/wire_random.h"

/* No value is greater. In milliseconds, that is thirty years. */
#define WIRE_VALUE_MAX	1e12

enum {
	WIRE_LR = 1,			/* a set of directions */
	WIRE_RL = 2,
	WIRE_BOTH = WIRE_LR | WIRE_RL,

	WIRE_VALUE_STR = 64,
};

/**
 * struct wire_value - A value that may vary
 * @base:	Its mean
 * @variation:	Greatest distance from it; with @normal, three standard deviations
 * @normal:	Normally distributed, else uniformly
 */
struct wire_value {
	double base;
	double variation;
	bool normal;
};

/**
 * struct wire_setting - A value, and what it is for
 * @dirs:	Directions
 * @value:	The value
 * @node:	State of the Markov chain, or -1: none was named
 */
struct wire_setting {
	unsigned int dirs;
	struct wire_value value;
	int node;
};

/* Return: 0, or -EINVAL with @s unchanged. */
int wire_setting_parse(const char *text, struct wire_setting *s) MUST_CHECK;

/* As showinfo writes it: "10+5N". Return: @buf. */
const char *wire_value_format(const struct wire_value *v, char buf[static WIRE_VALUE_STR]);

/* One of its values; never negative. Draws nothing if it does not vary. */
double wire_value_draw(const struct wire_value *v, struct wire_random *r);

#endif /* PLUG_WIRE_VALUE_H */
