# SPDX-License-Identifier: BSD-2-Clause
# hostile.sh - The switch's vhost-user ports with hostile front ends; and the switch
# killed under traffic
#
# The tests are rows of hostile.c, which starts the switch itself and says what
# became of it. Without ROWS all of them; RACE is how many seconds a race takes, and
# VU-61 kills the switch TIMES times, in LIMIT seconds at most (0 = however long it
# takes).
. "${top_srcdir:?}/tests/integration/lib.sh"

HOSTILE=$top_builddir/tests/vhost/hostile

is_vde_switch && skip_all 'vde_switch has no vhost-user ports'
[ -x "$HOSTILE" ] || { echo "Bail out! $HOSTILE is not built"; exit 99; }

# shellcheck disable=SC2086
"$HOSTILE" --start "$SWITCH" --race "${RACE:-1.5}" --times "${TIMES:-1000}" \
	--limit "${LIMIT:-20}" "$T/sw" ${ROWS:-}
