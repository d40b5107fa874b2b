#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check-demo.sh - does the demo work?  It is what a newcomer sees first.
here=$top_srcdir/tests/nested
out=$(mktemp)
trap 'rm -f "$out"' EXIT

"$here/nested" --plain "$here/cases/demo.sh" >"$out" 2>&1
status=$?
if [ $status -eq 77 ]; then
	echo "1..0 # SKIP $(cat "$out")"
	exit 0
fi

echo 1..2
[ $status -eq 0 ] || printf "not "
echo "ok 1 - the demo's exit status is 0"
tail -n 1 "$out" | grep -q '^It works: ' || printf "not "
echo "ok 2 - the demo says that it works"
sed 's/^/# /' "$out"
