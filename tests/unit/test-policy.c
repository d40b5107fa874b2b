/* SPDX-License-Identifier: BSD-2-Clause */
/* test-policy.c - What ports may do: who talks to whom, which addresses live where
 *
 * A whole switch with ports that only note what they are sent, its clock turned by hand.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "switchd/admin.h"
#include "switchd/isolation.h"
#include "switchd/mirror.h"
#include "switchd/pcap_filter.h"
#include "switchd/snoop.h"
#include "switchd/stp.h"
#include "switchd/vsw.h"

enum { PORTS = 7, GROUP = 100, FRAME = 9060 };

struct lan {
	struct ev_loop *loop;
	struct vsw_config cfg;
	struct vsw *vsw;
	char dir[32];
	struct fake {
		struct endpoint ep;
		unsigned int count;	/* frames since last asked */
		uint8_t last[128];	/* the last one's first bytes */
		bool closed;
	} fake[PORTS + 1];
};

static struct lan *lan;

static unsigned int fake_send(struct endpoint *ep, const struct frame *const *frames,
			      unsigned int n)
{
	struct fake *fake = container_of(ep, struct fake, ep);

	for (unsigned int i = 0; i < n; i++) {
		memcpy(fake->last, frames[i]->head, MIN(frames[i]->head_size, sizeof(fake->last)));
		fake->count++;
		endpoint_sent(ep, 1, frames[i]->size);
	}
	return n;
}

static void fake_switch(struct endpoint *ep UNUSED, bool on UNUSED)
{
}

static void fake_close(struct endpoint *ep)
{
	container_of(ep, struct fake, ep)->closed = true;
}

static const struct endpoint_ops fake_ops = {
	.module = "fake",
	.send = fake_send,
	.wait_send = fake_switch,
	.hold = fake_switch,
	.close = fake_close,
};

static void plug(int port)
{
	const struct port_client who = PORT_CLIENT_OPERATOR;
	struct endpoint *ep = &lan->fake[port].ep;

	*ep = (struct endpoint){ .ops = &fake_ops, .id = port, .uid = who.uid };
	assert_int_equal(port_plug(lan->vsw, (uint16_t)port, ep, &who), 0);
}

static int setup(void **state)
{
	lan = calloc(1, sizeof(*lan));
	*state = lan;
	strcpy(lan->dir, "/tmp/unit.XXXXXX");
	assert_non_null(mkdtemp(lan->dir));
	lan->cfg = (struct vsw_config){
		.dir = lan->dir, .mode = 0600, .dirmode = 0700, .gid = (gid_t)-1,
		.mgmtmode = 0600, .mgmtgid = (gid_t)-1, .numports = PORTS, .hashsize = 128,
	};
	lan->loop = ev_loop_new(EVFLAG_AUTO);
	lan->vsw = vsw_create(lan->loop, &lan->cfg);
	assert_non_null(lan->vsw);
	for (int i = 1; i <= PORTS; i++)
		plug(i);
	return 0;
}

static int teardown(void **state)
{
	vsw_destroy(lan->vsw);
	ev_loop_destroy(lan->loop);
	free(*state);
	return 0;
}

static void pass_ms(uint64_t ms)
{
	lan->vsw->poller.now_us += ms * 1000;
}

/**
 * struct shot - A frame
 * @dst:	To the host at this port; 0: to all; GROUP: to a multicast group
 * @src:	From the host at this port; @more tells hosts of a port apart
 * @tag:	With this tag, or 0
 * @type:	EtherType; 0: 0x88b5
 * @size:	Bytes; 0: 60
 */
struct shot {
	int dst, src, more;
	int tag;
	unsigned int type;
	size_t size;
};

static size_t write_shot(uint8_t b[static 128], struct shot s)
{
	size_t at = 12;

	memset(b, 0, 128);
	memcpy(b, (const uint8_t[]){ 2, 0, 0, 0, 0, (uint8_t)s.dst }, 6);
	if (!s.dst)
		memset(b, 0xff, 6);
	memcpy(b + 6, (const uint8_t[]){ 2, 0, 0, 0, (uint8_t)s.more, (uint8_t)s.src }, 6);
	if (s.tag) {
		b[at] = 0x81;
		b[at + 3] = (uint8_t)s.tag;
		at += 4;
	}
	if (!s.type)
		s.type = s.dst == GROUP ? 0x0800 : 0x88b5;
	b[at] = (uint8_t)(s.type >> 8);
	b[at + 1] = (uint8_t)s.type;
	at += 2;
	if (s.dst == GROUP) {
		/* UDP to 239.1.1.1 */
		memcpy(b, (const uint8_t[]){ 1, 0, 0x5e, 1, 1, 1 }, 6);
		memcpy(b + at, (const uint8_t[]){ 0x45, 0, 0, 40, 0, 0, 0, 0, 9, 17, 0, 0,
						  10, 0, 0, 1, 239, 1, 1, 1 }, 20);
	}
	return s.size ? s.size : 60;
}

/* Bring frames in at @port, in one batch. */
static void bring_some(int port, const struct shot *s, unsigned int n)
{
	static uint8_t b[FRAME_BATCH][128], rest[65536];
	struct iovec iov[FRAME_BATCH][2];
	struct frame f[FRAME_BATCH];

	rest[2999 - sizeof(b[0])] = 0x5a;	/* for a filter */
	for (unsigned int i = 0; i < n; i++) {
		size_t size = write_shot(b[i], s[i]), head = MIN(size, sizeof(b[i]));

		iov[i][0] = (struct iovec){ b[i], head };
		iov[i][1] = (struct iovec){ rest, size - head };
		f[i] = (struct frame){ b[i], head, size, iov[i], 2, NULL };
	}
	vsw_input(&lan->fake[port].ep, f, n);
}

static void bring(int port, struct shot s)
{
	bring_some(port, &s, 1);
}

/* Which ports have got a frame since last asked: "2,3". */
static const char *got(void)
{
	static char text[64];

	text[0] = 0;
	for (int i = 1; i <= PORTS; i++) {
		if (lan->fake[i].count)
			sprintf(text + strlen(text), "%s%d", text[0] ? "," : "", i);
		assert_true(lan->fake[i].count <= 1);
		lan->fake[i].count = 0;
	}
	return text;
}

static void forget(void)
{
	for (int i = 1; i <= PORTS; i++)
		lan->fake[i].count = 0;
}

static uint64_t drops(int port, enum drop_reason reason)
{
	return lan->vsw->ports[port]->stats.drop[reason];
}

/* A query from a router at port 1, whose answers are in. */
static void query(void)
{
	uint8_t b[128];
	struct iovec iov = { b, 64 };
	struct frame f = { b, 64, 64, &iov, 1, NULL };

	write_shot(b, (struct shot){ .dst = 1, .src = 1, .type = 0x0800 });
	memcpy(b, (const uint8_t[]){ 1, 0, 0x5e, 0, 0, 1 }, 6);
	memcpy(b + 14, (const uint8_t[]){ 0x45, 0, 0, 28, 0, 0, 0, 0, 1, 2, 0xcf, 0xde,
					  10, 0, 0, 1, 224, 0, 0, 1,
					  0x11, 100, 0xee, 0x9b, 0, 0, 0, 0 }, 28);
	vsw_input(&lan->fake[1].ep, &f, 1);
	pass_ms(11000);
	forget();
}

/* Isolation. */

/* 1 and 7 promiscuous, 2 and 3 isolated, 4 and 5 in a community, 6 in another. */
static void isolate(void)
{
	static const uint16_t what[PORTS + 1] = {
		0, 0, ISOLATION_ISOLATED, ISOLATION_ISOLATED, 7, 7, 4094, 0,
	};

	for (unsigned int i = 1; i <= PORTS; i++)
		assert_int_equal(admin_port_isolation(lan->vsw, i, what[i]), 0);
}

/* Who hears it when port i tells all. */
static const char *const heard[PORTS + 1] = {
	"", "2,3,4,5,6,7", "1,7", "1,7", "1,5,7", "1,4,7", "1,7", "1,2,3,4,5,6",
};

static bool hears(int from, int to)
{
	return strchr(heard[from], '0' + to);
}

/* All that can be said, by all, to all. */
static void assert_isolated(int tag, bool groups)
{
	for (int from = 1; from <= PORTS; from++) {
		bring(from, (struct shot){ .src = from, .tag = tag });
		assert_string_equal(got(), heard[from]);
		if (groups) {
			bring(from, (struct shot){ .src = from, .dst = GROUP, .tag = tag });
			assert_string_equal(got(), heard[from]);
		}
	}
	/* All are known now. */
	for (int from = 1; from <= PORTS; from++) {
		for (int to = 1; to <= PORTS; to++) {
			uint64_t before = drops(from, DROP_ISOLATED);
			char one[2] = { (char)('0' + to) };

			if (from == to)
				continue;
			bring(from, (struct shot){ .src = from, .dst = to, .tag = tag });
			assert_string_equal(got(), hears(from, to) ? one : "");
			assert_int_equal(drops(from, DROP_ISOLATED) - before, !hears(from, to));
		}
	}
}

static void isolation_plain(void **state UNUSED)
{
	isolate();
	assert_isolated(0, false);
	/* Tags that do not count make no difference. */
	assert_isolated(9, false);
}

static void isolation_vlan(void **state UNUSED)
{
	struct vsw *vsw = lan->vsw;

	isolate();
	assert_int_equal(admin_vlan_create(vsw, 5), 0);
	assert_int_equal(admin_vlan_create(vsw, 6), 0);
	for (unsigned int i = 1; i <= PORTS; i++) {
		assert_int_equal(admin_port_vlan(vsw, i, 5), 0);
		assert_int_equal(admin_vlan_add_port(vsw, 6, i), 0);
	}
	assert_isolated(0, false);
	assert_isolated(6, false);
	/* Both rules count: the other one of the community is not in the VLAN. */
	assert_int_equal(admin_vlan_del_port(vsw, 6, 5), 0);
	bring(4, (struct shot){ .src = 4, .tag = 6 });
	assert_string_equal(got(), "1,7");
}

static void isolation_groups(void **state UNUSED)
{
	struct in6_addr group;

	isolate();
	snoop_set(lan->vsw, true);
	assert_true(mcast_group_parse("239.1.1.1", &group));
	for (unsigned int i = 1; i <= PORTS; i++)
		assert_int_equal(admin_mcast_add(lan->vsw, 0, group, i), 0);
	query();
	assert_isolated(0, true);
	for (unsigned int i = 4; i <= PORTS; i++)
		assert_int_equal(admin_mcast_del(lan->vsw, 0, group, i), 0);
	/* Port 1 has a router. Those that are left, 2 and 3, are not for port 4. */
	bring(4, (struct shot){ .src = 4, .dst = GROUP });
	assert_string_equal(got(), "1");
	mcast_flush_port(lan->vsw->mcast, 1, true);
	bring(4, (struct shot){ .src = 4, .dst = GROUP });
	assert_string_equal(got(), "");
	assert_int_equal(drops(4, DROP_ISOLATED), 1 + 3);
}

static void isolation_hub(void **state UNUSED)
{
	isolate();
	admin_hub(lan->vsw, true);
	for (int from = 1; from <= PORTS; from++) {
		bring(from, (struct shot){ .src = from, .dst = 2 });
		assert_string_equal(got(), heard[from]);
	}
}

/* What was learnt before, or while a frame is on its way in a batch, does not count. */
static void isolation_stale(void **state UNUSED)
{
	const struct shot two[] = { { .src = 2, .dst = 3 }, { .src = 2, .dst = 3 },
				    { .src = 2, .dst = 1 } };

	bring(2, (struct shot){ .src = 2 });
	bring(3, (struct shot){ .src = 3 });
	forget();
	bring(2, two[0]);
	assert_string_equal(got(), "3");
	isolate();
	bring_some(2, two, 3);
	assert_string_equal(got(), "1,7");	/* 1 is not known */
	assert_int_equal(drops(2, DROP_ISOLATED), 2);
	/* A host that wanders to an isolated port goes with it. */
	bring(3, (struct shot){ .src = 1 });
	forget();
	bring(2, (struct shot){ .src = 2, .dst = 1 });
	assert_string_equal(got(), "");
	/* And it ends. */
	assert_int_equal(admin_port_isolation(lan->vsw, 2, ISOLATION_PROMISCUOUS), 0);
	bring(2, two[0]);
	assert_string_equal(got(), "3");
	bring(3, (struct shot){ .src = 3, .dst = 2 });
	assert_string_equal(got(), "2");
}

static void isolation_settings(void **state UNUSED)
{
	char buf[ISOLATION_STR];
	uint16_t what = 1;

	assert_true(isolation_parse("isolated", &what));
	assert_int_equal(what, ISOLATION_ISOLATED);
	assert_string_equal(isolation_format(what, buf), "isolated");
	assert_true(isolation_parse("promiscuous", &what));
	assert_int_equal(what, ISOLATION_PROMISCUOUS);
	assert_string_equal(isolation_format(what, buf), "promiscuous");
	assert_true(isolation_parse("4094", &what));
	assert_int_equal(what, 4094);
	assert_string_equal(isolation_format(what, buf), "4094");
	assert_false(isolation_parse("0", &what));
	assert_false(isolation_parse("4095", &what));
	assert_false(isolation_parse("", &what));
	assert_false(isolation_parse("alone", &what));
	assert_int_equal(what, 4094);
	assert_int_equal(admin_port_isolation(lan->vsw, PORTS + 1, 1), -EINVAL);
	assert_int_equal(admin_port_isolation(lan->vsw, 1, 4095), -EINVAL);
	assert_int_equal(admin_port_isolation(lan->vsw, 1, 7), 0);
	/* It stays with the port, and goes with it. */
	endpoint_close(&lan->fake[1].ep);
	plug(1);
	assert_int_equal(lan->vsw->ports[1]->policy.isolation, 7);
	endpoint_close(&lan->fake[1].ep);
	assert_int_equal(admin_port_remove(lan->vsw, 1), 0);
	plug(1);
	assert_int_equal(lan->vsw->ports[1]->policy.isolation, 0);
}

/* EtherTypes. */

static void ethertypes_lists(void **state UNUSED)
{
	static const struct { const char *text, *shown; } good[] = {
		{ "all", "all" }, { "ipv4", "ipv4" }, { "arp,ipv6,llc", "arp,ipv6,llc" },
		{ "0x800", "ipv4" }, { "0x0600,65535", "0x0600,0xffff" },
		{ "0x88b5,0x88b5,0x88b5,0x88b5,0x88b5,0x88b5,0x88b5,0x88b5,"
		  "0x88b5,0x88b5,0x88b5,0x88b5,0x88b5,0x88b5,0x88b5,0x88b5",
		  "0x88b5,0x88b5,0x88b5,0x88b5,0x88b5,0x88b5,0x88b5,0x88b5,"
		  "0x88b5,0x88b5,0x88b5,0x88b5,0x88b5,0x88b5,0x88b5,0x88b5" },
	};
	static const char *const bad[] = {
		"", ",", "ipv4,", ",ipv4", "ipv4,,arp", "0x5ff", "0x10000", "ip", "all,ipv4",
		"ipv4 arp", "0x0000800",
		"llc,llc,llc,llc,llc,llc,llc,llc,llc,llc,llc,llc,llc,llc,llc,llc,llc",
	};
	char buf[ETHERTYPES_STR];
	struct ethertypes list;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_true(ethertypes_parse(good[i].text, &list));
		assert_string_equal(ethertypes_format(&list, buf), good[i].shown);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(ethertypes_parse(bad[i], &list));
	assert_int_equal(list.count, ETHERTYPES_MAX);
}

/* Bytes from the type on, in hexadecimal; how many of all bytes are seen. */
static bool allowed(const char *list_text, const char *hex, size_t seen)
{
	uint8_t b[64] = { 0 };
	struct frame f = { .head = b, .head_size = seen, .size = 60 };
	struct ethertypes list;
	unsigned int byte;

	for (size_t i = 0; hex[2 * i]; i++) {
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		b[12 + i] = (uint8_t)byte;
	}
	assert_true(ethertypes_parse(list_text, &list));
	return ethertypes_allow(&list, &f);
}

static void ethertypes_frames(void **state UNUSED)
{
	assert_true(allowed("ipv4", "0800", 60));
	assert_true(allowed("ipv4", "0800", 14));
	assert_false(allowed("ipv4", "0806", 60));
	assert_false(allowed("ipv4", "86dd", 60));
	assert_true(allowed("arp,ipv6", "86dd", 60));
	/* Lengths are LLC; the first type is 0x600. */
	assert_true(allowed("llc", "0000", 60));
	assert_true(allowed("llc", "05dc", 60));
	assert_true(allowed("llc", "05ff", 60));
	assert_false(allowed("llc", "0600", 60));
	assert_true(allowed("0x600", "0600", 60));
	assert_false(allowed("ipv4", "0026aaaa030000000800", 60));
	/* Tags are looked through: one, two, of either kind, many. */
	assert_true(allowed("ipv4", "810000050800", 60));
	assert_true(allowed("ipv4", "88a80005810000060800", 60));
	assert_false(allowed("ipv4", "88a80005810000060806", 60));
	assert_false(allowed("ipv4", "810008000806", 60));
	assert_true(allowed("arp", "810000018100000281000003810000048100000581000006"
			    "8100000781000008810000090806", 60));
	/* A tag's own number is of no use in a list, and what is not seen is not allowed. */
	assert_false(allowed("0x8100,0x88a8", "810000050800", 60));
	assert_true(allowed("ipv4", "810000050800", 18));
	assert_false(allowed("ipv4", "810000050800", 17));
	assert_false(allowed("ipv4", "810000050800", 14));
}

static void ethertypes_port(void **state UNUSED)
{
	struct shot s[] = { { .src = 2, .type = 0x0806 }, { .src = 2 },
			    { .src = 2, .type = 0x0806, .tag = 7 }, { .src = 2, .tag = 7 } };
	struct ethertypes list;

	assert_true(ethertypes_parse("arp,0x9000", &list));
	assert_int_equal(admin_port_types(lan->vsw, 2, &list), 0);
	bring_some(2, s, 4);
	assert_int_equal(lan->fake[1].count, 2);
	assert_int_equal(drops(2, DROP_ETHERTYPE), 2);
	forget();
	/* What comes in elsewhere goes there. */
	bring(1, (struct shot){ .src = 1 });
	assert_string_equal(got(), "2,3,4,5,6,7");
	assert_true(ethertypes_parse("all", &list));
	assert_int_equal(admin_port_types(lan->vsw, 2, &list), 0);
	assert_false(lan->vsw->ports[2]->policy.on);
	bring_some(2, s, 4);
	assert_int_equal(lan->fake[1].count, 4);
	assert_int_equal(admin_port_types(lan->vsw, 99, &list), -EINVAL);
}

/* With the spanning tree, BPDUs are heard whatever the list says. */
static void ethertypes_bpdus(void **state UNUSED)
{
	uint8_t b[60] = { 0x01, 0x80, 0xc2, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 39, 0x42, 0x42, 3 };
	struct iovec iov = { b, sizeof(b) };
	struct frame f = { b, sizeof(b), sizeof(b), &iov, 1, NULL };
	struct ethertypes list;

	assert_int_equal(stp_start(lan->vsw), 0);
	assert_true(ethertypes_parse("ipv4", &list));
	assert_int_equal(admin_port_types(lan->vsw, 2, &list), 0);
	vsw_input(&lan->fake[2].ep, &f, 1);
	assert_int_equal(drops(2, DROP_ETHERTYPE), 0);
	assert_int_equal(drops(2, DROP_CONTROL), 1);
}

/* Rates. */

static void rate_texts(void **state UNUSED)
{
	static const struct { const char *text; uint64_t bits; } good[] = {
		{ "0", 0 }, { "1", 1 }, { "64000", 64000 }, { "64k", 64000 },
		{ "10M", 10000000 }, { "2G", 2000000000 }, { "1T", RATE_MAX },
		{ "1000G", RATE_MAX },
	};
	static const char *const bad[] = {
		"", "k", "-1", "10m", "10K", "10 M", "10Mb", "1.5M", "1001G", "2T",
		"99999999999999999999", "1000000000001",
	};
	uint64_t bits = 7;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(rate_parse(bad[i], &bits));
	assert_int_equal(bits, 7);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_true(rate_parse(good[i].text, &bits));
		assert_int_equal(bits, good[i].bits);
	}
	assert_int_equal(rate_default_burst(1), 32768);
	assert_int_equal(rate_default_burst(100 * 1000 * 1000), 3125000);
	assert_int_equal(rate_default_burst(RATE_MAX), RATE_BURST_MAX);
}

/* A sender that offers three times the rate, in frames and steps of all sizes, gets the
 * rate: never more than it, the burst and a frame, and within a thousandth of it. */
static void rate_average(void **state UNUSED)
{
	static const struct { uint64_t bits, burst, ms; } cases[] = {
		{ 8000, 1, 100000000 }, { 8000, FRAME, 100000000 }, { 64000, 16384, 10000000 },
		{ 1000000, FRAME, 1000000 }, { 10 * 1000 * 1000, 16384, 100000 },
		{ UINT64_C(1000000000), 1 << 20, 1000 }, { RATE_MAX, RATE_BURST_MAX, 1 },
		{ RATE_MAX - 1, 1 << 20, 10 },
	};
	uint32_t noise = 1;

	for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
		const uint64_t bits = cases[c].bits, start = UINT64_C(1) << 40;
		uint64_t now = start, passed = 0, offered = 0, end;
		struct rate r;

		rate_set(&r, bits, cases[c].burst, start);
		end = start + cases[c].ms * 1000;
		while (now < end) {
			size_t size;

			noise = noise * 1664525 + 1013904223;
			size = noise >> 31 ? 1514 : 60 + (noise >> 16) % (FRAME - 60);
			if (rate_pass(&r, size, now))
				passed += size * 8;
			offered += size * 8;
			now = MAX(now, start + (uint64_t)((double)offered * 1e6 / 3 / (double)bits));
			/* Never at the same pace, where a frame takes microseconds. */
			if (bits <= UINT64_C(1000000000))
				now += noise >> 8 & 3;
		}
		now -= start;
		assert_true((double)passed <= (double)bits * (double)now / 1e6 +
			    (double)cases[c].burst * 8 + FRAME * 8);
		/* A burst smaller than a frame is not kept for the next one. */
		if (cases[c].burst < FRAME)
			continue;
		assert_true((double)passed >= (double)bits * (double)now / 1e6 * .999);
	}
}

static void rate_bursts(void **state UNUSED)
{
	struct rate r;

	/* A full bucket at first, and after a pause; who keeps below it loses nothing. */
	rate_set(&r, 8000, 3000, 50);
	for (int round = 0; round < 3; round++) {
		const uint64_t now = 50 + (uint64_t)round * 3 * 1000 * 1000;

		assert_true(rate_pass(&r, 1000, now));
		assert_true(rate_pass(&r, 1000, now));
		assert_true(rate_pass(&r, 1000, now));
		assert_false(rate_pass(&r, 1, now));
	}
	rate_set(&r, 8000, 100, 0);
	for (uint64_t i = 0; i < 1000; i++)
		assert_true(rate_pass(&r, 1000, i * 1000 * 1000));
	/* In debt: one byte's time after it is paid. */
	rate_set(&r, 8000, 1, 0);
	assert_true(rate_pass(&r, 1001, 0));
	assert_false(rate_pass(&r, 1, 1000000));
	assert_true(rate_pass(&r, 1, 1000001));
	/* Time that stands still or goes back brings nothing, and ages bring no overflow. */
	assert_false(rate_pass(&r, 1, 0));
	assert_false(rate_pass(&r, 1, 1000001));
	rate_set(&r, RATE_MAX, RATE_BURST_MAX, 0);
	for (int i = 0; i < 17000; i++)
		rate_pass(&r, 65535, 0);
	assert_false(rate_pass(&r, 65535, 0));
	assert_true(rate_pass(&r, 65535, UINT64_MAX / 2));
	assert_int_equal(r.tokens, (int64_t)(RATE_BURST_MAX - 65535) * 8000000);
}

static void rate_ports(void **state UNUSED)
{
	struct shot s[40];
	struct vsw *vsw = lan->vsw;

	for (size_t i = 0; i < ARRAY_SIZE(s); i++)
		s[i] = (struct shot){ .src = 2, .size = 1000 };
	/* In: what is dropped for something else takes nothing. */
	assert_int_equal(admin_port_rate(vsw, 2, POLICY_IN, 80 * 1000, 10000), 0);
	for (size_t i = 0; i < 30; i++)
		s[i].dst = 2;		/* to itself, once known */
	bring(2, (struct shot){ .src = 2, .size = 1000 });
	forget();
	bring_some(2, s, 40);
	assert_int_equal(drops(2, DROP_LOCAL), 30);
	assert_int_equal(drops(2, DROP_RATE_IN), 1);
	assert_int_equal(lan->fake[1].count, 9);
	assert_int_equal(vsw->ports[2]->stats.rx_frames, 41);
	forget();
	pass_ms(500);			/* 5,000 bytes */
	bring_some(2, s + 30, 10);
	assert_int_equal(lan->fake[1].count, 5);
	forget();
	assert_int_equal(admin_port_rate(vsw, 2, POLICY_IN, 0, 0), 0);
	assert_false(vsw->ports[2]->policy.on);
	/* Out: only there. */
	assert_int_equal(admin_port_rate(vsw, 3, POLICY_OUT, 80 * 1000, 4000), 0);
	bring_some(2, s + 30, 10);
	assert_int_equal(lan->fake[1].count, 10);
	assert_int_equal(lan->fake[3].count, 4);
	assert_int_equal(drops(3, DROP_RATE_OUT), 6);
	forget();
	bring_some(2, s + 30, 10);	/* none at all */
	assert_int_equal(lan->fake[3].count, 0);
	assert_int_equal(drops(3, DROP_RATE_OUT), 16);
	/* What it brings is not its concern. */
	forget();
	bring(3, (struct shot){ .src = 3, .size = 9000 });
	assert_string_equal(got(), "1,2,4,5,6,7");
	assert_int_equal(admin_port_rate(vsw, 3, POLICY_OUT, RATE_MAX + 1, 0), -EINVAL);
	assert_int_equal(admin_port_rate(vsw, 3, POLICY_OUT, 1, RATE_BURST_MAX + 1), -EINVAL);
	assert_int_equal(admin_port_rate(vsw, 3, POLICY_OUT, 0, 0), 0);
	forget();
	bring_some(2, s + 30, 10);
	assert_int_equal(lan->fake[3].count, 10);
}

/* Mirrors. */

static void mirror_ways(void **state UNUSED)
{
	struct vsw *vsw = lan->vsw;

	assert_int_equal(mirror_add(vsw, 7, 2, MIRROR_IN), 0);
	bring(2, (struct shot){ .src = 2 });
	assert_string_equal(got(), "1,3,4,5,6,7");
	bring(1, (struct shot){ .src = 1, .dst = 2 });
	assert_string_equal(got(), "2");
	/* What is for nobody came in all the same. */
	bring(2, (struct shot){ .src = 2, .dst = 2 });
	assert_string_equal(got(), "7");
	assert_int_equal(mirror_add(vsw, 7, 2, MIRROR_OUT), 0);
	bring(1, (struct shot){ .src = 1, .dst = 2 });
	assert_string_equal(got(), "2,7");
	bring(2, (struct shot){ .src = 2, .dst = 1 });
	assert_string_equal(got(), "1");
	/* Many to one: both see it, and it is copied twice. */
	assert_int_equal(mirror_add(vsw, 7, 1, MIRROR_BOTH), 0);
	bring(1, (struct shot){ .src = 1, .dst = 2 });
	assert_int_equal(lan->fake[7].count, 2);
	forget();
	bring(1, (struct shot){ .src = 1 });
	assert_int_equal(lan->fake[7].count, 2);
	assert_int_equal(mirror_find(vsw, 7)->frames, 1 + 1 + 1 + 2 + 2);
	forget();
	/* One to many. */
	assert_int_equal(mirror_add(vsw, 6, 1, MIRROR_IN), 0);
	bring(1, (struct shot){ .src = 1, .dst = 2 });
	assert_int_equal(lan->fake[6].count, 1);
	assert_int_equal(lan->fake[7].count, 2);
	forget();
	assert_int_equal(mirror_del(vsw, 7, 3), -ENXIO);
	assert_int_equal(mirror_del(vsw, 7, 1), 0);
	assert_int_equal(mirror_del(vsw, 7, 2), 0);
	assert_null(mirror_find(vsw, 7));
	assert_int_equal(mirror_remove(vsw, 7), -ENXIO);
	assert_int_equal(mirror_remove(vsw, 6), 0);
	assert_null(vsw->watchers);
	bring(1, (struct shot){ .src = 1 });
	assert_string_equal(got(), "2,3,4,5,6,7");
}

/* A destination gets copies only, and nobody hears of it. */
static void mirror_destination(void **state UNUSED)
{
	struct vsw *vsw = lan->vsw;

	bring(7, (struct shot){ .src = 7 });
	forget();
	assert_int_equal(mirror_add(vsw, 7, 2, MIRROR_BOTH), 0);
	assert_string_equal(port_shut_name(vsw->ports[7]), "mirror");
	bring(1, (struct shot){ .src = 1, .dst = 3 });	/* flooded, so to 2 and a copy */
	assert_string_equal(got(), "2,3,4,5,6,7");
	bring(7, (struct shot){ .src = 7 });
	assert_string_equal(got(), "");
	assert_int_equal(drops(7, DROP_SHUT), 1);
	bring(7, (struct shot){ .src = 1 });
	bring(3, (struct shot){ .src = 3 });
	forget();
	bring(3, (struct shot){ .src = 3, .dst = 1 });
	assert_string_equal(got(), "1");
	bring(1, (struct shot){ .src = 1, .dst = 3 });
	assert_string_equal(got(), "3");
	/* A static address there is not reached. */
	assert_int_equal(admin_fdb_add(vsw, (struct eth_addr){ { 2, 0, 0, 0, 0, 7 } }, 0, 7), 0);
	bring(1, (struct shot){ .src = 1, .dst = 7 });
	assert_string_equal(got(), "");
	/* Isolation is for what goes there otherwise. */
	assert_int_equal(admin_port_isolation(vsw, 7, ISOLATION_ISOLATED), 0);
	assert_int_equal(admin_port_isolation(vsw, 2, ISOLATION_ISOLATED), 0);
	bring(2, (struct shot){ .src = 2, .dst = 1 });
	assert_string_equal(got(), "1,7");
	/* With its client away, nothing is copied; shut, neither. */
	endpoint_close(&lan->fake[7].ep);
	bring(2, (struct shot){ .src = 2, .dst = 1 });
	assert_string_equal(got(), "1");
	assert_int_equal(drops(7, DROP_NOT_READY), 1);
	plug(7);
	assert_int_equal(admin_port_shut(vsw, 7, true), 0);
	bring(2, (struct shot){ .src = 2, .dst = 1 });
	assert_string_equal(got(), "1");
	assert_int_equal(admin_port_shut(vsw, 7, false), 0);
	bring(2, (struct shot){ .src = 2, .dst = 1 });
	assert_string_equal(got(), "1,7");
	/* In the end it is a port again. */
	assert_int_equal(mirror_remove(vsw, 7), 0);
	bring(1, (struct shot){ .src = 1, .dst = 7 });
	assert_string_equal(got(), "7");
	assert_int_equal(vsw->shut_count, 0);
}

static void mirror_normal(void **state UNUSED)
{
	struct vsw *vsw = lan->vsw;

	assert_int_equal(mirror_add(vsw, 7, 2, MIRROR_OUT), 0);
	mirror_set_normal(mirror_find(vsw, 7), true);
	bring(7, (struct shot){ .src = 7 });	/* out of 2, so a copy comes back */
	assert_string_equal(got(), "1,2,3,4,5,6,7");
	bring(1, (struct shot){ .src = 1, .dst = 7 });
	assert_string_equal(got(), "7");
	/* It is in the flood, and gets the copy besides: in the midst of a batch of its own. */
	bring(1, (struct shot){ .src = 1 });
	assert_int_equal(lan->fake[7].count, 2);
	forget();
	mirror_set_normal(mirror_find(vsw, 7), false);
	bring(1, (struct shot){ .src = 1 });
	assert_int_equal(lan->fake[7].count, 1);
	forget();
	bring(7, (struct shot){ .src = 7 });
	assert_string_equal(got(), "");
}

/* Copies are as the frames are on the wire of the source. */
static void mirror_tags(void **state UNUSED)
{
	struct vsw *vsw = lan->vsw;

	assert_int_equal(admin_vlan_create(vsw, 5), 0);
	assert_int_equal(admin_port_vlan(vsw, 1, 5), 0);
	assert_int_equal(admin_vlan_add_port(vsw, 5, 2), 0);
	assert_int_equal(mirror_add(vsw, 7, 1, MIRROR_IN), 0);
	bring(1, (struct shot){ .src = 1 });
	assert_string_equal(got(), "2,7");
	assert_int_equal(lan->fake[2].last[12], 0x81);
	assert_int_equal(lan->fake[7].last[12], 0x88);
	assert_int_equal(mirror_remove(vsw, 7), 0);
	assert_int_equal(mirror_add(vsw, 7, 2, MIRROR_OUT), 0);
	bring(1, (struct shot){ .src = 1 });
	assert_string_equal(got(), "2,7");
	assert_memory_equal(lan->fake[7].last, lan->fake[2].last, 60);
	assert_int_equal(lan->fake[7].last[12], 0x81);
	assert_int_equal(lan->fake[7].last[15], 5);
}

/* BPDUs are seen, too: those that the switch takes, and those that it says. */
static void mirror_bpdus(void **state UNUSED)
{
	struct vsw *vsw = lan->vsw;

	assert_int_equal(mirror_add(vsw, 7, 2, MIRROR_OUT), 0);
	assert_int_equal(stp_start(vsw), 0);
	assert_true(lan->fake[2].count > 0);
	assert_int_equal(lan->fake[7].count, lan->fake[2].count);
	assert_memory_equal(lan->fake[7].last, lan->fake[2].last, 60);
	stp_stop(vsw);
	assert_false(vsw->ports[7]->forwarding);
}

static void mirror_filters(void **state UNUSED)
{
	struct pcap_filter *filter = NULL;
	struct vsw *vsw = lan->vsw;
	char why[64] = "";

	assert_int_equal(mirror_add(vsw, 7, 2, MIRROR_BOTH), 0);
	assert_int_equal(pcap_filter_compile("ether proto", &filter, why, sizeof(why)), -EINVAL);
	assert_null(filter);
	assert_true(why[0]);
	assert_int_equal(pcap_filter_compile("arp or greater 2000", &filter, why, sizeof(why)), 0);
	mirror_set_filter(mirror_find(vsw, 7), filter);
	assert_string_equal(pcap_filter_text(filter), "arp or greater 2000");
	bring(2, (struct shot){ .src = 2 });
	assert_string_equal(got(), "1,3,4,5,6");
	bring(2, (struct shot){ .src = 2, .type = 0x0806 });
	assert_string_equal(got(), "1,3,4,5,6,7");
	bring(1, (struct shot){ .src = 1, .dst = 2, .size = 3000 });
	assert_string_equal(got(), "2,7");
	assert_int_equal(mirror_find(vsw, 7)->frames, 2);
	/* What lies in several pieces is looked at whole. */
	assert_int_equal(pcap_filter_compile("ether[2999] = 0x5a", &filter, why, sizeof(why)), 0);
	mirror_set_filter(mirror_find(vsw, 7), filter);
	bring(1, (struct shot){ .src = 1, .dst = 2, .size = 3000 });
	assert_string_equal(got(), "2,7");
	bring(1, (struct shot){ .src = 1, .dst = 2, .size = 2999 });
	assert_string_equal(got(), "2");
	mirror_set_filter(mirror_find(vsw, 7), NULL);
	bring(2, (struct shot){ .src = 2, .dst = 1 });
	assert_string_equal(got(), "1,7");
}

static void mirror_settings(void **state UNUSED)
{
	struct vsw *vsw = lan->vsw;
	unsigned int ways = 0;

	assert_int_equal(mirror_add(vsw, 7, 7, MIRROR_IN), -EINVAL);
	assert_int_equal(mirror_add(vsw, 7, PORTS + 1, MIRROR_IN), -EINVAL);
	assert_int_equal(mirror_add(vsw, 0, 1, MIRROR_IN), -ENXIO);
	assert_int_equal(mirror_add(vsw, 7, 0, MIRROR_IN), -ENXIO);
	assert_null(vsw->mirrors);
	assert_int_equal(mirror_add(vsw, 7, 2, MIRROR_IN), 0);
	/* No chains. */
	assert_int_equal(mirror_add(vsw, 6, 7, MIRROR_IN), -EADDRINUSE);
	assert_int_equal(mirror_add(vsw, 2, 1, MIRROR_IN), -EADDRINUSE);
	/* They stay as they are for the next client, as with other settings. */
	assert_true(vsw->ports[7]->kept && vsw->ports[2]->kept);
	assert_false(vsw->ports[6]->kept);
	/* Ports that go, and come again. */
	assert_int_equal(mirror_add(vsw, 7, 3, MIRROR_IN), 0);
	endpoint_close(&lan->fake[2].ep);
	plug(2);
	bring(2, (struct shot){ .src = 2 });
	assert_string_equal(got(), "1,3,4,5,6,7");
	endpoint_close(&lan->fake[3].ep);
	assert_int_equal(admin_port_remove(vsw, 3), 0);
	plug(3);
	bring(3, (struct shot){ .src = 3 });
	assert_string_equal(got(), "1,2,4,5,6");
	assert_int_equal(mirror_find(vsw, 7)->ways[3], 0);
	endpoint_close(&lan->fake[7].ep);
	assert_int_equal(admin_port_remove(vsw, 7), 0);
	assert_null(vsw->mirrors);
	plug(7);
	assert_int_equal(vsw->shut_count, 0);
	bring(2, (struct shot){ .src = 2 });
	assert_string_equal(got(), "1,3,4,5,6,7");
	/* The last source goes, and the mirror with it. */
	assert_int_equal(mirror_add(vsw, 7, 3, MIRROR_IN), 0);
	endpoint_close(&lan->fake[3].ep);
	assert_int_equal(admin_port_remove(vsw, 3), 0);
	assert_null(vsw->mirrors);
	assert_true(mirror_way_parse("out", &ways));
	assert_int_equal(ways, MIRROR_OUT);
	assert_false(mirror_way_parse("", &ways));
	assert_string_equal(mirror_way_name(MIRROR_BOTH), "both");
	/* One that is left at the end. */
	assert_int_equal(mirror_add(vsw, 7, 1, MIRROR_IN), 0);
}

/* Frames that are none are not copied: receivers could choke on them. */
static void mirror_bad_frames(void **state UNUSED)
{
	uint8_t b[64] = { 0 };
	struct iovec iov = { b, 13 };
	struct frame f = { b, 13, 13, &iov, 1, NULL };

	assert_int_equal(mirror_add(lan->vsw, 7, 2, MIRROR_BOTH), 0);
	vsw_input(&lan->fake[2].ep, &f, 1);
	f = (struct frame){ b, 64, ETH_FRAME_MAX + 1, &iov, 1, NULL };
	vsw_input(&lan->fake[2].ep, &f, 1);
	assert_string_equal(got(), "");
}

/* The table of addresses. */

static const struct siphash_key key = { 1, 2 };

static struct eth_addr host(unsigned int n)
{
	return (struct eth_addr){ { 2, 0, 0, 1, (uint8_t)(n >> 8), (uint8_t)n } };
}

static void fdb_static(void **state UNUSED)
{
	struct fdb *fdb = fdb_create(16, 4, key);
	const uint64_t late = 1000 * FDB_AGEING_MS_DEFAULT;
	struct eth_addr group = { { 3, 0, 0, 0, 0, 1 } }, zero = { { 0 } };

	assert_int_equal(fdb_add(fdb, group, 0, 1, 0), -EINVAL);
	assert_int_equal(fdb_add(fdb, zero, 0, 1, 0), -EINVAL);
	assert_int_equal(fdb_count(fdb), 0);
	/* What was learnt gives way. */
	assert_int_equal(fdb_learn(fdb, host(1), 0, 2, 0), FDB_NEW);
	assert_int_equal(fdb_add(fdb, host(1), 0, 1, 0), 0);
	assert_int_equal(fdb_add(fdb, host(1), 0, 1, 0), -EEXIST);
	assert_int_equal(fdb_add(fdb, host(1), 0, 2, 0), -EEXIST);
	assert_int_equal(fdb_count(fdb), 1);
	assert_int_equal(fdb_kind_count(fdb, 1, FDB_STATIC), 1);
	/* It neither moves, nor ages, nor is flushed. */
	assert_true(fdb_refuses(fdb, host(1), 0, 2));
	assert_false(fdb_refuses(fdb, host(1), 0, 1));
	assert_false(fdb_refuses(fdb, host(1), 7, 2));
	assert_int_equal(fdb_learn(fdb, host(1), 0, 2, 5), FDB_REFUSED);
	assert_int_equal(fdb_learn(fdb, host(1), 0, 2, late), FDB_REFUSED);
	assert_int_equal(fdb_lookup(fdb, host(1), 0, late), 1);
	assert_int_equal(fdb_learn(fdb, host(1), 0, 1, late), FDB_KNOWN);
	assert_int_equal(fdb_kind_count(fdb, 1, FDB_STATIC), 1);
	assert_int_equal(fdb_age(fdb, 2 * late), 0);
	fdb_flush_port(fdb, 1);
	fdb_flush(fdb);
	assert_int_equal(fdb_lookup(fdb, host(1), 0, late), 1);
	/* In its VLAN only. */
	assert_int_equal(fdb_learn(fdb, host(1), 7, 2, 0), FDB_NEW);
	assert_int_equal(fdb_del(fdb, host(1), 0), 0);
	assert_int_equal(fdb_del(fdb, host(1), 0), -ENXIO);
	assert_int_equal(fdb_lookup(fdb, host(1), 0, late), FDB_NO_PORT);
	assert_int_equal(fdb_learn(fdb, host(1), 0, 2, late), FDB_NEW);
	/* A learnt one can be forgotten alone, too. */
	assert_int_equal(fdb_del(fdb, host(1), 7), 0);
	assert_int_equal(fdb_count(fdb), 1);
	assert_int_equal(fdb_add(fdb, host(9), 0, 3, 0), 0);
	fdb_set_limit(fdb, 3, 5);
	fdb_set_sticky(fdb, 3, true, 0);
	fdb_forget_port(fdb, 3);
	assert_int_equal(fdb_count(fdb), 1);
	assert_int_equal(fdb_limit(fdb, 3), 0);
	assert_false(fdb_sticky(fdb, 3));
	fdb_destroy(fdb);
}

static void fdb_sticks(void **state UNUSED)
{
	struct fdb *fdb = fdb_create(16, 4, key);
	const uint64_t age = FDB_AGEING_MS_DEFAULT;

	fdb_learn(fdb, host(1), 0, 1, 0);
	fdb_set_sticky(fdb, 1, true, 10);
	assert_int_equal(fdb_learn(fdb, host(2), 0, 1, 10), FDB_NEW);
	fdb_learn(fdb, host(3), 0, 2, 10);
	/* One that wanders here stays here. */
	assert_int_equal(fdb_learn(fdb, host(3), 0, 1, 10), FDB_MOVED);
	assert_int_equal(fdb_kind_count(fdb, 1, FDB_STICKY), 3);
	for (unsigned int i = 1; i <= 3; i++) {
		assert_int_equal(fdb_learn(fdb, host(i), 0, 2, 9 * age), FDB_REFUSED);
		assert_true(fdb_refuses(fdb, host(i), 0, 2));
	}
	assert_int_equal(fdb_age(fdb, 9 * age), 0);
	fdb_flush(fdb);
	assert_int_equal(fdb_count(fdb), 3);
	/* No longer: as if learnt now. */
	fdb_set_sticky(fdb, 1, false, 10 * age);
	assert_int_equal(fdb_kind_count(fdb, 1, FDB_DYNAMIC), 3);
	assert_int_equal(fdb_age(fdb, 11 * age), 0);
	assert_int_equal(fdb_learn(fdb, host(1), 0, 2, 11 * age), FDB_MOVED);
	assert_int_equal(fdb_age(fdb, 11 * age + 1), 2);
	fdb_destroy(fdb);
}

static void fdb_limits(void **state UNUSED)
{
	struct fdb *fdb = fdb_create(64, 4, key);
	const uint64_t age = FDB_AGEING_MS_DEFAULT;
	struct eth_addr zero = { { 0 } };

	fdb_set_limit(fdb, 1, 3);
	assert_int_equal(fdb_add(fdb, host(1), 0, 1, 0), 0);
	assert_int_equal(fdb_learn(fdb, host(2), 0, 1, 0), FDB_NEW);
	assert_false(fdb_refuses(fdb, host(3), 0, 1));
	assert_int_equal(fdb_learn(fdb, host(2), 7, 1, 5), FDB_NEW);
	/* In another VLAN it is another one. */
	assert_true(fdb_refuses(fdb, host(3), 0, 1));
	assert_true(fdb_refuses(fdb, zero, 0, 1));
	assert_int_equal(fdb_learn(fdb, host(3), 0, 1, 10), FDB_REFUSED);
	assert_int_equal(fdb_lookup(fdb, host(3), 0, 10), FDB_NO_PORT);
	assert_false(fdb_refuses(fdb, host(2), 0, 1));
	assert_int_equal(fdb_learn(fdb, host(2), 0, 1, 10), FDB_KNOWN);
	/* Elsewhere it may be learnt; it does not move here. */
	assert_int_equal(fdb_learn(fdb, host(3), 0, 2, 10), FDB_NEW);
	assert_int_equal(fdb_learn(fdb, host(3), 0, 1, 10), FDB_REFUSED);
	assert_int_equal(fdb_lookup(fdb, host(3), 0, 10), 2);
	/* One that is too old gives way, looked for or not. */
	assert_int_equal(fdb_learn(fdb, host(4), 0, 1, age), FDB_REFUSED);
	assert_int_equal(fdb_learn(fdb, host(4), 0, 1, age + 1), FDB_NEW);
	assert_int_equal(fdb_port_count(fdb, 1), 3);
	assert_int_equal(fdb_learn(fdb, host(5), 0, 1, age + 1), FDB_REFUSED);
	/* An operator's are not limited; and who is above the limit learns nothing. */
	assert_int_equal(fdb_add(fdb, host(6), 0, 1, age), 0);
	assert_int_equal(fdb_port_count(fdb, 1), 4);
	fdb_flush_port(fdb, 1);
	assert_int_equal(fdb_learn(fdb, host(7), 0, 1, age), FDB_NEW);
	assert_int_equal(fdb_learn(fdb, host(8), 0, 1, age), FDB_REFUSED);
	fdb_set_limit(fdb, 1, 0);
	assert_int_equal(fdb_learn(fdb, host(8), 0, 1, age), FDB_NEW);
	fdb_destroy(fdb);
}

/* Who floods gives up its own: dynamic ones, then sticky ones; nobody's static ones. */
static void fdb_floods(void **state UNUSED)
{
	struct fdb *fdb = fdb_create(32, 4, key), *small = fdb_create(4, 4, key);

	for (unsigned int i = 0; i < 8; i++) {
		assert_int_equal(fdb_add(fdb, host(i), 0, 1, 0), 0);
		fdb_learn(fdb, host(0x100 + i), 0, 3, 0);
	}
	fdb_set_sticky(fdb, 2, true, 0);
	for (unsigned int i = 0; i < 1000; i++)
		assert_int_equal(fdb_learn(fdb, host(0x1000 + i), 0, 2, 0), FDB_NEW);
	assert_int_equal(fdb_count(fdb), 32);
	assert_int_equal(fdb_kind_count(fdb, 2, FDB_STICKY), 16);
	assert_int_equal(fdb_port_count(fdb, 1), 8);
	assert_int_equal(fdb_port_count(fdb, 3), 8);
	/* Static ones push out what was learnt, in the end all of it. */
	for (unsigned int i = 8; i < 32; i++)
		assert_int_equal(fdb_add(fdb, host(i), 0, (uint16_t)(i % 4), 0), 0);
	assert_int_equal(fdb_add(fdb, host(99), 0, 1, 0), -ENOSPC);
	assert_int_equal(fdb_learn(fdb, host(99), 0, 1, 0), FDB_REFUSED);
	assert_false(fdb_refuses(fdb, host(99), 0, 1));
	for (unsigned int i = 0; i < 32; i++)
		assert_int_not_equal(fdb_lookup(fdb, host(i), 0, 0), FDB_NO_PORT);
	assert_int_equal(fdb_carry_over(small, fdb), -ENOSPC);
	fdb_destroy(small);
	fdb_destroy(fdb);
}

static void fdb_carries_over(void **state UNUSED)
{
	struct fdb *a = fdb_create(32, 6, key), *b = fdb_create(4, 4, key);

	fdb_set_limit(a, 1, 7);
	fdb_set_sticky(a, 2, true, 0);
	assert_int_equal(fdb_add(a, host(1), 5, 1, 0), 0);
	assert_int_equal(fdb_add(a, host(2), 0, 3, 0), 0);
	fdb_learn(a, host(3), 0, 2, 0);
	fdb_learn(a, host(4), 0, 1, 0);
	assert_int_equal(fdb_carry_over(b, a), 0);
	fdb_destroy(a);
	assert_int_equal(fdb_count(b), 3);
	assert_int_equal(fdb_lookup(b, host(1), 5, 0), 1);
	assert_int_equal(fdb_lookup(b, host(2), 0, 0), 3);
	assert_int_equal(fdb_kind_count(b, 2, FDB_STICKY), 1);
	assert_int_equal(fdb_kind_count(b, 1, FDB_STATIC), 1);
	assert_int_equal(fdb_limit(b, 1), 7);
	assert_true(fdb_sticky(b, 2));
	fdb_destroy(b);
}

/* The same by simpler means: where an address is, of what kind, and when it was seen. */

enum { MODEL_ADDRS = 14, MODEL_PORTS = 4, MODEL_NONE = -1, MODEL_AGEING = 3000 };

static struct model {
	struct { int port; enum fdb_kind kind; uint64_t seen; } at[MODEL_ADDRS];
	unsigned int limit[MODEL_PORTS];
	bool sticky[MODEL_PORTS];
	uint64_t now;
} model;

static bool model_is_alive(int a)
{
	return model.at[a].port != MODEL_NONE &&
	       (model.at[a].kind != FDB_DYNAMIC ||
		model.now - model.at[a].seen <= MODEL_AGEING);
}

static bool model_is_full(int port)
{
	unsigned int n = 0;

	for (int a = 0; a < MODEL_ADDRS; a++)
		n += model_is_alive(a) && model.at[a].port == port;
	return model.limit[port] && n >= model.limit[port];
}

static void model_learn(int a, int port)
{
	const bool here = model.at[a].port == port && model_is_alive(a);

	if (here && model.now - model.at[a].seen < FDB_REFRESH_MS)
		return;
	if (!here && ((model_is_alive(a) && model.at[a].kind != FDB_DYNAMIC) ||
		      model_is_full(port)))
		return;
	if (!here)
		model.at[a].kind = model.sticky[port] ? FDB_STICKY : FDB_DYNAMIC;
	model.at[a].port = port;
	model.at[a].seen = model.now;
}

static void model_set_sticky(int port, bool on)
{
	model.sticky[port] = on;
	for (int a = 0; a < MODEL_ADDRS; a++) {
		if (!model_is_alive(a) || model.at[a].port != port ||
		    model.at[a].kind != (on ? FDB_DYNAMIC : FDB_STICKY))
			continue;
		model.at[a].kind = on ? FDB_STICKY : FDB_DYNAMIC;
		model.at[a].seen = model.now;
	}
}

static void model_flush(int port)
{
	for (int a = 0; a < MODEL_ADDRS; a++)
		if (model.at[a].port == port && model.at[a].kind == FDB_DYNAMIC)
			model.at[a].port = MODEL_NONE;
}

static unsigned int model_count(void)
{
	unsigned int n = 0;

	for (int a = 0; a < MODEL_ADDRS; a++)
		n += model_is_alive(a);
	return n;
}

static void fdb_like_the_model(void **state UNUSED)
{
	struct fdb *fdb = fdb_create(MODEL_ADDRS, MODEL_PORTS, key);
	uint32_t noise = 1;

	fdb_set_ageing(fdb, MODEL_AGEING);
	memset(&model, 0, sizeof(model));
	for (int a = 0; a < MODEL_ADDRS; a++)
		model.at[a].port = MODEL_NONE;
	for (int step = 0; step < 300000; step++) {
		int a, p, what;

		noise = noise * 1664525 + 1013904223;
		a = (int)(noise >> 8 & 0xff) % MODEL_ADDRS;
		p = (int)(noise >> 16) % MODEL_PORTS;
		what = (int)(noise >> 18 & 0xff);
		model.now += what & 1 ? noise >> 20 & 1023 : 0;
		if (what < 1) {
			fdb_flush_port(fdb, (uint16_t)p);
			model_flush(p);
		} else if (what < 4) {
			fdb_set_sticky(fdb, (uint16_t)p, what & 1, model.now);
			model_set_sticky(p, what & 1);
		} else if (what < 7) {
			model.limit[p] = noise >> 28 & 7;
			fdb_set_limit(fdb, (uint16_t)p, model.limit[p]);
		} else if (what < 12) {
			const bool is = model_is_alive(a) && model.at[a].kind == FDB_STATIC;

			assert_int_equal(fdb_add(fdb, host((unsigned int)a), 0, (uint16_t)p,
						 model.now), is ? -EEXIST : 0);
			if (!is) {
				model.at[a].port = p;
				model.at[a].kind = FDB_STATIC;
			}
		} else if (what < 24) {
			const bool is = model_is_alive(a);
			int ret = fdb_del(fdb, host((unsigned int)a), 0);

			/* One that is too old may be there still. */
			assert_true(!is || !ret);
			model.at[a].port = MODEL_NONE;
		} else if (what < 28) {
			fdb_age(fdb, model.now);
			assert_int_equal(fdb_count(fdb), model_count());
		} else {
			bool elsewhere;

			fdb_learn(fdb, host((unsigned int)a), 0, (uint16_t)p, model.now);
			model_learn(a, p);
			elsewhere = !model_is_alive(a) || model.at[a].port != p;
			assert_int_equal(fdb_refuses(fdb, host((unsigned int)a), 0, (uint16_t)p),
					 elsewhere);
		}
		assert_int_equal(fdb_lookup(fdb, host((unsigned int)a), 0, model.now),
				 model_is_alive(a) ? model.at[a].port : FDB_NO_PORT);
	}
	fdb_destroy(fdb);
}

/* Port security. */

static void bring_many(int port, unsigned int first, unsigned int n)
{
	struct shot s[FRAME_BATCH];

	for (unsigned int i = 0; i < n; i++)
		s[i] = (struct shot){ .src = port, .more = (int)(first + i), .dst = 99 };
	bring_some(port, s, n);
}

static void security_drops(void **state UNUSED)
{
	struct vsw *vsw = lan->vsw;
	const struct secure *secure = &vsw->ports[2]->policy.secure;

	assert_int_equal(admin_port_limit(vsw, 2, 2), 0);
	/* They pass, and are not learnt. */
	bring_many(2, 1, 5);
	assert_int_equal(lan->fake[1].count, 5);
	assert_int_equal(fdb_port_count(vsw->bridge.fdb, 2), 2);
	assert_int_equal(secure->refused, 3);
	forget();
	assert_int_equal(admin_port_violation(vsw, 2, SECURE_DROP), 0);
	bring_many(2, 1, 5);
	assert_int_equal(lan->fake[1].count, 2);
	assert_int_equal(drops(2, DROP_SECURITY), 3);
	assert_int_equal(secure->refused, 6);
	forget();
	/* No limit, and an address that is another's for good. */
	assert_int_equal(admin_port_limit(vsw, 2, 0), 0);
	assert_int_equal(admin_fdb_add(vsw, (struct eth_addr){ { 2, 0, 0, 0, 0, 3 } }, 0, 3), 0);
	bring(2, (struct shot){ .src = 3 });
	assert_string_equal(got(), "");
	bring(2, (struct shot){ .src = 4 });
	assert_string_equal(got(), "1,3,4,5,6,7");
	bring(1, (struct shot){ .src = 1, .dst = 3 });
	assert_string_equal(got(), "3");
	assert_int_equal(admin_reset_counters(vsw, 2), 0);
	assert_int_equal(secure->refused, 0);
	/* A hub knows no addresses. */
	admin_hub(vsw, true);
	bring(2, (struct shot){ .src = 3 });
	assert_string_equal(got(), "1,3,4,5,6,7");
}

static void security_by_vlan(void **state UNUSED)
{
	struct vsw *vsw = lan->vsw;

	assert_int_equal(admin_vlan_create(vsw, 5), 0);
	assert_int_equal(admin_vlan_add_port(vsw, 5, 1), 0);
	assert_int_equal(admin_vlan_add_port(vsw, 5, 2), 0);
	assert_int_equal(admin_port_violation(vsw, 2, SECURE_DROP), 0);
	assert_int_equal(admin_fdb_add(vsw, (struct eth_addr){ { 2, 0, 0, 0, 0, 3 } }, 5, 1), 0);
	bring(2, (struct shot){ .src = 3, .tag = 5 });
	assert_string_equal(got(), "");
	bring(2, (struct shot){ .src = 3 });
	assert_string_equal(got(), "1,3,4,5,6,7");
}

static void assert_shut(int port)
{
	forget();
	bring(port, (struct shot){ .src = port });
	assert_string_equal(got(), "");
	bring(1, (struct shot){ .src = 1 });
	assert_null(strchr(got(), '0' + port));
	bring(1, (struct shot){ .src = 1, .dst = port });
	assert_null(strchr(got(), '0' + port));
}

static void security_shuts(void **state UNUSED)
{
	struct vsw *vsw = lan->vsw;
	struct shot s[] = { { .src = 2 }, { .src = 2, .more = 1 }, { .src = 2 } };

	assert_int_equal(admin_port_limit(vsw, 2, 1), 0);
	assert_int_equal(admin_port_violation(vsw, 2, SECURE_SHUTDOWN), 0);
	bring_some(2, s, 3);
	assert_string_equal(got(), "1,3,4,5,6,7");
	assert_int_equal(drops(2, DROP_SECURITY), 1);
	assert_int_equal(drops(2, DROP_SHUT), 1);
	assert_string_equal(port_shut_name(vsw->ports[2]), "security");
	assert_int_equal(fdb_port_count(vsw->bridge.fdb, 2), 0);
	assert_shut(2);
	/* A static address of it is not flooded meanwhile. */
	assert_int_equal(admin_fdb_add(vsw, (struct eth_addr){ { 2, 0, 0, 0, 0, 2 } }, 0, 2), 0);
	bring(1, (struct shot){ .src = 1, .dst = 2 });
	assert_string_equal(got(), "");
	assert_int_equal(drops(1, DROP_SHUT), 1);
	/* It stays shut, whoever is plugged in, until it is opened; others get no such port. */
	endpoint_close(&lan->fake[2].ep);
	assert_int_equal(port_find_free(vsw, &PORT_CLIENT_OPERATOR), -ENOSPC);
	plug(2);
	assert_shut(2);
	assert_int_equal(admin_port_shut(vsw, 2, false), 0);
	assert_string_equal(port_shut_name(vsw->ports[2]), "no");
	bring_some(2, s, 1);
	assert_string_equal(got(), "1,3,4,5,6,7");
	bring(1, (struct shot){ .src = 1, .dst = 2 });
	assert_string_equal(got(), "2");
	assert_int_equal(vsw->shut_count, 0);
}

/* Shut by an operator; with the spanning tree going and coming. */
static void shut(void **state UNUSED)
{
	struct vsw *vsw = lan->vsw;

	assert_int_equal(admin_port_shut(vsw, 3, true), 0);
	assert_int_equal(admin_port_shut(vsw, 3, true), 0);
	assert_int_equal(vsw->shut_count, 1);
	assert_shut(3);
	assert_int_equal(stp_start(vsw), 0);
	assert_false(vsw->ports[3]->forwarding);
	assert_int_equal(admin_port_shut(vsw, 4, true), 0);
	stp_stop(vsw);
	assert_shut(3);
	assert_shut(4);
	assert_int_equal(vsw->forwarding_count, PORTS - 2);
	for (unsigned int i = 0; i < vsw->active_count; i++)
		assert_int_equal(vsw->active[i]->forwarding, i < vsw->forwarding_count);
	assert_int_equal(stp_start(vsw), 0);
	assert_int_equal(admin_port_shut(vsw, 4, false), 0);
	/* The tree has not said yet that it forwards. */
	assert_false(vsw->ports[4]->forwarding);
	stp_stop(vsw);
	assert_true(vsw->ports[4]->forwarding);
	assert_int_equal(admin_port_shut(vsw, 3, false), 0);
	forget();			/* BPDUs */
	bring(1, (struct shot){ .src = 1 });
	assert_string_equal(got(), "2,3,4,5,6,7");
	assert_int_equal(vsw->shut_count, 0);
	/* A port that goes is no longer shut. */
	assert_int_equal(admin_port_shut(vsw, 3, true), 0);
	endpoint_close(&lan->fake[3].ep);
	assert_int_equal(admin_port_remove(vsw, 3), 0);
	assert_int_equal(vsw->shut_count, 0);
	plug(3);
	bring(1, (struct shot){ .src = 1 });
	assert_string_equal(got(), "2,3,4,5,6,7");
}

/* What an operator has set outlives clients and a change of size. */
static void security_stays(void **state UNUSED)
{
	struct eth_addr two = { { 2, 0, 0, 0, 0, 2 } }, three = { { 2, 0, 0, 0, 0, 3 } };
	struct vsw *vsw = lan->vsw;

	assert_int_equal(admin_port_sticky(vsw, 2, true), 0);
	assert_int_equal(admin_port_limit(vsw, 2, 1), 0);
	assert_int_equal(admin_fdb_add(vsw, three, 0, 3), 0);
	bring(2, (struct shot){ .src = 2 });
	forget();
	endpoint_close(&lan->fake[2].ep);
	endpoint_close(&lan->fake[3].ep);
	assert_int_equal(vsw_resize(vsw, PORTS + 3, 1024), 0);
	bring(1, (struct shot){ .src = 1, .dst = 2 });
	bring(1, (struct shot){ .src = 1, .dst = 3 });
	assert_string_equal(got(), "");
	assert_int_equal(drops(2, DROP_NOT_READY), 1);
	assert_int_equal(drops(3, DROP_NOT_READY), 1);
	plug(2);
	bring(1, (struct shot){ .src = 1, .dst = 2 });
	assert_string_equal(got(), "2");
	assert_true(fdb_refuses(vsw->bridge.fdb, host(1), 0, 2));
	/* They go with the port. */
	assert_int_equal(admin_port_remove(vsw, 3), 0);
	assert_int_equal(admin_fdb_del(vsw, three, 0), -ENXIO);
	assert_int_equal(admin_fdb_del(vsw, two, 0), 0);
	assert_int_equal(admin_fdb_add(vsw, two, VLAN_NONE, 2), -EINVAL);
	assert_int_equal(admin_fdb_add(vsw, two, 0, 3), -ENXIO);
	assert_int_equal(admin_port_limit(vsw, 2, VSW_FDB_MAX + 1), -EINVAL);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(ethertypes_lists),
	cmocka_unit_test(ethertypes_frames),
	cmocka_unit_test_setup_teardown(ethertypes_port, setup, teardown),
	cmocka_unit_test_setup_teardown(ethertypes_bpdus, setup, teardown),
	cmocka_unit_test(rate_texts),
	cmocka_unit_test(rate_average),
	cmocka_unit_test(rate_bursts),
	cmocka_unit_test_setup_teardown(rate_ports, setup, teardown),
	cmocka_unit_test_setup_teardown(mirror_ways, setup, teardown),
	cmocka_unit_test_setup_teardown(mirror_destination, setup, teardown),
	cmocka_unit_test_setup_teardown(mirror_normal, setup, teardown),
	cmocka_unit_test_setup_teardown(mirror_tags, setup, teardown),
	cmocka_unit_test_setup_teardown(mirror_bpdus, setup, teardown),
	cmocka_unit_test_setup_teardown(mirror_filters, setup, teardown),
	cmocka_unit_test_setup_teardown(mirror_settings, setup, teardown),
	cmocka_unit_test_setup_teardown(mirror_bad_frames, setup, teardown),
	cmocka_unit_test(fdb_static),
	cmocka_unit_test(fdb_sticks),
	cmocka_unit_test(fdb_limits),
	cmocka_unit_test(fdb_floods),
	cmocka_unit_test(fdb_carries_over),
	cmocka_unit_test(fdb_like_the_model),
	cmocka_unit_test_setup_teardown(security_drops, setup, teardown),
	cmocka_unit_test_setup_teardown(security_by_vlan, setup, teardown),
	cmocka_unit_test_setup_teardown(security_shuts, setup, teardown),
	cmocka_unit_test_setup_teardown(shut, setup, teardown),
	cmocka_unit_test_setup_teardown(security_stays, setup, teardown),
	cmocka_unit_test_setup_teardown(isolation_plain, setup, teardown),
	cmocka_unit_test_setup_teardown(isolation_vlan, setup, teardown),
	cmocka_unit_test_setup_teardown(isolation_groups, setup, teardown),
	cmocka_unit_test_setup_teardown(isolation_hub, setup, teardown),
	cmocka_unit_test_setup_teardown(isolation_stale, setup, teardown),
	cmocka_unit_test_setup_teardown(isolation_settings, setup, teardown),
};

UNIT_MAIN(tests)
