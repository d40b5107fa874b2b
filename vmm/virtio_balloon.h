/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio_balloon.h - Memory balloon (virtio 1.2, section 5.5): the guest gives memory back
 *
 * DOC: Theory of operation
 *
 * Two ways. We ask for some: the guest's driver takes pages away from the guest until it
 * has as many as we want, and tells us which (the balloon is inflated), or gives some back
 * to the guest (deflated). And, with free-page reporting, the guest tells of big pieces of
 * memory that are free anyway; it may use them again without asking.
 *
 * Either way we punch holes into the file that guest RAM is. The guest reads zeroes there
 * until it writes, and so does a switch that works on the same memory: there is one file,
 * and no copy that could be out of date.
 *
 * Security model: the guest may name any addresses. What is no RAM of its own is passed
 * over; what is, only it loses. Of the pages that one chain names, only so many are freed
 * as make nobody else wait.
 */
#ifndef VMM_VIRTIO_BALLOON_H
#define VMM_VIRTIO_BALLOON_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"

struct virtio_balloon;
struct virtio_dev;
struct vm;

/**
 * virtio_balloon_create() - Put a balloon on the bus
 * @vm:		Machine
 * @reporting:	The guest may report free pages
 * @out:	Set to the balloon; the caller destroys it
 *
 * Return: 0 or -errno
 */
int virtio_balloon_create(struct vm *vm, bool reporting,
			  struct virtio_balloon **out) MUST_CHECK;

/* NULL is fine. */
void virtio_balloon_destroy(struct virtio_balloon *b);

/* The device, for its registers. */
struct virtio_dev *virtio_balloon_dev(struct virtio_balloon *b);

/* As after power-on; what was wanted of the guest still is. NULL is fine. */
void virtio_balloon_reset(struct virtio_balloon *b);

/* Want the guest to have @bytes of RAM, or all that there is, if that is less. */
void virtio_balloon_want(struct virtio_balloon *b, uint64_t bytes);

/* Bytes of RAM that the guest has, as it says. */
uint64_t virtio_balloon_actual(const struct virtio_balloon *b);

#endif /* VMM_VIRTIO_BALLOON_H */
