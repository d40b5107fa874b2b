/* SPDX-License-Identifier: BSD-2-Clause */
/* port_dgram.h - A peer that sends each frame as a datagram as an endpoint
 *
 * DOC: Theory of operation
 *
 * The form is that of QEMU's -netdev dgram over UNIX sockets: each side binds a
 * socket of its own and sends to the other's, one frame a datagram. Nobody greets and
 * nobody says good-bye, so the switch has to find out who is there. The port is a
 * named one; its endpoint is plugged in while our socket is connected to the peer's.
 *
 * Our socket is connected when something comes in, when the peer's file is made (which
 * the kernel tells us), and otherwise tried every PORT_DGRAM_LOOK_S. That goes on while
 * it is connected: a connection survives its peer's end, and as long as it does the
 * kernel lets nobody else send to us, so a peer that was started again would not be
 * heard before something is sent to it.
 *
 * Security model: while a peer is there, the kernel refuses what others send. While
 * none is there, what comes in is thrown away, but for what waits at the moment when
 * the peer is found: who may write to our socket is the peer, or its equal.
 */
#ifndef SWITCHD_PORT_DGRAM_H
#define SWITCHD_PORT_DGRAM_H

#include "lib/compiler.h"

#define PORT_DGRAM_LOOK_S	0.5

struct vsw;
struct vsw_named_config;

/* Make a named port and begin to look for its peer. Return: 0 or -errno, logged. */
int port_dgram_create(struct vsw *vsw, const struct vsw_named_config *cfg) MUST_CHECK;

/* Remove all of a switch's, with their sockets. */
void port_dgram_destroy_all(struct vsw *vsw);

#endif /* SWITCHD_PORT_DGRAM_H */
