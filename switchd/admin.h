/* SPDX-License-Identifier: BSD-2-Clause */
/* admin.h - Changes to a running switch, as the console and the control socket make them
 *
 * One function for each thing that an operator can change, with the checks that
 * belong to it; who asked, and in what words the answer goes back, is the caller's
 * business. Numbers of ports and VLANs are as the operator gave them and are checked
 * here.
 *
 * All return 0 or -errno with nothing changed: -EINVAL for a number out of its range,
 * -ENXIO if there is no such port or VLAN, -EADDRINUSE if it is in use, -EEXIST if it
 * is there already, -ENOMEM.
 */
#ifndef SWITCHD_ADMIN_H
#define SWITCHD_ADMIN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/types.h>

#include "lib/compiler.h"
#include "switchd/guard.h"
#include "switchd/mcast.h"
#include "switchd/policy.h"
#include "switchd/storm.h"
#include "switchd/stp.h"
#include "switchd/vlan.h"

struct port;
struct vsw;

/* A port by its number, or NULL with *@err set. */
struct port *admin_port(const struct vsw *vsw, unsigned int n, int *err);

/* Make a port that only those get who ask for its number; @n 0: the first that is
 * free. *@made is its number. -ENOSPC if none is free. */
int admin_port_create(struct vsw *vsw, unsigned int n, unsigned int *made) MUST_CHECK;

/* Remove a port with nothing plugged in, and its settings. */
int admin_port_remove(struct vsw *vsw, unsigned int n) MUST_CHECK;

/* May clients that ask for any port get it? */
int admin_port_allocatable(struct vsw *vsw, unsigned int n, bool on) MUST_CHECK;

/* Tell who is behind it about the switch, or not. */
int admin_port_lldp(struct vsw *vsw, unsigned int n, bool on) MUST_CHECK;

/* Who may plug in; (uid_t)-1 and (gid_t)-1: anybody. */
int admin_port_user(struct vsw *vsw, unsigned int n, uid_t uid) MUST_CHECK;
int admin_port_group(struct vsw *vsw, unsigned int n, gid_t gid) MUST_CHECK;

/* What may not be behind it, by the spanning tree. */
int admin_port_guard(struct vsw *vsw, unsigned int n, enum stp_guard guard) MUST_CHECK;

/* How many frames of a kind it may flood in a second; 0: any number. */
int admin_port_storm(struct vsw *vsw, unsigned int n, enum storm_kind kind,
		     unsigned int rate) MUST_CHECK;

/* Which ports it may talk to; see isolation.h. */
int admin_port_isolation(struct vsw *vsw, unsigned int n, uint16_t isolation) MUST_CHECK;

/* Which EtherTypes it may bring; see ethertypes.h. */
int admin_port_types(struct vsw *vsw, unsigned int n,
		     const struct ethertypes *types) MUST_CHECK;

/* How many bits a second may go which way, up to RATE_MAX, 0: any number; and bytes at
 * once, up to RATE_BURST_MAX, 0: as rate.h has it. */
int admin_port_rate(struct vsw *vsw, unsigned int n, enum policy_way way, uint64_t bits,
		    uint64_t burst) MUST_CHECK;

/* At most so many addresses behind it, 0: any number; what becomes of frames from others;
 * whether what is learnt there stays there. See fdb.h and secure.h. */
int admin_port_limit(struct vsw *vsw, unsigned int n, unsigned int limit) MUST_CHECK;
int admin_port_violation(struct vsw *vsw, unsigned int n,
			 enum secure_action action) MUST_CHECK;
int admin_port_sticky(struct vsw *vsw, unsigned int n, bool on) MUST_CHECK;

/* Shut a port, or let frames pass again, for whatever reason it was shut. */
int admin_port_shut(struct vsw *vsw, unsigned int n, bool on) MUST_CHECK;

/* Make an address a static one of a port: -EINVAL for a group address, -EEXIST if it is
 * static already, -ENOSPC. Forget one address, of whatever kind: -ENXIO if it is unknown. */
int admin_fdb_add(struct vsw *vsw, struct eth_addr addr, unsigned int vid,
		  unsigned int n) MUST_CHECK;
int admin_fdb_del(struct vsw *vsw, struct eth_addr addr, unsigned int vid) MUST_CHECK;

/* Give a port a name and a socket, or take them from it; see portgroup.h. @n 0: the
 * first that is free. */
int admin_port_name(struct vsw *vsw, unsigned int n, const char *name) MUST_CHECK;
int admin_port_unname(struct vsw *vsw, const char *name) MUST_CHECK;

/* Set the VLAN of a port's untagged frames; VLAN_NONE: it takes tagged ones only. */
int admin_port_vlan(struct vsw *vsw, unsigned int n, unsigned int vid) MUST_CHECK;

/* Close one endpoint of a port. */
int admin_endpoint_close(struct vsw *vsw, unsigned int n, unsigned int id) MUST_CHECK;

/* Set the counters of a port to 0, or those of all. */
int admin_reset_counters(struct vsw *vsw, unsigned int n) MUST_CHECK;
void admin_reset_all_counters(struct vsw *vsw);

/* Make a VLAN; remove one that no port is in. */
int admin_vlan_create(struct vsw *vsw, unsigned int vid) MUST_CHECK;
int admin_vlan_remove(struct vsw *vsw, unsigned int vid) MUST_CHECK;

/* Make a port a tagged member of a VLAN, if it is no untagged one; or no member. */
int admin_vlan_add_port(struct vsw *vsw, unsigned int vid, unsigned int n) MUST_CHECK;
int admin_vlan_del_port(struct vsw *vsw, unsigned int vid, unsigned int n) MUST_CHECK;

/* What a port takes for a tag; one that takes nothing for it is no tagged member of any
 * VLAN: -EADDRINUSE. */
int admin_vlan_tag(struct vsw *vsw, unsigned int n, enum vlan_tag tag) MUST_CHECK;

/* What is learned in one VLAN is known in all, or not; all addresses are forgotten if
 * that is a change. */
void admin_vlan_shared(struct vsw *vsw, bool on);

/* What a port is to multicast: see mcast.h. A group is added for good; -EINVAL for one
 * that goes to all ports anyway, -ENOSPC if the table is full of such. */
int admin_mcast_fast_leave(struct vsw *vsw, unsigned int n, bool on) MUST_CHECK;
int admin_mcast_router(struct vsw *vsw, unsigned int n, enum mcast_router router) MUST_CHECK;
int admin_mcast_add(struct vsw *vsw, unsigned int vid, struct in6_addr group,
		    unsigned int n) MUST_CHECK;
int admin_mcast_del(struct vsw *vsw, unsigned int vid, struct in6_addr group,
		    unsigned int n) MUST_CHECK;

/* The source guard of a port: check something, or no longer. */
int admin_guard_set(struct vsw *vsw, unsigned int n, enum guard_check check,
		    bool on) MUST_CHECK;

/* DHCP servers may be behind it, or not. */
int admin_guard_trust(struct vsw *vsw, unsigned int n, bool on) MUST_CHECK;

/* What is allowed at a port: a source MAC address; with an @ip, which is not unspecified or a
 * group, a binding of that in a VLAN. Return: 0; as guard_add_mac() and binding_set(); -ENXIO
 * also if a binding is another's. */
int admin_guard_add(struct vsw *vsw, unsigned int n, struct eth_addr mac,
		    const struct in6_addr *ip, unsigned int vid) MUST_CHECK;
int admin_guard_del(struct vsw *vsw, unsigned int n, struct eth_addr mac,
		    const struct in6_addr *ip, unsigned int vid) MUST_CHECK;

/* Forget the addresses of a port, or all, but for static and sticky ones. */
int admin_flush_addresses(struct vsw *vsw, unsigned int n) MUST_CHECK;
void admin_flush_all_addresses(struct vsw *vsw);

/* As a hub, or as a switch. */
void admin_hub(struct vsw *vsw, bool on);

#endif /* SWITCHD_ADMIN_H */
