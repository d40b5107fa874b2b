# SPDX-License-Identifier: BSD-2-Clause
# learning.sh - Who gets a frame: flooding, learning, moving, hub mode
#
# The sentences are explained in framecheck.c.
. "${top_srcdir:?}/tests/integration/lib.sh"

switch_start sw

check 'broadcast, multicast and unknown unicast go to all others' frames sw <<END
plug a b c
send a to all
expect b c
send a to group
expect b c
send a to nobody
expect b c
send a to nobody size 1514
expect b c
END

check 'unicast goes to its receiver alone once that has spoken' frames sw <<END
plug a b c
send b to all
expect a c
send a to b
expect b
send c to b
expect b
send b to a		# a has spoken since, too
expect a
END

check 'a plug that only listened is not forgotten: unknown is flooded' frames sw <<END
plug a b c
send a to all
expect b c
send a to b
expect b c
END

check 'a frame to an address of its own port goes nowhere' frames sw <<END
plug a b
send a to all
expect b
send a to a
expect
send a from nobody to a
expect
END

vde_fails 'keeps the old port for four seconds'
check 'an address that shows up elsewhere has moved at once' frames sw <<END
plug a b c
send a to all
expect b c
send b to a
expect a
send c from a to all
expect a b
send b to a
expect c
send a to all		# and back
expect b c
send b to a
expect a
END

check 'an address goes with its plug' frames sw <<END
plug a b c
send a to all
expect b c
unplug a
send b to all		# until the switch has seen that a is gone
expect c
send b to a
expect c
plug a			# on the same port, silent so far
send b to a
expect a c
END

check 'a multicast source is not learned' frames sw <<END
plug a b c
send a from group to all
learned
send b to group
expect a c
send a from all to all
learned
send b to all
expect a c
END

hash_has_no_group() {
	spawn frames "$FRAMECHECK" "vde://$T/sw"
	say frames 'plug a b c\nsend a from group to all\nlearned\nsend b to all\nexpect a c\n'
	wait_for 2 hash_line 02:00:00:00:00:0b 002
	console sw hash/print >"$T/hash"
	cat "$T/hash"
	not grep -i 'Addr: [0-9a-f][13579bdf]:' "$T/hash"
	end frames
}
hash_line() {
	console sw hash/print | grep -Eq \
		"^Hash: [0-9]{4} Addr: $1 VLAN 0000 to port: $2  age [0-9]+ secs\$"
}
check 'and is not in the table' hash_has_no_group

hash_shows() {
	spawn frames "$FRAMECHECK" "vde://$T/sw"
	say frames 'plug a b c\nsend b to all\nexpect a c\n'
	wait_for 2 hash_line 02:00:00:00:00:0b 002
	end frames
}
check 'a learned address is in the table, with its port, as VDE prints it' hash_shows

check 'two plugs of one port both get its frames, and not each other'\''s' frames sw <<END
plug a b at vde://$T/sw[9]
plug c d
send c to all
expect a b d
send a to all
expect c d
send c to a
expect a b
send b to c
expect c
send a to b
expect
END

check 'a plug with a port number talks to one without' frames sw <<END
plug a at vde://$T/sw[5]
plug b
send a to b
expect b
send b to a
expect a
END

vde_fails 'truncates what is longer than 1518 bytes'
check 'frames of 2000, 9014 and 65000 bytes pass whole' frames sw <<END
plug a b c
send a to all size 2000
expect b c
send b to a size 9014
expect a
send a to b size 65000
expect b
send a to b size 65535
expect b
END

check 'frames of 14, 15, 59, 1518 bytes pass as they are' frames sw <<END
plug a b c
send a to all size 14
expect b c
send b to a size 15
expect a
send a to b size 59
expect b
send a to b size 1518
expect b
END

check 'frames shorter than a header are dropped' frames sw <<END
plug a b c
send a to all size 13
expect
send a to all size 6
expect
send a to all size 1
expect
send a to all size 0
expect
send a to all
expect b c
END

vde_fails 'drops tagged frames'
check 'tagged frames pass whole' frames sw <<END
plug a b c
send a to all type 0x8100
expect b c
send b to a type 0x8100 size 1522
expect a
send a to b type 0x88a8
expect b
END

end sw
switch_start hub -x

check 'a hub sends everything to everybody else' frames hub <<END
plug a b c
send a to all
expect b c
send b to a
expect a c
send c to a
expect a b
send a to a
expect b c
END

sethub() {
	console hub 'port/sethub 0' | grep -q '^1000 '
	frames hub <<-END
	plug a b c
	send a to all
	expect b c
	send b to a
	expect a
	END
	console hub 'port/sethub 1' | grep -q '^1000 '
	frames hub <<-END
	plug a b c
	send a to all
	expect b c
	send b to a
	expect a c
	END
}
check 'port/sethub turns it off and on' sethub

done_testing
