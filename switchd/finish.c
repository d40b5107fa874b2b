/* SPDX-License-Identifier: BSD-2-Clause */
/* finish.c - Frames with offloads, for those who do not take them; see finish.h */
#include "config.h"

#include "switchd/finish.h"

#include <stdlib.h>
#include <string.h>

#include "lib/eth.h"
#include "lib/offload.h"

enum {
	/* Pieces of a group: a few for each segment, or one that is in as many as there
	 * can be. */
	FINISH_PIECES = 4096,
};

/** struct finish_one - A frame that was made */
struct finish_one {
	struct frame frame;
	struct offload offload;
	uint8_t head[OFFLOAD_HDR_MAX];
};

/**
 * struct finisher - A batch on its way
 * @frames:	@n frames, of which @at is the next one
 * @cutting:	That one is being cut, by @cut
 * @group:	What was made last: others' frames, and those in @one
 * @piece:	The bytes of those, @pieces so far
 */
struct finisher {
	const struct frame *const *frames;
	unsigned int n;
	unsigned int at;
	uint64_t takes;
	bool cutting;
	struct offload_cut cut;
	const struct frame *group[FRAME_BATCH];
	struct finish_one one[FRAME_BATCH];
	struct iovec piece[FINISH_PIECES];
	unsigned int pieces;
};

struct finisher *finisher_create(void)
{
	return calloc(1, sizeof(struct finisher));
}

void finisher_destroy(struct finisher *fi)
{
	free(fi);
}

void finish_start(struct finisher *fi, const struct frame *const *frames, unsigned int n,
		  uint64_t takes)
{
	fi->frames = frames;
	fi->n = n;
	fi->at = 0;
	fi->takes = takes;
	fi->cutting = false;
}

/* The same frame with its checksum. */
static void finish_csum(struct finisher *fi, struct finish_one *one, const struct frame *f)
{
	struct iovec *piece = &fi->piece[fi->pieces];

	memcpy(one->head, f->head, f->head_size);
	one->offload = *f->offload;
	offload_csum(&one->offload, one->head, f->iov + 1, f->iovcnt - 1);
	piece[0] = (struct iovec){ one->head, f->head_size };
	memcpy(piece + 1, f->iov + 1, (f->iovcnt - 1) * sizeof(*piece));
	fi->pieces += f->iovcnt;
	one->frame = *f;
	one->frame.head = one->head;
	one->frame.iov = piece;
	one->frame.offload = NULL;
}

/* The next segment of a frame. Return: whether there is one; it may be too long. */
static bool finish_segment(struct finisher *fi, struct finish_one *one, const struct frame *f)
{
	struct iovec *piece = &fi->piece[fi->pieces];
	int n;

	if (!fi->cutting)
		offload_cut_start(&fi->cut, f->offload, f->head, f->iov + 1, f->iovcnt - 1,
				  fi->takes);
	fi->cutting = true;
	n = offload_segment(&fi->cut, one->head, piece, FINISH_PIECES - fi->pieces);
	if (n <= 0)
		return false;
	fi->pieces += (unsigned int)n;
	one->frame = (struct frame){
		.head = one->head,
		.head_size = piece[0].iov_len,
		.size = fi->cut.size,
		.iov = piece,
		.iovcnt = (unsigned int)n,
	};
	if (fi->cut.partial) {
		one->offload = *f->offload;
		one->offload.needs = OFFLOAD_F(VNET_F_GUEST_CSUM);
		one->offload.size = one->offload.csum_end = (uint32_t)fi->cut.size;
		one->offload.head_size = (uint32_t)piece[0].iov_len;
		one->offload.gso_type = VNET_GSO_NONE;
		one->offload.gso_size = 0;
		one->offload.segs = 1;
		one->offload.ecn = false;
		one->frame.offload = &one->offload;
	}
	return true;
}

unsigned int finish_next(struct finisher *fi, const struct frame *const **group,
			 unsigned int *lost)
{
	unsigned int n = 0;

	*group = fi->group;
	*lost = 0;
	fi->pieces = 0;
	while (n < FRAME_BATCH && fi->at < fi->n) {
		const struct frame *f = fi->frames[fi->at];
		struct finish_one *one = &fi->one[n];

		if (!f->offload || offload_fits(fi->takes, f->offload)) {
			fi->group[n++] = f;
			fi->at++;
			continue;
		}
		if (f->iovcnt + 1 > FINISH_PIECES) {
			++*lost;
			fi->at++;
			continue;
		}
		if (f->iovcnt + 1 > FINISH_PIECES - fi->pieces)
			break;
		if (f->offload->segs == 1) {
			finish_csum(fi, one, f);
			fi->group[n++] = &one->frame;
			fi->at++;
		} else if (!finish_segment(fi, one, f)) {
			fi->cutting = false;
			fi->at++;
		} else if (one->frame.size > ETH_FRAME_MAX) {
			++*lost;
		} else {
			fi->group[n++] = &one->frame;
		}
	}
	return n;
}
