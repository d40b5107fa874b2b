/* SPDX-License-Identifier: BSD-2-Clause */
/* snoop.h - The switch's part in multicast
 *
 * What stands between the table of groups (mcast.h), which knows neither ports nor time,
 * and a switch: a timer of the event loop is its clock, queries of its own go out by the
 * ports of their VLAN, and ports that go are forgotten.
 *
 * The table is there from the start, for what the operator sets; the bridge looks at it
 * only while snooping is on.
 */
#ifndef SWITCHD_SNOOP_H
#define SWITCHD_SNOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

struct port;
struct vsw;

/* Send a frame of our own, of IGMP_QUERY_SIZE bytes at most, by a port that is in the VLAN, with
 * a tag if the VLAN is a tagged one there. */
void snoop_send_port(struct port *port, uint16_t vid, const uint8_t *bytes, size_t size);

/* Make the table. Return: 0; -ENOMEM, or another -errno without a secret for it. */
int snoop_create(struct vsw *vsw) MUST_CHECK;

/* Harmless if it was not made. */
void snoop_destroy(struct vsw *vsw);

/* Snoop, or send all multicast to all ports, forgetting what was heard. */
void snoop_set(struct vsw *vsw, bool on);
bool snoop_is_on(const struct vsw *vsw);

#endif /* SWITCHD_SNOOP_H */
