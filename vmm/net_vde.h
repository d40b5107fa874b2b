/* SPDX-License-Identifier: BSD-2-Clause */
/* net_vde.h - A NIC on libvdeplug: any VDE switch, any VNL the library knows */
#ifndef VMM_NET_VDE_H
#define VMM_NET_VDE_H

#include "lib/compiler.h"
#include "vmm/options.h"

struct ev_loop;
struct net_backend;
struct net_owner;

/**
 * net_vde_open() - Plug into a VDE network
 * @loop:	Event loop
 * @opt:	Where, and how; borrowed
 * @vm_name:	For the description that the switch shows
 * @owner:	Callbacks, borrowed
 * @nic:	Passed to them
 * @out:	Set to the back end
 *
 * If the switch goes away, the cable is down until it is back; it is looked for
 * every second for as long as the VM lives. So it is with opt->reconnect if it is not
 * there yet. Return: 0 or -errno, logged
 */
int net_vde_open(struct ev_loop *loop, const struct options_netdev *opt,
		 const char *vm_name, const struct net_owner *owner, void *nic,
		 struct net_backend **out) MUST_CHECK;

#endif /* VMM_NET_VDE_H */
