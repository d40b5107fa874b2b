# SPDX-License-Identifier: BSD-2-Clause
# firmware.sh - the machine begins under SeaBIOS, as for a disk with a boot loader
. ./lib.sh

bios=/usr/share/seabios/bios-256k.bin

lanbox-vmm -m 64 -smp 2 -bios $bios -net none -serial file:/tmp/bios.out >/tmp/bios.log 2>&1 &
vmm=$!
check "SeaBIOS speaks on the serial port" wait_for "$PATIENCE" grep -a -q SeaBIOS /tmp/bios.out
check "and finds nothing to boot" wait_for "$PATIENCE" \
	grep -a -q 'No bootable device\.' /tmp/bios.out
check "for good" no grep -a -q Retrying /tmp/bios.out
check_eq "the VMM says nothing but that the host has fewer CPUs" \
	"$(grep -v 'recommends at most 1 CPU ' /tmp/bios.log)" ''
kill $vmm
wait $vmm

# Images that are none.
head -c 1000 $bios >/tmp/short
check "an image that is too short is refused" no lanbox-vmm -bios /tmp/short -net none
check "and one that is not there" no lanbox-vmm -bios /tmp/nosuch -net none
finish
