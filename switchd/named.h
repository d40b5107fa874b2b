/* SPDX-License-Identifier: BSD-2-Clause */
/* named.h - A named port with a socket of its own, and how its peer gets there
 *
 * A named port exists, with its number, before its peer comes and when it is gone.
 * The switch listens at its socket for one peer at a time, or connects to a peer
 * that listens, again and again. What is spoken there is the business of the
 * protocol (vhost.c, stream.c): it gets a connection and says when it is over.
 */
#ifndef SWITCHD_NAMED_H
#define SWITCHD_NAMED_H

#include <ev.h>
#include <limits.h>
#include <stdbool.h>

#include "lib/compiler.h"
#include "lib/listener.h"

#define NAMED_RETRY_S	0.5	/* between attempts to connect */

struct vsw;
struct vsw_named_config;

/**
 * struct named_port - A named port
 * @vsw:	Switch
 * @cfg:	What the command line says about it; borrowed
 * @what:	Kind of port, for messages
 * @open:	Takes the connection @fd to its peer over, and calls named_port_gone()
 *		when it is over. Return: 0 or -errno, with @fd closed
 * @port:	Its number
 * @listener:	Takes its peer in, unless we connect
 * @retry:	Tries to connect
 * @peer:	A peer is there
 * @path:	Its socket
 */
struct named_port {
	struct vsw *vsw;
	const struct vsw_named_config *cfg;
	const char *what;
	int (*open)(struct named_port *np, int fd);
	int port;
	struct listener listener;
	ev_timer retry;
	bool peer;
	char path[PATH_MAX + 72];
};

/**
 * named_reserve() - Make a port that is there for a name, whatever is plugged in
 * @vsw:	Switch
 * @what:	Kind of port, for messages
 * @name:	Its name
 * @port:	Number, 0 = the lowest that is free
 *
 * Return: the number, or -errno, logged
 */
int named_reserve(struct vsw *vsw, const char *what, const char *name,
		  unsigned int port) MUST_CHECK;

/* Give up what named_reserve() returned, closing what is plugged in. */
void named_release(struct vsw *vsw, int port);

/**
 * named_port_create() - Make a named port and begin to look for its peer
 * @np:		All zero but for @vsw, @cfg, @what and @open; its address stays
 *
 * Return: 0, or -errno, logged; named_port_destroy() is called in any case
 */
int named_port_create(struct named_port *np) MUST_CHECK;

/* Its peer is gone: look for it, or let another one come. */
void named_port_gone(struct named_port *np);

/* Remove it and its socket, closing what is plugged in. */
void named_port_destroy(struct named_port *np);

#endif /* SWITCHD_NAMED_H */
