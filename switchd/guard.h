/* SPDX-License-Identifier: BSD-2-Clause */
/* guard.h - The source guard: is a frame from whom it says it is from?
 *
 * DOC: Theory of operation
 *
 * What RFC 7039 (SAVI) calls source address validation, and others IP source guard, ARP
 * inspection and RA guard. Each is a setting of a port, off at first:
 *
 * - mac: frames have one of the source MAC addresses that the operator named for the port.
 * - ip: IP source addresses have a binding (binding.h) with the frame's MAC address and
 *   port. The sender of ARP has one, too, and its hardware address is the frame's; so have
 *   the targets of neighbour advertisements, and link-layer addresses in neighbour discovery
 *   are the frame's.
 * - ra: there is no router: router advertisements and redirects are dropped (RFC 6105).
 *
 * What a host says before it has an address passes with ip (RFC 7039, 3.2.2): from 0.0.0.0,
 * DHCP, IGMP and ARP probes (RFC 5227); from ::, duplicate address detection, router
 * solicitations and MLD; and from a link-local address that nobody has a binding for,
 * neighbour discovery, MLD and DHCPv6.
 *
 * DHCP snooping, a setting of the switch, learns bindings. Servers are behind ports that are
 * trusted; at others, their messages are dropped (RFC 7610), and so are those of clients for
 * another hardware address, of relay agents, and what ends another's lease. A client's
 * question is remembered with its port, and the answer to it makes the binding there, for as
 * long as the lease. Who asks first with an identifier has it: copying another's question is
 * of no use. A server may give an address to another client; but that a client with a lease
 * turns up at another port is not believed while the lease lasts, or until its port goes.
 * After a restart of the switch nobody has a binding: so what clients say to servers passes
 * also from an address that is nobody's.
 *
 * Snooping of neighbour discovery, another setting, learns the addresses that hosts give
 * themselves: see fcfs.h.
 *
 * Protocols that are neither IP nor ARP pass. What cannot be read (claim.h) is dropped, since
 * its receiver may read it all the same; so is neighbour discovery in fragments (RFC 6980).
 * Fragments but the first pass if their source is bound: without a first one they are
 * nothing. Where VLANs count, a binding is of a VLAN; elsewhere, of the VLAN in the frame's
 * own tag, so that guests with VLANs of their own do not mix.
 *
 * What is judged must be what is forwarded: a frame's bytes beyond its private head may
 * change while we look. So when they are needed, they are copied once, and the copy goes on
 * in the frame's place.
 *
 * Pure: no clock, no descriptor, no allocation but when it is made. Not thread-safe.
 */
#ifndef SWITCHD_GUARD_H
#define SWITCHD_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/eth.h"
#include "lib/ratelimit.h"
#include "lib/siphash.h"
#include "switchd/binding.h"
#include "switchd/frame.h"
#include "switchd/stats.h"

enum { GUARD_MACS = 16 };	/* that may be named for a port */

enum guard_check { GUARD_MAC, GUARD_IP, GUARD_RA, GUARD_CHECKS };

/* Where bindings are learnt from. */
enum guard_snoop { GUARD_SNOOP_DHCP, GUARD_SNOOP_ND, GUARD_SNOOPS };

/**
 * struct guard_port - Settings of a port; all zero is none
 * @on:		There is something to look at
 * @snooped:	As the switch has it: see guard_set_snooping()
 * @trusted:	DHCP servers may be behind it
 * @check:	What is looked at
 * @macs:	The source MAC addresses that GUARD_MAC lets pass, @mac_count of them
 * @said:	Bounds what the log says of the port
 * @probes:	And how often we ask for the sake of its hosts
 */
struct guard_port {
	bool on;
	bool snooped;
	bool trusted;
	bool check[GUARD_CHECKS];
	struct eth_addr macs[GUARD_MACS];
	unsigned int mac_count;
	struct ratelimit said;
	struct ratelimit probes;
};

/** struct guard_stats - Counters since the start */
struct guard_stats {
	uint64_t questions;	/* remembered, of DHCP clients */
	uint64_t learnt;	/* bindings made or prolonged */
	uint64_t ended;		/* before their time, or another's now */
	uint64_t refused;	/* not made: another's, or for want of room */
};

struct guard;

/* Send a frame of our own in a VLAN, by all ports that do not check IP addresses. */
typedef void guard_probe(void *ctx, uint16_t vid, const uint8_t *frame, size_t size);

/**
 * guard_create() - Make a guard with an empty table
 * @ports:	Ports are 0 to @ports - 1
 * @key:	Secret of the table's hash
 * @mac:	The switch's own address
 * @probe:	Called from guard_pass()
 *
 * Return: it, or NULL if there is no memory
 */
struct guard *guard_create(unsigned int ports, struct siphash_key key, struct eth_addr mac,
			   guard_probe *probe, void *ctx);

/* NULL is fine. */
void guard_destroy(struct guard *g);

/* Its bindings, for the operator. */
struct bindings *guard_bindings(struct guard *g);

/* Settings of a port. */

/* "mac", "ip" or "ra". */
const char *guard_check_name(enum guard_check check);
bool guard_check_parse(const char *text, enum guard_check *check) MUST_CHECK;

void guard_set(struct guard_port *p, enum guard_check check, bool on);

/* Snooping: on in the guard, and each port is told whether there is any. Off, what was learnt
 * in this way is forgotten. */
void guard_set_snooping(struct guard *g, enum guard_snoop what, bool on);
bool guard_snooping(const struct guard *g, enum guard_snoop what);
void guard_set_snooped(struct guard_port *p, bool on);

struct guard_stats guard_stats(const struct guard *g);

/* Name a source MAC address for a port, or no longer. Return: 0; -EINVAL for a group address;
 * -EEXIST; -ENOSPC if there are GUARD_MACS; -ENXIO if it is not named. */
int guard_add_mac(struct guard_port *p, struct eth_addr mac) MUST_CHECK;
int guard_del_mac(struct guard_port *p, struct eth_addr mac) MUST_CHECK;

/* Frames. */

/* A batch begins: copies made in the one before are of no use any more. */
void guard_begin(struct guard *g);

/**
 * guard_pass() - May a frame go on?
 * @g:		Guard
 * @p:		Settings of the port it came from
 * @in:		The port
 * @vid:	Its VLAN, or VLAN_NONE where tags do not count
 * @frame:	The frame; changed to a copy of it if more than its head was looked at
 * @now_ms:	Monotonic time
 * @why:	Set if it may not
 */
bool guard_pass(struct guard *g, struct guard_port *p, uint16_t in, uint16_t vid,
		struct frame *frame, uint64_t now_ms, enum drop_reason *why) MUST_CHECK;

#endif /* SWITCHD_GUARD_H */
