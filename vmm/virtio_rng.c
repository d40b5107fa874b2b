/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio_rng.c - Entropy device (virtio 1.2, section 5.4): what the host's kernel
 *                has, /dev/urandom, to the guest */
#include "config.h"

#include "vmm/virtio_rng.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/iov.h"
#include "lib/log.h"
#include "vmm/virtio.h"
#include "vmm/vm.h"

#define RNG_SOURCE	"/dev/urandom"

enum { RNG_CHUNK = 4096 };	/* bytes given for one buffer, at most */

/**
 * struct virtio_rng - The device
 * @source:	/dev/urandom
 */
struct virtio_rng {
	struct virtio_dev dev;
	int source;
};

static void rng_kick(struct virtio_dev *dev, unsigned int q)
{
	struct virtio_rng *rng = container_of(dev, struct virtio_rng, dev);
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
		n = read(rng->source, buf, sizeof(buf));
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
	struct virtio_rng *rng = calloc(1, sizeof(*rng));
	int ret;

	if (!rng)
		return -ENOMEM;
	rng->source = open(RNG_SOURCE, O_RDONLY | O_CLOEXEC);
	ret = rng->source < 0 ? -errno : virtio_init(&rng->dev, vm, &rng_ops, 0, 1);
	if (ret) {
		log_err_errno(-ret, "entropy device: " RNG_SOURCE);
		fd_close(&rng->source);
		free(rng);
		return ret;
	}
	*out = &rng->dev;
	return 0;
}

void virtio_rng_destroy(struct virtio_dev *dev)
{
	struct virtio_rng *rng;

	if (!dev)
		return;
	rng = container_of(dev, struct virtio_rng, dev);
	virtio_destroy(dev);
	fd_close(&rng->source);
	free(rng);
}
