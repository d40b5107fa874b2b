#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# offload.sh - what we make of big frames is what the Linux kernel makes of them
#
# Two taps on a bridge of the kernel, all in a network namespace of its own, which ends
# with the script; see segments.c. No switch of ours takes part.
. "${top_srcdir:?}/tests/integration/lib.sh"

requires ip unshare
requires_netns
cd "$T" || exit 99

SEGMENTS=$top_builddir/tests/integration/segments

echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
bridge='ageing_time 0 mcast_snooping 0 forward_delay 0 stp_state 0'
# shellcheck disable=SC2086 # a list of words
ip link add br0 type bridge $bridge 2>err || skip_all "no bridge here: $(cat err)"
ip tuntap add in0 mode tap vnet_hdr
ip tuntap add out0 mode tap
for tap in in0 out0; do
	ip link set $tap mtu 65521 txqueuelen 10000 master br0
	ip link set $tap up
done
ip link set br0 up
# Where the kernel filters bridged frames, it drops bent ones before it has cut them.
for file in /proc/sys/net/bridge/bridge-nf-call-*; do
	[ ! -w "$file" ] || echo 0 >"$file"
done

check 'frames of all kinds, byte by byte' "$SEGMENTS" in0 out0 2000 1
check 'frames with bent headers that we accept' "$SEGMENTS" --bent in0 out0 10000 2

done_testing
