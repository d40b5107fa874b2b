/* SPDX-License-Identifier: BSD-2-Clause */
/* irq.c - Interrupts into the guest: lines, and message-signalled ones by eventfd */
#include "config.h"

#include "vmm/irq.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

enum { PIC_PINS = 16, IOAPIC_PINS = 24 };

/* Hand the whole routing table to KVM: lines to PIC and IOAPIC, then messages. */
static int irq_commit(const struct irq *irq)
{
	struct kvm_irq_routing *table;
	unsigned int n = 0;
	int ret = 0;

	table = calloc(1, sizeof(*table) + sizeof(table->entries[0]) *
		       (PIC_PINS + IOAPIC_PINS + irq->count));
	if (!table)
		return -ENOMEM;
	for (unsigned int i = 0; i < PIC_PINS; i++)
		table->entries[n++] = (struct kvm_irq_routing_entry){
			.gsi = i,
			.type = KVM_IRQ_ROUTING_IRQCHIP,
			.u.irqchip = { i < 8 ? KVM_IRQCHIP_PIC_MASTER
					     : KVM_IRQCHIP_PIC_SLAVE, i % 8 },
		};
	for (unsigned int i = 0; i < IOAPIC_PINS; i++)
		table->entries[n++] = (struct kvm_irq_routing_entry){
			.gsi = i,
			.type = KVM_IRQ_ROUTING_IRQCHIP,
			.u.irqchip = { KVM_IRQCHIP_IOAPIC, i },
		};
	for (unsigned int i = 0; i < irq->count; i++) {
		if (!irq->valid[i])
			continue;
		table->entries[n++] = (struct kvm_irq_routing_entry){
			.gsi = GSI_MSI_FIRST + i,
			.type = KVM_IRQ_ROUTING_MSI,
			.u.msi = {
				.address_lo = (uint32_t)irq->msi[i].addr,
				.address_hi = (uint32_t)(irq->msi[i].addr >> 32),
				.data = irq->msi[i].data,
			},
		};
	}
	table->nr = n;
	if (ioctl(irq->vm, KVM_SET_GSI_ROUTING, table) < 0)
		ret = -errno;
	free(table);
	return ret;
}

int irq_power_on(struct irq *irq, int vm)
{
	irq->vm = vm;
	memset(irq->valid, 0, sizeof(irq->valid));
	return irq_commit(irq);
}

void irq_power_off(struct irq *irq)
{
	irq->vm = -1;
}

int irq_msi_alloc(struct irq *irq)
{
	if (irq->count == ARRAY_SIZE(irq->msi))
		return -ENOSPC;
	return (int)irq->count++;
}

int irq_msi_set(struct irq *irq, int n, struct irq_msi msi)
{
	if (irq->valid[n] && irq->msi[n].addr == msi.addr &&
	    irq->msi[n].data == msi.data)
		return 0;
	irq->msi[n] = msi;
	irq->valid[n] = true;
	return irq_commit(irq);
}

int irq_msi_attach(struct irq *irq, int n, int eventfd, bool on)
{
	struct kvm_irqfd irqfd = {
		.fd = (uint32_t)eventfd,
		.gsi = GSI_MSI_FIRST + (uint32_t)n,
		.flags = on ? 0 : KVM_IRQFD_FLAG_DEASSIGN,
	};

	return ioctl(irq->vm, KVM_IRQFD, &irqfd) < 0 ? -errno : 0;
}

void irq_line(const struct irq *irq, unsigned int gsi, bool level)
{
	struct kvm_irq_level line = { .irq = gsi, .level = level };

	if (irq->vm >= 0)
		ioctl(irq->vm, KVM_IRQ_LINE, &line);
}
