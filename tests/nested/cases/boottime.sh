# SPDX-License-Identifier: BSD-2-Clause
# boottime.sh - tables, not a test: time from the start of the VMM to the first
#               line of init and to the first instruction of the guest, and its
#               memory beside the guest's; same kernel and initramfs, by three
#               VMMs in turn.
#
# The host is emulated: only the ratios mean anything.  Run it by hand on a
# machine that is quiet:  tests/nested/nested tests/nested/cases/boottime.sh
# nested: qemu timeout=500
. ./lib.sh

rounds=5
qemu="qemu-system-x86_64 -accel kvm -cpu host -nodefaults -no-user-config
	-display none"
mkfifo out
trace=/sys/kernel/tracing
mount -t tracefs tracefs $trace

# now - centiseconds
now()
{
	read -r up _ </proc/uptime
	echo "${up%.*}${up#*.}"
}

# beside PID - KiB of memory that a VMM has beside its guest's 128 MiB, shared
# pages in parts
beside()
{
	awk '/^[0-9a-f]+-[0-9a-f]+ / { guest = 0 }
	     /^Size:/ { guest = $2 >= 128 * 1024 }
	     /^Pss:/ && !guest { kib += $2 }
	     END { print kib }' "/proc/$1/smaps"
}

# boot_to_entry NAME COMMAND... - add to NAME.entry how long it takes from exec
# to the first instruction of the guest, in tenths of milliseconds
boot_to_entry()
{
	name=$1.entry
	shift
	echo >$trace/trace
	echo 1 >$trace/events/sched/sched_process_exec/enable
	echo 1 >$trace/events/kvm/kvm_entry/enable
	timeout -s KILL "$PATIENCE" "$@" -kernel "$KERNEL" -initrd "$INITRD" \
		-append "console=ttyS0 quiet panic=-1" -m 128 -smp 1 -serial null \
		</dev/null >>vmm.log 2>&1 &
	vmm=$!
	wait_for 20 grep -q kvm_entry $trace/trace
	echo 0 >$trace/events/enable
	kill $vmm
	wait $vmm
	tr -d : <$trace/trace | awk -v path="filename=[^ ]*/${1##*/} " '
		function at(i) {
			for (i = 1; i <= NF; i++)
				if ($i ~ /^[0-9]+\.[0-9]+$/)
					return $i * 10000
		}
		/sched_process_exec/ && $0 ~ path { start = at() }
		/kvm_entry/ && start { print int(at() - start); exit }' >>"$name"
} 2>>vmm.log

# boot_to_init NAME COMMAND... - add to NAME how long it takes, in centi-
# seconds
boot_to_init()
{
	name=$1
	shift
	start=$(now)
	# shellcheck disable=SC2016 # the inner shell expands it
	timeout -s KILL "$PATIENCE" sh -c 'echo $$ >pid; exec "$@"' sh "$@" -kernel "$KERNEL" -initrd "$INITRD" \
		-append "console=ttyS0 quiet panic=-1" -m 128 -smp 1 -serial stdio \
		</dev/null >out 2>>vmm.log &
	vmm=$!
	while read -r line; do
		case $line in
		*"lb: init"*)
			echo $(($(now) - start)) >>"$name"
			beside "$(cat pid)" >>"$name.beside"
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
	boot_to_entry vmm $VMM
	boot_to_entry microvm $qemu -M microvm,rtc=on
	boot_to_entry pc $qemu -M pc
done

# table TITLE SUFFIX UNIT PER_UNIT - medians, and ratios to ours
table()
{
	ours=$(median "vmm$2")
	printf '# %-14s %9s %9s %9s %8s\n' "$1" median best worst ratio
	for what in vmm microvm pc; do
		[ "$(wc -l <"$what$2")" -eq $rounds ] || not_ok "$what: all rounds of $1"
		name="QEMU $what"
		[ $what != vmm ] || name=$VMM
		awk -v name="$name" -v ours="$ours" -v median="$(median "$what$2")" \
			-v per="$4" -v unit="$3" '
			NR == 1 || $1 < best { best = $1 }
			$1 > worst { worst = $1 }
			END {
				printf "# %-14s %6.2f %-2s %6.2f %-2s %6.2f %-2s %7.2fx\n", name,
					median / per, unit, best / per, unit, worst / per, unit,
					median / ours
			}' "$what$2"
	done
}

table "boot to init" "" s 100
table "first instr." .entry ms 10
table "beside RAM" .beside M 1024
ok "the tables are made"
finish
