# SPDX-License-Identifier: BSD-2-Clause
# gdb.sh - gdb and an unmodified kernel: from its first instruction to its first program,
#          two CPUs, single steps, Ctrl-C, a reset, and a gdb that is killed
#
# There are no breakpoints in here: QEMU, which emulates the host, tells its KVM neither of
# debug registers nor of int3. So the kernel's first function is made one that says so on
# the console and waits, and gdb, which wrote it, puts everything back.
#
# Debian's kernel has no symbols. Those that are needed here are put into the ELF file that
# is packed in the bzImage: the host, which runs the same kernel, knows them.
# nested: timeout=1200 gdb
. ./lib.sh

symbols="start_kernel boot_command_line linux_banner system_state"
kernel_base=0x81000000	# where the kernel is if nothing moves it, lower half

# debug_vm NAME [ARGUMENT...]: a VM in which the kernel is where its file says
debug_vm()
{
	vm=$1
	shift
	start_vm "$vm" '' -net none -smp 2 \
		-append "console=ttyS0 quiet panic=-1 nokaslr debugged=$vm" "$@"
}

# debug NAME LOG: gdb on a VM, with commands from standard input
debug()
{
	{
		printf '%s\n' 'set pagination off' 'set confirm off' 'file vmlinux' \
			"target remote $1.gdb"
		cat
	} >"$2.commands"
	exec gdb -nx -batch -x "$2.commands" >"$2.log" 2>&1
}

# shows LOG REGEX: has gdb printed a matching line?
shows()
{
	grep -q -- "$2" "$1.log"
}

# unpack_kernel: the ELF file in the bzImage (Linux, Documentation/arch/x86/boot.rst)
unpack_kernel()
{
	setup=$(od -An -tu1 -j497 -N1 "$KERNEL")
	from=$(od -An -tu4 -j584 -N4 "$KERNEL")
	size=$(od -An -tu4 -j588 -N4 "$KERNEL")
	tail -c "+$(((setup + 1) * 512 + from + 1))" "$KERNEL" | head -c $((size - 4)) |
		lz4 -dc >"$1"
}

# sections FILE: name, first address and size of each, without the upper half that all
# addresses in the kernel have
sections()
{
	readelf -SW "$1" |
		sed -n 's/^.*\] \(\.[^ ]*\) *[A-Z]* *ffffffff\([0-9a-f]*\) [0-9a-f]* /\1 \2 /p' |
		cut -d ' ' -f 1-3
}

# ask_host: lines of /proc/kallsyms for these symbols, and for where all begins
ask_host()
{
	# Fixed strings first: there are a hundred thousand lines.
	grep -F "$(printf ' %s\n' _text $symbols)" /proc/kallsyms |
		grep -x -E "ffffffff[0-9a-f]{8} . ($(echo _text $symbols | tr ' ' '|'))" >kallsyms
	[ "$(wc -l <kallsyms)" -eq 5 ]
}

# add_symbols FILE: those, where they are in a kernel that was not moved
add_symbols()
{
	sections "$1" >sections
	moved=$((0x$(sed -n 's/^ffffffff\(.*\) . _text$/\1/p' kallsyms) - kernel_base))
	while read -r addr type name; do
		low=$((0x${addr#ffffffff} - moved))
		while read -r section first size; do
			offset=$((low - 0x$first))
			if [ $offset -ge 0 ] && [ $offset -lt $((0x$size)) ]; then
				case $type in
				[tT]) kind=function ;;
				*) kind=object ;;
				esac
				echo "--add-symbol $name=$section:$offset,global,$kind"
			fi
		done <sections
	done <kallsyms >symbols
	objcopy @symbols "$1"
}

check "a kernel is unpacked" unpack_kernel vmlinux
need "the host says where things are in it" ask_host
need "gdb gets to know that" add_symbols vmlinux

# An ELF kernel is in memory from the beginning, where it will see itself later. What
# begin writes there: mov $0x3f8,%dx; mov $'!',%al; out %al,(%dx); and a jump to itself.
cat >begin <<'END'
set $real = (unsigned long)&start_kernel - 0xffffffff80000000
set $was = *(unsigned long *)$real
set $and = *(unsigned char *)($real + 8)
set *(unsigned long *)$real = 0xebee21b003f8ba66
set *(unsigned char *)($real + 8) = 0xfe
continue
printf "at start_kernel+%d\n", $rip - (unsigned long)&start_kernel
set *(unsigned long *)&start_kernel = $was
set *((unsigned char *)&start_kernel + 8) = $and
set $rip = (unsigned long)&start_kernel
END

# interrupt GDB NAME TIMES: Ctrl-C, when the guest's first function has been reached so often
interrupt()
{
	wait_for 60 vm_marked "$2" "$3" && sleep 0.5 && kill -INT "$1"
}

vm_marked()
{
	[ "$(tr -cd '!' <"$1.log" | wc -c)" -ge "$2" ]
}

debug_vm b -m 256 -kernel vmlinux -S -gdb unix:b.gdb,server=on,wait=off
(debug b first) <<'END' &
info threads
printf "begins cr0=%x efer=%x\n", $cr0, $efer
source begin
printf "banner: %s", (char *)&linux_banner
printf "cmdline: %s\n", (char *)&boot_command_line
stepi
printf "one: %d\n", $rip != (unsigned long)&start_kernel
stepi
stepi
x/i $rip
info registers gs_base cr3 xmm0
printf "state: %d\n", *(int *)&system_state
monitor info status
continue
printf "interrupted\n"
printf "state: %d\n", *(int *)&system_state
info threads
set scheduler-locking on
thread 2
set $before = $rip
stepi
stepi
stepi
printf "cpu 2: %d\n", $rip != $before
set scheduler-locking off
thread 1
stepi
stepi
monitor system_reset
maintenance flush register-cache
printf "reset: cr0=%x\n", $cr0
source begin
printf "again: %s", (char *)&linux_banner
detach
END
gdb=$!
check "the guest comes to start_kernel" interrupt $gdb b 1
check "gdb stops it there" wait_for 20 shows first '^at start_kernel+7$'
check "gdb has seen two CPUs, of which one waits to be started" \
	shows first '^  2  .*CPU#1 \[not started\]'
check "and the first at its first instruction" shows first '^begins cr0=11 efer=0'
check "it prints a string of the kernel" wait_for 20 shows first '^banner: Linux version [0-9]'
check "and what this boot was told" wait_for 20 shows first '^cmdline: .*nokaslr debugged=b'
check "it steps" wait_for 20 shows first '^one: 1$'
check "it sees registers of the system" wait_for 20 shows first '^gs_base .*0x'
check "and of SSE" wait_for 20 shows first '^xmm0 .*v4_float'
check "a variable has its first value" wait_for 20 shows first '^state: 0$'
check "the monitor answers" wait_for 20 shows first '^VM status: paused (debug)'
need "the guest boots" vm_boot b

check "Ctrl-C" kill -INT $gdb
check "interrupts the guest" wait_for 20 shows first '^interrupted'
check "the variable has changed" wait_for 20 shows first '^state: [1-9]$'
check "the other CPU steps" wait_for 20 shows first '^cpu 2: 1$'
check "a reset leads to the first instruction" wait_for 20 shows first '^reset: cr0=11$'
check "and from there to start_kernel" interrupt $gdb b 2
check "where it is stopped once more" wait_for 20 shows first '^again: Linux version'
wait $gdb
check_eq "gdb detaches" $? 0
check "the guest boots" wait_for "$PATIENCE" vm_says b '^lb: up ' 2
check "and is alive" vm_run b true
check "on both CPUs" vm_run b 'taskset 1 true && taskset 2 true'
check_eq "its kernel has seen nothing odd" \
	"$(vm_run b 'dmesg | grep -i -A 6 -e stall -e lockup -e "clocksource.*unstable"; echo over')" \
	over

# A gdb that is killed while the guest stands still.
(debug b second) <<'END' &
printf "attached\n"
shell sleep 1000
END
gdb=$!
check "gdb attaches" wait_for 20 shows second '^attached'
check "the guest stands still" no vm_run b true 1
check "gdb is killed" kill -9 $gdb
check "and the guest runs on" vm_run b true 20
check "the VM powers off" vm_poweroff b
check "the socket is gone" [ ! -e b.gdb ]
finish
