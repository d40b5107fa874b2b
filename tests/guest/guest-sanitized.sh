#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# guest-sanitized.sh - What comes from hostile guests, drivers, peers and files meets programs
# that were built with AddressSanitizer and UndefinedBehaviorSanitizer
#
# They are built in a folder of their own, "sanitized" in the build folder, as this build was
# configured otherwise: a switch and a VMM for the hostile guests, who are as ever, and those
# of the harness: drivers of the unit tests, and all that fuzzing has found (tests/fuzz). What
# they print is shown as it is, but for numbers.
set -u
: "${top_srcdir:?run me by make check, or set top_srcdir and top_builddir}"
: "${top_builddir:?run me by make check, or set top_srcdir and top_builddir}"

san=$top_builddir/sanitized
harness='unit/test-hostile unit/test-devices fuzz/fuzz-blk fuzz/fuzz-boot fuzz/fuzz-control
	fuzz/fuzz-front fuzz/fuzz-gdb fuzz/fuzz-guard fuzz/fuzz-igmp fuzz/fuzz-machine
	fuzz/fuzz-offload fuzz/fuzz-options fuzz/fuzz-state fuzz/fuzz-vhost
	fuzz/fuzz-virtio fuzz/fuzz-vring'
tests=0
export CMOCKA_MESSAGE_OUTPUT=TAP

skip_all() {
	echo "1..0 # SKIP $*"
	exit 0
}

# diag: each line of standard input as a TAP comment.
diag() {
	sed 's/^/# /'
}

# result ok|'not ok' DESCRIPTION
result() {
	tests=$((tests + 1))
	printf '%s %u - %s\n' "$1" $tests "$2"
}

# has_sanitizers: the compiler comes with them, or without.
has_sanitizers() {
	echo 'int main(void) { return 0; }' >"$san.c"
	${CC:-cc} -fsanitize=address,undefined -o "$san.probe" "$san.c" 2>/dev/null &&
		"$san.probe"
	rc=$?
	rm -f "$san.c" "$san.probe"
	return $rc
}

# build: as this one is configured, but with sanitizers.
build() {
	programs=
	for name in $harness; do
		programs="$programs tests/$name"
	done
	config=$("$top_builddir/config.status" --config) || return
	# An earlier one may be of another configuration, or not have come to its end.
	[ "$(cat "$san/configured" 2>/dev/null)" = "$config" ] || rm -rf "$san"
	mkdir -p "$san" && cd "$san" || return
	if [ ! -e configured ]; then
		eval "set -- $config"
		# Half the time to build, and not much more to run.
		"$top_srcdir/configure" "$@" --srcdir="$top_srcdir" --enable-sanitizers \
			CFLAGS='-O1 -g1' || return
		echo "$config" >configured
	fi
	# Not those who make check, and their jobs.
	# shellcheck disable=SC2086 # a list of names
	MAKEFLAGS='' make -j"$(nproc)" lanbox-switchd lanbox-vmm $programs
}

# relay NAME COMMAND...: its TAP, numbered anew; it has to come to its end.
relay() {
	name=$1
	shift
	"$@" >"$san/said" 2>&1
	rc=$?
	plan=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$san/said")
	seen=0
	while IFS= read -r line; do
		case $line in
		"ok "*) status=ok ;;
		"not ok "*) status='not ok' ;;
		"1..0 "*)
			result ok "$name # ${line#*# }"
			return
			;;
		1..*) continue ;;
		*)
			printf '# %s\n' "$line"
			continue
			;;
		esac
		seen=$((seen + 1))
		result "$status" "$name: $(printf '%s\n' "$line" | sed 's/^[a-z ]*[0-9]*[ -]*//')"
	done <"$san/said"
	if [ "$rc" = 0 ] && [ "${plan:-none}" = $seen ]; then
		result ok "$name: it ends as it should"
	else
		result 'not ok' "$name: ended with status $rc, $seen results of ${plan:-a number not said}"
	fi
}

grep -q 'define WITH_SANITIZERS' "$top_builddir/config.h" &&
	skip_all 'all tests of this build have them'
[ ! -e "$top_srcdir/config.status" ] ||
	skip_all 'built in the source folder, beside which there can be no other'
has_sanitizers || skip_all 'the compiler has none'
# Without cmocka there are no unit tests.
kept=
for name in $harness; do
	[ ! -x "$top_builddir/tests/$name" ] || kept="$kept $name"
done
harness=$kept
if ! (build) >"$top_builddir/sanitized.log" 2>&1; then
	result 'not ok' 'it builds with sanitizers'
	tail -n 20 "$top_builddir/sanitized.log" | diag
	echo "1..$tests"
	exit 1
fi
result ok 'it builds with sanitizers'
for test in $harness; do
	relay "${test#*/}" "$san/tests/$test"
done
SWITCH=$san/lanbox-switchd VMM=$san/lanbox-vmm relay guest-hostile \
	sh "$top_srcdir/tests/guest/guest-hostile.sh"
echo "1..$tests"
