#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check-boot.sh - cases/boot.sh for make check
exec sh "$top_srcdir/tests/nested/nested" "$top_srcdir/tests/nested/cases/boot.sh"
