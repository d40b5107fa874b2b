# SPDX-License-Identifier: BSD-2-Clause
# sessions.sh - Clients come and go, many times: nothing of them is left
#
# COUNT sessions (20000 by default; a million is a matter of two minutes), with
# bursts and with clients that are killed; see sessions.c.
. "${top_srcdir:?}/tests/integration/lib.sh"
. "${top_srcdir:?}/tests/integration/invariants.sh"

COUNT=${COUNT:-20000}
SESSIONS=$top_builddir/tests/integration/sessions

sessions() {
	rc=0
	"$SESSIONS" "$T/sw" "$1" >"$T/sessions.out" 2>&1 || rc=$?
	note "$(cat "$T/sessions.out")"
	return $rc
}

# The first ones make it allocate what it keeps for the next.
steady() {
	switch_start sw "$@"
	undisturbed sw sessions 2000
	before=$(rss sw)
	undisturbed sw sessions "$COUNT"
	after=$(rss sw)
	end sw
	note "resident: $before KiB before, $after KiB after"
	under_asan || [ "$after" -le $((before + 64)) ] || fail 'it has grown'
}
vde_fails 'ports are lost for ever'
check "CT-10: $COUNT sessions leave no port, descriptor, file or memory" steady
vde_fails 'ports are lost for ever'
check 'CT-10: the same where there are ports for all of a burst' steady -n 1024

four_at_once() {
	for n in 1 2 3 4; do
		spawn "by$n" "$SESSIONS" "$T/sw" $((COUNT / 20)) "by$n"
	done
	for n in 1 2 3 4; do
		wait_for 30 test -s "$T/by$n.rc"
		cat "$T/by$n.log"
		is "exit status of $n" "$(exit_status "by$n")" 0
	done
}
four() {
	switch_start sw -n 2048
	undisturbed sw four_at_once
	end sw
}
vde_fails 'ports are lost for ever'
check 'CT-10: four at once' four

beside() {
	"$LOAD" -N -c 60000 -r 20000 "vde://$T/sw" >"$T/load.out" &
	load=$!
	sessions $((COUNT / 2))
	rc=0
	wait $load || rc=$?
	note "$(cat "$T/load.out")"
	return $rc
}
traffic() {
	switch_start sw -n 1024
	undisturbed sw beside
	end sw
}
vde_fails 'ports are lost for ever'
check 'MG-17: and frames of others are not lost meanwhile' traffic

done_testing
