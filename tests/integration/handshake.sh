# SPDX-License-Identifier: BSD-2-Clause
# handshake.sh - What a client says to the switch to get a port, right or wrong
#
# The steps are explained in rawvde.c. After each case the switch must hold what
# it held before it, and serve the next client: a case that passes but leaves a
# port, a descriptor or a file behind is a failure.
. "${top_srcdir:?}/tests/integration/lib.sh"

raw_start() {
	switch_start sw -n 32
}

# raw DESCRIPTION STEP...
raw() {
	lib_desc=$1
	shift
	is_running sw || raw_start
	# Two clients at once may cost vde_switch a port, in any case here.
	known=${known:-a port is lost, at times}
	check "$lib_desc" raw_case sw "$@"
}

raw_case() {
	sw=$1
	shift
	before=$(switch_at_rest "$sw")
	"$RAWVDE" "$T/$sw" "$@"
	unchanged "$sw" "$before"
}

# Whether a switch holds what it held before, and works.
unchanged() {
	is_running "$1" || fail 'the switch is gone'
	holds "$1" "$2"
	"$RAWVDE" "$T/$1" connect bind v3 descr=after send reply dconnect unlink io
	holds "$1" "$2"
}

holds() {
	wait_for 2 switch_holds "$1" "$2" || {
		switch_state "$1"
		rm -f "$T/$1.rest"
		fail 'and that is what the switch holds now'
	}
}

# These take time by themselves; see the end.
switch_start slow
spawn deadline "$RAWVDE" "$T/slow" connect silent=4000 sleep=2000 eof
spawn deadline2 "$RAWVDE" "$T/slow" connect bind v3 send=50 silent=4000 sleep=2000 eof
raw_start

# Right.

raw 'version 3' connect bind v3 descr=test send reply=001. dconnect unlink io
raw 'version 3 without a description' connect bind v3 send reply=001. dconnect io
raw 'version 1' connect bind v1 descr=test send reply=001. dconnect io
raw 'an abstract client address' connect bind="@rawvde-$$" v3 descr=x send \
	reply dconnect io
raw '124 bytes, and frames from an unconnected socket' connect bind v3 zeros=2 \
	send reply io
raw 'a client socket outside of the directory' connect bind="$T/outside" v3 \
	descr=x send reply dconnect io
raw 'a description of 128 bytes' connect bind v3 length=250 send reply dconnect io
vde_fails 'one read is one request'
raw 'byte by byte, version 3' connect bind v3 bytewise reply dconnect io
vde_fails 'one read is one request'
raw 'byte by byte, version 1' connect bind v1 bytewise reply dconnect io

split_everywhere() {
	before=$(switch_at_rest sw)
	k=1
	while [ $k -lt 122 ]; do
		"$RAWVDE" "$T/sw" connect bind v3 descr=split send=$k sleep=1 send \
			reply dconnect || fail "cut after byte $k"
		k=$((k + 1))
	done
	unchanged sw "$before"
}
vde_fails 'one read is one request'
check 'cut in two after any byte' split_everywhere
is_running sw || raw_start

raw 'a port by number' connect bind v3 port=5 descr=x send reply=005. dconnect io
vde_fails 'ports 1 to N-1 only'
raw 'the last port' connect bind v3 port=32 descr=x send reply=032. dconnect io
raw 'the management port' connect bind v3 type=1 descr=x send reply=000. dconnect io
raw 'the management port, version 1' connect bind v1 type=1 send reply=000. dconnect io
raw 'an empty datagram' connect bind v3 send reply dconnect empty empty io

# Wrong.

raw 'version 0: refused' connect bind v0 send eof
raw 'version 2: refused' connect bind v3 version=2 send eof
raw 'version 4: refused' connect bind v3 version=4 send eof
raw 'version 4294967295: refused' connect bind v3 version=0xffffffff send eof
raw 'another magic number: refused' connect bind v3 magic=0xfeedfacf send eof
raw 'type 2: refused' connect bind v3 type=2 send eof
vde_fails 'hangs'
raw 'a port out of range: refused' connect bind v3 port=33 send eof
vde_fails 'takes some of the bits'
raw 'port 16777215: refused' connect bind v3 port=0xffffff send eof
for n in 4 8 12 121; do
	vde_fails 'parses what was in its memory'
	raw "only $n bytes: no answer, and no answer after the end either" \
		connect bind v3 send=$n silent=100 shut eof
done
raw 'nothing at all, and the end' connect shut eof
raw 'the client leaves in the middle' connect bind v3 send=60 close
vde_fails 'a port is lost for ever'
raw 'a request of 257 bytes: refused' connect bind v3 length=257 send eof
vde_fails 'a port is lost for ever'
raw 'a request of 4096 bytes: refused' connect bind v3 length=4096 send eof
raw 'not the address of a UNIX socket: refused' connect bind v3 family=2 send eof
raw 'a client socket without a name: refused' connect bind v3 path= send eof
raw 'a client socket that is not there: refused' connect bind v3 path=/nonexistent send eof
raw 'a relative path: refused' connect bind v3 path=nonexistent send eof
raw 'a file: refused' connect bind v3 path=/etc/passwd send eof
raw 'a directory: refused' connect bind v3 path=/tmp send eof
raw 'a stream socket: refused' connect bind v3 path="$T/sw/ctl" send eof
raw 'a path without an end: refused' connect bind v3 \
	path="/$(printf '%0107d' 0)" send eof

# Right first, then wrong.

vde_fails 'a port is lost for ever'
raw 'a second request on the same connection: closed' \
	connect bind v3 send reply dconnect again send dropped
vde_fails 'a port is lost for ever'
raw 'a byte after the request: closed' connect bind v3 send reply dconnect junk=1 dropped
vde_fails 'a port is lost for ever'
raw '4096 bytes after the request: closed' connect bind v3 send reply dconnect \
	junk=4096 dropped
raw 'a descriptor with the request' connect bind v3 send-fd reply dconnect io
raw 'the end of the stream after the answer is the end of the port' \
	connect bind v3 send reply dconnect shut eof

# Clients that crash.

crash() {
	before=$(switch_at_rest sw)
	rc=0
	"$RAWVDE" "$T/sw" "$@" kill || rc=$?
	rm -f "$T/crash"
	is 'exit status' $rc 137
	unchanged sw "$before"
}
vde_fails 'a port is lost, at times'
check 'a client killed after connecting' crash connect
vde_fails 'a port is lost, at times'
check 'a client killed in the middle of its request' crash connect bind="$T/crash" v3 send=60
vde_fails 'a port is lost for ever'
check 'a client killed before the answer' crash connect bind="$T/crash" v3 send
vde_fails 'a port is lost, at times'
check 'a client killed after the answer' crash connect bind="$T/crash" v3 send reply
vde_fails 'a port is lost, at times'
check 'a client killed while connected' crash connect bind="$T/crash" v3 send reply dconnect

# Many.

raw '100 connections that say nothing keep nobody out' \
	crowd=100 connect bind v3 send reply dconnect io
raw 'nor do 300' crowd=300 connect bind v3 send reply dconnect io
vde_fails 'ports are lost for ever'
raw '400 clients that come and go at once' burst=400
is_running sw && end sw
switch_start sw -n 512
vde_fails 'ports are lost for ever'
raw 'the same where there are ports for all' burst=400
is_running sw && end sw
switch_start sw -n 65535
raw 'with 65535 ports' connect bind v3 port=60000 send reply=60000. dconnect io
is_running sw && end sw

full() {
	switch_start full -n 3
	# VDE's switch of three ports has two for clients.
	n=3
	is_vde_switch && n=2
	i=1
	while [ $i -le $n ]; do
		spawn "full$i" "$RAWVDE" "$T/full" connect bind v3 send reply dconnect unlink hold
		wait_for 2 grep holding "$T/full$i.log"
		i=$((i + 1))
	done
	"$RAWVDE" "$T/full" connect bind v3 send eof
	end full2
	wait_for 2 "$RAWVDE" "$T/full" connect bind v3 send reply=002. dconnect
}
vde_fails 'hangs'
check 'refused when all ports are in use, served when one is free again' full

# Who is who.

if two_users; then
	cp "$RAWVDE" "$T/rawvde"
	chmod 755 "$T/rawvde"
	switch_start open -m 0666
fi

# identity DESCRIPTION COMMAND...: a test that takes two users.
identity() {
	if [ -x "$T/rawvde" ]; then
		is_running open || switch_start open -m 0666
		check "$@"
	else
		skip "$1" 'only root can be two users'
	fi
}

other_user() {
	before=$(switch_at_rest open)
	as 65534 "$T/rawvde" "$T/open" connect bind v3 send reply dconnect unlink io
	as 65534 "$T/rawvde" "$T/open" connect bind v3 port=9 send reply=009. dconnect io
	unchanged open "$before"
}
vde_fails 'a port is lost, at times'
identity 'another user gets a port where the mode lets him' other_user

shown_as() {
	spawn shown setpriv --reuid="$1" --regid="$1" --clear-groups -- \
		"$T/rawvde" "$T/open" connect bind v3 port=11 descr=shown \
		send reply dconnect unlink hold
	wait_for 2 grep holding "$T/shown.log"
	console open 'port/print 11' | grep "Current User: $2 "
	end shown
}
identity 'and port/print shows who he is' shown_as 65534 nobody
vde_fails 'aborts'
identity 'also when he has no name and six digits' shown_as 100001 100001

taken_port() {
	spawn root "$RAWVDE" "$T/open" connect bind v3 port=7 send reply dconnect unlink hold
	wait_for 2 grep holding "$T/root.log"
	rm -f "$T/open.rest"
	before=$(switch_at_rest open)
	as 65534 "$T/rawvde" "$T/open" connect bind v3 port=7 send eof
	unchanged open "$before"
	"$RAWVDE" "$T/open" connect bind v3 port=7 send reply=007. dconnect io
	end root
	rm -f "$T/open.rest"
}
vde_fails 'hangs'
identity 'nobody gets a port that another user has; its owner may come twice' taken_port

spoof() {
	spawn root "$RAWVDE" "$T/open" bind="$T/root.sock" chmod=0777 hold
	wait_for 2 grep holding "$T/root.log"
	before=$(switch_at_rest open)
	as 65534 "$T/rawvde" "$T/open" connect v3 path="$T/root.sock" send eof
	end root
	rm -f "$T/root.sock"
	unchanged open "$before"
}
vde_fails 'believes the path'
identity "a client that names another user's socket is refused" spoof

spoof_link() {
	spawn root2 "$RAWVDE" "$T/open" bind="$T/root2.sock" chmod=0777 hold
	wait_for 2 grep holding "$T/root2.log"
	mkdir "$T/nobody"
	chown 65534 "$T/nobody"
	as 65534 ln -s "$T/root2.sock" "$T/nobody/link"
	as 65534 "$T/rawvde" "$T/open" connect v3 path="$T/nobody/link" send eof
	end root2
	rm -f "$T/root2.sock"
}
vde_fails 'believes the path'
identity 'through a symbolic link, too' spoof_link
is_running open && end open

# What the switch says about it.

says_why() {
	switch_start log
	: >"$T/log.log"
	for steps in 'v0 send eof' 'v3 version=4 send eof' 'v3 port=33 send eof' \
		'v3 path=/nonexistent send eof' 'v3 length=257 send eof'; do
		# shellcheck disable=SC2086 # The steps are words.
		sh -c 'echo $$; exec "$0" "$@"' "$RAWVDE" "$T/log" connect bind $steps \
			>"$T/pid"
		wait_for 1 grep -E "pid $(cat "$T/pid") .*refused: .{10}" "$T/log.log"
	done
	is lines "$(wc -l <"$T/log.log")" 5
	cat "$T/log.log"
}
vde_fails 'says that it was, not who or why'
check 'each refusal is a line in the log, with who and why' says_why

says_not_too_much() {
	: >"$T/log.log"
	i=0
	while [ $i -lt 100 ]; do
		"$RAWVDE" "$T/log" connect bind v0 send eof
		i=$((i + 1))
	done
	[ "$(wc -l <"$T/log.log")" -le 12 ] || fail "$(wc -l <"$T/log.log") lines"
}
vde_fails 'logs every one'
check 'a hundred refusals are not a hundred lines' says_not_too_much

evil_words() {
	evil=$(printf 'a\nb\033[2J\n1000 Success\n\nvde$ c')
	spawn evil "$RAWVDE" "$T/log" connect bind v3 descr="$evil" port=30 send reply dconnect unlink hold
	wait_for 2 grep holding "$T/evil.log"
	console log 'port/print 30' >"$T/evil.out"
	is lines "$(wc -l <"$T/evil.out")" 8
	not grep -q "$(printf '\033')" "$T/evil.out"
	end evil
}
vde_fails 'prints it as it is'
check 'a description cannot forge lines of the console' evil_words

# Those that took their time.

deadline() {
	ended deadline
	ended deadline2
	cat "$T/deadline.log" "$T/deadline2.log"
	is 'exit status' "$(exit_status deadline) $(exit_status deadline2)" '0 0'
}
vde_fails 'waits for ever'
check 'who does not say what he wants within six seconds has to go' deadline

done_testing
