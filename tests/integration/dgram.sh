# SPDX-License-Identifier: BSD-2-Clause
# dgram.sh - Frames in datagrams between two sockets: --dgram, as QEMU's
#            -netdev dgram has it
#
# In framecheck, dgram:OWN,OTHERS is such a peer. It says nothing when it comes and
# nothing when it goes.
. "${top_srcdir:?}/tests/integration/lib.sh"

cd "$T" || exit 99

# A switch with two of them.
start() {
	switch_start sw --dgram "vm,local=$T/sw.sock,remote=$T/vm.sock,port=5,mode=0620" \
		--dgram "other,local=$T/sw2.sock,remote=$T/other.sock"
}
start

vm="dgram:$T/vm.sock,$T/sw.sock"
other="dgram:$T/other.sock,$T/sw2.sock"

port_line() {
	console sw "port/print $1" | grep -E "$2"
}
dropped() {
	console sw "port/print $1" |
		awk -v text="$2" '/DROP:/ && index($0, text) { n = $3 } END { print n + 0 }'
}
received() {
	console sw "port/print $1" | awk '/IN:/ { print $3 }'
}

nobody() {
	is mode "$(stat -c %a sw.sock)" 620
	port_line 5 "INACTIVE - Named 'vm'"
	frames sw <<-END
	plug a b
	send a to all times 10
	learned
	END
	[ "$(dropped 5 'not ready')" -ge 10 ]
	is ready "$(received 5)" 0
}
check 'a port without its peer is there, and counts' nobody

lan() {
	frames sw <<-END
	plug a b
	plug c at $vm
	plug d at $other
	send a to all
	expect b c d
	send c to all
	expect a b d
	send c to a
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
}
check 'frames between datagrams and VDE clients, bit for bit' lan
check 'and again, in the place of those who went' lan

# The peer is found before it has said anything.
found() {
	spawn vm "$LOAD" -m idle "$vm"
	wait_for 3 port_line 5 'endpoint .* dgram vm$'
}
check 'a peer that is silent is found' found

# With its file, as if killed: nothing tells the switch.
lost() {
	end vm KILL
	test -e vm.sock
	wait_for 3 not port_line 5 endpoint
	grep 'dgram vm): closed' sw.log
}
check 'a peer that dies is missed' lost

# Until our socket knows that its peer is another one, the kernel refuses that.
restarted() {
	spawn vm "$LOAD" -m idle "$vm"
	wait_for 3 port_line 5 'endpoint .* dgram vm$'
	end vm KILL
	rm vm.sock
	spawn vm "$LOAD" -m idle "$vm"
	sleep 1.5
	before=$(received 5)
	end vm KILL
	not grep 'no peer' sw.log
	frames sw <<-END
	plug a
	wait 1000
	plug c at $vm
	send c to a
	expect a
	END
	[ "$(received 5)" -gt "$before" ]
}
check 'a peer that is started again is heard' restarted

# stranger: a datagram to the switch's socket, from somebody else.
stranger() {
	printf '%060d' 0 | socat -u - "UNIX-SENDTO:$T/sw.sock"
}
strangers() {
	spawn vm "$LOAD" -m idle "$vm"
	wait_for 3 port_line 5 'endpoint .* dgram vm$'
	before=$(received 5)
	not stranger
	is received "$(received 5)" "$before"
	end vm KILL
	rm vm.sock
	wait_for 3 not sends_on
	stranger
	sleep 0.1
	is received "$(received 5)" "$before"
}
# Sending shows that nobody is there.
sends_on() {
	"$FRAMECHECK" "vde://$T/sw" <<-END
	plug a b
	send a to all
	expect b
	END
	port_line 5 endpoint
}
if command -v socat >/dev/null; then
	check 'datagrams of strangers are no frames, with and without a peer' strangers
else
	skip 'datagrams of strangers are no frames, with and without a peer' 'no socat here'
fi

wrong_kind() {
	spawn wrong socat "UNIX-LISTEN:$T/vm.sock,unlink-early" /dev/null
	wait_for 3 grep "dgram port 'vm': cannot connect to '$T/vm.sock': Protocol wrong type" sw.log
	sleep 1.2
	is lines "$(grep -c "cannot connect" sw.log)" 1
	end wrong KILL
	rm -f vm.sock
}
if command -v socat >/dev/null; then
	check 'a socket of another type is named in the log, once' wrong_kind
else
	skip 'a socket of another type is named in the log, once' 'no socat here'
fi

# It neither reads nor goes.
stopped() {
	spawn vm "$LOAD" -m idle "$vm"
	wait_for 3 port_line 5 'endpoint .* dgram vm$'
	"$LOAD" -m fan -n 2 -r 20000 -b 20 -c 20000 -N "vde://$T/sw"
	[ "$(dropped 5 'queue full')" -gt 10000 ]
	end vm KILL
}
check 'a stopped peer costs only itself' stopped

# Until then the kernel keeps a new peer of the same name from it.
unplugged() {
	wait_for 5 not port_line 5 'endpoint .* dgram vm$'
}
no_loss() {
	"$LOAD" -N -c 50000 "$vm" "vde://$T/sw"
	unplugged
	# The kernel queues as few as ten for a socket that is not connected to ours.
	"$LOAD" -N -c 50000 -r 20000 -b 50 "vde://$T/sw" "$vm"
	unplugged
	"$LOAD" -N -c 1500 -s 65000 -r 1000 "$other" "$vm"
}
check 'nothing is lost where the receiver reads' no_loss

machine='-M none -nodefaults -display none -monitor none'

plugged_west() {
	console west port/print | grep QEMU
}
qemu_hub() {
	switch_start west
	# shellcheck disable=SC2086 # words
	for _ in 1 2; do
		spawn qemu qemu-system-x86_64 $machine -netdev \
			"dgram,id=d,local.type=unix,local.path=$T/vm.sock,remote.type=unix,remote.path=$T/sw.sock" \
			-netdev hubport,hubid=0,id=h1,netdev=d \
			-netdev "vde,id=w,sock=$T/west" \
			-netdev hubport,hubid=0,id=h2,netdev=w
		wait_for 5 port_line 5 'endpoint .* dgram vm$'
		wait_for 5 plugged_west
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
		end qemu
		wait_for 3 not port_line 5 endpoint
	done
	end west
}
if command -v qemu-system-x86_64 >/dev/null; then
	check 'QEMU -netdev dgram' qemu_hub
else
	skip 'QEMU -netdev dgram' 'no QEMU here'
fi

# Files.

in_use() {
	if "$SWITCH" -s "$T/two" --nostdin --dgram "x,local=$T/sw.sock,remote=$T/no" >out 2>&1; then
		fail 'it starts'
	fi
	cat out
	grep "dgram port 'x': socket '$T/sw.sock': Address already in use" out
	not test -e two
	test -S sw.sock
}
check "another's socket is left alone" in_use

left_behind() {
	end sw KILL
	test -S sw.sock
	start
	lan
}
check 'a socket left behind is replaced' left_behind

gone() {
	end sw
	not test -e sw.sock
	not test -e sw2.sock
	not test -e sw
}
check 'nothing is left behind' gone

bad_option() {
	if "$SWITCH" -s "$T/bad" --nostdin --dgram "$2" >out 2>&1; then
		fail 'it starts'
	fi
	cat out
	grep -F -e "$1" out
	not test -e bad
}
check '--dgram without a name' bad_option 'needs a name' local=x,remote=y
check '--dgram without a peer' bad_option 'needs local=SOCKET and remote=SOCKET' x,local=y
check '--dgram without a socket' bad_option 'needs local=SOCKET and remote=SOCKET' x,remote=y
check '--dgram is not --stream' bad_option "what is 'client'?" x,local=y,remote=z,client
check '--dgram with a name that is too long' bad_option 'File name too long' \
	"x,local=y,remote=$(printf '%0108d' 0)"

done_testing
