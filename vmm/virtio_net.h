/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio_net.h - Network device (virtio 1.2, section 5.1) over a net_backend */
#ifndef VMM_VIRTIO_NET_H
#define VMM_VIRTIO_NET_H

#include <stdbool.h>

#include "lib/compiler.h"
#include "lib/eth.h"
#include "vmm/options.h"

struct state;
struct virtio_net;
struct vm;

/**
 * virtio_net_create() - Put a NIC on the bus and plug it in
 * @vm:		Machine
 * @nic:	Options of the NIC and of its network; borrowed
 * @mac:	Its address
 * @out:	Set to the device
 *
 * Return: 0 or -errno, logged
 */
int virtio_net_create(struct vm *vm, const struct options_nic *nic,
		      struct eth_addr mac, struct virtio_net **out) MUST_CHECK;

/* Make the threads that it needs; see thread.h. Return: 0 or -errno, logged. */
int virtio_net_start_threads(struct virtio_net *net) MUST_CHECK;

/* As after power-on. */
void virtio_net_reset(struct virtio_net *net);

/* Its address, and whether its cable is plugged in. */
struct eth_addr virtio_net_mac(const struct virtio_net *net);
bool virtio_net_link(const struct virtio_net *net);

/* The address that the NIC in a PCI slot had in a saved VM, or NULL. */
const struct eth_addr *virtio_net_saved_mac(const struct state *s, unsigned int slot);

/* NULL is fine. */
void virtio_net_destroy(struct virtio_net *net);

#endif /* VMM_VIRTIO_NET_H */
