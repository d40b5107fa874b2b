/* SPDX-License-Identifier: BSD-2-Clause */
/* stats.h - Counters of a port; every drop has a name
 *
 * A frame that came in is, for each port it was meant for, either sent or
 * dropped there for one of these reasons; a frame that was meant for none is
 * dropped where it came in.
 */
#ifndef SWITCHD_STATS_H
#define SWITCHD_STATS_H

#include <stdint.h>

/* X(name, text): the reasons. The first group is counted where a frame came in,
 * the second where it should have gone out. */
#define DROP_REASONS(X) \
	X(RUNT,		"shorter than an Ethernet header") \
	X(OVERSIZE,	"longer than 65535 bytes") \
	X(OFFLOAD,	"an offload asked for that the frame does not fit") \
	X(BAD_SOURCE,	"source is a group address") \
	X(VLAN,		"not in a VLAN of this port, or nobody else is in it") \
	X(CONTROL,	"for the switch itself: a BPDU") \
	X(RESERVED,	"for bridges only, which do not forward it (01-80-C2-00-00-0x)") \
	X(MCAST,	"nobody has joined the multicast group") \
	X(ISOLATED,	"isolated from those it was for") \
	X(ETHERTYPE,	"of a type that the port may not bring") \
	X(SECURITY,	"from an address that the port may not have") \
	X(SHUT,		"the port is shut, or the one it was for") \
	X(STORM,	"more flooded frames than the port may bring") \
	X(GUARD_MAC,	"source guard: not a source address of this port") \
	X(GUARD_IP,	"source guard: the IP source address has no binding here") \
	X(GUARD_ARP,	"source guard: ARP for another's address") \
	X(GUARD_ND,	"source guard: neighbour discovery for another's address") \
	X(GUARD_RA,	"source guard: there may be no router behind this port") \
	X(GUARD_DHCP,	"DHCP snooping: a server's message, or for another client") \
	X(GUARD_UNCLEAR, "source guard: cannot be read far enough to be judged") \
	X(RATE_IN,	"more bits than the port may bring") \
	X(STP,		"the spanning tree keeps the port closed") \
	X(LOCAL,	"destination is on the port it came from") \
	X(NO_PORT,	"no other port to send it to") \
	X(RATE_OUT,	"more bits than the port may get") \
	X(QUEUE_FULL,	"transmit queue full") \
	X(TOO_LONG,	"too long for the receiver") \
	X(TX_ERROR,	"error when sending") \
	X(CLOSED,	"receiver went away") \
	X(NOT_READY,	"receiver is not ready")

enum drop_reason {
#define X(name, text) DROP_##name,
	DROP_REASONS(X)
#undef X
	DROP_REASON_COUNT
};

/** struct port_stats - Counters; frames, and bytes without FCS */
struct port_stats {
	uint64_t rx_frames, rx_bytes;		/* from the peer */
	uint64_t tx_frames, tx_bytes;		/* to the peer */
	uint64_t drop[DROP_REASON_COUNT];
};

/* What a reason means, for people. */
const char *drop_reason_text(enum drop_reason reason);

/* A reason's name, in capitals, for programs. */
const char *drop_reason_name(enum drop_reason reason);

#endif /* SWITCHD_STATS_H */
