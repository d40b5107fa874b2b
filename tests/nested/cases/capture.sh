# SPDX-License-Identifier: BSD-2-Clause
# capture.sh - lanbox capture shows what passes one port, in and out, and
#              nothing else.
. ./lib.sh

# echoes FILE WHAT FROM TO - how many pings of that kind the capture holds
echoes()
{
	tcpdump -n -r - <"$1" 2>/dev/null | grep -c " $3 > $4: ICMP echo $2,"
}

# capture FILE ARGUMENT... - start a capture and wait until it is on
capture()
{
	file=$1
	shift
	lanbox capture "$@" >"$file" 2>>capture.log &
	capture_pid=$!
	# The file header is written at once.
	wait_for 10 test -s "$file"
}

# capture_end - end it as Ctrl-C or a kill does; its status
capture_end()
{
	kill "$capture_pid"
	wait "$capture_pid"
}

ip tuntap add tap0 mode tap
need "the switch starts" start_switch -sock lan -tap tap0
ip addr add dev tap0 192.168.100.254/24
ip link set dev tap0 up

# One after the other, so that it is known who has which port: the tap has 1.
start_vm a 192.168.100.1 -net nic -net "vde,sock=lan"
need "the first VM boots" vm_boot a
start_vm b 192.168.100.2 -net nic -net "vde,sock=lan"
need "the second VM boots" vm_boot b
check "they reach each other" pings a 192.168.100.2
check "one reaches the host" pings b 192.168.100.254

# Port 2 is a's.
need "a capture of port 2 starts" capture a.pcap lan 2
check "six pings pass" vm_run a "ping -q -c 6 -W 10 192.168.100.2"
check "host and b speak meanwhile" pings b 192.168.100.254 3
sleep 1
check "the capture ends with status 0" capture_end
check_eq "every request is in it" \
	"$(echoes a.pcap request 192.168.100.1 192.168.100.2)" 6
check_eq "every reply is in it" \
	"$(echoes a.pcap reply 192.168.100.2 192.168.100.1)" 6
check_eq "what host and b said is not" \
	"$(tcpdump -n -r - icmp and host 192.168.100.254 \
		<a.pcap 2>/dev/null | wc -l)" 0

# Through a pipe, as people use it, while it runs.
lanbox capture lan 2 2>>capture.log |
	tcpdump -n -l -c 4 -r - icmp >live 2>>capture.log &
need "tcpdump has begun" wait_for 10 grep -q 'reading from file' capture.log
check "three pings pass" pings a 192.168.100.2 3
check "tcpdump reads along from a pipe" \
	wait_for 10 grep -q '192.168.100.1 > 192.168.100.2: ICMP echo request' \
	live
check "the capture ends when nobody reads on" \
	wait_for 10 no pidof lanbox

# To a file of its own naming.
lanbox capture lan 2 -w w.pcap 2>>capture.log &
capture_pid=$!
need "a capture with -w starts" wait_for 10 test -s w.pcap
check "a ping passes" pings a 192.168.100.2
sleep 1
check "it ends with status 0" capture_end
check "the ping is in the file" \
	[ "$(echoes w.pcap request 192.168.100.1 192.168.100.2)" -ge 1 ]
check "the switch still runs" kill -0 "$(cat switch.pid)"
finish
