/* SPDX-License-Identifier: BSD-2-Clause */
/* test-guard.c - The source guard: what may pass, what may not and why, and its table
 *
 * No clock, no descriptor. Frames are written here byte by byte after the RFCs, and shown to
 * the guard as ports show them: 64 bytes of them in private memory, the rest elsewhere.
 */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/iov.h"
#include "lib/offload.h"
#include "switchd/guard.h"
#include "switchd/vlan.h"

enum {
	PORTS = 300,
	HEAD = 64,
	PASS = -1,
	IP4 = 0x0800, ARP = 0x0806, IP6 = 0x86dd,
	TCP = 6, UDP = 17, ICMP6 = 58, HBH = 0, ROUTING = 43, FRAGMENT = 44, ESP = 50,
	DEST = 60,
	RS = 133, RA = 134, NS = 135, NA = 136, REDIRECT = 137,
};

/* Writing frames. */

/** struct pkt - A frame being written */
struct pkt {
	uint8_t b[9000];
	size_t size;
};

static void add(struct pkt *k, const void *p, size_t n)
{
	memcpy(k->b + k->size, p, n);
	k->size += n;
}

static void add8(struct pkt *k, unsigned int x)
{
	k->b[k->size++] = (uint8_t)x;
}

static void add16(struct pkt *k, unsigned int x)
{
	add8(k, x >> 8);
	add8(k, x & 255);
}

static void zeros(struct pkt *k, size_t n)
{
	memset(k->b + k->size, 0, n);
	k->size += n;
}

/* Station @n, whose address ends so. */
static void station(struct pkt *k, int n)
{
	add(k, (const uint8_t[]){ 2, 0, 0, 0, 0, (uint8_t)n }, 6);
}

static struct eth_addr mac_of(int n)
{
	return (struct eth_addr){ { 2, 0, 0, 0, 0, (uint8_t)n } };
}

/* The header of a frame from station @src to everybody. */
static struct pkt eth(int src, unsigned int type)
{
	struct pkt k = { .size = 0 };

	add(&k, "\xff\xff\xff\xff\xff\xff", 6);
	station(&k, src);
	add16(&k, type);
	return k;
}

static void addr4(struct pkt *k, const char *ip)
{
	uint8_t a[4];

	assert_int_equal(inet_pton(AF_INET, ip, a), 1);
	add(k, a, 4);
}

static void addr6(struct pkt *k, const char *ip)
{
	uint8_t a[16];

	assert_int_equal(inet_pton(AF_INET6, ip, a), 1);
	add(k, a, 16);
}

static struct in6_addr host(const char *ip)
{
	struct in6_addr a = { .s6_addr = { [10] = 0xff, [11] = 0xff } };

	if (!strchr(ip, ':'))
		assert_int_equal(inet_pton(AF_INET, ip, a.s6_addr + 12), 1);
	else
		assert_int_equal(inet_pton(AF_INET6, ip, &a), 1);
	return a;
}

/* An IPv4 header for @n bytes behind it, at offset @off (and flags) of a packet. */
static void ip4(struct pkt *k, const char *src, int proto, unsigned int off, size_t n)
{
	add8(k, 0x45);
	add8(k, 0);
	add16(k, (unsigned int)(20 + n));
	add16(k, 1);
	add16(k, off);
	add8(k, 64);
	add8(k, (unsigned int)proto);
	add16(k, 0);
	addr4(k, src);
	addr4(k, "255.255.255.255");
}

static void ip6(struct pkt *k, const char *src, int next, size_t n)
{
	add8(k, 0x60);
	zeros(k, 3);
	add16(k, (unsigned int)n);
	add8(k, (unsigned int)next);
	add8(k, 255);
	addr6(k, src);
	addr6(k, "ff02::1");
}

/* An extension header of 8 * (@len + 1) bytes. */
static void ext(struct pkt *k, int next, unsigned int len)
{
	add8(k, (unsigned int)next);
	add8(k, len);
	zeros(k, 6 + 8 * (size_t)len);
}

static void udp(struct pkt *k, unsigned int from, unsigned int to, size_t n)
{
	add16(k, from);
	add16(k, to);
	add16(k, (unsigned int)(8 + n));
	add16(k, 0);
	zeros(k, n);
}

/* A frame with ARP of operation @op: station @src says that @sha has @spa. */
static struct pkt arp(int src, unsigned int op, int sha, const char *spa)
{
	struct pkt k = eth(src, ARP);

	add(&k, "\0\1\x8\0\6\4", 6);
	add16(&k, op);
	station(&k, sha);
	addr4(&k, spa);
	station(&k, 99);
	addr4(&k, "10.0.0.99");
	return k;
}

/* Neighbour discovery without the IP header: its type, target, and an option of kind @opt
 * with station @lladdr if there is one. */
static void nd_body(struct pkt *k, int type, const char *target, int opt, int lladdr)
{
	add8(k, (unsigned int)type);
	zeros(k, type == RA ? 15 : 7);
	if (type == NS || type == NA || type == REDIRECT)
		addr6(k, target);
	if (type == REDIRECT)
		addr6(k, "2001:db8::99");
	if (!opt)
		return;
	add8(k, (unsigned int)opt);
	add8(k, 1);
	station(k, lladdr);
}

static struct pkt nd(int src, const char *from, int type, const char *target, int opt,
		     int lladdr)
{
	struct pkt body = { .size = 0 }, k = eth(src, IP6);

	nd_body(&body, type, target, opt, lladdr);
	ip6(&k, from, ICMP6, body.size);
	add(&k, body.b, body.size);
	return k;
}

/* Showing them. */

/** struct guarded - A guard, and what is set for port 1 and others; probes that it sent */
struct guarded {
	struct guard *g;
	struct guard_port port;
	struct guard_port other[4];
	uint64_t now;
	unsigned int shown;
	unsigned int probes;
	uint16_t probe_vid;
	uint8_t probe[100];
	size_t probe_size;
};

static void probe(void *ctx, uint16_t vid, const uint8_t *frame, size_t size)
{
	struct guarded *t = ctx;

	assert_in_range(size, 1, sizeof(t->probe));
	memcpy(t->probe, frame, size);
	t->probe_size = size;
	t->probe_vid = vid;
	t->probes++;
}

static void bind_to(struct guarded *t, uint16_t vid, const char *ip, int mac, uint16_t port)
{
	const struct binding b = {
		.ip = host(ip), .vid = vid, .mac = mac_of(mac), .port = port,
		.until_ms = BINDING_NEVER,
	};

	assert_int_equal(binding_set(guard_bindings(t->g), &b), 0);
}

/* Station 1 is at port 1 with 10.0.0.1 and 2001:db8::1, station 2 at port 2 likewise. */
static int begin(void **state)
{
	struct guarded *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	t->g = guard_create(PORTS, (struct siphash_key){ 1, 2 }, (struct eth_addr){ { 2, 9 } },
			    probe, t);
	assert_non_null(t->g);
	t->now = 1000;
	bind_to(t, 0, "10.0.0.1", 1, 1);
	bind_to(t, 0, "2001:db8::1", 1, 1);
	bind_to(t, 0, "10.0.0.2", 2, 2);
	bind_to(t, 0, "2001:db8::2", 2, 2);
	bind_to(t, 0, "fe80::2", 2, 2);
	*state = t;
	return 0;
}

static int end(void **state)
{
	struct guarded *t = *state;

	guard_destroy(t->g);
	free(t);
	return 0;
}

/* Show a frame from port @in in VLAN @vid. Return: PASS, or why not. What passes is what was
 * shown, also if the sender changes it afterwards. */
static int show_from(struct guarded *t, uint16_t in, uint16_t vid, const struct pkt *k)
{
	size_t head = k->size < HEAD ? k->size : HEAD, rest = k->size - head;
	uint8_t *first = malloc(head), *behind = malloc(rest + !rest);
	/* In two pieces, one of which is empty at times. */
	struct iovec iov[3] = { { first, head }, { behind, rest / 2 },
				{ behind + rest / 2, rest - rest / 2 } };
	/* Each other frame is an unfinished one, whose head stays a piece of its own. */
	const struct offload unfinished = { .head_size = (uint32_t)head };
	struct frame f = { first, head, k->size, iov, 3, t->shown++ & 1 ? &unfinished : NULL };
	enum drop_reason why = DROP_REASON_COUNT;
	uint8_t out[9000];
	bool pass, copied;

	assert_non_null(first);
	assert_non_null(behind);
	memcpy(first, k->b, head);
	memcpy(behind, k->b + head, rest);
	guard_begin(t->g);
	pass = guard_pass(t->g, in == 1 ? &t->port : &t->other[in], in, vid, &f, t->now,
			  &why);
	if (pass) {
		copied = f.head != first;
		if (copied)
			memset(behind, 0xee, rest < 2048 - HEAD ? rest : 2048 - HEAD);
		assert_int_equal(f.size, k->size);
		if (f.offload) {
			assert_int_equal(f.head_size, head);
			assert_int_equal(f.iov->iov_len, head);
		}
		assert_int_equal(iov_size(f.iov, f.iovcnt), k->size);
		assert_int_equal(iov_to_buf(f.iov, f.iovcnt, 0, out, k->size), k->size);
		assert_memory_equal(out, k->b, k->size);
		assert_memory_equal(f.head, k->b, f.head_size);
	}
	free(first);
	free(behind);
	return pass ? PASS : (int)why;
}

static int show_in(struct guarded *t, uint16_t vid, const struct pkt *k)
{
	return show_from(t, 1, vid, k);
}

static int show(struct guarded *t, struct pkt k)
{
	return show_in(t, VLAN_NONE, &k);
}

static void only(struct guarded *t, enum guard_check check)
{
	for (unsigned int i = 0; i < GUARD_CHECKS; i++)
		guard_set(&t->port, (enum guard_check)i, i == check);
	assert_true(t->port.on);
}

/* Tests. */

static void test_mac(void **state)
{
	struct guarded *t = *state;

	only(t, GUARD_MAC);
	assert_int_equal(show(t, eth(1, 0x88b5)), DROP_GUARD_MAC);
	assert_int_equal(guard_add_mac(&t->port, mac_of(1)), 0);
	assert_int_equal(guard_add_mac(&t->port, mac_of(1)), -EEXIST);
	assert_int_equal(guard_add_mac(&t->port, (struct eth_addr){ { 1 } }), -EINVAL);
	assert_int_equal(show(t, eth(1, 0x88b5)), PASS);
	assert_int_equal(show(t, eth(2, 0x88b5)), DROP_GUARD_MAC);
	/* Nothing else is looked at: another's address, and a frame that is nothing. */
	assert_int_equal(show(t, arp(1, 2, 2, "10.0.0.2")), PASS);
	for (int i = 2; i <= GUARD_MACS; i++)
		assert_int_equal(guard_add_mac(&t->port, mac_of(i)), 0);
	assert_int_equal(guard_add_mac(&t->port, mac_of(99)), -ENOSPC);
	assert_int_equal(guard_del_mac(&t->port, mac_of(1)), 0);
	assert_int_equal(guard_del_mac(&t->port, mac_of(1)), -ENXIO);
	assert_int_equal(show(t, eth(1, 0x88b5)), DROP_GUARD_MAC);
	assert_int_equal(show(t, eth(GUARD_MACS, 0x88b5)), PASS);
	guard_set(&t->port, GUARD_MAC, false);
	assert_false(t->port.on);
}

static struct pkt tcp4(int src, const char *from)
{
	struct pkt k = eth(src, IP4);

	ip4(&k, from, TCP, 0, 20);
	zeros(&k, 20);
	return k;
}

static struct pkt tcp6(int src, const char *from)
{
	struct pkt k = eth(src, IP6);

	ip6(&k, from, TCP, 20);
	zeros(&k, 20);
	return k;
}

static void test_ip(void **state)
{
	struct guarded *t = *state;

	only(t, GUARD_IP);
	assert_int_equal(show(t, tcp4(1, "10.0.0.1")), PASS);
	assert_int_equal(show(t, tcp6(1, "2001:db8::1")), PASS);
	/* Nobody's; another's; its own with another MAC address; none. */
	assert_int_equal(show(t, tcp4(1, "10.0.0.9")), DROP_GUARD_IP);
	assert_int_equal(show(t, tcp4(1, "10.0.0.2")), DROP_GUARD_IP);
	assert_int_equal(show(t, tcp4(2, "10.0.0.2")), DROP_GUARD_IP);
	assert_int_equal(show(t, tcp4(2, "10.0.0.1")), DROP_GUARD_IP);
	assert_int_equal(show(t, tcp4(1, "0.0.0.0")), DROP_GUARD_IP);
	assert_int_equal(show(t, tcp6(1, "2001:db8::9")), DROP_GUARD_IP);
	assert_int_equal(show(t, tcp6(2, "2001:db8::1")), DROP_GUARD_IP);
	assert_int_equal(show(t, tcp6(1, "::")), DROP_GUARD_IP);
	assert_int_equal(show(t, tcp6(1, "fe80::1")), DROP_GUARD_IP);
	/* The mapped form of an address that it has is not that address. */
	assert_int_equal(show(t, tcp6(1, "::ffff:10.0.0.1")), DROP_GUARD_IP);
	assert_int_equal(show(t, nd(1, "2001:db8::1", NA, "::ffff:10.0.0.1", 2, 1)),
			 DROP_GUARD_ND);
	/* Other protocols. */
	assert_int_equal(show(t, eth(1, 0x88cc)), PASS);
}

static void test_before_address(void **state)
{
	struct guarded *t = *state;
	struct pkt k = eth(1, IP4);

	only(t, GUARD_IP);
	ip4(&k, "0.0.0.0", UDP, 0, 248);
	udp(&k, 68, 67, 240);
	assert_int_equal(show(t, k), PASS);
	k = eth(1, IP4);
	ip4(&k, "0.0.0.0", UDP, 0, 248);
	udp(&k, 68, 53, 240);
	assert_int_equal(show(t, k), DROP_GUARD_IP);
	k = eth(1, IP4);
	ip4(&k, "0.0.0.0", 2, 0, 8);
	zeros(&k, 8);
	assert_int_equal(show(t, k), PASS);
	/* DHCPv6 from a link-local address, but not from one that is another's. */
	k = eth(1, IP6);
	ip6(&k, "fe80::1", UDP, 48);
	udp(&k, 546, 547, 40);
	assert_int_equal(show(t, k), PASS);
	k = eth(1, IP6);
	ip6(&k, "fe80::2", UDP, 48);
	udp(&k, 546, 547, 40);
	assert_int_equal(show(t, k), DROP_GUARD_IP);
	/* MLD has its hop-by-hop options. */
	k = eth(1, IP6);
	ip6(&k, "::", HBH, 16);
	ext(&k, ICMP6, 0);
	add8(&k, 143);
	zeros(&k, 7);
	assert_int_equal(show(t, k), PASS);
	/* Duplicate address detection, router solicitation. */
	assert_int_equal(show(t, nd(1, "::", NS, "2001:db8::1", 0, 0)), PASS);
	assert_int_equal(show(t, nd(1, "::", RS, NULL, 0, 0)), PASS);
	assert_int_equal(show(t, nd(1, "::", NA, "2001:db8::1", 0, 0)), DROP_GUARD_IP);
	assert_int_equal(show(t, nd(1, "fe80::1", RS, NULL, 1, 1)), PASS);
}

static void test_arp(void **state)
{
	struct guarded *t = *state;
	struct pkt k;

	only(t, GUARD_IP);
	assert_int_equal(show(t, arp(1, 1, 1, "10.0.0.1")), PASS);
	assert_int_equal(show(t, arp(1, 2, 1, "10.0.0.1")), PASS);
	assert_int_equal(show(t, arp(1, 1, 1, "0.0.0.0")), PASS);
	assert_int_equal(show(t, arp(1, 2, 1, "0.0.0.0")), DROP_GUARD_ARP);
	assert_int_equal(show(t, arp(1, 2, 1, "10.0.0.2")), DROP_GUARD_ARP);
	assert_int_equal(show(t, arp(1, 1, 1, "10.0.0.9")), DROP_GUARD_ARP);
	assert_int_equal(show(t, arp(1, 2, 2, "10.0.0.1")), DROP_GUARD_ARP);
	assert_int_equal(show(t, arp(1, 1, 2, "0.0.0.0")), DROP_GUARD_ARP);
	assert_int_equal(show(t, arp(2, 2, 2, "10.0.0.1")), DROP_GUARD_ARP);
	/* Another operation; the other number for Ethernet, which hosts take; too short. */
	assert_int_equal(show(t, arp(1, 4, 1, "10.0.0.1")), DROP_GUARD_UNCLEAR);
	k = arp(1, 2, 1, "10.0.0.2");
	k.b[15] = 6;
	assert_int_equal(show(t, k), DROP_GUARD_UNCLEAR);
	k = arp(1, 2, 1, "10.0.0.1");
	k.size--;
	assert_int_equal(show(t, k), DROP_GUARD_UNCLEAR);
}

static void test_nd(void **state)
{
	struct guarded *t = *state;
	struct pkt k;

	only(t, GUARD_IP);
	assert_int_equal(show(t, nd(1, "2001:db8::1", NS, "2001:db8::2", 1, 1)), PASS);
	assert_int_equal(show(t, nd(1, "2001:db8::1", NS, "2001:db8::2", 1, 2)), DROP_GUARD_ND);
	assert_int_equal(show(t, nd(1, "2001:db8::2", NS, "2001:db8::1", 1, 1)), DROP_GUARD_IP);
	assert_int_equal(show(t, nd(1, "2001:db8::1", NA, "2001:db8::1", 2, 1)), PASS);
	assert_int_equal(show(t, nd(1, "2001:db8::1", NA, "2001:db8::1", 2, 2)), DROP_GUARD_ND);
	assert_int_equal(show(t, nd(1, "2001:db8::1", NA, "2001:db8::2", 2, 1)), DROP_GUARD_ND);
	assert_int_equal(show(t, nd(1, "2001:db8::1", NA, "2001:db8::9", 2, 1)), DROP_GUARD_ND);
	/* Link-local addresses are free until somebody has them. */
	assert_int_equal(show(t, nd(1, "fe80::1", NA, "fe80::1", 2, 1)), PASS);
	assert_int_equal(show(t, nd(1, "fe80::1", NA, "fe80::2", 2, 1)), DROP_GUARD_ND);
	assert_int_equal(show(t, nd(1, "fe80::2", NS, "2001:db8::1", 1, 1)), DROP_GUARD_IP);
	/* The option may stand behind others; a second one counts, too. */
	k = nd(1, "2001:db8::1", NA, "2001:db8::1", 14, 1);
	k.b[19] = 24 + 8 + 8;
	add(&k, "\2\1", 2);
	station(&k, 2);
	assert_int_equal(show(t, k), DROP_GUARD_ND);
	/* One of a wrong length, with room and without; one of none; one that is cut off. */
	k = nd(1, "2001:db8::1", NA, "2001:db8::1", 2, 1);
	k.b[19] = 24 + 16;
	k.b[14 + 40 + 24 + 1] = 2;
	zeros(&k, 8);
	assert_int_equal(show(t, k), DROP_GUARD_ND);
	k = nd(1, "2001:db8::1", NA, "2001:db8::1", 2, 1);
	k.b[14 + 40 + 24 + 1] = 2;
	assert_int_equal(show(t, k), DROP_GUARD_UNCLEAR);
	k.b[14 + 40 + 24 + 1] = 0;
	assert_int_equal(show(t, k), DROP_GUARD_UNCLEAR);
	k = nd(1, "2001:db8::1", NA, "2001:db8::1", 2, 1);
	k.size--;
	assert_int_equal(show(t, k), DROP_GUARD_UNCLEAR);
}

static void test_ra(void **state)
{
	struct guarded *t = *state;
	struct pkt k;

	only(t, GUARD_RA);
	assert_int_equal(show(t, nd(1, "fe80::1", RA, NULL, 1, 1)), DROP_GUARD_RA);
	assert_int_equal(show(t, nd(1, "fe80::1", REDIRECT, "2001:db8::2", 0, 0)),
			 DROP_GUARD_RA);
	assert_int_equal(show(t, nd(1, "fe80::1", RS, NULL, 0, 0)), PASS);
	/* Addresses are not looked at. */
	assert_int_equal(show(t, nd(1, "2001:db8::2", NA, "2001:db8::2", 2, 1)), PASS);
	assert_int_equal(show(t, tcp4(1, "10.0.0.9")), PASS);
	/* Behind headers, far beyond the head; too many of them. */
	for (int headers = 1; headers <= 11; headers++) {
		k = eth(1, IP6);
		ip6(&k, "fe80::1", DEST, 16 + 64 * (size_t)headers);
		for (int i = 1; i < headers; i++)
			ext(&k, i % 2 ? ROUTING : DEST, 7);
		ext(&k, ICMP6, 7);
		nd_body(&k, RA, NULL, 0, 0);
		assert_int_equal(show(t, k), headers <= 10 ? DROP_GUARD_RA :
				 DROP_GUARD_UNCLEAR);
	}
	/* One that counts its length in another way. */
	k = eth(1, IP6);
	ip6(&k, "fe80::1", 51, 16 + 16);
	add8(&k, ICMP6);
	add8(&k, 2);
	zeros(&k, 14);
	nd_body(&k, RA, NULL, 0, 0);
	assert_int_equal(show(t, k), DROP_GUARD_RA);
	/* Beyond what is looked at. */
	k = eth(1, IP6);
	ip6(&k, "fe80::1", DEST, 2064);
	ext(&k, ICMP6, 255);
	nd_body(&k, RA, NULL, 0, 0);
	assert_int_equal(show(t, k), DROP_GUARD_UNCLEAR);
	/* The switch's own port may have one. */
	only(t, GUARD_IP);
	assert_int_equal(show(t, nd(1, "fe80::1", RA, NULL, 1, 1)), PASS);
}

/* A fragment, with @off in units of eight bytes. */
static struct pkt fragment(int next, unsigned int off, bool more)
{
	struct pkt k = eth(1, IP6);

	ip6(&k, "2001:db8::1", FRAGMENT, 24);
	add8(&k, (unsigned int)next);
	add8(&k, 0);
	add16(&k, off << 3 | more);
	zeros(&k, 4);
	return k;
}

static void test_fragments(void **state)
{
	struct guarded *t = *state;
	struct pkt k;

	for (int check = GUARD_IP; check <= GUARD_RA; check++) {
		only(t, (enum guard_check)check);
		/* Neighbour discovery in fragments, even if it is one only. */
		k = fragment(ICMP6, 0, true);
		nd_body(&k, RA, NULL, 0, 0);
		assert_int_equal(show(t, k), DROP_GUARD_UNCLEAR);
		k = fragment(ICMP6, 0, false);
		nd_body(&k, NA, "2001:db8::1", 0, 0);
		assert_int_equal(show(t, k), DROP_GUARD_UNCLEAR);
		/* The first one does not say what it is. */
		k = fragment(DEST, 0, true);
		ext(&k, ICMP6, 3);
		assert_int_equal(show(t, k), DROP_GUARD_UNCLEAR);
		k = fragment(TCP, 0, true);
		assert_int_equal(show(t, k), DROP_GUARD_UNCLEAR);
		/* What is no harm, and later ones, whatever they look like. */
		k = fragment(UDP, 0, true);
		udp(&k, 1000, 1000, 8);
		assert_int_equal(show(t, k), PASS);
		k = fragment(UDP, 0, true);
		udp(&k, 1000, 547, 8);
		k.b[k.size - 12] = 99;
		assert_int_equal(show(t, k), PASS);
		k = fragment(ICMP6, 3, false);
		nd_body(&k, RA, NULL, 0, 0);
		assert_int_equal(show(t, k), PASS);
	}
	/* But for their source. */
	only(t, GUARD_IP);
	k = fragment(UDP, 5, false);
	k.b[14 + 8 + 15] = 9;
	assert_int_equal(show(t, k), DROP_GUARD_IP);
	k = eth(1, IP4);
	ip4(&k, "10.0.0.2", UDP, 100, 8);
	zeros(&k, 8);
	assert_int_equal(show(t, k), DROP_GUARD_IP);
	k = eth(1, IP4);
	ip4(&k, "10.0.0.1", UDP, 100, 8);
	zeros(&k, 8);
	assert_int_equal(show(t, k), PASS);
}

/* What hides a packet from a filter. */
static void test_hiding(void **state)
{
	struct guarded *t = *state;
	struct pkt ra = nd(1, "fe80::1", RA, NULL, 0, 0), k;

	only(t, GUARD_RA);
	/* Tags of VLAN 0, one above the other. */
	for (int tags = 1; tags <= 9; tags++) {
		k = eth(1, 0x8100);
		for (int i = 1; i < tags; i++) {
			add16(&k, 0);
			add16(&k, i % 2 ? 0x88a8 : 0x8100);
		}
		add16(&k, 0);
		add(&k, ra.b + 12, ra.size - 12);
		assert_int_equal(show(t, k), tags <= 8 ? DROP_GUARD_RA : DROP_GUARD_UNCLEAR);
	}
	/* LLC and SNAP, with a right length and a wrong one; a tag within. */
	for (unsigned int length = 8; length < 1500; length += 700) {
		k = eth(1, length);
		add(&k, "\xaa\xaa\x03\0\0\0", 6);
		add(&k, ra.b + 12, ra.size - 12);
		assert_int_equal(show(t, k), DROP_GUARD_RA);
		k = eth(1, length);
		add(&k, "\xaa\xaa\x03\0\0\0\x81\0\0\0", 10);
		add(&k, ra.b + 12, ra.size - 12);
		assert_int_equal(show(t, k), DROP_GUARD_RA);
	}
	/* A BPDU is LLC, too, and a frame may end with its length. */
	k = eth(1, 38);
	add(&k, "\x42\x42\x03", 3);
	zeros(&k, 35);
	assert_int_equal(show(t, k), PASS);
	assert_int_equal(show(t, eth(1, 0)), PASS);
	/* Cut off: the receiver could not read it, either. */
	k = ra;
	k.size = 14 + 30;
	assert_int_equal(show(t, k), DROP_GUARD_UNCLEAR);
	k = eth(1, 0x8100);
	assert_int_equal(show(t, k), DROP_GUARD_UNCLEAR);
	/* Not the version that the type says. */
	k = ra;
	k.b[14] = 0x40;
	assert_int_equal(show(t, k), DROP_GUARD_UNCLEAR);
	only(t, GUARD_IP);
	k = tcp4(1, "10.0.0.1");
	k.b[14] = 0x44;
	assert_int_equal(show(t, k), DROP_GUARD_UNCLEAR);
}

static void test_vlans(void **state)
{
	struct guarded *t = *state;
	struct pkt inner = tcp4(1, "10.0.0.1"), k = eth(1, 0x8100);

	only(t, GUARD_IP);
	add16(&k, 7);
	add(&k, inner.b + 12, inner.size - 12);
	/* Where tags do not count, the frame's own tag is the VLAN. */
	assert_int_equal(show_in(t, VLAN_NONE, &k), DROP_GUARD_IP);
	/* Where they do, it is the bridge's. */
	assert_int_equal(show_in(t, 7, &inner), DROP_GUARD_IP);
	assert_int_equal(show_in(t, 0, &inner), PASS);
	bind_to(t, 7, "10.0.0.1", 1, 1);
	assert_int_equal(show_in(t, VLAN_NONE, &k), PASS);
	assert_int_equal(show_in(t, 7, &inner), PASS);
	assert_int_equal(show_in(t, 8, &k), DROP_GUARD_IP);
}

/* Big frames keep what is behind the part that is copied. */
static void test_big(void **state)
{
	struct guarded *t = *state;
	struct pkt k = eth(1, IP6);

	only(t, GUARD_IP);
	ip6(&k, "2001:db8::1", HBH, 8000);
	ext(&k, UDP, 0);
	udp(&k, 1000, 1000, 7984);
	for (size_t i = 100; i < k.size; i++)
		k.b[i] = (uint8_t)(i * 7);
	assert_int_equal(show(t, k), PASS);
}

/* DHCP. */

enum {
	DISCOVER = 1, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM,
	SERVER_PORT = 3,
};

/**
 * struct dhcp4 - A message of client @mac
 * @ip:		Address that is asked for, granted or returned
 * @lease:	Seconds
 */
struct dhcp4 {
	int mac;
	unsigned int type;
	uint32_t xid;
	const char *ip;
	uint32_t lease;
};

/* What UDP carries. */
static struct pkt dhcp4_body(const struct dhcp4 *d)
{
	const bool server = d->type == OFFER || d->type == ACK || d->type == NAK;
	struct pkt k = { .size = 0 };

	add(&k, (const uint8_t[]){ server ? 2 : 1, 1, 6, 0 }, 4);
	add16(&k, d->xid >> 16);
	add16(&k, d->xid & 0xffff);
	zeros(&k, 4);
	addr4(&k, d->type == RELEASE ? d->ip : "0.0.0.0");
	addr4(&k, d->type == OFFER || d->type == ACK ? d->ip : "0.0.0.0");
	zeros(&k, 8);
	station(&k, d->mac);
	zeros(&k, 236 - 34);
	add(&k, "\x63\x82\x53\x63", 4);
	add(&k, "\0\14\3www", 6);
	add(&k, (const uint8_t[]){ 53, 1, (uint8_t)d->type }, 3);
	if (d->type == REQUEST || d->type == DECLINE) {
		add(&k, "\62\4", 2);
		addr4(&k, d->ip);
	}
	if (d->type == OFFER || d->type == ACK) {
		add(&k, "\63\4", 2);
		add16(&k, d->lease >> 16);
		add16(&k, d->lease & 0xffff);
	}
	add8(&k, 255);
	return k;
}

static struct pkt dhcp4_frame(int src, const char *from, bool server, const struct pkt *body)
{
	struct pkt k = eth(src, IP4);

	ip4(&k, from, UDP, 0, 8 + body->size);
	udp(&k, server ? 67 : 68, server ? 68 : 67, body->size);
	memcpy(k.b + k.size - body->size, body->b, body->size);
	return k;
}

/* A client's message from port @in. */
static int says4(struct guarded *t, uint16_t in, struct dhcp4 d)
{
	struct pkt body = dhcp4_body(&d);
	struct pkt k = dhcp4_frame(d.mac, d.type == RELEASE ? d.ip : "0.0.0.0", false, &body);

	return show_from(t, in, 0, &k);
}

/* A server's. */
static int server_says4(struct guarded *t, uint16_t in, struct dhcp4 d)
{
	struct pkt body = dhcp4_body(&d), k = dhcp4_frame(50, "10.0.0.50", true, &body);

	return show_from(t, in, 0, &k);
}

/* Who has an address: the port, or 0. */
static int owner(const struct guarded *t, const char *text)
{
	const struct in6_addr ip = host(text);
	const struct binding *b = binding_find(guard_bindings(t->g), 0, &ip, t->now);

	return b ? b->port : 0;
}

static void snoop(struct guarded *t)
{
	guard_set_snooping(t->g, GUARD_SNOOP_DHCP, true);
	guard_set_snooped(&t->port, true);
	for (size_t i = 0; i < ARRAY_SIZE(t->other); i++)
		guard_set_snooped(&t->other[i], true);
	t->other[SERVER_PORT].trusted = true;
	guard_set(&t->port, GUARD_IP, true);
	guard_set(&t->other[2], GUARD_IP, true);
	bindings_flush_port(guard_bindings(t->g), 1, true);
	bindings_flush_port(guard_bindings(t->g), 2, true);
}

/* Client @mac at port @in gets an address. */
static void leases(struct guarded *t, uint16_t in, int mac, uint32_t xid, const char *ip,
		   uint32_t seconds)
{
	assert_int_equal(says4(t, in, (struct dhcp4){ mac, DISCOVER, xid, ip, 0 }), PASS);
	assert_int_equal(server_says4(t, SERVER_PORT, (struct dhcp4){ mac, OFFER, xid, ip,
								      seconds }), PASS);
	assert_int_equal(says4(t, in, (struct dhcp4){ mac, REQUEST, xid, ip, 0 }), PASS);
	assert_int_equal(server_says4(t, SERVER_PORT, (struct dhcp4){ mac, ACK, xid, ip,
								      seconds }), PASS);
}

static void test_dhcp_lease(void **state)
{
	struct guarded *t = *state;

	snoop(t);
	assert_int_equal(show(t, tcp4(1, "10.0.0.1")), DROP_GUARD_IP);
	assert_int_equal(says4(t, 1, (struct dhcp4){ 1, DISCOVER, 5, "10.0.0.1", 0 }), PASS);
	assert_int_equal(server_says4(t, SERVER_PORT, (struct dhcp4){ 1, OFFER, 5, "10.0.0.1",
								      60 }), PASS);
	assert_int_equal(owner(t, "10.0.0.1"), 0);
	leases(t, 1, 1, 6, "10.0.0.1", 60);
	assert_int_equal(owner(t, "10.0.0.1"), 1);
	assert_int_equal(show(t, tcp4(1, "10.0.0.1")), PASS);
	assert_int_equal(show(t, tcp4(2, "10.0.0.1")), DROP_GUARD_IP);
	t->now += 59999;
	assert_int_equal(show(t, tcp4(1, "10.0.0.1")), PASS);
	/* Prolonged. */
	leases(t, 1, 1, 7, "10.0.0.1", 60);
	t->now += 59999;
	assert_int_equal(show(t, tcp4(1, "10.0.0.1")), PASS);
	t->now++;
	assert_int_equal(show(t, tcp4(1, "10.0.0.1")), DROP_GUARD_IP);
	/* For ever. */
	leases(t, 1, 1, 8, "10.0.0.1", UINT32_MAX);
	t->now += (uint64_t)1 << 50;
	assert_int_equal(show(t, tcp4(1, "10.0.0.1")), PASS);
	guard_set_snooping(t->g, GUARD_SNOOP_DHCP, false);
	assert_int_equal(show(t, tcp4(1, "10.0.0.1")), DROP_GUARD_IP);
}

static void test_dhcp_ends(void **state)
{
	struct guarded *t = *state;

	snoop(t);
	leases(t, 1, 1, 6, "10.0.0.1", 60);
	/* Another cannot end it, neither from elsewhere nor for the client. */
	guard_set(&t->other[2], GUARD_IP, false);
	assert_int_equal(says4(t, 2, (struct dhcp4){ 1, RELEASE, 9, "10.0.0.1", 0 }),
			 DROP_GUARD_DHCP);
	assert_int_equal(says4(t, 2, (struct dhcp4){ 2, DECLINE, 9, "10.0.0.1", 0 }),
			 DROP_GUARD_DHCP);
	assert_int_equal(owner(t, "10.0.0.1"), 1);
	assert_int_equal(says4(t, 1, (struct dhcp4){ 1, RELEASE, 9, "10.0.0.1", 0 }), PASS);
	assert_int_equal(owner(t, "10.0.0.1"), 0);
	leases(t, 1, 1, 6, "10.0.0.1", 60);
	assert_int_equal(says4(t, 1, (struct dhcp4){ 1, DECLINE, 9, "10.0.0.1", 0 }), PASS);
	assert_int_equal(owner(t, "10.0.0.1"), 0);
	/* What the operator made stays, whatever its host says. */
	bind_to(t, 0, "10.0.0.3", 1, 1);
	assert_int_equal(says4(t, 1, (struct dhcp4){ 1, RELEASE, 9, "10.0.0.3", 0 }), PASS);
	assert_int_equal(owner(t, "10.0.0.3"), 1);
	/* A NAK is for what was asked. */
	leases(t, 1, 1, 6, "10.0.0.1", 60);
	assert_int_equal(says4(t, 1, (struct dhcp4){ 1, REQUEST, 7, "10.0.0.8", 0 }), PASS);
	assert_int_equal(server_says4(t, SERVER_PORT, (struct dhcp4){ 1, NAK, 7, NULL, 0 }),
			 PASS);
	assert_int_equal(owner(t, "10.0.0.1"), 1);
	assert_int_equal(says4(t, 1, (struct dhcp4){ 1, REQUEST, 8, "10.0.0.1", 0 }), PASS);
	assert_int_equal(server_says4(t, SERVER_PORT, (struct dhcp4){ 1, NAK, 8, NULL, 0 }),
			 PASS);
	assert_int_equal(owner(t, "10.0.0.1"), 0);
	/* And another server may know better. */
	assert_int_equal(server_says4(t, SERVER_PORT, (struct dhcp4){ 1, ACK, 8, "10.0.0.1",
								      60 }), PASS);
	assert_int_equal(owner(t, "10.0.0.1"), 1);
}

static void test_dhcp_lies(void **state)
{
	struct guarded *t = *state;
	struct dhcp4 d = { 1, ACK, 6, "10.0.0.1", 60 };
	struct pkt body, k;

	snoop(t);
	/* A server where none may be; an answer that nobody asked for. */
	assert_int_equal(says4(t, 1, (struct dhcp4){ 1, REQUEST, 6, "10.0.0.1", 0 }), PASS);
	guard_set(&t->port, GUARD_IP, false);
	assert_int_equal(server_says4(t, 1, d), DROP_GUARD_DHCP);
	assert_int_equal(server_says4(t, 2, d), DROP_GUARD_IP);
	d.xid = 7;
	assert_int_equal(server_says4(t, SERVER_PORT, d), PASS);
	assert_int_equal(owner(t, "10.0.0.1"), 0);
	/* A server's message in a client's clothes, and for a relay. */
	body = dhcp4_body(&d);
	k = dhcp4_frame(1, "0.0.0.0", false, &body);
	assert_int_equal(show_from(t, 1, 0, &k), DROP_GUARD_DHCP);
	d.type = REQUEST;
	body = dhcp4_body(&d);
	body.b[27] = 1;
	k = dhcp4_frame(1, "0.0.0.0", false, &body);
	assert_int_equal(show_from(t, 1, 0, &k), DROP_GUARD_DHCP);
	/* For another's hardware address. */
	body = dhcp4_body(&d);
	k = dhcp4_frame(2, "0.0.0.0", false, &body);
	assert_int_equal(show_from(t, 1, 0, &k), DROP_GUARD_DHCP);
	/* An option that does not fit; no cookie; in fragments. */
	body.size -= 4;
	k = dhcp4_frame(1, "0.0.0.0", false, &body);
	assert_int_equal(show_from(t, 1, 0, &k), DROP_GUARD_DHCP);
	body = dhcp4_body(&d);
	body.b[236] = 0;
	k = dhcp4_frame(1, "0.0.0.0", false, &body);
	assert_int_equal(show_from(t, 1, 0, &k), DROP_GUARD_DHCP);
	body = dhcp4_body(&d);
	k = dhcp4_frame(1, "0.0.0.0", false, &body);
	k.b[20] = 0x20;
	assert_int_equal(show_from(t, 1, 0, &k), DROP_GUARD_DHCP);
	k = dhcp4_frame(50, "10.0.0.50", true, &body);
	k.b[20] = 0x20;
	assert_int_equal(show_from(t, 1, 0, &k), DROP_GUARD_DHCP);
}

/* Who copies what he heard gets nothing. */
static void test_dhcp_thieves(void **state)
{
	struct guarded *t = *state;

	snoop(t);
	assert_int_equal(says4(t, 1, (struct dhcp4){ 1, REQUEST, 6, "10.0.0.1", 0 }), PASS);
	assert_int_equal(says4(t, 2, (struct dhcp4){ 1, REQUEST, 6, "10.0.0.1", 0 }),
			 DROP_GUARD_DHCP);
	assert_int_equal(server_says4(t, SERVER_PORT, (struct dhcp4){ 1, ACK, 6, "10.0.0.1",
								      60 }), PASS);
	assert_int_equal(owner(t, "10.0.0.1"), 1);
	/* Nor does who asks as the other one, later. */
	leases(t, 2, 1, 7, "10.0.0.1", 60);
	assert_int_equal(owner(t, "10.0.0.1"), 1);
	assert_int_equal(guard_stats(t->g).refused, 1);
	/* The server may give the address to another client. */
	leases(t, 2, 2, 8, "10.0.0.1", 60);
	assert_int_equal(owner(t, "10.0.0.1"), 2);
	/* And what the operator says holds. */
	bind_to(t, 0, "10.0.0.7", 1, 1);
	leases(t, 2, 2, 9, "10.0.0.7", 60);
	assert_int_equal(owner(t, "10.0.0.7"), 1);
	/* An answer that comes too late. */
	assert_int_equal(says4(t, 1, (struct dhcp4){ 1, REQUEST, 10, "10.0.0.5", 0 }), PASS);
	t->now += 60000;
	assert_int_equal(server_says4(t, SERVER_PORT, (struct dhcp4){ 1, ACK, 10, "10.0.0.5",
								      60 }), PASS);
	assert_int_equal(owner(t, "10.0.0.5"), 0);
}

/* After a restart: who has a lease may prolong it, with an address that is nobody's. */
static void test_dhcp_restart(void **state)
{
	const struct dhcp4 d = { 1, REQUEST, 6, "10.0.0.1", 0 };
	struct pkt body = dhcp4_body(&d), k;
	struct guarded *t = *state;

	snoop(t);
	k = dhcp4_frame(1, "10.0.0.1", false, &body);
	assert_int_equal(show_from(t, 1, 0, &k), PASS);
	assert_int_equal(show(t, tcp4(1, "10.0.0.1")), DROP_GUARD_IP);
	bind_to(t, 0, "10.0.0.1", 2, 2);
	assert_int_equal(show_from(t, 1, 0, &k), DROP_GUARD_IP);
}

/* A flood of questions takes nothing from other ports. */
static void test_dhcp_flood(void **state)
{
	struct guarded *t = *state;

	snoop(t);
	leases(t, 1, 1, 6, "10.0.0.1", 60);
	for (uint32_t i = 0; i < 20000; i++)
		says4(t, 2, (struct dhcp4){ 2, DISCOVER, i, "10.0.0.2", 0 });
	assert_int_equal(bindings_learnt(guard_bindings(t->g), 2), BINDING_PORT_MAX);
	assert_int_equal(owner(t, "10.0.0.1"), 1);
	leases(t, 2, 2, 77777, "10.0.0.2", 60);
	assert_int_equal(owner(t, "10.0.0.2"), 2);
}

/* DHCPv6: a message of type @type with an IA_NA of @ip for @valid seconds. */
static struct pkt dhcp6(int src, int dst, const char *from, bool server, unsigned int type,
			uint32_t xid, const char *ip, uint32_t valid)
{
	struct pkt k = eth(src, IP6);

	memcpy(k.b, &(struct eth_addr){ { 2, 0, 0, 0, 0, (uint8_t)dst } }, 6);
	ip6(&k, from, UDP, 8 + 4 + 10 + 44);
	udp(&k, server ? 547 : 546, server ? 546 : 547, 0);
	k.b[k.size - 3] = 8 + 4 + 10 + 44;
	add8(&k, type);
	add8(&k, 0);
	add16(&k, xid);
	add(&k, "\0\1\0\6client", 10);
	add(&k, "\0\3\0\x28\0\0\0\1", 8);
	zeros(&k, 8);
	add(&k, "\0\5\0\x18", 4);
	addr6(&k, ip);
	zeros(&k, 4);
	add16(&k, valid >> 16);
	add16(&k, valid & 0xffff);
	return k;
}

static void test_dhcp6(void **state)
{
	struct guarded *t = *state;
	struct pkt k;

	snoop(t);
	k = dhcp6(1, 99, "fe80::1", false, 3, 6, "2001:db8::1", 0);
	assert_int_equal(show_from(t, 1, 0, &k), PASS);
	/* A server at the wrong port; one that answers somebody else; the right one. */
	k = dhcp6(50, 1, "fe80::50", true, 7, 6, "2001:db8::1", 60);
	guard_set(&t->other[2], GUARD_IP, false);
	assert_int_equal(show_from(t, 2, 0, &k), DROP_GUARD_DHCP);
	assert_int_equal(owner(t, "2001:db8::1"), 0);
	k = dhcp6(50, 2, "fe80::50", true, 7, 6, "2001:db8::1", 60);
	assert_int_equal(show_from(t, SERVER_PORT, 0, &k), PASS);
	assert_int_equal(owner(t, "2001:db8::1"), 0);
	k = dhcp6(50, 1, "fe80::50", true, 7, 6, "2001:db8::1", 60);
	assert_int_equal(show_from(t, SERVER_PORT, 0, &k), PASS);
	assert_int_equal(owner(t, "2001:db8::1"), 1);
	assert_int_equal(show(t, tcp6(1, "2001:db8::1")), PASS);
	/* Relayed, and a server's message to a server. */
	k = dhcp6(1, 99, "fe80::1", false, 12, 7, "2001:db8::1", 0);
	assert_int_equal(show_from(t, 1, 0, &k), DROP_GUARD_DHCP);
	k = dhcp6(1, 99, "fe80::1", false, 7, 7, "2001:db8::1", 60);
	assert_int_equal(show_from(t, 1, 0, &k), DROP_GUARD_DHCP);
	/* Options that do not fit, in each place where there is a length. */
	for (size_t at = 14 + 40 + 8 + 4 + 3; at < 14 + 40 + 8 + 4 + 10 + 30;
	     at += at < 14 + 40 + 8 + 4 + 10 ? 10 : 16) {
		k = dhcp6(1, 99, "fe80::1", false, 3, 8, "2001:db8::1", 0);
		k.b[at]++;
		assert_int_equal(show_from(t, 1, 0, &k), DROP_GUARD_DHCP);
	}
	/* Given back: not by another. */
	k = dhcp6(2, 99, "fe80::2", false, 8, 9, "2001:db8::1", 0);
	assert_int_equal(show_from(t, 2, 0, &k), DROP_GUARD_DHCP);
	k = dhcp6(1, 99, "fe80::1", false, 8, 9, "2001:db8::1", 0);
	assert_int_equal(show_from(t, 1, 0, &k), PASS);
	assert_int_equal(owner(t, "2001:db8::1"), 0);
	/* A lifetime of 0 ends it, too. */
	for (uint32_t valid = 60; valid <= 60; valid -= 60) {
		k = dhcp6(1, 99, "fe80::1", false, 5, 10, "2001:db8::1", 0);
		assert_int_equal(show_from(t, 1, 0, &k), PASS);
		k = dhcp6(50, 1, "fe80::50", true, 7, 10, "2001:db8::1", valid);
		assert_int_equal(show_from(t, SERVER_PORT, 0, &k), PASS);
		assert_int_equal(owner(t, "2001:db8::1"), valid ? 1 : 0);
	}
}

/* The address of a waiting question is nobody's source. */
static void test_dhcp_key(void **state)
{
	const struct in6_addr key = binding_request_key(mac_of(1), 6, false);
	struct pkt k = tcp6(1, "2001:db8::1");
	struct guarded *t = *state;

	snoop(t);
	assert_int_equal(says4(t, 1, (struct dhcp4){ 1, REQUEST, 6, "10.0.0.1", 0 }), PASS);
	assert_non_null(binding_find(guard_bindings(t->g), 0, &key, t->now));
	memcpy(k.b + 14 + 8, &key, sizeof(key));
	assert_int_equal(show(t, k), DROP_GUARD_IP);
}

/* A host changes a frame while it is looked at: what was seen first counts. */
static void test_changing(void **state)
{
	struct pkt k = nd(1, "2001:db8::1", NA, "2001:db8::1", 2, 1), later = k;
	uint8_t *head = malloc(HEAD), out[200];
	struct guarded *t = *state;
	struct iovec iov = { later.b, later.size };
	struct frame f = { head, HEAD, k.size, &iov, 1, NULL };
	enum drop_reason why;

	assert_non_null(head);
	only(t, GUARD_IP);
	memcpy(head, k.b, HEAD);
	memset(later.b, 0xee, HEAD);
	guard_begin(t->g);
	assert_true(guard_pass(t->g, &t->port, 1, VLAN_NONE, &f, t->now, &why));
	assert_int_equal(iov_to_buf(f.iov, f.iovcnt, 0, out, sizeof(out)), k.size);
	assert_memory_equal(out, k.b, k.size);
	free(head);
}

/* Addresses that hosts give themselves. Port 0 is a router's. */

static void snoop_nd(struct guarded *t)
{
	struct pkt k = nd(50, "fe80::50", RA, NULL, 0, 0);

	guard_set_snooping(t->g, GUARD_SNOOP_ND, true);
	guard_set_snooped(&t->port, true);
	for (size_t i = 0; i < ARRAY_SIZE(t->other); i++)
		guard_set_snooped(&t->other[i], true);
	guard_set(&t->port, GUARD_IP, true);
	guard_set(&t->other[2], GUARD_IP, true);
	/* A prefix of 62 bits, for a minute. */
	k.b[19] += 32;
	add(&k, (const uint8_t[]){ 3, 4, 62, 0xc0, 0, 0, 0, 60, 0, 0, 0, 60, 0, 0, 0, 0 }, 16);
	addr6(&k, "2001:db8:1::");
	assert_int_equal(show_from(t, 0, 0, &k), PASS);
}

/* A host at port @in looks whether an address is free. */
static int dad(struct guarded *t, uint16_t in, int mac, const char *ip)
{
	struct pkt k = nd(mac, "::", NS, ip, 0, 0);

	return show_from(t, in, 0, &k);
}

static int talks(struct guarded *t, uint16_t in, int mac, const char *from)
{
	struct pkt k = tcp6(mac, from);

	return show_from(t, in, 0, &k);
}

static void test_nd_first_come(void **state)
{
	static const char *const good[] = { "fe80::7", "2001:db8:1::7", "2001:db8:1:3::7" };
	static const char *const bad[] = { "2001:db8:1:4::7", "2001:db8:2::7", "ff02::7" };
	struct guarded *t = *state;

	snoop_nd(t);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		t->now += 10;
		assert_int_equal(dad(t, 1, 7, good[i]), PASS);
		/* Not before it is clear that nobody has it, but for neighbour discovery. */
		t->now += 499;
		assert_int_equal(talks(t, 1, 7, good[i]), DROP_GUARD_IP);
		t->now++;
		assert_int_equal(talks(t, 1, 7, good[i]), PASS);
		assert_int_equal(talks(t, 1, 8, good[i]), DROP_GUARD_IP);
		assert_int_equal(talks(t, 2, 7, good[i]), DROP_GUARD_IP);
	}
	assert_int_equal(show(t, nd(7, "fe80::7", NA, "2001:db8:1::7", 2, 7)), PASS);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(dad(t, 1, 7, bad[i]), PASS);
		t->now += 1000;
		assert_int_equal(talks(t, 1, 7, bad[i]), DROP_GUARD_IP);
	}
	/* A prefix ends, but not what was made of it. */
	t->now += 60000;
	assert_int_equal(dad(t, 1, 7, "2001:db8:1::8"), PASS);
	t->now += 1000;
	assert_int_equal(talks(t, 1, 7, "2001:db8:1::8"), DROP_GUARD_IP);
	assert_int_equal(talks(t, 1, 7, "2001:db8:1::7"), PASS);
	guard_set_snooping(t->g, GUARD_SNOOP_ND, false);
	assert_int_equal(talks(t, 1, 7, "2001:db8:1::7"), DROP_GUARD_IP);
}

static void test_nd_defended(void **state)
{
	struct pkt k = nd(50, "fe80::50", NA, "fe80::7", 2, 50);
	struct guarded *t = *state;

	snoop_nd(t);
	assert_int_equal(dad(t, 1, 7, "fe80::7"), PASS);
	t->now += 499;
	/* A guarded port has no say. */
	assert_int_equal(show_from(t, 2, 0, &k), DROP_GUARD_ND);
	assert_int_equal(owner(t, "fe80::7"), 1);
	assert_int_equal(show_from(t, 0, 0, &k), PASS);
	assert_int_equal(owner(t, "fe80::7"), 0);
	/* Later it is too late. */
	assert_int_equal(dad(t, 1, 7, "fe80::7"), PASS);
	t->now += 500;
	assert_int_equal(show_from(t, 0, 0, &k), PASS);
	assert_int_equal(owner(t, "fe80::7"), 1);
	/* And what the operator says is not asked for. */
	assert_int_equal(dad(t, 1, 7, "fe80::2"), PASS);
	assert_int_equal(owner(t, "fe80::2"), 2);
}

static void test_nd_rivals(void **state)
{
	struct guarded *t = *state;

	snoop_nd(t);
	assert_int_equal(dad(t, 1, 7, "fe80::7"), PASS);
	t->now += 499;
	assert_int_equal(dad(t, 2, 8, "fe80::7"), DROP_GUARD_ND);
	/* The owner answers. */
	t->now += 500;
	assert_int_equal(dad(t, 2, 8, "fe80::7"), PASS);
	t->now += 499;
	assert_int_equal(show(t, nd(7, "fe80::7", NA, "fe80::7", 2, 7)), PASS);
	t->now += 1000;
	assert_int_equal(talks(t, 2, 8, "fe80::7"), DROP_GUARD_IP);
	assert_int_equal(owner(t, "fe80::7"), 1);
	/* It does not; who has not asked gets nothing all the same. */
	assert_int_equal(dad(t, 2, 8, "fe80::7"), PASS);
	t->now += 499;
	assert_int_equal(talks(t, 2, 8, "fe80::7"), DROP_GUARD_IP);
	t->now++;
	assert_int_equal(talks(t, 2, 9, "fe80::7"), DROP_GUARD_IP);
	assert_int_equal(owner(t, "fe80::7"), 1);
	assert_int_equal(talks(t, 2, 8, "fe80::7"), PASS);
	assert_int_equal(owner(t, "fe80::7"), 2);
	assert_int_equal(talks(t, 1, 7, "fe80::7"), DROP_GUARD_IP);
}

/* The ones' complement sum of bytes, which a right checksum makes all ones. */
static unsigned int sum_of(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

static void test_nd_probe(void **state)
{
	static const uint8_t expected[] = {
		0x33, 0x33, 0xff, 0, 0, 7, 2, 9, 0, 0, 0, 0, 0x86, 0xdd,
		0x60, 0, 0, 0, 0, 24, 58, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 7, 135, 0,
	};
	struct pkt inner = tcp6(7, "fe80::7"), k = eth(7, 0x8100);
	struct guarded *t = *state;
	char text[32];

	snoop_nd(t);
	assert_int_equal(talks(t, 1, 7, "2001:db8:1::7"), DROP_GUARD_IP);
	assert_int_equal(t->probes, 1);
	assert_int_equal(t->probe_vid, 0);
	assert_int_equal(t->probe_size, 78);
	assert_memory_equal(t->probe, expected, sizeof(expected));
	assert_memory_equal(t->probe + 62, host("2001:db8:1::7").s6_addr, 16);
	assert_int_equal(sum_of(t->probe + 22, 56, 24 + 58), 0xffff);
	/* Asked once. */
	t->now += 499;
	assert_int_equal(talks(t, 1, 7, "2001:db8:1::7"), DROP_GUARD_IP);
	t->now++;
	assert_int_equal(talks(t, 1, 7, "2001:db8:1::7"), PASS);
	assert_int_equal(t->probes, 1);
	/* Not for addresses of elsewhere, nor in VLANs where we cannot ask. */
	assert_int_equal(talks(t, 1, 7, "2001:db8:2::7"), DROP_GUARD_IP);
	add16(&k, 7);
	add(&k, inner.b + 12, inner.size - 12);
	assert_int_equal(show_in(t, VLAN_NONE, &k), DROP_GUARD_IP);
	assert_int_equal(t->probes, 1);
	/* Not too often. */
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "fe80::%x", i + 0x100);
		assert_int_equal(talks(t, 1, 7, text), DROP_GUARD_IP);
	}
	assert_int_equal(t->probes, 10);
	assert_int_equal(bindings_learnt(guard_bindings(t->g), 1), 10);
	/* Another port has a number of its own. */
	assert_int_equal(talks(t, 2, 8, "fe80::8"), DROP_GUARD_IP);
	assert_int_equal(t->probes, 11);
}

/* Who takes more than there is gives up what was silent longest. */
static void test_nd_limit(void **state)
{
	struct guarded *t = *state;
	char text[32];

	snoop_nd(t);
	assert_int_equal(dad(t, 1, 7, "fe80::7"), PASS);
	assert_int_equal(dad(t, 1, 7, "fe80::9"), PASS);
	for (int i = 0; i < 1000; i++) {
		t->now += 500;
		assert_int_equal(talks(t, 1, 7, "fe80::7"), PASS);
		snprintf(text, sizeof(text), "fe80::%x", i + 0x100);
		assert_int_equal(dad(t, 1, 7, text), PASS);
	}
	assert_int_equal(bindings_learnt(guard_bindings(t->g), 1), BINDING_PORT_MAX);
	assert_int_equal(owner(t, "fe80::9"), 0);
	assert_int_equal(owner(t, "fe80::7"), 1);
}

/* The table. */

static struct binding learnt(unsigned int n, uint16_t port, uint64_t until)
{
	struct binding b = {
		.port = port, .until_ms = until, .kind = BINDING_DHCP, .mac = mac_of(1),
	};

	b.ip.s6_addr[0] = 0x20;
	memcpy(b.ip.s6_addr + 8, &n, sizeof(n));
	return b;
}

static void test_table_expires(void **state)
{
	struct guarded *t = *state;
	struct bindings *b = guard_bindings(t->g);
	struct binding x = learnt(1, 5, 2000);

	assert_int_equal(binding_set(b, &x), 0);
	assert_int_equal(bindings_learnt(b, 5), 1);
	assert_non_null(binding_find(b, 0, &x.ip, 1999));
	assert_null(binding_find(b, 0, &x.ip, 2000));
	assert_null(binding_find(b, 1, &x.ip, 1999));
	/* Prolonged; moved to another port. */
	x.until_ms = 3000;
	assert_int_equal(binding_set(b, &x), 0);
	assert_int_equal(bindings_learnt(b, 5), 1);
	assert_non_null(binding_find(b, 0, &x.ip, 2000));
	x.port = 6;
	assert_int_equal(binding_set(b, &x), 0);
	assert_int_equal(bindings_learnt(b, 5), 0);
	assert_int_equal(bindings_learnt(b, 6), 1);
	bindings_tick(b, 2999);
	assert_int_equal(bindings_learnt(b, 6), 1);
	bindings_tick(b, 3000);
	assert_int_equal(bindings_learnt(b, 6), 0);
}

static void test_table_port_limit(void **state)
{
	struct guarded *t = *state;
	struct bindings *b = guard_bindings(t->g);
	struct binding x = learnt(0, 5, BINDING_NEVER), first;

	/* A request of its own gives way, a binding does not. */
	x.kind = BINDING_REQUEST;
	x.ip = binding_request_key(mac_of(1), 77, false);
	first = x;
	assert_int_equal(binding_set(b, &x), 0);
	for (unsigned int i = 1; i <= BINDING_PORT_MAX; i++) {
		assert_int_equal(!!binding_find(b, 0, &first.ip, 0), 1);
		x = learnt(i, 5, BINDING_NEVER);
		assert_int_equal(binding_set(b, &x), 0);
	}
	assert_null(binding_find(b, 0, &first.ip, 0));
	x = learnt(1000, 5, BINDING_NEVER);
	assert_int_equal(binding_set(b, &x), -ENOSPC);
	assert_int_equal(bindings_learnt(b, 5), BINDING_PORT_MAX);
	x = learnt(1, 5, BINDING_NEVER);
	assert_int_equal(binding_set(b, &x), 0);
	x.port = 6;
	x.ip.s6_addr[1] = 1;
	assert_int_equal(binding_set(b, &x), 0);
	/* What is learnt goes with its port, what was made does not. */
	bindings_flush_port(b, 5, false);
	assert_int_equal(bindings_learnt(b, 5), 0);
	bindings_flush_port(b, 1, false);
	assert_non_null(binding_find(b, 0, &(struct in6_addr){
		.s6_addr = { 0x20, 1, 0xd, 0xb8, [15] = 1 } }, 0));
	bindings_flush_port(b, 1, true);
	assert_null(binding_find(b, 0, &(struct in6_addr){
		.s6_addr = { 0x20, 1, 0xd, 0xb8, [15] = 1 } }, 0));
}

/* A full table: who has most gives way, others do not. */
static void test_table_fair(void **state)
{
	struct guarded *t = *state;
	struct bindings *b = guard_bindings(t->g);
	struct binding x, small[3];
	unsigned int sum = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(small); i++) {
		small[i] = learnt(i, 9, BINDING_NEVER);
		assert_int_equal(binding_set(b, &small[i]), 0);
	}
	for (unsigned int i = 0; i < 100 * 120; i++) {
		x = learnt(1000 + i, (uint16_t)(20 + i % 100), BINDING_NEVER);
		assert_int_equal(binding_set(b, &x), 0);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(small); i++)
		assert_non_null(binding_find(b, 0, &small[i].ip, 0));
	for (uint16_t port = 20; port < 120; port++) {
		assert_in_range(bindings_learnt(b, port), 60, 100);
		sum += bindings_learnt(b, port);
	}
	/* All but the three and the five of begin(). */
	assert_int_equal(sum, BINDING_MAX - 8);
}

static void test_hosts(void **state UNUSED)
{
	static const char *const no[] = { "0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255",
					  "::", "ff02::1" };
	struct in6_addr a;

	for (size_t i = 0; i < ARRAY_SIZE(no); i++) {
		a = host(no[i]);
		assert_false(binding_is_host(&a));
	}
	a = host("10.0.0.1");
	assert_true(binding_is_host(&a));
	a = host("fe80::1");
	assert_true(binding_is_host(&a));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		T(test_mac), T(test_ip), T(test_before_address), T(test_arp),
		T(test_nd), T(test_ra), T(test_fragments), T(test_hiding), T(test_vlans),
		T(test_big), T(test_dhcp_lease), T(test_dhcp_ends), T(test_dhcp_lies),
		T(test_dhcp_thieves), T(test_dhcp_restart), T(test_dhcp_flood), T(test_dhcp6),
		T(test_dhcp_key), T(test_changing),
		T(test_nd_first_come), T(test_nd_defended), T(test_nd_rivals),
		T(test_nd_probe), T(test_nd_limit),
		T(test_table_expires), T(test_table_port_limit),
		T(test_table_fair), T(test_hosts),
	};
#undef T

	return cmocka_run_group_tests_name(__FILE__, tests, NULL, NULL);
}
