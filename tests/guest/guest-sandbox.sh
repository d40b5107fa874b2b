# SPDX-License-Identifier: BSD-2-Clause
# guest-sandbox.sh - What the process of a VM that runs can still do, and what it cannot
. "${top_srcdir:?}/tests/guest/lib.sh"

is_qemu && skip_all 'QEMU has a sandbox of its own'
[ "$(id -u)" -eq 0 ] || skip_all 'looking into a sandbox takes root'
cd "$T" || exit 99
requires socat gdb
SECCHECK=$top_builddir/tests/guest/seccheck
[ -f "$SECCHECK" ] || { echo "Bail out! $SECCHECK is not built"; exit 99; }
WORDS="the instruction ran"	# in the guest's memory, and in no other of this VM's

# disk NAME: options for a disk.
disk() {
	rm -f "$T/$1.img"
	truncate -s 1M "$T/$1.img"
	echo "-drive file=$T/$1.img,if=virtio,format=raw"
}

# runs NAME [VMM OPTION...]: a VM with a disk and a control socket.
runs() {
	lib_runs=$1
	shift
	# shellcheck disable=SC2046 # words
	vm "$lib_runs" mode=hang $(disk "$lib_runs") \
		-qmp "unix:$T/$lib_runs.qmp" "$@"
	says "$lib_runs" 'hang: ring 3'
}

# threads NAME: the threads of ours; the kernel may have one of its own there.
threads() {
	for task in /proc/"$(pid_of "$1")"/task/*; do
		case $(cat "$task/comm") in lanbox-*) echo "${task##*/}" ;; esac
	done
}

# thread_of NAME KIND: one of its threads.
thread_of() {
	for tid in $(threads "$1"); do
		[ "$(cat "/proc/$(pid_of "$1")/task/$tid/comm")" != "lanbox-$2" ] || break
	done
	echo "$tid"
}

# vcpu_of NAME: its vCPU's thread.
vcpu_of() {
	thread_of "$1" vcpu0
}

# opener_of NAME: the process beside it.
opener_of() {
	ps -o pid=,comm= --ppid "$(pid_of "$1")" | awk '$2 == "lanbox-opener" { print $1 }' |
		head -n 1
}

# field FILE NAME: a line of a status file, without its name, blanks as one.
field() {
	sed -n "s/^$2:[[:space:]]*//p" "$1" | tr -s '[:space:]' ' ' | sed 's/ $//'
}

nothing=0000000000000000

# no_rights FILE EFFECTIVE: what is left of a thread's rights.
no_rights() {
	for set in CapInh CapBnd CapAmb; do
		is "$set of $1" "$(field "$1" $set)" $nothing
	done
	is "CapPrm of $1" "$(field "$1" CapPrm)" "$2"
	is "CapEff of $1" "$(field "$1" CapEff)" "$2"
	is "NoNewPrivs of $1" "$(field "$1" NoNewPrivs)" 1
	is "Seccomp of $1" "$(field "$1" Seccomp)" 2
}

status_of_all() {
	runs sb
	first=$(pid_of sb)
	for tid in $(threads sb); do
		s=/proc/$first/task/$tid/status
		no_rights "$s" $nothing
		is "Uid of $tid" "$(field "$s" Uid)" "65534 65534 65534 65534"
		is "Gid of $tid" "$(field "$s" Gid)" "65534 65534 65534 65534"
		is "Groups of $tid" "$(field "$s" Groups)" ''
		is "Seccomp_filters of $tid" "$(field "$s" Seccomp_filters)" 1
	done
	is 'threads' "$(threads sb | while read -r tid; do cat "/proc/$first/task/$tid/comm"
		done | sort -u | xargs)" 'lanbox-disk lanbox-save lanbox-vcpu0 lanbox-vmm'
	# CAP_DAC_OVERRIDE
	no_rights "/proc/$(opener_of sb)/status" 0000000000000002
	grep '^Max core file size  *0  *0 ' "/proc/$first/limits"
}
if getent passwd lanbox-vmm >/dev/null; then
	skip 'users, capabilities and filters of each thread' 'this host has a user for VMs'
	runs sb
else
	check 'users, capabilities and filters of each thread' status_of_all
fi

opener_has_little() {
	opener=$(opener_of sb)
	is 'its descriptors' "$(for fd in "/proc/$opener/fd"/*; do readlink "$fd"; done |
		grep -v '^/dev/null$\|^socket:\|^/tmp' || :)" ''
	not grep -q 'guest-ram\|kvm' "/proc/$opener/maps"
}
check "the opener has neither the guest's memory nor KVM" opener_has_little

# same_calls KIND TID: -dump-sandbox and the kernel agree.
same_calls() {
	said_calls=$("$VMM" -kernel x -qmp unix:/x -hda "$T/sb.img" -serial stdio -dump-sandbox |
		sed -n "s/^$1 //p")
	rc=0
	kernel=$("$SECCHECK" filters "$2") || rc=$?
	[ $rc != 77 ] || return 77
	note "$1: $(echo "$kernel" | cut -d' ' -f2) system calls"
	is "filters of $1" "$(echo "$kernel" | cut -d' ' -f1)" 1
	is "calls of $1" "$(echo "$kernel" | cut -d' ' -f2-)" "$said_calls"
}

calls() {
	same_calls main "$(pid_of sb)"
	same_calls vcpu "$(vcpu_of sb)"
	same_calls disk "$(thread_of sb disk)"
	same_calls save "$(thread_of sb save)"
	same_calls opener "$(opener_of sb)"
}
check 'each thread may do what -dump-sandbox says, and nothing else' calls

few() {
	"$VMM" -kernel x -hda x -net nic -net vde -save-dir / -dump-sandbox >"$T/dump"
	for thread in main vcpu disk net save opener; do
		[ "$(sed -n "s/^$thread \([0-9]*\) .*/\1/p" "$T/dump")" -le 30 ] ||
			fail "$(cat "$T/dump")"
	done
	# No call at all for what this VM does not have.
	"$VMM" -kernel x -serial null -dump-sandbox >"$T/dump"
	not grep -E '^main .* (io_uring_enter|pwritev|readv|dup2|setsockopt|sched_setscheduler) ' "$T/dump"
}
check 'they are few, and only what this VM has is for' few

# Memory.

no_core() {
	gdb -batch -p "$(pid_of sb)" -ex "gcore $T/core" >"$T/gdb.out" 2>&1 || :
	# Root may always look; what it gets does not have the guest in it.
	[ -s "$T/core" ]
	grep -a -q 'lanbox-vmm' "$T/core"
	not grep -a -q "$WORDS" "$T/core"
	rm -f "$T/core"
	grep -a -q "$WORDS" "$GUEST.bin"
	not setpriv --reuid=65534 --regid=65534 --clear-groups gdb -batch -p "$(pid_of sb)" \
		-ex 'info registers' >"$T/gdb.out" 2>&1 || grep -i 'not permitted' "$T/gdb.out"
	for range in $(grep 'guest-ram' "/proc/$(pid_of sb)/maps" | cut -d' ' -f1); do
		flags=$(sed -n "/^$range/,/^VmFlags/s/^VmFlags: //p" \
			"/proc/$(pid_of sb)/smaps" | head -n 1)
		case " $flags " in *" dd "*) ;; *) fail "$range: $flags" ;; esac
		case " $flags " in *" dc "*) ;; *) fail "$range: $flags" ;; esac
	done
	end sb
}
if grep -q asan_init "$VMM"; then
	skip "no core file has the guest's memory" "the sanitizers' shadow is terabytes of it"
	end sb
else
	check "no core file has the guest's memory" no_core
fi

# What an intruder would try. Each of it ends the VM, and is named.

# stopped THREAD CALL [ARGUMENT]...: a VM whose thread makes this call.
stopped() {
	runs bad
	[ "$1" = main ] && tid=$(pid_of bad) || tid=$(vcpu_of bad)
	lib_thread=$1
	lib_call=$2
	shift 2
	is 'what the call does' "$("$SECCHECK" inject "$tid" "$lib_call" "$@")" SIGSYS
	ended bad
	is 'exit status' "$(exit_status bad)" 6
	grep "sandbox: thread $lib_thread has made the system call $lib_call (" "$T/bad.log" ||
		fail "$(cat "$T/bad.log")"
	[ ! -e "$T/bad.qmp" ] || rm "$T/bad.qmp"
}
for thread in main vcpu; do
	check "$thread: no program" stopped $thread execve 0 0 0
	check "$thread: no socket" stopped $thread socket 1 1 0
	check "$thread: no file by its path" stopped $thread openat -100 0 0
	check "$thread: no ptrace" stopped $thread ptrace 16 1 0 0
	check "$thread: no memory that is executed" stopped $thread mprotect 0 4096 5
	check "$thread: no mapping that is executed" stopped $thread mmap 0 4096 7 34 -1 0
	check "$thread: no signal for others" stopped $thread kill 1 0
	check "$thread: none by its thread" stopped $thread tgkill 1 1 0
	check "$thread: no process" stopped $thread clone 17 0 0 0 0
	# That of the C library, with what it makes threads with.
	check "$thread: no thread" stopped $thread clone 0x3d0f00 0 0 0 0
	check "$thread: neither by the newer call" stopped $thread clone3 0 0
	check "$thread: no other ioctl" stopped $thread ioctl 0 0x5412 0
done

# What it may do, with arguments that do nothing, is not stopped: the test can tell.
passes() {
	runs good
	for tid in $(pid_of good) $(vcpu_of good); do
		is 'closing nothing' "$("$SECCHECK" inject "$tid" close 999)" 'returns -9'
	done
	is 'memory' "$("$SECCHECK" inject "$(pid_of good)" munmap 1 4096)" 'returns -22'
	# What only some do: memory is given back at the end, a disk has a size, and there are
	# clocks that take a system call.
	for tid in $(threads good); do
		"$SECCHECK" inject "$tid" brk 0 | grep '^returns'
	done
	is 'size' "$("$SECCHECK" inject "$(pid_of good)" fstat 999 0)" 'returns -9'
	is 'time' "$("$SECCHECK" inject "$(pid_of good)" gettimeofday 0 0)" 'returns 0'
	is_running good
	end good
	is 'exit status' "$(exit_status good)" 0
}
check 'what they need they can do' passes

# Where the C library finds memory damaged, it says so and ends.
last_words() {
	runs bad
	gdb -nx -batch -p "$(pid_of bad)" -ex 'call (void)__stack_chk_fail()' >"$T/gdb" 2>&1 || :
	ended bad
	is 'exit status' "$(exit_status bad)" 6
	grep 'sandbox: thread main ends: .*stack smashing detected' "$T/bad.log" ||
		fail "$(cat "$T/bad.log" "$T/gdb")"
	[ ! -e "$T/bad.qmp" ] || rm "$T/bad.qmp"
}
if grep -q asan_init "$VMM" || ! command -v gdb >/dev/null; then
	skip 'its last words are said' 'no gdb, or sanitizers'
else
	check 'its last words are said' last_words
fi

# Users.

runas() {
	runs sb -runas daemon
	is uid "$(field "/proc/$(pid_of sb)/status" Uid | cut -d' ' -f1)" "$(id -u daemon)"
	end sb
	vm who mode=hello -runas nobody-of-this-name
	wait_for 10 test -s "$T/who.rc"
	is 'exit status' "$(exit_status who)" 1
	grep "'nobody-of-this-name': there is no such user" "$T/who.log"
}
check '-runas' runas

# Sockets and the pid file are removed by who may.
tidy() {
	runs sb -pidfile "$T/sb.pidfile"
	[ -s "$T/sb.pidfile" ] && [ -S "$T/sb.qmp" ]
	end sb
	is 'what is left' "$(ls "$T"/sb.pidfile "$T"/sb.qmp 2>/dev/null)" ''
	# What somebody else has put there is not ours.
	runs sb
	mv "$T/sb.qmp" "$T/moved"
	echo precious >"$T/sb.qmp"
	end sb
	is 'what was put there' "$(cat "$T/sb.qmp")" precious
	rm "$T/sb.qmp" "$T/moved"
}
check 'its sockets and the pid file go, and nothing in their place' tidy

# ends_with NAME SIGNAL: nothing is left when the VM's process is killed.
killed() {
	runs sb
	opener=$(opener_of sb)
	[ -n "$opener" ]
	end sb KILL
	wait_for 5 not_alive "$opener"
	rm -f "$T/sb.qmp"
}

not_alive() {
	! alive "$1"
}
check 'the opener ends with the VM that is killed' killed

# Saved states go where the command line says.

qmp() {
	{
		echo '{"execute":"qmp_capabilities"}'
		echo "$2"
		sleep 0.3
	} | timeout 10 socat -t 5 - "unix:$T/$1.qmp" | tail -n +3
}

migrate() {
	qmp sb "{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"file:$1\"}}"
}

saves() {
	mkdir "$T/states" "$T/secret"
	ln -s ../secret "$T/states/away"
	# Without a word, beside where it was started, and nothing that anybody else reads.
	runs sb
	for path in "$T/states/one.vm" "$T/.one.vm" "$T/one" "$T/.vm" /one.vm; do
		migrate "$path" | grep 'without -save-dir it may be saved in the folder'
	done
	migrate "$T/one.vm" | grep '"return": {}'
	wait_for 10 test -s "$T/one.vm"
	end sb
	runs sb -save-dir "$T/states"
	migrate "$T/secret/one" | grep 'not below the folder of -save-dir'
	migrate "$T/states/../secret/one" | grep 'not below'
	migrate "$T/states/away/one" | grep '"return": {}'
	sleep 0.5
	qmp sb '{"execute":"query-migrate"}' | grep 'Not a directory'
	is 'what is there' "$(ls "$T/secret")" ''
	migrate "$T/states/one" | grep '"return": {}'
	wait_for 10 test -s "$T/states/one"
	is 'files beside it' "$(ls "$T/states")" "$(printf 'away\none')"
	end sb
}
check 'states are saved below -save-dir, and nowhere else' saves

# As "killall" or systemd do it.
all_told() {
	runs sb -save-dir "$T/states"
	children=$(ps -o pid= --ppid "$(pid_of sb)")
	[ "$(echo "$children" | wc -l)" -ge 2 ] || fail "$children"
	# shellcheck disable=SC2086 # several
	kill -TERM $children
	sleep 0.2
	# shellcheck disable=SC2086
	kill -TERM $children "$(pid_of sb)"
	wait_for 10 test -s "$T/sb.rc"
	is 'exit status' "$(exit_status sb)" 0
	for pid in $children; do
		wait_for 5 not alive "$pid"
	done
	not test -e "$T/sb.qmp"
}
check 'a signal for all of its processes ends it as one for the VM does' all_told

# The host's log: a VM in the background speaks there, and the daemon may be another by then.

# in_dev COMMAND...: where /dev is one of our own, with a log in it.
in_dev() {
	# shellcheck disable=SC2016 # for the inner shell
	unshare -m sh -c 'mount --bind "$0" /dev && exec "$@"' "$T/dev" "$@"
}

# log_daemon FILE: one that writes what it hears to FILE.
log_daemon() {
	rm -f "$T/dev/log"
	spawn logd socat -u "UNIX-RECV:$T/dev/log" "CREATE:$1"
	wait_for 5 test -S "$T/dev/log"
	chmod 666 "$T/dev/log"
}

log_has() {
	grep -a -q "$2" "$1"
}

syslog() {
	mkdir "$T/dev"
	for node in kvm null zero urandom; do
		cp -a "/dev/$node" "$T/dev"
	done
	log_daemon "$T/syslog.1"
	in_dev "$VMM" -m 64 -kernel "$GUEST.bin" -append mode=hang -serial null \
		-qmp "unix:$T/sb.qmp" -save-dir / -daemonize -pidfile "$T/bg.pid"
	background=$(cat "$T/bg.pid")
	migrate /no/such/place
	wait_for 5 log_has "$T/syslog.1" "lanbox-vmm\[$background\]: '/no/such/place': the VM cannot"
	end logd
	log_daemon "$T/syslog.2"
	migrate /no/such/other
	wait_for 5 log_has "$T/syslog.2" "lanbox-vmm\[$background\]: '/no/such/other': the VM cannot"
	for task in "/proc/$background/task"/*; do
		[ "$(cat "$task/comm")" != lanbox-vcpu0 ] || vcpu=${task##*/}
	done
	"$SECCHECK" inject "$vcpu" socket 1 1 0
	wait_for 5 log_has "$T/syslog.2" 'lanbox-vmm: sandbox: thread vcpu has made the system call'
	wait_for 5 not alive "$background"
	end logd
	rm -f "$T/sb.qmp"
}
check "in the background it speaks to the host's log, started anew or not, to its last" syslog

off() {
	runs sb -sandbox off
	grep 'lanbox-vmm: the sandbox is off: ' "$T/sb.log" || fail "$(cat "$T/sb.log")"
	is Seccomp "$(field "/proc/$(pid_of sb)/status" Seccomp)" 0
	end sb
	runs sb --sandbox=off
	is Seccomp "$(field "/proc/$(pid_of sb)/status" Seccomp)" 0
	end sb
	runs sb -sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
	is Seccomp "$(field "/proc/$(pid_of sb)/status" Seccomp)" 2
	end sb
	vm hole mode=hello -sandbox on,spawn=allow
	wait_for 10 test -s "$T/hole.rc"
	is 'exit status' "$(exit_status hole)" 2
	grep 'spawn.*a sandbox with holes cannot be had' "$T/hole.log"
}
check '-sandbox off says so; QEMU has the same words' off

# A guest that starts anew needs a new machine, inside.
again() {
	# shellcheck disable=SC2046 # words
	vm again 'mode=hello exit=kbd' $(disk again)
	wait_for "$GUEST_SECONDS" thrice
	for tid in $(threads again); do
		is Seccomp "$(field "/proc/$(pid_of again)/task/$tid/status" Seccomp)" 2
	done
	end again
	is 'exit status' "$(exit_status again)" 0
}

thrice() {
	[ "$(said_count again 'hello from')" -ge 3 ]
}
check 'a guest that restarts finds its machine in the sandbox' again

done_testing
