/* SPDX-License-Identifier: BSD-2-Clause */
/* save.c - A running VM into a file, and out of it; the essay is in save.h */
#include "config.h"

#include "vmm/save.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "vmm/control.h"
#include "vmm/fwcfg.h"
#include "vmm/gdb.h"
#include "vmm/kvm_state.h"
#include "vmm/options.h"
#include "vmm/opener.h"
#include "vmm/pause.h"
#include "vmm/ram.h"
#include "vmm/serial.h"
#include "vmm/shutdown.h"
#include "vmm/state.h"
#include "vmm/thread.h"
#include "vmm/virtio.h"
#include "vmm/virtio_net.h"
#include "vmm/vm.h"

enum { MACHINE_VERSION = 1 };

#define SAVE_ENDING	".vm"

/** struct machine_state - What kind of machine it is */
struct machine_state {
	uint64_t ram;
	uint32_t cpus;
	uint32_t firmware;
};

/**
 * struct save - Saving and restoring
 * @status:	What became of the last saving
 * @path:	Its file
 * @why:	Why it failed
 * @resume:	The guest ran before
 * @frozen:	Devices are
 * @worker:	Writes, while @status is SAVE_ACTIVE
 * @ended:	It has
 * @over:	and @ret: how
 * @out:	Registers of vCPUs and devices; the worker's
 * @ram:	Memory; the worker only reads it
 * @progress:	How far the worker is
 * @begun:	Monotonic milliseconds
 * @took:	Milliseconds, when it is over
 * @incoming:	What is to be restored, its fd -1 if nothing is
 */
struct save {
	struct vm *vm;
	enum save_status status;
	char *path;
	char why[256];
	bool resume;
	bool frozen;
	struct worker worker;
	ev_async ended;
	bool over;
	int ret;
	struct state_out out;
	struct state_ram ram;
	struct state_progress progress;
	uint64_t begun;
	uint64_t took;
	struct state incoming;
};

/* Devices. */

static void freeze_all(struct vm *vm)
{
	for (unsigned int slot = 1; slot < PCI_SLOTS; slot++)
		if (virtio_at(vm, slot))
			virtio_freeze(virtio_at(vm, slot));
	vm->save->frozen = true;
}

static void thaw_all(struct vm *vm)
{
	for (unsigned int slot = 1; slot < PCI_SLOTS; slot++)
		if (virtio_at(vm, slot))
			virtio_thaw(virtio_at(vm, slot));
	vm->save->frozen = false;
}

/* Return: NULL, or which device cannot be saved, and why. */
static const char *unsaved(const struct vm *vm)
{
	for (unsigned int slot = 1; slot < PCI_SLOTS; slot++) {
		struct virtio_dev *dev = virtio_at(vm, slot);
		const char *why = dev && dev->ops->unsaved ? dev->ops->unsaved(dev) : NULL;

		if (why)
			return why;
	}
	return NULL;
}

/* Saving. */

static const char *collect(struct vm *vm, struct state_out *out)
{
	const struct machine_state machine = {
		.ram = vm->ram_size,
		.cpus = vm->opt->cpus,
		.firmware = vm->firmware != NULL,
	};
	const char *why;

	state_put(out, "machine", 0, MACHINE_VERSION, &machine, sizeof(machine));
	why = kvm_state_save(vm, out);
	if (why)
		return why;
	serial_save(vm->serial, out);
	cmos_save(&vm->cmos, out);
	if (vm->fwcfg)
		fwcfg_save(vm->fwcfg, out);
	pci_save(&vm->pci, out);
	for (unsigned int slot = 1; slot < PCI_SLOTS; slot++)
		if (virtio_at(vm, slot))
			virtio_save(virtio_at(vm, slot), out);
	return out->failed ? "there is no memory" : NULL;
}

static void save_job(void *ctx)
{
	struct save *save = ctx;

	save->ret = state_write(save->path, &save->out, &save->ram, &save->progress);
	__atomic_store_n(&save->over, true, __ATOMIC_RELEASE);
	ev_async_send(save->vm->loop, &save->ended);
}

/* It is over: with an error, or 0. */
static void save_end(struct save *save, int ret)
{
	save->took = clock_ms() - save->begun;
	save->status = !ret ? SAVE_COMPLETED : ret == -ECANCELED ? SAVE_CANCELLED : SAVE_FAILED;
	state_out_free(&save->out);
	if (save->status == SAVE_FAILED) {
		if (ret == -EEXIST)
			snprintf(save->why, sizeof(save->why), "what is there is no file");
		else
			snprintf(save->why, sizeof(save->why), "%s", strerror(-ret));
		log_err("'%s': the VM cannot be saved there: %s", save->path, save->why);
	}
	control_tell_migration(save->vm, save_word(save->status));
}

/* Wait for the worker. */
static void save_settle(struct save *save)
{
	worker_wait(&save->worker);
	save_end(save, save->ret);
}

static void save_ended_cb(struct ev_loop *loop UNUSED, ev_async *w, int revents UNUSED)
{
	struct save *save = container_of(w, struct save, ended);

	/* What was cancelled is over before we get to hear of it. */
	if (save->status != SAVE_ACTIVE || !__atomic_load_n(&save->over, __ATOMIC_ACQUIRE))
		return;
	save_settle(save);
	if (save->status != SAVE_COMPLETED && save->resume)
		pause_end(save->vm);
	shutdown_saved(save->vm);
}

/* Nothing has come of it. Return: @why. */
static const char *save_undo(struct save *save, const char *why)
{
	state_out_free(&save->out);
	if (save->resume)
		pause_end(save->vm);
	return why;
}

const char *save_begin(struct vm *vm, const char *path)
{
	struct save *save = vm->save;
	const char *why;
	char *copy;

	if (save->status == SAVE_ACTIVE)
		return "the VM is being saved already";
	if (gdb_in_memory(vm->gdb))
		return "a debugger's breakpoints are in its memory";
	why = opener_save_refusal(path);
	if (!why)
		why = unsaved(vm);
	if (why)
		return why;
	copy = strdup(path);
	if (!copy)
		return "there is no memory";
	free(save->path);
	save->path = copy;
	save->why[0] = 0;
	save->begun = clock_ms();
	save->over = false;
	save->progress = (struct state_progress){ .cancel = false };
	save->ram = (struct state_ram){ vm->ram, vm->ram_host, vm->ram_size };
	save->resume = !vm->pause.people;
	pause_begin(vm);
	freeze_all(vm);
	/* Disks have made safe what they had, or not. */
	why = unsaved(vm);
	if (!why)
		why = collect(vm, &save->out);
	if (why)
		return save_undo(save, why);
	worker_give(&save->worker, save_job, save);
	save->status = SAVE_ACTIVE;
	control_tell_migration(vm, save_word(save->status));
	return NULL;
}

void save_abort(struct vm *vm)
{
	__atomic_store_n(&vm->save->progress.cancel, true, __ATOMIC_RELAXED);
}

void save_cancel(struct vm *vm)
{
	if (!vm->save)
		return;
	if (vm->save->status == SAVE_ACTIVE) {
		save_abort(vm);
		save_settle(vm->save);
	}
	vm->save->frozen = false;
}

void save_release(struct vm *vm)
{
	bool frozen = vm->save && vm->save->frozen;

	save_cancel(vm);
	if (frozen)
		thaw_all(vm);
}

const char *save_word(enum save_status status)
{
	static const char *const words[] = {
		[SAVE_NONE] = "none", [SAVE_ACTIVE] = "active",
		[SAVE_COMPLETED] = "completed", [SAVE_FAILED] = "failed",
		[SAVE_CANCELLED] = "cancelled",
	};

	return words[status];
}

struct save_info save_info(const struct vm *vm)
{
	const struct save *save = vm->save;

	return (struct save_info){
		.status = save->status,
		.path = save->path,
		.why = save->why[0] ? save->why : NULL,
		.total = save->ram.size,
		.pages = __atomic_load_n(&save->progress.pages, __ATOMIC_RELAXED),
		.done = __atomic_load_n(&save->progress.done, __ATOMIC_RELAXED),
		.ms = save->status == SAVE_ACTIVE ? clock_ms() - save->begun : save->took,
	};
}

bool save_is_active(const struct vm *vm)
{
	return vm->save && vm->save->status == SAVE_ACTIVE;
}

bool save_is_done(const struct vm *vm)
{
	return vm->save && vm->save->frozen && vm->save->status == SAVE_COMPLETED;
}

/* Restoring. */

/* Whether the file's machine is the one that was asked for. */
static const char *check_machine(const struct vm *vm, const struct state *s)
{
	const struct machine_state *m = state_get(s, "machine", 0, MACHINE_VERSION, sizeof(*m));
	static char why[128];

	if (!m)
		return "it makes no sense (the machine)";
	if (m->ram != vm->opt->ram)
		snprintf(why, sizeof(why), "it has %llu MiB of RAM (-m), not %llu",
			 (unsigned long long)m->ram >> 20,
			 (unsigned long long)vm->opt->ram >> 20);
	else if (m->cpus != vm->opt->cpus)
		snprintf(why, sizeof(why), "it has %u CPUs (-smp), not %u", m->cpus,
			 vm->opt->cpus);
	else if (m->firmware && vm->opt->kernel)
		return "it was booted from a disk, not with -kernel";
	else if (!m->firmware && !vm->opt->kernel)
		return "it was booted with -kernel, not from a disk";
	else
		return NULL;
	return why;
}

static int refuse(const char *path, const char *why)
{
	log_err("'%s': the VM cannot be restored: %s", path, why);
	return -EINVAL;
}

/* Without a sandbox it may be saved wherever the user may write. In one, and if nobody says
 * where: in the folder that we were started in, under a name that no other program makes
 * anything of. */
static int save_prepare(const struct options *opt)
{
	char here[PATH_MAX];
	int ret;

	if (opt->save_dir) {
		ret = opener_may_save(opt->save_dir, NULL);
		if (ret < 0)
			log_err_errno(-ret, "-save-dir '%s'", opt->save_dir);
	} else if (!opt->sandbox) {
		ret = opener_may_save("/", NULL);
	} else {
		/* It need not be there any more. */
		ret = getcwd(here, sizeof(here)) ? opener_may_save(here, SAVE_ENDING) : 0;
		ret = MAX(ret, 0);
	}
	return MIN(ret, 0);
}

int save_create(struct vm *vm, struct save **out)
{
	struct save *save = calloc(1, sizeof(*save));
	const char *why = NULL;
	int ret;

	if (!save)
		return -ENOMEM;
	save->vm = vm;
	save->incoming.fd = -1;
	if (vm->opt->incoming)
		why = state_open(&save->incoming, vm->opt->incoming);
	if (!why && vm->opt->incoming)
		why = check_machine(vm, &save->incoming);
	ev_async_init(&save->ended, save_ended_cb);
	ev_async_start(vm->loop, &save->ended);
	*out = save;
	ret = save_prepare(vm->opt);
	if (ret)
		return ret;
	return why ? refuse(vm->opt->incoming, why) : 0;
}

int save_start_thread(struct save *save)
{
	int ret = worker_start(&save->worker, SECCOMP_SAVE, "lanbox-save");

	if (ret)
		log_err_errno(-ret, "cannot start a thread for saving the VM");
	return ret;
}

void save_destroy(struct save *save)
{
	if (!save)
		return;
	worker_end(&save->worker);
	ev_async_stop(save->vm->loop, &save->ended);
	state_close(&save->incoming);
	free(save->path);
	free(save);
}

bool save_mac(const struct vm *vm, unsigned int i, struct eth_addr *mac)
{
	const struct eth_addr *saved;

	/* NICs are the first devices on the bus. */
	if (!save_has_incoming(vm))
		return false;
	saved = virtio_net_saved_mac(&vm->save->incoming, i + 1);
	if (saved)
		*mac = *saved;
	return saved && !eth_addr_is_group(*saved) && !eth_addr_is_zero(*saved);
}

bool save_has_incoming(const struct vm *vm)
{
	return vm->save && vm->save->incoming.fd >= 0;
}

static const char *load(struct vm *vm, const struct state *s)
{
	const struct state_ram ram = { vm->ram, vm->ram_host, vm->ram_size };
	const char *why;

	ram_clear(vm);
	why = state_read_ram(s, &ram);
	/* vCPUs come before whatever may interrupt them. */
	if (!why)
		why = kvm_state_load(vm, s);
	if (!why)
		why = serial_load(vm->serial, s);
	if (!why)
		why = cmos_load(&vm->cmos, s);
	if (!why && vm->fwcfg)
		why = fwcfg_load(vm->fwcfg, s);
	if (!why)
		why = pci_load(&vm->pci, s);
	for (unsigned int slot = 1; !why && slot < PCI_SLOTS; slot++)
		if (virtio_at(vm, slot))
			why = virtio_load(virtio_at(vm, slot), s);
	return why;
}

int save_restore(struct vm *vm)
{
	struct save *save = vm->save;
	const char *why = load(vm, &save->incoming);

	save->frozen = true;
	vm->pause.begun = true;
	state_close(&save->incoming);
	return why ? refuse(save->incoming.path, why) : 0;
}
