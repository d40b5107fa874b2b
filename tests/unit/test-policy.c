/* SPDX-License-Identifier: BSD-2-Clause */
/* test-policy.c - What ports may do: who talks to whom
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
#include "switchd/snoop.h"
#include "switchd/vsw.h"

enum { PORTS = 7, GROUP = 100 };

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

	for (unsigned int i = 0; i < n; i++) {
		size_t size = write_shot(b[i], s[i]), head = MIN(size, sizeof(b[i]));

		iov[i][0] = (struct iovec){ b[i], head };
		iov[i][1] = (struct iovec){ rest, size - head };
		f[i] = (struct frame){ b[i], head, size, iov[i], 2 };
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
	struct frame f = { b, 64, 64, &iov, 1 };

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

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(isolation_plain, setup, teardown),
	cmocka_unit_test_setup_teardown(isolation_vlan, setup, teardown),
	cmocka_unit_test_setup_teardown(isolation_groups, setup, teardown),
	cmocka_unit_test_setup_teardown(isolation_hub, setup, teardown),
	cmocka_unit_test_setup_teardown(isolation_stale, setup, teardown),
	cmocka_unit_test_setup_teardown(isolation_settings, setup, teardown),
};

UNIT_MAIN(tests)
