/* SPDX-License-Identifier: BSD-2-Clause */
/* options.c - The command line of lanbox-vmm, in qemu's spellings
 *
 * A table says which options there are; an option is a word after one or two
 * dashes, as qemu has it, and its argument is the next word. What qemu spreads
 * over several options (-netdev and -device, -net nic and -net vde) is collected
 * first and put together at the end.
 */
#include "config.h"

#include "vmm/options.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/parse.h"
#include "lib/rundir.h"
#include "vmm/cpuid.h"
#include "vmm/layout.h"
#include "vmm/options_chardev.h"
#include "vmm/options_compat.h"
#include "vmm/options_drive.h"
#include "vmm/options_dump.h"
#include "vmm/options_memory.h"
#include "vmm/options_nic.h"
#include "vmm/sandbox.h"
#include "vmm/seccomp.h"

/**
 * struct parser - Options being collected
 * @opt:	The result
 * @netdev:	Networks of -netdev and -net vde
 * @nic_netdev:	For each NIC, the id of its network, or NULL for the next one
 *		without an id
 * @drives:	Disks
 * @memory:	Memory
 * @chardevs:	What -serial and others may name
 * @serial:	What -serial says, and so on
 * @qmp:	What each -qmp says, @qmps of them
 * @accel:	What accelerators were asked for last, by option @accel_by; NULL if none
 * @kvm:	KVM was among them, or among those before
 * @cpus_most:	-smp maxcpus=, 0 if it was not given
 * @nographic:	-nographic was given
 * @dump:	-dump-config was given
 * @check:	-check was given
 * @dump_sandbox: -dump-sandbox was given
 */
struct parser {
	struct options *opt;
	struct options_netdev netdev[OPTIONS_NICS_MAX];
	unsigned int netdevs;
	const char *nic_netdev[OPTIONS_NICS_MAX];
	struct drives drives;
	struct memory memory;
	struct chardevs chardevs;
	struct chardev_wish serial, monitor, qmp[OPTIONS_QMP_MAX];
	unsigned int qmps;
	const char *accel, *accel_by;
	bool kvm;
	unsigned int cpus_most;
	bool nographic;
	bool dump;
	bool check;
	bool dump_sandbox;
	const char *name;
};

/* Each handler is given the option's name and its argument ("" if it takes
 * none), complains itself, and says whether all is well. */
typedef bool option_handler(struct parser *p, const char *name, char *arg);

static bool bad(const char *name, const char *arg, const char *why)
{
	log_err("-%s '%s': %s", name, arg, why);
	return false;
}

const char *options_path(const char *path)
{
	char cwd[PATH_MAX], *abs = NULL;

	if (path[0] == '/' || strstr(path, "://") || !path[0] ||
	    !getcwd(cwd, sizeof(cwd)) || asprintf(&abs, "%s/%s", cwd, path) < 0)
		return path;
	return abs;
}

/* The machine. */

static bool opt_name(struct parser *p, const char *name, char *arg)
{
	struct parse_kv kv;

	while (parse_kv_next(&arg, &kv)) {
		if (!kv.value || !strcmp(kv.key, "guest"))
			p->name = kv.value ? kv.value : kv.key;
		else if (strcmp(kv.key, "process") && strcmp(kv.key, "debug-threads"))
			return bad(name, kv.key, "unknown key (NAME or guest=NAME)");
	}
	if (!p->name || !p->name[0])
		return bad(name, "", "a name is needed");
	return true;
}

static bool opt_memory(struct parser *p, const char *name, char *arg)
{
	return memory_parse(&p->memory, name, arg);
}

static bool opt_mem_path(struct parser *p, const char *name UNUSED, char *arg)
{
	p->memory.source.path = options_path(arg);
	return true;
}

static bool opt_mem_prealloc(struct parser *p, const char *name UNUSED, char *arg UNUSED)
{
	p->memory.source.prealloc = true;
	return true;
}

/* A list of accelerators, the best first, with ':' between them. */
static void want_accel(struct parser *p, const char *name, const char *list)
{
	size_t len;

	for (const char *a = list; ; a += len + 1) {
		len = strcspn(a, ":");
		p->kvm |= len == 3 && !strncmp(a, "kvm", len);
		if (!a[len])
			break;
	}
	p->accel_by = name;
	p->accel = list;
}

static bool opt_accel(struct parser *p, const char *name, char *arg)
{
	struct parse_kv kv;

	/* What follows tunes the accelerator: nothing that a guest sees. */
	if (!parse_kv_next(&arg, &kv))
		return bad(name, "", "an accelerator is needed (kvm)");
	want_accel(p, name, kv.value ? kv.value : kv.key);
	return true;
}

static bool opt_kvm(struct parser *p, const char *name, char *arg UNUSED)
{
	want_accel(p, name, "kvm");
	return true;
}

/* Its other keys ask for what is so anyway. */
static bool opt_machine(struct parser *p, const char *name, char *arg)
{
	struct parse_kv kv;

	while (parse_kv_next(&arg, &kv)) {
		if (kv.value && !strcmp(kv.key, "memory-backend"))
			p->memory.wanted = kv.value;
		else if (kv.value && !strcmp(kv.key, "accel"))
			want_accel(p, name, kv.value);
	}
	return true;
}

static bool opt_numa(struct parser *p, const char *name, char *arg)
{
	return memory_numa(&p->memory, name, arg);
}

static bool opt_object(struct parser *p, const char *name, char *arg)
{
	struct parse_kv kv;

	if (!parse_kv_next(&arg, &kv))
		return bad(name, "", "an object is needed");
	/* What virtio-rng has anyway. */
	if (!strcmp(kv.key, "rng-random") || !strcmp(kv.key, "rng-builtin"))
		return true;
	return memory_add_object(&p->memory, name, kv.key, arg);
}

static bool opt_smp(struct parser *p, const char *name, char *arg)
{
	static const struct topology none;
	struct topology *t = &p->opt->topology;
	const struct { const char *key; unsigned int *n; } keys[] = {
		{ "cpus", &p->opt->cpus }, { "maxcpus", &p->cpus_most },
		{ "sockets", &t->sockets }, { "cores", &t->cores },
		{ "threads", &t->threads },
	};
	struct parse_kv kv;

	*t = none;
	p->opt->cpus = p->cpus_most = 0;
	while (parse_kv_next(&arg, &kv)) {
		const char *key = kv.value ? kv.key : "cpus";
		const char *v = kv.value ? kv.value : kv.key;
		unsigned int *n = NULL, one = 1;

		for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
			if (!strcmp(keys[i].key, key))
				n = keys[i].n;
		/* Sockets are not divided further. */
		if (!n && (!strcmp(key, "dies") || !strcmp(key, "clusters")))
			n = &one;
		if (!n)
			return bad(name, key, "unknown key (cpus=, sockets=, cores=, threads=)");
		if (!parse_uint(v, 1, TOPOLOGY_CPUS_MAX, n))
			return bad(name, v, "not a number of CPUs from 1 to 254");
		if (one != 1)
			return bad(name, key, "only 1 can be had");
	}
	return true;
}

/* Find what -smp did not say. */
static bool finish_cpus(struct parser *p)
{
	struct options *opt = p->opt;
	const char *why;
	char n[16];

	why = topology_complete(&opt->topology, &opt->cpus);
	if (!why && p->cpus_most && p->cpus_most != opt->cpus)
		why = "maxcpus: CPUs cannot be added to a running VM";
	snprintf(n, sizeof(n), "%u", opt->cpus);
	return !why || bad("smp", n, why);
}

static bool cpu_feature(struct parser *p, const char *name, struct parse_kv kv)
{
	const struct cpuid_flag **list;
	const char *flag = kv.key;
	unsigned int *count;
	bool on = true;

	if (*flag == '-' || *flag == '+')
		on = *flag++ == '+';
	else if (kv.value ? !parse_bool(kv.value, &on) :
		 strcmp(flag, "check") && strcmp(flag, "enforce"))
		return bad(name, kv.key, "features are written -NAME or NAME=off");
	/* Of QEMU's properties of a CPU, those that ask for what is so anyway. */
	if (!strcmp(flag, "enforce")) {
		p->opt->cpu_enforce = on;
		return true;
	}
	if (on && (!strcmp(flag, "check") || !strcmp(flag, "host-phys-bits") ||
		   !strcmp(flag, "host-cache-info")))
		return true;
	if (!on && !strcmp(flag, "migratable"))
		return true;
	if (!cpuid_find_flag(flag))
		return bad(name, flag, "no CPU feature of that name is known");
	/* What the host has is on already; what it lacks, vcpu_check() speaks of. */
	list = on ? p->opt->cpu_on : p->opt->cpu_off;
	count = on ? &p->opt->cpu_ons : &p->opt->cpu_offs;
	if (*count == OPTIONS_CPU_FLAGS_MAX)
		return bad(name, flag, "too many features");
	list[(*count)++] = cpuid_find_flag(flag);
	return true;
}

static bool opt_cpu(struct parser *p, const char *name, char *arg)
{
	struct parse_kv kv;

	if (!parse_kv_next(&arg, &kv) ||
	    (strcmp(kv.key, "host") && strcmp(kv.key, "max")))
		return bad(name, kv.key, "only the host's CPU can be had: -cpu host[,-FEATURE]");
	while (parse_kv_next(&arg, &kv))
		if (!cpu_feature(p, name, kv))
			return false;
	return true;
}

static bool opt_bios(struct parser *p, const char *name UNUSED, char *arg)
{
	p->opt->bios = arg;
	return true;
}

/* Letters as of old: a and b are floppies, c hard disks, d CD-ROMs, n networks. */
static bool boot_order(struct parser *p, const char *name, const char *order)
{
	size_t c = strcspn(order, "c"), d = strcspn(order, "d");

	if (!order[0] || order[strspn(order, "abcdnop")])
		return bad(name, order, "an order is made of c (disks) and d (CD-ROMs)");
	if (!order[c] && !order[d])
		return bad(name, order, "booted are only disks (c) and CD-ROMs (d)");
	p->opt->boot_cdrom = d < c;
	return true;
}

static bool opt_boot(struct parser *p, const char *name, char *arg)
{
	struct parse_kv kv;

	while (parse_kv_next(&arg, &kv)) {
		bool ok = true;

		if (!kv.value || !strcmp(kv.key, "order"))
			ok = boot_order(p, name, kv.value ? kv.value : kv.key);
		else if (!strcmp(kv.key, "menu"))
			ok = parse_bool(kv.value, &p->opt->boot_menu) ||
			     bad(name, kv.value, "menu is on or off");
		else if (strcmp(kv.key, "strict") && strncmp(kv.key, "splash", 6) &&
			 strcmp(kv.key, "reboot-timeout"))
			ok = bad(name, kv.key, "unknown key (order=LETTERS, menu=on)");
		if (!ok)
			return false;
	}
	return true;
}

static bool opt_kernel(struct parser *p, const char *name UNUSED, char *arg)
{
	p->opt->kernel = arg;
	return true;
}

static bool opt_initrd(struct parser *p, const char *name UNUSED, char *arg)
{
	p->opt->initrd = arg;
	return true;
}

static bool opt_append(struct parser *p, const char *name UNUSED, char *arg)
{
	p->opt->append = arg;
	return true;
}

static bool opt_no_reboot(struct parser *p, const char *name UNUSED, char *arg UNUSED)
{
	p->opt->no_reboot = true;
	return true;
}

static bool opt_paused(struct parser *p, const char *name UNUSED, char *arg UNUSED)
{
	p->opt->paused = true;
	return true;
}

static bool opt_gdb(struct parser *p, const char *name, char *arg)
{
	return options_gdb_parse(&p->opt->gdb, name, arg);
}

static bool opt_gdb_short(struct parser *p, const char *name, char *arg UNUSED)
{
	static char usual[] = "tcp::1234";

	return options_gdb_parse(&p->opt->gdb, name, usual);
}

static bool opt_incoming(struct parser *p, const char *name, char *arg)
{
	if (strncmp(arg, "file:", 5) || !arg[5])
		return bad(name, arg, "only file:PATH can be had");
	p->opt->incoming = options_path(arg + 5);
	return true;
}

static bool opt_shutdown_timeout(struct parser *p, const char *name, char *arg)
{
	return parse_uint(arg, 0, 86400, &p->opt->shutdown_timeout) ? true :
	       bad(name, arg, "not a number of seconds from 0 to 86400");
}

static bool opt_uuid(struct parser *p, const char *name, char *arg)
{
	static const char form[] = "00000000-0000-0000-0000-000000000000";
	size_t i = 0;

	while (form[i] && (form[i] == '-' ? arg[i] == '-' : isxdigit((unsigned char)arg[i])))
		i++;
	if (form[i] || arg[i])
		return bad(name, arg, "not a UUID");
	while (i--)
		p->opt->uuid[i] = (char)tolower((unsigned char)arg[i]);
	return true;
}

static bool opt_check(struct parser *p, const char *name UNUSED, char *arg UNUSED)
{
	p->check = true;
	return true;
}

static bool opt_dump_config(struct parser *p, const char *name UNUSED, char *arg UNUSED)
{
	p->dump = true;
	return true;
}

static bool opt_daemonize(struct parser *p, const char *name UNUSED, char *arg UNUSED)
{
	p->opt->daemonize = true;
	return true;
}

static bool opt_pidfile(struct parser *p, const char *name UNUSED, char *arg)
{
	p->opt->pidfile = arg;
	return true;
}

/* The serial console. */

static bool opt_nographic(struct parser *p, const char *name UNUSED, char *arg UNUSED)
{
	p->nographic = true;
	return true;
}

static bool opt_serial(struct parser *p, const char *name, char *arg)
{
	return p->serial.given ? bad(name, arg, "there is one serial port") :
	       chardev_wish_parse(&p->serial, name, arg);
}

/* Monitors, for people and for programs. */

static bool has_monitor(const struct parser *p)
{
	const struct chardev_wish *w = &p->monitor;

	return w->given && (w->id || w->opt.kind != CHARDEV_NULL);
}

static bool opt_monitor(struct parser *p, const char *name, char *arg)
{
	if (has_monitor(p))
		return bad(name, arg, "there is one monitor");
	if (!chardev_wish_parse(&p->monitor, name, arg))
		return false;
	return !p->monitor.opt.escape ||
	       bad(name, arg, "mon: is for -serial, which has a monitor then");
}

static bool add_qmp(struct parser *p, const char *name, const char *arg,
		    const struct chardev_wish *w)
{
	if (p->qmps == OPTIONS_QMP_MAX)
		return bad(name, arg, "too many control sockets (8 at most)");
	p->qmp[p->qmps++] = *w;
	return true;
}

static bool opt_qmp(struct parser *p, const char *name, char *arg)
{
	struct chardev_wish w;

	return chardev_wish_parse(&w, name, arg) && add_qmp(p, name, arg, &w);
}

static bool opt_chardev(struct parser *p, const char *name, char *arg)
{
	return chardevs_add(&p->chardevs, name, arg);
}

/* -mon is -monitor or -qmp for what a -chardev describes. */
static bool opt_mon(struct parser *p, const char *name, char *arg)
{
	struct chardev_wish w = { .given = true };
	bool control = false;
	struct parse_kv kv;

	while (parse_kv_next(&arg, &kv)) {
		if (!kv.value || !strcmp(kv.key, "chardev"))
			w.id = kv.value ? kv.value : kv.key;
		else if (!strcmp(kv.key, "mode") && (!strcmp(kv.value, "control") ||
						     !strcmp(kv.value, "readline")))
			control = kv.value[0] == 'c';
		else if (strcmp(kv.key, "id") && strcmp(kv.key, "pretty"))
			return bad(name, kv.key, "unknown key (chardev=ID, mode=readline or "
				   "mode=control)");
	}
	if (!w.id)
		return bad(name, "", "chardev= is missing");
	if (control)
		return add_qmp(p, name, w.id, &w);
	if (has_monitor(p))
		return bad(name, w.id, "there is one monitor");
	p->monitor = w;
	return true;
}

/* Networks. */

#define NETWORKS	"there are only vde (any VNL of libvdeplug: sock=DIR, " \
			"sock=vxvde://...) and tap"

static bool netdev_key(struct options_netdev *nd, const char *name,
		       struct parse_kv kv)
{
	unsigned int n;

	if (!kv.value)
		return bad(name, kv.key, "a value is missing");
	if (!strcmp(kv.key, "id")) {
		nd->id = kv.value;
	} else if (!strcmp(kv.key, "sock")) {
		nd->sock = options_path(kv.value);
	} else if (!strcmp(kv.key, "port")) {
		if (!parse_uint(kv.value, 0, UINT16_MAX, &n))
			return bad(name, kv.value, "not a port number");
		nd->port = (int)n;
	} else if (!strcmp(kv.key, "group")) {
		nd->group = kv.value;
	} else if (!strcmp(kv.key, "mode")) {
		if (!parse_octal(kv.value, 0777, &n))
			return bad(name, kv.value, "not an octal mode");
		nd->mode = n;
	} else if (!strcmp(kv.key, "fast")) {
		bool on;

		if (!parse_bool(kv.value, &on))
			return bad(name, kv.value, "fast is on or off");
		nd->fast = on;
	} else if (!strcmp(kv.key, "reconnect")) {
		/* QEMU counts seconds; here it is every second. */
		if (parse_uint(kv.value, 0, 86400, &n))
			nd->reconnect = n;
		else if (!parse_bool(kv.value, &nd->reconnect))
			return bad(name, kv.value, "reconnect is on or off");
	} else {
		return bad(name, kv.key, "unknown key");
	}
	return true;
}

static bool tap_key(struct options_netdev *nd, const char *name, struct parse_kv kv)
{
	unsigned int n;

	if (!kv.value)
		return bad(name, kv.key, "a value is missing");
	if (!strcmp(kv.key, "id")) {
		nd->id = kv.value;
	} else if (!strcmp(kv.key, "ifname")) {
		if (!kv.value[0] || strlen(kv.value) > 15 || strpbrk(kv.value, "/% \t\n"))
			return bad(name, kv.value, "not the name of an interface (15 characters "
				   "at most)");
		nd->ifname = kv.value;
	} else if (!strcmp(kv.key, "fd")) {
		if (!parse_uint(kv.value, 3, INT_MAX, &n))
			return bad(name, kv.value, "not a descriptor");
		nd->fd = (int)n;
	} else if (!strcmp(kv.key, "script") || !strcmp(kv.key, "downscript")) {
		if (kv.value[0] && strcmp(kv.value, "no"))
			return bad(name, kv.value, "no scripts are run: set the tap up beforehand "
				   "(script=no)");
	} else if (strcmp(kv.key, "vhost") && strcmp(kv.key, "sndbuf")) {
		return bad(name, kv.key, "unknown key (ifname=, fd=, script=no)");
	}
	return true;
}

static bool add_tap(struct parser *p, const char *name, char *arg)
{
	struct options_netdev nd = { .tap = true, .fd = -1 };
	char *sock = NULL;
	struct parse_kv kv;

	if (p->netdevs == OPTIONS_NICS_MAX)
		return bad(name, "tap", "too many networks");
	while (parse_kv_next(&arg, &kv))
		if (!tap_key(&nd, name, kv))
			return false;
	if (!nd.ifname == (nd.fd < 0))
		return bad(name, "tap", "either ifname= or fd= is needed");
	for (unsigned int i = 0; i < p->netdevs; i++)
		if (nd.fd >= 0 && p->netdev[i].tap && p->netdev[i].fd == nd.fd) {
			log_err("-%s 'fd=%d': a descriptor can be one NIC's only", name, nd.fd);
			return false;
		}
	/* One name for a network is enough. */
	if ((nd.ifname ? asprintf(&sock, "tap://%s", nd.ifname) :
			 asprintf(&sock, "tap://fd/%d", nd.fd)) < 0)
		return false;
	nd.sock = nd.shown = sock;
	p->netdev[p->netdevs++] = nd;
	return true;
}

static bool add_netdev(struct parser *p, const char *name, char *arg)
{
	struct options_netdev nd = { .fast = -1 };
	struct parse_kv kv;

	if (p->netdevs == OPTIONS_NICS_MAX)
		return bad(name, "vde", "too many networks");
	while (parse_kv_next(&arg, &kv))
		if (!netdev_key(&nd, name, kv))
			return false;
	nd.shown = nd.sock ? nd.sock : "vde://";
	p->netdev[p->netdevs++] = nd;
	return true;
}

/* A property to be switched on or off. Return: it, or NULL. */
static const struct options_nic_property *nic_property(const char *key)
{
	const struct options_nic_property *prop = options_nic_properties;

	while (prop->name && strcmp(prop->name, key))
		prop++;
	return prop->name ? prop : NULL;
}

static bool nic_key(struct parser *p, const char *name, struct parse_kv kv)
{
	struct options_nic *nic = &p->opt->nic[p->opt->nics];
	const struct options_nic_property *prop;
	bool on;

	if (!kv.value)
		return bad(name, kv.key, "a value is missing");
	prop = nic_property(kv.key);
	if (prop) {
		if (!parse_bool(kv.value, &on))
			return bad(name, kv.value, "neither on nor off");
		nic->off &= ~prop->features;
		nic->off |= on ? 0 : prop->features;
		return true;
	}
	if (!strcmp(kv.key, "mac") || !strcmp(kv.key, "macaddr")) {
		if (!eth_addr_parse(kv.value, &nic->mac))
			return bad(name, kv.value, "not a MAC address");
		if (eth_addr_is_group(nic->mac) || eth_addr_is_zero(nic->mac))
			return bad(name, kv.value, "a NIC cannot have a group address");
		nic->mac_given = true;
	} else if (!strcmp(kv.key, "netdev")) {
		p->nic_netdev[p->opt->nics] = kv.value;
	} else if (!strcmp(kv.key, "model")) {
		if (strncmp(kv.value, "virtio", 6))
			return bad(name, kv.value, "the only NIC is virtio-net-pci");
	} else if (!strcmp(kv.key, "mtu") || !strcmp(kv.key, "host_mtu")) {
		if (!parse_uint(kv.value, 68, 65521, &nic->mtu))
			return bad(name, kv.value, "not an MTU from 68 to 65521");
	} else if (strcmp(kv.key, "id") && strcmp(kv.key, "vlan") &&
		   strcmp(kv.key, "name")) {
		return bad(name, kv.key, "unknown key");
	}
	return true;
}

static bool add_nic(struct parser *p, const char *name, char *arg)
{
	struct parse_kv kv;

	if (p->opt->nics == OPTIONS_NICS_MAX)
		return bad(name, "nic", "too many NICs (8 at most)");
	while (parse_kv_next(&arg, &kv))
		if (!nic_key(p, name, kv))
			return false;
	p->opt->nics++;
	return true;
}

static bool opt_net(struct parser *p, const char *name, char *arg)
{
	struct parse_kv kv;

	if (!parse_kv_next(&arg, &kv) || kv.value)
		return bad(name, "", "must begin with nic, vde or none");
	if (!strcmp(kv.key, "nic"))
		return add_nic(p, name, arg);
	if (!strcmp(kv.key, "vde"))
		return add_netdev(p, name, arg);
	if (!strcmp(kv.key, "tap"))
		return add_tap(p, name, arg);
	return !strcmp(kv.key, "none") || bad(name, kv.key, NETWORKS);
}

static bool opt_netdev(struct parser *p, const char *name, char *arg)
{
	struct parse_kv kv;

	if (!parse_kv_next(&arg, &kv) || (strcmp(kv.key, "vde") && strcmp(kv.key, "tap")))
		return bad(name, kv.key, NETWORKS);
	if (!(kv.key[0] == 'v' ? add_netdev : add_tap)(p, name, arg))
		return false;
	return p->netdev[p->netdevs - 1].id || bad(name, kv.key, "id= is missing");
}

static bool add_balloon(struct parser *p, const char *name, char *arg)
{
	struct parse_kv kv;
	bool on;

	if (p->opt->balloon)
		return bad(name, "virtio-balloon-pci", "there is one already");
	p->opt->balloon = true;
	while (parse_kv_next(&arg, &kv)) {
		if (!kv.value || (strcmp(kv.key, "id") && strcmp(kv.key, "deflate-on-oom") &&
				  strcmp(kv.key, "free-page-reporting")))
			return bad(name, kv.key, "unknown key (free-page-reporting=on)");
		if (!strcmp(kv.key, "id"))
			continue;
		if (!parse_bool(kv.value, &on))
			return bad(name, kv.value, "neither on nor off");
		if (kv.key[0] == 'f')
			p->opt->free_page_reporting = on;
	}
	return true;
}

static bool add_vsock(struct parser *p, const char *name, char *arg)
{
	struct options *opt = p->opt;
	struct parse_kv kv;

	if (opt->vsock)
		return bad(name, "virtio-vsock-pci", "there is one already");
	while (parse_kv_next(&arg, &kv)) {
		if (!kv.value || (strcmp(kv.key, "id") && strcmp(kv.key, "guest-cid") &&
				  strcmp(kv.key, "path")))
			return bad(name, kv.key, "unknown key (guest-cid=, path=)");
		if (kv.key[0] == 'p')
			opt->vsock = options_path(kv.value);
		else if (kv.key[0] == 'g' &&
			 !parse_uint(kv.value, 3, UINT32_MAX - 1, &opt->vsock_cid))
			return bad(name, kv.value, "guest-cid is a number from 3 on");
	}
	return (opt->vsock && opt->vsock_cid) ||
	       bad(name, "virtio-vsock-pci", "guest-cid= and path= are needed");
}

static bool opt_device(struct parser *p, const char *name, char *arg)
{
	struct parse_kv kv;

	if (!parse_kv_next(&arg, &kv))
		return bad(name, "", "a device is needed");
	if (!strcmp(kv.key, "virtio-net-pci") || !strcmp(kv.key, "virtio-net"))
		return add_nic(p, name, arg);
	if (!strcmp(kv.key, "virtio-rng-pci") || !strcmp(kv.key, "virtio-rng"))
		return true;		/* always there */
	if (!strcmp(kv.key, "virtio-balloon-pci") || !strcmp(kv.key, "virtio-balloon"))
		return add_balloon(p, name, arg);
	if (!strcmp(kv.key, "virtio-blk-pci") || !strcmp(kv.key, "virtio-blk"))
		return drives_add_device(&p->drives, name, arg);
	if (!strcmp(kv.key, "vhost-user-blk-pci"))
		return drives_add_vhost(&p->drives, name, arg);
	if (!strcmp(kv.key, "virtio-vsock-pci"))
		return add_vsock(p, name, arg);
	if (!strcmp(kv.key, "vhost-vsock-pci"))
		return bad(name, kv.key, "the host's kernel is not asked for vsock; "
			   "virtio-vsock-pci,guest-cid=N,path=SOCKET is there");
	return bad(name, kv.key, "there are only virtio-net-pci, virtio-blk-pci, "
		   "virtio-balloon-pci, virtio-vsock-pci and virtio-rng-pci");
}

/* Options of qemu that ask for what is so anyway. */

static bool opt_ignore(struct parser *p UNUSED, const char *name UNUSED,
		       char *arg UNUSED)
{
	return true;
}

/* The sandbox. */

/* QEMU's elements say what else is to be denied; here all of that is. */
static bool opt_sandbox(struct parser *p, const char *name, char *arg)
{
	static const char *const denied[] = {
		"obsolete", "elevateprivileges", "spawn", "resourcecontrol",
	};
	struct parse_kv kv;
	bool known;

	while (parse_kv_next(&arg, &kv)) {
		if (!kv.value || !strcmp(kv.key, "enable")) {
			if (!parse_bool(kv.value ? kv.value : kv.key, &p->opt->sandbox))
				return bad(name, kv.key, "neither on nor off");
			continue;
		}
		known = false;
		for (size_t i = 0; i < ARRAY_SIZE(denied); i++)
			known |= !strcmp(kv.key, denied[i]);
		if (!known)
			return bad(name, kv.key, "unknown key");
		if (strcmp(kv.value, "deny"))
			return bad(name, kv.key, "a sandbox with holes cannot be had (deny, or "
				   "-sandbox off)");
	}
	return true;
}

static bool opt_runas(struct parser *p, const char *name UNUSED, char *arg)
{
	p->opt->runas = arg;
	return true;
}

static bool opt_dump_sandbox(struct parser *p, const char *name UNUSED, char *arg UNUSED)
{
	p->dump_sandbox = true;
	return true;
}

static bool opt_save_dir(struct parser *p, const char *name UNUSED, char *arg)
{
	p->opt->save_dir = options_path(arg);
	return true;
}

/* Disks. */

static bool opt_disk(struct parser *p, const char *name, char *arg)
{
	return drives_add_file(&p->drives, name, arg);
}

static bool opt_drive(struct parser *p, const char *name, char *arg)
{
	return drives_add(&p->drives, name, arg);
}

static bool opt_snapshot(struct parser *p, const char *name UNUSED, char *arg UNUSED)
{
	p->drives.snapshot = true;
	return true;
}

static const struct {
	const char *name;
	const char *arg;	/* what it takes, NULL for nothing */
	option_handler *run;
	const char *help;	/* NULL: not worth a line */
} table[] = {
	{ "kernel", "FILE", opt_kernel, "kernel to boot: a bzImage, or ELF with a PVH entry" },
	{ "initrd", "FILE", opt_initrd, "initial RAM disk" },
	{ "append", "TEXT", opt_append, "command line of the kernel" },
	{ "bios", "FILE", opt_bios, "firmware that boots a disk (SeaBIOS's bios-256k.bin)" },
	{ "boot", "[order=]dc[,menu=on]", opt_boot, "CD-ROMs before disks; ask which" },
	{ "m", "SIZE", opt_memory, "memory in MiB, or with M or G (128M)" },
	{ "mem-path", "PATH", opt_mem_path, "memory in a file of this directory (hugetlbfs)" },
	{ "mem-prealloc", NULL, opt_mem_prealloc, "have all memory from the start" },
	{ "object", "memory-backend-memfd,id=ID,size=SIZE", opt_object, "memory, and of what" },
	{ "machine", "memory-backend=ID", opt_machine, "which -object is the memory" },
	{ "numa", "node,memdev=ID", opt_numa, NULL },
	{ "smp", "N[,sockets=S][,cores=C][,threads=T]", opt_smp, "number of CPUs (1)" },
	{ "cpu", "host[,-FEATURE]", opt_cpu, "the host's CPU, less some features" },
	{ "name", "NAME", opt_name, "name of the VM; its MAC address follows from it" },
	{ "net", "nic[,macaddr=MAC]", opt_net, "a NIC" },
	{ "net", "vde[,sock=DIR]", opt_net, "plugged into a VDE switch, or any VNL" },
	{ "netdev", "vde,id=ID[,sock=DIR]", opt_netdev, "the same in new style, with" },
	{ "netdev", "tap,id=ID,ifname=NAME", opt_netdev, "a tap of the host" },
	{ "device", "virtio-net-pci,netdev=ID[,mac=MAC]", opt_device, "its NIC" },
	{ "hda", "FILE", opt_disk, "first disk: an image or a block device" },
	{ "hdb", "FILE", opt_disk, "second disk" },
	{ "hdc", "FILE", opt_disk, NULL },
	{ "hdd", "FILE", opt_disk, NULL },
	{ "cdrom", "FILE", opt_disk, "a disk that is only read" },
	{ "drive", "file=FILE[,format=qcow2][,...]", opt_drive, "a disk, and how" },
	{ "device", "virtio-blk-pci,drive=ID", opt_device, "a disk of -drive if=none,id=ID" },
	{ "device", "vhost-user-blk-pci,chardev=ID", opt_device, "a disk that others serve" },
	{ "device", "virtio-vsock-pci,guest-cid=N,path=PATH", opt_device,
	  "streams between programs of guest and host" },
	{ "device", "virtio-balloon-pci[,free-page-reporting=on]", opt_device,
	  "a way for the guest to give memory back" },
	{ "snapshot", NULL, opt_snapshot, "keep nothing of what is written to disks" },
	{ "serial", "stdio|file:PATH|unix:PATH|pty|null", opt_serial,
	  "where the serial console leads" },
	{ "monitor", "stdio|unix:PATH|none", opt_monitor, "where the monitor is (none)" },
	{ "qmp", "unix:PATH", opt_qmp, "control socket for programs" },
	{ "chardev", "socket,id=ID,path=PATH", opt_chardev, "a socket (or file, pty...) for" },
	{ "mon", "chardev=ID[,mode=control]", opt_mon, "monitor or control socket, or for" },
	{ "serial", "chardev:ID", opt_serial, "the serial console" },
	{ "nographic", NULL, opt_nographic, "serial console here, Ctrl-A x ends the VM" },
	{ "daemonize", NULL, opt_daemonize, "go into the background once the VM runs" },
	{ "pidfile", "FILE", opt_pidfile, "write the process id to FILE" },
	{ "no-reboot", NULL, opt_no_reboot, "end the VM when the guest reboots" },
	{ "shutdown-timeout", "SECONDS", opt_shutdown_timeout,
	  "how long SIGTERM waits for the guest to power off (30)" },
	{ "S", NULL, opt_paused, "begin paused, until the monitor's 'cont' or gdb's" },
	{ "gdb", "unix:PATH|tcp:[HOST]:PORT", opt_gdb, "where gdb can connect to debug the guest" },
	{ "s", NULL, opt_gdb_short, "the same as -gdb tcp::1234" },
	{ "incoming", "file:PATH", opt_incoming, "go on with a VM that was saved there" },
	{ "save-dir", "DIR", opt_save_dir, "where the VM may be saved (here, as *.vm)" },
	{ "sandbox", "on|off", opt_sandbox, "confine the VM's process (on)" },
	{ "runas", "USER", opt_runas, "whom root becomes (lanbox-vmm or nobody)" },
	{ "uuid", "UUID", opt_uuid, "UUID of the VM" },
	{ "check", NULL, opt_check, "say what this host can do for VMs, and run nothing" },
	{ "dump-sandbox", NULL, opt_dump_sandbox, "show what each thread may do, and run nothing" },
	{ "dump-config", NULL, opt_dump_config, "show all settings, and run nothing" },
	{ "usb", NULL, opt_ignore, NULL },
	{ "accel", "kvm", opt_accel, NULL },
	{ "enable-kvm", NULL, opt_kvm, NULL },
	{ "nodefaults", NULL, opt_ignore, NULL },
	{ "no-user-config", NULL, opt_ignore, NULL },
	{ "M", "TYPE", opt_machine, NULL },
};

static void examples(void)
{
	fputs("Examples:\n"
	      "A disk image, on the switch that is there by default, in the background:\n"
	      "  lanbox-vmm -name web -hda web.img -m 1024 -net nic -net vde -daemonize\n"
	      "its console, and its end:\n"
	      "  lanbox vm console web\n"
	      "  lanbox vm stop web\n"
	      "A kernel, its console on this terminal (Ctrl-A x ends it):\n"
	      "  lanbox-vmm -kernel /boot/vmlinuz -initrd rd.img -append console=ttyS0\n"
	      "From a CD-ROM, changing nothing on the disk:\n"
	      "  lanbox-vmm -hda disk.img -cdrom install.iso -boot d -snapshot\n"
	      "What all of the settings are:\n"
	      "  lanbox-vmm -hda disk.img -dump-config\n"
	      "\n"
	      "-help shows all options.\n", stdout);
}

static void usage(void)
{
	fputs("Usage: lanbox-vmm [OPTION...] [IMAGE]\n"
	      "A small virtual machine on KVM, plugged into a VDE switch.\n\n", stdout);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		char left[64];

		if (!table[i].help)
			continue;
		snprintf(left, sizeof(left), "-%s%s%s", table[i].name,
			 table[i].arg ? " " : "", table[i].arg ? table[i].arg : "");
		printf("  %-40s %s\n", left, table[i].help);
	}
	fputs("\nOptions of qemu that ask for what is so anyway (-enable-kvm, -vnc none,\n"
	      "-usb, -machine TYPE, -nodefaults...) are accepted.\n\n", stdout);
	examples();
}

/* Give each NIC its network. */
static bool join_networks(struct parser *p)
{
	struct options *opt = p->opt;
	bool used[OPTIONS_NICS_MAX] = { false };

	for (unsigned int i = 0; i < opt->nics; i++) {
		const char *id = p->nic_netdev[i];
		unsigned int n = 0;

		while (n < p->netdevs &&
		       (used[n] || (id ? !p->netdev[n].id ||
				    strcmp(p->netdev[n].id, id) != 0
				       : p->netdev[n].id != NULL)))
			n++;
		if (n == p->netdevs) {
			if (id)
				log_err("-device virtio-net-pci: there is no (free) "
					"-netdev with id '%s'", id);
			else
				log_err("NIC %u: -net vde is missing", i + 1);
			return false;
		}
		used[n] = true;
		opt->nic[i].netdev = p->netdev[n];
		for (unsigned int k = 0; k < i; k++)
			if (opt->nic[i].mac_given && opt->nic[k].mac_given &&
			    eth_addr_eq(opt->nic[i].mac, opt->nic[k].mac))
				return bad("net", "nic", "two NICs have the same MAC address");
	}
	for (unsigned int n = 0; n < p->netdevs; n++)
		if (!used[n])
			return bad("net", p->netdev[n].shown,
				   "no NIC is plugged into this network (-net nic)");
	return true;
}

/* This host's number, or nothing: hosts joined by a tunnel must not derive the
 * same addresses. */
static void read_machine_id(char *id, int size)
{
	FILE *f = fopen("/etc/machine-id", "re");

	if (!f || !fgets(id, size, f))
		id[0] = 0;
	if (f)
		fclose(f);
}

/* Where the serial console leads if nobody has said it: to this terminal, or with a name
 * to where 'lanbox vm console' finds it. */
static void default_serial(struct options *opt)
{
	static char path[RUNDIR_PATH];
	char dir[RUNDIR_PATH];

	opt->serial = (struct options_chardev){
		.kind = CHARDEV_STDIO, .path = "stdio", .escape = true,
	};
	if (!opt->daemonize)
		return;
	opt->serial = (struct options_chardev){ .kind = CHARDEV_NULL, .path = "null" };
	if (!opt->named || !rundir_name_fits(opt->name) || rundir_find(dir) ||
	    rundir_socket(dir, opt->name, RUNDIR_CONSOLE, path))
		return;
	opt->serial = (struct options_chardev){
		.kind = CHARDEV_UNIX, .path = path, .optional = true,
	};
}

/* Where are the control sockets? */
static bool finish_qmps(struct parser *p)
{
	struct options *opt = p->opt;

	for (unsigned int i = 0; i < p->qmps; i++) {
		struct options_chardev qmp = { .path = NULL };

		if (!chardevs_find(&p->chardevs, "qmp", &p->qmp[i], &qmp))
			return false;
		if (qmp.kind == CHARDEV_UNIX)
			opt->qmp[opt->qmps++] = qmp.path;
		else if (qmp.kind != CHARDEV_NULL)
			return bad("qmp", qmp.path, "only unix:PATH can be had");
	}
	return true;
}

/* Who is on the terminal, and where are the others? */
static bool finish_chardevs(struct parser *p)
{
	struct options *opt = p->opt;

	if (!p->serial.given)
		default_serial(opt);
	if (!chardevs_find(&p->chardevs, "serial", &p->serial, &opt->serial) ||
	    !chardevs_find(&p->chardevs, "monitor", &p->monitor, &opt->monitor) ||
	    !finish_qmps(p))
		return false;
	if (p->nographic && opt->serial.kind == CHARDEV_STDIO &&
	    opt->monitor.kind != CHARDEV_STDIO)
		opt->serial.escape = true;
	if (opt->daemonize && (opt->serial.kind == CHARDEV_STDIO || p->nographic ||
			       opt->monitor.kind == CHARDEV_STDIO)) {
		log_err("-daemonize: the serial console cannot be on a terminal then, nor the "
			"monitor (-serial file:PATH, unix:PATH, pty or null)");
		return false;
	}
	if (opt->monitor.kind != CHARDEV_STDIO || opt->serial.kind != CHARDEV_STDIO)
		return true;
	/* One who shares the terminal has his monitor there already. */
	if (p->monitor.id && opt->serial.escape) {
		opt->monitor.kind = CHARDEV_NULL;
		return true;
	}
	if (p->serial.given)
		return bad("monitor", "stdio", "the serial console is there (-serial mon:stdio "
			   "has both)");
	opt->serial = (struct options_chardev){ .kind = CHARDEV_NULL, .path = "null" };
	return true;
}

/* Where are the disks that others serve? */
static bool finish_disks(struct parser *p)
{
	struct options *opt = p->opt;

	if (!drives_finish(&p->drives, opt))
		return false;
	for (unsigned int i = 0; i < opt->drives; i++) {
		struct options_drive *o = &opt->drive[i];
		const struct chardev_wish w = { .given = true, .id = o->socket };
		struct options_chardev dev;

		if (!o->socket)
			continue;
		if (!chardevs_find(&p->chardevs, "device", &w, &dev))
			return false;
		if (dev.kind != CHARDEV_UNIX)
			return bad("chardev", o->socket, "a disk needs socket,path=PATH");
		o->socket = o->file = dev.path;
	}
	return true;
}

/* What is left open by the command line. */
static bool finish(struct parser *p)
{
	struct options *opt = p->opt;
	char path[PATH_MAX], host[64];

	opt->name = p->name ? p->name : "guest";
	opt->named = p->name;
	if (p->accel && !p->kvm)
		return bad(p->accel_by, p->accel, "only kvm can be had");
	if (!finish_chardevs(p) || !finish_cpus(p) || !memory_finish(&p->memory, opt) ||
	    !finish_disks(p) || !join_networks(p))
		return false;
	if (!opt->kernel && !opt->bios && !opt->drives && !p->check) {
		log_err("nothing to boot: no disk and no -kernel (-help shows examples)");
		return false;
	}
	read_machine_id(host, sizeof(host));
	if (p->name)
		snprintf(opt->mac_seed, sizeof(opt->mac_seed), "%s:name:%s", host, p->name);
	else if (opt->kernel && realpath(opt->kernel, path))
		snprintf(opt->mac_seed, sizeof(opt->mac_seed), "%s:kernel:%lu:%s", host,
			 (unsigned long)getuid(), path);
	else if (!opt->kernel && opt->drives && realpath(opt->drive[0].file, path))
		snprintf(opt->mac_seed, sizeof(opt->mac_seed), "%s:disk:%lu:%s", host,
			 (unsigned long)getuid(), path);
	return true;
}

/* A copy that stays for as long as the process. Return: it, or NULL. */
static char *option_keep(const char *text)
{
	static struct kept { struct kept *next; char text[]; } *all;
	size_t size = strlen(text) + 1;
	struct kept *k = malloc(sizeof(*k) + size);

	if (!k)
		return NULL;
	memcpy(k->text, text, size);
	k->next = all;
	all = k;
	return k->text;
}

/* Run the option in argv[*i]; moves on over its argument. */
static bool option_run(struct parser *p, int *i, int argc, char **argv)
{
	const struct compat_option *compat;
	const char *word = argv[*i];
	static char none[1];
	char *arg;

	if (word[0] != '-')
		return drives_add_file(&p->drives, "hda", word);
	word += word[1] == '-' ? 2 : 1;
	for (size_t k = 0; k < ARRAY_SIZE(table); k++) {
		size_t len = strlen(table[k].name);

		/* --name=value is for those who are used to it. */
		if (table[k].arg && !strncmp(argv[*i], "--", 2) &&
		    !strncmp(word, table[k].name, len) && word[len] == '=') {
			arg = option_keep(word + len + 1);
			return arg && table[k].run(p, table[k].name, arg);
		}
		if (strcmp(word, table[k].name))
			continue;
		if (!table[k].arg)
			return table[k].run(p, word, none);
		if (*i + 1 == argc) {
			log_err("-%s: an argument is missing (%s)", word, table[k].arg);
			return false;
		}
		/* Handlers cut it up; ps(1) should go on showing it whole. */
		arg = option_keep(argv[++*i]);
		return arg && table[k].run(p, word, arg);
	}
	compat = compat_find(word);
	if (!compat) {
		log_err("there is no option '%s' (-help shows them all)", argv[*i]);
		return false;
	}
	if (compat_takes_arg(compat) && *i + 1 == argc) {
		log_err("-%s: an argument is missing", word);
		return false;
	}
	return compat_check(compat, compat_takes_arg(compat) ? argv[++*i] : none);
}

enum options_result options_parse(struct options *opt, int argc, char **argv)
{
	struct parser p = { .opt = opt };

	*opt = (struct options){
		.append = "",
		.uuid = "00000000-0000-0000-0000-000000000000",
		.sandbox = true,
		.shutdown_timeout = 30,
		.monitor = { .kind = CHARDEV_NULL, .path = "none" },
	};
	if (argc == 1) {
		examples();
		return OPTIONS_EXIT_USAGE;
	}
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i] + strspn(argv[i], "-");

		if (!strcmp(word, "help") || !strcmp(argv[i], "-h")) {
			usage();
			return OPTIONS_EXIT_OK;
		}
		if (!strcmp(word, "version")) {
			puts(PACKAGE_STRING);
			return OPTIONS_EXIT_OK;
		}
		if (!option_run(&p, &i, argc, argv))
			return OPTIONS_EXIT_USAGE;
	}
	if (!finish(&p))
		return OPTIONS_EXIT_USAGE;
	if (!p.dump && !p.dump_sandbox)
		return p.check ? OPTIONS_CHECK : OPTIONS_RUN;
	if (p.dump)
		options_dump(opt, stdout);
	if (p.dump_sandbox)
		seccomp_dump(sandbox_uses(opt), stdout);
	return OPTIONS_EXIT_OK;
}
