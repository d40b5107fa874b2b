/* SPDX-License-Identifier: BSD-2-Clause */
/* wire_cable.h - Both directions of a wire, and the states it can be in
 *
 * Each node of a Markov chain has a set of parameters for each direction; those of
 * the current node are the wires' own. With one node there is nothing to step, and
 * this is just two wires.
 *
 * Knows no clock, no descriptor and no console.
 */
#ifndef PLUG_WIRE_CABLE_H
#define PLUG_WIRE_CABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "plug/markov.h"
#include "plug/wire.h"

enum { WIRE_DIRS = 2 };			/* 0 left to right, 1 right to left */

#define WIRE_PERIOD_MS		100.	/* of the Markov chain, at first */
#define WIRE_PERIOD_MIN_MS	0.1

/**
 * struct wire_cable - Both directions
 * @wire:	Them
 * @both:	There are two, not only left to right
 * @markov:	The states
 * @period_ms:	Time between two steps of the chain
 * @step_ns:	When the next step is due
 * @params:	Parameters of each node and direction
 * @random:	Source of the chain's chance
 * @moved:	Called when the current node is another one, or NULL
 * @ctx:	Passed to it
 */
struct wire_cable {
	struct wire wire[WIRE_DIRS];
	bool both;
	struct markov markov;
	double period_ms;
	uint64_t step_ns;
	struct wire_params params[MARKOV_NODES_MAX][WIRE_DIRS];
	struct wire_random random;
	void (*moved)(void *ctx, unsigned int from, unsigned int to);
	void *ctx;
};

/* Perfect wires, one node. Return: the cable, or NULL if there is no memory. */
struct wire_cable *wire_cable_create(bool both, uint64_t seed);

/* Release it and what waits in it. Harmless on NULL. */
void wire_cable_destroy(struct wire_cable *c);

/**
 * wire_cable_set() - Set a parameter
 * @c:		The cable
 * @param:	Which
 * @text:	Value; without a node it is for the first one, as with wirefilter
 *
 * Return: 0; -EINVAL for what is no value, none for @param, or no node
 */
int wire_cable_set(struct wire_cable *c, enum wire_param param, const char *text) MUST_CHECK;

/* Whether frames keep their order. */
void wire_cable_set_fifo(struct wire_cable *c, bool fifo);

/* Bound of the bytes that wait in each direction. */
void wire_cable_set_queue(struct wire_cable *c, size_t bytes);

/* Set the number of nodes (see markov_resize()). New ones are perfect wires. */
int wire_cable_resize(struct wire_cable *c, unsigned int nodes) MUST_CHECK;

/* Go to a node. Return: 0, or -EINVAL if there is none. */
int wire_cable_go(struct wire_cable *c, unsigned int node) MUST_CHECK;

/* Set the time between two steps. Return: 0 or -EINVAL. */
int wire_cable_set_period(struct wire_cable *c, double ms) MUST_CHECK;

/* When there is something to do next in the chain, or WIRE_NEVER. */
uint64_t wire_cable_next(const struct wire_cable *c);

/* Take the steps that are due. */
void wire_cable_step(struct wire_cable *c, uint64_t now_ns);

#endif /* PLUG_WIRE_CABLE_H */
