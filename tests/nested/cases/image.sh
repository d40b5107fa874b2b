# SPDX-License-Identifier: BSD-2-Clause
# image.sh - a Debian's disk image boots by its own boot loader with the line that people
#            type for qemu-kvm, gets its address, lets root in by ssh, and powers off when
#            asked; from a file, and from a partition of the host.
# nested: timeout=1200 disk qemu
. ./lib.sh

# dhcp_server: with the switch's network, and no leases yet
dhcp_server()
{
	dnsmasq --user=root --conf-file=/dev/null --port=0 --interface=tap0 \
		--bind-interfaces --dhcp-range=192.168.100.1,192.168.100.99,1h \
		--dhcp-leasefile="$work/leases" --dhcp-authoritative \
		--pid-file="$work/dnsmasq.pid" --log-facility="$work/dnsmasq.log"
}

took()
{
	echo "# $1 after $(($(seconds) - begun)) s"
}

# seed_line DISK...: the line, and what it takes to look at the VM
seed_line()
{
	begun=$(seconds)
	rm -f serial.log qmp vm.pid
	check "lanbox-vmm returns when the VM runs" lanbox-vmm -cpu host "$@" -m 1024 \
		-daemonize -vnc none -usb -net nic -net vde \
		-serial "file:$work/serial.log" -qmp "unix:$work/qmp,server,nowait" -pidfile vm.pid
}

# console REGEX [TIMES]: has the VM printed such a line (TIMES times)?
console()
{
	[ "$(tr -d '\r' <serial.log | grep -a -c -- "$1")" -ge "${2:-1}" ]
}

# up: the VM boots, and ssh answers
up()
{
	need "GRUB shows its menu on the serial console" \
		wait_for 100 console '\*Debian GNU/Linux'
	took "GRUB's menu"
	need "there is a login prompt" wait_for 400 console '^debian login: '
	took "the login prompt"
	need "it gets its address by DHCP" wait_for 100 leased
	address=$(sed -n 's/^[0-9]* [0-9a-f:]* \([0-9.]*\) .*/\1/p' leases | tail -n 1)
	need "ssh answers" wait_for 100 in_vm true
	took "ssh"
}

leased()
{
	grep -q ' debian ' leases
}

# in_vm COMMAND: by ssh, as root
in_vm()
{
	ssh -q -i key -o BatchMode=yes -o ConnectTimeout=30 -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile=/dev/null "root@$address" "$1"
}

# rebooted: is there a new system?
rebooted()
{
	id=$(in_vm 'cat /proc/sys/kernel/random/boot_id') && [ "$id" != "$first" ]
}

# qmp COMMAND: on the control socket
qmp()
{
	printf '%s\n' '{"execute":"qmp_capabilities"}' "{\"execute\":\"$1\"}" |
		socat -t 5 - "unix-connect:$work/qmp"
}

# powers_off: by the button
powers_off()
{
	pid=$(cat vm.pid)
	begun=$(seconds)
	check "system_powerdown is taken" qmp system_powerdown
	check "and the VM powers off" wait_for 200 gone "$pid"
	took "power off"
	check "having stopped what ran" console 'Reached target.*[Pp]ower'
}

modprobe -a virtio_pci virtio_blk loop
mkdir disk mnt
need "the host's disk" wait_for 10 mount /dev/vda1 disk
cp disk/key key && chmod 600 key

# The seed's network, with DHCP for it.
ip tuntap add tap0 mode tap
need "the switch starts" start_switch -tap tap0 -mod 660 -group kvm
ip addr add dev tap0 192.168.100.254/24
ip link set dev tap0 up

dhcp_server
seed_line -hda disk/disk.img
up
check "GRUB has loaded the kernel" in_vm 'grep BOOT_IMAGE=/boot/vmlinuz /proc/cmdline'
check_eq "it has the memory" \
	"$(in_vm "awk '/^MemTotal/ { print (\$2 > 900000) }' /proc/meminfo")" 1
first=$(in_vm 'cat /proc/sys/kernel/random/boot_id')
check "it reboots" in_vm 'systemctl reboot || true'
need "through its boot loader" wait_for 200 console '\*Debian GNU/Linux' 2
need "and ssh answers again" wait_for 400 rebooted
took "ssh after a reboot"
check_eq "it knows what it runs on" "$(in_vm systemd-detect-virt)" kvm
check "it writes" in_vm 'dd if=/dev/urandom of=/root/file bs=64k count=100 conv=fsync'
want=$(in_vm 'md5sum </root/file')
powers_off

check "its file system is whole" mount -o loop,ro,offset=1048576 disk/disk.img mnt
check_eq "and has what was written" "$(md5sum <mnt/root/file)" "$want"
umount mnt

# forget_leases: the next VM is a new one for the DHCP server
forget_leases()
{
	kill "$(cat dnsmasq.pid)"
	rm leases
	dhcp_server
}

# The same system in a qcow2, which has what differs from the first image.
forget_leases
check "a qcow2 on top of the image" \
	qemu-img create -q -f qcow2 -b disk.img -F raw disk/disk.qcow2
before=$(md5sum <disk/disk.img)
seed_line -drive file=disk/disk.qcow2,format=qcow2
up
check "it writes" in_vm 'echo here >/root/there && sync'
powers_off
check_eq "the image below is as it was" "$(md5sum <disk/disk.img)" "$before"
check "the qcow2 is whole" qemu-img check -q disk/disk.qcow2
rm disk/disk.qcow2

# The same system on a partition.
forget_leases
seed_line -hda /dev/vda2
up
powers_off
loop=$(losetup -f)
losetup -o 1048576 "$loop" /dev/vda2
check "its file system is whole" mount -o ro "$loop" mnt
umount mnt
losetup -d "$loop"
kill "$(cat dnsmasq.pid)"
umount disk
finish
