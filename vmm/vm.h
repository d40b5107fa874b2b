/* SPDX-License-Identifier: BSD-2-Clause */
/* vm.h - One virtual machine: what it is made of, and who may touch what when
 *
 * DOC: Theory of operation
 *
 * A process is one VM. The main thread runs the event loop and in it all device
 * back ends; each vCPU is a thread that sits in KVM_RUN and comes out for
 * registers of devices. All device state is guarded by vm->lock: the event loop
 * holds it whenever a callback runs and lets go of it while it sleeps; a vCPU
 * takes it for each register access. What an access begins or ends outside of the VM is
 * done by the main thread (errand.h). The data path of a NIC needs neither a
 * vCPU nor its exits: kicks arrive as ioeventfds in the event loop, interrupts
 * leave as irqfds.
 *
 * Powering on makes a new KVM machine around the same memory and devices, and
 * powering off destroys it; a reset is the one after the other. So a guest that
 * reboots finds everything as a cold boot would leave it, and there is no list
 * of registers that a reset might have forgotten.
 *
 * A vCPU that wants the machine to end or restart calls vm_request(); the event
 * loop ends and vm_run() does what was asked. People and programs do the same through
 * vm_request_by().
 */
#ifndef VMM_VM_H
#define VMM_VM_H

#include <ev.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/guestmem.h"
#include "lib/pace.h"
#include "vmm/bus.h"
#include "vmm/claims.h"
#include "vmm/cmos.h"
#include "vmm/host.h"
#include "vmm/irq.h"
#include "vmm/options.h"
#include "vmm/pause.h"
#include "vmm/pci.h"
#include "vmm/power.h"
#include "vmm/shutdown.h"

struct boot_image;
struct control;
struct errand;
struct firmware;
struct fwcfg;
struct gdb;
struct monitor;
struct save;
struct serial;
struct vcpu;
struct virtio_balloon;
struct virtio_blk;
struct virtio_dev;
struct virtio_net;
struct virtio_vsock;

/* Exit status of the process. */
enum {
	VM_EXIT_OK = 0,			/* the guest powered off, or was told to */
	VM_EXIT_STARTUP = 1,		/* could not start */
	VM_EXIT_USAGE = 2,		/* the command line makes no sense */
	VM_EXIT_KVM = 3,		/* KVM could not run the guest */
	VM_EXIT_TRIPLE_FAULT = 4,	/* the guest crashed, again and again */
	VM_EXIT_RESETS = 5,		/* the guest restarted, again and again */
	VM_EXIT_SANDBOX = 6,		/* a system call that the sandbox forbids */
};

/** enum vm_request - What should become of the machine, the strongest last */
enum vm_request {
	VM_GO_ON,
	VM_RESET,
	VM_TRIPLE_FAULT,
	VM_POWEROFF,
	VM_CRASHED,
};

/** enum vm_cause - Who wants it */
enum vm_cause {
	VM_BY_GUEST,
	VM_BY_SIGNAL,
	VM_BY_CONSOLE,			/* a key on the serial console's terminal */
	VM_BY_COMMAND,			/* of the control socket or the monitor */
};

/**
 * struct vm - A virtual machine
 * @opt:	What the command line asks for, borrowed
 * @loop:	Event loop of the main thread
 * @lock:	Guards all device state, and the event loop's watchers
 * @wake:	Makes the event loop notice what another thread changed
 * @pace:	Whether the event loop is in a hurry
 * @host:	What the host is like, read at the start
 * @kvm:	/dev/kvm
 * @fd:		The KVM machine, -1 while powered off
 * @ram:	File that guest memory is
 * @ram_size:	Its bytes
 * @ram_host:	Its mapping
 * @ram_used:	There may be something in it
 * @ram_reserved: Its pages are set aside by the host, and not to be given back
 * @low:	Bytes of RAM below 4 GiB
 * @mem:	Guest memory table
 * @pio:	I/O ports
 * @mmio:	Memory-mapped registers
 * @irq:	Interrupt routing
 * @pci:	PCI bus
 * @serial:	COM1
 * @control:	Control sockets
 * @monitor:	Monitor of its own, or NULL
 * @gdb:	Where a debugger comes in, or NULL
 * @nics:	Network devices, opt->nics of them
 * @disks:	Disks, opt->drives of them
 * @rng:	Entropy device
 * @balloon:	Memory balloon, or NULL
 * @vsock:	Streams to the host, or NULL
 * @cmos:	Clock
 * @power:	Power button
 * @fwcfg:	What firmware may know
 * @boot:	Kernel and initrd, NULL where a disk is booted
 * @firmware:	What boots it, NULL where a kernel is booted
 * @boot_disk:	PCI slots of the disks to try, in order; @boot_disks of them
 * @pid:	Number of the process
 * @vcpus:	opt->cpus of them, their KVM parts only while powered on
 * @claims:	See claims.h
 * @settled:	Ends the first moments of running: calls @started
 * @started:	See vm_run()
 * @pause:	See pause.h
 * @save:	See save.h
 * @shutdown:	See shutdown.h
 * @stopping:	vCPUs are to leave KVM_RUN until the machine is powered on again
 * @moved:	Signalled when a vCPU's thread has come to a halt, is to go on, or waits for an
 *		errand or has had it done
 * @errands:	What vCPUs wait for; see errand.h
 * @request:	See vm_request()
 * @cause:	Whose request it is
 */
struct vm {
	const struct options *opt;
	struct ev_loop *loop;
	pthread_mutex_t lock;
	ev_async wake;
	struct pace pace;
	struct host host;
	int kvm;
	int fd;
	int ram;
	uint64_t ram_size;
	uint8_t *ram_host;
	bool ram_used;
	bool ram_reserved;
	uint64_t low;
	struct guestmem mem;
	struct bus pio;
	struct bus mmio;
	struct irq irq;
	struct pci_bus pci;
	struct serial *serial;
	struct control *control;
	struct monitor *monitor;
	struct gdb *gdb;
	struct virtio_net *nics[OPTIONS_NICS_MAX];
	struct virtio_blk *disks[OPTIONS_DRIVES_MAX];
	struct virtio_dev *rng;
	struct virtio_balloon *balloon;
	struct virtio_vsock *vsock;
	struct cmos cmos;
	struct power power;
	struct fwcfg *fwcfg;
	struct boot_image *boot;
	struct firmware *firmware;
	unsigned int boot_disk[OPTIONS_DRIVES_MAX];
	unsigned int boot_disks;
	pid_t pid;
	struct vcpu *vcpus;
	struct claims claims;
	ev_timer settled;
	void (*started)(void *ctx);
	void *started_ctx;
	struct pause pause;
	struct save *save;
	struct shutdown shutdown;
	bool stopping;
	pthread_cond_t moved;
	struct errand *errands;
	enum vm_request request;
	enum vm_cause cause;
};

/**
 * vm_create() - Everything but the KVM machine: memory, files, devices, plugs
 * @opt:	Options, borrowed until vm_destroy()
 * @loop:	Event loop, too; its user data and callbacks are the VM's
 *
 * Every failure is logged, naming the object. Return: the VM, or NULL with
 * nothing left behind
 */
struct vm *vm_create(const struct options *opt, struct ev_loop *loop);

/**
 * vm_start_threads() - Make all threads that the VM will ever have, each confined
 * @vm:		Machine
 *
 * Once, before the main thread is confined and vm_run(). Failures are logged.
 *
 * Return: 0 or -errno
 */
int vm_start_threads(struct vm *vm) MUST_CHECK;

/**
 * vm_run() - Power on, and stay until the machine ends
 * @vm:		Machine
 * @started:	Called once, when the vCPUs have run for a moment without a failure
 * @ctx:	Passed to it
 *
 * Return: exit status of the process, VM_EXIT_*
 */
int vm_run(struct vm *vm, void (*started)(void *ctx), void *ctx);

/* NULL is fine. */
void vm_destroy(struct vm *vm);

/* Ask for an end or a restart, from any thread holding vm->lock; the strongest
 * request wins. The first is the guest's way. */
void vm_request(struct vm *vm, enum vm_request request);
void vm_request_by(struct vm *vm, enum vm_request request, enum vm_cause cause);

#endif /* VMM_VM_H */
