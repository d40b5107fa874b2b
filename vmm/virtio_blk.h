/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio_blk.h - Block device (virtio 1.2, section 5.2) over a disk */
#ifndef VMM_VIRTIO_BLK_H
#define VMM_VIRTIO_BLK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"

struct options_drive;
struct stat;
struct virtio_blk;
struct virtio_dev;
struct vm;

/**
 * virtio_blk_create() - Put a disk on the PCI bus
 * @vm:		Machine
 * @opt:	What the command line says; borrowed
 * @out:	Set
 *
 * Every failure is logged, naming the image. Return: 0 or -errno
 */
int virtio_blk_create(struct vm *vm, const struct options_drive *opt,
		      struct virtio_blk **out) MUST_CHECK;

/* Make the threads that it needs; see thread.h. Return: 0 or -errno, logged. */
int virtio_blk_start_threads(struct virtio_blk *blk) MUST_CHECK;

/* As after power-on; when this returns, nobody touches guest memory. */
void virtio_blk_reset(struct virtio_blk *blk);

/* Its place on the bus. */
struct virtio_dev *virtio_blk_dev(struct virtio_blk *blk);

/* Bytes that the guest sees. */
uint64_t virtio_blk_size(const struct virtio_blk *blk);

/* Ask about the image's file. Return: whether that can be done. */
bool virtio_blk_stat(const struct virtio_blk *blk, struct stat *st);

/* NULL is fine. */
void virtio_blk_destroy(struct virtio_blk *blk);

#endif /* VMM_VIRTIO_BLK_H */
