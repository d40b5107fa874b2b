/* SPDX-License-Identifier: BSD-2-Clause */
/* control.h - The switch's commands for programs, on DIR/control (lib/qmp.h) */
#ifndef SWITCHD_CONTROL_H
#define SWITCHD_CONTROL_H

#include "lib/compiler.h"

struct qmp_server;
struct vsw;

/* Listen on DIR/control. Return: 0 or -errno, logged. */
int control_create(struct vsw *vsw, struct qmp_server **out) MUST_CHECK;

/* Remove its file. */
void control_unlink(const struct vsw *vsw);

#endif /* SWITCHD_CONTROL_H */
