/* SPDX-License-Identifier: BSD-2-Clause */
/* options_memory.h - Memory on the command line: -m, -mem-path, -mem-prealloc, -object,
 * and the keys of -machine and -numa that name an -object
 *
 * In QEMU a machine's memory is an object, which others name; most of the time it is made
 * up from -m. Here is one memory: an object that is not its is an error.
 */
#ifndef VMM_OPTIONS_MEMORY_H
#define VMM_OPTIONS_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "vmm/ram_file.h"

struct options;

/**
 * struct memory - All that was said of memory so far; all zero is nothing
 * @size:	-m
 * @source:	-mem-path, -mem-prealloc
 * @id:		Name of the -object, NULL without one
 * @object_size: Its size
 * @object:	What it is
 * @wanted:	Which object -machine or -numa names, or NULL
 * @nodes:	NUMA nodes
 */
struct memory {
	uint64_t size;
	struct ram_source source;
	const char *id;
	uint64_t object_size;
	struct ram_source object;
	const char *wanted;
	unsigned int nodes;
};

/* Each complains itself, naming the option @name, and says whether all is well.
 * Strings are kept. */

/* -m */
bool memory_parse(struct memory *m, const char *name, char *arg) MUST_CHECK;

/* What follows the first word of an -object: @kind is that. */
bool memory_add_object(struct memory *m, const char *name, const char *kind,
		       char *arg) MUST_CHECK;

/* -numa */
bool memory_numa(struct memory *m, const char *name, char *arg) MUST_CHECK;

/* All has been said: fill in @opt->ram and @opt->ram_source. */
bool memory_finish(struct memory *m, struct options *opt) MUST_CHECK;

#endif /* VMM_OPTIONS_MEMORY_H */
