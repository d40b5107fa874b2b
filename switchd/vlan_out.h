/* SPDX-License-Identifier: BSD-2-Clause */
/* vlan_out.h - Frames as they leave: with a tag, or without the one they came with
 *
 * A frame is a view (frame.h), so a tag is put in or taken out by another view: a
 * private copy of the first bytes with the tag in or out, and the rest where it
 * lies. Each frame of a batch needs at most three (a tag of one type, of another, none),
 * whatever the number of ports.
 */
#ifndef SWITCHD_VLAN_OUT_H
#define SWITCHD_VLAN_OUT_H

#include "switchd/frame.h"
#include "switchd/vlan.h"

struct vlan_out;

/* Memory for the frames of one batch. Return: NULL if there is none. */
struct vlan_out *vlan_out_create(void);

/* NULL is fine. */
void vlan_out_destroy(struct vlan_out *out);

/* A new batch begins: what was made for the last one is no longer valid. */
void vlan_out_begin(struct vlan_out *out);

/**
 * vlan_out_frame() - A frame as it leaves a port
 * @out:	Memory
 * @i:		Its place in the batch, below FRAME_BATCH
 * @frame:	The frame as it came
 * @class:	What VLAN it is in
 * @tpid:	EtherType of the tag it is to have, or 0: none
 *
 * Return: @frame itself if it is right as it is, or another one, valid until the
 * next batch; NULL if it would be longer than a frame may be
 */
const struct frame *vlan_out_frame(struct vlan_out *out, unsigned int i,
				   const struct frame *frame,
				   const struct vlan_class *class, uint16_t tpid);

#endif /* SWITCHD_VLAN_OUT_H */
