# SPDX-License-Identifier: BSD-2-Clause
# vmm-options.sh - The command line of lanbox-vmm: what QEMU's users type; needs no KVM
. "${top_srcdir:?}/tests/integration/lib.sh"

VMM=${VMM:-$top_builddir/lanbox-vmm}

# dump OPTION...: all settings, in $T/out.
dump() {
	"$VMM" "$@" -dump-config >"$T/out" 2>"$T/err" || fail "$*: $(cat "$T/err")"
	is 'complaints' "$(cat "$T/err")" ''
}

# has LINE: whether a setting is so.
has() {
	grep -q -x -F -- "$1" "$T/out" || fail "no '$1' in: $(cat "$T/out")"
}

seed() {
	dump -cpu host -hda /x/disk -m 1024 -daemonize -vnc none -usb -net nic -net vde
	for line in 'cpu = host' 'disk0.name = ide0-hd0' 'disk0.file = /x/disk' \
		    'disk0.readonly = off' 'memory = 1073741824' 'daemonize = on' \
		    'nic0.network = vde://' 'nic0.mac = derived' 'serial = none' \
		    'smp = 1' 'reboot = on' 'kernel = none'; do
		has "$line"
	done
}
check "the seed's line, and what is set by it" seed

accepted() {
	dump -hda /x/disk
	cp "$T/out" "$T/before"
	while read -r options; do
		# shellcheck disable=SC2086
		dump $options -hda /x/disk
		is "settings with $options" "$(diff "$T/before" "$T/out")" ''
	done <<-'END'
		-vnc none
		--vnc none
		-display none
		-vga none
		-parallel none
		-parallel null
		-usb
		-enable-kvm
		-accel kvm
		-accel kvm:tcg
		-accel kvm,kernel-irqchip=on
		-accel tcg -accel kvm
		-machine pc,accel=kvm
		-machine pc,accel=tcg:kvm
		-machine q35,accel=tcg -enable-kvm
		-M q35
		-nodefaults
		-no-user-config
		-rtc base=utc
		-rtc base=utc,clock=host,driftfix=slew
		-k de
		-global kvm-pit.lost_tick_policy=discard
		-audiodev none,id=a
		-no-hpet
		-boot c
		-boot order=cdn,menu=on
		-monitor none
		-monitor none -monitor none
		-qmp none
		-net none
		-gdb none
		-smp 1
		-cpu host,+x2apic
		-cpu host,+x2apic,check
	END
}
check 'what is so anyway is accepted and changes nothing' accepted

refused() {
	while read -r options; do
		got=0
		# shellcheck disable=SC2086
		"$VMM" -hda /x/disk $options >"$T/out" 2>&1 </dev/null || got=$?
		is "status of $options" $got 2
		is "lines of $options" "$(wc -l <"$T/out")" 1
		# It names the option, and its argument.
		for word in $options; do
			grep -q -F -- "${word%%,*}" "$T/out" || fail "$(cat "$T/out")"
		done
	done <<-'END'
		-vnc :1
		-display gtk
		-vga std
		-spice port=5900
		-device e1000
		-device vhost-vsock-pci,guest-cid=3
		-device virtio-vsock-pci,guest-cid=3
		-soundhw hda
		-accel tcg
		-accel tcg,thread=multi
		-accel hax:tcg
		-usbdevice tablet
		-fda /x/floppy
		-curses
		-no-acpi
		-parallel pty
		-rtc base=localtime
		-boot n
		-boot x
		-net user
		-netdev user,id=x
		-monitor unix:/x/a -monitor unix:/x/a
		-cpu qemu64
		-watchdog i6300esb
		-bogus
		-name
		-vnc
		-m 1x
		-smp 0
		-serial telnet:x
		-uuid 1
		-shutdown-timeout x
		-gdb stdio
		-gdb tcp:1234
		-gdb tcp::0
		-gdb tcp::65536
		-gdb unix:
	END
}
check 'what cannot be had gets one line that names it' refused

# A line with the words in quotes, whatever the command line is. What it leaves in memory
# goes with the process.
refused_for() {
	got=0
	lib_words=$1
	shift
	ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" "$VMM" -hda /x/disk "$@" >"$T/out" 2>&1 </dev/null || got=$?
	is "status of $*" $got 2
	is "lines of $*" "$(wc -l <"$T/out")" 1
	grep -q -F -- "$lib_words" "$T/out" || fail "$(cat "$T/out")"
}

debugger() {
	dump -hda /x/disk
	has 'gdb = none'
	dump -hda /x/disk -s
	has 'gdb = tcp:127.0.0.1:1234'
	dump -hda /x/disk -gdb tcp:[::1]:77,server,nowait
	has 'gdb = tcp:[::1]:77'
	dump -hda /x/disk -gdb tcp:0.0.0.0:77,nodelay=on
	has 'gdb = tcp:0.0.0.0:77'
	dump -hda /x/disk -gdb unix:/x/gdb,server=on,wait=off
	has 'gdb = unix:/x/gdb'
	refused_for "-gdb 'wait': only off can be had" -gdb unix:/x/gdb,wait=on
	refused_for "-gdb 'server': only on can be had" -gdb tcp::1,server=off
	refused_for "-gdb 'reconnect': only server=on,wait=off" -gdb tcp::1,reconnect=1
	refused_for "-s 'tcp::1234': a debugger's socket was asked for already" -gdb tcp::1 -s
}
check 'where a debugger comes in' debugger

shared() {
	refused_for "-machine 'tcg': only kvm" -machine pc,accel=tcg
	refused_for "-M 'tcg:hax': only kvm" -M q35,accel=tcg:hax,smm=off
	refused_for "-netdev 'fd=5'" -netdev tap,fd=4,id=a -netdev tap,fd=5,id=b \
		-netdev tap,fd=5,id=c
	refused_for "-device '2': guest-cid" -device virtio-vsock-pci,guest-cid=2,path=/x/v
	refused_for "-device 'virtio-vsock-pci': there is one" \
		-device virtio-vsock-pci,guest-cid=3,path=/x/v \
		-device virtio-vsock-pci,guest-cid=4,path=/x/w
	refused_for "-mon 'm': there is one monitor" -chardev socket,path=/x/a,id=m \
		-monitor unix:/x/b -mon m
	set --
	for i in 1 2 3 4 5 6 7 8; do
		set -- "$@" -qmp unix:/x/$i
	done
	dump -hda /x/disk "$@"
	refused_for "-qmp 'unix:/x/9': too many" "$@" -qmp unix:/x/9
}
check 'what there is once is not given twice; another CPU than the host'"'"'s is none' shared

settings() {
	dump -hda /x/disk -cdrom /x/cd -boot d -snapshot -name web -smp 3 -S -no-reboot \
		-drive file=/x/y,if=virtio,cache=none,readonly=on,iops=5 -shutdown-timeout 9 \
		-net nic,macaddr=52:54:00:00:00:01,gso=off,host_ecn=on,guest_tso6=off \
		-net vde,sock=/x/sw,port=5,fast=off \
		-qmp unix:/x/qmp,server=on,wait=off -serial pty -monitor unix:/x/mon \
		-chardev socket,path=/x/qmp2,id=q -mon chardev=q,mode=control \
		-pidfile /x/pid -cpu host,-avx,+aes,enforce \
		-device virtio-vsock-pci,guest-cid=77,path=/x/vsock
	for line in 'name = web' 'smp = 3' 'boot = dc' 'disk1.name = ide1-cd0' \
		    'disk1.readonly = on' 'disk2.name = virtio0' 'disk2.cache.direct = on' \
		    'disk2.iops-total = 5' 'disk0.snapshot = on' 'paused = on' 'reboot = off' \
		    'shutdown-timeout = 9' 'nic0.mac = 52:54:00:00:00:01' 'nic0.port = 5' \
		    'nic0.network = /x/sw' 'nic0.fast = off' 'nic0.gso = off' \
		    'nic0.csum = on' 'nic0.host_uso = on' 'nic0.host_ecn = on' \
		    'nic0.guest_tso4 = on' 'nic0.guest_tso6 = off' 'qmp = /x/qmp' \
		    'qmp = /x/qmp2' 'serial = pty' 'monitor = unix:/x/mon' \
		    'pidfile = /x/pid' 'vsock = /x/vsock' 'vsock.guest-cid = 77' \
		    'cpu = host,-avx,+aes,enforce'; do
		has "$line"
	done
	not grep -v -E '^[a-z0-9._-]+ = ' "$T/out"
	# A name cannot make lines of its own.
	dump -hda '/x/a
smp 9' -name b
	has 'disk0.file = /x/a\x0asmp 9'
	not grep '^smp 9' "$T/out"
}
check 'all settings are shown, a line each' settings

alone() {
	got=0
	"$VMM" >"$T/out" 2>&1 || got=$?
	is status $got 2
	grep -q '^  lanbox-vmm -name web -hda ' "$T/out"
	sed -n 's/^  lanbox-vmm //p' "$T/out" >"$T/examples"
	[ "$(wc -l <"$T/examples")" -ge 3 ]
	while read -r options; do
		# shellcheck disable=SC2086
		dump $options
	done <"$T/examples"
}
check 'without arguments it shows examples, and they work' alone

done_testing
