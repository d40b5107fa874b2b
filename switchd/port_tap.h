/* SPDX-License-Identifier: BSD-2-Clause */
/* port_tap.h - A tap interface of the host as an endpoint */
#ifndef SWITCHD_PORT_TAP_H
#define SWITCHD_PORT_TAP_H

#include <stdbool.h>

#include "lib/compiler.h"

struct port_tap_scratch;
struct vsw;

/**
 * port_tap_add() - Attach to a tap, and again whenever it was deleted and is back
 * @vsw:	Switch
 * @name:	Interface, made if it does not exist; or "fd=N": descriptor N, which we
 *		were started with, is a tap
 * @port:	Port, 0 = any
 *
 * Return: 0 or -errno, logged; -EBUSY if it is attached already
 */
int port_tap_add(struct vsw *vsw, const char *name, unsigned int port) MUST_CHECK;

/* Detach. Return: 0, or -ENOENT if there is none of this name. */
int port_tap_remove(struct vsw *vsw, const char *name) MUST_CHECK;

void port_tap_remove_all(struct vsw *vsw);

/* Call @visit for each; @attached is false while it is away. */
void port_tap_foreach(const struct vsw *vsw,
		      void (*visit)(void *ctx, const char *name, unsigned int port,
				    bool attached), void *ctx);

/* Memory that all of a switch's taps share. Return: NULL if there is none. */
struct port_tap_scratch *port_tap_scratch_create(void);

#endif /* SWITCHD_PORT_TAP_H */
