#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# policy.sh - What ports may do, with clients on real sockets
. "${top_srcdir:?}/tests/integration/lib.sh"

cd "$T" || exit 99
LANBOX=$top_builddir/lanbox

# lanbox switch, of the switch "sw".
sw() {
	"$LANBOX" switch -s sw "$@"
}

# Isolation, as a file of commands sets it: 1 promiscuous, 2 and 3 isolated, 4 and 5 a
# community.
cat >rc <<END
port/create 2
port/create 3
port/create 4
port/create 5
port/setisolation 2 isolated
port/setisolation 3 isolated
port/setisolation 4 7
port/setisolation 5 7
END
switch_start sw -f "$T/rc"

cat >isolated <<END
plug a at vde://$T/sw[1]
plug b at vde://$T/sw[2]
plug c at vde://$T/sw[3]
plug d at vde://$T/sw[4]
plug e at vde://$T/sw[5]
apart b c d e
send a to all
expect b c d e
send b to all
expect a
send c to group
expect a
send d to all
expect a e
send e to nobody
expect a d
send a to c
expect c
send b to c
expect
send b to a
expect a
send d to b
expect
send d to e
expect e
send e to d times 1 size 1514
expect d
END
check 'isolation: promiscuous, isolated, a community' frames sw <isolated

isolation_seen() {
	console sw port/allprint | grep 'isolated from those it was for'
	sw ports 2 | grep 'isolation  *isolated'
	sw ports 4 | grep 'isolation  *7'
	sw --json ports 2 | grep '"ISOLATED":[1-9]'
	sw port set 2 isolation=promiscuous
	sw --json ports 2 | grep '"isolation":"promiscuous"'
	not sw port set 2 isolation=4095 2>err
	grep "'isolation' must be" err
	console sw 'port/setisolation 2 maybe' | grep 1022
	console sw 'port/setisolation 2' | grep 1022
	console sw 'port/setisolation 9 isolated' | grep 1006
}
check 'as console and control socket show and set it' isolation_seen

check 'and it ends' frames sw <<END
plug a at vde://$T/sw[1]
plug b at vde://$T/sw[2]
plug c at vde://$T/sw[3]
apart c
send b to all
expect a c
send c to b
expect b
END

done_testing
