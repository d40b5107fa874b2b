# SPDX-License-Identifier: BSD-2-Clause
# lifecycle.sh - Starting, refusing to start, stopping: what is told, what is left
#
# What needs a tap is in tap.sh.
. "${top_srcdir:?}/tests/integration/lib.sh"

cd "$T" || exit 99

# Modes and owners, as vde_switch makes them.

mode_of() {
	stat -c %a "$1"
}

# modes UMASK DIRMODE MODE OPTION...
modes() {
	umask "$1"
	dirmode=$2
	mode=$3
	shift 3
	switch_start modes "$@"
	is 'directory' "$(mode_of "$T/modes")" "$dirmode"
	is 'ctl' "$(mode_of "$T/modes/ctl")" "$mode"
	spawn client "$RAWVDE" "$T/modes" connect bind v3 send reply hold
	wait_for 2 grep holding "$T/client.log"
	if [ "$(id -u)" -eq 0 ]; then
		# The client's alone, whoever it is.
		mode=$(printf '%o' $((0$mode & 0700)))
	fi
	is 'data socket' "$(mode_of "$T"/modes/001.*)" "$mode"
	end client
	end modes
}

for mask in 022 077 000; do
	check "modes without options, umask $mask" modes $mask 2700 600
	check "-m 660, umask $mask" modes $mask 2770 660 -m 660
	check "-m 0777, umask $mask" modes $mask 2777 777 -m 0777
	check "-m 640, umask $mask" modes $mask 2750 640 -m 640
	check "--dirmode 0770, umask $mask" modes $mask 770 660 --dirmode 0770
	check "--dirmode 2755 -m 666, umask $mask" modes $mask 2755 666 \
		--dirmode 2755 -m 666
done

groups() {
	switch_start groups -m 660 -g "$1"
	is 'directory' "$(stat -c %G "$T/groups")" daemon
	is 'ctl' "$(stat -c %G "$T/groups/ctl")" daemon
	is 'mode' "$(mode_of "$T/groups")" 2770
	end groups
}
if [ "$(id -u)" -eq 0 ]; then
	check 'a group by name' groups daemon
	vde_fails 'names only'
	check 'a group by number' groups "$(getent group daemon | cut -d: -f3)"
else
	skip 'a group by name' 'only root'
	skip 'a group by number' 'only root'
fi

mgmt_mode() {
	umask 022
	switch_start mm "$@"
	mode_of "$T/mm.mgmt"
	end mm >&2
}
mgmt_modes() {
	is 'default' "$(mgmt_mode)" 600
	is 'given' "$(mgmt_mode --mgmtmode 660)" 660
}
check 'the mode of the console' mgmt_modes

owner() {
	chmod 777 "$T"
	cp "$RAWVDE" "$T/rawvde"
	switch_start owner -m 666
	spawn client setpriv --reuid=65534 --regid=65534 --clear-groups -- \
		"$T/rawvde" "$T/owner" connect bind v3 send reply hold
	wait_for 2 grep holding "$T/client.log"
	is 'data socket' "$(stat -c '%u %a' "$T"/owner/001.*)" '65534 600'
	end client
	end owner
}
if two_users; then
	check "a client's data socket is its own" owner
else
	skip "a client's data socket is its own" 'only root can be two users'
fi

# Spellings.

spelled() {
	spawn spelled "$SWITCH" "$@"
	wait_for 3 "$TALK" "$T/spelled.mgmt"
	console spelled port/showinfo | grep -q 'HUB=true'
	console spelled port/showinfo | grep -q 'Numports=17'
	is mode "$(mode_of "$T/spelt/ctl")" 660
	end spelled
}
check 'options with one dash' spelled -sock spelt -mod 660 -mgmt spelled.mgmt \
	-hub -numports 17
check 'options with two' spelled --sock=spelt --mode 660 --mgmt=spelled.mgmt \
	--hub --numports=0x11
check 'options of one letter' spelled -s spelt -m 660 -Mspelled.mgmt -x -n17
check 'options cut short' spelled --unix spelt -mod=0660 --mgmt spelled.mgmt \
	--hu -numport 17

help() {
	rc=0
	"$SWITCH" --help >out 2>err || rc=$?
	is status $rc 1
	grep -q -- --sock out
	is stderr "$(cat err)" ''
}
check '--help: text on standard output, exit 1 (as vde_switch)' help
check '--version: exit 0' "$SWITCH" --version

# In the background.

# daemon NAME [OPTION...]: its exit status; its pid file is NAME.pidfile.
daemon() {
	name=$1
	shift
	timeout 5 "$SWITCH" -s "$T/$name" -M "$T/$name.mgmt" -daemon \
		-pidfile "$T/$name.pidfile" "$@"
}
daemon_end() {
	pid=$(cat "$T/$1.pidfile")
	kill "$pid"
	wait_for 5 dead "$pid"
}
dead() {
	! alive "$1"
}

# What an earlier check may have left where it failed.
fresh() {
	sweep
	rm -rf d d.* live live.* r
}

# Started and used without a pause.
daemon_is_ready() {
	i=0
	while [ $i -lt 20 ]; do
		daemon d
		pid=$(cat "$T/d.pidfile")
		alive "$pid" || fail "no process $pid"
		"$RAWVDE" "$T/d" connect bind v3 send reply=001. dconnect
		"$TALK" "$T/d.mgmt" >/dev/null
		daemon_end d
		i=$((i + 1))
	done
}
vde_fails 'returns before it is ready'
check '-daemon returns when all is there, twenty times' daemon_is_ready

daemon_lets_go() {
	# It would keep the pipe open.
	is output "$(daemon d 2>&1)" ''
	pid=$(cat "$T/d.pidfile")
	is directory "$(readlink "/proc/$pid/cwd")" /
	is pidfile "$(od -An -c "$T/d.pidfile" | tr -d ' ')" "$(printf '%s\\n' "$pid")"
	is session "$(ps -o sid= -p "$pid" | tr -d ' ')" "$pid"
	daemon_end d
	is 'left behind' "$(echo d*)" 'd*'
}
vde_fails 'returns before it is there'
check 'a daemon holds neither terminal nor directory, and leaves nothing' daemon_lets_go

daemon_relative() {
	mkdir -p rel
	cd rel || return
	"$SWITCH" -s sw -M mgmt -d -p pidfile
	wait_for 2 test -s pidfile
	"$RAWVDE" "$T/rel/sw" connect bind v3 send reply dconnect
	"$TALK" "$T/rel/mgmt" >/dev/null
	kill "$(cat pidfile)"
	wait_for 5 gone pidfile sw mgmt
}
gone() {
	for file; do
		[ ! -e "$file" ] || return 1
	done
}
vde_fails 'makes the console in /'
check 'relative paths are meant from where it was started' daemon_relative

daemon_closed() {
	(exec 0<&- 1>&- 2>&-; daemon d)
	"$RAWVDE" "$T/d" connect bind v3 send reply=001. dconnect io
	"$TALK" "$T/d.mgmt" 'port/print\n' >/dev/null
	daemon_end d
}
vde_fails 'returns before it is there'
check 'started without standard input, output and error' daemon_closed

foreground_closed() {
	spawn closed sh -c 'exec "$0" -s closed -M closed.mgmt 0<&-' "$SWITCH"
	# It may end as with an empty input, or go on without.
	if wait_for 1 "$TALK" "$T/closed.mgmt"; then
		"$RAWVDE" "$T/closed" connect bind v3 send reply=001. dconnect io
		end closed
	else
		ended closed
	fi
	gone closed
}
check 'in the foreground without standard input' foreground_closed

# Pid files that are not in use.

stale_pidfile() {
	printf '%b' "$1" >d.pidfile
	daemon d
	wait_for 2 is_pidfile "$1"
	alive "$(cat d.pidfile)"
	"$RAWVDE" "$T/d" connect bind v3 send reply dconnect
	daemon_end d
	wait_for 2 gone d.pidfile d
}
is_pidfile() {
	[ -s d.pidfile ] && [ "$(cat d.pidfile)" != "$1" ]
}
true &
gone_pid=$!
wait $gone_pid
for what in "a process that is gone:$gone_pid\n" "a process that is no switch:$$\n" \
	'nothing:' 'a number that cannot be:4000000000\n'; do
	fresh
	vde_fails 'ends in silence'
	check "a stale pid file, of ${what%:*}" stale_pidfile "${what#*:}"
done
fresh

# Somebody's letter is no pid file.
letter() {
	echo 'Dear 4000000000 friends' >d.pidfile
	rc=0
	"$SWITCH" -s "$T/d" -d -p d.pidfile 2>err || rc=$?
	cat err
	[ $rc -ne 0 ]
	grep d.pidfile err
	grep Dear d.pidfile
}
vde_fails 'says nothing'
check 'a file that is no pid file is left alone' letter
fresh

# Refusing to start.

# refuses OBJECT OPTION...: in both ways it ends with a status that is not 0
# and a line that names the object, and leaves all as it was.
refuses() {
	object=$1
	shift
	before=$(find . | grep -v -e check.out -e '^./err' | sort)
	for how in -nostdin -daemon; do
		is_vde_switch && [ $how = -nostdin ] && continue
		rc=0
		timeout 5 "$SWITCH" $how "$@" >err.out 2>err </dev/null || rc=$?
		cat err
		is_vde_switch && sweep && rm -rf r
		[ $rc -ne 0 ] || fail "$how: exit status 0"
		[ $rc -ne 124 ] || fail "$how: does not end"
		is "$how: lines" "$(wc -l <err)" 1
		grep -q -F -e "$object" err || fail "does not name $object"
		after=$(find . | grep -v -e check.out -e '^./err' | sort)
		is "$how: files" "$after" "$before"
	done
	rm -f err err.out
}

mkdir prepared
echo precious >file
name100=$(printf '%0100d' 0)

vde_fails 'goes on'
check 'an unknown option' refuses bogus -s r -bogus
vde_fails 'goes on, or says it in a page of usage'
check 'an option without its argument' refuses sock -sock
vde_fails 'says it in a page of usage'
check 'an argument that is no option' refuses stray -s r stray
check 'an unknown group' refuses 'no-such-group' -s r -g no-such-group
vde_fails 'takes anything for a mode'
check 'a mode that is none' refuses 69x -s r -m 69x
vde_fails 'takes anything for a number'
check 'a number of ports that is none' refuses 12x -s r -n 12x
vde_fails 'names no option'
check 'no ports' refuses 0 -s r -n 0
check 'a directory in a directory that is not there' refuses none/r -s none/r
check 'a directory in a file' refuses file/r -s file/r
vde_fails 'does not name it'
check 'a file for a directory' refuses file -s file
vde_fails 'makes one with a shorter name'
check 'a name too long for a socket' refuses "$name100" -s "$name100"
vde_fails 'starts, and can plug nobody in'
check 'a name that leaves no room for the names of ports' refuses 0000000 \
	-s "$(printf "%0$((107 - 4 - 1 - ${#T}))d" 0)"
vde_fails 'returns before it knows'
check 'a console in a directory that is not there' refuses none/m -s r -M none/m
vde_fails 'returns before it knows'
check 'a console name too long' refuses "$name100" -s r -M "$name100"
vde_fails 'returns before it knows'
check 'a file where the console should be' refuses file -s r -M file
vde_fails 'returns before it knows'
check 'a pid file in a directory that is not there' refuses none/p -s r -p none/p
vde_fails 'returns before it knows'
check 'a directory for a pid file' refuses prepared -s r -p prepared
mkdir ctlfile
echo precious >ctlfile/ctl
vde_fails 'removes it'
check 'a file where the ctl socket should be' refuses ctlfile -s ctlfile
is precious "$(cat ctlfile/ctl file 2>/dev/null | sort -u)" precious | diag

unwritable() {
	mkdir -p locked
	chmod 755 locked
	cp "$(command -v "$SWITCH")" "$T/switch"
	chmod 755 "$T/switch"
	rc=0
	as 65534 timeout 5 "$T/switch" -d -s "$T/locked/r" 2>err || rc=$?
	cat err
	[ $rc -ne 0 ]
	is lines "$(wc -l <err)" 1
	grep -F locked/r err
	mkdir locked/r
	rc=0
	as 65534 timeout 5 "$T/switch" -d -s "$T/locked/r" 2>err || rc=$?
	cat err
	[ $rc -ne 0 ]
	is lines "$(wc -l <err)" 1
	grep -F locked/r err
	is 'left' "$(ls -A locked/r)" ''
}
if two_users; then
	vde_fails 'takes two lines to say it'
	check 'a directory we may not write' unwritable
else
	skip 'a directory we may not write' 'only root can be two users'
fi

# Two switches.

# A live switch with two plugs between which frames go.
live() {
	fresh
	daemon live
	spawn plugs "$FRAMECHECK" "vde://$T/live"
	say plugs 'plug a b\nsend a to b\nexpect b\n'
	wait_for 2 live_learned
	files=$(ls -lAi live live.mgmt live.pidfile)
}
live_learned() {
	"$TALK" "$T/live.mgmt" 'hash/print\n' | grep 02:00:00:00:00:0a
}
live_goes_on() {
	is files "$(ls -lAi live live.mgmt live.pidfile)" "$files"
	say plugs 'send b to a\nexpect a\nplug c\nsend c to a\nexpect a\ndone\n'
	ended plugs
	cat plugs.log
	is plugs "$(exit_status plugs)" 0
	"$TALK" "$T/live.mgmt" 'showinfo\n' >/dev/null
	daemon_end live
}
second() {
	object=$1
	shift
	live
	refuses "$object" "$@"
	live_goes_on
}
vde_fails 'takes two lines to say it'
check 'a directory in use: the first switch goes on' second live -s live
vde_fails 'silently no console'
check 'a console in use' second live.mgmt -s r -M live.mgmt
vde_fails 'takes the pid file away'
check 'a pid file in use' second live.pidfile -s r -p live.pidfile

race() {
	i=0
	while [ $i -lt 15 ]; do
		for n in 1 2 3; do
			rm -f "race.rc$n"
			(
				rc=0
				"$SWITCH" -s race -d -p "$T/race$n.pidfile" 2>/dev/null || rc=$?
				echo $rc >"race.rc$n.new"
				mv "race.rc$n.new" "race.rc$n"
			) &
		done
		for n in 1 2 3; do
			wait_for 5 test -s "race.rc$n"
		done
		is winners "$(grep -lx 0 race.rc? | wc -l)" 1
		"$RAWVDE" "$T/race" connect bind v3 send reply dconnect || fail "round $i"
		winner=$(cat race?.pidfile)
		kill "$winner"
		wait_for 5 gone race
		i=$((i + 1))
	done
}
vde_fails 'unlinks the socket of the other'
check 'three start in one directory at once: one does' race

# Ending.

stops() {
	switch_start stop -p "$T/stop.pidfile"
	for n in 1 2 3; do
		spawn "client$n" "$RAWVDE" "$T/stop" connect bind v3 send reply \
			dconnect unlink dropped
	done
	wait_for 2 three_plugs
	"$TALK" -n 100 "$T/stop.mgmt" >talk.out 2>&1 &
	end stop "$1"
	wait_for 2 gone stop stop.mgmt stop.pidfile
	for n in 1 2 3; do
		ended "client$n"
		cat "client$n.log"
		is 'client' "$(exit_status "client$n")" 0
	done
	[ "$1" = INT ] || is 'exit status' "$(exit_status stop)" 0
}
three_plugs() {
	[ "$("$TALK" "$T/stop.mgmt" 'port/print\n' | grep -c 'endpoint ID')" -eq 3 ]
}
check 'SIGTERM: clients see the end, nothing is left, exit 0' stops TERM
check 'SIGINT: the same' stops INT

keeps_foreign() {
	mkdir foreign
	echo mine >foreign/README
	switch_start foreign
	end foreign
	is left "$(ls -A foreign)" README
}
check "somebody's file in the directory stays, and so the directory" keeps_foreign

goes_on() {
	switch_start sig
	kill -"$1" "$(pid_of sig)"
	sleep 0.1
	"$RAWVDE" "$T/sig" connect bind v3 send reply dconnect io
	end sig
	gone sig
}
for sig in HUP USR1 USR2 PIPE ALRM; do
	check "SIG$sig does not end it (as vde_switch)" goes_on $sig
done

no_sockets() {
	[ -z "$(find "$1" -name '[.0-9]*' ! -name '.raw*' ! -name "$1")" ]
}

crashed() {
	daemon crash
	spawn client "$RAWVDE" "$T/crash" connect bind v3 send reply dconnect hold
	wait_for 2 grep holding client.log
	rc=0
	"$RAWVDE" "$T/crash" bind="$T/crash/.12345-00000" kill || rc=$?
	pid=$(cat crash.pidfile)
	kill -KILL "$pid"
	wait_for 2 dead "$pid"
	is 'sockets left by the crash' "$(find crash -name '001.*' -o -name .12345-00000 | wc -l)" 2
	daemon crash
	"$RAWVDE" "$T/crash" connect bind v3 send reply=001. dconnect io
	"$TALK" "$T/crash.mgmt" >/dev/null
	wait_for 2 no_sockets crash
	end client
	rm -f crash/.raw-*
	daemon_end crash
	wait_for 2 gone crash crash.mgmt crash.pidfile
}
vde_fails 'the pid file stops it'
check 'after kill -9 it starts again in the same place, and cleans up' crashed

done_testing
