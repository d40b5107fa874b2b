/* SPDX-License-Identifier: BSD-2-Clause */
/* vhost.h - Where vhost-user front ends come in: DIR/vhost, and named ports
 *
 * Every connection to DIR/vhost is a port, as every client of DIR/ctl is. A named
 * port (named.h) is one of its own, with a socket of its own: libvirt, for one, has
 * front ends that listen (mode='server').
 */
#ifndef SWITCHD_VHOST_H
#define SWITCHD_VHOST_H

#include "lib/compiler.h"

struct vhost;
struct vsw;

/* Begin. Failures are logged. Return: 0 or -errno. */
int vhost_create(struct vsw *vsw, struct vhost **out) MUST_CHECK;

/* Close listeners and named ports, remove their sockets. NULL is fine. */
void vhost_destroy(struct vhost *vh);

#endif /* SWITCHD_VHOST_H */
