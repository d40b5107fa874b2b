/* SPDX-License-Identifier: BSD-2-Clause */
/* port_vde.h - A VDE client as an endpoint: a pair of connected datagram sockets
 *
 * Each datagram is a frame. The client's stream connection to DIR/ctl is the
 * cable: when it closes, the endpoint is unplugged.
 */
#ifndef SWITCHD_PORT_VDE_H
#define SWITCHD_PORT_VDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/compiler.h"
#include "lib/vde_wire.h"

struct vsw;

/**
 * struct vde_request - What a client asked for, of any protocol version
 * @mgmt:	The management port, port 0
 * @named:	It came to the socket of a named port, and gets that one
 * @port:	Port wanted, 0 = any; not for @mgmt
 * @addr:	The client's datagram socket, as sent
 * @uid:	Who it is, from the kernel
 * @pid:	Likewise
 * @descr:	Its description of itself
 */
struct vde_request {
	bool mgmt;
	bool named;
	uint32_t port;
	struct vde_addr addr;
	uid_t uid;
	pid_t pid;
	char descr[VDE_DESCR_MAX + 1];
};

/**
 * port_vde_open() - Give a client its port, and send it the address
 * @vsw:	Switch
 * @req:	Request
 * @ctl:	The client's connection; taken over on success
 * @err:	On failure, what to write into the log
 * @size:	Bytes of @err
 *
 * Return: 0 or -errno, with nothing changed
 */
int port_vde_open(struct vsw *vsw, const struct vde_request *req, int ctl,
		  char *err, size_t size) MUST_CHECK;

#endif /* SWITCHD_PORT_VDE_H */
