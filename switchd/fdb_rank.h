/* SPDX-License-Identifier: BSD-2-Clause */
/* fdb_rank.h - Which port holds most addresses?
 *
 * A heap of ports by a number that each has. Numbers go up and down by one, mostly, so a
 * change costs a step or two, and with any number of ports a handful.
 *
 * Pure: no clock, no allocation but when it is made. For fdb.c only.
 */
#ifndef SWITCHD_FDB_RANK_H
#define SWITCHD_FDB_RANK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"

/**
 * struct fdb_rank - A heap
 * @load:	A port's number
 * @heap:	Ports; none has more than the one at half of its place
 * @place:	Where a port is in @heap
 */
struct fdb_rank {
	uint32_t *load;
	uint16_t *heap;
	uint16_t *place;
	unsigned int ports;
};

/* Ports 0 to @ports - 1, all with 0. Return: whether there is memory. */
bool fdb_rank_init(struct fdb_rank *r, unsigned int ports) MUST_CHECK;

/* All zero is fine. */
void fdb_rank_exit(struct fdb_rank *r);

/* A port has another number. */
void fdb_rank_set(struct fdb_rank *r, uint16_t port, uint32_t load);

/* The port that has most, or one of them. */
static inline uint16_t fdb_rank_first(const struct fdb_rank *r)
{
	return r->heap[0];
}

#endif /* SWITCHD_FDB_RANK_H */
