# SPDX-License-Identifier: BSD-2-Clause
# guest-net.sh - The NICs of real VMs, their guest a program that polls its rings
#
# See pollnet.h and the README beside it for what the guest can do.
. "${top_srcdir:?}/tests/guest/lib.sh"

switch_start sw

hello() {
	vm_net hello mode=hello "$MAC_A"
	vm_off hello
	note "$(grep -a -o 'pollnet: .*kHz' "$T/hello.log")"
	said hello "nic 0 slot [0-9]* mac $MAC_A link up status 0xf "
	said hello 'nic 0 .* rx [1-9][0-9]* tx [1-9][0-9]*'
	said hello 'hello from 1$'
}
check 'a guest starts its NIC and powers off' hello

no_nic() {
	vm none mode=hello
	vm_off none
	said none 'hello from 0$'
}
check 'a VM without a NIC' no_nic

two_nics() {
	vm_net two mode=hello "$MAC_A" -netdev "vde,id=n1,sock=$T/sw" \
		-device "virtio-net-pci,netdev=n1,mac=$MAC_B"
	vm_off two
	said two "nic 0 .* mac $MAC_A "
	said two "nic 1 .* mac $MAC_B "
}
check 'a VM with two NICs' two_nics

# stream COUNT SIZE: from one guest to another, which acknowledges, so that a
# switch never has more to hold than a window.
stream() {
	vm_net recv "mode=recv count=$1 size=$2 window=64 timeout=10000" "$MAC_A"
	says recv 'recv ready'
	vm_net send "mode=send count=$1 size=$2 window=64 timeout=10000 dst=$MAC_A" \
		"$MAC_B"
	vm_off send
	vm_off recv
	note "$(grep -a -o 'pollnet: recv: .*' "$T/recv.log")"
	said send "sent $1$" || vm_log send
	said recv "received $1 lost 0 reordered 0 bad 0 duplicate 0 " ||
		vm_log recv
}
vde_fails 'loses some'
check '10000 frames of 60 bytes from guest to guest' stream 10000 60
vde_fails 'loses some'
check '10000 frames of 1514 bytes from guest to guest' stream 10000 1514

# echo_all 'GUEST OPTIONS' [PEER OPTION...]: the contents of frames both ways.
echo_all() {
	options=$1
	shift
	vm_net echo "mode=echo $options" "$MAC_A"
	says echo 'echo ready'
	note "$("$PEER" "$@" "vde://$T/sw" "$MAC_A" 2>&1)"
	grep -q 'came back$' "$T/note" || vm_log echo
}
check 'frames of 60 to 1514 bytes come back as they were' echo_all ''
check 'the same over rings of four entries' echo_all 'queue=4'
check 'the same, 40 on their way at a time' echo_all '' -w 40
end echo

ping() {
	vm_net echo mode=echo "$MAC_A"
	says echo 'echo ready'
	vm_net ping "mode=ping dst=$MAC_A count=200 size=$1 timeout=20000" "$MAC_B"
	vm_off ping
	end echo
	note "$(grep -a -o 'pollnet: ping cycles.*' "$T/ping.log")"
	said ping 'ping 200 lost 0 bad 0$' || vm_log ping
}
check 'request and response between guests, 60 bytes' ping 60
check 'request and response between guests, 1514 bytes' ping 1514

# A network that is no switch, whose frames the process that holds the cable carries.
# plugged NAME 'GUEST OPTIONS' PORT OTHER-PORT MAC
plugged() {
	vm "$1" "$2" -netdev "vde,id=n0,sock=udp://127.0.0.1:$3->127.0.0.1:$4" \
		-device "virtio-net-pci,netdev=n0,mac=$5"
}

by_module() {
	port=$((20000 + $$ % 10000 * 2))
	plugged echo mode=echo $port $((port + 1)) "$MAC_A"
	says echo 'echo ready'
	plugged ping "mode=ping dst=$MAC_A count=200 timeout=20000" $((port + 1)) $port "$MAC_B"
	vm_off ping
	end echo
	said ping 'ping 200 lost 0 bad 0$' || vm_log ping
}
if is_qemu; then
	skip 'request and response by a module of libvdeplug' 'it is not of this QEMU'
else
	check 'request and response by a module of libvdeplug' by_module
fi

# policy_is NAME NUMBER: how the VM's event loop is scheduled; proc(5), field 41 of stat.
policy_is() {
	[ "$(cut -d ' ' -f 41 "/proc/$(pid_of "$1")/stat")" = "$2" ]
}

requests_pace() {
	"$PEER" -f 60 -l 160 -w 1 "vde://$T/sw" "$MAC_A" && policy_is paced 0
}

# Frames that the VMM itself moves (lib/pace.h): much at a time, then requests. On one
# processor there is much each time, however many there are; and this guest polls, so that it
# may be calm for a trial only, each some seconds.
paced() {
	vm paced mode=echo -netdev "vde,id=n0,sock=$T/sw,fast=off" \
		-device "virtio-net-pci,netdev=n0,mac=$MAC_A"
	says paced 'echo ready'
	requests_pace
	for name in sw paced; do
		taskset -a -p -c 0 "$(pid_of $name)" >/dev/null
	done
	spawn much taskset -c 0 sh -c 'while "$@"; do :; done' sh \
		"$PEER" -f 900 -l 1514 -w 64 "vde://$T/sw" "$MAC_A"
	wait_for 15 policy_is paced 3
	end much
	wait_for 10 requests_pace
	taskset -a -p -c "0-$(($(nproc --all) - 1))" "$(pid_of sw)" >/dev/null
	end paced
}
if is_qemu; then
	skip 'a VM that carries much does not take the processor for it' 'QEMU does'
else
	check 'a VM that carries much does not take the processor for it' paced
fi

# The NIC of a VM that runs on while its switch is away.
comes_back() {
	vm_net echo mode=echo "$MAC_A"
	says echo 'echo ready'
	"$PEER" -f 100 -l 109 "vde://$T/sw" "$MAC_A"
	end sw
	switch_start sw
	wait_for 20 "$PEER" -f 100 -l 109 -t 500 "vde://$T/sw" "$MAC_A"
	is_running echo
	end echo
}
if is_qemu; then
	skip 'a NIC works again after its switch was restarted' \
		'QEMU does not connect again'
else
	check 'a NIC works again after its switch was restarted' comes_back
fi

done_testing
