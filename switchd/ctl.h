/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl.h - The socket DIR/ctl, and those of named ports: clients ask for a port
 * (lib/vde_wire.h)
 *
 * DOC: Theory of operation
 *
 * A connection is read until a whole request is there, at most CTL_DEADLINE_S
 * after it was accepted, and then either becomes a VDE endpoint
 * (port_vde.c), which owns it from then on, or is closed and the log says why:
 * the wire has no way to tell an error to the client but the end of the stream.
 *
 * At most CTL_PENDING_MAX connections may wait with half a request. One more
 * pushes the oldest out: a client sends its request at once, so a crowd that
 * says nothing keeps nobody out.
 */
#ifndef SWITCHD_CTL_H
#define SWITCHD_CTL_H

#include <sys/types.h>

#include "lib/compiler.h"

#define CTL_DEADLINE_S	5.

enum { CTL_PENDING_MAX = 128 };

struct ctl;
struct vsw;

/** struct ctl_config - A socket
 * @name:	Its name in the switch directory; borrowed
 * @port:	Port of all who come here, or -1: which they ask for
 * @mode:	Permission bits
 * @gid:	Group, or (gid_t)-1
 */
struct ctl_config {
	const char *name;
	int port;
	mode_t mode;
	gid_t gid;
};

/* Listen. Return: 0 or -errno, logged. */
int ctl_create(struct vsw *vsw, const struct ctl_config *cfg, struct ctl **out) MUST_CHECK;

/* Close it, remove it, and close all half-open connections. NULL is fine. */
void ctl_destroy(struct ctl *ctl);

#endif /* SWITCHD_CTL_H */
