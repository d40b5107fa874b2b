# SPDX-License-Identifier: BSD-2-Clause
# netbench.sh - what the tables about networks are made with: streams, requests and
#               responses, and downloads, between a VM and the host or two VMs;
#               sourced by cases in place of lib.sh, whose VMs it uses.
#
# Looking whether a VM has an answer costs processes, and the emulated host has one
# or two processors for everything: as long as something is measured, nobody looks.
# Each figure goes to a file NAME.KIND, a line for each round; a table has medians.
# shellcheck shell=sh
. ./lib.sh

: "${rounds:=3}"	# odd
: "${length:=3}"	# seconds of a stream; requests take a third of it
megabytes=32		# of a download
memory=192		# MiB of a VM: a download is in the memory of both
kinds='there back 4there 4back rr1 rr1024 http'
results=$work/results
mkdir -p "$results"

# net_image - have rr-load in the VMs that are started from now on
net_image()
{
	mkdir -p net-extra/usr/bin
	cp /bin/rr-load net-extra/usr/bin
	(cd net-extra && find . | cpio -o -H newc 2>/dev/null) | cat "$INITRD" - >net.img
	INITRD=$work/net.img
	rm -r net-extra
}

# at VM|host SECONDS COMMAND - what COMMAND prints there; it takes SECONDS at least
at()
{
	if [ "$1" = host ]; then
		sh -c "$3"
	else
		vm_run "$1" "$3" 60 "$2"
	fi
}

# stream FROM ADDRESS OPTION... - Mbit/s of iperf3 from there
stream()
{
	from=$1
	command="iperf3 -c $2 -t $length -f m"
	shift 2
	at "$from" "$length" "$command $*" |
		awk '/receiver/ { mbit = $(NF - 2) } END { print mbit + 0 }'
}

# requests FROM ADDRESS SIZE - transactions in a second
requests()
{
	at "$1" $((length / 3)) "rr-load $2 5002 $3 $((length / 3))" |
		sed -n 's/^rate=\([0-9]*\).*/\1/p'
}

# download FROM ADDRESS SUM - Mbit/s of a file by HTTP, if it has this sum; otherwise 0
download()
{
	at "$1" 1 "read a x </proc/uptime; wget -q -O /file http://$2/file; \
		read b x </proc/uptime; echo took \$a \$b \$(md5sum </file); rm /file" |
		awk -v sum="$3" -v mb=$megabytes '/^took/ && $4 == sum {
			mbit = mb * 8.388608 / ($3 - $2) } END { print mbit + 0 }'
}

# serve VM - let it be asked by all of these
serve()
{
	vm_run "$1" "iperf3 -s -D; rr-load 5002 & mkdir /www; \
		head -c $((megabytes << 20)) /dev/urandom >/www/file; httpd -h /www" 60
	vm_run "$1" "md5sum </www/file" 30 | awk '{ print $1 }' >"$1.sum"
}

# measure NAME KIND... - a round of these, between NAME and who was named last to
# between()
measure()
{
	name=$1
	shift
	for kind; do
		case $kind in
		there) stream "$from" "$to" ;;
		back) stream "$from" "$to" -R ;;
		4there) stream "$from" "$to" -P 4 ;;
		4back) stream "$from" "$to" -P 4 -R ;;
		rr*) requests "$from" "$to" "${kind#rr}" ;;
		http) download "$from" "$to" "$(cat "$server.sum")" ;;
		esac >>"$results/$name.$kind"
	done
	echo "# $name: $(cd "$results" && for kind; do
		printf '%s %s  ' "$kind" "$(tail -n 1 "$name.$kind")"
	done)"
}

# vm_and_host NAME ADDRESS - measure between VM NAME, which was started, and the host,
# which has iperf3 at ADDRESS; then end it
vm_and_host()
{
	need "$1 boots" vm_boot "$1"
	from=$1 to=$2
	for _ in $(seq "$rounds"); do
		measure "$1" there back 4there 4back
	done
	vm_poweroff "$1"
}

# vm_alone NAME - the same within VM NAME, which was started, over its loopback: all that
# two stacks do, on one processor, and nothing in between
vm_alone()
{
	need "$1 boots" vm_boot "$1"
	serve "$1"
	from=$1 to=127.0.0.1 server=$1
	for _ in $(seq "$rounds"); do
		# shellcheck disable=SC2086 # several words
		measure "$1" $kinds
	done
	vm_poweroff "$1"
}

# vm_and_vm NAME ADDRESS - the same between VMs NAME and NAME-2, which has ADDRESS
vm_and_vm()
{
	need "$1 and another boot" vm_boot "$1" "$1-2"
	serve "$1-2"
	from=$1 to=$2 server=$1-2
	for _ in $(seq "$rounds"); do
		# shellcheck disable=SC2086 # several words
		measure "$1" $kinds
	done
	vm_poweroff "$1"
	vm_poweroff "$1-2"
}

# on_ours NAME [OPTION...] - the same between two VMs of ours on a switch of ours with these
# options
on_ours()
{
	name=$1
	shift
	start_switch -sock /tmp/lan "$@"
	start_vm "$name" 10.3.0.1 -m "$memory" -net nic -net vde,sock=/tmp/lan
	start_vm "$name-2" 10.3.0.2 -m "$memory" -net nic -net vde,sock=/tmp/lan
	vm_and_vm "$name" 10.3.0.2
	stop_switch
}

# median FILE - of an odd number of lines
median()
{
	sort -n "$1" | sed -n "$(((rounds + 1) / 2))p"
}

# table OURS NAME... - medians, and how many times the other's ours is
table()
{
	ours=$1
	printf '# | | 1 stream, there | back | 4, there | back | 1 B, requests/s | 1 KiB | HTTP |\n'
	printf '# | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n'
	for name; do
		printf '# | %s |' "$name"
		for kind in $kinds; do
			[ -s "$results/$name.$kind" ] || { printf ' – |'; continue; }
			awk -v have="$(median "$results/$name.$kind")" \
			    -v ours="$(median "$results/$ours.$kind")" \
			    -v same="$([ "$name" != "$ours" ] || echo 1)" 'BEGIN {
				printf " %.0f", have
				if (!same)
					printf " (%.1f)", have ? ours / have : 0
				printf " |"
			}'
		done
		echo
	done
}

# complete NAME... - does each figure of each of these say something?
complete()
{
	for name; do
		for file in "$results/$name".*; do
			[ "$(grep -c '^[1-9]' "$file")" -eq "$rounds" ] ||
				echo "${file##*/}: $(tr '\n' ' ' <"$file")"
		done
	done >incomplete
	cat incomplete
	[ ! -s incomplete ]
}
