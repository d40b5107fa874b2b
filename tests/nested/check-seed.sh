#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check-seed.sh - cases/seed.sh for make check
exec sh "$top_srcdir/tests/nested/nested" "$top_srcdir/tests/nested/cases/seed.sh"
