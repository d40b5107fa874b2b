/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio_balloon.c - Memory balloon; the essay is in virtio_balloon.h */
#include "config.h"

#include "vmm/virtio_balloon.h"

#include <errno.h>
#include <linux/virtio_balloon.h>
#include <stdlib.h>
#include <string.h>

#include "lib/bytes.h"
#include "lib/iov.h"
#include "vmm/ram.h"
#include "vmm/state.h"
#include "vmm/virtio.h"
#include "vmm/vm.h"

enum { BALLOON_INFLATE, BALLOON_DEFLATE, BALLOON_REPORTING, BALLOON_QUEUES };

enum {
	BALLOON_STATE_VERSION = 1,
	BALLOON_SHIFT = 12,		/* pages of the protocol */
	BALLOON_PAGES = 256,		/* looked at in one go */
	BALLOON_CHAIN = 4096,		/* named in one chain, at most */
	BALLOON_BUDGET = 8,		/* chains at one go, for each can free much */
};

/** struct balloon_config - Device configuration, section 5.5.4 */
struct balloon_config {
	struct le32 num_pages;
	struct le32 actual;
};

static_assert(sizeof(struct balloon_config) == 8, "virtio 1.2, 5.5.4");

/**
 * struct virtio_balloon - A balloon
 * @config:	What the guest reads, and its half of it writes
 */
struct virtio_balloon {
	struct virtio_dev dev;
	struct balloon_config config;
};

static struct virtio_balloon *virtio_balloon(struct virtio_dev *dev)
{
	return container_of(dev, struct virtio_balloon, dev);
}

static int compare_pages(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Free pages by their numbers, as few calls as they allow; sorts them. */
static void balloon_free(struct vm *vm, uint32_t *page, unsigned int n)
{
	unsigned int first = 0;

	qsort(page, n, sizeof(*page), compare_pages);
	for (unsigned int i = 1; i <= n; i++) {
		if (i < n && page[i] - page[i - 1] <= 1)
			continue;
		ram_discard(vm, (uint64_t)page[first] << BALLOON_SHIFT,
			    (uint64_t)(page[i - 1] - page[first] + 1) << BALLOON_SHIFT);
		first = i;
	}
}

/* The guest's driver gives pages, named in what we read. A chain could name more than can
 * be freed in hours; drivers name 1024 at most. */
static void balloon_inflate(struct vm *vm, const struct vring_chain *chain)
{
	size_t size = MIN(iov_size(chain->iov, chain->out),
			  BALLOON_CHAIN * sizeof(uint32_t));
	uint32_t page[BALLOON_PAGES];
	size_t n;

	for (size_t off = 0; off + sizeof(*page) <= size; off += n) {
		n = iov_to_buf(chain->iov, chain->out, off, page, sizeof(page));
		balloon_free(vm, page, (unsigned int)(n / sizeof(*page)));
	}
}

/* The guest tells of free memory: it is the buffers that we may write to. */
static void balloon_reported(struct vm *vm, const struct vring_chain *chain)
{
	for (unsigned int i = chain->out; i < (unsigned int)chain->out + chain->in; i++)
		ram_discard_host(vm, chain->iov[i].iov_base, chain->iov[i].iov_len);
}

static void balloon_kick(struct virtio_dev *dev, unsigned int q)
{
	struct vring *vr = &dev->queue[q].vring;
	struct iovec iov[VRING_CHAIN_MAX];
	struct vring_chain chain;

	for (unsigned int i = 0; i < BALLOON_BUDGET; i++) {
		if (!vring_pop(vr, &chain, 1, iov, ARRAY_SIZE(iov))) {
			if (vr->broken)
				virtio_break(dev, vr->broken);
			if (vr->broken || !vring_want_kick(vr, 1))
				return;
			continue;
		}
		if (q == BALLOON_INFLATE)
			balloon_inflate(dev->vm, &chain);
		else if (q == BALLOON_REPORTING)
			balloon_reported(dev->vm, &chain);
		/* Of what is given back to the guest nothing needs to be known: the pages
		 * come when they are touched. */
		vring_push(vr, chain.head, 0);
		virtio_publish(dev, q);
	}
	virtio_kick_again(dev, q);
}

static void balloon_nothing(struct virtio_dev *dev UNUSED)
{
}

static void balloon_config_read(struct virtio_dev *dev, unsigned int off, void *buf,
				unsigned int size)
{
	memcpy(buf, (const uint8_t *)&virtio_balloon(dev)->config + off, size);
}

/* The driver says how many pages it has taken, in one write. */
static void balloon_config_write(struct virtio_dev *dev, unsigned int off, uint64_t value,
				 unsigned int size)
{
	if (off == offsetof(struct balloon_config, actual) && size == sizeof(struct le32))
		virtio_balloon(dev)->config.actual = le32((uint32_t)value);
}

/* A new driver, or none, begins with all of the memory. */
static void balloon_config_reset(struct virtio_dev *dev)
{
	virtio_balloon(dev)->config.actual = le32(0);
}

/* Saving: the balloon is as large as it was. The pages in it are holes in the memory. */

static void balloon_save(struct virtio_dev *dev, struct state_out *out)
{
	state_put(out, "virtio-balloon", dev->pci.slot, BALLOON_STATE_VERSION,
		  &virtio_balloon(dev)->config, sizeof(struct balloon_config));
}

static const char *balloon_load(struct virtio_dev *dev, const struct state *s)
{
	const struct balloon_config *x = state_get(s, "virtio-balloon", dev->pci.slot,
						   BALLOON_STATE_VERSION, sizeof(*x));

	if (!x || le32_get(x->num_pages) > dev->vm->ram_size >> BALLOON_SHIFT)
		return "it makes no sense (a balloon)";
	virtio_balloon(dev)->config = *x;
	return NULL;
}

static const struct virtio_ops balloon_ops = {
	.name = "virtio-balloon",
	.id = VIRTIO_ID_BALLOON,
	.class = 0x00ff00,
	.activate = balloon_nothing,
	.reset = balloon_nothing,
	.kick = balloon_kick,
	.save = balloon_save,
	.load = balloon_load,
	.config_read = balloon_config_read,
	.config_write = balloon_config_write,
	.config_reset = balloon_config_reset,
	.config_size = sizeof(struct balloon_config),
};

void virtio_balloon_want(struct virtio_balloon *b, uint64_t bytes)
{
	uint64_t ram = b->dev.vm->ram_size;

	b->config.num_pages = le32((uint32_t)((ram - MIN(bytes, ram)) >> BALLOON_SHIFT));
	virtio_config_changed(&b->dev);
}

uint64_t virtio_balloon_actual(const struct virtio_balloon *b)
{
	uint64_t taken = (uint64_t)le32_get(b->config.actual) << BALLOON_SHIFT;

	return b->dev.vm->ram_size - MIN(taken, b->dev.vm->ram_size);
}

struct virtio_dev *virtio_balloon_dev(struct virtio_balloon *b)
{
	return &b->dev;
}

void virtio_balloon_reset(struct virtio_balloon *b)
{
	if (b)
		virtio_reset(&b->dev);
}

int virtio_balloon_create(struct vm *vm, bool reporting, struct virtio_balloon **out)
{
	/* Without a queue of statistics between them, the third is that of reports. */
	uint64_t features = 1ULL << VIRTIO_BALLOON_F_DEFLATE_ON_OOM |
			    (uint64_t)reporting << VIRTIO_BALLOON_F_REPORTING;
	struct virtio_balloon *b = calloc(1, sizeof(*b));
	int ret;

	if (!b)
		return -ENOMEM;
	ret = virtio_init(&b->dev, vm, &balloon_ops, features,
			  reporting ? BALLOON_QUEUES : BALLOON_REPORTING);
	if (ret) {
		free(b);
		return ret;
	}
	*out = b;
	return 0;
}

void virtio_balloon_destroy(struct virtio_balloon *b)
{
	if (!b)
		return;
	virtio_destroy(&b->dev);
	free(b);
}
