/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio_rng.c - Entropy device (virtio 1.2, section 5.4): getrandom(2) to the guest */
#include "config.h"

#include "vmm/virtio_rng.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "lib/iov.h"
#include "vmm/virtio.h"
#include "vmm/vm.h"

enum { RNG_CHUNK = 4096 };	/* bytes given for one buffer, at most */

static void rng_kick(struct virtio_dev *dev, unsigned int q)
{
	struct vring *vr = &dev->queue[q].vring;
	struct iovec iov[VRING_CHAIN_MAX];
	struct vring_chain chain;
	uint8_t buf[RNG_CHUNK];

	for (unsigned int i = 0; i < VIRTIO_QUEUE_SIZE; i++) {
		ssize_t n;

		if (!vring_pop(vr, &chain, 1, iov, ARRAY_SIZE(iov))) {
			if (vr->broken)
				virtio_break(dev, vr->broken);
			if (vr->broken || !vring_want_kick(vr, 1))
				return;
			continue;
		}
		n = getrandom(buf, sizeof(buf), 0);
		n = (ssize_t)iov_from_buf(chain.iov + chain.out, chain.in, 0, buf,
					  n > 0 ? (size_t)n : 0);
		vring_push(vr, chain.head, (uint32_t)n);
		virtio_publish(dev, q);
	}
	virtio_kick_again(dev, q);
}

static void rng_nothing(struct virtio_dev *dev UNUSED)
{
}

static const struct virtio_ops rng_ops = {
	.name = "virtio-rng",
	.id = VIRTIO_ID_RNG,
	.class = 0xff0000,
	.activate = rng_nothing,
	.reset = rng_nothing,
	.kick = rng_kick,
};

int virtio_rng_create(struct vm *vm, struct virtio_dev **out)
{
	struct virtio_dev *dev = calloc(1, sizeof(*dev));
	int ret;

	if (!dev)
		return -ENOMEM;
	ret = virtio_init(dev, vm, &rng_ops, 0, 1);
	if (ret) {
		free(dev);
		return ret;
	}
	*out = dev;
	return 0;
}

void virtio_rng_destroy(struct virtio_dev *dev)
{
	if (!dev)
		return;
	virtio_destroy(dev);
	free(dev);
}
