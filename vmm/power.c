/* SPDX-License-Identifier: BSD-2-Clause */
/* power.c - The ways a guest ends or restarts its machine, and the power button */
#include "config.h"

#include "vmm/power.h"

#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "vmm/control.h"
#include "vmm/vm.h"

enum {
	SLP_EN = 1 << 5,
	SLP_TYP_SHIFT = 2,
	PM1_BUTTON = 1 << 8,		/* of status and enable */
	PM1_SCI_EN = 1 << 0,		/* of control: ACPI is on, as always */
	PM1_SLP_EN = 1 << 13,
	PM1_SLP_TYP_SHIFT = 10,
	RESET_CPU = 1 << 2,		/* bit of port 0xcf9 */
	KBD_RESET = 0xfe,		/* command: pulse the reset line */
};

/* ACPI sleep control and status. */

static uint64_t sleep_read(void *ctx UNUSED, uint64_t off UNUSED,
			   unsigned int size UNUSED)
{
	return 0;
}

static void sleep_write(void *ctx, uint64_t off, unsigned int size UNUSED,
			uint64_t value)
{
	if (off == POWER_SLEEP_CONTROL && value & SLP_EN &&
	    (value >> SLP_TYP_SHIFT & 7) == POWER_S5)
		vm_request(ctx, VM_POWEROFF);
}

static const struct bus_ops sleep_ops = { sleep_read, sleep_write };

/* The PM1 block. Its event registers are status and enable, one after the other. */

static void pm1_update_irq(const struct vm *vm)
{
	irq_line(&vm->irq, GSI_ACPI, vm->power.status & vm->power.enable);
}

static uint64_t pm1_event_read(void *ctx, uint64_t off, unsigned int size UNUSED)
{
	const struct vm *vm = ctx;

	return ((uint32_t)vm->power.enable << 16 | vm->power.status) >> (8 * off);
}

static void pm1_event_write(void *ctx, uint64_t off, unsigned int size, uint64_t value)
{
	uint32_t mask = (uint32_t)(bus_ones(size) << (8 * off));
	uint32_t bits = (uint32_t)(value << (8 * off));
	struct vm *vm = ctx;

	vm->power.acpi = true;
	/* Ones clear the status. */
	vm->power.status &= (uint16_t)~bits;
	vm->power.enable = (uint16_t)((vm->power.enable & ~(mask >> 16)) | bits >> 16);
	pm1_update_irq(vm);
}

static const struct bus_ops pm1_event_ops = { pm1_event_read, pm1_event_write };

static uint64_t pm1_control_read(void *ctx UNUSED, uint64_t off, unsigned int size UNUSED)
{
	return PM1_SCI_EN >> (8 * off);
}

static void pm1_control_write(void *ctx, uint64_t off, unsigned int size UNUSED,
			      uint64_t value)
{
	value <<= 8 * off;
	if (value & PM1_SLP_EN && (value >> PM1_SLP_TYP_SHIFT & 7) == POWER_S5)
		vm_request(ctx, VM_POWEROFF);
}

static const struct bus_ops pm1_control_ops = { pm1_control_read, pm1_control_write };

/* Port 0xcf9: a byte in the middle of PCI's address register. */

static uint64_t reset_read(void *ctx UNUSED, uint64_t off UNUSED,
			   unsigned int size UNUSED)
{
	return 0;
}

static void reset_write(void *ctx, uint64_t off UNUSED, unsigned int size UNUSED,
			uint64_t value)
{
	if (value & RESET_CPU)
		vm_request(ctx, VM_RESET);
}

static const struct bus_ops reset_ops = { reset_read, reset_write };

/* The keyboard controller: no keyboard, only the reset line. Its status says
 * that nothing is there to read, and that it takes commands. */

static uint64_t kbd_read(void *ctx UNUSED, uint64_t off UNUSED,
			 unsigned int size UNUSED)
{
	return 0;
}

static void kbd_write(void *ctx, uint64_t off UNUSED, unsigned int size UNUSED,
		      uint64_t value)
{
	if (value == KBD_RESET)
		vm_request(ctx, VM_RESET);
}

static const struct bus_ops kbd_ops = { kbd_read, kbd_write };

/* The power button. */

void power_press(struct vm *vm)
{
	control_tell(vm->control, "POWERDOWN");
	if (vm->firmware) {
		vm->power.status |= PM1_BUTTON;
		pm1_update_irq(vm);
	} else {
		irq_line(&vm->irq, GSI_ACPI, true);
		irq_line(&vm->irq, GSI_ACPI, false);
	}
}

/* Whether the guest waits for the interrupt of events, without firmware. The mask would not
 * do: it is set for a moment while the guest handles a press. */
static bool events_work(const struct vm *vm)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };

	return !ioctl(vm->fd, KVM_GET_IRQCHIP, &chip) &&
	       chip.chip.ioapic.redirtbl[GSI_ACPI].fields.vector;
}

bool power_acpi_works(const struct vm *vm)
{
	return vm->firmware ? vm->power.acpi : events_work(vm);
}

bool power_button_works(const struct vm *vm)
{
	return vm->firmware ? vm->power.enable & PM1_BUTTON : events_work(vm);
}

void power_reset(struct power *power)
{
	*power = (struct power){ 0 };
}

int power_create(struct vm *vm)
{
	int ret;

	ret = bus_add(&vm->pio, PORT_ACPI, 2, &sleep_ops, vm);
	if (!ret)
		ret = bus_add(&vm->pio, PORT_ACPI + POWER_PM1_EVENT, POWER_PM1_EVENT_SIZE,
			      &pm1_event_ops, vm);
	if (!ret)
		ret = bus_add(&vm->pio, PORT_ACPI + POWER_PM1_CONTROL,
			      POWER_PM1_CONTROL_SIZE, &pm1_control_ops, vm);
	if (!ret)
		ret = bus_add(&vm->pio, PORT_RESET, 1, &reset_ops, vm);
	if (!ret)
		ret = bus_add(&vm->pio, PORT_KBD_STATUS, 1, &kbd_ops, vm);
	return ret;
}
