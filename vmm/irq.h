/* SPDX-License-Identifier: BSD-2-Clause */
/* irq.h - Interrupts into the guest: lines, and message-signalled ones by eventfd
 *
 * The PIC, the IOAPIC and the local APICs are KVM's. A line (COM1) is set by
 * number. A message-signalled interrupt has an eventfd: whoever writes to it,
 * a thread of ours or the switch, interrupts the guest without our help. Which
 * message that is stands in KVM's routing table, one entry ("GSI") for each.
 *
 * Guarded by vm->lock.
 */
#ifndef VMM_IRQ_H
#define VMM_IRQ_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "vmm/layout.h"

/** struct irq_msi - A message: where a device would write what */
struct irq_msi {
	uint64_t addr;
	uint32_t data;
};

/**
 * struct irq - Interrupt routing of a machine
 * @vm:		The KVM machine, -1 while powered off
 * @count:	Messages in use
 * @msi:	Messages by number; GSI_MSI_FIRST + i is the GSI of msi[i]
 * @valid:	Message has been set
 */
struct irq {
	int vm;
	unsigned int count;
	struct irq_msi msi[GSI_MAX - GSI_MSI_FIRST];
	bool valid[GSI_MAX - GSI_MSI_FIRST];
};

/* Begin with a new KVM machine: lines as on a PC, no messages. Return: 0 or
 * -errno. */
int irq_power_on(struct irq *irq, int vm) MUST_CHECK;

/* The KVM machine is gone. */
void irq_power_off(struct irq *irq);

/* Take a number for a message. Return: it, or -ENOSPC. */
int irq_msi_alloc(struct irq *irq) MUST_CHECK;

/* Say which message number @n is. Return: 0 or -errno. */
int irq_msi_set(struct irq *irq, int n, struct irq_msi msi) MUST_CHECK;

/* Connect (or disconnect) an eventfd to message @n. An event that came while it
 * was disconnected interrupts the guest when it is connected. Return: 0 or
 * -errno. */
int irq_msi_attach(struct irq *irq, int n, int eventfd, bool on) MUST_CHECK;

/* Set the level of a line. */
void irq_line(const struct irq *irq, unsigned int gsi, bool level);

#endif /* VMM_IRQ_H */
