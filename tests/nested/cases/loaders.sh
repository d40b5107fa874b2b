# SPDX-License-Identifier: BSD-2-Clause
# loaders.sh - what people boot beside Linux distributions: GRUB with a kernel of its own,
#              memtest86+, and iPXE, which fetches a kernel through the switch; kernels
#              in other wrappings, and which of two disks is booted.
# nested: timeout=1800
. ./lib.sh
. /nested/grubdisk.sh

# vm ARGUMENT...: a VM whose console is serial.log
vm()
{
	rm -f serial.log
	lanbox-vmm -serial "file:$work/serial.log" "$@" >vmm.log 2>&1 &
	vmm=$!
}

# vm_ends: at once
vm_ends()
{
	kill -QUIT $vmm && wait $vmm
}

# console REGEX
console()
{
	tr -d '\r' <serial.log | grep -a -q -- "$1"
}

# menu DEFAULT: a configuration of GRUB
menu()
{
	cat <<-END
		serial --unit=0 --speed=115200
		terminal_input serial
		terminal_output serial
		set timeout=1
		set default=$1
		menuentry "Linux" {
		linux /boot/vmlinuz console=ttyS0 quiet lb.without=virtio_net
		initrd /boot/guest.img
		}
		menuentry "memtest" {
		linux /boot/memtest86+x64.bin console=ttyS0,115200
		}
	END
}

mkdir -p tree/boot/grub small/boot/grub
cp /boot/vmlinuz /boot/guest.img tree/boot/
cp /boot/memtest86+x64.bin small/boot/
menu 0 >tree/boot/grub/grub.cfg
menu 1 >small/boot/grub/grub.cfg
need "a disk with Linux" grub_disk /boot/grub linux.img 48 tree
need "a disk with memtest86+" grub_disk /boot/grub memtest.img 16 small

# GRUB and a kernel.
vm -hda linux.img -m 256 -net nic -net "vde,sock=$work/lan,reconnect=on"
check "GRUB shows its menu" wait_for 60 console '\*Linux'
check "and boots a kernel" wait_for "$PATIENCE" console '^lb: up '
kill -TERM $vmm
check "which has heard of the power button" wait $vmm
check "at its end is said which driver it lacks" grep \
	'NIC 1: the guest has not claimed it: its kernel lacks CONFIG_VIRTIO_NET,' vmm.log
check "of the disk, which the kernel has as the firmware had, nothing" no grep 'disk' vmm.log

# The same kernel without its wrapping, which is an ELF file with a PVH entry.
number()
{
	od -A n -t "u$2" -j "$1" -N "$2" /boot/vmlinuz | tr -d ' '
}
start=$((($(number 497 1) + 1) * 512 + $(number 584 4)))
tail -c "+$((start + 1))" /boot/vmlinuz | head -c "$(number 588 4)" |
	lz4 -dc >vmlinux 2>/dev/null
vm -kernel vmlinux -initrd /boot/guest.img -m 256 -net none \
	-append 'console=ttyS0 quiet lb.ip=192.168.100.8/24'
check "vmlinux boots" wait_for "$PATIENCE" console '^lb: up .* ip=192.168.100.8'
vm_ends
rm -f vmlinux

# memtest86+, from a disk and directly.
vm -drive file=linux.img,if=none,id=a -drive file=memtest.img,if=none,id=b \
	-device virtio-blk-pci,drive=a,bootindex=2 \
	-device virtio-blk-pci,drive=b,bootindex=1 -m 32 -net none
check "the disk with the lower bootindex boots" wait_for 60 console '\*memtest'
check "memtest86+ runs" wait_for "$PATIENCE" console 'Memtest86'
check "and finds the memory" wait_for "$PATIENCE" console '3[0-2]M\|3[0-9]\.[0-9]*M'
check "and counts a test" wait_for "$PATIENCE" console 'Test: *#[1-9]\|#[1-9]'
vm_ends
vm -kernel /boot/memtest86+x64.bin -append console=ttyS0,115200 -m 32 -net none
check "memtest86+ runs as a kernel, too" wait_for "$PATIENCE" console 'Memtest86'
check "and counts a test" wait_for "$PATIENCE" console 'Test: *#[1-9]\|#[1-9]'
vm_ends

# iPXE: a lease, and a kernel by TFTP.
ip tuntap add tap0 mode tap
need "the switch starts" start_switch -tap tap0
ip addr add dev tap0 192.168.100.254/24
ip link set dev tap0 up
mkdir tftp
cp /boot/vmlinuz /boot/guest.img tftp/
cat >tftp/boot.ipxe <<'END'
#!ipxe
kernel tftp://${next-server}/vmlinuz console=ttyS0 quiet initrd=guest.img lb.ip=192.168.100.7/24
initrd tftp://${next-server}/guest.img
boot
END
dnsmasq --user=root --conf-file=/dev/null --port=0 --interface=tap0 --bind-interfaces \
	--dhcp-range=192.168.100.1,192.168.100.99,1h --dhcp-leasefile="$work/leases" \
	--dhcp-authoritative --pid-file="$work/dnsmasq.pid" --log-facility="$work/dnsmasq.log" \
	--enable-tftp --tftp-root="$work/tftp" --dhcp-boot=boot.ipxe
vm -hda /usr/lib/ipxe/ipxe.iso -m 256 -net nic,macaddr=52:54:00:12:34:56 -net vde
check "iPXE runs" wait_for "$PATIENCE" console 'iPXE'
check "gets a lease" wait_for "$PATIENCE" grep 52:54:00:12:34:56 leases
check "and boots a kernel by TFTP" wait_for 300 console '^lb: up .* ip=192.168.100.7'
check "which has the network" wait_for 20 ping -c 1 -W 1 192.168.100.7
vm_ends
kill "$(cat dnsmasq.pid)"
finish
