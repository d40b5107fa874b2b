/* SPDX-License-Identifier: BSD-2-Clause */
/* claims.h - Devices that the guest never makes its own: when to say so, and what
 *
 * DOC: Theory of operation
 *
 * A guest whose kernel lacks a driver boots, and has no network, or no root file system;
 * nothing else says why. The status registers of virtio devices tell how far a driver
 * came: none looked at PCI; virtio_pci did not take the device (ACKNOWLEDGE); the kind's
 * own driver did not (DRIVER); it did not get it to work (DRIVER_OK). What is missing
 * follows.
 *
 * When to say it: never before the guest gives a sign that its kernel runs. A good sign is
 * that its ACPI is set up, which boot loaders do not do; booted directly, that it takes any
 * virtio device is one, too. From then on it has 20 seconds, or ten times as long as the
 * sign took where that is more, since a slow host is slow in all things. Booted directly,
 * output on the serial console or a look at PCI is a weak sign: kernels look at PCI long
 * before they are done. It has to do for kernels without ACPI, and they have 60 seconds.
 * Nothing may have moved for the last 10 of them: neither PCI nor any device, nor the
 * console, unless it never stops. While the guest stands still, no time passes. If it ends
 * or restarts by itself before, after a good sign, it is said then. It is said once.
 *
 * What firmware does with a disk to load the kernel does not count.
 *
 * The functions of the first half decide and do nothing; the others are the VM's.
 */
#ifndef VMM_CLAIMS_H
#define VMM_CLAIMS_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm;

enum {
	CLAIMS_PATIENCE_S = 20,		/* after a good sign */
	CLAIMS_WEAK_S = 60,		/* after a weak one */
	CLAIMS_QUIET_S = 10,
	CLAIMS_SLOW = 10,		/* times what it took to give a sign */
	CLAIMS_TALK = 4,		/* times as long as that, output does not matter */
	CLAIMS_TEXT = 512,
};

/**
 * struct claims_signs - What the guest has done since it was powered on
 * @firmware:	It began with firmware
 * @os:		Its ACPI is set up
 * @serial:	Bytes that it printed
 * @pci:	How often it looked at a device on PCI
 * @status:	How often it wrote a device's status
 * @paused:	It stands still
 */
struct claims_signs {
	bool firmware;
	bool os;
	uint64_t serial;
	uint64_t pci;
	uint64_t status;
	bool paused;
};

/**
 * struct claims_clock - What has been seen, a look a second; zero is nothing
 * @seconds:	It has run
 * @sign:	@seconds at the best sign of its kernel so far, 0 before any
 * @good:	It was a good one
 * @quiet:	Seconds since anything moved
 * @last:	The last look
 * @said:	It has been said
 */
struct claims_clock {
	unsigned int seconds, sign, quiet;
	bool good;
	struct claims_signs last;
	bool said;
};

/* A second has passed. Return: whether it is time to say what is not claimed. */
bool claims_tick(struct claims_clock *c, const struct claims_signs *s);

/* The guest has ended its run by itself. Return: likewise. */
bool claims_end(struct claims_clock *c, const struct claims_signs *s);

/**
 * struct claims_device - A virtio device
 * @what:	"NIC", "disk"...
 * @number:	Which one, from 1 on; 0 if there is only one
 * @id:		VIRTIO_ID_*
 * @status:	All bits that its status has had
 */
struct claims_device {
	const char *what;
	unsigned int number;
	unsigned int id;
	uint8_t status;
};

/**
 * claims_next() - What to say of the first of some devices that are not claimed
 * @text:	Set: a line
 * @dev:	Devices; those it speaks of are marked as claimed
 * @n:		How many
 * @pci:	The guest has looked at PCI
 *
 * Devices that share a cause share a line. Return: whether there is anything to say
 */
bool claims_next(char text[static CLAIMS_TEXT], struct claims_device *dev, size_t n,
		 bool pci);

/**
 * struct claims - The watch of a VM
 * @tick:	Every second
 * @moves:	How often the guest wrote a device's status
 * @active:	There is something to be watched for in this run
 * @spoken:	Something was said of this VM
 */
struct claims {
	ev_timer tick;
	struct claims_clock clock;
	uint64_t moves;
	bool active;
	bool spoken;
};

/* The guest writes a device's status; the bits that count are added to @claim. */
void claims_status(struct vm *vm, uint8_t *claim, uint8_t status);

/* The VM is powered on, @restored: as it was saved, or has ended, @by_guest: by its own
 * doing. Called in the event loop's thread. */
void claims_begin(struct vm *vm, bool restored);
void claims_finish(struct vm *vm, bool by_guest);

#endif /* VMM_CLAIMS_H */
