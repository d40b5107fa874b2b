# SPDX-License-Identifier: BSD-2-Clause
# ids.sh - Whether each row of the catalogue's part on VMs has a case: see "ids"
#
# It runs none of them. A row without a case is a failure, and so is a case that is named and
# not there.
set -u
tests=${top_srcdir:?}/tests
number=0

# in_file FILE CASE: whether there is such a case.
in_file() {
	case $1 in
	*.c) grep -q "cmocka_unit_test[a-z_]*($2[,)]" "$tests/$1" ;;
	*) grep -q -F -e "check '$2" -e "check \"$2" -e "show '$2" "$tests/$1" ;;
	esac
}

# The rest of a row: what it is, and cases.
row() {
	missing='' cases=0
	grep -q "^[[:blank:]]*check '\(VM-[0-9]*, \)*$id[,:]" "$tests/guest/guest-hostile.sh" &&
		cases=1
	while [ -n "$rest" ]; do
		field=${rest%%|*}
		case $rest in *'|'*) rest=${rest#*|} ;; *) rest= ;; esac
		if in_file "${field%%: *}" "${field#*: }"; then
			cases=$((cases + 1))
		else
			missing="$missing $field;"
		fi
	done
	if [ -n "$missing" ]; then
		echo "not ok $number - $id: no such case:$missing"
	elif [ $cases -eq 0 ]; then
		echo "not ok $number - $id: $what: no case"
	else
		echo "ok $number - $id: $what ($cases)"
	fi
}

while IFS='|' read -r id what rest; do
	case $id in VM-*) ;; *) continue ;; esac
	number=$((number + 1))
	# None is left out.
	[ "$id" = "VM-$number" ] || { echo "Bail out! $id comes where VM-$number should"; exit 99; }
	row
done <"$tests/guest/ids"
echo "1..33"
