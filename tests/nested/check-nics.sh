#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check-nics.sh - cases/nics.sh for make check
exec sh "$top_srcdir/tests/nested/nested" "$top_srcdir/tests/nested/cases/nics.sh"
