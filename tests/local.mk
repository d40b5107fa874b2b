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
