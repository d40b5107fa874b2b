# SPDX-License-Identifier: BSD-2-Clause
# boot.sh - one VM at a time: an unmodified kernel boots, sees the machine that
#           was asked for, reboots and powers off.  No network.
# nested: memory=4608
. ./lib.sh

# between LOW VALUE HIGH
between()
{
	echo "$2 is to lie between $1 and $3"
	[ "$1" -le "$2" ] && [ "$2" -le "$3" ]
}

# boots CPUS MEMORY LOW HIGH - boot such a VM; LOW and HIGH bound, in MiB, what
# its kernel may call its memory
boots()
{
	start_vm vm '' -smp "$1" -m "$2" -net none
	need "a VM with $1 CPU(s) and $2 boots" vm_boot vm
	check_eq "it has $1 CPU(s)" "$(vm_fact vm cpus)" "$1"
	check "it has $2 of memory" \
		between $(($3 * 1024)) "$(vm_fact vm mem)" $(($4 * 1024))
}

boots 1 128M 80 128

# The rng: bytes come from the device, and are not the same twice.
check_eq "virtio-rng is the source of randomness" \
	"$(vm_run vm 'cut -d. -f1 /sys/class/misc/hw_random/rng_current')" \
	virtio_rng
one=$(vm_run vm 'timeout 10 head -c 32 /dev/hwrng | xxd -p -c 32')
two=$(vm_run vm 'timeout 10 head -c 32 /dev/hwrng | xxd -p -c 32')
check_eq "/dev/hwrng gives 32 bytes" ${#one} 64
check "and other ones the next time" [ "$one" != "$two" ]

check "it powers off, and the VMM's exit status is 0" vm_poweroff vm

boots 2 4G 3700 4096
check "memory lies above 4 GiB too" \
	vm_run vm "grep '^1[0-9a-f]* *-.*System RAM' /proc/iomem"
check "both CPUs run" vm_run vm \
	'taskset 1 true && taskset 2 true && [ $(cat /sys/devices/system/cpu/online) = 0-1 ]'
check "memory is what was written to it" vm_run vm \
	'dd if=/dev/urandom of=/a bs=1M count=24 && cp /a /b && cmp /a /b' 60

# Reboot: the same process, a new kernel.
pid=$(vm_pid vm)
vm_send vm "reboot -f"
need "it reboots" wait_for "$PATIENCE" vm_says vm '^lb: up ' 2
check "in the same process" [ "$pid" = "$(vm_pid vm)" ]
check_eq "with its CPUs" "$(vm_fact vm cpus)" 2
check "and an empty memory" vm_run vm 'test ! -e /a'
check "it powers off after a reboot too" vm_poweroff vm

# With -no-reboot the VM ends where it would reboot.
start_vm vm2 '' -net none -no-reboot
need "a VM with -no-reboot boots" vm_boot vm2
vm_send vm2 "reboot -f"
check "its reboot is its end" vm_exit vm2
check_eq "it came up once" "$(vm_console vm2 | grep -c '^lb: up ')" 1
finish
