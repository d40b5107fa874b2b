# SPDX-License-Identifier: BSD-2-Clause
# demo.sh - what "./run demo" shows: two VMs on one switch.  It is for people
#           and does not speak TAP; check-demo.sh makes a test of it.
. ./lib.sh
planned=yes

# shown COMMAND... - print a command as one would type it, in short lines that
# do not part an option from its value
shown()
{
	line="  \$"
	part=
	for word in "$@" -; do
		case $word in
		-*)
			if [ $((${#line} + ${#part})) -gt 74 ]; then
				echo "$line \\"
				line="       "
			fi
			line=$line$part
			part=
			;;
		esac
		case $word in
		*" "*)
			part="$part \"$word\""
			;;
		*)
			part="$part $word"
			;;
		esac
	done
	echo "$line"
}

# indent - what a command printed
indent()
{
	sed 's/^/    /'
}

fail()
{
	echo
	echo "The demo failed: $*."
	show_logs
	exit 1
}

# start NAME ADDRESS - a VM on our switch
start()
{
	start_vm "$1" "$2" -net nic -net vde,sock=lan || fail "$1 does not start"
}

# talk FROM TO ADDRESS - let VM FROM ping VM TO
talk()
{
	echo
	echo "  $1# ping -c 2 $3"
	vm_run "$1" "ping -c 2 $3" >"pings"
	grep -E '^64 bytes|received' "pings" | indent
	grep -q ' 2 packets received' "pings" || fail "$1 does not reach $2"
}

# Short names make short commands.
ln -s "$KERNEL" vmlinuz
ln -s "$INITRD" guest.img
KERNEL=vmlinuz
INITRD=guest.img

echo "A switch:"
start_switch -sock lan || fail "the switch does not start"

echo
echo "Two VMs with Debian's kernel, each with a NIC on it:"
begin=$(seconds)
start alice 192.168.100.1
start bob 192.168.100.2
echo "  booting ..."
for vm in alice bob; do
	vm_boot $vm || fail "$vm does not boot"
	echo "  $vm is up after $(($(seconds) - begin)) s:" \
		"$(vm_run $vm 'uname -sr'), $(vm_fact $vm ip), $(vm_fact $vm mac)"
done

echo
echo "A capture of everything that passes one port of the switch:"
shown lanbox capture lan 1 -w pings.pcap "&"
lanbox capture lan 1 -w pings.pcap 2>capture.log &
capture_pid=$!
wait_for 10 test -s pings.pcap || fail "lanbox capture writes nothing"

echo
echo "They talk:"
talk alice bob 192.168.100.2
talk bob alice 192.168.100.1

sleep 1
kill $capture_pid
wait $capture_pid || fail "lanbox capture ends with status $?"
echo
echo "And the capture has it all:"
shown tcpdump -n -t -r pings.pcap arp or icmp
tcpdump -n -t -r - arp or icmp <pings.pcap 2>tcpdump.log | tee packets | indent
[ "$(grep -c ICMP packets)" -eq 8 ] || fail "the capture does not hold 8 ICMP packets"

echo
echo "Everything off again:"
for vm in alice bob; do
	echo "  $vm# poweroff -f"
	vm_poweroff $vm || fail "$vm does not power off"
done
shown kill '$(cat switch.pid)'
stop_switch || fail "the switch does not stop"
[ -z "$(find lan -type s 2>/dev/null)" ] || fail "the switch leaves sockets behind"

echo
echo "It works: two VMs, one switch, 4 pings, 4 answers, and nothing left running."
