/* SPDX-License-Identifier: ISC */
/* What the main of a unit test ends with.  Included by check_*.c. */
#ifndef RUN_SUITE_H
#define RUN_SUITE_H

#include <check.h>

/* Runs it and frees it; the exit status. */
static int
run_suite(Suite *s)
{
	SRunner *sr = srunner_create(s);
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}

#endif
