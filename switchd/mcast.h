/* SPDX-License-Identifier: BSD-2-Clause */
/* mcast.h - Multicast snooping: which ports want which groups?
 *
 * DOC: Theory of operation
 *
 * RFC 4541. Hosts report to routers which groups they want (igmp.h); the switch listens
 * and sends a group's frames only to ports from which somebody has asked for it, and to
 * ports behind which there is somebody who asks. In each VLAN and each family for itself:
 *
 * - A report adds its port to the group for two query intervals and ten seconds; each
 *   further one prolongs that. Reports go to router ports only, so that hosts do not hear
 *   each other and keep silent.
 * - A leave ends that at once on a port with fast leave. Elsewhere there may be others
 *   behind the port: our querier, if it is the one, asks there, and who does not answer in
 *   two seconds is gone; another querier's question about a group does the same.
 * - A query makes its port a router port, also one from the address 0.0.0.0: that is a
 *   switch like this one, which has to hear the reports from behind us. So do the words
 *   of routers that ask nobody (igmp.h). Ports can also be made router ports always, or
 *   never.
 * - Frames of groups that nobody has joined go to router ports alone. 224.0.0.0/24 and
 *   the link-local scope of IPv6 (ff02::/16, and smaller ones) are flooded always, as is
 *   everything that is not IP: neighbour discovery does not depend on a table here.
 * - Groups are told apart by IP address, not by the MAC address that 32 of them share.
 *
 * Without a querier, hosts do not repeat their reports, and all groups would dry up: where
 * none was heard for two intervals and five seconds, all groups are flooded, and also
 * until the answers to the first question are in. So a switch that snoops needs a querier
 * in its VLAN, its own (mcast_set_querier()) or another; ours is silent while there is
 * another with an address. After a change of the spanning tree, everything is flooded
 * until the next answers are in.
 *
 * The table is bounded. When it is full, the port that holds most entries gives up its
 * oldest one: a flood of reports from a port pushes out its own. Entries that the operator
 * made do not go. A VLAN is that of the bridge; where tags do not count, that of the
 * frame's own tag, so that guests with VLANs of their own do not mix.
 *
 * Pure: no clock, no descriptor, no allocation but when it is made; queries leave by a
 * callback. Not thread-safe.
 */
#ifndef SWITCHD_MCAST_H
#define SWITCHD_MCAST_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/eth.h"
#include "lib/siphash.h"
#include "switchd/frame.h"
#include "switchd/vlan.h"

enum {
	MCAST_ENTRIES = 4096,		/* ports in groups, and router ports, in all */
	MCAST_ALL_PORTS = 0xffff,
	MCAST_INTERVAL_S = 125,		/* between queries (RFC 3376, 8.2) */
	MCAST_INTERVAL_MAX_S = 3600,
	MCAST_TICK_MS = 1000,
};

struct mcast;

/* What a port is to routers. */
enum mcast_router { MCAST_ROUTER_AUTO, MCAST_ROUTER_ALWAYS, MCAST_ROUTER_NEVER };

/** struct mcast_stats - Counters since the start */
struct mcast_stats {
	uint64_t reports, queries;	/* heard */
	uint64_t bad;			/* malformed messages, ignored */
	uint64_t asked;			/* queries sent */
	uint64_t evicted;		/* entries, for want of room */
};

/**
 * struct mcast_info - An entry, for people
 * @vid:	VLAN
 * @port:	Port
 * @router:	A router port; else @group is what is wanted there
 * @fixed:	The operator made it
 * @left_ms:	For how much longer, unless @fixed
 */
struct mcast_info {
	uint16_t vid;
	uint16_t port;
	bool router;
	struct in6_addr group;
	bool fixed;
	uint64_t left_ms;
};

/* Send a frame of our own in a VLAN, by one port or MCAST_ALL_PORTS. */
typedef void mcast_send(void *ctx, uint16_t vid, uint16_t port, const uint8_t *frame,
			size_t size);

/**
 * mcast_create() - Make an empty table
 * @ports:	Ports are 0 to @ports - 1
 * @key:	Secret of the hash
 * @mac:	The switch's own address
 * @send:	Called from mcast_input() and mcast_tick()
 *
 * Return: it, or NULL if there is no memory
 */
struct mcast *mcast_create(unsigned int ports, struct siphash_key key, struct eth_addr mac,
			   mcast_send *send, void *ctx);

/* NULL is fine. */
void mcast_destroy(struct mcast *m);

/* Settings. */

void mcast_set_querier(struct mcast *m, bool on);
bool mcast_querier(const struct mcast *m);

/* Seconds between queries, 1 to MCAST_INTERVAL_MAX_S; entries live as it says. */
void mcast_set_interval(struct mcast *m, unsigned int s);
unsigned int mcast_interval(const struct mcast *m);

void mcast_set_fast_leave(struct mcast *m, uint16_t port, bool on);
bool mcast_fast_leave(const struct mcast *m, uint16_t port);

void mcast_set_router(struct mcast *m, uint16_t port, enum mcast_router router);
enum mcast_router mcast_router(const struct mcast *m, uint16_t port);
const char *mcast_router_name(enum mcast_router router);
bool mcast_router_parse(const char *text, enum mcast_router *router) MUST_CHECK;

/* Add a port to a group for good, or remove it. Return: 0; -EINVAL if @group is none that
 * is filtered; -EEXIST; -ENXIO; -ENOSPC if the table is full of such. */
int mcast_add(struct mcast *m, uint16_t vid, struct in6_addr group,
	      uint16_t port) MUST_CHECK;
int mcast_del(struct mcast *m, uint16_t vid, struct in6_addr group,
	      uint16_t port) MUST_CHECK;

/* A group by its IPv4 or IPv6 address, as text. */
bool mcast_group_parse(const char *text, struct in6_addr *group) MUST_CHECK;
const char *mcast_group_format(struct in6_addr group, char buf[static INET6_ADDRSTRLEN]);

/* Frames. */

enum mcast_what {
	MCAST_DATA,	/* mcast_lookup() knows */
	MCAST_QUERY,	/* for all ports */
	MCAST_REPORT,	/* for router ports */
};

/**
 * mcast_input() - See what a frame to a group address says, and remember it
 * @m:		Table
 * @in:		Port it came from
 * @vid:	Its VLAN, or 0 where tags do not count
 * @frame:	The frame
 * @now_ms:	Monotonic time
 */
enum mcast_what mcast_input(struct mcast *m, uint16_t in, uint16_t vid,
			    const struct frame *frame, uint64_t now_ms);

/**
 * mcast_lookup() - Where does a frame to a group address go?
 * @vid:	As for mcast_input(); set to the VLAN that the table has it in
 * @what:	What mcast_input() said
 * @group:	Set to the group's number, or 0: to routers only
 *
 * Return: false: to all ports; true: to mcast_ports(). A number is good until the next
 * mcast_input() or mcast_tick(), or change of settings
 */
bool mcast_lookup(const struct mcast *m, uint16_t *vid, const struct frame *frame,
		  enum mcast_what what, uint64_t now_ms, uint16_t *group);

/* Ports that want a group, each once, and those of routers. Return: @count of them, valid
 * until the next call. */
const uint16_t *mcast_ports(struct mcast *m, uint16_t vid, uint16_t group,
			    unsigned int *count);

/* Time. */

/* To be called each MCAST_TICK_MS: forget what is old; ask, in VLAN 0 and those of
 * @vlans. */
void mcast_tick(struct mcast *m, const struct vlan_table *vlans, uint64_t now_ms);

/* Forget what was heard at a port; with @fixed, what the operator has set for it, too. */
void mcast_flush_port(struct mcast *m, uint16_t port, bool fixed);

/* Forget all that was heard. */
void mcast_flush(struct mcast *m);

/* Ports lead elsewhere now: ask anew, and flood until the answers are in. */
void mcast_topology_changed(struct mcast *m, uint64_t now_ms);

/* What there is. */

const struct mcast_stats *mcast_stats(const struct mcast *m);
void mcast_foreach(const struct mcast *m, uint64_t now_ms,
		   void (*visit)(void *ctx, const struct mcast_info *info), void *ctx);

#endif /* SWITCHD_MCAST_H */
