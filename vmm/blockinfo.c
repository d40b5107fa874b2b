/* SPDX-License-Identifier: BSD-2-Clause */
/* blockinfo.c - What there is to tell of the disks, in QEMU's form
 *
 * Names are QEMU's, since that is what scripts look for: -hda is ide0-hd0, though
 * the guest finds a virtio disk. What does not exist here is always 0 or off.
 */
#include "config.h"

#include "vmm/blockinfo.h"

#include <sys/stat.h>

#include "lib/qmp.h"
#include "vmm/options.h"
#include "vmm/virtio_blk.h"
#include "vmm/vm.h"

enum { BLOCK_SECTOR = 512 };	/* of st_blocks */

static const char *block_format(const struct options_drive *o)
{
	return o->format ? o->format : "raw";
}

/* For programs. */

static json_t *block_image(const struct vm *vm, unsigned int i)
{
	const struct options_drive *o = &vm->opt->drive[i];
	struct stat st;
	json_t *v;

	v = json_pack("{s:I,s:o,s:s,s:b}", "virtual-size",
		      (json_int_t)virtio_blk_size(vm->disks[i]), "filename", qmp_text(o->file),
		      "format", block_format(o), "dirty-flag", 0);
	if (virtio_blk_stat(vm->disks[i], &st))
		json_object_set_new(v, "actual-size",
				    json_integer((json_int_t)st.st_blocks * BLOCK_SECTOR));
	return v;
}

static void block_add_limits(json_t *inserted, const struct options_drive *o)
{
	static const char *const names[THROTTLE_LIMITS] = {
		[THROTTLE_BPS_TOTAL] = "bps",
		[THROTTLE_BPS_READ] = "bps_rd",
		[THROTTLE_BPS_WRITE] = "bps_wr",
		[THROTTLE_IOPS_TOTAL] = "iops",
		[THROTTLE_IOPS_READ] = "iops_rd",
		[THROTTLE_IOPS_WRITE] = "iops_wr",
	};

	for (int i = 0; i < THROTTLE_LIMITS; i++)
		json_object_set_new(inserted, names[i],
				    json_integer((json_int_t)o->throttle.rate[i]));
	if (throttle_any(&o->throttle))
		json_object_set_new(inserted, "group", qmp_text(o->device));
}

static json_t *block_inserted(const struct vm *vm, unsigned int i)
{
	const struct options_drive *o = &vm->opt->drive[i];
	char node[32];
	json_t *v;

	snprintf(node, sizeof(node), "#block%u", i);
	v = json_pack("{s:s,s:s,s:b,s:o,s:o,s:i,s:s,s:b,s:i,s:{s:b,s:b,s:b}}",
		      "node-name", node, "drv", block_format(o), "ro", (int)o->readonly,
		      "file", qmp_text(o->file), "image", block_image(vm, i), "backing_file_depth", 0,
		      "detect_zeroes", "off", "encrypted", 0, "write_threshold", 0, "cache",
		      "writeback", (int)o->writeback, "direct", (int)o->direct, "no-flush",
		      (int)o->no_flush);
	block_add_limits(v, o);
	return v;
}

json_t *blockinfo_json(const struct vm *vm)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < vm->opt->drives; i++) {
		const struct options_drive *o = &vm->opt->drive[i];
		char qdev[64];
		json_t *v;

		snprintf(qdev, sizeof(qdev),
			 "/machine/peripheral-anon/device[%u]/virtio-backend", i);
		v = json_pack("{s:s,s:o,s:s,s:b,s:b,s:s,s:o}", "io-status", "ok", "device",
			      qmp_text(o->device), "qdev", qdev, "locked", 0, "removable",
			      (int)o->cdrom, "type", "unknown", "inserted",
			      block_inserted(vm, i));
		if (o->cdrom)
			json_object_set_new(v, "tray_open", json_false());
		json_array_append_new(list, v);
	}
	return list;
}

/* For people. */

static void block_text_limits(const struct options_drive *o, FILE *to)
{
	const uint64_t *rate = o->throttle.rate;

	if (throttle_any(&o->throttle))
		fprintf(to, "    I/O throttling:   bps=%llu bps_rd=%llu bps_wr=%llu "
			"iops=%llu iops_rd=%llu iops_wr=%llu\n",
			(unsigned long long)rate[THROTTLE_BPS_TOTAL],
			(unsigned long long)rate[THROTTLE_BPS_READ],
			(unsigned long long)rate[THROTTLE_BPS_WRITE],
			(unsigned long long)rate[THROTTLE_IOPS_TOTAL],
			(unsigned long long)rate[THROTTLE_IOPS_READ],
			(unsigned long long)rate[THROTTLE_IOPS_WRITE]);
}

void blockinfo_text(const struct vm *vm, FILE *to)
{
	for (unsigned int i = 0; i < vm->opt->drives; i++) {
		const struct options_drive *o = &vm->opt->drive[i];

		fprintf(to, "%s%s (#block%u): %s (%s%s)\n", i ? "\n" : "", o->device, i,
			o->file, block_format(o), o->readonly ? ", read-only" : "");
		fprintf(to, "    Attached to:      /machine/peripheral-anon/device[%u]/"
			"virtio-backend\n", i);
		if (o->cdrom)
			fputs("    Removable device: not locked, tray closed\n", to);
		fprintf(to, "    Cache mode:       %s%s%s\n",
			o->writeback ? "writeback" : "writethrough",
			o->direct ? ", direct" : "", o->no_flush ? ", ignore flushes" : "");
		block_text_limits(o, to);
	}
}
