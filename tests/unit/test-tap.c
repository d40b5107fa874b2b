/* SPDX-License-Identifier: BSD-2-Clause */
/* test-tap.c - a NIC's tap, in a network of its own: frames both ways, its end, what is
 * no tap
 */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/vnet.h"
#include "vmm/net.h"
#include "vmm/net_tap.h"

static bool received, unplugged;

static void can_recv(void *nic UNUSED)
{
	received = true;
}

static void can_send(void *nic UNUSED)
{
}

static void set_link(void *nic UNUSED, bool up)
{
	unplugged = !up;
}

static const struct net_owner owner = { can_recv, can_send, set_link };

/* A raw socket on an interface that is up. */
static int packet_socket(const char *name)
{
	struct sockaddr_ll sa = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct ifreq ifr = { .ifr_flags = 0 };
	int s = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));

	assert_true(s >= 0);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	assert_int_equal(ioctl(s, SIOCGIFFLAGS, &ifr), 0);
	ifr.ifr_flags |= IFF_UP;
	assert_int_equal(ioctl(s, SIOCSIFFLAGS, &ifr), 0);
	assert_int_equal(ioctl(s, SIOCGIFINDEX, &ifr), 0);
	sa.sll_ifindex = ifr.ifr_ifindex;
	assert_int_equal(bind(s, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return s;
}

static int tap_send(struct net_backend *be, const void *frame, size_t size)
{
	const struct iovec iov = { (void *)(uintptr_t)frame, size };
	const struct vnet_hdr hdr = VNET_HDR_NONE;

	return be->ops->send(be, &hdr, &iov, 1);
}

static ssize_t tap_recv(struct net_backend *be, void *buf, size_t size)
{
	const struct iovec iov = { buf, size };
	struct vnet_hdr hdr;

	return be->ops->recv(be, &hdr, &iov, 1);
}

static void frames(struct ev_loop *loop, struct net_backend *be, const char *name)
{
	uint8_t frame[100] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5 }, buf[2000];
	int s = packet_socket(name);
	ssize_t n;

	/* Out: the host may have frames of its own there. */
	frame[99] = 1;
	assert_int_equal(tap_send(be, frame, sizeof(frame)), 0);
	do
		n = recv(s, buf, sizeof(buf), MSG_DONTWAIT);
	while (n > 0 && n != sizeof(frame));
	assert_int_equal(n, sizeof(frame));
	assert_memory_equal(buf, frame, sizeof(frame));
	/* In: nobody is called before it is wanted. */
	frame[99] = 2;
	assert_int_equal(send(s, frame, sizeof(frame), 0), sizeof(frame));
	received = false;
	ev_run(loop, EVRUN_NOWAIT);
	assert_false(received);
	be->ops->watch_recv(be, true);
	ev_run(loop, EVRUN_NOWAIT);
	assert_true(received);
	do
		n = tap_recv(be, buf, sizeof(buf));
	while (n >= 0 && n != sizeof(frame));
	assert_int_equal(n, sizeof(frame));
	assert_memory_equal(buf, frame, sizeof(frame));
	while (n >= 0)
		n = tap_recv(be, buf, sizeof(buf));
	assert_int_equal(n, -EAGAIN);
	close(s);
}

static void tap(void **state UNUSED)
{
	struct options_netdev byname = { .tap = true, .shown = "t0", .ifname = "t0", .fd = -1 };
	struct options_netdev byfd = { .tap = true, .shown = "fd" };
	struct ifreq ifr = { .ifr_name = "t1", .ifr_flags = IFF_TAP | IFF_NO_PI };
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct net_backend *be, *other;

	assert_int_equal(net_tap_open(loop, &byname, &owner, NULL, &be), 0);
	/* One at a time. */
	assert_int_equal(net_tap_open(loop, &byname, &owner, NULL, &other), -EBUSY);
	frames(loop, be, "t0");
	/* Down, it loses frames and says nothing. */
	assert_int_equal(system("ip link set t0 down"), 0);
	assert_true(tap_send(be, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 14) < 0);
	ev_run(loop, EVRUN_NOWAIT);
	assert_true(be->up);
	assert_int_equal(system("ip link del t0"), 0);
	received = false;
	for (int i = 0; i < 10 && !unplugged; i++) {
		uint8_t buf[64];

		ev_run(loop, EVRUN_NOWAIT);
		tap_recv(be, buf, sizeof(buf));
	}
	assert_true(unplugged);
	assert_false(be->up);
	assert_int_equal(tap_send(be, "", 1), -ENETDOWN);
	be->ops->watch_recv(be, true);
	ev_run(loop, EVRUN_NOWAIT);
	be->ops->close(be);

	byfd.fd = open("/dev/net/tun", O_RDWR);
	assert_int_equal(ioctl(byfd.fd, TUNSETIFF, &ifr), 0);
	assert_int_equal(net_tap_open(loop, &byfd, &owner, NULL, &be), 0);
	frames(loop, be, "t1");
	be->ops->close(be);
	assert_int_equal(fcntl(byfd.fd, F_GETFD), -1);
	/* The same with headers. */
	byfd.fd = open("/dev/net/tun", O_RDWR);
	ifr.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	assert_int_equal(ioctl(byfd.fd, TUNSETIFF, &ifr), 0);
	assert_int_equal(net_tap_open(loop, &byfd, &owner, NULL, &be), 0);
	frames(loop, be, "t1");
	be->ops->close(be);
	/* Not as frames go here, and not a tap. */
	byfd.fd = open("/dev/net/tun", O_RDWR);
	ifr.ifr_flags = IFF_TUN | IFF_NO_PI;
	assert_int_equal(ioctl(byfd.fd, TUNSETIFF, &ifr), 0);
	assert_int_equal(net_tap_open(loop, &byfd, &owner, NULL, &be), -ENOTTY);
	close(byfd.fd);
	byfd.fd = open("/dev/null", O_RDWR);
	assert_int_equal(net_tap_open(loop, &byfd, &owner, NULL, &be), -ENOTTY);
	close(byfd.fd);
	ev_loop_destroy(loop);
}

static void no_tap(void **state UNUSED)
{
	print_message("# no user and network namespace here, or no /dev/net/tun\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(tap) };
	const struct CMUnitTest none[] = { cmocka_unit_test(no_tap) };

	/* As root one has the rights already. */
	if (access("/dev/net/tun", R_OK | W_OK) ||
	    unshare(CLONE_NEWNET | (geteuid() ? CLONE_NEWUSER : 0)))
		return cmocka_run_group_tests_name(__FILE__, none, NULL, NULL);
	return cmocka_run_group_tests_name(__FILE__, tests, NULL, NULL);
}
