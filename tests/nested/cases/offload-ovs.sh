# SPDX-License-Identifier: BSD-2-Clause
# offload-ovs.sh - a table, not a test: TCP between two guests on our switch, beside
#                  QEMU's on Open vSwitch with DPDK.
#
# Open vSwitch polls: it has one of the two processors of this host for itself, all
# the time, which is how it is meant to be run.  Guests and our switch have both; once
# ours polls as well.  For all else see offload-bench.sh.
# nested: qemu ovs cpus=2 memory=5120 timeout=1800
. ./netbench.sh

export CPU=1 PAGES=384

# on_ovs NAME [VARIABLE=VALUE] - two VMs of QEMU's on Open vSwitch
on_ovs()
{
	need "$1: Open vSwitch starts" env ${2:+"$2"} /nested/ovs-dpdk start /tmp/ovs a b
	for i in 1 2; do
		vm=$1 port=a
		[ $i = 1 ] || vm=$1-2 port=b
		VMM=qemu-vmm start_vm "$vm" 10.6.0.$i -m "$memory" \
			-object memory-backend-memfd,id=m,size=${memory}M,share=on \
			-machine memory-backend=m \
			-chardev "socket,id=c,path=/tmp/ovs/$port.sock,server=on" \
			-netdev vhost-user,id=n,chardev=c \
			-device virtio-net-pci,netdev=n,mac=02:00:00:00:02:0$i
	done
	vm_and_vm "$1" 10.6.0.2
	/nested/ovs-dpdk stop /tmp/ovs
}

net_image
on_ours lanbox
on_ours lanbox-poll --poll always
on_ovs qemu-ovs
on_ovs qemu-ovs-tso TSO=yes

table lanbox lanbox-poll qemu-ovs qemu-ovs-tso
check "each figure is one, and each download was right" complete lanbox lanbox-poll \
	qemu-ovs qemu-ovs-tso
finish
