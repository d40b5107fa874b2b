/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz-options.c - Command lines
 *
 * The input is the command line of lanbox-vmm, a word on each line.
 *
 * What must be true:
 *
 * - What is refused is refused with one error, and what is taken with none.
 * - The words are as they were: ps(1) shows them.
 * - Numbers are in their ranges, no more is counted than there is room for, and what has to
 *   be there is; disks and NICs can be told apart.
 * - All that a VM has can be said on a command line again, each setting by its canonical
 *   option: that is taken, and -dump-config says the same of both, a setting on each line.
 */
#include "config.h"

#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <unistd.h>

#include "tests/harness/rig.h"
#include "vmm/cpuid.h"
#include "vmm/layout.h"
#include "vmm/options.h"
#include "vmm/options_chardev.h"
#include "vmm/options_dump.h"
#include "vmm/options_nic.h"

enum { WORDS = 256, TEXT = 1 << 16 };

/* What a command line leaves in memory is kept for as long as the process: no leak. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:options_parse\nleak:parse\nleak:vasprintf\n";
}

/** struct line - A command line being made */
struct line {
	char *word[WORDS];
	int words;
};

static void PRINTF(2, 3) add(struct line *l, const char *fmt, ...)
{
	va_list args;

	FUZZ_CHECK(l->words < WORDS - 1, "too many words");
	va_start(args, fmt);
	FUZZ_CHECK(vasprintf(&l->word[l->words++], fmt, args) >= 0, "no memory");
	va_end(args);
	l->word[l->words] = NULL;
}

static void line_free(struct line *l)
{
	while (l->words)
		free(l->word[--l->words]);
}

/* A value with its commas doubled; one of eight at a time. */
static const char *esc(const char *text)
{
	static char ring[8][TEXT];
	static unsigned int next;
	char *out = ring[next++ % 8], *p = out;

	for (; *text && p < out + TEXT - 2; text++) {
		*p++ = *text;
		if (*text == ',')
			*p++ = ',';
	}
	*p = 0;
	return out;
}

static const char *on(bool x)
{
	return x ? "on" : "off";
}

/* What must be true of all that is taken. */
static void check(const struct options *opt)
{
	const struct topology *t = &opt->topology;

	FUZZ_CHECK(opt->cpus && opt->cpus <= TOPOLOGY_CPUS_MAX &&
		   (uint64_t)t->sockets * t->cores * t->threads == opt->cpus, "%u CPUs",
		   opt->cpus);
	FUZZ_CHECK(opt->ram >= LAYOUT_RAM_MIN && opt->ram % 4096 == 0 && opt->ram <= 1ULL << 40,
		   "%llu bytes of RAM", (unsigned long long)opt->ram);
	FUZZ_CHECK(opt->nics <= OPTIONS_NICS_MAX && opt->drives <= OPTIONS_DRIVES_MAX &&
		   opt->qmps <= OPTIONS_QMP_MAX && opt->cpu_offs <= OPTIONS_CPU_FLAGS_MAX &&
		   opt->cpu_ons <= OPTIONS_CPU_FLAGS_MAX, "more than there is room for");
	FUZZ_CHECK(opt->name && opt->append && opt->serial.path && opt->monitor.path &&
		   strlen(opt->uuid) == OPTIONS_UUID - 1, "something is missing");
	FUZZ_CHECK(opt->kernel || opt->bios || opt->drives, "nothing to boot");
	FUZZ_CHECK(!opt->vsock || opt->vsock_cid >= 3, "CID %u", opt->vsock_cid);
	for (unsigned int i = 0; i < opt->drives; i++) {
		const struct options_drive *o = &opt->drive[i];

		FUZZ_CHECK(o->device && o->file && *o->file, "disk %u", i);
		FUZZ_CHECK(!o->serial || strlen(o->serial) <= 20, "a serial number");
		FUZZ_CHECK(!o->cdrom || o->readonly, "a CD-ROM that is written to");
		for (unsigned int k = 0; k < i; k++)
			FUZZ_CHECK(strcmp(opt->drive[k].device, o->device),
				   "two disks with the name '%s'", o->device);
	}
	for (unsigned int i = 0; i < opt->nics; i++) {
		const struct options_nic *nic = &opt->nic[i];

		FUZZ_CHECK(nic->netdev.shown && (!nic->netdev.tap || nic->netdev.ifname ||
						 nic->netdev.fd > 2), "NIC %u", i);
		FUZZ_CHECK(!nic->mac_given || !(nic->mac.b[0] & 1), "a group's address");
		for (unsigned int k = 0; k < i; k++)
			FUZZ_CHECK(!nic->mac_given || !opt->nic[k].mac_given ||
				   !eth_addr_eq(nic->mac, opt->nic[k].mac), "one address twice");
	}
}

/* The command line that says all of it. */

/* Return: whether it can be said with so few -chardevs. */
static bool say_chardev(struct line *l, const char *option, const struct options_chardev *c,
			unsigned int *chardevs)
{
	static const char *const kinds[] = {
		[CHARDEV_NULL] = "null", [CHARDEV_STDIO] = "stdio", [CHARDEV_FILE] = "file",
		[CHARDEV_UNIX] = "socket", [CHARDEV_PTY] = "pty",
	};
	bool path = c->kind == CHARDEV_FILE || c->kind == CHARDEV_UNIX;

	add(l, "-%s", option);
	/* A path with such a sign can only be said there. */
	if (path && !strchr(c->path, '=')) {
		add(l, "%s:%s", c->kind == CHARDEV_FILE ? "file" : "unix",
		    c->kind == CHARDEV_FILE ? c->path : esc(c->path));
		return true;
	}
	add(l, "chardev:c%u", *chardevs);
	add(l, "-chardev");
	add(l, "%s,id=c%u%s%s%s", kinds[c->kind], *chardevs, path ? ",path=" : "",
	    path ? esc(c->path) : "", c->escape ? ",mux=on" : "");
	return ++*chardevs <= CHARDEVS_MAX;
}

static void say_drive(struct line *l, unsigned int i, const struct options_drive *o)
{
	static const char *const limits[THROTTLE_LIMITS] = {
		[THROTTLE_BPS_TOTAL] = "bps-total", [THROTTLE_BPS_READ] = "bps-read",
		[THROTTLE_BPS_WRITE] = "bps-write", [THROTTLE_IOPS_TOTAL] = "iops-total",
		[THROTTLE_IOPS_READ] = "iops-read", [THROTTLE_IOPS_WRITE] = "iops-write",
	};
	static const char *const aio[] = {
		[AIO_AUTO] = "native", [AIO_URING] = "io_uring", [AIO_THREADS] = "threads",
	};
	const char *cache = o->no_flush ? "unsafe" : o->direct && o->writeback ? "none" :
			    o->direct ? "directsync" : o->writeback ? "writeback" :
			    "writethrough";
	char rates[512] = "";
	size_t n = 0;

	for (int k = 0; k < THROTTLE_LIMITS; k++)
		if (o->throttle.rate[k])
			n += (size_t)snprintf(rates + n, sizeof(rates) - n,
					      ",throttling.%s=%llu", limits[k],
					      (unsigned long long)o->throttle.rate[k]);
	add(l, "-drive");
	add(l, "file=%s,if=none,id=%s%s%s%s%s,media=%s,readonly=%s,snapshot=%s,cache=%s,"
	    "discard=%s,file.locking=%s,aio=%s%s", esc(o->file), esc(o->device),
	    o->format ? ",format=" : "", o->format ? esc(o->format) : "",
	    o->serial ? ",serial=" : "", o->serial ? esc(o->serial) : "",
	    o->cdrom ? "cdrom" : "disk", on(o->readonly), on(o->snapshot), cache,
	    on(o->discard), on(o->lock), aio[o->aio], rates);
	add(l, "-device");
	if (o->bootindex >= 0)
		add(l, "virtio-blk-pci,id=d%u,drive=%s,bootindex=%d", i, esc(o->device),
		    o->bootindex);
	else
		add(l, "virtio-blk-pci,id=d%u,drive=%s", i, esc(o->device));
}

static void say_nic(struct line *l, unsigned int i, const struct options_nic *nic)
{
	const struct options_netdev *nd = &nic->netdev;
	char text[1024] = "", mac[ETH_ADDR_STR];
	size_t n = 0;

	add(l, "-netdev");
	if (nd->tap && nd->ifname)
		add(l, "tap,id=n%u,ifname=%s", i, esc(nd->ifname));
	else if (nd->tap)
		add(l, "tap,id=n%u,fd=%d", i, nd->fd);
	else
		add(l, "vde,id=n%u,port=%d%s%s%s%s%s%s,reconnect=%s%s%o", i, nd->port,
		    nd->sock ? ",sock=" : "", nd->sock ? esc(nd->sock) : "",
		    nd->group ? ",group=" : "", nd->group ? esc(nd->group) : "",
		    nd->fast < 0 ? "" : ",fast=", nd->fast < 0 ? "" : on(nd->fast),
		    on(nd->reconnect), ",mode=", nd->mode);
	for (const struct options_nic_property *p = options_nic_properties; p->name; p++)
		if ((nic->off & p->features) == p->features)
			n += (size_t)snprintf(text + n, sizeof(text) - n, ",%s=off", p->name);
	add(l, "-device");
	if (nic->mac_given)
		n += (size_t)snprintf(text + n, sizeof(text) - n, ",mac=%s",
				      eth_addr_format(nic->mac, mac));
	if (nic->mtu)
		snprintf(text + n, sizeof(text) - n, ",mtu=%u", nic->mtu);
	add(l, "virtio-net-pci,netdev=n%u%s", i, text);
}

static void say_text(struct line *l, const char *option, const char *text)
{
	if (!text)
		return;
	add(l, "-%s", option);
	add(l, "%s", text);
}

static void say_flag(struct line *l, const char *option, bool is_on)
{
	if (is_on)
		add(l, "-%s", option);
}

static void say_memory(struct line *l, const struct options *opt)
{
	const struct ram_source *s = &opt->ram_source;

	if (!s->hugetlb) {
		say_text(l, "mem-path", s->path);
		say_flag(l, "mem-prealloc", s->prealloc);
		add(l, "-m");
		add(l, "size=%lluK", (unsigned long long)opt->ram >> 10);
		return;
	}
	add(l, "-object");
	if (s->page)
		add(l, "memory-backend-memfd,id=m,size=%llu,hugetlb=on,hugetlbsize=%llu,"
		    "prealloc=%s",
		    (unsigned long long)opt->ram, (unsigned long long)s->page, on(s->prealloc));
	else
		add(l, "memory-backend-memfd,id=m,size=%llu,hugetlb=on,prealloc=%s",
		    (unsigned long long)opt->ram, on(s->prealloc));
	say_text(l, "machine", "memory-backend=m");
}

static void say_cpu(struct line *l, const struct options *opt)
{
	char text[TEXT] = "host";
	size_t n = 4;

	for (unsigned int i = 0; i < opt->cpu_offs; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, ",-%s", opt->cpu_off[i]->name);
	for (unsigned int i = 0; i < opt->cpu_ons; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, ",+%s", opt->cpu_on[i]->name);
	snprintf(text + n, sizeof(text) - n, "%s", opt->cpu_enforce ? ",enforce" : "");
	say_text(l, "cpu", text);
	add(l, "-smp");
	add(l, "cpus=%u,sockets=%u,cores=%u,threads=%u", opt->cpus, opt->topology.sockets,
	    opt->topology.cores, opt->topology.threads);
}

/* Return: whether it could be said. */
static bool say(struct line *l, const struct options *opt)
{
	unsigned int chardevs = 0;
	bool ok;

	add(l, "lanbox-vmm");
	if (opt->named) {
		add(l, "-name");
		add(l, "guest=%s", esc(opt->name));
	}
	say_text(l, "uuid", opt->uuid);
	say_cpu(l, opt);
	say_memory(l, opt);
	say_text(l, "kernel", opt->kernel);
	say_text(l, "initrd", opt->initrd);
	say_text(l, "append", opt->append);
	say_text(l, "bios", opt->bios);
	add(l, "-boot");
	add(l, "order=%s,menu=%s", opt->boot_cdrom ? "dc" : "cd", on(opt->boot_menu));
	for (unsigned int i = 0; i < opt->drives; i++) {
		/* The names of those that others serve depend on their places. */
		if (opt->drive[i].socket)
			return false;
		say_drive(l, i, &opt->drive[i]);
	}
	for (unsigned int i = 0; i < opt->nics; i++)
		say_nic(l, i, &opt->nic[i]);
	ok = say_chardev(l, "serial", &opt->serial, &chardevs);
	if (opt->monitor.kind != CHARDEV_NULL)
		ok = say_chardev(l, "monitor", &opt->monitor, &chardevs) && ok;
	for (unsigned int i = 0; i < opt->qmps; i++) {
		const struct options_chardev c = { .kind = CHARDEV_UNIX, .path = opt->qmp[i] };

		ok = say_chardev(l, "qmp", &c, &chardevs) && ok;
	}
	if (opt->balloon) {
		add(l, "-device");
		add(l, "virtio-balloon-pci,free-page-reporting=%s", on(opt->free_page_reporting));
	}
	if (opt->vsock) {
		add(l, "-device");
		add(l, "virtio-vsock-pci,guest-cid=%u,path=%s", opt->vsock_cid, esc(opt->vsock));
	}
	if (opt->incoming) {
		add(l, "-incoming");
		add(l, "file:%s", opt->incoming);
	}
	if (opt->gdb.given) {
		bool v6 = strchr(opt->gdb.host, ':');

		add(l, "-gdb");
		if (opt->gdb.path)
			add(l, "unix:%s", esc(opt->gdb.path));
		else
			add(l, "tcp:%s%s%s:%s", v6 ? "[" : "", opt->gdb.host, v6 ? "]" : "",
			    opt->gdb.port);
	}
	say_flag(l, "S", opt->paused);
	say_flag(l, "no-reboot", opt->no_reboot);
	say_flag(l, "daemonize", opt->daemonize);
	say_text(l, "pidfile", opt->pidfile);
	say_text(l, "sandbox", opt->sandbox ? "on" : "off");
	say_text(l, "runas", opt->runas);
	say_text(l, "save-dir", opt->save_dir);
	add(l, "-shutdown-timeout");
	add(l, "%u", opt->shutdown_timeout);
	return ok;
}

static char *dump(const struct options *opt)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	FUZZ_CHECK(f, "no memory");
	options_dump(opt, f);
	fclose(f);
	for (const char *p = text; *p; p = strchr(p, '\n') + 1)
		FUZZ_CHECK(strchr(p, '\n') && strcspn(p, "\n") > strcspn(p, "="),
			   "a line without a setting: %s", p);
	return text;
}

static void again(const struct options *opt)
{
	char *first = dump(opt), *second;
	struct line l = { .words = 0 };
	struct options other;

	if (say(&l, opt)) {
		rig_log.errors = 0;
		FUZZ_CHECK(options_parse(&other, l.words, l.word) == OPTIONS_RUN,
			   "not taken again: %s", rig_log.last);
		check(&other);
		second = dump(&other);
		FUZZ_CHECK(!strcmp(first, second), "another VM\n%s%s", first, second);
		FUZZ_CHECK(other.boot_menu == opt->boot_menu && other.cpu_ons == opt->cpu_ons,
			   "another menu, or CPU");
		free(second);
	}
	free(first);
	line_free(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct line l = { .words = 0 }, copy = { .words = 0 };
	char *text = fuzz_alloc(size + 1), *p = text;
	enum options_result result;
	struct options opt;
	static bool quiet;

	/* -help talks. */
	if (!quiet) {
		int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

		fflush(stdout);
		dup2(fd, STDOUT_FILENO);
		close(fd);
		quiet = true;
	}
	memcpy(text, data, size);
	add(&l, "lanbox-vmm");
	add(&copy, "lanbox-vmm");
	while (*p && l.words < WORDS / 2) {
		size_t n = strcspn(p, "\n");

		add(&l, "%.*s", (int)n, p);
		add(&copy, "%.*s", (int)n, p);
		p += n + (p[n] != 0);
	}
	rig_log.errors = 0;
	result = options_parse(&opt, l.words, l.word);
	FUZZ_CHECK(rig_log.errors == (result == OPTIONS_EXIT_USAGE && l.words > 1),
		   "result %d with %u errors, the last: %s", result, rig_log.errors,
		   rig_log.last);
	for (int i = 0; i < l.words; i++)
		FUZZ_CHECK(!strcmp(l.word[i], copy.word[i]), "word %d became '%s'", i,
			   l.word[i]);
	if (result == OPTIONS_RUN) {
		check(&opt);
		again(&opt);
	}
	line_free(&l);
	line_free(&copy);
	free(text);
	return 0;
}
