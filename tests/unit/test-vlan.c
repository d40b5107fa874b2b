/* SPDX-License-Identifier: BSD-2-Clause */
/* test-vlan.c - VLANs: what comes in with which tag, and goes out where and how
 *
 * A whole switch with ports that only note what they are sent. Frames are written as
 * text: "3" is untagged with the payload 3, "5:3" has the tag 5, "5/7:3" has the tag 7
 * within the tag 5, "s5:3" a tag 5 of a provider's type. The outer tag comes with the
 * priority 6; in what goes out, "p" is that priority, and "d" that frames may be dropped.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "switchd/admin.h"
#include "switchd/vlan_out.h"
#include "switchd/vsw.h"

enum { PORTS = 6, PRIORITY = 6 };

struct lan {
	struct ev_loop *loop;
	struct vsw_config cfg;
	struct vsw *vsw;
	char dir[32];
	struct fake {
		struct endpoint ep;
		char got[256];
	} fake[PORTS + 1];
	bool split;
};

static struct lan *lan;

/* Ports that note. */

static void note(struct fake *fake, const struct frame *f)
{
	uint8_t b[256];
	size_t at = VLAN_TAG_AT, n = 0;
	char text[64] = "";

	assert_true(f->size <= sizeof(b));
	for (unsigned int i = 0; i < f->iovcnt; i++) {
		memcpy(b + n, f->iov[i].iov_base, f->iov[i].iov_len);
		n += f->iov[i].iov_len;
	}
	assert_int_equal(n, f->size);
	assert_true(f->head_size <= f->size);
	assert_memory_equal(b, f->head, f->head_size);
	for (; b[at] << 8 == 0x8100 || b[at + 1] == 0xa8; at += VLAN_TAG_SIZE) {
		size_t len = strlen(text);

		assert_true(b[at + 2] >> 5 == PRIORITY || b[at + 2] >> 5 == 0);
		snprintf(text + len, sizeof(text) - len, "%s%s%s%s%u", len ? "/" : "",
			 b[at + 2] >> 5 ? "p" : "", b[at + 2] & 0x10 ? "d" : "",
			 b[at] == 0x88 ? "s" : "", (b[at + 2] & 15) << 8 | b[at + 3]);
	}
	assert_int_equal(b[at], 0x88);
	assert_int_equal(b[at + 1], 0xb5);
	n = strlen(fake->got);
	snprintf(fake->got + n, sizeof(fake->got) - n, "%s%s%s%u", n ? " " : "", text,
		 text[0] ? ":" : "", b[at + 2]);
}

static unsigned int fake_send(struct endpoint *ep, const struct frame *const *frames,
			      unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		note(container_of(ep, struct fake, ep), frames[i]);
		endpoint_sent(ep, 1, frames[i]->size);
	}
	return n;
}

static void fake_switch(struct endpoint *ep UNUSED, bool on UNUSED)
{
}

static void fake_close(struct endpoint *ep UNUSED)
{
}

static const struct endpoint_ops fake_ops = {
	.module = "fake",
	.send = fake_send,
	.wait_send = fake_switch,
	.hold = fake_switch,
	.close = fake_close,
};

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
	for (int i = 1; i <= PORTS; i++) {
		const struct port_client who = PORT_CLIENT_OPERATOR;

		lan->fake[i].ep = (struct endpoint){ .ops = &fake_ops, .id = i };
		lan->fake[i].ep.uid = who.uid;
		assert_int_equal(port_plug(lan->vsw, (uint16_t)i, &lan->fake[i].ep, &who), 0);
	}
	return 0;
}

static int teardown(void **state)
{
	vsw_destroy(lan->vsw);
	ev_loop_destroy(lan->loop);
	free(*state);
	return 0;
}

/* Frames. */

enum { BYTES = 128 };

/* A frame from the address of port @src to that of port @dst (0: all), with the tags in
 * @tags ("", "5", "5/7", "s5/7"; 4096 more is DEI), and payload @payload. */
static void write_frame(uint8_t b[static BYTES], int src, int dst, const char *tags,
			uint8_t payload)
{
	const uint8_t addresses[] = { 2, 0, 0, 0, 0, (uint8_t)dst, 2, 0, 0, 0, 0, (uint8_t)src };
	size_t at = VLAN_TAG_AT;
	char *end;

	memset(b, 0, BYTES);
	memcpy(b, addresses, sizeof(addresses));
	if (!dst)
		memset(b, 0xff, 6);
	for (const char *p = tags; *p; p = *end ? end + 1 : end) {
		const bool s = *p == 's';
		unsigned long vid = strtoul(p + s, &end, 10);

		b[at] = s ? 0x88 : 0x81;
		b[at + 1] = s ? 0xa8 : 0;
		b[at + 2] = (uint8_t)((at == VLAN_TAG_AT ? PRIORITY << 5 : 0) | vid >> 8);
		b[at + 3] = (uint8_t)vid;
		at += VLAN_TAG_SIZE;
	}
	b[at] = 0x88;
	b[at + 1] = 0xb5;
	b[at + 2] = payload;
}

/* Bring a frame in at @port. */
static void bring(int port, int src, int dst, const char *tags, uint8_t payload)
{
	uint8_t b[BYTES];
	struct iovec iov[2];
	struct frame f;

	write_frame(b, src, dst, tags, payload);
	/* As a socket brings it, in one piece, or as a ring does, in several. */
	iov[0] = (struct iovec){ b, lan->split ? 20 : sizeof(b) };
	iov[1] = (struct iovec){ b + 20, sizeof(b) - 20 };
	f = (struct frame){ b, lan->split ? 20 : 64, sizeof(b), iov, lan->split ? 2 : 1,
				   NULL };
	vsw_input(&lan->fake[port].ep, &f, 1);
}

/* What port @i got since it was last asked. */
static void assert_got(int i, const char *wanted)
{
	assert_string_equal(lan->fake[i].got, wanted);
	lan->fake[i].got[0] = 0;
}

static uint64_t drops(int port, enum drop_reason reason)
{
	return lan->vsw->ports[port]->stats.drop[reason];
}

/* Ports 1, 2 in VLAN 0; 3, 4 in 5 untagged; 5 tagged in 5 and 6; 6 tagged only, in 6. */
static void make_vlans(void)
{
	struct vsw *vsw = lan->vsw;

	assert_int_equal(admin_vlan_create(vsw, 5), 0);
	assert_int_equal(admin_vlan_create(vsw, 6), 0);
	assert_int_equal(admin_port_vlan(vsw, 3, 5), 0);
	assert_int_equal(admin_port_vlan(vsw, 4, 5), 0);
	assert_int_equal(admin_vlan_add_port(vsw, 5, 5), 0);
	assert_int_equal(admin_vlan_add_port(vsw, 6, 5), 0);
	assert_int_equal(admin_port_vlan(vsw, 6, VLAN_NONE), 0);
	assert_int_equal(admin_vlan_add_port(vsw, 6, 6), 0);
}

static void assert_all(const char *one, const char *two, const char *three,
		       const char *four, const char *five, const char *six)
{
	assert_got(1, one);
	assert_got(2, two);
	assert_got(3, three);
	assert_got(4, four);
	assert_got(5, five);
	assert_got(6, six);
}

static void transparent(void **state UNUSED)
{
	bring(1, 1, 0, "5", 1);
	assert_all("", "p5:1", "p5:1", "p5:1", "p5:1", "p5:1");
	bring(2, 2, 1, "7/8", 2);
	assert_all("p7/8:2", "", "", "", "", "");
}

static void strict(void **state UNUSED)
{
	lan->vsw->bridge.vlans.mode = VLAN_STRICT;
	bring(1, 1, 0, "5", 1);
	assert_all("", "", "", "", "", "");
	assert_int_equal(drops(1, DROP_VLAN), 1);
	bring(1, 1, 0, "", 2);
	assert_all("", "2", "2", "2", "2", "2");
}

static void floods(void **state UNUSED)
{
	for (int i = 0; i < 2; i++) {
		lan->split = i;
		if (!i)
			make_vlans();
		bring(1, 1, 0, "", 1);
		assert_all("", "1", "", "", "1", "");
		bring(3, 3, 0, "", 2);
		assert_all("", "", "", "2", "5:2", "");
		bring(5, 5, 0, "5", 3);
		assert_all("", "", "3", "3", "", "");
		bring(5, 5, 0, "6", 4);
		assert_all("", "", "", "", "", "p6:4");
		bring(6, 6, 0, "6", 5);
		assert_all("", "", "", "", "p6:5", "");
		bring(5, 5, 0, "", 6);
		assert_all("6", "6", "", "", "", "");
	}
}

static void priority_tag(void **state UNUSED)
{
	make_vlans();
	/* VID 0: the port's own VLAN; the priority is kept where there is a tag. */
	bring(3, 3, 0, "0", 1);
	assert_all("", "", "", "1", "p5:1", "");
	bring(1, 1, 0, "0", 2);
	assert_all("", "2", "", "", "2", "");
}

static void not_members(void **state UNUSED)
{
	make_vlans();
	bring(1, 1, 0, "5", 1);		/* VLAN 5 is not for port 1 */
	bring(3, 3, 0, "5", 2);		/* its own VLAN is untagged there, as in VDE */
	bring(6, 6, 0, "", 3);		/* takes tagged ones only */
	bring(6, 6, 0, "0", 4);
	bring(6, 6, 0, "5", 5);
	bring(5, 5, 0, "7", 6);		/* does not exist */
	bring(5, 5, 0, "4095", 7);	/* reserved */
	assert_all("", "", "", "", "", "");
	assert_int_equal(drops(1, DROP_VLAN) + drops(3, DROP_VLAN), 2);
	assert_int_equal(drops(6, DROP_VLAN), 3);
	assert_int_equal(drops(5, DROP_VLAN), 2);
}

static void no_hopping(void **state UNUSED)
{
	make_vlans();
	/* The inner tag is never looked at, nor is the outer one on an access port. */
	assert_int_equal(admin_vlan_add_port(lan->vsw, 5, 6), 0);
	bring(5, 5, 0, "5/6", 1);
	assert_all("", "", "", "", "", "p5/6:1");
	/* Where it would leave without a tag of ours, its own would be taken for one. */
	assert_int_equal(drops(3, DROP_VLAN) + drops(4, DROP_VLAN), 2);
	bring(3, 3, 0, "5/6", 2);
	bring(1, 1, 0, "0/5", 3);
	assert_all("", "", "", "", "", "");
	assert_int_equal(drops(2, DROP_VLAN) + drops(5, DROP_VLAN), 2);
	/* Another's tag is payload here. */
	bring(1, 1, 0, "s6", 4);
	assert_all("", "ps6:4", "", "", "ps6:4", "");
}

/* Ports 1, 2 and 3 are customers of a provider, in 5, 5 and 6; 4 is one whose frames are
 * never looked into, in 5; 5 leads to the provider's next switch with 5 and 6; 6 to one
 * that knows customers' tags only, with 5. */
static void make_provider(void)
{
	static const enum vlan_tag tags[PORTS + 1] = {
		[1] = VLAN_TAG_S, [2] = VLAN_TAG_S, [3] = VLAN_TAG_S, [4] = VLAN_TAG_NONE,
		[5] = VLAN_TAG_S, [6] = VLAN_TAG_C,
	};
	static const unsigned int pvid[PORTS + 1] = {
		[1] = 5, [2] = 5, [3] = 6, [4] = 5, [5] = VLAN_NONE, [6] = VLAN_NONE,
	};
	struct vsw *vsw = lan->vsw;

	assert_int_equal(admin_vlan_create(vsw, 5), 0);
	assert_int_equal(admin_vlan_create(vsw, 6), 0);
	for (unsigned int i = 1; i <= PORTS; i++) {
		assert_int_equal(admin_vlan_tag(vsw, i, tags[i]), 0);
		assert_int_equal(admin_port_vlan(vsw, i, pvid[i]), 0);
	}
	assert_int_equal(admin_vlan_add_port(vsw, 5, 5), 0);
	assert_int_equal(admin_vlan_add_port(vsw, 6, 5), 0);
	assert_int_equal(admin_vlan_add_port(vsw, 5, 6), 0);
}

static void provider(void **state UNUSED)
{
	make_provider();
	for (int i = 0; i < 2; i++) {
		lan->split = i;
		/* Customers' tags pass whole, in one more that has their priority. */
		bring(1, 1, 0, "7", 1);
		assert_all("", "p7:1", "", "p7:1", "ps5/p7:1", "p5/p7:1");
		bring(4, 4, 0, "6/8", 2);
		assert_all("p6/8:2", "p6/8:2", "", "", "ps5/p6/8:2", "p5/p6/8:2");
		bring(3, 3, 0, "5", 3);
		assert_all("", "", "", "", "ps6/p5:3", "");
		bring(2, 2, 0, "", 4);
		assert_all("4", "", "", "4", "s5:4", "5:4");
		/* And back. */
		bring(5, 5, 0, "s5/7", 5);
		assert_all("7:5", "7:5", "", "7:5", "", "p5/7:5");
		bring(6, 6, 0, "5/7", 6);
		assert_all("7:6", "7:6", "", "7:6", "ps5/7:6", "");
		bring(5, 5, 0, "s6", 7);
		assert_all("", "", "7", "", "", "");
		/* Priority and drop eligibility are kept. */
		bring(5, 5, 0, "s4101", 8);
		assert_all("8", "8", "", "8", "", "pd5:8");
		/* To one address. */
		bring(5, 5, 1, "s5/9", 9);
		assert_all("9:9", "", "", "", "", "");
	}
}

static void provider_is_safe(void **state UNUSED)
{
	make_provider();
	/* A customer with the provider's tags, and a switch with another's. */
	bring(1, 1, 0, "s5", 1);
	bring(1, 1, 0, "s6/7", 2);
	bring(5, 5, 0, "5", 3);
	assert_all("", "", "", "", "", "");
	assert_int_equal(drops(1, DROP_VLAN), 2);
	assert_int_equal(drops(5, DROP_VLAN), 1);
	/* The provider's priority tag is none of a VLAN. */
	bring(1, 1, 0, "s0/7", 4);
	assert_all("", "7:4", "", "7:4", "ps5/7:4", "p5/7:4");
	/* What looks like the provider's behind it does not get to where it would be. */
	bring(5, 5, 0, "s5/s6", 5);
	assert_all("", "", "", "s6:5", "", "p5/s6:5");
	assert_int_equal(drops(1, DROP_VLAN) + drops(2, DROP_VLAN), 2 + 2);
	bring(6, 6, 0, "5/s6", 6);
	assert_all("", "", "", "s6:6", "ps5/s6:6", "");
	bring(4, 4, 0, "s6", 7);
	assert_all("", "", "", "", "ps5/ps6:7", "p5/ps6:7");
}

/* Two frames of a batch with one outer tag, and something else behind it. */
static void alike(void **state UNUSED)
{
	uint8_t b[2][BYTES];
	struct iovec iov[2];
	struct frame f[2];

	make_vlans();
	write_frame(b[0], 5, 0, "5", 1);
	write_frame(b[1], 5, 0, "5/6", 2);
	for (int i = 0; i < 2; i++) {
		iov[i] = (struct iovec){ b[i], BYTES };
		f[i] = (struct frame){ b[i], BYTES, BYTES, &iov[i], 1, NULL };
	}
	vsw_input(&lan->fake[5].ep, f, 2);
	assert_all("", "", "1", "1", "", "");
}

static void learns_for_all(void **state UNUSED)
{
	make_vlans();
	/* Port 5 is in VLAN 0, without a tag, and in 5. */
	for (int i = 0; i < 2; i++) {
		bring(5, 9, 0, "", 1);
		assert_all("1", "1", "", "", "", "");
		bring(3, 3, 9, "", 2);
		assert_all("", "", "", i ? "" : "2", "5:2", "");
		admin_vlan_shared(lan->vsw, true);
	}
	/* At a port that is not in the VLAN: to nobody. */
	bring(1, 9, 0, "", 3);
	assert_all("", "3", "", "", "3", "");
	bring(3, 3, 9, "", 4);
	assert_all("", "", "", "", "", "");
	assert_int_equal(drops(3, DROP_VLAN), 1);
	/* Nothing is left of it. */
	admin_vlan_shared(lan->vsw, false);
	bring(2, 2, 9, "", 5);
	assert_all("5", "", "", "", "5", "");
}

static void learns_in_each(void **state UNUSED)
{
	make_vlans();
	/* The same address in two VLANs, at two ports. */
	bring(1, 9, 0, "", 1);
	bring(3, 9, 0, "", 2);
	assert_all("", "1", "", "2", "1 5:2", "");
	bring(5, 5, 9, "", 3);
	assert_all("3", "", "", "", "", "");
	bring(5, 5, 9, "5", 4);
	assert_all("", "", "4", "", "", "");
	/* Unknown in VLAN 6. */
	bring(6, 6, 9, "6", 5);
	assert_all("", "", "", "", "p6:5", "");
	/* A port that leaves a VLAN is forgotten in it. */
	assert_int_equal(admin_port_vlan(lan->vsw, 3, 0), 0);
	bring(5, 5, 9, "5", 6);
	assert_all("", "", "", "6", "", "");
}

static void administers(void **state UNUSED)
{
	struct vsw *vsw = lan->vsw;

	make_vlans();
	assert_int_equal(admin_vlan_create(vsw, 5), -EEXIST);
	assert_int_equal(admin_vlan_create(vsw, 0), -EINVAL);
	assert_int_equal(admin_vlan_create(vsw, 4095), -EINVAL);
	assert_int_equal(admin_vlan_create(vsw, 4094), 0);
	assert_int_equal(admin_vlan_remove(vsw, 4094), 0);
	assert_int_equal(admin_vlan_remove(vsw, 4094), -ENXIO);
	assert_int_equal(admin_vlan_remove(vsw, 0), -EINVAL);
	assert_int_equal(admin_vlan_remove(vsw, 5), -EADDRINUSE);
	assert_int_equal(admin_vlan_remove(vsw, 6), -EADDRINUSE);
	assert_int_equal(admin_port_vlan(vsw, 1, 9), -ENXIO);
	assert_int_equal(admin_port_vlan(vsw, 99, 5), -EINVAL);
	assert_int_equal(admin_vlan_del_port(vsw, 5, 3), -EADDRINUSE);
	assert_int_equal(admin_vlan_tag(vsw, 5, VLAN_TAG_NONE), -EADDRINUSE);
	assert_int_equal(admin_vlan_tag(vsw, 99, VLAN_TAG_NONE), -EINVAL);
	assert_int_equal(admin_vlan_tag(vsw, 1, VLAN_TAG_NONE), 0);
	assert_int_equal(admin_vlan_add_port(vsw, 5, 1), -EADDRINUSE);
	assert_int_equal(admin_vlan_del_port(vsw, 5, 1), -ENXIO);
	assert_int_equal(admin_vlan_del_port(vsw, 6, 5), 0);
	assert_int_equal(admin_vlan_del_port(vsw, 6, 6), 0);
	assert_int_equal(admin_vlan_remove(vsw, 6), 0);
	/* Removed with the last VLAN: tags mean nothing again. */
	assert_int_equal(admin_port_vlan(vsw, 3, 0), 0);
	assert_int_equal(admin_port_vlan(vsw, 4, 0), 0);
	assert_int_equal(admin_vlan_del_port(vsw, 5, 5), 0);
	assert_int_equal(admin_vlan_remove(vsw, 5), 0);
	bring(1, 1, 2, "5", 1);
	assert_got(2, "p5:1");
}

static void accounts(void **state UNUSED)
{
	uint64_t in = 0, out = 0, dropped = 0;
	unsigned int seed = 1;

	make_vlans();
	/* Unicast only: each frame is sent once or dropped once. */
	for (int i = 1; i <= PORTS; i++)
		for (int vid = 0; vid < 8; vid++)
			bring(i, i, 0, vid == 7 ? "" : (char[]){ (char)('0' + vid), 0 }, 0);
	for (int i = 1; i <= PORTS; i++) {
		lan->fake[i].got[0] = 0;
		lan->vsw->ports[i]->stats = (struct port_stats){ 0 };
	}
	for (int n = 0; n < 10000; n++) {
		int port = 1 + rand_r(&seed) % PORTS, to = 1 + rand_r(&seed) % PORTS;
		int vid = rand_r(&seed) % 8;

		lan->split = rand_r(&seed) & 1;
		bring(port, port, to, vid == 7 ? "" : (char[]){ (char)('0' + vid), 0 }, 1);
		for (int i = 1; i <= PORTS; i++)
			lan->fake[i].got[0] = 0;
	}
	for (int i = 1; i <= PORTS; i++) {
		const struct port_stats *s = &lan->vsw->ports[i]->stats;

		in += s->rx_frames;
		out += s->tx_frames;
		for (int r = 0; r < DROP_REASON_COUNT; r++)
			dropped += s->drop[r];
	}
	assert_int_equal(in, 10000);
	/* Those to addresses that are unknown in a VLAN go to several. */
	assert_true(out + dropped >= in);
	assert_true(dropped > 0 && out > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(transparent, setup, teardown),
		cmocka_unit_test_setup_teardown(strict, setup, teardown),
		cmocka_unit_test_setup_teardown(floods, setup, teardown),
		cmocka_unit_test_setup_teardown(priority_tag, setup, teardown),
		cmocka_unit_test_setup_teardown(not_members, setup, teardown),
		cmocka_unit_test_setup_teardown(no_hopping, setup, teardown),
		cmocka_unit_test_setup_teardown(provider, setup, teardown),
		cmocka_unit_test_setup_teardown(provider_is_safe, setup, teardown),
		cmocka_unit_test_setup_teardown(alike, setup, teardown),
		cmocka_unit_test_setup_teardown(learns_in_each, setup, teardown),
		cmocka_unit_test_setup_teardown(learns_for_all, setup, teardown),
		cmocka_unit_test_setup_teardown(administers, setup, teardown),
		cmocka_unit_test_setup_teardown(accounts, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
