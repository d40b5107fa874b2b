# SPDX-License-Identifier: BSD-2-Clause
# restart.sh - the switch has the guests' rings, dies, and comes back: the guests
#              notice no more than a pause
. ./lib.sh

# handed_over - how many guests' memory the switch has
handed_over()
{
	grep -c '[/:]guest-ram' "/proc/$(cat switch.pid)/maps"
}

start()
{
	start_switch
}

# link_changes NAME - how often the guest's link changed
link_changes()
{
	vm_run "$1" "cat /sys/class/net/eth0/carrier_changes" 10 | tail -n 1
}

need "the switch starts" start
start_vm a 10.0.0.1
start_vm b 10.0.0.2
start_vm c 10.0.0.3 -net nic -net vde,fast=off
need "three VMs boot" vm_boot a b c
check_eq "the switch has the memory of a and b, and not of c" "$(handed_over)" 2
for pair in "a 10.0.0.2" "b 10.0.0.3" "c 10.0.0.1"; do
	check "ping: $pair" pings $pair 3
done
before=$(link_changes a)

for round in 1 2 3; do
	kill -9 "$(cat switch.pid)"
	check "round $round: the switch is gone" wait_for 5 gone "$(cat switch.pid)"
	check "round $round: the VMs go on" vm_run a "true"
	[ $round = 1 ] || sleep 2
	need "round $round: it starts again" start
	check "round $round: a reaches b" pings a 10.0.0.2 3
	check "round $round: b reaches a" pings b 10.0.0.1 3
	check "round $round: c is back, too" pings c 10.0.0.2 3
done
check_eq "a's link never went down" "$(link_changes a)" "$before"

# Many pings while it goes and comes: none answered twice, few lost.
vm_send a "ping -c 40 -i 0.25 -W 1 10.0.0.2"
sleep 3
kill -9 "$(cat switch.pid)"
sleep 1
need "it starts again under traffic" start
wait_for 40 vm_says a "^40 packets transmitted"
back=$(vm_console a | sed -n 's/^40 packets transmitted, \([0-9]*\) .*/\1/p')
check "of 40 pings with a second without a switch, $back came back" \
	test "${back:-0}" -ge 25
check "none came back twice" no vm_says a "duplicates"

# A guest's driver goes and comes: its rings do, too.
check "a's driver is taken away and back" vm_run a \
	"d=\$(basename \$(readlink /sys/class/net/eth0/device)); \
	 echo \$d >/sys/bus/virtio/drivers/virtio_net/unbind && \
	 echo \$d >/sys/bus/virtio/drivers/virtio_net/bind && sleep 1 && \
	 ip addr add 10.0.0.1/24 dev eth0 && ip link set eth0 up" 30
check "a reaches b with a new driver" pings a 10.0.0.2 3

# A reboot of the guest.
vm_send b "reboot -f"
check "b reboots" wait_for "$PATIENCE" vm_says b '^lb: up ' 2
check "a reaches b after its reboot" pings a 10.0.0.2 3
for vm in a b c; do
	check "$vm powers off" vm_poweroff $vm
done
finish
