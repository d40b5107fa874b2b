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

int tap_attach(const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd, ret;

	if (!name[0] || strlen(name) >= sizeof(ifr.ifr_name) ||
	    strpbrk(name, "/% \t\n"))
		return -EINVAL;
	fd = open(TAP_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	memcpy(ifr.ifr_name, name, strlen(name));
	if (ioctl(fd, TUNSETIFF, &ifr) < 0) {
		ret = -errno;
		fd_close(&fd);
		return ret;
	}
	return fd;
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
		return " (not a tap with IFF_NO_PI and without IFF_VNET_HDR)";
	case ENOENT:
	case EACCES:
		return " (cannot open " TAP_DEVICE ")";
	default:
		return "";
	}
}
