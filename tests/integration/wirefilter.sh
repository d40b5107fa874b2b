# SPDX-License-Identifier: BSD-2-Clause
# wirefilter.sh - lanbox-wirefilter in place of wirefilter
#
# The same commands and the same frames go through ours and, if it is here, through
# VDE's own; texts must be equal, and what was measured alike. WIRE names another
# program to test.
. "${top_srcdir:?}/tests/integration/lib.sh"

WIRE=${WIRE:-$top_builddir/lanbox-wirefilter}
CHECK=$top_builddir/tests/integration/wirecheck
THEIRS=$(command -v wirefilter || :)

cd "$T" || exit 99

# beside DESCRIPTION COMMAND...: a check that needs the original.
beside() {
	if [ -n "$THEIRS" ]; then
		check "$@"
	else
		skip "$1" 'no wirefilter here'
	fi
}

# joins DESCRIPTION COMMAND...: one that needs switches, by libvdeplug. It loads its
# modules in a way that AddressSanitizer does not bear.
if grep -q __asan_init "$WIRE"; then
	joins() { skip "$1" 'libvdeplug and AddressSanitizer exclude each other'; }
	joins_beside() { joins "$@"; }
else
	joins() { check "$@"; }
	joins_beside() { beside "$@"; }
fi

# The console.

# wire_start NAME COMMAND...: a wire one way, and its console NAME.mgmt.
wire_start() {
	rm -f "$1.mgmt"
	name=$1
	shift
	spawn "$name" sh -c '"$0" "$@" | cat >/dev/null' "$@" -M "$T/$name.mgmt"
	wait_for 5 console_answers "$name"
}
console_answers() {
	"$TALK" -p 'VDEwf$' "$T/$1.mgmt"
}
# tell NAME TEXT...: what its console says to these, one by one.
tell() {
	mgmt=$T/$1.mgmt
	shift
	"$TALK" -p 'VDEwf$' -1 "$mgmt" "$@"
}
# status NAME COMMAND: the status line.
status() {
	tell "$1" "$2\\n" | sed 's/^VDEwf\$ //' | grep -E '^1[0-9][0-9][0-9] ' | tail -n 1
}
shut() {
	"$TALK" -p 'VDEwf$' "$T/$1.mgmt" 'shutdown\n' >/dev/null
	ended "$1"
}

# same_in NAME: what both said, in NAME.ours and NAME.theirs, is equal but for what
# ours says more.
same_in() {
	more='^(Queue limit: |Dropped packets: |counters |queue )'
	grep -a -v -E "$more" "$1.theirs" >"$1.theirs.same"
	grep -a -v -E "$more" "$1.ours" >"$1.ours.same"
	diff -a -u "$1.theirs.same" "$1.ours.same"
}

# A line of commands each; those that are an error in ours alone are not among them.
cat >commands <<'END'
showinfo
help
nonsense
# a comment
loss 10
loss LR20.5
loss RL 30
loss 1.5e1
lostburst 4
lostburst LR 3+1N
delay 100+50N
delay RL7.5
dup 5
dup LR1+1
bandwidth 128K
band RL128+64KN
bandwidth LR1.5G
speed 2M
speed RL100000
noise 3
noise LR 5+2U
mtu 1500
mtu RL 9000
chanbufsize 10000
capacity LR64K
fifo 0
showinfo
fifo 1
showinfo 0
showinfo 1
loss 3[0]
loss 3[1]
markov-numnodes
markov-numnodes 0
markov-numnodes 3
markov-time 1000000
markov-time 0
markov-time -1
markov-time 500000.5
showcurrent
showedges
showedges 2
showedges 3
markov-name 1,cloudy
markov-name 2,with a storm
markov-name 3,nowhere
setedge 0,1,10
setedge 0,2,30.5
setedge 1, 0, 50
setedge 0,0,7
setedge 0,3,5
setedge 0 1 10
showedges
showedges 0
showedges 1
loss 5[2]
delay LR 7+1N[1]
mtu RL900[2]
mtu 800[3]
showinfo
showinfo 1
showinfo 2
markov-setnode 2
markov-setnode 5
showcurrent
showinfo
delay 77
showinfo 2
markov-debug
markov-debug 1
markov-debug 0
setedge 0,1,0
markov-numnodes 2
showcurrent
showedges 0
markov-numnodes 1
showcurrent
showinfo
load /nonexistent
   showcurrent   
showcurrent1
END

# transcript NAME OUTPUT: of all commands.
transcript() {
	set --
	while IFS= read -r line; do
		set -- "$@" "$line\\n"
	done <commands
	tell "$name" "$@"
}
same_words() {
	wire_start ours "$WIRE"
	wire_start theirs "$THEIRS"
	name=ours transcript >said.ours
	name=theirs transcript >said.theirs
	shut ours
	shut theirs
	[ "$(grep -c '1000 Success$' said.ours)" -gt 40 ]
	same_in said
}
beside 'one way: the words of the original, from the banner on' same_words

east_west() {
	switch_start east
	switch_start west
}
east_west
plugs_on() {
	[ "$(console "$1" port/print | grep -c 'endpoint ID')" -eq "$2" ]
}

# cable_start NAME COMMAND...: a wire between east and west, and its console.
cable_start() {
	name=$1
	rm -f "$name.mgmt"
	shift
	spawn "$name" "$@" -M "$T/$name.mgmt"
	wait_for 5 console_answers "$name"
}
same_words_both() {
	cable_start ours "$WIRE" -v east:west
	cable_start theirs "$THEIRS" -v east:west
	name=ours transcript >said.ours
	name=theirs transcript >said.theirs
	shut ours
	shut theirs
	grep -q 'L->R' said.ours
	same_in said
}
joins_beside 'both ways: the words of the original' same_words_both

loads() {
	printf '%s\n' '# a comment' 'loss 42' nonsense 'delay LR 3+2N' showinfo >script
	wire_start ours "$WIRE"
	wire_start theirs "$THEIRS"
	# There is a prompt for each line of the file.
	for who in ours theirs; do
		"$TALK" -p 'VDEwf$' -n 6 "$T/$who.mgmt" "load $T/script\\n" >said.$who
		tell $who 'showinfo\n' >>said.$who
		shut $who
	done
	grep -q '(.*script) showinfo' said.ours
	same_in said
}
beside 'load: the words of the original' loads

# As the scripts that drive consoles do it.
wire_start wire "$WIRE"

many_in_one() {
	text=
	i=0
	while [ $i -lt 200 ]; do
		text="${text}loss $i.5\\nshowcurrent\\n"
		i=$((i + 2))
	done
	"$TALK" -p 'VDEwf$' "$T/wire.mgmt" "$text" >out
	# Of the losses, those up to 98.5 %.
	is successes "$(grep -c '1000 Success$' out)" 150
	is refusals "$(grep -c '1022 Invalid argument$' out)" 50
}
check '200 commands in one write' many_in_one

in_pieces() {
	"$TALK" -p 'VDEwf$' -g 5 "$T/wire.mgmt" l o 'ss 1' '7\nsho' 'winfo\n' >out
	is answers "$(grep -c '1000 Success$' out)" 2
	grep -qx 'Loss   17+0U' out
}
check 'commands in five writes' in_pieces

odd_lines() {
	"$TALK" -p 'VDEwf$' "$T/wire.mgmt" 'showcurrent\r\nloss 3 \r\n' >out
	is 'with two characters at the end' "$(grep -c '1000 Success$' out)" 2
	"$TALK" -p 'VDEwf$' -n 1 "$T/wire.mgmt" showcurrent >out
	is 'without an end' "$(grep -c '1000 Success$' out)" 1
	for n in 127 128 129 4095 4096 4097 100000; do
		"$TALK" -p 'VDEwf$' "$T/wire.mgmt" "$(printf "%0${n}d" 0)\\nloss 1\\n" >out ||
			fail "$n bytes"
		sed 's/^VDEwf\$ //' out | grep '^1[0-9][0-9][0-9] ' >words
		is statuses "$(grep -c '' words)" 2
		grep -q '^1000 ' words || fail "after $n bytes"
	done
}
check 'lines with other ends, without one, and of up to 100000 bytes' odd_lines

noise_at_console() {
	head -c 100000 /dev/urandom >noise
	socat -t 1 -u FILE:noise "UNIX-CONNECT:$T/wire.mgmt" || :
	is 'after noise' "$(status wire showcurrent)" '1000 Success'
	printf 'showcurrent\n' | socat -t 2 - "UNIX-CONNECT:$T/wire.mgmt" >out
	grep -q '1000 Success$' out
}
if command -v socat >/dev/null; then
	check '100000 bytes of noise, and a client that closes its half' noise_at_console
else
	skip '100000 bytes of noise, and a client that closes its half' 'no socat here'
fi

slow_reader() {
	spawn slow "$TALK" -p 'VDEwf$' -s -g 1000 "$T/wire.mgmt" \
		"$(yes 'help\n' | head -n 300 | tr -d '\n')"
	is 'beside it' "$(status wire showcurrent)" '1000 Success'
	ended slow
	is answers "$(grep -c '1000 Success$' slow.log)" 300
}
check 'who reads late gets all' slow_reader

many_consoles() {
	n=0
	# One more than are let in.
	while [ $n -lt 65 ]; do
		spawn "con$n" "$TALK" -p 'VDEwf$' -n 1 -g 10000 "$T/wire.mgmt" '\n'
		n=$((n + 1))
	done
	while [ $n -gt 0 ]; do
		n=$((n - 1))
		end "con$n" KILL || :
	done
	is 'after them' "$(status wire showcurrent)" '1000 Success'
}
check 'sixty-five at the console at once' many_consoles

logout() {
	"$TALK" -p 'VDEwf$' "$T/wire.mgmt" 'logout\n' >out
	is 'the end' "$(tail -n 1 out)" 'VDEwf$ 9999 END OF SESSION'
	is 'another one' "$(status wire showcurrent)" '1000 Success'
}
check 'logout says so, and ends the session only' logout

vdecmd() {
	script=/usr/share/doc/vde2/examples/vdecmd
	unixcmd -s "$T/wire.mgmt" -f $script showcurrent >out || :
	tr -d '\000' <out | grep -F 'Current Markov Node 0 "" (0,..,0)'
	unixcmd -s "$T/wire.mgmt" -f $script loss 77 >out || :
	tell wire 'showinfo\n' | grep -x 'Loss   77+0U'
}
if command -v unixcmd >/dev/null && [ -e /usr/share/doc/vde2/examples/vdecmd ]; then
	check 'the vdecmd script gets its answers' vdecmd
else
	skip 'the vdecmd script gets its answers' 'no unixcmd here'
fi

vdeterm() {
	{ sleep 1; printf 'showcurr\t'; sleep 0.5; printf '\n'; sleep 1; printf 'logout\n'; sleep 1; } |
		timeout 10 script -qec "vdeterm $T/wire.mgmt" /dev/null >out
	cat out
	grep -a 'Current Markov Node 0' out
}
if command -v vdeterm >/dev/null && command -v script >/dev/null; then
	check 'vdeterm: completion from our help, and an answer' vdeterm
else
	skip 'vdeterm: completion from our help, and an answer' 'no vdeterm here'
fi

shutdown() {
	"$TALK" -p 'VDEwf$' "$T/wire.mgmt" 'shutdown\n' >out
	is 'the end' "$(tail -n 1 out)" 'VDEwf$ 9999 END OF SESSION'
	ended wire
	not test -e wire.mgmt
}
check 'shutdown says so, ends all, and leaves no socket' shutdown

modes() {
	wire_start wire "$WIRE"
	is mode "$(stat -c %a wire.mgmt)" 700
	# A live one is left alone, what is left of a dead one is not.
	rc=0
	"$WIRE" -M wire.mgmt 2>err </dev/null | cat || :
	sleep 1000 | timeout 5 "$WIRE" -M "$T/wire.mgmt" 2>err | cat &
	wait_for 3 grep "console '$T/wire.mgmt': Address already in use" err
	is 'the first one' "$(status wire showcurrent)" '1000 Success'
	pkill_child=$(ps -o pid= --ppid "$(pid_of wire)" | head -n 1)
	kill -KILL $pkill_child
	ended wire
	[ -S wire.mgmt ]
	spawn wire sh -c '"$0" "$@" | cat >/dev/null' "$WIRE" -M wire.mgmt --mgmtmode 660
	wait_for 5 console_answers wire
	is mode "$(stat -c %a wire.mgmt)" 660
	shut wire
}
check 'modes of the socket, a live one and a dead one' modes

foreign_load() {
	echo secret >secret
	chmod 600 secret
	wire_start wire "$WIRE" --mgmtmode 666
	as 65534 "$TALK" -p 'VDEwf$' "$T/wire.mgmt" "load $T/secret\\n" >out
	not grep secret out
	grep -q '^1013 Permission denied' out
	for file in "$T" /dev/zero "$T/nowhere"; do
		case $(status wire "load $file") in
		1021*|1022*|1002*) ;;
		*) fail "$file" ;;
		esac
	done
	echo 'load loop' >loop
	# There is a prompt for each line.
	"$TALK" -p 'VDEwf$' -n 9 "$T/wire.mgmt" 'load loop\n' >out
	is 'too deep' "$(grep -c '^1040 ' out)" 1
	shut wire
}
if two_users; then
	check 'files are read for our own user only, and only files' foreign_load
else
	skip 'files are read for our own user only, and only files' 'only one user here'
fi

debug() {
	wire_start wire "$WIRE"
	tell wire 'markov-numnodes 2\n' 'markov-name 1,rain\n' 'markov-time 50\n' \
		'setedge 0,1,100\n' 'setedge 1,0,100\n' >/dev/null
	"$TALK" -p 'VDEwf$' -g 1000 -n 2 "$T/wire.mgmt" 'markov-debug 1\n' 'markov-debug\n' >out
	sed -i 's/^VDEwf\$ //' out
	grep -x '3801 Node 0 "" -> 1 "rain"' out
	grep -x '3800 Node 1 "rain" -> 0 ""' out
	# Every 50 ms, for one second, whatever the machine is busy with.
	n=$(grep -c '^38' out)
	[ "$n" -ge 10 ] && [ "$n" -le 30 ] || fail "$n steps"
	# And no more when told so.
	"$TALK" -p 'VDEwf$' -g 300 -n 3 "$T/wire.mgmt" 'markov-debug 1\n' 'markov-debug\n' \
		'showcurrent\n' >out
	sed -i 's/^VDEwf\$ //' out
	grep -q '^38' out
	not sh -c "sed '1,/1000 Success/d' out | sed '1,/1000 Success/d' | grep '^38'"
	shut wire
}
check 'markov-debug tells of each step' debug

# Options.

rcfile() {
	cat >rc <<-'END'
	# weather
	loss 11
	nonsense
	delay 5[3]
	markov-numnodes 2
	loss LR 22[1]
	END
	wire_start wire "$WIRE" -f rc -l 33
	tell wire 'showinfo 0\n' 'showinfo 1\n' >out
	is losses "$(grep '^Loss' out)" 'Loss   11+0U
Loss   22+0U'
	grep "rc:3: 'nonsense': there is no such command" wire.log
	grep "rc:4: 'delay 5\[3\]': Invalid argument" wire.log
	is complaints "$(grep -c 'rc:' wire.log)" 2
	shut wire
	wire_start wire "$WIRE" -f nowhere
	grep "rc file 'nowhere': No such file" wire.log
	shut wire
}
check 'a file of commands; what is wrong in it is named by its line' rcfile

spellings() {
	wire_start wire "$WIRE" -loss 1 --lostburst=2 -d 3 -dup 4 -b LR5 -speed 6K -c 7 \
		--noi 8 -mtu 9 -N
	tell wire 'showinfo\n' >short
	shut wire
	wire_start wire "$WIRE" -l1 -L2 --delay 3 -D4 --band LR5 -s 6144 --capacity 7 -n 8 \
		-m 9 --nofifo
	tell wire 'showinfo\n' >long
	shut wire
	diff -u short long
	is values "$(awk '/^(Loss|Lburst|Delay|Dup|Bandw|Speed|Noise|MTU|Cap)/ { print $2 }
		/^Fifoness/ { print $2 }' short | tr '\n' ' ')" \
		'1+0U 2+0U 3+0U 4+0U 5+0U 6144+0U 8+0U 9 7+0U FALSE '
	if [ -n "$THEIRS" ]; then
		wire_start theirs "$THEIRS" -loss 1 --lostburst=2 -d 3 -dup 4 -b LR5 -speed 6K \
			-c 7 --noi 8 -mtu 9 -N
		tell theirs 'showinfo\n' >said.theirs
		shut theirs
		cp short said.ours
		same_in said
	fi
}
check 'options in all spellings' spellings

# complains OBJECT OPTION...: one line, which names OBJECT.
complains() {
	object=$1
	shift
	{
		rc=0
		sleep 0.1 | timeout 5 "$WIRE" "$@" 2>err || rc=$?
		echo $rc >status
	} | cat >/dev/null
	cat err
	is "status of $*" "$(cat status)" 1
	is lines "$(wc -l <err)" 1
	grep -q -F -e "$object" err || fail "does not name $object"
}
refusals() {
	for option in loss lostburst delay dup band speed chanbufsize noise mtu; do
		complains "--$option '5x'" --$option 5x
		complains "--$option '-5'" --$option -5
		complains "--$option '5[1]'" --$option '5[1]'
	done
	complains "--loss '101'" -l 101
	complains "--mtu '1500+1'" -m 1500+1
	complains -bogus --bogus
	complains "'a'" a b c
	complains "'a'" a
	complains "--vde-plug 'east'" -v east
	complains "'a:b:c'" -v a:b:c
	complains "'8x'" --mgmtmode 8x
	complains "'no-such-group'" --mgmtgroup no-such-group
	complains "'0'" --queue 0
	complains "'65536'" --max-frame 65536
	complains "'x'" --fixed-seed x
	complains "no/such/mgmt'" -M no/such/mgmt
	complains "'no/such/pid'" --pidfile no/such/pid
	complains '--daemon' --daemon
	rc=0
	"$WIRE" </dev/null >out 2>err || rc=$?
	is 'status without a pipe' $rc 1
	grep 'standard input is no pipe' err
	ALTERNATE_STDIN=x complains "ALTERNATE_STDIN='x'"
	ALTERNATE_STDIN=99 ALTERNATE_STDOUT=98 complains ALTERNATE_STDIN
}
check 'what is wrong is said once, by its name, with status 1' refusals

no_network() {
	complains "'no/such'" -v no/such:east
	complains "'no/such'" east no/such
	complains "'no/such'" --daemon east no/such
	wait_for 3 plugs_on east 0
}
joins 'a network that is not there' no_network

help() {
	rc=0
	"$WIRE" --help >out || rc=$?
	is status $rc 1
	grep -q -e --lostburst out
	"$WIRE" --version | grep lanbox
}
check 'help has the status of the original, 1' help

# Frames.

# frames_through WHO OUTPUT [OPTION OF WIRECHECK...] -- OPTION...
frames_through() {
	wire=$1
	output=$2
	shift 2
	"$CHECK" "$@" >"$output" 2>"$output.err" || { cat "$output.err"; return 1; }
}
# value FILE NAME
value() {
	awk -v name="$2" '$1 == name { print $2 }' "$1"
}
# values FILE NAME WANTED...
values() {
	file=$1
	shift
	while [ $# -gt 1 ]; do
		is "$1" "$(value "$file" "$1")" "$2"
		shift 2
	done
}
# between FILE NAME LOW HIGH
between() {
	awk -v name="$2" -v low="$3" -v high="$4" '
		$1 == name { x = $2; seen = 1 }
		END { exit !(seen && x + 0 >= low + 0 && x + 0 <= high + 0) }' "$1" ||
		fail "$2 is $(value "$1" "$2"), not from $3 to $4"
}

perfect() {
	"$CHECK" -n 20000 -s 18 -t 1514 "$WIRE" >out
	cat out
	values out received 20000 lost 0 copies 0 overtaken 0 damaged 0 longest 1514 exit 0
	"$CHECK" -b -n 20000 -s 18 -t 1514 "$WIRE" >out
	cat out
	values out received 20000 lost 0 overtaken 0 damaged 0 \
		back_received 20000 back_lost 0 back_overtaken 0 back_damaged 0 exit 0
}
check 'a perfect wire: every frame, unchanged and in order, one way and both' perfect

# both_measure [OPTION OF WIRECHECK...] OPTION...: into ours and, if it can be,
# theirs, at the same time. -- stands between.
both_measure() {
	check_options=
	while [ "$1" != -- ]; do
		check_options="$check_options $1"
		shift
	done
	shift
	# shellcheck disable=SC2086 # several words
	[ -z "$THEIRS" ] || "$CHECK" $check_options "$THEIRS" "$@" >theirs 2>err.theirs &
	theirs=$!
	# shellcheck disable=SC2086
	"$CHECK" $check_options "$WIRE" "$@" >ours 2>err
	wait $theirs
	sed 's/^/ours /' ours
	[ -z "$THEIRS" ] || sed 's/^/theirs /' theirs
}
# each NAME LOW HIGH [LOW]: in both; theirs may be early by rounding to milliseconds, and
# late by a tenth.
each() {
	between ours "$1" "$2" "$3"
	[ -z "$THEIRS" ] || between theirs "$1" "${4:-$2}" "$(($3 * 11 / 10))"
}

losses() {
	both_measure -n 20000 -- -l 20
	each lost 3700 4300
	each bursts 3000 3400
	both_measure -n 40000 -- -l 20 -L 5
	each lost 7000 9000
	each bursts 1400 1800
	both_measure -n 2000 -- -l 100
	each received 0 0
}
check 'loss, bursts of loss, loss of all' losses

dups() {
	both_measure -n 20000 -- -D 50
	each copies 18800 21200
	each lost 0 0
}
check 'copies' dups

noises() {
	both_measure -n 20000 -s 1000 -- -n 500
	# 500 * 20000 * 1000 / 2^20
	between ours bits 8900 10200
	each damaged 6000 14000
	each longest 1000 1000
	each received 20000 20000
}
check 'noise' noises

# Nothing is ever early; how late it is depends on what else the machine does. That the
# distributions are exact is for test-wire to show.
delays() {
	both_measure -n 200 -i 2000 -- -d 100
	each delay_min 100000 150000 98900
	each delay_p50 100000 200000 98900
	each overtaken 0 0
	both_measure -n 2000 -i 500 -- -d 100+50U -N
	each delay_min 50000 60000 48900
	each delay_mean 98000 200000
	each delay_p99 147000 2000000
	each overtaken 300 2000
	both_measure -n 2000 -i 500 -- -d 100+60N -N
	each delay_p1 48000 100000
	each delay_mean 98000 200000
	each delay_p99 139000 2000000
	both_measure -n 2000 -i 500 -- -d 100+50U
	each overtaken 0 0
	each delay_max 140000 2000000
}
check 'delays: fixed, uniform, normal; in order or not' delays

# sending: microseconds from our first frame to the last, whole ones. A wire that is full
# counts from the first, and the last one's delay from when it was sent.
sending() {
	awk '$1 == "send_s" { print int($2 * 1000000) + 1 }' ours
}

bands() {
	# A pipe has room for all of them, so nothing holds the sender up.
	both_measure -n 60 -s 1000 -- -b 200000
	each lost 0 0
	each delay_min 5000 100000 3900
	each delay_p50 145000 400000
	each delay_max $((300000 - $(sending))) 700000 298000
	both_measure -n 20 -s 1000 -- -b 200000 -d 100
	each delay_min 105000 200000 103900
	each delay_max $((200000 - $(sending))) 600000 198000
	both_measure -n 60 -s 1000 -- -b LR200000+100000N
	each delay_max 250000 700000
}
check 'bandwidth' bands

band_fast() {
	"$CHECK" -n 12500 -s 1000 "$WIRE" -b 12500000 >ours
	cat ours
	note "gaps, 80 us wanted: $(grep gap_p ours | tr '\n' ' ')"
	values ours lost 0 overtaken 0
	between ours rate 6000 13500
}
check '12500 frames of 1000 bytes at 100 Mbit/s' band_fast

# More than a pipe has room for: the sender has to wait.
speeds() {
	"$CHECK" -n 300 -s 1000 -k "$WIRE" -s 200000 >ours
	cat ours
	values ours lost 0
	between ours rate 120 210
	between ours send_s 0.3 3
	# The pipe is full of frames, each of which takes 5 ms.
	between ours delay_p50 300000 1000000
}
check 'speed: one after the other, and the sender waits' speeds

mtus() {
	"$CHECK" -n 2000 -s 100 -t 1600 "$WIRE" -m 1000 >ours
	values ours longest 1000 received 1400
	"$CHECK" -n 2 -s 65535 "$WIRE" --max-frame 65535 >ours
	values ours longest 65535 received 2 damaged 0
	"$CHECK" -n 2 -s 9234 -t 9235 "$WIRE" >ours
	values ours longest 9234 received 1
}
check 'mtu; frames of up to 65535 bytes if asked for, of 9234 else' mtus

capacities() {
	"$CHECK" -n 100 -s 1000 "$WIRE" -c 10000 -d 300 >ours
	values ours received 10
	"$CHECK" -n 100 -s 1000 "$WIRE" --queue 20K -d 300 >ours
	values ours received 20
	# Nothing waits, nothing is dropped.
	"$CHECK" -n 1000 -s 1000 "$WIRE" -c 1000 >ours
	values ours received 1000
}
check 'channel buffer, and our own bound' capacities

directions() {
	"$CHECK" -b -n 2000 "$WIRE" -l LR100 >out
	values out received 0 back_received 2000
	"$CHECK" -b -n 2000 "$WIRE" -l RL100 >out
	values out received 2000 back_received 0
	"$CHECK" -b -n 100 -i 1000 "$WIRE" -d LR30 -d RL90 >out
	cat out
	between out delay_min 30000 80000
	between out back_delay_min 90000 140000
}
check 'each direction has its own' directions

seeds() {
	for seed in 1 1 2; do
		"$CHECK" -n 2000 "$WIRE" -l 50 --fixed-seed $seed >out
		values out exit 0
		value out bursts
	done >bursts
	is 'the same seed' "$(sed -n 1p bursts)" "$(sed -n 2p bursts)"
	[ "$(sed -n 1p bursts)" != "$(sed -n 3p bursts)" ]
}
check 'the same seed, the same loss' seeds

markov() {
	cat >rc <<-'END'
	markov-numnodes 2
	loss 100[1]
	markov-time 20
	setedge 0,1,50
	setedge 1,0,50
	END
	both_measure -n 4000 -i 500 -- -f rc
	each lost 1000 3000
	each bursts 10 60
}
check 'a chain of good and bad times' markov

# stream COUNT SIZE: broadcast frames with their sizes in front.
stream() {
	awk -v n="$1" -v size="$2" 'BEGIN {
		for (i = 0; i < size - 14; i++)
			body = body "x"
		for (i = 0; i < n; i++)
			printf "%c%c\377\377\377\377\377\377\002%c%c%c%c%c\210\265%s", \
				int(size / 256) + 0, size % 256, 1, 1, 1, 1, 1, body
	}'
}
slow_sink() {
	printf '\003\350' >one
	head -c 1000 /dev/zero >>one
	i=0
	cp one all
	while [ $i -lt 12 ]; do
		cat all all >more
		mv more all
		i=$((i + 1))
	done
	# 4096 frames, more than all pipes and queues between hold without being read.
	{ cat all; sleep 3; } | "$WIRE" 2>err | { sleep 1; cat; } >out
	cmp all out
	{ cat all; sleep 3; } | "$WIRE" -d 10 2>err | { sleep 1; cat; } >out
	cmp all out
}
check 'a slow reader loses nothing' slow_sink

no_frames() {
	printf '\000\000\000\001x\000\015yyyyyyyyyyyyy' >in
	cat one >>in
	{ cat in; sleep 0.5; } | "$WIRE" 2>err | cat >out
	cmp one out
	# The end in the middle of a frame.
	head -c 500 one | "$WIRE" 2>err | cat >out
	is 'half a frame' "$(wc -c <out)" 0
	head -c 100000 /dev/urandom | "$WIRE" 2>err | cat >out
}
check 'lengths of 0, 1 and 13 bytes are no frames; half a frame; noise' no_frames

bounded() {
	wire_start wire "$WIRE" -d 60000 --queue 50000
	# Its standard input is the fifo that spawn has made.
	cat all >wire.in
	wait_for 5 counted 'IN:   pkts       4096'
	counted 'WAIT: pkts         50          bytes                50000'
	counted 'DROP: pkts       4046          queue'
	tell wire 'showinfo\n' >out
	grep -x 'Current Delay Queue size:   50000' out
	grep -x 'Waiting packets in delay queues 50' out
	grep -x 'Queue limit: 50000 bytes, 262144 packets each way' out
	grep -x 'Dropped packets: 4046' out
	status wire 'queue 60000' | grep '^1000'
	cat all >wire.in
	wait_for 5 counted 'IN:   pkts       8192'
	counted 'WAIT: pkts         60          bytes                60000'
	shut wire
}
counted() {
	tell wire 'counters\n' | grep -F "L->R $1"
}
check 'what waits is bounded, dropped frames are counted, and showinfo says so' bounded

end_of_second() {
	mkfifo a b
	spawn wire sh -c 'sleep 1000 | ALTERNATE_STDIN=3 ALTERNATE_STDOUT=4 "$0" 3<a 4>b | cat' "$WIRE"
	exec 5>a 6<b
	wait_for 3 grep 'bidirectional filter starting' wire.log
	exec 5>&- 6<&-
	wait_for 3 grep 'second input and output: closed by the other side' wire.log
	end wire KILL
}
check 'the end of the second stream is the end, too' end_of_second

# Between switches.

# lan EAST WEST: they are one.
lan() {
	frames "$1" <<-END
	plug a b
	plug c d at vde://$T/$2
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
	END
}
# cable EAST WEST COMMAND...
cable() {
	left=$1
	right=$2
	shift 2
	spawn cable "$@"
	wait_for 5 plugs_on "$left" 1
	wait_for 5 plugs_on "$right" 1
	lan "$left" "$right"
	end cable
	wait_for 3 plugs_on "$left" 0
	wait_for 3 plugs_on "$right" 0
}
joins '-v between two switches' cable east west "$WIRE" -v east:west
joins '-v with whole names' cable east west "$WIRE" -v "vde://$T/east:vde://$T/west"
joins 'two networks as arguments' cable east west "$WIRE" -d 1 east west
if command -v vde_switch >/dev/null && command -v vde_plug >/dev/null; then
	ours=$SWITCH
	SWITCH=vde_switch
	switch_start north
	switch_start south
	SWITCH=$ours
	joins '-v between two of vde_switch' cable north south "$WIRE" -v north:south
	joins '-v between ours and vde_switch' cable east south "$WIRE" -d 1 -v east:south
	joins 'dpipe with vde_plug at both ends, in vde_switch' \
		cable north south dpipe vde_plug north = "$WIRE" -M m = vde_plug south
	joins 'dpipe with vde_plug at both ends, in ours' \
		cable east west dpipe vde_plug east = "$WIRE" -d 1+1 = vde_plug west
	if [ -n "$THEIRS" ]; then
		joins 'dpipe with the original behind ours' \
			cable east west dpipe vde_plug east = "$WIRE" = "$THEIRS" = vde_plug west
	fi
fi

lossy_cable() {
	cable_start wire "$WIRE" -v east:west
	wait_for 5 plugs_on west 1
	status wire 'loss LR100' | grep '^1000'
	frames east <<-END
	plug a b
	send a to all
	expect b
	END
	status wire 'loss 0' | grep '^1000'
	lan east west
	tell wire 'counters\n' >out
	cat out
	grep -E '^L->R DROP: pkts +[1-9][0-9]* +loss$' out
	grep -E '^R->L DROP: pkts +0 +loss$' out
	shut wire
}
joins 'loss, set while frames pass' lossy_cable

gone() {
	switch_start there
	spawn cable "$WIRE" -v there:west
	wait_for 3 plugs_on there 1
	end there KILL
	ended cable
	is status "$(exit_status cable)" 0
	grep "there.*closed by the other side" cable.log
	wait_for 3 plugs_on west 0
}
joins 'the end of a switch is its end' gone

on_stdin() {
	spawn wire "$WIRE" -v east:west
	wait_for 5 plugs_on west 1
	say wire 'loss 12\nshow'
	sleep 0.05
	say wire 'info\nnonsense\n'
	wait_for 3 grep '1038 ' wire.log
	cat wire.log
	grep -q 'R->L 12+0U' wire.log
	is 'successes' "$(grep -c '1000 Success$' wire.log)" 2
	say wire 'logout\n'
	ended wire
	is status "$(exit_status wire)" 0
	rc=0
	(sleep 1; echo showcurrent; sleep 0.3) | "$WIRE" -v east:west >out 2>err || rc=$?
	is 'status at the end of input' $rc 0
	grep -q '^1000 Success' out
	# None there at all.
	spawn wire "$WIRE" -v east:west --nostdin
	wait_for 3 plugs_on west 1
	say wire 'shutdown\n'
	sleep 0.3
	is_running wire
	end wire
}
joins 'the console on standard input; its end, and logout, are the end' on_stdin

daemon() {
	"$WIRE" -v east:west --daemon --pidfile d.pid -M d.mgmt
	[ -s d.pid ] || fail 'no pid file when it returned'
	plugs_on east 1
	"$TALK" -p 'VDEwf$' "$T/d.mgmt" 'showcurrent\n' | grep -q '1000 Success'
	rc=0
	"$WIRE" -v east:west --daemon --pidfile d.pid 2>err || rc=$?
	is 'status of the second' $rc 1
	grep d.pid err
	wait_for 3 plugs_on east 1
	kill "$(cat d.pid)"
	wait_for 3 not test -e d.pid
	wait_for 3 plugs_on east 0
	not test -e d.mgmt
	for how in TERM:0 INT:130 HUP:129; do
		spawn wire "$WIRE" --pidfile w.pid -v east:west -M w.mgmt
		wait_for 3 test -s w.pid
		wait_for 3 plugs_on west 1
		end wire "${how%:*}"
		is "status after $how" "$(exit_status wire)" "${how#*:}"
		not test -e w.pid
		not test -e w.mgmt
	done
}
joins 'a daemon, its pid file, its relative console; signals' daemon

blinks() {
	for who in "$WIRE" $THEIRS; do
		rm -f blink
		spawn eye socat -u UNIX-RECV:blink -
		wait_for 3 test -S blink
		spawn wire "$who" --blink "$T/blink" --blinkid me -v east:west
		wait_for 3 plugs_on west 1
		frames east <<-END
		plug a b
		plug c at vde://$T/west
		send a to c size 100
		expect c b
		send c to a size 200
		expect a
		END
		end wire
		end eye
		grep '10[02]$\|20[02]$' eye.log >"blinks.${who##*/}"
		cat "blinks.${who##*/}"
		wait_for 3 plugs_on west 0
	done
	is ours "$(cat "blinks.${WIRE##*/}")" 'me LR 102
me RL 202'
	[ -z "$THEIRS" ] || diff -u blinks.wirefilter "blinks.${WIRE##*/}"
}
if command -v socat >/dev/null; then
	joins 'blinks, as the original' blinks
else
	skip 'blinks, as the original' 'no socat here'
fi
done_testing
