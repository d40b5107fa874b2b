/* SPDX-License-Identifier: BSD-2-Clause */
/* ram_file.h - The file that guest RAM is: it can be handed to another process
 *
 * DOC: Theory of operation
 *
 * A guest whose memory is mapped by pages of 4 KiB pays for each of them twice: a fault
 * when it is touched first (a Linux that boots touches 100 MiB), and a walk of two page
 * tables whenever the CPU has forgotten where it is. With pages of 2 MiB both all but
 * vanish. Private memory gets those from the kernel without being asked
 * (/sys/kernel/mm/transparent_hugepage/enabled), shared memory does not: there
 * shmem_enabled counts, and it says "never" on most hosts.
 *
 * That setting is for memfds. A tmpfs has its own, the mount option huge=, and who has a
 * user namespace can mount one. So unless the host's settings do it, or forbid it, RAM
 * is a nameless file on a tmpfs of its own, which nobody else ever sees: it is never
 * attached to any directory, and goes with the last descriptor. Where that cannot be done
 * (user namespaces are switched off, an old kernel), RAM is a memfd, only slower.
 *
 * Such a file cannot be sealed, as a memfd can: a process that it is handed to (a switch)
 * could cut it short. That one can write to all of the guest's memory as it is, and would
 * gain the end of this VM, which then says why (ram.c, diagnose.c). So we take the pages.
 *
 * Users can also say where the memory is to come from: pages of hugetlbfs, or a path.
 */
#ifndef VMM_RAM_FILE_H
#define VMM_RAM_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"

/**
 * struct ram_source - Where guest RAM is to come from; all zero is "as it suits best"
 * @path:	A directory (the file in it is removed at once) or a file; or NULL
 * @hugetlb:	Pages of hugetlbfs
 * @page:	Bytes of each, 0 for the host's default size
 * @prealloc:	Have all of it before the guest starts
 */
struct ram_source {
	const char *path;
	bool hugetlb;
	uint64_t page;
	bool prealloc;
};

/**
 * struct ram_file - What came of it
 * @fd:		The file, open for reading and writing
 * @align:	Where it is mapped and how long should be multiples of this
 * @reserve:	Its pages are to be reserved when it is mapped: there are only so many
 */
struct ram_file {
	int fd;
	uint64_t align;
	bool reserve;
};

/**
 * ram_file_open() - Make the file
 * @f:		Filled; the descriptor is the caller's
 * @src:	Where from
 * @size:	Bytes of RAM
 *
 * Return: 0 or -errno, logged
 */
int ram_file_open(struct ram_file *f, const struct ram_source *src,
		  uint64_t size) MUST_CHECK;

/** enum ram_thp - What the host says about huge pages in memfds */
enum ram_thp {
	RAM_THP_GIVEN,		/* they have them, all or when asked */
	RAM_THP_NEVER,		/* they have none, but nothing is said against them */
	RAM_THP_FORBIDDEN,	/* the host wants none */
};

/**
 * ram_file_thp() - Read the host's settings
 * @enabled:	transparent_hugepage/enabled, as "always [madvise] never"
 * @shmem:	transparent_hugepage/shmem_enabled
 *
 * Either may be empty: a kernel without them. Return: what they mean
 */
enum ram_thp ram_file_thp(const char *enabled, const char *shmem);

#endif /* VMM_RAM_FILE_H */
