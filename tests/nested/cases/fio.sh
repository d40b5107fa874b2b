# SPDX-License-Identifier: BSD-2-Clause
# fio.sh - tables, not a test: what fio in a Linux guest gets of a disk, raw and qcow2, by
#          our VMM and by QEMU's virtio-blk in turns, same kernel, same image; and what
#          memory the VMMs have beside the guest's under that load and a network's.
#
# The image is in the page cache of the emulated host: this is what VMMs and daemons cost,
# not what a disk can do. The host has one CPU for all of it, and is emulated: only the
# ratios mean anything. Run it by hand on a machine that is quiet:
#	tests/nested/nested tests/nested/cases/fio.sh
# nested: qemu fio memory=6144 timeout=2400
. ./lib.sh

rounds=3
sides='ours-raw-io_uring ours-raw-threads qemu-raw-io_uring qemu-raw-threads
	ours-qcow2-io_uring qemu-qcow2-io_uring qemu-qcow2-threads'
jobs='read-4k-1 read-4k-32 write-4k-1 write-4k-32 read-1m-4 write-1m-4'
megabytes=512	# of guest memory, with fio's libraries in it
ours=$VMM

# fio's line about a job, made short.
# shellcheck disable=SC2016 # the guest expands it
digest='awk -F ";" "NF > 50 { print \"fio\", \$3, \$8 + \$49; next } { print \"fio says\", \$0 }"'

busy='fio --section=write-4k-32 --section=read-1m-4 --runtime=8 /jobs.fio >/dev/null'

# What the guest runs: each job for two seconds, after half a second that does not count.
{
	cat <<-END
		[global]
		filename=/dev/vda
		direct=1
		ioengine=libaio
		thread=1
		group_reporting=1
		gtod_reduce=1
		norandommap=1
		time_based=1
		ramp_time=500ms
		runtime=2
		stonewall
	END
	for job in $jobs; do
		depth=${job##*-}
		size=${job#*-}
		size=${size%-*}
		case $job in
		*-4k-*)
			way=rand${job%%-*}
			;;
		*)
			way=${job%%-*}
			;;
		esac
		printf '[%s]\nrw=%s\nbs=%s\niodepth=%s\n' "$job" "$way" "$size" "$depth"
	done
} >jobs.fio
mkdir extra
cp jobs.fio extra/jobs.fio
(cd extra && find . | cpio -o -H newc) >extra.img 2>/dev/null
cat "$INITRD" /boot/fio.img extra.img >guest.img
rm -r extra extra.img /boot/fio.img
INITRD=$work/guest.img

# A file system, since what the root of this host is knows nothing of io_uring.
check "the host has loop devices" modprobe loop
mkdir disks
truncate -s 800M disks.img
need "a file system for the images" mke2fs -q -t ext4 -E lazy_itable_init=0 disks.img
need "it is mounted" mount -o loop disks.img disks
dd if=/dev/urandom of=some bs=1M count=16 2>/dev/null
for _ in $(seq 16); do
	cat some
done >disks/image.raw
need "a qcow2 of the same" qemu-img convert -f raw -O qcow2 disks/image.raw disks/image.qcow2

# boot SIDE [ARGUMENT...] - boot VM fio by a VMM and with a disk
boot()
{
	side=$1
	shift
	aio=${side##*-}
	format=${side#*-}
	format=${format%-*}
	VMM=$ours
	[ "${side%%-*}" = ours ] || VMM=qemu-vmm
	sync
	cat "disks/image.$format" >/dev/null
	rm -f fio.status
	start_vm fio '' -m $megabytes "$@" \
		-drive "file=disks/image.$format,if=virtio,format=$format,aio=$aio"
	need "$side boots" vm_boot fio
}

# halt - the VM ends
halt()
{
	vm_send fio "poweroff -f"
	wait_for 20 test -s fio.status || kill -9 "$(vm_pid fio)"
	wait_for 20 test -s fio.status
}

# measure SIDE - add to SIDE.JOB how many requests per second there were
measure()
{
	boot "$1" -net none
	vm_send fio "fio --output-format=terse --terse-version=3 /jobs.fio 2>&1 | $digest"
	# Whoever looks takes the guest's time.
	sleep 16
	wait_for 60 vm_says fio "^fio ${jobs##* }" || not_ok "$1: fio ends"
	vm_console fio | awk -v side="$1" '/^fio / { print $3 >>(side "." $2) }'
	halt
}

# beside PID - KiB of memory that a process has beside the guest's, shared pages in parts
beside()
{
	awk -v guest_kib=$((megabytes * 1024)) '
		/^[0-9a-f]+-[0-9a-f]+ / { guest = 0 }
		/^Size:/ { guest = $2 >= guest_kib / 2 }
		/^Pss:/ && !guest { kib += $2 }
		END { print kib }' "/proc/$1/smaps"
}

# load SIDE - add to SIDE.idle and SIDE.beside what a VM has beside its guest before and
# under load, the most of seven looks
load()
{
	boot "$1" -net nic -net vde
	vm_run fio "ip addr add 10.7.0.2/24 dev eth0; ip link set eth0 up"
	check "$1: the network works" pings fio 10.7.0.1
	beside "$(vm_pid fio)" >>"$1.idle"
	vm_send fio "nc 10.7.0.1 5001 >/dev/null & nc 10.7.0.1 5002 </dev/zero & $busy &"
	for _ in 1 2 3 4 5 6 7; do
		sleep 2
		beside "$(vm_pid fio)"
	done | sort -n | tail -n 1 >>"$1.beside"
	daemon=$(pidof qemu-storage-daemon)
	[ -z "$daemon" ] || beside "$daemon" >>"$1.daemon"
	echo "# tap0 has sent and received $(cat /sys/class/net/tap0/statistics/?x_bytes | tr '\n' ' ')bytes"
	halt
}

# median FILE - of an odd number of lines
median()
{
	sort -n "$1" | sed -n "$(((rounds + 1) / 2))p"
}

for round in $(seq $rounds); do
	for side in $sides; do
		measure "$side"
		echo "# $round of $rounds, $side:" \
			"$(for job in $jobs; do tail -n 1 "$side.$job"; done | tr '\n' ' ')"
	done
done

for job in $jobs; do
	for side in $sides; do
		[ "$(wc -l <"$side.$job")" -eq "$rounds" ] || not_ok "$side: all rounds of $job"
		printf '# %-12s %-22s %9s\n' "$job" "$side" "$(median "$side.$job")"
	done
done
need "a switch" start_switch -tap tap0
ip addr add 10.7.0.1/24 dev tap0
ip link set tap0 up
socat -u OPEN:/dev/zero TCP-LISTEN:5001,fork,reuseaddr &
sender=$!
socat -u TCP-LISTEN:5002,fork,reuseaddr OPEN:/dev/null &
receiver=$!
for side in $sides; do
	load "$side"
	echo "# $side: memory beside the guest's: $(cat "$side.idle") KiB idle," \
		"$(cat "$side.beside") KiB under load; daemon: $(cat "$side.daemon" 2>/dev/null)"
done
kill $sender $receiver
umount disks
ok "the tables are made"
finish
