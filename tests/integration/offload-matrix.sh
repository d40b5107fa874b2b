# SPDX-License-Identifier: BSD-2-Clause
# offload-matrix.sh - Real TCP and UDP between hosts that give and take offloads and
#                     hosts that do not, with each port watched
#
# Each host is a network namespace, plugged in by a tap of its own: the switch's, with
# a vnet header or without; one behind lanbox-plug, which is a VDE client or has shared
# memory; or one of another switch's, behind a stream. What comes is compared byte by byte (transfer.c), and tshark looks at
# captures of all ports: each checksum is right, and nothing is longer than the MTU.
. "${top_srcdir:?}/tests/integration/lib.sh"

requires ip unshare nsenter ethtool nstat
requires_netns
cd "$T" || exit 99
is_vde_switch && skip_all 'offloads are ours'

TRANSFER=$top_builddir/tests/integration/transfer
SEGMENTS=$top_builddir/tests/integration/segments
BARETAP=$top_builddir/tests/integration/baretap
PLUG=$top_builddir/lanbox-plug
LANBOX=$top_builddir/lanbox
VDEPLUGIN_PATH=$top_builddir/plug/.libs:$(dirname "$(find /usr/lib /usr/local/lib \
	-name libvdeplug_vde.so 2>/dev/null | head -n 1)")
export VDEPLUGIN_PATH
ip link set lo up

# A switch that was given the tap "bare", without a vnet header, as a descriptor.
cat >bare_switch <<END
#!/bin/sh
exec "$BARETAP" bare 9 "$SWITCH" -t fd=9 "\$@"
END
chmod 755 bare_switch
ours=$SWITCH

# host NAME N: a namespace; its tap NAME gets 10.9.0.N and fd09::N when it is plugged in.
host() {
	netns "$1"
	echo "$2" >"$1.n"
	on "$1" sh -c 'echo 0 >/proc/sys/net/ipv4/tcp_slow_start_after_idle'
}
address() {
	on "$1" ip link set lo up
	on "$1" ip addr add "10.9.0.$(cat "$1.n")/24" dev "$1"
	on "$1" ip addr add "fd09::$(cat "$1.n")/64" dev "$1" nodad
	on "$1" ip link set "$1" up
}

# moved NAME [FEATURE...]: the switch's tap goes to its host, whose kernel is not to use
# these offloads.
moved() {
	tap=$1
	shift
	ip link set "$tap" netns "$(pid_of "$tap")"
	address "$tap"
	for feature; do
		on "$tap" ethtool -K "$tap" "$feature" off
	done
}

# plugged NAME END...: a tap of the host's own, on a cable to END.
plugged() {
	tap=$1
	shift
	spawn "$tap.plug" nsenter -t "$(pid_of "$tap")" -n -- "$PLUG" --tap "$tap" "$@"
	wait_for 5 on "$tap" ip link show "$tap"
	address "$tap"
}

hosts='full nocsum notso nouso nosg bare vde shm stream'

plug_all() {
	SWITCH=$T/bare_switch
	switch_start sw -t full -t nocsum -t notso -t nouso -t nosg
	SWITCH=$ours
	n=0
	for name in $hosts; do
		n=$((n + 1))
		host "$name" $n
	done
	moved full
	moved nocsum tx
	moved notso tso
	moved nouso tx-udp-segmentation
	moved nosg sg
	moved bare
	plugged vde "vde://$T/sw"
	plugged shm "lanbox://$T/sw"
	switch_start far --stream "up,path=$T/sw/stream,client" -t stream
	moved stream
	is ports "$(console sw port/print | grep -c 'endpoint ID')" 9
}
check 'nine hosts of all kinds on one switch' plug_all

# transfer FROM TO OPTION...: by IPv4 and IPv6.
transfer() {
	lib_from=$1 lib_to=$2
	shift 2
	for lib_address in "10.9.0.$(cat "$lib_to.n")" "fd09::$(cat "$lib_to.n")"; do
		"$TRANSFER" "$@" "$(pid_of "$lib_from")" "$(pid_of "$lib_to")" "$lib_address" ||
			fail "$lib_from to $lib_to, $*"
	done
}

# Big frames are what this is all about: so they must be there. From the IN counters of
# all ports, that of "full" is the largest.
mean_size() {
	console sw port/print | awk '$1 == "IN:" { f += $3; b += $5 } END { print f, b }'
}
big() {
	before=$(mean_size)
	"$TRANSFER" --bytes 10000000 "$(pid_of full)" "$(pid_of notso)" 10.9.0.3
	mean=$(echo "$before $(mean_size)" | awk '{ printf "%d", ($4 - $2) / ($3 - $1) }')
	note "$mean bytes a frame, acknowledgments and all"
	[ "$mean" -gt 4000 ]
}
check 'frames are big' big

# capture_start: of each port, in NAME.pcap.
capture_start() {
	for port in 1 2 3 4 5 6 7 8 9; do
		spawn "capture$port" "$LANBOX" capture -w "$T/$port.pcap" "$T/sw" $port
		wait_for 5 test -s "$T/$port.pcap"
	done
}
capture_end() {
	for port in 1 2 3 4 5 6 7 8 9; do
		end "capture$port" INT
	done
}
check 'a capture of each port' capture_start

from_all() {
	for to in $hosts; do
		[ "$to" != "$1" ] || continue
		transfer "$1" "$to" --bytes 300000
		transfer "$1" "$to" --udp 1400 --bytes 100000
		transfer "$1" "$to" --udp 200 --bytes 20001
	done
	transfer "$1" full --options --bytes 300000
	transfer "$1" vde --options --bytes 300000
	transfer "$1" bare --options --udp 1000 --bytes 100000
}
for name in $hosts; do
	[ "$name" = full ] || check "TCP, UDP, IPv4, IPv6 from '$name' to all others" from_all "$name"
done
check "TCP, UDP, IPv4, IPv6 from 'full' to 'nocsum' and all others" from_all full

# layered FROM TO MAKE: a network of the hosts' own on top of ours: MAKE HOST OTHER makes
# the interface "top" of a host.
layered() {
	"$3" "$1" "$2"
	"$3" "$2" "$1"
	for name in "$1" "$2"; do
		on "$name" ip addr add "10.8.0.$(cat "$name.n")/24" dev top
		on "$name" ip link set top up
	done
	for pair in "$1 $2" "$2 $1"; do
		to=${pair#* }
		"$TRANSFER" --bytes 1000000 "$(pid_of "${pair% *}")" "$(pid_of "$to")" \
			"10.8.0.$(cat "$to.n")"
		"$TRANSFER" --udp 1000 --bytes 300000 "$(pid_of "${pair% *}")" "$(pid_of "$to")" \
			"10.8.0.$(cat "$to.n")"
	done
	for name in "$1" "$2"; do
		on "$name" ip link del top
	done
}
make_vxlan() {
	on "$1" ip link add name top type vxlan id 5 dstport 4789 dev "$1" \
		local "10.9.0.$(cat "$1.n")" remote "10.9.0.$(cat "$2.n")"
}
make_gretap() {
	on "$1" ip link add name top type gretap dev "$1" \
		local "10.9.0.$(cat "$1.n")" remote "10.9.0.$(cat "$2.n")"
}
make_vlan() {
	on "$1" ip link add link "$1" name top type vlan id 5
}
make_qinq() {
	on "$1" ip link add link "$1" name under type vlan proto 802.1ad id 5
	on "$1" ip link set under up
	on "$1" ip link add link under name top type vlan id 6
}
for kind in vxlan gretap vlan qinq; do
	if "make_$kind" full vde 2>err; then
		on full ip link del top
		[ $kind != qinq ] || on full ip link del under
		check "the hosts' own $kind, from tap to tap" layered full notso make_$kind
		[ $kind != qinq ] || { on full ip link del under; on notso ip link del under; }
		check "the hosts' own $kind, from a tap to a VDE client" layered full vde make_$kind
	else
		skip "the hosts' own $kind" "this kernel has none: $(cat err)"
	fi
done

# No kernel had to complain, or to send again what the switch had spoilt.
kernels() {
	for name in $hosts; do
		on "$name" nstat -asz >nstat
		awk -v name="$name" '/CsumErrors|InHdrErrors|TruncatedPkts/ && $2 > 0 {
			print name, $1, $2; bad = 1 } END { exit bad }' nstat
	done
}
check 'no kernel saw a wrong checksum' kernels

# looked_at LONGEST FILE...: captures by an independent judge. Each has much TCP and UDP,
# no wrong checksum, and no frame that is longer than this. (What ICMP quotes is as the host
# had it, which may be unfinished. And Linux and we write ffff for a sum of 0 in TCP, too,
# where it adds up to the same, but tshark calls it wrong.)
looked_at() {
	longest=$1
	shift
	for file; do
		tshark -n -r "$file" -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE \
			-o udp.check_checksum:TRUE -Y "!icmp && !icmpv6" -T fields -e frame.len -e ip.checksum.status \
			-e tcp.checksum.status -e udp.checksum.status -e tcp.checksum >"$file.txt" 2>"$file.err" || { cat "$file.err"; return 1; }
		awk -F '\t' -v file="$file" -v longest="$longest" '
			function bad(s) { return s ~ /(^|,)(0|Bad)(,|$)/ }
			$5 ~ /ffff/ { $3 = 1 }	# see above
			bad($2) || bad($3) || bad($4) || $1 > longest {
				if (wrong++ < 5)
					print file ", frame " NR ": " $0
			}
			$3 ~ /^(1|Good)$/ { tcp++ }
			$4 ~ /^(1|Good)$/ { udp++ }
			$1 == longest { full++ }
			END {
				print file ": " NR " frames, " tcp + 0 " of TCP and " udp + 0 \
					" of UDP right, " full + 0 " of " longest " bytes, " \
					wrong + 0 " wrong"
				exit wrong || tcp < 200 || udp < 200 || full < 100
			}' "$file.txt"
	done
}
ports_seen() {
	capture_end
	for port in 1 2 3 4 5 6 7 8 9; do
		looked_at 1514 $port.pcap
	done
}
if command -v tshark >/dev/null; then
	check 'each port: checksums are right, and no frame is longer than the MTU' ports_seen
else
	skip 'each port: checksums are right, and no frame is longer than the MTU' 'no tshark here'
fi
end far
end sw

# Two switches with a VLAN between them: what is big gets a tag, goes through a bridge of
# the kernel, and loses it again; and the same through a cable.
trunk() {
	switch_start va -t ha -t ta
	switch_start vb -t hb -t tb
	host ha 31
	host hb 32
	moved ha
	moved hb
	ip link add name trunk type bridge ageing_time 0 mcast_snooping 0 forward_delay 0
	for tap in ta tb; do
		ip link set $tap master trunk
		ip link set $tap up
	done
	ip link set trunk up
	for sw in va vb; do
		console $sw 'vlan/create 10'
		console $sw 'port/setvlan 1 10'
		console $sw 'vlan/addport 10 2'
	done
	spawn trunk1 "$LANBOX" capture -w trunk.pcap "$T/va" 2
	spawn trunk2 "$LANBOX" capture -w access.pcap "$T/vb" 1
	wait_for 5 test -s trunk.pcap
	wait_for 5 test -s access.pcap
	tagged
	before=$(packets ta)
	"$TRANSFER" --bytes 10000000 "$(pid_of ha)" "$(pid_of hb)" 10.9.0.32
	frames=$(($(packets ta) - before))
	note "10000000 bytes in $frames frames"
	[ $frames -lt 3000 ]
}
packets() {
	awk -v "tap=$1:" '$1 == tap { print $3 }' /proc/net/dev
}
tagged() {
	for pair in 'ha hb' 'hb ha'; do
		# shellcheck disable=SC2086 # Two words.
		set -- $pair
		transfer "$1" "$2" --bytes 1000000
		transfer "$1" "$2" --udp 1400 --bytes 300000
		transfer "$1" "$2" --options --bytes 300000
		transfer "$1" "$2" --options --udp 300 --bytes 30000
	done
}
check 'a VLAN: frames get a tag and lose it, and stay big' trunk
trunk_seen() {
	end trunk1 INT
	end trunk2 INT
	looked_at 1518 trunk.pcap
	looked_at 1514 access.pcap
	tshark -n -r trunk.pcap -Y 'ip && !(vlan.id == 10)' 2>/dev/null >untagged
	is 'frames without a tag' "$(cat untagged)" ''
}
if command -v tshark >/dev/null; then
	check 'on the trunk all have the tag, and right checksums' trunk_seen
else
	skip 'on the trunk all have the tag, and right checksums' 'no tshark here'
fi
# recable OLD NEW END END: ports NEW take over from ports OLD, by a cable.
recable() {
	spawn "cable$2" "$PLUG" "$3[$2]" "$4[$2]"
	for sw in va vb; do
		wait_for 5 port_is_plugged $sw "$2"
		console $sw "vlan/delport 10 $1"
		console $sw "vlan/addport 10 $2"
	done
	tagged
}
port_is_plugged() {
	console "$1" "port/print $2" | grep 'endpoint ID'
}
# arrived SWITCH PORT: frames and bytes.
arrived() {
	console "$1" "port/print $2" | awk '$1 == "IN:" { print $3, $5 }'
}
cable_of_rings() {
	end trunk1 INT
	end trunk2 INT
	ip link set trunk down
	recable 2 3 "lanbox://$T/va" "lanbox://$T/vb"
	before=$(arrived vb 3)
	"$TRANSFER" --bytes 10000000 "$(pid_of ha)" "$(pid_of hb)" 10.9.0.32
	mean=$(echo "$before $(arrived vb 3)" | awk '{ printf "%d", ($4 - $2) / ($3 - $1) }')
	note "$mean bytes a frame"
	[ "$mean" -gt 4000 ]
}
check 'the same through a cable of shared memory, and big' cable_of_rings
check 'the same where the cable takes no offloads' recable 3 4 "vde://$T/va" "vde://$T/vb"
end va
end vb

# Frames of all kinds from the kernel to the kernel, each segment byte by byte: with tags,
# options, extension headers; to a tap with a vnet header, and to one without.
all_kinds() {
	SWITCH=$T/bare_switch
	[ "$1" = bare ] || SWITCH=$ours
	switch_start "k$1" --vlan transparent -t "$1" -t s1
	SWITCH=$ours
	ip tuntap add in0 mode tap vnet_hdr
	ip tuntap add out0 mode tap
	ip link add name bin type bridge ageing_time 0 mcast_snooping 0 forward_delay 0
	ip link add name bout type bridge ageing_time 0 mcast_snooping 0 forward_delay 0
	for place in 'in0 bin' 's1 bin' "$1 bout" 'out0 bout'; do
		echo 1 >"/proc/sys/net/ipv6/conf/${place% *}/disable_ipv6"
		ip link set "${place% *}" mtu 65521 txqueuelen 10000 master "${place#* }"
		ip link set "${place% *}" up
	done
	for bridge in bin bout; do
		echo 1 >/proc/sys/net/ipv6/conf/$bridge/disable_ipv6
		ip link set $bridge up
	done
	"$SEGMENTS" in0 out0 1500 7
	end "k$1"
	for link in in0 out0 bin bout; do
		ip link del $link
	done
}
bridged() {
	for file in /proc/sys/net/bridge/bridge-nf-call-*; do
		[ ! -w "$file" ] || echo 0 >"$file"
	done
}
bridged
check 'frames of all kinds to a tap with a vnet header, byte by byte' all_kinds s2
check 'and to one without' all_kinds bare

done_testing
