/* SPDX-License-Identifier: BSD-2-Clause */
/* open_as.h - Open a file that somebody else names, with his rights
 *
 * Security model: who is at the console names files for the switch to read or write,
 * and the switch may be root. A file is opened with the rights of who asks: as his
 * user and his group, and in none of the switch's own groups. So nobody reads or
 * writes anything that way which he could not without us. Where the switch may not
 * take on his rights (it is not root), it serves its own user and root; others get
 * what everybody may read.
 *
 * Only regular files are opened: nothing that makes us wait for a peer.
 */
#ifndef SWITCHD_OPEN_AS_H
#define SWITCHD_OPEN_AS_H

#include <sys/types.h>

#include "lib/compiler.h"

/**
 * open_as() - Open a regular file with the rights of a user
 * @uid:	Who asks
 * @gid:	His group
 * @path:	File
 * @flags:	As for open(); a file that is made has mode 0600
 *
 * Return: a descriptor, close-on-exec, or -errno; -EISDIR for a directory, -EINVAL for
 * what else is no file, -EPERM if the switch is root and cannot take on his rights
 */
int open_as(uid_t uid, gid_t gid, const char *path, int flags) MUST_CHECK;

#endif /* SWITCHD_OPEN_AS_H */
