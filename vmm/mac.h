/* SPDX-License-Identifier: BSD-2-Clause */
/* mac.h - A MAC address for each NIC: the same at every start, never two alike
 *
 * DOC: Theory of operation
 *
 * An address that was not given is derived from what tells the VM from others:
 * its name, else the path of its first disk or of its kernel with the user who
 * runs it, the number of the NIC, and the host (/etc/machine-id). So a guest keeps its address over
 * restarts, and its DHCP lease with it. Without any of these it is random.
 *
 * Two running VMs with one address disturb each other in ways that are hard to
 * find. So an address in use is held by a socket bound to a name in the abstract
 * namespace, which the kernel frees when the process ends, however it ends. Who
 * finds a derived address taken takes the next; an address that was given is
 * refused if a VM on the same network has it. (The names are those of one network
 * namespace: VMs in different ones do not see each other's.)
 */
#ifndef VMM_MAC_H
#define VMM_MAC_H

#include "lib/compiler.h"
#include "lib/eth.h"

/**
 * mac_derive() - The @attempt-th address for NIC number @nic of what @seed names
 *
 * Return: a locally administered unicast address, 52:54:00 and three bytes of
 * a hash for the first attempts, as people expect of VMs
 */
struct eth_addr mac_derive(const char *seed, unsigned int nic,
			   unsigned int attempt);

/**
 * mac_take() - Find an address nobody uses and hold it for as long as we live
 * @seed:	What to derive it from; empty: random
 * @nic:	Number of the NIC
 * @network:	As for mac_hold()
 * @addr:	Set to the address
 *
 * Return: 0 or -errno
 */
int mac_take(const char *seed, unsigned int nic, const char *network,
	     struct eth_addr *addr) MUST_CHECK;

/**
 * mac_hold() - Hold an address on one network for as long as we live
 * @addr:	Address
 * @network:	Switch directory or VNL, NULL for libvdeplug's default; different
 *		spellings of one directory are one network
 *
 * Return: 0, -EADDRINUSE if a running VM holds it there, or -errno
 */
int mac_hold(struct eth_addr addr, const char *network) MUST_CHECK;

#endif /* VMM_MAC_H */
