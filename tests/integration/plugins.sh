# SPDX-License-Identifier: BSD-2-Clause
# plugins.sh - VDE's plugins dump, pdump and iplog, on the console of the switch
#
# What the switch says is compared with what VDE's own switch says to the same
# commands, where that is installed; where they are to differ, the table below says
# why. All of it in a network namespace of its own, for the taps of those who talk IP.
. "${top_srcdir:?}/tests/integration/lib.sh"

requires busybox ip socat tcpdump unshare nsenter vde_plug2tap
requires_netns
cd "$T" || exit 99

# Both have folders of their own: pdump's file is in the current one.
mkdir cwd.sw cwd.vde
cd cwd.sw && switch_start sw && cd .. || exit 99
has_vde() {
	command -v vde_switch && [ -e /usr/lib/vde2/plugins/iplog.so ]
}
if has_vde >vde.path; then
	cd cwd.vde || exit 99
	spawn vde vde_switch -s "$T/vde" -M "$T/vde.mgmt"
	cd ..
	wait_for 5 switch_answers vde
fi

status_of() {
	console "$1" "$2" | tail -n 1
}

# What a switch says, with nothing in it that is its own.
said_by() {
	console "$1" "$2" | sed -e "s,$T/cwd\.$1,CWD," -e "s,$T/$1,DIR,"
}

# same COMMAND...: both say the same.
same() {
	for lib_cmd; do
		said_by vde "$lib_cmd" >theirs
		said_by sw "$lib_cmd" >ours
		diff -u theirs ours || fail "$lib_cmd"
	done
}

# compared DESCRIPTION COMMAND...: a test of both.
compared() {
	if [ -s vde.path ]; then
		check "$@"
	else
		skip "$1" 'no vde_switch here'
	fi
}

compared 'plugin/: as VDE, none loaded' same plugin plugin/list 'plugin/list x' \
	plugin/add 'plugin/add nosuch' 'plugin/add /nosuch/nosuch.so' plugin/del \
	'plugin/del x' dump/active 'dump/active 1' pdump/filename iplog/showinfo \
	'help dump' 'help pdump' 'help iplog' 'debug/list dump' 'debug/add dump' \
	'debug/list iplog' 'debug/del iplog' 'help plugin'

# Alone: in VDE, what is loaded beside it changes whether it is active.
compared 'pdump/: as VDE' same \
	'plugin/add pdump' pdump/filename 'pdump/active 0' 'pdump/filename /nosuch/x.cap' \
	'pdump/filename /' 'pdump/filename vde_dump.cap' 'pdump/active 1' 'pdump/active 1' \
	'pdump/buffered 1' 'pdump/buffered 0' 'pdump/filename other.cap' pdump/filename \
	'pdump/active 0' 'pdump/active 0' pdump/nosuch 'plugin/del pdump'

compared 'plugin/: as VDE, loading and unloading' same \
	'plugin/add pdump' 'plugin/add pdump' 'plugin/add pdump.so' plugin/list \
	'plugin/add dump' plugin/list 'plugin/list p' 'plugin/list pdumpx' \
	'plugin/del p' plugin/list 'plugin/del p' pdump/filename 'help pdump' \
	plugin/del plugin/list \
	'plugin/add dump' 'plugin/add /usr/lib/vde2/plugins/pdump.so' 'plugin/add iplog' \
	plugin/list 'help dump' 'help pdump' 'help iplog' dump pdump iplog/ \
	'debug/list dump' 'debug/list iplog' 'debug/add dump' 'debug/add iplog/newip'

menus_last() {
	for sw; do
		console "$sw" help | sed -n '/^dump /,$p' >"$sw.help"
	done
	grep -q '^iplog/ipsearch ' "$1.help"
	[ $# -eq 1 ] || diff -u vde.help sw.help
}
if [ -s vde.path ]; then
	check "help: the plugins' menus last, in the order they were loaded" menus_last sw vde
else
	for plugin in dump pdump iplog; do
		console sw "plugin/add $plugin" >/dev/null
	done
	check "help: the plugins' menus last, in the order they were loaded" menus_last sw
fi

compared 'dump/: as VDE' same \
	'dump/active 0' 'dump/active 1' 'dump/active 1' 'dump/active 0' dump/nosuch

compared 'iplog/: as VDE' same \
	iplog/showinfo iplog/list iplog/iplist 'iplog/ipport 1' 'iplog/ipuser' \
	'iplog/ipuser root' 'iplog/ipuser 0' 'iplog/ipuser no-such-user' iplog/ipsearch \
	'iplog/ipsearch x' 'iplog/ipsearch 10.0.0.1' 'iplog/ipadd' 'iplog/ipadd x' \
	'iplog/ipadd 10.0.0.1' 'iplog/ipadd 10.0.0.0/8' 'iplog/ipadd 10.9.9.9/8' \
	'iplog/ipadd fe80::/10' 'iplog/ipadd 10.1.2.3/17' 'iplog/ipadd ::1' iplog/list \
	'iplog/ipdel 10.0.0.1' 'iplog/ipdel 10.0.0.1' 'iplog/ipdel 10.1.1.1/8' \
	'iplog/ipdel x' iplog/ipdel iplog/list 'iplog/setgcint 5' 'iplog/setexpire 77' \
	iplog/showinfo 'iplog/logfile -' iplog/showinfo 'iplog/logfile iplog.log' \
	iplog/showinfo 'iplog/logfile /nosuch/x' iplog/showinfo iplog/logfile \
	iplog/showinfo 'iplog/ipdel fe80::/10' 'iplog/ipdel 10.1.2.3/17' 'iplog/ipdel ::1' \
	iplog/list 'iplog/setgcint 1' 'iplog/setexpire 360'

# Where they are to differ: what we say, what VDE says, the command, and why.
echo text >foreign.cap
cat >differences <<END
1001 1002 plugin/add /etc/passwd	it is there, and will never be loaded
1022 1000 dump/active 5	it is 0 or 1
1022 1000 dump/active	a number that is not there is not 0
1022 1000 dump/active x	nor is a word
1022 1000 pdump/buffered x	the same
1017 1000 pdump/filename $T/foreign.cap	it is somebody's, and no capture
1002 1000 debug/list pdump	VDE has two kinds of events there that never come
1022 1000 iplog/ipport	a number that is not there is not 0
1022 1000 iplog/ipadd 10.0.0.0/33	there are 32 bits
1022 1000 iplog/ipadd 11.0.0.0/255.0.0.0	that is not a number of bits
1022 1000 iplog/ipadd localhost/8	asking for names would stop the switch
1022 1000 iplog/setgcint x	a word is not 0
1022 1000 iplog/setgcint -1	nor is there time before now
1021 1002 iplog/logfile /	that is what is wrong with it
END
differences() {
	tab=$(printf '\t')
	while IFS=$tab read -r line why; do
		cmd=${line#* }
		cmd=${cmd#* }
		ours=${line%% *}
		theirs=${line#* }
		theirs=${theirs%% *}
		is "ours, $cmd ($why)" "$(status_of sw "$cmd" | cut -c 1-4)" "$ours"
		[ ! -s vde.path ] ||
			is "VDE's, $cmd" "$(status_of vde "$cmd" | cut -c 1-4)" "$theirs"
	done <differences
	is 'a file that is no capture' "$(cat foreign.cap)" text
}
vde_fails 'it is VDE'
check 'what is not as in VDE, on purpose' differences
if [ -s vde.path ]; then
	end vde
	ended vde
fi

# Loading.

foreign_plugins() {
	cp /usr/lib/vde2/plugins/dump.so own.so 2>/dev/null || echo x >own.so
	is 'its path' "$(status_of sw "plugin/add $T/own.so")" '1001 Operation not permitted'
	is 'its path without .so' "$(status_of sw "plugin/add $T/own")" \
		'1001 Operation not permitted'
	grep -F "plugin '$T/own.so' refused: foreign binaries are never loaded" sw.log
	not grep -F own "/proc/$(pid_of sw)/maps"
	is 'a folder' "$(status_of sw "plugin/add $T")" '1002 No such file or directory'
	console sw 'plugin/del dump' | grep -F 1000
	is 'with .so' "$(status_of sw 'plugin/add dump.so')" '1000 Success'
	console sw 'plugin/del dump' | grep -F 1000
	is 'by a path' "$(status_of sw 'plugin/add /anywhere/dump')" '1000 Success'
	is 'again' "$(status_of sw 'plugin/add dump')" '1017 File exists'
}
vde_fails 'loads what it finds'
check 'foreign plugins are refused, the three are known by any path' foreign_plugins

# listen NAME EVENTS: NAME.ear is at its console and waits for events.
listen() {
	spawn "$1.ear" socat - "UNIX-CONNECT:$T/$1.mgmt"
	say "$1.ear" "debug/add $2\\n"
	wait_for 2 grep -q '1000 Success' "$1.ear.log"
}

# Frames of type 88b5 as dump shows them: port in, port out, length, bytes.
hex() {
	printf '%s' "$1" | sed 's/../& /g'
}
dumped() {
	listen sw dump
	spawn plugs "$FRAMECHECK" "vde://$T/sw"
	say plugs 'plug a b\nsend a to b size 60\nexpect b\nsend b to a size 1600\nexpect a\n'
	say plugs 'done\n'
	ended plugs
	is plugs "$(exit_status plugs)" 0
	sleep 0.2
	not grep dump/packet sw.ear.log
	console sw 'dump/active 1' | grep -F 1000
	spawn plugs "$FRAMECHECK" "vde://$T/sw"
	say plugs 'plug a b\nsend a to b size 60\nexpect b\nsend b to a size 1600\nexpect a\n'
	say plugs 'done\n'
	ended plugs
	is plugs "$(exit_status plugs)" 0
	ab="$(hex 02000000000b02000000000a88b5)"
	ba="$(hex 02000000000a02000000000b88b5)"
	wait_for 2 grep -q "^3102 dump/packetout Pkt: Port 0001 len=1600 $ba" sw.ear.log
	sed 's/^vde\$ //' sw.ear.log | grep ' 88 b5 ' >lines
	cut -c 1-100 lines | tee frames
	is frames "$(grep -c '' frames)" 4
	grep "^3101 dump/packetin Pkt: Port 0001 len=0060 $ab" frames
	grep "^3102 dump/packetout Pkt: Port 0002 len=0060 $ab" frames
	grep "^3101 dump/packetin Pkt: Port 0002 len=1600 $ba" frames
	# "3102 dump/packetout Pkt: Port 0002 len=0060 " has 44; of a long frame, the
	# first 1518 bytes are shown.
	is 'a frame of 60' "$(sed -n 2p lines | wc -c)" $((44 + 60 * 3 + 1))
	is 'a frame of 1600' "$(sed -n 4p lines | wc -c)" $((44 + 1518 * 3 + 1))
	console sw 'dump/active 0' | grep -F 1000
	: >sw.ear.log
	printf 'plug a b\nsend a to b\nexpect b\ndone\n' | frames sw
	sleep 0.2
	not grep dump/packet sw.ear.log
	console sw 'dump/active 1' | grep -F 1000
}
vde_fails 'cuts frames'
check 'dump: frames in and out, while it is active' dumped

unloaded() {
	say sw.ear 'debug/list dump\n'
	wait_for 2 grep -q 'packetin *101 ON' sw.ear.log
	console sw 'plugin/del dump' | grep -F 1000
	printf 'plug a b\nsend a to b\nexpect b\ndone\n' | frames sw
	say sw.ear 'debug/list\n'
	wait_for 2 grep -q '^port/+ ' sw.ear.log
	is 'the command' "$(status_of sw 'dump/active 0')" '1038 Function not implemented'
	# It is not active when it is loaded again.
	: >sw.ear.log
	console sw 'plugin/add dump' | grep -F 1000
	printf 'plug a b\nsend a to b\nexpect b\ndone\n' | frames sw
	sleep 0.2
	not grep dump/packet sw.ear.log
}
vde_fails 'crashes at the next frame'
check 'dump: unloaded while somebody listens' unloaded
end sw.ear

# pdump.

# records FILE: lengths of the frames of type 88b5 in it, one a line.
records() {
	tcpdump -nn -e -r "$1" 'ether proto 0x88b5' 2>tcpdump.err |
		sed -n 's/.* length \([0-9]*\): .*/\1/p'
	not grep -i 'truncated\|bogus\|invalid' tcpdump.err
}
talk_a_while() {
	printf '%s\n' 'plug a b c' 'send a to all size 60' 'expect b c' \
		'send b to a size 9014' 'expect a' 'send c to nobody size 100 times 20' \
		'learned' 'done' | frames "$1"
}
recorded() {
	console sw "pdump/filename $T/a.cap" | grep -Fx "dumpfile=$T/a.cap"
	is mode "$(stat -c %a a.cap)" 600
	is 'an empty capture' "$(records a.cap)" ''
	talk_a_while sw
	is 'before it is active' "$(records a.cap)" ''
	console sw 'pdump/active 1' | grep -F 1000
	talk_a_while sw
	records a.cap >lengths
	grep -F 'snapshot length 65535' tcpdump.err
	is 'long frames' "$(grep -c -x 9014 lengths)" 1
	is 'a broadcast' "$(grep -c -x 60 lengths)" 1
	is 'frames' "$(grep -c '' lengths)" 22
	console sw 'pdump/active 0' | grep -F 1000
	talk_a_while sw
	is 'inactive' "$(records a.cap | grep -c '')" 22
	# The file goes on when it is active again, and begins anew when it is named.
	console sw 'pdump/active 1' | grep -F 1000
	talk_a_while sw
	is 'active again' "$(records a.cap | grep -c '')" 44
	console sw "pdump/filename $T/a.cap" | grep -F 1000
	is 'named again' "$(records a.cap)" ''
	talk_a_while sw
	is 'and active still' "$(records a.cap | grep -c '')" 22
}
vde_fails 'each frame several times; a length of 96 in the header'
check 'pdump: each frame once and whole, while it is active' recorded

buffered() {
	console sw "pdump/filename $T/b.cap" | grep -F 1000
	is 'the file before' "$(records a.cap | grep -c '')" 22
	console sw 'pdump/buffered 1' | grep -F 1000
	talk_a_while sw
	is 'while it is buffered' "$(stat -c %s b.cap)" 24
	console sw 'pdump/buffered 0' | grep -F 1000
	is 'then' "$(records b.cap | grep -c '')" 22
	console sw 'pdump/buffered 1' | grep -F 1000
	talk_a_while sw
	console sw "pdump/filename $T/a.cap" | grep -F 1000
	is 'another file' "$(records b.cap | grep -c '')" 44
	talk_a_while sw
	console sw 'pdump/active 0' | grep -F 1000
	is 'inactive' "$(records a.cap | grep -c '')" 22
	# More than the buffer holds.
	console sw 'pdump/active 1' | grep -F 1000
	printf '%s\n' 'plug a b' 'send a to nobody size 9014 times 100' learned 'done' | frames sw
	[ "$(stat -c %s a.cap)" -gt 800000 ] || fail "$(stat -c %s a.cap) bytes"
	console sw 'plugin/del pdump' | grep -F 1000
	is 'unloaded' "$(records a.cap | grep -c '')" 122
	console sw 'plugin/add pdump' | grep -F 1000
	console sw pdump/filename | grep -Fx dumpfile=vde_dump.cap
}
vde_fails 'each frame several times'
check 'pdump: buffered' buffered

not_touched() {
	cp a.cap before.cap
	head -c 100 a.cap | tail -c 99 >part.cap
	cp part.cap part.before
	ln -s a.cap link.cap
	mkfifo pipe.cap
	for name in foreign.cap part.cap; do
		console sw "pdump/filename $T/$name" >said
		grep -Fx "ERROR: cannot dump to $T/$name" said
		is $name "$(tail -n 1 said)" '1017 File exists'
	done
	for name in link.cap pipe.cap cwd.sw no/such; do
		is $name "$(status_of sw "pdump/filename $T/$name")" '1022 Invalid argument'
	done
	is 'the name' "$(console sw pdump/filename | sed -n 2p)" dumpfile=vde_dump.cap
	is 'a text' "$(cat foreign.cap)" text
	cmp a.cap before.cap
	cmp part.cap part.before
	: >empty.cap
	is 'an empty file' "$(status_of sw "pdump/filename $T/empty.cap")" '1000 Success'
}
vde_fails 'writes into all of them'
check "pdump: files that are no captures, links and pipes are left alone" not_touched

# With whose rights.

# as_nobody NAME COMMAND: what the console says to another user.
as_nobody() {
	as 65534 "$TALK" "$T/$1.mgmt" "$2\\n"
}
others() {
	# Root in another group, which is how root of a login is in root's.
	spawn open setpriv --groups 1 -- "$SWITCH" -s "$T/open" -M "$T/open.mgmt" \
		--mgmtmode 0666
	wait_for 5 switch_answers open
	as_nobody open 'plugin/add pdump' | grep -F '1000 Success'
	as_nobody open 'plugin/add iplog' | grep -F '1000 Success'
	mkdir -m 755 roots
	mkdir -m 777 all
	cp a.cap all/roots.cap
	as_nobody open "pdump/filename $T/roots/x.cap" | grep 'Permission denied'
	[ ! -e roots/x.cap ]
	as_nobody open "pdump/filename $T/all/roots.cap" | grep 'Permission denied'
	cmp a.cap all/roots.cap
	as_nobody open "pdump/filename $T/all/x.cap" | grep '1000 Success'
	is 'owner' "$(stat -c %u all/x.cap)" 65534
	as_nobody open "iplog/logfile $T/roots/x.log" | grep '1013 Permission denied'
	as_nobody open "iplog/logfile $T/all/x.log" | grep '1000 Success'
	is 'owner of a log' "$(stat -c %u all/x.log)" 65534
	# Opened again with his rights, too.
	rm all/x.log
	chmod 755 all
	kill -HUP "$(pid_of open)"
	wait_for 2 grep -F 'to be opened again' open.log
	[ ! -e all/x.log ]
	# The switch is in a group, and he is not.
	echo secret >group.rc
	chgrp 1 group.rc
	chmod 640 group.rc
	as_nobody open "load $T/group.rc" >said
	cat said
	not grep secret said
	grep '1013 Permission denied' said
	console open showinfo | grep -F '1000 Success'
	console open "pdump/filename $T/roots/y.cap" | grep '1000 Success'
	is 'root is root again' "$(stat -c %u:%g roots/y.cap)" 0:0
	is 'and in its group' "$(sed -n 's/^Groups:[[:space:]]*//p' "/proc/$(pid_of open)/status" |
		tr -d ' ')" 1
	end open
}
if two_users; then
	vde_fails 'opens all with its own rights'
	check "files are opened with the rights of who asks" others
else
	skip "files are opened with the rights of who asks" 'only one user here'
fi

# A switch that is not root's.
strangers() {
	mkdir -m 777 nobodys
	spawn own setpriv --reuid=65534 --regid=65534 --clear-groups -- "$SWITCH" \
		-s "$T/nobodys/own" -M "$T/nobodys/own.mgmt" --mgmtmode 0666
	wait_for 5 "$TALK" "$T/nobodys/own.mgmt"
	mkdir -m 777 drop
	said=$(as 65533 "$TALK" "$T/nobodys/own.mgmt" 'plugin/add pdump\n' \
		"pdump/filename $T/drop/x.cap\\n")
	echo "$said" | grep -F '1000 Success'
	echo "$said" | grep -F 'Permission denied'
	[ ! -e drop/x.cap ]
	as 65534 "$TALK" "$T/nobodys/own.mgmt" "pdump/filename $T/drop/x.cap\\n" |
		grep -F '1000 Success'
	is owner "$(stat -c %u drop/x.cap)" 65534
	end own
}
if two_users; then
	vde_fails 'opens all with its own rights'
	check 'a switch that is not root writes for its own user only' strangers
else
	skip 'a switch that is not root writes for its own user only' 'only one user here'
fi

# A disk of 128 KiB that the switch alone sees.
disk_full() {
	mkdir small
	spawn full unshare -m sh -c 'mount -t tmpfs -o size=128k none "$1" && shift && exec "$@"' \
		sh "$T/small" "$SWITCH" -s "$T/full" -M "$T/full.mgmt"
	wait_for 5 switch_answers full
	disk=/proc/$(pid_of full)/root$T/small
	console full 'plugin/add pdump' | grep -F 1000
	console full "pdump/filename $T/small/x.cap" | grep -F 1000
	console full 'pdump/active 1' | grep -F 1000
	printf '%s\n' 'plug a b' 'send a to b size 1001 times 300' learned \
		'send b to a' 'expect a' 'done' | frames full
	is 'lines in the log' "$(grep -c "pdump: .*No space left" full.log)" 1
	ls -l "$disk"
	size=$(stat -c %s "$disk/x.cap")
	[ "$size" -gt 120000 ] || fail "$size bytes"
	records "$disk/x.cap" >lengths
	is 'whole records' "$size" "$(tcpdump -nn -e -r "$disk/x.cap" 2>/dev/null |
		sed -n 's/.* length \([0-9]*\): .*/\1/p' | awk '{ n += $1 + 16 } END { print n + 24 }')"
	is 'it has stopped' "$(status_of full 'pdump/active 0')" '1002 No such file or directory'
	# It can go on when there is room again.
	n=$(grep -c '' lengths)
	nsenter -t "$(pid_of full)" -m mount -o remount,size=1m none "$T/small"
	console full 'pdump/active 1' | grep -F 1000
	printf '%s\n' 'plug a b' 'send a to b size 999' 'expect b' 'done' | frames full
	records "$disk/x.cap" >lengths
	[ "$(grep -c '' lengths)" -gt "$n" ] || fail 'nothing more'
	is 'the next frame' "$(grep -c -x 999 lengths)" 1
	end full
	umount "$T/small" 2>/dev/null || :
}
if [ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null; then
	vde_fails 'leaves half a record, and goes on with the next'
	check 'pdump: a full disk' disk_full
else
	skip 'pdump: a full disk' 'not root'
fi

# iplog, with what a kernel sends.

# host NAME SWITCH: a network namespace with a tap on a switch, up, address
# 02:00:00:00:00:aa; run things there with "on NAME".
host() {
	netns "$1"
	spawn "$1.plug" nsenter -t "$(pid_of "$1")" -n -- \
		vde_plug2tap -s "$T/$2" tap0
	wait_for 3 on "$1" ip link show tap0
	on "$1" ip link set tap0 address 02:00:00:00:00:aa
	on "$1" ip link set tap0 up
}
# ask HOST ADDRESS: it sends something there, and there is no answer.
ask() {
	on "$1" busybox ping -c 1 -W 1 "$2" >/dev/null || :
}
says() {
	console "$1" "$2" | grep -E -- "$3"
}

# ip_talk NAME DIR: what a switch says and writes about a host that speaks IPv4, never
# ARP, and IPv6.
ip_talk() {
	console "$1" 'plugin/add iplog' >/dev/null
	for cmd in 'iplog/ipadd 10.9.0.0/16' 'iplog/ipadd fe80::/10' "iplog/logfile $T/$1.iplog"; do
		console "$1" "$cmd" | grep -F 1000
	done
	listen "$1" iplog
	host "$1.host" "$1"
	on "$1.host" ip addr add 10.9.0.2/24 dev tap0
	on "$1.host" ip neigh add 10.9.0.77 lladdr 02:00:00:00:00:77 dev tap0
	on "$1.host" ip neigh add 10.8.0.1 lladdr 02:00:00:00:00:77 dev tap0
	on "$1.host" ip addr add 10.8.0.2/24 dev tap0
	wait_for 5 says "$1" iplog/iplist 'ipv6 fe80::ff:fe00:aa port=1'
	ask "$1.host" 10.8.0.1
	ask "$1.host" 10.9.0.77
	wait_for 5 says "$1" iplog/iplist 'ipv4 10.9.0.2 port=1'
	for cmd in iplog/iplist 'iplog/ipport 1' 'iplog/ipport 2' "iplog/ipuser $(id -un)" \
		"iplog/ipuser $(id -u)" 'iplog/ipuser daemon' 'iplog/ipsearch 10.9.0.2' \
		'iplog/ipsearch fe80:0::ff:fe00:aa' 'iplog/ipsearch 10.9.0.3'; do
		echo "$cmd"
		console "$1" "$cmd" | sort
	done
	wait_for 2 grep -q 'iplog/newip ipv4' "$1.ear.log"
	grep -h iplog/newip "$1.ear.log" | sort
	sed -E 's/^[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} /DATE /' "$1.iplog" | sort
}
ip_talkers() {
	end sw
	cd cwd.sw
	switch_start sw
	cd ..
	ip_talk sw >sw.talk || { cat sw.talk; fail sw; }
	cat sw.talk
	grep -Fx 'ipv4 10.9.0.2 port=1 user=root' sw.talk
	grep -E '^3301 iplog/newip ipv4 10\.9\.0\.2 mac=02:00:00:00:00:aa port=1 vlan=0 user=root "' sw.talk
	grep -E '^DATE ipv6 fe80::ff:fe00:aa mac=02:00:00:00:00:aa port=1 vlan=0 user=root "' sw.talk
	not grep -F 10.8.0 sw.talk
	is mode "$(stat -c %a sw.iplog)" 600
	[ -s vde.path ] || return 0
	spawn vde vde_switch -s "$T/vde" -M "$T/vde.mgmt"
	wait_for 5 switch_answers vde
	ip_talk vde >vde.talk || { cat vde.talk; fail vde; }
	sed -E 's/"[^"]*"/DESCR/' sw.talk >ours
	sed -E 's/"[^"]*"/DESCR/' vde.talk >theirs
	diff -u theirs ours
	end vde.host.plug
	end vde.host
	end vde
}
if [ "$(id -un)" = root ]; then
	check 'iplog: a host that speaks IPv4 and IPv6, as VDE' ip_talkers
else
	skip 'iplog: a host that speaks IPv4 and IPv6, as VDE' 'not root'
fi

arp_talker() {
	console sw 'iplog/ipadd 10.5.0.0/16' | grep -F 1000
	on sw.host ip addr add 10.5.0.2/24 dev tap0
	# It asks with ARP, and can say nothing else.
	ask sw.host 10.5.0.9
	wait_for 3 says sw 'iplog/ipsearch 10.5.0.2' '^ipv4 10.5.0.2 port=1 user=root$'
	console sw 'vlan/create 7' | grep -F 1000
	console sw 'port/setvlan 1 7' | grep -F 1000
	on sw.host ip addr add 10.5.7.2/24 dev tap0
	ask sw.host 10.5.7.9
	wait_for 3 grep -E '^3301 iplog/newip ipv4 10.5.7.2 .* port=1 vlan=7 ' sw.ear.log
	console sw 'port/setvlan 1 0' | grep -F 1000
}
if [ "$(id -un)" = root ]; then
	vde_fails 'does not read ARP'
	check 'iplog: ARP, and a VLAN' arp_talker
else
	skip 'iplog: ARP, and a VLAN' 'not root'
fi

hangup() {
	mv sw.iplog old.iplog
	kill -HUP "$(pid_of sw)"
	wait_for 2 grep -q 'SIGHUP: opening file' sw.iplog
	is 'the old one' "$(tail -n 1 old.iplog | sed 's/.*SIGHUP/SIGHUP/')" 'SIGHUP: closing file'
	on sw.host ip addr add 10.5.1.2/24 dev tap0
	ask sw.host 10.5.1.9
	wait_for 3 grep -q 'ipv4 10.5.1.2 ' sw.iplog
	not grep 10.5.1.2 old.iplog
}
if [ "$(id -un)" = root ]; then
	vde_fails 'does not read ARP'
	check 'iplog: SIGHUP opens the file again' hangup
else
	skip 'iplog: SIGHUP opens the file again' 'not root'
fi

# 700 addresses at once: the table has them, the log has 500 and no more.
many() {
	on sw.host ip link set tap0 down
	on sw.host sh -c 'echo 1 >/proc/sys/net/ipv4/conf/tap0/arp_notify'
	i=0
	while [ $i -lt 700 ]; do
		echo "addr add 10.5.$((100 + i / 250)).$((i % 250 + 1))/32 dev tap0"
		i=$((i + 1))
	done >batch
	on sw.host ip -batch batch
	sleep 5.1
	: >sw.iplog
	on sw.host ip link set tap0 up
	wait_for 5 many_known
	lines=$(grep -c 10.5.10 sw.iplog)
	[ "$lines" -le 500 ] || fail "$lines lines"
	[ "$lines" -gt 300 ] || fail "$lines lines only"
}
many_known() {
	[ "$(console sw iplog/iplist | grep -c ' 10\.5\.10')" -eq 700 ]
}
if [ "$(id -un)" = root ]; then
	vde_fails 'does not read ARP'
	check 'iplog: 700 addresses at once' many
else
	skip 'iplog: 700 addresses at once' 'not root'
fi

forgets() {
	says sw 'iplog/ipport 1' ipv4
	end sw.host.plug
	wait_for 3 port_1_is_empty
	says sw 'iplog/ipport 1' '^1000 '
	not says sw iplog/iplist '^ipv'
}
port_1_is_empty() {
	console sw port/print | grep -q '^1000' && not says sw port/print 'Port 0001'
}
unload_iplog() {
	console sw 'plugin/del iplog' | grep -F 1000
	wait_for 2 says sw plugin/list '^1002 '
	console sw 'plugin/add iplog' | grep -F 1000
	is ranges "$(said_by sw iplog/list | grep -c ipv)" 0
	said_by sw iplog/showinfo | grep -Fx 'log disabled'
}
if [ "$(id -un)" = root ]; then
	vde_fails 'does not read ARP'
	check 'iplog: who unplugs is forgotten' forgets
	vde_fails 'crashes'
	check 'iplog: unloaded with a file open and a listener' unload_iplog
	end sw.host
else
	skip 'iplog: who unplugs is forgotten' 'not root'
	skip 'iplog: unloaded with a file open and a listener' 'not root'
fi

ends_well() {
	for plugin in dump pdump iplog; do
		console sw "plugin/add $plugin" >/dev/null
	done
	console sw "pdump/filename $T/end.cap" | grep -F 1000
	console sw 'pdump/buffered 1' | grep -F 1000
	console sw 'pdump/active 1' | grep -F 1000
	console sw 'dump/active 1' | grep -F 1000
	talk_a_while sw
	end sw
	is 'exit status' "$(exit_status sw)" 0
	is 'what was buffered' "$(records end.cap | grep -c '')" 22
}
vde_fails 'each frame several times'
check 'the end of the switch is the end of its files' ends_well

done_testing
