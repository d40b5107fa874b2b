# SPDX-License-Identifier: BSD-2-Clause
# machine.sh - what a Linux guest sees of its CPUs and its memory, and what the
#              host gets back of it
#
# nested: memory=6144 timeout=1200
. ./lib.sh

# topology NAME CPU FILE - what the guest's kernel knows of a CPU
topology()
{
	vm_run "$1" "cat /sys/devices/system/cpu/cpu$2/$3"
}

# packages NAME - how many sockets there are
packages()
{
	vm_run "$1" "cat /sys/devices/system/cpu/cpu*/topology/physical_package_id" |
		sort -u | wc -l
}

# monitor NAME COMMAND - at the monitor, behind Ctrl-A c on the console; where
# the VM's next lines are then
monitor()
{
	printf '\001c%s\n\001c' "$2" 1<>"$1.in"
}

# balloon_is NAME MIB - does the guest say that it has so much?
balloon_is()
{
	monitor "$1" "info balloon"
	sleep 0.5
	vm_console "$1" | grep "^balloon: actual=" | tail -n 1 | grep -x "balloon: actual=$2"
}

# free_memory NAME - MiB of free memory, as the guest sees it
free_memory()
{
	vm_run "$1" "cat /proc/meminfo" | awk '/^MemFree/ { print int($2 / 1024) }'
}

# resident NAME - MiB of memory that the VMM takes from the host
resident()
{
	awk '/^Rss:/ { print int($2 / 1024) }' "/proc/$(vm_pid "$1")/smaps_rollup"
}

resident_below()
{
	[ "$(resident "$1")" -lt "$2" ]
}

# huge NAME - KiB of the VMM's memory in pages of 2 MiB
huge()
{
	awk '/^ShmemPmdMapped:/ { print $2 }' "/proc/$(vm_pid "$1")/smaps_rollup"
}

# Cores of two threads, memory on both sides of 4 GiB.

need "a switch starts" start_switch
start_vm big 10.0.0.1 -nographic -m size=5G -smp 4,cores=2,threads=2 -cpu host,-rdrand \
	-device virtio-balloon-pci,free-page-reporting=on
need "a VM of 5 GiB and 2 cores of 2 threads boots" vm_boot big
check_eq "it has 4 CPUs" "$(vm_fact big cpus)" 4
check "it has nearly 5 GiB" [ "$(vm_fact big mem)" -gt $((4900 * 1024)) ]
check_eq "CPU 1 is a thread of the core of CPU 0" \
	"$(topology big 0 topology/thread_siblings_list)" 0-1
check_eq "all are in one socket" "$(topology big 3 topology/core_siblings_list)" 0-3
check "the CPU lacks what it should" vm_run big "! grep -q -w rdrand /proc/cpuinfo"
check_eq "it has KVM's clock, or a TSC that can be relied on" \
	"$(vm_run big "cat /sys/devices/system/clocksource/clocksource0/available_clocksource" |
		grep -o kvm-clock)" kvm-clock

check "its memory is in huge pages" [ "$(huge big)" -gt $((32 * 1024)) ]
check "the guest can use what is above 4 GiB, and more" \
	vm_run big "mount -t ramfs r /tmp && dd if=/dev/zero of=/tmp/big bs=1M count=2500" 150
check "the host gives it that much" [ "$(resident big)" -gt 2500 ]
check "the guest gets rid of it" vm_run big "rm /tmp/big" 30
check "and the host has it back" wait_for 40 resident_below big 1000
echo "# resident: $(resident big) MiB"

# What is asked for.

monitor big "balloon 4608"
check "a balloon is inflated" wait_for 60 balloon_is big 4608
check "the guest has less" [ "$(free_memory big)" -lt 4500 ]
monitor big "balloon 5120"
check "it is deflated" wait_for 30 balloon_is big 5120
check "the guest has its memory" [ "$(free_memory big)" -gt 4700 ]
# The switch works in the same memory; its buffers may have gone and come back.
start_vm peer 10.0.0.2
need "a neighbour boots" vm_boot peer
check "they reach each other, through memory that was given back" pings peer 10.0.0.1 3
vm_poweroff peer
vm_poweroff big
check_eq "the VM ends" $? 0

# Sockets of three cores, as a user, who cannot mount anything.

chmod 666 /dev/kvm
cat >as-user <<'END'
#!/bin/sh
exec setpriv --reuid 102 --regid 102 --clear-groups lanbox-vmm "$@"
END
chmod 755 as-user . ..
VMM=$PWD/as-user
start_vm user "" -net none -smp 6,sockets=2 -m 256
need "a VM of 2 sockets of 3 cores boots, for a user" vm_boot user
check_eq "it has 6 CPUs" "$(vm_fact user cpus)" 6
check_eq "in 2 sockets" "$(packages user)" 2
check_eq "CPU 4 is in the second" "$(topology user 4 topology/core_siblings_list)" 3-5
check_eq "with an APIC id that leaves a gap" \
	"$(vm_run user "awk '/^apicid/ { print \$3 }' /proc/cpuinfo" | tr '\n' ' ')" "0 1 2 4 5 6 "
check "its memory is in huge pages, too" [ "$(huge user)" -gt $((32 * 1024)) ]
vm_poweroff user
check_eq "the VM ends, too" $? 0

# Streams, by the kernel's own driver and socat, which the guest borrows from the host.

# calls PORT - is there somebody of the guest's, who says OK?
calls()
{
	echo "CONNECT $1" | timeout 20 socat -t 5 - UNIX:vsock >called
	grep -q '^OK' called
}

# hears FILE WORDS - has somebody been told so?
hears()
{
	grep -q -x "$2" "$1"
}

VMM=lanbox-vmm
chmod 660 /dev/kvm
(cd / && find usr/bin/socat lib64 usr/lib64 usr/lib/*-linux-gnu -type d -o -name socat -o -name '*.so*' |
	cpio -o -H newc 2>/dev/null) >socat.img
cat "$INITRD" socat.img >sockets.img
INITRD=$PWD/sockets.img
start_vm sock "" -net none -m 256 -device virtio-vsock-pci,guest-cid=42,path=vsock
need "a VM with vsock boots" vm_boot sock
check "its kernel has a driver" vm_run sock 'modprobe vmw_vsock_virtio_transport'
head -c 3000000 /dev/urandom >bytes
sum=$(md5sum <bytes)
three_megabytes="head -c 3000000 /dev/urandom >/b; md5sum </b >/b.sum; \
socat -t 60 - VSOCK-CONNECT:2:1000 </b | cmp - /b.sum && echo same"
socat UNIX-LISTEN:vsock_1000 SYSTEM:md5sum,pipes &
check_eq "a guest's program sends 3 MB to one of the host, which answers" \
	"$(vm_run sock "$three_megabytes" 90)" same
check "nobody is where nobody listens" no vm_run sock 'socat -u VSOCK-CONNECT:2:1001 - 2>&1' 20
vm_send sock 'socat VSOCK-LISTEN:22,fork SYSTEM:"md5sum; cat /proc/cmdline" &'
check "a guest's program listens" wait_for 20 calls 22
echo 'CONNECT 23' | timeout 10 socat -t 5 - UNIX:vsock >said
check_eq "nor in the guest" "$(cat said)" ""
{ echo 'CONNECT 22'; sleep 1; cat bytes; } | timeout 90 socat -t 60 - UNIX:vsock >said
check "a host's program reaches one of the guest" hears said 'OK [0-9]*'
check "and gets its answer to 3 MB" hears said "$sum"
check "to the end" hears said 'console=.*'
vm_poweroff sock
check_eq "it ends" $? 0
check "and its socket is gone" [ ! -e vsock ]
finish
