/* SPDX-License-Identifier: BSD-2-Clause */
/* rstp.h - Rapid Spanning Tree Protocol (IEEE 802.1D-2004, clause 17)
 *
 * DOC: Theory of operation
 *
 * Bridges with more than one path between them would send a broadcast round and
 * round. The protocol picks of all links a tree, and blocks the rest until one of
 * the tree's fails. Clause numbers in here and in rstp.c are the standard's.
 *
 * The bridge with the least identifier is the root. Every bridge tells its
 * neighbours the best path to it that it knows, a priority vector (17.5), and each
 * port gets a role from what it says and what it hears:
 *
 *	root		the bridge's best path to the root; not on the root itself
 *	designated	says the best there is on its link: others reach the root here
 *	alternate	hears something better from another bridge: blocked, a spare
 *			root port
 *	backup		hears something better from another port of this bridge:
 *			blocked, a spare designated port
 *	disabled	the link is down, or the BPDU guard took it down
 *
 * A designated port may forward after two forward delays of silence. What makes
 * the protocol rapid is that it asks instead: it proposes (a flag in its BPDU); the
 * neighbour blocks all of its own designated ports that have not been agreed to,
 * and agrees; the port forwards at once, and the neighbour's ports propose in turn.
 * The cut travels away from the root until it meets an edge or a blocked port.
 *
 * A port that heard no BPDU for three seconds since its link came up has a host behind
 * it, no bridge: it becomes an edge port and forwards. One that the administrator
 * declares an edge forwards from the beginning. The first BPDU on it ends that.
 *
 * Ports in states:		frames		addresses
 *	discarding		dropped		-
 *	learning		dropped		learned
 *	forwarding		forwarded	learned
 *
 * BPDUs are received and sent in all of them.
 *
 * DOC: More careful than the standard
 *
 * When a root is gone, news of it may chase itself round what is left of a ring, until
 * its age ends it; agreements that cross newer BPDUs on the way may close that ring for
 * a moment. The standard's machines do so for seconds. These rules, each of which any
 * neighbour of the standard understands, make it rare and short:
 *
 * - After a burst, a port may send a BPDU every tenth of a second, not every second:
 *   what is held back is what goes round.
 * - An agreement is to information about one root: it is not kept when the root
 *   changes, nor taken from a neighbour that means another one.
 * - A root port that becomes designated discards until its neighbour agrees.
 * - A bridge says the same on all of its links, so when one port hears that its path
 *   became worse, all ports that heard of it know.
 * - What a port said when it was designated is void when it says it is not.
 * - A neighbour that says something worse missed something, and is told at once.
 * - A port that is not point to point waits for the whole forward delay.
 * - A port that heard a BPDU is not taken for an edge until its link was down.
 *
 * And one for hosts that seldom speak, which switches cannot find again by themselves:
 *
 * - A change of the topology is told at once, even while the one before is still being
 *   told. The standard's would wait for the next hello, for two seconds.
 *
 * DOC: Shape
 *
 * A pure state machine for one bridge and one tree: no descriptor, no clock, and no
 * allocation but for rstp_create() and rstp_port_add(). Time is a parameter, in
 * milliseconds of a monotonic clock. What is to be done is told to callbacks, which
 * must not call back into the same rstp. Not thread-safe.
 *
 * The caller looks at rstp_next() when it is about to sleep, and calls rstp_tick()
 * at that time. Neither costs anything while no timer is due; a tick, or a BPDU that
 * changes the tree, costs time proportional to the ports that exist; any other BPDU
 * costs the same whatever their number.
 *
 * DOC: Hostile neighbours
 *
 * A BPDU is read whole and checked before it is looked at (bpdu.h). Times outside
 * of the standard's ranges are not believed. A port takes RSTP_INPUT_MAX BPDUs in a
 * second and drops the rest. A neighbour may say "the topology changed" as often as
 * it likes: after RSTP_FLUSH_BURST times, a port's addresses are flushed every tenth of
 * a second. (No longer: a flush that waits is a host that is not found. A change says so
 * several times, in hellos of the seconds behind it, too, and then comes the next.) A
 * frame that comes back to the port that sent it is a loop, and the port discards.
 * Nothing protects the tree from a neighbour that claims to be the root in correct
 * BPDUs, except the two guards, which are for ports where no bridge or no root belongs.
 *
 * DOC: vde_switch
 *
 * vde_switch -F speaks a protocol of its own in RST BPDUs. It exchanges the codes of
 * the roles root and alternate, its forward delay is 0, its hello time 4 s, and it
 * blocks its side of a link on which it hears a worse bridge whose role is not, in
 * its code, root. A neighbour whose times are exactly vde_switch's is answered in its
 * code, so that the link between it and a root port of ours stays open.
 */
#ifndef SWITCHD_RSTP_H
#define SWITCHD_RSTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/eth.h"

enum {
	RSTP_PORTS_MAX = 65535,
	RSTP_COST_DEFAULT = 20000,	/* of 1 Gbit/s (Table 17-3) */
	RSTP_COST_MAX = 200000000,
	RSTP_PRIORITY_DEFAULT = 32768,
	RSTP_PORT_PRIORITY_DEFAULT = 128,
	RSTP_HELLO_DEFAULT = 2,		/* seconds, as those below */
	RSTP_MAX_AGE_DEFAULT = 20,
	RSTP_FORWARD_DELAY_DEFAULT = 15,
	RSTP_HOLD_COUNT_DEFAULT = 6,	/* BPDUs a port may send at once */
	RSTP_INPUT_MAX = 100,		/* BPDUs a port takes in a second */
	RSTP_FLUSH_BURST = 6,		/* flushes of a port's addresses at once */
};

#define RSTP_NEVER	UINT64_MAX

enum rstp_state { RSTP_DISCARDING, RSTP_LEARNING, RSTP_FORWARDING };

enum rstp_role {
	RSTP_DISABLED,
	RSTP_ROOT,
	RSTP_DESIGNATED,
	RSTP_ALTERNATE,
	RSTP_BACKUP,
};

struct rstp;

/**
 * struct rstp_ops - What the bridge does for the protocol
 * @send:	Send @frame, of @size bytes, out of @port, whatever its state is. It may
 *		be lost; it must not be delayed by more than fractions of a second
 * @state:	@port is in @state from now on. When this returns, no frame that the
 *		new state forbids may leave or enter the bridge there. A new port is
 *		discarding, without a call
 * @flush:	Forget the addresses learned at @port
 * @root:	The root bridge or the root port is another now; may be NULL
 *
 * @ctx is the one given to rstp_create().
 */
struct rstp_ops {
	void (*send)(void *ctx, uint16_t port, const uint8_t *frame, size_t size);
	void (*state)(void *ctx, uint16_t port, enum rstp_state state);
	void (*flush)(void *ctx, uint16_t port);
	void (*root)(void *ctx);
};

/* Basics. */

/**
 * rstp_create() - Make a bridge's spanning tree, with no ports, not enabled
 * @ports:	Ports are 0 to @ports - 1, at most RSTP_PORTS_MAX of them
 * @address:	The bridge's MAC address: its own among all bridges of the LAN
 * @ops:	Callbacks; must outlive the rstp
 * @ctx:	For them
 *
 * Return: the tree, or NULL if there is no memory
 */
struct rstp *rstp_create(unsigned int ports, struct eth_addr address,
			 const struct rstp_ops *ops, void *ctx) MUST_CHECK;

/** rstp_destroy() - End it and its ports; calls nothing back. NULL is fine */
void rstp_destroy(struct rstp *rstp);

/**
 * rstp_set_enabled() - Switch the protocol on or off
 * @now:	Monotonic time, here and below
 *
 * Off, as it is at first, ports that are up forward, and BPDUs are frames like any
 * other. Switched on, all ports that are up discard and begin anew.
 */
void rstp_set_enabled(struct rstp *rstp, bool enabled, uint64_t now);

/**
 * rstp_input() - A frame came in
 * @port:	Where
 * @frame:	At least the first 53 bytes of it, or all; anything at all may be there
 * @size:	Bytes at @frame
 *
 * Return: whether it was the protocol's, and is done with; else it is the bridge's.
 * While the protocol is off, none is.
 */
bool rstp_input(struct rstp *rstp, uint16_t port, const uint8_t *frame, size_t size,
		uint64_t now);

/** rstp_tick() - Do what is due at @now */
void rstp_tick(struct rstp *rstp, uint64_t now);

/** rstp_next() - When is rstp_tick() to be called? RSTP_NEVER if there is no need */
uint64_t rstp_next(const struct rstp *rstp);

/* Configuration of the bridge; all of it may be changed at any time. */

/**
 * rstp_set_priority() - Make it more (less is more) or less likely to be the root
 * @priority:	The standard has multiples of 4096, because it gives the low twelve
 *		bits to a VLAN's number; identifiers are compared whole, so any value
 *		works, as it does in vde_switch
 */
void rstp_set_priority(struct rstp *rstp, uint16_t priority, uint64_t now);

/**
 * rstp_set_times() - Set the times the bridge announces when it is the root
 * @hello:		1 to 10 s, between BPDUs of a designated port; also when not root
 * @max_age:		6 to 40 s, how far information may travel: a second a bridge
 * @forward_delay:	4 to 30 s, before each step to forwarding if nobody agrees
 *
 * 2 * (@forward_delay - 1) >= @max_age >= 2 * (@hello + 1) must hold (17.14).
 *
 * Return: 0; -ERANGE if one is out of its range; -EINVAL if the relation fails.
 * Nothing has changed then.
 */
int rstp_set_times(struct rstp *rstp, unsigned int hello, unsigned int max_age,
		   unsigned int forward_delay, uint64_t now) MUST_CHECK;

/**
 * rstp_set_hold_count() - Set the most BPDUs that a port sends at once
 * @count:	1 to 10; after them, one in a second
 *
 * Return: 0, or -ERANGE
 */
int rstp_set_hold_count(struct rstp *rstp, unsigned int count) MUST_CHECK;

/* Ports. Functions that return int return -ENOENT if there is no such port. */

/**
 * rstp_port_add() - Add a port
 * @port:	Its number. The low twelve bits are the number that its identifier
 *		shows to neighbours (9.2.7); the high four are mixed with its priority,
 *		so that all identifiers of a bridge differ
 * @cost:	Path cost, 1 to RSTP_COST_MAX; less is nearer to the root
 *
 * It is down, point to point, neither an edge nor guarded, looks for edges
 * (auto_edge), and has the default priority.
 *
 * Return: 0; -ERANGE for @port or @cost; -EEXIST if it exists, or if a port with
 * another priority has the identifier that this one would get; -ENOMEM
 */
int rstp_port_add(struct rstp *rstp, uint16_t port, uint32_t cost, uint64_t now)
	MUST_CHECK;

/** rstp_port_remove() - Take it down, then forget it; no such port is fine */
void rstp_port_remove(struct rstp *rstp, uint16_t port, uint64_t now);

/**
 * rstp_port_set_up() - The link came up or went down
 *
 * Also lets a port that the BPDU guard took down begin anew.
 */
int rstp_port_set_up(struct rstp *rstp, uint16_t port, bool up, uint64_t now);

/**
 * rstp_port_set_edge() - Say what is known of the other side
 * @admin:	There is no bridge: forward at once, send no topology changes. Holds
 *		until the first BPDU, and again after the link was down
 * @automatic:	Find out: an edge if no BPDU came for three seconds since the link came
 *		up (for the maximum age, if the port is not point to point)
 *
 * A port that is an edge already stays one until a BPDU comes or the link goes down.
 */
int rstp_port_set_edge(struct rstp *rstp, uint16_t port, bool admin, bool automatic,
		       uint64_t now);

/** rstp_port_set_cost() - As in rstp_port_add(). Return: 0, -ENOENT, -ERANGE */
int rstp_port_set_cost(struct rstp *rstp, uint16_t port, uint32_t cost, uint64_t now)
	MUST_CHECK;

/**
 * rstp_port_set_priority() - Prefer a port (less is better) where costs are the same
 * @priority:	0 to 240 in steps of 16
 *
 * Return: 0; -ENOENT; -EINVAL; -EEXIST if the identifier is another port's, which
 * only ports whose numbers differ by a multiple of 4096 can come to
 */
int rstp_port_set_priority(struct rstp *rstp, uint16_t port, unsigned int priority,
			   uint64_t now) MUST_CHECK;

/**
 * rstp_port_set_p2p() - Is there at most one other bridge?
 *
 * If not, nobody's agreement is asked for: forwarding takes its time.
 */
int rstp_port_set_p2p(struct rstp *rstp, uint16_t port, bool p2p, uint64_t now);

/**
 * rstp_port_set_guard() - Say what may not be on the other side
 * @bpdu:	A bridge: any BPDU, even a bad one, takes the port down until
 *		rstp_port_set_up() is called, or the guard is removed
 * @root:	The root: the port never becomes the root port; while it hears of a
 *		better root, it is blocked
 */
int rstp_port_set_guard(struct rstp *rstp, uint16_t port, bool bpdu, bool root,
			uint64_t now);

/** rstp_port_mcheck() - Try RST BPDUs again on a port that fell back to STP's */
int rstp_port_mcheck(struct rstp *rstp, uint16_t port, uint64_t now);

/* What is going on. */

/** rstp_port_state() - The state of a port; one that does not exist discards */
enum rstp_state rstp_port_state(const struct rstp *rstp, uint16_t port);

/**
 * struct rstp_info - A bridge as shown to people
 * @bridge:	Its identifier: a priority of 16 bits, a MAC address of 48
 * @root:	The root's
 * @root_cost:	To the root
 * @root_port:	-1 on the root itself
 * @max_age:	Times in force, which are the root's, in milliseconds
 * @hello:	The bridge's own
 * @message_age: Of what it knows of the root
 * @hold_count:	BPDUs that a port may send at once
 * @ports:	That exist
 * @tc_detected: Topology changes that began here
 * @tc_received: BPDUs that told of one
 * @tc_time:	When the last of either was; 0 if never
 * @flushes:	Calls of the callback
 * @flushes_saved: Flushes that were not done, because one was still to come
 */
struct rstp_info {
	bool enabled;
	uint64_t bridge;
	uint64_t root;
	uint32_t root_cost;
	int root_port;
	unsigned int max_age;
	unsigned int hello;
	unsigned int forward_delay;
	unsigned int message_age;
	unsigned int hold_count;
	unsigned int ports;
	uint64_t tc_detected;
	uint64_t tc_received;
	uint64_t tc_time;
	uint64_t flushes;
	uint64_t flushes_saved;
};

/** rstp_get_info() - Show a bridge */
void rstp_get_info(const struct rstp *rstp, struct rstp_info *info);

/**
 * struct rstp_port_info - A port as shown to people
 * @id:		Its identifier
 * @up:		The link is; unless @guarded, the port takes part
 * @edge:	It is an edge now
 * @guarded:	The BPDU guard took it down
 * @sends_stp:	It fell back to STP's BPDUs
 * @vde:	The neighbour is a vde_switch
 * @agreed:	The neighbour agreed that it forwards
 * @designated_root: What its link hears of the root: from it or from a neighbour
 * @designated_cost: Of that
 * @designated_bridge: Who says it
 * @designated_port: And where
 * @forwarded:	How often it began to forward
 * @tx_config:	BPDUs sent and received, by kind
 * @rx_bad:	BPDUs that were not believed
 * @rx_excess:	BPDUs dropped because they were too many
 * @rx_own:	BPDUs of its own that came back
 */
struct rstp_port_info {
	uint16_t id;
	uint32_t cost;
	uint8_t priority;
	enum rstp_role role;
	enum rstp_state state;
	bool up;
	bool admin_edge;
	bool auto_edge;
	bool edge;
	bool p2p;
	bool bpdu_guard;
	bool root_guard;
	bool guarded;
	bool sends_stp;
	bool vde;
	bool agreed;
	uint64_t designated_root;
	uint32_t designated_cost;
	uint64_t designated_bridge;
	uint16_t designated_port;
	uint64_t forwarded;
	uint64_t tx_config;
	uint64_t tx_tcn;
	uint64_t tx_rst;
	uint64_t rx_config;
	uint64_t rx_tcn;
	uint64_t rx_rst;
	uint64_t rx_bad;
	uint64_t rx_excess;
	uint64_t rx_own;
};

/** rstp_port_get_info() - Show a port. Return: 0, -ENOENT */
int rstp_port_get_info(const struct rstp *rstp, uint16_t port,
		       struct rstp_port_info *info) MUST_CHECK;

/** rstp_state_name() - "Discarding", "Learning", "Forwarding" */
const char *rstp_state_name(enum rstp_state state);

/** rstp_role_name() - "Disabled", "Root", "Designated", "Alternate", "Backup" */
const char *rstp_role_name(enum rstp_role role);

#endif /* SWITCHD_RSTP_H */
