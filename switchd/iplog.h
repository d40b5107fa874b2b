/* SPDX-License-Identifier: BSD-2-Clause */
/* iplog.h - Which IP addresses live behind which port
 *
 * DOC: Theory of operation
 *
 * A frame that comes in tells where an IP address lives: the source of an IPv4 or IPv6
 * packet, and the sender of an ARP packet. Those in one of the ranges that somebody
 * asked for are kept in a table, by address and VLAN, with the MAC address the frame
 * came from, the port, and its user. Addresses that are nobody's (unspecified,
 * multicast, broadcast) are not.
 *
 * All of it is said by whoever sends the frame: it is a log of claims, and no proof.
 * The table is of fixed size and hashed with a secret; when it is full, the address
 * that was seen longest ago goes.
 *
 * Pure: no clock, no descriptor; time is a parameter in milliseconds of a monotonic
 * clock.
 */
#ifndef SWITCHD_IPLOG_H
#define SWITCHD_IPLOG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/compiler.h"
#include "lib/eth.h"
#include "lib/siphash.h"

enum {
	IPLOG_ENTRIES = 4096,
	IPLOG_RANGES_MAX = 64,
	IPLOG_REFRESH_MS = 1000,	/* a known address is written no more often */
	IPLOG_EXPIRE_MS = 360 * 1000,
	IPLOG_ADDR_STR = 46,		/* the longest address and NUL */
};

struct iplog;

/**
 * struct iplog_addr - An IP address
 * @version:	4 or 6
 * @b:		In transmission order; of version 4, the first four bytes count and the
 *		rest is zero
 */
struct iplog_addr {
	uint8_t version;
	uint8_t b[16];
};

/**
 * struct iplog_info - Where an address was seen
 * @ip:		The address
 * @mac:	Source of the frame
 * @vid:	Its VLAN
 * @port:	Port it came in by
 * @uid:	User of the port, or (uid_t)-1
 */
struct iplog_info {
	struct iplog_addr ip;
	struct eth_addr mac;
	uint16_t vid;
	uint16_t port;
	uid_t uid;
};

/* Addresses. */

/* Read an address as text; no names. Return: whether all of @s is one. */
bool iplog_addr_parse(const char *s, struct iplog_addr *addr) MUST_CHECK;

/* Write an address as text. Return: @buf. */
const char *iplog_addr_format(const struct iplog_addr *addr, char buf[static IPLOG_ADDR_STR]);

bool iplog_addr_eq(const struct iplog_addr *a, const struct iplog_addr *b);

/**
 * iplog_source() - What a frame says about the address of its sender
 * @b:		The frame's first bytes, in memory that no peer can change
 * @size:	How many; 46 are enough
 * @pvid:	VLAN of frames without a tag
 * @info:	@ip, @mac and @vid are set
 *
 * Return: false if it says nothing
 */
bool iplog_source(const uint8_t *b, size_t size, uint16_t pvid, struct iplog_info *info);

/* The table. */

/**
 * iplog_create() - Make an empty table, with no ranges
 * @entries:	Addresses it holds at most, at least 1
 * @key:	Secret of its hash
 *
 * Return: the table, or NULL if there is no memory
 */
struct iplog *iplog_create(unsigned int entries, struct siphash_key key);

/* NULL is fine. */
void iplog_destroy(struct iplog *log);

/* Addresses that were not seen for longer than @ms are forgotten by iplog_age(). */
void iplog_set_expire(struct iplog *log, uint64_t ms);
uint64_t iplog_expire(const struct iplog *log);

/* Ranges: an address and how many of its first bits count. Added ones have those bits
 * only. */

/* Return: 0; -EINVAL if there are not so many bits; -EEXIST; -ENOSPC after
 * IPLOG_RANGES_MAX. */
int iplog_add_range(struct iplog *log, const struct iplog_addr *addr,
		    unsigned int bits) MUST_CHECK;

/* Addresses in it that are known stay until they are too old. Return: 0; -EINVAL; or
 * -ENOENT. */
int iplog_del_range(struct iplog *log, const struct iplog_addr *addr,
		    unsigned int bits) MUST_CHECK;

/* The @n-th range, in the order they were added; false behind the last. */
bool iplog_range(const struct iplog *log, unsigned int n, struct iplog_addr *addr,
		 unsigned int *bits);

/* Seeing. */

/* An address was seen. Return: whether it is in a range, and new, or elsewhere than
 * before. */
bool iplog_see(struct iplog *log, const struct iplog_info *info, uint64_t now_ms);

/* Forget what is too old. */
void iplog_age(struct iplog *log, uint64_t now_ms);

/* Forget all addresses behind a port. */
void iplog_flush_port(struct iplog *log, uint16_t port);

/* Call @visit for each address, the one seen longest ago first. */
void iplog_foreach(const struct iplog *log,
		   void (*visit)(void *ctx, const struct iplog_info *info), void *ctx);

#endif /* SWITCHD_IPLOG_H */
