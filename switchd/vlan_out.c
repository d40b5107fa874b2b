/* SPDX-License-Identifier: BSD-2-Clause */
/* vlan_out.c - Frames as they leave; the essay is in vlan_out.h */
#include "config.h"

#include "switchd/vlan_out.h"

#include <stdlib.h>
#include <string.h>

#include "lib/iov.h"
#include "lib/offload.h"

enum {
	VLAN_OUT_HEAD = 64,	/* bytes copied of each frame */
	VLAN_OUT_FORMS = 3,
	/* Pieces of all frames of a batch, in all forms; longer chains than any
	 * endpoint brings. */
	VLAN_OUT_PIECES = 8192,
};

/** struct vlan_out_one - A frame with other tags; @frame.iov is NULL if not made */
struct vlan_out_one {
	struct frame frame;
	struct offload offload;
	uint8_t head[OFFLOAD_HDR_MAX];
};

struct vlan_out {
	struct vlan_out_one one[FRAME_BATCH][VLAN_OUT_FORMS];
	struct iovec piece[VLAN_OUT_PIECES];
	unsigned int pieces;
};

struct vlan_out *vlan_out_create(void)
{
	return calloc(1, sizeof(struct vlan_out));
}

void vlan_out_destroy(struct vlan_out *out)
{
	free(out);
}

void vlan_out_begin(struct vlan_out *out)
{
	for (unsigned int i = 0; i < FRAME_BATCH; i++)
		for (unsigned int form = 0; form < VLAN_OUT_FORMS; form++)
			out->one[i][form].frame.iov = NULL;
	out->pieces = 0;
}

/* Make the frame: @old bytes of tag go, @tag comes, if there is one. */
static const struct frame *vlan_out_make(struct vlan_out *out, struct vlan_out_one *one,
					 const struct frame *frame, size_t old,
					 const uint8_t *tag)
{
	/* An unfinished frame keeps its head in one piece. */
	size_t copied = MIN(frame->head_size, frame->offload ? (size_t)OFFLOAD_HEAD_MAX :
					      (size_t)VLAN_OUT_HEAD);
	size_t new = tag ? VLAN_TAG_SIZE : 0;
	struct iovec *piece = &out->piece[out->pieces];

	if (frame->size - old + new > frame_size_max(frame) ||
	    frame->iovcnt + 1 > VLAN_OUT_PIECES - out->pieces)
		return NULL;
	memcpy(one->head, frame->head, VLAN_TAG_AT);
	if (tag)
		memcpy(one->head + VLAN_TAG_AT, tag, new);
	memcpy(one->head + VLAN_TAG_AT + new, frame->head + VLAN_TAG_AT + old,
	       copied - VLAN_TAG_AT - old);
	piece[0] = (struct iovec){ one->head, copied - old + new };
	one->frame = (struct frame){
		.head = one->head,
		.head_size = copied - old + new,
		.size = frame->size - old + new,
		.iov = piece,
		.iovcnt = 1 + iov_rest(piece + 1, frame->iov, frame->iovcnt, copied),
	};
	if (frame->offload) {
		one->offload = *frame->offload;
		offload_moved(&one->offload, (int)new - (int)old);
		one->frame.offload = &one->offload;
	}
	out->pieces += one->frame.iovcnt;
	return &one->frame;
}

const struct frame *vlan_out_frame(struct vlan_out *out, unsigned int i,
				   const struct frame *frame,
				   const struct vlan_class *class, uint16_t tpid)
{
	uint16_t tci = (uint16_t)((class->tci & ~VLAN_VID_MASK) | class->vid);
	const uint8_t tag[VLAN_TAG_SIZE] = { (uint8_t)(tpid >> 8), (uint8_t)tpid,
					     (uint8_t)(tci >> 8), (uint8_t)tci };
	struct vlan_out_one *one = &out->one[i][!tpid ? 0 : tpid == ETH_TYPE_VLAN ? 1 : 2];

	if (tpid == class->tpid && (!tpid || class->tci == tci))
		return frame;
	if (one->frame.iov)
		return &one->frame;
	return vlan_out_make(out, one, frame, class->tpid ? VLAN_TAG_SIZE : 0,
			     tpid ? tag : NULL);
}
