# SPDX-License-Identifier: BSD-2-Clause
# lib.sh - What the tests with the poll-mode guest share: starting VMs
#
# Sourced by each script, instead of the switch tests' lib.sh, which it builds
# on (see there for check, spawn and so on). The VMM is $VMM, by default
# lanbox-vmm; with VMM=qemu-system-x86_64 the same scripts show what QEMU does
# with the same guest.
. "${top_srcdir:?}/tests/integration/lib.sh"

VMM=${VMM:-$top_builddir/lanbox-vmm}
GUEST=$top_builddir/tests/guest/pollnet
PEER=$top_builddir/tests/guest/peer
GUEST_SECONDS=${GUEST_SECONDS:-60}	# the longest that a VM may take
MAC_A=52:54:00:6c:62:0a
MAC_B=52:54:00:6c:62:0b

[ -c /dev/kvm ] || skip_all "no /dev/kvm here"
for lib_tool in "$GUEST.bin" "$GUEST.elf" "$PEER"; do
	[ -f "$lib_tool" ] || { echo "Bail out! $lib_tool is not built"; exit 99; }
done
command -v "$VMM" >/dev/null || { echo "Bail out! no VMM at $VMM"; exit 99; }

is_qemu() {
	case ${VMM##*/} in qemu*) true ;; *) false ;; esac
}

# vm NAME 'GUEST OPTIONS' [VMM OPTION...]: a VM, its console in $T/NAME.log.
vm() {
	lib_vm=$1
	lib_append=$2
	shift 2
	if is_qemu; then
		spawn "$lib_vm" "$VMM" -accel kvm -cpu host,-arch-capabilities -M pc \
			-m 64 -display none -nodefaults -serial stdio \
			-kernel "$GUEST.elf" -append "$lib_append" "$@"
	else
		spawn "$lib_vm" "$VMM" -m 64 -serial stdio -kernel "$GUEST.bin" \
			-append "$lib_append" "$@"
	fi
}

# vm_net NAME 'GUEST OPTIONS' MAC [VMM OPTION...]: the same, plugged into sw.
vm_net() {
	lib_name_=$1
	lib_options=$2
	lib_mac=$3
	shift 3
	vm "$lib_name_" "$lib_options" -netdev "vde,id=n0,sock=$T/sw" \
		-device "virtio-net-pci,netdev=n0,mac=$lib_mac" "$@"
}

# said NAME TEXT: whether a guest has printed it.
said() {
	tr -d '\r' <"$T/$1.log" | grep -a -q -- "pollnet: $2"
}

# said_count NAME TEXT: how many times.
said_count() {
	tr -d '\r' <"$T/$1.log" | grep -a -c -- "pollnet: $2" || :
}

# says NAME TEXT: wait for it, no longer than the VM runs.
says() {
	wait_for "$GUEST_SECONDS" vm_said_or_ended "$1" "$2"
	said "$1" "$2" || vm_log "$1"
}

vm_said_or_ended() {
	said "$1" "$2" || [ -s "$T/$1.rc" ]
}

# said_by_vmm FILE: what the VMM says, less its word of the host it is on.
said_by_vmm() {
	grep -v 'without virtualisation hardware (kvm_pvm): ordinary kernels' "$1" || :
}

# vm_log NAME: what there is to see of a VM that disappoints; fails.
vm_log() {
	echo "VM $1 ($(cat "$T/$1.rc" 2>/dev/null || echo runs)):"
	tail -n 40 "$T/$1.log"
	return 1
}

# vm_off NAME: wait until the guest has powered it off.
vm_off() {
	wait_for "$GUEST_SECONDS" test -s "$T/$1.rc" || vm_log "$1"
	[ "$(exit_status "$1")" = 0 ] || vm_log "$1"
}
