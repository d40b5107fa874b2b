# tests/ - unit tests (cmocka, one program per module), integration tests (TAP
# shell scripts against real peers), nested tests (real Linux VMs in an emulated
# host), the poll-mode guest, benchmarks

# The manual pages.
turn_tests = tests/man.sh
EXTRA_DIST += tests/man.sh

# The switch against real peers.
check_PROGRAMS += \
	tests/integration/baretap \
	tests/integration/framecheck \
	tests/integration/rawvde \
	tests/integration/segments \
	tests/integration/sessions \
	tests/integration/streamraw \
	tests/integration/talk \
	tests/integration/transfer \
	tests/integration/twohosts \
	tests/integration/wirecheck
EXTRA_DIST += tests/integration/conn.h tests/integration/invariants.sh \
	tests/integration/lib.sh tests/integration/rings.sh tests/integration/tool.h
tests_integration_baretap_LDADD = lib/libcommon.la
tests_integration_framecheck_LDADD = $(VDEPLUG_LIBS)
tests_integration_segments_LDADD = lib/libcommon.la
tests_integration_streamraw_LDADD = $(VDEPLUG_LIBS)
tests_integration_talk_LDADD = $(VDEPLUG_LIBS)
tests_integration_twohosts_LDADD = $(VDEPLUG_LIBS)
tests_integration_wirecheck_CFLAGS = $(AM_CFLAGS) -pthread

integration_tests = \
	tests/integration/baseline.sh \
	tests/integration/compat.sh \
	tests/integration/console-cmds.sh \
	tests/integration/console.sh \
	tests/integration/control.sh \
	tests/integration/dgram.sh \
	tests/integration/faults-tap.sh \
	tests/integration/faults.sh \
	tests/integration/guard.sh \
	tests/integration/handshake.sh \
	tests/integration/learning.sh \
	tests/integration/lifecycle.sh \
	tests/integration/lldp.sh \
	tests/integration/mcast.sh \
	tests/integration/noloss.sh \
	tests/integration/offload.sh \
	tests/integration/offload-matrix.sh \
	tests/integration/peers.sh \
	tests/integration/plug.sh \
	tests/integration/plugins.sh \
	tests/integration/ring.sh \
	tests/integration/policy.sh \
	tests/integration/sessions.sh \
	tests/integration/stream.sh \
	tests/integration/systemd.sh \
	tests/integration/tap.sh \
	tests/integration/vmm-options.sh \
	tests/integration/wirefilter.sh
turn_tests += $(integration_tests)
EXTRA_DIST += $(integration_tests) tests/integration/who-held tests/integration/ids

# Cases in the topology language, on a simulated machine.
machine_ldflags = $(AM_LDFLAGS) -Wl,--wrap=clock_gettime,--wrap=getrandom \
	-Wl,--wrap=malloc,--wrap=calloc
check_PROGRAMS += tests/topo/topo
tests_topo_topo_SOURCES = \
	tests/topo/machine.c tests/topo/machine.h \
	tests/topo/net.c tests/topo/net.h \
	tests/topo/packet.c tests/topo/packet.h \
	tests/topo/topo.c tests/topo/topo.h \
	tests/topo/topo_check.c \
	tests/topo/topo_frame.c \
	tests/topo/topo_net.c
tests_topo_topo_LDFLAGS = $(machine_ldflags)
tests_topo_topo_LDADD = switchd/libswitchd.la
turn_tests += tests/topo/topo.sh
check_PROGRAMS += tests/sim/sim
tests_sim_sim_SOURCES = \
	tests/sim/drive.c \
	tests/sim/event.c \
	tests/sim/model.c \
	tests/sim/sim.c tests/sim/sim.h \
	tests/topo/machine.c tests/topo/machine.h
turn_tests += tests/sim/sim.sh
EXTRA_DIST += tests/sim/README.md tests/sim/seeds tests/sim/sim.sh
tests_sim_sim_LDFLAGS = $(machine_ldflags)
tests_sim_sim_LDADD = switchd/libswitchd.la
EXTRA_DIST += tests/topo/README.md tests/topo/cases tests/topo/topo.sh

# vhost-user front ends, most of them hostile.
check_PROGRAMS += tests/vhost/hostile
tests_vhost_hostile_SOURCES = \
	tests/vhost/canary.c \
	tests/vhost/doorbells.c \
	tests/vhost/front.c tests/vhost/front.h \
	tests/vhost/hostile.c \
	tests/vhost/memory.c \
	tests/vhost/messages.c \
	tests/vhost/offloads.c \
	tests/vhost/restart.c tests/vhost/restart.h \
	tests/vhost/rings.c \
	tests/vhost/watch.c
tests_vhost_hostile_CFLAGS = $(AM_CFLAGS) -pthread
tests_vhost_hostile_LDADD = lib/libcommon.la
turn_tests += tests/vhost/hostile.sh
EXTRA_DIST += tests/vhost/hostile.sh

# libvdeplug's programs through shared memory.
check_PROGRAMS += tests/plug/plugtest tests/plug/restart
tests_plug_plugtest_CFLAGS = $(AM_CFLAGS) -pthread
tests_plug_plugtest_LDADD = $(VDEPLUG_LIBS)
tests_plug_restart_CFLAGS = $(AM_CFLAGS) -pthread
tests_plug_restart_LDADD = lib/libfront.la $(VDEPLUG_LIBS)
turn_tests += tests/plug/plug.sh
EXTRA_DIST += tests/plug/plug.sh

# A machine without KVM, and what fuzz targets put around it; they come before libvmm.la,
# some of whose parts they replace.
check_LTLIBRARIES = tests/harness/libboard.la tests/harness/librig.la
tests_harness_libboard_la_SOURCES = tests/harness/board.c tests/harness/board.h
tests_harness_libboard_la_CFLAGS = $(AM_CFLAGS) -pthread
tests_harness_librig_la_SOURCES = tests/harness/rig.c tests/harness/rig.h
board_libs = tests/harness/libboard.la vmm/libvmm.la
rig_libs = tests/harness/librig.la $(board_libs) $(EV_LIBS)

# Fuzz targets: their corpora are replayed here; tests/fuzz/fuzz.sh looks for more.
fuzz_tests = \
	tests/fuzz/fuzz-blk tests/fuzz/fuzz-boot tests/fuzz/fuzz-control \
	tests/fuzz/fuzz-front tests/fuzz/fuzz-gdb tests/fuzz/fuzz-guard tests/fuzz/fuzz-igmp \
	tests/fuzz/fuzz-machine tests/fuzz/fuzz-offload tests/fuzz/fuzz-options \
	tests/fuzz/fuzz-state tests/fuzz/fuzz-vhost tests/fuzz/fuzz-virtio \
	tests/fuzz/fuzz-vring
check_PROGRAMS += $(fuzz_tests)
turn_tests += $(fuzz_tests)
tests_fuzz_fuzz_blk_SOURCES = tests/fuzz/fuzz-blk.c tests/fuzz/fuzz.h \
	tests/fuzz/replay.c
tests_fuzz_fuzz_blk_LDADD = $(rig_libs)
tests_fuzz_fuzz_boot_SOURCES = tests/fuzz/fuzz-boot.c tests/fuzz/fuzz.h \
	tests/fuzz/replay.c
tests_fuzz_fuzz_boot_LDADD = $(rig_libs)
tests_fuzz_fuzz_control_SOURCES = tests/fuzz/fuzz-control.c tests/fuzz/fuzz.h \
	tests/fuzz/replay.c
tests_fuzz_fuzz_control_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_fuzz_fuzz_control_LDADD = $(rig_libs)
tests_fuzz_fuzz_front_SOURCES = tests/fuzz/fuzz-front.c tests/fuzz/fuzz.h \
	tests/fuzz/replay.c
tests_fuzz_fuzz_front_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fd_send
tests_fuzz_fuzz_front_LDADD = lib/libfront.la lib/libcommon.la
tests_fuzz_fuzz_gdb_SOURCES = tests/fuzz/fuzz-gdb.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_fuzz_gdb_LDADD = vmm/libvmm.la
tests_fuzz_fuzz_guard_SOURCES = tests/fuzz/fuzz-guard.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_fuzz_guard_LDADD = switchd/libswitchd.la
tests_fuzz_fuzz_igmp_SOURCES = tests/fuzz/fuzz-igmp.c tests/fuzz/fuzz.h \
	tests/fuzz/replay.c
tests_fuzz_fuzz_igmp_LDADD = switchd/libswitchd.la
tests_fuzz_fuzz_machine_SOURCES = tests/fuzz/fuzz-machine.c tests/fuzz/fuzz.h \
	tests/fuzz/replay.c
tests_fuzz_fuzz_machine_LDADD = $(rig_libs)
tests_fuzz_fuzz_offload_SOURCES = tests/fuzz/fuzz-offload.c tests/fuzz/fuzz.h \
	tests/fuzz/replay.c
tests_fuzz_fuzz_offload_LDADD = lib/libcommon.la
tests_fuzz_fuzz_options_SOURCES = tests/fuzz/fuzz-options.c tests/fuzz/fuzz.h \
	tests/fuzz/replay.c
tests_fuzz_fuzz_options_LDADD = $(rig_libs)
tests_fuzz_fuzz_state_SOURCES = tests/fuzz/fuzz-state.c tests/fuzz/fuzz.h \
	tests/fuzz/replay.c
tests_fuzz_fuzz_state_LDADD = $(rig_libs)
tests_fuzz_fuzz_vhost_SOURCES = tests/fuzz/fuzz-vhost.c tests/fuzz/fuzz.h \
	tests/fuzz/replay.c
tests_fuzz_fuzz_vhost_LDADD = switchd/libswitchd.la
tests_fuzz_fuzz_virtio_SOURCES = tests/fuzz/fuzz-virtio.c tests/fuzz/fuzz.h \
	tests/fuzz/replay.c
tests_fuzz_fuzz_virtio_LDADD = $(rig_libs)
tests_fuzz_fuzz_vring_SOURCES = tests/fuzz/fuzz-vring.c tests/fuzz/fuzz.h \
	tests/fuzz/replay.c
tests_fuzz_fuzz_vring_LDADD = lib/libcommon.la
EXTRA_DIST += tests/fuzz/corpus tests/fuzz/dict tests/fuzz/fuzz.sh tests/fuzz/README.md

# The rings' wake-ups, in a model.
turn_tests += tests/model/vring.sh
EXTRA_DIST += tests/model/README.md tests/model/vring.pml tests/model/vring.sh

# Benchmarks; vde-load is also the client of the tests.
check_PROGRAMS += tests/bench/vde-load
tests_bench_vde_load_CFLAGS = $(AM_CFLAGS) -pthread
tests_bench_vde_load_LDADD = $(VDEPLUG_LIBS)
check_PROGRAMS += tests/bench/ring-load
tests_bench_ring_load_CFLAGS = $(AM_CFLAGS) -pthread -msse4.2
tests_bench_ring_load_LDADD = lib/libcommon.la
check_PROGRAMS += tests/bench/frame-load
tests_bench_frame_load_LDADD = switchd/libswitchd.la
check_PROGRAMS += tests/bench/offload-bench
tests_bench_offload_bench_LDADD = lib/libcommon.la
check_PROGRAMS += tests/bench/tap-wire
tests_bench_tap_wire_LDADD = lib/libcommon.la
check_PROGRAMS += tests/bench/rr-load
EXTRA_DIST += tests/bench/switch-bench tests/bench/vhost-bench tests/bench/vm-bench \
	tests/bench/disk-bench tests/bench/fdb-bench tests/bench/frame-cost \
	tests/bench/ring-bench tests/bench/tap-bench tests/bench/report.sh \
	tests/bench/ovs-dpdk tests/bench/ring-cost tests/bench/dpdk-load.c

# Ratios to peers in the same run: the switch beside vde_switch, booting beside
# QEMU in the emulated host.
bench: all $(check_PROGRAMS) $(check_DATA)
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' \
		REPORT='$(abs_top_builddir)/bench-report' \
		$(SHELL) $(top_srcdir)/tests/bench/switch-bench
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' \
		REPORT='$(abs_top_builddir)/bench-report' \
		$(SHELL) $(top_srcdir)/tests/bench/tap-bench
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' \
		REPORT='$(abs_top_builddir)/bench-report' \
		$(SHELL) $(top_srcdir)/tests/bench/vm-bench
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' \
		$(SHELL) $(top_srcdir)/tests/bench/disk-bench
	tests/bench/offload-bench
	for generator in dpdk rings; do \
		top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' \
		REPORT='$(abs_top_builddir)/bench-report' GENERATOR=$$generator \
			$(SHELL) $(top_srcdir)/tests/bench/vhost-bench || exit 1; \
	done
	top_builddir='$(abs_top_builddir)' $(SHELL) $(top_srcdir)/tests/nested/nested \
		$(top_srcdir)/tests/nested/cases/boottime.sh \
		$(top_srcdir)/tests/nested/cases/fio.sh
.PHONY: bench

# A disk image of an ordinary Debian, made here, and what people do with it. It takes some
# minutes, root and a Debian mirror, so it is not in check.
check-image: all
	top_builddir='$(abs_top_builddir)' $(SHELL) $(top_srcdir)/tests/nested/nested \
		--plain $(top_srcdir)/tests/nested/cases/image.sh
.PHONY: check-image

# Real Linux VMs, in an emulated host. The longest come first, see check-side-by-side.
nested_tests = \
	tests/nested/check-save.sh \
	tests/nested/check-life.sh \
	tests/nested/check-machine.sh \
	tests/nested/check-nics.sh \
	tests/nested/check-loaders.sh \
	tests/nested/check-restart.sh \
	tests/nested/check-seed.sh \
	tests/nested/check-disk.sh \
	tests/nested/check-peer-vde.sh \
	tests/nested/check-capture.sh \
	tests/nested/check-boot.sh \
	tests/nested/check-gdb.sh \
	tests/nested/check-demo.sh \
	tests/nested/check-firmware.sh
EXTRA_DIST += $(nested_tests) \
	tests/nested/cases/boot.sh \
	tests/nested/cases/boottime.sh \
	tests/nested/cases/capture.sh \
	tests/nested/cases/demo.sh \
	tests/nested/cases/disk.sh \
	tests/nested/cases/fio.sh \
	tests/nested/cases/offload-bench.sh \
	tests/nested/cases/offload-ovs.sh \
	tests/nested/cases/machine.sh \
	tests/nested/cases/gdb.sh \
	tests/nested/cases/nics.sh \
	tests/nested/cases/firmware.sh \
	tests/nested/cases/life.sh \
	tests/nested/cases/image.sh \
	tests/nested/cases/loaders.sh \
	tests/nested/cases/peer-vde.sh \
	tests/nested/cases/restart.sh \
	tests/nested/cases/save.sh \
	tests/nested/cases/seed.sh \
	tests/nested/demo \
	tests/nested/guest-init \
	tests/nested/host-init \
	tests/nested/grubdisk.sh \
	tests/nested/image.sh \
	tests/nested/lib.sh \
	tests/nested/netbench.sh \
	tests/nested/mkguest \
	tests/nested/mkhost \
	tests/nested/mkimage \
	tests/nested/nested \
	tests/nested/qemu-vmm

# Unit tests; see tests/unit/unit.h.
if HAVE_CMOCKA
unit_tests = \
	tests/unit/test-balloon \
	tests/unit/test-blk \
	tests/unit/test-bridge \
	tests/unit/test-bytes \
	tests/unit/test-claims \
	tests/unit/test-devices \
	tests/unit/test-diagnose \
	tests/unit/test-gdb \
	tests/unit/test-gdb-target \
	tests/unit/test-guard \
	tests/unit/test-finish \
	tests/unit/test-hostile \
	tests/unit/test-host \
	tests/unit/test-offload \
	tests/unit/test-ram \
	tests/unit/test-iplog \
	tests/unit/test-lldp \
	tests/unit/test-mcast \
	tests/unit/test-pace \
	tests/unit/test-policy \
	tests/unit/test-nic \
	tests/unit/test-rstp \
	tests/unit/test-opener \
	tests/unit/test-state \
	tests/unit/test-switch \
	tests/unit/test-tap \
	tests/unit/test-thread \
	tests/unit/test-vlan \
	tests/unit/test-vmm \
	tests/unit/test-vring \
	tests/unit/test-vsock \
	tests/unit/test-wire
check_PROGRAMS += $(unit_tests)
turn_tests += $(unit_tests)
endif
EXTRA_DIST += tests/gso.h tests/unit/unit.h
tests_unit_test_balloon_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_balloon_LDADD = $(board_libs) $(CMOCKA_LIBS) $(EV_LIBS)
tests_unit_test_blk_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) -pthread
tests_unit_test_blk_LDADD = $(board_libs) $(CMOCKA_LIBS) $(EV_LIBS)
tests_unit_test_bridge_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_bridge_LDADD = switchd/libswitchd.la $(CMOCKA_LIBS)
tests_unit_test_bytes_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_bytes_LDADD = lib/libcommon.la $(CMOCKA_LIBS)
tests_unit_test_claims_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_claims_LDADD = vmm/libvmm.la $(CMOCKA_LIBS) $(EV_LIBS)
tests_unit_test_diagnose_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_diagnose_LDADD = vmm/libvmm.la $(CMOCKA_LIBS) $(EV_LIBS)
tests_unit_test_thread_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) -pthread
tests_unit_test_thread_LDADD = vmm/libvmm.la $(CMOCKA_LIBS) $(EV_LIBS)
tests_unit_test_host_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_host_LDADD = vmm/libvmm.la $(CMOCKA_LIBS) $(EV_LIBS)
tests_unit_test_vring_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_vring_LDADD = lib/libcommon.la $(CMOCKA_LIBS)
tests_unit_test_offload_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_offload_LDADD = lib/libcommon.la $(CMOCKA_LIBS)
tests_unit_test_ram_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_ram_LDADD = vmm/libvmm.la $(CMOCKA_LIBS) $(EV_LIBS)
tests_unit_test_vsock_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_vsock_LDADD = $(board_libs) $(CMOCKA_LIBS) $(EV_LIBS)
tests_unit_test_devices_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_devices_LDADD = $(board_libs) $(CMOCKA_LIBS) $(EV_LIBS)
tests_unit_test_gdb_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_gdb_LDADD = vmm/libvmm.la $(CMOCKA_LIBS)
tests_unit_test_gdb_target_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) -pthread
tests_unit_test_gdb_target_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ioctl
tests_unit_test_gdb_target_LDADD = vmm/libvmm.la $(CMOCKA_LIBS) $(EV_LIBS)
tests_unit_test_guard_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_guard_LDADD = switchd/libswitchd.la $(CMOCKA_LIBS) $(EV_LIBS)
tests_unit_test_finish_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_finish_LDADD = switchd/libswitchd.la $(CMOCKA_LIBS) $(EV_LIBS)
tests_unit_test_hostile_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_hostile_LDADD = vmm/libvmm.la $(CMOCKA_LIBS) $(EV_LIBS)
tests_unit_test_iplog_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_iplog_LDADD = switchd/libswitchd.la $(CMOCKA_LIBS)
tests_unit_test_lldp_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_lldp_LDADD = switchd/libswitchd.la $(CMOCKA_LIBS)
tests_unit_test_mcast_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_mcast_LDADD = switchd/libswitchd.la $(CMOCKA_LIBS) $(EV_LIBS)
tests_unit_test_pace_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_pace_LDADD = switchd/libswitchd.la $(CMOCKA_LIBS) $(EV_LIBS)
tests_unit_test_policy_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_policy_LDADD = switchd/libswitchd.la $(CMOCKA_LIBS) $(EV_LIBS)
tests_unit_test_nic_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) -pthread
tests_unit_test_nic_LDADD = $(board_libs) $(CMOCKA_LIBS) $(EV_LIBS)
tests_unit_test_rstp_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_rstp_LDADD = switchd/libswitchd.la $(CMOCKA_LIBS)
tests_unit_test_opener_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_opener_LDADD = vmm/libvmm.la $(CMOCKA_LIBS)
tests_unit_test_state_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_state_LDADD = $(board_libs) $(CMOCKA_LIBS) $(EV_LIBS)
tests_unit_test_switch_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_switch_LDADD = switchd/libswitchd.la $(CMOCKA_LIBS) $(EV_LIBS)
tests_unit_test_tap_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_tap_LDADD = vmm/libvmm.la $(CMOCKA_LIBS) $(EV_LIBS)
tests_unit_test_vlan_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_vlan_LDADD = switchd/libswitchd.la $(CMOCKA_LIBS) $(EV_LIBS)
tests_unit_test_vmm_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_vmm_LDADD = vmm/libvmm.la $(CMOCKA_LIBS)
tests_unit_test_wire_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_wire_LDADD = plug/libwire.la $(CMOCKA_LIBS) -lm


# A guest that polls its NIC: one program as a bzImage and with a PVH note.
guest_sources = \
	tests/guest/acpi.c \
	tests/guest/base.c \
	tests/guest/disk.c \
	tests/guest/entry.S \
	tests/guest/hostile.c \
	tests/guest/modes.c \
	tests/guest/nic.c \
	tests/guest/storm.c \
	tests/guest/virtio.c
guest_deps = tests/guest/hostile.h tests/guest/layout.h tests/guest/pollnet.h \
	tests/guest/pollnet.ld tests/guest/virtio.h
guest_compile_flags = -std=c11 -pedantic -Wall -Wextra -Werror -Wshadow \
	-Wstrict-prototypes -Wmissing-prototypes -O2 -m64 -ffreestanding \
	-fno-pie -fno-stack-protector -fcf-protection=none \
	-fno-asynchronous-unwind-tables -fno-strict-aliasing -mno-red-zone \
	-mgeneral-regs-only
guest_link_flags = -nostdlib -static -Wl,--build-id=none \
	-Wl,-z,max-page-size=4096 -Wl,-z,noexecstack -Wl,--fatal-warnings
OBJCOPY = objcopy

tests/guest/pollnet.elf: $(guest_sources) $(guest_deps)
	$(AM_V_CCLD)$(MKDIR_P) tests/guest && \
	src='$(top_srcdir)/tests/guest' && \
	$(CC) $(guest_compile_flags) $(guest_link_flags) -Wl,-T,$$src/pollnet.ld \
		-I$$src -o $@ $$src/entry.S $$src/acpi.c $$src/base.c \
		$$src/disk.c $$src/hostile.c $$src/modes.c $$src/nic.c $$src/storm.c \
		$$src/virtio.c
tests/guest/pollnet.bin: tests/guest/pollnet.elf
	$(AM_V_GEN)$(OBJCOPY) -O binary tests/guest/pollnet.elf $@
check_DATA = tests/guest/pollnet.elf tests/guest/pollnet.bin
CLEANFILES += tests/guest/pollnet.elf tests/guest/pollnet.bin sanitized.log
clean-local:
	rm -rf sanitized
.PHONY: clean-local

check_PROGRAMS += tests/guest/blkback tests/guest/diskcheck tests/guest/peer \
	tests/guest/seccheck
# What no KVM here says, to be preloaded; shared, though never installed.
check_LTLIBRARIES += tests/guest/kvmshim.la
tests_guest_kvmshim_la_SOURCES = tests/guest/kvmshim.c
tests_guest_kvmshim_la_LDFLAGS = -module -avoid-version -shared -rpath /nowhere
tests_guest_kvmshim_la_LIBADD = -ldl
tests_guest_blkback_LDADD = lib/libfront.la
tests_guest_peer_LDADD = $(VDEPLUG_LIBS)
tests_guest_seccheck_CFLAGS = $(AM_CFLAGS) $(SANDBOX_CFLAGS)
tests_guest_seccheck_LDADD = $(SANDBOX_LIBS)
guest_tests = tests/guest/guest-disk.sh \
	tests/guest/guest-end.sh \
	tests/guest/guest-format.sh \
	tests/guest/guest-gdb.sh \
	tests/guest/guest-hostile.sh \
	tests/guest/guest-life.sh \
	tests/guest/guest-memory.sh \
	tests/guest/guest-net.sh \
	tests/guest/guest-sandbox.sh \
	tests/guest/guest-sanitized.sh \
	tests/guest/guest-save.sh \
	tests/guest/guest-words.sh \
	tests/guest/ids.sh
turn_tests += $(guest_tests)
EXTRA_DIST += $(guest_sources) $(guest_deps) $(guest_tests) \
	tests/guest/ids tests/guest/lib.sh tests/guest/README.md

# All of them, and the same in less time: the longest first, so that none of them begins
# last, and busy ones beside those that wait. Most wait for something most of the time, and
# each has files, names and networks of its own, so that two can run side by side; emulated
# hosts keep a processor busy each, and come behind the others, whom that would disturb.
TESTS += $(turn_tests) $(nested_tests)
long_tests = \
	tests/guest/guest-sanitized.sh \
	tests/guest/guest-save.sh \
	tests/integration/wirefilter.sh \
	tests/guest/guest-life.sh \
	tests/guest/guest-words.sh \
	tests/plug/plug.sh \
	tests/guest/guest-format.sh \
	tests/vhost/hostile.sh \
	tests/model/vring.sh \
	tests/guest/guest-hostile.sh
check-side-by-side:
	status=0; \
	$(MAKE) $(AM_MAKEFLAGS) -j"$$(nproc)" check \
		TESTS='$(long_tests) $(filter-out $(long_tests),$(turn_tests))' || status=1; \
	$(MAKE) $(AM_MAKEFLAGS) -j"$$(nproc)" check TESTS='$(nested_tests)' || status=1; \
	exit $$status
.PHONY: check-side-by-side
