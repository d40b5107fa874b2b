/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio.h - A virtio device on PCI, driven by polling: what nic.c and disk.c share
 *
 * Virtio 1.2: the PCI transport (4.1) and split virtqueues (2.7). Modern devices
 * only, no interrupts. There is one device at a time.
 */
#ifndef GUEST_VIRTIO_H
#define GUEST_VIRTIO_H

#include "pollnet.h"

enum {
	QUEUE_MAX = 1024,

	STATUS_ACKNOWLEDGE = 1,
	STATUS_DRIVER = 2,
	STATUS_DRIVER_OK = 4,
	STATUS_FEATURES_OK = 8,
	STATUS_NEEDS_RESET = 64,

	DESC_NEXT = 1,
	DESC_WRITE = 2,
};

#define VIRTIO_VERSION_1	(1ULL << 32)

struct common_cfg {
	uint32_t device_feature_select;
	uint32_t device_feature;
	uint32_t driver_feature_select;
	uint32_t driver_feature;
	uint16_t config_msix_vector;
	uint16_t num_queues;
	uint8_t device_status;
	uint8_t config_generation;
	uint16_t queue_select;
	uint16_t queue_size;
	uint16_t queue_msix_vector;
	uint16_t queue_enable;
	uint16_t queue_notify_off;
	uint32_t queue_desc[2];
	uint32_t queue_driver[2];
	uint32_t queue_device[2];
};

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

struct avail {
	uint16_t flags;
	uint16_t idx;
	uint16_t ring[QUEUE_MAX];
};

struct used_elem {
	uint32_t id;
	uint32_t len;
};

struct used {
	uint16_t flags;
	uint16_t idx;
	struct used_elem ring[QUEUE_MAX];
};

/**
 * struct queue - One split virtqueue
 * @number:	Its number
 * @size:	Entries
 * @avail_idx:	Next place in the available ring, not yet shown to the device
 * @used_idx:	Next place to look at in the used ring
 * @doorbell:	Where to notify
 * @name:	For messages
 */
struct queue {
	struct desc desc[QUEUE_MAX] __attribute__((aligned(4096)));
	struct avail avail __attribute__((aligned(4096)));
	struct used used __attribute__((aligned(4096)));
	uint16_t number;
	uint16_t size;
	uint16_t avail_idx;
	uint16_t used_idx;
	volatile uint16_t *doorbell;
	const char *name;
};

/**
 * struct virtio - The device: its registers, and what was negotiated
 * @config:	NULL if it has none
 */
struct virtio {
	unsigned int slot;
	volatile struct common_cfg *common;
	volatile void *config;
	uint64_t features;
	uint64_t accepted;
	uint64_t kicks;
};

extern struct virtio virtio;

/**
 * pci_read() - A word of configuration space
 * @fn:		Function, as in port 0xcf8
 * @reg:	Register, rounded down to a word
 */
uint32_t pci_read(uint32_t fn, unsigned int reg);

/** pci_write() - Write one */
void pci_write(uint32_t fn, unsigned int reg, uint32_t v);

/**
 * virtio_open() - Find a device on bus 0, reset it, and negotiate
 * @id:		Its PCI device number, or
 * @id2:	another one
 * @number:	0 for the first such device
 * @features:	What to take of the features it offers, besides VERSION_1
 *
 * Return: whether there is such a device
 */
bool virtio_open(uint16_t id, uint16_t id2, unsigned int number, uint64_t features);

/** virtio_ready() - Queues are set up: go. Return: the device status */
uint8_t virtio_ready(void);

/**
 * queue_init() - Set a queue up
 * @q:		Queue, overwritten
 * @number:	Its number
 * @name:	For messages
 *
 * Descriptors are the caller's.
 */
void queue_init(struct queue *q, uint16_t number, const char *name);

/** queue_post() - Offer the chain of a descriptor */
void queue_post(struct queue *q, uint16_t id);

/** queue_flush() - Show the device what was posted, and wake it if it wants that */
void queue_flush(struct queue *q);

/** queue_used() - Take one entry off the used ring. Return: whether there was one */
bool queue_used(struct queue *q, uint16_t *id, uint32_t *len);

#endif /* GUEST_VIRTIO_H */
