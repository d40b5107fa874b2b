# SPDX-License-Identifier: BSD-2-Clause
# offload-bench.sh - tables, not a test: TCP between guest and host over a tap,
#                    and between two guests over a switch, ours beside QEMU, with
#                    offloads and without, and TCP within one, which is the bound.
#
# The host is emulated, and has one processor for everything: only the ratios
# mean anything, and they are those of work per byte.  Run it by hand on a
# machine that is quiet, with offload-ovs.sh:
#	tests/nested/nested tests/nested/cases/offload-bench.sh \
#		tests/nested/cases/offload-ovs.sh
# nested: qemu memory=4096 timeout=1800
. ./netbench.sh

# tap NAME - a tap, on the bridge br0 if there is one
tap()
{
	ip tuntap add "$1" mode tap
	[ ! -e /sys/class/net/br0 ] || ip link set "$1" master br0
	ip link set "$1" up
}

# card TAP NUMBER - options for a NIC there
card()
{
	echo "-m $memory -netdev tap,id=n,ifname=$1,script=no,downscript=no
		-device virtio-net-pci,netdev=n,mac=02:00:00:00:00:0$2"
}

# Who does not run does not disturb: one pair after the other.
net_image
iperf3 -s -D
tap t1
ip addr add 10.1.0.254/24 dev t1
# shellcheck disable=SC2046 # several words, here and below
start_vm vmm-tap 10.1.0.1 $(card t1 1)
vm_and_host vmm-tap 10.1.0.254
# shellcheck disable=SC2046
VMM=qemu-vmm start_vm qemu-tap 10.1.0.1 $(card t1 1)
vm_and_host qemu-tap 10.1.0.254

start_vm loopback '' -m $((2 * memory)) -net none # both files are there
vm_alone loopback
on_ours lanbox
on_ours lanbox-plain --offloads off

ip link add br0 type bridge forward_delay 0 mcast_snooping 0
ip link set br0 up
tap t3
tap t4
# shellcheck disable=SC2046
VMM=qemu-vmm start_vm qemu-bridge 10.4.0.1 $(card t3 1)
# shellcheck disable=SC2046
VMM=qemu-vmm start_vm qemu-bridge-2 10.4.0.2 $(card t4 2)
vm_and_vm qemu-bridge 10.4.0.2

vde_switch -daemon -sock /tmp/vde -pidfile /tmp/vde.pid
for i in 1 2; do
	vm=qemu-vde_switch
	[ $i = 1 ] || vm=qemu-vde_switch-2
	VMM=qemu-vmm start_vm $vm 10.5.0.$i -m $memory -netdev vde,id=n,sock=/tmp/vde \
		-device virtio-net-pci,netdev=n,mac=02:00:00:00:01:0$i
done
vm_and_vm qemu-vde_switch 10.5.0.2
kill "$(cat /tmp/vde.pid)"

table vmm-tap qemu-tap
table lanbox lanbox-plain qemu-bridge qemu-vde_switch loopback
check "each figure is one, and each download was right" complete vmm-tap qemu-tap \
	lanbox lanbox-plain qemu-bridge qemu-vde_switch loopback
finish
