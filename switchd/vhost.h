/* SPDX-License-Identifier: BSD-2-Clause */
/* vhost.h - Where vhost-user front ends come in: DIR/vhost, and named ports
 *
 * Every connection to DIR/vhost is a port, as every client of DIR/ctl is. A named
 * port is one of its own, with a socket of its own: it exists, with its number,
 * before its front end comes and when it is gone. The switch listens there for
 * one front end at a time, or connects to a front end that listens (as libvirt
 * has it with mode='server'), again and again.
 */
#ifndef SWITCHD_VHOST_H
#define SWITCHD_VHOST_H

#include "lib/compiler.h"

#define VHOST_RETRY_S	0.5	/* between attempts to connect */

struct vhost;
struct vsw;

/* Begin. Failures are logged. Return: 0 or -errno. */
int vhost_create(struct vsw *vsw, struct vhost **out) MUST_CHECK;

/* Close listeners and named ports, remove their sockets. NULL is fine. */
void vhost_destroy(struct vhost *vh);

#endif /* SWITCHD_VHOST_H */
