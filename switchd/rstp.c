/* SPDX-License-Identifier: BSD-2-Clause */
/* rstp.c - Rapid Spanning Tree Protocol; the essay is in rstp.h
 *
 * DOC: From the standard's figures to functions
 *
 *	17.23 Port Receive		rstp_input(), port_receive()
 *	17.24 Port Protocol Migration	port_sense()
 *	17.25 Bridge Detection		bdm_run()
 *	17.26 Port Transmit		ptx_run()
 *	17.27 Port Information		pim_run(), port_receive()
 *	17.28 Port Role Selection	rstp_select_roles()
 *	17.29 Port Role Transitions	prt_run() and the functions before it
 *	17.30 Port State Transition	port_set_state()
 *	17.31 Topology Change		tcm_run()
 *
 * The standard's machines all run at once and meet in shared variables. Here, a port
 * that anything has touched is on the list of dirty ports, rstp_settle() takes ports
 * off it and runs their machines until none of them moves, and a machine that sets a
 * variable of another port puts that port on the list. Variables of the standard
 * have its names (in our spelling), except these:
 *
 *	learn, learning, forward, forwarding
 *			are @state: the callback does it at once
 *	reselect	is one for the bridge
 *	rcvdMsg and its like
 *			are not needed: a BPDU is dealt with when it comes
 *	allSynced, reRooted
 *			are counted: see port_count()
 *	timers		are the times at which they end, 0 if they do not run. Those
 *			that a role holds at full (rrWhile of a root port, fdWhile of
 *			a blocked one) are set when the role ends
 *
 * Where the text of 2004 is known to be wrong, 802.1Q is followed: recordDispute()
 * sets disputed and clears agreed, SUPERIOR_DESIGNATED reconsiders agree, and
 * blocked ports hold fdWhile at forwardDelay. Where this is more careful on purpose,
 * rstp.h says so.
 */
#include "config.h"

#include "switchd/rstp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/compiler.h"
#include "switchd/bpdu.h"

enum {
	RSTP_MIGRATE_MS = 3000,
	RSTP_SECOND_MS = 1000,
	RSTP_HOLD_MS = 100,		/* a bucket has room for one more after it */
	RSTP_NUMBER_BITS = 12,		/* of a port's number in its identifier */
	RSTP_NUMBER_MASK = (1 << RSTP_NUMBER_BITS) - 1,
	RSTP_PRIORITY_STEP = 16,	/* of ports */

	/* What vde_switch says in its BPDUs; no bridge of the standard can. */
	RSTP_VDE_HELLO = 4 * BPDU_SECOND,
	RSTP_VDE_MAX_AGE = 40 * BPDU_SECOND,
	RSTP_VDE_FORWARD_DELAY = 0,
};

/* The ranges of times (17.14), in seconds. */
enum {
	RSTP_HELLO_MIN = 1,		RSTP_HELLO_MAX = 10,
	RSTP_MAX_AGE_MIN = 6,		RSTP_MAX_AGE_MAX = 40,
	RSTP_FORWARD_DELAY_MIN = 4,	RSTP_FORWARD_DELAY_MAX = 30,
	RSTP_HOLD_COUNT_MAX = 10,
};

enum rstp_timer {
	TIMER_EDGE_DELAY,		/* edgeDelayWhile */
	TIMER_FORWARD,			/* fdWhile */
	TIMER_HELLO,			/* helloWhen */
	TIMER_MIGRATE,			/* mdelayWhile */
	TIMER_BACKUP,			/* rbWhile: was a backup port */
	TIMER_INFO,			/* rcvdInfoWhile */
	TIMER_ROOT,			/* rrWhile: was a root port */
	TIMER_TC,			/* tcWhile */
	TIMER_HOLD,			/* there is something to send, but not yet */
	TIMER_FLUSH,			/* there is something to flush, but not yet */
	TIMERS
};

/* infoIs: whose information is in @vector and @times? */
enum rstp_info_is { INFO_DISABLED, INFO_AGED, INFO_MINE, INFO_RECEIVED };

enum rstp_tcm { TCM_INACTIVE, TCM_LEARNING, TCM_ACTIVE };

/* What a port may do several times at once, and then once in RSTP_HOLD_MS. */
struct rstp_bucket {
	unsigned int count;
	uint64_t from;			/* when @count was last counted down */
};

struct rstp_port {
	struct rstp_port *next;
	struct rstp_port *prev;
	struct rstp_port *next_dirty;
	bool dirty;
	uint16_t number;
	uint16_t id;

	/* Configuration. */
	uint32_t cost;
	uint8_t priority;
	bool up;
	bool admin_edge;
	bool auto_edge;
	bool p2p;
	bool bpdu_guard;
	bool root_guard;

	/* The standard's variables. */
	enum rstp_state state;
	enum rstp_role role;
	enum rstp_role selected_role;
	enum rstp_info_is info_is;
	enum rstp_tcm tcm;
	struct bpdu_vector vector;	/* portPriority */
	struct bpdu_times times;	/* portTimes */
	bool selected;
	bool updt_info;
	bool agree;
	bool agreed;
	bool proposing;
	bool proposed;
	bool disputed;
	bool sync;
	bool synced;
	bool re_root;
	bool oper_edge;
	bool send_rstp;
	bool new_info;
	bool rcvd_tc;
	bool rcvd_tcn;
	bool rcvd_tc_ack;
	bool tc_prop;
	bool tc_ack;
	bool fdb_flush;
	uint64_t until[TIMERS];

	/* What the standard has not. */
	bool guarded;			/* taken down by the BPDU guard */
	bool heard;			/* a BPDU, since the link came up */
	bool vde;			/* the neighbour is a vde_switch */
	bool counts_unsynced;		/* this port is in @unsynced of the bridge */
	bool counts_recent_root;	/* and in @recent_roots */
	struct rstp_bucket sends;	/* txCount */
	struct rstp_bucket flushes;
	unsigned int rx_count;
	uint64_t rx_from;		/* when rx_count was 0 */

	struct rstp_port_info stats;	/* only its counters are kept up to date */
};

struct rstp {
	const struct rstp_ops *ops;
	void *ctx;
	struct eth_addr address;
	uint16_t priority;
	bool enabled;
	unsigned int hold_count;
	struct bpdu_times own_times;	/* BridgeTimes */

	struct bpdu_vector best;	/* rootPriority */
	struct bpdu_times root_times;	/* designatedTimes: those of all ports */
	struct rstp_port *root_port;
	bool reselect;

	uint64_t now;
	uint64_t begin;			/* hellos are sent at multiples after it */
	uint64_t next;			/* no timer ends before */
	unsigned int unsynced;		/* ports that keep allSynced from being true */
	unsigned int recent_roots;	/* ports that keep reRooted from being true */

	struct rstp_port *ports;	/* those that exist */
	struct rstp_port *dirty;
	struct rstp_port **dirty_end;
	struct rstp_info stats;		/* only its counters are kept up to date */
	unsigned int size;
	struct rstp_port *table[];	/* by number */
};

/* Times. */

static unsigned int rstp_ms(uint16_t time)
{
	return (unsigned int)time * RSTP_SECOND_MS / BPDU_SECOND;
}

static bool timer_runs(const struct rstp *r, const struct rstp_port *p,
		       enum rstp_timer timer)
{
	return p->until[timer] > r->now;
}

static void timer_start(struct rstp *r, struct rstp_port *p, enum rstp_timer timer,
			unsigned int ms)
{
	p->until[timer] = r->now + ms;
	r->next = MIN(r->next, p->until[timer]);
}

static void timer_stop(struct rstp_port *p, enum rstp_timer timer)
{
	p->until[timer] = 0;
}

/* forwardDelay (17.20.5); long enough for old information to end where others listen */
static unsigned int port_forward_delay(const struct rstp *r, const struct rstp_port *p)
{
	return rstp_ms(p->send_rstp && p->p2p ? r->own_times.hello : r->root_times.forward_delay);
}

/* EdgeDelay (17.20.4) */
static unsigned int port_edge_delay(const struct rstp *r, const struct rstp_port *p)
{
	return p->p2p ? RSTP_MIGRATE_MS : rstp_ms(r->root_times.max_age);
}

/* Whether there is room for one more in a bucket of @size; if not, the port will be
 * woken. */
static bool port_has_room(struct rstp *r, struct rstp_port *p, struct rstp_bucket *b,
			  unsigned int size, enum rstp_timer timer)
{
	uint64_t ticks = (r->now - b->from) / RSTP_HOLD_MS;

	b->count -= (unsigned int)MIN(b->count, ticks);
	b->from += ticks * RSTP_HOLD_MS;
	if (b->count < size)
		return true;
	timer_start(r, p, timer, (unsigned int)(b->from + RSTP_HOLD_MS - r->now));
	return false;
}

/* Lists. */

static void port_touch(struct rstp *r, struct rstp_port *p)
{
	if (p->dirty)
		return;
	p->dirty = true;
	p->next_dirty = NULL;
	*r->dirty_end = p;
	r->dirty_end = &p->next_dirty;
}

static struct rstp_port *rstp_pop_dirty(struct rstp *r)
{
	struct rstp_port *p = r->dirty;

	if (!p)
		return NULL;
	r->dirty = p->next_dirty;
	if (!r->dirty)
		r->dirty_end = &r->dirty;
	p->dirty = false;
	return p;
}

static struct rstp_port *rstp_port(const struct rstp *r, uint16_t number)
{
	return number < r->size ? r->table[number] : NULL;
}

/* Identifiers and vectors. */

static uint64_t rstp_bridge_id(const struct rstp *r)
{
	return (uint64_t)r->priority << 48 | eth_addr_to_u64(r->address);
}

/* Whether @id is this bridge's, with whatever priority it had. */
static bool rstp_is_own(const struct rstp *r, uint64_t id)
{
	return id << 16 == eth_addr_to_u64(r->address) << 16;
}

static uint16_t port_make_id(uint16_t number, unsigned int priority)
{
	return (uint16_t)(number ^ priority / RSTP_PRIORITY_STEP << RSTP_NUMBER_BITS);
}

/* Only ports whose numbers differ in the high bits alone can have the same one. */
static bool rstp_id_is_taken(const struct rstp *r, uint16_t number, uint16_t id)
{
	for (unsigned int n = number & RSTP_NUMBER_MASK; n < r->size;
	     n += RSTP_NUMBER_MASK + 1)
		if (r->table[n] && n != number && r->table[n]->id == id)
			return true;
	return false;
}

/* designatedPriority: what the port would say on its link. */
static struct bpdu_vector port_designated(const struct rstp *r, const struct rstp_port *p)
{
	return (struct bpdu_vector){ r->best.root, r->best.cost, rstp_bridge_id(r), p->id };
}

/* Root path priority vector (17.6): the port's, seen from this bridge. */
static struct bpdu_vector port_root_path(const struct rstp_port *p)
{
	struct bpdu_vector v = p->vector;

	if (__builtin_add_overflow(v.cost, p->cost, &v.cost))
		v.cost = UINT32_MAX;
	return v;
}

/* Message age grows by a second and is then a whole number of them. */
static uint16_t rstp_older(uint16_t age)
{
	unsigned int older = (age + BPDU_SECOND + BPDU_SECOND / 2u) / BPDU_SECOND * BPDU_SECOND;

	return (uint16_t)MIN(older, 255u * BPDU_SECOND);
}

static bool port_is_active(const struct rstp_port *p)
{
	return p->up && !p->guarded;
}

static bool port_is_blocked(const struct rstp_port *p)
{
	return p->role == RSTP_ALTERNATE || p->role == RSTP_BACKUP;
}

static bool port_is_in_tree(const struct rstp_port *p)
{
	return p->role == RSTP_ROOT || p->role == RSTP_DESIGNATED;
}

/* allSynced (17.20.3) and reRooted (17.20.10) ask about all ports, or all but the
 * asking one. Each port says in @unsynced and @recent_roots of the bridge whether it
 * is one that makes them false. The ports that wait for a sum to be 0 are touched
 * when it is.
 */
static void port_count(struct rstp *r, struct rstp_port *p)
{
	bool unsynced = !p->selected || p->updt_info || p->role != p->selected_role ||
			(!p->synced && p->role != RSTP_ROOT);
	bool recent_root = p->role == RSTP_ROOT || timer_runs(r, p, TIMER_ROOT);

	if (unsynced != p->counts_unsynced) {
		p->counts_unsynced = unsynced;
		r->unsynced += unsynced ? 1u : -1u;
		if (!r->unsynced)
			for (struct rstp_port *q = r->ports; q; q = q->next)
				if (!q->agree && (q->role == RSTP_ROOT || port_is_blocked(q)))
					port_touch(r, q);
	}
	if (recent_root != p->counts_recent_root) {
		p->counts_recent_root = recent_root;
		r->recent_roots += recent_root ? 1u : -1u;
		if (!recent_root && r->root_port)
			port_touch(r, r->root_port);
	}
}

static bool port_all_synced(struct rstp *r, struct rstp_port *p)
{
	port_count(r, p);
	return !r->unsynced;
}

static bool port_re_rooted(struct rstp *r, struct rstp_port *p)
{
	port_count(r, p);
	return r->recent_roots == p->counts_recent_root;
}

/* Port states and addresses. */

static void port_set_state(struct rstp *r, struct rstp_port *p, enum rstp_state state)
{
	if (p->state == state)
		return;
	p->state = state;
	if (state == RSTP_FORWARDING)
		p->stats.forwarded++;
	r->ops->state(r->ctx, p->number, state);
}

static void port_flush(struct rstp *r, struct rstp_port *p)
{
	if (p->fdb_flush) {
		r->stats.flushes_saved++;
		return;
	}
	p->fdb_flush = true;
	port_touch(r, p);
}

static void port_flush_run(struct rstp *r, struct rstp_port *p)
{
	if (!p->fdb_flush ||
	    !port_has_room(r, p, &p->flushes, RSTP_FLUSH_BURST, TIMER_FLUSH))
		return;
	p->fdb_flush = false;
	p->flushes.count++;
	r->stats.flushes++;
	r->ops->flush(r->ctx, p->number);
}

/* Port Information (17.27) */

static bool pim_run(struct rstp *r, struct rstp_port *p)
{
	struct bpdu_vector mine;

	if (!port_is_active(p)) {
		if (p->info_is == INFO_DISABLED)
			return false;
		p->info_is = INFO_DISABLED;
		p->proposing = p->proposed = p->agree = p->agreed = false;
		p->disputed = p->heard = p->vde = false;
		timer_stop(p, TIMER_INFO);
	} else if (p->info_is == INFO_DISABLED) {
		p->info_is = INFO_AGED;
		p->send_rstp = true;
		timer_start(r, p, TIMER_MIGRATE, RSTP_MIGRATE_MS);
		timer_start(r, p, TIMER_EDGE_DELAY, RSTP_MIGRATE_MS);
		timer_stop(p, TIMER_HELLO);
	} else if (p->selected && p->updt_info) {
		mine = port_designated(r, p);
		p->proposing = p->proposed = false;
		p->agreed = p->agreed && p->info_is == INFO_MINE &&
			    mine.root == p->vector.root &&
			    bpdu_vector_cmp(&mine, &p->vector) <= 0;
		p->synced = p->synced && p->agreed;
		p->vector = mine;
		p->times = r->root_times;
		p->updt_info = false;
		p->info_is = INFO_MINE;
		p->new_info = true;
		return true;
	} else if (p->info_is == INFO_RECEIVED && !timer_runs(r, p, TIMER_INFO)) {
		p->info_is = INFO_AGED;
	} else {
		return false;
	}
	p->selected = false;
	r->reselect = true;
	return true;
}

static void port_record_tc(struct rstp *r, struct rstp_port *p, const struct bpdu *b)
{
	p->rcvd_tc |= !!(b->flags & BPDU_TOPOLOGY_CHANGE);
	p->rcvd_tc_ack |= !!(b->flags & BPDU_TOPOLOGY_CHANGE_ACK);
	if (b->flags & BPDU_TOPOLOGY_CHANGE) {
		r->stats.tc_received++;
		r->stats.tc_time = r->now;
	}
}

/* Whether @b comes from the port that the information here is of. */
static bool port_is_source(const struct rstp_port *p, const struct bpdu *b)
{
	return b->vector.bridge << 16 == p->vector.bridge << 16 &&
	       !((b->vector.port ^ p->vector.port) & RSTP_NUMBER_MASK);
}

/* Whether @b's vector replaces the port's: it is better, or from the same source. */
static bool port_is_superior(const struct rstp_port *p, const struct bpdu *b, int cmp)
{
	if (cmp == 0)
		return !bpdu_times_eq(b->times, p->times);
	return cmp < 0 || port_is_source(p, b);
}

/* A bridge says the same on all of its links. Now that @p heard that its path became
 * worse, what other ports heard of it before is out of date: without this, two bridges
 * with two cables would pass each other's old news round and round.
 */
static void rstp_spread_bad_news(struct rstp *r, const struct rstp_port *p)
{
	for (struct rstp_port *q = r->ports; q; q = q->next) {
		struct bpdu_vector news = p->vector;

		news.port = q->vector.port;
		if (q->info_is != INFO_RECEIVED || q->vector.bridge != news.bridge ||
		    bpdu_vector_cmp(&q->vector, &news) >= 0)
			continue;
		q->vector = news;
		q->agree = false;
	}
}

/* A configuration or RST BPDU of a designated port. */
static void port_receive_designated(struct rstp *r, struct rstp_port *p,
				    const struct bpdu *b)
{
	int cmp = bpdu_vector_cmp(&b->vector, &p->vector);
	bool superior = port_is_superior(p, b, cmp);

	if (!superior && cmp > 0) {
		/* It missed something. If it may forward soon, that is a dispute. */
		p->new_info = true;
		if (b->flags & BPDU_LEARNING) {
			p->disputed = true;
			p->agreed = false;
		}
		return;
	}

	port_record_tc(r, p, b);
	if (superior) {
		p->agreed = p->proposing = false;
		p->agree = p->agree && p->info_is == INFO_RECEIVED && cmp <= 0;
		p->vector = b->vector;
		p->times = b->times;
		p->info_is = INFO_RECEIVED;
		p->selected = false;
		r->reselect = true;
		if (cmp > 0 && !p->root_guard)
			rstp_spread_bad_news(r, p);
	}
	if (b->flags & BPDU_PROPOSAL)
		p->proposed = true;
	if (rstp_older(p->times.message_age) <= p->times.max_age)
		timer_start(r, p, TIMER_INFO, 3 * rstp_ms(p->times.hello));
	else
		timer_stop(p, TIMER_INFO);
}

/* An RST BPDU of a root, alternate or backup port. */
static void port_receive_other(struct rstp *r, struct rstp_port *p, const struct bpdu *b)
{
	if (p->info_is == INFO_RECEIVED && port_is_source(p, b)) {
		/* It is not designated any more: what it said when it was is void. */
		p->info_is = INFO_AGED;
		p->selected = false;
		r->reselect = true;
		return;
	}
	if (bpdu_vector_cmp(&b->vector, &p->vector) < 0)
		return;
	p->agreed = p->p2p && (b->flags & BPDU_AGREEMENT) &&
		    b->vector.root == p->vector.root;
	if (p->agreed)
		p->proposing = p->disputed = false;
	port_record_tc(r, p, b);
}

static void port_receive(struct rstp *r, struct rstp_port *p, const struct bpdu *b)
{
	if (b->kind == BPDU_TCN) {
		p->rcvd_tcn = true;
		r->stats.tc_received++;
		r->stats.tc_time = r->now;
		return;
	}
	if (b->kind == BPDU_CONFIG || (b->flags & BPDU_ROLE) == BPDU_ROLE_DESIGNATED)
		port_receive_designated(r, p, b);
	else if ((b->flags & BPDU_ROLE) != BPDU_ROLE_UNKNOWN)
		port_receive_other(r, p, b);
}

/* Port Protocol Migration (17.24). The timer runs in CHECKING_RSTP and SELECTING_STP,
 * where what is heard changes nothing.
 */
static void port_sense(struct rstp *r, struct rstp_port *p, bool rst)
{
	if (timer_runs(r, p, TIMER_MIGRATE) || p->send_rstp == rst)
		return;
	p->send_rstp = rst;
	timer_start(r, p, TIMER_MIGRATE, RSTP_MIGRATE_MS);
}

/* Bridge Detection (17.25); what a BPDU ends, rstp_input() ends. */

static bool bdm_run(struct rstp *r, struct rstp_port *p)
{
	if (!port_is_active(p)) {
		p->oper_edge = p->admin_edge;
		return false;
	}
	if (p->oper_edge || p->heard || !p->auto_edge || !p->send_rstp || !p->proposing ||
	    timer_runs(r, p, TIMER_EDGE_DELAY))
		return false;
	p->oper_edge = true;
	return true;
}

/* Port Role Selection (17.28) */

/* What a port that hears something becomes (17.21.25, i to l). */
static void port_select_hearing(struct rstp *r, struct rstp_port *p)
{
	struct bpdu_vector mine = port_designated(r, p);

	if (p == r->root_port)
		p->selected_role = RSTP_ROOT;
	else if (bpdu_vector_cmp(&mine, &p->vector) < 0)
		p->selected_role = RSTP_DESIGNATED;
	else if (rstp_is_own(r, p->vector.bridge))
		p->selected_role = RSTP_BACKUP;
	else
		p->selected_role = RSTP_ALTERNATE;
	p->updt_info = p->selected_role == RSTP_DESIGNATED;
}

static void port_select(struct rstp *r, struct rstp_port *p)
{
	struct bpdu_vector mine = port_designated(r, p);

	switch (p->info_is) {
	case INFO_DISABLED:
		p->selected_role = RSTP_DISABLED;
		p->updt_info = false;
		break;
	case INFO_AGED:
		p->selected_role = RSTP_DESIGNATED;
		p->updt_info = true;
		break;
	case INFO_MINE:
		p->selected_role = RSTP_DESIGNATED;
		p->updt_info = bpdu_vector_cmp(&mine, &p->vector) != 0 ||
			       !bpdu_times_eq(r->root_times, p->times);
		break;
	case INFO_RECEIVED:
		port_select_hearing(r, p);
		break;
	}
	if (!p->selected || p->updt_info || p->role != p->selected_role)
		port_touch(r, p);
	p->selected = true;
	port_count(r, p);
}

static void rstp_select_root(struct rstp *r)
{
	r->best = (struct bpdu_vector){ .root = rstp_bridge_id(r),
					.bridge = rstp_bridge_id(r) };
	r->root_port = NULL;
	for (struct rstp_port *p = r->ports; p; p = p->next) {
		struct bpdu_vector v = port_root_path(p);
		int cmp = bpdu_vector_cmp(&v, &r->best);

		if (p->info_is != INFO_RECEIVED || p->root_guard ||
		    rstp_is_own(r, p->vector.bridge))
			continue;
		if (cmp < 0 || (cmp == 0 && r->root_port && p->id < r->root_port->id)) {
			r->best = v;
			r->root_port = p;
		}
	}
	if (r->root_port) {
		r->root_times = r->root_port->times;
		r->root_times.message_age = rstp_older(r->root_times.message_age);
		r->root_times.hello = r->own_times.hello;
	} else {
		r->root_times = r->own_times;
	}
}

static void rstp_select_roles(struct rstp *r)
{
	r->reselect = false;
	rstp_select_root(r);
	for (struct rstp_port *p = r->ports; p; p = p->next)
		port_select(r, p);
}

/* Port Role Transitions (17.29) */

static void rstp_sync_tree(struct rstp *r)
{
	for (struct rstp_port *p = r->ports; p; p = p->next) {
		p->sync = true;
		port_touch(r, p);
	}
}

static void rstp_re_root_tree(struct rstp *r)
{
	for (struct rstp_port *p = r->ports; p; p = p->next) {
		p->re_root = true;
		port_touch(r, p);
	}
}

/* One step towards forwarding. */
static void port_advance(struct rstp *r, struct rstp_port *p)
{
	if (p->state == RSTP_DISCARDING) {
		timer_start(r, p, TIMER_FORWARD, port_forward_delay(r, p));
		port_set_state(r, p, RSTP_LEARNING);
	} else {
		timer_stop(p, TIMER_FORWARD);
		port_set_state(r, p, RSTP_FORWARDING);
	}
}

/* DISABLED_PORT and ALTERNATE_PORT: nothing to wait for here. */
static bool prt_settle(struct rstp_port *p)
{
	if (p->synced && !p->sync && !p->re_root && !p->until[TIMER_ROOT])
		return false;
	p->synced = true;
	p->sync = p->re_root = false;
	timer_stop(p, TIMER_ROOT);
	return true;
}

/* The role is another now: what the old one held at full runs from here on. */
static void prt_enter(struct rstp *r, struct rstp_port *p)
{
	switch (p->role) {
	case RSTP_DISABLED:
		timer_start(r, p, TIMER_FORWARD, rstp_ms(r->root_times.max_age));
		break;
	case RSTP_ROOT:
		timer_start(r, p, TIMER_ROOT, rstp_ms(r->root_times.forward_delay));
		if (p->selected_role == RSTP_DESIGNATED && p->send_rstp)
			p->sync = true;
		break;
	case RSTP_BACKUP:
		timer_start(r, p, TIMER_BACKUP, 2 * rstp_ms(r->own_times.hello));
		/* fall through */
	case RSTP_ALTERNATE:
		timer_start(r, p, TIMER_FORWARD, port_forward_delay(r, p));
		break;
	case RSTP_DESIGNATED:
		break;
	}
	p->role = p->selected_role;
	p->disputed = false;
	if (!port_is_in_tree(p))
		port_set_state(r, p, RSTP_DISCARDING);
}

/* A proposal that came is answered when all ports are in step with it. */
static bool prt_answer(struct rstp *r, struct rstp_port *p)
{
	if (p->proposed && !p->agree) {
		p->proposed = false;
		rstp_sync_tree(r);
		return true;
	}
	if (p->agree ? p->proposed : port_all_synced(r, p)) {
		p->proposed = false;
		p->agree = true;
		p->new_info = true;
		return true;
	}
	return false;
}

static bool prt_root(struct rstp *r, struct rstp_port *p)
{
	if (prt_answer(r, p)) {
		if (p->agree)
			p->sync = false;
		return true;
	}
	if ((p->agreed && !p->synced) || (p->sync && p->synced)) {
		p->synced = true;
		p->sync = false;
		return true;
	}
	if (p->state != RSTP_FORWARDING && !p->re_root) {
		rstp_re_root_tree(r);
		return true;
	}
	if (p->state == RSTP_FORWARDING && p->re_root) {
		p->re_root = false;
		return true;
	}
	if (p->state != RSTP_FORWARDING &&
	    (!timer_runs(r, p, TIMER_FORWARD) ||
	     (port_re_rooted(r, p) && !timer_runs(r, p, TIMER_BACKUP)))) {
		port_advance(r, p);
		return true;
	}
	return false;
}

static bool prt_designated(struct rstp *r, struct rstp_port *p)
{
	bool retiring;

	if (p->state != RSTP_FORWARDING && !p->agreed && !p->proposing && !p->oper_edge) {
		p->proposing = true;
		p->new_info = true;
		timer_start(r, p, TIMER_EDGE_DELAY, port_edge_delay(r, p));
		return true;
	}
	if ((!p->synced && (p->state == RSTP_DISCARDING || p->agreed || p->oper_edge)) ||
	    (p->synced && p->sync)) {
		timer_stop(p, TIMER_ROOT);
		p->synced = true;
		p->sync = false;
		return true;
	}
	if (p->re_root && !timer_runs(r, p, TIMER_ROOT)) {
		p->re_root = false;
		return true;
	}
	retiring = p->re_root;
	if (((p->sync && !p->synced) || retiring || p->disputed) && !p->oper_edge &&
	    p->state != RSTP_DISCARDING) {
		p->disputed = false;
		timer_start(r, p, TIMER_FORWARD, port_forward_delay(r, p));
		port_set_state(r, p, RSTP_DISCARDING);
		return true;
	}
	if (p->state != RSTP_FORWARDING && !retiring && !p->sync &&
	    (p->agreed || p->oper_edge || !timer_runs(r, p, TIMER_FORWARD))) {
		port_advance(r, p);
		if (p->state == RSTP_FORWARDING)
			p->agreed = p->send_rstp;
		return true;
	}
	return false;
}

static bool prt_run(struct rstp *r, struct rstp_port *p)
{
	if (p->updt_info)
		return false;
	if (p->role != p->selected_role) {
		prt_enter(r, p);
		return true;
	}
	switch (p->role) {
	case RSTP_ROOT:
		return prt_root(r, p);
	case RSTP_DESIGNATED:
		return prt_designated(r, p);
	case RSTP_ALTERNATE:
	case RSTP_BACKUP:
		return prt_settle(p) || prt_answer(r, p);
	case RSTP_DISABLED:
		break;
	}
	return prt_settle(p);
}

/* Topology Change (17.31) */

/* newTcWhile(), which would leave a change behind another to the next hello */
static void port_new_tc(struct rstp *r, struct rstp_port *p)
{
	p->new_info |= p->send_rstp;
	if (timer_runs(r, p, TIMER_TC))
		return;
	if (p->send_rstp) {
		timer_start(r, p, TIMER_TC, rstp_ms(r->own_times.hello) + RSTP_SECOND_MS);
	} else {
		timer_start(r, p, TIMER_TC, rstp_ms(r->root_times.max_age) +
					    rstp_ms(r->root_times.forward_delay));
	}
}

/* setTcPropTree(); ports in other states would forget it before they look. */
static void rstp_propagate_tc(struct rstp *r, const struct rstp_port *from)
{
	for (struct rstp_port *p = r->ports; p; p = p->next) {
		if (p == from || p->tcm != TCM_ACTIVE)
			continue;
		p->tc_prop = true;
		port_touch(r, p);
	}
}

static void port_forget_tc(struct rstp_port *p)
{
	p->rcvd_tc = p->rcvd_tcn = p->rcvd_tc_ack = p->tc_prop = false;
}

static bool tcm_learning(struct rstp *r, struct rstp_port *p)
{
	port_forget_tc(p);
	if (port_is_in_tree(p) && p->state == RSTP_FORWARDING && !p->oper_edge) {
		r->stats.tc_detected++;
		r->stats.tc_time = r->now;
		p->tcm = TCM_ACTIVE;
		p->new_info = true;
		port_new_tc(r, p);
		rstp_propagate_tc(r, p);
		return true;
	}
	if (!port_is_in_tree(p)) {
		p->tcm = TCM_INACTIVE;
		p->tc_ack = false;
		timer_stop(p, TIMER_TC);
		port_flush(r, p);
		return true;
	}
	return false;
}

static bool tcm_active(struct rstp *r, struct rstp_port *p)
{
	if (!port_is_in_tree(p) || p->oper_edge) {
		p->tcm = TCM_LEARNING;
		return true;
	}
	if (p->rcvd_tc_ack) {
		p->rcvd_tc_ack = false;
		timer_stop(p, TIMER_TC);
		return true;
	}
	if (p->tc_prop) {
		p->tc_prop = false;
		port_new_tc(r, p);
		port_flush(r, p);
		return true;
	}
	if (p->rcvd_tc || p->rcvd_tcn) {
		if (p->rcvd_tcn)
			port_new_tc(r, p);
		p->rcvd_tc = p->rcvd_tcn = false;
		p->tc_ack = p->role == RSTP_DESIGNATED;
		rstp_propagate_tc(r, p);
		return true;
	}
	return false;
}

static bool tcm_run(struct rstp *r, struct rstp_port *p)
{
	switch (p->tcm) {
	case TCM_LEARNING:
		return tcm_learning(r, p);
	case TCM_ACTIVE:
		return tcm_active(r, p);
	case TCM_INACTIVE:
		break;
	}
	port_forget_tc(p);
	if (p->state == RSTP_DISCARDING)
		return false;
	p->tcm = TCM_LEARNING;
	return true;
}

/* Port Transmit (17.26) */

static uint8_t port_role_code(const struct rstp_port *p)
{
	switch (p->role) {
	case RSTP_DESIGNATED:
		return BPDU_ROLE_DESIGNATED;
	case RSTP_ROOT:
		return p->vde ? BPDU_ROLE_ALTERNATE : BPDU_ROLE_ROOT;
	default:
		return BPDU_ROLE_ALTERNATE;
	}
}

static uint8_t port_flags(const struct rstp *r, const struct rstp_port *p,
			  enum bpdu_kind kind)
{
	unsigned int flags = timer_runs(r, p, TIMER_TC) ? BPDU_TOPOLOGY_CHANGE : 0;

	if (kind == BPDU_CONFIG)
		return (uint8_t)(flags | (p->tc_ack ? BPDU_TOPOLOGY_CHANGE_ACK : 0));
	if (p->proposing)
		flags |= BPDU_PROPOSAL;
	if (p->agree)
		flags |= BPDU_AGREEMENT;
	if (p->state != RSTP_DISCARDING)
		flags |= BPDU_LEARNING;
	if (p->state == RSTP_FORWARDING)
		flags |= BPDU_FORWARDING;
	return (uint8_t)(flags | port_role_code(p));
}

static void port_send(struct rstp *r, struct rstp_port *p, enum bpdu_kind kind)
{
	struct bpdu b = { .kind = kind };
	uint8_t frame[BPDU_FRAME_MAX];
	size_t size;

	if (kind != BPDU_TCN) {
		b.flags = port_flags(r, p, kind);
		b.vector = port_designated(r, p);
		b.times = r->root_times;
	}
	p->stats.tx_config += kind == BPDU_CONFIG;
	p->stats.tx_tcn += kind == BPDU_TCN;
	p->stats.tx_rst += kind == BPDU_RST;
	size = bpdu_format(&b, r->address, frame);
	r->ops->send(r->ctx, p->number, frame, size);
}

/* Hellos of all ports are sent at the same times: the bridge wakes once for all. */
static void port_hello(struct rstp *r, struct rstp_port *p)
{
	unsigned int hello = rstp_ms(r->own_times.hello);

	if (timer_runs(r, p, TIMER_HELLO))
		return;
	timer_start(r, p, TIMER_HELLO, hello - (unsigned int)((r->now - r->begin) % hello));
	if (p->role == RSTP_DESIGNATED ||
	    (p->role == RSTP_ROOT && timer_runs(r, p, TIMER_TC)))
		p->new_info = true;
}

static void ptx_run(struct rstp *r, struct rstp_port *p)
{
	if (!port_is_active(p))
		return;
	port_hello(r, p);
	if (!p->new_info || p->updt_info ||
	    !port_has_room(r, p, &p->sends, r->hold_count, TIMER_HOLD))
		return;
	p->new_info = false;
	p->sends.count++;
	if (p->send_rstp)
		port_send(r, p, BPDU_RST);
	else if (p->role == RSTP_DESIGNATED)
		port_send(r, p, BPDU_CONFIG);
	else if (p->role == RSTP_ROOT && timer_runs(r, p, TIMER_TC))
		port_send(r, p, BPDU_TCN);
	p->tc_ack = false;
}

/* All machines. */

/* Run a port's machines until none moves, or until roles must be selected first. */
static void port_run(struct rstp *r, struct rstp_port *p)
{
	bool moved;

	do {
		moved = pim_run(r, p);
		if (!p->selected)
			break;
		moved |= bdm_run(r, p);
		moved |= prt_run(r, p);
		moved |= tcm_run(r, p);
	} while (moved);
	if (p->selected) {
		port_flush_run(r, p);
		ptx_run(r, p);
	}
	port_count(r, p);
}

static void rstp_settle(struct rstp *r)
{
	struct rstp_port *root_port = r->root_port, *p;
	uint64_t root = r->best.root;

	if (!r->enabled) {
		while (rstp_pop_dirty(r))
			;
		if (r->reselect)
			rstp_select_root(r);
		r->reselect = false;
		return;
	}
	for (;;) {
		while ((p = rstp_pop_dirty(r)))
			port_run(r, p);
		if (!r->reselect)
			break;
		rstp_select_roles(r);
	}
	if (r->ops->root && (r->best.root != root || r->root_port != root_port))
		r->ops->root(r->ctx);
}

/* All roles may be others now. */
static void rstp_reselect(struct rstp *r)
{
	r->reselect = true;
	rstp_settle(r);
}

/* Let time pass: ports whose timers end are touched, and run by rstp_settle(). */
static void rstp_advance(struct rstp *r, uint64_t now)
{
	r->now = MAX(r->now, now);
	if (r->next > r->now)
		return;
	r->next = RSTP_NEVER;
	for (struct rstp_port *p = r->ports; p; p = p->next) {
		for (unsigned int i = 0; i < TIMERS; i++) {
			if (!p->until[i])
				continue;
			if (p->until[i] > r->now) {
				r->next = MIN(r->next, p->until[i]);
				continue;
			}
			p->until[i] = 0;
			port_touch(r, p);
		}
	}
}

void rstp_tick(struct rstp *r, uint64_t now)
{
	rstp_advance(r, now);
	rstp_settle(r);
}

uint64_t rstp_next(const struct rstp *r)
{
	return r->enabled ? r->next : RSTP_NEVER;
}

/* What comes in. */

/* Times out of the standard's ranges are brought into them. A forward delay that is
 * too short would make loops, so it becomes the bridge's own.
 */
static void rstp_bound_times(const struct rstp *r, struct bpdu_times *t)
{
	t->hello = MIN(MAX(t->hello, RSTP_HELLO_MIN * BPDU_SECOND),
		       RSTP_HELLO_MAX * BPDU_SECOND);
	t->max_age = MIN(MAX(t->max_age, RSTP_MAX_AGE_MIN * BPDU_SECOND),
			 RSTP_MAX_AGE_MAX * BPDU_SECOND);
	if (t->forward_delay < RSTP_FORWARD_DELAY_MIN * BPDU_SECOND)
		t->forward_delay = r->own_times.forward_delay;
	t->forward_delay = MIN(t->forward_delay, RSTP_FORWARD_DELAY_MAX * BPDU_SECOND);
}

static bool rstp_is_vde(const struct bpdu *b)
{
	return b->kind == BPDU_RST && b->times.hello == RSTP_VDE_HELLO &&
	       b->times.max_age == RSTP_VDE_MAX_AGE &&
	       b->times.forward_delay == RSTP_VDE_FORWARD_DELAY;
}

static bool port_is_excess(struct rstp *r, struct rstp_port *p)
{
	if (r->now - p->rx_from >= RSTP_SECOND_MS) {
		p->rx_from = r->now;
		p->rx_count = 0;
	}
	return p->rx_count++ >= RSTP_INPUT_MAX;
}

/* The port's own frame came back: it is at both ends of a loop. */
static void port_receive_own(struct rstp_port *p)
{
	p->stats.rx_own++;
	p->disputed = true;
	p->agreed = false;
}

static void port_input(struct rstp *r, struct rstp_port *p, struct bpdu *b)
{
	p->stats.rx_config += b->kind == BPDU_CONFIG;
	p->stats.rx_tcn += b->kind == BPDU_TCN;
	p->stats.rx_rst += b->kind == BPDU_RST;
	p->vde = rstp_is_vde(b);
	rstp_bound_times(r, &b->times);
	p->heard = true;
	p->oper_edge = false;
	timer_start(r, p, TIMER_EDGE_DELAY, RSTP_MIGRATE_MS);
	port_sense(r, p, b->kind == BPDU_RST);
	if (b->kind != BPDU_TCN && rstp_is_own(r, b->vector.bridge) &&
	    b->vector.port == p->id)
		port_receive_own(p);
	else
		port_receive(r, p, b);
}

bool rstp_input(struct rstp *r, uint16_t port, const uint8_t *frame, size_t size,
		uint64_t now)
{
	struct rstp_port *p = rstp_port(r, port);
	enum bpdu_verdict verdict;
	struct bpdu b;

	if (!r->enabled)
		return false;
	verdict = bpdu_parse(frame, size, &b);
	if (verdict == BPDU_OTHER)
		return false;
	if (!p || !port_is_active(p))
		return true;

	rstp_advance(r, now);
	if (p->bpdu_guard) {
		p->guarded = true;
	} else if (port_is_excess(r, p)) {
		p->stats.rx_excess++;
		return true;
	} else if (verdict == BPDU_BAD) {
		p->stats.rx_bad++;
		return true;
	} else {
		port_input(r, p, &b);
	}
	port_touch(r, p);
	rstp_settle(r);
	return true;
}

/* The bridge. */

struct rstp *rstp_create(unsigned int ports, struct eth_addr address,
			 const struct rstp_ops *ops, void *ctx)
{
	struct rstp *r = calloc(1, sizeof(*r) + ports * sizeof(r->table[0]));

	if (!r)
		return NULL;
	r->ops = ops;
	r->ctx = ctx;
	r->address = address;
	r->size = ports;
	r->priority = RSTP_PRIORITY_DEFAULT;
	r->hold_count = RSTP_HOLD_COUNT_DEFAULT;
	r->own_times.hello = RSTP_HELLO_DEFAULT * BPDU_SECOND;
	r->own_times.max_age = RSTP_MAX_AGE_DEFAULT * BPDU_SECOND;
	r->own_times.forward_delay = RSTP_FORWARD_DELAY_DEFAULT * BPDU_SECOND;
	r->next = RSTP_NEVER;
	r->dirty_end = &r->dirty;
	rstp_select_root(r);
	return r;
}

void rstp_destroy(struct rstp *r)
{
	struct rstp_port *p, *next;

	if (!r)
		return;
	for (p = r->ports; p; p = next) {
		next = p->next;
		free(p);
	}
	free(r);
}

/* BEGIN: forget what was heard and said; configuration and counters stay. */
static void port_begin(struct rstp *r, struct rstp_port *p)
{
	p->role = p->selected_role = RSTP_DISABLED;
	p->info_is = INFO_DISABLED;
	p->tcm = TCM_INACTIVE;
	p->updt_info = false;
	p->agree = p->agreed = p->proposing = p->proposed = p->disputed = false;
	p->sync = p->re_root = false;
	p->synced = p->selected = true;
	p->oper_edge = p->admin_edge;
	p->send_rstp = true;
	p->new_info = p->tc_ack = p->fdb_flush = false;
	p->guarded = p->heard = p->vde = false;
	p->rx_count = 0;
	p->rx_from = r->now;
	p->sends = p->flushes = (struct rstp_bucket){ .from = r->now };
	memset(p->until, 0, sizeof(p->until));
	port_forget_tc(p);
	port_count(r, p);
	port_touch(r, p);
}

void rstp_set_enabled(struct rstp *r, bool enabled, uint64_t now)
{
	if (r->enabled == enabled)
		return;
	rstp_advance(r, now);
	r->enabled = enabled;
	r->begin = r->now;
	r->next = RSTP_NEVER;
	for (struct rstp_port *p = r->ports; p; p = p->next) {
		port_begin(r, p);
		port_set_state(r, p, p->up && !enabled ? RSTP_FORWARDING : RSTP_DISCARDING);
	}
	rstp_reselect(r);
}

void rstp_set_priority(struct rstp *r, uint16_t priority, uint64_t now)
{
	rstp_advance(r, now);
	r->priority = priority;
	rstp_reselect(r);
}

int rstp_set_times(struct rstp *r, unsigned int hello, unsigned int max_age,
		   unsigned int forward_delay, uint64_t now)
{
	if (hello < RSTP_HELLO_MIN || hello > RSTP_HELLO_MAX ||
	    max_age < RSTP_MAX_AGE_MIN || max_age > RSTP_MAX_AGE_MAX ||
	    forward_delay < RSTP_FORWARD_DELAY_MIN ||
	    forward_delay > RSTP_FORWARD_DELAY_MAX)
		return -ERANGE;
	if (2 * (forward_delay - 1) < max_age || max_age < 2 * (hello + 1))
		return -EINVAL;
	rstp_advance(r, now);
	r->own_times.hello = (uint16_t)(hello * BPDU_SECOND);
	r->own_times.max_age = (uint16_t)(max_age * BPDU_SECOND);
	r->own_times.forward_delay = (uint16_t)(forward_delay * BPDU_SECOND);
	for (struct rstp_port *p = r->ports; p; p = p->next)
		timer_stop(p, TIMER_HELLO);
	rstp_reselect(r);
	return 0;
}

int rstp_set_hold_count(struct rstp *r, unsigned int count)
{
	if (count < 1 || count > RSTP_HOLD_COUNT_MAX)
		return -ERANGE;
	r->hold_count = count;
	return 0;
}

/* Ports. */

int rstp_port_add(struct rstp *r, uint16_t port, uint32_t cost, uint64_t now)
{
	uint16_t id = port_make_id(port, RSTP_PORT_PRIORITY_DEFAULT);
	struct rstp_port *p;

	if (port >= r->size || cost < 1 || cost > RSTP_COST_MAX)
		return -ERANGE;
	if (r->table[port] || rstp_id_is_taken(r, port, id))
		return -EEXIST;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	rstp_advance(r, now);
	p->number = port;
	p->id = id;
	p->cost = cost;
	p->priority = RSTP_PORT_PRIORITY_DEFAULT;
	p->auto_edge = p->p2p = true;
	p->next = r->ports;
	if (p->next)
		p->next->prev = p;
	r->ports = p;
	r->table[port] = p;
	r->stats.ports++;
	port_begin(r, p);
	rstp_settle(r);
	return 0;
}

void rstp_port_remove(struct rstp *r, uint16_t port, uint64_t now)
{
	struct rstp_port *p = rstp_port(r, port);

	if (!p)
		return;
	rstp_port_set_up(r, port, false, now);
	r->unsynced -= p->counts_unsynced;
	r->recent_roots -= p->counts_recent_root;
	if (p->next)
		p->next->prev = p->prev;
	if (p->prev)
		p->prev->next = p->next;
	else
		r->ports = p->next;
	r->table[port] = NULL;
	r->stats.ports--;
	free(p);
}

int rstp_port_set_up(struct rstp *r, uint16_t port, bool up, uint64_t now)
{
	struct rstp_port *p = rstp_port(r, port);

	if (!p)
		return -ENOENT;
	if (p->up == up && !p->guarded)
		return 0;
	rstp_advance(r, now);
	p->up = up;
	p->guarded = false;
	if (!r->enabled)
		port_set_state(r, p, up ? RSTP_FORWARDING : RSTP_DISCARDING);
	port_touch(r, p);
	rstp_settle(r);
	return 0;
}

int rstp_port_set_edge(struct rstp *r, uint16_t port, bool admin, bool automatic,
		       uint64_t now)
{
	struct rstp_port *p = rstp_port(r, port);

	if (!p)
		return -ENOENT;
	rstp_advance(r, now);
	p->admin_edge = admin;
	p->auto_edge = automatic;
	if (admin && !p->heard)
		p->oper_edge = true;
	port_touch(r, p);
	rstp_settle(r);
	return 0;
}

int rstp_port_set_cost(struct rstp *r, uint16_t port, uint32_t cost, uint64_t now)
{
	struct rstp_port *p = rstp_port(r, port);

	if (!p)
		return -ENOENT;
	if (cost < 1 || cost > RSTP_COST_MAX)
		return -ERANGE;
	rstp_advance(r, now);
	p->cost = cost;
	rstp_reselect(r);
	return 0;
}

int rstp_port_set_priority(struct rstp *r, uint16_t port, unsigned int priority,
			   uint64_t now)
{
	struct rstp_port *p = rstp_port(r, port);
	uint16_t id = port_make_id(port, priority);

	if (!p)
		return -ENOENT;
	if (priority % RSTP_PRIORITY_STEP || priority > UINT8_MAX)
		return -EINVAL;
	if (rstp_id_is_taken(r, port, id))
		return -EEXIST;
	rstp_advance(r, now);
	p->priority = (uint8_t)priority;
	p->id = id;
	rstp_reselect(r);
	return 0;
}

int rstp_port_set_p2p(struct rstp *r, uint16_t port, bool p2p, uint64_t now)
{
	struct rstp_port *p = rstp_port(r, port);

	if (!p)
		return -ENOENT;
	rstp_advance(r, now);
	p->p2p = p2p;
	port_touch(r, p);
	rstp_settle(r);
	return 0;
}

int rstp_port_set_guard(struct rstp *r, uint16_t port, bool bpdu, bool root,
			uint64_t now)
{
	struct rstp_port *p = rstp_port(r, port);

	if (!p)
		return -ENOENT;
	rstp_advance(r, now);
	p->bpdu_guard = bpdu;
	p->guarded = p->guarded && bpdu;
	p->root_guard = root;
	port_touch(r, p);
	rstp_reselect(r);
	return 0;
}

int rstp_port_mcheck(struct rstp *r, uint16_t port, uint64_t now)
{
	struct rstp_port *p = rstp_port(r, port);

	if (!p)
		return -ENOENT;
	rstp_advance(r, now);
	p->send_rstp = true;
	timer_start(r, p, TIMER_MIGRATE, RSTP_MIGRATE_MS);
	port_touch(r, p);
	rstp_settle(r);
	return 0;
}

/* What is going on. */

enum rstp_state rstp_port_state(const struct rstp *r, uint16_t port)
{
	const struct rstp_port *p = rstp_port(r, port);

	return p ? p->state : RSTP_DISCARDING;
}

void rstp_get_info(const struct rstp *r, struct rstp_info *info)
{
	*info = r->stats;
	info->enabled = r->enabled;
	info->bridge = rstp_bridge_id(r);
	info->root = r->best.root;
	info->root_cost = r->best.cost;
	info->root_port = r->root_port ? r->root_port->number : -1;
	info->max_age = rstp_ms(r->root_times.max_age);
	info->hello = rstp_ms(r->own_times.hello);
	info->forward_delay = rstp_ms(r->root_times.forward_delay);
	info->message_age = rstp_ms(r->root_times.message_age);
	info->hold_count = r->hold_count;
}

int rstp_port_get_info(const struct rstp *r, uint16_t port, struct rstp_port_info *info)
{
	const struct rstp_port *p = rstp_port(r, port);

	if (!p)
		return -ENOENT;
	*info = p->stats;
	info->id = p->id;
	info->cost = p->cost;
	info->priority = p->priority;
	info->role = p->role;
	info->state = p->state;
	info->up = p->up;
	info->admin_edge = p->admin_edge;
	info->auto_edge = p->auto_edge;
	info->edge = p->oper_edge;
	info->p2p = p->p2p;
	info->bpdu_guard = p->bpdu_guard;
	info->root_guard = p->root_guard;
	info->guarded = p->guarded;
	info->sends_stp = !p->send_rstp;
	info->vde = p->vde;
	info->agreed = p->agreed;
	info->designated_root = p->vector.root;
	info->designated_cost = p->vector.cost;
	info->designated_bridge = p->vector.bridge;
	info->designated_port = p->vector.port;
	return 0;
}

const char *rstp_state_name(enum rstp_state state)
{
	static const char *const names[] = {
		[RSTP_DISCARDING] = "Discarding",
		[RSTP_LEARNING] = "Learning",
		[RSTP_FORWARDING] = "Forwarding",
	};

	return names[state];
}

const char *rstp_role_name(enum rstp_role role)
{
	static const char *const names[] = {
		[RSTP_DISABLED] = "Disabled",
		[RSTP_ROOT] = "Root",
		[RSTP_DESIGNATED] = "Designated",
		[RSTP_ALTERNATE] = "Alternate",
		[RSTP_BACKUP] = "Backup",
	};

	return names[role];
}
