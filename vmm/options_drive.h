/* SPDX-License-Identifier: BSD-2-Clause */
/* options_drive.h - Disks on the command line: -drive, -hda, -cdrom, -device
 *
 * QEMU knows where a drive is plugged in by an interface and a place on it; here
 * all of them are virtio disks, and that only says in which order the guest finds
 * them: those of if=ide (-hda to -hdd, -cdrom, and the default), then those of
 * if=virtio, then those that a -device names.
 */
#ifndef VMM_OPTIONS_DRIVE_H
#define VMM_OPTIONS_DRIVE_H

#include <stdbool.h>

#include "lib/compiler.h"
#include "vmm/options.h"

enum drive_iface { DRIVE_IDE, DRIVE_VIRTIO, DRIVE_DEVICE, DRIVE_NONE };

/**
 * struct drive - A drive being collected
 * @id:		Its name, or NULL
 * @iface:	Where it is plugged in; DRIVE_NONE until a -device names it
 * @index:	Its place there, -1 if it is for us to find
 * @readonly:	1 or 0, -1 if it was not said
 * @snapshot:	The same
 */
struct drive {
	struct options_drive opt;
	const char *id;
	enum drive_iface iface;
	int index;
	int readonly;
	int snapshot;
};

/**
 * struct drive_device - A -device that names a drive
 * @drive:	Its id, or NULL: it brings @own with it
 */
struct drive_device {
	const char *drive;
	struct drive *own;
	const char *serial;
	int bootindex;
};

/** struct drives - All that was said of disks so far; all zero is nothing */
struct drives {
	struct drive drive[OPTIONS_DRIVES_MAX];
	unsigned int count;
	struct drive_device device[OPTIONS_DRIVES_MAX];
	unsigned int devices;
	bool snapshot;
};

/* Each complains itself, naming the option @name, and says whether all is well.
 * Strings are kept. */

/* -hda to -hdd, -cdrom, a word that is no option. */
bool drives_add_file(struct drives *d, const char *name, const char *file) MUST_CHECK;

/* -drive */
bool drives_add(struct drives *d, const char *name, char *arg) MUST_CHECK;

/* What follows "virtio-blk-pci," of a -device. */
bool drives_add_device(struct drives *d, const char *name, char *arg) MUST_CHECK;

/* What follows "vhost-user-blk-pci,". Its drive's ->socket is the id of a chardev, up to
 * the end of drives_finish(). */
bool drives_add_vhost(struct drives *d, const char *name, char *arg) MUST_CHECK;

/* All has been said: fill in @opt->drive. */
bool drives_finish(struct drives *d, struct options *opt) MUST_CHECK;

#endif /* VMM_OPTIONS_DRIVE_H */
