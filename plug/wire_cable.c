/* SPDX-License-Identifier: BSD-2-Clause */
/* wire_cable.c - Both directions of a wire, and the states it can be in */
#include "config.h"

#include "plug/wire_cable.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { WIRE_STEPS_MAX = 10000 };	/* taken at once, after a long pause */

struct wire_cable *wire_cable_create(bool both, uint64_t seed)
{
	struct wire_cable *c = calloc(1, sizeof(*c));
	struct wire_random seeds = { seed };

	if (!c)
		return NULL;
	for (unsigned int dir = 0; dir < WIRE_DIRS; dir++)
		wire_init(&c->wire[dir], wire_random_u64(&seeds));
	markov_init(&c->markov);
	c->both = both;
	c->period_ms = WIRE_PERIOD_MS;
	c->random.state = wire_random_u64(&seeds);
	return c;
}

void wire_cable_destroy(struct wire_cable *c)
{
	if (!c)
		return;
	for (unsigned int dir = 0; dir < WIRE_DIRS; dir++)
		wire_free(&c->wire[dir]);
	free(c);
}

/* The wires are as the current node says. */
static void cable_apply(struct wire_cable *c)
{
	for (unsigned int dir = 0; dir < WIRE_DIRS; dir++)
		c->wire[dir].params = c->params[c->markov.current][dir];
}

static void cable_moved(struct wire_cable *c, unsigned int from)
{
	cable_apply(c);
	if (c->moved && c->markov.current != from)
		c->moved(c->ctx, from, c->markov.current);
}

int wire_cable_set(struct wire_cable *c, enum wire_param param, const char *text)
{
	struct wire_setting set;
	unsigned int node;

	if (wire_setting_parse(text, &set) || !wire_value_is_for(param, &set.value))
		return -EINVAL;
	node = set.node < 0 ? 0 : (unsigned int)set.node;
	if (node >= c->markov.nodes)
		return -EINVAL;
	for (unsigned int dir = 0; dir < WIRE_DIRS; dir++)
		if (set.dirs & 1u << dir)
			c->params[node][dir].v[param] = set.value;
	cable_apply(c);
	return 0;
}

void wire_cable_set_fifo(struct wire_cable *c, bool fifo)
{
	for (unsigned int dir = 0; dir < WIRE_DIRS; dir++)
		c->wire[dir].fifo = fifo;
}

void wire_cable_set_queue(struct wire_cable *c, size_t bytes)
{
	for (unsigned int dir = 0; dir < WIRE_DIRS; dir++)
		c->wire[dir].queue_bytes = bytes;
}

int wire_cable_resize(struct wire_cable *c, unsigned int nodes)
{
	unsigned int from = c->markov.current, old = c->markov.nodes;
	int ret;

	ret = markov_resize(&c->markov, nodes);
	if (ret)
		return ret;
	if (old > nodes)
		memset(c->params[nodes], 0, (old - nodes) * sizeof(c->params[0]));
	if (old == 1)
		c->step_ns = 0;
	cable_moved(c, from);
	return 0;
}

int wire_cable_go(struct wire_cable *c, unsigned int node)
{
	unsigned int from = c->markov.current;

	if (node >= c->markov.nodes)
		return -EINVAL;
	c->markov.current = node;
	cable_moved(c, from);
	return 0;
}

int wire_cable_set_period(struct wire_cable *c, double ms)
{
	if (!(ms >= WIRE_PERIOD_MIN_MS && ms <= WIRE_VALUE_MAX))
		return -EINVAL;
	c->period_ms = ms;
	c->step_ns = 0;
	return 0;
}

uint64_t wire_cable_next(const struct wire_cable *c)
{
	return c->markov.nodes > 1 ? c->step_ns : WIRE_NEVER;
}

void wire_cable_step(struct wire_cable *c, uint64_t now_ns)
{
	uint64_t period_ns = (uint64_t)(c->period_ms * 1e6);

	if (wire_cable_next(c) > now_ns)
		return;
	/* Begun, or begun anew: the first step is one period from now. */
	if (!c->step_ns) {
		c->step_ns = now_ns + period_ns;
		return;
	}
	for (int i = 0; i < WIRE_STEPS_MAX && c->step_ns <= now_ns; i++) {
		unsigned int from = c->markov.current;

		c->step_ns += period_ns;
		if (markov_step(&c->markov, &c->random))
			cable_moved(c, from);
	}
	c->step_ns = MAX(c->step_ns, now_ns);
}
