# vmm/ - the virtual machine monitor
noinst_LTLIBRARIES += vmm/libvmm.la
vmm_libvmm_la_SOURCES = \
	vmm/acpi.c vmm/acpi.h \
	vmm/aio.c vmm/aio.h \
	vmm/aml.c vmm/aml.h \
	vmm/blockinfo.c vmm/blockinfo.h \
	vmm/boot.c vmm/boot.h \
	vmm/bus.c vmm/bus.h \
	vmm/cable.c vmm/cable.h \
	vmm/chardev.c vmm/chardev.h \
	vmm/check.c vmm/check.h \
	vmm/claims.c vmm/claims.h \
	vmm/cmos.c vmm/cmos.h \
	vmm/control.c vmm/control.h \
	vmm/cpuid.c vmm/cpuid.h \
	vmm/diagnose.c vmm/diagnose.h \
	vmm/disk.c vmm/disk.h \
	vmm/disk_chain.c vmm/disk_chain.h \
	vmm/disk_file.c vmm/disk_file.h \
	vmm/disk_vhost.c vmm/disk_vhost.h \
	vmm/elf.c vmm/elf.h \
	vmm/errand.c vmm/errand.h \
	vmm/firmware.c vmm/firmware.h \
	vmm/fwcfg.c vmm/fwcfg.h \
	vmm/gdb.c vmm/gdb.h \
	vmm/gdb_packet.c vmm/gdb_packet.h \
	vmm/gdb_regs.c vmm/gdb_regs.h \
	vmm/gdb_stub.c vmm/gdb_stub.h \
	vmm/gdb_target.c vmm/gdb_target.h \
	vmm/host.c vmm/host.h \
	vmm/irq.c vmm/irq.h \
	vmm/kvm.c vmm/kvm.h \
	vmm/kvm_state.c vmm/kvm_state.h \
	vmm/landlock.c vmm/landlock.h \
	vmm/layout.h \
	vmm/mac.c vmm/mac.h \
	vmm/monitor.c vmm/monitor.h \
	vmm/net.h \
	vmm/net_filter.c vmm/net_filter.h \
	vmm/net_tap.c vmm/net_tap.h \
	vmm/net_vde.c vmm/net_vde.h \
	vmm/net_vhost.c vmm/net_vhost.h \
	vmm/opener.c vmm/opener.h \
	vmm/options.c vmm/options.h \
	vmm/options_chardev.c vmm/options_chardev.h \
	vmm/options_compat.c vmm/options_compat.h \
	vmm/options_drive.c vmm/options_drive.h \
	vmm/options_dump.c vmm/options_dump.h \
	vmm/options_gdb.c vmm/options_gdb.h \
	vmm/options_memory.c vmm/options_memory.h \
	vmm/options_nic.c vmm/options_nic.h \
	vmm/overlay.c vmm/overlay.h \
	vmm/pause.c vmm/pause.h \
	vmm/pci.c vmm/pci.h \
	vmm/power.c vmm/power.h \
	vmm/qsd.c vmm/qsd.h \
	vmm/ram.c vmm/ram.h \
	vmm/ram_file.c vmm/ram_file.h \
	vmm/restart.c vmm/restart.h \
	vmm/sandbox.c vmm/sandbox.h \
	vmm/save.c vmm/save.h \
	vmm/seccomp.c vmm/seccomp.h \
	vmm/serial.c vmm/serial.h \
	vmm/shutdown.c vmm/shutdown.h \
	vmm/state.c vmm/state.h \
	vmm/thread.c vmm/thread.h \
	vmm/throttle.c vmm/throttle.h \
	vmm/topology.c vmm/topology.h \
	vmm/vcpu.c vmm/vcpu.h \
	vmm/virtio.h vmm/virtio_pci.c \
	vmm/virtio_balloon.c vmm/virtio_balloon.h \
	vmm/virtio_blk.c vmm/virtio_blk.h \
	vmm/virtio_net.c vmm/virtio_net.h \
	vmm/virtio_rng.c vmm/virtio_rng.h \
	vmm/virtio_vsock.c vmm/virtio_vsock.h \
	vmm/vm.c vmm/vm.h \
	vmm/vsock.c vmm/vsock.h
vmm_libvmm_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(URING_CFLAGS) $(SANDBOX_CFLAGS) -pthread
vmm_libvmm_la_LIBADD = lib/libcommon.la $(VDEPLUG_LIBS) $(URING_LIBS) $(SANDBOX_LIBS) -lpthread

bin_PROGRAMS += lanbox-vmm
lanbox_vmm_SOURCES = vmm/main.c
lanbox_vmm_CFLAGS = $(AM_CFLAGS) -pthread
lanbox_vmm_LDADD = vmm/libvmm.la lib/libcommon.la
