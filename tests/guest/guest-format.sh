# SPDX-License-Identifier: BSD-2-Clause
# guest-format.sh - Disks whose images other processes read and write: formats that
# qemu-storage-daemon knows, and back ends that misbehave
#
# ROUNDS in the environment: how often a VM is killed while it writes.
. "${top_srcdir:?}/tests/guest/lib.sh"

ROUNDS=${ROUNDS:-20}
CHECK=$top_builddir/tests/guest/diskcheck
BACK=$top_builddir/tests/guest/blkback
BLOCKS=512
BATCH=8
requires qemu-storage-daemon qemu-img socat
for tool in "$CHECK" "$BACK"; do
	[ -f "$tool" ] || { echo "Bail out! $tool is not built"; exit 99; }
done

# image NAME [FORMAT]: an empty disk of $BLOCKS blocks.
image() {
	rm -f "$T/$1"
	qemu-img create -q -f "${2:-qcow2}" "$T/$1" $((BLOCKS * 4))K
}

# The VMM with its messages apart from the guest's, in $ERR, and $SEARCH as its PATH.
cat >"$T/vmm" <<'END'
#!/bin/sh
PATH=${SEARCH:-$PATH} exec "$TESTED" -save-dir / "$@" 2>"$ERR"
END
chmod 755 "$T/vmm"
export TESTED="$VMM" ERR SEARCH=
VMM=$T/vmm

# run NAME 'GUEST OPTIONS' [VMM OPTION...]: a VM, its messages in $T/NAME.err.
run() {
	ERR=$T/$1.err
	vm "$@"
}

# disk NAME 'GUEST OPTIONS' IMAGE [,DRIVE OPTION... [VMM OPTION...]]: a VM with a disk.
disk() {
	lib_drive="file=$T/$3,if=virtio,format=${format:-qcow2}${4:-}"
	lib_name=$1
	lib_guest="$2 blocks=$BLOCKS"
	shift $(($# < 4 ? $# : 4))
	run "$lib_name" "$lib_guest" -drive "$lib_drive" "$@"
}

# The host's view of an image; only what was freed too late may be wrong with it.
host_checks() {
	qemu-img convert -f "${format:-qcow2}" -O raw "$T/$1" "$T/$1.raw" &&
		"$CHECK" "$T/$1.raw" $BLOCKS "$2" "$3" || return
	[ "${format:-qcow2}" = qcow2 ] || return 0
	rc=0
	qemu-img check -q "$T/$1" || rc=$?
	[ $rc = 0 ] || [ $rc = 3 ]
}

# daemon_of NAME: the process that serves the VM's disk.
daemon_of() {
	ps -o pid=,comm= --ppid "$(pid_of "$1")" | awk '$2 ~ /^qemu-storage/ { print $1 }'
}

# refused TEXT: a VM called no has ended with that one line.
refused() {
	wait_for 60 test -s "$T/no.rc"
	is 'the exit status' "$(exit_status no)" 1
	is 'lines' "$(wc -l <"$T/no.err")" 1
	grep "$1" "$T/no.err" || fail "$(cat "$T/no.err")"
}

# complained NAME LINES TEXT: the VMM has said TEXT, in so many lines at most.
complained() {
	grep "$3" "$T/$1.err" && [ "$(said_by_vmm "$T/$1.err" | wc -l)" -le "$2" ] ||
		fail "$(cat "$T/$1.err")"
}

round_trip() {
	image rt.img "${format:-qcow2}"
	disk write "mode=disk-write count=$((BLOCKS * 2)) batch=32" rt.img "$1"
	vm_off write
	disk read 'mode=disk-read batch=32' rt.img "$1"
	vm_off read
	note "$(grep -a -h -o 'pollnet: [rw][a-z]* [0-9]* .*us' "$T/write.log" "$T/read.log")"
	said read "read $BLOCKS good $BLOCKS highest $((BLOCKS * 2)) " || vm_log read
	is 'messages' "$(said_by_vmm "$T/write.err")$(said_by_vmm "$T/read.err")" ''
	host_checks rt.img $((BLOCKS * 2)) 0
	not host_checks rt.img $((BLOCKS * 2 + 1)) 0
}
check 'blocks written to a qcow2 are there, in the next VM and for the host' round_trip ''
check 'the same past the page cache' round_trip ,cache=none,aio=io_uring
check 'the same with a cache that writes through' round_trip ,cache=writethrough
check 'the same with limits and discards' \
	round_trip ,throttling.iops-total=2000,discard=unmap
for format in vdi vhdx vmdk; do
	check "the same with a $format" round_trip ''
done
format=

options() {
	image opt.img
	disk opt mode=hang opt.img ,cache=none
	says opt 'hang: ring 3'
	daemon=$(daemon_of opt)
	[ -n "$daemon" ]
	for fd in /proc/"$daemon"/fd/*; do
		case $(readlink "$fd") in
		"$T/opt.img")
			flags=$(sed -n 's/^flags:[[:space:]]*//p' \
				"/proc/$daemon/fdinfo/${fd##*/}") ;;
		esac
	done
	# O_DIRECT
	[ $((flags & 040000)) -ne 0 ]
	# None of our descriptors is there: neither KVM nor the guest's memory by name.
	not grep -l kvm "/proc/$daemon/maps"
	is 'descriptors of KVM' \
		"$(find "/proc/$daemon/fd" -lname '*kvm*' | wc -l)" 0
	end opt
	wait_for 5 not alive "$daemon"
	wait_for 5 nothing_left
}

# Another VM that begins just now has such a folder, too, for a moment.
nothing_left() {
	is 'what is left' "$(ls -d /tmp/lanbox-vmm.* 2>/dev/null)" ''
}
check 'its daemon goes past the page cache if asked to, and ends with the VM' options

snapshot() {
	image snap.img
	disk write "mode=disk-write count=$BLOCKS" snap.img
	vm_off write
	before=$(cksum <"$T/snap.img")
	disk write "mode=disk-write first=$((BLOCKS + 1)) count=$BLOCKS" snap.img ,snapshot=on
	vm_off write
	said write "safe $((BLOCKS * 2))$" || vm_log write
	is 'the image' "$(cksum <"$T/snap.img")" "$before"
}
check 'with snapshot=on the image is not changed' snapshot

readonly_() {
	image ro.img
	chmod 444 "$T/ro.img"
	disk ro 'mode=disk-write' ro.img ,readonly=on
	vm_off ro
	said ro 'error: request of type 1 at sector 0: status 1' || vm_log ro
}
check 'with readonly=on the guest cannot write' readonly_

wrong() {
	image q.img
	truncate -s 1M "$T/raw.img"
	disk no mode=disk-info raw.img
	refused "disk '$T/raw.img': .*not in qcow2 format"
	disk no mode=disk-info nowhere.img
	refused "disk '$T/nowhere.img': No such file"
	run no mode=disk-info -hda "$T/q.img"
	refused "disk '$T/q.img': .*format=qcow2"
	format=vdi disk no mode=disk-info q.img
	refused "disk '$T/q.img': "
}
check 'an image of another format than said is refused, with its name' wrong

# Backing files: read if it is said of which format they are, at each step.
backing() {
	image base.img
	disk base "mode=disk-write count=$BLOCKS batch=32" base.img
	vm_off base
	mkdir -p "$T/sub"
	qemu-img create -q -f qcow2 -b ../base.img -F qcow2 "$T/sub/middle.img"
	qemu-img create -q -f qcow2 -b "$T/sub/middle.img" -F qcow2 "$T/top.img"
	disk top 'mode=disk-read batch=32' top.img
	vm_off top
	said top "read $BLOCKS good $BLOCKS " || vm_log top
	# Where it says the format, another word stands now, that nobody knows.
	at=$(LC_ALL=C grep -obUaP '\xe2\x79\x2a\xca' "$T/sub/middle.img" | head -n 1)
	printf '\022\064\126\170' |
		dd of="$T/sub/middle.img" bs=1 seek="${at%%:*}" conv=notrunc status=none
	disk no 'mode=disk-info' top.img
	refused "disk '$T/top.img': '$T/sub/middle.img' .* '../base.img' .*not to be guessed"
	qemu-img rebase -u -f qcow2 -b ../base.img -F raw "$T/sub/middle.img"
	disk top mode=disk-read top.img
	vm_off top
	said top "read $BLOCKS good 0 " || vm_log top
	# Around and around.
	qemu-img rebase -u -f qcow2 -b ../top.img -F qcow2 "$T/sub/middle.img"
	disk no 'mode=disk-info' top.img
	refused "disk '$T/top.img': its backing files have no end"
}
check 'no format of a backing file is guessed' backing

raw() {
	image r.img
	format=raw disk raw mode=disk-info r.img
	vm_off raw
	said raw "disk 0 .* sectors $((($(stat -c %s "$T/r.img") + 511) / 512)) " || vm_log raw
}
check 'a qcow2 of which it is said that it is raw, is' raw

missing() {
	image m.img
	SEARCH=/nowhere disk no mode=disk-info m.img
	refused "disk '$T/m.img': there is no qemu-storage-daemon"
}

twice() {
	image two.img
	disk one mode=hang two.img
	says one 'hang: ring 3'
	disk no mode=disk-info two.img
	refused "disk '$T/two.img': another VM uses it"
	daemon=$(daemon_of one)
	end one KILL
	wait_for 5 not alive "$daemon"
	disk three mode=disk-info two.img
	vm_off three
}
check 'of two VMs on one image, the second is refused, with its name' twice

# The daemon dies in the midst of writing.
died() {
	image died.img
	disk died mode=disk-write died.img
	says died 'safe [0-9]*$'
	# The VM hears of all that at once, and in whatever order.
	daemon=$(daemon_of died)
	kill -STOP "$(pid_of died)"
	kill -KILL "$daemon"
	sleep 0.2
	kill -CONT "$(pid_of died)"
	wait_for 20 test -s "$T/died.rc"
	said died 'error: request of type [14] at sector [0-9]*: status 1' || vm_log died
	complained died 2 "disk '$T/died.img': .*gone (signal 9)"
	safe=$(sed -n 's/^pollnet: safe \([0-9]*\).*$/\1/p' "$T/died.log" | tail -n 1)
	host_checks died.img "$safe" $((BATCH * 2))
}
check 'a daemon that is killed gives the guest errors, and takes nothing with it' died

# It stands still: neither the guest's reset nor the VM's end waits for ever.
stuck() {
	image stuck.img
	disk stuck 'mode=disk-write wait=500' stuck.img
	says stuck 'safe [0-9]*$'
	kill -STOP "$(daemon_of stuck)"
	wait_for 30 test -s "$T/stuck.rc"
	said stuck 'error: the disk does not answer' || vm_log stuck
	complained stuck 2 "disk '$T/stuck.img': .*does not answer"
}
check 'a daemon that stands still does not hold the VM up' stuck

# Such a guest is not saved: in another process its flushes would work again.
not_saved() {
	image lost.img
	disk lost 'mode=disk-write count=16 exit=halt' lost.img '' -qmp "unix:$T/lost.qmp"
	says lost 'halt'
	kill -KILL "$(daemon_of lost)"
	{
		echo '{"execute": "qmp_capabilities"}'
		echo "{\"execute\": \"migrate\", \"arguments\": {\"uri\": \"file:$T/lost.state\"}}"
		sleep 0.5
		echo '{"execute": "query-status"}'
		sleep 0.2
	} | timeout 10 socat -t 5 - "unix:$T/lost.qmp" >"$T/qmp.out"
	grep "cannot be saved: disk '$T/lost.img': what the guest has written to it is not safe" \
		"$T/qmp.out" || fail "$(cat "$T/qmp.out")"
	grep -q '"status": "running"' "$T/qmp.out" || fail 'it does not run on'
	[ ! -e "$T/lost.state" ]
	end lost
}
check 'a guest whose daemon is gone runs on, and is not saved' not_saved

# A VM that is killed takes its daemon with it, which writes what it has first; so every
# other time both are killed at once, and only what was flushed is there.
safe_of() {
	{ tr -d '\r' <"$T/$1.log"; echo cut; } |
		sed -n 's/^pollnet: safe \([0-9]*\)$/\1/p' | tail -n 1
}

some_is_safe() {
	[ -n "$(safe_of "$1")" ] || [ -s "$T/$1.rc" ]
}

way() {
	case $(($1 % 4)) in
	0) drive= guest= ;;
	1) drive=,cache=none guest= ;;
	2) drive=,cache=writethrough guest=flush=off ;;
	3) drive=,discard=unmap guest=flush=off ;;
	esac
}

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
		daemon=$(daemon_of kill)
		sleep "0.0$((round * 7 % 50 + 10))"
		if [ $((round / 4 % 2)) = 0 ]; then
			kill -KILL "$(pid_of kill)" "$daemon"
		else
			kill -KILL "$(pid_of kill)"
		fi
		wait_for 10 test -s "$T/kill.rc"
		wait_for 5 not alive "$daemon"
		# Its other threads may still be at the end of a request.
		wait_for 5 qemu-img info -f qcow2 "$T/kill.img"
		now=$(safe_of kill)
		[ "${now:-0}" -gt $safe ] || fail "round $round: nothing was safe ($now)"
		safe=$now
		host_checks kill.img "$safe" $((BATCH * 2)) >"$T/verdict" 2>&1 || {
			cat "$T/verdict"
			fail "round $round ($drive $guest)"
		}
		round=$((round + 1))
	done
	note "$round VMs killed, the last one said: $(head -n 1 "$T/verdict")"
}
check "$ROUNDS VMs killed while they write: all that was said to be safe is there" killed

# Back ends that are there already.

# served NAME 'GUEST OPTIONS': a VM with the disk that somebody serves at $T/back.
served() {
	run "$1" "$2" -chardev "socket,id=c,path=$T/back" -device vhost-user-blk-pci,chardev=c
}

own() {
	image own.img
	spawn own qemu-storage-daemon \
		--blockdev "driver=qcow2,node-name=d,file.driver=file,file.filename=$T/own.img" \
		--export "vhost-user-blk,id=e,node-name=d,addr.type=unix,addr.path=$T/back,writable=on"
	wait_for 5 test -S "$T/back"
	served write "mode=disk-write count=$BLOCKS batch=32"
	vm_off write
	served read 'mode=disk-read batch=32'
	vm_off read
	said read "read $BLOCKS good $BLOCKS " || vm_log read
	served turns "mode=disk-write cache=turns count=$BLOCKS batch=32"
	vm_off turns
	is 'exit status' "$(exit_status turns)" 0
	said turns "safe $BLOCKS$" || vm_log turns
	served die 'mode=disk-write'
	says die 'safe [0-9]*$'
	end own KILL
	wait_for 20 test -s "$T/die.rc"
	said die 'error: request of type [14] at sector [0-9]*: status 1' || vm_log die
	complained die 2 "disk '$T/back': .*is gone"
}
check "a daemon of the user's own serves one VM after the other" own

# back MANNER: one that behaves so; see blkback.c.
back() {
	rm -f "$T/back"
	spawn back "$BACK" "$T/back" "$1"
	wait_for 5 grep -q ready "$T/back.log"
}

rude() {
	for manner in empty huge blocks no-blocks large-blocks no-config junk old refuse \
		      silent $(seq -f leave-%g 0 12); do
		echo "$manner:"
		back "$manner"
		served no mode=disk-info
		refused "disk '$T/back': "
		ended back
	done
	rm -f "$T/back"
	served no mode=disk-info
	refused "disk '$T/back': "
}
check 'a back end that makes no sense is refused in one line' rude

# And once the guest runs: it gets errors, and all ends.
rude_later() {
	for manner in leave talk wrong-id large-id many no-status; do
		echo "$manner:"
		back "$manner"
		served later mode=disk-read
		wait_for 20 test -s "$T/later.rc"
		said later 'error: request of type 0 at sector [0-9]*: status 1' || vm_log later
		complained later 2 "disk '$T/back': "
		end back
	done
}
check 'one that breaks the rules later gives the guest errors' rude_later

rings() {
	back ring
	served later 'mode=disk-read wait=500'
	wait_for 30 test -s "$T/later.rc"
	said later 'error: the disk does not answer' || vm_log later
	complained later 2 "disk '$T/back': .*does not answer"
	end back
}
check 'one that rings and does nothing does not hold the VM up' rings
check 'without qemu-storage-daemon it is said what is missing' missing

done_testing
