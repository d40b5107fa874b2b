/* SPDX-License-Identifier: BSD-2-Clause */
/* control.c - Control sockets: the commands of QEMU's QMP that people script */
#include "config.h"

#include "vmm/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "lib/qmp.h"
#include "lib/qmp_args.h"
#include "lib/rundir.h"
#include "vmm/blockinfo.h"
#include "vmm/gdb.h"
#include "vmm/monitor.h"
#include "vmm/opener.h"
#include "vmm/pause.h"
#include "vmm/power.h"
#include "vmm/save.h"
#include "vmm/serial.h"
#include "vmm/state.h"
#include "vmm/vcpu.h"
#include "vmm/virtio_balloon.h"
#include "vmm/vm.h"

/**
 * struct control - The sockets
 * @asked:	Where each -qmp says
 * @named:	In the folder of running VMs, or NULL
 * @path:	Its path
 */
struct control {
	const struct vm *vm;
	struct qmp_server *asked[OPTIONS_QMP_MAX];
	struct qmp_server *named;
	char path[RUNDIR_PATH];
};

/* Questions. */

static json_t *query_status(void *ctx, struct qmp_conn *conn UNUSED, json_t *args UNUSED,
			    struct qmp_error *err UNUSED)
{
	const struct vm *vm = ctx;

	return json_pack("{s:s,s:b,s:b}", "status", pause_word(vm), "singlestep", 0,
			 "running", !vm->pause.on);
}

static json_t *query_name(void *ctx, struct qmp_conn *conn UNUSED, json_t *args UNUSED,
			  struct qmp_error *err UNUSED)
{
	const struct vm *vm = ctx;

	return vm->opt->named ? json_pack("{s:o}", "name", qmp_text(vm->opt->name)) :
	       json_object();
}

static json_t *query_version(void *ctx UNUSED, struct qmp_conn *conn UNUSED,
			     json_t *args UNUSED, struct qmp_error *err UNUSED)
{
	return qmp_version();
}

static json_t *query_cpus(void *ctx, struct qmp_conn *conn UNUSED, json_t *args UNUSED,
			  struct qmp_error *err UNUSED)
{
	const struct vm *vm = ctx;
	json_t *list = json_array();

	for (unsigned int i = 0; vm->vcpus && i < vm->opt->cpus; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/machine/unattached/device[%u]", i);
		json_array_append_new(list, json_pack(
			"{s:i,s:{s:i,s:i,s:i},s:s,s:i,s:s}", "thread-id",
			(int)__atomic_load_n(&vm->vcpus[i].tid, __ATOMIC_RELAXED),
			"props", "core-id", (int)i, "thread-id", 0, "socket-id", 0,
			"qom-path", path, "cpu-index", (int)i, "target", "x86_64"));
	}
	return list;
}

static json_t *query_kvm(void *ctx UNUSED, struct qmp_conn *conn UNUSED,
			 json_t *args UNUSED, struct qmp_error *err UNUSED)
{
	return json_pack("{s:b,s:b}", "enabled", 1, "present", 1);
}

static json_t *query_uuid(void *ctx, struct qmp_conn *conn UNUSED, json_t *args UNUSED,
			  struct qmp_error *err UNUSED)
{
	const struct vm *vm = ctx;

	return json_pack("{s:s}", "UUID", vm->opt->uuid);
}

static json_t *query_target(void *ctx UNUSED, struct qmp_conn *conn UNUSED,
			    json_t *args UNUSED, struct qmp_error *err UNUSED)
{
	return json_pack("{s:s}", "arch", "x86_64");
}

static json_t *query_memory(void *ctx, struct qmp_conn *conn UNUSED, json_t *args UNUSED,
			    struct qmp_error *err UNUSED)
{
	const struct vm *vm = ctx;

	return json_pack("{s:I,s:i}", "base-memory", (json_int_t)vm->opt->ram,
			 "plugged-memory", 0);
}

static json_t *query_block(void *ctx, struct qmp_conn *conn UNUSED, json_t *args UNUSED,
			   struct qmp_error *err UNUSED)
{
	return blockinfo_json(ctx);
}

static void add_chardev(json_t *list, const char *label, const char *filename)
{
	json_array_append_new(list, json_pack("{s:b,s:o,s:s}", "frontend-open", 1,
					      "filename", qmp_text(filename),
					      "label", label));
}

static json_t *query_chardev(void *ctx, struct qmp_conn *conn UNUSED, json_t *args UNUSED,
			     struct qmp_error *err UNUSED)
{
	const struct vm *vm = ctx;
	json_t *list = json_array();
	char buf[CHARDEV_FILENAME];

	if (vm->monitor)
		add_chardev(list, "compat_monitor0", monitor_filename(vm->monitor, buf));
	add_chardev(list, "serial0", serial_filename(vm->serial, buf));
	return list;
}

/* Deeds. */

static json_t *run_stop(void *ctx, struct qmp_conn *conn UNUSED, json_t *args UNUSED,
			struct qmp_error *err UNUSED)
{
	pause_begin(ctx);
	return json_object();
}

static json_t *run_cont(void *ctx, struct qmp_conn *conn UNUSED, json_t *args UNUSED,
			struct qmp_error *err)
{
	if (save_info(ctx).status == SAVE_ACTIVE)
		return qmp_fail(err, "The VM is being saved (migrate_cancel ends that)");
	pause_end(ctx);
	if (gdb_holds(ctx))
		return qmp_fail(err, GDB_HOLDS);
	return json_object();
}

static json_t *run_migrate(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			   struct qmp_error *err)
{
	const char *uri = "", *why;
	bool detach = false;

	if (!qmp_arg_text(args, "uri", &uri, err) ||
	    !qmp_arg_bool(args, "detach", &detach, err))
		return NULL;
	if (strncmp(uri, "file:/", 6))
		return qmp_fail(err, "Parameter 'uri' expects file:/PATH");
	why = save_begin(ctx, uri + 5);
	return why ? qmp_fail(err, "'%s': the VM cannot be saved: %s", uri + 5, why) :
	       json_object();
}

static json_t *run_migrate_cancel(void *ctx, struct qmp_conn *conn UNUSED,
				  json_t *args UNUSED, struct qmp_error *err UNUSED)
{
	if (save_info(ctx).status == SAVE_ACTIVE)
		save_abort(ctx);
	return json_object();
}

static json_t *query_migrate(void *ctx, struct qmp_conn *conn UNUSED, json_t *args UNUSED,
			     struct qmp_error *err UNUSED)
{
	const struct save_info i = save_info(ctx);
	json_t *v;

	if (i.status == SAVE_NONE)
		return json_object();
	v = json_pack("{s:s,s:I,s:{s:I,s:I,s:I,s:I,s:I,s:I}}", "status",
		      save_word(i.status), "total-time", (json_int_t)i.ms, "ram",
		      "total", (json_int_t)i.total,
		      "transferred", (json_int_t)(i.done * STATE_PAGE),
		      "remaining", (json_int_t)((i.pages - i.done) * STATE_PAGE),
		      "normal", (json_int_t)i.done,
		      "duplicate", (json_int_t)(i.total / STATE_PAGE - i.pages),
		      "page-size", (json_int_t)STATE_PAGE);
	if (i.why)
		json_object_set_new(v, "error-desc", qmp_text(i.why));
	return v;
}

static json_t *run_powerdown(void *ctx, struct qmp_conn *conn UNUSED, json_t *args UNUSED,
			     struct qmp_error *err UNUSED)
{
	power_press(ctx);
	return json_object();
}

static json_t *run_reset(void *ctx, struct qmp_conn *conn UNUSED, json_t *args UNUSED,
			 struct qmp_error *err UNUSED)
{
	vm_request_by(ctx, VM_RESET, VM_BY_COMMAND);
	return json_object();
}

static json_t *run_quit(void *ctx, struct qmp_conn *conn UNUSED, json_t *args UNUSED,
			struct qmp_error *err UNUSED)
{
	vm_request_by(ctx, VM_POWEROFF, VM_BY_COMMAND);
	return json_object();
}

static json_t *no_balloon(struct qmp_error *err)
{
	qmp_fail(err, "No balloon device has been activated");
	err->class = "DeviceNotActive";
	return NULL;
}

static json_t *query_balloon(void *ctx, struct qmp_conn *conn UNUSED, json_t *args UNUSED,
			     struct qmp_error *err)
{
	const struct vm *vm = ctx;

	return vm->balloon ? json_pack("{s:I}", "actual", (json_int_t)
				       virtio_balloon_actual(vm->balloon)) : no_balloon(err);
}

static json_t *run_balloon(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			   struct qmp_error *err)
{
	const json_t *value = json_object_get(args, "value");
	const struct vm *vm = ctx;

	if (!json_is_integer(value) || json_integer_value(value) <= 0)
		return qmp_fail(err, "Parameter 'value' expects a size");
	if (!vm->balloon)
		return no_balloon(err);
	virtio_balloon_want(vm->balloon, (uint64_t)json_integer_value(value));
	return json_object();
}

/* Lines end as they do on a terminal. Return: a JSON string, or NULL. */
static json_t *terminal_text(const char *text)
{
	char *out = malloc(2 * strlen(text) + 1), *p = out;
	json_t *v;

	if (!out)
		return NULL;
	for (; *text; text++) {
		if (*text == '\n')
			*p++ = '\r';
		*p++ = *text;
	}
	*p = 0;
	v = qmp_text(out);
	free(out);
	return v;
}

static json_t *run_monitor(void *ctx, struct qmp_conn *conn UNUSED, json_t *args,
			   struct qmp_error *err)
{
	const char *line = "";
	json_t *ret = NULL;
	char *text = NULL;
	size_t size;
	FILE *to;

	if (!qmp_arg_text(args, "command-line", &line, err))
		return NULL;
	to = open_memstream(&text, &size);
	if (!to)
		return NULL;
	monitor_run(ctx, line, to);
	if (!fclose(to))
		ret = terminal_text(text);
	free(text);
	return ret;
}

static const struct qmp_command control_commands[] = {
	{ "query-status", NULL, query_status },
	{ "query-name", NULL, query_name },
	{ "query-version", NULL, query_version },
	{ "query-cpus-fast", NULL, query_cpus },
	{ "query-kvm", NULL, query_kvm },
	{ "query-uuid", NULL, query_uuid },
	{ "query-target", NULL, query_target },
	{ "query-memory-size-summary", NULL, query_memory },
	{ "query-block", NULL, query_block },
	{ "query-chardev", NULL, query_chardev },
	{ "query-balloon", NULL, query_balloon },
	{ "balloon", "value", run_balloon },
	{ "stop", NULL, run_stop },
	{ "cont", NULL, run_cont },
	{ "migrate", "uri detach?", run_migrate },
	{ "migrate_cancel", NULL, run_migrate_cancel },
	{ "query-migrate", NULL, query_migrate },
	{ "system_powerdown", NULL, run_powerdown },
	{ "system_reset", NULL, run_reset },
	{ "quit", NULL, run_quit },
	{ "human-monitor-command", "command-line cpu-index?", run_monitor },
	{ NULL, NULL, NULL },
};

/* Events. */

static void control_send(struct control *c, const char *event, json_t *data)
{
	for (unsigned int i = 0; c && i < c->vm->opt->qmps; i++)
		if (c->asked[i])
			qmp_broadcast(c->asked[i], event, json_incref(data));
	if (c && c->named)
		qmp_broadcast(c->named, event, json_incref(data));
	json_decref(data);
}

void control_tell(struct control *c, const char *event)
{
	control_send(c, event, json_null());
}

void control_tell_migration(struct vm *vm, const char *status)
{
	control_send(vm->control, "MIGRATION", json_pack("{s:s}", "status", status));
}

static const char *control_reason(const struct vm *vm)
{
	switch (vm->cause) {
	case VM_BY_SIGNAL:
		return "host-signal";
	case VM_BY_CONSOLE:
		return "host-ui";
	case VM_BY_COMMAND:
		return vm->request == VM_RESET ? "host-qmp-system-reset" : "host-qmp-quit";
	case VM_BY_GUEST:
		break;
	}
	return vm->request == VM_CRASHED ? "host-error" :
	       vm->request == VM_POWEROFF ? "guest-shutdown" : "guest-reset";
}

static void control_tell_why(const struct vm *vm, const char *event)
{
	bool guest = vm->cause == VM_BY_GUEST && vm->request != VM_CRASHED;

	control_send(vm->control, event, json_pack("{s:b,s:s}", "guest", guest, "reason",
						   control_reason(vm)));
}

void control_tell_reset(struct vm *vm)
{
	control_tell_why(vm, "RESET");
}

void control_tell_shutdown(struct vm *vm)
{
	control_tell_why(vm, "SHUTDOWN");
}

/* Sockets. */

static int control_listen(struct vm *vm, const char *path, struct qmp_server **out)
{
	int ret = qmp_server_create(vm->loop, path, 0600, (gid_t)-1, control_commands, vm,
				    out);

	if (ret)
		return ret;
	qmp_server_as_qemu(*out);
	if (opener_may_remove(path) < 0)
		log_debug("control socket '%s' will be left behind", path);
	return 0;
}

/* Where 'lanbox vm' looks for the VM. Nobody has asked for this one: a VM that cannot
 * have it runs all the same. */
static void control_listen_named(struct control *c, struct vm *vm)
{
	const char *name = vm->opt->name;
	char dir[RUNDIR_PATH];
	int lock, ret;

	if (!rundir_name_fits(name)) {
		log_warn("the name '%s' cannot be that of a file: 'lanbox vm' does not find "
			 "this VM", name);
		return;
	}
	ret = rundir_make(dir);
	if (!ret)
		ret = rundir_socket(dir, name, RUNDIR_CONTROL, c->path);
	if (!ret) {
		lock = rundir_lock(dir);
		ret = control_listen(vm, c->path, &c->named);
		fd_close(&lock);
	}
	if (ret == -EADDRINUSE)
		log_warn("another VM with the name '%s' runs: 'lanbox vm' finds only that one",
			 name);
	else if (ret)
		log_warn_errno(-ret, "'%s': 'lanbox vm' does not find this VM", dir);
}

int control_create(struct vm *vm, struct control **out)
{
	struct control *c = calloc(1, sizeof(*c));
	int ret = 0;

	if (!c)
		return -ENOMEM;
	c->vm = vm;
	for (unsigned int i = 0; !ret && i < vm->opt->qmps; i++) {
		ret = control_listen(vm, vm->opt->qmp[i], &c->asked[i]);
		if (ret)
			log_err_errno(-ret, "-qmp '%s'", vm->opt->qmp[i]);
	}
	if (ret) {
		control_destroy(c);
		return ret;
	}
	if (vm->opt->named)
		control_listen_named(c, vm);
	*out = c;
	return 0;
}

/* As long as we listen, nobody else takes the name. */
static void control_close(struct qmp_server *srv, const char *path)
{
	if (!srv)
		return;
	opener_remove(path);
	qmp_server_destroy(srv);
}

void control_destroy(struct control *c)
{
	if (!c)
		return;
	for (unsigned int i = 0; i < c->vm->opt->qmps; i++)
		control_close(c->asked[i], c->vm->opt->qmp[i]);
	control_close(c->named, c->path);
	free(c);
}
