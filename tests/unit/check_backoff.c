/* SPDX-License-Identifier: ISC */
/* ocmd/backoff: how long a dead child waits for its next life. */
#include <check.h>
#include <stdlib.h>

#include "ocmd/backoff.h"

START_TEST(at_once_then_doubling_up_to_the_limit)
{
	static const uint32_t expected[] = { 0, 100, 200, 400, 800, 1600,
	    3200, 5000, 5000, 5000 };
	struct backoff b = { 0 };
	size_t i;

	for (i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		ck_assert_uint_eq(backoff_delay(&b, 1), expected[i]);
}
END_TEST

START_TEST(ten_seconds_of_life_forget_the_past)
{
	struct backoff b = { 0 };
	int i;

	for (i = 0; i < 20; i++)
		(void)backoff_delay(&b, 0);
	ck_assert_uint_eq(backoff_delay(&b, BACKOFF_FORGET_MS - 1),
	    BACKOFF_MAX_MS);
	ck_assert_uint_eq(backoff_delay(&b, BACKOFF_FORGET_MS), 0);
	ck_assert_uint_eq(backoff_delay(&b, 0), BACKOFF_FIRST_MS);
	ck_assert_uint_eq(backoff_delay(&b, UINT64_MAX), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("backoff");
	TCase *tc = tcase_create("delays");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, at_once_then_doubling_up_to_the_limit);
	tcase_add_test(tc, ten_seconds_of_life_forget_the_past);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
