# SPDX-License-Identifier: BSD-2-Clause
# compat.sh - In place of vde_switch: what people run, with their own programs
#
# C rows are the lines of the compatibility list; "ids" lists all of them and what
# peers.sh, lifecycle.sh, tap.sh and console.sh show of them. Whoever uses a
# program here that is not installed is skipped.
. "${top_srcdir:?}/tests/integration/lib.sh"
. "${top_srcdir:?}/tests/integration/invariants.sh"

cd "$T" || exit 99
switch_start east
switch_start west

# prog PROGRAM DESCRIPTION COMMAND...: a test that takes a program.
prog() {
	lib_needed=$1
	shift
	if command -v "$lib_needed" >/dev/null; then
		check "$@"
	else
		skip "$1" "no $lib_needed here"
	fi
}

plugs_on() {
	[ "$(console "$1" port/print | grep -c 'endpoint ID')" -eq "$2" ]
}

# Both switches are one LAN.
one_lan() {
	frames east <<-END
	plug a b
	plug c d at vde://$T/west
	send a to all
	expect b c d
	send c to a
	expect a
	send a to c size 1514
	expect c
	send b to a
	expect a
	END
}

# cable COMMAND...: it joins both switches, and nothing of it is left after.
cable() {
	spawn cable "$@"
	wait_for 5 plugs_on east 1
	wait_for 5 plugs_on west 1
	one_lan
	end cable
	wait_for 3 plugs_on east 0
	wait_for 3 plugs_on west 0
}

# undisturbing DESCRIPTION COMMAND...: a check that leaves the switch as it was.
undisturbing() {
	lib_desc=$1
	shift
	# Clients that come at once may cost vde_switch a port, in any case here.
	known=${known:-a port is lost, at times}
	check "$lib_desc" undisturbed east "$@"
}

# C1: clients.

prog vde_plug 'C1: vde_plug with port, group and mode' cable vde_plug \
	--port 9 --port2 10 -m 0700 -M 0700 -g "$(id -gn)" -G "$(id -gn)" "$T/east" "$T/west"
prog vde_plug 'C1: vde_plug = command' cable vde_plug "vde://$T/east" = \
	vde_plug "vde://$T/west"
prog wirefilter 'C1: wirefilter -v with all its parameters at rest' cable wirefilter \
	-v "$T/east:$T/west" -l 0 -d 1 -D 0 -b 1G -s 1G -c 1M -n 0 -m 2000 --mgmt "$T/wf.mgmt"

# QEMU's hub joins what -net names; -netdev is joined by hand.
qemu() {
	cable qemu-system-x86_64 -M none -nodefaults -display none -monitor none "$@"
}
netdevs() {
	qemu -netdev "vde,id=e,$1" -netdev hubport,hubid=0,id=h1,netdev=e \
		-netdev "vde,id=w,$2" -netdev hubport,hubid=0,id=h2,netdev=w
}
group=$(id -gn)
prog qemu-system-x86_64 'C1: QEMU -net vde' qemu -net "vde,sock=$T/east" -net "vde,sock=$T/west"
prog qemu-system-x86_64 'C1: QEMU -netdev vde with port=' netdevs \
	"sock=$T/east,port=5" "sock=$T/west,port=6"
prog qemu-system-x86_64 'C1: QEMU -netdev vde with group= and mode=0660' netdevs \
	"sock=$T/east,group=$group,mode=0660" "sock=$T/west,port=7,group=$group,mode=0666"
prog qemu-system-x86_64 'C1: QEMU -netdev vde with sock=VNL' netdevs \
	"sock=vde://$T/east" "sock=vde://$T/west[11]"

# A VM's own card: its firmware looks for a server to boot from, so frames come.
qemu_nic() {
	spawn vm qemu-system-x86_64 -M pc,accel=tcg -m 64 -nodefaults -display none \
		-monitor none -boot n "$@"
	wait_for 5 plugs_on east 1
	wait_for 20 came_in
	end vm
	wait_for 3 plugs_on east 0
}
came_in() {
	console east port/print | grep -E '^ IN:  pkts +[1-9]'
}
prog qemu-system-x86_64 'C1: QEMU -nic vde' qemu_nic -nic "vde,sock=$T/east,port=12,model=e1000"
prog qemu-system-x86_64 'C1: QEMU -net nic -net vde' qemu_nic -net nic,model=virtio \
	-net "vde,sock=$T/east,port=13,mode=0660"

in_vdens() {
	spawn ns vdens "vde://$T/east" sh -c 'ip addr add 10.9.7.1/24 dev vde0 &&
		ip link set vde0 up && exec sleep 1000'
	wait_for 5 plugs_on east 1
	spawn ns2 vdens "vde://$T/east" sh -c 'ip addr add 10.9.7.2/24 dev vde0 &&
		ip link set vde0 up && until busybox ping -c 3 -i 0.1 -w 3 10.9.7.1; do
			sleep 0.1; done; exec sleep 1000'
	wait_for 10 grep -q ' 0% packet loss' ns2.log
	end ns KILL
	end ns2 KILL
	sweep
	wait_for 3 plugs_on east 0
}
if [ "$(id -u)" -eq 0 ] && [ -c /dev/net/tun ] && unshare -n true 2>/dev/null; then
	prog vdens 'C1: two vdens ping each other' in_vdens
else
	skip 'C1: two vdens ping each other' 'only root'
fi

# user-mode Linux speaks version 3 by itself: eth0=daemon.
uml() {
	mkdir -p uml/bin uml/dev
	cp "$(command -v busybox)" uml/bin/busybox
	cat >uml/init <<-'END'
	#!/bin/busybox sh
	/bin/busybox ip link set lo up
	/bin/busybox ip addr add 10.9.8.2/24 dev eth0
	/bin/busybox ip link set eth0 up
	while :; do /bin/busybox arping -c 1 -I eth0 10.9.8.1; /bin/busybox sleep 1; done
	END
	chmod 755 uml/init
	(cd uml && find . | cpio -o -H newc --quiet) >uml.cpio
	# Many processes: a group of them, to be ended together.
	spawn uml setsid linux.uml mem=64M initrd="$T/uml.cpio" con=null con0=null,fd:1 \
		eth0=daemon,02:00:00:00:00:55,unix,"$T/east/ctl" uml_dir="$T/"
	wait_for 10 plugs_on east 1
	wait_for 20 came_in
	console east 'hash/find 02:00:00:00:00:55'
	kill -KILL "-$(pid_of uml)"
	ended uml
	wait_for 3 plugs_on east 0
}
cleanup_fn '[ -s "$T/uml.pid" ] && [ ! -e "$T/uml.rc" ] && kill -KILL "-$(cat "$T/uml.pid")"'
prog linux.uml 'C1: user-mode Linux, eth0=daemon' uml

# libvdeplug 2.3.2: says goodbye with an empty datagram, keeps its file meanwhile.
old_client() {
	"$RAWVDE" "$T/east" connect bind="$T/east/.31337-00001" chmod=0700 v3 \
		descr="prog user=$(id -un) PID=31337 SSH=10.0.0.1" send reply dconnect io empty \
		close
}
undisturbing 'C1: a client like libvdeplug 2.3.2' old_client
undisturbing 'C1: its file in /tmp, as where it may not write the directory' \
	"$RAWVDE" "$T/east" connect bind="/tmp/vde.$$-00000" v3 descr=x send \
	reply dconnect io close
undisturbing 'C1: a client like Bochs: an abstract address' \
	"$RAWVDE" "$T/east" connect bind="@bochs-$$" v3 descr=bochs send reply \
	dconnect io
undisturbing 'C1: a client like dynamips: 124 bytes, sends from an unconnected socket' \
	"$RAWVDE" "$T/east" connect bind v3 zeros=2 send reply io

undisturbing 'C1: a client like user-mode Linux: an abstract address that begins with zeros' \
	"$RAWVDE" "$T/east" connect bind="@@@@uml-$$" v3 descr=x send reply \
	dconnect io

# C2: our own cable at vde_switch, and at the switches that libvdeplug makes.

PLUG=$top_builddir/lanbox-plug
own_plug_vde_switch() {
	spawn theirs vde_switch -s "$T/theirs" -M "$T/theirs.mgmt"
	wait_for 3 switch_answers theirs
	spawn cable "$PLUG" "vde://$T/theirs" "vde://$T/east"
	wait_for 5 plugs_on theirs 1
	"$FRAMECHECK" "vde://$T/theirs" <<-END
	plug a b
	plug c at vde://$T/east
	send a to all
	expect b c
	send c to a
	expect a
	END
	end cable
	end theirs
}
own_plug_node() {
	spawn cable "$PLUG" "$1://$T/node.$1" "vde://$T/east"
	wait_for 5 plugs_on east 1
	"$FRAMECHECK" "vde://$T/east" <<-END
	plug a
	plug b at vde://$T/node.$1
	send a to all
	expect b
	send b to a
	expect a
	END
	end cable
	wait_for 3 plugs_on east 0
}
for node in vde_switch switch hub; do
	text="C2: lanbox-plug at $node"
	if [ ! -x "$PLUG" ]; then
		skip "$text" 'no lanbox-plug here'
	elif [ $node = vde_switch ]; then
		vde_fails 'a port is lost, at times'
		prog vde_switch "$text" own_plug_vde_switch
	else
		vde_fails 'a port is lost, at times'
		check "$text" own_plug_node $node
	fi
done

# C3: NixOS' test driver: a terminal as standard input, a pipe as output; it
# writes a line, reads one line, and looks for the socket.
nixos() {
	mkfifo -m 600 nix.out
	{ sleep 0.5; echo version; sleep 1; echo shutdown; sleep 0.2; } |
		timeout 10 script -qec "exec '$SWITCH' -s '$T/nix.ctl' --dirmode 0700 --hub \
			>'$T/nix.out'" /dev/null >nix.tty 2>&1 &
	driver=$!
	line=$(timeout 5 head -n 1 nix.out)
	[ -S nix.ctl/ctl ] || fail 'no socket when the line is there'
	is mode "$(stat -c %a nix.ctl)" 700
	"$FRAMECHECK" "vde://$T/nix.ctl" <<-END
	plug a b c
	send a to all tag 5
	expect b c
	send b to a
	expect a c
	END
	cat nix.out >/dev/null &
	wait $driver
	is line "$line" '1038 Function not implemented'
	[ ! -e nix.ctl ] || fail 'it is left'
}
prog script "C3: NixOS' test driver" nixos

# C4: Kathara starts it for each network, and goes on at once.
kathara() {
	i=0
	while [ $i -lt 10 ]; do
		"$SWITCH" -n 65535 -x -d -s "$T/lan" -p "$T/lan.pid"
		[ -s lan.pid ] || fail "no pid file in round $i"
		[ -S lan/ctl ] || fail "no socket in round $i"
		"$RAWVDE" "$T/lan" connect bind v3 send reply dconnect io
		kill "$(cat lan.pid)"
		wait_for 3 test ! -e lan
		i=$((i + 1))
	done
}
vde_fails 'returns before it is ready'
check 'C4: Kathara: all is there when the command returns' kathara

# C5: openQA, by the script vdecmd. Its exit status says nothing.
vdecmd() {
	timeout 5 unixcmd -s "$T/east.mgmt" -f "$vdecmd_rc" "$@" >out || :
	tr -d '\0' <out
}
openqa() {
	for n in 1 2; do
		vdecmd port/remove $n
		vdecmd port/create $n
	done
	vdecmd vlan/create 7
	vdecmd port/setvlan 1 7
	vdecmd port/setvlan 2 7
	vdecmd port/allprint >ports
	cat ports
	is 'ports in the VLAN' "$(grep -c 'untagged_vlan=0007 INACTIVE - NOT Unnamed' ports)" 2
	"$FRAMECHECK" "vde://$T/east[1]" <<-END
	plug a
	plug b at vde://$T/east[2]
	send a to all
	expect b
	END
	# The same again: the ports are there, and were used.
	vdecmd port/remove 1
	vdecmd port/create 1
	vdecmd 'port/print 1' | grep -c Success && fail 'it prints what it should skip'
	console east port/allprint | grep 'Port 0001 untagged_vlan=0000 INACTIVE'
	vdecmd port/remove 1
	vdecmd port/remove 2
	vdecmd vlan/remove 7
	is 'VLANs' "$(console east vlan/print | grep -c '^VLAN 0007')" 0
}
vdecmd_rc=/etc/vde2/vdecmd
[ -e $vdecmd_rc ] || vdecmd_rc=/usr/share/doc/vde2/examples/vdecmd
if [ -r $vdecmd_rc ]; then
	vde_fails 'ports are lost, at times'
	prog unixcmd 'C5: openQA, by vdecmd' openqa
else
	skip 'C5: openQA, by vdecmd' "no $vdecmd_rc here"
fi

# C6: what libvdemgmt and libvdehist look for.
banner() {
	"$TALK" "$T/east.mgmt" >out
	# All behind the last line end is the prompt; all behind the first "V." and to
	# the end of its line is the version.
	is prompt "$(tail -n 1 out)" 'vde$ '
	version=$(sed -n '1s/^[^V]*V[^V]*V\.//p' out)
	case $version in
	2.3.*) ;;
	*) fail "version '$version'" ;;
	esac
}
check 'C6: banner and prompt as libvdemgmt reads them' banner

complete() {
	{ sleep 0.7; printf 'vlan/a\t\t'; sleep 0.4; printf 'll\t 0\n'; sleep 0.5
		printf 'logout\n'; sleep 0.3; } |
		timeout 8 script -qec "vdeterm '$T/west.mgmt'" /dev/null >out || :
	tr -d '\r' <out >text
	cat text
	# Two commands begin so: both are shown.
	grep vlan/addport text
	grep vlan/allprint text
}
if command -v script >/dev/null; then
	prog vdeterm 'C6: vdeterm completes from our help' complete
else
	skip 'C6: vdeterm completes from our help' 'no script here'
fi

# C7: ifupdown.

# The hooks are Debian's, with our switch and places instead of theirs.
ifupdown() {
	mkdir -p run bin
	ln -sf "$(command -v "$SWITCH")" bin/vde_switch
	for hook in pre-up post-down; do
		sed -e "s|^VDE_SWITCH=.*|VDE_SWITCH=$T/bin/vde_switch|" \
			-e "s|/var/run/vde2|$T/run|" -e "s|^GROUP=.*|GROUP=$group|" \
			-e "s|^USER=.*|USER=$(id -un)|" -e 's|^\( *\)vde_tunctl|\1: vde_tunctl|' \
			-e "s|--exec .VDE_SWITCH|--exec $(realpath "$(command -v "$SWITCH")")|" \
			"/etc/network/if-$hook.d/vde2" >"hook.$hook"
	done
	# No tap: "iface tap0 inet manual".
	export IFACE=lbtap METHOD=manual IF_VDE2_SWITCH="$1"
	IF_VDE2_PLUG= IF_VDE2_SLIRP= sh hook.pre-up
	[ -s run/lbtap.pid ] || sleep 0.3
	alive "$(cat run/lbtap.pid)"
	is 'mode and group' "$(stat -c '%a %G' run/lbtap.ctl/ctl)" "660 $group"
	is 'mode of the console' "$(stat -c %a run/lbtap.mgmt)" 660
	"$RAWVDE" "$T/run/lbtap.ctl" connect bind v3 send reply dconnect io
	pid=$(cat run/lbtap.pid)
	sh hook.post-down
	wait_for 3 not_alive "$pid"
	is left "$(ls run)" ''
}
not_alive() {
	! alive "$1"
}
if [ -r /etc/network/if-pre-up.d/vde2 ]; then
	prog start-stop-daemon "C7: Debian's hooks for /etc/network/interfaces" ifupdown -
	prog start-stop-daemon 'C7: with options in them' ifupdown '-n 64 -x --macaddr 00:ff:00:00:00:01'
else
	skip "C7: Debian's hooks for /etc/network/interfaces" 'not installed'
	skip 'C7: with options in them' 'not installed'
fi

exit_codes() {
	for args in "-h:1" "--help:1" "-v:0" "--version:0" "-n 0 -s $T/x:1" \
		"-g nosuchgroup -s $T/x:1" "stray:1" "--bogus:1" "-d -s $T/east:255"; do
		rc=0
		# shellcheck disable=SC2086 # Words.
		timeout 3 "$SWITCH" ${args%:*} </dev/null >out 2>&1 || rc=$?
		is "${args%:*}" $rc "${args##*:}"
	done
}
vde_fails 'goes on with an unknown option'
check 'C7: exit status 1, 0 and 255, as vde_switch has them' exit_codes

# C8: what a crash has left.
stale() {
	mkdir -p old
	for name in ctl .04711-00000 001.5 000.13; do
		rc=0
		"$RAWVDE" "$T/old" bind="$T/old/$name" kill 2>/dev/null || rc=$?
	done
	is sockets "$(find old -type s | wc -l)" 4
	switch_start old
	"$RAWVDE" "$T/old" connect bind v3 port=1 send reply=001. dconnect io
	end old
	[ ! -e old ] || { ls -A old; fail 'left'; }
}
vde_fails 'leaves the clients'\'' files, and so the directory'
check 'C8: stale ctl, data and client sockets in the directory' stale

# C9: modes and owners.

# as_them UMASK DIR-MODE MODE OPTION...: by the user $who.
as_them() {
	umask "$1"
	dirmode=$2
	mode=$3
	shift 3
	rm -rf theirs9
	mkdir theirs9
	chown "$who" theirs9
	chmod 755 theirs9
	cp "$(command -v "$SWITCH")" "$T/switch"
	chmod 755 switch
	spawn nonroot setpriv --reuid="$who" --regid="$who" --clear-groups -- \
		"$T/switch" -s "$T/theirs9/sw" -M "$T/theirs9/mgmt" "$@"
	wait_for 3 test -S theirs9/mgmt
	is 'directory' "$(stat -c '%a %u' theirs9/sw)" "$dirmode $who"
	is 'ctl' "$(stat -c '%a %u' theirs9/sw/ctl)" "$mode $who"
	is 'console' "$(stat -c %a theirs9/mgmt)" 600
	end nonroot
	[ ! -e theirs9/sw ] || fail 'left'
}
if two_users; then
	who=65534
	for mask in 022 077; do
		check "C9: another user, no options, umask $mask" as_them $mask 2700 600
		check "C9: another user, -m 660, umask $mask" as_them $mask 2770 660 -m 660
		check "C9: another user, --dirmode 0770, umask $mask" \
			as_them $mask 770 660 --dirmode 0770
		check "C9: another user, --dirmode 2755 -m 666, umask $mask" \
			as_them $mask 2755 666 --dirmode 2755 -m 666
	done
else
	skip 'C9: another user, no options, umask 022' 'only root can be two users'
fi

# with_group UMASK DIR-MODE MODE OPTION...
with_group() {
	umask "$1"
	dirmode=$2
	mode=$3
	shift 3
	switch_start group -g daemon "$@"
	is 'directory' "$(stat -c '%a %G' group)" "$dirmode daemon"
	is 'ctl' "$(stat -c '%a %G' group/ctl)" "$mode daemon"
	spawn client "$RAWVDE" "$T/group" connect bind v3 send reply hold
	wait_for 2 grep holding client.log
	is 'data socket' "$(stat -c '%a %G' group/001.*)" \
		"$(printf %o $((0$mode & 0700))) daemon"
	end client
	end group
}
if [ "$(id -u)" -eq 0 ]; then
	for mask in 022 077; do
		check "C9: -m 666 -g daemon, umask $mask" with_group $mask 2777 666 -m 666
		check "C9: --dirmode 0770 -g daemon, umask $mask" \
			with_group $mask 770 660 --dirmode 0770
	done
else
	skip 'C9: -m 666 -g daemon, umask 022' 'only root'
fi

done_testing
