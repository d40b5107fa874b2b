/* SPDX-License-Identifier: BSD-2-Clause */
/* acpi.c - The tables that tell a guest what machine this is (ACPI 6.4)
 *
 * Offsets of fields are those of the tables of chapter 5; a table is built in a
 * byte array, and finished (length, checksum) when it is placed.
 */
#include "config.h"

#include "vmm/acpi.h"

#include <stddef.h>
#include <string.h>

#include "lib/bytes.h"
#include "vmm/aml.h"
#include "vmm/layout.h"
#include "vmm/power.h"
#include "vmm/vm.h"

/** struct acpi_hdr - Header of every table, 5.2.6 */
struct acpi_hdr {
	char signature[4];
	struct le32 length;
	uint8_t revision;
	uint8_t checksum;
	char oem_id[6];
	char oem_table_id[8];
	struct le32 oem_revision;
	char creator_id[4];
	struct le32 creator_revision;
};

/** struct acpi_gas - Generic address, 5.2.3.2 */
struct acpi_gas {
	uint8_t space;
	uint8_t bit_width;
	uint8_t bit_offset;
	uint8_t access;
	struct le64 addr;
};

/** struct acpi_rsdp - 5.2.5.3 */
struct acpi_rsdp {
	char signature[8];
	uint8_t checksum;
	char oem_id[6];
	uint8_t revision;
	struct le32 rsdt;
	struct le32 length;
	struct le64 xsdt;
	uint8_t ext_checksum;
	uint8_t reserved[3];
};

/** struct acpi_facs - 5.2.10; it has no checksum */
struct acpi_facs {
	char signature[4];
	struct le32 length;
	uint8_t pad0[24];
	uint8_t version;
	uint8_t pad1[31];
};

/** struct acpi_fadt - 5.2.9, named as far as we use it */
struct acpi_fadt {
	struct acpi_hdr hdr;
	struct le32 facs;
	struct le32 dsdt;
	uint8_t pad0[2];
	struct le16 sci;
	uint8_t pad1[8];
	struct le32 pm1_event;
	uint8_t pad2[4];
	struct le32 pm1_control;
	uint8_t pad3[20];
	uint8_t pm1_event_len;
	uint8_t pm1_control_len;
	uint8_t pad4[6];
	struct le16 c2_latency;
	struct le16 c3_latency;
	uint8_t pad5[9];
	struct le16 boot_arch;
	uint8_t reserved;
	struct le32 flags;
	struct acpi_gas reset_reg;
	uint8_t reset_value;
	struct le16 arm_boot_arch;
	uint8_t minor_version;
	struct le64 x_facs;
	struct le64 x_dsdt;
	struct acpi_gas x_pm1_event;
	uint8_t pad6[12];
	struct acpi_gas x_pm1_control;
	uint8_t pad7[60];
	struct acpi_gas sleep_control;
	struct acpi_gas sleep_status;
	struct le64 hypervisor_id;
};

static_assert(sizeof(struct acpi_hdr) == 36, "ACPI 5.2.6");
static_assert(sizeof(struct acpi_gas) == 12, "ACPI 5.2.3.2");
static_assert(sizeof(struct acpi_rsdp) == ACPI_RSDP_SIZE, "ACPI 5.2.5.3");
static_assert(sizeof(struct acpi_facs) == 64, "ACPI 5.2.10");
static_assert(offsetof(struct acpi_fadt, boot_arch) == 109, "ACPI 5.2.9");
static_assert(sizeof(struct acpi_fadt) == 276, "ACPI 5.2.9");

enum {
	GAS_IO = 1,

	FADT_REVISION = 6,
	FADT_MINOR = 4,
	FADT_WBINVD = 1 << 0,
	FADT_PWR_BUTTON = 1 << 4,	/* no fixed power button */
	FADT_SLP_BUTTON = 1 << 5,	/* no fixed sleep button */
	FADT_FIX_RTC = 1 << 6,		/* the clock wakes nobody */
	FADT_RESET_REG_SUP = 1 << 10,
	FADT_HW_REDUCED = 1 << 20,
	BOOT_LEGACY = 1 << 0,		/* devices on the ISA bus */
	BOOT_NO_VGA = 1 << 2,
	LATENCY_C2_NONE = 101,		/* microseconds: more than is of any use */
	LATENCY_C3_NONE = 1001,
	FACS_VERSION = 2,

	NOTIFY_PRESSED = 0x80,		/* of a button, 4.8.2.2.1.1 */

	MADT_PCAT_COMPAT = 1,
	MADT_LAPIC = 0,
	MADT_IOAPIC = 1,
	MADT_OVERRIDE = 2,
	MADT_LEVEL_HIGH = 3 << 2 | 1,	/* its flags, 5.2.12.5 */
	MADT_LAPIC_NMI = 4,
	MADT_SIZE = 4096,
};

/** struct acpi_place - Where the next table goes */
struct acpi_place {
	struct vm *vm;
	uint64_t addr;
};

static uint8_t acpi_checksum(const void *p, size_t size)
{
	const uint8_t *b = p;
	uint8_t sum = 0;

	while (size--)
		sum = (uint8_t)(sum + *b++);
	return (uint8_t)-sum;
}

static struct acpi_hdr acpi_header(const char *signature, uint8_t revision)
{
	struct acpi_hdr h = {
		.revision = revision,
		.oem_revision = le32(1),
		.creator_revision = le32(1),
	};

	memcpy(h.signature, signature, sizeof(h.signature));
	memcpy(h.oem_id, "LANBOX", sizeof(h.oem_id));
	memcpy(h.oem_table_id, "LANBOXVM", sizeof(h.oem_table_id));
	memcpy(h.creator_id, "LBOX", sizeof(h.creator_id));
	return h;
}

/* Copy a table that begins with a header into guest RAM. Return: its address. */
static uint64_t acpi_put(struct acpi_place *place, void *table, size_t size)
{
	struct acpi_hdr *h = table;
	uint64_t addr = place->addr;

	h->length = le32((uint32_t)size);
	h->checksum = 0;
	h->checksum = acpi_checksum(table, size);
	memcpy(guestmem_ptr(&place->vm->mem, addr, size), table, size);
	place->addr = (addr + size + 63) & ~(uint64_t)63;
	return addr;
}

static struct acpi_gas acpi_port(uint16_t port)
{
	return (struct acpi_gas){
		.space = GAS_IO, .bit_width = 8, .access = 1, .addr = le64(port),
	};
}

/* Resource descriptors of the PCI host bridge: bus 0, its two ports, all other
 * ports, and the window for BARs (6.4.3.5). */
static void acpi_pci_resources(uint8_t *p, size_t *size)
{
	const uint32_t win = (uint32_t)LAYOUT_PCI_WINDOW;
	const uint32_t end = (uint32_t)LAYOUT_PCI_WINDOW_END;
	const uint32_t len = end - win + 1;
	const uint8_t res[] = {
		/* bus numbers 0 to 0 */
		0x88, 13, 0, 2, 0x0c, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0,
		/* ports 0xcf8 to 0xcff, the bridge's own */
		0x47, 1, 0xf8, 0x0c, 0xf8, 0x0c, 1, 8,
		/* ports 0 to 0xcf7 and 0xd00 to 0xffff, passed on */
		0x88, 13, 0, 1, 0x0c, 3, 0, 0, 0, 0, 0xf7, 0x0c, 0, 0, 0xf8, 0x0c,
		0x88, 13, 0, 1, 0x0c, 3, 0, 0, 0, 0x0d, 0xff, 0xff, 0, 0, 0, 0xf3,
		/* memory */
		0x87, 23, 0, 0, 0x0c, 1, 0, 0, 0, 0,
		(uint8_t)win, (uint8_t)(win >> 8), (uint8_t)(win >> 16), (uint8_t)(win >> 24),
		(uint8_t)end, (uint8_t)(end >> 8), (uint8_t)(end >> 16), (uint8_t)(end >> 24),
		0, 0, 0, 0,
		(uint8_t)len, (uint8_t)(len >> 8), (uint8_t)(len >> 16), (uint8_t)(len >> 24),
		/* end tag */
		0x79, 0,
	};

	memcpy(p, res, sizeof(res));
	*size = sizeof(res);
}

/* The power button of a hardware-reduced machine, and the device that tells of it: its interrupt makes the guest
 * call _EVT (5.6.9). */
static void acpi_power_button(struct aml *a)
{
	/* the interrupt: consumed, edge, active high (6.4.3.6) */
	static const uint8_t irq[] = {
		0x89, 6, 0, 1 << 0 | 1 << 1, 1, GSI_ACPI, 0, 0, 0,
		0x79, 0,
	};

	aml_device(a, "PWRB");
	aml_name(a, "_HID");
	aml_eisa_id(a, "PNP0C0C");
	aml_close(a);
	aml_device(a, "GED_");
	aml_name(a, "_HID");
	aml_string(a, "ACPI0013");
	aml_name(a, "_CRS");
	aml_bytes(a, irq, sizeof(irq));
	aml_method(a, "_EVT", 1);
	aml_notify(a, "PWRB", NOTIFY_PRESSED);
	aml_close(a);
	aml_close(a);
}

static uint64_t acpi_dsdt(struct acpi_place *place)
{
	/* I/O 0x3f8, 8 ports; IRQ 4, edge (6.4.2) */
	static const uint8_t com1[] = {
		0x47, 1, 0xf8, 0x03, 0xf8, 0x03, 1, 8,
		0x22, 1 << GSI_COM1, 0,
		0x79, 0,
	};
	/* I/O 0x70, 2 ports; no interrupt: it has no alarms */
	static const uint8_t rtc[] = { 0x47, 1, PORT_CMOS, 0, PORT_CMOS, 0, 1, 2, 0x79, 0 };
	static const uint8_t s5[] = { POWER_S5, 0, 0, 0 };
	struct acpi_hdr hdr = acpi_header("DSDT", 2);
	uint8_t res[128], table[sizeof(hdr) + AML_SIZE];
	struct aml a = { .size = 0 };
	size_t size;

	aml_scope(&a, "\\_SB_");
	aml_device(&a, "PCI0");
	aml_name(&a, "_HID");
	aml_eisa_id(&a, "PNP0A03");
	aml_name(&a, "_UID");
	aml_integer(&a, 0);
	acpi_pci_resources(res, &size);
	aml_name(&a, "_CRS");
	aml_bytes(&a, res, size);
	aml_close(&a);
	aml_device(&a, "COM1");
	aml_name(&a, "_HID");
	aml_eisa_id(&a, "PNP0501");
	aml_name(&a, "_UID");
	aml_integer(&a, 0);
	aml_name(&a, "_CRS");
	aml_bytes(&a, com1, sizeof(com1));
	aml_close(&a);
	aml_device(&a, "RTC_");
	aml_name(&a, "_HID");
	aml_eisa_id(&a, "PNP0B00");
	aml_name(&a, "_CRS");
	aml_bytes(&a, rtc, sizeof(rtc));
	aml_close(&a);
	if (!place->vm->firmware)
		acpi_power_button(&a);
	aml_close(&a);
	aml_name(&a, "_S5_");
	aml_package(&a, s5, sizeof(s5));

	memcpy(table, &hdr, sizeof(hdr));
	memcpy(table + sizeof(hdr), a.buf, a.size);
	return acpi_put(place, table, sizeof(hdr) + a.size);
}

static uint64_t acpi_facs(struct acpi_place *place)
{
	const struct acpi_facs facs = {
		.length = le32(sizeof(facs)), .version = FACS_VERSION,
	};
	uint64_t addr = place->addr;
	struct acpi_facs *to = guestmem_ptr(&place->vm->mem, addr, sizeof(facs));

	*to = facs;
	memcpy(to->signature, "FACS", sizeof(to->signature));
	place->addr += sizeof(facs);
	return addr;
}

/* What a PC has: one range of ports for PM1 events, another for PM1 control. */
static void acpi_fadt_pc(struct acpi_place *place, struct acpi_fadt *fadt)
{
	struct acpi_gas event = acpi_port(PORT_ACPI + POWER_PM1_EVENT);
	struct acpi_gas control = acpi_port(PORT_ACPI + POWER_PM1_CONTROL);

	event.bit_width = POWER_PM1_EVENT_SIZE * 8;
	control.bit_width = POWER_PM1_CONTROL_SIZE * 8;
	event.access = control.access = 2;
	fadt->facs = le32((uint32_t)acpi_facs(place));
	fadt->sci = le16(GSI_ACPI);
	fadt->pm1_event = le32(PORT_ACPI + POWER_PM1_EVENT);
	fadt->pm1_event_len = POWER_PM1_EVENT_SIZE;
	fadt->pm1_control = le32(PORT_ACPI + POWER_PM1_CONTROL);
	fadt->pm1_control_len = POWER_PM1_CONTROL_SIZE;
	fadt->c2_latency = le16(LATENCY_C2_NONE);
	fadt->c3_latency = le16(LATENCY_C3_NONE);
	fadt->boot_arch = le16(BOOT_LEGACY | BOOT_NO_VGA);
	fadt->flags = le32(FADT_WBINVD | FADT_SLP_BUTTON | FADT_FIX_RTC |
			   FADT_RESET_REG_SUP);
	fadt->x_pm1_event = event;
	fadt->x_pm1_control = control;
}

static void acpi_fadt_reduced(struct acpi_fadt *fadt)
{
	fadt->boot_arch = le16(BOOT_NO_VGA);
	fadt->flags = le32(FADT_WBINVD | FADT_PWR_BUTTON | FADT_SLP_BUTTON |
			   FADT_RESET_REG_SUP | FADT_HW_REDUCED);
	fadt->sleep_control = acpi_port(PORT_ACPI + POWER_SLEEP_CONTROL);
	fadt->sleep_status = acpi_port(PORT_ACPI + POWER_SLEEP_STATUS);
}

static uint64_t acpi_fadt(struct acpi_place *place, uint64_t dsdt)
{
	struct acpi_fadt fadt = {
		.hdr = acpi_header("FACP", FADT_REVISION),
		.dsdt = le32((uint32_t)dsdt),
		.reset_reg = acpi_port(PORT_RESET),
		.reset_value = POWER_RESET_VALUE,
		.minor_version = FADT_MINOR,
		.x_dsdt = le64(dsdt),
	};

	if (place->vm->firmware)
		acpi_fadt_pc(place, &fadt);
	else
		acpi_fadt_reduced(&fadt);

	memcpy(&fadt.hypervisor_id, "LANBOX\0\0", sizeof(fadt.hypervisor_id));
	return acpi_put(place, &fadt, sizeof(fadt));
}

static uint64_t acpi_madt(struct acpi_place *place)
{
	const struct options *opt = place->vm->opt;
	struct acpi_hdr hdr = acpi_header("APIC", 5);
	uint8_t t[MADT_SIZE] = { 0 };
	struct le32 word;
	size_t n = sizeof(hdr);

	memcpy(t, &hdr, sizeof(hdr));
	word = le32(LAYOUT_LAPIC);
	memcpy(t + n, &word, 4);
	t[n + 4] = MADT_PCAT_COMPAT;
	n += 8;
	for (unsigned int i = 0; i < opt->cpus; i++) {
		/* processor i, its APIC id, enabled (5.2.12.2) */
		const uint8_t id = (uint8_t)topology_apic_id(&opt->topology, i);
		const uint8_t lapic[8] = { MADT_LAPIC, 8, (uint8_t)i, id, 1 };

		memcpy(t + n, lapic, sizeof(lapic));
		n += sizeof(lapic);
	}
	/* IOAPIC 0, interrupts from 0 on (5.2.12.3) */
	t[n] = MADT_IOAPIC;
	t[n + 1] = 12;
	word = le32(LAYOUT_IOAPIC);
	memcpy(t + n + 4, &word, 4);
	n += 12;
	/* ISA interrupt 9 is that of ACPI events: level, active high (5.2.12.5) */
	if (place->vm->firmware) {
		const uint8_t sci[10] = {
			MADT_OVERRIDE, sizeof(sci), 0, GSI_ACPI, GSI_ACPI, 0, 0, 0,
			MADT_LEVEL_HIGH, 0,
		};

		memcpy(t + n, sci, sizeof(sci));
		n += sizeof(sci);
	}
	/* LINT1 of all processors is NMI (5.2.12.7) */
	t[n] = MADT_LAPIC_NMI;
	t[n + 1] = 6;
	t[n + 2] = 0xff;
	t[n + 5] = 1;
	n += 6;
	return acpi_put(place, t, n);
}

uint64_t acpi_build(struct vm *vm)
{
	struct acpi_place place = { .vm = vm, .addr = vm->low - LAYOUT_ACPI_SIZE };
	struct acpi_rsdp rsdp = { .revision = 2, .length = le32(sizeof(rsdp)) };
	uint64_t rsdp_addr = place.addr, fadt, madt;
	struct {
		struct acpi_hdr hdr;
		struct le64 table[2];
	} xsdt = { .hdr = acpi_header("XSDT", 1) };

	place.addr += 64;
	fadt = acpi_fadt(&place, acpi_dsdt(&place));
	madt = acpi_madt(&place);
	xsdt.table[0] = le64(fadt);
	xsdt.table[1] = le64(madt);

	memcpy(rsdp.signature, "RSD PTR ", sizeof(rsdp.signature));
	memcpy(rsdp.oem_id, "LANBOX", sizeof(rsdp.oem_id));
	rsdp.xsdt = le64(acpi_put(&place, &xsdt, sizeof(xsdt)));
	rsdp.checksum = acpi_checksum(&rsdp, 20);
	rsdp.ext_checksum = acpi_checksum(&rsdp, sizeof(rsdp));
	memcpy(guestmem_ptr(&vm->mem, rsdp_addr, sizeof(rsdp)), &rsdp, sizeof(rsdp));
	return rsdp_addr;
}
