#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check-gdb.sh - cases/gdb.sh for make check
exec sh "$top_srcdir/tests/nested/nested" "$top_srcdir/tests/nested/cases/gdb.sh"
