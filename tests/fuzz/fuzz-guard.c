/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz-guard.c - Fuzz target: hosts at guarded ports that send anything
 *
 * DOC: Theory of operation
 *
 * The input is what is checked at some ports and where bindings are learnt from, and frames: from which port, in which VLAN,
 * how much later, how many of their bytes are in the private head. Memory is in allocations
 * of exact sizes.
 *
 * The oracle is a receiver. It reads each frame as hosts do, and takes more for good than
 * any real one: tags without end, headers without end. If a frame passed and the receiver
 * sees in it an address that was not the sender's in the table before, or a router or server
 * where none may be, the guard was fooled. The other way round, plain packets from a bound
 * address must pass.
 *
 * What is read from a frame must not depend on how much of it is shown: less gives the same,
 * or the word that it is too little. What passes is the frame that was shown; the table keeps
 * its bounds.
 */
#include "config.h"

#include "tests/fuzz/fuzz.h"

#include "lib/iov.h"
#include "switchd/claim.h"
#include "switchd/guard.h"
#include "switchd/vlan.h"

enum { PORTS = 4, FRAMES = 16, FRAME_MAX = 4096 };

enum { UNREADABLE = -1, LATER = -2 };

/* What the receiver sees. */
enum seen { SEEN_OTHER, SEEN_ARP, SEEN_IP4, SEEN_IP6 };

/**
 * struct receiver - A frame as a host reads it
 * @vid:	The first VLAN that a tag names
 * @op:		Of ARP
 * @hw:		Hardware address that it speaks of is not the frame's source
 * @ip:		Source, or sender of ARP
 * @proto:	Behind all headers of IP; UNREADABLE: the host drops it; LATER: in the first
 *		fragment
 * @fragment:	One of several, or it says so
 * @to:		UDP port
 * @bootreply:	UDP carries what a DHCP server says
 * @icmp6:	Type
 * @nd:		It is neighbour discovery that hosts believe
 */
struct receiver {
	enum seen seen;
	uint16_t vid;
	unsigned int op;
	bool hw;
	struct in6_addr ip, target;
	int proto;
	bool fragment;
	unsigned int to;
	bool bootreply;
	unsigned int icmp6;
	bool nd;
};

static unsigned int be(const uint8_t *p)
{
	return (unsigned int)(p[0] << 8 | p[1]);
}

static struct in6_addr mapped(const uint8_t *p)
{
	struct in6_addr ip = { .s6_addr = { [10] = 0xff, [11] = 0xff } };

	memcpy(ip.s6_addr + 12, p, 4);
	return ip;
}

static void receive_nd(struct receiver *r, const uint8_t *p, const uint8_t *end,
		       const uint8_t *src)
{
	const size_t fixed[] = { 8, 16, 24, 24, 40 };
	const uint8_t *o;

	if (r->icmp6 < 133 || r->icmp6 > 137 || r->fragment ||
	    (size_t)(end - p) < fixed[r->icmp6 - 133])
		return;
	if (r->icmp6 == 135 || r->icmp6 == 136)
		memcpy(&r->target, p + 8, 16);
	for (o = p + fixed[r->icmp6 - 133]; o < end; o += 8 * (size_t)o[1]) {
		/* One bad option, and hosts drop all of it. */
		if (end - o < 8 || !o[1] || end - o < 8 * o[1])
			return;
		if (o[0] == (r->icmp6 == 136 ? 2 : 1) && r->icmp6 != 137)
			r->hw |= memcmp(o + 2, src, 6) != 0;
	}
	r->nd = true;
}

static void receive_upper(struct receiver *r, unsigned int proto, const uint8_t *p,
			  const uint8_t *end, const uint8_t *src)
{
	/* What is cut off is dropped. */
	if (end - p < (proto == 17 ? 8 : proto == 58 ? 4 : 0))
		return;
	r->proto = (int)proto;
	if (proto == 17) {
		r->to = be(p + 2);
		r->bootreply = r->seen == SEEN_IP4 && r->to == 67 && end - p > 8 && p[8] == 2;
	} else if (proto == 58) {
		r->icmp6 = p[0];
		receive_nd(r, p, end, src);
	}
}

static void receive_ip6(struct receiver *r, const uint8_t *p, const uint8_t *end,
			const uint8_t *src)
{
	unsigned int proto = p[6];

	memcpy(&r->ip, p + 8, 16);
	if (be(p + 4) > end - p - 40)
		return;
	end = p + 40 + be(p + 4);
	for (p += 40; ; ) {
		size_t size;

		switch (proto) {
		case 0: case 43: case 60: case 135: case 139: case 140:
			size = end - p < 2 ? 8 : 8 * ((size_t)p[1] + 1);
			break;
		case 51:
			size = end - p < 2 ? 8 : 4 * ((size_t)p[1] + 2);
			break;
		case 44:
			size = 8;
			break;
		default:
			receive_upper(r, proto, p, end, src);
			return;
		}
		if (end - p < 8 || (size_t)(end - p) < size)
			return;
		if (proto == 44) {
			r->fragment = true;
			if (be(p + 2) & 0xfff8) {
				r->proto = LATER;
				return;
			}
		}
		proto = p[0];
		p += size;
	}
}

/* Read a frame. What a host does not understand is SEEN_OTHER. */
static void receive(struct receiver *r, const uint8_t *frame, size_t size)
{
	const uint8_t *p = frame + 12, *end = frame + size, *src = frame + 6;
	unsigned int type;

	*r = (struct receiver){ .proto = UNREADABLE };
	for (;;) {
		if (end - p < 2)
			return;
		type = be(p);
		p += 2;
		if (type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x9200) {
			if (end - p < 2)
				return;
			if (!r->vid)
				r->vid = be(p) & 0xfff;
			p += 2;
		} else if (type < 0x600 && end - p >= 8 &&
			   !memcmp(p, "\xaa\xaa\x03\0\0", 5) && (!p[5] || p[5] == 0xf8)) {
			p += 6;
		} else {
			break;
		}
	}
	if (type == 0x0806 && end - p >= 28 && !p[0] && (p[1] == 1 || p[1] == 6) &&
	    !memcmp(p + 2, "\x8\0\6\4", 4) && be(p + 6) >= 1 && be(p + 6) <= 2) {
		r->seen = SEEN_ARP;
		r->op = be(p + 6);
		r->hw = memcmp(p + 8, src, 6) != 0;
		r->ip = mapped(p + 14);
	} else if (type == 0x0800 && end - p >= 20 && p[0] >> 4 == 4 && (p[0] & 15) >= 5) {
		const size_t hdr = 4 * (size_t)(p[0] & 15), total = be(p + 2);

		r->seen = SEEN_IP4;
		r->ip = mapped(p + 12);
		r->fragment = be(p + 6) & 0x3fff;
		if (total < hdr || total > (size_t)(end - p))
			return;
		if (be(p + 6) & 0x1fff)
			r->proto = LATER;
		else
			receive_upper(r, p[9], p + hdr, p + total, src);
	} else if (type == 0x86dd && end - p >= 40 && p[0] >> 4 == 6) {
		r->seen = SEEN_IP6;
		receive_ip6(r, p, end, src);
	}
}

/** struct world - The guard, and who sends */
struct world {
	struct guard *g;
	struct guard_port port[PORTS];
	uint64_t now;
};

static bool is_mine(const struct world *w, unsigned int in, uint16_t vid,
		    const struct in6_addr *ip, const uint8_t *src)
{
	const struct binding *b = binding_find(guard_bindings(w->g), vid, ip, w->now);

	if (!b || b->kind == BINDING_REQUEST)
		return false;
	if (b->port == in && !memcmp(&b->mac, src, 6))
		return true;
	/* Or it is from now on: the owner has not answered. */
	return b->kind == BINDING_ND && b->rival_ms && b->rival_port == in &&
	       !memcmp(&b->rival, src, 6) && b->used_ms < b->rival_ms &&
	       w->now >= b->rival_ms + 500;
}

static bool is_nobodys(const struct world *w, uint16_t vid, const struct in6_addr *ip)
{
	return !binding_find(guard_bindings(w->g), vid, ip, w->now);
}

/* Whether a sender may say what the receiver sees, by the check of addresses. */
static bool may_say(const struct world *w, unsigned int in, uint16_t vid, const uint8_t *src,
		    const struct receiver *r)
{
	const struct in6_addr nobody4 = { .s6_addr = { [10] = 0xff, [11] = 0xff } };
	const bool mld = r->icmp6 == 130 || r->icmp6 == 131 || r->icmp6 == 132 ||
			 r->icmp6 == 143;
	const bool mine = is_mine(w, in, vid, &r->ip, src);

	switch (r->seen) {
	case SEEN_OTHER:
		return true;
	case SEEN_ARP:
		return !r->hw && (mine || (r->op == 1 && !memcmp(&r->ip, &nobody4, 16)));
	case SEEN_IP4:
		if (mine || r->proto == UNREADABLE)
			return true;
		if (!memcmp(&r->ip, &nobody4, 16))
			return r->proto == 2 || r->to == 67;
		return r->to == 67 && is_nobodys(w, vid, &r->ip);
	case SEEN_IP6:
		if (r->nd && r->hw)
			return false;
		if (r->nd && r->icmp6 == 136 && !is_mine(w, in, vid, &r->target, src) &&
		    !(IN6_IS_ADDR_LINKLOCAL(&r->target) && is_nobodys(w, vid, &r->target)))
			return false;
		if (mine && !IN6_IS_ADDR_V4MAPPED(&r->ip))
			return true;
		if (r->proto == UNREADABLE)
			return true;
		if (IN6_IS_ADDR_UNSPECIFIED(&r->ip))
			return mld || r->icmp6 == 133 || r->icmp6 == 135;
		return IN6_IS_ADDR_LINKLOCAL(&r->ip) && is_nobodys(w, vid, &r->ip) &&
		       (mld || (r->icmp6 >= 133 && r->icmp6 <= 137) || r->to == 547);
	}
	return true;
}

/* Whether a frame that passed was fooling the guard, and a plain one may not be dropped. */
static void judge(const struct world *w, unsigned int in, const struct receiver *r, bool may,
		  bool plain, bool pass, enum drop_reason why)
{
	const struct guard_port *p = &w->port[in];

	FUZZ_CHECK(pass || (why >= DROP_GUARD_MAC && why <= DROP_GUARD_UNCLEAR), "no reason");
	FUZZ_CHECK(pass || !plain, "a plain packet was dropped: %s", drop_reason_name(why));
	if (!pass)
		return;
	FUZZ_CHECK(may || !p->check[GUARD_IP], "port %u: seen %d proto %d", in, (int)r->seen,
		   r->proto);
	FUZZ_CHECK(!p->check[GUARD_RA] || !r->nd || (r->icmp6 != 134 && r->icmp6 != 137),
		   "a router");
	if (!guard_snooping(w->g, GUARD_SNOOP_DHCP) || p->trusted)
		return;
	FUZZ_CHECK(r->seen != SEEN_IP4 || (r->to != 68 && !r->bootreply), "a server");
	FUZZ_CHECK(r->seen != SEEN_IP6 || r->to != 546, "a server of DHCPv6");
}

/* Less of a frame says the same, or that it is too little. */
static void look(const uint8_t *data, size_t size)
{
	struct claim all, some;
	enum claim_result r = claim_read(data, size, size, &all), s;

	FUZZ_CHECK(r != CLAIM_SHORT, "all of it is too little");
	FUZZ_CHECK(r != CLAIM_READ || all.at + all.size <= size, "DHCP beyond the frame");
	for (size_t have = 0; have < size; have += 1 + have / 8) {
		uint8_t *part = fuzz_alloc(have);

		memcpy(part, data, have);
		s = claim_read(part, have, size, &some);
		free(part);
		FUZZ_CHECK(s == CLAIM_SHORT || s == r, "%zu of %zu: %d, not %d", have, size,
			   (int)s, (int)r);
		FUZZ_CHECK(s != CLAIM_READ || (some.what == all.what && some.at == all.at &&
					       some.lladdr == all.lladdr &&
					       !memcmp(&some.ip, &all.ip, 16)),
			   "%zu of %zu say something else", have, size);
	}
}

static void show(struct world *w, struct fuzz_in *in)
{
	const unsigned int from = fuzz_u8(in) % PORTS;
	const uint8_t how = fuzz_u8(in);
	const size_t size = ETH_HDR_SIZE + fuzz_u16(in) % (FRAME_MAX - ETH_HDR_SIZE);
	const size_t head = how & 1 ? size : MIN(size, (size_t)64);
	const uint16_t vid = how & 2 ? how >> 4 & 3 : VLAN_NONE;
	uint8_t *data = fuzz_alloc(size), *first = fuzz_alloc(head);
	uint8_t *rest = fuzz_alloc(size - head), *out = fuzz_alloc(size);
	struct iovec iov[2] = { { first, head }, { rest, size - head } };
	struct frame f = { first, head, size, iov, 2, NULL };
	enum drop_reason why = DROP_REASON_COUNT;
	struct guard_port *p = &w->port[from];
	struct receiver r;
	bool may, plain, pass;
	uint16_t where;

	fuzz_bytes(in, data, MIN(size, in->left + 64));
	memcpy(first, data, head);
	memcpy(rest, data + head, size - head);
	w->now += (uint64_t)(how >> 6) * 20000;
	look(data, size);
	receive(&r, data, size);
	where = vid == VLAN_NONE ? r.vid : vid;
	may = may_say(w, from, where, data + 6, &r);
	plain = be(data + 12) == 0x0800 && r.seen == SEEN_IP4 && r.proto == 6 &&
		is_mine(w, from, where, &r.ip, data + 6) && !p->check[GUARD_MAC];
	guard_begin(w->g);
	pass = guard_pass(w->g, p, (uint16_t)from, vid, &f, w->now, &why);
	judge(w, from, &r, may, plain, pass, why);
	if (pass) {
		FUZZ_CHECK(f.size == size && iov_size(f.iov, f.iovcnt) == size, "another size");
		iov_to_buf(f.iov, f.iovcnt, 0, out, size);
		FUZZ_CHECK(!memcmp(out, data, size), "another frame");
	}
	free(data);
	free(first);
	free(rest);
	free(out);
}

static void probe(void *ctx UNUSED, uint16_t vid, const uint8_t *frame, size_t size)
{
	FUZZ_CHECK(vid < VLAN_NONE && size == 78 && frame[54] == 135, "a bad probe");
}

static void count(void *ctx, const struct binding *b)
{
	unsigned int *n = ctx;

	FUZZ_CHECK(b->port < PORTS && b->vid <= VLAN_NONE, "a binding of nothing");
	n[b->port] += b->kind != BINDING_STATIC;
}

static void bind_host(struct world *w, uint16_t vid, unsigned int n, const char *ip6)
{
	struct binding b = {
		.mac = { { 2, 0, 0, 0, 0, (uint8_t)n } }, .vid = vid, .port = (uint16_t)n,
		.until_ms = BINDING_NEVER,
	};

	b.ip = mapped((const uint8_t[]){ 10, 0, 0, (uint8_t)n });
	FUZZ_CHECK(!binding_set(guard_bindings(w->g), &b), "no room");
	memset(&b.ip, 0, sizeof(b.ip));
	memcpy(b.ip.s6_addr, ip6, 2);
	b.ip.s6_addr[15] = (uint8_t)n;
	FUZZ_CHECK(!binding_set(guard_bindings(w->g), &b), "no room");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	struct world w = { .now = 1000 };
	const uint8_t setup = fuzz_u8(&in);
	unsigned int n[PORTS] = { 0 };

	w.g = guard_create(PORTS, (struct siphash_key){ 1, 2 }, (struct eth_addr){ { 2, 9 } },
			    probe, NULL);
	FUZZ_CHECK(w.g, "no memory");
	bind_host(&w, 0, 1, "\x20\x01");
	bind_host(&w, 0, 2, "\xfe\x80");
	bind_host(&w, 3, 1, "\x20\x02");
	guard_set_snooping(w.g, GUARD_SNOOP_DHCP, !(setup & 1));
	guard_set_snooping(w.g, GUARD_SNOOP_ND, setup & 8);
	/* Port 3 is trusted, port 0 has nothing but DHCP snooping. */
	for (unsigned int i = 0; i < PORTS; i++) {
		guard_set_snooped(&w.port[i], !(setup & 1) || setup & 8);
		guard_set(&w.port[i], GUARD_IP, i == 1 || i == 2);
		guard_set(&w.port[i], GUARD_RA, (i == 1) ^ (setup >> 1 & 1));
	}
	w.port[3].trusted = true;
	if (setup & 4)
		guard_set(&w.port[2], GUARD_MAC, true);
	for (unsigned int i = 0; i < FRAMES && in.left; i++)
		show(&w, &in);
	bindings_foreach(guard_bindings(w.g), w.now, count, n);
	for (uint16_t i = 0; i < PORTS; i++)
		FUZZ_CHECK(n[i] <= bindings_learnt(guard_bindings(w.g), i) &&
			   bindings_learnt(guard_bindings(w.g), i) <= BINDING_PORT_MAX,
			   "port %u has too much", i);
	FUZZ_CHECK(!n[3], "a trusted port has bindings");
	guard_destroy(w.g);
	return 0;
}
