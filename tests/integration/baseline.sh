# SPDX-License-Identifier: BSD-2-Clause
# baseline.sh - What is known to break vde_switch, as far as no other script has it
#
# V rows are observations, B rows bugs; "ids" lists all of them, and in which
# script each is shown. After each the switch must be as it was: invariants.sh.
. "${top_srcdir:?}/tests/integration/lib.sh"
. "${top_srcdir:?}/tests/integration/invariants.sh"

cd "$T" || exit 99

# on_sw DESCRIPTION COMMAND...: a check that begins with a new switch, so that one
# case cannot spoil the next.
on_sw() {
	rm -rf "$T/sw" "$T/sw.mgmt"
	switch_start sw
	lib_desc=$1
	shift
	# Clients that come at once may cost vde_switch a port, in any case here.
	known=${known:-a port is lost, at times}
	check "$lib_desc" undisturbed sw "$@"
	is_running sw && end sw KILL
}

status_of() {
	console "$1" "$2" | tail -n 1
}

# Clients.

attempts() {
	i=0
	while [ $i -lt 100 ]; do
		"$RAWVDE" "$T/full" connect bind v3 send eof
		i=$((i + 1))
	done
}
full() {
	switch_start full -n 2
	for n in 1 2; do
		is_vde_switch && [ $n = 2 ] && continue
		spawn "full$n" "$RAWVDE" "$T/full" connect bind v3 send reply dconnect unlink hold
		wait_for 2 grep holding "full$n.log"
	done
	before=$(switch_at_rest full)
	attempts
	wait_for 2 switch_holds full "$before"
	end full1
	wait_for 2 "$RAWVDE" "$T/full" connect bind v3 send reply=001. dconnect
	end full
}
vde_fails 'hangs, and loses a descriptor'
check 'V1: a hundred attempts at a full table of ports' full

few_descriptors() {
	(ulimit -n 64 && switch_start few)
	rm -f few.rest
	before=$(switch_at_rest few)
	spawn crowd "$RAWVDE" "$T/few" crowd=200 hold
	sleep 1
	wait_for 1 sleeps few
	lines=$(log_lines few)
	[ "$lines" -le 30 ] || fail "$lines lines in the log"
	end crowd KILL
	wait_for 3 switch_holds few "$before"
	"$RAWVDE" "$T/few" connect bind v3 send reply dconnect io
	end few
}
vde_fails 'spins, and logs it'
check 'V2: 64 descriptors, 200 connections that say nothing' few_descriptors
is_running few && end few
is_running full && end full

# B3: one connects, another one connects and gets a port, then the first does.
crossed() {
	for n in 1 2 3 4 5 6 7 8; do
		spawn "early$n" "$RAWVDE" "$T/sw" connect sleep=300 bind v3 send reply dconnect \
			sleep=200
	done
	sleep 0.1
	for n in 1 2 3 4 5 6 7 8; do
		spawn "late$n" "$RAWVDE" "$T/sw" connect bind v3 send reply dconnect sleep=100
	done
	for n in 1 2 3 4 5 6 7 8; do
		ended "early$n"
		is 'the first' "$(exit_status "early$n")" 0
		ended "late$n"
		is 'the second' "$(exit_status "late$n")" 0
	done
}
vde_fails 'a port is lost for ever'
on_sw 'B3: clients that connect and ask in different orders' crossed

many_fds() {
	# shellcheck disable=SC2016 # This is Perl.
	spawn wide perl -e '$^F = 100000; for (3 .. 33000) { open(my $f, "<", "/dev/null") or
		die "$!\n"; push @f, $f; } exec @ARGV or die' \
		"$SWITCH" -s "$T/wide" -M "$T/wide.mgmt"
	wait_for 5 switch_answers wide
	before=$(switch_at_rest wide)
	for n in 1 2 3; do
		"$RAWVDE" "$T/wide" connect bind v3 send reply=001. dconnect io
	done
	wait_for 2 switch_holds wide "$before"
	end wide
}
if (ulimit -n 40000) 2>/dev/null; then
	many_fds_wide() {
		ulimit -n 40000
		many_fds
	}
	vde_fails 'numbers them in 16 bits'
	check 'B12: descriptors beyond 32767' many_fds_wide
else
	skip 'B12: descriptors beyond 32767' 'not allowed so many'
fi

user_number() {
	status_of sw 'port/create 20' | grep '^1000'
	console sw 'port/setuser 20 4000000000' | tail -n 1
	console sw 'port/allprint 20' | grep -F 'Port 0020'
	console sw 'port/remove 20' | grep '^1000'
}
vde_fails 'aborts'
on_sw 'B6: a port for user 4000000000' user_number

as_uid() {
	spawn big setpriv --reuid="$1" --regid="$1" --clear-groups -- \
		"$T/rawvde" "$T/open" connect bind v3 send reply dconnect unlink hold
	wait_for 2 grep holding big.log
	console open port/print | grep "Current User: $1 "
	end big
}
if two_users; then
	cp "$RAWVDE" rawvde
	chmod 755 rawvde
	switch_start open -m 666
	vde_fails 'aborts'
	check 'V3: a client with user number 100000' undisturbed open as_uid 100000
	is_running open || switch_start open -m 666
	vde_fails 'aborts'
	check 'V3: and with 4294967294' undisturbed open as_uid 4294967294
	is_running open && end open
else
	skip 'V3: a client with user number 100000' 'only root can be two users'
	skip 'V3: and with 4294967294' 'only root can be two users'
fi

# What comes later finds nothing of who was there before.
inherits() {
	"$RAWVDE" "$T/sw" connect bind v3 send reply=003. dconnect flood=20
	wait_for 2 plugs_are 2
	spawn heir "$RAWVDE" "$T/sw" connect bind v3 send reply=003. dconnect unlink hold
	wait_for 2 grep holding heir.log
	console sw 'port/print 3' >out
	end heir
	cat out
	grep -E '^ IN:  pkts +0 ' out
}
plugs_are() {
	[ "$(console sw port/print | grep -c 'endpoint ID')" -eq "$1" ]
}
vde_fails 'hands on what the one before has counted'
on_sw 'B19: a port that came with its client is as new for the next one' inherits

# Frames.

no_stale_bytes() {
	frames sw <<-END
	plug a b c
	send a to all size 1500
	expect b c
	send b to all size 42
	expect a c
	send c to a size 14
	expect a
	END
}
on_sw 'V4: a short frame after a long one carries nothing of it' no_stale_bytes

cut_short() {
	frames sw <<-END
	plug a b
	send a to b size 1519
	expect b
	send a to b size 1522
	expect b
	send a to b size 2000
	expect b
	send b to a size 65000
	expect a
	END
}
vde_fails 'truncates what is longer than 1518 bytes'
on_sw 'V5: no frame is cut' cut_short

bursts() {
	"$LOAD" -N -c 2560 -s 1514 -b 256 -r 2560 -d 100 "vde://$T/sw"
}
vde_fails 'has no queue'
on_sw 'V10: bursts of 256 full frames to a receiver that drains later' bursts

# Processor time of 50000 frames.
cost() {
	ticks=$(cpu_ticks sw)
	"$LOAD" -c 50000 -q 200 "vde://$T/sw" >load.out
	echo $(($(cpu_ticks sw) - ticks))
}
mac_flood() {
	before=$(cost)
	memory=$(rss sw)
	spawn pair "$FRAMECHECK" "vde://$T/sw"
	say pair 'plug a b\nsend a to all\nexpect b\nsend b to a\nexpect a\n'
	wait_for 2 witness_known sw 02:00:00:00:00:0b
	# The flooder lives on: what it has filled is not forgotten with its port.
	spawn flooder "$RAWVDE" "$T/sw" connect bind v3 send reply dconnect unlink flood=300000 hold
	wait_for 20 grep holding flooder.log
	say pair 'drain\nplug c\nsend a to b\nexpect b\nsend b to a\nexpect a\ndone\n'
	ended pair
	cat pair.log
	is 'addresses of others' "$(exit_status pair)" 0
	note "resident: $memory KiB before, $(rss sw) KiB after"
	under_asan || [ $(($(rss sw) - memory)) -lt 2048 ] || fail 'memory is not bounded'
	after=$(cost)
	note "50000 frames: $before/100 s before, $after/100 s after"
	[ "$after" -le $((before * 2 + 10)) ] || fail 'frames cost more now'
	end flooder
}
vde_fails 'its table has no bound'
on_sw 'V11: a flood of 300000 addresses' mac_flood

slow_prints() {
	spawn flooder "$RAWVDE" "$T/sw" connect bind v3 send reply dconnect unlink flood=100000 hold
	wait_for 20 grep holding flooder.log
	{
		i=0
		while [ $i -lt 30 ]; do
			echo hash/print
			sleep 0.01
			i=$((i + 1))
		done
		echo logout
		sleep 1
	} | socat -t 5 - "UNIX-CONNECT:$T/sw.mgmt" | { sleep 1; cat; } >out
	end flooder
	is answers "$(grep -c '^1000 Success' out)" 30
}
if command -v socat >/dev/null; then
	vde_fails 'cuts what the reader does not take at once'
	on_sw 'V12: 30 prints of a full table, to a reader that is late' slow_prints
else
	skip 'V12: 30 prints of a full table, to a reader that is late' 'no socat here'
fi

flap() {
	{
		echo 'plug a b c'
		i=0
		while [ $i -lt 1000 ]; do
			echo 'send a from c to b'
			echo 'send b from c to a'
			i=$((i + 1))
		done
		echo 'drain'
	} >script
	"$FRAMECHECK" "vde://$T/sw" <script
}
vde_fails 'logs every frame'
on_sw 'V20: an address that moves 2000 times' flap

vlan_zero() {
	frames sw <<-END
	plug a b c
	send a to all tag 0
	learned
	send b to a size 60
	expect a
	END
	# Stripped or as it was: it must arrive.
	"$FRAMECHECK" "vde://$T/sw" <<-END ||
	plug a b
	send a to b tag 0
	expect b
	END
	"$FRAMECHECK" "vde://$T/sw" <<-END
	plug a b
	send a to b tag 0
	expect untagged b
	END
}
on_sw 'V19: a priority tag belongs to no VLAN: the frame arrives' vlan_zero

# The outer tag is the native VLAN of the sender; nobody may get the inner one
# made effective.
vlan_hop() {
	status_of sw 'vlan/create 5' | grep '^1000'
	status_of sw 'vlan/create 7' | grep '^1000'
	status_of sw 'port/create 3' | grep '^1000'
	status_of sw 'port/create 4' | grep '^1000'
	status_of sw 'port/create 5' | grep '^1000'
	status_of sw 'port/setvlan 3 5' | grep '^1000'
	status_of sw 'port/setvlan 4 5' | grep '^1000'
	status_of sw 'port/setvlan 5 7' | grep '^1000'
	status_of sw 'vlan/addport 7 4' | grep '^1000'
	"$RAWVDE" "$T/sw" connect bind v3 port=5 send reply dconnect quiet=500 &
	quiet=$!
	sleep 0.1
	"$FRAMECHECK" "vde://$T/sw[3]" <<-END
	plug a
	plug b at vde://$T/sw[4]
	send a to all tag 5 tag 7
	learned
	END
	wait $quiet
	for n in 3 4 5; do
		status_of sw "port/remove $n" | grep '^1000'
	done
}
on_sw 'V19: no way into another VLAN by two tags' vlan_hop

group_source() {
	frames sw <<-END
	plug a b c
	send a from group to all
	expect
	send a from all to b
	expect
	END
}
vde_fails 'forwards it'
on_sw 'V19: a frame from a group address is dropped' group_source

thousand() {
	ulimit -n "$(ulimit -Hn)"
	switch_start big -n 1024
	"$LOAD" -m fan -n 999 -c 20 -r 100 -N -q 2000 "vde://$T/big" >load.out || rc=$?
	note "$(tail -n 1 load.out)"
	end big
	return "${rc:-0}"
}
check 'V26: a broadcast to 999' thousand

# Console.

console_survives() {
	for text; do
		"$TALK" "$T/sw.mgmt" "$text\\n" >out || :
		is_running sw || fail "'$text' ended it"
	done
	console sw showinfo | grep '^1000'
}
vde_fails 'exits'
on_sw 'V16: hash/setsize 2000000000' console_survives 'hash/setsize 2000000000'
vde_fails 'crashes'
on_sw 'V16: port/setnumports 2147483647' \
	console_survives 'port/setnumports 2147483647'
on_sw 'B8: a line of 128 bytes' console_survives "$(printf '%0128d' 0)"

no_vlan_zero() {
	switch_start v0
	status_of v0 'vlan/remove 0' >out
	"$RAWVDE" "$T/v0" connect bind v3 send reply dconnect io
	not grep '^1000' out
	end v0
}
vde_fails 'removes it, and crashes at the next client'
check 'B5: VLAN 0 cannot be removed' no_vlan_zero

dump_plugin() {
	status_of sw 'plugin/add iplog'
	status_of sw 'plugin/add dump'
	console_survives 'dump/active 1' 'debug/add dump'
	"$RAWVDE" "$T/sw" connect bind v3 send reply dconnect io
	console_survives 'dump/active 0' 'plugin/del dump' 'plugin/del iplog'
}
vde_fails 'crashes'
on_sw 'B7: plugin iplog, then dump/active' dump_plugin

last_vlan() {
	is 'vlan/create' "$(status_of sw 'vlan/create 4094')" '1000 Success'
	is 'vlan/allprint' "$(status_of sw 'vlan/allprint 4094')" '1000 Success'
	is 'vlan/remove' "$(status_of sw 'vlan/remove 4094')" '1000 Success'
}
vde_fails 'off by one'
on_sw 'B16: VLAN 4094' last_vlan
vlan_zero_print() {
	is 'vlan/allprint' "$(status_of sw 'vlan/allprint 0')" '1000 Success'
}
vde_fails 'off by one'
on_sw 'B16: vlan/allprint 0' vlan_zero_print

# The switch may read more than those who may use its console: its own user's
# files, and those of its groups.
no_files() {
	echo 'the-secret is in a line' >secret
	chown root:adm secret
	chmod "$1" secret
	spawn secrets setpriv --groups adm -- "$SWITCH" -s "$T/secrets" \
		-M "$T/secrets.mgmt" --mgmtmode 666
	wait_for 3 switch_answers secrets
	as 65534 "$T/talk" "$T/secrets.mgmt" "load $T/secret\\n" >out || :
	end secrets
	not grep the-secret.is out
}
if two_users; then
	cp "$TALK" talk
	chmod 755 talk
	vde_fails 'reads it for anybody'
	check "V17: load shows nothing of the switch's own files" no_files 600
	vde_fails 'reads it for anybody'
	check "V17: nor of its groups' files" no_files 640
else
	skip "V17: load shows nothing of the switch's own files" 'only root can be two users'
	skip "V17: nor of its groups' files" 'only root can be two users'
fi

no_code() {
	for so in /usr/lib/vde2/plugins/*.so; do
		[ -e "$so" ] || continue
		status_of sw "plugin/add $so"
	done
	not grep /vde2/plugins "/proc/$(pid_of sw)/maps"
}
vde_fails 'loads it into itself'
on_sw 'V17: no foreign code gets into the switch' no_code

# Starting.

truthful() {
	rc=0
	"$SWITCH" -s "$T/d" -d -p "$T/d.pidfile" || rc=$?
	pid=$(cat d.pidfile)
	kill -KILL "$pid"
	wait_for 2 not_alive "$pid"
	rc=0
	"$SWITCH" -s "$T/d" -d -p "$T/d.pidfile" || rc=$?
	sleep 0.2
	if [ $rc -eq 0 ]; then
		alive "$(cat d.pidfile)" || fail 'exit status 0, but no process'
	fi
	"$RAWVDE" "$T/d" connect bind v3 send reply dconnect
	kill "$(cat d.pidfile)"
	wait_for 3 test ! -e d
}
not_alive() {
	! alive "$1"
}
vde_fails 'says it runs, and does not'
check 'V13: kill -9, and the same command again' truthful

# A client says that it is the root, of priority 0, and that the topology changed. The
# other clients' addresses stay, and the root does, behind a port that is guarded.
bpdu() {
	printf '\000\065\001\200\302\000\000\000\002\000\000\000\000\001\000\047'
	printf '\102\102\003\000\000\002\002\075\000\000\002\000\000\000\000\001'
	printf '\000\000\000\000\000\000\002\000\000\000\000\001\200\001'
	printf '\000\000\024\000\002\000\017\000\000'
}
is_root() {
	console guarded fstp/print | grep ' ROOTSWITCH'
}
spoofed_bridge() {
	switch_start guarded -F
	status_of guarded 'port/create 3' | grep '^1000'
	status_of guarded "fstp/setguard $1" || :
	spawn liar vde_plug "vde://$T/guarded[3]"
	for _ in 1 2 3 4 5; do
		sleep 0.3
		bpdu >liar.in
	done
	sleep 0.3
	console guarded fstp/print >tree
	cat tree
	end liar
	end guarded
}
guarded() {
	spoofed_bridge '3 root'
	grep ' ROOTSWITCH' tree
}
unguarded() {
	spoofed_bridge '3 none'
	not grep ' ROOTSWITCH' tree
}
vde_fails 'obeys'
check 'V22: a client that claims to be the root' guarded
check 'V22: without a guard it would be' unguarded

through_link() {
	mkdir -m 750 target
	ln -s target link
	timeout 3 "$SWITCH" -s "$T/link" -d -p "$T/link.pidfile" || :
	mode=$(stat -c %a target)
	[ -s link.pidfile ] && kill "$(cat link.pidfile)"
	is 'mode of the target' "$mode" 750
}
vde_fails 'opens it'
check 'V23: a symbolic link for a directory: the target keeps its mode' through_link

alarms() {
	"$LOAD" -N -c 60000 -r 30000 -q 200 "vde://$T/sw" >load.out &
	load=$!
	i=0
	while [ $i -lt 200 ]; do
		kill -ALRM "$(pid_of sw)"
		kill -HUP "$(pid_of sw)"
		kill -USR1 "$(pid_of sw)"
		kill -PIPE "$(pid_of sw)"
		i=$((i + 1))
	done
	rc=0
	wait $load || rc=$?
	cat load.out
	return $rc
}
vde_fails 'loses some'
on_sw 'V28: hundreds of signals under traffic' alarms

done_testing
