/* SPDX-License-Identifier: BSD-2-Clause */
/* vhost_dev.c - The vhost-user back end: what a front end told us
 *
 * The essay is in vhost_dev.h. Handlers return 0, or -errno with dev->why set
 * and nothing changed.
 */
#include "config.h"

#include "switchd/vhost_dev.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/offload.h"

#define BIT(n)	(1ULL << (n))

static const uint64_t vhost_offloads =
	OFFLOAD_TAKES | BIT(VNET_F_CSUM) | BIT(VNET_F_HOST_TSO4) | BIT(VNET_F_HOST_TSO6) |
	BIT(VNET_F_HOST_ECN) | BIT(VNET_F_HOST_USO);

static const uint64_t vhost_features =
	BIT(32) /* VIRTIO_F_VERSION_1 */ | BIT(27) /* VIRTIO_F_ANY_LAYOUT */ |
	BIT(35) /* VIRTIO_F_IN_ORDER: chains come back as they went */ |
	BIT(VRING_F_INDIRECT_DESC) | BIT(VRING_F_EVENT_IDX) |
	BIT(VHOST_F_PROTOCOL_FEATURES) | BIT(VNET_F_MRG_RXBUF) | BIT(VNET_F_MQ) |
	BIT(VNET_F_MTU);

static const uint64_t vhost_protocol_features =
	BIT(VHOST_PF_MQ) | BIT(VHOST_PF_REPLY_ACK) | BIT(VHOST_PF_MTU) |
	BIT(VHOST_PF_INFLIGHT) | BIT(VHOST_PF_CONFIGURE_MEM_SLOTS);

static bool vhost_has(const struct vhost_dev *dev, unsigned int protocol_feature)
{
	return dev->protocol >> protocol_feature & 1;
}

static int vhost_refuse(struct vhost_dev *dev, int err, const char *why)
{
	dev->why = why;
	return err;
}

/* Rings. */

static void vhost_ring_stop(struct vhost_ring *ring)
{
	ring->vr = (struct vring){ 0 };
	fd_close(&ring->kick);
}

/* Run a ring if all is known about it. */
static void vhost_ring_try(struct vhost_dev *dev, struct vhost_ring *ring)
{
	if (ring->vr.size || !ring->size || !ring->placed || ring->kick < 0)
		return;
	/* Addresses that lead nowhere now may do so with the next memory table. */
	if (vring_init(&ring->vr, &dev->mem, &dev->user, ring->size, ring->desc,
		       ring->avail, ring->used, dev->features))
		return;
	vring_resume(&ring->vr);
	if (!(dev->features & BIT(VHOST_F_PROTOCOL_FEATURES)))
		ring->enabled = true;
}

static bool vhost_running(const struct vhost_dev *dev)
{
	for (unsigned int i = 0; i < VHOST_RINGS_MAX; i++)
		if (dev->ring[i].vr.size)
			return true;
	return false;
}

/* The ring a message is about. Return: it, or NULL with dev->why set. */
static struct vhost_ring *vhost_ring_of(struct vhost_dev *dev, uint32_t index)
{
	if (index < VHOST_RINGS_MAX)
		return &dev->ring[index];
	dev->why = "a ring of a number too high";
	return NULL;
}

static int vhost_set_num(struct vhost_dev *dev, const struct vhost_state *s)
{
	struct vhost_ring *ring = vhost_ring_of(dev, s->index);

	if (!ring)
		return -EINVAL;
	if (!s->num || s->num & (s->num - 1) || s->num > VRING_SIZE_MAX)
		return vhost_refuse(dev, -EINVAL, "a ring size that is no power of two up to 32768");
	if (ring->vr.size)
		return vhost_refuse(dev, -EBUSY, "a new size for a ring that runs");
	ring->size = (uint16_t)s->num;
	return 0;
}

static int vhost_set_addr(struct vhost_dev *dev, const struct vhost_addr *a)
{
	struct vhost_ring *ring = vhost_ring_of(dev, a->index);
	struct vring vr;

	if (!ring)
		return -EINVAL;
	if (!ring->size)
		return vhost_refuse(dev, -EINVAL, "addresses for a ring of unknown size");
	/* Checked for real each time the ring begins to run; this is so that the
	 * one who is wrong is told at once. */
	if (vring_init(&vr, &dev->mem, &dev->user, ring->size, a->desc, a->avail,
		       a->used, dev->features))
		return vhost_refuse(dev, -EFAULT, "a ring misaligned or outside of memory");
	ring->desc = a->desc;
	ring->avail = a->avail;
	ring->used = a->used;
	ring->placed = true;
	if (ring->vr.size) {
		vr.next_avail = ring->vr.next_avail;
		ring->vr = vr;
		vring_resume(&ring->vr);
	}
	vhost_ring_try(dev, ring);
	return 0;
}

static int vhost_set_base(struct vhost_dev *dev, const struct vhost_state *s)
{
	/* Only looked at: the used ring knows better (see the essay). */
	if (!vhost_ring_of(dev, s->index))
		return -EINVAL;
	if (s->num > UINT16_MAX)
		return vhost_refuse(dev, -EINVAL, "a ring index above 65535");
	return 0;
}

/* Stop a ring. Return: where it stopped. */
static int vhost_get_base(struct vhost_dev *dev, const struct vhost_state *s,
			  struct vhost_state *reply)
{
	struct vhost_ring *ring = vhost_ring_of(dev, s->index);

	if (!ring)
		return -EINVAL;
	*reply = (struct vhost_state){ s->index, ring->vr.next_avail };
	vhost_ring_stop(ring);
	ring->placed = false;
	fd_close(&ring->call);
	return 0;
}

static int vhost_set_enable(struct vhost_dev *dev, const struct vhost_state *s)
{
	struct vhost_ring *ring = vhost_ring_of(dev, s->index);

	if (!ring)
		return -EINVAL;
	/* QEMU sends this before its features are set. */
	ring->enabled = s->num == 1;
	return 0;
}

/* Take the eventfd of a KICK, CALL or ERR message over into *@fd. */
static int vhost_set_eventfd(struct vhost_dev *dev, uint64_t word, int *fds,
			     unsigned int count, int *fd)
{
	if (word & VHOST_QUEUE_NOFD) {
		fd_close(fd);
		return 0;
	}
	if (!count)
		return vhost_refuse(dev, -EBADF, "an eventfd is missing");
	if (!fd_is_eventfd(fds[0]))
		return vhost_refuse(dev, -EBADF, "a descriptor that is no eventfd");
	fd_close(fd);
	*fd = fds[0];
	fds[0] = -1;
	return fd_set_nonblock(*fd, true);
}

static int vhost_set_kick(struct vhost_dev *dev, uint64_t word, int *fds,
			  unsigned int count)
{
	struct vhost_ring *ring = vhost_ring_of(dev, word & VHOST_QUEUE_MASK);
	int ret;

	if (!ring)
		return -EINVAL;
	if (word & VHOST_QUEUE_NOFD)
		return vhost_refuse(dev, -ENOTSUP, "a ring without a kick descriptor");
	ret = vhost_set_eventfd(dev, word, fds, count, &ring->kick);
	if (!ret)
		vhost_ring_try(dev, ring);
	return ret;
}

/* Memory. */

static void vhost_slot_free(struct vhost_slot *slot)
{
	if (slot)
		memguard_unmap(&slot->guard);
	free(slot);
}

/* Map a region and add it to both tables. */
static int vhost_map(struct vhost_dev *dev, const struct vhost_region *r, int fd)
{
	struct vhost_slot *slot = calloc(1, sizeof(*slot));
	size_t skip;
	int ret;

	if (!slot)
		return vhost_refuse(dev, -ENOMEM, "no memory");
	slot->region = *r;
	ret = memguard_map(&slot->guard, fd, r->offset, r->size, &skip);
	if (ret) {
		free(slot);
		return vhost_refuse(dev, ret, "memory that is not shared memory, or smaller than said");
	}
	ret = guestmem_add(&dev->mem, r->guest, r->size,
			   (uint8_t *)slot->guard.host + skip);
	if (!ret) {
		ret = guestmem_add(&dev->user, r->user, r->size,
				   (uint8_t *)slot->guard.host + skip);
		if (ret)
			guestmem_remove(&dev->mem, r->guest);
	}
	if (ret) {
		vhost_slot_free(slot);
		return vhost_refuse(dev, ret, "regions of memory that overlap, wrap, or are too many");
	}
	dev->slot[dev->slots++] = slot;
	return 0;
}

/* After the memory table changed: rings that ran go on in the new one, or stop if
 * it does not have them. */
static void vhost_rings_moved(struct vhost_dev *dev)
{
	for (unsigned int i = 0; i < VHOST_RINGS_MAX; i++) {
		struct vhost_ring *ring = &dev->ring[i];

		ring->vr = (struct vring){ 0 };
		vhost_ring_try(dev, ring);
	}
}

static int vhost_set_mem_table(struct vhost_dev *dev, const struct vhost_memory *m,
			       const int *fds, unsigned int count)
{
	struct vhost_dev fresh = { .slots = 0 };
	int ret = 0;

	if (!m->count || m->count > VHOST_REGIONS_MAX || m->count != count)
		return vhost_refuse(dev, -EINVAL, "a memory table of no or too many regions, or with "
				    "another number of descriptors");
	for (unsigned int i = 0; !ret && i < m->count; i++)
		ret = vhost_map(&fresh, &m->region[i], fds[i]);
	if (ret) {
		while (fresh.slots)
			vhost_slot_free(fresh.slot[--fresh.slots]);
		return vhost_refuse(dev, ret, fresh.why);
	}
	while (dev->slots)
		vhost_slot_free(dev->slot[--dev->slots]);
	dev->mem = fresh.mem;
	dev->user = fresh.user;
	dev->slots = fresh.slots;
	memcpy(dev->slot, fresh.slot, sizeof(dev->slot));
	vhost_rings_moved(dev);
	return 0;
}

static int vhost_add_region(struct vhost_dev *dev, const struct vhost_region *r,
			    const int *fds, unsigned int count)
{
	int ret;

	if (!count)
		return vhost_refuse(dev, -EBADF, "a region of memory without a descriptor");
	if (dev->slots == VHOST_SLOTS_MAX)
		return vhost_refuse(dev, -ENOSPC, "too many regions of memory");
	ret = vhost_map(dev, r, fds[0]);
	if (!ret)
		vhost_rings_moved(dev);
	return ret;
}

static int vhost_remove_region(struct vhost_dev *dev, const struct vhost_region *r)
{
	for (unsigned int i = 0; i < dev->slots; i++) {
		const struct vhost_region *s = &dev->slot[i]->region;

		if (s->guest != r->guest || s->user != r->user || s->size != r->size)
			continue;
		guestmem_remove(&dev->mem, r->guest);
		guestmem_remove(&dev->user, r->user);
		vhost_slot_free(dev->slot[i]);
		dev->slot[i] = dev->slot[--dev->slots];
		vhost_rings_moved(dev);
		return 0;
	}
	return vhost_refuse(dev, -ENOENT, "a region of memory that is not there");
}

bool vhost_dev_is_lost(const struct vhost_dev *dev)
{
	for (unsigned int i = 0; i < dev->slots; i++)
		if (memguard_is_lost(&dev->slot[i]->guard))
			return true;
	return false;
}

/* In-flight tracking is for back ends that give chains back in another order than they
 * took them. Here they are given back in order, in the turn in which they were taken: the
 * used index tells whoever comes after us all there is to know. The memory is handed out
 * and kept, of the size that the specification asks for, and stays as it is made: its
 * version is 0, which says to another back end that nothing was tracked in it. To write
 * two words into it for each chain would cost what they cost, and say nothing new. */

static uint64_t vhost_inflight_size(const struct vhost_inflight *in)
{
	const uint64_t header = 16, entry = 16, align = 64;

	return ((header + entry * in->queue_size + align - 1) & ~(align - 1)) *
	       in->queues;
}

static int vhost_get_inflight(struct vhost_dev *dev, const struct vhost_inflight *in,
			      struct vhost_inflight *reply, int *reply_fd)
{
	uint64_t size;
	int fd;

	if (!in->queues || in->queues > VHOST_RINGS_MAX || !in->queue_size ||
	    in->queue_size > VRING_SIZE_MAX)
		return vhost_refuse(dev, -EINVAL, "in-flight memory for too many or too large rings");
	size = vhost_inflight_size(in);
	fd = memfd_create("vhost-inflight", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, (off_t)size) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		fd_close(&fd);
		return vhost_refuse(dev, -ENOMEM, "no in-flight memory");
	}
	*reply = *in;
	reply->size = size;
	reply->offset = 0;
	*reply_fd = fd;
	return 0;
}

static int vhost_set_inflight(struct vhost_dev *dev, const struct vhost_inflight *in,
			      unsigned int count)
{
	if (!count)
		return vhost_refuse(dev, -EBADF, "in-flight memory without a descriptor");
	if (!in->queues || in->queues > VHOST_RINGS_MAX || !in->queue_size ||
	    in->queue_size > VRING_SIZE_MAX || in->size < vhost_inflight_size(in))
		return vhost_refuse(dev, -EINVAL, "in-flight memory of a wrong size");
	return 0;
}

/* Features. */

static int vhost_set_features(struct vhost_dev *dev, uint64_t features)
{
	if (features & ~dev->offered)
		return vhost_refuse(dev, -EINVAL, "features that were not offered");
	if (features != dev->features && vhost_running(dev))
		return vhost_refuse(dev, -EBUSY, "other features while rings run");
	dev->features = features;
	dev->vn = vnet_negotiated(features);
	return 0;
}

static int vhost_set_protocol_features(struct vhost_dev *dev, uint64_t features)
{
	if (features & ~vhost_protocol_features)
		return vhost_refuse(dev, -EINVAL, "protocol features that were not offered");
	dev->protocol = features;
	return 0;
}

static int vhost_set_mtu(struct vhost_dev *dev, uint64_t mtu)
{
	if (mtu < 68 || mtu > UINT16_MAX)
		return vhost_refuse(dev, -EINVAL, "an MTU that is not from 68 to 65535");
	dev->mtu = (unsigned int)mtu;
	return 0;
}

/* The front end gives the device back (deprecated, and means this much). */
static int vhost_reset_owner(struct vhost_dev *dev)
{
	for (unsigned int i = 0; i < VHOST_RINGS_MAX; i++) {
		vhost_ring_stop(&dev->ring[i]);
		dev->ring[i].enabled = false;
	}
	dev->owned = false;
	return 0;
}

/* Messages. */

struct vhost_request_info {
	uint32_t number;
	char payload;
	uint8_t fds;
};

static const struct vhost_request_info vhost_requests[] = {
#define X(name, number, payload, fds) { number, (#payload)[0], fds },
	VHOST_REQUESTS(X)
#undef X
};

static const struct vhost_request_info *vhost_request_find(uint32_t request)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(vhost_requests); i++)
		if (vhost_requests[i].number == request)
			return &vhost_requests[i];
	return NULL;
}

int vhost_payload(uint32_t request)
{
	const struct vhost_request_info *info = vhost_request_find(request);

	if (!info)
		return -EPROTO;
	switch (info->payload) {
	case 'U':
		return sizeof(uint64_t);
	case 'S':
		return sizeof(struct vhost_state);
	case 'A':
		return sizeof(struct vhost_addr);
	case 'M':
		return offsetof(struct vhost_memory, region);
	case 'R':
		return sizeof(struct vhost_one_region);
	case 'I':
		return sizeof(struct vhost_inflight);
	case 'H':
		return sizeof(struct vhost_hello);
	default:
		return 0;
	}
}

/* A payload that says how many regions it has must have them. */
static bool vhost_is_complete(const struct vhost_msg *msg)
{
	uint32_t size = (uint32_t)vhost_payload(msg->request);

	if (msg->request == VHOST_SET_MEM_TABLE && msg->size >= size &&
	    msg->memory.count <= VHOST_REGIONS_MAX)
		size += msg->memory.count * (uint32_t)sizeof(struct vhost_region);
	return msg->size >= size;
}

/* Do what a message asks for. Return: 1 with an answer of its own, 0, or -errno. */
static int vhost_dispatch(struct vhost_dev *dev, const struct vhost_msg *msg, int *fds,
			  unsigned int count, struct vhost_msg *reply, int *reply_fd)
{
	struct vhost_ring *ring;
	int ret;

	switch (msg->request) {
	case VHOST_GET_FEATURES:
		reply->u64 = dev->offered;
		reply->size = sizeof(reply->u64);
		return 1;
	case VHOST_GET_PROTOCOL_FEATURES:
		reply->u64 = vhost_protocol_features;
		reply->size = sizeof(reply->u64);
		return 1;
	case VHOST_GET_QUEUE_NUM:
		reply->u64 = VHOST_PAIRS_MAX;
		reply->size = sizeof(reply->u64);
		return 1;
	case VHOST_GET_MAX_MEM_SLOTS:
		reply->u64 = VHOST_SLOTS_MAX;
		reply->size = sizeof(reply->u64);
		return 1;
	case VHOST_GET_VRING_BASE:
		ret = vhost_get_base(dev, &msg->state, &reply->state);
		reply->size = sizeof(reply->state);
		return ret ? ret : 1;
	case VHOST_GET_INFLIGHT_FD:
		ret = vhost_get_inflight(dev, &msg->inflight, &reply->inflight, reply_fd);
		reply->size = sizeof(reply->inflight);
		return ret ? ret : 1;
	case VHOST_SET_OWNER:
		if (dev->owned)
			return vhost_refuse(dev, -EBUSY, "a second SET_OWNER");
		dev->owned = true;
		return 0;
	case VHOST_SET_FEATURES:
		return vhost_set_features(dev, msg->u64);
	case VHOST_SET_PROTOCOL_FEATURES:
		return vhost_set_protocol_features(dev, msg->u64);
	}
	if (!dev->owned)
		return vhost_refuse(dev, -EPROTO, "a message before SET_OWNER");
	switch (msg->request) {
	case VHOST_RESET_OWNER:
		return vhost_reset_owner(dev);
	case VHOST_SET_MEM_TABLE:
		return vhost_set_mem_table(dev, &msg->memory, fds, count);
	case VHOST_ADD_MEM_REG:
		return vhost_add_region(dev, &msg->region.region, fds, count);
	case VHOST_REM_MEM_REG:
		return vhost_remove_region(dev, &msg->region.region);
	case VHOST_SET_VRING_NUM:
		return vhost_set_num(dev, &msg->state);
	case VHOST_SET_VRING_ADDR:
		return vhost_set_addr(dev, &msg->addr);
	case VHOST_SET_VRING_BASE:
		return vhost_set_base(dev, &msg->state);
	case VHOST_SET_VRING_ENABLE:
		return vhost_set_enable(dev, &msg->state);
	case VHOST_SET_VRING_KICK:
		return vhost_set_kick(dev, msg->u64, fds, count);
	case VHOST_SET_VRING_CALL:
		ring = vhost_ring_of(dev, msg->u64 & VHOST_QUEUE_MASK);
		return !ring ? -EINVAL :
		       vhost_set_eventfd(dev, msg->u64, fds, count, &ring->call);
	case VHOST_SET_VRING_ERR:
		ring = vhost_ring_of(dev, msg->u64 & VHOST_QUEUE_MASK);
		return !ring ? -EINVAL :
		       vhost_set_eventfd(dev, msg->u64, fds, count, &ring->err);
	case VHOST_NET_SET_MTU:
		return vhost_set_mtu(dev, msg->u64);
	case VHOST_SET_INFLIGHT_FD:
		return vhost_set_inflight(dev, &msg->inflight, count);
	default:
		return vhost_refuse(dev, -EPROTO, "a request that is unknown here");
	}
}

int vhost_dev_message(struct vhost_dev *dev, const struct vhost_msg *msg, int *fds,
		      unsigned int count, struct vhost_msg *reply, int *reply_fd)
{
	const struct vhost_request_info *info = vhost_request_find(msg->request);
	bool ack = msg->flags & VHOST_NEED_REPLY && vhost_has(dev, VHOST_PF_REPLY_ACK);
	int ret;

	*reply_fd = -1;
	memset(reply, 0, sizeof(*reply));
	reply->request = msg->request;
	reply->flags = VHOST_VERSION | VHOST_REPLY;
	dev->why = "";
	if ((msg->flags & VHOST_VERSION_MASK) != VHOST_VERSION || msg->flags & VHOST_REPLY)
		return vhost_refuse(dev, -EPROTO, "a message of another version, or a reply");
	if (!info)
		ret = vhost_refuse(dev, -EPROTO, "a request that is unknown here");
	else if (!vhost_is_complete(msg))
		return vhost_refuse(dev, -EPROTO, "a message that is too short");
	else if (count > info->fds)
		ret = vhost_refuse(dev, -EPROTO, "more descriptors than the message has use for");
	else
		ret = vhost_dispatch(dev, msg, fds, count, reply, reply_fd);
	if (ret > 0 || !ack)
		return ret;
	memset(&reply->u64, 0, VHOST_PAYLOAD_MAX);
	reply->u64 = ret ? 1 : 0;
	reply->size = sizeof(reply->u64);
	return 1;
}

/* Life. */

void vhost_dev_init(struct vhost_dev *dev, bool offloads)
{
	memset(dev, 0, sizeof(*dev));
	dev->offered = vhost_features | (offloads ? vhost_offloads : 0);
	dev->vn = vnet_negotiated(0);
	dev->why = "";
	for (unsigned int i = 0; i < VHOST_RINGS_MAX; i++)
		dev->ring[i].kick = dev->ring[i].call = dev->ring[i].err = -1;
}

void vhost_dev_clear(struct vhost_dev *dev)
{
	for (unsigned int i = 0; i < VHOST_RINGS_MAX; i++) {
		vhost_ring_stop(&dev->ring[i]);
		fd_close(&dev->ring[i].call);
		fd_close(&dev->ring[i].err);
	}
	while (dev->slots)
		vhost_slot_free(dev->slot[--dev->slots]);
	vhost_dev_init(dev, dev->offered & BIT(VNET_F_CSUM));
}
