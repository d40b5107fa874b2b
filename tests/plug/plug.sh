# SPDX-License-Identifier: BSD-2-Clause
# plug.sh - The module that gives libvdeplug's programs the name lanbox://
#
# Programs as people have them (Debian's vde_plug, QEMU with a guest) and clients of
# our own (plugtest.c, restart.c, vde-load), all through libvdeplug, which finds the
# module uninstalled in $PLUG. With SWITCH= the switch may be another build than
# theirs: they must not be built with sanitizers, which RTLD_DEEPBIND, libvdeplug's way
# of loading modules, does not allow.
#
# COUNT is the number of frames of the longest runs, and the switch is killed KILLS
# times, for KILL_SECONDS at most (0 = however long it takes).
VMM=qemu-system-x86_64
if [ -c /dev/kvm ] && command -v $VMM >/dev/null; then
	. "${top_srcdir:?}/tests/guest/lib.sh"
	vms=yes
else
	. "${top_srcdir:?}/tests/integration/lib.sh"
	vms=
fi

COUNT=${COUNT:-1000000}
PLUG=${PLUG:-$top_builddir/plug/.libs}
PLUGTEST=$top_builddir/tests/plug/plugtest
RESTART=$top_builddir/tests/plug/restart
PEER=$top_builddir/tests/guest/peer

is_vde_switch && skip_all 'vde_switch has no shared memory'
for file in "$PLUGTEST" "$RESTART" "$PLUG/libvdeplug_lanbox.so"; do
	[ -f "$file" ] || { echo "Bail out! $file is not built"; exit 99; }
done
grep -q __asan_init "$PLUGTEST" && skip_all 'libvdeplug and AddressSanitizer exclude each other'
# The variable stands for all places, so the library's own one must be in it.
system=$(ldd "$LOAD" | sed -n 's|.*=> \(.*\)/libvdeplug\.so.*|\1/vdeplug|p')
export VDEPLUGIN_PATH="$PLUG:$system"

switch_start sw
switch_start east
switch_start west
cd "$T" || exit 99
fast=lanbox://$T/sw
plain=vde://$T/sw

# What it prints is worth knowing.
noted() {
	rc=0
	"$@" >"$T/noted" 2>&1 || rc=$?
	note "$(cat "$T/noted")"
	return $rc
}

# Nobody is plugged in, not even what a check that failed has left.
empty() {
	for job in cable hold hub stuck; do
		is_running "$job" && end "$job"
	done
	for lan; do
		wait_for 3 endpoints "$lan" 0
	done
}

endpoints() {
	[ "$(console "$1" port/print | grep -c 'endpoint ID')" -eq "$2" ]
}

# What frames a port has sent to the switch.
frames_in() {
	console "$1" port/print | sed -n 's/^ IN: *pkts *\([0-9]*\) .*/\1/p'
}

# What a program may expect of a plug. With vde:// too where it says something of
# sockets, so that nothing is asked here that they do not give.

check 'frames of every size both ways, lanbox to lanbox' "$PLUGTEST" sizes "$fast" "$fast"
check 'frames of every size both ways, lanbox to vde' "$PLUGTEST" sizes "$fast" "$plain"

check 'what a short buffer has no room for is lost, and nothing else' \
	"$PLUGTEST" short "$fast" "$fast"
check 'the same from a VDE client' "$PLUGTEST" short "$plain" "$fast"
check 'as it is with a socket' "$PLUGTEST" short "$fast" "$plain"

check 'a new plug has nothing to read' "$PLUGTEST" fresh "$fast"
check 'a new socket has not, either' "$PLUGTEST" fresh "$plain"

check 'readable as long as there are frames, and not longer' \
	"$PLUGTEST" level "$fast" "$fast" 400
check 'the same, frames of a VDE client' "$PLUGTEST" level "$plain" "$fast" 400
check 'as it is with a socket, as far as that goes' "$PLUGTEST" level "$plain" "$plain" 8

# Who is held up between a frame and its wake-up may find the frame taken; that is seen
# once in thousands, where processors are scarce, so a busy machine has three tries.
paced_thrice() {
	noted "$PLUGTEST" paced "$@" || noted "$PLUGTEST" paced "$@" ||
		noted "$PLUGTEST" paced "$@"
}
check 'paced frames wake the receiver once each' paced_thrice "$fast" "$fast" 0
check 'the same, frames of a VDE client' paced_thrice "$plain" "$fast" 0

check 'vde_recv waits, or says EAGAIN' noted "$PLUGTEST" block "$fast" "$fast"

check "$COUNT frames each way, one thread sends while another receives" \
	noted "$PLUGTEST" duplex "$fast" "$fast" "$COUNT"
check '100000 frames each way between lanbox and vde' \
	noted "$PLUGTEST" duplex "$fast" "$plain" 100000

load() {
	noted "$LOAD" --no-loss "$@"
}
check "$COUNT frames to a receiver that polls once for each" load -p -c "$COUNT" "$fast"
check "$COUNT frames to a receiver that polls when there are no more" \
	load -D -c "$COUNT" "$fast"
check '200000 frames of 1514 bytes, polled for' load -p -c 200000 -s 1514 "$fast"
check '100000 frames of 9014 bytes, polled for' load -p -c 100000 -s 9014 "$fast"
check '10000 frames of 65000 bytes, polled for' load -p -c 10000 -s 65000 "$fast"
check '200000 frames from lanbox to vde' load -c 200000 "$fast" "$plain"
check '200000 frames from vde to lanbox' load -p -c 200000 "$plain" "$fast"
# No sender is held back for ever by who gets no processor; so a busy machine has three
# tries.
load_thrice() {
	load "$@" || load "$@" || load "$@"
}
check 'bursts of 2048 full frames to a receiver that takes its time' \
	load_thrice -p -c 12288 -s 1514 -r 5000 -b 2048 -d 50 "$fast"
check 'broadcast to eight that read' load_thrice -m fan -n 8 -r 5000 -c 5000 "$fast"

check 'lanbox plugs are clients as others are' "$FRAMECHECK" "$fast" <<END
plug a b
plug c d at $plain
send a to all
expect b c d
send c to a
expect a
send b to a size 1514
expect a
send a to c size 9000
expect c
send d to group
expect a b c
unplug b
send c to a size 14
expect a
send a to b
expect c d
END

# Receivers that stop.

fps() {
	sed -n 's|.* frames/s=\([0-9]*\).*|\1|p' "$T/noted"
}

stuck_others() {
	load -c 500000 "$fast"
	alone=$(fps)
	spawn stuck "$LOAD" -t 0 -c 4000000000 -s 1514 -r 3000 -d 10000000 "$fast"
	wait_for 5 drops
	load -c 500000 "$fast"
	beside=$(fps)
	load -c 100000 "$plain"
	is_running stuck || fail "$(cat "$T/stuck.log")"
	end stuck
	# The stream beside takes its share of the processor; not more than that.
	[ $((beside * 4)) -ge "$alone" ] || fail "$beside frames/s instead of $alone"
}
drops() {
	console sw port/print | grep -E '^ DROP: pkts +[1-9][0-9]* +transmit queue full'
}
check 'a stuck receiver: other streams lose nothing, and are no slower' stuck_others

check 'three stuck receivers of a broadcast: the others get all of it' \
	load -m fan -n 4 -k 3 -r 5000 -c 10000 "$fast"

# Opening.

# opens_as WANTED VNL [PORT]: "ok", or the name of an error.
opens_as() {
	lib_want=$1
	shift
	lib_got=$("$PLUGTEST" open "$@" 2>"$T/err") || return
	cat "$T/err"
	is "$1" "$lib_got" "$lib_want"
}

# on_port PORT VNL [PORT]: where a plug turns up.
on_port() {
	want=$1
	shift
	empty sw
	spawn hold "$PLUGTEST" hold "$@"
	wait_for 3 grep held "$T/hold.log"
	console sw "port/print $want" >"$T/port"
	cat "$T/port"
	endpoints sw 1
	grep -E "endpoint .*module vhost.*: the holder user=$(id -un) pid=$(pid_of hold)" "$T/port"
	empty sw
}
check '[7] is port 7, and the console shows who it is' on_port 7 "${fast}[7]"
check '[port=7] is, too' on_port 7 "${fast}[port=7]"
check 'so is a port that the program asks for' on_port 9 "$fast" 9
check 'without, it is the lowest that is free' on_port 1 "$fast"
check '[0] is port 0, as it is with vde://' on_port 0 "${fast}[0]"

refused() {
	empty sw
	opens_as ERANGE "${fast}[33]"
	opens_as EINVAL "${fast}[70000]"
	opens_as EINVAL "${fast}[-1]"
	opens_as EINVAL "${fast}[port=x]"
	opens_as EINVAL "${fast}[seven]"
	opens_as ok "${fast}[32]"
	empty sw
}
check 'ports that there are not are refused' refused

# A port belongs to its first client's user; another one may still take any other.
not_mine() {
	mkdir "$T/plugs"
	cp "$PLUGTEST" "$T/plugtest"
	cp "$PLUG/libvdeplug_lanbox.so" "$T/plugs/"
	chmod -R a+rX "$T/plugs" "$T/plugtest"
	switch_start open -m 666 --dirmode 2777
	spawn hold "$PLUGTEST" hold "lanbox://$T/open[7]"
	wait_for 3 grep held "$T/hold.log"
	as_nobody '[7]' EPERM
	as_nobody '[8]' ok
	as_nobody '' ok
	end hold
	wait_for 3 endpoints open 0
	as_nobody '[7]' ok
	end open
	# Who may not connect is told so, and not taken for one without a switch.
	as_nobody_at "$T/sw" EACCES
}
as_nobody() {
	as_nobody_at "$T/open$1" "$2"
}
as_nobody_at() {
	got=$(VDEPLUGIN_PATH=$T/plugs:$system as 65534 "$T/plugtest" open "lanbox://$1") || return
	is "$1" "$got" "$2"
}
if two_users; then
	check "another user's port is refused" not_mine
else
	skip "another user's port is refused" 'only root'
fi

no_switch() {
	opens_as ENOENT "lanbox://$T/nowhere"
	mkdir "$T/empty"
	opens_as ENOENT "lanbox://$T/empty"
	switch_start dead
	end dead KILL
	opens_as ECONNREFUSED "lanbox://$T/dead"
	# Nothing works, so nothing is said to.
	[ ! -s "$T/err" ] || fail "it says: $(cat "$T/err")"
	opens_as ENAMETOOLONG "lanbox:///tmp/$(printf '%0200d' 0)"
}
check 'no switch: an error, and which' no_switch

churn() {
	empty sw
	before=$(switch_at_rest sw)
	maps=$(wc -l <"/proc/$(pid_of sw)/maps")
	noted "$PLUGTEST" churn "$fast" 1000
	wait_for 5 switch_holds sw "$before"
	not grep lanbox-plug "/proc/$(pid_of sw)/maps"
	# What malloc keeps may move; a thousand mappings may not.
	[ "$(wc -l <"/proc/$(pid_of sw)/maps")" -le $((maps + 8)) ]
}
check '1000 times open and closed: nothing is left on either side' churn

# Switches that have no shared memory.

fallback() {
	vde_switch -s "$T/vde" -p "$T/vde.pid" -d </dev/null
	wait_for 3 test -S "$T/vde/ctl"
	cleanup_fn "kill \$(cat $T/vde.pid)"
	"$FRAMECHECK" "lanbox://$T/vde" 2>"$T/said" <<-END
	plug a
	plug b at vde://$T/vde
	send a to all
	expect b
	send b to a size 1514
	expect a
	send a to b
	expect b
	END
	cat "$T/said"
	is 'lines' "$(wc -l <"$T/said")" 1
	grep -F "lanbox://$T/vde: " "$T/said"
	opens_as ok "lanbox://$T/vde[5]"
	is 'lines' "$(wc -l <"$T/err")" 1
	kill "$(cat "$T/vde.pid")"
}
if command -v vde_switch >/dev/null; then
	check "on Debian's vde_switch it works as plain VDE does, and says so once" fallback
else
	skip "on Debian's vde_switch it works as plain VDE does, and says so once" \
		'no vde_switch here'
fi

says_nothing() {
	opens_as ok "$fast"
	[ ! -s "$T/err" ] || fail "it says: $(cat "$T/err")"
}
check 'on our switch it says nothing' says_nothing

# Debian's vde_plug as a cable between two switches.

one_lan() {
	frames east <<-END
	plug a b
	plug c d at vde://$T/west
	send a to all
	expect b c d
	send c to a			# through the cable
	expect a
	send a to c size 1514
	expect c
	send b to a			# not through the cable
	expect a
	send d to group
	expect a b c
	send c to d size 14
	expect d
	END
}

# cable COMMAND...: it joins both switches, and nothing of it is left after.
cable() {
	empty east west
	spawn cable "$@"
	wait_for 5 endpoints east 1
	wait_for 5 endpoints west 1
	one_lan
	is_running cable
	empty east west
}

# with PROGRAM DESCRIPTION COMMAND...: a test that takes a program.
with() {
	lib_needed=$1
	shift
	if command -v "$lib_needed" >/dev/null; then
		check "$@"
	else
		skip "$1" "no $lib_needed here"
	fi
}

with vde_plug 'vde_plug between two lanbox names' \
	cable vde_plug "lanbox://$T/east" "lanbox://$T/west"
with vde_plug 'vde_plug between lanbox and vde' \
	cable vde_plug "lanbox://$T/east" "vde://$T/west"
with dpipe 'dpipe vde_plug = vde_plug' \
	cable dpipe vde_plug "lanbox://$T/east" = vde_plug "lanbox://$T/west"
with vde_plug 'vde_plug that runs another one' \
	cable vde_plug "lanbox://$T/east" = vde_plug "lanbox://$T/west"

# A program that does nothing about it is on the same port again.
cable_restart() {
	empty east west
	spawn cable vde_plug -D 'the cable' "lanbox://$T/east[21]" "lanbox://$T/west[22]"
	wait_for 5 endpoints west 1
	one_lan
	for _ in 1 2 3; do
		end east KILL
		switch_start east
		wait_for 2 endpoints east 1
		console east 'port/print 21' | grep 'endpoint .*: the cable user='
		one_lan
	done
	is_running cable
	empty east west
}
with vde_plug 'vde_plug is back on its port when the switch was killed' cable_restart

# QEMU. Without a guest, its own hub joins two plugs.

hub() {
	exec qemu-system-x86_64 -M none -nodefaults -display none -monitor none \
		-netdev "vde,id=e,sock=$1" -netdev hubport,hubid=0,id=h1,netdev=e \
		-netdev "vde,id=w,sock=$2" -netdev hubport,hubid=0,id=h2,netdev=w
}
with qemu-system-x86_64 'QEMU between two lanbox names' \
	cable hub "lanbox://$T/east[20]" "lanbox://$T/west[port=21]"

# QEMU takes 1 for a frame of one byte, and pads it.
hub_quiet() {
	empty east west
	spawn hub hub "lanbox://$T/east" "vde://$T/west"
	wait_for 5 endpoints west 1
	sleep 0.3
	is 'frames from nowhere' "$(frames_in west)" 0
	if [ "$1" = killed ]; then
		end east KILL
		sleep 0.5
		switch_start east
	fi
	wait_for 3 endpoints east 1
	sleep 0.3
	is 'frames from nowhere' "$(frames_in west)" 0
	one_lan
	empty east west
}
with qemu-system-x86_64 'QEMU gets no frame that nobody sent' hub_quiet alive
with qemu-system-x86_64 'nor when the switch is killed' hub_quiet killed

# vm_plug NAME 'GUEST OPTIONS' MAC VNL: a VM, its NIC plugged into VNL.
vm_plug() {
	vm "$1" "$2" -netdev "vde,id=n0,sock=$4" -device "virtio-net-pci,netdev=n0,mac=$3"
}

# stream COUNT SIZE: from one guest to another, which acknowledges.
stream() {
	vm_plug recv "mode=recv count=$1 size=$2 window=64 timeout=30000" "$MAC_A" "$fast"
	says recv 'recv ready'
	vm_plug send "mode=send count=$1 size=$2 window=64 timeout=30000 dst=$MAC_A" \
		"$MAC_B" "$fast"
	vm_off send
	vm_off recv
	note "$(grep -a -o 'pollnet: recv: .*' "$T/recv.log")"
	said recv "received $1 lost 0 reordered 0 bad 0 duplicate 0 " || vm_log recv
}

echo_start() {
	vm_plug echo mode=echo "$MAC_A" "$fast"
	says echo 'echo ready'
}

ping() {
	is_running echo
	vm_plug ping "mode=ping dst=$MAC_A count=200 size=1514 timeout=20000" "$MAC_B" "$fast"
	vm_off ping
	note "$(grep -a -o 'pollnet: ping cycles.*' "$T/ping.log")"
	said ping 'ping 200 lost 0 bad 0$' || vm_log ping
}

echo_to() {
	is_running echo
	noted "$PEER" -w 40 "$1" "$MAC_A"
}

echo_restart() {
	end sw KILL
	switch_start sw
	wait_for 5 "$PEER" -f 100 -l 109 -t 500 "$plain" "$MAC_A"
	noted "$PEER" -w 40 "$fast" "$MAC_A"
	is_running echo
	end echo
}

if [ -n "$vms" ]; then
	check '10000 frames of 1514 bytes from guest to guest of QEMU' stream 10000 1514
	check 'a guest of QEMU that answers' echo_start
	check 'request and response with another one' ping
	check 'frames of 60 to 1514 bytes, a guest of QEMU and a VDE client' echo_to "$plain"
	check 'frames of 60 to 1514 bytes, a guest of QEMU and a plug' echo_to "$fast"
	check 'its network is back when the switch was killed' echo_restart
else
	skip 'guests of QEMU' 'no QEMU with KVM here'
fi

# Taps: what the kernel leaves to others crosses the switch as it is.

at() {
	host=$1
	shift
	nsenter -t "$(pid_of "$host")" -n -- "$@"
}
other_ns() {
	[ "$(readlink "/proc/$(pid_of "$1")/ns/net")" != "$(readlink /proc/$$/ns/net)" ]
}
# tap_host NAME ADDRESS VNL: a network namespace whose tap0 is on a switch.
tap_host() {
	spawn "$1" unshare -n sleep 1000
	wait_for 3 other_ns "$1"
	spawn "$1.plug" nsenter -t "$(pid_of "$1")" -n -- \
		"$top_builddir/lanbox-plug" --tap tap0 "$3"
	wait_for 3 at "$1" ip link show tap0
	at "$1" ip addr add "$2/24" dev tap0
	at "$1" ip link set tap0 up
}
# sent HOST FIELD: what its kernel has been given by the plug.
sent() {
	at "$1" ip -s -j link show tap0 | sed 's/.*"rx":{\([^}]*\)}.*/\1/' |
		tr , '\n' | sed -n "s/\"$2\"://p"
}
listening() {
	at "$1" ss -ltn | grep -q :5001
}
# tcp FROM TO ADDRESS: 16 MiB come as they went; $mean is what frames had there.
tcp() {
	[ -e data ] || head -c 16777216 /dev/urandom >data
	spawn got nsenter -t "$(pid_of "$2")" -n -- socat -u TCP-LISTEN:5001 CREATE:got
	wait_for 3 listening "$2"
	bytes=$(sent "$2" bytes) packets=$(sent "$2" packets)
	at "$1" socat -u OPEN:data "TCP:$3:5001"
	ended got
	cmp data got
	mean=$((($(sent "$2" bytes) - bytes) / ($(sent "$2" packets) - packets)))
	note "$1 to $2: $mean bytes in a frame"
}
tap_big() {
	tap_host n1 10.9.0.1 "$fast"
	tap_host n2 10.9.0.2 "$fast"
	tcp n1 n2 10.9.0.2
	[ "$mean" -gt 4000 ]
	tcp n2 n1 10.9.0.1
	[ "$mean" -gt 4000 ]
}
tap_small() {
	tap_host n3 10.9.0.3 "$plain"
	tcp n1 n3 10.9.0.3
	[ "$mean" -le 1514 ]
	tcp n3 n1 10.9.0.1
	at n3 ethtool -K tap0 tx off >/dev/null
	tcp n3 n2 10.9.0.2
}
tap_killed() {
	end sw KILL
	switch_start sw
	wait_for 5 at n1 busybox ping -c 1 -W 1 10.9.0.2
	tcp n1 n2 10.9.0.2
	[ "$mean" -gt 4000 ]
	for name in n1 n2 n3; do
		is_running $name.plug && end $name.plug
		end $name
	done
}
if [ "$(id -u)" -eq 0 ] && command -v socat >/dev/null && [ -c /dev/net/tun ] &&
   unshare -n true 2>/dev/null; then
	check 'taps through shared memory pass big frames' tap_big
	check 'and cut ones to and from a plain plug' tap_small
	check 'they do so again when the switch was killed' tap_killed
else
	skip 'taps through shared memory' 'only root, with socat and namespaces'
fi

# Switches that are killed.

check 'a plug that only listens is back when the switch was killed' \
	noted "$RESTART" listen "$T/kill" "$SWITCH"
check 'a plug that only sends is, too' noted "$RESTART" send "$T/kill" "$SWITCH"
check 'three plugs under traffic are back each time, and no buffer is lost' \
	noted "$RESTART" -n "${KILLS:-1000}" -l "${KILL_SECONDS:-15}" traffic "$T/kill" "$SWITCH"

done_testing
