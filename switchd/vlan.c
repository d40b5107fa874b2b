/* SPDX-License-Identifier: BSD-2-Clause */
/* vlan.c - Virtual LANs; the essay is in vlan.h */
#include "config.h"

#include "switchd/vlan.h"

#include <errno.h>

#include "lib/eth.h"

int vlan_make(struct vlan_table *t, unsigned int vid)
{
	if (vid < 1 || vid > VLAN_MAX)
		return -EINVAL;
	if (vlan_exists(t, (uint16_t)vid))
		return -EEXIST;
	vlan_set_add(&t->made, (uint16_t)vid);
	t->count++;
	return 0;
}

int vlan_unmake(struct vlan_table *t, unsigned int vid)
{
	if (vid < 1 || vid > VLAN_MAX)
		return -EINVAL;
	if (!vlan_exists(t, (uint16_t)vid))
		return -ENXIO;
	vlan_set_del(&t->made, (uint16_t)vid);
	t->count--;
	return 0;
}

bool vlan_classify(const struct vlan_port *in, const uint8_t *head, size_t size,
		   struct vlan_class *class)
{
	const uint8_t *tag = head + VLAN_TAG_AT;
	uint16_t vid;

	*class = (struct vlan_class){ .vid = in->pvid };
	if (tag[0] << 8 != ETH_TYPE_VLAN || tag[1])
		return in->pvid != VLAN_NONE;
	if (size < VLAN_TAG_AT + VLAN_TAG_SIZE + 2)
		return false;
	class->tagged = true;
	class->tci = (uint16_t)(tag[2] << 8 | tag[3]);
	vid = class->tci & VLAN_VID_MASK;
	if (!vid)
		return in->pvid != VLAN_NONE;
	class->vid = vid;
	return vid != VLAN_NONE && vlan_set_has(&in->tagged, vid);
}
