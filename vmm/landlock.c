/* SPDX-License-Identifier: BSD-2-Clause */
/* landlock.c - Landlock by its system calls; what it is for is in the header
 *
 * The numbers beyond those of Linux 5.19 are written out: the headers of the C library
 * may be older than the kernel.
 */
#include "config.h"

#include "vmm/landlock.h"

#include <errno.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/fd.h"

enum {
	ACCESS_NET_TCP = 3,		/* binding and connecting, version 4 */
	SCOPE_ABSTRACT_UNIX = 1,	/* version 6 */
	SCOPE_SIGNAL = 2,
};

/* As the kernel has it from version 6 on; older ones are given its beginning. */
struct ruleset_attr {
	uint64_t access_fs;
	uint64_t access_net;
	uint64_t scoped;
};

/* Rights to the file system that each version knows: one more bit in some of them. */
static uint64_t known_rights(int version)
{
	static const unsigned int bits[] = { 0, 13, 14, 15, 15, 16 };
	unsigned int last = sizeof(bits) / sizeof(bits[0]) - 1;

	return (1ULL << bits[version > (int)last ? last : (unsigned int)version]) - 1;
}

static int add_rule(int ruleset, const struct landlock_rule *rule, uint64_t known)
{
	const struct landlock_path_beneath_attr attr = {
		.allowed_access = rule->rights & known,
		.parent_fd = rule->dir,
	};

	return (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH,
			    &attr, 0);
}

int landlock_enter(const struct landlock_rule *rules, unsigned int count, bool signals)
{
	int version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
				   LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset_attr attr = { .access_fs = 0 };
	size_t size = sizeof(attr.access_fs);
	int ruleset, ret = 0;

	if (version < 0)
		return -errno;
	attr.access_fs = known_rights(version);
	if (version >= 4) {
		attr.access_net = ACCESS_NET_TCP;
		size = offsetof(struct ruleset_attr, scoped);
	}
	if (version >= 6) {
		attr.scoped = SCOPE_ABSTRACT_UNIX | (signals ? 0 : SCOPE_SIGNAL);
		size = sizeof(attr);
	}
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (ruleset < 0)
		return -errno;
	for (unsigned int i = 0; !ret && i < count; i++)
		ret = add_rule(ruleset, &rules[i], attr.access_fs);
	if (!ret)
		ret = (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
	if (ret)
		ret = -errno;
	fd_close(&ruleset);
	return ret;
}
