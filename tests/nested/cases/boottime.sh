# SPDX-License-Identifier: BSD-2-Clause
# boottime.sh - a table, not a test: time from the start of the VMM to the first
#               line of init, same kernel and initramfs, by three VMMs in turn.
#
# The host is emulated: only the ratios mean anything.  Run it by hand on a
# machine that is quiet:  tests/nested/nested tests/nested/cases/boottime.sh
# nested: qemu timeout=500
. ./lib.sh

rounds=5
qemu="qemu-system-x86_64 -accel kvm -cpu host -nodefaults -no-user-config
	-display none"
mkfifo out

# now - centiseconds
now()
{
	read -r up _ </proc/uptime
	echo "${up%.*}${up#*.}"
}

# boot_to_init NAME COMMAND... - add to NAME how long it takes, in centi-
# seconds
boot_to_init()
{
	name=$1
	shift
	start=$(now)
	timeout -s KILL "$PATIENCE" "$@" -kernel "$KERNEL" -initrd "$INITRD" \
		-append "console=ttyS0 quiet panic=-1" -m 128 -smp 1 -serial stdio \
		</dev/null >out 2>>vmm.log &
	vmm=$!
	while read -r line; do
		case $line in
		*"lb: init"*)
			echo $(($(now) - start)) >>"$name"
			break
			;;
		esac
	done <out
	kill -9 $vmm
	wait $vmm
	echo "# $name $(tail -n 1 "$name")"
} 2>>vmm.log

# median FILE - of an odd number of lines
median()
{
	sort -n "$1" | sed -n "$(((rounds + 1) / 2))p"
}

# A kernel that finds no clock chip spends seconds on waiting for one: hence rtc.
# shellcheck disable=SC2086 # several words
for round in $(seq $rounds); do
	echo "# round $round of $rounds, centiseconds:"
	boot_to_init vmm $VMM
	boot_to_init microvm $qemu -M microvm,rtc=on
	boot_to_init pc $qemu -M pc
done

ours=$(median vmm)
printf '# %-14s %8s %8s %8s %8s\n' "boot to init" median best worst ratio
for what in vmm microvm pc; do
	[ "$(wc -l <"$what")" -eq $rounds ] || not_ok "$what boots each time"
	name="QEMU $what"
	[ $what != vmm ] || name=$VMM
	awk -v name="$name" -v ours="$ours" -v median="$(median "$what")" '
		NR == 1 || $1 < best { best = $1 }
		$1 > worst { worst = $1 }
		END {
			printf "# %-14s %6.2f s %6.2f s %6.2f s %7.2fx\n", name,
				median / 100, best / 100, worst / 100, median / ours
		}' "$what"
done
ok "the table is made"
finish
