#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# sim.sh - The simulator's seeds, as many as SIM_EVENTS events have, and those kept in seeds/
src=$(cd "${top_srcdir:?}" && pwd) || exit 99
cd "$src/tests/sim/seeds" || exit 99
set -- "${SIM_EVENTS:+-n$SIM_EVENTS}" "-s${SIM_SEED:-1}" "-o${SIM_DIR:-${top_builddir:?}}"
[ -n "$1" ] || shift
exec "$top_builddir/tests/sim/sim" "$@" ./*.events
