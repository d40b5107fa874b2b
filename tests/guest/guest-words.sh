# SPDX-License-Identifier: BSD-2-Clause
# guest-words.sh - Each failure provoked, and what a user then sees
#
# Each case starts lanbox-vmm on a host that is not well, and looks at all that it says and
# at its exit status. doc/failures.md has the same, for people: it is made by this script
# (UPDATE=1 writes it) and compared with each run, but for registers.
#
# Hosts are made of this one, in a mount namespace of the case's own: /dev has another kvm,
# or none; /proc/cpuinfo, /proc/meminfo, /sys/module and others say what that host's would.
# What this machine's own KVM refuses is real. What only a broken, old or other KVM would say
# is said by kvmshim.c, and the case's text says so.
. "${top_srcdir:?}/tests/guest/lib.sh"

is_qemu && skip_all "these are our own words"
[ "$(id -u)" = 0 ] || skip_all "only root can make such hosts"
requires unshare setpriv
SHIM=$top_builddir/tests/guest/.libs/kvmshim.so
[ -f "$SHIM" ] || { echo "Bail out! $SHIM is not built"; exit 99; }
DOC=${DOC:-$top_srcdir/doc/failures.md}
FIRMWARE=/usr/share/seabios/bios-256k.bin

# The hosts. Each line of a script is run in the namespace, in $H.

H=$T/host
cat >"$T/host.sh" <<'END'
set -e
H=$1 setup=$2 user=$3
shift 3
mount --make-rprivate /
mount -t tmpfs host "$H"
mkdir "$H/dev" "$H/module" "$H/cgroup" "$H/pages"
for file in null zero full random urandom tty; do
	: >"$H/dev/$file"
	mount --bind "/dev/$file" "$H/dev/$file"
done
mkdir "$H/dev/shm" "$H/dev/net"
[ ! -e /dev/net/tun ] || mknod "$H/dev/net/tun" c 10 200

# module NAME [PARAMETER=VALUE...]
module() {
	mkdir -p "$H/module/$1/parameters"
	name=$1
	shift
	for parameter; do
		echo "${parameter#*=}" >"$H/module/$name/parameters/${parameter%%=*}"
	done
}

# cpu FLAG...
cpu() {
	printf 'processor\t: 0\nflags\t\t: fpu %s lm\n' "$*" >"$H/cpuinfo"
	mount --bind "$H/cpuinfo" /proc/cpuinfo
}

# device MODE OWNER GROUP: KVM's
device() {
	mknod "$H/dev/kvm" c 10 232
	chmod "$1" "$H/dev/kvm"
	chown "$2:$3" "$H/dev/kvm"
}

# memory TOTAL AVAILABLE [COMMIT], in MiB; this much may be promised
memory() {
	printf '%s: %s kB\n' MemTotal $(($1 * 1024)) MemAvailable $(($2 * 1024)) SwapFree 0 \
		CommitLimit $((${3:-$1} * 1024)) Committed_AS 0 Hugepagesize 2048 >"$H/meminfo"
	mount --bind "$H/meminfo" /proc/meminfo
}

# file PATH TEXT: what an existing file says
file() {
	echo "$2" >"$H/file.$(basename "$1")"
	mount --bind "$H/file.$(basename "$1")" "$1"
}

# pool NR FREE, of 2 MiB
pool() {
	mkdir "$H/pages/hugepages-2048kB"
	echo "$1" >"$H/pages/hugepages-2048kB/nr_hugepages"
	echo "$2" >"$H/pages/hugepages-2048kB/free_hugepages"
	echo 0 >"$H/pages/hugepages-2048kB/resv_hugepages"
	mount --bind "$H/pages" /sys/kernel/mm/hugepages
}

# cgroup MAX
cgroup() {
	echo "$1" >"$H/cgroup/memory.max"
	mount --bind "$H/cgroup" /sys/fs/cgroup
	file /proc/$$/cgroup 0::/
}

cat >"$H/passwd" <<'PASSWD'
root:x:0:0:root:/root:/bin/sh
ann:x:1000:1000::/:/bin/sh
bob:x:1001:1001::/:/bin/sh
PASSWD
cat >"$H/group" <<'GROUP'
root:x:0:
kvm:x:108:bob
ann:x:1000:
bob:x:1001:
GROUP
mount --bind "$H/passwd" /etc/passwd
mount --bind "$H/group" /etc/group
# A host that is well.
good() {
	cpu vmx
	memory 8192 4096
	device 660 root 108
	module kvm tdp_mmu=N
	module kvm_intel unrestricted_guest=Y ept=Y emulate_invalid_guest_state=Y \
		dump_invalid_vmcs=N nested=N
}

# This machine as it is, but for names and numbers.
own() {
	memory 8192 4096
	device 660 root 108
}

eval "$setup"
mount --bind "$H/dev" /dev
[ "$setup" = own ] || mount --bind "$H/module" /sys/module
[ "$user" = root ] || exec setpriv --reuid "$user" --regid "$user" --clear-groups "$@"
exec "$@"
END

mkdir "$H"
truncate -s 1M "$T/disk.img"
: >"$T/sections"
user=root
shim=

# Neither the paths of this run nor what differs from build to build.
plain() {
	sed -e "s|$T/|/tmp/|g" -e "s|$GUEST.bin|guest|g" -e "s|$top_builddir/||g"
}

# Registers, and the guest's code.
blur() {
	sed -E -e 's/\b(0x)?[0-9a-f]{8,}\b/#/g' -e 's/^(Code|Instruction)=.*/\1=#/' \
		-e 's/only [0-9]* MiB more/only # MiB more/' -e 's/RFL=# \[[^]]*\]/RFL=#/' -e 's/EFL=# \[[^]]*\]/EFL=#/'
}

# part TITLE TEXT: a part of the document.
part() {
	printf '\n## %s\n\n%s\n' "$1" "$2" >>"$T/sections"
}

# section TITLE: what the document has under it.
section() {
	awk -v title="### $1" '$0 == title { on = 1 } on && /^##/ && $0 != title { exit } on' "$2"
}

# show TITLE TEXT STATUS SETUP OPTION...: run lanbox-vmm on a host.
show() {
	title=$1 text=$2 want=$3 setup=$4
	shift 4
	check "$title" shown "$@"
	cat "$T/section" >>"$T/sections"
}

shown() {
	: >"$T/section"
	got=0
	# The sanitizers want to be asked whether something may come before them.
	(
		[ -z "$shim" ] || export LB_KVM="$shim"
		exec timeout -s KILL 60 unshare -m sh "$T/host.sh" "$H" "$setup" "$user" \
			env ${shim:+"LD_PRELOAD=$SHIM"} \
			${shim:+ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0} "$VMM" "$@"
	) >"$T/out" 2>&1 </dev/null || got=$?
	tr -d '\r' <"$T/out" | plain >"$T/out.plain"
	{
		printf '\n### %s\n\n%s\n' "$title" "$text"
		[ -z "$shim" ] || echo '(What KVM says is made up by the test.)'
		printf '\n```\n$ lanbox-vmm %s\n' "$(echo "$*" | plain)"
		cat "$T/out.plain"
		printf '```\n\nExit status: %s\n' "$got"
	} >"$T/section"
	cat "$T/out"
	is status "$got" "$want"
	[ -z "${UPDATE:-}" ] || return 0
	section "$title" "$DOC" | blur >"$T/have"
	sed 1d "$T/section" | blur >"$T/now"
	# The next title has an empty line before it, which is no part of this one.
	diff -B "$T/have" "$T/now" || fail "$DOC says something else; UPDATE=1 writes it anew"
}

# One of them takes a virtio device, and has 20 seconds; of the other there is not much to
# be seen, and it has a minute. Other cases go on meanwhile.
waits() {
	truncate -s 1M "$T/sleeper.img" "$T/blind.img"
	vm blind 'mode=hang ring=3' -drive "file=$T/blind.img,format=raw"
	vm sleeper 'mode=hello exit=halt' -hda "$T/sleeper.img" -net nic \
		-net "vde,sock=$T/sw"
	sleep 12
	not grep -q claimed "$T/sleeper.log" "$T/blind.log"
	wait_for 15 grep -q 'disk 1: the guest has not claimed it: its kernel lacks' "$T/sleeper.log"
	wait_for 60 grep -q 'disk 1: the guest has not looked for devices on PCI' "$T/blind.log"
	sleep 2
	end sleeper
	end blind
	is 'times it is said' "$(cat "$T/sleeper.log" "$T/blind.log" | grep -c 'disk 1:')" 2
}
switch_start sw
begin waits waits

boot="-kernel $GUEST.bin -append mode=hello -m 64 -serial null"
disk="-hda $T/disk.img -m 64 -serial null"

# What keeps a VM from starting.

part 'A VM that does not start' 'Each of these ends before the guest begins.'

# shellcheck disable=SC2086
{
show 'VM-28: the module is not loaded' 'A CPU that can, and no /dev/kvm.' \
	1 'cpu vmx; memory 8192 4096' $boot
show 'VM-28: virtualisation is switched off in the firmware setup' \
	'Neither does the CPU show that it can.' 1 'cpu sse2; memory 8192 4096' $boot
show 'VM-28: nested virtualisation is off' 'The same on a host that is itself a VM.' \
	1 'cpu hypervisor; memory 8192 4096' $boot
show 'VM-28: in a container' 'KVM is there, its device is not.' \
	1 'cpu svm; memory 8192 4096; module kvm_amd' $boot
show 'VM-28: no KVM behind /dev/kvm' 'The device is there, its module is not.' \
	1 'cpu svm; memory 8192 4096; mknod "$H/dev/kvm" c 10 250' $boot
user=1000
show 'VM-28: a user who is not a member of the group' 'The most frequent of all.' 1 good $boot
show 'VM-28: nobody but root may' 'The mode of the device is not what udev makes it.' \
	1 "good; chmod 600 \$H/dev/kvm" $boot
user=1001
show 'VM-28: a user who has become a member since the login' \
	'Groups of a process are those of its login.' 1 good $boot
user=root
show 'VM-28: a file in the place of /dev/kvm' \
	'A shell that wrote to it when the device was not there, for example.' \
	1 "good; rm \$H/dev/kvm; : >\$H/dev/kvm" $boot
show 'VM-28: another device in the place of /dev/kvm' 'One that has not heard of KVM.' \
	1 "good; rm \$H/dev/kvm; mknod \$H/dev/kvm c 1 3" $boot
shim=api=11
show 'VM-28: a KVM that speaks another version' 'One of 2007.' 1 good $boot
shim='cap=32:0 cap=77:0'
show 'VM-28: a KVM that lacks something' 'All that is missing is named at once.' 1 good $boot
shim=create=16
show 'VM-28: the CPU is busy' 'VirtualBox runs a VM.' 1 "good; module vboxdrv" $boot
shim=create=12
show 'VM-28: KVM has no memory' 'For its own tables, that is.' 1 good $boot
shim=cap=66:3
show 'More CPUs than KVM has' 'KVM_CAP_MAX_VCPUS is what counts.' 1 good $boot -smp 4
shim=cap=9:2
show 'More CPUs than KVM recommends' 'The VM starts.' 0 good $boot -smp 3
shim=

show 'VM-28: in the background' 'Who starts it hears why, too.' 1 \
	'cpu vmx; memory 8192 4096' $boot -daemonize -pidfile "$T/no.pid" -qmp "unix:$T/no.qmp"
check 'VM-28: nothing is left of a VM that has not started' test ! -e "$T/no.pid" -a ! -e "$T/no.qmp"

part 'Memory' 'Where the guest could come to feel it, there is a warning; where it cannot start,
an error.'
show 'More memory than the host has' 'It is refused.' 1 good $boot -m 9G
show 'More memory than is available' 'The guest may never use all of it, so it starts.' \
	0 good $boot -m 4100
show 'More memory than is available, and all of it at once' 'That is refused.' \
	1 good $boot -m 4100 -mem-prealloc
show 'More memory than the cgroup may have' 'A container, or a unit with MemoryMax=.' \
	0 "good; cgroup 33554432" $boot
show 'More memory than the host will promise' 'A host with strict accounting.' \
	0 'cpu vmx; memory 8192 4096 40; device 660 root 108; module kvm_intel
	file /proc/sys/vm/overcommit_memory 2' $boot
if grep -q asan_init "$VMM"; then
	skip 'A limit of the address space' 'the sanitizers need more than that'
else
	show 'A limit of the address space' 'ulimit -v, LimitAS= of a unit.' \
		1 "good; ulimit -v 1000000" $boot -m 1G
fi
show 'A limit of the size of files' 'Guest memory is a file, if one without a name.' \
	1 "good; ulimit -f 100000" $boot
huge="-object memory-backend-memfd,id=m,size=64M,hugetlb=on -machine memory-backend=m"
show 'Too few huge pages' 'The command makes as many more as are needed.' \
	1 "good; pool 20 12" $boot $huge
show 'Huge pages of a size that the kernel does not have' 'Their sizes depend on the CPU.' \
	1 "good; pool 20 12" $boot \
	-object memory-backend-memfd,id=m,size=64M,hugetlb=on,hugetlbsize=1G \
	-machine memory-backend=m

# What KVM says.

part 'KVM cannot run the guest' 'The first line is what QEMU prints, the registers are laid out
as QEMU does it. The last paragraph depends on the host.'
shim=entry=0x80000021
if [ -f "$FIRMWARE" ]; then
	show 'VM-29: no real mode, and no emulation of it' \
		'Somebody has set emulate_invalid_guest_state=0, as advised by many.' \
		3 "good; module kvm_intel unrestricted_guest=N emulate_invalid_guest_state=N" \
		$disk
	show 'VM-29: no real mode, and the emulation failed' \
		'The option is as it should be.' \
		3 "good; module kvm_intel unrestricted_guest=N" $disk
else
	skip 'VM-29: no real mode, and no emulation of it' "no $FIRMWARE here"
	skip 'VM-29: no real mode, and the emulation failed' "no $FIRMWARE here"
fi
show 'VM-29: the state is refused, and all parameters are fine' 'Then it is a bug.' \
	3 good $boot
show 'VM-29: the state is refused, with the TDP MMU' 'Linux 5.15 has been seen to do so.' \
	3 "good; module kvm tdp_mmu=Y" $boot
show 'VM-29: the state is refused on a host that is a VM' \
	'The outer hypervisor is the first suspect.' 3 "good; cpu vmx hypervisor" $boot
shim=entry=0xffffffffffffffff
show 'VM-29: the state is refused by an AMD CPU' 'Its numbers mean something else.' \
	3 'cpu svm; memory 8192 4096; device 660 root 108; module kvm_amd' $boot
shim=internal=1
if [ -f "$FIRMWARE" ]; then
	show 'VM-29: an instruction in real mode that KVM cannot emulate' \
		'Here, and only here, emulate_invalid_guest_state=0 can help.' \
		3 "good; module kvm_intel unrestricted_guest=N" $disk
else
	skip 'VM-29: an instruction in real mode that KVM cannot emulate' "no $FIRMWARE here"
fi
show 'VM-29: an instruction that KVM cannot emulate' 'On a CPU that runs real mode by itself.' \
	3 good $boot
shim=internal=2
show 'VM-29: a fault while another was delivered' 'Suberror 2.' 3 good $boot
shim=internal=3
show 'VM-29: a fault while an event was delivered' 'Suberror 3.' 3 good $boot
shim=internal=4
show 'VM-29: an exit that KVM does not expect' 'Suberror 4.' 3 good $boot
shim=exit=77
show 'VM-29: an exit that nobody knows' 'A KVM that is newer than this program.' 3 good $boot
shim=run=14
show 'VM-29: memory that is not there' 'KVM_RUN itself fails.' 3 good $boot
shim=busy=50
show 'VM-29: KVM_RUN is interrupted, or asks to be called again' \
	'That is no failure: the guest runs, and nothing is said.' 0 good $boot
shim=
emulated="-kernel $GUEST.bin -append mode=ud-emul -m 64 -serial null"
if [ -e /sys/module/kvm_pvm ]; then
	show 'VM-29: an instruction that kvm_pvm cannot emulate' \
		'This one is real: the test ran on such a host.' 3 own $emulated
else
	skip 'VM-29: an instruction that kvm_pvm cannot emulate' 'this KVM is another'
fi

# The same from QEMU on this KVM; only the guests' beginnings differ.
as_qemu() {
	spawn qemu qemu-system-x86_64 -accel kvm -cpu host,-arch-capabilities -M pc -m 64 \
		-display none -nodefaults -serial null -kernel "$GUEST.elf" -append mode=ud-emul
	spawn ours "$VMM" -m 64 -serial null -kernel "$GUEST.bin" -append mode=ud-emul
	wait_for "$GUEST_SECONDS" grep -q '^Code=' "$T/qemu.log"
	wait_for "$GUEST_SECONDS" grep -q '^Code=' "$T/ours.log"
	end qemu KILL
	for who in qemu ours; do
		sed -n '/^KVM internal/,/^Code=/p' "$T/$who.log" | sed 's/RBP=[0-9a-f]*/RBP=/' \
			>"$T/$who.dump"
	done
	[ "$(wc -l <"$T/ours.dump")" -ge 30 ]
	diff "$T/qemu.dump" "$T/ours.dump"
}
if [ -e /sys/module/kvm_pvm ] && command -v qemu-system-x86_64 >/dev/null; then
	check 'VM-29: QEMU prints the same, line by line' as_qemu
else
	skip 'VM-29: QEMU prints the same, line by line' 'this takes QEMU, and kvm_pvm'
fi

# What the guest does.

part 'The guest' 'KVM is content, the guest is not.'
show 'VM-29: a guest that crashes again and again' 'Three restarts in a row are enough.' \
	4 good -kernel "$GUEST.bin" -append mode=triple -m 64 -serial null
show 'VM-29: a guest that crashes, and is not to restart' 'The same with -no-reboot.' \
	4 good -kernel "$GUEST.bin" -append mode=triple -m 64 -serial null -no-reboot
show 'A guest that restarts again and again' 'Ten restarts in a row are enough.' 5 good \
	-kernel "$GUEST.bin" -append 'mode=hello exit=kbd' -m 64 -serial null
show 'A guest that ends without having used its disk' \
	'Its kernel has a driver for network cards only.' 0 good $boot \
	-hda "$T/disk.img" -netdev "vde,id=n,sock=$T/sw" \
	-device virtio-net-pci,netdev=n
} </dev/null

check 'a guest that lives on without its disk' its_end waits

# shellcheck disable=SC2086
{
part 'Asking before' 'What `-check` says.'
show 'A good host' 'There is nothing to be done.' 0 good -check
show 'A host on which nothing is right' 'All that is known at once.' 1 \
	'cpu vmx hypervisor; memory 2048 1024; device 660 root 108
	module kvm_intel unrestricted_guest=N ept=N emulate_invalid_guest_state=N
	module vboxdrv' -check -m 4G
user=1000
show 'A user who may not' 'The same words as at the start of a VM.' 1 good -check
user=root
if [ -e /sys/module/kvm_pvm ]; then
	show 'A host with kvm_pvm' 'Ordinary kernels cannot run there.' 0 own -check
else
	skip 'A host with kvm_pvm' 'this KVM is another'
fi
} </dev/null

if [ -n "${UPDATE:-}" ]; then
	{
		echo '<!-- SPDX-License-Identifier: BSD-2-Clause -->'
		echo '# What users see when something fails'
		echo
		echo 'Made by tests/guest/guest-words.sh, which provokes each of these and compares'
		echo 'what it sees with this file. `UPDATE=1` has it write the file anew.'
		cat "$T/sections"
	} >"$DOC"
fi

# Nothing in the document that no case shows.
complete() {
	grep '^### ' "$DOC" | sort >"$T/in_doc"
	sed -n "s/^[[:blank:]]*show '\([^']*\)'.*/### \1/p" \
		"$top_srcdir/tests/guest/guest-words.sh" | sort >"$T/cases"
	is 'cases' "$(cat "$T/in_doc")" "$(cat "$T/cases")"
}
check 'doc/failures.md has all cases, and no other' complete
done_testing
