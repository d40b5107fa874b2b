/* SPDX-License-Identifier: BSD-2-Clause */
/* portgroup.h - Ports that VDE clients ask for by name
 *
 * A named port is a port number and a socket DIR/NAME beside DIR/ctl, with
 * permission bits of its own: whoever may open the socket gets this port
 * (vde://DIR[NAME]). It is there before its first client and after its last, with
 * its VLANs and counters, and those who ask for any port, or for its number, do not
 * get it.
 */
#ifndef SWITCHD_PORTGROUP_H
#define SWITCHD_PORTGROUP_H

#include <stdbool.h>

#include "lib/compiler.h"

struct vsw;
struct vsw_port_config;

/* Whether a text can be the name of a port: a file's name that is none of ours. */
bool portgroup_is_name(const char *name) MUST_CHECK;

/**
 * portgroup_add() - Make a named port and its socket
 * @vsw:	Switch
 * @cfg:	What it is to be; copied
 *
 * Return: 0; -EEXIST if there is a port of this name or the port is in use; -ERANGE;
 * -ENOSPC if no port is free; or as fd_listen_unix(). Logged.
 */
int portgroup_add(struct vsw *vsw, const struct vsw_port_config *cfg) MUST_CHECK;

/* Remove one, its clients with it. Return: 0, or -ENOENT. */
int portgroup_remove(struct vsw *vsw, const char *name) MUST_CHECK;

void portgroup_remove_all(struct vsw *vsw);

#endif /* SWITCHD_PORTGROUP_H */
