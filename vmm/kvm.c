/* SPDX-License-Identifier: BSD-2-Clause */
/* kvm.c - /dev/kvm: opening it, what it must be able to do, making a machine */
#include "config.h"

#include "vmm/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "vmm/host.h"
#include "vmm/layout.h"
#include "vmm/ram.h"
#include "vmm/vm.h"

#define KVM_DEVICE	"/dev/kvm"

static const struct {
	int cap;
	const char *name;
} required[] = {
#define C(name) { KVM_CAP_##name, "KVM_CAP_" #name }
	C(IRQCHIP), C(IRQFD), C(IOEVENTFD), C(USER_MEMORY), C(SET_TSS_ADDR),
	C(PIT2), C(EXT_CPUID), C(IRQ_ROUTING), C(SIGNAL_MSI), C(MP_STATE),
	C(IMMEDIATE_EXIT),
#undef C
};

static void kvm_explain_open(const struct host *host, int err, char text[static HOST_TEXT])
{
	struct host_door door;

	host_read_door(&door, KVM_DEVICE, err);
	host_explain_door(text, host, &door);
}

/* The capabilities that are missing, in a line. Return: how many. */
static unsigned int kvm_missing(int fd, char text[static HOST_TEXT])
{
	unsigned int n = 0;
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(required); i++)
		if (ioctl(fd, KVM_CHECK_EXTENSION, required[i].cap) <= 0)
			len += (size_t)snprintf(text + len, HOST_TEXT - len, "%s%s",
						n++ ? ", " : "", required[i].name);
	return n;
}

int kvm_try(const struct host *host, char text[static HOST_TEXT])
{
	char missing[HOST_TEXT];
	int fd, version;

	fd = open(KVM_DEVICE, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		fd = -errno;
		kvm_explain_open(host, -fd, text);
		return fd;
	}
	version = ioctl(fd, KVM_GET_API_VERSION, 0);
	if (version == KVM_API_VERSION && !kvm_missing(fd, missing))
		return fd;
	if (version < 0)
		/* Whatever it is, it has not heard of the question. */
		kvm_explain_open(host, ENOTTY, text);
	else if (version != KVM_API_VERSION)
		snprintf(text, HOST_TEXT, "speaks version %d of KVM's interface, not %d: the "
			 "host's kernel is too old or too new for this program", version,
			 KVM_API_VERSION);
	else
		snprintf(text, HOST_TEXT, "the host's kernel lacks %.*s; a newer one has what is "
			 "needed (Linux 4.12 or later)", HOST_TEXT / 2, missing);
	fd_close(&fd);
	return -ENOTSUP;
}

int kvm_open(const struct host *host)
{
	char text[HOST_TEXT];
	int fd = kvm_try(host, text);

	if (fd < 0)
		log_err(KVM_DEVICE ": %s", text);
	return fd;
}

enum host_verdict kvm_judge_cpus(int kvm, unsigned int cpus, char text[static HOST_TEXT])
{
	return host_judge_cpus(text, cpus, ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_NR_VCPUS),
			       ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS));
}

int kvm_check_cpus(const struct vm *vm)
{
	char text[HOST_TEXT];
	enum host_verdict verdict = kvm_judge_cpus(vm->kvm, vm->opt->cpus, text);

	if (verdict != HOST_FINE)
		log_msg(verdict == HOST_BAD ? LOG_LEVEL_ERR : LOG_LEVEL_WARN, "%s", text);
	return verdict == HOST_BAD ? -EINVAL : 0;
}

static int kvm_fail(const char *what)
{
	int ret = -errno;

	log_err_errno(-ret, "KVM: %s", what);
	return ret;
}

int kvm_machine_create(struct vm *vm)
{
	struct kvm_enable_cap emulation = {
		.cap = KVM_CAP_EXIT_ON_EMULATION_FAILURE, .args = { 1 },
	};
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	uint64_t map = LAYOUT_IDENTITY_MAP;
	char text[HOST_TEXT];
	int ret;

	do
		vm->fd = ioctl(vm->kvm, KVM_CREATE_VM, 0);
	while (vm->fd < 0 && errno == EINTR);
	if (vm->fd < 0) {
		ret = -errno;
		host_explain_machine(text, &vm->host, -ret);
		log_err("KVM: cannot make a machine: %s", text);
		return ret;
	}
	if (ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &map) < 0 ||
	    ioctl(vm->fd, KVM_SET_TSS_ADDR, LAYOUT_TSS) < 0)
		return kvm_fail("task state segment");
	if (ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0) < 0)
		return kvm_fail("interrupt controllers");
	if (ioctl(vm->fd, KVM_CREATE_PIT2, &pit) < 0)
		return kvm_fail("timer");
	/* Where KVM can, we get to explain an instruction it cannot emulate. */
	if (ioctl(vm->kvm, KVM_CHECK_EXTENSION, emulation.cap) > 0)
		ioctl(vm->fd, KVM_ENABLE_CAP, &emulation);
	ret = ram_power_on(vm);
	if (ret)
		return ret;
	ret = irq_power_on(&vm->irq, vm->fd);
	if (ret)
		log_err_errno(-ret, "KVM: interrupt routing");
	return ret;
}
