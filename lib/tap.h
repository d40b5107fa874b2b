/* SPDX-License-Identifier: BSD-2-Clause */
/* tap.h - Attaching to a tap interface of the host, and saying why that failed */
#ifndef LIB_TAP_H
#define LIB_TAP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"

#define TAP_DEVICE	"/dev/net/tun"

/**
 * tap_attach() - Open the device and attach to an interface, or make one
 * @name:	Name of the interface
 * @vnet:	Each frame has a struct vnet_hdr in front, in both directions
 *
 * Without @vnet frames come without a header of any kind. They come finished, until
 * tap_set_takes() asks for others.
 *
 * Return: a descriptor, non-blocking and closed on exec, the caller's; -EINVAL for what
 * is no name or no tap; -EBUSY, -EPERM, -ENOENT...
 */
int tap_attach(const char *name, bool vnet) MUST_CHECK;

/**
 * tap_adopt() - Check a descriptor that somebody else attached, and use it
 * @fd:		Descriptor
 * @name:	Set to the interface's name (IFNAMSIZ bytes)
 * @vnet:	Set to whether frames have a struct vnet_hdr in front
 *
 * Return: 0, with @fd as tap_attach() would have made it; -ENOTTY: no tap, or one with
 * packet information (IFF_NO_PI is missing); or another -errno
 */
int tap_adopt(int fd, char *name, bool *vnet) MUST_CHECK;

/**
 * tap_set_takes() - Say what we take of frames with offloads
 * @fd:		Tap with headers
 * @takes:	VNET_F_GUEST_... as in offload.h
 *
 * The setting belongs to the interface, and stays when we are gone.
 *
 * Return: what of it the kernel knows
 */
uint64_t tap_set_takes(int fd, uint64_t takes);

/* The likely reason for an errno of tap_attach(), to be put behind what the kernel calls
 * it: " (...)", or "". ENOTTY is that of a descriptor that should have been a tap. */
const char *tap_hint(int err);

#endif /* LIB_TAP_H */
