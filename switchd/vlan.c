/* SPDX-License-Identifier: BSD-2-Clause */
/* vlan.c - Virtual LANs; the essay is in vlan.h */
#include "config.h"

#include "switchd/vlan.h"

#include <errno.h>
#include <string.h>

#include "lib/eth.h"

bool vlan_set_is_empty(const struct vlan_set *set)
{
	static const struct vlan_set none;

	return !memcmp(set, &none, sizeof(none));
}

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

static const char *const tag_names[] = {
	[VLAN_TAG_C] = "802.1q",
	[VLAN_TAG_S] = "802.1ad",
	[VLAN_TAG_NONE] = "none",
};

const char *vlan_tag_name(enum vlan_tag tag)
{
	return tag_names[tag];
}

bool vlan_tag_parse(const char *text, enum vlan_tag *tag)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(tag_names); i++) {
		if (!strcmp(text, tag_names[i])) {
			*tag = (enum vlan_tag)i;
			return true;
		}
	}
	return false;
}

/* The EtherType at @p if it is one of a tag, or 0. */
static uint16_t vlan_type(const uint8_t *p)
{
	uint16_t type = (uint16_t)(p[0] << 8 | p[1]);

	return type == ETH_TYPE_VLAN || type == ETH_TYPE_SVLAN ? type : 0;
}

bool vlan_classify(const struct vlan_port *in, const uint8_t *head, size_t size,
		   struct vlan_class *class)
{
	const bool whole = size >= VLAN_TAG_AT + VLAN_TAG_SIZE + 2;
	const uint8_t *tag = head + VLAN_TAG_AT;
	uint16_t vid, type = vlan_type(tag);

	*class = (struct vlan_class){ .vid = in->pvid };
	if (LIKELY(!type))
		return in->pvid != VLAN_NONE;
	if (whole)
		class->tci = (uint16_t)(tag[2] << 8 | tag[3]);
	if (type != vlan_tpid(in)) {
		class->inner = type;
		return in->pvid != VLAN_NONE;
	}
	if (!whole)
		return false;
	class->tpid = type;
	class->inner = vlan_type(tag + VLAN_TAG_SIZE);
	vid = class->tci & VLAN_VID_MASK;
	if (!vid)
		return in->pvid != VLAN_NONE;
	class->vid = vid;
	return vid != VLAN_NONE && vlan_set_has(&in->tagged, vid);
}
