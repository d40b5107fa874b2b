# SPDX-License-Identifier: BSD-2-Clause
# peer-vde.sh - each half with the other's peer: our VMM on Debian's vde_switch,
#               and QEMU beside our VMM on our switch.
# nested: qemu
. ./lib.sh

# Our VMM, their switch.
need "Debian's vde_switch starts" vde_switch -s theirs -d -p theirs.pid
start_vm a 192.168.100.1 -net nic -net "vde,sock=theirs"
start_vm b 192.168.100.2 -netdev "vde,id=n0,sock=theirs" \
	-device virtio-net-pci,netdev=n0,mac=52:54:00:00:00:0b
need "two VMs boot on it" vm_boot a b
check_eq "b has the address it was given" "$(vm_fact b mac)" 52:54:00:00:00:0b
check "a reaches b" pings a 192.168.100.2 3
check "b reaches a" pings b 192.168.100.1 3
check "frames of 1514 bytes pass whole" \
	vm_run a "ping -c 3 -s 1472 192.168.100.2 | grep ' 3 packets received'"
check "a powers off" vm_poweroff a
check "b powers off" vm_poweroff b

# QEMU and our VMM, our switch.
need "the switch starts" start_switch -sock ours
start_vm c 192.168.100.3 -net nic -net "vde,sock=ours"
our_vmm=$VMM
VMM=qemu-vmm
start_vm q 192.168.100.4 -netdev "vde,id=n0,sock=ours" \
	-device virtio-net-pci,netdev=n0,mac=52:54:00:00:00:0d
VMM=$our_vmm
need "a VM and QEMU's VM boot on it" vm_boot c q
check "the VM reaches QEMU's" pings c 192.168.100.4 3
check "QEMU's reaches the VM" pings q 192.168.100.3 3
check "frames of 1514 bytes pass whole" \
	vm_run q "ping -c 3 -s 1472 192.168.100.3 | grep ' 3 packets received'"
finish
