/* SPDX-License-Identifier: BSD-2-Clause */
/* markov.c - A Markov chain: nodes, weighted edges between them, and where it is now */
#include "config.h"

#include "plug/markov.h"

#include <errno.h>
#include <string.h>

#define MARKOV_WHOLE	100.

void markov_init(struct markov *m)
{
	m->nodes = 1;
	m->current = 0;
}

int markov_resize(struct markov *m, unsigned int nodes)
{
	if (!nodes || nodes > MARKOV_NODES_MAX)
		return -EINVAL;
	/* What is beyond the last node is always zero. */
	for (unsigned int gone = nodes; gone < m->nodes; gone++) {
		m->name[gone][0] = 0;
		memset(m->weight[gone], 0, sizeof(m->weight[gone]));
		for (unsigned int i = 0; i < nodes; i++)
			m->weight[i][gone] = 0.;
	}
	m->nodes = nodes;
	if (m->current >= nodes)
		m->current = 0;
	return 0;
}

int markov_set_edge(struct markov *m, unsigned int from, unsigned int to, double weight)
{
	if (from >= m->nodes || to >= m->nodes || !(weight >= 0. && weight <= MARKOV_WHOLE))
		return -EINVAL;
	if (from != to)
		m->weight[from][to] = weight;
	return 0;
}

int markov_set_name(struct markov *m, unsigned int node, const char *name)
{
	if (node >= m->nodes)
		return -EINVAL;
	if (strlen(name) >= MARKOV_NAME_MAX)
		return -ENAMETOOLONG;
	strcpy(m->name[node], name);
	return 0;
}

/* The weights of all edges from a node, without its loop. */
static double markov_leaving(const struct markov *m, unsigned int from)
{
	double sum = 0.;

	for (unsigned int to = 0; to < m->nodes; to++)
		sum += to == from ? 0. : m->weight[from][to];
	return sum;
}

double markov_weight(const struct markov *m, unsigned int from, unsigned int to)
{
	double leaving;

	if (from != to)
		return m->weight[from][to];
	leaving = markov_leaving(m, from);
	return leaving < MARKOV_WHOLE ? MARKOV_WHOLE - leaving : 0.;
}

bool markov_step(struct markov *m, struct wire_random *r)
{
	unsigned int from = m->current;
	double leaving = markov_leaving(m, from), x;

	x = wire_random_unit(r) * (leaving > MARKOV_WHOLE ? leaving : MARKOV_WHOLE);
	for (unsigned int to = 0; to < m->nodes; to++) {
		if (to == from)
			continue;
		if (x < m->weight[from][to]) {
			m->current = to;
			return true;
		}
		x -= m->weight[from][to];
	}
	return false;
}
