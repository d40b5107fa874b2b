#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# vring.sh - The model of the ring's wake-ups holds, and fails without any one of
#            the things that make it hold
: "${top_srcdir:?}"
command -v spin >/dev/null || { echo "1..0 # SKIP no spin here"; exit 0; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 99
n=0

# verify NAME: run the verifier with the macro NAME; its verdict is in $errors
verify() {
	rm -f pan*
	errors=
	spin -a ${1:+-D$1} "$top_srcdir/tests/model/vring.pml" >spin.log 2>&1 &&
		cc -O2 -DSAFETY -DCOLLAPSE -o pan pan.c >>spin.log 2>&1 &&
		errors=$(./pan -m1000000 2>>spin.log | tee -a spin.log |
			sed -n 's/.*errors: \([0-9]*\).*/\1/p')
	grep -q 'max search depth too small\|out of memory' spin.log && errors=
	[ -n "$errors" ] || sed 's/^/# /' spin.log
}

# result TEXT COMMAND...
result() {
	n=$((n + 1))
	text=$1
	shift
	if "$@"; then
		echo "ok $n - $text"
	else
		echo "not ok $n - $text"
		sed 's/^/# /' spin.log
	fi
}

verify ''
result "no wake-up is lost, no chain used twice" [ "$errors" = 0 ]
for mutation in NO_PUBLISH_FENCE NO_NOTIFY_FENCE NO_WANT_KICK_FENCE \
		NO_WANT_CALL_FENCE NO_RECHECK OFF_BY_ONE; do
	verify $mutation
	result "$mutation is found" [ "${errors:-0}" -gt 0 ]
done
echo "1..$n"
