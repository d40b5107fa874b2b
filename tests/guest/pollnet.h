/* SPDX-License-Identifier: BSD-2-Clause */
/* pollnet.h - What the parts of the test guest know of each other
 *
 * The guest is no operating system: one CPU, no interrupts, no memory
 * allocation, everything static. Whatever goes wrong ends in fatal().
 */
#ifndef GUEST_POLLNET_H
#define GUEST_POLLNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

enum {
	ETH_ADDR = 6,
	ETH_HDR = 14,
	MAC_TEXT = 18,
	FRAME_MAX = 2036,		/* a buffer less the virtio-net header */
};

/* CPU */

static inline void outb(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static inline void outw(uint16_t port, uint16_t v)
{
	__asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port));
}

static inline void outl(uint16_t port, uint32_t v)
{
	__asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline uint32_t inl(uint16_t port)
{
	uint32_t v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline uint64_t rdtsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (uint64_t)hi << 32 | lo;
}

static inline void cpu_relax(void)
{
	__asm__ volatile("pause" : : : "memory");
}

/* x86 keeps stores among themselves and loads among themselves in order. */
static inline void barrier(void)
{
	__asm__ volatile("" : : : "memory");
}

/* A store before, a load after. Not mfence: KVM's emulator lacks it. */
static inline void full_barrier(void)
{
	__asm__ volatile("lock; addl $0, (%%rsp)" : : : "memory", "cc");
}

/* base.c: text, the command line, time, and the end */

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
bool text_eq(const char *a, const char *b);

/**
 * say() - Print a line, "pollnet: " before it
 * @fmt:	Knows %s, %c, %lu, %lx and %%
 */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * fatal() - Print "pollnet: error: " and a text, and end the VM
 */
void fatal(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

/**
 * mac_text() - A MAC address as xx:xx:xx:xx:xx:xx
 * @text:	MAC_TEXT bytes
 *
 * Return: @text
 */
const char *mac_text(char *text, const uint8_t *mac);

/**
 * options_init() - Take over the command line and check its names
 * @cmdline:	Words of the form NAME=VALUE, may be NULL
 */
void options_init(const char *cmdline);

/**
 * options_check() - End the VM if an option is not known
 */
void options_check(void);

/**
 * option() - The value of an option
 * @name:	Its name
 * @preset:	What to return if it is not there
 *
 * Return: text up to a blank, NUL-terminated; valid until the next call
 */
const char *option(const char *name, const char *preset);

/**
 * option_u64() - The value of an option that is a number, decimal or 0x...
 */
uint64_t option_u64(const char *name, uint64_t preset);

/**
 * option_mac() - The value of an option that is a MAC address
 * @mac:	Where to put it; unchanged if the option is not there
 */
void option_mac(const char *name, uint8_t *mac);

/**
 * time_init() - Measure the TSC with the PIT
 */
void time_init(void);

/** time_khz() - Of the TSC */
uint64_t time_khz(void);

/** time_ms() - Milliseconds in TSC cycles */
uint64_t time_ms(uint64_t ms);

/** time_us() - TSC cycles in microseconds */
uint64_t time_us(uint64_t cycles);

/**
 * finish() - End the VM the way the option "exit" says
 */
void finish(void) __attribute__((noreturn));

/* acpi.c */

/**
 * acpi_power_off() - Write what powers the machine off
 * @rsdp:	Where the loader says that the tables begin, or 0
 *
 * Returns if the machine has no such register, or goes on running.
 */
void acpi_power_off(uint64_t rsdp);

/* nic.c: a virtio-net device, driven by polling */

#define NIC_F_MAC		(1ULL << 5)
#define NIC_F_STATUS		(1ULL << 16)

enum { NIC_S_LINK_UP = 1 };

/**
 * struct nic_info - What a NIC is
 * @slot:	PCI device number on bus 0
 * @mac:	Address
 * @link_up:	The cable is plugged in, or the device cannot tell
 * @features:	What the device offers
 * @accepted:	What we took
 * @status:	The device status after DRIVER_OK
 * @rx_size:	Entries of the receive queue
 * @tx_size:	Entries of the transmit queue
 */
struct nic_info {
	unsigned int slot;
	uint8_t mac[ETH_ADDR];
	bool link_up;
	uint64_t features;
	uint64_t accepted;
	uint8_t status;
	unsigned int rx_size;
	unsigned int tx_size;
};

/**
 * nic_open() - Find a virtio-net device and start it
 * @number:	0 for the first
 * @info:	Filled
 *
 * Return: whether there is such a device
 */
bool nic_open(unsigned int number, struct nic_info *info);

/** nic_link_up() - Look at the cable again */
bool nic_link_up(void);

/**
 * nic_rx() - Look for a received frame
 * @len:	Its length, filled
 *
 * Return: the frame, valid until nic_rx_done(), or NULL
 */
uint8_t *nic_rx(unsigned int *len);

/** nic_rx_done() - Give the buffer of the last nic_rx() back */
void nic_rx_done(void);

/** nic_rx_flush() - Let the device know of the buffers given back */
void nic_rx_flush(void);

/**
 * nic_tx() - A buffer to put a frame into
 *
 * Return: room for FRAME_MAX bytes, or NULL if all are on their way
 */
uint8_t *nic_tx(void);

/**
 * nic_tx_post() - Put the frame in the buffer of the last nic_tx() on the ring
 * @len:	Its length
 */
void nic_tx_post(unsigned int len);

/** nic_tx_flush() - Let the device know of the frames on the ring */
void nic_tx_flush(void);

/** nic_tx_idle() - All frames have been taken by the device */
bool nic_tx_idle(void);

/** nic_kicks() - How often the device was notified so far */
uint64_t nic_kicks(void);

/* disk.c */

/**
 * disk_modes_run() - Do what a mode says that is about a disk
 *
 * Return: whether it is
 */
bool disk_modes_run(const char *mode);

/* hostile.c */

/**
 * hostile_modes_run() - Do what a mode says that is forbidden
 *
 * Return: whether it is
 */
bool hostile_modes_run(const char *mode);

/** hostile_cpu() - Say what the CPU is; in ring 0 */
void hostile_cpu(void);

/* modes.c */

/**
 * modes_run() - Do what the option "mode" says
 */
void modes_run(void);

#endif /* GUEST_POLLNET_H */
