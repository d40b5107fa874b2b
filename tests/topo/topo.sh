#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# topo.sh - All cases in the topology language; see README.md
src=$(cd "${top_srcdir:?}" && pwd) || exit 99
set --
for case in "$src"/tests/topo/cases/*/*.topo; do
	set -- "$@" "$case"
done
exec "${top_builddir:?}/tests/topo/topo" "$@"
