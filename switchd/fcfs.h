/* SPDX-License-Identifier: BSD-2-Clause */
/* fcfs.h - First come, first served: bindings of IPv6 addresses that hosts give themselves
 *
 * DOC: Theory of operation
 *
 * RFC 6620. A host that configures its own address asks first whether somebody has it
 * (duplicate address detection, RFC 4862, 5.4), and when nobody answers, has it. The guard
 * (guard.h) listens: who asks at a guarded port gets a binding (binding.h), which is good
 * when nobody at the ports that are not guarded has answered for FCFS_WAIT_MS; those at
 * guarded ones have bindings of their own. Who asks for an address that has a binding at
 * another guarded port is a rival: if its owner says nothing for so long, the address is the
 * rival's from then on.
 *
 * A host does not ask again after a restart of the switch. So a packet from an address that
 * nobody has a binding for makes the switch ask in the host's name, at the ports that are
 * not guarded, a few times in some seconds for each port. The packet is dropped, the next
 * one may pass.
 *
 * That is done for link-local addresses, and for those in prefixes that are on the link: the
 * ones that routers have announced for hosts to use, which are believed where no guard is. A
 * binding stays until its port goes; a port with too many gives up the one that was silent
 * longest.
 *
 * Pure: no clock, no descriptor, no allocation. Not thread-safe.
 */
#ifndef SWITCHD_FCFS_H
#define SWITCHD_FCFS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/eth.h"
#include "lib/ratelimit.h"
#include "switchd/binding.h"

enum {
	FCFS_WAIT_MS = 500,		/* TENT_LT */
	FCFS_PREFIXES = 16,
	FCFS_PROBE_SIZE = 78,		/* bytes of the frame that asks */
};

/** struct fcfs_prefix - One that hosts make addresses of; @until_ms 0: none */
struct fcfs_prefix {
	struct in6_addr prefix;
	uint64_t until_ms;
	uint16_t vid;
	uint8_t bits;
};

/**
 * struct fcfs - What is known beside the bindings; all zero is nothing
 * @claims:	Bindings made
 * @moved:	Bindings that rivals took over
 * @defended:	Claims that somebody at a port without guard has answered
 */
struct fcfs {
	struct fcfs_prefix prefix[FCFS_PREFIXES];
	uint64_t claims, moved, defended;
};

/** struct fcfs_host - Who is meant: an address at a port */
struct fcfs_host {
	struct in6_addr ip;
	struct eth_addr mac;
	uint16_t vid;
	uint16_t port;
};

/* Read the prefixes in the @size bytes of options of a router advertisement. */
void fcfs_routers_say(struct fcfs *f, uint16_t vid, const uint8_t *options, size_t size,
		      uint64_t now_ms);

/* A host asks whether its address is free. Return: false: another one is just asking that,
 * and is not to hear of it. */
bool fcfs_asks(struct fcfs *f, struct bindings *t, const struct fcfs_host *host,
	       uint64_t now_ms) MUST_CHECK;

/* Somebody at a port without guard has an address. */
void fcfs_answers(struct fcfs *f, struct bindings *t, uint16_t vid, const struct in6_addr *ip,
		  uint64_t now_ms);

/* Whether an address whose binding is @b, of BINDING_ND, is @host's, who has just spoken. */
bool fcfs_owns(struct fcfs *f, struct bindings *t, struct binding *b,
	       const struct fcfs_host *host, uint64_t now_ms) MUST_CHECK;

/* Whether to ask, in the name of a host that has no binding. If so, it has one now, which is
 * not good yet. */
bool fcfs_wants_probe(struct fcfs *f, struct bindings *t, const struct fcfs_host *host,
		      struct ratelimit *probes, uint64_t now_ms) MUST_CHECK;

/* Write the frame that asks who has an address. */
void fcfs_build_probe(struct eth_addr mac, const struct in6_addr *ip,
		      uint8_t frame[static FCFS_PROBE_SIZE]);

#endif /* SWITCHD_FCFS_H */
