/* SPDX-License-Identifier: BSD-2-Clause */
/* finish.h - Frames with offloads, for those who do not take them
 *
 * A frame whose sender left work to others (lib/offload.h) goes as it is to a receiver
 * that takes such frames. For any other, and for whoever looks on, it is finished here:
 * its checksum is completed, and where it stands for many segments these are made, as
 * views (frame.h): private headers, and the payload where it lies.
 *
 * They come in groups of at most FRAME_BATCH frames, each valid until the next one is
 * asked for; frames that need nothing are passed through, in their place:
 *
 *	finish_start(fi, frames, n, takes);
 *	while ((cnt = finish_next(fi, &group, &lost)) || lost)
 *		send cnt frames of group
 *
 * No descriptor, no clock, no allocation after finisher_create().
 */
#ifndef SWITCHD_FINISH_H
#define SWITCHD_FINISH_H

#include <stdint.h>

#include "lib/compiler.h"
#include "switchd/frame.h"

struct finisher;

/* Memory for one group of frames. Return: NULL if there is none. */
struct finisher *finisher_create(void);

/* NULL is fine. */
void finisher_destroy(struct finisher *fi);

/**
 * finish_start() - Begin with a batch
 * @fi:		Memory
 * @frames:	@n frames, valid until the last group is done with
 * @n:		How many
 * @takes:	What the receiver takes, VNET_F_GUEST_... as in offload.h; 0: nothing
 */
void finish_start(struct finisher *fi, const struct frame *const *frames, unsigned int n,
		  uint64_t takes);

/**
 * finish_next() - The next group of frames
 * @fi:		Memory
 * @group:	Set to the frames
 * @lost:	Set to how many had to be left out: segments that would be longer than a
 *		frame may be, and frames in more pieces than any endpoint brings
 *
 * Return: how many are in @group; 0 when all are done
 */
unsigned int finish_next(struct finisher *fi, const struct frame *const **group,
			 unsigned int *lost) MUST_CHECK;

#endif /* SWITCHD_FINISH_H */
