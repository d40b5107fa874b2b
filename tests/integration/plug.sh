# SPDX-License-Identifier: BSD-2-Clause
# plug.sh - lanbox-plug in place of vde_plug and vde_plug2tap
#
# East is our switch, west is VDE's own if it is here. Each form of the plug joins
# them, with the real vde_plug at the other end of the stream, too. PLUG names
# another plug to test.
. "${top_srcdir:?}/tests/integration/lib.sh"

PLUG=${PLUG:-$top_builddir/lanbox-plug}
grep -q __asan_init "$PLUG" && skip_all 'libvdeplug and AddressSanitizer exclude each other'
requires dpipe vde_plug od

cd "$T" || exit 99
mkdir names
ln -s "$PLUG" names/vde_plug
ln -s "$PLUG" names/vde_plug2tap

west=$(command -v vde_switch || echo "$SWITCH")
west_start() {
	ours=$SWITCH
	SWITCH=$west
	switch_start west
	SWITCH=$ours
}
switch_start east
west_start

plugs_on() {
	[ "$(console "$1" port/print | grep -c 'endpoint ID')" -eq "$2" ]
}

# nobody_on SWITCH: all have gone. The ghosts of vde_switch (B3 in ids) are its own,
# and go with it.
nobody_on() {
	if [ "$1" = west ] && [ "$west" != "$SWITCH" ]; then
		wait_for 1 plugs_on west 0 >/dev/null || west_start
	else
		wait_for 3 plugs_on "$1" 0
	fi
}

# lan VNL: it and the east are one LAN.
lan() {
	frames east <<-END
	plug a b
	plug c d at $1
	send a to all
	expect b c d
	send c to a			# through the cable
	expect a
	send a to c size 1514
	expect c
	send b to a			# not through the cable
	expect a
	send d to group
	expect a b c
	send c to d size 14
	expect d
	END
}

# cable COMMAND...: it joins both switches, and nothing of it is left after.
cable() {
	spawn cable "$@"
	wait_for 5 plugs_on east 1
	wait_for 5 plugs_on west 1
	lan "vde://$T/west"
	end cable
	wait_for 3 plugs_on east 0
	nobody_on west
}

# Forms.

check 'dpipe, ours at both ends' cable dpipe "$PLUG" east = "$PLUG" west
check 'dpipe, vde_plug in the west' cable dpipe "$PLUG" "vde://$T/east" = vde_plug west
check 'dpipe, vde_plug in the east' cable dpipe vde_plug east = "$PLUG" west
check 'between two switches' cable "$PLUG" east west
check 'to a command' cable "$PLUG" east = "$PLUG" west
check 'to a command, vde_plug' cable "$PLUG" east = vde_plug west
check 'vde_plug to a command, ours' cable vde_plug west = "$PLUG" east
check 'standard input and output first' cable dpipe "$PLUG" - east = vde_plug west
check 'by the name of vde_plug' cable dpipe names/vde_plug east = vde_plug west
if command -v wirefilter >/dev/null; then
	check 'dpipe with wirefilter in the middle' \
		cable dpipe "$PLUG" east = wirefilter = "$PLUG" west
else
	skip 'dpipe with wirefilter in the middle' 'no wirefilter here'
fi
options_of_command() {
	cable "$PLUG" -D far east = vde_plug -D near west
}
check 'options behind = are those of the command' options_of_command

# A switch, or a hub, within libvdeplug.
node() {
	spawn node "$PLUG" "$T/east" "$1://$T/at.$1"
	wait_for 5 test -S "at.$1/ctl"
	wait_for 5 plugs_on east 1
	frames east <<-END
	plug a b
	plug c d at vde://$T/at.$1
	send a to all
	expect b c d
	send c to a
	expect a $2
	send d to group size 1514
	expect a b c
	END
	end node
	wait_for 3 plugs_on east 0
}
check 'to switch://' node switch ''
check 'to hub://' node hub d

default_switch() {
	mkdir -p home/.vde2
	ln -s "$T/east" home/.vde2/default.switch
	HOME=$T/home spawn cable dpipe "$PLUG" = "$PLUG" "$T/west"
	wait_for 3 plugs_on east 1
	wait_for 3 plugs_on west 1
	lan "vde://$T/west"
	end cable
	HOME=$T/home spawn cable "$PLUG" = vde_plug "$T/west"
	wait_for 3 plugs_on east 1
	end cable
	HOME=$T/home spawn cable "$PLUG" '' "$T/west"
	wait_for 3 plugs_on east 1
	end cable
	nobody_on west
}
check 'the default switch' default_switch

# Options.

port_of() {
	console "$1" "port/print $2" | grep -F "$3"
}
options() {
	spawn cable "$PLUG" -D number-one --port 7 --port2 9 -m 0750 -M 0770 \
		-g "$(id -gn)" -G "$(id -g)" east west
	wait_for 3 plugs_on west 1
	port_of east 7 ': number-one user='
	port_of west 9 ': number-one user='
	is 'modes of data sockets' \
		"$(stat -c '%a %G' east/*.* west/*.* | sort | tr '\n' ,)" \
		"750 $(id -gn),770 $(id -gn),"
	end cable
	nobody_on west
}
check 'ports, modes, groups and a description' options

# run COMMAND...: its exit status, output and complaints in rc, out and err.
run() {
	rc=0
	timeout 10 "$@" >out 2>err </dev/null || rc=$?
	cat err
}
# complains STATUS OBJECT OPTION...: one line, which names OBJECT.
complains() {
	status=$1
	object=$2
	shift 2
	run "$PLUG" "$@"
	is "status of $*" $rc "$status"
	is 'lines' "$(wc -l <err)" 1
	grep -q -F -e "$object" err || fail "does not name $object"
}
refusals() {
	complains 255 "'third'" east west third
	complains 255 'which command' east =
	complains 255 "'west'" east west = cat
	complains 255 '-bogus' --bogus east
	complains 255 "'8x'" -m 8x east
	complains 255 "'no-such-group'" -g no-such-group east
	complains 255 "'65536'" --port 65536 east
	complains 255 "'0'" --reconnect=0 east
	complains 255 "'65536'" --max-frame 65536 east
	complains 255 'itself' - -
	complains 255 "'west'" --tap tap0 west = cat
	complains 1 "'no/such'" no/such
	complains 1 "'no/such'" east no/such
	complains 1 "'no-such-command'" east = no-such-command
	complains 1 "'no/such/pid'" -p no/such/pid east
	complains 1 "'a/b'" --tap a/b east
	complains 1 "'no/such'" -d east no/such
	complains 1 "'no/such/pid'" -d -p no/such/pid east west
	wait_for 3 plugs_on east 0
}
check 'what is wrong is said once, and ends with a status that is not 0' refusals
help() {
	run "$PLUG" --help
	is status $rc 0
	grep -q -e '--reconnect' out
	run "$PLUG" --version
	is status $rc 0
	run names/vde_plug2tap -h
	grep -q -e '--sock' out
}
check 'help' help

# Ends.

# The script gives what it starts a silent standard input; this one has none.
eof() {
	run "$PLUG" east
	is 'status at the end of input' $rc 0
	is 'complaints' "$(cat err)" ''
}
check 'the end of standard input is its end, with status 0' eof
command_status() {
	run "$PLUG" east = true
	is 'status of true' $rc 0
	run "$PLUG" east = sh -c 'exit 7'
	is 'status of a command that fails' $rc 7
	run "$PLUG" east = sh -c 'kill -KILL $$'
	is 'status of a command that is killed' $rc 137
	# A grandchild that holds the pipe, and a command that closes its output.
	run "$PLUG" east = sh -c 'sleep 5 & exit 5'
	is 'status although the pipe is still open' $rc 5
	run "$PLUG" east = sh -c 'exec sleep 60 >/dev/null'
	[ $rc -ne 124 ] || fail 'waits for a command that has closed its output'
}
check "a command's end is its end, with the command's status" command_status
signals() {
	for how in TERM:0 INT:130 HUP:129; do
		spawn cable "$PLUG" -p cable.pidfile east = sleep 1000
		wait_for 3 test -s cable.pidfile
		is 'pid file' "$(cat cable.pidfile)" "$(pid_of cable)"
		child=$(ps -o pid= --ppid "$(pid_of cable)")
		end cable "${how%:*}"
		is "status after $how" "$(exit_status cable)" "${how#*:}"
		not test -e cable.pidfile
		wait_for 3 not alive "$child"
	done
}
check 'signals: nothing left, and the command told' signals
daemon() {
	"$PLUG" -d -p d.pid east west
	[ -s d.pid ] || fail 'no pid file when it returned'
	plugs_on east 1
	plugs_on west 1
	complains 1 "d.pid" -d -p d.pid east west
	alive "$(cat d.pid)"
	lan "vde://$T/west"
	kill "$(cat d.pid)"
	wait_for 3 not test -e d.pid
	wait_for 3 plugs_on east 0
}
check 'a daemon: there when its parent returns, gone with its pid file' daemon
daemon_command() {
	# Nobody waits for a daemon's command: the shell's substitution ends.
	is said "$("$PLUG" -d -p d.pid east = "$PLUG" west 2>&1)" ''
	wait_for 3 plugs_on west 1
	lan "vde://$T/west"
	kill "$(cat d.pid)"
	nobody_on west
	wait_for 3 plugs_on east 0
}
check 'a daemon with a command' daemon_command

# killed FORM...: when switch "there" is killed, it ends with status 0 and says why.
killed() {
	switch_start there
	spawn cable "$@"
	wait_for 3 plugs_on there 1
	end there KILL
	ended cable
	is status "$(exit_status cable)" 0
	grep "there.*closed the connection" cable.log
}
killed_forms() {
	killed "$PLUG" there
	killed "$PLUG" there east
	killed "$PLUG" east there
	killed "$PLUG" there = sleep 1000
}
check 'the end of a switch is its end, with status 0' killed_forms

# comes_back FORM...: and with --reconnect it waits for the next one.
comes_back() {
	switch_start there
	spawn cable "$@"
	wait_for 3 plugs_on there 1
	wait_for 3 plugs_on east 1
	lan "vde://$T/there"
	end there
	wait_for 3 grep "there.* is gone" cable.log
	# Frames into the void, more than any queue has room for.
	frames east <<-END
	plug a b
	send a to all size 1514 times 2000
	learned
	send a to b
	expect b
	END
	sleep 1
	switch_start there
	wait_for 5 plugs_on there 1
	wait_for 3 grep "there.* is back" cable.log
	lan "vde://$T/there"
	is_running cable
	end cable
	is status "$(exit_status cable)" 0
	end there
	wait_for 3 plugs_on east 0
}
reconnect() {
	comes_back "$PLUG" --reconnect=1 there east
	comes_back "$PLUG" --reconnect=1 east there
	comes_back dpipe "$PLUG" --reconnect=1 there = vde_plug east
}
check 'with --reconnect it finds the switch again' reconnect
reconnect_daemon() {
	switch_start there
	"$PLUG" -d -p d.pid --reconnect=1 there vde://east
	end there
	switch_start there
	wait_for 5 plugs_on there 1
	lan "vde://$T/there"
	kill "$(cat d.pid)"
	wait_for 3 plugs_on east 0
	end there
}
check 'also a daemon that was told relative paths' reconnect_daemon

# Somebody listens in the switch's place and never answers.
silent() {
	switch_start there
	spawn cable "$PLUG" --reconnect=1 there east
	wait_for 3 plugs_on there 1
	end there
	wait_for 5 grep "there.* is gone" cable.log
	mkdir there
	spawn mute socat UNIX-LISTEN:there/ctl,fork EXEC:'sleep 1000'
	wait_for 5 connected_to mute
	kill -USR1 "$(pid_of cable)"
	wait_for 3 grep 'frames taken' cable.log
	end cable
	is status "$(exit_status cable)" 0
	end mute
	rm -rf there
	wait_for 3 plugs_on east 0
}
# It has forked for a connection.
connected_to() {
	[ -n "$(ps -o pid= --ppid "$(pid_of "$1")")" ]
}
if command -v socat >/dev/null; then
	check 'a switch that does not answer holds up nothing' silent
else
	skip 'a switch that does not answer holds up nothing' 'no socat here'
fi

command_again() {
	spawn cable "$PLUG" --reconnect=1 east = sh -c "echo run >>runs; exec '$PLUG' west"
	wait_for 3 plugs_on west 1
	lan "vde://$T/west"
	kill "$(ps -o pid= --ppid "$(pid_of cable)")"
	wait_for 3 test -s runs
	wait_for 3 grep 'starting it again' cable.log
	wait_for 3 plugs_on west 1
	lan "vde://$T/west"
	is runs "$(wc -l <runs)" 2
	end cable
	nobody_on west
	wait_for 3 plugs_on east 0
}
check 'with --reconnect a command is started again' command_again

# The stream, byte by byte.

# bytes N C: N times the character C.
bytes() {
	awk -v n="$1" -v c="$2" 'BEGIN { while (n--) printf "%s", c }'
}
# size N: two bytes, the more significant one first.
size() {
	printf '%b' "$(printf '\\0%03o\\0%03o' $(($1 / 256)) $(($1 % 256)))"
}
# frame N: a broadcast of N bytes with its size in front.
frame() {
	size "$1"
	printf '\377\377\377\377\377\377\002\000\000\000\000\001\210\265'
	bytes $(($1 - 14)) x
}
# sizes FILE: of the frames in a stream, "cut" if it ends within one.
sizes() {
	od -An -v -t u1 -w1 "$1" | awk '
		need { need--; next }
		!half { high = $1; half = 1; next }
		{ need = high * 256 + $1; half = 0; printf "%s%d", sep, need; sep = " " }
		END { print (need || half) ? " cut" : "" }'
}
# through DIR INPUT: what others on switch DIR see of a stream, by vde_plug.
through() {
	rm -f seen
	spawn seer sh -c "exec vde_plug '$1' >seen"
	wait_for 3 plugs_on "$1" 1
	rc=0
	# A switch may forget what a client that goes away has sent last.
	{ cat "$2"; sleep 0.2; } | timeout 5 "$PLUG" "$1" >out 2>err || rc=$?
	# Good frames behind whatever came before.
	{ frame 70; frame 71; sleep 0.2; } | "$PLUG" "$1"
	wait_for 3 saw 71
	end seer
	nobody_on "$1"
}
saw() {
	[ "$(sizes seen | awk '{ print $NF }')" = "$1" ]
}
hostile() {
	{
		frame 60
		size 0
		frame 61
		size 1; printf x
		frame 62
		size 13; bytes 13 y
		frame 14
		frame 1514
		frame 63
	} >in
	through east in
	is status $rc 0
	is sizes "$(sizes seen)" '60 61 62 14 1514 63 70 71'
	grep 'standard input and output: 6 frames taken (3 no frames)' err
}
check 'lengths of 0, 1 and 13 bytes are no frames, and harm none' hostile
longest() {
	{ frame 60; frame 65535; frame 61; } >in
	through east in
	# What vde_plug makes of it.
	is sizes "$(sizes seen)" '60 9234 61 70 71'
	spawn big sh -c "exec '$PLUG' --max-frame 65535 east >seen"
	wait_for 3 plugs_on east 1
	{ cat in; sleep 0.2; } | "$PLUG" east
	wait_for 3 saw 61
	is sizes "$(sizes seen)" '60 65535 61'
	end big
	wait_for 3 plugs_on east 0
}
check 'a frame of 65535 bytes passes whole' longest
partial() {
	{ frame 60; frame 100 | head -c 50; } >in
	through east in
	is status $rc 0
	is sizes "$(sizes seen)" '60 70 71'
	grep 'in the middle of a frame' err
	{ frame 60; printf '\001'; } >in
	through east in
	is sizes "$(sizes seen)" '60 70 71'
}
check 'the end in the middle of a frame' partial
bit_by_bit() {
	{ frame 60; frame 1514; frame 61; } >in
	{
		head -c 1 in; sleep 0.1
		tail -c +2 in | head -c 2; sleep 0.1
		tail -c +4 in | head -c 100; sleep 0.1
		tail -c +104 in; sleep 0.2
	} | {
		spawn seer sh -c "exec vde_plug east >seen"
		wait_for 3 plugs_on east 1
		"$PLUG" east
	}
	wait_for 3 saw 61
	is sizes "$(sizes seen)" '60 1514 61'
	end seer
	wait_for 3 plugs_on east 0
}
check 'a stream that comes in pieces' bit_by_bit
garbage() {
	head -c 3000000 /dev/urandom >in
	through west in
	is status $rc 0
	console east showinfo | grep '^1000'
}
check 'garbage' garbage

# Longer than vde_plug takes: dropped by ours, or its stream would be torn.
too_long() {
	spawn cable dpipe "$PLUG" east = vde_plug -D far west
	wait_for 3 plugs_on east 1
	wait_for 3 plugs_on west 1
	frames east <<-END
	plug a b
	plug c at vde://$T/west
	send a to all size 9235
	expect b
	send a to all size 1000
	expect b c
	send a to all size 30000 times 3
	learned
	send a to all
	expect b c
	END
	end cable
	nobody_on west
}
check 'frames longer than vde_plug takes are dropped, others pass' too_long
jumbo() {
	switch_start there
	spawn cable dpipe "$PLUG" --max-frame 65535 east = "$PLUG" --max-frame 65535 there
	wait_for 3 plugs_on there 1
	frames east <<-END
	plug a b
	plug c at vde://$T/there
	send a to all size 65535
	expect b c
	send c to a size 30000
	expect a
	END
	end cable
	end there
	wait_for 3 plugs_on east 0
}
check 'and between two of ours they pass, up to 65535 bytes' jumbo

# Nothing is lost from socket to stream to socket, however slow the last one is.
no_loss() {
	passes_all 1 '-c 200000 -s 64' "$PLUG" "ptp://$T/p1" = "$PLUG" "ptp://$T/q1"
	passes_all 2 '-c 50000 -s 1514' "$PLUG" "ptp://$T/p2" = vde_plug "ptp://$T/q2"
	passes_all 3 '-c 5000 -d 100 -s 9000 -q 2000' \
		"$PLUG" "ptp://$T/p3" = "$PLUG" "ptp://$T/q3"
}
# passes_all N OPTIONS COMMAND...: from ptp://pN to ptp://qN; a name is good for once.
passes_all() {
	n=$1
	load_options=$2
	shift 2
	spawn cable "$@"
	wait_for 3 test -S "$T/p$n" -o -S "$T/p$n+"
	wait_for 3 test -S "$T/q$n" -o -S "$T/q$n+"
	"$LOAD" -N $load_options "ptp://$T/p$n" "ptp://$T/q$n"
	end cable
}
check 'no frame is lost between two ends that work, fast or slow' no_loss
no_loss_vnl() {
	passes_all 4 '-c 200000 -s 64' "$PLUG" "ptp://$T/p4" "ptp://$T/q4"
	passes_all 5 '-c 5000 -d 100 -s 1514 -q 2000' "$PLUG" "ptp://$T/p5" "ptp://$T/q5"
}
check 'nor between two VNLs' no_loss_vnl

# Who does not read its stream costs nobody anything, and gets whole frames after.
slow_reader() {
	spawn slow sh -c "'$PLUG' east | { sleep 2; exec cat >seen; }"
	wait_for 3 plugs_on east 1
	frames east <<-END
	plug a b
	send a to all size 1514 times 1000
	learned
	send a to b
	expect b
	END
	kb=$(awk '/VmRSS/ { print $2 }' "/proc/$(pgrep -f "^$PLUG east\$" | head -n 1)/status")
	[ "$kb" -lt 20000 ] || fail "$kb KiB"
	sleep 2.5
	frames east <<-END
	plug a b
	send a to all size 777
	expect b
	END
	wait_for 3 test -s seen
	sleep 0.3
	end slow
	wait_for 3 plugs_on east 0
	sizes seen | tr ' ' '\n' | sort | uniq -c | sort -rn >count
	cat count
	not grep cut count
	grep ' 777$' count
	[ "$(awk '$2 == 1514 { print $1 }' count)" -gt 100 ]
	# Whatever else was seen is framecheck's fences.
	is 'sizes' "$(awk '{ print $2 }' count | sort | xargs)" '1514 60 777'
}
check 'a reader that stops gets whole frames after' slow_reader

# Taps.

in_ns() {
	nsenter -t "$(pid_of "$1")" -n -- busybox "$2" "$3" "$4" "$5" "$6" "$7" "$8"
}
# host NAME ADDRESS COMMAND...: a network namespace with tap0, which COMMAND makes.
host() {
	name=$1
	addr=$2
	shift 2
	spawn "$name" unshare -n sleep 1000
	wait_for 3 other_ns "$name"
	spawn "$name.plug" nsenter -t "$(pid_of "$name")" -n -- "$@"
	wait_for 3 nsenter -t "$(pid_of "$name")" -n -- ip link show tap0
	nsenter -t "$(pid_of "$name")" -n -- ip addr add "$addr/24" dev tap0
	nsenter -t "$(pid_of "$name")" -n -- ip link set tap0 mtu 9000 up
}
other_ns() {
	[ "$(readlink "/proc/$(pid_of "$1")/ns/net")" != "$(readlink /proc/$$/ns/net)" ]
}
ping_from() {
	nsenter -t "$(pid_of "$1")" -n -- busybox ping -c 3 -i 0.1 -w 5 -s "${3:-56}" "$2"
}
taps() {
	host h1 10.9.0.1 "$PLUG" --tap tap0 "$T/east"
	host h2 10.9.0.2 vde_plug2tap -s "$T/east" tap0
	host h3 10.9.0.3 "$T/names/vde_plug2tap" -s "$T/east" -p 5 -m 0700 tap0
	port_of east 5 'vde_plug2tap user='
	ping_from h1 10.9.0.2
	ping_from h2 10.9.0.1 1472
	ping_from h3 10.9.0.1
	ping_from h3 10.9.0.1 8000
}
tap_deleted() {
	nsenter -t "$(pid_of h1)" -n -- ip link del tap0
	ended h1.plug
	is status "$(exit_status h1.plug)" 1
	grep 'tap0' h1.plug.log
}
tap_stream() {
	host h4 10.9.0.4 "$T/names/vde_plug2tap" -s - tap0
	end h4.plug
	spawn h4.plug nsenter -t "$(pid_of h4)" -n -- \
		dpipe vde_plug "$T/east" = "$PLUG" --tap tap0 -
	wait_for 3 nsenter -t "$(pid_of h4)" -n -- ip link show tap0
	nsenter -t "$(pid_of h4)" -n -- ip addr add 10.9.0.4/24 dev tap0
	nsenter -t "$(pid_of h4)" -n -- ip link set tap0 up
	ping_from h4 10.9.0.2
	end h4.plug
	spawn h4.plug nsenter -t "$(pid_of h4)" -n -- \
		"$PLUG" --tap tap0 = vde_plug "$T/east"
	wait_for 3 nsenter -t "$(pid_of h4)" -n -- ip link show tap0
	nsenter -t "$(pid_of h4)" -n -- ip addr add 10.9.0.4/24 dev tap0
	nsenter -t "$(pid_of h4)" -n -- ip link set tap0 up
	ping_from h4 10.9.0.2
}
tap_daemon() {
	end h4.plug
	nsenter -t "$(pid_of h4)" -n -- "$T/names/vde_plug2tap" -d -P tap.pid -s east tap0
	[ -s tap.pid ]
	nsenter -t "$(pid_of h4)" -n -- ip addr add 10.9.0.4/24 dev tap0
	nsenter -t "$(pid_of h4)" -n -- ip link set tap0 up
	ping_from h4 10.9.0.2
	kill "$(cat tap.pid)"
	wait_for 3 not test -e tap.pid
}
if [ "$(id -u)" -eq 0 ] && command -v ip >/dev/null && command -v busybox >/dev/null &&
   command -v vde_plug2tap >/dev/null && [ -c /dev/net/tun ] && unshare -n true 2>/dev/null; then
	check '--tap beside vde_plug2tap, and by its name' taps
	check 'a tap that is deleted ends it, with status 1' tap_deleted
	check 'a tap at a stream, and at a command' tap_stream
	check 'a tap in the background' tap_daemon
	for name in h1 h2 h3 h4; do
		is_running $name.plug && end $name.plug
		is_running $name && end $name
	done
	wait_for 3 plugs_on east 0
else
	for text in '--tap beside vde_plug2tap, and by its name' \
		'a tap that is deleted ends it, with status 1' \
		'a tap at a stream, and at a command' 'a tap in the background'; do
		skip "$text" 'only root, with ip and busybox'
	done
fi

# Login shells and syslog, in a /dev of their own.

cat >login.sh <<'END'
set -e
mount -t tmpfs none /dev
mknod -m 666 /dev/null c 1 3
socat -u UNIX-RECV:/dev/log CREATE:syslog &
while [ ! -S /dev/log ]; do sleep 0.05; done
export SSH_CLIENT='10.1.2.3 4 5' HOME="$PWD/home"
status() {
	rc=0
	"$@" <in >out 2>>err || rc=$?
	echo "$rc" >>status
}
status "$PLUG" -c vde_plug
status "$PLUG" -c lanbox-plug
status "$PLUG" -c 'vde_plug east'
status "$PLUG" -c 'vde_plug; id'
status "$PLUG" -c ls
status "$PLUG" -c ''
status "$PLUG" -c vde_plug --tap tap0
PATH=$PWD/names:$PATH
status -sh
status "$PLUG" -L east
status "$PLUG" -l east
sleep 0.3
kill $!
END
login() {
	rm -f status err syslog
	ln -sf "$PLUG" names/-sh
	mkdir -p home/.vde2
	ln -sfn "$T/east" home/.vde2/default.switch
	{
		frame 60
		# IPv4 from 10.0.0.2, twice; IPv6 from fe80::5 on VLAN 7.
		for _ in 1 2; do
			size 60
			printf '\377\377\377\377\377\377\2\0\0\0\0\1\10\0E\0\0\50\0\0\0\0\100\21\0\0'
			printf '\12\0\0\2\12\0\0\11'
			bytes 26 z
		done
		size 64
		printf '\377\377\377\377\377\377\2\0\0\0\0\1\201\0\0\7\206\335\140\0\0\0\0\0\73\100'
		printf '\376\200\0\0\0\0\0\0\0\0\0\0\0\0\0\5\377\2\0\0\0\0\0\0\0\0\0\0\0\0\0\1'
		bytes 6 z
	} >in
	PLUG=$PLUG unshare -m sh login.sh
	cat err
	tr -d '\0' <syslog | sed 's/<[0-9]*>/\n/g' >lines
	cat lines
	is status "$(xargs <status)" '0 0 255 255 255 255 255 255 0 0'
	is 'refused' "$(grep -c 'no login shell' err)" 6
	who="user $(id -un) IP 10.1.2.3"
	is failed "$(grep -c "FAILED: $who" lines)" 6
	is start "$(grep -c "START: $who" lines)" 4
	is stop "$(grep -c "STOP: $who" lines)" 4
	is addresses "$(grep -c 'has got VDE-IP' lines)" 2
	grep 'Real-IP 10.1.2.3 has got VDE-IP4 10.0.0.2 on vlan 0' lines
	grep 'Real-IP 10.1.2.3 has got VDE-IP6 fe80::5 on vlan 7' lines
}
text='a login shell for nothing but the plug; what syslog hears'
if [ "$(id -u)" -eq 0 ] && command -v socat >/dev/null && unshare -m true 2>/dev/null; then
	check "$text" login
else
	skip "$text" 'only root, with socat'
fi

is_idle() {
	spawn cable "$PLUG" east west
	wait_for 3 plugs_on west 1
	before=$(awk '{ print $14 + $15 }' "/proc/$(pid_of cable)/stat")
	sleep 1
	used=$(($(awk '{ print $14 + $15 }' "/proc/$(pid_of cable)/stat") - before))
	[ $used -le 2 ] || fail "$used ticks in a second without frames"
	end cable
}
check 'a cable without frames costs nothing' is_idle

done_testing
