/* SPDX-License-Identifier: BSD-2-Clause */
/* board.c - A virtual machine without KVM, for tests; the essay is in board.h */
#include "config.h"

#include "tests/harness/board.h"

#include <errno.h>
#include <linux/virtio_pci.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/fwcfg.h"
#include "vmm/opener.h"
#include "vmm/ram.h"
#include "vmm/ram_file.h"
#include "vmm/serial.h"
#include "vmm/virtio_balloon.h"
#include "vmm/virtio_blk.h"
#include "vmm/virtio_net.h"
#include "vmm/virtio_rng.h"
#include "vmm/virtio_vsock.h"

enum { BOARD_GUARD = 4096 };

/**
 * struct board - A machine and its interrupts
 * @vm:		First, since vm_destroy() frees it
 * @irqfd:	By number of the message, what raises it, or -1
 * @line:	Levels
 * @guard:	Pages before RAM and behind it that nobody may touch
 */
struct board {
	struct vm vm;
	int irqfd[GSI_MAX];
	bool line[GSI_MSI_FIRST];
	uint8_t *guard[2];
};

static struct board *board(const struct vm *vm)
{
	return (struct board *)(uintptr_t)vm;
}

/* Interrupts, as irq.h has them. */

static struct board *board_of_irq(const struct irq *irq)
{
	return board((const struct vm *)((const uint8_t *)irq - offsetof(struct vm, irq)));
}

int irq_power_on(struct irq *irq, int vm)
{
	irq->vm = vm;
	memset(irq->valid, 0, sizeof(irq->valid));
	return 0;
}

void irq_power_off(struct irq *irq)
{
	irq->vm = -1;
}

int irq_msi_alloc(struct irq *irq)
{
	BOARD_MUST(irq->count < ARRAY_SIZE(irq->msi));
	return (int)irq->count++;
}

int irq_msi_set(struct irq *irq, int n, struct irq_msi msi)
{
	BOARD_MUST(n >= 0 && (unsigned int)n < irq->count);
	irq->msi[n] = msi;
	irq->valid[n] = true;
	return 0;
}

int irq_msi_attach(struct irq *irq, int n, int eventfd, bool on)
{
	int *fd = &board_of_irq(irq)->irqfd[n];

	/* KVM wants a message first, and takes nobody off who is not on. */
	BOARD_MUST(irq->valid[n] && eventfd >= 0 && *fd == (on ? -1 : eventfd));
	*fd = on ? eventfd : -1;
	return 0;
}

void irq_line(const struct irq *irq, unsigned int gsi, bool level)
{
	BOARD_MUST(gsi < GSI_MSI_FIRST);
	board_of_irq(irq)->line[gsi] = level;
}

uint64_t board_irqs(const struct virtio_dev *dev, unsigned int vector)
{
	const struct pci_vector *v = &dev->pci.vector[vector];
	eventfd_t n;

	if (board(dev->vm)->irqfd[v->gsi] < 0 || eventfd_read(v->eventfd, &n) < 0)
		return 0;
	return n;
}

bool board_line(const struct vm *vm, unsigned int gsi)
{
	return board(vm)->line[gsi];
}

/* Memory. */

int ram_file_open(struct ram_file *f, const struct ram_source *src UNUSED, uint64_t size)
{
	/* An alignment like this leaves a hole behind RAM. */
	*f = (struct ram_file){ .fd = memfd_create("board", MFD_CLOEXEC), .align = 1 << 16 };
	BOARD_MUST(f->fd >= 0 && !ftruncate(f->fd, (off_t)size));
	return 0;
}

/* Nothing is to be mapped beside RAM, unless it is there already. Return: the guard, or
 * NULL. */
static uint8_t *board_guard(uint8_t *at)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;

	return mmap(at, BOARD_GUARD, PROT_NONE, flags, -1, 0) == at ? at : NULL;
}

/* Life. */

static void board_wake_cb(struct ev_loop *loop UNUSED, ev_async *w UNUSED,
			  int revents UNUSED)
{
}

struct vm *board_new(const struct options *opt)
{
	struct board *b = calloc(1, sizeof(*b));
	struct vm *vm = &b->vm;

	BOARD_MUST(b);
	for (size_t i = 0; i < ARRAY_SIZE(b->irqfd); i++)
		b->irqfd[i] = -1;
	vm->opt = opt;
	vm->fd = vm->kvm = vm->ram = vm->irq.vm = -1;
	signal(SIGPIPE, SIG_IGN);	/* as in main.c */
	pthread_mutex_init(&vm->lock, NULL);
	pthread_cond_init(&vm->moved, NULL);
	pause_init(&vm->pause, false);
	shutdown_init(&vm->shutdown);
	vm->loop = ev_loop_new(EVFLAG_AUTO);
	BOARD_MUST(vm->loop);
	ev_set_userdata(vm->loop, vm);
	ev_async_init(&vm->wake, board_wake_cb);
	ev_async_start(vm->loop, &vm->wake);
	BOARD_MUST(!ram_create(vm));
	b->guard[0] = board_guard(vm->ram_host - BOARD_GUARD);
	b->guard[1] = board_guard(vm->ram_host + vm->ram_size);
	BOARD_MUST(b->guard[1]);
	BOARD_MUST(!power_create(vm));
	BOARD_MUST(!cmos_init(&vm->cmos, &vm->pio));
	BOARD_MUST(!pci_init(&vm->pci, &vm->pio, &vm->mmio, &vm->irq));
	return vm;
}

int board_plug(struct vm *vm)
{
	struct eth_addr mac = { { 2, 0, 0, 0, 0, 0 } };
	const struct options *opt = vm->opt;
	int ret;

	ret = fwcfg_create(vm, &vm->fwcfg);
	if (!ret)
		ret = serial_create(vm, &opt->serial, &vm->serial);
	for (unsigned int i = 0; !ret && i < opt->nics; i++) {
		mac.b[5]++;
		ret = virtio_net_create(vm, &opt->nic[i], mac, &vm->nics[i]);
	}
	for (unsigned int i = 0; !ret && i < opt->drives; i++)
		ret = virtio_blk_create(vm, &opt->drive[i], &vm->disks[i]);
	if (!ret)
		ret = virtio_rng_create(vm, &vm->rng);
	if (!ret && opt->balloon)
		ret = virtio_balloon_create(vm, opt->free_page_reporting, &vm->balloon);
	if (!ret && opt->vsock)
		ret = virtio_vsock_create(vm, opt->vsock_cid, opt->vsock, &vm->vsock);
	return ret;
}

void board_power_on(struct vm *vm)
{
	struct board *b = board(vm);

	vm->request = VM_GO_ON;
	for (unsigned int slot = 1; slot < PCI_SLOTS; slot++)
		if (virtio_at(vm, slot))
			virtio_reset(virtio_at(vm, slot));
	virtio_balloon_reset(vm->balloon);
	virtio_vsock_reset(vm->vsock);
	ram_clear(vm);
	/* The interrupts of the machine before went with it. */
	for (size_t i = 0; i < ARRAY_SIZE(b->irqfd); i++)
		b->irqfd[i] = -1;
	memset(b->line, 0, sizeof(b->line));
	BOARD_MUST(!irq_power_on(&vm->irq, -1));
	pci_reset(&vm->pci);
	if (vm->fwcfg)
		fwcfg_reset(vm->fwcfg);
	if (vm->serial)
		serial_reset(vm->serial);
	power_reset(&vm->power);
	cmos_reset(&vm->cmos, vm->low, vm->ram_size - vm->low, vm->opt->cpus);
}

void board_free(struct vm *vm)
{
	uint8_t *guard[2] = { board(vm)->guard[0], board(vm)->guard[1] };
	struct ev_loop *loop = vm->loop;

	vm_destroy(vm);
	ev_loop_destroy(loop);
	opener_forget();
	for (int i = 0; i < 2; i++)
		if (guard[i])
			munmap(guard[i], BOARD_GUARD);
}

void board_spin(struct vm *vm)
{
	for (int i = 0; i < BOARD_TURNS; i++)
		ev_run(vm->loop, EVRUN_NOWAIT);
}

/* Drivers. */

uint8_t board_status(const struct virtio_dev *dev)
{
	return (uint8_t)board_get(dev, VIRTIO_PCI_COMMON_STATUS, 1);
}

uint64_t board_offered(const struct virtio_dev *dev)
{
	uint64_t features = 0;

	for (unsigned int i = 0; i < 2; i++) {
		board_set(dev, VIRTIO_PCI_COMMON_DFSELECT, 4, i);
		features |= board_get(dev, VIRTIO_PCI_COMMON_DF, 4) << 32 * i;
	}
	return features;
}

uint64_t board_negotiate(const struct virtio_dev *dev, uint64_t features)
{
	board_set(dev, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	board_set(dev, VIRTIO_PCI_COMMON_STATUS, 1, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
	features = board_offered(dev) & (features | 1ULL << VIRTIO_F_VERSION_1);
	for (unsigned int i = 0; i < 2; i++) {
		board_set(dev, VIRTIO_PCI_COMMON_GFSELECT, 4, i);
		board_set(dev, VIRTIO_PCI_COMMON_GF, 4, (uint32_t)(features >> 32 * i));
	}
	board_set(dev, VIRTIO_PCI_COMMON_STATUS, 1,
		  VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
	return features;
}

uint64_t board_drive(const struct virtio_dev *dev, uint64_t features,
		     const struct board_rings *where, struct vring_driver *ring)
{
	const uint8_t ready = VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK |
			      VIRTIO_DRIVER_OK;
	const struct vring_layout l = vring_layout(where->size);

	features = board_negotiate(dev, features);
	for (unsigned int q = 0; q < where->queues; q++) {
		uint64_t at = where->at + q * where->step;

		board_set(dev, VIRTIO_PCI_COMMON_Q_SELECT, 2, q);
		board_set(dev, VIRTIO_PCI_COMMON_Q_SIZE, 2, where->size);
		board_set(dev, VIRTIO_PCI_COMMON_Q_DESCLO, 4, at);
		board_set(dev, VIRTIO_PCI_COMMON_Q_AVAILLO, 4, at + l.avail);
		board_set(dev, VIRTIO_PCI_COMMON_Q_USEDLO, 4, at + l.used);
		board_set(dev, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
		memset(board_mem(dev->vm, at), 0, l.size);
		vring_driver_init(&ring[q], board_mem(dev->vm, at), where->size,
				  features >> VRING_F_EVENT_IDX & 1);
	}
	board_set(dev, VIRTIO_PCI_COMMON_STATUS, 1, ready);
	BOARD_MUST(board_status(dev) == ready);
	return features;
}

void board_kick(const struct virtio_dev *dev, struct vring_driver *ring, unsigned int q)
{
	if (vring_driver_publish(&ring[q]))
		board_set(dev, BOARD_NOTIFY + q * BOARD_NOTIFY_STRIDE, 2, q);
	board_spin(dev->vm);
}
