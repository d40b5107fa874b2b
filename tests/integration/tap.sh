# SPDX-License-Identifier: BSD-2-Clause
# tap.sh - The switch's own tap: the host and its neighbours on one LAN
#
# All of it in a network namespace of its own, which ends with the script.
. "${top_srcdir:?}/tests/integration/lib.sh"

requires ip busybox unshare nsenter
requires_netns
cd "$T" || exit 99

ip link set lo up

# plugged NAME SWITCHDIR ADDRESS: a host on a switch.
plugged() {
	netns "$1"
	spawn "$1.plug" nsenter -t "$(pid_of "$1")" -n -- vde_plug2tap -s "$2" tap0
	wait_for 3 on "$1" ip link show tap0
	on "$1" ip addr add "$3/24" dev tap0
	on "$1" ip link set tap0 up
}

has_carrier() {
	ip link show "$1" | grep -q LOWER_UP
}

# The line people write, with a group that is surely there.
seed() {
	"$SWITCH" -sock "$T/seed" -tap tap0 -daemon -pidfile .switch.pid -mod 660 -group daemon
	ip addr add dev tap0 192.168.100.254/24
	ip link set dev tap0 up
}
seed_start() {
	ip tuntap add tap0 mode tap
	seed
	wait_for 2 has_carrier tap0
	is 'group of ctl' "$(stat -c '%G %a' seed/ctl)" 'daemon 660'
}
if [ "$(id -u)" -eq 0 ] && chgrp daemon "$T" 2>/dev/null; then
	chgrp root "$T"
	check 'a tap made before, and the whole line' seed_start

	seed_ping() {
		plugged h1 "$T/seed" 192.168.100.1
		plugged h2 "$T/seed" 192.168.100.2
		busybox ping -c 3 -i 0.1 -w 3 192.168.100.1
		on h1 busybox ping -c 3 -i 0.1 -w 3 192.168.100.254
		on h1 busybox ping -c 3 -i 0.1 -w 3 192.168.100.2
		on h2 busybox ping -c 3 -i 0.1 -w 3 192.168.100.254
	}
	if command -v vde_plug2tap >/dev/null; then
		check 'two hosts with vde_plug2tap and this one ping each other' seed_ping
		seed_big() {
			on h1 busybox ping -c 2 -i 0.1 -w 3 -s 1472 192.168.100.254
			on h1 busybox ping -c 2 -i 0.1 -w 3 -s 20000 192.168.100.2
		}
		check 'also in full frames and in fragments' seed_big
	else
		skip 'two hosts with vde_plug2tap and this one ping each other' 'no vde_plug2tap here'
		skip 'also in full frames and in fragments' 'no vde_plug2tap here'
	fi

	seed_stop() {
		pid=$(cat .switch.pid)
		kill "$pid"
		wait_for 3 seed_gone
		ip link show tap0
		not has_carrier tap0
	}
	seed_gone() {
		[ ! -e seed ] && [ ! -e .switch.pid ] && ! alive "$pid"
	}
	check 'its end: nothing left of it, the tap is still there' seed_stop
	ip link del tap0 2>/dev/null
else
	skip 'a tap made before, and the whole line' 'only root'
fi

own_tap() {
	switch_start own -t tap1 -t tap2
	console own port/print | grep -F 'module tuntap'
	ip addr add 10.9.1.1/24 dev tap1
	ip link set tap1 up
	ip link set tap2 up
	wait_for 2 has_carrier tap1
	is taps "$(console own port/print | grep -c 'module tuntap')" 2
	end own
	not ip link show tap1
	not ip link show tap2
}
check 'taps it makes itself are there while it is' own_tap

packets() {
	awk -v "tap=$1:" '$1 == tap { print $3 }' /proc/net/dev
}
tap_frames() {
	switch_start sw -t tap3
	echo 1 >/proc/sys/net/ipv6/conf/tap3/disable_ipv6
	ip link set tap3 up
	before=$(packets tap3)
	"$FRAMECHECK" "vde://$T/sw" <<-END
	plug a b
	send a to all
	expect b
	send b to a		# learned: not for the tap
	expect a
	END
	# One broadcast, and two fences after each frame.
	wait_for 2 tap_got 5
	end sw
}
tap_got() {
	[ $(($(packets tap3) - before)) -eq "$1" ]
}
check 'a tap gets what is broadcast, and not what is for others' tap_frames

# A cable from this namespace to another one, both ends of it taps of the switch.
two_taps() {
	switch_start two -t tap4 -t tap5
	netns h4
	ip link set tap5 netns "$(pid_of h4)"
	ip addr add 10.9.4.1/24 dev tap4
	ip link set tap4 mtu 9000 up
	on h4 ip addr add 10.9.4.2/24 dev tap5
	on h4 ip link set tap5 mtu 9000 up
	busybox ping -c 3 -i 0.1 -w 3 10.9.4.2
	on h4 busybox ping -c 3 -i 0.1 -w 3 10.9.4.1
}
check 'two taps in two namespaces' two_taps
vde_fails 'truncates what is longer than 1518 bytes'
check 'and with frames of 8042 bytes' busybox ping -c 3 -i 0.1 -w 3 -s 8000 10.9.4.2
is_running two && end two

taken_away() {
	switch_start away -t tap5
	ip link set tap5 up
	ip link del tap5
	"$RAWVDE" "$T/away" connect bind v3 send reply dconnect io
	sleep 0.3
	[ "$(wc -l <away.log)" -lt 10 ] || fail "$(wc -l <away.log) lines in the log"
	cpu=$(awk '{ print $14 + $15 }' "/proc/$(pid_of away)/stat")
	sleep 0.5
	cpu=$(($(awk '{ print $14 + $15 }' "/proc/$(pid_of away)/stat") - cpu))
	[ "$cpu" -lt 10 ] || fail "$cpu ticks of 50 spent on it"
	end away
}
vde_fails 'spins'
check 'a tap that is taken away ends its port and nothing else' taken_away

# refuses OBJECT OPTION...: see lifecycle.sh.
refuses() {
	object=$1
	shift
	is_vde_switch || set -- --strict "$@"
	for how in -nostdin -daemon; do
		is_vde_switch && [ $how = -nostdin ] && continue
		links=$(ip -o link | sed 's/:.*//')
		rc=0
		timeout 5 "$SWITCH" $how -s "$T/r" "$@" 2>err </dev/null || rc=$?
		cat err
		is_vde_switch && sweep && rm -rf r
		[ $rc -ne 0 ] || fail "$how: exit status 0"
		[ $rc -ne 124 ] || fail "$how: does not end"
		is "$how: lines" "$(wc -l <err)" 1
		grep -q -F -e "$object" err || fail "does not name $object"
		[ ! -e r ] || fail 'the directory is left'
		is "$how: links" "$(ip -o link | sed 's/:.*//')" "$links"
	done
}

busy() {
	switch_start busy -t tap6
	refuses tap6 -t tap6
	refuses tap6 -t tap7 -t tap6
	ip link show tap6
	"$RAWVDE" "$T/busy" connect bind v3 send reply dconnect io
	end busy
}
vde_fails 'goes on without'
check 'a tap that another switch has' busy
vde_fails 'goes on without, or with another name'
check 'a name of sixteen bytes' refuses tap4567890123456 -t tap4567890123456
vde_fails 'makes a name of its own'
check 'no name' refuses "''" -t ''
vde_fails 'goes on without'
check 'a name that no interface can have' refuses a/b -t a/b
not_a_tap() {
	ip link add dummy8 type veth peer name dummy9
	refuses dummy8 -t dummy8
}
vde_fails 'goes on without'
check 'an interface that is no tap' not_a_tap
vde_fails 'goes on without'
check 'the same tap twice' refuses tapX -t tapX -t tapX

# Without --strict, the switch says so and runs without the tap, as vde_switch does.
goes_on() {
	switch_start on -t tap4567890123456
	grep -F "ERROR OPENING tap interface" on.log
	is ports "$(console on port/print | grep -c '^Port')" 0
	end on
}
check 'without --strict a tap that cannot be attached is only logged' goes_on

given() {
	ip tuntap add tap8 mode tap
	switch_start given -t tap8
	ip link set tap8 up
	ip link del tap8
	wait_for 3 console_says given 'tap/print' 'tap8.*AWAY'
	ip tuntap add tap8 mode tap
	ip link set tap8 up
	wait_for 4 console_says given 'tap/print' 'tap8.*ATTACHED'
	is port "$(console given port/print | grep -c 'module tuntap')" 1
	wait_for 3 has_carrier tap8
	console given 'tap/del tap8' | grep -F '1000 Success'
	is 'taps after tap/del' "$(console given port/print | grep -c 'module tuntap')" 0
	console given 'tap/add tap8 9' | grep -F '1000 Success'
	console given 'port/print 9' | grep -F 'module tuntap'
	console given 'tap/add tap8' | grep -F '1016'
	console given 'tap/del nosuch' | grep -F '1002'
	lanbox="$top_builddir/lanbox switch -s $T/given"
	is 'taps' "$($lanbox tap --json)" '[{"name":"tap8","port":9,"attached":true}]'
	$lanbox tap del tap8
	is 'taps after tap del' "$($lanbox tap --json)" '[]'
	$lanbox tap add tap8 11
	$lanbox tap | grep -Ex 'tap8    11  attached'
	not $lanbox tap add tap8
	end given
	ip link del tap8
}
console_says() {
	console "$1" "$2" | grep -E "$3"
}
if ! is_vde_switch && [ "$(id -u)" -eq 0 ]; then
	check 'a tap that was deleted is attached again when it is back; tap/add, tap/del' given
else
	skip 'a tap that was deleted is attached again when it is back; tap/add, tap/del' \
		'only root, and not vde_switch'
fi

done_testing
