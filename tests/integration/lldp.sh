#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# lldp.sh - The switch tells its neighbours who it is, and Debian's lldpd understands
#
# The neighbour is a network namespace with a tap that is the switch's own, and lldpd; it has
# files of its own, too, since lldpd wants some. All of it ends with the script.
. "${top_srcdir:?}/tests/integration/lib.sh"

requires ip lldpd lldpcli tcpdump unshare nsenter socat
requires_netns
[ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null || skip_all 'lldpd needs a root of its own'
cd "$T" || exit 99
LANBOX=$top_builddir/lanbox

sw() {
	"$LANBOX" switch -s sw "$@"
}
on() {
	nsenter -t "$(pid_of neighbour)" -m -n -- "$@"
}
own_netns() {
	[ "$(readlink "/proc/$(pid_of "$1")/ns/net")" != "$(readlink /proc/$$/ns/net)" ]
}
# sees FORMAT PATTERN: whether the neighbour has this line of ours.
sees() {
	on lldpcli -u "$T/lldpd.socket" show neighbors details -f keyvalue >seen &&
		grep -x "lldp\.tap0\.$1" seen
}
sees_nobody() {
	on lldpcli -u "$T/lldpd.socket" show neighbors -f keyvalue >seen &&
		not grep chassis seen
}

spawn neighbour unshare -n -m sh -c 'mount -t tmpfs none /run && mkdir /run/lldpd && sleep 1000'
wait_for 10 own_netns neighbour
wait_for 10 on test -d /run/lldpd
switch_start sw -tap tap0 --macaddr 00:ff:01:02:03:04 --lldp 1
ip link set tap0 netns "/proc/$(pid_of neighbour)/ns/net" || exit 99
on ip link set tap0 up
spawn lldpd nsenter -t "$(pid_of neighbour)" -m -n -- \
	lldpd -d -r -u "$T/lldpd.socket" -I tap0 -O /dev/null

is_seen() {
	wait_for 15 sees 'chassis\.name=sw@.*'
	sees "chassis\\.name=sw@$(uname -n)"
	sees 'chassis\.mac=00:ff:01:02:03:04'
	sees "chassis\\.descr=lanbox .* switch in $T/sw on .*"
	sees 'chassis\.Bridge\.enabled=on'
	sees 'port\.local=1'
	sees 'port\.descr=port 1'
	sees 'port\.ttl=5'
	not sees 'vlan.*'
	on lldpcli -u "$T/lldpd.socket" show neighbors -f json | grep "\"sw@$(uname -n)\""
}
check 'lldpd sees the switch by its name' is_seen

is_changed() {
	sw lldp set name=lab1 address=192.0.2.7
	wait_for 5 sees 'chassis\.name=lab1'
	wait_for 5 sees 'chassis\.mgmt-ip=192.0.2.7'
	console sw 'lldp/setaddress 2001:db8::7' | grep 1000
	console sw 'lldp/setname the lab' | grep 1000
	wait_for 5 sees 'chassis\.mgmt-ip=2001:db8::7'
	sees 'chassis\.name=the lab'
	sw lldp set name=none address=none
	wait_for 5 sees 'chassis\.name=sw@.*'
	not sees 'chassis\.mgmt-ip=.*'
	console sw 'vlan/create 7' | grep 1000
	console sw 'port/setvlan 1 7' | grep 1000
	wait_for 5 sees 'vlan\.vlan-id=7'
	console sw 'port/setvlan 1 0' | grep 1000
	console sw 'vlan/remove 7' | grep 1000
}
check 'another name, an address, a VLAN' is_changed

is_over() {
	sw lldp port 1 send=no
	wait_for 2 sees_nobody
	sw lldp list | grep 'not by ports  *1$'
	sw lldp port 1 send=yes
	wait_for 4 sees 'port\.local=1'
	sw lldp set on=off
	wait_for 2 sees_nobody
	console sw lldp/showinfo | grep LLDP=false
	sw lldp set on=on interval=30
	wait_for 4 sees 'port\.ttl=121'
}
check 'off is told, for a port and for all' is_over

# A neighbour that is up a second after it was plugged in hears of it all the same.
hurries() {
	sw lldp set interval=3600
	sw tap add tap1
	ip link set tap1 netns "/proc/$(pid_of neighbour)/ns/net"
	sleep 1.2
	on ip link set tap1 up
	on timeout 5 tcpdump -i tap1 -c 1 -nn ether proto 0x88cc
	sw tap del tap1
}
check 'who has just been plugged in is told soon' hurries

passes_reserved() {
	console sw 'port/setreserved standard' | grep 1000
	sw lldp set interval=1
	wait_for 4 sees 'port\.ttl=5'
	console sw 'port/setreserved forward' | grep 1000
}
check 'whatever is forwarded of such frames' passes_reserved

commands() {
	not sw lldp set interval=0
	not sw lldp set interval=3601
	not sw lldp set address=nowhere
	not sw lldp set
	not sw lldp port 9 send=yes
	console sw 'lldp/setinterval 0' | grep 1022
	console sw 'lldp/setaddress 10.0.0' | grep 1022
	console sw 'lldp/setport 9 1' | grep 1006
	console sw "lldp/setname $(printf '%0300d' 0)" | grep 1022
	console sw lldp/showinfo | grep 'Address=NONE'
	for how in maybe 0 3601; do
		not timeout 5 "$SWITCH" -s "$T/no" --lldp "$how"
	done
}
check 'commands, good and bad ones' commands

ends() {
	end sw
	wait_for 3 sees_nobody
	end lldpd
}
check 'a switch that ends says so' ends

done_testing
