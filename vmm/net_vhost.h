/* SPDX-License-Identifier: BSD-2-Clause */
/* net_vhost.h - A NIC whose rings a switch of ours works on, without us
 *
 * DOC: Theory of operation
 *
 * A switch directory with a vhost socket in it offers to take the guest's rings
 * over (vhost-user): its memory is a memfd, kicks are eventfds that KVM writes,
 * interrupts are eventfds that KVM reads. All of them are given to the switch, and
 * the VMM is not on the data path any more.
 *
 * The switch may die and come back. The guest does not notice more than a pause:
 * the rings stay where they are, and the new switch goes on behind the last chain
 * that the old one gave back. Until then we look for it, as long as it takes.
 *
 * A guest goes on with what it has negotiated, whichever switch comes back. One that does
 * not give all of it is good enough, as frames may always come finished. One that does not
 * understand all that the guest may send (checksums, segmentation) does not get the rings:
 * the cable stays unplugged, and it is said why.
 *
 * Handing over takes several questions and answers, and a switch may be stopped in
 * the middle, so that is done by a thread; nobody waits for it but a reset of the
 * device: when that is over, the switch must have left the guest's memory. A
 * switch that does not answer then loses the connection.
 *
 * The switch is told guest addresses only, where the protocol has addresses of
 * our own: it does not learn where our memory lies.
 */
#ifndef VMM_NET_VHOST_H
#define VMM_NET_VHOST_H

#include <stdint.h>

#include "lib/compiler.h"
#include "vmm/net.h"
#include "vmm/options.h"

struct vm;

/**
 * net_vhost_open() - Plug a NIC into a switch that takes rings
 * @vm:		Machine
 * @opt:	Where to; borrowed
 * @owner:	The NIC
 * @nic:	Passed to it
 * @features:	In: what the device can do; out: what the switch can, too
 * @out:	Set to the back end
 *
 * Return: 0; -ENOENT if @opt leads to no such switch; or another -errno, which is
 * logged
 */
int net_vhost_open(struct vm *vm, const struct options_netdev *opt,
		   const struct net_owner *owner, void *nic, uint64_t *features,
		   struct net_backend **out) MUST_CHECK;

#endif /* VMM_NET_VHOST_H */
