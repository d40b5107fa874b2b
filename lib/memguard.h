/* SPDX-License-Identifier: BSD-2-Clause */
/* memguard.h - Memory of others that may vanish under us
 *
 * DOC: Theory of operation
 *
 * A peer that hands us its memory as a descriptor can truncate it afterwards;
 * then the next access ends in SIGBUS, in the middle of a copy that may concern
 * two other ports. A mapping made here is guarded: the signal handler puts
 * anonymous memory in its place, marks it as lost, and returns. The copy goes
 * on, reading zeros or writing what nobody will read; its owner finds
 * memguard_is_lost() when it looks next and ends the peer. So no code on the data
 * path has to know that memory can vanish, and nothing is left half done.
 *
 * A SIGBUS anywhere else is what it was before: the end, with a core.
 *
 * The list of mappings is the process's, as the handler is. Mappings are made and
 * removed by one thread; any thread may touch them.
 */
#ifndef LIB_MEMGUARD_H
#define LIB_MEMGUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/compiler.h"

/**
 * struct memguard - A guarded mapping
 * @host:	Where it is; NULL if there is none
 * @size:	Bytes mapped, a multiple of the pages behind it
 * @lost:	The memory behind it has vanished
 * @next:	In the list of all
 */
struct memguard {
	void *host;
	size_t size;
	volatile bool lost;
	struct memguard *next;
};

/**
 * memguard_map() - Map a peer's memory
 * @g:		Filled; must stay where it is until memguard_unmap()
 * @fd:		Shared memory: a memfd, a file of tmpfs or hugetlbfs; borrowed
 * @off:	Where in it to begin; rounded down to a page of the file
 * @size:	Bytes; rounded up
 * @skipped:	Set to the bytes mapped in front of @off
 *
 * Return: 0; -EINVAL if @fd is of another kind, or does not have so many bytes;
 * or another -errno
 */
int memguard_map(struct memguard *g, int fd, uint64_t off, uint64_t size,
		 size_t *skipped) MUST_CHECK;

/* Harmless if there is no mapping. */
void memguard_unmap(struct memguard *g);

static inline bool memguard_is_lost(const struct memguard *g)
{
	return g->lost;
}

#endif /* LIB_MEMGUARD_H */
