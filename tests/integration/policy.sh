#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# policy.sh - What ports may do, with clients on real sockets
. "${top_srcdir:?}/tests/integration/lib.sh"

cd "$T" || exit 99
LANBOX=$top_builddir/lanbox

# lanbox switch, of the switch "sw".
sw() {
	"$LANBOX" switch -s sw "$@"
}

# Isolation, as a file of commands sets it: 1 promiscuous, 2 and 3 isolated, 4 and 5 a
# community.
cat >rc <<END
port/create 2
port/create 3
port/create 4
port/create 5
port/setisolation 2 isolated
port/setisolation 3 isolated
port/setisolation 4 7
port/setisolation 5 7
END
switch_start sw -f "$T/rc"

cat >isolated <<END
plug a at vde://$T/sw[1]
plug b at vde://$T/sw[2]
plug c at vde://$T/sw[3]
plug d at vde://$T/sw[4]
plug e at vde://$T/sw[5]
apart b c d e
send a to all
expect b c d e
send b to all
expect a
send c to group
expect a
send d to all
expect a e
send e to nobody
expect a d
send a to c
expect c
send b to c
expect
send b to a
expect a
send d to b
expect
send d to e
expect e
send e to d times 1 size 1514
expect d
END
check 'isolation: promiscuous, isolated, a community' frames sw <isolated

isolation_seen() {
	console sw port/allprint | grep 'isolated from those it was for'
	sw ports 2 | grep 'isolation  *isolated'
	sw ports 4 | grep 'isolation  *7'
	sw --json ports 2 | grep '"ISOLATED":[1-9]'
	sw port set 2 isolation=promiscuous
	sw --json ports 2 | grep '"isolation":"promiscuous"'
	not sw port set 2 isolation=4095 2>err
	grep "'isolation' must be" err
	console sw 'port/setisolation 2 maybe' | grep 1022
	console sw 'port/setisolation 2' | grep 1022
	console sw 'port/setisolation 9 isolated' | grep 1006
}
check 'as console and control socket show and set it' isolation_seen

check 'and it ends' frames sw <<END
plug a at vde://$T/sw[1]
plug b at vde://$T/sw[2]
plug c at vde://$T/sw[3]
apart c
send b to all
expect a c
send c to b
expect b
END

# EtherTypes.

types() {
	sw port set 2 ethertypes=0x88b6,arp
	sw ports 2 | grep 'EtherTypes  *0x88b6,arp'
	frames sw <<-END		# 0x88b6 is that of its fences
		plug a at vde://$T/sw[1]
		plug b at vde://$T/sw[2]
		plug c
		send b to all type 0x0806
		expect a c
		send b to a type 0x0806 tag 5
		expect a c
		send b to all
		expect
		send b to a tag 5
		expect
		send a to b
		expect b
	END
	sw --json ports 2 | grep '"ETHERTYPE":2'
	not sw port set 2 ethertypes=ip 2>err
	grep "'ethertypes' must be" err
	console sw 'port/setethertypes 2 ipv4,arp,' | grep 1022
	console sw 'port/setethertypes 2 all' | grep 1000
	sw --json ports 2 | grep '"ethertypes":"all"'
}
check 'EtherTypes that a port may bring' types

# Rates: 15140 bytes are 10 frames, the last of which may leave a debt; what the time that
# the test takes adds is little.

drops() {
	sw --json ports "$1" | sed -n "s/.*\"$2\":\([0-9]*\).*/\1/p"
}

rates() {
	sw port set 2 rate-in=8k burst-in=15140
	sw ports 2 | grep 'rate in  *8 kbit/s, 15.1 kB at once'
	spawn plugs "$FRAMECHECK" "vde://$T/sw"
	say plugs "plug a at vde://$T/sw[1]\nplug b at vde://$T/sw[2]\n"
	say plugs 'send b to a size 1514 times 500\n'
	wait_for 5 rated 2 RATE_IN 485 490
	console sw 'port/setrate 2 in 0' | grep 1000
	console sw 'port/setrate 1 out 8k 15140' | grep 1000
	sw --json ports 1 | grep '"rate-out":8000,"burst-out":15140'
	say plugs 'send b to a size 1514 times 500\n'
	wait_for 5 rated 1 RATE_OUT 485 490
	end plugs
	console sw 'port/rules 1' >rules
	grep '^Port 0001 shut=no isolation=promiscuous ethertypes=all$' rules
	grep '^ rate: in=0 burst=0 out=8000 burst=15140$' rules
	grep '^ addresses: [0-9]* max=0 static=0 sticky=0 setsticky=false violation=ignore refused=0$' \
		rules
	grep '^ floods: broadcast=0 multicast=0 unknown=0$' rules
	is 'ports' "$(console sw port/rules | grep -c ^Port)" 6
	console sw 'port/rules 17' | grep 1006
	console sw 'port/setrate 1 out 0' | grep 1000
	console sw 'port/setrate 1 up 10M' | grep 1022
	console sw 'port/setrate 1 out 10M 1.5K' | grep 1022
	console sw 'port/setrate 1 out 10M 2G' | grep 1022
	not sw port set 1 burst-in=10K 2>err
	grep "'burst-in' goes with 'rate-in'" err
	not sw port set 1 rate-out=2T 2>err
	grep "'rate-out' must be" err
	sw port set 1 rate-out=20M
	sw --json ports 1 | grep '"rate-out":20000000,"burst-out":625000'
	sw port set 1 rate-out=0
}
rated() {
	n=$(drops "$1" "$2")
	[ "${n:-0}" -ge "$3" ] && [ "$n" -le "$4" ]
}
check 'a rate for each way' rates

# Port security.

static_address() {
	sw fdb add 02:00:00:00:00:0b 2
	sw fdb | grep '02:00:00:00:00:0b .* 2 .* static'
	sw ports 2 | grep 'addresses  *1 of any number, static 1, sticky 0'
	console sw hash/print | grep 'Addr: 02:00:00:00:00:0b VLAN 0000 to port: 002 .* static$'
	console sw hash/find 02:00:00:00:00:0b || console sw 'hash/find 02:00:00:00:00:0b'
	not sw fdb add 02:00:00:00:00:0b 3 2>err
	grep 'there is one already' err
	not sw fdb add 03:00:00:00:00:0b 3 2>err
	grep "'address' must be" err
	not sw fdb add 02:00:00:00:00:0b 9
	console sw 'hash/add 02:00:00:00:00:0f 3 5000' | grep 1022
	console sw 'hash/add 02:00:00:00:00:0f 3 5' | grep 1000
	console sw 'hash/del 02:00:00:00:00:0f 5' | grep 1000
	console sw 'hash/del 02:00:00:00:00:0f 5' | grep 1006
	# It is there without a word, and does not move.
	frames sw <<-END
		plug a at vde://$T/sw[1]
		plug b at vde://$T/sw[2]
		plug c d
		send a to b
		expect b
		send c from b to d
		learned
		send a to b
		expect b
	END
	sw flush
	sw fdb del 02:00:00:00:00:0b
	not sw fdb del 02:00:00:00:00:0b
}
sw port set 3 isolation=promiscuous
sw port set 4 isolation=promiscuous
sw port set 5 isolation=promiscuous
check 'a static address' static_address

limit() {
	sw port set 2 max-addresses=2 violation=drop
	frames sw <<-END
		plug a at vde://$T/sw[1]
		plug b at vde://$T/sw[2]
		plug c
		send b to a
		learned
		send b from 02:00:00:00:01:01 to c
		expect
		send b to all
		expect a c
	END
	sw --json ports 2 | grep '"violation":"drop","sticky":false,.*"SECURITY":[1-9]'
	sw port set 2 max-addresses=0 violation=ignore
}
# The second address is that of framecheck's fences.
check 'a limit of addresses: others are dropped' limit

shuts() {
	console sw 'port/setmaxaddr 3 1' | grep 1000
	console sw 'port/setsticky 3 1' | grep 1000
	console sw 'port/setviolation 3 shutdown' | grep 1000
	console sw 'port/setviolation 3 explode' | grep 1022
	spawn watch "$LANBOX" switch -s sw watch PORT_SHUT
	sleep 0.3
	# The first one is its own, from now on; the next one, a fence, is too many.
	frames sw <<-END
		plug a at vde://$T/sw[1]
		plug c at vde://$T/sw[3]
		ignore a
		send c to all
		send c to a from 02:00:00:00:00:0f
		wait 200
	END
	wait_for 2 grep 'PORT_SHUT.*security' watch.log
	end watch
	grep 'port 3: shut, since 02:.* is not for it' sw.log
	sw ports | grep '3  *shut'
	sw fdb | grep '02:00:00:00:00:0c .* 3 .* sticky'
	frames sw <<-END
		plug a at vde://$T/sw[1]
		plug b at vde://$T/sw[2]
		plug c at vde://$T/sw[3]
		ignore c
		send a to all
		expect b
		send a to c
		expect
	END
	sw --json ports 3 | grep '"shut":"security"'
	sw port set 3 shut=no violation=ignore
	sw --json ports 3 | grep '"shut":"no"'
	frames sw <<-END
		plug a at vde://$T/sw[1]
		plug b at vde://$T/sw[2]
		plug c at vde://$T/sw[3]
		send a to c
		expect c
	END
	console sw 'port/setsticky 3 0' | grep 1000
	sw port set 3 max-addresses=0 shut=yes
	sw ports 3 | grep 'shut  *operator'
	console sw 'port/setshut 3 0' | grep 1000
}
check 'a port that is shut by an address too many, and opened again' shuts

# Mirrors. Fences reach port 9 as copies.

mirrors() {
	sw port create 9
	sw mirror add 9 1
	sw mirror | grep ' 9   1  both '
	sw ports 9 | grep 'shut  *mirror'
	frames sw <<-END
		plug a at vde://$T/sw[1]
		plug b at vde://$T/sw[2]
		plug c at vde://$T/sw[3]
		plug d at vde://$T/sw[9]
		send a to all
		expect b c d
		send b to a size 1514
		expect a d
		send a to b tag 5
		expect b d
		send c to b
		expect b
	END
	spawn plugs "$FRAMECHECK" "vde://$T/sw"
	say plugs "plug d at vde://$T/sw[9]\nsend d to all times 3\n"
	wait_for 3 rated 9 SHUT 3 3
	end plugs
	not sw fdb 02:00:00:00:00:0d | grep 0d
}
check 'a mirror: copies of what comes and goes at a port, and no part in the rest' mirrors

mirror_filter() {
	# The type of fences; of other frames none.
	sw mirror set 9 filter='ether proto 0x88b6 or vlan 7'
	sw mirror | grep 'ether proto 0x88b6 or vlan 7'
	frames sw <<-END
		plug a at vde://$T/sw[1]
		plug b at vde://$T/sw[2]
		plug d at vde://$T/sw[9]
		send a to b
		expect b
		send b to a tag 7
		expect a d
		send b to a tag 8
		expect a
	END
	not sw mirror set 9 filter='vlan vlan vlan' 2>err
	grep "'filter': " err
	sw mirror | grep 'ether proto 0x88b6 or vlan 7'
	console sw 'mirror/setfilter 9 no such thing' | grep 1022
	console sw 'mirror/setfilter 9 arp' | grep 1000
	console sw mirror/print | grep 'Mirror to port 0009 normal=false copied [0-9]* frames filter: arp'
	console sw mirror/print | grep -e '-- port 0001 both'
	sw mirror set 9 filter=none
	"$LANBOX" switch -s sw --json mirror | grep '"filter":null'
}
check 'with a filter' mirror_filter

mirror_normal() {
	console sw 'mirror/setnormal 9 1' | grep 1000
	console sw 'mirror/add 9 1 in' | grep 1000
	frames sw <<-END
		plug b at vde://$T/sw[2]
		plug c at vde://$T/sw[3]
		plug d at vde://$T/sw[9]
		send d to all
		expect b c
		send b to d
		expect d
	END
	not sw mirror add 1 2
	not sw mirror add 8 9
	not sw mirror add 9 9
	not sw mirror add 9 2 sideways 2>err
	grep "'direction' must be" err
	console sw 'mirror/add 9 2 sideways' | grep 1022
	console sw 'mirror/del 9 3' | grep 1006
	sw mirror del 9 1
	not sw mirror del 9
	not sw mirror set 9 normal=no
	is mirrors "$("$LANBOX" switch -s sw --json mirror)" '[]'
}
check 'at a port that stays normal; what cannot be' mirror_normal

done_testing
