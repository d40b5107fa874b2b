/* SPDX-License-Identifier: BSD-2-Clause */
/* options.h - The command line of lanbox-vmm, in qemu's spellings */
#ifndef VMM_OPTIONS_H
#define VMM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/compiler.h"
#include "lib/eth.h"
#include "vmm/aio.h"
#include "vmm/chardev.h"
#include "vmm/options_gdb.h"
#include "vmm/ram_file.h"
#include "vmm/throttle.h"
#include "vmm/topology.h"

struct cpuid_flag;

enum {
	OPTIONS_NICS_MAX = 8,
	OPTIONS_DRIVES_MAX = 16,
	OPTIONS_CPU_FLAGS_MAX = 64,
	OPTIONS_QMP_MAX = 8,
	OPTIONS_UUID = 37,
};

/**
 * struct options_netdev - A network to plug a NIC into
 * @id:		Name given to it, or NULL
 * @sock:	VNL or directory, NULL for libvdeplug's default
 * @shown:	The same for messages, never NULL
 * @port:	Port of the switch, 0 = any
 * @group:	Group of our socket, or NULL
 * @mode:	Its mode, 0 = default
 * @fast:	Whether a switch may take the guest's rings: 1 must, 0 must not, -1 if
 *		it can
 * @reconnect:	The switch need not be there at the start
 * @tap:	It is a tap: @ifname, or @fd if that is NULL
 */
struct options_netdev {
	const char *id;
	const char *sock;
	const char *shown;
	int port;
	const char *group;
	mode_t mode;
	int fast;
	bool reconnect;
	bool tap;
	const char *ifname;
	int fd;
};

/**
 * struct options_nic - A NIC
 * @mac:	Its address, if @mac_given
 * @mtu:	What the guest is told to use, 0 for nothing
 * @off:	Features of virtio-net that are not offered (options_nic.h)
 * @netdev:	Where it is plugged in
 */
struct options_nic {
	struct eth_addr mac;
	bool mac_given;
	unsigned int mtu;
	uint64_t off;
	struct options_netdev netdev;
};

/**
 * struct options_drive - A disk
 * @device:	Its name, as QEMU gives it: ide0-hd0 for -hda
 * @file:	Its image, or a name for messages
 * @format:	Of the image, NULL if it was not given: raw, unless it looks otherwise
 * @socket:	Where a vhost-user-blk back end of the user's own listens, or NULL
 * @serial:	Serial number, or NULL
 * @bootindex:	Its place in the order of booting, -1 if it was not given
 * @cdrom:	It is meant for a CD-ROM
 * @readonly:	The guest may not write
 * @snapshot:	What the guest writes is not kept
 * @direct:	Bypass the host's page cache
 * @writeback:	Writes are safe only after a flush
 * @no_flush:	Flushes do nothing
 * @discard:	Discards free space
 * @lock:	Keep other VMs out
 * @aio:	How the image is accessed
 * @throttle:	How fast it may be
 */
struct options_drive {
	const char *device;
	const char *file;
	const char *format;
	const char *socket;
	const char *serial;
	int bootindex;
	bool cdrom;
	bool readonly;
	bool snapshot;
	bool direct;
	bool writeback;
	bool no_flush;
	bool discard;
	bool lock;
	enum aio_engine aio;
	struct throttle throttle;
};

/**
 * struct options - What the command line asks for
 * @name:	Name of the VM, never NULL
 * @named:	It was given
 * @uuid:	UUID, all zeroes if it was not given
 * @mac_seed:	What MAC addresses are derived from, empty if nothing tells this
 *		VM from others
 * @kernel:	bzImage
 * @initrd:	initrd, or NULL
 * @append:	Command line of the kernel
 * @bios:	Firmware, or NULL: the usual one
 * @boot_cdrom:	Of disks without a bootindex it tries CD-ROMs before the others
 * @boot_menu:	It lets people choose from a menu
 * @cpus:	vCPUs
 * @topology:	How they hang together
 * @ram:	Bytes of RAM
 * @ram_source:	Where it comes from
 * @cpu_off:	CPU features to hide, @cpu_offs of them
 * @cpu_on:	CPU features that the guest should have, @cpu_ons of them
 * @cpu_enforce: It is not to run without them
 * @drive:	Disks, in the guest's order, @drives of them
 * @balloon:	There is a memory balloon
 * @free_page_reporting: It tells of free memory
 * @vsock:	Path of the socket of virtio-vsock, or NULL
 * @vsock_cid:	The guest's address there
 * @serial:	Where the serial console leads
 * @monitor:	Where the monitor is; CHARDEV_NULL for none of its own
 * @qmp:	Paths of control sockets, @qmps of them
 * @no_reboot:	A reset ends the VM
 * @incoming:	File with a saved VM to be restored, or NULL
 * @paused:	Begin with vCPUs that stand still
 * @gdb:	Where a debugger comes in
 * @sandbox:	Confine the VM's process
 * @runas:	Whom it becomes if root started it, NULL for the usual one
 * @save_dir:	Folder below which states may be saved, or NULL
 * @shutdown_timeout: Seconds that the guest has to power off, 0 for none
 */
struct options {
	const char *name;
	bool named;
	char uuid[OPTIONS_UUID];
	char mac_seed[4096 + 128];
	const char *kernel;
	const char *initrd;
	const char *append;
	const char *bios;
	bool boot_cdrom;
	bool boot_menu;
	unsigned int cpus;
	struct topology topology;
	uint64_t ram;
	struct ram_source ram_source;
	const struct cpuid_flag *cpu_off[OPTIONS_CPU_FLAGS_MAX];
	unsigned int cpu_offs;
	const struct cpuid_flag *cpu_on[OPTIONS_CPU_FLAGS_MAX];
	unsigned int cpu_ons;
	bool cpu_enforce;
	struct options_nic nic[OPTIONS_NICS_MAX];
	unsigned int nics;
	struct options_drive drive[OPTIONS_DRIVES_MAX];
	unsigned int drives;
	bool balloon;
	bool free_page_reporting;
	const char *vsock;
	unsigned int vsock_cid;
	struct options_chardev serial;
	struct options_chardev monitor;
	const char *qmp[OPTIONS_QMP_MAX];
	unsigned int qmps;
	const char *incoming;
	bool no_reboot;
	bool paused;
	struct options_gdb gdb;
	bool sandbox;
	const char *runas;
	const char *save_dir;
	unsigned int shutdown_timeout;
	bool daemonize;
	const char *pidfile;
};

enum options_result { OPTIONS_RUN, OPTIONS_CHECK, OPTIONS_EXIT_OK, OPTIONS_EXIT_USAGE };

/**
 * options_parse() - Read the command line; complaints go to the log
 * @opt:	Filled; its strings stay for as long as the process
 *
 * Nothing is opened or made. Return: whether to go on, or how to exit
 */
enum options_result options_parse(struct options *opt, int argc, char **argv);

/* A path that stays good when the daemon goes to /; VNLs are left alone. */
const char *options_path(const char *path);

#endif /* VMM_OPTIONS_H */
