/* SPDX-License-Identifier: BSD-2-Clause */
/* vm.c - One virtual machine: making it, powering it on and off, ending it */
#include "config.h"

#include "vmm/vm.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "vmm/boot.h"
#include "vmm/control.h"
#include "vmm/errand.h"
#include "vmm/firmware.h"
#include "vmm/fwcfg.h"
#include "vmm/gdb.h"
#include "vmm/kvm.h"
#include "vmm/mac.h"
#include "vmm/monitor.h"
#include "vmm/power.h"
#include "vmm/ram.h"
#include "vmm/restart.h"
#include "vmm/save.h"
#include "vmm/serial.h"
#include "vmm/vcpu.h"
#include "vmm/virtio.h"
#include "vmm/virtio_balloon.h"
#include "vmm/virtio_blk.h"
#include "vmm/virtio_net.h"
#include "vmm/virtio_rng.h"
#include "vmm/virtio_vsock.h"

/* A VM that has not failed for so long has started. */
#define VM_SETTLED_S	0.1

/* The event loop holds the lock but while it sleeps. */

static void loop_release(struct ev_loop *loop)
{
	struct vm *vm = ev_userdata(loop);

	if (pace_sleep(&vm->pace, clock_us()))
		pace_obey(&vm->pace);
	pthread_mutex_unlock(&vm->lock);
}

static void loop_acquire(struct ev_loop *loop)
{
	struct vm *vm = ev_userdata(loop);

	pthread_mutex_lock(&vm->lock);
	pace_wake(&vm->pace, clock_us());
}

/* The vCPUs have run for a moment: the VM runs. */
static void settled_cb(struct ev_loop *loop UNUSED, ev_timer *w,
		       int revents UNUSED)
{
	struct vm *vm = container_of(w, struct vm, settled);

	vm->started(vm->started_ctx);
}

/* Woken by another thread: it may have an errand, or have asked for an end. */
static void wake_cb(struct ev_loop *loop, ev_async *w, int revents UNUSED)
{
	struct vm *vm = container_of(w, struct vm, wake);

	errand_do_all(vm);
	if (vm->request != VM_GO_ON)
		ev_break(loop, EVBREAK_ALL);
}

void vm_request_by(struct vm *vm, enum vm_request request, enum vm_cause cause)
{
	if (request > vm->request) {
		vm->request = request;
		vm->cause = cause;
	}
	ev_async_send(vm->loop, &vm->wake);
}

void vm_request(struct vm *vm, enum vm_request request)
{
	vm_request_by(vm, request, VM_BY_GUEST);
}

/* Power. */

static void vm_power_off(struct vm *vm)
{
	vcpu_destroy_all(vm);
	irq_power_off(&vm->irq);
	fd_close(&vm->fd);
}

static int vm_power_on(struct vm *vm)
{
	int ret;

	vm->request = VM_GO_ON;
	pause_power_on(&vm->pause);
	/* A switch may still be at work in the memory, and so may disks. */
	for (unsigned int i = 0; i < vm->opt->nics; i++)
		virtio_net_reset(vm->nics[i]);
	for (unsigned int i = 0; i < vm->opt->drives; i++)
		virtio_blk_reset(vm->disks[i]);
	ram_clear(vm);
	ret = kvm_machine_create(vm);
	if (ret)
		return ret;
	virtio_reset(vm->rng);
	virtio_balloon_reset(vm->balloon);
	virtio_vsock_reset(vm->vsock);
	pci_reset(&vm->pci);
	serial_reset(vm->serial);
	power_reset(&vm->power);
	cmos_reset(&vm->cmos, vm->low, vm->ram_size - vm->low, vm->opt->cpus);
	if (vm->firmware) {
		ret = firmware_load(vm);
		if (!ret)
			ret = firmware_power_on(vm);
	} else {
		ret = boot_load(vm);
	}
	if (!ret)
		ret = vcpu_create_all(vm);
	if (!ret && save_has_incoming(vm))
		ret = save_restore(vm);
	if (!ret)
		gdb_power_on(vm->gdb);
	return ret;
}

static double seconds(void)
{
	return (double)clock_ns() / 1e9;
}

/* What becomes of a guest whose run of @ran seconds has ended with a triple fault or a
 * reset. Return: exit status of the process, or -1 to start it again. */
static int vm_restart(const struct vm *vm, struct restart *row, double ran)
{
	bool fault = vm->request == VM_TRIPLE_FAULT, again;

	again = restart_again(row, fault ? RESTART_FAULT : vm->cause == VM_BY_GUEST ?
			      RESTART_GUEST : RESTART_OUTSIDE, ran);
	if (vm->opt->no_reboot && !fault)
		return VM_EXIT_OK;
	if (vm->opt->no_reboot || (!again && fault)) {
		log_err("triple fault: the guest's CPU found no way to handle a fault%s",
			vm->opt->no_reboot ? "" : ", again and again");
		return VM_EXIT_TRIPLE_FAULT;
	}
	if (!again) {
		log_err("the guest has restarted %d times in a row, each time within %d seconds; "
			"its console says why (-no-reboot ends it the first time)",
			RESTART_RESETS, RESTART_SHORT_S);
		return VM_EXIT_RESETS;
	}
	if (fault)
		log_warn("triple fault: the guest restarts");
	return -1;
}

int vm_start_threads(struct vm *vm)
{
	int ret = vcpu_start_threads(vm);

	if (!ret)
		ret = save_start_thread(vm->save);
	for (unsigned int i = 0; !ret && i < vm->opt->nics; i++)
		ret = virtio_net_start_threads(vm->nics[i]);
	for (unsigned int i = 0; !ret && i < vm->opt->drives; i++)
		ret = virtio_blk_start_threads(vm->disks[i]);
	return ret;
}

int vm_run(struct vm *vm, void (*started)(void *ctx), void *ctx)
{
	const char *word = host_word(&vm->host);
	struct restart row = { 0 };
	int status = -1;
	double begun;

	pthread_mutex_lock(&vm->lock);
	while (status < 0) {
		bool restored = save_has_incoming(vm);

		/* What is restored is a paused machine. */
		if (restored)
			pause_from_start(&vm->pause);
		if (vm_power_on(vm)) {
			vm_power_off(vm);
			status = VM_EXIT_STARTUP;
			break;
		}
		/* Once, and not of a VM that does not start. */
		if (word)
			log_warn("%s", word);
		word = NULL;
		claims_begin(vm, restored);
		vcpu_start_all(vm);
		if (started) {
			vm->started = started;
			vm->started_ctx = ctx;
			ev_timer_set(&vm->settled, VM_SETTLED_S, 0.);
			ev_timer_start(vm->loop, &vm->settled);
		}
		started = NULL;
		if (restored && !vm->opt->paused)
			pause_end(vm);
		begun = seconds();
		pace_wake(&vm->pace, clock_us());
		ev_run(vm->loop, 0);
		ev_timer_stop(vm->loop, &vm->settled);
		save_cancel(vm);
		vcpu_stop_all(vm);
		/* What the guest said comes before what is said of it. */
		serial_drain(vm->serial);
		claims_finish(vm, vm->request != VM_GO_ON && vm->request != VM_CRASHED &&
			      vm->cause == VM_BY_GUEST);
		vm_power_off(vm);
		switch (vm->request) {
		case VM_CRASHED:
			status = VM_EXIT_KVM;
			break;
		case VM_TRIPLE_FAULT:
		case VM_RESET:
			status = vm_restart(vm, &row, seconds() - begun);
			break;
		case VM_GO_ON:
		case VM_POWEROFF:
			status = VM_EXIT_OK;
			break;
		}
		if (status < 0)
			control_tell_reset(vm);
		else
			control_tell_shutdown(vm);
	}
	pthread_mutex_unlock(&vm->lock);
	return status;
}

/* Life. */

/* The address of a NIC, held so that no other running VM gets it. */
static int vm_take_mac(const struct vm *vm, unsigned int i, struct eth_addr *mac)
{
	const struct options_nic *nic = &vm->opt->nic[i];
	char text[ETH_ADDR_STR];
	int ret = 0;

	*mac = nic->mac;
	if (nic->mac_given || save_mac(vm, i, mac))
		ret = mac_hold(*mac, nic->netdev.sock);
	else
		ret = mac_take(vm->opt->mac_seed, i, nic->netdev.sock, mac);
	if (ret == -EADDRINUSE)
		log_err("MAC address %s: another running VM has it on network '%s'",
			eth_addr_format(*mac, text), nic->netdev.shown);
	else if (ret)
		log_err_errno(-ret, "MAC address of NIC %u", i + 1);
	return ret;
}

/* When firmware tries a disk: those with a bootindex by that, then CD-ROMs or all the
 * others, whatever -boot says, as they were given. */
static unsigned int vm_boot_rank(const struct options *opt, unsigned int i)
{
	if (opt->drive[i].bootindex >= 0)
		return (unsigned int)opt->drive[i].bootindex;
	return opt->drive[i].cdrom == opt->boot_cdrom ? UINT_MAX - 1 : UINT_MAX;
}

static void vm_order_disks(struct vm *vm)
{
	const struct options *opt = vm->opt;

	for (unsigned int i = 0; i < opt->drives; i++) {
		unsigned int place = 0;

		for (unsigned int j = 0; j < opt->drives; j++) {
			unsigned int a = vm_boot_rank(opt, j), b = vm_boot_rank(opt, i);

			place += a < b || (a == b && j < i);
		}
		vm->boot_disk[place] = virtio_blk_dev(vm->disks[i])->pci.slot;
	}
	vm->boot_disks = opt->drives;
}

static int vm_create_devices(struct vm *vm)
{
	struct eth_addr mac;
	int ret;

	ret = save_create(vm, &vm->save);
	if (!ret)
		ret = power_create(vm);
	if (!ret)
		ret = cmos_init(&vm->cmos, &vm->pio);
	if (!ret && vm->firmware)
		ret = fwcfg_create(vm, &vm->fwcfg);
	if (!ret)
		ret = pci_init(&vm->pci, &vm->pio, &vm->mmio, &vm->irq);
	if (!ret)
		ret = control_create(vm, &vm->control);
	if (!ret && vm->opt->monitor.kind != CHARDEV_NULL)
		ret = monitor_create(vm, &vm->opt->monitor, &vm->monitor);
	if (!ret && vm->opt->gdb.given)
		ret = gdb_create(vm, &vm->opt->gdb, &vm->gdb);
	if (!ret)
		ret = serial_create(vm, &vm->opt->serial, &vm->serial);
	for (unsigned int i = 0; !ret && i < vm->opt->nics; i++) {
		ret = vm_take_mac(vm, i, &mac);
		if (!ret)
			ret = virtio_net_create(vm, &vm->opt->nic[i], mac,
						&vm->nics[i]);
	}
	for (unsigned int i = 0; !ret && i < vm->opt->drives; i++)
		ret = virtio_blk_create(vm, &vm->opt->drive[i], &vm->disks[i]);
	if (!ret)
		vm_order_disks(vm);
	if (!ret)
		ret = virtio_rng_create(vm, &vm->rng);
	if (!ret && vm->opt->balloon)
		ret = virtio_balloon_create(vm, vm->opt->free_page_reporting, &vm->balloon);
	if (!ret && vm->opt->vsock)
		ret = virtio_vsock_create(vm, vm->opt->vsock_cid, vm->opt->vsock, &vm->vsock);
	return ret;
}

/* What to boot: a kernel, or a disk by firmware. */
static int vm_open_boot(struct vm *vm)
{
	return vm->opt->kernel ? boot_open(vm, &vm->boot) :
	       firmware_open(vm, &vm->firmware);
}

struct vm *vm_create(const struct options *opt, struct ev_loop *loop)
{
	struct vm *vm = calloc(1, sizeof(*vm));

	if (!vm)
		return NULL;
	vm->opt = opt;
	vm->fd = vm->kvm = vm->ram = vm->irq.vm = -1;
	pthread_mutex_init(&vm->lock, NULL);
	pthread_cond_init(&vm->moved, NULL);
	pause_init(&vm->pause, opt->paused);
	vm->loop = loop;
	ev_set_userdata(vm->loop, vm);
	ev_set_loop_release_cb(vm->loop, loop_release, loop_acquire);
	ev_async_init(&vm->wake, wake_cb);
	ev_async_start(vm->loop, &vm->wake);
	ev_timer_init(&vm->settled, settled_cb, VM_SETTLED_S, 0.);
	shutdown_init(&vm->shutdown);
	host_read(&vm->host, "");
	vm->kvm = kvm_open(&vm->host);
	if (vm->kvm < 0 || kvm_check_cpus(vm) || vcpu_check(vm) || vcpu_init_all(vm) ||
	    ram_create(vm) || vm_open_boot(vm) || vm_create_devices(vm)) {
		vm_destroy(vm);
		return NULL;
	}
	return vm;
}

void vm_destroy(struct vm *vm)
{
	if (!vm)
		return;
	gdb_destroy(vm->gdb);
	vcpu_end_all(vm);
	for (unsigned int i = 0; i < vm->opt->nics; i++)
		virtio_net_destroy(vm->nics[i]);
	for (unsigned int i = 0; i < vm->opt->drives; i++)
		virtio_blk_destroy(vm->disks[i]);
	virtio_rng_destroy(vm->rng);
	virtio_balloon_destroy(vm->balloon);
	virtio_vsock_destroy(vm->vsock);
	serial_destroy(vm->serial);
	monitor_destroy(vm->monitor);
	control_destroy(vm->control);
	save_destroy(vm->save);
	boot_close(vm->boot);
	fwcfg_destroy(vm->fwcfg);
	firmware_close(vm->firmware);
	ram_destroy(vm);
	fd_close(&vm->kvm);
	shutdown_cancel(vm);
	ev_async_stop(vm->loop, &vm->wake);
	pthread_cond_destroy(&vm->moved);
	pthread_mutex_destroy(&vm->lock);
	free(vm);
}
