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
	wait_for 10 own_netns "h$1"
	spawn "h$1.plug" nsenter -t "$(pid_of "h$1")" -n -- ./vde_plug2tap -s "$T/sw" tap0
	wait_for 10 on "$1" ip link show tap0
	on "$1" ip link set tap0 address "$(mac "$1")"
	on "$1" ip link set tap0 up
	wait_for 10 has_ports sw "$1"
}
ping_once() {
	on "$1" ping -c 1 -W 1 -q "$2"
}
pings() {
	wait_for 10 ping_once "$1" "$2"
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
	console sw guard/print | grep 'port 003 mac=true ip=false ra=false trusted=false 02:00:00:00:00:03'
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

# DHCP. Host 4 is the server, host 5 a client, and host 3 a server that nobody wants.

cat >lease <<'END'
#!/bin/sh
case $1 in
deconfig) ip -4 addr flush dev "$interface" ;;
bound | renew)
	ip -4 addr flush dev "$interface"
	ip addr add "$ip/$mask" dev "$interface"
	;;
esac
END
cat >lease6 <<'END'
#!/bin/sh
case $reason in
PREINIT6) ip link set "$interface" up ;;
BOUND6) ip addr add "$new_ip6_address/64" dev "$interface" nodad ;;
esac
END
chmod +x lease lease6

# serves N FIRST LAST: host N is a DHCP server with these addresses.
serves() {
	spawn "h$1.dhcp" nsenter -t "$(pid_of "h$1")" -n -- dnsmasq --no-daemon --port=0 \
		--conf-file=/dev/null --user=root --pid-file= --no-ping --log-dhcp \
		--interface=tap0 --bind-interfaces --dhcp-leasefile="$T/leases$1" \
		--dhcp-range="$2,$3,255.255.255.0,2m" --dhcp-authoritative
	wait_for 3 grep 'DHCP, .* range' "h$1.dhcp.log"
}
# asks N: host N asks for an address until it has one; it gives it back when it ends.
asks() {
	spawn "h$1.client" nsenter -t "$(pid_of "h$1")" -n -- \
		busybox udhcpc -f -R -t 20 -T 1 -A 1 -i tap0 -s "$T/lease"
}
leased() {
	on "$1" ip -4 -o addr show dev tap0 | grep -o "10\.0\.0\.$2[0-9][0-9]"
}
binding() {
	sw guard list | grep " $1.* $2  dhcp "
}

gets_lease() {
	sw guard set 4 dhcp-trust=yes
	sw guard set 5 ip=yes
	sw set dhcp-snooping=on
	serves 4 10.0.0.100 10.0.0.150
	asks 5
	wait_for 10 leased 5 1
	ip=$(leased 5 1)
	pings 5 10.0.0.2
	forget 2
	pings 2 "$ip"
	binding "$ip" 5
	console sw guard/print | grep "port 005 $(mac 5) $ip dhcp for 1[0-9]* secs"
	console sw guard/showinfo | grep 'DHCP snooping=true'
}
has_link_local() {
	on "$1" ip -6 addr show dev tap0 scope link -tentative | grep fe80
}
leased6() {
	on "$1" ip -6 -o addr show dev tap0 to fd00::/64 | grep -o 'fd00::1[0-9a-f]*'
}
gets_lease6() {
	wait_for 5 has_link_local 5
	on 4 ip addr add fd00::4/64 dev tap0 nodad
	spawn h4.dhcp6 nsenter -t "$(pid_of h4)" -n -- dnsmasq --no-daemon --port=0 \
		--conf-file=/dev/null --user=root --pid-file= --log-dhcp --interface=tap0 \
		--bind-interfaces --dhcp-leasefile="$T/leases6" \
		--dhcp-range=fd00::100,fd00::150,64,2m --dhcp-authoritative
	wait_for 3 grep 'DHCPv6, .* range' h4.dhcp6.log
	: >lease6.conf
	spawn h5.client6 nsenter -t "$(pid_of h5)" -n -- dhclient -6 -d -cf "$T/lease6.conf" \
		-lf "$T/leases5" -pf "$T/dhclient.pid" -sf "$T/lease6" tap0
	wait_for 10 binding fd00::1 5
	wait_for 5 leased6 5
	ip=$(leased6 5)
	pings 5 fd00::2
	binding "$ip" 5
	forget 2
	pings 2 "$ip"
	on 5 ip addr add fd00::55/64 dev tap0 nodad
	not on 5 ping -I fd00::55 -c 2 -i 0.2 -W 1 fd00::2
	on 5 ip addr del fd00::55/64 dev tap0
	end h5.client6
	end h4.dhcp6
}
leaves_lease() {
	ip=$(leased 5 1)
	before=$(refused 5)
	on 5 ip -4 addr flush dev tap0
	on 5 ip addr add 10.0.0.55/24 dev tap0
	cannot_ping 5 10.0.0.2
	[ "$(refused 5)" -gt "$before" ]
	on 5 ip -4 addr flush dev tap0
	on 5 ip addr add "$ip/24" dev tap0
	pings 5 10.0.0.2
}
steals_lease() {
	ip=$(leased 5 1)
	sw guard set 1 ip=yes
	sw guard add 1 "$(mac 1)" 10.0.0.1
	pings 2 "$ip"
	before=$(dropped 1 GUARD_ARP)
	on 1 ip addr add "$ip/24" dev tap0
	on 1 arping -q -U -c 2 -w 3 -s "$ip" -I tap0 10.0.0.2 || :
	on 1 ip addr del "$ip/24" dev tap0
	[ "$(dropped 1 GUARD_ARP)" -gt "$before" ]
	on 2 ip neigh show "$ip" | grep "$(mac 5)"
}
rogue_server() {
	sw guard set 3 mac=no
	serves 3 10.0.0.200 10.0.0.250
	# It gives the address back, if it knows where.
	pings 5 10.0.0.4
	end h5.client
	wait_for 2 not binding '10.0.0.1[0-9]*' 5
	asks 5
	wait_for 10 leased 5 1
	not leased 5 2
	[ "$(dropped 3 GUARD_DHCP)" -gt 0 ]
	grep DHCPOFFER h3.dhcp.log
	# Without the guard, somebody listens to it.
	end h4.dhcp
	sw set dhcp-snooping=off
	end h5.client
	asks 5
	wait_for 10 leased 5 2
	cannot_ping 5 10.0.0.2
	end h5.client
	end h3.dhcp
}
slaac() {
	sw set nd-snooping=on
	sw guard set 5 ip=yes
	sw guard set 1 ip=yes
	on 4 ip addr add fd01::4/64 dev tap0 nodad
	spawn h4.ra nsenter -t "$(pid_of h4)" -n -- dnsmasq --no-daemon --port=0 \
		--conf-file=/dev/null --user=root --pid-file= --interface=tap0 --enable-ra \
		--bind-interfaces --dhcp-range=fd01::,ra-only,64,10m
	ip=fd01::ff:fe00:5
	wait_for 15 on 5 ping -c 1 -W 1 -q fd01::4
	sw guard list | grep " $ip.* 5  nd  *for good"
	# Its link-local address is older than the guard: the switch has asked for it.
	pings 5 "fe80::ff:fe00:4%tap0"
	sw guard list | grep ' fe80::ff:fe00:5.* 5  nd '
	forget 4
	pings 4 "$ip"
	# Another one does not get it, whether he asks for it or not.
	on 1 ip addr add "$ip/128" dev tap0
	wait_for 15 sh -c "nsenter -t $(pid_of h1) -n ip addr show dev tap0 dadfailed | grep $ip"
	on 1 ip addr del "$ip/128" dev tap0
	on 1 ip addr add "$ip/128" dev tap0 nodad
	not on 1 ping -I "$ip" -c 2 -i 0.2 -W 1 fd01::4
	on 1 ip addr del "$ip/128" dev tap0
	pings 4 "$ip"
	# And an address of elsewhere is no host's to take.
	on 5 ip addr add fd02::5/64 dev tap0 nodad
	on 5 ip route add fd01::4 dev tap0 src fd02::5
	not on 5 ping -c 3 -i 0.4 -W 1 fd01::4
	on 5 ip route del fd01::4 dev tap0
	on 5 ip addr del fd02::5/64 dev tap0
	end h4.ra
	sw set nd-snooping=off
	sw guard list >guards
	not grep '  nd ' guards
}
ends_with_port() {
	sw set dhcp-snooping=on
	serves 4 10.0.0.100 10.0.0.150
	asks 5
	wait_for 10 leased 5 1
	wait_for 2 binding '10.0.0.1[0-9]*' 5
	end h5.plug
	wait_for 3 not binding '10.0.0.1[0-9]*' 5
}
if command -v dnsmasq >/dev/null && busybox udhcpc --help 2>&1 | grep -q -e '-A'; then
	host 4
	on 4 ip addr add 10.0.0.4/24 dev tap0
	host 5
	check 'DHCP: a client gets a lease, and talks' gets_lease
	if command -v dhclient >/dev/null; then
		check 'DHCPv6: likewise' gets_lease6
	else
		skip 'DHCPv6: likewise' 'no dhclient here'
	fi
	check 'with an address of its own choice it is cut off' leaves_lease
	check "ARP for a client's address is dropped elsewhere" steals_lease
	check 'a server at a port that is not trusted is not heard' rogue_server
	check 'neighbour discovery: a host has the address that it gave itself' slaac
	check 'an unplugged port has no bindings' ends_with_port
else
	skip 'DHCP snooping' 'no dnsmasq or udhcpc here'
fi

done_testing
