/* SPDX-License-Identifier: BSD-2-Clause */
/* hostile.c - What no driver may do, and whether the devices bear it */
#include "hostile.h"

uint64_t mmio_read(uintptr_t addr, unsigned int size)
{
	uint64_t v = 0;

	if (size == 1)
		__asm__ volatile("movb %1, %b0" : "=q"(v) : "m"(*(volatile uint8_t *)addr));
	else if (size == 2)
		__asm__ volatile("movw %1, %w0" : "=r"(v) : "m"(*(volatile uint16_t *)addr));
	else if (size == 4)
		__asm__ volatile("movl %1, %k0" : "=r"(v) : "m"(*(volatile uint32_t *)addr));
	else
		__asm__ volatile("movq %1, %0" : "=r"(v) : "m"(*(volatile uint64_t *)addr));
	return size < 8 ? v & ((1ULL << 8 * size) - 1) : v;
}

void mmio_write(uintptr_t addr, unsigned int size, uint64_t v)
{
	if (size == 1)
		__asm__ volatile("movb %b1, %0" : "=m"(*(volatile uint8_t *)addr) : "q"(v));
	else if (size == 2)
		__asm__ volatile("movw %w1, %0" : "=m"(*(volatile uint16_t *)addr) : "r"(v));
	else if (size == 4)
		__asm__ volatile("movl %k1, %0" : "=m"(*(volatile uint32_t *)addr) : "r"(v));
	else
		__asm__ volatile("movq %1, %0" : "=m"(*(volatile uint64_t *)addr) : "r"(v));
}

uint32_t port_read(uint16_t port, unsigned int size)
{
	uint16_t word;

	if (size == 1)
		return inb(port);
	if (size == 4)
		return inl(port);
	__asm__ volatile("inw %1, %0" : "=a"(word) : "Nd"(port));
	return word;
}

void port_write(uint16_t port, unsigned int size, uint32_t v)
{
	if (size == 1)
		outb(port, (uint8_t)v);
	else if (size == 2)
		outw(port, (uint16_t)v);
	else
		outl(port, v);
}

void port_string_out(uint16_t port, unsigned int size, const void *from, uint64_t count)
{
	if (size == 1)
		__asm__ volatile("rep outsb" : "+S"(from), "+c"(count) : "d"(port) : "memory");
	else if (size == 2)
		__asm__ volatile("rep outsw" : "+S"(from), "+c"(count) : "d"(port) : "memory");
	else
		__asm__ volatile("rep outsl" : "+S"(from), "+c"(count) : "d"(port) : "memory");
}

void port_string_in(uint16_t port, unsigned int size, void *to, uint64_t count)
{
	if (size == 1)
		__asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(port) : "memory");
	else if (size == 2)
		__asm__ volatile("rep insw" : "+D"(to), "+c"(count) : "d"(port) : "memory");
	else
		__asm__ volatile("rep insl" : "+D"(to), "+c"(count) : "d"(port) : "memory");
}

uintptr_t hostile_bar(uint32_t fn)
{
	uintptr_t bar = pci_read(fn, PCI_BAR) & ~15U;

	if (bar == 0xfffffff0 || !bar)
		return 0;
	pci_write(fn, PCI_COMMAND, 6);
	return bar;
}

bool hostile_modes_run(const char *mode)
{
	return storm_run(mode);
}
