# SPDX-License-Identifier: BSD-2-Clause
# guest-memory.sh - Where a VM's memory comes from, and the balloon's commands, as far as
#                   that needs no driver in the guest
. "${top_srcdir:?}/tests/guest/lib.sh"
is_qemu && skip_all "QEMU's messages are others"
requires socat

# qmp NAME COMMAND...: the replies of a VM's control socket, a line each.
qmp() {
	lib_vm=$1
	shift
	printf '%s\n' '{"execute": "qmp_capabilities"}' "$@" |
		socat -t2 - "unix:$T/$lib_vm.qmp" | tr -d '\r' | tail -n +3
}

# hang NAME OPTION...: a VM that does nothing.
hang() {
	lib_name=$1
	shift
	vm "$lib_name" 'mode=hang ring=3' -qmp "unix:$T/$lib_name.qmp,server=on,wait=off" "$@"
	says "$lib_name" 'hang: ring 3'
}

# refused TEXT OPTION...: no VM starts, and TEXT is said.
refused() {
	lib_text=$1
	shift
	rm -f "$T/no.rc"
	vm no 'mode=hang ring=3' "$@"
	ended no || vm_log no
	grep -F -q -e "$lib_text" "$T/no.log" || vm_log no
	[ "$(exit_status no)" != 0 ]
}

balloon() {
	hang with -device virtio-balloon-pci
	qmp with '{"execute": "query-balloon"}' \
		'{"execute": "balloon", "arguments": {"value": 33554432}}' \
		'{"execute": "balloon", "arguments": {"value": 0}}' \
		'{"execute": "balloon", "arguments": {"value": "x"}}' \
		'{"execute": "query-balloon"}' >"$T/replies"
	# It is the guest who has to do something.
	is 'memory' "$(grep -c '"actual": 67108864' "$T/replies")" 2
	is 'good wishes' "$(grep -c '{"return": {}}' "$T/replies")" 1
	is 'bad wishes' "$(grep -c 'expects a size' "$T/replies")" 2
	end with
}
check 'the balloon has commands' balloon

no_balloon() {
	hang without
	qmp without '{"execute": "query-balloon"}' \
		'{"execute": "balloon", "arguments": {"value": 33554432}}' >"$T/replies"
	is 'errors' "$(grep -c '"class": "DeviceNotActive"' "$T/replies")" 2
	end without
}
check 'without a balloon they say so' no_balloon

# resident NAME: KiB of memory that the VMM has.
resident() {
	awk '/^VmRSS:/ { print $2 }' "/proc/$(pid_of "$1")/status"
}

prealloc() {
	hang lazy
	hang eager -mem-prealloc
	[ "$(resident lazy)" -lt 40000 ] || fail "lazy: $(resident lazy)"
	[ "$(resident eager)" -gt 65536 ] || fail "eager: $(resident eager)"
	end lazy
	end eager
}
check 'memory is had when it is touched, or from the start' prealloc

path() {
	mkdir "$T/dir"
	hang dir -mem-path "$T/dir"
	is 'files left' "$(ls "$T/dir")" ''
	ls -l "/proc/$(pid_of dir)/fd" | grep -q "$T/dir/lanbox-vmm-ram.* (deleted)"
	hang file -object "memory-backend-file,id=m,size=64M,mem-path=$T/ram,share=on" \
		-machine q35,memory-backend=m
	is 'size' "$(stat -c %s "$T/ram")" 67108864
	end dir
	end file
}
check 'memory can be a file' path

check 'no file that has something in it' refused 'the file is not empty' -mem-path "$T/ram"
check 'no file where there can be none' refused 'No such file' -mem-path "$T/no/ram"
check 'not more than the host has' refused 'this host has only' -m 900G

# Whoever has it can cut it, where the kernel does not give huge pages to what can be
# sealed. That is the end of the VM, in plain words, and of nothing else.
cut() {
	vm cut 'mode=disk-write count=1000000 blocks=128' \
		-drive "file=$T/cut.img,if=virtio,format=raw"
	wait_for "$GUEST_SECONDS" grep -a -q 'safe [0-9]' "$T/cut.log"
	for fd in "/proc/$(pid_of cut)/fd"/*; do
		case $(readlink "$fd") in *guest-ram*) ram=$fd ;; esac
	done
	size=$(stat -L -c %s "$ram")
	if truncate -s 0 "$ram" 2>"$T/truncate"; then
		ended cut
		is 'exit status' "$(exit_status cut)" 3
		grep -a 'has cut it short' "$T/cut.log" || fail "$(tail -n 5 "$T/cut.log")"
	else
		grep 'not permitted' "$T/truncate"
		is 'size' "$(stat -L -c %s "$ram")" "$size"
		is_running cut
		end cut
	fi
}
truncate -s 512K "$T/cut.img"
check 'VM-31: memory that is cut short is the end of the VM, which says why, or cannot be' cut

# What the host has set aside is none of ours: as it is, or not at all.
hugetlb() {
	if [ "$(cat /sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages)" -ge 32 ]; then
		hang huge -object memory-backend-memfd,id=m,size=64M,hugetlb=on,hugetlbsize=2M \
			-machine memory-backend=m
		end huge
	else
		refused '32 huge pages of 2048 KiB are needed' -machine memory-backend=m \
			-object memory-backend-memfd,id=m,size=64M,hugetlb=on,hugetlbsize=2M
	fi
}
check 'huge pages that are set aside, if there are' hugetlb
done_testing
