# SPDX-License-Identifier: BSD-2-Clause
# invariants.sh - What must hold of a switch after anything was done to it
#
# Sourced after lib.sh. undisturbed NAME COMMAND... does something to the switch
# NAME, and then asks for all of these that can be seen from outside:
#
# I1	it runs
# I2	clients that came before still have their ports: a pair of them, plugged in
#	before, exchanges frames by learned addresses
# I3	newcomers get ports, and 100 requests of theirs get their answers
# I4	files, descriptors and plugs are what they were
# I6	its log has grown by a few lines at most, and holds no control characters
# I7	it sleeps, a second later at the latest
# I8	no sanitizer has spoken
#
# I5 (what came in went out or is counted as dropped) and I10 (nobody gets what is
# not for him) are not for a shell: see the unit tests, and framecheck, which
# looks at every plug. I9 (a clear error) is each case's own.

# Lines a log may grow by: ten from each of a few places.
INV_LINES=30

log_lines() {
	wc -l <"$T/$1.log"
}

# Resident memory in KiB.
rss() {
	sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$(pid_of "$1")/status"
}

# Processor time in hundredths of a second, so far.
cpu_ticks() {
	awk '{ print $14 + $15 }' "/proc/$(pid_of "$1")/stat"
}

sleeps() {
	inv_ticks=$(cpu_ticks "$1")
	sleep 0.2
	[ $(($(cpu_ticks "$1") - inv_ticks)) -le 2 ]
}

under_asan() {
	grep -q __asan_init "$(command -v "$SWITCH")"
}

# Two clients that have been there all the time; see framecheck.c.
witness_start() {
	spawn "$1.witness" "$FRAMECHECK" "vde://$T/$1"
	say "$1.witness" 'plug y z\nsend y to all\nlearned\nsend z to y\nlearned\n'
	wait_for 3 witness_known "$1" 02:00:00:00:00:23
}

witness_known() {
	"$TALK" "$T/$1.mgmt" 'hash/print\n' | grep "$2"
}

# They may have been sent a lot meanwhile, which they have not read.
witness_end() {
	is_running "$1.witness" || { cat "$T/$1.witness.log"; fail 'I2: clients were lost'; }
	say "$1.witness" 'drain\nsend y to z\nexpect z\nsend z to y\nexpect y\ndone\n'
	ended "$1.witness"
	cat "$T/$1.witness.log"
	is 'clients from before' "$(exit_status "$1.witness")" 0
}

# Only in checks: it sets a trap for the end of its shell.
undisturbed() {
	inv=$1
	shift
	inv_state=$(switch_at_rest "$inv")
	inv_lines=$(log_lines "$inv")
	inv_since=$(date +%s)
	trap 'is_running "$inv.witness" && end "$inv.witness" KILL' EXIT
	witness_start "$inv"
	"$@"
	is_running "$inv" || fail 'I1: the switch is gone'
	witness_end "$inv"
	"$LOAD" -m rr -N -c 100 -q 100 "vde://$T/$inv" || fail 'I3: frames are lost'
	wait_for 2 switch_holds "$inv" "$inv_state" || {
		switch_state "$inv"
		rm -f "$T/$inv.rest"
		fail 'I4: and that is what the switch holds now'
	}
	inv_lines=$(($(log_lines "$inv") - inv_lines))
	# Each place may write ten in five seconds, for as long as it lasts.
	inv_most=$((INV_LINES + 2 * ($(date +%s) - inv_since)))
	[ $inv_lines -le $inv_most ] || fail "I6: $inv_lines lines in the log"
	not env LC_ALL=C grep -n '[^ -~	]' "$T/$inv.log"
	wait_for 1 sleeps "$inv" || fail 'I7: it does not sleep'
	not grep -e 'Sanitizer' -e 'runtime error:' "$T/$inv.log"
}
