#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check-peer-vde.sh - cases/peer-vde.sh for make check
exec sh "$top_srcdir/tests/nested/nested" "$top_srcdir/tests/nested/cases/peer-vde.sh"
