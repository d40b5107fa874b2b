/* SPDX-License-Identifier: BSD-2-Clause */
/* monitor.c - The monitor: a few of QEMU's words for people */
#include "config.h"

#include "vmm/monitor.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/eth.h"
#include "lib/parse.h"
#include "vmm/blockinfo.h"
#include "vmm/gdb.h"
#include "vmm/pause.h"
#include "vmm/power.h"
#include "vmm/save.h"
#include "vmm/serial.h"
#include "vmm/state.h"
#include "vmm/vcpu.h"
#include "vmm/virtio_balloon.h"
#include "vmm/virtio_net.h"
#include "vmm/vm.h"

#define MONITOR_PROMPT	"(lanbox) "

enum {
	MONITOR_LINE = 256,
	MONITOR_ARG = 4096,		/* a path, in a line from elsewhere */
	KEY_BACKSPACE = 0x08,
	KEY_KILL_LINE = 0x15,
	KEY_DELETE = 0x7f,
};

/**
 * struct monitor - A monitor
 * @dev:	Where it speaks
 * @own:	@dev is its own
 * @echo:	The terminal shows nothing of what is typed
 * @line:	What was typed so far, @size bytes
 */
struct monitor {
	struct vm *vm;
	struct chardev *dev;
	bool own;
	bool echo;
	char line[MONITOR_LINE];
	unsigned int size;
};

/* What can be asked. */

static void info_status(struct vm *vm, FILE *to)
{
	const char *word = pause_word(vm);

	if (!vm->pause.on || !strcmp(word, "paused"))
		fprintf(to, "VM status: %s\n", word);
	else
		fprintf(to, "VM status: paused (%s)\n", word);
}

static void info_name(struct vm *vm, FILE *to)
{
	if (vm->opt->named)
		fprintf(to, "%s\n", vm->opt->name);
}

static void info_version(struct vm *vm UNUSED, FILE *to)
{
	fputs(PACKAGE_STRING "\n", to);
}

static void info_cpus(struct vm *vm, FILE *to)
{
	for (unsigned int i = 0; i < vm->opt->cpus; i++)
		fprintf(to, "%c CPU #%u: thread_id=%ld\n", i ? ' ' : '*', i,
			(long)vm->vcpus[i].tid);
}

static void info_network(struct vm *vm, FILE *to)
{
	char mac[ETH_ADDR_STR];

	for (unsigned int i = 0; i < vm->opt->nics; i++)
		fprintf(to, "virtio-net-pci.%u: index=0,type=nic,model=virtio-net-pci,"
			"macaddr=%s\n \\ %s: index=0,type=%s,sock=%s,link=%s\n", i,
			eth_addr_format(virtio_net_mac(vm->nics[i]), mac),
			vm->opt->nic[i].netdev.id ? vm->opt->nic[i].netdev.id : "vde",
			vm->opt->nic[i].netdev.tap ? "tap" : "vde",
			vm->opt->nic[i].netdev.shown,
			virtio_net_link(vm->nics[i]) ? "on" : "off");
}

static void info_block(struct vm *vm, FILE *to)
{
	blockinfo_text(vm, to);
}

static void info_chardev(struct vm *vm, FILE *to)
{
	char buf[CHARDEV_FILENAME];

	fprintf(to, "serial0: filename=%s\n", serial_filename(vm->serial, buf));
	if (vm->monitor)
		fprintf(to, "compat_monitor0: filename=%s\n",
			monitor_filename(vm->monitor, buf));
}

static void info_kvm(struct vm *vm UNUSED, FILE *to)
{
	fputs("kvm support: enabled\n", to);
}

static void info_balloon(struct vm *vm, FILE *to)
{
	if (vm->balloon)
		fprintf(to, "balloon: actual=%llu\n", (unsigned long long)
			(virtio_balloon_actual(vm->balloon) >> 20));
	else
		fputs("Error: No balloon device has been activated\n", to);
}

static void info_uuid(struct vm *vm, FILE *to)
{
	fprintf(to, "%s\n", vm->opt->uuid);
}

static void info_migrate(struct vm *vm, FILE *to)
{
	const struct save_info i = save_info(vm);

	if (i.status == SAVE_NONE)
		return;
	fprintf(to, "Migration status: %s\n%s%s%stotal time: %llu ms\n"
		"transferred ram: %llu kbytes\nremaining ram: %llu kbytes\n"
		"total ram: %llu kbytes\n", save_word(i.status), i.why ? "error: " : "",
		i.why ? i.why : "", i.why ? "\n" : "", (unsigned long long)i.ms,
		(unsigned long long)i.done * (STATE_PAGE / 1024),
		(unsigned long long)(i.pages - i.done) * (STATE_PAGE / 1024),
		(unsigned long long)i.total / 1024);
}

static const struct {
	const char *name;
	void (*run)(struct vm *vm, FILE *to);
	const char *help;
} infos[] = {
	{ "balloon", info_balloon, "memory that the guest has" },
	{ "block", info_block, "disks" },
	{ "chardev", info_chardev, "where console and monitor are" },
	{ "cpus", info_cpus, "CPUs and their threads" },
	{ "kvm", info_kvm, "whether KVM is used" },
	{ "migrate", info_migrate, "how far the saving of the VM is" },
	{ "name", info_name, "name of the VM" },
	{ "network", info_network, "network cards, and what they are plugged into" },
	{ "status", info_status, "whether the guest runs" },
	{ "uuid", info_uuid, "UUID of the VM" },
	{ "version", info_version, "version of the program" },
};

static void run_info(struct vm *vm, const char *what, FILE *to)
{
	for (size_t i = 0; i < ARRAY_SIZE(infos); i++) {
		if (!*what) {
			fprintf(to, "info %s -- show %s\n", infos[i].name, infos[i].help);
		} else if (!strcmp(what, infos[i].name)) {
			infos[i].run(vm, to);
			return;
		}
	}
	if (*what)
		fprintf(to, "unknown command: 'info %s'\n", what);
}

/* What can be done. */

static void run_stop(struct vm *vm, const char *arg UNUSED, FILE *to UNUSED)
{
	pause_begin(vm);
}

static void run_cont(struct vm *vm, const char *arg UNUSED, FILE *to)
{
	if (save_info(vm).status == SAVE_ACTIVE)
		fputs("the VM is being saved (migrate_cancel ends that)\n", to);
	else
		pause_end(vm);
	if (gdb_holds(vm))
		fputs(GDB_HOLDS "\n", to);
}

/* A background process is in /. */
static void run_save(struct vm *vm, const char *arg, FILE *to)
{
	const char *why;

	if (*arg != '/') {
		fputs("a path that begins with / is needed\n", to);
		return;
	}
	why = save_begin(vm, arg);
	if (why)
		fprintf(to, "'%s': the VM cannot be saved: %s\n", arg, why);
	else
		fputs("the VM stands still and is being saved; 'info migrate' shows how far "
		      "that is\n", to);
}

static void run_migrate(struct vm *vm, const char *arg, FILE *to)
{
	if (strncmp(arg, "file:", 5))
		fputs("file:PATH is needed\n", to);
	else
		run_save(vm, arg + 5, to);
}

static void run_migrate_cancel(struct vm *vm, const char *arg UNUSED, FILE *to UNUSED)
{
	if (save_info(vm).status == SAVE_ACTIVE)
		save_abort(vm);
}

static void run_powerdown(struct vm *vm, const char *arg UNUSED, FILE *to UNUSED)
{
	power_press(vm);
}

static void run_reset(struct vm *vm, const char *arg UNUSED, FILE *to UNUSED)
{
	vm_request_by(vm, VM_RESET, VM_BY_COMMAND);
}

static void run_quit(struct vm *vm, const char *arg UNUSED, FILE *to UNUSED)
{
	vm_request_by(vm, VM_POWEROFF, VM_BY_COMMAND);
}

static void run_balloon(struct vm *vm, const char *arg, FILE *to)
{
	uint64_t size;

	if (!parse_size(arg, 1 << 20, &size) || !size)
		fprintf(to, "Error: '%s' is not a size in megabytes\n", arg);
	else if (!vm->balloon)
		fputs("Error: No balloon device has been activated\n", to);
	else
		virtio_balloon_want(vm->balloon, size);
}

static void run_help(struct vm *vm, const char *arg, FILE *to);

static const struct {
	const char *name;
	const char *alias;
	void (*run)(struct vm *vm, const char *arg, FILE *to);
	bool takes_arg;
	const char *help;
} commands[] = {
	{ "balloon", NULL, run_balloon, true, "SIZE let the guest have so many megabytes" },
	{ "cont", "c", run_cont, false, "let the guest run on" },
	{ "help", "?", run_help, true, "[COMMAND] show the commands" },
	{ "info", NULL, run_info, true, "[SUBJECT] show something about the VM" },
	{ "migrate", NULL, run_migrate, true, "file:PATH like save PATH" },
	{ "migrate_cancel", NULL, run_migrate_cancel, false, "give up saving the VM" },
	{ "quit", "q", run_quit, false, "end the VM at once" },
	{ "save", NULL, run_save, true, "PATH save the VM there; it stands still then" },
	{ "stop", "s", run_stop, false, "let the guest stand still" },
	{ "system_powerdown", NULL, run_powerdown, false, "press the power button" },
	{ "system_reset", NULL, run_reset, false, "press the reset button" },
};

static void run_help(struct vm *vm, const char *arg, FILE *to)
{
	if (!strcmp(arg, "info")) {
		run_info(vm, "", to);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!*arg || !strcmp(arg, commands[i].name))
			fprintf(to, "%s%s%s -- %s\n", commands[i].name,
				commands[i].alias ? "|" : "",
				commands[i].alias ? commands[i].alias : "",
				commands[i].help);
}

void monitor_run(struct vm *vm, const char *line, FILE *to)
{
	const char *word = line + strspn(line, " \t"), *arg, *end;
	size_t len = strcspn(word, " \t");
	char name[MONITOR_LINE], rest[MONITOR_ARG];
	bool more;

	arg = word + len + strspn(word + len, " \t");
	end = arg + strcspn(arg, " \t");
	more = end[strspn(end, " \t")] || (size_t)(end - arg) >= sizeof(rest);
	snprintf(name, sizeof(name), "%.*s", (int)MIN(len, sizeof(name) - 1), word);
	snprintf(rest, sizeof(rest), "%.*s", (int)MIN((size_t)(end - arg), sizeof(rest) - 1),
		 arg);
	if (!*name)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(name, commands[i].name) &&
		    (!commands[i].alias || strcmp(name, commands[i].alias)))
			continue;
		if (more || (*arg && !commands[i].takes_arg))
			fprintf(to, "%s: extraneous characters at the end of line\n",
				commands[i].name);
		else
			commands[i].run(vm, rest, to);
		return;
	}
	fprintf(to, "unknown command: '%s'\n", name);
}

/* Talking. */

static void monitor_say(struct monitor *m, const char *text)
{
	for (const char *p = text; *p; p++) {
		if (*p == '\n')
			chardev_write(m->dev, "\r", 1);
		chardev_write(m->dev, p, 1);
	}
}

void monitor_greet(struct monitor *m)
{
	m->size = 0;
	monitor_say(m, PACKAGE_STRING " monitor - type 'help' for more information\n"
		    MONITOR_PROMPT);
}

static void monitor_line(struct monitor *m)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	m->line[m->size] = 0;
	m->size = 0;
	if (m->echo)
		monitor_say(m, "\n");
	if (to)
		monitor_run(m->vm, m->line, to);
	if (to && !fclose(to))
		monitor_say(m, text);
	free(text);
	monitor_say(m, MONITOR_PROMPT);
}

static void monitor_rub_out(struct monitor *m, unsigned int keys)
{
	while (keys-- && m->size) {
		m->size--;
		if (m->echo)
			monitor_say(m, "\b \b");
	}
}

static void monitor_key(struct monitor *m, uint8_t key)
{
	if (key == '\r' || key == '\n') {
		monitor_line(m);
	} else if (key == KEY_BACKSPACE || key == KEY_DELETE) {
		monitor_rub_out(m, 1);
	} else if (key == KEY_KILL_LINE) {
		monitor_rub_out(m, MONITOR_LINE);
	} else if (key >= ' ' && key < KEY_DELETE && m->size < MONITOR_LINE - 1) {
		m->line[m->size++] = (char)key;
		if (m->echo)
			chardev_write(m->dev, &key, 1);
	}
}

unsigned int monitor_room(const struct monitor *m UNUSED)
{
	return CHARDEV_IN;
}

void monitor_input(struct monitor *m, const uint8_t *bytes, unsigned int size)
{
	while (size--)
		monitor_key(m, *bytes++);
}

static unsigned int own_room(void *ctx)
{
	return monitor_room(ctx);
}

static void own_input(void *ctx, const uint8_t *bytes, unsigned int size)
{
	monitor_input(ctx, bytes, size);
}

static void own_opened(void *ctx)
{
	monitor_greet(ctx);
}

static const struct chardev_ops monitor_own = {
	.room = own_room, .input = own_input, .opened = own_opened,
};

const char *monitor_filename(const struct monitor *m, char buf[static CHARDEV_FILENAME])
{
	return chardev_filename(m->dev, buf);
}

/* Life. */

int monitor_create(struct vm *vm, const struct options_chardev *opt, struct monitor **out)
{
	struct monitor *m = calloc(1, sizeof(*m));
	int ret;

	if (!m)
		return -ENOMEM;
	m->vm = vm;
	m->own = true;
	ret = chardev_create(vm->loop, opt, "compat_monitor0", false, &monitor_own, m,
			     &m->dev);
	if (ret) {
		free(m);
		return ret;
	}
	*out = m;
	return 0;
}

int monitor_create_on(struct vm *vm, struct chardev *dev, struct monitor **out)
{
	struct monitor *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->vm = vm;
	m->dev = dev;
	m->echo = true;
	*out = m;
	return 0;
}

void monitor_destroy(struct monitor *m)
{
	if (m && m->own)
		chardev_destroy(m->dev);
	free(m);
}
