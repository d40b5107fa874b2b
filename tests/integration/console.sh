# SPDX-License-Identifier: BSD-2-Clause
# console.sh - The management console: what scripts written for VDE's look for
. "${top_srcdir:?}/tests/integration/lib.sh"

cd "$T" || exit 99
switch_start sw
spawn plugs "$FRAMECHECK" "vde://$T/sw"
say plugs 'plug a\nplug b at vde://'"$T"'/sw[7]\nsend a to b size 100\nexpect b\n'
say plugs 'send b to a size 1000\nexpect a\n'

# The bytes of the protocol.

banner() {
	"$TALK" "$T/sw.mgmt" >out
	sed -n 1p out | grep -E '^VDE switch V\.[0-9.]+$'
	sed -n 2p out | grep -E '^\(C\) '
	is 'the last two lines' "$(tail -n 1 out)" "$(printf 'vde$ ')"
	is 'an empty line before the prompt' "$(tail -n 2 out | head -n 1)" ''
	is lines "$(grep -c '' out)" 4
}
check 'banner of two lines, empty line, prompt without a line end' banner

framing() {
	"$TALK" "$T/sw.mgmt" 'port/showinfo\n' >out
	tail -n +4 out >reply
	printf '%s\n' "vde\$ 0000 DATA END WITH '.'" Numports=32 HUB=false \
		counters=true . '1000 Success' '' >wanted
	printf 'vde$ ' >>wanted
	diff -u wanted reply
}
check 'a reply: data block, status, prompt' framing

status_of() {
	console sw "$1" | tail -n 1
}
statuses() {
	is nonsense "$(status_of nonsense)" '1038 Function not implemented'
	is 'a menu' "$(status_of port)" '1038 Function not implemented'
	is 'no such port' "$(status_of 'port/print 9')" '1006 No such device or address'
	is 'no such address' "$(status_of 'hash/find 02:00:00:00:00:77')" \
		'1019 No such device'
	is 'no address' "$(status_of 'hash/find 02:00')" '1022 Invalid argument'
	is success "$(status_of showinfo)" '1000 Success'
	is 'the data block of a failure' "$(console sw 'port/print 9' | head -n 2)" \
		"0000 DATA END WITH '.'
."
}
check 'status lines' statuses

only_prompt() {
	is lines "$("$TALK" "$T/sw.mgmt" '\n# a comment\n   \n' | tail -c +1 | grep -c 'vde\$ ')" 4
	is 'a reply' "$(console sw '# port/print')" ''
}
vde_fails 'one read is one command'
check 'an empty line and a comment: only a prompt' only_prompt

prefix() {
	is port/print1 "$(console sw port/print1)" "$(console sw 'port/print 1')"
	is blanks "$(console sw '   port/print   1')" "$(console sw 'port/print 1')"
	console sw port/print1 | grep -q 'Port 0001'
}
check 'a command is known by its beginning; blanks are skipped' prefix

# What the commands say.

showinfo() {
	console sw showinfo >out
	sed -n 2p out | grep -E '^VDE switch V\.'
	grep -E "^pid $(pid_of sw) MAC 00:ff(:[0-9a-f]{2}){4} uptime [0-9]+\$" out
	grep -F "mgmt $T/sw.mgmt perm 0600" out
	console sw ds/showinfo | grep -Fx "ctl dir $T/sw"
	console sw ds/showinfo | grep -Fx 'std mode 0600'
}
check 'showinfo' showinfo

port_print() {
	console sw port/print >out
	cat out
	user=$(id -un)
	grep -Ex 'Port 0001 untagged_vlan=0000 ACTIVE - Unnamed Allocatable' out
	grep -Ex 'Port 0007 untagged_vlan=0000 ACTIVE - (NOT )?Unnamed Allocatable' out
	is users "$(grep -c -x " Current User: $user Access Control: (User: NONE - Group: NONE)" out)" 2
	grep -Ex "  -- endpoint ID [0-9]{4} module unix prog   : framecheck.*" out
}
check 'port/print: ports, users, plugs' port_print

# Of the frames above, and of the fences of 60 bytes that framecheck sends.
counters() {
	console sw 'port/print 1' >out
	cat out
	grep -Ex ' IN:  pkts          3          bytes                  220' out
	grep -Ex ' OUT: pkts          3          bytes                 1120' out
	console sw 'port/resetcounter 1' | grep -q '^1000 '
	console sw 'port/print 1' >out
	grep -Ex ' IN:  pkts          0          bytes                    0' out
}
check 'port/print: counters' counters

hash() {
	is 'hash/find' "$(console sw 'hash/find 02:00:00:00:00:0b' | sed -n 2p |
		sed 's/^Hash: [0-9]*//; s/age.*//')" \
		' Addr: 02:00:00:00:00:0b VLAN 0000 to port: 007  '
	[ "$(console sw hash/print | grep -c '^Hash: ')" -ge 2 ]
}
vde_fails 'says the port plus one'
check 'hash/find' hash

help() {
	console sw help >out
	# libvdehist reads the commands from the line of dashes to the point.
	sed -n '/^------------/,/^\.$/p' out >list
	for cmd in showinfo port/print hash/print shutdown logout help; do
		grep -q "^$cmd " list || fail "$cmd is not in it"
	done
	grep -E '^port +=====' list
}
check 'help: what vdeterm completes from' help

epclose() {
	id=$(console sw 'port/print 7' | sed -n 's/.*endpoint ID 0*\([0-9]*\) .*/\1/p')
	is 'no such plug' "$(status_of 'port/epclose 7 9999')" '1006 No such device or address'
	is 'close' "$(status_of "port/epclose 7 $id")" '1000 Success'
	is 'gone' "$(status_of 'port/print 7')" '1006 No such device or address'
}
check 'port/epclose unplugs' epclose
end plugs

# However the lines come.

many_in_one() {
	text=
	i=0
	while [ $i -lt 200 ]; do
		text="${text}port/showinfo\\n"
		i=$((i + 1))
	done
	"$TALK" "$T/sw.mgmt" "$text" >out
	is answers "$(grep -c '^1000 Success$' out)" 200
}
vde_fails 'one read is one command'
check '200 commands in one write' many_in_one

in_pieces() {
	"$TALK" -g 5 "$T/sw.mgmt" p o rt /sho winf 'o\n' >out
	is answers "$(grep -c '^1000 Success$' out)" 1
	is prompts "$(grep -c 'vde\$ ' out)" 2
	"$TALK" -g 5 "$T/sw.mgmt" 'port/showinfo\nport/sh' 'owinfo\n' >out
	is answers "$(grep -c '^1000 Success$' out)" 2
}
vde_fails 'one read is one command'
check 'a command in six writes; one and a half in one' in_pieces

vde_fails 'takes it as part of the command'
crlf() {
	"$TALK" "$T/sw.mgmt" 'port/showinfo\r\nport/print 9\r\n' >out
	grep -q '^1000 Success$' out
	grep -q '^1006 ' out
}
check 'line ends of two characters' crlf

# vdeterm sends its lines without their ends.
unended() {
	"$TALK" -n 1 "$T/sw.mgmt" port/showinfo >out
	grep -q '^1000 Success$' out
	"$TALK" -n 2 -g 1000 "$T/sw.mgmt" port/showinfo 'port/print 9' >out
	grep -q '^1000 Success$' out
	grep -q '^1006 ' out
}
check 'a command without a line end, after a while' unended

early() {
	"$TALK" -s "$T/sw.mgmt" 'port/showinfo\n' >out
	grep -q '^1000 Success$' out
}
check 'a command before the banner was read' early

# Then the console still works.
long_lines() {
	for n in 127 128 129 4095 4096 4097 100000; do
		"$TALK" "$T/sw.mgmt" "$(printf "%0${n}d" 0)\\nport/showinfo\\n" >out ||
			fail "$n bytes"
		sed 's/^vde\$ //' out | grep '^1[0-9][0-9][0-9] ' >status
		is 'statuses' "$(grep -c '' status)" 2
		grep -q '^1000 Success' status || fail "after $n bytes"
	done
}
vde_fails 'one read is one command, of 127 bytes'
check 'lines of up to 100000 bytes' long_lines

binary() {
	before=$(switch_at_rest sw)
	head -c 100000 /dev/urandom >noise
	socat -t 1 -u FILE:noise "UNIX-CONNECT:$T/sw.mgmt" || :
	status_of showinfo | grep -q '^1000 '
	wait_for 2 switch_holds sw "$before"
}
if command -v socat >/dev/null; then
	check '100000 bytes of noise' binary
else
	skip '100000 bytes of noise' 'no socat here'
fi

half_closed() {
	printf 'port/showinfo\n' | socat -t 2 - "UNIX-CONNECT:$T/sw.mgmt" >out
	grep -q '^1000 Success$' out
}
if command -v socat >/dev/null; then
	check 'a client that closes its half gets its answer' half_closed
else
	skip 'a client that closes its half gets its answer' 'no socat here'
fi

many_consoles() {
	n=0
	while [ $n -lt 30 ]; do
		spawn "con$n" "$TALK" -n 100 "$T/sw.mgmt"
		n=$((n + 1))
	done
	status_of showinfo | grep -q '^1000 '
	while [ $n -gt 0 ]; do
		n=$((n - 1))
		end "con$n" KILL
	done
	status_of showinfo | grep -q '^1000 '
}
check 'thirty at the console at once' many_consoles

# A reader that stops must not stop the switch, nor lose what it asked for.
slow_reader() {
	spawn slow "$TALK" -s -g 1000 "$T/sw.mgmt" "$(yes 'help\n' | head -n 300 | tr -d '\n')"
	"$RAWVDE" "$T/sw" connect bind v3 send reply dconnect io
	ended slow
	is answers "$(grep -c '^1000 Success$' slow.log)" 300
}
vde_fails 'one read is one command'
check 'who reads late gets all' slow_reader

# Ends.

logout() {
	"$TALK" "$T/sw.mgmt" 'logout\n' >out
	is 'the end' "$(tail -n 1 out)" "$(printf 'vde$ 9999 END OF SESSION')"
	status_of showinfo | grep -q '^1000 '
}
check 'logout' logout

shutdown() {
	"$TALK" "$T/sw.mgmt" 'shutdown\n' >out
	is 'the end' "$(tail -n 1 out)" "$(printf 'vde$ 9999 END OF SESSION')"
	ended sw
	is 'exit status' "$(exit_status sw)" 0
	[ ! -e "$T/sw" ] || fail 'the directory is left'
	[ ! -e "$T/sw.mgmt" ] || fail 'the console is left'
}
check 'shutdown: exit 0, nothing left' shutdown

# On standard input.

stdin_start() {
	spawn fg "$SWITCH" -s "$T/fg"
	wait_for 3 test -S "$T/fg/ctl"
}

on_stdin() {
	stdin_start
	say fg 'port/showinfo\nnonsense\nlogout\n'
	wait_for 2 grep -q '^1038 ' fg.log
	cat fg.log
	is 'data' "$(grep -c '^Numports=32$' fg.log)" 1
	is 'success' "$(grep -c '^1000 Success$' fg.log)" 1
	not grep 'vde\$' fg.log
	is_running fg
	end fg
}
vde_fails 'one read is one command'
check 'commands on standard input, answers without prompts, logout is nothing' on_stdin

stdin_shutdown() {
	stdin_start
	say fg 'shutdown\n'
	ended fg
	is 'exit status' "$(exit_status fg)" 0
	[ ! -e "$T/fg" ]
}
check 'shutdown on standard input' stdin_shutdown

stdin_eof() {
	rc=0
	(sleep 0.3; echo port/showinfo; sleep 0.3) |
		timeout 5 "$SWITCH" -s "$T/eof" >eof.out 2>eof.err || rc=$?
	cat eof.out eof.err
	is 'exit status' $rc 0
	grep -q '^1000 Success' eof.out
	grep -q 'EOF on stdin' eof.err
	[ ! -e "$T/eof" ]
}
check 'the end of standard input: it says so, exit 0, nothing left' stdin_eof

stdin_file() {
	printf 'port/showinfo\nport/print\n' >input
	rc=0
	timeout 5 "$SWITCH" -s "$T/eof" <input >eof.out 2>eof.err || rc=$?
	cat eof.out eof.err
	is 'exit status' $rc 0
	is 'answers' "$(grep -c '^1000 Success' eof.out)" 2
}
vde_fails 'one read is one command'
check 'a file as standard input' stdin_file

stdin_null() {
	rc=0
	timeout 5 "$SWITCH" -s "$T/eof" </dev/null >eof.out 2>eof.err || rc=$?
	cat eof.out eof.err
	is 'exit status' $rc 0
	[ ! -e "$T/eof" ]
}
check '/dev/null as standard input: ends at once' stdin_null

nostdin() {
	spawn no sh -c 'exec "$0" "$@" </dev/null' "$SWITCH" -s "$T/no" -nostdin
	wait_for 3 test -S "$T/no/ctl"
	sleep 0.2
	"$RAWVDE" "$T/no" connect bind v3 send reply dconnect io
	end no
}
vde_fails 'does not know the option'
check '-nostdin: the same goes on' nostdin

# As NixOS' test driver does it: a terminal, a line, a line back.
terminal() {
	{ sleep 0.5; echo version; sleep 0.5; echo shutdown; } |
		timeout 10 script -qec "'$SWITCH' -s '$T/pty'" /dev/null >pty.out
	cat pty.out
	tr -d '\r' <pty.out >pty.txt
	grep -q '^1038 ' pty.txt
	grep -q '^vde\$ ' pty.txt
}
if command -v script >/dev/null; then
	check 'a terminal as standard input: prompts there, too' terminal
else
	skip 'a terminal as standard input: prompts there, too' 'no script here'
fi

# The prompt goes to standard input; where that is a pipe open both ways, it must
# not come back as a command.
fifo_loop() {
	mkfifo both
	spawn loop sh -c 'exec "$0" -s "$1" <>"$2"' "$SWITCH" "$T/loop" "$T/both"
	wait_for 3 test -S "$T/loop/ctl"
	sleep 0.3
	[ "$(wc -l <loop.log)" -lt 5 ] || fail "$(wc -l <loop.log) lines"
	end loop
}
vde_fails 'answers its own prompts'
check 'a pipe open both ways as standard input' fifo_loop

done_testing
