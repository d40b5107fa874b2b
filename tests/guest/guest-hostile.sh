# SPDX-License-Identifier: BSD-2-Clause
# guest-hostile.sh - A guest that does all that is forbidden, while its neighbours on the
# same switch go on and lose nothing
#
# The rows of the catalogue that each case shows begin its name, or are in "ids" beside
# this. HOSTILE_SECONDS says how long the random accesses take (5; VM-1 wants 600), and
# HOSTILE_SEED where they begin.
. "${top_srcdir:?}/tests/guest/lib.sh"

is_qemu && skip_all 'this is about our own VMM'
BACK=$top_builddir/tests/guest/blkback
SECONDS_RANDOM=${HOSTILE_SECONDS:-5}
SEED=${HOSTILE_SEED:-1}
MAC_H=52:54:00:6c:62:66
GUEST_SECONDS=120
PATIENCE=3			# seconds for an end, on a machine that has others

# With sanitizers there can be no libvdeplug, which loads modules in a way that they do not
# bear: frames that the VMM itself moves then go to a tap, in a namespace of ours.
sanitized=
if grep -a -q __asan_init "$VMM"; then
	sanitized=yes
	requires_netns
fi

switch_start sw
truncate -s 1M "$T/disk"

# Two neighbours, from here to the end: frames with numbers, at most 32 on their way.
vm_net left 'mode=recv size=60 window=32 wait=60000 timeout=60000 until=hello' "$MAC_A"
says left 'recv ready' >/dev/null
vm_net right "mode=send size=60 window=32 count=1000000000 dst=$MAC_A timeout=60000 gap=200000" \
	"$MAC_B"
says right 'nic 0 slot' >/dev/null
# They give way to the others a little.
for name in left right; do
	# shellcheck disable=SC2046 # Several threads.
	renice -n 5 -p $(ls "/proc/$(pid_of $name)/task") >/dev/null
done

# sound NAME: no sanitizer has anything to say of it, and the log is no flood.
sound() {
	for sound_file in "$T/$1.log" "$T/$1.err"; do
		[ -e "$sound_file" ] || continue
		not grep -a -A 40 -E 'AddressSanitizer|LeakSanitizer|runtime error' "$sound_file"
		lines=$(grep -a -c 'broke the rules' "$sound_file") || :
		[ "$lines" -le 300 ] || fail "$lines lines of complaints"
	done
}

# does NAME 'GUEST OPTIONS' WORDS...: it does its worst, and all is as it should be.
does() {
	name=$1 options=$2 fast=$3
	shift 3
	vm_hostile "$name" "$options" "$fast"
	wait_for "$GUEST_SECONDS" test -s "$T/$name.rc" || vm_log "$name"
	is status "$(exit_status "$name")" 0
	for words; do
		said "$name" "$words" || vm_log "$name"
	done
	said "$name" 'hostile: 0 wrong' || vm_log "$name"
	not said "$name" error: || vm_log "$name"
	sound "$name"
}

# apart NAME COMMAND...: spawn it, what it says of errors in $T/NAME.err.
apart() {
	apart_name=$1
	shift
	spawn "$apart_name" sh -c 'err=$1; shift; exec "$@" 2>"$err"' sh \
		"$T/$apart_name.err" "$@"
}

# vm_hostile NAME 'GUEST OPTIONS' on|off: a VM with each device that there is, whose rings
# the switch works on, or not.
vm_hostile() {
	net="vde,id=n0,sock=$T/sw,fast=$3"
	[ -n "$sanitized" ] && [ "$3" = off ] && net=tap,id=n0,ifname=lbhostile,script=no
	rm -f "$T/vsock"
	apart "$1" "$VMM" -m 64 -serial stdio -kernel "$GUEST.bin" -append "$2" -netdev "$net" \
		-device "virtio-net-pci,netdev=n0,mac=$MAC_H" \
		-drive "file=$T/disk,format=raw,if=virtio" -device virtio-balloon-pci \
		-device "virtio-vsock-pci,guest-cid=3,path=$T/vsock" -no-reboot
}

check 'VM-2, VM-3, VM-4: registers at any width and in any order' does h \
	mode=hostile-registers on 'VM-2 net: 3413' 'VM-3 blk' 'VM-4 net' 'VM-4 blk' 'VM-4 rng' \
	'VM-4 balloon' 'VM-4 vsock'
check 'VM-16: PCI configuration, BARs and MSI-X' does h mode=hostile-pci on 'VM-16 net' \
	'VM-16 vsock'
check 'VM-6, VM-7, VM-8: rings that are nonsense, in the VMM' does h mode=hostile-rings off \
	'VM-6 net: 25 of 25' 'VM-6 blk: 25 of 25' 'VM-6 rng: 25 of 25' \
	'VM-6 balloon: 25 of 25' 'VM-6 vsock: 25 of 25' 'VM-8 net: 33 of 33' \
	'VM-8 blk: 33 of 33' 'VM-6 blk: 3 of 3 requests' 'VM-6 vsock: 2 of 2 requests' \
	'VM-7 blk: greed'
check 'VM-6, VM-7, VM-8: the same in the switch' does h 'mode=hostile-rings op=net batch=5' \
	on 'VM-6 net: 7 of 7' 'VM-8 net: 33 of 33' 'VM-7 net: greed'

requests() {
	sum=$(cksum "$T/disk")
	does h mode=hostile-disk off 'VM-13 19 of 19'
	is 'the image' "$(cksum "$T/disk")" "$sum"
	does h 'mode=hostile-disk ring=0' off 'VM-13 19 of 19'
}
check 'VM-13: requests of a disk that are none, from ring 3 and from ring 0' requests
check 'VM-5, VM-10: commands of a NIC that are none, each feature by itself' does h \
	mode=hostile-net off 'VM-10 net: .* refused' 'VM-5 net'
check 'the same where a switch has the rings' does h mode=hostile-net on \
	'VM-10 net: .* refused' 'VM-5 net'

cpu() {
	vm cpu mode=hostile-cpu
	vm_off cpu
	said cpu 'VM-33 hypervisor 1 misc 0x1 mtrr 0x806 apic 0 lvt0 0x700 lvt1 0x400$' ||
		vm_log cpu
}
check 'VM-33: what the CPU is' cpu

# Too much of one thing, until a signal comes, which takes no time.
flood() {
	for fast in on off; do
		for op; do
			echo "$op, fast=$fast:"
			vm_hostile h "mode=hostile-flood op=$op timeout=0" "$fast"
			says h "flood: $op"
			sleep 0.3
			stopped h TERM
			sound h
			[ "$(grep -a -c 'switch is' "$T/h.err")" -le 25 ] || vm_log h
		done
	done
}

# stopped NAME SIGNAL: it ends well, and soon.
stopped() {
	kill -"$2" "$(pid_of "$1")" || vm_log "$1"
	wait_for $PATIENCE test -s "$T/$1.rc" || vm_log "$1"
	is status "$(exit_status "$1")" 0
}
check 'VM-7, VM-16, VM-18: floods of resets, nonsense, doorbells, interrupts, BARs' flood \
	resets nonsense kicks msix moves clock

# How a VM may end whose guest does anything: by itself, or when it is told to.
random_one() {
	vm_hostile h "mode=hostile-random seed=$1 timeout=$2 ring=$4" "$3"
	tries=$(($2 / 20 + 250))
	while [ ! -s "$T/h.rc" ] && [ $tries -gt 0 ]; do
		tries=$((tries - 1))
		sleep 0.02
	done
	# A CPU that has stopped, or a guest that has destroyed itself.
	[ -s "$T/h.rc" ] || { kill -QUIT "$(pid_of h)"; wait_for 5 test -s "$T/h.rc"; } || vm_log h
	sound h || vm_log h
	case $(exit_status h) in
	0 | 3 | 4) ;;
	*) fail "seed $1: status $(exit_status h)"; vm_log h ;;
	esac
}

random() {
	end=$(($(date +%s) + SECONDS_RANDOM)) n=0
	while [ "$(date +%s)" -lt $end ] || [ $n -lt 3 ]; do
		case $((n % 4)) in
		0) random_one $((SEED + n)) 1500 on 3 ;;
		3) random_one $((SEED + n)) 1500 off 0 ;;
		*) random_one $((SEED + n)) 1500 off 3 ;;
		esac
		n=$((n + 1))
		echo "$n $(exit_status h) $(grep -a -o 'storm: [0-9]* deeds' "$T/h.log")" \
			>>"$T/random"
	done
	note "$n VMs, $(grep -c deeds "$T/random") to their end, from seed $SEED on"
}
check 'VM-1: anything at all' random

# The console.

# Nobody reads its output: the guest says what it has to, and is not held up.
stuck_stdout() {
	mkfifo "$T/stuck"
	# Somebody has it open, and does not read.
	exec 8<>"$T/stuck"
	spawn h sh -c "exec '$VMM' -m 64 -serial stdio -kernel '$GUEST.bin' -append \
		'mode=hostile-flood op=serial timeout=700' >'$T/stuck'"
	wait_for 20 test -s "$T/h.rc"
	exec 8>&-
	is status "$(exit_status h)" 0
}
check 'VM-19: a console that nobody reads holds nobody up' stuck_stdout

# resident: KiB that it has.
resident() {
	awk '/VmRSS/ { print $2 }' "/proc/$(pid_of h)/status"
}

# It has had as much for a moment.
rests() {
	# It has begun.
	grep -q vcpu "/proc/$(pid_of h)/task/"*/comm || return
	was=$before
	sleep 0.3
	before=$(resident)
	[ "$before" = "$was" ]
}

# Who pastes has to wait when the guest does not read.
paste() {
	rm -f "$T/tty"
	spawn h "$VMM" -m 64 -kernel "$GUEST.bin" -append mode=hang \
		-serial "unix:$T/tty,server=on,wait=off"
	wait_for 10 test -S "$T/tty"
	# All that it needs for itself.
	before=0
	wait_for 10 rests
	(yes 0123456789abcde | timeout 3 socat -u - "UNIX-CONNECT:$T/tty" & echo $! >"$T/yes") \
		2>/dev/null
	sleep 1
	queued=$(ss -x -H 2>/dev/null | awk -v t="$T/tty" '$0 ~ t { print $3 }' | sort -n | tail -1)
	after=$(resident)
	note "queued ${queued:-?} bytes, $((after - before)) KiB more memory"
	# A sanitizer's own notes grow, too.
	[ -n "$sanitized" ] || [ $((after - before)) -le 1024 ] ||
		fail "$before KiB became $after KiB"
	stopped h TERM
}
if command -v socat >/dev/null; then
	check 'VM-20: what is pasted waits' paste
else
	skip 'VM-20: what is pasted waits' 'no socat'
fi

# Nothing of what a guest says is anywhere but on its console.
quiet() {
	spawn h "$VMM" -m 64 -kernel "$GUEST.bin" -append 'mode=hostile-flood op=serial timeout=100' \
		-serial "file:$T/console"
	wait_for 20 test -s "$T/h.rc"
	is output "$(said_by_vmm "$T/h.log")" ''
	[ "$(wc -c <"$T/console")" -gt 100 ] || fail 'it said nothing'
}
check 'VM-21: what a guest says is on its console alone' quiet

# Disks.

# The image is cut short under the guest, which gets errors and nothing else happens.
truncated() {
	truncate -s 8M "$T/cut"
	vm h 'mode=disk-bench count=1000000 size=4096 batch=8' \
		-drive "file=$T/cut,format=raw,if=virtio"
	says h 'disk 0 slot'
	sleep 0.2
	truncate -s 4096 "$T/cut"
	wait_for 20 test -s "$T/h.rc" || vm_log h
	said h 'error: a request failed' || vm_log h
	is status "$(exit_status h)" 0
	is 'bytes of the image' "$(stat -c %s "$T/cut")" 4096
	sound h
}
check 'VM-15: an image that is cut short under the guest' truncated

# A ring full of requests for gigabytes, when the end comes.
gigabytes() {
	truncate -s 8G "$T/large"
	for aio in threads io_uring; do
		echo "$aio:"
		vm h 'mode=hostile-flood op=reads' \
			-drive "file=$T/large,format=raw,if=virtio,aio=$aio"
		says h 'flood: reads'
		sleep 0.5
		stopped h TERM
		sound h
	done
}
check 'VM-7, VM-14: gigabytes under way do not put off the end' gigabytes

# The file system of the image is full.
full() {
	mkdir -p "$T/small"
	spawn h unshare -m sh -c "mount -t tmpfs -o size=1m tmpfs '$T/small' &&
		truncate -s 8M '$T/small/disk' && exec '$VMM' -m 64 -serial stdio \
		-kernel '$GUEST.bin' -append 'mode=disk-write' \
		-drive 'file=$T/small/disk,format=raw,if=virtio'"
	wait_for 20 test -s "$T/h.rc" || vm_log h
	said h 'error: request of type 1 at sector [0-9]*: status 1' || vm_log h
	grep -a -q "disk '.*/disk': No space left on device" "$T/h.log" || vm_log h
	is status "$(exit_status h)" 0
	sound h
}
if unshare -m true 2>/dev/null && [ "$(id -u)" = 0 ]; then
	check 'VM-15: an image whose file system is full' full
else
	skip 'VM-15: an image whose file system is full' 'no mount namespaces for us'
fi

# The wire.

# More than a guest takes for a while; then it takes what comes again.
overload() {
	vm_net h 'mode=echo queue=4' "$MAC_H"
	says h 'echo ready'
	vm_net storm "mode=send count=30000 size=60 dst=$MAC_H" 52:54:00:6c:62:67
	vm_off storm
	# It may still be at what came before, with a ring that is full; then no more.
	answers || :
	answers || vm_log storm
	end h
}

answers() {
	vm_net storm "mode=ping count=20 size=60 timeout=5000 dst=$MAC_H" 52:54:00:6c:62:67
	vm_off storm
	said storm 'ping 20 lost 0 bad 0$'
}
check 'VM-9: after more than it takes, a NIC takes what comes' overload

# bad MANNER: a switch that behaves so; see blkback.c.
bad() {
	mkdir -p "$T/bad"
	rm -f "$T/bad/vhost"
	spawn bad "$BACK" "$T/bad/vhost" "$1"
	wait_for 5 grep -q ready "$T/bad.log"
	apart h "$VMM" -m 64 -serial stdio -kernel "$GUEST.bin" -append mode=hello \
		-netdev "vde,id=n0,sock=$T/bad,fast=on" -device virtio-net-pci,netdev=n0
	wait_for 6 test -s "$T/h.rc" || vm_log h
	sound h
	end bad
}

rude() {
	for manner in junk refuse long longer old full silent drip leave-0 leave-1 leave-5; do
		echo "$manner:"
		bad "$manner"
		is status "$(exit_status h)" 1
		is lines "$(wc -l <"$T/h.err")" 1
		grep -q "network '$T/bad': cannot connect to the switch: " "$T/h.err" || vm_log h
	done
	for manner in fds deaf-9 leave-6 leave-8 leave-10 leave-14 leave-18; do
		echo "$manner:"
		bad "$manner"
		is status "$(exit_status h)" 0
		said h 'hello from 1' || vm_log h
	done
}
check 'VM-30: a switch that makes no sense, says nothing, or dies' rude

# Ends.

# A signal at each moment: it has ended soon, and leaves nothing behind.
signals() {
	for delay in 0 0.01 0.05 0.3; do
		for signal in TERM INT HUP QUIT; do
			# What a shell starts in the background ignores these two at first.
			case $delay,$signal in 0*,INT | 0*,QUIT) [ $delay = 0.3 ] || continue ;; esac
			vm h 'mode=disk-write batch=4 count=1000000' \
				-drive "file=$T/cut,format=raw,if=virtio" -monitor none \
				-qmp "unix:$T/h.qmp,server=on,wait=off"
			sleep $delay
			kill -$signal "$(pid_of h)" 2>/dev/null || :
			wait_for $PATIENCE test -s "$T/h.rc" || vm_log h
			# Who has not begun has nothing to end.
			if said h 'disk 0 slot'; then
				is "status after $delay" "$(exit_status h)" 0
				not test -e "$T/h.qmp"
			fi
			rm -f "$T/h.qmp"
			sound h
		done
	done
	vm h 'mode=disk-write batch=4 count=1000000' -drive "file=$T/cut,format=raw,if=virtio"
	says h 'disk 0 slot'
	kill -STOP "$(pid_of h)"
	sleep 0.1
	kill -TERM "$(pid_of h)"
	kill -CONT "$(pid_of h)"
	wait_for $PATIENCE test -s "$T/h.rc" || vm_log h
	is status "$(exit_status h)" 0
}
truncate -s 8M "$T/cut"
check 'VM-32: signals at any moment' signals

# The command line.

# refuses STATUS REGEX [OPTION...]: one line that says so.
refuses() {
	status=$1 regex=$2
	shift 2
	got=0
	ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" timeout 20 "$VMM" \
		-kernel "$GUEST.bin" -append mode=hello -serial null "$@" \
		>"$T/out" 2>&1 </dev/null || got=$?
	[ $got = "$status" ] || fail "status $got of $*: $(cat "$T/out")"
	is "lines of $*" "$(wc -l <"$T/out")" 1
	grep -q -- "$regex" "$T/out" || fail "$*: $(cat "$T/out")"
}

corners() {
	for size in 0 1 1M 15M 3145729K 1025G 512Mx -5 99999999999999999999 1e3 ' ' ''; do
		refuses 2 "^lanbox-vmm: -m '$size'" -m "$size"
	done
	for cpus in 0 255 1025 99999999999 -1 x; do
		refuses 2 "^lanbox-vmm: -smp '$cpus'" -smp "$cpus"
	done
	for mac in 01:00:00:00:00:01 ff:ff:ff:ff:ff:ff 00:00:00:00:00:00 52:54:00:00:00 zz; do
		refuses 2 "'$mac'" -netdev "vde,id=n,sock=$T/sw" \
			-device "virtio-net-pci,netdev=n,mac=$mac"
	done
	refuses 2 'two NICs have the same MAC' -netdev "vde,id=n,sock=$T/sw" \
		-device "virtio-net-pci,netdev=n,mac=$MAC_H" -netdev "vde,id=m,sock=$T/sw" \
		-device "virtio-net-pci,netdev=m,mac=$MAC_H"
	# On the gap below 4 GiB, a page beyond it, and in the middle of it.
	for size in 16M 3G 3145732K 3584M; do
		spawn h "$VMM" -m $size -serial stdio -kernel "$GUEST.bin" -append mode=hello
		vm_off h
		said h 'hello from 0'
	done
}
check 'VM-25: sizes of memory, numbers of CPUs, addresses of NICs' corners

words() {
	long=$(head -c 131000 /dev/zero | tr '\0' x)
	escape=$(printf '\033[31m\377')
	refuses 2 '^lanbox-vmm: there is no option' "-$long"
	refuses 2 "^lanbox-vmm: -m 'xxx" -m "$long"
	refuses 1 'command line of 1023 bytes at most' -m 64 -append "$long"
	refuses 2 "there is no option '--'" --
	refuses 2 'an argument is missing' -hda
	refuses 2 "-hda '': a file is needed" -hda ''
	refuses 2 'there is no option .-\\x1b\[31m\\xff' "-$escape"
	refuses 1 "kernel '.*\\\\x1b\[31m\\\\xff': No such file" -m 64 -kernel "/x/$escape"
	refuses 1 "kernel '': No such file" -m 64 -kernel ''
	refuses 1 "initrd '/dev/zero': not a file" -m 64 -initrd /dev/zero
}
check 'VM-27: words of any kind' words

# What became of the neighbours.
neighbours() {
	is_running left || vm_log left
	is_running right || vm_log right
	console sw port/allprint
	tail -n 5 "$T/left.log" "$T/right.log"
	end right KILL
	# The one that says a word ends it.
	vm_net last 'mode=recv announce=on wait=1' "$MAC_B"
	wait_for 90 test -s "$T/left.rc" || vm_log left
	note "$(grep -a -o 'pollnet: received .*' "$T/left.log")"
	said left 'received [1-9][0-9]\{3,\} lost 0 reordered 0 bad 0 duplicate 0 ' || vm_log left
	is_running sw
	[ "$(wc -l <"$T/sw.log")" -le 400 ] || fail "the switch wrote $(wc -l <"$T/sw.log") lines"
	sound sw
}
check 'the neighbours lost nothing' neighbours

done_testing
