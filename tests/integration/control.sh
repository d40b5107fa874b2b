# SPDX-License-Identifier: BSD-2-Clause
# control.sh - The control socket, as programs see it, and its client lanbox switch
. "${top_srcdir:?}/tests/integration/lib.sh"

requires socat
is_vde_switch && skip_all 'vde_switch has no control socket'
LANBOX=${LANBOX:-$top_builddir/lanbox}
cd "$T" || exit 99

# Speaking.

# control NAME LINE...: say these lines on the control socket; what is answered, a
# line each, without the greeting and the first answer.
control() {
	lib_sw=$1
	shift
	printf '%s\n' '{"execute": "qmp_capabilities"}' "$@" |
		socat -t5 - "unix:$T/$lib_sw/control" | tr -d '\r' | tail -n +3
}

# run NAME COMMAND [ARGUMENTS]: the same for one command; its answer.
run() {
	control "$1" "$(printf '%s' "{\"execute\": \"$2\", \"arguments\": {${3:-}}}" | tr '\n' ' ')"
}

ok() {
	run "$@" >answer
	grep '^{"return":' answer >/dev/null || fail "$* -> $(cat answer)"
}

# wrong NAME COMMAND ARGUMENTS TEXT: the command is refused, for this reason.
wrong() {
	run "$1" "$2" "$3" >answer
	grep -F '{"error":{"class":"GenericError","desc":"' answer >/dev/null &&
		grep -F "$4" answer >/dev/null || fail "$2 $3 -> $(cat answer), not $4"
}

# number KEY <JSON: the sum of all numbers by this name.
number() {
	grep -o "\"$1\":[0-9]*" | cut -d : -f 2 | awk '{ n += $1 } END { printf "%.0f\n", n }'
}

# drops <JSON: the sum of all drops.
drops() {
	grep -o '"drops":{[^}]*}' | grep -o ':[0-9][0-9]*' |
		awk '{ n += substr($1, 2) } END { printf "%.0f\n", n }'
}

lanbox() {
	"$LANBOX" switch -s "$T/sw" "$@"
}

# status N ARGUMENT...: lanbox switch ends with this status, words in out and err.
status() {
	lib_wanted=$1
	shift
	lib_got=0
	lanbox "$@" >out 2>err </dev/null || lib_got=$?
	is "status of $*, which said '$(cat err)'" "$lib_got" "$lib_wanted"
}

# refused WORDS ARGUMENT...: by the switch, in these words.
refused() {
	lib_words=$1
	shift
	status 1 "$@"
	grep -F "$lib_words" err || fail "$* -> $(cat err)"
}

switch_start sw -n 16
spawn plugs "$FRAMECHECK" "vde://$T/sw"
say plugs 'plug a b\nplug c at vde://'"$T"'/sw[7]\nsend a to b\nexpect b c\n'
say plugs 'send b to a size 1000\nexpect a\n'
wait_for 3 grep -q . plugs.pid
wait_for 3 sh -c "'$LANBOX' switch -s '$T/sw' fdb | grep -q 00:0b"

# Programs: what they see.

form() {
	printf '%s\n' '{"execute": "query-taps"}' '{"execute": "qmp_capabilities", "id": [1]}' |
		socat -t5 - "unix:$T/sw/control" | tr -d '\r' >answer
	sed -n 1p answer | grep '^{"QMP":{"version":{"qemu":{"major":0,'
	sed -n 2p answer | grep '"class":"CommandNotFound"'
	is 'third line' "$(sed -n 3p answer)" '{"return":{},"id":[1]}'
	is 'no command' "$(run sw nonsense)" \
		'{"error":{"class":"CommandNotFound","desc":"The command nonsense has not been found"}}'
	# The message is cut short in the midst of a character.
	run sw "$(printf '%0300d' 0 | sed 's/0/é/g')" |
		grep '"CommandNotFound","desc":"The command é*'"$(printf '\357\277\275')"'"}}$'
}
check 'greeting, negotiation, ids, errors' form

query_switch() {
	run sw query-switch >answer
	for part in '"version":"' "\"pid\":$(pid_of sw)," "\"dir\":\"$T/sw\"" '"mac":"00:ff:' \
		'"uptime":' "\"mgmt\":\"$T/sw.mgmt\"" '"hub":false' '"numports":16' \
		'"active-ports":3' '"hashsize":128' '"ageing":100' '"ageing-interval":2' \
		'"min-stay":0' '"vlan-mode":"auto"' '"vlan-aware":false' '"drops":{}'; do
		grep -F "$part" answer || fail "no $part in $(cat answer)"
	done
	run sw query-ports >ports
	for key in rx-frames rx-bytes tx-frames tx-bytes; do
		is "$key of all ports" "$(number $key <answer)" "$(number $key <ports)"
		[ "$(number $key <answer)" -gt 0 ]
	done
}
check 'query-switch' query_switch

query_ports() {
	run sw query-ports '"port": 7' >answer
	is ports "$(grep -o '"port":[0-9]*' answer)" '"port":7'
	for part in '"active":true,"name":null,"allocatable":true,"user":null,"group":null' \
		'"untagged-vlan":0,"tagged-vlans":[]' '"module":"unix prog"' \
		"\"uid\":$(id -u)," '"queued":0' '"description":"framecheck'; do
		grep -F "$part" answer || fail "no $part in $(cat answer)"
	done
	is 'all ports' "$(run sw query-ports | grep -o '{"port":[0-9]*' | tr -d '\n')" \
		'{"port":1{"port":2{"port":7'
	wrong sw query-ports '"port": 8' 'there is no port 8'
}
check 'query-ports' query_ports

query_fdb() {
	run sw query-fdb >answer
	grep -F '{"address":"02:00:00:00:00:0a","vlan":0,"port":1,"age":0' answer ||
		grep -F '{"address":"02:00:00:00:00:0a","vlan":0,"port":1,"age":' answer
	grep -F '"more":false' answer
	run sw query-fdb '"port": 2' >answer
	grep -F 00:0b answer
	not grep -F 00:0a answer
	run sw query-fdb '"address": "02-00-00-00-00-0A"' >answer
	is entries "$(grep -o '"address"' answer | wc -l)" 1
	run sw query-fdb '"limit": 1' >answer
	is entries "$(grep -o '"address"' answer | wc -l)" 1
	grep -F '"more":true' answer
	run sw query-fdb '"vlan": 9' >answer
	is 'another VLAN' "$(cat answer)" '{"return":{"entries":[],"more":false}}'
}
check 'query-fdb, its filters and its limit' query_fdb

query_lists() {
	is taps "$(run sw query-taps)" '{"return":[]}'
	is vlans "$(run sw query-vlans)" \
		'{"return":[{"vlan":0,"untagged-ports":[1,2,7],"tagged-ports":[]}]}'
	run sw query-commands >answer
	[ "$(grep -o '{"name":"[^"]*"}' answer | wc -l)" -gt 20 ]
	run sw query-events >answer
	grep -F '{"name":"FDB_ADDED","description":"' answer
}
check 'query-taps, query-vlans, query-commands, query-events' query_lists

# Programs: what they change.

ports_change() {
	is 'the first free' "$(run sw port-create)" '{"return":{"port":3}}'
	is 'a number' "$(run sw port-create '"port": 9')" '{"return":{"port":9}}'
	wrong sw port-create '"port": 9' 'port 9: there is one already'
	ok sw vlan-create '"vlan": 10'
	ok sw port-set '"port": 9, "vlan": 10, "user": "root", "group": 1, "allocatable": true,
		"name": "web"'
	run sw query-ports '"port": 9' >answer
	grep -F '"name":"web","allocatable":true,"user":{"id":0,"name":"root"},"group":{"id":1,' answer
	grep -F '"untagged-vlan":10' answer
	[ -S sw/web ]
	wrong sw port-remove '"port": 9' 'port 9: it is in use'
	wrong sw port-set '"port": 3, "name": "web"' "name 'web': there is one already"
	ok sw port-set '"port": 9, "name": "web"'
	ok sw port-set '"port": 9, "vlan": null, "user": null, "group": null, "name": null'
	[ ! -e sw/web ]
	run sw query-ports '"port": 9' >answer
	grep -F '"active":false,"name":null,"allocatable":true,"user":null,"group":null,"untagged-vlan":null' answer
	ok sw port-remove '"port": 9'
	ok sw port-remove '"port": 3'
	wrong sw port-remove '"port": 3' 'there is no port 3'
	wrong sw port-remove '"port": 1' 'port 1: it is in use'
	ok sw vlan-remove '"vlan": 10'
}
check 'port-create, port-set, port-remove' ports_change

# Each of the bad ones comes with a good one, which must not come true.
all_or_nothing() {
	ok sw port-create '"port": 5'
	run sw query-ports '"port": 5' >before
	for bad in '"vlan": 77' '"vlan": 4095' '"vlan": "1"' '"user": "no such user"' \
		'"user": -1' '"user": true' '"group": "no such group"' '"group": []' \
		'"tag-type": "802.1x"' '"tag-type": 1' \
		'"mcast-router": "maybe"' '"mcast-fast-leave": 1' '"storm-unknown": -1' \
		'"isolation": "4095"' '"ethertypes": "ip"' '"violation": "maybe"' \
		'"rate-in": "10X"' '"rate-out": -1' '"burst-in": 5' '"sticky": 1' \
		'"shut": "yes"' '"max-addresses": -1' \
		'"name": "ctl"' '"name": "a/b"' '"name": 5' '"name": ""'; do
		wrong sw port-set "\"port\": 5, \"allocatable\": true, $bad" \
			"$(echo "$bad" | sed 's/"vlan": 77/VLAN 77/; s/"\([a-z-]*\)".*/'"'\1'/")"
	done
	wrong sw port-set '"port": 5, "user": 5, "allocatable": 1' "'allocatable' must be"
	run sw query-ports '"port": 5' >after
	cmp before after
	ok sw port-remove '"port": 5'

	run sw query-switch | sed 's/"uptime":[0-9]*//' >before
	wrong sw set-switch '"hub": true, "ageing": 7, "numports": 6' 'there are ports above 6'
	wrong sw set-switch '"hub": true, "ageing": 7, "min-stay": -1' "'min-stay' must be"
	wrong sw set-switch '"ageing": 7, "vlan-learning": "much"' "'vlan-learning' must be"
	wrong sw set-switch '"ageing": 7, "reserved": 65536' "'reserved' must be"
	wrong sw set-switch '"ageing": 7, "reserved": 1, "mcast-interval": 0' \
		"'mcast-interval' must be"
	run sw query-switch | sed 's/"uptime":[0-9]*//' >after
	cmp before after
}
check 'port-set and set-switch change all or nothing' all_or_nothing

bridges_settings() {
	ok sw set-switch '"reserved": 16384, "mcast-querier": true, "mcast-interval": 30'
	run sw query-switch | grep -F '"reserved":16384'
	run sw query-mcast | grep -F '"snooping":false,"querier":true,"interval":30'
	ok sw set-switch '"reserved": 65533, "mcast-querier": false, "mcast-interval": 125'
	ok sw port-create '"port": 5'
	ok sw port-set '"port": 5, "mcast-router": "never", "mcast-fast-leave": true,
		"storm-broadcast": 100, "storm-unknown": 7'
	run sw query-ports '"port": 5' >answer
	grep -F '"storm-broadcast":100,"storm-multicast":0,"storm-unknown":7' answer
	grep -F '"mcast-fast-leave":true,"mcast-router":"never"' answer
	ok sw mcast-add '"group": "239.1.1.1", "port": 5'
	ok sw mcast-add '"group": "ff15::1", "port": 5, "vlan": 9'
	wrong sw mcast-add '"group": "239.1.1.1", "port": 5' 'there is one already'
	wrong sw mcast-add '"group": "224.0.0.1", "port": 5' 'goes to all ports'
	wrong sw mcast-add '"group": "239.1.1", "port": 5' "'group' must be an IP address"
	wrong sw mcast-add '"group": "239.1.1.1", "port": 6' 'there is no port 6'
	run sw query-mcast '"vlan": 9' |
		grep -F '"groups":[{"vlan":9,"port":5,"expires":null,"group":"ff15::1"}]'
	ok sw mcast-remove '"group": "ff15::1", "port": 5, "vlan": 9'
	wrong sw mcast-remove '"group": "ff15::1", "port": 5, "vlan": 9' 'there is none'
	# The port's settings go with it.
	ok sw port-remove '"port": 5'
	run sw query-mcast | grep -F '"groups":[],'
	ok sw port-create '"port": 5'
	run sw query-ports '"port": 5' >answer
	grep -F '"storm-broadcast":0,' answer
	grep -F '"mcast-fast-leave":false,"mcast-router":"auto"' answer
	ok sw port-remove '"port": 5'
}
check 'reserved addresses, multicast, storm control' bridges_settings

tags_change() {
	ok sw port-create '"port": 5'
	ok sw vlan-create '"vlan": 21'
	ok sw port-set '"port": 5, "tag-type": "802.1ad"'
	run sw query-ports '"port": 5' | grep -F '"tag-type":"802.1ad"'
	ok sw vlan-add-port '"vlan": 21, "port": 5'
	wrong sw port-set '"port": 5, "name": "edge", "tag-type": "none"' 'tagged member of VLANs'
	run sw query-ports '"port": 5' | grep -F '"name":null'
	ok sw vlan-remove-port '"vlan": 21, "port": 5'
	ok sw port-set '"port": 5, "tag-type": "none"'
	wrong sw vlan-add-port '"vlan": 21, "port": 5' 'takes nothing for a tag'
	console sw port/print 5 | grep 1000
	console sw 'vlan/settag 5 802.1q' | grep 1000
	run sw query-ports '"port": 5' | grep -F '"tag-type":"802.1q"'
	not sh -c "$TALK $T/sw.mgmt 'vlan/settag 5 802.1x\n' | grep 1000"
	ok sw set-switch '"vlan-learning": "shared"'
	run sw query-switch | grep -F '"vlan-learning":"shared"'
	console sw 'vlan/setlearning independent' | grep 1000
	run sw query-switch | grep -F '"vlan-learning":"independent"'
	ok sw vlan-remove '"vlan": 21'
	ok sw port-remove '"port": 5'
}
check 'types of tags, shared learning' tags_change

vlans_change() {
	ok sw vlan-create '"vlan": 20'
	wrong sw vlan-create '"vlan": 20' 'VLAN 20: there is one already'
	ok sw vlan-add-port '"vlan": 20, "port": 7'
	is vlans "$(run sw query-vlans '"vlan": 20')" \
		'{"return":[{"vlan":20,"untagged-ports":[],"tagged-ports":[7]}]}'
	run sw query-ports '"port": 7' | grep -F '"tagged-vlans":[20]'
	wrong sw vlan-remove '"vlan": 20' 'VLAN 20: it is in use'
	ok sw vlan-remove-port '"vlan": 20, "port": 7'
	wrong sw vlan-remove-port '"vlan": 20, "port": 7' 'not a tagged member of VLAN 20'
	wrong sw vlan-remove-port '"vlan": 0, "port": 7' 'an untagged member of VLAN 0'
	wrong sw vlan-add-port '"vlan": 21, "port": 7' 'there is no VLAN 21'
	ok sw vlan-remove '"vlan": 20'
	wrong sw vlan-remove '"vlan": 20' 'VLAN 20: there is none'
	wrong sw query-vlans '"vlan": 20' 'there is no VLAN 20'
}
check 'vlan-create, vlan-add-port, vlan-remove-port, vlan-remove' vlans_change

switch_changes() {
	ok sw set-switch '"hub": true, "hashsize": 1000, "numports": 20, "ageing": 55,
		"ageing-interval": 3, "min-stay": 4'
	run sw query-switch >answer
	for part in '"hub":true' '"hashsize":1024' '"numports":20' '"ageing":55' \
		'"ageing-interval":3' '"min-stay":4'; do
		grep -F "$part" answer || fail "no $part in $(cat answer)"
	done
	ok sw set-switch '"hub": false, "min-stay": 0'
	run sw query-switch >answer
	grep -F '"hub":false' answer
	grep -F '"ageing":55' answer
}
check 'set-switch' switch_changes

flushes() {
	say plugs 'send a to b\nlearned\nsend b to a\nlearned\n'
	wait_for 3 eval 'run sw query-fdb "\"port\": 1" | grep 00:0a &&
		run sw query-fdb "\"port\": 2" | grep 00:0b'
	ok sw fdb-flush '"port": 1'
	is 'of port 1' "$(run sw query-fdb '"port": 1')" '{"return":{"entries":[],"more":false}}'
	run sw query-fdb | grep 00:0b
	ok sw fdb-flush
	is all "$(run sw query-fdb)" '{"return":{"entries":[],"more":false}}'
	wrong sw fdb-flush '"port": 8' 'there is no port 8'
}
check 'fdb-flush' flushes

resets() {
	ok sw port-reset-counters '"port": 1'
	is 'port 1' "$(run sw query-ports '"port": 1' | number rx-frames)" 0
	[ "$(run sw query-ports '"port": 2' | number rx-frames)" -gt 0 ]
	ok sw port-reset-counters
	is all "$(run sw query-switch | number rx-frames)" 0
}
check 'port-reset-counters' resets

closes() {
	say plugs 'unplug c\n'
	spawn other "$FRAMECHECK" "vde://$T/sw"
	say other 'plug c at vde://'"$T"'/sw[7]\n'
	wait_for 3 eval 'lanbox console port/print 7 | grep " ACTIVE"'
	id=$(run sw query-ports '"port": 7' | grep -o '"id":[0-9]*' | cut -d : -f 2)
	wrong sw endpoint-close '"port": 7, "id": 9999' 'endpoint 9999 of port 7: there is none'
	ok sw endpoint-close "\"port\": 7, \"id\": $id"
	run sw query-ports '"port": 7' | grep -F '"active":false'
	end other
}
check 'endpoint-close' closes

console_lines() {
	ok sw console '"line": "  port/showinfo"'
	is reply "$(cat answer)" "{\"return\":{\"status\":0,\"text\":\"0000 DATA END WITH '.'\\nNumports=20\\nHUB=false\\ncounters=true\\n.\\n1000 Success\\n\"}}"
	ok sw console '"line": "nonsense"'
	grep -F '"status":38,"text":"1038 Function not implemented' answer
	is comment "$(run sw console '"line": "# nothing"')" '{"return":{"status":0,"text":""}}'
	wrong sw console '"line": "shutdown"' "'quit' ends the switch"
	wrong sw console '"line": " logout now"' "'quit' ends the switch"
	wrong sw console '"line": "showinfo\nshutdown"' "'line' must be one line"
	wrong sw console "\"line\": \"$(printf '%5000s' x)\"" "'line' must have less than"
	is_running sw
}
check 'console' console_lines

# Arguments.

wrong_arguments() {
	run sw query-commands | grep -o '"name":"[^"]*"' | cut -d '"' -f 4 >commands
	[ -s commands ]
	while read -r command; do
		wrong sw "$command" '"nonsense": 1' "there is no argument 'nonsense'"
	done <commands
	while read -r command missing; do
		wrong sw "$command" '' "argument '$missing' is missing"
	done <<-END
		port-remove port
		port-set port
		endpoint-close port
		vlan-create vlan
		vlan-remove vlan
		vlan-add-port vlan
		vlan-remove-port vlan
		tap-add name
		tap-remove name
		capture-stop capture
		console line
	END
	wrong sw endpoint-close '"port": 1' "argument 'id' is missing"
	wrong sw vlan-add-port '"vlan": 1' "argument 'port' is missing"
	is arguments "$(control sw '{"execute": "query-taps", "arguments": [1]}')" \
		'{"error":{"class":"GenericError","desc":"QMP input member '"'arguments'"' must be an object"}}'
}
check 'unknown and missing arguments are named' wrong_arguments

# What no number is, or none in the range; and what neither a text nor a truth value is.
wrong_values() {
	for value in -1 21 4294967296 1e1 1.0 '"1"' true null '[]' '{}' 99999999999999999; do
		for call in query-ports query-fdb port-create port-remove port-reset-counters \
			capture-start fdb-flush; do
			wrong sw $call "\"port\": $value" "'port' must be a number from"
		done
		wrong sw tap-add "\"name\": \"x\", \"port\": $value" "'port' must be"
		wrong sw port-set "\"port\": $value" "'port' must be"
		wrong sw vlan-add-port "\"port\": $value, \"vlan\": 0" "'port' must be"
		wrong sw vlan-remove-port "\"port\": $value, \"vlan\": 0" "'port' must be"
		wrong sw endpoint-close "\"port\": $value, \"id\": 0" "'port' must be"
	done
	for value in -1 4095 '"1"' false null; do
		for call in query-fdb query-vlans vlan-create vlan-remove; do
			wrong sw $call "\"vlan\": $value" "'vlan' must be a number from"
		done
		wrong sw vlan-add-port "\"port\": 1, \"vlan\": $value" "'vlan' must be"
		wrong sw vlan-remove-port "\"port\": 1, \"vlan\": $value" "'vlan' must be"
	done
	wrong sw port-create '"port": 0' "'port' must be a number from 1 to"
	wrong sw vlan-create '"vlan": 0' "'vlan' must be a number from 1 to"
	wrong sw query-fdb '"limit": 0' "'limit' must be a number from 1 to"
	wrong sw query-fdb '"address": "02:00"' "'address' must be a MAC"
	wrong sw query-fdb '"address": 5' "'address' must be a text"
	wrong sw endpoint-close '"port": 1, "id": -5' "'id' must be"
	wrong sw capture-stop '"capture": "x"' "'capture' must be"
	wrong sw capture-stop '"capture": 77' "'capture' must be"
	wrong sw console '"line": 5' "'line' must be a text"
	wrong sw tap-add '"name": 5' "'name' must be a text"
	wrong sw tap-add '"name": "fd=0"' "'name' must be the name of an interface"
	wrong sw tap-add '"name": "a/b"' "tap interface 'a/b': Invalid argument"
	wrong sw tap-remove '"name": "none"' "there is no tap interface 'none'"
	wrong sw tap-remove '"name": {}' "'name' must be a text"
	wrong sw subscribe '"events": "HANGUP"' "'events' must be a list"
	wrong sw subscribe '"events": ["HANGUP", "NONSENSE"]' "no event 'NONSENSE'"
	wrong sw subscribe '"events": [5]' "'events'"
	for name in numports hashsize ageing ageing-interval; do
		wrong sw set-switch "\"$name\": 0" "'$name' must be a number from 1 to"
		wrong sw set-switch "\"$name\": 4294967295" "'$name' must be a number from 1 to"
		wrong sw set-switch "\"$name\": \"5\"" "'$name' must be a number from 1 to"
	done
	wrong sw set-switch '"hub": 1' "'hub' must be true or false"
}
check 'values of wrong types and ranges: the argument is named' wrong_values

# Events.

# seen KIND PATTERN [N]: so many events of this kind have come, by default one.
seen() {
	lib_n=$(grep -F "{\"event\":\"$1\"," events.log | grep -c "$2")
	[ "$lib_n" -eq "${3:-1}" ] || fail "$1 $2: $lib_n times"
}

events() {
	spawn events "$LANBOX" switch -s "$T/sw" --json watch
	spawn few "$LANBOX" switch -s "$T/sw" watch HANGUP PORT_ADDED
	wait_for 3 eval 'ls "/proc/$(pid_of events)/fd" | grep -q 3 && run sw query-taps | grep -q .'
	sleep 0.3
	say plugs 'plug x\nunplug x\nplug d at vde://'"$T"'/sw[12]\nsend d to nobody\nlearned\n'
	say plugs 'plug e at vde://'"$T"'/sw[13]\nsend e from d to nobody\nlearned\nunplug d\nunplug e\n'
	wait_for 3 seen PORT_REMOVED '"port":13}'
	kill -HUP "$(pid_of sw)"
	wait_for 3 seen HANGUP .
	cat events.log
	for port in 12 13; do
		seen PORT_ADDED "\"data\":{\"port\":$port}"
		seen PORT_REMOVED "\"data\":{\"port\":$port}"
		seen ENDPOINT_ADDED "\"port\":$port,\"id\":[0-9]*,\"description\":\"framecheck"
		seen PORT_DESCR "\"port\":$port,\"id\":[0-9]*,\"description\":\"framecheck"
		seen ENDPOINT_REMOVED "\"port\":$port,\"id\":[0-9]*,\"description\":\"framecheck"
	done
	seen FDB_ADDED '"address":"02:00:00:00:00:0d","vlan":0,"port":12}'
	seen FDB_MOVED '"address":"02:00:00:00:00:0d","vlan":0,"port":13}'
	seen FDB_REMOVED '"address":"02:00:00:00:00:0d","vlan":0,"port":13}'
	# They are numbered without a gap, and have times.
	grep -o '"sequence":[0-9]*' events.log | cut -d : -f 2 >numbers
	seq "$(wc -l <numbers)" | cmp - numbers
	now=$(date +%s)
	grep -o '"seconds":[0-9]*' events.log | cut -d : -f 2 |
		awk -v now="$now" '$1 < now - 60 || $1 > now + 1 { exit 1 }'
	# Who asked for some gets these.
	is 'kinds seen by the other' "$(cut -d ' ' -f 2 few.log | sort -u | tr '\n' ' ')" \
		'HANGUP PORT_ADDED '
	grep -Ex '[0-9][0-9]:[0-9][0-9]:[0-9][0-9]\.[0-9]{6} PORT_ADDED port=12' few.log
	end events
	end few
}
check 'each event comes once, in order, to those who asked for it' events

order() {
	control sw '{"execute": "subscribe", "arguments": {"events": ["PORT_ADDED"]}}' \
		'{"execute": "port-create", "arguments": {"port": 15}}' >answer
	is returned "$(sed -n 2p answer)" '{"return":{"port":15}}'
	sed -n 3p answer | grep -F '{"event":"PORT_ADDED","data":{"port":15},"timestamp":{"seconds":'
	control sw '{"execute": "subscribe"}' '{"execute": "subscribe", "arguments": {"events": []}}' \
		'{"execute": "port-remove", "arguments": {"port": 15}}' \
		'{"execute": "port-create", "arguments": {"port": 15}}' \
		'{"execute": "port-remove", "arguments": {"port": 15}}' >answer
	not grep -F '"event"' answer
}
check 'an event comes after the reply to what caused it; the last subscription counts' order

# A client that subscribes and does not read; 20000 events.
deaf() {
	rm -f go
	cat >deaf.sh <<-'END'
		{
			printf '%s\n' '{"execute": "qmp_capabilities"}' \
				'{"execute": "subscribe", "arguments": {"events": ["PORT_ADDED"]}}'
			while [ ! -e end ]; do sleep 0.1; done
		} | socat - "unix:$1" | {
			while [ ! -e go ]; do sleep 0.1; done
			cat >deaf.out
		}
	END
	: >deaf.out
	rm -f end
	spawn deaf sh deaf.sh "$T/sw/control"
	sleep 0.5
	before=$(awk '/^VmRSS/ { print $2 }' "/proc/$(pid_of sw)/status")
	seq 20000 | sed 's/.*/{"execute":"port-create","arguments":{"port":14}}\n{"execute":"port-remove","arguments":{"port":14}}/' >many
	{ echo '{"execute":"qmp_capabilities"}'; cat many; } |
		socat -t5 - "unix:$T/sw/control" >many.out
	is 'commands run' "$(grep -c '^{"return":' many.out)" 40001
	after=$(awk '/^VmRSS/ { print $2 }' "/proc/$(pid_of sw)/status")
	note "memory of the switch: $before kB, with a deaf listener $after kB"
	: >go
	wait_for 5 grep -q '"event":"EVENTS_LOST"' deaf.out
	ok sw port-create '"port": 14'
	wait_for 5 eval 'tail -n 1 deaf.out | grep "\"event\":\"PORT_ADDED\""'
	: >end
	ok sw port-remove '"port": 14'
	lost=$(grep '"event":"EVENTS_LOST"' deaf.out | number count)
	got=$(grep -c '"event":"PORT_ADDED"' deaf.out)
	note "it got $got events, lost $lost"
	is 'words of loss' "$(grep -c EVENTS_LOST deaf.out)" 1
	is 'events got and lost' $((lost + got)) 20001
	is 'the last number' "$(tail -n 1 deaf.out | number sequence)" 20002
	ended deaf
	# With ASan, what was freed is kept for a while.
	grep -q __asan_init "$SWITCH" || [ $((after - before)) -lt 4000 ]
}
check 'who does not read loses events, learns how many, and costs nobody anything' deaf

# Counters: nothing is lost without a name.

switch_start two -n 2
spawn pair "$FRAMECHECK" "vde://$T/two"
sums() {
	say pair 'plug a b\nsend a to b\nexpect b\nsend b to a size 1514 times 50\nlearned\n'
	say pair 'send a to all size 60\nexpect b\nsend a from group to b\nexpect\n'
	say pair 'send a to group size 9000\nexpect b\nsend a to a\nexpect\n'
	say pair 'ignore b\nsend a to b size 1000 times 20000\nunplug b\nunplug a\ndone\n'
	wait_for 30 test -s pair.rc
	cat pair.log
	run two query-ports >answer
	cat answer
	rx=$(number rx-frames <answer) tx=$(number tx-frames <answer) lost=$(drops <answer)
	note "in $rx, out $tx, dropped $lost: $(grep -o '"drops":{[^}]*}' answer | tr '\n' ' ')"
	[ "$rx" -gt 5000 ]
	[ "$lost" -gt 100 ]
	is 'frames in' "$rx" $((tx + lost))
	run two query-switch >answer
	is 'frames in, of the switch' "$(number rx-frames <answer)" "$rx"
	is 'drops, of the switch' "$(drops <answer)" "$lost"
}
check 'what came in went out or was dropped for a reason' sums

# Hostile clients.

still_well() {
	is_running sw
	is taps "$(run sw query-taps)" '{"return":[]}'
	wait_for 3 switch_holds sw "$1"
}

state=$(switch_at_rest sw)
garbage() {
	head -c 300000 /dev/urandom | socat -t2 - "unix:$T/sw/control" >/dev/null 2>&1 || :
	control sw '{"execute":' '[1, 2]' '"x"' 'null' '{"execute": 5}' '{}' \
		"$(printf '{"execute": "query-taps\377"}')" '{"execute": "query\u0000-taps"}' \
		'{"execute": "query-taps"} x' '{"execute": "query-taps"}' >answer
	is errors "$(grep -c '^{"error":{"class":"GenericError"' answer)" 9
	is 'and then' "$(tail -n 1 answer)" '{"return":[]}'
	still_well "$state"
}
check 'garbage' garbage

# A line with all the room there is counts; one more byte ends the connection.
huge() {
	pad=$((65536 - 26))
	{
		echo '{"execute":"qmp_capabilities"}'
		printf '{"execute":"query-taps"%*s}\n' $((pad + 1)) ''
	} | socat -t2 - "unix:$T/sw/control" | tail -n 1 >answer
	grep -F '{"return":[]}' answer
	{
		echo '{"execute":"qmp_capabilities"}'
		printf '{"execute":"query-taps"%*s}\n' $((pad + 2)) ''
	} | socat -t2 - "unix:$T/sw/control" >answer 2>/dev/null || :
	not grep -F '{"return":[]}' answer
	head -c 10000000 /dev/zero | tr '\0' ' ' | socat -t2 - "unix:$T/sw/control" >/dev/null 2>&1 || :
	still_well "$state"
}
check 'lines that are too long' huge

nested() {
	deep=$(printf '%30000s' '' | tr ' ' '[')
	control sw "$deep" "{\"id\": $deep" '{"execute": "query-taps"}' >answer
	is errors "$(grep -c '"JSON parse error' answer)" 2
	is 'and then' "$(tail -n 1 answer)" '{"return":[]}'
	some=$(printf '%2000s' '' | tr ' ' '[')$(printf '%2000s' '' | tr ' ' ']')
	control sw "{\"execute\": \"query-taps\", \"id\": $some}" '{"execute": "query-taps"}' >answer
	is 'and then' "$(tail -n 1 answer)" '{"return":[]}'
	still_well "$state"
}
check 'deep nesting' nested

# 64 are served; the others wait until there is room.
crowd() {
	mkfifo hold
	spawn keeper sh -c 'exec 9<>hold; sleep 60'
	for i in $(seq 100); do
		socat - "unix:$T/sw/control" >"crowd.$i" <hold &
		echo $! >>crowd.pids
	done
	wait_for 5 eval '[ "$(cat crowd.[0-9]* | grep -c QMP)" -eq 64 ]'
	run sw query-taps >late &
	late=$!
	sleep 0.3
	[ ! -s late ]
	"$TALK" "$T/sw.mgmt" 'showinfo\n' | grep -q '^1000 Success'
	xargs kill <crowd.pids
	wait $late
	end keeper
	is 'after the crowd' "$(cat late)" '{"return":[]}'
	still_well "$state"
}
check 'a hundred connections' crowd

gone() {
	# Leaves in the middle of a line, and before its replies.
	for text in '{"execute": "query-' '{"execute": "qmp_capabilities"}
{"execute": "subscribe"}
{"execute": "query-ports"}
'; do
		for i in 1 2 3 4 5 6 7 8; do
			printf '%s' "$text" | socat -u - "unix:$T/sw/control"
		done
	done
	still_well "$state"
}
check 'clients that are gone too early' gone

# People.

shows() {
	status 0 show
	grep -Ex "switch     $T/sw" out
	grep -Ex 'ports      2 active of 20' out
	grep -E '^received   [0-9,]+ frames, [0-9.]+ k?B$' out
	status 0 ports
	sed -n 1p out | grep -Ex 'PORT  STATE     NAME  VLAN  TAGGED  FRAMES IN  FRAMES OUT  DROPPED  PLUGGED IN'
	grep -E '^   1  active    -        0  -  .* framecheck' out
	grep -E '^   7  inactive  -        0  -  .* -$' out
	status 0 ports 1
	grep -Ex 'port           1, active' out
	grep -E 'unix prog +[0-9]+ +0  -      framecheck' out
	refused 'there is no port 8' ports 8
	status 0 --json ports 1
	is json "$(cat out)" "$(run sw query-ports '"port": 1' | sed 's/^{"return"://; s/}$//')"
	status 0 stats
	grep -E '^   1 +[0-9,]+ +[0-9.]+ k?B ' out
	refused 'must be a MAC address' fdb zz
	say plugs 'send a to b\nlearned\n'
	wait_for 3 eval 'lanbox fdb | grep -Ex "02:00:00:00:00:0a     0     1 +[0-9]+  dynamic"'
	status 0 fdb --port 1 --vlan 0 02:00:00:00:00:0a
	is lines "$(wc -l <out)" 2
	status 0 fdb --port 2 02:00:00:00:00:0a
	is lines "$(wc -l <out)" 1
	status 0 flush 1
	status 0 fdb --port 1 --json
	is json "$(cat out)" '{"entries":[],"more":false}'
	status 0 flush
}
check 'lanbox switch: show, ports, stats, fdb, flush' shows

changes() {
	status 0 vlan create 30
	refused 'VLAN 30: there is one already' vlan create 30
	status 0 port create 6
	is made "$(cat out)" 6
	refused 'port 6: there is one already' port create 6
	status 0 port set 6 vlan=30 user=root group=none allocatable=yes name=six
	status 0 ports 6
	grep -Ex 'user           root \(0\)' out
	grep -Ex 'group          anybody' out
	grep -Ex 'name           six' out
	grep -Ex 'untagged VLAN  30' out
	status 0 vlan add 30 1
	status 0 vlan add 30 2
	status 0 vlan
	cat out
	grep -Ex '  30  6 +1-2' out
	status 0 vlan del 30 1
	status 0 vlan list 30 --json
	is json "$(cat out)" '[{"vlan":30,"untagged-ports":[6],"tagged-ports":[2]}]'
	refused 'not a tagged member' vlan del 30 1
	refused 'VLAN 30: it is in use' vlan remove 30
	status 0 vlan del 30 2
	status 0 port set 6 vlan=none user=none name=none
	status 0 port remove 6
	refused 'there is no port 6' port remove 6
	status 0 vlan remove 30
	status 0 port reset 1
	status 0 port reset
	refused 'endpoint 9999 of port 1: there is none' port close 1 9999
	status 0 set hub=on ageing=77
	run sw query-switch | grep -F '"hub":true' | grep -F '"ageing":77'
	status 0 set hub=off
	refused "'numports': there are ports above 1" set numports=1
	status 0 tap
	is taps "$(cat out)" 'TAP  PORT  STATE'
	refused "tap interface 'a/b'" tap add a/b
	refused "there is no tap interface 'none'" tap del none
}
check 'lanbox switch: vlan, port, tap, set' changes

console_words() {
	status 0 console port/showinfo
	is data "$(cat out)" 'Numports=20
HUB=false
counters=true'
	refused 'port/print 19: No such device or address' console port/print 19
	refused "'quit' ends the switch" console shutdown
	status 0 console --json hash/print 
	is json "$(cat out)" "{\"status\":0,\"text\":\"0000 DATA END WITH '.'\\n.\\n1000 Success\\n\"}"
}
check 'lanbox switch: console' console_words

usage() {
	while IFS='|' read -r words why; do
		# shellcheck disable=SC2086 # words
		status 2 $words
		grep -F -e "$why" err || fail "$words -> $(cat err)"
		[ ! -s out ]
	done <<-END
		|a subcommand is missing
		bogus|no subcommand 'bogus'
		port|no subcommand 'port'
		vlan bogus|no subcommand 'vlan bogus'
		vlan create|VLAN is missing
		vlan create x|'x' should be VLAN
		vlan add 1|PORT is missing
		show 1|what is '1'?
		ports x|'x' should be PORT
		ports 1 2|what is '2'?
		ports -i 1|ports has no option -i
		stats -i 0|--interval '0'
		stats --port 1|stats has no option --port
		fdb --vlan x|--vlan 'x'
		fdb --port|requires an argument
		port set 1|nothing to set
		port set vlan=1|PORT is missing
		port set 1 vlan=x|'x' should be VLAN
		port set 1 allocatable=x|'x' should be yes|no
		port set 1 user=|'' should be USER
		port set 1 bogus=1|what is 'bogus=1'?
		set|nothing to set
		set hub=x|'x' should be on|off
		set ageing=-1|'-1' should be SECONDS
		tap add|NAME is missing
		console|LINE... is missing
		--bogus|unrecognized option
	END
	words=$(printf '\377')
	status 2 watch "$words"
	grep -F "'\\xff' is no text" err
}
check 'lanbox switch: wrong usage is told from what the switch refuses' usage

absent() {
	mkdir none vde
	for dir in "$T/none" "$T/no such dir"; do
		got=0
		"$LANBOX" switch -s "$dir" show >out 2>err || got=$?
		is status $got 3
		grep -F "no switch at '$dir/control': No such file or directory (" err
	done
	got=0
	socat unix-listen:vde/control exec:'echo nonsense' &
	wait_for 2 test -S vde/control
	"$LANBOX" switch -s "$T/vde" show >out 2>err || got=$?
	is status $got 3
	grep -F 'this is no control socket' err
}
check 'lanbox switch: no switch there' absent

# Each subcommand of the help has an example, which is a command line of the right form.
examples() {
	lanbox -h >out
	sed -n 's/^        \$ lanbox switch //p' out | grep -v -E '^(shutdown|watch|stats -i)' >examples
	[ "$(wc -l <examples)" -gt 15 ]
	is examples "$(grep -c '^        \$ lanbox switch ' out)" "$(grep -c '^[a-z]' out)"
	while read -r line; do
		got=0
		# shellcheck disable=SC2086 # words
		lanbox $line >/dev/null 2>err </dev/null || got=$?
		[ $got -le 1 ] || fail "$line -> $got $(cat err)"
	done <examples
}
check 'lanbox switch: the examples of the help text' examples

# A peer cannot drive the terminal, nor break the table.
escapes() {
	run sw console '"line": "port/create 18"' >/dev/null
	{ lanbox ports; lanbox ports 1; lanbox show; } >all 2>&1
	is 'other bytes' "$(tr -d '[:print:]\n' <all | wc -c)" 0
}
check 'lanbox switch: nothing but ASCII' escapes

ends() {
	spawn watcher "$LANBOX" switch -s "$T/sw" watch
	spawn rates "$LANBOX" switch -s "$T/sw" stats -i 1
	wait_for 4 grep -q 'each second' rates.log
	grep -E '^   1 +[0-9,]+ +[0-9.]+ k?B ' rates.log
	status 0 shutdown
	ended sw
	is switch "$(exit_status sw)" 0
	ended watcher
	is watcher "$(exit_status watcher)" 3
	grep -F "switch '$T/sw' has ended" watcher.log
	ended rates
	is rates "$(exit_status rates)" 3
	status 3 show
}
check 'lanbox switch: shutdown, and what watches it' ends

done_testing
