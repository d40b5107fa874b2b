/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio.h - A virtio device on PCI: what a kind of device sees (virtio 1.2)
 *
 * DOC: Theory of operation
 *
 * A kind of device (virtio_net.c, virtio_blk.c...) says which features and how
 * many queues it has and handles kicks; virtio_pci.c is the transport (section
 * 4.1): modern only, MSI-X only, one 32-bit BAR.
 *
 * Life: after reset the driver negotiates features, sets queues up and sets
 * DRIVER_OK. That is the moment of ->activate(): the rings are checked and their
 * configuration is latched, and what the driver writes to it later is ignored
 * until the next reset. Kicks come as eventfds into the event loop, each queue
 * has its own.
 *
 * A device can be frozen: it touches neither rings nor guest memory until it is thawed.
 * So it is saved, and what is loaded is a frozen device (virtio_load()). Thawing raises
 * each interrupt and looks into each ring once: a kick or an interrupt may have been on
 * its way, and drivers do not mind one too many.
 *
 * A driver that breaks the rules of a ring gets DEVICE_NEEDS_RESET (section
 * 2.1.1): virtio_break(). The device says so once in the log, does nothing more,
 * and works again after a reset.
 *
 * A device begins and ends in the main thread (errand.h): ->activate(), ->reset(),
 * ->vector() and ->config_write() are called there.
 *
 * Guarded by vm->lock.
 */
#ifndef VMM_VIRTIO_H
#define VMM_VIRTIO_H

#include <ev.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/ratelimit.h"
#include "lib/vring.h"
#include "vmm/pci.h"

enum {
	VIRTIO_QUEUES_MAX = 8,
	VIRTIO_QUEUE_SIZE = 256,	/* entries offered, unless the kind says more */

	/* Device status, section 2.1 */
	VIRTIO_ACKNOWLEDGE = 1,
	VIRTIO_DRIVER = 2,
	VIRTIO_DRIVER_OK = 4,
	VIRTIO_FEATURES_OK = 8,
	VIRTIO_NEEDS_RESET = 64,
};

struct state;
struct state_out;
struct virtio_dev;
struct vm;

/**
 * struct virtio_ops - A kind of device
 * @name:	For the log
 * @id:		VIRTIO_ID_*
 * @class:	PCI class
 * @activate:	The driver is ready: queues with @vring.size set may be used
 * @reset:	Forget about the driver; queues are gone
 * @kick:	There may be new chains in queue @q
 * @vector:	Queue @q has got another interrupt vector; may be NULL
 * @config_read: Fill @buf from device configuration, @off + @size in bounds
 * @config_write: The driver writes @value, @size bytes of it, at @off, in bounds; NULL
 *		if there is nothing to be written
 * @config_reset: Forget what it has written, which it may before it is ready; with
 *		@config_write
 * @freeze:	Touch guest memory no more, and put where the rings stand into ->vring;
 *		nothing taken from them is left undone. NULL if kicks are all there is
 * @thaw:	Go on; kicks come by themselves. May be NULL
 * @unsaved:	NULL, or why the device cannot be saved, good until the next call; may be
 *		NULL itself
 * @save:	Add a section with what else there is of a frozen device, by its PCI
 *		slot; may be NULL
 * @load:	Load it, the rings being set up already. Return: NULL, or why that cannot
 *		be, good until the next call; NULL with @save
 * @config_size: Bytes of device configuration
 * @queue_size:	Entries offered for each queue, 0 = VIRTIO_QUEUE_SIZE
 * @one_vector:	All queues share an interrupt vector; the configuration has another
 */
struct virtio_ops {
	const char *name;
	uint16_t id;
	uint32_t class;
	void (*activate)(struct virtio_dev *dev);
	void (*reset)(struct virtio_dev *dev);
	void (*kick)(struct virtio_dev *dev, unsigned int q);
	void (*vector)(struct virtio_dev *dev, unsigned int q);
	void (*config_read)(struct virtio_dev *dev, unsigned int off,
			    void *buf, unsigned int size);
	void (*config_write)(struct virtio_dev *dev, unsigned int off,
			     uint64_t value, unsigned int size);
	void (*config_reset)(struct virtio_dev *dev);
	void (*freeze)(struct virtio_dev *dev);
	void (*thaw)(struct virtio_dev *dev);
	const char *(*unsaved)(struct virtio_dev *dev);
	void (*save)(struct virtio_dev *dev, struct state_out *out);
	const char *(*load)(struct virtio_dev *dev, const struct state *s);
	unsigned int config_size;
	uint16_t queue_size;
	bool one_vector;
};

/**
 * struct virtio_queue - A queue
 * @size:	Entries the driver wants
 * @desc:	Guest addresses of its parts
 * @vector:	MSI-X vector, or PCI_NO_VECTOR
 * @enabled:	The driver enabled it; its configuration is latched
 * @kick:	Watches @kickfd while active
 * @kickfd:	Written by KVM (or by us) when the driver kicks
 * @notify:	Guest address where KVM watches for kicks, 0 if it does not
 * @vring:	The ring, set up while the device is active
 */
struct virtio_queue {
	struct virtio_dev *dev;
	uint16_t size;
	uint64_t desc, avail, used;
	uint16_t vector;
	bool enabled;
	ev_io kick;
	int kickfd;
	uint64_t notify;
	struct vring vring;
};

/**
 * struct virtio_dev - A device
 * @pci:	Its place on the bus
 * @offered:	Feature bits offered
 * @features:	Feature bits the driver took
 * @status:	Device status
 * @claim:	All its bits so far; see claims.h
 * @active:	Between ->activate() and ->reset()
 * @frozen:	See the essay
 * @generation:	Changes when device configuration does
 */
struct virtio_dev {
	struct pci_dev pci;
	struct vm *vm;
	const struct virtio_ops *ops;
	uint64_t offered;
	uint64_t features;
	uint32_t feature_select;
	uint32_t driver_feature_select;
	uint16_t queue_select;
	uint16_t config_vector;
	uint8_t status;
	uint8_t claim;
	uint8_t generation;
	bool active;
	bool frozen;
	struct ratelimit complaints;
	unsigned int pci_cfg_cap;
	unsigned int queues;
	struct virtio_queue queue[VIRTIO_QUEUES_MAX];
};

/**
 * virtio_init() - Put a virtio device on the PCI bus
 * @dev:	Device, overwritten
 * @vm:		Machine
 * @ops:	Kind
 * @features:	Feature bits of its own; those of rings and transport are added
 * @queues:	How many
 *
 * Return: 0 or -errno
 */
int virtio_init(struct virtio_dev *dev, struct vm *vm,
		const struct virtio_ops *ops, uint64_t features,
		unsigned int queues) MUST_CHECK;

/* Close its descriptors. */
void virtio_destroy(struct virtio_dev *dev);

/* As after power-on. */
void virtio_reset(struct virtio_dev *dev);

/* Show the driver what was pushed to queue @q, and interrupt it if it wants. */
void virtio_publish(struct virtio_dev *dev, unsigned int q);

/* Have ->kick() called again, from the event loop: for work left undone so that
 * others get their turn. */
void virtio_kick_again(struct virtio_dev *dev, unsigned int q);

/* Device configuration changed: tell the driver. */
void virtio_config_changed(struct virtio_dev *dev);

/* The driver broke the rules: stop, say so, wait for a reset. */
void virtio_break(struct virtio_dev *dev, const char *why);

/* The device in a slot of the machine's bus, or NULL. */
struct virtio_dev *virtio_at(const struct vm *vm, unsigned int slot);

/* See the essay. */
void virtio_freeze(struct virtio_dev *dev);
void virtio_thaw(struct virtio_dev *dev);
void virtio_save(struct virtio_dev *dev, struct state_out *out);

/* Load a device that was reset, whose place on the bus and whose memory are as they were.
 * Return: NULL, or why that cannot be. */
const char *virtio_load(struct virtio_dev *dev, const struct state *s) MUST_CHECK;

static inline bool virtio_has(const struct virtio_dev *dev, unsigned int bit)
{
	return dev->features >> bit & 1;
}

#endif /* VMM_VIRTIO_H */
