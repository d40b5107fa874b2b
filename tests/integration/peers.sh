# SPDX-License-Identifier: BSD-2-Clause
# peers.sh - The programs people have: Debian's VDE tools and QEMU on our switch
#
# Each is used as a cable between two switches (which shows that frames pass in
# both directions, bit for bit), or at the console. vde_plug2tap is in tap.sh.
. "${top_srcdir:?}/tests/integration/lib.sh"

cd "$T" || exit 99
switch_start east
switch_start west

# peer PROGRAM DESCRIPTION COMMAND...: a test that takes a program.
peer() {
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
	send c to a			# through the cable
	expect a
	send a to c size 1514
	expect c
	send b to a			# not through the cable
	expect a
	send d to group
	expect a b c
	send c to d size 14
	expect d
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

# dpipe runs vde_plug twice, and they end when their pipes do.
peer dpipe 'dpipe vde_plug = vde_plug' \
	cable dpipe vde_plug "vde://$T/east" = vde_plug "vde://$T/west"
peer dpipe 'dpipe with wirefilter in the middle' \
	cable dpipe vde_plug "$T/east" = wirefilter = vde_plug "$T/west"
peer vde_plug 'vde_plug between two switches' cable vde_plug "$T/east" "$T/west"
peer wirefilter 'wirefilter -v' cable wirefilter -v "$T/east:$T/west"

# No guest: QEMU's own hub joins two of its VDE plugs.
qemu() {
	cable qemu-system-x86_64 -M none -nodefaults -display none -monitor none \
		-netdev "vde,id=e,sock=$T/east$1" -netdev hubport,hubid=0,id=h1,netdev=e \
		-netdev "vde,id=w,sock=$T/west$2" -netdev hubport,hubid=0,id=h2,netdev=w
}
peer qemu-system-x86_64 'QEMU -netdev vde' qemu '' ''

qemu_port() {
	spawn qemu qemu-system-x86_64 -M none -nodefaults -display none -monitor none \
		-netdev "vde,id=e,sock=$T/east,port=12" \
		-netdev hubport,hubid=0,id=h1,netdev=e \
		-netdev "vde,id=w,sock=$T/west,port=13,mode=0660" \
		-netdev hubport,hubid=0,id=h2,netdev=w
	wait_for 5 plugs_on west 1
	console east 'port/print 12' | grep -E "endpoint .*: QEMU user=$(id -un)"
	console west 'port/print 13' | grep -E "endpoint .*: QEMU user=$(id -un)"
	one_lan
	end qemu
	wait_for 3 plugs_on east 0
}
peer qemu-system-x86_64 'QEMU -netdev vde,port=12' qemu_port
peer qemu-system-x86_64 'QEMU with a libvdeplug name' qemu '[20]' '[21]'

# QEMU does not look at the connection; it must do no harm when a switch is gone.
qemu_restart() {
	spawn qemu qemu-system-x86_64 -M none -nodefaults -display none -monitor none \
		-netdev "vde,id=e,sock=$T/east" -netdev hubport,hubid=0,id=h1,netdev=e \
		-netdev "vde,id=w,sock=$T/west" -netdev hubport,hubid=0,id=h2,netdev=w
	wait_for 5 plugs_on west 1
	end east
	switch_start east
	# From the west frames go into QEMU, which cannot send them on.
	frames west <<-END
	plug a b
	send a to all
	expect b
	send a to all
	expect b
	END
	is_running qemu
	end qemu
	wait_for 3 plugs_on west 0
}
peer qemu-system-x86_64 'QEMU while a switch is started again' qemu_restart

# At the console.

unixterm_showinfo() {
	{ sleep 0.3; echo showinfo; sleep 0.3; echo logout; sleep 0.3; } |
		timeout 5 unixterm "$T/east.mgmt" >out || :
	cat out
	grep "pid $(pid_of east) " out
	grep '^1000 Success' out
}
peer unixterm 'unixterm' unixterm_showinfo

# vdeterm asks for help first, to complete from. It sends no line ends.
vdeterm_showinfo() {
	{ sleep 0.7; printf 'port/sh\t\n'; sleep 0.5; printf 'logout\n'; sleep 0.3; } |
		timeout 8 script -qec "vdeterm '$T/east.mgmt'" /dev/null >out || :
	tr -d '\r' <out >text
	cat text
	grep 'Numports=32' text
}
peer vdeterm 'vdeterm, completing a command' vdeterm_showinfo

# The way openQA calls it. Its exit status says nothing.
vdecmd() {
	vdecmd_rc=/etc/vde2/vdecmd
	[ -e $vdecmd_rc ] || vdecmd_rc=/usr/share/doc/vde2/examples/vdecmd
	timeout 5 unixcmd -s "$T/east.mgmt" -f $vdecmd_rc port/showinfo >out || :
	tr -d '\0' <out >text
	cat text
	grep 'Numports=32' text
	not grep Success text
}
peer unixcmd 'vdecmd' vdecmd

slirp() {
	spawn slirp slirpvde -s "$T/east"
	wait_for 3 plugs_on east 1
	spawn host nsenter -t "$(pid_of ns)" -n -- vde_plug2tap -s "$T/east" tap0
	wait_for 3 plugs_on east 2
	in_ns ip addr add 10.0.2.15/24 dev tap0
	in_ns ip link set tap0 up
	in_ns busybox ping -c 3 -i 0.1 -w 5 10.0.2.2
	end host
	end slirp
}
in_ns() {
	nsenter -t "$(pid_of ns)" -n -- "$@"
}
if [ "$(id -u)" -eq 0 ] && command -v busybox >/dev/null && command -v ip >/dev/null &&
   [ -c /dev/net/tun ] && unshare -n true 2>/dev/null; then
	spawn ns unshare -n sleep 1000
	peer slirpvde 'slirpvde and vde_plug2tap: ping' slirp
	end ns
else
	skip 'slirpvde and vde_plug2tap: ping' 'only root'
fi

# The line with which Debian's ifupdown starts a switch, and the one of Kathara.
debian() {
	group=$(id -gn)
	"$SWITCH" -s "$T/tap0.ctl" -m 660 -g "$group" -p "$T/tap0.pid" \
		-M "$T/tap0.mgmt" --mgmtmode 660 -d
	wait_for 2 test -s "$T/tap0.pid"
	wait_for 2 "$TALK" "$T/tap0.mgmt"
	"$RAWVDE" "$T/tap0.ctl" connect bind v3 send reply dconnect io
	kill "$(cat "$T/tap0.pid")"
	wait_for 3 not_there "$T/tap0.ctl"
}
not_there() {
	[ ! -e "$1" ]
}
check "the line of Debian's /etc/network/interfaces" debian

kathara() {
	"$SWITCH" -n 65535 -x -d -s "$T/lan" -p "$T/lan.pid"
	wait_for 2 test -s "$T/lan.pid"
	"$FRAMECHECK" "vde://$T/lan" <<-END
	plug a b c
	send a to all type 0x8100
	expect b c
	send b to a
	expect a c
	END
	kill "$(cat "$T/lan.pid")"
	wait_for 3 not_there "$T/lan"
}
check 'the line of Kathara' kathara

done_testing
