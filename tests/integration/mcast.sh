#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# mcast.sh - Multicast snooping and storm control with the kernel's own IGMP and MLD
#
# A sender and three receivers, each a network namespace with a tap that lanbox-plug
# connects to the switch. All of it is in a namespace that ends with the script.
. "${top_srcdir:?}/tests/integration/lib.sh"

requires ip socat unshare nsenter
requires_netns
cd "$T" || exit 99
LANBOX=$top_builddir/lanbox
ln -s "$top_builddir/lanbox-plug" vde_plug2tap
GROUP=239.1.2.3
GROUP6=ff15::77

# host NAME N: a host at the switch, its port being N.
host() {
	netns "$1"
	spawn "$1.plug" nsenter -t "$(pid_of "$1")" -n -- ./vde_plug2tap -s "$T/sw" tap0
	wait_for 3 on "$1" ip link show tap0
	on "$1" ip addr add "10.0.0.$2/24" dev tap0
	on "$1" ip addr add "fd00::$2/64" dev tap0 nodad
	on "$1" ip link set tap0 up
	on "$1" ip route add 224.0.0.0/4 dev tap0
	wait_for 3 has_ports sw "$2"
}

# Join and receive into NAME.got; 16 bytes are a datagram.
joins() {
	: >"$1.got"
	spawn "$1.join" nsenter -t "$(pid_of "$1")" -n -- \
		socat -u "UDP4-RECV:5000,ip-add-membership=$GROUP:tap0" "OPEN:$T/$1.got,append"
}
joins6() {
	: >"$1.got6"
	spawn "$1.join6" nsenter -t "$(pid_of "$1")" -n -- \
		socat -u "UDP6-RECV:5001,ipv6-join-group=[$GROUP6]:tap0" \
		"OPEN:$T/$1.got6,append"
}

# stream N [6]: N datagrams from the sender, 50 at a time: sockets' buffers are small.
stream() {
	to=UDP4-DATAGRAM:$GROUP:5000
	[ -z "${2:-}" ] || to=UDP6-DATAGRAM:[$GROUP6]:5001
	for _ in $(seq "$(($1 / 50))"); do
		yes 0123456789abcde | head -n 50
		sleep 0.02
	done | on send socat -b 16 -u - "$to"
}

has_got() {
	is "datagrams in $1" "$(($(stat -c %s "$1") / 16))" "$2"
}

# Frames that the switch has sent to port N.
sent_to() {
	"$LANBOX" switch -s sw --json ports "$1" | sed 's/.*"tx-frames":\([0-9]*\).*/\1/'
}

# members: the ports of a group, as the switch has it.
members() {
	"$LANBOX" switch -s sw mcast | awk -v g="$1" '$2 == g { print $3 }' | sort -n | tr '\n' ' '
}
has_members() {
	is "members of $1" "$(members "$1")" "$2"
}

switch_start sw
for h in 'send 1' 'r1 2' 'r2 3' 'r3 4'; do
	# shellcheck disable=SC2086 # two words
	host $h || { echo 'Bail out! no hosts'; exit 99; }
done

floods() {
	joins r1
	joins r2
	sleep 0.5
	before=$(sent_to 4)
	stream 300
	wait_for 3 has_got r1.got 300
	wait_for 3 has_got r2.got 300
	[ $(($(sent_to 4) - before)) -ge 300 ]
	"$LANBOX" switch -s sw mcast | grep 'Snooping is off'
}
check 'off: who has not joined gets it, too' floods

snoops() {
	"$LANBOX" switch -s sw set mcast-querier=on mcast-snooping=on
	wait_for 5 has_members $GROUP '2 3 '
	sleep 4		# until the answers to the first question are in
	: >r1.got; : >r2.got
	before=$(sent_to 4)
	stream 500
	wait_for 3 has_got r1.got 500
	wait_for 3 has_got r2.got 500
	# What else there is on a LAN in that time are some frames.
	more=$(($(sent_to 4) - before))
	[ $more -lt 50 ] || fail "$more frames to who has not joined"
	is malformed "$("$LANBOX" switch -s sw --json mcast |
		sed 's/.*"malformed":\([0-9]*\).*/\1/')" 0
}
check 'IGMP: two who joined get all of it, the third nothing' snoops

leaves() {
	end r2.join
	wait_for 8 has_members $GROUP '2 '
	: >r1.got
	before=$(sent_to 3)
	stream 300
	wait_for 3 has_got r1.got 300
	more=$(($(sent_to 3) - before))
	[ $more -lt 50 ] || fail "$more frames to who has left"
}
check 'who leaves is asked, and gets no more' leaves

leaves_fast() {
	"$LANBOX" switch -s sw port set 2 mcast-fast-leave=yes
	end r1.join
	wait_for 3 has_members $GROUP ''
	stream 50
	console sw port/print | grep 'DROP: pkts  *[0-9]* *nobody has joined the multicast group'
}
check 'fast leave; nobody is left' leaves_fast

snoops6() {
	joins6 r3
	wait_for 5 has_members $GROUP6 '4 '
	before=$(sent_to 2)
	stream 300 6
	wait_for 3 has_got r3.got6 300
	more=$(($(sent_to 2) - before))
	[ $more -lt 50 ] || fail "$more frames to who has not joined"
	end r3.join6
	wait_for 8 has_members $GROUP6 ''
}
check 'MLD: likewise' snoops6

static_group() {
	"$LANBOX" switch -s sw mcast add $GROUP 4
	before=$(sent_to 4)
	stream 200
	[ $(($(sent_to 4) - before)) -ge 200 ]
	console sw mcast/print | grep "VLAN 0000 port 004 $GROUP static"
	"$LANBOX" switch -s sw mcast del $GROUP 4
	has_members $GROUP ''
	not "$LANBOX" switch -s sw mcast add 224.0.0.9 4
	not "$LANBOX" switch -s sw mcast add 10.0.0.1 4
}
check 'a static group' static_group

neighbours() {
	on r1 ping -c 2 -i 0.2 -W 2 -q fd00::4 || on r1 busybox ping -c 2 fd00::4
}
if command -v ping >/dev/null || command -v busybox >/dev/null; then
	check 'neighbour discovery goes on' neighbours
else
	skip 'neighbour discovery goes on' 'no ping here'
fi

storms() {
	"$LANBOX" switch -s sw mcast add $GROUP 4
	"$LANBOX" switch -s sw port set 1 storm-multicast=20
	"$LANBOX" switch -s sw ports 1 | grep 'up to  *20 multicast/s'
	before=$(sent_to 4)
	stream 1000
	more=$(($(sent_to 4) - before))
	if [ $more -lt 15 ] || [ $more -ge 150 ]; then fail "$more frames of a storm"; fi
	"$LANBOX" switch -s sw --json ports 1 | grep '"STORM":[89]..'
	"$LANBOX" switch -s sw port set 1 storm-multicast=0
	before=$(sent_to 4)
	stream 300
	[ $(($(sent_to 4) - before)) -ge 300 ]
}
check 'storm control' storms

off_again() {
	console sw 'mcast/setsnooping 0' | grep 1000
	before=$(sent_to 2)
	stream 300
	[ $(($(sent_to 2) - before)) -ge 300 ]
	"$LANBOX" switch -s sw ports 1 | grep 'router auto'
}
check 'off again' off_again

by_option() {
	end sw
	switch_start sw --mcast-snooping=querier
	console sw mcast/showinfo | grep Snooping=true
	console sw mcast/showinfo | grep Querier=true
	not timeout 5 "$SWITCH" -s "$T/no" --mcast-snooping=maybe
}
check 'by an option' by_option

done_testing
