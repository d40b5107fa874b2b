# SPDX-License-Identifier: BSD-2-Clause
# guest-disk.sh - The disks of real VMs, their guest a program that polls its rings
#
# ROUNDS in the environment: how often a VM is killed while it writes.
. "${top_srcdir:?}/tests/guest/lib.sh"

ROUNDS=${ROUNDS:-100}
CHECK=$top_builddir/tests/guest/diskcheck
BLOCKS=512
BATCH=8
[ -f "$CHECK" ] || { echo "Bail out! $CHECK is not built"; exit 99; }

# image NAME: an empty disk of $BLOCKS blocks.
image() {
	rm -f "$T/$1"
	truncate -s $((BLOCKS * 4096)) "$T/$1"
}

# disk NAME 'GUEST OPTIONS' IMAGE [,DRIVE OPTION...]: a VM with a disk.
disk() {
	vm "$1" "$2" -drive "file=$T/$3,if=virtio,format=raw${4:-}"
}

info() {
	image info.img
	disk info mode=disk-info info.img ,readonly=on
	vm_off info
	said info "disk 0 slot [0-9]* sectors $((BLOCKS * 8)) features .* status 0xf"
}
check 'a guest starts its disk and powers off' info

# round_trip DRIVE-OPTION...: what one VM writes, the next one and the host read.
round_trip() {
	image rt.img
	disk write "mode=disk-write count=$((BLOCKS * 2)) batch=32" rt.img "$1"
	vm_off write
	disk read 'mode=disk-read batch=32' rt.img "$1"
	vm_off read
	note "$(grep -a -h -o 'pollnet: [rw][a-z]* [0-9]* .*us' "$T/write.log" "$T/read.log")"
	said read "read $BLOCKS good $BLOCKS highest $((BLOCKS * 2)) " || vm_log read
	"$CHECK" "$T/rt.img" $BLOCKS $((BLOCKS * 2)) 0
	# One more than there are would be missed.
	if "$CHECK" "$T/rt.img" $BLOCKS $((BLOCKS * 2 + 1)) 0; then
		fail 'the check checks nothing'
	fi
}
check 'blocks written are there, in the next VM and for the host' round_trip ''
if ! is_qemu; then
	check 'the same with threads' round_trip ,aio=threads
	check 'the same past the page cache' round_trip ,cache=none
	check 'the same with limits' round_trip ,throttling.iops-total=2000
fi
check 'the same with a cache that writes through' round_trip ,cache=writethrough

# Linux does that for cache_type in /sys; QEMU says nothing of it until it is asked to.
turns() {
	image turns.img
	disk write "mode=disk-write cache=turns count=$((BLOCKS * 2)) batch=32" turns.img "$1"
	vm_off write
	said write "safe $((BLOCKS * 2))$" || vm_log write
	is 'exit status' "$(exit_status write)" 0
	"$CHECK" "$T/turns.img" $BLOCKS $((BLOCKS * 2)) 0
}
if ! is_qemu; then
	check 'a guest switches the cache off and on meanwhile' turns ''
	check 'the same, with threads' turns ,aio=threads
fi

snapshot() {
	image snap.img
	before=$(cksum <"$T/snap.img")
	disk write "mode=disk-write count=$BLOCKS" snap.img ,snapshot=on
	vm_off write
	said write "safe $BLOCKS$" || vm_log write
	is 'the image' "$(cksum <"$T/snap.img")" "$before"
}
check 'with snapshot=on the image is not changed' snapshot

# Two VMs on one image.
twice() {
	image two.img
	disk one mode=hang two.img
	says one 'hang: ring 3'
	disk two mode=disk-info two.img
	wait_for 10 test -s "$T/two.rc"
	[ "$(exit_status two)" = 1 ] || vm_log two
	is_qemu || is 'lines' "$(wc -l <"$T/two.log")" 1
	grep -F "$T/two.img" "$T/two.log" || is_qemu
	end one
	disk three mode=disk-info two.img
	vm_off three
}
check 'of two VMs on one image, the second is refused, with its name' twice

several() {
	image a.img
	truncate -s 1M "$T/b.img"
	vm two 'mode=disk-info disk=1' -drive "file=$T/a.img,if=virtio,format=raw" \
		-drive "file=$T/b.img,if=virtio,format=raw"
	vm_off two
	said two 'disk 1 slot [0-9]* sectors 2048 '
}
check 'a VM with two disks' several

# safe_of NAME: the last block that the guest was told is safe; a line that the end
# of the VM has cut short does not count.
safe_of() {
	{ tr -d '\r' <"$T/$1.log"; echo cut; } |
		sed -n 's/^pollnet: safe \([0-9]*\)$/\1/p' | tail -n 1
}

# some_is_safe NAME: whether it has been told so of any, or is no more.
some_is_safe() {
	[ -n "$(safe_of "$1")" ] || [ -s "$T/$1.rc" ]
}

# The ways to write in turn; the last two without a flush from the guest.
way() {
	case $(($1 % 6)) in
	0) drive= guest= ;;
	1) drive=,cache=none guest= ;;
	2) drive=,aio=threads guest= ;;
	3) drive=,aio=threads,cache=none guest= ;;
	4) drive=,cache=writethrough guest=flush=off ;;
	5) drive=,aio=threads guest=flush=off ;;
	esac
	! is_qemu || drive=
}

# killed: VMs are killed while they write, each goes on where the one before was.
# How long after the first answer is different each time.
killed() {
	image kill.img
	safe=0
	round=0
	while [ $round -lt "$ROUNDS" ]; do
		way $round
		rm -f "$T/kill.log"	# the last one's
		disk kill "mode=disk-write batch=$BATCH first=$((safe + 1)) $guest" \
			kill.img "$drive"
		wait_for "$GUEST_SECONDS" some_is_safe kill || vm_log kill
		is_running kill || vm_log kill
		sleep "0.0$((round * 7 % 50 + 10))"
		kill -KILL "$(pid_of kill)"
		wait_for 10 test -s "$T/kill.rc"
		now=$(safe_of kill)
		[ "${now:-0}" -gt $safe ] || fail "round $round: nothing was safe ($now)"
		safe=$now
		"$CHECK" "$T/kill.img" $BLOCKS "$safe" $((BATCH * 2)) >"$T/verdict" || {
			cat "$T/verdict"
			fail "round $round ($drive $guest)"
		}
		round=$((round + 1))
	done
	note "$round VMs killed, the last one said: $(cat "$T/verdict")"
}
check "$ROUNDS VMs killed while they write: all that was said to be safe is there" killed

done_testing
