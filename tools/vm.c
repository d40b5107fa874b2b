/* SPDX-License-Identifier: BSD-2-Clause */
/* vm.c - lanbox vm: running VMs by their names
 *
 * A client of the control sockets in a user's folder of running VMs. What it may do is
 * what the file system lets it.
 */
#include "config.h"

#include "tools/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "lib/parse.h"
#include "tools/table.h"
#include "tools/vm_console.h"
#include "tools/vm_find.h"

enum {
	VM_DONE = 0,
	VM_REFUSED = 1,		/* by the VM or the kernel, or not done in time */
	VM_USAGE = 2,
	VM_ABSENT = 3,

	VM_TIMEOUT_S = 60,
	VM_TIMEOUT_MAX = 86400,
	VM_KILL_MS = 5000,	/* for a VM that was told to end at once */
};

/**
 * struct vm_call - A subcommand being run
 * @dir:	Folder of the VMs
 * @user:	Whose it is, or NULL
 * @json:	For programs
 * @force:	Do not ask the guest
 * @timeout_s:	How long to wait for the guest
 */
struct vm_call {
	char dir[RUNDIR_PATH];
	const char *user;
	bool json;
	bool force;
	unsigned int timeout_s;
};

/* Asking. */

/* Run a command without arguments. Return: what it returns, owned by the caller, or
 * NULL, said. */
static json_t *ask(struct vm_peer *vm, const char *name, const char *command)
{
	char err[512] = "it does not answer";
	json_t *ret = NULL;

	if (vm->answers)
		ret = qmp_client_run(&vm->client, command, NULL, NULL, err, sizeof(err));
	if (!ret)
		log_err("VM '%s': %s", name, err);
	return ret;
}

/* The same, for one member of it, which is taken out. */
static json_t *ask_member(struct vm_peer *vm, const char *name, const char *command,
			  const char *member)
{
	json_t *ret = ask(vm, name, command), *v = json_incref(json_object_get(ret, member));

	json_decref(ret);
	return v;
}

/* Where the serial console is: unix:PATH, pty:PATH, or a word; *@taken: somebody is
 * there. Return: text to be freed, or NULL. */
static char *console_of(struct vm_peer *vm, const char *name, bool *taken)
{
	static const char gone[] = "disconnected:", server[] = ",server=on";
	json_t *list = ask(vm, name, "query-chardev"), *v;
	const char *text;
	char *ret = NULL;
	size_t i;

	*taken = false;

	json_array_foreach(list, i, v) {
		const char *label = json_string_value(json_object_get(v, "label"));

		text = json_string_value(json_object_get(v, "filename"));
		if (!label || !text || strcmp(label, "serial0") || ret)
			continue;
		*taken = !strncmp(text, "unix:", 5);
		if (!strncmp(text, gone, strlen(gone)))
			text += strlen(gone);
		ret = strdup(text);
	}
	json_decref(list);
	i = ret ? strlen(ret) : 0;
	if (i > strlen(server) && !strcmp(ret + i - strlen(server), server))
		ret[i - strlen(server)] = 0;
	return ret;
}

/* All that is shown of a VM. Return: it, owned by the caller. */
static json_t *describe(struct vm_peer *vm, const char *name)
{
	json_t *v = json_pack("{s:s,s:i}", "name", name, "pid", (int)vm->pid), *cpus;
	char *console;
	bool taken;

	if (!vm->answers) {
		json_object_set_new(v, "status", json_string("no answer"));
		return v;
	}
	json_object_set_new(v, "status", ask_member(vm, name, "query-status", "status"));
	cpus = ask(vm, name, "query-cpus-fast");
	json_object_set_new(v, "cpus", json_integer((json_int_t)json_array_size(cpus)));
	json_decref(cpus);
	json_object_set_new(v, "memory", ask_member(vm, name, "query-memory-size-summary",
						    "base-memory"));
	console = console_of(vm, name, &taken);
	if (console)
		json_object_set_new(v, "console", json_string(console));
	free(console);
	return v;
}

static const char *text_of(const json_t *v, const char *key)
{
	const char *text = json_string_value(json_object_get(v, key));

	return text ? text : "-";
}

static void print_json(const json_t *v)
{
	json_dumpf(v, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_ENCODE_ANY);
	putchar('\n');
}

static void print_table(const json_t *list)
{
	static const struct table_column columns[] = {
		{ "NAME", false }, { "STATUS", false }, { "CPUS", true }, { "MEMORY", true },
		{ "PID", true }, { "CONSOLE", false },
	};
	struct table t;
	size_t i;
	json_t *v;

	table_begin(&t, columns, ARRAY_SIZE(columns));
	json_array_foreach(list, i, v) {
		long long memory = json_integer_value(json_object_get(v, "memory"));

		table_add(&t, "%s", text_of(v, "name"));
		table_add(&t, "%s", text_of(v, "status"));
		table_add(&t, "%lld", (long long)json_integer_value(json_object_get(v, "cpus")));
		table_add(&t, "%lld MiB", memory >> 20);
		table_add(&t, "%lld", (long long)json_integer_value(json_object_get(v, "pid")));
		table_add(&t, "%s", text_of(v, "console"));
	}
	table_end(&t, stdout);
}

/* Subcommands. Each returns an exit status. */

static int absent(const struct vm_call *call, const char *name, int err)
{
	if (err == -ENOENT)
		log_err("no VM of this name runs: '%s'", name);
	else
		log_err_errno(-err, "VM '%s' in '%s'", name, call->dir);
	return err == -ENOENT ? VM_ABSENT : VM_REFUSED;
}

static int vm_list(struct vm_call *call, const char *unused UNUSED)
{
	json_t *list = json_array();
	char **names = NULL;
	int n = 0;

	if (call->dir[0])
		n = vm_find_names(call->dir, &names);
	if (n < 0) {
		log_err_errno(-n, "'%s'", call->dir);
		json_decref(list);
		return VM_REFUSED;
	}
	for (int i = 0; i < n; i++) {
		struct vm_peer vm;
		int ret = vm_find(call->dir, names[i], &vm);

		if (!ret)
			json_array_append_new(list, describe(&vm, names[i]));
		else if (ret != -ENOENT)
			absent(call, names[i], ret);
		vm_peer_close(&vm);
	}
	if (call->json)
		print_json(list);
	else if (json_array_size(list))
		print_table(list);
	free(names);
	json_decref(list);
	return VM_DONE;
}

static int vm_status(struct vm_call *call, const char *name)
{
	struct vm_peer vm;
	json_t *v, *list;
	int ret = vm_find(call->dir, name, &vm);

	if (ret)
		return absent(call, name, ret);
	v = describe(&vm, name);
	list = json_array();
	ret = vm.answers ? VM_DONE : VM_REFUSED;
	json_array_append_new(list, v);
	if (call->json)
		print_json(v);
	else
		print_table(list);
	json_decref(list);
	vm_peer_close(&vm);
	return ret;
}

/* Open a console, which the VM may say to be wherever it likes, but is @uid's. Return: a
 * descriptor or -errno; -ENOTTY if nobody can sit down there. */
static int open_console(const char *where, uid_t uid)
{
	static const char pts[] = "pty:/dev/pts/";
	struct stat st;
	bool its;
	int fd;

	if (!strncmp(where, "unix:", 5)) {
		fd = fd_connect_unix(where + 5);
		its = fd >= 0 && vm_peer_is_of(fd, uid);
	} else if (!strncmp(where, pts, strlen(pts)) && !strchr(where + strlen(pts), '/')) {
		fd = open(where + 4, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
		fd = fd < 0 ? -errno : fd;
		its = fd >= 0 && !fstat(fd, &st) && st.st_uid == uid;
	} else {
		return -ENOTTY;
	}
	if (fd < 0 || its)
		return fd;
	fd_close(&fd);
	return -EPERM;
}

static int vm_sit_down(struct vm_call *call, const char *name)
{
	struct vm_peer vm;
	char *where;
	bool taken;
	int ret = vm_find(call->dir, name, &vm);

	if (ret)
		return absent(call, name, ret);
	where = console_of(&vm, name, &taken);
	vm_peer_close(&vm);
	if (!where)
		return VM_REFUSED;
	if (taken)
		log_warn("VM '%s': somebody else is at the console; waiting", name);
	ret = open_console(where, vm.uid);
	if (ret == -ENOTTY)
		log_err("VM '%s': its console is '%s', where nobody can sit down "
			"(-serial unix:PATH, or pty)", name, where);
	else if (ret < 0)
		log_err_errno(-ret, "VM '%s': console '%s'", name, where);
	free(where);
	if (ret < 0)
		return VM_REFUSED;
	if (isatty(STDIN_FILENO))
		fprintf(stderr, "Console of '%s'; Ctrl-] leaves it.\n", name);
	ret = vm_console(ret);
	if (ret)
		log_err_errno(-ret, "VM '%s': console", name);
	return ret ? VM_REFUSED : VM_DONE;
}

/* End it at once, whether it hears or not. */
static bool vm_kill(struct vm_peer *vm, const char *name)
{
	json_t *ret = vm->answers ? ask(vm, name, "quit") : NULL;

	json_decref(ret);
	if (ret && vm_peer_wait(vm, VM_KILL_MS))
		return true;
	if (syscall(SYS_pidfd_send_signal, vm->pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH) {
		log_err_errno(errno, "VM '%s', process %ld", name, (long)vm->pid);
		return false;
	}
	return vm_peer_wait(vm, VM_KILL_MS);
}

/* Whether it stands still because it was saved. */
static bool vm_is_saved(struct vm_peer *vm, const char *name)
{
	json_t *ret = ask(vm, name, "query-status");
	bool saved = !strcmp(text_of(ret, "status"), "postmigrate");

	json_decref(ret);
	return saved;
}

/* Press the power button, of one that stands still, too; but a guest that was saved is not
 * to change what its disks had then. */
static bool vm_press(struct vm_peer *vm, const char *name)
{
	bool saved = vm->answers && vm_is_saved(vm, name);
	json_t *ready = ask(vm, name, saved ? "quit" : "cont"), *press = NULL;

	if (ready)
		press = saved ? json_incref(ready) : ask(vm, name, "system_powerdown");
	json_decref(ready);
	json_decref(press);
	return press;
}

static int vm_stop(struct vm_call *call, const char *name)
{
	struct vm_peer vm;
	int ret = vm_find(call->dir, name, &vm);
	bool gone;

	if (ret)
		return absent(call, name, ret);
	if (call->force) {
		gone = vm_kill(&vm, name);
	} else {
		gone = vm_press(&vm, name) && vm_peer_wait(&vm, (int)call->timeout_s * 1000);
		if (!gone && vm.answers)
			log_err("VM '%s': the guest has not powered off in %u seconds (--force "
				"ends the VM)", name, call->timeout_s);
	}
	vm_peer_close(&vm);
	return gone ? VM_DONE : VM_REFUSED;
}

/* The command line. */

static const struct vm_cmd {
	const char *name;
	const char *arg;	/* NULL: it takes none */
	const char *options;
	int (*run)(struct vm_call *call, const char *name);
	const char *help;
} vm_cmds[] = {
	{ "list", NULL, "j", vm_list, "the VMs that run" },
	{ "status", "NAME", "j", vm_status, "one of them" },
	{ "console", "NAME", "", vm_sit_down, "sit down at its serial console" },
	{ "stop", "NAME", "ft", vm_stop, "press its power button, and wait until it has ended" },
};

static const struct option vm_options[] = {
	{ "user", required_argument, NULL, 'u' },
	{ "json", no_argument, NULL, 'j' },
	{ "force", no_argument, NULL, 'f' },
	{ "timeout", required_argument, NULL, 't' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static void vm_usage(FILE *to)
{
	fputs("Usage: lanbox vm [OPTION...] SUBCOMMAND [NAME]\n"
	      "Running VMs by their names (lanbox-vmm -name).\n\n", to);
	for (size_t i = 0; i < ARRAY_SIZE(vm_cmds); i++)
		fprintf(to, "%s%s%s\n        %s\n", vm_cmds[i].name, vm_cmds[i].arg ? " " : "",
			vm_cmds[i].arg ? vm_cmds[i].arg : "", vm_cmds[i].help);
	fputs("\n"
	      "  -u, --user USER   the VMs of this user, as far as that is permitted\n"
	      "  --json            list, status: for programs\n"
	      "  -f, --force       stop: end the VM at once, without asking the guest\n"
	      "  -t, --timeout SECONDS\n"
	      "                    stop: how long to wait (60)\n"
	      "  -h, --help        this text\n\n"
	      "Ctrl-] leaves a console.\n"
	      "Exit status: 0 done, 1 not done, 2 wrong usage, 3 no such VM runs\n", to);
}

static int vm_run(struct vm_call *call, char **words, int count, const char *own)
{
	const struct vm_cmd *cmd = NULL;
	int ret;

	for (size_t i = 0; count && i < ARRAY_SIZE(vm_cmds); i++)
		if (!strcmp(words[0], vm_cmds[i].name))
			cmd = &vm_cmds[i];
	if (!cmd && count)
		log_err("there is no subcommand '%s' ('lanbox vm -h' shows all)", words[0]);
	else if (!cmd)
		log_err("a subcommand is missing ('lanbox vm -h' shows all)");
	else if (count != 1 + (cmd->arg != NULL))
		log_err("usage: lanbox vm %s%s%s", cmd->name, cmd->arg ? " " : "",
			cmd->arg ? cmd->arg : "");
	else if (own[strspn(own, cmd->options)])
		log_err("%s has no option %s", cmd->name, strchr(own, 'j') ? "--json" :
			strchr(own, 'f') ? "--force" : "--timeout");
	else {
		ret = vm_find_dir(call->user, call->dir);
		/* Without a folder nothing has ever run. */
		if (ret == -ENOENT && cmd->arg)
			return absent(call, words[1], ret);
		if (ret == -ENOENT)
			call->dir[0] = 0;
		else if (ret)
			return ret == -EINVAL ? VM_USAGE : VM_REFUSED;
		return cmd->run(call, words[1]);
	}
	return VM_USAGE;
}

int vm_main(int argc, char **argv)
{
	struct vm_call call = { .timeout_s = VM_TIMEOUT_S };
	unsigned int owns = 0;
	char own[8] = "";
	int c;

	while ((c = getopt_long(argc, argv, "hu:ft:", vm_options, NULL)) != -1) {
		if (c == 'h') {
			vm_usage(stdout);
			return VM_DONE;
		}
		if (c == 'u')
			call.user = optarg;
		else if (c == 'j')
			call.json = true;
		else if (c == 'f')
			call.force = true;
		else if (c != 't')
			return VM_USAGE;
		else if (!parse_uint(optarg, 0, VM_TIMEOUT_MAX, &call.timeout_s)) {
			log_err("--timeout '%s': must be a number of seconds from 0 to %u",
				optarg, VM_TIMEOUT_MAX);
			return VM_USAGE;
		}
		if (strchr("jft", c) && !strchr(own, c))
			own[owns++] = (char)c;
	}
	return vm_run(&call, argv + optind, argc - optind, own);
}
