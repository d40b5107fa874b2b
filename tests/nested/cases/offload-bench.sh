# SPDX-License-Identifier: BSD-2-Clause
# offload-bench.sh - tables, not a test: TCP between guest and host over a tap,
#                    and between two guests over a switch, ours beside QEMU.
#
# The host is emulated, and has one processor for everything: only the ratios
# mean anything, and they are those of work per byte.  Run it by hand on a
# machine that is quiet:  tests/nested/nested tests/nested/cases/offload-bench.sh
# nested: qemu memory=4096 timeout=1800
. ./lib.sh

rounds=3
length=4

# rate VM|host ADDRESS OPTION... - Mbit/s of iperf3 from there
rate()
{
	from=$1
	address=$2
	shift 2
	command="iperf3 -c $address -t $length -f m $*"
	if [ "$from" = host ]; then
		$command
	else
		vm_run "$from" "$command" 60
	fi | awk '/receiver/ { mbit = $(NF - 2) } END { print mbit + 0 }'
}

# measure NAME VM|host ADDRESS - add to NAME.* what all kinds of streams reach
measure()
{
	rate "$2" "$3" >>"$1.there"
	rate "$2" "$3" -R >>"$1.back"
	rate "$2" "$3" -P 4 >>"$1.there4"
	rate "$2" "$3" -P 4 -R >>"$1.back4"
	echo "# $1: $(tail -q -n 1 "$1.there" "$1.back" "$1.there4" "$1.back4" | tr '\n' ' ')"
}

# median FILE - of an odd number of lines
median()
{
	sort -n "$1" | sed -n "$(((rounds + 1) / 2))p"
}

# table TITLE NAME... - medians in Mbit/s, and the ratios of the first to the others
table()
{
	printf '# %-26s %8s %8s %8s %8s  Mbit/s (ours is so many times that)\n' "$1" \
		there back "4 there" "4 back"
	ours=$2
	shift
	for name; do
		printf '# %-26s' "$name"
		for kind in there back there4 back4; do
			awk -v have="$(median "$name.$kind")" -v ours="$(median "$ours.$kind")" \
				'BEGIN { printf " %8.0f (%.1f)", have, have ? ours / have : 0 }'
		done
		echo
	done
}

# tap NAME - a tap, on the bridge br0 if there is one
tap()
{
	ip tuntap add "$1" mode tap
	[ ! -e /sys/class/net/br0 ] || ip link set "$1" master br0
	ip link set "$1" up
}

# card TAP NUMBER - options for a NIC there
card()
{
	echo "-netdev tap,id=n,ifname=$1,script=no,downscript=no
		-device virtio-net-pci,netdev=n,mac=02:00:00:00:00:0$2"
}

# with_host NAME ADDRESS - measure between VM NAME, which runs, and the host; then end it
with_host()
{
	need "$1 boots" vm_boot "$1"
	for _ in $(seq $rounds); do
		measure "$1" "$1" "$2"
	done
	vm_poweroff "$1"
}

# with_guest NAME ADDRESS - the same between VMs NAME and NAME-2, which has ADDRESS
with_guest()
{
	need "$1 and another boot" vm_boot "$1" "$1-2"
	vm_run "$1-2" "iperf3 -s -D"
	with_host "$1" "$2"
	vm_poweroff "$1-2"
}

# Who does not run does not disturb: one pair after the other.
iperf3 -s -D
tap t1
ip addr add 10.1.0.254/24 dev t1
# shellcheck disable=SC2046 # several words, here and below
start_vm vmm-tap 10.1.0.1 $(card t1 1)
with_host vmm-tap 10.1.0.254
# shellcheck disable=SC2046
VMM=qemu-vmm start_vm qemu-tap 10.1.0.1 $(card t1 1)
with_host qemu-tap 10.1.0.254

start_switch -sock /tmp/lan
start_vm rings 10.3.0.1 -net nic -net vde,sock=/tmp/lan
start_vm rings-2 10.3.0.2 -net nic -net vde,sock=/tmp/lan
with_guest rings 10.3.0.2
stop_switch

ip link add br0 type bridge forward_delay 0 mcast_snooping 0
ip link set br0 up
tap t3
tap t4
# shellcheck disable=SC2046
VMM=qemu-vmm start_vm qemu-bridge 10.4.0.1 $(card t3 1)
# shellcheck disable=SC2046
VMM=qemu-vmm start_vm qemu-bridge-2 10.4.0.2 $(card t4 2)
with_guest qemu-bridge 10.4.0.2

vde_switch -daemon -sock /tmp/vde -pidfile /tmp/vde.pid
for i in 1 2; do
	vm=qemu-vde_switch
	[ $i = 1 ] || vm=qemu-vde_switch-2
	VMM=qemu-vmm start_vm $vm 10.5.0.$i -netdev vde,id=n,sock=/tmp/vde \
		-device virtio-net-pci,netdev=n,mac=02:00:00:00:01:0$i
done
with_guest qemu-vde_switch 10.5.0.2
kill "$(cat /tmp/vde.pid)"

table "guest and host, tap" vmm-tap qemu-tap
table "guest and guest" rings qemu-bridge qemu-vde_switch
ok "the tables are made"
finish
