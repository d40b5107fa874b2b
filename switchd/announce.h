/* SPDX-License-Identifier: BSD-2-Clause */
/* announce.h - The switch tells its neighbours who it is
 *
 * What stands between LLDP's frames (lldp.h) and a switch: a timer of the event loop, names,
 * and ports. Who is plugged in is told within a second, in each of the first seconds, since
 * he may not listen yet, and then at intervals; that it is over is told, too. These frames are the switch's own: they go out whatever is forwarded of those to
 * their address (bridge.h), without a tag, and at ports that the spanning tree keeps closed.
 *
 * Who is called what: the ID of the switch is its MAC address, that of a port its number. The
 * switch's name is that of its directory and its host, DIRECTORY@HOST, unless the operator
 * says otherwise; a port's is what --port and the like have called it, or "port N".
 */
#ifndef SWITCHD_ANNOUNCE_H
#define SWITCHD_ANNOUNCE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"

struct announce;
struct port;
struct vsw;

/**
 * struct announce_port - A port's part; all zero is the default
 * @off:	It is told nothing
 * @fast:	How many times it is to be told in a hurry
 * @next_ms:	When it is to be told
 * @told:	It was, and not yet that it is over
 */
struct announce_port {
	bool off;
	uint8_t fast;
	uint64_t next_ms;
	bool told;
};

/** struct announce_info - How it is */
struct announce_info {
	bool on;
	unsigned int interval_s;
	const char *name;
	const char *descr;
	const struct in6_addr *address;		/* or NULL */
};

/* Get ready; begin if the configuration says so. Return: 0 or -ENOMEM. */
int announce_create(struct vsw *vsw) MUST_CHECK;

/* Tell all that it is over. Harmless if it did not begin. */
void announce_destroy(struct vsw *vsw);

void announce_get_info(const struct vsw *vsw, struct announce_info *info);

/* Settings. All that changes what is told is told at once. */

void announce_set(struct vsw *vsw, bool on);

/* Seconds between frames, 1 to LLDP_INTERVAL_MAX_S. */
void announce_set_interval(struct vsw *vsw, unsigned int s);

/* The switch's name, not too long; empty: its own. Return: 0 or -EINVAL. */
int announce_set_name(struct vsw *vsw, const char *name) MUST_CHECK;

/* The address at which it is managed, or NULL. */
void announce_set_address(struct vsw *vsw, const struct in6_addr *address);

void announce_set_port(struct port *port, bool on);

/* Something was plugged in. */
void announce_plugged(struct port *port);

#endif /* SWITCHD_ANNOUNCE_H */
