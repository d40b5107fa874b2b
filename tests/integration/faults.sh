# SPDX-License-Identifier: BSD-2-Clause
# faults.sh - Bad input and bad luck, as far as no other script has it
#
# CT: the socket for clients; DS: their data sockets; MG: the console. Taps are in
# faults-tap.sh. "ids" lists all rows, and in which script each is shown.
. "${top_srcdir:?}/tests/integration/lib.sh"
. "${top_srcdir:?}/tests/integration/invariants.sh"

cd "$T" || exit 99
cp "$RAWVDE" rawvde
cp "$TALK" talk
chmod 755 rawvde talk
export TALK

# on_sw DESCRIPTION COMMAND...: a check that begins with a new switch.
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

# For users other than root.
on_open() {
	if ! two_users; then
		skip "$1" 'only root can be two users'
		return
	fi
	rm -rf "$T/open" "$T/open.mgmt"
	switch_start open -m 666
	lib_desc=$1
	shift
	check "$lib_desc" undisturbed open "$@"
	is_running open && end open KILL
}

raw() {
	"$RAWVDE" "$T/sw" "$@"
}

status_of() {
	console "$1" "$2" | tail -n 1
}

# CT: clients.

# A byte a second: this takes time by itself; see the end.
switch_start slow
spawn loris "$RAWVDE" "$T/slow" connect bind v3 send=1 sleep=900 send=1 sleep=900 send=1 \
	sleep=900 send=1 sleep=900 send=1 sleep=900 eof

# A description has no length of its own, so the second is the first one's.
on_sw 'CT-4: two requests in one write: one port' raw connect bind v3 twice send reply=003. \
	dconnect io

long_words() {
	raw connect bind v3 length=4218 send dropped
	for text in '%n%s%s%s' "$(printf '\300\200\377\376')" "$(printf '\033[31mred\007')" \
		"$(printf 'x\n1000 Success\n')" '; rm -rf /' '$(id)' '../../etc/passwd'; do
		spawn words "$RAWVDE" "$T/sw" connect bind v3 descr="$text" port=30 send reply \
			dconnect unlink hold
		wait_for 2 grep holding words.log
		console sw 'port/print 30' >out
		is lines "$(wc -l <out)" 8
		not env LC_ALL=C grep '[^ -~	]' out
		end words
	done
}
vde_fails 'prints it as it is'
on_sw 'CT-6, MG-7: descriptions of any kind: one line, no control characters' long_words

dotted() {
	mkdir -p dir
	raw connect bind="$T/dir/../dotted" v3 send reply dconnect io
}
on_sw 'CT-7: a name with .. in it' dotted

gone_name() {
	raw connect bind v3 unlink send eof
}
vde_fails 'hangs'
on_sw 'CT-7: a name that is gone when it is looked at: refused' gone_name

# CT-8: nobody wins a race with names.
race() {
	spawn victim "$RAWVDE" "$T/open" bind="$T/victim" chmod=0777 quiet=6000
	spawn sender "$LOAD" -m fan -n 1 -c 100000 -r 20000 -t 0 "vde://$T/open"
	mkdir -p attack
	chown 65534 attack
	i=0
	while [ $i -lt 3 ]; do
		as 65534 "$T/rawvde" "$T/open" bind="$T/attack/own$i" chmod=0777 \
			race="$T/victim" sleep=100 || fail 'the attack failed by itself'
		i=$((i + 1))
	done
	is_running victim || cat victim.log
	is_running victim || fail 'somebody else got frames'
	end victim KILL
	end sender KILL
	rm -f victim
}
vde_fails 'believes the path'
on_open 'CT-8: a name that is a link to another one at times: 3000 tries' race

half_dead() {
	raw connect bind v3 send reply dconnect data-close sleep=50 || return
	# Its data socket is gone: with the next frame for it the port is, too.
	spawn half "$RAWVDE" "$T/sw" connect bind v3 port=20 send reply dconnect unlink \
		data-close dropped
	wait_for 10 flooded half
	is 'exit status' "$(exit_status half)" 0
}
# Has it ended, now that there was another frame for all?
flooded() {
	"$FRAMECHECK" "vde://$T/sw" <<-END
	plug a b
	send a to all
	expect b
	END
	[ -s "$1.rc" ]
}
vde_fails 'keeps the port'
on_sw 'CT-12, DS-7: a client whose data socket alone is gone: its port is closed' half_dead

# CT-13: who may come in. The directory lets everybody search.
modes() {
	for row in '600 65534 no' '666 65534 yes'; do
		# shellcheck disable=SC2086 # Words.
		set -- $row
		rm -rf gate
		switch_start gate -m "$1" --dirmode 0777
		rc=0
		as "$2" "$T/rawvde" "$T/gate" connect bind="/tmp/gate.$$" v3 send reply dconnect \
			2>/dev/null || rc=$?
		rm -f "/tmp/gate.$$"
		if [ "$3" = yes ]; then
			is "mode $1" $rc 0
		else
			[ $rc -ne 0 ] || fail "mode $1 lets user $2 in"
		fi
		end gate
	done
	switch_start gate -m 660 --dirmode 0777 -g daemon
	gid=$(getent group daemon | cut -d: -f3)
	setpriv --reuid=65534 --regid=65534 --groups "$gid" -- \
		"$T/rawvde" "$T/gate" connect bind v3 send reply dconnect io
	not as 65534 "$T/rawvde" "$T/gate" connect bind v3 send reply
	end gate
}
if two_users; then
	check 'CT-13: modes 600, 660 with a supplementary group, 666' modes
else
	skip 'CT-13: modes 600, 660 with a supplementary group, 666' 'only root can be two users'
fi

# An access list goes by the kernel's word, supplementary groups included; a port
# that is denied is denied like one that is not there.
port_acl() {
	gid=$(getent group daemon | cut -d: -f3)
	for cmd in 'port/create 5' 'port/setgroup 5 daemon' 'port/create 6' 'port/setuser 6 12345'; do
		status_of open "$cmd" | grep '^1000'
	done
	as 65534 "$T/rawvde" "$T/open" connect bind v3 port=5 send eof
	as 65534 "$T/rawvde" "$T/open" connect bind v3 port=6 send eof
	as 65534 "$T/rawvde" "$T/open" connect bind v3 port=99 send eof
	setpriv --reuid=65534 --regid=65534 --groups "$gid" -- \
		"$T/rawvde" "$T/open" connect bind v3 port=5 send reply=005. dconnect io
	as 12345 "$T/rawvde" "$T/open" connect bind v3 port=6 send reply=006. dconnect io
	"$RAWVDE" "$T/open" connect bind v3 port=6 send reply=006. dconnect io
	status_of open 'port/remove 5' | grep '^1000'
	status_of open 'port/remove 6' | grep '^1000'
}
vde_fails 'hangs'
on_open 'CT-13, CT-14: ports of a user and of a group' port_acl

many_descriptors() {
	i=0
	while [ $i -lt 20 ]; do
		raw connect bind v3 send-fd=253 reply dconnect
		raw connect bind v3 send=20 send-fd=253 reply dconnect
		i=$((i + 1))
	done
}
vde_fails 'one read is one request'
on_sw 'CT-15: 253 descriptors with a request, again and again' many_descriptors

# refused_start COMMAND...: no process, one line that says why, nothing changed.
refused_start() {
	rc=0
	timeout 3 "$SWITCH" -d -s "$@" 2>err </dev/null || rc=$?
	cat err
	sweep
	[ $rc -ne 0 ] || fail 'it started'
	is lines "$(wc -l <err)" 1
	grep -q -F -e "$1" err || fail "does not name $1"
}
ctl_is() {
	rm -rf place
	mkdir place
	"$@"
	before=$(ls -la place)
	refused_start "$T/place"
	is files "$(ls -la place)" "$before"
	rm -rf place
}
vde_fails 'removes it'
check 'CT-16: ctl is a pipe' ctl_is mkfifo place/ctl
vde_fails 'starts, or says it in two lines'
check 'CT-16: ctl is a directory' ctl_is mkdir place/ctl
vde_fails 'removes it'
check 'CT-16: ctl is a link to nothing' ctl_is ln -s nothing place/ctl
rm -rf place

# Whoever comes second changes nothing of what is the first one's.
second() {
	switch_start sw -m 660 -g daemon
	before=$(stat -c '%n %a %G' sw sw/ctl sw.mgmt)
	refused_start "$T/sw" -m 600
	refused_start "$T/sw" -M "$T/sw.mgmt" --dirmode 0700 -g root
	is modes "$(stat -c '%n %a %G' sw sw/ctl sw.mgmt)" "$before"
	raw connect bind v3 send reply dconnect io
	end sw
}
if [ "$(id -u)" -eq 0 ]; then
	vde_fails 'changes the mode of the directory'
	check 'CT-16: a second switch changes nothing of the first' second
else
	skip 'CT-16: a second switch changes nothing of the first' 'only root'
fi

# A file system with room for one file more, in a mount namespace of its own.
no_space() {
	mkdir -p small
	unshare -m sh -ec 'mount -t tmpfs -o size=64k,nr_inodes=2 none small
		mkdir small/one
		rc=0
		timeout 3 "$0" -d -s "$1/small/two" 2>err </dev/null || rc=$?
		echo $rc >rc' "$SWITCH" "$T"
	cat err
	is lines "$(wc -l <err)" 1
	grep small/two err
	[ "$(cat rc)" -ne 0 ]
}
if [ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null; then
	check 'CT-17: no room for the directory' no_space
else
	skip 'CT-17: no room for the directory' 'only root'
fi

# Nobody gets in before the mode is what it will be.
early_bird() {
	i=0
	while [ $i -lt 10 ]; do
		rm -rf window
		mkdir -m 777 window
		spawn knock setpriv --reuid=65534 --regid=65534 --clear-groups -- \
			"$T/rawvde" "$T/window" knock=400
		sleep 0.05
		(umask 0; switch_start window --dirmode 0777 -m 600)
		ended knock
		cat knock.log
		is 'exit status' "$(exit_status knock)" 0
		end window
		i=$((i + 1))
	done
}
if two_users; then
	check 'CT-18: no moment in which others get in' early_bird
else
	skip 'CT-18: no moment in which others get in' 'only root can be two users'
fi

# CT-19: the answer cannot be written.
no_answer() {
	i=0
	while [ $i -lt 50 ]; do
		raw connect bind v3 send close
		i=$((i + 1))
	done
}
vde_fails 'a port is lost for ever'
on_sw 'CT-19: who does not wait for the answer' no_answer

# DS: data sockets.

huge() {
	frames sw <<-END
	plug a b c
	send a to all size 65535
	expect b c
	send b to a size 65535
	expect a
	send a to b size 1513
	expect b
	send a to b size 1514
	expect b
	END
}
vde_fails 'truncates what is longer than 1518 bytes'
on_sw 'DS-2: frames of up to 65535 bytes, whole' huge

on_sw 'DS-3: the data socket takes frames from its client alone' raw connect bind v3 send \
	reply dconnect stranger stranger

on_sw 'DS-4: 1000 frames with descriptors: none is kept' raw connect bind v3 send reply \
	dconnect data-fd=1000

stopped() {
	spawn stopped "$LOAD" -m idle "vde://$T/sw"
	wait_for 2 grep idle stopped.log
	kill -STOP "$(pid_of stopped)"
	memory=$(rss sw)
	"$LOAD" -m fan -n 2 -c 20000 -r 20000 -N "vde://$T/sw" || rc=$?
	note "resident: $memory KiB before, $(rss sw) KiB after"
	kill -CONT "$(pid_of stopped)"
	end stopped
	[ -z "${rc:-}" ] || fail 'others have lost frames'
}
on_sw 'DS-5: a receiver that is stopped: others lose nothing' stopped

big_bursts() {
	"$LOAD" -N -c 1024 -s 64 -b 256 -r 1024 "vde://$T/sw"
	"$LOAD" -N -c 16384 -s 64 -b 4096 -r 16384 "vde://$T/sw"
}
vde_fails 'loses some'
on_sw 'DS-6: bursts of 256 and of 4096 to a receiver that reads' big_bursts

# Frames that a client sent and then went.
last_words() {
	spawn ear "$RAWVDE" "$T/sw" connect bind v3 port=9 send reply dconnect unlink hold
	wait_for 2 grep holding ear.log
	i=0
	while [ $i -lt 10 ]; do
		raw connect bind v3 send reply dconnect flood=50
		i=$((i + 1))
	done
	wait_for 2 heard 500
	end ear
}
heard() {
	console sw 'port/print 9' | grep -E "^ OUT: pkts +$1 "
}
vde_fails 'ports are lost, at times'
on_sw 'DS-7: what a client sent before it went arrives' last_words

# MG: the console.

# Lines by grammar, with the numbers at which things break.
nasty_lines() {
	awk -v seed="$1" -v n="$2" 'BEGIN {
		srand(seed)
		k = split("ds/showinfo help showinfo load debug/list debug/add debug/del " \
			"plugin/list plugin/add plugin/del hash/showinfo hash/setsize " \
			"hash/setgcint hash/setexpire hash/setminper hash/find " \
			"fstp/showinfo fstp/setfstp fstp/setedge fstp/bonus fstp/print " \
			"port/showinfo port/setnumports port/sethub port/setvlan " \
			"port/createauto port/create port/remove port/allocatable " \
			"port/setuser port/setgroup port/epclose port/resetcounter " \
			"port/print port/allprint vlan/create vlan/remove vlan/addport " \
			"vlan/delport vlan/print vlan/allprint nonsense #", cmd, " ")
		a = split("0 1 2 31 32 33 -1 4093 4094 4095 4096 65535 65536 2147483647 " \
			"-2147483648 4294967295 4294967296 99999999999999999999 0x7fffffff " \
			"root NONE ff:ff:ff:ff:ff:ff 00:00:00:00:00:00:00 %n%s / . ~ ;", arg, " ")
		while (n--) {
			line = cmd[int(rand() * k) + 1]
			for (i = int(rand() * 4); i > 0; i--)
				line = line " " arg[int(rand() * a) + 1]
			print line
		}
		print "logout"
	}'
}
random_commands() {
	nasty_lines 1 "$1" >script
	# As fast as it answers; vde_switch takes each write for a command.
	if is_vde_switch; then
		while IFS= read -r line; do
			echo "$line"
			sleep 0.002
		done <script
	else
		cat script
	fi | timeout 60 socat -t 10 - "UNIX-CONNECT:$T/sw.mgmt" >out || :
	is_running sw || fail 'a line has ended it'
	is answers "$(grep -c -E '^(vde\$ )?1[0-9][0-9][0-9] ' out)" \
		"$(grep -v -c -e '^#' -e '^logout' script)"
	# Back to what it was, for those who ask after us.
	for cmd in 'port/setnumports 32' 'port/sethub 0' 'hash/setexpire 100' 'hash/setminper 0' \
		'fstp/setfstp 0'; do
		status_of sw "$cmd"
	done
}
if command -v socat >/dev/null; then
	crowd_of_lines() {
		switch_start sw
		random_commands 3000
		"$RAWVDE" "$T/sw" connect bind v3 port=32 send reply dconnect io
		wait_for 1 sleeps sw
		not grep -e Sanitizer -e 'runtime error:' sw.log
		end sw
	}
	vde_fails 'ends, by one of many'
	check 'MG-2, MG-11: 3000 commands with numbers from the edges' crowd_of_lines
else
	skip 'MG-2, MG-11: 3000 commands with numbers from the edges' 'no socat here'
fi
is_running sw && end sw KILL

# Refused, and nothing has changed.
out_of_range() {
	for cmd in 'port/setnumports 0' 'port/setnumports -1' 'port/setnumports 70000' \
		'port/setnumports 4294967297' 'hash/setsize 0' 'hash/setsize -1' \
		'hash/setsize 4294967296' 'port/setvlan 1 4096' 'vlan/create 4095' \
		'vlan/create 0' 'vlan/create -1' 'port/create 33' 'port/create -1'; do
		before=$(console sw port/showinfo; console sw hash/showinfo; console sw vlan/print
			console sw port/allprint)
		console sw "$cmd" | tail -n 1 | grep '^10[0-9][1-9] ' || fail "$cmd is taken"
		after=$(console sw port/showinfo; console sw hash/showinfo; console sw vlan/print
			console sw port/allprint)
		is "after $cmd" "$after" "$before"
	done
}
vde_fails 'takes some of them'
on_sw 'MG-11: numbers out of range change nothing' out_of_range

idle_consoles() {
	n=0
	while [ $n -lt 200 ]; do
		"$TALK" -n 100 "$T/sw.mgmt" >/dev/null 2>&1 &
		idlers="${idlers:-} $!"
		n=$((n + 1))
	done
	sleep 0.5
	raw connect bind v3 send reply dconnect io
	wait_for 1 sleeps sw
	# shellcheck disable=SC2086 # Numbers.
	kill $idlers
	# shellcheck disable=SC2086
	wait $idlers 2>/dev/null || :
	wait_for 3 status_ok
}
status_ok() {
	status_of sw showinfo | grep '^1000'
}
on_sw 'MG-5: 200 consoles that say nothing: frames go, and it works again after them' \
	idle_consoles

scripts() {
	mkfifo pipe
	echo "load $T/self" >self
	mkdir -p folder
	ln -sf /dev/zero zero
	for file in "$T/pipe" "$T/zero" "$T/folder" "$T/self" /dev/zero "$T/none"; do
		timeout 5 "$TALK" "$T/sw.mgmt" "load $file\\n" >out || fail "$file: no answer"
		[ "$(wc -c <out)" -lt 100000 ] || fail "$file: $(wc -c <out) bytes"
	done
}
vde_fails 'hangs, or reads for ever'
on_sw 'MG-6: load of a pipe, a device, a directory, a script that loads itself' scripts

operators() {
	switch_start op --mgmtmode 600
	chmod 755 "$T"
	not as 65534 "$T/talk" "$T/op.mgmt" 'showinfo\n'
	end op
	switch_start op --mgmtmode 660 --mgmtgroup daemon
	setpriv --reuid=65534 --regid=65534 --groups "$(getent group daemon | cut -d: -f3)" -- \
		"$T/talk" "$T/op.mgmt" 'showinfo\n' | grep '^1000'
	not as 65534 "$T/talk" "$T/op.mgmt" 'showinfo\n'
	end op
}
if two_users; then
	check 'MG-8: the console is for its user and group' operators
else
	skip 'MG-8: the console is for its user and group' 'only root can be two users'
fi

two_hands() {
	for round in 1 2 3 4 5; do
		for hand in 1 2; do
			(
				i=0
				while [ $i -lt 20 ]; do
					console sw 'port/create 9'
					console sw 'port/remove 9'
					i=$((i + 1))
				done
			) >"hand$hand" &
			[ $hand = 1 ] && first=$!
		done
		wait $! $first
		not grep -v -e '^1000' -e '^1017' -e '^1006' hand1 hand2
	done
	console sw 'port/remove 9'
	is 'it again' "$(status_of sw 'port/remove 9')" '1006 No such device or address'
}
on_sw 'MG-10: two consoles make and remove the same port' two_hands

# Removed by now, or there is nothing to remove any more.
removed() {
	[ "$(status_of sw 'port/remove 8' | cut -c 1-4)" != 1098 ]
}
mid_transfer() {
	"$LOAD" -c 200000 -q 200 "vde://$T/sw[7]" "vde://$T/sw[8]" >load.out 2>&1 &
	load=$!
	sleep 0.2
	is 'remove' "$(status_of sw 'port/remove 8')" '1098 Address already in use'
	id=$(console sw 'port/print 8' | sed -n 's/.*endpoint ID 0*\([0-9]*\) .*/\1/p')
	is 'close' "$(status_of sw "port/epclose 8 $id")" '1000 Success'
	is 'again' "$(status_of sw "port/epclose 8 $id")" '1006 No such device or address'
	wait_for 2 removed
	wait $load || :
}
on_sw 'MG-10: a port that frames go to is unplugged and removed' mid_transfer

bad_line() {
	printf 'vlan/create 5\n\n# fine\nvlan/create 99999\nvlan/create 6\n' >bad.rc
	switch_start lines -f "$T/bad.rc"
	grep -F 'bad.rc:4:' lines.log
	end lines
}
vde_fails 'says nothing'
check 'MG-12: a bad line in the file of commands is named by its number' bad_line

strict() {
	rc=0
	timeout 3 "$SWITCH" -nostdin -s "$T/strict" -f "$T/bad.rc" --strict 2>err </dev/null || rc=$?
	cat err
	[ $rc -ne 0 ] && [ $rc -ne 124 ]
	grep -F 'bad.rc:4:' err
	[ ! -e strict ]
}
vde_fails 'does not know the option'
check 'MG-12: with --strict it does not start' strict

no_memory() {
	pid=$(pid_of sw)
	prlimit --pid "$pid" --as=$((80 * 1024 * 1024))
	for cmd in 'hash/setsize 1000000000' 'hash/setsize 16777216' 'port/setnumports 65535' \
		'hash/setsize 4194304'; do
		status_of sw "$cmd"
		is_running sw || fail "'$cmd' ended it"
	done
	status_of sw 'hash/setsize 128'
}
if under_asan; then
	skip 'MG-13: no memory for a larger table' 'AddressSanitizer needs it all'
elif command -v prlimit >/dev/null; then
	vde_fails 'exits'
	on_sw 'MG-13: no memory for a larger table' no_memory
fi

# Not one of the lines before the end of the stream is lost; and what has no end
# of line is a line, as vde_switch has it.
half_closed() {
	for text in 'port/showinfo\n' 'port/showinfo'; do
		printf "$text" | socat -t 2 - "UNIX-CONNECT:$T/sw.mgmt" >out
		grep '^1000 Success' out
	done
	printf 'port/sho' | socat -t 2 - "UNIX-CONNECT:$T/sw.mgmt" >out
	not grep '^1000 Success' out
}
if command -v socat >/dev/null; then
	on_sw 'MG-15: the end of the stream, with and without the end of a line' half_closed
else
	skip 'MG-15: the end of the stream, with and without the end of a line' 'no socat here'
fi

# CT-2: see above.
loris() {
	ended loris
	cat loris.log
	is 'exit status' "$(exit_status loris)" 0
}
vde_fails 'waits for ever'
check 'CT-2: a byte a second: has to go within six seconds all the same' loris

done_testing
