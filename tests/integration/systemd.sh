# SPDX-License-Identifier: BSD-2-Clause
# systemd.sh - Under systemd: readiness, sockets that it opened, the unit
. "${top_srcdir:?}/tests/integration/lib.sh"

cd "$T" || exit 99
is_vde_switch && skip_all 'vde_switch knows nothing of systemd'
for program in socat systemd-socket-activate systemd-analyze; do
	command -v $program >/dev/null || skip_all "no $program here"
done

# READY=1 comes when everything is there, and not before.
ready() {
	spawn notify socat -u UNIX-RECV:"$T/notify.sock" CREATE:"$T/notify.out"
	wait_for 2 [ -S notify.sock ]
	NOTIFY_SOCKET=$T/notify.sock
	export NOTIFY_SOCKET
	switch_start sw -M "$T/sw.mgmt"
	wait_for 2 grep READY=1 notify.out
	[ -S sw/ctl ] && [ -S sw.mgmt ] && [ -S sw/control ]
	end sw
	wait_for 2 grep STOPPING=1 notify.out
	end notify
}
check 'READY=1 when it runs, STOPPING=1 when it ends' ready

failed() {
	spawn notify2 socat -u UNIX-RECV:"$T/notify2.sock" CREATE:"$T/notify2.out"
	wait_for 2 [ -S notify2.sock ]
	NOTIFY_SOCKET=$T/notify2.sock "$SWITCH" --nostdin -s "$T/no/such/dir" 2>err &&
		fail 'it runs'
	sleep 0.2
	[ ! -s notify2.out ] || fail "told: $(cat notify2.out)"
	end notify2
}
check 'and nothing when it cannot' failed

# systemd-socket-activate listens, and starts the switch for the first client.
activated() {
	mkdir act
	spawn act systemd-socket-activate -l "$T/act/ctl" -l "$T/act.mgmt" \
		"$SWITCH" --nostdin -s "$T/act" -M "$T/act.mgmt"
	wait_for 3 [ -S act/ctl ]
	before=$(stat -c '%i' act/ctl act.mgmt)
	"$RAWVDE" "$T/act" connect bind v3 send reply dconnect io
	"$TALK" "$T/act.mgmt" 'showinfo\n' | grep -F "ctl dir $T/act" ||
		"$TALK" "$T/act.mgmt" 'ds/showinfo\n' | grep -F "ctl dir $T/act"
	is 'the sockets' "$(stat -c '%i' act/ctl act.mgmt)" "$before"
	[ -S act/control ] || fail 'no socket of its own'
	end act
	[ -S act/ctl ] && [ -S act.mgmt ] || fail "what systemd opened is gone"
	[ ! -e act/control ] || fail 'its own socket is left'
	rm -rf act act.mgmt
}
check 'sockets that systemd opened are taken, and left' activated

hangup() {
	switch_start hup
	"$TALK" "$T/hup.mgmt" 'debug/add sig\n' >/dev/null
	kill -HUP "$(pid_of hup)"
	sleep 0.2
	"$RAWVDE" "$T/hup" connect bind v3 send reply dconnect io
	end hup
}
check 'SIGHUP does not end it' hangup

unit() {
	unit=$top_builddir/switchd/lanbox-switch@.service
	mkdir units
	sed "s,^ExecStart=[^ ]*,ExecStart=$SWITCH," "$unit" >units/lanbox-switch@lan0.service
	systemd-analyze verify --man=no units/lanbox-switch@lan0.service >out 2>&1 ||
		fail "$(cat out)"
	grep -i 'lanbox' out && fail 'warnings'
	systemd-analyze security --offline=true --threshold=45 \
		units/lanbox-switch@lan0.service | tail -n 1
}
check 'the unit: systemd finds nothing wrong with it' unit

done_testing
