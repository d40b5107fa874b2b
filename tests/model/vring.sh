#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# vring.sh - The model of the ring's wake-ups holds, and no part of it can be spared
#
# Each mutation of vring.pml must be refuted, and by the very property it spoils: a
# mutant that fails for another reason shows nothing. What this does not test is
# the C code, but for one thing: that the fences of the model are still in it.
src=$(cd "${top_srcdir:?}" && pwd) || exit 99

command -v spin >/dev/null || { echo '1..0 # SKIP no spin'; exit 0; }
cc=${CC:-cc}

# spin and the verifier leave their files where they run.
T=$(mktemp -d) || exit 99
trap 'rm -rf "$T"' EXIT
trap 'exit 99' HUP INT TERM
cp "$src/tests/model/vring.pml" "$T" && cd "$T" || exit 99

n=0

# check TEXT COMMAND...: one case; what the command prints is shown if it fails
check()
{
	text=$1
	shift
	n=$((n + 1))
	if "$@" >case.log 2>&1; then
		echo "ok $n - $text"
	else
		echo "not ok $n - $text"
		sed 's/^/# /' case.log
	fi
}

# verify MACRO...: search all states; 10000 steps are far more than the longest run
verify()
{
	macros=
	for macro; do
		macros="$macros -D$macro"
	done
	rm -f pan ./*.trail verdict
	# The macros have no blanks, and $cc may have arguments.
	# shellcheck disable=SC2086
	spin -a $macros vring.pml &&
		$cc -O2 -w -DSAFETY -DCOLLAPSE -DMEMLIM=1800 -o pan pan.c &&
		./pan -m10000 >verdict 2>&1
	cat verdict
}

# holds MACRO...: verified, and the search was complete
holds()
{
	verify "$@"
	grep -q 'errors: 0$' verdict &&
		! grep -q -e 'not completed' -e 'depth too small' verdict && return
	# The end of the way to the error
	# shellcheck disable=SC2086
	[ ! -f vring.pml.trail ] || spin -t -p $macros vring.pml | tail -n 60
	return 1
}

# refuted ERROR MACRO...: not verified, because of ERROR
refuted()
{
	error=$1
	shift
	verify "$@"
	grep -q 'errors: 1$' verdict && grep -q "^pan:1: $error" verdict
}

lost()
{
	check "refuted: $2" refuted 'invalid end state' "$1"
}

wrong()
{
	check "refuted: $2" refuted 'assertion violated' "$1"
}

# A proof about steps that never happen is worthless. Looks at the verification just
# done, which must be one with KILLS: all five processes. Some of them never end.
all_happens()
{
	sed -n '/^unreached in/,$p' verdict >unreached
	is_there=$(grep -c '^unreached in' unreached)
	[ "$is_there" -eq 5 ] || return
	! grep 'state [0-9]*,' unreached | grep -v '"-end-"'
}

# has_fence FILE FUNCTION
has_fence()
{
	sed -n "/^[a-z].*[ *]$2(/,/^}/p" "$src/lib/$1" |
		grep '^[^/*]*__atomic_thread_fence(__ATOMIC_SEQ_CST);'
}

check 'a ring of 2: no wake-up is lost, no chain lost or used twice' holds RING=2
check 'a ring of 4' holds RING=4
check 'a store buffer of 4' holds STORES=4
check 'a device that is killed and replaced' holds KILLS=1 CHAINS=3
check 'all that is modelled happens' all_happens

lost NO_FENCE_PUBLISH 'no fence in vring_driver_publish()'
lost NO_FENCE_WANT_CALL 'no fence in vring_driver_want_call()'
lost NO_FENCE_SHOULD_NOTIFY 'no fence in vring_should_notify()'
lost NO_FENCE_WANT_KICK 'no fence in vring_want_kick()'
lost NO_LOOK_WANT_CALL 'the driver sleeps without another look'
lost NO_LOOK_WANT_KICK 'the device sleeps without another look'
lost EVENT_EARLY 'the event is taken to be one earlier'
lost EVENT_LATE 'the event is taken to be one later'
lost EVENT_NO_WRAP 'events compared as if indices did not wrap'
lost ARM_LATE 'the device asks for a kick at the chain after the next'
check 'refuted: a new device does not call at once' \
	refuted 'invalid end state' NO_CALL_RESUMED KILLS=1 CHAINS=3
wrong AVAIL_EARLY 'avail->idx is shown before the entry is written'
wrong USED_EARLY 'used->idx is shown before the entry is written'
wrong OVERRUN 'the driver offers one chain too many'

check 'vring_driver_publish() has its fence' \
	has_fence vring_driver.c vring_driver_publish
check 'vring_driver_want_call() has its fence' \
	has_fence vring_driver.c vring_driver_want_call
check 'vring_should_notify() has its fence' has_fence vring.c vring_should_notify
check 'vring_want_kick() has its fence' has_fence vring.c vring_want_kick

echo "1..$n"
