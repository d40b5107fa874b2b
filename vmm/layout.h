/* SPDX-License-Identifier: BSD-2-Clause */
/* layout.h - Where everything is in the guest's physical address space and ports
 *
 *	0 ............ low RAM top	RAM, at most 3 GiB; its last 64 KiB hold the
 *					ACPI tables (reserved in the e820 map)
 *	0xc0000000 ... 0xfebfffff	window for PCI BARs
 *	0xfec00000			IOAPIC (KVM's)
 *	0xfee00000			local APICs (KVM's)
 *	0xfeffc000 ... 0xfeffffff	identity map page and TSS of KVM on Intel
 *	0xfffc0000 ... 0xffffffff	firmware, where a disk is booted
 *	0x100000000 ...			the rest of RAM
 */
#ifndef VMM_LAYOUT_H
#define VMM_LAYOUT_H

#define LAYOUT_LOW_RAM_MAX	0xc0000000ULL
#define LAYOUT_HIGH_RAM		0x100000000ULL
#define LAYOUT_PCI_WINDOW	0xc0000000ULL
#define LAYOUT_PCI_WINDOW_END	0xfebfffffULL
#define LAYOUT_IOAPIC		0xfec00000U
#define LAYOUT_LAPIC		0xfee00000U
#define LAYOUT_IDENTITY_MAP	0xfeffc000ULL
#define LAYOUT_TSS		0xfeffd000ULL

/* Below 1 MiB, for the direct boot of a kernel. */
#define LAYOUT_GDT		0x500
#define LAYOUT_STACK		0x6ff0
#define LAYOUT_ZERO_PAGE	0x7000
#define LAYOUT_PAGE_TABLES	0x9000		/* six pages */
#define LAYOUT_CMDLINE		0x20000
#define LAYOUT_CMDLINE_MAX	0x10000
#define LAYOUT_EBDA		0x9fc00
#define LAYOUT_RSDP_COPY	0xe0000
#define LAYOUT_RESET_VECTOR	0xffff0
#define LAYOUT_HIGH_MEM		0x100000

#define LAYOUT_ACPI_SIZE	0x10000		/* at the top of low RAM */
#define LAYOUT_RAM_MIN		(16ULL << 20)

/* Ports. */
enum {
	PORT_KBD_DATA = 0x60,
	PORT_KBD_STATUS = 0x64,
	PORT_CMOS = 0x70,		/* index, data */
	PORT_BOOT_TIMER = 0x80,
	PORT_COM1 = 0x3f8,
	PORT_FWCFG = 0x510,
	PORT_ACPI = 0x600,		/* power management, see power.h */
	PORT_PCI_ADDR = 0xcf8,
	PORT_RESET = 0xcf9,
	PORT_PCI_DATA = 0xcfc,
};

/* Interrupts: GSI numbers, identical to IOAPIC pins below 24. */
enum {
	GSI_COM1 = 4,
	GSI_ACPI = 9,		/* ACPI events: the power button */
	GSI_MSI_FIRST = 24,		/* MSI routes from here on */
	GSI_MAX = 1024,
};

#endif /* VMM_LAYOUT_H */
