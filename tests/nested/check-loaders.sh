#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check-loaders.sh - cases/loaders.sh for make check
exec sh "$top_srcdir/tests/nested/nested" "$top_srcdir/tests/nested/cases/loaders.sh"
