# SPDX-License-Identifier: BSD-2-Clause
# noloss.sh - Every frame arrives where the receiver reads; who does not read
# costs nobody else anything
#
# All frames are numbered and summed by vde-load; see there.
. "${top_srcdir:?}/tests/integration/lib.sh"

COUNT=${COUNT:-1000000}
switch_start sw

# load OPTION...: all frames must come, once each, in order.
load() {
	rc=0
	"$LOAD" --no-loss "$@" "vde://$T/sw" >"$T/load.out" || rc=$?
	note "$(cat "$T/load.out")"
	return $rc
}

# Value of a field of the last line of results.
field() {
	sed -n "s|.* $1=\([0-9]*\).*|\1|p" "$T/load.out"
}

vde_fails 'loses some'
check "$COUNT frames of 64 bytes" load -c "$COUNT" -s 64
vde_fails 'loses some'
check "$COUNT frames of 1514 bytes" load -c "$COUNT" -s 1514
vde_fails 'loses some'
check '200000 frames of 64 bytes to a receiver that polls' load -c 200000 -s 64 -p
vde_fails 'truncates what is longer than 1518 bytes'
check '50000 frames of 9014 bytes' load -c 50000 -s 9014
vde_fails 'truncates what is longer than 1518 bytes'
check '10000 frames of 65000 bytes' load -c 10000 -s 65000
vde_fails 'has no queue'
check 'bursts of 1024 full frames to a receiver that takes its time' \
	load -c 6144 -s 1514 -r 5000 -b 1024 -d 50
check 'broadcast to eight that read' load -m fan -n 8 -r 5000 -c 10000
check 'request and response, 10000 times' load -m rr -c 10000

both_ways() {
	rc=0
	"$LOAD" -N -c 200000 "vde://$T/sw[21]" "vde://$T/sw[22]" >"$T/both1" &
	"$LOAD" -N -c 200000 "vde://$T/sw[22]" "vde://$T/sw[21]" >"$T/both2" || rc=$?
	wait $! || rc=$?
	note "$(cat "$T/both1" "$T/both2")"
	return $rc
}
vde_fails 'loses some'
check 'two streams between two ports, each way one' both_ways

# The counters tell the same.
counted() {
	console sw 'port/resetcounter' | grep -q '^1000 '
	spawn idle "$LOAD" -m idle "vde://$T/sw[30]"
	wait_for 2 grep idle "$T/idle.log"
	console sw 'port/print 30' >"$T/before"
	"$FRAMECHECK" "vde://$T/sw" <<-END
	plug a b
	send b to all
	learned
	send a to all times 90
	learned
	END
	console sw 'port/print 30' >"$T/after"
	cat "$T/after"
	# One frame, 90 more, and two fences after each.
	grep -E '^ OUT: pkts +95 ' "$T/after"
	end idle
}
check 'what is sent is counted as sent' counted

# One that reads a frame in ten seconds, and whom somebody floods meanwhile.
stuck_start() {
	spawn stuck "$LOAD" -t 0 -c 4000000000 -s 1514 -r 20000 -d 10000000 "vde://$T/sw"
	sleep 0.5
}
stuck_others() {
	load -c 200000 -s 64
	alone=$(field frames/s)
	stuck_start
	load -c 200000 -s 64
	beside=$(field frames/s)
	is_running stuck || fail "$(cat "$T/stuck.log")"
	end stuck
	# The stream beside takes its share of the processor; not more than that.
	[ $((beside * 4)) -ge "$alone" ] || fail "$beside frames/s instead of $alone"
}
vde_fails 'loses some'
check 'a stuck receiver: other streams lose nothing' stuck_others

stuck_broadcast() {
	load -m fan -n 4 -k 3 -r 5000 -c 20000
}
check 'three stuck receivers of a broadcast: the others get all of it' stuck_broadcast

# A sender waits for a receiver, but not for ever.
stuck_sender() {
	start=$(date +%s)
	"$FRAMECHECK" "vde://$T/sw" <<-END
	plug a b c
	send b to all
	learned
	send c to all
	learned
	send a to c times 30000
	ignore c
	send a to b
	expect b
	END
	[ $(($(date +%s) - start)) -le 5 ] || fail "it took $(($(date +%s) - start)) s"
}
check 'who sends to a stuck receiver gets through to another one' stuck_sender

stuck_memory() {
	spawn stuck "$LOAD" -t 0 -c 4000000000 -s 1514 -d 10000000 "vde://$T/sw"
	sleep 1.5
	rss=$(sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$(pid_of sw)/status")
	end stuck
	note "resident: $rss KiB"
	[ "$rss" -lt 65536 ]
}
if grep -q __asan_init "$(command -v "$SWITCH")"; then
	skip 'what waits for a stuck receiver is bounded' 'AddressSanitizer keeps what is freed'
else
	check 'what waits for a stuck receiver is bounded' stuck_memory
fi

stuck_dropped() {
	stuck_start
	wait_for 3 drops
	end stuck
}
drops() {
	console sw port/print | grep -E '^ DROP: pkts +[1-9][0-9]* +transmit queue full'
}
vde_fails 'counts them as sent'
check 'and what it loses is counted' stuck_dropped

settled() {
	wait_for 2 quiet
}
quiet() {
	[ "$(console sw port/print | grep -c endpoint)" -eq 0 ]
}
vde_fails 'a port is lost, at times'
check 'afterwards nobody is left' settled

done_testing
