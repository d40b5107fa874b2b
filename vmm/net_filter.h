/* SPDX-License-Identifier: BSD-2-Clause */
/* net_filter.h - Which frames a NIC lets through to its guest (virtio 1.2, 5.1.6.5.1-3)
 *
 * The guest sets it by commands: modes, tables of addresses, VLANs. Without any, a NIC is
 * promiscuous, as drivers without a control queue expect it. A promiscuous NIC lets all
 * VLANs through, too. Frames without a tag, or with that of VLAN 0, are in none.
 *
 * No clock, no descriptor, no allocation; the structure is its own saved form, and
 * net_filter_is_sane() says of one from elsewhere whether it is one.
 */
#ifndef VMM_NET_FILTER_H
#define VMM_NET_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/eth.h"

enum {
	NET_FILTER_TABLE = 64,		/* addresses of a kind; if there are more, all pass */
	NET_FILTER_MODES = 6,		/* VIRTIO_NET_CTRL_RX_* */
	NET_FILTER_PEEK = 16,		/* bytes of a frame that are looked at */
	NET_FILTER_VLANS = 4096,
};

/**
 * struct net_filter_table - Addresses of a kind
 * @count:	How many, NET_FILTER_TABLE at most
 * @all:	There were more: all pass
 */
struct net_filter_table {
	uint8_t count;
	uint8_t all;
	struct eth_addr addr[NET_FILTER_TABLE];
};

/**
 * struct net_filter - What passes
 * @mode:	By VIRTIO_NET_CTRL_RX_*: 0 or 1
 * @tagged:	VLANs are filtered: the guest has negotiated that
 * @vlan:	A bit for each VLAN that passes
 * @table:	Addresses beside the NIC's own: of one station, of groups
 */
struct net_filter {
	uint8_t mode[NET_FILTER_MODES];
	uint8_t tagged;
	uint8_t zero;
	uint8_t vlan[NET_FILTER_VLANS / 8];
	struct net_filter_table table[2];
};

/* As after a reset. */
void net_filter_init(struct net_filter *f);

bool net_filter_is_sane(const struct net_filter *f) MUST_CHECK;

/* Whether every frame passes, so that none need be looked at. */
static inline bool net_filter_is_open(const struct net_filter *f)
{
	return f->mode[0];
}

/**
 * net_filter_pass() - Whether a frame goes on to the guest
 * @f:		Filter
 * @own:	The NIC's address
 * @head:	First NET_FILTER_PEEK bytes of the frame, zeros behind its end
 */
bool net_filter_pass(const struct net_filter *f, struct eth_addr own,
		     const uint8_t head[static NET_FILTER_PEEK]) MUST_CHECK;

/**
 * net_filter_set_mode() - VIRTIO_NET_CTRL_RX
 * @f:		Filter
 * @cmd:	VIRTIO_NET_CTRL_RX_*
 * @on:		The guest's byte
 *
 * Return: whether there is such a mode
 */
bool net_filter_set_mode(struct net_filter *f, unsigned int cmd, uint8_t on) MUST_CHECK;

/**
 * net_filter_set_table() - VIRTIO_NET_CTRL_MAC_TABLE_SET, one of its two tables
 * @f:		Filter
 * @groups:	The second table
 * @addr:	Addresses, @count of them, or the first NET_FILTER_TABLE
 * @count:	How many there are
 */
void net_filter_set_table(struct net_filter *f, bool groups, const struct eth_addr *addr,
			  uint32_t count);

/* VIRTIO_NET_CTRL_VLAN. Return: whether there is such a VLAN. */
bool net_filter_set_vlan(struct net_filter *f, unsigned int vlan, bool on) MUST_CHECK;

#endif /* VMM_NET_FILTER_H */
