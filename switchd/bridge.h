/* SPDX-License-Identifier: BSD-2-Clause */
/* bridge.h - The forwarding decision: which ports does a frame go to?
 *
 * DOC: Theory of operation
 *
 * Decide without doing. bridge_decide() looks at the private first bytes of a
 * frame, learns its source, looks its destination up and fills in a verdict. It
 * sends nothing, reads no clock, and allocates nothing: the same code runs in
 * the daemon, in unit tests that jump 100 seconds in a microsecond, and under a
 * fuzzer.
 *
 * The rules are those of a transparent bridge (IEEE 802.1D-2004, clause 7):
 * a source is learned at the port it came from; a known unicast destination
 * gets the frame at its port alone, and if that is the port it came from the
 * frame is filtered; everything else is flooded to all other ports. A frame
 * whose source is a group address is invalid (802.3, 3.2.3) and dropped. Where
 * VLANs are in use (vlan.h) all of this happens within each of them, and the verdict
 * says in which; otherwise tagged frames pass whole, on one set of addresses.
 *
 * Of the group addresses 01-80-C2-00-00-00 to -0F, which bridges keep to themselves
 * (IEEE 802.1Q, 8.6.3: BPDUs, pause frames, LACP, 802.1X, LLDP), a mask says which are
 * forwarded all the same. In a lab the switch is often meant to be a wire, so at first
 * all are but pause frames, which speak of one cable, as with VDE.
 *
 * With snooping (mcast.h), a frame to a group goes to the ports that want it. What hosts
 * and routers say in a batch is heard before its first frame is decided on. What is
 * within a customer's tag is not looked at, and goes to all of its VLAN.
 *
 * As a hub, it floods everything, tags and all, and learns nothing.
 */
#ifndef SWITCHD_BRIDGE_H
#define SWITCHD_BRIDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "switchd/fdb.h"
#include "switchd/frame.h"
#include "switchd/mcast.h"
#include "switchd/stats.h"
#include "switchd/vlan.h"

/* Which reserved addresses are forwarded: a bit for each of the last digits. */
#define BRIDGE_RESERVED_FORWARD	((uint16_t)~(1u << 1))	/* all but pause frames */
#define BRIDGE_RESERVED_STANDARD ((uint16_t)0)

/**
 * struct bridge - State of the forwarding core
 * @hub:	It is a hub
 * @big:	The table is larger than the processor's own caches: see fdb_warm()
 * @reserved:	Which reserved group addresses are forwarded
 * @mcast:	Groups that ports want, or NULL: no snooping; borrowed
 */
struct bridge {
	struct fdb *fdb;
	bool hub;
	bool big;
	uint16_t reserved;
	struct mcast *mcast;
	struct vlan_table vlans;
};

/* Whether the VLAN of a verdict counts: who is to get the frame depends on it. */
static inline bool bridge_has_vlans(const struct bridge *bridge)
{
	return !bridge->hub && vlan_is_aware(&bridge->vlans);
}

enum verdict_kind {
	VERDICT_DROP,		/* to nobody */
	VERDICT_UNICAST,	/* to one port */
	VERDICT_FLOOD,		/* to all ports but the one it came from */
	VERDICT_GROUP,		/* to mcast_ports(), but the one it came from */
};

/**
 * struct verdict - What is to happen with a frame
 * @port:	For VERDICT_UNICAST
 * @group:	For VERDICT_GROUP; its VLAN is in @vlan always
 * @reason:	For VERDICT_DROP
 * @vlan:	Which VLAN it is in, where bridge_has_vlans()
 */
struct verdict {
	enum verdict_kind kind;
	uint16_t port;
	uint16_t group;
	enum drop_reason reason;
	struct vlan_class vlan;
};

/**
 * bridge_reserved_parse() - Read which reserved addresses are to be forwarded
 * @text:	"forward", "standard", or a mask: bit N is 01-80-C2-00-00-0N
 * @mask:	Unchanged on failure
 */
bool bridge_reserved_parse(const char *text, uint16_t *mask) MUST_CHECK;

/**
 * bridge_decide() - Where does a frame go, without snooping?
 * @bridge:	Forwarding core; learns
 * @in:		Port the frame came from
 * @in_vlan:	What it has to do with VLANs
 * @frame:	Frame
 * @now_ms:	Monotonic time
 */
struct verdict bridge_decide(struct bridge *bridge, uint16_t in,
			     const struct vlan_port *in_vlan,
			     const struct frame *frame, uint64_t now_ms);

/**
 * bridge_decide_batch() - The same for @n frames of one port, in order
 * @verdicts:	Filled, one for each frame
 *
 * Frames that follow each other mostly belong to one conversation: what was found
 * for a frame is good for the next one with the same addresses.
 */
void bridge_decide_batch(struct bridge *bridge, uint16_t in,
			 const struct vlan_port *in_vlan, const struct frame *frames,
			 unsigned int n, uint64_t now_ms, struct verdict *verdicts);

#endif /* SWITCHD_BRIDGE_H */
