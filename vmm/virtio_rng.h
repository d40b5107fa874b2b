/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio_rng.h - Entropy device (virtio 1.2, section 5.4): getrandom(2) to the guest */
#ifndef VMM_VIRTIO_RNG_H
#define VMM_VIRTIO_RNG_H

#include "lib/compiler.h"

struct virtio_dev;
struct vm;

/* Put an entropy device on the bus; it lives as long as the process's VM. Return:
 * 0 or -errno, logged. */
int virtio_rng_create(struct vm *vm, struct virtio_dev **out) MUST_CHECK;

/* NULL is fine. */
void virtio_rng_destroy(struct virtio_dev *dev);

#endif /* VMM_VIRTIO_RNG_H */
