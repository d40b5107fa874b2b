/* SPDX-License-Identifier: BSD-2-Clause */
/* test-claims.c - Devices that no driver of the guest's takes: when it is said, and what;
 * and when a guest that ends again and again is not started any more
 */
#include "tests/unit/unit.h"

#include <linux/virtio_ids.h>
#include <string.h>

#include "vmm/claims.h"
#include "vmm/restart.h"

/* When. */

/* Let @seconds pass. Return: in which it was said, or 0. */
static unsigned int pass(struct claims_clock *c, const struct claims_signs *s,
			 unsigned int seconds)
{
	for (unsigned int i = 1; i <= seconds; i++)
		if (claims_tick(c, s))
			return c->seconds;
	return 0;
}

/* A kernel that is booted directly. */
static void patience(void **state UNUSED)
{
	struct claims_signs s = { .os = true, .pci = 64 };
	struct claims_clock c = { 0 };

	assert_int_equal(pass(&c, &s, 1000), 1 + CLAIMS_PATIENCE_S);
	/* Once. */
	assert_int_equal(pass(&c, &s, 1000), 0);
	assert_false(claims_end(&c, &s));
	/* It has a driver for something. */
	s = (struct claims_signs){ .status = 1 };
	c = (struct claims_clock){ 0 };
	assert_int_equal(pass(&c, &s, 1000), 1 + CLAIMS_PATIENCE_S);
}

/* All that one without ACPI does. */
static void weak(void **state UNUSED)
{
	struct claims_signs s = { .serial = 100 };
	struct claims_clock c = { 0 };

	assert_int_equal(pass(&c, &s, 1000), 1 + CLAIMS_WEAK_S);
	s = (struct claims_signs){ .pci = 1 };
	c = (struct claims_clock){ 0 };
	assert_int_equal(pass(&c, &s, 1000), 1 + CLAIMS_WEAK_S);
}

static void silent(void **state UNUSED)
{
	struct claims_signs s = { .serial = 0 };
	struct claims_clock c = { 0 };

	assert_int_equal(pass(&c, &s, 1000), 0);
	assert_false(claims_end(&c, &s));
	/* It began late; it is a slow one. */
	s.os = true;
	assert_int_equal(pass(&c, &s, 20000), 1001 + 10 * 1001);
}

/* It looks at PCI early, but has a long way to go: to ACPI, and from there on. */
static void slow_host(void **state UNUSED)
{
	struct claims_signs s = { .pci = 64 };
	struct claims_clock c = { 0 };

	assert_int_equal(pass(&c, &s, 29), 0);
	s.os = true;
	assert_int_equal(pass(&c, &s, 1000), 30 + 10 * 30);
}

/* Devices are still being found. */
static void busy(void **state UNUSED)
{
	struct claims_signs s = { .os = true, .pci = 1 };
	struct claims_clock c = { 0 };

	for (unsigned int i = 0; i < 100; i++) {
		if (i % 2)
			s.pci++;
		else
			s.status++;
		assert_int_equal(pass(&c, &s, CLAIMS_QUIET_S), 0);
	}
	assert_int_equal(pass(&c, &s, 1000), 100 * CLAIMS_QUIET_S + 1);
}

/* One that prints is on its way, but not for ever. */
static void talking(void **state UNUSED)
{
	struct claims_signs s = { .os = true, .pci = 1 };
	struct claims_clock c = { 0 };

	for (unsigned int i = 0; i < 50; i++) {
		s.serial++;
		assert_int_equal(pass(&c, &s, 1), 0);
	}
	assert_int_equal(pass(&c, &s, 1000), 50 + CLAIMS_QUIET_S);
	c = (struct claims_clock){ 0 };
	while (!claims_tick(&c, &s))
		s.serial++;
	assert_int_equal(c.seconds, CLAIMS_TALK * CLAIMS_PATIENCE_S + CLAIMS_QUIET_S);
}

static void standing_still(void **state UNUSED)
{
	struct claims_signs s = { .os = true, .pci = 1 };
	struct claims_clock c = { 0 };

	assert_int_equal(pass(&c, &s, 15), 0);
	s.paused = true;
	assert_int_equal(pass(&c, &s, 3600), 0);
	s.paused = false;
	assert_int_equal(pass(&c, &s, 1000), 1 + CLAIMS_PATIENCE_S);
}

/* Firmware and boot loaders print, look at PCI, use disks, and wait for people. */
static void firmware(void **state UNUSED)
{
	struct claims_signs s = { .firmware = true, .serial = 5000, .pci = 200, .status = 20 };
	struct claims_clock c = { 0 };

	assert_int_equal(pass(&c, &s, 30), 0);
	assert_false(claims_end(&c, &s));
	s.os = true;
	assert_int_equal(pass(&c, &s, 1000), 31 + 10 * 31);
	c = (struct claims_clock){ 0 };
	assert_true(claims_end(&c, &s));
}

static void early_end(void **state UNUSED)
{
	struct claims_signs s = { .os = true, .pci = 1 };
	struct claims_clock c = { 0 };

	assert_true(claims_end(&c, &s));
	assert_false(claims_end(&c, &s));
	/* One that crashed before it looked for devices in earnest. */
	s = (struct claims_signs){ .serial = 1, .pci = 1 };
	c = (struct claims_clock){ 0 };
	assert_false(claims_end(&c, &s));
	s.status = 1;
	assert_true(claims_end(&c, &s));
	s = (struct claims_signs){ .os = true };
	c = (struct claims_clock){ 0 };
	assert_false(claims_end(&c, &s));
}

/* What. */

enum { NOTHING = 0, FOUND = 1, DRIVER = 3, FAILED = 0x83, OK = 15 };

static void says(struct claims_device *dev, size_t n, bool pci, const char *want)
{
	char text[CLAIMS_TEXT];

	if (!want) {
		assert_false(claims_next(text, dev, n, pci));
		return;
	}
	assert_true(claims_next(text, dev, n, pci));
	assert_string_equal(text, want);
}

static void all_claimed(void **state UNUSED)
{
	struct claims_device d[] = { { "NIC", 1, VIRTIO_ID_NET, OK },
				     { "disk", 1, VIRTIO_ID_BLOCK, OK | 64 } };

	says(d, 2, true, NULL);
	says(d, 0, true, NULL);
}

static void no_driver(void **state UNUSED)
{
	struct claims_device d[] = { { "NIC", 1, VIRTIO_ID_NET, FOUND },
				     { "NIC", 2, VIRTIO_ID_NET, OK },
				     { "NIC", 3, VIRTIO_ID_NET, FOUND },
				     { "disk", 1, VIRTIO_ID_BLOCK, FOUND },
				     { "memory balloon", 0, VIRTIO_ID_BALLOON, FOUND },
				     { "vsock", 0, VIRTIO_ID_VSOCK, FOUND } };

	says(d, 6, true, "NIC 1, NIC 3: the guest has not claimed them: its kernel lacks "
	     "CONFIG_VIRTIO_NET, or the module virtio_net is not in its initramfs");
	says(d, 6, true, "disk 1: the guest has not claimed it: its kernel lacks "
	     "CONFIG_VIRTIO_BLK, or the module virtio_blk is not in its initramfs");
	says(d, 6, true, "memory balloon: the guest has not claimed it: its kernel lacks "
	     "CONFIG_VIRTIO_BALLOON, or the module virtio_balloon is not in its initramfs");
	says(d, 6, true, "vsock: the guest has not claimed it: its kernel lacks "
	     "CONFIG_VIRTIO_VSOCKETS, or the module vmw_vsock_virtio_transport is not in its "
	     "initramfs");
	says(d, 6, true, NULL);
}

static void no_transport(void **state UNUSED)
{
	struct claims_device d[] = { { "NIC", 1, VIRTIO_ID_NET, NOTHING },
				     { "disk", 1, VIRTIO_ID_BLOCK, NOTHING } };

	says(d, 2, true, "NIC 1, disk 1: the guest has not claimed them: its kernel lacks "
	     "CONFIG_VIRTIO_PCI, or the module virtio_pci is not in its initramfs");
	says(d, 2, true, NULL);
}

/* One that virtio_pci must have seen, since it took the other. */
static void not_tried(void **state UNUSED)
{
	struct claims_device d[] = { { "NIC", 1, VIRTIO_ID_NET, NOTHING },
				     { "disk", 1, VIRTIO_ID_BLOCK, OK } };

	says(d, 2, true, "NIC 1: the guest has not claimed it: its kernel lacks "
	     "CONFIG_VIRTIO_NET, or the module virtio_net is not in its initramfs");
	says(d, 2, true, NULL);
}

static void no_pci(void **state UNUSED)
{
	struct claims_device d[] = { { "NIC", 1, VIRTIO_ID_NET, NOTHING } };

	says(d, 1, false, "NIC 1: the guest has not looked for devices on PCI: its kernel lacks "
	     "CONFIG_PCI, or was told pci=off");
	says(d, 1, false, NULL);
}

static void not_started(void **state UNUSED)
{
	struct claims_device d[] = { { "NIC", 1, VIRTIO_ID_NET, DRIVER },
				     { "disk", 2, VIRTIO_ID_BLOCK, FAILED } };

	says(d, 2, true, "NIC 1: the guest's driver (virtio_net) has found it, but not got it to "
	     "work; its dmesg says why");
	says(d, 2, true, "disk 2: the guest's driver (virtio_blk) has found it, but not got it "
	     "to work; its dmesg says why");
	says(d, 2, true, NULL);
}

static void many(void **state UNUSED)
{
	struct claims_device d[32];
	char text[CLAIMS_TEXT];

	for (unsigned int i = 0; i < ARRAY_SIZE(d); i++)
		d[i] = (struct claims_device){ "memory balloon", 4000000000U, VIRTIO_ID_BALLOON,
					       FOUND };
	assert_true(claims_next(text, d, ARRAY_SIZE(d), true));
	assert_non_null(strstr(text, "initramfs"));
	says(d, ARRAY_SIZE(d), true, NULL);
}

/* Restarts. */

static unsigned int runs(enum restart_how how, double seconds)
{
	struct restart r = { 0 };
	unsigned int n = 1;

	while (n < 1000 && restart_again(&r, how, seconds))
		n++;
	return n;
}

static void restarts(void **state UNUSED)
{
	struct restart r = { 0 };

	assert_int_equal(runs(RESTART_FAULT, 0.5), 1 + 3);
	assert_int_equal(runs(RESTART_GUEST, 9.9), 1 + 10);
	assert_int_equal(runs(RESTART_FAULT, 10), 1000);
	assert_int_equal(runs(RESTART_GUEST, 10), 1000);
	assert_int_equal(runs(RESTART_OUTSIDE, 0), 1000);
	/* A long run, or one that somebody else ended, begins a new row. */
	for (int i = 0; i < 10; i++)
		assert_true(restart_again(&r, RESTART_GUEST, 1));
	assert_true(restart_again(&r, RESTART_GUEST, 11));
	for (int i = 0; i < 10; i++)
		assert_true(restart_again(&r, RESTART_GUEST, 1));
	assert_true(restart_again(&r, RESTART_OUTSIDE, 1));
	/* Both kinds are in one row. */
	for (int i = 0; i < 3; i++)
		assert_true(restart_again(&r, RESTART_GUEST, 1));
	assert_false(restart_again(&r, RESTART_FAULT, 1));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(patience),
	cmocka_unit_test(weak),
	cmocka_unit_test(silent),
	cmocka_unit_test(slow_host),
	cmocka_unit_test(busy),
	cmocka_unit_test(talking),
	cmocka_unit_test(standing_still),
	cmocka_unit_test(firmware),
	cmocka_unit_test(early_end),
	cmocka_unit_test(all_claimed),
	cmocka_unit_test(no_driver),
	cmocka_unit_test(no_transport),
	cmocka_unit_test(not_tried),
	cmocka_unit_test(no_pci),
	cmocka_unit_test(not_started),
	cmocka_unit_test(many),
	cmocka_unit_test(restarts),
};

UNIT_MAIN(tests)
