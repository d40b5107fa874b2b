# SPDX-License-Identifier: BSD-2-Clause
# life.sh - the power button, pauses that the guest's clocks do not notice, and VMs
#           found by their names, with an unmodified kernel
# nested: timeout=1200
. ./lib.sh
export XDG_RUNTIME_DIR="$work"

# life_vm NAME [ARGUMENT...]: a VM without a network, with a control socket
life_vm()
{
	vm=$1
	shift
	start_vm "$vm" '' -net none -qmp "unix:$vm.qmp,server=on,wait=off" "$@"
}

# qmp NAME COMMAND...: run commands, print the replies
qmp()
{
	vm=$1
	shift
	for command in qmp_capabilities "$@"; do
		printf '{"execute": "%s"}\n' "$command"
	done | socat -t 10 - "unix:$vm.qmp"
}

# listen NAME: what it tells of itself from now on is in NAME.events
listen()
{
	{ printf '{"execute": "qmp_capabilities"}\n'; sleep 1000; } |
		socat - "unix:$1.qmp" >"$1.events" 2>/dev/null &
	wait_for 5 grep -q '"return"' "$1.events"
}

# events NAME: their names
events()
{
	sed -n 's/.*"event": "\([A-Z]*\)".*/\1/p' "$1.events" | tr '\n' ' '
}

# up NAME: seconds of its clock that only goes forward, and of its time of day
up()
{
	vm_run "$1" 'read up _ </proc/uptime; echo ${up%%.*} $(date +%s)'
}

# without MODULE NAME [ARGUMENT...]: a VM with a card whose guest lacks a driver
without()
{
	module=$1 vm=$2
	shift 2
	start_vm "$vm" '' -append "console=ttyS0 quiet panic=-1 lb.without=$module" \
		-net nic -net "vde,sock=$work/lan,reconnect=on" "$@"
}

life_vm a -smp 2
life_vm b -shutdown-timeout 4 -append "console=ttyS0 quiet panic=-1 lb.button=ignored"
need "two VMs boot, one of which ignores its power button" vm_boot a b
check_eq "lanbox vm list has both" \
	"$(lanbox vm list | sed -n 's/^\([ab]\)  *\([a-z]*\)  *\([0-9]*\) .*/\1 \2 \3/p' |
		tr '\n' ',')" 'a running 2,b running 1,'

# A pause. Both clocks have whole seconds, and asking takes some time.
listen a
set -- $(up a)
uptime=$1 day=$2 host=$(seconds)
check "stop" qmp a stop
check_eq "it is told" "$(lanbox vm status a --json | grep -o '"status":"[a-z]*"')" \
	'"status":"paused"'
# Devices that nobody takes; it takes a while to be sure, of which these are the first 20 s.
truncate -s 1M e.img f.img
without virtio_net e -hda e.img
without virtio_pci f -hda f.img
sleep 20
check "nobody answers" no vm_run a true 1
check "cont" qmp a cont
check "the guest goes on" vm_run a true
set -- $(up a)
passed=$(($(seconds) - host))
check "the host's clock went on ($passed seconds)" [ $passed -ge 20 ]
check "the guest's did not ($(($1 - uptime)) seconds)" \
	[ $(($1 - uptime)) -le $((passed - 18)) ]
check "nor did its time of day ($(($2 - day)) seconds)" \
	[ $(($2 - day)) -le $((passed - 18)) ]
check "its timers work" vm_run a 'sleep 1'
check "on both CPUs" vm_run a 'taskset 1 sleep 1; taskset 2 sleep 1'
check_eq "its kernel has seen nothing odd" \
	"$(vm_run a 'dmesg | grep -i -c -e stall -e "clocksource.*unstable" -e lockup')" 0

# The power button.
check "system_powerdown" qmp a system_powerdown
check "the guest powers off" vm_exit a
check "having seen the button" vm_says a '^lb: power button'
check_eq "all that is told" "$(events a)" 'STOP RESUME POWERDOWN SHUTDOWN '
check "at last by the guest" grep -q '"guest": true, "reason": "guest-shutdown"' a.events

life_vm a
need "it boots again" vm_boot a
listen a
vm_send a 'reboot -f'
check "it reboots" wait_for "$PATIENCE" vm_says a '^lb: up ' 2
check_eq "which is told" "$(events a)" 'RESET '
kill -TERM "$(vm_pid a)"
check "SIGTERM: the guest powers off" vm_exit a
check "having seen the button" vm_says a '^lb: power button'

# Those who stand still are woken.
life_vm a
need "it boots again" vm_boot a
check "stop" qmp a stop
check "lanbox vm stop wakes it and lets it power off" lanbox vm stop a
check "with status 0" vm_exit a 5
check "having seen the button" vm_says a '^lb: power button'
check "it is gone" no lanbox vm status a

# One that does not listen.
check "lanbox vm stop waits so long" no lanbox vm stop --timeout 3 b
check "and the VM runs" vm_run b true
before=$(seconds)
kill -TERM "$(vm_pid b)"
check "SIGTERM: the VM ends all the same" vm_exit b
check "after some seconds ($(($(seconds) - before)))" [ $(($(seconds) - before)) -ge 3 ]
check "and says why" vm_says b 'the guest has not powered off in 4 seconds'

# In the background, with a console by its name.
check "a VM goes into the background" "$VMM" -name d -m 128 -kernel "$KERNEL" \
	-initrd "$INITRD" -append "console=ttyS0 quiet panic=-1" -daemonize -pidfile d.pid
check "somebody sits down at its console later" wait_for "$PATIENCE" sh -c '
	timeout 3 lanbox vm console d </dev/null >d.log; grep -q "^lb: up" d.log'
check "and types" wait_for 10 sh -c 'echo "7 uname" | timeout 5 lanbox vm console d >d.log
	grep -q "^lb: 7 rc=0" d.log'
check "lanbox vm stop" lanbox vm stop d
check "nothing is left" [ ! -e d.pid ]

# By now it is sure what nobody takes.
check "a guest without virtio_net is told of" wait_for 150 vm_says e \
	'^lanbox-vmm: NIC 1: the guest has not claimed it: its kernel lacks CONFIG_VIRTIO_NET,'
check "but not of its disk" no vm_says e 'disk 1:'
check "one without virtio_pci is told of, card and disk" wait_for 150 vm_says f \
	'^lanbox-vmm: NIC 1, disk 1: the guest has not claimed them: .* CONFIG_VIRTIO_PCI,'
check "of others nothing is said" claimed a b
kill -QUIT "$(vm_pid e)" "$(vm_pid f)"
check "both end" vm_exit e
check "at once" vm_exit f
check_eq "in the folder of running VMs, too" "$(ls lanbox)" ''
finish
