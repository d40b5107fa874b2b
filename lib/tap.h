/* SPDX-License-Identifier: BSD-2-Clause */
/* tap.h - Attaching to a tap interface of the host, and saying why that failed */
#ifndef LIB_TAP_H
#define LIB_TAP_H

#include "lib/compiler.h"

#define TAP_DEVICE	"/dev/net/tun"

/**
 * tap_attach() - Open the device and attach to an interface, or make one
 * @name:	Name of the interface
 *
 * Frames come without a header of any kind (IFF_NO_PI, no IFF_VNET_HDR).
 *
 * Return: a descriptor, non-blocking and closed on exec, the caller's; -EINVAL for what
 * is no name or no tap; -EBUSY, -EPERM, -ENOENT...
 */
int tap_attach(const char *name) MUST_CHECK;

/* The likely reason for an errno of tap_attach(), to be put behind what the kernel calls
 * it: " (...)", or "". ENOTTY is that of a descriptor that should have been a tap. */
const char *tap_hint(int err);

#endif /* LIB_TAP_H */
