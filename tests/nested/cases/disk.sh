# SPDX-License-Identifier: BSD-2-Clause
# disk.sh - disks: what a guest writes is what the host reads and the other way round,
#           with an unmodified kernel and its file system; images that must not change
#           do not; no two VMs have one image. What a VM that is killed may lose is
#           in tests/guest/guest-disk.sh.
# nested: timeout=1200 qemu
. ./lib.sh

# disk_vm NAME ARGUMENT...: a VM without a network, up and ready
disk_vm()
{
	vm=$1
	shift
	start_vm "$vm" '' -net none "$@"
	need "VM $vm boots with $*" vm_boot "$vm"
}

# cache_is MODE - have the guest switch it so, while it reads
cache_is()
{
	vm_run vm "dd if=/dev/vda of=/dev/null bs=64k count=64 2>/dev/null & d=\$!; \
echo $1 >/sys/block/vda/cache_type && wait \$d && grep '$1' /sys/block/vda/cache_type"
}

# block FILE: what the guest's kernel says of its first disk
block()
{
	vm_run "$vm" "cat /sys/block/vda/$1; echo" | head -n 1
}

# sum FILE: its checksum
sum()
{
	md5sum <"$1"
}

# sum_in VM FILE: the same in a VM
sum_in()
{
	vm_run "$1" "md5sum <$2" 60
}

check "the host has loop devices" modprobe loop
mkdir disks tree mnt
truncate -s 400M disks.img
need "a file system for the images" mke2fs -q -t ext4 disks.img
need "it is mounted" mount -o loop disks.img disks

# An image with a file system made by the host.
mkdir tree/dir
dd if=/dev/urandom of=tree/dir/file bs=1k count=3000 2>/dev/null
truncate -s 64M disks/a.img
need "an image" mke2fs -q -t ext4 -d tree disks/a.img

disk_vm vm -hda disks/a.img
check_eq "the disk has the image's size" "$(block size)" 131072
check_eq "it may be written to" "$(block ro)" 0
check_eq "its sectors have 512 bytes" "$(block queue/logical_block_size)" 512
check_eq "the guest knows of a cache" "$(block queue/write_cache)" "write back"
check "and can do without" cache_is "write through"
check "or with it again" cache_is "write back"
check "the guest mounts it" vm_run vm 'mkdir /m && mount /dev/vda /m'
check_eq "what the host has written is there" "$(sum_in vm /m/dir/file)" \
	"$(sum tree/dir/file)"
check "the guest writes" vm_run vm \
	'dd if=/dev/urandom of=/m/new bs=64k count=150 conv=fsync' 60
want=$(sum_in vm /m/new)
check "and more than there is room for" \
	no vm_run vm 'dd if=/dev/zero of=/m/full bs=1M count=100' 90
check "which is removed" vm_run vm 'rm /m/full && sync' 60
check "a second VM is refused" no "$VMM" -m 128 -kernel "$KERNEL" -serial null \
	-hda disks/a.img
check_eq "with one line, which names the image" \
	"$("$VMM" -m 128 -kernel "$KERNEL" -serial null -hda disks/a.img 2>&1 |
		grep -c "disk '.*/disks/a.img': another VM uses it")" 1
check "QEMU is refused, too" no timeout 20 qemu-system-x86_64 -accel kvm -S \
	-display none -nodefaults -drive file=disks/a.img,format=raw,if=virtio
cp check.out qemu.said
check "by our lock" grep 'lock' qemu.said || diag <qemu.said

# A reboot in the midst of writing.
vm_send vm 'dd if=/dev/urandom of=/m/flood bs=64k & sleep 1; reboot -f'
need "it reboots while it writes" wait_for "$PATIENCE" vm_says vm '^lb: up ' 2
check "mounts again" vm_run vm 'mkdir /m && mount /dev/vda /m' 60
check_eq "and has what it had" "$(sum_in vm /m/new)" "$want"
check "the guest unmounts it" vm_run vm 'rm -f /m/flood && umount /m' 60
check "and powers off" vm_poweroff vm
check "the host finds the file system clean" e2fsck -fn disks/a.img
check "and mounts it" mount -o loop,ro disks/a.img mnt
check_eq "what the guest has written is there" "$(sum mnt/new)" "$want"
check "(unmounted)" umount mnt

# Discards give space back.
allocated()
{
	stat -c %b disks/b.img
}
truncate -s 32M disks/b.img
disk_vm vm -drive file=disks/b.img,format=raw,if=virtio,discard=unmap,serial=Nr-17
check_eq "the serial number is the guest's" "$(block serial)" Nr-17
check "the guest fills a disk" vm_run vm \
	'dd if=/dev/urandom of=/dev/vda bs=1M conv=fsync count=32' 90
full=$(allocated)
check "and discards it" vm_run vm 'blkdiscard /dev/vda && sync' 60
check "which gives the space back" [ "$(allocated)" -lt $((full / 10)) ]
check_eq "and leaves zeros" "$(sum_in vm /dev/vda)" "$(sum disks/b.img)"
check "it powers off" vm_poweroff vm

# Read-only, and the order of disks.
before=$(sum disks/a.img)
disk_vm vm -hdb disks/b.img -drive file=disks/a.img,index=0,readonly=on \
	-drive file=disks.img,if=virtio,readonly=on,file.locking=off -snapshot
check_eq "-hda is the first disk, -hdb the second" \
	"$(vm_run vm 'cat /sys/block/vda/size /sys/block/vdb/size /sys/block/vdc/size' |
		tr '\n' ' ')" '131072 65536 819200 '
check_eq "a disk with readonly=on is read-only" "$(block ro)" 1
check "and cannot be written to" no vm_run vm 'dd if=/dev/zero of=/dev/vda count=1'
check "with -snapshot the guest writes" vm_run vm \
	'dd if=/dev/urandom of=/r bs=1M count=5 && dd if=/r of=/dev/vdb seek=3 bs=1M conv=fsync' 60
check "and reads what it wrote" vm_run vm \
	'echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/vdb bs=1M skip=3 count=5 | cmp - /r' 60
check "it powers off" vm_poweroff vm
check_eq "the image is not changed" "$(tr -d '\0' <disks/b.img | wc -c)" 0
check_eq "nor the other" "$(sum disks/a.img)" "$before"

# A block device that the host uses, too.
loop=$(losetup -f)
need "a block device" losetup "$loop" disks/a.img
check "the host mounts it" mount "$loop" mnt
check "a VM that would write to it is refused" no "$VMM" -m 128 -kernel "$KERNEL" \
	-serial null -hda "$loop"
cp check.out host.said
check "and told why" grep "disk '$loop': .*mounted" host.said
check "(unmounted)" umount mnt
disk_vm vm -drive "file=$loop,format=raw,if=virtio,cache=none"
check "a guest has it, past the host's cache" vm_run vm \
	'mkdir /m && mount /dev/vda /m && dd if=/dev/urandom of=/m/third bs=1k count=999' 60
want=$(sum_in vm /m/third)
check "it unmounts it" vm_run vm 'umount /m' 60
check "and powers off" vm_poweroff vm
check "the host mounts the device" mount "$loop" mnt
check_eq "and reads what the guest wrote" "$(sum mnt/third)" "$want"
check "(unmounted)" umount mnt
losetup -d "$loop"

# A qcow2, which qemu-storage-daemon reads and writes for us.
check "a qcow2 is made of the first image" \
	qemu-img convert -f raw -O qcow2 disks/a.img disks/q.qcow2
disk_vm vm -drive file=disks/q.qcow2,format=qcow2,if=virtio,discard=unmap
check_eq "the disk has the size of the image in it" "$(block size)" 131072
check_eq "the guest knows of a cache" "$(block queue/write_cache)" "write back"
check "and can do without" cache_is "write through"
check "or with it again" cache_is "write back"
check "a second VM is refused" no "$VMM" -m 128 -kernel "$KERNEL" -serial null \
	-drive file=disks/q.qcow2,format=qcow2,if=virtio
check "the guest mounts it" vm_run vm 'mkdir /m && mount /dev/vda /m'
check_eq "what was in the first image is there" "$(sum_in vm /m/dir/file)" \
	"$(sum tree/dir/file)"
check "the guest writes" vm_run vm \
	'dd if=/dev/urandom of=/m/fourth bs=64k count=150 conv=fsync' 60
want=$(sum_in vm /m/fourth)
vm_send vm 'dd if=/dev/urandom of=/m/flood bs=64k & sleep 1; reboot -f'
need "it reboots while it writes" wait_for "$PATIENCE" vm_says vm '^lb: up ' 2
check "mounts again" vm_run vm 'mkdir /m && mount /dev/vda /m' 60
check_eq "and has what it had" "$(sum_in vm /m/fourth)" "$want"
full=$(stat -c %b disks/q.qcow2)
check "it removes all and gives the space back" \
	vm_run vm 'rm -rf /m/flood /m/new /m/dir && sync && fstrim /m' 60
check "the guest unmounts it" vm_run vm 'umount /m' 60
check "and powers off" vm_poweroff vm
check "the image is smaller now" [ "$(stat -c %b disks/q.qcow2)" -lt "$full" ]
check "no daemon is left" no pidof qemu-storage-daemon
check "qemu-img finds it clean" qemu-img check -q disks/q.qcow2
check "and makes a raw image of it" \
	qemu-img convert -f qcow2 -O raw disks/q.qcow2 disks/q.img
check "whose file system is clean" e2fsck -fn disks/q.img
check "which the host mounts" mount -o loop,ro disks/q.img mnt
check_eq "with what the guest has written" "$(sum mnt/fourth)" "$want"
check "(unmounted)" umount mnt
rm disks/q.img disks/q.qcow2

umount disks
finish
