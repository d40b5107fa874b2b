/* SPDX-License-Identifier: BSD-2-Clause */
/* port_tap.h - A tap interface of the host as an endpoint */
#ifndef SWITCHD_PORT_TAP_H
#define SWITCHD_PORT_TAP_H

#include "lib/compiler.h"

struct vsw;

/* Attach to the tap @name, made if it does not exist, at a free port. Return: 0
 * or -errno, logged. */
int port_tap_open(struct vsw *vsw, const char *name) MUST_CHECK;

#endif /* SWITCHD_PORT_TAP_H */
