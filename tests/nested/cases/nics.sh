# SPDX-License-Identifier: BSD-2-Clause
# nics.sh - several network cards: a switch that is not there yet, goes and comes
#           back, a tap, MTUs, frames with offloads; what the guest sees of all
#           that
. ./lib.sh

# carrier VM NIC - does the guest see a cable plugged in? 1 or 0
carrier()
{
	vm_run "$1" "cat /sys/class/net/$2/carrier"
}

carrier_is()
{
	[ "$(carrier "$1" "$2")" = "$3" ]
}

# no_pings VM ADDRESS - does nothing come back?
no_pings()
{
	vm_run "$1" "! ping -q -c 1 -W 1 $2 >/dev/null" 10
}

# started OPTION... - does a VM start with these? It is ended again.
started()
{
	start_vm try "" "$@"
	wait_for 5 vm_says try "^lb: init" || return 1
	kill "$(vm_pid try)"
	vm_exit try
}

# on VM|host COMMAND [SECONDS] - run it there
on()
{
	case $1 in
	host)
		sh -c "$2"
		;;
	*)
		vm_run "$@"
		;;
	esac
}

# stream FROM ADDRESS TO - do some MiB arrive as they are at FROM, which has ADDRESS? httpd
# gives them to the kernel in large pieces, so what a frame has does not depend on who is
# faster.
stream()
{
	on "$1" "[ -e /www/data ] || { mkdir /www && \
		head -c 2097152 /dev/urandom >/www/data && httpd -p 5000 -h /www; }" &&
		sum=$(on "$1" "sha256sum </www/data") &&
		[ "$(on "$3" "wget -q -O - http://$2:5000/data | sha256sum" 60)" = "$sum" ]
}

# mean VM|host INTERFACE rx|tx COMMAND... - bytes of a frame there while COMMAND runs, in
# the mean; nothing if it fails
mean()
{
	where=$1
	counters="cd /sys/class/net/$2/statistics && echo \$(cat $3_bytes $3_packets)"
	shift 3
	before=$(on "$where" "$counters")
	"$@" >/dev/null || return
	# shellcheck disable=SC2046,SC2086 # four numbers
	set -- $before $(on "$where" "$counters")
	echo $((($3 - $1) / ($4 - $2)))
}

# big MEAN, small MEAN - is that what frames have that are not cut, or that are?
big()
{
	[ "${1:-0}" -gt 1600 ]
}

small()
{
	[ "${1:-9999}" -le 1514 ]
}

# feature VM NIC NAME - on or off, as the driver says
feature()
{
	vm_run "$1" "ethtool -k $2" | sed -n "s/^[[:space:]]*$3: //p"
}

check "without a switch there is no VM" no started -net nic -net vde,sock=/tmp/lan
check "and it is said why" vm_says try "network '/tmp/lan': cannot connect to the switch"

ip tuntap add tap0 mode tap
ip addr add 10.1.0.254/24 dev tap0
ip link set tap0 up
check "no tap, no VM" no started -netdev tap,id=t,script=no,fd=0 -device virtio-net-pci,netdev=t

start_vm two "" \
	-netdev vde,id=lan,sock=/tmp/lan,reconnect=on -device virtio-net-pci,netdev=lan \
	-netdev tap,id=tap,ifname=tap0,script=no,downscript=no \
	-device virtio-net-pci,netdev=tap,host_mtu=1300
need "a VM boots though its switch is not there yet" vm_boot two
check "that is said" vm_says two "the switch is not there yet"
vm_run two "for i in 0 1; do ip addr add 10.\$i.0.1/24 dev eth\$i; ip link set eth\$i up; done"
check_eq "the guest sees no cable" "$(carrier two eth0)" 0
check_eq "but the one of the tap" "$(carrier two eth1)" 1
check_eq "the tap's card has the MTU that was asked for" \
	"$(vm_run two "cat /sys/class/net/eth1/mtu")" 1300
check_eq "the other has the usual one" "$(vm_run two "cat /sys/class/net/eth0/mtu")" 1500
check "the host answers on the tap" pings two 10.1.0.254 3
check "packets as long as they may be pass" \
	vm_run two "ping -q -c 2 -W 2 -s 1272 10.1.0.254 >/dev/null"

# The tap's kernel takes and gives frames that are not finished.
for name in tx-checksum-ip-generic tx-tcp-segmentation tx-tcp6-segmentation rx-gro-hw; do
	check_eq "on the tap the guest has $name" "$(feature two eth1 $name)" on
done
check "a stream to the host comes in big frames" \
	big "$(mean host tap0 rx stream two 10.1.0.1 host)"
check "and one to the guest" big "$(mean two eth1 rx stream host 10.1.0.254 two)"
check "the guest wants them cut" vm_run two "ethtool -K eth1 rx-gro-hw off"
check "then they are" small "$(mean two eth1 rx stream host 10.1.0.254 two)"
check "the guest takes another address" \
	vm_run two "ip link set eth1 address 02:00:00:00:00:77"
check "and is found by it" pings two 10.1.0.254
check_eq "under that the host knows it" \
	"$(ip neigh show 10.1.0.1 | sed 's/.*lladdr \([^ ]*\).*/\1/')" 02:00:00:00:00:77

# The switch, at last.

need "the switch starts" start_switch -sock /tmp/lan
check "the guest sees the cable plugged in" wait_for 10 carrier_is two eth0 1
start_vm peer 10.0.0.2 -net nic -net vde,sock=/tmp/lan
need "a neighbour on the switch boots" vm_boot peer
check "they reach each other" pings peer 10.0.0.1 3

# Of these two one has offloads and one has not; the next one has some.
start_vm mate 10.0.0.3 -netdev vde,id=lan,sock=/tmp/lan \
	-device virtio-net-pci,netdev=lan,guest_csum=off
need "another neighbour boots" vm_boot mate
check_eq "a card without rings has no offloads" \
	"$(feature two eth0 tx-checksum-ip-generic)" "off [fixed]"
check_eq "one with rings has them" "$(feature peer eth0 tx-tcp-segmentation)" on
check_eq "and one can do without" "$(feature mate eth0 rx-gro-hw)" "off [fixed]"
lanbox capture -w peer.pcap /tmp/lan 2>>capture.log &
capture=$!
check "a stream between neighbours comes in big frames" \
	big "$(mean peer eth0 rx stream mate 10.0.0.3 peer)"
check "where they are not wanted they are cut" \
	small "$(mean mate eth0 rx stream peer 10.0.0.2 mate)"
check "and are where nobody can take them" \
	small "$(mean two eth0 rx stream peer 10.0.0.2 two)"
check "nothing is lost on the way back" stream two 10.0.0.1 peer
sleep 1
kill $capture
wait $capture
tcpdump -vv -n -r peer.pcap tcp >peer.txt 2>>capture.log
check "a capture shows segments" [ "$(grep -c 'cksum.*(correct)' peer.txt)" -gt 1000 ]
check "each with the right sums" no grep -q -E 'incorrect|bad cksum' peer.txt
check_eq "and none too long" "$(tcpdump -n -r peer.pcap greater 1515 2>/dev/null | wc -l)" 0
vm_poweroff mate

# It goes for longer than a moment, and comes back. The first VM has it by datagrams, the
# other one by its rings.
check "the switch ends" stop_switch
check "the guest sees the cable pulled" wait_for 10 carrier_is two eth0 0
check "so does the neighbour, who was patient" wait_for 25 carrier_is peer eth0 0
check "the tap does not mind" pings two 10.1.0.254
need "the switch starts again" start_switch -sock /tmp/lan
check "the cables are plugged in again" wait_for 10 carrier_is two eth0 1
check "both of them" wait_for 10 carrier_is peer eth0 1
check "they reach each other again" pings peer 10.0.0.1 3

ip link del tap0
check "a tap that is deleted is a cable pulled" wait_for 10 carrier_is two eth1 0
check "and the other one is not" pings peer 10.0.0.1
vm_poweroff two
check_eq "the VM ends" $? 0
finish
