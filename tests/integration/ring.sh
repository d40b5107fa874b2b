#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# ring.sh - Three switches in a ring: a cable is pulled and plugged while hosts talk
#
# How the rings are made is in rings.sh, and what the hosts count in twohosts.c. How
# long it takes is measured by tests/bench/ring-bench, with many pulls and more kinds of
# third switches; here it only has to be so short that nobody waited for a timer.
. "${top_srcdir:?}/tests/integration/lib.sh"
requires ip
requires_netns
. "$top_srcdir/tests/integration/rings.sh"
grep -q __asan_init "$PLUG" && skip_all 'libvdeplug and AddressSanitizer exclude each other'
cd "$T" || exit 99
RATE=200
NEAR=-q		# switches have to forget addresses, not only to learn them

# What no pair of hosts may see, whatever happens to cables: a frame that comes twice
# once the ring has settled. And no cable may carry more than each frame once, a BPDU now
# and then, and what is flooded on all of them while addresses are not known yet.
sane() {
	frames=0
	for pair in near far; do
		is "late duplicates ($pair)" "$(last_of $pair | field late)" 0
		frames=$((frames + $(last_of $pair | field sent)))
	done
	most=$(busiest before after)
	[ "$most" -le $((frames * 5 / 4 + 50)) ] ||
		fail "a storm: $most frames on a cable, $frames sent"
}

# during SECONDS COMMAND...: a period begins, something happens, time goes by.
during() {
	seconds=$1
	shift
	cable_frames >before
	mark during
	"$@"
	sleep "$seconds"
	cable_frames >after
	mark pause
	sane
}

# hardly_cut PAIR: it lost fewer frames in the period before than one host sends in 0.8 s.
# (How long a silence was says less: it may be that of a machine that has much to do.)
hardly_cut() {
	[ "$(last_of "$1" | field lost)" -lt $((RATE * 4 / 5)) ] || fail "$1: $(last_of "$1")"
}

# The cable's pull and plug, both at once as for hosts who need it.
pull_and_plug() {
	for cable; do
		during 1 end "$cable"
		hardly_cut near
		hardly_cut far
		during 1 cable_plug "$cable"
		hardly_cut near
		hardly_cut far
	done
}

one_is_blocked() {
	for sw in a b c; do
		console $sw fstp/print
	done >trees
	is 'ends that are blocked' "$(grep -c 'role=Alternate' trees)" 1
}

was_up() {
	cat up.log
	return "$1"
}

# up DESCRIPTION KIND...: see ring_up; no check of its own, since what it sets is needed.
up() {
	up_desc=$1
	shift
	ring_up "$@" >up.log 2>&1
	up_rc=$?
	check "$up_desc" was_up $up_rc
}

up 'a ring of three of ours' ours 0x1000
check 'one end of a cable is blocked' one_is_blocked
check 'each cable pulled and plugged: the hosts hardly notice' pull_and_plug ab ac bc
check 'and again' pull_and_plug ac

# Both of the cables of one switch: its host is cut off, and comes back.
island() {
	end ac
	during 1 end bc
	[ "$(last_of far | field lost)" -gt 100 ] || fail 'they still talk'
	hardly_cut near
	cable_plug ac
	wait_for 5 ring_flows
	cable_plug bc
	wait_for 5 ring_flows
}
check 'a switch without cables, and with them again' island
ring_down

# The kernel's bridge speaks 802.1D-1998 and is the root, with the smallest forward delay
# of the standard: its own ports wait for 8 seconds before they forward.
kernel_rejoins() {
	during 1 end ac
	hardly_cut near
	hardly_cut far
	during 9.5 cable_plug ac
	wait_for 10 ring_flows
}
kernel='forward_delay 400 hello_time 100 max_age 600'
if ip link add br-try type bridge 2>/dev/null && ip link del br-try; then
	# shellcheck disable=SC2086 # options are words
	up "a bridge of the kernel's as the root" kernel 0x1000 $kernel
	check 'our own cable: the hosts hardly notice' pull_and_plug ab
	check 'its cable: we hardly notice; it takes its time when plugged' kernel_rejoins
	ring_down
else
	skip "a ring with a bridge of the kernel" 'no bridges here'
fi
done_testing
