/* SPDX-License-Identifier: BSD-2-Clause */
/* lldp.h - The frames by which a switch tells its neighbours who it is: LLDP
 *
 * Writing them (IEEE 802.1AB-2016), and no more: what neighbours say is not listened to. No
 * state, no clock.
 */
#ifndef SWITCHD_LLDP_H
#define SWITCHD_LLDP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/eth.h"

enum {
	LLDP_FRAME_MAX = 1024,		/* bytes that a frame has at most */
	LLDP_TEXT_MAX = 255,		/* of a text; the rest of a longer one is left out */
	LLDP_INTERVAL_S = 30,		/* between frames (802.1AB, 9.2.5.7) */
	LLDP_INTERVAL_MAX_S = 3600,
};

/**
 * struct lldp_info - What a frame tells
 * @mac:	The switch's own address: source of the frame, and its chassis ID
 * @port:	The port's number, its ID
 * @ttl_s:	For how long it is good; 0: no longer, and the rest but @mac and @port is
 *		not told
 * @port_descr:	What the port is called
 * @name:	What the switch is called
 * @descr:	What it is
 * @hub:	It is a hub
 * @address:	Its management address, an IPv4 address as a mapped one, or NULL
 * @vid:	VLAN of frames without a tag, 1 to 4094, or 0: that is not told
 */
struct lldp_info {
	struct eth_addr mac;
	unsigned int port;
	uint16_t ttl_s;
	const char *port_descr;
	const char *name;
	const char *descr;
	bool hub;
	const struct in6_addr *address;
	uint16_t vid;
};

/* For how long frames are good that come each @interval_s seconds (802.1AB, 9.2.5.22). */
uint16_t lldp_ttl(unsigned int interval_s);

/* Write a frame. Return: its bytes. */
size_t lldp_build(const struct lldp_info *info, uint8_t frame[static LLDP_FRAME_MAX]);

#endif /* SWITCHD_LLDP_H */
