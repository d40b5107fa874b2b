# SPDX-License-Identifier: BSD-2-Clause
# nics.sh - several network cards: a switch that is not there yet, goes and comes
#           back, a tap, MTUs; what the guest sees of all that
#
# nested: timeout=240
. ./lib.sh

# carrier VM NIC - does the guest see a cable plugged in? 1 or 0
carrier()
{
	vm_run "$1" "cat /sys/class/net/$2/carrier"
}

carrier_is()
{
	[ "$(carrier "$1" "$2")" = "$3" ]
}

# no_pings VM ADDRESS - does nothing come back?
no_pings()
{
	vm_run "$1" "! ping -q -c 1 -W 1 $2 >/dev/null" 10
}

# started OPTION... - does a VM start with these? It is ended again.
started()
{
	start_vm try "" "$@"
	wait_for 5 vm_says try "^lb: init" || return 1
	kill "$(vm_pid try)"
	vm_exit try
}

check "without a switch there is no VM" no started -net nic -net vde,sock=/tmp/lan
check "and it is said why" vm_says try "network '/tmp/lan': cannot connect to the switch"

ip tuntap add tap0 mode tap
ip addr add 10.1.0.254/24 dev tap0
ip link set tap0 up
check "no tap, no VM" no started -netdev tap,id=t,script=no,fd=0 -device virtio-net-pci,netdev=t

start_vm two "" \
	-netdev vde,id=lan,sock=/tmp/lan,reconnect=on -device virtio-net-pci,netdev=lan \
	-netdev tap,id=tap,ifname=tap0,script=no,downscript=no \
	-device virtio-net-pci,netdev=tap,host_mtu=1300
need "a VM boots though its switch is not there yet" vm_boot two
check "that is said" vm_says two "the switch is not there yet"
vm_run two "for i in 0 1; do ip addr add 10.\$i.0.1/24 dev eth\$i; ip link set eth\$i up; done"
check_eq "the guest sees no cable" "$(carrier two eth0)" 0
check_eq "but the one of the tap" "$(carrier two eth1)" 1
check_eq "the tap's card has the MTU that was asked for" \
	"$(vm_run two "cat /sys/class/net/eth1/mtu")" 1300
check_eq "the other has the usual one" "$(vm_run two "cat /sys/class/net/eth0/mtu")" 1500
check "the host answers on the tap" pings two 10.1.0.254 3
check "packets as long as they may be pass" \
	vm_run two "ping -q -c 2 -W 2 -s 1272 10.1.0.254 >/dev/null"

# The switch, at last.

need "the switch starts" start_switch -sock /tmp/lan
check "the guest sees the cable plugged in" wait_for 10 carrier_is two eth0 1
start_vm peer 10.0.0.2 -net nic -net vde,sock=/tmp/lan
need "a neighbour on the switch boots" vm_boot peer
check "they reach each other" pings peer 10.0.0.1 3

# It goes for longer than a moment, and comes back. The first VM has it by datagrams, the
# other one by its rings.
check "the switch ends" stop_switch
check "the guest sees the cable pulled" wait_for 10 carrier_is two eth0 0
check "so does the neighbour, who was patient" wait_for 25 carrier_is peer eth0 0
check "the tap does not mind" pings two 10.1.0.254
need "the switch starts again" start_switch -sock /tmp/lan
check "the cables are plugged in again" wait_for 10 carrier_is two eth0 1
check "both of them" wait_for 10 carrier_is peer eth0 1
check "they reach each other again" pings peer 10.0.0.1 3

ip link del tap0
check "a tap that is deleted is a cable pulled" wait_for 10 carrier_is two eth1 0
check "and the other one is not" pings peer 10.0.0.1
vm_poweroff two
check_eq "the VM ends" $? 0
finish
