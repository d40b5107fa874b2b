/* SPDX-License-Identifier: BSD-2-Clause */
/* options_drive.c - Disks on the command line */
#include "config.h"

#include "vmm/options_drive.h"

#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "lib/parse.h"
#include "vmm/qsd.h"

enum { DRIVE_INDEX_MAX = 255, DRIVE_SERIAL_MAX = 20 };

static bool bad(const char *name, const char *arg, const char *why)
{
	log_err("-%s '%s': %s", name, arg, why);
	return false;
}

/* Values. */

static bool drive_cache(struct options_drive *o, const char *value)
{
	static const struct {
		const char *name;
		bool direct, writeback, no_flush;
	} modes[] = {
		{ "writeback", false, true, false },
		{ "none", true, true, false },
		{ "off", true, true, false },
		{ "writethrough", false, false, false },
		{ "directsync", true, false, false },
		{ "unsafe", false, true, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (strcmp(value, modes[i].name) != 0)
			continue;
		o->direct = modes[i].direct;
		o->writeback = modes[i].writeback;
		o->no_flush = modes[i].no_flush;
		return true;
	}
	return false;
}

static bool drive_aio(struct options_drive *o, const char *value)
{
	if (!strcmp(value, "threads"))
		o->aio = AIO_THREADS;
	else if (!strcmp(value, "io_uring"))
		o->aio = AIO_URING;
	else if (!strcmp(value, "native"))
		o->aio = AIO_AUTO;
	else
		return false;
	return true;
}

static bool drive_iface(struct drive *d, const char *value)
{
	if (!strcmp(value, "virtio"))
		d->iface = DRIVE_VIRTIO;
	else if (!strcmp(value, "ide") || !strcmp(value, "scsi"))
		d->iface = DRIVE_IDE;
	else if (!strcmp(value, "none"))
		d->iface = DRIVE_NONE;
	else
		return false;
	return true;
}

/* "on" or "off" for one of three values. */
static bool drive_switch(int *v, const char *value)
{
	bool on;

	if (!parse_bool(value, &on))
		return false;
	*v = on;
	return true;
}

static bool drive_discard(struct options_drive *o, const char *value)
{
	o->discard = !strcmp(value, "unmap") || !strcmp(value, "on");
	return o->discard || !strcmp(value, "ignore") || !strcmp(value, "off");
}

static bool drive_locking(struct options_drive *o, const char *value)
{
	if (!strcmp(value, "auto"))
		return true;
	return parse_bool(value, &o->lock);
}

static bool drive_media(struct drive *d, const char *value)
{
	d->opt.cdrom = !strcmp(value, "cdrom");
	return d->opt.cdrom || !strcmp(value, "disk");
}

static bool drive_index(struct drive *d, const char *value)
{
	unsigned int n;

	if (!parse_uint(value, 0, DRIVE_INDEX_MAX, &n))
		return false;
	d->index = (int)n;
	return true;
}

/* A limit, by its name of today or of old. Return: 1 if it is one and good, 0 if it is
 * another key, -1 if its value is bad. */
static int drive_limit(struct options_drive *o, const struct parse_kv *kv)
{
	static const struct {
		const char *name, *old;
	} limits[THROTTLE_LIMITS] = {
		[THROTTLE_BPS_TOTAL] = { "throttling.bps-total", "bps" },
		[THROTTLE_BPS_READ] = { "throttling.bps-read", "bps_rd" },
		[THROTTLE_BPS_WRITE] = { "throttling.bps-write", "bps_wr" },
		[THROTTLE_IOPS_TOTAL] = { "throttling.iops-total", "iops" },
		[THROTTLE_IOPS_READ] = { "throttling.iops-read", "iops_rd" },
		[THROTTLE_IOPS_WRITE] = { "throttling.iops-write", "iops_wr" },
	};

	for (int i = 0; i < THROTTLE_LIMITS; i++) {
		uint64_t rate;

		if (strcmp(kv->key, limits[i].name) && strcmp(kv->key, limits[i].old))
			continue;
		if (!parse_size(kv->value, 1, &rate) || rate > THROTTLE_RATE_MAX)
			return -1;
		o->throttle.rate[i] = rate;
		return 1;
	}
	return 0;
}

/* The keys that every drive may have. */
static bool drive_key(struct drive *d, const char *name, const struct parse_kv *kv)
{
	const char *key = kv->key, *v = kv->value, *want = NULL;
	int limit;

	if (!v)
		return bad(name, key, "a value is missing");
	limit = drive_limit(&d->opt, kv);
	if (limit)
		want = limit < 0 ? "not a rate (in a second)" : NULL;
	else if (!strcmp(key, "file"))
		d->opt.file = options_path(v);
	else if (!strcmp(key, "id"))
		d->id = v;
	else if (!strcmp(key, "format"))
		d->opt.format = v;
	else if (!strcmp(key, "serial"))
		d->opt.serial = v;
	else if (!strcmp(key, "if"))
		want = drive_iface(d, v) ? NULL : "must be virtio, ide or none";
	else if (!strcmp(key, "index"))
		want = drive_index(d, v) ? NULL : "not a place from 0 to 255";
	else if (!strcmp(key, "media"))
		want = drive_media(d, v) ? NULL : "must be disk or cdrom";
	else if (!strcmp(key, "readonly") || !strcmp(key, "read-only"))
		want = drive_switch(&d->readonly, v) ? NULL : "must be on or off";
	else if (!strcmp(key, "snapshot"))
		want = drive_switch(&d->snapshot, v) ? NULL : "must be on or off";
	else if (!strcmp(key, "cache"))
		want = drive_cache(&d->opt, v) ? NULL :
		       "must be writeback, none, writethrough, directsync or unsafe";
	else if (!strcmp(key, "discard"))
		want = drive_discard(&d->opt, v) ? NULL : "must be unmap or ignore";
	else if (!strcmp(key, "aio"))
		want = drive_aio(&d->opt, v) ? NULL : "must be threads, io_uring or native";
	else if (!strcmp(key, "file.locking"))
		want = drive_locking(&d->opt, v) ? NULL : "must be on, off or auto";
	else
		return bad(name, key, "unknown key");
	return want ? bad(name, v, want) : true;
}

/* Adding. */

static struct drive *drives_new(struct drives *d, const char *name)
{
	struct drive *drive = &d->drive[d->count];

	if (d->count == OPTIONS_DRIVES_MAX) {
		bad(name, "", "too many disks (16 at most)");
		return NULL;
	}
	*drive = (struct drive){
		.opt = { .bootindex = -1, .writeback = true, .lock = true },
		.index = -1, .readonly = -1, .snapshot = -1,
	};
	d->count++;
	return drive;
}

bool drives_add_file(struct drives *d, const char *name, const char *file)
{
	struct drive *drive = drives_new(d, name);

	if (!drive)
		return false;
	if (!*file)
		return bad(name, file, "a file is needed");
	drive->opt.file = options_path(file);
	drive->opt.cdrom = !strcmp(name, "cdrom");
	if (!strncmp(name, "hd", 2))
		drive->index = name[2] - 'a';
	else
		drive->index = drive->opt.cdrom ? 2 : 0;
	return true;
}

bool drives_add(struct drives *d, const char *name, char *arg)
{
	struct drive *drive = drives_new(d, name);
	struct parse_kv kv;

	if (!drive)
		return false;
	while (parse_kv_next(&arg, &kv))
		if (!drive_key(drive, name, &kv))
			return false;
	if (!drive->opt.file || !*drive->opt.file)
		return bad(name, "", "file= is missing");
	if (drive->opt.format && strcmp(drive->opt.format, "raw") != 0 &&
	    !qsd_knows(drive->opt.format))
		return bad(name, drive->opt.format, "no format of disks; raw and qcow2 are, "
			   "and others that qemu-storage-daemon knows");
	return true;
}

/* A key of a -device with a disk. Return: whether it is one, and good. */
static bool device_key(struct drive_device *device, const struct parse_kv *kv)
{
	unsigned int n;

	if (!strcmp(kv->key, "bootindex") && parse_uint(kv->value, 0, 65535, &n)) {
		device->bootindex = (int)n;
		return true;
	}
	return !strcmp(kv->key, "id") || !strcmp(kv->key, "num-queues") ||
	       !strcmp(kv->key, "disable-legacy");
}

static struct drive_device *drives_new_device(struct drives *d, const char *name)
{
	struct drive_device *device = &d->device[d->devices];

	if (d->devices == OPTIONS_DRIVES_MAX) {
		bad(name, "", "too many disks (16 at most)");
		return NULL;
	}
	*device = (struct drive_device){ .bootindex = -1 };
	d->devices++;
	return device;
}

bool drives_add_device(struct drives *d, const char *name, char *arg)
{
	struct drive_device *device = drives_new_device(d, name);
	struct parse_kv kv;

	if (!device)
		return false;
	while (parse_kv_next(&arg, &kv)) {
		if (!kv.value)
			return bad(name, kv.key, "a value is missing");
		if (!strcmp(kv.key, "drive"))
			device->drive = kv.value;
		else if (!strcmp(kv.key, "serial"))
			device->serial = kv.value;
		else if (!device_key(device, &kv))
			return bad(name, kv.key, "unknown key, or not its value (drive=ID"
				   "[,bootindex=N][,serial=TEXT])");
	}
	return device->drive ? true : bad(name, "virtio-blk-pci", "drive= is missing");
}

bool drives_add_vhost(struct drives *d, const char *name, char *arg)
{
	struct drive_device *device = drives_new_device(d, name);
	struct parse_kv kv;

	if (!device)
		return false;
	device->own = drives_new(d, name);
	if (!device->own)
		return false;
	while (parse_kv_next(&arg, &kv)) {
		if (!kv.value)
			return bad(name, kv.key, "a value is missing");
		if (!strcmp(kv.key, "chardev"))
			device->own->opt.socket = device->own->opt.file = kv.value;
		else if (!device_key(device, &kv))
			return bad(name, kv.key, "unknown key, or not its value (chardev=ID"
				   "[,bootindex=N])");
	}
	return device->own->opt.socket ? true :
	       bad(name, "vhost-user-blk-pci", "chardev= is missing");
}

/* Putting together. */

/* Give each device its drive; they are in the order of the devices then. */
static bool join_devices(struct drives *d)
{
	for (unsigned int i = 0; i < d->devices; i++) {
		const struct drive_device *device = &d->device[i];
		struct drive *drive = device->own;

		for (unsigned int k = 0; !device->own && k < d->count; k++)
			if (d->drive[k].id && !strcmp(d->drive[k].id, device->drive))
				drive = &d->drive[k];
		if (!device->own && (!drive || drive->iface != DRIVE_NONE)) {
			log_err("-device virtio-blk-pci: there is no%s -drive with id '%s'%s",
				drive ? " free" : "", device->drive,
				drive ? " (it needs if=none)" : "");
			return false;
		}
		drive->iface = DRIVE_DEVICE;
		drive->index = (int)i;
		drive->opt.bootindex = device->bootindex;
		if (device->serial)
			drive->opt.serial = device->serial;
	}
	return true;
}

static struct drive *drive_at(struct drives *d, enum drive_iface iface, int index)
{
	for (unsigned int i = 0; i < d->count; i++)
		if (d->drive[i].iface == iface && d->drive[i].index == index)
			return &d->drive[i];
	return NULL;
}

/* Find a place for those that have none, and look at those that have. */
static bool place_drives(struct drives *d)
{
	for (unsigned int i = 0; i < d->count; i++) {
		struct drive *drive = &d->drive[i];
		int index = 0;

		if (drive->iface == DRIVE_NONE)
			return bad("drive", drive->opt.file, "if=none, and no -device "
				   "virtio-blk-pci,drive= names it");
		if (drive->index >= 0) {
			if (drive_at(d, drive->iface, drive->index) == drive)
				continue;
			return bad("drive", drive->opt.file, "another drive is in its place "
				   "(-hda is index 0, -cdrom and -hdc are both 2)");
		}
		while (drive_at(d, drive->iface, index))
			index++;
		drive->index = index;
	}
	return true;
}

/* The name of one that was given none. */
static char *drive_name(const struct drive *drive)
{
	bool ide = drive->iface == DRIVE_IDE;
	char *name = NULL;
	int n;

	if (ide)
		n = asprintf(&name, "ide%d-%s%d", drive->index / 2,
			     drive->opt.cdrom ? "cd" : "hd", drive->index % 2);
	else
		n = asprintf(&name, "virtio%d", drive->index);
	return n < 0 ? NULL : name;
}

/* What can only be said when all is known. */
static bool settle_drive(const struct drives *d, struct drive *drive)
{
	struct options_drive *o = &drive->opt;

	o->device = drive->id ? drive->id : drive_name(drive);
	if (!o->device)
		return false;
	if (o->serial && strlen(o->serial) > DRIVE_SERIAL_MAX)
		return bad("drive", o->serial, "a serial number has 20 characters at most");
	o->readonly = drive->readonly >= 0 ? drive->readonly : o->cdrom;
	if (o->cdrom && !o->readonly)
		return bad("drive", o->file, "a CD-ROM is read-only");
	o->snapshot = drive->snapshot >= 0 ? drive->snapshot : d->snapshot;
	return true;
}

static bool has_disk(const struct options *opt, const char *name)
{
	for (unsigned int i = 0; i < opt->drives; i++)
		if (!strcmp(opt->drive[i].device, name))
			return true;
	return false;
}

bool drives_finish(struct drives *d, struct options *opt)
{
	if (!join_devices(d) || !place_drives(d))
		return false;
	for (int iface = DRIVE_IDE; iface <= DRIVE_DEVICE; iface++)
		for (int index = 0; index <= DRIVE_INDEX_MAX; index++) {
			struct drive *drive = drive_at(d, (enum drive_iface)iface, index);

			if (!drive)
				continue;
			if (!settle_drive(d, drive))
				return false;
			if (has_disk(opt, drive->opt.device))
				return bad("drive", drive->opt.device,
					   "there are two of this id");
			opt->drive[opt->drives++] = drive->opt;
		}
	return true;
}
