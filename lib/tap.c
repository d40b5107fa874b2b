/* SPDX-License-Identifier: BSD-2-Clause */
/* tap.c - Attaching to a tap interface; see tap.h */
#include "config.h"

#include "lib/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>

#include "lib/fd.h"
#include "lib/offload.h"

/* Of the kernel's newest headers. */
enum { TAP_F_USO4 = 0x20, TAP_F_USO6 = 0x40 };

uint64_t tap_set_takes(int fd, uint64_t takes)
{
	static const struct {
		uint64_t feature;
		unsigned int flag;
	} known[] = {
		{ OFFLOAD_F(VNET_F_GUEST_CSUM), TUN_F_CSUM },
		{ OFFLOAD_F(VNET_F_GUEST_TSO4), TUN_F_TSO4 },
		{ OFFLOAD_F(VNET_F_GUEST_TSO6), TUN_F_TSO6 },
		{ OFFLOAD_F(VNET_F_GUEST_ECN), TUN_F_TSO_ECN },
		{ OFFLOAD_F(VNET_F_GUEST_USO4), TAP_F_USO4 },
		{ OFFLOAD_F(VNET_F_GUEST_USO6), TAP_F_USO6 },
	};
	const uint64_t uso = OFFLOAD_F(VNET_F_GUEST_USO4) | OFFLOAD_F(VNET_F_GUEST_USO6);
	unsigned int flags = 0;

	takes &= OFFLOAD_TAKES;
	/* The kernel wants both kinds of UDP or none. */
	if ((takes & uso) != uso)
		takes &= ~uso;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (takes & known[i].feature)
			flags |= known[i].flag;
	if (!ioctl(fd, TUNSETOFFLOAD, flags))
		return takes;
	/* One before Linux 6.2. */
	takes &= ~uso;
	flags &= ~(unsigned int)(TAP_F_USO4 | TAP_F_USO6);
	return !ioctl(fd, TUNSETOFFLOAD, flags) ? takes : 0;
}

/* Frames get headers of our size, and come finished: who was attached to a persistent
 * interface before may have asked for others. */
static int tap_prepare(int fd, bool vnet)
{
	const int size = VNET_HDR_SIZE;

	if (vnet && ioctl(fd, TUNSETVNETHDRSZ, &size) < 0)
		return -errno;
	tap_set_takes(fd, 0);
	return 0;
}

int tap_attach(const char *name, bool vnet)
{
	struct ifreq ifr = { .ifr_flags = (short)(IFF_TAP | IFF_NO_PI |
						  (vnet ? IFF_VNET_HDR : 0)) };
	int fd, ret;

	if (!name[0] || strlen(name) >= sizeof(ifr.ifr_name) ||
	    strpbrk(name, "/% \t\n"))
		return -EINVAL;
	fd = open(TAP_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	memcpy(ifr.ifr_name, name, strlen(name));
	ret = ioctl(fd, TUNSETIFF, &ifr) < 0 ? -errno : tap_prepare(fd, vnet);
	if (ret) {
		fd_close(&fd);
		return ret;
	}
	return fd;
}

int tap_adopt(int fd, char *name, bool *vnet)
{
	struct ifreq ifr = { .ifr_flags = 0 };
	int ret;

	if (ioctl(fd, TUNGETIFF, &ifr) < 0 || !(ifr.ifr_flags & IFF_TAP) ||
	    !(ifr.ifr_flags & IFF_NO_PI))
		return -ENOTTY;
	*vnet = ifr.ifr_flags & IFF_VNET_HDR;
	memcpy(name, ifr.ifr_name, IFNAMSIZ);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	ret = fd_set_nonblock(fd, true);
	return ret ? ret : tap_prepare(fd, *vnet);
}

const char *tap_hint(int err)
{
	switch (err) {
	case EBUSY:
		return " (another program is attached to it)";
	case EPERM:
		return " (not yours: make it with 'ip tuntap add NAME mode tap user YOU')";
	case EINVAL:
		return " (an interface name has 1 to 15 characters; is it a tap?)";
	case ENOTTY:
		return " (not a tap, or one without IFF_NO_PI)";
	case ENOENT:
	case EACCES:
		return " (cannot open " TAP_DEVICE ")";
	default:
		return "";
	}
}
