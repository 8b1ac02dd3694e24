/* SPDX-License-Identifier: ISC */
/* ocmd/backoff: how long a dead child waits for its next life. */
#include <check.h>
#include <stdlib.h>

#include "ocmd/backoff.h"
#include "run_suite.h"

enum { NOW = 1000000, LIMIT = 10 };

START_TEST(at_once_while_deaths_are_no_loop)
{
	struct backoff b = { 0 };
	int i;

	for (i = 0; i < LIMIT; i++)
		ck_assert_uint_eq(backoff_delay(&b, NOW, 0, LIMIT), 0);
	ck_assert_uint_eq(backoff_deaths(&b), LIMIT);
	ck_assert_uint_eq(backoff_delay(&b, NOW, 0, LIMIT),
	    BACKOFF_FIRST_MS);
	ck_assert_uint_eq(backoff_deaths(&b), LIMIT + 1);
}
END_TEST

START_TEST(slow_deaths_are_no_loop)
{
	struct backoff b = { 0 };
	int i;

	/* Ten in each ten seconds, for a long time. */
	for (i = 0; i < 1000; i++)
		ck_assert_uint_eq(backoff_delay(&b, NOW +
		    (uint64_t)i * 1000, 999, LIMIT), 0);
	ck_assert_uint_eq(backoff_deaths(&b), LIMIT);
	/* One more among them. */
	ck_assert_uint_eq(backoff_delay(&b, NOW + 999 * 1000, 1, LIMIT),
	    BACKOFF_FIRST_MS);
}
END_TEST

START_TEST(a_window_that_passed_is_empty)
{
	struct backoff b = { 0 };
	int i;

	for (i = 0; i < LIMIT; i++)
		(void)backoff_delay(&b, NOW, 0, LIMIT);
	ck_assert_uint_eq(backoff_delay(&b, NOW + 1000000, 0, LIMIT), 0);
	ck_assert_uint_eq(backoff_deaths(&b), 1);
}
END_TEST

START_TEST(doubling_up_to_the_slowest_step)
{
	static const uint32_t expected[] = { 100, 200, 400, 800, 1600, 3200,
	    5000, 5000, 5000 };
	struct backoff b = { 0 };
	uint64_t now = NOW;
	size_t i;

	for (i = 0; i < LIMIT; i++)
		(void)backoff_delay(&b, now, 0, LIMIT);
	for (i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		ck_assert_uint_eq(backoff_delay(&b, now, 1, LIMIT),
		    expected[i]);
		now += expected[i];
	}
	/* Two deaths in ten seconds by now, but it is still that loop. */
	ck_assert_uint_le(backoff_deaths(&b), 3);
}
END_TEST

START_TEST(ten_seconds_of_life_forget_the_past)
{
	struct backoff b = { 0 };
	uint64_t now = NOW;
	int i;

	for (i = 0; i < 20; i++)
		(void)backoff_delay(&b, now, 0, LIMIT);
	now += BACKOFF_FORGET_MS - 1;
	ck_assert_uint_eq(backoff_delay(&b, now, BACKOFF_FORGET_MS - 1,
	    LIMIT), BACKOFF_MAX_MS);
	now += BACKOFF_FORGET_MS;
	ck_assert_uint_eq(backoff_delay(&b, now, BACKOFF_FORGET_MS, LIMIT),
	    0);
	ck_assert_uint_eq(backoff_delay(&b, now, 0, LIMIT), 0);
	ck_assert_uint_eq(backoff_delay(&b, now, UINT64_MAX, LIMIT), 0);
}
END_TEST

START_TEST(no_limit_is_never_at_once)
{
	struct backoff b = { 0 };

	ck_assert_uint_eq(backoff_delay(&b, NOW, UINT64_MAX, 0),
	    BACKOFF_FIRST_MS);
	ck_assert_uint_eq(backoff_delay(&b, NOW, 0, 0), BACKOFF_FIRST_MS * 2);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("backoff");
	TCase *tc = tcase_create("delays");

	tcase_add_test(tc, at_once_while_deaths_are_no_loop);
	tcase_add_test(tc, slow_deaths_are_no_loop);
	tcase_add_test(tc, a_window_that_passed_is_empty);
	tcase_add_test(tc, doubling_up_to_the_slowest_step);
	tcase_add_test(tc, ten_seconds_of_life_forget_the_past);
	tcase_add_test(tc, no_limit_is_never_at_once);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
