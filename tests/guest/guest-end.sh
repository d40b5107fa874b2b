# SPDX-License-Identifier: BSD-2-Clause
# guest-end.sh - How VMs end: power off, reset, faults, guests that hang
. "${top_srcdir:?}/tests/guest/lib.sh"

# resets HOW: with -no-reboot it ends the VM, without the guest starts again, but not for
# ever.
resets() {
	vm once "mode=hello exit=$1" -no-reboot
	vm_off once
	is 'starts of the VM that must not' "$(said_count once 'hello from')" 1
	vm again "mode=hello exit=$1"
	if is_qemu; then
		wait_for "$GUEST_SECONDS" started_thrice
		is_running again
		end again
		return
	fi
	wait_for "$GUEST_SECONDS" test -s "$T/again.rc" || vm_log again
	is 'starts of the VM that may' "$(said_count again 'hello from')" 11
	is 'its status' "$(exit_status again)" 5
	grep -q 'restarted 10 times in a row' "$T/again.log" || vm_log again
}

started_thrice() {
	[ "$(said_count again 'hello from')" -ge 3 ]
}
check 'reset by the keyboard controller' resets kbd
check 'reset by port 0xcf9' resets cf9

triple() {
	vm triple mode=triple -no-reboot
	wait_for "$GUEST_SECONDS" test -s "$T/triple.rc" || vm_log triple
	# Our own message may come in the middle of the line.
	grep -a -q 'an exception without handlers' "$T/triple.log" || vm_log triple
	is_qemu || grep -a -q 'triple fault' "$T/triple.log" || vm_log triple
}
check 'VM-29: a triple fault is told and ends the VM' triple

triple_again() {
	vm triple mode=triple
	wait_for "$GUEST_SECONDS" test -s "$T/triple.rc" || vm_log triple
	is 'its starts' "$(said_count triple 'triple: ')" 4
	is 'its status' "$(exit_status triple)" 4
	grep -q 'triple fault.*again and again' "$T/triple.log" || vm_log triple
}
is_qemu || check 'VM-29: a guest that does nothing but crash is not restarted for ever' triple_again

# Where KVM emulates ring 0 this instruction stops it; elsewhere it just runs.
emulation() {
	vm emul mode=ud-emul
	wait_for "$GUEST_SECONDS" emul_over || vm_log emul
	if said emul 'ud-emul: the instruction ran'; then
		note 'this KVM runs ring 0 by itself'
		vm_off emul
		return
	fi
	note 'this KVM emulates ring 0'
	grep -a -q '^emulation failure' "$T/emul.log" || vm_log emul
	grep -a -q '^RIP=' "$T/emul.log" || vm_log emul
	is_qemu || [ "$(exit_status emul)" != 0 ] || vm_log emul
	end emul
}

# QEMU stops its VM and waits for somebody to look at it.
emul_over() {
	[ -s "$T/emul.rc" ] || { is_qemu && grep -q '^EFER=' "$T/emul.log"; }
}
check 'an instruction that the emulator lacks is told' emulation

hangs() {
	vm hang "mode=hang ring=$1"
	says hang "hang: ring $1"
	kill -TERM "$(pid_of hang)"
	ended hang || vm_log hang
}
check 'a guest that hangs in ring 3 is ended by a signal' hangs 3
check 'a guest that hangs in ring 0 is ended by a signal' hangs 0

halted() {
	vm halt 'mode=hello exit=halt'
	says halt 'halt$'
	sleep 0.2
	before=$(cpu_ticks halt)
	sleep 1
	after=$(cpu_ticks halt)
	kill -TERM "$(pid_of halt)"
	ended halt || vm_log halt
	[ $((after - before)) -le 10 ] ||
		fail "it used $((after - before)) ticks of CPU time in a second"
}

# User and system time so far; the program's name may have blanks.
cpu_ticks() {
	sed 's/.*) //' "/proc/$(pid_of "$1")/stat" | awk '{ print $12 + $13 }'
}
check 'a guest that halts costs no CPU time, and is ended by a signal' halted

refuses() {
	vm wrong "$1"
	vm_off wrong
	said wrong "error: $2" || vm_log wrong
}
check 'the guest refuses an unknown mode' refuses mode=bogus 'mode=bogus '
check 'the guest refuses an unknown option' refuses mod=hello 'unknown option'

done_testing
