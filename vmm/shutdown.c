/* SPDX-License-Identifier: BSD-2-Clause */
/* shutdown.c - Ending a VM from outside: asking the guest first, and not for ever */
#include "config.h"

#include "vmm/shutdown.h"

#include <signal.h>

#include "lib/log.h"
#include "vmm/gdb.h"
#include "vmm/power.h"
#include "vmm/save.h"
#include "vmm/vm.h"

static void shutdown_late_cb(struct ev_loop *loop, ev_timer *w UNUSED, int revents UNUSED)
{
	struct vm *vm = ev_userdata(loop);

	/* That is why it does not power off; shutdown_saved() goes on. */
	if (save_is_active(vm))
		return;
	log_warn("the guest has not powered off in %u seconds; the VM ends",
		 vm->opt->shutdown_timeout);
	vm_request_by(vm, VM_POWEROFF, VM_BY_SIGNAL);
}

void shutdown_init(struct shutdown *s)
{
	ev_timer_init(&s->patience, shutdown_late_cb, 0., 0.);
	s->asked = false;
}

void shutdown_cancel(struct vm *vm)
{
	ev_timer_stop(vm->loop, &vm->shutdown.patience);
}

/* Have the guest power off, but not for ever. */
static void shutdown_ask(struct vm *vm)
{
	struct shutdown *s = &vm->shutdown;

	log_info("asking the guest to power off; in %u seconds, or with another signal, "
		 "the VM ends", vm->opt->shutdown_timeout);
	ev_timer_stop(vm->loop, &s->patience);
	ev_timer_set(&s->patience, vm->opt->shutdown_timeout, 0.);
	ev_timer_start(vm->loop, &s->patience);
	/* A guest that stands still cannot do it. */
	gdb_let_go(vm->gdb);
	pause_end(vm);
	power_press(vm);
}

void shutdown_saved(struct vm *vm)
{
	if (!vm->shutdown.asked)
		return;
	if (save_is_done(vm))
		vm_request_by(vm, VM_POWEROFF, VM_BY_SIGNAL);
	else
		shutdown_ask(vm);
}

void shutdown_signal(struct vm *vm, int signum)
{
	struct shutdown *s = &vm->shutdown;

	/* Whoever ends a session sends SIGHUP beside SIGTERM: that is not a second
	 * wish. */
	if (s->asked && signum == SIGHUP)
		return;
	/* A guest that was saved is not to change what its disks had then. */
	if (s->asked || signum == SIGQUIT || !vm->opt->shutdown_timeout ||
	    !power_button_works(vm) || save_is_done(vm)) {
		vm_request_by(vm, VM_POWEROFF, VM_BY_SIGNAL);
		return;
	}
	s->asked = true;
	if (save_is_active(vm))
		log_info("the VM ends when it is saved, or with another signal");
	else
		shutdown_ask(vm);
}
