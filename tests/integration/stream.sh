# SPDX-License-Identifier: BSD-2-Clause
# stream.sh - Frames with their length before them: DIR/stream and --stream, with
#             hostile peers, QEMU, and passt
#
# "raw" is streamraw.c; its far end is a libvdeplug client.
. "${top_srcdir:?}/tests/integration/lib.sh"

STREAMRAW=$top_builddir/tests/integration/streamraw
LANBOX=$top_builddir/lanbox

cd "$T" || exit 99
switch_start sw
rest=$(switch_at_rest sw)

# raw DESCRIPTION STEP...: a test; nothing is left of it.
raw() {
	lib_text=$1
	shift
	check "$lib_text" raw_run "$@"
}
raw_run() {
	"$STREAMRAW" "$T/sw" "$@"
	wait_for 3 switch_holds sw "$rest"
}

# port_line SWITCH PORT WORD: that line of port/print.
port_line() {
	console "$1" "port/print $2" | grep -E "$3"
}

# dropped SWITCH PORT TEXT: how many frames were, for that reason; and OUT.
dropped() {
	console "$1" "port/print $2" |
		awk -v text="$3" '/DROP:/ && index($0, text) { n = $3 } END { print n + 0 }'
}
sent() {
	console "$1" "port/print $2" | awk '/OUT:/ { print $3 }'
}

# Frames.

lan() {
	frames sw <<-END
	plug a b
	plug c d at stream:$T/sw/stream
	send a to all
	expect b c d
	send c to all
	expect a b d
	send c to a			# known from here on
	expect a
	send a to c size 1514
	expect c
	send d to c size 14
	expect c
	send c to d size 65535
	expect d
	send d to a size 65535
	expect a
	send a to d type 0x8100 size 65535
	expect d
	send d to group
	expect a b c
	END
	wait_for 3 switch_holds sw "$rest"
}
check 'frames between streams and VDE clients, bit for bit' lan

raw 'there and back, the shortest and the longest' \
	connect there=60 back=60 there=14 back=14 there=65535 back=65535
raw 'byte by byte' connect bytewise=70 there=60
raw 'in two pieces, cut at every byte' connect splits
raw '1,000 frames in one go' connect many=1000
raw 'read in pieces that are no frames, after a long pause' \
	connect there=60 back=60 trickle=3000
raw 'a descriptor sent along' connect fd there=60

no_loss() {
	"$LOAD" -N -c 200000 "stream:$T/sw/stream"
	"$LOAD" -N -c 50000 -s 1514 "stream:$T/sw/stream" "vde://$T/sw"
	"$LOAD" -N -c 3000 -s 65000 -r 4000 "vde://$T/sw" "stream:$T/sw/stream"
}
check 'nothing is lost where the receiver reads' no_loss

# What is wrong.

runts() {
	spawn raw "$STREAMRAW" "$T/sw" connect there=60 runts=100 there=60 hold
	wait_for 5 grep holding raw.log
	is runts "$(dropped sw 1 'shorter than')" 100
	port_line sw 1 'IN: *pkts *102 '
	end raw
}
check 'runts are counted, and no harm done' runts

oversize() {
	spawn raw "$STREAMRAW" "$T/sw" connect length=65536 junk=65536 length=69632 \
		junk=69632 there=60 hold
	wait_for 5 grep holding raw.log
	is 'too long' "$(dropped sw 1 'longer than')" 2
	end raw
}
check 'frames that are too long are counted, and the next one passes' oversize

raw 'a length that no frame has' connect there=60 length=69633 eof
check 'and the log says so' grep 'a frame of 69633 bytes: this is not a stream' sw.log
raw 'the greatest length' connect length=0xffffffff eof
raw 'text' connect junk=1000 eof
raw 'after frames in the same piece, too' connect many=100 junk=65536 eof
raw 'the end in the middle of a frame' connect length=100 junk=10 shut eof
check 'and the log says so' grep 'it left in the middle of a frame' sw.log
raw 'the end in the middle of a length' connect there=60 length=1 junk=2 shut eof
raw 'the end after a whole frame' connect there=60 shut eof
raw 'a frame that does not come to its end harms nobody' connect length=100 junk=10 silent=300
raw '1,000 connections, many with a piece of a frame' burst=1000

full() {
	switch_start few -n 3
	spawn raw "$STREAMRAW" "$T/few" crowd=3 hold
	wait_for 5 grep holding raw.log
	wait_for 5 port_line few 3 endpoint
	"$STREAMRAW" "$T/few" connect eof
	grep 'stream of pid .* refused: no port for it' few.log
	end raw
	wait_for 3 not port_line few 3 endpoint
	"$STREAMRAW" "$T/few" connect silent=100
	end few
}
check 'more connections than ports' full

# Who does not read.

# What was offered to a stopped peer is sent, waits, or was dropped; each once.
stopped() {
	switch_start slow --stream stopped,port=7
	spawn raw "$STREAMRAW" "$T/slow" "connect=$T/slow/stopped" hold
	wait_for 5 port_line slow 7 endpoint
	"$LOAD" -m fan -n 2 -s 1000 -r 20000 -b 20 -c 20000 -N "vde://$T/slow" "stream:$T/slow/stream"
	[ "$(dropped slow 7 'queue full')" -gt 10000 ]
	end raw KILL
	wait_for 3 not port_line slow 7 endpoint
	sum=$(($(sent slow 7) + $(dropped slow 7 'queue full') + $(dropped slow 7 'went away')))
	[ "$(dropped slow 7 'went away')" -gt 0 ]
	# And at least one hello of each receiver.
	[ "$sum" -ge 20002 ] && [ "$sum" -lt 20100 ] || fail "offered 20002, accounted for $sum"
	end slow
}
check 'a stopped receiver costs only itself, and every frame is accounted for' stopped

stopped_sender() {
	spawn idle "$LOAD" -m idle "vde://$T/sw"
	wait_for 5 grep idle idle.log
	"$STREAMRAW" "$T/sw" connect there=60 fill=5000
	end idle KILL
	wait_for 3 switch_holds sw "$rest"
}
check 'who sends to one that does not read comes to an end' stopped_sender

# Who may.

modes() {
	umask 077
	switch_start open -m 660 -g "$(id -gn)"
	is 'mode and group' "$(stat -c '%a %G' open/stream)" "$(stat -c '%a %G' open/ctl)"
	is mode "$(stat -c %a open/stream)" 660
	end open
	not test -e open
}
check 'mode and group are those of ctl; nothing is left' modes

if two_users; then
	identity() {
		switch_start world -m 666
		cp "$STREAMRAW" "$T/streamraw"
		spawn raw setpriv --reuid=65534 --clear-groups "$T/streamraw" "$T/world" connect hold
		wait_for 5 port_line world 1 endpoint
		port_line world 1 "stream pid $(pid_of raw) uid 65534$"
		port_line world 1 'Current User: nobody'
		end raw
		end world
	}
	check 'a peer is who the kernel says' identity
	refused() {
		not as 65534 "$T/streamraw" "$T/sw" connect
	}
	check 'who may not does not get in' refused
else
	skip 'a peer is who the kernel says' 'only root'
	skip 'who may not does not get in' 'only root'
fi

# Named ports.

named_listening() {
	switch_start named --stream "vm,port=9,mode=0640"
	is mode "$(stat -c %a named/vm)" 640
	port_line named 9 "INACTIVE - Named 'vm'"
	"$STREAMRAW" "$T/named" "connect=$T/named/vm" there=60 back=60
	wait_for 3 not port_line named 9 endpoint
	spawn raw "$STREAMRAW" "$T/named" "connect=$T/named/vm" there=60 hold
	wait_for 5 grep holding raw.log
	port_line named 9 'IN: *pkts *2 '
	port_line named 9 'endpoint .* stream vm pid'
	"$STREAMRAW" "$T/named" "connect=$T/named/vm" eof
	grep "stream port 'vm': a second peer is refused" named.log
	end named
	not test -e named
}
check 'a named port that listens, for one peer' named_listening

named_client() {
	switch_start named --stream "up,path=$T/up.sock,client,port=4" --stream down
	"$STREAMRAW" "$T/named" "listen=$T/up.sock" there=60 back=60
	wait_for 3 not port_line named 4 endpoint
	# Again, and again, and not before its time.
	"$STREAMRAW" "$T/named" "listen=$T/up.sock" bytewise=60 "listen=$T/up.sock" \
		splits length=0xffffffff eof "listen=$T/up.sock" there=65535
	port_line named 1 "Named 'down'"
	end named
}
check 'a named port that connects, again and again' named_client

# bad_option WORDS OPTION...: the switch does not start, and says so.
bad_option() {
	lib_words=$1
	shift
	if "$SWITCH" -s "$T/bad" --nostdin "$@" >out 2>&1; then
		fail 'it starts'
	fi
	cat out
	grep -F -e "$lib_words" out
	not test -e bad
}
check '--stream without a name' bad_option 'needs a name' --stream path=x
check '--stream, client of nobody' bad_option 'a client needs path=SOCKET' --stream x,client
check '--stream with nonsense' bad_option "what is 'way'?" --stream x,way=off
check '--stream is not --dgram' bad_option "what is 'remote'?" --stream x,remote=off
check '--stream with a port that is not there' bad_option "'x': no port 33" --stream x,port=33
check '--stream, two of one port' \
	bad_option "'y': no port 3 for it" --stream x,port=3 --stream y,port=3
check '--stream in no directory' bad_option no/where --stream "x,path=$T/no/where"

# QEMU.

machine='-M none -nodefaults -display none -monitor none'

# Without a guest, its hub joins two plugs.
one_lan() {
	frames sw <<-END
	plug a b
	plug c d at vde://$T/west
	send a to all
	expect b c d
	send c to a			# through QEMU
	expect a
	send a to c size 1514
	expect c
	send d to group
	expect a b c
	send c to d size 14
	expect d
	END
}
plugs_on() {
	[ "$(console "$1" port/print | grep -c 'endpoint ID')" -eq "$2" ]
}
qemu_hub() {
	switch_start west --stream "qemu,path=$T/qemu.sock,client"
	# shellcheck disable=SC2086 # words
	for _ in 1 2; do
		spawn qemu qemu-system-x86_64 $machine \
			-netdev "stream,id=s,server=off,addr.type=unix,addr.path=$T/sw/stream" \
			-netdev hubport,hubid=0,id=h1,netdev=s \
			-netdev "stream,id=w,server=on,addr.type=unix,addr.path=$T/qemu.sock" \
			-netdev hubport,hubid=0,id=h2,netdev=w
		wait_for 5 plugs_on sw 1
		wait_for 5 plugs_on west 1
		one_lan
		end qemu
		wait_for 3 plugs_on sw 0
		wait_for 3 plugs_on west 0
	done
	end west
}

# A guest's ROM asks for an address; that is all the guest there is.
guest() {
	spawn guest qemu-system-x86_64 -machine q35,accel=tcg -m 64 -nodefaults \
		-display none -monitor none -serial none \
		-netdev "stream,id=n,server=off,addr.type=unix,addr.path=$T/$1/stream" \
		-device virtio-net-pci,netdev=n,mac=52:54:00:12:34:56
}
captured() {
	tcpdump -n -v -r "$1" 2>/dev/null | grep -E "$2"
}
qemu_guest() {
	spawn idle "$LOAD" -m idle "vde://$T/sw[2]"
	wait_for 5 grep idle idle.log
	spawn capture "$LANBOX" capture -w "$T/asked" "$T/sw" 2
	guest sw
	wait_for 20 captured asked 'BOOTP/DHCP, Request from 52:54:00:12:34:56'
	end guest
	end capture
	end idle KILL
	wait_for 3 switch_holds sw "$rest"
}
if command -v qemu-system-x86_64 >/dev/null; then
	check 'QEMU -netdev stream, server=off and server=on' qemu_hub
	if command -v tcpdump >/dev/null; then
		check "a guest's DHCP request gets to a VDE client" qemu_guest
	else
		skip "a guest's DHCP request gets to a VDE client" 'no tcpdump here'
	fi
else
	skip 'QEMU -netdev stream, server=off and server=on' 'no QEMU here'
	skip "a guest's DHCP request gets to a VDE client" 'no QEMU here'
fi

# passt listens, gives its guest the address that the host has, and answers for the
# router. Its host is a network namespace with a tap.
passt_dhcp() {
	spawn ns unshare -n sleep 1000
	wait_for 2 own_netns
	in_ns ip link set lo up
	in_ns ip tuntap add up0 mode tap
	in_ns ip addr add 192.0.2.10/24 dev up0
	in_ns ip link set up0 up
	in_ns ip route add default via 192.0.2.1
	switch_start wan --stream "internet,path=$T/passt.sock,client,port=9"
	for _ in 1 2; do
		rm -f passt.sock leased
		spawn passt nsenter -t "$(pid_of ns)" -n -- \
			passt -f -e --runas 0 -s "$T/passt.sock" -4 -t none -u none -D none
		wait_for 5 port_line wan 9 endpoint
		spawn capture "$LANBOX" capture -w "$T/leased" "$T/wan" 9
		guest wan
		wait_for 20 captured leased 'DHCP-Message.* ACK'
		captured leased 'Your-IP 192.0.2.10'
		end guest
		end capture
		end passt
		wait_for 3 not port_line wan 9 endpoint
	done
	end wan
	end ns KILL
}
in_ns() {
	nsenter -t "$(pid_of ns)" -n -- "$@"
}
own_netns() {
	[ "$(readlink "/proc/$(pid_of ns)/ns/net")" != "$(readlink /proc/$$/ns/net)" ]
}
missing=
for program in passt qemu-system-x86_64 tcpdump ip unshare nsenter; do
	command -v $program >/dev/null || missing=$program
done
if [ -n "$missing" ]; then
	skip 'passt gives a QEMU guest its address' "no $missing here"
elif [ "$(id -u)" -ne 0 ] || ! unshare -n true 2>/dev/null || [ ! -c /dev/net/tun ]; then
	skip 'passt gives a QEMU guest its address' 'only root'
else
	check 'passt gives a QEMU guest its address, twice' passt_dhcp
fi

at_rest() {
	wait_for 3 switch_holds sw "$rest"
}
check 'nothing is left of all that' at_rest
end sw

done_testing
