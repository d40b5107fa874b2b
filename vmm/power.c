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

void power_press(const struct vm *vm)
{
	control_tell(vm->control, "POWERDOWN");
	irq_line(&vm->irq, GSI_POWER_BUTTON, true);
	irq_line(&vm->irq, GSI_POWER_BUTTON, false);
}

/* The mask would not do: it is set for a moment while the guest handles a press. */
bool power_button_works(const struct vm *vm)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };

	return !ioctl(vm->fd, KVM_GET_IRQCHIP, &chip) &&
	       chip.chip.ioapic.redirtbl[GSI_POWER_BUTTON].fields.vector;
}

int power_create(struct vm *vm)
{
	int ret;

	ret = bus_add(&vm->pio, PORT_ACPI, 2, &sleep_ops, vm);
	if (!ret)
		ret = bus_add(&vm->pio, PORT_RESET, 1, &reset_ops, vm);
	if (!ret)
		ret = bus_add(&vm->pio, PORT_KBD_STATUS, 1, &kbd_ops, vm);
	return ret;
}
