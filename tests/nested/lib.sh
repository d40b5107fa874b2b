# SPDX-License-Identifier: BSD-2-Clause
# lib.sh - what a case is written in: checks that print TAP, a switch, VMs.
#
# A case is a script in cases/ that begins with ". ./lib.sh", which takes it to a
# folder of its own, and ends with "finish".  It usually runs as root in the
# emulated host (see nested), where it may do as it likes with addresses, bridges
# and processes; whatever it leaves behind goes with the host.  Nothing here
# depends on that host, though: where /dev/kvm runs Linux, a case that changes
# nothing outside its folder can run directly.
#
# A line "# nested: ..." in a case asks the runner for a host of another shape;
# see nested.
# shellcheck shell=sh

: "${SWITCH:=lanbox-switchd}"	# the switch under test
: "${VMM:=lanbox-vmm}"		# the VMM under test; qemu-vmm is the other
: "${KERNEL:=/boot/vmlinuz}"	# what the VMs run
: "${INITRD:=/boot/guest.img}"
: "${FAIL_FAST:=no}"		# does the case end with the first check that fails?
: "${PATIENCE:=90}"		# seconds a VM may take to boot or to stop
: "${SLOW:=4}"			# times as long as is said may waiting take
				# DEADLINE, if set: when, in seconds of uptime,
				# waiting ends in any case

work=$(mktemp -d)		# where the case runs, and all its files; logs
				# are *.log
failed=0
planned=no
trap 'on_exit' EXIT
trap 'exit 1' INT TERM HUP
cd "$work" || exit 1

# on_exit - leave nothing running, and no case that stopped half way unnoticed
on_exit()
{
	if [ "$planned" = no ]; then
		not_ok "the case runs to its end"
		show_logs
	fi
	stop_all
	rm -rf "$work"
}

# ok TEXT, not_ok TEXT, skip TEXT REASON - a test that is decided
ok()
{
	echo "ok - $*"
}

not_ok()
{
	echo "not ok - $*"
	failed=$((failed + 1))
}

skip()
{
	echo "ok - $1 # SKIP $2"
}

# diag - standard input as TAP comments
diag()
{
	sed 's/^/# /'
}

# check TEXT COMMAND... - a test that COMMAND decides; what it printed is shown
# when it fails
check()
{
	text=$1
	shift
	if "$@" >check.out 2>&1; then
		ok "$text"
	else
		not_ok "$text"
		{
			echo "\$ $*"
			tail -n 20 check.out
		} | diag
		if [ "$(seconds)" -ge "${DEADLINE:-999999999}" ]; then
			not_ok "the case is over in time"
			finish
		fi
		go_on
	fi
}

# go_on - when a check has failed, and that is shown: fails, or ends the case
go_on()
{
	[ "$FAIL_FAST" = no ] || finish
	return 1
}

# check_eq TEXT HAVE WANT - a test of two strings
check_eq()
{
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1"
		printf 'have: %s\nwant: %s\n' "$2" "$3" | diag
		go_on
	fi
}

# no COMMAND... - succeeds when COMMAND fails
no()
{
	! "$@"
}

# need TEXT COMMAND... - a test without which the rest of the case is pointless
need()
{
	check "$@" || finish
}

# wait_for SECONDS COMMAND... - try COMMAND until it succeeds, but never longer
# than the whole case may take.  SECONDS are those of a machine that does nothing
# else; others have $SLOW times as many.  A subshell, so that COMMAND may wait
# itself.
wait_for()
(
	end=$(($(seconds) + $1 * SLOW))
	[ $end -lt "${DEADLINE:-$end}" ] || end=$DEADLINE
	shift
	until "$@"; do
		[ "$(seconds)" -lt $end ] || return 1
		sleep 0.1
	done
)

# seconds - whole seconds of a clock that only goes forward
seconds()
{
	read -r up _ </proc/uptime
	echo "${up%%.*}"
}

# show_logs - the end of every log, and of the kernel's, as comments
show_logs()
{
	dmesg >kernel.log 2>/dev/null
	for log in *.log; do
		[ -s "$log" ] || continue
		echo "# --- ${log##*/}"
		tail -n 25 "$log" | tr -d '\r' | diag
	done
}

# finish - the end of a case; its status is non-zero when a check failed
finish()
{
	[ $failed -eq 0 ] || show_logs
	planned=yes
	exit $((failed > 0))
}

# shown COMMAND... - called with each command that starts a switch or a VM; a
# case that wants to show them has its own
shown()
{
	:
}

# start_switch [ARGUMENT...] - start $SWITCH as a daemon, with its pid in
# switch.pid; without -sock in ARGUMENTs it is the default switch
start_switch()
{
	set -- "$SWITCH" -daemon -pidfile switch.pid "$@"
	shown "$@"
	"$@" >>switch.log 2>&1
}

# stop_switch - end it as people do, and wait until it is gone
stop_switch()
{
	pid=$(cat switch.pid) && kill "$pid" && wait_for 10 gone "$pid"
}

# gone PID - has this process ended?
gone()
{
	! kill -0 "$1" 2>/dev/null
}

# start_vm NAME ADDRESS[/LENGTH] [ARGUMENT...] - start a VM and return at once.
# It has 128 MiB and one NIC on the default switch unless ARGUMENTs say
# otherwise; its serial console is in NAME.log.
start_vm()
{
	vm=$1
	case $2 in
	'')
		append=
		;;
	*/*)
		append=" lb.ip=$2"
		;;
	*)
		append=" lb.ip=$2/24"
		;;
	esac
	shift 2

	case " $* " in
	*" -net "* | *" -netdev "*)
		;;
	*)
		set -- -net nic -net vde "$@"
		;;
	esac

	set -- "$VMM" -name "$vm" -m 128 -kernel "$KERNEL" -initrd "$INITRD" \
		-append "console=ttyS0 quiet panic=-1$append" -serial stdio "$@"
	shown "$@"

	rm -f "$vm.status" "$vm.pid"
	[ -e "$vm.in" ] || mkfifo "$vm.in"
	: >"$vm.log"
	echo 0 >"$vm.number"
	(
		# The shell becomes the VMM, so that the pid is the VMM's; the
		# fifo is open at both ends, so that it is never at its end.
		sh -c 'echo $$ >"$0.pid"; exec "$@" <>"$0.in" >>"$0.log" 2>&1' \
			"$vm" "$@"
		echo $? >"$vm.status"
	) &
	wait_for 5 test -s "$vm.pid"
}

# vm_console NAME - what the VM has printed, without carriage returns
vm_console()
{
	tr -d '\r' <"$1.log"
}

# vm_pid NAME - the VMM's process
vm_pid()
{
	cat "$1.pid"
}

# vm_says NAME REGEX [TIMES] - has the VM printed a matching line (TIMES times)?
vm_says()
{
	[ "$(vm_console "$1" | grep -c -- "$2")" -ge "${3:-1}" ]
}

# vm_boot NAME... - wait until these VMs are up
vm_boot()
{
	for vm; do
		wait_for "$PATIENCE" vm_booted_or_dead "$vm" &&
			vm_says "$vm" '^lb: up ' || return 1
	done
}

vm_booted_or_dead()
{
	vm_says "$1" '^lb: up ' || [ -s "$1.status" ]
}

# vm_fact NAME KEY - from the last "lb: up" line: cpus, mem, mac or ip
vm_fact()
{
	vm_console "$1" | sed -n "s/^lb: up .*\\<$2=\\([^ ]*\\).*/\\1/p" | tail -n 1
}

# vm_send NAME COMMAND - make the VM run COMMAND, without waiting for an answer
vm_send()
{
	number=$(($(cat "$1.number") + 1))
	echo $number >"$1.number"
	# Open at both ends, so that a VM that is gone does not block us.
	printf '%s\n' "$number $2" 1<>"$1.in"
}

# vm_run NAME COMMAND [SECONDS [PAUSE]] - run COMMAND (one line of shell) in the VM; its
# output and its status are this function's.  For PAUSE seconds nobody looks.
vm_run()
{
	[ ! -e "$1.status" ] || return 125
	lines=$(vm_console "$1" | wc -l)
	vm_send "$1" "$2"
	[ -z "${4:-}" ] || sleep "$4"
	wait_for "${3:-30}" vm_says "$1" "^lb: $number rc=" || return 124
	vm_console "$1" | sed -n "1,${lines}d;/^lb: $number rc=/q;p"
	return "$(vm_console "$1" | sed -n "s/^lb: $number rc=//p")"
}

# vm_exit NAME [SECONDS] - wait for the VMM to end; its status is this function's
vm_exit()
{
	wait_for "${2:-$PATIENCE}" test -s "$1.status" || return 124
	return "$(cat "$1.status")"
}

# vm_poweroff NAME - let the guest power off; the status is the VMM's
vm_poweroff()
{
	vm_send "$1" "poweroff -f"
	vm_exit "$1"
}

# pings NAME ADDRESS [COUNT] - do all COUNT pings (1) from VM NAME come back?  A
# first one, which may be lost to address resolution, is tried until it does.
pings()
{
	wait_for 20 vm_run "$1" "ping -q -c 1 -W 2 $2 >/dev/null" 10 &&
		vm_run "$1" "ping -c ${3:-1} -W 10 $2" |
			grep " ${3:-1} packets received"
}

# claimed NAME... - has nothing been said of devices that these VMs do not use?
claimed()
{
	for vm; do
		no grep -e 'has not claimed' -e 'has not looked for devices' -e 'not got .* to work' \
			"$vm.log" || return 1
	done
}

# stop_all - end every VM and the switch, whatever state they are in
stop_all()
{
	for pidfile in *.pid; do
		[ -s "$pidfile" ] && [ ! -e "${pidfile%.pid}.status" ] || continue
		pid=$(cat "$pidfile")
		kill "$pid" 2>/dev/null || continue
		wait_for 5 gone "$pid" || kill -9 "$pid"
	done
}
