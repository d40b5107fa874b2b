/* SPDX-License-Identifier: BSD-2-Clause */
/* vswdir.h - The switch directory: making it, owning it, leaving it clean
 *
 * A switch is a directory. Who owns it is decided by a lock on the directory
 * itself (so no lock file is left anywhere) and, since vde_switch takes no
 * lock, by asking whether anybody answers on DIR/ctl. A directory is never
 * followed through a symbolic link that somebody else could have put there.
 */
#ifndef SWITCHD_VSWDIR_H
#define SWITCHD_VSWDIR_H

#include <stdbool.h>

#include "lib/compiler.h"

struct vsw;

/* Make, lock, chown and chmod the directory; remove what a dead switch left in
 * it. Fills vsw->dir (absolute) and vsw->dirfd. Return: 0 or -errno, logged. */
int vswdir_open(struct vsw *vsw) MUST_CHECK;

/* Whether a name is one a switch or a VDE client gives to a socket in the directory:
 * "001.5", ".01234-00000", or one of ours. */
bool vswdir_is_socket_name(const char *name);

/* Remove the directory if nothing is left in it, and let go of it. */
void vswdir_close(struct vsw *vsw);

#endif /* SWITCHD_VSWDIR_H */
