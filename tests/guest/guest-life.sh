# SPDX-License-Identifier: BSD-2-Clause
# guest-life.sh - VMs from day to day: control socket, monitor, consoles, background,
#		  and how their end is told
#
# What programs see is compared with QEMU's, where that is here. The power button
# and the clocks need a guest that cares; see tests/nested/cases/life.sh.
. "${top_srcdir:?}/tests/guest/lib.sh"
requires socat

export XDG_RUNTIME_DIR="$T"
RUN=$T/lanbox

# life NAME 'GUEST OPTIONS' [OPTION...]: a VM with a control socket, its console
# where the OPTIONs say, or nowhere.
life() {
	lib_vm=$1
	lib_append=$2
	shift 2
	case " $* " in
	*" -serial "* | *" -daemonize "* | *" -nographic "*) ;;
	*) set -- -serial null "$@" ;;
	esac
	rm -f "$T/$lib_vm.qmp"
	spawn "$lib_vm" "$VMM" -m 64 -kernel "$GUEST.bin" -append "$lib_append" \
		-qmp "unix:$T/$lib_vm.qmp,server=on,wait=off" "$@"
	wait_for 5 has_or_ended "$lib_vm" "$T/$lib_vm.qmp"
}

# has_or_ended NAME SOCKET: whether there is a socket, or nobody who would make it.
has_or_ended() {
	[ -S "$2" ] || [ -s "$T/$1.rc" ]
}

# say NAME TEXT: as in lib.sh, but one that has ended does not make us wait.
say() {
	printf '%b' "$2" 1<>"$T/$1.in"
}

# client NAME SOCKET: somebody who stays connected; what is said to it is sent.
client() {
	spawn "$1" socat - "unix:$2"
}

# heard NAME REGEX [TIMES]: whether a client was told so.
heard() {
	[ "$(tr -d '\r' <"$T/$1.log" | grep -a -c -- "$2")" -ge "${3:-1}" ]
}

# hears NAME REGEX [TIMES]: wait for it.
hears() {
	wait_for 30 heard "$@" || { tail -n 5 "$T/$1.log"; return 1; }
}

# program NAME VM: a client that may give commands.
program() {
	client "$1" "$T/$2.qmp"
	say "$1" '{"execute": "qmp_capabilities"}\n'
	hears "$1" '^{"return": {}}'
}

# run_in NAME COMMAND [ARGUMENTS]: give a command, wait for its reply and print it.
run_in() {
	lib_id=$(($(cat "$T/id" 2>/dev/null || echo 0) + 1))
	echo $lib_id >"$T/id"
	say "$1" "{\"execute\": \"$2\"${3:+, \"arguments\": $3}, \"id\": $lib_id}\\n"
	hears "$1" "\"id\": $lib_id}"
	tr -d '\r' <"$T/$1.log" | grep "\"id\": $lib_id}" | sed "s/, \"id\": $lib_id}/}/"
}

# sorted: what a reply says, one member a line, in no order of its own.
sorted() {
	tr -d '{}[]' | sed 's/, /\n/g' | sort
}

# members: the names of what is in a reply.
members() {
	grep -o '"[a-zA-Z_-]*": ' | sort -u
}

# events NAME: what a client was told of, without times.
events() {
	tr -d '\r' <"$T/$1.log" |
		sed -n 's/^{"timestamp": {[^}]*}, "event": "\([A-Z_]*\)"\(.*\)}$/\1\2/p' |
		sed 's/, "data": / /' | sort
}

# The control socket.

greeting() {
	life vm 'mode=hello exit=halt'
	client c "$T/vm.qmp"
	hears c '^{"QMP": {"version": {"qemu": {.*}, "package": ".*"}, "capabilities": \[.*\]}}$'
	say c '{"execute": "query-status"}\n'
	hears c '"class": "CommandNotFound", "desc": "Expecting capabilities negotiation'
	say c '{"execute": "qmp_capabilities"}\n'
	hears c '^{"return": {}}'
	is status "$(run_in c query-status | sorted)" \
		"$(printf '%s\n' '"return": "status": "running"' '"running": true' \
			'"singlestep": false')"
	is mode "$(stat -c %a "$T/vm.qmp")" 600
}
check 'a program is greeted, says qmp_capabilities, and asks how the VM is' greeting

wrong_lines() {
	program c vm
	while read -r text; do
		lines=$(wc -l <"$T/c.log")
		say c "$text\\n"
		hears c '"error": {"class": ' $((${errors:-0} + 1))
		errors=$((${errors:-0} + 1))
		is 'answers' "$(wc -l <"$T/c.log")" $((lines + 1))
	done <<-'END'
		}
		[]
		5
		hello
		{"execute": 5}
		{"execute": "bogus"}
		{"execute": ""}
		{"foo": 1}
		{"execute": "stop", "arguments": {"a": 1}}
		{"execute": "stop", "arguments": []}
		{"execute": "human-monitor-command"}
		{"execute": "human-monitor-command", "arguments": {"command-line": 7}}
	END
	is errors "$errors" 12
	run_in c query-status | grep '"running": true'
}
check 'each line that is wrong gets one error, and the next one works' wrong_lines

in_pieces() {
	program c vm
	say c '{"execute":\n "query-na'
	sleep 0.1
	say c 'me"}{"execute": "query-kvm"}\n'
	hears c '^{"return": {"enabled": true, "present": true}}'
	is answers "$(grep -c '^{"return"' "$T/c.log")" 3
}
check 'a command on two lines, two commands on one' in_pieces

too_long() {
	client c "$T/vm.qmp"
	client d "$T/vm.qmp"
	{ printf '{"execute": "'; head -c 100000 /dev/zero | tr '\0' x; } >"$T/c.in"
	ended c
	say d '{"execute": "qmp_capabilities"}\n'
	hears d '^{"return": {}}'
}
check 'a command without an end harms nobody else' too_long

stop_cont() {
	program c vm
	program d vm
	run_in c stop
	run_in c query-status | grep '"status": "paused"'
	run_in c query-status | grep '"running": false'
	run_in d cont
	run_in d query-status | grep '"status": "running"'
	# What is so already is no event.
	run_in c cont
	run_in c stop
	run_in c stop
	run_in c cont
	for name in c d; do
		hears $name '"event": "RESUME"' 2
		is "events of $name" "$(events $name | tr '\n' ' ')" 'RESUME RESUME STOP STOP '
	done
}
check 'stop and cont, with events for all who are there' stop_cont

stands_still() {
	life run 'mode=hang'
	program c run
	is_busy run
	not quiet run
	run_in c stop
	wait_for 2 quiet run
	run_in c cont
	is_busy run
	run_in c quit
	ended run
	is status "$(exit_status run)" 0
}

# is_busy NAME: wait until it has used some time of a CPU. quiet NAME: whether none of
# its threads runs, or would if there were a CPU.
is_busy() {
	wait_for 20 used_cpu "$1" "$(cpu_ticks "$1")"
}

used_cpu() {
	[ $(($(cpu_ticks "$1") - $2)) -ge 10 ]
}

quiet() {
	for lib_try in 1 2 3 4 5 6 7 8 9 10; do
		sed 's/.*) //' "/proc/$(pid_of "$1")/task"/*/stat | grep -q '^R' && return 1
		sleep 0.05
	done
}

cpu_ticks() {
	sed 's/.*) //' "/proc/$(pid_of "$1")/stat" | awk '{ print $12 + $13 }'
}
check 'the guest stands still while it is stopped' stands_still

paused_quit() {
	life still mode=hang -S
	program c still
	run_in c query-status | grep '"status": "prelaunch"'
	wait_for 2 quiet still
	run_in c quit
	ended still
	is status "$(exit_status still)" 0
	life still mode=hang
	program c still
	run_in c stop
	run_in c system_reset
	hears c '"event": "RESET"'
	run_in c query-status | grep '"status": "paused"'
	wait_for 2 quiet still
	run_in c cont
	is_busy still
	run_in c stop
	kill -TERM "$(pid_of still)"
	ended still
	is status "$(exit_status still)" 0
}
check 'a VM that stands still can be reset, and ended' paused_quit

names() {
	truncate -s 1M "$T/a.img" "$T/b.img"
	life named 'mode=hello exit=halt' -name web -uuid 01234567-89ab-cdef-0123-456789abcdef \
		-smp 2 -hda "$T/a.img" -cdrom "$T/b.img"
	program c named
	is name "$(run_in c query-name)" '{"return": {"name": "web"}}'
	is uuid "$(run_in c query-uuid)" \
		'{"return": {"UUID": "01234567-89ab-cdef-0123-456789abcdef"}}'
	is memory "$(run_in c query-memory-size-summary | sorted | head -n 1)" \
		'"plugged-memory": 0'
	for tid in $(run_in c query-cpus-fast | grep -o '"thread-id": [0-9][0-9]*, "props"' |
			tr -dc '0-9\n'); do
		[ -d "/proc/$(pid_of named)/task/$tid" ] && echo "$tid"
	done >"$T/tids"
	is CPUs "$(wc -l <"$T/tids")" 2
	run_in c query-block >"$T/block"
	is disks "$(grep -o '"device": "[^"]*"' "$T/block" | tr '\n' ' ')" \
		'"device": "ide0-hd0" "device": "ide1-cd0" '
	is read-only "$(grep -o '"ro": [a-z]*' "$T/block" | tr '\n' ' ')" \
		'"ro": false "ro": true '
	is files "$(grep -o '"file": "[^"]*"' "$T/block" | tr '\n' ' ')" \
		"\"file\": \"$T/a.img\" \"file\": \"$T/b.img\" "
	is sizes "$(grep -o '"virtual-size": [0-9]*' "$T/block" | uniq)" \
		'"virtual-size": 1048576'
	for command in query-status query-commands; do
		run_in c $command >"$T/$command"
	done
	run_in c human-monitor-command '{"command-line": "info block"}' |
		grep -F "ide1-cd0 (#block1): $T/b.img (raw, read-only)\\r\\n"
	end named
}
check 'name, UUID, CPUs and disks are told' names

# A path is bytes; JSON is characters.
bytes() {
	name=$(printf 'x\351\303\251\377y')
	truncate -s 1M "$T/$name.img"
	life bytes 'mode=hello exit=halt' -drive "file=$T/$name.img,format=raw,if=virtio"
	program c bytes
	run_in c query-block >"$T/block"
	want=$(printf 'x\357\277\275\303\251\357\277\275y')
	is files "$(grep -o '"file[a-z]*": "[^"]*"' "$T/block" | tr '\n' ' ')" \
		"\"file\": \"$T/$want.img\" \"filename\": \"$T/$want.img\" "
	run_in c human-monitor-command '{"command-line": "info block"}' | grep -F "$T/$want.img"
	end bytes
}
check 'what is no UTF-8 in a path is shown as that' bytes

two_sockets() {
	life both 'mode=hello exit=halt' -qmp "unix:$T/second.qmp" -name both -serial null
	program c both
	program d second
	run_in c stop
	hears d '"event": "STOP"'
	hears c '"event": "STOP"'
	run_in d query-status | grep -F '"status": "paused"'
	run_in d quit
	ended both
	is status "$(exit_status both)" 0
	is sockets "$(ls "$T/both.qmp" "$T/second.qmp" 2>/dev/null)" ''
}
check 'several control sockets see the same VM' two_sockets

# What no guest of ours gets is asked for.
features() {
	life flags 'mode=hello exit=kbd' -no-reboot -cpu host,+svm,+sse2,+vmx
	ended flags
	is status "$(exit_status flags)" 0
	is 'what it said' "$(sed -n 's|^lanbox-vmm: \(.*host does not\).*|\1|p' "$T/flags.log" | tr '\n' ' ')" \
		"-cpu '+svm': the host does not -cpu '+vmx': the host does not "
	life strict 'mode=hello exit=halt' -cpu host,+svm,enforce
	ended strict
	is status "$(exit_status strict)" 1
	is lines "$(grep -c . "$T/strict.log")" 1
	grep "^lanbox-vmm: -cpu '+svm': the host does not support" "$T/strict.log"
}
check 'a CPU feature that the host lacks is a warning, or an error if it must be there' features

# The same asked of QEMU, with its emulator: all that QEMU's replies have is in
# ours, and where nothing depends on the program they are the same.
like_qemu() {
	set -- -m 64 -S -name web -smp 2 -drive "file=$T/a.img,format=raw,if=virtio,readonly=on" \
		-drive "file=$T/b.img,format=raw,if=none,id=d1,throttling.iops-total=7" \
		-device virtio-blk-pci,drive=d1
	rm -f "$T/qemu.qmp"
	for vm in ours qemu; do
		if [ $vm = ours ]; then
			life ours mode=hang "$@"
		else
			spawn qemu qemu-system-x86_64 -M pc -accel tcg -nodefaults \
				-display none -serial null \
				-qmp "unix:$T/qemu.qmp,server=on,wait=off" "$@"
			wait_for 10 has_or_ended qemu "$T/qemu.qmp"
		fi
		program $vm.c $vm
		for command in query-status query-name query-version query-cpus-fast \
			       query-kvm query-uuid query-target query-block \
			       query-memory-size-summary query-chardev; do
			run_in $vm.c $command >"$T/$vm.$command"
			members <"$T/$vm.$command" >"$T/$vm.$command.members"
		done
		for command in stop cont stop system_powerdown system_reset cont; do
			run_in $vm.c $command
		done >"$T/$vm.deeds"
		hears $vm.c '"event": "RESET"'
		run_in $vm.c quit
		ended $vm
		is "end of $vm" "$(exit_status $vm)" 0
	done
	for command in query-status query-name query-uuid query-target \
		       query-memory-size-summary; do
		is "$command" "$(sorted <"$T/ours.$command")" "$(sorted <"$T/qemu.$command")"
	done
	for command in query-version query-kvm query-cpus-fast query-block query-chardev; do
		[ -s "$T/qemu.$command.members" ]
		is "QEMU's $command has beside ours" \
			"$(comm -13 "$T/ours.$command.members" "$T/qemu.$command.members")" ''
	done
	for key in device ro drv iops type writeback direct virtual-size; do
		is "$key" "$(grep -o "\"$key\": [^,}]*" "$T/ours.query-block")" \
			"$(grep -o "\"$key\": [^,}]*" "$T/qemu.query-block")"
	done
	is replies "$(cat "$T/ours.deeds")" "$(cat "$T/qemu.deeds")"
	# QEMU's guest has nothing to boot and resets itself; that is not compared.
	is events "$(events ours.c)" "$(events qemu.c | grep -v '"guest": true')"
}
if command -v qemu-system-x86_64 >/dev/null; then
	check 'replies and events are those of QEMU' like_qemu
else
	skip 'replies and events are those of QEMU' 'no qemu-system-x86_64 here'
fi

# How ends are told.

# told HOW 'GUEST OPTIONS' STATUS EVENT [OPTION...]: what a program hears of an end.
told() {
	how=$1 options=$2 status=$3 event=$4
	shift 4
	life told "$options" -S "$@"
	program c told
	run_in c cont
	case $how in
	quit) run_in c quit ;;
	guest) ;;
	*) kill -"$how" "$(pid_of told)" ;;
	esac
	wait_for 20 test -s "$T/told.rc"
	ended c
	is status "$(exit_status told)" "$status"
	is events "$(events c | grep -v RESUME)" "$event"
	not test -e "$T/told.qmp"
}
check 'power off is told as the guest'"'"'s' told guest mode=hello 0 \
	'SHUTDOWN {"guest": true, "reason": "guest-shutdown"}'
check 'and quit as the program'"'"'s' told quit mode=hang 0 \
	'SHUTDOWN {"guest": false, "reason": "host-qmp-quit"}'
check 'a signal as a signal' told TERM mode=hang 0 \
	'SHUTDOWN {"guest": false, "reason": "host-signal"}'
check 'SIGQUIT too' told QUIT mode=hang 0 \
	'SHUTDOWN {"guest": false, "reason": "host-signal"}'
check 'a reset with -no-reboot as a reset' told guest 'mode=hello exit=kbd' 0 \
	'SHUTDOWN {"guest": true, "reason": "guest-reset"}' -no-reboot
check 'a triple fault with -no-reboot as a reset, too' told guest mode=triple 4 \
	'SHUTDOWN {"guest": true, "reason": "guest-reset"}' -no-reboot
check 'a triple fault again and again: three resets and the end' told guest mode=triple 4 \
	"$(printf 'RESET {"guest": true, "reason": "guest-reset"}\n%.0s' 1 2 3
	   echo 'SHUTDOWN {"guest": true, "reason": "guest-reset"}')"

reboots() {
	life again 'mode=hello exit=kbd' -S
	program c again
	run_in c cont
	hears c '"event": "RESET", "data": {"guest": true, "reason": "guest-reset"}' 3
	run_in c quit
	ended again
	is status "$(exit_status again)" 0
}
check 'a guest that restarts is told each time' reboots

# Monitors, for people.

monitor() {
	life people mode=hang -name web -monitor "unix:$T/people.mon,server=on,wait=off"
	client m "$T/people.mon"
	hears m 'monitor - type .help. for more information'
	hears m '^(lanbox) '
	say m 'info status\n'
	hears m 'VM status: running'
	say m 'stop\ninfo status\n'
	hears m 'VM status: paused'
	say m 'c\ninfo status\n'
	hears m 'VM status: running' 2
	say m 'info name\nfoo bar\ninfo nothing\nstop now\n'
	hears m '^(lanbox) web$'
	hears m "unknown command: 'foo'"
	hears m "unknown command: 'info nothing'"
	hears m 'stop: extraneous characters at the end of line'
	say m 'help\n'
	hears m 'system_powerdown -- press the power button'
	say m 'info\n'
	hears m 'info block -- show disks'
	# A word that was begun and taken back.
	say m 'fop\0177o\0010\0010\0010info kvm\n'
	hears m 'kvm support: enabled'
	end m
	# The next one is greeted anew.
	client m "$T/people.mon"
	hears m '^(lanbox) '
	say m 'q\n'
	ended people
	is status "$(exit_status people)" 0
	not test -e "$T/people.mon"
}
check 'a monitor on a socket' monitor

mon_stdio() {
	spawn mux "$VMM" -m 64 -kernel "$GUEST.bin" -append 'mode=hello exit=halt' \
		-serial mon:stdio
	wait_for 10 said mux 'halt$'
	say mux '\001c'
	hears mux '(lanbox) '
	say mux 'info status\r'
	hears mux 'VM status: running'
	say mux '\001h'
	hears mux 'Ctrl-A x ends the VM'
	say mux '\001c\001x'
	ended mux
	is status "$(exit_status mux)" 0
}
check 'Ctrl-A c is the monitor and back, Ctrl-A x ends the VM' mon_stdio

# Consoles.

console_file() {
	echo before >"$T/console"
	chmod 640 "$T/console"
	life vm mode=hello -serial "file:$T/console"
	wait_for 10 test -s "$T/vm.rc"
	is 'first line' "$(head -n 1 "$T/console")" before
	tr -d '\r' <"$T/console" | grep '^pollnet: hello from'
	life vm mode=hello -serial "file:$T/fresh"
	wait_for 10 test -s "$T/vm.rc"
	is mode "$(stat -c %a "$T/fresh")" 600
	life vm mode=hello -serial "file:$T/no/console"
	wait_for 10 test -s "$T/vm.rc"
	is status "$(exit_status vm)" 1
	is complaint "$(cat "$T/vm.log")" \
		"lanbox-vmm: serial0 '$T/no/console': No such file or directory"
}
check 'the console in a file is added to it' console_file

# numbered FILE: the lines "safe N" of a disk test, all numbers from the first on.
numbered() {
	tr -d '\r' <"$1" | sed -n 's/^pollnet: safe \([0-9]*\)$/\1/p' >"$T/numbers"
	[ "$(wc -l <"$T/numbers")" -gt 100 ] || fail "$(wc -l <"$T/numbers") numbers"
	awk 'NR > 1 && $1 != last + 1 { print "after " last " comes " $1; exit 1 }
	     { last = $1 }' "$T/numbers"
}

# More is said than the record holds: the last of it is there, for the next client,
# once.
replay() {
	truncate -s 64K "$T/replay.img"
	life vm 'mode=disk-write batch=1 count=8000 exit=halt' \
		-drive "file=$T/replay.img,format=raw,cache=unsafe,if=virtio" \
		-serial "unix:$T/vm.tty"
	is mode "$(stat -c %a "$T/vm.tty")" 600
	program c vm
	wait_for 60 quiet vm
	client one "$T/vm.tty"
	hears one 'pollnet: halt$'
	numbered "$T/one.log"
	size=$(stat -c %s "$T/one.log")
	[ "$size" -le 65536 ] && [ "$size" -ge 65000 ] || fail "$size bytes were kept"
	end one
	client two "$T/vm.tty"
	sleep 0.3
	is 'what the second has' "$(cat "$T/two.log")" ''
	# One client at a time; the next waits.
	client three "$T/vm.tty"
	run_in c system_reset
	hears two 'pollnet: safe '
	sleep 0.2
	is 'what the third has' "$(cat "$T/three.log")" ''
	end two
	hears three 'pollnet: halt$'
	run_in c quit
	ended vm
	not test -e "$T/vm.tty"
}

check 'a socket keeps what is said while nobody looks, the last 64 KiB of it' replay

nothing_lost() {
	life vm 'mode=disk-write batch=1 count=3000 exit=halt' \
		-drive "file=$T/replay.img,format=raw,cache=unsafe,if=virtio" \
		-serial "unix:$T/vm.tty" -S
	program c vm
	client one "$T/vm.tty"
	run_in c cont
	hears one 'pollnet: halt$'
	numbered "$T/one.log"
	is numbers "$(wc -l <"$T/numbers")" 3000
	end vm
}
check 'who looks from the beginning misses nothing' nothing_lost

console_pty() {
	spawn vm "$VMM" -m 64 -kernel "$GUEST.bin" -append 'mode=hello exit=halt' -serial pty
	hears vm '^char device redirected to /dev/pts/[0-9]* (label serial0)$'
	pty=$(sed -n 's/.* to \([^ ]*\) .*/\1/p' "$T/vm.log")
	sleep 0.5
	spawn tty socat -u "$pty,rawer" -
	hears tty 'pollnet: halt$'
	end tty
	end vm
}
check 'a pty, and what was said before somebody opened it' console_pty

console_null() {
	spawn vm "$VMM" -m 64 -kernel "$GUEST.bin" -append mode=hello -serial null
	wait_for 10 test -s "$T/vm.rc"
	is status "$(exit_status vm)" 0
	is output "$(said_by_vmm "$T/vm.log")" ''
}
check 'nowhere' console_null

taken() {
	life vm mode=hang -serial "unix:$T/vm.tty"
	life other mode=hang -serial "unix:$T/vm.tty"
	ended other
	is status "$(exit_status other)" 1
	is complaint "$(cat "$T/other.log")" \
		"lanbox-vmm: serial0 '$T/vm.tty': Address already in use"
	client c "$T/vm.tty"
	end c
	end vm KILL
	[ -S "$T/vm.tty" ]
	# A socket that a dead process left is in nobody's way.
	life other mode=hang -serial "unix:$T/vm.tty"
	is_running other
	end other
}
check 'a socket in use is left alone, one left behind is not' taken

# The background.

# background [OPTION...]: start one, which is to go into the background by itself.
background() {
	rm -f "$T/bg.pid"
	"$VMM" -m 64 -kernel "$GUEST.bin" -daemonize -pidfile "$T/bg.pid" "$@" \
		>"$T/bg.out" 2>"$T/bg.err" </dev/null
}

bg_ended() {
	! alive "$1"
}

daemon() {
	background -append 'mode=hello exit=halt' -serial "file:$T/bg.tty"
	is 'standard output' "$(cat "$T/bg.out")" ''
	is 'standard error' "$(said_by_vmm "$T/bg.err")" ''
	pid=$(cat "$T/bg.pid")
	alive "$pid"
	is 'process' "$(cat "/proc/$pid/comm")" "$(printf %.15s "${VMM##*/}")"
	is 'its folder' "$(readlink "/proc/$pid/cwd")" /
	for fd in 0 1 2; do
		is "descriptor $fd" "$(readlink "/proc/$pid/fd/$fd")" /dev/null
	done
	wait_for 5 grep -a 'pollnet: halt' "$T/bg.tty"
	# A second one may not have its pid file.
	if background_again; then
		fail 'the second started'
	fi
	grep "pid file '$T/bg.pid' belongs to process $pid, which is alive" "$T/bg.err"
	is 'pid file' "$(cat "$T/bg.pid")" "$pid"
	kill "$pid"
	wait_for 5 bg_ended "$pid"
	not test -e "$T/bg.pid"
}

background_again() {
	"$VMM" -m 64 -kernel "$GUEST.bin" -daemonize -pidfile "$T/bg.pid" -append mode=hang \
		2>"$T/bg.err"
}
check '-daemonize returns when the VM runs; -pidfile has its process' daemon

# fails STATUS REGEX [OPTION...]: -daemonize that cannot be says so.
fails() {
	status=$1 regex=$2
	shift 2
	got=0
	background "$@" || got=$?
	cat "$T/bg.err"
	is status "$got" "$status"
	grep -q "$regex" "$T/bg.err"
	not test -e "$T/bg.pid"
}
check '-daemonize with an image that is not there says so' fails 1 \
	"disk '$T/no.img': No such file" -append mode=hang -hda "$T/no.img"
check 'with a switch that is not there' fails 1 "$T/no" -append mode=hang \
	-net nic -net "vde,sock=$T/no,fast=on"
check 'with a console on the terminal' fails 2 'serial console cannot be on a terminal' \
	-append mode=hang -serial stdio
check 'with a pid file that cannot be' fails 1 "pid file '$T/no/pid'" -append mode=hang \
	-pidfile "$T/no/pid"
check 'with a guest that crashes at once' fails 4 'triple fault' -append mode=triple

daemon_paused() {
	background -append mode=hang -S -qmp "unix:$T/bg.qmp"
	client c "$T/bg.qmp"
	say c '{"execute": "qmp_capabilities"}\n{"execute": "quit"}\n'
	wait_for 5 bg_ended "$(cat "$T/bg.pid" 2>/dev/null)"
	not test -e "$T/bg.pid"
}
check 'one that begins paused runs, too' daemon_paused

daemon_named() {
	background -append 'mode=hello exit=halt' -name web
	pid=$(cat "$T/bg.pid")
	is folder "$(stat -c %a "$RUN")" 700
	is sockets "$(ls "$RUN" | tr '\n' ' ')" 'web.console web.qmp '
	client c "$RUN/web.console"
	hears c 'pollnet: halt$'
	client d "$RUN/web.qmp"
	say d '{"execute": "qmp_capabilities"}\n{"execute": "query-name"}\n'
	hears d '"name": "web"'
	# Another one of this name runs, too, without being found.
	spawn other "$VMM" -m 64 -kernel "$GUEST.bin" -append mode=hang -serial null -name web
	hears other "another VM with the name 'web' runs"
	end other
	[ -S "$RUN/web.qmp" ]
	kill "$pid"
	wait_for 5 bg_ended "$pid"
	is 'what is left' "$(ls "$RUN")" ''
}
check 'with a name it is found by that, and its console' daemon_named

# lanbox vm.

LANBOX=${LANBOX:-$top_builddir/lanbox}

# lanbox_vm STATUS ARGUMENT...: run it, its output in $T/out and $T/err.
lanbox_vm() {
	status=$1
	shift
	got=0
	timeout 60 "$LANBOX" vm "$@" >"$T/out" 2>"$T/err" </dev/null || got=$?
	[ "$got" = "$status" ] || fail "lanbox vm $*: status $got: $(cat "$T/err")"
}

vm_nobody() {
	lanbox_vm 0 list
	is list "$(cat "$T/out" "$T/err")" ''
	lanbox_vm 0 list --json
	is list "$(cat "$T/out")" '[]'
	for command in status console stop; do
		lanbox_vm 3 $command web
		is complaint "$(cat "$T/err")" "lanbox: no VM of this name runs: 'web'"
		lanbox_vm 3 $command ../web
	done
	for words in '' bogus 'list web' stop 'stop a b' 'list --force' 'status --timeout 3 a' \
		     'stop -t x a' '-u no.such.user list'; do
		# shellcheck disable=SC2086
		lanbox_vm 2 $words
		is lines "$(wc -l <"$T/err")" 1
	done
}
check 'lanbox vm where no VM runs, and wrong usage' vm_nobody

vm_list() {
	background -append 'mode=hello exit=halt' -name web -smp 2
	life db mode=hang -name db -S
	lanbox_vm 0 list
	is list "$(sed 's/  */ /g' "$T/out")" "NAME STATUS CPUS MEMORY PID CONSOLE
db prelaunch 1 64 MiB $(pid_of db) null
web running 2 64 MiB $(cat "$T/bg.pid") unix:$RUN/web.console"
	lanbox_vm 0 status web --json
	is status "$(cat "$T/out")" "{\"name\":\"web\",\"pid\":$(cat "$T/bg.pid"),$(:
		)\"status\":\"running\",\"cpus\":2,\"memory\":67108864,$(:
		)\"console\":\"unix:$RUN/web.console\"}"
	lanbox_vm 1 console db
	grep "its console is 'null'" "$T/err"
}
check 'lanbox vm list and status' vm_list

vm_console() {
	spawn first "$LANBOX" vm console web
	hears first 'pollnet: halt$'
	spawn term socat - "EXEC:$LANBOX vm console web,pty,setsid,ctty,rawer"
	hears term 'somebody else is at the console; waiting'
	end term
	end first
	wait_for 5 console_free
	spawn term socat - "EXEC:$LANBOX vm console web,pty,setsid,ctty,rawer"
	hears term 'Ctrl-\] leaves it'
	sleep 0.3
	say term '\035'
	ended term
	is_listed web
}

console_free() {
	"$LANBOX" vm console web </dev/null >"$T/out" 2>"$T/err" &
	sleep 0.3
	kill $!
	not grep 'somebody else' "$T/err"
}

is_listed() {
	lanbox_vm 0 list
	grep "^$1 " "$T/out"
}
check 'lanbox vm console, and leaving it' vm_console

vm_stop() {
	lanbox_vm 1 stop -t 1 web
	grep 'has not powered off in 1 seconds' "$T/err"
	is_listed web
	pid=$(cat "$T/bg.pid")
	lanbox_vm 0 stop --force web
	not alive "$pid"
	not is_listed web
	is_listed db
	# One that does not answer any more.
	kill -STOP "$(pid_of db)"
	lanbox_vm 0 list
	grep '^db *no answer' "$T/out"
	lanbox_vm 0 stop --force db
	ended db
	lanbox_vm 3 stop --force db
	is 'what is left' "$(ls "$RUN")" ''
}
check 'lanbox vm stop, and --force' vm_stop

# as_kvm COMMAND...: as a user who may use KVM and nothing else.
as_kvm() {
	exec setpriv --reuid=65534 --regid=65534 --groups="$(stat -c %g /dev/kvm)" -- "$@"
}

vm_others() {
	cp "$GUEST.bin" "$T/guest"
	chmod 644 "$T/guest"
	spawn other as_kvm "$VMM" -m 64 -kernel "$T/guest" -append mode=hang -serial null -name theirs
	wait_for 5 has_or_ended other /tmp/lanbox-65534/theirs.qmp
	lanbox_vm 0 list
	is ours "$(cat "$T/out")" ''
	lanbox_vm 0 list -u 65534
	grep '^theirs ' "$T/out"
	as 65533 "$LANBOX" vm list -u 65534 \
		>"$T/out" 2>&1 && fail 'anybody may look'
	grep 'Permission denied' "$T/out"
	# A name of theirs that leads to a process of ours, which is not to be killed.
	spawn ours socat UNIX-LISTEN:"$T/ours.sock",fork -
	wait_for 5 test -S "$T/ours.sock"
	ln -s "$T/ours.sock" /tmp/lanbox-65534/trap.qmp
	lanbox_vm 1 stop -f -u 65534 trap
	grep "VM 'trap' in '/tmp/lanbox-65534': Operation not permitted" "$T/err"
	alive "$(pid_of ours)" || fail 'it was killed'
	is 'what it was told' "$(cat "$T/ours.log")" ''
	rm /tmp/lanbox-65534/trap.qmp
	end ours
	lanbox_vm 0 stop -f -u 65534 theirs
	ended other
	# A folder that somebody else has put there.
	chown 65533 /tmp/lanbox-65534
	lanbox_vm 1 list -u 65534
	grep 'what is there is not believed' "$T/err"
}
if two_users && [ ! -e /run/user/65534 ] && [ ! -e /tmp/lanbox-65534 ] &&
   (as_kvm test -w /dev/kvm) && as 65534 test -x "$LANBOX"; then
	cleanup_fn 'rm -rf /tmp/lanbox-65534'
	check 'VMs of another user, where that is permitted' vm_others
else
	skip 'VMs of another user, where that is permitted' 'users or /dev/kvm do not let us'
fi

done_testing
