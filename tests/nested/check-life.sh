#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check-life.sh - cases/life.sh for make check
exec sh "$top_srcdir/tests/nested/nested" "$top_srcdir/tests/nested/cases/life.sh"
