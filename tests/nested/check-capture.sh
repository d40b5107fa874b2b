#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check-capture.sh - cases/capture.sh for make check
exec sh "$top_srcdir/tests/nested/nested" "$top_srcdir/tests/nested/cases/capture.sh"
