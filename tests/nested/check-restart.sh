#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check-restart.sh - cases/restart.sh for make check
exec sh "$top_srcdir/tests/nested/nested" "$top_srcdir/tests/nested/cases/restart.sh"
