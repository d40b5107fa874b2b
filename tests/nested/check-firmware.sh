#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check-firmware.sh - cases/firmware.sh for make check
exec sh "$top_srcdir/tests/nested/nested" "$top_srcdir/tests/nested/cases/firmware.sh"
