# SPDX-License-Identifier: BSD-2-Clause
# save.sh - a running VM is saved into a file and goes on in another process, with an
#           unmodified kernel: its TCP connections live, its clocks go on, its disk is
#           whole; on a switch that works on its rings and on one that does not.
# nested: timeout=1800
. ./lib.sh

# qmp NAME COMMAND...: what the VM's control socket answers
qmp()
{
	vm=$1
	shift
	{
		echo '{"execute":"qmp_capabilities"}'
		printf '%s\n' "$@"
		sleep 0.5
	} | timeout 20 socat -t 5 - "unix:$vm.qmp" >qmp.out 2>&1
	tail -n +3 qmp.out
}

# is_saved NAME: has the saving of the VM ended well?
is_saved()
{
	qmp "$1" '{"execute":"query-migrate"}' | grep -q '"status": "completed"'
}

# save NAME FILE: save the VM, and how long that took
save()
{
	qmp "$1" '{"execute":"migrate","arguments":{"uri":"file:'"$work/$2"'"}}' |
		grep -q '"return": {}' && wait_for 60 is_saved "$1" || {
		cat qmp.out
		return 1
	}
}

# quit NAME: end the VMM that stands still
quit()
{
	qmp "$1" '{"execute":"quit"}' >/dev/null
	vm_exit "$1" 20
}

# arguments NAME: beyond those of start_vm
arguments()
{
	echo "-net nic -net vde,sock=$work/lan,fast=$fast -smp 2 -m 256" \
		"-drive file=disk.img,format=raw,if=virtio -qmp unix:$1.qmp -save-dir $work"
}

# restore NAME ADDRESS FILE: go on with a VM, its console going on, too
restore()
{
	mv "$1.log" "$1.before"
	# shellcheck disable=SC2046 # words
	start_vm "$1" "$2" $(arguments "$1") -incoming "file:$work/$3"
	cat "$1.log" >>"$1.before"
	wait_for 20 answers "$1" || {
		cat "$1.log"
		return 1
	}
}

answers()
{
	vm_run "$1" true 5
}

# line TEXT: TEXT as one line, as vm_run wants it
line()
{
	echo "$1" | tr -s '\n\t' ' '
}

# more FILE LINES COUNT: has FILE more than COUNT lines beyond the first LINES?
more()
{
	[ "$(wc -l <"$1")" -gt "$(($2 + $3))" ]
}

# between A B C: is B one of the numbers from A to C?
between()
{
	[ "$1" -le "$2" ] && [ "$2" -le "$3" ]
}

# counted: are the lines of a file the numbers from 1 on, without a gap?
counted()
{
	awk '$1 != NR { print "line " NR ": " $0; bad = 1; exit } END { exit bad }' "$1"
}

truncate -s 64M disk.img
need "an image" mke2fs -q -t ext4 disk.img
mkdir mnt
modprobe loop
need "the tap is made" ip tuntap add tap0 mode tap
need "the switch starts" start_switch -tap tap0 -sock "$work/lan"
ip addr add dev tap0 10.0.0.254/24
ip link set dev tap0 up

for fast in on off; do
	rm -f vm.log vm.before disk.sum
	# shellcheck disable=SC2046 # words
	start_vm vm 10.0.0.1 $(arguments vm)
	start_vm other 10.0.0.2 -net nic -net vde,sock="$work/lan"
	need "fast=$fast: two VMs boot" vm_boot vm other
	check_eq "the VM has two CPUs" "$(vm_fact vm cpus)" 2
	clock=$(vm_run vm 'cat /sys/devices/system/clocksource/clocksource0/current_clocksource')
	echo "# the guest's clock is $clock"

	# A connection to the host, one to a neighbour, each with a line a moment.
	rm -f host.lines
	# Whoever has nothing to say says that it is over, and nc then takes it for over.
	sleep 1000 | nc -l -p 7002 >host.lines &
	vm_run other 'sleep 1000 | nc -l -p 7003 >/lines &'
	check "it talks to the host and to a neighbour" vm_run vm "$(line '
		for to in "10.0.0.254 7002" "10.0.0.2 7003"; do
			(i=0; while :; do i=$((i + 1)); echo $i; usleep 200000; done |
				nc $to) >/dev/null 2>&1 &
		done')" 10
	check "and writes to its disk" vm_run vm "$(line 'mkdir /m && mount /dev/vda /m &&
		(i=0; while [ ! -e /stop ]; do i=$((i + 1)); echo $i >>/m/lines; sync; done &)')" 20
	check "and has work for both CPUs" vm_run vm "$(line '
		for cpu in 1 2; do
			taskset $cpu sh -c "while :; do echo >>/cpu$cpu; usleep 100000; done" &
		done; sleep 1')" 20
	check "the host hears from it" wait_for 20 more host.lines 0 5
	check "a word is in its memory" vm_run vm \
		'dd if=/dev/urandom of=/word bs=1M count=5 2>/dev/null; md5sum </word' 90
	word=$(vm_run vm 'md5sum </word; dmesg -c >/dev/null' 60)
	up=$(vm_run vm 'cut -d. -f1 /proc/uptime')
	then=$(seconds)

	need "it is saved" save vm state
	diag <qmp.out
	check "its file is for its owner alone" \
		[ "$(stat -c %a state)" = 600 ]
	echo "# the file has $(du -k state | cut -f1) KiB, of RAM of 262144"
	check "it says so" [ "$(qmp vm '{"execute":"query-status"}' |
		grep -c postmigrate)" = 1 ]
	check "another process does not go on with it" no \
		timeout 20 "$VMM" -name vm -kernel "$KERNEL" -initrd "$INITRD" \
		-serial null $(arguments vm.2) -incoming "file:$work/state"
	check "nor does it get the disk of this one" no timeout 20 "$VMM" -name other -m 128 \
		-kernel "$KERNEL" -serial null -net none \
		-drive file=disk.img,format=raw,if=virtio
	cp check.out taken.said
	check "which says so" grep "another VM uses it" taken.said
	before=$(wc -l <host.lines)
	sleep 3
	check_eq "nothing comes from it" "$(wc -l <host.lines)" "$before"
	need "the process ends" quit vm
	sleep 5
	dd if=state of=damaged bs=1k count=100 2>/dev/null
	check "half a file is refused" no timeout 20 "$VMM" -name vm -kernel "$KERNEL" \
		-initrd "$INITRD" -serial null $(arguments vm.2) \
		-incoming "file:$work/damaged"
	cp check.out damaged.said
	check "by name" grep "'$work/damaged': .*end is missing" damaged.said

	tcpdump -n -l -i tap0 'arp[14:4] = arp[24:4]' >arp.said 2>/dev/null &
	tcpdump=$!
	need "another process goes on with it" restore vm 10.0.0.1 state
	check "the host hears from it again" wait_for 30 more host.lines "$before" 5
	check "it has said where it is now" wait_for 20 grep 10.0.0.1 arp.said
	kill $tcpdump
	check_eq "the word is in its memory" "$(vm_run vm 'md5sum </word' 60)" "$word"
	check "all that it said came in order" counted host.lines
	check "the neighbour says so, too" vm_run other \
		"$(line 'n=$(wc -l </lines); sleep 3; m=$(wc -l </lines); echo $n $m;
			[ $m -gt $n ] && awk "\$1 != NR { exit 1 }" /lines')" 20
	check "both CPUs go on" vm_run vm "$(line 'a=$(wc -l </cpu1); b=$(wc -l </cpu2); sleep 2;
		[ $(wc -l </cpu1) -gt $a ] && [ $(wc -l </cpu2) -gt $b ]')" 20
	now=$(vm_run vm 'cut -d. -f1 /proc/uptime')
	echo "# its time was $up, and is $now; for the host $(($(seconds) - then)) have passed"
	check "the time in between was none for it" \
		between 0 $((now - up)) $(($(seconds) - then - 8))
	check "a second is a second" vm_run vm "$(line '
		read -r a _ </proc/uptime; sleep 5; read -r b _ </proc/uptime; echo $a $b;
		n=$((${b%%.*} - ${a%%.*})); [ $n -ge 4 ] && [ $n -le 7 ]')" 20
	check "its kernel says nothing about that" no vm_run vm \
		'dmesg | grep -v "clocksource: Long readout"; dmesg | grep -q -i -E "unstable|stall|lockup|error|warn|bug:|hung"' 20
	check "it reaches its neighbour" pings vm 10.0.0.2 3
	check "and is reached" pings other 10.0.0.1 3

	# Once more, and on in the same process.
	need "it is saved again" save vm state
	before=$(wc -l <host.lines)
	qmp vm '{"execute":"cont"}' >/dev/null
	check "and goes on where it was" wait_for 30 more host.lines "$before" 5
	check "with its disk" vm_run vm \
		'n=$(wc -l </m/lines); sleep 4; [ $(wc -l </m/lines) -gt $n ]' 30
	sleep 1
	check "the connections live to the end" counted host.lines
	check "its disk comes to rest" vm_run vm \
		'touch /stop; for i in 1 2 3 4 5 6 7 8 9; do sleep 1; umount /m && break; done' 30
	check "it powers off" vm_poweroff vm
	check "its disk is whole" e2fsck -fn disk.img
	check "(mounted)" mount -o loop disk.img mnt
	check "with all lines" counted mnt/lines
	umount mnt
	check "the old file does not fit the disk any more" no timeout 20 "$VMM" -name vm \
		-kernel "$KERNEL" -initrd "$INITRD" -serial null $(arguments vm) \
		-incoming "file:$work/state"
	cp check.out old.said
	check "and says so" grep "disk '.*disk.img': it was written to" old.said
	check "the neighbour powers off" vm_poweroff other
	mke2fs -q -F -t ext4 disk.img
done

# A file that takes long, on a file system that stands still for as long as we like; and
# a guest that does not mind the power button.
truncate -s 400M slow.img
mkdir slow
check "a file system" mke2fs -q -t ext4 slow.img
need "it is mounted" mount -o loop slow.img slow

# slowly NAME: begin to save the VM
slowly()
{
	fsfreeze --freeze slow
	qmp "$1" '{"execute":"migrate","arguments":{"uri":"file:'"$work/slow/$1"'"}}' |
		grep '"return": {}'
}

# saved NAME: was it, and did the VM end only then, by itself?
saved()
{
	qmp "$1" '{"execute":"query-status"}' | grep finish-migrate || return 1
	fsfreeze --unfreeze slow
	vm_exit "$1" 60 || return 1
	! grep "has not powered off" "$1.log" && [ -s "slow/$1" ]
}

start_vm late '' -net none -append "console=ttyS0 quiet panic=-1 lb.button=ignored" \
	-shutdown-timeout 4 -qmp unix:late.qmp -save-dir $work
need "a VM boots" vm_boot late
check "it is told to power off, and does not" kill "$(vm_pid late)"
check "and is being saved" slowly late
sleep 7
check "its time is over only when it is saved" saved late
start_vm late '' -net none -append "console=ttyS0 quiet panic=-1 lb.button=ignored" \
	-shutdown-timeout 4 -qmp unix:late.qmp -save-dir $work -incoming "file:$work/slow/late"
need "another process goes on with it" wait_for 20 answers late
rm slow/late
check "and saves it" slowly late
check "it is told to end meanwhile" kill "$(vm_pid late)"
sleep 7
check "and ends when it is saved" saved late
umount slow
finish
