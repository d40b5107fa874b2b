/* SPDX-License-Identifier: BSD-2-Clause */
/* unit.h - What every unit test includes: cmocka and what it needs before it */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/compiler.h"

/* One group of tests, which is the program. */
#define UNIT_MAIN(tests) \
	int main(void) \
	{ \
		return cmocka_run_group_tests_name(__FILE__, tests, NULL, NULL); \
	}

/* What a command line leaves in memory is kept for as long as the process: no leak. */
#define UNIT_KEEPS_OPTIONS \
	const char *__lsan_default_suppressions(void); \
	const char *__lsan_default_suppressions(void) \
	{ \
		return "leak:options_parse\nleak:parse\nleak:vasprintf\n"; \
	}

#endif /* TESTS_UNIT_UNIT_H */
