#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# man.sh - the manual pages are in order, and tell of every option there is
doc=$top_srcdir/doc
n=0

result()
{
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

if ! command -v mandoc >/dev/null; then
	echo "1..0 # SKIP no mandoc"
	exit 0
fi
for page in "$doc"/*.[178]; do
	out=$(mandoc -T lint -W warning "$page" 2>&1)
	result $? "${page##*/} has no fault"
	[ -z "$out" ] || echo "$out" | sed 's/^/# /'
done

# told PROGRAM PAGE OPTION... - each option of the help text is in the page
told()
{
	page=$2
	missing=
	for option in $3; do
		mandoc -T ascii "$doc/$page" | sed 's/.\x08//g' | grep -q -e "-$option\\>" ||
			missing="$missing $option"
	done
	[ -n "$3" ] && [ -z "$missing" ]
	result $? "$page tells of all options of $1"
	[ -z "$missing" ] || echo "# missing:$missing"
}
told lanbox-switchd lanbox-switchd.8 "$("$top_builddir/lanbox-switchd" --help |
	grep -o -e '--[a-z][a-z]*' | sort -u | tr -d -)"
told lanbox-vmm lanbox-vmm.1 "$("$top_builddir/lanbox-vmm" -help |
	sed -n 's/^  -\([a-z-]*\) .*/\1/p' | sort -u)"
told "lanbox capture" lanbox.1 "$("$top_builddir/lanbox" capture -h |
	sed -n 's/^  -\([a-z]\) .*/\1/p')"
echo "1..$n"
