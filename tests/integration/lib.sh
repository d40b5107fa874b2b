# SPDX-License-Identifier: BSD-2-Clause
# lib.sh - What the tests of the switch share: TAP, starting and ending things
#
# Sourced first by each script. A script says what it needs (requires), starts a
# switch (switch_start), makes its checks (check), and ends with done_testing.
# What it started is ended and what it made is removed when it exits, however it
# exits. The switch is $SWITCH, by default lanbox-switchd; with
# SWITCH=vde_switch the same scripts show what VDE's own switch does.
#
# Everything is in $T, a private directory with a short name (the names of UNIX
# sockets may have 107 bytes). Whatever has a NAME has its files there:
# $T/NAME.log its output, $T/NAME.pid its process, $T/NAME.rc how it ended, and a
# switch its directory $T/NAME and its console $T/NAME.mgmt.

set -u
: "${top_srcdir:?run me by make check, or set top_srcdir and top_builddir}"
: "${top_builddir:?run me by make check, or set top_srcdir and top_builddir}"

SWITCH=${SWITCH:-$top_builddir/lanbox-switchd}
RAWVDE=$top_builddir/tests/integration/rawvde
FRAMECHECK=$top_builddir/tests/integration/framecheck
TALK=$top_builddir/tests/integration/talk
LOAD=$top_builddir/tests/bench/vde-load

T=$(mktemp -d /tmp/lb.XXXXXX) || exit 99
chmod 755 "$T"		# other users' clients come here, too
export LB_T="$T"	# by this we know our daemons again
: >"$T/cleanup"
tests=0
known=

# Ending.

# Whether a process lives; a zombie does not.
alive() {
	[ -n "${1:-}" ] && [ -d "/proc/$1" ] &&
		! grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null
}

# cleanup_fn COMMAND: run a line of shell at the end; the last one first.
cleanup_fn() {
	{ echo "$*"; cat "$T/cleanup"; } >"$T/cleanup.new"
	mv "$T/cleanup.new" "$T/cleanup"
}

# End the daemons we started, whether they told us their number or not.
sweep() {
	for lib_env in $(grep -l -a -F "LB_T=$T" /proc/[0-9]*/environ 2>/dev/null); do
		lib_pid=${lib_env#/proc/}
		lib_pid=${lib_pid%/environ}
		# Daemons lead their sessions; what runs in ours has a parent to see to it.
		if [ "$(ps -o sid= -p "$lib_pid" | tr -d ' ')" = "$lib_pid" ] &&
		   [ "$lib_pid" != $$ ]; then
			kill -KILL "$lib_pid"
		fi
	done
}

lib_exit() {
	lib_rc=$?
	trap '' INT TERM HUP
	while IFS= read -r lib_line; do
		eval "$lib_line" </dev/null >/dev/null 2>&1
	done <"$T/cleanup"
	for lib_file in "$T"/*.in; do
		lib_file=${lib_file##*/}
		is_running "${lib_file%.in}" && end "${lib_file%.in}" KILL
	done
	sweep 2>/dev/null
	wait 2>/dev/null
	rm -rf "$T"
	exit $lib_rc
}
trap lib_exit EXIT
trap 'exit 1' INT TERM HUP

# TAP.

# Each line of standard input as a TAP comment.
diag() {
	sed 's/^/# /'
}

done_testing() {
	echo "1..$tests"
}

skip_all() {
	echo "1..0 # SKIP $*"
	exit 0
}

# check DESCRIPTION COMMAND...: one test, good if the command is. The command
# (most often a function) runs in a subshell that ends at the first failure.
check() {
	tests=$((tests + 1))
	lib_desc=$1
	shift
	(set -e; "$@") >"$T/check.out" 2>&1
	lib_rc=$?
	if [ $lib_rc -eq 0 ]; then
		echo "ok $tests - $lib_desc"
	elif [ -n "$known" ] && is_vde_switch; then
		echo "not ok $tests - $lib_desc # TODO vde_switch: $known"
	else
		echo "not ok $tests - $lib_desc"
	fi
	[ -e "$T/note" ] && diag <"$T/note"
	rm -f "$T/note"
	[ $lib_rc -eq 0 ] || { cat "$T/check.out"; lib_switches; } | diag
	known=
}

# What became of the switches, and their last words.
lib_switches() {
	for lib_file in "$T"/*.switch; do
		[ -e "$lib_file" ] || continue
		lib_name=${lib_file##*/}
		lib_name=${lib_name%.switch}
		if is_running "$lib_name"; then
			echo "switch $lib_name runs"
		else
			echo "switch $lib_name has ended: $(cat "$T/$lib_name.rc" 2>&1)"
		fi
		tail -n 3 "$T/$lib_name.log"
	done
}

# begin NAME COMMAND...: what one test does, in the background, for it waits most of the
# time; others come meanwhile, which share no files and no processes with it. Its check is
# its_end NAME.
begin() {
	lib_job=$1
	shift
	(
		trap 'echo $? >"$T/$lib_job.end.new" && mv "$T/$lib_job.end.new" "$T/$lib_job.end"' EXIT
		set -e
		"$@"
	) >"$T/$lib_job.said" 2>&1 &
	cleanup_fn "[ -e '$T/$lib_job.end' ] || kill $!"
}

its_end() {
	wait_for 300 test -e "$T/$1.end"
	cat "$T/$1.said"
	return "$(cat "$T/$1.end")"
}

# skip DESCRIPTION REASON: a test that cannot be made here.
skip() {
	tests=$((tests + 1))
	echo "ok $tests - $1 # SKIP $2"
	known=
}

# vde_fails REASON: VDE's own switch is known to fail the next test.
vde_fails() {
	known=$*
}

is_vde_switch() {
	[ "${SWITCH##*/}" = vde_switch ]
}

# Complain and fail, for use in checks.
fail() {
	echo "$*"
	return 1
}

# Something to be said whether the check is good or not.
note() {
	echo "$*" >>"$T/note"
}

# The opposite, for use in checks: the shell's own ! never ends one.
not() {
	! "$@" || fail "this should not be: $*"
}

# is WHAT GOT WANTED: compare two texts.
is() {
	[ "$2" = "$3" ] || fail "$1: got '$2', not '$3'"
}

# What is needed.

requires() {
	for lib_cmd; do
		command -v "$lib_cmd" >/dev/null 2>&1 || skip_all "no $lib_cmd here"
	done
}

# A network namespace for the whole script: it begins again in one of its own.
# Nothing it makes there outlives it.
requires_netns() {
	[ -n "${LB_NETNS:-}" ] && return
	if [ "$(id -u)" -eq 0 ]; then
		lib_flags=-n
	else
		lib_flags=-rn
	fi
	unshare $lib_flags true 2>/dev/null || skip_all "no network namespaces here"
	[ -r /dev/net/tun ] && [ -w /dev/net/tun ] || skip_all "no /dev/net/tun for us here"
	rm -rf "$T"
	trap - EXIT
	LB_NETNS=1 exec unshare $lib_flags -- sh "$0"
}

# netns NAME: one more network namespace, until NAME is ended; and a command there.
netns() {
	spawn "$1" unshare -n sleep 100000
	wait_for 5 own_netns "$1"
}
own_netns() {
	[ "$(readlink "/proc/$(pid_of "$1")/ns/net")" != "$(readlink /proc/$$/ns/net)" ]
}
on() {
	lib_host=$1
	shift
	nsenter -t "$(pid_of "$lib_host")" -n -- "$@"
}

# Whether we can be two users; and a command as another one.
two_users() {
	[ "$(id -u)" -eq 0 ] && setpriv --reuid=65534 true 2>/dev/null
}

as() {
	lib_uid=$1
	shift
	setpriv --reuid="$lib_uid" --regid="$lib_uid" --clear-groups -- "$@"
}

# Waiting.

# wait_for SECONDS COMMAND...: try until it succeeds. The seconds are those of a machine that
# does nothing else; others have four times as many.
wait_for() {
	lib_tries=$(($1 * 50 * 4))
	shift
	while ! "$@" >/dev/null 2>&1; do
		lib_tries=$((lib_tries - 1))
		[ $lib_tries -gt 0 ] || fail "this did not come true: $*" || return
		sleep 0.02
	done
}

# Processes.

# spawn NAME COMMAND...: in the background, with a standard input that stays
# open and silent. A process of that name is ended first.
spawn() {
	lib_name=$1
	shift
	is_running "$lib_name" && end "$lib_name" KILL
	rm -f "$T/$lib_name.in" "$T/$lib_name.pid" "$T/$lib_name.rc"
	mkfifo "$T/$lib_name.in"
	# What one of this name has said before is not this one's.
	: >"$T/$lib_name.log"
	(
		exec 9<>"$T/$lib_name.in"
		"$@" <"$T/$lib_name.in" >"$T/$lib_name.log" 2>&1 9>&- &
		echo $! >"$T/$lib_name.pid.new"
		mv "$T/$lib_name.pid.new" "$T/$lib_name.pid"
		lib_rc=0
		wait $! || lib_rc=$?
		echo $lib_rc >"$T/$lib_name.rc.new"
		mv "$T/$lib_name.rc.new" "$T/$lib_name.rc"
	) 2>/dev/null &
	wait_for 10 test -s "$T/$lib_name.pid"
}

# say NAME TEXT: to its standard input, with printf's escapes.
say() {
	printf '%b' "$2" >"$T/$1.in"
}

pid_of() {
	cat "$T/$1.pid"
}

# Whether it has not ended; a number without a process may be somebody else's.
is_running() {
	[ -s "$T/$1.pid" ] && [ ! -e "$T/$1.rc" ] && alive "$(pid_of "$1")"
}

# end NAME [SIGNAL]: end it and wait for its end.
end() {
	# It may end by itself in between.
	{ is_running "$1" && kill -"${2:-TERM}" "$(pid_of "$1")"; } 2>/dev/null || :
	rm -f "$T/$1.switch"
	ended "$1"
}

ended() {
	wait_for 15 test -s "$T/$1.rc"
}

exit_status() {
	cat "$T/$1.rc"
}

# Switches.

# switch_start NAME [OPTION...]: in the foreground, its log in $T/NAME.log.
switch_start() {
	lib_sw=$1
	shift
	: >"$T/$lib_sw.switch"
	rm -f "$T/$lib_sw.rest"
	spawn "$lib_sw" "$SWITCH" -s "$T/$lib_sw" -M "$T/$lib_sw.mgmt" "$@"
	wait_for 5 switch_answers "$lib_sw" || { cat "$T/$lib_sw.log"; return 1; }
}

switch_answers() {
	"$TALK" "$T/$1.mgmt"
}

# console NAME COMMAND: what the console answers, without banner and prompts.
console() {
	"$TALK" "$T/$1.mgmt" "$2\\n" |
		sed -n '/^vde\$ /,$p' | sed -e '1s/^vde\$ //' -e '/^vde\$ $/d' -e '/^$/d'
}

# has_ports NAME N: whether a switch has so many.
has_ports() {
	is ports "$(console "$1" port/print | grep -c '^Port')" "$2"
}

# What a switch holds: files, descriptors, plugs.
switch_state() {
	ls -A "$T/$1"
	ls "/proc/$(pid_of "$1")/fd" | wc -l
	console "$1" port/print | grep -c 'endpoint ID' || :
}

# What it holds when nobody comes or goes. Seen twice to be sure, and kept, so
# that a check does not take what the one before it left for the state of rest.
switch_at_rest() {
	[ -e "$T/$1.rest" ] || wait_for 5 switch_rests "$1"
	cat "$T/$1.rest"
}

switch_rests() {
	lib_state=$(switch_state "$1")
	sleep 0.1
	[ "$(switch_state "$1")" = "$lib_state" ] && echo "$lib_state" >"$T/$1.rest"
}

# Whether it holds this again (see switch_state).
switch_holds() {
	[ "$(switch_state "$1")" = "$2" ]
}

# frames NAME <SCRIPT: see framecheck.c.
frames() {
	"$FRAMECHECK" "vde://$T/$1"
}

for lib_tool in "$RAWVDE" "$FRAMECHECK" "$TALK" "$LOAD"; do
	[ -x "$lib_tool" ] || { echo "Bail out! $lib_tool is not built"; exit 99; }
done
command -v "$SWITCH" >/dev/null || { echo "Bail out! no switch at $SWITCH"; exit 99; }
