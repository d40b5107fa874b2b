/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio_pci.c - The PCI transport of virtio (virtio 1.2, section 4.1)
 *
 * The BAR: common configuration at 0, ISR at 0x1000, device configuration at
 * 0x2000, one notify address per queue from 0x3000 on, so that KVM can tell
 * queues apart by address, whatever the driver writes there. The same registers
 * can be reached through configuration space (section 4.1.4.9), as firmware
 * does that cannot map the BAR.
 *
 * Security model: the driver is hostile. Registers have fixed widths; other widths
 * read as all ones and are ignored, but for parts of 32-bit registers, which are read
 * as what they are: iPXE reads features so. Queue configuration is latched when
 * the queue is enabled and checked when the device becomes active; an index out
 * of range reads as an absent queue.
 */
#include "config.h"

#include "vmm/virtio.h"

#include <errno.h>
#include <linux/kvm.h>
#include <linux/pci_regs.h>
#include <linux/virtio_pci.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "vmm/claims.h"
#include "vmm/errand.h"
#include "vmm/state.h"
#include "vmm/vm.h"

enum {
	VIRTIO_STATE_VERSION = 1,

	BAR_COMMON = 0,
	BAR_ISR = 0x1000,
	BAR_DEVICE = 0x2000,
	BAR_NOTIFY = 0x3000,
	BAR_REGION = 0x1000,
	NOTIFY_STRIDE = 4,

	PCI_VENDOR_VIRTIO = 0x1af4,
	PCI_DEVICE_VIRTIO = 0x1040,	/* + device number, section 4.1.2.1 */
};

static struct virtio_dev *virtio_dev(struct pci_dev *pci)
{
	return container_of(pci, struct virtio_dev, pci);
}

/* Kicks. */

static void virtio_kick_cb(struct ev_loop *loop UNUSED, ev_io *w,
			   int revents UNUSED)
{
	struct virtio_queue *q = container_of(w, struct virtio_queue, kick);
	struct virtio_dev *dev = q->dev;
	eventfd_t drop;

	eventfd_read(q->kickfd, &drop);
	if (dev->active && !dev->frozen)
		dev->ops->kick(dev, (unsigned int)(q - dev->queue));
}

void virtio_kick_again(struct virtio_dev *dev, unsigned int q)
{
	eventfd_write(dev->queue[q].kickfd, 1);
}

/* Have KVM turn writes to the notify address into events, or stop it. */
static void virtio_ioeventfd(struct virtio_dev *dev, struct virtio_queue *q,
			     bool on)
{
	struct kvm_ioeventfd io = {
		.addr = on ? dev->pci.bar + BAR_NOTIFY +
			     (uint64_t)(q - dev->queue) * NOTIFY_STRIDE : q->notify,
		.len = 0,
		.fd = q->kickfd,
		.flags = on ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN,
	};

	if (on == (q->notify != 0) || dev->vm->fd < 0)
		return;
	/* Without it, kicks come as register writes to notify_write(). */
	if (ioctl(dev->vm->fd, KVM_IOEVENTFD, &io) < 0)
		return;
	q->notify = on ? io.addr : 0;
}

static void virtio_bar_moved(struct pci_dev *pci)
{
	struct virtio_dev *dev = virtio_dev(pci);

	for (unsigned int i = 0; i < dev->queues; i++) {
		virtio_ioeventfd(dev, &dev->queue[i], false);
		if (dev->active && pci->bar && dev->queue[i].vring.size)
			virtio_ioeventfd(dev, &dev->queue[i], true);
	}
}

/* Status. */

void virtio_break(struct virtio_dev *dev, const char *why)
{
	if (dev->status & VIRTIO_NEEDS_RESET)
		return;
	log_limited(&dev->complaints, (uint64_t)(ev_now(dev->vm->loop) * 1000),
		    LOG_LEVEL_WARN, "%s in PCI slot %u: the guest's driver broke the "
		    "rules (%s); the device waits for a reset", dev->ops->name,
		    dev->pci.slot, why);
	dev->status |= VIRTIO_NEEDS_RESET;
	if (dev->active) {
		dev->active = false;
		dev->ops->reset(dev);
	}
	virtio_config_changed(dev);
}

static void virtio_activate(struct virtio_dev *dev)
{
	for (unsigned int i = 0; i < dev->queues; i++) {
		struct virtio_queue *q = &dev->queue[i];

		if (!q->enabled)
			continue;
		if (vring_init(&q->vring, &dev->vm->mem, &dev->vm->mem, q->size,
			       q->desc, q->avail, q->used, dev->features)) {
			virtio_break(dev, "a queue outside of memory or misaligned");
			return;
		}
		ev_io_start(dev->vm->loop, &q->kick);
		if (dev->pci.bar)
			virtio_ioeventfd(dev, q, true);
	}
	dev->active = true;
	dev->ops->activate(dev);
}

static uint16_t virtio_queue_size(const struct virtio_dev *dev)
{
	return dev->ops->queue_size ? dev->ops->queue_size : VIRTIO_QUEUE_SIZE;
}

void virtio_reset(struct virtio_dev *dev)
{
	if (dev->active)
		dev->ops->reset(dev);
	if (dev->ops->config_reset)
		dev->ops->config_reset(dev);
	dev->active = dev->frozen = false;
	dev->features = 0;
	dev->status = 0;
	dev->feature_select = dev->driver_feature_select = 0;
	dev->queue_select = 0;
	dev->config_vector = PCI_NO_VECTOR;
	for (unsigned int i = 0; i < dev->queues; i++) {
		struct virtio_queue *q = &dev->queue[i];

		ev_io_stop(dev->vm->loop, &q->kick);
		virtio_ioeventfd(dev, q, false);
		q->notify = 0;
		q->size = virtio_queue_size(dev);
		q->desc = q->avail = q->used = 0;
		q->vector = PCI_NO_VECTOR;
		q->enabled = false;
		q->vring = (struct vring){ 0 };
	}
}

/** struct status_write - A write to a device's status, on its way to the main thread */
struct status_write {
	struct virtio_dev *dev;
	uint8_t status;
};

static void virtio_set_status(void *ctx)
{
	const struct status_write *w = ctx;
	struct virtio_dev *dev = w->dev;
	uint8_t status = w->status;
	uint8_t old = dev->status;

	claims_status(dev->vm, &dev->claim, status);
	if (!status) {
		virtio_reset(dev);
		return;
	}
	/* Bits are only ever added (2.1.2), NEEDS_RESET is ours. */
	status = (uint8_t)((status & ~VIRTIO_NEEDS_RESET) | old);
	/* FEATURES_OK sticks only if we can live with the choice (3.1.1). */
	if (!(old & VIRTIO_FEATURES_OK) && status & VIRTIO_FEATURES_OK &&
	    (dev->features & ~dev->offered || !virtio_has(dev, VIRTIO_F_VERSION_1)))
		status &= (uint8_t)~VIRTIO_FEATURES_OK;
	dev->status = status;
	if (status & VIRTIO_DRIVER_OK && !(old & VIRTIO_DRIVER_OK)) {
		if (status & VIRTIO_FEATURES_OK)
			virtio_activate(dev);
		else
			virtio_break(dev, "DRIVER_OK without FEATURES_OK");
	}
}

/* Registers of the common configuration, section 4.1.4.3. */

static uint64_t common_read(const struct virtio_dev *dev, uint64_t off,
			    unsigned int size)
{
	const struct virtio_queue *q = dev->queue_select < dev->queues ?
				       &dev->queue[dev->queue_select] : NULL;

	switch (off << 4 | size) {
	case VIRTIO_PCI_COMMON_DFSELECT << 4 | 4:
		return dev->feature_select;
	case VIRTIO_PCI_COMMON_DF << 4 | 4:
		return dev->feature_select > 1 ? 0 :
		       (uint32_t)(dev->offered >> (32 * dev->feature_select));
	case VIRTIO_PCI_COMMON_GFSELECT << 4 | 4:
		return dev->driver_feature_select;
	case VIRTIO_PCI_COMMON_GF << 4 | 4:
		return dev->driver_feature_select > 1 ? 0 :
		       (uint32_t)(dev->features >> (32 * dev->driver_feature_select));
	case VIRTIO_PCI_COMMON_MSIX << 4 | 2:
		return dev->config_vector;
	case VIRTIO_PCI_COMMON_NUMQ << 4 | 2:
		return dev->queues;
	case VIRTIO_PCI_COMMON_STATUS << 4 | 1:
		return dev->status;
	case VIRTIO_PCI_COMMON_CFGGENERATION << 4 | 1:
		return dev->generation;
	case VIRTIO_PCI_COMMON_Q_SELECT << 4 | 2:
		return dev->queue_select;
	}
	if (!q)
		return off >= VIRTIO_PCI_COMMON_Q_SIZE ? 0 : bus_ones(size);
	switch (off << 4 | size) {
	case VIRTIO_PCI_COMMON_Q_SIZE << 4 | 2:
		return q->size;
	case VIRTIO_PCI_COMMON_Q_MSIX << 4 | 2:
		return q->vector;
	case VIRTIO_PCI_COMMON_Q_ENABLE << 4 | 2:
		return q->enabled;
	case VIRTIO_PCI_COMMON_Q_NOFF << 4 | 2:
		return dev->queue_select;
	case VIRTIO_PCI_COMMON_Q_DESCLO << 4 | 4:
		return (uint32_t)q->desc;
	case VIRTIO_PCI_COMMON_Q_DESCHI << 4 | 4:
		return q->desc >> 32;
	case VIRTIO_PCI_COMMON_Q_AVAILLO << 4 | 4:
		return (uint32_t)q->avail;
	case VIRTIO_PCI_COMMON_Q_AVAILHI << 4 | 4:
		return q->avail >> 32;
	case VIRTIO_PCI_COMMON_Q_USEDLO << 4 | 4:
		return (uint32_t)q->used;
	case VIRTIO_PCI_COMMON_Q_USEDHI << 4 | 4:
		return q->used >> 32;
	}
	return bus_ones(size);
}

/* The same for any width: part of a 32-bit register is what it would be in the whole. */
static uint64_t common_read_any(const struct virtio_dev *dev, uint64_t off,
				unsigned int size)
{
	bool wide = off < VIRTIO_PCI_COMMON_MSIX ||
		    (off >= VIRTIO_PCI_COMMON_Q_DESCLO && off < VIRTIO_PCI_COMMON_Q_USEDHI + 4);

	if (wide && size < 4 && off % 4 + size <= 4)
		return common_read(dev, off & ~3ULL, 4) >> (8 * (off % 4));
	return common_read(dev, off, size);
}

static void set_lo(uint64_t *v, uint64_t lo)
{
	*v = (*v & ~(uint64_t)UINT32_MAX) | (uint32_t)lo;
}

static void set_hi(uint64_t *v, uint64_t hi)
{
	*v = (uint32_t)*v | hi << 32;
}

/* A vector the device has, or none. */
static uint16_t virtio_vector(const struct virtio_dev *dev, uint64_t vector)
{
	return vector < dev->pci.vectors ? (uint16_t)vector : PCI_NO_VECTOR;
}

static void queue_tell_vector(void *ctx)
{
	const struct virtio_queue *q = ctx;
	struct virtio_dev *dev = q->dev;

	/* It may have been reset meanwhile. */
	if (dev->active)
		dev->ops->vector(dev, (unsigned int)(q - dev->queue));
}

/* Registers of the selected queue. */
static void queue_write(struct virtio_dev *dev, struct virtio_queue *q,
			uint64_t off, unsigned int size, uint64_t value)
{
	if (off == VIRTIO_PCI_COMMON_Q_MSIX && size == 2) {
		q->vector = virtio_vector(dev, value);
		if (dev->active && dev->ops->vector)
			errand_run(dev->vm, queue_tell_vector, q);
		return;
	}
	/* The rest is latched once the queue is enabled. */
	if (q->enabled || dev->active)
		return;
	switch (off << 4 | size) {
	case VIRTIO_PCI_COMMON_Q_SIZE << 4 | 2:
		if (value && value <= virtio_queue_size(dev) && !(value & (value - 1)))
			q->size = (uint16_t)value;
		break;
	case VIRTIO_PCI_COMMON_Q_ENABLE << 4 | 2:
		q->enabled = value == 1;
		break;
	case VIRTIO_PCI_COMMON_Q_DESCLO << 4 | 4:
		set_lo(&q->desc, value);
		break;
	case VIRTIO_PCI_COMMON_Q_DESCHI << 4 | 4:
		set_hi(&q->desc, value);
		break;
	case VIRTIO_PCI_COMMON_Q_AVAILLO << 4 | 4:
		set_lo(&q->avail, value);
		break;
	case VIRTIO_PCI_COMMON_Q_AVAILHI << 4 | 4:
		set_hi(&q->avail, value);
		break;
	case VIRTIO_PCI_COMMON_Q_USEDLO << 4 | 4:
		set_lo(&q->used, value);
		break;
	case VIRTIO_PCI_COMMON_Q_USEDHI << 4 | 4:
		set_hi(&q->used, value);
		break;
	}
}

static void common_write(struct virtio_dev *dev, uint64_t off, unsigned int size,
			 uint64_t value)
{
	switch (off << 4 | size) {
	case VIRTIO_PCI_COMMON_DFSELECT << 4 | 4:
		dev->feature_select = (uint32_t)value;
		return;
	case VIRTIO_PCI_COMMON_GFSELECT << 4 | 4:
		dev->driver_feature_select = (uint32_t)value;
		return;
	case VIRTIO_PCI_COMMON_GF << 4 | 4:
		if (dev->status & VIRTIO_FEATURES_OK)
			return;
		if (dev->driver_feature_select == 0)
			set_lo(&dev->features, value);
		else if (dev->driver_feature_select == 1)
			set_hi(&dev->features, value);
		return;
	case VIRTIO_PCI_COMMON_MSIX << 4 | 2:
		dev->config_vector = virtio_vector(dev, value);
		return;
	case VIRTIO_PCI_COMMON_STATUS << 4 | 1:
		errand_run(dev->vm, virtio_set_status,
			   &(struct status_write){ dev, (uint8_t)value });
		return;
	case VIRTIO_PCI_COMMON_Q_SELECT << 4 | 2:
		dev->queue_select = (uint16_t)value;
		return;
	}
	if (dev->queue_select < dev->queues)
		queue_write(dev, &dev->queue[dev->queue_select], off, size, value);
}

static uint64_t device_read(struct virtio_dev *dev, uint64_t off,
			    unsigned int size)
{
	uint64_t v = 0;

	if (off + size > dev->ops->config_size)
		return bus_ones(size);
	dev->ops->config_read(dev, (unsigned int)off, &v, size);
	return v;
}

/** struct config_write - A write to a device's configuration, on its way likewise */
struct config_write {
	struct virtio_dev *dev;
	unsigned int off;
	unsigned int size;
	uint64_t value;
};

static void config_write(void *ctx)
{
	const struct config_write *w = ctx;

	w->dev->ops->config_write(w->dev, w->off, w->value, w->size);
}

static void device_write(struct virtio_dev *dev, uint64_t off, unsigned int size,
			 uint64_t value)
{
	if (dev->ops->config_write && off + size <= dev->ops->config_size)
		errand_run(dev->vm, config_write,
			   &(struct config_write){ dev, (unsigned int)off, size, value });
}

static void notify_write(struct virtio_dev *dev, uint64_t off)
{
	if (dev->active && off / NOTIFY_STRIDE < dev->queues)
		virtio_kick_again(dev, (unsigned int)(off / NOTIFY_STRIDE));
}

static uint64_t virtio_bar_read(struct pci_dev *pci, uint64_t off,
				unsigned int size)
{
	struct virtio_dev *dev = virtio_dev(pci);

	switch (off / BAR_REGION * BAR_REGION) {
	case BAR_COMMON:
		return common_read_any(dev, off - BAR_COMMON, size);
	case BAR_ISR:
		return 0;	/* only INTx uses it */
	case BAR_DEVICE:
		return device_read(dev, off - BAR_DEVICE, size);
	default:
		return bus_ones(size);
	}
}

static void virtio_bar_write(struct pci_dev *pci, uint64_t off,
			     unsigned int size, uint64_t value)
{
	struct virtio_dev *dev = virtio_dev(pci);

	switch (off / BAR_REGION * BAR_REGION) {
	case BAR_COMMON:
		common_write(dev, off - BAR_COMMON, size, value);
		break;
	case BAR_DEVICE:
		device_write(dev, off - BAR_DEVICE, size, value);
		break;
	case BAR_NOTIFY:
		notify_write(dev, off - BAR_NOTIFY);
		break;
	default:
		break;
	}
}

/* The window in configuration space, section 4.1.4.9. */

/* Whether an access touches the window's data and what it stands for. */
static bool window_access(const struct virtio_dev *dev, unsigned int off,
			  unsigned int size, uint32_t *bar_off, uint32_t *len)
{
	const uint8_t *cap = dev->pci.config + dev->pci_cfg_cap;
	unsigned int data = dev->pci_cfg_cap + sizeof(struct virtio_pci_cap);

	if (off < data || off + size > data + 4 || cap[4] != 0)
		return false;
	memcpy(bar_off, cap + VIRTIO_PCI_CAP_OFFSET, sizeof(*bar_off));
	memcpy(len, cap + VIRTIO_PCI_CAP_LENGTH, sizeof(*len));
	return (*len == 1 || *len == 2 || *len == 4) && *bar_off % *len == 0 &&
	       *bar_off < PCI_BAR_MSIX_TABLE;
}

static void virtio_config_read(struct pci_dev *pci, unsigned int off,
			       unsigned int size)
{
	struct virtio_dev *dev = virtio_dev(pci);
	uint32_t bar_off, len, v;

	if (!window_access(dev, off, size, &bar_off, &len))
		return;
	v = (uint32_t)virtio_bar_read(pci, bar_off, len);
	memcpy(pci->config + dev->pci_cfg_cap + sizeof(struct virtio_pci_cap), &v,
	       sizeof(v));
}

static void virtio_config_written(struct pci_dev *pci, unsigned int off,
				  unsigned int size)
{
	struct virtio_dev *dev = virtio_dev(pci);
	uint32_t bar_off, len, v;

	if (!window_access(dev, off, size, &bar_off, &len))
		return;
	memcpy(&v, pci->config + dev->pci_cfg_cap + sizeof(struct virtio_pci_cap),
	       sizeof(v));
	virtio_bar_write(pci, bar_off, len, v & (uint32_t)bus_ones(len));
}

static const struct pci_ops virtio_pci_ops = {
	.bar_read = virtio_bar_read,
	.bar_write = virtio_bar_write,
	.bar_moved = virtio_bar_moved,
	.config_read = virtio_config_read,
	.config_written = virtio_config_written,
};

/* Interrupts. */

void virtio_publish(struct virtio_dev *dev, unsigned int q)
{
	struct vring *vr = &dev->queue[q].vring;

	vring_publish(vr);
	if (vring_should_notify(vr))
		pci_raise(&dev->pci, dev->queue[q].vector);
}

void virtio_config_changed(struct virtio_dev *dev)
{
	dev->generation++;
	if (dev->status & VIRTIO_DRIVER_OK)
		pci_raise(&dev->pci, dev->config_vector);
}

/* Saving. */

/** struct virtio_queue_state - A queue in a saved VM */
struct virtio_queue_state {
	uint64_t desc, avail, used;
	uint16_t size;
	uint16_t vector;
	uint16_t next_avail;
	uint8_t enabled;
	uint8_t running;
};

/** struct virtio_state - A device */
struct virtio_state {
	uint32_t id;
	uint32_t queues;
	uint64_t features;
	uint32_t feature_select;
	uint32_t driver_feature_select;
	uint16_t queue_select;
	uint16_t config_vector;
	uint8_t status;
	uint8_t generation;
	uint8_t active;
	uint8_t zero;
	struct virtio_queue_state queue[VIRTIO_QUEUES_MAX];
};

struct virtio_dev *virtio_at(const struct vm *vm, unsigned int slot)
{
	struct pci_dev *pci = slot < PCI_SLOTS ? vm->pci.dev[slot] : NULL;

	return pci && pci->ops == &virtio_pci_ops ? virtio_dev(pci) : NULL;
}

void virtio_freeze(struct virtio_dev *dev)
{
	if (dev->frozen)
		return;
	for (unsigned int i = 0; i < dev->queues; i++)
		ev_io_stop(dev->vm->loop, &dev->queue[i].kick);
	if (dev->active && dev->ops->freeze)
		dev->ops->freeze(dev);
	dev->frozen = true;
}

void virtio_thaw(struct virtio_dev *dev)
{
	if (!dev->frozen)
		return;
	dev->frozen = false;
	if (!dev->active)
		return;
	for (unsigned int i = 0; i < dev->queues; i++) {
		struct virtio_queue *q = &dev->queue[i];

		if (!q->vring.size)
			continue;
		ev_io_start(dev->vm->loop, &q->kick);
		virtio_kick_again(dev, i);
		pci_raise(&dev->pci, q->vector);
	}
	if (dev->ops->thaw)
		dev->ops->thaw(dev);
	virtio_config_changed(dev);
}

void virtio_save(struct virtio_dev *dev, struct state_out *out)
{
	struct virtio_state x = {
		.id = dev->ops->id,
		.queues = dev->queues,
		.features = dev->features,
		.feature_select = dev->feature_select,
		.driver_feature_select = dev->driver_feature_select,
		.queue_select = dev->queue_select,
		.config_vector = dev->config_vector,
		.status = dev->status,
		.generation = dev->generation,
		.active = dev->active,
	};

	for (unsigned int i = 0; i < dev->queues; i++) {
		const struct virtio_queue *q = &dev->queue[i];

		x.queue[i] = (struct virtio_queue_state){
			.desc = q->desc, .avail = q->avail, .used = q->used,
			.size = q->size,
			.vector = q->vector,
			.next_avail = q->vring.next_avail,
			.enabled = q->enabled,
			/* The rings of a driver that broke the rules are nobody's. */
			.running = dev->active && q->vring.size != 0,
		};
	}
	state_put(out, "virtio", dev->pci.slot, VIRTIO_STATE_VERSION, &x, sizeof(x));
	if (dev->ops->save)
		dev->ops->save(dev, out);
}

static const char *queue_load(struct virtio_dev *dev, struct virtio_queue *q,
			      const struct virtio_queue_state *x, bool active)
{
	if (!x->size || x->size & (x->size - 1) || x->size > virtio_queue_size(dev) ||
	    (x->running && !(active && x->enabled)))
		return "it makes no sense (a queue)";
	q->size = x->size;
	q->desc = x->desc;
	q->avail = x->avail;
	q->used = x->used;
	q->vector = virtio_vector(dev, x->vector);
	q->enabled = x->enabled;
	if (!x->running)
		return NULL;
	if (vring_init(&q->vring, &dev->vm->mem, &dev->vm->mem, q->size, q->desc, q->avail,
		       q->used, dev->features) ||
	    vring_continue(&q->vring, x->next_avail))
		return "it makes no sense (a ring)";
	if (dev->pci.bar)
		virtio_ioeventfd(dev, q, true);
	return NULL;
}

const char *virtio_load(struct virtio_dev *dev, const struct state *s)
{
	const struct virtio_state *x = state_get(s, "virtio", dev->pci.slot,
						 VIRTIO_STATE_VERSION, sizeof(*x));
	const uint8_t ready = VIRTIO_DRIVER_OK | VIRTIO_FEATURES_OK;
	const char *why = NULL;

	if (!x || x->id != dev->ops->id || x->queues != dev->queues)
		return "its devices are others";
	if (x->features & ~dev->offered)
		return "the guest uses features that a device does not have here (of a "
		       "network, for one)";
	if (x->active && ((x->status & ready) != ready || x->status & VIRTIO_NEEDS_RESET))
		return "it makes no sense (a device's status)";
	dev->features = x->features;
	dev->feature_select = x->feature_select;
	dev->driver_feature_select = x->driver_feature_select;
	dev->queue_select = x->queue_select;
	dev->config_vector = virtio_vector(dev, x->config_vector);
	dev->status = x->status;
	dev->generation = x->generation;
	dev->frozen = true;
	for (unsigned int i = 0; !why && i < dev->queues; i++)
		why = queue_load(dev, &dev->queue[i], &x->queue[i], x->active);
	if (!why)
		dev->active = x->active;
	if (!why && dev->ops->load)
		why = dev->ops->load(dev, s);
	return why;
}

/* Life. */

static void virtio_add_cap(struct virtio_dev *dev, uint8_t type, uint32_t off,
			   uint32_t length)
{
	struct virtio_pci_cap cap = {
		.cap_len = sizeof(cap),
		.cfg_type = type,
		.offset = off,
		.length = length,
	};

	pci_add_cap(&dev->pci, PCI_CAP_ID_VNDR, &cap, sizeof(cap));
}

static void virtio_add_caps(struct virtio_dev *dev)
{
	struct virtio_pci_notify_cap notify = {
		.cap = {
			.cap_len = sizeof(notify),
			.cfg_type = VIRTIO_PCI_CAP_NOTIFY_CFG,
			.offset = BAR_NOTIFY,
			.length = dev->queues * NOTIFY_STRIDE,
		},
		.notify_off_multiplier = NOTIFY_STRIDE,
	};
	struct virtio_pci_cfg_cap window = {
		.cap = {
			.cap_len = sizeof(window),
			.cfg_type = VIRTIO_PCI_CAP_PCI_CFG,
		},
	};
	uint8_t *w;

	virtio_add_cap(dev, VIRTIO_PCI_CAP_COMMON_CFG, BAR_COMMON,
		       sizeof(struct virtio_pci_common_cfg));
	virtio_add_cap(dev, VIRTIO_PCI_CAP_ISR_CFG, BAR_ISR, 1);
	if (dev->ops->config_size)
		virtio_add_cap(dev, VIRTIO_PCI_CAP_DEVICE_CFG, BAR_DEVICE,
			       dev->ops->config_size);
	pci_add_cap(&dev->pci, PCI_CAP_ID_VNDR, &notify, sizeof(notify));
	dev->pci_cfg_cap = pci_add_cap(&dev->pci, PCI_CAP_ID_VNDR, &window,
				       sizeof(window));
	w = dev->pci.writable + dev->pci_cfg_cap;
	w[VIRTIO_PCI_CAP_BAR] = 0xff;
	memset(w + VIRTIO_PCI_CAP_OFFSET, 0xff, sizeof(window) - VIRTIO_PCI_CAP_OFFSET);
}

int virtio_init(struct virtio_dev *dev, struct vm *vm,
		const struct virtio_ops *ops, uint64_t features,
		unsigned int queues)
{
	const struct pci_id id = {
		.vendor = PCI_VENDOR_VIRTIO,
		.device = (uint16_t)(PCI_DEVICE_VIRTIO + ops->id),
		.subsystem_vendor = PCI_VENDOR_VIRTIO,
		.subsystem = (uint16_t)(PCI_DEVICE_VIRTIO + ops->id),
		.class = ops->class,
		.revision = 1,
	};
	int ret;

	memset(dev, 0, sizeof(*dev));
	dev->vm = vm;
	dev->ops = ops;
	dev->queues = queues;
	dev->offered = features | (uint64_t)1 << VIRTIO_F_VERSION_1 |
		       (uint64_t)1 << VRING_F_EVENT_IDX |
		       (uint64_t)1 << VRING_F_INDIRECT_DESC;
	for (unsigned int i = 0; i < queues; i++)
		dev->queue[i].kickfd = -1;
	ret = pci_dev_init(&dev->pci, &vm->pci, &virtio_pci_ops, &id,
			   (ops->one_vector ? 1 : queues) + 1);
	if (ret)
		return ret;
	for (unsigned int i = 0; i < queues; i++) {
		struct virtio_queue *q = &dev->queue[i];

		q->dev = dev;
		q->kickfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (q->kickfd < 0) {
			ret = -errno;
			virtio_destroy(dev);
			return ret;
		}
		ev_io_init(&q->kick, virtio_kick_cb, q->kickfd, EV_READ);
	}
	virtio_add_caps(dev);
	virtio_reset(dev);
	return 0;
}

void virtio_destroy(struct virtio_dev *dev)
{
	for (unsigned int i = 0; i < dev->queues; i++) {
		ev_io_stop(dev->vm->loop, &dev->queue[i].kick);
		fd_close(&dev->queue[i].kickfd);
	}
	pci_dev_destroy(&dev->pci);
}
