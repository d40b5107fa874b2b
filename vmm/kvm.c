/* SPDX-License-Identifier: BSD-2-Clause */
/* kvm.c - /dev/kvm: opening it, what it must be able to do, making a machine */
#include "config.h"

#include "vmm/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"
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

/* Whether /proc/cpuinfo lists one of the two virtualisation extensions. */
static bool cpu_has_virtualisation(void)
{
	char line[8192];
	bool found = false;
	FILE *f = fopen("/proc/cpuinfo", "re");

	while (f && !found && fgets(line, sizeof(line), f))
		found = !strncmp(line, "flags", 5) &&
			(strstr(line, " vmx ") || strstr(line, " svm "));
	if (f)
		fclose(f);
	return found;
}

static void kvm_explain_open(int err)
{
	const struct group *gr;
	struct stat st;

	if (err == EACCES && !stat(KVM_DEVICE, &st) &&
	    (!(st.st_mode & 0060) || !st.st_gid)) {
		log_err(KVM_DEVICE ": you may not open it, and no group may (mode %03o); "
			"the package that sets it up gives it to group kvm, mode 660",
			st.st_mode & 0777);
	} else if (err == EACCES && !stat(KVM_DEVICE, &st)) {
		gr = getgrgid(st.st_gid);
		log_err(KVM_DEVICE ": you may not open it; it belongs to group '%s' "
			"(become a member: usermod -aG %s $USER, then log in again)",
			gr ? gr->gr_name : "?", gr ? gr->gr_name : "kvm");
	} else if (err == ENOENT && cpu_has_virtualisation()) {
		log_err(KVM_DEVICE ": not there, though the CPU can do it: load the "
			"module (modprobe kvm_intel or kvm_amd)");
	} else if (err == ENOENT) {
		log_err(KVM_DEVICE ": not there, and the CPU shows neither vmx nor svm: "
			"switch virtualisation on in the firmware setup or, inside a "
			"VM, nested virtualisation on its host");
	} else {
		log_err_errno(err, KVM_DEVICE);
	}
}

int kvm_open(void)
{
	int fd, version, ret = 0;

	fd = open(KVM_DEVICE, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		ret = -errno;
		kvm_explain_open(-ret);
		return ret;
	}
	version = ioctl(fd, KVM_GET_API_VERSION, 0);
	if (version != KVM_API_VERSION) {
		log_err(KVM_DEVICE ": speaks version %d of KVM's interface, not %d",
			version, KVM_API_VERSION);
		ret = -ENOTSUP;
	}
	for (size_t i = 0; !ret && i < ARRAY_SIZE(required); i++) {
		if (ioctl(fd, KVM_CHECK_EXTENSION, required[i].cap) > 0)
			continue;
		log_err(KVM_DEVICE ": the host's kernel lacks %s", required[i].name);
		ret = -ENOTSUP;
	}
	if (ret)
		fd_close(&fd);
	return ret ? ret : fd;
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
	int ret;

	do
		vm->fd = ioctl(vm->kvm, KVM_CREATE_VM, 0);
	while (vm->fd < 0 && errno == EINTR);
	if (vm->fd < 0)
		return kvm_fail(errno == EBUSY ? "another hypervisor uses the CPU's "
				"virtualisation extension" : "cannot make a machine");
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
