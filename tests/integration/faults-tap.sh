# SPDX-License-Identifier: BSD-2-Clause
# faults-tap.sh - Taps that fail, vanish, change or flood, as far as tap.sh has not
#
# All of it in a network namespace of its own, which ends with the script.
. "${top_srcdir:?}/tests/integration/lib.sh"
. "${top_srcdir:?}/tests/integration/invariants.sh"

requires ip busybox unshare nsenter
requires_netns
cd "$T" || exit 99
ip link set lo up

# tap_switch TAP...: a new switch "sw" with these taps, without IPv6's own frames.
tap_switch() {
	rm -rf "$T/sw" "$T/sw.mgmt"
	for tap; do
		shift
		set -- "$@" -t "$tap"
	done
	switch_start sw "$@"
	for tap in /proc/sys/net/ipv6/conf/*/disable_ipv6; do
		echo 1 >"$tap"
	done
}

# As vde_switch does, a switch goes on without a tap that it cannot have, unless
# it is told to be strict.
strict=--strict
is_vde_switch && strict=

# refuses OBJECT COMMAND...: not 0, one line that names it, nothing left.
refuses() {
	object=$1
	shift
	links=$(ip -o link | sed 's/:.*//')
	rc=0
	# shellcheck disable=SC2086 # A word or none.
	timeout 5 "$@" $strict -d -s "$T/r" 2>err </dev/null || rc=$?
	cat err
	sweep
	[ $rc -ne 0 ] || { rm -rf r; fail 'exit status 0'; }
	is lines "$(wc -l <err)" 1
	grep -q -F -e "$object" err || fail "does not name $object"
	[ ! -e r ] || fail 'the directory is left'
	is links "$(ip -o link | sed 's/:.*//')" "$links"
}

cp "$(command -v "$SWITCH")" switch
chmod 755 switch

# Root of this namespace may; who has no rights here may not.
not_allowed() {
	mkdir -p hers
	chown 65534 hers
	refuses tapQ setpriv --reuid=65534 --regid=65534 --clear-groups \
		--inh-caps=-all --bounding-set=-all -- "$T/switch" -t tapQ
}
others_tap() {
	ip tuntap add tapR mode tap user 12345
	refuses tapR setpriv --reuid=65534 --regid=65534 --clear-groups \
		--inh-caps=-all --bounding-set=-all -- "$T/switch" -t tapR
	ip link del tapR
}
if two_users; then
	chmod 777 "$T"
	vde_fails 'goes on without'
	check 'TP-1: a tap, and no right to make one' not_allowed
	vde_fails 'goes on without'
	check 'TP-2: a tap that is for another user' others_tap
	# Here a device node may be for root alone; as udev makes it, it is for everybody.
	mkdir own.dev
	own_tap() {
		ip tuntap add tapS mode tap user 65534
		# shellcheck disable=SC2016 # for the inner shell
		spawn own unshare -m sh -c 'mount -t tmpfs tmpfs "$0" &&
			mknod "$0/tun" c 10 200 && chmod 666 "$0/tun" &&
			mount --bind "$0/tun" /dev/net/tun && exec "$@"' "$T/own.dev" \
			setpriv --reuid=65534 --regid=65534 --clear-groups \
			--inh-caps=-all --bounding-set=-all -- \
			"$T/switch" -s "$T/own.sw" -t tapS -M "$T/own.mgmt"
		wait_for 3 switch_answers own
		console own port/print | grep -F 'module tuntap' || fail "$(cat own.log)"
		end own
		ip link del tapS
	}
	check 'TP-2: a tap that is for this user, without any other right' own_tap
else
	skip 'TP-1: a tap, and no right to make one' 'only root can be two users'
	skip 'TP-2: a tap that is for another user' 'only root can be two users'
	skip 'TP-2: a tap that is for this user, without any other right' \
		'only root can be two users'
fi

for name in .. . 'tap%d' "$(printf '%0300d' 0)"; do
	vde_fails 'goes on without, or with another name'
	check "TP-4: a tap named '$(printf %s "$name" | cut -c 1-16)'" \
		refuses "$(printf %s "$name" | cut -c 1-16)" "$SWITCH" -t "$name"
done

packets() {
	awk -v "tap=$1:" -v "col=$2" '$1 == tap { print $col }' /proc/net/dev
}

down_and_up() {
	tap_switch tapd
	ip link set tapd up
	ip link set tapd down
	lines=$(log_lines sw)
	# To a tap that is down: 2000 broadcasts.
	"$LOAD" -m fan -n 1 -c 2000 -r 20000 -N "vde://$T/sw"
	[ $(($(log_lines sw) - lines)) -le 10 ] || fail 'too many lines in the log'
	ip link set tapd up
	before=$(packets tapd 3)
	"$LOAD" -m fan -n 1 -c 100 -r 5000 -N "vde://$T/sw"
	wait_for 2 got_more tapd 100
	end sw
}
got_more() {
	[ $(($(packets "$1" 3) - before)) -ge "$2" ]
}
vde_fails 'logs every frame'
check 'TP-3: down and up again: frames go on, and the log stays short' down_and_up

counted() {
	tap_switch tapd
	ip link set tapd up
	ip link set tapd down
	"$LOAD" -m fan -n 1 -c 100 -r 5000 -N "vde://$T/sw"
	console sw port/print >out
	cat out
	grep -E '^ DROP: pkts +1[0-9][0-9] ' out
	end sw
}
vde_fails 'counts them as sent'
check 'TP-3: what a tap that is down does not take is counted' counted

mtu() {
	tap_switch tapm
	ip link set tapm up
	for mtu in 68 1500 9000 65521 1500; do
		ip link set tapm mtu $mtu
		before=$(packets tapm 3)
		"$FRAMECHECK" "vde://$T/sw" <<-END
		plug a b
		send a to all size 9014
		expect b
		send b to all size 60
		expect a
		END
		wait_for 2 got_more tapm 2
		is_running sw
	done
	end sw
}
vde_fails 'truncates what is longer than 1518 bytes'
check 'TP-6: the MTU of a tap changes while frames go' mtu

# TP-8: the host floods its tap; a pair of clients loses nothing.
flooded() {
	tap_switch tapf
	ip addr add 10.9.6.1/24 dev tapf
	ip link set tapf up
	ip neigh replace 10.9.6.2 lladdr 02:00:00:00:00:99 dev tapf
	spawn flood socat -u -b 1400 FILE:/dev/zero UDP-SENDTO:10.9.6.2:9
	sleep 0.2
	"$LOAD" -t 15 -c 40000 -r 20000 -N "vde://$T/sw" >load.out || rc=$?
	note "$(cat load.out), $(packets tapf 11) frames of the host"
	end flood KILL
	[ "$(packets tapf 11)" -gt 10000 ] || fail 'that was no flood'
	wait_for 1 sleeps sw
	end sw
	return "${rc:-0}"
}
if command -v socat >/dev/null; then
	vde_fails 'loses some'
	check 'TP-8: the host floods its tap: a pair of clients loses nothing' flooded
else
	skip 'TP-8: the host floods its tap: a pair of clients loses nothing' 'no socat here'
fi

# TP-9, TP-10: the host may leave work to us, and there is one queue. Whoever attaches
# to the tap after us gets no frame that he did not ask for.
flags() {
	ip tuntap add tapg mode tap
	tap_switch tapg
	ip -d link show tapg >out
	cat out
	grep 'tun type tap pi off vnet_hdr on' out
	not grep multi_queue out
	ethtool -k tapg >out
	grep 'tx-tcp-segmentation: on' out
	end sw
	ethtool -k tapg >out
	grep 'tx-tcp-segmentation: off' out
	ip tuntap del tapg mode tap
}
if command -v ethtool >/dev/null; then
	check 'TP-9, TP-10: offloads while we are there, one queue' flags
else
	skip 'TP-9, TP-10: offloads while we are there, one queue' 'no ethtool here'
fi

# TP-11: a VLAN of the host on the tap is in the frames as a tag, both ways.
host_vlan() {
	rm -rf sw sw.mgmt
	switch_start sw -x -t tapv
	ip link set tapv up
	ip link add link tapv name tapv.5 type vlan id 5
	for tap in /proc/sys/net/ipv6/conf/*/disable_ipv6; do
		echo 1 >"$tap"
	done
	ip addr add 10.9.5.1/24 dev tapv.5
	ip link set tapv.5 up
	for state in on off; do
		command -v ethtool >/dev/null &&
			ethtool -K tapv txvlan $state rxvlan $state >/dev/null 2>&1 || :
		# A host in the same VLAN behind another tap in another namespace.
		spawn far unshare -n sleep 1000
		wait_for 2 own_netns far
		spawn far.plug nsenter -t "$(pid_of far)" -n -- vde_plug2tap -s "$T/sw" tap0
		wait_for 3 on_far ip link show tap0
		on_far ip link set tap0 up
		on_far ip link add link tap0 name vlan5 type vlan id 5
		on_far ip addr add 10.9.5.2/24 dev vlan5
		on_far ip link set vlan5 up
		busybox ping -c 2 -i 0.1 -w 3 10.9.5.2
		end far.plug
		end far KILL
	done
	end sw
}
on_far() {
	nsenter -t "$(pid_of far)" -n -- "$@"
}
own_netns() {
	[ "$(readlink "/proc/$(pid_of "$1")/ns/net")" != "$(readlink /proc/$$/ns/net)" ]
}
if [ -d /proc/net/vlan ] || ip link add link lo name lo.9 type vlan id 9 2>/dev/null; then
	ip link del lo.9 2>/dev/null
	if command -v vde_plug2tap >/dev/null; then
		check 'TP-11: VLANs of two hosts meet through a hub' host_vlan
	else
		skip 'TP-11: VLANs of two hosts meet through a hub' 'no vde_plug2tap here'
	fi
else
	skip 'TP-11: VLANs of two hosts meet through a hub' 'no VLANs in this kernel'
fi

renamed() {
	tap_switch tapn
	ip link set tapn name tapz
	ip link set tapz up
	before=$(packets tapz 3)
	"$FRAMECHECK" "vde://$T/sw" <<-END
	plug a b
	send a to all
	expect b
	END
	wait_for 2 got_more tapz 1
	end sw
	not ip link show tapz
}
check 'TP-12: a tap gets another name: frames go on, and it goes with the switch' renamed

# As after a suspended host: the process stops and goes on, and so must frames.
frozen() {
	tap_switch tapx
	ip link set tapx up
	spawn pair "$FRAMECHECK" "vde://$T/sw"
	say pair 'plug a b\nsend a to all\nexpect b\n'
	sleep 0.2
	kill -STOP "$(pid_of sw)"
	sleep 1
	kill -CONT "$(pid_of sw)"
	say pair 'send b to a\nexpect a\ndone\n'
	ended pair
	cat pair.log
	is 'exit status' "$(exit_status pair)" 0
	end sw
}
check 'TP-13: a switch that stood still for a while' frozen

if "$SWITCH" --help | grep -q fd=; then
	check 'TP-14: a descriptor that is no tap' refuses fd=8 \
		sh -c 'exec "$0" "$@" 8</dev/null' "$SWITCH" -t fd=8
else
	skip 'TP-14: a descriptor that is no tap' 'taps are not passed as descriptors'
fi

done_testing
