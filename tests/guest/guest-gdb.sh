# SPDX-License-Identifier: BSD-2-Clause
# guest-gdb.sh - A debugger on a VM: the protocol itself, gdb, and who else wants what of it
#
# Where KVM emulates ring 0 (kvm_pvm), breakpoints and single steps are met there, but not
# in ring 3, which it runs without looking. So what is stepped through here is the guest's
# beginning. Breakpoints in memory, and Linux: tests/nested/cases/gdb.sh.
. "${top_srcdir:?}/tests/guest/lib.sh"
requires socat nm

# addr SYMBOL: where the guest has it, as gdb would say it
addr() {
	nm "$GUEST.elf" | sed -n "s/^0*\([0-9a-f]*\) . $1\$/\1/p"
}
START=$(addr ring0_main)

# debugged NAME 'GUEST OPTIONS' [OPTION...]: a VM, with a socket for gdb and one for us
debugged() {
	lib_vm=$1
	lib_append=$2
	shift 2
	vm "$lib_vm" "$lib_append" -gdb "unix:$T/$lib_vm.gdb,server=on,wait=off" -save-dir "$T" \
		-qmp "unix:$T/$lib_vm.qmp,server=on,wait=off" "$@"
	wait_for 10 test -S "$T/$lib_vm.gdb"
}

# qmp NAME COMMAND: the reply
qmp() {
	printf '{"execute": "qmp_capabilities"}\n%s\n' "$2" |
		socat -t 5 - "unix:$T/$1.qmp" | sed -n '3,$p'
}

# status NAME
status() {
	qmp "$1" '{"execute": "query-status"}' | sed -n 's/.*"status": "\([a-z-]*\)".*/\1/p'
}

is_status() {
	[ "$(status "$1")" = "$2" ]
}

# attach NAME: a client of VM NAME, called g
attach() {
	spawn g socat - "unix:$T/$1.gdb"
	asked=0
}

# send TEXT: a packet
send() {
	sum=$(printf %s "$1" | od -An -v -tu1 | tr -s ' ' '\n' |
		awk '{ s += $1 } END { printf "%02x", s % 256 }')
	printf '$%s#%s' "$1" "$sum" 1<>"$T/g.in"
}

# heard NUMBER: whether so many packets came
heard() {
	[ "$(tr -cd '$' <"$T/g.log" | wc -c)" -ge "$1" ]
}

# answer: the text of the next packet; with us nothing is escaped
answer() {
	wait_for 10 heard "$asked" || { cat "$T/g.log"; return 1; }
	tr '$' '\n' <"$T/g.log" | sed -n "$((asked + 1))s/#.*//p"
}

# asks TEXT ANSWER
asks() {
	asked=$((asked + 1))
	send "$1"
	is "answer to $1" "$(answer)" "$2"
}

# told TEXT: what comes unasked
told() {
	asked=$((asked + 1))
	is 'what is told' "$(answer)" "$1"
}

# goes TEXT: a packet that is not answered at once
goes() {
	send "$1"
}

from_start() {
	debugged a mode=hang -S
	is status "$(status a)" prelaunch
	attach a
	asks '?' 'T05thread:1;'
	asks qAttached 1
	is 'status with gdb' "$(status a)" debug
	# RIP is the 64-bit entry.
	asks p10 0002200000000000
	asks "Z1,$START,1" OK
	goes 'vCont;c'
	told 'T05thread:1;'
	asks "z1,$START,1" OK
	asked=$((asked + 1))
	send p10
	before=$(answer)
	goes 'vCont;s:1;c'
	told 'T05thread:1;'
	asked=$((asked + 1))
	send p10
	after=$(answer)
	[ "$before" != "$after" ] || fail "no step: $before"
	not said a 'hang'
	asks D OK
	says a 'hang: ring 3'
	is_status a running
}
check 'a guest stands before its first instruction until gdb says so, and steps' from_start

interrupts() {
	attach a
	asks qSupported "PacketSize=4000;qXfer:features:read+;vContSupported+;QStartNoAckMode+;\
swbreak+;hwbreak+"
	is 'status with gdb' "$(status a)" debug
	goes c
	wait_for 5 is_status a running
	say g '\003'
	told 'T02thread:1;'
	is 'status after Ctrl-C' "$(status a)" debug
	asks D OK
	wait_for 5 is_status a running
}
check 'gdb attaches to a guest that runs, and interrupts it' interrupts

memory() {
	attach a
	asks M300ffe,4:01020304 OK
	asks m300ffe,4 01020304
	asks Qqemu.PhyMemMode:1 OK
	asks m300ffe,4 01020304
	asks Qqemu.PhyMemMode:0 OK
	# 64 MiB are mapped and there; 3 GiB are mapped; 1 TiB is neither.
	asks m3fffffe,4 0000
	asks mc0000000,4 E0e
	asks m10000000000,4 E0e
	asks M3fffffe,4:ffffffff E0e
	asks m3fffffe,2 0000
	asks D OK
}
check 'memory is read and written, as far as there is some' memory

registers() {
	attach a
	asks P0=efbeadde00000000 OK
	asks p0 efbeadde00000000
	# CR3 points to nothing that anybody would map: there are no tables there.
	asked=$((asked + 1))
	send p3e
	cr3=$(answer)
	asks P3e=00f0ff0300000000 OK
	asks m300ffe,4 E0e
	asks "P3e=$cr3" OK
	asks m300ffe,4 01020304
	asks P12=ffff0000 E01
	asks D OK
}
check 'registers are read and written, and count' registers

second() {
	attach a
	asks qC QC1
	is 'what a second one hears' "$(socat -t 5 - "unix:$T/a.gdb" </dev/null)" ''
	grep -q 'there is a debugger already' "$T/a.log"
	asks qC QC1
	end g
	wait_for 5 is_status a running
}
check 'there is one debugger, and the guest runs when it is gone' second

strangers() {
	attach a
	# In one piece, where bash's own printf would write three lines: if the VM hangs up
	# before the last one is read, socat complains.
	env printf '%b' 'POST / HTTP/1.1\r\n\r\n$vKill;1#6e' >"$T/g.in"
	ended g
	is 'what it hears' "$(cat "$T/g.log")" ''
	grep -q 'does not speak' "$T/a.log"
	wait_for 5 is_status a running
}
check 'one who speaks another protocol is sent away' strangers

people() {
	qmp a '{"execute": "stop"}' | grep -q -F '{"return": {}}'
	attach a
	asks '?' 'T05thread:1;'
	qmp a '{"execute": "cont"}' | grep -q 'debugger has stopped the guest'
	is 'status' "$(status a)" debug
	goes c
	wait_for 5 is_status a running
	# gdb need not know.
	qmp a '{"execute": "stop"}' | grep -q -F '{"return": {}}'
	is 'status' "$(status a)" paused
	say g '\003'
	told 'T02thread:1;'
	end g
	wait_for 5 is_status a paused
	attach a
	asks D OK
	wait_for 5 is_status a running
}
check 'people and a debugger do not get in the way of each other' people

# QMP, since pollnet's devices stand in nobody's way.
saving() {
	attach a
	asks "Z0,$START,1" OK
	qmp a "{\"execute\": \"migrate\", \"arguments\": {\"uri\": \"file:$T/a.state\"}}" |
		grep -q "debugger's breakpoints"
	[ ! -e "$T/a.state" ]
	asks "z0,$START,1" OK
	qmp a "{\"execute\": \"migrate\", \"arguments\": {\"uri\": \"file:$T/a.state\"}}" |
		grep -q -F '{"return": {}}'
	wait_for 20 saved
	end g
	sleep 0.3
	is 'status' "$(status a)" postmigrate
	qmp a '{"execute": "cont"}' | grep -q -F '{"return": {}}'
	is 'status' "$(status a)" running
}
saved() {
	qmp a '{"execute": "query-migrate"}' | grep -q '"status": "completed"'
}
check "a saved VM has no debugger's breakpoints, and stays as it was saved" saving

lifted() {
	attach a
	asked=$((asked + 1))
	send "m$START,1"
	was=$(answer)
	asks "Z0,$START,1" OK
	asks "m$START,1" cc
	end g
	attach a
	asks "m$START,1" "$was"
	asks D OK
}
check 'breakpoints in memory go with their debugger' lifted

commands() {
	attach a
	send "qRcmd,$(printf 'info status' | od -An -tx1 | tr -d ' \n')"
	told "O$(printf 'VM status: paused (debug)\n' | od -An -v -tx1 | tr -d ' \n')"
	told OK
	goes k
	ended a
	is 'exit status' "$(exit_status a)" 0
	[ ! -e "$T/a.gdb" ] || fail 'its socket is still there'
}
check 'the monitor answers gdb; kill ends the VM' commands

# The guest resets the machine again and again.
resets() {
	debugged r 'mode=hello exit=kbd' -S
	attach r
	asks "Z1,$START,1" OK
	for n in 1 2 3; do
		goes c
		told 'T05thread:1;'
		is "starts so far" "$(said_count r 'hello from')" $((n - 1))
		# Past it, as gdb does.
		asks "z1,$START,1" OK
		goes s
		told 'T05thread:1;'
		[ $n = 3 ] || asks "Z1,$START,1" OK
	done
	goes c
	wait_for 30 greeted r 4
	end r
	told W00
}
greeted() {
	[ "$(said_count "$1" 'hello from')" -ge "$2" ]
}
check 'hardware breakpoints survive resets; the end of the VM is told' resets

cpus() {
	debugged s mode=hang -smp 3 -S
	attach s
	asks qfThreadInfo m1,2,3
	asks qsThreadInfo l
	asks "qThreadExtraInfo,2" "$(printf 'CPU#1 [not started]' | od -An -v -tx1 | tr -d ' \n')"
	asks Hg3 OK
	# Its reset vector.
	asks p10 f0ff000000000000
	asks Hg4 E16
	goes c
	says s 'hang: ring 3'
	# Only one that has nothing to do is let run.
	say g '\003'
	told 'T02thread:3;'
	goes 'vCont;c:2'
	sleep 0.3
	before=$(ticks s)
	sleep 1
	after=$(ticks s)
	[ $((after - before)) -le 20 ] || fail "CPU 0 was not to run: $((after - before)) ticks"
	say g '\003'
	told 'T02thread:3;'
	goes c
	wait_for 5 busy s
	end s
}
# Processor time so far, in hundredths of a second; the program's name may have blanks.
ticks() {
	sed 's/.*) //' "/proc/$(pid_of "$1")/stat" | awk '{ print $12 + $13 }'
}
busy() {
	busy_before=$(ticks "$1")
	sleep 0.3
	[ $(($(ticks "$1") - busy_before)) -ge 5 ]
}
check 'each vCPU is a thread, and runs only if it is to' cpus

crash() {
	debugged c mode=ud-emul -S
	attach c
	goes c
	wait_for 20 crash_seen
	if said c 'ud-emul: the instruction ran'; then
		note 'this KVM runs ring 0 by itself'
		return
	fi
	told 'T0bthread:1;'
	is_running c
	asks D OK
	ended c
	is 'exit status' "$(exit_status c)" 3
}
crash_seen() {
	heard 1 || said c 'ud-emul: the instruction ran'
}
check 'where KVM cannot go on, gdb can look' crash

ports() {
	port=$((20000 + $$ % 10000))
	vm t mode=hang -gdb "tcp::$port"
	says t 'hang: ring 3'
	grep -q " 0100007F:$(printf %04X $port) 00000000:0000 0A" /proc/net/tcp
	spawn g socat - "tcp:127.0.0.1:$port"
	asked=0
	asks qC QC1
	vm u mode=hang -gdb "tcp:127.0.0.1:$port"
	ended u
	is 'exit status' "$(exit_status u)" 1
	grep -q -F "cannot listen on 127.0.0.1, port $port: Address already in use" "$T/u.log"
	grep -q -F -- "-gdb 'tcp:127.0.0.1:$port'" "$T/u.log"
	end t
	vm t mode=hang -gdb "tcp:0.0.0.0:$port"
	says t 'hang: ring 3'
	grep -q 'belongs to whoever reaches this port' "$T/t.log"
	end t
	debugged d mode=hang
	is 'mode of the socket' "$(stat -c %a "$T/d.gdb")" 600
	vm u mode=hang -gdb "unix:$T/d.gdb"
	ended u
	grep -q -F -- "-gdb 'unix:$T/d.gdb'" "$T/u.log"
	end d
}
check 'where it listens, and that it says so if it cannot' ports

# The real one, from the first instruction to the last.
real() {
	debugged e mode=hang -S
	cat >"$T/commands" <<-END
		set pagination off
		set confirm off
		file $GUEST.elf
		target remote $T/e.gdb
		info registers rip cr0 efer gs_base
		hbreak ring0_main
		continue
		printf "stopped at %d\n", \$rip == (long)&ring0_main
		stepi
		x/i \$rip
		info threads
		monitor info name
		maintenance flush register-cache
		printf "eflags %d\n", \$eflags
		disconnect
	END
	timeout 60 gdb -nx -batch -x "$T/commands" >"$T/gdb.log" 2>&1 ||
		fail "$(cat "$T/gdb.log")"
	for line in '^rip  *0x200200' '^cr0  *0x80' '^efer ' '^gs_base ' \
		    '^Breakpoint 1, .* in ring0_main' '^stopped at 1$' '^=> ' 'CPU#0 \[running\]'; do
		grep -q "$line" "$T/gdb.log" || fail "no '$line' in: $(cat "$T/gdb.log")"
	done
	not grep -i -e warning -e error "$T/gdb.log"
	says e 'hang: ring 3'
	end e
}
if command -v gdb >/dev/null; then
	check 'gdb itself' real
else
	skip 'gdb itself' 'no gdb'
fi

done_testing
