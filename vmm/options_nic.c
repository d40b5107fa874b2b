/* SPDX-License-Identifier: BSD-2-Clause */
/* options_nic.c - Properties of a NIC that can be switched off; see options_nic.h */
#include "config.h"

#include "vmm/options_nic.h"

#include <linux/virtio_net.h>

#include "lib/vnet.h"

#define F(feature)	(UINT64_C(1) << (feature))

const struct options_nic_property options_nic_properties[] = {
	{ "csum", F(VNET_F_CSUM) },
	{ "gso", F(VIRTIO_NET_F_GSO) },
	{ "host_tso4", F(VNET_F_HOST_TSO4) },
	{ "host_tso6", F(VNET_F_HOST_TSO6) },
	{ "host_ecn", F(VNET_F_HOST_ECN) },
	{ "host_uso", F(VNET_F_HOST_USO) },
	{ "host_ufo", F(VIRTIO_NET_F_HOST_UFO) },
	{ "guest_csum", F(VNET_F_GUEST_CSUM) },
	{ "guest_tso4", F(VNET_F_GUEST_TSO4) },
	{ "guest_tso6", F(VNET_F_GUEST_TSO6) },
	{ "guest_ecn", F(VNET_F_GUEST_ECN) },
	{ "guest_uso4", F(VNET_F_GUEST_USO4) },
	{ "guest_uso6", F(VNET_F_GUEST_USO6) },
	{ "guest_ufo", F(VIRTIO_NET_F_GUEST_UFO) },
	{ "guest_announce", F(VIRTIO_NET_F_GUEST_ANNOUNCE) },
	{ "mrg_rxbuf", F(VNET_F_MRG_RXBUF) },
	{ "ctrl_rx", F(VIRTIO_NET_F_CTRL_RX) },
	{ "ctrl_rx_extra", F(VIRTIO_NET_F_CTRL_RX_EXTRA) },
	{ "ctrl_vlan", F(VIRTIO_NET_F_CTRL_VLAN) },
	{ "ctrl_mac_addr", F(VIRTIO_NET_F_CTRL_MAC_ADDR) },
	{ "ctrl_guest_offloads", F(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) },
	{ 0 },
};
