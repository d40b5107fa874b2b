/* SPDX-License-Identifier: BSD-2-Clause */
/* iplog.h - Which IP addresses send: each one once, from a bounded memory
 *
 * Looks at the sources of IPv4 and IPv6 packets, untagged or with one 802.1Q tag.
 * The memory has IPLOG_HOSTS places; an address whose place another one took is
 * new again.
 */
#ifndef PLUG_IPLOG_H
#define PLUG_IPLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

enum { IPLOG_HOSTS = 4096 };

/**
 * struct iplog_host - Who sent
 * @addr:	Address; of IPv4 the first four bytes, the others zero
 * @version:	4 or 6, 0: nobody
 * @vlan:	VLAN, 0 if the frame was untagged
 */
struct iplog_host {
	uint8_t addr[16];
	uint16_t version;
	uint16_t vlan;
};

/** struct iplog - Those who sent already; all zero is nobody */
struct iplog {
	struct iplog_host seen[IPLOG_HOSTS];
};

/**
 * iplog_look() - Look at a frame
 * @il:		Memory
 * @frame:	@size bytes
 * @size:	Bytes
 * @host:	Set to who sent it, if the address is new
 *
 * Return: whether it is new
 */
bool iplog_look(struct iplog *il, const void *frame, size_t size,
		struct iplog_host *host) MUST_CHECK;

#endif /* PLUG_IPLOG_H */
