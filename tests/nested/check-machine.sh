#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check-machine.sh - cases/machine.sh for make check
exec sh "$top_srcdir/tests/nested/nested" "$top_srcdir/tests/nested/cases/machine.sh"
