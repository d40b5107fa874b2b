# SPDX-License-Identifier: BSD-2-Clause
# console-cmds.sh - The console's commands, word by word beside vde_switch's
#
# The same clients plug into $SWITCH and into the real vde_switch, and the same
# commands go to both consoles. What differs by nature (process, MAC, times,
# descriptors, the order of a hash table) is made equal first; see settle_text.
# Where a reply differs on purpose the reason is said: "apart".
. "${top_srcdir:?}/tests/integration/lib.sh"

requires vde_switch
cd "$T" || exit 99
theirs=vde_switch

# Both switches anew, with the same options; both are made as "sw" in a directory
# of their own, so that their paths have the same length.
both_start() {
	rm -rf ours theirs
	mkdir ours theirs
	for side in ours theirs; do
		switch=$SWITCH
		[ $side = theirs ] && switch=$theirs
		spawn $side "$switch" -s "$T/$side/sw" -M "$T/$side.mgmt" \
			--macaddr 00:ff:01:02:03:04 "$@"
	done
	wait_for 5 switch_answers ours
	wait_for 5 switch_answers theirs
}

# A command line of a script: a command for both consoles, or with a sign first:
#   +NAME STEP...    plug in a client that stays; see rawvde.c
#   -NAME            unplug it
#   ~STEP...         a client that carries out these steps, and is gone
#   :COMMAND...      a shell command, for $side
# Answers go to $side.out.
run_script() {
	side=$1
	while IFS= read -r line; do
		case $line in
		+*)
			# shellcheck disable=SC2086 # Words.
			set -- ${line#+}
			name=$side.$1
			shift
			spawn "$name" "$RAWVDE" "$T/$side/sw" connect bind "$@" \
				send reply dconnect unlink hold
			wait_for 2 grep holding "$name.log"
			;;
		-*)
			lines=$(count_endpoints)
			end "$side.${line#-}"
			wait_for 2 fewer_than "$lines"
			;;
		'~'*)
			lines=$(count_endpoints)
			# shellcheck disable=SC2086 # Words.
			"$RAWVDE" "$T/$side/sw" ${line#\~}
			wait_for 2 fewer_than $((lines + 1))
			;;
		:*)
			eval "${line#:}"
			;;
		*)
			echo "> $line" >>"$side.out"
			console "$side" "$line" >>"$side.out"
			;;
		esac
	done <script
}

count_endpoints() {
	console "$side" port/print | grep -c 'endpoint ID'
}

fewer_than() {
	[ "$(count_endpoints)" -lt "$1" ]
}

# Without what differs by nature, and without what ours says beyond vde_switch:
# the line of dropped frames in port/print.
settle_text() {
	sed -e "s|$T/ours|DIR|g" -e "s|$T/theirs|DIR|g" \
		-e 's/^pid [0-9]* /pid PID /' -e 's/uptime [0-9]*/uptime T/' \
		-e 's/^Hash: [0-9]*/Hash: ####/' -e 's/age [0-9]* secs/age N secs/' \
		-e 's/endpoint ID [0-9]*/endpoint ID ####/' \
		-e 's/ age [0-9-]* bonusport/ age N bonusport/' \
		-e 's/portcost=20000000 /portcost=DEFAULT /' -e 's/portcost=20000 /portcost=DEFAULT /' \
		-e '/^ DROP: /d' "$1"
}

# Hash tables have no order, and endpoints of one port have none that matters.
sort_hash() {
	awk '/^Hash: #/ || /^  -- endpoint/ { print | "LC_ALL=C sort"; next }
		{ close("LC_ALL=C sort"); print }'
}

# both OPTION... <SCRIPT: carry it out on both; ours.txt and theirs.txt.
both() {
	cat >script
	both_start "$@"
	for side in ours theirs; do
		: >$side.out
		run_script $side || fail "$side: the script stopped"
		settle_text $side.out | sort_hash >$side.txt
	done
	for file in "$T"/*.in; do
		name=${file##*/}
		end "${name%.in}" KILL
		rm -f "$file"
	done
}

differs_not() {
	both "$@"
	diff -u theirs.txt ours.txt
}

# same DESCRIPTION [OPTION...] <SCRIPT: the replies are the same.
same() {
	lib_desc=$1
	shift
	check "$lib_desc" differs_not "$@"
}

# apart DESCRIPTION REASON COMMAND STATUS: a command whose status is another one,
# on purpose. Should vde_switch say the same, this is out of date.
apart_status() {
	echo "$1" | both
	is 'status' "$(tail -n 1 ours.txt)" "$2"
	[ "$(tail -n 1 theirs.txt)" != "$2" ] || fail 'vde_switch says the same'
}
apart() {
	lib_desc=$1
	shift
	known=$1
	shift
	is_vde_switch && { skip "$lib_desc" 'differs on purpose'; return; }
	check "$lib_desc" apart_status "$@"
}

# General.

same 'showinfo, ds/showinfo' -m 660 <<'END'
showinfo
ds/showinfo
END

same 'what is no command' <<'END'
nonsense
port
port/
port/nonsense
hash
vlan
showinf
END

same 'a command is known by its beginning' <<'END'
port/showinfox
showinfoX
port/create3
port/allprint3
ds/showinfo junk
END

# Parsers look up the commands in it, in the order of the first that matches.
help_lines() {
	echo help | both
	diff theirs.txt ours.txt | grep '^<' | grep -v 'plugin' >missing || :
	cat missing
	is 'lines that are not in ours' "$(wc -l <missing)" 0
}
check 'help: every line of vde_switch, in its order, and others between' help_lines

same 'help of a menu' <<'END'
help hash/s
help nonsense
END

# Hash table.

same 'hash/print and hash/find' <<'END'
+a v3 descr=a
+b v3 descr=b
hash/print
hash/find 02:00:00:00:00:77
hash/find 02.00.00.00.00.77
hash/find 02:00
hash/find
hash/find 02:00:00:00:00:77 5
hash/find zz:00:00:00:00:77
END

found() {
	both <<-'END'
	+a v3 descr=a
	~connect bind v3 send reply dconnect flood=3 sleep=50
	:send_from_a
	hash/print
	END
	diff -u theirs.txt ours.txt
}
# One frame of 60 bytes by the client a: by its socket nobody else may send, so it
# is a client of its own, on a port that stays.
send_from_a() {
	spawn "$side.talker" "$RAWVDE" "$T/$side/sw" connect bind v3 port=9 send reply \
		dconnect unlink flood=4 hold
	wait_for 2 grep holding "$side.talker.log"
	wait_for 2 addresses 4
}
addresses() {
	[ "$(console "$side" hash/print | grep -c '^Hash: ')" -eq "$1" ]
}
check 'hash/print: what was learned; a port that went away is forgotten' found

same 'hash/set*: replies' <<'END'
hash/setgcint 5
hash/setexpire 77
hash/setminper 4
hash/setsize 256
hash/setsize 100
hash/setsize 0
hash/setsize -1
END

# What we have besides: the bound of the table.
hash_info() {
	both <<-'END'
	hash/setgcint 5
	hash/setexpire 77
	hash/setminper 4
	hash/showinfo
	END
	sed 's/^Hash size .*/Hash size N/' theirs.txt >a
	sed 's/^Hash size .*/Hash size N/' ours.txt >b
	diff -u a b
}
check 'hash/showinfo' hash_info

apart 'hash/setexpire of a word' 'atoi() makes it 0' 'hash/setexpire x' '1022 Invalid argument'
apart 'hash/setexpire of a negative number' 'takes it' 'hash/setexpire -5' '1022 Invalid argument'

# Ports.

same 'port/showinfo, sethub, setnumports' <<'END'
port/showinfo
port/sethub 1
port/showinfo
port/sethub 0
port/setnumports 10
port/showinfo
+a v3 port=8 descr=a
port/setnumports 5
port/setnumports 9
port/setnumports 0
port/showinfo
END

same 'port/create, print, allprint, remove' <<'END'
port/create 5
port/create 5
port/print 5
port/allprint 5
port/allprint
port/print
port/remove 5
port/remove 5
port/allprint 5
port/allprint
END

same 'port/create of any' <<'END'
port/createauto
port/createauto
port/create
port/create 0
port/allprint
END

same 'port/createauto until there is no more' -n 4 <<'END'
port/createauto
port/createauto
port/createauto
END

same 'ports that are not there' <<'END'
port/print 9
port/allprint 9
port/remove 9
port/setvlan 9 0
port/setuser 9 root
port/setgroup 9 daemon
port/allocatable 9 1
port/epclose 9 1
END

same 'ports out of range' <<'END'
port/create 40
port/print 40
port/remove 40
port/setvlan 40 0
port/setuser 40 root
port/setgroup 40 daemon
port/allocatable 40 1
port/epclose 40 1
END

same 'a client comes and goes' <<'END'
port/allprint
+a v3 descr=client-A
port/print
port/allprint
port/print 1
port/remove 1
-a
port/print
port/print 1
port/allprint
port/allprint 1
+b v3 descr=client-B
port/print
-b
port/remove 1
port/allprint
END

same 'a port asked for by its number, made before' <<'END'
port/create 7
+any v3 descr=any
port/allprint
+seven v3 port=7 descr=seven
+again v3 port=7 descr=again
port/print
-seven
port/print 7
-again
port/allprint 7
END

same 'port/allocatable' <<'END'
port/create 1
+a v3 descr=a
port/print
port/allocatable 1 1
+b v3 descr=b
port/print
port/allocatable 2 0
port/allprint
END

same 'port/setuser and setgroup' <<'END'
port/create 3
port/setuser 3 daemon
port/allprint 3
port/setuser 3 nosuchuser
port/setgroup 3 daemon
port/allprint 3
port/setgroup 3 nosuchgroup
port/setuser 3 NONE
port/setgroup 3 ANY
port/allprint 3
port/setuser 3 12345
port/allprint 3
port/setuser 3 ANY
port/setgroup 3 NONE
port/setuser 3
port/setgroup 3
port/allprint 3
END

same 'port/resetcounter' <<'END'
+a v3 descr=a
~connect bind v3 send reply dconnect flood=3 sleep=50
port/print 1
port/resetcounter 1
port/print 1
~connect bind v3 send reply dconnect flood=2 sleep=50
port/resetcounter
port/print
END

same 'port/epclose' <<'END'
+a v3 descr=a
port/epclose 1 9999
port/epclose 2 1
:close_endpoint
port/print
port/allprint 1
END
close_endpoint() {
	id=$(console "$side" 'port/print 1' | sed -n 's/.*endpoint ID 0*\([0-9]*\) .*/\1/p')
	console "$side" "port/epclose 1 $id" >>"$side.out"
}

same 'port 0, the management port' <<'END'
+m v3 type=1 descr=manager
port/print
port/allprint
-m
port/allprint
END

apart 'port/create 32 of 32 ports' 'has one port less than it was told' \
	'port/create 32' '1000 Success'
apart 'port/sethub of a word' 'atoi() makes it 0' 'port/sethub x' '1022 Invalid argument'
apart 'port/resetcounter of a port that is not there' 'says that it did' \
	'port/resetcounter 9' '1006 No such device or address'

# VLANs.

same 'vlan/create and remove' <<'END'
vlan/print
vlan/create 10
vlan/create 10
vlan/create 4093
vlan/create 4095
vlan/create 5000
vlan/print
vlan/print 10
vlan/print 11
vlan/remove 11
vlan/remove 10
vlan/remove 10
vlan/print
END

same 'members of VLANs' <<'END'
vlan/create 10
vlan/create 20
port/create 3
port/create 4
port/setvlan 3 10
port/setvlan 4 11
vlan/addport 20 3
vlan/addport 20 4
vlan/addport 20 4
vlan/addport 21 4
vlan/addport 20 9
vlan/print 10
vlan/allprint 10
vlan/print 20
vlan/allprint 20
vlan/print
vlan/allprint
port/allprint
vlan/delport 10 3
vlan/delport 20 4
vlan/delport 20 9
vlan/delport 21 3
vlan/remove 10
vlan/remove 20
vlan/delport 20 3
vlan/remove 20
port/setvlan 3 0
vlan/remove 10
vlan/allprint
END

same 'VLANs of active ports' <<'END'
vlan/create 10
+a v3 port=3 descr=a
+b v3 port=4 descr=b
port/setvlan 3 10
vlan/addport 10 4
vlan/print
vlan/allprint
vlan/print 10
port/print
-a
-b
vlan/print 10
vlan/allprint 10
END

delport() {
	both <<-'END'
	vlan/create 20
	port/create 4
	vlan/delport 20 4
	END
	is status "$(tail -n 1 ours.txt)" '1006 No such device or address'
	is 'of vde_switch' "$(tail -n 1 theirs.txt)" '1000 Success'
}
if is_vde_switch; then
	skip 'vlan/delport of a port that is no member' 'differs on purpose'
else
	check 'vlan/delport of a port that is no member' delport
fi

same 'no untagged VLAN' <<'END'
+a v3 port=3 descr=a
port/setvlan 3 4095
port/print 3
vlan/print
port/setvlan 3 0
port/print 3
END

apart 'vlan/create 4094' 'off by one' 'vlan/create 4094' '1000 Success'
apart 'vlan/allprint 0' 'off by one' 'vlan/allprint 0' '1000 Success'
apart 'vlan/remove 0' 'removes it, and crashes' 'vlan/remove 0' '1022 Invalid argument'

# Who gets what. A fence (see framecheck.c) passes only inside a VLAN.
frames_in_vlans() {
	both <<-'END'
	vlan/create 10
	vlan/create 20
	port/create 1
	port/create 2
	port/create 3
	port/setvlan 1 10
	port/setvlan 2 10
	port/setvlan 3 20
	vlan/addport 10 4
	+trunk v3 port=3 descr=other
	~connect bind v3 port=1 send reply dconnect flood=5 sleep=50
	port/print 3
	port/allprint 1
	:frames_of_one_vlan
	hash/print
	END
	diff -u theirs.txt ours.txt
}
frames_of_one_vlan() {
	"$FRAMECHECK" "vde://$T/$side/sw" <<-END
	plug a at vde://$T/$side/sw[1]
	plug b at vde://$T/$side/sw[2]
	send a to all
	expect b
	send b to a
	expect a
	send a to b tag 20
	expect
	send a to b tag 0
	expect untagged b
	send a to b tag 0 tag 20
	expect untagged b
	send a to b type 0x88a8
	expect b
	END
}
check 'frames in VLANs: who gets them, and in what form' frames_in_vlans

# Spanning tree.

same 'fstp/showinfo' --priority 0x1000 <<'END'
fstp/showinfo
END
same 'fstp/setfstp' <<'END'
fstp/setfstp 1
fstp/showinfo
fstp/setfstp 0
fstp/showinfo
END
same 'fstp/print without spanning tree' <<'END'
+a v3 descr=a
fstp/print
fstp/print 0
fstp/print 9
END
same 'fstp/setedge and bonus' <<'END'
+a v3 descr=a
fstp/setedge 0 1 1
fstp/setedge 9 1 1
fstp/bonus 0 1 100
fstp/bonus 9 1 100
END
apart 'fstp/setedge of a port that is not there' 'says it is done' 'fstp/setedge 0 9 1' \
	'1006 No such device or address'
apart 'fstp/bonus of a port that is not there' 'says it is done' 'fstp/bonus 0 9 100' \
	'1006 No such device or address'
same 'fstp in a hub' -x <<'END'
fstp/setfstp 1
fstp/showinfo
END
same '-F' -F <<'END'
fstp/showinfo
END

# Events.

# The kinds that vde_switch has, with its tags.
debug_kinds() {
	both <<-'END'
	debug/list
	debug/list port
	debug/list nonsense
	END
	diff theirs.txt ours.txt | grep '^<' >missing || :
	cat missing
	is 'lines that are not in ours' "$(wc -l <missing)" 0
}
check 'debug/list: every line of vde_switch' debug_kinds

same 'debug/*: replies' <<'END'
debug/add nonsense
debug/del port
debug/del nonsense
END

debug_twice() {
	both_start
	for side in ours theirs; do
		"$TALK" -g 30 $side.mgmt 'debug/add port\n' 'debug/add port\n' \
			'debug/del port\n' 'debug/del port\n' | grep '^1' >$side.txt || :
	done
	diff -u theirs.txt ours.txt
}
check 'debug/add and del, twice each' debug_twice

events() {
	both_start
	for side in ours theirs; do
		spawn $side.watch "$TALK" -n 100 $side.mgmt 'debug/add \n'
		wait_for 2 grep -q '1000 Success' $side.watch.log
		spawn $side.a "$RAWVDE" "$T/$side/sw" connect bind v3 descr=client-A send \
			reply dconnect unlink flood=1 hold
		wait_for 2 grep holding $side.a.log
		wait_for 2 grep -q 'hash/+' $side.watch.log
		end $side.a
		wait_for 2 grep -q 'port/-' $side.watch.log
		end $side.watch KILL
		sed -n 's/^\(vde\$ \)*\(3[0-9]*\)/\2/p' $side.watch.log |
			sed -e 's/FD *[0-9]*/FD N/' | sort >$side.txt
		cat $side.txt
	done
	is kinds "$(wc -l <theirs.txt)" 7
	diff -u theirs.txt ours.txt
}
check 'events: a client comes, says something, and goes' events

# Plugins.

same 'plugin/list, add and del' <<'END'
plugin/list
plugin/add nonsense
plugin/del nonsense
plugin/list
END
same 'plugin dump' <<'END'
dump/active 1
plugin/add dump
plugin/add dump
plugin/list
dump/active 1
dump/active 0
plugin/del dump
plugin/del dump
END
# Its file is the only thing of pdump that others see.
pdump() {
	both <<-'END'
	plugin/add pdump
	:set_name
	pdump/active 1
	~connect bind v3 send reply dconnect flood=2 sleep=50
	pdump/active 0
	END
	diff -u theirs.txt ours.txt
	for side in ours theirs; do
		tcpdump -e -n -r $side/dump.cap 2>/dev/null |
			sed 's/^[0-9:.]* //' >$side.pcap
	done
	[ -s theirs.pcap ]
	diff -u theirs.pcap ours.pcap
}
set_name() {
	console "$side" "pdump/filename $T/$side/dump.cap" >>"$side.out"
}
if command -v tcpdump >/dev/null; then
	check 'plugin pdump: the same frames in its file' pdump
else
	skip 'plugin pdump: the same frames in its file' 'no tcpdump here'
fi

# Scripts.

cat >rc <<'END'
# comment

vlan/create 10
port/create 5
	port/setvlan 5 10
nonsense
port/allprint 5
END
loaded() {
	both <<-END
	load $T/rc
	port/allprint 5
	load $T/none
	load
	END
	# Blank lines are commands to vde_switch, and comments are shown.
	for side in ours theirs; do
		sed -e '/^vde\[.*\]: *$/,+1d' -e '/^vde\[.*\]: *#/d' -e 's/\]:[ 	]*/]: /' \
			$side.txt >$side.load
	done
	diff -u theirs.load ours.load
}
check 'load' loaded

same 'a file of commands at the start' -f rc <<'END'
port/allprint
vlan/print
END
printf 'vlan/create 30\nport/create 6\nport/setvlan 6 30' >rc.end
same 'one without a last line end' -f rc.end <<'END'
vlan/allprint 30
END

done_testing
