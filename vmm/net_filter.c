/* SPDX-License-Identifier: BSD-2-Clause */
/* net_filter.c - Which frames a NIC lets through to its guest; see net_filter.h */
#include "config.h"

#include "vmm/net_filter.h"

#include <linux/virtio_net.h>
#include <string.h>

static_assert(VIRTIO_NET_CTRL_RX_PROMISC == 0 &&
	      VIRTIO_NET_CTRL_RX_NOBCAST == NET_FILTER_MODES - 1, "virtio 1.2, 5.1.6.5.1");

void net_filter_init(struct net_filter *f)
{
	*f = (struct net_filter){ .mode[VIRTIO_NET_CTRL_RX_PROMISC] = 1 };
}

bool net_filter_is_sane(const struct net_filter *f)
{
	return f->table[0].count <= NET_FILTER_TABLE && f->table[1].count <= NET_FILTER_TABLE;
}

static bool table_has(const struct net_filter_table *t, struct eth_addr addr)
{
	bool has = t->all;

	for (unsigned int i = 0; !has && i < t->count; i++)
		has = eth_addr_eq(t->addr[i], addr);
	return has;
}

static bool pass_address(const struct net_filter *f, struct eth_addr own, struct eth_addr dst)
{
	static const struct eth_addr broadcast = { { 255, 255, 255, 255, 255, 255 } };

	if (eth_addr_eq(dst, broadcast))
		return !f->mode[VIRTIO_NET_CTRL_RX_NOBCAST];
	if (eth_addr_is_group(dst)) {
		return !f->mode[VIRTIO_NET_CTRL_RX_NOMULTI] &&
		       (f->mode[VIRTIO_NET_CTRL_RX_ALLMULTI] || table_has(&f->table[1], dst));
	}
	return !f->mode[VIRTIO_NET_CTRL_RX_NOUNI] &&
	       (f->mode[VIRTIO_NET_CTRL_RX_ALLUNI] || eth_addr_eq(dst, own) ||
		table_has(&f->table[0], dst));
}

static bool pass_vlan(const struct net_filter *f, const uint8_t *head)
{
	unsigned int type = (unsigned int)head[12] << 8 | head[13];
	unsigned int vlan = ((unsigned int)head[14] << 8 | head[15]) & 0xfff;

	return !f->tagged || type != ETH_TYPE_VLAN || !vlan || f->vlan[vlan / 8] >> vlan % 8 & 1;
}

bool net_filter_pass(const struct net_filter *f, struct eth_addr own,
		     const uint8_t head[static NET_FILTER_PEEK])
{
	struct eth_addr dst;

	memcpy(&dst, head, sizeof(dst));
	return net_filter_is_open(f) || (pass_vlan(f, head) && pass_address(f, own, dst));
}

bool net_filter_set_mode(struct net_filter *f, unsigned int cmd, uint8_t on)
{
	if (cmd >= NET_FILTER_MODES || on > 1)
		return false;
	f->mode[cmd] = on;
	return true;
}

void net_filter_set_table(struct net_filter *f, bool groups, const struct eth_addr *addr,
			  uint32_t count)
{
	struct net_filter_table *t = &f->table[groups];

	*t = (struct net_filter_table){ .all = count > NET_FILTER_TABLE };
	if (t->all)
		return;
	t->count = (uint8_t)count;
	memcpy(t->addr, addr, count * sizeof(*addr));
}

bool net_filter_set_vlan(struct net_filter *f, unsigned int vlan, bool on)
{
	uint8_t bit = (uint8_t)(1U << vlan % 8);

	if (vlan >= NET_FILTER_VLANS)
		return false;
	if (on)
		f->vlan[vlan / 8] |= bit;
	else
		f->vlan[vlan / 8] &= (uint8_t)~bit;
	return true;
}
