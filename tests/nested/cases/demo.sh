# SPDX-License-Identifier: BSD-2-Clause
# demo.sh - what ./run demo shows: two Linux VMs on a switch, talking, and a
#           capture of it. Text for people, not TAP; it is a case since it runs
#           in the emulated host where this machine cannot run Linux itself.
# nested: timeout=180
. ./lib.sh

# show COMMAND... - print a command as a person would type it
show()
{
	echo
	echo "  \$ $*"
}

# must TEXT COMMAND... - or the demo is over
must()
{
	text=$1
	shift
	"$@" >"$work/must.out" 2>&1 && return
	echo "demo: this did not work: $text" >&2
	tail -n 20 "$work/must.out" "$work"/*.log >&2
	planned=yes
	exit 1
}

# boot_vm NAME ADDRESS
boot_vm()
{
	show "lanbox-vmm -name $1 -kernel vmlinuz -initrd guest.img -m 128 \\"
	echo "        -append \"console=ttyS0 lb.ip=$2/24\" -net nic -net vde,sock=lan"
	start_vm "$1" "$2" -net nic -net vde,sock=lan
	must "$1 boots" vm_boot "$1"
	echo "    Linux is up in VM $1: $(vm_fact "$1" cpus) CPU, $(vm_fact "$1" mem) KiB, address $2, MAC $(vm_fact "$1" mac)"
}

cd "$work" || exit 1
echo "A switch is a directory; VMs and other programs plug into it."
show "lanbox-switchd -sock lan -daemon -pidfile switch.pid"
must "the switch starts" start_switch -sock lan
echo "    $(ls lan | tr '\n' ' ') are in lan/"

boot_vm alice 10.0.0.1
boot_vm bob 10.0.0.2

show "lanbox capture -w lan.pcap lan 1 &          # alice is on port 1"
lanbox capture -w lan.pcap lan 1 2>capture.log &
capture_pid=$!
must "the capture starts" wait_for 10 test -s lan.pcap

echo
echo "  alice# ping -c 3 10.0.0.2"
must "alice reaches bob" vm_run alice "ping -c 3 10.0.0.2"
vm_run alice "ping -c 3 10.0.0.2" | sed 's/^/    /'
echo
echo "  bob# ping -c 2 10.0.0.1"
vm_run bob "ping -c 2 10.0.0.1" | sed 's/^/    /'

kill $capture_pid
wait $capture_pid
show "tcpdump -n -r lan.pcap"
tcpdump -n -r lan.pcap 2>/dev/null >capture.txt
must "the capture shows the pings" grep -q 'ICMP echo reply' capture.txt
head -n 12 capture.txt | cut -c1-90 | sed 's/^/    /'
echo "    ($(wc -l <capture.txt) frames)"

show "poweroff, in both; kill \$(cat switch.pid)"
must "alice powers off" vm_poweroff alice
must "bob powers off" vm_poweroff bob
must "the switch ends" stop_switch
must "nothing is left behind" test ! -e lan
echo
echo "demo: done. Two VMs talked to each other through the switch, and nothing is left behind."
finish
