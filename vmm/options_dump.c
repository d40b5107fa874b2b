/* SPDX-License-Identifier: BSD-2-Clause */
/* options_dump.c - All settings of a VM, defaults included, as text */
#include "config.h"

#include "vmm/options_dump.h"

#include <inttypes.h>
#include <string.h>

#include "vmm/cpuid.h"
#include "vmm/options.h"
#include "vmm/options_nic.h"

/* A text, to the end of its line, which stays one whatever is in it. */
static void dump_escaped(FILE *to, const char *text)
{
	for (const char *p = text; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			fprintf(to, "\\x%02x", (unsigned char)*p);
		else
			fputc(*p, to);
	}
	fputc('\n', to);
}

static void dump_text(FILE *to, const char *prefix, const char *name, const char *text)
{
	fprintf(to, "%s%s = ", prefix, name);
	dump_escaped(to, text ? text : "none");
}

static void dump_bool(FILE *to, const char *prefix, const char *name, bool on)
{
	fprintf(to, "%s%s = %s\n", prefix, name, on ? "on" : "off");
}

static void dump_number(FILE *to, const char *prefix, const char *name, uint64_t n)
{
	fprintf(to, "%s%s = %" PRIu64 "\n", prefix, name, n);
}

static void dump_chardev(FILE *to, const char *name, const struct options_chardev *c)
{
	switch (c->kind) {
	case CHARDEV_NULL:
		fprintf(to, "%s = none\n", name);
		break;
	case CHARDEV_STDIO:
		fprintf(to, "%s = %sstdio\n", name, c->escape ? "mon:" : "");
		break;
	case CHARDEV_PTY:
		fprintf(to, "%s = pty\n", name);
		break;
	case CHARDEV_FILE:
	case CHARDEV_UNIX:
		fprintf(to, "%s = %s:", name, c->kind == CHARDEV_FILE ? "file" : "unix");
		dump_escaped(to, c->path);
		break;
	}
}

static void dump_drive(FILE *to, unsigned int i, const struct options_drive *o)
{
	static const char *const aio[] = {
		[AIO_AUTO] = "auto", [AIO_URING] = "io_uring", [AIO_THREADS] = "threads",
	};
	static const char *const limits[THROTTLE_LIMITS] = {
		[THROTTLE_BPS_TOTAL] = "bps-total", [THROTTLE_BPS_READ] = "bps-read",
		[THROTTLE_BPS_WRITE] = "bps-write", [THROTTLE_IOPS_TOTAL] = "iops-total",
		[THROTTLE_IOPS_READ] = "iops-read", [THROTTLE_IOPS_WRITE] = "iops-write",
	};
	char prefix[32];

	snprintf(prefix, sizeof(prefix), "disk%u.", i);
	dump_text(to, prefix, "name", o->device);
	dump_text(to, prefix, "file", o->file);
	dump_text(to, prefix, "format", o->format ? o->format : "raw");
	dump_text(to, prefix, "serial", o->serial);
	if (o->bootindex >= 0)
		dump_number(to, prefix, "bootindex", (unsigned int)o->bootindex);
	dump_bool(to, prefix, "cdrom", o->cdrom);
	dump_bool(to, prefix, "readonly", o->readonly);
	dump_bool(to, prefix, "snapshot", o->snapshot);
	dump_bool(to, prefix, "cache.direct", o->direct);
	dump_bool(to, prefix, "cache.writeback", o->writeback);
	dump_bool(to, prefix, "cache.no-flush", o->no_flush);
	dump_bool(to, prefix, "discard", o->discard);
	dump_bool(to, prefix, "locking", o->lock);
	dump_text(to, prefix, "aio", aio[o->aio]);
	for (int k = 0; k < THROTTLE_LIMITS; k++)
		dump_number(to, prefix, limits[k], o->throttle.rate[k]);
}

static void dump_nic(FILE *to, unsigned int i, const struct options_nic *nic)
{
	const struct options_netdev *nd = &nic->netdev;
	char prefix[32], mac[ETH_ADDR_STR];

	snprintf(prefix, sizeof(prefix), "nic%u.", i);
	dump_text(to, prefix, "mac", nic->mac_given ? eth_addr_format(nic->mac, mac) :
		  "derived");
	dump_text(to, prefix, "kind", nd->tap ? "tap" : "vde");
	dump_text(to, prefix, "network", nd->shown);
	dump_number(to, prefix, "mtu", nic->mtu);
	dump_number(to, prefix, "port", (unsigned int)nd->port);
	dump_text(to, prefix, "group", nd->group);
	fprintf(to, "%smode = %04o\n", prefix, nd->mode ? nd->mode : 0700);
	dump_text(to, prefix, "fast", nd->fast < 0 ? "auto" : nd->fast ? "on" : "off");
	for (const struct options_nic_property *o = options_nic_properties; o->name; o++)
		dump_bool(to, prefix, o->name, (nic->off & o->features) != o->features);
}

static void dump_gdb(FILE *to, const struct options_gdb *gdb)
{
	if (!gdb->given) {
		fputs("gdb = none\n", to);
	} else if (gdb->path) {
		fputs("gdb = unix:", to);
		dump_escaped(to, gdb->path);
	} else {
		bool v6 = strchr(gdb->host, ':');

		fprintf(to, "gdb = tcp:%s%s%s:%s\n", v6 ? "[" : "", gdb->host, v6 ? "]" : "",
			gdb->port);
	}
}

void options_dump(const struct options *opt, FILE *to)
{
	dump_text(to, "", "name", opt->named ? opt->name : NULL);
	dump_text(to, "", "uuid", opt->uuid);
	dump_text(to, "", "accel", "kvm");
	fputs("cpu = host", to);
	for (unsigned int i = 0; i < opt->cpu_offs; i++)
		fprintf(to, ",-%s", opt->cpu_off[i]->name);
	for (unsigned int i = 0; i < opt->cpu_ons && opt->cpu_enforce; i++)
		fprintf(to, ",+%s", opt->cpu_on[i]->name);
	fputs(opt->cpu_enforce ? ",enforce" : "", to);
	fputc('\n', to);
	dump_number(to, "", "smp", opt->cpus);
	dump_number(to, "", "smp.sockets", opt->topology.sockets);
	dump_number(to, "", "smp.cores", opt->topology.cores);
	dump_number(to, "", "smp.threads", opt->topology.threads);
	dump_text(to, "", "boot", opt->boot_cdrom ? "dc" : "cd");
	dump_number(to, "", "memory", opt->ram);
	dump_text(to, "", "memory.path", opt->ram_source.path);
	dump_bool(to, "", "memory.hugetlb", opt->ram_source.hugetlb);
	dump_bool(to, "", "memory.prealloc", opt->ram_source.prealloc);
	dump_bool(to, "", "balloon", opt->balloon);
	dump_bool(to, "", "balloon.free-page-reporting", opt->free_page_reporting);
	dump_text(to, "", "vsock", opt->vsock);
	dump_number(to, "", "vsock.guest-cid", opt->vsock_cid);
	dump_text(to, "", "kernel", opt->kernel);
	dump_text(to, "", "initrd", opt->initrd);
	dump_text(to, "", "append", opt->append);
	dump_text(to, "", "bios", opt->kernel ? NULL : opt->bios ? opt->bios : "bios-256k.bin");
	for (unsigned int i = 0; i < opt->drives; i++)
		dump_drive(to, i, &opt->drive[i]);
	for (unsigned int i = 0; i < opt->nics; i++)
		dump_nic(to, i, &opt->nic[i]);
	dump_chardev(to, "serial", &opt->serial);
	dump_chardev(to, "monitor", &opt->monitor);
	dump_text(to, "", "qmp", opt->qmps ? opt->qmp[0] : NULL);
	for (unsigned int i = 1; i < opt->qmps; i++)
		dump_text(to, "", "qmp", opt->qmp[i]);
	dump_text(to, "", "incoming", opt->incoming);
	dump_bool(to, "", "paused", opt->paused);
	dump_gdb(to, &opt->gdb);
	dump_bool(to, "", "reboot", !opt->no_reboot);
	dump_number(to, "", "shutdown-timeout", opt->shutdown_timeout);
	dump_text(to, "", "sandbox", opt->sandbox ? "on" : "off");
	dump_text(to, "", "runas", opt->runas);
	dump_text(to, "", "save-dir", opt->save_dir);
	dump_bool(to, "", "daemonize", opt->daemonize);
	dump_text(to, "", "pidfile", opt->pidfile);
}
