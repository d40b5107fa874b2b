/* SPDX-License-Identifier: BSD-2-Clause */
/* stp.h - The switch's part in the spanning tree
 *
 * What stands between the protocol (rstp.h), which knows neither ports nor time, and a
 * switch: active ports are its ports, a timer of the event loop its clock, and its
 * states decide which ports frames come from and go to. There is one tree for all
 * VLANs.
 *
 * A switch that takes no part has no struct stp; all of its ports forward, and BPDUs
 * are frames like others. Settings of ports (edge, bonus) are kept with the port and
 * count when it takes part.
 */
#ifndef SWITCHD_STP_H
#define SWITCHD_STP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "switchd/bridge.h"
#include "switchd/rstp.h"

struct port;
struct stp;
struct vsw;

/** enum stp_guard - What may not be behind a port: see rstp_port_set_guard() */
enum stp_guard {
	STP_GUARD_NONE,
	STP_GUARD_BPDU,		/* a bridge: its first BPDU shuts the port */
	STP_GUARD_ROOT,		/* the root: a better one shuts it while it is heard */
};

/* "none", "bpdu" or "root". */
const char *stp_guard_name(enum stp_guard guard);
bool stp_guard_parse(const char *text, enum stp_guard *guard) MUST_CHECK;

/* Take part. Return: 0, also if it does already; -EINVAL on a hub; -ENOMEM. */
int stp_start(struct vsw *vsw) MUST_CHECK;

/* No longer. Harmless if it does not. */
void stp_stop(struct vsw *vsw);

/* A port became active, is about to become inactive, or has other settings. */
void stp_port_up(struct port *port);
void stp_port_down(struct port *port);
void stp_port_changed(struct port *port);

/**
 * stp_decide() - bridge_decide_batch(), as far as the tree allows
 * @in:		Port the frames came from
 * @frames:	@n frames
 * @verdicts:	Filled
 *
 * BPDUs among the frames are taken first: the verdicts are those of the tree that they
 * lead to.
 */
void stp_decide(struct port *in, const struct frame *frames, unsigned int n,
		struct verdict *verdicts);

/* What is going on, for people; the tree of a switch that takes no part is itself. */
void stp_get_info(const struct vsw *vsw, struct rstp_info *info);
int stp_port_get_info(const struct port *port, struct rstp_port_info *info) MUST_CHECK;

#endif /* SWITCHD_STP_H */
