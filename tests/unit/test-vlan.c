/* SPDX-License-Identifier: BSD-2-Clause */
/* test-vlan.c - VLANs: what comes in with which tag, and goes out where and how
 *
 * A whole switch with ports that only note what they are sent. Frames are written as
 * text: "3" is untagged with the payload 3, "5:3" has the tag 5 (priority 6), "5/7:3"
 * has the tag 7 within the tag 5.
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
	for (; b[at] == 0x81 && b[at + 1] == 0; at += VLAN_TAG_SIZE) {
		size_t len = strlen(text);

		assert_int_equal(b[at + 2] >> 5, at == VLAN_TAG_AT && b[at + 2] >> 5 ? PRIORITY : 0);
		snprintf(text + len, sizeof(text) - len, "%s%s%u", len ? "/" : "",
			 b[at + 2] >> 5 ? "p" : "", (b[at + 2] & 15) << 8 | b[at + 3]);
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

/* Bring a frame in at @port, from the address of port @src to that of port @dst (0:
 * all), with the tags in @tags ("", "5", "5/7"), and payload @payload. */
static void bring(int port, int src, int dst, const char *tags, uint8_t payload)
{
	uint8_t b[128] = { 2, 0, 0, 0, 0, (uint8_t)dst, 2, 0, 0, 0, 0, (uint8_t)src };
	size_t at = VLAN_TAG_AT;
	struct iovec iov[2];
	struct frame f;
	char *end;

	if (!dst)
		memset(b, 0xff, 6);
	for (const char *p = tags; *p; p = *end ? end + 1 : end) {
		unsigned long vid = strtoul(p, &end, 10);

		b[at] = 0x81;
		b[at + 2] = (uint8_t)((at == VLAN_TAG_AT ? PRIORITY << 5 : 0) | vid >> 8);
		b[at + 3] = (uint8_t)vid;
		at += VLAN_TAG_SIZE;
	}
	b[at] = 0x88;
	b[at + 1] = 0xb5;
	b[at + 2] = payload;
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
	bring(5, 5, 0, "5/6", 1);
	assert_all("", "", "6:1", "6:1", "", "");
	bring(3, 3, 0, "5/6", 2);
	bring(1, 1, 0, "0/5", 3);
	assert_all("", "5:3", "", "", "5:3", "");
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
		cmocka_unit_test_setup_teardown(learns_in_each, setup, teardown),
		cmocka_unit_test_setup_teardown(administers, setup, teardown),
		cmocka_unit_test_setup_teardown(accounts, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
