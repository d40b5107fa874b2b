/* SPDX-License-Identifier: BSD-2-Clause */
/* markov.h - A Markov chain: nodes, weighted edges between them, and where it is now
 *
 * Weights are percentages. What the edges from a node leave of 100 is its loop, the
 * edge to itself; where they are more than 100, there is no loop, and each has its
 * share. A new node has no edge from or to it.
 *
 * Knows no clock: whoever owns it makes it step.
 */
#ifndef PLUG_MARKOV_H
#define PLUG_MARKOV_H

#include <stdbool.h>

#include "lib/compiler.h"
#include "plug/wire_random.h"

enum {
	MARKOV_NODES_MAX = 200,		/* a console calls them 3800 to 3999 */
	MARKOV_NAME_MAX = 256,		/* with NUL */
};

/**
 * struct markov - A chain
 * @nodes:	How many nodes
 * @current:	The one it is in
 * @name:	Their names, "" if none
 * @weight:	From one to another; of loops unused
 */
struct markov {
	unsigned int nodes;
	unsigned int current;
	char name[MARKOV_NODES_MAX][MARKOV_NAME_MAX];
	double weight[MARKOV_NODES_MAX][MARKOV_NODES_MAX];
};

/* One node. @m is all zero. */
void markov_init(struct markov *m);

/* Set the number of nodes. Edges to those that go become part of the loop, and the
 * first node the current one if that one goes. Return: 0 or -EINVAL. */
int markov_resize(struct markov *m, unsigned int nodes) MUST_CHECK;

/* Set the weight of an edge, 0 to 100 %. A loop's is what is left, and so is not
 * changed by this. Return: 0 or -EINVAL. */
int markov_set_edge(struct markov *m, unsigned int from, unsigned int to,
		    double weight) MUST_CHECK;

/* Return: 0, -EINVAL if there is no such node, or -ENAMETOOLONG. */
int markov_set_name(struct markov *m, unsigned int node, const char *name) MUST_CHECK;

/* The weight of an edge or a loop, 0 or more. */
double markov_weight(const struct markov *m, unsigned int from, unsigned int to);

/* Take an edge. Return: whether the node is another one now. */
bool markov_step(struct markov *m, struct wire_random *r);

#endif /* PLUG_MARKOV_H */
