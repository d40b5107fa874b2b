# SPDX-License-Identifier: BSD-2-Clause
# guest-save.sh - VMs that are saved and go on in another process, their guest a program
#                 that never stands still: it polls the rings of its disk or its NIC
. "${top_srcdir:?}/tests/guest/lib.sh"

is_qemu && skip_all 'QEMU saves in its own way'
requires socat
CHECK=$top_builddir/tests/guest/diskcheck
BLOCKS=512
S=$T/state
DRIVE=

# The VMM, with leave to save VMs anywhere.
cat >"$T/vmm" <<'END'
#!/bin/sh
exec "$TESTED" -save-dir / "$@"
END
chmod 755 "$T/vmm"
export TESTED="$VMM"
VMM=$T/vmm

# qmp NAME COMMAND[:ARGUMENTS]...: the answers of its control socket, a line each.
qmp() {
	lib_qmp=$1
	shift
	{
		echo '{"execute":"qmp_capabilities"}'
		for lib_command; do
			case $lib_command in
			*:*)
				echo "{\"execute\":\"${lib_command%%:*}\"," \
					"\"arguments\":${lib_command#*:}}"
				;;
			*)
				echo "{\"execute\":\"$lib_command\"}"
				;;
			esac
		done
		sleep 0.2
	} | timeout 10 socat -t 5 - "unix:$T/$lib_qmp.qmp" >"$T/qmp.out" 2>&1
	grep -E '"(return|error)"' "$T/qmp.out" | tail -n +2
}

is_saved() {
	qmp "$1" query-migrate | grep -q '"status": "completed"'
}

status() {
	qmp "$1" query-status | sed 's/.*"status": "\([^"]*\)".*/\1/'
}

# save NAME: into $S.
save() {
	qmp "$1" "migrate:{\"uri\":\"file:$S\"}" | grep -q '"return": {}' ||
		fail "$(cat "$T/qmp.out")"
	wait_for 10 is_saved "$1"
	is 'state of the VM' "$(status "$1")" postmigrate
}

# quit NAME: its process ends.
quit() {
	qmp "$1" quit >/dev/null
	vm_off "$1"
}

# disk NAME 'GUEST OPTIONS' [VMM OPTION...]: a VM with a disk.
disk() {
	lib_disk=$1
	lib_guest=$2
	shift 2
	vm "$lib_disk" "$lib_guest" -drive "file=$T/d.img,if=virtio,format=raw$DRIVE" \
		-qmp "unix:$T/$lib_disk.qmp" "$@"
}

image() {
	rm -f "$T/d.img"
	truncate -s $((BLOCKS * 4096)) "$T/d.img"
}

# Saved five times while it writes; all that it ever said to be safe is there.
disk_goes_on() {
	count=20000
	options="mode=disk-write count=$count blocks=$BLOCKS"
	image
	disk g0 "$options"
	safe=0
	for i in 1 2 3 4 5; do
		wait_for "$GUEST_SECONDS" safe_beyond "g$((i - 1))" "$safe"
		save "g$((i - 1))"
		safe=$(last_safe "g$((i - 1))")
		quit "g$((i - 1))"
		"$CHECK" "$T/d.img" $BLOCKS "$safe" 8 || fail 'blocks are missing'
		disk "g$i" "$options" -incoming "file:$S"
	done
	vm_off g5
	note "$(grep -a -h -o 'pollnet: wrote .*us' "$T/g5.log")"
	grep -a -q "pollnet: wrote $count blocks" "$T/g5.log" || vm_log g5
	# It is the guest that was there before, not one that began anew.
	[ "$(said_count g5 'safe 8$')" = 0 ] || fail 'it began anew'
	"$CHECK" "$T/d.img" $BLOCKS $count 0
}

last_safe() {
	tr -d '\r' <"$T/$1.log" | sed -n 's/^pollnet: safe \([0-9]*\)$/\1/p' | tail -n 1
}

safe_beyond() {
	[ "$(last_safe "$1" || echo 0)" -gt "$2" ] 2>/dev/null
}
check 'a guest writes on to its disk in another process, and nothing is lost' disk_goes_on

# The file: what is not there is not in it.
small() {
	size=$(stat -c %s "$S")
	note "$size bytes, of 64 MiB"
	[ "$size" -lt 1000000 ] || fail "$size bytes"
	is 'mode of the file' "$(stat -c %a "$S")" 600
	is 'files beside it' "$(ls "$S".* 2>/dev/null)" ''
}
check 'memory that was never touched is not in the file' small

# echo_goes_on FAST: a guest that answers is saved and restored under one that asks.
echo_goes_on() {
	net="-netdev vde,id=n0,sock=$T/sw,fast=$1 -device virtio-net-pci,netdev=n0"
	# shellcheck disable=SC2086 # words
	vm echo0 mode=echo -qmp "unix:$T/echo0.qmp" $net,mac=$MAC_A
	says echo0 'echo ready'
	vm_net ask "mode=ping dst=$MAC_A count=4000 gap=2000000 timeout=500" "$MAC_B"
	for i in 1 2 3; do
		sleep 1
		save "echo$((i - 1))"
		quit "echo$((i - 1))"
		# shellcheck disable=SC2086 # words
		vm "echo$i" mode=echo -qmp "unix:$T/echo$i.qmp" $net -incoming "file:$S"
	done
	vm_off ask
	note "$(grep -a -o 'pollnet: ping [0-9].*' "$T/ask.log")"
	said ask 'ping 4000 lost [0-9]\{1,2\} bad 0' || vm_log ask
	if said ask 'ping 4000 lost 0 '; then
		fail 'nothing was lost: it was not away'
	fi
	end echo3
}
switch_start sw
check 'a guest answers on in another process, its rings in the switch' echo_goes_on on
check 'the same by datagrams' echo_goes_on off

# Going on in the same process.
stays() {
	image
	disk stay "mode=disk-write count=3000 blocks=$BLOCKS"
	wait_for "$GUEST_SECONDS" safe_beyond stay 100
	save stay
	before=$(last_safe stay)
	sleep 0.5
	is 'blocks said to be safe half a second later' "$(last_safe stay)" "$before"
	qmp stay cont | grep -q '"return": {}' || fail "$(cat "$T/qmp.out")"
	vm_off stay
	"$CHECK" "$T/d.img" $BLOCKS 3000 0
}
check 'a guest that was saved goes on in the same process, too' stays

# Requests wait for their turn when it is saved, and are not forgotten.
slow() {
	image
	DRIVE=,throttling.iops-total=300
	options="mode=disk-write count=1000 blocks=$BLOCKS batch=64 timeout=10000"
	disk slow0 "$options"
	for i in 1 2 3; do
		wait_for "$GUEST_SECONDS" safe_beyond "slow$((i - 1))" 0
		save "slow$((i - 1))"
		quit "slow$((i - 1))"
		disk "slow$i" "$options" -incoming "file:$S"
	done
	vm_off slow3
	"$CHECK" "$T/d.img" $BLOCKS 1000 0
}
check 'requests that wait for a slow disk are not forgotten' slow
DRIVE=

# Paused until it is told.
waits() {
	image
	options="mode=disk-write count=3000 blocks=$BLOCKS"
	disk first "$options"
	wait_for "$GUEST_SECONDS" safe_beyond first 100
	save first
	quit first
	disk second "$options" -incoming "file:$S" -S
	wait_for 5 test -S "$T/second.qmp"
	sleep 0.5
	is 'state of the VM' "$(status second)" paused
	is 'blocks that it wrote' "$(last_safe second)" ''
	# And saved again as it is.
	save second
	quit second
	disk third "$options" -incoming "file:$S"
	vm_off third
	"$CHECK" "$T/d.img" $BLOCKS 3000 0
}
check 'with -S it waits, and can be saved again' waits

# Who ends what was saved does not let the guest run on first: it would write to its disk.
stopped() {
	image
	options="mode=disk-write count=3000 blocks=$BLOCKS exit=halt"
	XDG_RUNTIME_DIR=$T disk told "$options" -name told
	wait_for "$GUEST_SECONDS" safe_beyond told 100
	save told
	before=$(last_safe told)
	XDG_RUNTIME_DIR=$T timeout 20 "$top_builddir/lanbox" vm stop told
	ended told
	is 'blocks said to be safe' "$(last_safe told)" "$before"
	disk again "mode=disk-write count=3000 blocks=$BLOCKS" -incoming "file:$S"
	wait_for "$GUEST_SECONDS" said again 'wrote 3000 blocks'
	end again
}
check 'lanbox vm stop ends a VM that was saved, and does not wake it' stopped

# A path that is not one word, or longer than any, is not cut short.
cut() {
	vm cut mode=hang -qmp "unix:$T/cut.qmp"
	says cut 'hang: ring 3'
	long=$T/$(printf '%0300d' 0)/$(printf '%0200d' 0)
	for arg in "$T/two words" "$long/$(printf '%05000d' 0)"; do
		qmp cut "human-monitor-command:{\"command-line\":\"save $arg\"}" |
			grep 'extraneous characters' || fail "$(cat "$T/qmp.out")"
		is 'state of the VM' "$(status cut)" running
	done
	qmp cut "human-monitor-command:{\"command-line\":\"save $long\"}" >/dev/null
	wait_for 5 grep "'$long': the VM cannot be saved there: " "$T/cut.log"
	[ ! -e "$T/two" ]
	end cut
}
check 'the monitor cuts no path short' cut

# A saving that fails harms nothing.
fails() {
	image
	disk fails "mode=disk-write count=20000 blocks=$BLOCKS"
	wait_for "$GUEST_SECONDS" safe_beyond fails 100
	for uri in file:/no/such/state file:/dev/null exec:cat tcp:1:2 file:state; do
		qmp fails "migrate:{\"uri\":\"$uri\"}" >/dev/null
		wait_for 5 runs fails || fail "$uri: $(cat "$T/qmp.out")"
	done
	qmp fails "migrate:{\"uri\":\"file:/no/such/state\"}" >/dev/null
	wait_for 5 runs fails
	qmp fails query-migrate | grep -q '"status": "failed".*"error-desc": "No such file' ||
		fail "$(cat "$T/qmp.out")"
	grep -q "'/no/such/state': the VM cannot be saved there: No such file" \
		"$T/fails.log" || vm_log fails
	vm_off fails
	"$CHECK" "$T/d.img" $BLOCKS 20000 0
	disk snap "mode=disk-write count=20000 blocks=$BLOCKS" -snapshot
	wait_for "$GUEST_SECONDS" safe_beyond snap 100
	qmp snap "migrate:{\"uri\":\"file:$S\"}" | grep -q "d.img': .*-snapshot" ||
		fail "$(cat "$T/qmp.out")"
	is 'state of the VM' "$(status snap)" running
	end snap
}

runs() {
	[ "$(status "$1")" = running ]
}
check 'a saving that fails leaves a guest that runs' fails

# refused 'REASON' VMM OPTION...: status 1, and one line with the name and the reason.
refused() {
	lib_why=$1
	shift
	vm refused mode=disk-write "$@"
	wait_for 20 test -s "$T/refused.rc" || vm_log refused
	is 'exit status' "$(exit_status refused)" 1
	is 'lines that it said' "$(grep -c . "$T/refused.log")" 1
	grep -q "$lib_why" "$T/refused.log" || fail "$(cat "$T/refused.log")"
}

refusals() {
	image
	disk last "mode=disk-write count=20000 blocks=$BLOCKS"
	wait_for "$GUEST_SECONDS" safe_beyond last 100
	save last
	drive="-drive file=$T/d.img,if=virtio,format=raw -incoming file:$S"
	# shellcheck disable=SC2086 # words
	refused "d.img': another VM uses it" $drive
	quit last
	# shellcheck disable=SC2086 # words
	{
		refused "'$S': .*: it has 64 MiB of RAM (-m), not 65" $drive -m 65
		refused "'$S': .*: it has 1 CPUs (-smp), not 2" $drive -smp 2
		refused "'$S': .*: its PCI devices are others" -incoming "file:$S"
		refused "'$S': .*: its PCI devices are others" $drive \
			-netdev "vde,id=n0,sock=$T/sw" -device virtio-net-pci,netdev=n0
	}
	bad="-drive file=$T/d.img,if=virtio,format=raw -incoming file:$T/bad"
	size=$(stat -c %s "$S")
	# A byte of a page, one of the sections, one of the head.
	for at in $((size - 5000)) 300 20; do
		cp "$S" "$T/bad"
		printf '\252' | dd of="$T/bad" bs=1 seek=$at conv=notrunc 2>/dev/null
		# shellcheck disable=SC2086 # words
		cmp -s "$S" "$T/bad" || refused "'$T/bad': .*: it is damaged" $bad
	done
	cp "$S" "$T/bad"
	truncate -s $((size - 1)) "$T/bad"
	# shellcheck disable=SC2086 # words
	{
		refused "'$T/bad': .*: its end is missing" $bad
		cp "$GUEST.elf" "$T/bad"
		refused "'$T/bad': .*: it is no saved VM" $bad
		rm "$T/bad"
		refused "'$T/bad': .*: No such file" $bad
		truncate -s +1M "$T/d.img"
		refused "'$S': .*: disk '$T/d.img': it has another size" $drive
		truncate -s -1M "$T/d.img"
		refused "'$S': .*: disk '$T/d.img': it was written to" $drive
	}
}
check 'what does not fit, or is damaged, is refused with a line that names it' refusals

mtu() {
	nic="-netdev vde,id=n0,sock=$T/sw -device virtio-net-pci,netdev=n0"
	# shellcheck disable=SC2086 # words
	vm mtu mode=hang -qmp "unix:$T/mtu.qmp" $nic,host_mtu=1400
	says mtu 'hang: ring 3'
	save mtu
	quit mtu
	for other in '' ,host_mtu=1401; do
		# shellcheck disable=SC2086 # words
		refused "'$S': .*: a NIC has another MTU" $nic$other -incoming "file:$S"
	done
	# shellcheck disable=SC2086 # words
	vm same mode=hang -qmp "unix:$T/same.qmp" $nic,host_mtu=1400 -incoming "file:$S"
	wait_for 10 runs same
	end same
}
check 'a NIC keeps its MTU' mtu

# The daemon that writes it says no more than that it is safe.
other_format() {
	qemu-img create -q -f qcow2 "$T/d.qcow2" $((BLOCKS * 4))K
	options="mode=disk-write count=6000 blocks=$BLOCKS"
	drive="-drive file=$T/d.qcow2,if=virtio,format=qcow2"
	# shellcheck disable=SC2086 # words
	vm q0 "$options" $drive -qmp "unix:$T/q0.qmp"
	for i in 1 2; do
		wait_for "$GUEST_SECONDS" safe_beyond "q$((i - 1))" 0
		save "q$((i - 1))"
		quit "q$((i - 1))"
		# shellcheck disable=SC2086 # words
		vm "q$i" "$options" $drive -qmp "unix:$T/q$i.qmp" -incoming "file:$S"
	done
	vm_off q2
	# shellcheck disable=SC2086 # words
	refused "'$S': .*: disk '$T/d.qcow2': it was written to" $drive -incoming "file:$S"
	qemu-img check -q "$T/d.qcow2"
}
if command -v qemu-storage-daemon >/dev/null; then
	check 'the same with a qcow2, refused when it was written to since' other_format
else
	skip 'the same with a qcow2' 'no qemu-storage-daemon here'
fi

done_testing
