/* SPDX-License-Identifier: BSD-2-Clause */
/* fdb_rank.c - Which port holds most addresses? The essay is in fdb_rank.h */
#include "config.h"

#include "switchd/fdb_rank.h"

#include <stdlib.h>

bool fdb_rank_init(struct fdb_rank *r, unsigned int ports)
{
	*r = (struct fdb_rank){
		.load = calloc(ports, sizeof(*r->load)),
		.heap = calloc(ports, sizeof(*r->heap)),
		.place = calloc(ports, sizeof(*r->place)),
		.ports = ports,
	};
	if (!r->load || !r->heap || !r->place)
		return false;
	for (unsigned int i = 0; i < ports; i++)
		r->heap[i] = r->place[i] = (uint16_t)i;
	return true;
}

void fdb_rank_exit(struct fdb_rank *r)
{
	free(r->load);
	free(r->heap);
	free(r->place);
}

static uint32_t fdb_rank_load(const struct fdb_rank *r, unsigned int place)
{
	return r->load[r->heap[place]];
}

static void fdb_rank_swap(struct fdb_rank *r, unsigned int a, unsigned int b)
{
	uint16_t port = r->heap[a];

	r->heap[a] = r->heap[b];
	r->heap[b] = port;
	r->place[r->heap[a]] = (uint16_t)a;
	r->place[port] = (uint16_t)b;
}

void fdb_rank_set(struct fdb_rank *r, uint16_t port, uint32_t load)
{
	unsigned int at = r->place[port], next;

	r->load[port] = load;
	for (; at && fdb_rank_load(r, (at - 1) / 2) < load; at = (at - 1) / 2)
		fdb_rank_swap(r, at, (at - 1) / 2);
	while ((next = 2 * at + 1) < r->ports) {
		if (next + 1 < r->ports && fdb_rank_load(r, next + 1) > fdb_rank_load(r, next))
			next++;
		if (fdb_rank_load(r, next) <= load)
			return;
		fdb_rank_swap(r, at, next);
		at = next;
	}
}
