# tests/ - unit tests (cmocka, one program per module), integration tests (TAP
# shell scripts against real peers), nested tests (real Linux VMs in an emulated
# host), the poll-mode guest, benchmarks

# The switch against real peers.
check_PROGRAMS += \
	tests/integration/framecheck \
	tests/integration/rawvde \
	tests/integration/talk
EXTRA_DIST += tests/integration/lib.sh tests/integration/tool.h
tests_integration_framecheck_LDADD = $(VDEPLUG_LIBS)
tests_integration_talk_LDADD = $(VDEPLUG_LIBS)

integration_tests = \
	tests/integration/console.sh \
	tests/integration/handshake.sh \
	tests/integration/learning.sh \
	tests/integration/lifecycle.sh \
	tests/integration/noloss.sh \
	tests/integration/peers.sh \
	tests/integration/tap.sh
TESTS += $(integration_tests)
EXTRA_DIST += $(integration_tests)

# Benchmarks; vde-load is also the client of the tests.
check_PROGRAMS += tests/bench/vde-load
tests_bench_vde_load_CFLAGS = $(AM_CFLAGS) -pthread
tests_bench_vde_load_LDADD = $(VDEPLUG_LIBS)

# Real Linux VMs, in an emulated host.
nested_tests = \
	tests/nested/check-boot.sh \
	tests/nested/check-capture.sh \
	tests/nested/check-peer-vde.sh \
	tests/nested/check-seed.sh
TESTS += $(nested_tests)
EXTRA_DIST += $(nested_tests) \
	tests/nested/cases/boot.sh \
	tests/nested/cases/boottime.sh \
	tests/nested/cases/capture.sh \
	tests/nested/cases/demo.sh \
	tests/nested/cases/peer-vde.sh \
	tests/nested/cases/seed.sh \
	tests/nested/demo \
	tests/nested/guest-init \
	tests/nested/host-init \
	tests/nested/image.sh \
	tests/nested/lib.sh \
	tests/nested/mkguest \
	tests/nested/mkhost \
	tests/nested/nested \
	tests/nested/qemu-vmm
