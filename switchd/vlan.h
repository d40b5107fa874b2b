/* SPDX-License-Identifier: BSD-2-Clause */
/* vlan.h - Virtual LANs: which of them is a frame in, and how does it leave a port?
 *
 * DOC: Theory of operation
 *
 * IEEE 802.1Q, in the terms of VDE. A port has one untagged VLAN (its PVID, 0 at
 * first) and any number of tagged ones. A frame without a tag, or with the
 * priority tag (VID 0), belongs to the PVID of the port it came in at; one with a
 * tag belongs to the VLAN of its tag, if the port is a tagged member of it, and to
 * none otherwise. It leaves only at members, with a tag where the VLAN is a tagged
 * one, without where it is the PVID; the priority bits of a tag are kept. VLANs
 * are made before they are used; VLAN 0 is always there. A PVID of VLAN_NONE means
 * that the port takes tagged frames only.
 *
 * Only the outer tag counts, and a tag that is taken off is never followed by a
 * look at what was under it: nobody gets into a VLAN by wrapping one tag in
 * another. For the same reason, a frame that would leave a port without a tag, but
 * looks as if it had one of the port's type, does not: the next switch would believe it.
 *
 * What is a tag, is each port's own (enum vlan_tag): a customer's, 0x8100, as VDE has
 * it; a provider's, 0x88a8 (802.1ad); or nothing at all. Another's tag is payload. So a
 * port whose type is not its customer's is the edge of a provider network: what comes
 * in, with the customer's tags or without, is in the port's untagged VLAN and gets
 * one more tag on its way between providers' switches, with the priority of the
 * customer's; where it leaves to a customer, only that is taken off.
 *
 * An address is known in each VLAN for itself (independent learning), or, if all VLANs
 * share what they learn, once: then two VLANs that a one-way path each connects to a
 * third behave as one LAN (802.1Q, annex F).
 *
 * A switch on which nobody has made a VLAN does not look at tags at all: frames
 * pass whole, so that guests with VLANs of their own just work (VLAN_AUTO).
 * VLAN_STRICT looks at tags from the start, as VDE does; VLAN_TRANSPARENT never.
 *
 * Pure: no descriptor, no clock, no allocation.
 */
#ifndef SWITCHD_VLAN_H
#define SWITCHD_VLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/eth.h"

enum {
	VLAN_MAX = 4094,	/* 4095 is reserved (802.1Q, 9.6) */
	VLAN_NONE = 4095,
	VLAN_WORDS = 4096 / 64,
	VLAN_TAG_SIZE = 4,
	VLAN_TAG_AT = 12,	/* its place in a frame */
	VLAN_VID_MASK = 0x0fff,
};

enum vlan_mode { VLAN_AUTO, VLAN_STRICT, VLAN_TRANSPARENT };

/** enum vlan_tag - What a port takes for a tag */
enum vlan_tag {
	VLAN_TAG_C,		/* 802.1Q: 0x8100 */
	VLAN_TAG_S,		/* 802.1ad: 0x88a8 */
	VLAN_TAG_NONE,		/* nothing: all frames are in its untagged VLAN */
};

/** struct vlan_set - A set of VLANs; all zero is the empty one */
struct vlan_set {
	uint64_t bits[VLAN_WORDS];
};

static inline bool vlan_set_has(const struct vlan_set *set, uint16_t vid)
{
	return set->bits[vid / 64] >> vid % 64 & 1;
}

static inline void vlan_set_add(struct vlan_set *set, uint16_t vid)
{
	set->bits[vid / 64] |= (uint64_t)1 << vid % 64;
}

static inline void vlan_set_del(struct vlan_set *set, uint16_t vid)
{
	set->bits[vid / 64] &= ~((uint64_t)1 << vid % 64);
}

bool vlan_set_is_empty(const struct vlan_set *set);

/**
 * struct vlan_port - What a port has to do with VLANs; all zero is the default
 * @pvid:	VLAN of its untagged frames, or VLAN_NONE
 * @tag:	What is a tag
 * @tagged:	VLANs of which it is a tagged member; none with VLAN_TAG_NONE
 */
struct vlan_port {
	uint16_t pvid;
	enum vlan_tag tag;
	struct vlan_set tagged;
};

/**
 * struct vlan_table - The VLANs of a switch; all zero is VLAN_AUTO with VLAN 0
 * @mode:	When tags count
 * @shared:	What is learned in one VLAN is known in all
 * @made:	VLANs that were made; VLAN 0 is not among them
 * @count:	How many
 */
struct vlan_table {
	enum vlan_mode mode;
	bool shared;
	struct vlan_set made;
	unsigned int count;
};

/* Whether tags count now. */
static inline bool vlan_is_aware(const struct vlan_table *t)
{
	return t->mode == VLAN_STRICT || (t->mode == VLAN_AUTO && t->count);
}

static inline bool vlan_exists(const struct vlan_table *t, uint16_t vid)
{
	return vid == 0 || (vid <= VLAN_MAX && vlan_set_has(&t->made, vid));
}

/* Make a VLAN. Return: 0; -EINVAL unless @vid is 1 to VLAN_MAX; -EEXIST. */
int vlan_make(struct vlan_table *t, unsigned int vid) MUST_CHECK;

/* Remove a VLAN that no port is in. Return: 0; -EINVAL; -ENXIO if there is none. */
int vlan_unmake(struct vlan_table *t, unsigned int vid) MUST_CHECK;

/**
 * struct vlan_class - What VLAN a frame is in
 * @vid:	The VLAN
 * @tci:	Tag control information as it came: priority, DEI, VID. Without a tag it is
 *		that of a tag of another type, which is payload, or 0
 * @tpid:	EtherType of its tag, or 0 if it has none
 * @inner:	EtherType of what looks like a tag behind that, or 0
 */
struct vlan_class {
	uint16_t vid;
	uint16_t tci;
	uint16_t tpid;
	uint16_t inner;
};

/**
 * vlan_classify() - Which VLAN is a frame in?
 * @in:		Port it came in at
 * @head:	Its first bytes
 * @size:	How many; 14 at least
 * @class:	Filled
 *
 * Return: whether it is in one that the port is a member of
 */
bool vlan_classify(const struct vlan_port *in, const uint8_t *head, size_t size,
		   struct vlan_class *class) MUST_CHECK;

/* Names of types: "802.1q", "802.1ad", "none". */
const char *vlan_tag_name(enum vlan_tag tag);
bool vlan_tag_parse(const char *text, enum vlan_tag *tag) MUST_CHECK;

/* The EtherType of a port's tags, 0 if it has none. */
static inline uint16_t vlan_tpid(const struct vlan_port *port)
{
	static const uint16_t tpids[] = {
		[VLAN_TAG_C] = ETH_TYPE_VLAN,
		[VLAN_TAG_S] = ETH_TYPE_SVLAN,
		[VLAN_TAG_NONE] = 0,
	};

	return tpids[port->tag];
}

enum vlan_form { VLAN_NOT_MEMBER, VLAN_UNTAGGED, VLAN_TAGGED };

/* How a frame of VLAN @vid leaves a port, if at all. */
static inline enum vlan_form vlan_form(const struct vlan_port *out, uint16_t vid)
{
	if (vlan_set_has(&out->tagged, vid))
		return VLAN_TAGGED;
	return out->pvid == vid ? VLAN_UNTAGGED : VLAN_NOT_MEMBER;
}

/* Whether a frame that leaves a port without a tag would be taken for a tagged one. */
static inline bool vlan_deceives(const struct vlan_port *out, const struct vlan_class *class)
{
	return class->inner && class->inner == vlan_tpid(out);
}

#endif /* SWITCHD_VLAN_H */
