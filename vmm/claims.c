/* SPDX-License-Identifier: BSD-2-Clause */
/* claims.c - Devices that the guest never makes its own: when to say so, and what */
#include "config.h"

#include "vmm/claims.h"

#include <linux/virtio_ids.h>
#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "vmm/serial.h"
#include "vmm/virtio.h"
#include "vmm/vm.h"

/* When. */

static bool good_sign(const struct claims_signs *s)
{
	return s->os || (!s->firmware && s->status);
}

static bool weak_sign(const struct claims_signs *s)
{
	return !s->firmware && (s->serial || s->pci);
}

bool claims_tick(struct claims_clock *c, const struct claims_signs *s)
{
	unsigned int patience, passed;
	bool moved;

	if (c->said || s->paused)
		return false;
	c->seconds++;
	if (!c->good && (good_sign(s) || (!c->sign && weak_sign(s)))) {
		c->good = good_sign(s);
		c->sign = c->seconds;
	}
	patience = c->good ? CLAIMS_PATIENCE_S : CLAIMS_WEAK_S;
	patience = MAX(patience, CLAIMS_SLOW * c->sign);
	passed = c->seconds - c->sign;
	moved = c->last.pci != s->pci || c->last.status != s->status ||
		(c->last.serial != s->serial && passed < CLAIMS_TALK * patience);
	c->quiet = moved ? 0 : c->quiet + 1;
	c->last = *s;
	c->said = c->sign && passed >= patience && c->quiet >= CLAIMS_QUIET_S;
	return c->said;
}

bool claims_end(struct claims_clock *c, const struct claims_signs *s)
{
	if (c->said || !good_sign(s) || !s->pci)
		return false;
	c->said = true;
	return true;
}

/* What. */

/** enum claims_cause - Where it ended */
enum claims_cause { CLAIMED, NO_PCI, NO_TRANSPORT, NO_DRIVER, NOT_STARTED };

/* @found: virtio_pci is at work, since it took some device; it takes all of them. */
static enum claims_cause claims_cause(const struct claims_device *d, bool pci, bool found)
{
	if (d->status & VIRTIO_DRIVER_OK)
		return CLAIMED;
	if (d->status & VIRTIO_DRIVER)
		return NOT_STARTED;
	if (found)
		return NO_DRIVER;
	return pci ? NO_TRANSPORT : NO_PCI;
}

/* The driver of a kind of device: what Linux calls the option and the module. */
static void claims_driver(unsigned int id, const char **config, const char **module)
{
	static const struct { unsigned int id; const char *config, *module; } driver[] = {
		{ VIRTIO_ID_NET, "CONFIG_VIRTIO_NET", "virtio_net" },
		{ VIRTIO_ID_BLOCK, "CONFIG_VIRTIO_BLK", "virtio_blk" },
		{ VIRTIO_ID_BALLOON, "CONFIG_VIRTIO_BALLOON", "virtio_balloon" },
		{ VIRTIO_ID_VSOCK, "CONFIG_VIRTIO_VSOCKETS", "vmw_vsock_virtio_transport" },
	};

	*config = "the driver";
	*module = "of it";
	for (size_t i = 0; i < ARRAY_SIZE(driver); i++)
		if (driver[i].id == id) {
			*config = driver[i].config;
			*module = driver[i].module;
		}
}

/* The names of those that are like the first one; they are marked as claimed. */
static size_t claims_names(char *text, struct claims_device *dev, size_t n, bool pci,
			   bool found)
{
	const struct claims_device first = dev[0];
	enum claims_cause cause = claims_cause(&first, pci, found);
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		struct claims_device *d = &dev[i];
		const char *comma = len ? ", " : "";

		if (claims_cause(d, pci, found) != cause ||
		    (cause > NO_TRANSPORT && d->id != first.id))
			continue;
		d->status |= VIRTIO_DRIVER_OK;
		/* Eight cards and sixteen disks do fit. */
		if (len >= CLAIMS_TEXT / 2)
			continue;
		if (d->number)
			len += (size_t)snprintf(text + len, CLAIMS_TEXT - len, "%s%s %u", comma,
						d->what, d->number);
		else
			len += (size_t)snprintf(text + len, CLAIMS_TEXT - len, "%s%s", comma,
						d->what);
	}
	return len;
}

bool claims_next(char text[static CLAIMS_TEXT], struct claims_device *dev, size_t n,
		 bool pci)
{
	const char *config = "CONFIG_VIRTIO_PCI", *module = "virtio_pci", *them;
	enum claims_cause cause = CLAIMED;
	bool found = false;
	size_t i, len;

	for (i = 0; i < n; i++)
		found |= dev[i].status != 0;
	for (i = 0; i < n && cause == CLAIMED; i++)
		cause = claims_cause(&dev[i], pci, found);
	if (cause == CLAIMED)
		return false;
	i--;
	if (cause > NO_TRANSPORT)
		claims_driver(dev[i].id, &config, &module);
	len = claims_names(text, dev + i, n - i, pci, found);
	them = strchr(text, ',') ? "them" : "it";
	if (cause == NO_PCI)
		snprintf(text + len, CLAIMS_TEXT - len, ": the guest has not looked for devices "
			 "on PCI: its kernel lacks CONFIG_PCI, or was told pci=off");
	else if (cause == NOT_STARTED)
		snprintf(text + len, CLAIMS_TEXT - len, ": the guest's driver (%s) has found %s, "
			 "but not got %s to work; its dmesg says why", module, them, them);
	else
		snprintf(text + len, CLAIMS_TEXT - len, ": the guest has not claimed %s: its "
			 "kernel lacks %s, or the module %s is not in its initramfs", them,
			 config, module);
	return true;
}

/* The watch of a VM. */

void claims_status(struct vm *vm, uint8_t *claim, uint8_t status)
{
	vm->claims.moves++;
	/* Firmware has loaded the kernel from that disk. */
	if (!vm->firmware || vm->power.acpi)
		*claim |= status;
}

static struct claims_signs claims_signs(const struct vm *vm)
{
	return (struct claims_signs){
		.firmware = vm->firmware,
		.os = power_acpi_works(vm),
		.serial = serial_said(vm->serial),
		.pci = vm->pci.looks,
		.status = vm->claims.moves,
		.paused = vm->pause.on,
	};
}

/* What the user asked for. (The random number generator comes by itself.) */
static size_t claims_devices(const struct vm *vm, struct claims_device *dev)
{
	unsigned int nics = 0, disks = 0;
	size_t n = 0;

	for (unsigned int slot = 0; slot < PCI_SLOTS; slot++) {
		const struct virtio_dev *v = virtio_at(vm, slot);
		struct claims_device d = { .id = v ? v->ops->id : 0 };

		if (d.id == VIRTIO_ID_NET) {
			d.what = "NIC";
			d.number = ++nics;
		} else if (d.id == VIRTIO_ID_BLOCK) {
			d.what = "disk";
			d.number = ++disks;
		} else if (d.id == VIRTIO_ID_BALLOON) {
			d.what = "memory balloon";
		} else if (d.id == VIRTIO_ID_VSOCK) {
			d.what = "vsock";
		} else {
			continue;
		}
		d.status = v->claim;
		dev[n++] = d;
	}
	return n;
}

static void claims_say(struct vm *vm)
{
	struct claims_device dev[PCI_SLOTS];
	size_t n = claims_devices(vm, dev);
	char text[CLAIMS_TEXT];

	while (claims_next(text, dev, n, vm->pci.looks)) {
		log_warn("%s", text);
		vm->claims.spoken = true;
	}
}

static void claims_tick_cb(struct ev_loop *loop, ev_timer *w, int revents UNUSED)
{
	struct vm *vm = container_of(w, struct vm, claims.tick);
	const struct claims_signs signs = claims_signs(vm);

	if (!claims_tick(&vm->claims.clock, &signs))
		return;
	claims_say(vm);
	ev_timer_stop(loop, w);
}

void claims_begin(struct vm *vm, bool restored)
{
	struct claims_device dev[PCI_SLOTS];
	struct claims *c = &vm->claims;

	/* Not of a guest whose beginning was elsewhere. */
	c->active = !restored && !c->spoken && claims_devices(vm, dev);
	if (!c->active)
		return;
	c->clock = (struct claims_clock){ 0 };
	c->moves = 0;
	for (unsigned int slot = 0; slot < PCI_SLOTS; slot++) {
		struct virtio_dev *v = virtio_at(vm, slot);

		if (v)
			v->claim = 0;
	}
	ev_timer_init(&c->tick, claims_tick_cb, 1., 1.);
	ev_timer_start(vm->loop, &c->tick);
}

void claims_finish(struct vm *vm, bool by_guest)
{
	struct claims *c = &vm->claims;
	const struct claims_signs signs = claims_signs(vm);

	if (!c->active)
		return;
	ev_timer_stop(vm->loop, &c->tick);
	if (by_guest && claims_end(&c->clock, &signs))
		claims_say(vm);
}
