# SPDX-License-Identifier: BSD-2-Clause
# seed.sh - the script everything began with, word for word but for the name of
#           the switch: a LAN of VMs with the host on it through a tap.
. ./lib.sh

mac_count()
{
	for vm in a b c d; do
		vm_fact $vm mac
	done | sort -u | grep -c '^[0-9a-f][0-9a-f]:'
}

# everyone_pings - each VM reaches the host and all other VMs, and the host each
everyone_pings()
{
	for vm in $1; do
		check "the host reaches $vm" wait_for 20 \
			ping -c 1 -W 1 "$(vm_fact $vm ip | cut -d/ -f1)"
		check "$vm reaches the host" pings $vm 192.168.100.254
		for other in $1; do
			[ $vm = $other ] || check "$vm reaches $other" pings $vm \
				"$(vm_fact $other ip | cut -d/ -f1)"
		done
	done
}

switch=${SWITCH##*/}

# The seed, first line.
check "the tap is made" ip tuntap add tap0 mode tap
need "the switch starts" \
	$SWITCH -tap tap0 -daemon -pidfile .switch.pid -mod 660 -group kvm
check "the pid file names the running switch when the command returns" \
	grep -q "$switch" "/proc/$(cat .switch.pid)/comm"
check_eq "the switch's socket is for the group" \
	"$(stat -c '%a %G' /var/run/vde.ctl/ctl)" "660 kvm"
check "the tap gets its address" ip addr add dev tap0 192.168.100.254/24
check "the tap goes up" ip link set dev tap0 up

# Two VMs.
start_vm a 192.168.100.1
start_vm b 192.168.100.2
need "two VMs boot" vm_boot a b
everyone_pings "a b"

# Two more.
start_vm c 192.168.100.3
start_vm d 192.168.100.4
need "two more VMs boot" vm_boot c d
check_eq "four VMs have four addresses" "$(mac_count)" 4
everyone_pings "a b c d"

# The seed, last line.
pid=$(cat .switch.pid)
check "kill stops the switch" kill "$pid"
check "the switch ends" wait_for 10 gone "$pid"
check_eq "no socket is left" "$(find /var/run/vde.ctl 2>/dev/null)" ""
check "no pid file is left" test ! -e .switch.pid
check "the VMs outlive the switch" vm_run a "true"
for vm in a b c d; do
	check "$vm powers off" vm_poweroff $vm
done
finish
