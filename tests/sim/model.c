/* SPDX-License-Identifier: BSD-2-Clause */
/* model.c - The model: what a switch has to do, in arrays, without any cleverness
 *
 * Written from the rules (bridge.h, vlan.h, mcast.h, storm.h, admin.h, and the standards
 * that they name), not from the code. VLANs, stations and groups are indices here.
 */
#include "config.h"

#include "tests/sim/sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/eth.h"
#include "switchd/igmp.h"
#include "switchd/storm.h"
#include "switchd/vlan.h"

enum {
	ROUTER = SIM_GROUPS,		/* in place of a group: router ports */
	NO_VID = SIM_VIDS - 1,		/* 4095 */
	MEMBER_MS = 2 * 125000 + 10000,	/* RFC 2236, 8.4 */
	QUERIER_MS = 2 * 125000 + 5000,	/* RFC 2236, 8.5 */
	SLACK_MS = 1000,
	REFRESH_MS = 1000,
	AGER_US = 2000000,
	SNOOPER_US = 1000000,
};

/** struct limit - Storm control of a kind of frames */
struct limit {
	uint64_t rate, tokens, then_ms;
};

/** struct where - A station in a VLAN: @order tells who was confirmed longest ago */
struct where {
	uint16_t port;
	uint64_t seen_ms;
	uint64_t order;
};

struct model_port {
	bool exists;
	unsigned int plugs;
	unsigned int pvid;
	unsigned int tagged;		/* a bit for each VLAN */
	bool fast_leave;
	struct limit limit[STORM_KINDS];
	struct port_stats stats;
	unsigned int addresses;
	struct want want[SIM_BATCH];
	unsigned int wants;
	bool unicast;
};

struct model {
	struct sim *s;
	const struct world *w;
	bool hub, snooping;
	unsigned int made;		/* a bit for each VLAN */
	struct model_port port[SIM_PORTS];
	struct where where[SIM_VIDS][SIM_STATIONS];
	unsigned int addresses;
	uint64_t order;
	uint64_t ageing_ms, min_stay_ms;
	uint64_t ager_us, snooper_us;
	uint64_t member[SIM_VIDS][SIM_GROUPS + 1][SIM_PORTS];	/* until; 0: none */
	struct { uint64_t from_ms, until_ms; } asked[SIM_VIDS];
};

struct model *model_create(struct sim *s, const struct world *w)
{
	struct model *m = calloc(1, sizeof(*m));

	if (!m)
		abort();
	m->s = s;
	m->w = w;
	m->hub = w->hub;
	m->snooping = w->snooping;
	m->ageing_ms = FDB_AGEING_MS_DEFAULT;
	for (unsigned int v = 0; v < SIM_VIDS; v++)
		for (unsigned int i = 0; i < SIM_STATIONS; i++)
			m->where[v][i].port = FDB_NO_PORT;
	return m;
}

void model_destroy(struct model *m)
{
	free(m);
}

/* Addresses. */

static void where_set(struct model *m, unsigned int vid, unsigned int station,
		      unsigned int port, uint64_t now_ms)
{
	struct where *w = &m->where[vid][station];

	if (w->port == FDB_NO_PORT)
		m->addresses++;
	else
		m->port[w->port].addresses--;
	*w = (struct where){ (uint16_t)port, now_ms, ++m->order };
	m->port[port].addresses++;
}

static void where_forget(struct model *m, unsigned int vid, unsigned int station)
{
	struct where *w = &m->where[vid][station];

	m->port[w->port].addresses--;
	m->addresses--;
	w->port = FDB_NO_PORT;
}

/* The next thing the table said, if it is @what. */
static bool log_take(struct fdb_log *log, enum fdb_change what, unsigned int vid,
		     unsigned int station, unsigned int port)
{
	if (log->at == log->count || log->entry[log->at].what != what ||
	    log->entry[log->at].vid != vid || log->entry[log->at].station != station ||
	    log->entry[log->at].port != port)
		return false;
	log->at++;
	return true;
}

/* The next thing it said is that something it has is gone. Return: where that was. */
static struct where *log_removed(struct model *m, struct fdb_log *log)
{
	struct where *w;

	if (log->at == log->count || log->entry[log->at].what != FDB_REMOVED)
		return NULL;
	w = &m->where[log->entry[log->at].vid][log->entry[log->at].station];
	if (w->port == FDB_NO_PORT || w->port != log->entry[log->at].port) {
		sim_fail(m->s, "the table forgets what it does not have: VLAN %u, station %u",
			 sim_vids[log->entry[log->at].vid], log->entry[log->at].station);
		return NULL;
	}
	return w;
}

/* The table is full. Who goes is its choice: the oldest address of a port that has most. */
static void model_evict(struct model *m, struct fdb_log *log)
{
	const struct where *victim = log_removed(m, log);
	unsigned int most = 0;

	if (!victim) {
		sim_fail(m->s, "P5: the table has more than %u addresses", m->w->addresses);
		return;
	}
	for (unsigned int p = 0; p < m->w->ports; p++)
		most = MAX(most, m->port[p].addresses);
	if (m->port[victim->port].addresses < most)
		sim_fail(m->s, "P5: an address of port %u goes, which has %u: a port has %u",
			 victim->port, m->port[victim->port].addresses, most);
	for (unsigned int v = 0; v < SIM_VIDS; v++)
		for (unsigned int i = 0; i < SIM_STATIONS; i++)
			if (m->where[v][i].port == victim->port &&
			    m->where[v][i].order < victim->order)
				sim_fail(m->s, "P5: not the oldest address of port %u goes",
					 victim->port);
	where_forget(m, log->entry[log->at].vid, log->entry[log->at].station);
	log->at++;
}

static void model_learn(struct model *m, unsigned int vid, unsigned int station,
			unsigned int port, uint64_t now_ms, struct fdb_log *log)
{
	const struct where *w = &m->where[vid][station];

	if (w->port == FDB_NO_PORT) {
		if (m->addresses == m->w->addresses)
			model_evict(m, log);
		if (!log_take(log, FDB_ADDED, vid, station, port))
			sim_fail(m->s, "P4: station %u is not learned at port %u", station, port);
		where_set(m, vid, station, port, now_ms);
	} else if (w->port != port) {
		if (now_ms - w->seen_ms < m->min_stay_ms)
			return;
		if (!log_take(log, FDB_CHANGED_PORT, vid, station, port))
			sim_fail(m->s, "P4: station %u does not move to port %u", station, port);
		where_set(m, vid, station, port, now_ms);
	} else if (now_ms - w->seen_ms >= REFRESH_MS) {
		where_set(m, vid, station, port, now_ms);
	}
}

static bool where_is_old(const struct model *m, const struct where *w, uint64_t now_ms)
{
	return now_ms - w->seen_ms > m->ageing_ms;
}

/* The table forgets all of a port (or of all), and nothing else. */
static void model_flush(struct model *m, unsigned int port, struct fdb_log *log)
{
	const struct where *w;

	while ((w = log_removed(m, log)) && (port == SIM_PORTS || w->port == port)) {
		where_forget(m, log->entry[log->at].vid, log->entry[log->at].station);
		log->at++;
	}
	if (port < SIM_PORTS ? m->port[port].addresses : m->addresses)
		sim_fail(m->s, "addresses of port %u are left", port);
}

/* Groups. */

static void member_hurry(uint64_t *until_ms, uint64_t most_ms)
{
	if (*until_ms > most_ms)
		*until_ms = most_ms;
}

static bool is_report(unsigned int to)
{
	return to >= TO_JOIN && to < TO_ASK;
}

static bool is_query(unsigned int to)
{
	return to >= TO_ASK && to <= TO_ASK_ALL;
}

/* Where a frame goes to; a message about groups that is longer than one that is read is a
 * datagram like others. */
static unsigned int destination(const struct sim_frame *f)
{
	const unsigned int to = f->ev->c;

	if (to < TO_JOIN || to > TO_ASK_ALL ||
	    f->as[0].size - ETH_HDR_SIZE - VLAN_TAG_SIZE * f->tags <= IGMP_PACKET_MAX)
		return to;
	return is_report(to) && to >= TO_LEAVE ? TO_LOCAL : to == TO_ASK_ALL ? TO_LOCAL :
	       TO_GROUP + (to - TO_GROUP) % SIM_GROUPS;
}

/* A message about groups. */
static void model_hear(struct model *m, unsigned int port, unsigned int vid, unsigned int to,
		       uint64_t now_ms)
{
	if (to >= TO_JOIN && to < TO_JOIN + SIM_GROUPS)
		m->member[vid][to - TO_JOIN][port] = now_ms + MEMBER_MS;
	if (to >= TO_LEAVE && to < TO_LEAVE + SIM_GROUPS && m->port[port].fast_leave)
		m->member[vid][to - TO_LEAVE][port] = 0;
	if (!is_query(to))
		return;
	m->member[vid][ROUTER][port] = now_ms + QUERIER_MS;
	if (to == TO_ASK_ALL) {
		if (now_ms >= m->asked[vid].until_ms)
			m->asked[vid].from_ms = now_ms + 10000 + SLACK_MS;
		m->asked[vid].until_ms = now_ms + QUERIER_MS;
		return;
	}
	for (unsigned int p = 0; p < m->w->ports; p++)
		member_hurry(&m->member[vid][to - TO_ASK][p], now_ms + SLACK_MS + 2 * 1000);
}

static void model_forget_member(struct model *m, unsigned int port)
{
	for (unsigned int v = 0; v < SIM_VIDS; v++)
		for (unsigned int g = 0; g <= ROUTER; g++)
			m->member[v][g][port] = 0;
}

/* VLANs. */

static bool model_is_aware(const struct model *m)
{
	return m->w->vlan_mode == VLAN_STRICT || (m->w->vlan_mode == VLAN_AUTO && m->made);
}

/* The number of the VLAN that a tag names. */
static unsigned int tag_vid(const struct sim_frame *f)
{
	const unsigned int tag = f->ev->d & D_TAG;

	return tag - (tag >= TAG_DOUBLE ? TAG_DOUBLE : TAG_SINGLE);
}

/* The VLAN a frame is in, by its tag or its port; false: none that the port is in. */
static bool model_classify(const struct model_port *in, const struct sim_frame *f,
			   unsigned int *vid)
{
	*vid = in->pvid;
	if (!f->tags)
		return in->pvid != NO_VID;
	if (f->as[0].size < ETH_HDR_SIZE + VLAN_TAG_SIZE)
		return false;
	if (!tag_vid(f))
		return in->pvid != NO_VID;
	*vid = tag_vid(f);
	return *vid != NO_VID && (in->tagged >> *vid & 1);
}

/* The VLAN that groups are told apart by: what the tag says, if tags do not count. */
static unsigned int group_vid(const struct sim_frame *f, unsigned int vid)
{
	return f->tags && tag_vid(f) ? tag_vid(f) : vid;
}

/* Whether it is IP to a group, as far as the frame shows that. */
static bool is_ip_group(const struct sim_frame *f)
{
	return f->ev->c >= TO_LOCAL && f->ev->c <= TO_ASK_ALL && f->tags <= 1 &&
	       (f->ev->d & D_TAG) < TAG_PROVIDER;
}

/* A frame as it leaves: with the tag of @vid, or without one. */
static const struct bytes *frame_form(struct sim_frame *f, enum form form, unsigned int vid)
{
	const uint16_t tci = (uint16_t)((f->tags ? f->tci & 0xf000 : 0) | sim_vids[vid]);
	const unsigned int old = f->tags ? VLAN_TAG_SIZE : 0;
	const unsigned int new = form == FORM_TAGGED ? VLAN_TAG_SIZE : 0;
	const struct bytes *as_is = &f->as[FORM_AS_IS];
	struct bytes *b = &f->as[form];

	if (form == FORM_TAGGED ? f->tags && tci == f->tci : !f->tags)
		return as_is;
	if (b->hdr_size)
		return b;
	b->hdr_size = (uint8_t)(as_is->hdr_size - old + new);
	b->size = as_is->size - old + new;
	memcpy(b->hdr, as_is->hdr, VLAN_TAG_AT);
	memcpy(b->hdr + VLAN_TAG_AT, (const uint8_t[]){ 0x81, 0, (uint8_t)(tci >> 8),
							(uint8_t)tci }, new);
	memcpy(b->hdr + VLAN_TAG_AT + new, as_is->hdr + VLAN_TAG_AT + old,
	       as_is->hdr_size - VLAN_TAG_AT - old);
	return b;
}

/* Forwarding. */

static void give(struct model_port *out, unsigned int i, enum form form)
{
	out->want[out->wants++] = (struct want){ (uint8_t)i, (uint8_t)form };
}

/* Give a frame to a port in its VLAN. Return: whether the port is in it. */
static bool give_vlan(struct model_port *out, struct sim_frame *f, unsigned int i,
		      unsigned int vid)
{
	const bool tagged = out->tagged >> vid & 1;
	const struct bytes *b;

	if (!tagged && out->pvid != vid)
		return false;
	/* A tag inside does not come to light. */
	if (!tagged && f->tags > 1) {
		out->stats.drop[DROP_VLAN]++;
		return true;
	}
	b = frame_form(f, tagged ? FORM_TAGGED : FORM_UNTAGGED, vid);
	if (b->size > ETH_FRAME_MAX)
		out->stats.drop[DROP_TOO_LONG]++;
	else
		give(out, i, (enum form)(b - f->as));
	return true;
}

static bool limit_pass(struct limit *l, uint64_t now_ms)
{
	const uint64_t ms = now_ms > l->then_ms ? now_ms - l->then_ms : 0;

	if (!l->rate)
		return true;
	l->tokens += MIN(ms, (uint64_t)1000) * l->rate;
	l->tokens = MIN(l->tokens, l->rate * 1000);
	l->then_ms = MAX(l->then_ms, now_ms);
	if (l->tokens < 1000)
		return false;
	l->tokens -= 1000;
	return true;
}

static enum storm_kind limit_kind(unsigned int to)
{
	return to < SIM_STATIONS ? STORM_UNKNOWN : to == TO_BROADCAST ? STORM_BROADCAST :
	       STORM_MULTICAST;
}

/** struct decision - What is to be done with a frame */
struct decision {
	enum { DROP, ONE, ALL, SOME } kind;
	enum drop_reason reason;
	unsigned int port;		/* for ONE */
	unsigned int vid;
	unsigned int group;		/* for SOME */
};

static struct decision dropped(enum drop_reason reason)
{
	return (struct decision){ .kind = DROP, .reason = reason };
}

static struct decision model_decide(struct model *m, unsigned int in, struct sim_frame *f,
				    uint64_t now_ms, struct fdb_log *log)
{
	struct decision d = { .kind = ALL };
	const unsigned int to = destination(f);
	const struct where *w;
	unsigned int groups;

	if (f->as[0].size < ETH_HDR_SIZE)
		return dropped(DROP_RUNT);
	if (f->as[0].size > ETH_FRAME_MAX)
		return dropped(DROP_OVERSIZE);
	if (m->hub)
		return d;
	if (f->ev->b == FROM_GROUP)
		return dropped(DROP_BAD_SOURCE);
	if (model_is_aware(m) && !model_classify(&m->port[in], f, &d.vid))
		return dropped(DROP_VLAN);
	if (f->ev->b < SIM_STATIONS)
		model_learn(m, d.vid, f->ev->b, in, now_ms, log);
	if (to >= TO_RESERVED && to < TO_LOCAL &&
	    !(m->w->reserved >> sim_reserved[to - TO_RESERVED] & 1))
		return dropped(DROP_RESERVED);
	if (to < SIM_STATIONS) {
		w = &m->where[d.vid][to];
		if (w->port == FDB_NO_PORT || where_is_old(m, w, now_ms))
			return d;
		if (w->port == in)
			return dropped(DROP_LOCAL);
		d.kind = ONE;
		d.port = w->port;
		return d;
	}
	if (!m->snooping || !is_ip_group(f) || to == TO_LOCAL || is_query(to))
		return d;
	groups = group_vid(f, d.vid);
	if (now_ms < m->asked[groups].from_ms || now_ms >= m->asked[groups].until_ms)
		return d;
	d.kind = SOME;
	d.vid = groups;
	d.group = is_report(to) ? ROUTER : to - TO_GROUP;
	return d;
}

static bool decision_is_for(const struct model *m, const struct decision *d, unsigned int port)
{
	if (d->kind == ONE)
		return port == d->port;
	return d->kind == ALL || m->member[d->vid][d->group][port] ||
	       m->member[d->vid][ROUTER][port];
}

static void model_forward(struct model *m, unsigned int in, struct sim_frame *f,
			  unsigned int i, const struct decision *d, uint32_t forwards)
{
	const bool vlans = !m->hub && model_is_aware(m);
	unsigned int plugged = 0;
	bool any = false;

	for (unsigned int p = 0; p < m->w->ports; p++) {
		struct model_port *out = &m->port[p];
		const unsigned int before = out->wants;
		bool got;

		plugged += out->plugs != 0;
		if (p == in || !(forwards >> p & 1) || !decision_is_for(m, d, p) ||
		    (m->hub && !p))
			continue;
		if (vlans)
			got = give_vlan(out, f, i, d->vid);
		else
			got = true;
		if (!vlans)
			give(out, i, FORM_AS_IS);
		out->unicast |= out->wants > before && d->kind == ONE;
		any |= got;
	}
	if (any)
		return;
	if (d->kind == SOME)
		m->port[in].stats.drop[DROP_MCAST]++;
	else if (d->kind == ONE && !(forwards >> d->port & 1))
		m->port[in].stats.drop[DROP_STP]++;
	else
		m->port[in].stats.drop[vlans && plugged > 1 ? DROP_VLAN : DROP_NO_PORT]++;
}

void model_input(struct model *m, unsigned int in, struct sim_frame *frames, unsigned int n,
		 uint64_t now_ms, uint32_t forwards, uint32_t learns, struct fdb_log *log)
{
	struct model_port *port = &m->port[in];

	for (unsigned int p = 0; p < m->w->ports; p++) {
		m->port[p].wants = 0;
		m->port[p].unicast = false;
	}
	for (unsigned int i = 0; m->snooping && !m->hub && i < n && (learns >> in & 1); i++) {
		struct sim_frame *f = &frames[i];
		unsigned int vid = 0;

		if (is_ip_group(f) && f->ev->b != FROM_GROUP &&
		    f->as[0].size <= ETH_FRAME_MAX &&
		    (!model_is_aware(m) || model_classify(port, f, &vid)))
			model_hear(m, in, group_vid(f, vid), destination(f), now_ms);
	}
	for (unsigned int i = 0; i < n; i++) {
		struct decision d = dropped(DROP_STP);

		port->stats.rx_frames++;
		port->stats.rx_bytes += frames[i].as[0].size;
		if (learns >> in & 1)
			d = model_decide(m, in, &frames[i], now_ms, log);
		if (!(forwards >> in & 1))
			d = dropped(DROP_STP);
		if ((d.kind == ALL || d.kind == SOME) &&
		    !limit_pass(&port->limit[limit_kind(frames[i].ev->c)], now_ms))
			d = dropped(DROP_STORM);
		if (d.kind == DROP)
			port->stats.drop[d.reason]++;
		else
			model_forward(m, in, &frames[i], i, &d, forwards);
	}
	model_forgot(m, log);
}

const struct want *model_wants(const struct model *m, unsigned int port, unsigned int *n,
			       bool *unicast)
{
	*n = m->port[port].wants;
	*unicast = m->port[port].unicast;
	return m->port[port].want;
}

/* The table said nothing that it had no reason to say. Where there is a spanning tree, that
 * has addresses forgotten when it changes. */
void model_forgot(struct model *m, struct fdb_log *log)
{
	while (m->w->stp && log_removed(m, log)) {
		where_forget(m, log->entry[log->at].vid, log->entry[log->at].station);
		log->at++;
	}
	if (log->at < log->count)
		sim_fail(m->s, "the table changes without a reason: %u, VLAN %u, station %u, "
			 "port %u", log->entry[log->at].what, sim_vids[log->entry[log->at].vid],
			 log->entry[log->at].station, log->entry[log->at].port);
	log->count = log->at = 0;
}

/* Time. */

void model_time(struct model *m, uint64_t now_us, struct fdb_log *log)
{
	const uint64_t now_ms = now_us / 1000;
	const struct where *w;

	if (!m->ager_us)
		m->ager_us = now_us + AGER_US;
	if (!m->snooper_us)
		m->snooper_us = now_us + SNOOPER_US;
	while ((w = log_removed(m, log))) {
		if (!where_is_old(m, w, now_ms) && !m->w->stp)
			sim_fail(m->s, "an address is forgotten too early");
		where_forget(m, log->entry[log->at].vid, log->entry[log->at].station);
		log->at++;
	}
	if (now_us >= m->ager_us) {
		m->ager_us = now_us + AGER_US;
		for (unsigned int v = 0; v < SIM_VIDS; v++)
			for (unsigned int i = 0; i < SIM_STATIONS; i++)
				if (m->where[v][i].port != FDB_NO_PORT &&
				    where_is_old(m, &m->where[v][i], now_ms))
					sim_fail(m->s, "an old address is not forgotten");
	}
	if (m->snooping && now_us >= m->snooper_us) {
		m->snooper_us = now_us + SNOOPER_US;
		for (unsigned int v = 0; v < SIM_VIDS; v++)
			for (unsigned int g = 0; g <= ROUTER; g++)
				for (unsigned int p = 0; p < m->w->ports; p++)
					if (m->member[v][g][p] <= now_ms)
						m->member[v][g][p] = 0;
	}
	model_forgot(m, log);
}

/* Commands. */

static bool vid_exists(const struct model *m, unsigned int vid)
{
	return !vid || (m->made >> vid & 1);
}

static int command_vlan_make(struct model *m, unsigned int vid)
{
	if (!vid || vid == NO_VID)
		return -EINVAL;
	if (vid_exists(m, vid))
		return -EEXIST;
	m->made |= 1u << vid;
	return 0;
}

static int command_vlan_remove(struct model *m, unsigned int vid)
{
	if (!vid || vid == NO_VID)
		return -EINVAL;
	for (unsigned int p = 0; p < m->w->ports; p++)
		if (m->port[p].exists &&
		    (m->port[p].pvid == vid || (m->port[p].tagged >> vid & 1)))
			return -EADDRINUSE;
	if (!vid_exists(m, vid))
		return -ENXIO;
	m->made &= ~(1u << vid);
	return 0;
}

static int command_tagged(struct model *m, unsigned int port, unsigned int vid, bool on,
			  struct fdb_log *log)
{
	struct model_port *p = &m->port[port];

	if (vid == NO_VID)
		return -EINVAL;
	if (!p->exists || !vid_exists(m, vid))
		return -ENXIO;
	if (on) {
		p->tagged |= p->pvid == vid ? 0 : 1u << vid;
		return 0;
	}
	if (!(p->tagged >> vid & 1))
		return p->pvid == vid ? -EADDRINUSE : -ENXIO;
	p->tagged &= ~(1u << vid);
	model_flush(m, port, log);
	return 0;
}

static int command_untagged(struct model *m, unsigned int port, unsigned int vid,
			    struct fdb_log *log)
{
	vid = MIN(vid, (unsigned int)NO_VID);
	if (!m->port[port].exists || (vid != NO_VID && !vid_exists(m, vid)))
		return -ENXIO;
	m->port[port].pvid = vid;
	m->port[port].tagged &= ~(1u << vid);
	model_flush(m, port, log);
	return 0;
}

static void command_snoop(struct model *m, bool on)
{
	if (m->snooping == on)
		return;
	m->snooping = on;
	memset(m->member, 0, sizeof(m->member));
	memset(m->asked, 0, sizeof(m->asked));
	m->snooper_us = 0;
}

int model_command(struct model *m, const struct sim_event *ev, uint64_t now_ms,
		  struct fdb_log *log)
{
	struct model_port *port = &m->port[ev->a];

	switch ((enum op)ev->op) {
	case OP_VLAN_MAKE:
		return command_vlan_make(m, ev->b);
	case OP_VLAN_REMOVE:
		return command_vlan_remove(m, ev->b);
	case OP_UNTAGGED:
		return command_untagged(m, ev->a, ev->b, log);
	case OP_TAGGED:
	case OP_NOT_TAGGED:
		return command_tagged(m, ev->a, ev->b, ev->op == OP_TAGGED, log);
	case OP_AGEING:
		m->ageing_ms = (uint64_t)ev->d * 1000;
		return 0;
	case OP_MIN_STAY:
		m->min_stay_ms = (uint64_t)ev->d * 1000;
		return 0;
	case OP_FLUSH_ALL:
		model_flush(m, SIM_PORTS, log);
		return 0;
	case OP_HUB:
		m->hub = ev->b;
		return 0;
	case OP_SNOOP:
		command_snoop(m, ev->b);
		return 0;
	case OP_CREATE:
		if (port->exists)
			return -EEXIST;
		port->exists = true;
		return 0;
	case OP_RESET:
		for (unsigned int p = 0; p < m->w->ports; p++)
			m->port[p].stats = (struct port_stats){ 0 };
		return 0;
	default:
		break;
	}
	if (!port->exists)
		return -ENXIO;
	if (ev->op == OP_FLUSH)
		model_flush(m, ev->a, log);
	if (ev->op == OP_STORM)
		port->limit[ev->b] = (struct limit){ ev->d, (uint64_t)ev->d * 1000, now_ms };
	if (ev->op == OP_FAST_LEAVE)
		port->fast_leave = ev->b;
	if (ev->op == OP_REMOVE && port->plugs)
		return -EADDRINUSE;
	if (ev->op == OP_REMOVE)
		*port = (struct model_port){ .exists = false };
	return 0;
}

/* Plugs. */

void model_plugged(struct model *m, unsigned int port)
{
	m->port[port].exists = true;
	m->port[port].plugs++;
}

void model_unplugged(struct model *m, unsigned int port, struct fdb_log *log)
{
	if (--m->port[port].plugs)
		return;
	model_flush(m, port, log);
	model_forget_member(m, port);
}

unsigned int model_plugs(const struct model *m, unsigned int port)
{
	return m->port[port].plugs;
}

/* How things are. */

struct port_stats *model_stats(struct model *m, unsigned int port)
{
	return &m->port[port].stats;
}

uint16_t model_where(const struct model *m, unsigned int vid, unsigned int station)
{
	return m->where[vid][station].port;
}

unsigned int model_addresses(const struct model *m)
{
	return m->addresses;
}

bool model_member(const struct model *m, unsigned int vid, unsigned int group,
		  unsigned int port)
{
	return m->member[vid][group][port];
}
