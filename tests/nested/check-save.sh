#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check-save.sh - cases/save.sh for make check
exec sh "$top_srcdir/tests/nested/nested" "$top_srcdir/tests/nested/cases/save.sh"
