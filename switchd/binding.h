/* SPDX-License-Identifier: BSD-2-Clause */
/* binding.h - Bindings: which IP address belongs to which MAC address at which port?
 *
 * DOC: Theory of operation
 *
 * The table of the source guard (guard.h). Each IP address of a VLAN has one binding at
 * most: a MAC address and a port. An operator made it, and it is for good; or it was learnt
 * from DHCP and ends with its lease, or from neighbour discovery (fcfs.h); what is learnt ends
 * with its port. Requests for an address that wait
 * for the server's word are entries here, too, for some seconds: what a stranger can fill has
 * one bound.
 *
 * What is learnt at a port is bounded: with BINDING_PORT_MAX entries, it gets no more but in
 * place of an older request of its own, or of what was learnt from neighbour discovery and is
 * silent for longest. When the table is full, the port that has learnt
 * most gives up its oldest entry. Entries that an operator made do not go.
 *
 * Pure: no clock, no descriptor, no allocation but when it is made. Not thread-safe.
 */
#ifndef SWITCHD_BINDING_H
#define SWITCHD_BINDING_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/eth.h"
#include "lib/siphash.h"

enum {
	BINDING_MAX = 8192,		/* in all */
	BINDING_PORT_MAX = 128,		/* learnt at a port */
};

#define BINDING_NEVER	UINT64_MAX

enum binding_kind {
	BINDING_STATIC,
	BINDING_DHCP,
	BINDING_ND,
	BINDING_REQUEST,	/* none, yet */
};

/**
 * struct binding - An address and whose it is
 * @ip:		IPv6 address, or an IPv4 address as a mapped one; of a request, what
 *		binding_request_key() says
 * @until_ms:	When it ends, or BINDING_NEVER
 * @asked:	Of a request: the address that is asked for, or unspecified
 * @since_ms:	Of BINDING_ND: since when it is there
 * @used_ms:	When its owner has spoken last
 * @rival:	Who else would have it, at @rival_port
 * @rival_ms:	Since then; 0: nobody
 */
struct binding {
	struct in6_addr ip;
	struct in6_addr asked;
	uint64_t until_ms;
	uint64_t since_ms;
	uint64_t used_ms;
	uint64_t rival_ms;
	struct eth_addr mac;
	struct eth_addr rival;
	uint16_t rival_port;
	uint16_t vid;
	uint16_t port;
	enum binding_kind kind;
};

struct bindings;

/**
 * bindings_create() - Make an empty table
 * @ports:	Ports are 0 to @ports - 1
 * @key:	Secret of the hash
 *
 * Return: it, or NULL if there is no memory
 */
struct bindings *bindings_create(unsigned int ports, struct siphash_key key);

/* NULL is fine. */
void bindings_destroy(struct bindings *t);

/* The binding of an address, or NULL. Valid until the next change; when it was used, and its
 * rival, may be set. */
struct binding *binding_find(const struct bindings *t, uint16_t vid, const struct in6_addr *ip,
			     uint64_t now_ms);

/* Make a binding, in place of any that the address has. Return: 0; -ENOSPC: there is no room
 * for more, at the port or at all, and the address has none. */
int binding_set(struct bindings *t, const struct binding *b) MUST_CHECK;

/* End one that binding_find() returned. */
void binding_remove(struct bindings *t, struct binding *b);

/* Whether an address may be one host's: neither unspecified, nor of a group. */
bool binding_is_host(const struct in6_addr *ip);

/* Under which address a request is in the table: one that no host can have. */
struct in6_addr binding_request_key(struct eth_addr mac, uint32_t xid, bool v6);

/* End what is over. */
void bindings_tick(struct bindings *t, uint64_t now_ms);

/* Forget what was learnt at a port; with @fixed, all of the port. */
void bindings_flush_port(struct bindings *t, uint16_t port, bool fixed);

/* Forget what was learnt in this way. */
void bindings_flush(struct bindings *t, enum binding_kind kind);

/* How many there are at a port of those that are learnt, requests included. */
unsigned int bindings_learnt(const struct bindings *t, uint16_t port);

void bindings_foreach(const struct bindings *t, uint64_t now_ms,
		      void (*visit)(void *ctx, const struct binding *b), void *ctx);

/* "static", "dhcp", "nd" or "request". */
const char *binding_kind_name(enum binding_kind kind);

#endif /* SWITCHD_BINDING_H */
