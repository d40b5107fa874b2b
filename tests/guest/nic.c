/* SPDX-License-Identifier: BSD-2-Clause */
/* nic.c - A virtio-net device, driven by polling (virtio 1.2, section 5.1)
 *
 * One queue pair, no offloads, no interrupts. Each frame lies in one buffer behind
 * its virtio-net header, and each buffer belongs to the descriptor of the same
 * number for ever.
 */
#include "virtio.h"

enum {
	VIRTIO_NET = 0x1041,
	VIRTIO_NET_TRANSITIONAL = 0x1000,

	QUEUE_RX = 0,
	QUEUE_TX = 1,

	NET_HDR = 12,
	BUFFER = 2048,
};

struct device_cfg {
	uint8_t mac[ETH_ADDR];
	uint16_t status;
};

static struct queue rxq, txq;
static uint8_t rx_buffer[QUEUE_MAX][BUFFER] __attribute__((aligned(4096)));
static uint8_t tx_buffer[QUEUE_MAX][BUFFER] __attribute__((aligned(4096)));
static uint16_t tx_free[QUEUE_MAX];	/* descriptors, as a stack */
static unsigned int tx_free_count;
static uint16_t rx_current;

static volatile struct device_cfg *device(void)
{
	return virtio.config;
}

/* Give each descriptor its buffer. */
static void buffers_init(struct queue *q, uint8_t (*buffer)[BUFFER], uint16_t flags)
{
	for (uint16_t i = 0; i < q->size; i++) {
		q->desc[i].addr = (uintptr_t)buffer[i];
		q->desc[i].len = BUFFER;
		q->desc[i].flags = flags;
	}
}

bool nic_link_up(void)
{
	return !(virtio.accepted & NIC_F_STATUS) || device()->status & NIC_S_LINK_UP;
}

bool nic_open(unsigned int number, struct nic_info *info)
{
	if (!virtio_open(VIRTIO_NET, VIRTIO_NET_TRANSITIONAL, number,
			 NIC_F_MAC | NIC_F_STATUS))
		return false;
	memset(info, 0, sizeof(*info));
	queue_init(&rxq, QUEUE_RX, "receive");
	queue_init(&txq, QUEUE_TX, "transmit");
	buffers_init(&rxq, rx_buffer, DESC_WRITE);
	buffers_init(&txq, tx_buffer, 0);
	for (uint16_t i = 0; i < rxq.size; i++)
		queue_post(&rxq, i);
	for (tx_free_count = 0; tx_free_count < txq.size; tx_free_count++)
		tx_free[tx_free_count] = (uint16_t)(txq.size - 1 - tx_free_count);
	info->status = virtio_ready();
	queue_flush(&rxq);

	for (int i = 0; i < ETH_ADDR && virtio.accepted & NIC_F_MAC; i++)
		info->mac[i] = device()->mac[i];
	info->slot = virtio.slot;
	info->features = virtio.features;
	info->accepted = virtio.accepted;
	info->link_up = nic_link_up();
	info->rx_size = rxq.size;
	info->tx_size = txq.size;
	return true;
}

uint8_t *nic_rx(unsigned int *len)
{
	uint32_t used;

	if (!queue_used(&rxq, &rx_current, &used))
		return NULL;
	if (used < NET_HDR || used > BUFFER)
		fatal("the device received %lu bytes into a buffer of %lu",
		      (unsigned long)used, (unsigned long)BUFFER);
	*len = used - NET_HDR;
	return rx_buffer[rx_current] + NET_HDR;
}

void nic_rx_done(void)
{
	queue_post(&rxq, rx_current);
}

void nic_rx_flush(void)
{
	queue_flush(&rxq);
}

static void tx_reclaim(void)
{
	uint16_t id;
	uint32_t len;

	while (queue_used(&txq, &id, &len)) {
		if (tx_free_count == txq.size)
			fatal("the device used more descriptors of the transmit queue "
			      "than it was given");
		tx_free[tx_free_count++] = id;
	}
}

uint8_t *nic_tx(void)
{
	if (!tx_free_count)
		tx_reclaim();
	if (!tx_free_count)
		return NULL;
	return tx_buffer[tx_free[tx_free_count - 1]] + NET_HDR;
}

void nic_tx_post(unsigned int len)
{
	uint16_t id = tx_free[--tx_free_count];

	/* The header asks for nothing. */
	__builtin_memset(tx_buffer[id], 0, NET_HDR);
	txq.desc[id].len = NET_HDR + len;
	queue_post(&txq, id);
}

void nic_tx_flush(void)
{
	queue_flush(&txq);
}

bool nic_tx_idle(void)
{
	tx_reclaim();
	return tx_free_count == txq.size;
}

uint64_t nic_kicks(void)
{
	return virtio.kicks;
}
