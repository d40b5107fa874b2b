/* SPDX-License-Identifier: BSD-2-Clause */
/* guarding.h - The switch's part in guarding sources
 *
 * What stands between the guard (guard.h), which knows neither ports nor time, and a switch:
 * batches of frames on their way in, counters and the log, ports that go, the clock. The
 * guard and its table are there from the start, for what the operator sets; a port of which
 * nothing is set does not come here.
 */
#ifndef SWITCHD_GUARDING_H
#define SWITCHD_GUARDING_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "switchd/guard.h"

struct frame;
struct port;
struct vsw;

/* Make the guard. Return: 0; -ENOMEM, or another -errno without a secret for its table. */
int guarding_create(struct vsw *vsw) MUST_CHECK;

/* Harmless if it was not made. */
void guarding_destroy(struct vsw *vsw);

/**
 * guarding_filter() - Of frames that came in by a guarded port, those that may go on
 * @in:		The port; the others are counted and dropped there
 * @frames:	@n frames
 * @n:		How many, before and after
 *
 * Return: the frames, valid until the next call
 */
const struct frame *guarding_filter(struct port *in, const struct frame *frames,
				    unsigned int *n);

/* Learn bindings from DHCP or neighbour discovery, or no longer. */
void guarding_set_snooping(struct vsw *vsw, enum guard_snoop what, bool on);

/* A port is as new: nothing is set for it. */
void guarding_reset_port(struct port *port);

/* Forget what was learnt at a port; with @fixed, all that is set for it, too. */
void guarding_flush_port(struct port *port, bool fixed);

/* Forget what is over, at times. */
void guarding_tick(struct vsw *vsw, uint64_t now_ms);

#endif /* SWITCHD_GUARDING_H */
