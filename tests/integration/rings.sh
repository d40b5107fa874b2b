# SPDX-License-Identifier: BSD-2-Clause
# rings.sh - Rings of three switches a, b and c, and cables that are pulled and plugged
#
# For ring.sh and the benchmark ring-bench, which source it behind lib.sh, in a network
# namespace of their own. The switches a and b are ours, with the spanning tree; the
# third is one of ours, a bridge of the kernel (802.1D-1998), or a private Open
# vSwitch (RSTP, on its datapath in user space). Hosts, each pair a twohosts: "near"
# at a and b, "far" at a and c.
#
# The cables ab, ac and bc are lanbox-plugs, each from a port of its own: 1 and 2 of a
# (to b and c), 1 and 2 of b (to a and c), 1 and 2 of c. To a bridge of the kernel they
# lead through taps that stay: a tap without a process is a port without a carrier.

TWOHOSTS=$top_builddir/tests/integration/twohosts
PLUG=$top_builddir/lanbox-plug
WIRE=$top_builddir/lanbox-wirefilter
LANBOX=$top_builddir/lanbox
RATE=${RATE:-500}

# ring_up KIND PRIORITY [KERNEL_OPTION...]: the switches, cables and hosts. KIND is of
# the third switch: ours, kernel or ovs; PRIORITY its own, where the others have 0x2000
# and 0x3000. NEAR are options of the near hosts.
ring_up() {
	ring_kind=$1
	ring_prio=$2
	shift 2
	switch_start a -F --priority 0x2000 || return
	switch_start b -F --priority 0x3000 || return
	ring_third_$ring_kind "$@" || return
	for ring_cable in ab ac bc; do
		cable_plug $ring_cable || return
	done
	# shellcheck disable=SC2086 # options are words
	spawn near "$TWOHOSTS" -r "$RATE" ${NEAR:-} "vde://$T/a[9]" "vde://$T/b[9]"
	spawn far "$TWOHOSTS" -r "$RATE" "vde://$T/a[10]" "$(ring_host_$ring_kind)"
	[ "$ring_kind" = ours ] || wait_for 3 ring_enslave host || return
	sleep 0.2
	is_running near && is_running far || { cat "$T/near.log" "$T/far.log"; return 1; }
	wait_for "${SETTLE:-90}" ring_flows
}

ring_third_ours() {
	switch_start c -F --priority "$ring_prio"
}
ring_host_ours() {
	echo "vde://$T/c[9]"
}

ring_taps() {
	for ring_tap in t1 t2; do
		ip tuntap add $ring_tap mode tap && ip link set $ring_tap up || return
	done
}

ring_third_kernel() {
	# shellcheck disable=SC2086 # options are words
	ip link add br0 type bridge stp_state 1 priority $((ring_prio)) "$@" &&
	ip link set br0 up && ring_taps &&
	ip link set t1 master br0 && ip link set t2 master br0
}
ring_host_kernel() {
	echo "tap://host"
}

vsctl() {
	ovs-vsctl --db="unix:$T/ovs/db.sock" --timeout=20 "$@"
}
ring_third_ovs() {
	mkdir -p "$T/ovs"
	export OVS_RUNDIR="$T/ovs" OVS_LOGDIR="$T/ovs" OVS_DBDIR="$T/ovs" OVS_SYSCONFDIR="$T/ovs"
	ovsdb-tool create "$T/ovs/conf.db" /usr/share/openvswitch/vswitch.ovsschema || return
	spawn ovsdb ovsdb-server "$T/ovs/conf.db" --remote="punix:$T/ovs/db.sock" -vconsole:off
	wait_for 5 vsctl --no-wait init || return
	spawn ovs ovs-vswitchd "unix:$T/ovs/db.sock" -vconsole:off
	ring_taps && vsctl add-br br0 -- set bridge br0 datapath_type=netdev rstp_enable=true \
		other_config:rstp-priority="$((ring_prio))" &&
		vsctl add-port br0 t1 && vsctl add-port br0 t2
}
ring_host_ovs() {
	echo "tap://host"
}

# A host's tap becomes a port of the third switch.
ring_enslave() {
	ip link set "$1" up || return
	case $ring_kind in
	kernel)	ip link set "$1" master br0 ;;
	ovs)	vsctl --may-exist add-port br0 "$1" ;;
	esac
}

ring_down() {
	for ring_name in near far ab ac bc a b c ovs ovsdb; do
		[ ! -e "$T/$ring_name.pid" ] || end $ring_name
		rm -f "$T/$ring_name.pid"
	done
	for ring_link in t1 t2 br0; do
		ip link del $ring_link
	done 2>/dev/null
	rm -rf "$T/ovs"
}

# cable_plug CABLE: put it in. With ring_silent set it is a wirefilter, whose console is
# CABLE.console.
cable_plug() {
	case $1:$ring_kind${ring_silent:+:silent} in
	ab:ours:silent)	cable_filter ab "$T/a[1]:$T/b[1]" ;;
	ac:ours:silent)	cable_filter ac "$T/a[2]:$T/c[1]" ;;
	bc:ours:silent)	cable_filter bc "$T/b[2]:$T/c[2]" ;;
	ab:*)		spawn ab "$PLUG" "vde://$T/a[1]" "vde://$T/b[1]" ;;
	ac:ours)	spawn ac "$PLUG" "vde://$T/a[2]" "vde://$T/c[1]" ;;
	bc:ours)	spawn bc "$PLUG" "vde://$T/b[2]" "vde://$T/c[2]" ;;
	ac:*)		spawn ac "$PLUG" --tap t1 "vde://$T/a[2]" ;;
	bc:*)		spawn bc "$PLUG" --tap t2 "vde://$T/b[2]" ;;
	esac
}

cable_filter() {
	spawn "$1" "$WIRE" -v "$2" -M "$T/$1.console"
	wait_for 3 test -S "$T/$1.console"
}

# What the near hosts, or the far, said last.
last_of() {
	tail -n 1 "$T/$1.log"
}

# field NAME <LINE
field() {
	sed -n "s/.* $1=\([-0-9.]*\).*/\1/p"
}

# mark NAME: a period of that name begins; what the one before it was is in the logs.
mark() {
	for ring_pair in near far; do
		is_running $ring_pair || return
		ring_lines=$(wc -l <"$T/$ring_pair.log")
		say $ring_pair "$1\\n"
		ring_lines_now=$ring_lines
		while [ "$ring_lines_now" -eq "$ring_lines" ]; do
			sleep 0.005
			ring_lines_now=$(wc -l <"$T/$ring_pair.log")
			is_running $ring_pair || return
		done
	done
}

# Whether both pairs talk: nothing lost in a fifth of a second.
ring_flows() {
	mark wait
	sleep 0.2
	mark wait
	[ "$(last_of near | field lost) $(last_of far | field lost)" = '0 0' ]
}

# cable_frames: frames that a and b have seen on their cables: a line for each.
cable_frames() {
	for ring_sw in a b; do
		"$LANBOX" switch -s "$T/$ring_sw" --json ports |
			sed 's/{"port":/\n/g' | sed -n \
			's/^\([12]\),.*"rx-frames":\([0-9]*\).*"tx-frames":\([0-9]*\).*/\1 \2 \3/p' |
			awk -v sw=$ring_sw '{ print sw $1, $2 + $3 }'
	done
}

# busiest BEFORE AFTER: most frames on a cable between two cable_frames. A cable that was
# pulled counts from 0.
busiest() {
	cat "$1" - <<END | awk '
		/^-$/ { after = 1; next }
		!after { before[$1] = $2; next }
		{ n = $2 < before[$1] ? $2 : $2 - before[$1]; if (n > most) most = n }
		END { print most + 0 }'
-
$(cat "$2")
END
}
