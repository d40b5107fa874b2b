/* SPDX-License-Identifier: BSD-2-Clause */
/* net_tap.h - A NIC on a tap of the host, whose kernel takes and gives unfinished frames
 *
 * The tap is one that is there, or is made for as long as the VM lives; nothing is done to
 * it but reading and writing, and saying what the guest takes: addresses, bridges and "up"
 * are the host's business. A tap that is deleted is a cable pulled out for good.
 *
 * A descriptor may also be that of a tap without IFF_VNET_HDR: its frames are finished.
 */
#ifndef VMM_NET_TAP_H
#define VMM_NET_TAP_H

#include "lib/compiler.h"
#include "vmm/options.h"

struct ev_loop;
struct net_backend;
struct net_owner;

/**
 * net_tap_open() - Plug into a tap
 * @loop:	Event loop
 * @opt:	Its name, or its descriptor, which is taken over; borrowed
 * @owner:	Callbacks, borrowed
 * @nic:	Passed to them
 * @out:	Set to the back end
 *
 * Return: 0 or -errno, logged
 */
int net_tap_open(struct ev_loop *loop, const struct options_netdev *opt,
		 const struct net_owner *owner, void *nic,
		 struct net_backend **out) MUST_CHECK;

#endif /* VMM_NET_TAP_H */
