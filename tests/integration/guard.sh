#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# guard.sh - The source guard, with hosts that lie
#
# Hosts are network namespaces with a tap that lanbox-plug connects to the switch. Host N is
# at port N with the address 10.0.0.N and fd00::N. All of it is in a namespace that ends with
# the script.
. "${top_srcdir:?}/tests/integration/lib.sh"

requires ip ping arping unshare nsenter
requires_netns
cd "$T" || exit 99
LANBOX=$top_builddir/lanbox
ln -s "$top_builddir/lanbox-plug" vde_plug2tap

sw() {
	"$LANBOX" switch -s sw "$@"
}
mac() {
	echo "02:00:00:00:00:0$1"
}
on() {
	lib_host=h$1
	shift
	nsenter -t "$(pid_of "$lib_host")" -n -- "$@"
}
own_netns() {
	[ "$(readlink "/proc/$(pid_of "$1")/ns/net")" != "$(readlink /proc/$$/ns/net)" ]
}
# host N: a host at port N, without addresses.
host() {
	spawn "h$1" unshare -n sleep 1000
	wait_for 2 own_netns "h$1"
	spawn "h$1.plug" nsenter -t "$(pid_of "h$1")" -n -- ./vde_plug2tap -s "$T/sw" tap0
	wait_for 3 on "$1" ip link show tap0
	on "$1" ip link set tap0 address "$(mac "$1")"
	on "$1" ip link set tap0 up
	wait_for 3 is ports "$(console sw port/print | grep -c '^Port')" "$1"
}
pings() {
	on "$1" ping -c 1 -W 2 -q "$2"
}
cannot_ping() {
	not on "$1" ping -c 2 -i 0.2 -W 1 -q "$2"
}
# dropped N REASON: how often that was why port N dropped a frame.
dropped() {
	sw --json ports "$1" | grep -o "\"$2\":[0-9]*" | grep -o '[0-9]*$' || echo 0
}
# refused N: how many frames the guard has dropped there.
refused() {
	sw --json ports "$1" | grep -o '"GUARD_[A-Z]*":[0-9]*' |
		awk -F : '{ n += $2 } END { print n + 0 }'
}
# What a host remembers of another one.
forget() {
	on "$1" ip neigh flush dev tap0
}

switch_start sw
for n in 1 2 3; do
	host $n || { echo 'Bail out! no hosts'; exit 99; }
	on $n ip addr add 10.0.0.$n/24 dev tap0
	on $n ip addr add fd00::$n/64 dev tap0 nodad
done

off() {
	pings 1 10.0.0.2
	on 1 ip addr add 10.0.0.9/24 dev tap0
	on 1 ping -I 10.0.0.9 -c 1 -W 2 10.0.0.2
	on 1 ip addr del 10.0.0.9/24 dev tap0
	forget 1; forget 2
}
check 'off: everybody may have any address' off

allows() {
	sw guard add 1 "$(mac 1)" 10.0.0.1
	sw guard add 1 "$(mac 1)" fd00::1
	sw guard set 1 ip=yes
	pings 1 10.0.0.2
	pings 2 10.0.0.1
	pings 1 fd00::2
	forget 1
	pings 2 fd00::1
	# A link-local address has no binding, and is free for neighbour discovery alone.
	is 'frames dropped' "$(refused 1)" 0
}
check 'ip: with its own address a host talks' allows

changes_address() {
	before=$(refused 1)
	on 1 ip addr add 10.0.0.9/24 dev tap0
	not on 1 ping -I 10.0.0.9 -c 2 -i 0.2 -W 1 10.0.0.2
	[ "$(refused 1)" -gt "$before" ]
	before=$(refused 1)
	on 1 ip addr del 10.0.0.9/24 dev tap0
	on 1 ip addr add fd00::9/64 dev tap0 nodad
	not on 1 ping -I fd00::9 -c 2 -i 0.2 -W 1 fd00::2
	[ "$(refused 1)" -gt "$before" ]
	on 1 ip addr del fd00::9/64 dev tap0
	pings 1 10.0.0.2
	grep 'port 1: frame from 02:00:00:00:00:01 dropped (GUARD_' sw.log
}
check 'with another one it does not, and the log says so' changes_address

steals() {
	forget 2
	pings 2 10.0.0.3
	before=$(dropped 1 GUARD_ARP)
	# Host 1 tells host 2 that 10.0.0.3 is here.
	on 1 ip addr add 10.0.0.3/24 dev tap0
	on 1 arping -q -U -c 2 -w 3 -s 10.0.0.3 -I tap0 10.0.0.2 || :
	on 1 ip addr del 10.0.0.3/24 dev tap0
	[ "$(dropped 1 GUARD_ARP)" -gt "$before" ]
	on 2 ip neigh show 10.0.0.3 | grep "$(mac 3)"
	pings 2 10.0.0.3
}
check 'ARP for the address of another is dropped' steals

steals6() {
	before=$(refused 1)
	forget 2
	# Host 1 answers for host 3, if it is asked.
	on 1 ip addr add fd00::3/128 dev tap0 nodad
	pings 2 fd00::3
	on 1 ip addr del fd00::3/128 dev tap0
	on 2 ip neigh show fd00::3 | grep "$(mac 3)"
	[ "$(refused 1)" -gt "$before" ]
}
check 'neighbour advertisements likewise' steals6

changes_mac() {
	sw guard add 3 "$(mac 3)"
	sw guard set 3 mac=yes
	pings 3 10.0.0.2
	on 3 ip link set tap0 address "$(mac 7)"
	cannot_ping 3 10.0.0.2
	[ "$(dropped 3 GUARD_MAC)" -gt 0 ]
	not sw fdb "$(mac 7)" | grep "$(mac 7)"
	on 3 ip link set tap0 address "$(mac 3)"
	pings 3 10.0.0.2
}
check 'mac: another source address is not even learnt' changes_mac

vlans() {
	console sw 'vlan/create 5' | grep 1000
	console sw 'port/setvlan 1 5' | grep 1000
	console sw 'port/setvlan 2 5' | grep 1000
	forget 1; forget 2
	cannot_ping 1 10.0.0.2
	sw guard add 1 "$(mac 1)" 10.0.0.1 5
	pings 1 10.0.0.2
	sw guard list --vlan 5 | grep '5  10.0.0.1 '
	console sw 'port/setvlan 1 0' | grep 1000
	console sw 'port/setvlan 2 0' | grep 1000
	console sw 'vlan/remove 5' | grep 1000
	pings 1 10.0.0.2
}
check 'a binding is of its VLAN' vlans

commands() {
	sw guard list | grep '^ *1  no   yes  no'
	console sw guard/print | grep 'VLAN 0000 port 001 02:00:00:00:00:01 10.0.0.1 static'
	console sw guard/print | grep 'port 003 mac=true ip=false ra=false 02:00:00:00:00:03'
	not sw guard add 1 "$(mac 1)" 10.0.0.1
	not sw guard add 1 "$(mac 1)" 224.0.0.1
	not sw guard add 1 ff:ff:ff:ff:ff:ff
	not sw guard del 2 "$(mac 1)" 10.0.0.1
	not sw guard set 99 ip=yes
	not sw guard set 1
	console sw "guard/add 1 $(mac 1) 10.0.0.300" | grep 1022
	console sw "guard/del 1 $(mac 1) 10.0.0.77" | grep 1006
	console sw "guard/del 1 $(mac 1) 10.0.0.1" | grep 1000
	cannot_ping 1 10.0.0.2
	console sw "guard/add 1 $(mac 1) 10.0.0.1" | grep 1000
	pings 1 10.0.0.2
	console sw 'guard/setport 1 ip 0' | grep 1000
	console sw "guard/del 1 $(mac 1) 10.0.0.1" | grep 1000
	pings 1 10.0.0.2
}
check 'commands, good and bad ones' commands

done_testing
